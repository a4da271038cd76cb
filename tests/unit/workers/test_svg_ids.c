#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "workers/text_to_image/svg_ids.h"

/* One row, one story: what Cairo has written, and what becomes of it. */
struct story {
    const char *svg;
    const char *becomes;
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    size_t size = 0;
    char *svg = tr_svg_with_own_ids(story->svg, strlen(story->svg), &size);
    assert_non_null(svg);
    assert_string_equal(svg, story->becomes);
    assert_int_equal(size, strlen(story->becomes));
    free(svg);
}

/* What begins like a name at the end of all is looked at no further than there. */
static void nothing_is_read_behind_the_end(void **state)
{
    (void)state;
    static const char svg[] = "<g id=\"surface12\"/>";
    for (size_t size = 0; size < sizeof svg; size++) {
        char *cut = malloc(size > 0 ? size : 1);
        assert_non_null(cut);
        memcpy(cut, svg, size);
        size_t size_out = 99;
        char *own = tr_svg_with_own_ids(cut, size, &size_out);
        assert_non_null(own);
        assert_true(size_out <= size);
        free(own);
        free(cut);
    }
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("counts from one", "<g id=\"surface17\">", "<g id=\"surface1\">"),
        STORY("names alike what was alike",
              "<g id=\"surface9\"><image id=\"image12\"/><use xlink:href=\"#image12\"/>"
              "<g filter=\"url(#surface9)\"/>",
              "<g id=\"surface1\"><image id=\"image2\"/><use xlink:href=\"#image2\"/>"
              "<g filter=\"url(#surface1)\"/>"),
        STORY("leaves other names", "<symbol id=\"glyph0-12\"/>surface7 \"surfaces\"",
              "<symbol id=\"glyph0-12\"/>surface7 \"surfaces\""),
        STORY("is fine with nothing", "", ""),
        cmocka_unit_test(nothing_is_read_behind_the_end),
    };
    return cmocka_run_group_tests_name("workers/svg_ids", tests, NULL, NULL) != 0;
}
