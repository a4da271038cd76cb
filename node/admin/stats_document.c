/* The series are counted first, and those that were registered meanwhile are left out: a
 * msgpack array says its length in front.
 */

#include "node/admin/stats_document.h"

#include <assert.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

typedef struct writer {
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    size_t n_left;
    bool with_steps;
} writer_t;

static void text(writer_t *writer, const char *value)
{
    size_t size = strlen(value);
    msgpack_pack_str(&writer->packer, size);
    msgpack_pack_str_body(&writer->packer, value, size);
}

static void text_entry(writer_t *writer, const char *key, const char *value)
{
    text(writer, key);
    text(writer, value);
}

static void number_entry(writer_t *writer, const char *key, int64_t value)
{
    text(writer, key);
    msgpack_pack_int64(&writer->packer, value);
}

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
    text(writer, "labels");
    msgpack_pack_map(&writer->packer, n);
    for (size_t i = 0; i < n; i++) {
        text_entry(writer, view->labels[i].key, view->labels[i].value);
    }
}

/* Pairs, one behind the other: they are many, and a pair of its own would add a byte to each.
 */
static void write_steps(writer_t *writer, const tr_metric_t *metric)
{
    tr_metric_step_t steps[TR_METRIC_STEPS];
    size_t n_steps = tr_metric_steps(metric, steps);
    text(writer, "steps");
    msgpack_pack_array(&writer->packer, 2 * n_steps);
    for (size_t i = 0; i < n_steps; i++) {
        msgpack_pack_int64(&writer->packer, steps[i].lowest_us);
        msgpack_pack_int64(&writer->packer, steps[i].n);
    }
}

static void write_times(writer_t *writer, const tr_metric_view_t *view)
{
    number_entry(writer, "sum_us", view->sum_us);
    number_entry(writer, "p50_us", tr_metric_quantile_us(view->metric, 0.5));
    number_entry(writer, "p95_us", tr_metric_quantile_us(view->metric, 0.95));
    number_entry(writer, "p99_us", tr_metric_quantile_us(view->metric, 0.99));
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
    msgpack_pack_map(&writer->packer, !is_histogram ? 4 : writer->with_steps ? 9 : 8);
    text_entry(writer, "name", view->family);
    text_entry(writer, "kind", kinds[view->kind]);
    write_labels(writer, view);
    number_entry(writer, "value", view->value);
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

static void free_buffer(void *data, void *hint)
{
    (void)hint;
    free(data);
}

troupe_message_t *tr_stats_document(const tr_runtime_t *runtime, bool with_steps)
{
    assert(runtime);
    writer_t writer = {.with_steps = with_steps};
    msgpack_sbuffer_init(&writer.buffer);
    msgpack_packer_init(&writer.packer, &writer.buffer, msgpack_sbuffer_write);
    tr_metrics_each(runtime->metrics, count_series, &writer.n_left);

    msgpack_pack_map(&writer.packer, 6);
    text_entry(&writer, "node", runtime->node);
    text_entry(&writer, "boot", runtime->boot);
    number_entry(&writer, "time", wall_ms());
    number_entry(&writer, "started", runtime->started_us / 1000);
    number_entry(&writer, "clock_us", tr_clock_now_us());
    text(&writer, "metrics");
    msgpack_pack_array(&writer.packer, writer.n_left);
    tr_metrics_each(runtime->metrics, write_series, &writer);
    assert(writer.n_left == 0); /* series are never taken back */

    troupe_message_t *message = troupe_message_new();
    size_t size = writer.buffer.size;
    char *data = msgpack_sbuffer_release(&writer.buffer);
    if (!message || !data ||
        troupe_message_add_owned(message, data, size, free_buffer, NULL) != TROUPE_OK) {
        free(data);
        troupe_message_destroy(&message);
    }
    return message;
}
