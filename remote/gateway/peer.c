/* A ROUTER socket refuses only the first frame, the routing id, and then the whole message: so
 * a message is either sent or still whole.
 */

#include "remote/gateway/peer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mailbox/message.h"

#define MOST_IN_FLIGHT ((size_t)4 << 20)

tr_peer_t *tr_peer_new(uint64_t number, void *socket, bool is_local, const void *routing_id,
                       size_t size, const tr_peer_limits_t *limits, int64_t now_ms)
{
    assert(socket && routing_id && limits && size <= TR_PEER_MAX_ROUTING_ID);
    tr_peer_t *self = calloc(1, sizeof *self);
    if (self) {
        self->number = number;
        self->socket = socket;
        self->limits = limits;
        self->is_local = is_local;
        self->routing_id_size = size;
        memcpy(self->routing_id, routing_id, size);
        self->last_heard_ms = self->last_sent_ms = now_ms;
        tr_idmap_init(&self->calls);
    }
    return self;
}

void tr_peer_write_address(char text[TR_PEER_MAX_ADDRESS + 1], const char *address)
{
    static const char local[] = "localhost";
    const char *given = address ? address : "";
    const char *ids = strncmp(given, local, strlen(local)) == 0 ? given + strlen(local) : given;
    unsigned user;
    unsigned group;
    unsigned process;
    int length = 0;
    if (sscanf(ids, ":%u:%u:%u%n", &user, &group, &process, &length) == 3 &&
        ids[length] == '\0') {
        snprintf(text, TR_PEER_MAX_ADDRESS + 1, "ipc %u:%u:%u", user, group, process);
    } else {
        snprintf(text, TR_PEER_MAX_ADDRESS + 1, "%s", given);
    }
}

void tr_peer_introduce(tr_peer_t *self, const char *name, const char *address)
{
    assert(self);
    snprintf(self->name, sizeof self->name, "%s", name ? name : "");
    tr_peer_write_address(self->address, address);
}

bool tr_peer_is_of(const tr_peer_t *self, const char *name, const char *address)
{
    assert(self);
    char text[TR_PEER_MAX_ADDRESS + 1];
    tr_peer_write_address(text, address);
    return strcmp(self->name, name ? name : "") == 0 && strcmp(self->address, text) == 0;
}

static tr_outgoing_t *pop(tr_peer_t *self)
{
    tr_outgoing_t *out = self->first_out;
    self->first_out = out->next;
    if (!out->next) {
        self->last_out = NULL;
    }
    self->n_out -= out->n_commands;
    self->out_bytes -= out->bytes;
    return out;
}

static void tell_of_part(const tr_peer_t *self, uint64_t call_id, uint64_t n_bytes)
{
    if (call_id > 0 && self->on_part) {
        self->on_part(self->on_part_arg, call_id, n_bytes);
    }
}

/* The first that waits is done with: it has left, or is dropped. */
static void let_go_of_first(tr_peer_t *self)
{
    tr_outgoing_t *out = pop(self);
    tell_of_part(self, out->call_id, out->part_bytes);
    troupe_message_destroy(&out->message);
    free(out);
}

void tr_peer_forget_backlog(tr_peer_t *self)
{
    while (self->first_out) {
        let_go_of_first(self);
    }
    tr_bundle_empty(&self->bundle);
}

void tr_peer_destroy(tr_peer_t **self_p)
{
    assert(self_p);
    tr_peer_t *self = *self_p;
    if (!self) {
        return;
    }
    assert(self->calls.n_items == 0 && !self->ref);
    tr_peer_forget_backlog(self);
    tr_bundle_finish(&self->bundle);
    tr_idmap_finish(&self->calls);
    tr_in_flight_release(&self->in_flight);
    free(self);
    *self_p = NULL;
}

static int send_bytes(void *socket, const void *bytes, size_t size, int flags)
{
    int rc;
    do {
        rc = zmq_send(socket, bytes, size, flags | ZMQ_DONTWAIT);
    } while (rc < 0 && errno == EINTR);
    return rc;
}

/* What libzmq has of it is bounded by bytes, too. One message is always let through. */
static bool has_enough(const tr_peer_t *self)
{
    return self->in_flight && tr_in_flight_bytes(self->in_flight) >= MOST_IN_FLIGHT;
}

/* Without memory a frame goes uncounted. */
static void count_frames(tr_peer_t *self, troupe_message_t *message)
{
    for (size_t i = 0; i < message->n_frames; i++) {
        if (zmq_msg_size(&message->frames[i]) > TR_IN_FLIGHT_SMALL) {
            self->in_flight = self->in_flight ? self->in_flight : tr_in_flight_new();
            if (self->in_flight) {
                (void)tr_in_flight_count(self->in_flight, &message->frames[i]);
            }
        }
    }
}

/* TROUPE_FULL: try again later. */
static troupe_status_t address(tr_peer_t *self)
{
    if (has_enough(self)) {
        return TROUPE_FULL;
    }
    if (send_bytes(self->socket, self->routing_id, self->routing_id_size, ZMQ_SNDMORE) < 0) {
        return errno == EAGAIN ? TROUPE_FULL : TROUPE_CLOSED;
    }
    return TROUPE_OK;
}

