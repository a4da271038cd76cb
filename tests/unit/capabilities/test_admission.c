/* Which requests are accepted, and which of those share a run. */

#include "tests/unit/capabilities/stage.h"

#include <pthread.h>
#include <string.h>

/* ---- a full queue ---- */

static void a_full_queue_refuses(void **state)
{
    stage_t *stage = *state;
    stage->spec.queue_limit = 2;
    stage_open(stage, 0);
    ask(stage);
    ask(stage);
    call_t *late = ask_with(stage, .priority = TROUPE_PRIORITY_CRITICAL);
    expect_final(late, TROUPE_OUTCOME_OVERLOADED);
    assert_true(late->hint_ms >= 1);
    stage_has(stage, 2, 0);
}

static void what_runs_takes_no_place_in_the_queue(void **state)
{
    stage_t *stage = *state;
    stage->spec.queue_limit = 1;
    stage_open(stage, 1);
    call_t *first = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], first);
    ask(stage);
    stage_has(stage, 1, 1);
    expect_final(ask(stage), TROUPE_OUTCOME_OVERLOADED);
    finish(&job, TROUPE_OUTCOME_OK);
    job = gets(&stage->workers[0], NULL);
    ask(stage);
    stage_has(stage, 1, 1);
    tr_job_release(&job);
}

/* A queue of three, a newcomer, and who goes: the number of one of them, 3 the newcomer. */
struct crowd {
    troupe_priority_t waiting[3];
    troupe_priority_t newcomer;
    size_t who_goes;
};

static void somebody_goes(void **state)
{
    stage_t *stage = *state;
    const struct crowd *row = stage->row;
    stage->spec.queue_limit = 3;
    stage->spec.overflow = TR_OVERFLOW_DROP_OLDEST;
    stage_open(stage, 0);
    call_t *calls[4];
    for (size_t i = 0; i < 4; i++) {
        calls[i] = ask_with(stage, .priority = i < 3 ? row->waiting[i] : row->newcomer);
    }
    expect_final(calls[row->who_goes], TROUPE_OUTCOME_OVERLOADED);
    stage_has(stage, 3, 0);
    for (size_t i = 0; i < 4; i++) {
        expect_silence(calls[i]);
    }
}

static void who_may_have_no_more_drops_nobody(void **state)
{
    stage_t *stage = *state;
    stage->spec.queue_limit = 2;
    stage->spec.per_peer = 1;
    stage->spec.overflow = TR_OVERFLOW_DROP_OLDEST;
    stage_open(stage, 0);
    call_t *meek = ask_with(stage, .peer = 1);
    call_t *pushy = ask_with(stage, .peer = 2);
    for (size_t i = 0; i < 5; i++) {
        expect_final(ask_with(stage, .peer = 2), TROUPE_OUTCOME_OVERLOADED);
    }
    stage_has(stage, 2, 0);
    expect_silence(meek);
    expect_silence(pushy);
}

static void one_peer_gets_no_more_than_its_share(void **state)
{
    stage_t *stage = *state;
    stage->spec.per_peer = 2;
    stage_open(stage, 1);
    call_t *first = ask_with(stage, .peer = 7);
    tr_job_t *job = gets(&stage->workers[0], first); /* what runs counts too */
    ask_with(stage, .peer = 7);
    call_t *refused = ask_with(stage, .peer = 7);
    expect_final(refused, TROUPE_OUTCOME_OVERLOADED);
    assert_non_null(strstr(refused->text, "this peer has 2 requests"));
    ask_with(stage, .peer = 8);
    ask(stage);
    stage_has(stage, 3, 1);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(first, TROUPE_OUTCOME_OK);
    call_t *next = ask_with(stage, .peer = 7);
    stage_settle(stage);
    expect_silence(next);
    expect_final(ask_with(stage, .peer = 7), TROUPE_OUTCOME_OVERLOADED);
}

/* ---- block ---- */

static void with_block_the_mailbox_is_the_bound(void **state)
{
    stage_t *stage = *state;
    stage->spec.queue_limit = 2;
    stage->spec.overflow = TR_OVERFLOW_BLOCK;
    stage_open(stage, 0);
    assert_int_equal(tr_mailbox_wait_ms(stage->router->mailbox), stage->spec.timeout_ms);
    ask(stage);
    call_t *second = ask(stage);
    stage_has(stage, 2, 0);
    expect_final(ask(stage), TROUPE_OUTCOME_OVERLOADED); /* whoever cannot wait */
    stage_cancel(stage, second);
    expect_final(second, TROUPE_OUTCOME_CANCELLED);
    call_t *third = ask(stage);
    stage_has(stage, 2, 0);
    expect_silence(third);
    expect_final(ask(stage), TROUPE_OUTCOME_OVERLOADED);
    tr_job_t *job = gets(stage_up(stage, 0), NULL); /* what runs does not wait */
    stage_settle(stage);
    call_t *fourth = ask(stage);
    stage_has(stage, 2, 1);
    expect_silence(fourth);
    tr_job_release(&job);
}

