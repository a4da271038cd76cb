/* As an envelope answers by itself when it is forgotten, so does a question. */

#include "mailbox/question.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "mailbox/ref.h"
#include "mailbox/reply.h"

troupe_question_t *tr_question_new(tr_mailbox_t *reply_to, uint64_t id, int64_t deadline_ms)
{
    assert(reply_to);
    troupe_question_t *self = malloc(sizeof *self);
    if (self) {
        *self = (troupe_question_t){.id = id, .deadline_ms = deadline_ms};
        atomic_init(&self->holders, 1);
        self->reply_to = tr_mailbox_share(reply_to);
    }
    return self;
}

troupe_question_t *tr_question_share(troupe_question_t *self)
{
    assert(self);
    atomic_fetch_add_explicit(&self->holders, 1, memory_order_relaxed);
    return self;
}

static void answer_as_lost(troupe_question_t *self)
{
    char text[200];
    snprintf(text, sizeof text, "%.120s has let go of the question without an answer",
             self->whom ? troupe_ref_name(self->whom) : "whoever was asked");
    tr_question_answer(self, TROUPE_OUTCOME_WORKER_LOST, text, NULL);
}

void tr_question_release(troupe_question_t **self_p)
{
    assert(self_p);
    troupe_question_t *self = *self_p;
    *self_p = NULL;
    if (!self || atomic_fetch_sub_explicit(&self->holders, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (!atomic_load(&self->is_answered)) {
        answer_as_lost(self);
    }
    troupe_ref_release(&self->whom);
    tr_mailbox_release(&self->reply_to);
    free(self);
}

bool tr_question_answer(troupe_question_t *self, troupe_outcome_t outcome, const char *text,
                        troupe_message_t **message_p)
{
    assert(self);
    if (atomic_exchange(&self->is_answered, true)) {
        if (message_p) {
            troupe_message_destroy(message_p);
        }
        return false;
    }
    troupe_reply_t *reply = tr_reply_new(self->id, true, outcome, text, message_p);
    if (reply) {
        tr_letter_t *letter = &reply->letter;
        if (tr_mailbox_post_answer(self->reply_to, TR_LANE_USER, &letter) != TROUPE_OK) {
            tr_letter_destroy(&letter);
        }
    }
    return true;
}

void tr_question_forget(troupe_question_t *self)
{
    assert(self);
    atomic_store(&self->is_answered, true);
}

bool troupe_question_is_awaited(const troupe_question_t *self)
{
    return self && !atomic_load(&self->is_answered) && tr_clock_now_ms() < self->deadline_ms;
}

void troupe_question_answer(troupe_question_t **self_p, troupe_message_t **answer_p)
{
    assert(self_p && answer_p);
    if (*self_p) {
        tr_question_answer(*self_p, TROUPE_OUTCOME_OK, NULL, answer_p);
        tr_question_release(self_p);
    } else {
        troupe_message_destroy(answer_p);
    }
}

void troupe_question_refuse(troupe_question_t **self_p, const char *text)
{
    assert(self_p);
    if (*self_p) {
        tr_question_answer(*self_p, TROUPE_OUTCOME_WORKER_ERROR, text, NULL);
        tr_question_release(self_p);
    }
}
