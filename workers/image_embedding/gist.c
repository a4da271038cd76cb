/* Each part is made to about length 1 before it gets its weight, so a weight says how much a
 * part counts in the cosine. Weights, and the numbers of cells and directions, were chosen by
 * how many altered copies found their original (bench/likeness_bench), and judged on pictures
 * that had no part in choosing.
 *
 * What makes the parts patient:
 *   - Cells overlap, and an edge belongs to two directions in proportion: when a picture is
 *     shifted or turned a little, each value changes a little.
 *   - Of sums of edges the root is taken, so that a few strong edges do not outvote the rest.
 *   - Contrast falls out, as each part is divided by its length. Where a part has next to
 *     nothing, a floor keeps noise from being blown up to a picture.
 */

#include "gist.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define SIDE TR_CANVAS_SIDE

/* What each part counts. */
#define WEIGHT_CONSTANT 0.1f
#define WEIGHT_COARSE   1.0f
#define WEIGHT_COLOUR   0.25f
#define WEIGHT_GREY     0.25f
#define WEIGHT_FINE     0.6f

/* Less than this is none; of values between 0 and 1. */
#define FLOOR_EDGES  20.0f /* sum of the strengths of all edges */
#define FLOOR_GREY   0.2f
#define FLOOR_COLOUR 0.5f

/* One value for each dot. */
typedef float plane_t[SIDE][SIDE];

/* Edges: how strong they are, and which way the picture gets lighter, 0 to 1 for all round. */
struct edges {
    plane_t strength;
    plane_t direction;
};

/* ---- the canvas, without colours ---- */

static float grey_of(const float dot[3])
{
    return 0.299f * dot[0] + 0.587f * dot[1] + 0.114f * dot[2];
}

static int inside(int i)
{
    return i < 0 ? 0 : i >= SIDE ? SIDE - 1 : i;
}

/* One pass of 1 2 1 in both directions. */
static void smooth(plane_t grey)
{
    plane_t across;
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            across[y][x] =
                (grey[y][inside(x - 1)] + 2 * grey[y][x] + grey[y][inside(x + 1)]) / 4;
        }
    }
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            grey[y][x] =
                (across[inside(y - 1)][x] + 2 * across[y][x] + across[inside(y + 1)][x]) / 4;
        }
    }
}

static void find_edges(const tr_canvas_t *canvas, struct edges *edges)
{
    const float half_turn = 3.14159265358979f;
    plane_t grey;
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            grey[y][x] = grey_of(canvas->dots[y][x]);
        }
    }
    smooth(grey);
    smooth(grey);
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            float right = grey[y][inside(x + 1)] - grey[y][inside(x - 1)];
            float down = grey[inside(y + 1)][x] - grey[inside(y - 1)][x];
            edges->strength[y][x] = sqrtf(right * right + down * down);
            edges->direction[y][x] = (atan2f(down, right) / half_turn + 1) / 2;
        }
    }
}

/* ---- parts ---- */

/* How much dot `i` of a row belongs to cell `cell` of `n`, which reaches `reach` cells far. */
static float belonging(int i, int cell, int n, float reach)
{
    float width = (float)SIDE / (float)n;
    float middle = ((float)cell + 0.5f) * width - 0.5f;
    return fmaxf(1 - fabsf((float)i - middle) / (width * reach), 0);
}

/* Add up the edges of one cell by their directions. */
static void fill_cell(const struct edges *edges, int n_directions, const float across[SIDE],
                      const float down[SIDE], float *cell)
{
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            float weight = down[y] * across[x];
            if (weight > 0) {
                float at = edges->direction[y][x] * (float)n_directions;
                int first = (int)at;
                float rest = at - (float)first;
                float share = weight * edges->strength[y][x];
                cell[first % n_directions] += (1 - rest) * share;
                cell[(first + 1) % n_directions] += rest * share;
            }
        }
    }
}

