/* remote/gateway_inside.h - the inside of the gateway, for gateway.c and native.c */

#ifndef TROUPE_REMOTE_GATEWAY_INSIDE_H
#define TROUPE_REMOTE_GATEWAY_INSIDE_H

#include "base/metrics.h"
#include "remote/doors.h"
#include "remote/gateway.h"
#include "remote/peers.h"

#define TR_GATEWAY_HEARTBEAT_MS 5000
#define TR_GATEWAY_MAX_FRAME    ((int64_t)64 << 20)
#define TR_GATEWAY_MAX_FRAMES   64
#define TR_GATEWAY_MAX_OPEN     1000

typedef struct tr_gateway {
    tr_self_t *self;
    tr_doors_t doors;
    tr_peers_t peers;
    tr_idmap_t calls; /* by the gateway's id; tr_open_call_t */
    uint64_t last_id;
    tr_routes_t routes;
    tr_peer_limits_t limits;
    int64_t now_ms;        /* of this round; 0: nobody looked yet */
    int64_t next_round_ms; /* when to look after the peers again */
    bool is_draining;
    bool is_stopping;
    int64_t stop_by_ms;
    tr_reason_t stop_reason;
    tr_peer_t *gathering; /* peers whose bundle is to leave, by `next_gathering` */
    bool has_backlog;     /* somebody's answers wait for room */
    int64_t tried_ms;     /* when they were last tried */
    tr_metric_t *bad_messages;
    tr_metric_t *n_peers;
} tr_gateway_t;

/* What time it is, looked at once a round. */
int64_t tr_gateway_now_ms(tr_gateway_t *gateway);

/* A message of a peer arrived: frame 0 decoded or not, payload taken. Returns how many commands
 * it had. */
size_t tr_native_receive(tr_gateway_t *gateway, tr_peer_t *peer, const void *header,
                         size_t size, troupe_message_t **payload_p, bool has_too_many_frames);

/* What a router or worker sent to an open call of a peer. Takes the reply. */
void tr_native_reply(tr_gateway_t *gateway, tr_open_call_t *call, troupe_reply_t *reply);

/* Say to a peer that no new requests are taken. */
void tr_native_say_goaway(tr_gateway_t *gateway, tr_peer_t *peer);

/* Ask a peer for a sign of life. */
void tr_native_ping(tr_gateway_t *gateway, tr_peer_t *peer);

/* The call is over, or its peer wants to know no more: forget it. */
void tr_gateway_close_call(tr_gateway_t *gateway, tr_open_call_t *call);

/* Say to a peer that it is cut off. */
void tr_native_say_bye(tr_gateway_t *gateway, tr_peer_t *peer);

/* The peer is gone: cancel what it wanted cancelled, let the rest run, forget it. One that
 * we cut is told first, as soon as its socket takes it. */
void tr_gateway_drop_peer(tr_gateway_t *gateway, tr_peer_t *peer);

#endif
