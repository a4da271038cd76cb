/* Most of this is about images that mean no good. Whatever comes of them, an error or a picture
 * within limits, is fine; nothing may be read or written that is not theirs (the sanitizers
 * watch), no memory taken beyond the limits, and no word written to stderr. */

#include "tests/kit/check.h"
#include "tests/kit/sanitized.h"

#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jpeglib.h>

#include "tests/unit/workers/pictures.h"
#include "workers/image_embedding/gist.h"
#include "workers/images/pixels.h"

/* ---- silence ---- */

static int stderr_before = -1;

/* From here on stderr goes to a file, which must stay empty. */
static int begin_to_listen(void **state)
{
    (void)state;
    char name[] = "/tmp/troupe-test-XXXXXX";
    int file = mkstemp(name);
    if (file < 0) {
        return -1;
    }
    unlink(name);
    fflush(stderr);
    stderr_before = dup(STDERR_FILENO);
    dup2(file, STDERR_FILENO);
    close(file);
    return 0;
}

static int end_listening(void **state)
{
    (void)state;
    if (stderr_before >= 0) {
        /* What a failed test has said was meant to be seen. */
        char said[4096];
        ssize_t n = pread(STDERR_FILENO, said, sizeof said, 0);
        dup2(stderr_before, STDERR_FILENO);
        if (n > 0) {
            fwrite(said, 1, (size_t)n, stderr);
        }
        close(stderr_before);
        stderr_before = -1;
    }
    return 0;
}

static void nothing_was_said(void)
{
    struct stat about;
    fflush(stderr);
    assert_int_equal(fstat(STDERR_FILENO, &about), 0);
    if (about.st_size > 0) {
        char line[200] = "";
        assert_true(pread(STDERR_FILENO, line, sizeof line - 1, 0) > 0);
        fail_msg("on stderr: %s", line);
    }
}

/* ---- good images ---- */

static PIX *unpacked(file_t file, int enough)
{
    PIX *picture = NULL;
    troupe_why_t why = {""};
    if (tr_pixels_unpack(file.data, file.size, enough, &picture, &why) != TROUPE_OK) {
        fail_msg("not unpacked: %s", why.text);
    }
    return picture;
}

static void what_loses_nothing_comes_out_as_it_was(void **state)
{
    (void)state;
    static const l_int32 formats[] = {IFF_PNG,      IFF_BMP,      IFF_PNM,          IFF_TIFF,
                                      IFF_TIFF_LZW, IFF_TIFF_ZIP, IFF_TIFF_PACKBITS};
    PIX *picture = picture_of(61, 47, 0, 0);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        file_t file = file_of(picture, formats[i]);
        PIX *back = unpacked(file, 0);
        l_int32 same = 0;
        pixEqual(picture, back, &same);
        if (!same) {
            fail_msg("format %d is another picture", formats[i]);
        }
        pixDestroy(&back);
        free(file.data);
    }
    pixDestroy(&picture);
}

/* What a picture in few colours, or grey, is turned into before it is written. */
static PIX *as_rgb(PIX *picture)
{
    return pixGetColormap(picture) ? pixRemoveColormap(picture, REMOVE_CMAP_TO_FULL_COLOR)
                                   : pixConvertTo32(picture);
}

/* Inside, PNGs differ: they hold grey, of 1, 4 and 8 bits, or colours by number, or colours. */
static void every_kind_of_png_is_read(void **state)
{
    (void)state;
    PIX *colour = picture_of(61, 47, 0, 0);
    PIX *grey = pixConvertTo8(colour, 0);
    PIX *kinds[] = {
        pixClone(colour),
        pixClone(grey),
        pixThresholdTo4bpp(grey, 16, 0),
        pixConvertTo1(colour, 128),
        pixFixedOctcubeQuant256(colour, 0),
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        file_t file = file_of(kinds[i], IFF_PNG);
        PIX *back = unpacked(file, 0);
        PIX *want_rgb = as_rgb(kinds[i]);
        PIX *back_rgb = as_rgb(back);
        l_int32 same = 0;
        pixEqual(want_rgb, back_rgb, &same);
        if (!same) {
            fail_msg("kind %zu is another picture", i);
        }
        pixDestroy(&back_rgb);
        pixDestroy(&want_rgb);
        pixDestroy(&back);
        pixDestroy(&kinds[i]);
        free(file.data);
    }
    pixDestroy(&grey);
    pixDestroy(&colour);
}

