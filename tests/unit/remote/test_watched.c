/* Monitors of an actor through its lives: who shares a watch, and who is told of which end. */

#include "tests/kit/check.h"
#include "tests/kit/fault_point.h"

#include <string.h>

#include "remote/gateway/watched.h"

#define N_CALLS 4

static const tr_mailbox_limits_t limits = {10, 100000};
static tr_mailbox_t *watcher; /* the gateway's */
static tr_mailbox_t *mailbox;
static troupe_ref_t *actor;
static tr_watched_t watched;
static tr_open_call_t calls[N_CALLS];
static uint64_t incarnation;

static int set_up(void **state)
{
    (void)state;
    watcher = tr_mailbox_new("gateway", 1, limits);
    mailbox = tr_mailbox_new_lasting("a", limits);
    actor = tr_ref_new("a", "", mailbox, 0);
    tr_watched_init(&watched, watcher, 1);
    memset(calls, 0, sizeof calls);
    tr_ref_begin(actor, ++incarnation);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_null(actor->watches); /* nobody is left who would be told */
    tr_watched_finish(&watched);
    troupe_ref_release(&actor);
    tr_mailbox_release(&mailbox);
    for (tr_letter_t *letter; (letter = tr_mailbox_next(watcher, NULL));) {
        tr_letter_destroy(&letter);
    }
    tr_mailbox_release(&watcher);
    return 0;
}

static void add(size_t i)
{
    assert_status(tr_watched_add(&watched, actor, &calls[i]), TROUPE_OK);
    assert_non_null(calls[i].watched);
}

static void remove_call(size_t i)
{
    tr_watched_remove(&watched, &calls[i]);
    assert_null(calls[i].watched);
}

static void life_ends(void)
{
    const tr_reason_t reason = tr_reason_of(TROUPE_REASON_FAILED);
    tr_ref_end(actor, incarnation, &reason);
}

static void life_begins(void)
{
    tr_ref_begin(actor, ++incarnation);
}

/* Who is told by the next notice; NULL: nobody. */
static tr_watched_life_t *take_notice(void)
{
    tr_letter_t *letter = tr_mailbox_next(watcher, NULL);
    assert_non_null(letter);
    tr_watched_life_t *life = tr_watched_take(&watched, tr_mail_in(letter));
    tr_letter_destroy(&letter);
    return life;
}

/* The calls of those numbers are told, as "013". */
static void tells(const char *numbers)
{
    tr_watched_life_t *life = take_notice();
    for (const char *number = numbers; *number; number++) {
        assert_non_null(life);
        assert_ptr_equal(tr_watched_pop(&life), &calls[*number - '0']);
        assert_null(calls[*number - '0'].watched);
    }
    if (life) {
        assert_null(tr_watched_pop(&life));
        assert_null(life);
    }
}

static void tells_nothing_more(void)
{
    assert_null(tr_mailbox_next(watcher, NULL));
}

static void all_of_one_life_are_told_by_one_notice(void **state)
{
    (void)state;
    add(0);
    add(1);
    add(2);
    assert_ptr_equal(calls[0].watched, calls[2].watched);
    life_ends();
    tells("012");
    tells_nothing_more();
}

static void who_does_not_wait_any_more_is_not_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CALLS; i++) {
        add(i);
    }
    remove_call(1);
    remove_call(0);
    remove_call(3);
    add(1);
    life_ends();
    tells("21");
    remove_call(2); /* which is late, and fine */
    tells_nothing_more();
}

static void the_last_to_leave_ends_the_watch(void **state)
{
    (void)state;
    add(0);
    add(1);
    remove_call(0);
    remove_call(1);
    assert_null(actor->watches);
    life_ends();
    tells_nothing_more();
    life_begins();
}

/* The notice of the first life is on its way when the second is monitored. */
static void each_life_has_a_notice(void **state)
{
    (void)state;
    add(0);
    life_ends();
    life_begins();
    add(1);
    life_ends();
    life_begins();
    add(2);
    tells("0");
    tells("1");
    add(3);
    life_ends();
    tells("23");
    tells_nothing_more();
}

static void between_two_it_is_the_next_life(void **state)
{
    (void)state;
    life_ends();
    add(0);
    add(1);
    assert_ptr_equal(calls[0].watched, calls[1].watched);
    life_begins();
    add(2); /* of the same life, by a notice of its own */
    life_ends();
    add(3); /* and this of the one after it */
    tells("01");
    tells("2");
    tells_nothing_more();
    life_begins();
    life_ends();
    tells("3");
}

static void a_notice_that_nobody_waits_for(void **state)
{
    (void)state;
    add(0);
    life_ends();
    remove_call(0);
    assert_null(take_notice());
    tells_nothing_more();
}

/* As when a peer is dropped because of what it was told. */
static void who_leaves_while_others_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CALLS; i++) {
        add(i);
    }
    life_ends();
    tr_watched_life_t *life = take_notice();
    assert_ptr_equal(tr_watched_pop(&life), &calls[0]);
    remove_call(1);
    remove_call(3);
    life_begins();
    add(0); /* of the next life */
    assert_ptr_equal(tr_watched_pop(&life), &calls[2]);
    assert_null(tr_watched_pop(&life));
    life_ends();
    tells("0");
}

static void one_that_has_ended_for_good_tells_at_once(void **state)
{
    (void)state;
    life_ends();
    add(0);
    tr_ref_finish(actor);
    add(1); /* the notice is on its way, and as true */
    tells("01");
    add(2);
    tells("2");
}

static void without_memory_nobody_waits(void **state)
{
    (void)state;
    bool is_done = false;
    add(0);
    life_ends();
    life_begins();
    for (size_t n_passes = 0; !is_done; n_passes++) {
        tr_fault_arm(&tr_fault_memory, n_passes, 1);
        is_done = tr_watched_add(&watched, actor, &calls[1]) == TROUPE_OK;
        tr_fault_disarm(&tr_fault_memory);
        assert_true(is_done == (calls[1].watched != NULL));
        assert_true(is_done || !actor->watches);
    }
    tells("0");
    life_ends();
    tells("1");
}

#define STORY(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(all_of_one_life_are_told_by_one_notice),
        STORY(who_does_not_wait_any_more_is_not_told),
        STORY(the_last_to_leave_ends_the_watch),
        STORY(each_life_has_a_notice),
        STORY(between_two_it_is_the_next_life),
        STORY(a_notice_that_nobody_waits_for),
        STORY(who_leaves_while_others_are_told),
        STORY(one_that_has_ended_for_good_tells_at_once),
        STORY(without_memory_nobody_waits),
    };
    return cmocka_run_group_tests_name("remote/watched", tests, NULL, NULL) != 0;
}
