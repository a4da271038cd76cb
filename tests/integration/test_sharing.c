/* Work that is shared must stay everybody's own: many requests that run once, because their
 * dedup keys are equal, and many that are handed over together, as a batch. Each of them keeps
 * its deadline, its cancel and its end, and nobody who leaves takes others along.
 */

#include "tests/kit/gate.h"
#include "tests/kit/rig.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_SHARERS  100
#define N_PARTS    10
#define BATCH_MAX  4
#define MOST_TAKEN 64 /* batches, and requests of one, that a test may look at */
#define SHORT_MS   100

static rig_t rig;
static line_t line;
static line_t other;
static gate_t gate = GATE_INITIALIZER; /* each run comes here once */
static gate_t gone = GATE_INITIALIZER; /* and here, when it saw that nobody waits */
static atomic_size_t n_breaks;         /* runs that shall still break */
static _Atomic(troupe_request_t *) held;

/* ---- shared runs ---- */

/* The reply is which run it was. */
static void reply_run(troupe_request_t *request, size_t run)
{
    char text[32];
    snprintf(text, sizeof text, "run %zu", run);
    troupe_request_reply_data(request, text, strlen(text));
}

static void send_parts(troupe_request_t *request)
{
    for (size_t i = 0; i < N_PARTS; i++) {
        troupe_message_t *part = troupe_message_from(&i, sizeof i);
        if (troupe_request_part(request, &part) != TROUPE_OK) {
            troupe_message_destroy(&part);
            break;
        }
    }
}

static bool shall_break(void)
{
    size_t left = atomic_load(&n_breaks);
    while (left > 0 && !atomic_compare_exchange_weak(&n_breaks, &left, left - 1)) {
    }
    return left > 0;
}

static int share(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)state;
    atomic_store(&held, request);
    const char *method = troupe_request_method(request);
    size_t run = gate_come(&gate);
    if (!gate_wait(&gate, request)) {
        troupe_request_fail(request, "nobody waits");
        gate_note(&gone);
    } else if (shall_break()) {
        troupe_worker_explain(self, "broken as asked");
        return -1;
    } else if (strcmp(method, "fail") == 0) {
        troupe_request_fail(request, "failed as asked");
    } else {
        if (strcmp(method, "parts") == 0) {
            send_parts(request);
        }
        reply_run(request, run);
    }
    return 0;
}

/* Parts first, and only then the gate. */
static int stream(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)self;
    (void)state;
    send_parts(request);
    size_t run = gate_come(&gate);
    gate_wait(&gate, request);
    reply_run(request, run);
    return 0;
}

/* ---- batches ---- */

/* What was handed over at once: the payloads, and the one method. */
typedef struct batch {
    size_t n;
    bool is_of_one_method;
    char texts[MOST_TAKEN][16];
} batch_t;

static pthread_mutex_t taken_mutex = PTHREAD_MUTEX_INITIALIZER;
static batch_t taken[MOST_TAKEN];
static size_t n_taken;
static bool was_cancelled[MOST_TAKEN]; /* of the last batch, when the gate opened */

static void copy_text(char *out, size_t size, const troupe_request_t *request)
{
    snprintf(out, size, "%.*s", (int)troupe_request_size(request),
             (const char *)troupe_request_data(request));
}

static void note_batch(troupe_request_t **requests, size_t count)
{
    pthread_mutex_lock(&taken_mutex);
    batch_t *batch = &taken[n_taken++ % MOST_TAKEN];
    *batch = (batch_t){.n = count, .is_of_one_method = true};
    for (size_t i = 0; i < count && i < MOST_TAKEN; i++) {
        copy_text(batch->texts[i], sizeof batch->texts[i], requests[i]);
        batch->is_of_one_method =
            batch->is_of_one_method &&
            strcmp(troupe_request_method(requests[i]), troupe_request_method(requests[0])) == 0;
    }
    pthread_mutex_unlock(&taken_mutex);
}

static bool says(const troupe_request_t *request, const char *word)
{
    return troupe_request_size(request) == strlen(word) &&
           memcmp(troupe_request_data(request), word, strlen(word)) == 0;
}

