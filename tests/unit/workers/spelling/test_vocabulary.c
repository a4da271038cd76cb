#include "tests/kit/check.h"

#include <stdio.h>
#include <string.h>

#include "workers/text_to_text/vocabulary.h"

static void words_are_found_again(void **state)
{
    (void)state;
    enum { N = 20000 };
    tr_vocabulary_t *words = tr_vocabulary_new();
    assert_non_null(words);
    for (size_t i = 0; i < N; i++) {
        char word[20];
        int size = snprintf(word, sizeof word, "w%zu", i);
        tr_entry_t *entry = tr_vocabulary_add(words, word, (size_t)size);
        assert_non_null(entry);
        assert_string_equal(entry->text, word);
        assert_int_equal(entry->count, 0);
        entry->count = i + 1;
    }
    for (size_t i = 0; i < N; i++) {
        char word[20];
        int size = snprintf(word, sizeof word, "w%zu", i);
        assert_int_equal(tr_vocabulary_count(words, word, (size_t)size), i + 1);
        assert_ptr_equal(tr_vocabulary_add(words, word, (size_t)size),
                         tr_vocabulary_find(words, word, (size_t)size));
    }
    tr_vocabulary_destroy(&words);
    assert_null(words);
    tr_vocabulary_destroy(&words);
}

static void a_begin_of_a_word_is_another_word(void **state)
{
    (void)state;
    tr_vocabulary_t *words = tr_vocabulary_new();
    assert_non_null(words);
    assert_non_null(tr_vocabulary_add(words, "wording", 7));
    assert_null(tr_vocabulary_find(words, "wording", 4));
    assert_null(tr_vocabulary_find(words, "wordings", 8));
    assert_null(tr_vocabulary_find(words, "", 0));
    tr_vocabulary_destroy(&words);
}

static void none_has_no_words(void **state)
{
    (void)state;
    assert_int_equal(tr_vocabulary_count(NULL, "word", 4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_found_again),
        cmocka_unit_test(a_begin_of_a_word_is_another_word),
        cmocka_unit_test(none_has_no_words),
    };
    return cmocka_run_group_tests_name("workers/spelling/vocabulary", tests, NULL, NULL) != 0;
}
