/* actors/module.h - behaviours by name: linked in, or from shared objects
 *
 * A module stays loaded as long as the process: a thread that hangs inside it cannot be asked
 * to leave. One thread owns a set; the behaviours in it are immutable.
 */

#ifndef TROUPE_ACTORS_MODULE_H
#define TROUPE_ACTORS_MODULE_H

#include <stddef.h>

#include <troupe/behaviour.h>

typedef struct tr_modules tr_modules_t;

/* NULL when out of memory. */
TROUPE_NODISCARD tr_modules_t *tr_modules_new(void);
void tr_modules_destroy(tr_modules_t **self_p);

/* Add a linked-in behaviour. TROUPE_EXISTS, TROUPE_ERR_INVALID, TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_modules_register(tr_modules_t *self,
                                                     const troupe_behaviour_t *behaviour);

/* Look in this folder for NAME.so, after those added before. */
TROUPE_NODISCARD troupe_status_t tr_modules_add_path(tr_modules_t *self, const char *folder);

/* Find the behaviour called `name`, loading it if need be. On failure `why` (of `size` bytes)
 * gets one line for a person.
 *
 *   TROUPE_OK            *out lives as long as the process
 *   TROUPE_NOT_FOUND     no such module in any folder
 *   TROUPE_ERR_INVALID   it is no behaviour module, or of another ABI, or has no callbacks
 */
TROUPE_NODISCARD troupe_status_t tr_modules_find(tr_modules_t *self, const char *name,
                                                 const troupe_behaviour_t **out, char *why,
                                                 size_t size);

/* Find the file of the module called `name` in the same folders, without loading it: another
 * process will. `path` (of `path_size` bytes) gets it, on failure `why` (of `size` bytes) one
 * line for a person.
 *
 *   TROUPE_OK         there is such a file; what is in it was not looked at
 *   TROUPE_NOT_FOUND  there is none; a behaviour that is linked in has no file
 */
TROUPE_NODISCARD troupe_status_t tr_modules_locate(tr_modules_t *self, const char *name,
                                                   char *path, size_t path_size, char *why,
                                                   size_t size);

/* Load the module in `file`, whatever its behaviour is called. Any thread. On failure `why`
 * gets one line.
 *
 *   TROUPE_OK            *out lives as long as the process
 *   TROUPE_ERR_INVALID   there is no such file, or as for tr_modules_find
 */
TROUPE_NODISCARD troupe_status_t tr_modules_load_file(const char *file,
                                                      const troupe_behaviour_t **out, char *why,
                                                      size_t size);

#endif
