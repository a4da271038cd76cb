/* Each line is overwritten from its beginning and the rest of it erased: nothing is cleared
 * first, so nothing flickers. A line that fills its row to the last column erases nothing, for
 * there a terminal would take away the last character.
 */

#include "cli/frame.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/text.h"

/* A terminal that knows of them shows nothing of what is between the two before it is whole;
 * the others take no notice. */
#define BEGIN_UPDATE "\033[?2026h"
#define END_UPDATE   "\033[?2026l"

/* One line of the sections; the empty ones between them have themselves as title. */
typedef struct line {
    const char *text;
    size_t size;
    size_t title; /* index of the line that says what this one shows */
} line_t;

static size_t count_lines(const char *text)
{
    size_t n = 0;
    for (; (text = strchr(text, '\n')); text++) {
        n++;
    }
    return n;
}

size_t cli_frame_n_lines(const cli_frame_t *self)
{
    size_t n = self->n_sections > 0 ? self->n_sections - 1 : 0;
    for (size_t i = 0; i < self->n_sections; i++) {
        n += count_lines(self->sections[i]);
    }
    return n;
}

size_t cli_frame_room(const cli_frame_t *self)
{
    size_t taken = count_lines(self->head) + 1; /* and the foot */
    return self->rows > taken ? self->rows - taken : 0;
}

static line_t *gather_lines(const cli_frame_t *self, size_t n)
{
    line_t *lines = cli_need(calloc(n + 1, sizeof *lines));
    size_t at = 0;
    for (size_t i = 0; i < self->n_sections; i++) {
        if (i > 0) {
            lines[at] = (line_t){"", 0, at};
            at++;
        }
        size_t title = at;
        const char *text = self->sections[i];
        for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
            lines[at++] = (line_t){text, (size_t)(end - text), title};
        }
    }
    assert(at == n);
    return lines;
}

/* How many bytes the colour has that the text begins with; 0: it begins with none. */
static size_t colour_length(const char *text, size_t size)
{
    if (size < 3 || text[0] != '\033' || text[1] != '[') {
        return 0;
    }
    const char *end = memchr(text, 'm', size);
    return end ? (size_t)(end - text) + 1 : 0;
}

/* What fits of a line. Colours go through even behind the cut: the last one ends them. */
static void put_line(FILE *out, const char *text, size_t size, size_t columns)
{
    size_t used = 0;
    bool is_cut = false;
    for (size_t at = 0; at < size;) {
        size_t length = colour_length(text + at, size - at);
        size_t width = length ? 0 : cli_character_width(text + at, size - at, &length);
        is_cut = is_cut || used + width > columns;
        if (!is_cut || text[at] == '\033') {
            fwrite(text + at, 1, length, out);
            used += width;
        }
        at += length;
    }
    if (used < columns) {
        fputs("\033[K", out);
    }
}

/* The lines of a text, `most` of them; returns how many rows were used. */
static size_t put_text(FILE *out, const char *text, size_t columns, size_t most)
{
    size_t n = 0;
    for (const char *end; n < most && (end = strchr(text, '\n')); text = end + 1, n++) {
        put_line(out, text, (size_t)(end - text), columns);
        fputs("\r\n", out);
    }
    return n;
}

static size_t put_sections(const cli_frame_t *self, FILE *out, size_t room)
{
    size_t n = cli_frame_n_lines(self);
    size_t last = n > room ? n - room : 0;
    size_t first = self->first < last ? self->first : last;
    line_t *lines = gather_lines(self, n);
    size_t row = 0;
    for (; row < room && first + row < n; row++) {
        const line_t *line = &lines[first + row];
        line = row == 0 ? &lines[line->title] : line;
        put_line(out, line->text, line->size, self->columns);
        fputs("\r\n", out);
    }
    free(lines);
    return row;
}

char *cli_frame_draw(const cli_frame_t *self, size_t *size_out)
{
    assert(self && self->rows > 0 && self->columns > 0);
    char *bytes = NULL;
    FILE *out = cli_need(open_memstream(&bytes, size_out));
    fputs(BEGIN_UPDATE "\033[H", out);
    size_t row = put_text(out, self->head, self->columns, self->rows - 1);
    row += put_sections(self, out, cli_frame_room(self));
    for (; row + 1 < self->rows; row++) {
        fputs("\033[K\r\n", out);
    }
    put_line(out, self->foot, strlen(self->foot), self->columns);
    fputs(END_UPDATE, out);
    cli_need(fclose(out) == 0 ? bytes : NULL);
    return bytes;
}
