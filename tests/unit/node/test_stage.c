/* On a stage all that happens is by a seed and by a clock that costs no time. The actors are a
 * few that answer, tick, fail and watch as their messages say; what they do is told to a probe.
 */

#include "tests/kit/small_node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define SECOND_MS  1000
#define TRACE_SIZE 65536
#define N_WALKERS  5
#define N_ROUNDS   20
#define MOST       1000000

static troupe_stage_t *stage;
static troupe_probe_t *probe;
static int n_to_fail; /* starts of the brittle one */
static int n_ended;   /* lives that were terminated */

/* ---- actors ---- */

static int say(troupe_worker_t *self, const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    return troupe_send_named(self, "test", &message) != TROUPE_OK;
}

static int tell_outcome(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)arg;
    return say(self, troupe_outcome_name(troupe_reply_outcome(reply)));
}

static int ask_back(troupe_worker_t *self, troupe_ref_t *whom, int64_t timeout_ms)
{
    uint64_t id;
    troupe_message_t *question = troupe_message_from_text("well?");
    return troupe_ask(self, whom, &question, timeout_ms, tell_outcome, NULL, &id) != TROUPE_OK;
}

static int begin_to_tick(troupe_worker_t *self)
{
    uint64_t id;
    troupe_message_t *tick = troupe_message_from_text("tick");
    return troupe_timer_start(self, SECOND_MS, SECOND_MS, &tick, &id) != TROUPE_OK;
}

static int watch(troupe_worker_t *self, const char *whom)
{
    uint64_t id;
    troupe_ref_t *ref = troupe_find(self, whom);
    int verdict = !ref || troupe_monitor(self, ref, &id) != TROUPE_OK;
    troupe_ref_release(&ref);
    return verdict;
}

static int wake(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)state_p;
    if (n_to_fail > 0) {
        n_to_fail--;
        troupe_worker_explain(self, "not yet");
        return -1;
    }
    if (troupe_args_get(args, "begins")) {
        return TROUPE_INIT_IGNORE;
    }
    const char *word = troupe_args_get(args, "says");
    return word ? say(self, word) : 0;
}

static void finish(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)state_p;
    (void)reason;
    n_ended++;
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)state;
    if (troupe_message_kind(message) == TROUPE_MESSAGE_DOWN) {
        return say(self, "down");
    } else if (says(message, "ask")) {
        return ask_back(self, troupe_message_sender(message), 3 * SECOND_MS);
    } else if (says(message, "ask as usual")) {
        return ask_back(self, troupe_message_sender(message), 0);
    } else if (says(message, "ask for ever")) {
        return ask_back(self, troupe_message_sender(message), INT64_MAX);
    } else if (says(message, "go on for ever")) {
        troupe_message_t *again = troupe_message_share(message);
        return troupe_send(self, troupe_self(self), &again) != TROUPE_OK;
    } else if (says(message, "tick never")) {
        return troupe_timer_start(self, INT64_MAX, INT64_MAX, NULL, NULL) != TROUPE_OK;
    } else if (says(message, "tick on")) {
        return begin_to_tick(self);
    } else if (says(message, "watch")) {
        return watch(self, "other");
    } else if (says(message, "fail")) {
        troupe_worker_explain(self, "as it was told");
        return -1;
    } else if (says(message, "end")) {
        troupe_worker_end(self);
        return 0;
    }
    troupe_message_t *copy = troupe_message_share(message);
    if (troupe_message_kind(message) == TROUPE_MESSAGE_ASK) {
        return !troupe_answer(self, &copy);
    }
    return troupe_send_named(self, "test", &copy) != TROUPE_OK;
}

static const troupe_behaviour_t doer = {
    .name = "doer", .init = wake, .receive = receive, .terminate = finish};

/* Sends a message that counts down on to a next one, all round. */
static int walk(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)state;
    uint8_t left = *(const uint8_t *)troupe_message_data(message, 0);
    if (left == 0) {
        return 0;
    }
    left--;
    char next[] = "walker 0";
    next[7] = (char)('0' + (troupe_worker_name(self)[7] - '0' + 1) % N_WALKERS);
    troupe_message_t *step = troupe_message_from(&left, 1);
    return troupe_send_named(self, next, &step) != TROUPE_OK;
}

static const troupe_behaviour_t walker = {.name = "walker", .receive = walk};

/* ---- the stage ---- */

