/* OTP's rules about how a supervisor and its children begin. Caller is whoever started the
 * supervisor or gave it a command.
 */

#include "tests/conformance/rig.h"

#include <stdio.h>
#include <string.h>

#include "actors/worker/worker.h"
#include "node/config/config.h"

static void sup_start_normal(void **state)
{
    rig_t *rig = *state;
    start_top(rig, TR_ONE_FOR_ONE, 0);
    hears(rig, "*");
    stops_so(rig, "!");
}

/* A supervisor has no init of its own that could say so; any child may, one that counts as a
 * supervisor too. */
static void sup_start_ignore_init(void **state)
{
    rig_t *rig = *state;
    spec_of(rig, 'a')->is_supervisor = true;
    set_births(rig, 'a', "i");
    start_top(rig, TR_ONE_FOR_ONE, 0);
    hears(rig, "*");
    tr_answer_t answer = add(rig, spec_of(rig, 'a'));
    assert_answer(answer, TR_ANSWER_IGNORED);
    assert_int_equal(answer.incarnation, 0);
    hears(rig, "ia");
    stops_so(rig, "!");
}

static void sup_start_ignore_child(void **state)
{
    rig_t *rig = *state;
    set_births(rig, 'a', "i");
    set_births(rig, 'b', "i");
    start_top(rig, TR_ONE_FOR_ONE, 1); /* one from the list, the others at run time */
    hears(rig, "ia *");
    assert_state(rig, "a", "stopped");
    assert_counts(rig, 1, 0, 0, 1);
    assert_answer(ask(rig, TR_VERB_REMOVE, "a"), TR_ANSWER_DONE);
    assert_answer(add(rig, spec_of(rig, 'b')), TR_ANSWER_IGNORED);
    hears(rig, "ib");
    assert_answer(add(rig, spec_of(rig, 'c')), TR_ANSWER_DONE);
    hears(rig, "+c");
    assert_state(rig, "b", "stopped");
    assert_int_equal(incarnation_of(rig, "b"), 0);
    assert_counts(rig, 2, 1, 0, 2);
    stops_so(rig, "-c !");
}

static void sup_start_ignore_temporary_child(void **state)
{
    rig_t *rig = *state;
    spec_of(rig, 'a')->restart = TR_RESTART_TEMPORARY;
    set_births(rig, 'a', "i");
    start_top(rig, TR_ONE_FOR_ONE, 2);
    hears(rig, "ia +b *");
    assert_unknown(rig, "a");
    assert_counts(rig, 1, 1, 0, 1);
    stops_so(rig, "-b !");
}

static void sup_start_ignore_temporary_child_start_child(void **state)
{
    rig_t *rig = *state;
    spec_of(rig, 'a')->restart = TR_RESTART_TEMPORARY;
    set_births(rig, 'a', "i");
    start_top(rig, TR_ONE_FOR_ONE, 0);
    hears(rig, "*");
    assert_answer(add(rig, spec_of(rig, 'a')), TR_ANSWER_IGNORED);
    assert_answer(add(rig, spec_of(rig, 'b')), TR_ANSWER_DONE);
    hears(rig, "ia +b");
    assert_unknown(rig, "a");
    assert_counts(rig, 1, 1, 0, 1);
    stops_so(rig, "-b !");
}

static void ignored_from_template(rig_t *rig, tr_restart_t restart)
{
    spec_of(rig, 'a')->restart = restart;
    set_births(rig, 'a', "io");
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    assert_answer(add_from_template(rig), TR_ANSWER_IGNORED);
    hears(rig, "ia/1");
    assert_counts(rig, 1, 0, 0, 0);
    assert_unknown(rig, "a/1");
    assert_answer(add_from_template(rig), TR_ANSWER_DONE);
    hears(rig, "+a/2");
    assert_counts(rig, 1, 1, 0, 1);
    stops_so(rig, "-a/2 !");
}

static void sup_start_ignore_temporary_child_start_child_simple(void **state)
{
    ignored_from_template(*state, TR_RESTART_TEMPORARY);
}

static void sup_start_ignore_permanent_child_start_child_simple(void **state)
{
    ignored_from_template(*state, TR_RESTART_PERMANENT);
}

static int answers_nonsense(troupe_worker_t *worker, const troupe_args_t *args, void **state_p)
{
    (void)worker;
    (void)args;
    (void)state_p;
    return 4711;
}

/* A description is checked before anything is started; what an init may answer is a number, and
 * all but two of them are failures. */
