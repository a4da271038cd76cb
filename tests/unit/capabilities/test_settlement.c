/* What workers say of the requests they have, and what their loss means for them. */

#include "tests/unit/capabilities/stage.h"

#include <string.h>

/* ---- retry ---- */

/* Each worker is lost with the request; so many get it, and then it ends like this. */
struct losses {
    size_t retry;
    size_t poison;
    size_t n_attempts;
    const char *why; /* is part of the text */
    bool is_broken;  /* by its handler; else it is gone */
};

static void losses_end(void **state)
{
    stage_t *stage = *state;
    const struct losses *row = stage->row;
    stage->spec.retry = row->retry;
    stage->spec.poison = row->poison;
    stage_open(stage, 0);
    call_t *call = ask(stage);
    uint64_t last_number = 0;
    for (size_t i = 0; i < row->n_attempts; i++) {
        stage_settle(stage);
        expect_silence(call);
        player_t *worker = stage_up(stage, i % STAGE_N_WORKERS);
        tr_job_t *job = gets(worker, call);
        assert_true(job->number > last_number);
        last_number = job->number;
        if (row->is_broken) {
            breaks(&job);
        }
        stage_down(stage, worker);
        tr_job_release(&job);
    }
    expect_final(call, TROUPE_OUTCOME_WORKER_LOST);
    assert_non_null(strstr(call->text, row->why));
    stage_has(stage, 0, 0);
}

static void a_second_worker_may_succeed(void **state)
{
    stage_t *stage = *state;
    stage->spec.retry = 1;
    stage_open(stage, 1);
    call_t *call = ask(stage);
    tr_job_t *lost = gets(&stage->workers[0], call);
    stage_down(stage, &stage->workers[0]);
    stage_settle(stage);
    assert_true(troupe_request_cancelled(lost)); /* whoever still runs it should stop */
    tr_job_t *job = gets(stage_up(stage, 1), call);
    finish(&lost, TROUPE_OUTCOME_WORKER_ERROR); /* too late: that one is written off */
    stage_settle(stage);
    expect_silence(call);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
}

static void a_broken_worker_gets_nothing_more(void **state)
{
    stage_t *stage = *state;
    stage->spec.retry = 1;
    stage_open(stage, 1);
    call_t *call = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], call);
    breaks(&job);
    stage_has(stage, 1, 0);
    gets_nothing(&stage->workers[0]);
    job = gets(stage_up(stage, 1), call);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
}

static void what_has_sent_a_part_is_not_tried_again(void **state)
{
    stage_t *stage = *state;
    stage->spec.retry = 5;
    stage_open(stage, 1);
    player_t *worker = &stage->workers[0];
    call_t *call = ask(stage);
    tr_job_t *job = gets(worker, call);
    stage_up(stage, 1);
    send_parts(job, 1, 10);
    expect_part(call, 0);
    stage_down(stage, worker);
    expect_final(call, TROUPE_OUTCOME_WORKER_LOST);
    assert_non_null(strstr(call->text, "it had sent parts"));
    tr_job_release(&job);
}

static void after_the_deadline_nothing_is_tried_again(void **state)
{
    stage_t *stage = *state;
    stage->spec.retry = 5;
    stage_open(stage, 1);
    call_t *call = ask_with(stage, .timeout_ms = 100);
    tr_job_t *job = gets(&stage->workers[0], call);
    stage_settle(stage);
    tr_clock_advance(100); /* the router hears of the loss first */
    stage_down(stage, &stage->workers[0]);
    expect_final(call, TROUPE_OUTCOME_TIMEOUT);
    player_t *next = stage_up(stage, 1);
    stage_settle(stage);
    gets_nothing(next);
    tr_job_release(&job);
}

static void what_was_not_begun_is_not_lost(void **state)
{
    stage_t *stage = *state;
    stage->spec.poison = 1;
    stage_open(stage, 1);
    call_t *call = ask(stage);
    for (size_t i = 0; i < 10; i++) {
        tr_job_t *job = gets(&stage->workers[0], call);
        tr_request_hand_back(&job);
    }
    tr_job_t *job = gets(&stage->workers[0], call);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
}

