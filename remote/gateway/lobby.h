/* remote/gateway/lobby.h - requests of a client that wait until others of it have ended
 *
 * A Majordomo client has no word for a request that is not taken, and cannot be told to slow
 * down: what it sends ahead waits here, in its order and bounded by bytes. One gateway owns it.
 */

#ifndef TROUPE_REMOTE_GATEWAY_LOBBY_H
#define TROUPE_REMOTE_GATEWAY_LOBBY_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/message.h>
#include <troupe/status.h>

#include "base/span.h"

typedef struct tr_waiting {
    struct tr_waiting *next;
    troupe_message_t *body;
    size_t bytes; /* that it takes, with all that keeps it */
    size_t service_size;
    char service[];
} tr_waiting_t;

/* A zeroed one is empty. */
typedef struct tr_lobby {
    tr_waiting_t *first;
    tr_waiting_t *last;
    size_t n;
    size_t bytes;
} tr_lobby_t;

/* Let a request wait behind the others, unless all of them would take more than `max_bytes`.
 * Takes the body. TROUPE_FULL, TROUPE_ERR_NOMEM: the body is still the caller's. */
TROUPE_NODISCARD troupe_status_t tr_lobby_enter(tr_lobby_t *self, tr_span_t service,
                                                troupe_message_t **body_p, size_t max_bytes);

/* The one that waits longest, the caller's from now on; NULL when there is none. */
tr_waiting_t *tr_lobby_call(tr_lobby_t *self);

/* Free it with its body, if that was not taken; NULL is fine. */
void tr_waiting_destroy(tr_waiting_t **waiting_p);

/* Free all that wait. */
void tr_lobby_finish(tr_lobby_t *self);

#endif
