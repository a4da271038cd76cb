/* A child is born at 1000 and pinged every 100 ms; three misses, 500 ms without progress, 200
 * ms over its time or 2000 ms without progress in its start are too much. Each row is one look
 * at it. Whatever the verdict, it must agree with the time that the supervisor sleeps until. */

#include "tests/kit/check.h"

#include <string.h>

#include "base/clock.h"
#include "supervisors/health.h"

static const tr_health_plan_t strict = {.interval_ms = 100,
                                        .misses = 3,
                                        .stall_ms = 500,
                                        .overrun_ms = 200,
                                        .start_stall_ms = 2000};

/* A start may take 1500 ms and no more, however it gets on. */
static const tr_health_plan_t hasty = {.interval_ms = 100,
                                       .misses = 3,
                                       .stall_ms = 500,
                                       .overrun_ms = 200,
                                       .start_stall_ms = 2000,
                                       .start_limit_ms = 1500};

/* The stall is left to the request's own time plus 5 s. */
static const tr_health_plan_t patient = {.interval_ms = 100,
                                         .misses = 3,
                                         .stall_ms = 0,
                                         .overrun_ms = 30000,
                                         .start_stall_ms = 2000};

struct look {
    const tr_health_plan_t *plan;
    int64_t pinged_ms; /* a ping that nobody answered; 0: none */
    tr_vital_signs_t signs;
    int64_t at_ms;
    tr_verdict_t verdict;
    const char *why;
};

static tr_health_t health_for(const struct look *look)
{
    tr_health_t health;
    tr_health_init(&health, 1000);
    if (look->pinged_ms) {
        tr_health_ping(&health, look->pinged_ms);
    }
    return health;
}

static void verdict_is(const struct look *look, int64_t at_ms, tr_verdict_t verdict,
                       const char *why_part)
{
    tr_health_t health = health_for(look);
    char why[96] = "";
    assert_int_equal(tr_health_judge(&health, look->plan, &look->signs, at_ms, why, sizeof why),
                     verdict);
    if (why_part && !strstr(why, why_part)) {
        fail_msg("\"%s\" does not say \"%s\"", why, why_part);
    }
}

static void look_holds(void **state)
{
    const struct look *look = *state;
    verdict_is(look, look->at_ms, look->verdict, look->why);

    tr_health_t health = health_for(look);
    int64_t deadline_ms = tr_health_deadline_ms(&health, look->plan, &look->signs);
    assert_true((look->at_ms >= deadline_ms) == (look->verdict == TR_VERDICT_HUNG));
    if (deadline_ms != TR_NEVER) {
        char why[96] = "";
        assert_int_not_equal(tr_health_judge(&health, look->plan, &look->signs, deadline_ms - 1,
                                             why, sizeof why),
                             TR_VERDICT_HUNG);
        assert_string_equal(why, "");
        verdict_is(look, deadline_ms, TR_VERDICT_HUNG, look->why);
    }
}

static void pings_go_out_at_the_interval(void **state)
{
    (void)state;
    tr_health_t health;
    tr_health_init(&health, 1000);
    assert_true(tr_health_next_ms(&health, &strict) == 1100);
    assert_true(tr_health_ping(&health, 1105) == 1);
    assert_true(tr_health_next_ms(&health, &strict) == 1205);
    assert_true(tr_health_ping(&health, 1205) == 2);
}

static const tr_vital_signs_t waiting = {
    .progress_ms = 1000, .running_until_ms = TR_NEVER, .cancelled_ms = TR_NEVER};

static void silence_counts_from_the_first_unanswered_ping(void **state)
{
    (void)state;
    tr_health_t health;
    tr_health_init(&health, 1000);
    uint64_t first = tr_health_ping(&health, 1100);
    tr_health_ping(&health, 1200);
    assert_true(tr_health_deadline_ms(&health, &strict, &waiting) == 1400);

    tr_health_pong(&health, first);
    assert_true(tr_health_deadline_ms(&health, &strict, &waiting) == TR_NEVER);
    tr_health_ping(&health, 1300);
    assert_true(tr_health_deadline_ms(&health, &strict, &waiting) == 1600);
}

static void a_pong_that_nobody_asked_for_proves_nothing(void **state)
{
    (void)state;
    tr_health_t health;
    tr_health_init(&health, 1000);
    tr_health_ping(&health, 1100);
    tr_health_pong(&health, 0);
    tr_health_pong(&health, 2);
    assert_true(tr_health_deadline_ms(&health, &strict, &waiting) == 1400);
    tr_health_pong(&health, 1);
    assert_true(tr_health_deadline_ms(&health, &strict, &waiting) == TR_NEVER);
}

#define STARTING(progress)                                                                     \
    {                                                                                          \
        .is_starting = true, .progress_ms = (progress), .running_until_ms = TR_NEVER,          \
        .cancelled_ms = TR_NEVER                                                               \
    }
#define IDLE(progress)                                                                         \
    {                                                                                          \
        .progress_ms = (progress), .running_until_ms = TR_NEVER, .cancelled_ms = TR_NEVER      \
    }
#define BUSY(since, progress, until, cancelled)                                                \
    {                                                                                          \
        .running_since_ms = (since), .progress_ms = (progress), .running_until_ms = (until),   \
        .cancelled_ms = (cancelled)                                                            \
    }
#define NEVER TR_NEVER

/* Everything stood still from 1100 to 9000: nobody hangs for that, whatever they did, until
 * they had their time; and a ping that is still unanswered then tells. */
