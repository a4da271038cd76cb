/* The children are drawn as a word, one letter a child, and what happens to them is the log
 * of the story: "start a, start b, wait". Doing a step and asking again, until there is nothing
 * to do, is what the supervisor does. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "supervisors/strategy.h"

#define MOST  8
#define NOW   1000
#define LATER 1500

/* How a child is drawn. */
static tr_child_view_t child_drawn_as(char sign)
{
    switch (sign) {
    case 'U': /* up, and shall be */
        return (tr_child_view_t){TR_CHILD_UP, true, false, false, 0, false};
    case 'u': /* up, and shall go and come back in its turn */
        return (tr_child_view_t){TR_CHILD_UP, true, true, true, 0, false};
    case 'x': /* up, and shall go for good, in its turn */
        return (tr_child_view_t){TR_CHILD_UP, false, true, true, 0, false};
    case 'y': /* up, and shall go alone */
        return (tr_child_view_t){TR_CHILD_UP, false, true, false, 0, false};
    case 'S': /* starting in its turn */
        return (tr_child_view_t){TR_CHILD_STARTING, true, false, true, 0, false};
    case 's': /* starting, and shall go for good, in its turn */
        return (tr_child_view_t){TR_CHILD_STARTING, false, true, true, 0, false};
    case 'G': /* going, and shall come back in its turn */
        return (tr_child_view_t){TR_CHILD_STOPPING, true, true, true, 0, false};
    case 'g': /* going for good, in its turn */
        return (tr_child_view_t){TR_CHILD_STOPPING, false, true, true, 0, false};
    case 'h': /* going alone */
        return (tr_child_view_t){TR_CHILD_STOPPING, false, true, false, 0, false};
    case 'T': /* down, starts in its turn */
        return (tr_child_view_t){TR_CHILD_DOWN, true, false, true, 0, false};
    case 't': /* down, starts in its turn but not before LATER */
        return (tr_child_view_t){TR_CHILD_DOWN, true, false, true, LATER, false};
    case 'A': /* down, starts alone */
        return (tr_child_view_t){TR_CHILD_DOWN, true, false, false, 0, false};
    case 'a': /* down, starts alone but not before LATER */
        return (tr_child_view_t){TR_CHILD_DOWN, true, false, false, LATER, false};
    case 'H': /* down, and held: starts alone when what it needs is there */
        return (tr_child_view_t){TR_CHILD_DOWN, true, false, false, 0, true};
    case '-': /* down, and stays so */
        return (tr_child_view_t){TR_CHILD_DOWN, false, false, false, 0, false};
    default:
        fail_msg("no child is drawn as '%c'", sign);
        return (tr_child_view_t){0};
    }
}

static void draw(const char *signs, tr_child_view_t *children)
{
    for (size_t i = 0; signs[i]; i++) {
        assert_true(i < MOST);
        children[i] = child_drawn_as(signs[i]);
    }
}

struct story {
    tr_strategy_t strategy;
    const char *children;
    const char *log; /* +2 start the child 2, -2 stop it; then how long to wait */
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_child_view_t children[MOST];
    size_t n = strlen(story->children);
    draw(story->children, children);

    char log[128] = "";
    for (int i = 0;; i++) {
        assert_true(i < 2 * MOST);
        tr_step_t step = tr_strategy_next(story->strategy, children, n, NOW);
        size_t used = strlen(log);
        if (step.kind == TR_STEP_NOTHING) {
            snprintf(log + used, sizeof log - used, step.at_ms == TR_NEVER ? "." : "~%lld",
                     (long long)step.at_ms);
            break;
        }
        bool is_start = step.kind == TR_STEP_START;
        assert_int_equal(children[step.child].phase == TR_CHILD_DOWN, is_start);
        children[step.child].phase = is_start ? TR_CHILD_STARTING : TR_CHILD_STOPPING;
        snprintf(log + used, sizeof log - used, "%c%zu", is_start ? '+' : '-', step.child);
    }
    assert_string_equal(log, story->log);
}

struct fall {
    tr_strategy_t strategy;
    size_t n;
    size_t failed;
    size_t first;
    size_t end;
};

static void fall_holds(void **state)
{
    const struct fall *fall = *state;
    size_t first = 99;
    size_t end = 99;
    tr_strategy_affected(fall->strategy, fall->n, fall->failed, &first, &end);
    assert_int_equal(first, fall->first);
    assert_int_equal(end, fall->end);
}

