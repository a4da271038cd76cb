/* Requests wait since a time, and it is 1000 now. */

#include "tests/kit/check.h"

#include "base/clock.h"
#include "capabilities/batch.h"

#define NOW 1000

struct wait {
    tr_batch_plan_t plan;
    size_t n_waiting;
    int64_t since_ms;
    int64_t due_ms;
};

static void wait_ends(void **state)
{
    const struct wait *wait = *state;
    assert_true(tr_batch_due_ms(&wait->plan, wait->n_waiting, wait->since_ms, NOW) ==
                wait->due_ms);
}

/* clang-format off */
#define WAIT(title, ...) \
    { .name = title, .test_func = wait_ends, .initial_state = &(struct wait){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAIT("nothing waits for nothing", {8, 20}, 0, 0, TR_NEVER),
        WAIT("not even one by one", {1, 0}, 0, 0, TR_NEVER),
        WAIT("the first waits for others", {8, 20}, 1, 1000, 1020),
        WAIT("others do not prolong it", {8, 20}, 7, 990, 1010),
        WAIT("a window that ends now", {8, 20}, 2, 980, 1000),
        WAIT("a window that ended", {8, 20}, 2, 900, 920),
        WAIT("a full batch goes at once", {8, 20}, 8, 1000, NOW),
        WAIT("more than full does too", {8, 20}, 90, 1000, NOW),
        WAIT("one by one at once", {1, 20}, 1, 1000, NOW),
        WAIT("without a window at once", {8, 0}, 1, 1000, NOW),
        WAIT("whatever the time that nobody noted", {8, 0}, 1, TR_NEVER, NOW),
        WAIT("the longest window does not overflow", {8, INT64_MAX}, 1, 1000, TR_NEVER),
    };
    return cmocka_run_group_tests_name("capabilities/batch", tests, NULL, NULL) != 0;
}