/* Send what waited. */
static troupe_status_t send_now(tr_peer_t *self, troupe_message_t *message, int64_t now_ms)
{
    troupe_status_t status = address(self);
    if (status != TROUPE_OK) {
        return status;
    }
    count_frames(self, message);
    if (tr_message_send(message, 0, self->socket, ZMQ_DONTWAIT) != 0) {
        return TROUPE_CLOSED; /* it went away between two frames: libzmq drops the rest */
    }
    self->last_sent_ms = now_ms;
    return TROUPE_OK;
}

static void be_gone(tr_peer_t *self, const char *why)
{
    if (!self->is_gone) {
        self->is_gone = true;
        self->why_gone = why;
        tr_log(TR_LOG_INFO, "peer_gone", TR_TEXT("why", why),
               TR_NUMBER("open", self->calls.n_items), TR_NUMBER("peer", self->number),
               TR_TEXT("name", self->name), TR_TEXT("address", self->address));
    }
}

void tr_peer_lose(tr_peer_t *self)
{
    assert(self);
    be_gone(self, "disconnected");
}

void tr_peer_cut(tr_peer_t *self, const char *why)
{
    self->is_cut = true;
    be_gone(self, why);
}

void tr_peer_cut_by(tr_peer_t *self, tr_limit_t limit, const char *why)
{
    assert(self);
    if (!self->is_gone) {
        self->cut_by = limit;
    }
    tr_peer_cut(self, why);
}

/* What is to be sent: borrowed, but the frames of the payload move. */
typedef struct parcel {
    tr_span_t head;            /* data NULL: the payload is all */
    troupe_message_t *payload; /* NULL: none */
    size_t n_commands;
    uint64_t call_id; /* these two as in tr_outgoing_t */
    uint64_t part_bytes;
} parcel_t;

static uint64_t payload_bytes(const parcel_t *parcel)
{
    return parcel->payload ? troupe_message_bytes(parcel->payload) : 0;
}

static bool has_room(const tr_peer_t *self, const parcel_t *parcel)
{
    size_t bytes = parcel->head.size + payload_bytes(parcel);
    return self->n_out == 0 || (self->n_out + parcel->n_commands <= self->limits->max_out &&
                                self->out_bytes + bytes <= self->limits->max_out_bytes);
}

/* Frame 0 and, moved behind it, the payload. NULL when out of memory. */
static troupe_message_t *compose(const parcel_t *parcel)
{
    troupe_message_t *payload = parcel->payload;
    troupe_message_t *message = parcel->head.data
                                    ? troupe_message_from(parcel->head.data, parcel->head.size)
                                    : troupe_message_new();
    for (size_t i = 0; message && payload && i < payload->n_frames; i++) {
        if (tr_message_add_frame(message, &payload->frames[i]) != TROUPE_OK) {
            troupe_message_destroy(&message);
        }
    }
    return message;
}

/* False when out of memory. */
static bool queue(tr_peer_t *self, const parcel_t *parcel, int64_t now_ms)
{
    tr_outgoing_t *out = malloc(sizeof *out);
    uint64_t bytes = parcel->head.size + payload_bytes(parcel);
    troupe_message_t *message = out ? compose(parcel) : NULL;
    if (!message) {
        free(out);
        return false;
    }
    *out = (tr_outgoing_t){
        .bytes = bytes,
        .message = message,
        .n_commands = parcel->n_commands,
        .call_id = parcel->call_id,
        .part_bytes = parcel->part_bytes,
    };
    if (self->last_out) {
        self->last_out->next = out;
    } else {
        self->first_out = out;
        self->waits_since_ms = now_ms;
    }
    self->last_out = out;
    self->n_out += out->n_commands;
    self->out_bytes += out->bytes;
    return true;
}

/* Send what does not wait, without making one message of it before. */
static troupe_status_t send_at_once(tr_peer_t *self, const parcel_t *parcel, int64_t now_ms)
{
    troupe_status_t status = address(self);
    if (status != TROUPE_OK) {
        return status;
    }
    bool has_payload = parcel->payload && parcel->payload->n_frames > 0;
    if (has_payload) {
        count_frames(self, parcel->payload);
    }
    if ((parcel->head.data && send_bytes(self->socket, parcel->head.data, parcel->head.size,
                                         has_payload ? ZMQ_SNDMORE : 0) < 0) ||
        (has_payload && tr_message_send(parcel->payload, 0, self->socket, ZMQ_DONTWAIT) != 0)) {
        return TROUPE_CLOSED;
    }
    self->last_sent_ms = now_ms;
    return TROUPE_OK;
}

