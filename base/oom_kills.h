/* base/oom_kills.h - whether the kernel has killed a process for want of memory
 *
 * A process that the kernel kills for want of memory dies by the same signal as one that
 * somebody kills, and nothing in its end tells the two apart. But the kernel counts: in the
 * control group of what it killed, and for the machine. Whoever has looked at the counters
 * before a death and looks again after it knows whether there was such a kill meanwhile,
 * though not whose.
 *
 * A look is three small files. A watch is looked at now and then and remembers what it saw some
 * time ago: the counters move before the process dies, and it may take seconds to be gone. It
 * follows the process into the group where that is; until it has been seen there, and where
 * the group does not count, the counter of the whole machine has to do.
 */

#ifndef TROUPE_BASE_OOM_KILLS_H
#define TROUPE_BASE_OOM_KILLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cgroup.h"

/* Where the kernel counts: in the group of either version, and for the machine. */
enum {
    TR_OOM_GROUP_V1 = TR_CGROUP_V1,
    TR_OOM_GROUP_V2 = TR_CGROUP_V2,
    TR_OOM_MACHINE,
    TR_N_OOM_COUNTERS,
};

/* -1 where nobody counts. */
typedef struct tr_oom_look {
    int64_t killed[TR_N_OOM_COUNTERS];
} tr_oom_look_t;

typedef struct tr_oom_watch {
    const char *root;      /* stands for "/"; outlives the watch */
    tr_cgroup_t groups[2]; /* by their version; an empty folder: there is none */
    bool is_followed;      /* the process has been seen in them */
    tr_oom_look_t before;
    tr_oom_look_t latest;
    int64_t looked_ms;
} tr_oom_watch_t;

/* Begin with what the counters say now, those of the group of this process: there its children
 * begin too. */
void tr_oom_watch_init(tr_oom_watch_t *self, const char *root, int64_t now_ms);

/* See where the process is; it may have gone to another group. */
void tr_oom_watch_follow(tr_oom_watch_t *self, pid_t pid);

/* Time passes: look, and follow, when the last look is some seconds old; else this is cheap. */
void tr_oom_watch_turn(tr_oom_watch_t *self, pid_t pid, int64_t now_ms);

/* Whether there was such a kill since some seconds ago, or since the watch began: in the group
 * of the process, when that has been seen and counts. When `anywhere`, or else, on the machine.
 */
bool tr_oom_watch_has_moved(const tr_oom_watch_t *self, bool anywhere);

#endif
