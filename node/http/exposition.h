/* node/http/exposition.h - metrics in the text that Prometheus reads (format 0.0.4)
 *
 * Counters and gauges as they are. Times are counted in microseconds and told in seconds, a
 * histogram as cumulative buckets: each bound is one microsecond below a power of two, where a
 * step of the histogram ends, so that a bucket holds exactly what is not above its bound.
 *
 * Pure, but for reading the metrics.
 */

#ifndef TROUPE_NODE_HTTP_EXPOSITION_H
#define TROUPE_NODE_HTTP_EXPOSITION_H

#include "base/builder.h"
#include "base/metrics.h"

#define TR_EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Write every series, families together. */
void tr_exposition_metrics(tr_builder_t *to, tr_metrics_t *metrics);

/* Begin a family of another source: its help and its type. */
void tr_exposition_family(tr_builder_t *to, tr_metric_kind_t kind, const char *family,
                          const char *help);

/* One series of it. A label whose key is NULL is left out. */
void tr_exposition_number(tr_builder_t *to, const char *family, tr_label_t first,
                          tr_label_t second, int64_t value);

/* The same in seconds. */
void tr_exposition_seconds(tr_builder_t *to, const char *family, tr_label_t first,
                           tr_label_t second, int64_t value_us);

#endif
