/* tests/unit/workers/drawn.h - pages to read
 */

#ifndef TROUPE_TESTS_UNIT_WORKERS_DRAWN_H
#define TROUPE_TESTS_UNIT_WORKERS_DRAWN_H

#include "workers/text_to_image/render.h"

/* A PNG of `text` in black on white, with letters of 14 points at `dpi`; 0: as is read best.
 * The caller releases its bytes. */
tr_picture_t drawn_page(const char *text, int dpi);

#endif
