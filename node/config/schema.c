/* A row is written once even where several mappings share its key; the pieces of an intensity
 * are the exception, because their defaults differ by who is supervised.
 *
 * Always true: no key has two rows in one mapping, and a fallback is within its own range.
 * tests/unit/node/test_config_schema.c holds the table to both.
 */

#include "node/config/schema.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "node/config/config.h"

#define NO_FIELD        TR_SCHEMA_NO_FIELD
#define CHILD(field)    offsetof(tr_config_child_t, field)
#define LISTENER(field) offsetof(tr_config_listener_t, field)
#define PEER(field)     offsetof(tr_config_peer_t, field)
#define ERRAND(field)   offsetof(tr_config_errand_t, field)
#define NODE(field)     offsetof(tr_config_t, field)

/* Nothing here is worth waiting for longer, and sums of such times cannot overflow. */
#define YEAR_MS (365 * INT64_C(86400000))
#define HOUR_MS 3600000

#define IN_WORKING     (TR_IN_CAPABILITY | TR_IN_ACTOR)
#define IN_SUPERVISING (TR_IN_ROOT | TR_IN_SUPERVISOR)

/* In the order of their enums. */
static const char *const strategies[] = {"one_for_one", "one_for_all", "rest_for_one",
                                         "simple_one_for_one", NULL};
static const char *const auto_shutdowns[] = {"never", "any_significant", "all_significant",
                                             NULL};
static const char *const no_yes[] = {"false", "true", NULL};
static const char *const securities[] = {"none", "curve", NULL};
static const char *const restarts[] = {"permanent", "transient", "temporary", NULL};
static const char *const on_intensity[] = {"backoff", "escalate", NULL};
static const char *const isolations[] = {"thread", "process", "inline", NULL};
static const char *const dedups[] = {"none", "body", NULL};
static const char *const overflows[] = {"reject", "drop-oldest", "block", NULL};
static const char *const balances[] = {"least_pending", "power_of_two", "round_robin", "sticky",
                                       NULL};

/* clang-format off */
#define LATER(name, place) {.key = name, .where = (place), .type = TR_SCHEMA_LATER, .offset = NO_FIELD}

