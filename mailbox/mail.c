/* The simplest letter. */

#include "mailbox/mail.h"

#include <stdlib.h>

static void destroy(tr_letter_t *letter)
{
    tr_mail_t *self = (tr_mail_t *)letter;
    troupe_message_destroy(&self->message);
    free(self);
}

const tr_letter_type_t tr_mail_type = {"message", destroy};

tr_mail_t *tr_mail_new(troupe_message_t **message_p)
{
    assert(message_p);
    troupe_message_t *message = *message_p ? *message_p : troupe_message_new();
    *message_p = NULL;
    tr_mail_t *self = message ? malloc(sizeof *self) : NULL;
    if (!self) {
        troupe_message_destroy(&message);
        return NULL;
    }
    tr_letter_init(&self->letter, &tr_mail_type, sizeof *self + troupe_message_bytes(message));
    self->message = message;
    return self;
}
