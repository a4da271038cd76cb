/* mailbox/job.h - one dispatch of a request to one worker
 *
 * The router makes a job for each attempt; a lost worker's late answer then belongs to a job
 * that the router no longer knows. Shared by the router and the worker; behind the public name
 * it is what a handler has in its hands. The fields of each side are that side's alone; the
 * atomics are for both.
 */

#ifndef TROUPE_MAILBOX_JOB_H
#define TROUPE_MAILBOX_JOB_H

#include <troupe/behaviour.h>

#include "mailbox/envelope.h"

struct troupe_request {
    tr_letter_t letter;
    atomic_uint holders;
    tr_envelope_t *envelope;       /* a share */
    tr_mailbox_t *router;          /* a share: where the answers go */
    uint64_t number;               /* unique in its router */
    _Atomic(int64_t) cancelled_ms; /* when nobody waited any more; 0: somebody does */

    /* the router's */
    void *member; /* NULL: the router is done with it */
    tr_job_t *next;
    tr_job_t *previous;

    /* the worker's */
    troupe_worker_t *worker;
    tr_job_t *next_kept;
    tr_job_t *previous_kept;
    bool is_kept;
    bool is_finished;
};

extern const tr_letter_type_t tr_job_type;

/* A job for `envelope` (shared) whose answers go to `router` (shared). Its one share is the
 * caller's. NULL when out of memory. */
TROUPE_NODISCARD tr_job_t *tr_job_new(tr_envelope_t *envelope, tr_mailbox_t *router,
                                      uint64_t number);

tr_job_t *tr_job_share(tr_job_t *self);
void tr_job_release(tr_job_t **self_p);

/* The job in this letter, or NULL when it is none; the letter's share becomes the caller's. */
tr_job_t *tr_job_in(tr_letter_t *letter);

#endif
