/* actors/process/launch.h - posix_spawn, as the spawner uses it
 *
 * A child gets a process group of its own, signals as at the birth of a program (actors block
 * them) and the three standard descriptors. All others close by themselves. Only the spawner's
 * thread calls these: to the kernel it is the parent.
 */

#ifndef TROUPE_ACTORS_PROCESS_LAUNCH_H
#define TROUPE_ACTORS_PROCESS_LAUNCH_H

#include "actors/process/process.h"

/* Start `argv[0]`, a path, in `directory` (may be NULL), with /dev/null for input and pipes for
 * output and errors. Returns 0 with *out filled, to be reaped and closed by the caller; or an
 * errno. */
int tr_launch(char *const *argv, char *const *env, const char *directory, tr_process_t *out);

/* Start the guard, which reads from a socket whose other end is *line_out, the caller's, and
 * shares our standard error. Returns as tr_launch. */
int tr_launch_guard(char *const *argv, char *const *env, tr_process_t *out, int *line_out);

#endif
