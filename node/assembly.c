/* Every piece of the plan is allocated through tr_maker_keep, so that destroying it forgets
 * none. */

#include "node/assembly.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "capabilities/router.h"
#include "node/admin/admin.h"
#include "node/assembly_inside.h"
#include "node/budget.h"
#include "node/config/endpoint.h"
#include "node/http/address.h"
#include "node/http/http.h"
#include "remote/gateway/gateway.h"
#include "supervisors/family.h"

/* Routers and the like answer at once, or something is badly wrong. */
static const tr_health_plan_t inner_health = {
    .interval_ms = 2000,
    .misses = 10,
    .stall_ms = 0,
    .overrun_ms = TR_NEVER,
    .start_stall_ms = TR_NEVER,
};

/* ---- memory, and problems ---- */

void *tr_maker_keep(tr_maker_t *self, size_t size)
{
    tr_plan_t *plan = self->plan;
    if (plan->n_kept == plan->n_kept_room) {
        size_t n_room = plan->n_kept_room ? plan->n_kept_room * 2 : 32;
        void **kept = realloc(plan->kept, n_room * sizeof *kept);
        if (!kept) {
            self->is_out_of_memory = true;
            return NULL;
        }
        plan->kept = kept;
        plan->n_kept_room = n_room;
    }
    void *memory = calloc(1, size ? size : 1);
    if (memory) {
        plan->kept[plan->n_kept++] = memory;
    } else {
        self->is_out_of_memory = true;
    }
    return memory;
}

const char *tr_maker_join(tr_maker_t *self, const char *one, const char *other)
{
    size_t size = strlen(one) + strlen(other) + 1;
    char *text = tr_maker_keep(self, size);
    if (text) {
        snprintf(text, size, "%s%s", one, other);
    }
    return text;
}

void tr_maker_say(tr_maker_t *self, tr_config_place_t place, const char *text)
{
    self->is_invalid = true;
    if (self->report) {
        char line[1024];
        snprintf(line, sizeof line, "%s:%d:%d: error: %s", self->file, place.line, place.column,
                 text);
        self->report(self->arg, line);
    }
}

/* The resources with names come after memory, in the order of the file. */
size_t tr_maker_resource(const tr_maker_t *self, const char *name)
{
    for (size_t i = 0; i < self->resources->n; i++) {
        if (strcmp(self->resources->items[i].key, name) == 0) {
            return TR_MEMORY + 1 + i;
        }
    }
    return TR_N_RESOURCES;
}

/* ---- pieces ---- */

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

static tr_overflow_t overflow_of(tr_config_overflow_t overflow)
{
    switch (overflow) {
    case TR_CONFIG_OVERFLOW_DROP_OLDEST:
        return TR_OVERFLOW_DROP_OLDEST;
    case TR_CONFIG_OVERFLOW_BLOCK:
        return TR_OVERFLOW_BLOCK;
    default:
        return TR_OVERFLOW_REJECT;
    }
}

static tr_balance_policy_t balance_of(tr_config_balance_t balance)
{
    switch (balance) {
    case TR_CONFIG_POWER_OF_TWO:
        return TR_BALANCE_POWER_OF_TWO;
    case TR_CONFIG_ROUND_ROBIN:
        return TR_BALANCE_ROUND_ROBIN;
    case TR_CONFIG_STICKY:
        return TR_BALANCE_STICKY;
    default:
        return TR_BALANCE_LEAST_PENDING;
    }
}

static tr_child_spec_t inner_child(const char *name, const char *kind, tr_start_fn *start,
                                   const void *what, bool can_be_surveyed)
{
    bool is_supervisor = start == tr_supervisor_start;
    tr_child_spec_t child = {
        .name = name,
        .kind = kind,
        .restart = TR_RESTART_PERMANENT,
        .is_supervisor = is_supervisor,
        .shutdown_ms = TR_NEVER,
        .backoff_min_ms = 100,
        .backoff_max_ms = 30000,
        .own_restarts = -1,
        .own_period_ms = 1,
        .health = is_supervisor ? tr_health_plan_of_supervisors : inner_health,
        .can_be_surveyed = can_be_surveyed,
        .start = start,
        .what = what,
    };
    return child;
}

/* ---- a capability: a supervisor of its router and its pool ---- */

