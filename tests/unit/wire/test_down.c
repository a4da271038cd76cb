/* A reason that is said and heard is the same; what nobody here would say is heard, too. */

#include "tests/kit/check.h"

#include <limits.h>
#include <string.h>

#include "wire/down.h"

static tr_trp1_t down_of(const tr_reason_t *reason)
{
    tr_trp1_t down;
    tr_trp1_init(&down, TR_TRP1_DOWN, 1);
    tr_down_say_reason(&down, reason);
    return down;
}

static void a_reason_comes_back(void **state)
{
    (void)state;
    for (int kind = TROUPE_REASON_NORMAL; kind <= TROUPE_REASON_GONE; kind++) {
        tr_reason_t reason = tr_reason_format((troupe_reason_kind_t)kind, "number %d", kind);
        reason.code = kind;
        tr_trp1_t said = down_of(&reason);
        unsigned char head[TR_TRP1_MAX_HEADER];
        size_t size;
        assert_status(tr_trp1_encode(&said, head, sizeof head, &size), TROUPE_OK);
        tr_trp1_t heard;
        const char *why;
        assert_status(tr_trp1_decode(head, size, &heard, &why), TROUPE_OK);
        tr_reason_t again = tr_down_reason(&heard);
        assert_int_equal(again.kind, reason.kind);
        assert_int_equal(again.code, reason.code);
        assert_string_equal(again.text, reason.text);
    }
}

static void a_code_is_said_where_there_is_one(void **state)
{
    (void)state;
    tr_reason_t crashed = tr_reason_of(TROUPE_REASON_CRASHED);
    crashed.code = 11;
    assert_int_equal(down_of(&crashed).reason_code, 11);
    const tr_reason_t failed = tr_reason_of(TROUPE_REASON_FAILED);
    assert_int_equal(down_of(&failed).reason_code, -1);
}

static void what_is_not_known_counts_as_failed(void **state)
{
    (void)state;
    tr_trp1_t down;
    tr_trp1_init(&down, TR_TRP1_DOWN, 1);
    assert_int_equal(tr_down_reason(&down).kind, TROUPE_REASON_FAILED); /* no word */
    down.reason = tr_span_of("abducted");
    down.reason_code = (int64_t)INT_MAX + 1;
    tr_reason_t reason = tr_down_reason(&down);
    assert_int_equal(reason.kind, TROUPE_REASON_FAILED);
    assert_int_equal(reason.code, 0);
}

static void a_long_text_is_cut(void **state)
{
    (void)state;
    char text[TR_TRP1_MAX_TEXT];
    memset(text, 'x', sizeof text);
    tr_trp1_t down;
    tr_trp1_init(&down, TR_TRP1_DOWN, 1);
    down.text = (tr_span_t){text, sizeof text};
    assert_int_equal(strlen(tr_down_reason(&down).text), TR_REASON_TEXT - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reason_comes_back),
        cmocka_unit_test(a_code_is_said_where_there_is_one),
        cmocka_unit_test(what_is_not_known_counts_as_failed),
        cmocka_unit_test(a_long_text_is_cut),
    };
    return cmocka_run_group_tests_name("wire/down", tests, NULL, NULL) != 0;
}
