/* node/config/config.h - a description of a tree, read from YAML
 *
 * Reading gives either a whole, checked description with every default filled in, or every
 * problem that can be told at once, each with its place. Nothing is started here.
 */

#ifndef TROUPE_NODE_CONFIG_CONFIG_H
#define TROUPE_NODE_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/node.h>
#include <troupe/status.h>

#include "base/machine.h"
#include "wire/curve_key.h"

typedef struct tr_config_place {
    int line;   /* from 1 */
    int column; /* from 1 */
} tr_config_place_t;

/* A list of texts. */
typedef struct tr_config_words {
    char **items;
    size_t n;
} tr_config_words_t;

/* Of the peers of a listener. */
typedef struct tr_config_limits {
    int64_t connections;
    int64_t open;
    int64_t rate;  /* requests a second; 0: any number */
    int64_t burst; /* 0: there is no rate */
    int64_t frame; /* bytes */
    int64_t message;
    int64_t frames;
    int64_t malformed; /* messages in a minute */
    int64_t queue;     /* commands */
    int64_t queue_bytes;
    int64_t socket_buffer; /* bytes; 0: as the system likes */
    int64_t stall_ms;
    int64_t idle_ms;
} tr_config_limits_t;

typedef enum tr_config_security {
    TR_CONFIG_SECURITY_NONE,
    TR_CONFIG_SECURITY_CURVE,
} tr_config_security_t;

/* What a peer may do. Of words, one that ends with "*" stands for all that begin so. */
typedef struct tr_config_rights {
    tr_config_words_t call;   /* capabilities */
    tr_config_words_t offer;  /* capabilities that it may serve as a worker */
    tr_config_words_t actors; /* to whom it may send */
    bool is_admin;
} tr_config_rights_t;

typedef struct tr_config_listener {
    char *endpoint; /* "ipc:///run/x.sock", "tcp://127.0.0.1:5670" */
    unsigned mode;  /* of an ipc socket, default 0600 */
    char *owner;    /* of an ipc socket: "USER", "USER:GROUP", ":GROUP"; NULL: the node's */
    tr_config_security_t security;
    tr_config_rights_t rights; /* of peers without a key */
    tr_config_limits_t limits;
    tr_config_place_t place;
} tr_config_listener_t;

/* Somebody who may come in by CURVE. */
typedef struct tr_config_peer {
    char *name;
    char *key; /* public, as text */
    tr_config_rights_t rights;
    tr_config_place_t place;
} tr_config_peer_t;

typedef struct tr_config_arg {
    char *key;
    char *value;
} tr_config_arg_t;

/* Keys and values in the order of the file. */
typedef struct tr_config_args {
    tr_config_arg_t *items;
    size_t n;
} tr_config_args_t;

/* A size, or a share of what there is. */
typedef struct tr_config_amount {
    int64_t bytes; /* -1: it is the share */
    double share;
} tr_config_amount_t;

/* What is to be done to a capability at certain times. */
typedef struct tr_config_errand {
    tr_config_place_t place;
    int64_t every_ms; /* from the start on; 0: once a day, at `at_s` */
    int64_t at_s;     /* seconds after midnight, local time */
    char *evict;      /* one of these three names the capability */
    char *restart;
    char *scale;
    int64_t min; /* of a scale; -1: as it is */
    int64_t max;
} tr_config_errand_t;

typedef enum tr_config_kind {
    TR_CONFIG_CAPABILITY,
    TR_CONFIG_SUPERVISOR,
    TR_CONFIG_ACTOR,
} tr_config_kind_t;

typedef enum tr_config_strategy {
    TR_CONFIG_ONE_FOR_ONE,
    TR_CONFIG_ONE_FOR_ALL,
    TR_CONFIG_REST_FOR_ONE,
    TR_CONFIG_SIMPLE_ONE_FOR_ONE,
} tr_config_strategy_t;

typedef enum tr_config_auto_shutdown {
    TR_CONFIG_SHUTDOWN_NEVER,
    TR_CONFIG_SHUTDOWN_ANY,
    TR_CONFIG_SHUTDOWN_ALL,
} tr_config_auto_shutdown_t;

