/* remote/client/calls.h - a client's open calls: found by id, and by which deadline comes first
 *
 * A call is in the table from its start to its end. What its final reply needs is allocated
 * with it, so that ending a call cannot fail. Not thread-safe: one client owns it.
 */

#ifndef TROUPE_REMOTE_CLIENT_CALLS_H
#define TROUPE_REMOTE_CLIENT_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/call.h>
#include <troupe/status.h>

#include "base/span.h"

/* Replies in the order in which they came. A zeroed one is empty. */
typedef struct tr_replies {
    troupe_reply_t *first;
    troupe_reply_t *last;
    size_t n_replies;
    size_t n_bytes;
} tr_replies_t;

/* Append the reply, which the queue then owns. */
void tr_replies_push(tr_replies_t *self, troupe_reply_t *reply);

/* Take the oldest out; NULL when there is none. */
troupe_reply_t *tr_replies_pop(tr_replies_t *self);

/* Destroy all that wait. */
void tr_replies_clear(tr_replies_t *self);

typedef struct tr_call tr_call_t;

typedef enum tr_call_kind {
    TR_CALL_REQUEST, /* of a capability */
    TR_CALL_ASK,     /* of an actor */
    TR_CALL_SEND,    /* of an actor, too; its end says that it was delivered */
    TR_CALL_MONITOR, /* of an actor, too; it ends when that goes down */
} tr_call_kind_t;

struct tr_call {
    uint64_t id;
    tr_call_kind_t kind; /* set by who makes it, as are the deadline and the sink */
    bool is_urgent;      /* a send */
    bool wants_status;   /* a request */
    tr_call_t *previous; /* neighbours in the list that the call is in: unsent or sent */
    tr_call_t *next;
    size_t place; /* in the heap, when it is in it */
    int64_t deadline_ms;
    int64_t ends_ms; /* the caller's own deadline; TR_NEVER when the node's default counts */
    bool is_sent;
    bool wants_cancel; /* the node has still to be told */
    bool wants_credit; /* likewise, of the parts that were taken */
    troupe_priority_t priority;
    uint64_t n_parts;
    uint64_t window;           /* parts that the node may be ahead of the application */
    uint64_t n_taken;          /* by the application, and not granted anew */
    tr_replies_t *sink;        /* where its replies go */
    troupe_reply_t *final;     /* made beforehand */
    troupe_message_t *message; /* until it is sent */
    size_t bytes;              /* of the message */
    size_t room;               /* for the texts, which lie behind the call */
    tr_span_t capability;      /* or actor */
    tr_span_t method;
    tr_span_t traceparent;
    tr_span_t sticky;
    tr_span_t dedup;
};

typedef struct tr_calls tr_calls_t;

/* NULL when out of memory. */
TROUPE_NODISCARD tr_calls_t *tr_calls_new(void);

/* End of the table with all that is in it; NULL is fine. */
void tr_calls_destroy(tr_calls_t **self_p);

/* Make a call of the next id, unsent, and due at `deadline_ms`. Takes the message only when it
 * succeeds. `options` are read, not kept. NULL when out of memory. */
TROUPE_NODISCARD tr_call_t *tr_calls_add(tr_calls_t *self, const char *capability,
                                         const troupe_call_options_t *options,
                                         troupe_message_t **message_p, int64_t deadline_ms);

/* NULL when no call of that id is open. */
tr_call_t *tr_calls_find(const tr_calls_t *self, uint64_t id);

/* The call whose deadline comes first; NULL when none has one. TR_NEVER is no deadline. */
tr_call_t *tr_calls_next_due(const tr_calls_t *self);

void tr_calls_set_deadline(tr_calls_t *self, tr_call_t *call, int64_t deadline_ms);

/* The first of those that wait to be sent, and of those under way, by `next`. */
tr_call_t *tr_calls_unsent(const tr_calls_t *self);
tr_call_t *tr_calls_sent(const tr_calls_t *self);

/* Move the call from the unsent to the sent ones; its message is gone by now. */
void tr_calls_note_sent(tr_calls_t *self, tr_call_t *call);

/* Take the call out and free it; what it still holds goes too. Its final is returned, which
 * the caller then owns. */
TROUPE_NODISCARD troupe_reply_t *tr_calls_remove(tr_calls_t *self, tr_call_t **call_p);

size_t tr_calls_n_open(const tr_calls_t *self);
size_t tr_calls_n_sent(const tr_calls_t *self);

/* Payload bytes of those that wait to be sent. */
size_t tr_calls_unsent_bytes(const tr_calls_t *self);

#endif
