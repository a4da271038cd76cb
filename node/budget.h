/* node/budget.h - how much memory the workers of a node may have
 *
 * The budget is what the file says, or a share of what there is: of the memory that the control
 * group of this process may use, else of the machine's; less the reserve.
 */

#ifndef TROUPE_NODE_BUDGET_H
#define TROUPE_NODE_BUDGET_H

#include "node/config.h"

/* In bytes. */
uint64_t tr_budget_bytes(const tr_config_t *config);

#endif
