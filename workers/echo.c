/* workers/echo.c - a worker that does as it is told
 *
 * Demonstrations, benches and tests need a worker whose every move they choose: one that
 * answers at once, takes its time, streams, fails, breaks, crashes or hangs. The method of
 * a request says which, and a plain actor can be broken or hung by the text of a message.
 *
 * Always true here:
 *   - It keeps two counts and what it was configured with, so any number of workers may share
 * the process.
 *   - What takes long looks for a cancel every SLICE_MS, except `hang`, which is the point
 *     of `hang`.
 *   - Only `progress` and a slow init report progress; `sleep` and `burn` look hung to a
 *     health check that is stricter than their time.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <troupe/actor.h>
#include <troupe/behaviour.h>

#define SLICE_MS     5
#define MAX_MS       (24 * 60 * 60 * 1000)
#define MAX_PARTS    1000000
#define MAX_PART     (64 * 1024 * 1024)
#define MAX_LEAK_MIB (1024 * 1024)
#define MIB          (1024 * 1024)
#define PAGE         4096
#define MAX_TEXT     1000 /* as much of a text as goes into a log line or a failure */
#define MAX_MESSAGES 1000000

enum { FINE = 0, BROKEN = -1 };

typedef struct echo_state {
    const char *probe_file; /* or NULL */
    const char *shows;      /* how it shows its state */
    uint64_t n_messages;
    uint64_t n_requests;
} echo_state_t;

typedef int(method_fn)(troupe_worker_t *self, troupe_request_t *request);

/* ---- texts and numbers ---- */

/* A text for "%.*s": its length, cut to what a line can hold. */
static int line_length(size_t size)
{
    return size < MAX_TEXT ? (int)size : MAX_TEXT;
}

/* Reads a whole number up to `max` from the `*size_p` bytes at `*text_p`, and steps past it.
 * No sign, no white space: what is meant is written plainly or refused. */
static bool take_number(const char **text_p, size_t *size_p, int64_t max, int64_t *out)
{
    const char *text = *text_p;
    size_t size = *size_p;
    int64_t number = 0;
    size_t n_digits = 0;

    for (; n_digits < size && text[n_digits] >= '0' && text[n_digits] <= '9'; n_digits++) {
        number = number * 10 + (text[n_digits] - '0');
        if (number > max) {
            return false;
        }
    }
    if (n_digits == 0) {
        return false;
    }
    *text_p = text + n_digits;
    *size_p = size - n_digits;
    *out = number;
    return true;
}

/* The request's text as one number, or the request is refused and false is returned. */
static bool asked_number(troupe_request_t *request, const char *what, int64_t max, int64_t *out)
{
    const char *text = troupe_request_data(request);
    size_t size = troupe_request_size(request);
    int64_t number = 0;

    if (!take_number(&text, &size, max, &number) || size != 0) {
        troupe_request_refuse(request, TROUPE_OUTCOME_BAD_REQUEST,
                              "%s takes %s as a whole number from 0 to %lld",
                              troupe_request_method(request), what, (long long)max);
        return false;
    }
    *out = number;
    return true;
}

