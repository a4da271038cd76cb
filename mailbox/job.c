/* Destroying an undelivered job only lets go of it: its router learns of the worker's end by
 * other ways. */

#include "mailbox/job.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/slab.h"

static void release_letter(tr_letter_t *letter)
{
    tr_job_t *self = tr_job_in(letter);
    tr_job_release(&self);
}

const tr_letter_type_t tr_job_type = {"job", release_letter};

tr_job_t *tr_job_new(tr_envelope_t *envelope, tr_mailbox_t *router, uint64_t number)
{
    assert(envelope && router && number > 0);
    tr_job_t *self = tr_slab_alloc(sizeof *self);
    if (self) {
        memset(self, 0, sizeof *self);
        tr_letter_init(&self->letter, &tr_job_type, envelope->letter.bytes);
        atomic_init(&self->holders, 1);
        atomic_init(&self->deadline_ms, envelope->deadline_ms);
        self->envelope = tr_envelope_share(envelope);
        self->router = router == envelope->router ? router : tr_mailbox_share(router);
        self->number = self->unit = number;
        self->head = self;
        self->pace_us = TR_NEVER;
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
        assert(!self->lead && self->head == self);
        if (self->router != self->envelope->router) {
            tr_mailbox_release(&self->router);
        }
        tr_envelope_release(&self->envelope);
        tr_slab_free(self, sizeof *self);
    }
}

tr_job_t *tr_job_in(tr_letter_t *letter)
{
    assert(letter);
    return letter->type == &tr_job_type ? (tr_job_t *)letter : NULL;
}

void tr_job_flag_cancelled(tr_job_t *self, int64_t now_ms)
{
    assert(self);
    atomic_store(&self->cancelled_ms, now_ms);
    tr_flow_ring(&self->envelope->flow);
}

/* ---- batches ---- */

static void destroy_batch(tr_letter_t *letter)
{
    tr_batch_t *self = tr_batch_in(letter);
    tr_batch_destroy(&self);
}

const tr_letter_type_t tr_batch_type = {"batch", destroy_batch};

tr_batch_t *tr_batch_new(size_t n_room)
{
    assert(n_room > 0);
    tr_batch_t *self = malloc(sizeof *self + n_room * sizeof(tr_job_t *));
    if (self) {
        tr_letter_init(&self->letter, &tr_batch_type, sizeof *self);
        self->n_jobs = 0;
    }
    return self;
}

void tr_batch_add(tr_batch_t *self, tr_job_t *job)
{
    assert(self && job);
    self->letter.bytes += job->letter.bytes;
    self->jobs[self->n_jobs++] = job;
}

void tr_batch_destroy(tr_batch_t **self_p)
{
    assert(self_p);
    tr_batch_t *self = *self_p;
    *self_p = NULL;
    for (size_t i = 0; self && i < self->n_jobs; i++) {
        tr_job_release(&self->jobs[i]);
    }
    free(self);
}

tr_batch_t *tr_batch_in(tr_letter_t *letter)
{
    assert(letter);
    return letter->type == &tr_batch_type ? (tr_batch_t *)letter : NULL;
}
