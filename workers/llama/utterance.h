/* workers/llama/utterance.h - the bytes of tokens in, text that can be said out
 *
 * A token is any run of bytes: it may end within a character, and a string that is to stop the
 * text may be spread over several. So the last few bytes wait until it is known what becomes of
 * them. What comes out is UTF-8 in whole characters, with U+FFFD for what is none, never holds
 * a stop string nor anything behind it, and put together is the same however the bytes were
 * spread over tokens.
 *
 * Pure, and not thread-safe: one text in the making owns it.
 */

#ifndef TROUPE_WORKERS_UTTERANCE_H
#define TROUPE_WORKERS_UTTERANCE_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/status.h>

typedef struct tr_utterance tr_utterance_t;

/* An empty text that ends before the first of `n_stop` strings that occurs in it. They are
 * borrowed for its life; an empty one stops nothing. The caller owns the result; NULL when out
 * of memory. */
TROUPE_NODISCARD tr_utterance_t *tr_utterance_new(const char *const *stop, size_t n_stop);

/* Release it and set *self_p to NULL; NULL is fine. */
void tr_utterance_destroy(tr_utterance_t **self_p);

/* Add the bytes of a token. Those behind a stop string are let go. */
TROUPE_NODISCARD troupe_status_t tr_utterance_add(tr_utterance_t *self, const char *bytes,
                                                  size_t size);

/* No more bytes will come: nothing waits any longer. */
TROUPE_NODISCARD troupe_status_t tr_utterance_end(tr_utterance_t *self);

/* Whether a stop string was met. */
bool tr_utterance_is_stopped(const tr_utterance_t *self);

/* All that can be said so far, `*size_out` bytes; borrowed until the next call that changes the
 * text. It only ever grows, and is NUL-terminated once it is at its end. */
const char *tr_utterance_text(const tr_utterance_t *self, size_t *size_out);

#endif
