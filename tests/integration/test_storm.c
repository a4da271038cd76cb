/* Everything at once: capabilities of every kind, called from several threads and over tcp with
 * requests of every kind, while workers break, pools are restarted and a capability comes and
 * goes; and in the end the node drains while requests are under way. Does each request end
 * exactly once, in a way that it may, with bytes that are its own, and do the books add up?
 *
 * $TROUPE_STORM_REQUESTS says how many, $TROUPE_STORM_SEED repeats what the callers do; what
 * the threads make of it is theirs. Asserts belong to the main thread: the others count faults
 * and say the first of them on stderr.
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

#define THREADS       3   /* inside */
#define WINDOW        256 /* requests under way of each of them */
#define REMOTE_WINDOW 32  /* and of the one that calls over tcp */
#define REMOTE_SHARE  50  /* one request of so many goes over tcp */
#define STROKES       20  /* how often something is restarted meanwhile */
#define DRAIN_SHARE   20  /* one request of so many is for the drain */
#define MOST_REFUSED  100 /* after so many by a node that drains, a caller is satisfied */
#define MOST_SAID     20  /* faults that are told */
#define PATIENCE_MS   60000

static rig_t rig;
static gate_t progress = GATE_INITIALIZER; /* a step of each thread */
static atomic_bool is_draining;
static atomic_size_t n_faults;

#define FAULT(...)                                                                             \
    do {                                                                                       \
        if (atomic_fetch_add(&n_faults, 1) < MOST_SAID) {                                      \
            fprintf(stderr, __VA_ARGS__);                                                      \
            fputc('\n', stderr);                                                               \
        }                                                                                      \
    } while (0)

/* ---- what is asked for ---- */

typedef enum deed { ECHO, FAIL_SOMETIMES, BREAK_SOMETIMES, NAP_SOMETIMES, STREAM } deed_t;

/* The payload of each request, and of what comes back. */
typedef struct note {
    uint64_t owner;
    uint64_t sequence;
    uint64_t key;
    uint32_t deed;
    uint32_t n_parts;
} note_t;

