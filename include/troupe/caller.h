/* troupe/caller.h - call capabilities of a node inside the same process
 *
 * A caller is a thread's own end of its calls: it starts them, and what comes back
 * arrives here. Payloads are handed over, never copied. One thread at a time may use
 * a caller; make one per thread.
 */

#ifndef TROUPE_CALLER_H
#define TROUPE_CALLER_H

#include <stdint.h>

#include <troupe/api.h>
#include <troupe/call.h>
#include <troupe/node.h>
#include <troupe/status.h>

TROUPE_BEGIN_DECLS

/* A thread's end of its calls. */
typedef struct troupe_caller troupe_caller_t;

/* A caller on `node`, which must outlive it, and so whatever call a thread is in; the node may
 * stop meanwhile, its calls end then. NULL when out of memory. */
TROUPE_API TROUPE_NODISCARD troupe_caller_t *troupe_caller_new(troupe_node_t *node);

/* Cancel what still runs, let go of all, set *self_p to NULL; NULL is fine. */
TROUPE_API void troupe_caller_destroy(troupe_caller_t **self_p);

/* Start a call; takes the message (NULL inside: an empty one). Never waits, unless the
 * capability is configured so. With `overflow: block` it waits up to the request's time for
 * room in its queue. With `isolation: inline` it runs the handler, and perhaps those of others
 * who call at that moment: it returns when these do, so hold no lock that one of them takes.
 * Whatever goes wrong arrives as the final reply, so there is one place to look.
 *
 *   TROUPE_OK         *id_out names the call; exactly one final reply will come
 *   TROUPE_ERR_NOMEM  nothing was started, the message is gone
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_caller_start(
    troupe_caller_t *self, const char *capability, const troupe_call_options_t *options,
    troupe_message_t **message_p, uint64_t *id_out);

/* Take the next part or final of any call, waiting up to `timeout_ms` (0: only look;
 * -1: until something comes, or no call is open).
 *
 *   TROUPE_OK         *out is the caller's to destroy
 *   TROUPE_TIMEOUT    nothing came in time
 *   TROUPE_NOT_FOUND  no call is open, so nothing can come
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_caller_next(troupe_caller_t *self,
                                                               int64_t timeout_ms,
                                                               troupe_reply_t **out);

/* Ask that call `id` be cancelled; its final reply then says `cancelled`, unless it
 * ended first. An unknown id is ignored. */
TROUPE_API void troupe_caller_cancel(troupe_caller_t *self, uint64_t id);

/* How many calls have not ended yet. */
TROUPE_API size_t troupe_caller_n_open(const troupe_caller_t *self);

/* A descriptor that polls readable when troupe_caller_next has something. Borrowed;
 * do not read it. */
TROUPE_API int troupe_caller_fd(troupe_caller_t *self);

/* Call and wait for the end, which comes at the deadline at the latest, unless an inline
 * handler holds this thread for longer (see troupe_caller_start). Parts go to
 * `on_part (arg, part)` when that is not NULL. Replies to other calls of this caller
 * are kept for troupe_caller_next.
 *
 *   TROUPE_OK         the request ended; *out says how, and is the caller's to destroy
 *   TROUPE_ERR_NOMEM  nothing was started
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_caller_call(
    troupe_caller_t *self, const char *capability, const troupe_call_options_t *options,
    troupe_message_t **message_p, troupe_part_fn *on_part, void *arg, troupe_reply_t **out);

TROUPE_END_DECLS

#endif
