#include "tests/kit/check.h"

#include "cli/figures.h"

/* One row, one story: a number, and how it reads. */
struct story {
    void (*show)(double number, char text[static CLI_FIGURE]);
    double number;
    const char *text;
};

static void show_size(double number, char text[static CLI_FIGURE])
{
    cli_show_size(number, text);
}

static void show_time(double number, char text[static CLI_FIGURE])
{
    cli_show_time((int64_t)number, text);
}

static void show_rate(double number, char text[static CLI_FIGURE])
{
    cli_show_rate(number, text);
}

static void show_age(double number, char text[static CLI_FIGURE])
{
    cli_show_age((int64_t)number, text);
}

static void story_holds(void **state)
{
    const struct story *story = *state;
    char text[CLI_FIGURE];
    story->show(story->number, text);
    assert_string_equal(text, story->text);
}

static void states_have_colours(void **state)
{
    (void)state;
    assert_int_equal(cli_state_colour("processing"), CLI_GREEN);
    assert_int_equal(cli_state_colour("loading"), CLI_YELLOW);
    assert_int_equal(cli_state_colour("hung"), CLI_RED);
    assert_int_equal(cli_state_colour(""), CLI_RED);
}

/* clang-format off */
#define STORY(kind, number, text) \
    { .name = #kind " " text, .test_func = story_holds, \
      .initial_state = &(struct story){show_##kind, number, text} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(size, 0, "0 B"),
        STORY(size, 1023, "1023 B"),
        STORY(size, 1536, "1.5 KiB"),
        STORY(size, 180.0 * (1 << 20), "180 MiB"),
        STORY(size, 18446744073709551615.0, "16 EiB"),
        STORY(time, 0, "0 us"),
        STORY(time, 73000, "73 us"),
        STORY(time, 999400, "999 us"),
        STORY(time, 999600, "1.0 ms"),
        STORY(time, 12340000, "12.3 ms"),
        STORY(time, 480000000, "480 ms"),
        STORY(time, 999600000, "1.00 s"),
        STORY(time, 12340000000, "12.3 s"),
        STORY(time, 3600000000000, "3600 s"),
        STORY(rate, 0, "0.0"),
        STORY(rate, 9.94, "9.9"),
        STORY(rate, 9.96, "10"),
        STORY(rate, 10221.4, "10221"),
        STORY(age, 59999, "59 s"),
        STORY(age, 200000, "3 min 20 s"),
        STORY(age, 18120000, "5 h 02 min"),
        STORY(age, 1051200000, "12 d 4 h"),
        cmocka_unit_test(states_have_colours),
    };
    return cmocka_run_group_tests_name("cli/figures", tests, NULL, NULL) != 0;
}
