/* Each run but the first was a retry, and each ended with a worker: so one count is enough. */

#include "capabilities/retry.h"

#include <assert.h>

tr_retry_verdict_t tr_retry_decide(size_t retry, size_t poison, size_t n_lost, uint64_t n_parts,
                                   bool has_time)
{
    assert(poison > 0 && n_lost > 0);
    if (n_lost >= poison) {
        return TR_RETRY_POISONOUS;
    }
    if (n_parts > 0) {
        return TR_RETRY_HAS_STREAMED;
    }
    if (n_lost > retry) {
        return TR_RETRY_USED_UP;
    }
    return has_time ? TR_RETRY_AGAIN : TR_RETRY_TOO_LATE;
}
