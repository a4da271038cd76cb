/* A router goes by another description, and what it has accepted is none the worse for it. */

#include "tests/unit/capabilities/stage.h"

#include <pthread.h>
#include <string.h>

/* A spec that came with a word, and that a mark tells the end of. */
typedef struct later {
    tr_router_spec_t spec;
    tr_keepsake_t *keepsake; /* the test's share */
    bool is_freed;
} later_t;

static void note_freed(void *what)
{
    ((later_t *)what)->is_freed = true;
}

/* The present one, to be changed. */
static void make(later_t *later, const stage_t *stage)
{
    *later = (later_t){.spec = stage->spec};
    later->keepsake = tr_keepsake_new(later, note_freed);
    assert_non_null(later->keepsake);
}

static void send_spec(stage_t *stage, const later_t *later)
{
    tr_control_t *word = tr_control_new(TR_WORD_RESPEC, 0);
    assert_non_null(word);
    word->what = &later->spec;
    word->keepsake = tr_keepsake_share(later->keepsake);
    stage_settle(stage);
    tr_control_send(word, stage->router->mailbox);
    stage_settle(stage);
}

/* The router ends here, since what it goes by is the test's. */
static void end(stage_t *stage, later_t *later)
{
    tr_keepsake_release(&later->keepsake);
    assert_false(later->is_freed);
    tr_actor_ask_to_stop(stage->router, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    assert_status(tr_actor_reap(&stage->router, 10000), TROUPE_OK);
    assert_true(later->is_freed);
}

static void serve(stage_t *stage, size_t worker, call_t *call)
{
    tr_job_t *job = gets(&stage->workers[worker], call);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
}

/* ---- what is kept ---- */

static void each_spec_is_kept_as_long_as_it_is_gone_by(void **state)
{
    stage_t *stage = *state;
    later_t first;
    later_t second;
    make(&first, stage);
    make(&second, stage);
    stage_open(stage, 1);
    send_spec(stage, &first);
    tr_keepsake_release(&first.keepsake);
    assert_false(first.is_freed);
    send_spec(stage, &second);
    assert_true(first.is_freed);
    send_spec(stage, &second); /* the same again */
    serve(stage, 0, ask(stage));
    end(stage, &second);
}

static void one_of_another_capability_is_not_gone_by(void **state)
{
    stage_t *stage = *state;
    later_t later;
    make(&later, stage);
    later.spec.capability = "other";
    later.spec.queue_limit = 1;
    stage_open(stage, 0);
    send_spec(stage, &later);
    ask(stage);
    stage_settle(stage);
    ask(stage);
    stage_has(stage, 2, 0);
    tr_keepsake_release(&later.keepsake);
    assert_true(later.is_freed);
}

static void what_was_accepted_keeps_its_deadline(void **state)
{
    stage_t *stage = *state;
    later_t later;
    make(&later, stage);
    later.spec.timeout_ms = 1000;
    stage_open(stage, 0);
    call_t *before = ask(stage);
    send_spec(stage, &later);
    call_t *after = ask(stage);
    stage_advance(stage, 1000);
    expect_final(after, TROUPE_OUTCOME_NO_WORKERS);
    expect_silence(before);
    stage_advance(stage, 9000);
    expect_final(before, TROUPE_OUTCOME_NO_WORKERS);
    end(stage, &later);
}

/* ---- the queue ---- */

static void the_queue_is_longer_or_shorter(void **state)
{
    stage_t *stage = *state;
    stage->spec.queue_limit = 2;
    later_t wide;
    later_t narrow;
    make(&wide, stage);
    make(&narrow, stage);
    wide.spec.queue_limit = 3;
    narrow.spec.queue_limit = 1;
    stage_open(stage, 0);
    ask(stage);
    ask(stage);
    expect_final(ask(stage), TROUPE_OUTCOME_OVERLOADED);
    send_spec(stage, &wide);
    call_t *third = ask(stage);
    expect_final(ask(stage), TROUPE_OUTCOME_OVERLOADED);
    expect_silence(third);
    send_spec(stage, &narrow);
    stage_has(stage, 3, 0); /* nobody is thrown out */
    expect_final(ask(stage), TROUPE_OUTCOME_OVERLOADED);
    tr_keepsake_release(&wide.keepsake);
    assert_true(wide.is_freed);
    end(stage, &narrow);
}

static void what_becomes_of_one_too_many_changes(void **state)
{
    stage_t *stage = *state;
    stage->spec.queue_limit = 1;
    later_t later;
    make(&later, stage);
    later.spec.overflow = TR_OVERFLOW_DROP_OLDEST;
    stage_open(stage, 0);
    call_t *oldest = ask(stage);
    stage_settle(stage);
    expect_final(ask(stage), TROUPE_OUTCOME_OVERLOADED);
    send_spec(stage, &later);
    call_t *newest = ask(stage);
    expect_final(oldest, TROUPE_OUTCOME_OVERLOADED);
    stage_settle(stage);
    expect_silence(newest);
    end(stage, &later);
}

typedef struct waiter {
    pthread_t thread;
    tr_envelope_t *envelope;
    tr_mailbox_t *to;
} waiter_t;

static void *submit(void *arg)
{
    waiter_t *waiter = arg;
    tr_envelope_submit(waiter->envelope, waiter->to, true);
    return NULL;
}

static waiter_t begin_to_wait(stage_t *stage, const call_t *call)
{
    return (waiter_t){.envelope = call->envelope, .to = stage->router->mailbox};
}

/* Those who wait inside count in the mailbox from now on, and whoever comes waits for room
 * there. */
static void callers_wait_for_room_from_now_on(void **state)
{
    stage_t *stage = *state;
    stage->spec.queue_limit = 2;
    later_t later;
    make(&later, stage);
    later.spec.overflow = TR_OVERFLOW_BLOCK;
    stage_open(stage, 0);
    call_t *calls[] = {ask(stage), ask(stage), NULL};
    stage_settle(stage);
    send_spec(stage, &later);
    calls[2] =
        stage_prepare(stage, &(tr_header_t){.capability = {"cap", 3}, .method = {"do", 2}});
    waiter_t waiter = begin_to_wait(stage, calls[2]);
    assert_int_equal(pthread_create(&waiter.thread, NULL, submit, &waiter), 0);
    stage_has(stage, 2, 0);
    expect_silence(calls[2]);
    stage_up(stage, 0);
    for (size_t i = 0; i < 3; i++) {
        tr_job_t *job = gets(&stage->workers[0], NULL);
        finish(&job, TROUPE_OUTCOME_OK);
    }
    pthread_join(waiter.thread, NULL);
    for (size_t i = 0; i < 3; i++) {
        expect_final(calls[i], TROUPE_OUTCOME_OK);
    }
    end(stage, &later);
}

/* And whoever waits for room when none is to be waited for any more is let in, or refused. */
static void callers_wait_for_room_no_more(void **state)
{
    stage_t *stage = *state;
    stage->spec.queue_limit = 1;
    stage->spec.overflow = TR_OVERFLOW_BLOCK;
    later_t later;
    make(&later, stage);
    later.spec.overflow = TR_OVERFLOW_REJECT;
    later.spec.queue_limit = 2;
    stage_open(stage, 0);
    ask(stage);
    stage_settle(stage);
    call_t *second =
        stage_prepare(stage, &(tr_header_t){.capability = {"cap", 3}, .method = {"do", 2}});
    waiter_t waiter = begin_to_wait(stage, second);
    assert_int_equal(pthread_create(&waiter.thread, NULL, submit, &waiter), 0);
    stage_has(stage, 1, 0);
    send_spec(stage, &later);
    pthread_join(waiter.thread, NULL); /* there is room in the mailbox now */
    stage_has(stage, 2, 0);
    expect_final(ask(stage), TROUPE_OUTCOME_OVERLOADED);
    end(stage, &later);
}

static void how_long_one_may_wait_changes_for_those_who_come(void **state)
{
    stage_t *stage = *state;
    later_t later;
    make(&later, stage);
    later.spec.queue_timeout_ms = 100;
    stage_open(stage, 0);
    call_t *before = ask(stage);
    send_spec(stage, &later);
    call_t *after = ask(stage);
    stage_advance(stage, 100);
    expect_final(after, TROUPE_OUTCOME_NO_WORKERS);
    expect_silence(before);
    end(stage, &later);
}

/* ---- peers ---- */

static void peers_are_counted_from_now_on_with_what_they_have(void **state)
{
    stage_t *stage = *state;
    later_t some;
    later_t none;
    make(&some, stage);
    make(&none, stage);
    some.spec.per_peer = 3;
    stage_open(stage, 1);
    call_t *first = ask_with(stage, .peer = 1);
    tr_job_t *job = gets(&stage->workers[0], first); /* running counts, too */
    ask_with(stage, .peer = 1, .priority = TROUPE_PRIORITY_LOW);
    ask_with(stage, .peer = 1, .timeout_ms = 5);
    ask_with(stage, .peer = 2);
    stage_settle(stage);
    send_spec(stage, &some);
    expect_final(ask_with(stage, .peer = 1), TROUPE_OUTCOME_OVERLOADED);
    call_t *other = ask_with(stage, .peer = 2);
    stage_settle(stage);
    expect_silence(other);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(first, TROUPE_OUTCOME_OK);
    call_t *again = ask_with(stage, .peer = 1);
    stage_settle(stage);
    expect_silence(again);
    expect_final(ask_with(stage, .peer = 1), TROUPE_OUTCOME_OVERLOADED);
    send_spec(stage, &none);
    for (size_t i = 0; i < 5; i++) {
        again = ask_with(stage, .peer = 1);
    }
    stage_settle(stage);
    expect_silence(again);
    tr_keepsake_release(&some.keepsake);
    end(stage, &none);
}

/* ---- the breaker ---- */

static void fail_once(stage_t *stage)
{
    call_t *call = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], call);
    finish(&job, TROUPE_OUTCOME_WORKER_ERROR);
    expect_final(call, TROUPE_OUTCOME_WORKER_ERROR);
}

