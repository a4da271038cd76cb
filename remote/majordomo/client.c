/* Clients: a request becomes one of TRP/1, and its outcome a reply.
 *
 * A client of 0.1 takes one reply to a request. Parts are kept for it until the final comes,
 * and are in front of what that has to say, so that nothing is lost; what is kept for one peer
 * is bounded.
 *
 * A client that sends far ahead has so many requests in the node as a queue of common length
 * holds; the others wait in its lobby.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "remote/majordomo/majordomo.h"

#define MMI        "mmi."
#define WINDOW     64 /* requests that a client may have open; the others wait */
#define FRAME_COST 64 /* bytes that a frame takes beside its own */

struct tr_gathered {
    troupe_message_t *message;
    size_t bytes; /* as they were counted for the peer */
};

static tr_span_t route_name(const tr_open_call_t *call)
{
    return (tr_span_t){call->route->name, call->route->size};
}

/* ---- what clients are told ---- */

static void answer(tr_gateway_t *gateway, tr_peer_t *peer, tr_span_t service,
                   troupe_message_t *body)
{
    tr_mdp_t final = {.dialect = peer->majordomo->dialect,
                      .role = TR_MDP_CLIENT,
                      .command = TR_MDP_FINAL,
                      .service = service};
    tr_majordomo_send(gateway, peer, &final, body, 0, 0);
}

static void answer_text(tr_gateway_t *gateway, tr_peer_t *peer, tr_span_t service,
                        const char *text)
{
    troupe_message_t *body = troupe_message_from_text(text);
    if (body) {
        answer(gateway, peer, service, body);
    } else {
        tr_peer_cut(peer, "out of memory");
    }
    troupe_message_destroy(&body);
}

/* There is no word for an error: it is a reply of three frames. */
static void answer_error(tr_gateway_t *gateway, tr_peer_t *peer, tr_span_t service,
                         troupe_outcome_t outcome, const char *text)
{
    const char *code = troupe_outcome_name(outcome);
    troupe_message_t *body = troupe_message_from_text(TR_MAJORDOMO_ERROR);
    if (body && troupe_message_add(body, code, strlen(code)) == TROUPE_OK &&
        troupe_message_add(body, text, strlen(text)) == TROUPE_OK) {
        answer(gateway, peer, service, body);
    } else {
        tr_peer_cut(peer, "out of memory");
    }
    troupe_message_destroy(&body);
}

void tr_majordomo_refuse(tr_gateway_t *gateway, tr_peer_t *peer, uint64_t id,
                         tr_span_t capability, troupe_outcome_t outcome, const char *text,
                         int64_t hint_ms)
{
    (void)id;
    (void)hint_ms;
    answer_error(gateway, peer, capability, outcome, text);
}

/* ---- parts for who takes one reply ---- */

void tr_majordomo_forget_parts(tr_open_call_t *call)
{
    struct tr_gathered *gathered = call->gathered;
    if (!gathered) {
        return;
    }
    if (call->peer) {
        call->peer->majordomo->gathered_bytes -= gathered->bytes;
    }
    troupe_message_destroy(&gathered->message);
    free(gathered);
    call->gathered = NULL;
}

static bool begin_to_gather(tr_open_call_t *call)
{
    if (!call->gathered) {
        call->gathered = calloc(1, sizeof *call->gathered);
    }
    if (call->gathered && !call->gathered->message) {
        call->gathered->message = troupe_message_new();
    }
    return call->gathered && call->gathered->message;
}

/* What keeps the part from being kept; NULL: it was, or some of it. */
static const char *keep_part(tr_open_call_t *call, troupe_message_t *part)
{
    size_t n_frames = part ? troupe_message_count(part) : 0;
    size_t bytes = (part ? troupe_message_bytes(part) : 0) + n_frames * FRAME_COST;
    tr_majordomo_t *self = call->peer->majordomo;
    if (self->gathered_bytes + bytes > call->peer->limits->max_out_bytes) {
        return "all the parts of this peer together are more than one reply may be";
    }
    if (!begin_to_gather(call)) {
        return "the node is out of memory";
    }
    call->gathered->bytes += bytes;
    self->gathered_bytes += bytes;
    for (size_t i = 0; i < n_frames; i++) {
        if (tr_message_add_frame(call->gathered->message, &part->frames[i]) != TROUPE_OK) {
            return "the node is out of memory";
        }
    }
    return NULL;
}