static int begin(void **state)
{
    (void)state;
    setenv("TROUPE_LOG_LEVEL", "off", 0);
    n_to_fail = n_ended = 0;
    stage = troupe_stage_new(1);
    assert_non_null(stage);
    probe = troupe_stage_probe(stage, "test");
    assert_non_null(probe);
    return 0;
}

static int end(void **state)
{
    (void)state;
    troupe_probe_destroy(&probe);
    troupe_stage_destroy(&stage);
    return 0;
}

static troupe_ref_t *add(const char *name, troupe_restart_t restart)
{
    troupe_ref_t *ref = NULL;
    const troupe_child_t child = {.name = name, .behaviour = &doer, .restart = restart};
    assert_status(troupe_stage_add(stage, &child, &ref), TROUPE_OK);
    assert_string_equal(troupe_ref_name(ref), name);
    return ref;
}

static void tell(troupe_ref_t *to, const char *text)
{
    small_node_tell(probe, to, text);
}

/* All that can be done without time passing. */
static void run(void)
{
    assert_true(troupe_stage_run(stage, MOST) < MOST);
}

static void advance(int64_t ms)
{
    assert_status(troupe_stage_advance(stage, ms), TROUPE_OK);
}

static void nothing_is_there(void)
{
    assert_heard(probe, troupe_probe_expect_nothing(probe, 0));
}

/* ---- stories: actors ---- */

static void nothing_moves_of_itself(void **state)
{
    (void)state;
    troupe_ref_t *actor = add("actor", TROUPE_RESTART_PERMANENT);
    tell(actor, "hello");
    assert_false(troupe_stage_is_alive(stage, actor));
    assert_status(troupe_probe_expect(probe, 0, NULL), TROUPE_TIMEOUT);
    assert_true(troupe_stage_step(stage)); /* it begins */
    assert_true(troupe_stage_is_alive(stage, actor));
    assert_status(troupe_probe_expect(probe, 0, NULL), TROUPE_TIMEOUT);
    assert_true(troupe_stage_step(stage)); /* it takes the message */
    assert_text_now(probe, "hello");
    assert_false(troupe_stage_step(stage));
    assert_int_equal(troupe_stage_run(stage, MOST), 0);
}

static void an_actor_is_asked_and_asks(void **state)
{
    (void)state;
    troupe_ref_t *actor = add("actor", TROUPE_RESTART_PERMANENT);
    troupe_reply_t *reply = NULL;
    troupe_message_t *question = troupe_message_from_text("x");
    assert_status(troupe_probe_ask(probe, actor, &question, SECOND_MS, &reply), TROUPE_OK);
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_OK);
    assert_true(says(troupe_reply_message(reply), "x"));
    troupe_reply_destroy(&reply);

    tell(actor, "ask");
    assert_text(probe, "well?");
    troupe_message_t *answer = NULL;
    assert_true(troupe_probe_answer(probe, &answer));
    assert_text(probe, "ok");

    tell(actor, "ask");
    assert_text(probe, "well?");
    troupe_question_t *unanswered = troupe_probe_take_question(probe);
    int64_t asked_ms = troupe_stage_now_ms(stage);
    assert_text(probe, "timeout");
    assert_int_equal(troupe_stage_now_ms(stage) - asked_ms, 3 * SECOND_MS);
    troupe_question_refuse(&unanswered, "too late");
}

/* 5 s, for actors and probes. */
static void who_does_not_say_how_long_waits_as_long_as_all(void **state)
{
    (void)state;
    troupe_ref_t *actor = add("actor", TROUPE_RESTART_PERMANENT);
    tell(actor, "ask as usual");
    assert_text(probe, "well?");
    assert_int_equal(troupe_message_remaining_ms(troupe_probe_in_hand(probe)), 5 * SECOND_MS);
    troupe_question_t *unanswered = troupe_probe_take_question(probe);
    int64_t asked_ms = troupe_stage_now_ms(stage);
    assert_text(probe, "timeout");
    assert_int_equal(troupe_stage_now_ms(stage) - asked_ms, 5 * SECOND_MS);
    troupe_question_refuse(&unanswered, "too late");

    troupe_probe_t *silent = troupe_stage_probe(stage, "silent");
    troupe_reply_t *reply = NULL;
    troupe_message_t *question = NULL;
    asked_ms = troupe_stage_now_ms(stage);
    assert_status(troupe_probe_ask(probe, troupe_probe_ref(silent), &question, 0, &reply),
                  TROUPE_OK);
    assert_int_equal(troupe_stage_now_ms(stage) - asked_ms, 5 * SECOND_MS);
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_TIMEOUT);
    assert_string_equal(troupe_reply_text(reply), "silent has not answered within 5000 ms");
    troupe_reply_destroy(&reply);
    troupe_probe_destroy(&silent);
}

