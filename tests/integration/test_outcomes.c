/* Every way in which a request can end, as its caller sees it: the code, words that tell why,
 * whether trying again makes sense, and when. Each story is told by a caller inside the process
 * and by one over tcp, so that the two cannot drift apart.
 *
 * A story has a node of its own, with what it needs and nothing else.
 */

#include "tests/kit/gate.h"
#include "tests/kit/rig.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "mailbox/directory.h"
#include "mailbox/mailbox.h"
#include "node/node.h"

#define SOON_MS     50 /* a deadline that passes while the test waits for it */
#define MOST_FRAMES 64 /* of a payload that comes over a socket */
#define MOST_TRIES  100000

static rig_t rig;
static line_t line;
static line_t other;
static gate_t gate = GATE_INITIALIZER;      /* holds handlers */
static gate_t init_gate = GATE_INITIALIZER; /* holds `init` */
static tr_mailbox_t *nobodys;

/* ---- workers ---- */

static int handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)state;
    const char *method = troupe_request_method(request);
    if (strcmp(method, "hold") == 0) {
        if (gate_pass(&gate, request)) {
            troupe_request_reply_data(request, "held", strlen("held"));
        } else {
            troupe_request_fail(request, "nobody waits");
        }
    } else if (strcmp(method, "fail") == 0) {
        troupe_request_fail(request, "failed as asked");
    } else if (strcmp(method, "broken") == 0) {
        troupe_worker_explain(self, "broken as asked");
        return -1;
    } else if (strcmp(method, "starve") == 0) {
        troupe_request_refuse(request, TROUPE_OUTCOME_MEMORY_EXHAUSTED,
                              "no room for the model");
    } else if (strcmp(method, "choke") == 0) {
        troupe_request_refuse(request, TROUPE_OUTCOME_TOO_LARGE, "more than it can chew");
    } else if (strcmp(method, "") == 0) {
        troupe_message_t *reply = troupe_message_share(troupe_request_message(request));
        troupe_request_reply(request, &reply);
    } else {
        troupe_request_refuse(request, TROUPE_OUTCOME_BAD_REQUEST, "no method %s", method);
    }
    return 0;
}

static int fail_to_start(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)args;
    (void)state_p;
    troupe_worker_explain(self, "no model in the folder");
    return -1;
}

/* Without progress, until the test is over. */
static int hang_in_start(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)self;
    (void)args;
    (void)state_p;
    gate_pass(&init_gate, NULL);
    return TROUPE_INIT_OK;
}

static const troupe_behaviour_t fine = {.name = "fine", .handle = handle};
static const troupe_behaviour_t lame = {
    .name = "lame", .init = fail_to_start, .handle = handle};
static const troupe_behaviour_t stuck = {
    .name = "stuck", .init = hang_in_start, .handle = handle};
static const troupe_behaviour_t *const behaviours[] = {&fine, &lame, &stuck, NULL};

/* ---- stories ---- */

/* What the node has; how the request comes to its end, which is returned. */
typedef struct story {
    const char *children;
    troupe_reply_t *(*provoke)(void);
    troupe_outcome_t outcome;
    const char *words;
    bool is_hinted; /* it is known when to try again */
} story_t;

typedef struct telling {
    const story_t *story;
    side_t side;
} telling_t;

#define FINE    "    - {capability: it, worker: {module: fine}, timeout: 1m"
#define QUICKLY ", backoff: {min: 1ms, max: 1ms}"

static uint64_t start(const char *method)
{
    return line_start(&line, "it", &(troupe_call_options_t){.method = method}, "x");
}

static uint64_t start_hurried(const char *method)
{
    return line_start(&line, "it",
                      &(troupe_call_options_t){.method = method, .timeout_ms = SOON_MS}, "x");
}

/* The one worker is busy from here on. */
static uint64_t occupy(void)
{
    uint64_t id = start("hold");
    assert_true(gate_await(&gate, 1));
    return id;
}

static troupe_reply_t *call(const char *method)
{
    return line_final(&line, start(method));
}

static troupe_reply_t *provoke_ok(void)
{
    return call("");
}

static troupe_reply_t *provoke_failure(void)
{
    return call("fail");
}

static troupe_reply_t *provoke_loss(void)
{
    return call("broken");
}

static troupe_reply_t *provoke_timeout_of_running(void)
{
    uint64_t id = line_start(
        &line, "it", &(troupe_call_options_t){.method = "hold", .timeout_ms = 100}, "x");
    return line_final(&line, id);
}

