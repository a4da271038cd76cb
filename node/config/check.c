/* Each check compares fields and points at what was written. A field that is a problem already
 * was left empty and is not compared: one mistake is told once.
 *
 * There are two spaces of names. Capabilities and actors are both spoken to by name, so they
 * share one; supervisors are only looked at, and may be called like what they keep.
 */

#include "node/config/check.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mailbox/directory.h"
#include "node/config/endpoint.h"
#include "node/config/schema.h"
#include "node/http/address.h"

/* A name that must differ from others. */
struct name {
    const char *text;
    tr_config_kind_t kind;
    tr_config_place_t place;
};

struct names {
    struct name *all;
    size_t n;
};

static const char *const reserved[] = {"troupe.", "mmi."};

/* Whether `min` is above `max`, and where to say so: the minimum, or if it is only the
 * default, the maximum. */
static bool is_above(tr_config_notes_t *notes, const int64_t *min, const int64_t *max,
                     tr_config_place_t *place_out)
{
    if (*min <= *max || !tr_config_notes_is_sound(notes, min) ||
        !tr_config_notes_is_sound(notes, max)) {
        return false;
    }
    *place_out = tr_config_notes_place(
        notes, min, tr_config_notes_place(notes, max, (tr_config_place_t){1, 1}));
    return true;
}

static void check_workers(tr_config_notes_t *notes, const tr_config_child_t *child)
{
    tr_config_place_t place;
    if (child->workers_max == 0 && tr_config_notes_is_sound(notes, &child->workers_max)) {
        tr_config_notes_problem(notes,
                                tr_config_notes_place(notes, &child->workers_max, child->place),
                                "'max' is 0: a capability without workers serves nobody");
    } else if (is_above(notes, &child->workers_min, &child->workers_max, &place)) {
        tr_config_notes_problem(notes, place, "'min' %lld is more than 'max' %lld",
                                (long long)child->workers_min, (long long)child->workers_max);
    }
}

/* What is about workers that the node starts, where there are none. */
static void check_local_keys(tr_config_notes_t *notes, const tr_config_child_t *child)
{
    const unsigned where = TR_IN_CAPABILITY | TR_IN_WORKERS | TR_IN_RECYCLE | TR_IN_BATCH;
    for (size_t i = 0; i < tr_schema_rows; i++) {
        const tr_schema_row_t *row = &tr_schema[i];
        const tr_config_mark_t *mark =
            row->is_local && (row->where & where)
                ? tr_config_notes_find(notes, (const char *)child + row->offset)
                : NULL;
        if (mark) {
            tr_config_notes_problem(notes, mark->place,
                                    "'%s' is for workers that the node starts, and without "
                                    "'worker' it starts none",
                                    row->key);
        }
    }
    if (child->workers_min > 0 && tr_config_notes_is_sound(notes, &child->workers_min)) {
        tr_config_notes_problem(notes,
                                tr_config_notes_place(notes, &child->workers_min, child->place),
                                "'min' is for workers that the node starts, and without "
                                "'worker' it starts none");
    }
}

/* Somebody has to serve. */
static void check_origin(tr_config_notes_t *notes, const tr_config_child_t *child)
{
    if (tr_config_is_remote_only(child)) {
        check_local_keys(notes, child);
    } else if (!child->has_worker && tr_config_notes_is_sound(notes, &child->takes_remote)) {
        tr_config_notes_problem(notes, child->place, "key 'worker' is missing");
    }
}

static void check_backoff(tr_config_notes_t *notes, const tr_config_child_t *child)
{
    tr_config_place_t place;
    char min[32];
    char max[32];
    if (is_above(notes, &child->backoff_min_ms, &child->backoff_max_ms, &place)) {
        tr_config_notes_problem(notes, place, "'min' %s is more than 'max' %s",
                                tr_text_print_duration(child->backoff_min_ms, min, sizeof min),
                                tr_text_print_duration(child->backoff_max_ms, max, sizeof max));
    }
}