typedef struct waiter {
    pthread_t thread;
    tr_envelope_t *envelope;
    tr_mailbox_t *to;
} waiter_t;

static void *submit(void *arg)
{
    waiter_t *self = arg;
    tr_envelope_submit(self->envelope, self->to, true);
    return NULL;
}

static void with_block_a_caller_waits_for_room(void **state)
{
    stage_t *stage = *state;
    stage->spec.queue_limit = 1;
    stage->spec.overflow = TR_OVERFLOW_BLOCK;
    stage_open(stage, 0);
    call_t *first = ask(stage);
    stage_has(stage, 1, 0);
    call_t *second = stage_prepare(stage, &(tr_header_t){.capability = {"cap", 3}});
    waiter_t waiter = {.envelope = second->envelope, .to = stage->router->mailbox};
    assert_int_equal(pthread_create(&waiter.thread, NULL, submit, &waiter), 0);
    stage_cancel(stage, first);
    expect_final(first, TROUPE_OUTCOME_CANCELLED);
    pthread_join(waiter.thread, NULL);
    stage_has(stage, 1, 0);
    expect_silence(second);
}

static void with_block_a_caller_waits_no_longer_than_it_would(void **state)
{
    stage_t *stage = *state;
    stage->spec.queue_limit = 1;
    stage->spec.overflow = TR_OVERFLOW_BLOCK;
    stage_open(stage, 0);
    ask(stage);
    stage_has(stage, 1, 0);
    call_t *second =
        stage_prepare(stage, &(tr_header_t){.capability = {"cap", 3}, .timeout_ms = 100});
    waiter_t waiter = {.envelope = second->envelope, .to = stage->router->mailbox};
    assert_int_equal(pthread_create(&waiter.thread, NULL, submit, &waiter), 0);
    tr_clock_advance(100);
    pthread_join(waiter.thread, NULL);
    expect_final(second, TROUPE_OUTCOME_TIMEOUT);
}

/* However small the queue, there may be as many cancels as requests run. */
static void with_block_no_cancel_is_lost(void **state)
{
    stage_t *stage = *state;
    stage->spec.queue_limit = 1;
    stage->spec.overflow = TR_OVERFLOW_BLOCK;
    stage->spec.concurrency = 40;
    stage_open(stage, 1);
    call_t *calls[40];
    for (size_t i = 0; i < 40; i++) {
        calls[i] = ask(stage);
        tr_job_t *job = gets(&stage->workers[0], calls[i]);
        tr_job_release(&job);
        stage_settle(stage);
    }
    for (size_t i = 0; i < 40; i++) {
        tr_envelope_cancel(calls[i]->envelope, stage->router->mailbox);
    }
    for (size_t i = 0; i < 40; i++) {
        expect_final(calls[i], TROUPE_OUTCOME_CANCELLED);
    }
}

/* ---- draining, time, trouble ---- */

static void only_calls_from_within_come_in_while_it_drains(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *before = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], before);
    stage_say(stage, TR_WORD_DRAIN, NULL, tr_reason_of(TROUPE_REASON_NORMAL), 0);
    stage_settle(stage);
    expect_final(ask(stage), TROUPE_OUTCOME_SHUTTING_DOWN);
    call_t *nested = ask_with(stage, .depth = 1);
    stage_has(stage, 1, 1);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(before, TROUPE_OUTCOME_OK);
    job = gets(&stage->workers[0], nested);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(nested, TROUPE_OUTCOME_OK);
}

/* The deadline that the caller asked for, and when it ends; the capability's is 10000. */
struct limit {
    int64_t asked_ms;
    int64_t ends_ms;
};

static void limits_hold(void **state)
{
    stage_t *stage = *state;
    const struct limit *row = stage->row;
    stage_open(stage, 1);
    tr_job_t *job = NULL;
    ask(stage);
    job = gets(&stage->workers[0], NULL);
    call_t *call = ask_with(stage, .timeout_ms = row->asked_ms);
    stage_advance(stage, row->ends_ms - 1);
    expect_silence(call);
    stage_advance(stage, 1);
    expect_final(call, TROUPE_OUTCOME_TIMEOUT);
    tr_job_release(&job);
}

