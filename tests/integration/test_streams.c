/* A reader slower than its writer must slow the writer down, and nobody else; it may not fill
 * the node, and one that has fallen asleep may not keep a worker for ever.
 *
 * The reader of the first stories is slow on purpose: it takes a part each PART_US. What lies
 * in the node is counted in the node where that is the test itself, and measured by the kernel
 * where it is a process of its own.
 */

#include "tests/kit/gate.h"
#include "tests/kit/rig.h"

#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mailbox/flow.h"

#define PART_BYTES ((size_t)65536)
#define PART_US    1000

/* Beyond the flow: what the writer, the router and the reader have in their hands. */
#define PARTS_IN_HAND 4

/* Beyond the flow, for a process: fragmentation, buffers, threads that were not there before.
 */
#define SLACK_BYTES ((size_t)8 << 20)

static rig_t rig;
static line_t line;
static line_t other;
static line_t third;
static gate_t gate = GATE_INITIALIZER;
static gate_t sent = GATE_INITIALIZER; /* each part that was taken from the writer */
static gate_t full = GATE_INITIALIZER; /* a writer was told to wait */
static gate_t over = GATE_INITIALIZER; /* a writer was told that nobody reads on */

static size_t n_parts_of_a_long_stream(void)
{
    const char *text = getenv("TROUPE_STREAM_PARTS");
    return text ? (size_t)strtoul(text, NULL, 10) : 16384;
}

static bool is_sanitized(void)
{
    const char *text = getenv("TROUPE_SANITIZED");
    return text && strcmp(text, "1") == 0;
}

/* ---- parts that are counted while they live ---- */

static atomic_size_t n_live_bytes;
static atomic_size_t n_most_live_bytes;

static void free_part(void *data, void *hint)
{
    atomic_fetch_sub(&n_live_bytes, (size_t)(uintptr_t)hint);
    free(data);
}

/* A part that begins with its own number. */
static troupe_message_t *make_part(size_t number, size_t size)
{
    char *bytes = malloc(size);
    troupe_message_t *part = troupe_message_new();
    if (!bytes || !part) {
        abort();
    }
    memset(bytes, (int)('a' + number % 26), size);
    memcpy(bytes, &number, sizeof number);
    if (troupe_message_add_owned(part, bytes, size, free_part, (void *)(uintptr_t)size) !=
        TROUPE_OK) {
        abort();
    }
    size_t live = atomic_fetch_add(&n_live_bytes, size) + size;
    size_t most = atomic_load(&n_most_live_bytes);
    while (live > most && !atomic_compare_exchange_weak(&n_most_live_bytes, &most, live)) {
    }
    return part;
}

static bool is_part(const troupe_reply_t *reply, size_t number, size_t size)
{
    const troupe_message_t *message = troupe_reply_message(reply);
    const char *bytes = troupe_message_data(message, 0);
    return !troupe_reply_is_final(reply) && troupe_reply_sequence(reply) == number &&
           troupe_message_size(message, 0) == size &&
           memcmp(bytes, &number, sizeof number) == 0 &&
           bytes[size - 1] == (char)('a' + number % 26);
}

/* ---- writers ---- */

/* What a request asks for: "COUNT SIZE". */
typedef struct stream {
    size_t next;
    size_t count;
    size_t size;
} stream_t;

static stream_t asked_for(const troupe_request_t *request)
{
    char text[64];
    stream_t stream = {0, 0, 0};
    snprintf(text, sizeof text, "%.*s", (int)troupe_request_size(request),
             (const char *)troupe_request_data(request));
    sscanf(text, "%zu %zu", &stream.count, &stream.size);
    return stream;
}

static void write_and_wait(troupe_request_t *request)
{
    stream_t stream = asked_for(request);
    for (; stream.next < stream.count; stream.next++) {
        troupe_message_t *part = make_part(stream.next, stream.size);
        if (troupe_request_part(request, &part) != TROUPE_OK) {
            troupe_request_fail(request, "nobody reads on");
            gate_note(&over);
            return;
        }
        gate_note(&sent);
    }
    troupe_request_reply_data(request, "all", strlen("all"));
}

