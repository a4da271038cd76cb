#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "tests/kit/random.h"
#include "workers/text_embedding/words.h"

/* One row, one story: a text, and its words, a space behind each, with how often if not once.
 */
struct story {
    const char *text;
    const char *words;
};

static void describe(const tr_words_t *words, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < tr_words_n(words); i++) {
        tr_word_t word = tr_words_at(words, i);
        assert_true(word.size > 0 && word.size <= TR_WORD_MAX_SIZE);
        assert_int_equal(word.hash, tr_word_hash(word.text, word.size));
        used += (size_t)snprintf(out + used, size - used, "%.*s", (int)word.size, word.text);
        if (word.count > 1) {
            used += (size_t)snprintf(out + used, size - used, "*%u", word.count);
        }
        used += (size_t)snprintf(out + used, size - used, " ");
        assert_true(used < size);
    }
}

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_words_t *words = tr_words_new();
    assert_non_null(words);
    char got[500];

    assert_int_equal(tr_words_count(words, story->text, strlen(story->text)), TROUPE_OK);
    describe(words, got, sizeof got);
    assert_string_equal(got, story->words);
    tr_words_destroy(&words);
    assert_null(words);
}

static void nothing_has_no_words(void **state)
{
    (void)state;
    tr_words_t *words = tr_words_new();
    assert_int_equal(tr_words_count(words, NULL, 0), TROUPE_OK);
    assert_int_equal(tr_words_n(words), 0);
    assert_int_equal(tr_words_count(words, "\0\0", 2), TROUPE_OK);
    assert_int_equal(tr_words_n(words), 0);
    tr_words_destroy(&words);
    tr_words_destroy(&words);
}

static void a_long_word_becomes_several(void **state)
{
    (void)state;
    char text[2 * TR_WORD_MAX_SIZE + 1];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 'y';
    tr_words_t *words = tr_words_new();
    assert_int_equal(tr_words_count(words, text, sizeof text), TROUPE_OK);
    assert_int_equal(tr_words_n(words), 2);
    assert_int_equal(tr_words_at(words, 0).size, TR_WORD_MAX_SIZE);
    assert_int_equal(tr_words_at(words, 0).count, 2);
    assert_int_equal(tr_words_at(words, 1).size, 1);
    tr_words_destroy(&words);
}

/* More words than the table has at first; each twice, and then a small text again. */
static void the_table_grows_and_shrinks(void **state)
{
    (void)state;
    enum { N = 20000 };
    char *text = malloc(N * 2 * 8 + 1);
    size_t size = 0;
    for (int i = 0; i < 2 * N; i++) {
        size += (size_t)sprintf(text + size, "w%d ", i % N);
    }
    tr_words_t *words = tr_words_new();
    assert_int_equal(tr_words_count(words, text, size), TROUPE_OK);
    assert_int_equal(tr_words_n(words), N);
    for (size_t i = 0; i < N; i++) {
        char expected[12];
        tr_word_t word = tr_words_at(words, i);
        assert_int_equal(word.size, snprintf(expected, sizeof expected, "w%zu", i));
        assert_memory_equal(word.text, expected, word.size);
        assert_int_equal(word.count, 2);
    }
    assert_int_equal(tr_words_count(words, "one two one", 11), TROUPE_OK);
    assert_int_equal(tr_words_n(words), 2);
    tr_words_destroy(&words);
    free(text);
}

/* Whatever comes, words are made of it that are words when they are read again. */
static void any_bytes_give_words(void **state)
{
    (void)state;
    uint64_t seed = random_seed();
    tr_words_t *words = tr_words_new();
    tr_words_t *again = tr_words_new();
    for (int round = 0; round < 5000; round++) {
        char bytes[120];
        size_t size = random_below(&seed, sizeof bytes);
        random_bytes(&seed, bytes, size, false);
        assert_int_equal(tr_words_count(words, bytes, size), TROUPE_OK);
        for (size_t i = 0; i < tr_words_n(words); i++) {
            tr_word_t word = tr_words_at(words, i);
            assert_int_equal(tr_words_count(again, word.text, word.size), TROUPE_OK);
            assert_int_equal(tr_words_n(again), 1);
            assert_memory_equal(tr_words_at(again, 0).text, word.text, word.size);
        }
    }
    tr_words_destroy(&words);
    tr_words_destroy(&again);
}

/* Files hold it. Computed elsewhere. */
static void the_hash_stays_as_it_is(void **state)
{
    (void)state;
    assert_int_equal(tr_word_hash("", 0), 0xAB3E7C0B);
    assert_int_equal(tr_word_hash("boat", 4), 0x55542A8F);
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("an empty text has none", "", ""),
        STORY("nor have signs", " .,;-\n\t(!) “…” — × £ 、。", ""),
        STORY("words are in lower case", "The BOAT the boat", "the*2 boat*2 "),
        STORY("an apostrophe parts them", "Don't", "don t "),
        STORY("so do a dash and a dot", "e-mail x.y 3.5", "e mail x y 3 5 "),
        STORY("digits are part of a word", "mp3 2nd 1999", "mp3 2nd 1999 "),
        STORY("letters of Latin have a lower case", "ÄÖÜ Éa ŁÓDŹ Ÿ ÞÐ ß",
              "äöü éa łódź Ÿ þð ß "),
        STORY("so have those of Greek and Russian", "ΑΩ Жук ЁЖ", "αω жук ёж "),
        STORY("dashes of typesetters part words", "one—two…three", "one two three "),
        STORY("each ideograph is a word", "日本語 ひX", "日 本 語 ひ x "),
        STORY("what is no UTF-8 parts words",
              "a\xff"
              "b\xc3(c\xe2\x82 d\xed\xa0\x80"
              "e\xf4\x90\x80\x80"
              "f\xc0\xaf",
              "a b c d e f "),
        STORY("a character that is cut off parts them too", "ab\xc3", "ab "),
        cmocka_unit_test(nothing_has_no_words),
        cmocka_unit_test(a_long_word_becomes_several),
        cmocka_unit_test(the_table_grows_and_shrinks),
        cmocka_unit_test(any_bytes_give_words),
        cmocka_unit_test(the_hash_stays_as_it_is),
    };
    return cmocka_run_group_tests_name("workers/words", tests, NULL, NULL) != 0;
}
