/* remote/client/link.h - a client's way to its node: one connection after another
 *
 * Greets, keeps the heartbeat, notices that the node is gone, and connects anew. What is about
 * requests passes through; what is about the connection ends here.
 *
 * The link owns no thread: it works when it is run, and `tr_link_due_ms` says by when that must
 * be if nothing happens before. It never waits. Not thread-safe.
 */

#ifndef TROUPE_REMOTE_CLIENT_LINK_H
#define TROUPE_REMOTE_CLIENT_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include <troupe/message.h>
#include <troupe/status.h>

#include "wire/curve_key.h"
#include "wire/trp1.h"

typedef struct tr_link tr_link_t;

/* A link to `endpoint`; it connects when it is told to, or is run. Its descriptors are kept in
 * the epoll instance `epoll_fd`, which stays the caller's. NULL when out of memory or when the
 * endpoint is none. */
TROUPE_NODISCARD tr_link_t *tr_link_new(const char *endpoint, int epoll_fd);

/* Connect by CURVE, with that pair and the node's public key; anew, if it has begun without.
 * Only before anything was sent. */
void tr_link_set_keys(tr_link_t *self, const tr_curve_pair_t *pair, const char *node_key);

/* Begin to connect, where it is time for a try. */
void tr_link_connect(tr_link_t *self, int64_t now_ms);

/* Close; what was sent has up to 200 ms to leave. Waits for that when this is the last link
 * of the process. NULL is fine. */
void tr_link_destroy(tr_link_t **self_p);

/* Look at the transport and at the clock. `is_behind`: the caller has not read all there is, so
 * silence proves nothing. Call it after reading. */
void tr_link_run(tr_link_t *self, int64_t now_ms, bool is_behind);

/* Read the next command that is for the user: part, reply, error, status, message, down,
 * goaway, bye.
 *
 *   TROUPE_OK       *command_out borrows from the link until the next call; *message_out has
 *                   the payload and is the caller's, NULL when there is none
 *   TROUPE_TIMEOUT  nothing came
 *   TROUPE_ERR_NOMEM  as OK, but the payload is lost
 */
TROUPE_NODISCARD troupe_status_t tr_link_receive(tr_link_t *self, int64_t now_ms,
                                                 tr_trp1_t *command_out,
                                                 troupe_message_t **message_out);

/* Whether there is more of a bundle, to be received without looking at the socket. */
bool tr_link_is_in_bundle(const tr_link_t *self);

/* Send a command and the frames of `message`, which may be NULL and is empty afterwards.
 *
 *   TROUPE_OK      it is on its way
 *   TROUPE_FULL    not now; nothing was taken
 *   TROUPE_CLOSED  there is no connection; nothing was taken
 */
TROUPE_NODISCARD troupe_status_t tr_link_send(tr_link_t *self, int64_t now_ms,
                                              const tr_trp1_t *command,
                                              troupe_message_t *message);

/* Gather a command with a copy of the frames of `message`, which may be NULL. False: it must go
 * by itself, or in the next bundle. */
TROUPE_NODISCARD bool tr_link_gather(tr_link_t *self, const tr_trp1_t *command,
                                     const troupe_message_t *message);

/* Send what was gathered, if anything; as tr_link_send. It is forgotten in any case. */
TROUPE_NODISCARD troupe_status_t tr_link_send_gathered(tr_link_t *self, int64_t now_ms);

/* Whether the node takes bundles. */
bool tr_link_has_bundles(const tr_link_t *self);

/* From now on what actors send is welcome: the node is told before anything else, now or when
 * it is greeted. */
void tr_link_welcome_messages(tr_link_t *self, int64_t now_ms);

/* Tell the node that this is the end. When that cannot be sent, it learns it from the
 * connection that ends. */
void tr_link_say_bye(tr_link_t *self, int64_t now_ms);

/* Whether the socket could be read, or written when `wants_write`, this very moment. When
 * this says no, the descriptor will tell. */
bool tr_link_has_work(tr_link_t *self, bool wants_write);

/* Give the connection up, for that reason, and make another one a little later. */
void tr_link_drop(tr_link_t *self, int64_t now_ms, const char *reason);

/* Whether a connection ended since this was last asked; *reason_out then says why, in one line
 * that names the endpoint, borrowed until the link runs again. */
bool tr_link_take_loss(tr_link_t *self, const char **reason_out);

/* Look whether the connection ended meanwhile; true: it did, and the link has to be run. */
bool tr_link_look(tr_link_t *self, int64_t now_ms);

/* Something happened at this descriptor, which may be one of the link's: it looks again. */
void tr_link_note_event(tr_link_t *self, int fd);

/* Whether the node has answered the greeting, and is not gone again. */
bool tr_link_is_up(const tr_link_t *self);

/* Whether something answered since the link was made or last up that is no node we can talk to.
 */
bool tr_link_is_refused(const tr_link_t *self);

/* Why the node does not let us in, in one line that names the endpoint; "" since it does, or
 * nobody was asked. */
const char *tr_link_refusal(const tr_link_t *self);

/* Whether it has said so again since this was last asked. */
bool tr_link_take_refusal(tr_link_t *self);

/* When the link must run again at the latest; TR_NEVER when only events count. */
int64_t tr_link_due_ms(const tr_link_t *self);

const char *tr_link_endpoint(const tr_link_t *self);

/* As the node's greeting gave them: its name, "" before; the largest payload frame; how many
 * requests may be open. */
const char *tr_link_node(const tr_link_t *self);
int64_t tr_link_max_frame(const tr_link_t *self);
int64_t tr_link_max_open(const tr_link_t *self);

/* How many messages could not be understood. */
uint64_t tr_link_n_malformed(const tr_link_t *self);

#endif
