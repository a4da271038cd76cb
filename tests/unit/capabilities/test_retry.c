/* A request has just lost a worker. The rows that break several rules at once say which one the
 * caller hears of. */

#include "tests/kit/check.h"

#include "capabilities/retry.h"

struct loss {
    size_t retry;
    size_t poison;
    size_t n_lost;
    uint64_t n_parts;
    bool has_time;
    tr_retry_verdict_t verdict;
};

static void loss_is_judged(void **state)
{
    const struct loss *loss = *state;
    assert_int_equal(
        tr_retry_decide(loss->retry, loss->poison, loss->n_lost, loss->n_parts, loss->has_time),
        loss->verdict);
}

/* clang-format off */
#define LOSS(title, ...) \
    { .name = title, .test_func = loss_is_judged, .initial_state = &(struct loss){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOSS("nothing is done twice unless asked for", 0, 3, 1, 0, true, TR_RETRY_USED_UP),
        LOSS("one retry follows the first loss", 1, 3, 1, 0, true, TR_RETRY_AGAIN),
        LOSS("and no second one", 1, 3, 2, 0, true, TR_RETRY_USED_UP),
        LOSS("the last retry of many", 5, 100, 5, 0, true, TR_RETRY_AGAIN),
        LOSS("and no more", 5, 100, 6, 0, true, TR_RETRY_USED_UP),
        LOSS("poison stops what could be tried again", 100, 3, 3, 0, true, TR_RETRY_POISONOUS),
        LOSS("but not before", 100, 3, 2, 0, true, TR_RETRY_AGAIN),
        LOSS("one worker may be all it may cost", 100, 1, 1, 0, true, TR_RETRY_POISONOUS),
        LOSS("what has streamed is not begun again", 5, 10, 1, 1, true, TR_RETRY_HAS_STREAMED),
        LOSS("nobody waits after the deadline", 5, 10, 1, 0, false, TR_RETRY_TOO_LATE),

        LOSS("poison is said before used up", 2, 3, 3, 0, true, TR_RETRY_POISONOUS),
        LOSS("poison is said before parts", 5, 3, 3, 7, true, TR_RETRY_POISONOUS),
        LOSS("poison is said before time", 5, 3, 3, 0, false, TR_RETRY_POISONOUS),
        LOSS("parts are said before used up", 0, 3, 1, 7, true, TR_RETRY_HAS_STREAMED),
        LOSS("parts are said before time", 5, 3, 1, 7, false, TR_RETRY_HAS_STREAMED),
        LOSS("used up is said before time", 0, 3, 1, 0, false, TR_RETRY_USED_UP),
        LOSS("poison is said before all", 0, 1, 1, 7, false, TR_RETRY_POISONOUS),
    };
    return cmocka_run_group_tests_name("capabilities/retry", tests, NULL, NULL) != 0;
}
