/* workers/image_embedding/gist.h - what a picture looks like, as a vector
 *
 * A classical descriptor: where in a picture edges run in which direction, how light and dark
 * lie, and colours. It finds a picture again that was scaled, compressed, cropped a little or
 * coloured otherwise, since such a copy has nearly the same edges in nearly the same places. It
 * knows nothing of what is to be seen: two photographs of one dog are no more alike than a dog
 * and a sofa.
 *
 * Components come in parts, coarse ones first, so that the first n of them, made to a vector of
 * length 1 again, are a descriptor too; TR_GIST_ENDS says where parts end. The cosine of two
 * vectors is how alike the pictures are. Vectors of equal pixels are bitwise equal on machines
 * of one kind, whatever was computed before. Pure. Any thread.
 */

#ifndef TROUPE_WORKERS_GIST_H
#define TROUPE_WORKERS_GIST_H

#include "canvas.h"

/* Another name whenever a component changes its meaning. */
#define TR_GIST_MODEL "troupe-gist-1"

/* Where parts end: a constant, so that a blank picture has a direction, too; edges on 3 by 3
 * cells in 16 directions; colours on 4 by 4 cells; a grey thumbnail of 8 by 8; edges on 6 by 6
 * cells in 8 directions. */
enum {
    TR_GIST_END_CONSTANT = 1,
    TR_GIST_END_COARSE = TR_GIST_END_CONSTANT + 3 * 3 * 16,
    TR_GIST_END_COLOUR = TR_GIST_END_COARSE + 4 * 4 * 2,
    TR_GIST_END_GREY = TR_GIST_END_COLOUR + 8 * 8,
    TR_GIST_DIMENSION = TR_GIST_END_GREY + 6 * 6 * 8,
};

/* Describe what is on the canvas by a vector of length 1. */
void tr_gist_of(const tr_canvas_t *canvas, float out[TR_GIST_DIMENSION]);

/* Make the first `n` values of a vector, at least one, to a vector of length 1. */
void tr_gist_shorten(float *gist, int n);

#endif
