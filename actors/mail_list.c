/* What is looked for is among the first few: messages are settled about as they came. */

#include "actors/mail_list.h"

#include <assert.h>

static tr_mail_t *after(const tr_mail_t *mail)
{
    return (tr_mail_t *)mail->letter.next;
}

void tr_mail_list_append(tr_mail_list_t *self, tr_mail_t *mail)
{
    assert(self && mail);
    mail->letter.next = NULL;
    if (self->last) {
        self->last->letter.next = &mail->letter;
    } else {
        self->first = mail;
    }
    self->last = mail;
    self->n++;
}

void tr_mail_list_prepend(tr_mail_list_t *self, tr_mail_t *mail)
{
    assert(self && mail);
    mail->letter.next = self->first ? &self->first->letter : NULL;
    self->first = mail;
    self->last = self->last ? self->last : mail;
    self->n++;
}

/* Takes out what follows `previous`; NULL: the first. */
static tr_mail_t *take_after(tr_mail_list_t *self, tr_mail_t *previous)
{
    tr_mail_t *mail = previous ? after(previous) : self->first;
    if (previous) {
        previous->letter.next = mail->letter.next;
    } else {
        self->first = after(mail);
    }
    self->last = self->last == mail ? previous : self->last;
    mail->letter.next = NULL;
    self->n--;
    return mail;
}

tr_mail_t *tr_mail_list_next(tr_mail_list_t *self)
{
    assert(self);
    return self->first ? take_after(self, NULL) : NULL;
}

tr_mail_t *tr_mail_list_get(const tr_mail_list_t *self, uint64_t receipt)
{
    assert(self);
    tr_mail_t *mail = self->first;
    while (mail && mail->receipt != receipt) {
        mail = after(mail);
    }
    return mail;
}

tr_mail_t *tr_mail_list_take(tr_mail_list_t *self, uint64_t receipt)
{
    assert(self);
    tr_mail_t *previous = NULL;
    for (tr_mail_t *mail = self->first; mail; mail = after(mail)) {
        if (mail->receipt == receipt) {
            return take_after(self, previous);
        }
        previous = mail;
    }
    return NULL;
}
