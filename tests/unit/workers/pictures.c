#include "tests/unit/workers/pictures.h"

#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

PIX *picture_of(int width, int height, int kind, int alpha)
{
    PIX *picture = pixCreate(width, height, 32);
    assert_non_null(picture);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            int u = x * 240 / width;
            int v = y * 240 / height;
            int in_disc =
                (u - 80 - 20 * kind) * (u - 80 - 20 * kind) + (v - 120) * (v - 120) < 3600;
            int in_bar = (u + v * (kind + 1)) % 90 < 20;
            l_uint32 pixel = 0;
            composeRGBAPixel(in_disc ? 220 : u, in_bar ? 30 : v, in_disc ? 40 : 255 - u,
                             alpha && u > 200 ? 0 : 255, &pixel);
            pixSetPixel(picture, x, y, pixel);
        }
    }
    if (alpha) {
        pixSetSpp(picture, 4);
    }
    return picture;
}

file_t file_of(PIX *picture, l_int32 format)
{
    l_uint8 *data = NULL;
    file_t file = {0};
    l_int32 failed = format == IFF_JFIF_JPEG
                         ? pixWriteMemJpeg(&data, &file.size, picture, 90, 0)
                         : pixWriteMem(&data, &file.size, picture, format);
    if (failed || file.size == 0) {
        fail_msg("no picture in format %d", format);
    }
    /* In a block of just that size, for the sanitizers to watch. */
    file.data = malloc(file.size);
    assert_non_null(file.data);
    memcpy(file.data, data, file.size);
    lept_free(data);
    return file;
}

file_t file_of_made(PIX *picture, l_int32 format)
{
    file_t file = file_of(picture, format);
    pixDestroy(&picture);
    return file;
}

file_t with_orientation(file_t jpeg, unsigned orientation, int is_little)
{
    /* Two entries: how many pixels a side has, and which way up. */
    static const unsigned char little[] = "\xff\xe1\0\x2e"
                                          "Exif\0\0II\x2a\0\x08\0\0\0\2\0"
                                          "\0\1\3\0\1\0\0\0\x40\0\0\0"
                                          "\x12\1\3\0\1\0\0\0\0\0\0\0\0\0\0\0";
    static const unsigned char big[] = "\xff\xe1\0\x2e"
                                       "Exif\0\0MM\0\x2a\0\0\0\x08\0\2"
                                       "\1\0\0\3\0\0\0\1\0\x40\0\0"
                                       "\1\x12\0\3\0\0\0\1\0\0\0\0\0\0\0\0";
    enum { SIZE = 48, VALUE = SIZE - 8, START = 2 };
    file_t file = {.size = jpeg.size + SIZE};
    file.data = malloc(file.size);
    assert_non_null(file.data);
    memcpy(file.data, jpeg.data, START);
    memcpy(file.data + START, is_little ? little : big, SIZE);
    file.data[START + VALUE + !is_little] = (unsigned char)orientation;
    memcpy(file.data + START + SIZE, jpeg.data + START, jpeg.size - START);
    free(jpeg.data);
    return file;
}
