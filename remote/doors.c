/* A door that is shut is bound until it is gone: what comes in meanwhile is taken as before.
 */

#include "remote/doors.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/door_monitor.h"
#include "remote/endpoint.h"

#define RECEIVE_HIGH_WATER 1000
#define SEND_HIGH_WATER    500 /* for each peer; what a gateway's next try can make up for */
#define BACKLOG            256
#define LINGER_MS          500
#define HEARTBEAT_MS       10000 /* between looks of libzmq whether who is silent is there */
#define GONE_AFTER_MS      30000
#define HANDSHAKE_MS       5000

void tr_doors_init(tr_doors_t *self, tr_self_t *actor, tr_door_ready_fn *ready,
                   tr_door_ready_fn *told)
{
    assert(self && actor && ready && told);
    self->self = actor;
    self->ready = ready;
    self->told = told;
}

static void forget(tr_doors_t *self, tr_door_t *door)
{
    if (door->gone_by_ms > 0) {
        self->n_shut--;
    }
    if (door->is_bound) {
        zsock_unbind(door->socket, "%s", door->endpoint);
        tr_endpoint_remove(door->endpoint);
    }
    if (door->monitor) {
        tr_self_unwatch(self->self, zsock_resolve(door->monitor), -1);
        tr_door_monitor_destroy(&door->monitor, door->socket);
    }
    if (door->socket) {
        tr_self_unwatch(self->self, zsock_resolve(door->socket), -1);
        zsock_destroy(&door->socket);
    }
    free(door->endpoint);
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
        zsock_set_rcvhwm(socket, RECEIVE_HIGH_WATER);
        zsock_set_backlog(socket, BACKLOG);
        zsock_set_linger(socket, LINGER_MS);
        zsock_set_handshake_ivl(socket, HANDSHAKE_MS);
        zsock_set_heartbeat_ivl(socket, HEARTBEAT_MS);
        zsock_set_heartbeat_timeout(socket, GONE_AFTER_MS);
        zsock_set_heartbeat_ttl(socket, GONE_AFTER_MS);
        zmq_setsockopt(zsock_resolve(socket), ZMQ_MAXMSGSIZE,
                       &(int64_t){largest_frame(&door->limits)}, sizeof(int64_t));
    }
    return socket != NULL;
}

static troupe_status_t set_rights(tr_door_t *door, const tr_gateway_listener_t *listener)
{
    static const char *const all[] = {"*"};
    tr_rights_t *rights = &door->rights;
    rights->is_admin = tr_endpoint_is_ipc(listener->endpoint);
    troupe_status_t status = tr_allowed_set(&rights->calls, all, 1);
    if (status == TROUPE_OK) {
        status = tr_allowed_set(&rights->offers, all, 1);
    }
    return status == TROUPE_OK
               ? tr_allowed_set(&rights->actors, listener->actors, listener->n_actors)
               : status;
}

static bool watch(tr_doors_t *self, const tr_door_t *door)
{
    return tr_self_watch_socket(self->self, zsock_resolve(door->socket), self->ready) ==
               TROUPE_OK &&
           tr_self_watch_socket(self->self, zsock_resolve(door->monitor), self->told) ==
               TROUPE_OK;
}

/* False: `why` says in words why not, and nothing is open. */
static bool open_door(tr_doors_t *self, const tr_gateway_listener_t *listener, char *why,
                      size_t size)
{
    char text[256] = "";
    tr_door_t *door = free_door(self);
    if (door) {
        door->limits = listener->limits;
    }
    if (!door) {
        snprintf(text, sizeof text, "there are too many");
    } else if (tr_endpoint_check(listener->endpoint, text, sizeof text) != TROUPE_OK) {
        door = NULL;
    } else if (set_rights(door, listener) != TROUPE_OK) {
        snprintf(text, sizeof text, "out of memory");
    } else if (!(door->endpoint = strdup(listener->endpoint)) || !make_socket(door) ||
               !(door->monitor = tr_door_monitor_new(door->socket))) {
        snprintf(text, sizeof text, "no socket to be had");
    } else if (zsock_bind(door->socket, "%s", listener->endpoint) < 0) {
        snprintf(text, sizeof text, "%s", zmq_strerror(zmq_errno()));
    } else {
        door->is_bound = true;
        door->is_open = true;
        door->mode = listener->mode;
        if (tr_endpoint_set_mode(door->endpoint, door->mode, text, sizeof text) == TROUPE_OK &&
            watch(self, door)) {
            tr_event(self->self->runtime->events, TR_LOG_INFO, "listening",
                     TR_TEXT("endpoint", door->endpoint));
            return true;
        }
    }
    if (door) {
        forget(self, door);
    }
    snprintf(why, size, "cannot listen on %.100s: %.120s", listener->endpoint, text);
    return false;
}

bool tr_doors_open_all(tr_doors_t *self, const tr_gateway_spec_t *spec, char *why, size_t size)
{
    assert(self && spec && why);
    bool is_open = true;
    for (size_t i = 0; is_open && i < spec->n_listeners; i++) {
        is_open = open_door(self, &spec->listeners[i], why, size);
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

static void follow_listener(tr_doors_t *self, const tr_gateway_listener_t *listener)
{
    char why[256] = "";
    tr_door_t *door = door_to(self, listener->endpoint);
    if (!door) {
        if (!open_door(self, listener, why, sizeof why)) {
            tell_failure(self, why);
        }
        return;
    }
    if (!door->is_open) { /* it had not gone yet */
        door->is_open = true;
        door->gone_by_ms = 0;
        self->n_shut--;
    }
    door->limits = listener->limits;
    if (set_rights(door, listener) != TROUPE_OK) {
        tell_failure(self, "out of memory: its peers may do less now");
    }
    if (door->mode != listener->mode) {
        door->mode = listener->mode;
        if (tr_endpoint_set_mode(door->endpoint, door->mode, why, sizeof why) != TROUPE_OK) {
            tell_failure(self, why);
        }
    }
}

void tr_doors_follow(tr_doors_t *self, const tr_gateway_spec_t *spec, int64_t gone_by_ms,
                     void (*on_shut)(void *arg, uint32_t door), void *arg)
{
    assert(self && spec && on_shut);
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
        follow_listener(self, &spec->listeners[i]);
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
