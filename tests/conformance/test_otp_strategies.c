/* OTP's rules about who falls and rises with whom, and when it is too often. */

#include "tests/conformance/rig.h"

#include <stdlib.h>

static void ends_as_too_often(rig_t *rig, const char *story, const char *words)
{
    hears(rig, story);
    assert_reason(rig->end_reason, TROUPE_REASON_FAILED, words);
    reap_top(rig);
}

static void multiple_restarts(void **state)
{
    rig_t *rig = *state;
    tr_clock_hold(tr_clock_now_ms());
    rig->spec.max_restarts = 1;
    rig->spec.period_ms = 1000;
    start_top(rig, TR_ONE_FOR_ONE, 1);
    hears(rig, "+a *");
    for (size_t i = 0; i < 5; i++) {
        assert_state(rig, "a", "ready"); /* its life began before the clock moves */
        tr_clock_advance(2100);
        break_child(rig, "a");
        hears(rig, "-a +a");
    }
    assert_state(rig, "a", "ready");
    tr_clock_advance(900);
    break_child(rig, "a");
    ends_as_too_often(rig, "-a !", "a failed too often: failed: boom");
}

static void limit_to_two(rig_t *rig)
{
    rig->spec.max_restarts = 2;
    rig->spec.period_ms = 3600 * 1000;
}

static void one_for_one(void **state)
{
    rig_t *rig = *state;
    limit_to_two(rig);
    start_top(rig, TR_ONE_FOR_ONE, 2);
    hears(rig, "+a +b *");
    uint64_t a = incarnation_of(rig, "a"), b = incarnation_of(rig, "b");
    kill_child(rig, "a");
    hears(rig, "-a +a");
    assert_new_life(rig, "a", a);
    assert_same_life(rig, "b", b);
    assert_counts(rig, 2, 2, 0, 2);
    kill_child(rig, "b");
    hears(rig, "-b +b");
    break_child(rig, "a");
    ends_as_too_often(rig, "-a -b !", "a failed too often: failed: boom");
}

static void one_for_one_escalation(void **state)
{
    rig_t *rig = *state;
    limit_to_two(rig);
    set_births(rig, 'a', "of");
    start_top(rig, TR_ONE_FOR_ONE, 2);
    hears(rig, "+a +b *");
    kill_child(rig, "a");
    ends_as_too_often(rig, "-a xa xa -b !", "a failed too often: failed: no bed");
    assert_reason(rig->ends[1], TROUPE_REASON_SHUTDOWN, "");
}

static void one_for_all(void **state)
{
    rig_t *rig = *state;
    limit_to_two(rig);
    start_top(rig, TR_ONE_FOR_ALL, 2);
    hears(rig, "+a +b *");
    const char *const fall[] = {"-a -b +a +b", "-b -a +a +b"};
    for (size_t i = 0; i < 2; i++) {
        uint64_t a = incarnation_of(rig, "a"), b = incarnation_of(rig, "b");
        kill_child(rig, i == 0 ? "a" : "b");
        hears(rig, fall[i]);
        assert_new_life(rig, "a", a);
        assert_new_life(rig, "b", b);
    }
    break_child(rig, "a");
    ends_as_too_often(rig, "-a -b !", "a failed too often: failed: boom");
}

static void one_for_all_escalation(void **state)
{
    rig_t *rig = *state;
    limit_to_two(rig);
    set_births(rig, 'a', "of");
    start_top(rig, TR_ONE_FOR_ALL, 2);
    hears(rig, "+a +b *");
    kill_child(rig, "a");
    ends_as_too_often(rig, "-a -b xa xa !", "a failed too often: failed: no bed");
}

static void one_for_all_other_child_fails_restart(void **state)
{
    rig_t *rig = *state;
    set_births(rig, 'b', "ofo");
    start_top(rig, TR_ONE_FOR_ALL, 2);
    hears(rig, "+a +b *");
    kill_child(rig, "a");
    hears(rig, "-a -b +a xb -a");
    assert_reason(rig->ends[0], TROUPE_REASON_SHUTDOWN, "");
    hears(rig, "+a +b");
    assert_counts(rig, 2, 2, 0, 2);
    stops_so(rig, "-b -a !");
}

static void start_three_from_template(rig_t *rig)
{
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    for (size_t i = 0; i < 3; i++) {
        assert_answer(add_from_template(rig), TR_ANSWER_DONE);
    }
    hears(rig, "+a/1 +a/2 +a/3");
}

