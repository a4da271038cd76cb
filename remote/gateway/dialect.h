/* remote/gateway/dialect.h - a language that peers speak to the gateway
 *
 * All share one socket; a peer keeps to the dialect of its first message. What it wants is put
 * in the terms of TRP/1, whatever it speaks, and what it is told is put in those of its own.
 */

#ifndef TROUPE_REMOTE_GATEWAY_DIALECT_H
#define TROUPE_REMOTE_GATEWAY_DIALECT_H

#include <stddef.h>

#include "base/span.h"
#include "mailbox/message.h"
#include "mailbox/reply.h"
#include "remote/gateway/peer.h"

typedef struct tr_gateway tr_gateway_t;
typedef struct tr_line tr_line_t; /* remote/workers/workers.h */

typedef enum tr_dialect_number {
    TR_DIALECT_TRP1,
    TR_DIALECT_MDP_01,
    TR_DIALECT_MDP_02,
    TR_DIALECT_MAJORTOMO,
    TR_DIALECT_UNKNOWN,
    TR_N_DIALECTS,
} tr_dialect_number_t;

typedef struct tr_dialect {
    tr_dialect_number_t number;
    const char *name; /* in metrics and events */

    /* A message of a peer: its first frame, and those behind it, which may be taken. Returns
     * how many commands it had. */
    size_t (*receive)(tr_gateway_t *gateway, tr_peer_t *peer, tr_span_t first,
                      troupe_message_t **rest_p, bool has_too_many_frames);

    /* Say to a peer that the request it numbered so was not let pass. `hint_ms` > 0: it may do
     * better after that. */
    void (*refuse)(tr_gateway_t *gateway, tr_peer_t *peer, uint64_t id, tr_span_t capability,
                   troupe_outcome_t outcome, const char *text, int64_t hint_ms);

    /* What a router or worker sent to an open call. Does not take the reply, but may its
     * message; the call is closed by the caller when it is final. */
    void (*reply)(tr_gateway_t *gateway, tr_open_call_t *call, troupe_reply_t *reply);

    /* And it has been closed. NULL: that is of no interest. */
    void (*settled)(tr_gateway_t *gateway, tr_peer_t *peer);

    /* Say to a peer that no new requests are taken; that it is cut off; that a sign of life is
     * wanted. NULL: there are no words for that. */
    void (*goaway)(tr_gateway_t *gateway, tr_peer_t *peer);
    void (*bye)(tr_gateway_t *gateway, tr_peer_t *peer);
    void (*ping)(tr_gateway_t *gateway, tr_peer_t *peer);

    /* Look after a peer, several times a second; the peer is about to be forgotten, or cut.
     * NULL: there is nothing to do. */
    void (*tend)(tr_gateway_t *gateway, tr_peer_t *peer, int64_t now_ms);
    void (*part)(tr_gateway_t *gateway, tr_peer_t *peer);

    /* ---- to a peer that serves a capability; all NULL: in that dialect there are none ---- */

    /* What it offered was not let pass. `hint_ms` > 0: it may try again after that. */
    void (*refuse_offer)(tr_gateway_t *gateway, tr_peer_t *peer, const char *capability,
                         troupe_outcome_t outcome, const char *text, int64_t hint_ms);

    /* Give it a request, which has the id `request->id` for it. May take the frames of the
     * payload. */
    void (*assign)(tr_gateway_t *gateway, tr_line_t *line, const tr_trp1_t *request,
                   troupe_message_t *payload);

    /* Nobody waits for that request any more; it may send so many parts more. NULL: there are
     * no words for that. */
    void (*cancel)(tr_gateway_t *gateway, tr_line_t *line, uint64_t id);
    void (*credit)(tr_gateway_t *gateway, tr_line_t *line, uint64_t id, int64_t n_parts);

    /* Its supervisor asks how it is; NULL: such a worker cannot be asked, and is well as long
     * as its connection is. */
    void (*ping_worker)(tr_gateway_t *gateway, tr_line_t *line, uint64_t id);

    /* It will get nothing new; NULL: there are no words for that. And: it has nothing left to
     * do, and will get nothing more. */
    void (*drain)(tr_gateway_t *gateway, tr_line_t *line);
    void (*stop)(tr_gateway_t *gateway, tr_line_t *line);
} tr_dialect_t;

extern const tr_dialect_t tr_native;
extern const tr_dialect_t tr_majordomo[]; /* by tr_mdp_dialect_t */
extern const tr_dialect_t tr_stranger;    /* of who speaks none that is known here */

/* The dialect of who begins like this, with the rest of the message. */
const tr_dialect_t *tr_dialect_of(tr_span_t first, const troupe_message_t *rest);

/* What such a stranger seems to speak, in words: a constant. */
const char *tr_dialect_describe(tr_span_t first, const troupe_message_t *rest);

/* The name, as in metrics and events. */
const char *tr_dialect_name(tr_dialect_number_t number);

#endif
