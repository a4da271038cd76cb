/* OTP's rules about the children whose end is the end of their supervisor. That something does
 * not happen is shown by a child that can still be added: a supervisor that stops adds none.
 */

#include "tests/conformance/rig.h"

static const tr_auto_shutdown_t modes[] = {TR_AUTO_SHUTDOWN_ANY, TR_AUTO_SHUTDOWN_ALL};

typedef void(ender_fn)(rig_t *rig, const char *name);

static void end_normally(rig_t *rig, const char *name)
{
    end_child(rig, name, TROUPE_REASON_NORMAL, "");
}

static void end_as_told(rig_t *rig, const char *name)
{
    end_child(rig, name, TROUPE_REASON_SHUTDOWN, "");
}

static ender_fn *const abnormally[] = {kill_child, break_child};
static ender_fn *const in_peace[] = {end_normally, end_as_told};
static ender_fn *const anyhow[] = {kill_child, break_child, end_normally, end_as_told};

#define N_OF(list) (sizeof(list) / sizeof(list)[0])

/* a and b are of that type; significant or not. */
static void start_pair(rig_t *rig, tr_auto_shutdown_t mode, tr_restart_t restart,
                       bool is_significant)
{
    for (size_t i = 0; i < 2; i++) {
        rig->specs[i].restart = restart;
        rig->specs[i].is_significant = is_significant;
    }
    rig->spec.auto_shutdown = mode;
    start_top(rig, TR_ONE_FOR_ONE, 2);
    hears(rig, "+a +b *");
}

static void shuts_down(rig_t *rig, const char *story)
{
    hears(rig, story);
    assert_reason(rig->end_reason, TROUPE_REASON_SHUTDOWN, "");
    reap_top(rig);
}

/* It was down for a while without consequence, and is there again. */
static void back_again(rig_t *rig, const char *name)
{
    if (ask(rig, TR_VERB_FIND, name).code == TR_ANSWER_NOT_FOUND) {
        assert_answer(add(rig, spec_of(rig, name[0])), TR_ANSWER_DONE);
    } else {
        assert_answer(ask(rig, TR_VERB_RESTART, name), TR_ANSWER_DONE);
    }
    hears_many(rig, '+', 1);
}

/* ---- those that are not ---- */

static void nonsignificant_temporary(void **state)
{
    rig_t *rig = *state;
    for (size_t m = 0; m < N_OF(modes); m++) {
        start_pair(rig, modes[m], TR_RESTART_TEMPORARY, false);
        for (size_t i = 0; i < N_OF(anyhow); i++) {
            anyhow[i](rig, "a");
            hears(rig, "-a");
            assert_goes_on(rig, 'z');
            back_again(rig, "a");
        }
        assert_answer(ask(rig, TR_VERB_TERMINATE, "a"), TR_ANSWER_DONE);
        hears(rig, "-a");
        end_normally(rig, "b"); /* and there is none left */
        hears(rig, "-b");
        assert_goes_on(rig, 'z');
        stops_so(rig, "!");
    }
}

static void nonsignificant_transient(void **state)
{
    rig_t *rig = *state;
    for (size_t m = 0; m < N_OF(modes); m++) {
        start_pair(rig, modes[m], TR_RESTART_TRANSIENT, false);
        for (size_t i = 0; i < N_OF(abnormally); i++) {
            abnormally[i](rig, "a");
            hears(rig, "-a +a");
            assert_goes_on(rig, 'z');
        }
        for (size_t i = 0; i < N_OF(in_peace); i++) {
            in_peace[i](rig, "a");
            hears(rig, "-a");
            assert_goes_on(rig, 'z');
            back_again(rig, "a");
        }
        assert_answer(ask(rig, TR_VERB_TERMINATE, "a"), TR_ANSWER_DONE);
        hears(rig, "-a");
        end_normally(rig, "b");
        hears(rig, "-b");
        assert_goes_on(rig, 'z');
        stops_so(rig, "!");
    }
}

/* ---- those that are ---- */

/* Each of these ends of `a` ends the supervisor in mode any, and in mode all once b has gone
 * that way too; to be terminated never does. */
