/* The limits that each worker gets. What a pool does with them is seen from outside, in
 * tests/integration/test_children.py. */

#include "tests/kit/check.h"

#include "supervisors/recycle.h"

struct row {
    int64_t limit;
    double jitter;
    uint32_t dice;
    int64_t want;
};

static void limit_is(void **state)
{
    const struct row *row = *state;
    assert_int_equal(tr_recycle_limit(row->limit, row->jitter, row->dice), row->want);
}

/* clang-format off */
#define ROW(title, ...) \
    { .name = title, .test_func = limit_is, .initial_state = &(struct row){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW("no limit stays none", 0, 0.5, UINT32_MAX, 0),
        ROW("without jitter it is what was said", 1000, 0, UINT32_MAX, 1000),
        ROW("a low throw takes nothing off", 1000, 0.1, 0, 1000),
        ROW("a high one takes off the whole share", 1000, 0.1, UINT32_MAX, 900),
        ROW("half a throw takes half of it", 1000, 0.1, UINT32_MAX / 2, 951),
        ROW("something is always left", 1, 1, UINT32_MAX, 1),
        ROW("years do not overflow", INT64_C(31536000000), 1, UINT32_MAX, 1),
    };
    return cmocka_run_group_tests_name("supervisors/recycle", tests, NULL, NULL) != 0;
}
