/* supervisors/child_spec.h - how a supervisor starts and treats one child
 *
 * Specs are borrowed: the description they are in outlives every supervisor.
 */

#ifndef TROUPE_SUPERVISORS_CHILD_SPEC_H
#define TROUPE_SUPERVISORS_CHILD_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "actors/actor.h"
#include "supervisors/health.h"
#include "supervisors/strategy.h"

typedef enum tr_restart {
    TR_RESTART_PERMANENT, /* always */
    TR_RESTART_TRANSIENT, /* only after an abnormal end */
    TR_RESTART_TEMPORARY, /* never */
} tr_restart_t;

/* Start the actor; statuses as tr_actor_start. */
typedef troupe_status_t(tr_start_fn)(const void *what, const char *name, tr_runtime_t *runtime,
                                     tr_mailbox_t *parent, tr_actor_t **out);

typedef struct tr_child_spec {
    const char *name; /* of a template: the pool's name; workers are NAME/1, NAME/2, … */
    const char *kind; /* "worker", "supervisor", … as the tree shows it */
    tr_restart_t restart;
    int64_t shutdown_ms; /* from being asked to stop until given up; TR_NEVER: no bound */
    int64_t backoff_min_ms;
    int64_t backoff_max_ms;
    int64_t own_restarts; /* an intensity of its own, counted first; -1: none */
    int64_t own_period_ms;
    tr_health_plan_t health;
    bool can_be_surveyed;
    tr_start_fn *start;
    const void *what;
} tr_child_spec_t;

typedef struct tr_supervisor_spec {
    const char *name;
    tr_strategy_t strategy;
    size_t max_restarts;
    int64_t period_ms;
    const tr_child_spec_t *children; /* in order of their start; of a pool: the one template */
    size_t n_children;

    /* pools: strategy is TR_SIMPLE_ONE_FOR_ONE */
    size_t min_workers;
    size_t max_workers;
    const char *capability; /* whose router hears of the workers */
    bool escalates;         /* past the intensity: fail, instead of unavailable with backoff */
} tr_supervisor_spec_t;

/* A tr_start_fn: `what` is a tr_supervisor_spec_t. The supervisor says it has started when all
 * its children have; a pool when each of its first workers has started or failed to. */
TROUPE_NODISCARD troupe_status_t tr_supervisor_start(const void *what, const char *name,
                                                     tr_runtime_t *runtime,
                                                     tr_mailbox_t *parent, tr_actor_t **out);

#endif