static troupe_reply_t *provoke_timeout_of_waiting(void)
{
    occupy();
    return line_final(&line, start_hurried(""));
}

static troupe_reply_t *provoke_queue_timeout(void)
{
    occupy();
    return call("");
}

static troupe_reply_t *provoke_cancel_of_running(void)
{
    uint64_t id = occupy();
    line_cancel(&line, id);
    return line_final(&line, id);
}

static troupe_reply_t *provoke_cancel_of_waiting(void)
{
    occupy();
    uint64_t id = start("");
    rig_await(&rig, "it", 1, 1);
    line_cancel(&line, id);
    return line_final(&line, id);
}

/* One runs, one waits, and that is all that fits. */
static troupe_reply_t *provoke_overflow(void)
{
    occupy();
    start("");
    rig_await(&rig, "it", 1, 1);
    return call("");
}

static troupe_reply_t *provoke_drop(void)
{
    occupy();
    uint64_t oldest = start("");
    rig_await(&rig, "it", 1, 1);
    start("");
    return line_final(&line, oldest);
}

/* One peer has as much as it may; what of another one waits is not dropped for its next. */
static troupe_reply_t *provoke_refusal_that_drops_nobody(void)
{
    uint64_t id = occupy();
    line_open(&other, &rig, INSIDE);
    uint64_t waiting = line_start(&other, "it", NULL, "x");
    rig_await(&rig, "it", 1, 1);
    assert_outcome(line_outcome(&line, start("")), TROUPE_OUTCOME_OVERLOADED);
    gate_open(&gate);
    assert_outcome(line_outcome(&line, id), TROUPE_OUTCOME_OK);
    return line_final(&other, waiting);
}

static troupe_reply_t *provoke_too_many_of_one_peer(void)
{
    occupy();
    return call("");
}

static troupe_reply_t *provoke_no_capability(void)
{
    return line_final(&line, line_start(&line, "that", NULL, "x"));
}

/* It breaks its only worker, whose second replacement is long in coming. */
static troupe_reply_t *provoke_no_workers(void)
{
    assert_outcome(line_outcome(&line, start("broken")), TROUPE_OUTCOME_WORKER_LOST);
    assert_outcome(line_outcome(&line, start("broken")), TROUPE_OUTCOME_WORKER_LOST);
    return line_final(&line, start_hurried(""));
}

static troupe_reply_t *provoke_open_circuit(void)
{
    assert_outcome(line_outcome(&line, start("fail")), TROUPE_OUTCOME_WORKER_ERROR);
    return call("");
}

static troupe_reply_t *provoke_want_of_memory(void)
{
    return call("starve");
}

/* Not until it is said that its worker does not start. */
static troupe_reply_t *provoke_no_start(void)
{
    return call("");
}

/* The node drains for as long as a request runs. */
static troupe_reply_t *provoke_drain(void)
{
    occupy();
    troupe_node_stop(rig.node);
    troupe_reply_t *reply = NULL;
    for (size_t i = 0; i < MOST_TRIES; i++) {
        uint64_t id = line_start(&line, "other", &(troupe_call_options_t){.method = ""}, "x");
        reply = line_final(&line, id);
        if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
            break;
        }
        troupe_reply_destroy(&reply);
    }
    assert_non_null(reply);
    return reply;
}

static troupe_reply_t *provoke_bad_request(void)
{
    return call("dance");
}

static troupe_reply_t *provoke_too_large(void)
{
    return call("choke");
}

/* A client that sends more frames than a node reads. */
static troupe_reply_t *provoke_too_many_frames(void)
{
    troupe_message_t *message = troupe_message_new();
    for (size_t i = 0; i <= MOST_FRAMES; i++) {
        assert_status(troupe_message_add(message, "x", 1), TROUPE_OK);
    }
    uint64_t id;
    assert_status(troupe_client_start(line.client, "it", NULL, &message, &id), TROUPE_OK);
    return line_final(&line, id);
}

static troupe_reply_t *provoke_refusal(void)
{
    return line_final(&line, line_start(&line, "troupe.admin",
                                        &(troupe_call_options_t){.method = "tree"}, ""));
}

