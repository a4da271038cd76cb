/* OTP's rules about how a supervisor ends when it is told to. A thread cannot be killed: one
 * that does not end in time goes to quarantine, and its supervisor ends without it. What owns a
 * process can be killed, and is.
 */

#include "tests/conformance/rig.h"

static const tr_restart_t restarts[] = {TR_RESTART_PERMANENT, TR_RESTART_TRANSIENT,
                                        TR_RESTART_TEMPORARY};

#define LIMIT_MS 50 /* of those that will not stop */

static size_t n_hanging(rig_t *rig)
{
    return tr_quarantine_sweep(rig->runtime->quarantine);
}

static void sup_stop_infinity(void **state)
{
    rig_t *rig = *state;
    const tr_supervisor_spec_t inner =
        supervisor_spec("inner", TR_ONE_FOR_ONE, spec_of(rig, 'x'), 1);
    spec_of(rig, 'a')->shutdown_ms = TR_NEVER;
    spec_of(rig, 'x')->shutdown_ms = TR_NEVER;
    make_supervisor(rig, 'b', &inner);
    script_of(rig, 'a')->on_stop = RIG_HANGS_ON_STOP;
    start_top(rig, TR_ONE_FOR_ONE, 2);
    hears(rig, "+a +x *");
    ask_top_to_stop(rig, TROUPE_REASON_SHUTDOWN);
    hears(rig, "-x -inner ~a");
    release(rig, 'a'); /* whenever it likes */
    hears(rig, "-a !");
    assert_reason(rig->ends['x' - 'a'], TROUPE_REASON_SHUTDOWN, "");
    assert_reason(rig->ends[0], TROUPE_REASON_SHUTDOWN, "");
    assert_reason(rig->end_reason, TROUPE_REASON_SHUTDOWN, "");
    reap_top(rig);
    assert_int_equal(n_hanging(rig), 0);
}

static void sup_stop_timeout(void **state)
{
    rig_t *rig = *state;
    spec_of(rig, 'b')->shutdown_ms = LIMIT_MS;
    script_of(rig, 'b')->on_stop = RIG_HANGS_ON_STOP;
    spec_of(rig, 'c')->shutdown_ms = LIMIT_MS;
    script_of(rig, 'c')->on_stop = RIG_IGNORES_STOP;
    script_of(rig, 'c')->can_be_killed = true;
    start_top(rig, TR_ONE_FOR_ONE, 3);
    hears(rig, "+a +b +c *");
    ask_top_to_stop(rig, TROUPE_REASON_SHUTDOWN);
    hears(rig, "~c -c");
    hears_all(rig, "~b -a !"); /* a slow machine may leave b before it hears */
    assert_reason(rig->ends[0], TROUPE_REASON_SHUTDOWN, "");
    assert_reason(rig->ends[2], TROUPE_REASON_CRASHED, "");
    assert_reason(rig->end_reason, TROUPE_REASON_SHUTDOWN, "");
    reap_top(rig);
    assert_int_equal(n_hanging(rig), 1); /* b, until it is pleased to go */
    release(rig, 'b');
    hears(rig, "-b");
}

static void add_many(rig_t *rig, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_answer(add_from_template(rig), TR_ANSWER_DONE);
    }
    hears_many(rig, '+', n);
}

/* Stuck ones first, which are left behind, then such as answer. */
static void sup_stop_timeout_dynamic(void **state)
{
    rig_t *rig = *state;
    spec_of(rig, 'a')->shutdown_ms = LIMIT_MS;
    script_of(rig, 'a')->on_stop = RIG_HANGS_ON_STOP;
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    add_many(rig, 10);
    ask_top_to_stop(rig, TROUPE_REASON_SHUTDOWN);
    hears_all(rig, "~a/1 ~a/2 ~a/3 ~a/4 ~a/5 ~a/6 ~a/7 ~a/8 ~a/9 ~a/10 !");
    assert_reason(rig->end_reason, TROUPE_REASON_SHUTDOWN, "");
    reap_top(rig);
    assert_int_equal(n_hanging(rig), 10);
    for (size_t i = 0; i < 10; i++) {
        release(rig, 'a');
    }
    hears_many(rig, '-', 10);

    spec_of(rig, 'a')->shutdown_ms = RIG_PATIENCE_MS;
    script_of(rig, 'a')->on_stop = RIG_STOPS;
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    add_many(rig, 10);
    ask_top_to_stop(rig, TROUPE_REASON_SHUTDOWN);
    hears_many(rig, '-', 10);
    assert_reason(rig->last_end, TROUPE_REASON_SHUTDOWN, "");
    hears(rig, "!");
    reap_top(rig);
}

static void sup_stop_brutal_kill(void **state)
{
    rig_t *rig = *state;
    spec_of(rig, 'b')->shutdown_ms = 0;
    script_of(rig, 'b')->can_be_killed = true;
    script_of(rig, 'b')->on_stop = RIG_IGNORES_STOP; /* nobody will hear a "~b" */
    spec_of(rig, 'c')->shutdown_ms = 0;
    script_of(rig, 'c')->on_stop = RIG_HANGS_ON_STOP; /* a thread is left at once */
    start_top(rig, TR_ONE_FOR_ONE, 3);
    hears(rig, "+a +b +c *");
    ask_top_to_stop(rig, TROUPE_REASON_SHUTDOWN);
    hears_all(rig, "~c -b -a !");
    assert_reason(rig->ends[0], TROUPE_REASON_SHUTDOWN, "");
    assert_reason(rig->ends[1], TROUPE_REASON_CRASHED, "");
    assert_reason(rig->end_reason, TROUPE_REASON_SHUTDOWN, "");
    reap_top(rig);
    release(rig, 'c');
    hears(rig, "-c");
}

