/* base/span.h - a run of bytes that somebody else owns */

#ifndef TROUPE_BASE_SPAN_H
#define TROUPE_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Not NUL-terminated. An empty span may have any pointer. */
typedef struct tr_span {
    const char *data;
    size_t size;
} tr_span_t;

static inline tr_span_t tr_span_of(const char *text)
{
    return (tr_span_t){text ? text : "", text ? strlen(text) : 0};
}

static inline bool tr_span_equals(tr_span_t span, const char *text)
{
    return span.size == strlen(text) && memcmp(span.data, text, span.size) == 0;
}

/* As text, cut to `size` bytes with the NUL. */
static inline void tr_span_copy(char *text, size_t size, tr_span_t span)
{
    size_t length = span.size < size - 1 ? span.size : size - 1;
    if (length > 0) { /* an empty span may point nowhere */
        memcpy(text, span.data, length);
    }
    text[length] = '\0';
}

#endif
