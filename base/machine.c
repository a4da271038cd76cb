/* A group without a limit says "max" (version 2) or a number close to 2^63 (version 1): the
 * largest number of pages that its counter holds, in bytes, which depends on the size of a
 * page. No machine has a quarter of that, so all such numbers mean none.
 */

#include "base/machine.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "base/cgroup.h"

#define NO_LIMIT (UINT64_C(1) << 61)

static uint64_t smaller(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

/* The limit of a group and of all above it; NO_LIMIT when there is none. */
static uint64_t group_limit(const char *root, tr_cgroup_version_t version, const char *file)
{
    tr_cgroup_t group;
    uint64_t limit = NO_LIMIT;
    bool is_there = tr_cgroup_find(root, 0, version, &group);
    while (is_there) {
        uint64_t bytes = NO_LIMIT;
        if (tr_cgroup_number(&group, file, &bytes)) {
            limit = smaller(limit, bytes);
        }
        is_there = tr_cgroup_ascend(&group);
    }
    return limit;
}

/* "MemTotal:       24684092 kB"; when that cannot be read, what the kernel says in a call. */
static uint64_t machine_total(const char *root)
{
    char path[TR_CGROUP_PATH];
    char line[128];
    unsigned long long kilobytes = 0;
    int size = snprintf(path, sizeof path, "%s/proc/meminfo", root);
    FILE *file = size > 0 && (size_t)size < sizeof path ? fopen(path, "re") : NULL;
    bool is_found = false;
    while (file && !is_found && fgets(line, sizeof line, file)) {
        is_found = sscanf(line, "MemTotal: %19llu kB", &kilobytes) == 1;
    }
    if (file) {
        fclose(file);
    }
    if (is_found && kilobytes > 0) {
        return kilobytes < NO_LIMIT / 1024 ? kilobytes * 1024 : NO_LIMIT;
    }
    struct sysinfo info;
    return sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit : 0;
}

tr_machine_memory_t tr_machine_memory(const char *root)
{
    assert(root);
    uint64_t allowed = smaller(group_limit(root, TR_CGROUP_V2, "memory.max"),
                               group_limit(root, TR_CGROUP_V1, "memory.limit_in_bytes"));
    uint64_t total = machine_total(root);
    return (tr_machine_memory_t){.bytes = smaller(allowed, total),
                                 .is_of_group = allowed < total};
}
