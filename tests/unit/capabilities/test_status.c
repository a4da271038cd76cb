/* Who wants to know is told how the request stands; who does not is told nothing. */

#include "tests/unit/capabilities/stage.h"

static void stands(call_t *call, troupe_standing_t standing, uint64_t position)
{
    troupe_reply_t *status = stage_hears(call);
    assert_false(troupe_reply_is_final(status));
    assert_int_equal(troupe_reply_id(status), call->id);
    assert_string_equal(troupe_standing_name(troupe_reply_standing(status)),
                        troupe_standing_name(standing));
    assert_int_equal(troupe_reply_position(status), position);
    troupe_reply_destroy(&status);
}

static void one_that_need_not_wait_runs_at_once(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *call = ask_with(stage, .wants_status = true);
    tr_job_t *job = gets(&stage->workers[0], call);
    stands(call, TROUPE_STANDING_RUNNING, 0);
    send_parts(job, 2, 10);
    expect_part(call, 0); /* a status has no number of its own */
    expect_part(call, 1);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
    expect_silence(call);
}

static void one_that_waits_hears_with_how_many(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *first = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], first);
    call_t *second = ask(stage);
    call_t *third = ask_with(stage, .wants_status = true);
    stands(third, TROUPE_STANDING_QUEUED, 2);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(first, TROUPE_OUTCOME_OK); /* and nothing before */
    job = gets(&stage->workers[0], second);
    stage_settle(stage);
    expect_silence(third);
    finish(&job, TROUPE_OUTCOME_OK);
    job = gets(&stage->workers[0], third);
    stands(third, TROUPE_STANDING_RUNNING, 0);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(second, TROUPE_OUTCOME_OK);
    expect_final(third, TROUPE_OUTCOME_OK);
}

static void where_nobody_is_there_yet_one_is_starting(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 0);
    call_t *call = ask_with(stage, .wants_status = true);
    stands(call, TROUPE_STANDING_STARTING, 1);
    tr_job_t *job = gets(stage_up(stage, 0), call);
    stands(call, TROUPE_STANDING_RUNNING, 0);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
}

static void one_that_is_tried_again_hears_all_of_it_again(void **state)
{
    stage_t *stage = *state;
    stage->spec.retry = 1;
    stage_open(stage, 1);
    call_t *call = ask_with(stage, .wants_status = true);
    tr_job_t *job = gets(&stage->workers[0], call);
    stands(call, TROUPE_STANDING_RUNNING, 0);
    stage_down(stage, &stage->workers[0]);
    tr_job_release(&job);
    stands(call, TROUPE_STANDING_STARTING, 1);
    job = gets(stage_up(stage, 1), call);
    stands(call, TROUPE_STANDING_RUNNING, 0);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
}

static void those_who_share_a_run_hear_each_for_itself(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *other = ask(stage);
    tr_job_t *busy = gets(&stage->workers[0], other);
    call_t *lead = ask_with(stage, .dedup = {"k", 1}); /* does not want to know */
    call_t *waiting = ask_with(stage, .dedup = {"k", 1}, .wants_status = true);
    stands(waiting, TROUPE_STANDING_QUEUED, 2);
    finish(&busy, TROUPE_OUTCOME_OK);
    tr_job_t *job = gets(&stage->workers[0], lead);
    stands(waiting, TROUPE_STANDING_RUNNING, 0);
    call_t *late = ask_with(stage, .dedup = {"k", 1}, .wants_status = true);
    stands(late, TROUPE_STANDING_RUNNING, 0);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(other, TROUPE_OUTCOME_OK);
    expect_final(lead, TROUPE_OUTCOME_OK);
    expect_final(waiting, TROUPE_OUTCOME_OK);
    expect_final(late, TROUPE_OUTCOME_OK);
}

static void one_that_is_refused_hears_only_that(void **state)
{
    stage_t *stage = *state;
    stage->spec.queue_limit = 1;
    stage_open(stage, 0);
    ask(stage);
    call_t *refused = ask_with(stage, .wants_status = true);
    expect_final(refused, TROUPE_OUTCOME_OVERLOADED);
    expect_silence(refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(one_that_need_not_wait_runs_at_once),
        STORY(one_that_waits_hears_with_how_many),
        STORY(where_nobody_is_there_yet_one_is_starting),
        STORY(one_that_is_tried_again_hears_all_of_it_again),
        STORY(those_who_share_a_run_hear_each_for_itself),
        STORY(one_that_is_refused_hears_only_that),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
