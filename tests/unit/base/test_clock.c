/* The real clock can only be watched; the held one is a tool of other tests and must obey. */

#include "tests/kit/check.h"

#include "base/clock.h"

static void the_real_clock_never_runs_backwards(void **state)
{
    (void)state;
    int64_t last_ms = tr_clock_now_ms();
    int64_t last_us = tr_clock_now_us();
    for (int i = 0; i < 1000; i++) {
        int64_t now_ms = tr_clock_now_ms();
        int64_t now_us = tr_clock_now_us();
        assert_true(now_ms >= last_ms && now_us >= last_us);
        last_ms = now_ms;
        last_us = now_us;
    }
}

static void both_clocks_count_from_the_same_moment(void **state)
{
    (void)state;
    int64_t before_ms = tr_clock_now_ms();
    int64_t between_us = tr_clock_now_us();
    int64_t after_ms = tr_clock_now_ms();
    assert_true(before_ms <= between_us / 1000 && between_us / 1000 <= after_ms);
}

static void a_held_clock_moves_only_by_hand(void **state)
{
    (void)state;
    tr_clock_hold(5000);
    assert_int_equal(tr_clock_now_ms(), 5000);
    tr_clock_advance(0);
    assert_int_equal(tr_clock_now_ms(), 5000);
    tr_clock_advance(250);
    assert_int_equal(tr_clock_now_ms(), 5250);
    tr_clock_hold(7);
    assert_int_equal(tr_clock_now_ms(), 7);
}

static void a_held_clock_does_not_stop_measuring(void **state)
{
    (void)state;
    int64_t before_us = tr_clock_now_us();
    tr_clock_hold(1);
    assert_true(tr_clock_now_us() >= before_us);
}

static void both_times_at_once_are_those_of_each(void **state)
{
    (void)state;
    int64_t before_us = tr_clock_now_us();
    tr_time_t now = tr_clock_read();
    assert_in_range(now.us, before_us, tr_clock_now_us());
    assert_int_equal(now.ms, now.us / 1000);
    tr_clock_hold(5);
    now = tr_clock_read();
    assert_int_equal(now.ms, 5);                           /* held */
    assert_in_range(now.us, before_us, tr_clock_now_us()); /* and measuring */
}

static void a_clock_let_go_tells_the_real_time_again(void **state)
{
    (void)state;
    int64_t before_ms = tr_clock_now_us() / 1000;
    tr_clock_hold(TR_NEVER);
    tr_clock_release();
    int64_t now_ms = tr_clock_now_ms();
    assert_true(before_ms <= now_ms && now_ms <= tr_clock_now_us() / 1000);
}

static void a_clock_goes_on_from_where_it_was_held(void **state)
{
    (void)state;
    const int64_t day_ms = 24 * 60 * 60 * 1000;
    int64_t real_ms = tr_clock_real_ms();
    assert_false(tr_clock_is_held());
    tr_clock_hold(real_ms + day_ms);
    assert_true(tr_clock_is_held());
    int64_t before_ms = tr_clock_real_ms();
    assert_true(before_ms - real_ms < day_ms); /* that one is never held */
    tr_clock_go_on();
    assert_false(tr_clock_is_held());
    int64_t now_ms = tr_clock_now_ms();
    int64_t passed_ms = tr_clock_real_ms() - before_ms;
    assert_in_range(now_ms, real_ms + day_ms, real_ms + day_ms + passed_ms + 1);
    assert_true(tr_clock_read().ms >= now_ms);
    tr_clock_release();
    assert_true(tr_clock_now_ms() < real_ms + day_ms);
}

static int let_go(void **state)
{
    (void)state;
    tr_clock_release();
    return 0;
}

/* One row, one story: this long after that moment is when? */
struct later {
    int64_t now_ms;
    int64_t delay_ms;
    int64_t want_ms;
};

static void later_is_then(void **state)
{
    const struct later *later = *state;
    assert_int_equal(tr_clock_after(later->now_ms, later->delay_ms), later->want_ms);
}

/* clang-format off */
#define LATER(title, ...) \
    { .name = title, .test_func = later_is_then, .initial_state = &(struct later){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_real_clock_never_runs_backwards),
        cmocka_unit_test(both_clocks_count_from_the_same_moment),
        cmocka_unit_test_teardown(a_held_clock_moves_only_by_hand, let_go),
        cmocka_unit_test_teardown(a_held_clock_does_not_stop_measuring, let_go),
        cmocka_unit_test_teardown(both_times_at_once_are_those_of_each, let_go),
        cmocka_unit_test_teardown(a_clock_let_go_tells_the_real_time_again, let_go),
        cmocka_unit_test_teardown(a_clock_goes_on_from_where_it_was_held, let_go),
        LATER("after some time it is later", 1000, 250, 1250),
        LATER("after no time it is now", 1000, 0, 1000),
        LATER("a negative delay is none", 1000, -5, 1000),
        LATER("the last moment before never can be reached", TR_NEVER - 2, 1, TR_NEVER - 1),
        LATER("beyond the end of time is never", TR_NEVER - 1, 2, TR_NEVER),
        LATER("a delay of never is never", 1, TR_NEVER, TR_NEVER),
        LATER("after never is never", TR_NEVER, 1, TR_NEVER),
        LATER("the past has room for the longest delay", -1, TR_NEVER, TR_NEVER - 1),
    };
    return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL) != 0;
}
