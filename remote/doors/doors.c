/* A door that is shut is bound until it is gone: what comes in meanwhile is taken as before.
 */

#include "remote/doors/doors.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote/doors/door_monitor.h"
#include "remote/doors/endpoint.h"
#include "remote/doors/zap.h"

/* So many messages of each peer wait between libzmq's thread and the gateway's; its other ones
 * stay in its connection, and those of others come in between. With many more, whoever sends as
 * fast as it can keeps both threads busy with nothing else. By ipc come programs of this
 * machine that the file's mode lets in, and with so few their requests would cost a third more.
 */
#define RECEIVE_HIGH_WATER_TCP 4
#define RECEIVE_HIGH_WATER_IPC 16
#define SEND_HIGH_WATER        500 /* for each peer; what a gateway's next try can make up for */
#define BACKLOG                256
#define LINGER_MS              500
#define HANDSHAKE_MS           5000

/* Its header hides it among the drafts; the library has it. */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

void tr_doors_init(tr_doors_t *self, tr_self_t *actor, tr_door_ready_fn *ready,
                   tr_door_ready_fn *told)
{
    assert(self && actor && ready && told);
    self->self = actor;
    self->ready = ready;
    self->told = told;
}

/* What it listens at stays: who connects meanwhile waits for the next socket. */
static void close_socket(tr_doors_t *self, tr_door_t *door)
{
    if (door->is_bound) {
        zsock_unbind(door->socket, "%s", door->endpoint);
        door->is_bound = false;
    }
    if (door->monitor) {
        tr_self_unwatch(self->self, zsock_resolve(door->monitor), -1);
        tr_door_monitor_destroy(&door->monitor, door->socket);
    }
    if (door->socket) {
        tr_self_unwatch(self->self, zsock_resolve(door->socket), -1);
        zsock_destroy(&door->socket);
    }
    tr_connections_finish(&door->connections);
}

static void forget(tr_doors_t *self, tr_door_t *door)
{
    if (door->gone_by_ms > 0) {
        self->n_shut--;
    }
    close_socket(self, door);
    if (door->is_listening) {
        close(door->listener);
        tr_endpoint_remove(door->endpoint);
    }
    free(door->endpoint);
    free(door->owner);
    tr_rights_finish(&door->rights);
    *door = (tr_door_t){0};
}

void tr_doors_finish(tr_doors_t *self)
{
    assert(self);
    for (size_t i = 0; i < TR_DOORS_MAX; i++) {
        forget(self, &self->all[i]);
    }
}

static tr_door_t *free_door(tr_doors_t *self)
{
    for (size_t i = 0; i < TR_DOORS_MAX; i++) {
        if (!self->all[i].socket) {
            return &self->all[i];
        }
    }
    return NULL;
}

/* Beyond this libzmq cuts the connection: what is somewhat too large is refused in words. */
static int64_t largest_frame(const tr_peer_limits_t *limits)
{
    return (int64_t)limits->max_frame * 2;
}

static bool make_socket(tr_door_t *door)
{
    zsock_t *socket = door->socket = zsock_new(ZMQ_ROUTER);
    if (socket) {
        zsock_set_router_mandatory(socket, 1);
        zsock_set_sndhwm(socket, SEND_HIGH_WATER);
        zsock_set_rcvhwm(socket, tr_endpoint_is_ipc(door->endpoint) ? RECEIVE_HIGH_WATER_IPC
                                                                    : RECEIVE_HIGH_WATER_TCP);
        zsock_set_backlog(socket, BACKLOG);
        zsock_set_linger(socket, LINGER_MS);
        zsock_set_handshake_ivl(socket, HANDSHAKE_MS);
        zmq_setsockopt(zsock_resolve(socket), ZMQ_MAXMSGSIZE,
                       &(int64_t){largest_frame(&door->limits)}, sizeof(int64_t));
    }
    return socket != NULL;
}

/* Without anybody who knows the keys nobody comes in: by itself libzmq would let in everybody
 * then. */
static bool set_curve(tr_door_t *door, const tr_curve_pair_t *pair)
{
    void *socket = zsock_resolve(door->socket);
    char domain[TR_ZAP_MAX_DOMAIN + 1];
    int length = snprintf(domain, sizeof domain, "%s%s", TR_ZAP_DOMAIN, door->endpoint);
    const int yes = 1;
    memcpy(door->node_key, pair->public_key, sizeof door->node_key);
    return length > 0 && (size_t)length < sizeof domain &&
           zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &yes, sizeof yes) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, pair->secret_key, TR_CURVE_KEY_TEXT) ==
               0 &&
           zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, (size_t)length) == 0 &&
           zmq_setsockopt(socket, ZMQ_ZAP_ENFORCE_DOMAIN, &yes, sizeof yes) == 0;
}

/* By a copy of what the door listens at. libzmq would let anybody connect to a socket file
 * before it has its mode; and of an endpoint that it has given up it does not say when it can
 * be had again. */