/* ---- time ---- */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void sleep_until(int64_t until_ns)
{
    struct timespec until = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static void burn_until(int64_t until_ns)
{
    static const unsigned steps_between_looks = 1000;
    volatile uint32_t sink = 1;

    while (now_ns() < until_ns) {
        for (unsigned i = 0; i < steps_between_looks; i++) {
            sink = sink * 1664525U + 1013904223U;
        }
    }
}

_Noreturn static void hang(void)
{
    for (;;) {
        pause();
    }
}

/* ---- replies ---- */

static int reply_with_request(troupe_request_t *request)
{
    troupe_message_t *reply = troupe_message_share(troupe_request_message(request));
    if (reply) {
        troupe_request_reply(request, &reply);
    } else {
        troupe_request_fail(request, "out of memory");
    }
    return FINE;
}

/* Spend the milliseconds asked for by `spend_until`, slice by slice. */
static int spend(troupe_worker_t *self, troupe_request_t *request,
                 void (*spend_until)(int64_t until_ns), bool says_progress)
{
    int64_t ms = 0;
    if (!asked_number(request, "milliseconds", MAX_MS, &ms)) {
        return FINE;
    }
    int64_t now = now_ns();
    const int64_t end_ns = now + ms * 1000000;

    while (now < end_ns) {
        int64_t slice_end_ns = now + SLICE_MS * 1000000;
        spend_until(slice_end_ns < end_ns ? slice_end_ns : end_ns);
        if (troupe_request_cancelled(request)) {
            troupe_request_fail(request, "cancelled while it took its time");
            return FINE;
        }
        if (says_progress) {
            troupe_worker_progress(self);
        }
        now = now_ns();
    }
    return reply_with_request(request);
}

/* ---- the methods ---- */

static int do_echo(troupe_worker_t *self, troupe_request_t *request)
{
    (void)self;
    return reply_with_request(request);
}

static int do_peer(troupe_worker_t *self, troupe_request_t *request)
{
    (void)self;
    const char *name = troupe_request_peer(request);
    troupe_request_reply_data(request, name, strlen(name));
    return FINE;
}

static int do_sleep(troupe_worker_t *self, troupe_request_t *request)
{
    return spend(self, request, sleep_until, false);
}

static int do_burn(troupe_worker_t *self, troupe_request_t *request)
{
    return spend(self, request, burn_until, false);
}

static int do_progress(troupe_worker_t *self, troupe_request_t *request)
{
    return spend(self, request, sleep_until, true);
}

static void free_bytes(void *data, void *hint)
{
    (void)hint;
    free(data);
}

/* A message of one frame of `size` bytes, all `fill`; NULL when out of memory. */
static troupe_message_t *filled_message(int fill, size_t size)
{
    troupe_message_t *message = troupe_message_new();
    char *bytes = malloc(size > 0 ? size : 1);

    if (message && bytes) {
        memset(bytes, fill, size);
        if (troupe_message_add_owned(message, bytes, size, free_bytes, NULL) == TROUPE_OK) {
            return message;
        }
    }
    free(bytes);
    troupe_message_destroy(&message);
    return NULL;
}

static int do_parts(troupe_worker_t *self, troupe_request_t *request)
{
    (void)self;
    const char *text = troupe_request_data(request);
    size_t left = troupe_request_size(request);
    int64_t count = 0;
    int64_t size = 0;

    bool understood = take_number(&text, &left, MAX_PARTS, &count) && left > 1 && *text == ' ';
    if (understood) {
        text++;
        left--;
        understood = take_number(&text, &left, MAX_PART, &size) && left == 0;
    }
    if (!understood) {
        troupe_request_refuse(request, TROUPE_OUTCOME_BAD_REQUEST,
                              "parts takes \"COUNT SIZE\", at most %d of at most %d bytes",
                              MAX_PARTS, MAX_PART);
        return FINE;
    }
    for (int64_t i = 0; i < count; i++) {
        troupe_message_t *part = filled_message('a' + (int)(i % 26), (size_t)size);
        if (!part) {
            troupe_request_fail(request, "out of memory");
            return FINE;
        }
        troupe_status_t status = troupe_request_part(request, &part);
        if (status != TROUPE_OK) {
            troupe_message_destroy(&part);
            troupe_request_fail(request, status == TROUPE_FULL
                                             ? "there is no room for more parts"
                                             : "nobody takes the parts any more");
            return FINE;
        }
    }
    return reply_with_request(request);
}

static int do_fail(troupe_worker_t *self, troupe_request_t *request)
{
    (void)self;
    size_t size = troupe_request_size(request);
    if (size > 0) {
        troupe_request_fail(request, "%.*s", line_length(size),
                            (const char *)troupe_request_data(request));
    } else {
        troupe_request_fail(request, "failed as asked");
    }
    return FINE;
}

/* The request stays unfinished: it ends with the worker. */
static int do_broken(troupe_worker_t *self, troupe_request_t *request)
{
    size_t size = troupe_request_size(request);
    if (size > 0) {
        troupe_worker_explain(self, "%.*s", line_length(size),
                              (const char *)troupe_request_data(request));
    } else {
        troupe_worker_explain(self, "broken as asked");
    }
    return BROKEN;
}

static int do_crash(troupe_worker_t *self, troupe_request_t *request)
{
    (void)self;
    (void)request;
    abort();
}

/* At once, without exit handlers: those of the libraries wait for threads that still run. */
static int do_exit(troupe_worker_t *self, troupe_request_t *request)
{
    (void)self;
    int64_t status = 0;
    if (asked_number(request, "an exit status", 255, &status)) {
        _exit((int)status);
    }
    return FINE;
}

static int do_hang(troupe_worker_t *self, troupe_request_t *request)
{
    (void)self;
    (void)request;
    hang();
}

/* What was leaked stays chained here: never given back, and yet no false alarm for a leak
 * checker that looks for the leaks nobody asked for. Shared by all workers' threads. */
struct leaked {
    struct leaked *next;
    char bytes[];
};
static _Atomic(struct leaked *) all_leaked;

/* False when there is not so much. */
static bool take_memory(int64_t mib)
{
    size_t size = (size_t)mib * MIB;
    struct leaked *leak = malloc(sizeof *leak + size);
    if (!leak) {
        return false;
    }
    for (size_t at = 0; at < size; at += PAGE) {
        leak->bytes[at] = 1;
    }
    leak->next = atomic_load(&all_leaked);
    while (!atomic_compare_exchange_weak(&all_leaked, &leak->next, leak)) {
    }
    return true;
}

static int do_leak(troupe_worker_t *self, troupe_request_t *request)
{
    (void)self;
    int64_t mib = 0;
    if (!asked_number(request, "MiB", MAX_LEAK_MIB, &mib)) {
        return FINE;
    }
    if (take_memory(mib)) {
        return reply_with_request(request);
    }
    troupe_request_fail(request, "out of memory");
    return FINE;
}

/* "NAME COUNT TEXT": as many messages with that text to that actor. */
static int do_send(troupe_worker_t *self, troupe_request_t *request)
{
    const char *data = troupe_request_data(request);
    size_t left = troupe_request_size(request);
    const char *space = memchr(data, ' ', left);
    char name[80];
    size_t length = space ? (size_t)(space - data) : 0;
    const char *text = space ? space + 1 : data;
    int64_t n = 0;
    left -= space ? length + 1 : 0;
    if (length == 0 || length >= sizeof name || !take_number(&text, &left, MAX_MESSAGES, &n) ||
        left == 0 || *text != ' ') {
        troupe_request_refuse(request, TROUPE_OUTCOME_BAD_REQUEST,
                              "send takes \"NAME COUNT TEXT\", at most %d messages",
                              MAX_MESSAGES);
        return FINE;
    }
    memcpy(name, data, length);
    name[length] = '\0';
    for (int64_t i = 0; i < n; i++) {
        troupe_message_t *message = troupe_message_from(text + 1, left - 1);
        troupe_status_t status =
            message ? troupe_send_named(self, name, &message) : TROUPE_ERR_NOMEM;
        if (status != TROUPE_OK) {
            troupe_request_fail(request, "%s: %s", name, troupe_status_text(status));
            return FINE;
        }
    }
    return reply_with_request(request);
}

static const struct {
    const char *name;
    method_fn *run;
} methods[] = {
    {"", do_echo},         {"echo", do_echo},         {"sleep", do_sleep}, {"burn", do_burn},
    {"parts", do_parts},   {"progress", do_progress}, {"fail", do_fail},   {"crash", do_crash},
    {"broken", do_broken}, {"exit", do_exit},         {"hang", do_hang},   {"leak", do_leak},
    {"send", do_send},     {"peer", do_peer},
};

/* ---- the behaviour ---- */

/* The time that init shall take, in slices so that each counts as progress. */
static int take_init_time(troupe_worker_t *self, const troupe_args_t *args, int64_t ms)
{
    if (troupe_args_number(args, "init-ms", &ms) == TROUPE_ERR_INVALID || ms < 0 ||
        ms > MAX_MS) {
        troupe_worker_explain(self, "init-ms is a whole number from 0 to %d", MAX_MS);
        return BROKEN;
    }
    const int64_t end_ns = now_ns() + ms * 1000000;
    for (int64_t now = now_ns(); now < end_ns; now = now_ns()) {
        int64_t slice_end_ns = now + SLICE_MS * 1000000;
        sleep_until(slice_end_ns < end_ns ? slice_end_ns : end_ns);
        troupe_worker_progress(self);
    }
    return FINE;
}

/* The memory that init shall take, and the file without which it says that there is none. */
static int take_init_memory(troupe_worker_t *self, const troupe_args_t *args)
{
    int64_t mib = 0;
    const char *file = troupe_args_get(args, "init-no-memory-until");
    if (troupe_args_number(args, "init-leak", &mib) == TROUPE_ERR_INVALID || mib < 0 ||
        mib > MAX_LEAK_MIB) {
        troupe_worker_explain(self, "init-leak is a whole number from 0 to %d", MAX_LEAK_MIB);
        return BROKEN;
    }
    if (file && access(file, F_OK) != 0) {
        troupe_worker_explain(self, "there is no %.500s, and no memory", file);
        return TROUPE_INIT_NO_MEMORY;
    }
    if (mib > 0 && !take_memory(mib)) {
        troupe_worker_explain(self, "there are no %lld MiB", (long long)mib);
        return TROUPE_INIT_NO_MEMORY;
    }
    return FINE;
}

static int make_state(const troupe_args_t *args, void **state_p)
{
    echo_state_t *state = calloc(1, sizeof *state);
    if (!state) {
        return TROUPE_INIT_NO_MEMORY;
    }
    state->probe_file = troupe_args_get(args, "probe-file");
    state->shows = troupe_args_get_or(args, "shows", "counts");
    *state_p = state;
    return TROUPE_INIT_OK;
}

static int echo_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    const char *how = troupe_args_get_or(args, "init", "ok");

    if (take_init_time(self, args, strcmp(how, "slow") == 0 ? 1000 : 0) != FINE) {
        return BROKEN;
    }
    int verdict = take_init_memory(self, args);
    if (verdict != FINE) {
        return verdict;
    }
    if (strcmp(how, "no-memory") == 0) {
        troupe_worker_explain(self, "no memory, as asked");
        return TROUPE_INIT_NO_MEMORY;
    }
    if (strcmp(how, "ok") == 0 || strcmp(how, "slow") == 0) {
        return make_state(args, state_p);
    }
    if (strcmp(how, "ignore") == 0) {
        return TROUPE_INIT_IGNORE;
    }
    if (strcmp(how, "hang") == 0) {
        hang();
    }
    if (strcmp(how, "fail") == 0) {
        troupe_worker_explain(self, "init failed as asked");
    } else {
        troupe_worker_explain(self,
                              "init is one of ok, slow, fail, hang, ignore, no-memory; not "
                              "'%.100s'",
                              how);
    }
    return BROKEN;
}

