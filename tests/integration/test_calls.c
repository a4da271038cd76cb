/* Workers that ask others. A handler that calls another capability is a caller and a server at
 * once: what its own caller decides, a deadline or a cancel, must reach whoever works for it in
 * the end, and no circle of calls may hold its workers for longer than their request lives.
 *
 * `front` asks whom its payload says; `back` answers, or waits at the gate.
 */

#include "tests/kit/gate.h"
#include "tests/kit/rig.h"
#include "tests/kit/small_node.h"

#include <troupe/actor.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define DEEPEST    32
#define MOST_TRIES 100000
#define TRACE_ID   "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT     "00-" TRACE_ID "-00f067aa0ba902b7-01"

static rig_t rig;
static line_t line;
static gate_t gate = GATE_INITIALIZER; /* handlers of `back` wait here */
static gate_t front_gate = GATE_INITIALIZER;
static gate_t gone = GATE_INITIALIZER; /* a handler saw that nobody waits */
static atomic_size_t n_served;
static atomic_size_t n_broken;
static _Atomic(int64_t) front_left_ms; /* what `front` had left when it asked */

/* ---- front: asks ---- */

/* What came back goes on to whoever asked; an end that is not well as a text. */
static int pass_on(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)self;
    troupe_request_t *request = arg;
    troupe_outcome_t outcome = troupe_reply_outcome(reply);
    troupe_message_t *message = troupe_message_share(troupe_reply_message(reply));
    if (!troupe_reply_is_final(reply)) {
        if (troupe_request_part(request, &message) != TROUPE_OK) {
            troupe_message_destroy(&message); /* nobody reads on */
        }
    } else if (outcome == TROUPE_OUTCOME_OK) {
        troupe_request_reply(request, &message);
    } else {
        troupe_message_destroy(&message);
        troupe_request_fail(request, "%s: %s", troupe_outcome_name(outcome),
                            troupe_reply_text(reply));
    }
    return 0;
}

/* An answer that has no request to go to: its outcome goes to the test. */
static int hear(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)arg;
    if (!troupe_reply_is_final(reply)) {
        return 0;
    }
    const char *outcome = troupe_outcome_name(troupe_reply_outcome(reply));
    troupe_message_t *message = troupe_message_from_text(outcome);
    return troupe_send_named(self, "test", &message) != TROUPE_OK;
}

static uint64_t ask(troupe_worker_t *self, troupe_request_t *request, const char *capability,
                    const troupe_call_options_t *options, troupe_answer_fn *on_answer)
{
    uint64_t id = 0;
    troupe_message_t *message = troupe_message_share(troupe_request_message(request));
    troupe_request_keep(request);
    if (troupe_worker_call(self, request, capability, options, &message, on_answer, request,
                           &id) != TROUPE_OK) {
        troupe_request_fail(request, "no call");
    }
    return id;
}

/* A message to that actor; the reply is how it went. */
static void tell(troupe_worker_t *self, troupe_request_t *request, const char *actor)
{
    troupe_message_t *message = troupe_message_from_text("call");
    const char *name = troupe_status_name(troupe_send_named(self, actor, &message));
    troupe_request_reply_data(request, name, strlen(name));
}