static int handle_batch(troupe_worker_t *self, troupe_request_t **requests, size_t count,
                        void *state)
{
    (void)state;
    note_batch(requests, count);
    gate_come(&gate);
    gate_wait(&gate, NULL);
    for (size_t i = 0; i < count && i < MOST_TAKEN; i++) {
        was_cancelled[i] = troupe_request_cancelled(requests[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (says(requests[i], "break") && shall_break()) {
            troupe_worker_explain(self, "broken as asked");
            return -1;
        }
        if (says(requests[i], "fail")) {
            troupe_request_fail(requests[i], "failed as asked");
        } else if (!says(requests[i], "forget")) {
            troupe_message_t *reply = troupe_message_share(troupe_request_message(requests[i]));
            troupe_request_reply(requests[i], &reply);
        }
    }
    return 0;
}

/* Never called: what is of a batch goes to handle_batch, if it is one or many. */
static int handle_one(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)self;
    (void)state;
    troupe_request_fail(request, "not as a batch");
    return 0;
}

/* ---- the node ---- */

static const troupe_behaviour_t sharing = {.name = "sharing", .handle = share};
static const troupe_behaviour_t streaming = {.name = "streaming", .handle = stream};
static const troupe_behaviour_t batching = {
    .name = "batching", .handle = handle_one, .handle_batch = handle_batch};
static const troupe_behaviour_t *const behaviours[] = {&sharing, &streaming, &batching, NULL};

#define QUICKLY ", timeout: 1h, backoff: {min: 1ms, max: 1ms}"

static int begin(void **state)
{
    (void)state;
    gate_reset(&gate);
    gate_reset(&gone);
    atomic_store(&n_breaks, 0);
    atomic_store(&held, NULL);
    n_taken = 0;
    rig_start(&rig, behaviours, "",
              "    - {capability: one, worker: {module: sharing}" QUICKLY "}\n"
              "    - {capability: two, worker: {module: sharing}, workers: {min: 2}" QUICKLY
              "}\n"
              "    - {capability: again, worker: {module: sharing}, retry: 1" QUICKLY "}\n"
              "    - {capability: streams, worker: {module: streaming}" QUICKLY "}\n"
              "    - {capability: batches, worker: {module: batching},"
              " batch: {max: 4, window: 0}" QUICKLY "}\n"
              "    - {capability: batches-again, worker: {module: batching}, retry: 1,"
              " batch: {max: 4, window: 0}" QUICKLY "}\n"
              "    - {capability: pairs, worker: {module: batching},"
              " batch: {max: 2, window: 30m}" QUICKLY "}\n"
              "    - {capability: hasty, worker: {module: batching},"
              " batch: {max: 4, window: 20ms}" QUICKLY "}\n"
              "    - {capability: singly, worker: {module: sharing},"
              " batch: {max: 4, window: 0}" QUICKLY "}\n");
    line_open(&line, &rig, INSIDE);
    line_open(&other, &rig, OVER_TCP);
    return 0;
}

static int end(void **state)
{
    (void)state;
    gate_open(&gate);
    line_close(&line);
    line_close(&other);
    rig_end(&rig);
    return 0;
}

/* ---- shared runs: stories ---- */

static uint64_t start_as(line_t *who, const char *capability, const char *key,
                         int64_t timeout_ms)
{
    return line_start(who, capability,
                      &(troupe_call_options_t){.dedup_key = key, .timeout_ms = timeout_ms},
                      "x");
}

static uint64_t start(const char *capability, const char *key)
{
    return start_as(&line, capability, key, 0);
}

static void assert_ends(line_t *who, uint64_t id, const char *text)
{
    troupe_reply_t *reply = line_final(who, id);
    if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK || !reply_says(reply, text)) {
        fail_msg("%s: %s, not '%s' but '%.*s'",
                 troupe_outcome_name(troupe_reply_outcome(reply)), troupe_reply_text(reply),
                 text, (int)troupe_message_size(troupe_reply_message(reply), 0),
                 (const char *)troupe_message_data(troupe_reply_message(reply), 0));
    }
    troupe_reply_destroy(&reply);
}

