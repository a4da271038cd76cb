/* A probe among actors: what it sends arrives as from it, what is sent to it is taken in order,
 * and whoever waits for an answer of it is never forgotten. The actors are a parrot, which
 * sends back what it hears, or does as it is told.
 */

#include "tests/kit/small_node.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mailbox/ref.h"

#define MOST 100000 /* a probe holds */

static troupe_node_t *node;
static troupe_probe_t *probe;
static troupe_ref_t *parrot;

/* ---- the parrot ---- */

static int note_answer(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    troupe_ref_t *whom = arg;
    const char *outcome = troupe_outcome_name(troupe_reply_outcome(reply));
    troupe_message_t *said = troupe_message_from_text(outcome);
    int verdict = troupe_send(self, whom, &said) != TROUPE_OK;
    troupe_ref_release(&whom);
    return verdict;
}

static int repeat(troupe_worker_t *self, const troupe_message_t *message)
{
    troupe_message_t *share = troupe_message_share(message);
    if (troupe_message_kind(message) == TROUPE_MESSAGE_ASK) {
        return !troupe_answer(self, &share);
    }
    return troupe_send(self, troupe_message_sender(message), &share) != TROUPE_OK;
}

/* How it went is told to `whom`. */
static int ask_back(troupe_worker_t *self, troupe_ref_t *of, troupe_ref_t *whom)
{
    uint64_t id;
    troupe_message_t *question = troupe_message_from_text("well?");
    return troupe_ask(self, of, &question, PATIENCE_MS, note_answer, troupe_ref_share(whom),
                      &id) != TROUPE_OK;
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)state;
    troupe_ref_t *sender = troupe_message_sender(message);
    if (says(message, "fail")) {
        troupe_worker_explain(self, "as it was told");
        return -1;
    } else if (says(message, "refuse")) {
        troupe_refuse(self, "no");
    } else if (says(message, "keep silent")) {
        return 0;
    } else if (says(message, "ask me")) {
        return ask_back(self, sender, sender);
    } else if (says(message, "ask the other")) {
        troupe_ref_t *other = troupe_find(self, "other");
        int verdict = ask_back(self, other, sender);
        troupe_ref_release(&other);
        return verdict;
    } else if (says(message, "count readers")) {
        char size[20];
        snprintf(size, sizeof size, "%zu", troupe_group_size(self, "readers"));
        troupe_message_t *said = troupe_message_from_text(size);
        return troupe_send(self, sender, &said) != TROUPE_OK;
    } else if (says(message, "link")) {
        return troupe_link(self, sender) != TROUPE_OK;
    } else if (says(message, "end")) {
        troupe_worker_end(self);
    } else if (says(message, "publish")) {
        troupe_message_t *news = troupe_message_from_text("news");
        troupe_publish(self, "readers", &news);
    } else if (says(message, "send, then answer")) {
        troupe_message_t *first = troupe_message_from_text("sent");
        troupe_message_t *answer = troupe_message_from_text("answered");
        return troupe_send(self, sender, &first) != TROUPE_OK || !troupe_answer(self, &answer);
    } else {
        return repeat(self, message);
    }
    return 0;
}

static const troupe_behaviour_t parrot_behaviour = {.name = "parrot", .receive = receive};

/* ---- the node ---- */

static int begin(void **state)
{
    (void)state;
    static const troupe_behaviour_t *const behaviours[] = {&parrot_behaviour, NULL};
    node = small_node_start(behaviours, "    - {actor: polly, worker: {module: parrot}}\n");
    probe = troupe_probe_new(node, NULL);
    assert_non_null(probe);
    parrot = small_node_find(probe, "polly");
    return 0;
}

static int end(void **state)
{
    (void)state;
    troupe_ref_release(&parrot);
    troupe_probe_destroy(&probe);
    troupe_node_destroy(&node);
    return 0;
}

static void tell(const char *text)
{
    small_node_tell(probe, parrot, text);
}

static troupe_reply_t *ask(const char *text, int64_t timeout_ms)
{
    troupe_message_t *message = troupe_message_from_text(text);
    troupe_reply_t *reply = NULL;
    assert_status(troupe_probe_ask(probe, parrot, &message, timeout_ms, &reply), TROUPE_OK);
    assert_null(message);
    assert_true(troupe_reply_is_final(reply));
    return reply;
}

