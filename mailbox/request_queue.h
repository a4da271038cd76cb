/* mailbox/request_queue.h - which waiting request is next
 *
 * Order of service: priority; within one priority fair turns over peers; for one peer the
 * earliest deadline, then who came first. So a peer that has a thousand waiting delays the
 * first of another by one turn, not by a thousand.
 *
 * No priority starves another for ever. One that was passed over by more urgent ones
 * TR_QUEUE_PATIENCE times while something of it waited is served next; of several the most
 * urgent. From this follows the bound: of any TR_QUEUE_BOUND requests popped while something of
 * a priority waits, one at least is of that priority. (The bound is more than the patience
 * because the turns of others whose patience has ended come between.) What rides along in a
 * batch, `pop_like`, is no turn of its priority: it brings none nearer and puts none off.
 *
 * Holds a share of every envelope in it, and does not bound how many there are: its router
 * does. Every call costs O(log n) at most. Pure: it is told nothing but requests, and knows no
 * clock. One router owns it; it must stay where it was made.
 */

#ifndef TROUPE_MAILBOX_REQUEST_QUEUE_H
#define TROUPE_MAILBOX_REQUEST_QUEUE_H

#include "base/idmap.h"
#include "mailbox/envelope.h"

#define TR_QUEUE_PATIENCE 16 /* turns of more urgent ones before a priority is due */
#define TR_QUEUE_BOUND    22 /* pops among which one is of each priority that waits */
#define TR_QUEUE_LOOKS    64 /* heads of lines that are looked at for a batch */
#define TR_QUEUE_LEVELS   TROUPE_PRIORITY_BATCH

/* What waits of one priority. */
typedef struct tr_queue_level {
    tr_idmap_t lines; /* tr_queue_line_t by peer: of those who have something waiting */
    tr_queue_line_t *first_line; /* whose turn is next */
    tr_queue_line_t *last_line;
    tr_lineup_t arrivals;   /* all, by number; those that are returned are out of order */
    unsigned n_passed_over; /* since it was last served, or became non-empty */
} tr_queue_level_t;

typedef struct tr_request_queue {
    tr_queue_level_t levels[TR_QUEUE_LEVELS]; /* most urgent first */
    size_t n_waiting;
    tr_queue_line_t *spares; /* lines of peers that left, for those that come */
    size_t n_spares;
} tr_request_queue_t;

void tr_request_queue_init(tr_request_queue_t *self);

/* Frees the queue, which must be empty. */
void tr_request_queue_finish(tr_request_queue_t *self);

/* Queue the request; its deadline and number are set, and stay as they are while it waits.
 * Takes the share on success. TROUPE_ERR_NOMEM changes nothing. */
TROUPE_NODISCARD troupe_status_t tr_request_queue_push(tr_request_queue_t *self,
                                                       tr_envelope_t *envelope);

/* Put a request back that was popped before: its peer's turn comes next, and among those of its
 * peer it has its old place. Of several that are returned, the last one's peer is the first; so
 * who returns them in the opposite of the order in which they were popped finds them in it.
 * Takes the share on success. TROUPE_ERR_NOMEM changes nothing. */
TROUPE_NODISCARD troupe_status_t tr_request_queue_return(tr_request_queue_t *self,
                                                         tr_envelope_t *envelope);

/* Take the next one with its share; NULL when none waits. */
tr_envelope_t *tr_request_queue_pop(tr_request_queue_t *self);

/* Take the next one with its share that has the method of `like`, for a batch with it. It is a
 * turn of its peer. Only the first of each peer's line, and no more than TR_QUEUE_LOOKS of
 * them, are looked at. NULL when none of these has it. */
tr_envelope_t *tr_request_queue_pop_like(tr_request_queue_t *self, const tr_envelope_t *like);

/* Who would make room for one of priority `newcomer`: of the least urgent priority that waits,
 * the one with the smallest number. It stays inside. NULL when nothing waits, or only what is
 * more urgent than the newcomer. */
tr_envelope_t *tr_request_queue_victim(const tr_request_queue_t *self,
                                       troupe_priority_t newcomer);

/* Take this one out; its share is the caller's. It must be in the queue. */
void tr_request_queue_remove(tr_request_queue_t *self, tr_envelope_t *envelope);

/* Any one, still inside; NULL when empty: for emptying a queue in a loop. */
tr_envelope_t *tr_request_queue_any(const tr_request_queue_t *self);

size_t tr_request_queue_count(const tr_request_queue_t *self);

/* Call `visit (arg, envelope)` for each, in no order. It must not change the queue. */
void tr_request_queue_each(const tr_request_queue_t *self,
                           void (*visit)(void *arg, void *envelope), void *arg);

#endif
