/* The other side of word_vectors.c: the file is put together in memory, and then written at
 * once.
 */

#include "word_vectors.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

/* The file as it grows; with room for all of it. */
struct page {
    char *bytes;
    size_t used;
};

static void put(struct page *page, const void *data, size_t size)
{
    if (size > 0) {
        memcpy(page->bytes + page->used, data, size);
        page->used += size;
    }
}

static void put_u32(struct page *page, uint32_t number)
{
    put(page, &number, sizeof number);
}

static void put_u64(struct page *page, uint64_t number)
{
    put(page, &number, sizeof number);
}

static float scale_of(const float *vector, uint32_t dimension)
{
    float most = 0;
    for (uint32_t i = 0; i < dimension; i++) {
        most = fmaxf(most, fabsf(vector[i]));
    }
    return most / INT8_MAX;
}

static void put_vector(struct page *page, const float *vector, uint32_t dimension)
{
    float scale = scale_of(vector, dimension);
    for (uint32_t i = 0; i < dimension; i++) {
        int8_t value = scale > 0 ? (int8_t)lrintf(vector[i] / scale) : 0;
        put(page, &value, 1);
    }
}

/* At most half of the slots are taken. */
static uint32_t slots_for(uint32_t n_words)
{
    uint32_t n_slots = 2;
    while (n_slots < 2 * n_words) {
        n_slots *= 2;
    }
    return n_slots;
}

static void fill_slots(uint32_t *slots, uint32_t n_slots,
                       const tr_word_vectors_source_t *source)
{
    memset(slots, 0, n_slots * sizeof *slots);
    for (uint32_t i = 0; i < source->n_words; i++) {
        const char *word = source->words[i];
        uint32_t at = tr_word_hash(word, strlen(word)) & (n_slots - 1);
        while (slots[at]) {
            at = (at + 1) & (n_slots - 1);
        }
        slots[at] = i + 1;
    }
}

static void put_all(struct page *page, const tr_word_vectors_source_t *source,
                    const uint32_t *slots, uint32_t n_slots, uint32_t text_size)
{
    const uint32_t dimension = source->dimension;
    const uint32_t n_words = source->n_words;

    put_u64(page, TR_WORD_VECTORS_MAGIC);
    put_u64(page, 0); /* the checksum's place */
    const size_t summed = page->used;
    put_u32(page, dimension);
    put_u32(page, n_words);
    put_u32(page, n_slots);
    put_u32(page, text_size);
    put(page, source->common, dimension * sizeof(float));
    put(page, source->weights, n_words * sizeof(float));
    put(page, source->rarities, n_words * sizeof(float));
    for (size_t i = 0; i < n_words; i++) {
        float scale = scale_of(source->vectors + i * dimension, dimension);
        put(page, &scale, sizeof scale);
    }
    put(page, slots, n_slots * sizeof *slots);
    uint32_t offset = 0;
    for (size_t i = 0; i < n_words; i++) {
        put_u32(page, offset);
        offset += (uint32_t)strlen(source->words[i]);
    }
    put_u32(page, offset);
    for (size_t i = 0; i < n_words; i++) {
        put_vector(page, source->vectors + i * dimension, dimension);
    }
    for (size_t i = 0; i < n_words; i++) {
        put(page, source->words[i], strlen(source->words[i]));
    }
    uint64_t checksum = tr_word_vectors_checksum(page->bytes + summed, page->used - summed);
    memcpy(page->bytes + sizeof(uint64_t), &checksum, sizeof checksum);
}

static troupe_status_t write_file(const struct page *page, const char *path, troupe_why_t *why)
{
    char beside[4096];
    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside) {
        troupe_why_set(why, "the path is too long");
        return TROUPE_ERR_IO;
    }
    FILE *file = fopen(beside, "wb");
    if (!file) {
        troupe_why_set(why, "cannot write %.200s: %s", beside, strerror(errno));
        return TROUPE_ERR_IO;
    }
    bool is_written = fwrite(page->bytes, page->used, 1, file) == 1;
    is_written = fclose(file) == 0 && is_written && rename(beside, path) == 0;
    if (!is_written) {
        troupe_why_set(why, "cannot write %.200s: %s", path, strerror(errno));
        remove(beside);
        return TROUPE_ERR_IO;
    }
    return TROUPE_OK;
}

troupe_status_t tr_word_vectors_write(const tr_word_vectors_source_t *source, const char *path,
                                      troupe_why_t *why)
{
    assert(source && path && why);
    assert(source->dimension > 0 && source->dimension <= TR_WORD_VECTORS_MAX_DIMENSION);
    assert(source->n_words <= TR_WORD_VECTORS_MAX_WORDS);

    size_t text_size = 0;
    for (size_t i = 0; i < source->n_words; i++) {
        assert(strlen(source->words[i]) <= TR_WORD_MAX_SIZE);
        text_size += strlen(source->words[i]);
    }
    const uint32_t n_slots = slots_for(source->n_words);
    const size_t size = 2 * sizeof(uint64_t) + 4 * sizeof(uint32_t) +
                        source->dimension * sizeof(float) +
                        source->n_words * (3 * sizeof(float) + source->dimension) +
                        (n_slots + source->n_words + (size_t)1) * sizeof(uint32_t) + text_size;
    struct page page = {malloc(size), 0};
    uint32_t *slots = malloc(n_slots * sizeof *slots);
    troupe_status_t status = TROUPE_ERR_NOMEM;
    if (page.bytes && slots) {
        fill_slots(slots, n_slots, source);
        put_all(&page, source, slots, n_slots, (uint32_t)text_size);
        assert(page.used == size);
        status = write_file(&page, path, why);
    }
    free(slots);
    free(page.bytes);
    return status;
}