/* As many as there is room for; the rest when there is more. */
static int write_on(troupe_worker_t *self, troupe_request_t *request, void *arg)
{
    (void)self;
    stream_t *stream = arg;
    troupe_status_t status = TROUPE_OK;
    while (status == TROUPE_OK && stream->next < stream->count) {
        troupe_message_t *part = make_part(stream->next, stream->size);
        status = troupe_request_try_part(request, &part);
        troupe_message_destroy(&part);
        if (status == TROUPE_OK) {
            stream->next++;
            gate_note(&sent);
        }
    }
    if (status == TROUPE_FULL) {
        troupe_request_on_room(request, write_on, stream);
        gate_note(&full);
        return 0;
    }
    if (status == TROUPE_OK) {
        troupe_request_reply_data(request, "all", strlen("all"));
    } else {
        troupe_request_fail(request, "nobody reads on");
        gate_note(&over);
    }
    free(stream);
    return 0;
}

static int handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)state;
    const char *method = troupe_request_method(request);
    if (strcmp(method, "wait") == 0) {
        write_and_wait(request);
    } else if (strcmp(method, "go on") == 0) {
        stream_t *stream = malloc(sizeof *stream);
        if (!stream) {
            abort();
        }
        *stream = asked_for(request);
        return write_on(self, request, stream);
    } else if (strcmp(method, "break off") == 0) {
        troupe_message_t *part = make_part(0, 100);
        if (troupe_request_part(request, &part) == TROUPE_OK) {
            troupe_worker_explain(self, "broken as asked");
            return -1;
        }
    } else {
        if (strcmp(method, "hold") == 0) {
            gate_pass(&gate, request);
        }
        troupe_message_t *reply = troupe_message_share(troupe_request_message(request));
        troupe_request_reply(request, &reply);
    }
    return 0;
}

static const troupe_behaviour_t writer = {.name = "writer", .handle = handle};
static const troupe_behaviour_t *const behaviours[] = {&writer, NULL};

/* ---- nodes ---- */

static void reset(void)
{
    gate_reset(&gate);
    gate_reset(&sent);
    gate_reset(&full);
    gate_reset(&over);
    atomic_store(&n_most_live_bytes, 0);
}

/* How a story is told: from where, and how its worker writes. */
typedef struct telling {
    side_t side;
    const char *method;
} telling_t;

static int begin(void **state)
{
    const telling_t *telling = *state;
    reset();
    rig_start(&rig, behaviours, "",
              "    - {capability: patient, worker: {module: writer}, timeout: 1h,"
              " reader-stall: 1h}\n"
              "    - {capability: strict, worker: {module: writer}, timeout: 1h,"
              " reader-stall: 100ms}\n"
              "    - {capability: two, worker: {module: writer}, timeout: 1h,"
              " workers: {concurrency: 2}, reader-stall: 1h}\n"
              "    - {capability: again, worker: {module: writer}, timeout: 1h, retry: 3,"
              " backoff: {min: 1ms, max: 1ms}}\n");
    line_open(&line, &rig, telling ? telling->side : INSIDE);
    line_open(&other, &rig, telling ? telling->side : INSIDE);
    line_open(&third, &rig, INSIDE);
    return 0;
}

static int end(void **state)
{
    (void)state;
    gate_open(&gate);
    line_close(&line);
    line_close(&other);
    line_close(&third);
    rig_end(&rig);
    assert_int_equal(atomic_load(&n_live_bytes), 0);
    return 0;
}

static uint64_t start(line_t *who, const char *capability, const char *method, uint64_t credit,
                      size_t count, size_t size)
{
    char text[64];
    snprintf(text, sizeof text, "%zu %zu", count, size);
    return line_start(who, capability,
                      &(troupe_call_options_t){.method = method, .credit = credit}, text);
}

static void assert_ends(line_t *who, uint64_t id, const char *text)
{
    troupe_reply_t *reply = line_take(who, id);
    assert_true(troupe_reply_is_final(reply));
    if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
        fail_msg("%s: %s", troupe_outcome_name(troupe_reply_outcome(reply)),
                 troupe_reply_text(reply));
    }
    assert_true(reply_says(reply, text));
    troupe_reply_destroy(&reply);
}

static void assert_serves(line_t *who, const char *capability)
{
    assert_ends(who, line_start(who, capability, NULL, "x"), "x");
    rig_await_rest(&rig, capability);
}

/* ---- a slow reader ---- */