/* A request that is alone waits the whole window, and must still have time to run. */
static void check_window(tr_config_notes_t *notes, const tr_config_child_t *child,
                         const int64_t *time_ms, const char *key)
{
    if (child->batch_max <= 1 || *time_ms == 0 || child->batch_window_ms < *time_ms) {
        return;
    }
    tr_config_place_t place = tr_config_notes_place(notes, time_ms, child->place);
    char window[32];
    char time[32];
    tr_config_notes_problem(
        notes, tr_config_notes_place(notes, &child->batch_window_ms, place),
        "'window' %s is not less than '%s' %s: a request alone would expire in it",
        tr_text_print_duration(child->batch_window_ms, window, sizeof window), key,
        tr_text_print_duration(*time_ms, time, sizeof time));
}

/* What only a process has, with what it is called. */
static void check_process_keys(tr_config_notes_t *notes, const tr_config_child_t *child)
{
    const struct {
        const void *field;
        const char *key;
    } keys[] = {
        {&child->env, "env"},
        {&child->directory, "directory"},
        {&child->limit_memory, "memory"},
        {&child->limit_cpu_time_ms, "cpu-time"},
        {&child->limit_open_files, "open-files"},
        {&child->limit_nice, "nice"},
        {&child->limit_cpus, "cpus"},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const tr_config_mark_t *mark = tr_config_notes_find(notes, keys[i].field);
        if (mark) {
            tr_config_notes_problem(notes, mark->place,
                                    "'%s' is for workers with a process of their own "
                                    "(isolation: process)",
                                    keys[i].key);
        }
    }
}

/* A worker is a module or a command, and a command is a process. */
static void check_worker(tr_config_notes_t *notes, const tr_config_child_t *child)
{
    const tr_config_mark_t *command = tr_config_notes_find(notes, &child->command);
    const tr_config_mark_t *module = tr_config_notes_find(notes, &child->module);
    const tr_config_mark_t *args = tr_config_notes_find(notes, &child->args);
    if (!command && !module && child->worker_place.line > 0) {
        tr_config_notes_problem(notes, child->worker_place,
                                "a worker needs 'module' or 'command'");
    } else if (command && module) {
        tr_config_notes_problem(notes, command->place,
                                "a worker is a module or a command, not both");
    } else if (command && args) {
        tr_config_notes_problem(notes, args->place,
                                "'args' are a module's; give them to the command itself");
    } else if (command && child->command.n > 0 && child->isolation != TR_CONFIG_PROCESS) {
        tr_config_notes_problem(notes,
                                tr_config_notes_place(notes, &child->isolation, child->place),
                                "a command runs in a process of its own");
    }
    if (child->isolation != TR_CONFIG_PROCESS && !command) {
        check_process_keys(notes, child);
    }
    cpu_set_t set;
    const tr_config_mark_t *cpus = tr_config_notes_find(notes, &child->limit_cpus);
    if (cpus && cpus->sound && tr_text_cpus(child->limit_cpus, &set) != TROUPE_OK) {
        tr_config_notes_problem(notes, cpus->place,
                                "'cpus' must be numbers and ranges below %d such as 0,2-3",
                                CPU_SETSIZE);
    }
}

/* They would be started by threads of the node, which have nothing of that process. */
static void check_spawns(tr_config_notes_t *notes, const tr_config_child_t *child)
{
    if (child->spawns > 0 && child->isolation == TR_CONFIG_PROCESS) {
        tr_config_notes_problem(notes,
                                tr_config_notes_place(notes, &child->spawns, child->place),
                                "an actor in a process of its own starts no children");
    }
}

static void check_supervising(tr_config_notes_t *notes, const tr_config_child_t *parent)
{
    if (parent->strategy != TR_CONFIG_SIMPLE_ONE_FOR_ONE) {
        return;
    }
    tr_config_place_t place = tr_config_notes_place(notes, &parent->strategy, parent->place);
    if (parent->n_children != 1 || parent->children[0].kind != TR_CONFIG_ACTOR) {
        tr_config_notes_problem(notes, place,
                                "simple_one_for_one needs exactly one child, an actor, as the "
                                "template");
    }
    if (parent->auto_shutdown != TR_CONFIG_SHUTDOWN_NEVER) {
        tr_config_notes_problem(notes,
                                tr_config_notes_place(notes, &parent->auto_shutdown, place),
                                "simple_one_for_one cannot have an auto-shutdown");
    }
}

