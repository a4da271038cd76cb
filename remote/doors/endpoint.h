/* remote/doors/endpoint.h - where a node listens
 *
 * libzmq binds an ipc path by removing whatever lies there. So before binding it is checked
 * that nobody lives behind it, that the path fits, and that it is a socket of ours if it is
 * anything.
 */

#ifndef TROUPE_REMOTE_DOORS_ENDPOINT_H
#define TROUPE_REMOTE_DOORS_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/status.h>

/* "ipc://…"? */
bool tr_endpoint_is_ipc(const char *endpoint);

/* Whether `endpoint` may be bound, as far as that can be told before. On failure `why` (of
 * `size` bytes) gets one line.
 *
 *   TROUPE_OK
 *   TROUPE_EXISTS   a node listens there
 *   TROUPE_ERR_IO   the path or port cannot be used: no folder, no right, too long, not a
 * socket
 */
TROUPE_NODISCARD troupe_status_t tr_endpoint_check(const char *endpoint, char *why,
                                                   size_t size);

/* Listen at an endpoint that has been checked. To a socket file nobody can connect before it
 * has its mode and its owner ("USER", "USER:GROUP" or ":GROUP", names or numbers; NULL: as it
 * comes). Returns the caller's descriptor, or -1 and `why`. */
int tr_endpoint_listen(const char *endpoint, unsigned mode, const char *owner, int backlog,
                       char *why, size_t size);

/* Let the system keep no more than so many bytes, each way, of each connection that is accepted
 * from now on. tcp only; 0: as it likes. */
void tr_endpoint_bound_buffers(int listener, size_t bytes);

/* Let the system find out when whoever has connected from now on is not there any more, though
 * nobody said so, and end the connection: within half a minute of silence. tcp only. */
void tr_endpoint_look_after(int listener);

/* Give the bound ipc socket its mode and owner. tcp: nothing to do. */
TROUPE_NODISCARD troupe_status_t tr_endpoint_set_access(const char *endpoint, unsigned mode,
                                                        const char *owner, char *why,
                                                        size_t size);

/* Whether there is such an owner; NULL is fine. TROUPE_NOT_FOUND: `why` says what there is not.
 */
TROUPE_NODISCARD troupe_status_t tr_endpoint_check_owner(const char *owner, char *why,
                                                         size_t size);

/* Take the file of an ipc socket away that this node bound: libzmq leaves it. tcp: nothing to
 * do. */
void tr_endpoint_remove(const char *endpoint);

#endif
