/* Every child of either description has an entry: who its supervisor is, its counterpart in
 * the other description, and whether it stays. The root stays; a child stays when its
 * counterpart has the same supervisor and that stays.
 */

#include "node/reload/difference.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/config/print.h"
#include "node/config/schema.h"
#include "node/reload/difference_doors.h"
#include "node/reload/difference_list.h"

typedef struct entry {
    const tr_config_child_t *child;
    const struct entry *supervisor; /* NULL: the root */
    struct entry *twin;             /* of the same kind and name in the other description */
    bool stays;
    bool is_told; /* as one that leaves */
} entry_t;

/* The children of one description: parents before their children, in the order of the file. */
typedef struct side {
    entry_t *all;
    size_t n;
    entry_t **by_name;
} side_t;

typedef struct work {
    tr_difference_t *difference;
    side_t before, after;
    const char *const *failed;
    size_t n_failed;
} work_t;

/* ---- the lines ---- */

TROUPE_PRINTF(3, 4)
static tr_change_t *add_change(tr_difference_t *self, tr_change_kind_t kind, const char *format,
                               ...)
{
    if (self->n == self->n_room) {
        size_t n_room = self->n_room ? self->n_room * 2 : 16;
        tr_change_t *changes = realloc(self->changes, n_room * sizeof *changes);
        if (!changes) {
            self->is_out_of_memory = true;
            return NULL;
        }
        self->changes = changes;
        self->n_room = n_room;
    }
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        self->is_out_of_memory = true;
        return NULL;
    }
    tr_change_t *change = &self->changes[self->n++];
    *change = (tr_change_t){.kind = kind, .text = text};
    return change;
}

static const char *kind_of(const tr_config_child_t *child)
{
    switch (child->kind) {
    case TR_CONFIG_CAPABILITY:
        return "capability";
    case TR_CONFIG_ACTOR:
        return "actor";
    default:
        return "supervisor";
    }
}

/* ---- the entries ---- */

static size_t count(const tr_config_child_t *parent)
{
    size_t n = parent->n_children;
    for (size_t i = 0; i < parent->n_children; i++) {
        n += count(&parent->children[i]);
    }
    return n;
}

/* The child of a template supervisor is no child of its own. */
static bool has_template(const tr_config_child_t *supervisor)
{
    return supervisor->strategy == TR_CONFIG_SIMPLE_ONE_FOR_ONE;
}

static void collect(side_t *side, const tr_config_child_t *parent, const entry_t *supervisor)
{
    for (size_t i = 0; !has_template(parent) && i < parent->n_children; i++) {
        entry_t *entry = &side->all[side->n++];
        *entry = (entry_t){.child = &parent->children[i], .supervisor = supervisor};
        collect(side, entry->child, entry);
    }
}

static int compare(const entry_t *one, const entry_t *other)
{
    int kinds =
        (one->child->kind > other->child->kind) - (one->child->kind < other->child->kind);
    return kinds ? kinds : strcmp(one->child->name, other->child->name);
}

static int by_name(const void *one, const void *other)
{
    return compare(*(entry_t *const *)one, *(entry_t *const *)other);
}

static bool make_side(side_t *side, const tr_config_t *config)
{
    size_t n = count(&config->root);
    side->all = calloc(n + 1, sizeof *side->all);
    side->by_name = calloc(n + 1, sizeof(entry_t *));
    if (!side->all || !side->by_name) {
        return false;
    }
    collect(side, &config->root, NULL);
    for (size_t i = 0; i < side->n; i++) {
        side->by_name[i] = &side->all[i];
    }
    qsort(side->by_name, side->n, sizeof(entry_t *), by_name);
    return true;
}

static entry_t *find(const side_t *side, entry_t *like)
{
    entry_t **found = bsearch(&like, side->by_name, side->n, sizeof(entry_t *), by_name);
    return found ? *found : NULL;
}

