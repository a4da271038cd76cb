/* The order of service, told as arrivals and the order in which they leave. */

#include <string.h>

#include "tests/kit/check.h"

#include "mailbox/request_queue.h"

#define MOST 8

/* One arrival: a letter to know it by, its priority, its deadline. */
struct arrival {
    char letter;
    troupe_priority_t priority;
    int64_t deadline_ms;
};

struct story {
    struct arrival arrivals[MOST];
    const char *served;
};

static tr_mailbox_t *caller;

static tr_envelope_t *arrive(const struct arrival *arrival)
{
    static uint64_t number;
    troupe_message_t *message = NULL;
    tr_envelope_t *envelope =
        tr_envelope_new((uint64_t)arrival->letter, caller,
                        &(tr_header_t){.priority = arrival->priority}, &message);
    assert_non_null(envelope);
    envelope->deadline_ms = arrival->deadline_ms;
    envelope->number = ++number;
    return envelope;
}

static void leave(tr_envelope_t *envelope)
{
    assert_true(tr_envelope_answer(envelope, TROUPE_OUTCOME_CANCELLED, 0, NULL));
    tr_envelope_release(&envelope);
}

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_request_queue_t queue;
    tr_request_queue_init(&queue, MOST);
    for (size_t i = 0; i < MOST && story->arrivals[i].letter; i++) {
        assert_status(tr_request_queue_push(&queue, arrive(&story->arrivals[i])), TROUPE_OK);
    }
    assert_int_equal(tr_request_queue_count(&queue), strlen(story->served));
    for (const char *next = story->served; *next; next++) {
        tr_envelope_t *envelope = tr_request_queue_pop(&queue);
        assert_non_null(envelope);
        assert_int_equal(envelope->id, (uint64_t)*next);
        leave(envelope);
    }
    assert_null(tr_request_queue_pop(&queue));
    tr_request_queue_finish(&queue);
}

static void a_full_queue_takes_no_more_but_takes_back(void **state)
{
    (void)state;
    tr_request_queue_t queue;
    tr_request_queue_init(&queue, 1);
    tr_envelope_t *first = arrive(&(struct arrival){'a', TROUPE_PRIORITY_NORMAL, 10});
    tr_envelope_t *second = arrive(&(struct arrival){'b', TROUPE_PRIORITY_NORMAL, 20});
    assert_status(tr_request_queue_push(&queue, first), TROUPE_OK);
    assert_status(tr_request_queue_push(&queue, second), TROUPE_FULL);
    assert_status(tr_request_queue_return(&queue, second), TROUPE_OK);
    assert_int_equal(tr_request_queue_count(&queue), 2);
    tr_request_queue_remove(&queue, first);
    assert_ptr_equal(tr_request_queue_pop(&queue), second);
    leave(first);
    leave(second);
    tr_request_queue_finish(&queue);
}

static int open_caller(void **state)
{
    (void)state;
    caller = tr_mailbox_new("caller", 1, (tr_mailbox_limits_t){100, 100000});
    return caller ? 0 : -1;
}

static int close_caller(void **state)
{
    (void)state;
    tr_mailbox_close(caller);
    tr_mailbox_release(&caller);
    return 0;
}

/* clang-format off */
#define STORY(title, order, ...) \
    { .name = title, .test_func = story_holds, \
      .initial_state = &(struct story){.served = order, .arrivals = {__VA_ARGS__}} }
/* clang-format on */

#define CRITICAL TROUPE_PRIORITY_CRITICAL
#define HIGH     TROUPE_PRIORITY_HIGH
#define NORMAL   TROUPE_PRIORITY_NORMAL
#define BATCH    TROUPE_PRIORITY_BATCH
#define UNSAID   TROUPE_PRIORITY_DEFAULT

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("first come, first served", "abc", {'a', NORMAL, 50}, {'b', NORMAL, 50},
              {'c', NORMAL, 50}),
        STORY("the earliest deadline goes before who came first", "cab", {'a', NORMAL, 50},
              {'b', NORMAL, 60}, {'c', NORMAL, 10}),
        STORY("priority goes before any deadline", "dbac", {'a', NORMAL, 50}, {'b', HIGH, 900},
              {'c', BATCH, 1}, {'d', CRITICAL, 1000}),
        STORY("no priority is the normal one", "bac", {'a', UNSAID, 50}, {'b', HIGH, 50},
              {'c', NORMAL, 50}),
        STORY("an empty queue gives nothing", "", {0, UNSAID, 0}),
        cmocka_unit_test(a_full_queue_takes_no_more_but_takes_back),
    };
    return cmocka_run_group_tests_name("mailbox/request_queue", tests, open_caller,
                                       close_caller) != 0;
}
