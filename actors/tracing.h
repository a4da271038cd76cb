/* actors/tracing.h - what a traced actor takes and sends, told as events
 *
 * An operator says which actors are traced. Of the others it costs a relaxed load a message.
 */

#ifndef TROUPE_ACTORS_TRACING_H
#define TROUPE_ACTORS_TRACING_H

#include "actors/actor.h"
#include "base/clock.h"
#include "mailbox/mail.h"

static inline bool tr_tracing_is_on(const tr_self_t *self)
{
    return atomic_load_explicit(&self->ref->is_traced, memory_order_relaxed);
}

/* A message in hand, whatever becomes of its mail. */
typedef struct tr_traced {
    troupe_ref_t *from; /* a share, or NULL */
    troupe_message_kind_t kind;
    size_t bytes;
    int64_t begun_us;
} tr_traced_t;

/* It was taken. */
void tr_tracing_begin(tr_traced_t *traced, const tr_mail_t *mail);

/* Tell that it was, and what became of it; the share goes. */
void tr_tracing_end(tr_traced_t *traced, const tr_self_t *self, const char *what_became);

/* A process gets it, and may take it. */
static inline void tr_tracing_hand_over(const tr_self_t *self, tr_mail_t *mail)
{
    mail->handed_us = tr_tracing_is_on(self) ? tr_clock_now_us() : 0;
}

/* It was taken there, if it is traced: tell that, and what became of it. Should it be taken
 * again, that begins now. */
void tr_tracing_take_back(const tr_self_t *self, tr_mail_t *mail, const char *what_became);

/* Tell that it is sent to the actor of that name. */
void tr_tracing_tell_sent(const tr_self_t *self, const char *to, const tr_mail_t *mail);

#endif
