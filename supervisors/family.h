/* supervisors/family.h - an actor that has children of its own
 *
 * Stands as one child in its supervisor: a supervisor of two, that of the children and the
 * actor. Neither is without the other, and the first failure goes up, so that it is treated
 * there as the actor's own: by its restart type, its backoff, and the intensity of its
 * supervisor.
 */

#ifndef TROUPE_SUPERVISORS_FAMILY_H
#define TROUPE_SUPERVISORS_FAMILY_H

#include "actors/spawn.h"
#include "supervisors/supervisor.h"

/* Borrowed by the supervisors: lives as long as they do. */
typedef struct tr_family {
    tr_child_spec_t outer; /* to be started in place of the actor */
    tr_supervisor_spec_t both;
    tr_child_spec_t two[2];
    tr_supervisor_spec_t children;
    char actor_name[96];
    char children_name[96];
} tr_family_t;

/* Of the actor of that spec, whose plan is known_as its name. */
void tr_family_init(tr_family_t *self, const tr_child_spec_t *actor);

/* An actor wants a child of this supervisor. Takes the letter. */
void tr_family_spawn(tr_supervisor_t *self, tr_spawn_t *spawn);

/* There will be none: who monitors it hears of that. */
void tr_family_refuse(tr_supervisor_t *self, const tr_spawn_t *spawn);

/* It wants one stopped, and forgotten. */
void tr_family_stop_child(tr_supervisor_t *self, const char *name);

#endif
