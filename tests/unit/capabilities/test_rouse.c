/* Requests are left to workers that are awake only as long as all of it is true: they are
 * short, and usually so; somebody is at it, and was a moment ago; and they are few enough. Each
 * row takes one of these away. */

#include "tests/kit/check.h"

#include <stdbool.h>

#include "capabilities/rouse.h"

#define MOMENT_US   (TR_ROUSE_MOMENT_MS * 1000)
#define FINISHED_US 5000000

/* What was finished, in this order, the last at FINISHED_US, and who waits then. */
struct story {
    size_t n_processors;
    size_t n_short;
    size_t n_long;
    size_t n_short_again;
    size_t n_waiting;
    size_t n_awake;
    int64_t later_us;
    bool can_wait;
};

static void finish(tr_rouse_t *rouse, size_t n, int64_t took_us)
{
    for (size_t i = 0; i < n; i++) {
        tr_rouse_note(rouse, took_us, FINISHED_US);
    }
}

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_rouse_t rouse;
    tr_rouse_init(&rouse, story->n_processors);
    finish(&rouse, story->n_short, TR_ROUSE_SHORT_US - 1);
    finish(&rouse, story->n_long, TR_ROUSE_SHORT_US);
    finish(&rouse, story->n_short_again, 0);
    assert_int_equal(tr_rouse_can_wait(&rouse, story->n_waiting, story->n_awake,
                                       FINISHED_US + story->later_us),
                     story->can_wait);
}

static void one_that_does_not_say_is_long(void **state)
{
    (void)state;
    tr_rouse_t rouse;
    tr_rouse_init(&rouse, 8);
    finish(&rouse, 10000, INT64_MAX);
    assert_false(tr_rouse_can_wait(&rouse, 1, 1, FINISHED_US));
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("at first each is worth a worker", 8, 0, 0, 0, 1, 1, 0, false),
        STORY("a few short ones prove nothing", 8, 63, 0, 0, 1, 1, 0, false),
        STORY("after many short ones it can wait", 8, 64, 0, 0, 1, 1, 0, true),
        STORY("for a moment", 8, 64, 0, 0, 1, 1, MOMENT_US - 1, true),
        STORY("and no longer", 8, 64, 0, 0, 1, 1, MOMENT_US, false),
        STORY("nobody is awake", 8, 1000, 0, 0, 1, 0, 0, false),
        STORY("as many as one does soon", 8, 1000, 0, 0, 32, 1, 0, true),
        STORY("one more", 8, 1000, 0, 0, 33, 1, 0, false),
        STORY("as many as three do soon", 8, 1000, 0, 0, 96, 3, 0, true),
        STORY("one more than that", 8, 1000, 0, 0, 97, 3, 0, false),
        STORY("any number when no processor is left", 4, 1000, 0, 0, 100000, 3, 0, true),
        STORY("one is left", 4, 1000, 0, 0, 100000, 2, 0, false),
        STORY("on one processor all are awake that help", 1, 1000, 0, 0, 100000, 1, 0, true),
        STORY("on one processor nobody is", 1, 1000, 0, 0, 1, 0, 0, false),
        STORY("one long one among very many", 8, 100000, 1, 0, 1, 1, 0, true),
        STORY("four in a row still do not change it", 8, 100000, 4, 0, 1, 1, 0, true),
        STORY("five do", 8, 100000, 5, 0, 1, 1, 0, false),
        STORY("one among few does", 8, 127, 1, 0, 1, 1, 0, false),
        STORY("many long ones are made up for soon", 8, 100000, 100, 64, 1, 1, 0, true),
        STORY("not by one less", 8, 100000, 100, 63, 1, 1, 0, false),
        cmocka_unit_test(one_that_does_not_say_is_long),
    };
    return cmocka_run_group_tests_name("capabilities/rouse", tests, NULL, NULL) != 0;
}
