/* The list is always in order: what does not belong at its end goes into the heap, or, when
 * there is no memory for that, to its place in the list by a search.
 */

#include "base/lineup.h"

#include <assert.h>

void tr_lineup_init(tr_lineup_t *self, tr_heap_before_fn *before, tr_lineup_place_fn *place_of,
                    tr_heap_place_fn *stray_of)
{
    assert(self && before && place_of && stray_of);
    *self = (tr_lineup_t){.before = before, .place_of = place_of};
    tr_heap_init(&self->strays, before, stray_of);
}

void tr_lineup_finish(tr_lineup_t *self)
{
    assert(self);
    tr_heap_finish(&self->strays);
    self->first = self->last = NULL;
    self->n_items = 0;
}

static void put_behind(tr_lineup_t *self, void *before, void *item, tr_lineup_place_t *place)
{
    void **behind = before ? &self->place_of(before)->behind : &self->first;
    place->before = before;
    place->behind = *behind;
    *(place->behind ? &self->place_of(place->behind)->before : &self->last) = item;
    *behind = item;
}

/* The last in the list that `item` does not come before. */
static void *search_place(const tr_lineup_t *self, const void *item)
{
    void *before = self->last;
    while (before && self->before(item, before)) {
        before = self->place_of(before)->before;
    }
    return before;
}

void tr_lineup_push(tr_lineup_t *self, void *item)
{
    assert(self && item);
    tr_lineup_place_t *place = self->place_of(item);
    assert(!place->is_in && place->stray == TR_HEAP_NOWHERE);
    bool is_stray = self->last && self->before(item, self->last);
    if (!is_stray) {
        put_behind(self, self->last, item, place);
    } else if (tr_heap_push(&self->strays, item) != TROUPE_OK) {
        put_behind(self, search_place(self, item), item, place);
    }
    place->is_in = true;
    self->n_items++;
}

void *tr_lineup_first(const tr_lineup_t *self)
{
    assert(self);
    void *stray = tr_heap_first(&self->strays);
    return stray && (!self->first || self->before(stray, self->first)) ? stray : self->first;
}

void tr_lineup_remove(tr_lineup_t *self, void *item)
{
    assert(self && item);
    tr_lineup_place_t *place = self->place_of(item);
    if (!place->is_in) {
        return;
    }
    if (place->stray != TR_HEAP_NOWHERE) {
        tr_heap_remove(&self->strays, item);
    } else {
        *(place->before ? &self->place_of(place->before)->behind : &self->first) =
            place->behind;
        *(place->behind ? &self->place_of(place->behind)->before : &self->last) = place->before;
    }
    *place = TR_LINEUP_NOWHERE;
    self->n_items--;
}

void tr_lineup_each(const tr_lineup_t *self, void (*visit)(void *arg, void *item), void *arg)
{
    assert(self && visit);
    for (void *item = self->first; item; item = self->place_of(item)->behind) {
        visit(arg, item);
    }
    for (size_t i = 0; i < self->strays.n_items; i++) {
        visit(arg, self->strays.items[i]);
    }
}
