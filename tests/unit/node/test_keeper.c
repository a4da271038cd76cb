/* The keeper is real, and so is its root, which has no children. Its routers and its operator
 * are mailboxes of the test: what each is told, in order, is the story. "drain(1)" asks a
 * router to let its pool rest then.
 */

#include "tests/kit/check.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "node/keeper.h"

#define PATIENCE_MS 10000
#define LIMITS      ((tr_mailbox_limits_t){1000, 100000})

typedef struct scene {
    tr_config_t config;
    tr_plan_t plan;
    tr_runtime_t *runtime;
    tr_mailbox_t *parent;
    tr_mailbox_t *asker;
    tr_mailbox_t *routers[2];
    uint64_t drains[2]; /* the number that each router was asked with last */
    tr_actor_t *keeper;
} scene_t;

static scene_t scene;

/* The next letter that comes to it. */
static tr_letter_t *await(tr_mailbox_t *mailbox)
{
    int64_t until_ms = tr_clock_now_ms() + PATIENCE_MS;
    tr_letter_t *letter;
    while (!(letter = tr_mailbox_next(mailbox, NULL))) {
        int64_t left_ms = until_ms - tr_clock_now_ms();
        assert_true(left_ms > 0);
        if (tr_mailbox_park(mailbox)) {
            struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
            poll(&bell, 1, (int)left_ms);
            tr_mailbox_unpark(mailbox);
        }
    }
    return letter;
}

/* Wait for that word; others before it are a fault. */
static uint64_t hears(tr_mailbox_t *mailbox, tr_word_t word)
{
    tr_letter_t *letter = await(mailbox);
    const tr_control_t *control = tr_control_in(letter);
    assert_non_null(control);
    assert_string_equal(tr_word_name(control->word), tr_word_name(word));
    uint64_t number = control->incarnation;
    tr_letter_destroy(&letter);
    return number;
}

static void router_is_asked_to_drain(int i, uint64_t rests)
{
    tr_letter_t *letter = await(scene.routers[i]);
    const tr_control_t *control = tr_control_in(letter);
    assert_int_equal(control->word, TR_WORD_DRAIN);
    assert_int_equal(control->number, rests);
    scene.drains[i] = control->incarnation;
    tr_letter_destroy(&letter);
}

static void both_are_asked_to_drain(uint64_t rests)
{
    router_is_asked_to_drain(0, rests);
    router_is_asked_to_drain(1, rests);
}

static void say_drained(uint64_t number)
{
    tr_control_say(scene.keeper->mailbox, TR_WORD_DRAINED, number);
}

static void ask(tr_word_t word)
{
    tr_control_t *control = tr_control_new(word, 0);
    assert_non_null(control);
    control->mailbox = tr_mailbox_share(scene.asker);
    tr_control_send(control, scene.keeper->mailbox);
}

static void stop(void)
{
    tr_control_t *control = tr_control_new(TR_WORD_STOP, 0);
    control->reason = tr_reason_of(TROUPE_REASON_SHUTDOWN);
    tr_control_send(control, scene.keeper->mailbox);
}

/* What the keeper was told before has been done when it answers this. */
static void settle(void)
{
    tr_control_t *ping = tr_control_new(TR_WORD_PING, 0);
    ping->number = 7;
    tr_control_send(ping, scene.keeper->mailbox);
    hears(scene.parent, TR_WORD_PONG);
}

static tr_node_phase_t phase(void)
{
    return (tr_node_phase_t)atomic_load(&scene.runtime->phase);
}

static void assert_silent(tr_mailbox_t *mailbox)
{
    tr_letter_t *letter = tr_mailbox_next(mailbox, NULL);
    assert_null(letter);
}

static int set_up(void **state)
{
    (void)state;
    scene = (scene_t){.config = {.drain_timeout_ms = 3600 * 1000}};
    scene.plan = (tr_plan_t){
        .config = &scene.config,
        .root = {.name = TR_NAME_ROOT, .strategy = TR_ONE_FOR_ONE, .period_ms = 1},
    };
    scene.runtime = tr_runtime_new("test");
    scene.parent = tr_mailbox_new("node", 1, LIMITS);
    scene.asker = tr_mailbox_new("operator", 1, LIMITS);
    assert_non_null(scene.runtime);
    for (int i = 0; i < 2; i++) {
        char name[16];
        snprintf(name, sizeof name, "cap%d", i);
        scene.routers[i] = tr_mailbox_new(name, 1, LIMITS);
        assert_status(tr_directory_register(scene.runtime->directory, TR_NAMES_CAPABILITY, name,
                                            scene.routers[i]),
                      TROUPE_OK);
    }
    assert_status(tr_keeper_start(&scene.plan, scene.runtime, scene.parent, &scene.keeper),
                  TROUPE_OK);
    hears(scene.parent, TR_WORD_STARTED);
    assert_int_equal(phase(), TR_NODE_READY);
    return 0;
}

static void close_box(tr_mailbox_t **mailbox)
{
    tr_directory_forget(scene.runtime->directory, *mailbox);
    tr_mailbox_close(*mailbox);
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(*mailbox, NULL)) != NULL) {
        tr_letter_destroy(&letter);
    }
    tr_mailbox_release(mailbox);
}

