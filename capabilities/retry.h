/* capabilities/retry.h - whether a request whose worker was lost is given to another one
 *
 * Only the operator knows whether the work may be done twice, so nothing is unless asked for. A
 * request that takes its workers with it must not take them all.
 *
 * Pure.
 */

#ifndef TROUPE_CAPABILITIES_RETRY_H
#define TROUPE_CAPABILITIES_RETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* When several are true the first one is said, that which no change of the others would lift.
 */
typedef enum tr_retry_verdict {
    TR_RETRY_POISONOUS,    /* it was there when `poison` workers were lost */
    TR_RETRY_HAS_STREAMED, /* the caller has parts, which another run would send again */
    TR_RETRY_USED_UP,      /* it was tried again `retry` times */
    TR_RETRY_TOO_LATE,     /* its deadline has passed */
    TR_RETRY_AGAIN,
} tr_retry_verdict_t;

/* A worker was lost with the request, the `n_lost`th one, counted from 1. `retry` says how
 * often it may be tried again, `poison` > 0 how many workers it may cost. `n_parts` were sent
 * to the caller. */
tr_retry_verdict_t tr_retry_decide(size_t retry, size_t poison, size_t n_lost, uint64_t n_parts,
                                   bool has_time);

#endif
