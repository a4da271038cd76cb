/* supervisors/governor.h - who grants what the node has
 *
 * One actor owns what the node may use: memory, and resources with names. A pool asks it before
 * it starts a worker (actors/grant.h). What fits is charged and granted; what does not waits in
 * line while idle workers elsewhere are asked to give way, or is refused when nothing that
 * could give way would be enough.
 */

#ifndef TROUPE_SUPERVISORS_GOVERNOR_H
#define TROUPE_SUPERVISORS_GOVERNOR_H

#include "actors/actor.h"
#include "actors/grant.h"

/* The name under which pools find it; a tree without one starts what it likes. */
#define TR_NAME_GOVERNOR "troupe.governor"

/* Borrowed: outlives the governor, unless it came with a word. */
typedef struct tr_governor_spec {
    tr_amounts_t limits; /* UINT64_MAX: as much as anybody likes */
    const char
        *names[TR_N_RESOURCES]; /* of the resources; NULL: there is none of that number */
    uint64_t reserve_bytes;     /* was taken off the budget; to be shown */
    int64_t residency_ms;       /* a worker is not asked to give way before it was up for
                                   so long, and for as long as it took to start */
} tr_governor_spec_t;

/* A tr_start_fn; `what` is a tr_governor_spec_t. */
TROUPE_NODISCARD troupe_status_t tr_governor_start(const tr_birth_t *birth, tr_actor_t **out);

#endif