/* Whether the breaker's numbers change, and whether it still is open then. */
struct breaker_row {
    size_t failures;
    bool is_open;
};

static void a_breaker_is_open_as_long_as_its_numbers_are_the_same(void **state)
{
    stage_t *stage = *state;
    const struct breaker_row *row = stage->row;
    stage->spec.breaker_failures = 2;
    stage->spec.breaker_cooldown_ms = 1000;
    later_t later;
    make(&later, stage);
    later.spec.breaker_failures = row->failures;
    later.spec.keep_alive_ms = 7000;
    stage_open(stage, 1);
    fail_once(stage);
    fail_once(stage);
    stage_settle(stage);
    send_spec(stage, &later);
    if (row->is_open) {
        expect_final(ask(stage), TROUPE_OUTCOME_CIRCUIT_OPEN);
    } else {
        serve(stage, 0, ask(stage));
    }
    end(stage, &later);
}

/* A request that passed before says nothing about what came after. */
static void what_passed_before_does_not_count_in_the_new_one(void **state)
{
    stage_t *stage = *state;
    later_t later;
    make(&later, stage);
    later.spec.breaker_failures = 1;
    later.spec.breaker_cooldown_ms = 1000;
    stage_open(stage, 1);
    call_t *before = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], before);
    send_spec(stage, &later);
    finish(&job, TROUPE_OUTCOME_WORKER_ERROR);
    expect_final(before, TROUPE_OUTCOME_WORKER_ERROR);
    fail_once(stage);
    expect_final(ask(stage), TROUPE_OUTCOME_CIRCUIT_OPEN);
    end(stage, &later);
}