static void what_is_transparent_says_so(void **state)
{
    (void)state;
    file_t file = file_of_made(picture_of(61, 47, 0, 1), IFF_PNG);
    PIX *back = unpacked(file, 0);
    l_uint32 clear = 0;
    l_uint32 opaque = 0;
    assert_int_equal(pixGetSpp(back), 4);
    pixGetPixel(back, 60, 20, &clear);
    pixGetPixel(back, 5, 20, &opaque);
    assert_int_equal((clear >> L_ALPHA_SHIFT) & 0xff, 0);
    assert_int_equal((opaque >> L_ALPHA_SHIFT) & 0xff, 255);
    pixDestroy(&back);
    free(file.data);
}

static void the_resolution_is_kept(void **state)
{
    (void)state;
    static const l_int32 formats[] = {IFF_PNG, IFF_JFIF_JPEG, IFF_TIFF_LZW};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        PIX *picture = picture_of(61, 47, 0, 0);
        pixSetResolution(picture, 150, 150);
        file_t file = file_of_made(picture, formats[i]);
        PIX *back = unpacked(file, 0);
        assert_int_equal(pixGetXRes(back), 150);
        assert_int_equal(pixGetYRes(back), 150);
        pixDestroy(&back);
        free(file.data);
    }
}

static void a_jpeg_is_made_as_small_as_is_enough(void **state)
{
    (void)state;
    static const struct {
        int enough;
        int width;
    } rows[] = {{0, 1000},  {751, 1000}, {376, 1000}, {375, 500},
                {188, 500}, {187, 250},  {93, 125},   {1, 125}};
    file_t file = file_of_made(picture_of(1000, 750, 0, 0), IFF_JFIF_JPEG);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        PIX *picture = unpacked(file, rows[i].enough);
        assert_int_equal(pixGetWidth(picture), rows[i].width);
        pixDestroy(&picture);
    }
    free(file.data);
}

/* What Leptonica makes of a picture that is to be seen so. */
static PIX *turned(PIX *picture, int orientation)
{
    switch (orientation) {
    case 2:
        return pixFlipLR(NULL, picture);
    case 3:
        return pixRotate180(NULL, picture);
    case 4:
        return pixFlipTB(NULL, picture);
    case 5: {
        PIX *turn = pixRotate90(picture, 1);
        return pixFlipLR(turn, turn);
    }
    case 6:
        return pixRotate90(picture, 1);
    case 7: {
        PIX *turn = pixRotate90(picture, 1);
        return pixFlipTB(turn, turn);
    }
    case 8:
        return pixRotate90(picture, -1);
    default:
        return pixCopy(NULL, picture);
    }
}

static file_t jpeg_of(l_int32 depth)
{
    PIX *picture = picture_of(61, 47, 0, 0);
    if (depth == 8) {
        PIX *grey = pixConvertTo8(picture, 0);
        pixDestroy(&picture);
        picture = grey;
    }
    pixSetResolution(picture, 150, 300);
    return file_of_made(picture, IFF_JFIF_JPEG);
}

/* All eight ways, in colours and in grey, in both orders of bytes, whole and made smaller; and
 * numbers that are none. */
static void a_jpeg_is_turned_as_its_exif_says(void **state)
{
    (void)state;
    for (int row = 0; row < 8 * 10; row++) {
        l_int32 depth = row & 1 ? 8 : 32;
        int enough = row & 2 ? 23 : 0;
        int is_little = row & 4 ? 1 : 0;
        int orientation = row / 8;
        file_t plain = jpeg_of(depth);
        PIX *as_stored = unpacked(plain, enough);
        PIX *want = turned(as_stored, orientation);
        file_t file = with_orientation(plain, (unsigned)orientation, is_little);
        PIX *got = unpacked(file, enough);
        l_int32 same = 0;
        pixEqual(want, got, &same);
        bool is_on_its_side = orientation >= 5 && orientation <= 8;
        if (!same || pixGetXRes(got) != (is_on_its_side ? 300 : 150)) {
            fail_msg("orientation %d, depth %d, %d is enough: another picture, of %d by %d",
                     orientation, depth, enough, pixGetWidth(got), pixGetHeight(got));
        }
        assert_int_equal(pixGetDepth(got), depth);
        pixDestroy(&got);
        pixDestroy(&want);
        pixDestroy(&as_stored);
        free(file.data);
    }
    nothing_was_said();
}

