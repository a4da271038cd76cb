#include "tests/kit/check.h"

#include <string.h>

#include "workers/vision/ocr_query.h"

static tr_engines_t *engines;

static int load_engines(void **state)
{
    (void)state;
    troupe_why_t why = {""};
    engines = tr_engines_new();
    return engines && tr_engines_load(engines, "eng", NULL, &why) == TROUPE_OK ? 0 : -1;
}

static int release_engines(void **state)
{
    (void)state;
    tr_engines_destroy(&engines);
    return 0;
}

/* One row, one story: a query and what it says. */
struct story {
    const char *query;
    bool has_layout;
    troupe_vision_layout_t layout;
    const char *language;
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_ocr_query_t query;
    troupe_why_t why = {""};
    if (tr_ocr_query_parse(engines, story->query, &query, &why) != TROUPE_OK) {
        fail_msg("%s", why.text);
    }
    assert_int_equal(query.has_layout, story->has_layout);
    assert_int_equal(query.layout, story->layout);
    assert_string_equal(query.language, story->language);
}

/* Another row: a query that is refused, and what of it is quoted. */
struct refusal {
    const char *query;
    const char *quotes;
};

static void it_is_refused(void **state)
{
    const struct refusal *refusal = *state;
    tr_ocr_query_t query = {.layout = TROUPE_VISION_WORD};
    troupe_why_t why = {""};
    assert_status(tr_ocr_query_parse(engines, refusal->query, &query, &why),
                  TROUPE_ERR_INVALID);
    assert_memory_equal(why.text, refusal->quotes, strlen(refusal->quotes));
    assert_non_null(strstr(why.text, "sparse) or a language ("));
    assert_non_null(strstr(why.text, "eng"));
    assert_int_equal(query.layout, TROUPE_VISION_WORD);
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
#define REFUSAL(title, ...) \
    { .name = title, .test_func = it_is_refused, .initial_state = &(struct refusal){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("nothing is asked", "", false, TROUPE_VISION_AUTO, ""),
        STORY("nothing but white space", " \n", false, TROUPE_VISION_AUTO, ""),
        STORY("a layout", "sparse", true, TROUPE_VISION_SPARSE, ""),
        STORY("a language that is installed", "eng", false, TROUPE_VISION_AUTO, "eng"),
        STORY("both", "column, eng", true, TROUPE_VISION_COLUMN, "eng"),
        STORY("both, with names", "language=deu+eng layout=line", true, TROUPE_VISION_LINE,
              "deu+eng"),
        STORY("the last counts", "word block", true, TROUPE_VISION_BLOCK, ""),
        STORY("auto is a layout, too", "auto", true, TROUPE_VISION_AUTO, ""),
        REFUSAL("a question", "What is this?", "'What' cannot be asked"),
        REFUSAL("a language that is not there", "sparse xyz", "'xyz' cannot be asked"),
        REFUSAL("no layout", "layout=round", "'layout=round' cannot"),
        REFUSAL("no language", "language=", "'language=' cannot"),
        REFUSAL("another name", "size=3", "'size=3' cannot"),
        REFUSAL("a long word is cut, and its characters are not",
                "äääääääääääääääääääääääääääääää", "'äääääääääääääää' cannot"),
        REFUSAL("a path", "../../etc/passwd", "'../../etc/passwd' cannot"),
    };
    return cmocka_run_group_tests_name("workers/ocr_query", tests, load_engines,
                                       release_engines) != 0;
}