static int handle_front(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)state;
    const char *method = troupe_request_method(request);
    atomic_fetch_add(&n_served, 1);
    atomic_store(&front_left_ms, troupe_request_remaining_ms(request));
    troupe_call_options_t options = {.method = method};
    if (strcmp(method, "circle") == 0) {
        const char *next =
            strncmp(troupe_worker_name(self), "round/", 6) == 0 ? "other" : "round";
        ask(self, request, next, &options, pass_on);
    } else if (strcmp(method, "deep") == 0) {
        ask(self, request, "front", &options, pass_on);
    } else if (strcmp(method, "nowhere") == 0) {
        ask(self, request, "nowhere", &options, pass_on);
    } else if (strcmp(method, "hurry") == 0) {
        options = (troupe_call_options_t){.method = "left", .timeout_ms = 1000};
        ask(self, request, "back", &options, pass_on);
    } else if (strcmp(method, "dawdle") == 0) {
        options = (troupe_call_options_t){.method = "left", .timeout_ms = 24 * 60 * 60 * 1000};
        ask(self, request, "back", &options, pass_on);
    } else if (strcmp(method, "think first") == 0) {
        gate_pass(&front_gate, request);
        options.method = "";
        ask(self, request, "back", &options, pass_on);
    } else if (strcmp(method, "change its mind") == 0) {
        options.method = "hold";
        troupe_worker_cancel(self, ask(self, request, "back", &options, pass_on));
    } else if (strcmp(method, "tell") == 0) {
        tell(self, request, "clerk");
    } else if (strcmp(method, "tell nobody") == 0) {
        tell(self, request, "nobody");
    } else if (strcmp(method, "here") == 0) {
        troupe_request_reply_data(request, "here", strlen("here"));
    } else {
        ask(self, request, "back", &options, pass_on);
    }
    return 0;
}

/* ---- back: answers ---- */

static void reply_text(troupe_request_t *request, const char *text)
{
    troupe_request_reply_data(request, text, strlen(text));
}

static int handle_back(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)state;
    const char *method = troupe_request_method(request);
    if (strcmp(method, "hold") == 0) {
        if (gate_pass(&gate, request)) {
            reply_text(request, "held");
        } else {
            troupe_request_fail(request, "nobody waits");
            gate_note(&gone);
        }
    } else if (strcmp(method, "left") == 0) {
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long)troupe_request_remaining_ms(request));
        reply_text(request, text);
    } else if (strcmp(method, "trace") == 0) {
        reply_text(request, troupe_request_traceparent(request));
    } else if (strcmp(method, "parts") == 0) {
        for (size_t i = 0; i < 1000; i++) {
            troupe_message_t *part = troupe_message_from(&i, sizeof i);
            if (troupe_request_part(request, &part) != TROUPE_OK) {
                break;
            }
        }
        reply_text(request, "all parts");
    } else if (strcmp(method, "broken once") == 0 && atomic_fetch_add(&n_broken, 1) == 0) {
        troupe_worker_explain(self, "broken as asked");
        return -1;
    } else {
        troupe_message_t *reply = troupe_message_share(troupe_request_message(request));
        troupe_request_reply(request, &reply);
    }
    return 0;
}

/* An actor that asks for its own sake. */
static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)message;
    (void)state;
    uint64_t id;
    troupe_message_t *question = troupe_message_from_text("x");
    return troupe_worker_call(self, NULL, "back", NULL, &question, hear, NULL, &id) !=
           TROUPE_OK;
}

static const troupe_behaviour_t front = {.name = "front", .handle = handle_front};
static const troupe_behaviour_t back = {.name = "back", .handle = handle_back};
static const troupe_behaviour_t clerk = {.name = "clerk", .receive = receive};
static const troupe_behaviour_t *const behaviours[] = {&front, &back, &clerk, NULL};

/* ---- the node ---- */

static int begin(void **state)
{
    (void)state;
    gate_reset(&gate);
    gate_reset(&front_gate);
    gate_reset(&gone);
    atomic_store(&n_served, 0);
    atomic_store(&n_broken, 0);
    rig_start(&rig, behaviours, "drain-timeout: 1m\n",
              "    - {capability: back, worker: {module: back}, timeout: 1h, retry: 1,"
              " backoff: {min: 1ms, max: 1ms}}\n"
              "    - {capability: front, worker: {module: front}, timeout: 1h,"
              " workers: {min: 4, max: 4, concurrency: 100}}\n"
              "    - {capability: round, worker: {module: front}, timeout: 1h}\n"
              "    - {capability: other, worker: {module: front}, timeout: 1h}\n"
              "    - {actor: clerk, worker: {module: clerk}}\n");
    line_open(&line, &rig, INSIDE);
    return 0;
}

static int end(void **state)
{
    (void)state;
    gate_open(&gate);
    gate_open(&front_gate);
    line_close(&line);
    rig_end(&rig);
    return 0;
}

