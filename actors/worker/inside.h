/* actors/worker/inside.h - the inside of a worker, for its files
 *
 * worker.c is the class; callback.c what is around each callback, serving.c requests, mail.c
 * messages, ticks and notices, checks.c looks from outside. What behaviours call is in
 * request.c and talk.c.
 */

#ifndef TROUPE_ACTORS_WORKER_INSIDE_H
#define TROUPE_ACTORS_WORKER_INSIDE_H

#include "actors/worker/worker.h"
#include "actors/worker/worker_state.h"
#include "mailbox/mail.h"

/* ---- callback.c ---- */

/* False when the supervisor has written this worker off: it must end. */
bool tr_worker_move_to(troupe_worker_t *worker, tr_worker_state_t state);

static inline bool tr_worker_is_abandoned(const troupe_worker_t *worker)
{
    return atomic_load(&worker->self->pulse->is_abandoned) != 0;
}

/* It is broken, as it may have explained, else by `what`: it ends. */
void tr_worker_fail(troupe_worker_t *worker, const char *what);

/* The job is not kept any more; its share is the caller's. */
void tr_worker_unlink_kept(troupe_worker_t *worker, tr_job_t *job);

/* Leave the mailbox, and come back. A callback may not return: then somebody else is moved in
 * meanwhile. */
void tr_worker_step_out(troupe_worker_t *worker);
void tr_worker_step_in(troupe_worker_t *worker);

/* A callback begins, about the job of that number, the first of several; 0: about none. Steps
 * out. */
void tr_worker_begin_callback(troupe_worker_t *worker, uint64_t running, int64_t until_ms);

/* It has come back, the worker has stepped in, and `verdict` was answered; non-zero: the worker
 * is broken, as it may have explained, else by `what`. */
void tr_worker_conclude(troupe_worker_t *worker, int verdict, const char *what);

/* ---- serving.c ---- */

/* Take the worker's share of the job, or the batch. */
void tr_worker_serve(troupe_worker_t *worker, tr_job_t *job);
void tr_worker_serve_batch(troupe_worker_t *worker, tr_batch_t *batch);

/* A kept request that waits for room has some, or is not wanted any more. */
void tr_worker_go_on(troupe_worker_t *worker, uint64_t number);

/* What another capability answered. Takes the reply. */
void tr_worker_take_errand_answer(troupe_worker_t *worker, const tr_errand_t *errand,
                                  troupe_reply_t *reply);

/* ---- mail.c ---- */

/* Takes the mail. */
void tr_worker_receive_mail(troupe_worker_t *worker, tr_mail_t *mail);

/* Whether timers tick: those of a suspended actor wait. */
bool tr_worker_may_tick(const troupe_worker_t *worker);

/* All that are due tick. One that is started meanwhile waits for the next round, even if it is
 * due at once. */
void tr_worker_tick(troupe_worker_t *worker);

/* What another actor answered. It may have waited until nobody waits for it any more. */
void tr_worker_take_ask_answer(troupe_worker_t *worker, const troupe_reply_t *reply);

/* In a process: what was not begun is the node's again, and so is its question. Takes the
 * mail. */
void tr_worker_give_back(const tr_self_t *self, tr_mail_t *mail);

/* ---- checks.c ---- */

/* The deep check. */
void tr_worker_probe(troupe_worker_t *worker);

/* Say to whoever asks what it has inside. */
void tr_worker_inspect(troupe_worker_t *worker, const tr_control_t *word);

#endif