/* Whoever has ended does not come back when there is no more time. */
static void there_is_an_end_of_time(void **state)
{
    (void)state;
    troupe_ref_t *actor = add("actor", TROUPE_RESTART_PERMANENT);
    troupe_ref_t *ended = add("ended", TROUPE_RESTART_TEMPORARY);
    tell(ended, "end");
    tell(actor, "tick never");
    tell(actor, "ask for ever");
    assert_text(probe, "well?");
    troupe_question_t *unanswered = troupe_probe_take_question(probe);
    assert_status(troupe_probe_expect(probe, INT64_MAX, NULL), TROUPE_TIMEOUT);
    assert_true(troupe_stage_is_alive(stage, actor));
    assert_false(troupe_stage_is_alive(stage, ended));
    assert_int_equal(troupe_stage_n_lives(stage, ended), 1);
    assert_false(troupe_stage_step(stage));
    advance(INT64_MAX);
    troupe_question_refuse(&unanswered, "too late");
}

static void a_thousand_play(void **state)
{
    (void)state;
    enum { N_ACTORS = 1000 };
    char name[20];
    for (int i = 0; i < N_ACTORS; i++) {
        snprintf(name, sizeof name, "actor %d", i);
        troupe_ref_t *actor = add(name, TROUPE_RESTART_PERMANENT);
        tell(actor, "tick on");
        tell(actor, i % 2 ? "fail" : name);
        tell(actor, "tick on");
    }
    advance(2 * SECOND_MS);
    size_t n_names = 0;
    size_t n_ticks = 0;
    while (troupe_probe_expect(probe, 0, NULL) == TROUPE_OK) {
        bool is_tick = says(troupe_probe_in_hand(probe), "tick");
        n_ticks += is_tick;
        n_names += !is_tick;
    }
    assert_int_equal(n_names, N_ACTORS / 2);
    assert_true(n_ticks >= N_ACTORS / 2 * 2 * 2 + N_ACTORS / 2); /* two, or one since it fell */
    assert_int_equal(n_ended, N_ACTORS / 2);
}

static void to_nobody_nothing_is_sent(void **state)
{
    (void)state;
    troupe_message_t *message = troupe_message_from_text("x");
    assert_status(troupe_stage_send(stage, NULL, &message), TROUPE_NOT_FOUND);
    assert_null(message);
}

static void ticks_come_as_time_passes(void **state)
{
    (void)state;
    int64_t begun_ms = tr_clock_real_ms();
    troupe_ref_t *actor = add("actor", TROUPE_RESTART_PERMANENT);
    tell(actor, "tick on");
    advance(SECOND_MS - 1);
    nothing_is_there();
    advance(1);
    assert_text_now(probe, "tick");
    nothing_is_there();
    advance(3600 * SECOND_MS);
    for (size_t i = 0; i < 3600; i++) {
        assert_text_now(probe, "tick");
    }
    nothing_is_there();
    assert_heard(probe, troupe_probe_expect_nothing(probe, SECOND_MS - 1));
    assert_status(troupe_probe_expect_nothing(probe, 1), TROUPE_ERR_PROTOCOL);
    assert_int_equal(troupe_stage_now_ms(stage), 3602 * SECOND_MS);
    assert_true(troupe_stage_step(stage)); /* nobody has anything to do: time passes */
    assert_int_equal(troupe_stage_now_ms(stage), 3603 * SECOND_MS);
    assert_true(tr_clock_real_ms() - begun_ms < 3600 * SECOND_MS);
}

static void who_fails_is_seen_and_comes_back(void **state)
{
    (void)state;
    troupe_reason_t reason;
    troupe_ref_t *actor = add("actor", TROUPE_RESTART_PERMANENT);
    assert_status(troupe_probe_monitor(probe, actor, NULL), TROUPE_OK);
    tell(actor, "fail");
    tell(actor, "hello");
    assert_heard(probe, troupe_probe_expect_down(probe, SECOND_MS, actor, &reason));
    assert_int_equal(reason.kind, TROUPE_REASON_FAILED);
    assert_string_equal(reason.text, "as it was told");
    assert_int_equal(troupe_stage_reason(stage, actor).kind, TROUPE_REASON_FAILED);
    assert_string_equal(troupe_stage_reason(stage, actor).text, "as it was told");
    assert_text(probe, "hello"); /* it waited for the next life */
    assert_int_equal(troupe_stage_n_lives(stage, actor), 2);
    assert_int_equal(n_ended, 1);
    assert_true(troupe_stage_is_alive(stage, actor));
}

