/* remote/doors/entry.h - who comes in by the doors of a gateway, and what he may do there
 *
 * Who comes in by CURVE has the rights of his key, everybody else those of the door. libzmq
 * cannot cut one connection: whoever has got in with a key that is not known any more is told
 * good-bye, and again whenever he says something.
 *
 * One gateway owns it.
 */

#ifndef TROUPE_REMOTE_DOORS_ENTRY_H
#define TROUPE_REMOTE_DOORS_ENTRY_H

#include "actors/actor.h"
#include "base/idmap.h"
#include "remote/doors/door_monitor.h"
#include "remote/doors/doorkeeper.h"
#include "remote/doors/doors.h"
#include "remote/doors/keys.h"
#include "remote/doors/refused.h"
#include "remote/gateway/gateway.h"
#include "remote/gateway/peers.h"
#include "wire/curve_key.h"

/* What a peer may want that is not for everybody; the names are those of metrics and events. */
#define TR_RIGHT_MAP(X)                                                                        \
    X(CALL, "call")                                                                            \
    X(OFFER, "offer")                                                                          \
    X(ACTOR, "actor")                                                                          \
    X(ADMIN, "admin")

typedef enum tr_right {
#define X(NAME, name) TR_RIGHT_##NAME,
    TR_RIGHT_MAP(X)
#undef X
        TR_N_RIGHTS
} tr_right_t;

typedef struct tr_entry {
    tr_self_t *self;
    tr_curve_pair_t pair; /* of the node; empty: it has none */
    tr_keys_t *keys;      /* NULL: nobody comes in by CURVE */
    tr_doorkeeper_t *doorkeeper;
    tr_refused_t refused; /* those whom libzmq has refused by itself */
    tr_idmap_t coming;    /* the addresses of connections to CURVE doors, by descriptor + 1 */
    int failure;          /* what the connection that ends next has failed of, or -1 */
    size_t n_told;        /* that the doorkeeper has refused, and told of, and have not ended */
    tr_refusals_t forbidden; /* of what peers were told already */
    tr_metric_t *n_forbidden[TR_N_RIGHTS];
} tr_entry_t;

/* Nobody has come yet. */
void tr_entry_init(tr_entry_t *self, tr_self_t *actor);

/* What was zeroed only is fine. */
void tr_entry_finish(tr_entry_t *self);

/* Be ready for the doors of `spec`, before they are opened. False: `why` says why not, and all
 * is as it was, but for the table of keys. *former_out gets a share of the table that was there
 * before, or NULL. */
bool tr_entry_prepare(tr_entry_t *self, const tr_gateway_spec_t *spec, tr_keys_t **former_out,
                      char *why, size_t size);

/* The table was replaced: look what the peer may do now. False: its key is not there any more.
 */
bool tr_entry_review(tr_entry_t *self, tr_peer_t *peer);

/* Somebody has come in by a door that has these rights; `frame` is one of his. Says who he is
 * to his peer, and gives it its rights. False: his key is not known any more. */
bool tr_entry_admit(tr_entry_t *self, tr_peer_t *peer, const tr_door_t *door, zmq_msg_t *frame,
                    int64_t now_ms);

/* Whether a message with that frame is of another than the peer that has its routing id. */
bool tr_entry_is_another(const tr_peer_t *peer, const tr_door_t *door, zmq_msg_t *frame);

/* libzmq tells something of a connection to a door. */
void tr_entry_hear(tr_entry_t *self, const tr_door_t *door, const tr_door_event_t *event,
                   int64_t now_ms);

/* A peer wanted something that it may not: it is counted, and told once for each peer and
 * `what`. */
void tr_entry_forbid(tr_entry_t *self, const tr_peer_t *peer, const tr_door_t *door,
                     tr_right_t right, tr_span_t what, int64_t now_ms);

/* Tell what was not told yet. Returns when to look again. */
int64_t tr_entry_turn(tr_entry_t *self, int64_t now_ms);

#endif
