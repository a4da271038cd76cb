/* mailbox/question.h - the obligation to answer somebody who asked
 *
 * It travels with the message that asks, and is answered once: by whoever has it, or, when its
 * last holder lets go of it unanswered, by itself, as lost. Any thread.
 */

#ifndef TROUPE_MAILBOX_QUESTION_H
#define TROUPE_MAILBOX_QUESTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <troupe/actor.h>

#include "mailbox/mailbox.h"

struct troupe_question {
    atomic_uint holders;
    atomic_bool is_answered;
    tr_mailbox_t *reply_to; /* a share */
    uint64_t id;            /* as whoever asks has numbered it; comes back with the answer */
    int64_t deadline_ms;    /* nobody waits after that; TR_NEVER: however long */
    troupe_ref_t *whom;     /* was asked, as far as is known: a share, or NULL */
};

/* With one holder, of nobody yet. The answer, a final troupe_reply_t of that id, goes to the
 * user lane of `reply_to` (shared), so that it overtakes nothing that was sent before it. NULL
 * when out of memory. */
TROUPE_NODISCARD troupe_question_t *tr_question_new(tr_mailbox_t *reply_to, uint64_t id,
                                                    int64_t deadline_ms);

troupe_question_t *tr_question_share(troupe_question_t *self);

/* Let go of a share and set *self_p to NULL; NULL is fine. */
void tr_question_release(troupe_question_t **self_p);

/* Nobody waits any more: an answer that comes is dropped. */
void tr_question_forget(troupe_question_t *self);

/* Answer it, unless that has been done: false then. Takes the message (may be NULL, or NULL
 * inside). `text` may be NULL. */
bool tr_question_answer(troupe_question_t *self, troupe_outcome_t outcome, const char *text,
                        troupe_message_t **message_p);

#endif