/* Splitmix: enough for dice. */
static uint64_t dice(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static bool one_in(uint64_t *state, uint64_t n)
{
    return dice(state) % n == 0;
}

#define BIT(outcome) (1U << TROUPE_OUTCOME_##outcome)

/* A kind of request: for whom, what it may ask for, and how it may end. */
typedef struct kind {
    const char *capability;
    unsigned weight;
    deed_t deed;
    unsigned ends;
    unsigned n_keys; /* dedup keys, of which it has one; 0: none */
    bool is_sticky;
    bool is_hurried;
    bool is_cancelled; /* soon, if it has not ended before */
} kind_t;

static const kind_t kinds[] = {
    {.capability = "plain", .weight = 40, .ends = BIT(OK)},
    {.capability = "plain",
     .weight = 2,
     .ends = BIT(OK) | BIT(CANCELLED),
     .is_cancelled = true},
    {.capability = "tiny", .weight = 4, .ends = BIT(OK) | BIT(OVERLOADED)},
    {.capability = "oldest", .weight = 4, .ends = BIT(OK) | BIT(OVERLOADED)},
    {.capability = "block", .weight = 4, .ends = BIT(OK)},
    {.capability = "batch", .weight = 8, .ends = BIT(OK)},
    {.capability = "batch",
     .weight = 2,
     .ends = BIT(OK) | BIT(CANCELLED) | BIT(TIMEOUT),
     .is_cancelled = true,
     .is_hurried = true},
    {.capability = "dedup", .weight = 8, .ends = BIT(OK), .n_keys = 32},
    {.capability = "dedup",
     .weight = 2,
     .ends = BIT(OK) | BIT(CANCELLED) | BIT(TIMEOUT),
     .n_keys = 32,
     .is_cancelled = true,
     .is_hurried = true},
    {.capability = "retry",
     .weight = 4,
     .deed = BREAK_SOMETIMES,
     .ends = BIT(OK) | BIT(WORKER_LOST)},
    {.capability = "retry",
     .weight = 2,
     .deed = BREAK_SOMETIMES,
     .ends = BIT(OK) | BIT(WORKER_LOST) | BIT(CANCELLED),
     .n_keys = 16,
     .is_cancelled = true},
    {.capability = "inline",
     .weight = 16,
     .deed = BREAK_SOMETIMES,
     .ends = BIT(OK) | BIT(WORKER_LOST)},
    {.capability = "inline",
     .weight = 4,
     .deed = BREAK_SOMETIMES,
     .ends = BIT(OK) | BIT(WORKER_LOST) | BIT(CANCELLED),
     .n_keys = 16,
     .is_cancelled = true},
    {.capability = "breaker",
     .weight = 4,
     .deed = FAIL_SOMETIMES,
     .ends = BIT(OK) | BIT(WORKER_ERROR) | BIT(CIRCUIT_OPEN)},
    {.capability = "sticky", .weight = 4, .ends = BIT(OK), .is_sticky = true},
    {.capability = "turns", .weight = 4, .ends = BIT(OK)},
    {.capability = "two", .weight = 4, .ends = BIT(OK)},
    {.capability = "streams", .weight = 3, .deed = STREAM, .ends = BIT(OK)},
    {.capability = "streams",
     .weight = 1,
     .deed = STREAM,
     .ends = BIT(OK) | BIT(CANCELLED),
     .n_keys = 8,
     .is_cancelled = true},
    {.capability = "slow",
     .weight = 2,
     .deed = NAP_SOMETIMES,
     .ends = BIT(OK) | BIT(TIMEOUT),
     .is_hurried = true},
    {.capability = "mortal", .weight = 4, .ends = BIT(OK)},
    {.capability = "doomed",
     .weight = 4,
     .ends = BIT(OK) | BIT(SHUTTING_DOWN) | BIT(NO_CAPABILITY) | BIT(WORKER_LOST) |
             BIT(NO_WORKERS)},
};
#define N_KINDS (sizeof kinds / sizeof kinds[0])

#define QUICK                                                                                  \
    ", worker: {module: storm}, timeout: 10m, backoff: {min: 1ms, max: 5ms},"                  \
    " intensity: {restarts: 1000000, period: 1s}"
#define LONG ", queue: {limit: 100000}"

static const char children[] =
    "    - {capability: plain, workers: {min: 2, max: 2, concurrency: 64}" QUICK LONG "}\n"
    "    - {capability: tiny" QUICK ", queue: {limit: 4}}\n"
    "    - {capability: oldest" QUICK ", queue: {limit: 8, overflow: drop-oldest}}\n"
    "    - {capability: block, workers: {concurrency: 8}" QUICK
    ", queue: {limit: 16, overflow: block}}\n"
    "    - {capability: batch, batch: {max: 16, window: 1ms}" QUICK LONG "}\n"
    "    - {capability: dedup, workers: {min: 2, max: 2, concurrency: 4}" QUICK LONG "}\n"
    "    - {capability: retry, retry: 2, workers: {min: 4, max: 4, concurrency: 4}" QUICK LONG
    "}\n"
    "    - {capability: inline, isolation: inline, retry: 2, workers: {min: 3, max: 3,"
    " concurrency: 4}" QUICK LONG "}\n"
    "    - {capability: breaker, breaker: {failures: 3, cooldown: 5ms, probes: 2}" QUICK LONG
    "}\n"
    "    - {capability: sticky, balance: sticky, workers: {min: 3, max: 3, concurrency: "
    "8}" QUICK LONG "}\n"
    "    - {capability: turns, balance: round_robin, workers: {min: 3, max: 3}" QUICK LONG "}\n"
    "    - {capability: two, balance: power_of_two, workers: {min: 3, max: 3}" QUICK LONG "}\n"
    "    - {capability: streams, workers: {min: 2, max: 2}" QUICK LONG "}\n"
    "    - {capability: slow" QUICK LONG "}\n"
    "    - {capability: mortal, workers: {min: 2, max: 2, concurrency: 8}" QUICK LONG "}\n"
    "    - {capability: doomed, workers: {min: 2, max: 2, concurrency: 8}" QUICK LONG "}\n";

/* ---- the workers ---- */

static _Atomic(uint64_t) worker_dice;

static bool comes_up(uint64_t n)
{
    uint64_t state = atomic_fetch_add(&worker_dice, UINT64_C(0x9E3779B97F4A7C15));
    return one_in(&state, n);
}

static void reply_same(troupe_request_t *request)
{
    troupe_message_t *reply = troupe_message_share(troupe_request_message(request));
    troupe_request_reply(request, &reply);
}

static void stream(troupe_request_t *request, const note_t *note)
{
    for (uint32_t i = 0; i < note->n_parts; i++) {
        troupe_message_t *part = troupe_message_share(troupe_request_message(request));
        if (troupe_request_part(request, &part) != TROUPE_OK) {
            troupe_message_destroy(&part);
            break;
        }
    }
    reply_same(request);
}

static int serve(troupe_worker_t *self, troupe_request_t *request)
{
    note_t note;
    if (troupe_request_size(request) != sizeof note) {
        FAULT("%s got a request of %zu bytes", troupe_worker_name(self),
              troupe_request_size(request));
        return 0;
    }
    memcpy(&note, troupe_request_data(request), sizeof note);
    if (note.deed == BREAK_SOMETIMES && comes_up(100)) {
        troupe_worker_explain(self, "broken as asked");
        return -1;
    }
    if (note.deed == FAIL_SOMETIMES && comes_up(2)) {
        troupe_request_fail(request, "failed as asked");
        return 0;
    }
    if (note.deed == NAP_SOMETIMES && comes_up(4)) {
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    if (note.deed == STREAM) {
        stream(request, &note);
    } else {
        reply_same(request);
    }
    return 0;
}

static int handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)state;
    return serve(self, request);
}

