/* A child's lives and the waits between them. The dice are given, so every wait is a number;
 * with dice of 0 nothing is taken off. */

#include "tests/kit/check.h"

#include "supervisors/backoff.h"

/* Lives that ended, and how long to wait after each. */
struct story {
    int64_t min_ms;
    int64_t max_ms;
    uint32_t dice;
    size_t n;
    int64_t lived_ms[8];
    int64_t waits_ms[8];
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_backoff_t backoff;
    tr_backoff_init(&backoff, story->min_ms, story->max_ms);
    for (size_t i = 0; i < story->n; i++) {
        int64_t got = tr_backoff_next_ms(&backoff, story->lived_ms[i], story->dice);
        if (got != story->waits_ms[i]) {
            fail_msg("wait %zu is %lld ms, not %lld", i, (long long)got,
                     (long long)story->waits_ms[i]);
        }
    }
}

static void no_throw_leaves_the_upper_half(void **state)
{
    (void)state;
    for (uint32_t dice = 0; dice < 2000; dice++) {
        tr_backoff_t backoff;
        tr_backoff_init(&backoff, 100, 1000);
        backoff.n_restarts = 3; /* 400 ms are next */
        int64_t wait_ms = tr_backoff_next_ms(&backoff, 0, dice * 2147483u);
        assert_true(wait_ms >= 200 && wait_ms <= 400);
    }
}

static void a_long_failing_child_waits_the_maximum_for_ever(void **state)
{
    (void)state;
    tr_backoff_t backoff;
    tr_backoff_init(&backoff, 1, INT64_MAX);
    int64_t before_ms = -1;
    for (int i = 0; i < 200; i++) {
        int64_t wait_ms = tr_backoff_next_ms(&backoff, 0, 0);
        assert_true(wait_ms >= before_ms);
        before_ms = wait_ms;
    }
}

static void the_longest_times_do_not_overflow(void **state)
{
    (void)state;
    tr_backoff_t backoff;
    tr_backoff_init(&backoff, INT64_MAX, INT64_MAX);
    assert_true(tr_backoff_next_ms(&backoff, 0, 0) == 0);
    for (int i = 0; i < 100; i++) {
        int64_t wait_ms = tr_backoff_next_ms(&backoff, 0, UINT32_MAX);
        assert_true(wait_ms >= INT64_MAX / 2);
    }
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("the first restart is immediate", 100, 30000, 0, 1, {5}, {0}),
        STORY("then it doubles up to the maximum", 100, 1000, 0, 7, {0, 0, 0, 0, 0, 0, 0},
              {0, 100, 200, 400, 800, 1000, 1000}),
        STORY("a minimum that is the maximum does not grow", 50, 50, 0, 4, {0, 0, 0, 0},
              {0, 50, 50, 50}),
        STORY("a quiet life starts over", 100, 5000, 0, 5, {0, 0, 5000, 0, 0},
              {0, 100, 0, 100, 200}),
        STORY("a life a little too short does not", 100, 5000, 0, 4, {0, 0, 4999, 0},
              {0, 100, 200, 400}),
        STORY("quiet is at least ten times the minimum", 100, 200, 0, 5, {0, 0, 999, 1000, 0},
              {0, 100, 200, 0, 100}),
        STORY("the dice take off", 100, 1000, 30, 3, {0, 0, 0}, {0, 70, 170}),
        STORY("but half of it at most", 100, 1000, 50, 2, {0, 0}, {0, 50}),
        STORY("and begin again after that", 100, 1000, 51, 2, {0, 0}, {0, 100}),
        STORY("a millisecond has no half", 1, 1, 12345, 3, {0, 0, 0}, {0, 1, 1}),
        cmocka_unit_test(no_throw_leaves_the_upper_half),
        cmocka_unit_test(a_long_failing_child_waits_the_maximum_for_ever),
        cmocka_unit_test(the_longest_times_do_not_overflow),
    };
    return cmocka_run_group_tests_name("supervisors/backoff", tests, NULL, NULL) != 0;
}
