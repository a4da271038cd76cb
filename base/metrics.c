/* A set is a sorted list that only grows. Making a series takes the lock; counting and
 * walking never do, because a series is complete before the list shows it and stays until
 * the set ends.
 *
 * A histogram has 32 steps to each power of two: a number below 64 has a step of its own, a
 * larger one shares it with neighbours no further than a 32nd away. Its middle stands for all
 * of them, so no answer is off by more than a 64th. How many observations there were is the
 * sum of the steps and not kept beside them: then the two cannot disagree.
 */

#include "base/metrics.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_PER_POWER 32
#define STEP_BITS       5
#define LONGEST_US      3600000000 /* one hour; what takes longer counts as that long */
#define N_STEPS         886        /* step_of(LONGEST_US) is the last */

struct tr_metric {
    tr_metric_kind_t kind;
    const char *family;
    const char *help;
    tr_label_t labels[2];
    char *values[2]; /* what the labels' values point to */
    _Atomic(tr_metric_t *) next;
    _Atomic int64_t value;   /* histogram: the sum of all durations */
    _Atomic int64_t steps[]; /* histogram: N_STEPS of them */
};

struct tr_metrics {
    pthread_mutex_t lock; /* for adding to the list */
    _Atomic(tr_metric_t *) first;
};

static size_t step_of(int64_t us)
{
    uint64_t value = us < 0 ? 0 : us > LONGEST_US ? LONGEST_US : (uint64_t)us;
    if (value < STEPS_PER_POWER) {
        return (size_t)value;
    }
    unsigned power = 63u - (unsigned)__builtin_clzll(value) - STEP_BITS;
    return power * STEPS_PER_POWER + (size_t)(value >> power);
}

static size_t power_of(size_t step)
{
    return step < 2 * STEPS_PER_POWER ? 0 : step / STEPS_PER_POWER - 1;
}

static int64_t lowest_of(size_t step)
{
    size_t power = power_of(step);
    return (int64_t)(step - power * STEPS_PER_POWER) << power;
}

static int64_t middle_of(size_t step)
{
    return lowest_of(step) + ((int64_t)1 << power_of(step)) / 2;
}

/* The lowest of the wider step, an eighth of a power of two, that a value lies in. */
static int64_t eighth_of(int64_t us)
{
    unsigned power = us < 8 ? 0 : 63u - (unsigned)__builtin_clzll((uint64_t)us) - 3;
    return us >> power << power;
}

static int compare_text(const char *one, const char *other)
{
    return strcmp(one ? one : "", other ? other : "");
}

static int compare(const tr_metric_t *metric, const char *family, const tr_label_t labels[2])
{
    int order = strcmp(metric->family, family);
    for (size_t i = 0; order == 0 && i < 2; i++) {
        order = compare_text(metric->labels[i].key, labels[i].key);
        if (order == 0) {
            order = compare_text(metric->labels[i].value, labels[i].value);
        }
    }
    return order;
}

static void destroy_metric(tr_metric_t *self)
{
    if (self) {
        free(self->values[0]);
        free(self->values[1]);
        free(self);
    }
}

static tr_metric_t *new_metric(tr_metric_kind_t kind, const char *family, const char *help,
                               const tr_label_t labels[2])
{
    size_t n_steps = kind == TR_METRIC_HISTOGRAM ? N_STEPS : 0;
    tr_metric_t *self = calloc(1, sizeof *self + n_steps * sizeof self->steps[0]);
    if (!self) {
        return NULL;
    }
    self->kind = kind;
    self->family = family;
    self->help = help;
    for (size_t i = 0; i < 2; i++) {
        if (!labels[i].key) {
            continue;
        }
        self->values[i] = strdup(labels[i].value);
        if (!self->values[i]) {
            destroy_metric(self);
            return NULL;
        }
        self->labels[i] = (tr_label_t){labels[i].key, self->values[i]};
    }
    return self;
}

tr_metrics_t *tr_metrics_new(void)
{
    tr_metrics_t *self = calloc(1, sizeof *self);
    if (self) {
        pthread_mutex_init(&self->lock, NULL);
    }
    return self;
}

