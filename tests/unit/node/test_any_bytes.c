/* Whatever bytes are put into an event, a name of a metric or a document, what is written of
 * them can be read by a strict reader of that format: lines of the log, JSON, metrics.
 */

#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log_line.h"
#include "node/http/exposition.h"
#include "tests/kit/random.h"
#include "tests/kit/valid.h"

#define N_ROUNDS    3000
#define MOST_FIELDS 20
#define MOST_TEXT   600

static uint64_t random_state;

static int set_seed(void **state)
{
    (void)state;
    random_state = random_seed();
    return 0;
}

/* Any bytes but NUL, or such as writers must look at: marks, controls, pieces of UTF-8. */
static void make_text(char *text, size_t most)
{
    static const char *const pieces[] = {
        "\"",       "\\",
        "\n",       "\r",
        "\t",       "\x1b[31m",
        "=",        " ",
        "\xc2\x85", "\xc3",
        "\xff",     "\xe2\x80\xa8",
        "\xed\xa0", "\xf4\x90\x80",
        "a",        "\x7f",
        "\\u0000",  "{",
        "}",        "\xef\xbf\xbd",
        "\xc0\x80", "#",
        ",",        "1",
    };
    size_t size = random_below(&random_state, most);
    if (random_once_in(&random_state, 2)) {
        random_bytes(&random_state, text, size, true);
        text[size] = '\0';
        return;
    }
    text[0] = '\0';
    for (size_t length = 0; length + 8 < size; length = strlen(text)) {
        strcpy(text + length,
               pieces[random_below(&random_state, sizeof pieces / sizeof pieces[0])]);
    }
}

static void any_event_is_one_line(void **state)
{
    (void)state;
    static const tr_log_format_t formats[] = {TR_LOG_LOGFMT, TR_LOG_JSON, TR_LOG_PLAIN};
    static char texts[MOST_FIELDS][MOST_TEXT];
    for (size_t round = 0; round < N_ROUNDS; round++) {
        tr_field_t fields[MOST_FIELDS];
        size_t n = random_below(&random_state, MOST_FIELDS + 1);
        for (size_t i = 0; i < n; i++) {
            make_text(texts[i], MOST_TEXT);
            fields[i] = random_once_in(&random_state, 4)
                            ? TR_NUMBER("number", -random_number(&random_state))
                            : TR_TEXT("text", texts[i]);
        }
        for (size_t i = 0; i < 3; i++) {
            static tr_log_line_t line;
            tr_log_line_write(&line, formats[i], 1700000000000, TR_LOG_INFO, "event", fields,
                              n);
            assert_true(line.size <= TR_LOG_LINE_MAX);
            assert_ptr_equal(memchr(line.bytes, '\n', line.size), line.bytes + line.size - 1);
            assert_true(is_utf8(line.bytes, line.size));
            assert_true(formats[i] != TR_LOG_JSON || is_json(line.bytes, line.size));
        }
    }
}

/* A document of any shape, with any bytes in it; to be finished with its zone. */
static void make_object(msgpack_zone *zone, int depth, msgpack_object *out)
{
    char *text = msgpack_zone_malloc(zone, MOST_TEXT);
    size_t n = random_below(&random_state, 5);
    make_text(text, 40);
    *out = (msgpack_object){.type = MSGPACK_OBJECT_NIL};
    switch (random_below(&random_state, depth > 0 ? 14 : 8)) {
    case 0:
        *out = (msgpack_object){MSGPACK_OBJECT_BOOLEAN, {.boolean = n & 1}};
        break;
    case 1:
        *out = (msgpack_object){MSGPACK_OBJECT_POSITIVE_INTEGER,
                                {.u64 = random_next(&random_state)}};
        break;
    case 2:
        *out = (msgpack_object){MSGPACK_OBJECT_NEGATIVE_INTEGER,
                                {.i64 = -random_number(&random_state) - 1}};
        break;
    case 3:
        out->type = MSGPACK_OBJECT_FLOAT64;
        random_bytes(&random_state, &out->via.f64, sizeof out->via.f64, false);
        break;
    case 4:
        *out = (msgpack_object){MSGPACK_OBJECT_STR, {.str = {(uint32_t)strlen(text), text}}};
        break;
    case 5:
        random_bytes(&random_state, text, 40, false);
        *out = (msgpack_object){MSGPACK_OBJECT_BIN,
                                {.bin = {(uint32_t)random_below(&random_state, 40), text}}};
        break;
    case 6:
        *out = (msgpack_object){
            MSGPACK_OBJECT_EXT,
            {.ext = {(int8_t)random_next(&random_state), (uint32_t)strlen(text), text}}};
        break;
    case 8:
    case 9:
    case 10:
        out->type = MSGPACK_OBJECT_ARRAY;
        out->via.array.size = (uint32_t)n;
        out->via.array.ptr = msgpack_zone_malloc(zone, (n + 1) * sizeof *out);
        for (size_t i = 0; i < n; i++) {
            make_object(zone, depth - 1, &out->via.array.ptr[i]);
        }
        break;
    case 11:
    case 12:
    case 13:
        out->type = MSGPACK_OBJECT_MAP;
        out->via.map.size = (uint32_t)n;
        out->via.map.ptr = msgpack_zone_malloc(zone, (n + 1) * sizeof *out->via.map.ptr);
        for (size_t i = 0; i < n; i++) {
            make_object(zone, depth - 1, &out->via.map.ptr[i].key);
            make_object(zone, depth - 1, &out->via.map.ptr[i].val);
        }
        break;
    default:
        break;
    }
}

