/* What a node has is shared out: never more than there is, to whoever needs it, and from
 * whoever can spare it best. Each worker here counts what it holds from its init to its
 * terminate, so that what the node says of itself is compared with what was really there.
 */

#include "tests/kit/gate.h"
#include "tests/kit/rig.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

#define N_CALLERS    4
#define N_CAPABLE    3
#define MOST_STEPS   64
#define N_AT_ONCE    1000
#define MIB          INT64_C(1048576)
#define RESIDENCY_MS 50

static rig_t rig;
static gate_t gate = GATE_INITIALIZER;

/* ---- the workers ---- */

static atomic_llong mib_there; /* what all workers that are up hold */
static atomic_llong most_mib_there;
static atomic_size_t n_inits;
static atomic_bool waits_in_init;
static atomic_bool wants_all; /* its init fails for want of memory while others are there */

static int begin(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)self;
    int64_t mib = 0;
    if (troupe_args_number(args, "mib", &mib) != TROUPE_OK) {
        return -1;
    }
    if (atomic_load(&wants_all) && atomic_load(&mib_there) > 0) {
        return TROUPE_INIT_NO_MEMORY;
    }
    long long there = atomic_fetch_add(&mib_there, mib) + mib;
    long long most = atomic_load(&most_mib_there);
    while (there > most && !atomic_compare_exchange_weak(&most_mib_there, &most, there)) {
    }
    atomic_fetch_add(&n_inits, 1);
    if (atomic_load(&waits_in_init)) {
        gate_pass(&gate, NULL);
    }
    *state_p = (void *)(intptr_t)mib;
    return 0;
}

/* The payload is how long it takes, in microseconds. */
static int work(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)self;
    (void)state;
    char text[16];
    snprintf(text, sizeof text, "%.*s", (int)troupe_request_size(request),
             (const char *)troupe_request_data(request));
    long us = strtol(text, NULL, 10);
    nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
    troupe_request_reply_data(request, text, strlen(text));
    return 0;
}

static void finish(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    atomic_fetch_sub(&mib_there, (intptr_t)*state_p);
    *state_p = NULL;
}

static const troupe_behaviour_t holder = {
    .name = "holder", .init = begin, .handle = work, .terminate = finish};

static const troupe_behaviour_t *const cast[] = {&holder, NULL};

/* ---- what the node tells ---- */

typedef struct event {
    char name[24];
    char capability[16];
    char cause[16];
    int64_t charged;
    int64_t budget;
} event_t;

static event_t *events;
static size_t n_events;
static int log_file = -1;
static uint64_t n_shed_before;

static void listen_to_the_log(void)
{
    char name[] = "/tmp/troupe-memory-XXXXXX";
    log_file = mkstemp(name);
    assert_true(log_file >= 0);
    unlink(name);
    setenv("TROUPE_LOG_LEVEL", "info", 1);
    n_shed_before = tr_log_n_shed();
    tr_log_set_descriptor(log_file);
}

static void take_field(const char *line, const char *key, char *out, size_t size)
{
    char mark[32];
    snprintf(mark, sizeof mark, " %s=", key);
    const char *found = strstr(line, mark);
    out[0] = '\0';
    if (found) {
        found += strlen(mark);
        snprintf(out, size, "%.*s", (int)strcspn(found, " \n"), found);
    }
}

static void take_line(const char *line)
{
    event_t event;
    char number[32];
    take_field(line, "event", event.name, sizeof event.name);
    take_field(line, "capability", event.capability, sizeof event.capability);
    take_field(line, "cause", event.cause, sizeof event.cause);
    take_field(line, "charged", number, sizeof number);
    event.charged = number[0] ? strtoll(number, NULL, 10) : -1;
    take_field(line, "budget", number, sizeof number);
    event.budget = number[0] ? strtoll(number, NULL, 10) : -1;
    event_t *more = realloc(events, (n_events + 1) * sizeof *events);
    assert_non_null(more);
    events = more;
    events[n_events++] = event;
}

/* Everything that was told since listening began. */
static void read_the_log(void)
{
    assert_status(tr_log_flush(RIG_PATIENCE_MS), TROUPE_OK);
    assert_int_equal(tr_log_n_shed(), n_shed_before);
    int copy = dup(log_file);
    assert_true(copy >= 0);
    FILE *file = fdopen(copy, "r");
    assert_non_null(file);
    rewind(file);
    char line[2048];
    while (fgets(line, sizeof line, file)) {
        take_line(line);
    }
    fclose(file);
}

