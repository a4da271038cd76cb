/* A worker that serves in order of arrival and never rests while it has work makes events
 * unnecessary: the moment it is given a request it is known when that one begins and ends. So
 * one pass over the arrivals is the whole simulation. What is pending at an arrival are those
 * requests of the worker that end later.
 *
 * One queue for all is the same pass with another rule: the request goes to the worker that is
 * free first, which is where it would have gone from the queue's head.
 */

#include "bench/balance_model.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure.h"

#define NOBODY SIZE_MAX

typedef struct worker {
    int64_t free_ns; /* when all it was given has ended */
    size_t n_pending;
    size_t oldest; /* request that is pending; NOBODY */
    size_t newest;
    size_t last_used; /* number of the last request given to it, from 1; 0: none */
} worker_t;

typedef struct model {
    const balance_load_t *load;
    worker_t *workers;
    size_t n_workers;
    size_t turn;
    bench_random_t random;
    size_t *after;    /* by request: the next one of the same worker */
    int64_t *ends_ns; /* by request */
} model_t;

static const char *const names[] = {
    [BALANCE_LEAST_PENDING] = "least_pending",
    [BALANCE_POWER_OF_TWO] = "power_of_two",
    [BALANCE_ROUND_ROBIN] = "round_robin",
    [BALANCE_STICKY] = "sticky",
    [BALANCE_CENTRAL] = "central",
};

const char *balance_policy_name(balance_policy_t policy)
{
    return names[policy < BALANCE_N_POLICIES ? policy : BALANCE_CENTRAL];
}

bool balance_policy_parse(const char *name, balance_policy_t *out)
{
    for (size_t i = 0; i < BALANCE_N_POLICIES; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (balance_policy_t)i;
            return true;
        }
    }
    return false;
}

/* ---- the load ---- */

/* The mean of the k-th power of a bounded Pareto variable; k is not alpha. */
static double pareto_moment(double k)
{
    const double alpha = BALANCE_PARETO_ALPHA;
    const double least = BALANCE_PARETO_LEAST_MS;
    const double most = BALANCE_PARETO_MOST_MS;
    return alpha * pow(least, alpha) / (1 - pow(least / most, alpha)) *
           (pow(most, k - alpha) - pow(least, k - alpha)) / (k - alpha);
}

double balance_service_mean_ms(balance_service_t service)
{
    (void)service;
    return pareto_moment(1);
}

double balance_service_mean_square_ms2(balance_service_t service)
{
    double mean_ms = pareto_moment(1);
    return service == BALANCE_PARETO ? pareto_moment(2) : 2 * mean_ms * mean_ms;
}

static double draw_service_ms(bench_random_t *random, balance_service_t service)
{
    if (service == BALANCE_EXPONENTIAL) {
        return bench_random_exponential(random, balance_service_mean_ms(service));
    }
    const double alpha = BALANCE_PARETO_ALPHA;
    double beyond = 1 - pow(BALANCE_PARETO_LEAST_MS / BALANCE_PARETO_MOST_MS, alpha);
    return BALANCE_PARETO_LEAST_MS * pow(1 - bench_random_share(random) * beyond, -1 / alpha);
}

void balance_load_init(balance_load_t *self, const balance_spec_t *spec)
{
    assert(spec->n_workers > 0 && spec->n_requests > 0 && spec->n_keys > 0);
    assert(spec->rho > 0 && spec->scale > 0);
    *self = (balance_load_t){.spec = *spec};
    self->comes_ns = bench_alloc(spec->n_requests, sizeof *self->comes_ns);
    self->takes_ns = bench_alloc(spec->n_requests, sizeof *self->takes_ns);
    self->keys = bench_alloc(spec->n_requests, sizeof *self->keys);

    /* A stream of its own for each, so that a change in one leaves the others as they were. */
    bench_random_t arrivals = {bench_scramble(spec->seed * 4 + 1)};
    bench_random_t services = {bench_scramble(spec->seed * 4 + 2)};
    bench_random_t keys = {bench_scramble(spec->seed * 4 + 3)};
    const double unit_ns = spec->scale * (double)BENCH_NS_PER_MS;
    const double between_ns = unit_ns * balance_service_mean_ms(spec->service) /
                              ((double)spec->n_workers * spec->rho);
    double now_ns = 0;
    for (size_t i = 0; i < spec->n_requests; i++) {
        now_ns += bench_random_exponential(&arrivals, between_ns);
        self->comes_ns[i] = (int64_t)now_ns;
        self->takes_ns[i] = (int64_t)(unit_ns * draw_service_ms(&services, spec->service));
        self->keys[i] = (uint32_t)(bench_random_bits(&keys) % spec->n_keys);
    }
}