/* Every story ends with the keeper's end. */
static int tear_down(void **state)
{
    (void)state;
    hears(scene.parent, TR_WORD_ENDED);
    assert_status(tr_actor_reap(&scene.keeper, PATIENCE_MS), TROUPE_OK);
    close_box(&scene.routers[0]);
    close_box(&scene.routers[1]);
    close_box(&scene.parent);
    close_box(&scene.asker);
    tr_runtime_release(&scene.runtime);
    return 0;
}

/* ---- stories ---- */

static void stops_when_all_have_drained(void **state)
{
    (void)state;
    stop();
    both_are_asked_to_drain(0);
    say_drained(scene.drains[0]);
    settle();
    assert_int_equal(phase(), TR_NODE_DRAINING);
    assert_false(atomic_load(&scene.runtime->is_held));
    say_drained(scene.drains[1]);
}

static void stops_at_once_when_told_twice(void **state)
{
    (void)state;
    stop();
    both_are_asked_to_drain(0);
    stop();
}

static void is_held_when_an_operator_drains(void **state)
{
    (void)state;
    ask(TR_WORD_DRAIN);
    both_are_asked_to_drain(1);
    say_drained(scene.drains[0]);
    settle();
    assert_silent(scene.asker);
    say_drained(scene.drains[1]);
    hears(scene.asker, TR_WORD_DRAINED);
    settle();
    assert_int_equal(phase(), TR_NODE_DRAINING);
    assert_true(atomic_load(&scene.runtime->is_held));
    stop(); /* at once: nothing is left to wait for */
}

static void tells_whoever_asks_again(void **state)
{
    (void)state;
    ask(TR_WORD_DRAIN);
    both_are_asked_to_drain(1);
    say_drained(scene.drains[0]);
    say_drained(scene.drains[1]);
    hears(scene.asker, TR_WORD_DRAINED);
    ask(TR_WORD_DRAIN);
    hears(scene.asker, TR_WORD_DRAINED);
    assert_silent(scene.routers[0]);
    stop();
}

static void goes_on_when_resumed(void **state)
{
    (void)state;
    ask(TR_WORD_DRAIN);
    both_are_asked_to_drain(1);
    say_drained(scene.drains[0]);
    ask(TR_WORD_RESUME);
    hears(scene.asker, TR_WORD_RESUME);
    assert_int_equal(phase(), TR_NODE_READY);
    assert_false(atomic_load(&scene.runtime->is_held));
    hears(scene.routers[0], TR_WORD_RESUME);
    hears(scene.routers[1], TR_WORD_RESUME);
    settle();
    assert_silent(scene.asker); /* nobody is told that it has drained */
    stop();
    both_are_asked_to_drain(0);
    say_drained(scene.drains[0]);
    say_drained(scene.drains[1]);
}

static void resuming_what_was_not_drained_is_fine(void **state)
{
    (void)state;
    ask(TR_WORD_RESUME);
    hears(scene.asker, TR_WORD_RESUME);
    assert_silent(scene.routers[0]);
    assert_int_equal(phase(), TR_NODE_READY);
    stop();
    stop();
}

static void what_was_called_off_does_not_count(void **state)
{
    (void)state;
    ask(TR_WORD_DRAIN);
    both_are_asked_to_drain(1);
    uint64_t before = scene.drains[0];
    ask(TR_WORD_RESUME);
    hears(scene.asker, TR_WORD_RESUME);
    hears(scene.routers[0], TR_WORD_RESUME);
    hears(scene.routers[1], TR_WORD_RESUME);
    ask(TR_WORD_DRAIN);
    both_are_asked_to_drain(1);
    say_drained(before); /* it was under way */
    say_drained(scene.drains[0]);
    settle();
    assert_silent(scene.asker);
    say_drained(scene.drains[1]);
    hears(scene.asker, TR_WORD_DRAINED);
    stop();
}

static void a_stop_makes_an_end_of_holding(void **state)
{
    (void)state;
    ask(TR_WORD_DRAIN);
    both_are_asked_to_drain(1);
    say_drained(scene.drains[0]);
    stop();
    settle();
    assert_int_equal(phase(), TR_NODE_DRAINING); /* it finishes what it has */
    assert_false(atomic_load(&scene.runtime->is_held));
    ask(TR_WORD_RESUME); /* too late */
    hears(scene.asker, TR_WORD_RESUME);
    assert_int_equal(phase(), TR_NODE_DRAINING);
    say_drained(scene.drains[1]);
}

static void a_second_stop_does_not_wait_for_what_was_held(void **state)
{
    (void)state;
    ask(TR_WORD_DRAIN);
    both_are_asked_to_drain(1);
    stop();
    stop();
}

/* clang-format off */
#define STORY(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
/* clang-format on */

int main(void)
{
    tr_log_set_level(TR_LOG_OFF);
    const struct CMUnitTest tests[] = {
        STORY(stops_when_all_have_drained),
        STORY(stops_at_once_when_told_twice),
        STORY(is_held_when_an_operator_drains),
        STORY(tells_whoever_asks_again),
        STORY(goes_on_when_resumed),
        STORY(resuming_what_was_not_drained_is_fine),
        STORY(what_was_called_off_does_not_count),
        STORY(a_stop_makes_an_end_of_holding),
        STORY(a_second_stop_does_not_wait_for_what_was_held),
    };
    return cmocka_run_group_tests_name("node/keeper", tests, NULL, NULL) != 0;
}
