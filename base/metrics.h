/* base/metrics.h - counters, gauges and histograms; a snapshot of all
 *
 * A set belongs to a node. A metric is one time series: a family name and up to two labels,
 * whose values come from the configuration only. Registering the same series twice gives
 * the same metric. Counting is one relaxed atomic operation from any thread; metrics
 * live as long as their set.
 */

#ifndef TROUPE_BASE_METRICS_H
#define TROUPE_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>

typedef struct tr_metrics tr_metrics_t;
typedef struct tr_metric tr_metric_t;

typedef enum tr_metric_kind {
    TR_METRIC_COUNTER,
    TR_METRIC_GAUGE,
    TR_METRIC_HISTOGRAM, /* of times in microseconds */
} tr_metric_kind_t;

typedef struct tr_label {
    const char *key; /* NULL: no label */
    const char *value;
} tr_label_t;

/* An empty set, owned by the caller; NULL when out of memory. */
TROUPE_NODISCARD tr_metrics_t *tr_metrics_new(void);

/* Free the set and all its metrics; nobody may count any more. */
void tr_metrics_destroy(tr_metrics_t **self_p);

/* Find or make a series. `family` and `help` are constants of the program; label values
 * are copied. NULL when out of memory. Any thread. */
TROUPE_NODISCARD tr_metric_t *tr_metrics_series(tr_metrics_t *self, tr_metric_kind_t kind,
                                                const char *family, const char *help,
                                                tr_label_t first, tr_label_t second);

/* Add to a counter (n >= 0) or a gauge. NULL is fine and does nothing. */
void tr_metric_add(tr_metric_t *self, int64_t n);

/* Set a gauge. NULL is fine. */
void tr_metric_set(tr_metric_t *self, int64_t value);

/* Note one duration in a histogram; negative counts as 0. NULL is fine. */
void tr_metric_observe_us(tr_metric_t *self, int64_t us);

/* What a counter or gauge stands at; for a histogram the number of observations. */
int64_t tr_metric_value(const tr_metric_t *self);

/* The duration below which `share` (0..1) of the observations lie, in us; 0 when there
 * are none. Error at most 2 %. */
int64_t tr_metric_quantile_us(const tr_metric_t *self, double share);

/* Of a histogram: n_below[i] gets how many observations took less than 2^i us, which is exact.
 * Returns how many there were in all, as of the same look. */
enum { TR_METRIC_POWERS = 32 };
int64_t tr_metric_spread(const tr_metric_t *self, int64_t n_below[TR_METRIC_POWERS]);

/* Of a histogram, for whoever wants to tell two looks apart: how many observations took
 * `lowest_us` or longer, and less than the next step would begin. Steps are an eighth of a
 * power of two wide, below 16 us one microsecond. */
typedef struct tr_metric_step {
    int64_t lowest_us;
    int64_t n;
} tr_metric_step_t;

/* The steps in which something was observed, in their order; returns how many they are. */
enum { TR_METRIC_STEPS = 240 };
size_t tr_metric_steps(const tr_metric_t *self, tr_metric_step_t steps[TR_METRIC_STEPS]);

/* One series as it stood when asked. */
typedef struct tr_metric_view {
    tr_metric_kind_t kind;
    const char *family;
    const char *help;
    tr_label_t labels[2];
    int64_t value;             /* counter, gauge; histogram: number of observations */
    int64_t sum_us;            /* histogram */
    const tr_metric_t *metric; /* to ask for quantiles */
} tr_metric_view_t;

/* Call `each (arg, view)` for every series, families together, in order of their names. */
void tr_metrics_each(tr_metrics_t *self, void (*each)(void *arg, const tr_metric_view_t *view),
                     void *arg);

#endif
