/* To the worker the proxy is the router of every capability that it calls: such a request goes
 * on to the node, and its answers come back by the same way.
 *
 * Invariant: `calls` holds a share of each request that the worker has made and that has had no
 * final yet.
 */

#include "actors/host/inside.h"

#include <stdio.h>
#include <stdlib.h>

/* A request of the worker to somebody else. */
typedef struct call {
    tr_envelope_t *envelope; /* a share; its number is the id that the node knows */
    uint64_t told;           /* parts that the node was allowed to send */
} call_t;

static void forget_call(tr_host_t *self, uint64_t id)
{
    call_t *call = tr_idmap_take(&self->calls, id);
    if (call) {
        tr_envelope_release(&call->envelope);
        free(call);
    }
}

static void end_call(tr_host_t *self, uint64_t id, troupe_outcome_t outcome, const char *why)
{
    call_t *call = tr_idmap_get(&self->calls, id);
    if (call) {
        tr_envelope_answer(call->envelope, outcome, 0, "%s", why);
        forget_call(self, id);
    }
}

void tr_host_end_calls(tr_host_t *self, const char *why)
{
    uint64_t id;
    while (tr_idmap_any(&self->calls, &id)) {
        end_call(self, id, TROUPE_OUTCOME_WORKER_LOST, why);
    }
}

static uint64_t credit_for(call_t *call)
{
    const tr_flow_spent_t heard = {call->envelope->n_parts, call->envelope->n_bytes};
    return tr_flow_pass_on(&call->envelope->flow, &heard, &call->told);
}

/* ---- to the node ---- */

static troupe_status_t send_call(tr_host_t *self, call_t *call)
{
    const tr_envelope_t *envelope = call->envelope;
    tr_trp1_t request;
    tr_trp1_init(&request, TR_TRP1_REQUEST, envelope->number);
    request.capability = tr_span_of(envelope->capability);
    request.method = tr_span_of(envelope->method);
    request.traceparent = tr_span_of(envelope->traceparent);
    request.sticky = envelope->sticky;
    request.dedup = envelope->dedup;
    request.priority = (int64_t)envelope->priority;
    request.timeout_ms = envelope->timeout_ms > 0 ? envelope->timeout_ms : -1;
    request.credit = (int64_t)credit_for(call);
    request.parent = envelope->parent > 0 ? (int64_t)envelope->parent : -1;
    return tr_uplink_send(self->uplink, &request, envelope->message, 0);
}

void tr_host_take_call(tr_host_t *self, tr_envelope_t *envelope)
{
    call_t *call = calloc(1, sizeof *call);
    envelope->number = ++self->last_call;
    if (!call || tr_idmap_put(&self->calls, envelope->number, call) != TROUPE_OK) {
        free(call);
        tr_envelope_answer(envelope, TROUPE_OUTCOME_OVERLOADED, 0, "out of memory");
        tr_envelope_release(&envelope);
        return;
    }
    call->envelope = envelope;
    troupe_status_t status =
        atomic_load(&envelope->is_answered) ? TROUPE_OK : send_call(self, call);
    if (status == TROUPE_LIMIT) {
        end_call(self, envelope->number, TROUPE_OUTCOME_BAD_REQUEST,
                 "the capability, the method, a key or the trace context is too long");
    } else if (status != TROUPE_OK) {
        end_call(self, envelope->number, TROUPE_OUTCOME_WORKER_LOST,
                 "the connection to the node is lost");
    } else if (atomic_load(&envelope->is_answered)) {
        forget_call(self, envelope->number);
    }
}

static void send_note(tr_host_t *self, tr_trp1_command_t word, uint64_t id, uint64_t credit)
{
    tr_trp1_t command;
    tr_trp1_init(&command, word, id);
    command.credit = credit > 0 ? (int64_t)credit : -1;
    tr_uplink_send(self->uplink, &command, NULL, 0);
}

/* A cancel that overtakes its request is heard when that is taken. */
void tr_host_cancel_call(tr_host_t *self, tr_envelope_t *envelope)
{
    if (envelope->number == 0) {
        tr_envelope_answer(envelope, TROUPE_OUTCOME_CANCELLED, 0, NULL);
    } else if (tr_idmap_get(&self->calls, envelope->number)) {
        send_note(self, TR_TRP1_CANCEL, envelope->number, 0);
    }
}

void tr_host_pass_on_credit(tr_host_t *self, uint64_t id)
{
    call_t *call = tr_idmap_get(&self->calls, id);
    uint64_t n_parts = call ? credit_for(call) : 0;
    if (n_parts > 0) {
        send_note(self, TR_TRP1_CREDIT, id, n_parts);
    }
}

/* ---- back from it ---- */

/* An error never means "ok", whatever a node of a later version may call it. */
troupe_outcome_t tr_host_outcome_of(tr_span_t code)
{
    for (int i = 0; i < TROUPE_N_OUTCOMES; i++) {
        if (i != TROUPE_OUTCOME_OK &&
            tr_span_equals(code, troupe_outcome_name((troupe_outcome_t)i))) {
            return (troupe_outcome_t)i;
        }
    }
    return TROUPE_OUTCOME_INTERNAL;
}

void tr_host_give_up_call(tr_host_t *self, uint64_t id)
{
    if (tr_idmap_get(&self->calls, id)) {
        send_note(self, TR_TRP1_CANCEL, id, 0);
        end_call(self, id, TROUPE_OUTCOME_INTERNAL, "out of memory");
    }
}

void tr_host_take_answer(tr_host_t *self, const tr_trp1_t *answer, troupe_message_t **message_p)
{
    call_t *call = tr_idmap_get(&self->calls, answer->id);
    if (!call) {
        return;
    }
    bool is_final = answer->command != TR_TRP1_PART;
    char text[TR_TRP1_MAX_TEXT + 1];
    snprintf(text, sizeof text, "%.*s", (int)answer->text.size,
             answer->text.size ? answer->text.data : "");
    troupe_reply_t *reply = tr_reply_new(
        answer->id, is_final,
        answer->command == TR_TRP1_ERROR ? tr_host_outcome_of(answer->code) : TROUPE_OUTCOME_OK,
        text, message_p);
    if (!reply) {
        tr_host_give_up_call(self, answer->id);
        return;
    }
    reply->hint_ms = answer->hint_ms > 0 ? answer->hint_ms : 0;
    tr_envelope_forward(call->envelope, &reply);
    if (is_final) {
        forget_call(self, answer->id);
    } else {
        tr_host_pass_on_credit(self, answer->id);
    }
}
