/* actors/host/uplink.h - the socket of a worker process to the node that started it
 *
 * One DEALER, connected once. The node is there before it starts a worker, and a node that was
 * lost has given this worker up: nothing is ever connected again. One thread owns it.
 */

#ifndef TROUPE_ACTORS_HOST_UPLINK_H
#define TROUPE_ACTORS_HOST_UPLINK_H

#include <stdbool.h>
#include <stdint.h>

#include <zmq.h>

#include <troupe/message.h>
#include <troupe/status.h>

#include "wire/trp1.h"

typedef struct tr_uplink tr_uplink_t;

typedef enum tr_uplink_state {
    TR_UPLINK_CONNECTING, /* what is sent waits */
    TR_UPLINK_UP,
    TR_UPLINK_LOST, /* for ever */
} tr_uplink_state_t;

/* Begin to connect to `endpoint`. NULL when it is no endpoint, or when memory or sockets are
 * wanting; errno says which. */
TROUPE_NODISCARD tr_uplink_t *tr_uplink_new(const char *endpoint);

/* Close it, waiting up to `linger_ms` until what was sent has left. Sets *self_p to NULL; NULL
 * is fine. */
void tr_uplink_destroy(tr_uplink_t **self_p, int linger_ms);

/* How it stands now. */
tr_uplink_state_t tr_uplink_look(tr_uplink_t *self);

/* Whether tr_uplink_send would take one more message now. What is lost takes everything. */
bool tr_uplink_has_room(tr_uplink_t *self);

#define TR_UPLINK_ITEMS 2

/* Fill in what to poll: for what comes, and with `wants_room` for room too. */
void tr_uplink_poll(const tr_uplink_t *self, bool wants_room,
                    zmq_pollitem_t items[TR_UPLINK_ITEMS]);

/* Send `command` and behind it the frames of `message` (NULL: none), which are moved out of it.
 * Waits for room up to `timeout_ms`. Who has asked for room before, or can do without the
 * message, need not look at the status.
 *
 *   TROUPE_OK      on its way, or in the queue of one that still connects
 *   TROUPE_FULL    nothing was sent, the message is as it was
 *   TROUPE_CLOSED  lost; likewise
 *   TROUPE_LIMIT   a field is too long; likewise
 */
troupe_status_t tr_uplink_send(tr_uplink_t *self, const tr_trp1_t *command,
                               troupe_message_t *message, int64_t timeout_ms);

/* Take the next command. Its texts are good until the next call. Its payload is the caller's:
 * NULL when it has none.
 *
 *   TROUPE_OK            *command_out and *message_out are filled
 *   TROUPE_TIMEOUT       there is none now
 *   TROUPE_ERR_PROTOCOL  what came cannot be read, and is gone
 *   TROUPE_ERR_NOMEM     *command_out is good, its payload found no memory
 */
TROUPE_NODISCARD troupe_status_t tr_uplink_receive(tr_uplink_t *self, tr_trp1_t *command_out,
                                                   troupe_message_t **message_out);

#endif
