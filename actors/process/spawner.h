/* actors/process/spawner.h - the one thread that starts processes
 *
 * A worker's process dies with its parent (PR_SET_PDEATHSIG), and to the kernel the parent is
 * the *thread* that started it. So all are started by one thread, which lives as long as the
 * runtime: it is born with the first order and ends with the last share of the runtime, when
 * all processes are gone.
 *
 * With the first process it also starts the guard, a small process that kills what the workers
 * left behind when the node itself is killed.
 */

#ifndef TROUPE_ACTORS_PROCESS_SPAWNER_H
#define TROUPE_ACTORS_PROCESS_SPAWNER_H

#include <sched.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>

#include "actors/process/process.h"

typedef struct tr_spawner tr_spawner_t;

/* What a process may use. All zero: whatever the node itself may. */
typedef struct tr_limits {
    int64_t memory_bytes; /* of data (malloc fails beyond it); 0: not limited */
    int64_t cpu_time_s;   /* it gets SIGXCPU; 0: not limited */
    int64_t open_files;   /* 0: as the node */
    int nice;             /* 0: as the node */
    cpu_set_t cpus;       /* empty: all */
} tr_limits_t;

/* What is to be started. Borrowed for the call. */
typedef struct tr_spawn_plan {
    const char *const *argv; /* the program, looked for in PATH, and its arguments; then NULL */
    const char *const *env;  /* "KEY=VALUE" besides or instead of the node's own; then NULL.
                                May be NULL */
    const char *directory;   /* where it runs; NULL: where the node does */
    tr_limits_t limits;
} tr_spawn_plan_t;

/* A spawner without a thread yet. NULL when out of memory. */
TROUPE_NODISCARD tr_spawner_t *tr_spawner_new(void);

/* End the thread and the guard, waiting no more than a few seconds, and set *self_p to NULL;
 * NULL is fine. All processes must have been reaped. */
void tr_spawner_destroy(tr_spawner_t **self_p);

/* Start a process: standard input is /dev/null, output and errors are pipes, the process group
 * its own, signals as at the birth of a program; no other descriptor is open. Waits up to 10 s.
 * Any thread.
 *
 *   TROUPE_OK         *out is the caller's: to be reaped, tr_spawner_forget, closed. That the
 *                     program itself could be executed is not known yet: if not, the process
 *                     exits with 127 or 126, and says why on its standard error
 *   TROUPE_TIMEOUT    should it start still, it is killed
 *   TROUPE_NOT_FOUND  troupe-exec is not there
 *   TROUPE_ERR_IO, TROUPE_ERR_NOMEM
 *
 * On failure `why` (of `size` bytes) gets one line for a person. */
TROUPE_NODISCARD troupe_status_t tr_spawner_start(tr_spawner_t *self,
                                                  const tr_spawn_plan_t *plan,
                                                  tr_process_t *out, char *why, size_t size);

/* Let the guard remove this folder of sockets when the node was killed. Before the first start;
 * the path is copied. Any thread. */
void tr_spawner_set_folder(tr_spawner_t *self, const char *path);

/* The group of that leader is going to be reaped: the guard must not kill it any more. Just
 * before tr_process_reap. Any thread. */
void tr_spawner_forget(tr_spawner_t *self, pid_t group);

#endif
