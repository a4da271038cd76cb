/* What the router says when it is asked which requests it has. */

#include "tests/unit/capabilities/stage.h"

static void let(tr_request_list_t *found)
{
    tr_letter_t *letter = &found->letter;
    tr_letter_destroy(&letter);
}

static void is(const tr_listed_request_t *line, tr_request_state_t state, uint64_t number,
               const char *worker)
{
    assert_string_equal(tr_request_state_name(line->state), tr_request_state_name(state));
    assert_int_equal(line->number, number);
    assert_string_equal(line->worker, worker);
}

static void who_has_nothing_says_so(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    tr_request_list_t *found = stage_list(stage, 10);
    assert_int_equal(found->n, 0);
    assert_int_equal(found->n_left_off, 0);
    let(found);
}

static void those_of_workers_come_first_and_then_who_came_first(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *first = ask_with(stage, .peer = 4, .caller = {"ada", 3}, .timeout_ms = 9000);
    tr_job_t *job = gets(&stage->workers[0], first);
    ask_with(stage, .priority = TROUPE_PRIORITY_LOW, .peer = 5);
    stage_advance(stage, 100);
    ask_with(stage, .priority = TROUPE_PRIORITY_HIGH, .peer = 6);
    stage_advance(stage, 200);

    tr_request_list_t *found = stage_list(stage, 10);
    assert_int_equal(found->n, 3);
    assert_int_equal(found->n_left_off, 0);
    is(&found->all[0], TR_REQUEST_RUNNING, 1, stage->workers[0].name);
    assert_string_equal(found->all[0].method, "do");
    assert_string_equal(found->all[0].caller, "ada");
    assert_int_equal(found->all[0].peer, 4);
    assert_int_equal(found->all[0].age_ms, 300);
    assert_int_equal(found->all[0].remaining_ms, 8700);
    assert_int_equal(found->all[0].attempt, 1);
    is(&found->all[1], TR_REQUEST_QUEUED, 2, "");
    assert_int_equal(found->all[1].priority, TROUPE_PRIORITY_LOW);
    assert_int_equal(found->all[1].peer, 5);
    assert_string_equal(found->all[1].caller, "");
    is(&found->all[2], TR_REQUEST_QUEUED, found->all[2].number, "");
    assert_true(found->all[2].number > found->all[1].number);
    assert_int_equal(found->all[2].peer, 6);
    assert_int_equal(found->all[2].age_ms, 200);
    let(found);
    tr_job_release(&job);
}

static void so_many_are_listed_and_the_rest_is_counted(void **state)
{
    stage_t *stage = *state;
    stage->spec.queue_limit = 100;
    stage_open(stage, 1);
    call_t *first = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], first);
    for (size_t i = 0; i < 20; i++) {
        ask_with(stage, .priority = i % 2 ? TROUPE_PRIORITY_HIGH : TROUPE_PRIORITY_LOW);
    }
    tr_request_list_t *found = stage_list(stage, 4);
    assert_int_equal(found->n, 4);
    assert_int_equal(found->n_left_off, 17);
    for (size_t i = 0; i < 4; i++) { /* the oldest, whatever their priority */
        is(&found->all[i], i == 0 ? TR_REQUEST_RUNNING : TR_REQUEST_QUEUED, i + 1,
           i == 0 ? stage->workers[0].name : "");
    }
    let(found);
    tr_job_release(&job);
}

static void who_shares_a_run_stands_behind_its_lead(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *lead = ask_with(stage, .dedup = {"k", 1});
    tr_job_t *job = gets(&stage->workers[0], lead);
    ask_with(stage, .dedup = {"k", 1});
    ask_with(stage, .dedup = {"w", 1});
    ask_with(stage, .dedup = {"w", 1});
    tr_request_list_t *found = stage_list(stage, 10);
    assert_int_equal(found->n, 4);
    is(&found->all[0], TR_REQUEST_RUNNING, 1, stage->workers[0].name);
    assert_false(found->all[0].is_sharer);
    is(&found->all[1], TR_REQUEST_RUNNING, 2, stage->workers[0].name);
    assert_true(found->all[1].is_sharer);
    is(&found->all[2], TR_REQUEST_QUEUED, 3, "");
    assert_false(found->all[2].is_sharer);
    is(&found->all[3], TR_REQUEST_QUEUED, 4, "");
    assert_true(found->all[3].is_sharer);
    let(found);
    tr_job_release(&job);
}

static void what_nobody_waits_for_is_abandoned_until_its_worker_is_done(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *call = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], call);
    stage_cancel(stage, call);
    expect_final(call, TROUPE_OUTCOME_CANCELLED);
    tr_request_list_t *found = stage_list(stage, 10);
    assert_int_equal(found->n, 1);
    is(&found->all[0], TR_REQUEST_ABANDONED, 1, stage->workers[0].name);
    let(found);
    finish(&job, TROUPE_OUTCOME_OK);
    found = stage_list(stage, 10);
    assert_int_equal(found->n, 0);
    let(found);
}

static void its_parts_and_its_attempts_are_counted(void **state)
{
    stage_t *stage = *state;
    stage->spec.retry = 1;
    stage_open(stage, 1);
    call_t *call = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], call);
    stage_down(stage, &stage->workers[0]);
    tr_job_release(&job);
    job = gets(stage_up(stage, 1), call);
    send_parts(job, 2, 10);
    tr_request_list_t *found = stage_list(stage, 10);
    assert_int_equal(found->n, 1);
    is(&found->all[0], TR_REQUEST_RUNNING, 1, stage->workers[1].name);
    assert_int_equal(found->all[0].attempt, 2);
    assert_int_equal(found->all[0].n_parts, 2);
    let(found);
    tr_job_release(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(who_has_nothing_says_so),
        STORY(those_of_workers_come_first_and_then_who_came_first),
        STORY(so_many_are_listed_and_the_rest_is_counted),
        STORY(who_shares_a_run_stands_behind_its_lead),
        STORY(what_nobody_waits_for_is_abandoned_until_its_worker_is_done),
        STORY(its_parts_and_its_attempts_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
