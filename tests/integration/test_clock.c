/* A node by a clock that the test moves. What must come by then has come when the move is over,
 * each thing once and in its order; and what must not has not, with nothing waited for.
 */

#include "tests/kit/gate.h"
#include "tests/kit/small_node.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/caller.h>

#include "base/clock.h"

#define SECOND_MS 1000
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define N_RELAYS  3

static troupe_node_t *node;
static troupe_probe_t *probe;
static gate_t gate = GATE_INITIALIZER;
static atomic_bool is_broken; /* the brittle one does not start */
static atomic_int n_starts;   /* that it has tried */

/* ---- actors ---- */

/* Ticks every `period` ms, and sends on what its `name` is. */
static int wake_ticker(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    int64_t period_ms = 0;
    uint64_t id;
    troupe_message_t *name = troupe_message_from_text(troupe_args_get_or(args, "name", ""));
    (void)state_p;
    return troupe_args_number(args, "period", &period_ms) != TROUPE_OK ||
           troupe_timer_start(self, period_ms, period_ms, &name, &id) != TROUPE_OK;
}

static int tell_of_tick(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)state;
    troupe_message_t *tick = troupe_message_share(message);
    return troupe_send_named(self, "test", &tick) != TROUPE_OK;
}

static const troupe_behaviour_t ticker = {
    .name = "ticker", .init = wake_ticker, .receive = tell_of_tick};

static int wake_brittle(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)self;
    (void)args;
    (void)state_p;
    atomic_fetch_add(&n_starts, 1);
    return atomic_load(&is_broken) ? -1 : 0;
}

static int tell_outcome(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)arg;
    troupe_message_t *outcome =
        troupe_message_from_text(troupe_outcome_name(troupe_reply_outcome(reply)));
    return troupe_send_named(self, "test", &outcome) != TROUPE_OK;
}

static int ask_back(troupe_worker_t *self, troupe_ref_t *whom)
{
    uint64_t id;
    troupe_message_t *question = troupe_message_from_text("well?");
    return troupe_ask(self, whom, &question, 3 * SECOND_MS, tell_outcome, NULL, &id) !=
           TROUPE_OK;
}

static int receive_brittle(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)state;
    if (says(message, "ask")) {
        return ask_back(self, troupe_message_sender(message));
    } else if (says(message, "fail")) {
        return -1;
    } else if (says(message, "hang")) {
        gate_pass(&gate, NULL);
        return 0;
    }
    troupe_message_t *echo = troupe_message_share(message);
    return troupe_send_named(self, "test", &echo) != TROUPE_OK;
}

static const troupe_behaviour_t brittle = {
    .name = "brittle", .init = wake_brittle, .receive = receive_brittle};

static troupe_ref_t *spawned; /* the parent's */

static int beget(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)state;
    if (says(message, "spawn")) {
        const troupe_child_t child = {
            .name = "its child", .behaviour = &brittle, .shutdown_ms = SECOND_MS};
        return troupe_spawn(self, &child, &spawned) != TROUPE_OK;
    }
    troupe_stop_child(self, spawned);
    troupe_ref_release(&spawned);
    troupe_message_t *told = troupe_message_from_text("stopping");
    return troupe_send_named(self, "test", &told) != TROUPE_OK;
}

static const troupe_behaviour_t parent_behaviour = {.name = "parent", .receive = beget};

/* Sends on to the next one, the last to the test. */
static int pass_on(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)state;
    char next[] = "relay-0";
    next[6] = (char)(troupe_worker_name(self)[6] + 1);
    troupe_message_t *copy = troupe_message_share(message);
    return troupe_send_named(self, next[6] < '0' + N_RELAYS ? next : "test", &copy) !=
           TROUPE_OK;
}

static const troupe_behaviour_t relay = {.name = "relay", .receive = pass_on};

/* Has a request for longer than anybody waits. */
static troupe_request_t *kept; /* the worker's */

static int keep(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)state;
    uint64_t id;
    troupe_request_keep(request);
    kept = request;
    return troupe_timer_start(self, 2 * MINUTE_MS, 0, NULL, &id) != TROUPE_OK;
}

static int finish(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)self;
    (void)message;
    (void)state;
    troupe_request_fail(kept, "late");
    return 0;
}

