/* The file is laid out so that it can be used where it lies: all that is wider than a byte
 * comes before all that is not. Numbers are read as this machine has them; on one of the other
 * byte order the magic already does not match.
 */

#include "word_vectors.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "words.h"

struct header {
    uint64_t magic;
    uint64_t checksum;
    uint32_t dimension;
    uint32_t n_words;
    uint32_t n_slots;
    uint32_t text_size;
};

/* Where everything is in the file, in bytes from its begin. */
struct layout {
    size_t common;
    size_t weights;
    size_t rarities;
    size_t scales;
    size_t slots;
    size_t offsets;
    size_t vectors;
    size_t text;
    size_t end;
};

struct tr_word_vectors {
    void *map;
    size_t map_size;
    const struct header *header;
    const float *common;
    const float *weights;
    const float *rarities;
    const float *scales;
    const uint32_t *slots;
    const uint32_t *offsets;
    const int8_t *vectors;
    const char *text;
};

/* Of a header within the limits, so nothing overflows. */
static struct layout layout_of(const struct header *header)
{
    struct layout at;
    size_t n_words = header->n_words;
    at.common = sizeof *header;
    at.weights = at.common + header->dimension * sizeof(float);
    at.rarities = at.weights + n_words * sizeof(float);
    at.scales = at.rarities + n_words * sizeof(float);
    at.slots = at.scales + n_words * sizeof(float);
    at.offsets = at.slots + header->n_slots * sizeof(uint32_t);
    at.vectors = at.offsets + (n_words + 1) * sizeof(uint32_t);
    at.text = at.vectors + n_words * header->dimension;
    at.end = at.text + header->text_size;
    return at;
}

uint64_t tr_word_vectors_checksum(const void *data, size_t size)
{
    const unsigned char *at = data;
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    uint64_t word;

    for (; size >= sizeof word; at += sizeof word, size -= sizeof word) {
        memcpy(&word, at, sizeof word);
        sum = (sum ^ word) * UINT64_C(0x100000001b3);
        sum ^= sum >> 32; /* the upper bytes of a word would else meet the lower ones never */
    }
    for (; size > 0; at++, size--) {
        sum = (sum ^ *at) * UINT64_C(0x100000001b3);
    }
    return sum ^ sum >> 32;
}

/* ---- life ---- */

tr_word_vectors_t *tr_word_vectors_new(void)
{
    return calloc(1, sizeof(tr_word_vectors_t));
}

void tr_word_vectors_destroy(tr_word_vectors_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        if ((*self_p)->map) {
            munmap((*self_p)->map, (*self_p)->map_size);
        }
        free(*self_p);
        *self_p = NULL;
    }
}

/* ---- loading ---- */

static bool is_power_of_two(uint32_t number)
{
    return number && (number & (number - 1)) == 0;
}

/* What is wrong with the header, or with the size of the file; NULL: nothing. */
static const char *fault_of_header(const struct header *header, size_t size)
{
    if (size < sizeof *header || header->magic != TR_WORD_VECTORS_MAGIC) {
        return "is no file of word vectors that this version can read";
    }
    if (header->dimension == 0 || header->dimension > TR_WORD_VECTORS_MAX_DIMENSION ||
        header->n_words > TR_WORD_VECTORS_MAX_WORDS || !is_power_of_two(header->n_slots) ||
        header->n_slots <= header->n_words || header->n_slots > 4 * TR_WORD_VECTORS_MAX_WORDS ||
        header->text_size > header->n_words * TR_WORD_MAX_SIZE) {
        return "is damaged: its header makes no sense";
    }
    size_t end = layout_of(header).end;
    return size < end   ? "is damaged: its end is missing"
           : size > end ? "is damaged: it is longer than it says"
                        : NULL;
}

/* Not less than 0 nor more than `most`, and a number. */
static bool is_within(float number, float most)
{
    return number >= 0 && number <= most;
}

