/* capabilities/router.h - the actor behind a capability
 *
 * Admits requests, queues them, dispatches each to the worker with the fewest pending, and
 * settles what comes back. It alone decides how a request ends.
 */

#ifndef TROUPE_CAPABILITIES_ROUTER_H
#define TROUPE_CAPABILITIES_ROUTER_H

#include "actors/actor.h"
#include "capabilities/balance.h"

/* What becomes of a request that finds the queue full. */
typedef enum tr_overflow {
    TR_OVERFLOW_REJECT,      /* it is refused */
    TR_OVERFLOW_DROP_OLDEST, /* it takes the place of the oldest that is no more urgent */
    TR_OVERFLOW_BLOCK,       /* its caller waits for room, when it is one of this process */
} tr_overflow_t;

/* Borrowed: outlives every incarnation of the router. */
typedef struct tr_router_spec {
    const char *capability;
    const char *pool;     /* the actor that grows and shrinks it */
    bool has_only_guests; /* the pool starts no workers: they come by themselves */
    size_t min_workers;
    size_t max_workers;
    size_t concurrency;    /* jobs a worker may have at once */
    size_t queue_limit;    /* requests that may wait */
    int64_t timeout_ms;    /* the default deadline, and the longest */
    int64_t keep_alive_ms; /* a worker beyond min that is idle for so long may go */
    tr_balance_policy_t balance;
    tr_overflow_t overflow;
    size_t per_peer;          /* requests one peer may have here; 0: no limit of its own */
    int64_t queue_timeout_ms; /* how long a request may wait; 0: until its deadline */
    bool dedups_bodies;       /* requests without a dedup key share a run by their body */
    size_t retry;             /* how often a lost worker's request is given to another */
    size_t poison;            /* lost workers after which it is not, whatever `retry` says */
    size_t breaker_failures;  /* in a row that open the breaker; 0: there is none */
    int64_t breaker_cooldown_ms;
    size_t breaker_probes;   /* requests that must succeed to close it */
    size_t batch_max;        /* requests a worker is handed at once, at least 1 */
    int64_t batch_window_ms; /* how long the first of them may wait for more */
    bool is_pinned;          /* its workers are not let go before their time */
    int64_t reader_stall_ms; /* a reader that holds its stream up for so long is cut off */
} tr_router_spec_t;

/* Start a router; `what` is a tr_router_spec_t. Answers to the capability's name. */
TROUPE_NODISCARD troupe_status_t tr_router_start(const tr_birth_t *birth, tr_actor_t **out);

#endif
