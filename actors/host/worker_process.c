/* From what the node left in the environment, and main's arguments, to a host and its plan. */

#include <troupe/worker_process.h>

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "actors/host/host.h"
#include "actors/module.h"
#include "base/clock.h"
#include "base/log.h"

/* As in a node that was not told otherwise. */
#define IDLE_AFTER_MS 1000

#define TEXT_SIZE 1024

/* ---- where this process belongs ---- */

/* The node stamps what it reads from here. A node that is gone must not end us by the way we
 * log. */
static void set_up_log(void)
{
    tr_log_level_t level;
    const char *name = getenv("TROUPE_LOG_LEVEL");
    if (name && tr_log_level_parse(name, &level) == TROUPE_OK) {
        tr_log_set_level(level);
    }
    tr_log_set_format(TR_LOG_PLAIN);
    signal(SIGPIPE, SIG_IGN);
}

static const char *setting(const char *name, const char *fallback)
{
    const char *value = getenv(name);
    return value && *value ? value : fallback;
}

/* NULL when there is no node to be reached; stderr says why. */
static tr_host_t *open_host(void)
{
    set_up_log();
    const char *endpoint = setting("TROUPE_WORKER_ENDPOINT", NULL);
    if (!endpoint) {
        tr_log(TR_LOG_ERROR, "no_node",
               TR_TEXT("text", "this is a worker that a node starts: TROUPE_WORKER_ENDPOINT is "
                               "not set"));
        return NULL;
    }
    tr_host_t *host = tr_host_new(&(tr_host_place_t){
        .endpoint = endpoint,
        .token = setting("TROUPE_WORKER_TOKEN", ""),
        .name = setting("TROUPE_WORKER_NAME", "worker"),
        .capability = setting("TROUPE_WORKER_CAPABILITY", NULL),
    });
    if (!host) {
        char text[TEXT_SIZE];
        snprintf(text, sizeof text, "cannot connect to the node at %s: %s", endpoint,
                 zmq_strerror(errno));
        tr_log(TR_LOG_ERROR, "no_node", TR_TEXT("text", text));
    }
    return host;
}

/* ---- args ---- */

static void free_args(troupe_args_t *args)
{
    for (size_t i = 0; i < args->n_items; i++) {
        free((char *)args->items[i].key);
    }
    free((tr_arg_t *)args->items);
}

/* Key and value share one allocation, which is the key's. False: `why` says what is wrong, and
 * what was taken is to be freed all the same. */
static bool take_args(int n_args, char *const *texts, troupe_args_t *args, char *why,
                      size_t size)
{
    tr_arg_t *items = calloc(n_args > 0 ? (size_t)n_args : 1, sizeof *items);
    *args = (troupe_args_t){.items = items};
    snprintf(why, size, "out of memory");
    for (int i = 0; items && i < n_args; i++) {
        const char *mark = strchr(texts[i], '=');
        if (!mark || mark == texts[i]) {
            snprintf(why, size, "'%s' is no argument for a worker: it takes key=value",
                     texts[i]);
            return false;
        }
        char *key = strdup(texts[i]);
        if (!key) {
            return false;
        }
        key[mark - texts[i]] = '\0';
        items[args->n_items++] = (tr_arg_t){.key = key, .value = key + (mark - texts[i]) + 1};
    }
    return items != NULL;
}

static int serve(tr_host_t *host, const troupe_behaviour_t *behaviour, int n_args,
                 char *const *texts)
{
    char why[TEXT_SIZE];
    tr_worker_plan_t plan = {.behaviour = behaviour, .idle_after_ms = IDLE_AFTER_MS};
    int status = take_args(n_args, texts, &plan.args, why, sizeof why)
                     ? tr_host_serve(host, &plan)
                     : tr_host_refuse(host, why);
    free_args(&plan.args);
    return status;
}

/* ---- the public calls ---- */

int troupe_worker_process_run(const troupe_behaviour_t *behaviour, int n_args,
                              char *const *args)
{
    assert(behaviour && (n_args <= 0 || args));
    tr_host_t *host = open_host();
    if (!host) {
        return TR_HOST_FAILED;
    }
    int status = serve(host, behaviour, n_args, args);
    tr_host_destroy(&host);
    return status;
}

int troupe_worker_process_run_module(const char *file, int n_args, char *const *args)
{
    assert(file && (n_args <= 0 || args));
    tr_host_t *host = open_host();
    if (!host) {
        return TR_HOST_FAILED;
    }
    char why[TEXT_SIZE];
    const troupe_behaviour_t *behaviour = NULL;
    int status = tr_modules_load_file(file, &behaviour, why, sizeof why) == TROUPE_OK
                     ? serve(host, behaviour, n_args, args)
                     : tr_host_refuse(host, why);
    tr_host_destroy(&host);
    return status;
}
