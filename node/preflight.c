/* What a description needs is computed from it, raised where the system allows, and said where
 * it does not.
 */

#include "node/preflight.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/tcp_address.h"
#include "node/budget.h"
#include "node/http/address.h"
#include "node/http/http.h"
#include "remote/doors/endpoint.h"
#include "wire/curve_key.h"

/* An actor has a zactor pipe (two sockets) and a door; each socket and each bell is a
 * descriptor. The rest is for connections, files and whatever the program itself opens. */
#define PROVIDED_SOCKETS      16384 /* at least, for all nodes of the process */
#define SOCKETS_PER_ACTOR     3
#define DESCRIPTORS_PER_ACTOR 4
/* A worker in a process has one more socket with its connection, two pipes, and two descriptors
 * of the process. */
#define SOCKETS_PER_PROCESS     1
#define DESCRIPTORS_PER_PROCESS 8
#define SPARE_ACTORS            256 /* for children that are added later */
#define SPARE_SOCKETS           256
#define SPARE_DESCRIPTORS       512

typedef struct tally {
    size_t n_capabilities;
    int64_t min_workers;
    int64_t max_workers;
    size_t n_actors;
    size_t n_supervisors;
} tally_t;

static void count(const tr_config_child_t *child, tally_t *tally)
{
    if (child->kind == TR_CONFIG_CAPABILITY) {
        tally->n_capabilities++;
        tally->min_workers += child->workers_min;
        tally->max_workers += child->workers_max;
    }
    tally->n_actors += child->kind == TR_CONFIG_ACTOR;
    tally->n_supervisors += child->kind == TR_CONFIG_SUPERVISOR;
    for (size_t i = 0; i < child->n_children; i++) {
        count(&child->children[i], tally);
    }
}

char *troupe_node_summary(const troupe_node_t *self)
{
    assert(self);
    if (!self->config) {
        return NULL;
    }
    tally_t tally = {0};
    count(&self->config->root, &tally);
    char *text = NULL;
    if (asprintf(&text,
                 "node %s: capabilities %zu with %lld to %lld workers, actors %zu, "
                 "supervisors %zu, endpoints %zu",
                 self->config->name, tally.n_capabilities, (long long)tally.min_workers,
                 (long long)tally.max_workers, tally.n_actors, tally.n_supervisors,
                 self->config->n_listeners) < 0) {
        return NULL;
    }
    return text;
}

char *troupe_node_outlook(const troupe_node_t *self)
{
    assert(self);
    return self->config ? tr_budget_outlook(self->config, tr_machine_memory("")) : NULL;
}

void tr_preflight_say(troupe_problem_fn *report, void *arg, const char *file, const char *text)
{
    if (report) {
        char line[1024];
        snprintf(line, sizeof line, "%s: error: %s", file, text);
        report(arg, line);
    }
}

troupe_status_t tr_preflight_build(const tr_config_t *config, const char *file,
                                   troupe_problem_fn *report, void *arg)
{
    if (!config->http || tr_http_is_there()) {
        return TROUPE_OK;
    }
    if (report) {
        char line[1024];
        snprintf(line, sizeof line,
                 "%s:%d:%d: error: this build has no 'http': it was made without libmicrohttpd",
                 file, config->http_place.line, config->http_place.column);
        report(arg, line);
    }
    return TROUPE_ERR_INVALID;
}

/* How many sockets czmq's context has room for. libzmq takes that number when the first socket
 * of the process is made, and czmq's own function for it ends a process that has one: so it is
 * said once, by the first node, and for nodes to come. */
static size_t provide_sockets(size_t n_needed)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static size_t n_provided;
    pthread_mutex_lock(&mutex);
    if (n_provided == 0) {
        size_t wanted = n_needed > PROVIDED_SOCKETS ? n_needed : PROVIDED_SOCKETS;
        size_t most = zsys_socket_limit();
        n_provided = wanted < most ? wanted : most;
        zmq_ctx_set(zsys_init(), ZMQ_MAX_SOCKETS, (int)n_provided);
    }
    size_t n = n_provided;
    pthread_mutex_unlock(&mutex);
    return n;
}

size_t tr_preflight_most_actors(const troupe_node_t *self)
{
    return self->plan->n_actors + SPARE_ACTORS;
}

/* Let the process have so many descriptors, or say what stands in the way. */
static troupe_status_t provide_descriptors(rlim_t n_needed, const char *file,
                                           troupe_problem_fn *report, void *arg)
{
    struct rlimit limit;
    char text[200];
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= n_needed) {
        return TROUPE_OK;
    }
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < n_needed) {
        snprintf(text, sizeof text,
                 "this tree needs %llu descriptors, the system allows %llu (see ulimit -n)",
                 (unsigned long long)n_needed, (unsigned long long)limit.rlim_max);
        tr_preflight_say(report, arg, file, text);
        return TROUPE_ERR_IO;
    }
    limit.rlim_cur = n_needed;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        tr_preflight_say(report, arg, file, strerror(errno));
        return TROUPE_ERR_IO;
    }
    return TROUPE_OK;
}

/* Have room for so many connections beside all else, as far as the system lets. How many there
 * may be follows from what there is: see remote/gateway/guard.c. */
