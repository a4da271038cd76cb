/* Every piece of the plan is allocated through `keep`, so that destroying it forgets none. */

#include "node/assembly.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/worker.h"
#include "base/clock.h"
#include "capabilities/router.h"
#include "node/admin.h"
#include "remote/gateway.h"

#define IDLE_AFTER_MS 1000

/* Supervisors, routers and the like answer at once, or something is badly wrong. */
static const tr_health_plan_t inner_health = {
    .interval_ms = 2000,
    .misses = 10,
    .stall_ms = 0,
    .overrun_ms = TR_NEVER,
    .start_stall_ms = TR_NEVER,
};

typedef struct maker {
    tr_plan_t *plan;
    const char *file;
    tr_modules_t *modules;
    troupe_problem_fn *report;
    void *arg;
    bool is_invalid;
    bool is_out_of_memory;
} maker_t;

/* ---- memory ---- */

/* Zeroed memory that lives as long as the plan; NULL (and noted) when there is none. */
static void *keep(maker_t *maker, size_t size)
{
    tr_plan_t *plan = maker->plan;
    if (plan->n_kept == plan->n_kept_room) {
        size_t n_room = plan->n_kept_room ? plan->n_kept_room * 2 : 32;
        void **kept = realloc(plan->kept, n_room * sizeof *kept);
        if (!kept) {
            maker->is_out_of_memory = true;
            return NULL;
        }
        plan->kept = kept;
        plan->n_kept_room = n_room;
    }
    void *memory = calloc(1, size ? size : 1);
    if (memory) {
        plan->kept[plan->n_kept++] = memory;
    } else {
        maker->is_out_of_memory = true;
    }
    return memory;
}

static const char *join(maker_t *maker, const char *one, const char *other)
{
    size_t size = strlen(one) + strlen(other) + 1;
    char *text = keep(maker, size);
    if (text) {
        snprintf(text, size, "%s%s", one, other);
    }
    return text;
}

/* ---- pieces ---- */

static tr_restart_t restart_of(tr_config_restart_t restart)
{
    switch (restart) {
    case TR_CONFIG_TRANSIENT:
        return TR_RESTART_TRANSIENT;
    case TR_CONFIG_TEMPORARY:
        return TR_RESTART_TEMPORARY;
    default:
        return TR_RESTART_PERMANENT;
    }
}

static tr_strategy_t strategy_of(tr_config_strategy_t strategy)
{
    switch (strategy) {
    case TR_CONFIG_ONE_FOR_ALL:
        return TR_ONE_FOR_ALL;
    case TR_CONFIG_REST_FOR_ONE:
        return TR_REST_FOR_ONE;
    case TR_CONFIG_SIMPLE_ONE_FOR_ONE:
        return TR_SIMPLE_ONE_FOR_ONE;
    default:
        return TR_ONE_FOR_ONE;
    }
}

static tr_auto_shutdown_t auto_shutdown_of(tr_config_auto_shutdown_t auto_shutdown)
{
    switch (auto_shutdown) {
    case TR_CONFIG_SHUTDOWN_ANY:
        return TR_AUTO_SHUTDOWN_ANY;
    case TR_CONFIG_SHUTDOWN_ALL:
        return TR_AUTO_SHUTDOWN_ALL;
    default:
        return TR_AUTO_SHUTDOWN_NEVER;
    }
}

static tr_child_spec_t inner_child(const char *name, const char *kind, tr_start_fn *start,
                                   const void *what, bool can_be_surveyed)
{
    return (tr_child_spec_t){
        .name = name,
        .kind = kind,
        .restart = TR_RESTART_PERMANENT,
        .is_supervisor = start == tr_supervisor_start,
        .shutdown_ms = TR_NEVER,
        .backoff_min_ms = 100,
        .backoff_max_ms = 30000,
        .own_restarts = -1,
        .own_period_ms = 1,
        .health = inner_health,
        .can_be_surveyed = can_be_surveyed,
        .start = start,
        .what = what,
    };
}

static void say(const maker_t *maker, tr_config_place_t place, const char *text)
{
    if (maker->report) {
        char line[1024];
        snprintf(line, sizeof line, "%s:%d:%d: error: %s", maker->file, place.line,
                 place.column, text);
        maker->report(maker->arg, line);
    }
}

static const tr_worker_plan_t *worker_plan(maker_t *maker, const tr_config_child_t *config)
{
    tr_worker_plan_t *plan = keep(maker, sizeof *plan);
    tr_arg_t *args = keep(maker, config->args.n * sizeof *args);
    if (!plan || !args) {
        return NULL;
    }
    char why[512] = "";
    if (tr_modules_find(maker->modules, config->module, &plan->behaviour, why, sizeof why) !=
        TROUPE_OK) {
        say(maker, config->module_place, why);
        maker->is_invalid = true;
    } else if (config->kind == TR_CONFIG_CAPABILITY && !plan->behaviour->handle) {
        snprintf(why, sizeof why, "module '%s' handles no requests: it has no handle",
                 config->module);
        say(maker, config->module_place, why);
        maker->is_invalid = true;
    }
    for (size_t i = 0; i < config->args.n; i++) {
        args[i] = (tr_arg_t){config->args.items[i].key, config->args.items[i].value};
    }
    plan->args.items = args;
    plan->args.n_items = config->args.n;
    plan->idle_after_ms = IDLE_AFTER_MS;
    return plan;
}

