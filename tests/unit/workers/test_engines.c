#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workers/vision/engines.h"

/* A folder in which the data of English are installed under many names. */
static char folder[64];
static const char *const names[] = {"eng", "one", "two", "three", "chi_sim"};

static void path_of(const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s.traineddata", folder, name);
}

static int install_languages(void **state)
{
    (void)state;
    char data[256] = "";
    FILE *found = popen("ls ${TESSDATA_PREFIX:-/nonexistent}/eng.traineddata "
                        "/usr/share/tesseract-ocr/*/tessdata/eng.traineddata "
                        "/usr/share/tessdata/eng.traineddata 2>/dev/null",
                        "r");
    if (!found || !fgets(data, sizeof data, found)) {
        return -1;
    }
    pclose(found);
    data[strcspn(data, "\n")] = '\0';
    snprintf(folder, sizeof folder, "/tmp/troupe-engines.XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        path_of(names[i], path, sizeof path);
        if (symlink(data, path) != 0) {
            return -1;
        }
    }
    return 0;
}

static int remove_languages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        path_of(names[i], path, sizeof path);
        unlink(path);
    }
    return rmdir(folder);
}

static int load_engines(void **state)
{
    tr_engines_t *engines = tr_engines_new();
    troupe_why_t why = {""};
    *state = engines;
    return engines && tr_engines_load(engines, "eng", folder, &why) == TROUPE_OK ? 0 : -1;
}

static int release_engines(void **state)
{
    tr_engines_t *engines = *state;
    tr_engines_destroy(&engines);
    return engines ? -1 : 0;
}

static struct TessBaseAPI *used(tr_engines_t *engines, const char *language)
{
    struct TessBaseAPI *engine = NULL;
    const char *name = NULL;
    troupe_why_t why = {""};
    if (tr_engines_use(engines, language, &engine, &name, &why) != TROUPE_OK) {
        fail_msg("%s: %s", language ? language : "", why.text);
    }
    assert_string_equal(name, language ? language : "eng");
    return engine;
}

static void the_first_is_always_there(void **state)
{
    struct TessBaseAPI *first = used(*state, NULL);
    assert_ptr_equal(used(*state, "eng"), first);
    (void)used(*state, "one");
    (void)used(*state, "two");
    (void)used(*state, "three");
    (void)used(*state, "chi_sim");
    assert_ptr_equal(used(*state, NULL), first);
}

/* Of three in all two are for others; to find one again is to get the same. */
static void the_one_not_used_for_longest_goes(void **state)
{
    struct TessBaseAPI *one = used(*state, "one");
    struct TessBaseAPI *two = used(*state, "two");
    assert_ptr_not_equal(one, two);
    assert_ptr_equal(used(*state, "one"), one);
    (void)used(*state, "three"); /* instead of two */
    assert_ptr_equal(used(*state, "one"), one);
    (void)used(*state, "one+two"); /* instead of three */
    assert_ptr_equal(used(*state, "one"), one);
}

static void it_says_what_is_installed(void **state)
{
    assert_true(tr_engines_has(*state, "eng"));
    assert_true(tr_engines_has(*state, "eng+chi_sim"));
    assert_false(tr_engines_has(*state, "xyz"));
    assert_false(tr_engines_has(*state, "eng+xyz"));
    assert_false(tr_engines_has(*state, ""));

    char list[100];
    tr_engines_list(*state, list, sizeof list);
    assert_string_equal(list, "chi_sim, eng, one, three, two");
    tr_engines_list(*state, list, 13);
    assert_string_equal(list, "chi_sim, eng");
    tr_engines_list(*state, list, 12);
    assert_string_equal(list, "chi_sim");
    tr_engines_list(*state, list, 1);
    assert_string_equal(list, "");
}

/* ---- refusals ---- */

static void what_is_no_name_is_refused(void **state)
{
    static const char *const languages[] = {
        "",        "+",          "eng+",
        "+eng",    "../eng",     "/etc/passwd",
        "eng one", "script/eng", "~one",
        "e\xff",   "eng++one",   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    for (size_t i = 0; i < sizeof languages / sizeof languages[0]; i++) {
        struct TessBaseAPI *engine = NULL;
        troupe_why_t why = {""};
        assert_status(tr_engines_use(*state, languages[i], &engine, NULL, &why),
                      TROUPE_ERR_INVALID);
        assert_non_null(strstr(why.text, "a language is named as 'eng'"));
        assert_null(engine);
    }
}

static void missing_data_name_their_package(void **state)
{
    struct TessBaseAPI *engine = NULL;
    troupe_why_t why = {""};
    assert_status(tr_engines_use(*state, "xx_none", &engine, NULL, &why), TROUPE_ERR_INVALID);
    assert_non_null(strstr(why.text, "install the package tesseract-ocr-xx-none"));
    assert_status(tr_engines_use(*state, "eng+xyz", &engine, NULL, &why), TROUPE_ERR_INVALID);
    assert_non_null(strstr(why.text, "language 'xyz'"));
    (void)used(*state, "one"); /* and all goes on */
}

static void what_cannot_be_loaded_at_first_is_explained(void **state)
{
    (void)state;
    static const struct {
        const char *language;
        const char *tessdata;
        const char *why;
    } rows[] = {
        {"xx_none", NULL, "install the package tesseract-ocr-xx-none"},
        {"eng+xyz", NULL, "language 'xyz': install the package tesseract-ocr-xyz"},
        {"eng", "/nonexistent", "'eng' in /nonexistent: install the package tesseract-ocr-eng"},
        {"", NULL, "no language is named"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tr_engines_t *engines = tr_engines_new();
        troupe_why_t why = {""};
        assert_non_null(engines);
        assert_status(tr_engines_load(engines, rows[i].language, rows[i].tessdata, &why),
                      TROUPE_NOT_FOUND);
        if (!strstr(why.text, rows[i].why)) {
            fail_msg("\"%s\" does not say \"%s\"", why.text, rows[i].why);
        }
        assert_false(tr_engines_has(engines, "eng"));
        tr_engines_destroy(&engines);
        assert_null(engines);
    }
}

/* clang-format off */
#define LOADED(test) cmocka_unit_test_setup_teardown(test, load_engines, release_engines)
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED(the_first_is_always_there),
        LOADED(the_one_not_used_for_longest_goes),
        LOADED(it_says_what_is_installed),
        LOADED(what_is_no_name_is_refused),
        LOADED(missing_data_name_their_package),
        cmocka_unit_test(what_cannot_be_loaded_at_first_is_explained),
    };
    return cmocka_run_group_tests_name("workers/engines", tests, install_languages,
                                       remove_languages) != 0;
}
