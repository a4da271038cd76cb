/* remote/workers/workers.h - peers that serve capabilities: the gateway's side of it
 *
 * Whatever its dialect, a peer offers a capability, and then says of what it is given what
 * workers say in TRP/1. What it is told is said by its dialect, which has a function for each
 * word. A peer may offer several capabilities; each is a line, with an actor at its other end.
 *
 * Requests are numbered for the peer: no two that are with it have the same id.
 */

#ifndef TROUPE_REMOTE_WORKERS_WORKERS_H
#define TROUPE_REMOTE_WORKERS_WORKERS_H

#include "remote/gateway/inside.h"
#include "remote/workers/line.h"

#define TR_WORKERS_MAX_LINES       16   /* of one peer, ever */
#define TR_WORKERS_MAX_CONCURRENCY 1000 /* of one line */

struct tr_line {
    uint64_t number;     /* in its gateway */
    tr_peer_t *peer;     /* NULL: it has gone */
    tr_line_t *next;     /* of the same peer */
    uint64_t place;      /* among the lines that the peer has had, from 0 */
    tr_mailbox_t *actor; /* a share; NULL: it is not up yet, or not any more */
    uint64_t last_id; /* of the request that the peer was given last, as it knows it; 0: none */
    bool wants_drain; /* the peer has said so before its actor was up */
    bool is_refused;  /* as the peer was told */
    int64_t begun_ms;
    bool is_up;   /* it has come up */
    bool is_over; /* it was stopped: nothing more is said to the peer */
    bool is_broken;
    char who[TR_RELAPSES_NAME]; /* and what: as it is remembered when it dies */
    char capability[TR_TRP1_MAX_NAME + 1];
};

/* What a peer offers of one capability. */
typedef struct tr_worker_offer {
    tr_span_t capability;
    size_t concurrency;   /* from 1 to TR_WORKERS_MAX_CONCURRENCY */
    int64_t memory_bytes; /* 0: not said */
} tr_worker_offer_t;

/* The peer offers that. What does not let it pass, now or a moment later, is said to the peer
 * by refuse_offer of its dialect; else it gets requests by `assign`. */
void tr_workers_offer(tr_gateway_t *gateway, tr_peer_t *peer, const tr_worker_offer_t *offer);

/* A worker says PART, REPLY, ERROR (also with the id 0: it ends, and why), PROGRESS or PONG of
 * the requests and pings that it was given, by their ids, or DRAIN (of `capability`, if there
 * is one): it wants nothing new. May take the message. What nobody knows is ignored. False: the
 * peer has not been a worker, or not since this node has started; it should hear that it is
 * none. */
TROUPE_NODISCARD bool tr_workers_hear(tr_gateway_t *gateway, tr_peer_t *peer,
                                      const tr_trp1_t *command, troupe_message_t **message_p);

/* Whether the peer serves anything now. */
bool tr_workers_has_any(const tr_peer_t *peer);

/* ---- for the gateway ---- */

/* The peer is asked to go on elsewhere: nothing new for it. */
void tr_workers_drain(tr_gateway_t *gateway, tr_peer_t *peer);

/* Whether the peer may offer all that it serves, by the rights that it has now. */
bool tr_workers_may_go_on(const tr_peer_t *peer);

/* Let go of all lines. */
void tr_workers_finish(tr_gateway_t *gateway);

/* The peer is about to be forgotten, or cut: what it had is lost. */
void tr_workers_part(tr_gateway_t *gateway, tr_peer_t *peer);

/* A letter of an actor, or of the keepsake of an offer; takes it. */
void tr_workers_take(tr_gateway_t *gateway, tr_line_letter_t *letter);

/* The pool has refused an offer (TR_WORD_NOT_JOINED). */
void tr_workers_take_refusal(tr_gateway_t *gateway, const tr_control_t *word);

#endif
