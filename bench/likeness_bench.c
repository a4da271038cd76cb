/* bench/likeness_bench.c - whether image_embedding finds a picture again after it was altered
 *
 * Reads names of image files from stdin, one a line. Every second picture was there to choose
 * the descriptor by (--half chosen), the others to judge it (--half judged). Each is described
 * as it is, and altered in several ways; then each altered copy is compared with all that were
 * not altered. Prints a line of key=value pairs for each descriptor: in how many percent of the
 * cases the nearest was the original, by kind of alteration, and the mean of all kinds.
 *
 * Beside the worker's descriptor, whole and cut short, what anybody would try first: grey
 * thumbnails of 8 by 8 and 16 by 16 with their mean taken off, and a histogram of 64 colours.
 * Pictures are made at most 512 pixels long before anything else; those shorter than 48, and
 * those that look exactly like one before, are left out.
 *
 *     bench/likeness_images.sh | likeness_bench --half judged
 */

#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leptonica/allheaders.h>

#include "bench/measure.h"
#include "workers/image_embedding/gist.h"
#include "workers/images/pixels.h"

enum {
    MAX_IMAGES = 20000,
    LONGEST = 512,
    SHORTEST = 48,
    ENOUGH = 4 * TR_CANVAS_SIDE, /* as the worker has it */
    DOTS = TR_CANVAS_SIDE * TR_CANVAS_SIDE,
};

/* ---- chance ---- */

static bench_random_t chance = {1};

/* From 0 up to 1. */
static double draw_lot(void)
{
    return bench_random_share(&chance);
}

static bool toss(void)
{
    return draw_lot() < 0.5;
}

/* ---- what is done to pictures ---- */

/* A new picture made of one, and the old one released. */
static PIX *replace(PIX *old, PIX *made)
{
    pixDestroy(&old);
    return made;
}

/* Written as a JPEG, and read as the worker reads. */
static PIX *compress(PIX *picture, int quality)
{
    l_uint8 *data = NULL;
    size_t size = 0;
    PIX *back = NULL;
    troupe_why_t why;
    if (pixWriteMemJpeg(&data, &size, picture, quality, 0) == 0 &&
        tr_pixels_unpack(data, size, ENOUGH, &back, &why) != TROUPE_OK) {
        back = NULL;
    }
    lept_free(data);
    return back;
}

/* A window of which both sides are shorter by `part`, anywhere. */
static PIX *crop(PIX *picture, double part)
{
    int width = (int)(pixGetWidth(picture) * (1 - part));
    int height = (int)(pixGetHeight(picture) * (1 - part));
    BOX *box =
        boxCreate((int)(draw_lot() * (pixGetWidth(picture) - width + 1)),
                  (int)(draw_lot() * (pixGetHeight(picture) - height + 1)), width, height);
    PIX *window = pixClipRectangle(picture, box, NULL);
    boxDestroy(&box);
    return window;
}

static PIX *halve(PIX *picture)
{
    return pixScale(picture, 0.5f, 0.5f);
}

static PIX *enlarge(PIX *picture)
{
    return pixScale(picture, 2, 2);
}

static PIX *compress_much(PIX *picture)
{
    return compress(picture, 30);
}

static PIX *crop_5(PIX *picture)
{
    return crop(picture, 0.05);
}

static PIX *crop_10(PIX *picture)
{
    return crop(picture, 0.10);
}

static PIX *crop_20(PIX *picture)
{
    return crop(picture, 0.20);
}

static PIX *brighten(PIX *picture)
{
    return pixGammaTRC(NULL, picture, toss() ? 0.6f : 1.6f, 0, 255);
}

static PIX *add_contrast(PIX *picture)
{
    return pixContrastTRC(NULL, picture, 0.5f);
}

static PIX *saturate(PIX *picture)
{
    return pixModifySaturation(NULL, picture, toss() ? -0.6f : 0.6f);
}

static PIX *recolour(PIX *picture)
{
    return pixModifyHue(NULL, picture, toss() ? -0.25f : 0.25f);
}

static PIX *turn(PIX *picture)
{
    const float degree = 3.14159265f / 180;
    return pixRotate(picture, toss() ? 5 * degree : -5 * degree, L_ROTATE_AREA_MAP,
                     L_BRING_IN_WHITE, 0, 0);
}

static PIX *lose_colour(PIX *picture)
{
    PIX *grey = pixConvertTo8(picture, 0);
    return replace(grey, pixConvertTo32(grey));
}

/* As a picture fares that is passed on: cropped by 10 %, lighter, smaller, compressed. */
static PIX *pass_on(PIX *picture)
{
    PIX *made = crop(picture, 0.10);
    made = replace(made, pixGammaTRC(NULL, made, 1.4f, 0, 255));
    made = replace(made, pixScale(made, 0.6f, 0.6f));
    return replace(made, compress(made, 40));
}

