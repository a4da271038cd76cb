/* workers/text_embedding/text_vectors.h - a text as a vector: what its words mean, and which
 * they are
 *
 * A vector has two parts. The first is what the words mean: the mean of their vectors, rare
 * words more, less what all texts have in common. The second is which words they are: each
 * word, and each run of three and four letters in it, adds to one of many places, which its
 * hash chooses, with a sign. So texts are near each other when they say the same in other
 * words, and nearer when they say it in the same. Without a file of word vectors there is the
 * second alone.
 *
 * All vectors have the length 1, so their scalar product is the cosine of their angle; but for
 * that of a text without any word, which is all zeros.
 *
 * The same text gives the same vector, bit by bit: whatever came before it, and in whatever
 * thread or process. Nothing but the four operations and the square root is used, whose results
 * IEEE prescribes, so libraries of another version make no difference.
 *
 * Pure. Not thread-safe: it has a place to count in. What it is made from may be shared.
 */

#ifndef TROUPE_WORKERS_TEXT_VECTORS_H
#define TROUPE_WORKERS_TEXT_VECTORS_H

#include <stddef.h>

#include <troupe/status.h>

#include "word_vectors.h"

enum { TR_TEXT_VECTORS_DIMENSION = 2048 };

typedef struct tr_text_vectors tr_text_vectors_t;

/* `meanings`, which must outlive it, may be NULL: only which words there are counts then. NULL
 * when out of memory. */
TROUPE_NODISCARD tr_text_vectors_t *tr_text_vectors_new(const tr_word_vectors_t *meanings);

void tr_text_vectors_destroy(tr_text_vectors_t **self_p);

/* What made the vectors. Vectors can be compared if this is the same; it changes with the file
 * of word vectors, and with the way they are made. Borrowed. */
const char *tr_text_vectors_model(const tr_text_vectors_t *self);

/* How many numbers at the begin of a vector are for what the words mean. */
size_t tr_text_vectors_n_meaning(const tr_text_vectors_t *self);

/* The vector of a text: the first `dimension`, at most TR_TEXT_VECTORS_DIMENSION, numbers of
 * the whole, made as long as 1 again. TROUPE_ERR_NOMEM when out of memory. */
TROUPE_NODISCARD troupe_status_t tr_text_vectors_embed(tr_text_vectors_t *self,
                                                       const char *text, size_t size,
                                                       size_t dimension, float *out);

#endif