static bool bind_socket(tr_door_t *door, char *why, size_t size)
{
    int copy = fcntl(door->listener, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        snprintf(why, size, "%s", strerror(errno));
        return false;
    }
    zmq_setsockopt(zsock_resolve(door->socket), ZMQ_USE_FD, &copy, sizeof copy);
    door->is_bound = zsock_bind(door->socket, "%s", door->endpoint) >= 0;
    if (!door->is_bound) {
        snprintf(why, size, "%s", zmq_strerror(zmq_errno()));
        close(copy);
    }
    return door->is_bound;
}

static bool listen_there(tr_door_t *door, char *why, size_t size)
{
    door->listener =
        tr_endpoint_listen(door->endpoint, door->mode, door->owner, BACKLOG, why, size);
    door->is_listening = door->listener >= 0;
    if (door->is_listening && !tr_endpoint_is_ipc(door->endpoint)) {
        tr_endpoint_bound_buffers(door->listener, door->limits.socket_buffer);
        tr_endpoint_look_after(door->listener);
    }
    return door->is_listening;
}

static bool describe(tr_door_t *door, const tr_gateway_listener_t *listener)
{
    door->limits = listener->limits;
    door->mode = listener->mode;
    door->is_curve = listener->is_curve;
    door->endpoint = strdup(listener->endpoint);
    door->owner = listener->owner ? strdup(listener->owner) : NULL;
    return door->endpoint && (door->owner || !listener->owner) &&
           tr_rights_set(&door->rights, &listener->rights) == TROUPE_OK;
}

static void tell_opened(const tr_doors_t *self, const tr_door_t *door, bool is_open)
{
    tr_event(self->self->runtime->events, TR_LOG_INFO, "listening",
             TR_TEXT("endpoint", door->endpoint),
             TR_TEXT("security", door->is_curve ? "curve" : "none"));
    if (is_open && !door->is_curve) {
        tr_event(self->self->runtime->events, TR_LOG_WARNING, "open_to_all",
                 TR_TEXT("endpoint", door->endpoint));
    }
}

static bool watch(tr_doors_t *self, const tr_door_t *door)
{
    return tr_self_watch_socket(self->self, zsock_resolve(door->socket), self->ready) ==
               TROUPE_OK &&
           tr_self_watch_socket(self->self, zsock_resolve(door->monitor), self->told) ==
               TROUPE_OK;
}

/* False: `why` says in words why not. */
static bool open_socket(tr_doors_t *self, tr_door_t *door, const tr_curve_pair_t *pair,
                        char *why, size_t size)
{
    if (!make_socket(door) || !(door->monitor = tr_door_monitor_new(door->socket))) {
        snprintf(why, size, "no socket to be had");
    } else if (door->is_curve && (!pair->secret_key[0] || !set_curve(door, pair))) {
        snprintf(why, size, "there is no CURVE, or no key for it");
    } else {
        return bind_socket(door, why, size) && watch(self, door);
    }
    return false;
}

/* False: `why` says in words why not, and nothing is open. */
static bool open_door(tr_doors_t *self, const tr_gateway_listener_t *listener,
                      const tr_curve_pair_t *pair, char *why, size_t size)
{
    char text[256] = "";
    tr_door_t *door = free_door(self);
    if (!door) {
        snprintf(text, sizeof text, "there are too many");
    } else if (tr_endpoint_check(listener->endpoint, text, sizeof text) != TROUPE_OK) {
        door = NULL;
    } else if (!describe(door, listener)) {
        snprintf(text, sizeof text, "out of memory");
    } else if (listen_there(door, text, sizeof text) &&
               open_socket(self, door, pair, text, sizeof text)) {
        door->is_open = true;
        tell_opened(self, door, listener->is_open);
        return true;
    }
    if (door) {
        forget(self, door);
    }
    snprintf(why, size, "cannot listen on %.100s: %.120s", listener->endpoint, text);
    return false;
}

bool tr_doors_open_all(tr_doors_t *self, const tr_gateway_spec_t *spec,
                       const tr_curve_pair_t *pair, char *why, size_t size)
{
    assert(self && spec && pair && why);
    bool is_open = true;
    for (size_t i = 0; is_open && i < spec->n_listeners; i++) {
        is_open = open_door(self, &spec->listeners[i], pair, why, size);
    }
    return is_open;
}

static tr_door_t *door_to(tr_doors_t *self, const char *endpoint)
{
    for (size_t i = 0; i < TR_DOORS_MAX; i++) {
        if (self->all[i].is_bound && strcmp(self->all[i].endpoint, endpoint) == 0) {
            return &self->all[i];
        }
    }
    return NULL;
}

static bool has_listener(const tr_gateway_spec_t *spec, const char *endpoint)
{
    for (size_t i = 0; i < spec->n_listeners; i++) {
        if (strcmp(spec->listeners[i].endpoint, endpoint) == 0) {
            return true;
        }
    }
    return false;
}