static void significance(rig_t *rig, tr_restart_t restart, ender_fn *const *enders, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        start_pair(rig, TR_AUTO_SHUTDOWN_ANY, restart, true);
        assert_answer(ask(rig, TR_VERB_TERMINATE, "a"), TR_ANSWER_DONE);
        hears(rig, "-a");
        assert_goes_on(rig, 'z');
        back_again(rig, "a");
        enders[i](rig, "a");
        shuts_down(rig, "-a -b !");

        start_pair(rig, TR_AUTO_SHUTDOWN_ALL, restart, true);
        enders[i](rig, "a");
        hears(rig, "-a");
        assert_goes_on(rig, 'z');
        enders[i](rig, "b");
        shuts_down(rig, "-b !");

        /* The last one is terminated: it did not end by itself. */
        start_pair(rig, TR_AUTO_SHUTDOWN_ALL, restart, true);
        enders[i](rig, "a");
        hears(rig, "-a");
        assert_answer(ask(rig, TR_VERB_TERMINATE, "b"), TR_ANSWER_DONE);
        hears(rig, "-b");
        assert_goes_on(rig, 'z');
        stops_so(rig, "!");

        /* The other one was terminated: it is not waited for. */
        start_pair(rig, TR_AUTO_SHUTDOWN_ALL, restart, true);
        assert_answer(ask(rig, TR_VERB_TERMINATE, "b"), TR_ANSWER_DONE);
        hears(rig, "-b");
        enders[i](rig, "a");
        shuts_down(rig, "-a !");
    }
}

static void significant_temporary(void **state)
{
    significance(*state, TR_RESTART_TEMPORARY, anyhow, N_OF(anyhow));
}

static void significant_transient(void **state)
{
    rig_t *rig = *state;
    significance(rig, TR_RESTART_TRANSIENT, in_peace, N_OF(in_peace));
    for (size_t m = 0; m < N_OF(modes); m++) {
        start_pair(rig, modes[m], TR_RESTART_TRANSIENT, true);
        for (size_t i = 0; i < N_OF(abnormally); i++) {
            abnormally[i](rig, "a");
            hears(rig, "-a +a");
            assert_goes_on(rig, 'z');
        }
        stops_so(rig, "-b -a !");
    }
}

static void significant_simple(void **state)
{
    rig_t *rig = *state;
    char why[TR_REASON_TEXT];
    spec_of(rig, 'a')->restart = TR_RESTART_TEMPORARY;
    rig->spec.strategy = TR_SIMPLE_ONE_FOR_ONE;
    rig->spec.n_children = 1;
    for (size_t m = 0; m < N_OF(modes); m++) {
        rig->spec.auto_shutdown = modes[m];
        for (size_t i = 0; i < 2; i++) {
            spec_of(rig, 'a')->is_significant = i;
            assert_status(tr_supervisor_spec_check(&rig->spec, why, sizeof why),
                          TROUPE_ERR_INVALID);
            assert_string_equal(why, "simple_one_for_one cannot have an auto-shutdown");
        }
    }
    rig->spec.auto_shutdown = TR_AUTO_SHUTDOWN_NEVER;
    assert_status(tr_supervisor_spec_check(&rig->spec, why, sizeof why), TROUPE_ERR_INVALID);
    assert_string_equal(why, "a: significant, but auto-shutdown is never");
}