const tr_schema_row_t tr_schema[] = {
    /* the file */
    {.key = "troupe", .where = TR_IN_FILE, .type = TR_SCHEMA_NUMBER,
     .required = true, .min = 1, .max = 1, .offset = NO_FIELD},
    {.key = "node", .where = TR_IN_FILE, .type = TR_SCHEMA_NAME, .offset = NODE(name)},
    {.key = "listen", .where = TR_IN_FILE, .type = TR_SCHEMA_LISTENERS,
     .inside = TR_IN_LISTENER, .offset = NO_FIELD},
    {.key = "limits", .where = TR_IN_FILE, .type = TR_SCHEMA_MAPPING,
     .inside = TR_IN_NODE_LIMITS},
    {.key = "connections", .where = TR_IN_NODE_LIMITS, .type = TR_SCHEMA_NUMBER,
     .fallback = "10000", .min = 1, .max = 1000000, .offset = NODE(limit_connections)},
    {.key = "open", .where = TR_IN_NODE_LIMITS, .type = TR_SCHEMA_NUMBER,
     .fallback = "100000", .min = 1, .max = 10000000, .offset = NODE(limit_open)},
    {.key = "queue-bytes", .where = TR_IN_NODE_LIMITS, .type = TR_SCHEMA_SIZE,
     .fallback = "1GiB", .min = 1024, .max = INT64_C(1) << 50,
     .offset = NODE(limit_queue_bytes)},
    {.key = "security", .where = TR_IN_FILE, .type = TR_SCHEMA_MAPPING,
     .inside = TR_IN_SECURITY},
    {.key = "drain-timeout", .where = TR_IN_FILE, .type = TR_SCHEMA_DURATION,
     .fallback = "10s", .max = YEAR_MS, .offset = NODE(drain_timeout_ms)},
    {.key = "spin", .where = TR_IN_FILE, .type = TR_SCHEMA_MOMENT,
     .fallback = "0", .max = 1000, .offset = NODE(spin_us)},
    {.key = "quarantine-limit", .where = TR_IN_FILE, .type = TR_SCHEMA_NUMBER,
     .fallback = "100", .max = 10000, .offset = NODE(quarantine_limit)},
    {.key = "http", .where = TR_IN_FILE, .type = TR_SCHEMA_TEXT, .offset = NODE(http)},
    {.key = "memory", .where = TR_IN_FILE, .type = TR_SCHEMA_MAPPING,
     .inside = TR_IN_MEMORY},
    {.key = "budget", .where = TR_IN_MEMORY, .type = TR_SCHEMA_AMOUNT,
     .fallback = "80%", .offset = NODE(memory_budget)},
    {.key = "reserve", .where = TR_IN_MEMORY, .type = TR_SCHEMA_SIZE,
     .fallback = "0", .max = INT64_C(1) << 50, .offset = NODE(memory_reserve)},
    {.key = "residency", .where = TR_IN_MEMORY, .type = TR_SCHEMA_DURATION,
     .fallback = "1s", .max = HOUR_MS, .offset = NODE(memory_residency_ms)},
    {.key = "resources", .where = TR_IN_FILE, .type = TR_SCHEMA_ARGS,
     .offset = NODE(resources)},
    {.key = "schedule", .where = TR_IN_FILE, .type = TR_SCHEMA_ERRANDS,
     .inside = TR_IN_ERRAND, .offset = NO_FIELD},
    {.key = "majordomo", .where = TR_IN_FILE, .type = TR_SCHEMA_MAPPING,
     .inside = TR_IN_MAJORDOMO},
    {.key = "heartbeat", .where = TR_IN_MAJORDOMO, .type = TR_SCHEMA_DURATION,
     .fallback = "2500ms", .min = 100, .max = HOUR_MS, .offset = NODE(majordomo_heartbeat_ms)},
    {.key = "liveness", .where = TR_IN_MAJORDOMO, .type = TR_SCHEMA_NUMBER,
     .fallback = "3", .min = 2, .max = 100, .offset = NODE(majordomo_liveness)},
    {.key = "supervisor", .where = TR_IN_FILE, .type = TR_SCHEMA_MAPPING,
     .required = true, .inside = TR_IN_ROOT, .offset = NODE(root)},

    /* a listener */
    {.key = "endpoint", .where = TR_IN_LISTENER, .type = TR_SCHEMA_TEXT,
     .required = true, .offset = LISTENER(endpoint)},
    {.key = "mode", .where = TR_IN_LISTENER, .type = TR_SCHEMA_MODE,
     .fallback = "0600", .offset = LISTENER(mode)},
    {.key = "owner", .where = TR_IN_LISTENER, .type = TR_SCHEMA_TEXT,
     .offset = LISTENER(owner)},
    {.key = "security", .where = TR_IN_LISTENER, .type = TR_SCHEMA_CHOICE,
     .words = securities, .offset = LISTENER(security)},
    {.key = "call", .where = TR_IN_LISTENER, .type = TR_SCHEMA_PATTERNS,
     .offset = LISTENER(rights.call)},
    {.key = "offer", .where = TR_IN_LISTENER, .type = TR_SCHEMA_PATTERNS,
     .offset = LISTENER(rights.offer)},
    {.key = "actors", .where = TR_IN_LISTENER, .type = TR_SCHEMA_PATTERNS,
     .offset = LISTENER(rights.actors)},
    {.key = "admin", .where = TR_IN_LISTENER, .type = TR_SCHEMA_SWITCH, .words = no_yes,
     .offset = LISTENER(rights.is_admin)},
    {.key = "limits", .where = TR_IN_LISTENER, .type = TR_SCHEMA_MAPPING,
     .inside = TR_IN_PEER_LIMITS},
    {.key = "connections", .where = TR_IN_PEER_LIMITS, .type = TR_SCHEMA_NUMBER,
     .fallback = "10000", .min = 1, .max = 1000000, .offset = LISTENER(limits.connections)},
    {.key = "open", .where = TR_IN_PEER_LIMITS, .type = TR_SCHEMA_NUMBER,
     .fallback = "1000", .min = 1, .max = 1000000, .offset = LISTENER(limits.open)},
    {.key = "rate", .where = TR_IN_PEER_LIMITS, .type = TR_SCHEMA_NUMBER,
     .fallback = "0", .max = 1000000, .offset = LISTENER(limits.rate)},
    {.key = "burst", .where = TR_IN_PEER_LIMITS, .type = TR_SCHEMA_NUMBER,
     .max = 1000000, .offset = LISTENER(limits.burst)},
    {.key = "frame", .where = TR_IN_PEER_LIMITS, .type = TR_SCHEMA_SIZE,
     .fallback = "64MiB", .min = 1024, .max = INT64_C(1) << 32,
     .offset = LISTENER(limits.frame)},
    {.key = "message", .where = TR_IN_PEER_LIMITS, .type = TR_SCHEMA_SIZE,
     .min = 1024, .max = INT64_C(1) << 36, .offset = LISTENER(limits.message)},
    {.key = "frames", .where = TR_IN_PEER_LIMITS, .type = TR_SCHEMA_NUMBER,
     .fallback = "64", .min = 1, .max = 10000, .offset = LISTENER(limits.frames)},
    {.key = "malformed", .where = TR_IN_PEER_LIMITS, .type = TR_SCHEMA_NUMBER,
     .fallback = "100", .min = 1, .max = 1000000, .offset = LISTENER(limits.malformed)},
    {.key = "queue", .where = TR_IN_PEER_LIMITS, .type = TR_SCHEMA_NUMBER,
     .fallback = "10000", .min = 1, .max = 10000000, .offset = LISTENER(limits.queue)},
    {.key = "queue-bytes", .where = TR_IN_PEER_LIMITS, .type = TR_SCHEMA_SIZE,
     .fallback = "64MiB", .min = 1024, .max = INT64_C(1) << 38,
     .offset = LISTENER(limits.queue_bytes)},
    {.key = "socket-buffer", .where = TR_IN_PEER_LIMITS, .type = TR_SCHEMA_SIZE,
     .fallback = "128KiB", .max = INT64_C(1) << 30, .offset = LISTENER(limits.socket_buffer)},
    {.key = "stall", .where = TR_IN_PEER_LIMITS, .type = TR_SCHEMA_DURATION,
     .fallback = "30s", .min = 1, .max = YEAR_MS, .word = "infinity",
     .word_ms = TR_CONFIG_INFINITY, .offset = LISTENER(limits.stall_ms)},
    {.key = "idle", .where = TR_IN_PEER_LIMITS, .type = TR_SCHEMA_DURATION,
     .fallback = "5m", .min = 1, .max = YEAR_MS, .word = "infinity",
     .word_ms = TR_CONFIG_INFINITY, .offset = LISTENER(limits.idle_ms)},

    /* who may come in by CURVE */
    {.key = "key", .where = TR_IN_SECURITY, .type = TR_SCHEMA_TEXT,
     .offset = NODE(security_key)},
    {.key = "peers", .where = TR_IN_SECURITY, .type = TR_SCHEMA_PEERS,
     .inside = TR_IN_PEER, .offset = NO_FIELD},
    {.key = "name", .where = TR_IN_PEER, .type = TR_SCHEMA_NAME,
     .required = true, .offset = PEER(name)},
    {.key = "key", .where = TR_IN_PEER, .type = TR_SCHEMA_TEXT,
     .required = true, .offset = PEER(key)},
    {.key = "call", .where = TR_IN_PEER, .type = TR_SCHEMA_PATTERNS,
     .offset = PEER(rights.call)},
    {.key = "offer", .where = TR_IN_PEER, .type = TR_SCHEMA_PATTERNS,
     .offset = PEER(rights.offer)},
    {.key = "actors", .where = TR_IN_PEER, .type = TR_SCHEMA_PATTERNS,
     .offset = PEER(rights.actors)},
    {.key = "admin", .where = TR_IN_PEER, .type = TR_SCHEMA_SWITCH,
     .fallback = "false", .words = no_yes, .offset = PEER(rights.is_admin)},

    /* an errand of the schedule */
    {.key = "every", .where = TR_IN_ERRAND, .type = TR_SCHEMA_DURATION,
     .min = 100, .max = YEAR_MS, .offset = ERRAND(every_ms)},
    {.key = "at", .where = TR_IN_ERRAND, .type = TR_SCHEMA_CLOCK, .offset = ERRAND(at_s)},
    {.key = "evict", .where = TR_IN_ERRAND, .type = TR_SCHEMA_NAME, .offset = ERRAND(evict)},
    {.key = "restart", .where = TR_IN_ERRAND, .type = TR_SCHEMA_NAME,
     .offset = ERRAND(restart)},
    {.key = "scale", .where = TR_IN_ERRAND, .type = TR_SCHEMA_NAME, .offset = ERRAND(scale)},
    {.key = "min", .where = TR_IN_ERRAND, .type = TR_SCHEMA_NUMBER,
     .max = 10000, .offset = ERRAND(min)},
    {.key = "max", .where = TR_IN_ERRAND, .type = TR_SCHEMA_NUMBER,
     .min = 1, .max = 10000, .offset = ERRAND(max)},

    /* which kind of child it is */
    {.key = "capability", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_NAME,
     .required = true, .offset = CHILD(name)},
    {.key = "actor", .where = TR_IN_ACTOR, .type = TR_SCHEMA_NAME,
     .required = true, .offset = CHILD(name)},
    {.key = "supervisor", .where = TR_IN_SUPERVISOR, .type = TR_SCHEMA_NAME,
     .required = true, .offset = CHILD(name)},

    /* a supervisor, the file's own or one among the children */
    {.key = "strategy", .where = IN_SUPERVISING, .type = TR_SCHEMA_CHOICE,
     .fallback = "one_for_one", .words = strategies, .offset = CHILD(strategy)},
    {.key = "auto-shutdown", .where = IN_SUPERVISING, .type = TR_SCHEMA_CHOICE,
     .fallback = "never", .words = auto_shutdowns, .offset = CHILD(auto_shutdown)},
    {.key = "intensity", .where = IN_SUPERVISING, .type = TR_SCHEMA_MAPPING,
     .inside = TR_IN_INTENSITY},
    {.key = "children", .where = IN_SUPERVISING, .type = TR_SCHEMA_CHILDREN,
     .inside = TR_IN_CHILD, .offset = NO_FIELD},

    /* a capability, and what an actor has in common with it */
    {.key = "worker", .where = TR_IN_ACTOR, .type = TR_SCHEMA_MAPPING,
     .required = true, .inside = TR_IN_WORKER},
    {.key = "worker", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_MAPPING,
     .inside = TR_IN_WORKER},
    {.key = "spawns", .where = TR_IN_ACTOR, .type = TR_SCHEMA_NUMBER,
     .fallback = "0", .max = 10000, .offset = CHILD(spawns)},
    {.key = "isolation", .where = IN_WORKING, .type = TR_SCHEMA_CHOICE,
     .is_local = true, .words = isolations, .offset = CHILD(isolation)},
    {.key = "workers", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_MAPPING,
     .inside = TR_IN_WORKERS},
    {.key = "keep-alive", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_DURATION,
     .fallback = "60s", .max = YEAR_MS, .word = "infinity", .word_ms = TR_CONFIG_INFINITY,
     .offset = CHILD(keep_alive_ms)},
    {.key = "memory", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_SIZE,
     .is_local = true, .fallback = "0", .max = INT64_C(1) << 50, .offset = CHILD(memory)},
    {.key = "needs", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_ARGS,
     .is_local = true, .offset = CHILD(needs)},
    {.key = "pinned", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_SWITCH,
     .is_local = true, .fallback = "false", .words = no_yes, .offset = CHILD(is_pinned)},
    {.key = "evict-cost", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_NUMBER,
     .is_local = true, .fallback = "1", .min = 1, .max = 1000, .offset = CHILD(evict_cost)},
    {.key = "queue", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_MAPPING,
     .inside = TR_IN_QUEUE},
    {.key = "balance", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_CHOICE,
     .fallback = "least_pending", .words = balances, .offset = CHILD(balance)},
    {.key = "timeout", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_DURATION,
     .fallback = "30s", .min = 1, .max = YEAR_MS, .offset = CHILD(timeout_ms)},
    {.key = "queue-timeout", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_DURATION,
     .fallback = "0", .max = YEAR_MS, .offset = CHILD(queue_timeout_ms)},
    {.key = "dedup", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_SWITCH,
     .fallback = "none", .words = dedups, .offset = CHILD(dedups_bodies)},
    {.key = "reader-stall", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_DURATION,
     .fallback = "30s", .min = 1, .max = YEAR_MS, .offset = CHILD(reader_stall_ms)},
    {.key = "retry", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_NUMBER,
     .fallback = "0", .max = 100, .offset = CHILD(retry)},
    {.key = "poison", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_NUMBER,
     .fallback = "3", .min = 1, .max = 100, .offset = CHILD(poison)},
    {.key = "breaker", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_MAPPING,
     .optional = true, .inside = TR_IN_BREAKER},
    {.key = "batch", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_MAPPING,
     .optional = true, .inside = TR_IN_BATCH},
    {.key = "restart", .where = TR_IN_CHILD, .type = TR_SCHEMA_CHOICE,
     .fallback = "permanent", .words = restarts, .offset = CHILD(restart)},
    {.key = "backoff", .where = IN_WORKING, .type = TR_SCHEMA_MAPPING,
     .inside = TR_IN_BACKOFF},
    {.key = "significant", .where = TR_IN_SUPERVISOR | TR_IN_ACTOR, .type = TR_SCHEMA_SWITCH,
     .fallback = "false", .words = no_yes, .offset = CHILD(is_significant)},
    {.key = "shutdown", .where = IN_WORKING, .type = TR_SCHEMA_DURATION,
     .fallback = "5s", .max = YEAR_MS, .word = "infinity", .word_ms = TR_CONFIG_INFINITY,
     .offset = CHILD(shutdown_ms)},
    {.key = "shutdown", .where = TR_IN_SUPERVISOR, .type = TR_SCHEMA_DURATION,
     .fallback = "infinity", .max = YEAR_MS, .word = "infinity", .word_ms = TR_CONFIG_INFINITY,
     .offset = CHILD(shutdown_ms)},
    {.key = "start-stall", .where = IN_WORKING, .type = TR_SCHEMA_DURATION,
     .fallback = "60s", .min = 1, .max = YEAR_MS, .offset = CHILD(start_stall_ms)},
    {.key = "start-timeout", .where = IN_WORKING, .type = TR_SCHEMA_DURATION,
     .fallback = "0", .max = YEAR_MS, .offset = CHILD(start_timeout_ms)},
    {.key = "health", .where = IN_WORKING, .type = TR_SCHEMA_MAPPING,
     .inside = TR_IN_HEALTH},
    {.key = "intensity", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_MAPPING,
     .inside = TR_IN_POOL_INTENSITY},
    {.key = "intensity", .where = TR_IN_ACTOR, .type = TR_SCHEMA_MAPPING,
     .optional = true, .inside = TR_IN_ACTOR_INTENSITY},
    {.key = "mailbox", .where = TR_IN_ACTOR, .type = TR_SCHEMA_MAPPING,
     .inside = TR_IN_MAILBOX},
    {.key = "recycle", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_MAPPING,
     .inside = TR_IN_RECYCLE},
    {.key = "on-intensity", .where = TR_IN_CAPABILITY, .type = TR_SCHEMA_SWITCH,
     .fallback = "backoff", .words = on_intensity, .offset = CHILD(escalate)},

    /* the mappings inside a child */
    {.key = "module", .where = TR_IN_WORKER, .type = TR_SCHEMA_NAME, .offset = CHILD(module)},
    {.key = "args", .where = TR_IN_WORKER, .type = TR_SCHEMA_ARGS, .offset = CHILD(args)},
    {.key = "command", .where = TR_IN_WORKER, .type = TR_SCHEMA_WORDS,
     .offset = CHILD(command)},
    {.key = "env", .where = TR_IN_WORKER, .type = TR_SCHEMA_ARGS, .offset = CHILD(env)},
    {.key = "directory", .where = TR_IN_WORKER, .type = TR_SCHEMA_TEXT,
     .offset = CHILD(directory)},
    {.key = "limits", .where = TR_IN_WORKER, .type = TR_SCHEMA_MAPPING, .inside = TR_IN_LIMITS},
    {.key = "memory", .where = TR_IN_LIMITS, .type = TR_SCHEMA_SIZE,
     .min = 1 << 20, .max = INT64_C(1) << 50, .offset = CHILD(limit_memory)},
    {.key = "cpu-time", .where = TR_IN_LIMITS, .type = TR_SCHEMA_DURATION,
     .min = 1000, .max = YEAR_MS, .offset = CHILD(limit_cpu_time_ms)},
    {.key = "open-files", .where = TR_IN_LIMITS, .type = TR_SCHEMA_NUMBER,
     .min = 16, .max = 1 << 20, .offset = CHILD(limit_open_files)},
    {.key = "nice", .where = TR_IN_LIMITS, .type = TR_SCHEMA_NUMBER,
     .fallback = "0", .max = 19, .offset = CHILD(limit_nice)},
    {.key = "cpus", .where = TR_IN_LIMITS, .type = TR_SCHEMA_TEXT, .offset = CHILD(limit_cpus)},
    {.key = "remote", .where = TR_IN_WORKERS, .type = TR_SCHEMA_SWITCH,
     .fallback = "false", .words = no_yes, .offset = CHILD(takes_remote)},
    {.key = "min", .where = TR_IN_WORKERS, .type = TR_SCHEMA_NUMBER,
     .fallback = "1", .max = 10000, .offset = CHILD(workers_min)},
    {.key = "max", .where = TR_IN_WORKERS, .type = TR_SCHEMA_NUMBER,
     .max = 10000, .offset = CHILD(workers_max)},
    {.key = "concurrency", .where = TR_IN_WORKERS, .type = TR_SCHEMA_NUMBER,
     .is_local = true, .fallback = "1", .min = 1, .max = 100000, .offset = CHILD(concurrency)},
    {.key = "parallel-starts", .where = TR_IN_WORKERS, .type = TR_SCHEMA_NUMBER,
     .is_local = true, .fallback = "1", .min = 1, .max = 1000, .offset = CHILD(parallel_starts)},
    {.key = "requests", .where = TR_IN_RECYCLE, .type = TR_SCHEMA_NUMBER,
     .is_local = true, .fallback = "0", .max = INT64_C(1000000000000), .offset = CHILD(recycle_requests)},
    {.key = "age", .where = TR_IN_RECYCLE, .type = TR_SCHEMA_DURATION,
     .is_local = true, .fallback = "0", .max = YEAR_MS, .offset = CHILD(recycle_age_ms)},
    {.key = "jitter", .where = TR_IN_RECYCLE, .type = TR_SCHEMA_SHARE,
     .is_local = true, .fallback = "10%", .max = 1, .offset = CHILD(recycle_jitter)},
    {.key = "limit", .where = TR_IN_QUEUE, .type = TR_SCHEMA_NUMBER,
     .fallback = "100", .min = 1, .max = 1000000, .offset = CHILD(queue_limit)},
    {.key = "overflow", .where = TR_IN_QUEUE, .type = TR_SCHEMA_CHOICE,
     .fallback = "reject", .words = overflows, .offset = CHILD(overflow)},
    {.key = "per-peer", .where = TR_IN_QUEUE, .type = TR_SCHEMA_NUMBER,
     .fallback = "0", .max = 1000000, .offset = CHILD(per_peer)},
    {.key = "limit", .where = TR_IN_MAILBOX, .type = TR_SCHEMA_NUMBER,
     .fallback = "100000", .min = 1, .max = 1000000, .offset = CHILD(mailbox_limit)},
    {.key = "bytes", .where = TR_IN_MAILBOX, .type = TR_SCHEMA_SIZE,
     .fallback = "1GiB", .min = 1024, .max = INT64_C(1) << 38, .offset = CHILD(mailbox_bytes)},
    {.key = "failures", .where = TR_IN_BREAKER, .type = TR_SCHEMA_NUMBER,
     .fallback = "5", .min = 1, .max = 1000000, .offset = CHILD(breaker_failures)},
    {.key = "cooldown", .where = TR_IN_BREAKER, .type = TR_SCHEMA_DURATION,
     .fallback = "10s", .min = 1, .max = YEAR_MS, .offset = CHILD(breaker_cooldown_ms)},
    {.key = "probes", .where = TR_IN_BREAKER, .type = TR_SCHEMA_NUMBER,
     .fallback = "3", .min = 1, .max = 10000, .offset = CHILD(breaker_probes)},
    {.key = "max", .where = TR_IN_BATCH, .type = TR_SCHEMA_NUMBER,
     .is_local = true, .fallback = "8", .min = 1, .max = 10000, .offset = CHILD(batch_max)},
    {.key = "window", .where = TR_IN_BATCH, .type = TR_SCHEMA_DURATION,
     .is_local = true, .fallback = "2ms", .max = HOUR_MS, .offset = CHILD(batch_window_ms)},
    {.key = "min", .where = TR_IN_BACKOFF, .type = TR_SCHEMA_DURATION,
     .fallback = "100ms", .min = 1, .max = YEAR_MS, .offset = CHILD(backoff_min_ms)},
    {.key = "max", .where = TR_IN_BACKOFF, .type = TR_SCHEMA_DURATION,
     .fallback = "30s", .min = 1, .max = YEAR_MS, .offset = CHILD(backoff_max_ms)},
    {.key = "interval", .where = TR_IN_HEALTH, .type = TR_SCHEMA_DURATION,
     .fallback = "1s", .min = 1, .max = YEAR_MS, .offset = CHILD(health_interval_ms)},
    {.key = "misses", .where = TR_IN_HEALTH, .type = TR_SCHEMA_NUMBER,
     .fallback = "3", .min = 1, .max = 1000, .offset = CHILD(health_misses)},
    {.key = "stall", .where = TR_IN_HEALTH, .type = TR_SCHEMA_DURATION,
     .fallback = "auto", .min = 1, .max = YEAR_MS, .word = "auto", .word_ms = 0,
     .offset = CHILD(health_stall_ms)},
    {.key = "overrun", .where = TR_IN_HEALTH, .type = TR_SCHEMA_DURATION,
     .fallback = "30s", .min = 1, .max = YEAR_MS, .offset = CHILD(health_overrun_ms)},
    {.key = "probe-interval", .where = TR_IN_HEALTH, .type = TR_SCHEMA_DURATION,
     .fallback = "0", .max = YEAR_MS, .offset = CHILD(health_probe_ms)},

    /* how many restarts are too many */
    {.key = "restarts", .where = TR_IN_INTENSITY | TR_IN_ACTOR_INTENSITY,
     .type = TR_SCHEMA_NUMBER, .fallback = "1", .max = 1000000,
     .offset = CHILD(intensity_restarts)},
    {.key = "restarts", .where = TR_IN_POOL_INTENSITY, .type = TR_SCHEMA_NUMBER,
     .max = 1000000, .offset = CHILD(intensity_restarts)},
    {.key = "period", .where = TR_IN_INTENSITY | TR_IN_ACTOR_INTENSITY,
     .type = TR_SCHEMA_DURATION, .fallback = "5s", .min = 1, .max = YEAR_MS,
     .offset = CHILD(intensity_period_ms)},
    {.key = "period", .where = TR_IN_POOL_INTENSITY, .type = TR_SCHEMA_DURATION,
     .fallback = "10s", .min = 1, .max = YEAR_MS, .offset = CHILD(intensity_period_ms)},

    /* known from the design, and not in this version */
    LATER("<<", TR_IN_ANY),
};
/* clang-format on */

