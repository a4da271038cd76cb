/* A name is a word and a number behind a quotation mark or '#': it is given as id="surface7",
 * and used as "#surface7" or url(#surface7). Text is drawn as outlines, so nothing that a
 * stranger wrote can look like one.
 */

#include "svg_ids.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DIGITS = 20 }; /* of a number */

/* The numbers seen so far; the first of them becomes 1. */
typedef struct numbers {
    uint64_t *seen;
    size_t n;
} numbers_t;

/* How long the word is that `at` begins with, when a name begins there; else 0. */
static size_t word_length(const char *begin, const char *at, const char *end)
{
    static const char *const words[] = {"surface", "image"};
    if (at == begin || (at[-1] != '"' && at[-1] != '#')) {
        return 0;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(end - at) > length && memcmp(at, words[i], length) == 0) {
            return length;
        }
    }
    return 0;
}

/* The digits at `at`, and their value. */
static size_t digits_at(const char *at, const char *end, uint64_t *value)
{
    size_t n = 0;
    *value = 0;
    for (; at + n < end && n < MAX_DIGITS - 1 && at[n] >= '0' && at[n] <= '9'; n++) {
        *value = *value * 10 + (uint64_t)(at[n] - '0');
    }
    return n;
}

/* Which of the numbers it is, from 1 on; 0 when out of memory. */
static size_t place_of(numbers_t *self, uint64_t number)
{
    for (size_t i = 0; i < self->n; i++) {
        if (self->seen[i] == number) {
            return i + 1;
        }
    }
    uint64_t *grown = realloc(self->seen, (self->n + 1) * sizeof *grown);
    if (!grown) {
        return 0;
    }
    self->seen = grown;
    self->seen[self->n++] = number;
    return self->n;
}

static bool copy(FILE *out, const char *svg, size_t size, numbers_t *numbers)
{
    const char *end = svg + size;
    for (const char *at = svg; at < end;) {
        uint64_t number = 0;
        size_t length = word_length(svg, at, end);
        size_t n_digits = length > 0 ? digits_at(at + length, end, &number) : 0;
        if (n_digits == 0) {
            fputc(*at++, out);
            continue;
        }
        size_t place = place_of(numbers, number);
        if (place == 0) {
            return false;
        }
        fprintf(out, "%.*s%zu", (int)length, at, place);
        at += length + n_digits;
    }
    return true;
}

char *tr_svg_with_own_ids(const char *svg, size_t size, size_t *size_out)
{
    assert((svg || size == 0) && size_out);

    char *text = NULL;
    FILE *out = open_memstream(&text, size_out);
    if (!out) {
        return NULL;
    }
    numbers_t numbers = {0};
    bool is_copied = copy(out, svg, size, &numbers);
    free(numbers.seen);
    if (fclose(out) != 0 || !is_copied) {
        free(text);
        return NULL;
    }
    return text;
}