static void who_does_not_begin_is_tried_ever_later(void **state)
{
    (void)state;
    n_to_fail = 3;
    troupe_ref_t *actor = add("actor", TROUPE_RESTART_PERMANENT);
    run(); /* the second try is at once */
    assert_int_equal(troupe_stage_n_lives(stage, actor), 2);
    assert_false(troupe_stage_is_alive(stage, actor));
    assert_string_equal(troupe_stage_reason(stage, actor).text, "not yet");
    assert_false(troupe_ref_is_over(actor));
    advance(49);
    assert_int_equal(troupe_stage_n_lives(stage, actor), 2);
    advance(51); /* 100 ms, less half at most */
    assert_int_equal(troupe_stage_n_lives(stage, actor), 3);
    advance(200);
    assert_int_equal(troupe_stage_n_lives(stage, actor), 4);
    assert_true(troupe_stage_is_alive(stage, actor));
    assert_int_equal(n_ended, 0);
}

struct fate {
    troupe_restart_t restart;
    const char *told;
    bool comes_back;
};

static void who_comes_back_is_as_it_says(void **state)
{
    const struct fate *fate = *state;
    assert_int_equal(begin(NULL), 0);
    troupe_ref_t *actor = add("actor", fate->restart);
    tell(actor, fate->told);
    advance(SECOND_MS);
    assert_int_equal(troupe_stage_n_lives(stage, actor), fate->comes_back ? 2 : 1);
    assert_int_equal(troupe_stage_is_alive(stage, actor), fate->comes_back);
    assert_int_equal(troupe_ref_is_over(actor), !fate->comes_back);
    assert_int_equal(n_ended, 1);
    end(NULL);
}

static void who_is_stopped_does_not_come_back(void **state)
{
    (void)state;
    troupe_ref_t *actor = add("actor", TROUPE_RESTART_PERMANENT);
    run();
    troupe_stage_stop(stage, actor);
    run();
    troupe_stage_stop(stage, actor);
    assert_false(troupe_stage_is_alive(stage, actor));
    assert_true(troupe_ref_is_over(actor));
    assert_int_equal(troupe_stage_reason(stage, actor).kind, TROUPE_REASON_SHUTDOWN);
    assert_int_equal(n_ended, 1);
    assert_status(troupe_probe_send_text(probe, actor, "x"), TROUPE_NOT_FOUND);
    troupe_ref_t *never = add("never", TROUPE_RESTART_PERMANENT);
    troupe_stage_stop(stage, never);
    assert_false(troupe_stage_step(stage));
    assert_int_equal(troupe_stage_n_lives(stage, never), 0);
    assert_true(troupe_ref_is_over(never));
}

static void who_is_not_needed_does_not_come_back(void **state)
{
    (void)state;
    troupe_ref_t *ref = NULL;
    static const char *const args[] = {"begins", "not", NULL};
    const troupe_child_t child = {.name = "needless", .behaviour = &doer, .args = args};
    assert_status(troupe_stage_add(stage, &child, &ref), TROUPE_OK);
    advance(3600 * SECOND_MS);
    assert_int_equal(troupe_stage_n_lives(stage, ref), 1);
    assert_int_equal(troupe_stage_reason(stage, ref).kind, TROUPE_REASON_IGNORED);
    assert_true(troupe_ref_is_over(ref));
    assert_status(troupe_stage_add(stage, &child, &ref), TROUPE_EXISTS); /* there was one */
}

static void what_has_no_end_is_left(void **state)
{
    (void)state;
    troupe_ref_t *actor = add("actor", TROUPE_RESTART_PERMANENT);
    tell(actor, "go on for ever");
    int64_t begun_ms = troupe_stage_now_ms(stage);
    assert_status(troupe_stage_advance(stage, SECOND_MS), TROUPE_LIMIT);
    assert_int_equal(troupe_stage_now_ms(stage), begun_ms);
    troupe_stage_stop(stage, actor);
    advance(SECOND_MS);
    assert_true(troupe_ref_is_over(actor));
}

