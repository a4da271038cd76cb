/* Arora, Liang and Ma (2017) weigh words by a / (a + p), p being how often a word is used, and
 * remove what is common to all texts; weights and the common part are in the file. Hashing
 * words into places with a sign is from Weinberger et al. (2009): what happens to fall into one
 * place cancels out as often as it adds up.
 *
 * How the parts are weighed was measured: bench/retrieval_bench.c.
 */

#include "text_vectors.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

/* To be raised when another way of making them gives other vectors. */
#define VERSION 1

/* The share that the meaning has in the square of a vector's length. */
#define SHARE_OF_MEANING 0.15F

/* What the runs of letters of a word weigh together, where the word weighs 1. */
#define WEIGHT_OF_RUNS 0.8F

/* What the commonest words weigh where no file says it. */
#define WEIGHT_OF_COMMON 0.1F

struct tr_text_vectors {
    const tr_word_vectors_t *meanings; /* may be NULL */
    tr_words_t *words;
    size_t n_meaning; /* numbers for the meaning; the rest is for the words */
    char model[64];
};

tr_text_vectors_t *tr_text_vectors_new(const tr_word_vectors_t *meanings)
{
    tr_text_vectors_t *self = calloc(1, sizeof *self);
    if (!self || !(self->words = tr_words_new())) {
        free(self);
        return NULL;
    }
    self->meanings = meanings;
    if (meanings) {
        self->n_meaning = tr_word_vectors_dimension(meanings);
        snprintf(self->model, sizeof self->model, "meaning-%d-%zu+%zu-%016" PRIx64, VERSION,
                 self->n_meaning, TR_TEXT_VECTORS_DIMENSION - self->n_meaning,
                 tr_word_vectors_identity(meanings));
    } else {
        snprintf(self->model, sizeof self->model, "lexical-%d-%d", VERSION,
                 TR_TEXT_VECTORS_DIMENSION);
    }
    return self;
}

void tr_text_vectors_destroy(tr_text_vectors_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        tr_words_destroy(&(*self_p)->words);
        free(*self_p);
        *self_p = NULL;
    }
}

const char *tr_text_vectors_model(const tr_text_vectors_t *self)
{
    return self->model;
}

size_t tr_text_vectors_n_meaning(const tr_text_vectors_t *self)
{
    return self->n_meaning;
}

/* Make its length the square root of `square`, if it has any. Doubles, so that neither the sum
 * of many squares nor that of tiny ones is lost. */
static void set_length(float *vector, size_t n, float square)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)vector[i] * (double)vector[i];
    }
    if (sum > 0) {
        double factor = sqrt((double)square / sum);
        for (size_t i = 0; i < n; i++) {
            vector[i] = (float)((double)vector[i] * factor);
        }
    }
}

/* ---- what the words mean ---- */

static void add_meaning(float *sum, const tr_word_vector_t *meaning, float times, size_t n)
{
    const float factor = times * meaning->weight * meaning->scale;
    for (size_t i = 0; i < n; i++) {
        sum[i] += factor * (float)meaning->values[i];
    }
}

static void remove_common(float *vector, const float *common, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        vector[i] -= common[i];
    }
}

/* ---- which words they are ---- */

/* Bit 0 is the sign, the others choose the place. */
static void add_hash(float *places, size_t n, uint32_t hash, float weight)
{
    size_t place = (size_t)(((uint64_t)(hash >> 1) * n) >> 31);
    places[place] += hash & 1 ? weight : -weight;
}

static bool begins_character(char byte)
{
    return ((unsigned char)byte & 0xC0) != 0x80;
}

/* Where each character of `text` begins, and where the last one ends. */
static size_t split(const char *text, size_t size, size_t *begins)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        if (begins_character(text[i])) {
            begins[n++] = i;
        }
    }
    begins[n] = size;
    return n;
}

