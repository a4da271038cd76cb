/* OTP's rules about which child is restarted after which end. */

#include "tests/conformance/rig.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

typedef struct ending {
    troupe_reason_kind_t kind;
    const char *words;
} ending_t;

static const ending_t normal_ends[] = {{TROUPE_REASON_NORMAL, ""}};
static const ending_t shutdown_ends[] = {{TROUPE_REASON_SHUTDOWN, ""},
                                         {TROUPE_REASON_SHUTDOWN, "with detail"}};
static const ending_t abnormal_ends[] = {{TROUPE_REASON_FAILED, "boom"},
                                         {TROUPE_REASON_CRASHED, ""},
                                         {TROUPE_REASON_EXITED, ""},
                                         {TROUPE_REASON_HUNG, "held its breath"},
                                         {TROUPE_REASON_LOST, ""}};

#define endings(list) list, sizeof list / sizeof list[0]

static void start_pair(rig_t *rig, tr_restart_t restart)
{
    spec_of(rig, 'a')->restart = restart;
    start_top(rig, TR_ONE_FOR_ONE, 2);
    hears(rig, "+a +b *");
}

/* It comes back each time, and its sibling is none the wiser. */
static void comes_back(rig_t *rig, tr_restart_t restart, const ending_t *list, size_t n)
{
    start_pair(rig, restart);
    uint64_t sibling = incarnation_of(rig, "b");
    for (size_t i = 0; i < n; i++) {
        uint64_t before = incarnation_of(rig, "a");
        end_child(rig, "a", list[i].kind, list[i].words);
        hears(rig, "-a +a");
        assert_reason(rig->ends[0], list[i].kind, list[i].words);
        assert_new_life(rig, "a", before);
        assert_counts(rig, 2, 2, 0, 2);
    }
    assert_same_life(rig, "b", sibling);
    stops_so(rig, "-b -a !");
}

/* It stays down, is still known, and comes back when it is told to. */
static void stays_down(rig_t *rig, tr_restart_t restart, const ending_t *list, size_t n)
{
    start_pair(rig, restart);
    for (size_t i = 0; i < n; i++) {
        end_child(rig, "a", list[i].kind, list[i].words);
        hears(rig, "-a");
        assert_state(rig, "a", "stopped");
        assert_counts(rig, 2, 1, 0, 2);
        assert_answer(ask(rig, TR_VERB_RESTART, "a"), TR_ANSWER_DONE);
        hears(rig, "+a");
        assert_counts(rig, 2, 2, 0, 2);
    }
    stops_so(rig, "-b -a !");
}

/* It is forgotten, so that one of the same name can be added. */
static void is_forgotten(rig_t *rig, const ending_t *list, size_t n)
{
    start_pair(rig, TR_RESTART_TEMPORARY);
    for (size_t i = 0; i < n; i++) {
        end_child(rig, "a", list[i].kind, list[i].words);
        hears(rig, "-a");
        assert_unknown(rig, "a");
        assert_counts(rig, 1, 1, 0, 1);
        assert_answer(add(rig, spec_of(rig, 'a')), TR_ANSWER_DONE);
        hears(rig, "+a");
    }
    stops_so(rig, "-a -b !"); /* it was added last */
}

static void permanent_normal(void **state)
{
    comes_back(*state, TR_RESTART_PERMANENT, endings(normal_ends));
}

static void permanent_shutdown(void **state)
{
    comes_back(*state, TR_RESTART_PERMANENT, endings(shutdown_ends));
}

static void permanent_abnormal(void **state)
{
    comes_back(*state, TR_RESTART_PERMANENT, endings(abnormal_ends));
}

static void transient_normal(void **state)
{
    stays_down(*state, TR_RESTART_TRANSIENT, endings(normal_ends));
}

static void transient_shutdown(void **state)
{
    stays_down(*state, TR_RESTART_TRANSIENT, endings(shutdown_ends));
}

static void transient_abnormal(void **state)
{
    comes_back(*state, TR_RESTART_TRANSIENT, endings(abnormal_ends));
}

static void temporary_normal(void **state)
{
    is_forgotten(*state, endings(normal_ends));
}

static void temporary_shutdown(void **state)
{
    is_forgotten(*state, endings(shutdown_ends));
}

