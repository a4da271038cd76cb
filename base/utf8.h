/* base/utf8.h - texts that leave the node are UTF-8, whatever they were before
 *
 * What a handler says about its failure may be cut in the middle, or be in no encoding at all;
 * many languages refuse a whole frame for one such byte. Pure.
 */

#ifndef TROUPE_BASE_UTF8_H
#define TROUPE_BASE_UTF8_H

#include <stddef.h>

#include "base/span.h"

/* The length of the longest start of `text` within `max_size` bytes that does not end inside
 * a character. */
size_t tr_utf8_cut(tr_span_t text, size_t max_size);

/* How many bytes the character has that `bytes` begins with; 0 when it begins with none. `size`
 * is above 0. */
size_t tr_utf8_size(const char *bytes, size_t size);

/* Replace every byte that belongs to no character by '?'. Overlong forms, surrogates and what
 * lies above U+10FFFF are no characters (RFC 3629). */
void tr_utf8_mend(char *text, size_t size);

#endif
