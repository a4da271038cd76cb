/* Actors of a node at the ends of what they may do: all the time there is and none, nothing and
 * far too much, thousands of each. The actor does as its message says, and tells a probe how it
 * went.
 */

#include "tests/kit/small_node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/actor.h>

#define N_TIMERS     100000
#define N_GROUPS     10000
#define N_FRAMES     1000
#define LARGE_BYTES  ((size_t)64 << 20)
#define LONGEST_NAME 127
#define LONG_MS      60000 /* a hundred thousand take their time under a sanitizer */

static troupe_node_t *node;
static troupe_probe_t *probe;
static troupe_ref_t *actor;

/* ---- the actor ---- */

static int tell(troupe_worker_t *self, const char *format, ...)
{
    char text[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    troupe_message_t *message = troupe_message_from_text(text);
    return troupe_send_named(self, "test", &message) != TROUPE_OK;
}

static int tell_outcome(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)arg;
    return tell(self, "%s", troupe_outcome_name(troupe_reply_outcome(reply)));
}

static int ask_the_test(troupe_worker_t *self, int64_t timeout_ms)
{
    troupe_ref_t *test = troupe_find(self, "test");
    troupe_message_t *question = NULL;
    int verdict = troupe_ask(self, test, &question, timeout_ms, tell_outcome, NULL, NULL) != 0;
    troupe_ref_release(&test);
    return verdict;
}

/* None of these ticks, and the last one does. */
static int start_timers_of_all_sizes(troupe_worker_t *self)
{
    static const int64_t most = INT64_MAX;
    uint64_t id = 0;
    int verdict = troupe_timer_start(self, most, most, NULL, NULL) != TROUPE_OK ||
                  troupe_timer_start(self, most - 1, 1, NULL, NULL) != TROUPE_OK ||
                  troupe_timer_start(self, most, 0, NULL, &id) != TROUPE_OK;
    troupe_message_t *tick = troupe_message_from_text("at once");
    return verdict || !troupe_timer_cancel(self, id) ||
           troupe_timer_start(self, INT64_MIN, INT64_MIN, &tick, NULL) != TROUPE_OK;
}

static size_t n_ticks; /* the actor's */

/* Each of them ticks, in a second; every tenth is cancelled. */
static int start_many_timers(troupe_worker_t *self)
{
    n_ticks = 0;
    for (size_t i = 0; i < N_TIMERS; i++) {
        uint64_t id;
        troupe_message_t *nothing = NULL;
        int64_t delay_ms = i % 10 == 0 ? INT64_MAX : (int64_t)(i * 7919 % 1000);
        if (troupe_timer_start(self, delay_ms, 0, &nothing, &id) != TROUPE_OK ||
            (i % 10 == 0 && !troupe_timer_cancel(self, id))) {
            return -1;
        }
    }
    return 0;
}

static int count_tick(troupe_worker_t *self, const troupe_message_t *message)
{
    if (troupe_message_size(message, 0) > 0) {
        troupe_message_t *copy = troupe_message_share(message);
        return troupe_send_named(self, "test", &copy) != TROUPE_OK;
    }
    return ++n_ticks == N_TIMERS - N_TIMERS / 10 ? tell(self, "all") : 0;
}

static int join_many_groups(troupe_worker_t *self)
{
    char name[32];
    for (int i = 0; i < N_GROUPS; i++) {
        snprintf(name, sizeof name, "group %d", i);
        if (troupe_join(self, name) != TROUPE_OK) {
            return -1;
        }
    }
    return tell(self, "joined");
}

static int leave_every_other(troupe_worker_t *self)
{
    char name[32];
    for (int i = 0; i < N_GROUPS; i += 2) {
        snprintf(name, sizeof name, "group %d", i);
        if (troupe_leave(self, name) != TROUPE_OK) {
            return -1;
        }
    }
    return tell(self, "left");
}

static int count_members(troupe_worker_t *self)
{
    size_t n_members = 0;
    char name[32];
    for (int i = 0; i < N_GROUPS; i++) {
        snprintf(name, sizeof name, "group %d", i);
        n_members += troupe_group_size(self, name);
    }
    return tell(self, "%zu", n_members);
}

