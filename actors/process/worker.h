/* actors/process/worker.h - the actor that stands for a worker in a process of its own
 *
 * To the router and the supervisor it is a worker like any other: it takes jobs, answers pings,
 * moves its state, stops and ends with a reason. It starts the process, passes on to it what it
 * is given, in TRP/1, and what it answers back; docs/protocol.md, "Workers", is the normative
 * text. What the process writes goes to the log.
 *
 * A process can be killed, however it hangs; so can this actor, by TR_WORD_KILL. Whatever the
 * way it ends, the process and what it started have been killed before, and reaped.
 */

#ifndef TROUPE_ACTORS_PROCESS_WORKER_H
#define TROUPE_ACTORS_PROCESS_WORKER_H

#include "actors/actor.h"
#include "actors/process/spawner.h"

/* What is run, and how. Borrowed: outlives every worker. */
typedef struct tr_process_plan {
    const char *const *argv; /* the program, looked for in PATH, and its arguments; then NULL */
    const char *const *env;  /* "KEY=VALUE"; then NULL. May be NULL */
    const char *directory;   /* NULL: where the node runs */
    const char *capability;  /* told to the process; NULL: none */
    tr_limits_t limits;      /* memory_bytes is measured too: above it the worker is killed */
    bool is_lasting;         /* what waits in its mailbox waits for its next life */
    int64_t idle_after_ms;   /* ready with nothing to do for so long is idle */
    const char *machine;     /* a folder that stands for "/" where the kernel counts what it
                              * kills; NULL: "/" itself */
} tr_process_plan_t;

/* A tr_start_fn: `what` is a tr_process_plan_t. That the process was started, and that it is
 * ready, is told to the parent by tr_self_started or by the reason of its end. */
TROUPE_NODISCARD troupe_status_t tr_process_worker_start(const tr_birth_t *birth,
                                                         tr_actor_t **out);

#endif
