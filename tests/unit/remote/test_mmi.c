/* Questions wait for their reports in a line; who has gone is forgotten, who waits for too long
 * is found. And what a report means.
 */

#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "remote/majordomo/mmi.h"

#define PATIENCE_MS 1000

static void answers_find_who_asked(void **state)
{
    (void)state;
    tr_peer_t peers[3];
    tr_mmi_t mmi = {0};
    uint64_t tokens[3];
    for (size_t i = 0; i < 3; i++) {
        tokens[i] = tr_mmi_ask(&mmi, &peers[i], 0);
        assert_true(tokens[i] > 0);
    }
    assert_null(tr_mmi_take(&mmi, tokens[2] + 1));
    assert_ptr_equal(tr_mmi_take(&mmi, tokens[1]), &peers[1]);
    assert_null(tr_mmi_take(&mmi, tokens[1])); /* once */
    assert_ptr_equal(tr_mmi_take(&mmi, tokens[2]), &peers[2]);
    uint64_t token = tr_mmi_ask(&mmi, &peers[2], 0);
    assert_ptr_equal(tr_mmi_take(&mmi, token), &peers[2]);
    assert_ptr_equal(tr_mmi_take(&mmi, tokens[0]), &peers[0]);
    assert_int_equal(mmi.n_questions, 0);
    assert_int_equal(tr_mmi_due_ms(&mmi), TR_NEVER);
    tr_mmi_finish(&mmi);
}

static void who_waits_for_too_long_is_found(void **state)
{
    (void)state;
    tr_peer_t peers[2];
    tr_mmi_t mmi = {0};
    uint64_t first = tr_mmi_ask(&mmi, &peers[0], 100);
    uint64_t second = tr_mmi_ask(&mmi, &peers[1], 200);
    assert_int_equal(tr_mmi_due_ms(&mmi), 100 + PATIENCE_MS);
    assert_null(tr_mmi_take_late(&mmi, 99 + PATIENCE_MS));
    assert_ptr_equal(tr_mmi_take_late(&mmi, 100 + PATIENCE_MS), &peers[0]);
    assert_null(tr_mmi_take_late(&mmi, 100 + PATIENCE_MS));
    assert_null(tr_mmi_take(&mmi, first));
    assert_int_equal(tr_mmi_due_ms(&mmi), 200 + PATIENCE_MS);
    assert_ptr_equal(tr_mmi_take(&mmi, second), &peers[1]);
    tr_mmi_finish(&mmi);
}

static void who_has_gone_is_forgotten(void **state)
{
    (void)state;
    tr_peer_t peers[2];
    tr_mmi_t mmi = {0};
    uint64_t tokens[6];
    for (size_t i = 0; i < 6; i++) {
        tokens[i] = tr_mmi_ask(&mmi, &peers[i / 2 % 2], 0);
    }
    tr_mmi_forget(&mmi, &peers[0]);
    assert_int_equal(mmi.n_questions, 2);
    for (size_t i = 0; i < 6; i++) {
        assert_ptr_equal(tr_mmi_take(&mmi, tokens[i]), i / 2 % 2 ? &peers[1] : NULL);
    }
    tr_mmi_forget(&mmi, &peers[1]);
    uint64_t token = tr_mmi_ask(&mmi, &peers[1], 0); /* the line is as good as new */
    assert_ptr_equal(tr_mmi_take(&mmi, token), &peers[1]);
    tr_mmi_finish(&mmi);
}

static void they_are_bounded(void **state)
{
    (void)state;
    tr_peer_t peer;
    tr_mmi_t mmi = {0};
    for (size_t i = 0; i < TR_MMI_MAX_QUESTIONS; i++) {
        assert_true(tr_mmi_ask(&mmi, &peer, 0) > 0);
    }
    assert_int_equal(tr_mmi_ask(&mmi, &peer, 0), 0);
    assert_ptr_equal(tr_mmi_take(&mmi, 1), &peer);
    assert_true(tr_mmi_ask(&mmi, &peer, 0) > 0);
    tr_mmi_finish(&mmi);
    assert_int_equal(mmi.n_questions, 0);
}

struct report {
    const char *state;
    size_t n_workers;
    bool can_serve;
};

static void means_what_it_says(void **state)
{
    const struct report *row = *state;
    tr_report_t *report = tr_report_new(1, "echo", row->n_workers);
    assert_non_null(report);
    report->state = row->state;
    assert_int_equal(tr_mmi_can_serve(report), row->can_serve);
    tr_letter_t *letter = &report->letter;
    tr_letter_destroy(&letter);
}

/* clang-format off */
#define REPORT(title, ...) \
    { .name = title, .test_func = means_what_it_says, \
      .initial_state = &(struct report){__VA_ARGS__} }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_find_who_asked),
        cmocka_unit_test(who_waits_for_too_long_is_found),
        cmocka_unit_test(who_has_gone_is_forgotten),
        cmocka_unit_test(they_are_bounded),
        REPORT("workers are up", "ready", 2, true),
        REPORT("none is, but one can be started", "ready", 0, true),
        REPORT("one is being started", "loading", 0, true),
        REPORT("paused, but they are there", "paused", 1, true),
        REPORT("paused, and nobody is there", "paused", 0, false),
        REPORT("unavailable", "unavailable", 0, false),
        REPORT("the breaker is open", "unavailable", 2, false),
        REPORT("draining", "draining", 2, false),
        REPORT("drained", "drained", 0, false),
    };
    return cmocka_run_group_tests_name("remote/mmi", tests, NULL, NULL) != 0;
}
/* clang-format on */
