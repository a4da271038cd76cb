/* node/admin.h - operations as calls of the reserved capability `troupe.admin`
 *
 * Methods: `tree` (how everything is, as one msgpack map) and `stop` (drain and stop).
 */

#ifndef TROUPE_NODE_ADMIN_H
#define TROUPE_NODE_ADMIN_H

#include "actors/actor.h"

/* A tr_start_fn; `what` is not used. */
TROUPE_NODISCARD troupe_status_t tr_admin_start(const tr_birth_t *birth, tr_actor_t **out);

#endif