static void asking_ends_as(const char *text, int64_t timeout_ms, troupe_outcome_t outcome)
{
    troupe_reply_t *reply = ask(text, timeout_ms);
    assert_outcome(troupe_reply_outcome(reply), outcome);
    troupe_reply_destroy(&reply);
}

/* ---- stories ---- */

static void what_it_sends_comes_from_it(void **state)
{
    (void)state;
    const troupe_message_t *message;
    tell("hello");
    assert_status(troupe_probe_expect(probe, PATIENCE_MS, &message), TROUPE_OK);
    assert_int_equal(troupe_message_kind(message), TROUPE_MESSAGE_PLAIN);
    assert_ptr_equal(troupe_message_sender(message), parrot);
    assert_ptr_equal(troupe_probe_in_hand(probe), message);
    assert_true(says(message, "hello"));
    tell("one");
    tell("two");
    assert_text(probe, "one");
    assert_text(probe, "two");
}

static void what_was_expected_and_what_came_is_told(void **state)
{
    (void)state;
    tell("one");
    assert_status(troupe_probe_expect_text(probe, PATIENCE_MS, "two"), TROUPE_ERR_PROTOCOL);
    assert_true(says(troupe_probe_in_hand(probe), "one"));
    assert_string_equal(
        troupe_probe_complaint(probe),
        "\"two\" was expected within 10000 ms; message \"one\" came from polly");
    tell("one, and more");
    assert_status(troupe_probe_expect_text(probe, PATIENCE_MS, "one"), TROUPE_ERR_PROTOCOL);
    tell("x");
    assert_status(troupe_probe_expect_down(probe, PATIENCE_MS, NULL, NULL),
                  TROUPE_ERR_PROTOCOL);
    assert_string_equal(
        troupe_probe_complaint(probe),
        "the DOWN of somebody was expected within 10000 ms; message \"x\" came from polly");
    for (size_t i = 0; i < 2; i++) {
        assert_status(troupe_probe_monitor(probe, parrot, NULL), TROUPE_OK);
    }
    tell("fail");
    assert_status(troupe_probe_expect_text(probe, PATIENCE_MS, ""), TROUPE_ERR_PROTOCOL);
    assert_string_equal(troupe_probe_complaint(probe),
                        "\"\" was expected within 10000 ms; DOWN \"\" came from polly");
    assert_status(troupe_probe_expect_down(probe, PATIENCE_MS, troupe_probe_ref(probe), NULL),
                  TROUPE_ERR_PROTOCOL);
    assert_status(troupe_probe_expect_text(probe, 0, "two"), TROUPE_TIMEOUT);
    assert_null(troupe_probe_in_hand(probe));
    assert_string_equal(troupe_probe_complaint(probe),
                        "\"two\" was expected within 0 ms; nothing came");
    tell("well");
    assert_text(probe, "well");
    assert_string_equal(troupe_probe_complaint(probe), "");
}

static void nothing_comes_or_it_is_told_what(void **state)
{
    (void)state;
    int64_t begun_ms = tr_clock_now_us() / 1000;
    assert_status(troupe_probe_expect_nothing(probe, 20), TROUPE_OK);
    assert_true(tr_clock_now_us() / 1000 - begun_ms >= 20);
    tell("boo");
    assert_status(troupe_probe_expect_nothing(probe, PATIENCE_MS), TROUPE_ERR_PROTOCOL);
    assert_true(says(troupe_probe_in_hand(probe), "boo"));
    assert_status(troupe_probe_expect(probe, 0, NULL), TROUPE_TIMEOUT);
}

static void asking_brings_the_answer(void **state)
{
    (void)state;
    troupe_reply_t *reply = ask("hello", 0);
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_OK);
    assert_true(says(troupe_reply_message(reply), "hello"));
    troupe_reply_destroy(&reply);
    reply = ask("refuse", PATIENCE_MS);
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_WORKER_ERROR);
    assert_string_equal(troupe_reply_text(reply), "no");
    troupe_reply_destroy(&reply);
    asking_ends_as("keep silent", PATIENCE_MS, TROUPE_OUTCOME_WORKER_LOST);
}

