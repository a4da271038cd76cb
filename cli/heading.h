/* cli/heading.h - the first lines about a node: who it is, how its memory stands, what is wrong
 */

#ifndef TROUPE_CLI_HEADING_H
#define TROUPE_CLI_HEADING_H

#include <stdio.h>

#include <msgpack.h>

/* Print what `state`, the node's account of itself, says of the node as a whole: "studio is
 * ready", then `more` and the end of the line, and one line about its memory if that is
 * bounded. */
void cli_heading_print(FILE *stream, const msgpack_object *state, const char *more);

/* Print a line for each capability that is not ready. */
void cli_heading_reasons(FILE *stream, const msgpack_object *state);

#endif