static tr_router_spec_t *router_spec(tr_maker_t *maker, const tr_config_child_t *config)
{
    tr_router_spec_t *spec = tr_maker_keep(maker, sizeof *spec);
    if (spec) {
        *spec = (tr_router_spec_t){
            .capability = config->name,
            .pool = tr_maker_join(maker, config->name, "/pool"),
            .has_only_guests = tr_config_is_remote_only(config),
            .min_workers = (size_t)config->workers_min,
            .max_workers = (size_t)config->workers_max,
            .concurrency = (size_t)config->concurrency,
            .queue_limit = (size_t)config->queue_limit,
            .timeout_ms = config->timeout_ms,
            .keep_alive_ms = config->keep_alive_ms,
            .is_pinned = config->is_pinned,
            .balance = balance_of(config->balance),
            .overflow = overflow_of(config->overflow),
            .per_peer = (size_t)config->per_peer,
            .queue_timeout_ms = config->queue_timeout_ms,
            .dedups_bodies = config->dedups_bodies,
            .retry = (size_t)config->retry,
            .poison = (size_t)config->poison,
            .breaker_failures = (size_t)config->breaker_failures,
            .breaker_cooldown_ms = config->breaker_cooldown_ms,
            .breaker_probes = (size_t)config->breaker_probes,
            .batch_max = (size_t)config->batch_max,
            .batch_window_ms = config->batch_window_ms,
            .reader_stall_ms = config->reader_stall_ms,
        };
    }
    return spec;
}

static tr_supervisor_spec_t *pool_spec(tr_maker_t *maker, const tr_config_child_t *config)
{
    tr_supervisor_spec_t *spec = tr_maker_keep(maker, sizeof *spec);
    tr_child_spec_t *template = tr_maker_keep(maker, sizeof *template);
    const tr_child_spec_t *guests =
        config->takes_remote ? tr_maker_guests(maker, config) : NULL;
    bool is_remote_only = tr_config_is_remote_only(config);
    if (spec && template) {
        if (!is_remote_only) {
            *template = tr_maker_worker(maker, config, "worker");
        }
        *spec = (tr_supervisor_spec_t){
            .name = tr_maker_join(maker, config->name, "/pool"),
            .strategy = TR_SIMPLE_ONE_FOR_ONE,
            .max_restarts = (size_t)config->intensity_restarts,
            .period_ms = config->intensity_period_ms,
            .children = is_remote_only ? guests : template,
            .n_children = 1,
            .guests = guests,
            .min_workers = (size_t)config->workers_min,
            .max_workers = (size_t)config->workers_max,
            .capability = config->name,
            .escalates = config->escalate,
            .parallel_starts = (size_t)config->parallel_starts,
            .is_pinned = config->is_pinned,
            .evict_cost = config->evict_cost,
            .recycle = {.requests = config->recycle_requests,
                        .age_ms = config->recycle_age_ms,
                        .jitter = config->recycle_jitter},
        };
    }
    return template && (guests || !config->takes_remote) ? spec : NULL;
}