/* A name is bytes; only how many there are matters. */
static int use_odd_groups(troupe_worker_t *self)
{
    char longest[LONGEST_NAME + 1];
    memset(longest, '\xfe', LONGEST_NAME);
    longest[LONGEST_NAME] = '\0';
    char too_long[LONGEST_NAME + 2];
    memset(too_long, 'x', LONGEST_NAME + 1);
    too_long[LONGEST_NAME + 1] = '\0';
    const char *const names[] = {longest, "\xff", "\n", " ", "%s%n"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (troupe_join(self, names[i]) != TROUPE_OK ||
            troupe_join(self, names[i]) != TROUPE_EXISTS ||
            troupe_group_size(self, names[i]) != 1 || troupe_leave(self, names[i]) != 0) {
            return -1;
        }
    }
    if (troupe_join(self, too_long) != TROUPE_ERR_INVALID ||
        troupe_leave(self, too_long) != TROUPE_NOT_FOUND) {
        return -1;
    }
    return tell(self, "used");
}

/* Each of these is about itself, or done once more than there is anything to do. */
static int deal_with_itself(troupe_worker_t *self)
{
    uint64_t id;
    troupe_ref_t *me = troupe_self(self);
    if (troupe_monitor(self, me, &id) != TROUPE_OK || troupe_link(self, me) != TROUPE_OK) {
        return -1;
    }
    troupe_unlink(self, me);
    troupe_unlink(self, me);
    bool is_fine = troupe_demonitor(self, id) && !troupe_demonitor(self, id) &&
                   !troupe_demonitor(self, 0) && !troupe_demonitor(self, UINT64_MAX) &&
                   !troupe_timer_cancel(self, 0) && !troupe_timer_cancel(self, UINT64_MAX) &&
                   troupe_monitor(self, me, NULL) == TROUPE_OK;
    troupe_worker_cancel(self, 0);
    troupe_worker_cancel(self, UINT64_MAX);
    troupe_stop_child(self, me);
    troupe_stop_child(self, NULL);
    return is_fine ? tell(self, "dealt") : -1;
}

static int answer_twice(troupe_worker_t *self)
{
    troupe_message_t *first = troupe_message_from_text("first");
    troupe_message_t *second = troupe_message_from_text("second");
    bool is_fine = troupe_answer(self, &first) && !troupe_answer(self, &second) &&
                   !troupe_refuse(self, "no") && !second;
    troupe_question_t *answered = troupe_take_question(self);
    is_fine = is_fine && answered && !troupe_question_is_awaited(answered);
    troupe_question_refuse(&answered, "no");
    return is_fine ? 0 : -1;
}

static troupe_question_t *kept; /* the actor's, then the test's */

static int keep_question_and_fail(troupe_worker_t *self)
{
    kept = troupe_take_question(self);
    return -1;
}

static int put_aside_then_send_on(troupe_worker_t *self)
{
    static bool is_again;
    is_again = !is_again;
    if (is_again) {
        troupe_unstash(self); /* not this one */
        return troupe_stash(self) != TROUPE_OK || tell(self, "aside");
    }
    troupe_ref_t *test = troupe_find(self, "test");
    int verdict = troupe_forward(self, test) != TROUPE_OK;
    troupe_ref_release(&test);
    return verdict;
}

static int show_frames(troupe_worker_t *self, const troupe_message_t *message)
{
    return tell(self, "%zu frames, %zu bytes", troupe_message_count(message),
                troupe_message_bytes(message));
}

typedef struct deed {
    const char *word;
    int (*fn)(troupe_worker_t *self);
} deed_t;

static int unstash(troupe_worker_t *self)
{
    troupe_unstash(self);
    return 0;
}

static int break_down(troupe_worker_t *self)
{
    (void)self;
    return -1;
}

static int ask_for_ever(troupe_worker_t *self)
{
    return ask_the_test(self, INT64_MAX);
}

