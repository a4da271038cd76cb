/* A request in a handler's hands.
 *
 * The worker holds a share of the job until the callback in which it was finished has
 * returned, so that a behaviour that finishes twice is caught and told, not crashed.
 */

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <troupe/behaviour.h>

#include "actors/worker/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "mailbox/job.h"
#include "mailbox/reply.h"

#define TEXT_SIZE     1024
#define LOOK_AGAIN_MS 50

const char *troupe_request_method(const troupe_request_t *self)
{
    assert(self);
    return self->envelope->method;
}

const char *troupe_request_traceparent(const troupe_request_t *self)
{
    assert(self);
    return self->envelope->traceparent;
}

const char *troupe_request_peer(const troupe_request_t *self)
{
    assert(self);
    return self->envelope->caller;
}

const troupe_message_t *troupe_request_message(const troupe_request_t *self)
{
    assert(self);
    return self->envelope->message;
}

const void *troupe_request_data(const troupe_request_t *self)
{
    return troupe_message_data(troupe_request_message(self), 0);
}

size_t troupe_request_size(const troupe_request_t *self)
{
    return troupe_message_size(troupe_request_message(self), 0);
}

int64_t troupe_request_remaining_ms(const troupe_request_t *self)
{
    assert(self);
    int64_t deadline = atomic_load_explicit(&self->deadline_ms, memory_order_relaxed);
    int64_t now = tr_clock_now_ms();
    return deadline == TR_NEVER ? TR_NEVER : deadline > now ? deadline - now : 0;
}

bool tr_request_is_cancelled_by(const tr_job_t *job, int64_t now_ms)
{
    return atomic_load(&job->cancelled_ms) != 0 ||
           now_ms >= atomic_load_explicit(&job->deadline_ms, memory_order_relaxed);
}

bool troupe_request_cancelled(const troupe_request_t *self)
{
    assert(self);
    return tr_request_is_cancelled_by(self, tr_clock_now_ms());
}

/* ---- parts ---- */

/* There is room; takes the part. */
static troupe_status_t send_part(troupe_request_t *self, troupe_message_t **part_p)
{
    troupe_reply_t *reply = tr_reply_new(0, false, TROUPE_OUTCOME_OK, NULL, part_p);
    if (!reply) {
        return TROUPE_ERR_NOMEM;
    }
    reply->job = tr_job_share(self);
    tr_flow_spend(&self->spent, tr_reply_flow_bytes(reply));
    tr_letter_t *letter = &reply->letter;
    troupe_status_t status = tr_mailbox_post_answer(self->router, TR_LANE_CONTROL, &letter);
    tr_letter_destroy(&letter);
    return status == TROUPE_OK ? TROUPE_OK : TROUPE_CLOSED;
}

troupe_status_t troupe_request_try_part(troupe_request_t *self, troupe_message_t **part_p)
{
    assert(self && part_p);
    if (self->is_finished || troupe_request_cancelled(self)) {
        troupe_message_destroy(part_p);
        return TROUPE_CLOSED;
    }
    return tr_flow_has_room(&self->envelope->flow, &self->spent) ? send_part(self, part_p)
                                                                 : TROUPE_FULL;
}

/* The reader may be the very thread that an inline worker is on. */
static bool can_wait(const troupe_request_t *self)
{
    return !self->worker || !tr_worker_is_inline(self->worker);
}

/* Who waits for a reader is not stalled: it gets on as the reader does. A cancel rings; should
 * it ring a moment too early, it is seen at the next look. */
troupe_status_t troupe_request_part(troupe_request_t *self, troupe_message_t **part_p)
{
    troupe_status_t status;
    while ((status = troupe_request_try_part(self, part_p)) == TROUPE_FULL && can_wait(self)) {
        int64_t left_ms = troupe_request_remaining_ms(self);
        tr_flow_wait(&self->envelope->flow, &self->spent,
                     left_ms < LOOK_AGAIN_MS ? left_ms : LOOK_AGAIN_MS);
        if (self->worker) {
            troupe_worker_progress(self->worker);
        }
    }
    return status;
}

void troupe_request_on_room(troupe_request_t *self, troupe_room_fn *fn, void *arg)
{
    assert(self && self->worker && fn);
    if (self->is_finished) {
        return;
    }
    troupe_request_keep(self);
    self->on_room = fn;
    self->on_room_arg = arg;
    /* First ask to hear of cancels, then look: one of the two sides sees the other. */
    atomic_store(&self->worker->self->pulse->wants_cancels, 1);
    if (!tr_flow_ask_for_word(&self->envelope->flow, &self->spent) ||
        troupe_request_cancelled(self)) {
        tr_control_t *room = tr_control_new(TR_WORD_ROOM, self->worker->self->incarnation);
        if (room) {
            room->number = self->number;
            tr_control_send(room, self->worker->self->mailbox);
        }
    }
}

