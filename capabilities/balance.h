/* capabilities/balance.h - which worker gets the next request
 *
 * Pure: it sees candidates and names one.
 */

#ifndef TROUPE_CAPABILITIES_BALANCE_H
#define TROUPE_CAPABILITIES_BALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum tr_balance_policy {
    TR_BALANCE_LEAST_PENDING,
    TR_BALANCE_POWER_OF_TWO,
    TR_BALANCE_ROUND_ROBIN,
    TR_BALANCE_STICKY,
} tr_balance_policy_t;

typedef struct tr_candidate {
    bool is_open;         /* may be given work at all */
    bool has_failed_last; /* its last request failed */
    size_t n_pending;
    size_t concurrency;
    uint64_t last_used; /* number of the last dispatch to it; 0: never */
} tr_candidate_t;

/* Stands for "none". */
#define TR_BALANCE_NONE SIZE_MAX

/* The open candidate with the fewest pending, of those below their concurrency. On a tie one
 * whose last request did not fail goes before one whose did (or a worker that fails fast would
 * attract all the work), and then the most recently used, so that surplus workers fall idle. */
size_t tr_balance_least_pending(tr_candidate_t *const *candidates, size_t n);

#endif
