/* A request of the process is one like that of any other worker, an errand, from here on. What
 * comes back goes to the process in order; what that does not read waits, and with it, since
 * no credit is granted for it, whoever sends.
 */

#include "actors/process/dialogue.h"

uint64_t tr_dialogue_number(const tr_process_worker_t *worker, uint64_t id)
{
    return id ^ (worker->self->incarnation << 40 & TR_TRP1_MAX_NUMBER);
}

/* A call that never began, under an id that may be that of one that did. */
void tr_dialogue_refuse_call(tr_process_worker_t *worker, uint64_t id, troupe_outcome_t outcome,
                             const char *why)
{
    troupe_reply_t *reply =
        tr_reply_new(tr_dialogue_number(worker, id), true, outcome, why, NULL);
    if (reply) {
        reply->was_not_started = true;
        tr_dialogue_answer(worker, reply);
    }
}

static tr_header_t header_of(const tr_process_worker_t *worker, const tr_trp1_t *request,
                             const tr_job_t *parent)
{
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
    header.is_shut = request->credit == 0;
    if (request->traceparent.size > 0) {
        header.traceparent = request->traceparent;
    }
    return header;
}

void tr_dialogue_take_call(tr_process_worker_t *worker, const tr_trp1_t *request,
                           troupe_message_t **message_p)
{
    const tr_job_t *parent =
        request->parent > 0 ? tr_given_jobs_get(&worker->work.given, (uint64_t)request->parent)
                            : NULL;
    if (request->parent > 0 && !parent) {
        tr_dialogue_refuse_call(worker, request->id, TROUPE_OUTCOME_CANCELLED,
                                "the request that it was called for is not open any more");
        return;
    }
    if (request->timeout_ms == 0) {
        tr_dialogue_refuse_call(worker, request->id, TROUPE_OUTCOME_TIMEOUT,
                                "no time was left for it");
        return;
    }
    uint64_t number = tr_dialogue_number(worker, request->id);
    if (number == 0) {
        tr_dialogue_refuse_call(worker, request->id, TROUPE_OUTCOME_BAD_REQUEST,
                                "that id cannot be used");
        return;
    }
    tr_header_t header = header_of(worker, request, parent);
    switch (
        tr_errands_start(&worker->errands, number, parent, &header, message_p, NULL, NULL)) {
    case TROUPE_OK:
        tr_errands_get(&worker->errands, number)->grants_itself = request->credit >= 0;
        break;
    case TROUPE_EXISTS:
        tr_dialogue_refuse_call(worker, request->id, TROUPE_OUTCOME_BAD_REQUEST,
                                "that id is in use");
        break;
    default:
        tr_dialogue_refuse_call(worker, request->id, TROUPE_OUTCOME_OVERLOADED,
                                "the node is out of memory");
        break;
    }
}

void tr_dialogue_take_credit(tr_process_worker_t *worker, const tr_trp1_t *credit)
{
    uint64_t number = tr_dialogue_number(worker, credit->id);
    const tr_errand_t *errand = tr_errands_get(&worker->errands, number);
    if (errand && errand->grants_itself && credit->credit > 0) {
        tr_errands_grant(&worker->errands, number, (uint64_t)credit->credit, 0);
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
                 tr_dialogue_number(worker, reply->id) & TR_TRP1_MAX_NUMBER);
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

/* What is on its way has been taken; how many more parts are welcome, the process may have
 * chosen to say itself. */
static void note_said(tr_process_worker_t *worker, troupe_reply_t *reply)
{
    const tr_errand_t *errand = tr_errands_get(&worker->errands, reply->id); /* not of an ask */
    if (errand && !reply->is_final && errand->grants_itself) {
        tr_errands_grant(&worker->errands, reply->id, 0, tr_reply_flow_bytes(reply));
    } else if (errand && !reply->was_not_started) {
        tr_errands_taken(&worker->errands, reply);
    }
    troupe_reply_destroy(&reply);
}

/* False: it must be tried again. */
static bool has_said(tr_process_worker_t *worker, troupe_reply_t *reply)
{
    troupe_status_t status = say_reply(worker, reply);
    return status != TROUPE_FULL && status != TROUPE_ERR_NOMEM;
}

void tr_dialogue_say_unsaid(tr_process_worker_t *worker)
{
    while (worker->unsaid && has_said(worker, worker->unsaid)) {
        troupe_reply_t *reply = worker->unsaid;
        worker->unsaid = (troupe_reply_t *)reply->letter.next;
        worker->n_unsaid--;
        reply->letter.next = NULL;
        note_said(worker, reply);
    }
}

/* To ask costs a process nothing, not even when it is refused; so one that never reads could
 * have any number of answers wait for it. */
static void give_up_reading(tr_process_worker_t *worker, troupe_reply_t *reply)
{
    tr_reason_t reason =
        tr_reason_format(TROUPE_REASON_FAILED, "it does not read what it has asked for");
    worker->is_deaf = true;
    tr_dialogue_fail(worker, &reason);
    troupe_reply_destroy(&reply);
}

void tr_dialogue_answer(tr_process_worker_t *worker, troupe_reply_t *reply)
{
    if (worker->n_unsaid == TR_DIALOGUE_MOST_UNSAID) {
        give_up_reading(worker, reply);
        return;
    }
    reply->letter.next = NULL;
    if (worker->unsaid) {
        worker->last_unsaid->letter.next = &reply->letter;
    } else {
        worker->unsaid = reply;
    }
    worker->last_unsaid = reply;
    worker->n_unsaid++;
    tr_dialogue_say_unsaid(worker);
}

void tr_dialogue_forget_unsaid(tr_process_worker_t *worker)
{
    while (worker->unsaid) {
        troupe_reply_t *reply = worker->unsaid;
        worker->unsaid = (troupe_reply_t *)reply->letter.next;
        troupe_reply_destroy(&reply);
    }
    worker->n_unsaid = 0;
}
