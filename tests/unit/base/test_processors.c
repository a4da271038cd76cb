/* What counts is what this process may use, and that it is asked for once. */

#include "tests/kit/check.h"

#include <sched.h>

#include "base/processors.h"

static void those_that_it_may_use_count_as_of_the_first_time(void **state)
{
    (void)state;
    cpu_set_t all;
    if (sched_getaffinity(0, sizeof all, &all) != 0) {
        skip();
    }
    cpu_set_t one;
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &all)) {
            CPU_SET(i, &one);
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(tr_processors(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    assert_int_equal(tr_processors(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_that_it_may_use_count_as_of_the_first_time),
    };
    return cmocka_run_group_tests_name("base/processors", tests, NULL, NULL) != 0;
}
