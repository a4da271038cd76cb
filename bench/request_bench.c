/* bench/request_bench.c - requests per second through one router, and how long each took
 *
 * An embedded node with N workers that reply with what they got, and one client that keeps W
 * requests outstanding, in the process or over ipc or tcp. Prints one line of key=value pairs a
 * run. It checks as it measures: every request must end `ok`, once, with its own bytes.
 *
 *     request_bench --transport inproc --workers 4 --window 64 --requests 200000 --size 64
 *     request_bench --transport curve --visit --window 8 --requests 2000
 *
 * With --visit each request comes by a connection of its own, made for it and ended after it,
 * so there are W connections at a time.
 */

#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/kit.h"
#include "bench/requests.h"

#define SMALL_SIZE  4096
#define MOST_WINDOW 1000
#define PATIENCE_MS 60000

typedef struct bench {
    const char *transport; /* inproc, ipc, tcp */
    long workers;
    long concurrency; /* requests a worker may have at once */
    long window;
    long requests;
    const char *isolation;
    long spin_us;
    size_t size;
    bool visits;
    bench_node_t node;
    bench_requests_t tally;
} bench_t;

static void start_node(bench_t *bench)
{
    char capability[256];
    snprintf(capability, sizeof capability,
             "{capability: mirror, worker: {module: mirror}, isolation: %s, queue: {limit: "
             "1000000}, "
             "workers: {min: %ld, max: %ld, concurrency: %ld}}",
             bench->isolation, bench->workers, bench->workers, bench->concurrency);
    bench_node_start(&bench->node, bench->transport, &bench_mirror, capability);
}

static void free_payload(void *data, void *hint)
{
    (void)hint;
    free(data);
}

/* What is small is copied, which costs less than handing it over; what is large is not. */
static troupe_message_t *next_message(bench_t *bench, long *number_out)
{
    static char small[SMALL_SIZE];
    bool is_large = bench->size > sizeof small;
    char *data = is_large ? malloc(bench->size) : small;
    troupe_message_t *message = troupe_message_new();
    if (!data || !message) {
        bench_give_up("out of memory");
    }
    *number_out = bench_requests_begin(&bench->tally, data);
    troupe_status_t status =
        is_large ? troupe_message_add_owned(message, data, bench->size, free_payload, NULL)
                 : troupe_message_add(message, data, bench->size);
    if (status != TROUPE_OK) {
        bench_give_up("out of memory");
    }
    return message;
}

/* Its number; the reply is gone. */
static long take_reply(bench_t *bench, troupe_reply_t *reply)
{
    const troupe_message_t *message = troupe_reply_message(reply);
    long number = bench_requests_end(&bench->tally, troupe_message_data(message, 0),
                                     troupe_message_size(message, 0));
    troupe_reply_destroy(&reply);
    return number;
}

/* ---- by one connection ---- */

static void start_one(bench_t *bench)
{
    long number;
    troupe_message_t *message = next_message(bench, &number);
    bench_call(&bench->node, "mirror", NULL, &message, number + 1);
}

static void finish_one(bench_t *bench)
{
    int64_t note;
    troupe_reply_t *reply = bench_next(&bench->node, PATIENCE_MS, &note);
    if (!reply || !troupe_reply_is_final(reply)) {
        bench_give_up("a request did not end within a minute");
    }
    if (take_reply(bench, reply) + 1 != note) {
        bench_give_up("a reply has the bytes of another request");
    }
}

static void call_by_one(bench_t *bench)
{
    while (bench_requests_may_begin(&bench->tally)) {
        start_one(bench);
    }
    finish_one(bench);
}

/* ---- each by its own: who has none is a free place ---- */

static troupe_client_t *visitors[MOST_WINDOW];
static struct pollfd bells[MOST_WINDOW];

static void begin_visit(bench_t *bench, long place)
{
    long number;
    uint64_t id;
    const troupe_call_options_t patience = {.timeout_ms = PATIENCE_MS};
    troupe_message_t *message = next_message(bench, &number);
    visitors[place] = bench_client_new(bench->node.endpoint);
    if (troupe_client_start(visitors[place], "mirror", &patience, &message, &id) != TROUPE_OK) {
        bench_give_up("out of memory");
    }
    bells[place] = (struct pollfd){.fd = troupe_client_fd(visitors[place]), .events = POLLIN};
}