/* What is wrong with the numbers; whoever wrote a file with the right checksum may be wrong. */
static const char *fault_of_numbers(const tr_word_vectors_t *self)
{
    const struct header *header = self->header;
    uint32_t n_taken = 0;

    for (uint32_t i = 0; i < header->dimension; i++) {
        if (!is_within(fabsf(self->common[i]), 1)) {
            return "is damaged: a number is none";
        }
    }
    for (uint32_t i = 0; i < header->n_words; i++) {
        if (!is_within(self->weights[i], 1) || !is_within(self->rarities[i], 1) ||
            !is_within(self->scales[i], 1e6F)) {
            return "is damaged: a number is none";
        }
        if (self->offsets[i] > self->offsets[i + 1]) {
            return "is damaged: its words overlap";
        }
    }
    if (self->offsets[0] != 0 || self->offsets[header->n_words] != header->text_size) {
        return "is damaged: its words do not fill their place";
    }
    for (uint32_t i = 0; i < header->n_slots; i++) {
        if (self->slots[i] > header->n_words) {
            return "is damaged: its index leads nowhere";
        }
        n_taken += self->slots[i] != 0;
    }
    return n_taken == header->n_words ? NULL : "is damaged: its index is not that of its words";
}

static const char *fault_of(tr_word_vectors_t *self)
{
    const struct header *header = self->map;
    const char *fault = fault_of_header(header, self->map_size);
    if (fault) {
        return fault;
    }
    const char *base = self->map;
    const size_t summed = offsetof(struct header, dimension);
    if (tr_word_vectors_checksum(base + summed, self->map_size - summed) != header->checksum) {
        return "is damaged: its checksum is wrong";
    }
    struct layout at = layout_of(header);
    self->header = header;
    self->common = (const float *)(base + at.common);
    self->weights = (const float *)(base + at.weights);
    self->rarities = (const float *)(base + at.rarities);
    self->scales = (const float *)(base + at.scales);
    self->slots = (const uint32_t *)(base + at.slots);
    self->offsets = (const uint32_t *)(base + at.offsets);
    self->vectors = (const int8_t *)(base + at.vectors);
    self->text = base + at.text;
    return fault_of_numbers(self);
}

/* Map it; an empty file is no mapping. */
static troupe_status_t map_file(tr_word_vectors_t *self, const char *path, troupe_why_t *why)
{
    troupe_status_t status = TROUPE_NOT_FOUND;
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (file < 0 || fstat(file, &about) != 0) {
        troupe_why_set(why, "cannot read %.200s: %s", path, strerror(errno));
    } else if (!S_ISREG(about.st_mode)) {
        troupe_why_set(why, "%.200s is no file", path);
    } else if (about.st_size < (off_t)sizeof(struct header)) {
        troupe_why_set(why, "%.200s is too short to be a file of word vectors", path);
        status = TROUPE_ERR_INVALID;
    } else {
        void *map = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_SHARED, file, 0);
        if (map == MAP_FAILED) {
            troupe_why_set(why, "cannot map %.200s: %s", path, strerror(errno));
        } else {
            self->map = map;
            self->map_size = (size_t)about.st_size;
            status = TROUPE_OK;
        }
    }
    if (file >= 0) {
        close(file);
    }
    return status;
}

troupe_status_t tr_word_vectors_load(tr_word_vectors_t *self, const char *path,
                                     troupe_why_t *why)
{
    assert(self && !self->map && path && why);

    troupe_status_t status = map_file(self, path, why);
    if (status != TROUPE_OK) {
        return status;
    }
    const char *fault = fault_of(self);
    if (fault) {
        troupe_why_set(why, "%.200s %s", path, fault);
        return TROUPE_ERR_INVALID;
    }
    return TROUPE_OK;
}

/* ---- looking ---- */

size_t tr_word_vectors_dimension(const tr_word_vectors_t *self)
{
    return self->header->dimension;
}

size_t tr_word_vectors_n(const tr_word_vectors_t *self)
{
    return self->header->n_words;
}

uint64_t tr_word_vectors_identity(const tr_word_vectors_t *self)
{
    return self->header->checksum;
}

const float *tr_word_vectors_common(const tr_word_vectors_t *self)
{
    return self->common;
}

/* There are more slots than words, so there is always one that is 0. */
bool tr_word_vectors_find(const tr_word_vectors_t *self, const char *text, size_t size,
                          uint32_t hash, tr_word_vector_t *out)
{
    const uint32_t last = self->header->n_slots - 1;
    for (uint32_t at = hash & last; self->slots[at]; at = (at + 1) & last) {
        uint32_t word = self->slots[at] - 1;
        uint32_t offset = self->offsets[word];
        if (self->offsets[word + 1] - offset == size &&
            memcmp(self->text + offset, text, size) == 0) {
            *out = (tr_word_vector_t){self->vectors + (size_t)word * self->header->dimension,
                                      self->scales[word], self->weights[word],
                                      self->rarities[word]};
            return true;
        }
    }
    return false;
}