static uint64_t start(const char *method, int64_t timeout_ms)
{
    return line_start(&line, "front",
                      &(troupe_call_options_t){.method = method, .timeout_ms = timeout_ms},
                      "x");
}

static void assert_replies(uint64_t id, const char *text)
{
    troupe_reply_t *reply = line_final(&line, id);
    if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK || !reply_says(reply, text)) {
        fail_msg("%s: %s, not '%s' but '%.*s'",
                 troupe_outcome_name(troupe_reply_outcome(reply)), troupe_reply_text(reply),
                 text, (int)troupe_message_size(troupe_reply_message(reply), 0),
                 (const char *)troupe_message_data(troupe_reply_message(reply), 0));
    }
    troupe_reply_destroy(&reply);
}

static void assert_both_serve(void)
{
    assert_replies(line_start(&line, "front", &(troupe_call_options_t){.method = "here"}, "x"),
                   "here");
    assert_replies(line_start(&line, "back", NULL, "y"), "y");
    rig_await_rest(&rig, "front");
    rig_await_rest(&rig, "back");
}

/* ---- stories ---- */

static void the_result_passes_through(void **state)
{
    (void)state;
    assert_replies(start("", 0), "x");
    assert_both_serve();
}

static void parts_pass_through(void **state)
{
    (void)state;
    uint64_t id = start("parts", 0);
    for (size_t i = 0; i < 1000; i++) {
        troupe_reply_t *part = line_take(&line, id);
        assert_false(troupe_reply_is_final(part));
        assert_int_equal(troupe_reply_sequence(part), i);
        assert_memory_equal(troupe_message_data(troupe_reply_message(part), 0), &i, sizeof i);
        troupe_reply_destroy(&part);
    }
    assert_replies(id, "all parts");
    assert_both_serve();
}

static void who_is_not_there_is_told_to_the_handler(void **state)
{
    (void)state;
    troupe_reply_t *reply = line_final(&line, start("nowhere", 0));
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_WORKER_ERROR);
    assert_non_null(strstr(troupe_reply_text(reply), "no_capability"));
    troupe_reply_destroy(&reply);
    assert_both_serve();
}

static int64_t left_of(const char *method, int64_t timeout_ms)
{
    troupe_reply_t *reply = line_final(&line, start(method, timeout_ms));
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_OK);
    char *text = troupe_message_text(troupe_reply_message(reply), 0);
    assert_non_null(text);
    int64_t left_ms = strtoll(text, NULL, 10);
    free(text);
    troupe_reply_destroy(&reply);
    return left_ms;
}

static void a_call_has_no_more_time_than_its_parent(void **state)
{
    (void)state;
    const int64_t timeout_ms = 600000;
    int64_t left_ms = left_of("left", timeout_ms);
    assert_in_range(left_ms, 1, atomic_load(&front_left_ms));
    left_ms = left_of("dawdle", timeout_ms);
    assert_in_range(left_ms, 1, atomic_load(&front_left_ms));
    assert_in_range(left_of("hurry", timeout_ms), 1, 1000);
}

static void the_deadline_of_the_parent_ends_the_call(void **state)
{
    (void)state;
    assert_outcome(line_outcome(&line, start("hold", 100)), TROUPE_OUTCOME_TIMEOUT);
    assert_true(gate_await(&gone, 1));
    assert_both_serve();
}

static void a_cancel_of_the_parent_cancels_the_call(void **state)
{
    (void)state;
    uint64_t id = start("hold", 0);
    assert_true(gate_await(&gate, 1));
    line_cancel(&line, id);
    assert_outcome(line_outcome(&line, id), TROUPE_OUTCOME_CANCELLED);
    assert_true(gate_await(&gone, 1));
    assert_both_serve();
}

