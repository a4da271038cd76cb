/* workers/text_to_text/letters.h - the letters of all scripts, whatever locale a program is in
 *
 * UTF-8 outside, code points inside. Pure, and may be called on any thread.
 */

#ifndef TROUPE_WORKERS_SPELLING_LETTERS_H
#define TROUPE_WORKERS_SPELLING_LETTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

/* The code point at the begin of `size` bytes, and how many bytes it is long; 0 when they begin
 * with none: they are no UTF-8, or there are none. */
size_t tr_letters_decode(const char *text, size_t size, wchar_t *out);

/* All of `size` bytes as code points, `room` at most; returns how many there are, or -1 when
 * there are more, or it is no UTF-8. */
long tr_letters_decode_all(const char *text, size_t size, wchar_t *out, size_t room);

/* The other way round: 1 to 4 bytes for each code point, and a NUL, which is not counted. `out`
 * has room for 4 * n + 1. */
size_t tr_letters_encode_all(const wchar_t *letters, size_t n, char *out);

/* Where in `size` bytes the first is that is not of valid UTF-8; `size`: all are. */
size_t tr_letters_first_invalid(const char *text, size_t size);

/* A letter, or a mark that is put on one. */
bool tr_letters_is_letter(wchar_t c);

/* What comes after it stands on a line, or apart. */
bool tr_letters_is_space(wchar_t c);

bool tr_letters_is_digit(wchar_t c);
bool tr_letters_is_upper(wchar_t c);
bool tr_letters_is_lower(wchar_t c);
wchar_t tr_letters_to_upper(wchar_t c);
wchar_t tr_letters_to_lower(wchar_t c);

#endif
