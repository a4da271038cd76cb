/* Workers that share the threads of those who call them. What is promised of other workers
 * holds of them too, and the caller's own thread, which is inside a handler meanwhile, must
 * neither hold up those of others nor lose its one final, whatever the handler does.
 *
 * A host is a thread of the test that makes one call, so that the test goes on while it is
 * held.
 */

#include "tests/kit/gate.h"
#include "tests/kit/rig.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/quarantine.h"
#include "node/node.h"

#define N_HOSTS     4
#define N_CALLS     500 /* of each of them, where many call at once */
#define N_RENEWALS  5
#define N_PARTS     1000
#define MOST_TRIES  100000
#define DEEPEST     32
#define NAME_SIZE   16 /* of a thread */
#define SOON_MS     50
#define PATIENCE_MS 60000

static rig_t rig;
static line_t line;
static gate_t gate = GATE_INITIALIZER;     /* handlers wait here */
static gate_t served = GATE_INITIALIZER;   /* a note of one that does not wait */
static gate_t heard = GATE_INITIALIZER;    /* an answer to what a worker asked for itself */
static gate_t ended = GATE_INITIALIZER;    /* a worker has ended */
static gate_t lifeless = GATE_INITIALIZER; /* one that hung has */
static gate_t probed = GATE_INITIALIZER;   /* a probe */
static atomic_int n_inside;                /* handlers of `lone` that run now */
static atomic_size_t n_faults;
static atomic_size_t n_served;
static atomic_size_t n_broken;
static atomic_size_t n_batched;
static atomic_bool is_probe_bad;
static atomic_bool is_over;    /* hosts need not go on */
static troupe_request_t *kept; /* the worker's of `it` */

static void fault(const char *what)
{
    atomic_fetch_add(&n_faults, 1);
    fprintf(stderr, "%s\n", what);
}

/* ---- behaviours ---- */

static void reply_text(troupe_request_t *request, const char *text)
{
    troupe_request_reply_data(request, text, strlen(text));
}

static void reply_same(troupe_request_t *request)
{
    troupe_message_t *reply = troupe_message_share(troupe_request_message(request));
    troupe_request_reply(request, &reply);
}

static void note_own_thread(const troupe_worker_t *self, const char *where)
{
    char name[NAME_SIZE];
    pthread_getname_np(pthread_self(), name, sizeof name);
    if (strncmp(name, troupe_worker_name(self), NAME_SIZE - 1) != 0) {
        fault(where);
    }
}

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)args;
    note_own_thread(self, "init runs on another thread");
    *state_p = calloc(1, sizeof(size_t));
    return *state_p ? TROUPE_INIT_OK : -1;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    note_own_thread(self, "terminate runs on another thread");
    free(*state_p);
    gate_note(reason.kind == TROUPE_REASON_HUNG ? &lifeless : &ended);
}

/* What came back goes on to whoever asked. */
static int pass_on(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)self;
    troupe_request_t *request = arg;
    troupe_outcome_t outcome = troupe_reply_outcome(reply);
    if (!troupe_reply_is_final(reply)) {
        return 0;
    }
    if (outcome == TROUPE_OUTCOME_OK) {
        troupe_message_t *message = troupe_message_share(troupe_reply_message(reply));
        troupe_request_reply(request, &message);
    } else {
        troupe_request_fail(request, "%s: %s", troupe_outcome_name(outcome),
                            troupe_reply_text(reply));
    }
    return 0;
}

static uint64_t ask(troupe_worker_t *self, troupe_request_t *request, const char *capability,
                    const char *method)
{
    uint64_t id = 0;
    troupe_message_t *message = troupe_message_share(troupe_request_message(request));
    troupe_request_keep(request);
    if (troupe_worker_call(self, request, capability,
                           &(troupe_call_options_t){.method = method}, &message, pass_on,
                           request, &id) != TROUPE_OK) {
        troupe_request_fail(request, "no call");
    }
    return id;
}

/* Along a way such as "via:other/threaded/it"; whoever is last answers. */
static void go_along(troupe_worker_t *self, troupe_request_t *request, const char *way)
{
    char next[NAME_SIZE];
    char method[256] = "";
    size_t length = strcspn(way, "/");
    snprintf(next, sizeof next, "%.*s", (int)length, way);
    if (way[length]) {
        snprintf(method, sizeof method, "via:%s", way + length + 1);
    }
    ask(self, request, next, method);
}

