/* base/log_line.h - one event as one line of logfmt or JSON
 *
 * Pure. Whatever the texts contain, the line is valid UTF-8, ends with its only newline and
 * has no other control characters. It is never longer than a pipe takes in one piece, so lines
 * of several processes on one stderr do not mix. What does not fit is cut, and the line then
 * says so with a last field "cut".
 *
 * TR_LOG_PLAIN is for a process whose stderr another one reads and puts into its own log: it
 * has no time, and an event with a field "text" is nothing but that text.
 */

#ifndef TROUPE_BASE_LOG_LINE_H
#define TROUPE_BASE_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

/* PIPE_BUF on Linux. */
#define TR_LOG_LINE_MAX 4096

typedef struct tr_log_line {
    size_t size; /* with the newline; not NUL-terminated */
    bool is_cut;
    char bytes[TR_LOG_LINE_MAX];
} tr_log_line_t;

/* Write the line into `self`, whatever it was before. `wall_ms` is the time since 1970. */
void tr_log_line_write(tr_log_line_t *self, tr_log_format_t format, int64_t wall_ms,
                       tr_log_level_t level, const char *event, const tr_field_t *fields,
                       size_t n_fields);

/* "debug", "info", "warning", "error", "off". Constant. */
const char *tr_log_level_name(tr_log_level_t level);

#endif