static void sharers_of_a_lost_worker_are_tried_again_together(void **state)
{
    stage_t *stage = *state;
    stage->spec.retry = 1;
    stage_open(stage, 1);
    call_t *lead = ask_with(stage, .dedup = {"k", 1});
    tr_job_t *job = gets(&stage->workers[0], lead);
    call_t *sharer = ask_with(stage, .dedup = {"k", 1});
    stage_has(stage, 0, 2);
    stage_down(stage, &stage->workers[0]);
    tr_job_release(&job);
    stage_has(stage, 2, 0);
    call_t *newcomer = ask_with(stage, .dedup = {"k", 1}); /* finds it waiting */
    stage_has(stage, 3, 0);
    job = gets(stage_up(stage, 1), lead);
    stage_has(stage, 0, 3);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(lead, TROUPE_OUTCOME_OK);
    expect_final(sharer, TROUPE_OUTCOME_OK);
    expect_final(newcomer, TROUPE_OUTCOME_OK);
}

/* What was lost before is not forgotten when another leads the run. */
static void a_run_keeps_its_losses_when_its_lead_leaves(void **state)
{
    stage_t *stage = *state;
    stage->spec.retry = 1;
    stage_open(stage, 1);
    call_t *lead = ask_with(stage, .dedup = {"k", 1});
    tr_job_t *job = gets(&stage->workers[0], lead);
    call_t *sharer = ask_with(stage, .dedup = {"k", 1});
    stage_settle(stage);
    stage_down(stage, &stage->workers[0]);
    tr_job_release(&job);
    job = gets(stage_up(stage, 1), lead);
    stage_cancel(stage, lead);
    expect_final(lead, TROUPE_OUTCOME_CANCELLED);
    stage_down(stage, &stage->workers[1]);
    tr_job_release(&job);
    expect_final(sharer, TROUPE_OUTCOME_WORKER_LOST);
}

static void a_run_keeps_its_losses_when_one_more_urgent_joins(void **state)
{
    stage_t *stage = *state;
    stage->spec.retry = 1;
    stage_open(stage, 1);
    call_t *lead = ask_with(stage, .dedup = {"k", 1}, .priority = TROUPE_PRIORITY_LOW);
    tr_job_t *job = gets(&stage->workers[0], lead);
    stage_down(stage, &stage->workers[0]);
    tr_job_release(&job);
    call_t *urgent = ask_with(stage, .dedup = {"k", 1}, .priority = TROUPE_PRIORITY_CRITICAL);
    stage_has(stage, 2, 0);
    job = gets(stage_up(stage, 1), urgent);
    stage_down(stage, &stage->workers[1]);
    tr_job_release(&job);
    expect_final(urgent, TROUPE_OUTCOME_WORKER_LOST);
    expect_final(lead, TROUPE_OUTCOME_WORKER_LOST);
}

/* ---- finals ---- */

static void a_final_after_the_deadline_is_a_timeout(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *call = ask_with(stage, .timeout_ms = 100);
    tr_job_t *job = gets(&stage->workers[0], call);
    stage_settle(stage);
    tr_clock_advance(100);
    finish(&job, TROUPE_OUTCOME_OK); /* this wakes the router, not the time */
    expect_final(call, TROUPE_OUTCOME_TIMEOUT);
}

static void each_sharer_has_a_deadline_of_its_own_at_the_end(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *hasty = ask_with(stage, .dedup = {"k", 1}, .timeout_ms = 100);
    tr_job_t *job = gets(&stage->workers[0], hasty);
    call_t *patient = ask_with(stage, .dedup = {"k", 1}, .timeout_ms = 200);
    stage_settle(stage);
    assert_int_equal(troupe_request_remaining_ms(job), 200);
    tr_clock_advance(100);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(hasty, TROUPE_OUTCOME_TIMEOUT);
    expect_final(patient, TROUPE_OUTCOME_OK);
}

static void a_second_final_is_late(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *call = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], call);
    tr_job_t *again = tr_job_share(job);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
    again->is_finished = false; /* a worker that does not know what it says */
    finish(&again, TROUPE_OUTCOME_WORKER_ERROR);
    stage_has(stage, 0, 0);
    expect_silence(call);
}

/* ---- parts ---- */

static void all_who_share_a_run_get_its_parts(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *calls[3];
    for (size_t i = 0; i < 3; i++) {
        calls[i] = ask_with(stage, .dedup = {"k", 1});
    }
    tr_job_t *job = gets(&stage->workers[0], calls[0]);
    stage_settle(stage);
    send_parts(job, 2, 10);
    finish(&job, TROUPE_OUTCOME_OK);
    for (size_t i = 0; i < 3; i++) {
        expect_part(calls[i], 0);
        expect_part(calls[i], 1);
        expect_final(calls[i], TROUPE_OUTCOME_OK);
    }
}

