/* A value below 128 has a step of its own; a larger one shares it with those that have the same
 * highest seven bits. The middle of a step stands for all of them.
 */

#include "cli/histogram.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "cli/output.h"

enum {
    STEP_BITS = 6,
    STEPS_PER_POWER = 1 << STEP_BITS,
    N_STEPS = (63 - STEP_BITS + 1) * STEPS_PER_POWER, /* step_of(INT64_MAX) is the last */
};

struct cli_histogram {
    uint64_t n;
    double sum;
    int64_t largest;
    uint64_t steps[N_STEPS];
};

static size_t step_of(int64_t value)
{
    uint64_t bits = (uint64_t)value;
    if (bits < STEPS_PER_POWER) {
        return (size_t)bits;
    }
    unsigned power = 63u - (unsigned)__builtin_clzll(bits) - STEP_BITS;
    return (size_t)power * STEPS_PER_POWER + (size_t)(bits >> power);
}

static int64_t middle_of(size_t step)
{
    if (step < STEPS_PER_POWER) {
        return (int64_t)step;
    }
    size_t power = step / STEPS_PER_POWER - 1;
    int64_t lowest = (int64_t)(step - power * STEPS_PER_POWER) << power;
    return lowest + ((int64_t)1 << power) / 2;
}

cli_histogram_t *cli_histogram_new(void)
{
    return cli_need(calloc(1, sizeof(cli_histogram_t)));
}

void cli_histogram_destroy(cli_histogram_t **self_p)
{
    assert(self_p);
    free(*self_p);
    *self_p = NULL;
}

void cli_histogram_add(cli_histogram_t *self, int64_t value, uint64_t n)
{
    assert(self);
    if (n == 0) {
        return;
    }
    value = value < 0 ? 0 : value;
    self->steps[step_of(value)] += n;
    self->n += n;
    self->sum += (double)value * (double)n;
    self->largest = value > self->largest ? value : self->largest;
}

void cli_histogram_merge(cli_histogram_t *self, const cli_histogram_t *other)
{
    assert(self && other);
    for (size_t i = 0; i < N_STEPS; i++) {
        self->steps[i] += other->steps[i];
    }
    self->n += other->n;
    self->sum += other->sum;
    self->largest = other->largest > self->largest ? other->largest : self->largest;
}

uint64_t cli_histogram_n(const cli_histogram_t *self)
{
    assert(self);
    return self->n;
}

int64_t cli_histogram_quantile(const cli_histogram_t *self, double share)
{
    assert(self && share >= 0 && share <= 1);
    uint64_t rank = (uint64_t)ceil(share * (double)self->n);
    rank = rank > 0 ? rank : 1;
    if (rank >= self->n) {
        return self->largest;
    }
    size_t step = 0;
    for (uint64_t n_seen = self->steps[0]; n_seen < rank; n_seen += self->steps[step]) {
        step++;
    }
    int64_t middle = middle_of(step);
    return middle < self->largest ? middle : self->largest;
}

double cli_histogram_mean(const cli_histogram_t *self)
{
    assert(self);
    return self->n > 0 ? self->sum / (double)self->n : 0;
}
