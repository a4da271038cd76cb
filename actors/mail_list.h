/* actors/mail_list.h - messages in the order in which they came
 *
 * The list runs through the letters themselves and owns them. One thread owns it.
 */

#ifndef TROUPE_ACTORS_MAIL_LIST_H
#define TROUPE_ACTORS_MAIL_LIST_H

#include "mailbox/mail.h"

typedef struct tr_mail_list {
    tr_mail_t *first;
    tr_mail_t *last;
    size_t n;
} tr_mail_list_t;

/* Takes the mail. */
void tr_mail_list_append(tr_mail_list_t *self, tr_mail_t *mail);
void tr_mail_list_prepend(tr_mail_list_t *self, tr_mail_t *mail);

/* Take the first one; NULL when there is none. */
tr_mail_t *tr_mail_list_next(tr_mail_list_t *self);

/* The one of that receipt, borrowed; or NULL. */
tr_mail_t *tr_mail_list_get(const tr_mail_list_t *self, uint64_t receipt);

/* Take it; NULL when there is none. */
tr_mail_t *tr_mail_list_take(tr_mail_list_t *self, uint64_t receipt);

#endif
