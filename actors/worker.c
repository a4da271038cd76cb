/* One job at a time: control first, then the job, then the books.
 *
 * A worker told to stop finishes what it was given (its router has been told before, and gives
 * it nothing new), skipping jobs that nobody waits for any more. A worker whose callback failed
 * hands back untouched what it had not begun.
 */

#include "actors/worker.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/worker_state.h"
#include "base/clock.h"
#include "base/log.h"
#include "mailbox/dead_letter.h"
#include "mailbox/mail.h"
#include "mailbox/reply.h"

#define MAILBOX_LETTERS 100000
#define MAILBOX_BYTES   ((size_t)1 << 30)

/* ---- what behaviours call ---- */

const char *troupe_worker_name(const troupe_worker_t *self)
{
    assert(self);
    return self->self->name;
}

void troupe_worker_progress(troupe_worker_t *self)
{
    assert(self);
    atomic_store_explicit(&self->self->pulse->progress_ms, tr_clock_now_ms(),
                          memory_order_relaxed);
}

void troupe_worker_explain(troupe_worker_t *self, const char *format, ...)
{
    assert(self && format);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self->explanation, sizeof self->explanation, format, arguments);
    va_end(arguments);
}

void troupe_worker_log(troupe_worker_t *self, const char *format, ...)
{
    assert(self && format);
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tr_log(TR_LOG_INFO, "worker_says", TR_TEXT("worker", self->self->name),
           TR_TEXT("text", text));
}

void troupe_worker_end(troupe_worker_t *self)
{
    assert(self);
    self->is_done = true;
}

/* ---- states ---- */

/* False when the supervisor has written this worker off: it must end. */
static bool move_to(troupe_worker_t *worker, tr_worker_state_t state)
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

static bool is_abandoned(const troupe_worker_t *worker)
{
    return atomic_load(&worker->self->pulse->is_abandoned) != 0;
}

static void fail(troupe_worker_t *worker, const char *what)
{
    tr_reason_t reason = tr_reason_format(TROUPE_REASON_FAILED, "%.200s",
                                          worker->explanation[0] ? worker->explanation : what);
    move_to(worker, TR_WORKER_FAILED);
    tr_self_end(worker->self, &reason);
}

/* ---- kept jobs ---- */

static void unlink_kept(troupe_worker_t *worker, tr_job_t *job)
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
            unlink_kept(worker, job);
            atomic_fetch_add_explicit(&worker->self->pulse->n_done, 1, memory_order_relaxed);
            tr_job_release(&job);
        }
        job = next;
    }
}

/* ---- one callback ---- */

static void note_begin(troupe_worker_t *worker, const tr_job_t *job)
{
    tr_pulse_t *pulse = worker->self->pulse;
    int64_t now = tr_clock_now_ms();
    atomic_store_explicit(&pulse->progress_ms, now, memory_order_relaxed);
    atomic_store_explicit(&pulse->running_until_ms, job ? job->envelope->deadline_ms : TR_NEVER,
                          memory_order_relaxed);
    atomic_store_explicit(&pulse->running, job ? job->number : 0, memory_order_relaxed);
    atomic_store(&pulse->running_since_ms, now);
    worker->explanation[0] = '\0';
    if (!worker->is_stopping) {
        move_to(worker, TR_WORKER_PROCESSING);
    }
}

static void note_end(troupe_worker_t *worker)
{
    tr_pulse_t *pulse = worker->self->pulse;
    atomic_store_explicit(&pulse->running, 0, memory_order_relaxed);
    atomic_store(&pulse->running_since_ms, 0);
    release_finished(worker);
    worker->ready_since_ms = tr_clock_now_ms();
    if (!worker->is_stopping) {
        move_to(worker, TR_WORKER_READY);
    }
    if (is_abandoned(worker)) {
        tr_reason_t reason = tr_reason_of(TROUPE_REASON_HUNG);
        tr_self_end(worker->self, &reason);
    } else if (worker->is_done) {
        tr_reason_t reason = tr_reason_of(TROUPE_REASON_NORMAL);
        tr_self_end(worker->self, &reason);
    }
}

/* ---- requests and messages ---- */

