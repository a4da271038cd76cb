/* Which steps lead from one description to another. The order is that of the difference; the
 * specs are those of the new plan.
 */

#include "node/reload/inside.h"

#include <stdlib.h>
#include <string.h>

static void add_step(tr_steps_t *self, step_t step)
{
    if (self->n == self->n_room) {
        size_t n_room = self->n_room ? self->n_room * 2 : 64;
        step_t *all = realloc(self->all, n_room * sizeof *all);
        if (!all) {
            self->is_out_of_memory = true;
            return;
        }
        self->all = all;
        self->n_room = n_room;
    }
    self->all[self->n++] = step;
}

/* The operator's root is the node's tree. */
static const char *actor_of(const tr_config_child_t *supervisor, const tr_config_t *config)
{
    return supervisor == &config->root ? TR_NAME_TREE : supervisor->name;
}

static void take_out(tr_steps_t *self, const char *supervisor, const tr_config_child_t *child,
                     const tr_change_t *change, bool is_clearing)
{
    add_step(self, (step_t){.kind = STEP_TAKE_OUT,
                            .supervisor = supervisor,
                            .child = child->name,
                            .change = change,
                            .is_clearing = is_clearing});
}

static void each_capability(tr_steps_t *self, const tr_config_child_t *child, step_kind_t kind)
{
    if (child->kind == TR_CONFIG_CAPABILITY) {
        add_step(self, (step_t){.kind = kind, .child = child->name});
    }
    for (size_t i = 0; i < child->n_children; i++) {
        each_capability(self, &child->children[i], kind);
    }
}

static bool leaves(const tr_change_t *change)
{
    return (change->kind == TR_CHANGE_REMOVE || change->kind == TR_CHANGE_MOVE) &&
           change->stops;
}

/* What they have accepted they finish at the same time. */
static void take_out_leavers(tr_steps_t *self)
{
    const tr_difference_t *difference = self->setup.difference;
    for (size_t i = 0; i < difference->n; i++) {
        if (leaves(&difference->changes[i])) {
            each_capability(self, difference->changes[i].before, STEP_ANNOUNCE);
        }
    }
    for (size_t i = 0; i < difference->n; i++) {
        const tr_change_t *change = &difference->changes[i];
        if (leaves(change)) {
            each_capability(self, change->before, STEP_DRAIN);
            take_out(self, actor_of(change->from, self->setup.before), change->before, change,
                     false);
        }
    }
    /* Where a new child is to be there may be one that was added by a command, or one that did
     * not start the last time. */
    for (size_t i = 0; i < difference->n; i++) {
        const tr_change_t *change = &difference->changes[i];
        if (change->starts) {
            take_out(self, actor_of(change->to, self->setup.plan->config), change->after,
                     change, true);
        }
    }
}

static void follow(tr_steps_t *self, const char *supervisor, const char *child,
                   const tr_supervisor_spec_t *spec, const tr_change_t *change, bool rolls)
{
    add_step(self, (step_t){.kind = STEP_FOLLOW,
                            .space = TR_NAMES_ACTOR,
                            .supervisor = supervisor,
                            .child = child,
                            .what = spec,
                            .change = change,
                            .rolls = rolls});
}

/* The specs of a supervisor and of all supervisors below it, pools included. One that is only
 * about to be started is not there, which is fine. */
static void follow_all(tr_steps_t *self, const char *supervisor,
                       const tr_supervisor_spec_t *spec)
{
    follow(self, supervisor, spec->name, spec, NULL, false);
    for (size_t i = 0; spec->strategy != TR_SIMPLE_ONE_FOR_ONE && i < spec->n_children; i++) {
        if (spec->children[i].is_supervisor) {
            follow_all(self, spec->name, spec->children[i].what);
        }
    }
}

static const tr_child_spec_t *spec_named(const tr_supervisor_spec_t *spec, const char *name)
{
    for (size_t i = 0; i < spec->n_children; i++) {
        if (strcmp(spec->children[i].name, name) == 0) {
            return &spec->children[i];
        }
    }
    return NULL;
}

/* The supervisor of the plan that has the child of that name, wherever in the tree. */
static const tr_supervisor_spec_t *supervisor_with(const tr_supervisor_spec_t *spec,
                                                   const char *name, const char *kind)
{
    const tr_child_spec_t *found = spec_named(spec, name);
    const tr_supervisor_spec_t *deeper = NULL;
    if (found && strcmp(found->kind, kind) == 0) {
        return spec;
    }
    for (size_t i = 0; !deeper && i < spec->n_children; i++) {
        const tr_child_spec_t *child = &spec->children[i];
        deeper = strcmp(child->kind, "supervisor") == 0
                     ? supervisor_with(child->what, name, kind)
                     : NULL;
    }
    return deeper;
}

static const tr_supervisor_spec_t *capability_spec(const tr_steps_t *self, const char *name)
{
    const tr_supervisor_spec_t *parent =
        supervisor_with(&self->setup.plan->root, name, "capability");
    return parent ? spec_named(parent, name)->what : NULL;
}

static void tell(tr_steps_t *self, const char *supervisor, tr_name_space_t space,
                 const char *child, const void *what, const tr_change_t *change)
{
    add_step(self, (step_t){.kind = STEP_TELL,
                            .supervisor = supervisor,
                            .child = child,
                            .space = space,
                            .what = what,
                            .change = change});
}