static void simple_one_for_one(void **state)
{
    rig_t *rig = *state;
    limit_to_two(rig);
    start_three_from_template(rig);
    uint64_t first = incarnation_of(rig, "a/1"), third = incarnation_of(rig, "a/3");
    kill_child(rig, "a/1");
    hears(rig, "-a/1 +a/1");
    assert_new_life(rig, "a/1", first);
    assert_same_life(rig, "a/3", third);
    assert_counts(rig, 1, 3, 0, 3);
    kill_child(rig, "a/2");
    hears(rig, "-a/2 +a/2");
    break_child(rig, "a/3");
    hears(rig, "-a/3");
    hears_many(rig, '-', 2);
    ends_as_too_often(rig, "!", "a/3 failed too often: failed: boom");
}

static void simple_one_for_one_restart_ignore(void **state)
{
    rig_t *rig = *state;
    set_births(rig, 'a', "oi");
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    assert_answer(add_from_template(rig), TR_ANSWER_DONE);
    hears(rig, "+a/1");
    kill_child(rig, "a/1");
    hears(rig, "-a/1 ia/1");
    assert_unknown(rig, "a/1");
    assert_counts(rig, 1, 0, 0, 0);
    stops_so(rig, "!");
}

/* How long a template supervisor takes to stop `n` children that have to be killed. */
static int64_t time_to_kill_us(rig_t *rig, size_t n)
{
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    for (size_t i = 0; i < n; i++) {
        assert_answer(add_from_template(rig), TR_ANSWER_DONE);
    }
    hears_many(rig, '+', n);
    int64_t since_us = tr_clock_now_us();
    ask_top_to_stop(rig, TROUPE_REASON_SHUTDOWN);
    for (size_t i = 0; i < n; i++) {
        hears_many(rig, '-', 1);
        assert_reason(rig->last_end, TROUPE_REASON_CRASHED, "");
    }
    hears(rig, "!");
    assert_reason(rig->end_reason, TROUPE_REASON_SHUTDOWN, "");
    int64_t took_us = tr_clock_now_us() - since_us;
    reap_top(rig);
    return took_us;
}

/* All are told before any has ended; and ten take about as long as one. */
static void simple_one_for_one_shutdown(void **state)
{
    rig_t *rig = *state;
    script_of(rig, 'a')->on_stop = RIG_HANGS_ON_STOP;
    start_three_from_template(rig);
    ask_top_to_stop(rig, TROUPE_REASON_SHUTDOWN);
    hears_many(rig, '~', 3);
    for (size_t i = 0; i < 3; i++) {
        release(rig, 'a');
        hears_many(rig, '-', 1);
        assert_reason(rig->last_end, TROUPE_REASON_SHUTDOWN, "");
    }
    hears(rig, "!");
    reap_top(rig);

    rig->muted = '~';
    spec_of(rig, 'a')->shutdown_ms = 200;
    script_of(rig, 'a')->on_stop = RIG_IGNORES_STOP;
    script_of(rig, 'a')->can_be_killed = true;
    int64_t best_of_one = TR_NEVER, best_of_ten = TR_NEVER;
    for (size_t i = 0; i < 3; i++) {
        int64_t one = time_to_kill_us(rig, 1), ten = time_to_kill_us(rig, 10);
        best_of_one = one < best_of_one ? one : best_of_one;
        best_of_ten = ten < best_of_ten ? ten : best_of_ten;
    }
    assert_true(best_of_ten < 3 * best_of_one);
}

static void simple_one_for_one_extra(void **state)
{
    rig_t *rig = *state;
    script_of(rig, 'a')->words = "port 4711";
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    tr_answer_t added = add_from_template(rig);
    assert_answer(added, TR_ANSWER_DONE);
    assert_string_equal(added.text, "port 4711");
    hears(rig, "+a/1");
    kill_child(rig, "a/1");
    hears(rig, "-a/1 +a/1");
    stops_so(rig, "-a/1 !");
}

/* ---- arguments ---- */

/* What a child is started with; only its supervisor keeps it. */
typedef struct baggage {
    atomic_int *n_kept;
    rig_t *rig;
    char bytes[50000];
} baggage_t;

static void lose(void *what)
{
    baggage_t *baggage = what;
    atomic_fetch_sub(baggage->n_kept, 1);
    free(baggage);
}

static troupe_status_t start_with_baggage(const tr_birth_t *birth, tr_actor_t **out)
{
    rig_t *rig = ((const baggage_t *)birth->what)->rig;
    tr_birth_t lighter = *birth;
    lighter.what = script_of(rig, 'a');
    return spec_of(rig, 'a')->start(&lighter, out);
}

