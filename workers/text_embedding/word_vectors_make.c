/* workers/text_embedding/word_vectors_make.c - the program troupe-make-word-vectors
 *
 *     troupe-make-word-vectors VECTORS CORPUS FILE
 *
 * VECTORS is what fastText writes: a line with how many words there are and how many numbers
 * each has, then a line for each, the word and its numbers. CORPUS is what it was trained on, a
 * text a line: it tells how often each word is used, and what all texts have in common. FILE is
 * what the worker text_embedding reads.
 */

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "word_vectors.h"
#include "words.h"

/* The meaning of a word with this share in all that is said counts half of that of a word that
 * is never used. */
#define HALF_AT 1e-4

/* A word with less of a share than this is as rare as one that is not known at all. */
#define RARE_BELOW 1e-7

/* The words of the vectors, and what becomes known about them. */
struct making {
    uint32_t dimension;
    uint32_t n_words;
    char **words;
    float *vectors;
    float *weights;
    float *rarities;
    double *uses;
    double n_texts;
    double *common;
    float *common_out;
    uint32_t *slots; /* index + 1, or 0 */
    size_t n_slots;
};

__attribute__((format(printf, 1, 2), noreturn)) static void give_up(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fputs("troupe-make-word-vectors: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    exit(1);
}

static void *room_for(size_t n, size_t size)
{
    void *room = calloc(n ? n : 1, size);
    if (!room) {
        give_up("out of memory");
    }
    return room;
}

static FILE *open_file(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        give_up("cannot read %s: %s", path, strerror(errno));
    }
    return file;
}

/* ---- the vectors ---- */

static uint32_t *slot_of(const struct making *making, const char *text, size_t size)
{
    size_t at = tr_word_hash(text, size) & (making->n_slots - 1);
    for (; making->slots[at]; at = (at + 1) & (making->n_slots - 1)) {
        const char *word = making->words[making->slots[at] - 1];
        if (strlen(word) == size && memcmp(word, text, size) == 0) {
            break;
        }
    }
    return &making->slots[at];
}

static void make_room(struct making *making, uint32_t n_words, uint32_t dimension)
{
    making->dimension = dimension;
    making->words = room_for(n_words, sizeof *making->words);
    making->vectors = room_for((size_t)n_words * dimension, sizeof *making->vectors);
    making->weights = room_for(n_words, sizeof *making->weights);
    making->rarities = room_for(n_words, sizeof *making->rarities);
    making->uses = room_for(n_words, sizeof *making->uses);
    making->common = room_for(dimension, sizeof *making->common);
    making->common_out = room_for(dimension, sizeof *making->common_out);
    for (making->n_slots = 2; making->n_slots < 2 * (size_t)n_words;) {
        making->n_slots *= 2;
    }
    making->slots = room_for(making->n_slots, sizeof *making->slots);
}

/* fastText's own word for the end of a line is none of a text. */
static bool is_word(const char *text)
{
    return strcmp(text, "</s>") != 0 && strlen(text) <= TR_WORD_MAX_SIZE;
}

static void read_vectors(struct making *making, const char *path)
{
    FILE *file = open_file(path);
    uint32_t n_lines;
    uint32_t dimension;
    if (fscanf(file, "%" SCNu32 " %" SCNu32, &n_lines, &dimension) != 2 || n_lines == 0 ||
        n_lines > TR_WORD_VECTORS_MAX_WORDS || dimension == 0 ||
        dimension > TR_WORD_VECTORS_MAX_DIMENSION) {
        give_up("%s is no file of fastText's vectors", path);
    }
    make_room(making, n_lines, dimension);
    for (uint32_t line = 0; line < n_lines; line++) {
        char word[1024];
        float *vector = making->vectors + (size_t)making->n_words * dimension;
        bool is_read = fscanf(file, "%1023s", word) == 1;
        for (uint32_t i = 0; i < dimension && is_read; i++) {
            is_read = fscanf(file, "%f", &vector[i]) == 1 && isfinite(vector[i]);
        }
        if (!is_read) {
            give_up("%s is damaged: word %" PRIu32 " has no vector", path, line);
        }
        uint32_t *slot = slot_of(making, word, strlen(word));
        if (is_word(word) && !*slot) {
            making->words[making->n_words] = strdup(word);
            if (!making->words[making->n_words]) {
                give_up("out of memory");
            }
            *slot = ++making->n_words;
        }
    }
    fclose(file);
}

