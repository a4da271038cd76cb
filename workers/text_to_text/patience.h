/* workers/text_to_text/patience.h - how long to go on asking what strange words mean
 *
 * Hunspell takes tens of milliseconds to suggest something for what is like no word, and a text
 * may be full of that. So it is not asked for what is too long to be a word, nor in a passage
 * that is none of this language, and less and less of it when it has been asked in vain; a
 * text that is good for the most part never notices. Pure.
 */

#ifndef TROUPE_WORKERS_SPELLING_PATIENCE_H
#define TROUPE_WORKERS_SPELLING_PATIENCE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    TR_PATIENCE_LETTERS = 40,  /* of the longest word that is asked for; compounds are long */
    TR_PATIENCE_IN_A_ROW = 10, /* words that are wrong, behind which all are noise */
    TR_PATIENCE_IN_VAIN = 300, /* askings that came to nothing */
    TR_PATIENCE_REWARD = 10,   /* so many are forgiven for one that came to something */
    TR_PATIENCE_RIGHT = 100,   /* and one for so many words that are right */
};

/* A zeroed one has seen nothing. */
typedef struct tr_patience {
    size_t n_in_a_row; /* wrong words, up to here */
    size_t n_in_vain;  /* less what was forgiven */
    size_t n_right;    /* since one was last forgiven for them */
} tr_patience_t;

/* The text goes on with a word, which is right or not. */
void tr_patience_see(tr_patience_t *self, bool is_right);

/* Whether to ask for a word of so many letters. */
bool tr_patience_lasts(const tr_patience_t *self, size_t n_letters);

/* One was asked for, and whether that came to something. */
void tr_patience_note(tr_patience_t *self, bool was_in_vain);

#endif
