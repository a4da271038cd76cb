/* A quantile may be off by a hundredth of what a sorted list would say, and no more, over the
 * whole range. */

#include "tests/kit/check.h"

#include <stdlib.h>

#include "cli/histogram.h"

static int make(void **state)
{
    *state = cli_histogram_new();
    return 0;
}

static int destroy(void **state)
{
    cli_histogram_t *histogram = *state;
    cli_histogram_destroy(&histogram);
    return histogram ? -1 : 0;
}

static void assert_close(int64_t got, int64_t want)
{
    int64_t off = got > want ? got - want : want - got;
    if (off > want / 100) {
        fail_msg("%lld is more than 1 %% away from %lld", (long long)got, (long long)want);
    }
}

static void an_empty_one_has_no_figures(void **state)
{
    assert_int_equal(cli_histogram_n(*state), 0);
    assert_int_equal(cli_histogram_quantile(*state, 0.5), 0);
    assert_int_equal(cli_histogram_quantile(*state, 1), 0);
    assert_true(cli_histogram_mean(*state) == 0);
}

static void one_value_is_told_exactly(void **state)
{
    (void)state;
    for (int64_t value = 0; value < INT64_MAX / 4; value += 1 + value / 3) {
        cli_histogram_t *histogram = cli_histogram_new();
        cli_histogram_add(histogram, value, 1);
        assert_int_equal(cli_histogram_quantile(histogram, 0), value);
        assert_int_equal(cli_histogram_quantile(histogram, 1), value);
        cli_histogram_destroy(&histogram);
    }
}

static void the_longest_time_of_all_has_room(void **state)
{
    cli_histogram_add(*state, INT64_MAX, 1);
    cli_histogram_add(*state, -5, 2);
    assert_int_equal(cli_histogram_quantile(*state, 1), INT64_MAX);
    assert_int_equal(cli_histogram_quantile(*state, 0.5), 0);
    assert_int_equal(cli_histogram_n(*state), 3);
}

static int by_size(const void *one, const void *other)
{
    const int64_t *left = one;
    const int64_t *right = other;
    return (*left > *right) - (*left < *right);
}

static void quantiles_agree_with_a_sorted_list(void **state)
{
    enum { N = 10000 };
    static int64_t all[N];
    uint64_t random = 42;
    double sum = 0;
    for (size_t i = 0; i < N; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        all[i] = (int64_t)((random >> 20) >> (i % 40));
        sum += (double)all[i];
        cli_histogram_add(*state, all[i], 1);
    }
    qsort(all, N, sizeof all[0], by_size);
    static const size_t ranks[] = {1, 100, 2500, 5000, 9000, 9900, 9990, 9999, 10000};
    for (size_t i = 0; i < sizeof ranks / sizeof ranks[0]; i++) {
        assert_close(cli_histogram_quantile(*state, (double)ranks[i] / N), all[ranks[i] - 1]);
    }
    assert_int_equal(cli_histogram_quantile(*state, 1), all[N - 1]);
    assert_close((int64_t)cli_histogram_mean(*state), (int64_t)(sum / N));
}

static void two_put_together_are_as_one(void **state)
{
    cli_histogram_t *other = cli_histogram_new();
    cli_histogram_add(*state, 10, 3);
    cli_histogram_add(other, 1000000, 1);
    cli_histogram_add(other, 20, 2);
    cli_histogram_merge(*state, other);
    assert_int_equal(cli_histogram_n(*state), 6);
    assert_int_equal(cli_histogram_quantile(*state, 0.5), 10);
    assert_int_equal(cli_histogram_quantile(*state, 0.51), 20);
    assert_int_equal(cli_histogram_quantile(*state, 1), 1000000);
    cli_histogram_destroy(&other);
}

#define WITH_ONE(story) cmocka_unit_test_setup_teardown(story, make, destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ONE(an_empty_one_has_no_figures),
        cmocka_unit_test(one_value_is_told_exactly),
        WITH_ONE(the_longest_time_of_all_has_room),
        WITH_ONE(quantiles_agree_with_a_sorted_list),
        WITH_ONE(two_put_together_are_as_one),
    };
    return cmocka_run_group_tests_name("cli/histogram", tests, NULL, NULL) != 0;
}
