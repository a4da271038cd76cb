/* base/log.h - structured lines on stderr that never stall the node
 *
 * A line is an event name and fields, written as logfmt (the default) or JSON. Writing
 * appends to a bounded buffer that a thread of its own empties, so a slow reader of
 * stderr costs lines, never time: what did not fit is counted and said in one line when
 * there is room again. Any thread.
 */

#ifndef TROUPE_BASE_LOG_H
#define TROUPE_BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>

typedef enum tr_log_level {
    TR_LOG_DEBUG,
    TR_LOG_INFO,
    TR_LOG_WARNING,
    TR_LOG_ERROR,
    TR_LOG_OFF, /* as a threshold: nothing */
} tr_log_level_t;

typedef enum tr_log_format {
    TR_LOG_LOGFMT,
    TR_LOG_JSON,
    TR_LOG_PLAIN, /* for a reader that stamps the lines itself: see base/log_line.h */
} tr_log_format_t;

typedef struct tr_field {
    const char *key;  /* [a-z_]+ */
    const char *text; /* NULL: the number counts */
    int64_t number;
} tr_field_t;

/* A function, so that an array may be passed without a warning that it is never NULL. */
static inline const char *tr_field_text(const char *text)
{
    return text ? text : "";
}

#define TR_TEXT(field_key, field_text)                                                         \
    ((tr_field_t){.key = (field_key), .text = tr_field_text(field_text)})
#define TR_NUMBER(field_key, field_number)                                                     \
    ((tr_field_t){.key = (field_key), .number = (int64_t)(field_number)})

/* tr_log (TR_LOG_INFO, "worker_ready", TR_TEXT ("worker", name), TR_NUMBER ("pid", pid)); */
#define tr_log(level, event, ...)                                                              \
    tr_log_write((level), (event), (const tr_field_t[]){__VA_ARGS__},                          \
                 sizeof((const tr_field_t[]){__VA_ARGS__}) / sizeof(tr_field_t))

/* Write one line: time, level, event, fields. Texts are copied, and quoted or escaped
 * as the format needs it, so that one event is always one line of valid UTF-8. */
void tr_log_write(tr_log_level_t level, const char *event, const tr_field_t *fields,
                  size_t n_fields);

/* Write only what is at least this important. Default: TR_LOG_INFO. */
void tr_log_set_level(tr_log_level_t level);

/* Find the level called `name` ("debug", "info", "warning", "error", "off"). TROUPE_NOT_FOUND
 * leaves *out alone. */
TROUPE_NODISCARD troupe_status_t tr_log_level_parse(const char *name, tr_log_level_t *out);

void tr_log_set_format(tr_log_format_t format);

/* Write to this descriptor instead of stderr (2). For tests and embedding programs; the
 * descriptor stays the caller's. */
void tr_log_set_descriptor(int descriptor);

/* Wait until all that was written so far has left, up to `timeout_ms`; TROUPE_TIMEOUT
 * when it has not. */
troupe_status_t tr_log_flush(int64_t timeout_ms);

/* How many lines were shed since the process began. */
uint64_t tr_log_n_shed(void);

#endif
