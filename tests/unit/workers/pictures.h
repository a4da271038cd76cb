/* tests/unit/workers/pictures.h - pictures made up by a formula, as files in memory */

#ifndef TROUPE_TESTS_UNIT_WORKERS_PICTURES_H
#define TROUPE_TESTS_UNIT_WORKERS_PICTURES_H

#include <stddef.h>

#include <leptonica/allheaders.h>

/* The bytes of a file, to be released with free(). */
typedef struct file {
    unsigned char *data;
    size_t size;
} file_t;

/* A picture in colours with edges of all kinds; different for each `kind`. With `alpha` part of
 * it is transparent. */
PIX *picture_of(int width, int height, int kind, int alpha);

/* A picture as a file; IFF_JFIF_JPEG of quality 90. Fails the test when it cannot be. */
file_t file_of(PIX *picture, l_int32 format);

/* The same, and the picture is released. */
file_t file_of_made(PIX *picture, l_int32 format);

/* The same JPEG with the Exif that says so, which must be one of eight numbers, or is nonsense.
 * Takes the bytes. */
file_t with_orientation(file_t jpeg, unsigned orientation, int is_little);

#endif
