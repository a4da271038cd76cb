/* mailbox/request_queue.h - which waiting request is next
 *
 * Order: priority, then earliest deadline, then first come. Bounded by count. Holds a share of
 * every envelope in it. Pure: it is told nothing but requests. One router owns it.
 */

#ifndef TROUPE_MAILBOX_REQUEST_QUEUE_H
#define TROUPE_MAILBOX_REQUEST_QUEUE_H

#include "base/heap.h"
#include "mailbox/envelope.h"

typedef struct tr_request_queue {
    tr_heap_t order;
    size_t limit;
} tr_request_queue_t;

void tr_request_queue_init(tr_request_queue_t *self, size_t limit);

/* Frees the queue, which must be empty. */
void tr_request_queue_finish(tr_request_queue_t *self);

/* Queue the request; its deadline and number are set. Takes the share on success.
 *
 *   TROUPE_OK
 *   TROUPE_FULL        as many wait as may
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_request_queue_push(tr_request_queue_t *self,
                                                       tr_envelope_t *envelope);

/* Put a request back that was popped before, into its old place: the limit does not count.
 * Takes the share on success. TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_request_queue_return(tr_request_queue_t *self,
                                                         tr_envelope_t *envelope);

/* Take the next one with its share; NULL when none waits. */
tr_envelope_t *tr_request_queue_pop(tr_request_queue_t *self);

/* Take this one out; its share is the caller's. It must be in the queue. */
void tr_request_queue_remove(tr_request_queue_t *self, tr_envelope_t *envelope);

size_t tr_request_queue_count(const tr_request_queue_t *self);

#endif
