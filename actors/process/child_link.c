/* The routing id that the ROUTER gave to the connection that showed the token *is* the process
 * from then on. A connection that was lost and comes back has another one, and no token to
 * show.
 *
 * When a process dies its last words may still be on their way through the I/O thread. A ROUTER
 * that is asked to be strict refuses to send to a connection as soon as it has seen its end,
 * and the end comes behind all that was sent: so refusal means that what can be read is all.
 */

#include "actors/process/child_link.h"

#include <assert.h>
#include <czmq.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/log.h"
#include "mailbox/message.h"

#define SCHEME                "ipc://"
#define MAX_ENDPOINT          128
#define MAX_ADDRESS           100 /* what a socket's address holds on every system */
#define TOKEN_BYTES           16
#define MAX_ROUTING_ID        255
#define HIGH_WATER            10000
#define MAX_FRAME             ((int64_t)1 << 30)
#define STRANGERS_PER_RECEIVE 64

struct tr_child_link {
    zsock_t *socket;
    zmq_msg_t head; /* what the last command's texts point into */
    char endpoint[MAX_ENDPOINT];
    char token[TOKEN_BYTES * 2 + 1]; /* "" when it was shown */
    char shown[TOKEN_BYTES * 2 + 1]; /* the same, kept for tr_child_link_token */
    bool is_known;
    bool has_met_strangers;
    size_t id_size;
    unsigned char id[MAX_ROUTING_ID];
    char *worker;
};

/* ---- making ---- */

static bool make_token(tr_child_link_t *self)
{
    unsigned char bytes[TOKEN_BYTES];
    if (getrandom(bytes, sizeof bytes, GRND_NONBLOCK) != (ssize_t)sizeof bytes) {
        return false;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        snprintf(self->token + 2 * i, 3, "%02x", bytes[i]);
    }
    memcpy(self->shown, self->token, sizeof self->shown);
    return true;
}

static bool open_socket(tr_child_link_t *self)
{
    self->socket = zsock_new(ZMQ_ROUTER);
    if (!self->socket) {
        return false;
    }
    zsock_set_linger(self->socket, 0);
    zsock_set_sndhwm(self->socket, HIGH_WATER);
    zsock_set_rcvhwm(self->socket, HIGH_WATER);
    zsock_set_router_mandatory(self->socket, 1);
    int64_t max_frame = MAX_FRAME;
    zmq_setsockopt(zsock_resolve(self->socket), ZMQ_MAXMSGSIZE, &max_frame, sizeof max_frame);
    return zsock_bind(self->socket, "%s", self->endpoint) == 0;
}

tr_child_link_t *tr_child_link_new(const char *folder, uint64_t number, const char *worker,
                                   char *why, size_t size)
{
    assert(folder && worker && why);
    tr_child_link_t *self = calloc(1, sizeof *self);
    if (!self) {
        snprintf(why, size, "out of memory");
        return NULL;
    }
    zmq_msg_init(&self->head);
    self->worker = strdup(worker);
    int length = snprintf(self->endpoint, MAX_ENDPOINT, SCHEME "%s/%llu", folder,
                          (unsigned long long)number);
    bool fits = length > 0 && (size_t)length < MAX_ADDRESS + strlen(SCHEME);
    if (self->worker && fits && make_token(self) && open_socket(self)) {
        return self;
    }
    snprintf(why, size, "cannot bind %s: %s", self->endpoint,
             fits ? strerror(errno) : "the name is too long");
    tr_child_link_destroy(&self);
    return NULL;
}

void tr_child_link_destroy(tr_child_link_t **self_p)
{
    assert(self_p);
    tr_child_link_t *self = *self_p;
    *self_p = NULL;
    if (!self) {
        return;
    }
    if (self->socket) {
        zsock_destroy(&self->socket);
        unlink(self->endpoint + strlen(SCHEME)); /* ZeroMQ would do so, but later */
    }
    zmq_msg_close(&self->head);
    free(self->worker);
    free(self);
}

const char *tr_child_link_endpoint(const tr_child_link_t *self)
{
    assert(self);
    return self->endpoint;
}

const char *tr_child_link_token(const tr_child_link_t *self)
{
    assert(self);
    return self->shown;
}

void *tr_child_link_socket(tr_child_link_t *self)
{
    assert(self);
    return zsock_resolve(self->socket);
}

bool tr_child_link_is_known(const tr_child_link_t *self)
{
    assert(self);
    return self->is_known;
}

/* ---- receiving ---- */

static bool receive_frame(tr_child_link_t *self, zmq_msg_t *frame)
{
    int size;
    do {
        size = zmq_msg_recv(frame, zsock_resolve(self->socket), ZMQ_DONTWAIT);
    } while (size < 0 && errno == EINTR);
    return size >= 0;
}

/* Read the frames that follow. All are read, also those that find no memory. */
static troupe_status_t take_payload(tr_child_link_t *self, troupe_message_t **message_out)
{
    troupe_status_t status = TROUPE_OK;
    bool has_more = zmq_msg_more(&self->head);
    while (has_more) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        has_more = receive_frame(self, &frame) && zmq_msg_more(&frame);
        if (!*message_out) {
            *message_out = troupe_message_new();
        }
        if (!*message_out || tr_message_add_frame(*message_out, &frame) != TROUPE_OK) {
            status = TROUPE_ERR_NOMEM;
        }
        zmq_msg_close(&frame);
    }
    if (status != TROUPE_OK) {
        troupe_message_destroy(message_out);
    }
    return status;
}

