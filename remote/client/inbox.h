/* remote/client/inbox.h - messages of actors that a client has not taken yet
 *
 * Bounded: what does not fit is let go of, and counted. Not thread-safe: one client owns it.
 */

#ifndef TROUPE_REMOTE_CLIENT_INBOX_H
#define TROUPE_REMOTE_CLIENT_INBOX_H

#include <stddef.h>
#include <stdint.h>

#include <troupe/message.h>

#include "base/span.h"
#include "wire/trp1.h"

typedef struct tr_inbox_item {
    struct tr_inbox_item *next;
    troupe_message_t *message;
    char from[TR_TRP1_MAX_NAME + 1];
} tr_inbox_item_t;

/* A zeroed one is empty, and takes nothing. */
typedef struct tr_inbox {
    size_t most; /* messages that may wait; 0: none is wanted */
    size_t n_waiting;
    size_t n_bytes;
    uint64_t n_missed;
    tr_inbox_item_t *first;
    tr_inbox_item_t *last;
    char from[TR_TRP1_MAX_NAME + 1]; /* of the one that was taken last */
} tr_inbox_t;

/* Let a message wait; takes it (may be NULL inside). */
void tr_inbox_put(tr_inbox_t *self, tr_span_t from, troupe_message_t **message_p);

/* The oldest one, the caller's; self->from says whose it is. NULL when there is none. */
troupe_message_t *tr_inbox_take(tr_inbox_t *self);

/* Let go of all that wait. */
void tr_inbox_clear(tr_inbox_t *self);

#endif
