/* OTP's rules about what is asked of a supervisor while it runs, and what it refuses. A
 * reference is an incarnation: a number that no other life has.
 */

#include "tests/conformance/rig.h"

static void child_adm(void **state)
{
    rig_t *rig = *state;
    start_top(rig, TR_ONE_FOR_ONE, 0);
    hears(rig, "*");
    assert_counts(rig, 0, 0, 0, 0);
    assert_answer(ask(rig, TR_VERB_TERMINATE, "a"), TR_ANSWER_NOT_FOUND);
    assert_answer(ask(rig, TR_VERB_RESTART, "a"), TR_ANSWER_NOT_FOUND);
    assert_answer(ask(rig, TR_VERB_REMOVE, "a"), TR_ANSWER_NOT_FOUND);

    tr_answer_t added = add(rig, spec_of(rig, 'a'));
    assert_answer(added, TR_ANSWER_DONE);
    hears(rig, "+a");
    assert_int_not_equal(added.incarnation, 0);
    assert_counts(rig, 1, 1, 0, 1);
    tr_answer_t again = add(rig, spec_of(rig, 'a'));
    assert_answer(again, TR_ANSWER_ALREADY_STARTED);
    assert_int_equal(again.incarnation, added.incarnation);
    assert_answer(ask(rig, TR_VERB_RESTART, "a"), TR_ANSWER_RUNNING);
    assert_answer(ask(rig, TR_VERB_REMOVE, "a"), TR_ANSWER_RUNNING);
    assert_refused(ask_life(rig, TR_VERB_TERMINATE, added.incarnation),
                   "a child of this supervisor is terminated by its name");
    assert_same_life(rig, "a", added.incarnation);

    assert_answer(ask(rig, TR_VERB_TERMINATE, "a"), TR_ANSWER_DONE);
    hears(rig, "-a");
    assert_reason(rig->ends[0], TROUPE_REASON_SHUTDOWN, "");
    assert_counts(rig, 1, 0, 0, 1);
    assert_answer(ask(rig, TR_VERB_TERMINATE, "a"), TR_ANSWER_DONE);
    assert_answer(add(rig, spec_of(rig, 'a')), TR_ANSWER_ALREADY_PRESENT);
    assert_state(rig, "a", "stopped");

    tr_answer_t restarted = ask(rig, TR_VERB_RESTART, "a");
    assert_answer(restarted, TR_ANSWER_DONE);
    hears(rig, "+a");
    assert_new_life(rig, "a", added.incarnation);
    assert_same_life(rig, "a", restarted.incarnation);
    assert_answer(ask(rig, TR_VERB_RESTART, "a"), TR_ANSWER_RUNNING);
    assert_counts(rig, 1, 1, 0, 1);

    assert_answer(ask(rig, TR_VERB_TERMINATE, "a"), TR_ANSWER_DONE);
    hears(rig, "-a");
    assert_answer(ask(rig, TR_VERB_REMOVE, "a"), TR_ANSWER_DONE);
    assert_counts(rig, 0, 0, 0, 0);
    assert_answer(ask(rig, TR_VERB_RESTART, "a"), TR_ANSWER_NOT_FOUND);
    assert_answer(ask(rig, TR_VERB_REMOVE, "a"), TR_ANSWER_NOT_FOUND);

    spec_of(rig, 'b')->restart = TR_RESTART_TEMPORARY; /* forgotten when it is terminated */
    assert_answer(add(rig, spec_of(rig, 'b')), TR_ANSWER_DONE);
    assert_answer(ask(rig, TR_VERB_TERMINATE, "b"), TR_ANSWER_DONE);
    hears(rig, "+b -b");
    assert_unknown(rig, "b");

    /* To a supervisor that is gone nothing can be said. */
    tr_mailbox_t *mailbox = tr_mailbox_share(rig->supervisor->mailbox);
    stops_so(rig, "!");
    tr_command_t *late = command(rig, TR_VERB_COUNT, NULL);
    assert_status(tr_command_send(&late, mailbox), TROUPE_CLOSED);
    tr_mailbox_release(&mailbox);
}

