/* OTP's rules about a supervisor whose description changes while it runs (its code_change).
 * There is no module to be loaded anew: a command brings the description that holds from now
 * on. Its order is the children's; those that it does not have come last.
 */

#include "tests/conformance/rig.h"

static void code_change(void **state)
{
    rig_t *rig = *state;
    start_top(rig, TR_ONE_FOR_ONE, 2);
    hears(rig, "+a +b *");
    uint64_t a = incarnation_of(rig, "a"), b = incarnation_of(rig, "b");

    /* What is wrong is refused as a whole: the strategy stays too. */
    prepare_change(rig);
    rig->next.strategy = TR_ONE_FOR_ALL;
    rig->next_specs[1].shutdown_ms = -10;
    assert_refused(change(rig), "b: shutdown cannot be -10 ms");
    prepare_change(rig);
    rig->next.strategy = TR_ONE_FOR_ALL;
    rig->next.period_ms = 0;
    assert_refused(change(rig), "the period of the intensity cannot be 0 ms");
    prepare_change(rig);
    rig->next.strategy = TR_SIMPLE_ONE_FOR_ONE;
    rig->next.n_children = 1;
    assert_refused(change(rig), "simple_one_for_one cannot become another strategy, nor "
                                "another become that");
    assert_refused(ask(rig, TR_VERB_CHANGE, NULL), "there is nothing to change to");
    kill_child(rig, "a");
    hears(rig, "-a +a");
    assert_same_life(rig, "b", b);
    a = incarnation_of(rig, "a");

    /* The same again is accepted, and nobody notices. */
    prepare_change(rig);
    assert_answer(change(rig), TR_ANSWER_DONE);
    assert_same_life(rig, "a", a);
    assert_same_life(rig, "b", b);

    prepare_change(rig);
    rig->next.strategy = TR_ONE_FOR_ALL;
    rig->next.max_restarts = 1;
    assert_answer(change(rig), TR_ANSWER_DONE);
    assert_same_life(rig, "a", a);
    assert_same_life(rig, "b", b);
    kill_child(rig, "a");
    hears(rig, "-a -b +a +b");
    break_child(rig, "b");
    hears(rig, "-b -a !");
    assert_reason(rig->end_reason, TROUPE_REASON_FAILED, "b failed too often: failed: boom");
    reap_top(rig);
}

static void code_change_map(void **state)
{
    rig_t *rig = *state;
    start_top(rig, TR_ONE_FOR_ONE, 2);
    hears(rig, "+a +b *");
    uint64_t a = incarnation_of(rig, "a"), b = incarnation_of(rig, "b");

    /* Instead of a and b now c and b, of another type: a goes on, c is not started. */
    prepare_change(rig);
    rig->next_specs[0] = *spec_of(rig, 'c');
    rig->next_specs[1].restart = TR_RESTART_TRANSIENT;
    rig->next_specs[1].kind = "other";
    assert_answer(change(rig), TR_ANSWER_DONE);
    assert_same_life(rig, "a", a);
    assert_same_life(rig, "b", b);
    assert_state(rig, "c", "stopped");
    assert_counts(rig, 3, 2, 0, 3);
    tr_answer_t found = ask(rig, TR_VERB_FIND, "b");
    assert_string_equal(found.kind, "other");
    assert_int_equal(found.restart, TR_RESTART_TRANSIENT);
    end_child(rig, "b", TROUPE_REASON_NORMAL, "");
    hears(rig, "-b");
    assert_state(rig, "b", "stopped");
    kill_child(rig, "a"); /* as it was described before */
    hears(rig, "-a +a");
    assert_answer(ask(rig, TR_VERB_RESTART, "c"), TR_ANSWER_DONE);
    hears(rig, "+c");
    assert_answer(ask(rig, TR_VERB_TERMINATE, "a"), TR_ANSWER_DONE);
    assert_answer(ask(rig, TR_VERB_REMOVE, "a"), TR_ANSWER_DONE);
    hears(rig, "-a");
    assert_counts(rig, 2, 1, 0, 2);

    /* And back: what it does not have comes last. */
    rig->next = rig->spec;
    assert_answer(change(rig), TR_ANSWER_DONE);
    assert_answer(ask(rig, TR_VERB_RESTART, "a"), TR_ANSWER_DONE);
    assert_answer(ask(rig, TR_VERB_RESTART, "b"), TR_ANSWER_DONE);
    hears(rig, "+a +b");
    stops_so(rig, "-c -b -a !");
}

static void start_two_from_template(rig_t *rig)
{
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    assert_answer(add_from_template(rig), TR_ANSWER_DONE);
    assert_answer(add_from_template(rig), TR_ANSWER_DONE);
    hears(rig, "+a/1 +a/2");
}

static void code_change_simple(void **state)
{
    rig_t *rig = *state;
    start_two_from_template(rig);
    prepare_change(rig);
    rig->next.n_children = 0;
    assert_refused(change(rig), "simple_one_for_one needs exactly one template, not 0");
    prepare_change(rig);
    rig->next.n_children = 2;
    assert_refused(change(rig), "simple_one_for_one needs exactly one template, not 2");
    prepare_change(rig);
    rig->next.strategy = TR_ONE_FOR_ONE;
    assert_refused(change(rig), "simple_one_for_one cannot become another strategy, nor "
                                "another become that");
    prepare_change(rig);
    rig->next.max_restarts = 0;
    assert_answer(change(rig), TR_ANSWER_DONE);
    assert_counts(rig, 1, 2, 0, 2);
    break_child(rig, "a/1");
    hears(rig, "-a/1 -a/2 !");
    assert_reason(rig->end_reason, TROUPE_REASON_FAILED, "a/1 failed too often: failed: boom");
    reap_top(rig);
}

/* Another template: for those that are there from their next life on, and for new ones. */
static void code_change_simple_map(void **state)
{
    rig_t *rig = *state;
    start_two_from_template(rig);
    uint64_t first = incarnation_of(rig, "a/1");
    prepare_change(rig);
    rig->next_specs[0] = *spec_of(rig, 'b');
    rig->next_specs[0].restart = TR_RESTART_TRANSIENT;
    rig->next_specs[0].kind = "other";
    script_of(rig, 'b')->words = "of the new kind";
    assert_answer(change(rig), TR_ANSWER_DONE);
    assert_same_life(rig, "a/1", first);
    assert_counts(rig, 1, 2, 0, 2);
    kill_child(rig, "a/1");
    hears(rig, "-a/1 +a/1");                                              /* the name stays, */
    assert_int_equal(atomic_load(&script_of(rig, 'b')->n_all_births), 1); /* what runs not */
    end_child(rig, "a/2", TROUPE_REASON_NORMAL, "");
    hears(rig, "-a/2");
    assert_unknown(rig, "a/2");
    tr_answer_t added = add_from_template(rig);
    assert_answer(added, TR_ANSWER_DONE);
    assert_string_equal(added.text, "of the new kind");
    hears(rig, "+b/3");
    assert_string_equal(ask(rig, TR_VERB_FIND, "b/3").kind, "other");
    assert_refused(ask(rig, TR_VERB_TERMINATE, "b"),
                   "children of a template are terminated one by one");
    ask_top_to_stop(rig, TROUPE_REASON_SHUTDOWN);
    hears_all(rig, "-b/3 -a/1 !");
    reap_top(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rule(code_change),
        rule(code_change_map),
        rule(code_change_simple),
        rule(code_change_simple_map),
    };
    return cmocka_run_group_tests_name("conformance/otp_change", tests, NULL, NULL) != 0;
}