/* ---- workers ---- */

static void those_that_are_there_take_more_or_fewer_at_once(void **state)
{
    stage_t *stage = *state;
    later_t two;
    later_t one;
    make(&two, stage);
    make(&one, stage);
    two.spec.concurrency = 2;
    stage_open(stage, 1);
    call_t *calls[4] = {ask(stage), ask(stage), NULL, NULL};
    tr_job_t *jobs[2] = {gets(&stage->workers[0], NULL), NULL};
    stage_has(stage, 1, 1);
    send_spec(stage, &two);
    jobs[1] = gets(&stage->workers[0], NULL);
    stage_has(stage, 0, 2);
    send_spec(stage, &one);
    calls[2] = ask(stage);
    finish(&jobs[0], TROUPE_OUTCOME_OK);
    stage_has(stage, 1, 1); /* it has one, which is all it may */
    finish(&jobs[1], TROUPE_OUTCOME_OK);
    jobs[0] = gets(&stage->workers[0], calls[2]);
    stage_up(stage, 1);
    call_t *more[] = {ask(stage), ask(stage)};
    jobs[1] = gets(&stage->workers[1], NULL); /* one that comes is like those */
    stage_has(stage, 1, 2);
    finish(&jobs[0], TROUPE_OUTCOME_OK);
    finish(&jobs[1], TROUPE_OUTCOME_OK);
    stage_has(stage, 0, 1);
    for (size_t i = 0; i < 3; i++) {
        expect_final(calls[i], TROUPE_OUTCOME_OK);
    }
    (void)more;
    tr_keepsake_release(&two.keepsake);
    end(stage, &one);
}

