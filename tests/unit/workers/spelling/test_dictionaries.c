#include "tests/kit/check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workers/text_to_text/dictionaries.h"

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* A folder with dictionaries of one word each; in `latin` that is "café". */
static int make_folder(void **state)
{
    static char folder[] = "/tmp/troupe-dictionaries-XXXXXX";
    static const char *const languages[] = {"aa", "bb_BB", "cc", "dd"};
    if (!mkdtemp(folder)) {
        return -1;
    }
    for (size_t i = 0; i < 4; i++) {
        char name[20];
        char words[40];
        snprintf(name, sizeof name, "%s.aff", languages[i]);
        write_file(folder, name, "SET UTF-8\n");
        snprintf(name, sizeof name, "%s.dic", languages[i]);
        snprintf(words, sizeof words, "1\nof%.2s\n", languages[i]);
        write_file(folder, name, words);
    }
    write_file(folder, "latin.aff", "SET ISO8859-1\nTRY esianrtolcdugmphbyfvkwzxjq\xE9\n");
    write_file(folder, "latin.dic", "1\ncaf\xE9\n");
    write_file(folder, "russian.aff", "SET microsoft-cp1251\n");
    write_file(folder, "russian.dic", "1\n\xE4\xE0\n");
    write_file(folder, "odd.aff", "SET KLINGON\n");
    write_file(folder, "odd.dic", "1\nqapla\n");
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", (const char *)*state);
    return system(command);
}

static void remove_file(const char *folder, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(unlink(path), 0);
}

static tr_dictionaries_t *opened(const char *folder)
{
    troupe_why_t why = {""};
    tr_dictionaries_t *dictionaries = tr_dictionaries_new();
    assert_non_null(dictionaries);
    assert_status(tr_dictionaries_open(dictionaries, folder, "aa", &why), TROUPE_OK);
    return dictionaries;
}

static tr_speller_t *find(tr_dictionaries_t *dictionaries, const char *language)
{
    troupe_why_t why = {""};
    tr_speller_t *speller = NULL;
    assert_status(tr_dictionaries_find(dictionaries, language, &speller, &why), TROUPE_OK);
    return speller;
}

static void each_language_has_its_words(void **state)
{
    tr_dictionaries_t *dictionaries = opened(*state);
    assert_true(tr_speller_knows(find(dictionaries, NULL), "ofaa"));
    assert_true(tr_speller_knows(find(dictionaries, "bb_BB"), "ofbb"));
    assert_false(tr_speller_knows(find(dictionaries, "bb_BB"), "ofaa"));
    assert_ptr_equal(find(dictionaries, "aa"), find(dictionaries, NULL));
    assert_string_equal(tr_speller_language(find(dictionaries, "bb_BB")), "bb_BB");
    tr_dictionaries_destroy(&dictionaries);
    assert_null(dictionaries);
    tr_dictionaries_destroy(&dictionaries);
}

static void only_a_few_are_kept(void **state)
{
    tr_dictionaries_t *dictionaries = opened(*state);
    tr_speller_t *first = find(dictionaries, NULL);
    find(dictionaries, "bb_BB");
    find(dictionaries, "cc");
    find(dictionaries, "bb_BB");
    find(dictionaries, "dd"); /* cc has not been asked for the longest */

    /* What is kept needs no file any more. */
    remove_file(*state, "bb_BB.dic");
    remove_file(*state, "cc.dic");
    remove_file(*state, "aa.dic");
    assert_true(tr_speller_knows(find(dictionaries, "bb_BB"), "ofbb"));
    assert_true(tr_speller_knows(find(dictionaries, "dd"), "ofdd"));
    assert_ptr_equal(find(dictionaries, "aa"), first);

    troupe_why_t why = {""};
    tr_speller_t *speller = NULL;
    assert_status(tr_dictionaries_find(dictionaries, "cc", &speller, &why), TROUPE_NOT_FOUND);
    assert_null(speller);
    tr_dictionaries_destroy(&dictionaries);
    write_file(*state, "aa.dic", "1\nofaa\n");
    write_file(*state, "bb_BB.dic", "1\nofbb\n");
}

static void what_is_missing_is_named_with_its_package(void **state)
{
    tr_dictionaries_t *dictionaries = opened(*state);
    troupe_why_t why = {""};
    tr_speller_t *speller = NULL;
    assert_status(tr_dictionaries_find(dictionaries, "pt_BR", &speller, &why),
                  TROUPE_NOT_FOUND);
    assert_non_null(strstr(why.text, "hunspell-pt-br"));
    tr_dictionaries_destroy(&dictionaries);
}

