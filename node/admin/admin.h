/* node/admin/admin.h - operations as calls of the reserved capability `troupe.admin`
 *
 * Methods: `tree` (how everything is, as one msgpack map), `stats` (the metrics, likewise),
 * `events` (node/admin/events.h), `stop` (drain and stop), those of node/reload/reload.h, and
 * those of node/admin/operation.h. What it does later by itself is in node/admin/agenda.h.
 * docs/protocol.md describes all of them.
 */

#ifndef TROUPE_NODE_ADMIN_ADMIN_H
#define TROUPE_NODE_ADMIN_ADMIN_H

#include "actors/actor.h"
#include "actors/module.h"
#include "node/config/config.h"

/* Borrowed: outlives the admin, but for the errands, which are copied. */
typedef struct tr_admin_spec {
    tr_modules_t *modules;     /* for children that are added later */
    const tr_config_t *config; /* with which the node was started: this one, too */
    const tr_config_errand_t *errands;
    size_t n_errands;
} tr_admin_spec_t;

/* A tr_start_fn: `what` is a tr_admin_spec_t. */
TROUPE_NODISCARD troupe_status_t tr_admin_start(const tr_birth_t *birth, tr_actor_t **out);

#endif