/* The client hears at once that its reply cannot be had, and the worker that nobody waits. */
static void gather(tr_gateway_t *gateway, tr_open_call_t *call, troupe_reply_t *reply)
{
    uint64_t bytes = tr_reply_flow_bytes(reply);
    const char *why = keep_part(call, reply->message);
    if (why) {
        char text[TR_TRP1_MAX_TEXT];
        tr_reply_compose(text, sizeof text, TROUPE_OUTCOME_TOO_LARGE, why);
        answer_error(gateway, call->peer, route_name(call), TROUPE_OUTCOME_TOO_LARGE, text);
        tr_gateway_withdraw(call);
        reply->is_final = true; /* for who closes the call */
    } else {
        call->peer->on_part(call->peer->on_part_arg, call->id, bytes);
    }
}

/* ---- what a router or worker says ---- */

static void send_part(tr_gateway_t *gateway, tr_open_call_t *call, troupe_reply_t *reply)
{
    tr_mdp_t partial = {.dialect = call->peer->majordomo->dialect,
                        .role = TR_MDP_CLIENT,
                        .command = TR_MDP_PARTIAL,
                        .service = route_name(call)};
    tr_majordomo_send(gateway, call->peer, &partial, reply->message, call->id,
                      tr_reply_flow_bytes(reply));
}

static void send_gathered(tr_gateway_t *gateway, tr_open_call_t *call,
                          const troupe_reply_t *reply)
{
    troupe_message_t *body = call->gathered->message;
    size_t n_frames = reply->message ? troupe_message_count(reply->message) : 0;
    for (size_t i = 0; i < n_frames; i++) {
        if (tr_message_add_frame(body, &reply->message->frames[i]) != TROUPE_OK) {
            tr_peer_cut(call->peer, "out of memory");
            return;
        }
    }
    answer(gateway, call->peer, route_name(call), body);
}

void tr_majordomo_reply(tr_gateway_t *gateway, tr_open_call_t *call, troupe_reply_t *reply)
{
    bool takes_parts =
        tr_mdp_has(call->peer->majordomo->dialect, TR_MDP_CLIENT, TR_MDP_PARTIAL);
    if (!reply->is_final) {
        takes_parts ? send_part(gateway, call, reply) : gather(gateway, call, reply);
    } else if (reply->outcome != TROUPE_OUTCOME_OK) {
        answer_error(gateway, call->peer, route_name(call), reply->outcome,
                     troupe_reply_text(reply));
    } else if (call->gathered) {
        send_gathered(gateway, call, reply);
    } else {
        answer(gateway, call->peer, route_name(call), reply->message);
    }
}

/* ---- the management interface ---- */

static const char mmi_service[] = MMI "service";

static void answer_mmi(tr_gateway_t *gateway, tr_peer_t *peer, bool can_serve)
{
    answer_text(gateway, peer, tr_span_of(mmi_service), can_serve ? "200" : "404");
    if (peer->is_gone) {
        tr_gateway_drop_peer(gateway, peer);
    }
}

void tr_majordomo_take_report(tr_gateway_t *gateway, const tr_report_t *report)
{
    tr_peer_t *peer = tr_mmi_take(&gateway->mmi, report->token);
    if (peer) {
        answer_mmi(gateway, peer, tr_mmi_can_serve(report));
    }
}

int64_t tr_majordomo_expire(tr_gateway_t *gateway, int64_t now_ms)
{
    tr_peer_t *peer;
    while ((peer = tr_mmi_take_late(&gateway->mmi, now_ms)) != NULL) {
        answer_mmi(gateway, peer, false);
    }
    return tr_mmi_due_ms(&gateway->mmi);
}

/* Have the router tell how it is. */
static void survey(tr_gateway_t *gateway, tr_peer_t *peer, tr_mailbox_t *router)
{
    tr_control_t *word = tr_control_new(TR_WORD_SURVEY, 0);
    uint64_t token = word ? tr_mmi_ask(&gateway->mmi, peer, tr_gateway_now_ms(gateway)) : 0;
    if (token == 0) {
        tr_letter_t *letter = word ? &word->letter : NULL;
        tr_letter_destroy(&letter);
        answer_error(gateway, peer, tr_span_of(mmi_service), TROUPE_OUTCOME_OVERLOADED,
                     "too many such questions wait for their answer");
        return;
    }
    word->number = token;
    word->mailbox = tr_mailbox_share(gateway->self->mailbox);
    tr_control_send(word, router);
}