static void no_name_leads_out_of_the_folder(void **state)
{
    static const char *const names[] = {
        "",       "a",   "..",   "../aa", "aa/../aa",  "/etc",
        "aa.dic", "-aa", "aa\n", "a a",   "a\xC3\xA9", "abcdefghijklmnopqrstuvwxyzabcdefg"};
    tr_dictionaries_t *dictionaries = opened(*state);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        troupe_why_t why = {""};
        tr_speller_t *speller = NULL;
        assert_status(tr_dictionaries_find(dictionaries, names[i], &speller, &why),
                      TROUPE_ERR_INVALID);
        assert_null(speller);
        assert_true(why.text[0] != '\0');
    }
    tr_dictionaries_destroy(&dictionaries);
}

static void other_encodings_are_asked_in_utf8(void **state)
{
    troupe_why_t why = {""};
    tr_arena_t arena = {0};
    tr_speller_t *speller = NULL;
    const char **suggested = NULL;
    size_t n = 0;

    assert_status(tr_speller_load(*state, "latin", &speller, &why), TROUPE_OK);
    assert_true(tr_speller_knows(speller, "caf\xC3\xA9"));
    assert_false(tr_speller_knows(speller, "cafe"));
    assert_false(tr_speller_knows(speller, "\xD0\xB4\xD0\xB0")); /* cannot be in it */
    assert_status(tr_speller_suggest(speller, "cafee", &arena, &suggested, &n), TROUPE_OK);
    assert_int_equal(n, 1);
    assert_string_equal(suggested[0], "caf\xC3\xA9");
    assert_status(tr_speller_suggest(speller, "\xD0\xB4\xD0\xB0", &arena, &suggested, &n),
                  TROUPE_OK);
    assert_int_equal(n, 0);
    tr_speller_destroy(&speller);

    assert_status(tr_speller_load(*state, "russian", &speller, &why), TROUPE_OK);
    assert_true(tr_speller_knows(speller, "\xD0\xB4\xD0\xB0"));
    tr_speller_destroy(&speller);
    tr_arena_release(&arena);
}

static void an_unknown_encoding_is_told(void **state)
{
    troupe_why_t why = {""};
    tr_speller_t *speller = NULL;
    assert_status(tr_speller_load(*state, "odd", &speller, &why), TROUPE_ERR_IO);
    assert_null(speller);
    assert_non_null(strstr(why.text, "KLINGON"));
}

static void a_word_that_is_too_long_is_not_asked_for(void **state)
{
    troupe_why_t why = {""};
    tr_arena_t arena = {0};
    tr_speller_t *speller = NULL;
    const char **suggested = NULL;
    size_t n = 1;
    char word[TR_SPELLER_MAX_WORD + 2];
    memset(word, 'a', sizeof word - 1);
    word[sizeof word - 1] = '\0';

    assert_status(tr_speller_load(*state, "aa", &speller, &why), TROUPE_OK);
    assert_false(tr_speller_knows(speller, word));
    assert_status(tr_speller_suggest(speller, word, &arena, &suggested, &n), TROUPE_OK);
    assert_int_equal(n, 0);
    tr_speller_destroy(&speller);
}

/* Hunspell counts the users of what its dictionaries share; when it counts wrong, one is left
 * with a table that is gone. */
static void *load_again_and_again(void *folder)
{
    for (int i = 0; i < 200; i++) {
        troupe_why_t why = {""};
        tr_speller_t *speller = NULL;
        if (tr_speller_load(folder, "bb_BB", &speller, &why) != TROUPE_OK ||
            !tr_speller_knows(speller, "ofbb") || tr_speller_knows(speller, "OFbb\xC3\xA9")) {
            return folder;
        }
        tr_speller_destroy(&speller);
    }
    return NULL;
}

static void threads_load_side_by_side(void **state)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, load_again_and_again, *state), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_language_has_its_words),
        cmocka_unit_test(only_a_few_are_kept),
        cmocka_unit_test(what_is_missing_is_named_with_its_package),
        cmocka_unit_test(no_name_leads_out_of_the_folder),
        cmocka_unit_test(other_encodings_are_asked_in_utf8),
        cmocka_unit_test(an_unknown_encoding_is_told),
        cmocka_unit_test(threads_load_side_by_side),
        cmocka_unit_test(a_word_that_is_too_long_is_not_asked_for),
    };
    return cmocka_run_group_tests_name("workers/spelling/dictionaries", tests, make_folder,
                                       remove_folder) != 0;
}
