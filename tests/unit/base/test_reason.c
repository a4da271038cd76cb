#include "tests/kit/check.h"

#include "base/reason.h"

static void each_kind_has_a_name(void **state)
{
    (void)state;
    for (int kind = TROUPE_REASON_NORMAL; kind <= TROUPE_REASON_GONE; kind++) {
        const char *name = troupe_reason_name((troupe_reason_kind_t)kind);
        assert_string_not_equal(name, "unknown");
        assert_string_equal(name, tr_reason_name((troupe_reason_kind_t)kind));
    }
    assert_string_equal(troupe_reason_name((troupe_reason_kind_t)100), "unknown");
}

/* One row, one reason as it is shown. */
struct shown {
    tr_reason_t reason;
    const char *line;
};

static void it_is_shown_in_one_line(void **state)
{
    const struct shown *shown = *state;
    char line[TR_REASON_TEXT];
    assert_string_equal(tr_reason_show(&shown->reason, line, sizeof line), shown->line);
}

/* clang-format off */
#define SHOWN(words, ...)                                                                      \
    { .name = words, .test_func = it_is_shown_in_one_line,                                     \
      .initial_state = &(struct shown){{__VA_ARGS__}, words} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_a_name),
        SHOWN("shutdown", .kind = TROUPE_REASON_SHUTDOWN),
        SHOWN("failed: no such model", .kind = TROUPE_REASON_FAILED, .text = "no such model"),
        SHOWN("exited: status 3", .kind = TROUPE_REASON_EXITED, .code = 3),
        SHOWN("crashed: signal 9 (Killed)", .kind = TROUPE_REASON_CRASHED, .code = 9),
    };
    return cmocka_run_group_tests_name("base/reason", tests, NULL, NULL) != 0;
}
