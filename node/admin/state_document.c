/* The inner parts of a capability (its router, its pool) are not shown as such: what the
 * operator wrote is one capability with workers, and so is what he sees.
 */

#include "node/admin/state_document.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/spawn.h"
#include "node/assembly.h"
#include "wire/document.h"

typedef struct writer {
    tr_document_t *to;
    const tr_survey_t *survey;
} writer_t;

/* Deeper than any description may be. */
#define DEPTH_MAX 70

/* ---- reports ---- */

static const tr_report_t *part_of(const writer_t *writer, const char *capability,
                                  const char *part)
{
    char name[96];
    snprintf(name, sizeof name, "%s/%s", capability, part);
    return tr_survey_find(writer->survey, name);
}

static const tr_report_child_t *child_in(const tr_report_t *report, uint64_t incarnation)
{
    for (size_t i = 0; report && i < report->n_children; i++) {
        if (report->children[i].incarnation == incarnation) {
            return &report->children[i];
        }
    }
    return NULL;
}

/* Call `each` for every capability, in the order of the tree. */
static void each_capability(writer_t *writer, const tr_report_t *supervisor, int depth,
                            void (*each)(writer_t *, const tr_report_child_t *, void *),
                            void *arg)
{
    for (size_t i = 0; supervisor && depth < DEPTH_MAX && i < supervisor->n_children; i++) {
        const tr_report_child_t *child = &supervisor->children[i];
        if (strcmp(child->kind, "capability") == 0) {
            each(writer, child, arg);
        } else if (strcmp(child->kind, "supervisor") == 0) {
            each_capability(writer, tr_survey_find(writer->survey, child->name), depth + 1,
                            each, arg);
        }
    }
}

/* ---- capabilities ---- */

static const char *state_of(const tr_report_child_t *child, const tr_report_t *router)
{
    return router ? router->state : child->state;
}

static const char *reason_of(const tr_report_child_t *child, const tr_report_t *router)
{
    if (strcmp(state_of(child, router), "ready") == 0) {
        return "";
    }
    if (router && router->reason[0]) {
        return router->reason;
    }
    if (strcmp(state_of(child, router), "loading") == 0 && !child->reason[0]) {
        return "no worker is ready yet";
    }
    return child->reason;
}

static const char *isolation_name(tr_isolation_t isolation)
{
    static const char *const names[] = {[TR_ISOLATION_THREAD] = "thread",
                                        [TR_ISOLATION_PROCESS] = "process",
                                        [TR_ISOLATION_INLINE] = "inline",
                                        [TR_ISOLATION_REMOTE] = "remote"};
    return names[isolation];
}

static void write_worker(writer_t *writer, const tr_report_child_t *worker,
                         const tr_report_t *router)
{
    const tr_report_child_t *member = child_in(router, worker->incarnation);
    bool is_doubtful = member && strcmp(member->state, "doubtful") == 0;
    tr_document_map(writer->to, 9);
    tr_document_add_text(writer->to, "id", worker->name);
    bool is_ours =
        worker->isolation != TR_ISOLATION_PROCESS && worker->isolation != TR_ISOLATION_REMOTE;
    tr_document_add_text(writer->to, "isolation", isolation_name(worker->isolation));
    tr_document_add_count(writer->to, "pid",
                          is_ours ? (uint64_t)getpid() : (uint64_t)worker->pid);
    tr_document_add_text(writer->to, "state", worker->state);
    tr_document_add_text(writer->to, "reason", is_doubtful ? "missed a ping" : worker->reason);
    tr_document_add_count(writer->to, "pending", member ? member->n_pending : 0);
    tr_document_add_count(writer->to, "done", worker->n_done);
    tr_document_add_count(writer->to, "restarts", worker->n_restarts);
    /* A thread's is not told apart from its node's: what it is charged for stands for it. */
    uint64_t bytes = worker->memory_bytes > 0 ? worker->memory_bytes : worker->charged_bytes;
    if (bytes > 0) {
        tr_document_add_count(writer->to, "memory", bytes);
    } else {
        tr_document_add_nothing(writer->to, "memory");
    }
}