static const troupe_behaviour_t keeper = {.name = "keeper", .handle = keep, .receive = finish};

/* ---- the node ---- */

static int begin(void **state)
{
    static const troupe_behaviour_t *const behaviours[] = {&ticker, &brittle,          &relay,
                                                           &keeper, &parent_behaviour, NULL};
    gate_reset(&gate);
    atomic_store(&is_broken, false);
    atomic_store(&n_starts, 0);
    troupe_clock_hold();
    node = small_node_start(behaviours, *state);
    probe = troupe_probe_new(node, "test");
    assert_non_null(probe);
    return 0;
}

static int end(void **state)
{
    (void)state;
    gate_open(&gate);
    troupe_clock_release();
    troupe_probe_destroy(&probe);
    troupe_node_destroy(&node);
    tr_clock_release();
    return 0;
}

static void advance(int64_t ms)
{
    assert_status(troupe_clock_advance(ms), TROUPE_OK);
}

static void nothing_is_there(void)
{
    assert_heard(probe, troupe_probe_expect_nothing(probe, 0));
}

/* ---- stories ---- */

static void every_tick_comes_and_no_other(void **state)
{
    (void)state;
    troupe_clock_hold(); /* it is */
    advance(SECOND_MS - 1);
    assert_heard(probe, troupe_probe_expect_nothing(probe, 0));
    advance(1);
    assert_text_now(probe, "tick");
    nothing_is_there();
    advance(10 * MINUTE_MS);
    for (size_t i = 0; i < 600; i++) {
        assert_text_now(probe, "tick");
    }
    nothing_is_there();
}

static void ticks_of_many_come_in_their_order(void **state)
{
    (void)state;
    static const char *const ticks[] = {"3", "3", "7", "3", "3", "7", "3", "3"};
    advance(2 * SECOND_MS);
    for (size_t i = 0; i < sizeof ticks / sizeof *ticks; i++) {
        assert_text_now(probe, ticks[i]);
    }
    nothing_is_there();
}

static void nothing_is_expected_in_no_time(void **state)
{
    (void)state;
    int64_t begun_ms = tr_clock_real_ms();
    assert_heard(probe, troupe_probe_expect_nothing(probe, HOUR_MS - 1));
    assert_status(troupe_probe_expect_nothing(probe, 1), TROUPE_ERR_PROTOCOL);
    assert_true(says(troupe_probe_in_hand(probe), "tick"));
    assert_true(tr_clock_real_ms() - begun_ms < HOUR_MS / 2);
}

static void a_jump_is_one_step(void **state)
{
    (void)state;
    assert_status(troupe_clock_jump(10 * MINUTE_MS), TROUPE_OK);
    assert_text(probe, "tick");
    assert_status(troupe_clock_settle(PATIENCE_MS), TROUPE_OK);
    nothing_is_there();
    advance(SECOND_MS);
    assert_text_now(probe, "tick");
}

/* The first restart is at once; each further one after twice as long, less half of it at most.
 */
static void a_child_that_does_not_start_is_tried_ever_later(void **state)
{
    (void)state;
    troupe_ref_t *child = small_node_find(probe, "child");
    atomic_store(&is_broken, true);
    small_node_tell(probe, child, "fail");
    advance(5 * SECOND_MS - 1);
    assert_int_equal(atomic_load(&n_starts), 2);
    advance(5 * SECOND_MS + 1); /* 10 s */
    assert_int_equal(atomic_load(&n_starts), 3);
    advance(5 * SECOND_MS - 1);
    assert_int_equal(atomic_load(&n_starts), 3);
    advance(15 * SECOND_MS + 1); /* 30 s */
    assert_int_equal(atomic_load(&n_starts), 4);
    small_node_tell(probe, child, "hello");
    atomic_store(&is_broken, false);
    assert_heard(probe, troupe_probe_expect_nothing(probe, 5 * SECOND_MS - 1));
    advance(40 * SECOND_MS);
    assert_int_equal(atomic_load(&n_starts), 5);
    assert_text_now(probe, "hello"); /* it waited for the next life */
    troupe_ref_release(&child);
}

