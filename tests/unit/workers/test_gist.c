/* The canvas and what is read off it, together: what they promise is about pictures. */

#include "tests/kit/check.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "tests/unit/workers/pictures.h"
#include "workers/image_embedding/gist.h"

static void describe(PIX *picture, float gist[TR_GIST_DIMENSION])
{
    tr_canvas_t canvas;
    assert_status(tr_canvas_draw(&canvas, picture), TROUPE_OK);
    tr_gist_of(&canvas, gist);
}

static void describe_made(PIX *picture, float gist[TR_GIST_DIMENSION])
{
    assert_non_null(picture);
    describe(picture, gist);
    pixDestroy(&picture);
}

static double likeness(const float *a, const float *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return sum;
}

static PIX *blank(int width, int height, l_uint32 red, l_uint32 green, l_uint32 blue)
{
    PIX *picture = pixCreate(width, height, 32);
    l_uint32 pixel = 0;
    assert_non_null(picture);
    composeRGBPixel((l_int32)red, (l_int32)green, (l_int32)blue, &pixel);
    pixSetAllArbitrary(picture, pixel);
    return picture;
}

/* ---- the canvas ---- */

static void a_blank_picture_is_a_blank_canvas(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1},   {3, 200},  {64, 64},
                                   {65, 63}, {1000, 7}, {128, 4096}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        PIX *picture = blank(sizes[i][0], sizes[i][1], 255, 51, 0);
        tr_canvas_t canvas;
        assert_status(tr_canvas_draw(&canvas, picture), TROUPE_OK);
        for (int y = 0; y < TR_CANVAS_SIDE; y++) {
            for (int x = 0; x < TR_CANVAS_SIDE; x++) {
                const float *dot = canvas.dots[y][x];
                assert_true(fabsf(dot[0] - 1) < 1e-4f && fabsf(dot[1] - 0.2f) < 1e-4f &&
                            fabsf(dot[2]) < 1e-4f);
            }
        }
        pixDestroy(&picture);
    }
}

/* The left half black: where it ends, how dark all is, and which way is up do not depend on the
 * size. */
static void halves_stay_halves_at_any_size(void **state)
{
    (void)state;
    static const int sizes[][2] = {{2, 2}, {64, 10}, {100, 100}, {1000, 300}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        PIX *picture = blank(sizes[i][0], sizes[i][1], 255, 255, 255);
        tr_canvas_t canvas;
        float sum = 0;
        for (int y = 0; y < sizes[i][1]; y++) {
            for (int x = 0; x < sizes[i][0] / 2; x++) {
                pixSetPixel(picture, x, y, 0);
            }
        }
        assert_status(tr_canvas_draw(&canvas, picture), TROUPE_OK);
        for (int y = 0; y < TR_CANVAS_SIDE; y++) {
            assert_true(canvas.dots[y][2][0] < 0.01f && canvas.dots[y][61][0] > 0.99f);
            for (int x = 0; x < TR_CANVAS_SIDE; x++) {
                sum += canvas.dots[y][x][1];
            }
        }
        assert_true(fabsf(sum / (TR_CANVAS_SIDE * TR_CANVAS_SIDE) - 0.5f) < 0.01f);
        pixDestroy(&picture);
    }
}

static void what_is_transparent_is_white(void **state)
{
    (void)state;
    PIX *clear = blank(50, 50, 0, 0, 0);
    tr_canvas_t canvas;
    pixSetSpp(clear, 4);
    assert_status(tr_canvas_draw(&canvas, clear), TROUPE_OK);
    assert_true(canvas.dots[30][30][0] > 0.999f && canvas.dots[0][63][2] > 0.999f);
    pixDestroy(&clear);
}

/* Strips of a picture that is not in 32 bits begin and end somewhere; nobody shall see where.
 */
static void pixels_of_any_depth_look_the_same(void **state)
{
    (void)state;
    PIX *colour = picture_of(700, 900, 1, 0);
    PIX *grey = pixConvertTo8(colour, 0);
    PIX *page = pixConvertTo1(colour, 128);
    PIX *pictures[] = {grey, page, pixFixedOctcubeQuant256(colour, 0),
                       pixConvert8To16(grey, 8)};
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        tr_canvas_t as_it_is;
        tr_canvas_t in_32_bits;
        PIX *converted = pixConvertTo32(pictures[i]);
        assert_non_null(converted);
        assert_status(tr_canvas_draw(&as_it_is, pictures[i]), TROUPE_OK);
        assert_status(tr_canvas_draw(&in_32_bits, converted), TROUPE_OK);
        assert_memory_equal(&as_it_is, &in_32_bits, sizeof as_it_is);
        pixDestroy(&converted);
        pixDestroy(&pictures[i]);
    }
    pixDestroy(&colour);
}

/* ---- the vector ---- */