static void write_capability(writer_t *writer, const tr_report_child_t *child, void *arg)
{
    (void)arg;
    const tr_report_t *router = tr_survey_router(writer->survey, child->name);
    const tr_report_t *pool = part_of(writer, child->name, "pool");
    tr_document_map(writer->to, 12);
    tr_document_add_text(writer->to, "name", child->name);
    tr_document_add_text(writer->to, "state", state_of(child, router));
    tr_document_add_text(writer->to, "reason", reason_of(child, router));
    tr_document_add_count(writer->to, "queue", router ? router->n_queued : 0);
    tr_document_add_count(writer->to, "limit", router ? router->limit : 0);
    tr_document_add_flag(writer->to, "full", router && router->is_full);
    tr_document_add_count(writer->to, "pending", router ? router->n_pending : 0);
    tr_document_add_count(writer->to, "accepted", router ? router->n_accepted : 0);
    tr_document_add_count(writer->to, "finished", router ? router->n_finished : 0);
    tr_document_add_count(writer->to, "min", router ? router->min : 0);
    tr_document_add_count(writer->to, "max", router ? router->max : 0);
    tr_document_key(writer->to, "workers");
    size_t n_workers = pool ? pool->n_children : 0;
    tr_document_list(writer->to, n_workers);
    for (size_t i = 0; i < n_workers; i++) {
        write_worker(writer, &pool->children[i], router);
    }
}

static void count_capability(writer_t *writer, const tr_report_child_t *child, void *arg)
{
    (void)writer;
    (void)child;
    ++*(size_t *)arg;
}

/* ---- reasons: whatever is not ready says why ---- */

static bool is_unready(const writer_t *writer, const tr_report_child_t *child)
{
    return strcmp(state_of(child, tr_survey_router(writer->survey, child->name)), "ready") != 0;
}

static void count_reason(writer_t *writer, const tr_report_child_t *child, void *arg)
{
    *(size_t *)arg += is_unready(writer, child);
}

static void write_reason(writer_t *writer, const tr_report_child_t *child, void *arg)
{
    (void)arg;
    if (is_unready(writer, child)) {
        const tr_report_t *router = tr_survey_router(writer->survey, child->name);
        char line[TR_REASON_TEXT + 160];
        const char *reason = reason_of(child, router);
        snprintf(line, sizeof line, "%s is %s%s%s", child->name, state_of(child, router),
                 reason[0] ? ": " : "", reason);
        tr_document_text(writer->to, line);
    }
}

/* ---- the tree ---- */

static void write_children(writer_t *writer, const tr_report_t *report, int depth);

/* One that has children stands above two, of which it is one: to a person they are one. */
static void write_actor(writer_t *writer, const tr_report_child_t *child, int depth)
{
    const tr_report_child_t *actor = tr_survey_actor(writer->survey, child);
    const tr_report_t *children =
        actor == child ? NULL : part_of(writer, child->name, &TR_CHILDREN_SUFFIX[1]);
    const char *reason = child->reason[0] ? child->reason : actor->reason;
    tr_document_map(writer->to, 9);
    tr_document_add_text(writer->to, "kind", child->kind);
    tr_document_add_text(writer->to, "name", child->name);
    tr_document_add_text(writer->to, "state", actor->state);
    tr_document_add_text(writer->to, "reason", reason);
    tr_document_add_count(writer->to, "restarts", child->n_restarts);
    tr_document_add_count(writer->to, "mailbox", child->n_waiting);
    tr_document_add_count(writer->to, "messages", actor->n_messages);
    tr_document_add_count(writer->to, "rate", actor->rate);
    tr_document_key(writer->to, "children");
    write_children(writer, depth < DEPTH_MAX ? children : NULL, depth + 1);
}

static void write_inner(writer_t *writer, const tr_report_child_t *child, int depth)
{
    bool is_capability = strcmp(child->kind, "capability") == 0;
    const tr_report_t *router =
        is_capability ? tr_survey_router(writer->survey, child->name) : NULL;
    const tr_report_t *below = is_capability ? part_of(writer, child->name, "pool")
                                             : tr_survey_find(writer->survey, child->name);
    bool has_strategy = below && !is_capability;
    tr_document_map(writer->to, has_strategy ? 7 : 6);
    tr_document_add_text(writer->to, "kind", child->kind);
    tr_document_add_text(writer->to, "name", child->name);
    if (has_strategy) {
        tr_document_add_text(writer->to, "strategy", below->strategy);
    }
    tr_document_add_text(writer->to, "state", state_of(child, router));
    tr_document_add_text(writer->to, "reason",
                         is_capability ? reason_of(child, router) : child->reason);
    tr_document_add_count(writer->to, "restarts", child->n_restarts);
    tr_document_key(writer->to, "children");
    write_children(writer, depth < DEPTH_MAX ? below : NULL, depth + 1);
}

