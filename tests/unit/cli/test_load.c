/* When requests are due. What becomes of them is told by tests/integration/test_bench.py. */

#include "tests/kit/check.h"

#include "cli/load.h"

#define S  INT64_C(1000000000)
#define MS INT64_C(1000000)

static void clients_take_turns(void **state)
{
    (void)state;
    assert_int_equal(cli_load_due_ns(0, 0, 2, 100), 0);
    assert_int_equal(cli_load_due_ns(0, 1, 2, 100), 10 * MS);
    assert_int_equal(cli_load_due_ns(1, 0, 2, 100), 20 * MS);
    assert_int_equal(cli_load_due_ns(50, 1, 2, 100), S + 10 * MS);
}

static void rounding_does_not_add_up(void **state)
{
    (void)state;
    assert_int_equal(cli_load_due_ns(1, 0, 1, 3), 333333333);
    assert_int_equal(cli_load_due_ns(3000000, 0, 1, 3), 1000000 * S);
}

static void a_month_at_the_highest_rate_has_room(void **state)
{
    (void)state;
    const uint64_t rate = 10000000;
    const int64_t month_s = INT64_C(30) * 24 * 3600;
    uint64_t n = rate * (uint64_t)month_s / 1000;
    assert_int_equal(cli_load_due_ns(n, 0, 1000, rate), month_s * S);
    assert_int_equal(cli_load_n_due(month_s * S, 0, 1000, rate), n);
}

static void how_many_are_due_agrees_with_when_they_are(void **state)
{
    (void)state;
    static const uint64_t rates[] = {1, 3, 7, 1000, 999983, 10000000};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        for (size_t n_clients = 1; n_clients < 6; n_clients++) {
            for (uint64_t k = 0; k < 200; k++) {
                size_t index = k % n_clients;
                int64_t due_ns = cli_load_due_ns(k, index, n_clients, rates[i]);
                assert_int_equal(cli_load_n_due(due_ns, index, n_clients, rates[i]), k);
                assert_int_equal(cli_load_n_due(due_ns + 1, index, n_clients, rates[i]), k + 1);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_take_turns),
        cmocka_unit_test(rounding_does_not_add_up),
        cmocka_unit_test(a_month_at_the_highest_rate_has_room),
        cmocka_unit_test(how_many_are_due_agrees_with_when_they_are),
    };
    return cmocka_run_group_tests_name("cli/load", tests, NULL, NULL) != 0;
}
