/* The gateway looks each peer up by the socket it came in by and its routing id. It forgets a
 * peer that says good-bye, that cannot be reached, that breaks its own heartbeat, or that has
 * been silent with nothing open; a peer that comes back is a new one.
 *
 * An open call is in two maps, the gateway's and its peer's, and leaves both at once; only one
 * that is to finish although its peer has gone stays in the gateway's.
 *
 * Of a stream the gateway is the reader. A part counts as taken when the socket has it, or when
 * there is nobody any more to send it to.
 */

#include "remote/gateway/gateway.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/dead_letter.h"
#include "actors/report.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/slab.h"
#include "mailbox/message.h"
#include "mailbox/reply.h"
#include "remote/doors/endpoint.h"
#include "remote/gateway/inside.h"
#include "remote/majordomo/majordomo.h"
#include "remote/workers/workers.h"

#define MAILBOX_LETTERS ((size_t)1 << 17)
#define MAILBOX_BYTES   ((size_t)256 << 20)

#define LINGER_MS            500
#define COMMANDS_IN_A_CROWD  32
#define CROWD_MS             50
#define COMMANDS_PER_READ    256
#define RETRY_MS             1
#define ROUND_MS             50
#define GOOD_BYE_PATIENCE_MS 10000 /* until a good-bye has found room */
#define FAREWELL_MS          200 /* for a good-bye to reach the peer, before its connection ends */
#define MISSED_BEATS         3
#define SHUT_PATIENCE_MS     10000 /* for what is open behind an endpoint that goes */
#define GOOD_BYE_MS          100 /* for what was said last to leave: unbinding drops what has not */
#define KEEP_BODY_MS         1000

/* ---- peers ---- */

int64_t tr_gateway_now_ms(tr_gateway_t *gateway)
{
    if (gateway->now_ms == 0) {
        gateway->now_ms = tr_clock_now_ms();
    }
    return gateway->now_ms;
}

/* A part has left, or nobody will get it. One whose call is over needs no grant. */
static void on_part_left(void *arg, uint64_t call_id, uint64_t n_bytes)
{
    tr_gateway_t *gateway = arg;
    tr_open_call_t *call = tr_idmap_get(&gateway->calls, call_id);
    if (call) {
        tr_envelope_grant(call->envelope, call->route->router, call->grants_itself ? 0 : 1,
                          n_bytes);
    }
}

void tr_gateway_send(tr_gateway_t *gateway, tr_peer_t *peer, troupe_message_t **message_p,
                     uint64_t call_id, uint64_t part_bytes)
{
    tr_peer_send_message(peer, message_p, call_id, part_bytes, tr_gateway_now_ms(gateway));
    gateway->has_backlog = gateway->has_backlog || peer->first_out;
}

static void free_peer(tr_gateway_t *gateway, tr_peer_t **peer_p)
{
    tr_guard_part(gateway, *peer_p);
    tr_peer_destroy(peer_p);
}

/* Who sent it stands with each frame of a message but the routing id, which is libzmq's own. */
static tr_peer_t *new_peer(tr_gateway_t *gateway, uint32_t door, zmq_msg_t *routing_id,
                           zmq_msg_t *frame)
{
    int descriptor = zmq_msg_get(frame, ZMQ_SRCFD);
    if (!tr_guard_hears(gateway, door, descriptor, routing_id)) {
        return NULL;
    }
    tr_peer_t *peer = tr_peer_new(tr_runtime_next_incarnation(gateway->self->runtime),
                                  zsock_resolve(gateway->doors.all[door].socket),
                                  tr_endpoint_is_ipc(gateway->doors.all[door].endpoint),
                                  zmq_msg_data(routing_id), zmq_msg_size(routing_id),
                                  &gateway->doors.all[door].limits, tr_gateway_now_ms(gateway));
    if (!peer) {
        return NULL;
    }
    peer->door = door;
    peer->is_barred = !tr_entry_admit(&gateway->entry, peer, &gateway->doors.all[door], frame,
                                      tr_gateway_now_ms(gateway));
    peer->on_part = on_part_left;
    peer->on_part_arg = gateway;
    if (!tr_guard_meet(gateway, peer, descriptor) ||
        tr_peers_add(&gateway->peers, peer) != TROUPE_OK) {
        free_peer(gateway, &peer);
    }
    tr_metric_set(gateway->n_peers, (int64_t)gateway->peers.n_peers);
    return peer;
}

