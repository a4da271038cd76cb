/* What the schedulers of model servers promise, asked of a whole node: a model is loaded when
 * it is first asked for, once for all who ask, is used again, gives way when it is idle, and is
 * waited for when it is not. Every load and unload of the model here is counted, and may be
 * held up, or fail as it is told.
 */

#include "tests/kit/gate.h"
#include "tests/kit/rig.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define N_AT_ONCE 1000
#define MOST_TOLD 256

static rig_t rig;
static line_t line;
static gate_t loading = GATE_INITIALIZER; /* each load comes here, and waits if it is to */
static gate_t working = GATE_INITIALIZER; /* each request of the method "hold" does */

/* ---- the model ---- */

static atomic_bool holds_loads;
static atomic_int n_failures;  /* so many loads still fail */
static atomic_int n_too_large; /* and so many for want of memory */
static atomic_size_t n_loads;
static atomic_size_t n_there;
static atomic_size_t most_there;
static char story[MOST_TOLD]; /* "+a" a was loaded, "!a" it was not, "-a" it was unloaded */
static atomic_size_t story_size;

/* No two models of one capability load or unload at a time here, so letters do not mix. */
static void tell(char sign, char name)
{
    size_t at = atomic_fetch_add(&story_size, 2);
    if (at + 2 < MOST_TOLD) {
        story[at] = sign;
        story[at + 1] = name;
    }
}

static bool shall(atomic_int *counter)
{
    int left = atomic_load(counter);
    while (left > 0 && !atomic_compare_exchange_weak(counter, &left, left - 1)) {
    }
    return left > 0;
}

static int load(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    const char *name = troupe_args_get_or(args, "name", "?");
    if (atomic_load(&holds_loads)) {
        gate_pass(&loading, NULL);
    } else {
        gate_note(&loading);
    }
    atomic_fetch_add(&n_loads, 1);
    if (shall(&n_too_large)) {
        tell('!', name[0]);
        troupe_worker_explain(self, "the weights do not fit");
        return TROUPE_INIT_NO_MEMORY;
    }
    if (shall(&n_failures)) {
        tell('!', name[0]);
        troupe_worker_explain(self, "the weights are broken");
        return -1;
    }
    tell('+', name[0]);
    size_t there = atomic_fetch_add(&n_there, 1) + 1;
    size_t most = atomic_load(&most_there);
    while (there > most && !atomic_compare_exchange_weak(&most_there, &most, there)) {
    }
    *state_p = (void *)(intptr_t)name[0];
    return 0;
}

static int run(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)self;
    (void)state;
    if (strcmp(troupe_request_method(request), "hold") == 0) {
        gate_pass(&working, request);
    }
    troupe_request_reply_data(request, "done", 4);
    return 0;
}

static void unload(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    tell('-', (char)(intptr_t)*state_p);
    atomic_fetch_sub(&n_there, 1);
}

static const troupe_behaviour_t model = {
    .name = "model", .init = load, .handle = run, .terminate = unload};
static const troupe_behaviour_t *const cast[] = {&model, NULL};

/* ---- the rig ---- */

