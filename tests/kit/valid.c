#include "tests/kit/valid.h"

#include <stdint.h>
#include <string.h>

#define DEPTH 1000

/* ---- UTF-8 ---- */

/* The length of the character at `at`; 0: it is none. */
static size_t character(const unsigned char *at, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = at[0] < 0x80             ? 1
                  : (at[0] & 0xe0) == 0xc0 ? 2
                  : (at[0] & 0xf0) == 0xe0 ? 3
                  : (at[0] & 0xf8) == 0xf0 ? 4
                                           : 0;
    if (size <= 1 || size > left) {
        return size > left ? 0 : size;
    }
    uint32_t code = at[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (at[i] & 0x3fu);
    }
    bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    return code >= least[size] && code <= 0x10ffff && !is_surrogate ? size : 0;
}

bool is_utf8(const char *text, size_t size)
{
    for (size_t at = 0, step; at < size; at += step) {
        step = character((const unsigned char *)text + at, size - at);
        if (step == 0) {
            return false;
        }
    }
    return true;
}

/* ---- JSON ---- */

typedef struct reader {
    const char *at;
    const char *end;
} reader_t;

static bool is_next(reader_t *reader, char wanted)
{
    if (reader->at == reader->end || *reader->at != wanted) {
        return false;
    }
    reader->at++;
    return true;
}

static void pass_space(reader_t *reader)
{
    while (reader->at < reader->end && *reader->at != '\0' && strchr(" \t\r\n", *reader->at)) {
        reader->at++;
    }
}

static size_t pass_any_of(reader_t *reader, const char *letters)
{
    const char *from = reader->at;
    while (reader->at < reader->end && *reader->at != '\0' && strchr(letters, *reader->at)) {
        reader->at++;
    }
    return (size_t)(reader->at - from);
}

#define DIGITS "0123456789"

static bool pass_number(reader_t *reader)
{
    is_next(reader, '-');
    if (!is_next(reader, '0') && pass_any_of(reader, DIGITS) == 0) {
        return false;
    }
    if (is_next(reader, '.') && pass_any_of(reader, DIGITS) == 0) {
        return false;
    }
    if (is_next(reader, 'e') || is_next(reader, 'E')) {
        if (!is_next(reader, '+')) {
            is_next(reader, '-');
        }
        return pass_any_of(reader, DIGITS) > 0;
    }
    return true;
}

static bool pass_escape(reader_t *reader)
{
    if (is_next(reader, 'u')) {
        for (int i = 0; i < 4; i++) {
            if (reader->at == reader->end || *reader->at == '\0' ||
                !strchr(DIGITS "abcdefABCDEF", *reader->at)) {
                return false;
            }
            reader->at++;
        }
        return true;
    }
    if (reader->at == reader->end || *reader->at == '\0' ||
        !strchr("\"\\/bfnrt", *reader->at)) {
        return false;
    }
    reader->at++;
    return true;
}

static bool pass_string(reader_t *reader)
{
    if (!is_next(reader, '"')) {
        return false;
    }
    while (!is_next(reader, '"')) {
        if (reader->at == reader->end || (unsigned char)*reader->at < 0x20) {
            return false;
        }
        if (is_next(reader, '\\')) {
            if (!pass_escape(reader)) {
                return false;
            }
            continue;
        }
        reader->at++;
    }
    return true;
}

static bool pass_word(reader_t *reader, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, word, size) != 0) {
        return false;
    }
    reader->at += size;
    return true;
}

static bool pass_value(reader_t *reader, int room);

/* What is between the brackets of an array or an object, with the one that closes it. */
static bool pass_inside(reader_t *reader, char closing, int room)
{
    pass_space(reader);
    if (is_next(reader, closing)) {
        return true;
    }
    do {
        pass_space(reader);
        if (closing == '}') {
            if (!pass_string(reader)) {
                return false;
            }
            pass_space(reader);
            if (!is_next(reader, ':')) {
                return false;
            }
        }
        if (!pass_value(reader, room - 1)) {
            return false;
        }
    } while (is_next(reader, ','));
    return is_next(reader, closing);
}

