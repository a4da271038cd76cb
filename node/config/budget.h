/* node/config/budget.h - whether what is described fits what there is
 *
 * A worker that no room could ever be made for, and workers that are to be there always and do
 * not fit together, are mistakes of the file; that not all workers there could be fit at once
 * is what a budget is for.
 */

#ifndef TROUPE_NODE_CONFIG_BUDGET_H
#define TROUPE_NODE_CONFIG_BUDGET_H

#include "base/machine.h"
#include "node/config/notes.h"

/* A share leaves at least this, or it is too small a share. */
#define TR_CONFIG_BUDGET_MIN (UINT64_C(1) << 20)

/* Note each problem. `there`: how much memory there is. */
void tr_config_check_budget(tr_config_notes_t *notes, const tr_config_t *config,
                            tr_machine_memory_t there);

/* The same of a child that is to be added to such a node: whether it fits in there when all
 * else gives way. */
void tr_config_check_share(tr_config_notes_t *notes, const tr_config_t *child,
                           const tr_config_t *node, tr_machine_memory_t there);

#endif