/* Of a word of three letters or more, with its ends marked: <th, thi, his, is>, <thi, this,
 * his>. The weight is shared, so that together they are as long as one that weighs `weight`. */
static void add_runs(float *places, size_t n, const tr_word_t *word, float weight)
{
    char marked[TR_WORD_MAX_SIZE + 2];
    size_t begins[sizeof marked + 1];
    marked[0] = '<';
    memcpy(marked + 1, word->text, word->size);
    marked[word->size + 1] = '>';
    const size_t length = split(marked, word->size + 2, begins);
    if (length < 5) {
        return;
    }
    const size_t n_runs = (length - 2) + (length - 3);
    const float share = weight / sqrtf((float)n_runs);
    for (size_t run = 3; run <= 4; run++) {
        for (size_t i = 0; i + run <= length; i++) {
            /* Another hash than that of a word of the same letters. */
            add_hash(places, n, ~tr_word_hash(marked + begins[i], begins[i + run] - begins[i]),
                     share);
        }
    }
}

static void add_word(float *places, size_t n, const tr_word_t *word, float weight)
{
    const float often = weight * sqrtf((float)word->count);
    add_hash(places, n, word->hash, often);
    add_runs(places, n, word, often * WEIGHT_OF_RUNS);
}

/* What the English say all the time; where there is no file, nobody else knows. */
static bool is_common(const tr_word_t *word)
{
    static const char list[] = " a all also an and any are as at be been but by can do for "
                               "from had has have he her his "
                               "how i if in into is it its may more my no not of on one or "
                               "other our s she so some such "
                               "t than that the their them then there these they this to up "
                               "was we were what when where "
                               "which who will with would you your ";
    char spaced[16];
    if (word->size + 3 > sizeof spaced) {
        return false;
    }
    snprintf(spaced, sizeof spaced, " %.*s ", (int)word->size, word->text);
    return strstr(list, spaced) != NULL;
}

/* ---- both ---- */

static void add_all(const tr_text_vectors_t *self, float *meaning, float *places)
{
    const size_t n_places = TR_TEXT_VECTORS_DIMENSION - self->n_meaning;
    for (size_t i = 0; i < tr_words_n(self->words); i++) {
        const tr_word_t word = tr_words_at(self->words, i);
        tr_word_vector_t known;
        float weight = 1;
        if (!self->meanings) {
            weight = is_common(&word) ? WEIGHT_OF_COMMON : 1;
        } else if (tr_word_vectors_find(self->meanings, word.text, word.size, word.hash,
                                        &known)) {
            weight = known.rarity;
            add_meaning(meaning, &known, (float)word.count, self->n_meaning);
        }
        add_word(places, n_places, &word, weight);
    }
}

troupe_status_t tr_text_vectors_embed(tr_text_vectors_t *self, const char *text, size_t size,
                                      size_t dimension, float *out)
{
    assert(self && out);
    assert(dimension > 0 && dimension <= TR_TEXT_VECTORS_DIMENSION);

    if (tr_words_count(self->words, text, size) != TROUPE_OK) {
        return TROUPE_ERR_NOMEM;
    }
    float whole[TR_TEXT_VECTORS_DIMENSION] = {0};
    float *meaning = whole;
    float *places = whole + self->n_meaning;
    add_all(self, meaning, places);

    if (self->meanings) {
        const size_t n = self->n_meaning;
        bool is_any = false;
        for (size_t i = 0; i < n; i++) {
            is_any = is_any || meaning[i] != 0;
        }
        if (is_any) {
            set_length(meaning, n, 1);
            remove_common(meaning, tr_word_vectors_common(self->meanings), n);
            set_length(meaning, n, SHARE_OF_MEANING);
        }
    }
    set_length(places, TR_TEXT_VECTORS_DIMENSION - self->n_meaning, 1 - SHARE_OF_MEANING);
    set_length(whole, dimension, 1);
    memcpy(out, whole, dimension * sizeof *out);
    return TROUPE_OK;
}
