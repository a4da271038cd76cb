#include "node/budget.h"

#include <unistd.h>

uint64_t tr_budget_bytes(const tr_config_t *config)
{
    uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t bytes = config->memory_budget.bytes >= 0
                         ? (uint64_t)config->memory_budget.bytes
                         : (uint64_t)(config->memory_budget.share * (double)all);
    uint64_t reserve = (uint64_t)config->memory_reserve;
    return bytes > reserve ? bytes - reserve : 0;
}
