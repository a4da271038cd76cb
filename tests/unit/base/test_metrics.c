/* Counting must be exact from many threads at once; a quantile may be off by two hundredths
 * of what a sorted list would say, and no more, over the whole range. */

#include "tests/kit/check.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"

#define HOUR_US 3600000000

static const tr_label_t none = {NULL, NULL};

static tr_label_t label(const char *key, const char *value)
{
    return (tr_label_t){key, value};
}

static int make_set(void **state)
{
    *state = tr_metrics_new();
    return *state ? 0 : -1;
}

static int destroy_set(void **state)
{
    tr_metrics_t *set = *state;
    tr_metrics_destroy(&set);
    return set ? -1 : 0;
}

static tr_metric_t *histogram(tr_metrics_t *set)
{
    tr_metric_t *metric =
        tr_metrics_series(set, TR_METRIC_HISTOGRAM, "lasted", "How long.", none, none);
    assert_non_null(metric);
    return metric;
}

static void destroying_no_set_is_fine(void **state)
{
    (void)state;
    tr_metrics_t *set = NULL;
    tr_metrics_destroy(&set);
}

static void no_metric_counts_nothing(void **state)
{
    (void)state;
    tr_metric_add(NULL, 1);
    tr_metric_set(NULL, 1);
    tr_metric_observe_us(NULL, 1);
}

static void a_counter_adds_up(void **state)
{
    tr_metric_t *metric =
        tr_metrics_series(*state, TR_METRIC_COUNTER, "calls", "Calls.", none, none);
    assert_int_equal(tr_metric_value(metric), 0);
    tr_metric_add(metric, 1);
    tr_metric_add(metric, 41);
    tr_metric_add(metric, 0);
    assert_int_equal(tr_metric_value(metric), 42);
}

static void a_gauge_goes_both_ways(void **state)
{
    tr_metric_t *metric =
        tr_metrics_series(*state, TR_METRIC_GAUGE, "depth", "Depth.", none, none);
    tr_metric_add(metric, 3);
    tr_metric_add(metric, -5);
    assert_int_equal(tr_metric_value(metric), -2);
    tr_metric_set(metric, 9);
    assert_int_equal(tr_metric_value(metric), 9);
}

static void the_same_series_is_the_same_metric(void **state)
{
    char vision[] = "vision";
    tr_metric_t *metric = tr_metrics_series(*state, TR_METRIC_COUNTER, "calls", "Calls.",
                                            label("capability", vision), label("kind", "a"));
    vision[0] = 'V'; /* the value was copied */
    tr_metric_t *again = tr_metrics_series(*state, TR_METRIC_COUNTER, "calls", "Calls.",
                                           label("capability", "vision"), label("kind", "a"));
    assert_ptr_equal(metric, again);
}

static void every_label_tells_series_apart(void **state)
{
    tr_metric_t *made[] = {
        tr_metrics_series(*state, TR_METRIC_COUNTER, "a", "", none, none),
        tr_metrics_series(*state, TR_METRIC_COUNTER, "b", "", none, none),
        tr_metrics_series(*state, TR_METRIC_COUNTER, "a", "", label("k", "1"), none),
        tr_metrics_series(*state, TR_METRIC_COUNTER, "a", "", label("k", "2"), none),
        tr_metrics_series(*state, TR_METRIC_COUNTER, "a", "", label("l", "1"), none),
        tr_metrics_series(*state, TR_METRIC_COUNTER, "a", "", label("k", "1"), label("l", "1")),
        tr_metrics_series(*state, TR_METRIC_COUNTER, "a", "", label("k", "1"), label("l", "2")),
    };
    size_t n = sizeof made / sizeof made[0];
    for (size_t i = 0; i < n; i++) {
        assert_non_null(made[i]);
        for (size_t j = 0; j < i; j++) {
            assert_ptr_not_equal(made[i], made[j]);
        }
    }
}

/* What a walk over the set saw, as one text. */
struct walk {
    tr_metrics_t *set;
    char seen[256];
};

static void note(void *arg, const tr_metric_view_t *view)
{
    struct walk *walk = arg;
    size_t used = strlen(walk->seen);
    snprintf(walk->seen + used, sizeof walk->seen - used, "%s{%s,%s}=%d ", view->family,
             view->labels[0].value ? view->labels[0].value : "",
             view->labels[1].value ? view->labels[1].value : "", (int)view->value);
}