void tr_metrics_destroy(tr_metrics_t **self_p)
{
    assert(self_p);
    tr_metrics_t *self = *self_p;
    if (!self) {
        return;
    }
    tr_metric_t *metric = atomic_load(&self->first);
    while (metric) {
        tr_metric_t *next = atomic_load(&metric->next);
        destroy_metric(metric);
        metric = next;
    }
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

static tr_metric_t *find_or_add(tr_metrics_t *self, tr_metric_kind_t kind, const char *family,
                                const char *help, const tr_label_t labels[2])
{
    _Atomic(tr_metric_t *) *place = &self->first;
    tr_metric_t *at = atomic_load_explicit(place, memory_order_relaxed);
    int order = -1;
    while (at && (order = compare(at, family, labels)) < 0) {
        place = &at->next;
        at = atomic_load_explicit(place, memory_order_relaxed);
    }
    if (at && order == 0) {
        assert(at->kind == kind);
        return at;
    }
    tr_metric_t *metric = new_metric(kind, family, help, labels);
    if (metric) {
        atomic_store_explicit(&metric->next, at, memory_order_relaxed);
        atomic_store_explicit(place, metric, memory_order_release);
    }
    return metric;
}

tr_metric_t *tr_metrics_series(tr_metrics_t *self, tr_metric_kind_t kind, const char *family,
                               const char *help, tr_label_t first, tr_label_t second)
{
    assert(self && family && help);
    assert((!first.key || first.value) && (!second.key || second.value));

    const tr_label_t labels[2] = {
        {first.key, first.key ? first.value : NULL},
        {second.key, second.key ? second.value : NULL},
    };
    pthread_mutex_lock(&self->lock);
    tr_metric_t *metric = find_or_add(self, kind, family, help, labels);
    pthread_mutex_unlock(&self->lock);
    return metric;
}

void tr_metric_add(tr_metric_t *self, int64_t n)
{
    if (self) {
        assert(self->kind == TR_METRIC_GAUGE || (self->kind == TR_METRIC_COUNTER && n >= 0));
        atomic_fetch_add_explicit(&self->value, n, memory_order_relaxed);
    }
}

void tr_metric_set(tr_metric_t *self, int64_t value)
{
    if (self) {
        assert(self->kind == TR_METRIC_GAUGE);
        atomic_store_explicit(&self->value, value, memory_order_relaxed);
    }
}

void tr_metric_observe_us(tr_metric_t *self, int64_t us)
{
    if (self) {
        assert(self->kind == TR_METRIC_HISTOGRAM);
        atomic_fetch_add_explicit(&self->steps[step_of(us)], 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&self->value, us > 0 ? us : 0, memory_order_relaxed);
    }
}

int64_t tr_metric_value(const tr_metric_t *self)
{
    assert(self);
    if (self->kind != TR_METRIC_HISTOGRAM) {
        return atomic_load_explicit(&self->value, memory_order_relaxed);
    }
    int64_t n_observed = 0;
    for (size_t i = 0; i < N_STEPS; i++) {
        n_observed += atomic_load_explicit(&self->steps[i], memory_order_relaxed);
    }
    return n_observed;
}

int64_t tr_metric_quantile_us(const tr_metric_t *self, double share)
{
    assert(self && self->kind == TR_METRIC_HISTOGRAM);
    assert(share >= 0 && share <= 1);

    /* Steps only grow, so a second look still finds at least as many as the first. */
    int64_t n_observed = tr_metric_value(self);
    int64_t n_seen = 0;
    for (size_t i = 0; n_observed > 0 && i < N_STEPS; i++) {
        n_seen += atomic_load_explicit(&self->steps[i], memory_order_relaxed);
        if (n_seen > 0 && (double)n_seen >= share * (double)n_observed) {
            return middle_of(i);
        }
    }
    return 0;
}

/* A power of two is the lowest of its step, so no step lies on both sides of it. */
int64_t tr_metric_spread(const tr_metric_t *self, int64_t n_below[TR_METRIC_POWERS])
{
    assert(self && self->kind == TR_METRIC_HISTOGRAM && n_below);
    int64_t n_observed = 0;
    size_t step = 0;
    for (size_t power = 0; power < TR_METRIC_POWERS; power++) {
        for (size_t end = step_of((int64_t)1 << power); step < end; step++) {
            n_observed += atomic_load_explicit(&self->steps[step], memory_order_relaxed);
        }
        n_below[power] = n_observed;
    }
    for (; step < N_STEPS; step++) {
        n_observed += atomic_load_explicit(&self->steps[step], memory_order_relaxed);
    }
    return n_observed;
}

size_t tr_metric_steps(const tr_metric_t *self, tr_metric_step_t steps[TR_METRIC_STEPS])
{
    assert(self && self->kind == TR_METRIC_HISTOGRAM && steps);
    size_t n_steps = 0;
    for (size_t i = 0; i < N_STEPS; i++) {
        int64_t n = atomic_load_explicit(&self->steps[i], memory_order_relaxed);
        int64_t lowest_us = eighth_of(lowest_of(i));
        if (n > 0 && (n_steps == 0 || steps[n_steps - 1].lowest_us != lowest_us)) {
            assert(n_steps < TR_METRIC_STEPS);
            steps[n_steps++] = (tr_metric_step_t){.lowest_us = lowest_us};
        }
        if (n > 0) {
            steps[n_steps - 1].n += n;
        }
    }
    return n_steps;
}

void tr_metrics_each(tr_metrics_t *self, void (*each)(void *arg, const tr_metric_view_t *view),
                     void *arg)
{
    assert(self && each);
    tr_metric_t *metric = atomic_load_explicit(&self->first, memory_order_acquire);
    while (metric) {
        bool is_histogram = metric->kind == TR_METRIC_HISTOGRAM;
        tr_metric_view_t view = {
            .kind = metric->kind,
            .family = metric->family,
            .help = metric->help,
            .labels = {metric->labels[0], metric->labels[1]},
            .value = tr_metric_value(metric),
            .sum_us =
                is_histogram ? atomic_load_explicit(&metric->value, memory_order_relaxed) : 0,
            .metric = metric,
        };
        each(arg, &view);
        metric = atomic_load_explicit(&metric->next, memory_order_acquire);
    }
}
