/* actors/process/libexec.h - where the programs are that the library itself starts
 *
 * troupe-exec and troupe-host are no commands for people, so they are not in PATH. They are
 * looked for in $TROUPE_LIBEXEC_PATH (colon-separated), then beside the library (or the program
 * that it is linked into) and where a build folder has them from there, then where they were
 * installed.
 */

#ifndef TROUPE_ACTORS_PROCESS_LIBEXEC_H
#define TROUPE_ACTORS_PROCESS_LIBEXEC_H

#include <stddef.h>

#include <troupe/status.h>

/* Write the absolute path of the program called `name` into `path` of `size` bytes. Any thread.
 * TROUPE_NOT_FOUND when there is none that can be executed; `path` then says where it was
 * looked for, for a person. */
TROUPE_NODISCARD troupe_status_t tr_libexec_find(const char *name, char *path, size_t size);

#endif
