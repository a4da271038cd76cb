/* tests/unit/workers/small_vectors.h - a file of word vectors that is small enough to be seen
 * through: a boat is much like a ship, and neither like a tax.
 */

#ifndef TROUPE_TESTS_UNIT_WORKERS_SMALL_VECTORS_H
#define TROUPE_TESTS_UNIT_WORKERS_SMALL_VECTORS_H

#include "tests/kit/check.h"

#include "workers/text_embedding/word_vectors.h"

enum { SMALL_DIMENSION = 3, SMALL_N_WORDS = 5 };

static const char *const small_words[SMALL_N_WORDS] = {"the", "boat", "ship", "tax", "fee"};

static const float small_weights[SMALL_N_WORDS] = {0.01F, 0.9F, 0.95F, 0.9F, 0.9F};

static const float small_rarities[SMALL_N_WORDS] = {0.2F, 0.8F, 0.8F, 0.85F, 0.8F};

static const float small_values[SMALL_N_WORDS * SMALL_DIMENSION] = {
    0.5F, 0.5F, 0.5F, 1.0F, 0.1F, 0.2F, 0.9F, 0.15F, 0.2F, -0.2F, 1.0F, 0.3F, -0.1F, 0.9F, 0.2F,
};

static const float small_common[SMALL_DIMENSION] = {0.1F, 0.2F, 0.3F};

static inline void small_vectors_write(const char *path)
{
    troupe_why_t why = {""};
    const tr_word_vectors_source_t source = {
        .dimension = SMALL_DIMENSION,
        .n_words = SMALL_N_WORDS,
        .words = small_words,
        .weights = small_weights,
        .rarities = small_rarities,
        .vectors = small_values,
        .common = small_common,
    };
    assert_int_equal(tr_word_vectors_write(&source, path, &why), TROUPE_OK);
}

#endif
