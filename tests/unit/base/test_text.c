/* Each row is a text as somebody may write it. What is accepted is also printed and must come
 * out in its shortest form; what is refused must leave the caller's variable alone.
 */

#include "tests/kit/check.h"

#include <string.h>

#include "base/text.h"
#include "tests/kit/random.h"

/* One row, one text: what it means, and how it is printed again when that differs. */
struct duration {
    const char *text;
    troupe_status_t status;
    int64_t ms;
    const char *printed;
};

static void duration_is_read(void **state)
{
    const struct duration *row = *state;
    int64_t ms = -7;
    assert_status(tr_text_duration(row->text, &ms), row->status);
    if (row->status != TROUPE_OK) {
        assert_int_equal(ms, -7);
        return;
    }
    assert_int_equal(ms, row->ms);
    char buffer[32];
    assert_ptr_equal(tr_text_print_duration(ms, buffer, sizeof buffer), buffer);
    assert_string_equal(buffer, row->printed ? row->printed : row->text);
}

/* It is never printed. */
struct moment {
    const char *text;
    troupe_status_t status;
    int64_t us;
};

static void moment_is_read(void **state)
{
    const struct moment *row = *state;
    int64_t us = -7;
    assert_status(tr_text_moment(row->text, &us), row->status);
    assert_int_equal(us, row->status == TROUPE_OK ? row->us : -7);
}

struct size {
    const char *text;
    troupe_status_t status;
    uint64_t bytes;
    const char *printed;
};

static void size_is_read(void **state)
{
    const struct size *row = *state;
    uint64_t bytes = 7;
    assert_status(tr_text_size(row->text, &bytes), row->status);
    if (row->status != TROUPE_OK) {
        assert_int_equal(bytes, 7);
        return;
    }
    assert_true(bytes == row->bytes);
    char buffer[32];
    assert_ptr_equal(tr_text_print_size(bytes, buffer, sizeof buffer), buffer);
    assert_string_equal(buffer, row->printed ? row->printed : row->text);
}

struct cpus {
    const char *text;
    troupe_status_t status;
    const char *bits; /* of the first processors, '1' for those that are in */
};

static void cpus_are_read(void **state)
{
    const struct cpus *row = *state;
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(77, &cpus);
    assert_status(tr_text_cpus(row->text, &cpus), row->status);
    if (row->status != TROUPE_OK) {
        assert_int_equal(CPU_COUNT(&cpus), 1);
        return;
    }
    int n = 0;
    for (size_t i = 0; row->bits[i]; i++) {
        assert_int_equal(CPU_ISSET(i, &cpus) != 0, row->bits[i] == '1');
        n += row->bits[i] == '1';
    }
    assert_int_equal(CPU_COUNT(&cpus), n);
}

struct share {
    const char *text;
    troupe_status_t status;
    double share;
};

static void share_is_read(void **state)
{
    const struct share *row = *state;
    double share = 7;
    assert_status(tr_text_share(row->text, &share), row->status);
    double off = share - (row->status == TROUPE_OK ? row->share : 7);
    assert_true(off < 1e-12 && off > -1e-12);
}

struct number {
    const char *text;
    troupe_status_t status;
    int64_t number;
};

static void number_is_read(void **state)
{
    const struct number *row = *state;
    int64_t number = -7;
    assert_status(tr_text_number(row->text, &number), row->status);
    assert_int_equal(number, row->status == TROUPE_OK ? row->number : -7);
}

struct shown {
    uint64_t amount;
    const char *want;
};

static void duration_is_shown(void **state)
{
    const struct shown *row = *state;
    char buffer[32];
    assert_string_equal(tr_text_show_duration_us((int64_t)row->amount, buffer, sizeof buffer),
                        row->want);
}

static void size_is_shown(void **state)
{
    const struct shown *row = *state;
    char buffer[32];
    assert_string_equal(tr_text_show_size(row->amount, buffer, sizeof buffer), row->want);
}

/* For any amount, as far as it can be. */
static void what_is_printed_reads_as_it_was(void **state)
{
    (void)state;
    uint64_t seed = random_seed();
    for (size_t i = 0; i < 200000; i++) {
        char text[32];
        int64_t ms = random_number(&seed);
        int64_t ms_again = -1;
        uint64_t bytes = random_next(&seed) >> random_below(&seed, 64);
        uint64_t bytes_again = 0;
        assert_status(
            tr_text_duration(tr_text_print_duration(ms, text, sizeof text), &ms_again),
            TROUPE_OK);
        assert_int_equal(ms_again, ms);
        assert_status(tr_text_size(tr_text_print_size(bytes, text, sizeof text), &bytes_again),
                      TROUPE_OK);
        assert_int_equal(bytes_again, bytes);
    }
}

