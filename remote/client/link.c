/* A connection that broke is never taken up again. libzmq would do so by itself, on the same
 * socket, and the node would see a new peer of which we believe that it has our requests. So a
 * socket is used for one connection, and closed when its monitor tells that it is gone. Until
 * the first connection stands, retrying is left to libzmq.
 *
 * It is the monitor, too, that says when there is somebody to talk to. ZMQ_IMMEDIATE would say
 * it as well, but lets a socket forget what it has received and not yet handed out when the
 * connection ends: answers that came in time would be lost.
 *
 * The descriptor of a ZeroMQ socket tells of changes, not of states. After anything that
 * touches the socket, tr_link_has_work has to be asked until it says no.
 *
 * Invariant: socket and monitor are there unless the link waits for its next try.
 */

#include "remote/client/link.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/text.h"
#include "mailbox/message.h"
#include "remote/bundle.h"
#include "remote/client/context.h"
#include "remote/heartbeat.h"

#define VERSION              1
#define MIN_DELAY_MS         100 /* before a new connection */
#define MAX_DELAY_MS         2000
#define LINGER_MS            200
#define HIGH_WATER           1000 /* messages each way inside ZeroMQ */
#define DEFAULT_HEARTBEAT_MS 5000
#define DEFAULT_MAX_FRAME    (INT64_C(64) << 20)
#define DEFAULT_MAX_OPEN     1000
#define NEVER_LOOKED         (-1)

typedef enum link_state {
    LINK_WAITING,    /* for the time of the next try; no socket */
    LINK_CONNECTING, /* nobody is there yet */
    LINK_GREETING,   /* hello is sent, the answer is not there */
    LINK_UP,
} link_state_t;

struct tr_link {
    char *endpoint;
    int epoll_fd;
    void *context;
    void *socket;
    void *monitor;
    int monitor_fd;
    link_state_t state;
    bool wants_messages;      /* of actors */
    bool must_greet;          /* again: it wants them since it has greeted */
    zmq_msg_t head;           /* frame 0 of what was received last */
    troupe_message_t *bundle; /* the one that is being read; NULL: none */
    tr_reader_t rest;         /* of it */
    tr_bundle_t gathered;     /* to be sent */
    size_t max_bundle;        /* what the node takes; 0: no bundles */
    tr_heartbeat_t heartbeat; /* while greeting and up */
    int64_t retry_ms;         /* of the next try, while waiting */
    int64_t delay_ms;         /* before the try after that */
    int64_t max_frame;        /* from here on as the node's hello said */
    int64_t max_open;
    int64_t looked_ms; /* when the monitor was last read */
    bool is_touched;   /* the socket, since it was last read dry */
    char node[TR_TRP1_MAX_WORD + 1];
    bool is_there; /* the transport says that somebody is */
    bool is_gone;  /* and not any more; what it had delivered is read first */
    bool is_refused;
    tr_curve_pair_t pair; /* empty: no CURVE */
    char node_key[TR_CURVE_KEY_TEXT];
    int n_hung_up; /* how often in a row somebody has, before we were through the handshake */
    bool is_forbidden; /* since it was last asked */
    char refusal[256];
    bool has_loss;
    char loss[256];
    uint64_t n_malformed;
};

static void set_option(void *socket, int option, int value)
{
    int rc = zmq_setsockopt(socket, option, &value, sizeof value);
    assert(rc == 0);
    (void)rc;
}

static int fd_of(void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;
    zmq_getsockopt(socket, ZMQ_FD, &fd, &size);
    return fd;
}

static bool is_readable(void *socket)
{
    int events = 0;
    size_t size = sizeof events;
    return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN);
}