troupe_status_t tr_gateway_note_call(tr_gateway_t *gateway, tr_open_call_t *call)
{
    troupe_status_t status = tr_idmap_put(&call->peer->calls, call->peer_id, call);
    if (status == TROUPE_OK &&
        (status = tr_idmap_put(&gateway->calls, call->id, call)) != TROUPE_OK) {
        tr_idmap_take(&call->peer->calls, call->peer_id);
    }
    if (status == TROUPE_OK) {
        call->peer->party->n_open++;
    }
    return status;
}

/* It is not the peer's any more. */
static void take_from_peer(tr_open_call_t *call)
{
    if (call->peer && tr_idmap_take(&call->peer->calls, call->peer_id)) {
        call->peer->party->n_open--;
    }
    call->peer = NULL;
}

void tr_gateway_close_call(tr_gateway_t *gateway, tr_open_call_t *call)
{
    tr_majordomo_forget_parts(call);
    take_from_peer(call);
    tr_idmap_take(&gateway->calls, call->id);
    if (call->is_monitor) {
        tr_watching_stop(&gateway->watching, call->id);
    } else if (!call->envelope) {
        tr_timers_cancel(&gateway->deadlines, call->id);
    }
    tr_envelope_release(&call->envelope);
    tr_route_release(&call->route);
    tr_slab_free(call, sizeof *call);
}

/* Nobody wants it any more. What an actor was asked it answers all the same, to nobody. */
void tr_gateway_withdraw(const tr_open_call_t *call)
{
    if (call->envelope) {
        tr_envelope_cancel(call->envelope, call->route->router);
    }
}

/* The peer of the call goes, yet it runs to its end: its parts are taken, and dropped, as they
 * come. What the peer would still have granted nobody knows, so a new window is. */
static void let_run(tr_open_call_t *call)
{
    take_from_peer(call);
    if (call->grants_itself) {
        call->grants_itself = false;
        tr_envelope_grant(call->envelope, call->route->router, TR_FLOW_PARTS, 0);
    }
}

/* What it was to get is lost, and it must know: all else waits behind the good-bye. */
static void say_good_bye(tr_gateway_t *gateway, tr_peer_t *peer)
{
    peer->is_leaving = true;
    peer->is_gone = false;
    peer->max_bundle = 0;
    peer->leave_by_ms = tr_clock_after(tr_clock_now_ms(), GOOD_BYE_PATIENCE_MS);
    tr_peer_forget_backlog(peer);
    if (peer->dialect->bye) {
        peer->dialect->bye(gateway, peer);
    }
}

static void stop_gathering(tr_gateway_t *gateway, tr_peer_t *peer)
{
    tr_peer_t **place = &gateway->gathering;
    while (peer->is_gathering && *place != peer) {
        place = &(*place)->next_gathering;
    }
    if (peer->is_gathering) {
        *place = peer->next_gathering;
        peer->is_gathering = false;
    }
}

/* Whoever turns out to be gone is dropped by the next round, which comes at once. */
static void send_bundles(tr_gateway_t *gateway)
{
    while (gateway->gathering) {
        tr_peer_t *peer = gateway->gathering;
        stop_gathering(gateway, peer);
        tr_peer_send_bundle(peer, tr_gateway_now_ms(gateway));
        gateway->has_backlog = gateway->has_backlog || peer->first_out;
        if (peer->is_gone) {
            gateway->next_round_ms = tr_gateway_now_ms(gateway);
        }
    }
}

