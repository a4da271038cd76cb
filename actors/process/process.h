/* actors/process/process.h - a child process, as the actor that owns it holds it
 *
 * A process is the leader of its own group. It is signalled and, in the end, killed as a group,
 * so that what it started goes with it. It is held by descriptors: the pidfd polls readable
 * when it has died, its output comes by two pipes. Until it is reaped its number cannot be
 * given to another process, so signals cannot hit a stranger.
 *
 * The functions neither wait nor log. One thread owns a process.
 */

#ifndef TROUPE_ACTORS_PROCESS_PROCESS_H
#define TROUPE_ACTORS_PROCESS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <troupe/status.h>

#include "base/reason.h"

typedef struct tr_process {
    pid_t pid; /* of the leader, and of the group; 0: there is none, or it is reaped */
    int pidfd; /* -1: none; so the others */
    int out;   /* reads the child's standard output, never blocks */
    int err;   /* and its standard error */
    int statm; /* /proc/PID/statm */
} tr_process_t;

/* No process, no descriptors. */
void tr_process_init(tr_process_t *self);

/* Send `signal` to the whole group. Nothing happens when it is reaped. */
void tr_process_signal(const tr_process_t *self, int signal);

/* Whether the leader has died and waits to be reaped. */
bool tr_process_is_dead(const tr_process_t *self);

/* Reap a leader that has died, after killing what is left of its group. False when it still
 * runs; then nothing is done.
 *
 * The reason is `normal` for exit status 0, else `exited` or `crashed` with the status or the
 * signal. It is `lost` when somebody else reaped it. */
TROUPE_NODISCARD bool tr_process_reap(tr_process_t *self, tr_reason_t *reason);

/* Bytes of memory that the leader has resident; 0 when that cannot be read. */
int64_t tr_process_memory(const tr_process_t *self);

/* Close the descriptors. The process must be reaped. */
void tr_process_close(tr_process_t *self);

#endif
