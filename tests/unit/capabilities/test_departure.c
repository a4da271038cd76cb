/* How requests end before their run does, and what is left of the run then. */

#include "tests/unit/capabilities/stage.h"

static void a_cancelled_one_leaves_the_queue(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 0);
    call_t *gone = ask(stage);
    call_t *stays = ask(stage);
    stage_cancel(stage, gone);
    expect_final(gone, TROUPE_OUTCOME_CANCELLED);
    stage_has(stage, 1, 0);
    tr_job_t *job = gets(stage_up(stage, 0), stays);
    stage_cancel(stage, gone); /* again: it is over */
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(stays, TROUPE_OUTCOME_OK);
}

/* How the one that runs ends early, and whether its worker asks to be told. */
struct early_end {
    int64_t timeout_ms; /* it is cancelled when this is 0 */
    int wants_cancels;
    troupe_outcome_t outcome;
};

static void the_slot_stays_charged(void **state)
{
    stage_t *stage = *state;
    const struct early_end *row = stage->row;
    stage_open(stage, 1);
    player_t *worker = &stage->workers[0];
    atomic_store(&worker->pulse->wants_cancels, row->wants_cancels);
    call_t *gone = ask_with(stage, .timeout_ms = row->timeout_ms);
    tr_job_t *job = gets(worker, gone);
    call_t *waits = ask(stage);
    if (row->timeout_ms) {
        stage_advance(stage, row->timeout_ms);
    } else {
        stage_cancel(stage, gone);
    }
    expect_final(gone, row->outcome);
    stage_has(stage, 1, 0);
    assert_true(atomic_load(&job->cancelled_ms) != 0);
    assert_int_equal(atomic_load(&worker->pulse->cancelled), job->number);
    assert_int_equal(atomic_load(&worker->pulse->cancelled_ms), tr_clock_now_ms());
    if (row->wants_cancels) {
        gets_word(worker, TR_WORD_CANCEL, job);
    }
    gets_nothing(worker);
    finish(&job, TROUPE_OUTCOME_OK); /* for nobody */
    job = gets(worker, waits);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(waits, TROUPE_OUTCOME_OK);
    expect_silence(gone);
}

static void parts_for_nobody_are_dropped(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *call = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], call);
    stage_cancel(stage, call);
    expect_final(call, TROUPE_OUTCOME_CANCELLED);
    stage_settle(stage);
    atomic_store(&job->cancelled_ms, 0); /* as if it had been sent a moment earlier */
    send_parts(job, 1, 10);
    finish(&job, TROUPE_OUTCOME_OK);
    stage_has(stage, 0, 0);
    expect_silence(call);
}

/* ---- runs that are shared ---- */

static void the_heir_of_one_that_waits_waits_in_its_place(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 0);
    call_t *lead = ask_with(stage, .dedup = {"k", 1});
    call_t *sharers[] = {ask_with(stage, .dedup = {"k", 1}),
                         ask_with(stage, .dedup = {"k", 1})};
    stage_cancel(stage, lead);
    expect_final(lead, TROUPE_OUTCOME_CANCELLED);
    stage_has(stage, 2, 0);
    call_t *late = ask_with(stage, .dedup = {"k", 1}); /* it can still be joined */
    stage_has(stage, 3, 0);
    tr_job_t *job = gets(stage_up(stage, 0), NULL);
    stage_has(stage, 0, 3);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(sharers[0], TROUPE_OUTCOME_OK);
    expect_final(sharers[1], TROUPE_OUTCOME_OK);
    expect_final(late, TROUPE_OUTCOME_OK);
}

static void the_heir_of_one_that_runs_gets_what_comes(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *lead = ask_with(stage, .dedup = {"k", 1});
    tr_job_t *job = gets(&stage->workers[0], lead);
    call_t *heir = ask_with(stage, .dedup = {"k", 1});
    stage_cancel(stage, lead);
    expect_final(lead, TROUPE_OUTCOME_CANCELLED);
    stage_has(stage, 0, 1);
    assert_false(troupe_request_cancelled(job)); /* others wait for it */
    assert_int_equal(atomic_load(&stage->workers[0].pulse->cancelled), 0);
    call_t *late = ask_with(stage, .dedup = {"k", 1});
    stage_has(stage, 0, 2);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(heir, TROUPE_OUTCOME_OK);
    expect_final(late, TROUPE_OUTCOME_OK);
}

static void the_work_stops_when_the_last_one_has_left(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    player_t *worker = &stage->workers[0];
    atomic_store(&worker->pulse->wants_cancels, 1);
    call_t *calls[3];
    for (size_t i = 0; i < 3; i++) {
        calls[i] = ask_with(stage, .dedup = {"k", 1});
    }
    tr_job_t *job = gets(worker, calls[0]);
    const size_t order[] = {1, 0, 2};
    for (size_t i = 0; i < 3; i++) {
        stage_settle(stage);
        assert_false(troupe_request_cancelled(job));
        gets_nothing(worker);
        stage_cancel(stage, calls[order[i]]);
        expect_final(calls[order[i]], TROUPE_OUTCOME_CANCELLED);
        if (order[i] == 0) {
            gets_word(worker, TR_WORD_ROOM, job); /* another reads now */
        }
    }
    gets_word(worker, TR_WORD_CANCEL, job);
    assert_true(troupe_request_cancelled(job));
    call_t *late = ask_with(stage, .dedup = {"k", 1}); /* not with what has been given up */
    stage_has(stage, 1, 0);
    finish(&job, TROUPE_OUTCOME_CANCELLED);
    job = gets(worker, late);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(late, TROUPE_OUTCOME_OK);
}

