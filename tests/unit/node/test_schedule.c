/* Each story is told to the timing moment by moment: what time it is, on both clocks, and
 * whether something is due. Local time is that of a place with summer time.
 */

#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/admin/schedule.h"

#define HOUR             3600
#define DAY              (24 * HOUR)
#define AT(hour, minute) ((hour)*HOUR + (minute)*60)

/* "2026-03-28 14:00:00" as the clock on the wall there shows it; the first of two such times.
 */
static int64_t wall(const char *text)
{
    struct tm parts = {.tm_isdst = -1};
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &parts));
    parts.tm_isdst = -1;
    return (int64_t)mktime(&parts);
}

static tr_moment_t moment(int64_t now_ms, int64_t wall_s)
{
    return (tr_moment_t){.now_ms = now_ms, .wall_s = wall_s};
}

static tr_timing_t daily(int64_t at_s, const char *begin)
{
    tr_timing_t timing;
    tr_timing_begin(&timing, 0, at_s, moment(0, wall(begin)));
    return timing;
}

/* How often it is due, when the wall's clock is looked at each `step_s` from one time to the
 * other. */
static int count(tr_timing_t *timing, int64_t from_s, int64_t until_s, int64_t step_s)
{
    int n = 0;
    for (int64_t wall_s = from_s; wall_s <= until_s; wall_s += step_s) {
        n += tr_timing_is_due(timing, moment(0, wall_s));
    }
    return n;
}

/* ---- every so long ---- */

static void is_due_after_each_interval(void **state)
{
    (void)state;
    tr_timing_t timing;
    tr_timing_begin(&timing, 1000, 0, moment(500, 0));
    assert_int_equal(tr_timing_look_ms(&timing, moment(500, 0)), 1500);
    assert_false(tr_timing_is_due(&timing, moment(1499, 0)));
    assert_true(tr_timing_is_due(&timing, moment(1500, 0)));
    assert_false(tr_timing_is_due(&timing, moment(1500, 0)));
    assert_int_equal(tr_timing_look_ms(&timing, moment(1500, 0)), 2500);
    assert_true(tr_timing_is_due(&timing, moment(2600, 0)));
    assert_int_equal(tr_timing_look_ms(&timing, moment(2600, 0)), 3500); /* no drift */
}

static void intervals_that_were_missed_count_as_one(void **state)
{
    (void)state;
    tr_timing_t timing;
    tr_timing_begin(&timing, 1000, 0, moment(0, 0));
    assert_true(tr_timing_is_due(&timing, moment(7300, 0)));
    assert_false(tr_timing_is_due(&timing, moment(7300, 0)));
    assert_int_equal(tr_timing_look_ms(&timing, moment(7300, 0)), 8300);
}

static void intervals_do_not_look_at_the_wall(void **state)
{
    (void)state;
    tr_timing_t timing;
    tr_timing_begin(&timing, 1000, 0, moment(0, 1000000));
    assert_false(tr_timing_is_due(&timing, moment(999, 9000000)));
    assert_true(tr_timing_is_due(&timing, moment(1000, 1)));
}

/* ---- once a day ---- */

static void is_due_today_if_it_is_early_enough(void **state)
{
    (void)state;
    tr_timing_t timing = daily(AT(3, 0), "2026-01-10 02:59:00");
    assert_false(tr_timing_is_due(&timing, moment(0, wall("2026-01-10 02:59:59"))));
    assert_true(tr_timing_is_due(&timing, moment(0, wall("2026-01-10 03:00:00"))));
    assert_false(tr_timing_is_due(&timing, moment(0, wall("2026-01-10 03:00:01"))));
    assert_int_equal(timing.due_wall_s, wall("2026-01-11 03:00:00"));
}

static void is_due_tomorrow_if_it_is_too_late(void **state)
{
    (void)state;
    tr_timing_t timing = daily(AT(3, 0), "2026-01-10 03:00:00");
    assert_int_equal(timing.due_wall_s, wall("2026-01-11 03:00:00"));
    timing = daily(AT(3, 0), "2026-12-31 12:00:00");
    assert_int_equal(timing.due_wall_s, wall("2027-01-01 03:00:00"));
}