/* Whoever may not call a service does not learn that it is there. */
static void ask_about(tr_gateway_t *gateway, tr_peer_t *peer, tr_span_t service)
{
    bool may_know = !tr_majordomo_is_reserved(service) && !gateway->is_draining &&
                    tr_allowed_has(&peer->rights->calls, service);
    tr_mailbox_t *router = may_know ? tr_directory_find(gateway->self->runtime->directory,
                                                        TR_NAMES_CAPABILITY, service)
                                    : NULL;
    if (router) {
        survey(gateway, peer, router);
        tr_mailbox_release(&router);
    } else {
        answer_text(gateway, peer, tr_span_of(mmi_service), "404");
    }
}

static void take_mmi(tr_gateway_t *gateway, tr_peer_t *peer, tr_span_t service,
                     const troupe_message_t *body)
{
    if (!tr_span_equals(service, mmi_service)) {
        answer_text(gateway, peer, service, "501");
        return;
    }
    size_t last = troupe_message_count(body) - 1;
    ask_about(gateway, peer,
              (tr_span_t){troupe_message_data(body, last), troupe_message_size(body, last)});
}

/* ---- what clients say ---- */

static bool is_mmi(tr_span_t service)
{
    return service.size >= strlen(MMI) && memcmp(service.data, MMI, strlen(MMI)) == 0;
}

/* Capabilities have plain names; any other bytes are better not in a text. */
static bool is_printable(tr_span_t service)
{
    for (size_t i = 0; i < service.size; i++) {
        if (service.data[i] <= ' ' || service.data[i] > '~') {
            return false;
        }
    }
    return true;
}

static void let_in(tr_gateway_t *gateway, tr_peer_t *peer, tr_span_t service,
                   troupe_message_t **body_p, bool has_too_many_frames)
{
    tr_trp1_t request;
    tr_trp1_init(&request, TR_TRP1_REQUEST, ++peer->majordomo->last_id);
    request.capability = service;
    /* As its own broker does: who asks anew by another socket may find it done. */
    request.finish_on_disconnect = true;
    if (!is_printable(service)) {
        tr_requests_refuse(gateway, peer, &request, TROUPE_OUTCOME_NO_CAPABILITY,
                           "nobody offers a service of that name here");
        return;
    }
    tr_requests_take(gateway, peer, &request, body_p, has_too_many_frames);
}

static bool has_window(const tr_peer_t *peer)
{
    return peer->calls.n_items < WINDOW && peer->party->n_open < peer->limits->max_open;
}

static void let_wait(tr_gateway_t *gateway, tr_peer_t *peer, tr_span_t service,
                     troupe_message_t **body_p)
{
    troupe_status_t status =
        tr_lobby_enter(&peer->majordomo->lobby, service, body_p, peer->limits->max_out_bytes);
    tr_trp1_t request;
    tr_trp1_init(&request, TR_TRP1_REQUEST, 0);
    request.capability = service;
    if (status == TROUPE_FULL) {
        tr_guard_note(gateway, peer, TR_LIMIT_QUEUE);
        tr_requests_refuse(gateway, peer, &request, TROUPE_OUTCOME_OVERLOADED,
                           "too many of this peer's requests wait");
    } else if (status != TROUPE_OK) {
        tr_requests_refuse(gateway, peer, &request, TROUPE_OUTCOME_OVERLOADED,
                           "the node is out of memory");
    }
}

/* Those that are refused at once make room at once: some are left to the next time then. */
void tr_majordomo_call_in(tr_gateway_t *gateway, tr_peer_t *peer)
{
    tr_waiting_t *waiting;
    for (size_t n = 0; n < WINDOW && !peer->is_gone && has_window(peer) &&
                       (waiting = tr_lobby_call(&peer->majordomo->lobby)) != NULL;
         n++) {
        let_in(gateway, peer, (tr_span_t){waiting->service, waiting->service_size},
               &waiting->body, false);
        tr_waiting_destroy(&waiting);
    }
}

void tr_majordomo_take_request(tr_gateway_t *gateway, tr_peer_t *peer, const tr_mdp_t *mdp,
                               troupe_message_t **body_p, bool has_too_many_frames)
{
    if (mdp->command != TR_MDP_REQUEST) {
        tr_majordomo_refuse_malformed(gateway, peer, "not what a client says");
        return;
    }
    if (is_mmi(mdp->service)) {
        take_mmi(gateway, peer, mdp->service, *body_p);
        return;
    }
    const tr_lobby_t *lobby = &peer->majordomo->lobby;
    if (has_too_many_frames || (has_window(peer) && lobby->n == 0)) {
        let_in(gateway, peer, mdp->service, body_p, has_too_many_frames);
    } else {
        let_wait(gateway, peer, mdp->service, body_p);
    }
}
