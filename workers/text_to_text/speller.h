/* workers/text_to_text/speller.h - one dictionary of Hunspell, asked in UTF-8
 *
 * Dictionaries have encodings of their own; a word that one cannot hold is not in it. A
 * speller belongs to one thread at a time.
 */

#ifndef TROUPE_WORKERS_SPELLING_SPELLER_H
#define TROUPE_WORKERS_SPELLING_SPELLER_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/contract.h>
#include <troupe/status.h>

#include "arena.h"

enum {
    TR_SPELLER_MAX_WORD = 100,    /* bytes, what Hunspell takes */
    TR_SPELLER_MAX_LANGUAGE = 32, /* bytes of its name */
};

typedef struct tr_speller tr_speller_t;

/* Load the dictionary of `language`, as "en_US", from `folder`; tenths of a second. Only a
 * plain name is looked for: of letters, digits, '_' and '-'.
 *
 *   TROUPE_OK           *out is the caller's
 *   TROUPE_NOT_FOUND    there is none; *why names Debian's package
 *   TROUPE_ERR_INVALID  that is no name of a language
 *   TROUPE_ERR_IO       its encoding is not known
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_speller_load(const char *folder, const char *language,
                                                 tr_speller_t **out, troupe_why_t *why);

/* Release it and set *self_p to NULL; NULL is fine. */
void tr_speller_destroy(tr_speller_t **self_p);

/* What it was loaded as. Borrowed. */
const char *tr_speller_language(const tr_speller_t *self);

/* Whether the dictionary has the word, or can make it. */
bool tr_speller_knows(tr_speller_t *self, const char *word);

/* What Hunspell suggests for it, the best first; they live as long as the arena. Milliseconds,
 * some hundred at most. TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_speller_suggest(tr_speller_t *self, const char *word,
                                                    tr_arena_t *arena, const char ***out,
                                                    size_t *n_out);

#endif