/* Here the called one waits in the queue of its capability. */
static void a_cancel_of_the_parent_cancels_a_call_that_waits(void **state)
{
    (void)state;
    uint64_t holder =
        line_start(&line, "back", &(troupe_call_options_t){.method = "hold"}, "x");
    assert_true(gate_await(&gate, 1));
    uint64_t id = start("", 0);
    rig_await(&rig, "back", 1, 1);
    line_cancel(&line, id);
    assert_outcome(line_outcome(&line, id), TROUPE_OUTCOME_CANCELLED);
    rig_await(&rig, "back", 0, 1);
    gate_open(&gate);
    assert_replies(holder, "held");
    assert_both_serve();
}

static void a_handler_may_cancel_what_it_asked(void **state)
{
    (void)state;
    troupe_reply_t *reply = line_final(&line, start("change its mind", 0));
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_WORKER_ERROR);
    assert_non_null(strstr(troupe_reply_text(reply), "cancelled"));
    troupe_reply_destroy(&reply);
    assert_both_serve();
}

/* One asks the other, which asks the one; each has one worker, which takes one request. */
static void a_circle_ends_by_the_deadline(void **state)
{
    (void)state;
    uint64_t id = line_start(
        &line, "round", &(troupe_call_options_t){.method = "circle", .timeout_ms = 200}, "x");
    assert_outcome(line_outcome(&line, id), TROUPE_OUTCOME_TIMEOUT);
    rig_await_rest(&rig, "round");
    rig_await_rest(&rig, "other");
    assert_replies(line_start(&line, "round", &(troupe_call_options_t){.method = "here"}, "x"),
                   "here");
    assert_replies(line_start(&line, "other", &(troupe_call_options_t){.method = "here"}, "x"),
                   "here");
}

static void calls_are_nested_only_so_deep(void **state)
{
    (void)state;
    troupe_reply_t *reply = line_final(&line, start("deep", 0));
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_WORKER_ERROR);
    assert_non_null(strstr(troupe_reply_text(reply), "bad_request"));
    troupe_reply_destroy(&reply);
    assert_int_equal(atomic_load(&n_served), DEEPEST + 1);
    assert_both_serve();
}

static void await_drain(void)
{
    troupe_outcome_t outcome = TROUPE_OUTCOME_OK;
    for (size_t i = 0; i < MOST_TRIES && outcome == TROUPE_OUTCOME_OK; i++) {
        outcome = line_call(&line, "back", NULL, "x");
    }
    assert_outcome(outcome, TROUPE_OUTCOME_SHUTTING_DOWN);
}

static void a_node_that_drains_finishes_what_calls_others(void **state)
{
    (void)state;
    uint64_t id = start("think first", 0);
    assert_true(gate_await(&front_gate, 1));
    troupe_node_stop(rig.node);
    await_drain();
    gate_open(&front_gate);
    assert_replies(id, "x");
    int code = -1;
    assert_status(troupe_node_wait(rig.node, RIG_PATIENCE_MS, &code), TROUPE_OK);
    assert_int_equal(code, TROUPE_EXIT_OK);
}

/* It is the whole chain that counts, not the first link. */
static void a_node_that_drains_waits_for_what_was_called(void **state)
{
    (void)state;
    uint64_t id = start("hold", 0);
    assert_true(gate_await(&gate, 1));
    troupe_node_stop(rig.node);
    troupe_outcome_t outcome = TROUPE_OUTCOME_OK;
    for (size_t i = 0; i < MOST_TRIES && outcome == TROUPE_OUTCOME_OK; i++) {
        outcome = line_call(&line, "front", &(troupe_call_options_t){.method = "here"}, "x");
    }
    assert_outcome(outcome, TROUPE_OUTCOME_SHUTTING_DOWN);
    gate_open(&gate);
    assert_replies(id, "held");
}

static void the_trace_context_reaches_who_is_called(void **state)
{
    (void)state;
    uint64_t id =
        line_start(&line, "front",
                   &(troupe_call_options_t){.method = "trace", .traceparent = PARENT}, "x");
    assert_replies(id, PARENT);
}

static void an_actor_may_call_and_be_told(void **state)
{
    (void)state;
    troupe_probe_t *probe = troupe_probe_new(rig.node, "test");
    assert_non_null(probe);
    assert_replies(start("tell", 0), "ok");
    assert_text(probe, "ok");
    troupe_probe_destroy(&probe);
    assert_replies(start("tell nobody", 0), "not_found");
    assert_both_serve();
}