static int set_up(void **state)
{
    (void)state;
    gate_reset(&loading);
    gate_reset(&working);
    atomic_store(&holds_loads, false);
    atomic_store(&n_failures, 0);
    atomic_store(&n_too_large, 0);
    atomic_store(&n_loads, 0);
    atomic_store(&n_there, 0);
    atomic_store(&most_there, 0);
    memset(story, 0, sizeof story);
    atomic_store(&story_size, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gate_open(&loading);
    gate_open(&working);
    line_close(&line);
    rig_end(&rig);
    return atomic_load(&n_there) == 0 ? 0 : -1; /* whatever was loaded was unloaded */
}

/* Capabilities a, b, … that need so much each, with more keys. */
static void start(const char *top, const int *mib, size_t n, const char *more)
{
    char children[2048] = "";
    for (size_t i = 0; i < n; i++) {
        size_t size = strlen(children);
        char name = (char)('a' + i);
        snprintf(children + size, sizeof children - size,
                 "  - {capability: %c, worker: {module: model, args: {name: %c}}, "
                 "memory: %dMiB, workers: {min: 0, max: 1}, queue: {limit: 2000}, "
                 "timeout: 60s%s}\n",
                 name, name, mib[i], more);
    }
    rig_start(&rig, cast, top, children);
    line_open(&line, &rig, INSIDE);
}

static void start_one(const char *more)
{
    start("", (const int[]){1}, 1, more);
}

static troupe_outcome_t call(const char *capability)
{
    return line_call(&line, capability, NULL, "");
}

static uint64_t hold(const char *capability)
{
    return line_start(&line, capability, &(troupe_call_options_t){.method = "hold"}, "");
}

/* Look until it is so; nobody has to be asked for what is counted here. */
static void await_there(size_t n)
{
    int64_t until_ms = rig_now_ms() + RIG_PATIENCE_MS;
    while (atomic_load(&n_there) != n) {
        if (rig_now_ms() > until_ms) {
            fail_msg("%zu are loaded, not %zu: %s", atomic_load(&n_there), n, story);
        }
        nanosleep(&(struct timespec){0, 200000}, NULL);
    }
}

/* ---- loading ---- */

static void load_on_first_use(void **state)
{
    (void)state;
    start_one("");
    rig_await(&rig, "a", 0, 0);
    assert_int_equal(atomic_load(&n_loads), 0);
    assert_outcome(call("a"), TROUPE_OUTCOME_OK);
    assert_int_equal(atomic_load(&n_loads), 1);
}

static void concurrent_first_requests_share_one_load(void **state)
{
    (void)state;
    atomic_store(&holds_loads, true);
    start_one("");
    static uint64_t ids[N_AT_ONCE];
    for (size_t i = 0; i < N_AT_ONCE; i++) {
        ids[i] = line_start(&line, "a", NULL, "");
    }
    rig_await(&rig, "a", N_AT_ONCE, 0);
    assert_true(gate_await(&loading, 1));
    gate_open(&loading);
    for (size_t i = 0; i < N_AT_ONCE; i++) {
        assert_outcome(line_outcome(&line, ids[i]), TROUPE_OUTCOME_OK);
    }
    assert_int_equal(atomic_load(&n_loads), 1);
}

static void reuse_of_a_loaded_worker(void **state)
{
    (void)state;
    start_one("");
    for (size_t i = 0; i < 20; i++) {
        assert_outcome(call("a"), TROUPE_OUTCOME_OK);
    }
    assert_string_equal(story, "+a");
}

/* ---- unloading ---- */

static void expires_after_keep_alive(void **state)
{
    (void)state;
    start_one(", keep-alive: 20ms");
    assert_outcome(call("a"), TROUPE_OUTCOME_OK);
    await_there(0);
    assert_outcome(call("a"), TROUPE_OUTCOME_OK);
    await_there(0);
    assert_string_equal(story, "+a-a+a-a");
}

static void evicts_the_idle_to_fit_the_new(void **state)
{
    (void)state;
    start("memory: {budget: 700MiB, residency: 0s}\n", (const int[]){400, 400}, 2, "");
    assert_outcome(call("a"), TROUPE_OUTCOME_OK);
    assert_outcome(call("b"), TROUPE_OUTCOME_OK);
    assert_outcome(call("a"), TROUPE_OUTCOME_OK);
    assert_string_equal(story, "+a-a+b-b+a");
    assert_int_equal(atomic_load(&most_there), 1);
}

static void waits_when_all_are_busy(void **state)
{
    (void)state;
    start("memory: {budget: 700MiB, residency: 0s}\n", (const int[]){300, 300, 400}, 3, "");
    uint64_t busy[] = {hold("a"), hold("b")};
    assert_true(gate_await(&working, 2));
    uint64_t waits = line_start(&line, "c", NULL, "");
    rig_await(&rig, "c", 1, 0);
    assert_int_equal(atomic_load(&n_loads), 2);
    gate_let_one(&working); /* one is not busy any more, and gives way */
    assert_outcome(line_outcome(&line, waits), TROUPE_OUTCOME_OK);
    assert_int_equal(atomic_load(&most_there), 2);
    gate_open(&working);
    assert_outcome(line_outcome(&line, busy[0]), TROUPE_OUTCOME_OK);
    assert_outcome(line_outcome(&line, busy[1]), TROUPE_OUTCOME_OK);
}

static void unload_all(void **state)
{
    (void)state;
    start("", (const int[]){1, 1}, 2, "");
    assert_outcome(call("a"), TROUPE_OUTCOME_OK);
    assert_outcome(call("b"), TROUPE_OUTCOME_OK);
    await_there(2);
    assert_outcome(rig_operate(&rig, "evict", "a"), TROUPE_OUTCOME_OK);
    assert_outcome(rig_operate(&rig, "evict", "b"), TROUPE_OUTCOME_OK);
    assert_string_equal(story, "+a+b-a-b"); /* done when it was said to be */
    assert_outcome(call("a"), TROUPE_OUTCOME_OK);
    assert_int_equal(atomic_load(&n_loads), 3);
}

/* ---- cancelling ---- */

static void cancel_while_loading(void **state)
{
    (void)state;
    atomic_store(&holds_loads, true);
    start_one("");
    uint64_t ids[3];
    for (size_t i = 0; i < 3; i++) {
        ids[i] = line_start(&line, "a", NULL, "");
    }
    assert_true(gate_await(&loading, 1));
    rig_await(&rig, "a", 3, 0);
    line_cancel(&line, ids[0]);
    assert_outcome(line_outcome(&line, ids[0]), TROUPE_OUTCOME_CANCELLED);
    rig_await(&rig, "a", 2, 0);
    gate_open(&loading);
    assert_outcome(line_outcome(&line, ids[1]), TROUPE_OUTCOME_OK);
    assert_outcome(line_outcome(&line, ids[2]), TROUPE_OUTCOME_OK);
    assert_int_equal(atomic_load(&n_loads), 1);
}

/* What has begun is not thrown away. */
static void a_load_goes_on_when_all_have_left(void **state)
{
    (void)state;
    atomic_store(&holds_loads, true);
    start_one("");
    uint64_t id = line_start(&line, "a", NULL, "");
    assert_true(gate_await(&loading, 1));
    line_cancel(&line, id);
    assert_outcome(line_outcome(&line, id), TROUPE_OUTCOME_CANCELLED);
    rig_await(&rig, "a", 0, 0);
    gate_open(&loading);
    await_there(1);
    assert_outcome(call("a"), TROUPE_OUTCOME_OK);
    assert_int_equal(atomic_load(&n_loads), 1);
}

/* And what has not begun is not begun: nobody has to give way for it, even when it could by its
 * residency. */
static void nothing_is_loaded_for_those_who_have_left(void **state)
{
    (void)state;
    start("memory: {budget: 700MiB, residency: 1s}\n", (const int[]){400, 400, 10}, 3, "");
    uint64_t busy = hold("a");
    assert_true(gate_await(&working, 1));
    uint64_t leaves = line_start(&line, "b", NULL, "");
    rig_await(&rig, "b", 1, 0);
    line_cancel(&line, leaves);
    assert_outcome(line_outcome(&line, leaves), TROUPE_OUTCOME_CANCELLED);
    nanosleep(&(struct timespec){1, 200000000}, NULL); /* past the residency: that
                                                          nothing happens is the test */
    gate_open(&working);
    assert_outcome(line_outcome(&line, busy), TROUPE_OUTCOME_OK);
    assert_outcome(call("c"), TROUPE_OUTCOME_OK);
    assert_outcome(call("a"), TROUPE_OUTCOME_OK);
    assert_string_equal(story, "+a+c");
}

/* ---- loads that fail ---- */

static void load_failure_is_reported_to_every_waiter(void **state)
{
    (void)state;
    atomic_store(&holds_loads, true);
    atomic_store(&n_failures, 1);
    start_one(", intensity: {restarts: 0, period: 10s}, backoff: {min: 10s, max: 10s}");
    uint64_t ids[10];
    for (size_t i = 0; i < 10; i++) {
        ids[i] = line_start(&line, "a", NULL, "");
    }
    rig_await(&rig, "a", 10, 0);
    gate_open(&loading);
    for (size_t i = 0; i < 10; i++) {
        troupe_reply_t *reply = line_final(&line, ids[i]);
        assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_SPAWN_FAILED);
        assert_non_null(strstr(troupe_reply_text(reply), "the weights are broken"));
        assert_true(troupe_reply_hint_ms(reply) > 0);
        troupe_reply_destroy(&reply);
    }
    assert_string_equal(story, "!a");
}