static void sup_stop_brutal_kill_dynamic(void **state)
{
    rig_t *rig = *state;
    spec_of(rig, 'a')->shutdown_ms = 0;
    script_of(rig, 'a')->can_be_killed = true;
    script_of(rig, 'a')->on_stop = RIG_IGNORES_STOP;
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    add_many(rig, 10);
    ask_top_to_stop(rig, TROUPE_REASON_SHUTDOWN);
    for (size_t i = 0; i < 10; i++) {
        hears_many(rig, '-', 1);
        assert_reason(rig->last_end, TROUPE_REASON_CRASHED, "");
    }
    hears(rig, "!");
    reap_top(rig);
}

/* The last child holds the stop up while the twelve before it end. */
static void sup_stop_race(void **state)
{
    static const struct {
        troupe_reason_kind_t kind;
        const char *words;
    } reasons[] = {{TROUPE_REASON_NORMAL, ""},
                   {TROUPE_REASON_SHUTDOWN, ""},
                   {TROUPE_REASON_SHUTDOWN, "with detail"},
                   {TROUPE_REASON_FAILED, "boom"}};
    rig_t *rig = *state;
    for (size_t i = 0; i < 12; i++) {
        rig->specs[i].restart = restarts[i / 4];
    }
    script_of(rig, 'm')->on_stop = RIG_HANGS_ON_STOP;
    start_top(rig, TR_ONE_FOR_ONE, 13);
    hears(rig, "+a +b +c +d +e +f +g +h +i +j +k +l +m *");
    ask_top_to_stop(rig, TROUPE_REASON_SHUTDOWN);
    hears(rig, "~m");
    for (size_t i = 0; i < 12; i++) {
        end_child(rig, rig->specs[i].name, reasons[i % 4].kind, reasons[i % 4].words);
        hears_many(rig, '-', 1);
    }
    release(rig, 'm');
    hears(rig, "-m !");
    for (size_t i = 0; i < 12; i++) {
        assert_reason(rig->ends[i], reasons[i % 4].kind, reasons[i % 4].words);
    }
    assert_reason(rig->end_reason, TROUPE_REASON_SHUTDOWN, "");
    reap_top(rig);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(atomic_load(&rig->scripts[i].n_all_births), 1);
    }
}

static void sup_stop_non_shutdown_exit_dynamic(void **state)
{
    rig_t *rig = *state;
    static const troupe_reason_kind_t kinds[] = {TROUPE_REASON_NORMAL, TROUPE_REASON_FAILED,
                                                 TROUPE_REASON_CRASHED};
    for (size_t i = 0; i < 9; i++) {
        spec_of(rig, 'a')->restart = restarts[i / 3];
        script_of(rig, 'a')->on_stop = RIG_STOPS_ODDLY;
        script_of(rig, 'a')->odd_reason = tr_reason_format(kinds[i % 3], "my own");
        start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
        hears(rig, "*");
        add_many(rig, 3);
        ask_top_to_stop(rig, TROUPE_REASON_SHUTDOWN);
        hears_many(rig, '-', 3);
        assert_reason(rig->last_end, kinds[i % 3], "my own");
        hears(rig, "!");
        assert_reason(rig->end_reason, TROUPE_REASON_SHUTDOWN, "");
        reap_top(rig);
    }
}

static void sup_stop_manual(void **state)
{
    rig_t *rig = *state;
    spec_of(rig, 'b')->shutdown_ms = 0;
    script_of(rig, 'b')->can_be_killed = true;
    spec_of(rig, 'c')->shutdown_ms = LIMIT_MS;
    script_of(rig, 'c')->can_be_killed = true;
    script_of(rig, 'c')->on_stop = RIG_IGNORES_STOP;
    start_top(rig, TR_ONE_FOR_ONE, 3);
    hears(rig, "+a +b +c *");
    ask_top_to_stop(rig, TROUPE_REASON_NORMAL);
    hears(rig, "~c -c -b -a !");
    assert_reason(rig->ends[0], TROUPE_REASON_SHUTDOWN, "");
    assert_reason(rig->ends[1], TROUPE_REASON_CRASHED, "");
    assert_reason(rig->ends[2], TROUPE_REASON_CRASHED, "");
    assert_reason(rig->end_reason, TROUPE_REASON_NORMAL, "");
    reap_top(rig);
}

static void sup_stop_manual_timeout(void **state)
{
    rig_t *rig = *state;
    script_of(rig, 'b')->on_stop = RIG_HANGS_ON_STOP;
    start_top(rig, TR_ONE_FOR_ONE, 2);
    hears(rig, "+a +b *");
    ask_top_to_stop(rig, TROUPE_REASON_NORMAL);
    hears(rig, "~b");
    assert_status(tr_actor_reap(&rig->supervisor, 100), TROUPE_TIMEOUT);
    hears_nothing(rig);
    release(rig, 'b');
    hears(rig, "-b -a !");
    assert_reason(rig->end_reason, TROUPE_REASON_NORMAL, "");
    reap_top(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rule(sup_stop_infinity),
        rule(sup_stop_timeout),
        rule(sup_stop_timeout_dynamic),
        rule(sup_stop_brutal_kill),
        rule(sup_stop_brutal_kill_dynamic),
        rule(sup_stop_race),
        rule(sup_stop_non_shutdown_exit_dynamic),
        rule(sup_stop_manual),
        rule(sup_stop_manual_timeout),
    };
    return cmocka_run_group_tests_name("conformance/otp_stop", tests, NULL, NULL) != 0;
}