static void forget_the_log(void)
{
    tr_log_set_descriptor(2);
    setenv("TROUPE_LOG_LEVEL", "off", 1);
    tr_log_set_level(TR_LOG_OFF);
    if (log_file >= 0) {
        close(log_file);
    }
    log_file = -1;
    free(events);
    events = NULL;
    n_events = 0;
}

static size_t count_events(const char *name, const char *cause)
{
    size_t n = 0;
    for (size_t i = 0; i < n_events; i++) {
        n += strcmp(events[i].name, name) == 0 &&
             (!cause || strcmp(events[i].cause, cause) == 0);
    }
    return n;
}

/* Whoever is told of sums finds them within the budget, and at the end all has come back. */
static void sums_are_within(int64_t budget)
{
    int64_t charged = -1;
    for (size_t i = 0; i < n_events; i++) {
        if (events[i].charged >= 0 && events[i].budget >= 0) {
            assert_true(events[i].budget == budget);
            if (events[i].charged > budget) {
                fail_msg("%s: %lld charged of %lld", events[i].name,
                         (long long)events[i].charged, (long long)budget);
            }
            charged = events[i].charged;
        }
    }
    assert_true(charged == 0);
    assert_int_equal(count_events("granted", NULL), count_events("charge_released", NULL));
    assert_int_equal(atomic_load(&mib_there), 0);
    assert_true(atomic_load(&most_mib_there) * MIB <= budget);
}

/* ---- the rig ---- */

static int set_up(void **state)
{
    (void)state;
    gate_reset(&gate);
    atomic_store(&waits_in_init, false);
    atomic_store(&wants_all, false);
    atomic_store(&mib_there, 0);
    atomic_store(&most_mib_there, 0);
    atomic_store(&n_inits, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gate_open(&gate);
    rig_end(&rig);
    forget_the_log();
    return 0;
}

static const char *capability(char *out, size_t size, const char *name, int mib)
{
    snprintf(out, size,
             "  - {capability: %s, worker: {module: holder, args: {mib: '%d'}}, memory: %dMiB, "
             "workers: {min: 0, max: 1}, queue: {limit: 2000}, timeout: 60s}\n",
             name, mib, mib);
    return out;
}

static void start_node(const char *top, const int *mib, size_t n)
{
    char children[2048] = "", child[512];
    for (size_t i = 0; i < n; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        strcat(children, capability(child, sizeof child, name, mib[i]));
    }
    listen_to_the_log();
    rig_start(&rig, cast, top, children);
}

/* ---- those who call ---- */

typedef struct caller {
    pthread_t thread;
    uint64_t dice;
    const char *only; /* always this capability; NULL: any */
    size_t n_calls;   /* so many; 0: until the time is over */
    int64_t until_ms;
    atomic_bool is_enough; /* no more calls */
    size_t n_ok;
    size_t n_else;
    troupe_outcome_t other; /* the last that was not ok */
} caller_t;

static uint64_t roll(uint64_t *dice, uint64_t sides)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return *dice % sides;
}

static troupe_outcome_t call_one_time(troupe_caller_t *caller, const char *name, uint64_t us)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)us);
    troupe_message_t *message = troupe_message_from_text(text);
    troupe_reply_t *reply = NULL;
    if (!message ||
        troupe_caller_call(caller, name, NULL, &message, NULL, NULL, &reply) != TROUPE_OK) {
        troupe_message_destroy(&message);
        return TROUPE_OUTCOME_INTERNAL;
    }
    troupe_outcome_t outcome = troupe_reply_outcome(reply);
    troupe_reply_destroy(&reply);
    return outcome;
}