static void check_significant(tr_config_notes_t *notes, const tr_config_child_t *parent,
                              const tr_config_child_t *child)
{
    tr_config_place_t place =
        tr_config_notes_place(notes, &child->is_significant, child->place);
    if (child->is_significant && child->restart == TR_CONFIG_PERMANENT) {
        tr_config_notes_problem(notes, place,
                                "a permanent child cannot be significant: it never ends for "
                                "good");
    } else if (child->is_significant && parent->auto_shutdown == TR_CONFIG_SHUTDOWN_NEVER) {
        tr_config_notes_problem(notes, place,
                                "significant, but the supervisor's auto-shutdown is never");
    }
}

static void check_reserved(tr_config_notes_t *notes, const tr_config_child_t *child)
{
    for (size_t i = 0; child->name && i < sizeof reserved / sizeof reserved[0]; i++) {
        if (strncmp(child->name, reserved[i], strlen(reserved[i])) == 0) {
            tr_config_notes_problem(notes,
                                    tr_config_notes_place(notes, &child->name, child->place),
                                    "names that begin with '%s' are reserved", reserved[i]);
        }
    }
}

static void check_children(tr_config_notes_t *notes, const tr_config_child_t *parent)
{
    check_supervising(notes, parent);
    for (size_t i = 0; i < parent->n_children; i++) {
        const tr_config_child_t *child = &parent->children[i];
        check_reserved(notes, child);
        check_significant(notes, parent, child);
        if (child->kind == TR_CONFIG_CAPABILITY) {
            check_origin(notes, child);
            check_workers(notes, child);
            check_window(notes, child, &child->timeout_ms, "timeout");
            check_window(notes, child, &child->queue_timeout_ms, "queue-timeout");
        }
        if (child->kind != TR_CONFIG_SUPERVISOR) {
            check_worker(notes, child);
            check_spawns(notes, child);
            check_backoff(notes, child);
        }
        check_children(notes, child);
    }
}

static size_t count_tree(const tr_config_child_t *top)
{
    size_t n = 1;
    for (size_t i = 0; i < top->n_children; i++) {
        n += count_tree(&top->children[i]);
    }
    return n;
}

static void collect_names(tr_config_notes_t *notes, const tr_config_child_t *top,
                          struct names *names)
{
    if (top->name) {
        names->all[names->n++] = (struct name){
            top->name, top->kind, tr_config_notes_place(notes, &top->name, top->place)};
    }
    for (size_t i = 0; i < top->n_children; i++) {
        collect_names(notes, &top->children[i], names);
    }
}

static const char *kind_text(tr_config_kind_t kind)
{
    switch (kind) {
    case TR_CONFIG_CAPABILITY:
        return "capability";
    case TR_CONFIG_ACTOR:
        return "actor";
    default:
        return "supervisor";
    }
}

static int by_place(tr_config_place_t one, tr_config_place_t other)
{
    int lines = (one.line > other.line) - (one.line < other.line);
    return lines ? lines : (one.column > other.column) - (one.column < other.column);
}

/* Names of one space and text become neighbours, the first of the file in front. */
static int by_name(const void *one, const void *other)
{
    const struct name *a = one;
    const struct name *b = other;
    int spaces = (a->kind == TR_CONFIG_SUPERVISOR) - (b->kind == TR_CONFIG_SUPERVISOR);
    int texts = spaces ? spaces : strcmp(a->text, b->text);
    return texts ? texts : by_place(a->place, b->place);
}

static bool is_same(const struct name *one, const struct name *other)
{
    return (one->kind == TR_CONFIG_SUPERVISOR) == (other->kind == TR_CONFIG_SUPERVISOR) &&
           strcmp(one->text, other->text) == 0;
}