static bool pass_value(reader_t *reader, int room)
{
    pass_space(reader);
    if (reader->at == reader->end || room <= 0) {
        return false;
    }
    bool is_fine;
    switch (*reader->at) {
    case '[':
    case '{': {
        char closing = *reader->at++ == '[' ? ']' : '}';
        is_fine = pass_inside(reader, closing, room);
        break;
    }
    case '"':
        is_fine = pass_string(reader);
        break;
    case 't':
        is_fine = pass_word(reader, "true");
        break;
    case 'f':
        is_fine = pass_word(reader, "false");
        break;
    case 'n':
        is_fine = pass_word(reader, "null");
        break;
    default:
        is_fine = pass_number(reader);
        break;
    }
    pass_space(reader);
    return is_fine;
}

bool is_json(const char *text, size_t size)
{
    reader_t reader = {text, text + size};
    return is_utf8(text, size) && pass_value(&reader, DEPTH) && reader.at == reader.end;
}

/* ---- metrics ---- */

#define NAME_FIRST "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define NAME       NAME_FIRST DIGITS

typedef struct family {
    const char *name;
    size_t size;
} family_t;

static bool pass_name(reader_t *reader)
{
    return reader->at < reader->end && *reader->at != '\0' && strchr(NAME_FIRST, *reader->at) &&
           pass_any_of(reader, NAME) > 0;
}

static bool pass_label(reader_t *reader)
{
    if (!pass_name(reader) || !is_next(reader, '=') || !is_next(reader, '"')) {
        return false;
    }
    while (!is_next(reader, '"')) {
        if (reader->at == reader->end || *reader->at == '\n') {
            return false;
        }
        bool is_escaped = is_next(reader, '\\');
        if (is_escaped && !is_next(reader, '\\') && !is_next(reader, '"') &&
            !is_next(reader, 'n')) {
            return false;
        }
        reader->at += !is_escaped;
    }
    return true;
}

static bool pass_labels(reader_t *reader)
{
    if (!is_next(reader, '{')) {
        return true;
    }
    do {
        if (!pass_label(reader)) {
            return false;
        }
    } while (is_next(reader, ','));
    return is_next(reader, '}');
}

/* A family's name, or that with what a histogram adds to it. */
static bool is_of(const family_t *family, const char *name, size_t size)
{
    static const char *const suffixes[] = {"", "_bucket", "_sum", "_count"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        size_t extra = strlen(suffixes[i]);
        if (family->name && size == family->size + extra &&
            memcmp(name, family->name, family->size) == 0 &&
            memcmp(name + family->size, suffixes[i], extra) == 0) {
            return true;
        }
    }
    return false;
}

static bool pass_sample(reader_t *reader, const family_t *family)
{
    const char *name = reader->at;
    if (!pass_name(reader) || !is_of(family, name, (size_t)(reader->at - name)) ||
        !pass_labels(reader) || !is_next(reader, ' ') || !pass_number(reader)) {
        return false;
    }
    return is_next(reader, '\n');
}

/* "# HELP NAME TEXT" or "# TYPE NAME KIND". */
static bool pass_comment(reader_t *reader, family_t *family)
{
    bool is_type = pass_word(reader, "# TYPE ");
    if (!is_type && !pass_word(reader, "# HELP ")) {
        return false;
    }
    const char *name = reader->at;
    if (!pass_name(reader)) {
        return false;
    }
    size_t size = (size_t)(reader->at - name);
    if (!is_next(reader, ' ')) {
        return false;
    }
    if (is_type) {
        *family = (family_t){name, size};
        return (pass_word(reader, "counter") || pass_word(reader, "gauge") ||
                pass_word(reader, "histogram")) &&
               is_next(reader, '\n');
    }
    const char *end = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
    reader->at = end ? end : reader->end;
    return is_next(reader, '\n');
}

bool is_exposition(const char *text, size_t size)
{
    reader_t reader = {text, text + size};
    family_t family = {NULL, 0};
    bool is_fine = is_utf8(text, size);
    while (is_fine && reader.at < reader.end) {
        is_fine =
            *reader.at == '#' ? pass_comment(&reader, &family) : pass_sample(&reader, &family);
    }
    return is_fine;
}
