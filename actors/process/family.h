/* actors/process/family.h - the memory of a process and of what it has started
 *
 * A worker's process may be a shell, a launcher, or an interpreter that leaves the work to
 * others. What counts is what they have resident together: the process, its children and
 * theirs, as /proc tells. Who they are is looked up every few seconds, how large they are at
 * each measuring; both are bounded, and where the kernel tells no children the process counts
 * alone.
 *
 * Pages that several of them share count for each. To tell those apart the kernel would have to
 * walk all pages of a process (smaps_rollup: some ten milliseconds for each GiB, during which
 * the process may wait), which is no thing to do once a second.
 */

#ifndef TROUPE_ACTORS_PROCESS_FAMILY_H
#define TROUPE_ACTORS_PROCESS_FAMILY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* More than these are not counted. */
enum { TR_FAMILY_MAX = 64 };

typedef struct tr_relative {
    pid_t pid;
    uint64_t born; /* tells it from another one that was given its number */
} tr_relative_t;

typedef struct tr_process_family {
    tr_relative_t members[TR_FAMILY_MAX]; /* without the process itself */
    size_t n_members;
    int64_t listed_ms; /* when they were looked up; 0: never */
} tr_process_family_t;

/* Bytes. */
typedef struct tr_family_memory {
    int64_t together;
    int64_t largest; /* of one of them */
} tr_family_memory_t;

/* How much memory the family of the process `pid` has, which itself has `own` bytes. */
tr_family_memory_t tr_process_family_measure(tr_process_family_t *self, pid_t pid, int64_t own,
                                             int64_t now_ms);

#endif
