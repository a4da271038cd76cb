/* workers/text_embedding/word_vectors.h - what words mean: a file with a vector for each
 *
 * The file is made once, by tr_word_vectors_write, and mapped for reading: however many workers
 * use it, in however many processes, it is in memory once. Nothing in it is believed before it
 * was checked: its size, its checksum, and every number that leads somewhere. While it is in
 * use it must not be written to; who makes a new one renames it into place.
 *
 * What lies in it, in this order, all little-endian, without gaps:
 *
 *   magic       u64     TR_WORD_VECTORS_MAGIC; its last byte is the version of the format
 *   checksum    u64     of all that follows: tr_word_vectors_checksum
 *   dimension   u32     D, of the vectors
 *   n_words     u32     N
 *   n_slots     u32     S, a power of two, more than N
 *   text_size   u32     T, bytes of all words together
 *   common      f32[D]  what all texts have in common, which says nothing about one
 *   weights     f32[N]  how much the meaning of a word counts, 0 to 1; that of rare ones more
 *   rarities    f32[N]  how much it counts that the word is used, 0 to 1; a word that is not in
 *                       the file has 1
 *   scales      f32[N]  what the numbers of its vector are to be multiplied by
 *   slots       u32[S]  number of a word + 1, or 0: where tr_word_hash of it modulo S leads, or
 *                       one of the next up to the first that is 0
 *   offsets     u32[N+1]  where each word begins in the text, and where the last one ends
 *   vectors     i8[N*D]
 *   text        u8[T]   the words, one behind the other
 *
 * Once loaded it is constant: any thread may look into it.
 */

#ifndef TROUPE_WORKERS_WORD_VECTORS_H
#define TROUPE_WORKERS_WORD_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/contract.h>
#include <troupe/status.h>

#define TR_WORD_VECTORS_MAGIC UINT64_C(0x0144524F57505254) /* "TRPWORD", and version 1 */

enum {
    TR_WORD_VECTORS_MAX_DIMENSION = 512,
    TR_WORD_VECTORS_MAX_WORDS = 4 * 1024 * 1024,
};

typedef struct tr_word_vectors tr_word_vectors_t;

/* What a word means. The number k of its vector is scale * values[k]. */
typedef struct tr_word_vector {
    const int8_t *values; /* borrowed */
    float scale;
    float weight;
    float rarity;
} tr_word_vector_t;

/* Of no file yet. NULL when out of memory. */
TROUPE_NODISCARD tr_word_vectors_t *tr_word_vectors_new(void);

/* Map the file at `path` and check it. Once only.
 *
 *   TROUPE_OK
 *   TROUPE_NOT_FOUND    there is no such file, or it cannot be read; *why says so
 *   TROUPE_ERR_INVALID  it is none, it is cut off, or damaged; *why says what is wrong
 */
TROUPE_NODISCARD troupe_status_t tr_word_vectors_load(tr_word_vectors_t *self, const char *path,
                                                      troupe_why_t *why);

void tr_word_vectors_destroy(tr_word_vectors_t **self_p);

size_t tr_word_vectors_dimension(const tr_word_vectors_t *self);
size_t tr_word_vectors_n(const tr_word_vectors_t *self);

/* That of the file: files that differ have different ones. */
uint64_t tr_word_vectors_identity(const tr_word_vectors_t *self);

/* `dimension` numbers, borrowed. */
const float *tr_word_vectors_common(const tr_word_vectors_t *self);

/* What the word means whose tr_word_hash is `hash`; false when it is not known. */
bool tr_word_vectors_find(const tr_word_vectors_t *self, const char *text, size_t size,
                          uint32_t hash, tr_word_vector_t *out);

/* What it is made of. */
typedef struct tr_word_vectors_source {
    uint32_t dimension;
    uint32_t n_words;
    const char *const *words; /* all different */
    const float *weights;
    const float *rarities;
    const float *vectors; /* one behind the other */
    const float *common;
} tr_word_vectors_source_t;

/* Write such a file, first beside `path`, and then rename it. TROUPE_ERR_IO with *why, or
 * TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_word_vectors_write(const tr_word_vectors_source_t *source,
                                                       const char *path, troupe_why_t *why);

/* FNV-1a by 8 bytes at a time, what is left over by one. Notices damage, not malice. */
uint64_t tr_word_vectors_checksum(const void *data, size_t size);

#endif