void tr_gateway_drop_peer(tr_gateway_t *gateway, tr_peer_t *peer)
{
    stop_gathering(gateway, peer);
    uint64_t id;
    tr_open_call_t *call;
    while ((call = tr_idmap_any(&peer->calls, &id)) != NULL) {
        if (call->finish_on_disconnect && call->envelope) {
            let_run(call);
        } else {
            tr_gateway_withdraw(call);
            tr_gateway_close_call(gateway, call); /* its answer will find nobody */
        }
    }
    tr_talk_part(gateway, peer);
    tr_workers_part(gateway, peer);
    if (peer->dialect && peer->dialect->part) {
        peer->dialect->part(gateway, peer);
    }
    if (peer->is_cut && !peer->is_leaving) {
        tr_guard_note(gateway, peer, peer->cut_by);
        say_good_bye(gateway, peer);
        return;
    }
    tr_peers_remove(&gateway->peers, peer);
    free_peer(gateway, &peer);
    tr_metric_set(gateway->n_peers, (int64_t)gateway->peers.n_peers);
}

static tr_peer_t *find_peer(tr_gateway_t *gateway, uint32_t door, zmq_msg_t *routing_id,
                            zmq_msg_t *frame)
{
    size_t size = zmq_msg_size(routing_id);
    if (size > TR_PEER_MAX_ROUTING_ID) {
        return NULL;
    }
    tr_peer_t *peer = tr_peers_find(&gateway->peers, door, zmq_msg_data(routing_id), size);
    /* Whoever chooses a routing id may choose that of somebody who has gone; he gets nothing of
     * what that one had. */
    if (peer && tr_entry_is_another(peer, &gateway->doors.all[door], frame)) {
        tr_peer_cut(peer, "somebody else has its routing id now");
        peer->is_leaving = true; /* nothing that is sent would reach it */
        tr_gateway_drop_peer(gateway, peer);
        peer = NULL;
    }
    return peer ? peer : new_peer(gateway, door, routing_id, frame);
}

static void tell_arrival(tr_gateway_t *gateway, const tr_peer_t *peer)
{
    tr_event_live(gateway->self->runtime->events, peer->name[0] ? TR_LOG_INFO : TR_LOG_DEBUG,
                  "peer_came", TR_NUMBER("peer", peer->number), TR_TEXT("name", peer->name),
                  TR_TEXT("address", peer->address),
                  TR_TEXT("endpoint", gateway->doors.all[peer->door].endpoint),
                  TR_TEXT("dialect", peer->dialect->name));
}

static bool has_broken_heartbeat(const tr_peer_t *peer, int64_t now_ms)
{
    return peer->heartbeat_ms > 0 &&
           now_ms - peer->last_heard_ms > peer->heartbeat_ms * MISSED_BEATS;
}

/* Sending is how a vanished peer is found out: a ROUTER says when nobody is there. */
static void look_after_peer(tr_gateway_t *gateway, tr_peer_t *peer, int64_t now_ms)
{
    tr_peer_flush(peer, now_ms);
    gateway->has_backlog = gateway->has_backlog || peer->first_out;
    if (!peer->is_gathering && now_ms - peer->last_sent_ms > KEEP_BODY_MS) {
        tr_bundle_finish(&peer->bundle); /* peers are many, few of them busy */
    }
    if (peer->is_leaving) {
        int64_t soon_ms = tr_clock_after(now_ms, FAREWELL_MS);
        if (!peer->first_out && peer->leave_by_ms > soon_ms) {
            peer->leave_by_ms = soon_ms;
        }
        peer->is_gone = peer->is_gone || now_ms >= peer->leave_by_ms;
        return;
    }
    if (!peer->is_gone && peer->dialect->tend) {
        peer->dialect->tend(gateway, peer, now_ms);
    }
    int64_t interval_ms = peer->heartbeat_ms > 0 ? peer->heartbeat_ms : TR_GATEWAY_HEARTBEAT_MS;
    bool is_needed = peer->calls.n_items > 0 || peer->ref || tr_workers_has_any(peer);
    if (!peer->is_gone && peer->dialect->ping && is_needed &&
        now_ms - peer->last_sent_ms >= interval_ms) {
        peer->dialect->ping(gateway, peer);
    }
    if (!peer->is_gone && has_broken_heartbeat(peer, now_ms)) {
        tr_peer_cut(peer, "silent for three heartbeats");
    }
    tr_guard_look(peer, now_ms);
}

