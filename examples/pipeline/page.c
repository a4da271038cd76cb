/* page.c - draws with the bitmap fonts that come with Leptonica: no font need be installed */

#include "page.h"

#include <leptonica/allheaders.h>

/* Its points are of 300 to the inch, as a scanner has them. */
enum { WIDTH = 1200, HEIGHT = 600, MARGIN = 60, POINTS = 12 };

static PIX *write_text(const char *text)
{
    PIX *page = pixCreate(WIDTH, HEIGHT, 8);
    L_BMF *font = bmfCreate(NULL, POINTS);
    l_int32 is_too_long = 1;
    if (page && font) {
        pixSetAllArbitrary(page, 255);
        pixSetTextblock(page, font, text, 0, MARGIN, 2 * MARGIN, WIDTH - 2 * MARGIN, 0,
                        &is_too_long);
    }
    bmfDestroy(&font);
    if (is_too_long) {
        pixDestroy(&page);
    }
    return page;
}

unsigned char *draw_page(const char *text, size_t *size_out)
{
    PIX *page = write_text(text);
    l_uint8 *png = NULL;
    if (page && pixWriteMemPng(&png, size_out, page, 0) != 0) {
        png = NULL;
    }
    pixDestroy(&page);
    return png;
}
