/* cli/figures.h - numbers and words as a person reads them: sizes, times, rates, states */

#ifndef TROUPE_CLI_FIGURES_H
#define TROUPE_CLI_FIGURES_H

#include <stdint.h>

#include <troupe/api.h>

#include "cli/output.h"

enum { CLI_FIGURE = 32 }; /* bytes that any of them takes */

/* "512 B", "1.5 MiB", "180 MiB". */
void cli_show_size(double bytes, char text[static CLI_FIGURE]);

/* "73 us", "4.5 ms", "480 ms", "1.20 s": three digits that say something. */
void cli_show_time(int64_t ns, char text[static CLI_FIGURE]);

/* "9.5", "131", "10221": so many of something, or so many in a second. */
void cli_show_rate(double rate, char text[static CLI_FIGURE]);

/* "12 s", "3 min 20 s", "5 h 02 min", "12 d 4 h". */
void cli_show_age(int64_t ms, char text[static CLI_FIGURE]);

/* Green for what works, yellow for what will, or has been told not to; red for all else. */
cli_colour_t cli_state_colour(const char *state);

#endif
