/* actors/process/child_link.h - the socket between an actor and the one process it started
 *
 * A ROUTER at an address of its own in the node's private folder. The process proves by a token
 * that it is the one that was started: it comes with its first message, and is good once.
 * Whoever else connects is not listened to. One thread owns it; nothing waits.
 */

#ifndef TROUPE_ACTORS_PROCESS_CHILD_LINK_H
#define TROUPE_ACTORS_PROCESS_CHILD_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include <troupe/message.h>
#include <troupe/status.h>

#include "wire/trp1.h"

typedef struct tr_child_link tr_child_link_t;

/* Bind in `folder`, under a name made of `number`, for the worker called `worker` (copied; for
 * the log). NULL on failure; `why` (of `size` bytes) then says why in one line. */
TROUPE_NODISCARD tr_child_link_t *tr_child_link_new(const char *folder, uint64_t number,
                                                    const char *worker, char *why, size_t size);

/* Close the socket and remove its file. NULL is fine. */
void tr_child_link_destroy(tr_child_link_t **self_p);

/* What the process must be told: where to connect, and the token to show. */
const char *tr_child_link_endpoint(const tr_child_link_t *self);
const char *tr_child_link_token(const tr_child_link_t *self);

/* The ZeroMQ socket, to be watched. */
void *tr_child_link_socket(tr_child_link_t *self);

/* Whether the process has shown its token. */
bool tr_child_link_is_known(const tr_child_link_t *self);

/* Take the next command of the process. Its texts are good until the next call. Its payload is
 * the caller's; NULL when it has none.
 *
 *   TROUPE_OK            *command_out and *message_out are filled
 *   TROUPE_TIMEOUT       there is none now
 *   TROUPE_ERR_PROTOCOL  it sent what cannot be read; *why_out says in a few words why
 *   TROUPE_ERR_NOMEM     *command_out is good, its payload found no memory
 */
TROUPE_NODISCARD troupe_status_t tr_child_link_receive(tr_child_link_t *self,
                                                       tr_trp1_t *command_out,
                                                       troupe_message_t **message_out,
                                                       const char **why_out);

/* Send `command` and behind it the frames of `message` (NULL: none), which are shared, not
 * copied.
 *
 *   TROUPE_OK
 *   TROUPE_FULL    it does not read; nothing was sent
 *   TROUPE_CLOSED  it is not there: not yet, or not any more
 *   TROUPE_LIMIT   a field is too long
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_child_link_send(tr_child_link_t *self,
                                                    const tr_trp1_t *command,
                                                    const troupe_message_t *message);

/* Whether nothing can come any more but what can be received now: its connection is closed, or
 * there was none. For a process that is dead; another one would get an empty message. */
bool tr_child_link_is_drained(tr_child_link_t *self);

#endif
