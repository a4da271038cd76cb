/* Names and texts come from one list; what is checked here is that nothing fell out of it and
 * that names which travel on the wire stay as they are.
 */

#include "tests/kit/check.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <troupe/api.h>

static void every_status_is_named_as_it_is_spelled(void **state)
{
    (void)state;
    static const struct {
        troupe_status_t status;
        const char *capitals;
        const char *text;
    } known[] = {
#define X(name, value, text) {TROUPE_##name, #name, text},
        TROUPE_STATUS_MAP(X)
#undef X
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const char *name = troupe_status_name(known[i].status);
        assert_int_equal(strlen(name), strlen(known[i].capitals));
        for (size_t j = 0; name[j]; j++) {
            assert_int_equal(name[j], tolower((unsigned char)known[i].capitals[j]));
        }
        assert_string_equal(troupe_status_text(known[i].status), known[i].text);
    }
}

static void an_unknown_status_is_called_that(void **state)
{
    (void)state;
    assert_string_equal(troupe_status_name((troupe_status_t)77), "unknown");
    assert_string_equal(troupe_status_name((troupe_status_t)-77), "unknown");
    assert_non_null(troupe_status_text((troupe_status_t)77));
}

static void every_outcome_is_found_by_its_name(void **state)
{
    (void)state;
    for (int i = 0; i < TROUPE_N_OUTCOMES; i++) {
        troupe_outcome_t found = TROUPE_N_OUTCOMES;
        assert_true(troupe_outcome_parse(troupe_outcome_name((troupe_outcome_t)i), &found));
        assert_outcome(found, (troupe_outcome_t)i);
        assert_true(strlen(troupe_outcome_text((troupe_outcome_t)i)) > 0);
    }
}

static void the_names_that_travel_never_change(void **state)
{
    (void)state;
    assert_string_equal(troupe_outcome_name(TROUPE_OUTCOME_OK), "ok");
    assert_string_equal(troupe_outcome_name(TROUPE_OUTCOME_WORKER_LOST), "worker_lost");
    assert_string_equal(troupe_outcome_name(TROUPE_OUTCOME_INTERNAL), "internal");
    assert_string_equal(troupe_outcome_text(TROUPE_OUTCOME_TIMEOUT), "the deadline passed");
}

static void a_name_of_no_outcome_is_not_found(void **state)
{
    (void)state;
    static const char *const strange[] = {"", "OK", "worker_los", "worker_lost ", "n_outcomes"};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        troupe_outcome_t out = TROUPE_OUTCOME_FORBIDDEN;
        assert_false(troupe_outcome_parse(strange[i], &out));
        assert_outcome(out, TROUPE_OUTCOME_FORBIDDEN);
    }
}

static void an_unknown_outcome_is_a_bug_and_not_worth_a_retry(void **state)
{
    (void)state;
    assert_string_equal(troupe_outcome_name(TROUPE_N_OUTCOMES), "internal");
    assert_string_equal(troupe_outcome_name((troupe_outcome_t)-1), "internal");
    assert_false(troupe_outcome_is_retryable((troupe_outcome_t)1000));
}

static void losing_a_worker_is_worth_a_retry_and_a_bad_request_is_not(void **state)
{
    (void)state;
    assert_true(troupe_outcome_is_retryable(TROUPE_OUTCOME_WORKER_LOST));
    assert_true(troupe_outcome_is_retryable(TROUPE_OUTCOME_OVERLOADED));
    assert_false(troupe_outcome_is_retryable(TROUPE_OUTCOME_BAD_REQUEST));
    assert_false(troupe_outcome_is_retryable(TROUPE_OUTCOME_OK));
}

static void the_version_is_three_numbers(void **state)
{
    (void)state;
    char want[64];
    snprintf(want, sizeof want, "%d.%d.%d", TROUPE_VERSION_MAJOR, TROUPE_VERSION_MINOR,
             TROUPE_VERSION_PATCH);
    assert_string_equal(troupe_version(), want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_is_named_as_it_is_spelled),
        cmocka_unit_test(an_unknown_status_is_called_that),
        cmocka_unit_test(every_outcome_is_found_by_its_name),
        cmocka_unit_test(the_names_that_travel_never_change),
        cmocka_unit_test(a_name_of_no_outcome_is_not_found),
        cmocka_unit_test(an_unknown_outcome_is_a_bug_and_not_worth_a_retry),
        cmocka_unit_test(losing_a_worker_is_worth_a_retry_and_a_bad_request_is_not),
        cmocka_unit_test(the_version_is_three_numbers),
    };
    return cmocka_run_group_tests_name("base/status", tests, NULL, NULL) != 0;
}
