/* mailbox/job.h - one dispatch of a request to one worker
 *
 * The router makes a job for each attempt; a lost worker's late answer then belongs to a job
 * that the router no longer knows. Shared by the router and the worker; behind the public name
 * it is what a handler has in its hands. The fields of each side are that side's alone; the
 * atomics are for both.
 *
 * Jobs that are to be served together travel in one letter, a batch. They are given and taken
 * back as one unit of work, which their first job, the head, keeps the books of.
 */

#ifndef TROUPE_MAILBOX_JOB_H
#define TROUPE_MAILBOX_JOB_H

#include <troupe/behaviour.h>

#include "mailbox/envelope.h"

/* In the order of who touches it, since its worker mostly is on another processor than its
 * router: what a worker needs of a plain request is in front. */
struct troupe_request {
    tr_letter_t letter;
    atomic_uint holders;
    bool is_kept;            /* the worker's */
    bool is_finished;        /* the worker's */
    tr_envelope_t *envelope; /* a share: what is asked for, and the flow of its parts */
    tr_mailbox_t *router;    /* where the answers go: the envelope's, or a share */
    troupe_worker_t *worker; /* the worker's */
    int64_t pace_us; /* how long the worker took for what it did before; TR_NEVER: not said */
    uint64_t number; /* unique in its router */
    uint64_t unit;   /* number of the first of its batch: what pulses go by */
    _Atomic(int64_t) cancelled_ms; /* when nobody waited any more; 0: somebody does */
    _Atomic(int64_t) deadline_ms;  /* of whoever waits longest; may be moved on */

    /* the worker's, of streams and of what it keeps */
    tr_flow_spent_t spent;
    uint64_t told;           /* parts that a process was allowed */
    troupe_room_fn *on_room; /* NULL: does not wait for room */
    void *on_room_arg;
    tr_job_t *next_kept;
    tr_job_t *previous_kept;

    /* the router's */
    void *member;        /* NULL: the router is done with it */
    tr_envelope_t *lead; /* a share: the request that it runs for; NULL: nobody waits */
    tr_job_t *head;      /* the first of its batch, of which others have a share; or itself */
    size_t n_unfinished; /* of a head: jobs of the batch that the worker still has */
    size_t n_awaited;    /* of a head: those of them for which somebody waits */
    tr_job_t *next;
    tr_job_t *previous;
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

/* Say that nobody waits for it any more, and wake its worker if that waits for room. */
void tr_job_flag_cancelled(tr_job_t *self, int64_t now_ms);

/* Several jobs for one call of handle_batch. */
typedef struct tr_batch {
    tr_letter_t letter;
    size_t n_jobs;
    tr_job_t *jobs[]; /* a share of each; NULL: taken out */
} tr_batch_t;

extern const tr_letter_type_t tr_batch_type;

/* With room for `n_room` jobs, and none yet. NULL when out of memory. */
TROUPE_NODISCARD tr_batch_t *tr_batch_new(size_t n_room);

/* Add a job; takes the share. */
void tr_batch_add(tr_batch_t *self, tr_job_t *job);

/* Free it with the shares that are still in it. */
void tr_batch_destroy(tr_batch_t **self_p);

/* The batch in this letter, the caller's from now on; or NULL when it is none. */
tr_batch_t *tr_batch_in(tr_letter_t *letter);

#endif
