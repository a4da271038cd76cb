/* The simplest letter. */

#include "mailbox/mail.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/slab.h"
#include "mailbox/message.h"

static void destroy(tr_letter_t *letter)
{
    tr_mail_t *self = (tr_mail_t *)letter;
    troupe_message_destroy(&self->message);
    troupe_ref_release(&self->from);
    troupe_ref_release(&self->whom);
    tr_question_release(&self->question);
    free(self->reason);
    tr_slab_free(self, sizeof *self);
}

const tr_letter_type_t tr_mail_type = {"message", destroy};

tr_mail_t *tr_mail_new(troupe_message_t **message_p, troupe_ref_t *from,
                       troupe_question_t **question_p)
{
    assert(message_p);
    troupe_message_t *message = *message_p ? *message_p : troupe_message_new();
    *message_p = NULL;
    troupe_question_t *question = question_p ? *question_p : NULL;
    tr_mail_t *self = message ? tr_slab_alloc(sizeof *self) : NULL;
    if (question_p) {
        *question_p = NULL;
    }
    if (!self) {
        troupe_message_destroy(&message);
        tr_question_release(&question);
        return NULL;
    }
    *self = (tr_mail_t){.message = message,
                        .kind = question ? TROUPE_MESSAGE_ASK : TROUPE_MESSAGE_PLAIN,
                        .from = from ? troupe_ref_share(from) : NULL,
                        .question = question};
    tr_letter_init(&self->letter, &tr_mail_type, sizeof *self + troupe_message_bytes(message));
    message->mail = self;
    return self;
}

tr_mail_t *tr_mail_notice_new(uint64_t reader, uint64_t id)
{
    troupe_message_t *nothing = NULL;
    tr_reason_t *reason = calloc(1, sizeof *reason);
    tr_mail_t *self = reason ? tr_mail_new(&nothing, NULL, NULL) : NULL;
    if (!self) {
        free(reason);
        return NULL;
    }
    self->kind = TROUPE_MESSAGE_DOWN;
    self->number = id;
    self->reader = reader;
    self->reason = reason;
    return self;
}

tr_mail_t *tr_mail_in(tr_letter_t *letter)
{
    assert(letter);
    return letter->type == &tr_mail_type ? (tr_mail_t *)letter : NULL;
}

bool tr_mail_is_sent(const tr_mail_t *self)
{
    assert(self);
    return self->kind == TROUPE_MESSAGE_PLAIN || self->kind == TROUPE_MESSAGE_ASK;
}

/* ---- what `receive` may ask a message ---- */

troupe_message_kind_t troupe_message_kind(const troupe_message_t *self)
{
    assert(self);
    return self->mail ? self->mail->kind : TROUPE_MESSAGE_PLAIN;
}

troupe_ref_t *troupe_message_sender(const troupe_message_t *self)
{
    assert(self);
    return self->mail ? self->mail->from : NULL;
}

uint64_t troupe_message_number(const troupe_message_t *self)
{
    assert(self);
    return self->mail ? self->mail->number : 0;
}

troupe_reason_t troupe_message_reason(const troupe_message_t *self)
{
    assert(self);
    static const tr_reason_t none = {.kind = TROUPE_REASON_NORMAL};
    return tr_reason_view(self->mail && self->mail->reason ? self->mail->reason : &none);
}

int64_t troupe_message_remaining_ms(const troupe_message_t *self)
{
    assert(self);
    if (!self->mail || !self->mail->question) {
        return 0;
    }
    int64_t left_ms = self->mail->question->deadline_ms - tr_clock_now_ms();
    return left_ms > 0 ? left_ms : 0;
}