static void what_comes_while_it_asks_comes_after_in_order(void **state)
{
    (void)state;
    tell("first");
    troupe_reply_t *reply = ask("send, then answer", PATIENCE_MS);
    assert_true(says(troupe_reply_message(reply), "answered"));
    troupe_reply_destroy(&reply);
    tell("last");
    assert_text(probe, "first");
    assert_text(probe, "sent");
    assert_text(probe, "last");
}

static troupe_ref_t *nobody(void)
{
    troupe_probe_t *other = troupe_probe_new(node, "other");
    assert_non_null(other);
    troupe_ref_t *ref = troupe_ref_share(troupe_probe_ref(other));
    troupe_probe_destroy(&other);
    return ref;
}

static void asking_ends_by_its_time(void **state)
{
    (void)state;
    troupe_probe_t *other = troupe_probe_new(node, "other");
    assert_non_null(other);
    troupe_message_t *message = troupe_message_from_text("late");
    troupe_reply_t *reply = NULL;
    assert_status(troupe_probe_ask(probe, troupe_probe_ref(other), &message, 10, &reply),
                  TROUPE_OK);
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_TIMEOUT);
    troupe_reply_destroy(&reply);

    /* The answer to it comes late, and is not taken for another one. */
    assert_status(troupe_probe_expect_text(other, PATIENCE_MS, "late"), TROUPE_OK);
    troupe_message_t *answer = troupe_message_from_text("too late");
    assert_true(troupe_probe_answer(other, &answer));
    reply = ask("hello", PATIENCE_MS);
    assert_true(says(troupe_reply_message(reply), "hello"));
    troupe_reply_destroy(&reply);
    assert_status(troupe_probe_expect(probe, 0, NULL), TROUPE_TIMEOUT);
    troupe_probe_destroy(&other);
}

static void who_is_gone_is_told_of(void **state)
{
    (void)state;
    troupe_ref_t *gone = nobody();
    troupe_reason_t reason;
    assert_true(troupe_ref_is_over(gone));
    assert_null(troupe_probe_find(probe, "other"));
    assert_status(troupe_probe_send_text(probe, gone, "x"), TROUPE_NOT_FOUND);
    assert_status(troupe_probe_monitor(probe, gone, NULL), TROUPE_OK);
    assert_status(troupe_probe_expect_down(probe, 0, gone, &reason), TROUPE_OK);
    assert_int_equal(reason.kind, TROUPE_REASON_GONE);
    troupe_message_t *message = NULL;
    troupe_reply_t *reply = NULL;
    assert_status(troupe_probe_ask(probe, gone, &message, 0, &reply), TROUPE_OK);
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_WORKER_LOST);
    troupe_reply_destroy(&reply);
    troupe_ref_release(&gone);
}

static void it_is_asked_and_answers(void **state)
{
    (void)state;
    troupe_message_t *answer = NULL;
    tell("ask me");
    assert_text(probe, "well?");
    assert_int_equal(troupe_message_kind(troupe_probe_in_hand(probe)), TROUPE_MESSAGE_ASK);
    assert_true(troupe_probe_answer(probe, &answer));
    answer = troupe_message_from_text("once more");
    assert_false(troupe_probe_answer(probe, &answer));
    assert_null(answer);
    assert_text(probe, "ok");
    assert_false(troupe_probe_answer(probe, &answer)); /* this one asks nothing */

    tell("ask me");
    assert_text(probe, "well?");
    assert_true(troupe_probe_refuse(probe, "never"));
    assert_text(probe, "worker_error");
    assert_false(troupe_probe_refuse(probe, "never"));

    tell("ask me");
    assert_text(probe, "well?");
    troupe_question_t *question = troupe_probe_take_question(probe);
    assert_null(troupe_probe_take_question(probe));
    assert_status(troupe_probe_expect(probe, 0, NULL), TROUPE_TIMEOUT);
    assert_true(troupe_question_is_awaited(question));
    troupe_question_answer(&question, &answer);
    assert_text(probe, "ok");
}

static void who_asks_it_in_vain_is_told(void **state)
{
    (void)state;
    tell("ask me");
    assert_text(probe, "well?");
    assert_text(probe, "worker_lost"); /* as the next one is taken, the question is let go */
}

