/* One pass; a pool is small against what its workers do. */

#include "capabilities/balance.h"

#include <assert.h>

static bool is_better(const tr_candidate_t *one, const tr_candidate_t *other)
{
    if (one->n_pending != other->n_pending) {
        return one->n_pending < other->n_pending;
    }
    if (one->has_failed_last != other->has_failed_last) {
        return !one->has_failed_last;
    }
    return one->last_used > other->last_used;
}

size_t tr_balance_least_pending(tr_candidate_t *const *candidates, size_t n)
{
    assert(candidates || n == 0);
    size_t best = TR_BALANCE_NONE;
    for (size_t i = 0; i < n; i++) {
        const tr_candidate_t *candidate = candidates[i];
        if (candidate->is_open && candidate->n_pending < candidate->concurrency &&
            (best == TR_BALANCE_NONE || is_better(candidate, candidates[best]))) {
            best = i;
        }
    }
    return best;
}
