/* base/cgroup.h - the control groups that bound the memory of a process
 *
 * There are two versions of control groups, and a machine may have both: then one of them has
 * the memory. /proc/PID/cgroup says which group a process is in, /proc/self/mountinfo where
 * that is to be found; in a container the two may speak of different roots.
 *
 * Each function takes a folder that stands for "/", so that tests show it a machine of made-up
 * files; "" is the real one. What cannot be read, or is not as it should be, is not there.
 */

#ifndef TROUPE_BASE_CGROUP_H
#define TROUPE_BASE_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TR_CGROUP_PATH 1024

typedef enum tr_cgroup_version {
    TR_CGROUP_V1, /* the hierarchy of the memory controller */
    TR_CGROUP_V2,
} tr_cgroup_version_t;

typedef struct tr_cgroup {
    char folder[TR_CGROUP_PATH]; /* of the group of a process */
    size_t top;                  /* so much of `folder` is the topmost group that can be seen */
} tr_cgroup_t;

/* The group of that version that the process `pid` is in (0: this one), whether it has the
 * memory or not. False: there is none, or it cannot be found. */
bool tr_cgroup_find(const char *root, pid_t pid, tr_cgroup_version_t version, tr_cgroup_t *out);

/* Go to the group above. False at the top; then nothing is done. */
bool tr_cgroup_ascend(tr_cgroup_t *self);

/* The number that a file holds, the first of its lines. False: there is none, it is no number
 * ("max"), or one that does not fit. */
bool tr_cgroup_number(const tr_cgroup_t *self, const char *file, uint64_t *out);

/* The number behind `key` in a file of lines "KEY NUMBER"; likewise. */
bool tr_cgroup_counter(const tr_cgroup_t *self, const char *file, const char *key,
                       uint64_t *out);

/* The same of any file by its path. */
bool tr_cgroup_counter_in(const char *path, const char *key, uint64_t *out);

#endif
