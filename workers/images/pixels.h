/* workers/images/pixels.h - the bytes of a stranger's image in, its pixels out
 *
 * What is no image of the formats known here, or would need too much memory once unpacked, is
 * refused by its header, before it is unpacked. What is damaged further on is refused then.
 * Any thread; nothing is kept.
 */

#ifndef TROUPE_WORKERS_PIXELS_H
#define TROUPE_WORKERS_PIXELS_H

#include <stddef.h>

#include <troupe/contract.h>
#include <troupe/status.h>

enum {
    TR_PIXELS_MAX_SIDE = 32767,            /* pixels, what Tesseract can count */
    TR_PIXELS_MAX_AREA = 40 * 1000 * 1000, /* pixels */
    TR_PIXELS_MAX_SCANS = 100, /* of a JPEG, each of which takes time; ten are many */
};

struct Pix; /* Leptonica's */

/* Keep Leptonica from writing to stderr, for good. tr_pixels_unpack does so, too; this is for
 * who uses it otherwise. */
void tr_pixels_silence(void);

/* Unpack the first image in `size` bytes of PNG, JPEG, TIFF, BMP, PNM or WebP. If `enough` is
 * not 0, a JPEG may come out smaller, as long as its shorter side has that many pixels: by a
 * half, a quarter or an eighth, which takes less time and memory. A JPEG comes out as its Exif
 * says that it is to be seen. *why is set on all but TROUPE_OK.
 *
 *   TROUPE_OK           *out is the caller's, to be released with pixDestroy()
 *   TROUPE_LIMIT        more than the limits allow
 *   TROUPE_ERR_INVALID  no image of these formats, a damaged one, or one that is cut off
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_pixels_unpack(const void *image, size_t size, int enough,
                                                  struct Pix **out, troupe_why_t *why);

#endif
