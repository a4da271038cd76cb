/* base/heap.h - what comes first, with removal from the middle
 *
 * A binary heap of pointers. Each item remembers its own place (through `place_of`), so that
 * taking out an item that is not at the top costs no search. Pure; not thread-safe.
 */

#ifndef TROUPE_BASE_HEAP_H
#define TROUPE_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>

/* The place of an item that is in no heap. */
#define TR_HEAP_NOWHERE SIZE_MAX

typedef bool(tr_heap_before_fn)(const void *one, const void *other);
typedef size_t *(tr_heap_place_fn)(void *item);

typedef struct tr_heap {
    void **items;
    size_t n_items;
    size_t n_room;
    tr_heap_before_fn *before;
    tr_heap_place_fn *place_of;
} tr_heap_t;

/* An empty heap. Items that are in no heap must say TR_HEAP_NOWHERE as their place. */
void tr_heap_init(tr_heap_t *self, tr_heap_before_fn *before, tr_heap_place_fn *place_of);

/* Free the heap, not its items. */
void tr_heap_finish(tr_heap_t *self);

/* Add an item that is in no heap of this kind. TROUPE_ERR_NOMEM adds nothing. */
TROUPE_NODISCARD troupe_status_t tr_heap_push(tr_heap_t *self, void *item);

/* The first item, still inside; NULL when empty. */
void *tr_heap_first(const tr_heap_t *self);

/* Take an item out, wherever it is; one that is not inside is fine. */
void tr_heap_remove(tr_heap_t *self, void *item);

#endif
