/* remote/gateway/gateway.h - the actor that serves remote peers on tcp and ipc
 *
 * One ROUTER socket for each endpoint. A peer's request becomes an envelope posted to its
 * capability's router; what comes back goes to the peer under the number the peer gave it.
 */

#ifndef TROUPE_REMOTE_GATEWAY_GATEWAY_H
#define TROUPE_REMOTE_GATEWAY_GATEWAY_H

#include "actors/actor.h"
#include "remote/doors/keys.h"
#include "remote/doors/rights.h"
#include "remote/gateway/limits.h"
#include "remote/majordomo/vigil.h"

typedef struct tr_gateway_listener {
    const char *endpoint;
    unsigned mode;           /* of an ipc socket */
    const char *owner;       /* the same: "USER:GROUP", one of them, or NULL */
    bool is_curve;           /* only who has a known key comes in */
    bool is_open;            /* others than processes of this host can connect */
    tr_rights_spec_t rights; /* of who has no key */
    tr_peer_limits_t limits;
} tr_gateway_listener_t;

/* Borrowed at the start, and while the word TR_WORD_RESPEC that brings another is taken. */
typedef struct tr_gateway_spec {
    const tr_gateway_listener_t *listeners; /* at most TR_DOORS_MAX */
    size_t n_listeners;
    tr_vigil_rule_t vigil; /* over Majordomo workers */
    tr_node_limits_t limits;
    const char *key_file; /* has the node's own keys; NULL: none is there, and no CURVE */
    const tr_key_spec_t *peers;
    size_t n_peers;
} tr_gateway_spec_t;

/* Start the gateway; `what` is a tr_gateway_spec_t. It has started when all endpoints are
 * bound, and fails with the reason of the first that cannot be. */
TROUPE_NODISCARD troupe_status_t tr_gateway_start(const tr_birth_t *birth, tr_actor_t **out);

#endif
