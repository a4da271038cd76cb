/* workers/text_to_text/rank.h - what was meant by a word that no dictionary has
 *
 * What Hunspell suggests, what the word looks like, and words of the user's own, by how much
 * must have gone wrong, and by how often they are used.
 */

#ifndef TROUPE_WORKERS_SPELLING_RANK_H
#define TROUPE_WORKERS_SPELLING_RANK_H

#include <troupe/status.h>

#include "arena.h"
#include "speller.h"
#include "vocabulary.h"

/* Who knows words. All borrowed. */
typedef struct tr_rank_sources {
    tr_speller_t *speller;
    const tr_vocabulary_t *likely;     /* in small letters; may be NULL */
    const tr_vocabulary_t *text;       /* the words of the text that are right count */
    const tr_vocabulary_t *personal;   /* also right */
    const char *const *personal_words; /* the same as a list */
    size_t n_personal_words;
} tr_rank_sources_t;

/* Whether the word is right. One letter is, and so is what is too long to tell. */
bool tr_rank_knows(const tr_rank_sources_t *self, const char *word, size_t size);

/* How hard to look. Hunspell takes tens of milliseconds for a word that is like no other, as
 * names are. */
enum {
    TR_RANK_QUICK = 1, /* without Hunspell's suggestions */
    TR_RANK_ENOUGH,    /* with them, unless there is a likely word already */
    TR_RANK_ALL,
};

/* Find the suggestions for `entry`, and what the best of them costs, with that effort, unless
 * that was done. They live as long as the arena. TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_rank(const tr_rank_sources_t *self, tr_entry_t *entry,
                                         int effort, size_t n_max, tr_arena_t *arena);

#endif