/* ---- what the log says ---- */

static char *read_log(FILE *file)
{
    assert_status(tr_log_flush(RIG_PATIENCE_MS), TROUPE_OK);
    long size = lseek(fileno(file), 0, SEEK_END);
    assert_true(size >= 0);
    char *text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(pread(fileno(file), text, (size_t)size, 0), size);
    return text;
}

/* How many lines there are of that event of that capability, in that trace. */
static size_t n_lines(const char *log, const char *event, const char *capability)
{
    char wanted_event[64];
    char wanted_capability[64];
    snprintf(wanted_event, sizeof wanted_event, "event=%s ", event);
    snprintf(wanted_capability, sizeof wanted_capability, "capability=%s", capability);
    size_t n = 0;
    const char *at = log ? log : "";
    for (const char *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        size_t length = (size_t)(end - at);
        n += memmem(at, length, wanted_event, strlen(wanted_event)) &&
             memmem(at, length, wanted_capability, strlen(wanted_capability)) &&
             memmem(at, length, "trace=" TRACE_ID, strlen("trace=" TRACE_ID));
    }
    return n;
}

static void assert_lines(const char *log, const char *event, const char *capability, size_t n)
{
    if (n_lines(log, event, capability) != n) {
        fail_msg("%zu lines of %s of %s, not %zu, in:\n%s", n_lines(log, event, capability),
                 event, capability, n, log);
    }
}

static void a_sampled_trace_can_be_followed_in_the_log(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    tr_log_set_descriptor(fileno(file));
    tr_log_set_level(TR_LOG_INFO);
    troupe_call_options_t options = {.method = "broken once", .traceparent = PARENT};
    uint64_t id = line_start(&line, "front", &options, "x");
    assert_replies(id, "x");
    /* Not sampled, and no trace context at all: nothing is said. */
    options = (troupe_call_options_t){.traceparent = "00-" TRACE_ID "-00f067aa0ba902b7-00"};
    assert_replies(line_start(&line, "back", &options, "x"), "x");
    options.traceparent = "00-" TRACE_ID "-01";
    assert_replies(line_start(&line, "back", &options, "x"), "x");
    rig_await_rest(&rig, "front");
    rig_await_rest(&rig, "back");
    char *log = read_log(file);
    tr_log_set_level(TR_LOG_OFF);
    tr_log_set_descriptor(STDERR_FILENO);
    fclose(file);
    assert_lines(log, "request_accepted", "front", 1);
    assert_lines(log, "request_dispatched", "front", 1);
    assert_lines(log, "request_retried", "front", 0);
    assert_lines(log, "request_finished", "front", 1);
    assert_lines(log, "request_accepted", "back", 1);
    assert_lines(log, "request_dispatched", "back", 2);
    assert_lines(log, "request_retried", "back", 1);
    assert_lines(log, "request_finished", "back", 1);
    free(log);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(the_result_passes_through),
        STORY(parts_pass_through),
        STORY(who_is_not_there_is_told_to_the_handler),
        STORY(a_call_has_no_more_time_than_its_parent),
        STORY(the_deadline_of_the_parent_ends_the_call),
        STORY(a_cancel_of_the_parent_cancels_the_call),
        STORY(a_cancel_of_the_parent_cancels_a_call_that_waits),
        STORY(a_handler_may_cancel_what_it_asked),
        STORY(a_circle_ends_by_the_deadline),
        STORY(calls_are_nested_only_so_deep),
        STORY(a_node_that_drains_finishes_what_calls_others),
        STORY(a_node_that_drains_waits_for_what_was_called),
        STORY(the_trace_context_reaches_who_is_called),
        STORY(an_actor_may_call_and_be_told),
        STORY(a_sampled_trace_can_be_followed_in_the_log),
    };
    return cmocka_run_group_tests_name("calls", tests, NULL, NULL) != 0;
}
