/* remote/gateway/in_flight.h - how many bytes libzmq still has of what one peer was sent
 *
 * libzmq counts messages, and takes so many for each connection however large they are. So
 * large frames are counted here, from when they are sent until libzmq lets go of them, which it
 * does on a thread of its own, and when the connection ends at the latest.
 */

#ifndef TROUPE_REMOTE_GATEWAY_IN_FLIGHT_H
#define TROUPE_REMOTE_GATEWAY_IN_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>

#include <zmq.h>

#include <troupe/api.h>
#include <troupe/status.h>

/* Smaller frames are not counted: libzmq has a few hundred of them at most. */
#define TR_IN_FLIGHT_SMALL ((size_t)16384)

typedef struct tr_in_flight tr_in_flight_t;

/* NULL when out of memory. */
TROUPE_NODISCARD tr_in_flight_t *tr_in_flight_new(void);

/* The peer wants to know no more; what is counted goes on. NULL is fine. */
void tr_in_flight_release(tr_in_flight_t **self_p);

size_t tr_in_flight_bytes(const tr_in_flight_t *self);

/* Count a frame that is about to be sent, which has the same bytes as before. False when out of
 * memory: it is not counted. */
bool tr_in_flight_count(tr_in_flight_t *self, zmq_msg_t *frame);

#endif