static const struct alteration {
    const char *name;
    PIX *(*alter)(PIX *picture);
} alterations[] = {
    {"half_size", halve},
    {"double_size", enlarge},
    {"jpeg_30", compress_much},
    {"crop_5", crop_5},
    {"crop_10", crop_10},
    {"crop_20", crop_20},
    {"brightness", brighten},
    {"contrast", add_contrast},
    {"saturation", saturate},
    {"hue", recolour},
    {"turn_5", turn},
    {"grey", lose_colour},
    {"crop_light_small_jpeg", pass_on},
};

enum {
    N_ALTERATIONS = sizeof alterations / sizeof alterations[0],
    N_COPIES = N_ALTERATIONS + 1
};

/* ---- descriptors ---- */

static void describe_gist(const tr_canvas_t *canvas, int n, float *out)
{
    float gist[TR_GIST_DIMENSION];
    tr_gist_of(canvas, gist);
    tr_gist_shorten(gist, n);
    memcpy(out, gist, (size_t)n * sizeof *out);
}

static void make_length_1(float *values, int n)
{
    double square = 0;
    for (int i = 0; i < n; i++) {
        square += (double)values[i] * (double)values[i];
    }
    for (int i = 0; square > 0 && i < n; i++) {
        values[i] = (float)((double)values[i] / sqrt(square));
    }
}

/* `n` values of a square thumbnail. */
static void describe_thumbnail(const tr_canvas_t *canvas, int n, float *out)
{
    int side = n == 64 ? 8 : 16;
    int width = TR_CANVAS_SIDE / side;
    float sum = 0;
    memset(out, 0, (size_t)n * sizeof *out);
    for (int y = 0; y < TR_CANVAS_SIDE; y++) {
        for (int x = 0; x < TR_CANVAS_SIDE; x++) {
            const float *dot = canvas->dots[y][x];
            float grey = 0.299f * dot[0] + 0.587f * dot[1] + 0.114f * dot[2];
            out[y / width * side + x / width] += grey;
            sum += grey;
        }
    }
    for (int i = 0; i < n; i++) {
        out[i] -= sum / (float)n;
    }
    make_length_1(out, n);
}

static void describe_colours(const tr_canvas_t *canvas, int n, float *out)
{
    memset(out, 0, (size_t)n * sizeof *out);
    for (int y = 0; y < TR_CANVAS_SIDE; y++) {
        for (int x = 0; x < TR_CANVAS_SIDE; x++) {
            int bin = 0;
            for (int colour = 0; colour < 3; colour++) {
                bin = 4 * bin + (int)fminf(canvas->dots[y][x][colour] * 4, 3);
            }
            out[bin]++;
        }
    }
    for (int i = 0; i < n; i++) {
        out[i] = sqrtf(out[i] / DOTS);
    }
    make_length_1(out, n);
}

static const struct descriptor {
    const char *name;
    int n_values;
    void (*describe)(const tr_canvas_t *canvas, int n, float *out);
} descriptors[] = {
    {"thumbnail_8x8", 64, describe_thumbnail},
    {"thumbnail_16x16", 256, describe_thumbnail},
    {"colour_histogram", 64, describe_colours},
    {TR_GIST_MODEL, TR_GIST_END_COARSE, describe_gist},
    {TR_GIST_MODEL, TR_GIST_END_GREY, describe_gist},
    {TR_GIST_MODEL, TR_GIST_DIMENSION, describe_gist},
};

enum { N_DESCRIPTORS = sizeof descriptors / sizeof descriptors[0] };

/* What is known of one picture: the values of each descriptor, of each copy. */
struct known {
    float *values[N_DESCRIPTORS][N_COPIES];
};

/* ---- pictures ---- */

static PIX *read_picture(const char *name)
{
    size_t size = 0;
    l_uint8 *data = l_binaryRead(name, &size);
    PIX *picture = NULL;
    troupe_why_t why;
    if (!data || tr_pixels_unpack(data, size, LONGEST, &picture, &why) != TROUPE_OK) {
        picture = NULL;
    }
    lept_free(data);
    return picture;
}

/* Red, green and blue on white, at most LONGEST; NULL when it is too small. */
static PIX *prepare(PIX *picture)
{
    if (pixGetDepth(picture) != 32) {
        picture = replace(picture, pixGetColormap(picture)
                                       ? pixRemoveColormap(picture, REMOVE_CMAP_WITH_ALPHA)
                                       : pixConvertTo32(picture));
    }
    picture = replace(picture, pixRemoveAlpha(picture));
    int width = pixGetWidth(picture);
    int height = pixGetHeight(picture);
    int longer = width > height ? width : height;
    int shorter = width > height ? height : width;
    if (longer > LONGEST) {
        float factor = (float)LONGEST / (float)longer;
        picture = replace(picture, pixScale(picture, factor, factor));
        shorter = (int)((float)shorter * factor);
    }
    if (shorter < SHORTEST) {
        pixDestroy(&picture);
    }
    return picture;
}

