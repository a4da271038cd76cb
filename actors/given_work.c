#include "actors/given_work.h"

#include <assert.h>
#include <string.h>

#include "actors/worker/worker.h"
#include "base/clock.h"
#include "base/log.h"

#define HAND_BACK_MS 2000 /* for the router to hear that the worker is gone */

void tr_given_work_init(tr_given_work_t *self, tr_self_t *actor)
{
    assert(self && actor);
    *self = (tr_given_work_t){.self = actor, .hand_back_ms = TR_NEVER};
    tr_given_jobs_init(&self->given);
    tr_given_jobs_init(&self->unbegun);
}

void tr_given_work_finish(tr_given_work_t *self)
{
    assert(self);
    tr_given_work_hand_back(self);
    tr_given_jobs_finish(&self->unbegun);
    tr_given_jobs_finish(&self->given);
    troupe_reply_destroy(&self->held);
}

/* ---- the pulse ---- */

void tr_given_work_move_to(tr_given_work_t *self, tr_worker_state_t state)
{
    tr_pulse_t *pulse = self->self->pulse;
    if (!tr_worker_state_try(&pulse->state, state)) {
        tr_worker_state_t now = (tr_worker_state_t)atomic_load(&pulse->state);
        if (now != TR_WORKER_HUNG && now != TR_WORKER_DEAD) {
            tr_worker_state_move(&pulse->state, state, self->self->name);
        }
    }
}

void tr_given_work_note_progress(tr_given_work_t *self)
{
    atomic_store_explicit(&self->self->pulse->progress_ms, tr_clock_now_ms(),
                          memory_order_relaxed);
}

/* The job whose time counts: the one that is worked on, as far as that is known. */
static const tr_job_t *current_job(const tr_given_work_t *self)
{
    const tr_job_t *reported =
        self->reported ? tr_given_jobs_get(&self->given, self->reported) : NULL;
    return reported ? reported : self->given.oldest;
}

/* Without a job. When it works on something else, that is the oldest, for all we know. */
static void show_no_job(tr_given_work_t *self)
{
    tr_pulse_t *pulse = self->self->pulse;
    bool was_job = atomic_exchange(&pulse->running, 0) != 0;
    if (!self->is_at_else) {
        atomic_store(&pulse->running_since_ms, 0);
    } else if (was_job || atomic_load(&pulse->running_since_ms) == 0) {
        int64_t now_ms = tr_clock_now_ms();
        atomic_store_explicit(&pulse->progress_ms, now_ms, memory_order_relaxed);
        atomic_store_explicit(&pulse->running_until_ms, TR_NEVER, memory_order_relaxed);
        atomic_store(&pulse->running_since_ms, now_ms);
    }
}

/* After the jobs have changed. A job that becomes the current one begins then, for all we know.
 */
static void show_current(tr_given_work_t *self)
{
    tr_pulse_t *pulse = self->self->pulse;
    const tr_job_t *job = current_job(self);
    if (!job) {
        show_no_job(self);
        return;
    }
    if (atomic_load_explicit(&pulse->running, memory_order_relaxed) != job->unit) {
        int64_t now_ms = tr_clock_now_ms();
        atomic_store_explicit(&pulse->progress_ms, now_ms, memory_order_relaxed);
        bool is_shared = job->envelope->dedup.size > 0; /* its router says when it is over */
        atomic_store_explicit(&pulse->running_until_ms,
                              is_shared ? TR_NEVER : atomic_load(&job->deadline_ms),
                              memory_order_relaxed);
        atomic_store_explicit(&pulse->running, job->unit, memory_order_relaxed);
        atomic_store(&pulse->running_since_ms, now_ms);
    }
}

void tr_given_work_show(tr_given_work_t *self)
{
    show_current(self);
    if (!self->is_ready || self->is_stopping || self->self->is_suspended) {
        return;
    }
    if (self->given.oldest || self->is_at_else) {
        tr_given_work_move_to(self, TR_WORKER_PROCESSING);
    } else {
        self->ready_since_ms = tr_clock_now_ms();
        tr_given_work_move_to(self, TR_WORKER_READY);
    }
}

