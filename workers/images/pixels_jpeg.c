/* A JPEG as pixels. Leptonica could do it, but leaves libjpeg's habit of telling stderr what is
 * wrong with an image, and takes two things that strangers can do: a file that ends in its
 * middle comes out grey from there on, and one that draws its picture in thousands of scans
 * takes minutes. Here both are damaged. Each pixel is put where it is to be seen: a picture
 * that was taken with a phone on its side costs no second one.
 *
 * libjpeg jumps when it gives up, if it is told to. All that has to survive the jump lies in
 * what the caller of the function with setjmp owns.
 */

#include "pixels_inside.h"

#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs it */
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>
#include <leptonica/allheaders.h>

#include "orientation.h"
#include "pixels.h"

struct reading {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf given_up;
    const unsigned char *image;
    size_t size;
    const tr_pixels_header_t *header; /* NULL: only that is read */
    unsigned reduction;
    tr_orientation_t orientation;
    unsigned char *line;
    PIX *picture;
    bool no_memory;
};

static void give_up(j_common_ptr jpeg)
{
    struct reading *reading = jpeg->client_data;
    reading->no_memory = reading->no_memory || jpeg->err->msg_code == JERR_OUT_OF_MEMORY;
    longjmp(reading->given_up, 1);
}

/* Of what is odd only the end of the file where there should be more is too much. */
static void on_message(j_common_ptr jpeg, int level)
{
    if (level < 0 && jpeg->err->msg_code == JWRN_JPEG_EOF) {
        give_up(jpeg);
    }
}

