/* Reloads under load. Two callers, one inside and one over a socket, ask at a steady pace while
 * every worker is replaced and the file changes ten times, each time something real. Does each
 * request end well, once, and with its own bytes, and does each reload do what it should?
 *
 * $TROUPE_RELOAD_SECONDS says how long, $TROUPE_RELOAD_RATE how many requests a second. A pace
 * that this machine does not reach is told and is no fault: what was asked for is counted, not
 * how fast. Asserts belong to the main thread: the others count faults and say the first of
 * them on stderr.
 */

#include "tests/kit/gate.h"
#include "tests/kit/rig.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RELOADS     10
#define PATIENCE_MS 60000
#define MOST_SAID   20
#define MOST_OPEN   64 /* of one caller: what the queue of the file always has room for */

static const char *const shown_outcomes = "outcomes that are not ok";

static gate_t progress = GATE_INITIALIZER; /* a step for each hundredth of the requests */
static atomic_size_t n_faults;
static atomic_size_t n_answered;

#define FAULT(...)                                                                             \
    do {                                                                                       \
        if (atomic_fetch_add(&n_faults, 1) < MOST_SAID) {                                      \
            fprintf(stderr, __VA_ARGS__);                                                      \
            fputc('\n', stderr);                                                               \
        }                                                                                      \
    } while (0)

static int64_t number_from(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoll(text, NULL, 10) : otherwise;
}

/* ---- the worker: it says which arguments it was started with ---- */

static int remember(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)self;
    const char *mark = troupe_args_get(args, "mark");
    *state_p = (void *)(uintptr_t)(mark ? mark : "none");
    return TROUPE_INIT_OK;
}

static int answer(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)self;
    if (strcmp(troupe_request_method(request), "mark") == 0) {
        troupe_request_reply_data(request, state, strlen(state));
    } else {
        troupe_request_reply_data(request, troupe_request_data(request), sizeof(uint64_t));
    }
    return 0;
}

static const troupe_behaviour_t paced = {.name = "paced", .init = remember, .handle = answer};

/* ---- who calls ---- */

typedef struct load {
    pthread_t thread;
    troupe_node_t *node;  /* from inside */
    const char *endpoint; /* or by that; NULL: from inside */
    size_t n_requests;
    int64_t rate;
    unsigned char *ends; /* of each request, how often it has ended */
    size_t n_ok;
    int64_t took_ms;
} load_t;

typedef struct caller {
    troupe_caller_t *inside;
    troupe_client_t *remote;
} caller_t;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool start_call(caller_t *caller, uint64_t number)
{
    const troupe_call_options_t options = {.method = "echo"};
    troupe_message_t *message = troupe_message_from(&number, sizeof number);
    uint64_t id;
    troupe_status_t status =
        caller->inside ? troupe_caller_start(caller->inside, "load", &options, &message, &id)
                       : troupe_client_start(caller->remote, "load", &options, &message, &id);
    if (status != TROUPE_OK) {
        FAULT("request %" PRIu64 " could not be sent: %s", number, troupe_status_text(status));
    }
    return status == TROUPE_OK;
}

/* One reply, waiting up to so long; false when there is none. */
static bool take_reply(load_t *load, caller_t *caller, int64_t timeout_ms)
{
    troupe_reply_t *reply = NULL;
    troupe_status_t status = caller->inside
                                 ? troupe_caller_next(caller->inside, timeout_ms, &reply)
                                 : troupe_client_next(caller->remote, timeout_ms, &reply);
    if (status != TROUPE_OK) {
        return false;
    }
    const troupe_message_t *message = troupe_reply_message(reply);
    uint64_t number = UINT64_MAX;
    if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
        FAULT("a request ended %s: %s", troupe_outcome_name(troupe_reply_outcome(reply)),
              troupe_reply_text(reply));
    } else if (troupe_message_size(message, 0) != sizeof number) {
        FAULT("a reply has %zu bytes", troupe_message_size(message, 0));
    } else {
        memcpy(&number, troupe_message_data(message, 0), sizeof number);
    }
    if (number < load->n_requests) {
        load->n_ok++;
        if (load->ends[number]++ > 0) {
            FAULT("request %" PRIu64 " was answered twice", number);
        }
    }
    atomic_fetch_add(&n_answered, 1);
    if ((load->n_ok % (load->n_requests / 100)) == 0) {
        gate_note(&progress);
    }
    troupe_reply_destroy(&reply);
    return true;
}