static void a_sharer_that_falls_behind_is_cut_off(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *lead = ask_with(stage, .dedup = {"k", 1}, .credit = 4);
    tr_job_t *job = gets(&stage->workers[0], lead);
    call_t *slow = ask_with(stage, .dedup = {"k", 1}, .credit = 2);
    call_t *quick = ask_with(stage, .dedup = {"k", 1}, .credit = 3);
    stage_settle(stage);
    send_parts(job, 3, 10);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_part(slow, 0);
    expect_part(slow, 1);
    expect_final(slow, TROUPE_OUTCOME_OVERLOADED);
    for (uint64_t i = 0; i < 3; i++) {
        expect_part(lead, i);
        expect_part(quick, i);
    }
    expect_final(lead, TROUPE_OUTCOME_OK);
    expect_final(quick, TROUPE_OUTCOME_OK);
}

/* ---- readers ---- */

static void a_reader_that_takes_nothing_is_cut_off(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *call = ask_with(stage, .credit = 2);
    tr_job_t *job = gets(&stage->workers[0], call);
    send_parts(job, 1, 10);
    stage_advance(stage, 5000); /* it might have had one more: it holds up nobody */
    expect_part(call, 0);
    expect_silence(call);
    send_parts(job, 1, 10);
    stage_advance(stage, 1999);
    expect_part(call, 1);
    expect_silence(call);
    stage_advance(stage, 1);
    expect_final(call, TROUPE_OUTCOME_OVERLOADED);
    assert_true(troupe_request_cancelled(job));
    finish(&job, TROUPE_OUTCOME_CANCELLED);
    stage_has(stage, 0, 0);
}

static void a_reader_that_takes_some_is_left_alone(void **state)
{
    stage_t *stage = *state;
    stage->spec.timeout_ms = 100000;
    stage_open(stage, 1);
    call_t *call = ask_with(stage, .credit = 1);
    tr_job_t *job = gets(&stage->workers[0], call);
    for (uint64_t i = 0; i < 5; i++) { /* one every now and then */
        send_parts(job, 1, 10);
        stage_advance(stage, 1999);
        expect_part(call, i);
        expect_silence(call);
        stage_grant(stage, call, 1, 10);
    }
    stage_advance(stage, 10000); /* it has room: the worker is slow, not the reader */
    expect_silence(call);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
}

static void a_reader_that_has_taken_bytes_has_taken_something(void **state)
{
    stage_t *stage = *state;
    stage->spec.timeout_ms = 100000;
    stage_open(stage, 1);
    call_t *call = ask_with(stage, .credit = 1);
    tr_job_t *job = gets(&stage->workers[0], call);
    send_parts(job, 1, 10);
    stage_advance(stage, 1000);
    stage_grant(stage, call, 0, 10);
    stage_advance(stage, 1000);
    stage_advance(stage, 1999);
    expect_part(call, 0);
    expect_silence(call);
    stage_advance(stage, 1);
    expect_final(call, TROUPE_OUTCOME_OVERLOADED);
    tr_job_release(&job);
}

static bool waits_for_word(tr_job_t *job)
{
    return tr_flow_ask_for_word(&job->envelope->flow, &job->spent);
}

static void a_writer_hears_of_room(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *call = ask_with(stage, .credit = 1);
    tr_job_t *job = gets(&stage->workers[0], call);
    send_parts(job, 1, 10);
    assert_true(waits_for_word(job));
    stage_grant(stage, call, 1, 10);
    gets_word(&stage->workers[0], TR_WORD_ROOM, job);
    stage_grant(stage, call, 1, 0); /* it has been told */
    stage_settle(stage);
    gets_nothing(&stage->workers[0]);
    send_parts(job, 2, 10);
    finish(&job, TROUPE_OUTCOME_OK);
}

/* The lead is gone, and the worker still writes by what was granted to it. */
static void credit_is_passed_on_when_the_lead_has_left(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    player_t *worker = &stage->workers[0];
    call_t *lead = ask_with(stage, .dedup = {"k", 1}, .credit = 1);
    tr_job_t *job = gets(worker, lead);
    call_t *heir = ask_with(stage, .dedup = {"k", 1}, .credit = 2);
    stage_settle(stage);
    send_parts(job, 1, 10);
    assert_true(waits_for_word(job));
    stage_cancel(stage, lead);
    gets_word(worker, TR_WORD_ROOM, job); /* what the heir has granted at the beginning */
    send_parts(job, 1, 10);
    for (size_t i = 0; i < 3; i++) {
        assert_true(waits_for_word(job));
        stage_grant(stage, heir, 1, 10);
        gets_word(worker, TR_WORD_ROOM, job);
        send_parts(job, 1, 10);
    }
    finish(&job, TROUPE_OUTCOME_OK);
    expect_part(lead, 0);
    expect_final(lead, TROUPE_OUTCOME_CANCELLED);
    for (uint64_t i = 0; i < 5; i++) {
        expect_part(heir, i);
    }
    expect_final(heir, TROUPE_OUTCOME_OK);
}