/* No asserts: this is not the test's own thread. */
static void *call_on(void *arg)
{
    caller_t *self = arg;
    troupe_caller_t *caller = troupe_caller_new(rig.node);
    for (size_t n = 0; caller && (self->n_calls ? n < self->n_calls
                                                : rig_now_ms() < self->until_ms &&
                                                      !atomic_load(&self->is_enough));
         n++) {
        char name[2] = {(char)('a' + roll(&self->dice, N_CAPABLE)), '\0'};
        troupe_outcome_t outcome =
            call_one_time(caller, self->only ? self->only : name, roll(&self->dice, 2000));
        self->n_ok += outcome == TROUPE_OUTCOME_OK;
        self->n_else += outcome != TROUPE_OUTCOME_OK;
        self->other = outcome == TROUPE_OUTCOME_OK ? self->other : outcome;
    }
    troupe_caller_destroy(&caller);
    return NULL;
}

/* Wait for the end of their calls; how many ended ok, which is all of them. */
static size_t join(caller_t *callers, size_t n)
{
    size_t n_ok = 0;
    for (size_t i = 0; i < n; i++) {
        pthread_join(callers[i].thread, NULL);
    }
    for (size_t i = 0; i < n; i++) {
        if (callers[i].n_else > 0) {
            fail_msg("%zu of %zu did not end ok, the last of them %s", callers[i].n_else,
                     callers[i].n_else + callers[i].n_ok,
                     troupe_outcome_name(callers[i].other));
        }
        n_ok += callers[i].n_ok;
    }
    return n_ok;
}

static size_t stop_calling(caller_t *callers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        atomic_store(&callers[i].is_enough, true);
    }
    return join(callers, n);
}

static size_t call_all(caller_t *callers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_on, &callers[i]), 0);
    }
    return join(callers, n);
}

/* ---- stories ---- */

/* 400, 300 and 300 MiB in 700: any two of them fit, and three never. */
static void three_that_do_not_fit_together_serve_everybody(void **state)
{
    (void)state;
    const int mib[N_CAPABLE] = {400, 300, 300};
    const char *seconds = getenv("TROUPE_MEMORY_SECONDS");
    int64_t long_ms = seconds ? strtoll(seconds, NULL, 10) * 1000 : 3000;
    start_node("memory: {budget: 700MiB, residency: 50ms}\n", mib, N_CAPABLE);

    caller_t callers[N_CALLERS] = {{0}};
    for (size_t i = 0; i < N_CALLERS; i++) {
        callers[i].dice = UINT64_C(0x9E3779B97F4A7C15) * (i + 1);
        callers[i].until_ms = rig_now_ms() + long_ms;
    }
    size_t n_ok = call_all(callers, N_CALLERS);
    assert_true(n_ok > 0);
    rig_end(&rig);
    read_the_log();
    sums_are_within(700 * MIB);
    assert_true(count_events("evicted", "room") > 0);
    assert_int_equal(count_events("memory_over_budget", NULL), 0);
    printf("# %zu requests, %zu grants, %zu evicted for room, %zu under pressure\n", n_ok,
           count_events("granted", NULL), count_events("evicted", "room"),
           count_events("evicted", "pressure"));
}

/* One caller, who waits for each answer: so it is known at each moment who was used last. Two
 * of three fit. A worker that was new is kept at it for longer than its start took, so that it
 * is not spared for being new. */
static void who_was_used_least_recently_gives_way(void **state)
{
    (void)state;
    const int mib[N_CAPABLE] = {340, 340, 340};
    start_node("memory: {budget: 1000MiB, residency: 0s}\n", mib, N_CAPABLE);
    line_t line;
    line_open(&line, &rig, INSIDE);
    uint64_t dice = 4711;
    char there[3] = "", want[MOST_STEPS + 1] = {0}, text[24];
    for (size_t step = 0; step < MOST_STEPS; step++) {
        char name[2] = {(char)('a' + roll(&dice, N_CAPABLE)), '\0'};
        int64_t begin_ms = rig_now_ms();
        assert_outcome(line_call(&line, name, NULL, "2000"), TROUPE_OUTCOME_OK);
        const char *place = strchr(there, name[0]);
        if (!place) {
            snprintf(text, sizeof text, "%lld",
                     (long long)(rig_now_ms() - begin_ms + 2) * 1000);
            assert_outcome(line_call(&line, name, NULL, text), TROUPE_OUTCOME_OK);
            if (strlen(there) == 2) {
                want[strlen(want)] = there[0]; /* that was used before the other */
                there[0] = there[1];
                there[1] = '\0';
            }
        } else if (place == there && there[1]) {
            there[0] = there[1];
            there[1] = '\0';
        } else {
            continue; /* it was the last already */
        }
        strcat(there, name);
    }
    line_close(&line);
    rig_end(&rig);
    read_the_log();
    sums_are_within(1000 * MIB);
    char got[MOST_STEPS + 1] = {0};
    for (size_t i = 0; i < n_events; i++) {
        if (strcmp(events[i].name, "evicting") == 0) {
            assert_string_equal(events[i].cause, "room");
            assert_true(strlen(got) < MOST_STEPS);
            got[strlen(got)] = events[i].capability[0];
        }
    }
    assert_string_equal(got, want);
    assert_true(strlen(want) > 4);
}