static void provide_connections(size_t n_connections)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        rlim_t wanted = limit.rlim_cur + n_connections;
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* For so many actors, of which so many have a process. */
static troupe_status_t provide(size_t n_actors, size_t n_processes, const char *file,
                               troupe_problem_fn *report, void *arg)
{
    size_t n_sockets =
        n_actors * SOCKETS_PER_ACTOR + n_processes * SOCKETS_PER_PROCESS + SPARE_SOCKETS;
    size_t n_provided = provide_sockets(n_sockets);
    if (n_provided < n_sockets) {
        char text[200];
        snprintf(text, sizeof text,
                 "this tree needs %zu sockets, this process has %zu since its first node",
                 n_sockets, n_provided);
        tr_preflight_say(report, arg, file, text);
        return TROUPE_ERR_IO;
    }
    return provide_descriptors(n_actors * DESCRIPTORS_PER_ACTOR +
                                   n_processes * DESCRIPTORS_PER_PROCESS + SPARE_DESCRIPTORS,
                               file, report, arg);
}

troupe_status_t tr_preflight_limits(const troupe_node_t *self, troupe_problem_fn *report,
                                    void *arg)
{
    troupe_status_t status =
        provide(tr_preflight_most_actors(self), self->plan->n_processes + SPARE_ACTORS / 4,
                self->file, report, arg);
    if (status == TROUPE_OK && self->config->n_listeners > 0) {
        provide_connections((size_t)self->config->limit_connections);
    }
    return status;
}

troupe_status_t tr_preflight_fits(const tr_plan_t *plan, size_t most_actors, const char *file,
                                  troupe_problem_fn *report, void *arg)
{
    assert(plan && file);
    size_t n_needed = plan->n_actors - plan->n_guests;
    if (most_actors > 0 && n_needed > most_actors) {
        char text[200];
        snprintf(
            text, sizeof text,
            "this tree needs up to %zu actors, and the node was started for %zu: more need "
            "a restart of the node",
            n_needed, most_actors);
        tr_preflight_say(report, arg, file, text);
        return TROUPE_ERR_IO;
    }
    return provide(most_actors > 0 ? most_actors : plan->n_actors,
                   plan->n_processes + SPARE_ACTORS / 4, file, report, arg);
}

static void say_cannot_listen(const char *file, tr_config_place_t place, const char *where,
                              const char *why, troupe_problem_fn *report, void *arg)
{
    char line[1024];
    snprintf(line, sizeof line, "%s:%d:%d: error: cannot listen on %s: %s", file, place.line,
             place.column, where, why);
    if (report) {
        report(arg, line);
    }
}

troupe_status_t tr_preflight_endpoint(const tr_config_listener_t *listener, const char *file,
                                      troupe_problem_fn *report, void *arg)
{
    assert(listener && file);
    char why[256];
    troupe_status_t status = tr_endpoint_check(listener->endpoint, why, sizeof why);
    if (status != TROUPE_OK) {
        say_cannot_listen(file, listener->place, listener->endpoint, why, report, arg);
    }
    return status == TROUPE_OK ? TROUPE_OK : TROUPE_ERR_IO;
}

troupe_status_t tr_preflight_http(const tr_config_t *config, const char *file,
                                  troupe_problem_fn *report, void *arg)
{
    assert(config && file);
    struct sockaddr_in address;
    char why[256];
    if (!config->http || tr_http_address_problem(config->http, &address) ||
        tr_tcp_address_check(&address, why, sizeof why) == TROUPE_OK) {
        return TROUPE_OK;
    }
    say_cannot_listen(file, config->http_place, config->http, why, report, arg);
    return TROUPE_ERR_IO;
}

static bool wants_curve(const tr_config_t *config)
{
    bool is_wanted = false;
    for (size_t i = 0; !is_wanted && i < config->n_listeners; i++) {
        is_wanted = config->listeners[i].security == TR_CONFIG_SECURITY_CURVE;
    }
    return is_wanted;
}

void tr_preflight_note_key(tr_config_t *config)
{
    assert(config);
    char why[512];
    tr_curve_pair_t pair;
    if (wants_curve(config) &&
        tr_curve_pair_read(config->security_key, &pair, why, sizeof why) == TROUPE_OK) {
        memcpy(config->node_key, pair.public_key, sizeof config->node_key);
        tr_curve_pair_forget(&pair);
    }
}

troupe_status_t tr_preflight_security(const tr_config_t *config, const char *file,
                                      troupe_problem_fn *report, void *arg)
{
    assert(config && file);
    char why[512];
    char line[1024];
    tr_curve_pair_t pair;
    troupe_status_t status = TROUPE_OK;
    if (wants_curve(config) &&
        tr_curve_pair_read(config->security_key, &pair, why, sizeof why) != TROUPE_OK) {
        snprintf(line, sizeof line, "%s:%d:%d: error: the key of the node: %s", file,
                 config->security_key_place.line, config->security_key_place.column, why);
        if (report) {
            report(arg, line);
        }
        status = TROUPE_ERR_IO;
    }
    tr_curve_pair_forget(&pair);
    for (size_t i = 0; i < config->n_listeners; i++) {
        const tr_config_listener_t *listener = &config->listeners[i];
        if (tr_endpoint_check_owner(listener->owner, why, sizeof why) != TROUPE_OK) {
            say_cannot_listen(file, listener->place, listener->endpoint, why, report, arg);
            status = TROUPE_ERR_IO;
        }
    }
    return status;
}

troupe_status_t tr_preflight_endpoints(const troupe_node_t *self, troupe_problem_fn *report,
                                       void *arg)
{
    tr_preflight_note_key(self->config);
    troupe_status_t status = tr_preflight_http(self->config, self->file, report, arg);
    if (tr_preflight_security(self->config, self->file, report, arg) != TROUPE_OK) {
        status = TROUPE_ERR_IO;
    }
    for (size_t i = 0; i < self->config->n_listeners; i++) {
        if (tr_preflight_endpoint(&self->config->listeners[i], self->file, report, arg) !=
            TROUPE_OK) {
            status = TROUPE_ERR_IO;
        }
    }
    return status;
}