static bool has_failed(const work_t *work, const char *name)
{
    for (size_t i = 0; i < work->n_failed; i++) {
        if (strcmp(work->failed[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Parents come before their children, so that theirs is known. */
static void pair(work_t *work)
{
    for (size_t i = 0; i < work->before.n; i++) {
        entry_t *before = &work->before.all[i];
        entry_t *after = find(&work->after, before);
        if (!after) {
            continue;
        }
        before->twin = after;
        after->twin = before;
        bool has_same_supervisor =
            before->supervisor
                ? before->supervisor->stays && before->supervisor->twin == after->supervisor
                : !after->supervisor;
        before->stays = after->stays =
            has_same_supervisor && has_template(before->child) == has_template(after->child) &&
            !has_failed(work, before->child->name);
    }
}

static const tr_config_child_t *supervisor_of(const entry_t *entry, const tr_config_t *config)
{
    return entry->supervisor ? entry->supervisor->child : &config->root;
}

static bool has_supervisor_that_stays(const entry_t *entry)
{
    return !entry->supervisor || entry->supervisor->stays;
}

/* It goes where its supervisor goes. */
static bool moves_along(const entry_t *before)
{
    return before->supervisor && before->twin && !before->supervisor->stays &&
           before->supervisor->twin == before->twin->supervisor &&
           before->supervisor->twin != NULL;
}

/* ---- children that leave ---- */

static void note_leaver(work_t *work, entry_t *before, const tr_config_t *from,
                        const tr_config_t *to)
{
    const tr_config_child_t *child = before->child;
    const tr_config_child_t *supervisor = supervisor_of(before, from);
    tr_change_t *change = NULL;
    if (before->stays || moves_along(before)) {
        return;
    }
    if (!before->twin) {
        if (!has_supervisor_that_stays(before)) {
            return; /* gone with its supervisor */
        }
        change = add_change(work->difference, TR_CHANGE_REMOVE, "remove %s %s from %s",
                            kind_of(child), child->name, supervisor->name);
    } else {
        const tr_config_child_t *next = supervisor_of(before->twin, to);
        bool is_same_place =
            has_supervisor_that_stays(before) && strcmp(supervisor->name, next->name) == 0;
        if (is_same_place && has_failed(work, child->name)) {
            return; /* it is added, since it never came */
        }
        change = is_same_place
                     ? add_change(work->difference, TR_CHANGE_MOVE,
                                  "replace %s %s in %s: its strategy is simple_one_for_one "
                                  "%s",
                                  kind_of(child), child->name, supervisor->name,
                                  has_template(child) ? "no more" : "now")
                     : add_change(work->difference, TR_CHANGE_MOVE,
                                  "move %s %s from %s to %s: it is stopped and started",
                                  kind_of(child), child->name, supervisor->name, next->name);
        if (change) {
            change->after = before->twin->child;
            change->to = next;
            change->starts = has_supervisor_that_stays(before->twin);
        }
    }
    before->is_told = true;
    if (change) {
        change->before = child;
        change->from = supervisor;
        change->stops = has_supervisor_that_stays(before);
    }
}

/* ---- what has changed ---- */

/* Whether those that stay stand in another order. */
static bool is_reordered(const work_t *work, const entry_t *before_supervisor,
                         const entry_t *after_supervisor)
{
    size_t i = 0;
    for (size_t k = 0; k < work->after.n; k++) {
        const entry_t *after = &work->after.all[k];
        if (after->supervisor != after_supervisor || !after->stays) {
            continue;
        }
        while (work->before.all[i].supervisor != before_supervisor ||
               !work->before.all[i].stays) {
            i++; /* there is one for each of these */
        }
        if (work->before.all[i++].twin != after) {
            return true;
        }
    }
    return false;
}

/* The one child of a template supervisor; those made from it follow it from their next life
 * on. */
static void list_template(tr_list_t *list, const tr_config_child_t *before,
                          const tr_config_child_t *after)
{
    if (!has_template(after)) {
        return;
    }
    const tr_config_child_t *one = &before->children[0];
    const tr_config_child_t *other = &after->children[0];
    if (strcmp(one->name, other->name) != 0) {
        tr_list_item(list);
        fprintf(list->out, "template %s -> %s", one->name, other->name);
    }
    char prefix[96];
    snprintf(prefix, sizeof prefix, "%.80s.", other->name);
    bool needs_new_worker = list->needs_new_worker;
    tr_list_mapping(list, TR_IN_ACTOR, prefix, false, one, other);
    list->needs_new_worker = needs_new_worker;
}

static void note_supervisor(work_t *work, const entry_t *entry, const tr_config_child_t *before,
                            const tr_config_child_t *after)
{
    tr_list_t list;
    if (!tr_list_begin(&list)) {
        work->difference->is_out_of_memory = true;
        return;
    }
    tr_list_mapping(&list, entry ? TR_IN_SUPERVISOR : TR_IN_ROOT, "", false, before, after);
    list_template(&list, before, after);
    if (is_reordered(work, entry ? entry->twin : NULL, entry)) {
        tr_list_item(&list);
        fputs("the order of its children", list.out);
    }
    char *text = tr_list_end(&list);
    if (text && *text) {
        tr_change_t *change = add_change(work->difference, TR_CHANGE_SUPERVISOR,
                                         "supervisor %s: %s", after->name, text);
        if (change) {
            change->before = before;
            change->after = after;
        }
    }
    work->difference->is_out_of_memory |= !text;
    free(text);
}

static void note_worker(work_t *work, const entry_t *entry)
{
    const tr_config_child_t *before = entry->twin->child;
    const tr_config_child_t *after = entry->child;
    bool is_actor = after->kind == TR_CONFIG_ACTOR;
    tr_list_t list;
    if (!tr_list_begin(&list)) {
        work->difference->is_out_of_memory = true;
        return;
    }
    tr_list_mapping(&list, is_actor ? TR_IN_ACTOR : TR_IN_CAPABILITY, "", false, before, after);
    char *text = tr_list_end(&list);
    if (text && *text) {
        tr_change_kind_t kind =
            is_actor ? (list.needs_new_worker ? TR_CHANGE_RESTART : TR_CHANGE_ACTOR)
                     : (list.needs_new_worker ? TR_CHANGE_ROLL : TR_CHANGE_CAPABILITY);
        tr_change_t *change =
            add_change(work->difference, kind, "%s %s: %s%s", kind_of(after), after->name, text,
                       kind == TR_CHANGE_RESTART ? "; it is restarted"
                       : kind == TR_CHANGE_ROLL ? "; its workers are replaced one after another"
                                                : "");
        if (change) {
            change->before = before;
            change->after = after;
        }
    }
    work->difference->is_out_of_memory |= !text;
    free(text);
}

/* ---- the node's own ---- */

/* Those keys of the file that are not below one of the two others. */
static void note_rows(work_t *work, tr_change_kind_t kind, const char *const *keys,
                      const char *end, const tr_config_t *before, const tr_config_t *after)
{
    tr_list_t list;
    if (!tr_list_begin(&list)) {
        work->difference->is_out_of_memory = true;
        return;
    }
    for (; *keys; keys++) {
        const tr_schema_row_t *row = tr_schema_find(TR_IN_FILE, *keys);
        assert(row);
        if (row->type == TR_SCHEMA_MAPPING) {
            char prefix[96];
            snprintf(prefix, sizeof prefix, "%s.", row->key);
            tr_list_mapping(&list, row->inside, prefix, false, before, after);
        } else if (!tr_config_is_equal(row, before, after)) {
            tr_list_row(&list, row, "", before, after);
        }
    }
    char *text = tr_list_end(&list);
    if (text && *text) {
        add_change(work->difference, kind, "%s%s", text, end);
    }
    work->difference->is_out_of_memory |= !text;
    free(text);
}

static bool is_same_errand(const tr_config_errand_t *one, const tr_config_errand_t *other)
{
    bool is_same = true;
    for (size_t i = 0; is_same && i < tr_schema_rows; i++) {
        is_same = !(tr_schema[i].where & TR_IN_ERRAND) ||
                  tr_config_is_equal(&tr_schema[i], one, other);
    }
    return is_same;
}

static void note_schedule(work_t *work, const tr_config_t *before, const tr_config_t *after)
{
    bool is_same = before->n_errands == after->n_errands;
    for (size_t i = 0; is_same && i < after->n_errands; i++) {
        is_same = is_same_errand(&before->schedule[i], &after->schedule[i]);
    }
    if (!is_same) {
        add_change(work->difference, TR_CHANGE_SCHEDULE, "schedule: %zu errands -> %zu",
                   before->n_errands, after->n_errands);
    }
}

/* One change for all of it: the gateway follows once. */
static void note_listeners(work_t *work, const tr_config_t *before, const tr_config_t *after)
{
    tr_list_t listen;
    tr_list_t security;
    bool has_listen = tr_list_begin(&listen);
    bool has_security = tr_list_begin(&security);
    if (has_listen) {
        tr_list_listeners(&listen, before, after);
    }
    if (has_security) {
        tr_list_security(&security, before, after);
    }
    char *where = has_listen ? tr_list_end(&listen) : NULL;
    char *who = has_security ? tr_list_end(&security) : NULL;
    if (where && who && (*where || *who)) {
        add_change(work->difference, TR_CHANGE_GATEWAY, "%s%s%s%s%s", *where ? "listen: " : "",
                   where, *where && *who ? "; " : "", *who ? "security: " : "", who);
    }
    work->difference->is_out_of_memory |= !where || !who;
    free(where);
    free(who);
}

static void note_node(work_t *work, const tr_config_t *before, const tr_config_t *after)
{
    static const char *const fixed[] = {"node", "spin", NULL};
    static const char *const memory[] = {"memory", "resources", NULL};
    static const char *const drain[] = {"drain-timeout", NULL};
    static const char *const quarantine[] = {"quarantine-limit", NULL};
    static const char *const http[] = {"http", NULL};
    static const char *const majordomo[] = {"majordomo", NULL};
    note_rows(work, TR_CHANGE_NEEDS_RESTART, fixed,
              "; not changed, since that needs a restart of the node", before, after);
    note_rows(work, TR_CHANGE_MEMORY, memory, "", before, after);
    note_rows(work, TR_CHANGE_DRAIN_TIMEOUT, drain, "", before, after);
    note_rows(work, TR_CHANGE_QUARANTINE_LIMIT, quarantine, "", before, after);
    note_schedule(work, before, after);
    note_listeners(work, before, after);
    note_rows(work, TR_CHANGE_GATEWAY, majordomo, "", before, after);
    note_rows(work, TR_CHANGE_HTTP, http, "", before, after);
}

/* ---- children that come ---- */

static void note_newcomer(work_t *work, const entry_t *after, const tr_config_t *config)
{
    bool has_moved = after->twin && after->twin->is_told;
    bool is_new = !after->twin || has_failed(work, after->child->name);
    if (has_moved || after->stays || !is_new || !has_supervisor_that_stays(after)) {
        return;
    }
    const tr_config_child_t *supervisor = supervisor_of(after, config);
    tr_change_t *change =
        add_change(work->difference, TR_CHANGE_ADD, "add %s %s to %s%s", kind_of(after->child),
                   after->child->name, supervisor->name,
                   after->twin ? ", which did not start before" : "");
    if (change) {
        change->after = after->child;
        change->to = supervisor;
        change->starts = true;
    }
}

/* ---- all of it ---- */

static void work_out(work_t *work, const tr_config_t *before, const tr_config_t *after)
{
    pair(work);
    for (size_t i = work->before.n; i-- > 0;) {
        note_leaver(work, &work->before.all[i], before, after);
    }
    note_node(work, before, after);
    note_supervisor(work, NULL, &before->root, &after->root);
    for (size_t i = 0; i < work->after.n; i++) {
        const entry_t *entry = &work->after.all[i];
        if (entry->stays && entry->child->kind == TR_CONFIG_SUPERVISOR) {
            note_supervisor(work, entry, entry->twin->child, entry->child);
        } else if (entry->stays) {
            note_worker(work, entry);
        }
    }
    for (size_t i = 0; i < work->after.n; i++) {
        note_newcomer(work, &work->after.all[i], after);
    }
}

static void finish_side(side_t *side)
{
    free(side->all);
    free(side->by_name);
}

tr_difference_t *tr_difference_new(const tr_config_t *before, const tr_config_t *after,
                                   const char *const *failed, size_t n_failed)
{
    assert(before && after && !tr_difference_objection(before, after));
    tr_difference_t *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    work_t work = {.difference = self, .failed = failed, .n_failed = n_failed};
    self->is_out_of_memory = !make_side(&work.before, before) || !make_side(&work.after, after);
    if (!self->is_out_of_memory) {
        work_out(&work, before, after);
    }
    finish_side(&work.before);
    finish_side(&work.after);
    if (self->is_out_of_memory) {
        tr_difference_destroy(&self);
    }
    return self;
}

void tr_difference_destroy(tr_difference_t **self_p)
{
    assert(self_p);
    tr_difference_t *self = *self_p;
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->n; i++) {
        free(self->changes[i].text);
    }
    free(self->changes);
    free(self);
    *self_p = NULL;
}

const char *tr_difference_objection(const tr_config_t *before, const tr_config_t *after)
{
    assert(before && after);
    return has_template(&before->root) == has_template(&after->root)
               ? NULL
               : "the root cannot become simple_one_for_one, nor cease to be it, while it runs";
}