static void check_names(tr_config_notes_t *notes, const tr_config_child_t *root)
{
    struct names names = {.all = calloc(count_tree(root), sizeof *names.all)};
    if (!names.all) {
        notes->nomem = true;
        return;
    }
    collect_names(notes, root, &names);
    qsort(names.all, names.n, sizeof *names.all, by_name);
    size_t first = 0;
    for (size_t i = 1; i < names.n; i++) {
        const struct name *name = &names.all[i];
        const struct name *taken = &names.all[first];
        if (is_same(taken, name)) {
            tr_config_notes_problem(
                notes, name->place, "the name '%s' is taken by the %s at %d:%d", name->text,
                kind_text(taken->kind), taken->place.line, taken->place.column);
        } else {
            first = i;
        }
    }
    free(names.all);
}

static const tr_config_listener_t *find_twin(const tr_config_t *config, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        const char *endpoint = config->listeners[i].endpoint;
        if (endpoint && strcmp(endpoint, config->listeners[index].endpoint) == 0) {
            return &config->listeners[i];
        }
    }
    return NULL;
}

static void check_listener(tr_config_notes_t *notes, const tr_config_t *config, size_t index)
{
    const tr_config_listener_t *listener = &config->listeners[index];
    if (!listener->endpoint) {
        return;
    }
    char cut[TR_CONFIG_CUT_BYTES];
    tr_config_cut(listener->endpoint, cut);
    tr_config_place_t place =
        tr_config_notes_place(notes, &listener->endpoint, listener->place);
    const char *problem = tr_config_endpoint_problem(listener->endpoint);
    const tr_config_listener_t *twin = find_twin(config, index);
    if (problem) {
        tr_config_notes_problem(notes, place, "endpoint '%s': %s", cut, problem);
    } else if (twin) {
        tr_config_place_t taken = tr_config_notes_place(notes, &twin->endpoint, twin->place);
        tr_config_notes_problem(notes, place, "endpoint '%s' is listened on at %d:%d already",
                                cut, taken.line, taken.column);
    }
    const tr_config_mark_t *mode = tr_config_notes_find(notes, &listener->mode);
    if (!problem && mode && !tr_config_endpoint_is_ipc(listener->endpoint)) {
        tr_config_notes_problem(notes, mode->place, "'mode' is for ipc endpoints only");
    }
}

/* A listener that takes the same port, or NULL. */
static const tr_config_listener_t *find_rival(const tr_config_t *config)
{
    static const char tcp[] = "tcp://";
    for (size_t i = 0; i < config->n_listeners; i++) {
        const char *endpoint = config->listeners[i].endpoint;
        if (endpoint && strncmp(endpoint, tcp, strlen(tcp)) == 0 &&
            strcmp(endpoint + strlen(tcp), config->http) == 0) {
            return &config->listeners[i];
        }
    }
    return NULL;
}

static void check_http(tr_config_notes_t *notes, const tr_config_t *config)
{
    struct sockaddr_in address;
    if (!config->http) {
        return;
    }
    char cut[TR_CONFIG_CUT_BYTES];
    tr_config_cut(config->http, cut);
    const char *problem = tr_http_address_problem(config->http, &address);
    const tr_config_listener_t *rival = problem ? NULL : find_rival(config);
    if (problem) {
        tr_config_notes_problem(notes, config->http_place, "http '%s': %s", cut, problem);
    } else if (rival) {
        tr_config_place_t taken = tr_config_notes_place(notes, &rival->endpoint, rival->place);
        tr_config_notes_problem(notes, config->http_place,
                                "http '%s' is listened on at %d:%d already", cut, taken.line,
                                taken.column);
    }
}

void tr_config_check(tr_config_notes_t *notes, const tr_config_t *config)
{
    assert(notes && config);
    if (config->n_listeners > TR_CONFIG_LISTENERS_MAX) {
        tr_config_notes_problem(notes, config->listeners[TR_CONFIG_LISTENERS_MAX].place,
                                "more than %d listeners", TR_CONFIG_LISTENERS_MAX);
    }
    for (size_t i = 0; i < config->n_listeners && i < TR_CONFIG_LISTENERS_MAX; i++) {
        check_listener(notes, config, i);
    }
    check_http(notes, config);
    check_children(notes, &config->root);
    check_names(notes, &config->root);
}
