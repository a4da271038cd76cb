/* A PNG as pixels. Leptonica could do it, but leaves libpng's habit of telling stderr what it
 * thinks of an image, and it thinks something of every second one (iCCP profiles above all).
 *
 * libpng jumps when it gives up. All that has to survive the jump lies in what the caller of
 * the function with setjmp owns.
 */

#include "pixels_inside.h"

#include <setjmp.h>
#include <stdbool.h>
#include <string.h>

#include <leptonica/allheaders.h>
#include <png.h>

struct reading {
    const unsigned char *at; /* what is left of the file */
    size_t left;
    const tr_pixels_header_t *header;
    png_structp png;
    png_infop info;
    PIX *picture;
    bool no_memory;
};

static void on_error(png_structp png, png_const_charp text)
{
    (void)text;
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void take(png_structp png, png_bytep out, size_t size)
{
    struct reading *reading = png_get_io_ptr(png);
    if (size > reading->left) {
        png_error(png, "cut off");
    }
    memcpy(out, reading->at, size);
    reading->at += size;
    reading->left -= size;
}

/* Have all come as 8 bits of grey, or as red, green, blue and alpha; true when it is grey. */
static bool choose_form(png_structp png, png_infop info, bool *has_alpha)
{
    png_byte colours = png_get_color_type(png, info);
    *has_alpha = (colours & PNG_COLOR_MASK_ALPHA) || png_get_valid(png, info, PNG_INFO_tRNS);
    bool is_grey = !(colours & PNG_COLOR_MASK_COLOR) && !*has_alpha;

    png_set_expand(png);
    png_set_strip_16(png);
    if (!is_grey) {
        png_set_gray_to_rgb(png);
        png_set_filler(png, 0xff, PNG_FILLER_AFTER);
    }
    return is_grey;
}

static void read_picture(struct reading *reading)
{
    png_structp png = reading->png;
    l_int32 width = reading->header->width;
    l_int32 height = reading->header->height;
    bool has_alpha = false;

    png_set_read_fn(png, reading, take);
    png_read_info(png, reading->info);
    if (png_get_image_width(png, reading->info) != (png_uint_32)width ||
        png_get_image_height(png, reading->info) != (png_uint_32)height) {
        png_error(png, "another size than it says");
    }
    bool is_grey = choose_form(png, reading->info, &has_alpha);
    int n_passes = png_set_interlace_handling(png);
    png_read_update_info(png, reading->info);

    reading->picture = pixCreate(width, height, is_grey ? 8 : 32);
    if (!reading->picture) {
        reading->no_memory = true;
        png_error(png, "no memory");
    }
    size_t row_bytes = 4 * (size_t)pixGetWpl(reading->picture);
    if (png_get_rowbytes(png, reading->info) > row_bytes) {
        png_error(png, "no room");
    }
    unsigned char *data = (unsigned char *)pixGetData(reading->picture);
    for (int pass = 0; pass < n_passes; pass++) {
        for (l_int32 y = 0; y < height; y++) {
            png_read_row(png, data + (size_t)y * row_bytes, NULL);
        }
    }
    png_read_end(png, NULL);
    if (!is_grey) {
        pixSetSpp(reading->picture, has_alpha ? 4 : 3);
    }
    pixSetXRes(reading->picture, (l_int32)png_get_x_pixels_per_inch(png, reading->info));
    pixSetYRes(reading->picture, (l_int32)png_get_y_pixels_per_inch(png, reading->info));
    pixEndianByteSwap(reading->picture);
}

static bool try_to_read(struct reading *reading)
{
    if (setjmp(png_jmpbuf(reading->png)) != 0) {
        return false;
    }
    read_picture(reading);
    return true;
}

struct Pix *tr_pixels_read_png(const void *image, size_t size, const tr_pixels_header_t *header,
                               bool *no_memory)
{
    struct reading reading = {.at = image, .left = size, .header = header};
    reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
    reading.info = reading.png ? png_create_info_struct(reading.png) : NULL;
    if (!reading.info || !try_to_read(&reading)) {
        pixDestroy(&reading.picture);
    }
    *no_memory = !reading.info || reading.no_memory;
    png_destroy_read_struct(&reading.png, &reading.info, NULL);
    return reading.picture;
}
