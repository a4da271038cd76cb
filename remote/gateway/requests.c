/* What a peer wants to be done, whatever its dialect: what it may, and the way in and out of
 * the node for what it may.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/slab.h"
#include "mailbox/message.h"
#include "mailbox/reply.h"
#include "remote/gateway/inside.h"

#define ADMIN "troupe."

void tr_requests_refuse_for(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *request,
                            troupe_outcome_t outcome, int64_t hint_ms, const char *why)
{
    char text[TR_TRP1_MAX_TEXT];
    tr_reply_compose(text, sizeof text, outcome, why);
    peer->dialect->refuse(gateway, peer, request->id, request->capability, outcome, text,
                          hint_ms);
}

void tr_requests_refuse(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *request,
                        troupe_outcome_t outcome, const char *format, ...)
{
    char why[TR_TRP1_MAX_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    tr_requests_refuse_for(gateway, peer, request, outcome, 0, why);
}

static bool is_operation(const tr_trp1_t *request)
{
    return request->capability.size >= strlen(ADMIN) &&
           memcmp(request->capability.data, ADMIN, strlen(ADMIN)) == 0;
}

void tr_requests_note_forbidden(tr_gateway_t *gateway, const tr_peer_t *peer, tr_right_t right,
                                tr_span_t what)
{
    tr_entry_forbid(&gateway->entry, peer, &gateway->doors.all[peer->door], right, what,
                    tr_gateway_now_ms(gateway));
}

/* Operations are for those who have the right; and to whom goaway was said, nothing else is
 * open, even before every router has heard of it. */
static bool may_call(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *request)
{
    bool is_admin = is_operation(request);
    if (gateway->is_draining && !is_admin) {
        tr_requests_refuse(gateway, peer, request, TROUPE_OUTCOME_SHUTTING_DOWN,
                           "the node is draining");
        return false;
    }
    if (is_admin && !peer->rights->is_admin) {
        tr_requests_note_forbidden(gateway, peer, TR_RIGHT_ADMIN, request->capability);
        tr_requests_refuse(gateway, peer, request, TROUPE_OUTCOME_FORBIDDEN,
                           "this peer may not call %.*s", (int)request->capability.size,
                           request->capability.data);
        return false;
    }
    if (!is_admin && request->capability.size > 0 &&
        !tr_allowed_has(&peer->rights->calls, request->capability)) {
        tr_requests_note_forbidden(gateway, peer, TR_RIGHT_CALL, request->capability);
        tr_requests_refuse(gateway, peer, request, TROUPE_OUTCOME_FORBIDDEN,
                           "this peer may not call %.*s", (int)request->capability.size,
                           request->capability.data);
        return false;
    }
    return true;
}

const char *tr_requests_payload_problem(const tr_peer_t *peer, const troupe_message_t *payload,
                                        bool has_too_many_frames,
                                        char text[TR_REQUESTS_MAX_PROBLEM])
{
    const tr_peer_limits_t *limits = peer->limits;
    size_t n_frames = payload ? troupe_message_count(payload) : 0;
    if (has_too_many_frames || n_frames > limits->max_frames) {
        snprintf(text, TR_REQUESTS_MAX_PROBLEM, "more than %zu payload frames",
                 limits->max_frames);
        return text;
    }
    for (size_t i = 0; i < n_frames; i++) {
        if (troupe_message_size(payload, i) > limits->max_frame) {
            snprintf(text, TR_REQUESTS_MAX_PROBLEM, "a frame of more than %zu bytes",
                     limits->max_frame);
            return text;
        }
    }
    if (n_frames > 0 && troupe_message_bytes(payload) > limits->max_message) {
        snprintf(text, TR_REQUESTS_MAX_PROBLEM, "more than %zu bytes in all frames",
                 limits->max_message);
        return text;
    }
    return NULL;
}

bool tr_requests_admits(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *request,
                        const troupe_message_t *payload, bool has_too_many_frames)
{
    if (tr_idmap_get(&peer->calls, request->id)) {
        tr_requests_refuse(gateway, peer, request, TROUPE_OUTCOME_BAD_REQUEST,
                           "the id %llu is in use", (unsigned long long)request->id);
        return false;
    }
    char text[TR_REQUESTS_MAX_PROBLEM];
    const char *problem = tr_requests_payload_problem(peer, payload, has_too_many_frames, text);
    if (problem) {
        tr_guard_note(gateway, peer, TR_LIMIT_SIZE);
        tr_requests_refuse(gateway, peer, request, TROUPE_OUTCOME_TOO_LARGE, "%s", problem);
        return false;
    }
    return tr_guard_admits(gateway, peer, request, is_operation(request));
}

