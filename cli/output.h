/* cli/output.h - what goes out: failures in one line, colours, and whether it got there
 *
 * Failures go to stderr, results to stdout, nothing else to either. Single-threaded, like the
 * whole command.
 */

#ifndef TROUPE_CLI_OUTPUT_H
#define TROUPE_CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include <troupe/api.h>

/* Find out what the terminal and the locale can do. Once, before the rest. */
void cli_output_init(void);

/* True when stdout is a terminal. */
bool cli_on_terminal(void);

/* True when box characters and other non-ASCII text can be shown. */
bool cli_can_show_utf8(void);

/* Write one line to stderr, "troupe: " and the text, whatever the text holds. */
void cli_complain(const char *format, ...) TROUPE_PRINTF(1, 2);

/* See that all printed so far is written. False after saying why it is not. */
TROUPE_NODISCARD bool cli_flush(void);

/* `memory` itself, unless it is NULL: then says "out of memory" and exits with 1. A command
 * that serves one call has nothing better to do. */
void *cli_need(void *memory);

typedef enum cli_colour {
    CLI_PLAIN,
    CLI_GREEN,
    CLI_YELLOW,
    CLI_RED,
    CLI_BOLD,
    CLI_DIM,
} cli_colour_t;

/* Print text in a colour, or plain where colours are not wanted. */
void cli_print(cli_colour_t colour, const char *text);

/* The same into a stream, for what is gathered before it is shown on stdout. */
void cli_print_to(FILE *stream, cli_colour_t colour, const char *text);

#endif