/* Altered copies of `kind`; each is more like its original than any other kind is. */
static void a_copy_is_nearer_than_another_picture(void **state)
{
    (void)state;
    enum { N = 3 };
    float originals[N][TR_GIST_DIMENSION];
    for (int kind = 0; kind < N; kind++) {
        describe_made(picture_of(300, 240, 3 * kind, 0), originals[kind]);
    }
    for (int kind = 0; kind < N; kind++) {
        PIX *picture = picture_of(300, 240, 3 * kind, 0);
        BOX *window = boxCreate(12, 10, 276, 221);
        PIX *copies[] = {
            pixScale(picture, 0.3f, 0.3f),
            pixScale(picture, 2, 2),
            pixClipRectangle(picture, window, NULL),
            pixGammaTRC(NULL, picture, 1.5f, 0, 255),
            pixConvertTo8(picture, 0),
            pixRotate(picture, 0.06f, L_ROTATE_AREA_MAP, L_BRING_IN_WHITE, 0, 0),
        };
        for (size_t copy = 0; copy < sizeof copies / sizeof copies[0]; copy++) {
            float gist[TR_GIST_DIMENSION];
            describe_made(copies[copy], gist);
            double own = likeness(gist, originals[kind], TR_GIST_DIMENSION);
            for (int other = 0; other < N; other++) {
                if (other != kind &&
                    likeness(gist, originals[other], TR_GIST_DIMENSION) >= own) {
                    fail_msg("copy %zu of %d is more like %d", copy, kind, other);
                }
            }
        }
        boxDestroy(&window);
        pixDestroy(&picture);
    }
}

static void the_first_values_are_a_descriptor_too(void **state)
{
    (void)state;
    static const int ends[] = {1, 2, TR_GIST_END_COARSE, TR_GIST_END_GREY, TR_GIST_DIMENSION};
    float gist[TR_GIST_DIMENSION];
    describe_made(picture_of(300, 240, 0, 0), gist);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        float cut[TR_GIST_DIMENSION];
        memcpy(cut, gist, sizeof cut);
        tr_gist_shorten(cut, ends[i]);
        assert_true(fabs(likeness(cut, cut, ends[i]) - 1) < 1e-5);
        for (int at = 0; at < ends[i]; at++) {
            assert_true(fabsf(cut[at] * gist[0] - gist[at] * cut[0]) < 1e-5f);
        }
    }
}

/* A picture without anything in it has a direction, and noise does not give it another. */
static void a_blank_picture_has_a_vector(void **state)
{
    (void)state;
    float white[TR_GIST_DIMENSION];
    float black[TR_GIST_DIMENSION];
    float dusty[TR_GIST_DIMENSION];
    float drawn[TR_GIST_DIMENSION];
    PIX *dust = blank(200, 200, 255, 255, 255);
    for (int i = 0; i < 200; i++) {
        pixSetPixel(dust, i * 37 % 200, i, 0xfefefe00);
    }
    describe_made(blank(10, 10, 255, 255, 255), white);
    describe_made(blank(100, 10, 0, 0, 0), black);
    describe_made(dust, dusty);
    describe_made(picture_of(200, 200, 0, 0), drawn);
    assert_true(fabs(likeness(white, white, TR_GIST_DIMENSION) - 1) < 1e-5);
    assert_true(likeness(white, black, TR_GIST_DIMENSION) > 0.99);
    assert_true(likeness(white, dusty, TR_GIST_DIMENSION) > 0.9);
    assert_true(likeness(white, drawn, TR_GIST_DIMENSION) < 0.2);
}

static void *describe_elsewhere(void *gist)
{
    describe_made(picture_of(300, 240, 2, 0), gist);
    return NULL;
}

static void equal_pictures_have_equal_vectors(void **state)
{
    (void)state;
    float first[TR_GIST_DIMENSION];
    float other[TR_GIST_DIMENSION];
    float again[TR_GIST_DIMENSION];
    float elsewhere[TR_GIST_DIMENSION];
    pthread_t thread;
    describe_made(picture_of(300, 240, 2, 0), first);
    describe_made(picture_of(120, 500, 3, 0), other);
    describe_made(picture_of(300, 240, 2, 0), again);
    assert_int_equal(pthread_create(&thread, NULL, describe_elsewhere, elsewhere), 0);
    pthread_join(thread, NULL);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_equal(first, elsewhere, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blank_picture_is_a_blank_canvas),
        cmocka_unit_test(halves_stay_halves_at_any_size),
        cmocka_unit_test(what_is_transparent_is_white),
        cmocka_unit_test(pixels_of_any_depth_look_the_same),
        cmocka_unit_test(a_copy_is_nearer_than_another_picture),
        cmocka_unit_test(the_first_values_are_a_descriptor_too),
        cmocka_unit_test(a_blank_picture_has_a_vector),
        cmocka_unit_test(equal_pictures_have_equal_vectors),
    };
    return cmocka_run_group_tests_name("workers/gist", tests, NULL, NULL) != 0;
}
