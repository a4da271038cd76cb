/* The envelopes here answer nobody by themselves. Whoever lets go of a job unanswered is the
 * worker at its end, and of that the node is told as a whole.
 *
 * Invariant: `jobs` holds a share of each request that was given to the worker and has had no
 * final yet, those of a batch that still gathers among them.
 */

#include "actors/host/inside.h"

#include "base/clock.h"

#define GATHER_MS 10 /* for the next one of a batch to come */
#define MAX_BATCH 10000

/* ---- answers ---- */

/* The worker may send more. */
static void grant(tr_host_t *self, tr_job_t *job, uint64_t n_parts, uint64_t n_bytes)
{
    tr_control_t *room = tr_flow_grant(&job->envelope->flow, n_parts, n_bytes)
                             ? tr_control_new(TR_WORD_ROOM, self->worker->incarnation)
                             : NULL;
    if (room) {
        room->number = job->number;
        tr_control_send(room, self->worker->mailbox);
    }
}

static void send_part(tr_host_t *self, troupe_reply_t *reply)
{
    tr_trp1_t part;
    tr_trp1_init(&part, TR_TRP1_PART, reply->job->number);
    part.sequence = (int64_t)reply->job->envelope->n_parts++;
    uint64_t n_bytes = tr_reply_flow_bytes(reply);
    tr_uplink_send(self->uplink, &part, reply->message, 0);
    grant(self, reply->job, 0, n_bytes);
}

/* Who was cancelled only because this process must go may try elsewhere. */
static void amend_outcome(const tr_host_t *self, troupe_reply_t *reply)
{
    bool may_be_ours = reply->outcome == TROUPE_OUTCOME_WORKER_ERROR ||
                       reply->outcome == TROUPE_OUTCOME_CANCELLED;
    if (self->is_terminated && may_be_ours) {
        reply->outcome = TROUPE_OUTCOME_WORKER_LOST;
    }
}

static void send_final(tr_host_t *self, troupe_reply_t *reply)
{
    uint64_t id = reply->job ? reply->job->number : reply->id;
    tr_trp1_t final;
    amend_outcome(self, reply);
    if (reply->outcome == TROUPE_OUTCOME_OK) {
        tr_trp1_init(&final, TR_TRP1_REPLY, id);
        tr_uplink_send(self->uplink, &final, reply->message, 0);
        return;
    }
    tr_trp1_init(&final, TR_TRP1_ERROR, id);
    final.code = tr_span_of(troupe_outcome_name(reply->outcome));
    final.text = tr_span_of(reply->text);
    final.retryable = troupe_outcome_is_retryable(reply->outcome);
    final.state = tr_span_of(reply->was_not_started ? "queued" : "");
    tr_uplink_send(self->uplink, &final, NULL, 0);
}

void tr_host_take_reply(tr_host_t *self, troupe_reply_t *reply)
{
    if (!reply->is_final) {
        send_part(self, reply);
        return;
    }
    if (reply->job) {
        tr_job_t *job = tr_idmap_take(&self->jobs, reply->job->number);
        assert(job == reply->job);
        tr_job_release(&job);
    }
    send_final(self, reply);
}

void tr_host_answer(tr_host_t *self, uint64_t id, troupe_outcome_t outcome,
                    bool was_not_started, const char *text)
{
    troupe_reply_t *reply = tr_reply_new(id, true, outcome, text, NULL);
    if (reply) {
        reply->was_not_started = was_not_started;
        tr_letter_t *letter = &reply->letter;
        if (tr_mailbox_post_answer(self->mailbox, TR_LANE_CONTROL, &letter) != TROUPE_OK) {
            tr_letter_destroy(&letter);
        }
    }
}

/* ---- requests ---- */

/* Takes the message. NULL when out of memory. */
static tr_job_t *make_job(tr_host_t *self, const tr_trp1_t *request,
                          troupe_message_t **message_p)
{
    int64_t timeout_ms = request->timeout_ms < 0 ? 0 : request->timeout_ms;
    const tr_header_t header = {
        .capability = request->capability,
        .method = request->method,
        .traceparent = request->traceparent,
        .caller = request->peer,
        .timeout_ms = timeout_ms,
        .priority = (troupe_priority_t)request->priority,
        .credit = request->credit > 0 ? (uint64_t)request->credit : TR_FLOW_MOST,
        .is_shut = request->credit == 0, /* absent: nobody counts */
    };
    tr_envelope_t *envelope = tr_envelope_new(request->id, self->mailbox, &header, message_p);
    if (!envelope) {
        return NULL;
    }
    atomic_store(&envelope->is_answered, true); /* not by itself */
    if (request->timeout_ms >= 0) {
        envelope->deadline_ms = tr_clock_after(envelope->sent_ms, request->timeout_ms);
    }
    tr_job_t *job = tr_job_new(envelope, self->mailbox, request->id);
    tr_envelope_release(&envelope);
    return job;
}