static void looks_in_a_minute_at_the_latest(void **state)
{
    (void)state;
    tr_timing_t timing = daily(AT(3, 0), "2026-01-10 01:00:00");
    assert_int_equal(tr_timing_look_ms(&timing, moment(7, wall("2026-01-10 01:00:00"))), 60007);
    assert_int_equal(tr_timing_look_ms(&timing, moment(7, wall("2026-01-10 02:59:50"))), 10007);
    assert_int_equal(tr_timing_look_ms(&timing, moment(7, wall("2026-01-10 03:30:00"))), 7);
}

struct season {
    const char *from;
    const char *until;
    int64_t at_s;
    int n_days;
};

static void comes_once_a_day(void **state)
{
    const struct season *season = *state;
    tr_timing_t timing = daily(season->at_s, season->from);
    assert_int_equal(count(&timing, wall(season->from), wall(season->until), 60),
                     season->n_days);
}

/* ---- jumps of the clock on the wall ---- */

static void a_jump_forward_makes_it_due_once(void **state)
{
    (void)state;
    tr_timing_t timing = daily(AT(3, 0), "2026-01-10 01:00:00");
    assert_true(tr_timing_is_due(&timing, moment(0, wall("2026-01-14 12:00:00"))));
    assert_int_equal(
        count(&timing, wall("2026-01-14 12:00:00"), wall("2026-01-15 02:59:00"), 60), 0);
    assert_int_equal(timing.due_wall_s, wall("2026-01-15 03:00:00"));
}

static void a_jump_back_does_not_make_it_due_again(void **state)
{
    (void)state;
    tr_timing_t timing = daily(AT(3, 0), "2026-01-10 01:00:00");
    assert_true(tr_timing_is_due(&timing, moment(0, wall("2026-01-10 03:00:00"))));
    assert_int_equal(
        count(&timing, wall("2026-01-10 02:00:00"), wall("2026-01-11 02:59:00"), 60), 0);
    assert_true(tr_timing_is_due(&timing, moment(0, wall("2026-01-11 03:00:00"))));
    /* Even by nearly a day. */
    assert_int_equal(
        count(&timing, wall("2026-01-10 04:00:00"), wall("2026-01-12 02:59:00"), 60), 0);
}

static void a_clock_set_back_by_years_is_followed(void **state)
{
    (void)state;
    tr_timing_t timing = daily(AT(3, 0), "2036-01-10 01:00:00");
    assert_false(tr_timing_is_due(&timing, moment(0, wall("2026-01-10 01:00:00"))));
    assert_int_equal(
        count(&timing, wall("2026-01-10 01:00:00"), wall("2026-01-12 12:00:00"), 60), 3);
}

/* clang-format off */
#define SEASON(title, ...) \
    { .name = title, .test_func = comes_once_a_day, .initial_state = &(struct season){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_due_after_each_interval),
        cmocka_unit_test(intervals_that_were_missed_count_as_one),
        cmocka_unit_test(intervals_do_not_look_at_the_wall),
        cmocka_unit_test(is_due_today_if_it_is_early_enough),
        cmocka_unit_test(is_due_tomorrow_if_it_is_too_late),
        cmocka_unit_test(looks_in_a_minute_at_the_latest),
        SEASON("once a day, on ordinary days", "2026-01-10 12:00:00", "2026-01-20 12:00:00",
               AT(3, 0), 10),
        SEASON("once a day, while summer time begins", "2026-03-27 12:00:00",
               "2026-03-31 12:00:00", AT(3, 30), 4),
        SEASON("once a day, at a time that does not exist then", "2026-03-27 12:00:00",
               "2026-03-31 12:00:00", AT(2, 30), 4),
        SEASON("once a day, while summer time ends", "2026-10-23 12:00:00",
               "2026-10-27 12:00:00", AT(3, 30), 4),
        SEASON("once a day, at a time that comes twice then", "2026-10-23 12:00:00",
               "2026-10-27 12:00:00", AT(2, 30), 4),
        SEASON("once a day, at midnight", "2026-03-27 12:00:00", "2026-03-31 12:00:00",
               AT(0, 0), 4),
        SEASON("once a day, in its last minute", "2026-10-23 12:00:00", "2026-10-27 12:00:00",
               AT(23, 59), 4),
        cmocka_unit_test(a_jump_forward_makes_it_due_once),
        cmocka_unit_test(a_jump_back_does_not_make_it_due_again),
        cmocka_unit_test(a_clock_set_back_by_years_is_followed),
    };
    return cmocka_run_group_tests_name("node/schedule", tests, NULL, NULL) != 0;
}