static void sup_start_error_return(void **state)
{
    rig_t *rig = *state;
    char why[TR_REASON_TEXT];
    tr_supervisor_spec_t nonsense = rig->spec;
    nonsense.strategy = (tr_strategy_t)4711;
    assert_status(tr_supervisor_spec_check(&nonsense, why, sizeof why), TROUPE_ERR_INVALID);
    assert_string_equal(why, "4711 is no strategy");

    static const troupe_behaviour_t behaviour = {.name = "odd", .init = answers_nonsense};
    static const tr_worker_plan_t plan = {.behaviour = &behaviour, .idle_after_ms = 1000};
    spec_of(rig, 'a')->start = tr_worker_start;
    spec_of(rig, 'a')->what = &plan;
    start_top(rig, TR_ONE_FOR_ONE, 1);
    hears(rig, "!");
    assert_reason(rig->end_reason, TROUPE_REASON_FAILED,
                  "a did not start: failed: its init returned an error");
    reap_top(rig);
}

static void sup_start_fail(void **state)
{
    rig_t *rig = *state;
    set_births(rig, 'b', "f");
    start_top(rig, TR_ONE_FOR_ONE, 3);
    hears(rig, "+a xb -a !"); /* and no "*" */
    assert_reason(rig->end_reason, TROUPE_REASON_FAILED, "b did not start: failed: no bed");
    assert_reason(rig->ends[0], TROUPE_REASON_SHUTDOWN, "");
    reap_top(rig);
    set_births(rig, 'b', "o"); /* the caller is none the worse for it */
    start_top(rig, TR_ONE_FOR_ONE, 3);
    hears(rig, "+a +b +c *");
    stops_so(rig, "-c -b -a !");
}

static void sup_start_restart_child_returns_error(void **state)
{
    rig_t *rig = *state;
    set_births(rig, 'a', "of");
    start_top(rig, TR_ONE_FOR_ONE, 1);
    hears(rig, "+a *");
    assert_answer(ask(rig, TR_VERB_TERMINATE, "a"), TR_ANSWER_DONE);
    hears(rig, "-a");
    tr_answer_t answer = ask(rig, TR_VERB_RESTART, "a");
    assert_answer(answer, TR_ANSWER_FAILED);
    assert_string_equal(answer.text, "failed: no bed");
    hears(rig, "xa");
    assert_state(rig, "a", "stopped");
    assert_counts(rig, 1, 0, 0, 1);
    stops_so(rig, "!");
}

static void sup_start_child_returns_error(void **state)
{
    rig_t *rig = *state;
    set_births(rig, 'a', "f");
    start_top(rig, TR_ONE_FOR_ONE, 0);
    hears(rig, "*");
    tr_answer_t answer = add(rig, spec_of(rig, 'a'));
    assert_answer(answer, TR_ANSWER_FAILED);
    assert_string_equal(answer.text, "failed: no bed");
    hears(rig, "xa");
    assert_unknown(rig, "a");
    assert_counts(rig, 0, 0, 0, 0);
    stops_so(rig, "!");
}

static void sup_start_child_returns_error_simple(void **state)
{
    rig_t *rig = *state;
    set_births(rig, 'a', "f");
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    tr_answer_t answer = add_from_template(rig);
    assert_answer(answer, TR_ANSWER_FAILED);
    assert_string_equal(answer.text, "failed: no bed");
    hears(rig, "xa/1");
    assert_unknown(rig, "a/1");
    assert_counts(rig, 1, 0, 0, 0);
    stops_so(rig, "!");
}

/* ---- what is left out, or wrong, in a file ---- */

static void note_problem(void *arg, const char *line)
{
    char *problem = arg;
    if (!problem[0]) {
        snprintf(problem, 256, "%s", line);
    }
}

/* The problem that is found first; "" when there is none. */
static const char *first_problem(const char *yaml, tr_config_t **config_p)
{
    static char problem[256];
    problem[0] = '\0';
    tr_config_t *config = NULL;
    troupe_status_t status =
        tr_config_read("t.yaml", yaml, strlen(yaml), note_problem, problem, &config);
    assert_true((status == TROUPE_OK) == !problem[0]);
    if (config_p) {
        *config_p = config;
    } else {
        tr_config_destroy(&config);
    }
    return problem;
}

