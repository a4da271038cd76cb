/* capabilities/balance.h - which worker gets the next request
 *
 * It sees candidates and names one. Whatever the policy, it names one that is open and has
 * room, and none only when there is no such.
 *
 * Pure: the dice of power_of_two are its own, and fall alike for the same seed.
 */

#ifndef TROUPE_CAPABILITIES_BALANCE_H
#define TROUPE_CAPABILITIES_BALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

typedef struct tr_candidate {
    bool is_open;         /* may be given work at all */
    bool has_failed_last; /* its last request failed */
    size_t n_pending;     /* requests */
    size_t n_given;       /* units of work: batches, or requests that came alone */
    size_t concurrency;   /* units that it has room for */
    uint64_t last_used;   /* number of the last dispatch to it; 0: never */
    uint64_t identity;    /* of the worker; the same for its next incarnation */
} tr_candidate_t;

typedef enum tr_balance_policy {
    /* The one with the fewest pending. On a tie one whose last request did not fail goes before
     * one whose did (or a worker that fails fast would attract all the work), and then the most
     * recently used, so that surplus workers fall idle. */
    TR_BALANCE_LEAST_PENDING,
    /* The better of two drawn at random, by the same rule. */
    TR_BALANCE_POWER_OF_TWO,
    /* The one that was used longest ago. */
    TR_BALANCE_ROUND_ROBIN,
    /* For one key always the same, as long as it is open. Without a key, or when that one has
     * no room, the one with the fewest pending. */
    TR_BALANCE_STICKY,
} tr_balance_policy_t;

typedef struct tr_balance {
    tr_balance_policy_t policy;
    uint64_t dice;
} tr_balance_t;

/* Stands for "none". */
#define TR_BALANCE_NONE SIZE_MAX

/* `seed` is any number. */
void tr_balance_init(tr_balance_t *self, tr_balance_policy_t policy, uint64_t seed);

/* The index of the candidate to give a unit of work to, or TR_BALANCE_NONE. `sticky` is the
 * request's key; empty: it has none. */
size_t tr_balance_pick(tr_balance_t *self, tr_candidate_t *const *candidates, size_t n,
                       tr_span_t sticky);

/* Whether `one` goes before `other` by the rule of least pending. */
bool tr_balance_has_less(const tr_candidate_t *one, const tr_candidate_t *other);

/* The identity of the worker of that name. */
uint64_t tr_balance_identity(const char *name);

#endif
