/* Workers: a peer that is ready offers its service, and is one line of the gateway's; what it
 * is given it answers one after the other.
 *
 * Always true:
 *   - It has one request at a time: that is what it is offered with, and no batches go to those
 *     who have come by themselves. One that nobody waits for any more is still its request.
 *   - The address that it gets with a request is the request's number here, and it must give
 *     that back: what answers anything else is no answer.
 *   - Whoever was told to disconnect is not listened to any more, and hears nothing more.
 */

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "remote/majordomo/majordomo.h"
#include "remote/workers/workers.h"

#define REFUSAL_PAUSE_MS 1000 /* whoever is sent away comes back at once */
#define ADDRESS_SIZE     24

/* ---- what it is told ---- */

static void send_word(tr_gateway_t *gateway, tr_peer_t *peer, tr_mdp_command_t command)
{
    tr_mdp_t word = {
        .dialect = peer->majordomo->dialect, .role = TR_MDP_WORKER, .command = command};
    tr_vigil_note_sent(&peer->majordomo->vigil, tr_gateway_now_ms(gateway));
    tr_majordomo_send(gateway, peer, &word, NULL, 0, 0);
}

void tr_majordomo_assign(tr_gateway_t *gateway, tr_line_t *line, const tr_trp1_t *request,
                         troupe_message_t *payload)
{
    tr_majordomo_t *self = line->peer->majordomo;
    assert(self->request == 0);
    char address[ADDRESS_SIZE];
    int size = snprintf(address, sizeof address, "%llu", (unsigned long long)request->id);
    tr_mdp_t command = {.dialect = self->dialect,
                        .role = TR_MDP_WORKER,
                        .command = TR_MDP_REQUEST,
                        .address = {address, (size_t)size}};
    int64_t now_ms = tr_gateway_now_ms(gateway);
    self->request = request->id;
    tr_vigil_set_busy(&self->vigil, true, now_ms);
    tr_vigil_note_sent(&self->vigil, now_ms);
    tr_majordomo_send(gateway, line->peer, &command, payload, 0, 0);
}

/* ---- it is sent away ---- */

static void disconnect(tr_gateway_t *gateway, tr_peer_t *peer, const char *why)
{
    tr_event(gateway->self->runtime->events, TR_LOG_INFO, "worker_dismissed",
             TR_TEXT("why", why), TR_NUMBER("peer", peer->number), TR_TEXT("name", peer->name),
             TR_TEXT("address", peer->address));
    send_word(gateway, peer, TR_MDP_DISCONNECT);
    peer->is_ignored = true;
}

void tr_majordomo_dismiss(tr_gateway_t *gateway, tr_peer_t *peer, const char *why)
{
    disconnect(gateway, peer, why);
    peer->why_gone = peer->why_gone ? peer->why_gone : why;
    tr_workers_part(gateway, peer);
}

void tr_majordomo_stop(tr_gateway_t *gateway, tr_line_t *line)
{
    disconnect(gateway, line->peer, "nothing is left for it to do");
}

/* Later, since most come back at once, and would be refused again. */
static void dismiss_later(tr_gateway_t *gateway, tr_majordomo_t *self, int64_t hint_ms,
                          const char *why)
{
    int64_t longest_ms = gateway->vigil.interval_ms;
    int64_t pause_ms = hint_ms > longest_ms ? longest_ms : hint_ms;
    self->dismiss_at_ms = tr_clock_after(
        tr_gateway_now_ms(gateway), pause_ms > REFUSAL_PAUSE_MS ? pause_ms : REFUSAL_PAUSE_MS);
    self->dismiss_why = why;
}

void tr_majordomo_refuse_offer(tr_gateway_t *gateway, tr_peer_t *peer, const char *capability,
                               troupe_outcome_t outcome, const char *text, int64_t hint_ms)
{
    (void)capability;
    (void)outcome;
    (void)text;
    dismiss_later(gateway, peer->majordomo, hint_ms, "its offer was refused");
}

/* ---- what it says ---- */

static void take_ready(tr_gateway_t *gateway, tr_peer_t *peer, tr_span_t service)
{
    tr_majordomo_t *self = peer->majordomo;
    if (self->has_offered) {
        tr_majordomo_dismiss(gateway, peer, "it has said a second time that it is ready");
        return;
    }
    self->has_offered = true;
    if (tr_majordomo_is_reserved(service)) {
        dismiss_later(gateway, self, 0, "the name of its service is reserved");
        return;
    }
    tr_worker_offer_t offer = {.capability = service, .concurrency = 1};
    tr_workers_offer(gateway, peer, &offer);
}

/* A body of the three frames by which a client is told an error: so a worker may fail a
 * request. */
static bool is_error(const troupe_message_t *body)
{
    return troupe_message_count(body) == 3 &&
           tr_span_equals(
               (tr_span_t){troupe_message_data(body, 0), troupe_message_size(body, 0)},
               TR_MAJORDOMO_ERROR) &&
           troupe_message_size(body, 1) <= TR_TRP1_MAX_WORD &&
           troupe_message_size(body, 2) <= TR_TRP1_MAX_TEXT;
}

