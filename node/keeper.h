/* node/keeper.h - the actor that keeps a tree: brings it up, drains it, takes it down
 *
 * It is the parent of the root supervisor and lives as long as the tree does. Asked to stop
 * once, it drains: gateways and routers take nothing new, and when all that was accepted is
 * answered, or `drain-timeout` has passed, the root is stopped. Asked again, it does not wait.
 * It says `started` when the tree is up and `ended`, with the root's reason, when it is down.
 */

#ifndef TROUPE_NODE_KEEPER_H
#define TROUPE_NODE_KEEPER_H

#include "actors/actor.h"
#include "node/assembly.h"

/* Start a keeper of `plan`, which must outlive it. Statuses as tr_actor_start. */
TROUPE_NODISCARD troupe_status_t tr_keeper_start(const tr_plan_t *plan, tr_runtime_t *runtime,
                                                 tr_mailbox_t *parent, tr_actor_t **out);

#endif
