/* Events of this kind are not kept: they would drive out all others. */

#include "actors/tracing.h"

static const char *kind_name(troupe_message_kind_t kind)
{
    static const char *const names[] = {[TROUPE_MESSAGE_PLAIN] = "plain",
                                        [TROUPE_MESSAGE_ASK] = "ask",
                                        [TROUPE_MESSAGE_TICK] = "tick",
                                        [TROUPE_MESSAGE_DOWN] = "down"};
    return names[kind];
}

static const char *name_of(const troupe_ref_t *ref)
{
    return ref ? ref->name : "";
}

void tr_tracing_begin(tr_traced_t *traced, const tr_mail_t *mail)
{
    *traced = (tr_traced_t){.from = mail->from ? troupe_ref_share(mail->from) : NULL,
                            .kind = mail->kind,
                            .bytes = troupe_message_bytes(mail->message),
                            .begun_us = tr_clock_now_us()};
}

static void tell_taken(const tr_self_t *self, const tr_traced_t *traced, const char *became)
{
    tr_event_live(
        self->runtime->events, TR_LOG_DEBUG, "message", TR_TEXT("to", self->name),
        TR_TEXT("from", name_of(traced->from)), TR_TEXT("kind", kind_name(traced->kind)),
        TR_NUMBER("bytes", (int64_t)traced->bytes),
        TR_NUMBER("took_us", tr_clock_now_us() - traced->begun_us), TR_TEXT("became", became));
}

void tr_tracing_end(tr_traced_t *traced, const tr_self_t *self, const char *what_became)
{
    tell_taken(self, traced, what_became);
    troupe_ref_release(&traced->from);
}

void tr_tracing_take_back(const tr_self_t *self, tr_mail_t *mail, const char *what_became)
{
    if (mail->handed_us > 0) {
        tell_taken(self,
                   &(tr_traced_t){.from = mail->from,
                                  .kind = mail->kind,
                                  .bytes = troupe_message_bytes(mail->message),
                                  .begun_us = mail->handed_us},
                   what_became);
        tr_tracing_hand_over(self, mail);
    }
}

void tr_tracing_tell_sent(const tr_self_t *self, const char *to, const tr_mail_t *mail)
{
    tr_event_live(self->runtime->events, TR_LOG_DEBUG, "message_sent",
                  TR_TEXT("from", self->name), TR_TEXT("to", to),
                  TR_TEXT("kind", kind_name(mail->kind)),
                  TR_NUMBER("bytes", (int64_t)troupe_message_bytes(mail->message)));
}