void tr_given_work_take_pong(tr_given_work_t *self, const tr_trp1_t *pong,
                             bool waits_for_others)
{
    tr_pulse_t *pulse = self->self->pulse;
    int64_t now_ms = tr_clock_now_ms();
    self->reported = pong->running > 0 ? (uint64_t)pong->running : 0;
    show_current(self);
    bool is_known = self->reported ? tr_given_jobs_get(&self->given, self->reported) != NULL
                                   : self->is_at_else;
    if (is_known && pong->running_for >= 0 && pong->running_for < now_ms) {
        atomic_store(&pulse->running_since_ms, now_ms - pong->running_for);
    }
    if (!self->reported && pong->running_for < 0 && waits_for_others) {
        tr_given_work_note_progress(self);
    }
    if (pong->progress_age >= 0 && (is_known || !self->is_ready)) {
        atomic_store_explicit(&pulse->progress_ms, now_ms - pong->progress_age,
                              memory_order_relaxed);
    }
    if (pong->id > 0) {
        tr_self_pong(self->self, pong->id);
    }
}

int64_t tr_given_work_turn_idle(tr_given_work_t *self, int64_t idle_after_ms, int64_t now_ms)
{
    if (atomic_load(&self->self->pulse->state) != TR_WORKER_READY) {
        return TR_NEVER;
    }
    int64_t idle_at_ms = tr_clock_after(self->ready_since_ms, idle_after_ms);
    if (now_ms < idle_at_ms) {
        return idle_at_ms;
    }
    tr_given_work_move_to(self, TR_WORKER_IDLE);
    return TR_NEVER;
}

void tr_given_work_show_end(tr_given_work_t *self)
{
    _Atomic(int) *state = &self->self->pulse->state;
    if (tr_reason_is_abnormal(&self->self->reason)) {
        tr_worker_state_try(state, TR_WORKER_FAILED);
    } else {
        tr_worker_state_try(state, TR_WORKER_DRAINING);
        tr_worker_state_try(state, TR_WORKER_EVICTING);
    }
    tr_worker_state_try(state, TR_WORKER_DEAD);
}

/* ---- jobs ---- */

bool tr_given_work_add(tr_given_work_t *self, tr_job_t *job)
{
    if (tr_given_jobs_add(&self->given, job) != TROUPE_OK) {
        tr_request_finish(job, TROUPE_OUTCOME_WORKER_LOST, "out of memory", NULL, false);
        tr_job_release(&job);
        return false;
    }
    return true;
}

tr_trp1_t tr_given_work_request(tr_job_t *job, int64_t n_to_follow)
{
    const tr_envelope_t *envelope = job->envelope;
    int64_t remaining_ms = troupe_request_remaining_ms(job);
    bool has_end = remaining_ms != TR_NEVER && envelope->dedup.size == 0;
    tr_trp1_t request;
    tr_trp1_init(&request, TR_TRP1_REQUEST, job->number);
    request.capability = tr_span_of(envelope->capability);
    request.method = tr_span_of(envelope->method);
    request.traceparent = tr_span_of(envelope->traceparent);
    request.peer = tr_span_of(envelope->caller);
    request.priority = (int64_t)envelope->priority;
    request.timeout_ms = has_end ? remaining_ms : -1;
    request.credit = (int64_t)tr_flow_pass_on(&job->envelope->flow, &job->spent, &job->told);
    request.batch = n_to_follow;
    return request;
}

void tr_given_work_not_given(tr_given_work_t *self, uint64_t number, troupe_status_t status,
                             const char *why)
{
    if (status == TROUPE_CLOSED) {
        tr_given_work_put_off(self, number);
    } else if (status == TROUPE_LIMIT) {
        tr_given_work_finish_job(self, number, TROUPE_OUTCOME_BAD_REQUEST,
                                 "the method or the trace context is too long", NULL, false);
    } else {
        tr_given_work_finish_job(self, number, TROUPE_OUTCOME_WORKER_LOST, why, NULL, false);
    }
}

void tr_given_work_meet_unknown(tr_given_work_t *self, uint64_t number)
{
    if (!self->has_met_unknown) {
        self->has_met_unknown = true;
        tr_event(self->self->runtime->events, TR_LOG_WARNING, "unknown_answer",
                 TR_TEXT("worker", self->self->name), TR_NUMBER("id", number));
    }
}

