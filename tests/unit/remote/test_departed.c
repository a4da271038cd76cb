#include "tests/kit/check.h"

#include "remote/gateway/departed.h"

static void numbers_are_read_from_routing_ids(void **state)
{
    (void)state;
    uint32_t number = 0;
    assert_true(tr_departed_number("\0\x01\x02\x03\x04", 5, &number));
    assert_int_equal(number, 0x01020304);
    assert_false(tr_departed_number("\1\x01\x02\x03\x04", 5, &number));
    assert_false(tr_departed_number("\0abc", 4, &number));
    assert_false(tr_departed_number("alice", 5, &number));
}

static void numbers_go_round(void **state)
{
    (void)state;
    assert_true(tr_departed_is_before(1, 2));
    assert_false(tr_departed_is_before(2, 1));
    assert_false(tr_departed_is_before(2, 2));
    assert_true(tr_departed_is_before(UINT32_MAX, 0));
    assert_false(tr_departed_is_before(0, UINT32_MAX));
}

static void the_last_that_departed_are_known(void **state)
{
    (void)state;
    static tr_departed_t all;
    assert_false(tr_departed_has(&all, 0));
    for (uint32_t i = 0; i < 2 * TR_DEPARTED_KEPT; i++) {
        tr_departed_add(&all, i);
        assert_true(tr_departed_has(&all, i));
    }
    assert_false(tr_departed_has(&all, TR_DEPARTED_KEPT - 1));
    assert_true(tr_departed_has(&all, TR_DEPARTED_KEPT));
}

static void the_newest_speaker_is_known(void **state)
{
    (void)state;
    static tr_departed_t all;
    tr_departed_note_speaker(&all, UINT32_MAX);
    assert_int_equal(all.newest, UINT32_MAX);
    tr_departed_note_speaker(&all, 3);
    tr_departed_note_speaker(&all, UINT32_MAX - 5);
    assert_int_equal(all.newest, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_from_routing_ids),
        cmocka_unit_test(numbers_go_round),
        cmocka_unit_test(the_last_that_departed_are_known),
        cmocka_unit_test(the_newest_speaker_is_known),
    };
    return cmocka_run_group_tests_name("remote/departed", tests, NULL, NULL) != 0;
}
