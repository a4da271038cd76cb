/* Events as lines of the log, and metrics as text for Prometheus: with any texts in them they
 * can be read.
 *
 * The input is a byte of options, and then fields, one after the other: a byte of kind, a byte
 * of length, and the text.
 */

#include "tests/fuzz/target.h"

#include "base/log_line.h"
#include "node/http/exposition.h"
#include "tests/kit/valid.h"

#define MOST_FIELDS 16

typedef struct fields {
    tr_field_t all[MOST_FIELDS];
    char *texts[MOST_FIELDS];
    size_t n;
} fields_t;

static void read_fields(input_t *input, fields_t *fields)
{
    static const char *const keys[MOST_FIELDS] = {"a", "text", "c", "why", "e", "f", "g", "h",
                                                  "i", "j",    "k", "l",   "m", "n", "o", "p"};
    while (input->left > 0 && fields->n < MOST_FIELDS) {
        uint8_t kind = take_byte(input);
        size_t length = take_byte(input);
        tr_span_t span = take_bytes(input, kind & 2 ? length * 20 : length);
        const char *key = keys[fields->n];
        fields->texts[fields->n] = text_of(span.data, span.size);
        fields->all[fields->n] = kind & 1 ? TR_NUMBER(key, INT64_MIN + kind)
                                          : TR_TEXT(key, fields->texts[fields->n]);
        fields->n++;
    }
}

static void is_a_line(uint8_t options, const fields_t *fields)
{
    static const tr_log_format_t formats[] = {TR_LOG_JSON, TR_LOG_LOGFMT, TR_LOG_PLAIN};
    tr_log_format_t format = formats[options % 3];
    tr_log_line_t line;
    tr_log_line_write(&line, format, 1700000000123, (tr_log_level_t)(options / 3 % 4), "event",
                      fields->all, fields->n);
    HOLDS(line.size > 0 && line.size <= TR_LOG_LINE_MAX);
    HOLDS(memchr(line.bytes, '\n', line.size) == line.bytes + line.size - 1);
    HOLDS(is_utf8(line.bytes, line.size));
    HOLDS(format != TR_LOG_JSON || is_json(line.bytes, line.size));
    for (size_t i = 0; i + 1 < line.size; i++) {
        HOLDS((unsigned char)line.bytes[i] >= 0x20 && line.bytes[i] != 0x7f);
    }
}

static void is_a_page(const fields_t *fields)
{
    static const char *const families[] = {"calls_total", "open", "took"};
    tr_metrics_t *metrics = tr_metrics_new();
    HOLDS(metrics);
    for (size_t i = 0; i + 1 < fields->n; i++) {
        tr_metric_kind_t kind = (tr_metric_kind_t)(i % 3);
        tr_metric_t *metric =
            tr_metrics_series(metrics, kind, families[kind], "Some \\ \"help\".\nMore.",
                              (tr_label_t){"first", fields->texts[i]},
                              (tr_label_t){i & 1 ? "second" : NULL, fields->texts[i + 1]});
        HOLDS(metric);
        if (kind == TR_METRIC_HISTOGRAM) {
            tr_metric_observe_us(metric, (int64_t)i * 1000);
        } else {
            tr_metric_add(metric, (int64_t)i);
        }
    }
    tr_builder_t builder = {0};
    size_t size;
    tr_exposition_metrics(&builder, metrics);
    char *text = tr_builder_take(&builder, &size);
    HOLDS(text && is_exposition(text, size));
    free(text);
    tr_metrics_destroy(&metrics);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    fields_t fields = {.n = 0};
    uint8_t options = take_byte(&input);
    read_fields(&input, &fields);
    is_a_line(options, &fields);
    if (options & 0x80) {
        is_a_page(&fields);
    }
    for (size_t i = 0; i < fields.n; i++) {
        free(fields.texts[i]);
    }
    return 0;
}
