/* tests/cost/metered.c - work in rounds of a known size, for instructions.py to count
 *
 * Does one kind of work again and again: requests that a mirror answers, parts of a stream, or
 * pings of a supervisor. Runs under callgrind, and has it write down what it counted after each
 * round. No request is in flight then, and this program does not look at the clock, so that a
 * round is the same work each time. The first one is for warming up: it is written down under
 * another name.
 *
 *     valgrind --tool=callgrind metered requests --transport ipc --window 64 --each 1000
 */

#include <getopt.h>
#include <inttypes.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <troupe.h>

#include <valgrind/callgrind.h>

#include "supervisors/health.h"

#define PATIENCE_MS  60000
#define PAYLOAD_SIZE 64

typedef struct meter {
    const char *transport; /* inproc, ipc */
    const char *isolation; /* thread, inline */
    long workers;
    long window; /* requests outstanding */
    long each;   /* requests, parts or pings in a round */
    long rounds;
    char endpoint[96];
    troupe_node_t *node;
    troupe_caller_t *caller; /* inproc; else NULL */
    troupe_client_t *client; /* ipc; else NULL */
} meter_t;

static _Noreturn void give_up(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("metered: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    _exit(1); /* other threads are in the middle of things */
}

/* What all threads have executed since the last time. */
static void write_down(bool is_warm)
{
    if (is_warm) {
        CALLGRIND_DUMP_STATS_AT("round");
    } else {
        CALLGRIND_DUMP_STATS_AT("warm-up");
    }
}

/* ---- the node ---- */

static void print_problem(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

/* `health`: of the workers. */
static void start_node(meter_t *self, const troupe_behaviour_t *behaviour, const char *health)
{
    char listen[128] = "";
    if (strcmp(self->transport, "ipc") == 0) {
        snprintf(self->endpoint, sizeof self->endpoint, "ipc:///tmp/troupe-metered-%d.sock",
                 (int)getpid());
        snprintf(listen, sizeof listen, "listen: [{endpoint: '%s'}]\n", self->endpoint);
    }
    char yaml[1024];
    snprintf(yaml, sizeof yaml,
             "troupe: 1\n"
             "node: metered\n"
             "%s"
             "supervisor:\n"
             "  children:\n"
             "    - capability: %s\n"
             "      worker: {module: %s}\n"
             "      isolation: %s\n"
             "      workers: {min: %ld, max: %ld, concurrency: %ld}\n"
             "      queue: {limit: %ld}\n"
             "      health: {%s}\n",
             listen, behaviour->name, behaviour->name, self->isolation, self->workers,
             self->workers, (self->window + self->workers - 1) / self->workers, self->window,
             health);
    self->node = troupe_node_new();
    if (!self->node || troupe_node_register(self->node, behaviour) != TROUPE_OK ||
        troupe_node_load_text(self->node, "metered", yaml, print_problem, NULL) != TROUPE_OK ||
        troupe_node_start(self->node, print_problem, NULL) != TROUPE_OK) {
        give_up("the node did not start");
    }
}

static void connect_to_node(meter_t *self)
{
    if (!self->endpoint[0]) {
        self->caller = troupe_caller_new(self->node);
    } else if ((self->client = troupe_client_new(self->endpoint)) != NULL &&
               troupe_client_connect(self->client, PATIENCE_MS) != TROUPE_OK) {
        give_up("the node does not answer");
    }
    if (!self->caller && !self->client) {
        give_up("out of memory");
    }
}

static void stop_node(meter_t *self)
{
    troupe_client_destroy(&self->client);
    troupe_caller_destroy(&self->caller);
    troupe_node_stop(self->node);
    troupe_node_destroy(&self->node);
}

/* Without pings, which come by the clock. */
static void start_quiet_node(meter_t *self, const troupe_behaviour_t *behaviour)
{
    start_node(self, behaviour, "interval: 1h");
    connect_to_node(self);
}

/* ---- calls ---- */

static void call(meter_t *self, const char *capability, const void *data, size_t size)
{
    static const troupe_call_options_t options = {.timeout_ms = 10 * PATIENCE_MS};
    troupe_message_t *message = troupe_message_from(data, size);
    uint64_t id;
    troupe_status_t status =
        self->client ? troupe_client_start(self->client, capability, &options, &message, &id)
                     : troupe_caller_start(self->caller, capability, &options, &message, &id);
    if (status != TROUPE_OK) {
        give_up("a call did not start: %s", troupe_status_text(status));
    }
}

/* What comes next, which is of `size` bytes. */
static void take(meter_t *self, bool is_final, size_t size)
{
    troupe_reply_t *reply = NULL;
    troupe_status_t status = self->client
                                 ? troupe_client_next(self->client, PATIENCE_MS, &reply)
                                 : troupe_caller_next(self->caller, PATIENCE_MS, &reply);
    if (status != TROUPE_OK) {
        give_up("nothing came: %s", troupe_status_text(status));
    }
    if (troupe_reply_is_final(reply) != is_final ||
        troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK ||
        troupe_message_size(troupe_reply_message(reply), 0) != size) {
        give_up("not what was asked for: %s, %s",
                troupe_outcome_name(troupe_reply_outcome(reply)), troupe_reply_text(reply));
    }
    troupe_reply_destroy(&reply);
}

/* ---- requests ---- */

static int reply_the_request(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)self;
    (void)state;
    troupe_message_t *reply = troupe_message_share(troupe_request_message(request));
    if (!reply) {
        give_up("out of memory");
    }
    troupe_request_reply(request, &reply);
    return 0;
}

static void do_requests(meter_t *self)
{
    static const troupe_behaviour_t mirror = {.name = "mirror", .handle = reply_the_request};
    static const char payload[PAYLOAD_SIZE];
    start_quiet_node(self, &mirror);
    for (long round = 0; round <= self->rounds; round++) {
        long n_called = 0;
        for (long n_taken = 0; n_taken < self->each; n_taken++) {
            for (; n_called < self->each && n_called - n_taken < self->window; n_called++) {
                call(self, mirror.name, payload, sizeof payload);
            }
            take(self, true, sizeof payload);
        }
        write_down(round > 0);
    }
}

/* ---- parts ---- */

static int stream_parts(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)self;
    (void)state;
    static const char payload[PAYLOAD_SIZE];
    long n_parts;
    if (troupe_request_size(request) != sizeof n_parts) {
        give_up("a request is not a number of parts");
    }
    memcpy(&n_parts, troupe_request_data(request), sizeof n_parts);
    for (long i = 0; i < n_parts; i++) {
        troupe_message_t *part = troupe_message_from(payload, sizeof payload);
        if (!part || troupe_request_part(request, &part) != TROUPE_OK) {
            give_up("a part was not taken");
        }
    }
    troupe_request_reply_data(request, &n_parts, sizeof n_parts);
    return 0;
}

