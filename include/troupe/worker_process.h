/* troupe/worker_process.h - for programs that are workers of a node
 *
 * A node can run a worker as a process of its own: a program that it starts, tells where it
 * is, and replaces when it ends. A program with its behaviour linked in becomes one by a single
 * call:
 *
 *     int main(int argc, char **argv)
 *     {
 *         return troupe_worker_process_run(&my_behaviour, argc - 1, argv + 1);
 *     }
 *
 * The node says by the environment where it waits: TROUPE_WORKER_ENDPOINT, TROUPE_WORKER_TOKEN,
 * TROUPE_WORKER_NAME. What the two then say to each other is in docs/protocol.md.
 *
 * Both calls take SIGTERM and SIGINT for themselves: make them from `main`, before any other
 * thread. All callbacks run on one other thread. What troupe_worker_log says goes to stderr,
 * which the node reads.
 */

#ifndef TROUPE_WORKER_PROCESS_H
#define TROUPE_WORKER_PROCESS_H

#include <troupe/api.h>
#include <troupe/behaviour.h>

TROUPE_BEGIN_DECLS

/* Be the worker whose node started this process, with that behaviour, until the node says stop
 * or the behaviour fails. `args` are `n_args` texts "key=value", the args that `init` gets. All
 * is borrowed for the call.
 *
 * Returns an exit status: 0 when it was stopped, or when init said that it is not needed; 1
 * when the behaviour failed, when SIGTERM came (requests are cancelled, terminate is called),
 * when the node is gone, or when no node has started this process at all. When the node is gone
 * and a callback does not return within two seconds, the process is ended here, with 1. */
TROUPE_API int troupe_worker_process_run(const troupe_behaviour_t *behaviour, int n_args,
                                         char *const *args);

/* The same with the behaviour of the module in `file`, loaded when the node has been greeted.
 * A module that cannot be loaded is a failure of which the node is told. */
TROUPE_API int troupe_worker_process_run_module(const char *file, int n_args,
                                                char *const *args);

TROUPE_END_DECLS

#endif
