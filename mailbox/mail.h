/* mailbox/mail.h - a plain message to an actor */

#ifndef TROUPE_MAILBOX_MAIL_H
#define TROUPE_MAILBOX_MAIL_H

#include <troupe/message.h>

#include "mailbox/letter.h"

typedef struct tr_mail {
    tr_letter_t letter;
    troupe_message_t *message;
} tr_mail_t;

extern const tr_letter_type_t tr_mail_type;

/* Takes the message (NULL inside: an empty one). NULL when out of memory; the message is gone
 * then too. */
TROUPE_NODISCARD tr_mail_t *tr_mail_new(troupe_message_t **message_p);

#endif