static void tell_failure(const tr_doors_t *self, const char *why)
{
    tr_event(self->self->runtime->events, TR_LOG_ERROR, "not_listening",
             TR_TEXT("reason", why));
}

static bool has_other_security(const tr_door_t *door, const tr_gateway_listener_t *listener,
                               const tr_curve_pair_t *pair)
{
    return door->is_curve != listener->is_curve ||
           (door->is_curve && pair->public_key[0] &&
            strcmp(door->node_key, pair->public_key) != 0);
}

static void follow_access(tr_doors_t *self, tr_door_t *door,
                          const tr_gateway_listener_t *listener)
{
    const char *before = door->owner ? door->owner : "";
    const char *now = listener->owner ? listener->owner : "";
    char why[256] = "";
    if (door->mode == listener->mode && strcmp(before, now) == 0) {
        return;
    }
    char *owner = strdup(now);
    free(door->owner);
    door->owner = owner;
    door->mode = listener->mode;
    if (tr_endpoint_set_access(door->endpoint, door->mode, listener->owner, why, sizeof why) !=
        TROUPE_OK) {
        tell_failure(self, why);
    }
}

static void follow_door(tr_doors_t *self, tr_door_t *door,
                        const tr_gateway_listener_t *listener)
{
    if (!door->is_open) { /* it had not gone yet */
        door->is_open = true;
        door->gone_by_ms = 0;
        self->n_shut--;
    }
    door->limits = listener->limits;
    if (tr_rights_set(&door->rights, &listener->rights) != TROUPE_OK) {
        tell_failure(self, "out of memory: its peers may do less now");
    }
    follow_access(self, door, listener);
}

/* On another socket. False: it could not be had, and the door is gone. */
static bool renew(tr_doors_t *self, tr_door_t *door, const tr_curve_pair_t *pair)
{
    char why[256] = "";
    close_socket(self, door);
    bool is_open = open_socket(self, door, pair, why, sizeof why);
    if (!is_open) {
        forget(self, door);
        tell_failure(self, why);
    }
    return is_open;
}

void tr_doors_renew(tr_doors_t *self, uint32_t door, const tr_curve_pair_t *pair)
{
    assert(self && pair && self->all[door].socket);
    (void)renew(self, &self->all[door], pair); /* what could not be is told */
}

/* Under the other rules. */
static void reopen(tr_doors_t *self, tr_door_t *door, const tr_gateway_listener_t *listener,
                   const tr_curve_pair_t *pair)
{
    door->is_curve = listener->is_curve;
    if (renew(self, door, pair)) {
        tell_opened(self, door, listener->is_open);
    }
}

void tr_doors_follow(tr_doors_t *self, const tr_gateway_spec_t *spec,
                     const tr_curve_pair_t *pair, int64_t gone_by_ms,
                     void (*on_shut)(void *arg, uint32_t door),
                     void (*on_reopen)(void *arg, uint32_t door), void *arg)
{
    assert(self && spec && pair && on_shut && on_reopen);
    for (uint32_t i = 0; i < TR_DOORS_MAX; i++) {
        tr_door_t *door = &self->all[i];
        if (!door->is_open || has_listener(spec, door->endpoint)) {
            continue;
        }
        tr_event(self->self->runtime->events, TR_LOG_INFO, "listening_no_more",
                 TR_TEXT("endpoint", door->endpoint));
        door->is_open = false;
        door->gone_by_ms = gone_by_ms;
        self->n_shut++;
        on_shut(arg, i);
    }
    for (size_t i = 0; i < spec->n_listeners; i++) {
        const tr_gateway_listener_t *listener = &spec->listeners[i];
        char why[256] = "";
        tr_door_t *door = door_to(self, listener->endpoint);
        if (door) {
            bool is_other = has_other_security(door, listener, pair);
            follow_door(self, door, listener);
            if (is_other) {
                on_reopen(arg, (uint32_t)(door - self->all));
                reopen(self, door, listener, pair);
            }
        } else if (!open_door(self, listener, pair, why, sizeof why)) {
            tell_failure(self, why);
        }
    }
}

uint32_t tr_doors_of(const tr_doors_t *self, const void *socket)
{
    uint32_t door = 0;
    while (!self->all[door].socket || (zsock_resolve(self->all[door].socket) != socket &&
                                       zsock_resolve(self->all[door].monitor) != socket)) {
        door++;
    }
    return door;
}

int tr_doors_next_shut(const tr_doors_t *self, int door)
{
    assert(self);
    if (self->n_shut > 0) {
        for (int i = door + 1; i < TR_DOORS_MAX; i++) {
            if (self->all[i].gone_by_ms > 0) {
                return i;
            }
        }
    }
    return -1;
}

void tr_doors_forget(tr_doors_t *self, int door)
{
    assert(self && door >= 0 && !self->all[door].is_open);
    forget(self, &self->all[door]);
}