static tr_child_spec_t capability_child(tr_maker_t *maker, const tr_config_child_t *config)
{
    tr_router_spec_t *router = router_spec(maker, config);
    tr_supervisor_spec_t *pool = pool_spec(maker, config);
    tr_supervisor_spec_t *both = tr_maker_keep(maker, sizeof *both);
    tr_child_spec_t *children = tr_maker_keep(maker, 2 * sizeof *children);
    if (router && pool && both && children) {
        children[0] = inner_child(tr_maker_join(maker, config->name, "/router"), "router",
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
        if (config->isolation == TR_CONFIG_PROCESS) {
            maker->plan->n_processes += 1 + pool->max_workers;
        }
        maker->plan->n_actors += 4 + pool->max_workers; /* one of them a replacement */
        if (tr_config_is_remote_only(config)) {
            maker->plan->n_guests += pool->max_workers;
        }
    }
    return inner_child(config->name, "capability", tr_supervisor_start, both, true);
}

/* ---- an actor, with children or without ---- */

static tr_child_spec_t actor_child(tr_maker_t *maker, const tr_config_child_t *config)
{
    tr_child_spec_t actor = tr_maker_worker(maker, config, "actor");
    maker->plan->n_actors++;
    maker->plan->n_processes += config->isolation == TR_CONFIG_PROCESS;
    if (config->spawns == 0) {
        return actor;
    }
    tr_family_t *family = tr_maker_keep(maker, sizeof *family);
    if (family) {
        tr_family_init(family, &actor);
        maker->plan->n_actors += 2 + (size_t)config->spawns;
    }
    return family ? family->outer : actor;
}

/* ---- supervisors ---- */

static void fill_supervisor(tr_maker_t *maker, const tr_config_child_t *config,
                            const char *name, tr_supervisor_spec_t *spec);

static tr_child_spec_t any_child(tr_maker_t *maker, const tr_config_child_t *config)
{
    if (config->kind == TR_CONFIG_CAPABILITY) {
        return capability_child(maker, config);
    }
    if (config->kind == TR_CONFIG_ACTOR) {
        return actor_child(maker, config);
    }
    tr_supervisor_spec_t *spec = tr_maker_keep(maker, sizeof *spec);
    if (spec) {
        fill_supervisor(maker, config, config->name, spec);
    }
    tr_child_spec_t child =
        inner_child(config->name, "supervisor", tr_supervisor_start, spec, true);
    child.restart = tr_maker_restart(config->restart);
    child.is_significant = config->is_significant;
    child.shutdown_ms = config->shutdown_ms;
    return child;
}

static void fill_supervisor(tr_maker_t *maker, const tr_config_child_t *config,
                            const char *name, tr_supervisor_spec_t *spec)
{
    tr_child_spec_t *children = tr_maker_keep(maker, config->n_children * sizeof *children);
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

static tr_peer_limits_t peer_limits(const tr_config_limits_t *limits)
{
    return (tr_peer_limits_t){
        .max_connections = (size_t)limits->connections,
        .max_frame = (size_t)limits->frame,
        .max_message = (size_t)limits->message,
        .max_frames = (size_t)limits->frames,
        .max_open = (size_t)limits->open,
        .rate = (size_t)limits->rate,
        .burst = (size_t)limits->burst,
        .max_malformed = (size_t)limits->malformed,
        .max_out = (size_t)limits->queue,
        .max_out_bytes = (size_t)limits->queue_bytes,
        .socket_buffer = (size_t)limits->socket_buffer,
        .stall_ms = limits->stall_ms,
        .idle_ms = limits->idle_ms,
    };
}

static tr_node_limits_t node_limits(const tr_config_t *config)
{
    return (tr_node_limits_t){
        .max_connections = (size_t)config->limit_connections,
        .max_open = (size_t)config->limit_open,
        .max_out_bytes = (size_t)config->limit_queue_bytes,
    };
}

static tr_rights_spec_t rights_of(const tr_config_rights_t *rights)
{
    return (tr_rights_spec_t){
        .calls = (const char *const *)rights->call.items,
        .n_calls = rights->call.n,
        .offers = (const char *const *)rights->offer.items,
        .n_offers = rights->offer.n,
        .actors = (const char *const *)rights->actors.items,
        .n_actors = rights->actors.n,
        .is_admin = rights->is_admin,
    };
}

static const tr_key_spec_t *keys_of(tr_maker_t *maker, const tr_config_t *config)
{
    tr_key_spec_t *keys = tr_maker_keep(maker, config->n_peers * sizeof *keys);
    for (size_t i = 0; keys && i < config->n_peers; i++) {
        const tr_config_peer_t *peer = &config->peers[i];
        keys[i] = (tr_key_spec_t){peer->name, peer->key, rights_of(&peer->rights)};
    }
    return keys;
}

static const tr_gateway_spec_t *gateway_spec(tr_maker_t *maker, const tr_config_t *config)
{
    tr_gateway_spec_t *spec = tr_maker_keep(maker, sizeof *spec);
    tr_gateway_listener_t *listeners =
        tr_maker_keep(maker, config->n_listeners * sizeof *listeners);
    if (spec && listeners) {
        for (size_t i = 0; i < config->n_listeners; i++) {
            const tr_config_listener_t *listener = &config->listeners[i];
            listeners[i] = (tr_gateway_listener_t){
                .endpoint = listener->endpoint,
                .mode = listener->mode,
                .owner = listener->owner,
                .is_curve = listener->security == TR_CONFIG_SECURITY_CURVE,
                .is_open = tr_config_endpoint_is_open(listener->endpoint),
                .rights = rights_of(&listener->rights),
                .limits = peer_limits(&listener->limits),
            };
        }
        spec->listeners = listeners;
        spec->n_listeners = config->n_listeners;
        spec->key_file = config->security_key;
        spec->peers = keys_of(maker, config);
        spec->n_peers = spec->peers ? config->n_peers : 0;
        spec->limits = node_limits(config);
        spec->vigil = (tr_vigil_rule_t){.interval_ms = config->majordomo_heartbeat_ms,
                                        .liveness = config->majordomo_liveness};
    }
    return listeners ? spec : NULL;
}

static const tr_http_spec_t *http_spec(tr_maker_t *maker, const tr_config_t *config)
{
    tr_http_spec_t *spec = tr_maker_keep(maker, sizeof *spec);
    if (spec) {
        spec->address = config->http;
        const char *problem = tr_http_address_problem(config->http, &spec->at);
        if (!tr_http_is_there()) {
            problem = "this build has no 'http': it was made without libmicrohttpd";
        }
        if (problem) {
            tr_maker_say(maker, config->http_place, problem);
        }
    }
    return spec;
}

static const tr_governor_spec_t *governor_spec(tr_maker_t *maker, const tr_config_t *config)
{
    tr_governor_spec_t *spec = tr_maker_keep(maker, sizeof *spec);
    if (spec) {
        spec->limits.of[TR_MEMORY] = tr_budget_bytes(config);
        spec->reserve_bytes = (uint64_t)config->memory_reserve;
        spec->residency_ms = config->memory_residency_ms;
        for (size_t i = 0; i < config->resources.n && TR_MEMORY + 1 + i < TR_N_RESOURCES; i++) {
            int64_t amount = 0;
            if (tr_text_number(config->resources.items[i].value, &amount) == TROUPE_OK) {
                spec->limits.of[TR_MEMORY + 1 + i] = (uint64_t)amount; /* was checked */
            }
            spec->names[TR_MEMORY + 1 + i] = config->resources.items[i].key;
        }
        spec->names[TR_MEMORY] = "memory";
    }
    return spec;
}

static const tr_admin_spec_t *admin_spec(tr_maker_t *maker, const tr_config_t *config)
{
    tr_admin_spec_t *spec = tr_maker_keep(maker, sizeof *spec);
    if (spec) {
        *spec = (tr_admin_spec_t){maker->modules, config, config->schedule, config->n_errands};
    }
    return spec;
}

/* What a node has of its own stands around the operator's tree, so that his strategy does not
 * reach it: the admin starts first and stops last; next to it what shows the node over HTTP,
 * for whoever looks wants to see a node that loads, and one that stops; the gateway starts
 * last, when there is something to call, and stops first, when what it took is answered. A tree
 * that gives up takes the node with it. */
static void make_root(tr_maker_t *maker, const tr_config_t *config)
{
    tr_plan_t *plan = maker->plan;
    tr_supervisor_spec_t *tree = tr_maker_keep(maker, sizeof *tree);
    tr_child_spec_t *children = tr_maker_keep(maker, 5 * sizeof *children);
    if (!tree || !children) {
        return;
    }
    fill_supervisor(maker, &config->root, TR_NAME_TREE, tree);
    size_t n = 0;
    children[n++] =
        inner_child(TR_NAME_ADMIN, "admin", tr_admin_start, admin_spec(maker, config), false);
    children[n++] = inner_child(TR_NAME_GOVERNOR, "governor", tr_governor_start,
                                governor_spec(maker, config), false);
    if (config->http) {
        children[n++] =
            inner_child(TR_NAME_HTTP, "http", tr_http_start, http_spec(maker, config), false);
    }
    children[n] = inner_child(TR_NAME_TREE, "supervisor", tr_supervisor_start, tree, true);
    children[n].restart = TR_RESTART_TRANSIENT; /* its own shutdown is the node's */
    children[n++].is_significant = true;
    if (config->n_listeners > 0) {
        children[n++] = inner_child(TR_NAME_GATEWAY, "gateway", tr_gateway_start,
                                    gateway_spec(maker, config), false);
    }
    plan->root = (tr_supervisor_spec_t){
        .name = TR_NAME_ROOT,
        .strategy = TR_ONE_FOR_ONE,
        .max_restarts = 0,
        .period_ms = 1,
        .auto_shutdown = TR_AUTO_SHUTDOWN_ANY,
        .children = children,
        .n_children = n,
    };
    plan->n_actors += 8; /* with the root, the keeper, and who keeps the doors */
}

/* What is added later to a tree that runs. */
static void make_child(tr_maker_t *maker, const tr_config_t *config)
{
    tr_child_spec_t *child = tr_maker_keep(maker, sizeof *child);
    if (child) {
        *child = any_child(maker, config->root.children);
        maker->plan->root.children = child;
        maker->plan->root.n_children = 1;
    }
}

static troupe_status_t make_plan(void (*make)(tr_maker_t *maker, const tr_config_t *config),
                                 const tr_config_t *config, const tr_config_t *node,
                                 const char *file, tr_modules_t *modules,
                                 troupe_problem_fn *report, void *arg, tr_plan_t **out)
{
    tr_plan_t *plan = calloc(1, sizeof *plan);
    if (!plan) {
        return TROUPE_ERR_NOMEM;
    }
    plan->config = config;
    tr_maker_t maker = {.plan = plan,
                        .file = file,
                        .resources = &node->resources,
                        .modules = modules,
                        .report = report,
                        .arg = arg};
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
    return make_plan(make_root, config, config, file, modules, report, arg, out);
}

troupe_status_t tr_plan_new_child(const tr_config_t *config, const tr_config_t *node,
                                  const char *file, tr_modules_t *modules,
                                  troupe_problem_fn *report, void *arg, tr_plan_t **out)
{
    assert(config && config->root.n_children == 1 && node && file && modules && out);
    return make_plan(make_child, config, node, file, modules, report, arg, out);
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
