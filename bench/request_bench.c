/* bench/request_bench.c - requests per second through one router, and how long each took
 *
 * An embedded node with N workers that reply with what they got, and one client that keeps W
 * requests outstanding, in the process or over ipc or tcp. Prints one line of key=value pairs a
 * run. It checks as it measures: every request must end `ok`, once, with its own bytes.
 *
 *     request_bench --transport inproc --workers 4 --window 64 --requests 200000 --size 64
 */

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <troupe.h>

typedef struct bench {
    const char *transport; /* inproc, ipc, tcp */
    int workers;
    int concurrency; /* requests a worker may have at once */
    int window;
    long requests;
    size_t size;
    troupe_node_t *node;
    troupe_caller_t *caller;
    troupe_client_t *client;
    char endpoint[128];
    int64_t *started_ns; /* by slot: id modulo room */
    uint64_t room;
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

static void give_up(const char *what)
{
    fprintf(stderr, "request_bench: %s\n", what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void print_problem(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

/* ---- the node and its one client ---- */

static void start_node(bench_t *bench)
{
    char listen[160] = "";
    if (strcmp(bench->transport, "ipc") == 0) {
        snprintf(bench->endpoint, sizeof bench->endpoint, "ipc:///tmp/troupe-bench-%d.sock",
                 (int)getpid());
    } else if (strcmp(bench->transport, "tcp") == 0) {
        snprintf(bench->endpoint, sizeof bench->endpoint, "tcp://127.0.0.1:%d",
                 20000 + (int)getpid() % 20000);
    }
    if (bench->endpoint[0]) {
        snprintf(listen, sizeof listen, "listen: [{endpoint: \"%s\"}]\n", bench->endpoint);
    }
    char yaml[1024];
    snprintf(yaml, sizeof yaml,
             "troupe: 1\nnode: bench\n%s"
             "supervisor:\n  children:\n"
             "    - capability: mirror\n"
             "      worker: {module: mirror}\n"
             "      workers: {min: %d, max: %d, concurrency: %d}\n"
             "      queue: {limit: 1000000}\n",
             listen, bench->workers, bench->workers, bench->concurrency);
    bench->node = troupe_node_new();
    if (!bench->node || troupe_node_register(bench->node, &mirror) != TROUPE_OK ||
        troupe_node_load_text(bench->node, "bench", yaml, print_problem, NULL) != TROUPE_OK ||
        troupe_node_start(bench->node, print_problem, NULL) != TROUPE_OK) {
        give_up("the node did not start");
    }
    if (bench->endpoint[0]) {
        bench->client = troupe_client_new(bench->endpoint);
        if (!bench->client || troupe_client_connect(bench->client, 5000) != TROUPE_OK) {
            give_up("the node does not answer");
        }
    } else if (!(bench->caller = troupe_caller_new(bench->node))) {
        give_up("out of memory");
    }
}

static void start_one(bench_t *bench)
{
    troupe_message_t *message = troupe_message_new();
    char *data = calloc(1, bench->size + 1);
    if (!message || !data || troupe_message_add(message, data, bench->size) != TROUPE_OK) {
        give_up("out of memory");
    }
    free(data);
    uint64_t id;
    int64_t begin_ns = now_ns();
    troupe_status_t status =
        bench->client ? troupe_client_start(bench->client, "mirror", NULL, &message, &id)
                      : troupe_caller_start(bench->caller, "mirror", NULL, &message, &id);
    if (status != TROUPE_OK) {
        give_up(troupe_status_text(status));
    }
    bench->started_ns[id % bench->room] = begin_ns;
}

static int64_t finish_one(bench_t *bench)
{
    troupe_reply_t *reply = NULL;
    troupe_status_t status = bench->client ? troupe_client_next(bench->client, 60000, &reply)
                                           : troupe_caller_next(bench->caller, 60000, &reply);
    if (status != TROUPE_OK) {
        give_up(troupe_status_text(status));
    }
    int64_t *begin_ns = &bench->started_ns[troupe_reply_id(reply) % bench->room];
    if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK || *begin_ns == 0 ||
        troupe_message_size(troupe_reply_message(reply), 0) != bench->size) {
        give_up("a request did not end ok, once, with its own bytes");
    }
    int64_t took_ns = now_ns() - *begin_ns;
    *begin_ns = 0;
    troupe_reply_destroy(&reply);
    return took_ns;
}

/* ---- measuring ---- */

static int by_size(const void *one, const void *other)
{
    int64_t a = *(const int64_t *)one;
    int64_t b = *(const int64_t *)other;
    return (a > b) - (a < b);
}

static double quantile_us(const bench_t *bench, double share)
{
    return (double)bench->took_ns[(long)(share * (double)(bench->requests - 1))] / 1000.0;
}

static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void run(bench_t *bench)
{
    double cpu_before_s = cpu_s();
    int64_t begin_ns = now_ns();
    long n_started = 0;
    for (long n_done = 0; n_done < bench->requests; n_done++) {
        while (n_started < bench->requests && n_started - n_done < bench->window) {
            start_one(bench);
            n_started++;
        }
        bench->took_ns[n_done] = finish_one(bench);
    }
    double seconds = (double)(now_ns() - begin_ns) / 1e9;
    qsort(bench->took_ns, (size_t)bench->requests, sizeof *bench->took_ns, by_size);
    printf("name=troupe transport=%s workers=%d concurrency=%d window=%d size=%zu requests=%ld "
           "rps=%.0f p50_us=%.1f p99_us=%.1f p999_us=%.1f cpu_s=%.2f\n",
           bench->transport, bench->workers, bench->concurrency, bench->window, bench->size,
           bench->requests, (double)bench->requests / seconds, quantile_us(bench, 0.5),
           quantile_us(bench, 0.99), quantile_us(bench, 0.999), cpu_s() - cpu_before_s);
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
        {NULL, 0, NULL, 0},
    };
    bench_t bench = {
        .transport = "inproc", .workers = 1, .window = 1, .requests = 100000, .size = 64};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 't':
            bench.transport = optarg;
            break;
        case 'n':
            bench.workers = atoi(optarg);
            break;
        case 'c':
            bench.concurrency = atoi(optarg);
            break;
        case 'w':
            bench.window = atoi(optarg);
            break;
        case 'r':
            bench.requests = atol(optarg);
            break;
        case 's':
            bench.size = (size_t)atol(optarg);
            break;
        default:
            return 2;
        }
    }
    if (bench.workers < 1 || bench.window < 1 || bench.window > 1000 || bench.requests < 1) {
        fprintf(stderr,
                "request_bench: workers, window (to 1000) and requests are at least 1\n");
        return 2;
    }
    /* Enough for each worker to have its share of the window at hand. */
    bench.concurrency = bench.concurrency ? bench.concurrency
                                          : (bench.window + bench.workers - 1) / bench.workers;
    bench.room = 1u << 20;
    bench.started_ns = calloc(bench.room, sizeof *bench.started_ns);
    bench.took_ns = calloc((size_t)bench.requests, sizeof *bench.took_ns);
    if (!bench.started_ns || !bench.took_ns) {
        give_up("out of memory");
    }
    setenv("TROUPE_LOG_LEVEL", "warning", 0);
    start_node(&bench);
    run(&bench);
    troupe_client_destroy(&bench.client);
    troupe_caller_destroy(&bench.caller);
    troupe_node_stop(bench.node);
    troupe_node_destroy(&bench.node);
    free(bench.started_ns);
    free(bench.took_ns);
    return 0;
}
