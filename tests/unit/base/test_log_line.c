/* Rows give the fields and the whole line. Beyond the rows, any bytes at all must come out as
 * one line of valid UTF-8; iconv is the judge of that.
 */

#include "tests/kit/check.h"

#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_line.h"

/* 2024-02-29 12:34:56.078 */
#define LEAP_DAY_MS 1709210096078

struct line {
    tr_log_format_t format;
    tr_field_t field;
    const char *want; /* after time, level and event */
};

static void line_is(const tr_log_line_t *line, const char *want)
{
    assert_in_range(line->size, 1, TR_LOG_LINE_MAX);
    char *text = strndup(line->bytes, line->size);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

static void line_reads(void **state)
{
    const struct line *row = *state;
    const char *frame = row->format == TR_LOG_JSON
                            ? "{\"time\":\"2024-02-29T12:34:56.078Z\",\"level\":\"info\","
                              "\"event\":\"told\",%s}\n"
                            : "time=2024-02-29T12:34:56.078Z level=info event=told %s\n";
    char want[TR_LOG_LINE_MAX];
    snprintf(want, sizeof want, frame, row->want);

    static tr_log_line_t line;
    tr_log_line_write(&line, row->format, LEAP_DAY_MS, TR_LOG_INFO, "told", &row->field, 1);
    line_is(&line, want);
}

static void fields_follow_each_other(void **state)
{
    (void)state;
    const tr_field_t fields[] = {TR_TEXT("worker", "ocr-1"), TR_NUMBER("pid", 77),
                                 TR_TEXT("why", NULL)};
    tr_log_line_t line;
    tr_log_line_write(&line, TR_LOG_LOGFMT, 0, TR_LOG_ERROR, "worker lost", fields, 3);
    line_is(&line, "time=1970-01-01T00:00:00.000Z level=error event=\"worker lost\" "
                   "worker=ocr-1 pid=77 why=\"\"\n");
    tr_log_line_write(&line, TR_LOG_JSON, 0, TR_LOG_ERROR, "worker lost", fields, 3);
    line_is(&line, "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"error\","
                   "\"event\":\"worker lost\",\"worker\":\"ocr-1\",\"pid\":77,\"why\":\"\"}\n");
}

static void plain_lines_leave_the_stamp_to_their_reader(void **state)
{
    (void)state;
    const tr_field_t said[] = {TR_TEXT("worker", "ocr-1"),
                               TR_TEXT("text", "it said \"a=b\",\nC:\\tmp")};
    const tr_field_t other[] = {TR_TEXT("worker", "ocr 1"), TR_NUMBER("text", 5)};
    tr_log_line_t line;
    tr_log_line_write(&line, TR_LOG_PLAIN, 0, TR_LOG_INFO, "worker_says", said, 2);
    line_is(&line, "it said \"a=b\",\\nC:\\tmp\n");
    tr_log_line_write(&line, TR_LOG_PLAIN, 0, TR_LOG_ERROR, "finished_twice", other, 2);
    line_is(&line, "level=error event=finished_twice worker=\"ocr 1\" text=5\n");
}

static void an_event_needs_no_fields(void **state)
{
    (void)state;
    tr_log_line_t line;
    tr_log_line_write(&line, TR_LOG_LOGFMT, 999, TR_LOG_DEBUG, "tick", NULL, 0);
    line_is(&line, "time=1970-01-01T00:00:00.999Z level=debug event=tick\n");
    tr_log_line_write(&line, TR_LOG_JSON, 999, TR_LOG_WARNING, "tick", NULL, 0);
    line_is(&line, "{\"time\":\"1970-01-01T00:00:00.999Z\",\"level\":\"warning\","
                   "\"event\":\"tick\"}\n");
}

static bool ends_with(const tr_log_line_t *line, const char *end)
{
    size_t size = strlen(end);
    return line->size >= size && memcmp(line->bytes + line->size - size, end, size) == 0;
}

static void assert_one_line_of_utf8(const tr_log_line_t *line)
{
    assert_in_range(line->size, 1, TR_LOG_LINE_MAX);
    for (size_t i = 0; i + 1 < line->size; i++) {
        assert_true((unsigned char)line->bytes[i] >= ' ' && line->bytes[i] != 0x7f);
    }
    assert_int_equal(line->bytes[line->size - 1], '\n');

    static char wide[4 * TR_LOG_LINE_MAX];
    char *in = (char *)line->bytes;
    char *out = wide;
    size_t n_in = line->size;
    size_t n_out = sizeof wide;
    iconv_t judge = iconv_open("UCS-4LE", "UTF-8");
    assert_true(judge != (iconv_t)-1);
    size_t verdict = iconv(judge, &in, &n_in, &out, &n_out);
    iconv_close(judge);
    assert_int_equal(verdict, 0);
    assert_int_equal(n_in, 0);
}

/* Filled with a character that is escaped to as much as can be, at each possible offset. */
static void what_is_too_long_is_cut_and_says_so(void **state)
{
    (void)state;
    static const char *const fillings[] = {"a", "\"", "\xc3\xa9", "\xf0\x9f\x8e\xad", "\x1b"};
    static tr_log_line_t line;
    for (size_t i = 0; i < sizeof fillings / sizeof fillings[0]; i++) {
        for (size_t offset = 0; offset < 8; offset++) {
            static char text[3 * TR_LOG_LINE_MAX];
            memset(text, ' ', sizeof text);
            size_t size = strlen(fillings[i]);
            for (size_t at = offset; at + size < sizeof text; at += size) {
                memcpy(text + at, fillings[i], size);
            }
            text[sizeof text - 1] = '\0';
            const tr_field_t fields[] = {TR_TEXT("long", text), TR_TEXT("lost", "x")};

            tr_log_line_write(&line, TR_LOG_LOGFMT, 0, TR_LOG_INFO, "told", fields, 2);
            assert_one_line_of_utf8(&line);
            assert_true(ends_with(&line, offset || i ? "\" cut=true\n" : "a cut=true\n"));
            assert_null(memmem(line.bytes, line.size, "lost", 4));
            tr_log_line_write(&line, TR_LOG_JSON, 0, TR_LOG_INFO, "told", fields, 2);
            assert_one_line_of_utf8(&line);
            assert_true(ends_with(&line, "\",\"cut\":true}\n"));
        }
    }
}

static void too_many_fields_are_cut_between_two(void **state)
{
    (void)state;
    enum { N = 400 };
    static tr_field_t fields[N];
    for (size_t i = 0; i < N; i++) {
        fields[i] = TR_NUMBER("number_of_something", INT64_MIN);
    }
    tr_log_line_t line;
    tr_log_line_write(&line, TR_LOG_LOGFMT, 0, TR_LOG_INFO, "told", fields, N);
    assert_one_line_of_utf8(&line);
    assert_true(ends_with(&line, "number_of_something=-9223372036854775808 cut=true\n"));
    tr_log_line_write(&line, TR_LOG_JSON, 0, TR_LOG_INFO, "told", fields, N);
    assert_one_line_of_utf8(&line);
    assert_true(
        ends_with(&line, "\"number_of_something\":-9223372036854775808,\"cut\":true}\n"));
}

/* Random bytes, mostly such as begin or continue a character. */
static void any_bytes_come_out_as_one_line_of_utf8(void **state)
{
    (void)state;
    static const unsigned char awkward[] = {0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0x80, 0x9f,
                                            0xa0, 0xbf, 0x90, 0x8f, '"',  '\\', '\n', 0x1b};
    static tr_log_line_t line;
    uint64_t random = 7;
    for (int round = 0; round < 20000; round++) {
        char text[24];
        for (size_t i = 0; i + 1 < sizeof text; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            unsigned pick = (unsigned)(random >> 40);
            text[i] = (char)(pick & 0x300 ? awkward[pick & 15] : pick & 0xff);
        }
        text[sizeof text - 1] = '\0';
        const tr_field_t field = TR_TEXT("any", text);
        tr_log_line_write(&line, round % 2 ? TR_LOG_JSON : TR_LOG_LOGFMT, 0, TR_LOG_INFO,
                          "told", &field, 1);
        assert_one_line_of_utf8(&line);
    }
}

static void levels_have_names(void **state)
{
    (void)state;
    assert_string_equal(tr_log_level_name(TR_LOG_DEBUG), "debug");
    assert_string_equal(tr_log_level_name(TR_LOG_OFF), "off");
}

#define WHAT "\xef\xbf\xbd"

/* clang-format off */
#define ROW(title, format, value, expected) \
    { .name = title, .test_func = line_reads, \
      .initial_state = &(struct line){format, TR_TEXT("text", value), expected} }
#define LOGFMT(title, value, expected) ROW("logfmt: " title, TR_LOG_LOGFMT, value, "text=" expected)
#define JSON(title, value, expected) \
    ROW("JSON: " title, TR_LOG_JSON, value, "\"text\":\"" expected "\"")
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOGFMT("a word stands alone", "ocr-1", "ocr-1"),
        LOGFMT("an address stands alone", "tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555"),
        LOGFMT("a space needs quotes", "a b", "\"a b\""),
        LOGFMT("nothing needs quotes", "", "\"\""),
        LOGFMT("an equals sign needs quotes", "a=b", "\"a=b\""),
        LOGFMT("a quote is escaped", "say \"x\"", "\"say \\\"x\\\"\""),
        LOGFMT("a quote alone is escaped", "\"", "\"\\\"\""),
        LOGFMT("a backslash is escaped", "a\\b", "\"a\\\\b\""),
        LOGFMT("a newline is escaped", "a\nb", "\"a\\nb\""),
        LOGFMT("an escape sequence is escaped", "\x1b[31m", "\"\\u001b[31m\""),
        LOGFMT("letters beyond ASCII are kept", "caf\xc3\xa9", "\"caf\xc3\xa9\""),
        LOGFMT("what is no text is replaced", "a\xff", "\"a" WHAT "\""),
        LOGFMT("a delete is escaped", "a\x7f", "\"a\\u007f\""),
        JSON("a word", "ocr-1", "ocr-1"),
        JSON("nothing", "", ""),
        JSON("tab, return, newline", "\t\r\n", "\\t\\r\\n"),
        JSON("other control characters", "\x01\x1f\x7f", "\\u0001\\u001f\\u007f"),
        JSON("control characters beyond ASCII", "\xc2\x80\xc2\x9f", "\\u0080\\u009f"),
        JSON("the first letter after them", "\xc2\xa0", "\xc2\xa0"),
        JSON("the line and paragraph separators", "\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029"),
        JSON("quote and backslash", "\"\\", "\\\"\\\\"),
        JSON("two, three and four bytes", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xad",
             "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xad"),
        JSON("the last character", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"),
        JSON("beyond the last", "\xf4\x90\x80\x80", WHAT WHAT WHAT WHAT),
        JSON("no such lead byte", "\xf5\xc0\xc1", WHAT WHAT WHAT),
        JSON("a continuation without lead", "\x80x", WHAT "x"),
        JSON("a lead without continuation", "\xe2\x82", WHAT WHAT),
        JSON("a lead before a letter", "\xc3x", WHAT "x"),
        JSON("a slash in three bytes", "\xe0\x80\xaf", WHAT WHAT WHAT),
        JSON("a letter in four bytes", "\xf0\x80\x80\xaf", WHAT WHAT WHAT WHAT),
        JSON("half a surrogate pair", "\xed\xa0\x80", WHAT WHAT WHAT),
        JSON("the last before surrogates", "\xed\x9f\xbf", "\xed\x9f\xbf"),
        JSON("the replacement itself", WHAT, WHAT),
        cmocka_unit_test(fields_follow_each_other),
        cmocka_unit_test(plain_lines_leave_the_stamp_to_their_reader),
        cmocka_unit_test(an_event_needs_no_fields),
        cmocka_unit_test(what_is_too_long_is_cut_and_says_so),
        cmocka_unit_test(too_many_fields_are_cut_between_two),
        cmocka_unit_test(any_bytes_come_out_as_one_line_of_utf8),
        cmocka_unit_test(levels_have_names),
    };
    return cmocka_run_group_tests_name("base/log_line", tests, NULL, NULL) != 0;
}
