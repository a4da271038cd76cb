/* The model is held against what queueing theory says of it: Erlang's formulas for exponential
 * service, Pollaczek and Khinchine's for any. Seeds are fixed, so a figure is the same each
 * time; the margins are what chance may do to a run of this length.
 */

#include "tests/kit/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/balance_model.h"
#include "bench/measure.h"

#define N_REQUESTS 1000000

static balance_spec_t spec_of(size_t n_workers, double rho, balance_service_t service)
{
    return (balance_spec_t){.n_workers = n_workers,
                            .n_requests = N_REQUESTS,
                            .rho = rho,
                            .service = service,
                            .scale = 1,
                            .n_keys = 100000,
                            .seed = 1};
}

static int64_t *waits_of(const balance_spec_t *spec, balance_policy_t policy)
{
    balance_load_t load;
    int64_t *waits_ns = bench_alloc(spec->n_requests, sizeof *waits_ns);
    balance_load_init(&load, spec);
    balance_simulate(&load, policy, waits_ns);
    balance_load_finish(&load);
    return waits_ns;
}

static void assert_near(double got, double want, double margin)
{
    if (fabs(got - want) > margin * want) {
        fail_msg("%.4f is further than %.0f %% from %.4f", got, margin * 100, want);
    }
}

/* The mean wait of M/M/N: Erlang's C, over the rate at which N busy workers gain on arrivals.
 */
static double erlang_c_wait_ms(size_t n_workers, double rho, double service_ms)
{
    const double n = (double)n_workers;
    double term = 1;
    double below = 0;
    for (size_t k = 0; k < n_workers; k++) {
        below += term;
        term *= n * rho / (double)(k + 1);
    }
    double all_busy = term / (1 - rho);
    return all_busy / (below + all_busy) * service_ms / (n * (1 - rho));
}

struct queue {
    size_t n_workers;
    double rho;
    balance_policy_t policy;
    double margin;
};

static void waits_as_erlang_says(void **state)
{
    const struct queue *queue = *state;
    balance_spec_t spec = spec_of(queue->n_workers, queue->rho, BALANCE_EXPONENTIAL);
    int64_t *waits_ns = waits_of(&spec, queue->policy);
    assert_near(
        bench_mean(waits_ns, spec.n_requests) / 1e6,
        erlang_c_wait_ms(spec.n_workers, spec.rho, balance_service_mean_ms(spec.service)),
        queue->margin);
    free(waits_ns);
}

static void one_worker_waits_rho_over_mu_less_lambda(void **state)
{
    (void)state;
    balance_spec_t spec = spec_of(1, 0.7, BALANCE_EXPONENTIAL);
    const double mu = 1 / balance_service_mean_ms(spec.service);
    const double lambda = spec.rho * mu;
    int64_t *waits_ns = waits_of(&spec, BALANCE_LEAST_PENDING);
    bench_sort(waits_ns, spec.n_requests);
    assert_near(bench_mean(waits_ns, spec.n_requests) / 1e6, spec.rho / (mu - lambda), 0.03);
    /* Of all, rho wait at all, and exponentially long. */
    const double shares[] = {0.5, 0.95, 0.99};
    for (size_t i = 0; i < 3; i++) {
        assert_near((double)bench_quantile(waits_ns, spec.n_requests, shares[i]) / 1e6,
                    log(spec.rho / (1 - shares[i])) / (mu - lambda), 0.04);
    }
    free(waits_ns);
}

/* Arrivals that are split at random are random again, so each worker is an M/G/1 queue. */
static void many_keys_wait_as_pollaczek_and_khinchine_say(void **state)
{
    (void)state;
    balance_spec_t spec = spec_of(8, 0.5, BALANCE_PARETO);
    const double lambda = spec.rho / balance_service_mean_ms(spec.service);
    int64_t *waits_ns = waits_of(&spec, BALANCE_STICKY);
    assert_near(bench_mean(waits_ns, spec.n_requests) / 1e6,
                lambda * balance_service_mean_square_ms2(spec.service) / (2 * (1 - spec.rho)),
                0.1);
    free(waits_ns);
}

static void service_times_are_bounded_and_have_their_mean(void **state)
{
    (void)state;
    balance_spec_t spec = spec_of(1, 0.5, BALANCE_PARETO);
    balance_load_t load;
    balance_load_init(&load, &spec);
    assert_near(balance_service_mean_ms(BALANCE_PARETO), 2.905, 0.001);
    assert_near(bench_mean(load.takes_ns, spec.n_requests) / 1e6, 2.905, 0.01);
    assert_near((double)load.comes_ns[spec.n_requests - 1] / 1e6 / (double)spec.n_requests,
                2.905 / 0.5, 0.01);
    bench_sort(load.takes_ns, spec.n_requests);
    assert_in_range(load.takes_ns[0], 1000000, 1001000);
    assert_in_range(load.takes_ns[spec.n_requests - 1], 900000000, 1000000000);
    balance_load_finish(&load);
}