const size_t tr_schema_rows = sizeof tr_schema / sizeof tr_schema[0];

_Static_assert(sizeof tr_schema / sizeof tr_schema[0] <= TR_SCHEMA_ROWS_MAX,
               "raise TR_SCHEMA_ROWS_MAX");

const tr_schema_row_t *tr_schema_find(unsigned where, const char *key)
{
    assert(key);
    for (size_t i = 0; i < tr_schema_rows; i++) {
        if ((tr_schema[i].where & where) && strcmp(tr_schema[i].key, key) == 0) {
            return &tr_schema[i];
        }
    }
    return NULL;
}

const char *tr_schema_nearest(unsigned where, const char *key)
{
    assert(key);
    /* Of a short word one letter is a slip already, of a long one two. */
    size_t closest = strlen(key) > 4 ? 3 : 2;
    const char *nearest = NULL;
    for (size_t i = 0; i < tr_schema_rows; i++) {
        const tr_schema_row_t *row = &tr_schema[i];
        if (!(row->where & where) || row->type == TR_SCHEMA_LATER) {
            continue;
        }
        size_t distance = tr_text_distance(key, row->key);
        if (distance < closest) {
            closest = distance;
            nearest = row->key;
        }
    }
    return nearest;
}

const char *tr_schema_where(unsigned where)
{
    switch (where) {
    case TR_IN_FILE:
        return "the top mapping";
    case TR_IN_LISTENER:
        return "a listener";
    case TR_IN_ROOT:
    case TR_IN_SUPERVISOR:
        return "a supervisor";
    case TR_IN_CAPABILITY:
        return "a capability";
    case TR_IN_ACTOR:
        return "an actor";
    case TR_IN_WORKER:
        return "'worker'";
    case TR_IN_WORKERS:
        return "'workers'";
    case TR_IN_QUEUE:
        return "'queue'";
    case TR_IN_MAILBOX:
        return "'mailbox'";
    case TR_IN_BACKOFF:
        return "'backoff'";
    case TR_IN_HEALTH:
        return "'health'";
    case TR_IN_RECYCLE:
        return "'recycle'";
    case TR_IN_BREAKER:
        return "'breaker'";
    case TR_IN_BATCH:
        return "'batch'";
    case TR_IN_MAJORDOMO:
        return "'majordomo'";
    case TR_IN_MEMORY:
        return "'memory'";
    case TR_IN_SECURITY:
        return "'security'";
    case TR_IN_PEER:
        return "a peer of 'security'";
    case TR_IN_ERRAND:
        return "an errand of 'schedule'";
    case TR_IN_LIMITS:
    case TR_IN_PEER_LIMITS:
    case TR_IN_NODE_LIMITS:
        return "'limits'";
    case TR_IN_INTENSITY:
    case TR_IN_POOL_INTENSITY:
    case TR_IN_ACTOR_INTENSITY:
        return "'intensity'";
    default:
        return "a child";
    }
}
