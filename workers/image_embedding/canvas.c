/* Each dot is a mean of pixels around its middle, with weights that fall linearly to zero: as
 * far as the next dot's middle, or of the next pixel's where pixels are larger than dots. The
 * weights of rows and of columns are independent, so every row is first made as narrow as the
 * canvas, and then added to the two or three rows of dots that it belongs to.
 *
 * Pixels that are not red, green and blue yet are made so a strip at a time, so that a large
 * page in black and white is not unpacked into 32 bits a pixel whole.
 */

#include "canvas.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <leptonica/allheaders.h>

#define SIDE         TR_CANVAS_SIDE
#define STRIP_PIXELS (256 * 1024)

/* Where along one axis the pixels of each dot begin, how many there are, and their weights. */
struct axis {
    int first[SIDE];
    int count[SIDE];
    int room; /* of each dot's weights */
    float *weights;
};

static float *weights_of(const struct axis *axis, int dot)
{
    return axis->weights + (size_t)dot * (size_t)axis->room;
}

static void weigh_dot(struct axis *axis, int dot, int n_pixels)
{
    double scale = (double)n_pixels / SIDE;
    double reach = scale > 1 ? scale : 1;
    double middle = (dot + 0.5) * scale - 0.5;
    int first = (int)fmax(ceil(middle - reach), 0);
    int last = (int)fmin(floor(middle + reach), n_pixels - 1);
    float *weights = weights_of(axis, dot);
    double sum = 0;

    for (int i = first; i <= last; i++) {
        sum += fmax(1 - fabs(i - middle) / reach, 0);
    }
    for (int i = first; i <= last; i++) {
        weights[i - first] = (float)(fmax(1 - fabs(i - middle) / reach, 0) / sum);
    }
    axis->first[dot] = first;
    axis->count[dot] = last - first + 1;
}

static troupe_status_t weigh(struct axis *axis, int n_pixels)
{
    axis->room = 2 * (n_pixels / SIDE + 1) + 1;
    axis->weights = malloc((size_t)axis->room * SIDE * sizeof *axis->weights);
    if (!axis->weights) {
        return TROUPE_ERR_NOMEM;
    }
    for (int dot = 0; dot < SIDE; dot++) {
        weigh_dot(axis, dot, n_pixels);
    }
    return TROUPE_OK;
}

/* Rows `first` to `first + n` as red, green, blue and, if `spp` is 4, alpha. */
static PIX *strip_of(PIX *picture, int first, int n)
{
    if (pixGetDepth(picture) == 32) {
        return pixClone(picture);
    }
    BOX *box = boxCreate(0, first, pixGetWidth(picture), n);
    PIX *strip = box ? pixClipRectangle(picture, box, NULL) : NULL;
    boxDestroy(&box);
    if (!strip) {
        return NULL;
    }
    l_int32 is_opaque = 1;
    PIXCMAP *colours = pixGetColormap(strip);
    if (colours) {
        pixcmapIsOpaque(colours, &is_opaque);
    }
    PIX *converted =
        is_opaque ? pixConvertTo32(strip) : pixRemoveColormap(strip, REMOVE_CMAP_WITH_ALPHA);
    pixDestroy(&strip);
    return converted;
}

/* One row as `n_pixels` times three values, on white. */
static void spread(const l_uint32 *row, int n_pixels, int has_alpha, float *out)
{
    for (int x = 0; x < n_pixels; x++) {
        l_uint32 pixel = row[x];
        float alpha = has_alpha ? (float)((pixel >> L_ALPHA_SHIFT) & 0xff) / 255 : 1;
        float white = 1 - alpha;
        out[3 * x] = white + alpha * (float)((pixel >> L_RED_SHIFT) & 0xff) / 255;
        out[3 * x + 1] = white + alpha * (float)((pixel >> L_GREEN_SHIFT) & 0xff) / 255;
        out[3 * x + 2] = white + alpha * (float)((pixel >> L_BLUE_SHIFT) & 0xff) / 255;
    }
}

static void narrow(const struct axis *across, const float *row, float out[SIDE][3])
{
    for (int dot = 0; dot < SIDE; dot++) {
        const float *weights = weights_of(across, dot);
        const float *pixel = row + 3 * across->first[dot];
        float red = 0;
        float green = 0;
        float blue = 0;
        for (int i = 0; i < across->count[dot]; i++, pixel += 3) {
            red += weights[i] * pixel[0];
            green += weights[i] * pixel[1];
            blue += weights[i] * pixel[2];
        }
        out[dot][0] = red;
        out[dot][1] = green;
        out[dot][2] = blue;
    }
}

/* Add row `y` to the rows of dots that it belongs to. */
static void add_row(tr_canvas_t *self, const struct axis *down, int y, float row[SIDE][3])
{
    for (int dot = 0; dot < SIDE; dot++) {
        int i = y - down->first[dot];
        if (i < 0) {
            break;
        }
        if (i < down->count[dot]) {
            float weight = weights_of(down, dot)[i];
            for (int x = 0; x < SIDE; x++) {
                for (int colour = 0; colour < 3; colour++) {
                    self->dots[dot][x][colour] += weight * row[x][colour];
                }
            }
        }
    }
}

static troupe_status_t add_strips(tr_canvas_t *self, PIX *picture, const struct axis *across,
                                  const struct axis *down, float *wide)
{
    int width = pixGetWidth(picture);
    int height = pixGetHeight(picture);
    int is_direct = pixGetDepth(picture) == 32;
    int n_rows = is_direct ? height : STRIP_PIXELS / width + 1;

    for (int first = 0; first < height; first += n_rows) {
        int n = height - first < n_rows ? height - first : n_rows;
        PIX *strip = strip_of(picture, first, n);
        if (!strip) {
            return TROUPE_ERR_NOMEM;
        }
        const l_uint32 *data = pixGetData(strip);
        size_t row_words = (size_t)pixGetWpl(strip);
        for (int y = 0; y < n; y++) {
            float small[SIDE][3];
            spread(data + (size_t)y * row_words, width, pixGetSpp(strip) == 4, wide);
            narrow(across, wide, small);
            add_row(self, down, first + y, small);
        }
        pixDestroy(&strip);
    }
    return TROUPE_OK;
}

troupe_status_t tr_canvas_draw(tr_canvas_t *self, struct Pix *picture)
{
    assert(self && picture);

    struct axis across = {.weights = NULL};
    struct axis down = {.weights = NULL};
    int width = pixGetWidth(picture);
    int height = pixGetHeight(picture);
    float *wide = malloc((size_t)width * 3 * sizeof *wide);
    troupe_status_t status = wide ? weigh(&across, width) : TROUPE_ERR_NOMEM;
    if (status == TROUPE_OK) {
        status = weigh(&down, height);
    }
    if (status == TROUPE_OK) {
        memset(self, 0, sizeof *self);
        status = add_strips(self, picture, &across, &down, wide);
    }
    free(down.weights);
    free(across.weights);
    free(wide);
    return status;
}