/* Whatever is there instead of a number, and wherever it ends. */
static void an_exif_that_makes_no_sense_turns_nothing(void **state)
{
    (void)state;
    enum { EXIF = 6, SIZE = 44 }; /* where it begins, in bytes of the file */
    file_t plain = jpeg_of(32);
    PIX *want = unpacked(plain, 0);
    file_t file = with_orientation(plain, 6, 1);
    for (size_t at = EXIF; at < EXIF + SIZE; at++) {
        for (int bit = 0; bit < 8; bit++) {
            file.data[at] ^= (unsigned char)(1 << bit);
            PIX *got = unpacked(file, 0);
            assert_int_equal(pixGetWidth(got) * pixGetHeight(got),
                             pixGetWidth(want) * pixGetHeight(want));
            pixDestroy(&got);
            file.data[at] ^= (unsigned char)(1 << bit);
        }
    }
    pixDestroy(&want);
    free(file.data);
    nothing_was_said();
}

/* A JPEG of one colour in four inks. */
static file_t in_inks(const unsigned char inks[4], bool has_marker)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char line[4 * 16];
    unsigned char *row = line;
    file_t file = {0};
    unsigned long size = 0;

    for (size_t i = 0; i < sizeof line; i++) {
        line[i] = inks[i % 4];
    }
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &file.data, &size);
    jpeg.image_width = 16;
    jpeg.image_height = 16;
    jpeg.input_components = 4;
    jpeg.in_color_space = JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    jpeg.write_Adobe_marker = has_marker;
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < 16; y++) {
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    file.size = size;
    return file;
}

static void inks_become_colours(void **state)
{
    (void)state;
    static const struct {
        unsigned char inks[4];
        bool has_marker;
        int red, green, blue;
    } rows[] = {
        {{255, 0, 0, 255}, true, 255, 0, 0},
        {{255, 255, 255, 128}, true, 128, 128, 128},
        {{0, 255, 255, 0}, false, 255, 0, 0},
        {{0, 0, 0, 127}, false, 128, 128, 128},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        file_t file = in_inks(rows[i].inks, rows[i].has_marker);
        PIX *picture = unpacked(file, 0);
        l_int32 red, green, blue;
        pixGetRGBPixel(picture, 8, 8, &red, &green, &blue);
        if (abs(red - rows[i].red) > 3 || abs(green - rows[i].green) > 3 ||
            abs(blue - rows[i].blue) > 3) {
            fail_msg("row %zu is %d %d %d", i, red, green, blue);
        }
        pixDestroy(&picture);
        free(file.data);
    }
}

/* ---- images that mean no good ---- */

static troupe_status_t try_to_unpack(const void *data, size_t size, troupe_why_t *why)
{
    PIX *picture = NULL;
    troupe_status_t status = tr_pixels_unpack(data, size, 256, &picture, why);
    if (status == TROUPE_OK) {
        tr_canvas_t canvas;
        float gist[TR_GIST_DIMENSION];
        double square = 0;
        assert_int_equal(tr_canvas_draw(&canvas, picture), TROUPE_OK);
        tr_gist_of(&canvas, gist);
        for (int i = 0; i < TR_GIST_DIMENSION; i++) {
            square += (double)gist[i] * (double)gist[i];
        }
        assert_true(fabs(square - 1) < 1e-4);
    } else {
        assert_null(picture);
        assert_true(why->text[0] != '\0');
    }
    pixDestroy(&picture);
    return status;
}

/* clang-format off */
#define BYTES(text) text, sizeof text - 1
#define PNG_OF(width, height) \
    BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR" width height "\x08\0\0\0\0\0\0\0\0\0\0\0\0IDAT\0\0\0\0")
#define JPEG_OF(height, width) \
    BYTES("\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xc0\0\x0b\x08" height width \
          "\1\1\x11\0\xff\xda\0\x08\1\1\0\0\x3f\0")
#define TIFF_OF(width, height) \
    BYTES("II*\0\x08\0\0\0\x03\0\0\1\4\0\1\0\0\0" width "\1\1\4\0\1\0\0\0" height \
          "\x11\1\4\0\1\0\0\0\0\0\0\0\0\0\0\0")
#define WEBP_OF(size) \
    BYTES("RIFF\x3c\0\0\0WEBPVP8L\x30\0\0\0\x2f" size "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" \
          "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")
/* clang-format on */

