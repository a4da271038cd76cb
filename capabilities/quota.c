/* The count lies in the map's own slot, as the pointer that it would hold. */

#include "capabilities/quota.h"

#include <assert.h>
#include <stdbool.h>

void tr_quota_init(tr_quota_t *self, size_t most)
{
    assert(self);
    *self = (tr_quota_t){.most = most};
    tr_idmap_init(&self->counts);
}

void tr_quota_finish(tr_quota_t *self)
{
    assert(self && self->counts.n_items == 0);
    tr_idmap_finish(&self->counts);
}

void tr_quota_change(tr_quota_t *self, size_t most)
{
    assert(self);
    if (most == 0) {
        tr_idmap_finish(&self->counts);
        tr_idmap_init(&self->counts);
    }
    self->most = most;
}

troupe_status_t tr_quota_note(tr_quota_t *self, uint64_t peer)
{
    assert(self && self->most > 0);
    size_t count = (size_t)(uintptr_t)tr_idmap_take(&self->counts, peer);
    return tr_idmap_put(&self->counts, peer, (void *)(uintptr_t)(count + 1));
}

troupe_status_t tr_quota_take(tr_quota_t *self, uint64_t peer)
{
    assert(self);
    if (self->most == 0) {
        return TROUPE_OK;
    }
    size_t count = (size_t)(uintptr_t)tr_idmap_take(&self->counts, peer);
    bool has_room = count < self->most;
    troupe_status_t status =
        tr_idmap_put(&self->counts, peer, (void *)(uintptr_t)(has_room ? count + 1 : count));
    return !has_room ? TROUPE_LIMIT : status;
}

void tr_quota_give(tr_quota_t *self, uint64_t peer)
{
    assert(self);
    size_t count = self->most ? (size_t)(uintptr_t)tr_idmap_take(&self->counts, peer) : 0;
    assert(self->most == 0 || count > 0);
    if (count > 1) {
        /* There is room: a place has just become free. */
        troupe_status_t status =
            tr_idmap_put(&self->counts, peer, (void *)(uintptr_t)(count - 1));
        assert(status == TROUPE_OK);
        (void)status;
    }
}