static int hear(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)self;
    (void)arg;
    if (troupe_reply_is_final(reply)) {
        gate_note(&heard);
    }
    return 0;
}

/* Two of its own, at once. */
static void ask_both(troupe_worker_t *self, troupe_request_t *request, const char *capability,
                     const char *first, const char *second)
{
    const char *const methods[] = {first, second};
    for (size_t i = 0; i < 2; i++) {
        uint64_t id;
        troupe_message_t *none = NULL;
        if (troupe_worker_call(self, NULL, capability,
                               &(troupe_call_options_t){.method = methods[i]}, &none, hear,
                               NULL, &id) != TROUPE_OK) {
            fault("no call");
        }
    }
    reply_text(request, "asked");
}

/* It may not, and only blocks itself; but it must come to an end. */
static void call_and_wait(troupe_request_t *request, const char *capability)
{
    troupe_caller_t *caller = troupe_caller_new(rig.node);
    troupe_message_t *message = troupe_message_share(troupe_request_message(request));
    troupe_reply_t *reply = NULL;
    uint64_t id;
    if (troupe_caller_start(caller, capability, NULL, &message, &id) == TROUPE_OK &&
        troupe_caller_next(caller, PATIENCE_MS, &reply) == TROUPE_OK) {
        reply_text(request, troupe_outcome_name(troupe_reply_outcome(reply)));
    } else {
        troupe_request_fail(request, "nothing came");
    }
    troupe_reply_destroy(&reply);
    troupe_caller_destroy(&caller);
}

/* Its reader may be the thread that it is on: it must not be waited for. */
static void send_until_full(troupe_request_t *request)
{
    troupe_status_t status = TROUPE_OK;
    size_t n_sent = 0;
    for (; n_sent < N_PARTS && status == TROUPE_OK; n_sent++) {
        troupe_message_t *part = troupe_message_from_text("part");
        status = troupe_request_part(request, &part);
        if ((part != NULL) != (status == TROUPE_FULL)) {
            fault("a part was lost, or was not taken");
        }
        troupe_message_destroy(&part);
    }
    char text[64];
    snprintf(text, sizeof text, "%s %zu", troupe_status_name(status), n_sent);
    reply_text(request, text);
}

/* As many as there is room for. */
static int stream(troupe_worker_t *self, troupe_request_t *request, void *arg)
{
    size_t *n_sent = arg;
    troupe_status_t status = TROUPE_OK;
    while (*n_sent < N_PARTS && status == TROUPE_OK) {
        troupe_message_t *part = troupe_message_from(n_sent, sizeof *n_sent);
        status = troupe_request_try_part(request, &part);
        *n_sent += status == TROUPE_OK;
        troupe_message_destroy(&part);
    }
    if (status == TROUPE_FULL) {
        troupe_request_on_room(request, stream, n_sent);
    } else {
        reply_text(request, troupe_status_name(status));
    }
    (void)self;
    return 0;
}

static void say_who_runs(troupe_request_t *request)
{
    pthread_t thread = pthread_self();
    troupe_request_reply_data(request, &thread, sizeof thread);
}

static void say_name_of_thread(troupe_request_t *request)
{
    char name[NAME_SIZE];
    pthread_getname_np(pthread_self(), name, sizeof name);
    reply_text(request, name);
}