static int echo_handle(troupe_worker_t *self, troupe_request_t *request, void *arg)
{
    echo_state_t *state = arg;
    const char *method = troupe_request_method(request);
    state->n_requests++;

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(method, methods[i].name) == 0) {
            return methods[i].run(self, request);
        }
    }
    troupe_request_refuse(request, TROUPE_OUTCOME_BAD_REQUEST, "echo has no method '%.100s'",
                          method);
    return FINE;
}

static bool says(const troupe_message_t *message, const char *word)
{
    size_t size = troupe_message_size(message, 0);
    return size == strlen(word) && memcmp(troupe_message_data(message, 0), word, size) == 0;
}

static int echo_receive(troupe_worker_t *self, const troupe_message_t *message, void *arg)
{
    echo_state_t *state = arg;
    state->n_messages++;
    troupe_worker_log(self, "received: %.*s", line_length(troupe_message_size(message, 0)),
                      (const char *)troupe_message_data(message, 0));
    if (says(message, "hang")) {
        hang();
    }
    if (says(message, "done")) {
        troupe_worker_end(self);
    }
    if (says(message, "broken")) {
        troupe_worker_explain(self, "broken as asked");
        return BROKEN;
    }
    return FINE;
}

/* Well as long as the file is there that the configuration names. */
static int echo_probe(troupe_worker_t *self, void *arg)
{
    const echo_state_t *state = arg;
    const char *file = state->probe_file;
    if (!file || access(file, F_OK) == 0) {
        return FINE;
    }
    troupe_worker_explain(self, "its probe found no %.200s", file);
    return BROKEN;
}

