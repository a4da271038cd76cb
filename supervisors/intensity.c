/* The window is a ring of the last `max` restart times. Only the oldest of them can decide:
 * once it has left the period, the newest fits. So asking costs one comparison however large
 * `max` is, and nothing ever needs sweeping.
 */

#include "supervisors/intensity.h"

#include <assert.h>
#include <stdlib.h>

struct tr_intensity {
    int64_t period_ms;
    size_t max;
    size_t used;       /* slots filled so far, at most max */
    size_t oldest;     /* slot that decides, and is overwritten next */
    int64_t stamped[]; /* restart times, max of them */
};

tr_intensity_t *tr_intensity_new(size_t max_restarts, int64_t period_ms)
{
    assert(period_ms > 0);
    assert(max_restarts < SIZE_MAX / (2 * sizeof(int64_t)));
    tr_intensity_t *self = calloc(1, sizeof *self + max_restarts * sizeof self->stamped[0]);
    if (self) {
        self->period_ms = period_ms;
        self->max = max_restarts;
    }
    return self;
}

bool tr_intensity_is(const tr_intensity_t *self, size_t max_restarts, int64_t period_ms)
{
    assert(self);
    return self->max == max_restarts && self->period_ms == period_ms;
}

void tr_intensity_destroy(tr_intensity_t **self_p)
{
    assert(self_p);
    free(*self_p);
    *self_p = NULL;
}

troupe_status_t tr_intensity_admit(tr_intensity_t *self, int64_t now_ms)
{
    assert(self);
    if (self->used < self->max) {
        self->stamped[self->used++] = now_ms;
        return TROUPE_OK;
    }
    if (self->max == 0 || now_ms - self->stamped[self->oldest] <= self->period_ms) {
        return TROUPE_LIMIT;
    }
    self->stamped[self->oldest] = now_ms;
    self->oldest = (self->oldest + 1) % self->max;
    return TROUPE_OK;
}

void tr_intensity_reset(tr_intensity_t *self)
{
    assert(self);
    self->used = self->oldest = 0;
}