static void child_adm_simple(void **state)
{
    rig_t *rig = *state;
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    assert_counts(rig, 1, 0, 0, 0);
    uint64_t first = add_from_template(rig).incarnation;
    uint64_t second = add_from_template(rig).incarnation;
    hears(rig, "+a/1 +a/2");
    assert_counts(rig, 1, 2, 0, 2);

    assert_refused(ask(rig, TR_VERB_TERMINATE, "a"),
                   "children of a template are terminated one by one");
    assert_refused(ask(rig, TR_VERB_RESTART, "a/1"),
                   "a child of a template is gone when it is terminated");
    assert_refused(ask_life(rig, TR_VERB_RESTART, first),
                   "a child of a template is gone when it is terminated");
    assert_refused(ask(rig, TR_VERB_REMOVE, "a/1"),
                   "a child of a template is gone when it is terminated");
    assert_counts(rig, 1, 2, 0, 2);

    assert_answer(ask_life(rig, TR_VERB_TERMINATE, first), TR_ANSWER_DONE);
    hears(rig, "-a/1");
    assert_counts(rig, 1, 1, 0, 1);
    /* Repeated, it does no harm; that it was ours once is not remembered. */
    assert_answer(ask_life(rig, TR_VERB_TERMINATE, first), TR_ANSWER_NOT_FOUND);

    /* Somebody else's child is not found, and lives on: here the supervisor itself. */
    assert_answer(ask_life(rig, TR_VERB_TERMINATE, rig->supervisor->incarnation),
                  TR_ANSWER_NOT_FOUND);
    assert_counts(rig, 1, 1, 0, 1);
    assert_same_life(rig, "a/2", second);
    assert_answer(ask(rig, TR_VERB_TERMINATE, "a/2"), TR_ANSWER_DONE);
    hears(rig, "-a/2");
    assert_counts(rig, 1, 0, 0, 0);
    stops_so(rig, "!");
}

/* OTP's children of a template have no names: this and the next are rules of our own. */
static void template_numbers(void **state)
{
    rig_t *rig = *state;
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    for (int i = 0; i < 3; i++) {
        assert_answer(add_from_template(rig), TR_ANSWER_DONE);
    }
    assert_answer(ask(rig, TR_VERB_TERMINATE, "a/2"), TR_ANSWER_DONE);
    hears(rig, "+a/1 +a/2 +a/3 -a/2");
    assert_answer(add_from_template(rig), TR_ANSWER_DONE);
    assert_answer(add_from_template(rig), TR_ANSWER_DONE);
    hears(rig, "+a/4 +a/5");
    ask_top_to_stop(rig, TROUPE_REASON_SHUTDOWN);
}

/* A pool grows when none of its workers is about to come, and shrinks by one that is up. */
static void say_until(rig_t *rig, tr_word_t word, uint64_t incarnation, size_t n_workers)
{
    while (ask(rig, TR_VERB_COUNT, NULL).n_workers != n_workers) {
        tr_control_t *control = tr_control_new(word, incarnation);
        assert_non_null(control);
        control->number = 1;
        tr_control_send(control, rig->supervisor->mailbox);
    }
}

static void pool_numbers(void **state)
{
    rig_t *rig = *state;
    rig->spec.capability = "a";
    rig->spec.max_workers = 10;
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    for (size_t n = 1; n <= 3; n++) {
        say_until(rig, TR_WORD_GROW, 0, n);
    }
    hears(rig, "+a/1 +a/2 +a/3");
    say_until(rig, TR_WORD_SHRINK, incarnation_of(rig, "a/2"), 2);
    hears(rig, "-a/2");
    say_until(rig, TR_WORD_GROW, 0, 3);
    say_until(rig, TR_WORD_GROW, 0, 4);
    hears(rig, "+a/2 +a/4");
    ask_top_to_stop(rig, TROUPE_REASON_SHUTDOWN);
}