static void patience_is_bounded_apart_from_the_deadline(void **state)
{
    stage_t *stage = *state;
    stage->spec.queue_timeout_ms = 500;
    stage_open(stage, 1);
    call_t *runs = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], runs);
    call_t *waits = ask(stage);
    call_t *hasty = ask_with(stage, .timeout_ms = 400);
    stage_advance(stage, 499);
    expect_final(hasty, TROUPE_OUTCOME_TIMEOUT);
    assert_non_null(strstr(hasty->text, "until the deadline"));
    expect_silence(waits);
    stage_advance(stage, 1);
    expect_final(waits, TROUPE_OUTCOME_TIMEOUT);
    assert_non_null(strstr(waits->text, "for its queue-timeout"));
    stage_advance(stage, 9000); /* it does not bound what runs */
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(runs, TROUPE_OUTCOME_OK);
}

static void without_any_worker_it_says_so(void **state)
{
    stage_t *stage = *state;
    stage->spec.queue_timeout_ms = 500;
    stage_open(stage, 0);
    call_t *call = ask(stage);
    stage_advance(stage, 500);
    expect_final(call, TROUPE_OUTCOME_NO_WORKERS);
}

static void a_cancel_may_overtake_its_request(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *call = stage_prepare(stage, &(tr_header_t){.capability = {"cap", 3}});
    stage_cancel(stage, call);
    expect_final(call, TROUPE_OUTCOME_CANCELLED);
    tr_envelope_submit(call->envelope, stage->router->mailbox, false);
    stage_has(stage, 0, 0);
    gets_nothing(&stage->workers[0]);
}

static void what_comes_too_late_is_not_accepted(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *call =
        stage_prepare(stage, &(tr_header_t){.capability = {"cap", 3}, .timeout_ms = 5});
    tr_clock_advance(5);
    tr_envelope_submit(call->envelope, stage->router->mailbox, false);
    expect_final(call, TROUPE_OUTCOME_TIMEOUT);
    gets_nothing(&stage->workers[0]);
}

/* ---- the breaker ---- */

static void fail_once(stage_t *stage, troupe_outcome_t outcome)
{
    call_t *call = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], call);
    finish(&job, outcome);
    expect_final(call, outcome);
    stage_settle(stage);
}

static void with_breaker(stage_t *stage)
{
    stage->spec.breaker_failures = 2;
    stage->spec.breaker_cooldown_ms = 1000;
    stage->spec.breaker_probes = 2;
    stage_open(stage, 1);
}

static void an_open_breaker_ends_what_waits_and_what_comes(void **state)
{
    stage_t *stage = *state;
    with_breaker(stage);
    call_t *calls[4];
    for (size_t i = 0; i < 4; i++) {
        calls[i] = ask(stage);
    }
    stage_settle(stage);
    for (size_t i = 0; i < 2; i++) {
        tr_job_t *job = gets(&stage->workers[0], calls[i]);
        finish(&job, TROUPE_OUTCOME_WORKER_ERROR);
        expect_final(calls[i], TROUPE_OUTCOME_WORKER_ERROR);
    }
    for (size_t i = 2; i < 4; i++) {
        expect_final(calls[i], TROUPE_OUTCOME_CIRCUIT_OPEN);
        assert_int_equal(calls[i]->hint_ms, 1000);
    }
    stage_advance(stage, 400);
    call_t *refused = ask(stage);
    expect_final(refused, TROUPE_OUTCOME_CIRCUIT_OPEN);
    assert_int_equal(refused->hint_ms, 600);
    gets_nothing(&stage->workers[0]);
}

static void as_many_pass_as_there_are_probes_and_their_success_closes_it(void **state)
{
    stage_t *stage = *state;
    with_breaker(stage);
    fail_once(stage, TROUPE_OUTCOME_WORKER_ERROR);
    fail_once(stage, TROUPE_OUTCOME_BAD_REQUEST); /* says nothing */
    fail_once(stage, TROUPE_OUTCOME_WORKER_ERROR);
    expect_final(ask(stage), TROUPE_OUTCOME_CIRCUIT_OPEN);
    stage_advance(stage, 1000);
    call_t *probes[] = {ask(stage), ask(stage)};
    expect_final(ask(stage), TROUPE_OUTCOME_CIRCUIT_OPEN);
    for (size_t i = 0; i < 2; i++) {
        tr_job_t *job = gets(&stage->workers[0], probes[i]);
        expect_final(ask(stage), TROUPE_OUTCOME_CIRCUIT_OPEN);
        finish(&job, TROUPE_OUTCOME_OK);
        expect_final(probes[i], TROUPE_OUTCOME_OK);
        stage_settle(stage);
    }
    fail_once(stage, TROUPE_OUTCOME_OK);
    fail_once(stage, TROUPE_OUTCOME_WORKER_ERROR); /* counted from the beginning */
    fail_once(stage, TROUPE_OUTCOME_OK);
}

