/* Whatever count a process may say, no more is undone than was done. */

#include "actors/process/lent_refs.h"

#include <assert.h>
#include <stdlib.h>

typedef struct lent {
    troupe_ref_t *ref;
    uint64_t number;
    uint64_t n_said;
} lent_t;

void tr_lent_refs_init(tr_lent_refs_t *self)
{
    assert(self);
    *self = (tr_lent_refs_t){0};
    tr_idmap_init(&self->by_number);
    tr_idmap_init(&self->by_ref);
}

static uint64_t address_of(const troupe_ref_t *ref)
{
    return (uint64_t)(uintptr_t)ref;
}

static void forget(tr_lent_refs_t *self, lent_t *lent)
{
    tr_idmap_take(&self->by_number, lent->number);
    tr_idmap_take(&self->by_ref, address_of(lent->ref));
    troupe_ref_release(&lent->ref);
    free(lent);
}

void tr_lent_refs_finish(tr_lent_refs_t *self)
{
    assert(self);
    uint64_t number;
    lent_t *lent;
    while ((lent = tr_idmap_any(&self->by_number, &number)) != NULL) {
        forget(self, lent);
    }
    tr_idmap_finish(&self->by_number);
    tr_idmap_finish(&self->by_ref);
}

static lent_t *lend(tr_lent_refs_t *self, troupe_ref_t *ref)
{
    lent_t *lent = calloc(1, sizeof *lent);
    if (!lent) {
        return NULL;
    }
    lent->number = self->last_number + 1;
    if (tr_idmap_put(&self->by_number, lent->number, lent) != TROUPE_OK) {
        free(lent);
        return NULL;
    }
    if (tr_idmap_put(&self->by_ref, address_of(ref), lent) != TROUPE_OK) {
        tr_idmap_take(&self->by_number, lent->number);
        free(lent);
        return NULL;
    }
    lent->ref = troupe_ref_share(ref);
    self->last_number++;
    return lent;
}

uint64_t tr_lent_refs_say(tr_lent_refs_t *self, troupe_ref_t *ref)
{
    assert(self && ref);
    lent_t *lent = tr_idmap_get(&self->by_ref, address_of(ref));
    lent = lent ? lent : lend(self, ref);
    if (!lent) {
        return 0;
    }
    lent->n_said++;
    return lent->number;
}

troupe_ref_t *tr_lent_refs_get(const tr_lent_refs_t *self, uint64_t number)
{
    assert(self);
    const lent_t *lent = tr_idmap_get(&self->by_number, number);
    return lent ? lent->ref : NULL;
}

void tr_lent_refs_release(tr_lent_refs_t *self, uint64_t number, uint64_t count)
{
    assert(self);
    lent_t *lent = tr_idmap_get(&self->by_number, number);
    if (lent && count >= lent->n_said) {
        forget(self, lent);
    } else if (lent) {
        lent->n_said -= count;
    }
}