static void look_after_peers(tr_gateway_t *gateway, int64_t now_ms)
{
    tr_guard_look_inside(gateway);
    if (gateway->has_backlog) {
        tr_guard_look_at_all(gateway);
    }
    gateway->has_backlog = false;
    tr_peer_t *next;
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = next) {
        next = peer->next;
        look_after_peer(gateway, peer, now_ms);
        if (peer->is_gone) {
            tr_gateway_drop_peer(gateway, peer);
        }
    }
}

/* Only send what waits; whoever turns out to be gone is dropped by the next round, which comes
 * at once. */
static void try_backlogs(tr_gateway_t *gateway, int64_t now_ms)
{
    gateway->has_backlog = false;
    gateway->tried_ms = now_ms;
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = peer->next) {
        tr_peer_flush(peer, now_ms);
        gateway->has_backlog = gateway->has_backlog || peer->first_out;
        if (peer->is_gone) {
            gateway->next_round_ms = now_ms;
        }
    }
}

/* ---- what comes in ---- */

/* The frames behind the routing id: the first into `header`, the others into a message, up to
 * the one by which it is too large. False when there is no memory for them; all are read off in
 * any case. */
static bool read_rest(void *socket, const tr_peer_limits_t *limits, zmq_msg_t *header,
                      troupe_message_t *payload, bool *has_too_many)
{
    bool is_whole = true;
    int more = 1;
    for (size_t n = 0; more; n++) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            return false;
        }
        more = zmq_msg_more(&frame);
        if (n == 0) {
            zmq_msg_move(header, &frame);
        } else if (n > limits->max_frames + TR_GATEWAY_MAX_HEAD) {
            *has_too_many = true;
        } else if (troupe_message_bytes(payload) <=
                       limits->max_message + TR_GATEWAY_MAX_HEAD_BYTES &&
                   tr_message_add_frame(payload, &frame) != TROUPE_OK) {
            is_whole = false;
        }
        zmq_msg_close(&frame);
    }
    return is_whole;
}

/* Where one peer says much and others little, the answers to those others do not wait until
 * much has been read. */
static bool is_enough(const tr_gateway_t *gateway, size_t n_commands)
{
    return n_commands >= COMMANDS_IN_A_CROWD && gateway->now_ms < gateway->crowd_until_ms &&
           tr_mailbox_depth(gateway->self->mailbox) > 0;
}

/* Two that speak in turn are a crowd, for a while. */
static void note_speaker(tr_gateway_t *gateway, const tr_peer_t *peer)
{
    if (gateway->speaker != peer->number) {
        gateway->crowd_until_ms =
            gateway->speaker > 0 ? tr_clock_after(gateway->now_ms, CROWD_MS) : 0;
        gateway->speaker = peer->number;
    }
}

/* Returns how many commands it had. */
static size_t take_message(tr_gateway_t *gateway, uint32_t door, void *socket,
                           zmq_msg_t *routing_id)
{
    size_t n_commands = 1;
    zmq_msg_t header;
    zmq_msg_init(&header);
    troupe_message_t *payload = troupe_message_new();
    bool has_too_many = false;
    bool is_whole =
        payload && zmq_msg_more(routing_id) &&
        read_rest(socket, &gateway->doors.all[door].limits, &header, payload, &has_too_many);
    tr_peer_t *peer = is_whole ? find_peer(gateway, door, routing_id, &header) : NULL;
    if (peer && !peer->is_leaving) {
        peer->n_heard++;
        note_speaker(gateway, peer);
        peer->last_heard_ms = tr_gateway_now_ms(gateway);
        tr_span_t first = {zmq_msg_data(&header), zmq_msg_size(&header)};
        if (!peer->dialect) {
            peer->dialect = tr_dialect_of(first, payload);
            tell_arrival(gateway, peer);
        }
        if (peer->is_barred) {
            tr_peer_cut(peer, "its key is not known any more");
        } else if (peer->is_ignored) {
            tr_guard_count_bad(gateway, peer);
        } else {
            n_commands = peer->dialect->receive(gateway, peer, first, &payload, has_too_many);
        }
        if (peer->is_gone) {
            tr_gateway_drop_peer(gateway, peer);
        }
    } else if (!peer) {
        tr_metric_add(gateway->bad_messages[TR_DIALECT_UNKNOWN], 1);
    }
    troupe_message_destroy(&payload);
    zmq_msg_close(&header);
    return n_commands;
}