static void extra_return(void **state)
{
    rig_t *rig = *state;
    script_of(rig, 'a')->words = "port 4711";
    start_top(rig, TR_ONE_FOR_ONE, 0);
    hears(rig, "*");
    tr_answer_t added = add(rig, spec_of(rig, 'a'));
    assert_answer(added, TR_ANSWER_DONE);
    assert_string_equal(added.text, "port 4711");
    hears(rig, "+a");
    break_child(rig, "a");
    hears(rig, "-a +a");
    assert_new_life(rig, "a", added.incarnation);
    assert_answer(ask(rig, TR_VERB_TERMINATE, "a"), TR_ANSWER_DONE);
    tr_answer_t restarted = ask(rig, TR_VERB_RESTART, "a");
    assert_answer(restarted, TR_ANSWER_DONE);
    assert_string_equal(restarted.text, "port 4711");
    hears(rig, "-a +a");
    stops_so(rig, "-a !");
}

/* ---- specs of children ---- */

static void child_specs(void **state)
{
    rig_t *rig = *state;
    start_top(rig, TR_ONE_FOR_ONE, 0);
    hears(rig, "*");
    const tr_child_spec_t good = *spec_of(rig, 'a');

    struct {
        tr_child_spec_t spec;
        const char *why;
    } rows[] = {
        {good, "a child needs a name of 1 to 79 bytes"},
        {good, "a child needs a name of 1 to 79 bytes"},
        {good, "a child needs a name of 1 to 79 bytes"},
        {good, "a: there is nothing to start"},
        {good, "a: 3 is no restart type"},
        {good, "a: shutdown cannot be -10 ms"},
        {good, "a: backoff cannot be 0 to 2 ms"},
        {good, "a: backoff cannot be 3 to 2 ms"},
        {good, "a: the period of its intensity cannot be 0 ms"},
        {good, "a: health needs an interval and misses above 0"},
        {good, "a: health needs an interval and misses above 0"},
        {good, "a: a permanent child cannot be significant: it never ends for good"},
        {good, "a: significant, but auto-shutdown is never"},
    };
    static const char long_name[] = "a name of eighty bytes, which is one more than a name may "
                                    "have in any part of Troupe";
    rows[0].spec.name = NULL;
    rows[1].spec.name = "";
    rows[2].spec.name = long_name;
    rows[3].spec.start = NULL;
    rows[4].spec.restart = (tr_restart_t)3;
    rows[5].spec.shutdown_ms = -10;
    rows[6].spec.backoff_min_ms = 0;
    rows[7].spec.backoff_min_ms = 3;
    rows[8].spec.own_restarts = 1;
    rows[9].spec.health.interval_ms = 0;
    rows[10].spec.health.misses = 0;
    rows[11].spec.is_significant = true;
    rows[12].spec.is_significant = true;
    rows[12].spec.restart = TR_RESTART_TEMPORARY;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_refused(add(rig, &rows[i].spec), rows[i].why);
        tr_supervisor_spec_t whole = supervisor_spec("whole", TR_ONE_FOR_ONE, &rows[i].spec, 1);
        char why[TR_REASON_TEXT];
        assert_status(tr_supervisor_spec_check(&whole, why, sizeof why), TROUPE_ERR_INVALID);
        assert_string_equal(why, rows[i].why);
    }
    assert_refused(add(rig, NULL), "there is nothing to add");
    assert_counts(rig, 0, 0, 0, 0);

    const tr_child_spec_t twins[] = {good, good};
    const tr_supervisor_spec_t both = supervisor_spec("both", TR_ONE_FOR_ONE, twins, 2);
    char why[TR_REASON_TEXT];
    assert_status(tr_supervisor_spec_check(&both, why, sizeof why), TROUPE_ERR_INVALID);
    assert_string_equal(why, "a: there are two children of that name");
    stops_so(rig, "!");
}

