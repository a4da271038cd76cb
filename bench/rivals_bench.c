/* bench/rivals_bench.c - two capabilities whose memory does not fit side by side
 *
 * Each is asked at random times, and whenever the one that is not there is asked, the other has
 * to give way. How often that happens is what the residency decides: with none a worker goes as
 * soon as it is idle, and in the worst case every request waits for a load. Measured for each
 * residency: loads, how long requests took, and how evenly the two were served. Prints one line
 * of key=value pairs for each, and one for each that compares it with no residency.
 *
 *     rivals_bench --rate 20 --load-ms 100 --serve-ms 2 --seconds 20
 */

#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/kit.h"

#define N_RIVALS    2
#define PATIENCE_MS 120000

typedef struct bench {
    double rate; /* requests a second to each */
    double seconds;
    size_t n;
    int64_t *due_ns;
    int *rival; /* of each request */
    int64_t *took_ns;
    bench_node_t node;
} bench_t;

typedef struct figures {
    long n_loads;
    double seconds;
    double mean_ms;
    double p50_ms;
    double p99_ms;
    double worst_mean_ms; /* of the rival that fared worse */
} figures_t;

static const long residencies_ms[] = {0, 100, 250, 1000, 4000};
enum { N_RESIDENCIES = sizeof residencies_ms / sizeof residencies_ms[0] };

static const char *const names[N_RIVALS] = {"red", "blue"};

/* Set before the first node starts. */
static struct {
    int64_t load_ns;
    int64_t serve_ns;
} cost;

static atomic_long n_loads;

/* ---- the workers ---- */

static int load(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)self;
    (void)args;
    (void)state_p;
    atomic_fetch_add(&n_loads, 1);
    bench_sleep_until_ns(bench_now_ns() + cost.load_ns);
    return TROUPE_INIT_OK;
}

static int serve(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)self;
    (void)state;
    bench_sleep_until_ns(bench_now_ns() + cost.serve_ns);
    bench_reply_same(request);
    return 0;
}

static const troupe_behaviour_t model = {.name = "model", .init = load, .handle = serve};

/* ---- the client ---- */

static void start_one(bench_node_t *node, size_t index, void *arg)
{
    bench_t *bench = arg;
    const troupe_call_options_t options = {.timeout_ms = PATIENCE_MS};
    troupe_message_t *message = troupe_message_from(&index, sizeof index);
    if (!message) {
        bench_give_up("out of memory");
    }
    bench_call(node, names[bench->rival[index]], &options, &message, (int64_t)index + 1);
}

static void finish_one(size_t index, int64_t due_ns, const troupe_reply_t *reply, void *arg)
{
    (void)reply;
    bench_t *bench = arg;
    bench->took_ns[index] = bench_now_ns() - due_ns;
}

/* When each is asked, and which of the two: the same for every residency. */
static void plan(bench_t *bench)
{
    bench->n = (size_t)(bench->seconds * bench->rate * N_RIVALS) + 1;
    bench->due_ns = bench_alloc(bench->n, sizeof *bench->due_ns);
    bench->rival = bench_alloc(bench->n, sizeof *bench->rival);
    bench->took_ns = bench_alloc(bench->n, sizeof *bench->took_ns);
    bench_random_t random = {1};
    double now_ns = 0;
    for (size_t i = 0; i < bench->n; i++) {
        now_ns += bench_random_exponential(&random, 1e9 / (bench->rate * N_RIVALS));
        bench->due_ns[i] = (int64_t)now_ns;
        bench->rival[i] = (int)(bench_random_bits(&random) % N_RIVALS);
    }
}

/* ---- measuring ---- */

static double mean_of_rival_ms(const bench_t *bench, int rival)
{
    double sum_ns = 0;
    size_t n = 0;
    for (size_t i = 0; i < bench->n; i++) {
        if (bench->rival[i] == rival) {
            sum_ns += (double)bench->took_ns[i];
            n++;
        }
    }
    return n > 0 ? sum_ns / (double)n / 1e6 : 0;
}

