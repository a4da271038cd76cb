/* actors/worker/worker.h - the actor that runs a behaviour
 *
 * Serves the jobs of a router, takes messages, answers pings between two callbacks. While a
 * callback runs, its pulse speaks for it, on whatever thread that is: one that is inline is
 * carried by those who call it.
 */

#ifndef TROUPE_ACTORS_WORKER_WORKER_H
#define TROUPE_ACTORS_WORKER_WORKER_H

#include <troupe/behaviour.h>

#include "actors/actor.h"
#include "actors/worker/args.h"
#include "actors/worker/asks.h"
#include "actors/worker/errands.h"
#include "actors/worker/timers.h"
#include "actors/worker/watching.h"
#include "mailbox/job.h"

/* What a worker runs. Borrowed: outlives every worker. */
typedef struct tr_worker_plan {
    const troupe_behaviour_t *behaviour;
    troupe_args_t args;
    int64_t idle_after_ms;      /* ready with nothing to do for so long is idle */
    bool is_lasting;            /* what waits in its mailbox waits for its next life */
    tr_mailbox_limits_t limits; /* of its mailbox; zero: the default */
    const char *known_as;       /* to whom it talks to, if not by the name it is started with */
    size_t spawns;              /* children of its own, about so many; 0: none */
} tr_worker_plan_t;

/* Of an actor's mailbox, unless its plan says otherwise. */
#define TR_WORKER_MAILBOX_LIMITS ((tr_mailbox_limits_t){100000, (size_t)1 << 30})

/* The longest name that a child can have. */
#define TR_CHILD_NAME_MAX 64

/* What is aside and comes again after the callback. */
typedef enum tr_put_back { TR_PUT_BACK_NONE, TR_PUT_BACK_FIRST, TR_PUT_BACK_ALL } tr_put_back_t;

struct troupe_worker {
    tr_self_t *self;
    const tr_worker_plan_t *plan;
    void *state;   /* the behaviour's */
    bool is_begun; /* init succeeded, so terminate is due */
    bool is_stopping;
    bool is_done; /* wants to end when its callback has returned */
    tr_reason_t stop_reason;
    int64_t ready_since_ms;
    int64_t took_us; /* its last callback; TR_NEVER: there was none */
    tr_job_t *kept;  /* jobs kept beyond it */
    tr_errands_t errands;
    uint64_t last_number; /* of a call, ask, timer or monitor: no other life has it either */
    tr_asks_t asks;
    tr_timers_t timers; /* those of asks too, under their numbers */
    tr_watching_t watching;
    struct {
        tr_mail_t *mail; /* of `receive`; NULL: another callback runs, or none */
        bool is_stashed;
        bool is_forwarded;
    } in_hand;
    tr_put_back_t put_back;
    uint64_t n_spawned; /* children that it has not named */
    char explanation[TR_REASON_TEXT];
};

/* For whoever moves a worker itself; the argument of begin is a tr_worker_plan_t. */
extern const tr_actor_class_t tr_worker_class;

/* A tr_start_fn: `what` is a tr_worker_plan_t. */
TROUPE_NODISCARD troupe_status_t tr_worker_start(const tr_birth_t *birth, tr_actor_t **out);

/* The same of a worker that shares the threads of those who call it. */
TROUPE_NODISCARD troupe_status_t tr_inline_worker_start(const tr_birth_t *birth,
                                                        tr_actor_t **out);

/* A number that no other call, ask, timer or monitor has. */
uint64_t tr_worker_next_number(troupe_worker_t *self);

bool tr_worker_is_inline(const troupe_worker_t *self);

/* Whether nobody waits for `job` any more at that time. */
bool tr_request_is_cancelled_by(const tr_job_t *job, int64_t now_ms);

/* Send the final answer of `job` to its router: once. Takes the message (NULL for none). */
void tr_request_finish(tr_job_t *job, troupe_outcome_t outcome, const char *text,
                       troupe_message_t **message_p, bool is_worker_broken);

/* Give a job that was not begun back to its router, which may give it to another worker. Takes
 * the share and sets *job_p to NULL. */
void tr_request_hand_back(tr_job_t **job_p);

/* The same for what is in a letter, a job or a batch. Takes the letter; false when it is
 * neither, and still the caller's. */
bool tr_request_hand_back_letter(tr_letter_t *letter);

#endif
