/* Between two white spaces stands a chunk. A chunk is looked at as a whole first: one sign that
 * prose does not have makes all of it verbatim, from its first to its last letter or digit.
 * Otherwise its words are runs of letters and digits, with what stands between letters there:
 * an apostrophe, or a sign that is a letter misread ("th|s").
 *
 * Always true: `at` is where a word begins, or the begin or the end of the text. */

#include "words.h"

#include <string.h>

#include "letters.h"

/* Signs that stand in addresses, names of files and programs, not in prose. */
#define TECHNICAL "@\\_=<>#$~^{}"

/* Opens something that may begin with a capital. */
#define OPENING "\"([*"

struct chunk {
    size_t first; /* letter or digit; `end`: there is none */
    size_t last;  /* behind the last one */
    size_t end;
    bool is_technical;
};

tr_words_t tr_words_of(const char *text, size_t size)
{
    return (tr_words_t){.text = text, .size = size, .ends_sentence = true};
}

/* What is at `at`, and its length; 0 at the end. */
static size_t peek(const tr_words_t *self, size_t at, wchar_t *c)
{
    *c = 0;
    return at < self->size ? tr_letters_decode(self->text + at, self->size - at, c) : 0;
}

static wchar_t sign_at(const tr_words_t *self, size_t at)
{
    wchar_t c;
    (void)peek(self, at, &c);
    return c;
}

static bool is_of_word(wchar_t c)
{
    return c != 0 && (tr_letters_is_letter(c) || tr_letters_is_digit(c));
}

static bool is_one_of(wchar_t c, const char *signs)
{
    return c > 0 && c < 0x80 && strchr(signs, (int)c);
}

static bool is_apostrophe(wchar_t c)
{
    return c == '\'' || c == 0x2019;
}

/* ---- chunks ---- */

/* Whether the sign `c`, which follows `before` and is followed by `after`, is not of prose. */
static bool is_technical(wchar_t before, wchar_t c, wchar_t after)
{
    bool is_inside = is_of_word(before) && is_of_word(after);
    switch (c) {
    case '.':
    case ':':
    case '&':
    case '+':
    case '%':
        return is_inside;
    case '/': /* a path; "and/or" is none */
        return !is_inside && is_of_word(after);
    case '-': /* an option of a program */
        return before == 0 && (is_of_word(after) || after == '-');
    case '(':
        return after == ')';
    default:
        return is_one_of(c, TECHNICAL);
    }
}

static struct chunk chunk_at(const tr_words_t *self, size_t at)
{
    struct chunk chunk = {.first = self->size};
    wchar_t before = 0;
    wchar_t c;
    size_t length;
    int n_slashes = 0;

    while ((length = peek(self, at, &c)) > 0 && !tr_letters_is_space(c)) {
        if (is_of_word(c)) {
            chunk.first = chunk.first < at ? chunk.first : at;
            chunk.last = at + length;
        } else if (is_technical(before, c, sign_at(self, at + length))) {
            chunk.is_technical = true;
        }
        n_slashes += c == '/';
        before = c;
        at += length;
    }
    chunk.end = at;
    chunk.first = chunk.first < at ? chunk.first : at;
    chunk.is_technical = chunk.is_technical || n_slashes > 1;
    return chunk;
}

/* ---- words ---- */

/* Behind the word that begins at `at`. */
static size_t end_of_word(const tr_words_t *self, size_t at)
{
    wchar_t before = 0;
    wchar_t c;
    size_t length;

    while ((length = peek(self, at, &c)) > 0) {
        bool joins = (is_apostrophe(c) || c == '|' || c == '!') &&
                     tr_letters_is_letter(before) &&
                     tr_letters_is_letter(sign_at(self, at + length));
        if (!is_of_word(c) && !joins && !(before == 0 && c == '|')) {
            break;
        }
        before = c;
        at += length;
    }
    return at;
}

/* How long the hyphen at `at` and the end of the line after it are, when they divide a word;
 * else 0. */
static size_t division_at(const tr_words_t *self, size_t at)
{
    wchar_t c;
    size_t end = at + peek(self, at, &c);
    if (c != '-' && c != 0xAD && c != 0x2010) {
        return 0;
    }
    if (sign_at(self, end) == '\r') {
        end++;
    }
    if (sign_at(self, end) != '\n') {
        return 0;
    }
    end++;
    return tr_letters_is_lower(sign_at(self, end)) && !chunk_at(self, end).is_technical
               ? end - at
               : 0;
}

static bool has_letter(const tr_words_t *self, size_t from, size_t until)
{
    wchar_t c;
    for (; from < until; from += peek(self, from, &c)) {
        if (tr_letters_is_letter(sign_at(self, from))) {
            return true;
        }
    }
    return false;
}

/* Where the next word is at `at` or behind it; the end of the text: nowhere. On the way it is
 * noticed whether a sentence ends. */
static size_t find_word(tr_words_t *self, size_t at)
{
    wchar_t c;
    wchar_t before = 0;
    size_t length;

    self->ends_sentence = at == 0;
    while ((length = peek(self, at, &c)) > 0) {
        bool is_misread = c == '|' && tr_letters_is_letter(sign_at(self, at + length));
        if (is_of_word(c) || is_misread) {
            break;
        }
        if (is_one_of(c, ".!?:" OPENING) || c == 0x201C || c == 0x2018 || c == 0x2022 ||
            (c == '\n' && before == '\n')) {
            self->ends_sentence = true;
        }
        before = c == '\r' ? before : c;
        at += length;
    }
    return at;
}

/* The begin of the chunk that `at` is in. */
static size_t begin_of_chunk(const tr_words_t *self, size_t at)
{
    while (at > 0) {
        size_t before = at - 1;
        while (before > 0 && ((unsigned char)self->text[before] & 0xC0) == 0x80) {
            before--;
        }
        if (tr_letters_is_space(sign_at(self, before))) {
            break;
        }
        at = before;
    }
    return at;
}

static void cut_word(tr_words_t *self, tr_word_t *out)
{
    size_t at = self->at;
    if (at >= self->chunk_end) {
        struct chunk chunk = chunk_at(self, begin_of_chunk(self, at));
        self->chunk_end = chunk.end;
        if (chunk.is_technical) {
            out->length = chunk.last - at;
            out->is_verbatim = true;
            return;
        }
    }
    size_t end = end_of_word(self, at);
    size_t division = division_at(self, end);
    if (division > 0) {
        out->divided_at = end - at;
        out->division = division;
        end = end_of_word(self, end + division);
        self->chunk_end = chunk_at(self, at + out->divided_at + division).end;
    }
    out->length = end - at;
    out->is_verbatim = !has_letter(self, at, end);
}

bool tr_words_next(tr_words_t *self, tr_word_t *out)
{
    if (self->at >= self->size) {
        return false;
    }
    *out = (tr_word_t){.offset = self->at, .begins_sentence = self->ends_sentence};
    if (self->at > 0 || find_word(self, 0) == 0) {
        cut_word(self, out);
    }
    size_t end = self->at + out->length;
    self->at = find_word(self, end);
    out->gap = self->at - end;
    return true;
}
