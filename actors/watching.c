/* A link is kept by the references of the two that it ties: in each, the other one is who
 * watches. Whoever hears that the other has ended takes the way back out of its own.
 */

#include "actors/watching.h"

#include <assert.h>

void tr_watching_init(tr_watching_t *self, tr_mailbox_t *mailbox, troupe_ref_t *ref,
                      uint64_t incarnation)
{
    assert(self && mailbox);
    *self = (tr_watching_t){.mailbox = mailbox, .ref = ref, .incarnation = incarnation};
    tr_idmap_init(&self->open);
}

void tr_watching_finish(tr_watching_t *self)
{
    assert(self);
    uint64_t id;
    while (tr_idmap_any(&self->open, &id)) {
        tr_watching_stop(self, id);
    }
    tr_idmap_finish(&self->open);
}

troupe_status_t tr_watching_monitor(tr_watching_t *self, troupe_ref_t *whom, uint64_t id)
{
    assert(self && whom);
    troupe_status_t status = tr_idmap_put(&self->open, id, whom);
    if (status != TROUPE_OK) {
        return status;
    }
    troupe_ref_share(whom);
    status = tr_ref_watch(whom, self->mailbox, self->incarnation, id, false);
    if (status != TROUPE_OK) {
        tr_idmap_take(&self->open, id);
        troupe_ref_release(&whom);
    }
    return status;
}

bool tr_watching_stop(tr_watching_t *self, uint64_t id)
{
    assert(self);
    troupe_ref_t *whom = tr_idmap_take(&self->open, id);
    if (!whom) {
        return false;
    }
    tr_ref_unwatch(whom, self->mailbox, id);
    troupe_ref_release(&whom);
    return true;
}

troupe_status_t tr_watching_link(tr_watching_t *self, troupe_ref_t *whom)
{
    assert(self && self->ref && whom);
    if (tr_ref_is_linked(whom, self->mailbox, self->ref->number)) {
        return TROUPE_OK;
    }
    uint64_t life = tr_ref_incarnation(whom);
    troupe_status_t status = tr_ref_watch(self->ref, whom->mailbox, life, whom->number, true);
    if (status == TROUPE_OK) {
        status = tr_ref_watch(whom, self->mailbox, self->incarnation, self->ref->number, true);
        if (status != TROUPE_OK) {
            tr_ref_unwatch_links(self->ref, whom->mailbox, whom->number);
        }
    }
    return status;
}

void tr_watching_unlink(tr_watching_t *self, troupe_ref_t *whom)
{
    assert(self && self->ref && whom);
    tr_ref_unwatch_links(whom, self->mailbox, self->ref->number);
    tr_ref_unwatch_links(self->ref, whom->mailbox, whom->number);
}

bool tr_watching_take(tr_watching_t *self, const tr_mail_t *notice)
{
    assert(self && notice);
    if (notice->is_link) { /* the way back is there as long as nobody has untied them */
        bool is_tied = tr_ref_is_linked(self->ref, notice->from->mailbox, notice->from->number);
        tr_ref_unwatch_links(self->ref, notice->from->mailbox, notice->from->number);
        return is_tied && (notice->reader == 0 || notice->reader == self->incarnation);
    }
    troupe_ref_t *whom =
        notice->reader == self->incarnation ? tr_idmap_take(&self->open, notice->number) : NULL;
    bool is_wanted = whom != NULL;
    troupe_ref_release(&whom);
    return is_wanted;
}