static bool watch(tr_link_t *self, void *socket)
{
    int fd = fd_of(socket);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* ZeroMQ closes the descriptor later, on a thread of its own. */
static void shut(tr_link_t *self, void **socket_p, int linger_ms)
{
    if (*socket_p) {
        (void)epoll_ctl(self->epoll_fd, EPOLL_CTL_DEL, fd_of(*socket_p), NULL);
        set_option(*socket_p, ZMQ_LINGER, linger_ms);
        zmq_close(*socket_p);
        *socket_p = NULL;
    }
}

static void close_sockets(tr_link_t *self, int linger_ms)
{
    if (self->socket && self->monitor) {
        zmq_socket_monitor(self->socket, NULL, 0);
    }
    shut(self, &self->monitor, 0);
    shut(self, &self->socket, linger_ms);
}

static bool open_monitor(tr_link_t *self)
{
    static const int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                              ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                              ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                              ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    char address[64];
    snprintf(address, sizeof address, "inproc://troupe-link-%p", self->socket);
    self->monitor = zmq_socket(self->context, ZMQ_PAIR);
    return self->monitor && zmq_socket_monitor(self->socket, address, events) == 0 &&
           zmq_connect(self->monitor, address) == 0 && watch(self, self->monitor);
}

static void set_keys(tr_link_t *self)
{
    zmq_setsockopt(self->socket, ZMQ_CURVE_SERVERKEY, self->node_key, TR_CURVE_KEY_TEXT);
    zmq_setsockopt(self->socket, ZMQ_CURVE_PUBLICKEY, self->pair.public_key, TR_CURVE_KEY_TEXT);
    zmq_setsockopt(self->socket, ZMQ_CURVE_SECRETKEY, self->pair.secret_key, TR_CURVE_KEY_TEXT);
}

static bool open_sockets(tr_link_t *self)
{
    self->socket = zmq_socket(self->context, ZMQ_DEALER);
    if (!self->socket) {
        return false;
    }
    set_option(self->socket, ZMQ_SNDHWM, HIGH_WATER);
    set_option(self->socket, ZMQ_RCVHWM, HIGH_WATER);
    set_option(self->socket, ZMQ_LINGER, 0);
    set_option(self->socket, ZMQ_RECONNECT_IVL, MIN_DELAY_MS);
    set_option(self->socket, ZMQ_RECONNECT_IVL_MAX, MAX_DELAY_MS);
    set_option(self->socket, ZMQ_IPV6, 1);
    if (self->node_key[0]) {
        set_keys(self);
    }
    if (!open_monitor(self) || !watch(self, self->socket) ||
        zmq_connect(self->socket, self->endpoint) != 0) {
        close_sockets(self, 0);
        return false;
    }
    self->state = LINK_CONNECTING;
    self->monitor_fd = fd_of(self->monitor);
    self->looked_ms = NEVER_LOOKED;
    self->is_touched = true;
    self->is_there = false;
    self->is_gone = false;
    self->is_refused = false;
    return true;
}

/* As libzmq reads a host when it is told to connect, so that it then says no to nothing. */
static bool is_host(const char *text, size_t size)
{
    static const char inside[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-:%;[]_*";
    return size > 0 && !strchr(".-%;]_*", text[0]) && strspn(text, inside) >= size;
}

/* HOST:PORT with a port that there can be. */
static bool is_address(const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t port = 0;
    return colon && is_host(text, (size_t)(colon - text)) &&
           tr_text_number(colon + 1, &port) == TROUPE_OK && port > 0 && port <= UINT16_MAX;
}

static bool is_path(const char *text)
{
    return text[0] != '\0' && strcmp(text, "@") != 0 &&
           strlen(text) < sizeof((struct sockaddr_un *)NULL)->sun_path;
}

static bool is_endpoint(const char *endpoint)
{
    return (strncmp(endpoint, "tcp://", 6) == 0 && is_address(endpoint + 6)) ||
           (strncmp(endpoint, "ipc://", 6) == 0 && is_path(endpoint + 6));
}

tr_link_t *tr_link_new(const char *endpoint, int epoll_fd)
{
    assert(endpoint);
    tr_link_t *self = is_endpoint(endpoint) ? calloc(1, sizeof *self) : NULL;
    if (!self) {
        return NULL;
    }
    zmq_msg_init(&self->head);
    self->epoll_fd = epoll_fd;
    self->monitor_fd = -1;
    self->delay_ms = MIN_DELAY_MS;
    self->max_frame = DEFAULT_MAX_FRAME;
    self->max_open = DEFAULT_MAX_OPEN;
    self->endpoint = strdup(endpoint);
    self->context = self->endpoint ? tr_context_join() : NULL;
    if (!self->context) {
        tr_link_destroy(&self);
    }
    return self;
}

void tr_link_destroy(tr_link_t **self_p)
{
    assert(self_p);
    tr_link_t *self = *self_p;
    if (!self) {
        return;
    }
    close_sockets(self, LINGER_MS);
    troupe_message_destroy(&self->bundle);
    tr_bundle_finish(&self->gathered);
    zmq_msg_close(&self->head);
    if (self->context) {
        tr_context_leave();
    }
    free(self->endpoint);
    tr_curve_pair_forget(&self->pair);
    free(self);
    *self_p = NULL;
}

void tr_link_set_keys(tr_link_t *self, const tr_curve_pair_t *pair, const char *node_key)
{
    assert(self && pair && node_key && self->state <= LINK_CONNECTING);
    self->pair = *pair;
    snprintf(self->node_key, sizeof self->node_key, "%s", node_key);
    close_sockets(self, 0);
    self->state = LINK_WAITING;
    self->retry_ms = 0;
}

void tr_link_connect(tr_link_t *self, int64_t now_ms)
{
    assert(self);
    if (self->state == LINK_WAITING && now_ms >= self->retry_ms && !open_sockets(self)) {
        self->retry_ms = tr_clock_after(now_ms, MAX_DELAY_MS);
    }
}

void tr_link_drop(tr_link_t *self, int64_t now_ms, const char *reason)
{
    assert(self && reason);
    close_sockets(self, 0);
    troupe_message_destroy(&self->bundle);
    tr_bundle_empty(&self->gathered);
    self->max_bundle = 0;
    self->state = LINK_WAITING;
    self->must_greet = false;
    self->is_gone = false;
    self->retry_ms = tr_clock_after(now_ms, self->delay_ms);
    self->delay_ms = self->delay_ms * 2 < MAX_DELAY_MS ? self->delay_ms * 2 : MAX_DELAY_MS;
    self->has_loss = true;
    snprintf(self->loss, sizeof self->loss, "%s %s", self->endpoint, reason);
}

bool tr_link_take_loss(tr_link_t *self, const char **reason_out)
{
    assert(self && reason_out);
    bool had_loss = self->has_loss;
    self->has_loss = false;
    if (had_loss) {
        *reason_out = self->loss;
    }
    return had_loss;
}

static void be_forbidden(tr_link_t *self, const char *why)
{
    self->is_forbidden = true;
    self->is_gone = true; /* libzmq does not try again by itself in each of these cases */
    snprintf(self->refusal, sizeof self->refusal, "%s %s", self->endpoint, why);
}

/* A node that hangs up in the handshake may only be starting or stopping; one that does so
 * twice in a row means it. */
static void note_handshake(tr_link_t *self, uint16_t number, int value)
{
    bool has_keys = self->node_key[0] != '\0';
    if (number == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
        be_forbidden(self, "does not know our key");
    } else if (number == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) {
        self->n_hung_up++;
        if (self->n_hung_up > 1) {
            be_forbidden(self, has_keys ? "hangs up: its key is another than we were told, or "
                                          "it does not want CURVE"
                                        : "hangs up: it may let in only who has a key");
        }
    } else if (value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH) {
        be_forbidden(self, has_keys ? "does not speak CURVE" : "lets in only who has a key");
    } else {
        self->is_refused = true;
    }
}

/* An event is two frames; its first bytes are its number. Looking costs system calls: once a
 * millisecond is often enough, since how an ended connection is learnt of takes longer. Before
 * there is one, all waits for what the monitor says. */
static void read_monitor(tr_link_t *self, int64_t now_ms)
{
    if (now_ms == self->looked_ms && self->state != LINK_CONNECTING) {
        return;
    }
    self->looked_ms = now_ms;
    while (is_readable(self->monitor)) {
        unsigned char event[6];
        char address[1];
        uint16_t number = 0;
        int32_t value = 0;
        if (zmq_recv(self->monitor, event, sizeof event, ZMQ_DONTWAIT) >= (int)sizeof event) {
            memcpy(&number, event, sizeof number);
            memcpy(&value, event + sizeof number, sizeof value);
        }
        (void)zmq_recv(self->monitor, address, sizeof address, ZMQ_DONTWAIT);
        if (number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            self->is_there = true;
            self->n_hung_up = 0;
            self->refusal[0] = '\0';
        } else if (number == ZMQ_EVENT_DISCONNECTED) {
            self->is_gone = true;
        } else if (number != 0) {
            note_handshake(self, number, value);
        }
    }
}

static bool send_plain(tr_link_t *self, int64_t now_ms, tr_trp1_command_t command, uint64_t id)
{
    tr_trp1_t plain;
    tr_trp1_init(&plain, command, id);
    if (command == TR_TRP1_HELLO) {
        plain.version_min = VERSION;
        plain.version_max = VERSION;
        plain.bundle = TR_BUNDLE_MAX_BODY;
        plain.messages = self->wants_messages;
        /* No heartbeat is asked for, and so none promised: nobody may run us for a while. The
         * node offers its own, by which we may ask. */
    }
    return tr_link_send(self, now_ms, &plain, NULL) == TROUPE_OK;
}

static void keep_heartbeat(tr_link_t *self, int64_t now_ms)
{
    switch (tr_heartbeat_beat(&self->heartbeat, now_ms)) {
    case TR_HEARTBEAT_QUIET:
        break;
    case TR_HEARTBEAT_ASK:
        /* That the way is full is no excuse: then the node does not read. */
        (void)send_plain(self, now_ms, TR_TRP1_PING, 0);
        break;
    case TR_HEARTBEAT_GONE:
        tr_link_drop(self, now_ms,
                     self->state == LINK_UP ? "has fallen silent"
                                            : "did not answer the greeting");
        break;
    }
}

/* What it wants has changed since it has greeted. */
static void greet_again(tr_link_t *self, int64_t now_ms)
{
    if (self->state == LINK_UP && self->must_greet &&
        send_plain(self, now_ms, TR_TRP1_HELLO, 0)) {
        self->must_greet = false;
    }
}

void tr_link_run(tr_link_t *self, int64_t now_ms, bool is_behind)
{
    tr_link_connect(self, now_ms);
    if (self->state == LINK_WAITING) {
        return;
    }
    read_monitor(self, now_ms);
    if (is_behind) {
        tr_heartbeat_excuse(&self->heartbeat, now_ms);
        return;
    }
    if (self->is_gone && !self->bundle && !is_readable(self->socket)) {
        tr_link_drop(self, now_ms, "closed the connection");
        return;
    }
    if (self->state == LINK_CONNECTING && self->is_there &&
        send_plain(self, now_ms, TR_TRP1_HELLO, 0)) {
        self->state = LINK_GREETING;
        tr_heartbeat_start(&self->heartbeat, DEFAULT_HEARTBEAT_MS, now_ms);
    }
    greet_again(self, now_ms);
    if (self->state != LINK_CONNECTING) {
        keep_heartbeat(self, now_ms);
    }
}

void tr_link_welcome_messages(tr_link_t *self, int64_t now_ms)
{
    assert(self);
    bool has_greeted = self->state == LINK_GREETING || self->state == LINK_UP;
    self->must_greet = self->must_greet || (has_greeted && !self->wants_messages);
    self->wants_messages = true;
    greet_again(self, now_ms);
}

static bool can_send(const tr_link_t *self)
{
    return self->state != LINK_WAITING && self->is_there && !self->is_gone;
}

/* Only the first frame of a message can be refused. */
static troupe_status_t send_frame(tr_link_t *self, const void *data, size_t size, bool has_more)
{
    int rc;
    do {
        rc = zmq_send(self->socket, data, size, ZMQ_DONTWAIT | (has_more ? ZMQ_SNDMORE : 0));
    } while (rc < 0 && errno == EINTR);
    return rc < 0 ? TROUPE_FULL : TROUPE_OK;
}

troupe_status_t tr_link_send(tr_link_t *self, int64_t now_ms, const tr_trp1_t *command,
                             troupe_message_t *message)
{
    assert(self && command);
    if (!can_send(self)) {
        return TROUPE_CLOSED;
    }
    unsigned char head[TR_TRP1_MAX_HEADER];
    size_t size = 0;
    troupe_status_t status = tr_trp1_encode(command, head, sizeof head, &size);
    assert(status == TROUPE_OK); /* lengths were checked when the call was made */
    (void)status;

    self->is_touched = true;
    bool has_more = message && troupe_message_count(message) > 0;
    if (send_frame(self, head, size, has_more) != TROUPE_OK) {
        return TROUPE_FULL;
    }
    if (has_more) {
        while (tr_message_send(message, 0, self->socket, ZMQ_DONTWAIT) < 0 && errno == EINTR) {
        }
    }
    tr_heartbeat_note_sent(&self->heartbeat, now_ms);
    return TROUPE_OK;
}

bool tr_link_gather(tr_link_t *self, const tr_trp1_t *command, const troupe_message_t *message)
{
    assert(self && command);
    return tr_bundle_add(&self->gathered, self->max_bundle, command, message);
}

troupe_status_t tr_link_send_gathered(tr_link_t *self, int64_t now_ms)
{
    assert(self);
    troupe_status_t status = TROUPE_OK;
    if (self->gathered.n_commands > 0) {
        tr_span_t head = tr_bundle_head();
        self->is_touched = true;
        status = !can_send(self) ? TROUPE_CLOSED : send_frame(self, head.data, head.size, true);
        if (status == TROUPE_OK) {
            (void)send_frame(self, self->gathered.body, self->gathered.size, false);
            tr_heartbeat_note_sent(&self->heartbeat, now_ms);
        }
    }
    tr_bundle_empty(&self->gathered);
    return status;
}

bool tr_link_has_bundles(const tr_link_t *self)
{
    assert(self);
    return self->max_bundle > 0;
}

bool tr_link_has_work(tr_link_t *self, bool wants_write)
{
    assert(self);
    if (self->state == LINK_WAITING) {
        return false;
    }
    if (self->is_gone || self->bundle) {
        return true;
    }
    if (!self->is_touched && !wants_write) {
        return false;
    }
    int events = 0;
    size_t size = sizeof events;
    int interest = ZMQ_POLLIN | (wants_write ? ZMQ_POLLOUT : 0);
    return zmq_getsockopt(self->socket, ZMQ_EVENTS, &events, &size) == 0 && (events & interest);
}

static void take_hello(tr_link_t *self, const tr_trp1_t *hello, int64_t now_ms)
{
    int64_t version_min = hello->version_min < 0 ? VERSION : hello->version_min;
    int64_t version_max = hello->version_max < 0 ? version_min : hello->version_max;
    if (version_min > VERSION || version_max < VERSION) {
        self->is_refused = true;
        tr_link_drop(self, now_ms, "speaks another version of the protocol");
        return;
    }
    tr_heartbeat_start(&self->heartbeat,
                       hello->heartbeat_ms < 0 ? DEFAULT_HEARTBEAT_MS : hello->heartbeat_ms,
                       now_ms);
    tr_heartbeat_note_heard(&self->heartbeat, now_ms);
    self->max_frame = hello->max_frame < 0 ? DEFAULT_MAX_FRAME : hello->max_frame;
    self->max_bundle = hello->bundle > 0 ? (size_t)hello->bundle : 0;
    self->max_open = hello->max_open <= 0 ? DEFAULT_MAX_OPEN : hello->max_open;
    snprintf(self->node, sizeof self->node, "%.*s", (int)hello->node.size, hello->node.data);
    self->state = LINK_UP;
    self->delay_ms = MIN_DELAY_MS;
}

void tr_link_say_bye(tr_link_t *self, int64_t now_ms)
{
    assert(self);
    (void)send_plain(self, now_ms, TR_TRP1_BYE, 0);
}

/* Whether the command is for the user of the link; the others are dealt with here. */
static bool is_for_user(tr_link_t *self, const tr_trp1_t *command, int64_t now_ms)
{
    switch (command->command) {
    case TR_TRP1_HELLO:
        take_hello(self, command, now_ms);
        return false;
    case TR_TRP1_PING:
        (void)send_plain(self, now_ms, TR_TRP1_PONG, command->id);
        return false;
    case TR_TRP1_ERROR:
        if (self->state == LINK_GREETING && command->id == 0) {
            self->is_refused = true;
            tr_link_drop(self, now_ms, "refused the greeting");
            return false;
        }
        return true;
    case TR_TRP1_PART:
    case TR_TRP1_REPLY:
    case TR_TRP1_STATUS:
    case TR_TRP1_MESSAGE:
    case TR_TRP1_DOWN:
    case TR_TRP1_GOAWAY:
    case TR_TRP1_BYE:
        return true;
    default: /* pong, which was heard already, and what we do not know */
        return false;
    }
}

/* Deal with a command, or find that it is for the user of the link. */
static bool take_command(tr_link_t *self, int64_t now_ms, tr_span_t head, tr_trp1_t *out)
{
    const char *reason;
    if (tr_trp1_decode(head.data, head.size, out, &reason) == TROUPE_OK) {
        return is_for_user(self, out, now_ms);
    }
    out->command = TR_TRP1_UNKNOWN;
    self->n_malformed++;
    if (self->state == LINK_GREETING) {
        self->is_refused = true;
        tr_link_drop(self, now_ms, "does not speak TRP/1");
    }
    return false;
}

/* The next of the bundle that is being read, as from a message of its own. What is no bundle
 * after all counts as one malformed message. */
static troupe_status_t take_bundled(tr_link_t *self, tr_span_t *head_out,
                                    troupe_message_t **message_out)
{
    uint64_t n_frames;
    *message_out = NULL;
    troupe_status_t status = TROUPE_TIMEOUT;
    if (tr_bytes_left(&self->rest) > 0) {
        status = tr_bundle_take(&self->rest, head_out, &n_frames)
                     ? tr_bundle_take_payload(&self->rest, n_frames, UINT64_MAX, message_out)
                     : TROUPE_ERR_PROTOCOL;
    }
    if (status == TROUPE_ERR_PROTOCOL) {
        self->n_malformed++;
        status = TROUPE_TIMEOUT;
    }
    if (status == TROUPE_TIMEOUT) {
        troupe_message_destroy(&self->bundle);
    }
    return status;
}

static troupe_status_t take_message(tr_link_t *self, int64_t now_ms, tr_span_t *head_out,
                                    troupe_message_t **message_out)
{
    int rc;
    do {
        rc = zmq_msg_recv(&self->head, self->socket, ZMQ_DONTWAIT);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0) {
        self->is_touched = false;
        return TROUPE_TIMEOUT;
    }
    troupe_status_t status = tr_message_receive_rest(&self->head, self->socket, message_out);
    tr_heartbeat_note_heard(&self->heartbeat, now_ms);
    *head_out = (tr_span_t){zmq_msg_data(&self->head), zmq_msg_size(&self->head)};
    return status;
}

/* A bundle is read on by the next turns of the loop that receives. */
static void open_bundle(tr_link_t *self, troupe_message_t **message_p)
{
    if (*message_p && troupe_message_count(*message_p) == 1) {
        self->bundle = *message_p;
        *message_p = NULL;
        self->rest = tr_reader_of(troupe_message_data(self->bundle, 0),
                                  troupe_message_size(self->bundle, 0));
    } else {
        self->n_malformed++;
    }
}

troupe_status_t tr_link_receive(tr_link_t *self, int64_t now_ms, tr_trp1_t *command_out,
                                troupe_message_t **message_out)
{
    assert(self && command_out && message_out);
    while (self->state != LINK_WAITING) {
        tr_span_t head;
        bool is_bundled = self->bundle;
        troupe_message_t *message = NULL;
        troupe_status_t status = is_bundled ? take_bundled(self, &head, &message)
                                            : take_message(self, now_ms, &head, &message);
        if (status == TROUPE_TIMEOUT) {
            if (is_bundled) {
                continue;
            }
            return TROUPE_TIMEOUT;
        }
        if (take_command(self, now_ms, head, command_out)) {
            *message_out = message;
            return status;
        }
        if (command_out->command == TR_TRP1_BUNDLE && !is_bundled) {
            open_bundle(self, &message);
        }
        troupe_message_destroy(&message);
    }
    return TROUPE_TIMEOUT;
}

bool tr_link_is_in_bundle(const tr_link_t *self)
{
    assert(self);
    return self->bundle && tr_bytes_left(&self->rest) > 0;
}

bool tr_link_look(tr_link_t *self, int64_t now_ms)
{
    assert(self);
    if (self->state != LINK_WAITING) {
        read_monitor(self, now_ms);
    }
    return self->is_gone;
}

void tr_link_note_event(tr_link_t *self, int fd)
{
    assert(self);
    if (fd == self->monitor_fd) {
        self->looked_ms = NEVER_LOOKED;
    }
}

bool tr_link_is_up(const tr_link_t *self)
{
    assert(self);
    return self->state == LINK_UP && !self->is_gone;
}

bool tr_link_is_refused(const tr_link_t *self)
{
    assert(self);
    return self->is_refused;
}

const char *tr_link_refusal(const tr_link_t *self)
{
    assert(self);
    return self->refusal;
}

bool tr_link_take_refusal(tr_link_t *self)
{
    assert(self);
    bool is_forbidden = self->is_forbidden;
    self->is_forbidden = false;
    return is_forbidden;
}

int64_t tr_link_due_ms(const tr_link_t *self)
{
    assert(self);
    if (self->state == LINK_WAITING) {
        return self->retry_ms;
    }
    return self->state == LINK_CONNECTING ? TR_NEVER : tr_heartbeat_due_ms(&self->heartbeat);
}

const char *tr_link_endpoint(const tr_link_t *self)
{
    assert(self);
    return self->endpoint;
}

const char *tr_link_node(const tr_link_t *self)
{
    assert(self);
    return self->node;
}

int64_t tr_link_max_frame(const tr_link_t *self)
{
    assert(self);
    return self->max_frame;
}

int64_t tr_link_max_open(const tr_link_t *self)
{
    assert(self);
    return self->max_open;
}

uint64_t tr_link_n_malformed(const tr_link_t *self)
{
    assert(self);
    return self->n_malformed;
}
