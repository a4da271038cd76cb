/* bench/balance_bench.c - how long requests wait under each policy of balance, in a real node
 *
 * The load of the model (bench/balance_model.h), given to a node: requests are sent at their
 * times, whether or not earlier ones have ended, and a worker sleeps for as long as a request
 * says, so that many workers fit into few processors. A request waits from when it was due to
 * when its service began, so what the client itself is late counts too. Prints one line of
 * key=value pairs a policy, and beside each figure what the model makes of the same requests.
 * In it `sticky` and `power_of_two` choose by other numbers than the node's: there the two
 * agree as two runs do.
 *
 *     balance_bench --policy least_pending --workers 8 --rho 0.7 --scale 2 --seconds 20
 */

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/balance_model.h"
#include "bench/kit.h"

/* What a client and its worker tell each other: same process, same clock. */
typedef struct order {
    int64_t takes_ns;
} order_t;

typedef struct receipt {
    int64_t began_ns;
    int64_t takes_ns; /* as ordered */
} receipt_t;

typedef struct bench {
    balance_policy_t policy;
    double seconds;
    balance_load_t load;
    int64_t *waits_ns;
    int64_t *model_ns;
    int64_t *late_ns;
} bench_t;

#define MOST_REQUESTS 100000
#define PATIENCE_MS   120000

/* ---- the worker ---- */

static int sleep_as_ordered(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)self;
    (void)state;
    int64_t began_ns = bench_now_ns();
    order_t order;
    if (troupe_request_size(request) != sizeof order) {
        troupe_request_refuse(request, TROUPE_OUTCOME_BAD_REQUEST, "not an order");
        return 0;
    }
    memcpy(&order, troupe_request_data(request), sizeof order);
    bench_sleep_until_ns(began_ns + order.takes_ns);
    const receipt_t receipt = {.began_ns = began_ns, .takes_ns = order.takes_ns};
    troupe_request_reply_data(request, &receipt, sizeof receipt);
    return 0;
}

static const troupe_behaviour_t sleeper = {.name = "sleeper", .handle = sleep_as_ordered};

/* ---- the client ---- */

static void start_node(const bench_t *bench, bench_node_t *node)
{
    /* What a capability does that does not say: it can then be measured by any version. */
    char balance[64] = "";
    if (bench->policy != BALANCE_LEAST_PENDING) {
        snprintf(balance, sizeof balance, "balance: %s, ", balance_policy_name(bench->policy));
    }
    char capability[256];
    snprintf(capability, sizeof capability,
             "{capability: sleeper, worker: {module: sleeper}, %squeue: {limit: %d}, "
             "workers: {min: %zu, max: %zu, concurrency: 1000}}",
             balance, MOST_REQUESTS, bench->load.spec.n_workers, bench->load.spec.n_workers);
    bench_node_start(node, "inproc", &sleeper, capability);
}

static void start_one(bench_node_t *node, size_t index, void *arg)
{
    const bench_t *bench = arg;
    const order_t order = {.takes_ns = bench->load.takes_ns[index]};
    char key[16];
    snprintf(key, sizeof key, "%" PRIu32, bench->load.keys[index]);
    const troupe_call_options_t options = {
        .timeout_ms = 10 * 60 * 1000,
        .sticky_key = bench->policy == BALANCE_STICKY ? key : NULL,
    };
    troupe_message_t *message = troupe_message_from(&order, sizeof order);
    if (!message) {
        bench_give_up("out of memory");
    }
    bench_call(node, "sleeper", &options, &message, (int64_t)index + 1);
}

static void finish_one(size_t index, int64_t due_ns, const troupe_reply_t *reply, void *arg)
{
    bench_t *bench = arg;
    receipt_t receipt;
    if (troupe_message_size(troupe_reply_message(reply), 0) != sizeof receipt) {
        bench_give_up("a reply is no receipt");
    }
    memcpy(&receipt, troupe_message_data(troupe_reply_message(reply), 0), sizeof receipt);
    if (receipt.takes_ns != bench->load.takes_ns[index] || receipt.began_ns < due_ns) {
        bench_give_up("a reply is not that to its request");
    }
    bench->waits_ns[index] = receipt.began_ns - due_ns;
}

/* ---- measuring ---- */

static double ms_of(const int64_t *sorted_ns, size_t n, double share)
{
    return (double)bench_quantile(sorted_ns, n, share) / 1e6;
}

