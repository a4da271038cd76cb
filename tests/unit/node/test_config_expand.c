#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "node/config/expand.h"

/* One row, one text, and what becomes of it or why it is refused. */
struct story {
    const char *text;
    const char *expanded; /* NULL: refused */
    const char *why;
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    char why[TR_CONFIG_WHY_BYTES] = "";
    char *expanded = NULL;
    troupe_status_t status = tr_config_expand(story->text, why, &expanded);
    if (story->expanded) {
        assert_status(status, TROUPE_OK);
        assert_string_equal(expanded, story->expanded);
    } else {
        assert_status(status, TROUPE_ERR_INVALID);
        assert_null(expanded);
        assert_string_equal(why, story->why);
    }
    free(expanded);
}

/* Sixteen bytes of text stand for a variable of 4 KiB: the sum must stay bounded. */
static void many_long_variables_are_refused(void **state)
{
    (void)state;
    char value[4097] = "";
    memset(value, 'x', sizeof value - 1);
    setenv("TROUPE_TEST_LONG", value, 1);
    char text[17 * 19 + 1] = "";
    for (int i = 0; i < 16; i++) {
        strcat(text, "${TROUPE_TEST_LONG}");
    }
    char why[TR_CONFIG_WHY_BYTES];
    char *expanded = NULL;
    assert_status(tr_config_expand(text, why, &expanded), TROUPE_OK);
    assert_int_equal(strlen(expanded), TR_CONFIG_EXPANDED_MAX);
    free(expanded);

    strcat(text, "x");
    expanded = NULL;
    assert_status(tr_config_expand(text, why, &expanded), TROUPE_ERR_INVALID);
    assert_string_equal(why, "longer than 65536 bytes");
    assert_null(expanded);
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    setenv("TROUPE_TEST_A", "alpha", 1);
    setenv("TROUPE_TEST_EMPTY", "", 1);
    setenv("TROUPE_TEST_DOLLAR", "${TROUPE_TEST_A}", 1);
    unsetenv("TROUPE_TEST_UNSET");
    static const char lone[] = "a '$' that begins no '${VAR}'; write '$$' for a dollar";

    const struct CMUnitTest tests[] = {
        STORY("leaves plain text alone", "a{b}c", "a{b}c", NULL),
        STORY("leaves nothing alone", "", "", NULL),
        STORY("replaces a variable", "<${TROUPE_TEST_A}>", "<alpha>", NULL),
        STORY("replaces it each time", "${TROUPE_TEST_A}${TROUPE_TEST_A}", "alphaalpha", NULL),
        STORY("an empty variable is set", "<${TROUPE_TEST_EMPTY}>", "<>", NULL),
        STORY("refuses a variable that is not set", "${TROUPE_TEST_UNSET}", NULL,
              "the environment has no variable 'TROUPE_TEST_UNSET'"),
        STORY("takes the default of one that is not set", "${TROUPE_TEST_UNSET:-x y}", "x y",
              NULL),
        STORY("takes the default of an empty one", "${TROUPE_TEST_EMPTY:-x}", "x", NULL),
        STORY("a default can be empty", "<${TROUPE_TEST_UNSET:-}>", "<>", NULL),
        STORY("leaves the default of one that is set", "${TROUPE_TEST_A:-x}", "alpha", NULL),
        STORY("a default ends at the first brace", "${TROUPE_TEST_UNSET:-{}}", "{}", NULL),
        STORY("does not expand what it has put", "${TROUPE_TEST_DOLLAR}", "${TROUPE_TEST_A}",
              NULL),
        STORY("two dollars are one", "$$", "$", NULL),
        STORY("two dollars hide a variable", "$${TROUPE_TEST_A}", "${TROUPE_TEST_A}", NULL),
        STORY("three dollars do not", "$$${TROUPE_TEST_A}", "$alpha", NULL),
        STORY("refuses a lone dollar", "5$", NULL, lone),
        STORY("refuses a dollar without a brace", "$HOME", NULL, lone),
        STORY("refuses no name", "${}", NULL, "no name of a variable behind '${'"),
        STORY("refuses a name with a digit first", "${1}", NULL,
              "no name of a variable behind '${'"),
        STORY("refuses an end behind the brace", "${", NULL,
              "no name of a variable behind '${'"),
        STORY("refuses a name without an end", "${A", NULL,
              "'${A' must go on with '}' or ':-DEFAULT}'"),
        STORY("refuses a default without an end", "${A:-b", NULL,
              "'${A' must go on with '}' or ':-DEFAULT}'"),
        STORY("refuses other operators", "${A:+b}", NULL,
              "'${A' must go on with '}' or ':-DEFAULT}'"),
        cmocka_unit_test(many_long_variables_are_refused),
    };
    return cmocka_run_group_tests_name("node/config_expand", tests, NULL, NULL) != 0;
}
