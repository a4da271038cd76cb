/* Both formats quote and escape like JSON; logfmt leaves out the quotes where it can. Fields
 * fill a line only up to TEXT_MAX. What lies behind that is kept for closing it, so that a
 * cut line ends like any other.
 */

#include "base/log_line.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TEXT_MAX (TR_LOG_LINE_MAX - 32)

/* "\\u001b" */
#define LONGEST_ESCAPE 6

/* A field begins only where its key fits with marks around it and a number. */
#define FIELD_ROOM 32

/* What stands for bytes that are no text. */
#define REPLACEMENT 0xfffd

static const char *const level_names[] = {
    [TR_LOG_DEBUG] = "debug", [TR_LOG_INFO] = "info", [TR_LOG_WARNING] = "warning",
    [TR_LOG_ERROR] = "error", [TR_LOG_OFF] = "off",
};

const char *tr_log_level_name(tr_log_level_t level)
{
    assert((size_t)level <= TR_LOG_OFF);
    return level_names[level];
}

/* The callers see to it that there is room. */
static void put_bytes(tr_log_line_t *self, const char *bytes, size_t size)
{
    assert(size <= TR_LOG_LINE_MAX - self->size);
    memcpy(self->bytes + self->size, bytes, size);
    self->size += size;
}

static void put(tr_log_line_t *self, const char *text)
{
    put_bytes(self, text, strlen(text));
}

/* Read one character; returns how many bytes it took. A byte that belongs to none is read as
 * the replacement. Stops before the NUL by itself, since that continues nothing. */
static size_t read_character(const char *text, uint32_t *code)
{
    static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};

    uint8_t lead = (uint8_t)text[0];
    if (lead < 0x80) {
        *code = lead;
        return 1;
    }
    *code = REPLACEMENT;
    size_t n_more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4) {
        return 1;
    }
    uint32_t value = lead & (0x3fu >> n_more);
    for (size_t i = 1; i <= n_more; i++) {
        uint8_t byte = (uint8_t)text[i];
        if ((byte & 0xc0) != 0x80) {
            return 1;
        }
        value = value << 6 | (byte & 0x3f);
    }
    bool is_surrogate = value >= 0xd800 && value <= 0xdfff;
    if (value < smallest[n_more] || value > 0x10ffff || is_surrogate) {
        return 1;
    }
    *code = value;
    return n_more + 1;
}

/* Control characters of both sets, and the two that some readers take for a newline. */
static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029;
}

static void put_character(tr_log_line_t *self, bool is_quoted, uint32_t code, const char *bytes,
                          size_t size)
{
    if (is_quoted && (code == '"' || code == '\\')) {
        put(self, "\\");
        put_bytes(self, bytes, 1);
    } else if (code == '\n') {
        put(self, "\\n");
    } else if (code == '\r') {
        put(self, "\\r");
    } else if (code == '\t') {
        put(self, "\\t");
    } else if (code == REPLACEMENT) {
        put(self, "\xef\xbf\xbd");
    } else if (is_control(code)) {
        char escaped[8];
        snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)code & 0xffff);
        put(self, escaped);
    } else {
        put_bytes(self, bytes, size);
    }
}

/* logfmt: a word of printable ASCII that no reader could take for something else. */
static bool is_bare(const char *text)
{
    for (const char *at = text; *at; at++) {
        if (*at <= ' ' || *at > '~' || strchr("=\"\\", *at)) {
            return false;
        }
    }
    return *text != '\0';
}

static void put_run(tr_log_line_t *self, bool is_quoted, const char *text)
{
    if (is_quoted) {
        put(self, "\"");
    }
    while (*text && !self->is_cut) {
        if (self->size + LONGEST_ESCAPE > TEXT_MAX) {
            self->is_cut = true;
            break;
        }
        uint32_t code;
        size_t size = read_character(text, &code);
        put_character(self, is_quoted, code, text, size);
        text += size;
    }
    if (is_quoted) {
        put(self, "\"");
    }
}

static void put_text(tr_log_line_t *self, tr_log_format_t format, const char *text)
{
    put_run(self, format == TR_LOG_JSON || !is_bare(text), text);
}

static void put_field(tr_log_line_t *self, tr_log_format_t format, tr_field_t field)
{
    if (self->is_cut || self->size + strlen(field.key) + FIELD_ROOM > TEXT_MAX) {
        self->is_cut = true;
        return;
    }
    bool is_first = self->size == 0;
    if (format == TR_LOG_JSON) {
        put(self, is_first ? "{\"" : ",\"");
        put(self, field.key);
        put(self, "\":");
    } else {
        put(self, is_first ? "" : " ");
        put(self, field.key);
        put(self, "=");
    }
    if (field.text) {
        put_text(self, format, field.text);
    } else {
        char number[24];
        snprintf(number, sizeof number, "%" PRId64, field.number);
        put(self, number);
    }
}

/* As RFC 3339 has it, in UTC. */
static void print_time(int64_t wall_ms, char *buffer, size_t size)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts = {0};
    gmtime_r(&seconds, &parts);
    size_t used = strftime(buffer, size, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(buffer + used, size - used, ".%03dZ", (int)(wall_ms % 1000));
}

static const char *find_text(const tr_field_t *fields, size_t n_fields)
{
    for (size_t i = 0; i < n_fields; i++) {
        if (fields[i].text && strcmp(fields[i].key, "text") == 0) {
            return fields[i].text;
        }
    }
    return NULL;
}

static void put_fields(tr_log_line_t *self, tr_log_format_t format, tr_log_level_t level,
                       const char *event, const tr_field_t *fields, size_t n_fields)
{
    put_field(self, format, TR_TEXT("level", tr_log_level_name(level)));
    put_field(self, format, TR_TEXT("event", event));
    for (size_t i = 0; i < n_fields; i++) {
        put_field(self, format, fields[i]);
    }
}

void tr_log_line_write(tr_log_line_t *self, tr_log_format_t format, int64_t wall_ms,
                       tr_log_level_t level, const char *event, const tr_field_t *fields,
                       size_t n_fields)
{
    assert(self && event && wall_ms >= 0 && (fields || n_fields == 0));
    self->size = 0;
    self->is_cut = false;

    const char *text = format == TR_LOG_PLAIN ? find_text(fields, n_fields) : NULL;
    if (text) {
        put_run(self, false, text);
    } else {
        if (format != TR_LOG_PLAIN) {
            char time[40];
            print_time(wall_ms, time, sizeof time);
            put_field(self, format, TR_TEXT("time", time));
        }
        put_fields(self, format, level, event, fields, n_fields);
    }
    if (self->is_cut) {
        put(self, format == TR_LOG_JSON ? ",\"cut\":true" : " cut=true");
    }
    put(self, format == TR_LOG_JSON ? "}\n" : "\n");
}
