/* bench/request_bench.c - requests per second through one router, and how long each took
 *
 * An embedded node with N workers that reply with what they got, and one client that keeps W
 * requests outstanding, in the process or over ipc or tcp. Prints one line of key=value pairs a
 * run. It checks as it measures: every request must end `ok`, once, with its own bytes.
 *
 *     request_bench --transport inproc --workers 4 --window 64 --requests 200000 --size 64
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/kit.h"

typedef struct bench {
    const char *transport; /* inproc, ipc, tcp */
    long workers;
    long concurrency; /* requests a worker may have at once */
    long window;
    long requests;
    const char *isolation;
    long spin_us;
    size_t size;
    bench_node_t node;
    int64_t *took_ns;
} bench_t;

static int reply_the_request(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)self;
    (void)state;
    troupe_message_t *reply = troupe_message_share(troupe_request_message(request));
    if (reply) {
        troupe_request_reply(request, &reply);
    } else {
        troupe_request_fail(request, "out of memory");
    }
    return 0;
}

static const troupe_behaviour_t mirror = {.name = "mirror", .handle = reply_the_request};

static void start_node(bench_t *bench)
{
    char capability[256];
    snprintf(capability, sizeof capability,
             "{capability: mirror, worker: {module: mirror}, isolation: %s, queue: {limit: "
             "1000000}, "
             "workers: {min: %ld, max: %ld, concurrency: %ld}}",
             bench->isolation, bench->workers, bench->workers, bench->concurrency);
    bench_node_start(&bench->node, bench->transport, &mirror, capability);
}

static void start_one(bench_t *bench)
{
    troupe_message_t *message = troupe_message_new();
    char *data = bench_alloc(1, bench->size + 1);
    if (!message || troupe_message_add(message, data, bench->size) != TROUPE_OK) {
        bench_give_up("out of memory");
    }
    free(data);
    bench_call(&bench->node, "mirror", NULL, &message, bench_now_ns());
}

static int64_t finish_one(bench_t *bench)
{
    int64_t begin_ns;
    troupe_reply_t *reply = bench_next(&bench->node, 60000, &begin_ns);
    if (!reply || !troupe_reply_is_final(reply) ||
        troupe_message_size(troupe_reply_message(reply), 0) != bench->size) {
        bench_give_up("a request did not end with its own bytes within a minute");
    }
    int64_t took_ns = bench_now_ns() - begin_ns;
    troupe_reply_destroy(&reply);
    return took_ns;
}

static double quantile_us(const bench_t *bench, double share)
{
    return (double)bench_quantile(bench->took_ns, (size_t)bench->requests, share) / 1000.0;
}

static void run(bench_t *bench)
{
    double cpu_before_s = bench_cpu_s();
    int64_t begin_ns = bench_now_ns();
    long n_started = 0;
    for (long n_done = 0; n_done < bench->requests; n_done++) {
        while (n_started < bench->requests && n_started - n_done < bench->window) {
            start_one(bench);
            n_started++;
        }
        bench->took_ns[n_done] = finish_one(bench);
    }
    double seconds = (double)(bench_now_ns() - begin_ns) / 1e9;
    double cpu_s = bench_cpu_s() - cpu_before_s;
    bench_sort(bench->took_ns, (size_t)bench->requests);
    printf("name=troupe transport=%s workers=%ld concurrency=%ld window=%ld size=%zu "
           "requests=%ld rps=%.0f p50_us=%.1f p99_us=%.1f p999_us=%.1f cpu_s=%.2f\n",
           bench->transport, bench->workers, bench->concurrency, bench->window, bench->size,
           bench->requests, (double)bench->requests / seconds, quantile_us(bench, 0.5),
           quantile_us(bench, 0.99), quantile_us(bench, 0.999), cpu_s);
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
        {NULL, 0, NULL, 0},
    };
    bench_t bench = {.transport = "inproc",
                     .isolation = "thread",
                     .workers = 1,
                     .window = 1,
                     .requests = 100000,
                     .size = 64};
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
            bench.window = bench_whole("window", optarg, 1, 1000);
            break;
        case 'r':
            bench.requests = bench_whole("requests", optarg, 1, 100000000);
            break;
        case 's':
            bench.size = (size_t)bench_whole("size", optarg, 0, 1 << 30);
            break;
        case 'p':
            bench.spin_us = bench_whole("spin", optarg, 0, 1000);
            break;
        case 'i':
            bench.isolation = optarg;
            break;
        default:
            return 2;
        }
    }
    /* Enough for each worker to have its share of the window at hand. */
    bench.concurrency = bench.concurrency ? bench.concurrency
                                          : (bench.window + bench.workers - 1) / bench.workers;
    bench.took_ns = bench_alloc((size_t)bench.requests, sizeof *bench.took_ns);
    bench_node_spin(bench.spin_us);
    start_node(&bench);
    run(&bench);
    bench_node_stop(&bench.node);
    free(bench.took_ns);
    return 0;
}
