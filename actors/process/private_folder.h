/* actors/process/private_folder.h - where the sockets to the workers' processes are
 *
 * A folder of this start of the node, which nobody but its user can enter: under
 * $XDG_RUNTIME_DIR, or under /tmp when there is none or its name is too long for a socket. It
 * is made when it is first wanted.
 */

#ifndef TROUPE_ACTORS_PROCESS_PRIVATE_FOLDER_H
#define TROUPE_ACTORS_PROCESS_PRIVATE_FOLDER_H

#include <stddef.h>

#include <troupe/status.h>

typedef struct tr_private_folder tr_private_folder_t;

/* For the node whose start is called `boot`. NULL when out of memory. */
TROUPE_NODISCARD tr_private_folder_t *tr_private_folder_new(const char *boot);

/* Remove the folder, which should be empty, and set *self_p to NULL; NULL is fine. */
void tr_private_folder_destroy(tr_private_folder_t **self_p);

/* Its path, which lives as long as `self`; shorter than 80 bytes. NULL when it cannot be made:
 * `why` (of `size` bytes) then says why in one line. Any thread. */
const char *tr_private_folder_path(tr_private_folder_t *self, char *why, size_t size);

#endif
