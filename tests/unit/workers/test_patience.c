#include "tests/kit/check.h"

#include "workers/text_to_text/patience.h"

/* One row, one text, word by word:
 *
 *   r  a right word
 *   w  a wrong one that is asked for, which comes to something
 *   v  one that is asked for in vain
 *   n  one that is not asked for any more
 *
 * each as often as the number before it says.
 */
struct story {
    const char *text;
};

static void read_word(tr_patience_t *patience, char kind)
{
    tr_patience_see(patience, kind == 'r');
    if (kind != 'r') {
        assert_int_equal(tr_patience_lasts(patience, 8), kind != 'n');
    }
    if (kind == 'w' || kind == 'v') {
        tr_patience_note(patience, kind == 'v');
    }
}

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_patience_t patience = {0};
    size_t n = 0;
    for (const char *c = story->text; *c; c++) {
        if (*c == ' ') {
            continue;
        }
        if (*c >= '0' && *c <= '9') {
            n = 10 * n + (size_t)(*c - '0');
            continue;
        }
        for (size_t i = 0; i < (n ? n : 1); i++) {
            read_word(&patience, *c);
        }
        n = 0;
    }
}

/* Strange words, each with a right one before it, until it is enough. */
static size_t words_until_it_is_enough(size_t n_right_between)
{
    tr_patience_t patience = {0};
    size_t n = 0;
    while (n < 100000) {
        for (size_t i = 0; i < n_right_between; i++) {
            tr_patience_see(&patience, true);
        }
        tr_patience_see(&patience, false);
        if (!tr_patience_lasts(&patience, 8)) {
            break;
        }
        tr_patience_note(&patience, true);
        n++;
    }
    return n;
}

static void it_lasts_as_long_as_a_text_deserves(void **state)
{
    (void)state;
    size_t n = words_until_it_is_enough(1);
    assert_in_range(n, TR_PATIENCE_IN_VAIN, TR_PATIENCE_IN_VAIN + 10);
    assert_int_equal(words_until_it_is_enough(TR_PATIENCE_RIGHT), 100000); /* for ever */
}

static void what_is_too_long_is_no_word(void **state)
{
    (void)state;
    const tr_patience_t patience = {0};
    assert_true(tr_patience_lasts(&patience, TR_PATIENCE_LETTERS));
    assert_false(tr_patience_lasts(&patience, TR_PATIENCE_LETTERS + 1));
}

/* clang-format off */
#define STORY(title, words) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){words} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("a good text", "50r w 3r v 100r 2w 10r"),
        STORY("a passage of noise", "5r 10v 20n r v"),
        STORY("noise behind a single right word", "10v n r 10v n"),
        STORY("what comes to something is noise too, in a row", "10w n"),
        STORY("many names, with mistakes between them", "10v r 10v r 9v r w r 10v r 10v"),
        cmocka_unit_test(it_lasts_as_long_as_a_text_deserves),
        cmocka_unit_test(what_is_too_long_is_no_word),
    };
    return cmocka_run_group_tests_name("workers/patience", tests, NULL, NULL) != 0;
}