static void cancel(line_t *who, uint64_t id)
{
    line_cancel(who, id);
    assert_outcome(line_outcome(who, id), TROUPE_OUTCOME_CANCELLED);
}

/* The one worker runs `n` requests with the key "k", of which the ids are. */
static void run_shared(const char *capability, uint64_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ids[i] = start(capability, "k");
    }
    rig_await_accepted(&rig, capability, n);
    assert_true(gate_await(&gate, 1));
}

/* The one worker is busy with another request, and `n` with the key "k" wait. */
static uint64_t queue_shared(const char *capability, uint64_t *ids, size_t n)
{
    uint64_t busy = start(capability, NULL);
    assert_true(gate_await(&gate, 1));
    for (size_t i = 0; i < n; i++) {
        ids[i] = start(capability, "k");
    }
    rig_await_accepted(&rig, capability, n + 1);
    return busy;
}

static void assert_rest(const char *capability)
{
    rig_await_rest(&rig, capability);
    line_assert_quiet(&line);
    line_assert_quiet(&other);
}

static void equal_requests_run_once(void **state)
{
    (void)state;
    uint64_t ids[N_SHARERS];
    for (size_t i = 0; i < N_SHARERS; i++) {
        ids[i] = start_as(i % 2 ? &other : &line, "two", "k", 0);
    }
    rig_await_accepted(&rig, "two", N_SHARERS);
    assert_true(gate_await(&gate, 1));
    gate_open(&gate);
    for (size_t i = 0; i < N_SHARERS; i++) {
        assert_ends(i % 2 ? &other : &line, ids[i], "run 1");
    }
    assert_int_equal(gate_n_come(&gate), 1);
    assert_rest("two");
}

static void equal_requests_that_wait_run_once(void **state)
{
    (void)state;
    uint64_t ids[N_SHARERS];
    uint64_t busy = queue_shared("one", ids, N_SHARERS);
    gate_open(&gate);
    assert_ends(&line, busy, "run 1");
    for (size_t i = 0; i < N_SHARERS; i++) {
        assert_ends(&line, ids[i], "run 2");
    }
    assert_int_equal(gate_n_come(&gate), 2);
    assert_rest("one");
}

static void a_failure_is_shared_too(void **state)
{
    (void)state;
    uint64_t ids[3];
    for (size_t i = 0; i < 3; i++) {
        ids[i] = line_start(&line, "one",
                            &(troupe_call_options_t){.dedup_key = "k", .method = "fail"}, "x");
    }
    rig_await_accepted(&rig, "one", 3);
    gate_open(&gate);
    for (size_t i = 0; i < 3; i++) {
        troupe_reply_t *reply = line_final(&line, ids[i]);
        assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_WORKER_ERROR);
        assert_string_equal(troupe_reply_text(reply), "failed as asked");
        troupe_reply_destroy(&reply);
    }
    assert_int_equal(gate_n_come(&gate), 1);
    assert_rest("one");
}

/* Which of the sharers leaves, and when. */
typedef struct leaving {
    size_t who;
    bool is_queued;
} leaving_t;

static void who_cancels_leaves_the_others(void **state)
{
    const leaving_t *leaving = *state;
    uint64_t ids[3];
    uint64_t busy = 0;
    if (leaving->is_queued) {
        busy = queue_shared("one", ids, 3);
    } else {
        run_shared("one", ids, 3);
    }
    cancel(&line, ids[leaving->who]);
    if (!leaving->is_queued) {
        assert_false(troupe_request_cancelled(atomic_load(&held)));
    }
    gate_open(&gate);
    for (size_t i = 0; i < 3; i++) {
        if (i != leaving->who) {
            assert_ends(&line, ids[i], leaving->is_queued ? "run 2" : "run 1");
        }
    }
    if (busy) {
        assert_ends(&line, busy, "run 1");
    }
    assert_int_equal(gate_n_come(&gate), leaving->is_queued ? 2 : 1);
    assert_rest("one");
}