/* ---- the corpus ---- */

typedef void line_fn(struct making *making, tr_words_t *words);

static void for_each_line(struct making *making, const char *path, line_fn *take)
{
    FILE *file = open_file(path);
    tr_words_t *words = tr_words_new();
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    while ((size = getline(&line, &room, file)) >= 0) {
        if (!words || tr_words_count(words, line, (size_t)size) != TROUPE_OK) {
            give_up("out of memory");
        }
        take(making, words);
    }
    free(line);
    tr_words_destroy(&words);
    fclose(file);
}

static void count_uses(struct making *making, tr_words_t *words)
{
    making->n_texts++;
    for (size_t i = 0; i < tr_words_n(words); i++) {
        tr_word_t word = tr_words_at(words, i);
        uint32_t slot = *slot_of(making, word.text, word.size);
        if (slot) {
            making->uses[slot - 1] += word.count;
        }
    }
}

static void set_weights(struct making *making)
{
    double all = 0;
    for (uint32_t i = 0; i < making->n_words; i++) {
        all += making->uses[i];
    }
    if (all <= 0) {
        give_up("the corpus has none of the words");
    }
    for (uint32_t i = 0; i < making->n_words; i++) {
        double share = making->uses[i] / all;
        making->weights[i] = (float)(HALF_AT / (HALF_AT + share));
        making->rarities[i] = (float)(log(fmin(share + RARE_BELOW, 1)) / log(RARE_BELOW));
    }
}

/* A text's vector has the length 1 when what is common is taken off it; so it has here. */
static void add_common(struct making *making, tr_words_t *words)
{
    double sum[TR_WORD_VECTORS_MAX_DIMENSION] = {0};
    double square = 0;
    for (size_t i = 0; i < tr_words_n(words); i++) {
        tr_word_t word = tr_words_at(words, i);
        uint32_t slot = *slot_of(making, word.text, word.size);
        if (slot) {
            const float *vector = making->vectors + (size_t)(slot - 1) * making->dimension;
            for (uint32_t k = 0; k < making->dimension; k++) {
                sum[k] += (double)making->weights[slot - 1] * word.count * (double)vector[k];
            }
        }
    }
    for (uint32_t k = 0; k < making->dimension; k++) {
        square += sum[k] * sum[k];
    }
    for (uint32_t k = 0; k < making->dimension && square > 0; k++) {
        making->common[k] += sum[k] / sqrt(square);
    }
}

static void set_common(struct making *making, const char *path)
{
    for_each_line(making, path, add_common);
    for (uint32_t k = 0; k < making->dimension; k++) {
        making->common_out[k] = (float)(making->common[k] / making->n_texts);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: troupe-make-word-vectors VECTORS CORPUS FILE\n", stderr);
        return 2;
    }
    struct making making = {0};
    read_vectors(&making, argv[1]);
    for_each_line(&making, argv[2], count_uses);
    set_weights(&making);
    set_common(&making, argv[2]);

    troupe_why_t why = {""};
    const tr_word_vectors_source_t source = {
        .dimension = making.dimension,
        .n_words = making.n_words,
        .words = (const char *const *)making.words,
        .weights = making.weights,
        .rarities = making.rarities,
        .vectors = making.vectors,
        .common = making.common_out,
    };
    troupe_status_t status = tr_word_vectors_write(&source, argv[3], &why);
    if (status != TROUPE_OK) {
        give_up("%s", status == TROUPE_ERR_NOMEM ? "out of memory" : why.text);
    }
    for (uint32_t i = 0; i < making.n_words; i++) {
        free(making.words[i]);
    }
    free(making.words);
    free(making.vectors);
    free(making.weights);
    free(making.rarities);
    free(making.uses);
    free(making.common);
    free(making.common_out);
    free(making.slots);
    return 0;
}
