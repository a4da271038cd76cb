#include "tests/kit/check.h"

#include "remote/gateway/bucket.h"

/* One row, one story: asked for at these times, and how many ms each had to wait; -1 ends it.
 */
struct story {
    int64_t interval_ns;
    uint64_t most;
    int64_t asked_at_ms[8];
    int64_t waits_ms[8];
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_bucket_t bucket = {0};
    for (size_t i = 0; i < 8 && story->waits_ms[i] >= 0; i++) {
        assert_int_equal(
            tr_bucket_take(&bucket, story->interval_ns, story->most, story->asked_at_ms[i]),
            story->waits_ms[i]);
    }
}

#define SECOND TR_BUCKET_SECOND_NS

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

static void many_get_what_the_rate_is(void **state)
{
    (void)state;
    tr_bucket_t bucket = {0};
    size_t n = 0;
    for (int64_t now_ms = 1000; now_ms < 11000; now_ms++) {
        for (int i = 0; i < 5; i++) {
            n += tr_bucket_take(&bucket, SECOND / 1000, 100, now_ms) == 0;
        }
    }
    assert_in_range(n, 10000, 10100);
}

static void the_largest_of_all_does_not_overflow(void **state)
{
    (void)state;
    tr_bucket_t bucket = {0};
    int64_t now_ms = INT64_C(100) * 365 * 86400000;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(tr_bucket_take(&bucket, SECOND, 1000000, now_ms), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("has as many as it holds", SECOND, 3, {1000, 1000, 1000, 1000},
              {0, 0, 0, 1000, -1}),
        STORY("gets one more after each interval", SECOND / 10, 1,
              {1000, 1050, 1100, 1150, 1200}, {0, 50, 0, 50, 0, -1}),
        STORY("what was refused costs nothing", SECOND / 10, 1,
              {1000, 1001, 1002, 1099, 1100, 1100}, {0, 99, 98, 1, 0, 100, -1}),
        STORY("holds no more after a long time", SECOND / 10, 2, {1000, 100000, 100000, 100000},
              {0, 0, 0, 100, -1}),
        STORY("waits are rounded up", SECOND / 3, 1, {0, 0, 333, 334}, {0, 334, 1, 0, -1}),
        STORY("begins full at any time", SECOND, 2, {5, 5, 5}, {0, 0, 1000, -1}),
        cmocka_unit_test(many_get_what_the_rate_is),
        cmocka_unit_test(the_largest_of_all_does_not_overflow),
    };
    return cmocka_run_group_tests_name("remote/bucket", tests, NULL, NULL) != 0;
}