/* All that is valid in itself, in every combination. */
static void child_specs_map(void **state)
{
    rig_t *rig = *state;
    const int64_t shutdowns[] = {0, 1, 1000, TR_NEVER};
    const tr_auto_shutdown_t modes[] = {TR_AUTO_SHUTDOWN_NEVER, TR_AUTO_SHUTDOWN_ANY,
                                        TR_AUTO_SHUTDOWN_ALL};
    char why[TR_REASON_TEXT];
    for (size_t i = 0; i < 3 * 4 * 2 * 2 * 3; i++) {
        tr_child_spec_t child = *spec_of(rig, 'a');
        child.restart = (tr_restart_t)(i % 3);
        child.shutdown_ms = shutdowns[i / 3 % 4];
        child.is_supervisor = i / 12 % 2;
        child.is_significant = i / 24 % 2;
        tr_supervisor_spec_t spec = supervisor_spec("top", TR_ONE_FOR_ONE, &child, 1);
        spec.auto_shutdown = modes[i / 48];
        bool is_good = !child.is_significant || (child.restart != TR_RESTART_PERMANENT &&
                                                 spec.auto_shutdown != TR_AUTO_SHUTDOWN_NEVER);
        assert_status(tr_supervisor_spec_check(&spec, why, sizeof why),
                      is_good ? TROUPE_OK : TROUPE_ERR_INVALID);
    }

    tr_supervisor_spec_t template = supervisor_spec("t", TR_SIMPLE_ONE_FOR_ONE, rig->specs, 0);
    assert_status(tr_supervisor_spec_check(&template, why, sizeof why), TROUPE_ERR_INVALID);
    assert_string_equal(why, "simple_one_for_one needs exactly one template, not 0");
    template.n_children = 2;
    assert_status(tr_supervisor_spec_check(&template, why, sizeof why), TROUPE_ERR_INVALID);
    assert_string_equal(why, "simple_one_for_one needs exactly one template, not 2");
    template.n_children = 1;
    assert_status(tr_supervisor_spec_check(&template, why, sizeof why), TROUPE_OK);
}

static void sup_flags(void **state)
{
    rig_t *rig = *state;
    const tr_supervisor_spec_t good = rig->spec;
    struct {
        tr_supervisor_spec_t spec;
        const char *why; /* NULL: nothing is wrong */
    } rows[] = {
        {good, NULL},
        {good, NULL},
        {good, "a supervisor needs a name of 1 to 79 bytes"},
        {good, "4 is no strategy"},
        {good, "-1 is no strategy"},
        {good, "more than 1000000 restarts cannot be counted"},
        {good, "the period of the intensity cannot be 0 ms"},
        {good, "the period of the intensity cannot be -1 ms"},
        {good, "the period of the intensity cannot be 9223372036854775807 ms"},
        {good, "3 is no kind of auto-shutdown"},
        {good, "-1 is no kind of auto-shutdown"},
        {good, "simple_one_for_one cannot have an auto-shutdown"},
    };
    rows[1].spec.max_restarts = 0;
    rows[2].spec.name = NULL;
    rows[3].spec.strategy = (tr_strategy_t)4;
    rows[4].spec.strategy = (tr_strategy_t)-1;
    rows[5].spec.max_restarts = SIZE_MAX; /* infinity, and every negative number */
    rows[6].spec.period_ms = 0;
    rows[7].spec.period_ms = -1;
    rows[8].spec.period_ms = TR_NEVER;
    rows[9].spec.auto_shutdown = (tr_auto_shutdown_t)3;
    rows[10].spec.auto_shutdown = (tr_auto_shutdown_t)-1;
    rows[11].spec.strategy = TR_SIMPLE_ONE_FOR_ONE;
    rows[11].spec.n_children = 1;
    rows[11].spec.auto_shutdown = TR_AUTO_SHUTDOWN_ANY;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char why[TR_REASON_TEXT] = "";
        assert_status(tr_supervisor_spec_check(&rows[i].spec, why, sizeof why),
                      rows[i].why ? TROUPE_ERR_INVALID : TROUPE_OK);
        if (rows[i].why) {
            assert_string_equal(why, rows[i].why);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rule(child_adm),    rule(child_adm_simple), rule(template_numbers), rule(pool_numbers),
        rule(extra_return), rule(child_specs),      rule(child_specs_map),  rule(sup_flags),
    };
    return cmocka_run_group_tests_name("conformance/otp_administration", tests, NULL, NULL) !=
           0;
}