void tr_given_work_finish_job(tr_given_work_t *self, uint64_t number, troupe_outcome_t outcome,
                              const char *text, troupe_message_t **message_p,
                              bool is_worker_broken)
{
    tr_job_t *job = tr_given_jobs_take(&self->given, number);
    if (!job) {
        tr_given_work_meet_unknown(self, number);
        return;
    }
    /* The pulse is right when the answer is there. */
    atomic_fetch_add_explicit(&self->self->pulse->n_done, 1, memory_order_relaxed);
    tr_given_work_show(self);
    tr_request_finish(job, outcome, text, message_p, is_worker_broken);
    tr_job_release(&job);
}

static troupe_outcome_t outcome_of(tr_span_t code)
{
    static const troupe_outcome_t known[] = {
        TROUPE_OUTCOME_BAD_REQUEST, TROUPE_OUTCOME_TOO_LARGE,   TROUPE_OUTCOME_MEMORY_EXHAUSTED,
        TROUPE_OUTCOME_CANCELLED,   TROUPE_OUTCOME_WORKER_LOST,
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (tr_span_equals(code, troupe_outcome_name(known[i]))) {
            return known[i];
        }
    }
    return TROUPE_OUTCOME_WORKER_ERROR;
}

bool tr_given_work_take_error(tr_given_work_t *self, const tr_trp1_t *error)
{
    if (tr_span_equals(error->state,
                       "queued")) { /* it breaks, and says what it had not begun */
        tr_given_work_put_off(self, error->id);
        return false;
    }
    char text[TR_TRP1_MAX_TEXT + 1];
    tr_span_copy(text, sizeof text, error->text);
    troupe_outcome_t outcome = outcome_of(error->code);
    bool is_broken = outcome == TROUPE_OUTCOME_WORKER_LOST;
    tr_given_work_finish_job(self, error->id, outcome, text, NULL, is_broken);
    return is_broken;
}

void tr_given_work_keep_unbegun(tr_given_work_t *self, tr_job_t *job)
{
    if (tr_given_jobs_add(&self->unbegun, job) != TROUPE_OK) {
        tr_request_hand_back(&job);
    } else if (self->hand_back_ms == TR_NEVER) {
        self->hand_back_ms = tr_clock_after(tr_clock_now_ms(), HAND_BACK_MS);
    }
}

void tr_given_work_put_off(tr_given_work_t *self, uint64_t number)
{
    tr_job_t *job = tr_given_jobs_take(&self->given, number);
    if (job) {
        tr_given_work_keep_unbegun(self, job);
        tr_given_work_show(self);
    }
}

void tr_given_work_hand_back(tr_given_work_t *self)
{
    self->hand_back_ms = TR_NEVER;
    while (self->unbegun.oldest) {
        tr_job_t *job = tr_given_jobs_take(&self->unbegun, self->unbegun.oldest->number);
        tr_request_hand_back(&job);
    }
}

/* ---- parts ---- */

int64_t tr_given_work_credit(tr_given_work_t *self, uint64_t number)
{
    tr_job_t *job = tr_given_jobs_get(&self->given, number);
    return job ? (int64_t)tr_flow_pass_on(&job->envelope->flow, &job->spent, &job->told) : 0;
}

bool tr_given_work_deliver_held(tr_given_work_t *self)
{
    tr_job_t *job = self->held->job;
    if (!troupe_request_cancelled(job)) {
        if (tr_flow_parts_left(&job->envelope->flow, &job->spent) == 0) {
            return false;
        }
        tr_flow_spend(&job->spent, tr_reply_flow_bytes(self->held));
        tr_letter_t *letter = &self->held->letter;
        if (tr_mailbox_post_answer(job->router, TR_LANE_CONTROL, &letter) == TROUPE_OK) {
            self->held = NULL;
        }
    }
    troupe_reply_destroy(&self->held);
    tr_given_work_note_progress(self);
    return true;
}

bool tr_given_work_take_part(tr_given_work_t *self, uint64_t number,
                             troupe_message_t **message_p)
{
    tr_job_t *job = tr_given_jobs_get(&self->given, number);
    tr_given_work_note_progress(self);
    if (!job || troupe_request_cancelled(job)) {
        return true;
    }
    self->held = tr_reply_new(0, false, TROUPE_OUTCOME_OK, NULL, message_p);
    if (!self->held) { /* with a hole in it the stream is worth nothing */
        tr_given_work_finish_job(self, number, TROUPE_OUTCOME_WORKER_LOST, "out of memory",
                                 NULL, false);
        return true;
    }
    self->held->job = tr_job_share(job);
    return tr_given_work_deliver_held(self);
}