static void who_runs_out_of_time_leaves_the_others(void **state)
{
    const leaving_t *leaving = *state;
    uint64_t ids[3];
    uint64_t busy = leaving->is_queued ? start("one", NULL) : 0;
    if (busy) {
        assert_true(gate_await(&gate, 1));
    }
    for (size_t i = 0; i < 3; i++) {
        ids[i] = start_as(&line, "one", "k", i == leaving->who ? SHORT_MS : 0);
    }
    rig_await_accepted(&rig, "one", busy ? 4 : 3);
    assert_true(gate_await(&gate, 1));
    assert_outcome(line_outcome(&line, ids[leaving->who]), TROUPE_OUTCOME_TIMEOUT);
    if (!leaving->is_queued) {
        assert_false(troupe_request_cancelled(atomic_load(&held)));
        assert_true(troupe_request_remaining_ms(atomic_load(&held)) > SHORT_MS);
    }
    gate_open(&gate);
    for (size_t i = 0; i < 3; i++) {
        if (i != leaving->who) {
            assert_ends(&line, ids[i], leaving->is_queued ? "run 2" : "run 1");
        }
    }
    if (busy) {
        assert_ends(&line, busy, "run 1");
    }
    assert_rest("one");
}

static void the_run_stops_when_the_last_has_left(void **state)
{
    (void)state;
    uint64_t ids[3];
    run_shared("one", ids, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_false(troupe_request_cancelled(atomic_load(&held)));
        cancel(&line, ids[i]);
    }
    assert_true(gate_await(&gone, 1));
    gate_open(&gate);
    assert_ends(&line, start("one", "k"), "run 2");
    assert_rest("one");
}

/* Nobody is left for it, so it is not even begun. */
static void what_waits_goes_when_the_last_has_left(void **state)
{
    (void)state;
    uint64_t ids[3];
    uint64_t busy = queue_shared("one", ids, 3);
    for (size_t i = 0; i < 3; i++) {
        cancel(&line, ids[i]);
    }
    rig_await(&rig, "one", 0, 1);
    gate_open(&gate);
    assert_ends(&line, busy, "run 1");
    assert_rest("one");
    assert_int_equal(gate_n_come(&gate), 1);
}

/* Who comes when a run is flagged does not share its end. */
static void who_comes_after_the_last_has_left_runs_anew(void **state)
{
    (void)state;
    uint64_t id = start("two", "k");
    assert_true(gate_await(&gate, 1));
    cancel(&line, id);
    id = start("two", "k");
    assert_true(gate_await(&gate, 2));
    gate_open(&gate);
    assert_ends(&line, id, "run 2");
    assert_rest("two");
}

static void another_key_runs_apart(void **state)
{
    (void)state;
    uint64_t one = start("two", "k");
    uint64_t two = start("two", "l");
    assert_true(gate_await(&gate, 2));
    gate_open(&gate);
    assert_outcome(line_outcome(&line, one), TROUPE_OUTCOME_OK);
    assert_outcome(line_outcome(&line, two), TROUPE_OUTCOME_OK);
    assert_int_equal(gate_n_come(&gate), 2);
    assert_rest("two");
}

static void without_a_key_nothing_is_shared(void **state)
{
    (void)state;
    uint64_t one = start("two", NULL);
    uint64_t two = start("two", "");
    assert_true(gate_await(&gate, 2));
    gate_open(&gate);
    assert_outcome(line_outcome(&line, one), TROUPE_OUTCOME_OK);
    assert_outcome(line_outcome(&line, two), TROUPE_OUTCOME_OK);
    assert_rest("two");
}

static void another_capability_is_another_run(void **state)
{
    (void)state;
    uint64_t one = start("one", "k");
    uint64_t two = start("two", "k");
    assert_true(gate_await(&gate, 2));
    gate_open(&gate);
    assert_outcome(line_outcome(&line, one), TROUPE_OUTCOME_OK);
    assert_outcome(line_outcome(&line, two), TROUPE_OUTCOME_OK);
}

static void after_the_end_the_same_key_runs_anew(void **state)
{
    (void)state;
    gate_open(&gate);
    assert_ends(&line, start("one", "k"), "run 1");
    assert_ends(&line, start("one", "k"), "run 2");
    assert_ends(&other, start_as(&other, "one", "k", 0), "run 3");
    assert_rest("one");
}