static int ask_for_less_than_nothing(troupe_worker_t *self)
{
    return ask_the_test(self, INT64_MIN);
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)state;
    static const deed_t deeds[] = {
        {"start timers of all sizes", start_timers_of_all_sizes},
        {"start many timers", start_many_timers},
        {"join many groups", join_many_groups},
        {"leave every other", leave_every_other},
        {"count members", count_members},
        {"use odd groups", use_odd_groups},
        {"deal with yourself", deal_with_itself},
        {"answer twice", answer_twice},
        {"keep the question and fail", keep_question_and_fail},
        {"put aside, then send on", put_aside_then_send_on},
        {"unstash", unstash},
        {"fail", break_down},
        {"ask for ever", ask_for_ever},
        {"ask for less than nothing", ask_for_less_than_nothing},
    };
    if (troupe_message_kind(message) == TROUPE_MESSAGE_TICK) {
        return count_tick(self, message);
    }
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
        if (says(message, deeds[i].word)) {
            return deeds[i].fn(self);
        }
    }
    return show_frames(self, message);
}

static const troupe_behaviour_t doer = {.name = "doer", .receive = receive};

/* ---- the node ---- */

static int begin(void **state)
{
    (void)state;
    static const troupe_behaviour_t *const behaviours[] = {&doer, NULL};
    node = small_node_start(behaviours, "    - {actor: doer, worker: {module: doer},"
                                        " backoff: {min: 1ms, max: 2ms}}\n");
    probe = troupe_probe_new(node, "test");
    assert_non_null(probe);
    actor = small_node_find(probe, "doer");
    return 0;
}

static int end(void **state)
{
    (void)state;
    troupe_ref_release(&actor);
    troupe_probe_destroy(&probe);
    troupe_node_destroy(&node);
    return 0;
}

static void do_this(const char *deed)
{
    small_node_tell(probe, actor, deed);
}

static void it_does(const char *deed, const char *result)
{
    do_this(deed);
    assert_heard(probe, troupe_probe_expect_text(probe, LONG_MS, result));
}

static troupe_reply_t *ask(const char *deed)
{
    troupe_message_t *question = troupe_message_from_text(deed);
    troupe_reply_t *reply = NULL;
    assert_status(troupe_probe_ask(probe, actor, &question, INT64_MAX, &reply), TROUPE_OK);
    return reply;
}

/* ---- stories ---- */

static void an_ask_may_wait_for_ever(void **state)
{
    (void)state;
    do_this("ask for ever");
    assert_text(probe, "");
    const troupe_message_t *asked = troupe_probe_in_hand(probe);
    assert_int_equal(troupe_message_kind(asked), TROUPE_MESSAGE_ASK);
    assert_true(troupe_message_remaining_ms(asked) > INT64_MAX / 2);
    assert_true(troupe_probe_answer(probe, &(troupe_message_t *){NULL}));
    assert_text(probe, "ok");

    do_this("ask for less than nothing"); /* as for one that does not say how long */
    assert_text(probe, "");
    assert_in_range(troupe_message_remaining_ms(troupe_probe_in_hand(probe)), 1, 5000);
    assert_true(troupe_probe_answer(probe, &(troupe_message_t *){NULL}));
    assert_text(probe, "ok");
}

static void timers_are_of_all_sizes(void **state)
{
    (void)state;
    it_does("start timers of all sizes", "at once");
    it_does("x", "1 frames, 1 bytes");
    assert_status(troupe_clock_settle(PATIENCE_MS), TROUPE_OK);
    assert_heard(probe, troupe_probe_expect_nothing(probe, 0));
}

static void there_are_a_hundred_thousand_timers(void **state)
{
    (void)state;
    it_does("start many timers", "all");
}

static void one_may_be_in_ten_thousand_groups(void **state)
{
    (void)state;
    it_does("join many groups", "joined");
    assert_int_equal(troupe_probe_publish(probe, "group 77", &(troupe_message_t *){NULL}), 1);
    assert_text(probe, "0 frames, 0 bytes");
    it_does("count members", "10000");
    it_does("leave every other", "left");
    it_does("count members", "5000");
    do_this("fail"); /* which ends them all */
    it_does("count members", "0");
    it_does("join many groups", "joined");
    it_does("use odd groups", "used");
}

