/* Names are found by a hash of 64 bits. Two names with the same one cannot both be children:
 * the second is refused as if memory had run out, which is likelier by far.
 */

#include "supervisors/children.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static bool is_due_before(const void *one, const void *other)
{
    return ((const tr_child_t *)one)->due_ms < ((const tr_child_t *)other)->due_ms;
}

static size_t *due_place_of(void *item)
{
    return &((tr_child_t *)item)->due_place;
}

/* FNV-1a. */
static uint64_t hash_of(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *c = name; *c; c++) {
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    }
    return hash;
}

void tr_children_init(tr_children_t *self)
{
    assert(self);
    *self = (tr_children_t){0};
    tr_idmap_init(&self->by_name);
    tr_idmap_init(&self->by_incarnation);
    tr_heap_init(&self->by_due, is_due_before, due_place_of);
}

void tr_children_finish(tr_children_t *self)
{
    assert(self);
    for (size_t i = 0; i < self->n; i++) {
        tr_heap_remove(&self->by_due, self->all[i]);
        tr_child_destroy(&self->all[i]);
    }
    free(self->all);
    tr_idmap_finish(&self->by_name);
    tr_idmap_finish(&self->by_incarnation);
    tr_heap_finish(&self->by_due);
}

static bool make_room(tr_children_t *self)
{
    if (self->n < self->n_room) {
        return true;
    }
    size_t n_room = self->n_room ? self->n_room * 2 : 8;
    tr_child_t **all = realloc(self->all, n_room * sizeof *all);
    if (all) {
        self->all = all;
        self->n_room = n_room;
    }
    return all != NULL;
}

tr_child_t *tr_children_add(tr_children_t *self, const tr_child_spec_t *spec, const char *name)
{
    assert(self && spec && name && !tr_children_named(self, name));
    tr_child_t *child = make_room(self) ? tr_child_new(spec, name) : NULL;
    if (!child) {
        return NULL;
    }
    if (tr_heap_push(&self->by_due, child) != TROUPE_OK ||
        tr_idmap_put(&self->by_name, hash_of(child->name), child) != TROUPE_OK) {
        tr_heap_remove(&self->by_due, child);
        tr_child_destroy(&child);
        return NULL;
    }
    self->all[self->n++] = child;
    return child;
}

void tr_children_remove(tr_children_t *self, tr_child_t *child)
{
    assert(self && child && !child->actor);
    size_t i = tr_children_index(self, child);
    memmove(&self->all[i], &self->all[i + 1], (self->n - i - 1) * sizeof(*self->all));
    self->n--;
    tr_idmap_take(&self->by_name, hash_of(child->name));
    tr_heap_remove(&self->by_due, child);
    tr_child_destroy(&child);
}

/* The place of a child among the first `n`, or `n`. */
static size_t place_among(tr_child_t *const *first, size_t n, const tr_child_t *child)
{
    size_t i = 0;
    while (i < n && first[i] != child) {
        i++;
    }
    return i;
}

void tr_children_order(tr_children_t *self, tr_child_t *const *first, size_t n)
{
    assert(self && n <= self->n);
    /* From the end: those that are not among the first keep their order behind them. */
    size_t end = self->n;
    for (size_t i = self->n; i-- > 0;) {
        if (place_among(first, n, self->all[i]) == n) {
            self->all[--end] = self->all[i];
        }
    }
    assert(end == n);
    for (size_t i = 0; i < n; i++) {
        self->all[i] = first[i];
    }
}

tr_child_t *tr_children_named(const tr_children_t *self, const char *name)
{
    assert(self && name);
    tr_child_t *child = tr_idmap_get(&self->by_name, hash_of(name));
    return child && strcmp(child->name, name) == 0 ? child : NULL;
}

tr_child_t *tr_children_living(const tr_children_t *self, uint64_t incarnation)
{
    return incarnation ? tr_idmap_get(&self->by_incarnation, incarnation) : NULL;
}

size_t tr_children_index(const tr_children_t *self, const tr_child_t *child)
{
    /* From the end: those that come and go are the last ones. */
    for (size_t i = self->n; i-- > 0;) {
        if (self->all[i] == child) {
            return i;
        }
    }
    assert(false); /* no child of this list */
    return 0;
}

troupe_status_t tr_children_born(tr_children_t *self, tr_child_t *child)
{
    troupe_status_t status = tr_idmap_put(&self->by_incarnation, child->incarnation, child);
    assert(status != TROUPE_EXISTS);
    return status;
}

void tr_children_died(tr_children_t *self, tr_child_t *child)
{
    tr_idmap_take(&self->by_incarnation, child->incarnation);
    tr_children_set_due(self, child, TR_NEVER);
}

void tr_children_set_due(tr_children_t *self, tr_child_t *child, int64_t due_ms)
{
    if (child->due_ms != due_ms) {
        /* Cannot fail: the place it leaves is the one it takes. */
        tr_heap_remove(&self->by_due, child);
        child->due_ms = due_ms;
        troupe_status_t status = tr_heap_push(&self->by_due, child);
        assert(status == TROUPE_OK);
        (void)status;
    }
}

tr_child_t *tr_children_first_due(const tr_children_t *self)
{
    return tr_heap_first(&self->by_due);
}