static void a_probe_that_fails_opens_it_again(void **state)
{
    stage_t *stage = *state;
    with_breaker(stage);
    fail_once(stage, TROUPE_OUTCOME_WORKER_ERROR);
    fail_once(stage, TROUPE_OUTCOME_WORKER_ERROR);
    stage_advance(stage, 1000);
    call_t *first = ask(stage);
    call_t *second = ask(stage);
    stage_settle(stage);
    tr_job_t *job = gets(&stage->workers[0], first);
    finish(&job, TROUPE_OUTCOME_WORKER_ERROR);
    expect_final(first, TROUPE_OUTCOME_WORKER_ERROR);
    expect_final(second, TROUPE_OUTCOME_CIRCUIT_OPEN);
    expect_final(ask(stage), TROUPE_OUTCOME_CIRCUIT_OPEN);
}

/* A probe that is not served gives its place back. */
static void a_cancelled_probe_leaves_its_place(void **state)
{
    stage_t *stage = *state;
    with_breaker(stage);
    fail_once(stage, TROUPE_OUTCOME_WORKER_ERROR);
    fail_once(stage, TROUPE_OUTCOME_WORKER_ERROR);
    stage_advance(stage, 1000);
    call_t *lead = ask_with(stage, .dedup = {"k", 1});
    call_t *sharer = ask_with(stage, .dedup = {"k", 1}); /* shares its place too */
    call_t *other = ask(stage);
    expect_final(ask(stage), TROUPE_OUTCOME_CIRCUIT_OPEN);
    stage_cancel(stage, lead);
    expect_final(lead, TROUPE_OUTCOME_CANCELLED);
    expect_final(ask(stage), TROUPE_OUTCOME_CIRCUIT_OPEN); /* the heir has it */
    stage_cancel(stage, sharer);
    expect_final(sharer, TROUPE_OUTCOME_CANCELLED);
    call_t *next = ask(stage);
    stage_settle(stage);
    expect_silence(next);
    expect_silence(other);
}

/* ---- sharing ---- */

static void equal_keys_share_a_run_and_each_is_answered(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *busy = ask(stage);
    tr_job_t *busy_job = gets(&stage->workers[0], busy);
    call_t *lead = ask_with(stage, .dedup = {"k\0y", 3});
    call_t *while_queued = ask_with(stage, .dedup = {"k\0y", 3});
    call_t *another_key = ask_with(stage, .dedup = {"k\0z", 3});
    call_t *no_key = ask(stage);
    stage_has(stage, 4, 1);
    finish(&busy_job, TROUPE_OUTCOME_OK);
    tr_job_t *job = gets(&stage->workers[0], lead);
    stage_has(stage, 2, 2);
    call_t *while_running = ask_with(stage, .dedup = {"k\0y", 3});
    stage_has(stage, 2, 3);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(lead, TROUPE_OUTCOME_OK);
    expect_final(while_queued, TROUPE_OUTCOME_OK);
    expect_final(while_running, TROUPE_OUTCOME_OK);
    job = gets(&stage->workers[0], another_key);
    finish(&job, TROUPE_OUTCOME_OK);
    job = gets(&stage->workers[0], no_key);
    finish(&job, TROUPE_OUTCOME_OK);
    call_t *afterwards = ask_with(stage, .dedup = {"k\0y", 3}); /* the key is free again */
    job = gets(&stage->workers[0], afterwards);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(afterwards, TROUPE_OUTCOME_OK);
}

static void a_run_that_has_sent_a_part_is_not_joined(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *lead = ask_with(stage, .dedup = {"k", 1});
    tr_job_t *job = gets(&stage->workers[0], lead);
    send_parts(job, 1, 10);
    expect_part(lead, 0);
    call_t *next = ask_with(stage, .dedup = {"k", 1});
    stage_has(stage, 1, 1);
    call_t *sharer = ask_with(stage, .dedup = {"k", 1}); /* of the next run */
    stage_settle(stage);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(lead, TROUPE_OUTCOME_OK);
    job = gets(&stage->workers[0], next);
    finish(&job, TROUPE_OUTCOME_WORKER_ERROR);
    expect_final(next, TROUPE_OUTCOME_WORKER_ERROR);
    expect_final(sharer, TROUPE_OUTCOME_WORKER_ERROR);
}

