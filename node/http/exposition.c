#include "node/http/exposition.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Below 15 us and above half an hour nobody asks for more. */
#define FIRST_POWER 4

#define US_PER_SECOND 1000000

static void add_seconds(tr_builder_t *to, int64_t us)
{
    tr_builder_format(to, "%" PRId64 ".%06" PRId64, us / US_PER_SECOND, us % US_PER_SECOND);
}

/* Of a help the quotes stay as they are. What is no UTF-8 would have the whole page refused. */
static void add_escaped(tr_builder_t *to, const char *text, bool is_quoted)
{
    for (size_t left = strlen(text), size; left > 0; text += size, left -= size) {
        size_t length = tr_utf8_size(text, left);
        size = length > 0 ? length : 1;
        if (length == 0) {
            tr_builder_add_text(to, "\xef\xbf\xbd");
        } else if (*text == '\n') {
            tr_builder_add_text(to, "\\n");
        } else if (*text == '\\' || (*text == '"' && is_quoted)) {
            tr_builder_add_char(to, '\\');
            tr_builder_add_char(to, *text);
        } else {
            tr_builder_add(to, text, size);
        }
    }
}

static void add_label(tr_builder_t *to, tr_label_t label, char *before)
{
    if (label.key) {
        tr_builder_format(to, "%c%s=\"", *before, label.key);
        add_escaped(to, label.value, true);
        tr_builder_add_char(to, '"');
        *before = ',';
    }
}

/* Up to the space before the value. `suffix` and `bound` may be empty. */
static void add_name(tr_builder_t *to, const char *family, const char *suffix, tr_label_t first,
                     tr_label_t second, const char *bound)
{
    char before = '{';
    tr_builder_add_text(to, family);
    tr_builder_add_text(to, suffix);
    add_label(to, first, &before);
    add_label(to, second, &before);
    add_label(to, (tr_label_t){bound[0] ? "le" : NULL, bound}, &before);
    tr_builder_add_text(to, before == ',' ? "} " : " ");
}

void tr_exposition_family(tr_builder_t *to, tr_metric_kind_t kind, const char *family,
                          const char *help)
{
    static const char *const types[] = {[TR_METRIC_COUNTER] = "counter",
                                        [TR_METRIC_GAUGE] = "gauge",
                                        [TR_METRIC_HISTOGRAM] = "histogram"};
    assert(to && family && help);
    tr_builder_format(to, "# HELP %s ", family);
    add_escaped(to, help, false);
    tr_builder_format(to, "\n# TYPE %s %s\n", family, types[kind]);
}

void tr_exposition_number(tr_builder_t *to, const char *family, tr_label_t first,
                          tr_label_t second, int64_t value)
{
    assert(to && family);
    add_name(to, family, "", first, second, "");
    tr_builder_format(to, "%" PRId64 "\n", value);
}

void tr_exposition_seconds(tr_builder_t *to, const char *family, tr_label_t first,
                           tr_label_t second, int64_t value_us)
{
    assert(to && family && value_us >= 0);
    add_name(to, family, "", first, second, "");
    add_seconds(to, value_us);
    tr_builder_add_char(to, '\n');
}

static void add_bucket(tr_builder_t *to, const tr_metric_view_t *view, const char *bound,
                       int64_t n)
{
    add_name(to, view->family, "_bucket", view->labels[0], view->labels[1], bound);
    tr_builder_format(to, "%" PRId64 "\n", n);
}

/* All of its numbers but the sum are of one look: the last bucket is the count. */
static void add_histogram(tr_builder_t *to, const tr_metric_view_t *view)
{
    int64_t n_below[TR_METRIC_POWERS];
    int64_t n_observed = tr_metric_spread(view->metric, n_below);
    for (unsigned power = FIRST_POWER; power < TR_METRIC_POWERS; power++) {
        int64_t us = ((int64_t)1 << power) - 1;
        char bound[32];
        snprintf(bound, sizeof bound, "%" PRId64 ".%06" PRId64, us / US_PER_SECOND,
                 us % US_PER_SECOND);
        add_bucket(to, view, bound, n_below[power]);
    }
    add_bucket(to, view, "+Inf", n_observed);
    add_name(to, view->family, "_sum", view->labels[0], view->labels[1], "");
    add_seconds(to, view->sum_us);
    tr_builder_add_char(to, '\n');
    add_name(to, view->family, "_count", view->labels[0], view->labels[1], "");
    tr_builder_format(to, "%" PRId64 "\n", n_observed);
}

typedef struct writing {
    tr_builder_t *to;
    const char *family; /* that was begun last */
} writing_t;

static void add_series(void *arg, const tr_metric_view_t *view)
{
    writing_t *writing = arg;
    if (!writing->family || strcmp(writing->family, view->family) != 0) {
        tr_exposition_family(writing->to, view->kind, view->family, view->help);
        writing->family = view->family;
    }
    if (view->kind == TR_METRIC_HISTOGRAM) {
        add_histogram(writing->to, view);
    } else {
        tr_exposition_number(writing->to, view->family, view->labels[0], view->labels[1],
                             view->value);
    }
}

void tr_exposition_metrics(tr_builder_t *to, tr_metrics_t *metrics)
{
    assert(to && metrics);
    writing_t writing = {.to = to};
    tr_metrics_each(metrics, add_series, &writing);
}
