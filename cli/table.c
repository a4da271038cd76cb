/* Width is counted in columns of the terminal, not in bytes, and colours are added after
 * padding, so that a table stays aligned whatever the names are.
 */

#include "cli/table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"

typedef struct cell {
    char *text; /* NULL: empty */
    cli_colour_t colour;
} cell_t;

struct cli_table {
    const cli_column_t *columns;
    size_t n_columns;
    cell_t *cells; /* row after row */
    size_t n_rows;
    size_t n_room; /* rows that fit */
};

cli_table_t *cli_table_new(const cli_column_t *columns, size_t n_columns)
{
    assert(columns && n_columns > 0);
    cli_table_t *self = cli_need(calloc(1, sizeof *self));
    self->columns = columns;
    self->n_columns = n_columns;
    return self;
}

void cli_table_destroy(cli_table_t **self_p)
{
    assert(self_p);
    cli_table_t *self = *self_p;
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->n_rows * self->n_columns; i++) {
        free(self->cells[i].text);
    }
    free(self->cells);
    free(self);
    *self_p = NULL;
}

void cli_table_begin(cli_table_t *self)
{
    assert(self);
    if (self->n_rows == self->n_room) {
        self->n_room = self->n_room ? self->n_room * 2 : 16;
        self->cells = cli_need(
            reallocarray(self->cells, self->n_room * self->n_columns, sizeof *self->cells));
    }
    cell_t *row = self->cells + self->n_rows * self->n_columns;
    for (size_t i = 0; i < self->n_columns; i++) {
        row[i] = (cell_t){NULL, CLI_PLAIN};
    }
    self->n_rows++;
}

void cli_table_set(cli_table_t *self, size_t column, cli_colour_t colour, const char *text)
{
    assert(self && self->n_rows > 0 && column < self->n_columns);
    cell_t *cell = &self->cells[(self->n_rows - 1) * self->n_columns + column];
    free(cell->text);
    *cell = (cell_t){*text ? cli_need(strdup(text)) : NULL, colour};
}

size_t cli_table_n_rows(const cli_table_t *self)
{
    assert(self);
    return self->n_rows;
}

/* 0 when no row has anything to say there. */
static size_t column_width(const cli_table_t *self, size_t column)
{
    size_t widest = 0;
    for (size_t row = 0; row < self->n_rows; row++) {
        const char *text = self->cells[row * self->n_columns + column].text;
        size_t width = text ? cli_width(text) : 0;
        widest = width > widest ? width : widest;
    }
    size_t title = cli_width(self->columns[column].title);
    return widest > 0 && title > widest ? title : widest;
}

/* Padding is owed, not printed, until something follows: no line ends in blanks. */
static void print_cell(FILE *stream, size_t *owed, size_t width, bool is_number,
                       cli_colour_t colour, const char *text)
{
    const int gap = 2;
    size_t padding = width - (*text ? cli_width(text) : 0);
    if (*text) {
        fprintf(stream, "%*s", (int)(*owed + (is_number ? padding : 0)), "");
        cli_print_to(stream, colour, text);
        *owed = is_number ? 0 : padding;
    } else {
        *owed += width;
    }
    *owed += (size_t)gap;
}

void cli_table_print(const cli_table_t *self)
{
    cli_table_print_to(self, stdout);
}

void cli_table_print_to(const cli_table_t *self, FILE *stream)
{
    assert(self);
    size_t *widths = cli_need(calloc(self->n_columns, sizeof *widths));
    for (size_t i = 0; i < self->n_columns; i++) {
        widths[i] = column_width(self, i);
    }

    size_t owed = 0;
    for (size_t i = 0; i < self->n_columns; i++) {
        if (widths[i]) {
            print_cell(stream, &owed, widths[i], self->columns[i].is_number, CLI_DIM,
                       self->columns[i].title);
        }
    }
    fprintf(stream, "\n");
    for (size_t row = 0; row < self->n_rows; row++) {
        owed = 0;
        for (size_t i = 0; i < self->n_columns; i++) {
            const cell_t *cell = &self->cells[row * self->n_columns + i];
            if (widths[i]) {
                print_cell(stream, &owed, widths[i], self->columns[i].is_number, cell->colour,
                           cell->text ? cell->text : "");
            }
        }
        fprintf(stream, "\n");
    }
    free(widths);
}