static void who_could_not_run_is_spared(void **state)
{
    (void)state;
    const tr_vital_signs_t all[] = {
        {.progress_ms = 1000, .running_until_ms = TR_NEVER, .cancelled_ms = TR_NEVER},
        {.running_since_ms = 1050,
         .progress_ms = 1050,
         .running_until_ms = 1200,
         .cancelled_ms = TR_NEVER},
        {.is_starting = true,
         .progress_ms = 1000,
         .running_until_ms = TR_NEVER,
         .cancelled_ms = TR_NEVER},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char why[96];
        tr_health_t health;
        tr_health_init(&health, 1000);
        tr_health_ping(&health, 1100);
        tr_health_spare(&health, &strict, 9000);
        assert_int_equal(tr_health_deadline_ms(&health, &strict, &all[i]), 9300);
        assert_int_not_equal(tr_health_judge(&health, &strict, &all[i], 9299, why, sizeof why),
                             TR_VERDICT_HUNG);
        assert_int_equal(tr_health_judge(&health, &strict, &all[i], 9300, why, sizeof why),
                         TR_VERDICT_HUNG);
    }
}

static void probes_are_due_at_their_interval(void **state)
{
    (void)state;
    tr_health_plan_t plan = strict;
    tr_health_t health;
    tr_health_init(&health, 1000);
    assert_int_equal(tr_health_probe_at_ms(&health, &plan), TR_NEVER);
    plan.probe_ms = 5000;
    assert_int_equal(tr_health_probe_at_ms(&health, &plan), 6000);
    tr_health_probe(&health, 7000);
    assert_int_equal(tr_health_probe_at_ms(&health, &plan), 12000);
    tr_health_ping(&health, 8000); /* pings are another matter */
    assert_int_equal(tr_health_probe_at_ms(&health, &plan), 12000);
}

/* clang-format off */
#define LOOK(title, ...) \
    { .name = title, .test_func = look_holds, .initial_state = &(struct look){__VA_ARGS__} }
#define FINE     TR_VERDICT_FINE, NULL
#define DOUBTFUL TR_VERDICT_DOUBTFUL, NULL
#define HUNG(why) TR_VERDICT_HUNG, why
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOK("who was not asked is fine", &strict, 0, IDLE(1000), 9999999, FINE),
        LOOK("who was just asked is fine", &strict, 1100, IDLE(1000), 1199, FINE),
        LOOK("one interval without an answer is doubtful", &strict, 1100, IDLE(1000), 1200,
             DOUBTFUL),
        LOOK("it stays so until the last miss", &strict, 1100, IDLE(1000), 1399, DOUBTFUL),
        LOOK("the last miss is a hang", &strict, 1100, IDLE(1000), 1400, HUNG("3 pings")),
        LOOK("a callback that just ended explains the silence", &strict, 1100, IDLE(1390), 1400,
             FINE),
        LOOK("but not for ever", &strict, 1100, IDLE(1390), 1690, HUNG("3 pings")),

        LOOK("a busy child need not answer pings", &strict, 1100,
             BUSY(1050, 1800, NEVER, NEVER), 2299, FINE),
        LOOK("but must make progress", &strict, 1100, BUSY(1050, 1800, NEVER, NEVER), 2300,
             HUNG("without progress for 500 ms")),
        LOOK("its deadline alone does not hang it", &strict, 0, BUSY(1050, 1200, 1200, NEVER),
             1399, FINE),
        LOOK("running over its deadline does", &strict, 0, BUSY(1050, 1399, 1200, NEVER), 1400,
             HUNG("200 ms after its request was over")),
        LOOK("so does running on after a cancel", &strict, 0, BUSY(1050, 1499, 5000, 1300),
             1500, HUNG("after its request was over")),
        LOOK("which counts from whichever was first", &strict, 0, BUSY(1050, 1399, 1200, 1300),
             1400, HUNG("after its request was over")),

        LOOK("without a stall the request's time and 5 s count", &patient, 0,
             BUSY(1000, 1000, 3000, NEVER), 7999, FINE),
        LOOK("from the last progress", &patient, 0, BUSY(1000, 1500, 3000, NEVER), 8499, FINE),
        LOOK("and no longer", &patient, 0, BUSY(1000, 1000, 3000, NEVER), 8000,
             HUNG("without progress for 7000 ms")),
        LOOK("a request that came late has its 5 s", &patient, 0, BUSY(4000, 4000, 3000, NEVER),
             8999, FINE),
        LOOK("a message has a minute", &patient, 0, BUSY(1000, 1000, NEVER, NEVER), 60999,
             FINE),
        LOOK("and no more", &patient, 0, BUSY(1000, 1000, NEVER, NEVER), 61000,
             HUNG("without progress")),

        LOOK("a start takes as long as it gets on", &strict, 0, STARTING(50000), 51999, FINE),
        LOOK("a start that does not get on fails", &strict, 0, STARTING(50000), 52000,
             HUNG("start for 2000 ms")),
        LOOK("unless it has a limit", &hasty, 0, STARTING(2400), 2499, FINE),
        LOOK("which counts from its birth", &hasty, 0, STARTING(2499), 2500,
             HUNG("start took longer than 1500 ms")),
        LOOK("and not for one that is up", &hasty, 0, IDLE(1000), 9999999, FINE),
        LOOK("nobody doubts who is still starting", &strict, 1100, STARTING(1000), 2999, FINE),

        cmocka_unit_test(who_could_not_run_is_spared),
        cmocka_unit_test(probes_are_due_at_their_interval),
        cmocka_unit_test(pings_go_out_at_the_interval),
        cmocka_unit_test(silence_counts_from_the_first_unanswered_ping),
        cmocka_unit_test(a_pong_that_nobody_asked_for_proves_nothing),
    };
    return cmocka_run_group_tests_name("supervisors/health", tests, NULL, NULL) != 0;
}