static int handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    size_t *number = state;
    const char *method = troupe_request_method(request);
    atomic_fetch_add(&n_served, 1);
    if (strcmp(method, "") == 0) {
        reply_same(request);
    } else if (strcmp(method, "thread") == 0) {
        say_who_runs(request);
    } else if (strcmp(method, "name") == 0) {
        say_name_of_thread(request);
    } else if (strcmp(method, "hang") == 0) {
        gate_pass(&gate, NULL);
        reply_text(request, "woke up");
    } else if (strcmp(method, "hold") == 0) {
        bool is_wanted = gate_pass(&gate, request);
        reply_text(request, is_wanted ? "held" : "nobody waits");
    } else if (strcmp(method, "note") == 0) {
        gate_note(&served);
        reply_text(request, "noted");
    } else if (strcmp(method, "break") == 0 ||
               (strcmp(method, "break once") == 0 && atomic_fetch_add(&n_broken, 1) == 0)) {
        troupe_worker_explain(self, "broken as asked");
        return -1;
    } else if (strcmp(method, "break once") == 0) {
        reply_text(request, "mended");
    } else if (strncmp(method, "via:", 4) == 0) {
        go_along(self, request, method + 4);
    } else if (strcmp(method, "deep") == 0) {
        ask(self, request, "it", method);
    } else if (strcmp(method, "circle") == 0) {
        ask(self, request, strncmp(troupe_worker_name(self), "lone", 4) == 0 ? "pair" : "lone",
            method);
    } else if (strcmp(method, "two workers") == 0) {
        ask_both(self, request, "pair", "hang", "note");
    } else if (strcmp(method, "one worker") == 0) {
        ask_both(self, request, "wide", "note", "hang");
    } else if (strcmp(method, "call threaded") == 0) {
        call_and_wait(request, "threaded");
    } else if (strcmp(method, "call lone") == 0) {
        call_and_wait(request, "lone");
    } else if (strcmp(method, "parts") == 0) {
        send_until_full(request);
    } else if (strcmp(method, "stream") == 0) {
        *number = 0;
        stream(self, request, number);
    } else if (strcmp(method, "keep") == 0) {
        kept = request;
        troupe_request_keep(request);
    } else if (strcmp(method, "let go") == 0) {
        reply_text(kept, "kept");
        reply_text(request, "let go");
    } else if (strcmp(method, "end") == 0) {
        troupe_worker_end(self);
        reply_text(request, "ended");
    } else if (strcmp(method, "tell") == 0) {
        troupe_message_t *message = troupe_message_from_text("x");
        reply_text(request, troupe_status_name(troupe_send_named(self, "lone/1", &message)));
    } else {
        troupe_request_refuse(request, TROUPE_OUTCOME_BAD_REQUEST, "no method %s", method);
    }
    return 0;
}

/* Without any lock, on one number of its own. */
static int handle_alone(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    if (atomic_fetch_add(&n_inside, 1) != 0) {
        fault("two at a time");
    }
    size_t *number = state;
    ++*number;
    int verdict = handle(self, request, state);
    atomic_fetch_sub(&n_inside, 1);
    return verdict;
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)self;
    (void)message;
    (void)state;
    gate_note(&served);
    return 0;
}

static int probe(troupe_worker_t *self, void *state)
{
    (void)self;
    (void)state;
    gate_note(&probed);
    return atomic_exchange(&is_probe_bad, false);
}

static int handle_batch(troupe_worker_t *self, troupe_request_t **requests, size_t count,
                        void *state)
{
    (void)self;
    (void)state;
    atomic_fetch_add(&n_batched, count);
    for (size_t i = 0; i < count; i++) {
        reply_same(requests[i]);
    }
    return 0;
}

static const troupe_behaviour_t plain = {
    .name = "plain", .init = init, .handle = handle, .probe = probe, .terminate = terminate};
static const troupe_behaviour_t alone = {.name = "alone",
                                         .init = init,
                                         .handle = handle_alone,
                                         .receive = receive,
                                         .terminate = terminate};
static const troupe_behaviour_t batching = {
    .name = "batching", .handle = handle, .handle_batch = handle_batch};
static const troupe_behaviour_t *const behaviours[] = {&plain, &alone, &batching, NULL};

/* ---- the node ---- */

#define INLINE  ", isolation: inline, timeout: 1h"
#define QUICK   ", backoff: {min: 1ms, max: 1ms}, intensity: {restarts: 1000000, period: 1s}"
#define PATIENT ", health: {interval: 1h, stall: 1h}"
#define HASTY   ", health: {interval: 20ms, stall: 200ms}"