static void look_at_visitor(bench_t *bench, long place)
{
    troupe_reply_t *reply = NULL;
    if (troupe_client_next(visitors[place], 0, &reply) != TROUPE_OK) {
        return;
    }
    if (!troupe_reply_is_final(reply) || troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
        bench_give_up("a request ended %s, not ok: %s",
                      troupe_outcome_name(troupe_reply_outcome(reply)),
                      troupe_reply_text(reply));
    }
    take_reply(bench, reply);
    troupe_client_destroy(&visitors[place]);
    bells[place].fd = -1;
}

static void clear_places(void)
{
    for (long i = 0; i < MOST_WINDOW; i++) {
        bells[i].fd = -1; /* poll passes it by */
    }
}

static void call_by_visits(bench_t *bench)
{
    for (long i = 0; i < bench->window; i++) {
        if (!visitors[i] && bench_requests_may_begin(&bench->tally)) {
            begin_visit(bench, i);
        }
    }
    if (poll(bells, (nfds_t)bench->window, PATIENCE_MS) == 0) {
        bench_give_up("nothing came for a minute");
    }
    for (long i = 0; i < bench->window; i++) {
        if (visitors[i] && bells[i].revents != 0) {
            look_at_visitor(bench, i);
        }
    }
}

static void run(bench_t *bench)
{
    clear_places();
    bench_requests_start(&bench->tally);
    while (bench_requests_go_on(&bench->tally)) {
        if (bench->visits) {
            call_by_visits(bench);
        } else {
            call_by_one(bench);
        }
    }
    bench_requests_print(&bench->tally, "name=troupe transport=%s workers=%ld concurrency=%ld",
                         bench->transport, bench->workers, bench->concurrency);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"transport", required_argument, NULL, 't'},
        {"workers", required_argument, NULL, 'n'},
        {"concurrency", required_argument, NULL, 'c'},
        {"window", required_argument, NULL, 'w'},
        {"requests", required_argument, NULL, 'r'},
        {"size", required_argument, NULL, 's'},
        {"spin", required_argument, NULL, 'p'},
        {"isolation", required_argument, NULL, 'i'},
        {"http", required_argument, NULL, 'h'},
        {"visit", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    bench_t bench = {.transport = "inproc",
                     .isolation = "thread",
                     .workers = 1,
                     .window = 1,
                     .requests = 100000,
                     .size = 64};
    static char http[64];
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 't':
            bench.transport = bench_transport("transport", optarg);
            break;
        case 'n':
            bench.workers = bench_whole("workers", optarg, 1, 10000);
            break;
        case 'c':
            bench.concurrency = bench_whole("concurrency", optarg, 1, 1000);
            break;
        case 'w':
            bench.window = bench_whole("window", optarg, 1, MOST_WINDOW);
            break;
        case 'r':
            bench.requests = bench_whole("requests", optarg, 1, 100000000);
            break;
        case 's':
            bench.size = (size_t)bench_whole("size", optarg, BENCH_LEAST_SIZE, 1 << 30);
            break;
        case 'p':
            bench.spin_us = bench_whole("spin", optarg, 0, 1000);
            break;
        case 'i':
            bench.isolation = optarg;
            break;
        case 'h':
            snprintf(http, sizeof http, "http: %.40s\n", optarg);
            bench_node_keys(http);
            break;
        case 'v':
            bench.visits = true;
            break;
        default:
            return 2;
        }
    }
    if (bench.visits && strcmp(bench.transport, "inproc") == 0) {
        bench_misused("transport", bench.transport, "one that is connected by, with --visit");
    }
    /* Enough for each worker to have its share of the window at hand. */
    bench.concurrency = bench.concurrency ? bench.concurrency
                                          : (bench.window + bench.workers - 1) / bench.workers;
    bench_requests_init(&bench.tally, bench.requests, bench.window, bench.size);
    bench_node_spin(bench.spin_us);
    start_node(&bench);
    run(&bench);
    bench_node_stop(&bench.node);
    bench_requests_finish(&bench.tally);
    return 0;
}