static tr_child_spec_t worker_child(maker_t *maker, const tr_config_child_t *config,
                                    const char *kind)
{
    return (tr_child_spec_t){
        .name = config->name,
        .kind = kind,
        .restart = restart_of(config->restart),
        .is_significant = config->is_significant,
        .shutdown_ms = config->shutdown_ms,
        .backoff_min_ms = config->backoff_min_ms,
        .backoff_max_ms = config->backoff_max_ms,
        .own_restarts = config->kind == TR_CONFIG_ACTOR ? config->intensity_restarts : -1,
        .own_period_ms = config->intensity_period_ms,
        .health =
            {
                .interval_ms = config->health_interval_ms,
                .misses = config->health_misses,
                .stall_ms = config->health_stall_ms,
                .overrun_ms = config->health_overrun_ms,
                .start_stall_ms = config->start_stall_ms,
                .probe_ms = config->health_probe_ms,
            },
        .start = tr_worker_start,
        .what = worker_plan(maker, config),
    };
}

/* ---- a capability: a supervisor of its router and its pool ---- */

static tr_router_spec_t *router_spec(maker_t *maker, const tr_config_child_t *config)
{
    tr_router_spec_t *spec = keep(maker, sizeof *spec);
    if (spec) {
        *spec = (tr_router_spec_t){
            .capability = config->name,
            .pool = join(maker, config->name, "/pool"),
            .min_workers = (size_t)config->workers_min,
            .max_workers = (size_t)config->workers_max,
            .concurrency = (size_t)config->concurrency,
            .queue_limit = (size_t)config->queue_limit,
            .timeout_ms = config->timeout_ms,
            .keep_alive_ms = config->keep_alive_ms,
        };
    }
    return spec;
}

static tr_supervisor_spec_t *pool_spec(maker_t *maker, const tr_config_child_t *config)
{
    tr_supervisor_spec_t *spec = keep(maker, sizeof *spec);
    tr_child_spec_t *template = keep(maker, sizeof *template);
    if (spec && template) {
        *template = worker_child(maker, config, "worker");
        *spec = (tr_supervisor_spec_t){
            .name = join(maker, config->name, "/pool"),
            .strategy = TR_SIMPLE_ONE_FOR_ONE,
            .max_restarts = (size_t)config->intensity_restarts,
            .period_ms = config->intensity_period_ms,
            .children = template,
            .n_children = 1,
            .min_workers = (size_t)config->workers_min,
            .max_workers = (size_t)config->workers_max,
            .capability = config->name,
            .escalates = config->escalate,
        };
    }
    return template ? spec : NULL;
}

static tr_child_spec_t capability_child(maker_t *maker, const tr_config_child_t *config)
{
    tr_router_spec_t *router = router_spec(maker, config);
    tr_supervisor_spec_t *pool = pool_spec(maker, config);
    tr_supervisor_spec_t *both = keep(maker, sizeof *both);
    tr_child_spec_t *children = keep(maker, 2 * sizeof *children);
    if (router && pool && both && children) {
        children[0] = inner_child(join(maker, config->name, "/router"), "router",
                                  tr_router_start, router, true);
        children[1] = inner_child(pool->name, "pool", tr_supervisor_start, pool, true);
        /* Neither can do without the other, and neither fails for a reason that a restart
         * here would cure: the first failure goes up. */
        *both = (tr_supervisor_spec_t){
            .name = config->name,
            .strategy = TR_ONE_FOR_ALL,
            .max_restarts = 0,
            .period_ms = 1,
            .children = children,
            .n_children = 2,
        };
        maker->plan->n_actors += 3 + pool->max_workers;
    }
    return inner_child(config->name, "capability", tr_supervisor_start, both, true);
}

/* ---- supervisors ---- */

static void fill_supervisor(maker_t *maker, const tr_config_child_t *config, const char *name,
                            tr_supervisor_spec_t *spec);

static tr_child_spec_t any_child(maker_t *maker, const tr_config_child_t *config)
{
    if (config->kind == TR_CONFIG_CAPABILITY) {
        return capability_child(maker, config);
    }
    if (config->kind == TR_CONFIG_ACTOR) {
        maker->plan->n_actors++;
        return worker_child(maker, config, "actor");
    }
    tr_supervisor_spec_t *spec = keep(maker, sizeof *spec);
    if (spec) {
        fill_supervisor(maker, config, config->name, spec);
    }
    tr_child_spec_t child =
        inner_child(config->name, "supervisor", tr_supervisor_start, spec, true);
    child.restart = restart_of(config->restart);
    child.is_significant = config->is_significant;
    child.shutdown_ms = config->shutdown_ms;
    return child;
}