void balance_load_finish(balance_load_t *self)
{
    free(self->comes_ns);
    free(self->takes_ns);
    free(self->keys);
    *self = (balance_load_t){0};
}

/* ---- the policies ---- */

static bool is_better(const worker_t *one, const worker_t *other)
{
    return one->n_pending != other->n_pending ? one->n_pending < other->n_pending
                                              : one->last_used > other->last_used;
}

static size_t pick_least_pending(const model_t *self)
{
    size_t best = 0;
    for (size_t i = 1; i < self->n_workers; i++) {
        if (is_better(&self->workers[i], &self->workers[best])) {
            best = i;
        }
    }
    return best;
}

static size_t pick_of_two(model_t *self)
{
    if (self->n_workers == 1) {
        return 0;
    }
    size_t one = bench_random_bits(&self->random) % self->n_workers;
    size_t other = bench_random_bits(&self->random) % (self->n_workers - 1);
    other += other >= one;
    return is_better(&self->workers[other], &self->workers[one]) ? other : one;
}

static size_t pick_first_free(const model_t *self)
{
    size_t best = 0;
    for (size_t i = 1; i < self->n_workers; i++) {
        if (self->workers[i].free_ns < self->workers[best].free_ns) {
            best = i;
        }
    }
    return best;
}

static size_t pick(model_t *self, balance_policy_t policy, size_t request)
{
    switch (policy) {
    case BALANCE_LEAST_PENDING:
        return pick_least_pending(self);
    case BALANCE_POWER_OF_TWO:
        return pick_of_two(self);
    case BALANCE_ROUND_ROBIN:
        return self->turn++ % self->n_workers;
    case BALANCE_STICKY:
        return bench_scramble(self->load->keys[request] + UINT64_C(1)) % self->n_workers;
    default:
        return pick_first_free(self);
    }
}

/* ---- the pass ---- */

static void forget_ended(model_t *self, int64_t now_ns)
{
    for (size_t i = 0; i < self->n_workers; i++) {
        worker_t *worker = &self->workers[i];
        while (worker->n_pending > 0 && self->ends_ns[worker->oldest] <= now_ns) {
            worker->oldest = self->after[worker->oldest];
            worker->n_pending--;
        }
    }
}

static int64_t give(model_t *self, worker_t *worker, size_t request)
{
    int64_t now_ns = self->load->comes_ns[request];
    int64_t begins_ns = worker->free_ns > now_ns ? worker->free_ns : now_ns;
    worker->free_ns = begins_ns + self->load->takes_ns[request];
    worker->last_used = request + 1;
    self->ends_ns[request] = worker->free_ns;
    self->after[request] = NOBODY;
    if (worker->n_pending > 0) {
        self->after[worker->newest] = request;
    } else {
        worker->oldest = request;
    }
    worker->newest = request;
    worker->n_pending++;
    return begins_ns - now_ns;
}

void balance_simulate(const balance_load_t *load, balance_policy_t policy, int64_t *waits_ns)
{
    const balance_spec_t *spec = &load->spec;
    model_t model = {
        .load = load,
        .workers = bench_alloc(spec->n_workers, sizeof *model.workers),
        .n_workers = spec->n_workers,
        .random = {bench_scramble(spec->seed * 4)},
        .after = bench_alloc(spec->n_requests, sizeof *model.after),
        .ends_ns = bench_alloc(spec->n_requests, sizeof *model.ends_ns),
    };
    for (size_t i = 0; i < spec->n_requests; i++) {
        forget_ended(&model, load->comes_ns[i]);
        waits_ns[i] = give(&model, &model.workers[pick(&model, policy, i)], i);
    }
    free(model.workers);
    free(model.after);
    free(model.ends_ns);
}