/* Lists of any processors, in any order and shape. */
static void processors_that_are_named_are_those(void **state)
{
    (void)state;
    uint64_t seed = random_seed();
    for (size_t i = 0; i < 2000; i++) {
        char text[400] = "";
        size_t length = 0;
        cpu_set_t want;
        cpu_set_t got;
        CPU_ZERO(&want);
        for (size_t n = 1 + random_below(&seed, 20); n > 0; n--) {
            size_t first = random_below(&seed, CPU_SETSIZE);
            size_t last = random_once_in(&seed, 2)
                              ? first
                              : first + random_below(&seed, CPU_SETSIZE - first);
            length += (size_t)snprintf(text + length, sizeof text - length,
                                       first == last ? "%s%zu" : "%s%zu-%zu",
                                       length > 0 ? "," : "", first, last);
            for (size_t k = first; k <= last; k++) {
                CPU_SET(k, &want);
            }
        }
        assert_status(tr_text_cpus(text, &got), TROUPE_OK);
        assert_true(CPU_EQUAL(&want, &got));
    }
}

static void a_small_buffer_is_not_overrun(void **state)
{
    (void)state;
    char buffer[5] = "....";
    assert_string_equal(tr_text_print_duration(123456, buffer, 4), "123");
    assert_int_equal(buffer[4], '\0');
    assert_string_equal(tr_text_show_size(1ull << 40, buffer, sizeof buffer), "1.0 ");
}

struct name {
    const char *text;
    bool is_name;
};

static void name_is_judged(void **state)
{
    const struct name *row = *state;
    assert_int_equal(tr_text_is_name(row->text), row->is_name);
}

struct words {
    const char *one;
    const char *other;
    size_t distance;
};

static void words_lie_apart(void **state)
{
    const struct words *row = *state;
    assert_int_equal(tr_text_distance(row->one, row->other), row->distance);
    assert_int_equal(tr_text_distance(row->other, row->one), row->distance);
}

#define LETTERS_32 "abcdefghijklmnopqrstuvwxyzabcdef"
#define OK         TROUPE_OK
#define INVALID    TROUPE_ERR_INVALID
#define LIMIT      TROUPE_LIMIT

/* clang-format off */
#define ROW(title, func, type, ...) \
    { .name = title, .test_func = func, .initial_state = &(struct type){__VA_ARGS__} }
