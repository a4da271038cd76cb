/* Restarts are asked for at given times; what matters is where the window ends, and that a
 * refusal leaves no trace in it. */

#include "tests/kit/check.h"

#include "supervisors/intensity.h"

/* Restarts asked for at these times, and how each was answered. */
struct story {
    size_t max;
    int64_t period_ms;
    int64_t asked_at_ms[8];
    const char *answers; /* one per time: r restart, F fail upwards */
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_intensity_t *window = tr_intensity_new(story->max, story->period_ms);
    assert_non_null(window);

    for (size_t i = 0; story->answers[i]; i++) {
        troupe_status_t want = story->answers[i] == 'r' ? TROUPE_OK : TROUPE_LIMIT;
        assert_status(tr_intensity_admit(window, story->asked_at_ms[i]), want);
    }
    tr_intensity_destroy(&window);
    assert_null(window);
}

static void a_reset_window_is_a_new_one(void **state)
{
    (void)state;
    tr_intensity_t *window = tr_intensity_new(2, 1000);
    assert_non_null(window);
    assert_status(tr_intensity_admit(window, 0), TROUPE_OK);
    assert_status(tr_intensity_admit(window, 500), TROUPE_OK);
    assert_status(tr_intensity_admit(window, 1001), TROUPE_OK);
    assert_status(tr_intensity_admit(window, 1002), TROUPE_LIMIT);

    tr_intensity_reset(window);
    assert_status(tr_intensity_admit(window, 1003), TROUPE_OK);
    assert_status(tr_intensity_admit(window, 1004), TROUPE_OK);
    assert_status(tr_intensity_admit(window, 1005), TROUPE_LIMIT);
    assert_status(tr_intensity_admit(window, 2004), TROUPE_OK);
    tr_intensity_destroy(&window);
}

static void destroying_nothing_is_fine(void **state)
{
    (void)state;
    tr_intensity_t *window = NULL;
    tr_intensity_destroy(&window);
    assert_null(window);
}

static void it_knows_what_it_counts_against(void **state)
{
    (void)state;
    tr_intensity_t *window = tr_intensity_new(3, 1000);
    assert_non_null(window);
    assert_true(tr_intensity_is(window, 3, 1000));
    assert_false(tr_intensity_is(window, 4, 1000));
    assert_false(tr_intensity_is(window, 3, 1001));
    tr_intensity_destroy(&window);
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("allows up to the maximum", 2, 1000, {0, 10, 20}, "rrF"),
        STORY("slides on, one restart at a time", 2, 1000, {0, 10, 1001, 1011, 1012}, "rrrrF"),
        STORY("goes round the ring more than once", 2, 10, {0, 1, 11, 12, 22, 23, 24},
              "rrrrrrF"),
        STORY("still counts what is exactly one period old", 1, 1000, {0, 1000}, "rF"),
        STORY("does not count a refused restart", 1, 1000, {0, 900, 1001}, "rFr"),
        STORY("counts restarts of one and the same moment", 3, 1000, {7, 7, 7, 7}, "rrrF"),
        STORY("fails at once when nothing is allowed", 0, 1000, {0, 5000}, "FF"),
        cmocka_unit_test(a_reset_window_is_a_new_one),
        cmocka_unit_test(it_knows_what_it_counts_against),
        cmocka_unit_test(destroying_nothing_is_fine),
    };
    return cmocka_run_group_tests_name("supervisors/intensity", tests, NULL, NULL) != 0;
}