static const char children[] =
    "    - {capability: it, worker: {module: plain}" INLINE QUICK PATIENT
    ", workers: {min: 1, max: 1, concurrency: 100}}\n"
    "    - {capability: lone, worker: {module: alone}" INLINE QUICK "}\n"
    "    - {capability: pair, worker: {module: plain}" INLINE QUICK PATIENT
    ", workers: {min: 2, max: 2}}\n"
    "    - {capability: threaded, worker: {module: plain}, timeout: 1h" QUICK PATIENT
    ", workers: {min: 4, max: 4, concurrency: 100}}\n"
    "    - {capability: watched, worker: {module: plain}" INLINE QUICK HASTY "}\n"
    "    - {capability: stubborn, worker: {module: plain}" INLINE QUICK PATIENT
    ", shutdown: 10ms}\n"
    "    - {capability: renewed, worker: {module: plain}" INLINE QUICK
    ", health: {interval: 5ms, misses: 1000, stall: 1h}, workers: {min: 2, max: 2}}\n"
    "    - {capability: probed, worker: {module: plain}" INLINE QUICK
    ", health: {interval: 1h, stall: 1h, probe-interval: 5ms}}\n"
    "    - {capability: again, worker: {module: plain}" INLINE QUICK HASTY ", retry: 1}\n"
    "    - {capability: batch, worker: {module: batching}" INLINE QUICK
    ", batch: {max: 8, window: 1ms}}\n"
    "    - {capability: wide, worker: {module: plain}" INLINE QUICK PATIENT
    ", workers: {concurrency: 8}}\n"
    "    - {capability: few, worker: {module: plain}" INLINE QUICK PATIENT
    ", queue: {per-peer: 1}, workers: {concurrency: 8}}\n"
    "    - {capability: block, worker: {module: plain}" INLINE QUICK PATIENT
    ", queue: {limit: 1, overflow: block}}\n";

static void reset(void)
{
    gate_t *const gates[] = {&gate, &served, &heard, &ended, &lifeless, &probed};
    for (size_t i = 0; i < sizeof gates / sizeof gates[0]; i++) {
        gate_reset(gates[i]);
    }
    atomic_store(&n_inside, 0);
    atomic_store(&n_faults, 0);
    atomic_store(&n_served, 0);
    atomic_store(&n_broken, 0);
    atomic_store(&n_batched, 0);
    atomic_store(&is_probe_bad, false);
    atomic_store(&is_over, false);
}

static int begin(void **state)
{
    (void)state;
    reset();
    rig_start(&rig, behaviours, "drain-timeout: 1m\n", children);
    line_open(&line, &rig, INSIDE);
    return 0;
}

static int begin_with_an_end_soon(void **state)
{
    (void)state;
    reset();
    rig_start(&rig, behaviours, "drain-timeout: 10ms\n", children);
    line_open(&line, &rig, INSIDE);
    return 0;
}

/* ---- hosts ---- */

typedef struct host {
    const char *capability;
    troupe_call_options_t options;
    size_t n_calls; /* one after another; 0: one */
    pthread_t thread;
    bool has_started;
    troupe_outcome_t outcome; /* of the last one, or of the first that did not end well */
    char said[NAME_SIZE];
    bool has_more; /* than one final came */
} host_t;

static host_t hosts[N_HOSTS];

static void *live(void *arg)
{
    host_t *self = arg;
    troupe_caller_t *caller = troupe_caller_new(rig.node);
    size_t n = 0;
    do {
        troupe_message_t *message = troupe_message_from_text("x");
        troupe_reply_t *reply = NULL;
        if (troupe_caller_call(caller, self->capability, &self->options, &message, NULL, NULL,
                               &reply) != TROUPE_OK) {
            fault("no call");
            break;
        }
        self->outcome = troupe_reply_outcome(reply);
        const troupe_message_t *said = troupe_reply_message(reply);
        snprintf(self->said, sizeof self->said, "%.*s", (int)troupe_message_size(said, 0),
                 (const char *)troupe_message_data(said, 0));
        troupe_reply_destroy(&reply);
    } while (self->outcome == TROUPE_OUTCOME_OK && ++n < self->n_calls &&
             !atomic_load(&is_over));
    troupe_reply_t *more = NULL;
    self->has_more = troupe_caller_next(caller, 0, &more) != TROUPE_NOT_FOUND;
    troupe_reply_destroy(&more);
    troupe_caller_destroy(&caller);
    return NULL;
}

static host_t *host_start(const host_t *what)
{
    host_t *self = hosts;
    while (self->has_started) {
        self++;
    }
    *self = *what;
    assert_int_equal(pthread_create(&self->thread, NULL, live, self), 0);
    self->has_started = true;
    return self;
}

static host_t *host_calls(const char *capability, const char *method)
{
    return host_start(&(host_t){.capability = capability, .options = {.method = method}});
}

static void host_join(host_t *self)
{
    if (self->has_started) {
        self->has_started = false;
        assert_int_equal(pthread_join(self->thread, NULL), 0);
        assert_false(self->has_more);
    }
}

static void host_assert(host_t *self, troupe_outcome_t outcome, const char *said)
{
    host_join(self);
    assert_outcome(self->outcome, outcome);
    if (said) {
        assert_string_equal(self->said, said);
    }
}

