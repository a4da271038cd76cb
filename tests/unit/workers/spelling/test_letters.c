#include "tests/kit/check.h"

#include <string.h>

#include "workers/text_to_text/letters.h"

/* One row, one run of bytes, and where the first is that is not of UTF-8. */
struct story {
    const char *bytes;
    size_t size;
    size_t first_invalid;
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    assert_int_equal(tr_letters_first_invalid(story->bytes, story->size), story->first_invalid);
}

static void what_was_decoded_is_encoded_again(void **state)
{
    (void)state;
    static const char text[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z";
    wchar_t letters[8];
    char again[sizeof text * 4];
    long n = tr_letters_decode_all(text, strlen(text), letters, 8);

    assert_int_equal(n, 5);
    assert_int_equal(letters[1], 0xE9);
    assert_int_equal(letters[2], 0x20AC);
    assert_int_equal(letters[3], 0x1F600);
    assert_int_equal(tr_letters_encode_all(letters, (size_t)n, again), strlen(text));
    assert_string_equal(again, text);
    assert_int_equal(tr_letters_decode_all(text, strlen(text), letters, 4), -1);
}

static void letters_of_all_scripts_are_letters(void **state)
{
    (void)state;
    static const wchar_t letters[] = {'a',   'Z',   0xE9,   0xDF,  0x416,
                                      0x5D0, 0x627, 0x4E00, 0x301, 0x64B};
    static const wchar_t others[] = {'1', ' ', '-', '@', '[', '`', '{', 0xA0, 0x2014, 0x2019};
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        assert_true(tr_letters_is_letter(letters[i]));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(tr_letters_is_letter(others[i]));
    }
}

static void letters_have_two_cases_or_none(void **state)
{
    (void)state;
    assert_int_equal(tr_letters_to_upper('q'), 'Q');
    assert_int_equal(tr_letters_to_lower('Q'), 'q');
    assert_int_equal(tr_letters_to_upper(0xE9), 0xC9);
    assert_int_equal(tr_letters_to_lower(0x416), 0x436);
    assert_true(tr_letters_is_upper(0xC9));
    assert_true(tr_letters_is_lower(0xE9));
    assert_false(tr_letters_is_upper(0x5D0));
    assert_false(tr_letters_is_lower(0x5D0));
    assert_false(tr_letters_is_upper('['));
}

/* clang-format off */
#define STORY(title, text, ...) \
    { .name = title, .test_func = story_holds, \
      .initial_state = &(struct story){text, sizeof(text) - 1, __VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("nothing", "", 0),
        STORY("letters with accents", "caf\xC3\xA9", 5),
        STORY("a byte that begins nothing", "ab\x80", 2),
        STORY("a byte that never is", "ab\xFF", 2),
        STORY("cut off", "a\xE2\x82", 1),
        STORY("not followed", "\xC3(", 0),
        STORY("longer than need be", "\xC0\xAF", 0),
        STORY("longer than need be, in three", "\xE0\x80\xAF", 0),
        STORY("half of a pair", "\xED\xA0\x80", 0),
        STORY("beyond the last", "\xF4\x90\x80\x80", 0),
        cmocka_unit_test(what_was_decoded_is_encoded_again),
        cmocka_unit_test(letters_of_all_scripts_are_letters),
        cmocka_unit_test(letters_have_two_cases_or_none),
    };
    return cmocka_run_group_tests_name("workers/spelling/letters", tests, NULL, NULL) != 0;
}