static void sleep_until_us(int64_t us)
{
    struct timespec until = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* All parts, each no sooner than its time. `is_part_of` says whether it is the one expected. */
static void read_slowly(uint64_t id, size_t n_parts,
                        bool (*is_expected)(const troupe_reply_t *, size_t, size_t))
{
    int64_t next_us = now_us();
    for (size_t i = 0; i < n_parts; i++) {
        sleep_until_us(next_us += PART_US);
        troupe_reply_t *part = line_take(&line, id);
        if (!is_expected(part, i, PART_BYTES)) {
            fail_msg("part %zu: %s %s", i, troupe_outcome_name(troupe_reply_outcome(part)),
                     troupe_reply_text(part));
        }
        troupe_reply_destroy(&part);
    }
}

static void a_slow_reader_fills_no_caller(void **state)
{
    (void)state;
    size_t n_parts = n_parts_of_a_long_stream();
    uint64_t id = start(&line, "patient", "wait", 0, n_parts, PART_BYTES);
    read_slowly(id, n_parts, is_part);
    assert_ends(&line, id, "all");
    assert_in_range(atomic_load(&n_most_live_bytes), 1,
                    TR_FLOW_BYTES + PARTS_IN_HAND * PART_BYTES);
    assert_serves(&line, "patient");
}

/* ---- the same, with a node that is a process ---- */

static pid_t node_pid;

static int begin_process(void **state)
{
    (void)state;
    reset();
    rig_reserve(&rig);
    char path[64];
    snprintf(path, sizeof path, "%s/n.yaml", rig.folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(
        file,
        "troupe: 1\n"
        "listen: ['%s', '%s']\n"
        "supervisor: {children: [{capability: echo, worker: {module: echo}, timeout: 1h}]}\n",
        rig.ipc, rig.tcp);
    fclose(file);
    setenv("TROUPE_LOG_LEVEL", "off", 1);
    const char *program = getenv("TROUPE_BIN");
    assert_non_null(program);
    char *const words[] = {"troupe", "run", path, NULL};
    assert_int_equal(posix_spawn(&node_pid, program, NULL, NULL, words, environ), 0);
    line_open(&line, &rig, OVER_IPC);
    line_close(&line);
    return 0;
}

static int end_process(void **state)
{
    (void)state;
    line_close(&line);
    kill(node_pid, SIGKILL);
    waitpid(node_pid, NULL, 0);
    char path[64];
    snprintf(path, sizeof path, "%s/n.yaml", rig.folder);
    unlink(path);
    rig_end(&rig);
    return 0;
}

/* The most that it ever had resident. */
static size_t most_resident_bytes(pid_t pid)
{
    char path[64];
    char text[128];
    size_t kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(text, sizeof text, file) && sscanf(text, "VmHWM: %zu", &kib) != 1) {
    }
    fclose(file);
    assert_true(kib > 0);
    return kib * 1024;
}

/* As `echo` makes them. */
static bool is_letter(const troupe_reply_t *reply, size_t number, size_t size)
{
    const troupe_message_t *message = troupe_reply_message(reply);
    const char *bytes = troupe_message_data(message, 0);
    return !troupe_reply_is_final(reply) && troupe_reply_sequence(reply) == number &&
           troupe_message_size(message, 0) == size && bytes[0] == (char)('a' + number % 26) &&
           bytes[size - 1] == bytes[0];
}

static void a_slow_reader_fills_no_node(void **state)
{
    const telling_t *telling = *state;
    size_t n_parts = n_parts_of_a_long_stream();
    line_open(&line, &rig, telling->side);
    assert_ends(&line, line_start(&line, "echo", NULL, "x"), "x");
    size_t before = most_resident_bytes(node_pid);
    char text[64];
    snprintf(text, sizeof text, "%zu %zu", n_parts, PART_BYTES);
    uint64_t id = line_start(&line, "echo", &(troupe_call_options_t){.method = "parts"}, text);
    read_slowly(id, n_parts, is_letter);
    assert_ends(&line, id, text);
    size_t grown = most_resident_bytes(node_pid) - before;
    printf("%zu MiB through a node that grew by %zu KiB\n", n_parts * PART_BYTES >> 20,
           grown >> 10);
    if (!is_sanitized()) {
        assert_in_range(grown, 0, TR_FLOW_BYTES + SLACK_BYTES);
    }
}

/* ---- others do not wait ---- */

static void others_are_served_while_a_reader_stalls(void **state)
{
    (void)state;
    const size_t n_parts = 1000;
    uint64_t stalled = start(&line, "two", "go on", 0, n_parts, 100);
    assert_true(gate_await(&full, 1));
    uint64_t brisk = start(&other, "two", "go on", 0, n_parts, 100);
    for (size_t i = 0; i < n_parts; i++) {
        troupe_reply_t *part = line_take(&other, brisk);
        assert_true(is_part(part, i, 100));
        troupe_reply_destroy(&part);
    }
    assert_ends(&other, brisk, "all");
    assert_ends(&other, line_start(&other, "two", NULL, "x"), "x");
    for (size_t i = 0; i < n_parts; i++) {
        troupe_reply_t *part = line_take(&line, stalled);
        assert_true(is_part(part, i, 100));
        troupe_reply_destroy(&part);
    }
    assert_ends(&line, stalled, "all");
    rig_await_rest(&rig, "two");
}

/* The reader reads two streams, one of which it has no use for now. */
static void one_stream_of_a_reader_does_not_hold_the_other(void **state)
{
    (void)state;
    const size_t n_parts = 1000;
    uint64_t stalled = start(&line, "two", "go on", 4, n_parts, 100);
    assert_true(gate_await(&full, 1));
    assert_ends(&line, line_start(&line, "two", NULL, "x"), "x");
    line_cancel(&line, stalled);
    assert_outcome(line_outcome(&line, stalled), TROUPE_OUTCOME_CANCELLED);
    assert_true(gate_await(&over, 1));
    rig_await_rest(&rig, "two");
}

/* ---- credit ---- */

static void a_writer_gets_as_far_as_it_was_granted(void **state)
{
    (void)state;
    uint64_t id = start(&line, "patient", "go on", 4, 100, 100);
    assert_true(gate_await(&full, 1));
    assert_int_equal(gate_n_come(&sent), 4);
    for (size_t i = 0; i < 100; i++) {
        troupe_reply_t *part = line_take(&line, id);
        assert_true(is_part(part, i, 100));
        troupe_reply_destroy(&part);
    }
    assert_ends(&line, id, "all");
    assert_serves(&line, "patient");
}

static void a_writer_gets_as_far_as_the_bytes_go(void **state)
{
    (void)state;
    const size_t size = (size_t)1 << 20;
    uint64_t id = start(&line, "patient", "go on", 1000, 16, size);
    assert_true(gate_await(&full, 1));
    assert_int_equal(gate_n_come(&sent), TR_FLOW_BYTES / size);
    for (size_t i = 0; i < 16; i++) {
        troupe_reply_t *part = line_take(&line, id);
        assert_true(is_part(part, i, size));
        troupe_reply_destroy(&part);
    }
    assert_ends(&line, id, "all");
}

/* However large it is, one part goes through. */
static void a_part_beyond_all_bounds_goes_through(void **state)
{
    (void)state;
    const size_t size = 2 * (size_t)TR_FLOW_BYTES;
    uint64_t id = start(&line, "patient", "wait", 0, 4, size);
    for (size_t i = 0; i < 4; i++) {
        troupe_reply_t *part = line_take(&line, id);
        assert_true(is_part(part, i, size));
        troupe_reply_destroy(&part);
    }
    assert_ends(&line, id, "all");
}

static void many_small_parts_come_in_order(void **state)
{
    const telling_t *telling = *state;
    const size_t n_parts = 20000;
    uint64_t id = start(&line, "patient", telling->method, 0, n_parts, sizeof(size_t) + 1);
    for (size_t i = 0; i < n_parts; i++) {
        troupe_reply_t *part = line_take(&line, id);
        assert_true(is_part(part, i, sizeof(size_t) + 1));
        troupe_reply_destroy(&part);
    }
    assert_ends(&line, id, "all");
    assert_serves(&line, "patient");
}

/* ---- ends of streams that stall ---- */

/* The writer has sent all that it may, and waits. */
static uint64_t stall(line_t *who, const char *capability, const char *method)
{
    uint64_t id = start(who, capability, method, TR_FLOW_PARTS, 1000000, 100);
    assert_true(gate_await(&sent, TR_FLOW_PARTS));
    return id;
}

/* What was under way comes before the end. */
static troupe_outcome_t end_of(line_t *who, uint64_t id)
{
    size_t n_parts = 0;
    troupe_reply_t *reply = line_take(who, id);
    while (!troupe_reply_is_final(reply)) {
        assert_true(is_part(reply, n_parts, 100));
        n_parts++;
        troupe_reply_destroy(&reply);
        reply = line_take(who, id);
    }
    troupe_outcome_t outcome = troupe_reply_outcome(reply);
    troupe_reply_destroy(&reply);
    return outcome;
}

static void a_reader_that_takes_nothing_is_cut_off(void **state)
{
    const telling_t *telling = *state;
    uint64_t id = stall(&line, "strict", telling->method);
    assert_true(gate_await(&over, 1));
    assert_serves(&other, "strict");
    assert_outcome(end_of(&line, id), TROUPE_OUTCOME_OVERLOADED);
    assert_serves(&line, "strict");
}

static void a_cancel_frees_a_worker_whose_reader_stalls(void **state)
{
    const telling_t *telling = *state;
    uint64_t id = stall(&line, "patient", telling->method);
    line_cancel(&line, id);
    assert_true(gate_await(&over, 1));
    assert_outcome(end_of(&line, id), TROUPE_OUTCOME_CANCELLED);
    assert_serves(&other, "patient");
}

static void a_deadline_frees_a_worker_whose_reader_stalls(void **state)
{
    const telling_t *telling = *state;
    uint64_t id = line_start(
        &line, "patient",
        &(troupe_call_options_t){.method = telling->method, .timeout_ms = 200}, "1000 100");
    assert_true(gate_await(&over, 1));
    assert_serves(&other, "patient");
    assert_outcome(end_of(&line, id), TROUPE_OUTCOME_TIMEOUT);
}

static void a_reader_that_leaves_frees_its_worker(void **state)
{
    const telling_t *telling = *state;
    stall(&line, "patient", telling->method);
    line_close(&line);
    assert_true(gate_await(&over, 1));
    assert_serves(&other, "patient");
}

/* Nobody can take back what the reader has read. */
static void a_stream_that_has_begun_is_not_tried_again(void **state)
{
    (void)state;
    uint64_t id =
        line_start(&line, "again", &(troupe_call_options_t){.method = "break off"}, "x");
    troupe_reply_t *part = line_take(&line, id);
    assert_true(is_part(part, 0, 100));
    troupe_reply_destroy(&part);
    troupe_reply_t *reply = line_take(&line, id);
    assert_true(troupe_reply_is_final(reply));
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_WORKER_LOST);
    troupe_reply_destroy(&reply);
    assert_serves(&line, "again");
}

