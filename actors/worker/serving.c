/* What a router has given: one by one, or as a batch; and what its handlers do later about
 * requests that they have kept.
 */

#include "actors/worker/inside.h"

#include "base/clock.h"
#include "mailbox/reply.h"

/* Requests that share a run have no time of their own that a worker could be judged by: its
 * router says when the last of them has left. */
static int64_t time_limit_of(const tr_job_t *job)
{
    return !job || job->envelope->dedup.size > 0 ? TR_NEVER : atomic_load(&job->deadline_ms);
}

/* After a handler: what it has neither finished nor kept is finished here. Takes the share. */
static void settle(troupe_worker_t *worker, tr_job_t *job, int verdict)
{
    bool is_forgotten = !job->is_finished && !job->is_kept;
    if (is_forgotten && verdict) {
        tr_request_finish(job, TROUPE_OUTCOME_WORKER_LOST,
                          worker->explanation[0] ? worker->explanation
                                                 : "the worker broke while it had the request",
                          NULL, true);
    } else if (is_forgotten) {
        tr_request_finish(job, TROUPE_OUTCOME_WORKER_ERROR,
                          "the handler returned without finishing the request", NULL, false);
    }
    if (!job->is_kept) {
        atomic_fetch_add_explicit(&worker->self->pulse->n_done, 1, memory_order_relaxed);
        tr_job_release(&job);
    }
}

/* Whether anybody waits for the job; if not, it is finished and let go of. */
static bool is_awaited(troupe_worker_t *worker, tr_job_t *job)
{
    job->worker = worker;
    job->pace_us = worker->took_us;
    if (!tr_request_is_cancelled_by(job, worker->self->now.ms)) {
        return true;
    }
    tr_request_finish(job, TROUPE_OUTCOME_CANCELLED, NULL, NULL, false);
    tr_job_release(&job);
    return false;
}

void tr_worker_serve(troupe_worker_t *worker, tr_job_t *job)
{
    if (is_awaited(worker, job)) {
        tr_worker_begin_callback(worker, job->unit, time_limit_of(job));
        int verdict = worker->plan->behaviour->handle(worker, job, worker->state);
        tr_worker_step_in(worker);
        settle(worker, job, verdict);
        tr_worker_conclude(worker, verdict, "its handler returned an error");
    }
}

/* Of a batch that is not served as one: one by one, while the worker lives. */
static void serve_each(troupe_worker_t *worker, tr_batch_t *batch)
{
    for (size_t i = 0; i < batch->n_jobs; i++) {
        tr_job_t *job = batch->jobs[i];
        batch->jobs[i] = NULL;
        if (worker->self->is_ending) {
            tr_request_hand_back(&job);
        } else {
            tr_worker_serve(worker, job);
        }
    }
}

/* Leave those for whom somebody waits at the front; returns how many. */
static size_t pick_awaited(troupe_worker_t *worker, tr_batch_t *batch, int64_t *until_ms_out)
{
    size_t n_awaited = 0;
    *until_ms_out = 0;
    for (size_t i = 0; i < batch->n_jobs; i++) {
        tr_job_t *job = batch->jobs[i];
        batch->jobs[i] = NULL;
        if (is_awaited(worker, job)) {
            int64_t limit_ms = time_limit_of(job);
            *until_ms_out = limit_ms > *until_ms_out ? limit_ms : *until_ms_out;
            batch->jobs[n_awaited++] = job;
        }
    }
    return n_awaited;
}

static void serve_batch(troupe_worker_t *worker, tr_batch_t *batch)
{
    const troupe_behaviour_t *behaviour = worker->plan->behaviour;
    uint64_t unit = batch->jobs[0]->unit;
    int64_t until_ms;
    size_t n_awaited = pick_awaited(worker, batch, &until_ms);
    if (n_awaited > 0) {
        tr_worker_begin_callback(worker, unit, until_ms);
        int verdict = behaviour->handle_batch(worker, batch->jobs, n_awaited, worker->state);
        tr_worker_step_in(worker);
        for (size_t i = 0; i < n_awaited; i++) {
            tr_job_t *job = batch->jobs[i];
            batch->jobs[i] = NULL;
            settle(worker, job, verdict);
        }
        tr_worker_conclude(worker, verdict, "its batch handler returned an error");
    }
}

void tr_worker_serve_batch(troupe_worker_t *worker, tr_batch_t *batch)
{
    if (worker->plan->behaviour->handle_batch) {
        serve_batch(worker, batch);
    } else {
        serve_each(worker, batch);
    }
    tr_batch_destroy(&batch);
}

/* ---- going on ---- */

static tr_job_t *find_kept(const troupe_worker_t *worker, uint64_t number)
{
    tr_job_t *job = worker->kept;
    while (job && job->number != number) {
        job = job->next_kept;
    }
    return job;
}

void tr_worker_go_on(troupe_worker_t *worker, uint64_t number)
{
    tr_job_t *job = find_kept(worker, number);
    if (!job || !job->on_room || job->is_finished) {
        return;
    }
    troupe_room_fn *on_room = job->on_room;
    job->on_room = NULL;
    tr_worker_begin_callback(worker, job->unit, time_limit_of(job));
    int verdict = on_room(worker, job, job->on_room_arg);
    tr_worker_step_in(worker);
    tr_worker_conclude(worker, verdict, "going on with a stream, it returned an error");
}

void tr_worker_take_errand_answer(troupe_worker_t *worker, const tr_errand_t *errand,
                                  troupe_reply_t *reply)
{
    troupe_answer_fn *on_answer = errand->on_answer;
    void *arg = errand->arg;
    const tr_job_t *parent =
        errand->envelope->parent ? find_kept(worker, errand->envelope->parent) : NULL;
    if (reply->is_final) {
        tr_errands_taken(&worker->errands, reply);
    }
    tr_worker_begin_callback(worker, parent ? parent->unit : 0, time_limit_of(parent));
    int verdict = on_answer(worker, reply, arg);
    tr_worker_step_in(worker);
    if (!reply->is_final) {
        tr_errands_taken(&worker->errands, reply);
    }
    tr_worker_conclude(worker, verdict, "taking an answer, it returned an error");
    troupe_reply_destroy(&reply);
}
