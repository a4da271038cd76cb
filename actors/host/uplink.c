/* The monitor says whether the node is there: a DEALER alone cannot tell a silent node from one
 * that is gone. Reconnecting is off, since libzmq would come back as a peer that the node does
 * not know.
 *
 * A context of its own makes closing bounded and complete: terminating it waits for what was
 * sent, up to the linger, and for nothing else in the process.
 */

#include "actors/host/uplink.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mailbox/message.h"

#define HIGH_WATER 100 /* messages each way inside ZeroMQ; each may be large */
#define MONITOR    "inproc://monitor"

struct tr_uplink {
    void *context;
    void *socket;
    void *monitor;
    tr_uplink_state_t state;
    zmq_msg_t head; /* frame 0 of what was received last */
};

static void set_option(void *socket, int option, int value)
{
    int rc = zmq_setsockopt(socket, option, &value, sizeof value);
    assert(rc == 0);
    (void)rc;
}

static bool has_events(void *socket, int interest)
{
    int events = 0;
    size_t size = sizeof events;
    return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 && (events & interest);
}

static bool open_sockets(tr_uplink_t *self, const char *endpoint)
{
    static const int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                              ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                              ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    self->socket = zmq_socket(self->context, ZMQ_DEALER);
    self->monitor = self->socket ? zmq_socket(self->context, ZMQ_PAIR) : NULL;
    if (!self->monitor) {
        return false;
    }
    set_option(self->socket, ZMQ_SNDHWM, HIGH_WATER);
    set_option(self->socket, ZMQ_RCVHWM, HIGH_WATER);
    set_option(self->socket, ZMQ_RECONNECT_IVL, -1);
    return zmq_socket_monitor(self->socket, MONITOR, events) == 0 &&
           zmq_connect(self->monitor, MONITOR) == 0 && zmq_connect(self->socket, endpoint) == 0;
}

tr_uplink_t *tr_uplink_new(const char *endpoint)
{
    assert(endpoint);
    tr_uplink_t *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    zmq_msg_init(&self->head);
    self->context = zmq_ctx_new();
    if (!self->context || !open_sockets(self, endpoint)) {
        int reason = errno;
        tr_uplink_destroy(&self, 0);
        errno = reason;
    }
    return self;
}

static void shut(void **socket_p, int linger_ms)
{
    if (*socket_p) {
        set_option(*socket_p, ZMQ_LINGER, linger_ms);
        zmq_close(*socket_p);
        *socket_p = NULL;
    }
}

void tr_uplink_destroy(tr_uplink_t **self_p, int linger_ms)
{
    assert(self_p);
    tr_uplink_t *self = *self_p;
    *self_p = NULL;
    if (!self) {
        return;
    }
    if (self->socket && self->monitor) {
        zmq_socket_monitor(self->socket, NULL, 0);
    }
    shut(&self->monitor, 0);
    shut(&self->socket, linger_ms);
    while (self->context && zmq_ctx_term(self->context) != 0 && errno == EINTR) {
    }
    zmq_msg_close(&self->head);
    free(self);
}

/* An event is two frames; the first two bytes are its number. */
static uint16_t read_event(void *monitor)
{
    unsigned char event[6];
    char address[1];
    uint16_t number = 0;
    if (zmq_recv(monitor, event, sizeof event, ZMQ_DONTWAIT) >= 2) {
        memcpy(&number, event, sizeof number);
    }
    (void)zmq_recv(monitor, address, sizeof address, ZMQ_DONTWAIT);
    return number;
}

tr_uplink_state_t tr_uplink_look(tr_uplink_t *self)
{
    assert(self);
    while (has_events(self->monitor, ZMQ_POLLIN)) {
        uint16_t number = read_event(self->monitor);
        if (number != ZMQ_EVENT_HANDSHAKE_SUCCEEDED && number != 0) {
            self->state = TR_UPLINK_LOST;
        } else if (number != 0 && self->state == TR_UPLINK_CONNECTING) {
            self->state = TR_UPLINK_UP;
        }
    }
    return self->state;
}

bool tr_uplink_has_room(tr_uplink_t *self)
{
    assert(self);
    return self->state == TR_UPLINK_LOST || has_events(self->socket, ZMQ_POLLOUT);
}

void tr_uplink_poll(const tr_uplink_t *self, bool wants_room,
                    zmq_pollitem_t items[TR_UPLINK_ITEMS])
{
    assert(self && items);
    short interest = wants_room ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN;
    items[0] = (zmq_pollitem_t){.socket = self->socket, .events = interest};
    items[1] = (zmq_pollitem_t){.socket = self->monitor, .events = ZMQ_POLLIN};
}

/* A multipart socket refuses the first frame or none. */
static troupe_status_t send_head(tr_uplink_t *self, const void *head, size_t size, int flags,
                                 int64_t timeout_ms)
{
    int64_t until_ms = tr_clock_after(tr_clock_now_ms(), timeout_ms);
    while (zmq_send(self->socket, head, size, flags) < 0) {
        int64_t left_ms = until_ms - tr_clock_now_ms();
        if (tr_uplink_look(self) == TR_UPLINK_LOST) {
            return TROUPE_CLOSED;
        }
        if (left_ms <= 0) {
            return TROUPE_FULL;
        }
        zmq_pollitem_t items[TR_UPLINK_ITEMS];
        tr_uplink_poll(self, true, items);
        items[0].events = ZMQ_POLLOUT;
        (void)zmq_poll(items, TR_UPLINK_ITEMS, (long)left_ms);
    }
    return TROUPE_OK;
}

troupe_status_t tr_uplink_send(tr_uplink_t *self, const tr_trp1_t *command,
                               troupe_message_t *message, int64_t timeout_ms)
{
    assert(self && command);
    if (self->state == TR_UPLINK_LOST) {
        return TROUPE_CLOSED;
    }
    unsigned char head[TR_TRP1_MAX_HEADER];
    size_t size = 0;
    troupe_status_t status = tr_trp1_encode(command, head, sizeof head, &size);
    if (status != TROUPE_OK) {
        return status;
    }
    bool has_more = message && troupe_message_count(message) > 0;
    status =
        send_head(self, head, size, ZMQ_DONTWAIT | (has_more ? ZMQ_SNDMORE : 0), timeout_ms);
    if (status == TROUPE_OK && has_more) {
        while (tr_message_send(message, 0, self->socket, ZMQ_DONTWAIT) < 0 && errno == EINTR) {
        }
    }
    return status;
}

troupe_status_t tr_uplink_receive(tr_uplink_t *self, tr_trp1_t *command_out,
                                  troupe_message_t **message_out)
{
    assert(self && command_out && message_out);
    *message_out = NULL;
    while (zmq_msg_recv(&self->head, self->socket, ZMQ_DONTWAIT) < 0) {
        if (errno != EINTR) {
            return TROUPE_TIMEOUT;
        }
    }
    troupe_status_t status = tr_message_receive_rest(&self->head, self->socket, message_out);
    const char *reason;
    if (tr_trp1_decode(zmq_msg_data(&self->head), zmq_msg_size(&self->head), command_out,
                       &reason) != TROUPE_OK) {
        troupe_message_destroy(message_out);
        return TROUPE_ERR_PROTOCOL;
    }
    if (status != TROUPE_OK) {
        troupe_message_destroy(message_out);
    }
    return status;
}
