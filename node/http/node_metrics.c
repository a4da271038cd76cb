#include "node/http/node_metrics.h"

#include <assert.h>
#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "node/admin/account.h"
#include "node/http/exposition.h"

#define US_PER_SECOND 1000000

static const tr_label_t no_label = {0};

/* ---- workers ---- */

/* All that `state` of a worker can say (actors/worker/worker_state.h, and tr_child_state of one
 * that is not up), so that a series does not come and go with what it counts. */
static const char *const states[] = {"loading",  "ready",      "processing", "idle",   "paused",
                                     "draining", "hung",       "evicting",   "failed", "dead",
                                     "waiting",  "restarting", "stopping",   "stopped"};

enum { N_STATES = sizeof states / sizeof states[0] };

static void add_workers_of(tr_builder_t *to, const char *capability,
                           const msgpack_object_array *workers)
{
    for (size_t i = 0; i < N_STATES; i++) {
        int64_t n = 0;
        for (uint32_t j = 0; j < workers->size; j++) {
            n += tr_account_says(&workers->ptr[j], "state", states[i]);
        }
        tr_exposition_number(to, "troupe_workers", (tr_label_t){"capability", capability},
                             (tr_label_t){"state", states[i]}, n);
    }
}

static void add_workers(tr_builder_t *to, const msgpack_object *account)
{
    msgpack_object_array all = tr_account_list(account, "capabilities");
    tr_exposition_family(to, TR_METRIC_GAUGE, "troupe_workers", "Workers by state");
    for (uint32_t i = 0; i < all.size; i++) {
        const msgpack_object *name = tr_account_member(&all.ptr[i], "name");
        if (name && name->type == MSGPACK_OBJECT_STR) {
            char text[128];
            snprintf(text, sizeof text, "%.*s", (int)name->via.str.size, name->via.str.ptr);
            msgpack_object_array workers = tr_account_list(&all.ptr[i], "workers");
            add_workers_of(to, text, &workers);
        }
    }
}

/* ---- actors ---- */

typedef struct actors {
    tr_builder_t *to;
    const char *family;
    const char *key; /* of the number, in the account */
} actors_t;

static void add_actor(const actors_t *actors, const msgpack_object *actor)
{
    const msgpack_object *name = tr_account_member(actor, "name");
    const msgpack_object *number = tr_account_member(actor, actors->key);
    if (name && name->type == MSGPACK_OBJECT_STR && number &&
        number->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
        char text[128];
        snprintf(text, sizeof text, "%.*s", (int)name->via.str.size, name->via.str.ptr);
        tr_exposition_number(actors->to, actors->family, (tr_label_t){"actor", text}, no_label,
                             (int64_t)number->via.u64);
    }
}

/* Those that the configuration names: what actors start themselves is below them. */
static void add_actors_below(const actors_t *actors, const msgpack_object *node)
{
    msgpack_object_array children = tr_account_list(node, "children");
    for (uint32_t i = 0; i < children.size; i++) {
        if (tr_account_says(&children.ptr[i], "kind", "actor")) {
            add_actor(actors, &children.ptr[i]);
        } else {
            add_actors_below(actors, &children.ptr[i]);
        }
    }
}

static void add_actors(tr_builder_t *to, const msgpack_object *account)
{
    const actors_t taken = {to, "troupe_actor_messages_total", "messages"};
    const actors_t waiting = {to, "troupe_actor_mailbox_depth", "mailbox"};
    const msgpack_object *tree = tr_account_member(account, "tree");
    if (tree) {
        tr_exposition_family(to, TR_METRIC_GAUGE, waiting.family, "What waits in its mailbox");
        add_actors_below(&waiting, tree);
        tr_exposition_family(to, TR_METRIC_COUNTER, taken.family,
                             "Messages that an actor has taken");
        add_actors_below(&taken, tree);
    }
}

/* ---- the process ---- */

static void add_number(tr_builder_t *to, tr_metric_kind_t kind, const char *family,
                       const char *help, int64_t value)
{
    tr_exposition_family(to, kind, family, help);
    tr_exposition_number(to, family, no_label, no_label, value);
}

static void add_seconds(tr_builder_t *to, tr_metric_kind_t kind, const char *family,
                        const char *help, int64_t value_us)
{
    tr_exposition_family(to, kind, family, help);
    tr_exposition_seconds(to, family, no_label, no_label, value_us);
}

static int64_t in_us(int64_t ticks)
{
    return ticks * (US_PER_SECOND / sysconf(_SC_CLK_TCK));
}

/* The kernel counts a process's start from its own: what the clock showed then is found by what
 * it shows now. Once, for a start that moves looks like another start. */
static int64_t boot_us;

static void find_boot(void)
{
    struct timespec now;
    struct timespec up;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    boot_us = (now.tv_sec - up.tv_sec) * US_PER_SECOND + (now.tv_nsec - up.tv_nsec) / 1000;
}

static int64_t boot_time_us(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_boot);
    return boot_us;
}

/* The name of the program, in parentheses, may contain anything; numbers follow the last one.
 */
static void add_times(tr_builder_t *to)
{
    char line[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    size_t size = file ? fread(line, 1, sizeof line - 1, file) : 0;
    if (file) {
        fclose(file);
    }
    line[size] = '\0';
    const char *numbers = strrchr(line, ')');
    int64_t user = 0;
    int64_t system = 0;
    int64_t started = 0;
    if (numbers && sscanf(numbers,
                          ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNd64 " %" SCNd64
                          " %*d %*d %*d %*d %*d %*d %" SCNd64,
                          &user, &system, &started) == 3) {
        add_seconds(to, TR_METRIC_COUNTER, "process_cpu_seconds_total",
                    "Processor time of the node's process", in_us(user + system));
        add_seconds(to, TR_METRIC_GAUGE, "process_start_time_seconds",
                    "When the node's process began, since 1970",
                    boot_time_us() + in_us(started));
    }
}

static void add_memory(tr_builder_t *to)
{
    FILE *file = fopen("/proc/self/statm", "re");
    int64_t n_pages = 0;
    if (file && fscanf(file, "%*u %" SCNd64, &n_pages) == 1) {
        add_number(to, TR_METRIC_GAUGE, "process_resident_memory_bytes",
                   "Resident memory of the node's process", n_pages * sysconf(_SC_PAGESIZE));
    }
    if (file) {
        fclose(file);
    }
}

static void add_descriptors(tr_builder_t *to)
{
    DIR *folder = opendir("/proc/self/fd");
    int64_t n = -1; /* the folder itself */
    for (const struct dirent *entry = folder ? readdir(folder) : NULL; entry;
         entry = readdir(folder)) {
        n += entry->d_name[0] != '.';
    }
    if (folder) {
        closedir(folder);
        add_number(to, TR_METRIC_GAUGE, "process_open_fds",
                   "Descriptors that the node's process has open", n);
    }
}

void tr_node_metrics(tr_builder_t *to, const tr_runtime_t *runtime,
                     const msgpack_object *account)
{
    assert(to && runtime);
    if (account) {
        add_workers(to, account);
        add_actors(to, account);
    }
    tr_exposition_family(to, TR_METRIC_GAUGE, "troupe_node_info", "Which node this is");
    tr_exposition_number(to, "troupe_node_info", (tr_label_t){"version", troupe_version()},
                         no_label, 1);
    add_seconds(to, TR_METRIC_GAUGE, "troupe_node_start_time_seconds",
                "When the node was started, since 1970", runtime->started_us);
    add_memory(to);
    add_descriptors(to);
    add_times(to);
}