/* All of them at once, and alike. */
static void hosts_start(const host_t *what)
{
    for (size_t i = 0; i < N_HOSTS; i++) {
        host_start(what);
    }
}

static void hosts_assert(const char *said)
{
    for (size_t i = 0; i < N_HOSTS; i++) {
        host_assert(&hosts[i], TROUPE_OUTCOME_OK, said);
    }
}

/* ---- the end of a story ---- */

/* Threads that hung come home before the node is let go, or what they hold would be left. */
static void await_no_thread_hangs(void)
{
    int code;
    troupe_node_stop(rig.node);
    assert_status(troupe_node_wait(rig.node, RIG_PATIENCE_MS, &code), TROUPE_OK);
    int64_t until_ms = rig_now_ms() + PATIENCE_MS;
    while (tr_quarantine_sweep(rig.node->runtime->quarantine) > 0) {
        assert_true(rig_now_ms() < until_ms);
    }
}

static int end(void **state)
{
    (void)state;
    gate_open(&gate);
    atomic_store(&is_over, true);
    for (size_t i = 0; i < N_HOSTS; i++) {
        host_join(&hosts[i]);
    }
    line_close(&line);
    await_no_thread_hangs();
    rig_end(&rig);
    return 0;
}

/* ---- the line ---- */

static uint64_t start(const char *capability, const char *method)
{
    return line_start(&line, capability, &(troupe_call_options_t){.method = method}, "x");
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

static void assert_serves(const char *capability)
{
    assert_replies(start(capability, ""), "x");
    rig_await_rest(&rig, capability);
    assert_int_equal(atomic_load(&n_faults), 0);
}

/* ---- who runs it ---- */

/* Its own thread may be awake for a moment, and take what comes then. */
static void a_handler_runs_on_the_thread_that_calls(void **state)
{
    (void)state;
    bool is_mine = false;
    for (size_t i = 0; i < MOST_TRIES && !is_mine; i++) {
        troupe_reply_t *reply = line_final(&line, start("it", "thread"));
        assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_OK);
        pthread_t thread;
        memcpy(&thread, troupe_message_data(troupe_reply_message(reply), 0), sizeof thread);
        is_mine = pthread_equal(thread, pthread_self());
        troupe_reply_destroy(&reply);
    }
    assert_true(is_mine);
    assert_serves("it");
}

static void one_that_comes_from_afar_runs_on_the_workers_own(void **state)
{
    (void)state;
    line_close(&line);
    line_open(&line, &rig, OVER_TCP);
    for (size_t i = 0; i < 100; i++) {
        assert_replies(start("it", "name"), "it/1");
    }
    assert_serves("it");
}

static void a_worker_begins_and_ends_on_its_own(void **state)
{
    (void)state;
    assert_serves("lone");
    assert_outcome(rig_operate(&rig, "restart", "lone"), TROUPE_OUTCOME_OK);
    assert_true(gate_await(&ended, 1));
    assert_serves("lone");
}

static void handlers_of_a_worker_never_run_two_at_a_time(void **state)
{
    (void)state;
    hosts_start(&(host_t){.capability = "lone", .options = {.method = ""}, .n_calls = N_CALLS});
    hosts_assert("x");
    assert_int_equal(atomic_load(&n_served), N_HOSTS * N_CALLS);
    assert_serves("lone");
}

static void callers_from_afar_and_from_within_share_one(void **state)
{
    (void)state;
    line_close(&line);
    line_open(&line, &rig, OVER_TCP);
    hosts_start(&(host_t){.capability = "lone", .options = {.method = ""}, .n_calls = N_CALLS});
    for (size_t i = 0; i < N_CALLS; i++) {
        assert_replies(start("lone", ""), "x");
    }
    hosts_assert("x");
    assert_serves("lone");
}

/* ---- handlers that do not behave ---- */

static void a_broken_one_is_restarted(void **state)
{
    (void)state;
    assert_outcome(line_outcome(&line, start("it", "break")), TROUPE_OUTCOME_WORKER_LOST);
    assert_serves("it");
    assert_int_equal(rig_read_books(&rig, "it").restarts, 1);
}

static void one_that_ends_well_is_started_again(void **state)
{
    (void)state;
    assert_replies(start("it", "end"), "ended");
    assert_true(gate_await(&ended, 1));
    assert_serves("it");
}