static void significant_bystander(void **state)
{
    rig_t *rig = *state;
    static const struct {
        tr_strategy_t strategy;
        const char *fall;
    } rows[] = {{TR_ONE_FOR_ONE, "-a +a"},
                {TR_ONE_FOR_ALL, "-a -c -b +a +c"},
                {TR_REST_FOR_ONE, "-a -c -b +a +c"}};
    spec_of(rig, 'b')->restart = TR_RESTART_TEMPORARY;
    spec_of(rig, 'b')->is_significant = true;
    spec_of(rig, 'c')->restart = TR_RESTART_TRANSIENT;
    spec_of(rig, 'c')->is_significant = true;
    for (size_t i = 0; i < 6; i++) {
        rig->spec.auto_shutdown = modes[i % 2];
        bool is_alone = rows[i / 2].strategy == TR_ONE_FOR_ONE;
        start_top(rig, rows[i / 2].strategy, 3);
        hears(rig, "+a +b +c *");
        break_child(rig, "a");
        hears(rig, rows[i / 2].fall);
        assert_goes_on(rig, 'z');
        assert_counts(rig, is_alone ? 3 : 2, is_alone ? 3 : 2, 0, is_alone ? 3 : 2);

        end_normally(rig, "c"); /* by itself, this time */
        if (!is_alone) {
            shuts_down(rig, "-c -a !");
        } else if (modes[i % 2] == TR_AUTO_SHUTDOWN_ANY) {
            shuts_down(rig, "-c -b -a !");
        } else {
            hears(rig, "-c");
            end_normally(rig, "b");
            shuts_down(rig, "-b -a !");
        }

        /* With a temporary one alone there is then nobody left to wait for. */
        rig->spec.auto_shutdown = modes[i % 2];
        start_top(rig, rows[i / 2].strategy, 2);
        hears(rig, "+a +b *");
        break_child(rig, "a");
        hears(rig, is_alone ? "-a +a" : "-a -b +a");
        assert_goes_on(rig, 'z');
        stops_so(rig, is_alone ? "-b -a !" : "-a !");
    }
}

/* top holds outer holds middle holds inner holds x. */
static void significant_escalation(void **state)
{
    rig_t *rig = *state;
    tr_supervisor_spec_t inner = supervisor_spec("inner", TR_ONE_FOR_ONE, spec_of(rig, 'x'), 1);
    tr_supervisor_spec_t middle =
        supervisor_spec("middle", TR_ONE_FOR_ONE, spec_of(rig, 'i'), 1);
    tr_supervisor_spec_t outer = supervisor_spec("outer", TR_ONE_FOR_ONE, spec_of(rig, 'm'), 1);
    inner.auto_shutdown = middle.auto_shutdown = outer.auto_shutdown = TR_AUTO_SHUTDOWN_ANY;
    rig->spec.auto_shutdown = TR_AUTO_SHUTDOWN_ANY;
    make_supervisor(rig, 'i', &inner);
    make_supervisor(rig, 'm', &middle);
    make_supervisor(rig, 'a', &outer);
    for (const char *letter = "xima"; *letter; letter++) {
        spec_of(rig, *letter)->restart = TR_RESTART_TRANSIENT;
        spec_of(rig, *letter)->is_significant = true;
    }
    start_top(rig, TR_ONE_FOR_ONE, 2);
    hears(rig, "+x +b *");
    end_normally(rig, "x");
    shuts_down(rig, "-x -inner -middle -outer -b !");

    spec_of(rig, 'm')->is_significant = false; /* here it ends */
    start_top(rig, TR_ONE_FOR_ONE, 2);
    hears(rig, "+x +b *");
    end_normally(rig, "x");
    hears(rig, "-x -inner -middle");
    assert_goes_on(rig, 'z');
    tr_answer_t found = await(rig, give_to(rig, "outer", command(rig, TR_VERB_FIND, "middle")));
    assert_string_equal(found.state, "stopped");
    assert_state(rig, "outer", "ready");

    /* A permanent one comes back with all that is below it. */
    stops_so(rig, "-b -outer !");
    spec_of(rig, 'm')->restart = TR_RESTART_PERMANENT;
    start_top(rig, TR_ONE_FOR_ONE, 2);
    hears(rig, "+x +b *");
    end_normally(rig, "x");
    hears(rig, "-x -inner -middle +x");
    assert_goes_on(rig, 'z');
    stops_so(rig, "-b -x -inner -middle -outer !");
}

/* ---- while it runs ---- */

/* a and b are significant as far as the mode allows; the supervisor goes from one mode to the
 * other, and goes on. */
static void upgrade(rig_t *rig, tr_auto_shutdown_t from, tr_auto_shutdown_t to)
{
    start_pair(rig, from, TR_RESTART_TEMPORARY, from != TR_AUTO_SHUTDOWN_NEVER);
    prepare_change(rig);
    rig->next.auto_shutdown = to;
    for (size_t i = 0; i < 2; i++) {
        rig->next_specs[i].is_significant = to != TR_AUTO_SHUTDOWN_NEVER;
    }
    assert_answer(change(rig), TR_ANSWER_DONE);
    assert_goes_on(rig, 'z');
    assert_counts(rig, 2, 2, 0, 2);
}

