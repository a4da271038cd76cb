/* actors/exec/guard.h - what outlives the node for a moment, to clean up behind it
 *
 * A worker's own process dies with its node, by PR_SET_PDEATHSIG. What that process started
 * does not. The guard is one small process beside the node that knows the process groups of all
 * workers and kills them when the node is gone, however it went.
 */

#ifndef TROUPE_ACTORS_EXEC_GUARD_H
#define TROUPE_ACTORS_EXEC_GUARD_H

/* Read lines "+PGID" and "-PGID" from `descriptor` until its other end is gone, then kill the
 * groups that are left, and remove the folder with the sockets in it (NULL: none). Returns the
 * exit status of the guard. */
int tr_guard_run(int descriptor, const char *folder);

#endif