static void fill_supervisor(maker_t *maker, const tr_config_child_t *config, const char *name,
                            tr_supervisor_spec_t *spec)
{
    tr_child_spec_t *children = keep(maker, config->n_children * sizeof *children);
    for (size_t i = 0; children && i < config->n_children; i++) {
        children[i] = any_child(maker, &config->children[i]);
    }
    *spec = (tr_supervisor_spec_t){
        .name = name,
        .strategy = strategy_of(config->strategy),
        .max_restarts = (size_t)config->intensity_restarts,
        .period_ms = config->intensity_period_ms,
        .auto_shutdown = auto_shutdown_of(config->auto_shutdown),
        .children = children,
        .n_children = config->n_children,
    };
    maker->plan->n_actors++;
}

static const tr_gateway_spec_t *gateway_spec(maker_t *maker, const tr_config_t *config)
{
    tr_gateway_spec_t *spec = keep(maker, sizeof *spec);
    tr_gateway_listener_t *listeners = keep(maker, config->n_listeners * sizeof *listeners);
    if (spec && listeners) {
        for (size_t i = 0; i < config->n_listeners; i++) {
            listeners[i] = (tr_gateway_listener_t){config->listeners[i].endpoint,
                                                   config->listeners[i].mode};
        }
        spec->listeners = listeners;
        spec->n_listeners = config->n_listeners;
    }
    return listeners ? spec : NULL;
}

/* What a node has of its own stands around the operator's tree, so that his strategy does not
 * reach it: the admin starts first and stops last; the gateway starts last, when there is
 * something to call, and stops first, when what it took is answered. A tree that gives up takes
 * the node with it. */
static void make_root(maker_t *maker, const tr_config_t *config)
{
    tr_plan_t *plan = maker->plan;
    tr_supervisor_spec_t *tree = keep(maker, sizeof *tree);
    tr_child_spec_t *children = keep(maker, 3 * sizeof *children);
    if (!tree || !children) {
        return;
    }
    fill_supervisor(maker, &config->root, TR_NAME_TREE, tree);
    size_t n = 0;
    children[n++] = inner_child(TR_NAME_ADMIN, "admin", tr_admin_start, maker->modules, false);
    children[n++] = inner_child(TR_NAME_TREE, "supervisor", tr_supervisor_start, tree, true);
    if (config->n_listeners > 0) {
        children[n++] = inner_child(TR_NAME_GATEWAY, "gateway", tr_gateway_start,
                                    gateway_spec(maker, config), false);
    }
    plan->root = (tr_supervisor_spec_t){
        .name = TR_NAME_ROOT,
        .strategy = TR_ONE_FOR_ONE,
        .max_restarts = 0,
        .period_ms = 1,
        .children = children,
        .n_children = n,
    };
    plan->n_actors += 4;
}

/* What is added later to a tree that runs. */
static void make_child(maker_t *maker, const tr_config_t *config)
{
    tr_child_spec_t *child = keep(maker, sizeof *child);
    if (child) {
        *child = any_child(maker, config->root.children);
        maker->plan->root.children = child;
        maker->plan->root.n_children = 1;
    }
}

static troupe_status_t make_plan(void (*make)(maker_t *maker, const tr_config_t *config),
                                 const tr_config_t *config, const char *file,
                                 tr_modules_t *modules, troupe_problem_fn *report, void *arg,
                                 tr_plan_t **out)
{
    tr_plan_t *plan = calloc(1, sizeof *plan);
    if (!plan) {
        return TROUPE_ERR_NOMEM;
    }
    plan->config = config;
    maker_t maker = {
        .plan = plan, .file = file, .modules = modules, .report = report, .arg = arg};
    make(&maker, config);
    if (maker.is_invalid || maker.is_out_of_memory) {
        tr_plan_destroy(&plan);
        return maker.is_invalid ? TROUPE_ERR_INVALID : TROUPE_ERR_NOMEM;
    }
    *out = plan;
    return TROUPE_OK;
}

troupe_status_t tr_plan_new(const tr_config_t *config, const char *file, tr_modules_t *modules,
                            troupe_problem_fn *report, void *arg, tr_plan_t **out)
{
    assert(config && file && modules && out);
    return make_plan(make_root, config, file, modules, report, arg, out);
}

troupe_status_t tr_plan_new_child(const tr_config_t *config, const char *file,
                                  tr_modules_t *modules, troupe_problem_fn *report, void *arg,
                                  tr_plan_t **out)
{
    assert(config && config->root.n_children == 1 && file && modules && out);
    return make_plan(make_child, config, file, modules, report, arg, out);
}

static void free_plan(void *what)
{
    tr_plan_t *plan = what;
    tr_config_t *config = (tr_config_t *)plan->config;
    tr_plan_destroy(&plan);
    tr_config_destroy(&config);
}

tr_keepsake_t *tr_plan_keep(tr_plan_t *self)
{
    assert(self);
    return tr_keepsake_new(self, free_plan);
}

void tr_plan_destroy(tr_plan_t **self_p)
{
    assert(self_p);
    tr_plan_t *self = *self_p;
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->n_kept; i++) {
        free(self->kept[i]);
    }
    free(self->kept);
    free(self);
    *self_p = NULL;
}