static void any_document_is_json(void **state)
{
    (void)state;
    for (size_t round = 0; round < N_ROUNDS; round++) {
        msgpack_zone *zone = msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE);
        msgpack_object object;
        make_object(zone, 6, &object);
        tr_builder_t builder = {0};
        size_t size;
        tr_json_object(&builder, &object);
        char *text = tr_builder_take(&builder, &size);
        if (!is_json(text, size) || memchr(text, '\n', size)) {
            fail_msg("%s", text);
        }
        free(text);
        msgpack_zone_free(zone);
    }
}

static void any_labels_are_a_page(void **state)
{
    (void)state;
    static const char *const families[] = {"calls_total", "depth", "lasted_seconds"};
    for (size_t round = 0; round < N_ROUNDS / 10; round++) {
        tr_metrics_t *metrics = tr_metrics_new();
        for (size_t n = random_below(&random_state, 20); n > 0; n--) {
            char first[MOST_TEXT];
            char second[MOST_TEXT];
            size_t kind = random_below(&random_state, 3);
            make_text(first, 60);
            make_text(second, 60);
            tr_metric_t *metric = tr_metrics_series(
                metrics, (tr_metric_kind_t)kind, families[kind], "Help \\ with\nlines.",
                (tr_label_t){"one", first},
                (tr_label_t){random_once_in(&random_state, 2) ? "two" : NULL, second});
            if (kind == TR_METRIC_HISTOGRAM) {
                tr_metric_observe_us(metric, random_number(&random_state) >> 20);
            } else {
                tr_metric_add(metric, random_number(&random_state) >> 10);
            }
        }
        tr_builder_t builder = {0};
        size_t size;
        tr_exposition_metrics(&builder, metrics);
        char *text = tr_builder_take(&builder, &size);
        if (text && !is_exposition(text, size)) {
            fail_msg("%s", text);
        }
        free(text);
        tr_metrics_destroy(&metrics);
    }
}

/* The readers themselves are strict. */
static void what_is_wrong_is_not_taken(void **state)
{
    (void)state;
    static const char *const texts[] = {"",       "{",           "[1,]",     "{\"a\"}", "{a:1}",
                                        "\"\n\"", "\"\\x\"",     "01",       "1.",      "nul",
                                        "1 2",    "\"\xff\"",    "+1",       "\"",      "[1 2]",
                                        "{1:2}",  "\"\\u12g4\"", "[\"a\",]", "-",       "1e"};
    static const char *const pages[] = {
        "a 1\n",
        "# TYPE a gauge\nb 1\n",
        "# TYPE a gauge\na{b=\"c} 1\n",
        "# TYPE a gauge\na{b=\"\\x\"} 1\n",
        "# TYPE a gauge\na{b=\"c\",} 1\n",
        "# TYPE a gauge\na{b=\"c\nd\"} 1\n",
        "# TYPE a gauge\na{b=\"\xff\"} 1\n",
        "# TYPE a gauge\na 1",
        "# TYPE a gauge\na x\n",
        "# TYPE a thing\n",
        "\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (is_json(texts[i], strlen(texts[i]))) {
            fail_msg("%s is no JSON", texts[i]);
        }
    }
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (is_exposition(pages[i], strlen(pages[i]))) {
            fail_msg("%s are no metrics", pages[i]);
        }
    }
    static const char text[] = " {\"a\": [1, -2.5e+3, \"\\u00e4\\n\", true, null, {}]} ";
    static const char page[] = "# HELP a b\n# TYPE a gauge\na{b=\"\\\\\\\"\\n\"} -1.5\n";
    assert_true(is_json(text, sizeof text - 1));
    assert_true(is_exposition(page, sizeof page - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_not_taken),
        cmocka_unit_test_setup(any_event_is_one_line, set_seed),
        cmocka_unit_test_setup(any_document_is_json, set_seed),
        cmocka_unit_test_setup(any_labels_are_a_page, set_seed),
    };
    return cmocka_run_group_tests_name("node/any_bytes", tests, NULL, NULL) != 0;
}
