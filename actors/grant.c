/* A letter that nobody takes is destroyed by the mailbox it was in; a grant that was given is
 * sent home then instead, once: when the governor itself is gone, so is its charge.
 */

#include "actors/grant.h"

#include <assert.h>
#include <stdlib.h>

static void let_go(tr_letter_t *letter)
{
    tr_grant_t *self = (tr_grant_t *)letter;
    if (self->state == TR_GRANT_GIVEN) {
        tr_grant_return(&self);
    } else {
        tr_grant_destroy(&self);
    }
}

const tr_letter_type_t tr_grant_type = {"grant", let_go};

tr_grant_t *tr_grant_new(uint64_t number, tr_mailbox_t *governor, tr_mailbox_t *pool)
{
    assert(governor && pool);
    tr_grant_t *self = calloc(1, sizeof *self);
    if (self) {
        tr_letter_init(&self->letter, &tr_grant_type, sizeof *self);
        self->number = number;
        self->governor = tr_mailbox_share(governor);
        self->pool = tr_mailbox_share(pool);
        self->evict_cost = 1;
    }
    return self;
}

void tr_grant_destroy(tr_grant_t **self_p)
{
    assert(self_p);
    tr_grant_t *self = *self_p;
    if (self) {
        tr_mailbox_release(&self->governor);
        tr_mailbox_release(&self->pool);
        free(self);
        *self_p = NULL;
    }
}

/* Takes it. */
static troupe_status_t send(tr_grant_t *self, tr_mailbox_t *to)
{
    tr_mailbox_t *receiver =
        tr_mailbox_share(to); /* the letter may be gone before the call is */
    tr_letter_t *letter = &self->letter;
    troupe_status_t status = tr_mailbox_post_answer(receiver, TR_LANE_CONTROL, &letter);
    if (status != TROUPE_OK) {
        tr_letter_destroy(&letter);
    }
    tr_mailbox_release(&receiver);
    return status;
}

troupe_status_t tr_grant_ask(tr_grant_t **self_p)
{
    assert(self_p && *self_p && (*self_p)->state == TR_GRANT_ASKED);
    tr_grant_t *self = *self_p;
    *self_p = NULL;
    return send(self, self->governor);
}

void tr_grant_answer(tr_grant_t **self_p)
{
    assert(self_p && *self_p);
    tr_grant_t *self = *self_p;
    assert(self->state == TR_GRANT_GIVEN || self->state == TR_GRANT_REFUSED);
    *self_p = NULL;
    (void)send(self, self->pool); /* whether anybody reads it or not, it knows its way */
}

void tr_grant_return(tr_grant_t **self_p)
{
    assert(self_p);
    tr_grant_t *self = *self_p;
    *self_p = NULL;
    if (!self) {
        return;
    }
    if (self->state != TR_GRANT_GIVEN) {
        tr_grant_destroy(&self);
        return;
    }
    self->state = TR_GRANT_RETURNED;
    (void)send(self, self->governor);
}

tr_grant_t *tr_grant_in(tr_letter_t *letter)
{
    return letter->type == &tr_grant_type ? (tr_grant_t *)letter : NULL;
}

bool tr_amounts_are_none(const tr_amounts_t *amounts)
{
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        if (amounts->of[i] > 0) {
            return false;
        }
    }
    return true;
}
