#include "tests/kit/check.h"

#include <string.h>

#include "workers/text_to_text/confusion.h"

static int cost(const wchar_t *seen, const wchar_t *meant)
{
    return tr_confusion_cost(seen, wcslen(seen), meant, wcslen(meant));
}

static int looks(const wchar_t *seen, const wchar_t *meant)
{
    return tr_confusion_of_looks(seen, wcslen(seen), meant, wcslen(meant));
}

/* One row: of two words the one that was rather meant. */
struct story {
    const wchar_t *seen;
    const wchar_t *likelier;
    const wchar_t *other;
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    assert_true(cost(story->seen, story->likelier) < cost(story->seen, story->other));
}

static void the_same_word_costs_nothing(void **state)
{
    (void)state;
    assert_int_equal(cost(L"word", L"word"), 0);
    assert_int_equal(looks(L"word", L"word"), 0);
    assert_int_equal(cost(L"", L""), 0);
}

static void only_looks_explain_looks(void **state)
{
    (void)state;
    assert_true(looks(L"rnodern", L"modern") < 100);
    assert_true(looks(L"w0r1d", L"world") < 100);
    assert_true(looks(L"of\xFB01"
                      L"ce",
                      L"office") < 100);
    assert_int_equal(looks(L"wrold", L"world"), TR_CONFUSION_FAR);
    assert_int_equal(looks(L"Hello", L"hello"), TR_CONFUSION_FAR);
}

static void what_is_too_long_is_far(void **state)
{
    (void)state;
    wchar_t word[TR_CONFUSION_MAX_LETTERS + 1];
    wmemset(word, 'a', TR_CONFUSION_MAX_LETTERS + 1);
    assert_int_equal(
        tr_confusion_cost(word, TR_CONFUSION_MAX_LETTERS, word, TR_CONFUSION_MAX_LETTERS), 0);
    assert_int_equal(tr_confusion_cost(word, TR_CONFUSION_MAX_LETTERS + 1, word, 1),
                     TR_CONFUSION_FAR);
    assert_int_equal(tr_confusion_cost(word, 1, word, TR_CONFUSION_MAX_LETTERS + 1),
                     TR_CONFUSION_FAR);
}

struct found {
    const wchar_t *wanted;
    bool is_there;
    size_t n;
    size_t enough;
};

static bool look_at(void *arg, const wchar_t *meant, size_t n)
{
    struct found *found = arg;
    found->n++;
    found->is_there = found->is_there ||
                      (n == wcslen(found->wanted) && wmemcmp(meant, found->wanted, n) == 0);
    return found->n < found->enough;
}

static struct found each(const wchar_t *seen, const wchar_t *wanted, size_t max, size_t enough)
{
    struct found found = {.wanted = wanted, .enough = enough};
    size_t n = tr_confusion_each(seen, wcslen(seen), max, look_at, &found);
    assert_int_equal(n, found.n);
    return found;
}

static void words_that_look_alike_are_found(void **state)
{
    (void)state;
    assert_true(each(L"1ine", L"line", 1000, 1000).is_there);
    assert_true(each(L"cornrnon", L"common", 1000, 1000).is_there);
    assert_true(each(L"o\xFB03"
                     L"ce",
                     L"office", 1000, 1000)
                    .is_there);
    assert_false(each(L"lnie", L"line", 1000, 1000).is_there);
    assert_int_equal(each(L"xx", L"", 1000, 1000).n, 0);
}

static void words_a_slip_away_are_found(void **state)
{
    (void)state;
    static const wchar_t *const slips[][2] = {
        {L"recieve", L"receive"}, {L"adress", L"address"}, {L"messsage", L"message"},
        {L"welll", L"well"},      {L"wel", L"well"},       {L"ot", L"to"}};
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        struct found found = {.wanted = slips[i][1], .enough = 1000};
        tr_confusion_each_slip(slips[i][0], wcslen(slips[i][0]), look_at, &found);
        assert_true(found.is_there);
    }
    struct found found = {.wanted = L"", .enough = 2};
    tr_confusion_each_slip(L"enough", 6, look_at, &found);
    assert_int_equal(found.n, 2);
    tr_confusion_each_slip(L"", 0, look_at, &found);
    assert_int_equal(found.n, 2);
}

static void the_search_ends_when_told(void **state)
{
    (void)state;
    assert_int_equal(each(L"illicitly", L"", 7, 1000).n, 7);
    assert_int_equal(each(L"illicitly", L"", 1000, 5).n, 5);
    assert_int_equal(each(L"illicitly", L"", 0, 5).n, 0);
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("rn is m", L"rnail", L"mail", L"nail"),
        STORY("a digit is a letter", L"c0ld", L"cold", L"cald"),
        STORY("two were swapped", L"freind", L"friend", L"frend"),
        STORY("the key beside", L"gello", L"hello", L"mello"),
        STORY("a letter twice", L"adress", L"address", L"adressx"),
        STORY("a vowel as it sounds", L"seperate", L"separate", L"sepxrate"),
        STORY("the first letter is right", L"calf", L"cald", L"xalf"),
        STORY("an apostrophe was left out", L"dont", L"don't", L"dons"),
        STORY("accents are meant", L"caf\xE9", L"caf\xE9s", L"cafe"),
        STORY("accents may be forgotten", L"gros",
              L"gro\xDF"
              L"s",
              L"grxys"),
        STORY("capitals are meant", L"latex", L"late", L"LaTeX"),
        STORY("but for the first", L"jewish", L"Jewish", L"jewfish"),
        cmocka_unit_test(the_same_word_costs_nothing),
        cmocka_unit_test(only_looks_explain_looks),
        cmocka_unit_test(what_is_too_long_is_far),
        cmocka_unit_test(words_that_look_alike_are_found),
        cmocka_unit_test(words_a_slip_away_are_found),
        cmocka_unit_test(the_search_ends_when_told),
    };
    return cmocka_run_group_tests_name("workers/spelling/confusion", tests, NULL, NULL) != 0;
}
