/* workers/text_embedding/words.h - which words a text has, and how often
 *
 * A word is a run of letters and digits, in lower case: "Don't" is `don` and `t`. Ideographs
 * and kana, which are written without spaces, are a word each. The order is that in which the
 * words were seen first, so all that is computed from it is the same each time.
 *
 * Pure. Not thread-safe: who counts owns it, and may count text after text.
 */

#ifndef TROUPE_WORKERS_WORDS_H
#define TROUPE_WORKERS_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>

enum { TR_WORD_MAX_SIZE = 64 }; /* bytes of a word; what is longer, is cut into several */

typedef struct tr_words tr_words_t;

/* One word of a text. */
typedef struct tr_word {
    const char *text; /* not terminated; borrowed until the next count */
    size_t size;
    uint32_t hash; /* tr_word_hash of it */
    uint32_t count;
} tr_word_t;

/* Of no text yet. NULL when out of memory. */
TROUPE_NODISCARD tr_words_t *tr_words_new(void);

void tr_words_destroy(tr_words_t **self_p);

/* Forget what was counted, and count the words of `text`. What is no UTF-8 is taken for white
 * space. TROUPE_ERR_NOMEM when out of memory; nothing is counted then. */
TROUPE_NODISCARD troupe_status_t tr_words_count(tr_words_t *self, const char *text,
                                                size_t size);

/* How many different words there are. */
size_t tr_words_n(const tr_words_t *self);

/* One of them, by the order in which they were seen first. */
tr_word_t tr_words_at(const tr_words_t *self, size_t index);

/* A number for a word or a piece of one; files hold it, so it stays as it is. */
uint32_t tr_word_hash(const char *text, size_t size);

#endif
