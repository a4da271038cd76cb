/* A request of the process is one like that of any other worker, an errand, from here on. What
 * comes back goes to the process in order; what that does not read waits, and with it, since
 * no credit is granted for it, whoever sends.
 */

#include "actors/process_dialogue.h"

static void say_answer_failed(tr_process_worker_t *worker, uint64_t id,
                              troupe_outcome_t outcome, const char *why)
{
    tr_trp1_t error;
    tr_trp1_init(&error, TR_TRP1_ERROR, id);
    error.code = tr_span_of(troupe_outcome_name(outcome));
    error.text = tr_span_of(why);
    error.retryable = troupe_outcome_is_retryable(outcome);
    tr_dialogue_send(worker, &error, NULL);
}

void tr_dialogue_take_call(tr_process_worker_t *worker, const tr_trp1_t *request,
                           troupe_message_t **message_p)
{
    const tr_job_t *parent = request->parent > 0
                                 ? tr_given_jobs_get(&worker->given, (uint64_t)request->parent)
                                 : NULL;
    if (request->parent > 0 && !parent) {
        say_answer_failed(worker, request->id, TROUPE_OUTCOME_CANCELLED,
                          "the request that it was called for is not open any more");
        return;
    }
    const troupe_call_options_t options = {
        .timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : 0,
        .priority = (troupe_priority_t)request->priority,
        .credit = request->credit > 0 ? (uint64_t)request->credit : 0,
    };
    tr_header_t header = tr_errands_header(&worker->errands, parent, "", &options);
    header.capability = request->capability;
    header.method = request->method;
    header.sticky = request->sticky;
    header.dedup = request->dedup;
    if (request->traceparent.size > 0) {
        header.traceparent = request->traceparent;
    }
    if (tr_errands_start(&worker->errands, request->id, parent, &header, message_p, NULL,
                         NULL) != TROUPE_OK) {
        say_answer_failed(worker, request->id, TROUPE_OUTCOME_BAD_REQUEST,
                          "that id is in use, or there is no memory for one more");
    }
}

static troupe_status_t say_reply(tr_process_worker_t *worker, troupe_reply_t *reply)
{
    tr_trp1_t answer;
    bool is_error = reply->is_final && reply->outcome != TROUPE_OUTCOME_OK;
    tr_trp1_init(&answer,
                 is_error          ? TR_TRP1_ERROR
                 : reply->is_final ? TR_TRP1_REPLY
                                   : TR_TRP1_PART,
                 reply->id);
    if (is_error) {
        answer.code = tr_span_of(troupe_outcome_name(reply->outcome));
        answer.text = tr_span_of(troupe_reply_text(reply));
        answer.retryable = troupe_outcome_is_retryable(reply->outcome);
        answer.hint_ms = reply->hint_ms > 0 ? reply->hint_ms : -1;
    } else if (!reply->is_final) {
        answer.sequence = (int64_t)reply->sequence;
    }
    return tr_dialogue_send(worker, &answer, reply->message);
}

/* The process grants parts itself, and bytes have been taken when they are on their way. */
static void note_said(tr_process_worker_t *worker, troupe_reply_t *reply)
{
    if (reply->is_final) {
        tr_errands_taken(&worker->errands, reply);
    } else {
        tr_errands_grant(&worker->errands, reply->id, 0, tr_reply_flow_bytes(reply));
    }
    troupe_reply_destroy(&reply);
}

void tr_dialogue_say_unsaid(tr_process_worker_t *worker)
{
    while (worker->unsaid && say_reply(worker, worker->unsaid) != TROUPE_FULL) {
        troupe_reply_t *reply = worker->unsaid;
        worker->unsaid = (troupe_reply_t *)reply->letter.next;
        reply->letter.next = NULL;
        note_said(worker, reply);
    }
}

void tr_dialogue_answer(tr_process_worker_t *worker, troupe_reply_t *reply)
{
    reply->letter.next = NULL;
    if (worker->unsaid) {
        worker->last_unsaid->letter.next = &reply->letter;
    } else {
        worker->unsaid = reply;
    }
    worker->last_unsaid = reply;
    tr_dialogue_say_unsaid(worker);
}

void tr_dialogue_forget_unsaid(tr_process_worker_t *worker)
{
    while (worker->unsaid) {
        troupe_reply_t *reply = worker->unsaid;
        worker->unsaid = (troupe_reply_t *)reply->letter.next;
        troupe_reply_destroy(&reply);
    }
}