/* Note the call as open, so that its answer finds the way back. */
static tr_open_call_t *open_call(tr_gateway_t *gateway, tr_peer_t *peer,
                                 const tr_trp1_t *request, tr_route_t *route,
                                 troupe_message_t **payload_p)
{
    tr_open_call_t *call = tr_slab_alloc(sizeof *call);
    if (!call) {
        troupe_message_destroy(payload_p);
        return NULL;
    }
    *call = (tr_open_call_t){
        .peer = peer,
        .peer_id = request->id,
        .id = ++gateway->last_id,
        .route = route,
        /* Whoever looks at the node's events does so for as long as it is there. */
        .finish_on_disconnect = request->finish_on_disconnect && !is_operation(request),
        .grants_itself = request->credit >= 0,
    };
    const tr_header_t header = {
        .capability = request->capability,
        .method = request->method,
        .traceparent = request->traceparent,
        .sticky = request->sticky,
        .dedup = request->dedup,
        .timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : 0,
        .priority = (troupe_priority_t)request->priority,
        .credit = request->credit > 0 ? (uint64_t)request->credit : 0,
        .is_shut = request->credit == 0,
        .wants_status = request->wants_status,
        .caller = tr_span_of(peer->name),
        .peer = peer->number,
    };
    call->envelope = tr_envelope_new(call->id, gateway->self->mailbox, &header, payload_p);
    if (!call->envelope || tr_gateway_note_call(gateway, call) != TROUPE_OK) {
        if (call->envelope) {
            atomic_store(&call->envelope->is_answered, true); /* the peer is told here */
        }
        tr_envelope_release(&call->envelope);
        tr_slab_free(call, sizeof *call);
        return NULL;
    }
    return call;
}

/* What no router ever saw is answered here, and only here. */
static void answer_unposted(tr_gateway_t *gateway, tr_open_call_t *call,
                            troupe_outcome_t outcome, const char *why)
{
    atomic_store(&call->envelope->is_answered, true);
    tr_trp1_t request;
    tr_trp1_init(&request, TR_TRP1_REQUEST, call->peer_id);
    request.capability = tr_span_of(call->route->name);
    tr_requests_refuse(gateway, call->peer, &request, outcome, "%s", why);
    tr_gateway_close_call(gateway, call);
}

void tr_requests_take(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *request,
                      troupe_message_t **payload_p, bool has_too_many_frames)
{
    if (!tr_requests_admits(gateway, peer, request, *payload_p, has_too_many_frames) ||
        !may_call(gateway, peer, request)) {
        return;
    }
    if (request->timeout_ms == 0) {
        tr_requests_refuse(gateway, peer, request, TROUPE_OUTCOME_TIMEOUT,
                           "no time was left for it");
        return;
    }
    if (request->actor.size > 0) {
        tr_talk_ask(gateway, peer, request, payload_p);
        return;
    }
    tr_route_t *route = tr_routes_find(&gateway->routes, gateway->self->runtime->directory,
                                       request->capability);
    if (!route) {
        tr_requests_refuse(gateway, peer, request, TROUPE_OUTCOME_NO_CAPABILITY,
                           "nobody offers '%.*s' here", (int)request->capability.size,
                           request->capability.data);
        return;
    }
    tr_open_call_t *call = open_call(gateway, peer, request, route, payload_p);
    if (!call) {
        tr_route_release(&route);
        tr_requests_refuse(gateway, peer, request, TROUPE_OUTCOME_OVERLOADED,
                           "the node is out of memory");
        return;
    }
    troupe_status_t status = tr_route_leave(route, call->envelope);
    if (status == TROUPE_FULL) {
        answer_unposted(gateway, call, TROUPE_OUTCOME_OVERLOADED,
                        "the capability's mailbox is full");
    } else if (status != TROUPE_OK) {
        answer_unposted(gateway, call, TROUPE_OUTCOME_SHUTTING_DOWN,
                        "the capability is stopping");
    }
}

void tr_requests_cancel(tr_gateway_t *gateway, tr_peer_t *peer, uint64_t id)
{
    tr_open_call_t *call = tr_idmap_get(&peer->calls, id);
    if (call && call->is_monitor) {
        return; /* there is a word of its own for that */
    }
    if (call && !call->envelope) {
        tr_talk_give_up(gateway, call, TROUPE_OUTCOME_CANCELLED, "cancelled by the caller");
    } else if (call) {
        tr_envelope_cancel(call->envelope, call->route->router);
    }
}

/* Bytes are granted as the parts leave, whoever grants the parts: what a slow connection leaves
 * lying is bounded too. */
void tr_requests_grant(tr_peer_t *peer, uint64_t id, int64_t n_parts)
{
    tr_open_call_t *call = tr_idmap_get(&peer->calls, id);
    if (call && call->grants_itself && n_parts > 0) {
        tr_envelope_grant(call->envelope, call->route->router, (uint64_t)n_parts, 0);
    }
}
