/* Images that somebody has spoilt on purpose: cut off, with bits turned, or larger inside than
 * they look. Chance has a seed, so what fails once fails again. What comes out are pixels
 * within the limits, or a reason; the sanitizers watch over the rest. */

#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include <leptonica/allheaders.h>

#include "tests/kit/random.h"
#include "tests/unit/workers/drawn.h"
#include "workers/images/pixels.h"
#include "workers/vision/ocr.h"

enum {
    SPOILT = 600,          /* of each image */
    READ_ONE_IN = 25,      /* of those that can be unpacked, since reading takes longer */
    READ_AREA = 100 * 1000 /* pixels of those at most */
};

typedef struct sample {
    const char *name;
    l_uint8 *bytes;
    size_t size;
} sample_t;

static sample_t samples[16];
static size_t n_samples;
static tr_engines_t *engines;

/* ---- good images ---- */

static void add_sample(const char *name, l_uint8 *bytes, size_t size)
{
    assert_non_null(bytes);
    assert_true(n_samples < sizeof samples / sizeof samples[0]);
    samples[n_samples++] = (sample_t){name, bytes, size};
}

static void add_written(const char *name, PIX *pixels, l_int32 format)
{
    l_uint8 *bytes = NULL;
    size_t size = 0;
    assert_int_equal(pixWriteMem(&bytes, &size, pixels, format), 0);
    add_sample(name, bytes, size);
}

static void add_odd_ones(PIX *color)
{
    l_uint8 *bytes = NULL;
    size_t size = 0;
    assert_int_equal(pixWriteMemWebP(&bytes, &size, color, 80, 1), 0);
    add_sample("lossless WebP", bytes, size);
    assert_int_equal(pixWriteMemJpeg(&bytes, &size, color, 75, 1), 0);
    add_sample("progressive JPEG", bytes, size);

    PIXA *pages = pixaCreate(2);
    pixaAddPix(pages, color, L_COPY);
    pixaAddPix(pages, color, L_COPY);
    assert_int_equal(pixaWriteMemMultipageTiff(&bytes, &size, pages), 0);
    add_sample("TIFF of two pages", bytes, size);
    assert_int_equal(pixaWriteMemWebPAnim(&bytes, &size, pages, 0, 100, 80, 0), 0);
    add_sample("animated WebP", bytes, size);
    pixaDestroy(&pages);
}

static int make_samples(void **state)
{
    (void)state;
    troupe_why_t why = {""};
    engines = tr_engines_new();
    if (!engines || tr_engines_load(engines, "eng", NULL, &why) != TROUPE_OK) {
        return -1;
    }
    tr_picture_t picture = drawn_page("spoilt 17", 60);
    PIX *color = NULL;
    assert_status(tr_pixels_unpack(picture.bytes, picture.size, 0, &color, &why), TROUPE_OK);
    free(picture.bytes);
    PIX *grey = pixConvertTo8(color, 0);
    PIX *black = pixThresholdToBinary(grey, 128);

    add_written("PNG", color, IFF_PNG);
    add_written("grey PNG", grey, IFF_PNG);
    add_written("JPEG", color, IFF_JFIF_JPEG);
    add_written("BMP", color, IFF_BMP);
    add_written("PNM", grey, IFF_PNM);
    add_written("WebP", color, IFF_WEBP);
    add_written("TIFF", color, IFF_TIFF_LZW);
    add_written("zip TIFF", grey, IFF_TIFF_ZIP);
    add_written("fax TIFF", black, IFF_TIFF_G4);
    add_odd_ones(color);
    pixDestroy(&color);
    pixDestroy(&grey);
    pixDestroy(&black);
    return 0;
}

static int release_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_samples; i++) {
        lept_free(samples[i].bytes);
    }
    tr_engines_destroy(&engines);
    return 0;
}

/* ---- spoilt ones ---- */

/* Unpacks it. Whether that went well; *area is then how many pixels there are. */
static bool unpacks(const unsigned char *image, size_t size, int64_t *area)
{
    PIX *pixels = NULL;
    troupe_why_t why = {""};
    troupe_status_t status = tr_pixels_unpack(image, size, 0, &pixels, &why);
    if (status != TROUPE_OK) {
        assert_true(status == TROUPE_ERR_INVALID || status == TROUPE_LIMIT);
        assert_string_not_equal(why.text, "");
        assert_null(pixels);
        return false;
    }
    *area = (int64_t)pixGetWidth(pixels) * pixGetHeight(pixels);
    assert_in_range(*area, 1, TR_PIXELS_MAX_AREA);
    pixDestroy(&pixels);
    return true;
}

static void read_it(const unsigned char *image, size_t size)
{
    tr_ocr_page_t page;
    troupe_why_t why = {""};
    assert_status(
        tr_ocr_read(engines,
                    &(tr_ocr_question_t){.image = image, .size = size, .details = true}, &page,
                    &why),
        TROUPE_OK);
    tr_ocr_page_release(&page);
}

/* A copy in a block of just its size, for the sanitizers to watch. */
static unsigned char *copy_of(const sample_t *sample, size_t size)
{
    unsigned char *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, sample->bytes, size);
    return copy;
}

static void cut(const sample_t *sample)
{
    int64_t area;
    for (size_t i = 0; i < SPOILT; i++) {
        size_t size = 1 + i * (sample->size - 1) / SPOILT;
        unsigned char *image = copy_of(sample, size);
        (void)unpacks(image, size, &area);
        free(image);
    }
}

