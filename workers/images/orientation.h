/* workers/images/orientation.h - which way up a picture is
 *
 * A phone writes what its sensor has seen, however it was held, and says in the Exif of the
 * file how that is to be turned. Here is what it says, and where each pixel goes then.
 *
 * Pure. Any thread.
 */

#ifndef TROUPE_WORKERS_ORIENTATION_H
#define TROUPE_WORKERS_ORIENTATION_H

#include <stdbool.h>
#include <stddef.h>

/* By the numbers that Exif has. Clockwise. */
typedef enum tr_orientation {
    TR_UPRIGHT = 1,
    TR_MIRRORED = 2,
    TR_TURNED_180 = 3,
    TR_UPSIDE_DOWN = 4, /* mirrored, top to bottom */
    TR_TRANSPOSED = 5,  /* mirrored at the diagonal from the upper left corner */
    TR_TURNED_90 = 6,   /* is to be turned so far */
    TR_TRANSVERSED = 7, /* mirrored at the other diagonal */
    TR_TURNED_270 = 8,
} tr_orientation_t;

/* What `size` bytes of an APP1 segment of a JPEG say, which begin with "Exif". TR_UPRIGHT also
 * when they say nothing, or nonsense: it is how the picture would have been shown without. */
tr_orientation_t tr_orientation_of(const void *segment, size_t size);

/* Whether width and height change places. */
bool tr_orientation_swaps(tr_orientation_t self);

/* Where a line of a picture goes: its first pixel to (x, y), each next one so far on. */
typedef struct tr_way {
    int x;
    int y;
    int step_x;
    int step_y;
} tr_way_t;

/* The way of line `line` of a picture of that size, as it is in the file. */
tr_way_t tr_orientation_way(tr_orientation_t self, int width, int height, int line);

#endif