static void on_readable(tr_self_t *self, void *socket, int descriptor)
{
    (void)descriptor;
    tr_gateway_t *gateway = self->state;
    uint32_t door = tr_doors_of(&gateway->doors, socket);
    gateway->now_ms = tr_clock_now_ms();
    for (size_t n = 0; n < COMMANDS_PER_READ && !is_enough(gateway, n);) {
        zmq_msg_t routing_id;
        zmq_msg_init(&routing_id);
        bool is_there = zmq_msg_recv(&routing_id, socket, ZMQ_DONTWAIT) >= 0;
        if (is_there) {
            n += take_message(gateway, door, socket, &routing_id);
        }
        zmq_msg_close(&routing_id);
        if (!is_there) {
            return;
        }
    }
}

/* ---- what goes out ---- */

/* Of a call that runs on without its peer. */
static void drop_reply(tr_gateway_t *gateway, tr_open_call_t *call, troupe_reply_t *reply)
{
    if (reply->is_final) {
        tr_gateway_close_call(gateway, call);
    } else {
        on_part_left(gateway, call->id, troupe_message_bytes(troupe_reply_message(reply)));
    }
    troupe_reply_destroy(&reply);
}

/* Takes the reply. */
static void pass_on(tr_gateway_t *gateway, tr_open_call_t *call, troupe_reply_t *reply)
{
    tr_peer_t *peer = call->peer;
    peer->dialect->reply(gateway, call, reply);
    if (reply->is_final) {
        tr_gateway_close_call(gateway, call);
        if (peer->dialect->settled && !peer->is_gone) {
            peer->dialect->settled(gateway, peer);
        }
    }
    troupe_reply_destroy(&reply);
}

static void on_reply(tr_gateway_t *gateway, troupe_reply_t *reply)
{
    tr_open_call_t *call = tr_idmap_get(&gateway->calls, reply->id);
    if (!call) {
        troupe_reply_destroy(&reply); /* its peer has gone */
        return;
    }
    tr_peer_t *peer = call->peer;
    if (!peer) {
        drop_reply(gateway, call, reply);
        return;
    }
    pass_on(gateway, call, reply);
    if (peer->is_gone) {
        tr_gateway_drop_peer(gateway, peer);
    }
}

static void say_goaway(tr_gateway_t *gateway, tr_peer_t *peer)
{
    if (peer->dialect->goaway) {
        peer->dialect->goaway(gateway, peer);
    }
}

static void drain(tr_gateway_t *gateway)
{
    if (gateway->is_draining) {
        return;
    }
    gateway->is_draining = true;
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = peer->next) {
        say_goaway(gateway, peer);
    }
}

/* Those behind it are not thrown out, but asked to go on elsewhere. */
static void on_shut(void *arg, uint32_t door)
{
    tr_gateway_t *gateway = arg;
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = peer->next) {
        if (peer->door == door) {
            say_goaway(gateway, peer);
            tr_workers_drain(gateway, peer);
        }
    }
}

static void cut_and_drop(tr_gateway_t *gateway, tr_peer_t *peer, const char *why)
{
    tr_peer_cut(peer, why);
    tr_gateway_drop_peer(gateway, peer);
}

static void drop_peers(tr_gateway_t *gateway, uint32_t door)
{
    tr_peer_t *next;
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = next) {
        next = peer->next;
        if (peer->door == door) {
            peer->is_leaving = true; /* it heard of it before */
            tr_gateway_drop_peer(gateway, peer);
        }
    }
}