static void batches_begin_and_end(void **state)
{
    stage_t *stage = *state;
    later_t batches;
    later_t singles;
    make(&batches, stage);
    make(&singles, stage);
    batches.spec.batch_max = 3;
    stage_open(stage, 1);
    call_t *call = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], call);
    call_t *calls[] = {ask(stage), ask(stage), ask(stage)};
    stage_settle(stage);
    send_spec(stage, &batches);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
    tr_batch_t *batch = gets_batch(&stage->workers[0], 3);
    call = ask(stage);
    send_spec(stage, &singles);
    for (size_t i = 0; i < 3; i++) {
        tr_request_finish(batch->jobs[i], TROUPE_OUTCOME_OK, NULL, NULL, false);
        expect_final(calls[i], TROUPE_OUTCOME_OK);
    }
    tr_batch_destroy(&batch);
    serve(stage, 0, call);
    tr_keepsake_release(&batches.keepsake);
    end(stage, &singles);
}

static void turns_are_taken_by_another_rule(void **state)
{
    stage_t *stage = *state;
    later_t later;
    make(&later, stage);
    later.spec.balance = TR_BALANCE_ROUND_ROBIN;
    stage_open(stage, 2);
    call_t *call = ask(stage);
    stage_settle(stage);
    size_t who = tr_mailbox_depth(stage->workers[0].mailbox) > 0 ? 0 : 1;
    serve(stage, who, call);
    serve(stage, who, ask(stage)); /* the most recently used */
    send_spec(stage, &later);
    serve(stage, 1 - who, ask(stage));
    serve(stage, who, ask(stage));
    end(stage, &later);
}

static void what_is_lost_is_tried_again_from_now_on(void **state)
{
    stage_t *stage = *state;
    later_t later;
    make(&later, stage);
    later.spec.retry = 1;
    stage_open(stage, 1);
    call_t *call = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], call);
    send_spec(stage, &later);
    tr_job_release(&job);
    stage_down(stage, &stage->workers[0]);
    stage_settle(stage);
    stage_up(stage, 0);
    serve(stage, 0, call);
    end(stage, &later);
}

static void a_worker_is_kept_alive_for_longer_or_less(void **state)
{
    stage_t *stage = *state;
    later_t later;
    make(&later, stage);
    later.spec.keep_alive_ms = 1000;
    stage_open(stage, 1);
    stage_advance(stage, 5000);
    stage_pool_hears_nothing(stage);
    send_spec(stage, &later);
    assert_string_equal(stage_pool_hears(stage, TR_WORD_SHRINK).name, "keep_alive");
    end(stage, &later);
}

/* How many there may be is the pool's to say. */
static void the_size_stays(void **state)
{
    stage_t *stage = *state;
    later_t later;
    make(&later, stage);
    later.spec.min_workers = 3;
    later.spec.max_workers = 3;
    later.spec.is_pinned = true;
    stage_open(stage, 1);
    send_spec(stage, &later);
    tr_report_t *report = stage_survey(stage);
    assert_int_equal(report->min, 0);
    assert_int_equal(report->max, STAGE_N_WORKERS);
    tr_letter_destroy(&(tr_letter_t *){&report->letter});
    stage_ask_to_yield(stage, &stage->workers[0], "room", false);
    stage_refuses_to_yield(stage, &stage->workers[0], "its capability is pinned");
    end(stage, &later);
}

/* clang-format off */
#define BREAKER(title, ...) \
    ROW(title, a_breaker_is_open_as_long_as_its_numbers_are_the_same, struct breaker_row, \
        __VA_ARGS__)
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(each_spec_is_kept_as_long_as_it_is_gone_by),
        STORY(one_of_another_capability_is_not_gone_by),
        STORY(what_was_accepted_keeps_its_deadline),
        STORY(the_queue_is_longer_or_shorter),
        STORY(what_becomes_of_one_too_many_changes),
        STORY(callers_wait_for_room_from_now_on),
        STORY(callers_wait_for_room_no_more),
        STORY(how_long_one_may_wait_changes_for_those_who_come),
        STORY(peers_are_counted_from_now_on_with_what_they_have),
        BREAKER("the same numbers", 2, true),
        BREAKER("others", 3, false),
        STORY(what_passed_before_does_not_count_in_the_new_one),
        STORY(those_that_are_there_take_more_or_fewer_at_once),
        STORY(batches_begin_and_end),
        STORY(turns_are_taken_by_another_rule),
        STORY(what_is_lost_is_tried_again_from_now_on),
        STORY(a_worker_is_kept_alive_for_longer_or_less),
        STORY(the_size_stays),
    };
    return cmocka_run_group_tests_name("capabilities/respec", tests, NULL, NULL) != 0;
}
