/* actors/spawn.h - what an actor says to the supervisor of its children
 *
 * The supervisor answers nothing: who wants to know monitors the reference, which the child has
 * from before its start.
 */

#ifndef TROUPE_ACTORS_SPAWN_H
#define TROUPE_ACTORS_SPAWN_H

#include <troupe/actor.h>

#include "actors/worker/worker.h"
#include "base/keepsake.h"
#include "mailbox/letter.h"

/* What a child is, in one piece of memory: the keepsake's. */
typedef struct tr_offspring {
    char name[80];
    tr_worker_plan_t plan; /* its args, and their texts, are copies behind this struct */
    troupe_restart_t restart;
    int64_t shutdown_ms;
    size_t spawns;
} tr_offspring_t;

/* Start it. */
typedef struct tr_spawn {
    tr_letter_t letter;
    const tr_offspring_t *what;
    tr_keepsake_t *keepsake; /* of `what` */
} tr_spawn_t;

extern const tr_letter_type_t tr_spawn_type;

/* The letter, or NULL when it is none. */
tr_spawn_t *tr_spawn_in(tr_letter_t *letter);

/* Behind the name of an actor: that of the supervisor of its children. */
#define TR_CHILDREN_SUFFIX "/children"

/* And that of the actor itself, beside it. */
#define TR_ACTOR_SUFFIX "/actor"

#endif