/* Other security: what is open there was allowed under the old rules, and ends now. */
static void on_reopen(void *arg, uint32_t door)
{
    tr_gateway_t *gateway = arg;
    tr_peer_t *next;
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = next) {
        next = peer->next;
        if (peer->door == door) {
            cut_and_drop(gateway, peer, "its endpoint has another security now");
        }
    }
    drop_peers(gateway, door);
}

/* Those whose keys are there no more are cut before the doors are looked after, and before
 * anybody says another word. */
static void follow(tr_gateway_t *gateway, const tr_gateway_spec_t *spec)
{
    char why[256];
    tr_guard_limit(gateway, &spec->limits);
    tr_keys_t *former;
    gateway->vigil = spec->vigil;
    if (!tr_entry_prepare(&gateway->entry, spec, &former, why, sizeof why)) {
        tr_event(gateway->self->runtime->events, TR_LOG_ERROR, "not_listening",
                 TR_TEXT("reason", why));
    }
    tr_peer_t *next;
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = next) {
        next = peer->next;
        if (!tr_entry_review(&gateway->entry, peer) && !peer->is_leaving) {
            cut_and_drop(gateway, peer, "its key is not known any more");
        }
    }
    tr_keys_release(&former);
    tr_doors_follow(&gateway->doors, spec, &gateway->entry.pair,
                    tr_clock_after(gateway->self->now.ms, SHUT_PATIENCE_MS), on_shut, on_reopen,
                    gateway);
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = next) {
        next = peer->next;
        if (!peer->is_leaving && !tr_workers_may_go_on(peer)) {
            cut_and_drop(gateway, peer, "it may not offer any more what it serves");
        }
    }
}

static void receive(tr_self_t *self, tr_letter_t *letter)
{
    tr_gateway_t *gateway = self->state;
    const tr_control_t *word = tr_control_in(letter);
    if (letter->type == &tr_reply_type) {
        on_reply(gateway, (troupe_reply_t *)letter);
        return;
    }
    if (letter->type == &tr_report_type) {
        tr_majordomo_take_report(gateway, (const tr_report_t *)letter);
        tr_letter_destroy(&letter);
        return;
    }
    if (tr_mail_in(letter)) {
        tr_talk_take(gateway, tr_mail_in(letter));
        return;
    }
    if (tr_line_letter_in(letter)) {
        tr_workers_take(gateway, tr_line_letter_in(letter));
        return;
    }
    if (word && word->word == TR_WORD_DRAIN) {
        drain(gateway);
    } else if (word && word->word == TR_WORD_NOT_JOINED) {
        tr_workers_take_refusal(gateway, word);
    } else if (word && word->word == TR_WORD_RESPEC && !gateway->is_stopping) {
        follow(gateway, word->what);
    } else if (word && word->word == TR_WORD_ENDED && !gateway->is_stopping &&
               tr_doorkeeper_is(gateway->entry.doorkeeper, word->incarnation)) {
        tr_reason_t reason = tr_reason_format(
            TROUPE_REASON_FAILED, "the doorkeeper has ended: %.100s", word->reason.text);
        tr_self_end(self, &reason);
    } else if (!word) {
        tr_dead_letter_take(self->runtime, self->name, "a gateway takes no messages", &letter);
        return;
    }
    tr_letter_destroy(&letter);
}

/* ---- turns ---- */

/* Those that serve hear that this is over, and may come again. */
static void dismiss_workers(tr_gateway_t *gateway)
{
    tr_peer_t *next;
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = next) {
        next = peer->next;
        if (peer->lines) {
            tr_peer_cut(peer, "the node is stopping");
            tr_gateway_drop_peer(gateway, peer);
            gateway->dismissed_ms = tr_gateway_now_ms(gateway);
        }
    }
}

