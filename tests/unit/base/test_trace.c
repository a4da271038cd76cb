/* A caller may write anything where a traceparent should be. What is none must leave the
 * caller's variable alone, and each row is read from exactly as much memory as it has. */

#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/trace.h"

#define TRACE_ID  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT_ID "00f067aa0ba902b7"
#define IDS       TRACE_ID "-" PARENT_ID

static bool parse(const char *text, size_t size, tr_trace_t *out)
{
    char *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, text, size);
    bool is_read = tr_trace_parse((tr_span_t){exact, size}, out);
    free(exact);
    return is_read;
}

struct row {
    const char *text;
    bool is_sampled;
};

static void traceparent_is_read(void **state)
{
    const struct row *row = *state;
    tr_trace_t trace;
    memset(&trace, 'x', sizeof trace);
    assert_true(parse(row->text, strlen(row->text), &trace));
    assert_string_equal(trace.trace_id, TRACE_ID);
    assert_string_equal(trace.parent_id, PARENT_ID);
    assert_int_equal(trace.is_sampled, row->is_sampled);
}

static void is_refused(const char *text, size_t size)
{
    tr_trace_t trace;
    memset(&trace, 7, sizeof trace);
    tr_trace_t before = trace;
    if (parse(text, size, &trace)) {
        fail_msg("'%.*s' was taken for a traceparent", (int)size, text);
    }
    assert_memory_equal(&trace, &before, sizeof trace);
}

static void text_is_refused(void **state)
{
    const struct row *row = *state;
    is_refused(row->text, strlen(row->text));
}

static void no_place_may_hold_another_sign(void **state)
{
    (void)state;
    const char good[] = "00-" IDS "-01";
    const size_t size = sizeof good - 1;
    for (size_t i = 0; i < size; i++) {
        for (int sign = 0; sign < 256; sign++) {
            char text[sizeof good];
            memcpy(text, good, sizeof good);
            text[i] = (char)sign;
            bool is_digit = (sign >= '0' && sign <= '9') || (sign >= 'a' && sign <= 'f');
            bool may_be = good[i] == '-' ? sign == '-' : is_digit;
            tr_trace_t trace;
            assert_int_equal(parse(text, size, &trace), may_be);
        }
    }
}

static void nothing_shorter_is_one(void **state)
{
    (void)state;
    const char good[] = "00-" IDS "-01";
    const char later[] = "cc-" IDS "-01";
    for (size_t size = 0; size < sizeof good - 1; size++) {
        is_refused(good, size);
        is_refused(later, size);
    }
    tr_trace_t trace;
    assert_false(tr_trace_parse(tr_span_of(NULL), &trace));
}

/* clang-format off */
#define READ(title, ...) \
    { .name = title, .test_func = traceparent_is_read, \
      .initial_state = &(struct row){__VA_ARGS__} }
#define REFUSED(title, text) \
    { .name = title, .test_func = text_is_refused, \
      .initial_state = &(struct row){text, false} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        READ("a sampled one", "00-" IDS "-01", true),
        READ("one that is not sampled", "00-" IDS "-00", false),
        READ("flags not known yet say nothing", "00-" IDS "-fe", false),
        READ("nor do they hide the one that is known", "00-" IDS "-ff", true),
        READ("a later version of the same size", "01-" IDS "-01", true),
        READ("a later version with more", "cc-" IDS "-01-what-the-future-brings", true),
        READ("a later version with an empty more", "fe-" IDS "-00-", false),

        REFUSED("a later version with something stuck on", "cc-" IDS "-01.what"),
        REFUSED("a later version with longer flags", "cc-" IDS "-011"),
        REFUSED("today's version with more", "00-" IDS "-01-more"),
        REFUSED("today's version with a space", "00-" IDS "-01 "),
        REFUSED("the version that is none", "ff-" IDS "-01"),
        REFUSED("upper case in the version", "0A-" IDS "-01"),
        REFUSED("upper case in the trace",
                "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT_ID "-01"),
        REFUSED("upper case in the parent", "00-" TRACE_ID "-00F067AA0BA902B7-01"),
        REFUSED("upper case in the flags", "00-" IDS "-0A"),
        REFUSED("no trace", "00-00000000000000000000000000000000-" PARENT_ID "-01"),
        REFUSED("no parent", "00-" TRACE_ID "-0000000000000000-01"),
        REFUSED("a space before", " 00-" IDS "-01"),
        cmocka_unit_test(no_place_may_hold_another_sign),
        cmocka_unit_test(nothing_shorter_is_one),
    };
    return cmocka_run_group_tests_name("base/trace", tests, NULL, NULL) != 0;
}