static void echo_terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    free(*state_p);
    *state_p = NULL;
}

/* ---- what it shows ---- */

static size_t pack_text(unsigned char *to, const char *text)
{
    size_t size = strlen(text);
    to[0] = (unsigned char)(0xa0 | size); /* of less than 32 bytes */
    memcpy(to + 1, text, size);
    return size + 1;
}

static size_t pack_number(unsigned char *to, uint64_t number)
{
    to[0] = 0xcf;
    for (int i = 0; i < 8; i++) {
        to[1 + i] = (unsigned char)(number >> (56 - 8 * i));
    }
    return 9;
}

static troupe_message_t *show_counts(const echo_state_t *state)
{
    unsigned char bytes[64];
    size_t size = 0;
    bytes[size++] = 0x82; /* a map of two */
    size += pack_text(bytes + size, "messages");
    size += pack_number(bytes + size, state->n_messages);
    size += pack_text(bytes + size, "requests");
    size += pack_number(bytes + size, state->n_requests);
    return troupe_message_from(bytes, size);
}

static troupe_message_t *echo_show(troupe_worker_t *self, const void *arg)
{
    (void)self;
    const echo_state_t *state = arg;
    if (strcmp(state->shows, "nothing") == 0) {
        return NULL;
    }
    if (strcmp(state->shows, "nonsense") == 0) {
        return troupe_message_from_text("\xc1 is no msgpack");
    }
    if (strcmp(state->shows, "too-much") == 0) {
        return filled_message(0, 2 * MIB);
    }
    if (strcmp(state->shows, "hang") == 0) {
        hang();
    }
    return show_counts(state);
}

static const troupe_behaviour_t echo = {
    .name = "echo",
    .init = echo_init,
    .handle = echo_handle,
    .receive = echo_receive,
    .probe = echo_probe,
    .terminate = echo_terminate,
    .state = echo_show,
};

TROUPE_MODULE(echo);