typedef enum tr_config_isolation {
    TR_CONFIG_THREAD,
    TR_CONFIG_PROCESS,
    TR_CONFIG_INLINE,
} tr_config_isolation_t;

typedef enum tr_config_restart {
    TR_CONFIG_PERMANENT,
    TR_CONFIG_TRANSIENT,
    TR_CONFIG_TEMPORARY,
} tr_config_restart_t;

typedef enum tr_config_overflow {
    TR_CONFIG_OVERFLOW_REJECT,
    TR_CONFIG_OVERFLOW_DROP_OLDEST,
    TR_CONFIG_OVERFLOW_BLOCK,
} tr_config_overflow_t;

typedef enum tr_config_balance {
    TR_CONFIG_LEAST_PENDING,
    TR_CONFIG_POWER_OF_TWO,
    TR_CONFIG_ROUND_ROBIN,
    TR_CONFIG_STICKY,
} tr_config_balance_t;

/* Stands for `infinity` in a duration that allows it. */
#define TR_CONFIG_INFINITY INT64_MAX

typedef struct tr_config_child tr_config_child_t;

/* One child of a supervisor, of any kind. Fields that its kind does not have are zero. */
struct tr_config_child {
    tr_config_kind_t kind;
    char *name;
    tr_config_place_t place;

    /* capability, actor */
    char *module; /* NULL: a command */
    tr_config_place_t module_place;
    tr_config_place_t worker_place; /* line 0: not there */
    bool has_worker;                /* that the node starts; of an actor always */
    tr_config_args_t args;
    int64_t backoff_min_ms;
    int64_t backoff_max_ms;
    int64_t start_stall_ms;   /* a start without progress for so long has failed */
    int64_t start_timeout_ms; /* any start that takes so long has; 0: no bound */
    int64_t health_interval_ms;
    int64_t health_misses;
    int64_t health_stall_ms; /* 0: the request's own time plus 5 s */
    int64_t health_overrun_ms;
    int64_t health_probe_ms; /* 0: no probes */

    /* all, though a capability's are those of its workers */
    tr_config_restart_t restart;
    int64_t shutdown_ms;
    int64_t spawns;      /* of an actor: it starts about so many children; 0: none */
    bool is_significant; /* not of a capability */

    /* capability: a worker's process */
    tr_config_isolation_t isolation;
    tr_config_words_t command;
    tr_config_args_t env;
    char *directory;      /* NULL: the node's */
    int64_t limit_memory; /* bytes; 0: none, as of all limits */
    int64_t limit_cpu_time_ms;
    int64_t limit_open_files;
    int64_t limit_nice;
    char *limit_cpus; /* "0,2-3"; NULL: any */

    /* capability */
    int64_t memory;         /* bytes that each worker is said to need; 0: not said */
    tr_config_args_t needs; /* of each named resource, as numbers */
    bool is_pinned;
    int64_t evict_cost;
    bool takes_remote; /* workers that come by themselves */
    int64_t workers_min;
    int64_t workers_max;
    int64_t concurrency;
    int64_t parallel_starts;
    int64_t keep_alive_ms; /* an idle worker beyond `min` leaves after so long */
    int64_t queue_limit;
    tr_config_overflow_t overflow;
    int64_t per_peer; /* 0: as many as fit the queue */
    tr_config_balance_t balance;
    int64_t timeout_ms;       /* the default deadline */
    int64_t queue_timeout_ms; /* 0: until the deadline */
    bool dedups_bodies;       /* requests with equal bodies share a run */
    int64_t reader_stall_ms;
    int64_t retry;
    int64_t poison;
    int64_t breaker_failures; /* 0: no breaker, and nothing in the two below */
    int64_t breaker_cooldown_ms;
    int64_t breaker_probes;
    int64_t batch_max; /* 1: one at a time */
    int64_t batch_window_ms;
    bool escalate;            /* on-intensity: escalate */
    int64_t recycle_requests; /* 0: never */
    int64_t recycle_age_ms;   /* 0: never */
    double recycle_jitter;

