/* base/lineup.h - what comes first, where most comes in order already
 *
 * Items that come in order form a list through themselves, to whose end one more is put and out
 * of which any one is taken without a search. The few that come out of order stand in a heap
 * beside it. So deadlines that are all equally far away, or numbers that count up, cost next to
 * nothing, and any other order costs what a heap does.
 *
 * Pure; not thread-safe.
 */

#ifndef TROUPE_BASE_LINEUP_H
#define TROUPE_BASE_LINEUP_H

#include "base/heap.h"

/* An item's own place, which it must begin as TR_LINEUP_NOWHERE. */
typedef struct tr_lineup_place {
    void *before;
    void *behind;
    size_t stray; /* in the heap */
    bool is_in;
} tr_lineup_place_t;

#define TR_LINEUP_NOWHERE ((tr_lineup_place_t){.stray = TR_HEAP_NOWHERE})

typedef tr_lineup_place_t *(tr_lineup_place_fn)(void *item);

typedef struct tr_lineup {
    void *first; /* of the list */
    void *last;
    tr_heap_t strays;
    size_t n_items;
    tr_heap_before_fn *before;
    tr_lineup_place_fn *place_of;
} tr_lineup_t;

/* An empty line-up. `stray_of` gives the address of `stray` in the place of an item. */
void tr_lineup_init(tr_lineup_t *self, tr_heap_before_fn *before, tr_lineup_place_fn *place_of,
                    tr_heap_place_fn *stray_of);

/* Free the line-up, not its items. */
void tr_lineup_finish(tr_lineup_t *self);

/* Add an item that is in no line-up by this place. Of equals the earlier comes first, as long
 * as none of them is a stray. Cannot fail: a stray for which there is no memory costs a search.
 */
void tr_lineup_push(tr_lineup_t *self, void *item);

/* The first item, still inside; NULL when empty. */
void *tr_lineup_first(const tr_lineup_t *self);

/* Take an item out, wherever it is; one that is not inside is fine. */
void tr_lineup_remove(tr_lineup_t *self, void *item);

/* Call `visit (arg, item)` for each item, in no order. It must not change the line-up. */
void tr_lineup_each(const tr_lineup_t *self, void (*visit)(void *arg, void *item), void *arg);

#endif
