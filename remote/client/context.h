/* remote/client/context.h - one ZeroMQ context for all clients of a process
 *
 * One I/O thread serves any number of clients. It is libzmq's plain context and not that of
 * czmq, which brings signal handlers and an exit handler into programs that only want to call.
 * Counted: the last to leave ends it, and so waits until what was sent has left, or has
 * lingered long enough. Any thread.
 */

#ifndef TROUPE_REMOTE_CLIENT_CONTEXT_H
#define TROUPE_REMOTE_CLIENT_CONTEXT_H

/* The context, for sockets that are closed before leaving; NULL when out of memory. */
void *tr_context_join(void);

/* Once for each time it was joined. */
void tr_context_leave(void);

#endif
