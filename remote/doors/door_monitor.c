/* The thread of libzmq that has an event waits for room with a lock held that is needed to end
 * the monitor: so there is room for more events than can come between the last look and the
 * end.
 */

#include "remote/doors/door_monitor.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MOST_EVENTS 100000
#define HEARD                                                                                  \
    (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_ACCEPT_FAILED |                   \
     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |              \
     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

zsock_t *tr_door_monitor_new(zsock_t *door)
{
    assert(door);
    /* libzmq gives an address free at its leisure: none is taken twice. */
    static atomic_ulong last;
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "inproc://troupe-door-%lu",
             atomic_fetch_add_explicit(&last, 1, memory_order_relaxed));
    if (zmq_socket_monitor(zsock_resolve(door), endpoint, HEARD) != 0) {
        return NULL;
    }
    zsock_t *self = zsock_new(ZMQ_PAIR);
    if (self) {
        zsock_set_linger(self, 0);
        zsock_set_rcvhwm(self, MOST_EVENTS);
    }
    if (!self || zsock_connect(self, "%s", endpoint) != 0) {
        tr_door_monitor_destroy(&self, door);
    }
    return self;
}

/* An event is two frames: its number and value, and the endpoint, which is the door's. */
bool tr_door_monitor_next(zsock_t *self, tr_door_event_t *out)
{
    assert(self && out);
    void *socket = zsock_resolve(self);
    bool is_there = false;
    int more = 1;
    for (int n = 0; more; n++) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            return false;
        }
        if (n == 0 && zmq_msg_size(&frame) == sizeof(uint16_t) + sizeof(int32_t)) {
            uint16_t what;
            int32_t value;
            memcpy(&what, zmq_msg_data(&frame), sizeof what);
            memcpy(&value, (const char *)zmq_msg_data(&frame) + sizeof what, sizeof value);
            *out = (tr_door_event_t){what, value};
            is_there = true;
        }
        more = zmq_msg_more(&frame);
        zmq_msg_close(&frame);
    }
    return is_there;
}

void tr_door_monitor_destroy(zsock_t **self_p, zsock_t *door)
{
    assert(self_p && door);
    tr_door_event_t event;
    while (*self_p && tr_door_monitor_next(*self_p, &event)) {
    }
    zmq_socket_monitor(zsock_resolve(door), NULL, 0);
    zsock_destroy(self_p);
}
