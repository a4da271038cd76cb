/* The decoder is fed byte by byte and refuses as early as it can: text may arrive in pieces
 * that split a character, as a model's words do.
 */

#include "cli/text.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "cli/output.h"

static bool begin_character(cli_utf8_t *self, unsigned char byte)
{
    if (byte < 0x80) {
        return byte != 0;
    }
    if (byte >= 0xc2 && byte <= 0xdf) {
        *self = (cli_utf8_t){1, byte & 0x1fu, 0x80};
    } else if (byte >= 0xe0 && byte <= 0xef) {
        *self = (cli_utf8_t){2, byte & 0x0fu, 0x800};
    } else if (byte >= 0xf0 && byte <= 0xf4) {
        *self = (cli_utf8_t){3, byte & 0x07u, 0x10000};
    } else {
        return false;
    }
    return true;
}

static bool continue_character(cli_utf8_t *self, unsigned char byte)
{
    if ((byte & 0xc0) != 0x80) {
        return false;
    }
    self->code = self->code << 6 | (byte & 0x3fu);
    self->n_missing--;
    bool is_surrogate = self->code >= 0xd800 && self->code <= 0xdfff;
    return self->n_missing > 0 ||
           (self->code >= self->least && self->code <= 0x10ffff && !is_surrogate);
}

bool cli_utf8_feed(cli_utf8_t *self, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++) {
        bool is_fine = self->n_missing ? continue_character(self, bytes[i])
                                       : begin_character(self, bytes[i]);
        if (!is_fine) {
            return false;
        }
    }
    return true;
}

bool cli_is_text(const void *data, size_t size)
{
    cli_utf8_t state = {0};
    return cli_utf8_feed(&state, data, size) && state.n_missing == 0;
}

size_t cli_utf8_length(const void *data, size_t size, uint32_t *code_out)
{
    const unsigned char *text = data;
    cli_utf8_t state = {0};
    for (size_t i = 0; i < size; i++) {
        if (!cli_utf8_feed(&state, text + i, 1)) {
            return 0;
        }
        if (state.n_missing == 0) {
            *code_out = i ? state.code : text[0];
            return i + 1;
        }
    }
    return 0;
}

size_t cli_character_width(const char *text, size_t size, size_t *length_out)
{
    uint32_t code;
    size_t length = cli_utf8_length(text, size, &code);
    int columns = length ? wcwidth((wchar_t)code) : 1;
    *length_out = length ? length : 1;
    return columns < 0 ? 1 : (size_t)columns;
}

size_t cli_width(const char *text)
{
    size_t width = 0;
    size_t size = strlen(text);
    size_t length;
    for (size_t at = 0; at < size; at += length) {
        width += cli_character_width(text + at, size - at, &length);
    }
    return width;
}

/* Characters that move the cursor, hide, or turn the direction of writing. */
static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
           code == 0xfeff;
}

char *cli_clean(const char *text, size_t size, size_t max)
{
    const char *ellipsis = cli_can_show_utf8() ? "\xe2\x80\xa6" : "...";
    const size_t longest = 4; /* bytes of a character */
    size_t room = (size < max ? size : max) * longest + strlen(ellipsis) + 1;
    char *clean = cli_need(malloc(room));
    size_t used = 0;

    size_t n_shown = 0;
    for (size_t at = 0; at < size; n_shown++) {
        if (n_shown == max) {
            memcpy(clean + used, ellipsis, strlen(ellipsis));
            used += strlen(ellipsis);
            break;
        }
        uint32_t code;
        size_t length = cli_utf8_length(text + at, size - at, &code);
        if (length == 0) {
            clean[used++] = '?';
            at++;
            continue;
        }
        if (is_control(code)) {
            clean[used++] = ' ';
        } else if (length > 1 && !cli_can_show_utf8()) {
            clean[used++] = '?';
        } else {
            memcpy(clean + used, text + at, length);
            used += length;
        }
        at += length;
    }
    clean[used] = '\0';
    return clean;
}