static void what_cannot_be_is_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        troupe_status_t status;
        const char *why;
    } rows[] = {
        {"", 0, TROUPE_ERR_INVALID, "empty"},
        {BYTES("\xff\xd8\xff"), TROUPE_ERR_INVALID, "3 bytes that are no PNG, JPEG"},
        {BYTES("<svg xmlns='http://www.w3.org/2000/svg'/>"), TROUPE_ERR_INVALID, "are no PNG"},
        {BYTES("GIF89a\xff\xff\xff\xff\x80\0\0"), TROUPE_ERR_INVALID, "are no PNG, JPEG"},
        {BYTES("\xff\xd8\xff\xe0\0\x10JFIF\0\1\1"), TROUPE_ERR_INVALID, "header"},
        {BYTES("II*\0\x08\0\0\0\xff\xff\xff\xff"), TROUPE_ERR_INVALID, "header"},
        {PNG_OF("\0\0\xea\x60", "\0\0\xea\x60"), TROUPE_LIMIT, "60000 by 60000"},
        {PNG_OF("\x7f\xff\xff\xff", "\0\0\0\1"), TROUPE_LIMIT, "2147483647 by 1"},
        {PNG_OF("\xff\xff\xff\xff", "\0\0\0\1"), TROUPE_ERR_INVALID, "header"},
        {PNG_OF("\0\0\x20\0", "\0\0\x20\0"), TROUPE_LIMIT, "40 million pixels"},
        {PNG_OF("\0\0\x10\0", "\0\0\x10\0"), TROUPE_ERR_INVALID, "damaged"},
        {JPEG_OF("\xff\xdc", "\xff\xdc"), TROUPE_LIMIT, "65500 by 65500"},
        {JPEG_OF("\x20\0", "\x20\0"), TROUPE_LIMIT, "40 million pixels"},
        {JPEG_OF("\x10\0", "\x10\0"), TROUPE_ERR_INVALID, "damaged"},
        {TIFF_OF("\x60\xea\0\0", "\x60\xea\0\0"), TROUPE_LIMIT, "60000 by 60000"},
        {TIFF_OF("\0\x10\0\0", "\0\x10\0\0"), TROUPE_ERR_INVALID, "damaged"},
        {WEBP_OF("\xff\xff\xff\x0f"), TROUPE_LIMIT, "16384 by 16384"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        troupe_why_t why = {""};
        troupe_status_t status = try_to_unpack(rows[i].bytes, rows[i].size, &why);
        if (status != rows[i].status || !strstr(why.text, rows[i].why)) {
            fail_msg("row %zu: %s, \"%s\"", i, troupe_status_name(status), why.text);
        }
    }
    nothing_was_said();
}

/* One scan of a JPEG can be sent again and again, each a full pass over the picture. */
static void a_jpeg_of_endless_scans_is_damaged(void **state)
{
    (void)state;
    PIX *picture = picture_of(64, 64, 0, 0);
    l_uint8 *data = NULL;
    size_t size = 0;
    assert_int_equal(pixWriteMemJpeg(&data, &size, picture, 50, 1), 0);
    pixDestroy(&picture);

    size_t last = size - 2; /* the marker that ends all */
    while (last > 0 && !(data[last] == 0xff && data[last + 1] == 0xda)) {
        last--;
    }
    assert_true(last > 0);
    size_t scan = size - 2 - last;
    for (size_t n = 1; n <= 1000; n *= 1000) {
        file_t file = {.size = size + n * scan};
        file.data = malloc(file.size);
        assert_non_null(file.data);
        memcpy(file.data, data, size - 2);
        for (size_t i = 0; i < n; i++) {
            memcpy(file.data + size - 2 + i * scan, data + last, scan);
        }
        memcpy(file.data + file.size - 2, data + size - 2, 2);
        troupe_why_t why = {""};
        assert_int_equal(try_to_unpack(file.data, file.size, &why),
                         n == 1 ? TROUPE_OK : TROUPE_ERR_INVALID);
        free(file.data);
    }
    lept_free(data);
    nothing_was_said();
}

static void what_is_cut_off_is_damaged(void **state)
{
    (void)state;
    static const struct {
        l_int32 format;
        size_t spare; /* bytes at the end that nobody misses */
    } rows[] = {{IFF_PNG, 0}, {IFF_JFIF_JPEG, 16}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        file_t file = file_of_made(picture_of(61, 47, 0, 0), rows[i].format);
        for (size_t size = file.size - 1 - rows[i].spare; size > 0;
             size -= size > 3 ? 3 : size) {
            unsigned char *cut = malloc(size);
            troupe_why_t why = {""};
            assert_non_null(cut);
            memcpy(cut, file.data, size);
            assert_status(try_to_unpack(cut, size, &why), TROUPE_ERR_INVALID);
            free(cut);
        }
        free(file.data);
    }
    nothing_was_said();
}