static void actors_watch_each_other(void **state)
{
    (void)state;
    troupe_ref_t *watcher = add("watcher", TROUPE_RESTART_PERMANENT);
    troupe_ref_t *other = add("other", TROUPE_RESTART_TEMPORARY);
    tell(watcher, "watch");
    run();
    tell(other, "end");
    assert_text(probe, "down");
    assert_true(troupe_ref_is_over(other));
}

static void what_is_added_must_fit(void **state)
{
    (void)state;
    troupe_ref_t *ref = NULL;
    static const troupe_behaviour_t deaf = {.name = "deaf"};
    static const char *const args[] = {"says", "good morning", NULL};
    char name[200];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    troupe_child_t child = {.behaviour = &doer};
    assert_status(troupe_stage_add(stage, &child, &ref), TROUPE_ERR_INVALID);
    child.name = name;
    assert_status(troupe_stage_add(stage, &child, &ref), TROUPE_ERR_INVALID);
    child = (troupe_child_t){.name = "deaf", .behaviour = &deaf};
    assert_status(troupe_stage_add(stage, &child, &ref), TROUPE_ERR_INVALID);
    child = (troupe_child_t){.name = "test", .behaviour = &doer}; /* the probe's */
    assert_status(troupe_stage_add(stage, &child, &ref), TROUPE_EXISTS);
    assert_null(ref);
    child = (troupe_child_t){.name = "actor", .behaviour = &doer, .args = args};
    assert_status(troupe_stage_add(stage, &child, &ref), TROUPE_OK);
    assert_text(probe, "good morning");
    assert_status(troupe_stage_add(stage, &child, &ref), TROUPE_EXISTS);
    assert_int_equal(troupe_stage_n_lives(stage, troupe_probe_ref(probe)), 0);
    assert_int_equal(troupe_stage_reason(stage, troupe_probe_ref(probe)).kind,
                     TROUPE_REASON_NORMAL);
    assert_null(troupe_stage_probe(stage, "actor"));
}

static void a_run_is_as_long_as_is_said(void **state)
{
    (void)state;
    troupe_ref_t *ref = NULL;
    uint8_t left = 255;
    troupe_child_t child = {.name = "walker 0", .behaviour = &walker};
    for (int i = 0; i < N_WALKERS; i++) {
        char name[] = "walker 0";
        name[7] = (char)('0' + i);
        child.name = name;
        assert_status(troupe_stage_add(stage, &child, &ref), TROUPE_OK);
    }
    run();
    troupe_message_t *message = troupe_message_from(&left, 1);
    assert_status(troupe_stage_send(stage, ref, &message), TROUPE_OK);
    assert_int_equal(troupe_stage_run(stage, 100), 100);
    assert_int_equal(troupe_stage_run(stage, MOST), 256 - 100);
}

/* ---- stories: the stage ---- */

static void there_is_one_at_a_time(void **state)
{
    (void)state;
    assert_null(troupe_stage_new(2));
    assert_true(troupe_clock_is_held());
    end(NULL);
    assert_false(troupe_clock_is_held());
    troupe_clock_hold();
    assert_null(troupe_stage_new(2));
    troupe_clock_release();
    tr_clock_release();
    begin(NULL);
}

typedef struct trace {
    char text[TRACE_SIZE];
    size_t size;
} trace_t;

static void add_line(void *arg, const char *line)
{
    trace_t *trace = arg;
    int length = snprintf(trace->text + trace->size, TRACE_SIZE - trace->size, "%s\n", line);
    trace->size += (size_t)length;
    assert_true(trace->size < TRACE_SIZE);
}

static void the_trace_tells_what_is_done(void **state)
{
    (void)state;
    static trace_t trace;
    trace.size = 0;
    troupe_stage_trace(stage, add_line, &trace);
    troupe_ref_t *actor = add("actor", TROUPE_RESTART_TEMPORARY);
    tell(actor, "tick on");
    tell(actor, "ask");
    assert_text(probe, "well?");
    troupe_message_t *answer = NULL;
    assert_true(troupe_probe_answer(probe, &answer));
    run();
    advance(SECOND_MS);
    tell(actor, "fail");
    run();
    assert_string_equal(trace.text, "0 ms: actor begins\n"
                                    "0 ms: actor takes a message from test\n"
                                    "0 ms: actor takes a message from test\n"
                                    "0 ms: actor takes an answer\n"
                                    "1000 ms: actor ticks\n"
                                    "1000 ms: actor takes a message from test\n"
                                    "1000 ms: actor ends: failed: as it was told\n");
    troupe_stage_trace(stage, NULL, NULL);
    size_t size = trace.size;
    add("another", TROUPE_RESTART_PERMANENT);
    run();
    assert_int_equal(trace.size, size);
}

