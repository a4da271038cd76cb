/* The whole text is compared, for what reads it is a parser that knows no mercy. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/http/exposition.h"

static const tr_label_t none = {0};

static int make_set(void **state)
{
    *state = tr_metrics_new();
    return *state ? 0 : -1;
}

static int destroy_set(void **state)
{
    tr_metrics_t *set = *state;
    tr_metrics_destroy(&set);
    return 0;
}

static char *exposed(tr_metrics_t *set)
{
    tr_builder_t builder = {0};
    size_t size;
    tr_exposition_metrics(&builder, set);
    char *text = tr_builder_take(&builder, &size);
    assert_non_null(text);
    assert_int_equal(strlen(text), size);
    return text;
}

static void assert_exposed(tr_metrics_t *set, const char *want)
{
    char *text = exposed(set);
    assert_string_equal(text, want);
    free(text);
}

static tr_metric_t *series(tr_metrics_t *set, tr_metric_kind_t kind, const char *family,
                           const char *key, const char *value)
{
    tr_metric_t *metric =
        tr_metrics_series(set, kind, family, "Help.", (tr_label_t){key, value}, none);
    assert_non_null(metric);
    return metric;
}

static void nothing_is_an_empty_text(void **state)
{
    assert_exposed(*state, "");
}

static void a_family_is_described_once(void **state)
{
    tr_metric_add(series(*state, TR_METRIC_COUNTER, "calls_total", "to", "b"), 2);
    tr_metric_set(series(*state, TR_METRIC_GAUGE, "depth", NULL, NULL), -3);
    tr_metric_add(series(*state, TR_METRIC_COUNTER, "calls_total", "to", "a"), 1);
    assert_exposed(*state, "# HELP calls_total Help.\n"
                           "# TYPE calls_total counter\n"
                           "calls_total{to=\"a\"} 1\n"
                           "calls_total{to=\"b\"} 2\n"
                           "# HELP depth Help.\n"
                           "# TYPE depth gauge\n"
                           "depth -3\n");
}

static void two_labels_are_separated(void **state)
{
    tr_metric_add(tr_metrics_series(*state, TR_METRIC_COUNTER, "c_total", "h",
                                    (tr_label_t){"one", "1"}, (tr_label_t){"two", "2"}),
                  9);
    assert_exposed(*state, "# HELP c_total h\n# TYPE c_total counter\n"
                           "c_total{one=\"1\",two=\"2\"} 9\n");
}

static void what_would_end_a_label_is_escaped(void **state)
{
    tr_metric_add(tr_metrics_series(*state, TR_METRIC_COUNTER, "c_total", "a \\ \"b\"\nc",
                                    (tr_label_t){"k", "quote \" slash \\ line\nend"}, none),
                  1);
    assert_exposed(*state, "# HELP c_total a \\\\ \"b\"\\nc\n# TYPE c_total counter\n"
                           "c_total{k=\"quote \\\" slash \\\\ line\\nend\"} 1\n");
}

/* One byte that is none of UTF-8 and the whole page would be refused. */
static void what_is_no_text_is_replaced(void **state)
{
    tr_metric_add(series(*state, TR_METRIC_COUNTER, "c_total", "k", "\xff\xc3 \xc3\xa4"), 1);
    assert_exposed(*state, "# HELP c_total Help.\n# TYPE c_total counter\n"
                           "c_total{k=\"\xef\xbf\xbd\xef\xbf\xbd \xc3\xa4\"} 1\n");
}

/* The value of the line that begins so. */
static double value_of(const char *text, const char *begin)
{
    for (const char *line = text; line && *line;
         line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, begin, strlen(begin)) == 0) {
            return atof(line + strlen(begin));
        }
    }
    fail_msg("no line begins with %s in\n%s", begin, text);
    return 0;
}

static void seconds_are_exact(void **state)
{
    tr_metric_t *metric = series(*state, TR_METRIC_HISTOGRAM, "lasted_seconds", NULL, NULL);
    tr_metric_observe_us(metric, 1);
    tr_metric_observe_us(metric, 2000000);
    tr_metric_observe_us(metric, 499999);
    char *text = exposed(*state);
    assert_non_null(strstr(text, "\nlasted_seconds_sum 2.500000\n"));
    assert_non_null(strstr(text, "\nlasted_seconds_count 3\n"));
    assert_non_null(strstr(text, "\nlasted_seconds_bucket{le=\"+Inf\"} 3\n"));
    free(text);
}

/* Whatever was observed, each bucket has all that is not above its bound, and nothing else. */
static void a_bucket_has_what_is_not_above_its_bound(void **state)
{
    static const int64_t observed[] = {
        0,          1,          15,        16,       17,         31,         32,
        63,         64,         127,       128,      1000,       1023,       1024,
        1025,       65535,      65536,     65537,    999999,     1000000,    1048575,
        1048576,    33554431,   33554432,  60000000, 1073741823, 1073741824, 2147483647,
        2147483648, 3600000000, 7200000000};
    const size_t n = sizeof observed / sizeof observed[0];
    tr_metric_t *metric = series(*state, TR_METRIC_HISTOGRAM, "lasted_seconds", "of", "x");
    for (size_t i = 0; i < n; i++) {
        tr_metric_observe_us(metric, observed[i]);
    }
    char *text = exposed(*state);
    size_t n_buckets = 0;
    const char *line = text;
    static const char begin[] = "lasted_seconds_bucket{of=\"x\",le=\"";
    while ((line = strstr(line, begin)) != NULL) {
        line += strlen(begin);
        char *end;
        double bound_us = strtod(line, &end) * 1e6; /* +Inf too */
        double count = atof(end + strlen("\"} "));
        size_t want = 0;
        for (size_t i = 0; i < n; i++) {
            want += (double)observed[i] <= bound_us + 0.5;
        }
        assert_int_equal((size_t)count, want);
        n_buckets++;
    }
    assert_int_equal(n_buckets, 29);
    assert_int_equal((size_t)value_of(text, "lasted_seconds_count{of=\"x\"}"), n);
    free(text);
}

static void a_family_from_elsewhere_looks_alike(void **state)
{
    (void)state;
    tr_builder_t builder = {0};
    size_t size;
    tr_exposition_family(&builder, TR_METRIC_GAUGE, "begun_seconds", "When.");
    tr_exposition_seconds(&builder, "begun_seconds", none, none, 1500000);
    tr_exposition_number(&builder, "begun_seconds", (tr_label_t){"a", "b"}, none, 7);
    char *text = tr_builder_take(&builder, &size);
    assert_string_equal(text, "# HELP begun_seconds When.\n# TYPE begun_seconds gauge\n"
                              "begun_seconds 1.500000\nbegun_seconds{a=\"b\"} 7\n");
    free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_set, destroy_set)
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_an_empty_text),
        TEST(a_family_is_described_once),
        TEST(two_labels_are_separated),
        TEST(what_would_end_a_label_is_escaped),
        TEST(what_is_no_text_is_replaced),
        TEST(seconds_are_exact),
        TEST(a_bucket_has_what_is_not_above_its_bound),
        TEST(a_family_from_elsewhere_looks_alike),
    };
    return cmocka_run_group_tests_name("node/exposition", tests, NULL, NULL) != 0;
}
