/* The books are a table that an id falls into by its remainder. Ids count up, so two open calls
 * share a place only when one of them is older than the table is large, which is refused.
 */

#include "bench/kit.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/keys.h"

#define BOOKS_SIZE (UINT64_C(1) << 20)

const char *bench_transport(const char *option, const char *text)
{
    static const char *const known[] = {"inproc", "ipc", "tcp", BENCH_ENCRYPTED};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(text, known[i]) == 0) {
            return known[i];
        }
    }
    bench_misused(option, text, "inproc, ipc, tcp or " BENCH_ENCRYPTED);
}

static void print_problem(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

/* ---- the node ---- */

void bench_log_level(const char *level)
{
    setenv("TROUPE_LOG_LEVEL", level, strcmp(level, "off") == 0);
}

static bench_keys_t keys;
static bool is_encrypted;

void bench_endpoint(const char *transport, char *endpoint, size_t size)
{
    is_encrypted = strcmp(transport, BENCH_ENCRYPTED) == 0;
    if (is_encrypted) {
        bench_keys_make(&keys);
    }
    if (strcmp(transport, "ipc") == 0) {
        snprintf(endpoint, size, "ipc:///tmp/troupe-bench-%d.sock", (int)getpid());
    } else if (is_encrypted || strcmp(transport, "tcp") == 0) {
        snprintf(endpoint, size, "tcp://127.0.0.1:%d", 20000 + (int)getpid() % 12000);
    } else {
        endpoint[0] = '\0';
    }
}

static long spin_us;

void bench_node_spin(long us)
{
    spin_us = us;
}

static const char *top_keys = "";

void bench_node_keys(const char *text)
{
    top_keys = text;
}

static const char *peer_limits = "";

void bench_peer_limits(const char *text)
{
    peer_limits = text;
}

static void describe_security(FILE *text)
{
    fprintf(text, "security: {key: %s, peers: [{name: client, key: \"%s\"}]}\n", keys.node_file,
            keys.client_key);
}

static void describe_listener(FILE *text, const char *endpoint)
{
    fprintf(text, "listen: [{endpoint: \"%s\", %slimits: {%s}}]\n", endpoint,
            is_encrypted ? "security: curve, " : "", peer_limits);
}

static char *describe(const char *endpoint, const char *children)
{
    char *yaml;
    size_t size;
    FILE *text = open_memstream(&yaml, &size);
    if (!text) {
        bench_give_up("out of memory");
    }
    fprintf(text, "troupe: 1\nnode: bench\nspin: %ldus\n%s", spin_us, top_keys);
    if (endpoint[0] && is_encrypted) {
        describe_security(text);
    }
    if (endpoint[0]) {
        describe_listener(text, endpoint);
    }
    fprintf(text, "supervisor: {children: [%s]}\n", children);
    if (fclose(text) != 0) {
        bench_give_up("out of memory");
    }
    return yaml;
}

troupe_node_t *bench_tree_start(const char *endpoint, const troupe_behaviour_t *behaviour,
                                const char *children)
{
    bench_log_level("warning");
    char *yaml = describe(endpoint, children);
    troupe_node_t *node = troupe_node_new();
    if (!node || troupe_node_register(node, behaviour) != TROUPE_OK ||
        troupe_node_load_text(node, "bench", yaml, print_problem, NULL) != TROUPE_OK ||
        troupe_node_start(node, print_problem, NULL) != TROUPE_OK) {
        bench_give_up("the node did not start");
    }
    free(yaml);
    return node;
}

/* ---- and its one client ---- */

troupe_client_t *bench_client_new(const char *endpoint)
{
    troupe_client_t *client = troupe_client_new(endpoint);
    if (!client) {
        bench_give_up("out of memory");
    }
    if (is_encrypted) {
        bench_keys_give(&keys, client);
    }
    return client;
}

static void connect_to(bench_node_t *self)
{
    if (self->endpoint[0]) {
        self->client = bench_client_new(self->endpoint);
        if (troupe_client_connect(self->client, 5000) != TROUPE_OK) {
            bench_give_up("the node does not answer");
        }
    } else if (!(self->caller = troupe_caller_new(self->node))) {
        bench_give_up("out of memory");
    }
}

void bench_node_start(bench_node_t *self, const char *transport,
                      const troupe_behaviour_t *behaviour, const char *capability)
{
    *self = (bench_node_t){.books = bench_alloc(BOOKS_SIZE, sizeof *self->books)};
    bench_endpoint(transport, self->endpoint, sizeof self->endpoint);
    self->node = bench_tree_start(self->endpoint, behaviour, capability);
    connect_to(self);
}

void bench_node_stop(bench_node_t *self)
{
    size_t n_open =
        self->client ? troupe_client_n_open(self->client) : troupe_caller_n_open(self->caller);
    if (self->n_open != 0 || n_open != 0) {
        bench_give_up("%zu calls have not ended",
                      self->n_open > n_open ? self->n_open : n_open);
    }
    troupe_client_destroy(&self->client);
    troupe_caller_destroy(&self->caller);
    troupe_node_stop(self->node);
    troupe_node_destroy(&self->node);
    free(self->books);
    self->books = NULL;
}

/* ---- a worker ---- */

void bench_reply_same(troupe_request_t *request)
{
    troupe_message_t *reply = troupe_message_share(troupe_request_message(request));
    if (reply) {
        troupe_request_reply(request, &reply);
    } else {
        troupe_request_fail(request, "out of memory");
    }
}

static int mirror_request(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)self;
    (void)state;
    bench_reply_same(request);
    return 0;
}

