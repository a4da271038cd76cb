#include "tests/kit/check.h"

#include <string.h>

#include "cli/screen.h"

/* One row, one story: bytes that a terminal sends, and the key that they begin with. */
struct story {
    const char *bytes;
    int key;
    size_t n_used;
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    size_t n_used = 99;
    assert_int_equal(cli_screen_decode(story->bytes, strlen(story->bytes), &n_used),
                     story->key);
    assert_int_equal(n_used, story->n_used);
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("a letter is itself", "q", 'q', 1),
        STORY("the first of two", "sq", 's', 1),
        STORY("an arrow", "\033[A", CLI_SCREEN_UP, 3),
        STORY("an arrow of an application's keypad", "\033OB", CLI_SCREEN_DOWN, 3),
        STORY("an arrow, and more", "\033[Bq", CLI_SCREEN_DOWN, 3),
        STORY("a key with a number", "\033[5~", CLI_SCREEN_PAGE_UP, 4),
        STORY("home, as some say it", "\033[1~", CLI_SCREEN_HOME, 4),
        STORY("an arrow with a modifier is another key", "\033[1;5A", CLI_SCREEN_OTHER, 6),
        STORY("a function key", "\033[15~", CLI_SCREEN_OTHER, 5),
        STORY("a letter with alt", "\033q", CLI_SCREEN_OTHER, 2),
        STORY("half an arrow is not whole", "\033[", CLI_SCREEN_NONE, 0),
        STORY("nor is half a number", "\033[5", CLI_SCREEN_NONE, 0),
        STORY("nor escape, which may be more", "\033", CLI_SCREEN_NONE, 0),
        STORY("escape twice is escape", "\033\033", CLI_SCREEN_ESCAPE, 1),
    };
    return cmocka_run_group_tests_name("cli/screen", tests, NULL, NULL) != 0;
}