/* Two that never fit together, with more to do than either gets done in its time: they take
 * turns, and each turn lasts. */
static void two_that_fight_over_room_take_turns(void **state)
{
    (void)state;
    const int mib[] = {400, 400};
    start_node("memory: {budget: 700MiB, residency: 50ms}\n", mib, 2);
    caller_t callers[N_CALLERS] = {{0}};
    for (size_t i = 0; i < N_CALLERS; i++) {
        callers[i].dice = UINT64_C(0x9E3779B97F4A7C15) * (i + 1);
        callers[i].only = i % 2 == 0 ? "a" : "b";
        callers[i].n_calls = 150;
    }
    int64_t begin_ms = rig_now_ms();
    assert_int_equal(call_all(callers, N_CALLERS), 150 * N_CALLERS);
    int64_t took_ms = rig_now_ms() - begin_ms;
    rig_end(&rig);
    read_the_log();
    sums_are_within(700 * MIB);
    size_t n_evicted = count_events("evicted", "room");
    printf("# %zu evicted for room while %lld residencies passed\n", n_evicted,
           (long long)(took_ms / RESIDENCY_MS));
    assert_true(n_evicted > 0);
    assert_true((int64_t)n_evicted <= took_ms / RESIDENCY_MS + 1);
}

static void a_thousand_first_requests_start_one_worker(void **state)
{
    (void)state;
    const int mib[] = {400};
    start_node("memory: {budget: 700MiB}\n", mib, 1);
    atomic_store(&waits_in_init, true);
    line_t line;
    line_open(&line, &rig, INSIDE);
    for (size_t i = 0; i < N_AT_ONCE; i++) {
        line_start(&line, "a", NULL, "0");
    }
    assert_true(gate_await(&gate, 1));
    gate_open(&gate);
    for (size_t i = 0; i < N_AT_ONCE; i++) {
        troupe_reply_t *reply = line_next(&line);
        assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_OK);
        troupe_reply_destroy(&reply);
    }
    line_assert_quiet(&line);
    line_close(&line);
    rig_end(&rig);
    read_the_log();
    sums_are_within(700 * MIB);
    assert_int_equal(atomic_load(&n_inits), 1);
    assert_int_equal(count_events("granted", NULL), 1);
}

/* Whatever else is said in the list. */
static void start_described(const char *top, const char *children)
{
    listen_to_the_log();
    rig_start(&rig, cast, top, children);
}

static void what_the_pinned_hold_cannot_be_had(void **state)
{
    (void)state;
    start_described("memory: {budget: 700MiB}\n",
                    "  - {capability: a, worker: {module: holder, args: {mib: '400'}}, "
                    "memory: 400MiB, workers: {min: 0, max: 1}, pinned: true}\n"
                    "  - {capability: b, worker: {module: holder, args: {mib: '400'}}, "
                    "memory: 400MiB, workers: {min: 0, max: 1}}\n");
    line_t line;
    line_open(&line, &rig, INSIDE);
    assert_outcome(line_call(&line, "a", NULL, "0"), TROUPE_OUTCOME_OK);
    for (int i = 0; i < 3; i++) {
        assert_outcome(line_call(&line, "b", NULL, "0"), TROUPE_OUTCOME_MEMORY_EXHAUSTED);
        assert_outcome(line_call(&line, "a", NULL, "0"), TROUPE_OUTCOME_OK);
    }
    line_close(&line);
    rig_end(&rig);
    read_the_log();
    sums_are_within(700 * MIB);
    assert_int_equal(atomic_load(&n_inits), 1);
}

