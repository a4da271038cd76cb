/* What a worker runs: a behaviour on a thread, a behaviour in the host program, or a program of
 * somebody else's.
 */

#include "node/assembly_inside.h"

#include <stdio.h>

#include "actors/process/libexec.h"
#include "actors/process/worker.h"
#include "actors/worker/worker.h"
#include "base/text.h"
#include "remote/workers/remote_worker.h"

#define IDLE_AFTER_MS 1000
#define PATH_SIZE     4096
#define HOST          "troupe-host"

/* ---- on a thread ---- */

static const tr_worker_plan_t *thread_plan(tr_maker_t *self, const tr_config_child_t *config)
{
    tr_worker_plan_t *plan = tr_maker_keep(self, sizeof *plan);
    tr_arg_t *args = tr_maker_keep(self, config->args.n * sizeof *args);
    if (!plan || !args) {
        return NULL;
    }
    char why[512] = "";
    if (tr_modules_find(self->modules, config->module, &plan->behaviour, why, sizeof why) !=
        TROUPE_OK) {
        tr_maker_say(self, config->module_place, why);
    } else if (config->kind == TR_CONFIG_CAPABILITY && !plan->behaviour->handle) {
        snprintf(why, sizeof why, "module '%s' handles no requests: it has no handle",
                 config->module);
        tr_maker_say(self, config->module_place, why);
    }
    for (size_t i = 0; i < config->args.n; i++) {
        args[i] = (tr_arg_t){config->args.items[i].key, config->args.items[i].value};
    }
    plan->args.items = args;
    plan->args.n_items = config->args.n;
    plan->idle_after_ms = IDLE_AFTER_MS;
    plan->is_lasting = config->kind == TR_CONFIG_ACTOR;
    plan->spawns = (size_t)config->spawns;
    plan->known_as = config->spawns > 0 ? config->name : NULL;
    if (plan->is_lasting) {
        plan->limits = (tr_mailbox_limits_t){.letters = (size_t)config->mailbox_limit,
                                             .bytes = (size_t)config->mailbox_bytes};
    }
    return plan;
}

/* ---- in a process ---- */

/* "KEY=VALUE", … from `items` on; the rest of the array is NULL already. */
static void write_pairs(tr_maker_t *self, const tr_config_args_t *pairs, const char **items)
{
    for (size_t i = 0; i < pairs->n; i++) {
        const char *key = tr_maker_join(self, pairs->items[i].key, "=");
        items[i] = key ? tr_maker_join(self, key, pairs->items[i].value) : NULL;
    }
}

/* The host with the module's file, which is not loaded here: whatever its code does, it does it
 * in the process. */
static const char *const *host_argv(tr_maker_t *self, const tr_config_child_t *config)
{
    char host[PATH_SIZE];
    char file[PATH_SIZE];
    char why[512];
    if (tr_modules_locate(self->modules, config->module, file, sizeof file, why, sizeof why) !=
        TROUPE_OK) {
        tr_maker_say(self, config->module_place, why);
        return NULL;
    }
    if (tr_libexec_find(HOST, host, sizeof host) != TROUPE_OK) {
        snprintf(why, sizeof why, "no %s, which runs a module in a process: looked in %.400s",
                 HOST, host);
        tr_maker_say(self, config->module_place, why);
        return NULL;
    }
    const char **argv = tr_maker_keep(self, (config->args.n + 4) * sizeof *argv);
    if (argv) {
        argv[0] = tr_maker_join(self, host, "");
        argv[1] = "--module";
        argv[2] = tr_maker_join(self, file, "");
        write_pairs(self, &config->args, &argv[3]);
    }
    return argv;
}

static const char *const *command_argv(tr_maker_t *self, const tr_config_words_t *command)
{
    const char **argv = tr_maker_keep(self, (command->n + 1) * sizeof *argv);
    for (size_t i = 0; argv && i < command->n; i++) {
        argv[i] = command->items[i];
    }
    return argv;
}