/* ---- streams that are shared ---- */

static uint64_t start_shared(line_t *who, const char *capability, const char *method)
{
    return line_start(
        who, capability,
        &(troupe_call_options_t){.method = method, .dedup_key = "k", .credit = TR_FLOW_PARTS},
        "1000 100");
}

/* The worker streams to both, none of whom reads. It was busy until both had come. */
static void share_stall(const char *capability, const char *method, uint64_t *one,
                        uint64_t *two)
{
    uint64_t before =
        line_start(&third, capability, &(troupe_call_options_t){.method = "hold"}, "x");
    assert_true(gate_await(&gate, 1));
    *one = start_shared(&line, capability, method);
    *two = start_shared(&other, capability, method);
    rig_await_accepted(&rig, capability, 3);
    gate_open(&gate);
    assert_ends(&third, before, "x");
    assert_true(gate_await(&sent, TR_FLOW_PARTS));
}

static void who_is_left_of_a_shared_stream_reads_all(void **state)
{
    const telling_t *telling = *state;
    uint64_t first, second;
    share_stall("patient", telling->method, &first, &second);
    line_cancel(&line, first);
    for (size_t i = 0; i < 1000; i++) {
        troupe_reply_t *part = line_take(&other, second);
        assert_true(is_part(part, i, 100));
        troupe_reply_destroy(&part);
    }
    assert_ends(&other, second, "all");
    assert_outcome(end_of(&line, first), TROUPE_OUTCOME_CANCELLED);
    assert_serves(&line, "patient");
}