struct random {
    uint64_t state;
};

static size_t below(struct random *random, size_t n)
{
    random->state = random->state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(random->state >> 33) % n;
}

enum { N_CUT = 40, N_FLIPPED = 260 };

/* Spoil a file in both ways, many times; how many still were pictures. */
static int spoil(file_t file, uint64_t seed)
{
    struct random random = {seed};
    int n_pictures = 0;
    for (int i = 0; i < N_CUT + N_FLIPPED; i++) {
        size_t size = i < N_CUT ? below(&random, file.size) : file.size;
        unsigned char *spoilt = malloc(size + 1);
        troupe_why_t why = {""};
        assert_non_null(spoilt);
        memcpy(spoilt, file.data, size);
        for (size_t flips = i < N_CUT ? 0 : 1 + below(&random, 6); flips > 0; flips--) {
            /* Half of them where headers are. */
            size_t reach = below(&random, 2) == 0 && size > 64 ? 64 : size;
            spoilt[below(&random, reach)] ^= (unsigned char)(1 << below(&random, 8));
        }
        unsigned char *exact = realloc(spoilt, size ? size : 1);
        n_pictures += try_to_unpack(exact, size, &why) == TROUPE_OK;
        free(exact);
    }
    return n_pictures;
}

/* Ten thousand images in all formats, none of them as it was written. */
static void spoilt_images_do_no_harm(void **state)
{
    (void)state;
    static const l_int32 formats[] = {
        IFF_PNG,  IFF_JFIF_JPEG, IFF_WEBP,     IFF_BMP,       IFF_PNM,
        IFF_TIFF, IFF_TIFF_LZW,  IFF_TIFF_ZIP, IFF_TIFF_JPEG, IFF_TIFF_PACKBITS};
    int n_pictures = 0;
    for (int kind = 0; kind < 3; kind++) {
        for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
            PIX *picture = picture_of(40, 30, kind, 0);
            if (kind == 1) {
                PIX *grey = pixConvertTo8(picture, 0);
                pixDestroy(&picture);
                picture = grey;
            }
            file_t file = file_of_made(picture, formats[i]);
            n_pictures += spoil(file, 1000 * (uint64_t)kind + i);
            free(file.data);
        }
    }
    PIX *picture = picture_of(40, 30, 0, 0);
    PIX *page = pixConvertTo1(picture, 128);
    static const l_int32 fax[] = {IFF_TIFF_G3, IFF_TIFF_G4, IFF_TIFF_RLE};
    for (size_t i = 0; i < sizeof fax / sizeof fax[0]; i++) {
        file_t file = file_of(page, fax[i]);
        n_pictures += spoil(file, i);
        free(file.data);
    }
    pixDestroy(&page);
    pixDestroy(&picture);

    /* Both happen, so the spoiling is neither too strong nor too weak. */
    assert_true(n_pictures > 500 && n_pictures < 33 * (N_CUT + N_FLIPPED) - 500);
    nothing_was_said();
#ifndef TR_TEST_SANITIZED
    struct rusage used;
    assert_int_equal(getrusage(RUSAGE_SELF, &used), 0);
    assert_true(used.ru_maxrss < 400 * 1024);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_loses_nothing_comes_out_as_it_was),
        cmocka_unit_test(every_kind_of_png_is_read),
        cmocka_unit_test(what_is_transparent_says_so),
        cmocka_unit_test(the_resolution_is_kept),
        cmocka_unit_test(a_jpeg_is_made_as_small_as_is_enough),
        cmocka_unit_test(a_jpeg_is_turned_as_its_exif_says),
        cmocka_unit_test(an_exif_that_makes_no_sense_turns_nothing),
        cmocka_unit_test(inks_become_colours),
        cmocka_unit_test(what_cannot_be_is_refused_in_words),
        cmocka_unit_test(a_jpeg_of_endless_scans_is_damaged),
        cmocka_unit_test(what_is_cut_off_is_damaged),
        cmocka_unit_test(spoilt_images_do_no_harm),
    };
    return cmocka_run_group_tests_name("workers/pixels", tests, begin_to_listen,
                                       end_listening) != 0;
}
