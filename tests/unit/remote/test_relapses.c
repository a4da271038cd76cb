#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/workers/relapses.h"

static tr_relapses_t *relapses;

static int set_up(void **state)
{
    (void)state;
    relapses = calloc(1, sizeof *relapses);
    return relapses ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(relapses);
    return 0;
}

static void the_first_few_are_let_pass(void **state)
{
    (void)state;
    assert_int_equal(tr_relapses_wait_ms(relapses, "vision alice", 0), 0);
    for (int64_t i = 0; i < TR_RELAPSES_FREE; i++) {
        tr_relapses_note(relapses, "vision alice", 5, i);
        assert_int_equal(tr_relapses_wait_ms(relapses, "vision alice", i), 0);
    }
    tr_relapses_note(relapses, "vision alice", 5, 100);
    assert_int_equal(tr_relapses_wait_ms(relapses, "vision alice", 100), TR_RELAPSES_FIRST_MS);
    assert_int_equal(tr_relapses_wait_ms(relapses, "vision alice", 600), 500);
    assert_int_equal(tr_relapses_wait_ms(relapses, "vision alice", 1100), 0);
    assert_int_equal(tr_relapses_wait_ms(relapses, "vision bob", 100), 0);
    assert_int_equal(tr_relapses_wait_ms(relapses, "ocr alice", 100), 0);
}

static void each_keeps_it_out_for_twice_as_long(void **state)
{
    (void)state;
    int64_t now_ms = 0;
    int64_t want_ms = TR_RELAPSES_FIRST_MS;
    for (int i = 0; i < TR_RELAPSES_FREE; i++) {
        tr_relapses_note(relapses, "x", 0, now_ms);
    }
    for (int i = 0; i < 100; i++) {
        tr_relapses_note(relapses, "x", 0, now_ms);
        assert_int_equal(tr_relapses_wait_ms(relapses, "x", now_ms), want_ms);
        now_ms += want_ms;
        want_ms = want_ms * 2 < TR_RELAPSES_MOST_MS ? want_ms * 2 : TR_RELAPSES_MOST_MS;
    }
}

static void a_good_life_makes_up_for_it(void **state)
{
    (void)state;
    for (int i = 0; i <= TR_RELAPSES_FREE; i++) {
        tr_relapses_note(relapses, "x", TR_RELAPSES_SHORT_MS - 1, 0);
    }
    assert_int_equal(tr_relapses_wait_ms(relapses, "x", 0), TR_RELAPSES_FIRST_MS);
    tr_relapses_note(relapses, "x", TR_RELAPSES_SHORT_MS, 1);
    assert_int_equal(tr_relapses_wait_ms(relapses, "x", 1), 0);
    tr_relapses_note(relapses, "x", 0, 2);
    assert_int_equal(tr_relapses_wait_ms(relapses, "x", 2), 0);
}

static void a_quiet_while_makes_up_for_it(void **state)
{
    (void)state;
    for (int i = 0; i <= TR_RELAPSES_FREE; i++) {
        tr_relapses_note(relapses, "x", 0, 0);
    }
    int64_t later_ms = TR_RELAPSES_FIRST_MS + TR_RELAPSES_QUIET_MS;
    tr_relapses_note(relapses, "x", 0, later_ms - 1);
    assert_int_equal(tr_relapses_wait_ms(relapses, "x", later_ms - 1),
                     2 * TR_RELAPSES_FIRST_MS);
    later_ms += 2 * TR_RELAPSES_FIRST_MS + TR_RELAPSES_QUIET_MS;
    tr_relapses_note(relapses, "x", 0, later_ms);
    assert_int_equal(tr_relapses_wait_ms(relapses, "x", later_ms), 0);
}

static void the_latest_are_remembered(void **state)
{
    (void)state;
    char name[32];
    for (int i = 0; i <= TR_RELAPSES_FREE; i++) {
        tr_relapses_note(relapses, "the oldest", 0, 0);
    }
    for (int i = 1; i <= TR_RELAPSES_KEPT; i++) {
        snprintf(name, sizeof name, "number %d", i);
        for (int k = 0; k <= TR_RELAPSES_FREE; k++) {
            tr_relapses_note(relapses, name, 0, i);
        }
    }
    assert_int_equal(tr_relapses_wait_ms(relapses, "the oldest", 1), 0);
    assert_int_equal(tr_relapses_wait_ms(relapses, "number 1", 1), TR_RELAPSES_FIRST_MS);
    assert_int_equal(tr_relapses_wait_ms(relapses, name, TR_RELAPSES_KEPT),
                     TR_RELAPSES_FIRST_MS);
}

static void a_long_name_is_cut(void **state)
{
    (void)state;
    char name[2 * TR_RELAPSES_NAME];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (int i = 0; i <= TR_RELAPSES_FREE; i++) {
        tr_relapses_note(relapses, name, 0, 0);
    }
    assert_int_equal(tr_relapses_wait_ms(relapses, name, 0), TR_RELAPSES_FIRST_MS);
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(the_first_few_are_let_pass),  STORY(each_keeps_it_out_for_twice_as_long),
        STORY(a_good_life_makes_up_for_it), STORY(a_quiet_while_makes_up_for_it),
        STORY(the_latest_are_remembered),   STORY(a_long_name_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