/* Takes the worker's share of the job. */
static void serve(troupe_worker_t *worker, tr_job_t *job)
{
    job->worker = worker;
    if (troupe_request_cancelled(job)) {
        tr_request_finish(job, TROUPE_OUTCOME_CANCELLED, NULL, NULL, false);
        tr_job_release(&job);
        return;
    }
    note_begin(worker, job);
    int broken = worker->plan->behaviour->handle(worker, job, worker->state);
    bool is_abandoned_request = !job->is_finished && !job->is_kept;
    if (is_abandoned_request && broken) {
        tr_request_finish(job, TROUPE_OUTCOME_WORKER_LOST,
                          worker->explanation[0] ? worker->explanation
                                                 : "the worker broke while it had the request",
                          NULL, true);
    } else if (is_abandoned_request) {
        tr_request_finish(job, TROUPE_OUTCOME_WORKER_ERROR,
                          "the handler returned without finishing the request", NULL, false);
    }
    if (!job->is_kept) {
        atomic_fetch_add_explicit(&worker->self->pulse->n_done, 1, memory_order_relaxed);
        tr_job_release(&job);
    }
    if (broken) {
        release_finished(worker);
        atomic_store(&worker->self->pulse->running_since_ms, 0);
        fail(worker, "its handler returned an error");
        return;
    }
    note_end(worker);
}

static void deliver(troupe_worker_t *worker, tr_letter_t *letter)
{
    const troupe_behaviour_t *behaviour = worker->plan->behaviour;
    if (letter->type != &tr_mail_type || !behaviour->receive) {
        tr_dead_letter_take(worker->self->runtime->dead_letters, worker->self->name,
                            "the behaviour takes no messages", &letter);
        return;
    }
    note_begin(worker, NULL);
    int broken = behaviour->receive(worker, ((tr_mail_t *)letter)->message, worker->state);
    tr_letter_destroy(&letter);
    if (broken) {
        release_finished(worker);
        atomic_store(&worker->self->pulse->running_since_ms, 0);
        fail(worker, "its receive returned an error");
        return;
    }
    note_end(worker);
}

/* The deep check: it leaves no trace in what the worker is and since when, but for the clock
 * by which a hanging one is told. */
static void probe(troupe_worker_t *worker)
{
    const troupe_behaviour_t *behaviour = worker->plan->behaviour;
    if (!behaviour->probe || worker->is_stopping || worker->kept ||
        tr_mailbox_depth(worker->self->mailbox) > 0) {
        return;
    }
    tr_pulse_t *pulse = worker->self->pulse;
    int64_t now = tr_clock_now_ms();
    atomic_store_explicit(&pulse->progress_ms, now, memory_order_relaxed);
    atomic_store_explicit(&pulse->running_until_ms, TR_NEVER, memory_order_relaxed);
    atomic_store(&pulse->running_since_ms, now);
    worker->explanation[0] = '\0';
    int broken = behaviour->probe(worker, worker->state);
    atomic_store(&pulse->running_since_ms, 0);
    if (broken) {
        fail(worker, "its probe failed");
    } else if (is_abandoned(worker)) {
        tr_reason_t reason = tr_reason_of(TROUPE_REASON_HUNG);
        tr_self_end(worker->self, &reason);
    }
}

/* ---- the class ---- */

static bool begin(tr_self_t *self, const void *arg)
{
    troupe_worker_t *worker = calloc(1, sizeof *worker);
    if (!worker) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "out of memory");
        return false;
    }
    self->state = worker;
    worker->self = self;
    worker->plan = arg;
    move_to(worker, TR_WORKER_LOADING);
    const troupe_behaviour_t *behaviour = worker->plan->behaviour;
    int verdict = behaviour->init ? behaviour->init(worker, &worker->plan->args, &worker->state)
                                  : TROUPE_INIT_OK;
    if (verdict != TROUPE_INIT_OK) {
        self->reason =
            verdict == TROUPE_INIT_IGNORE
                ? tr_reason_of(TROUPE_REASON_IGNORED)
                : tr_reason_format(TROUPE_REASON_FAILED, "%.200s",
                                   worker->explanation[0] ? worker->explanation
                                                          : "its init returned an error");
        move_to(worker, verdict == TROUPE_INIT_IGNORE ? TR_WORKER_EVICTING : TR_WORKER_FAILED);
        return false;
    }
    worker->is_begun = true;
    self->reason = tr_reason_format(TROUPE_REASON_NORMAL, "%s", worker->explanation);
    worker->ready_since_ms = tr_clock_now_ms();
    if (is_abandoned(worker) || !move_to(worker, TR_WORKER_READY)) {
        self->reason = tr_reason_of(TROUPE_REASON_HUNG);
        return false;
    }
    return true;
}