/* All walk at once, and some fail. */
static void play(uint64_t seed, trace_t *trace)
{
    trace->size = 0;
    troupe_stage_t *own = troupe_stage_new(seed);
    assert_non_null(own);
    troupe_stage_trace(own, add_line, trace);
    troupe_ref_t *walkers[N_WALKERS];
    for (size_t i = 0; i < N_WALKERS; i++) {
        char name[] = "walker 0";
        name[7] = (char)('0' + i);
        const troupe_child_t child = {.name = name, .behaviour = &walker};
        assert_status(troupe_stage_add(own, &child, &walkers[i]), TROUPE_OK);
    }
    for (size_t i = 0; i < N_WALKERS; i++) {
        uint8_t left = N_ROUNDS;
        troupe_message_t *message = troupe_message_from(&left, 1);
        assert_status(troupe_stage_send(own, walkers[i], &message), TROUPE_OK);
    }
    assert_int_equal(troupe_stage_run(own, MOST), N_WALKERS * (N_ROUNDS + 2));
    troupe_stage_destroy(&own);
}

/* So that what is made next is somewhere else than what was made before. */
static void *take_small_places(void)
{
    void **last = NULL;
    for (size_t size = 16; size <= 512; size += 16) {
        for (int i = 0; i < 8; i++) {
            void **place = malloc(size);
            assert_non_null(place);
            *place = last;
            last = place;
        }
    }
    return last;
}

static void free_all(void *last)
{
    while (last) {
        void *next = *(void **)last;
        free(last);
        last = next;
    }
}

static void one_seed_tells_one_story(void **state)
{
    (void)state;
    static trace_t first, again, other;
    size_t n_different = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        play(seed, &first);
        void *in_the_way = take_small_places(); /* where things are is not part of it */
        play(seed, &again);
        free_all(in_the_way);
        play(seed + 1000, &other);
        assert_string_equal(first.text, again.text);
        n_different += strcmp(first.text, other.text) != 0;
    }
    assert_int_equal(n_different, 20);
}

static void destroying_nothing_is_fine(void **state)
{
    (void)state;
    troupe_stage_t *none = NULL;
    troupe_stage_destroy(&none);
}

/* clang-format off */
#define STORY(story) cmocka_unit_test_setup_teardown(story, begin, end)
#define FATE(title, ...) \
    { .name = title, .test_func = who_comes_back_is_as_it_says, \
      .initial_state = &(struct fate){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(nothing_moves_of_itself),
        STORY(an_actor_is_asked_and_asks),
        STORY(who_does_not_say_how_long_waits_as_long_as_all),
        STORY(there_is_an_end_of_time),
        STORY(a_thousand_play),
        STORY(to_nobody_nothing_is_sent),
        STORY(ticks_come_as_time_passes),
        STORY(who_fails_is_seen_and_comes_back),
        STORY(who_does_not_begin_is_tried_ever_later),
        FATE("a permanent one comes back when it failed", TROUPE_RESTART_PERMANENT, "fail",
             true),
        FATE("a permanent one comes back when it ended", TROUPE_RESTART_PERMANENT, "end", true),
        FATE("a transient one comes back when it failed", TROUPE_RESTART_TRANSIENT, "fail",
             true),
        FATE("a transient one is over when it ended", TROUPE_RESTART_TRANSIENT, "end", false),
        FATE("a temporary one is over when it failed", TROUPE_RESTART_TEMPORARY, "fail", false),
        STORY(who_is_stopped_does_not_come_back),
        STORY(who_is_not_needed_does_not_come_back),
        STORY(what_has_no_end_is_left),
        STORY(actors_watch_each_other),
        STORY(what_is_added_must_fit),
        STORY(a_run_is_as_long_as_is_said),
        STORY(there_is_one_at_a_time),
        STORY(the_trace_tells_what_is_done),
        cmocka_unit_test(one_seed_tells_one_story),
        cmocka_unit_test(destroying_nothing_is_fine),
    };
    return cmocka_run_group_tests_name("node/stage", tests, NULL, NULL) != 0;
}
