/* A JPEG as pixels. Leptonica could do it, but leaves libjpeg's habit of telling stderr what is
 * wrong with an image, and takes two things that strangers can do: a file that ends in its
 * middle comes out grey from there on, and one that draws its picture in thousands of scans
 * takes minutes. Here both are damaged.
 *
 * libjpeg jumps when it gives up, if it is told to. All that has to survive the jump lies in
 * what the caller of the function with setjmp owns.
 */

#include "pixels_inside.h"

#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs it */
#include <stdlib.h>

#include <jpeglib.h>

#include <jerror.h>
#include <leptonica/allheaders.h>

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
    jpeg_read_header(jpeg, TRUE);
}

/* A line of red, green and blue, or of four inks, which most programs write the other way round
 * and say so by Adobe's marker. */
static void put_colours(PIX *picture, l_uint32 *row, const unsigned char *line, int n_values,
                        bool is_inverted)
{
    l_int32 width = pixGetWidth(picture);
    int flip = n_values == 4 && !is_inverted ? 255 : 0;
    for (l_int32 x = 0; x < width; x++, line += n_values) {
        int light = n_values == 4 ? line[3] ^ flip : 255;
        composeRGBPixel((line[0] ^ flip) * light / 255, (line[1] ^ flip) * light / 255,
                        (line[2] ^ flip) * light / 255, row + x);
    }
}

static void put_line(PIX *picture, l_uint32 *row, const unsigned char *line, int n_values,
                     bool is_inverted)
{
    if (n_values > 1) {
        put_colours(picture, row, line, n_values, is_inverted);
        return;
    }
    l_int32 width = pixGetWidth(picture);
    for (l_int32 x = 0; x < width; x++) {
        SET_DATA_BYTE(row, x, line[x]);
    }
}

static void set_resolution(PIX *picture, const struct jpeg_decompress_struct *jpeg)
{
    double scale = jpeg->density_unit == 1 ? 1 : jpeg->density_unit == 2 ? 2.54 : 0;
    pixSetXRes(picture, (l_int32)(jpeg->X_density * scale + 0.5));
    pixSetYRes(picture, (l_int32)(jpeg->Y_density * scale + 0.5));
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

    int n_values = jpeg->output_components;
    reading->line = malloc((size_t)jpeg->output_width * (size_t)n_values);
    reading->picture = pixCreate((l_int32)jpeg->output_width, (l_int32)jpeg->output_height,
                                 n_values == 1 ? 8 : 32);
    if (!reading->line || !reading->picture) {
        reading->no_memory = true;
        give_up((j_common_ptr)jpeg);
    }
    l_uint32 *row = pixGetData(reading->picture);
    while (jpeg->output_scanline < jpeg->output_height) {
        jpeg_read_scanlines(jpeg, &reading->line, 1);
        put_line(reading->picture, row, reading->line, n_values, jpeg->saw_Adobe_marker);
        row += pixGetWpl(reading->picture);
    }
    set_resolution(reading->picture, jpeg);
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
