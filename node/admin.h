/* node/admin.h - operations as calls of the reserved capability `troupe.admin`
 *
 * Methods: `tree` (how everything is, as one msgpack map) and `stop` (drain and stop).
 */

#ifndef TROUPE_NODE_ADMIN_H
#define TROUPE_NODE_ADMIN_H

#include "actors/actor.h"

/* A tr_start_fn; `what` is not used. */
TROUPE_NODISCARD troupe_status_t tr_admin_start(const void *what, const char *name,
                                                tr_runtime_t *runtime, tr_mailbox_t *parent,
                                                tr_actor_t **out);

#endif