static void sup_start_map(void **state)
{
    rig_t *rig = *state;
    tr_config_t *config = NULL;
    assert_string_equal(first_problem("troupe: 1\n"
                                      "supervisor:\n"
                                      "  children:\n"
                                      "    - actor: a\n"
                                      "      worker: {module: m}\n",
                                      &config),
                        "");
    assert_int_equal(config->root.strategy, TR_CONFIG_ONE_FOR_ONE);
    assert_int_equal(config->root.intensity_restarts, 1);
    assert_int_equal(config->root.intensity_period_ms, 5000);
    assert_int_equal(config->root.children[0].restart, TR_CONFIG_PERMANENT);
    assert_int_equal(config->root.children[0].shutdown_ms, 5000);
    tr_config_destroy(&config);

    /* In C what is left out is zero. */
    const tr_supervisor_spec_t flags = {0};
    assert_int_equal(flags.strategy, TR_ONE_FOR_ONE);
    assert_int_equal(flags.auto_shutdown, TR_AUTO_SHUTDOWN_NEVER);
    const tr_child_spec_t child = {0};
    assert_int_equal(child.restart, TR_RESTART_PERMANENT);
    assert_false(child.is_supervisor);
    assert_false(child.is_significant);

    start_top(rig, TR_ONE_FOR_ONE, 1);
    hears(rig, "+a *");
    tr_answer_t found = ask(rig, TR_VERB_FIND, "a");
    assert_answer(found, TR_ANSWER_DONE);
    assert_string_equal(found.kind, "stub");
    assert_int_equal(found.restart, TR_RESTART_PERMANENT);
    assert_unknown(rig, "b");
    stops_so(rig, "-a !");
}

static void sup_start_map_simple(void **state)
{
    rig_t *rig = *state;
    spec_of(rig, 'a')->restart = TR_RESTART_TRANSIENT;
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    tr_answer_t added = add_from_template(rig);
    assert_answer(added, TR_ANSWER_DONE);
    hears(rig, "+a/1");
    assert_string_equal(added.name, "a/1");
    tr_answer_t found = ask_life(rig, TR_VERB_FIND, added.incarnation);
    assert_answer(found, TR_ANSWER_DONE);
    assert_string_equal(found.name, "a/1");
    assert_string_equal(found.kind, "stub");
    assert_int_equal(found.restart, TR_RESTART_TRANSIENT);
    stops_so(rig, "-a/1 !");
}

static void sup_start_map_faulty_specs(void **state)
{
    rig_t *rig = *state;
    char why[TR_REASON_TEXT];
    tr_child_spec_t child = *spec_of(rig, 'a');
    child.name = NULL;
    assert_status(tr_child_spec_check(&child, &rig->spec, why, sizeof why), TROUPE_ERR_INVALID);
    assert_string_equal(why, "a child needs a name of 1 to 79 bytes");
    child = *spec_of(rig, 'a');
    child.start = NULL;
    assert_status(tr_child_spec_check(&child, &rig->spec, why, sizeof why), TROUPE_ERR_INVALID);
    assert_string_equal(why, "a: there is nothing to start");

#define IN_FILE(child) "troupe: 1\nsupervisor:\n  children:\n" child
    const char *const faults[] = {
        IN_FILE("    - worker: {module: m}\n"),                      /* no name */
        IN_FILE("    - actor: a\n"),                                 /* nothing to start */
        IN_FILE("    - nonsense\n"),                                 /* no mapping */
        IN_FILE("    - {actor: a, worker: {module: m}, soup: 1}\n"), /* an unknown key */
    };
    char seen[4][256];
    for (size_t i = 0; i < 4; i++) {
        snprintf(seen[i], sizeof seen[i], "%s", first_problem(faults[i], NULL));
        assert_non_null(strstr(seen[i], "error: "));
        for (size_t k = 0; k < i; k++) { /* each its own */
            assert_string_not_equal(strstr(seen[i], "error: "), strstr(seen[k], "error: "));
        }
    }
    assert_non_null(strstr(seen[3], "soup"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rule(sup_start_normal),
        rule(sup_start_ignore_init),
        rule(sup_start_ignore_child),
        rule(sup_start_ignore_temporary_child),
        rule(sup_start_ignore_temporary_child_start_child),
        rule(sup_start_ignore_temporary_child_start_child_simple),
        rule(sup_start_ignore_permanent_child_start_child_simple),
        rule(sup_start_error_return),
        rule(sup_start_fail),
        rule(sup_start_restart_child_returns_error),
        rule(sup_start_child_returns_error),
        rule(sup_start_child_returns_error_simple),
        rule(sup_start_map),
        rule(sup_start_map_simple),
        rule(sup_start_map_faulty_specs),
    };
    return cmocka_run_group_tests_name("conformance/otp_start", tests, NULL, NULL) != 0;
}
