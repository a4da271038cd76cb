/* base/oom_kills.h - whether the kernel has killed for want of memory
 *
 * A process that the kernel kills for want of memory dies by the same signal as one that
 * somebody kills, and nothing in its end tells the two apart. But the kernel counts: in the
 * control group of what it killed, and for the machine. Whoever has looked at the counters
 * before a death and looks again after it knows whether there was such a kill meanwhile,
 * though not whose.
 *
 * A look is three small files. A watch is looked at now and then and remembers what it saw some
 * time ago: the counters move before the process dies, and it may take seconds to be gone.
 */

#ifndef TROUPE_BASE_OOM_KILLS_H
#define TROUPE_BASE_OOM_KILLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cgroup.h"

/* Where the kernel counts. */
enum { TR_OOM_MACHINE, TR_OOM_GROUP_V1, TR_OOM_GROUP_V2, TR_N_OOM_COUNTERS };

typedef struct tr_oom_look {
    uint64_t killed[TR_N_OOM_COUNTERS]; /* 0 where nobody counts */
} tr_oom_look_t;

typedef struct tr_oom_watch {
    const char *root;      /* stands for "/"; outlives the watch */
    tr_cgroup_t groups[2]; /* by their version; an empty folder: there is none */
    tr_oom_look_t before;
    tr_oom_look_t latest;
    int64_t looked_ms;
} tr_oom_watch_t;

/* Begin with what the counters say now. */
void tr_oom_watch_init(tr_oom_watch_t *self, const char *root, int64_t now_ms);

/* Time passes. Cheap unless the last look is more than some seconds old. */
void tr_oom_watch_turn(tr_oom_watch_t *self, int64_t now_ms);

/* Whether there was such a kill since some seconds ago, or since the watch began. */
bool tr_oom_watch_has_moved(const tr_oom_watch_t *self);

#endif
