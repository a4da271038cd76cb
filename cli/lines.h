/* cli/lines.h - questions to a node whose answer is lines for people */

#ifndef TROUPE_CLI_LINES_H
#define TROUPE_CLI_LINES_H

#include "cli/session.h"

/* Call a method of the node's own capability and print the lines that it answers, on stdout;
 * problems, each a line, go to stderr. Takes the message (NULL: none). Returns what to exit
 * with: the second frame of the answer, if there is one, says how many lines tell of a failure.
 */
int cli_ask_for_lines(const cli_target_t *target, const char *method, int64_t timeout_ms,
                      troupe_message_t **message_p);

#endif
