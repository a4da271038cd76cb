#include "tests/kit/check.h"

#include <string.h>

#include "workers/render_options.h"

/* One row, one story: a text, and what is said of it; NULL when it is taken. */
struct story {
    const char *text;
    const char *why;
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_render_options_t options = tr_render_options_default();
    const tr_render_options_t before = options;
    tr_why_t why = {""};

    troupe_status_t status =
        tr_render_options_parse(story->text, strlen(story->text), &options, &why);
    if (story->why) {
        assert_int_equal(status, TROUPE_ERR_INVALID);
        assert_non_null(strstr(why.text, story->why));
        assert_memory_equal(&options, &before, sizeof options);
    } else {
        assert_int_equal(status, TROUPE_OK);
    }
}

static void every_option_arrives(void **state)
{
    (void)state;
    static const char text[] = "width=640\nmargin=7\r\nsize=20\n\ndpi=300\nfont=Sans Bold\n"
                               "markup=no\nmarkup=yes";
    tr_render_options_t options = tr_render_options_default();
    tr_why_t why = {""};

    assert_int_equal(tr_render_options_parse(text, strlen(text), &options, &why), TROUPE_OK);
    assert_int_equal(options.width, 640);
    assert_int_equal(options.margin, 7);
    assert_int_equal(options.size_pt, 20);
    assert_int_equal(options.dpi, 300);
    assert_string_equal(options.font, "Sans Bold");
    assert_int_equal(options.markup, TR_RENDER_MARKUP_YES);
}

static void too_much_or_no_text_is_refused(void **state)
{
    (void)state;
    char lines[TR_RENDER_MAX_OPTIONS + 1];
    memset(lines, '\n', sizeof lines);
    tr_render_options_t options = tr_render_options_default();
    tr_why_t why = {""};

    assert_int_equal(tr_render_options_parse(lines, sizeof lines - 1, &options, &why),
                     TROUPE_OK);
    assert_int_equal(tr_render_options_parse(lines, sizeof lines, &options, &why),
                     TROUPE_ERR_INVALID);
    assert_int_equal(tr_render_options_parse("dpi=\xff", 5, &options, &why),
                     TROUPE_ERR_INVALID);
    assert_int_equal(tr_render_options_parse("dpi=99\0", 7, &options, &why),
                     TROUPE_ERR_INVALID);
}

static void a_long_reason_is_cut_between_letters(void **state)
{
    (void)state;
    char text[] = "aé\xc3";
    tr_why_t why;
    memcpy(why.text, text, sizeof text);
    tr_why_trim(&why);
    assert_string_equal(why.text, "aé");
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("takes nothing", "", NULL),
        STORY("takes the smallest", "width=16\nmargin=0\nsize=4\ndpi=50", NULL),
        STORY("takes the largest", "width=8192\nmargin=1000\nsize=400\ndpi=1200", NULL),
        STORY("refuses too small", "width=15", "width is a whole number from 16 to 8192"),
        STORY("refuses too large", "width=8193", "from 16 to 8192, not '8193'"),
        STORY("refuses what no int holds", "dpi=99999999999999999999", "from 50 to 1200"),
        STORY("refuses a sign", "margin=-1", "not '-1'"),
        STORY("refuses a unit", "size=12pt", "not '12pt'"),
        STORY("refuses no number", "size=", "not ''"),
        STORY("refuses other keys and names them all", "colour=red", "no option 'colour'"),
        STORY("refuses a line that is no option", "width", "key=value"),
        STORY("refuses a half yes", "markup=y", "markup is yes or no"),
        STORY("takes none of the lines when one is bad", "width=640\nsize=x", "size"),
        STORY("refuses a long font",
              "font=0123456789012345678901234567890123456789012345678901234567890123456789"
              "012345678901234567890123456789",
              "at most 99 bytes"),
        cmocka_unit_test(every_option_arrives),
        cmocka_unit_test(too_much_or_no_text_is_refused),
        cmocka_unit_test(a_long_reason_is_cut_between_letters),
    };
    return cmocka_run_group_tests_name("workers/render_options", tests, NULL, NULL) != 0;
}
