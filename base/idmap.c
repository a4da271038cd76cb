/* Linear probing at most three quarters full. */

#include "base/idmap.h"

#include <assert.h>
#include <stdlib.h>

void tr_idmap_init(tr_idmap_t *self)
{
    assert(self);
    *self = (tr_idmap_t){0};
}

void tr_idmap_finish(tr_idmap_t *self)
{
    assert(self);
    free(self->slots);
    *self = (tr_idmap_t){0};
}

/* Ids come in sequences and may be chosen by peers: the multiplication spreads them. */
static size_t home_of(const tr_idmap_t *self, uint64_t id)
{
    uint64_t mixed = (id ^ (id >> 32)) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(mixed >> 17) & (self->n_slots - 1);
}

static tr_idmap_slot_t *find(const tr_idmap_t *self, uint64_t id)
{
    size_t i = home_of(self, id);
    while (self->slots[i].item && self->slots[i].id != id) {
        i = (i + 1) & (self->n_slots - 1);
    }
    return &self->slots[i];
}

static troupe_status_t grow(tr_idmap_t *self)
{
    tr_idmap_t larger = {.n_slots = self->n_slots ? self->n_slots * 2 : 16};
    larger.slots = calloc(larger.n_slots, sizeof *larger.slots);
    if (!larger.slots) {
        return TROUPE_ERR_NOMEM;
    }
    for (size_t i = 0; i < self->n_slots; i++) {
        if (self->slots[i].item) {
            *find(&larger, self->slots[i].id) = self->slots[i];
        }
    }
    larger.n_items = self->n_items;
    free(self->slots);
    *self = larger;
    return TROUPE_OK;
}

troupe_status_t tr_idmap_put(tr_idmap_t *self, uint64_t id, void *item)
{
    assert(self && item);
    if ((self->n_items + 1) * 4 > self->n_slots * 3 && grow(self) != TROUPE_OK) {
        return TROUPE_ERR_NOMEM;
    }
    tr_idmap_slot_t *slot = find(self, id);
    if (slot->item) {
        return TROUPE_EXISTS;
    }
    *slot = (tr_idmap_slot_t){id, item};
    self->n_items++;
    return TROUPE_OK;
}

void *tr_idmap_get(const tr_idmap_t *self, uint64_t id)
{
    assert(self);
    return self->n_slots ? find(self, id)->item : NULL;
}

/* Close the gap at `hole` with whatever behind it may live there. */
static void close_gap(tr_idmap_t *self, size_t hole)
{
    size_t mask = self->n_slots - 1;
    for (size_t i = (hole + 1) & mask; self->slots[i].item; i = (i + 1) & mask) {
        size_t home = home_of(self, self->slots[i].id);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            self->slots[hole] = self->slots[i];
            hole = i;
        }
    }
    self->slots[hole].item = NULL;
}

void *tr_idmap_take(tr_idmap_t *self, uint64_t id)
{
    assert(self);
    if (self->n_slots == 0) {
        return NULL;
    }
    tr_idmap_slot_t *slot = find(self, id);
    void *item = slot->item;
    if (item) {
        close_gap(self, (size_t)(slot - self->slots));
        self->n_items--;
    }
    return item;
}

/* It goes on where it was last: to empty a map is to walk through it once or twice. */
void *tr_idmap_any(tr_idmap_t *self, uint64_t *id_out)
{
    assert(self && id_out);
    for (size_t n = 0; n < self->n_slots && self->n_items; n++) {
        tr_idmap_slot_t *slot = &self->slots[self->looked_at];
        if (slot->item) {
            *id_out = slot->id;
            return slot->item;
        }
        self->looked_at = (self->looked_at + 1) & (self->n_slots - 1);
    }
    return NULL;
}
