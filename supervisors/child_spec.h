/* supervisors/child_spec.h - how a supervisor starts and treats its children
 *
 * Specs are borrowed from the description they are in: that of the node, which outlives every
 * supervisor, or that which came with a command, which `keepsake` keeps.
 */

#ifndef TROUPE_SUPERVISORS_CHILD_SPEC_H
#define TROUPE_SUPERVISORS_CHILD_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "actors/actor.h"
#include "actors/report.h"
#include "supervisors/health.h"
#include "supervisors/strategy.h"

typedef enum tr_restart {
    TR_RESTART_PERMANENT, /* always */
    TR_RESTART_TRANSIENT, /* only after an abnormal end */
    TR_RESTART_TEMPORARY, /* never */
} tr_restart_t;

/* Whether a child of that type that ended by itself is started again; `was_starting`: it had
 * not come up. OTP's rule. Pure. */
bool tr_restart_is_due(tr_restart_t restart, const tr_reason_t *reason, bool was_starting);

/* When the supervisor ends because of its significant children. OTP's rule. */
typedef enum tr_auto_shutdown {
    TR_AUTO_SHUTDOWN_NEVER,
    TR_AUTO_SHUTDOWN_ANY, /* the first of them has ended by itself */
    TR_AUTO_SHUTDOWN_ALL, /* the last of them has */
} tr_auto_shutdown_t;

typedef struct tr_child_spec {
    const char *name;     /* of a template: the pool's name; workers are NAME/1, NAME/2, … */
    const char *known_as; /* to whom talks to it, if that is another name; or NULL */
    const char *kind;     /* "worker", "supervisor", … as the tree shows it */
    tr_restart_t restart;
    bool is_supervisor;  /* counted as one; else as a worker */
    bool is_significant; /* its end by itself may end the supervisor */
    bool is_forgotten;   /* it leaves the list when it stays down, as a temporary one does */
    int64_t shutdown_ms; /* from being asked to stop until killed; 0: killed at once; TR_NEVER:
                            no bound */
    int64_t backoff_min_ms;
    int64_t backoff_max_ms;
    int64_t own_restarts; /* an intensity of its own, counted first; -1: none */
    int64_t own_period_ms;
    tr_health_plan_t health;
    bool can_be_surveyed;
    tr_isolation_t isolation;
    tr_amounts_t needs; /* of what the node has, for each */
    tr_start_fn *start;
    const void *what;
} tr_child_spec_t;

/* Which names a supervisor gives to the children of a template: "NAME/1", "NAME/2", …; the
 * lowest number that is free. */
#define TR_TEMPLATE_NAME_FORMAT "%.64s/%zu"

/* The largest intensity: its times are remembered one by one. */
#define TR_MAX_RESTARTS 1000000

/* When the workers of a pool are replaced although nothing is wrong with them. */
typedef struct tr_recycle_plan {
    int64_t requests; /* after so many; 0: never */
    int64_t age_ms;   /* after so long; 0: never */
    double jitter;    /* each of them up to this share (0..1) earlier */
} tr_recycle_plan_t;

typedef struct tr_supervisor_spec {
    const char *name;
    tr_strategy_t strategy;
    size_t max_restarts;
    int64_t period_ms;
    tr_auto_shutdown_t auto_shutdown;
    uint32_t seed;                   /* of the jitter; 0: another for every supervisor */
    const tr_child_spec_t *children; /* in order of their start; with TR_SIMPLE_ONE_FOR_ONE the
                                        one template, of which none is started at first */
    size_t n_children;

    /* A pool is a template supervisor that serves a capability. */
    const char *capability;        /* whose router hears of the workers; NULL: no pool */
    const tr_child_spec_t *guests; /* how those are treated that come by themselves; NULL: none
                                      may. The template itself: there are no others */
    size_t min_workers;
    size_t max_workers;
    bool escalates;         /* past the intensity: fail, instead of unavailable with backoff */
    size_t parallel_starts; /* workers that may be starting at a time; at least 1 */
    bool is_pinned;         /* its workers are not asked to give way to others */
    int64_t evict_cost; /* they give way as one would that was idle for so many times less */
    tr_recycle_plan_t recycle;
} tr_supervisor_spec_t;

/* Whether a supervisor can carry this out, as OTP's supervisor:check_childspecs does. Pure.
 * TROUPE_ERR_INVALID: `why` (of `size` bytes) says what is wrong, and of which child. */
TROUPE_NODISCARD troupe_status_t tr_supervisor_spec_check(const tr_supervisor_spec_t *spec,
                                                          char *why, size_t size);

/* The same for one more child of a supervisor that has `spec`; its name is not looked at. */
TROUPE_NODISCARD troupe_status_t tr_child_spec_check(const tr_child_spec_t *child,
                                                     const tr_supervisor_spec_t *spec,
                                                     char *why, size_t size);

/* A tr_start_fn: `what` is a tr_supervisor_spec_t. The supervisor says it has started when all
 * its children have; a pool when each of its first workers has started or failed to. */
TROUPE_NODISCARD troupe_status_t tr_supervisor_start(const tr_birth_t *birth, tr_actor_t **out);

#endif
