/* Nothing but counting holders. */

#include "actors/pulse.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"

tr_pulse_t *tr_pulse_new(void)
{
    tr_pulse_t *self = calloc(1, sizeof *self);
    if (self) {
        atomic_init(&self->holders, 1);
        atomic_init(&self->running_until_ms, TR_NEVER);
        atomic_init(&self->progress_ms, tr_clock_now_ms());
    }
    return self;
}

tr_pulse_t *tr_pulse_share(tr_pulse_t *self)
{
    assert(self);
    atomic_fetch_add_explicit(&self->holders, 1, memory_order_relaxed);
    return self;
}

void tr_pulse_release(tr_pulse_t **self_p)
{
    assert(self_p);
    tr_pulse_t *self = *self_p;
    *self_p = NULL;
    if (self && atomic_fetch_sub_explicit(&self->holders, 1, memory_order_acq_rel) == 1) {
        free(self);
    }
}
