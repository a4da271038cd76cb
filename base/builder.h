/* base/builder.h - a text that grows as it is written
 *
 * Whoever writes does not look at each step: running out of memory is noted, what follows is
 * dropped, and the end tells. One thread.
 */

#ifndef TROUPE_BASE_BUILDER_H
#define TROUPE_BASE_BUILDER_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/status.h>

/* All zero: an empty text. */
typedef struct tr_builder {
    char *text; /* NULL: nothing was written yet */
    size_t size;
    size_t room;
    bool is_out_of_memory;
} tr_builder_t;

void tr_builder_add(tr_builder_t *self, const void *bytes, size_t size);
void tr_builder_add_text(tr_builder_t *self, const char *text);
void tr_builder_add_char(tr_builder_t *self, char letter);
void tr_builder_format(tr_builder_t *self, const char *format, ...) TROUPE_PRINTF(2, 3);

/* What was written, for the caller to free, with its size without the NUL behind it; `self` is
 * empty again. NULL when it ran out of memory. */
TROUPE_NODISCARD char *tr_builder_take(tr_builder_t *self, size_t *size_out);

/* Forget what was written. */
void tr_builder_finish(tr_builder_t *self);

#endif
