/* workers/ocr.h - image bytes in, text out
 *
 * The reading behind the module vision, with nothing of a node in it. Images come from
 * strangers: pixels.h says which of them are read.
 *
 * A reader belongs to one thread at a time; several may run at once. Loading binds the
 * calling thread to compute alone (see tr_ocr_load), so load where you read.
 */

#ifndef TROUPE_WORKERS_OCR_H
#define TROUPE_WORKERS_OCR_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/status.h>

#include "why.h"

/* Asked now and then whether to go on; false stops the work. */
typedef bool(tr_ocr_go_on_fn)(void *arg);

typedef struct tr_ocr tr_ocr_t;

/* A reader that knows no language yet, owned by the caller; NULL when out of memory. */
TROUPE_NODISCARD tr_ocr_t *tr_ocr_new(void);

/* Release it and set *self_p to NULL; NULL is fine. */
void tr_ocr_destroy(tr_ocr_t **self_p);

/* Load the data of `language`, as "eng" or "eng+deu", from the folder `tessdata`, or from
 * where Tesseract was told to look when that is NULL. Takes a tenth of a second or more.
 * TROUPE_NOT_FOUND when the data of a language are not there; *why names their package.
 *
 * From then on OpenMP starts no threads for the calling thread, unless OMP_THREAD_LIMIT is
 * set: what scales is a pool of readers, not threads inside one. */
TROUPE_NODISCARD troupe_status_t tr_ocr_load(tr_ocr_t *self, const char *language,
                                             const char *tessdata, tr_why_t *why);

/* Read the first image in `size` bytes of PNG, JPEG, TIFF, BMP, PNM or WebP. `go_on` may be
 * NULL; it is asked word by word, but not while the image is unpacked and its layout found.
 * *why is set on all but TROUPE_OK.
 *
 *   TROUPE_OK           *text_out is the caller's, to be released with free(): lines that
 *                       end in '\n', without white space at the end of all; may be ""
 *   TROUPE_LIMIT        more pixels than the limits allow
 *   TROUPE_ERR_INVALID  no image of these formats, or a damaged one
 *   TROUPE_INTERRUPTED  go_on said no
 *   TROUPE_ERR_NOMEM
 *   TROUPE_ERR_IO       Tesseract failed
 */
TROUPE_NODISCARD troupe_status_t tr_ocr_read(tr_ocr_t *self, const void *image, size_t size,
                                             tr_ocr_go_on_fn *go_on, void *arg, char **text_out,
                                             tr_why_t *why);

#endif