static void who_has_left_takes_no_word_from_who_stays(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    player_t *worker = &stage->workers[0];
    call_t *lead = ask_with(stage, .dedup = {"k", 1}, .credit = 2);
    tr_job_t *job = gets(worker, lead);
    call_t *heir = ask_with(stage, .dedup = {"k", 1}, .credit = 2);
    stage_settle(stage);
    send_parts(job, 2, 10);
    stage_settle(stage);
    assert_true(waits_for_word(job));
    stage_cancel(stage, lead);
    stage_settle(stage);
    stage_grant(stage, lead, 1, 10); /* it reads what had come before it was told */
    stage_settle(stage);
    gets_nothing(worker);
    stage_grant(stage, heir, 1, 10);
    gets_word(worker, TR_WORD_ROOM, job);
    send_parts(job, 1, 10);
    finish(&job, TROUPE_OUTCOME_OK);
    for (uint64_t i = 0; i < 3; i++) {
        expect_part(heir, i);
    }
    expect_final(heir, TROUPE_OUTCOME_OK);
}

static void an_heir_gets_no_more_than_it_has_granted(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *lead = ask_with(stage, .dedup = {"k", 1}, .credit = 10);
    tr_job_t *job = gets(&stage->workers[0], lead);
    call_t *heir = ask_with(stage, .dedup = {"k", 1}, .credit = 2);
    stage_settle(stage);
    send_parts(job, 1, 10);
    stage_cancel(stage, lead);
    stage_settle(stage);
    send_parts(job, 2, 10); /* as the lead had allowed */
    expect_part(heir, 0);
    expect_part(heir, 1);
    expect_final(heir, TROUPE_OUTCOME_OVERLOADED);
    tr_job_release(&job);
}

static void an_heir_that_takes_nothing_is_cut_off(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *lead = ask_with(stage, .dedup = {"k", 1}, .credit = 2);
    tr_job_t *job = gets(&stage->workers[0], lead);
    call_t *heir = ask_with(stage, .dedup = {"k", 1}, .credit = 2);
    stage_settle(stage);
    send_parts(job, 2, 10);
    stage_cancel(stage, lead);
    stage_advance(stage, 2000);
    expect_part(heir, 0);
    expect_part(heir, 1);
    expect_final(heir, TROUPE_OUTCOME_OVERLOADED);
    tr_job_release(&job);
}

#define LOSSES(title, ...) ROW(title, losses_end, struct losses, __VA_ARGS__)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOSSES("a lost worker's request is lost with it", 0, 3, 1, "cap/1 ended", false),
        LOSSES("with retry it is given to another", 1, 3, 2, "cap/2 ended", false),
        LOSSES("as often as it says", 4, 100, 5, "cap/1 ended", false),
        LOSSES("but not beyond poison", 50, 3, 3, "it has cost too many workers", false),
        LOSSES("poison of one", 50, 1, 1, "it has cost too many workers", false),
        LOSSES("a handler that breaks counts alike", 1, 3, 2, "it broke", true),
        STORY(a_second_worker_may_succeed),
        STORY(a_broken_worker_gets_nothing_more),
        STORY(what_has_sent_a_part_is_not_tried_again),
        STORY(after_the_deadline_nothing_is_tried_again),
        STORY(what_was_not_begun_is_not_lost),
        STORY(sharers_of_a_lost_worker_are_tried_again_together),
        STORY(a_run_keeps_its_losses_when_its_lead_leaves),
        STORY(a_run_keeps_its_losses_when_one_more_urgent_joins),
        STORY(a_final_after_the_deadline_is_a_timeout),
        STORY(each_sharer_has_a_deadline_of_its_own_at_the_end),
        STORY(a_second_final_is_late),
        STORY(all_who_share_a_run_get_its_parts),
        STORY(a_sharer_that_falls_behind_is_cut_off),
        STORY(a_reader_that_takes_nothing_is_cut_off),
        STORY(a_reader_that_takes_some_is_left_alone),
        STORY(a_reader_that_has_taken_bytes_has_taken_something),
        STORY(a_writer_hears_of_room),
        STORY(credit_is_passed_on_when_the_lead_has_left),
        STORY(who_has_left_takes_no_word_from_who_stays),
        STORY(an_heir_gets_no_more_than_it_has_granted),
        STORY(an_heir_that_takes_nothing_is_cut_off),
    };
    return cmocka_run_group_tests_name("capabilities/settlement", tests, NULL, NULL) != 0;
}