/* At the pace, and never more than so many open; who falls behind catches up. */
static void call_all(load_t *load, caller_t *caller)
{
    int64_t start_ns = now_ns();
    size_t n_started = 0;
    size_t n_ended = 0;
    while (n_ended < load->n_requests) {
        int64_t now = now_ns();
        int64_t due_ns = start_ns + (int64_t)n_started * 1000000000 / load->rate;
        if (n_started < load->n_requests && now >= due_ns && n_started - n_ended < MOST_OPEN) {
            n_ended += !start_call(caller, n_started);
            n_started++;
            continue;
        }
        bool waits_for_room = n_started == load->n_requests || n_started - n_ended == MOST_OPEN;
        int64_t wait_ms = waits_for_room ? PATIENCE_MS : (due_ns - now + 999999) / 1000000;
        if (take_reply(load, caller, wait_ms > 0 ? wait_ms : 0)) {
            n_ended++;
        } else if (waits_for_room) {
            FAULT("nothing has come for a minute, of %zu that are open", n_started - n_ended);
            return;
        } else if (n_started == n_ended) {
            struct timespec pause = {0, 200000}; /* nothing is open: only the pace to keep */
            nanosleep(&pause, NULL);
        }
    }
    load->took_ms = (now_ns() - start_ns) / 1000000;
}

static void *call_from_there(void *arg)
{
    load_t *load = arg;
    caller_t caller = {0};
    if (load->endpoint) {
        caller.remote = troupe_client_new(load->endpoint);
        if (caller.remote && troupe_client_connect(caller.remote, PATIENCE_MS) != TROUPE_OK) {
            troupe_client_destroy(&caller.remote);
        }
    } else {
        caller.inside = troupe_caller_new(load->node);
    }
    if (caller.inside || caller.remote) {
        call_all(load, &caller);
    } else {
        FAULT("a caller could not be made");
    }
    troupe_caller_destroy(&caller.inside);
    troupe_client_destroy(&caller.remote);
    return NULL;
}

/* ---- the file ---- */

/* What it says of the capability under load, and whether there is another. */
typedef struct version {
    const char *load;
    bool has_other;
    const char *line; /* what the reload from the one before says */
} version_t;

#define LOAD(mark, min, max, limit, timeout, more)                                             \
    "{capability: load, worker: {module: paced, args: {mark: " mark "}}, workers: {min: " min  \
    ", max: " max ", concurrency: 4}, intensity: {restarts: 20}, queue: {limit: " limit        \
    "}, timeout: " timeout ", health: {interval: 200ms}" more "}"
#define ROLLS "; its workers are replaced one after another"

static const version_t versions[RELOADS + 1] = {
    {LOAD("a", "2", "2", "1000", "30s", ""), false, NULL},
    {LOAD("b", "2", "2", "1000", "30s", ""), false, "capability load: worker.args" ROLLS},
    {LOAD("b", "3", "4", "1000", "30s", ""), false,
     "capability load: workers.min 2 -> 3, workers.max 2 -> 4"},
    {LOAD("b", "3", "4", "500", "30s", ""), false, "capability load: queue.limit 1000 -> 500"},
    {LOAD("b", "3", "4", "500", "20s", ""), true,
     "capability load: timeout 30s -> 20s\nadd capability other to root"},
    {LOAD("c", "3", "4", "500", "20s", ""), true, "capability load: worker.args" ROLLS},
    {LOAD("c", "1", "2", "500", "20s", ""), true,
     "capability load: workers.min 3 -> 1, workers.max 4 -> 2"},
    {LOAD("d", "2", "2", "700", "20s", ""), false,
     "remove capability other from root\ncapability load: worker.args, workers.min 1 -> 2, "
     "queue.limit 500 -> 700" ROLLS},
    {LOAD("d", "2", "2", "700", "25s", ", balance: round_robin"), true,
     "capability load: balance least_pending -> round_robin, timeout 20s -> 25s\n"
     "add capability other to root"},
    {LOAD("d", "2", "2", "700", "25s", ", balance: round_robin, batch: {max: 4, window: 1ms}"),
     false,
     "remove capability other from root\ncapability load: batch.max 1 -> 4, batch.window 0 -> "
     "1ms"},
    {LOAD("e", "4", "4", "1000", "30s", ""), false,
     "capability load: worker.args, workers.min 2 -> 4, workers.max 2 -> 4, queue.limit 700 -> "
     "1000, balance round_robin -> least_pending, timeout 25s -> 30s, batch.max 4 -> 1, "
     "batch.window 1ms -> 0" ROLLS},
};

typedef struct stage {
    char folder[32];
    char file[64];
    char ipc[64];
    troupe_node_t *node;
    troupe_caller_t *caller;
} stage_t;