/* Takes as long for a wrong token as for the right one. */
static bool is_token(const tr_child_link_t *self, tr_span_t shown)
{
    size_t size = strlen(self->token);
    unsigned difference = 0;
    for (size_t i = 0; i < size && shown.size == size; i++) {
        difference |= (unsigned char)(shown.data[i] ^ self->token[i]);
    }
    return size > 0 && shown.size == size && difference == 0;
}

static bool is_from_child(const tr_child_link_t *self, zmq_msg_t *id)
{
    return self->is_known && zmq_msg_size(id) == self->id_size &&
           memcmp(zmq_msg_data(id), self->id, self->id_size) == 0;
}

/* The sender of this command is the child from now on, if it shows the token. */
static bool get_to_know(tr_child_link_t *self, zmq_msg_t *id, const tr_trp1_t *command)
{
    bool may_be_first = command->command == TR_TRP1_HELLO || command->command == TR_TRP1_READY;
    if (!may_be_first || !is_token(self, command->token) ||
        zmq_msg_size(id) > sizeof self->id) {
        return false;
    }
    self->is_known = true;
    self->id_size = zmq_msg_size(id);
    memcpy(self->id, zmq_msg_data(id), self->id_size);
    self->token[0] = '\0'; /* it is good once */
    return true;
}

static void note_stranger(tr_child_link_t *self)
{
    if (!self->has_met_strangers) {
        self->has_met_strangers = true;
        tr_log(TR_LOG_WARNING, "worker_stranger", TR_TEXT("worker", self->worker),
               TR_TEXT("text", "a process without the right token is not listened to"));
    }
}

/* TROUPE_NOT_FOUND: it came from a stranger, and is gone. */
static troupe_status_t receive_one(tr_child_link_t *self, tr_trp1_t *command,
                                   troupe_message_t **message_out, const char **why)
{
    zmq_msg_t id;
    zmq_msg_init(&id);
    troupe_status_t status = TROUPE_TIMEOUT;
    if (receive_frame(self, &id)) {
        if (!zmq_msg_more(&id) || !receive_frame(self, &self->head)) {
            zmq_msg_close(&self->head);
            zmq_msg_init(&self->head);
        }
        troupe_status_t payload = take_payload(self, message_out);
        troupe_status_t decoded =
            tr_trp1_decode(zmq_msg_data(&self->head), zmq_msg_size(&self->head), command, why);
        bool is_ours = is_from_child(self, &id) ||
                       (decoded == TROUPE_OK && get_to_know(self, &id, command));
        status = !is_ours ? TROUPE_NOT_FOUND : decoded != TROUPE_OK ? decoded : payload;
    }
    zmq_msg_close(&id);
    if (status != TROUPE_OK) {
        troupe_message_destroy(message_out);
    }
    return status;
}

troupe_status_t tr_child_link_receive(tr_child_link_t *self, tr_trp1_t *command_out,
                                      troupe_message_t **message_out, const char **why_out)
{
    assert(self && command_out && message_out && why_out);
    *message_out = NULL;
    for (size_t n = 0; n < STRANGERS_PER_RECEIVE; n++) {
        troupe_status_t status = receive_one(self, command_out, message_out, why_out);
        if (status != TROUPE_NOT_FOUND) {
            return status;
        }
        note_stranger(self);
    }
    return TROUPE_TIMEOUT;
}

/* ---- sending ---- */

static bool send_frame(tr_child_link_t *self, const void *data, size_t size, bool has_more)
{
    int sent;
    do {
        sent = zmq_send(zsock_resolve(self->socket), data, size,
                        ZMQ_DONTWAIT | (has_more ? ZMQ_SNDMORE : 0));
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

/* Only the first frame, the address, can be refused. */
static troupe_status_t send_parts(tr_child_link_t *self, const void *head, size_t size,
                                  troupe_message_t *message)
{
    if (!send_frame(self, self->id, self->id_size, true)) {
        return errno == EAGAIN ? TROUPE_FULL : TROUPE_CLOSED;
    }
    bool has_payload = message && troupe_message_count(message) > 0;
    send_frame(self, head, size, has_payload);
    if (has_payload) {
        while (tr_message_send(message, 0, zsock_resolve(self->socket), ZMQ_DONTWAIT) < 0 &&
               errno == EINTR) {
        }
    }
    return TROUPE_OK;
}

troupe_status_t tr_child_link_send(tr_child_link_t *self, const tr_trp1_t *command,
                                   const troupe_message_t *message)
{
    assert(self && command);
    if (!self->is_known) {
        return TROUPE_CLOSED;
    }
    unsigned char head[TR_TRP1_MAX_HEADER];
    size_t size;
    if (tr_trp1_encode(command, head, sizeof head, &size) != TROUPE_OK) {
        return TROUPE_LIMIT;
    }
    troupe_message_t *shared = message ? troupe_message_share(message) : NULL;
    if (message && !shared) {
        return TROUPE_ERR_NOMEM;
    }
    troupe_status_t status = send_parts(self, head, size, shared);
    troupe_message_destroy(&shared);
    return status;
}

bool tr_child_link_is_drained(tr_child_link_t *self)
{
    assert(self);
    if (!self->is_known) {
        return true;
    }
    bool is_there = send_frame(self, self->id, self->id_size, true);
    if (is_there) {
        send_frame(self, "", 0, false);
    }
    return !is_there && errno != EAGAIN;
}
