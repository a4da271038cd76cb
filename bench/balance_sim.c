/* bench/balance_sim.c - how long requests wait under each policy of balance, on paper
 *
 * Prints one line of key=value pairs for each load and policy: the waiting time, as the mean of
 * several runs with seeds of their own, and the least and most of their 99th percentiles. The
 * first tenth of each run, in which the queues fill, does not count.
 *
 *     balance_sim --workers 8 --rho 0.7 --policy least_pending --requests 1000000 --runs 10
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/balance_model.h"
#include "bench/measure.h"

typedef struct sim {
    balance_spec_t spec;
    long n_runs;
    int64_t *waits_ns;
} sim_t;

typedef struct waiting {
    double p50_ms;
    double p95_ms;
    double p99_ms;
    double mean_ms;
} waiting_t;

static waiting_t run_once(const sim_t *sim, balance_policy_t policy, uint64_t seed)
{
    balance_spec_t spec = sim->spec;
    spec.seed = seed;
    balance_load_t load;
    balance_load_init(&load, &spec);
    balance_simulate(&load, policy, sim->waits_ns);
    balance_load_finish(&load);

    int64_t *settled = sim->waits_ns + spec.n_requests / 10;
    size_t n = spec.n_requests - spec.n_requests / 10;
    bench_sort(settled, n);
    return (waiting_t){
        .p50_ms = (double)bench_quantile(settled, n, 0.5) / 1e6,
        .p95_ms = (double)bench_quantile(settled, n, 0.95) / 1e6,
        .p99_ms = (double)bench_quantile(settled, n, 0.99) / 1e6,
        .mean_ms = bench_mean(settled, n) / 1e6,
    };
}

static void run(const sim_t *sim, balance_policy_t policy)
{
    waiting_t sum = {0};
    double least_ms = 0;
    double most_ms = 0;
    for (long i = 0; i < sim->n_runs; i++) {
        waiting_t one = run_once(sim, policy, sim->spec.seed + (uint64_t)i);
        sum.p50_ms += one.p50_ms;
        sum.p95_ms += one.p95_ms;
        sum.p99_ms += one.p99_ms;
        sum.mean_ms += one.mean_ms;
        least_ms = i == 0 || one.p99_ms < least_ms ? one.p99_ms : least_ms;
        most_ms = one.p99_ms > most_ms ? one.p99_ms : most_ms;
    }
    const balance_spec_t *spec = &sim->spec;
    const double n = (double)sim->n_runs;
    printf("name=balance_sim policy=%s workers=%zu rho=%.2f service=%s service_mean_ms=%.3f "
           "requests=%zu runs=%ld seed=%llu wait_p50_ms=%.2f wait_p95_ms=%.2f wait_p99_ms=%.2f "
           "wait_mean_ms=%.2f p99_least_ms=%.2f p99_most_ms=%.2f\n",
           balance_policy_name(policy), spec->n_workers, spec->rho,
           spec->service == BALANCE_PARETO ? "pareto" : "exponential",
           spec->scale * balance_service_mean_ms(spec->service), spec->n_requests, sim->n_runs,
           (unsigned long long)spec->seed, sum.p50_ms / n, sum.p95_ms / n, sum.p99_ms / n,
           sum.mean_ms / n, least_ms, most_ms);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"workers", required_argument, NULL, 'n'},
        {"rho", required_argument, NULL, 'l'},
        {"policy", required_argument, NULL, 'p'},
        {"service", required_argument, NULL, 's'},
        {"requests", required_argument, NULL, 'r'},
        {"runs", required_argument, NULL, 'm'},
        {"keys", required_argument, NULL, 'k'},
        {"seed", required_argument, NULL, 'x'},
        {NULL, 0, NULL, 0},
    };
    sim_t sim = {
        .spec = {.n_workers = 8, .n_requests = 1000000, .scale = 1, .n_keys = 10000, .seed = 1},
        .n_runs = 10,
    };
    balance_policy_t only = BALANCE_N_POLICIES;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'n':
            sim.spec.n_workers = (size_t)bench_whole("workers", optarg, 1, 10000);
            break;
        case 'l':
            sim.spec.rho = bench_real("rho", optarg, 0.01, 0.99);
            break;
        case 'p':
            if (!balance_policy_parse(optarg, &only)) {
                bench_misused("policy", optarg, "the name of a policy, or central");
            }
            break;
        case 's':
            if (strcmp(optarg, "pareto") != 0 && strcmp(optarg, "exponential") != 0) {
                bench_misused("service", optarg, "pareto or exponential");
            }
            sim.spec.service = *optarg == 'p' ? BALANCE_PARETO : BALANCE_EXPONENTIAL;
            break;
        case 'r':
            sim.spec.n_requests = (size_t)bench_whole("requests", optarg, 10, 10000000);
            break;
        case 'm':
            sim.n_runs = bench_whole("runs", optarg, 1, 100);
            break;
        case 'k':
            sim.spec.n_keys = (uint32_t)bench_whole("keys", optarg, 1, 1000000000);
            break;
        case 'x':
            sim.spec.seed = (uint64_t)bench_whole("seed", optarg, 0, 1000000000);
            break;
        default:
            return 2;
        }
    }
    static const double loads[] = {0.5, 0.7, 0.9};
    const double asked = sim.spec.rho;
    sim.waits_ns = bench_alloc(sim.spec.n_requests, sizeof *sim.waits_ns);
    for (size_t i = 0; i < (asked > 0 ? 1 : sizeof loads / sizeof *loads); i++) {
        sim.spec.rho = asked > 0 ? asked : loads[i];
        for (int policy = 0; policy < BALANCE_N_POLICIES; policy++) {
            if (only == BALANCE_N_POLICIES || only == (balance_policy_t)policy) {
                run(&sim, (balance_policy_t)policy);
            }
        }
    }
    free(sim.waits_ns);
    return 0;
}