static void sharers_of_a_lost_worker_are_retried_together(void **state)
{
    (void)state;
    uint64_t ids[3];
    atomic_store(&n_breaks, 1);
    run_shared("again", ids, 3);
    gate_open(&gate);
    for (size_t i = 0; i < 3; i++) {
        assert_ends(&line, ids[i], "run 2");
    }
    assert_int_equal(gate_n_come(&gate), 2);
    assert_rest("again");
}

static void sharers_of_a_lost_worker_are_lost_together(void **state)
{
    (void)state;
    uint64_t ids[3];
    atomic_store(&n_breaks, 1);
    run_shared("one", ids, 3);
    gate_open(&gate);
    for (size_t i = 0; i < 3; i++) {
        assert_outcome(line_outcome(&line, ids[i]), TROUPE_OUTCOME_WORKER_LOST);
    }
    assert_int_equal(gate_n_come(&gate), 1);
    assert_rest("one");
}

/* One left between the loss and the second try. */
static void a_retried_run_keeps_who_is_left(void **state)
{
    (void)state;
    uint64_t ids[3];
    atomic_store(&n_breaks, 1);
    run_shared("again", ids, 3);
    gate_let_one(&gate);
    assert_true(gate_await(&gate, 2));
    cancel(&line, ids[0]);
    gate_open(&gate);
    assert_ends(&line, ids[1], "run 2");
    assert_ends(&line, ids[2], "run 2");
    assert_rest("again");
}

/* It is the run that has cost two workers, whoever leads it. */
static void who_leaves_a_retried_run_takes_no_losses_along(void **state)
{
    (void)state;
    uint64_t ids[3];
    atomic_store(&n_breaks, 2);
    run_shared("again", ids, 3);
    gate_let_one(&gate);
    assert_true(gate_await(&gate, 2));
    cancel(&line, ids[0]);
    gate_open(&gate);
    assert_outcome(line_outcome(&line, ids[1]), TROUPE_OUTCOME_WORKER_LOST);
    assert_outcome(line_outcome(&line, ids[2]), TROUPE_OUTCOME_WORKER_LOST);
    assert_int_equal(gate_n_come(&gate), 2);
    assert_rest("again");
}

static void assert_parts(line_t *who, uint64_t id, const char *text)
{
    for (size_t i = 0; i < N_PARTS; i++) {
        troupe_reply_t *part = line_take(who, id);
        assert_false(troupe_reply_is_final(part));
        assert_int_equal(troupe_reply_sequence(part), i);
        assert_memory_equal(troupe_message_data(troupe_reply_message(part), 0), &i, sizeof i);
        troupe_reply_destroy(&part);
    }
    assert_ends(who, id, text);
}

static uint64_t start_stream(line_t *who, const char *capability)
{
    return line_start(who, capability,
                      &(troupe_call_options_t){.dedup_key = "k", .method = "parts"}, "x");
}

static void each_sharer_gets_all_parts(void **state)
{
    (void)state;
    uint64_t mine[3];
    uint64_t others[3];
    for (size_t i = 0; i < 3; i++) {
        mine[i] = start_stream(&line, "one");
        others[i] = start_stream(&other, "one");
    }
    rig_await_accepted(&rig, "one", 6);
    gate_open(&gate);
    for (size_t i = 0; i < 3; i++) {
        assert_parts(&line, mine[i], "run 1");
        assert_parts(&other, others[i], "run 1");
    }
    assert_rest("one");
}

static void who_comes_after_the_first_part_runs_anew(void **state)
{
    (void)state;
    uint64_t first = start_stream(&line, "streams");
    assert_true(gate_await(&gate, 1));
    uint64_t late = start_stream(&line, "streams");
    rig_await_accepted(&rig, "streams", 2);
    gate_open(&gate);
    assert_parts(&line, first, "run 1");
    assert_parts(&line, late, "run 2");
    assert_rest("streams");
}

/* ---- batches: stories ---- */

static uint64_t start_batched(const char *capability, const char *method, const char *text)
{
    return line_start(&line, capability, &(troupe_call_options_t){.method = method}, text);
}