const troupe_behaviour_t bench_mirror = {.name = "mirror", .handle = mirror_request};

/* ---- calls ---- */

void bench_call(bench_node_t *self, const char *capability,
                const troupe_call_options_t *options, troupe_message_t **message_p,
                int64_t note)
{
    uint64_t id;
    troupe_status_t status =
        self->client ? troupe_client_start(self->client, capability, options, message_p, &id)
                     : troupe_caller_start(self->caller, capability, options, message_p, &id);
    if (status != TROUPE_OK) {
        bench_give_up("a call did not start: %s", troupe_status_text(status));
    }
    int64_t *entry = &self->books[id % BOOKS_SIZE];
    if (*entry != 0) {
        bench_give_up("too many calls are open");
    }
    *entry = note;
    self->n_open++;
}

troupe_reply_t *bench_next(bench_node_t *self, int64_t timeout_ms, int64_t *note_out)
{
    troupe_reply_t *reply = NULL;
    troupe_status_t status = self->client
                                 ? troupe_client_next(self->client, timeout_ms, &reply)
                                 : troupe_caller_next(self->caller, timeout_ms, &reply);
    if (status == TROUPE_TIMEOUT || (status == TROUPE_NOT_FOUND && self->n_open == 0)) {
        return NULL;
    }
    if (status != TROUPE_OK) {
        bench_give_up("nothing more will come: %s", troupe_status_text(status));
    }
    int64_t *entry = &self->books[troupe_reply_id(reply) % BOOKS_SIZE];
    if (*entry == 0) {
        bench_give_up("a reply came to a call that is not open");
    }
    troupe_outcome_t outcome = troupe_reply_outcome(reply);
    if (outcome != TROUPE_OUTCOME_OK &&
        !(self->may_refuse && outcome == TROUPE_OUTCOME_OVERLOADED)) {
        bench_give_up("a request ended %s, not ok: %s", troupe_outcome_name(outcome),
                      troupe_reply_text(reply));
    }
    *note_out = *entry;
    if (troupe_reply_is_final(reply)) {
        *entry = 0;
        self->n_open--;
    }
    return reply;
}

/* ---- calls by the clock ---- */

static void take_all(bench_node_t *self, const bench_schedule_t *schedule, int64_t begin_ns)
{
    troupe_reply_t *reply;
    int64_t note;
    while ((reply = bench_next(self, 0, &note)) != NULL) {
        size_t index = (size_t)note - 1;
        if (!troupe_reply_is_final(reply)) {
            bench_give_up("a part came where none was expected");
        }
        schedule->finish(index, begin_ns + schedule->due_ns[index], reply, schedule->arg);
        troupe_reply_destroy(&reply);
    }
}

/* Until something comes, at most until `until_ns`: to the microsecond, which the timeouts of
 * calls are too coarse for. */
static void wait_until_ns(bench_node_t *self, int64_t until_ns)
{
    int64_t left_ns = until_ns - bench_now_ns();
    if (left_ns <= 0) {
        return;
    }
    struct pollfd bell = {.fd = self->client ? troupe_client_fd(self->client)
                                             : troupe_caller_fd(self->caller),
                          .events = POLLIN};
    const struct timespec left = {.tv_sec = (time_t)(left_ns / BENCH_NS_PER_S),
                                  .tv_nsec = (long)(left_ns % BENCH_NS_PER_S)};
    /* Without an open call nothing rings. */
    ppoll(&bell, self->n_open > 0 ? 1 : 0, &left, NULL);
}

void bench_keep_schedule(bench_node_t *self, const bench_schedule_t *schedule, int64_t *late_ns)
{
    int64_t begin_ns = bench_now_ns();
    int64_t end_ns =
        begin_ns + schedule->due_ns[schedule->n - 1] + schedule->patience_ms * BENCH_NS_PER_MS;
    for (size_t n_started = 0;;) {
        int64_t now_ns = bench_now_ns();
        while (n_started < schedule->n && begin_ns + schedule->due_ns[n_started] <= now_ns) {
            if (late_ns) {
                late_ns[n_started] = bench_now_ns() - begin_ns - schedule->due_ns[n_started];
            }
            schedule->start(self, n_started, schedule->arg);
            n_started++;
        }
        take_all(self, schedule, begin_ns);
        if (n_started == schedule->n && self->n_open == 0) {
            return;
        }
        if (now_ns > end_ns) {
            bench_give_up("%zu calls have not ended in %lld ms", self->n_open,
                          (long long)schedule->patience_ms);
        }
        wait_until_ns(self, n_started < schedule->n ? begin_ns + schedule->due_ns[n_started]
                                                    : end_ns + BENCH_NS_PER_MS);
    }
}