static tr_limits_t limits_of(const tr_config_child_t *config)
{
    tr_limits_t limits = {
        .memory_bytes = config->limit_memory,
        .cpu_time_s = (config->limit_cpu_time_ms + 999) / 1000,
        .open_files = config->limit_open_files,
        .nice = (int)config->limit_nice,
    };
    if (config->limit_cpus && tr_text_cpus(config->limit_cpus, &limits.cpus) != TROUPE_OK) {
        CPU_ZERO(&limits.cpus); /* was checked when it was read */
    }
    return limits;
}

static const tr_process_plan_t *process_plan(tr_maker_t *self, const tr_config_child_t *config)
{
    tr_process_plan_t *plan = tr_maker_keep(self, sizeof *plan);
    const char **env = tr_maker_keep(self, (config->env.n + 1) * sizeof *env);
    if (!plan || !env) {
        return NULL;
    }
    write_pairs(self, &config->env, env);
    *plan = (tr_process_plan_t){
        .argv = config->command.n > 0 ? command_argv(self, &config->command)
                                      : host_argv(self, config),
        .env = env,
        .directory = config->directory,
        .capability = config->kind == TR_CONFIG_CAPABILITY ? config->name : NULL,
        .is_lasting = config->kind == TR_CONFIG_ACTOR,
        .limits = limits_of(config),
        .idle_after_ms = IDLE_AFTER_MS,
    };
    return plan;
}

/* ---- the child ---- */

tr_restart_t tr_maker_restart(tr_config_restart_t restart)
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

static tr_isolation_t isolation_of(const tr_config_child_t *config)
{
    return config->isolation == TR_CONFIG_PROCESS  ? TR_ISOLATION_PROCESS
           : config->isolation == TR_CONFIG_INLINE ? TR_ISOLATION_INLINE
                                                   : TR_ISOLATION_THREAD;
}

static void set_what(tr_maker_t *self, const tr_config_child_t *config, tr_child_spec_t *child)
{
    switch (child->isolation) {
    case TR_ISOLATION_PROCESS:
        child->start = tr_process_worker_start;
        child->what = process_plan(self, config);
        break;
    case TR_ISOLATION_INLINE:
        child->start = tr_inline_worker_start;
        child->what = thread_plan(self, config);
        break;
    case TR_ISOLATION_THREAD:
        child->start = tr_worker_start;
        child->what = thread_plan(self, config);
        break;
    case TR_ISOLATION_REMOTE: /* no worker of the file is that */
        break;
    }
}

/* A need was compared with what there is when it was read; but nobody is to be started without
 * what it says it needs. */
static void set_need(tr_maker_t *self, const tr_config_child_t *config,
                     const tr_config_arg_t *need, tr_amounts_t *needs)
{
    int64_t amount = 0;
    char text[160];
    size_t resource = tr_maker_resource(self, need->key);
    if (resource < TR_N_RESOURCES && tr_text_number(need->value, &amount) == TROUPE_OK) {
        needs->of[resource] = (uint64_t)amount;
        return;
    }
    snprintf(text, sizeof text, "there is no resource '%.80s' for it", need->key);
    tr_maker_say(self, config->place, text);
}

/* What all its workers have in common. */
static tr_child_spec_t any_worker(const tr_config_child_t *config, const char *kind)
{
    return (tr_child_spec_t){
        .name = config->name,
        .kind = kind,
        .restart = tr_maker_restart(config->restart),
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
                .start_limit_ms = config->start_timeout_ms,
                .probe_ms = config->health_probe_ms,
            },
    };
}

const tr_child_spec_t *tr_maker_guests(tr_maker_t *self, const tr_config_child_t *config)
{
    tr_child_spec_t *guests = tr_maker_keep(self, sizeof *guests);
    if (guests) {
        *guests = any_worker(config, "worker");
        guests->restart = TR_RESTART_TEMPORARY;
        guests->isolation = TR_ISOLATION_REMOTE;
        guests->start = tr_remote_worker_start;
    }
    return guests;
}

tr_child_spec_t tr_maker_worker(tr_maker_t *self, const tr_config_child_t *config,
                                const char *kind)
{
    tr_child_spec_t child = any_worker(config, kind);
    child.isolation = isolation_of(config);
    child.needs.of[TR_MEMORY] = (uint64_t)config->memory;
    for (size_t i = 0; i < config->needs.n; i++) {
        set_need(self, config, &config->needs.items[i], &child.needs);
    }
    set_what(self, config, &child);
    return child;
}