/* A capability that lets go of its requests, which none of ours does. */
static troupe_reply_t *provoke_mistake(void)
{
    tr_directory_t *directory = rig.node->runtime->directory;
    nobodys = tr_mailbox_new("void", tr_runtime_next_incarnation(rig.node->runtime),
                             (tr_mailbox_limits_t){100, 1 << 20});
    assert_non_null(nobodys);
    assert_status(tr_directory_register(directory, TR_NAMES_CAPABILITY, "void", nobodys),
                  TROUPE_OK);
    uint64_t id = line_start(&line, "void", NULL, "x");
    if (tr_mailbox_park(nobodys)) {
        struct pollfd bell = {.fd = tr_mailbox_bell(nobodys), .events = POLLIN};
        assert_int_equal(poll(&bell, 1, RIG_PATIENCE_MS), 1);
    }
    tr_mailbox_unpark(nobodys);
    tr_letter_t *letter = tr_mailbox_next(nobodys, NULL);
    assert_non_null(letter);
    tr_letter_destroy(&letter);
    return line_final(&line, id);
}

/* ---- telling them ---- */

static int begin(void **state)
{
    const telling_t *telling = *state;
    gate_reset(&gate);
    gate_reset(&init_gate);
    rig_start(&rig, behaviours, "drain-timeout: 1m\n", telling->story->children);
    line_open(&line, &rig, telling->side);
    return 0;
}

/* What was held goes on, so that no thread stays behind. */
static int end(void **state)
{
    (void)state;
    gate_open(&gate);
    gate_open(&init_gate);
    line_close(&line);
    line_close(&other);
    if (nobodys) {
        tr_directory_remove(rig.node->runtime->directory, TR_NAMES_CAPABILITY, "void", nobodys);
        tr_mailbox_close(nobodys);
        tr_mailbox_release(&nobodys);
    }
    rig_end(&rig);
    return 0;
}

static void ends_as_told(void **state)
{
    const telling_t *telling = *state;
    const story_t *story = telling->story;
    troupe_reply_t *reply = story->provoke();
    const char *text = troupe_reply_text(reply);
    if (troupe_reply_outcome(reply) != story->outcome || !strstr(text, story->words)) {
        fail_msg("it ended %s: %s", troupe_outcome_name(troupe_reply_outcome(reply)), text);
    }
    assert_true(troupe_reply_is_final(reply));
    assert_true(story->outcome == TROUPE_OUTCOME_OK
                    ? text[0] == '\0'
                    : text[0] != '\0' || story->outcome == TROUPE_OUTCOME_CANCELLED);
    if (story->is_hinted) {
        assert_true(troupe_reply_hint_ms(reply) > 0);
    }
    troupe_reply_destroy(&reply);
}

static void only_some_may_do_better_later(void **state)
{
    (void)state;
    static const troupe_outcome_t retryable[] = {
        TROUPE_OUTCOME_WORKER_LOST,   TROUPE_OUTCOME_TIMEOUT,
        TROUPE_OUTCOME_OVERLOADED,    TROUPE_OUTCOME_NO_WORKERS,
        TROUPE_OUTCOME_CIRCUIT_OPEN,  TROUPE_OUTCOME_MEMORY_EXHAUSTED,
        TROUPE_OUTCOME_SPAWN_FAILED,  TROUPE_OUTCOME_SPAWN_TIMEOUT,
        TROUPE_OUTCOME_SHUTTING_DOWN,
    };
    const size_t n = sizeof retryable / sizeof retryable[0];
    for (int outcome = 0; outcome < TROUPE_N_OUTCOMES; outcome++) {
        bool is_listed = false;
        for (size_t i = 0; i < n; i++) {
            is_listed = is_listed || (int)retryable[i] == outcome;
        }
        assert_int_equal(troupe_outcome_is_retryable((troupe_outcome_t)outcome), is_listed);
    }
}

/* clang-format off */
#define TELL(title, place, ...)                                                                \
    { .name = title, .test_func = ends_as_told, .setup_func = begin, .teardown_func = end,     \
      .initial_state = &(telling_t){&(const story_t){__VA_ARGS__}, place} }