/* ---- the end ---- */

void tr_request_finish(tr_job_t *job, troupe_outcome_t outcome, const char *text,
                       troupe_message_t **message_p, bool is_worker_broken)
{
    if (job->is_finished) {
        tr_log(TR_LOG_ERROR, "finished_twice",
               TR_TEXT("worker", job->worker ? troupe_worker_name(job->worker) : ""),
               TR_TEXT("capability", job->envelope->capability));
        if (message_p) {
            troupe_message_destroy(message_p);
        }
        return;
    }
    job->is_finished = true;
    troupe_reply_t *reply = tr_reply_new(0, true, outcome, text, message_p);
    if (!reply) {
        /* Nothing to say it with: the router will miss the job when the worker goes. */
        tr_log(TR_LOG_ERROR, "out_of_memory", TR_TEXT("capability", job->envelope->capability));
        return;
    }
    reply->is_worker_broken = is_worker_broken;
    reply->job = tr_job_share(job);
    tr_letter_t *letter = &reply->letter;
    if (tr_mailbox_post_answer(job->router, TR_LANE_CONTROL, &letter) != TROUPE_OK) {
        tr_letter_destroy(&letter);
    }
}

void tr_request_hand_back(tr_job_t **job_p)
{
    assert(job_p && *job_p);
    tr_job_t *job = *job_p;
    troupe_reply_t *reply = tr_reply_new(0, true, TROUPE_OUTCOME_WORKER_LOST, NULL, NULL);
    if (reply) {
        reply->was_not_started = true;
        reply->job = tr_job_share(job);
        tr_letter_t *letter = &reply->letter;
        if (tr_mailbox_post_answer(job->router, TR_LANE_CONTROL, &letter) != TROUPE_OK) {
            tr_letter_destroy(&letter);
        }
    }
    tr_job_release(job_p);
}

bool tr_request_hand_back_letter(tr_letter_t *letter)
{
    tr_job_t *job = tr_job_in(letter);
    tr_batch_t *batch = tr_batch_in(letter);
    if (job) {
        tr_request_hand_back(&job);
        return true;
    }
    if (batch) {
        for (size_t i = 0; i < batch->n_jobs; i++) {
            tr_request_hand_back(&batch->jobs[i]);
        }
        tr_batch_destroy(&batch);
        return true;
    }
    return false;
}

void troupe_request_reply(troupe_request_t *self, troupe_message_t **reply_p)
{
    assert(self && reply_p);
    tr_request_finish(self, TROUPE_OUTCOME_OK, NULL, reply_p, false);
}

void troupe_request_reply_data(troupe_request_t *self, const void *data, size_t size)
{
    troupe_message_t *reply = troupe_message_from(data, size);
    if (reply) {
        troupe_request_reply(self, &reply);
    } else {
        tr_request_finish(self, TROUPE_OUTCOME_WORKER_ERROR, "out of memory", NULL, false);
    }
}

void troupe_request_fail(troupe_request_t *self, const char *format, ...)
{
    assert(self && format);
    char text[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tr_request_finish(self, TROUPE_OUTCOME_WORKER_ERROR, text, NULL, false);
}

void troupe_request_refuse(troupe_request_t *self, troupe_outcome_t outcome, const char *format,
                           ...)
{
    assert(self && format);
    char text[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    bool may_say_so = outcome == TROUPE_OUTCOME_BAD_REQUEST ||
                      outcome == TROUPE_OUTCOME_TOO_LARGE ||
                      outcome == TROUPE_OUTCOME_MEMORY_EXHAUSTED;
    tr_request_finish(self, may_say_so ? outcome : TROUPE_OUTCOME_WORKER_ERROR, text, NULL,
                      false);
}

void troupe_request_keep(troupe_request_t *self)
{
    assert(self && self->worker);
    if (self->is_finished || self->is_kept) {
        return;
    }
    troupe_worker_t *worker = self->worker;
    self->is_kept = true;
    self->pace_us = TR_NEVER; /* its callback says nothing of how long it takes */
    self->previous_kept = NULL;
    self->next_kept = worker->kept;
    if (worker->kept) {
        worker->kept->previous_kept = self;
    }
    worker->kept = self;
}