/* The worker is busy with a batch of one until the gate opens. */
static uint64_t occupy(const char *capability)
{
    uint64_t id = start_batched(capability, "first", "first");
    assert_true(gate_await(&gate, 1));
    return id;
}

/* One batch of these three is with the worker, which waits at the gate. */
static void run_batch(const char *capability, const char *const *texts, uint64_t *ids)
{
    uint64_t first = occupy(capability);
    for (size_t i = 0; i < 3; i++) {
        ids[i] = start_batched(capability, "", texts[i]);
    }
    rig_await(&rig, capability, 3, 1);
    gate_let_one(&gate);
    assert_ends(&line, first, "first");
    assert_true(gate_await(&gate, 2));
    assert_int_equal(taken[1].n, 3);
}

static bool was_handed_over(const char *text)
{
    for (size_t i = 0; i < n_taken; i++) {
        for (size_t j = 0; j < taken[i].n; j++) {
            if (strcmp(taken[i].texts[j], text) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void a_batch_is_of_one_method_and_not_too_large(void **state)
{
    (void)state;
    uint64_t ids[9];
    uint64_t first = occupy("batches");
    for (size_t i = 0; i < 9; i++) {
        ids[i] = start_batched("batches", i < 5 ? "one" : "another", "x");
    }
    rig_await(&rig, "batches", 9, 1);
    gate_open(&gate);
    assert_ends(&line, first, "first");
    for (size_t i = 0; i < 9; i++) {
        assert_ends(&line, ids[i], "x");
    }
    size_t n = 0;
    size_t largest = 0;
    for (size_t i = 0; i < n_taken; i++) {
        assert_true(taken[i].is_of_one_method);
        assert_in_range(taken[i].n, 1, BATCH_MAX);
        n += taken[i].n;
        largest = taken[i].n > largest ? taken[i].n : largest;
    }
    assert_int_equal(n, 1 + 9);
    assert_int_equal(largest, BATCH_MAX);
    assert_rest("batches");
}

static void a_full_batch_waits_for_nothing(void **state)
{
    (void)state;
    gate_open(&gate);
    uint64_t one = start_batched("pairs", "", "1");
    rig_await(&rig, "pairs", 1, 0);
    uint64_t two = start_batched("pairs", "", "2");
    assert_ends(&line, one, "1");
    assert_ends(&line, two, "2");
    assert_int_equal(n_taken, 1);
    assert_int_equal(taken[0].n, 2);
    assert_rest("pairs");
}

static void a_batch_does_not_wait_beyond_its_window(void **state)
{
    (void)state;
    gate_open(&gate);
    assert_ends(&line, start_batched("hasty", "", "1"), "1");
    assert_int_equal(n_taken, 1);
    assert_int_equal(taken[0].n, 1);
    assert_rest("hasty");
}

/* In a batch that waits to be filled a request can still be cancelled, or run out of time. */
static void who_waits_for_a_batch_may_leave(void **state)
{
    (void)state;
    gate_open(&gate);
    uint64_t one = start_batched("pairs", "", "1");
    rig_await(&rig, "pairs", 1, 0);
    cancel(&line, one);
    assert_outcome(
        line_call(&line, "pairs", &(troupe_call_options_t){.timeout_ms = SHORT_MS}, "2"),
        TROUPE_OUTCOME_TIMEOUT);
    uint64_t three = start_batched("pairs", "", "3");
    rig_await(&rig, "pairs", 1, 0);
    assert_int_equal(n_taken, 0);
    uint64_t four = start_batched("pairs", "", "4");
    assert_ends(&line, three, "3");
    assert_ends(&line, four, "4");
    assert_rest("pairs");
}

static void each_of_a_batch_keeps_its_deadline(void **state)
{
    (void)state;
    uint64_t first = occupy("batches");
    uint64_t lasting = start_batched("batches", "", "lasting");
    uint64_t hasty =
        line_start(&line, "batches", &(troupe_call_options_t){.timeout_ms = 1000}, "hasty");
    rig_await(&rig, "batches", 2, 1);
    gate_let_one(&gate);
    assert_ends(&line, first, "first");
    assert_outcome(line_outcome(&line, hasty), TROUPE_OUTCOME_TIMEOUT);
    gate_open(&gate);
    assert_ends(&line, lasting, "lasting");
    assert_rest("batches");
}

static void each_of_a_batch_keeps_its_cancel(void **state)
{
    (void)state;
    uint64_t ids[3];
    run_batch("batches", (const char *[]){"a", "b", "c"}, ids);
    cancel(&line, ids[1]);
    gate_open(&gate);
    assert_ends(&line, ids[0], "a");
    assert_ends(&line, ids[2], "c");
    assert_rest("batches");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(was_cancelled[i], strcmp(taken[1].texts[i], "b") == 0);
    }
}

/* The worker goes on with all of them, for nobody, and then serves again. */
static void all_of_a_batch_may_leave(void **state)
{
    (void)state;
    uint64_t ids[3];
    run_batch("batches", (const char *[]){"a", "b", "c"}, ids);
    for (size_t i = 0; i < 3; i++) {
        cancel(&line, ids[i]);
    }
    gate_open(&gate);
    assert_ends(&line, start_batched("batches", "", "next"), "next");
    assert_rest("batches");
}

static void each_of_a_batch_keeps_its_end(void **state)
{
    (void)state;
    uint64_t ids[3];
    run_batch("batches", (const char *[]){"a", "fail", "forget"}, ids);
    gate_open(&gate);
    assert_ends(&line, ids[0], "a");
    troupe_reply_t *reply = line_final(&line, ids[1]);
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_WORKER_ERROR);
    assert_string_equal(troupe_reply_text(reply), "failed as asked");
    troupe_reply_destroy(&reply);
    assert_outcome(line_outcome(&line, ids[2]), TROUPE_OUTCOME_WORKER_ERROR);
    assert_ends(&line, start_batched("batches", "", "next"), "next");
    assert_int_equal(rig_read_books(&rig, "batches").restarts, 0);
    assert_rest("batches");
}

static void what_was_cancelled_is_not_handed_over(void **state)
{
    (void)state;
    uint64_t ids[3];
    uint64_t first = occupy("batches");
    for (size_t i = 0; i < 3; i++) {
        ids[i] = start_batched("batches", "", (const char *[]){"a", "b", "c"}[i]);
    }
    rig_await(&rig, "batches", 3, 1);
    cancel(&line, ids[1]);
    gate_open(&gate);
    assert_ends(&line, first, "first");
    assert_ends(&line, ids[0], "a");
    assert_ends(&line, ids[2], "c");
    assert_rest("batches");
    assert_true(was_handed_over("a"));
    assert_false(was_handed_over("b"));
    assert_true(was_handed_over("c"));
}

/* What was finished before it broke stays finished. */
static void a_broken_batch_is_lost(void **state)
{
    (void)state;
    uint64_t ids[3];
    atomic_store(&n_breaks, 1);
    run_batch("batches", (const char *[]){"a", "break", "c"}, ids);
    gate_open(&gate);
    assert_ends(&line, ids[0], "a");
    assert_outcome(line_outcome(&line, ids[1]), TROUPE_OUTCOME_WORKER_LOST);
    assert_outcome(line_outcome(&line, ids[2]), TROUPE_OUTCOME_WORKER_LOST);
    assert_ends(&line, start_batched("batches", "", "next"), "next");
    assert_rest("batches");
}

static void a_broken_batch_is_tried_again(void **state)
{
    (void)state;
    uint64_t ids[3];
    atomic_store(&n_breaks, 1);
    run_batch("batches-again", (const char *[]){"a", "break", "c"}, ids);
    gate_open(&gate);
    assert_ends(&line, ids[0], "a");
    assert_ends(&line, ids[1], "break");
    assert_ends(&line, ids[2], "c");
    assert_rest("batches-again");
}

static void a_behaviour_without_batches_gets_them_one_by_one(void **state)
{
    (void)state;
    uint64_t ids[6];
    gate_open(&gate);
    for (size_t i = 0; i < 6; i++) {
        ids[i] = start_batched("singly", "", "x");
    }
    for (size_t i = 0; i < 6; i++) {
        assert_outcome(line_outcome(&line, ids[i]), TROUPE_OUTCOME_OK);
    }
    assert_int_equal(gate_n_come(&gate), 6);
    assert_rest("singly");
}

/* Equal requests are one request of a batch. */
static void sharers_may_be_of_a_batch(void **state)
{
    (void)state;
    uint64_t ids[4];
    uint64_t first = occupy("batches");
    for (size_t i = 0; i < 4; i++) {
        ids[i] = line_start(&line, "batches",
                            &(troupe_call_options_t){.dedup_key = i < 3 ? "k" : "l"},
                            i < 3 ? "k" : "l");
    }
    rig_await_accepted(&rig, "batches", 5);
    gate_let_one(&gate);
    assert_ends(&line, first, "first");
    assert_true(gate_await(&gate, 2));
    assert_int_equal(taken[1].n, 2);
    cancel(&line, ids[0]);
    gate_open(&gate);
    assert_ends(&line, ids[1], "k");
    assert_ends(&line, ids[2], "k");
    assert_ends(&line, ids[3], "l");
    assert_rest("batches");
}

/* clang-format off */
#define STORY(story) \
    { .name = #story, .test_func = story, .setup_func = begin, .teardown_func = end }

#define LEAVING(title, story, ...) \
    { .name = title, .test_func = story, .setup_func = begin, .teardown_func = end, \
      .initial_state = &(leaving_t){__VA_ARGS__} }

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(equal_requests_run_once),
        STORY(equal_requests_that_wait_run_once),
        STORY(a_failure_is_shared_too),
        LEAVING("the first cancels while it runs", who_cancels_leaves_the_others, 0, false),
        LEAVING("another one cancels while it runs", who_cancels_leaves_the_others, 1, false),
        LEAVING("the last cancels while it runs", who_cancels_leaves_the_others, 2, false),
        LEAVING("the first cancels while it waits", who_cancels_leaves_the_others, 0, true),
        LEAVING("another one cancels while it waits", who_cancels_leaves_the_others, 1, true),
        LEAVING("the last cancels while it waits", who_cancels_leaves_the_others, 2, true),
        LEAVING("the first runs out of time while it runs",
                who_runs_out_of_time_leaves_the_others, 0, false),
        LEAVING("another one runs out of time while it runs",
                who_runs_out_of_time_leaves_the_others, 1, false),
        LEAVING("the first runs out of time while it waits",
                who_runs_out_of_time_leaves_the_others, 0, true),
        LEAVING("another one runs out of time while it waits",
                who_runs_out_of_time_leaves_the_others, 1, true),
        STORY(the_run_stops_when_the_last_has_left),
        STORY(what_waits_goes_when_the_last_has_left),
        STORY(who_comes_after_the_last_has_left_runs_anew),
        STORY(another_key_runs_apart),
        STORY(without_a_key_nothing_is_shared),
        STORY(another_capability_is_another_run),
        STORY(after_the_end_the_same_key_runs_anew),
        STORY(sharers_of_a_lost_worker_are_retried_together),
        STORY(sharers_of_a_lost_worker_are_lost_together),
        STORY(a_retried_run_keeps_who_is_left),
        STORY(who_leaves_a_retried_run_takes_no_losses_along),
        STORY(each_sharer_gets_all_parts),
        STORY(who_comes_after_the_first_part_runs_anew),

        STORY(a_batch_is_of_one_method_and_not_too_large),
        STORY(a_full_batch_waits_for_nothing),
        STORY(a_batch_does_not_wait_beyond_its_window),
        STORY(who_waits_for_a_batch_may_leave),
        STORY(each_of_a_batch_keeps_its_deadline),
        STORY(each_of_a_batch_keeps_its_cancel),
        STORY(all_of_a_batch_may_leave),
        STORY(each_of_a_batch_keeps_its_end),
        STORY(what_was_cancelled_is_not_handed_over),
        STORY(a_broken_batch_is_lost),
        STORY(a_broken_batch_is_tried_again),
        STORY(a_behaviour_without_batches_gets_them_one_by_one),
        STORY(sharers_may_be_of_a_batch),
    };
    return cmocka_run_group_tests_name("sharing", tests, NULL, NULL) != 0;
}
/* clang-format on */
