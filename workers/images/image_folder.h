/* workers/images/image_folder.h - an image of a request as bytes
 *
 * Whoever asks sends an image, or names one that lies where the worker is: by a path below a
 * folder that the worker was given. Strangers name paths, so none leads out of that folder:
 * neither `..` nor a link is followed, at any step, whoever changes the folder meanwhile; and
 * what is no regular file is not read, so that none of them holds the worker up. Without a
 * folder every path is refused.
 *
 * A hard link, or what is mounted below the folder, is in the folder. Not thread-safe: one
 * worker owns it.
 */

#ifndef TROUPE_WORKERS_IMAGE_FOLDER_H
#define TROUPE_WORKERS_IMAGE_FOLDER_H

#include <stddef.h>

#include <troupe/contract.h>
#include <troupe/status.h>

typedef struct tr_image_folder tr_image_folder_t;

/* The bytes of one image. A zeroed one is none. */
typedef struct tr_image_bytes {
    const void *data; /* never NULL after TROUPE_OK */
    size_t size;      /* at most TROUPE_MAX_IMAGE; may be 0 */
    void *owned;      /* what a file's bytes lie in; NULL: they are the request's */
} tr_image_bytes_t;

/* One without a folder, owned by the caller; NULL when out of memory. */
TROUPE_NODISCARD tr_image_folder_t *tr_image_folder_new(void);

/* Close it and set *self_p to NULL; NULL is fine. */
void tr_image_folder_destroy(tr_image_folder_t **self_p);

/* Allow paths below the folder `root`, which may itself be reached by links. It is opened now
 * and stays the same folder, whatever its name comes to mean. NULL: none is allowed. Once only.
 *
 *   TROUPE_OK
 *   TROUPE_NOT_FOUND  it cannot be opened as a folder; *why says why
 */
TROUPE_NODISCARD troupe_status_t tr_image_folder_open(tr_image_folder_t *self, const char *root,
                                                      troupe_why_t *why);

/* The bytes of `image`: those it has, which are borrowed, or those of the file at its path.
 * *why is set on all but TROUPE_OK.
 *
 *   TROUPE_OK           *out is the caller's to release
 *   TROUPE_ERR_INVALID  there is no folder, the path leads out of it or to no regular file that
 *                       can be read, or the file was changed while it was read
 *   TROUPE_LIMIT        more than TROUPE_MAX_IMAGE
 *   TROUPE_ERR_NOMEM
 *   TROUPE_ERR_IO       the operating system failed
 */
TROUPE_NODISCARD troupe_status_t tr_image_folder_bytes(const tr_image_folder_t *self,
                                                       const troupe_image_t *image,
                                                       tr_image_bytes_t *out,
                                                       troupe_why_t *why);

/* Release what *bytes owns, and zero it. */
void tr_image_bytes_release(tr_image_bytes_t *bytes);

#endif