static void workers_are_replaced_under_their_callers(void **state)
{
    (void)state;
    hosts_start(&(host_t){.capability = "renewed", .n_calls = SIZE_MAX});
    for (size_t i = 1; i <= N_RENEWALS; i++) {
        assert_outcome(rig_operate(&rig, "restart", "renewed"), TROUPE_OUTCOME_OK);
        assert_true(gate_await(&ended, 2 * i));
    }
    atomic_store(&is_over, true);
    hosts_assert("x");
    assert_serves("renewed");
}

static void what_broke_is_tried_again(void **state)
{
    (void)state;
    assert_replies(start("again", "break once"), "mended");
    assert_serves("again");
}

static void one_that_hangs_is_replaced_and_its_caller_told_at_last(void **state)
{
    (void)state;
    host_t *hung = host_calls("watched", "hang");
    assert_true(gate_await(&gate, 1));
    for (size_t i = 0; i < 100; i++) {
        assert_replies(start("watched", ""), "x");
    }
    assert_true(rig_read_books(&rig, "watched").restarts >= 1);
    gate_open(&gate);
    host_assert(hung, TROUPE_OUTCOME_WORKER_LOST, NULL);
    assert_true(gate_await(&lifeless, 1));
    assert_serves("watched");
}

/* What is tried again runs on the thread of the new worker: the caller's is not free. */
static void what_hung_is_tried_again_elsewhere(void **state)
{
    (void)state;
    host_t *hung = host_calls("again", "hang");
    assert_true(gate_await(&gate, 2));
    gate_open(&gate);
    host_join(hung);
    assert_serves("again");
}

/* One thread turns to two workers: what the second one was given must not wait for the first.
 */
static void one_that_hangs_holds_up_no_other_worker(void **state)
{
    (void)state;
    rig_await_idle(&rig, "pair", 2);
    host_t *host = host_calls("it", "two workers");
    assert_true(gate_await(&gate, 1));
    assert_true(gate_await(&served, 1));
    gate_open(&gate);
    host_assert(host, TROUPE_OUTCOME_OK, "asked");
    assert_serves("pair");
}

/* It has two requests: the answer to the first one must not wait for the second. */
static void one_that_hangs_holds_up_no_answer(void **state)
{
    (void)state;
    rig_await_idle(&rig, "it", 1);
    rig_await_idle(&rig, "wide", 1);
    host_t *host = host_calls("it", "one worker");
    assert_true(gate_await(&gate, 1));
    assert_true(gate_await(&heard, 1));
    gate_open(&gate);
    host_assert(host, TROUPE_OUTCOME_OK, "asked");
    assert_serves("wide");
}

static void others_are_served_while_a_caller_is_held(void **state)
{
    (void)state;
    host_t *held = host_calls("pair", "hold");
    assert_true(gate_await(&gate, 1));
    for (size_t i = 0; i < 100; i++) {
        assert_replies(start("pair", ""), "x");
    }
    gate_open(&gate);
    host_assert(held, TROUPE_OUTCOME_OK, "held");
    assert_serves("pair");
}

static void a_handler_that_calls_and_waits_is_answered(void **state)
{
    (void)state;
    assert_replies(start("it", "call threaded"), "ok");
    assert_replies(start("it", "call lone"), "ok");
    assert_serves("it");
    assert_serves("lone");
}

/* ---- time ---- */

static void a_deadline_passes_inside_a_handler(void **state)
{
    (void)state;
    host_t *host = host_start(
        &(host_t){.capability = "lone", .options = {.method = "hold", .timeout_ms = SOON_MS}});
    host_assert(host, TROUPE_OUTCOME_TIMEOUT, NULL);
    assert_serves("lone");
}

static void a_request_that_is_kept_can_be_cancelled(void **state)
{
    (void)state;
    uint64_t id = start("it", "keep");
    rig_await(&rig, "it", 0, 1);
    line_cancel(&line, id);
    assert_outcome(line_outcome(&line, id), TROUPE_OUTCOME_CANCELLED);
    assert_replies(start("it", "let go"), "let go");
    assert_serves("it");
}

static void what_is_kept_is_finished_by_a_later_callback(void **state)
{
    (void)state;
    uint64_t id = start("it", "keep");
    assert_replies(start("it", "let go"), "let go");
    assert_replies(id, "kept");
    assert_serves("it");
}

/* ---- what a capability can do ---- */