static figures_t take_figures(bench_t *bench, double seconds)
{
    figures_t figures = {.n_loads = atomic_load(&n_loads), .seconds = seconds};
    for (int i = 0; i < N_RIVALS; i++) {
        double mean_ms = mean_of_rival_ms(bench, i);
        figures.worst_mean_ms =
            mean_ms > figures.worst_mean_ms ? mean_ms : figures.worst_mean_ms;
    }
    figures.mean_ms = bench_mean(bench->took_ns, bench->n) / 1e6;
    bench_sort(bench->took_ns, bench->n);
    figures.p50_ms = (double)bench_quantile(bench->took_ns, bench->n, 0.5) / 1e6;
    figures.p99_ms = (double)bench_quantile(bench->took_ns, bench->n, 0.99) / 1e6;
    return figures;
}

static figures_t run(bench_t *bench, long residency_ms)
{
    char keys[128];
    char children[512];
    snprintf(keys, sizeof keys, "memory: {budget: 500MiB, residency: %ldms}\n", residency_ms);
    size_t size = 0;
    for (int i = 0; i < N_RIVALS; i++) {
        size += (size_t)snprintf(children + size, sizeof children - size,
                                 "%s{capability: %s, worker: {module: model}, memory: 400MiB, "
                                 "workers: {min: 0, max: 1}, queue: {limit: 100000}, "
                                 "timeout: 1h}",
                                 i > 0 ? ", " : "", names[i]);
    }
    bench_node_keys(keys);
    atomic_store(&n_loads, 0);
    bench_node_start(&bench->node, "inproc", &model, children);
    const bench_schedule_t schedule = {
        .n = bench->n,
        .due_ns = bench->due_ns,
        .patience_ms = PATIENCE_MS,
        .start = start_one,
        .finish = finish_one,
        .arg = bench,
    };
    int64_t begin_ns = bench_now_ns();
    bench_keep_schedule(&bench->node, &schedule, NULL);
    double seconds = (double)(bench_now_ns() - begin_ns) / 1e9;
    bench_node_stop(&bench->node);
    figures_t figures = take_figures(bench, seconds);
    printf("name=rivals residency_ms=%ld load_ms=%.0f serve_ms=%.1f rate=%.0f requests=%zu "
           "loads=%ld requests_per_load=%.1f seconds=%.1f mean_ms=%.1f p50_ms=%.1f "
           "p99_ms=%.1f worst_rival_mean_ms=%.1f\n",
           residency_ms, (double)cost.load_ns / 1e6, (double)cost.serve_ns / 1e6, bench->rate,
           bench->n, figures.n_loads, (double)bench->n / (double)figures.n_loads,
           figures.seconds, figures.mean_ms, figures.p50_ms, figures.p99_ms,
           figures.worst_mean_ms);
    fflush(stdout);
    return figures;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"rate", required_argument, NULL, 'r'},
        {"load-ms", required_argument, NULL, 'l'},
        {"serve-ms", required_argument, NULL, 'w'},
        {"seconds", required_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    bench_t bench = {.rate = 20, .seconds = 20};
    cost.load_ns = 100 * BENCH_NS_PER_MS;
    cost.serve_ns = 2 * BENCH_NS_PER_MS;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'r':
            bench.rate = bench_real("rate", optarg, 0.1, 10000);
            break;
        case 'l':
            cost.load_ns = bench_whole("load-ms", optarg, 0, 60000) * BENCH_NS_PER_MS;
            break;
        case 'w':
            cost.serve_ns = (int64_t)(bench_real("serve-ms", optarg, 0, 60000) * 1e6);
            break;
        case 's':
            bench.seconds = bench_real("seconds", optarg, 0.1, 600);
            break;
        default:
            return 2;
        }
    }
    plan(&bench);
    figures_t figures[N_RESIDENCIES];
    for (size_t i = 0; i < N_RESIDENCIES; i++) {
        figures[i] = run(&bench, residencies_ms[i]);
    }
    for (size_t i = 1; i < N_RESIDENCIES; i++) {
        printf(
            "name=rivals_ratio residency_ms=%ld loads=%.2f mean=%.2f p99=%.2f seconds=%.2f\n",
            residencies_ms[i], (double)figures[i].n_loads / (double)figures[0].n_loads,
            figures[i].mean_ms / figures[0].mean_ms, figures[i].p99_ms / figures[0].p99_ms,
            figures[i].seconds / figures[0].seconds);
    }
    free(bench.due_ns);
    free(bench.rival);
    free(bench.took_ns);
    return 0;
}
