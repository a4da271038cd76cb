/* cli/text.h - text from outside: is it text, and may a terminal see it
 *
 * Names and texts come from a node that may be anybody's: nothing of them reaches a terminal
 * before it went through cli_clean, which leaves no control character, no broken UTF-8 and no
 * endless line.
 */

#ifndef TROUPE_CLI_TEXT_H
#define TROUPE_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/api.h>

/* How far into a character a stream of text is. Zeroed: between two. */
typedef struct cli_utf8 {
    unsigned n_missing; /* bytes until the character is whole */
    uint32_t code;      /* what is known of it */
    uint32_t least;     /* anything below was written too long */
} cli_utf8_t;

/* Take the next bytes; false when with them the stream is no text: NUL, or not UTF-8. A
 * character may be split over two calls; text ends well when n_missing is 0. */
TROUPE_NODISCARD bool cli_utf8_feed(cli_utf8_t *self, const void *data, size_t size);

/* Whether the bytes are a whole text. */
bool cli_is_text(const void *data, size_t size);

/* The length of the character that the bytes begin with, and in *code_out which it is; 0 when
 * they begin with none. */
size_t cli_utf8_length(const void *data, size_t size, uint32_t *code_out);

/* Columns of a terminal that the character takes which the bytes, one at least, begin with, and
 * in *length_out how many bytes it has. What is not known counts as one of each. */
size_t cli_character_width(const char *text, size_t size, size_t *length_out);

/* Columns of a terminal that a text takes. */
size_t cli_width(const char *text);

/* Text as it may be shown, at most `max` characters of it, the cut marked by an ellipsis. A
 * new string, to be released with free(). */
TROUPE_NODISCARD char *cli_clean(const char *text, size_t size, size_t max);

#endif
