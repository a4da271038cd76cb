/* remote/dialect.h - a language that peers speak to the gateway
 *
 * All share one socket; a peer keeps to the dialect of its first message. What it wants is put
 * in the terms of TRP/1, whatever it speaks, and what it is told is put in those of its own.
 */

#ifndef TROUPE_REMOTE_DIALECT_H
#define TROUPE_REMOTE_DIALECT_H

#include <stddef.h>

#include "base/span.h"
#include "mailbox/message.h"
#include "mailbox/reply.h"
#include "remote/peer.h"

typedef struct tr_gateway tr_gateway_t;

typedef struct tr_dialect {
    const char *name; /* in metrics and events */

    /* A message of a peer: its first frame, and those behind it, which may be taken. Returns
     * how many commands it had. */
    size_t (*receive)(tr_gateway_t *gateway, tr_peer_t *peer, tr_span_t first,
                      troupe_message_t **rest_p, bool has_too_many_frames);

    /* Say to a peer that the request it numbered so was not let pass. */
    void (*refuse)(tr_gateway_t *gateway, tr_peer_t *peer, uint64_t id, tr_span_t capability,
                   troupe_outcome_t outcome, const char *text);

    /* What a router or worker sent to an open call. Does not take the reply, but may its
     * message; the call is closed by the caller when it is final. */
    void (*reply)(tr_gateway_t *gateway, tr_open_call_t *call, troupe_reply_t *reply);

    /* Say to a peer that no new requests are taken; that it is cut off; that a sign of life is
     * wanted. NULL: there are no words for that. */
    void (*goaway)(tr_gateway_t *gateway, tr_peer_t *peer);
    void (*bye)(tr_gateway_t *gateway, tr_peer_t *peer);
    void (*ping)(tr_gateway_t *gateway, tr_peer_t *peer);
} tr_dialect_t;

extern const tr_dialect_t tr_native;

/* The dialect of who begins like this. */
const tr_dialect_t *tr_dialect_of(tr_span_t first, const troupe_message_t *rest);

#endif
