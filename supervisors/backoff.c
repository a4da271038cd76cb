/* Doubling by shift, stopped before it overflows. */

#include "supervisors/backoff.h"

#include <assert.h>

#define QUIET_FACTOR   10
#define MOST_DOUBLINGS 30

void tr_backoff_init(tr_backoff_t *self, int64_t min_ms, int64_t max_ms)
{
    assert(self && min_ms > 0 && max_ms >= min_ms);
    *self = (tr_backoff_t){.min_ms = min_ms, .max_ms = max_ms};
}

static int64_t quiet_period_ms(const tr_backoff_t *self)
{
    int64_t shortest =
        self->min_ms > INT64_MAX / QUIET_FACTOR ? INT64_MAX : self->min_ms * QUIET_FACTOR;
    return self->max_ms > shortest ? self->max_ms : shortest;
}

int64_t tr_backoff_next_ms(tr_backoff_t *self, int64_t lived_ms, uint32_t dice)
{
    assert(self);
    if (lived_ms >= quiet_period_ms(self)) {
        self->n_restarts = 0;
    }
    unsigned doublings = self->n_restarts++;
    if (doublings == 0) {
        return 0;
    }
    doublings = doublings - 1 > MOST_DOUBLINGS ? MOST_DOUBLINGS : doublings - 1;
    int64_t delay =
        self->min_ms > (self->max_ms >> doublings) ? self->max_ms : self->min_ms << doublings;
    int64_t jitter = delay / 2;
    return delay - (jitter > 0 ? (int64_t)(dice % (uint64_t)(jitter + 1)) : 0);
}