static void turn_bits(const sample_t *sample, uint64_t *seed)
{
    size_t n_unpacked = 0;
    for (int i = 0; i < SPOILT; i++) {
        unsigned char *image = copy_of(sample, sample->size);
        /* The header, or anywhere. */
        size_t reach = i % 2 == 0 && sample->size > 100 ? 100 : sample->size;
        for (int bit = 0; bit < 1 + i % 4; bit++) {
            image[random_below(seed, reach)] ^= (unsigned char)(1U << random_below(seed, 8));
        }
        int64_t area;
        if (unpacks(image, sample->size, &area) && n_unpacked++ % READ_ONE_IN == 0 &&
            area <= READ_AREA) {
            read_it(image, sample->size);
        }
        free(image);
    }
}

static void spoilt_images_are_unpacked_or_refused(void **state)
{
    (void)state;
    uint64_t seed = 20;
    for (size_t i = 0; i < n_samples; i++) {
        int64_t area;
        bool is_good = unpacks(samples[i].bytes, samples[i].size, &area);
        assert_true(is_good || strcmp(samples[i].name, "animated WebP") == 0);
        cut(&samples[i]);
        turn_bits(&samples[i], &seed);
    }
}

/* ---- by name ---- */

struct refusal {
    const char *bytes;
    size_t size;
    troupe_status_t status;
    const char *why;
};

/* clang-format off */
#define BYTES(text) text, sizeof text - 1
#define PNG_OF(width, height) \
    BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR" width height "\x08\0\0\0\0\0\0\0\0\0\0\0\0IDAT\0\0\0\0")
/* A TIFF with one strip of which nothing is there. */
#define TIFF_OF(width, height) \
    BYTES("II*\0\x08\0\0\0\x07\0" \
          "\0\x01\x04\0\x01\0\0\0" width "\x01\x01\x04\0\x01\0\0\0" height \
          "\x02\x01\x03\0\x01\0\0\0\x08\0\0\0" "\x03\x01\x03\0\x01\0\0\0\x01\0\0\0" \
          "\x06\x01\x03\0\x01\0\0\0\x01\0\0\0" "\x11\x01\x04\0\x01\0\0\0\x08\0\0\0" \
          "\x17\x01\x04\0\x01\0\0\0\xff\xff\xff\x7f" "\0\0\0\0")
/* clang-format on */

static void bad_images_are_refused_in_words(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"", 0, TROUPE_ERR_INVALID, "empty"},
        {BYTES("x"), TROUPE_ERR_INVALID, "1 bytes that are no PNG"},
        {BYTES("\x89PNG\r\n\x1a\n"), TROUPE_ERR_INVALID, "8 bytes that are no"},
        {BYTES("just some text, and no image"), TROUPE_ERR_INVALID, "are no PNG, JPEG"},
        {BYTES("GIF89a\xff\xff\xff\xff\x80\0\0"), TROUPE_ERR_INVALID, "are no PNG, JPEG"},
        {BYTES("%PDF-1.4 and more of it"), TROUPE_ERR_INVALID, "are no PNG, JPEG"},
        {BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), TROUPE_ERR_INVALID, "header"},
        {BYTES("P5 99999999 99999999 255\n"), TROUPE_ERR_INVALID, "header"},
        {BYTES("BM\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
         TROUPE_ERR_INVALID, "header"},
        {BYTES("II*\0\x08\0\0\0\xff\xff\xff\xff\xff\xff"), TROUPE_ERR_INVALID, "header"},
        {BYTES("RIFF\x20\0\0\0WEBPVP8 \0\0\0\0\0\0\0\0"), TROUPE_ERR_INVALID, "header"},
        {PNG_OF("\0\0\x75\x30", "\0\0\x75\x30"), TROUPE_LIMIT, "30000 by 30000"},
        {PNG_OF("\0\0\x80\0", "\0\0\0\x01"), TROUPE_LIMIT, "32768 by 1"},
        {PNG_OF("\0\0\x20\0", "\0\0\x20\0"), TROUPE_LIMIT, "40 million pixels"},
        {PNG_OF("\0\0\x10\0", "\0\0\x10\0"), TROUPE_ERR_INVALID, "damaged"},
        {TIFF_OF("\x30\x75\0\0", "\x30\x75\0\0"), TROUPE_LIMIT, "30000 by 30000"},
        {TIFF_OF("\xff\xff\xff\xff", "\xff\xff\xff\xff"), TROUPE_ERR_INVALID, "header"},
        {TIFF_OF("\x70\x17\0\0", "\x70\x17\0\0"), TROUPE_ERR_INVALID, "damaged"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct refusal *refusal = &refusals[i];
        PIX *pixels = NULL;
        troupe_why_t why = {""};
        troupe_status_t status =
            tr_pixels_unpack(refusal->bytes, refusal->size, 0, &pixels, &why);
        if (status != refusal->status || !strstr(why.text, refusal->why)) {
            fail_msg("row %zu: status %d, \"%s\"", i, status, why.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spoilt_images_are_unpacked_or_refused),
        cmocka_unit_test(bad_images_are_refused_in_words),
    };
    return cmocka_run_group_tests_name("workers/hostile_images", tests, make_samples,
                                       release_samples) != 0;
}