/* Nobody begins with it; takes the share that is in `jobs`. */
static void refuse_job(tr_host_t *self, uint64_t id, troupe_status_t status)
{
    tr_job_t *job = tr_idmap_take(&self->jobs, id);
    tr_job_release(&job);
    tr_host_answer(self, id, TROUPE_OUTCOME_WORKER_LOST, true,
                   status == TROUPE_FULL ? "the worker has more requests than it can hold"
                                         : "the worker has ended");
}

/* Takes the share. */
static void hand_over(tr_host_t *self, tr_job_t *job)
{
    uint64_t id = job->number;
    tr_letter_t *letter = &job->letter;
    troupe_status_t status = tr_mailbox_post(self->worker->mailbox, TR_LANE_USER, &letter);
    if (status != TROUPE_OK) {
        tr_letter_destroy(&letter);
        refuse_job(self, id, status);
    }
}

void tr_host_hand_over_batch(tr_host_t *self)
{
    tr_batch_t *batch = self->batch;
    if (!batch) {
        return;
    }
    self->batch = NULL;
    self->give_by_ms = TR_NEVER;
    tr_letter_t *letter = &batch->letter;
    troupe_status_t status = tr_mailbox_post(self->worker->mailbox, TR_LANE_USER, &letter);
    if (status != TROUPE_OK) {
        for (size_t i = 0; i < batch->n_jobs; i++) {
            refuse_job(self, batch->jobs[i]->number, status);
        }
        tr_letter_destroy(&letter);
    }
}

/* One of a batch, of which `n_to_follow` more were announced. They come one close upon the
 * other; but should the node not get rid of all, the others do not wait for ever. Takes the
 * share. */
static void gather(tr_host_t *self, tr_job_t *job, int64_t n_to_follow)
{
    if (!self->batch && n_to_follow < MAX_BATCH) {
        self->batch = tr_batch_new((size_t)n_to_follow + 1);
        self->batch_room = (size_t)n_to_follow + 1;
    }
    if (!self->batch) {
        hand_over(self, job);
        return;
    }
    tr_batch_add(self->batch, job);
    if (n_to_follow == 0 || self->batch->n_jobs == self->batch_room) {
        tr_host_hand_over_batch(self);
    } else {
        self->give_by_ms = tr_clock_after(tr_clock_now_ms(), GATHER_MS);
    }
}

void tr_host_take_request(tr_host_t *self, const tr_trp1_t *request,
                          troupe_message_t **message_p)
{
    if (tr_idmap_get(&self->jobs, request->id)) {
        troupe_message_destroy(message_p);
        tr_host_answer(self, request->id, TROUPE_OUTCOME_BAD_REQUEST, false,
                       "a request with that id is open already");
        return;
    }
    tr_job_t *job = make_job(self, request, message_p);
    if (!job || tr_idmap_put(&self->jobs, job->number, job) != TROUPE_OK) {
        tr_job_release(&job);
        tr_host_answer(self, request->id, TROUPE_OUTCOME_WORKER_LOST, true,
                       "the worker process is out of memory");
    } else if (request->batch >= 0) {
        gather(self, tr_job_share(job), request->batch);
    } else {
        hand_over(self, tr_job_share(job));
    }
}

/* ---- what is said of them ---- */

void tr_host_take_credit(tr_host_t *self, const tr_trp1_t *credit)
{
    tr_job_t *job = tr_idmap_get(&self->jobs, credit->id);
    if (job && credit->credit > 0) {
        grant(self, job, (uint64_t)credit->credit, 0);
    }
}

static void flag_cancelled(tr_host_t *self, tr_job_t *job, int64_t now_ms)
{
    tr_pulse_t *pulse = self->worker->pulse;
    tr_job_flag_cancelled(job, now_ms);
    atomic_store(&pulse->cancelled_ms, now_ms);
    atomic_store(&pulse->cancelled, job->number);
    tr_control_t *cancel = atomic_load(&pulse->wants_cancels)
                               ? tr_control_new(TR_WORD_CANCEL, self->worker->incarnation)
                               : NULL;
    if (cancel) {
        cancel->number = job->number;
        tr_control_send(cancel, self->worker->mailbox);
    }
}

void tr_host_cancel_jobs(tr_host_t *self, int64_t now_ms)
{
    for (size_t i = 0; i < self->jobs.n_slots; i++) {
        if (self->jobs.slots[i].item) {
            flag_cancelled(self, self->jobs.slots[i].item, now_ms);
        }
    }
}

void tr_host_cancel_job(tr_host_t *self, uint64_t id)
{
    tr_job_t *job = tr_idmap_get(&self->jobs, id);
    if (job) {
        flag_cancelled(self, job, tr_clock_now_ms());
    }
}

void tr_host_drop_jobs(tr_host_t *self)
{
    uint64_t id;
    while (tr_idmap_any(&self->jobs, &id)) {
        tr_job_t *job = tr_idmap_take(&self->jobs, id);
        tr_job_release(&job);
    }
    tr_idmap_finish(&self->jobs);
}
