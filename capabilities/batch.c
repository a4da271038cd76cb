/* A batch of one is always full. */

#include "capabilities/batch.h"

#include <assert.h>

#include "base/clock.h"

int64_t tr_batch_due_ms(const tr_batch_plan_t *plan, size_t n_waiting, int64_t filling_since_ms,
                        int64_t now_ms)
{
    assert(plan && plan->max > 0);
    if (n_waiting == 0) {
        return TR_NEVER;
    }
    if (n_waiting >= plan->max || plan->window_ms <= 0) {
        return now_ms;
    }
    return tr_clock_after(filling_since_ms, plan->window_ms);
}