static void say_nothing(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void on_progress(j_common_ptr jpeg)
{
    struct reading *reading = jpeg->client_data;
    if (reading->jpeg.input_scan_number > TR_PIXELS_MAX_SCANS) {
        give_up(jpeg);
    }
}

static void begin(struct reading *reading)
{
    struct jpeg_decompress_struct *jpeg = &reading->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg_mem_src(jpeg, reading->image, (unsigned long)reading->size);
    if (reading->header) {
        jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    }
    jpeg_read_header(jpeg, TRUE);
}

/* The first of Exif's segments counts. */
static tr_orientation_t find_orientation(const struct jpeg_decompress_struct *jpeg)
{
    for (jpeg_saved_marker_ptr marker = jpeg->marker_list; marker; marker = marker->next) {
        if (marker->data_length >= 4 && memcmp(marker->data, "Exif", 4) == 0) {
            return tr_orientation_of(marker->data, marker->data_length);
        }
    }
    return TR_UPRIGHT;
}

/* Red, green and blue, or four inks, which most programs write the other way round and say so
 * by Adobe's marker. */
static l_uint32 colour_of(const unsigned char *values, int n_values, bool is_inverted)
{
    int flip = n_values == 4 && !is_inverted ? 255 : 0;
    int light = n_values == 4 ? values[3] ^ flip : 255;
    l_uint32 colour = 0;
    composeRGBPixel((values[0] ^ flip) * light / 255, (values[1] ^ flip) * light / 255,
                    (values[2] ^ flip) * light / 255, &colour);
    return colour;
}

static void put_line(const struct reading *reading, int number)
{
    const struct jpeg_decompress_struct *jpeg = &reading->jpeg;
    int width = (int)jpeg->output_width;
    tr_way_t way =
        tr_orientation_way(reading->orientation, width, (int)jpeg->output_height, number);
    int n_values = jpeg->output_components;
    ptrdiff_t row_size = pixGetWpl(reading->picture);
    l_uint32 *row = pixGetData(reading->picture) + way.y * row_size;
    const unsigned char *values = reading->line;
    for (int i = 0; i < width; i++, values += n_values) {
        if (n_values > 1) {
            row[way.x] = colour_of(values, n_values, jpeg->saw_Adobe_marker);
        } else {
            SET_DATA_BYTE(row, way.x, *values);
        }
        way.x += way.step_x;
        row += way.step_y * row_size;
    }
}

static void set_resolution(const struct reading *reading)
{
    const struct jpeg_decompress_struct *jpeg = &reading->jpeg;
    double scale = jpeg->density_unit == 1 ? 1 : jpeg->density_unit == 2 ? 2.54 : 0;
    l_int32 across = (l_int32)(jpeg->X_density * scale + 0.5);
    l_int32 down = (l_int32)(jpeg->Y_density * scale + 0.5);
    bool is_swapped = tr_orientation_swaps(reading->orientation);
    pixSetXRes(reading->picture, is_swapped ? down : across);
    pixSetYRes(reading->picture, is_swapped ? across : down);
}

static PIX *make_picture(const struct reading *reading)
{
    const struct jpeg_decompress_struct *jpeg = &reading->jpeg;
    l_int32 width = (l_int32)jpeg->output_width;
    l_int32 height = (l_int32)jpeg->output_height;
    l_int32 depth = jpeg->output_components == 1 ? 8 : 32;
    return tr_orientation_swaps(reading->orientation) ? pixCreate(height, width, depth)
                                                      : pixCreate(width, height, depth);
}

static void read_picture(struct reading *reading)
{
    struct jpeg_decompress_struct *jpeg = &reading->jpeg;
    begin(reading);
    if (jpeg->image_width != (unsigned)reading->header->width ||
        jpeg->image_height != (unsigned)reading->header->height) {
        give_up((j_common_ptr)jpeg);
    }
    jpeg->out_color_space = jpeg->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE
                            : jpeg->num_components == 4             ? JCS_CMYK
                                                                    : JCS_RGB;
    jpeg->scale_num = 1;
    jpeg->scale_denom = reading->reduction;
    reading->progress.progress_monitor = on_progress;
    jpeg->progress = &reading->progress;
    jpeg_start_decompress(jpeg);

    reading->orientation = find_orientation(jpeg);
    reading->line = malloc((size_t)jpeg->output_width * (size_t)jpeg->output_components);
    reading->picture = make_picture(reading);
    if (!reading->line || !reading->picture) {
        reading->no_memory = true;
        give_up((j_common_ptr)jpeg);
    }
    while (jpeg->output_scanline < jpeg->output_height) {
        int number = (int)jpeg->output_scanline;
        jpeg_read_scanlines(jpeg, &reading->line, 1);
        put_line(reading, number);
    }
    set_resolution(reading);
}

static bool try_to_read(struct reading *reading)
{
    if (setjmp(reading->given_up) != 0) {
        return false;
    }
    if (reading->header) {
        read_picture(reading);
    } else {
        begin(reading);
    }
    return true;
}

/* Read what `reading` asks for. */
static bool run(struct reading *reading)
{
    reading->jpeg.err = jpeg_std_error(&reading->errors);
    reading->jpeg.client_data = reading;
    reading->errors.error_exit = give_up;
    reading->errors.emit_message = on_message;
    reading->errors.output_message = say_nothing;
    bool is_read = try_to_read(reading);
    jpeg_destroy_decompress(&reading->jpeg);
    free(reading->line);
    return is_read;
}

bool tr_pixels_read_jpeg_header(const void *image, size_t size, tr_pixels_header_t *out)
{
    struct reading reading = {.image = image, .size = size};
    if (!run(&reading)) {
        return false;
    }
    out->width = (int)reading.jpeg.image_width;
    out->height = (int)reading.jpeg.image_height;
    return true;
}

struct Pix *tr_pixels_read_jpeg(const void *image, size_t size,
                                const tr_pixels_header_t *header, unsigned reduction,
                                bool *no_memory)
{
    struct reading reading = {
        .image = image, .size = size, .header = header, .reduction = reduction};
    if (!run(&reading)) {
        pixDestroy(&reading.picture);
    }
    *no_memory = reading.no_memory;
    return reading.picture;
}