static void tell_node(tr_steps_t *self)
{
    const tr_plan_t *plan = self->setup.plan;
    const tr_child_spec_t *governor = spec_named(&plan->root, TR_NAME_GOVERNOR);
    const tr_child_spec_t *gateway = spec_named(&plan->root, TR_NAME_GATEWAY);
    tell(self, NULL, TR_NAMES_ACTOR, TR_NAME_KEEPER, plan, NULL);
    for (size_t i = 0; i < self->setup.difference->n; i++) {
        const tr_change_t *change = &self->setup.difference->changes[i];
        if (change->kind == TR_CHANGE_MEMORY && governor) {
            tell(self, TR_NAME_ROOT, TR_NAMES_ACTOR, TR_NAME_GOVERNOR, governor->what, change);
        } else if (change->kind == TR_CHANGE_GATEWAY && gateway &&
                   self->setup.before->n_listeners > 0) {
            tell(self, TR_NAME_ROOT, TR_NAMES_ACTOR, TR_NAME_GATEWAY, gateway->what, change);
        } else if (change->kind == TR_CHANGE_QUARANTINE_LIMIT) {
            tr_quarantine_set_limit(self->setup.admin->runtime->quarantine,
                                    (size_t)plan->config->quarantine_limit);
        }
    }
}

static void tell_routers(tr_steps_t *self)
{
    for (size_t i = 0; i < self->setup.difference->n; i++) {
        const tr_change_t *change = &self->setup.difference->changes[i];
        if (change->kind == TR_CHANGE_CAPABILITY || change->kind == TR_CHANGE_ROLL) {
            const tr_supervisor_spec_t *spec = capability_spec(self, change->after->name);
            if (spec) {
                tell(self, spec->children[0].name, TR_NAMES_CAPABILITY, spec->name,
                     spec->children[0].what, change);
            }
        }
    }
}

static void replace_actors(tr_steps_t *self)
{
    for (size_t i = 0; i < self->setup.difference->n; i++) {
        const tr_change_t *change = &self->setup.difference->changes[i];
        const tr_supervisor_spec_t *parent =
            change->kind == TR_CHANGE_RESTART
                ? supervisor_with(&self->setup.plan->root, change->after->name, "actor")
                : NULL;
        if (parent) {
            add_step(self, (step_t){.kind = STEP_REPLACE,
                                    .supervisor = parent->name,
                                    .child = change->after->name,
                                    .change = change});
        }
    }
}

static void roll_pools(tr_steps_t *self)
{
    for (size_t i = 0; i < self->setup.difference->n; i++) {
        const tr_change_t *change = &self->setup.difference->changes[i];
        const tr_supervisor_spec_t *spec =
            change->kind == TR_CHANGE_ROLL ? capability_spec(self, change->after->name) : NULL;
        if (spec) {
            follow(self, spec->name, spec->children[1].name, spec->children[1].what, change,
                   true);
        }
    }
}

static void start(tr_steps_t *self, const char *supervisor, const char *child,
                  const tr_change_t *change)
{
    add_step(self, (step_t){.kind = STEP_START,
                            .supervisor = supervisor,
                            .child = child,
                            .change = change});
}

static void start_newcomers(tr_steps_t *self)
{
    /* In the order of the file, those that have moved too. */
    for (size_t i = 0; i < self->setup.difference->n; i++) {
        const tr_change_t *change = &self->setup.difference->changes[i];
        if (change->starts) {
            start(self, actor_of(change->to, self->setup.plan->config), change->after->name,
                  change);
        }
    }
}

/* What a node has of its own, if its description says so. */
static void replace_own(tr_steps_t *self, tr_change_kind_t kind, const char *name, bool was,
                        bool is)
{
    static const tr_config_child_t own[] = {{.kind = TR_CONFIG_ACTOR, .name = TR_NAME_GATEWAY},
                                            {.kind = TR_CONFIG_ACTOR, .name = TR_NAME_HTTP}};
    const tr_config_child_t *child = strcmp(name, TR_NAME_HTTP) == 0 ? &own[1] : &own[0];
    for (size_t i = 0; i < self->setup.difference->n; i++) {
        const tr_change_t *change = &self->setup.difference->changes[i];
        if (change->kind != kind) {
            continue;
        }
        if (was && !is) {
            take_out(self, TR_NAME_ROOT, child, change, false);
        } else if (!was && is) {
            start(self, TR_NAME_ROOT, child->name, change);
        } else if (kind == TR_CHANGE_HTTP) {
            add_step(self, (step_t){.kind = STEP_REPLACE,
                                    .supervisor = TR_NAME_ROOT,
                                    .child = child->name,
                                    .change = change});
        }
    }
}

void tr_steps_make(tr_steps_t *self)
{
    const tr_config_t *before = self->setup.before;
    const tr_config_t *after = self->setup.plan->config;
    take_out_leavers(self);
    follow_all(self, NULL, &self->setup.plan->root);
    tell_node(self);
    tell_routers(self);
    replace_actors(self);
    roll_pools(self);
    start_newcomers(self);
    add_step(self, (step_t){.kind = STEP_NEARLY_DONE});
    replace_own(self, TR_CHANGE_HTTP, TR_NAME_HTTP, before->http != NULL, after->http != NULL);
    replace_own(self, TR_CHANGE_GATEWAY, TR_NAME_GATEWAY, before->n_listeners > 0,
                after->n_listeners > 0);
}