static void a_walk_sees_families_together_and_in_order(void **state)
{
    tr_metric_add(tr_metrics_series(*state, TR_METRIC_COUNTER, "m", "", label("k", "z"), none),
                  1);
    tr_metric_add(tr_metrics_series(*state, TR_METRIC_COUNTER, "z", "", none, none), 2);
    tr_metric_add(tr_metrics_series(*state, TR_METRIC_COUNTER, "m", "", label("k", "a"), none),
                  3);
    tr_metric_add(tr_metrics_series(*state, TR_METRIC_GAUGE, "a", "", none, none), 4);
    tr_metric_add(
        tr_metrics_series(*state, TR_METRIC_COUNTER, "m", "", label("k", "a"), label("l", "b")),
        5);
    tr_metric_observe_us(tr_metrics_series(*state, TR_METRIC_HISTOGRAM, "h", "", none, none),
                         700);

    struct walk walk = {.set = *state};
    tr_metrics_each(*state, note, &walk);
    assert_string_equal(walk.seen, "a{,}=4 h{,}=1 m{a,}=3 m{a,b}=5 m{z,}=1 z{,}=2 ");
}

static void register_another(void *arg, const tr_metric_view_t *view)
{
    struct walk *walk = arg;
    note(walk, view);
    assert_non_null(
        tr_metrics_series(walk->set, TR_METRIC_COUNTER, "b", "Made on the way.", none, none));
}

static void a_walk_may_meet_a_new_series(void **state)
{
    assert_non_null(tr_metrics_series(*state, TR_METRIC_COUNTER, "a", "", none, none));
    struct walk walk = {.set = *state};
    tr_metrics_each(*state, register_another, &walk);
    assert_string_equal(walk.seen, "a{,}=0 b{,}=0 ");
}

static void look_closely(void *arg, const tr_metric_view_t *view)
{
    assert_int_equal(view->kind, TR_METRIC_HISTOGRAM);
    assert_string_equal(view->family, "lasted");
    assert_string_equal(view->help, "How long.");
    assert_null(view->labels[0].key);
    assert_int_equal(view->value, 3);
    assert_int_equal(view->sum_us, 600);
    assert_int_equal(tr_metric_quantile_us(view->metric, 0), 0);
    *(bool *)arg = true;
}

static void a_view_tells_all_about_a_histogram(void **state)
{
    tr_metric_t *metric = histogram(*state);
    tr_metric_observe_us(metric, 100);
    tr_metric_observe_us(metric, -5);
    tr_metric_observe_us(metric, 500);
    bool was_seen = false;
    tr_metrics_each(*state, look_closely, &was_seen);
    assert_true(was_seen);
}

static void an_empty_histogram_has_no_quantiles(void **state)
{
    tr_metric_t *metric = histogram(*state);
    assert_int_equal(tr_metric_value(metric), 0);
    assert_int_equal(tr_metric_quantile_us(metric, 0.5), 0);
    assert_int_equal(tr_metric_quantile_us(metric, 1), 0);
}

static void assert_close(int64_t got, int64_t want)
{
    int64_t off = got > want ? got - want : want - got;
    if (off * 50 > want) {
        fail_msg("%lld is more than 2 %% away from %lld", (long long)got, (long long)want);
    }
}

static void one_duration_is_told_within_two_percent(void **state)
{
    (void)state;
    for (int64_t us = 0; us <= HOUR_US; us += 1 + us / 97) {
        tr_metrics_t *set = tr_metrics_new();
        assert_non_null(set);
        tr_metric_t *metric = histogram(set);
        tr_metric_observe_us(metric, us);
        assert_close(tr_metric_quantile_us(metric, 0.5), us);
        tr_metrics_destroy(&set);
    }
}

static void longer_durations_are_told_as_longer(void **state)
{
    int64_t last = -1;
    for (int64_t us = 0; us <= HOUR_US; us += 1 + us / 20) {
        tr_metric_t *metric = histogram(*state);
        tr_metric_observe_us(metric, us);
        int64_t longest = tr_metric_quantile_us(metric, 1);
        assert_true(longest > last);
        last = longest;
    }
}

static void more_than_an_hour_counts_as_an_hour(void **state)
{
    tr_metric_t *metric = histogram(*state);
    tr_metric_observe_us(metric, HOUR_US + 1);
    tr_metric_observe_us(metric, INT64_MAX / 2);
    assert_int_equal(tr_metric_value(metric), 2);
    assert_close(tr_metric_quantile_us(metric, 1), HOUR_US);
}

static int by_size(const void *one, const void *other)
{
    const int64_t *left = one;
    const int64_t *right = other;
    return (*left > *right) - (*left < *right);
}

/* The rank-th of a sorted list is the truth; ranks count from one. */
static void quantiles_agree_with_a_sorted_list(void **state)
{
    enum { N = 10000 };
    static int64_t all[N];
    tr_metric_t *metric = histogram(*state);
    uint64_t random = 42;
    for (size_t i = 0; i < N; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        all[i] = (int64_t)((random >> 33) >> (i % 24));
        tr_metric_observe_us(metric, all[i]);
    }
    qsort(all, N, sizeof all[0], by_size);

    static const size_t ranks[] = {1, 100, 2500, 5000, 9000, 9900, 9990, 10000};
    for (size_t i = 0; i < sizeof ranks / sizeof ranks[0]; i++) {
        double share = (double)ranks[i] / N;
        assert_close(tr_metric_quantile_us(metric, share), all[ranks[i] - 1]);
    }
    assert_close(tr_metric_quantile_us(metric, 0), all[0]);
}