    /* actor */
    int64_t mailbox_limit; /* messages */
    int64_t mailbox_bytes;

    /* supervisor; for a capability and an actor the intensity of its own */
    tr_config_strategy_t strategy;
    tr_config_auto_shutdown_t auto_shutdown;
    int64_t intensity_restarts; /* -1: none of its own (actor) */
    int64_t intensity_period_ms;
    tr_config_child_t *children;
    size_t n_children;
};

typedef struct tr_config {
    char *path; /* of the file that it was read from; NULL: it was a text */
    char *name; /* of the node */
    tr_config_listener_t *listeners;
    size_t n_listeners;
    int64_t limit_connections; /* of all listeners */
    int64_t limit_open;
    int64_t limit_queue_bytes;
    char *security_key; /* the file of the node's own key; NULL: none */
    tr_config_place_t security_key_place;
    char node_key[TR_CURVE_KEY_TEXT]; /* what was in that file when it was noted; "": nothing */
    tr_config_peer_t *peers;
    size_t n_peers;
    char *http; /* HOST:PORT, or NULL */
    tr_config_place_t http_place;
    tr_config_amount_t memory_budget;
    int64_t memory_reserve;
    int64_t memory_residency_ms;
    tr_config_args_t resources; /* names and numbers */
    tr_config_errand_t *schedule;
    size_t n_errands;
    int64_t drain_timeout_ms;
    int64_t majordomo_heartbeat_ms;
    int64_t majordomo_liveness; /* heartbeats that may fail to come */
    int64_t spin_us;            /* how long threads look for work before they sleep */
    int64_t quarantine_limit;   /* hung threads beyond which the node gives up */
    tr_config_child_t root;     /* a supervisor */
} tr_config_t;

/* Whether it is a capability whose workers all come by themselves. */
static inline bool tr_config_is_remote_only(const tr_config_child_t *child)
{
    return child->kind == TR_CONFIG_CAPABILITY && child->takes_remote && !child->has_worker;
}

/* Read YAML text. `file` stands in the problems. Each problem goes to `report (arg, line)` as
 * "FILE:LINE:COLUMN: error: TEXT", in order of place; report may be NULL.
 *
 *   TROUPE_OK           *out is the caller's, to be released with tr_config_destroy
 *   TROUPE_ERR_INVALID  problems were reported
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_config_read(const char *file, const char *text, size_t size,
                                                troupe_problem_fn *report, void *arg,
                                                tr_config_t **out);

/* The same for a machine with so much memory; tr_config_read takes that of this one. */
TROUPE_NODISCARD troupe_status_t tr_config_read_for(tr_machine_memory_t there, const char *file,
                                                    const char *text, size_t size,
                                                    troupe_problem_fn *report, void *arg,
                                                    tr_config_t **out);

/* The same of one child of a supervisor, a mapping as the lists called `children` have them:
 * (*out)->root has it as its only child. What depends on its supervisor is not checked; whether
 * it could ever run is, beside what `node` says that there is (NULL: nobody knows). */
TROUPE_NODISCARD troupe_status_t tr_config_read_child(const char *file, const char *text,
                                                      size_t size, const tr_config_t *node,
                                                      troupe_problem_fn *report, void *arg,
                                                      tr_config_t **out);

/* The same from a file; TROUPE_ERR_IO, reported as "FILE: error: TEXT", when it cannot be
 * read. */
TROUPE_NODISCARD troupe_status_t tr_config_read_file(const char *path,
                                                     troupe_problem_fn *report, void *arg,
                                                     tr_config_t **out);

/* Give the resources of `self` the places that they have in `before`, as each is known by its
 * place; one that is there no more keeps its own, and there is nothing of it. False when out of
 * memory. */
TROUPE_NODISCARD bool tr_config_keep_resources(tr_config_t *self, const tr_config_t *before);

/* NULL is fine. */
void tr_config_destroy(tr_config_t **self_p);

#endif