static void it_sends_on(void **state)
{
    (void)state;
    troupe_probe_t *other = troupe_probe_new(node, "other");
    assert_non_null(other);
    tell("ask me");
    assert_text(probe, "well?");
    assert_status(troupe_probe_forward(probe, troupe_probe_ref(other)), TROUPE_OK);
    assert_status(troupe_probe_expect(probe, 0, NULL), TROUPE_TIMEOUT);
    assert_status(troupe_probe_expect_text(other, PATIENCE_MS, "well?"), TROUPE_OK);
    assert_ptr_equal(troupe_message_sender(troupe_probe_in_hand(other)), parrot);
    troupe_message_t *answer = NULL;
    assert_true(troupe_probe_answer(other, &answer));
    assert_text(probe, "ok");
    troupe_probe_destroy(&other);
}

static void what_does_not_ask_or_was_sent_on_is_not_sent_on(void **state)
{
    (void)state;
    assert_status(troupe_probe_forward(probe, parrot), TROUPE_ERR_INVALID); /* nothing there */
    tell("hello");
    assert_text(probe, "hello");
    assert_status(troupe_probe_forward(probe, troupe_probe_ref(probe)), TROUPE_OK);
    assert_status(troupe_probe_forward(probe, troupe_probe_ref(probe)), TROUPE_ERR_INVALID);
    assert_text(probe, "hello");
    assert_ptr_equal(troupe_message_sender(troupe_probe_in_hand(probe)), parrot);
    assert_status(troupe_probe_forward(probe, NULL), TROUPE_NOT_FOUND);
    assert_status(troupe_probe_monitor(probe, parrot, NULL), TROUPE_OK);
    tell("fail");
    assert_status(troupe_probe_expect_down(probe, PATIENCE_MS, parrot, NULL), TROUPE_OK);
    assert_status(troupe_probe_forward(probe, troupe_probe_ref(probe)), TROUPE_ERR_INVALID);
    assert_status(troupe_probe_expect(probe, 0, NULL), TROUPE_TIMEOUT);
}

/* What is given is not looked at before. */
static void nobody_is_nobody(void **state)
{
    (void)state;
    troupe_message_t *message = troupe_message_from_text("x");
    troupe_reply_t *reply = NULL;
    assert_null(troupe_probe_find(probe, NULL));
    assert_null(troupe_probe_new(node, ""));
    assert_status(troupe_probe_send(probe, NULL, &message), TROUPE_NOT_FOUND);
    assert_null(message);
    assert_status(troupe_probe_ask(probe, NULL, &message, PATIENCE_MS, &reply), TROUPE_OK);
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_NO_CAPABILITY);
    assert_string_equal(troupe_reply_text(reply), "it was sent to nobody");
    troupe_reply_destroy(&reply);
    assert_status(troupe_probe_monitor(probe, NULL, NULL), TROUPE_ERR_INVALID);
    assert_status(troupe_probe_join(probe, NULL), TROUPE_ERR_INVALID);
    assert_status(troupe_probe_leave(probe, NULL), TROUPE_NOT_FOUND);
    message = troupe_message_from_text("x");
    assert_int_equal(troupe_probe_publish(probe, NULL, &message), 0);
    assert_null(message);
}

static void a_name_has_its_largest_size(void **state)
{
    (void)state;
    char name[129];
    memset(name, 'x', sizeof name - 1);
    name[128] = '\0';
    assert_null(troupe_probe_new(node, name));
    assert_status(troupe_probe_join(probe, name), TROUPE_ERR_INVALID);
    assert_status(troupe_probe_leave(probe, name), TROUPE_NOT_FOUND);
    name[127] = '\0';
    troupe_probe_t *other = troupe_probe_new(node, name);
    assert_non_null(other);
    assert_string_equal(troupe_ref_name(troupe_probe_ref(other)), name);
    troupe_ref_t *found = troupe_probe_find(probe, name);
    assert_ptr_equal(found, troupe_probe_ref(other));
    troupe_ref_release(&found);
    assert_status(troupe_probe_join(probe, name), TROUPE_OK);
    assert_int_equal(troupe_probe_publish(other, name, &(troupe_message_t *){NULL}), 1);
    assert_status(troupe_probe_expect_text(probe, PATIENCE_MS, ""), TROUPE_OK);
    assert_status(troupe_probe_leave(probe, name), TROUPE_OK);
    troupe_probe_destroy(&other);
}