static void steps_are_told_in_their_order_and_only_where_something_is(void **state)
{
    static const int64_t observed[] = {0, 1, 1, 15, 16, 17, 18, 1024, 1151, 1152, HOUR_US};
    static const tr_metric_step_t wanted[] = {
        {0, 1}, {1, 2}, {15, 1}, {16, 2}, {18, 1}, {1024, 2}, {1152, 1}, {3489660928, 1},
    };
    tr_metric_t *metric = histogram(*state);
    tr_metric_step_t steps[TR_METRIC_STEPS];
    assert_int_equal(tr_metric_steps(metric, steps), 0);
    for (size_t i = 0; i < sizeof observed / sizeof observed[0]; i++) {
        tr_metric_observe_us(metric, observed[i]);
    }
    size_t n_steps = tr_metric_steps(metric, steps);
    assert_int_equal(n_steps, sizeof wanted / sizeof wanted[0]);
    for (size_t i = 0; i < n_steps; i++) {
        assert_int_equal(steps[i].lowest_us, wanted[i].lowest_us);
        assert_int_equal(steps[i].n, wanted[i].n);
    }
}

static void no_histogram_has_more_steps_than_there_is_room_for(void **state)
{
    tr_metric_t *metric = histogram(*state);
    int64_t n_observed = 0;
    for (int64_t us = 0; us <= HOUR_US; us += 1 + us / 64, n_observed++) {
        tr_metric_observe_us(metric, us);
    }
    tr_metric_step_t steps[TR_METRIC_STEPS];
    size_t n_steps = tr_metric_steps(metric, steps);
    for (size_t i = 0; i < n_steps; i++) {
        n_observed -= steps[i].n;
        assert_true(i == 0 || steps[i].lowest_us > steps[i - 1].lowest_us);
    }
    assert_int_equal(n_observed, 0);
}

enum { N_THREADS = 4, N_ROUNDS = 5000, N_COUNTED = 50 };

static void *count(void *arg)
{
    tr_metrics_t *set = arg;
    for (int i = 0; i < N_ROUNDS; i++) {
        tr_metric_t *metric =
            tr_metrics_series(set, TR_METRIC_COUNTER, "calls", "", label("k", "v"), none);
        for (int j = 0; j < N_COUNTED; j++) {
            tr_metric_add(metric, 1);
        }
        tr_metric_observe_us(
            tr_metrics_series(set, TR_METRIC_HISTOGRAM, "lasted", "How long.", none, none), i);
    }
    return NULL;
}

static void ignore(void *arg, const tr_metric_view_t *view)
{
    *(int64_t *)arg += view->value;
}

static void nothing_is_lost_between_threads(void **state)
{
    pthread_t threads[N_THREADS];
    for (size_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count, *state), 0);
    }
    int64_t looked_at = 0;
    for (int i = 0; i < 100; i++) {
        tr_metrics_each(*state, ignore, &looked_at);
    }
    for (size_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    tr_metric_t *metric =
        tr_metrics_series(*state, TR_METRIC_COUNTER, "calls", "", label("k", "v"), none);
    assert_int_equal(tr_metric_value(metric), N_THREADS * N_ROUNDS * N_COUNTED);
    assert_int_equal(tr_metric_value(histogram(*state)), N_THREADS * N_ROUNDS);
}

#define WITH_SET(story) cmocka_unit_test_setup_teardown(story, make_set, destroy_set)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(destroying_no_set_is_fine),
        cmocka_unit_test(no_metric_counts_nothing),
        WITH_SET(a_counter_adds_up),
        WITH_SET(a_gauge_goes_both_ways),
        WITH_SET(the_same_series_is_the_same_metric),
        WITH_SET(every_label_tells_series_apart),
        WITH_SET(a_walk_sees_families_together_and_in_order),
        WITH_SET(a_walk_may_meet_a_new_series),
        WITH_SET(a_view_tells_all_about_a_histogram),
        WITH_SET(an_empty_histogram_has_no_quantiles),
        cmocka_unit_test(one_duration_is_told_within_two_percent),
        WITH_SET(longer_durations_are_told_as_longer),
        WITH_SET(more_than_an_hour_counts_as_an_hour),
        WITH_SET(quantiles_agree_with_a_sorted_list),
        WITH_SET(steps_are_told_in_their_order_and_only_where_something_is),
        WITH_SET(no_histogram_has_more_steps_than_there_is_room_for),
        WITH_SET(nothing_is_lost_between_threads),
    };
    return cmocka_run_group_tests_name("base/metrics", tests, NULL, NULL) != 0;
}
