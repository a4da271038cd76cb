/* cli/frame.h - what fills a terminal: lines that stay, and others that are scrolled through
 *
 * Pure: text goes in, and the bytes that make a terminal of that size show it come out, to be
 * written in one go. Text may have the colours of cli_print_to, and no other codes.
 */

#ifndef TROUPE_CLI_FRAME_H
#define TROUPE_CLI_FRAME_H

#include <stddef.h>

#include <troupe/api.h>

/* All text is borrowed; lines end with '\n'. */
typedef struct cli_frame {
    const char *head;            /* stays at the top */
    const char *const *sections; /* one below the other with a line between; the first line of
                                    each is its title, and stays while its rows are scrolled */
    size_t n_sections;
    const char *foot; /* one line without an end, at the bottom */
    size_t rows;      /* of the terminal, one at least */
    size_t columns;
    size_t first; /* the line of the sections that is to come first */
} cli_frame_t;

/* How many lines of the sections fit at a time, and how many they are. */
size_t cli_frame_room(const cli_frame_t *self);
size_t cli_frame_n_lines(const cli_frame_t *self);

/* The bytes, to be released with free(). Of lines that are too long the end is left out. A
 * `first` beyond what fills the terminal counts as the last that does. */
TROUPE_NODISCARD char *cli_frame_draw(const cli_frame_t *self, size_t *size_out);

#endif
