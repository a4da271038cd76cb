/* Which end is followed by a restart: a row for each reason, a column for each type. What is
 * wrong with a spec is checked rule by rule in tests/conformance. */

#include "tests/kit/check.h"

#include <string.h>

#include "supervisors/child_spec.h"

struct row {
    troupe_reason_kind_t kind;
    bool was_starting;
    const char *restarted; /* of permanent, transient, temporary: 'r' restarted, '-' not */
};

static void end_is_followed_by(void **state)
{
    const struct row *row = *state;
    const tr_reason_t reason = tr_reason_of(row->kind);
    static const tr_restart_t types[] = {TR_RESTART_PERMANENT, TR_RESTART_TRANSIENT,
                                         TR_RESTART_TEMPORARY};
    char got[4] = "";
    for (size_t i = 0; i < 3; i++) {
        got[i] = tr_restart_is_due(types[i], &reason, row->was_starting) ? 'r' : '-';
    }
    assert_string_equal(got, row->restarted);
}

/* clang-format off */
#define ROW(title, ...) \
    { .name = title, .test_func = end_is_followed_by, .initial_state = &(struct row){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW("done", TROUPE_REASON_NORMAL, false, "r--"),
        ROW("told to", TROUPE_REASON_SHUTDOWN, false, "r--"),
        ROW("evicted", TROUPE_REASON_EVICTED, false, "r--"),
        ROW("failed", TROUPE_REASON_FAILED, false, "rr-"),
        ROW("crashed", TROUPE_REASON_CRASHED, false, "rr-"),
        ROW("exited", TROUPE_REASON_EXITED, false, "rr-"),
        ROW("hung", TROUPE_REASON_HUNG, false, "rr-"),
        ROW("lost", TROUPE_REASON_LOST, false, "rr-"),
        ROW("failed in its start", TROUPE_REASON_FAILED, true, "rr-"),
        ROW("done before it was up", TROUPE_REASON_NORMAL, true, "rr-"),
    };
    return cmocka_run_group_tests_name("supervisors/child_spec", tests, NULL, NULL) != 0;
}
