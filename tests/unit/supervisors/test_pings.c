/* Each ping is counted once, whenever its answer comes. */

#include "tests/kit/check.h"

#include "supervisors/pings.h"

/* p: a ping is sent; b: another one, to a child that is busy; digits: that ping is answered. */
struct story {
    const char *told;
    int64_t ok;
    int64_t busy;
    int64_t missed;
};

static void is_counted(void **state)
{
    const struct story *story = *state;
    tr_metrics_t *metrics = tr_metrics_new();
    tr_pings_t pings;
    tr_health_t health;
    tr_pings_init(&pings, metrics);
    tr_health_init(&health, 0);
    for (const char *event = story->told; *event; event++) {
        if (*event == 'p' || *event == 'b') {
            tr_pings_ask_again(&pings, &health, *event == 'b');
            tr_health_ping(&health, 0);
        } else {
            uint64_t number = (uint64_t)(*event - '0');
            tr_pings_answered(&pings, &health, number);
            tr_health_pong(&health, number);
        }
    }
    assert_int_equal(tr_metric_value(pings.ok), story->ok);
    assert_int_equal(tr_metric_value(pings.busy), story->busy);
    assert_int_equal(tr_metric_value(pings.missed), story->missed);
    tr_metrics_destroy(&metrics);
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = is_counted, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("the first has none before it", "p", 0, 0, 0),
        STORY("answers in time", "p1p2p3", 3, 0, 0),
        STORY("an answer told twice", "p11p", 1, 0, 0),
        STORY("no answer", "ppp", 0, 0, 2),
        STORY("a busy child", "pbbp", 0, 2, 1),
        STORY("a busy child that answers in the end", "pb2", 1, 1, 0),
        STORY("late answers are missed, the last one is in time", "pp12p3", 2, 0, 1),
        STORY("an answer that came late is not another one", "pp1p", 0, 0, 2),
        STORY("answers to what was not asked", "0p29p", 0, 0, 1),
    };
    return cmocka_run_group_tests_name("supervisors/pings", tests, NULL, NULL) != 0;
}