/* The answers in the mailbox go out first; then what is still open is told that it is over. */
static void stop_when_flushed(tr_gateway_t *gateway, int64_t now_ms)
{
    bool is_patient = now_ms < gateway->stop_by_ms;
    if (is_patient && tr_mailbox_depth(gateway->self->mailbox) > 0) {
        return;
    }
    uint64_t id;
    tr_open_call_t *call;
    while ((call = tr_idmap_any(&gateway->calls, &id)) != NULL) {
        tr_gateway_withdraw(call);
        troupe_reply_t *end =
            tr_reply_new(0, true, TROUPE_OUTCOME_SHUTTING_DOWN, "the node is stopping", NULL);
        if (call->peer && end) {
            pass_on(gateway, call, end);
        } else {
            troupe_reply_destroy(&end);
            tr_gateway_close_call(gateway, call);
        }
    }
    dismiss_workers(gateway);
    send_bundles(gateway);
    look_after_peers(gateway, now_ms);
    bool has_left = now_ms - gateway->dismissed_ms >= GOOD_BYE_MS;
    if (!is_patient || (!gateway->has_backlog && has_left)) {
        tr_self_end(gateway->self, &gateway->stop_reason);
    }
}

static int64_t look_around(tr_gateway_t *gateway, int64_t now_ms)
{
    send_bundles(gateway);
    if (gateway->is_stopping) {
        stop_when_flushed(gateway, now_ms);
        return tr_clock_after(now_ms, RETRY_MS);
    }
    if (gateway->has_backlog && now_ms != gateway->tried_ms) {
        try_backlogs(gateway, now_ms);
    }
    if (now_ms >= gateway->next_round_ms) {
        look_after_peers(gateway, now_ms);
        gateway->next_round_ms = tr_clock_after(now_ms, ROUND_MS);
    }
    if (gateway->has_backlog) {
        return tr_clock_after(now_ms, RETRY_MS);
    }
    int64_t look_ms = tr_guard_sweep(gateway, now_ms);
    return gateway->peers.n_peers > 0 && gateway->next_round_ms < look_ms
               ? gateway->next_round_ms
               : look_ms;
}

static bool has_open_calls(const tr_gateway_t *gateway, uint32_t door)
{
    for (const tr_peer_t *peer = gateway->peers.first; peer; peer = peer->next) {
        if (peer->door == door &&
            (peer->calls.n_items > 0 || peer->first_out || tr_workers_has_any(peer))) {
            return true;
        }
    }
    return false;
}

/* Doors that are shut are gone when nothing is open behind them any more. Returns when to look
 * again. */
static int64_t look_after_doors(tr_gateway_t *gateway, int64_t now_ms, int64_t due_ms)
{
    int next;
    for (int door = tr_doors_next_shut(&gateway->doors, -1); door >= 0; door = next) {
        next = tr_doors_next_shut(&gateway->doors, door);
        int64_t gone_by_ms = gateway->doors.all[door].gone_by_ms;
        if (now_ms < gone_by_ms && has_open_calls(gateway, (uint32_t)door)) {
            due_ms = gone_by_ms < due_ms ? gone_by_ms : due_ms;
        } else {
            drop_peers(gateway, (uint32_t)door);
            tr_doors_forget(&gateway->doors, door);
        }
    }
    return due_ms;
}

static int64_t turn(tr_self_t *self, int64_t now_ms)
{
    tr_gateway_t *gateway = self->state;
    gateway->now_ms = now_ms;
    int64_t due_ms = look_around(gateway, now_ms);
    due_ms = look_after_doors(gateway, now_ms, due_ms);
    int64_t told_ms = tr_entry_turn(&gateway->entry, now_ms);
    due_ms = told_ms < due_ms ? told_ms : due_ms;
    int64_t expires_ms = tr_talk_expire(gateway, now_ms);
    due_ms = expires_ms < due_ms ? expires_ms : due_ms;
    expires_ms = tr_majordomo_expire(gateway, now_ms);
    due_ms = expires_ms < due_ms ? expires_ms : due_ms;
    gateway->now_ms = 0; /* a wait of any length may come now */
    tr_routes_forget(&gateway->routes);
    return due_ms;
}