static void print_figures(const bench_t *bench, double seconds, double cpu_s)
{
    const balance_spec_t *spec = &bench->load.spec;
    size_t n = spec->n_requests;
    bench_sort(bench->waits_ns, n);
    bench_sort(bench->model_ns, n);
    bench_sort(bench->late_ns, n);
    printf("name=balance policy=%s workers=%zu rho=%.2f service_mean_ms=%.3f seed=%" PRIu64
           " requests=%zu seconds=%.1f",
           balance_policy_name(bench->policy), spec->n_workers, spec->rho,
           spec->scale * balance_service_mean_ms(spec->service), spec->seed, n, seconds);
    printf(" wait_p50_ms=%.2f wait_p95_ms=%.2f wait_p99_ms=%.2f wait_mean_ms=%.2f",
           ms_of(bench->waits_ns, n, 0.5), ms_of(bench->waits_ns, n, 0.95),
           ms_of(bench->waits_ns, n, 0.99), bench_mean(bench->waits_ns, n) / 1e6);
    printf(" model_p50_ms=%.2f model_p95_ms=%.2f model_p99_ms=%.2f model_mean_ms=%.2f",
           ms_of(bench->model_ns, n, 0.5), ms_of(bench->model_ns, n, 0.95),
           ms_of(bench->model_ns, n, 0.99), bench_mean(bench->model_ns, n) / 1e6);
    printf(" late_p99_ms=%.2f cpu_s=%.2f\n", ms_of(bench->late_ns, n, 0.99), cpu_s);
    fflush(stdout);
}

static void run(bench_t *bench)
{
    balance_simulate(&bench->load, bench->policy, bench->model_ns);
    const bench_schedule_t schedule = {
        .n = bench->load.spec.n_requests,
        .due_ns = bench->load.comes_ns,
        .patience_ms = PATIENCE_MS,
        .start = start_one,
        .finish = finish_one,
        .arg = bench,
    };
    bench_node_t node;
    start_node(bench, &node);
    double cpu_before_s = bench_cpu_s();
    int64_t begin_ns = bench_now_ns();
    bench_keep_schedule(&node, &schedule, bench->late_ns);
    double seconds = (double)(bench_now_ns() - begin_ns) / 1e9;
    double cpu_s = bench_cpu_s() - cpu_before_s;
    bench_node_stop(&node);
    print_figures(bench, seconds, cpu_s);
}

/* As many requests as come within the time. */
static size_t n_requests_of(const balance_spec_t *spec, double seconds)
{
    double per_s = spec->rho * (double)spec->n_workers * 1000 /
                   (spec->scale * balance_service_mean_ms(spec->service));
    double n = seconds * per_s;
    return n < 1 ? 1 : n > MOST_REQUESTS ? MOST_REQUESTS : (size_t)n;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"policy", required_argument, NULL, 'p'},  {"workers", required_argument, NULL, 'n'},
        {"rho", required_argument, NULL, 'l'},     {"scale", required_argument, NULL, 'f'},
        {"seconds", required_argument, NULL, 's'}, {"keys", required_argument, NULL, 'k'},
        {"seed", required_argument, NULL, 'x'},    {NULL, 0, NULL, 0},
    };
    bench_t bench = {.policy = BALANCE_N_POLICIES, .seconds = 20};
    balance_spec_t spec = {.n_workers = 8, .rho = 0.7, .scale = 2, .n_keys = 10000, .seed = 1};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'p':
            if (!balance_policy_parse(optarg, &bench.policy) ||
                bench.policy == BALANCE_CENTRAL) {
                bench_misused("policy", optarg, "what `balance` may be");
            }
            break;
        case 'n':
            spec.n_workers = (size_t)bench_whole("workers", optarg, 1, 100);
            break;
        case 'l':
            spec.rho = bench_real("rho", optarg, 0.01, 0.99);
            break;
        case 'f':
            spec.scale = bench_real("scale", optarg, 0.1, 10);
            break;
        case 's':
            bench.seconds = bench_real("seconds", optarg, 0.1, 300);
            break;
        case 'k':
            spec.n_keys = (uint32_t)bench_whole("keys", optarg, 1, 1000000000);
            break;
        case 'x':
            spec.seed = (uint64_t)bench_whole("seed", optarg, 0, 1000000000);
            break;
        default:
            return 2;
        }
    }
    bench_sleep_exactly();
    spec.n_requests = n_requests_of(&spec, bench.seconds);
    balance_load_init(&bench.load, &spec);
    bench.waits_ns = bench_alloc(spec.n_requests, sizeof *bench.waits_ns);
    bench.model_ns = bench_alloc(spec.n_requests, sizeof *bench.model_ns);
    bench.late_ns = bench_alloc(spec.n_requests, sizeof *bench.late_ns);
    const balance_policy_t only = bench.policy;
    for (int policy = 0; policy < BALANCE_CENTRAL; policy++) {
        if (only == BALANCE_N_POLICIES || only == (balance_policy_t)policy) {
            bench.policy = (balance_policy_t)policy;
            run(&bench);
        }
    }
    balance_load_finish(&bench.load);
    free(bench.waits_ns);
    free(bench.model_ns);
    free(bench.late_ns);
    return 0;
}
