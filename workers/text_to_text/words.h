/* workers/text_to_text/words.h - the words of a text, and what stands between them
 *
 * What is cut makes the text again when it is put together. What no dictionary can know, as
 * addresses, names of files, numbers and what stands in programs, comes as one word that is
 * not to be looked at. A word that the end of a line divides ("exam-\nple") is one word. Pure.
 */

#ifndef TROUPE_WORKERS_SPELLING_WORDS_H
#define TROUPE_WORKERS_SPELLING_WORDS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct tr_word {
    size_t offset;        /* of its first byte in the text */
    size_t length;        /* in bytes; 0: there is only what follows */
    size_t gap;           /* bytes that follow, up to the next word */
    bool is_verbatim;     /* an address, a number, ...: not to be looked at */
    bool begins_sentence; /* a capital says nothing there */
    size_t divided_at; /* where the hyphen of the end of the line is, from `offset`; 0: none */
    size_t division;   /* bytes of the hyphen and of the end of the line */
} tr_word_t;

/* Where we are in a text that is borrowed, and is valid UTF-8. */
typedef struct tr_words {
    const char *text;
    size_t size;
    size_t at;
    size_t chunk_end;   /* what is before it has been looked at as a whole */
    bool ends_sentence; /* what was cut last */
} tr_words_t;

tr_words_t tr_words_of(const char *text, size_t size);

/* The next word; false when there is nothing left. */
bool tr_words_next(tr_words_t *self, tr_word_t *out);

#endif
