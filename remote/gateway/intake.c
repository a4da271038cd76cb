/* What comes in. Each peer is looked up by the socket by which it came and its routing id; one
 * that comes back after it was forgotten is a new one.
 */

#include <czmq.h>

#include "base/clock.h"
#include "mailbox/message.h"
#include "remote/doors/endpoint.h"
#include "remote/gateway/inside.h"

#define COMMANDS_IN_A_CROWD 32
#define CROWD_MS            50
#define COMMANDS_PER_READ   256

/* ---- who it is from ---- */

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
    peer->on_part = tr_gateway_note_part_left;
    peer->on_part_arg = gateway;
    if (!tr_guard_meet(gateway, peer, descriptor) ||
        tr_peers_add(&gateway->peers, peer) != TROUPE_OK) {
        tr_guard_part(gateway, peer);
        tr_peer_destroy(&peer);
    }
    tr_metric_set(gateway->n_peers, (int64_t)gateway->peers.n_peers);
    return peer;
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

/* ---- what it is ---- */

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

void tr_gateway_read(tr_self_t *self, void *socket, int descriptor)
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