/* `n` by `n` cells, `n_directions` values in each; the square sum becomes `weight`'s. */
static void put_edges(const struct edges *edges, int n, int n_directions, float reach,
                      float weight, float *out)
{
    int n_values = n * n * n_directions;
    memset(out, 0, (size_t)n_values * sizeof *out);
    for (int row = 0; row < n; row++) {
        float down[SIDE];
        for (int i = 0; i < SIDE; i++) {
            down[i] = belonging(i, row, n, reach);
        }
        for (int column = 0; column < n; column++) {
            float across[SIDE];
            for (int i = 0; i < SIDE; i++) {
                across[i] = belonging(i, column, n, reach);
            }
            fill_cell(edges, n_directions, across, down,
                      out + (row * n + column) * n_directions);
        }
    }
    float sum = 0;
    for (int i = 0; i < n_values; i++) {
        sum += out[i];
    }
    float strength = fminf(sum / FLOOR_EDGES, 1);
    for (int i = 0; sum > 0 && i < n_values; i++) {
        out[i] = weight * strength * sqrtf(out[i] / sum);
    }
}

/* Bring `n` values to the length `weight`, or as near to it as `floor` lets them. */
static void scale(float *values, int n, float floor, float weight)
{
    float square = 0;
    for (int i = 0; i < n; i++) {
        square += values[i] * values[i];
    }
    float factor = weight / fmaxf(sqrtf(square), floor);
    for (int i = 0; i < n; i++) {
        values[i] *= factor;
    }
}

/* The mean of one of `n` by `n` squares. */
static void mean_of(const tr_canvas_t *canvas, int n, int row, int column, float mean[3])
{
    int width = SIDE / n;
    mean[0] = mean[1] = mean[2] = 0;
    for (int y = row * width; y < (row + 1) * width; y++) {
        for (int x = column * width; x < (column + 1) * width; x++) {
            for (int colour = 0; colour < 3; colour++) {
                mean[colour] += canvas->dots[y][x][colour];
            }
        }
    }
    for (int colour = 0; colour < 3; colour++) {
        mean[colour] /= (float)(width * width);
    }
}

/* Of each square how much redder and bluer it is than grey. */
static void put_colours(const tr_canvas_t *canvas, float *out)
{
    enum { N = 4 };
    for (int i = 0; i < N * N; i++) {
        float mean[3];
        mean_of(canvas, N, i / N, i % N, mean);
        out[2 * i] = mean[0] - grey_of(mean);
        out[2 * i + 1] = mean[2] - grey_of(mean);
    }
    scale(out, 2 * N * N, FLOOR_COLOUR, WEIGHT_COLOUR);
}

/* Of each square how much lighter it is than all. */
static void put_thumbnail(const tr_canvas_t *canvas, float *out)
{
    enum { N = 8 };
    float sum = 0;
    for (int i = 0; i < N * N; i++) {
        float mean[3];
        mean_of(canvas, N, i / N, i % N, mean);
        out[i] = grey_of(mean);
        sum += out[i];
    }
    for (int i = 0; i < N * N; i++) {
        out[i] -= sum / (N * N);
    }
    scale(out, N * N, FLOOR_GREY, WEIGHT_GREY);
}

/* ---- all of it ---- */

void tr_gist_of(const tr_canvas_t *canvas, float out[TR_GIST_DIMENSION])
{
    assert(canvas && out);

    struct edges edges;
    find_edges(canvas, &edges);
    out[0] = WEIGHT_CONSTANT;
    put_edges(&edges, 3, 16, 1.0f, WEIGHT_COARSE, out + TR_GIST_END_CONSTANT);
    put_colours(canvas, out + TR_GIST_END_COARSE);
    put_thumbnail(canvas, out + TR_GIST_END_COLOUR);
    put_edges(&edges, 6, 8, 1.5f, WEIGHT_FINE, out + TR_GIST_END_GREY);
    tr_gist_shorten(out, TR_GIST_DIMENSION);
}

void tr_gist_shorten(float *gist, int n)
{
    assert(gist && n >= 1 && n <= TR_GIST_DIMENSION);

    /* The constant is never zero, so neither is the length. */
    double square = 0;
    for (int i = 0; i < n; i++) {
        square += (double)gist[i] * (double)gist[i];
    }
    double length = sqrt(square);
    for (int i = 0; i < n; i++) {
        gist[i] = (float)((double)gist[i] / length);
    }
}
