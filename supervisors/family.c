/* What is spawned is added by the same command that an operator gives, with nobody who waits
 * for the answer.
 */

#include "supervisors/family.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "supervisors/commands.h"

/* Of all children of one actor together; docs/how-to.md tells of it. */
#define CHILDREN_RESTARTS  5
#define CHILDREN_PERIOD_MS 10000

#define CHILD_SHUTDOWN_MS    5000
#define CHILD_BACKOFF_MIN_MS 100
#define CHILD_BACKOFF_MAX_MS 30000

/* ---- a supervisor of two ---- */

static tr_child_spec_t of_children(const tr_family_t *self, const tr_child_spec_t *actor)
{
    return (tr_child_spec_t){
        .name = self->children_name,
        .kind = "children",
        .restart = TR_RESTART_PERMANENT,
        .is_supervisor = true,
        .shutdown_ms = TR_NEVER,
        .backoff_min_ms = actor->backoff_min_ms,
        .backoff_max_ms = actor->backoff_max_ms,
        .own_restarts = -1,
        .own_period_ms = 1,
        .health = tr_health_plan_of_supervisors,
        .can_be_surveyed = true,
        .start = tr_supervisor_start,
        .what = &self->children,
    };
}

static tr_child_spec_t of_actor(const tr_family_t *self, const tr_child_spec_t *actor)
{
    tr_child_spec_t spec = *actor;
    spec.name = self->actor_name;
    spec.known_as = actor->name;
    spec.restart = TR_RESTART_TRANSIENT;
    spec.is_significant = true; /* when it ends well, that is the end of both */
    spec.own_restarts = -1;
    return spec;
}

static tr_child_spec_t of_both(const tr_family_t *self, const tr_child_spec_t *actor)
{
    tr_child_spec_t spec = *actor;
    spec.is_supervisor = true;
    spec.shutdown_ms = TR_NEVER; /* that of each of them is kept inside */
    spec.health = tr_health_plan_of_supervisors;
    spec.can_be_surveyed = true;
    spec.isolation = TR_ISOLATION_THREAD;
    spec.start = tr_supervisor_start;
    spec.what = &self->both;
    return spec;
}

void tr_family_init(tr_family_t *self, const tr_child_spec_t *actor)
{
    assert(self && actor);
    *self = (tr_family_t){.children = {.strategy = TR_ONE_FOR_ONE,
                                       .max_restarts = CHILDREN_RESTARTS,
                                       .period_ms = CHILDREN_PERIOD_MS},
                          .both = {.name = actor->name,
                                   .strategy = TR_ONE_FOR_ALL,
                                   .max_restarts = 0,
                                   .period_ms = 1,
                                   .auto_shutdown = TR_AUTO_SHUTDOWN_ANY,
                                   .n_children = 2}};
    snprintf(self->actor_name, sizeof self->actor_name, "%.80s" TR_ACTOR_SUFFIX, actor->name);
    snprintf(self->children_name, sizeof self->children_name, "%.80s" TR_CHILDREN_SUFFIX,
             actor->name);
    self->children.name = self->children_name;
    self->two[0] = of_children(self, actor);
    self->two[1] = of_actor(self, actor);
    self->both.children = self->two;
    self->outer = of_both(self, actor);
}

/* ---- children ---- */

/* What is added for one that is spawned. */
typedef struct spawned {
    tr_child_spec_t spec;
    tr_family_t family;
    tr_keepsake_t *offspring; /* a share */
} spawned_t;

static void destroy_spawned(void *spawned)
{
    tr_keepsake_release(&((spawned_t *)spawned)->offspring);
    free(spawned);
}

static tr_restart_t restart_of(troupe_restart_t restart)
{
    return restart == TROUPE_RESTART_TRANSIENT   ? TR_RESTART_TRANSIENT
           : restart == TROUPE_RESTART_TEMPORARY ? TR_RESTART_TEMPORARY
                                                 : TR_RESTART_PERMANENT;
}

static spawned_t *spawned_new(const tr_spawn_t *spawn)
{
    const tr_offspring_t *what = spawn->what;
    spawned_t *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    self->offspring = tr_keepsake_share(spawn->keepsake);
    self->spec = (tr_child_spec_t){
        .name = what->name,
        .kind = "actor",
        .restart = restart_of(what->restart),
        .shutdown_ms = what->shutdown_ms > 0 ? what->shutdown_ms : CHILD_SHUTDOWN_MS,
        .backoff_min_ms = CHILD_BACKOFF_MIN_MS,
        .backoff_max_ms = CHILD_BACKOFF_MAX_MS,
        .own_restarts = -1,
        .own_period_ms = 1,
        .is_forgotten = true,
        .health = tr_health_plan_of_actors,
        .start = tr_worker_start,
        .what = &what->plan,
    };
    if (what->spawns > 0) {
        tr_family_init(&self->family, &self->spec);
        self->spec = self->family.outer;
    }
    return self;
}

void tr_family_refuse(tr_supervisor_t *self, const tr_spawn_t *spawn)
{
    assert(self && spawn);
    tr_runtime_retire(self->self->runtime, self->path, spawn->what->name, true);
}

void tr_family_spawn(tr_supervisor_t *self, tr_spawn_t *spawn)
{
    assert(self && spawn);
    spawned_t *spawned = self->is_stopping ? NULL : spawned_new(spawn);
    tr_keepsake_t *keepsake = spawned ? tr_keepsake_new(spawned, destroy_spawned) : NULL;
    tr_command_t *command =
        keepsake ? tr_command_new(TR_VERB_ADD, spawn->what->name, NULL, 0) : NULL;
    if (command) {
        command->spec = &spawned->spec;
        command->keepsake = tr_keepsake_share(keepsake);
        tr_commands_take(self, command);
        const tr_child_t *child = tr_children_named(&self->children, spawn->what->name);
        if (!child || child->spec != &spawned->spec) {
            tr_family_refuse(self, spawn);
        }
        tr_keepsake_release(&keepsake);
    } else {
        tr_family_refuse(self, spawn);
        if (keepsake) {
            tr_keepsake_release(&keepsake);
        } else if (spawned) {
            destroy_spawned(spawned);
        }
    }
    tr_letter_t *letter = &spawn->letter;
    tr_letter_destroy(&letter);
}

void tr_family_stop_child(tr_supervisor_t *self, const char *name)
{
    assert(self && name);
    static const tr_verb_t verbs[] = {TR_VERB_TERMINATE, TR_VERB_REMOVE};
    for (size_t i = 0; i < 2; i++) {
        tr_command_t *command = tr_command_new(verbs[i], name, NULL, 0);
        if (command) {
            tr_commands_take(self, command);
        }
    }
}
