/* The series are counted first, and those that were registered meanwhile are left out: a
 * msgpack array says its length in front.
 */

#include "node/admin/stats_document.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "wire/document.h"

typedef struct writer {
    tr_document_t to;
    size_t n_left;
    bool with_steps;
} writer_t;

static void count_series(void *arg, const tr_metric_view_t *view)
{
    (void)view;
    ++*(size_t *)arg;
}

static void write_labels(writer_t *writer, const tr_metric_view_t *view)
{
    size_t n = 0;
    while (n < 2 && view->labels[n].key) {
        n++;
    }
    tr_document_key(&writer->to, "labels");
    tr_document_map(&writer->to, n);
    for (size_t i = 0; i < n; i++) {
        tr_document_add_text(&writer->to, view->labels[i].key, view->labels[i].value);
    }
}

/* Pairs, one behind the other: they are many, and a pair of its own would add a byte to each.
 */
static void write_steps(writer_t *writer, const tr_metric_t *metric)
{
    tr_metric_step_t steps[TR_METRIC_STEPS];
    size_t n_steps = tr_metric_steps(metric, steps);
    tr_document_key(&writer->to, "steps");
    tr_document_list(&writer->to, 2 * n_steps);
    for (size_t i = 0; i < n_steps; i++) {
        tr_document_number(&writer->to, steps[i].lowest_us);
        tr_document_number(&writer->to, steps[i].n);
    }
}

static void write_times(writer_t *writer, const tr_metric_view_t *view)
{
    tr_document_add_number(&writer->to, "sum_us", view->sum_us);
    tr_document_add_number(&writer->to, "p50_us", tr_metric_quantile_us(view->metric, 0.5));
    tr_document_add_number(&writer->to, "p95_us", tr_metric_quantile_us(view->metric, 0.95));
    tr_document_add_number(&writer->to, "p99_us", tr_metric_quantile_us(view->metric, 0.99));
    if (writer->with_steps) {
        write_steps(writer, view->metric);
    }
}

static void write_series(void *arg, const tr_metric_view_t *view)
{
    static const char *const kinds[] = {[TR_METRIC_COUNTER] = "counter",
                                        [TR_METRIC_GAUGE] = "gauge",
                                        [TR_METRIC_HISTOGRAM] = "histogram"};
    writer_t *writer = arg;
    if (writer->n_left == 0) {
        return;
    }
    writer->n_left--;
    bool is_histogram = view->kind == TR_METRIC_HISTOGRAM;
    tr_document_map(&writer->to, !is_histogram ? 4 : writer->with_steps ? 9 : 8);
    tr_document_add_text(&writer->to, "name", view->family);
    tr_document_add_text(&writer->to, "kind", kinds[view->kind]);
    write_labels(writer, view);
    tr_document_add_number(&writer->to, "value", view->value);
    if (is_histogram) {
        write_times(writer, view);
    }
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

troupe_message_t *tr_stats_document(const tr_runtime_t *runtime, bool with_steps)
{
    assert(runtime);
    writer_t writer = {.with_steps = with_steps};
    tr_document_begin(&writer.to);
    tr_metrics_each(runtime->metrics, count_series, &writer.n_left);

    tr_document_map(&writer.to, 6);
    tr_document_add_text(&writer.to, "node", runtime->node);
    tr_document_add_text(&writer.to, "boot", runtime->boot);
    tr_document_add_number(&writer.to, "time", wall_ms());
    tr_document_add_number(&writer.to, "started", runtime->started_us / 1000);
    tr_document_add_number(&writer.to, "clock_us", tr_clock_now_us());
    tr_document_key(&writer.to, "metrics");
    tr_document_list(&writer.to, writer.n_left);
    tr_metrics_each(runtime->metrics, write_series, &writer);
    assert(writer.n_left == 0); /* series are never taken back */
    return tr_document_take(&writer.to);
}
