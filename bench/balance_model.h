/* bench/balance_model.h - what a policy of balance does to waiting, on paper
 *
 * Requests arrive at random at N workers, each of which serves its own one after another, first
 * come, first served. A policy gives each request to a worker the moment it arrives. Waiting is
 * the time from there to the begin of the service.
 *
 * Pure and seeded: the same load and policy give the same times, so that policies, and a node
 * beside the model, are compared on the very same requests.
 */

#ifndef TROUPE_BENCH_BALANCE_MODEL_H
#define TROUPE_BENCH_BALANCE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum balance_policy {
    BALANCE_LEAST_PENDING, /* fewest requests pending; on a tie the most recently used */
    BALANCE_POWER_OF_TWO,  /* the same rule, between two workers chosen at random */
    BALANCE_ROUND_ROBIN,   /* each in its turn */
    BALANCE_STICKY,        /* by the request's key: equal keys, same worker */
    BALANCE_CENTRAL,       /* none: one queue, from which whoever is free takes the oldest */
    BALANCE_N_POLICIES,
} balance_policy_t;

/* As the configuration names it; `central` for what is none. */
const char *balance_policy_name(balance_policy_t policy);
bool balance_policy_parse(const char *name, balance_policy_t *out);

typedef enum balance_service {
    BALANCE_PARETO,      /* bounded: most are short, few are very long */
    BALANCE_EXPONENTIAL, /* with the same mean; what formulas are known for */
} balance_service_t;

/* The bounded Pareto distribution of service times. */
#define BALANCE_PARETO_ALPHA    1.5
#define BALANCE_PARETO_LEAST_MS 1.0
#define BALANCE_PARETO_MOST_MS  1000.0

typedef struct balance_spec {
    size_t n_workers;
    size_t n_requests;
    double rho; /* the share of their time that the workers work, in the long run */
    balance_service_t service;
    double scale;    /* all times are so many times as long; 1: as above */
    uint32_t n_keys; /* all equally likely */
    uint64_t seed;
} balance_spec_t;

/* The requests: when each comes, from 0 on and in this order, and how long it takes. */
typedef struct balance_load {
    balance_spec_t spec;
    int64_t *comes_ns;
    int64_t *takes_ns;
    uint32_t *keys;
} balance_load_t;

/* The mean service time, and the mean of its square, at scale 1. */
double balance_service_mean_ms(balance_service_t service);
double balance_service_mean_square_ms2(balance_service_t service);

/* Draw the load that `spec` describes. */
void balance_load_init(balance_load_t *self, const balance_spec_t *spec);
void balance_load_finish(balance_load_t *self);

/* Give each request to a worker by `policy`; waits_ns[i] becomes how long request i waits. */
void balance_simulate(const balance_load_t *load, balance_policy_t policy, int64_t *waits_ns);

#endif
