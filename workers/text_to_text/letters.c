/* The C library knows all scripts, but asks the locale of the program, which is not ours to
 * set. So it is asked for one of its own, once, that is there on every system that has UTF-8.
 * Where it is not, only the letters of ASCII have two cases, and all else beyond ASCII counts
 * as a letter. */

#include "letters.h"

#include <locale.h>
#include <pthread.h>
#include <wctype.h>

static locale_t all_scripts;

static void make_locale(void)
{
    all_scripts = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static locale_t locale(void)
{
    static pthread_once_t made = PTHREAD_ONCE_INIT;
    pthread_once(&made, make_locale);
    return all_scripts;
}

/* ---- UTF-8 ---- */

size_t tr_letters_decode(const char *text, size_t size, wchar_t *out)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (size == 0) {
        return 0;
    }
    if (bytes[0] < 0x80) {
        *out = bytes[0];
        return 1;
    }
    size_t length = bytes[0] >= 0xF0 ? 4 : bytes[0] >= 0xE0 ? 3 : 2;
    if (bytes[0] < 0xC2 || bytes[0] > 0xF4 || length > size) {
        return 0;
    }
    unsigned long c = bytes[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
        c = c << 6 | (bytes[i] & 0x3F);
    }
    static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < least[length] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) {
        return 0;
    }
    *out = (wchar_t)c;
    return length;
}

long tr_letters_decode_all(const char *text, size_t size, wchar_t *out, size_t room)
{
    size_t n = 0;
    for (size_t at = 0; at < size; n++) {
        size_t length = n < room ? tr_letters_decode(text + at, size - at, &out[n]) : 0;
        if (length == 0) {
            return -1;
        }
        at += length;
    }
    return (long)n;
}

static size_t encode(wchar_t letter, char *out)
{
    unsigned long c = (unsigned long)letter;
    size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    out[0] = (char)(first[length] | c);
    return length;
}

size_t tr_letters_encode_all(const wchar_t *letters, size_t n, char *out)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        size += encode(letters[i], out + size);
    }
    out[size] = '\0';
    return size;
}

size_t tr_letters_first_invalid(const char *text, size_t size)
{
    size_t at = 0;
    while (at < size) {
        wchar_t c;
        size_t length = tr_letters_decode(text + at, size - at, &c);
        if (length == 0) {
            break;
        }
        at += length;
    }
    return at;
}

/* ---- letters ---- */

/* Marks that stand above, below and within letters; the C library counts some as punctuation.
 */
static bool is_mark(wchar_t c)
{
    return (c >= 0x300 && c <= 0x36F) || (c >= 0x483 && c <= 0x487) ||
           (c >= 0x591 && c <= 0x5BD) || (c >= 0x610 && c <= 0x61A) ||
           (c >= 0x64B && c <= 0x65F) || (c >= 0x1AB0 && c <= 0x1AFF) ||
           (c >= 0x1DC0 && c <= 0x1DFF) || (c >= 0xFE20 && c <= 0xFE2F);
}

bool tr_letters_is_letter(wchar_t c)
{
    if (c < 0x80) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }
    return is_mark(c) || !locale() || iswalpha_l((wint_t)c, locale());
}

bool tr_letters_is_space(wchar_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200B) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

bool tr_letters_is_digit(wchar_t c)
{
    return c >= '0' && c <= '9';
}

wchar_t tr_letters_to_upper(wchar_t c)
{
    if (c < 0x80) {
        return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
    }
    return locale() ? (wchar_t)towupper_l((wint_t)c, locale()) : c;
}

wchar_t tr_letters_to_lower(wchar_t c)
{
    if (c < 0x80) {
        return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
    }
    return locale() ? (wchar_t)towlower_l((wint_t)c, locale()) : c;
}

bool tr_letters_is_upper(wchar_t c)
{
    return tr_letters_to_lower(c) != c;
}

bool tr_letters_is_lower(wchar_t c)
{
    return tr_letters_to_upper(c) != c;
}