/* Send it, or let it wait. True: it waits, and its part, if it is one, has not left. */
static bool send_or_queue(tr_peer_t *self, const parcel_t *parcel, int64_t now_ms)
{
    troupe_status_t status = self->first_out ? TROUPE_FULL : send_at_once(self, parcel, now_ms);
    if (status == TROUPE_CLOSED) {
        be_gone(self, "disconnected");
    } else if (status == TROUPE_FULL && !has_room(self, parcel)) {
        tr_peer_cut_by(self, TR_LIMIT_QUEUE, "too slow: what waits for it is above its bound");
    } else if (status == TROUPE_FULL && !queue(self, parcel, now_ms)) {
        tr_peer_cut(self, "out of memory");
    }
    return status == TROUPE_FULL && !self->is_gone;
}

static void send_one(tr_peer_t *self, const tr_trp1_t *command, troupe_message_t *payload,
                     uint64_t call_id, int64_t now_ms)
{
    char header[TR_TRP1_MAX_HEADER];
    parcel_t parcel = {
        .head.data = header, .payload = payload, .n_commands = 1, .call_id = call_id};
    parcel.part_bytes = call_id > 0 ? payload_bytes(&parcel) : 0;
    if (tr_trp1_encode(command, header, sizeof header, &parcel.head.size) != TROUPE_OK) {
        tr_peer_cut(self, "its answer could not be written");
    }
    tr_peer_send_bundle(self, now_ms);
    if (self->is_gone || !send_or_queue(self, &parcel, now_ms)) {
        tell_of_part(self, call_id, parcel.part_bytes);
    }
}

void tr_peer_send_part(tr_peer_t *self, const tr_trp1_t *command, troupe_message_t **payload_p,
                       uint64_t call_id, int64_t now_ms)
{
    assert(self && command);
    send_one(self, command, payload_p ? *payload_p : NULL, call_id, now_ms);
    if (payload_p) {
        troupe_message_destroy(payload_p);
    }
}

void tr_peer_send_message(tr_peer_t *self, troupe_message_t **message_p, uint64_t call_id,
                          uint64_t part_bytes, int64_t now_ms)
{
    assert(self && message_p && *message_p && troupe_message_count(*message_p) > 0);
    parcel_t parcel = {
        .payload = *message_p, .n_commands = 1, .call_id = call_id, .part_bytes = part_bytes};
    tr_peer_send_bundle(self, now_ms);
    if (self->is_gone || !send_or_queue(self, &parcel, now_ms)) {
        tell_of_part(self, call_id, part_bytes);
    }
    troupe_message_destroy(message_p);
}

/* A bundle that is full leaves, and the next one begins. */
static bool gather(tr_peer_t *self, const tr_trp1_t *command, const troupe_message_t *payload,
                   int64_t now_ms)
{
    if (self->max_bundle == 0 || self->is_gone) {
        return false;
    }
    if (tr_bundle_add(&self->bundle, self->max_bundle, command, payload)) {
        return true;
    }
    bool was_empty = self->bundle.n_commands == 0;
    tr_peer_send_bundle(self, now_ms);
    return !was_empty && !self->is_gone &&
           tr_bundle_add(&self->bundle, self->max_bundle, command, payload);
}

void tr_peer_send(tr_peer_t *self, const tr_trp1_t *command, troupe_message_t **payload_p,
                  int64_t now_ms)
{
    tr_peer_send_part(self, command, payload_p, 0, now_ms);
}

void tr_peer_answer(tr_peer_t *self, const tr_trp1_t *command, troupe_message_t *payload,
                    int64_t now_ms)
{
    assert(self && command);
    if (!gather(self, command, payload, now_ms)) {
        send_one(self, command, payload, 0, now_ms);
    }
}

bool tr_peer_has_room(const tr_peer_t *self, const troupe_message_t *message)
{
    assert(self && message);
    size_t bytes = self->out_bytes + self->bundle.size + troupe_message_bytes(message);
    return self->n_out == 0 ||
           (self->n_out + self->bundle.n_commands < self->limits->max_out / 2 &&
            bytes <= self->limits->max_out_bytes / 2);
}

void tr_peer_send_bundle(tr_peer_t *self, int64_t now_ms)
{
    assert(self);
    if (self->bundle.n_commands > 0 && !self->is_gone) {
        troupe_message_t *body = troupe_message_from(self->bundle.body, self->bundle.size);
        parcel_t parcel = {
            .head = tr_bundle_head(), .payload = body, .n_commands = self->bundle.n_commands};
        if (body) {
            (void)send_or_queue(self, &parcel, now_ms);
        } else {
            tr_peer_cut(self, "out of memory");
        }
        troupe_message_destroy(&body);
    }
    tr_bundle_empty(&self->bundle);
}

void tr_peer_flush(tr_peer_t *self, int64_t now_ms)
{
    assert(self);
    while (self->first_out && !self->is_gone) {
        troupe_status_t status = send_now(self, self->first_out->message, now_ms);
        if (status == TROUPE_FULL) {
            return;
        }
        if (status != TROUPE_OK) {
            be_gone(self, "disconnected");
            return;
        }
        self->waits_since_ms = now_ms;
        let_go_of_first(self);
    }
}