#define BOTH(title, ...)                                                                       \
    TELL(title ", inside", INSIDE, __VA_ARGS__), TELL(title ", over tcp", OVER_TCP, __VA_ARGS__)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_some_may_do_better_later),

        BOTH("ok",
             FINE "}\n", provoke_ok, TROUPE_OUTCOME_OK, "", false),
        BOTH("worker_error: the handler fails it",
             FINE "}\n", provoke_failure, TROUPE_OUTCOME_WORKER_ERROR, "failed as asked",
             false),
        BOTH("worker_lost: the handler breaks",
             FINE "}\n", provoke_loss, TROUPE_OUTCOME_WORKER_LOST, "broken as asked", false),
        BOTH("timeout: while it runs",
             FINE "}\n", provoke_timeout_of_running, TROUPE_OUTCOME_TIMEOUT, "deadline", false),
        BOTH("timeout: while it waits",
             FINE "}\n", provoke_timeout_of_waiting, TROUPE_OUTCOME_TIMEOUT, "deadline", false),
        BOTH("timeout: it waited as long as may be waited",
             FINE ", queue-timeout: 20ms}\n", provoke_queue_timeout, TROUPE_OUTCOME_TIMEOUT,
             "wait", false),
        BOTH("cancelled: while it runs",
             FINE "}\n", provoke_cancel_of_running, TROUPE_OUTCOME_CANCELLED, "", false),
        BOTH("cancelled: while it waits",
             FINE "}\n", provoke_cancel_of_waiting, TROUPE_OUTCOME_CANCELLED, "", false),
        BOTH("overloaded: the queue is full",
             FINE ", queue: {limit: 1}}\n", provoke_overflow, TROUPE_OUTCOME_OVERLOADED,
             "1 request", true),
        BOTH("overloaded: dropped for a younger one",
             FINE ", queue: {limit: 1, overflow: drop-oldest}}\n", provoke_drop,
             TROUPE_OUTCOME_OVERLOADED, "it", true),
        BOTH("overloaded: one peer has as much as it may",
             FINE ", queue: {per-peer: 1}}\n", provoke_too_many_of_one_peer,
             TROUPE_OUTCOME_OVERLOADED, "peer", true),
        BOTH("ok: one that was refused has dropped nobody",
             FINE ", queue: {limit: 1, overflow: drop-oldest, per-peer: 1}}\n",
             provoke_refusal_that_drops_nobody, TROUPE_OUTCOME_OK, "", false),
        BOTH("no_capability",
             FINE "}\n", provoke_no_capability, TROUPE_OUTCOME_NO_CAPABILITY, "that", false),
        BOTH("no_workers: the only one is not up again in time",
             FINE ", backoff: {min: 1m, max: 1m}}\n", provoke_no_workers,
             TROUPE_OUTCOME_NO_WORKERS, "no worker", false),
        BOTH("circuit_open: for what comes",
             FINE ", breaker: {failures: 1, cooldown: 1h, probes: 1}}\n", provoke_open_circuit,
             TROUPE_OUTCOME_CIRCUIT_OPEN, "it", true),
        BOTH("memory_exhausted: a handler says so",
             FINE "}\n", provoke_want_of_memory, TROUPE_OUTCOME_MEMORY_EXHAUSTED,
             "no room for the model", false),
        BOTH("spawn_failed",
             "    - {capability: it, worker: {module: lame}, intensity: {restarts: 0}" QUICKLY
             "}\n",
             provoke_no_start, TROUPE_OUTCOME_SPAWN_FAILED, "no model in the folder", false),
        BOTH("spawn_timeout: a start without progress",
             "    - {capability: it, worker: {module: stuck}, workers: {min: 0, max: 1},"
             " start-stall: 50ms, intensity: {restarts: 0}" QUICKLY "}\n",
             provoke_no_start, TROUPE_OUTCOME_SPAWN_TIMEOUT, "it", false),
        BOTH("shutting_down",
             FINE "}\n    - {capability: other, worker: {module: fine}}\n", provoke_drain,
             TROUPE_OUTCOME_SHUTTING_DOWN, "draining", false),
        BOTH("bad_request: the handler does not know the method",
             FINE "}\n", provoke_bad_request, TROUPE_OUTCOME_BAD_REQUEST, "no method dance",
             false),
        BOTH("too_large: the handler says so",
             FINE "}\n", provoke_too_large, TROUPE_OUTCOME_TOO_LARGE, "more than it can chew",
             false),
        TELL("too_large: more frames than a node reads", OVER_TCP,
             FINE "}\n", provoke_too_many_frames, TROUPE_OUTCOME_TOO_LARGE, "64", false),
        /* There is nothing that a caller inside may not call. */
        TELL("forbidden: the node itself, over tcp", OVER_TCP,
             FINE "}\n", provoke_refusal, TROUPE_OUTCOME_FORBIDDEN, "troupe.", false),
        BOTH("internal: somebody lets go of the request",
             FINE "}\n", provoke_mistake, TROUPE_OUTCOME_INTERNAL, "lost", false),
    };
    return cmocka_run_group_tests_name("outcomes", tests, NULL, NULL) != 0;
}
/* clang-format on */