/* The pool has one worker, and there is no room for another one beside it. */
static void a_worker_replaces_itself_and_loses_no_request(void **state)
{
    (void)state;
    start_described("memory: {budget: 700MiB}\n",
                    "  - {capability: a, worker: {module: holder, args: {mib: '400'}}, "
                    "memory: 400MiB, workers: {min: 1, max: 1}, health: {interval: 20ms, "
                    "misses: 1000}, timeout: 60s}\n");
    caller_t callers[N_CALLERS] = {{0}};
    for (size_t i = 0; i < N_CALLERS; i++) {
        callers[i].dice = UINT64_C(0x9E3779B97F4A7C15) * (i + 1);
        callers[i].only = "a";
        callers[i].until_ms = INT64_MAX;
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_on, &callers[i]), 0);
    }
    size_t n_before = atomic_load(&n_inits);
    troupe_outcome_t outcomes[3];
    for (int i = 0; i < 3; i++) {
        outcomes[i] = rig_operate(&rig, "restart", "a");
    }
    size_t n_after = atomic_load(&n_inits);
    stop_calling(callers, N_CALLERS);
    for (int i = 0; i < 3; i++) {
        assert_outcome(outcomes[i], TROUPE_OUTCOME_OK);
    }
    rig_end(&rig);
    read_the_log();
    sums_are_within(700 * MIB);
    assert_int_equal(n_before, 1);
    assert_int_equal(n_after, 4);
    assert_int_equal(count_events("replaces_itself", NULL), 3);
}

/* What was declared was too little: the first start fails beside another worker, and the second
 * has all the room that can be made. */
static void a_load_without_memory_is_tried_again_alone(void **state)
{
    (void)state;
    const int mib[] = {200, 300};
    start_node("memory: {budget: 700MiB}\n", mib, 2);
    line_t line;
    line_open(&line, &rig, INSIDE);
    assert_outcome(line_call(&line, "a", NULL, "0"), TROUPE_OUTCOME_OK);
    atomic_store(&wants_all, true);
    assert_outcome(line_call(&line, "b", NULL, "0"), TROUPE_OUTCOME_OK);
    line_close(&line);
    rig_end(&rig);
    read_the_log();
    sums_are_within(700 * MIB);
    assert_int_equal(count_events("memory_corrected", NULL), 1);
    assert_int_equal(count_events("evicted", "room"), 1);
    assert_int_equal(count_events("granted", NULL), 3);
}

/* One thing that two need: they take turns as for memory. */
static void a_resource_with_a_name_goes_round(void **state)
{
    (void)state;
    start_described("resources: {gpu: 1}\nmemory: {residency: 20ms}\n",
                    "  - {capability: a, worker: {module: holder, args: {mib: '1'}}, needs: "
                    "{gpu: 1}, workers: {min: 0, max: 1}, timeout: 60s}\n"
                    "  - {capability: b, worker: {module: holder, args: {mib: '1'}}, needs: "
                    "{gpu: 1}, workers: {min: 0, max: 1}, timeout: 60s}\n"
                    "  - {capability: c, worker: {module: holder, args: {mib: '0'}}, "
                    "workers: {min: 0, max: 1}, timeout: 60s}\n");
    caller_t callers[N_CALLERS] = {{0}};
    for (size_t i = 0; i < N_CALLERS; i++) {
        callers[i].dice = UINT64_C(0x9E3779B97F4A7C15) * (i + 1);
        callers[i].n_calls = 50;
    }
    assert_int_equal(call_all(callers, N_CALLERS), 50 * N_CALLERS);
    rig_end(&rig);
    read_the_log();
    assert_int_equal(atomic_load(&most_mib_there), 1);
    assert_true(count_events("evicted", "room") > 0);
    assert_int_equal(count_events("granted", NULL), count_events("charge_released", NULL));
}

#define story(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(three_that_do_not_fit_together_serve_everybody),
        story(who_was_used_least_recently_gives_way),
        story(two_that_fight_over_room_take_turns),
        story(a_thousand_first_requests_start_one_worker),
        story(what_the_pinned_hold_cannot_be_had),
        story(a_worker_replaces_itself_and_loses_no_request),
        story(a_load_without_memory_is_tried_again_alone),
        story(a_resource_with_a_name_goes_round),
    };
    return cmocka_run_group_tests_name("integration/memory", tests, NULL, NULL) != 0;
}