/* Those who link to it do not fell it. */
static void who_is_linked_to_it_is_seen_to_fail(void **state)
{
    (void)state;
    troupe_reason_t reason;
    tell("link");
    tell("end"); /* well: that is none of its business */
    tell("hello");
    assert_text(probe, "hello");
    tell("link");
    tell("fail");
    assert_status(troupe_probe_expect_down(probe, PATIENCE_MS, parrot, &reason), TROUPE_OK);
    assert_int_equal(reason.kind, TROUPE_REASON_FAILED);
    tell("still there?");
    assert_text(probe, "still there?");
}

/* One in hand, one taken, one not even looked at. */
static void who_asked_it_is_told_when_it_goes(void **state)
{
    (void)state;
    troupe_probe_t *other = troupe_probe_new(node, "other");
    assert_non_null(other);
    for (size_t i = 0; i < 3; i++) {
        tell("ask the other");
    }
    assert_status(troupe_probe_expect_text(other, PATIENCE_MS, "well?"), TROUPE_OK);
    troupe_question_t *question = troupe_probe_take_question(other);
    assert_status(troupe_probe_expect_text(other, PATIENCE_MS, "well?"), TROUPE_OK);
    assert_status(troupe_probe_join(other, "readers"), TROUPE_OK);
    assert_status(troupe_probe_monitor(other, parrot, NULL), TROUPE_OK);
    tell("hello");
    assert_text(probe, "hello"); /* all three have been asked */
    troupe_ref_t *gone = troupe_ref_share(troupe_probe_ref(other));
    troupe_probe_destroy(&other);
    assert_true(troupe_ref_is_over(gone));
    assert_null(parrot->watches);
    assert_int_equal(troupe_probe_publish(probe, "readers", &(troupe_message_t *){NULL}), 0);
    assert_status(troupe_probe_send_text(probe, gone, "x"), TROUPE_NOT_FOUND);
    assert_text(probe, "worker_lost");
    assert_text(probe, "worker_lost");
    tell("count readers");
    assert_text(probe, "0");
    assert_true(troupe_question_is_awaited(question));
    troupe_question_refuse(&question, "the probe has gone");
    assert_text(probe, "worker_error");
    tell("fail");
    tell("hello");
    assert_text(probe, "hello");
    troupe_ref_release(&gone);
}

static void it_hears_of_the_end_of_a_life(void **state)
{
    (void)state;
    troupe_reason_t reason;
    uint64_t id;
    assert_status(troupe_probe_monitor(probe, parrot, &id), TROUPE_OK);
    tell("last words");
    tell("fail");
    assert_text(probe, "last words");
    assert_status(troupe_probe_expect_down(probe, PATIENCE_MS, parrot, &reason), TROUPE_OK);
    assert_int_equal(reason.kind, TROUPE_REASON_FAILED);
    assert_string_equal(reason.text, "as it was told");
    assert_int_equal(troupe_message_number(troupe_probe_in_hand(probe)), id);
    tell("again"); /* the next life */
    assert_text(probe, "again");

    assert_status(troupe_probe_monitor(probe, parrot, &id), TROUPE_OK);
    assert_true(troupe_probe_demonitor(probe, id));
    assert_false(troupe_probe_demonitor(probe, id));
    tell("fail");
    tell("again");
    assert_text(probe, "again");
}

static void its_own_end_is_seen(void **state)
{
    (void)state;
    troupe_reason_t reason;
    troupe_probe_t *other = troupe_probe_new(node, "other");
    assert_non_null(other);
    assert_null(troupe_probe_new(node, "other"));
    assert_null(troupe_probe_new(node, "polly"));
    troupe_ref_t *found = troupe_probe_find(probe, "other");
    assert_ptr_equal(found, troupe_probe_ref(other));
    assert_status(troupe_probe_monitor(probe, found, NULL), TROUPE_OK);
    assert_status(troupe_probe_send_text(other, troupe_probe_ref(probe), "bye"), TROUPE_OK);
    troupe_probe_destroy(&other);
    assert_null(other);
    assert_text(probe, "bye");
    assert_status(troupe_probe_expect_down(probe, PATIENCE_MS, found, &reason), TROUPE_OK);
    assert_int_equal(reason.kind, TROUPE_REASON_NORMAL);
    troupe_ref_release(&found);
    other = troupe_probe_new(node, "other"); /* the name is free again */
    assert_non_null(other);
    troupe_probe_destroy(&other);
}

