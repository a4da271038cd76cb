/* mailbox/mail.h - a plain message to an actor, and all else that its `receive` takes */

#ifndef TROUPE_MAILBOX_MAIL_H
#define TROUPE_MAILBOX_MAIL_H

#include <troupe/actor.h>
#include <troupe/message.h>

#include "base/reason.h"
#include "mailbox/letter.h"
#include "mailbox/question.h"
#include "mailbox/ref.h"

typedef struct tr_mail {
    tr_letter_t letter;
    troupe_message_t *message; /* knows its mail */
    troupe_message_kind_t kind;
    troupe_ref_t *from;          /* a share, or NULL; of a notice: who went down */
    uint64_t to;                 /* which of those behind one mailbox; 0: its owner */
    troupe_question_t *question; /* a share, or NULL */
    bool is_urgent;              /* it lies, or has lain, in the urgent lane */
    uint64_t receipt;            /* how a process and its node call it; 0: they do not */
    int64_t handed_us;           /* when a process got it; 0: none has, or it is not traced */
    bool is_forwarded;           /* by the process that has it */
    uint64_t forwards;           /* the receipt of the one that it sends on; 0: of none */
    troupe_ref_t *whom;          /* one of those behind one mailbox: a share; or NULL */
    uint64_t number;             /* of a tick: its timer; of a notice: its monitor */
    uint64_t reader;             /* of a tick or notice: the life that it is for */
    bool is_link;                /* of a notice */
    bool is_settled;             /* of a notice: it is wanted, as was found before */
    tr_reason_t *reason;         /* of a notice; own, or NULL */
} tr_mail_t;

extern const tr_letter_type_t tr_mail_type;

/* Of kind TROUPE_MESSAGE_PLAIN, or that of its question (taken; may be NULL); from `from`
 * (shared; may be NULL). Takes the message (NULL inside: an empty one). NULL when out of
 * memory; the message and the question are gone then too. */
TROUPE_NODISCARD tr_mail_t *tr_mail_new(troupe_message_t **message_p, troupe_ref_t *from,
                                        troupe_question_t **question_p);

/* A notice numbered `id`, for that life of its reader, which lacks who went down, and why. NULL
 * when out of memory. */
TROUPE_NODISCARD tr_mail_t *tr_mail_notice_new(uint64_t reader, uint64_t id);

/* The mail in this letter, or NULL when it is none. */
tr_mail_t *tr_mail_in(tr_letter_t *letter);

/* Whether somebody has sent it: it is neither tick nor notice. */
bool tr_mail_is_sent(const tr_mail_t *self);

#endif
