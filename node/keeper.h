/* node/keeper.h - the actor that keeps a tree: brings it up, drains it, takes it down
 *
 * It is the parent of the root supervisor and lives as long as the tree does. Asked to stop
 * once, it drains: gateways and routers take nothing new, and when all that was accepted is
 * answered, or `drain-timeout` has passed, the root is stopped. Asked again, it does not wait.
 * An operator may have it drained and held (TR_WORD_DRAIN, with a mailbox that is told when it
 * has): gateways stay open, and TR_WORD_RESUME makes it ready again. Asked to stop meanwhile,
 * it goes on draining, and stops. It says `started` when the tree is up and `ended`, with the
 * root's reason, when it is down.
 */

#ifndef TROUPE_NODE_KEEPER_H
#define TROUPE_NODE_KEEPER_H

#include "actors/actor.h"
#include "node/assembly.h"

/* Start a keeper of `plan`, which must outlive it. Statuses as tr_actor_start. */
TROUPE_NODISCARD troupe_status_t tr_keeper_start(const tr_plan_t *plan, tr_runtime_t *runtime,
                                                 tr_mailbox_t *parent, tr_actor_t **out);

#endif
