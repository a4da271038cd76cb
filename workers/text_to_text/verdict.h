/* workers/text_to_text/verdict.h - whether a word that no dictionary has is to be replaced
 *
 * Most words of a good text that a dictionary does not have are right: names, terms,
 * abbreviations. So the less a word looks like a plain one, the better a suggestion must
 * explain it. Pure.
 */

#ifndef TROUPE_WORKERS_SPELLING_VERDICT_H
#define TROUPE_WORKERS_SPELLING_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

/* No word costs more and is put in the place of another one, whatever it is used for. */
#define TR_VERDICT_MAX_COST 180

/* What is known about the word and what would stand in its place. */
typedef struct tr_verdict_case {
    const wchar_t *seen;
    size_t n;
    bool begins_sentence;
    int cost;             /* of the suggestion, by confusion.h */
    int cost_of_looks;    /* likewise */
    bool is_split;        /* it is two words */
    bool is_same;         /* it is the same word, but for capitals, which may be meant */
    int bonus;            /* it is often used: so much dearer it may be */
    size_t count;         /* how often the text has the word */
    size_t count_of_best; /* how often it has the suggestion */
} tr_verdict_case_t;

/* Whether to replace it. */
bool tr_verdict_replaces(const tr_verdict_case_t *about);

/* Whether it may be replaced by what is more than a look or a slip away. */
bool tr_verdict_may_be_far(const wchar_t *seen, size_t n, bool begins_sentence);

/* Whether there are digits among the letters, or other signs that letters were misread as: then
 * only looks explain it. */
bool tr_verdict_has_signs(const wchar_t *seen, size_t n);

/* Whether it is a word at all, rather than a number or a name such as "x86". */
bool tr_verdict_is_word(const wchar_t *seen, size_t n);

#endif
