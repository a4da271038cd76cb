#include "tests/kit/check.h"

#include <stdio.h>

#include "base/clock.h"
#include "remote/doors/refusals.h"

static void each_is_told_once_an_hour(void **state)
{
    (void)state;
    tr_refusals_t refusals = {0};
    assert_true(tr_refusals_note(&refusals, "key", "10.0.0.5", "abc", 0));
    for (int64_t now_ms = 1; now_ms < TR_REFUSALS_FORGET_MS; now_ms += 60000) {
        assert_false(tr_refusals_note(&refusals, "key", "10.0.0.5", "abc", now_ms));
    }
    assert_true(tr_refusals_note(&refusals, "key", "10.0.0.5", "abc", TR_REFUSALS_FORGET_MS));
    assert_false(
        tr_refusals_note(&refusals, "key", "10.0.0.5", "abc", TR_REFUSALS_FORGET_MS + 1));
    assert_int_equal(tr_refusals_take_shed(&refusals, TR_REFUSALS_FORGET_MS * 2), 0);
}

static void another_reason_address_or_key_is_another(void **state)
{
    (void)state;
    tr_refusals_t refusals = {0};
    assert_true(tr_refusals_note(&refusals, "key", "10.0.0.5", "abc", 0));
    assert_true(tr_refusals_note(&refusals, "mechanism", "10.0.0.5", "abc", 0));
    assert_true(tr_refusals_note(&refusals, "key", "10.0.0.6", "abc", 0));
    assert_true(tr_refusals_note(&refusals, "key", "10.0.0.5", "abd", 0));
    assert_true(tr_refusals_note(&refusals, "key", "10.0.0.5a", "bc", 0));
    assert_true(tr_refusals_note(&refusals, "key", "10.0.0.5", NULL, 0));
    assert_true(tr_refusals_note(&refusals, "key", NULL, "10.0.0.5", 0));
    assert_false(tr_refusals_note(&refusals, "key", "10.0.0.5", "", 0));
}

static void those_beyond_the_bound_are_counted(void **state)
{
    (void)state;
    char address[32];
    tr_refusals_t refusals = {0};
    for (int i = 0; i < TR_REFUSALS_MOST + 10; i++) {
        snprintf(address, sizeof address, "10.0.%d.%d", i / 256, i % 256);
        assert_int_equal(tr_refusals_note(&refusals, "key", address, "", 1000),
                         i < TR_REFUSALS_MOST);
    }
    assert_int_equal(tr_refusals_due_ms(&refusals), 1000 + TR_REFUSALS_SHED_MS);
    assert_int_equal(tr_refusals_take_shed(&refusals, 999 + TR_REFUSALS_SHED_MS), 0);
    assert_int_equal(tr_refusals_take_shed(&refusals, 1000 + TR_REFUSALS_SHED_MS), 10);
    assert_int_equal(tr_refusals_take_shed(&refusals, 2000 + TR_REFUSALS_SHED_MS), 0);
    assert_true(tr_refusals_due_ms(&refusals) == TR_NEVER);
    assert_true(
        tr_refusals_note(&refusals, "key", "10.9.9.9", "", 1000 + TR_REFUSALS_FORGET_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_told_once_an_hour),
        cmocka_unit_test(another_reason_address_or_key_is_another),
        cmocka_unit_test(those_beyond_the_bound_are_counted),
    };
    return cmocka_run_group_tests_name("remote/refusals", tests, NULL, NULL) != 0;
}