static void write_node(writer_t *writer, const tr_report_child_t *child, int depth)
{
    if (strcmp(child->kind, "actor") == 0) {
        write_actor(writer, child, depth);
    } else {
        write_inner(writer, child, depth);
    }
}

static void write_children(writer_t *writer, const tr_report_t *report, int depth)
{
    tr_document_list(writer->to, report ? report->n_children : 0);
    for (size_t i = 0; report && i < report->n_children; i++) {
        write_node(writer, &report->children[i], depth);
    }
}

static void write_tree(writer_t *writer, const tr_report_t *tree, const tr_runtime_t *runtime)
{
    tr_document_map(writer->to, 5);
    tr_document_add_text(writer->to, "kind", "supervisor");
    tr_document_add_text(writer->to, "name", runtime->node);
    tr_document_add_text(writer->to, "strategy", tree ? tree->strategy : "");
    tr_document_add_text(writer->to, "state", tree ? tree->state : "no answer");
    tr_document_key(writer->to, "children");
    write_children(writer, tree, 0);
}

/* ---- memory ---- */

static uint64_t resident_bytes(void)
{
    unsigned long long n_pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file) {
        if (fscanf(file, "%*u %llu", &n_pages) != 1) {
            n_pages = 0;
        }
        fclose(file);
    }
    return n_pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void amount_entry(writer_t *writer, const char *key, int64_t bytes)
{
    tr_document_add_count(writer->to, key, bytes > 0 ? (uint64_t)bytes : 0);
}

static const char *pressure_name(int pressure)
{
    static const char *const names[] = {[TR_PRESSURE_LOW] = "low",
                                        [TR_PRESSURE_NORMAL] = "normal",
                                        [TR_PRESSURE_HIGH] = "high",
                                        [TR_PRESSURE_CRITICAL] = "critical"};
    return pressure >= 0 && pressure <= TR_PRESSURE_CRITICAL ? names[pressure] : "unknown";
}

/* Without a budget nothing presses. What the governor has not measured yet is at least the
 * node's own process. */
static void write_memory(writer_t *writer, const tr_runtime_t *runtime)
{
    const tr_memory_view_t *memory = &runtime->memory;
    int64_t budget = atomic_load(&memory->budget_bytes);
    int64_t measured = atomic_load(&memory->measured_bytes);
    tr_document_map(writer->to, 4);
    if (budget >= 0) {
        amount_entry(writer, "budget", budget);
    } else {
        tr_document_add_nothing(writer->to, "budget");
    }
    amount_entry(writer, "charged", atomic_load(&memory->charged_bytes));
    tr_document_add_count(writer->to, "measured",
                          measured > 0 ? (uint64_t)measured : resident_bytes());
    if (budget >= 0) {
        tr_document_add_text(writer->to, "pressure",
                             pressure_name(atomic_load(&memory->pressure)));
    } else {
        tr_document_add_nothing(writer->to, "pressure");
    }
}

static const char *phase_name(const tr_runtime_t *runtime)
{
    static const char *const names[] = {"starting", "ready", "draining", "stopping"};
    return names[atomic_load(&runtime->phase)];
}

troupe_message_t *tr_state_document(const tr_survey_t *survey, const tr_runtime_t *runtime)
{
    assert(survey && runtime);
    tr_document_t document;
    writer_t writer = {.to = &document, .survey = survey};
    tr_document_begin(&document);
    const tr_report_t *tree = tr_survey_find(survey, TR_NAME_TREE);
    size_t n_capabilities = 0;
    size_t n_reasons = 0;
    each_capability(&writer, tree, 0, count_capability, &n_capabilities);
    each_capability(&writer, tree, 0, count_reason, &n_reasons);

    tr_document_map(&document, 7);
    tr_document_add_text(&document, "node", runtime->node);
    tr_document_add_text(&document, "boot", runtime->boot);
    tr_document_add_text(&document, "state", phase_name(runtime));
    tr_document_key(&document, "reasons");
    tr_document_list(&document, n_reasons);
    each_capability(&writer, tree, 0, write_reason, NULL);
    tr_document_key(&document, "memory");
    write_memory(&writer, runtime);
    tr_document_key(&document, "capabilities");
    tr_document_list(&document, n_capabilities);
    each_capability(&writer, tree, 0, write_capability, NULL);
    tr_document_key(&document, "tree");
    write_tree(&writer, tree, runtime);
    return tr_document_take(&document);
}