static void ends_at_any(rig_t *rig)
{
    end_normally(rig, "a");
    shuts_down(rig, "-a -b !");
}

static void ends_at_all(rig_t *rig)
{
    end_normally(rig, "a");
    hears(rig, "-a");
    assert_goes_on(rig, 'z');
    end_normally(rig, "b");
    shuts_down(rig, "-b !");
}

static void ends_never(rig_t *rig)
{
    end_normally(rig, "a");
    end_normally(rig, "b");
    hears_all(rig, "-a -b");
    assert_goes_on(rig, 'z');
    stops_so(rig, "!");
}

static void significant_upgrade_never_any(void **state)
{
    upgrade(*state, TR_AUTO_SHUTDOWN_NEVER, TR_AUTO_SHUTDOWN_ANY);
    ends_at_any(*state);
}

static void significant_upgrade_any_never(void **state)
{
    upgrade(*state, TR_AUTO_SHUTDOWN_ANY, TR_AUTO_SHUTDOWN_NEVER);
    ends_never(*state);
}

static void significant_upgrade_never_all(void **state)
{
    upgrade(*state, TR_AUTO_SHUTDOWN_NEVER, TR_AUTO_SHUTDOWN_ALL);
    ends_at_all(*state);
}

static void significant_upgrade_all_never(void **state)
{
    upgrade(*state, TR_AUTO_SHUTDOWN_ALL, TR_AUTO_SHUTDOWN_NEVER);
    ends_never(*state);
}

static void significant_upgrade_any_all(void **state)
{
    upgrade(*state, TR_AUTO_SHUTDOWN_ANY, TR_AUTO_SHUTDOWN_ALL);
    ends_at_all(*state);
}

static void significant_upgrade_all_any(void **state)
{
    upgrade(*state, TR_AUTO_SHUTDOWN_ALL, TR_AUTO_SHUTDOWN_ANY);
    ends_at_any(*state);

    /* One has ended before the change: that is past. */
    rig_t *rig = *state;
    start_pair(rig, TR_AUTO_SHUTDOWN_ALL, TR_RESTART_TRANSIENT, true);
    end_normally(rig, "a");
    hears(rig, "-a");
    prepare_change(rig);
    rig->next.auto_shutdown = TR_AUTO_SHUTDOWN_ANY;
    assert_answer(change(rig), TR_ANSWER_DONE);
    assert_goes_on(rig, 'z');
    end_normally(rig, "b");
    shuts_down(rig, "-b !");
}

static void significant_upgrade_child(void **state)
{
    rig_t *rig = *state;
    for (size_t i = 0; i < 2; i++) {
        bool was_significant = i;
        start_pair(rig, TR_AUTO_SHUTDOWN_ANY, TR_RESTART_TEMPORARY, was_significant);
        prepare_change(rig);
        rig->next_specs[0].is_significant = !was_significant;
        assert_answer(change(rig), TR_ANSWER_DONE);
        assert_goes_on(rig, 'z');
        end_normally(rig, "a");
        if (was_significant) {
            hears(rig, "-a");
            assert_goes_on(rig, 'z');
            end_normally(rig, "b");
            shuts_down(rig, "-b !");
        } else {
            shuts_down(rig, "-a -b !");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rule(nonsignificant_temporary),
        rule(nonsignificant_transient),
        rule(significant_temporary),
        rule(significant_transient),
        rule(significant_simple),
        rule(significant_bystander),
        rule(significant_escalation),
        rule(significant_upgrade_never_any),
        rule(significant_upgrade_any_never),
        rule(significant_upgrade_never_all),
        rule(significant_upgrade_all_never),
        rule(significant_upgrade_any_all),
        rule(significant_upgrade_all_any),
        rule(significant_upgrade_child),
    };
    return cmocka_run_group_tests_name("conformance/otp_significant", tests, NULL, NULL) != 0;
}