#define DURATION(text, ...) ROW("duration '" text "'", duration_is_read, duration, text, __VA_ARGS__)
#define MOMENT(text, ...) ROW("moment '" text "'", moment_is_read, moment, text, __VA_ARGS__)
#define SIZE(text, ...) ROW("size '" text "'", size_is_read, size, text, __VA_ARGS__)
#define SHARE(text, ...) ROW("share '" text "'", share_is_read, share, text, __VA_ARGS__)
#define CPUS(text, ...) ROW("cpus '" text "'", cpus_are_read, cpus, text, __VA_ARGS__)
#define NUMBER(text, ...) ROW("number '" text "'", number_is_read, number, text, __VA_ARGS__)
#define SHOWN_US(us, want) ROW("a duration for eyes: " want, duration_is_shown, shown, us, want)
#define SHOWN_BYTES(bytes, want) ROW("a size for eyes: " want, size_is_shown, shown, bytes, want)
#define NAME(title, ...) ROW(title, name_is_judged, name, __VA_ARGS__)
#define WORDS(title, ...) ROW(title, words_lie_apart, words, __VA_ARGS__)
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        DURATION("250ms", OK, 250, NULL),
        DURATION("5s", OK, 5000, NULL),
        DURATION("10m", OK, 600000, NULL),
        DURATION("1h", OK, 3600000, NULL),
        DURATION("2d", OK, 172800000, NULL),
        DURATION("1.5s", OK, 1500, "1500ms"),
        DURATION("0.25h", OK, 900000, "15m"),
        DURATION("1.500000000s", OK, 1500, "1500ms"),
        DURATION("60s", OK, 60000, "1m"),
        DURATION("90s", OK, 90000, NULL),
        DURATION("007s", OK, 7000, "7s"),
        DURATION("0", OK, 0, NULL),
        DURATION("0s", OK, 0, "0"),
        DURATION("9223372036854775807ms", OK, INT64_MAX, NULL),
        DURATION("9223372036854775808ms", LIMIT, 0, NULL),
        DURATION("9223372036854775.807s", OK, INT64_MAX, "9223372036854775807ms"),
        DURATION("9223372036854775.808s", LIMIT, 0, NULL),
        DURATION("106751991168d", LIMIT, 0, NULL),
        DURATION("99999999999999999999s", LIMIT, 0, NULL),
        DURATION("18446744073709551616ms", LIMIT, 0, NULL),
        DURATION("99999999999999999999x", INVALID, 0, NULL),
        DURATION("5", INVALID, 0, NULL),
        DURATION("00", INVALID, 0, NULL),
        DURATION("", INVALID, 0, NULL),
        DURATION("s", INVALID, 0, NULL),
        DURATION("-5s", INVALID, 0, NULL),
        DURATION("+5s", INVALID, 0, NULL),
        DURATION(" 5s", INVALID, 0, NULL),
        DURATION("5 s", INVALID, 0, NULL),
        DURATION("5s ", INVALID, 0, NULL),
        DURATION("5S", INVALID, 0, NULL),
        DURATION("5sec", INVALID, 0, NULL),
        DURATION("1.5ms", INVALID, 0, NULL),
        DURATION("1.0005s", INVALID, 0, NULL),
        DURATION("1.0000000001s", INVALID, 0, NULL),
        DURATION(".5s", INVALID, 0, NULL),
        DURATION("1.s", INVALID, 0, NULL),
        DURATION("1.2.3s", INVALID, 0, NULL),
        DURATION("1,5s", INVALID, 0, NULL),
        DURATION("1e3s", INVALID, 0, NULL),
        DURATION("1h30m", INVALID, 0, NULL),

        MOMENT("50us", OK, 50),
        MOMENT("1ms", OK, 1000),
        MOMENT("0.5ms", OK, 500),
        MOMENT("1.25ms", OK, 1250),
        MOMENT("0.001ms", OK, 1),
        MOMENT("0", OK, 0),
        MOMENT("0us", OK, 0),
        MOMENT("007us", OK, 7),
        MOMENT("9223372036854775807us", OK, INT64_MAX),
        MOMENT("9223372036854775808us", LIMIT, 0),
        MOMENT("9223372036854776ms", LIMIT, 0),
        MOMENT("99999999999999999999us", LIMIT, 0),
        MOMENT("0.5us", INVALID, 0),
        MOMENT("0.0001ms", INVALID, 0),
        MOMENT("50", INVALID, 0),
        MOMENT("50 us", INVALID, 0),
        MOMENT("50US", INVALID, 0),
        MOMENT("1s", INVALID, 0),
        MOMENT("-1us", INVALID, 0),
        MOMENT("us", INVALID, 0),
        MOMENT("", INVALID, 0),

        SIZE("0", OK, 0, NULL),
        SIZE("0B", OK, 0, "0"),
        SIZE("512B", OK, 512, NULL),
        SIZE("512KiB", OK, 512ull << 10, NULL),
        SIZE("200MiB", OK, 200ull << 20, NULL),
        SIZE("4GiB", OK, 4ull << 30, NULL),
        SIZE("2TiB", OK, 2ull << 40, NULL),
        SIZE("1.5MiB", OK, 3ull << 19, "1536KiB"),
        SIZE("10kB", OK, 10000, NULL),
        SIZE("1MB", OK, 1000000, NULL),
        SIZE("3GB", OK, 3000000000, NULL),
        SIZE("1TB", OK, 1000000000000, NULL),
        SIZE("1001B", OK, 1001, NULL),
        SIZE("18446744073709551615B", OK, UINT64_MAX, NULL),
        SIZE("18446744073709551616B", LIMIT, 0, NULL),
        SIZE("16777215.5TiB", OK, 0xffffff8000000000, "17179868672GiB"),
        SIZE("16777216TiB", LIMIT, 0, NULL),
        SIZE("1024", INVALID, 0, NULL),
        SIZE("0.5B", INVALID, 0, NULL),
        SIZE("0.3KiB", INVALID, 0, NULL),
        SIZE("0.000001TiB", INVALID, 0, NULL),
        SIZE("1Kib", INVALID, 0, NULL),
        SIZE("1KB", INVALID, 0, NULL),
        SIZE("1G", INVALID, 0, NULL),
        SIZE("-1B", INVALID, 0, NULL),

        SHARE("80%", OK, 0.8),
        SHARE("0.5%", OK, 0.005),
        SHARE("12.25%", OK, 0.1225),
        SHARE("0%", OK, 0),
        SHARE("100%", OK, 1),
        SHARE("100.01%", LIMIT, 0),
        SHARE("0.125%", INVALID, 0),
        SHARE("80", INVALID, 0),
        SHARE("0", INVALID, 0),
        SHARE("80 %", INVALID, 0),
        SHARE("-1%", INVALID, 0),

        NUMBER("0", OK, 0),
        NUMBER("42", OK, 42),
        NUMBER("9223372036854775807", OK, INT64_MAX),
        NUMBER("9223372036854775808", LIMIT, 0),
        NUMBER("18446744073709551617", LIMIT, 0),
        NUMBER("", INVALID, 0),
        NUMBER("-1", INVALID, 0),
        NUMBER("+1", INVALID, 0),
        NUMBER("1.0", INVALID, 0),
        NUMBER("0x10", INVALID, 0),
        NUMBER("1 ", INVALID, 0),

        CPUS("0", OK, "1"),
        CPUS("0,2", OK, "101"),
        CPUS("1-3", OK, "0111"),
        CPUS("0-1,3-3,1", OK, "1101"),
        CPUS("1024", LIMIT, NULL),
        CPUS("0-99999999999999999999", LIMIT, NULL),
        CPUS("", INVALID, NULL),
        CPUS("3-1", INVALID, NULL),
        CPUS("1,", INVALID, NULL),
        CPUS("1-", INVALID, NULL),
        CPUS("-1", INVALID, NULL),
        CPUS("1 2", INVALID, NULL),
        CPUS("all", INVALID, NULL),

        SHOWN_US(0, "0 us"),
        SHOWN_US(999, "999 us"),
        SHOWN_US(1200, "1.2 ms"),
        SHOWN_US(9999, "9.9 ms"),
        SHOWN_US(10000, "10 ms"),
        SHOWN_US(12900, "12 ms"),
        SHOWN_US(999999, "999 ms"),
        SHOWN_US(3400000, "3.4 s"),
        SHOWN_US(90000000, "1.5 m"),
        SHOWN_US(7200000000, "2.0 h"),
        SHOWN_US(86400000000 * 30, "30 d"),
        ROW("a negative duration is none", duration_is_shown, shown, UINT64_MAX, "0 us"),
        SHOWN_BYTES(0, "0 B"),
        SHOWN_BYTES(1023, "1023 B"),
        SHOWN_BYTES(1536, "1.5 KiB"),
        SHOWN_BYTES(12ull << 20, "12 MiB"),
        SHOWN_BYTES(UINT64_MAX, "16777215 TiB"),
        cmocka_unit_test(what_is_printed_reads_as_it_was),
        cmocka_unit_test(processors_that_are_named_are_those),
        cmocka_unit_test(a_small_buffer_is_not_overrun),

        NAME("a word is a name", "vision", true),
        NAME("a name has letters, digits, dots, bars and dashes", "A.b_c-9", true),
        NAME("a name may begin with a digit", "3d", true),
        NAME("a single letter is a name", "x", true),
        NAME("64 letters are a name", LETTERS_32 LETTERS_32, true),
        NAME("65 letters are none", LETTERS_32 LETTERS_32 "x", false),
        NAME("nothing is no name", "", false),
        NAME("a name does not begin with a dash", "-x", false),
        NAME("a name does not begin with a dot", ".x", false),
        NAME("a name has no space", "a b", false),
        NAME("a name has no dollar", "a$", false),
        NAME("a name has no letters beyond ASCII", "caf\xc3\xa9", false),

        WORDS("a word is itself", "timeout", "timeout", 0),
        WORDS("nothing is nothing", "", "", 0),
        WORDS("nothing is as far as the word is long", "", "abc", 3),
        WORDS("one letter missing", "keep-aliv", "keep-alive", 1),
        WORDS("one letter wrong", "bind", "bond", 1),
        WORDS("two letters swapped count once", "min", "mni", 1),
        WORDS("the first two letters swapped too", "imn", "min", 1),
        WORDS("swapped and one missing", "tiemout", "timeou", 2),
        WORDS("swapped at the end of long words", "health-intervla", "health-interval", 1),
        WORDS("nothing in common", "abc", "xyz", 3),
        WORDS("32 letters are compared", LETTERS_32, "xbcdefghijklmnopqrstuvwxyzabcdef", 1),
        WORDS("33 letters are too many", LETTERS_32 "x", LETTERS_32 "x", 99),
    };
    return cmocka_run_group_tests_name("base/text", tests, NULL, NULL) != 0;
}
