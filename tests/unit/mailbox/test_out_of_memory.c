/* Whatever allocation fails, what was asked for fails as a whole: nothing is lost that was not
 * given away, nothing leaks, and the same call works once there is memory again. Each scene is
 * played with its first allocation failing, then its second, and so on, until it needs no more.
 */

#include <stdlib.h>
#include <string.h>

#include "tests/kit/check.h"
#include "tests/kit/fault_point.h"

#include "base/idmap.h"
#include "mailbox/envelope.h"
#include "mailbox/job.h"
#include "mailbox/mail.h"
#include "mailbox/mailbox.h"
#include "mailbox/message.h"
#include "mailbox/reply.h"
#include "mailbox/request_queue.h"

#define MOST_ALLOCATIONS 1000

static const tr_mailbox_limits_t limits = {10, 10000};

/* A scene says whether it got all it asked for, and leaves nothing behind either way. */
typedef bool(scene_fn)(void);

static void fails_whole_or_succeeds(void **state)
{
    scene_fn *scene = *(scene_fn **)*state;
    for (size_t n = 0; n < MOST_ALLOCATIONS; n++) {
        tr_fault_arm(&tr_fault_memory, n, 1);
        bool is_done = scene();
        bool was_struck = tr_fault_memory.n_hits > 0;
        tr_fault_disarm(&tr_fault_memory);
        if (!was_struck) {
            assert_true(is_done);
            assert_true(n > 0);
            return;
        }
        assert_true(scene()); /* there is memory again */
    }
    fail_msg("the scene never has enough");
}

static bool a_message_of_many_frames(void)
{
    troupe_message_t *message = troupe_message_new();
    bool is_done = message != NULL;
    for (int i = 0; is_done && i < 5; i++) {
        size_t before = troupe_message_count(message);
        is_done = troupe_message_add(message, "frame", 5) == TROUPE_OK;
        assert_int_equal(troupe_message_count(message), before + is_done);
    }
    troupe_message_t *shared = is_done ? troupe_message_share(message) : NULL;
    is_done = shared != NULL;
    troupe_message_destroy(&shared);
    troupe_message_destroy(&message);
    return is_done;
}

static bool a_mailbox(void)
{
    tr_mailbox_t *mailbox = tr_mailbox_new("m", 1, limits);
    bool is_done = mailbox != NULL;
    tr_mailbox_release(&mailbox);
    return is_done;
}

/* An answered request, dispatched once. */
static bool a_request(void)
{
    tr_mailbox_t *caller = tr_mailbox_new("caller", 1, limits);
    tr_mailbox_t *router = caller ? tr_mailbox_new("router", 2, limits) : NULL;
    troupe_message_t *message = router ? troupe_message_from_text("do it") : NULL;
    bool had_message = message != NULL;
    tr_envelope_t *envelope =
        had_message
            ? tr_envelope_new(7, caller, &(tr_header_t){.dedup = tr_span_of("k")}, &message)
            : NULL;
    assert_null(message); /* taken, whether it worked or not */
    tr_job_t *job = envelope ? tr_job_new(envelope, router, 1) : NULL;
    bool is_done = job && tr_envelope_answer(envelope, TROUPE_OUTCOME_TIMEOUT, 0, "too late");
    tr_job_release(&job);
    tr_envelope_release(&envelope);
    tr_letter_t *letter = caller ? tr_mailbox_next(caller, NULL) : NULL;
    is_done = is_done && letter != NULL;
    tr_letter_destroy(&letter);
    tr_mailbox_release(&router);
    tr_mailbox_release(&caller);
    return is_done;
}

static bool a_reply(void)
{
    troupe_message_t *message = troupe_message_from_text("payload");
    troupe_reply_t *reply =
        message ? tr_reply_new(1, true, TROUPE_OUTCOME_OK, "text", &message) : NULL;
    assert_null(message);
    bool is_done = reply != NULL;
    troupe_reply_destroy(&reply);
    return is_done;
}

static bool a_mail(void)
{
    troupe_message_t *message = NULL;
    tr_mail_t *mail = tr_mail_new(&message, NULL, NULL);
    bool is_done = mail != NULL;
    tr_letter_t *letter = mail ? &mail->letter : NULL;
    tr_letter_destroy(&letter);
    return is_done;
}

static bool a_map_that_grows(void)
{
    tr_idmap_t map;
    tr_idmap_init(&map);
    bool is_done = true;
    for (uint64_t id = 1; is_done && id <= 100; id++) {
        is_done = tr_idmap_put(&map, id, &map) == TROUPE_OK;
        assert_int_equal(map.n_items, is_done ? id : id - 1);
    }
    tr_idmap_finish(&map);
    return is_done;
}