/* What the one that left grants after it has left must not be heard in place of who is left. */
static void who_has_left_a_shared_stream_may_take_what_lies_there(void **state)
{
    const telling_t *telling = *state;
    uint64_t first, second;
    share_stall("patient", telling->method, &first, &second);
    line_cancel(&line, first);
    rig_await(&rig, "patient", 0, 1);
    assert_outcome(end_of(&line, first), TROUPE_OUTCOME_CANCELLED);
    for (size_t i = 0; i < 1000; i++) {
        troupe_reply_t *part = line_take(&other, second);
        assert_true(is_part(part, i, 100));
        troupe_reply_destroy(&part);
    }
    assert_ends(&other, second, "all");
    assert_serves(&line, "patient");
}

/* Whoever reads the stream in the end is held to its time, if it has led it from the start or
 * not. */
static void who_is_left_of_a_shared_stream_is_cut_off_too(void **state)
{
    const telling_t *telling = *state;
    uint64_t first, second;
    share_stall("strict", telling->method, &first, &second);
    line_cancel(&line, first);
    assert_true(gate_await(&over, 1));
    assert_outcome(end_of(&other, second), TROUPE_OUTCOME_OVERLOADED);
    troupe_outcome_t outcome = end_of(&line, first);
    assert_true(outcome == TROUPE_OUTCOME_CANCELLED || outcome == TROUPE_OUTCOME_OVERLOADED);
    assert_serves(&line, "strict");
}

