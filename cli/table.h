/* cli/table.h - rows and columns, aligned
 *
 * Rows are gathered first and printed at the end, when every width is known.
 */

#ifndef TROUPE_CLI_TABLE_H
#define TROUPE_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/api.h>

#include "cli/output.h"

typedef struct cli_column {
    const char *title;
    bool is_number; /* aligned to the right */
} cli_column_t;

typedef struct cli_table cli_table_t;

/* An empty table; `columns` is borrowed until its end. */
TROUPE_NODISCARD cli_table_t *cli_table_new(const cli_column_t *columns, size_t n_columns);
void cli_table_destroy(cli_table_t **self_p);

/* Begin the next row, all cells empty. */
void cli_table_begin(cli_table_t *self);

/* Fill a cell of the row begun last; the text is clean, and copied. */
void cli_table_set(cli_table_t *self, size_t column, cli_colour_t colour, const char *text);

size_t cli_table_n_rows(const cli_table_t *self);

/* Print titles and rows, aligned; columns that are empty throughout are left out. */
void cli_table_print(const cli_table_t *self);

/* The same into a stream: a line of titles, and one for each row. */
void cli_table_print_to(const cli_table_t *self, FILE *stream);

#endif