/* They go when the child goes; however many there were, nothing is left of them. */
static void simple_one_for_one_corruption(void **state)
{
    rig_t *rig = *state;
    atomic_int n_kept = 0;
    tr_child_spec_t template = *spec_of(rig, 'a');
    template.restart = TR_RESTART_TEMPORARY;
    template.start = start_with_baggage;
    rig->spec.children = &template;
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    for (size_t i = 0; i < 200; i++) {
        baggage_t *baggage = malloc(sizeof *baggage);
        assert_non_null(baggage);
        baggage->n_kept = &n_kept;
        baggage->rig = rig;
        atomic_fetch_add(&n_kept, 1);
        tr_command_t *asked = command(rig, TR_VERB_ADD, NULL);
        asked->what = baggage;
        asked->keepsake = tr_keepsake_new(baggage, lose);
        assert_non_null(asked->keepsake);
        tr_answer_t added = await(rig, give(rig, asked));
        assert_answer(added, TR_ANSWER_DONE);
        hears_many(rig, '+', 1);
        if (i % 2) {
            assert_answer(ask_life(rig, TR_VERB_TERMINATE, added.incarnation), TR_ANSWER_DONE);
        } else {
            kill_child(rig, added.name);
        }
        hears_many(rig, '-', 1);
        assert_counts(rig, 1, 0, 0, 0);
        assert_int_equal(atomic_load(&n_kept), 0);
    }
    stops_so(rig, "!");
}

static void simple_one_for_one_escalation(void **state)
{
    rig_t *rig = *state;
    limit_to_two(rig);
    set_births(rig, 'a', "ooof");
    start_three_from_template(rig);
    kill_child(rig, "a/2");
    hears(rig, "-a/2 xa/2 xa/2");
    hears_many(rig, '-', 2);
    ends_as_too_often(rig, "!", "a/2 failed too often: failed: no bed");
}

static void rest_for_one(void **state)
{
    rig_t *rig = *state;
    limit_to_two(rig);
    start_top(rig, TR_REST_FOR_ONE, 3);
    hears(rig, "+a +b +c *");
    uint64_t a = incarnation_of(rig, "a"), b = incarnation_of(rig, "b"),
             c = incarnation_of(rig, "c");
    kill_child(rig, "b");
    hears(rig, "-b -c +b +c");
    assert_same_life(rig, "a", a);
    assert_new_life(rig, "b", b);
    assert_new_life(rig, "c", c);
    b = incarnation_of(rig, "b");
    kill_child(rig, "c");
    hears(rig, "-c +c");
    assert_same_life(rig, "b", b);
    break_child(rig, "a");
    ends_as_too_often(rig, "-a -c -b !", "a failed too often: failed: boom");
}

static void rest_for_one_escalation(void **state)
{
    rig_t *rig = *state;
    limit_to_two(rig);
    set_births(rig, 'b', "of");
    start_top(rig, TR_REST_FOR_ONE, 3);
    hears(rig, "+a +b +c *");
    kill_child(rig, "b");
    ends_as_too_often(rig, "-b -c xb xb -a !", "b failed too often: failed: no bed");
}

static void rest_for_one_other_child_fails_restart(void **state)
{
    rig_t *rig = *state;
    set_births(rig, 'b', "offo");
    start_top(rig, TR_REST_FOR_ONE, 3);
    hears(rig, "+a +b +c *");
    kill_child(rig, "a");
    hears(rig, "-a -c -b +a xb xb +b +c"); /* a came up once */
    assert_counts(rig, 3, 3, 0, 3);
    stops_so(rig, "-c -b -a !");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rule(multiple_restarts),
        rule(one_for_one),
        rule(one_for_one_escalation),
        rule(one_for_all),
        rule(one_for_all_escalation),
        rule(one_for_all_other_child_fails_restart),
        rule(simple_one_for_one),
        rule(simple_one_for_one_restart_ignore),
        rule(simple_one_for_one_shutdown),
        rule(simple_one_for_one_extra),
        rule(simple_one_for_one_corruption),
        rule(simple_one_for_one_escalation),
        rule(rest_for_one),
        rule(rest_for_one_escalation),
        rule(rest_for_one_other_child_fails_restart),
    };
    return cmocka_run_group_tests_name("conformance/otp_strategies", tests, NULL, NULL) != 0;
}
