/* capabilities/router.h - the actor behind a capability
 *
 * Admits requests, queues them, dispatches each to the worker with the fewest pending, and
 * settles what comes back. It alone decides how a request ends.
 */

#ifndef TROUPE_CAPABILITIES_ROUTER_H
#define TROUPE_CAPABILITIES_ROUTER_H

#include "actors/actor.h"

/* Borrowed: outlives every incarnation of the router. */
typedef struct tr_router_spec {
    const char *capability;
    const char *pool; /* the actor that grows and shrinks it */
    size_t min_workers;
    size_t max_workers;
    size_t concurrency;    /* jobs a worker may have at once */
    size_t queue_limit;    /* requests that may wait */
    int64_t timeout_ms;    /* the default deadline, and the longest */
    int64_t keep_alive_ms; /* a worker beyond min that is idle for so long may go */
} tr_router_spec_t;

/* Start a router; `what` is a tr_router_spec_t. Answers to the capability's name. */
TROUPE_NODISCARD troupe_status_t tr_router_start(const tr_birth_t *birth, tr_actor_t **out);

#endif