static void requests_come_in_batches(void **state)
{
    (void)state;
    hosts_start(
        &(host_t){.capability = "batch", .options = {.method = ""}, .n_calls = N_CALLS / 10});
    hosts_assert("x");
    assert_int_equal(atomic_load(&n_batched), N_HOSTS * (N_CALLS / 10));
    assert_serves("batch");
}

static void equal_requests_share_a_run(void **state)
{
    (void)state;
    hosts_start(
        &(host_t){.capability = "pair", .options = {.method = "hold", .dedup_key = "one"}});
    rig_await_accepted(&rig, "pair", N_HOSTS);
    assert_true(gate_await(&gate, 1));
    gate_open(&gate);
    hosts_assert("held");
    assert_int_equal(gate_n_come(&gate), 1);
    assert_serves("pair");
}

static void one_peer_has_only_so_many(void **state)
{
    (void)state;
    uint64_t id = start("few", "keep");
    assert_outcome(line_outcome(&line, start("few", "")), TROUPE_OUTCOME_OVERLOADED);
    line_t other;
    line_open(&other, &rig, INSIDE);
    assert_outcome(line_call(&other, "few", &(troupe_call_options_t){.method = "let go"}, "x"),
                   TROUPE_OUTCOME_OK);
    line_close(&other);
    assert_replies(id, "kept");
    assert_serves("few");
}

/* One is inside the handler, one waits, and the others wait for room to wait in. */
static void callers_wait_for_room(void **state)
{
    (void)state;
    hosts_start(&(host_t){.capability = "block", .options = {.method = "hold"}});
    assert_true(gate_await(&gate, 1));
    gate_open(&gate);
    hosts_assert("held");
    assert_serves("block");
}

static void it_takes_messages(void **state)
{
    (void)state;
    assert_replies(start("it", "tell"), "ok");
    assert_true(gate_await(&served, 1));
    assert_serves("lone");
}

static void it_is_probed(void **state)
{
    (void)state;
    assert_true(gate_await(&probed, 3));
    assert_serves("probed");
    atomic_store(&is_probe_bad, true);
    assert_true(gate_await(&ended, 1));
    assert_serves("probed");
}

/* ---- streams ---- */

static void a_part_does_not_wait_for_room(void **state)
{
    (void)state;
    troupe_reply_t *reply = line_final(
        &line,
        line_start(&line, "it", &(troupe_call_options_t){.method = "parts", .credit = 3}, "x"));
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_OK);
    assert_true(reply_says(reply, "full 4"));
    troupe_reply_destroy(&reply);
    assert_serves("it");
}

static void assert_streams(void)
{
    uint64_t id = start("it", "stream");
    for (size_t i = 0; i < N_PARTS; i++) {
        troupe_reply_t *part = line_take(&line, id);
        assert_false(troupe_reply_is_final(part));
        assert_memory_equal(troupe_message_data(troupe_reply_message(part), 0), &i, sizeof i);
        troupe_reply_destroy(&part);
    }
    assert_replies(id, "ok");
    assert_serves("it");
}

static void a_stream_goes_on_as_there_is_room(void **state)
{
    (void)state;
    assert_streams();
    line_close(&line);
    line_open(&line, &rig, OVER_TCP);
    assert_streams();
}

/* ---- calls to others ---- */

static void calls_go_from_any_kind_to_any_other(void **state)
{
    (void)state;
    static const char *const ways[] = {"via:pair",
                                       "via:threaded",
                                       "via:threaded/pair",
                                       "via:pair/threaded",
                                       "via:pair/it",
                                       "via:threaded/it/threaded/pair/it",
                                       "via:it",
                                       "via:lone/pair/it"};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        assert_replies(start("it", ways[i]), "x");
        assert_replies(start("threaded", ways[i]), "x");
    }
    assert_serves("it");
    assert_serves("threaded");
}

static void many_call_along_all_ways(void **state)
{
    (void)state;
    static const char *const ways[] = {"via:pair/it", "via:threaded/pair", "via:lone",
                                       "via:pair/threaded/lone"};
    for (size_t i = 0; i < N_HOSTS; i++) {
        host_start(
            &(host_t){.capability = "it", .options = {.method = ways[i]}, .n_calls = N_CALLS});
    }
    hosts_assert("x");
    assert_serves("it");
    assert_serves("lone");
}