static void receive(tr_self_t *self, tr_letter_t *letter)
{
    troupe_worker_t *worker = self->state;
    tr_job_t *job = tr_job_in(letter);
    const tr_control_t *control = tr_control_in(letter);
    if (job && worker->plan->behaviour->handle) {
        serve(worker, job);
    } else if (control) {
        bool is_probe = control->word == TR_WORD_PROBE;
        tr_letter_destroy(&letter);
        if (is_probe) {
            probe(worker);
        }
    } else {
        deliver(worker, letter);
    }
}

/* Told to stop: done when nothing is left in the mailbox, and nothing kept. */
static int64_t turn(tr_self_t *self, int64_t now_ms)
{
    troupe_worker_t *worker = self->state;
    if (worker->is_stopping) {
        if (!worker->kept && tr_mailbox_depth(self->mailbox) == 0) {
            tr_self_end(self, &worker->stop_reason);
        }
        return TR_NEVER;
    }
    int64_t idle_at_ms = tr_clock_after(worker->ready_since_ms, worker->plan->idle_after_ms);
    if (atomic_load(&self->pulse->state) != TR_WORKER_READY || worker->kept) {
        return TR_NEVER;
    }
    if (now_ms >= idle_at_ms) {
        move_to(worker, TR_WORKER_IDLE);
        return TR_NEVER;
    }
    return idle_at_ms;
}

static void stop(tr_self_t *self, const tr_reason_t *reason)
{
    troupe_worker_t *worker = self->state;
    if (!worker->is_stopping) {
        worker->is_stopping = true;
        worker->stop_reason = *reason;
        move_to(worker, TR_WORKER_DRAINING);
    }
}

static void leftover(tr_self_t *self, tr_letter_t *letter)
{
    tr_job_t *job = tr_job_in(letter);
    if (job) {
        tr_request_hand_back(&job);
    } else if (letter->type == &tr_mail_type) {
        tr_dead_letter_take(self->runtime->dead_letters, self->name, "the worker has ended",
                            &letter);
    } else {
        tr_letter_destroy(&letter);
    }
}

static void end(tr_self_t *self)
{
    troupe_worker_t *worker = self->state;
    if (!worker) {
        return;
    }
    /* Whatever it was, unless it failed or hung: dead follows these only. */
    tr_worker_state_try(&self->pulse->state, TR_WORKER_EVICTING);
    if (worker->is_begun && worker->plan->behaviour->terminate) {
        worker->plan->behaviour->terminate(worker, &worker->state,
                                           tr_reason_view(&self->reason));
    }
    while (worker->kept) {
        tr_job_t *job = worker->kept;
        unlink_kept(worker, job);
        tr_job_release(&job);
    }
    tr_worker_state_try(&self->pulse->state, TR_WORKER_DEAD);
    free(worker);
    self->state = NULL;
}

static const tr_actor_class_t worker_class = {
    .kind = "worker",
    .begin = begin,
    .receive = receive,
    .turn = turn,
    .stop = stop,
    .leftover = leftover,
    .end = end,
};

troupe_status_t tr_worker_start(const tr_birth_t *birth, tr_actor_t **out)
{
    assert(birth && birth->what);
    return tr_actor_start(
        &(tr_actor_setup_t){
            .class = &worker_class,
            .name = birth->name,
            .runtime = birth->runtime,
            .parent = birth->parent,
            .limits = {MAILBOX_LETTERS, MAILBOX_BYTES},
            .arg = birth->what,
            .keepsake = birth->keepsake,
        },
        out);
}
