/* workers/images/pixels_inside.h - what pixels.c is made of */

#ifndef TROUPE_WORKERS_PIXELS_INSIDE_H
#define TROUPE_WORKERS_PIXELS_INSIDE_H

#include <stdbool.h>
#include <stddef.h>

struct Pix; /* Leptonica's */

/* What an image says about itself; pixels. */
typedef struct tr_pixels_header {
    int width;
    int height;
} tr_pixels_header_t;

/* The picture in a PNG that has the size that `header` says, the caller's; NULL when it is
 * damaged, or when *no_memory is true then. Nothing is written to stderr. */
struct Pix *tr_pixels_read_png(const void *image, size_t size, const tr_pixels_header_t *header,
                               bool *no_memory);

/* The size of a JPEG; false when its header is damaged. */
bool tr_pixels_read_jpeg_header(const void *image, size_t size, tr_pixels_header_t *out);

/* As tr_pixels_read_png, of a JPEG, smaller by 1, 2, 4 or 8. */
struct Pix *tr_pixels_read_jpeg(const void *image, size_t size,
                                const tr_pixels_header_t *header, unsigned reduction,
                                bool *no_memory);

#endif