static void write_file(const stage_t *stage, const version_t *version)
{
    FILE *file = fopen(stage->file, "w");
    assert_non_null(file);
    fprintf(file,
            "troupe: 1\nnode: loaded\nlisten: [\"%s\"]\nsupervisor:\n  children:\n    - %s\n%s",
            stage->ipc, version->load,
            version->has_other ? "    - {capability: other, worker: {module: paced}}\n" : "");
    assert_int_equal(fclose(file), 0);
}

static void fail_with(void *arg, const char *line)
{
    (void)arg;
    fail_msg("%s", line);
}

static int set_up(void **state)
{
    static stage_t stage;
    *state = &stage;
    strcpy(stage.folder, "/tmp/troupe-reload-XXXXXX");
    assert_non_null(mkdtemp(stage.folder));
    snprintf(stage.file, sizeof stage.file, "%s/node.yaml", stage.folder);
    snprintf(stage.ipc, sizeof stage.ipc, "ipc://%s/n.sock", stage.folder);
    write_file(&stage, &versions[0]);
    stage.node = troupe_node_new();
    assert_non_null(stage.node);
    assert_status(troupe_node_register(stage.node, &paced), TROUPE_OK);
    assert_status(troupe_node_load_file(stage.node, stage.file, fail_with, NULL), TROUPE_OK);
    assert_status(troupe_node_start(stage.node, fail_with, NULL), TROUPE_OK);
    stage.caller = troupe_caller_new(stage.node);
    assert_non_null(stage.caller);
    return 0;
}

static int tear_down(void **state)
{
    stage_t *stage = *state;
    troupe_caller_destroy(&stage->caller);
    troupe_node_destroy(&stage->node);
    unlink(stage->file);
    rmdir(stage->folder);
    return 0;
}

/* Ask, and expect that it ends well and says this. */
static void expect(stage_t *stage, const char *capability, const char *method,
                   const char *operand, const char *says)
{
    const troupe_call_options_t options = {.method = method, .timeout_ms = PATIENCE_MS};
    troupe_message_t *message = operand ? troupe_message_from_text(operand) : NULL;
    troupe_reply_t *reply = NULL;
    assert_status(
        troupe_caller_call(stage->caller, capability, &options, &message, NULL, NULL, &reply),
        TROUPE_OK);
    if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
        fail_msg("%s %s: %s", capability, method, troupe_reply_text(reply));
    }
    const troupe_message_t *answer_message = troupe_reply_message(reply);
    char text[1024];
    snprintf(text, sizeof text, "%.*s", (int)troupe_message_size(answer_message, 0),
             (const char *)troupe_message_data(answer_message, 0));
    assert_string_equal(text, says);
    troupe_reply_destroy(&reply);
}

static void each_request_ends_well_once(void **state)
{
    stage_t *stage = *state;
    int64_t seconds = number_from("TROUPE_RELOAD_SECONDS", 2);
    int64_t rate = number_from("TROUPE_RELOAD_RATE", 5000);
    load_t loads[] = {
        {.node = stage->node, .rate = rate * 4 / 5},
        {.endpoint = stage->ipc, .rate = rate / 5},
    };
    size_t n_requests = 0;
    for (size_t i = 0; i < 2; i++) {
        loads[i].n_requests = (size_t)(loads[i].rate * seconds);
        loads[i].ends = calloc(loads[i].n_requests, 1);
        assert_non_null(loads[i].ends);
        n_requests += loads[i].n_requests;
        assert_int_equal(pthread_create(&loads[i].thread, NULL, call_from_there, &loads[i]), 0);
    }
    /* Of two times a hundred steps; the last part is without any. */
    assert_true(gate_await(&progress, 10));
    expect(stage, "troupe.admin", "restart", "load",
           "load has been restarted: one worker after another");
    for (size_t i = 1; i <= RELOADS; i++) {
        assert_true(gate_await(&progress, 10 + i * 14));
        write_file(stage, &versions[i]);
        expect(stage, "troupe.admin", "reload", NULL, versions[i].line);
    }
    size_t n_during = atomic_load(&n_answered);
    int64_t took_ms = 1;
    size_t n_ok = 0;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(loads[i].thread, NULL), 0);
        n_ok += loads[i].n_ok;
        took_ms = loads[i].took_ms > took_ms ? loads[i].took_ms : took_ms;
        free(loads[i].ends);
    }
    printf("%zu requests at %" PRId64 "/s wanted, %" PRId64 "/s reached; %zu were answered "
           "before the last of %d reloads was done; %s: %zu\n",
           n_requests, rate, (int64_t)n_requests * 1000 / took_ms, n_during, RELOADS,
           shown_outcomes, n_requests - n_ok);
    assert_int_equal(n_ok, n_requests);
    assert_int_equal(atomic_load(&n_faults), 0);
    expect(stage, "load", "mark", NULL, "e");
    expect(stage, "troupe.admin", "reload", NULL, "nothing has changed");
}

