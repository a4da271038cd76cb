/* node/budget.h - how much memory the workers of a node may have
 *
 * The budget is what the file says, or a share of what there is: of the memory that the control
 * groups of this process allow, else of the machine's; less the reserve.
 *
 * Pure, but for tr_budget_bytes, which looks at the machine.
 */

#ifndef TROUPE_NODE_BUDGET_H
#define TROUPE_NODE_BUDGET_H

#include <stdint.h>

#include "base/machine.h"
#include "node/config/config.h"

typedef struct tr_budget {
    uint64_t whole;   /* as the file says, or the share */
    uint64_t reserve; /* what of that is left alone */
    uint64_t bytes;   /* less the reserve; 0 when that is more */
    uint32_t share;   /* in hundredths of a percent; 0: it is a size */
    tr_machine_memory_t there;
} tr_budget_t;

/* The budget of a node where there is so much memory. Exact: nothing is lost to rounding but
 * the fraction of a byte. */
tr_budget_t tr_budget_of(const tr_config_t *config, tr_machine_memory_t there);

/* The same of this machine, in bytes. */
uint64_t tr_budget_bytes(const tr_config_t *config);

/* Room for either text below. */
enum { TR_BUDGET_TEXT = 160 };

/* "6GiB"; "6.43GiB", about, for what is not that even. Returns `buffer`. */
const char *tr_budget_show_bytes(uint64_t bytes, char *buffer, size_t size);

/* "700MiB (80% of the 1GiB that its control group allows, less the reserve of 124MiB)": the
 * bytes, and where they come from. Returns `buffer`. */
const char *tr_budget_show(const tr_budget_t *self, char *buffer, size_t size);

/* What all workers that there can be would declare together, and those that are always there.
 * A sum that does not fit is UINT64_MAX. */
typedef struct tr_demand {
    size_t n_capabilities; /* that declare memory */
    uint64_t most;         /* all pools full */
    uint64_t least;        /* the `min` of each */
} tr_demand_t;

tr_demand_t tr_budget_demand(const tr_config_t *config);

/* Sums and products that stop at UINT64_MAX. */
uint64_t tr_budget_plus(uint64_t one, uint64_t other);
uint64_t tr_budget_times(uint64_t one, uint64_t other);

/* One line for a person: what capabilities declare, what the budget is, and what follows.
 * "memory: 3 capabilities declare up to 1.2GiB with all pools full; the budget is 700MiB (…):
 * idle workers will give way". A new string, empty when no capability declares any; NULL when
 * out of memory. */
char *tr_budget_outlook(const tr_config_t *config, tr_machine_memory_t there);

#endif
