/* workers/why.h - one line that says why something was refused
 *
 * It goes to whoever asked, so it is always valid UTF-8 if what it quotes is, even where it
 * had to be cut.
 */

#ifndef TROUPE_WORKERS_WHY_H
#define TROUPE_WORKERS_WHY_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <troupe/contract.h>

typedef troupe_why_t tr_why_t;

/* Drop the character at the end whose last bytes were cut off. */
static inline void tr_why_trim(tr_why_t *self)
{
    size_t end = strlen(self->text);
    while (end > 0 && ((unsigned char)self->text[end - 1] & 0xC0) == 0x80) {
        end--;
    }
    if (end > 0 && (unsigned char)self->text[end - 1] >= 0xC0) {
        end--;
    }
    self->text[end] = '\0';
}

TROUPE_PRINTF(2, 3) static inline void tr_why_set(tr_why_t *self, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int length = vsnprintf(self->text, sizeof self->text, format, values);
    va_end(values);
    if (length >= (int)sizeof self->text) {
        tr_why_trim(self);
    }
}

#endif
