/* node/admin/events.h - the events of the node as streams
 *
 * `events` of troupe.admin: each part is one event as a msgpack map. The admin subscribes once,
 * while there is any stream, and deals the events out. A reader that grants no credit has some
 * of them waiting for it, then loses events, and is told how many by an event `events_shed`; it
 * holds nobody.
 *
 * One thread owns the streams, the admin's.
 */

#ifndef TROUPE_NODE_ADMIN_EVENTS_H
#define TROUPE_NODE_ADMIN_EVENTS_H

#include "actors/actor.h"
#include "mailbox/envelope.h"

typedef struct tr_stream tr_stream_t;

typedef struct tr_streams {
    tr_self_t *admin;
    tr_subscription_t *subscription; /* NULL: there is no stream */
    tr_stream_t *first;
    size_t n;
} tr_streams_t;

/* The last events are kept from now on. */
void tr_streams_init(tr_streams_t *self, tr_self_t *admin);

/* Answers those that are open. */
void tr_streams_finish(tr_streams_t *self);

/* Begin a stream for the envelope; takes the share. Frame 0: the filter, frame 1: how many past
 * events come first; both may be absent. */
void tr_streams_begin(tr_streams_t *self, tr_envelope_t *envelope);

/* Deal out the event of this letter; takes it. */
void tr_streams_take(tr_streams_t *self, tr_letter_t *letter);

/* Its reader has room again. Nothing when it is no stream. */
void tr_streams_on_credit(tr_streams_t *self, const tr_envelope_t *envelope);

/* It is wanted no more: ended, if it is a stream. */
void tr_streams_cancel(tr_streams_t *self, const tr_envelope_t *envelope);

/* End what is past its time; returns when to be asked again. */
int64_t tr_streams_expire(tr_streams_t *self, int64_t now_ms);

/* Whether an event called `name` is meant by `filter`: words with spaces between, of which one
 * is the name, or its beginning up to an underscore. An empty filter means all. */
bool tr_events_filter(const char *filter, const char *name);

#endif