static void one_in_more_of_a_hurry_moves_the_run_forward(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 0);
    call_t *slow = ask_with(stage, .dedup = {"k", 1}, .priority = TROUPE_PRIORITY_LOW);
    call_t *also_slow = ask_with(stage, .dedup = {"k", 1}, .priority = TROUPE_PRIORITY_BATCH);
    call_t *normal = ask(stage);
    call_t *urgent = ask_with(stage, .dedup = {"k", 1}, .priority = TROUPE_PRIORITY_CRITICAL);
    stage_has(stage, 4, 0);
    player_t *worker = stage_up(stage, 0);
    tr_job_t *job = gets(worker, urgent);
    stage_has(stage, 1, 3);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(urgent, TROUPE_OUTCOME_OK);
    expect_final(slow, TROUPE_OUTCOME_OK);
    expect_final(also_slow, TROUPE_OUTCOME_OK);
    job = gets(worker, normal);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(normal, TROUPE_OUTCOME_OK);
}

static void those_who_share_are_bounded_too(void **state)
{
    stage_t *stage = *state;
    stage->spec.queue_limit = 2;
    stage_open(stage, 1);
    call_t *lead = ask_with(stage, .dedup = {"k", 1});
    tr_job_t *job = gets(&stage->workers[0], lead);
    call_t *sharers[] = {ask_with(stage, .dedup = {"k", 1}),
                         ask_with(stage, .dedup = {"k", 1})};
    expect_final(ask_with(stage, .dedup = {"k", 1}), TROUPE_OUTCOME_OVERLOADED);
    stage_cancel(stage, sharers[0]);
    expect_final(sharers[0], TROUPE_OUTCOME_CANCELLED);
    call_t *next = ask_with(stage, .dedup = {"k", 1});
    stage_has(stage, 0, 3);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(sharers[1], TROUPE_OUTCOME_OK);
    expect_final(next, TROUPE_OUTCOME_OK);
}

#define N                 TROUPE_PRIORITY_NORMAL
#define L                 TROUPE_PRIORITY_LOW
#define H                 TROUPE_PRIORITY_HIGH
#define CROWD(title, ...) ROW(title, somebody_goes, struct crowd, __VA_ARGS__)
#define LIMIT(title, ...) ROW(title, limits_hold, struct limit, __VA_ARGS__)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_full_queue_refuses),
        STORY(what_runs_takes_no_place_in_the_queue),
        CROWD("the oldest makes room", {N, N, N}, N, 0),
        CROWD("the oldest of the least urgent does", {N, L, L}, N, 1),
        CROWD("for an urgent one too", {H, H, N}, H, 2),
        CROWD("not for one less urgent than all", {H, N, H}, L, 3),
        CROWD("for one as urgent as the least urgent", {H, L, H}, L, 1),
        STORY(who_may_have_no_more_drops_nobody),
        STORY(one_peer_gets_no_more_than_its_share),
        STORY(with_block_the_mailbox_is_the_bound),
        STORY(with_block_a_caller_waits_for_room),
        STORY(with_block_a_caller_waits_no_longer_than_it_would),
        STORY(with_block_no_cancel_is_lost),
        STORY(only_calls_from_within_come_in_while_it_drains),
        LIMIT("a caller may tighten the deadline", 100, 100),
        LIMIT("but not widen it", 99999, 10000),
        LIMIT("one who says nothing has the capability's", 0, 10000),
        STORY(patience_is_bounded_apart_from_the_deadline),
        STORY(without_any_worker_it_says_so),
        STORY(a_cancel_may_overtake_its_request),
        STORY(what_comes_too_late_is_not_accepted),
        STORY(an_open_breaker_ends_what_waits_and_what_comes),
        STORY(as_many_pass_as_there_are_probes_and_their_success_closes_it),
        STORY(a_probe_that_fails_opens_it_again),
        STORY(a_cancelled_probe_leaves_its_place),
        STORY(equal_keys_share_a_run_and_each_is_answered),
        STORY(a_run_that_has_sent_a_part_is_not_joined),
        STORY(one_in_more_of_a_hurry_moves_the_run_forward),
        STORY(those_who_share_are_bounded_too),
    };
    return cmocka_run_group_tests_name("capabilities/admission", tests, NULL, NULL) != 0;
}
