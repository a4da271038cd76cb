/* remote/doors/door_monitor.h - what libzmq tells of the connections of a door
 *
 * libzmq says when a connection has come, has greeted, or has gone. It says so to one socket
 * for each door, which the gateway watches beside the door itself (remote/gateway/guard.c). To
 * hear of more, add the event to HEARD in door_monitor.c and a case to `on_event` in guard.c:
 * what `value` is then, and which events there are, is in the manual of zmq_socket_monitor.
 *
 * Events of one descriptor come in the order in which they happened, and before the first
 * message of their connection can be read. What waits here is bounded; libzmq waits when it is
 * full, so whoever owns the monitor reads it without waiting for libzmq.
 */

#ifndef TROUPE_REMOTE_DOORS_DOOR_MONITOR_H
#define TROUPE_REMOTE_DOORS_DOOR_MONITOR_H

#include <czmq.h>

#include <troupe/api.h>
#include <troupe/status.h>

typedef struct tr_door_event {
    int what;  /* ZMQ_EVENT_… */
    int value; /* a descriptor, or an error, or a code of ZAP */
} tr_door_event_t;

/* Listen to what is told of that socket; NULL when there is no socket to be had. */
TROUPE_NODISCARD zsock_t *tr_door_monitor_new(zsock_t *door);

/* The next event. False: there is none now. */
bool tr_door_monitor_next(zsock_t *self, tr_door_event_t *out);

/* Listen no more; before the door is closed. NULL is fine. */
void tr_door_monitor_destroy(zsock_t **self_p, zsock_t *door);

#endif
