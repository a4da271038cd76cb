/* node/admin.h - operations as calls of the reserved capability `troupe.admin`
 *
 * Methods: `tree` (how everything is, as one msgpack map), `stop` (drain and stop), and those
 * of node/operation.h on single children.
 */

#ifndef TROUPE_NODE_ADMIN_H
#define TROUPE_NODE_ADMIN_H

#include "actors/actor.h"

/* A tr_start_fn: `what` is the node's tr_modules_t, for children that are added later. */
TROUPE_NODISCARD troupe_status_t tr_admin_start(const tr_birth_t *birth, tr_actor_t **out);

#endif
