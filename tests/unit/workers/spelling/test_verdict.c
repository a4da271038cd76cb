#include "tests/kit/check.h"

#include <string.h>
#include <wchar.h>

#include "workers/text_to_text/confusion.h"
#include "workers/text_to_text/verdict.h"

/* One row: a word that nobody knows, what is known about it, and whether it is replaced. */
struct story {
    const wchar_t *seen;
    tr_verdict_case_t about;
    bool is_replaced;
};

enum { NO = TR_CONFUSION_FAR };

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_verdict_case_t about = story->about;
    about.seen = story->seen;
    about.n = wcslen(story->seen);
    assert_int_equal(tr_verdict_replaces(&about), story->is_replaced);
}

static void words_are_told_from_names_with_numbers(void **state)
{
    (void)state;
    assert_true(tr_verdict_is_word(L"word", 4));
    assert_true(tr_verdict_is_word(L"w0rd", 4));
    assert_false(tr_verdict_is_word(L"x86", 3));
    assert_false(tr_verdict_is_word(L"Win95", 5));
    assert_true(tr_verdict_has_signs(L"w0rd", 4));
    assert_true(tr_verdict_has_signs(L"th|s", 4));
    assert_false(tr_verdict_has_signs(L"word", 4));
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

static void names_are_not_looked_for_far_away(void **state)
{
    (void)state;
    assert_true(tr_verdict_may_be_far(L"recieve", 7, false));
    assert_true(tr_verdict_may_be_far(L"Recieve", 7, true));
    assert_false(tr_verdict_may_be_far(L"Recieve", 7, false));
    assert_false(tr_verdict_may_be_far(L"NASD", 4, true));
    assert_false(tr_verdict_may_be_far(L"w0rld", 5, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("a slip", L"recieve", {.cost = 65, .cost_of_looks = NO, .count = 1}, true),
        STORY("too far", L"recieve", {.cost = 300, .cost_of_looks = NO, .count = 1}, false),
        STORY("far, but often used", L"recievd",
              {.cost = 180, .cost_of_looks = NO, .count = 1, .bonus = 40}, true),
        STORY("short words are near to many", L"sid",
              {.cost = 85, .cost_of_looks = NO, .count = 1}, false),
        STORY("two letters, of nowhere", L"ld", {.cost = 30, .cost_of_looks = 30, .count = 1},
              false),
        STORY("two letters, of the text", L"lt",
              {.cost = 30, .cost_of_looks = 30, .count = 1, .count_of_best = 3}, true),
        STORY("a term, which is there often", L"hostnames",
              {.cost = 65, .cost_of_looks = NO, .count = 3}, false),
        STORY("a slip of a word that is there more often", L"hte",
              {.cost = 65, .cost_of_looks = NO, .count = 3, .count_of_best = 100}, true),
        STORY("misread again and again", L"rnodern",
              {.cost = 30, .cost_of_looks = 30, .count = 9}, true),
        STORY("a name", L"Torvelds", {.cost = 100, .cost_of_looks = NO, .count = 1}, false),
        STORY("a slip within a name", L"Amercia", {.cost = 65, .cost_of_looks = NO, .count = 1},
              true),
        STORY("a capital at the begin", L"Wgether",
              {.cost = 85, .cost_of_looks = NO, .count = 1, .begins_sentence = true}, true),
        STORY("a misread name", L"Gerrnany", {.cost = 30, .cost_of_looks = 30, .count = 1},
              true),
        STORY("capitals", L"NASD", {.cost = 65, .cost_of_looks = NO, .count = 1}, false),
        STORY("misread capitals", L"W0RLD", {.cost = 30, .cost_of_looks = 30, .count = 1},
              true),
        STORY("capitals within", L"iPhome", {.cost = 65, .cost_of_looks = NO, .count = 1},
              false),
        STORY("misread capitals within", L"heIp", {.cost = 30, .cost_of_looks = 30, .count = 1},
              true),
        STORY("a digit", L"w0rld", {.cost = 30, .cost_of_looks = 30, .count = 1}, true),
        STORY("a digit that means itself", L"ipv6",
              {.cost = 65, .cost_of_looks = NO, .count = 1}, false),
        STORY("too many digits", L"B52s", {.cost = 60, .cost_of_looks = 60, .count = 1}, false),
        STORY("only a capital", L"jewish",
              {.cost = 25, .cost_of_looks = NO, .count = 1, .is_same = true}, false),
        STORY("a misread capital", L"wOrld",
              {.cost = 30, .cost_of_looks = 30, .count = 1, .is_same = true}, true),
        STORY("two words, of nowhere", L"keymaps",
              {.cost = 90, .cost_of_looks = NO, .count = 1, .is_split = true}, false),
        STORY(
            "two words, of the text", L"ofthe",
            {.cost = 90, .cost_of_looks = NO, .count = 1, .is_split = true, .count_of_best = 5},
            true),
        cmocka_unit_test(names_are_not_looked_for_far_away),
        cmocka_unit_test(words_are_told_from_names_with_numbers),
    };
    return cmocka_run_group_tests_name("workers/spelling/verdict", tests, NULL, NULL) != 0;
}