/* Four children rise, fall together and rise again, each step carried out at once. */
static void a_group_goes_down_backwards_and_comes_up_forwards(void **state)
{
    (void)state;
    tr_child_view_t children[4];
    draw("uuTu", children); /* the third one fell by itself */
    const char *want = "-3 -1 -0 +0 +1 +2 +3 ";
    char log[64] = "";
    for (;;) {
        tr_step_t step = tr_strategy_next(TR_ONE_FOR_ALL, children, 4, NOW);
        if (step.kind == TR_STEP_NOTHING) {
            break;
        }
        tr_child_view_t *child = &children[step.child];
        bool is_start = step.kind == TR_STEP_START;
        child->phase = is_start ? TR_CHILD_UP : TR_CHILD_DOWN;
        child->must_stop = child->must_stop && is_start;
        child->is_in_turn = child->is_in_turn && !is_start;
        size_t used = strlen(log);
        snprintf(log + used, sizeof log - used, "%c%zu ", is_start ? '+' : '-', step.child);
    }
    assert_string_equal(log, want);
}

static void names_are_those_of_the_configuration(void **state)
{
    (void)state;
    assert_string_equal(tr_strategy_name(TR_ONE_FOR_ONE), "one_for_one");
    assert_string_equal(tr_strategy_name(TR_ONE_FOR_ALL), "one_for_all");
    assert_string_equal(tr_strategy_name(TR_REST_FOR_ONE), "rest_for_one");
    assert_string_equal(tr_strategy_name(TR_SIMPLE_ONE_FOR_ONE), "simple_one_for_one");
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
#define FALL(title, ...) \
    { .name = title, .test_func = fall_holds, .initial_state = &(struct fall){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        FALL("one for one falls alone", TR_ONE_FOR_ONE, 3, 1, 1, 2),
        FALL("one for all takes all along", TR_ONE_FOR_ALL, 3, 1, 0, 3),
        FALL("rest for one takes those after it", TR_REST_FOR_ONE, 3, 1, 1, 3),
        FALL("the last of the rest falls alone", TR_REST_FOR_ONE, 3, 2, 2, 3),
        FALL("one of a pool falls alone", TR_SIMPLE_ONE_FOR_ONE, 3, 0, 0, 1),

        STORY("nobody is nothing to do", TR_ONE_FOR_ONE, "", "."),
        STORY("all up is nothing to do", TR_ONE_FOR_ONE, "UUU", "."),
        STORY("the first start is one at a time", TR_ONE_FOR_ONE, "TTT", "+0."),
        STORY("the next waits for the one that starts", TR_ONE_FOR_ONE, "STT", "."),
        STORY("and follows when it is up", TR_ONE_FOR_ONE, "UTT", "+1."),
        STORY("one that is not wanted holds nobody up", TR_ONE_FOR_ONE, "-TT", "+1."),
        STORY("one that waits for its time holds the later ones up", TR_ONE_FOR_ONE, "UtT",
              "~1500"),
        STORY("one that fell starts again alone", TR_ONE_FOR_ONE, "UAU", "+1."),
        STORY("two that fell need not wait for each other", TR_ONE_FOR_ONE, "aUA", "+2~1500"),
        STORY("nor for one that still starts", TR_ONE_FOR_ONE, "SA", "+1."),
        STORY("a restart that is not due says when", TR_ONE_FOR_ONE, "UaU", "~1500"),

        STORY("stops begin with the last", TR_ONE_FOR_ONE, "xxx", "-2."),
        STORY("the one before waits until it is gone", TR_ONE_FOR_ONE, "xxg", "."),
        STORY("and follows then", TR_ONE_FOR_ONE, "xx-", "-1."),
        STORY("one that still starts is stopped too", TR_ONE_FOR_ONE, "xs-", "-1."),
        STORY("a child that stays lets those before it stop", TR_ONE_FOR_ONE, "xU", "-0."),

        STORY("a group is down before it rises", TR_ONE_FOR_ALL, "TuG", "."),
        STORY("stops come before starts", TR_ONE_FOR_ALL, "Tuu", "-2."),
        STORY("a group rises from its first", TR_ONE_FOR_ALL, "TTT", "+0."),
        STORY("not before the one that failed may", TR_ONE_FOR_ALL, "UtT", "~1500"),
        STORY("those before the rest stay as they are", TR_REST_FOR_ONE, "UTu", "-2."),
        STORY("the rest rises when it is down", TR_REST_FOR_ONE, "UTT", "+1."),

        STORY("a pool starts all at once", TR_SIMPLE_ONE_FOR_ONE, "AAA", "+0+1+2."),
        STORY("a pool stops all at once", TR_SIMPLE_ONE_FOR_ONE, "xxx", "-2-1-0."),
        STORY("a pool starts one while another goes", TR_SIMPLE_ONE_FOR_ONE, "gAU", "+1."),
        STORY("one that is held does not start, and holds nobody up", TR_SIMPLE_ONE_FOR_ONE,
              "HAH", "+1."),
        STORY("in a pool only the late one waits", TR_SIMPLE_ONE_FOR_ONE, "aAU", "+1~1500"),

        cmocka_unit_test(a_group_goes_down_backwards_and_comes_up_forwards),
        cmocka_unit_test(names_are_those_of_the_configuration),
    };
    return cmocka_run_group_tests_name("supervisors/strategy", tests, NULL, NULL) != 0;
}
