/* What was given is taken again, empty; what does not fit is freed. */

#include "tests/kit/check.h"

#include "mailbox/message.h"
#include "remote/spares.h"

static void what_was_given_is_taken_again_and_empty(void **state)
{
    (void)state;
    tr_spares_t spares = {.n_kept = 0};
    troupe_message_t *message = tr_spares_take(&spares);
    assert_non_null(message);
    assert_status(troupe_message_add(message, "one", 3), TROUPE_OK);
    const troupe_message_t *same = message;
    tr_spares_give(&spares, &message);
    assert_null(message);
    message = tr_spares_take(&spares);
    assert_ptr_equal(message, same);
    assert_int_equal(troupe_message_count(message), 0);
    assert_status(troupe_message_add(message, "two", 3), TROUPE_OK);
    troupe_message_destroy(&message);
    tr_spares_give(&spares, &message); /* nothing */
    assert_int_equal(spares.n_kept, 0);
    tr_spares_finish(&spares);
}

static void what_has_grown_or_is_too_many_is_not_kept(void **state)
{
    (void)state;
    tr_spares_t spares = {.n_kept = 0};
    troupe_message_t *message = troupe_message_new();
    for (int i = 0; i <= TR_MESSAGE_INLINE; i++) {
        assert_status(troupe_message_add(message, "x", 1), TROUPE_OK);
    }
    tr_spares_give(&spares, &message);
    assert_null(message);
    assert_int_equal(spares.n_kept, 0);
    for (int i = 0; i <= TR_SPARES_KEPT; i++) {
        message = troupe_message_from("x", 1);
        tr_spares_give(&spares, &message);
        assert_null(message);
    }
    assert_int_equal(spares.n_kept, TR_SPARES_KEPT);
    tr_spares_finish(&spares);
    assert_int_equal(spares.n_kept, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_given_is_taken_again_and_empty),
        cmocka_unit_test(what_has_grown_or_is_too_many_is_not_kept),
    };
    return cmocka_run_group_tests_name("remote/spares", tests, NULL, NULL) != 0;
}