#define N_REQUESTS 40

/* Numbers that mostly fall, two priorities, and a peer that has more than the others. */
static tr_envelope_t *request_of_queue(size_t i, tr_mailbox_t *caller)
{
    troupe_message_t *message = NULL;
    tr_header_t header = {.peer = i % 2 ? i : 0,
                          .priority = i % 3 ? TROUPE_PRIORITY_LOW : TROUPE_PRIORITY_HIGH};
    tr_envelope_t *envelope = tr_envelope_new(i, caller, &header, &message);
    if (envelope) {
        envelope->number = i % 5 ? N_REQUESTS - i : i;
        atomic_store(&envelope->is_answered, true); /* nobody is told in this scene */
    }
    return envelope;
}

static void empty_queue(tr_request_queue_t *queue, size_t n_inside)
{
    tr_envelope_t *envelope;
    size_t n = 0;
    while ((envelope = tr_request_queue_pop(queue)) != NULL) {
        tr_envelope_release(&envelope);
        n++;
    }
    assert_int_equal(n, n_inside);
    tr_request_queue_finish(queue);
}

/* What does not fit is not in; who waits before and after it is the same. */
static bool a_queue_of_requests(void)
{
    tr_mailbox_t *caller = tr_mailbox_new("caller", 1, limits);
    bool is_done = caller != NULL;
    tr_request_queue_t queue;
    tr_request_queue_init(&queue);
    size_t n = 0;
    while (is_done && n < N_REQUESTS) {
        tr_envelope_t *envelope = request_of_queue(n, caller);
        tr_envelope_t *oldest = tr_request_queue_any(&queue);
        is_done = envelope && tr_request_queue_push(&queue, envelope) == TROUPE_OK;
        if (!is_done) {
            assert_ptr_equal(tr_request_queue_any(&queue), oldest);
            tr_envelope_release(&envelope); /* asserts that it is in no queue */
        }
        n += is_done;
        assert_int_equal(tr_request_queue_count(&queue), n);
    }
    tr_envelope_t *popped = tr_request_queue_pop(&queue);
    if (popped && tr_request_queue_return(&queue, popped) != TROUPE_OK) {
        is_done = false;
        tr_envelope_release(&popped);
        n--;
    }
    empty_queue(&queue, n);
    tr_mailbox_release(&caller);
    return is_done;
}

/* Peers that come and go, each with one request; some wait out of order. */
static void a_queue_at_a_steady_rate_needs_no_memory(void **state)
{
    (void)state;
    tr_mailbox_t *caller = tr_mailbox_new("caller", 1, limits);
    tr_request_queue_t queue;
    tr_request_queue_init(&queue);
    tr_envelope_t *all[N_REQUESTS];
    for (uint64_t i = 0; i < N_REQUESTS; i++) {
        all[i] = request_of_queue(i, caller);
        assert_non_null(all[i]);
        all[i]->peer = i;
        assert_status(tr_request_queue_push(&queue, all[i]), TROUPE_OK);
    }
    tr_fault_arm(&tr_fault_memory, 0, SIZE_MAX);
    for (uint64_t i = 0; i < 100; i++) {
        size_t n_out = 1 + (size_t)(7 * i % N_REQUESTS);
        for (uint64_t k = 0; k < n_out; k++) {
            all[k] = tr_request_queue_pop(&queue);
        }
        for (uint64_t k = 0; k < n_out; k++) {
            all[k]->peer = (i + 1) * N_REQUESTS + k;
            assert_status(tr_request_queue_push(&queue, all[k]), TROUPE_OK);
        }
    }
    assert_int_equal(tr_fault_memory.n_hits, 0);
    tr_fault_disarm(&tr_fault_memory);
    empty_queue(&queue, N_REQUESTS);
    tr_mailbox_release(&caller);
}

/* clang-format off */
#define SCENE(scene) \
    { .name = #scene, .test_func = fails_whole_or_succeeds, \
      .initial_state = (void *)&(scene_fn *){scene} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(a_message_of_many_frames),
        SCENE(a_mailbox),
        SCENE(a_request),
        SCENE(a_reply),
        SCENE(a_mail),
        SCENE(a_map_that_grows),
        SCENE(a_queue_of_requests),
        cmocka_unit_test(a_queue_at_a_steady_rate_needs_no_memory),
    };
    return cmocka_run_group_tests_name("mailbox/out_of_memory", tests, NULL, NULL) != 0;
}