/* As long as the pool starts again, nobody is told of what comes right in the end. */
static void a_load_that_fails_is_tried_again(void **state)
{
    (void)state;
    atomic_store(&n_failures, 3);
    start_one(", backoff: {min: 5ms, max: 20ms}");
    uint64_t ids[10];
    for (size_t i = 0; i < 10; i++) {
        ids[i] = line_start(&line, "a", NULL, "");
    }
    for (size_t i = 0; i < 10; i++) {
        assert_outcome(line_outcome(&line, ids[i]), TROUPE_OUTCOME_OK);
    }
    assert_string_equal(story, "!a!a!a+a");
}

static void load_crash_then_retry_after_eviction(void **state)
{
    (void)state;
    start("memory: {budget: 700MiB, residency: 60s}\n", (const int[]){100, 100}, 2,
          ", backoff: {min: 5ms, max: 20ms}");
    assert_outcome(call("b"), TROUPE_OUTCOME_OK);
    atomic_store(&n_too_large, 1); /* by the books it fits, beside b */
    assert_outcome(call("a"), TROUPE_OUTCOME_OK);
    assert_string_equal(story, "+b!a-b+a");
}

static void what_never_fits_is_said_to_everybody(void **state)
{
    (void)state;
    atomic_store(&n_too_large, 1000);
    start("memory: {budget: 700MiB}\n", (const int[]){100}, 1,
          ", backoff: {min: 5ms, max: 10s}");
    uint64_t ids[10];
    for (size_t i = 0; i < 10; i++) {
        ids[i] = line_start(&line, "a", NULL, "");
    }
    for (size_t i = 0; i < 10; i++) {
        troupe_reply_t *reply = line_final(&line, ids[i]);
        assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_MEMORY_EXHAUSTED);
        assert_non_null(strstr(troupe_reply_text(reply), "the weights do not fit"));
        troupe_reply_destroy(&reply);
    }
}

