/* Rows: a text and a limit go in; what is left goes out. */

#include "tests/kit/check.h"

#include <string.h>

#include "base/utf8.h"

struct row {
    const char *text;
    size_t limit;
    const char *want;
};

static void cuts(void **state)
{
    const struct row *row = *state;
    assert_int_equal(tr_utf8_cut(tr_span_of(row->text), row->limit), strlen(row->want));
}

static void mends(void **state)
{
    const struct row *row = *state;
    char text[64];
    size_t size = strlen(row->text);
    memcpy(text, row->text, size);
    tr_utf8_mend(text, size);
    assert_int_equal(size, strlen(row->want));
    assert_memory_equal(text, row->want, size);
}

/* clang-format off */
#define CUT(title, ...) \
    { .name = title, .test_func = cuts, .initial_state = &(struct row){__VA_ARGS__} }
#define MEND(title, text, want) \
    { .name = title, .test_func = mends, .initial_state = &(struct row){text, 0, want} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        CUT("leaves alone what is short enough", "héron", 6, "héron"),
        CUT("cuts after the last whole character", "héron", 2, "h"),
        CUT("cuts between characters", "héron", 3, "hé"),
        CUT("keeps no third of a character of four bytes", "a\xf0\x9f\x8e\xad", 4, "a"),
        CUT("cuts to nothing", "\xf0\x9f\x8e\xad", 3, ""),
        CUT("gives up on what is no UTF-8", "\x80\x80\x80\x80\x80\x80", 5, "\x80\x80"),
        MEND("leaves good text alone", "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\xad",
             "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\xad"),
        MEND("replaces Latin-1", "h\xe9ron", "h?ron"),
        MEND("replaces a lone continuation byte", "a\x80z", "a?z"),
        MEND("replaces what is cut off", "a\xe2\x82", "a??"),
        MEND("replaces an overlong slash", "\xc0\xaf", "??"),
        MEND("replaces overlong forms of three and four bytes", "\xe0\x80\xaf\xf0\x80\x80\xaf",
             "???????"),
        MEND("replaces a surrogate", "\xed\xa0\x80", "???"),
        MEND("keeps the last one before the surrogates", "\xed\x9f\xbf", "\xed\x9f\xbf"),
        MEND("keeps the last character there is", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"),
        MEND("replaces what lies above it", "\xf4\x90\x80\x80", "????"),
    };
    return cmocka_run_group_tests_name("base/utf8", tests, NULL, NULL) != 0;
}