static void calls_are_nested_only_so_deep(void **state)
{
    (void)state;
    troupe_reply_t *reply = line_final(&line, start("it", "deep"));
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_WORKER_ERROR);
    assert_non_null(strstr(troupe_reply_text(reply), "bad_request"));
    troupe_reply_destroy(&reply);
    assert_int_equal(atomic_load(&n_served), DEEPEST + 1);
    assert_serves("it");
}

static void a_circle_ends_by_the_deadline(void **state)
{
    (void)state;
    uint64_t id =
        line_start(&line, "lone",
                   &(troupe_call_options_t){.method = "circle", .timeout_ms = SOON_MS}, "x");
    assert_outcome(line_outcome(&line, id), TROUPE_OUTCOME_TIMEOUT);
    assert_serves("lone");
    assert_serves("pair");
}

/* ---- the end of the node ---- */

static void await_drain(void)
{
    troupe_outcome_t outcome = TROUPE_OUTCOME_OK;
    for (size_t i = 0; i < MOST_TRIES && outcome == TROUPE_OUTCOME_OK; i++) {
        outcome = line_call(&line, "threaded", NULL, "x");
    }
    assert_outcome(outcome, TROUPE_OUTCOME_SHUTTING_DOWN);
}

static void a_node_that_drains_waits_for_who_is_inside(void **state)
{
    (void)state;
    host_t *host = host_calls("lone", "hold");
    assert_true(gate_await(&gate, 1));
    troupe_node_stop(rig.node);
    await_drain();
    gate_open(&gate);
    host_assert(host, TROUPE_OUTCOME_OK, "held");
    int code = -1;
    assert_status(troupe_node_wait(rig.node, RIG_PATIENCE_MS, &code), TROUPE_OK);
    assert_int_equal(code, TROUPE_EXIT_OK);
    assert_true(gate_await(&ended, 1));
}

/* The node has ended long since when the caller's thread comes back. */
static void a_node_stops_without_who_hangs_inside(void **state)
{
    (void)state;
    host_t *host = host_calls("stubborn", "hang");
    assert_true(gate_await(&gate, 1));
    troupe_node_stop(rig.node);
    int code = -1;
    assert_status(troupe_node_wait(rig.node, RIG_PATIENCE_MS, &code), TROUPE_OK);
    gate_open(&gate);
    host_join(host);
    assert_true(host->outcome != TROUPE_OUTCOME_OK);
    assert_true(gate_await(&lifeless, 1));
}

#define TELL(story) cmocka_unit_test_setup_teardown(story, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TELL(a_handler_runs_on_the_thread_that_calls),
        TELL(one_that_comes_from_afar_runs_on_the_workers_own),
        TELL(a_worker_begins_and_ends_on_its_own),
        TELL(handlers_of_a_worker_never_run_two_at_a_time),
        TELL(callers_from_afar_and_from_within_share_one),
        TELL(a_broken_one_is_restarted),
        TELL(one_that_ends_well_is_started_again),
        TELL(workers_are_replaced_under_their_callers),
        TELL(what_broke_is_tried_again),
        TELL(one_that_hangs_is_replaced_and_its_caller_told_at_last),
        TELL(what_hung_is_tried_again_elsewhere),
        TELL(one_that_hangs_holds_up_no_other_worker),
        TELL(one_that_hangs_holds_up_no_answer),
        TELL(others_are_served_while_a_caller_is_held),
        TELL(a_handler_that_calls_and_waits_is_answered),
        TELL(a_deadline_passes_inside_a_handler),
        TELL(a_request_that_is_kept_can_be_cancelled),
        TELL(what_is_kept_is_finished_by_a_later_callback),
        TELL(requests_come_in_batches),
        TELL(equal_requests_share_a_run),
        TELL(one_peer_has_only_so_many),
        TELL(callers_wait_for_room),
        TELL(it_takes_messages),
        TELL(it_is_probed),
        TELL(a_part_does_not_wait_for_room),
        TELL(a_stream_goes_on_as_there_is_room),
        TELL(calls_go_from_any_kind_to_any_other),
        TELL(many_call_along_all_ways),
        TELL(calls_are_nested_only_so_deep),
        TELL(a_circle_ends_by_the_deadline),
        TELL(a_node_that_drains_waits_for_who_is_inside),
        cmocka_unit_test_setup_teardown(a_node_stops_without_who_hangs_inside,
                                        begin_with_an_end_soon, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
