/* Messages are counted by second, so that their rate costs a comparison a message. Whoever
 * reads it while a second turns looks again. */

#include "actors/pulse.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"

/* What second_ms is besides a second. */
enum { TURNING = -1, LONG_AGO = -10 * TR_PULSE_SECOND_MS };

enum { MOST_LOOKS = 1000 };

tr_pulse_t *tr_pulse_new(void)
{
    tr_pulse_t *self = calloc(1, sizeof *self);
    if (self) {
        atomic_init(&self->holders, 1);
        atomic_init(&self->running_until_ms, TR_NEVER);
        atomic_init(&self->progress_ms, tr_clock_now_ms());
        atomic_init(&self->second_ms, LONG_AGO);
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

/* ---- messages ---- */

void tr_pulse_turn_second(tr_pulse_t *self, int64_t now_ms)
{
    int64_t second_ms = now_ms - now_ms % TR_PULSE_SECOND_MS;
    bool follows = second_ms - atomic_load(&self->second_ms) == TR_PULSE_SECOND_MS;
    uint64_t n = atomic_load(&self->n_messages);
    uint64_t n_last = follows ? n - atomic_load(&self->n_before_second) : 0;
    atomic_store(&self->second_ms, TURNING);
    atomic_store(&self->n_in_last_second, n_last);
    atomic_store(&self->n_before_second, n);
    atomic_store(&self->second_ms, second_ms);
}

typedef struct counts {
    int64_t second_ms;
    uint64_t n_here;
    uint64_t n_before;
} counts_t;

/* False: the second turned meanwhile. */
static bool look(const tr_pulse_t *self, counts_t *out)
{
    out->second_ms = atomic_load(&self->second_ms);
    out->n_before = atomic_load(&self->n_in_last_second);
    out->n_here = atomic_load(&self->n_messages) - atomic_load(&self->n_before_second);
    return out->second_ms != TURNING && out->second_ms == atomic_load(&self->second_ms);
}

uint64_t tr_pulse_rate(const tr_pulse_t *self, int64_t now_ms)
{
    assert(self);
    counts_t counts = {0};
    for (int i = 0; i < MOST_LOOKS && !look(self, &counts); i++) {
    }
    int64_t this_second_ms = now_ms - now_ms % TR_PULSE_SECOND_MS;
    if (counts.second_ms >= this_second_ms) {
        return counts.n_before;
    }
    return this_second_ms - counts.second_ms == TR_PULSE_SECOND_MS ? counts.n_here : 0;
}
