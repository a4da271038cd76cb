/* Cutting looks at no more than the last four bytes, so it costs the same for any text.
 * Mending changes bytes in place and never the length: what was measured stays true.
 */

#include "base/utf8.h"

#include <stdbool.h>

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t tr_utf8_cut(tr_span_t text, size_t max_size)
{
    size_t size = text.size;
    if (size > max_size) {
        size = max_size;
        /* A character has at most three continuation bytes; more are no UTF-8 anyway. */
        for (int i = 0; i < 3 && size > 0 && is_continuation(text.data[size]); i++) {
            size--;
        }
    }
    return size;
}

/* Only the second byte's range depends on the first. */
size_t tr_utf8_size(const char *bytes, size_t n_bytes)
{
    const unsigned char *byte = (const unsigned char *)bytes;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    size_t size;
    if (byte[0] < 0x80) {
        return 1;
    } else if (byte[0] >= 0xc2 && byte[0] <= 0xdf) {
        size = 2;
    } else if (byte[0] >= 0xe0 && byte[0] <= 0xef) {
        size = 3;
        low = byte[0] == 0xe0 ? 0xa0 : low;
        high = byte[0] == 0xed ? 0x9f : high;
    } else if (byte[0] >= 0xf0 && byte[0] <= 0xf4) {
        size = 4;
        low = byte[0] == 0xf0 ? 0x90 : low;
        high = byte[0] == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (n_bytes < size || byte[1] < low || byte[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if (!is_continuation(bytes[i])) {
            return 0;
        }
    }
    return size;
}

void tr_utf8_mend(char *text, size_t size)
{
    const char *end = text + size;
    for (char *at = text; at < end;) {
        size_t step = tr_utf8_size(at, (size_t)(end - at));
        if (step == 0) {
            *at = '?';
            step = 1;
        }
        at += step;
    }
}
