/* base/machine.h - how much memory there is for this process
 *
 * The smallest of what its control groups allow, its own and all above it, of either version,
 * and of what the machine has. Read anew at each call: limits change while programs run.
 */

#ifndef TROUPE_BASE_MACHINE_H
#define TROUPE_BASE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tr_machine_memory {
    uint64_t bytes;
    bool is_of_group; /* a control group allows no more; else the machine has no more */
} tr_machine_memory_t;

/* `root` stands for "/", see base/cgroup.h. */
tr_machine_memory_t tr_machine_memory(const char *root);

#endif
