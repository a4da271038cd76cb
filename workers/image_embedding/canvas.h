/* workers/image_embedding/canvas.h - any picture, drawn small on a square
 *
 * What two pictures have in common is looked for when both have the same size. So a picture
 * fills the square whatever its proportions, and each dot is the mean of what it stands for:
 * a picture and the same one at another scale come out alike. What is transparent is white.
 *
 * Any thread; nothing is kept.
 */

#ifndef TROUPE_WORKERS_CANVAS_H
#define TROUPE_WORKERS_CANVAS_H

#include <troupe/status.h>

enum { TR_CANVAS_SIDE = 64 };

typedef struct tr_canvas {
    float dots[TR_CANVAS_SIDE][TR_CANVAS_SIDE][3]; /* rows of red, green, blue, 0 to 1 */
} tr_canvas_t;

struct Pix; /* Leptonica's */

/* Draw `picture`, which is only read. TROUPE_ERR_NOMEM when there is not enough memory for a
 * strip of it. */
TROUPE_NODISCARD troupe_status_t tr_canvas_draw(tr_canvas_t *self, struct Pix *picture);

#endif