static void do_parts(meter_t *self)
{
    static const troupe_behaviour_t streamer = {.name = "streamer", .handle = stream_parts};
    start_quiet_node(self, &streamer);
    for (long round = 0; round <= self->rounds; round++) {
        call(self, streamer.name, &self->each, sizeof self->each);
        for (long i = 0; i < self->each; i++) {
            take(self, false, PAYLOAD_SIZE);
        }
        take(self, true, sizeof self->each);
        write_down(round > 0);
    }
}

/* ---- pings ---- */

/* Every ping of the node's supervisors comes by here, on their threads; so a round ends in
 * the middle of their work, but always in the same place. */
static struct {
    atomic_long n;
    long each;
    long rounds;
    sem_t are_over;
} pings;

uint64_t __real_tr_health_ping(tr_health_t *self, int64_t now_ms);
uint64_t __wrap_tr_health_ping(tr_health_t *self, int64_t now_ms);

uint64_t __wrap_tr_health_ping(tr_health_t *self, int64_t now_ms)
{
    long n = atomic_fetch_add(&pings.n, 1) + 1;
    long round = pings.each > 0 && n % pings.each == 0 ? n / pings.each - 1 : -1;
    if (round >= 0 && round <= pings.rounds) {
        write_down(round > 0);
        if (round == pings.rounds) {
            sem_post(&pings.are_over);
        }
    }
    return __real_tr_health_ping(self, now_ms);
}

static void do_pings(meter_t *self)
{
    static const troupe_behaviour_t idler = {.name = "idler", .handle = reply_the_request};
    sem_init(&pings.are_over, 0, 0);
    pings.each = self->each;
    pings.rounds = self->rounds;
    start_node(self, &idler, "interval: 5ms, misses: 1000");
    sem_wait(&pings.are_over);
}

/* ---- which of them ---- */

static long whole(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (*end || number < 1 || number > 1000000) {
        give_up("%s is no number from 1 to 1000000", text);
    }
    return number;
}

static void read_options(meter_t *self, int argc, char **argv)
{
    static const struct option options[] = {
        {"transport", required_argument, NULL, 't'},
        {"isolation", required_argument, NULL, 'i'},
        {"workers", required_argument, NULL, 'n'},
        {"window", required_argument, NULL, 'w'},
        {"each", required_argument, NULL, 'e'},
        {"rounds", required_argument, NULL, 'r'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 't':
            self->transport = optarg;
            break;
        case 'i':
            self->isolation = optarg;
            break;
        case 'n':
            self->workers = whole(optarg);
            break;
        case 'w':
            self->window = whole(optarg);
            break;
        case 'e':
            self->each = whole(optarg);
            break;
        case 'r':
            self->rounds = whole(optarg);
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(meter_t *self);
    } kinds[] = {{"requests", do_requests}, {"parts", do_parts}, {"pings", do_pings}};
    meter_t meter = {.transport = "inproc",
                     .isolation = "thread",
                     .workers = 1,
                     .window = 1,
                     .each = 1000,
                     .rounds = 5};
    read_options(&meter, argc, argv);
    setenv("TROUPE_LOG_LEVEL", "warning", 0);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (optind == argc - 1 && strcmp(argv[optind], kinds[i].name) == 0) {
            kinds[i].run(&meter);
            stop_node(&meter);
            return 0;
        }
    }
    fputs("usage: metered requests|parts|pings [--transport inproc|ipc] [--isolation "
          "thread|inline]\n"
          "               [--workers N] [--window N] [--each N] [--rounds N]\n",
          stderr);
    return 2;
}
