/* workers/text_to_text/confusion.h - how likely it is that one word was meant by another
 *
 * Who reads a picture takes letters for others that look alike ("rn" for "m", "0" for "o");
 * who types hits the key beside, swaps two, or doubles the wrong one. Both are costs of a way
 * from the word that is seen to the one that was meant: a hundred for a letter that is simply
 * wrong, less for what happens more often. Pure.
 */

#ifndef TROUPE_WORKERS_SPELLING_CONFUSION_H
#define TROUPE_WORKERS_SPELLING_CONFUSION_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

enum {
    TR_CONFUSION_MAX_LETTERS = 48,
    TR_CONFUSION_FAR = 10000, /* there is no such way, or a word is too long to look for one */
};

/* The least cost of all that may have happened. */
int tr_confusion_cost(const wchar_t *seen, size_t n_seen, const wchar_t *meant, size_t n_meant);

/* The least cost when nothing happened but that signs were taken for those that look much the
 * same: a digit for a letter, one letter for two. */
int tr_confusion_of_looks(const wchar_t *seen, size_t n_seen, const wchar_t *meant,
                          size_t n_meant);

/* Takes a word that may have been meant; false: enough. */
typedef bool(tr_confusion_fn)(void *arg, const wchar_t *meant, size_t n);

/* Every word that looks like `seen` when one or two signs were misread, those of one first;
 * `max` at most. Returns how many there were. */
size_t tr_confusion_each(const wchar_t *seen, size_t n, size_t max, tr_confusion_fn *fn,
                         void *arg);

/* Every word that `seen` is when two letters were swapped, or one was doubled or should be. */
void tr_confusion_each_slip(const wchar_t *seen, size_t n, tr_confusion_fn *fn, void *arg);

#endif
