/* workers/text_to_text/arena.h - memory that is let go all at once
 *
 * Correcting a text makes very many small strings, all of which live as long as the answer to
 * it. Not thread-safe.
 */

#ifndef TROUPE_WORKERS_SPELLING_ARENA_H
#define TROUPE_WORKERS_SPELLING_ARENA_H

#include <stddef.h>

#include <troupe/api.h>

/* A zeroed one is empty. */
typedef struct tr_arena {
    struct tr_arena_block *newest;
} tr_arena_t;

/* `size` bytes, zeroed and aligned for anything, until the arena is released; NULL when out of
 * memory. */
TROUPE_NODISCARD void *tr_arena_take(tr_arena_t *self, size_t size);

/* `size` bytes of `text` and a NUL, likewise. */
TROUPE_NODISCARD char *tr_arena_copy(tr_arena_t *self, const char *text, size_t size);

/* Let go of all; the arena is empty then, and may be used again. */
void tr_arena_release(tr_arena_t *self);

#endif