static void stop(tr_self_t *self, const tr_reason_t *reason)
{
    tr_gateway_t *gateway = self->state;
    gateway->is_stopping = true;
    gateway->is_draining = true;
    gateway->stop_by_ms = tr_clock_after(tr_clock_now_ms(), LINGER_MS);
    gateway->stop_reason = *reason;
}

/* ---- life ---- */

static bool begin(tr_self_t *self, const void *arg)
{
    tr_gateway_t *gateway = calloc(1, sizeof *gateway);
    self->state = gateway;
    if (gateway) {
        gateway->self = self;
        gateway->vigil = ((const tr_gateway_spec_t *)arg)->vigil;
        tr_doors_init(&gateway->doors, self, on_readable, tr_guard_told);
        tr_entry_init(&gateway->entry, self);
        tr_idmap_init(&gateway->calls);
        tr_idmap_init(&gateway->known);
        tr_idmap_init(&gateway->lines);
        tr_timers_init(&gateway->deadlines);
        tr_watching_init(&gateway->watching, self->mailbox, NULL, 0);
    }
    if (!gateway || tr_peers_init(&gateway->peers) != TROUPE_OK || !tr_guard_begin(gateway)) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "out of memory");
        return false;
    }
    tr_guard_limit(gateway, &((const tr_gateway_spec_t *)arg)->limits);
    tr_metrics_t *metrics = self->runtime->metrics;
    for (tr_dialect_number_t i = 0; i < TR_N_DIALECTS; i++) {
        gateway->bad_messages[i] =
            tr_metrics_series(metrics, TR_METRIC_COUNTER, "troupe_gateway_bad_messages_total",
                              "Messages of peers that could not be understood",
                              (tr_label_t){"dialect", tr_dialect_name(i)}, (tr_label_t){0});
    }
    gateway->n_peers = tr_metrics_series(metrics, TR_METRIC_GAUGE, "troupe_gateway_peers",
                                         "Peers known now", (tr_label_t){0}, (tr_label_t){0});
    char why[256];
    tr_keys_t *former = NULL;
    bool is_listening =
        tr_entry_prepare(&gateway->entry, arg, &former, why, sizeof why) &&
        tr_doors_open_all(&gateway->doors, arg, &gateway->entry.pair, why, sizeof why);
    tr_keys_release(&former);
    if (!is_listening) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "%s", why);
    }
    return is_listening;
}

static void end(tr_self_t *self)
{
    tr_gateway_t *gateway = self->state;
    if (!gateway) {
        return;
    }
    while (gateway->peers.first) {
        tr_gateway_drop_peer(gateway, gateway->peers.first);
    }
    tr_peers_finish(&gateway->peers);
    uint64_t id;
    tr_open_call_t *call;
    while ((call = tr_idmap_any(&gateway->calls, &id)) != NULL) {
        tr_gateway_close_call(gateway, call);
    }
    tr_doors_finish(&gateway->doors);
    tr_guard_end(gateway);
    tr_entry_finish(&gateway->entry);
    tr_routes_forget(&gateway->routes);
    tr_idmap_finish(&gateway->calls);
    tr_idmap_finish(&gateway->known);
    tr_workers_finish(gateway);
    tr_timers_finish(&gateway->deadlines);
    tr_watching_finish(&gateway->watching);
    tr_mmi_finish(&gateway->mmi);
    free(gateway);
    self->state = NULL;
}

static const tr_actor_class_t gateway_class = {
    .kind = "gateway",
    .begin = begin,
    .receive = receive,
    .turn = turn,
    .stop = stop,
    .end = end,
};

troupe_status_t tr_gateway_start(const tr_birth_t *birth, tr_actor_t **out)
{
    return tr_actor_start(
        &(tr_actor_setup_t){
            .class = &gateway_class,
            .name = birth->name,
            .runtime = birth->runtime,
            .parent = birth->parent,
            .limits = {MAILBOX_LETTERS, MAILBOX_BYTES},
            .arg = birth->what,
            .keepsake = birth->keepsake,
        },
        out);
}