static void each_sharer_has_its_own_time(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *lead = ask_with(stage, .dedup = {"k", 1}, .timeout_ms = 100);
    tr_job_t *job = gets(&stage->workers[0], lead);
    call_t *longest = ask_with(stage, .dedup = {"k", 1}, .timeout_ms = 300);
    call_t *middle = ask_with(stage, .dedup = {"k", 1}, .timeout_ms = 200);
    stage_advance(stage, 100);
    expect_final(lead, TROUPE_OUTCOME_TIMEOUT);
    assert_int_equal(troupe_request_remaining_ms(job), 200); /* as long as anybody waits */
    stage_advance(stage, 100);
    expect_final(middle, TROUPE_OUTCOME_TIMEOUT);
    expect_silence(longest);
    assert_false(troupe_request_cancelled(job));
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(longest, TROUPE_OUTCOME_OK);
}

static void sharers_in_the_queue_expire_one_by_one(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    ask(stage);
    tr_job_t *job = gets(&stage->workers[0], NULL);
    call_t *lead = ask_with(stage, .dedup = {"k", 1}, .timeout_ms = 100);
    call_t *longest = ask_with(stage, .dedup = {"k", 1}, .timeout_ms = 300);
    call_t *middle = ask_with(stage, .dedup = {"k", 1}, .timeout_ms = 200);
    stage_advance(stage, 100);
    expect_final(lead, TROUPE_OUTCOME_TIMEOUT);
    stage_advance(stage, 100);
    expect_final(middle, TROUPE_OUTCOME_TIMEOUT);
    stage_has(stage, 1, 1);
    finish(&job, TROUPE_OUTCOME_OK);
    job = gets(&stage->workers[0], longest);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(longest, TROUPE_OUTCOME_OK);
}

static void a_worker_has_the_time_of_whoever_waits_longest(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 0);
    ask_with(stage, .dedup = {"k", 1}, .timeout_ms = 100);
    ask_with(stage, .dedup = {"k", 1}, .timeout_ms = 300);
    ask_with(stage, .dedup = {"k", 1}, .timeout_ms = 200);
    stage_settle(stage);
    tr_job_t *job = gets(stage_up(stage, 0), NULL);
    stage_settle(stage);
    assert_int_equal(troupe_request_remaining_ms(job), 300);
    tr_job_release(&job);
}

/* ---- the end ---- */

static void at_the_end_all_are_answered(void **state)
{
    stage_t *stage = *state;
    stage->spec.retry = 5;
    stage->spec.batch_max = 2;
    stage_open(stage, 0);
    call_t *run[] = {ask(stage), ask_with(stage, .dedup = {"a", 1}),
                     ask_with(stage, .dedup = {"a", 1})};
    stage_settle(stage);
    tr_batch_t *batch = gets_batch(stage_up(stage, 0), 2);
    call_t *wait[] = {ask(stage), ask_with(stage, .dedup = {"b", 1}),
                      ask_with(stage, .dedup = {"b", 1})};
    stage_has(stage, 3, 3);
    send_parts(batch->jobs[0], 1, 10);
    expect_part(run[0], 0);
    tr_actor_ask_to_stop(stage->router, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    expect_final(run[0], TROUPE_OUTCOME_WORKER_LOST);
    expect_final(run[1], TROUPE_OUTCOME_SHUTTING_DOWN);
    expect_final(run[2], TROUPE_OUTCOME_SHUTTING_DOWN);
    for (size_t i = 0; i < 3; i++) {
        expect_final(wait[i], TROUPE_OUTCOME_SHUTTING_DOWN);
    }
    tr_batch_destroy(&batch);
}

#define EARLY_END(title, ...) ROW(title, the_slot_stays_charged, struct early_end, __VA_ARGS__)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_cancelled_one_leaves_the_queue),
        EARLY_END("a cancelled one leaves its slot charged", 0, 0, TROUPE_OUTCOME_CANCELLED),
        EARLY_END("one past its deadline does", 100, 0, TROUPE_OUTCOME_TIMEOUT),
        EARLY_END("who wants to hear of a cancel does", 0, 1, TROUPE_OUTCOME_CANCELLED),
        EARLY_END("as of a deadline", 100, 1, TROUPE_OUTCOME_TIMEOUT),
        STORY(parts_for_nobody_are_dropped),
        STORY(the_heir_of_one_that_waits_waits_in_its_place),
        STORY(the_heir_of_one_that_runs_gets_what_comes),
        STORY(the_work_stops_when_the_last_one_has_left),
        STORY(each_sharer_has_its_own_time),
        STORY(sharers_in_the_queue_expire_one_by_one),
        STORY(a_worker_has_the_time_of_whoever_waits_longest),
        STORY(at_the_end_all_are_answered),
    };
    return cmocka_run_group_tests_name("capabilities/departure", tests, NULL, NULL) != 0;
}
