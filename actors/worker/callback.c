/* Around each callback: what can be read from outside while it runs, who is in the mailbox
 * meanwhile, and what becomes of a worker that it leaves broken, done or given up.
 */

#include "actors/worker/inside.h"

#include "base/clock.h"

/* ---- states ---- */

bool tr_worker_move_to(troupe_worker_t *worker, tr_worker_state_t state)
{
    if (tr_worker_state_try(&worker->self->pulse->state, state)) {
        return true;
    }
    tr_worker_state_t now = (tr_worker_state_t)atomic_load(&worker->self->pulse->state);
    if (now != TR_WORKER_HUNG && now != TR_WORKER_DEAD) {
        tr_worker_state_move(&worker->self->pulse->state, state, worker->self->name);
    }
    return false;
}

void tr_worker_fail(troupe_worker_t *worker, const char *what)
{
    tr_reason_t reason = tr_reason_format(TROUPE_REASON_FAILED, "%.200s",
                                          worker->explanation[0] ? worker->explanation : what);
    tr_worker_move_to(worker, TR_WORKER_FAILED);
    tr_self_end(worker->self, &reason);
}

/* ---- kept jobs ---- */

void tr_worker_unlink_kept(troupe_worker_t *worker, tr_job_t *job)
{
    if (job->previous_kept) {
        job->previous_kept->next_kept = job->next_kept;
    } else {
        worker->kept = job->next_kept;
    }
    if (job->next_kept) {
        job->next_kept->previous_kept = job->previous_kept;
    }
    job->is_kept = false;
}

/* After each callback: kept jobs that it finished may go now. */
static void release_finished(troupe_worker_t *worker)
{
    for (tr_job_t *job = worker->kept; job;) {
        tr_job_t *next = job->next_kept;
        if (job->is_finished) {
            tr_worker_unlink_kept(worker, job);
            atomic_fetch_add_explicit(&worker->self->pulse->n_done, 1, memory_order_relaxed);
            tr_job_release(&job);
        }
        job = next;
    }
}

/* ---- one callback ---- */

void tr_worker_step_out(troupe_worker_t *worker)
{
    if (worker->plan->is_lasting) {
        tr_mailbox_step_out(worker->self->mailbox, worker->self->incarnation);
    }
}

void tr_worker_step_in(troupe_worker_t *worker)
{
    if (worker->plan->is_lasting &&
        !tr_mailbox_step_in(worker->self->mailbox, worker->self->incarnation)) {
        tr_reason_t reason = tr_reason_of(TROUPE_REASON_HUNG);
        worker->self->is_moved_out = true;
        tr_self_end(worker->self, &reason);
    } else if (worker->put_back == TR_PUT_BACK_ALL) {
        tr_mailbox_put_back(worker->self->mailbox);
    } else if (worker->put_back == TR_PUT_BACK_FIRST) {
        tr_mailbox_put_back_first(worker->self->mailbox);
    }
    worker->put_back = TR_PUT_BACK_NONE;
}

void tr_worker_begin_callback(troupe_worker_t *worker, uint64_t running, int64_t until_ms)
{
    tr_mailbox_leave_next(); /* it may not return, and nobody is to wait for that */
    tr_pulse_t *pulse = worker->self->pulse;
    int64_t now = worker->self->now.ms;
    atomic_store_explicit(&pulse->progress_ms, now, memory_order_relaxed);
    atomic_store_explicit(&pulse->running_until_ms, until_ms, memory_order_relaxed);
    atomic_store_explicit(&pulse->running, running, memory_order_relaxed);
    atomic_store_explicit(&pulse->running_since_ms, now, memory_order_release);
    worker->explanation[0] = '\0';
    if (!worker->is_stopping) {
        tr_worker_move_to(worker, TR_WORKER_PROCESSING);
    }
    tr_worker_step_out(worker);
}

static void note_end(troupe_worker_t *worker)
{
    tr_pulse_t *pulse = worker->self->pulse;
    atomic_store_explicit(&pulse->running, 0, memory_order_relaxed);
    atomic_store_explicit(&pulse->running_since_ms, 0, memory_order_release);
    release_finished(worker);
    int64_t begun_us = worker->self->now.us;
    worker->self->now = tr_clock_read();
    worker->took_us = worker->self->now.us - begun_us;
    worker->ready_since_ms = worker->self->now.ms;
    if (!worker->is_stopping) {
        tr_worker_move_to(worker, TR_WORKER_READY);
    }
    if (tr_worker_is_abandoned(worker)) {
        tr_reason_t reason = tr_reason_of(TROUPE_REASON_HUNG);
        tr_self_end(worker->self, &reason);
    } else if (worker->is_done) {
        tr_reason_t reason = tr_reason_of(TROUPE_REASON_NORMAL);
        tr_self_end(worker->self, &reason);
    }
}

void tr_worker_conclude(troupe_worker_t *worker, int verdict, const char *what)
{
    if (verdict) {
        release_finished(worker);
        atomic_store(&worker->self->pulse->running_since_ms, 0);
        tr_worker_fail(worker, what);
    } else {
        note_end(worker);
    }
}