static void an_ask_waits_to_its_time(void **state)
{
    (void)state;
    troupe_ref_t *child = small_node_find(probe, "child");
    small_node_tell(probe, child, "ask");
    assert_text(probe, "well?");
    assert_int_equal(troupe_message_remaining_ms(troupe_probe_in_hand(probe)), 3 * SECOND_MS);
    troupe_question_t *question = troupe_probe_take_question(probe);
    advance(3 * SECOND_MS - 1);
    nothing_is_there();
    assert_true(troupe_question_is_awaited(question));
    advance(1);
    assert_text_now(probe, "timeout");
    assert_false(troupe_question_is_awaited(question));
    troupe_question_refuse(&question, "too late");
    troupe_ref_release(&child);
}

static void a_request_ends_by_its_deadline(void **state)
{
    (void)state;
    troupe_caller_t *caller = troupe_caller_new(node);
    assert_non_null(caller);
    uint64_t id;
    troupe_message_t *message = NULL;
    troupe_reply_t *reply = NULL;
    assert_status(troupe_caller_start(caller, "keeper", NULL, &message, &id), TROUPE_OK);
    advance(MINUTE_MS - 1);
    assert_status(troupe_caller_next(caller, 0, &reply), TROUPE_TIMEOUT);
    advance(1);
    assert_status(troupe_caller_next(caller, 0, &reply), TROUPE_OK);
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_TIMEOUT);
    troupe_reply_destroy(&reply);
    troupe_caller_destroy(&caller);
    advance(MINUTE_MS);
}

static void nobody_counts_as_hung_for_a_day_that_was_none(void **state)
{
    (void)state;
    troupe_ref_t *child = small_node_find(probe, "child");
    assert_status(troupe_probe_monitor(probe, child, NULL), TROUPE_OK);
    advance(10 * MINUTE_MS);
    assert_status(troupe_clock_jump(24 * HOUR_MS), TROUPE_OK);
    assert_heard(probe, troupe_probe_expect_nothing(probe, MINUTE_MS));
    assert_int_equal(atomic_load(&n_starts), 1);
    troupe_ref_release(&child);
}

/* Its supervisor spares it when time jumps far, and so it goes in small steps. */
static void who_hangs_is_found_to(void **state)
{
    (void)state;
    troupe_reason_t reason;
    troupe_ref_t *child = small_node_find(probe, "child");
    assert_status(troupe_probe_monitor(probe, child, NULL), TROUPE_OK);
    small_node_tell(probe, child, "hang");
    assert_true(gate_await(&gate, 1));
    assert_status(troupe_clock_settle(20), TROUPE_TIMEOUT);
    size_t n_steps = 0;
    troupe_status_t status = TROUPE_TIMEOUT;
    for (; status == TROUPE_TIMEOUT && n_steps < 1000; n_steps++) {
        assert_status(troupe_clock_jump(SECOND_MS / 10), TROUPE_OK);
        status = troupe_probe_expect_down(probe, 10, child, &reason);
    }
    assert_heard(probe, status);
    assert_int_equal(reason.kind, TROUPE_REASON_HUNG);
    assert_true(n_steps >= 20);                                 /* stall: 2s */
    assert_status(troupe_clock_settle(PATIENCE_MS), TROUPE_OK); /* it does not count any more */
    troupe_ref_release(&child);
}

/* Who hangs does not come to rest, and then it is not known what will come. */
static void nobody_knows_what_comes_while_somebody_is_busy(void **state)
{
    (void)state;
    troupe_ref_t *child = small_node_find(probe, "child");
    small_node_tell(probe, child, "hang");
    assert_true(gate_await(&gate, 1));
    int64_t begun_ms = tr_clock_now_ms();
    assert_status(troupe_probe_expect_nothing(probe, HOUR_MS), TROUPE_TIMEOUT); /* after 10 s */
    assert_string_equal(troupe_probe_complaint(probe),
                        "the actors did not come to rest; nothing came");
    assert_int_equal(tr_clock_now_ms(), begun_ms);
    troupe_ref_release(&child);
}

/* Its child hangs; a second after it was told to stop it is given up, as was said when it was
 * started. */
