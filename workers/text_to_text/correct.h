/* workers/text_to_text/correct.h - a text in, the text with its misspelt words corrected out
 *
 * It looks at one word after the other, and only at words: what is wrong by its neighbours
 * alone ("form" for "from") stays. Of what Hunspell and the look of the letters suggest the
 * likeliest is taken, and only when it is likely enough: names, abbreviations, addresses,
 * numbers and words of other languages are meant to stay as they are. White space and
 * punctuation always do.
 *
 * Nothing of a node here, and nothing that one text leaves for the next.
 */

#ifndef TROUPE_WORKERS_SPELLING_CORRECT_H
#define TROUPE_WORKERS_SPELLING_CORRECT_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/status.h>
#include <troupe/text_to_text.h>

#include "arena.h"
#include "speller.h"
#include "vocabulary.h"

enum {
    TR_CORRECT_MAX_LISTED = 20000,    /* corrections; further ones are made, and not listed */
    TR_CORRECT_MAX_SUGGESTED = 10000, /* different words; further ones stay as they are */
    TR_CORRECT_MAX_PERSONAL = 1000,   /* words of a request */
    TR_CORRECT_N_SUGGESTIONS = 5,     /* for a word, at most */
};

/* Whom a long correction concerns. Each may be NULL, and stops it with false. */
typedef struct tr_correct_watch {
    bool (*go_on)(void *arg);                               /* asked for every word */
    bool (*part)(void *arg, const char *part, size_t size); /* more of what comes out */
    void *arg;
} tr_correct_watch_t;

/* What came out. */
typedef struct tr_corrected {
    char *text; /* NUL-terminated */
    size_t size;
    troupe_finish_t finish;
    int64_t n_words_in;
    int64_t n_words_out;
    troupe_correction_t *corrections;
    size_t n_corrections;
    tr_arena_t arena; /* where all of it is */
} tr_corrected_t;

/* Correct `text`, as `request` says by max_tokens, which counts words, stop, words and suggest;
 * what else it says is not looked at. `likely`, or NULL, are words, in small letters, that are
 * the likelier the more often they are there.
 *
 *   TROUPE_OK           *out is the caller's to release
 *   TROUPE_ERR_INVALID  no UTF-8
 *   TROUPE_LIMIT        the text, or the list of words, is too large
 *   TROUPE_INTERRUPTED  a watch said no
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_correct(tr_speller_t *speller,
                                            const tr_vocabulary_t *likely,
                                            const troupe_text_to_text_request_t *request,
                                            const char *text, const tr_correct_watch_t *watch,
                                            tr_corrected_t *out, troupe_why_t *why);

/* Let go of what came out; *out is zeroed. */
void tr_corrected_release(tr_corrected_t *out);

/* Count the words of a text in small letters, for `likely`. Fails as tr_correct does. */
TROUPE_NODISCARD troupe_status_t tr_correct_count(const char *text, size_t size,
                                                  tr_vocabulary_t *likely);

#endif
