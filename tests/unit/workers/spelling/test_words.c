#include "tests/kit/check.h"

#include <stdio.h>
#include <string.h>

#include "workers/text_to_text/words.h"

/* One row: a text, and its words as <word>, <=word> if it is not to be looked at, <^word> if it
 * begins a sentence, with the white space that follows. */
struct story {
    const char *text;
    const char *words;
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    char seen[1000] = "";
    size_t used = 0;
    size_t at = 0;
    tr_words_t words = tr_words_of(story->text, strlen(story->text));
    tr_word_t word;
    while (tr_words_next(&words, &word)) {
        assert_int_equal(word.offset, at);
        if (word.length > 0) {
            used += (size_t)snprintf(
                seen + used, sizeof seen - used, "<%s%s%.*s>", word.begins_sentence ? "^" : "",
                word.is_verbatim ? "=" : "", (int)word.length, story->text + at);
        }
        used += (size_t)snprintf(seen + used, sizeof seen - used, "%.*s", (int)word.gap,
                                 story->text + at + word.length);
        at += word.length + word.gap;
    }
    assert_int_equal(at, strlen(story->text));
    assert_string_equal(seen, story->words);
}

static void a_divided_word_says_where(void **state)
{
    (void)state;
    static const char text[] = "an exam-\nple";
    tr_words_t words = tr_words_of(text, strlen(text));
    tr_word_t word;
    assert_true(tr_words_next(&words, &word));
    assert_int_equal(word.division, 0);
    assert_true(tr_words_next(&words, &word));
    assert_int_equal(word.length, strlen("exam-\nple"));
    assert_int_equal(word.divided_at, strlen("exam"));
    assert_int_equal(word.division, strlen("-\n"));
    assert_false(tr_words_next(&words, &word));
}

/* Whatever the text, the words make it again. */
static void any_text_is_made_of_its_words(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "a", "B", "'", "-",  "\n", " ", ".", "/", "|", "!", "1", "\xC3\xA9", "\xE2\x80\x99",
        "@", "(", ")", "\r", "_"};
    enum { N_PIECES = sizeof pieces / sizeof pieces[0] };
    unsigned seed = 1;
    for (int round = 0; round < 20000; round++) {
        char text[100] = "";
        for (int i = 0; i < 12; i++) {
            seed = seed * 1664525 + 1013904223;
            strcat(text, pieces[(seed >> 16) % N_PIECES]);
        }
        tr_words_t words = tr_words_of(text, strlen(text));
        tr_word_t word;
        size_t at = 0;
        while (tr_words_next(&words, &word)) {
            assert_int_equal(word.offset, at);
            assert_true(word.length + word.gap > 0);
            assert_true(word.length > 0 || at == 0);
            assert_true(word.division == 0 || word.divided_at + word.division < word.length);
            at += word.length + word.gap;
        }
        assert_int_equal(at, strlen(text));
    }
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("nothing", "", ""),
        STORY("only white space", " \n ", " \n "),
        STORY("a sentence and a half", "One two. Three", "<^One> <two>. <^Three>"),
        STORY("white space before all", "  one", "  <^one>"),
        STORY("apostrophes", "don't, 'tis it\xE2\x80\x99s",
              "<^don't>, '<tis> <it\xE2\x80\x99s>"),
        STORY("hyphens part", "well-known", "<^well>-<known>"),
        STORY("what was misread", "th|s 1ine |t he!p", "<^th|s> <1ine> <|t> <he!p>"),
        STORY("numbers", "in 1984, 3.5", "<^in> <=1984>, <=3.5>"),
        STORY("addresses", "see <http://a.b/c?d> or me@a.b.",
              "<^see> <<=http://a.b/c?d>> <or> <=me@a.b>."),
        STORY("names of files", "/etc/passwd or a.c", "/<^=etc/passwd> <or> <=a.c>"),
        STORY("programs", "foo_bar foo() x=1 --help $HOME",
              "<^=foo_bar> <=foo>() <^=x=1> --<=help> $<=HOME>"),
        STORY("either of two", "and/or", "<^and>/<or>"),
        STORY("the end of a line", "an exam-\nple", "<^an> <exam-\nple>"),
        STORY("the end of a line of DOS", "exam-\r\nple", "<^exam-\r\nple>"),
        STORY("a hyphen before a capital", "post-\nBritish", "<^post>-\n<British>"),
        STORY("a hyphen before an address", "post-\nb.c", "<^post>-\n<=b.c>"),
        STORY("a paragraph begins a sentence", "A b\n\nC", "<^A> <b>\n\n<^C>"),
        STORY("a line does not", "A b\nC", "<^A> <b>\n<C>"),
        STORY("a quotation does", "he: \"Go\"", "<^he>: \"<^Go>\""),
        STORY("other scripts", "\xD0\xB4\xD0\xB0 \xD7\x90\xD7\x91",
              "<^\xD0\xB4\xD0\xB0> <\xD7\x90\xD7\x91>"),
        cmocka_unit_test(a_divided_word_says_where),
        cmocka_unit_test(any_text_is_made_of_its_words),
    };
    return cmocka_run_group_tests_name("workers/spelling/words", tests, NULL, NULL) != 0;
}