static void a_child_has_its_own_time_to_stop(void **state)
{
    (void)state;
    troupe_reason_t reason;
    troupe_ref_t *parent = small_node_find(probe, "parent");
    small_node_tell(probe, parent, "spawn");
    assert_status(troupe_clock_settle(PATIENCE_MS), TROUPE_OK);
    troupe_ref_t *child = small_node_find(probe, "its child");
    assert_status(troupe_probe_monitor(probe, child, NULL), TROUPE_OK);
    small_node_tell(probe, child, "hang");
    assert_true(gate_await(&gate, 1));
    small_node_tell(probe, parent, "stop");
    assert_text(probe, "stopping");
    size_t n_steps = 0;
    troupe_status_t status = TROUPE_TIMEOUT;
    for (; status == TROUPE_TIMEOUT && n_steps < 50; n_steps++) {
        assert_status(troupe_clock_jump(SECOND_MS / 10), TROUPE_OK);
        status = troupe_probe_expect_down(probe, 20, child, &reason);
    }
    assert_heard(probe, status);
    assert_in_range(n_steps, 10, 40); /* not the 5 s of those that say nothing */
    troupe_ref_release(&child);
    troupe_ref_release(&parent);
}

/* The clock runs here: what is under way has come when all are at rest. */
static void all_that_follows_has_been_done_when_it_is_quiet(void **state)
{
    (void)state;
    troupe_clock_release();
    troupe_ref_t *first = small_node_find(probe, "relay-0");
    for (size_t round = 0; round < 100; round++) {
        for (size_t i = 0; i < 100; i++) {
            small_node_tell(probe, first, "x");
        }
        assert_status(troupe_clock_settle(PATIENCE_MS), TROUPE_OK);
        for (size_t i = 0; i < 100; i++) {
            assert_text_now(probe, "x");
        }
    }
    troupe_ref_release(&first);
}

static void a_clock_that_runs_is_not_moved(void **state)
{
    (void)state;
    assert_true(troupe_clock_is_held());
    advance(HOUR_MS - 20);
    troupe_clock_release();
    troupe_clock_release();
    assert_false(troupe_clock_is_held());
    assert_status(troupe_clock_advance(1), TROUPE_ERR_INVALID);
    assert_status(troupe_clock_jump(1), TROUPE_ERR_INVALID);
    assert_text(probe, "tick"); /* it goes on from there */
}

/* clang-format off */
#define STORY(story, children) \
    { .name = #story, .test_func = story, .setup_func = begin, .teardown_func = end, \
      .initial_state = children }
#define TICKER(name, period) \
    "    - {actor: ticker-" name ", worker: {module: ticker, args: {name: '" name "', period: " period "}}}\n"
#define BRITTLE \
    "    - {actor: child, worker: {module: brittle}, health: {interval: 1s, stall: 2s}," \
    " backoff: {min: 10s, max: 100s}}\n"
#define RELAY(number) "    - {actor: relay-" number ", worker: {module: relay}}\n"
#define PARENT "    - {actor: parent, worker: {module: parent}, spawns: 1}\n"
#define KEEPER "    - {capability: keeper, worker: {module: keeper}, timeout: 1m}\n"
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(every_tick_comes_and_no_other, TICKER("tick", "1000") KEEPER),
        STORY(ticks_of_many_come_in_their_order, TICKER("3", "300") TICKER("7", "700")),
        STORY(nothing_is_expected_in_no_time, TICKER("tick", "3600000")),
        STORY(a_jump_is_one_step, TICKER("tick", "1000")),
        STORY(a_child_that_does_not_start_is_tried_ever_later, BRITTLE),
        STORY(an_ask_waits_to_its_time, BRITTLE),
        STORY(a_request_ends_by_its_deadline, KEEPER),
        STORY(nobody_counts_as_hung_for_a_day_that_was_none, BRITTLE KEEPER),
        STORY(who_hangs_is_found_to, BRITTLE),
        STORY(nobody_knows_what_comes_while_somebody_is_busy, BRITTLE),
        STORY(a_child_has_its_own_time_to_stop, PARENT),
        STORY(all_that_follows_has_been_done_when_it_is_quiet,
              RELAY("0") RELAY("1") RELAY("2")),
        STORY(a_clock_that_runs_is_not_moved, TICKER("tick", "3600000")),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL) != 0;
}
