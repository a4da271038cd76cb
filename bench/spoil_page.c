/* spoil_page.c - makes a page hard to read: spoil_page SCALE BLUR NOISE SEED <page.png
 * >spoilt.png
 *
 * It is made smaller by SCALE, blurred over BLUR pixels, and gets noise of NOISE grey levels
 * (its standard deviation), which SEED decides, as a bad scan or a photograph would have it.
 */

#include <stdio.h>
#include <stdlib.h>

#include <leptonica/allheaders.h>

enum { MAX_BYTES = 32 * 1024 * 1024 };

/* Replace *pixels_p by what was made of it. */
static void become(PIX **pixels_p, PIX *made)
{
    pixDestroy(pixels_p);
    *pixels_p = made;
}

static PIX *read_page(void)
{
    PIX *page = NULL;
    unsigned char *bytes = malloc(MAX_BYTES);
    if (bytes) {
        page = pixReadMem(bytes, fread(bytes, 1, MAX_BYTES, stdin));
    }
    free(bytes);
    return page;
}

static PIX *spoil(PIX *page, float scale, int blur, float noise)
{
    become(&page, pixConvertTo8(page, 0));
    if (page && scale != 1) {
        become(&page, pixScale(page, scale, scale));
    }
    if (page && blur > 0) {
        become(&page, pixBlockconv(page, blur, blur));
    }
    if (page && noise > 0) {
        become(&page, pixAddGaussianNoise(page, noise));
    }
    return page;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s SCALE BLUR NOISE SEED <page.png >spoilt.png\n", argv[0]);
        return 2;
    }
    setMsgSeverity(L_SEVERITY_NONE);
    srand((unsigned)atoi(argv[4]));
    PIX *page = read_page();
    if (page) {
        page = spoil(page, (float)atof(argv[1]), atoi(argv[2]), (float)atof(argv[3]));
    }
    l_uint8 *png = NULL;
    size_t size = 0;
    int code = !page || pixWriteMemPng(&png, &size, page, 0) != 0 ||
               fwrite(png, 1, size, stdout) != size;
    lept_free(png);
    pixDestroy(&page);
    return code;
}