static void temporary_abnormal(void **state)
{
    is_forgotten(*state, endings(abnormal_ends));
}

static void faulty_application_shutdown(void **state)
{
    rig_t *rig = *state;
    const tr_supervisor_spec_t inner =
        supervisor_spec("inner", TR_ONE_FOR_ONE, spec_of(rig, 'x'), 1);
    const tr_supervisor_spec_t outer =
        supervisor_spec("outer", TR_ONE_FOR_ONE, spec_of(rig, 'i'), 1);
    make_supervisor(rig, 'i', &inner);
    make_supervisor(rig, 'b', &outer);
    set_births(rig, 'x', "f");
    start_top(rig, TR_ONE_FOR_ONE, 2);
    hears(rig, "+a xx -inner -outer -a !");
    assert_reason(rig->end_reason, TROUPE_REASON_FAILED,
                  "outer did not start: failed: inner did not start: failed: "
                  "x did not start: failed: no bed");
    reap_top(rig);
}

static void bystander(rig_t *rig, tr_strategy_t strategy)
{
    spec_of(rig, 'b')->restart = TR_RESTART_TEMPORARY;
    rig->spec.max_restarts = 1;
    start_top(rig, strategy, 3);
    hears(rig, "+a +b +c *");
    break_child(rig, "a");
    hears(rig, "-a -c -b +a +c");
    assert_reason(rig->ends[1], TROUPE_REASON_SHUTDOWN, "");
    assert_unknown(rig, "b");
    assert_counts(rig, 2, 2, 0, 2); /* one restart, and not two, which would be too many */
    break_child(rig, "a");
    hears(rig, "-a -c !");
    assert_reason(rig->end_reason, TROUPE_REASON_FAILED, "a failed too often: failed: boom");
    reap_top(rig);
}

static void temporary_bystander(void **state)
{
    bystander(*state, TR_ONE_FOR_ALL);
    bystander(*state, TR_REST_FOR_ONE);
}

/* What "progress report" there is is the line "started" in the log. */
static void external_start_no_progress_log(void **state)
{
    rig_t *rig = *state;
    FILE *log = tmpfile();
    assert_non_null(log);
    tr_log_flush(RIG_PATIENCE_MS);
    tr_log_set_descriptor(fileno(log));

    tr_actor_t *outsider = NULL;
    assert_status(spec_of(rig, 'a')->start(&(tr_birth_t){.what = script_of(rig, 'a'),
                                                         .name = "a",
                                                         .runtime = rig->runtime,
                                                         .parent = rig->story},
                                           &outsider),
                  TROUPE_OK);
    hears(rig, "+a *");
    start_top(rig, TR_ONE_FOR_ONE, 0);
    hears(rig, "*");
    assert_answer(add(rig, spec_of(rig, 'a')), TR_ANSWER_FAILED);
    hears(rig, "-a"); /* the second of that name */
    assert_answer(add(rig, spec_of(rig, 'b')), TR_ANSWER_DONE);
    hears(rig, "+b");
    stops_so(rig, "-b !");
    tr_actor_ask_to_stop(outsider, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    hears(rig, "! -a");
    assert_status(tr_actor_reap(&outsider, RIG_PATIENCE_MS), TROUPE_OK);

    tr_log_flush(RIG_PATIENCE_MS);
    tr_log_set_descriptor(2);
    rewind(log);
    char line[1024];
    size_t n_of_a = 0, n_of_b = 0;
    while (fgets(line, sizeof line, log)) {
        bool is_progress = strstr(line, "event=started ");
        n_of_a += is_progress && strstr(line, "child=a ");
        n_of_b += is_progress && strstr(line, "child=b ");
    }
    fclose(log);
    assert_int_equal(n_of_a, 0);
    assert_int_equal(n_of_b, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rule(permanent_normal),    rule(permanent_shutdown),
        rule(permanent_abnormal),  rule(transient_normal),
        rule(transient_shutdown),  rule(transient_abnormal),
        rule(temporary_normal),    rule(temporary_shutdown),
        rule(temporary_abnormal),  rule(faulty_application_shutdown),
        rule(temporary_bystander), rule(external_start_no_progress_log),
    };
    return cmocka_run_group_tests_name("conformance/otp_restart", tests, NULL, NULL) != 0;
}
