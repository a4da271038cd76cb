/* workers/text_to_text/vocabulary.h - the different words of a text, and what is known about
 * each
 *
 * Not thread-safe.
 */

#ifndef TROUPE_WORKERS_SPELLING_VOCABULARY_H
#define TROUPE_WORKERS_SPELLING_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/api.h>

#include "arena.h"

typedef struct tr_vocabulary tr_vocabulary_t;

/* One word. All but `text` is the user's, and zero at first. */
typedef struct tr_entry {
    const char *text;               /* NUL-terminated */
    size_t count;                   /* how often it is there */
    bool is_wrong;                  /* no dictionary has it */
    int effort;                     /* that was made to find what follows; 0: none yet */
    int cost;                       /* of the best suggestion */
    int cost_of_looks;              /* likewise, when only signs were misread */
    int bonus;                      /* likewise, for being often used */
    bool is_same;                   /* likewise: but for capitals it is the word itself */
    size_t count_of_best;           /* how often that one is there */
    const char *const *suggestions; /* the best first */
    size_t n_suggestions;
} tr_entry_t;

/* An empty one, the caller's to destroy; NULL when out of memory. */
TROUPE_NODISCARD tr_vocabulary_t *tr_vocabulary_new(void);

/* Release it and its entries and set *self_p to NULL; NULL is fine. */
void tr_vocabulary_destroy(tr_vocabulary_t **self_p);

/* The entry of a word; NULL when it has none. Borrowed, and stays where it is. */
tr_entry_t *tr_vocabulary_find(const tr_vocabulary_t *self, const char *word, size_t size);

/* The same, and it gets one when it has none; NULL when out of memory. */
TROUPE_NODISCARD tr_entry_t *tr_vocabulary_add(tr_vocabulary_t *self, const char *word,
                                               size_t size);

/* How often it is there; NULL has no words. */
size_t tr_vocabulary_count(const tr_vocabulary_t *self, const char *word, size_t size);

#endif
