#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "remote/client/inbox.h"

static void put(tr_inbox_t *inbox, const char *from, const char *text)
{
    troupe_message_t *message = text ? troupe_message_from_text(text) : NULL;
    tr_inbox_put(inbox, tr_span_of(from), &message);
    assert_null(message);
}

static void assert_next(tr_inbox_t *inbox, const char *from, const char *text)
{
    troupe_message_t *message = tr_inbox_take(inbox);
    assert_non_null(message);
    assert_string_equal(inbox->from, from);
    char *got = troupe_message_text(message, 0);
    assert_string_equal(got, text);
    free(got);
    troupe_message_destroy(&message);
}

static void in_their_order_with_their_senders(void **state)
{
    (void)state;
    tr_inbox_t inbox = {.most = 10};
    put(&inbox, "room", "one");
    put(&inbox, "", "two");
    put(&inbox, "clock", NULL);
    assert_next(&inbox, "room", "one");
    assert_next(&inbox, "", "two");
    assert_next(&inbox, "clock", "");
    assert_null(tr_inbox_take(&inbox));
    assert_int_equal(inbox.n_bytes, 0);
}

static void nothing_is_kept_that_nobody_wants(void **state)
{
    (void)state;
    tr_inbox_t inbox = {0};
    put(&inbox, "room", "one");
    assert_null(tr_inbox_take(&inbox));
    assert_int_equal(inbox.n_missed, 0);
}

static void what_does_not_fit_is_counted(void **state)
{
    (void)state;
    tr_inbox_t inbox = {.most = 2};
    put(&inbox, "room", "one");
    put(&inbox, "room", "two");
    put(&inbox, "room", "three");
    assert_int_equal(inbox.n_missed, 1);
    assert_next(&inbox, "room", "one");
    put(&inbox, "room", "four");
    assert_next(&inbox, "room", "two");
    assert_next(&inbox, "room", "four");
    assert_int_equal(inbox.n_missed, 1);
}

static void bytes_are_bounded_too(void **state)
{
    (void)state;
    static char large[40 << 20];
    tr_inbox_t inbox = {.most = 100};
    for (int i = 0; i < 3; i++) {
        troupe_message_t *message = troupe_message_from(large, sizeof large);
        assert_non_null(message);
        tr_inbox_put(&inbox, tr_span_of("room"), &message);
    }
    assert_int_equal(inbox.n_waiting, 1);
    assert_int_equal(inbox.n_missed, 2);
    tr_inbox_clear(&inbox);
    assert_int_equal(inbox.n_waiting, 0);
    put(&inbox, "room", "room again");
    tr_inbox_clear(&inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_their_order_with_their_senders),
        cmocka_unit_test(nothing_is_kept_that_nobody_wants),
        cmocka_unit_test(what_does_not_fit_is_counted),
        cmocka_unit_test(bytes_are_bounded_too),
    };
    return cmocka_run_group_tests_name("remote/inbox", tests, NULL, NULL) != 0;
}