static void one_deals_with_oneself(void **state)
{
    (void)state;
    it_does("deal with yourself", "dealt");
    do_this("fail");
    it_does("x", "1 frames, 1 bytes"); /* of its own end it did not hear */
    assert_status(troupe_clock_settle(PATIENCE_MS), TROUPE_OK);
    assert_heard(probe, troupe_probe_expect_nothing(probe, 0));
}

static void a_question_is_answered_once(void **state)
{
    (void)state;
    troupe_reply_t *reply = ask("answer twice");
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_OK);
    assert_true(says(troupe_reply_message(reply), "first"));
    troupe_reply_destroy(&reply);
    it_does("x", "1 frames, 1 bytes"); /* in its first life: nothing was wrong */
}

static void a_question_that_was_taken_outlives_a_failure(void **state)
{
    (void)state;
    troupe_probe_t *asker = troupe_probe_new(node, NULL);
    assert_status(troupe_probe_monitor(probe, actor, NULL), TROUPE_OK);
    troupe_message_t *question = troupe_message_from_text("keep the question and fail");
    troupe_reply_t *reply = NULL;
    /* Nobody answers within that time, and what comes later is nobody's. */
    assert_status(troupe_probe_ask(asker, actor, &question, 50, &reply), TROUPE_OK);
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_TIMEOUT);
    troupe_reply_destroy(&reply);
    assert_status(troupe_probe_expect_down(probe, PATIENCE_MS, actor, NULL), TROUPE_OK);
    assert_non_null(kept);
    troupe_question_answer(&kept, &(troupe_message_t *){NULL});
    assert_null(kept);
    assert_heard(asker, troupe_probe_expect_nothing(asker, 0));
    troupe_probe_destroy(&asker);
}

static void what_was_aside_can_be_sent_on(void **state)
{
    (void)state;
    do_this("put aside, then send on");
    assert_text(probe, "aside");
    do_this("unstash");
    assert_text(probe, "put aside, then send on");
    assert_ptr_equal(troupe_message_sender(troupe_probe_in_hand(probe)),
                     troupe_probe_ref(probe));
}

static void messages_are_of_all_sizes(void **state)
{
    (void)state;
    troupe_message_t *message = troupe_message_new();
    assert_status(troupe_probe_send(probe, actor, &message), TROUPE_OK);
    assert_text(probe, "0 frames, 0 bytes");

    message = troupe_message_new();
    for (size_t i = 0; i < N_FRAMES; i++) {
        assert_status(troupe_message_add(message, "frame", i % 6), TROUPE_OK);
    }
    assert_status(troupe_probe_send(probe, actor, &message), TROUPE_OK);
    assert_text(probe, "1000 frames, 2496 bytes");

    char *large = malloc(LARGE_BYTES);
    assert_non_null(large);
    memset(large, 'x', LARGE_BYTES);
    message = troupe_message_new();
    assert_status(troupe_message_add(message, large, LARGE_BYTES), TROUPE_OK);
    free(large);
    assert_status(troupe_probe_send(probe, actor, &message), TROUPE_OK);
    assert_text(probe, "1 frames, 67108864 bytes");
}

/* clang-format off */
#define STORY(story) cmocka_unit_test_setup_teardown(story, begin, end)
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(an_ask_may_wait_for_ever),
        STORY(timers_are_of_all_sizes),
        STORY(there_are_a_hundred_thousand_timers),
        STORY(one_may_be_in_ten_thousand_groups),
        STORY(one_deals_with_oneself),
        STORY(a_question_is_answered_once),
        STORY(a_question_that_was_taken_outlives_a_failure),
        STORY(what_was_aside_can_be_sent_on),
        STORY(messages_are_of_all_sizes),
    };
    return cmocka_run_group_tests_name("extremes", tests, NULL, NULL) != 0;
}