static void with_one_worker_no_policy_matters(void **state)
{
    (void)state;
    balance_spec_t spec = spec_of(1, 0.9, BALANCE_PARETO);
    spec.n_requests = 10000;
    int64_t *want = waits_of(&spec, BALANCE_CENTRAL);
    for (int policy = 0; policy < BALANCE_CENTRAL; policy++) {
        int64_t *got = waits_of(&spec, (balance_policy_t)policy);
        assert_memory_equal(got, want, spec.n_requests * sizeof *want);
        free(got);
    }
    free(want);
}

static void a_scaled_load_waits_as_much_longer(void **state)
{
    (void)state;
    balance_spec_t spec = spec_of(4, 0.7, BALANCE_PARETO);
    spec.n_requests = 10000;
    int64_t *plain = waits_of(&spec, BALANCE_ROUND_ROBIN);
    spec.scale = 2;
    int64_t *scaled = waits_of(&spec, BALANCE_ROUND_ROBIN);
    assert_near(bench_mean(scaled, spec.n_requests), 2 * bench_mean(plain, spec.n_requests),
                0.0001);
    free(plain);
    free(scaled);
}

/* Four requests at two workers, by hand: the first takes long, and ends as the last comes. */
struct hand {
    balance_policy_t policy;
    int64_t waits_ns[4];
};

static void waits_as_counted_by_hand(void **state)
{
    const struct hand *hand = *state;
    int64_t comes_ns[] = {0, 1, 2, 10};
    int64_t takes_ns[] = {10, 5, 5, 5};
    uint32_t keys[] = {7, 7, 7, 7};
    const balance_load_t load = {
        .spec = {.n_workers = 2, .n_requests = 4, .seed = 1},
        .comes_ns = comes_ns,
        .takes_ns = takes_ns,
        .keys = keys,
    };
    int64_t got[4];
    balance_simulate(&load, hand->policy, got);
    assert_memory_equal(got, hand->waits_ns, sizeof got);
}

static void knows_its_policies_by_name(void **state)
{
    (void)state;
    for (int policy = 0; policy < BALANCE_N_POLICIES; policy++) {
        balance_policy_t found = BALANCE_N_POLICIES;
        assert_true(
            balance_policy_parse(balance_policy_name((balance_policy_t)policy), &found));
        assert_int_equal(found, policy);
    }
    balance_policy_t found = BALANCE_STICKY;
    assert_false(balance_policy_parse("fair", &found));
    assert_int_equal(found, BALANCE_STICKY);
}

/* clang-format off */
#define QUEUE(title, ...) \
    { .name = title, .test_func = waits_as_erlang_says, .initial_state = &(struct queue){__VA_ARGS__} }
#define HAND(title, ...) \
    { .name = title, .test_func = waits_as_counted_by_hand, .initial_state = &(struct hand){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_worker_waits_rho_over_mu_less_lambda),
        QUEUE("one worker, half busy", 1, 0.5, BALANCE_CENTRAL, 0.03),
        QUEUE("one worker, nearly always busy", 1, 0.9, BALANCE_ROUND_ROBIN, 0.06),
        QUEUE("one queue of 8 workers, half busy", 8, 0.5, BALANCE_CENTRAL, 0.03),
        QUEUE("one queue of 8 workers, 0.7 busy", 8, 0.7, BALANCE_CENTRAL, 0.03),
        QUEUE("one queue of 8 workers, nearly always busy", 8, 0.9, BALANCE_CENTRAL, 0.06),
        cmocka_unit_test(many_keys_wait_as_pollaczek_and_khinchine_say),
        cmocka_unit_test(service_times_are_bounded_and_have_their_mean),
        cmocka_unit_test(with_one_worker_no_policy_matters),
        cmocka_unit_test(a_scaled_load_waits_as_much_longer),
        HAND("the worker with fewer pending is chosen", BALANCE_LEAST_PENDING, {0, 0, 4, 0}),
        HAND("two of two are all", BALANCE_POWER_OF_TWO, {0, 0, 4, 0}),
        HAND("turns do not look", BALANCE_ROUND_ROBIN, {0, 0, 8, 0}),
        HAND("one key is one worker", BALANCE_STICKY, {0, 9, 13, 10}),
        HAND("one queue gives to who is free first", BALANCE_CENTRAL, {0, 0, 4, 0}),
        cmocka_unit_test(knows_its_policies_by_name),
    };
    return cmocka_run_group_tests_name("bench/balance_model", tests, NULL, NULL) != 0;
}