static tr_trp1_t terms_of(const tr_mdp_t *mdp, uint64_t id, const troupe_message_t *body,
                          const char *problem)
{
    tr_trp1_t told;
    bool is_final = mdp->command == TR_MDP_FINAL;
    bool is_failure = problem || (is_final && is_error(body));
    tr_trp1_init(&told,
                 is_failure ? TR_TRP1_ERROR
                 : is_final ? TR_TRP1_REPLY
                            : TR_TRP1_PART,
                 id);
    if (problem) {
        told.code = tr_span_of(troupe_outcome_name(TROUPE_OUTCOME_TOO_LARGE));
        told.text = tr_span_of(problem);
    } else if (is_failure) {
        told.code = (tr_span_t){troupe_message_data(body, 1), troupe_message_size(body, 1)};
        told.text = (tr_span_t){troupe_message_data(body, 2), troupe_message_size(body, 2)};
    }
    return told;
}

static bool is_for(uint64_t id, tr_span_t address)
{
    char text[ADDRESS_SIZE];
    snprintf(text, sizeof text, "%llu", (unsigned long long)id);
    return id > 0 && tr_span_equals(address, text);
}

static void take_answer(tr_gateway_t *gateway, tr_peer_t *peer, const tr_mdp_t *mdp,
                        troupe_message_t **body_p, bool has_too_many_frames)
{
    tr_majordomo_t *self = peer->majordomo;
    if (!is_for(self->request, mdp->address)) {
        tr_majordomo_dismiss(gateway, peer, "it has answered what it was not asked");
        return;
    }
    char text[TR_REQUESTS_MAX_PROBLEM];
    const char *problem = tr_requests_payload_problem(peer, *body_p, has_too_many_frames, text);
    if (problem && mdp->command == TR_MDP_PARTIAL) {
        tr_majordomo_dismiss(gateway, peer, "a part of its answer is too large");
        return;
    }
    tr_trp1_t told = terms_of(mdp, self->request, *body_p, problem);
    bool is_known =
        tr_workers_hear(gateway, peer, &told, told.command == TR_TRP1_ERROR ? NULL : body_p);
    assert(is_known); /* it has a request */
    (void)is_known;
    if (mdp->command == TR_MDP_FINAL && !peer->is_gone) {
        self->request = 0;
        tr_vigil_set_busy(&self->vigil, false, tr_gateway_now_ms(gateway));
    }
}

/* One that was refused gets nothing, and does not know it yet. */
static void take_word(tr_gateway_t *gateway, tr_peer_t *peer, const tr_mdp_t *mdp,
                      troupe_message_t **body_p, bool has_too_many_frames)
{
    tr_majordomo_t *self = peer->majordomo;
    switch (mdp->command) {
    case TR_MDP_READY:
        take_ready(gateway, peer, mdp->service);
        break;
    case TR_MDP_PARTIAL:
    case TR_MDP_FINAL:
        take_answer(gateway, peer, mdp, body_p, has_too_many_frames);
        break;
    case TR_MDP_HEARTBEAT:
        if (tr_vigil_hear(&self->vigil, &gateway->vigil, tr_gateway_now_ms(gateway)) &&
            self->dismiss_at_ms == 0 && !peer->first_out) {
            send_word(gateway, peer, TR_MDP_HEARTBEAT);
        }
        break;
    default:
        tr_majordomo_dismiss(gateway, peer, "it has said what a worker does not say");
        break;
    }
}

void tr_majordomo_take_worker(tr_gateway_t *gateway, tr_peer_t *peer, const tr_mdp_t *mdp,
                              troupe_message_t **body_p, bool has_too_many_frames)
{
    if (mdp->command == TR_MDP_DISCONNECT) {
        peer->has_left = peer->is_gone = true;
    } else if (mdp->command != TR_MDP_READY && !peer->majordomo->has_offered) {
        tr_majordomo_dismiss(gateway, peer, "it has not said that it is ready");
    } else {
        take_word(gateway, peer, mdp, body_p, has_too_many_frames);
    }
}

/* ---- time ---- */

void tr_majordomo_tend_worker(tr_gateway_t *gateway, tr_peer_t *peer, int64_t now_ms)
{
    tr_majordomo_t *self = peer->majordomo;
    if (self->dismiss_at_ms > 0) {
        if (now_ms >= self->dismiss_at_ms) {
            tr_majordomo_dismiss(gateway, peer, self->dismiss_why);
        }
        return;
    }
    switch (tr_vigil_look(&self->vigil, &gateway->vigil, now_ms)) {
    case TR_VIGIL_BEAT:
        if (!peer->first_out) {
            send_word(gateway, peer, TR_MDP_HEARTBEAT);
        }
        break;
    case TR_VIGIL_GONE:
        tr_majordomo_dismiss(gateway, peer, "it has been silent for too long");
        break;
    default:
        break;
    }
}