/* ---- a program around the node ---- */

/* Ask until a call of `late` ends so. */
static void await_late(stage_t *stage, troupe_outcome_t wanted)
{
    troupe_outcome_t outcome = TROUPE_OUTCOME_INTERNAL;
    for (int64_t until_ms = rig_now_ms() + PATIENCE_MS;
         outcome != wanted && rig_now_ms() < until_ms;) {
        const troupe_call_options_t options = {.method = "mark", .timeout_ms = PATIENCE_MS};
        troupe_message_t *message = NULL;
        troupe_reply_t *reply = NULL;
        assert_status(
            troupe_caller_call(stage->caller, "late", &options, &message, NULL, NULL, &reply),
            TROUPE_OK);
        outcome = troupe_reply_outcome(reply);
        troupe_reply_destroy(&reply);
    }
    assert_int_equal(outcome, wanted);
}

static void a_program_asks(void **state)
{
    stage_t *stage = *state;
    char *effective = troupe_node_effective(stage->node);
    assert_non_null(effective);
    char *more = NULL;
    assert_true(asprintf(&more, "%s    - {capability: late, worker: {module: paced}}\n",
                         effective) > 0);
    await_late(stage, TROUPE_OUTCOME_NO_CAPABILITY);
    assert_status(troupe_node_reload_text(stage->node, "more", "nonsense"), TROUPE_OK);
    assert_status(troupe_node_reload_text(stage->node, "more", more), TROUPE_OK);
    await_late(stage, TROUPE_OUTCOME_OK);
    expect(stage, "load", "mark", NULL, "a");
    /* The file does not have it; while the first reload is under way this one is refused. */
    troupe_outcome_t outcome = TROUPE_OUTCOME_OK;
    for (int64_t until_ms = rig_now_ms() + PATIENCE_MS;
         outcome != TROUPE_OUTCOME_NO_CAPABILITY && rig_now_ms() < until_ms;) {
        const troupe_call_options_t options = {.method = "mark"};
        troupe_message_t *message = NULL;
        troupe_reply_t *reply = NULL;
        assert_status(troupe_node_reload(stage->node), TROUPE_OK);
        assert_status(
            troupe_caller_call(stage->caller, "late", &options, &message, NULL, NULL, &reply),
            TROUPE_OK);
        outcome = troupe_reply_outcome(reply);
        troupe_reply_destroy(&reply);
    }
    assert_int_equal(outcome, TROUPE_OUTCOME_NO_CAPABILITY);
    free(more);
    free(effective);
}

static void a_node_that_does_not_run_is_not_asked(void **state)
{
    (void)state;
    troupe_node_t *node = troupe_node_new();
    assert_non_null(node);
    assert_null(troupe_node_effective(node));
    assert_status(troupe_node_reload(node), TROUPE_CLOSED);
    assert_status(troupe_node_reload_text(node, "text", "troupe: 1"), TROUPE_CLOSED);
    troupe_node_destroy(&node);
}

/* What it says goes to the log alone. */
static void a_node_from_text_has_no_file(void **state)
{
    (void)state;
    const troupe_behaviour_t *behaviours[] = {&paced, NULL};
    rig_t rig;
    line_t line = {0};
    rig_start(&rig, behaviours, "", "    - {capability: load, worker: {module: paced}}\n");
    line_open(&line, &rig, INSIDE);
    const troupe_call_options_t options = {.method = "reload"};
    troupe_reply_t *reply = line_final(&line, line_start(&line, "troupe.admin", &options, ""));
    assert_int_equal(troupe_reply_outcome(reply), TROUPE_OUTCOME_BAD_REQUEST);
    assert_string_equal(troupe_reply_text(reply),
                        "this node was not started with a file: there "
                        "is nothing to read again");
    troupe_reply_destroy(&reply);
    assert_status(troupe_node_reload(rig.node), TROUPE_OK);
    line_close(&line);
    rig_end(&rig);
}

int main(void)
{
    setenv("TROUPE_LOG_LEVEL", "off", 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_request_ends_well_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_program_asks, set_up, tear_down),
        cmocka_unit_test(a_node_that_does_not_run_is_not_asked),
        cmocka_unit_test(a_node_from_text_has_no_file),
    };
    return cmocka_run_group_tests_name("reload_load", tests, NULL, NULL) != 0;
}
