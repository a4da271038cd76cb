/* Destroying an undelivered job only lets go of it: its router learns of the worker's end by
 * other ways. */

#include "mailbox/job.h"

#include <stdlib.h>

static void release_letter(tr_letter_t *letter)
{
    tr_job_t *self = tr_job_in(letter);
    tr_job_release(&self);
}

const tr_letter_type_t tr_job_type = {"job", release_letter};

tr_job_t *tr_job_new(tr_envelope_t *envelope, tr_mailbox_t *router, uint64_t number)
{
    assert(envelope && router && number > 0);
    tr_job_t *self = calloc(1, sizeof *self);
    if (self) {
        tr_letter_init(&self->letter, &tr_job_type, envelope->letter.bytes);
        atomic_init(&self->holders, 1);
        self->envelope = tr_envelope_share(envelope);
        self->router = tr_mailbox_share(router);
        self->number = number;
    }
    return self;
}

tr_job_t *tr_job_share(tr_job_t *self)
{
    assert(self);
    atomic_fetch_add_explicit(&self->holders, 1, memory_order_relaxed);
    return self;
}

void tr_job_release(tr_job_t **self_p)
{
    assert(self_p);
    tr_job_t *self = *self_p;
    *self_p = NULL;
    if (self && atomic_fetch_sub_explicit(&self->holders, 1, memory_order_acq_rel) == 1) {
        tr_envelope_release(&self->envelope);
        tr_mailbox_release(&self->router);
        free(self);
    }
}

tr_job_t *tr_job_in(tr_letter_t *letter)
{
    assert(letter);
    return letter->type == &tr_job_type ? (tr_job_t *)letter : NULL;
}
