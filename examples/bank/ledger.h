/* ledger.h - a file of lines that is only ever appended to
 *
 * What was written is on the disk when ledger_write returns. A line that was being written when
 * the program was killed is no line: the next one to open the ledger cuts it off.
 */

#ifndef LEDGER_H
#define LEDGER_H

#include <stdbool.h>

/* Called for each line, in order. */
typedef void(ledger_line_fn)(void *arg, const char *line);

/* Read FOLDER/NAME, or make it, and return a descriptor to append to, to be closed; -1 when the
 * system refuses. */
int ledger_open(const char *folder, const char *name, ledger_line_fn *on_line, void *arg);

/* Append a line. False when it may not be there. */
bool ledger_write(int ledger, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
