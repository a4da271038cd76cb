/* Every move of an item goes through `put`, so that places are always true. */

#include "base/heap.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

void tr_heap_init(tr_heap_t *self, tr_heap_before_fn *before, tr_heap_place_fn *place_of)
{
    assert(self && before && place_of);
    *self = (tr_heap_t){.before = before, .place_of = place_of};
}

void tr_heap_finish(tr_heap_t *self)
{
    assert(self);
    free(self->items);
    self->items = NULL;
    self->n_items = self->n_room = 0;
}

static void put(tr_heap_t *self, size_t place, void *item)
{
    self->items[place] = item;
    *self->place_of(item) = place;
}

static void sift_up(tr_heap_t *self, size_t place)
{
    void *item = self->items[place];
    while (place > 0) {
        size_t parent = (place - 1) / 2;
        if (!self->before(item, self->items[parent])) {
            break;
        }
        put(self, place, self->items[parent]);
        place = parent;
    }
    put(self, place, item);
}

static void sift_down(tr_heap_t *self, size_t place)
{
    void *item = self->items[place];
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= self->n_items) {
            break;
        }
        if (child + 1 < self->n_items &&
            self->before(self->items[child + 1], self->items[child])) {
            child++;
        }
        if (!self->before(self->items[child], item)) {
            break;
        }
        put(self, place, self->items[child]);
        place = child;
    }
    put(self, place, item);
}

troupe_status_t tr_heap_push(tr_heap_t *self, void *item)
{
    assert(self && item && *self->place_of(item) == TR_HEAP_NOWHERE);
    if (self->n_items == self->n_room) {
        size_t n_room = self->n_room ? self->n_room * 2 : 16;
        void **items = realloc(self->items, n_room * sizeof *items);
        if (!items) {
            return TROUPE_ERR_NOMEM;
        }
        self->items = items;
        self->n_room = n_room;
    }
    put(self, self->n_items++, item);
    sift_up(self, self->n_items - 1);
    return TROUPE_OK;
}

void *tr_heap_first(const tr_heap_t *self)
{
    assert(self);
    return self->n_items ? self->items[0] : NULL;
}

void tr_heap_remove(tr_heap_t *self, void *item)
{
    assert(self && item);
    size_t place = *self->place_of(item);
    if (place == TR_HEAP_NOWHERE) {
        return;
    }
    assert(place < self->n_items && self->items[place] == item);
    void *last = self->items[--self->n_items];
    *self->place_of(item) = TR_HEAP_NOWHERE;
    if (last != item) {
        put(self, place, last);
        sift_down(self, place);
        sift_up(self, *self->place_of(last));
    }
}
