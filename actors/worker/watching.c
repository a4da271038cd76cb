/* Links are kept by the references of the two that they tie. */

#include "actors/worker/watching.h"

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
    for (size_t i = 0; i < self->open.n_slots; i++) {
        troupe_ref_t *whom = self->open.slots[i].item;
        if (whom) {
            tr_ref_unwatch_all(whom, self->mailbox, self->incarnation);
            troupe_ref_release(&whom);
        }
    }
    tr_idmap_finish(&self->open);
}

/* False when there was none. */
static bool forget(tr_watching_t *self, uint64_t id)
{
    troupe_ref_t *whom = tr_idmap_take(&self->open, id);
    bool was_open = whom != NULL;
    troupe_ref_release(&whom);
    return was_open;
}

troupe_status_t tr_watching_note(tr_watching_t *self, troupe_ref_t *whom, uint64_t id)
{
    assert(self && whom);
    troupe_status_t status = tr_idmap_put(&self->open, id, whom);
    if (status == TROUPE_OK) {
        troupe_ref_share(whom);
    }
    return status;
}

troupe_ref_t *tr_watching_whom(const tr_watching_t *self, uint64_t id)
{
    assert(self);
    return tr_idmap_get(&self->open, id);
}

troupe_status_t tr_watching_monitor(tr_watching_t *self, troupe_ref_t *whom, uint64_t id)
{
    troupe_status_t status = tr_watching_note(self, whom, id);
    if (status == TROUPE_OK &&
        (status = tr_ref_watch(whom, self->mailbox, self->incarnation, id)) != TROUPE_OK) {
        forget(self, id);
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
    return tr_ref_link(self->ref, self->incarnation, whom);
}

void tr_watching_unlink(tr_watching_t *self, troupe_ref_t *whom)
{
    assert(self && self->ref && whom);
    tr_ref_unlink(self->ref, whom);
}

bool tr_watching_take(tr_watching_t *self, const tr_mail_t *notice)
{
    assert(self && notice);
    if (notice->is_link) {
        return tr_ref_untie(self->ref, notice->number);
    }
    return forget(self, notice->number);
}

tr_reason_t tr_watching_reason_to_fall(const tr_mail_t *notice)
{
    assert(notice && notice->is_link);
    char shown[TR_REASON_TEXT];
    return tr_reason_format(TROUPE_REASON_FAILED, "linked to %.80s, which ended: %.150s",
                            troupe_ref_name(notice->from),
                            tr_reason_show(notice->reason, shown, sizeof shown));
}
