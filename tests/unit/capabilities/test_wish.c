/* How many are wished for, and how often the pool hears of it. */

#include "tests/kit/check.h"

#include "base/clock.h"
#include "capabilities/wish.h"

/* So many wait, each worker takes so many, so many more there may be: so many are wished for.
 */
struct size {
    size_t n_waiting;
    size_t n_at_once;
    size_t n_free;
    size_t n;
};

static void size_is(void **state)
{
    const struct size *row = *state;
    assert_int_equal(tr_wish_size(row->n_waiting, row->n_at_once, row->n_free), row->n);
}

/* One row, one story, millisecond by millisecond: what could be used, and whether the pool was
 * told ('t'), or is to be asked later ('.': never; a digit: in so many ms, 9 for more). Before
 * it the pool may have answered ('a') or refused ('r'). */
struct step {
    int64_t at_ms;
    char answer; /* 'a', 'r', or 0 */
    size_t n;
    char heard;
};

struct story {
    struct step steps[8];
};

static char what_was_heard(tr_wish_t *wish, size_t n, int64_t now_ms)
{
    int64_t again_ms = 0;
    if (tr_wish_is_due(wish, n, now_ms, &again_ms)) {
        assert_int_equal(again_ms, TR_NEVER);
        return 't';
    }
    assert_true(again_ms > now_ms);
    return again_ms == TR_NEVER    ? '.'
           : again_ms - now_ms > 8 ? '9'
                                   : (char)('0' + (again_ms - now_ms));
}

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_wish_t wish = {0};
    for (const struct step *step = story->steps; step->heard; step++) {
        if (step->answer == 'a') {
            tr_wish_answered(&wish);
        } else if (step->answer == 'r') {
            tr_wish_refused(&wish, step->at_ms);
        }
        assert_int_equal(what_was_heard(&wish, step->n, step->at_ms), step->heard);
    }
}

/* clang-format off */
#define SIZE(title, ...) \
    { .name = title, .test_func = size_is, .initial_state = &(struct size){__VA_ARGS__} }
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){{__VA_ARGS__}} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIZE("nothing waits", 0, 1, 4, 0),
        SIZE("one each", 3, 1, 4, 3),
        SIZE("no more than may be", 1000, 1, 4, 4),
        SIZE("one for several", 4, 4, 8, 1),
        SIZE("one more for the rest", 5, 4, 8, 2),
        SIZE("as many as there can be", SIZE_MAX, 1, SIZE_MAX, SIZE_MAX),
        STORY("told once", {1000, 0, 1, 't'}, {1000, 0, 1, '.'}, {9000, 0, 1, '.'}),
        STORY("nothing to tell", {1000, 0, 0, '.'}, {1001, 'a', 0, '.'}),
        STORY("twice as much is told at once", {1000, 0, 1, 't'}, {1000, 0, 2, 't'},
              {1000, 0, 4, 't'}, {1000, 0, 9, 't'}),
        STORY("a little more is told in a moment", {1000, 0, 2, 't'}, {1012, 0, 3, '8'},
              {1019, 0, 3, '1'}, {1020, 0, 3, 't'}),
        STORY("less is told in a moment", {1000, 0, 4, 't'}, {1013, 0, 1, '7'},
              {1020, 0, 1, 't'}, {1040, 0, 0, 't'}),
        STORY("none is told at once when the last word is old", {1000, 0, 4, 't'},
              {1500, 0, 0, 't'}, {1500, 0, 0, '.'}),
        STORY("one that comes and goes and comes is no news", {1000, 0, 1, 't'},
              {1001, 0, 0, '9'}, {1002, 0, 1, '.'}, {1015, 0, 0, '5'}, {1020, 0, 1, '.'}),
        STORY("one that was answered is made again", {1000, 0, 1, 't'}, {1001, 'a', 1, 't'},
              {1001, 0, 1, '.'}),
        STORY("also for less", {1000, 0, 4, 't'}, {1001, 'a', 3, 't'}, {1001, 0, 3, '.'}),
        STORY("one that was answered may be over", {1000, 0, 1, 't'}, {1001, 'a', 0, '9'},
              {1020, 0, 0, 't'}, {1020, 0, 0, '.'}, {1021, 0, 1, 't'}),
        STORY("one that was refused is made again after a while", {1000, 0, 1, 't'},
              {1001, 'r', 1, '9'}, {1990, 0, 4, '9'}, {1993, 0, 4, '8'}, {2001, 0, 4, 't'}),
        STORY("one that was refused may be over before", {1000, 0, 1, 't'}, {1001, 'r', 1, '9'},
              {1020, 0, 0, 't'}, {1021, 0, 1, '9'}, {2001, 0, 1, 't'}),
    };
    return cmocka_run_group_tests_name("capabilities/wish", tests, NULL, NULL) != 0;
}
