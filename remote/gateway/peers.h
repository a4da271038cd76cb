/* remote/gateway/peers.h - the peers of a gateway, found by who sent a message
 *
 * Who sent it is the socket it came in by, and the routing id that the socket puts before it.
 * Not thread-safe: one gateway owns it. It does not own the peers.
 */

#ifndef TROUPE_REMOTE_GATEWAY_PEERS_H
#define TROUPE_REMOTE_GATEWAY_PEERS_H

#include <czmq.h>

#include "base/idmap.h"
#include "remote/gateway/peer.h"

typedef struct tr_peers {
    tr_idmap_t numbered; /* whom libzmq named */
    zhashx_t *named;     /* who chose a routing id */
    tr_peer_t *first;    /* all, by `next` */
    size_t n_peers;
} tr_peers_t;

/* TROUPE_ERR_NOMEM: only tr_peers_finish may follow. */
TROUPE_NODISCARD troupe_status_t tr_peers_init(tr_peers_t *self);

/* No peer may be left; what was zeroed and never begun is fine. */
void tr_peers_finish(tr_peers_t *self);

/* The peer with that routing id, of at most TR_PEER_MAX_ROUTING_ID bytes, behind the socket
 * number `door`; NULL when there is none. */
tr_peer_t *tr_peers_find(const tr_peers_t *self, uint32_t door, const void *routing_id,
                         size_t size);

/* Whether it has chosen its routing id itself, and so another may choose the same. */
bool tr_peers_has_chosen(const tr_peer_t *peer);

/* Add a peer, which must not be in. TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_peers_add(tr_peers_t *self, tr_peer_t *peer);

/* Take a peer out that was added. */
void tr_peers_remove(tr_peers_t *self, tr_peer_t *peer);

#endif
