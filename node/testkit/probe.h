/* node/testkit/probe.h - the inside of a probe: whose time it waits by
 *
 * In a node a probe sleeps until something comes; on a stage its waiting is what makes the
 * actors move.
 */

#ifndef TROUPE_NODE_TESTKIT_PROBE_H
#define TROUPE_NODE_TESTKIT_PROBE_H

#include <troupe/testkit.h>

#include "actors/runtime.h"

typedef struct tr_probe_time {
    int64_t (*now_ms)(void *arg);

    /* Return when a letter may be in `mailbox`, or at that time, or earlier. */
    void (*wait)(void *arg, tr_mailbox_t *mailbox, int64_t until_ms);
} tr_probe_time_t;

/* As troupe_probe_new; `arg` goes to the functions of `time`. Both are borrowed. */
TROUPE_NODISCARD troupe_probe_t *tr_probe_new(tr_runtime_t *runtime, const char *name,
                                              const tr_probe_time_t *time, void *arg);

#endif