static void it_is_a_member(void **state)
{
    (void)state;
    troupe_message_t *news = troupe_message_from_text("more news");
    char long_name[200];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_status(troupe_probe_join(probe, ""), TROUPE_ERR_INVALID);
    assert_status(troupe_probe_join(probe, long_name), TROUPE_ERR_INVALID);
    assert_null(troupe_probe_new(node, long_name));
    assert_status(troupe_probe_join(probe, "readers"), TROUPE_OK);
    assert_status(troupe_probe_join(probe, "readers"), TROUPE_EXISTS);
    tell("publish");
    assert_text(probe, "news");
    troupe_probe_t *other = troupe_probe_new(node, NULL);
    assert_non_null(other);
    assert_status(troupe_probe_join(other, "readers"), TROUPE_OK);
    assert_int_equal(troupe_probe_publish(probe, "readers", &news), 1);
    assert_null(news);
    assert_status(troupe_probe_expect_text(other, 0, "more news"), TROUPE_OK);
    assert_status(troupe_probe_expect(probe, 0, NULL), TROUPE_TIMEOUT);
    troupe_probe_destroy(&other);
    assert_int_equal(troupe_probe_publish(probe, "readers", &news), 0);
    assert_status(troupe_probe_leave(probe, "readers"), TROUPE_OK);
    assert_status(troupe_probe_leave(probe, "readers"), TROUPE_NOT_FOUND);
}

static void it_holds_only_so_many(void **state)
{
    (void)state;
    troupe_ref_t *self = troupe_probe_ref(probe);
    for (size_t i = 0; i < MOST; i++) {
        assert_status(troupe_probe_send_text(probe, self, "x"), TROUPE_OK);
    }
    assert_status(troupe_probe_send_text(probe, self, "x"), TROUPE_FULL);
    asking_ends_as("still", PATIENCE_MS, TROUPE_OUTCOME_OK); /* answers always fit */
    assert_status(troupe_probe_send_text(probe, self, "x"), TROUPE_FULL);
    assert_text(probe, "x");
}

static void *talk(void *arg)
{
    troupe_probe_t *own = troupe_probe_new(node, NULL);
    size_t *n_heard = arg;
    for (size_t i = 0; own && i < 1000; i++) {
        *n_heard += troupe_probe_send_text(own, parrot, "hello") == TROUPE_OK &&
                    troupe_probe_expect_text(own, PATIENCE_MS, "hello") == TROUPE_OK;
    }
    troupe_probe_destroy(&own);
    return NULL;
}

static void each_thread_has_its_own(void **state)
{
    (void)state;
    pthread_t threads[4];
    size_t n_heard[4] = {0};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, talk, &n_heard[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(n_heard[i], 1000);
    }
}

static void destroying_nothing_is_fine(void **state)
{
    (void)state;
    troupe_probe_t *none = NULL;
    troupe_probe_destroy(&none);
}

/* clang-format off */
#define STORY(story) cmocka_unit_test_setup_teardown(story, begin, end)
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(what_it_sends_comes_from_it),
        STORY(what_was_expected_and_what_came_is_told),
        STORY(nothing_comes_or_it_is_told_what),
        STORY(asking_brings_the_answer),
        STORY(what_comes_while_it_asks_comes_after_in_order),
        STORY(asking_ends_by_its_time),
        STORY(who_is_gone_is_told_of),
        STORY(it_is_asked_and_answers),
        STORY(who_asks_it_in_vain_is_told),
        STORY(it_sends_on),
        STORY(what_does_not_ask_or_was_sent_on_is_not_sent_on),
        STORY(nobody_is_nobody),
        STORY(a_name_has_its_largest_size),
        STORY(who_is_linked_to_it_is_seen_to_fail),
        STORY(who_asked_it_is_told_when_it_goes),
        STORY(it_hears_of_the_end_of_a_life),
        STORY(its_own_end_is_seen),
        STORY(it_is_a_member),
        STORY(it_holds_only_so_many),
        STORY(each_thread_has_its_own),
        cmocka_unit_test(destroying_nothing_is_fine),
    };
    return cmocka_run_group_tests_name("node/probe", tests, NULL, NULL) != 0;
}
