/* base/idmap.h - from a number to what it stands for
 *
 * An open-addressing hash table from uint64_t to pointers. Removal leaves no tombstones (the
 * run behind is moved up), so a table that lives for months stays as quick as a new one.
 * Not thread-safe; does not own what it points to.
 */

#ifndef TROUPE_BASE_IDMAP_H
#define TROUPE_BASE_IDMAP_H

#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>

typedef struct tr_idmap_slot {
    uint64_t id;
    void *item; /* NULL: free */
} tr_idmap_slot_t;

typedef struct tr_idmap {
    tr_idmap_slot_t *slots;
    size_t n_slots; /* 0, or a power of two */
    size_t n_items;
    size_t looked_at; /* the slot at which tr_idmap_any goes on */
} tr_idmap_t;

void tr_idmap_init(tr_idmap_t *self);
void tr_idmap_finish(tr_idmap_t *self);

/* Put `item`, not NULL, under `id`. TROUPE_EXISTS when the id is taken, TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_idmap_put(tr_idmap_t *self, uint64_t id, void *item);

/* What is under `id`, or NULL. */
void *tr_idmap_get(const tr_idmap_t *self, uint64_t id);

/* Take out and return what is under `id`, or NULL. */
void *tr_idmap_take(tr_idmap_t *self, uint64_t id);

/* Any one item, or NULL when empty: for emptying a map in a loop. */
void *tr_idmap_any(tr_idmap_t *self, uint64_t *id_out);

#endif