/* clang-format off */
#define TELL(title, story, ...) \
    { .name = title, .test_func = story, .setup_func = begin, .teardown_func = end, \
      .initial_state = &(telling_t){__VA_ARGS__} }
#define EACH_WAY(title, story) \
    TELL(title ", inside, it waits", story, INSIDE, "wait"), \
    TELL(title ", inside, it goes on", story, INSIDE, "go on"), \
    TELL(title ", over tcp, it waits", story, OVER_TCP, "wait"), \
    TELL(title ", over tcp, it goes on", story, OVER_TCP, "go on")
#define BOTH_SIDES(story) \
    TELL(#story ", inside", story, INSIDE, NULL), \
    TELL(#story ", over tcp", story, OVER_TCP, NULL)
#define PROCESS(title, story, side) \
    { .name = title, .test_func = story, .setup_func = begin_process, \
      .teardown_func = end_process, .initial_state = &(telling_t){side, NULL} }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_SIDES(others_are_served_while_a_reader_stalls),
        BOTH_SIDES(one_stream_of_a_reader_does_not_hold_the_other),
        BOTH_SIDES(a_writer_gets_as_far_as_it_was_granted),
        /* Over a connection what has left for it counts as taken. */
        TELL("a writer gets as far as the bytes go", a_writer_gets_as_far_as_the_bytes_go,
             INSIDE, NULL),
        BOTH_SIDES(a_part_beyond_all_bounds_goes_through),
        EACH_WAY("many small parts come in order", many_small_parts_come_in_order),
        EACH_WAY("a reader that takes nothing is cut off",
                 a_reader_that_takes_nothing_is_cut_off),
        EACH_WAY("a cancel frees the worker", a_cancel_frees_a_worker_whose_reader_stalls),
        EACH_WAY("a deadline frees the worker", a_deadline_frees_a_worker_whose_reader_stalls),
        EACH_WAY("a reader that leaves frees the worker",
                 a_reader_that_leaves_frees_its_worker),
        BOTH_SIDES(a_stream_that_has_begun_is_not_tried_again),
        EACH_WAY("who is left of a shared stream reads all",
                 who_is_left_of_a_shared_stream_reads_all),
        EACH_WAY("who has left a shared stream takes what lies there",
                 who_has_left_a_shared_stream_may_take_what_lies_there),
        EACH_WAY("who is left of a shared stream is cut off",
                 who_is_left_of_a_shared_stream_is_cut_off_too),
        TELL("a slow reader fills no caller", a_slow_reader_fills_no_caller, INSIDE, NULL),
        PROCESS("a slow reader fills no node, over ipc", a_slow_reader_fills_no_node, OVER_IPC),
        PROCESS("a slow reader fills no node, over tcp", a_slow_reader_fills_no_node, OVER_TCP),
    };
    return cmocka_run_group_tests_name("streams", tests, NULL, NULL) != 0;
}
/* clang-format on */