/* ---- operators ---- */

static void a_pause_holds_requests_and_not_loads(void **state)
{
    (void)state;
    start_one("");
    assert_outcome(rig_operate(&rig, "pause", "a"), TROUPE_OUTCOME_OK);
    uint64_t id = line_start(&line, "a", NULL, "");
    rig_await(&rig, "a", 1, 0);
    assert_int_equal(atomic_load(&n_loads), 0);
    assert_outcome(rig_operate(&rig, "resume", "a"), TROUPE_OUTCOME_OK);
    assert_outcome(line_outcome(&line, id), TROUPE_OUTCOME_OK);
}

static void a_drain_unloads_until_it_is_resumed(void **state)
{
    (void)state;
    start_one("");
    assert_outcome(call("a"), TROUPE_OUTCOME_OK);
    assert_outcome(rig_operate(&rig, "drain", "a"), TROUPE_OUTCOME_OK);
    await_there(0);
    troupe_reply_t *reply = line_final(&line, line_start(&line, "a", NULL, ""));
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_SHUTTING_DOWN);
    assert_non_null(strstr(troupe_reply_text(reply), "a is draining"));
    troupe_reply_destroy(&reply);
    assert_outcome(rig_operate(&rig, "resume", "a"), TROUPE_OUTCOME_OK);
    assert_outcome(call("a"), TROUPE_OUTCOME_OK);
    assert_string_equal(story, "+a-a+a");
}

/* Workers come and go, requests wait and go on, and each is answered with what it asked for. */
static void whatever_operators_do_everybody_is_served(void **state)
{
    (void)state;
    rig_start(&rig, cast, "",
              "  - {capability: a, worker: {module: model, args: {name: a}}, memory: 1MiB, "
              "workers: {min: 1, max: 3, parallel-starts: 2}, queue: {limit: 2000}, "
              "timeout: 60s, keep-alive: 5ms}\n");
    line_open(&line, &rig, INSIDE);
    static const char *const deeds[][2] = {{"pause", "a"},   {"evict", "a"},   {"resume", "a"},
                                           {"drain", "a/1"}, {"drain", "a/2"}, {"evict", "a"}};
    static uint64_t ids[N_AT_ONCE];
    size_t n_ids = 0;
    size_t n_deeds = sizeof deeds / sizeof *deeds;
    for (size_t round = 0; round < 5 * n_deeds; round++) {
        for (size_t i = 0; i < 20; i++) {
            ids[n_ids++] = line_start(&line, "a", NULL, "");
        }
        const char *const *deed = deeds[round % n_deeds];
        bool is_worker = strchr(deed[1], '/') != NULL;
        troupe_outcome_t outcome = rig_operate(&rig, deed[0], deed[1]);
        if (!is_worker) { /* one of a worker may come too late */
            assert_outcome(outcome, TROUPE_OUTCOME_OK);
        }
    }
    for (size_t i = 0; i < n_ids; i++) {
        assert_outcome(line_outcome(&line, ids[i]), TROUPE_OUTCOME_OK);
    }
    rig_await_rest(&rig, "a");
    assert_true(atomic_load(&most_there) <= 3);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(load_on_first_use),
        STORY(concurrent_first_requests_share_one_load),
        STORY(reuse_of_a_loaded_worker),
        STORY(expires_after_keep_alive),
        STORY(evicts_the_idle_to_fit_the_new),
        STORY(waits_when_all_are_busy),
        STORY(unload_all),
        STORY(cancel_while_loading),
        STORY(a_load_goes_on_when_all_have_left),
        STORY(nothing_is_loaded_for_those_who_have_left),
        STORY(load_failure_is_reported_to_every_waiter),
        STORY(a_load_that_fails_is_tried_again),
        STORY(load_crash_then_retry_after_eviction),
        STORY(what_never_fits_is_said_to_everybody),
        STORY(a_pause_holds_requests_and_not_loads),
        STORY(a_drain_unloads_until_it_is_resumed),
        STORY(whatever_operators_do_everybody_is_served),
    };
    return cmocka_run_group_tests_name("scheduler", tests, NULL, NULL) != 0;
}