static void describe_copy(struct known *known, int copy, const tr_canvas_t *canvas)
{
    for (int i = 0; i < N_DESCRIPTORS; i++) {
        known->values[i][copy] = calloc((size_t)descriptors[i].n_values, sizeof(float));
        if (!known->values[i][copy]) {
            bench_give_up("out of memory");
        }
        descriptors[i].describe(canvas, descriptors[i].n_values, known->values[i][copy]);
    }
}

static bool is_known_already(const struct known *known, size_t n_known, const float *gist)
{
    const size_t size = TR_GIST_DIMENSION * sizeof *gist;
    for (size_t i = 0; i < n_known; i++) {
        if (memcmp(known[i].values[N_DESCRIPTORS - 1][0], gist, size) == 0) {
            return true;
        }
    }
    return false;
}

/* Describe a picture and its altered copies; false when it is left out. */
static bool look_at(const char *name, struct known *known, size_t n_known)
{
    tr_canvas_t canvas;
    float gist[TR_GIST_DIMENSION];
    PIX *picture = read_picture(name);
    picture = picture ? prepare(picture) : NULL;
    if (!picture) {
        return false;
    }
    if (tr_canvas_draw(&canvas, picture) != TROUPE_OK) {
        bench_give_up("out of memory");
    }
    tr_gist_of(&canvas, gist);
    bool is_new = !is_known_already(known, n_known, gist);
    if (is_new) {
        describe_copy(&known[n_known], 0, &canvas);
    }
    for (int i = 0; is_new && i < N_ALTERATIONS; i++) {
        PIX *altered = alterations[i].alter(picture);
        if (!altered || tr_canvas_draw(&canvas, altered) != TROUPE_OK) {
            bench_give_up("%s: %s cannot be done", name, alterations[i].name);
        }
        describe_copy(&known[n_known], i + 1, &canvas);
        pixDestroy(&altered);
    }
    pixDestroy(&picture);
    return is_new;
}

/* ---- looking for originals ---- */

static float cosine(const float *a, const float *b, int n)
{
    float sum = 0;
    for (int i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* Whether no other original is as near to a copy of picture `i` as its own. */
static bool is_found(const struct known *known, size_t n_known, int descriptor, int copy,
                     size_t i)
{
    int n = descriptors[descriptor].n_values;
    const float *sought = known[i].values[descriptor][copy];
    float own = cosine(sought, known[i].values[descriptor][0], n);
    for (size_t other = 0; other < n_known; other++) {
        if (other != i && cosine(sought, known[other].values[descriptor][0], n) >= own) {
            return false;
        }
    }
    return true;
}

static void judge(const struct known *known, size_t n_known, int descriptor)
{
    double sum = 0;
    printf("name=likeness_bench descriptor=%s dimension=%d images=%zu",
           descriptors[descriptor].name, descriptors[descriptor].n_values, n_known);
    for (int copy = 1; copy < N_COPIES; copy++) {
        size_t n_found = 0;
        for (size_t i = 0; i < n_known; i++) {
            n_found += is_found(known, n_known, descriptor, copy, i);
        }
        double percent = 100.0 * (double)n_found / (double)n_known;
        sum += percent;
        printf(" %s=%.1f", alterations[copy - 1].name, percent);
    }
    printf(" mean=%.2f\n", sum / N_ALTERATIONS);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"half", required_argument, NULL, 'h'},
        {0},
    };
    size_t half = 1;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option != 'h' || (strcmp(optarg, "chosen") != 0 && strcmp(optarg, "judged") != 0)) {
            bench_give_up("usage: likeness_bench [--half chosen|judged] < NAMES");
        }
        half = strcmp(optarg, "judged") == 0;
    }
    struct known *known = calloc(MAX_IMAGES, sizeof *known);
    if (!known) {
        bench_give_up("out of memory");
    }
    size_t n_known = 0;
    char name[4096];
    for (size_t i = 0; fgets(name, sizeof name, stdin) && n_known < MAX_IMAGES; i++) {
        name[strcspn(name, "\n")] = '\0';
        n_known += i % 2 == half && look_at(name, known, n_known);
    }
    if (n_known == 0) {
        bench_give_up("there is no picture among the names on stdin");
    }
    for (int i = 0; i < N_DESCRIPTORS; i++) {
        judge(known, n_known, i);
    }
    for (size_t i = 0; i < n_known; i++) {
        for (int j = 0; j < N_DESCRIPTORS * N_COPIES; j++) {
            free(known[i].values[j / N_COPIES][j % N_COPIES]);
        }
    }
    free(known);
    return 0;
}