static int handle_batch(troupe_worker_t *self, troupe_request_t **requests, size_t count,
                        void *state)
{
    (void)state;
    if (count == 0 || count > 16) {
        FAULT("a batch of %zu", count);
    }
    for (size_t i = 0; i < count; i++) {
        if (serve(self, requests[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

static const troupe_behaviour_t storm = {
    .name = "storm", .handle = handle, .handle_batch = handle_batch};
static const troupe_behaviour_t *const behaviours[] = {&storm, NULL};

/* ---- the callers ---- */

typedef struct slot {
    uint64_t id; /* 0: free */
    const kind_t *kind;
    note_t note;
    uint32_t n_parts; /* that have come */
} slot_t;

typedef struct caller {
    pthread_t thread;
    troupe_caller_t *inside;
    troupe_client_t *outside;
    uint64_t owner;
    uint64_t dice;
    uint64_t quota;
    uint64_t step; /* of how many answers the main thread is told */
    uint64_t n_sent;
    uint64_t n_answered;
    uint64_t n_refused; /* by a node that drains */
    uint64_t n_ends[TROUPE_N_OUTCOMES];
    size_t window;
    slot_t slots[WINDOW];
} caller_t;

static const kind_t *pick_kind(caller_t *self)
{
    unsigned all = 0;
    for (size_t i = 0; i < N_KINDS; i++) {
        all += kinds[i].weight;
    }
    unsigned at = (unsigned)(dice(&self->dice) % all);
    size_t i = 0;
    while (at >= kinds[i].weight) {
        at -= kinds[i++].weight;
    }
    return &kinds[i];
}

static slot_t *find(caller_t *self, uint64_t id)
{
    for (size_t i = 0; i < self->window; i++) {
        if (self->slots[i].id == id) {
            return &self->slots[i];
        }
    }
    return NULL;
}

static void start_one(caller_t *self, slot_t *slot)
{
    const kind_t *kind = pick_kind(self);
    char dedup[32];
    char sticky[32];
    troupe_call_options_t options = {
        .priority = (troupe_priority_t)(dice(&self->dice) % (TROUPE_PRIORITY_BATCH + 1))};
    *slot = (slot_t){.kind = kind,
                     .note = {.owner = self->owner,
                              .sequence = self->n_sent++,
                              .deed = (uint32_t)kind->deed,
                              .n_parts = (uint32_t)(dice(&self->dice) % 6)}};
    if (kind->n_keys > 0) {
        /* What is shared is equal in all that is answered for. */
        slot->note.key = 1 + dice(&self->dice) % kind->n_keys;
        slot->note.n_parts = (uint32_t)(slot->note.key % 6);
        snprintf(dedup, sizeof dedup, "key %" PRIu64, slot->note.key);
        options.dedup_key = dedup;
    }
    if (kind->is_sticky) {
        snprintf(sticky, sizeof sticky, "room %" PRIu64, dice(&self->dice) % 8);
        options.sticky_key = sticky;
    }
    if (kind->is_hurried) {
        options.timeout_ms = 1 + (int64_t)(dice(&self->dice) % 3);
    }
    troupe_message_t *message = troupe_message_from(&slot->note, sizeof slot->note);
    troupe_status_t status = self->inside ? troupe_caller_start(self->inside, kind->capability,
                                                                &options, &message, &slot->id)
                                          : troupe_client_start(self->outside, kind->capability,
                                                                &options, &message, &slot->id);
    if (status != TROUPE_OK) {
        FAULT("a request could not be started");
    }
}

static bool may_end(const caller_t *self, const kind_t *kind, troupe_outcome_t outcome)
{
    unsigned ends = kind->ends;
    if (self->outside && strcmp(kind->capability, "block") == 0) {
        ends |= BIT(OVERLOADED); /* only callers inside wait for room */
    }
    if (atomic_load(&is_draining)) {
        ends |= BIT(SHUTTING_DOWN);
        if (self->outside) {
            /* Sent, and not read before the node was gone; or sent to nobody after that. */
            ends |= BIT(WORKER_LOST) | BIT(TIMEOUT);
        }
    }
    return (ends & 1U << outcome) != 0;
}

/* Its own bytes, or those of one with the same key. */
static bool is_answer_to(const slot_t *slot, const troupe_reply_t *reply)
{
    const troupe_message_t *message = troupe_reply_message(reply);
    note_t note;
    if (troupe_message_count(message) != 1 || troupe_message_size(message, 0) != sizeof note) {
        return false;
    }
    memcpy(&note, troupe_message_data(message, 0), sizeof note);
    return slot->kind->n_keys > 0 ? note.key == slot->note.key && note.deed == slot->note.deed
                                  : memcmp(&note, &slot->note, sizeof note) == 0;
}

static void settle_part(caller_t *self, slot_t *slot, const troupe_reply_t *part)
{
    if (slot->kind->deed != STREAM || slot->n_parts >= slot->note.n_parts ||
        troupe_reply_sequence(part) != slot->n_parts || !is_answer_to(slot, part)) {
        FAULT("%" PRIu64 ": %s: part %" PRIu64 " of %u, after %u", self->owner,
              slot->kind->capability, troupe_reply_sequence(part), slot->note.n_parts,
              slot->n_parts);
    }
    slot->n_parts++;
}

static void settle_final(caller_t *self, slot_t *slot, const troupe_reply_t *reply)
{
    troupe_outcome_t outcome = troupe_reply_outcome(reply);
    if (!may_end(self, slot->kind, outcome)) {
        FAULT("%" PRIu64 ": %s %zu ended %s: %s", self->owner, slot->kind->capability,
              (size_t)(slot->kind - kinds), troupe_outcome_name(outcome),
              troupe_reply_text(reply));
    } else if (outcome == TROUPE_OUTCOME_OK && !is_answer_to(slot, reply)) {
        FAULT("%" PRIu64 ": %s: the bytes of somebody else", self->owner,
              slot->kind->capability);
    } else if (outcome == TROUPE_OUTCOME_OK && slot->kind->deed == STREAM &&
               slot->n_parts != slot->note.n_parts) {
        FAULT("%" PRIu64 ": %u parts, not %u", self->owner, slot->n_parts, slot->note.n_parts);
    }
    self->n_ends[outcome]++;
    self->n_answered++;
    if (atomic_load(&is_draining)) {
        self->n_refused += outcome == TROUPE_OUTCOME_SHUTTING_DOWN;
        if (self->outside && outcome == TROUPE_OUTCOME_WORKER_LOST) {
            self->n_refused =
                MOST_REFUSED; /* the node may be gone, and more would wait for it */
        }
    }
    if (self->n_answered % self->step == 0) {
        gate_note(&progress);
    }
    slot->id = 0;
}

static troupe_status_t take(caller_t *self, int64_t timeout_ms, troupe_reply_t **out)
{
    return self->inside ? troupe_caller_next(self->inside, timeout_ms, out)
                        : troupe_client_next(self->outside, timeout_ms, out);
}

static void cancel(caller_t *self, uint64_t id)
{
    if (self->inside) {
        troupe_caller_cancel(self->inside, id);
    } else {
        troupe_client_cancel(self->outside, id);
    }
}

static void cancel_some(caller_t *self)
{
    for (size_t i = 0; i < self->window; i++) {
        slot_t *slot = &self->slots[i];
        if (slot->id && slot->kind->is_cancelled && one_in(&self->dice, 4)) {
            cancel(self, slot->id);
        }
    }
}

static bool wants_more(const caller_t *self)
{
    return self->n_sent < self->quota && self->n_refused < MOST_REFUSED;
}

static void *run(void *arg)
{
    caller_t *self = arg;
    troupe_reply_t *reply = NULL;
    while (wants_more(self) || self->n_answered < self->n_sent) {
        slot_t *slot;
        while (wants_more(self) && (slot = find(self, 0)) != NULL) {
            start_one(self, slot);
        }
        troupe_status_t status = take(self, PATIENCE_MS, &reply);
        if (status != TROUPE_OK) {
            FAULT("%" PRIu64 ": %s with %" PRIu64 " of %" PRIu64 " answered", self->owner,
                  troupe_status_name(status), self->n_answered, self->n_sent);
            break;
        }
        uint64_t id = troupe_reply_id(reply);
        slot = id ? find(self, id) : NULL;
        if (!slot) {
            FAULT("%" PRIu64 ": an answer to %" PRIu64 ", which is not open", self->owner, id);
        } else if (troupe_reply_is_final(reply)) {
            settle_final(self, slot, reply);
        } else {
            settle_part(self, slot, reply);
        }
        troupe_reply_destroy(&reply);
        if (one_in(&self->dice, 16)) {
            cancel_some(self);
        }
    }
    if (take(self, 0, &reply) != TROUPE_NOT_FOUND) {
        FAULT("%" PRIu64 ": something is open, or came, after all had ended", self->owner);
        troupe_reply_destroy(&reply);
    }
    for (size_t i = 0; i < STROKES * THREADS; i++) {
        gate_note(&progress); /* nobody waits for one that has ended */
    }
    return NULL;
}

/* ---- the storm ---- */

static caller_t callers[THREADS + 1];

static void start_callers(uint64_t n_requests, uint64_t seed)
{
    gate_reset(&progress);
    for (size_t i = 0; i <= THREADS; i++) {
        caller_t *caller = &callers[i];
        *caller = (caller_t){.owner = i + 1, .dice = seed + i, .window = WINDOW};
        caller->quota = n_requests / THREADS;
        if (i < THREADS) {
            caller->inside = troupe_caller_new(rig.node);
            assert_non_null(caller->inside);
        } else {
            caller->quota = n_requests / REMOTE_SHARE;
            caller->window = REMOTE_WINDOW;
            caller->outside = troupe_client_new(rig.tcp);
            assert_non_null(caller->outside);
            assert_status(troupe_client_connect(caller->outside, PATIENCE_MS), TROUPE_OK);
        }
        caller->step = caller->quota / STROKES + 1;
        assert_int_equal(pthread_create(&caller->thread, NULL, run, caller), 0);
    }
}

static void join_callers(void)
{
    for (size_t i = 0; i <= THREADS; i++) {
        pthread_join(callers[i].thread, NULL);
        troupe_caller_destroy(&callers[i].inside);
        troupe_client_destroy(&callers[i].outside);
    }
}

static void print_ends(void)
{
    for (int outcome = 0; outcome < TROUPE_N_OUTCOMES; outcome++) {
        uint64_t n = 0;
        for (size_t i = 0; i <= THREADS; i++) {
            n += callers[i].n_ends[outcome];
        }
        if (n > 0) {
            printf(" %s %" PRIu64, troupe_outcome_name((troupe_outcome_t)outcome), n);
        }
    }
    printf("\n");
}

/* While the callers are at it. */
static void restart_this_and_that(void)
{
    for (size_t i = 1; i <= STROKES; i++) {
        assert_true(gate_await(&progress, i * THREADS));
        assert_outcome(rig_operate(&rig, "restart", "mortal"), TROUPE_OUTCOME_OK);
        assert_outcome(rig_operate(&rig, "terminate", "doomed"), TROUPE_OUTCOME_OK);
        assert_outcome(rig_operate(&rig, "restart", "doomed"), TROUPE_OUTCOME_OK);
    }
}

static uint64_t number_from(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : fallback;
}

static uint64_t seed;

static void each_request_ends_once_and_as_it_may(void **state)
{
    (void)state;
    uint64_t n_requests = number_from("TROUPE_STORM_REQUESTS", 1000000);
    seed = number_from("TROUPE_STORM_SEED", (uint64_t)time(NULL) ^ (uint64_t)getpid() << 20);
    printf("TROUPE_STORM_SEED=%" PRIu64 "\n", seed);
    fflush(stdout);
    int64_t began_ms = rig_now_ms();
    start_callers(n_requests, seed);
    restart_this_and_that();
    join_callers();
    int64_t took_ms = rig_now_ms() - began_ms;
    printf("%" PRIu64 " requests in %" PRId64 " ms, %" PRId64 " a second:", n_requests, took_ms,
           (int64_t)n_requests * 1000 / (took_ms + 1));
    print_ends();
    for (size_t i = 0; i < N_KINDS; i++) {
        rig_await_rest(&rig, kinds[i].capability);
    }
    assert_true(rig_read_books(&rig, "retry").restarts > 0);
    assert_true(rig_read_books(&rig, "inline").restarts > 0);
    assert_int_equal(atomic_load(&n_faults), 0);

    start_callers(n_requests / DRAIN_SHARE + 1000, seed + 1000);
    assert_true(gate_await(&progress, THREADS));
    atomic_store(&is_draining, true);
    troupe_node_stop(rig.node);
    join_callers();
    printf("drained:");
    print_ends();
    int code = -1;
    assert_status(troupe_node_wait(rig.node, PATIENCE_MS, &code), TROUPE_OK);
    assert_int_equal(code, TROUPE_EXIT_OK);
    assert_int_equal(atomic_load(&n_faults), 0);
}

static int begin(void **state)
{
    (void)state;
    rig_start(&rig, behaviours, "drain-timeout: 1m\n", children);
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (atomic_load(&n_faults) > 0) {
        printf("%zu faults, TROUPE_STORM_SEED=%" PRIu64 "\n", atomic_load(&n_faults), seed);
    }
    rig_end(&rig);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_request_ends_once_and_as_it_may, begin, end),
    };
    return cmocka_run_group_tests_name("storm", tests, NULL, NULL) != 0;
}
