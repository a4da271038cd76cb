/* A router that takes requests and hands none out, and one that takes none. */

#include "tests/unit/capabilities/stage.h"

#include <string.h>

static void say(stage_t *stage, tr_word_t word, uint64_t number)
{
    stage_settle(stage);
    stage_say(stage, word, NULL, tr_reason_of(TROUPE_REASON_NORMAL), number);
    stage_settle(stage);
}

static void is(stage_t *stage, const char *state, const char *reason)
{
    tr_report_t *report = stage_survey(stage);
    assert_string_equal(report->state, state);
    assert_string_equal(report->reason, reason);
    tr_letter_t *letter = &report->letter;
    tr_letter_destroy(&letter);
}

static void serve(stage_t *stage, call_t *call)
{
    tr_job_t *job = gets(&stage->workers[0], call);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
}

static void hears_rest(stage_t *stage, uint64_t number)
{
    assert_int_equal(stage_pool_hears(stage, TR_WORD_REST).number, number);
}

/* ---- pause ---- */

static void while_paused_requests_wait(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *before = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], before);
    say(stage, TR_WORD_PAUSE, 0);
    is(stage, "paused", "paused by an operator");
    call_t *first = ask(stage);
    stage_settle(stage);
    call_t *second = ask(stage);
    stage_has(stage, 2, 1);
    finish(&job, TROUPE_OUTCOME_OK); /* what runs goes on */
    expect_final(before, TROUPE_OUTCOME_OK);
    stage_has(stage, 2, 0);
    gets_nothing(&stage->workers[0]);
    say(stage, TR_WORD_RESUME, 0);
    is(stage, "ready", "");
    serve(stage, first);
    serve(stage, second);
}

static void while_paused_a_full_batch_waits_too(void **state)
{
    stage_t *stage = *state;
    stage->spec.batch_max = 2;
    stage_open(stage, 1);
    say(stage, TR_WORD_PAUSE, 0);
    call_t *calls[] = {ask(stage), ask(stage)};
    stage_has(stage, 2, 0);
    gets_nothing(&stage->workers[0]);
    say(stage, TR_WORD_RESUME, 0);
    tr_batch_t *batch = gets_batch(&stage->workers[0], 2);
    for (size_t i = 0; i < 2; i++) {
        tr_request_finish(batch->jobs[i], TROUPE_OUTCOME_OK, NULL, NULL, false);
        expect_final(calls[i], TROUPE_OUTCOME_OK);
    }
    tr_batch_destroy(&batch);
}

static void while_paused_nobody_is_wished_for(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 0);
    say(stage, TR_WORD_PAUSE, 0);
    call_t *call = ask(stage);
    stage_pool_hears_nothing(stage);
    say(stage, TR_WORD_RESUME, 0);
    assert_int_equal(stage_pool_hears(stage, TR_WORD_GROW).number, 1);
    stage_up(stage, 0);
    serve(stage, call);
}

static void a_deadline_is_one_also_while_paused(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    say(stage, TR_WORD_PAUSE, 0);
    call_t *call = ask_with(stage, .timeout_ms = 1000);
    stage_advance(stage, 1000);
    expect_final(call, TROUPE_OUTCOME_TIMEOUT);
    stage_has(stage, 0, 0);
}

static void one_that_is_idle_may_go_while_work_waits_for_the_end_of_a_pause(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    say(stage, TR_WORD_PAUSE, 0);
    call_t *call = ask(stage);
    stage_ask_to_yield(stage, &stage->workers[0], "room", false);
    assert_string_equal(stage_pool_hears(stage, TR_WORD_SHRINK).name, "room");
    stage_down(stage, &stage->workers[0]);
    say(stage, TR_WORD_RESUME, 0);
    assert_int_equal(stage_pool_hears(stage, TR_WORD_GROW).number, 1);
    stage_up(stage, 0);
    serve(stage, call);
}

/* ---- drain ---- */

static void drain(stage_t *stage, uint64_t number)
{
    tr_control_t *word = tr_control_new(TR_WORD_DRAIN, 0);
    assert_non_null(word);
    word->number = number;
    word->mailbox = tr_mailbox_share(stage->pool);
    stage_settle(stage);
    tr_control_send(word, stage->router->mailbox);
    stage_settle(stage);
}

static void one_that_drains_alone_finishes_and_lets_its_pool_rest(void **state)
{
    stage_t *stage = *state;
    stage->spec.max_workers = 1;
    stage_open(stage, 1);
    call_t *calls[] = {ask(stage), ask(stage)};
    tr_job_t *job = gets(&stage->workers[0], NULL);
    drain(stage, 1);
    is(stage, "draining", "drained by an operator");
    call_t *late = ask(stage);
    expect_final(late, TROUPE_OUTCOME_SHUTTING_DOWN);
    assert_non_null(strstr(late->text, "cap is draining"));
    call_t *nested = ask_with(stage, .depth = 1); /* or it might never be done */
    expect_final(nested, TROUPE_OUTCOME_SHUTTING_DOWN);
    finish(&job, TROUPE_OUTCOME_OK);
    job = gets(&stage->workers[0], NULL);
    stage_pool_hears_nothing(stage);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(calls[0], TROUPE_OUTCOME_OK);
    expect_final(calls[1], TROUPE_OUTCOME_OK);
    assert_string_equal(stage_pool_hears(stage, TR_WORD_DRAINED).name, "cap");
    hears_rest(stage, 1);
    is(stage, "drained", "drained by an operator");
    stage_down(stage, &stage->workers[0]);
    stage_pool_hears_nothing(stage); /* once */
    expect_final(ask(stage), TROUPE_OUTCOME_SHUTTING_DOWN);
}

static void one_that_is_drained_already_says_so_again(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 0);
    drain(stage, 1);
    stage_pool_hears(stage, TR_WORD_DRAINED);
    hears_rest(stage, 1);
    drain(stage, 0);
    stage_pool_hears(stage, TR_WORD_DRAINED);
    stage_pool_hears_nothing(stage);
    is(stage, "drained", "drained by an operator");
}

static void after_it_was_drained_it_takes_requests_again(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    drain(stage, 1);
    stage_pool_hears(stage, TR_WORD_DRAINED);
    hears_rest(stage, 1);
    stage_down(stage, &stage->workers[0]);
    say(stage, TR_WORD_RESUME, 0);
    hears_rest(stage, 0);
    is(stage, "ready", "");
    call_t *call = ask(stage);
    stage_pool_hears(stage, TR_WORD_GROW);
    stage_up(stage, 0);
    serve(stage, call);
    stage_advance(stage, 1000);
    assert_int_equal(stage_pool_hears(stage, TR_WORD_GROW).number, 0);
    say(stage, TR_WORD_RESUME, 0); /* of nothing: fine */
    stage_pool_hears_nothing(stage);
}

static void a_drain_that_is_taken_back_is_over(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *before = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], before);
    drain(stage, 1);
    say(stage, TR_WORD_RESUME, 0);
    is(stage, "ready", "");
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(before, TROUPE_OUTCOME_OK);
    stage_pool_hears_nothing(stage); /* neither drained, nor rest */
    serve(stage, ask(stage));
}

/* What was accepted is finished, whatever was said before. */
static void a_drain_ends_a_pause(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    say(stage, TR_WORD_PAUSE, 0);
    call_t *call = ask(stage);
    stage_settle(stage);
    gets_nothing(&stage->workers[0]);
    drain(stage, 1);
    say(stage, TR_WORD_PAUSE, 0); /* too late */
    serve(stage, call);
    stage_pool_hears(stage, TR_WORD_DRAINED);
    hears_rest(stage, 1);
}

static void while_the_node_drains_it_says_so(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    atomic_store(&stage->runtime->phase, (int)TR_NODE_DRAINING);
    drain(stage, 0);
    stage_pool_hears(stage, TR_WORD_DRAINED);
    is(stage, "draining", "the node is draining");
    call_t *call = ask(stage);
    expect_final(call, TROUPE_OUTCOME_SHUTTING_DOWN);
    assert_non_null(strstr(call->text, "the node is draining"));
    serve(stage, ask_with(stage, .depth = 1));
    stage_pool_hears_nothing(stage);
}

/* Others are not done yet, and need it for that. */
static void one_that_rests_while_the_node_drains_works_for_others(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 0);
    drain(stage, 1);
    stage_pool_hears(stage, TR_WORD_DRAINED);
    hears_rest(stage, 1);
    atomic_store(&stage->runtime->phase, (int)TR_NODE_DRAINING);
    call_t *nested = ask_with(stage, .depth = 1);
    hears_rest(stage, 0);
    stage_pool_hears(stage, TR_WORD_GROW);
    stage_up(stage, 0);
    serve(stage, nested);
    hears_rest(stage, 1);
    call_t *late = ask(stage);
    expect_final(late, TROUPE_OUTCOME_SHUTTING_DOWN);
    assert_non_null(strstr(late->text, "the node is draining"));
}

/* ---- the next life ---- */

static void what_is_paused_is_so_in_its_next_life(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    say(stage, TR_WORD_PAUSE, 0);
    call_t *before = ask(stage);
    stage_settle(stage);
    stage_reopen(stage);
    expect_final(before, TROUPE_OUTCOME_SHUTTING_DOWN);
    is(stage, "paused", "paused by an operator");
    say(stage, TR_WORD_RESUME, 0);
    stage_reopen(stage);
    is(stage, "ready", "");
}

static void what_is_drained_is_so_in_its_next_life(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 0);
    drain(stage, 1);
    stage_pool_hears(stage, TR_WORD_DRAINED);
    hears_rest(stage, 1);
    stage_reopen(stage);
    hears_rest(stage, 1); /* a pool that came up late has heard of nothing */
    is(stage, "drained", "drained by an operator");
    expect_final(ask(stage), TROUPE_OUTCOME_SHUTTING_DOWN);
    say(stage, TR_WORD_RESUME, 0);
    hears_rest(stage, 0);
    stage_reopen(stage);
    stage_pool_hears_nothing(stage);
    is(stage, "ready", "");
}

/* It has nothing left of what it had accepted, and its next life accepts nothing. */
static void one_that_ends_while_it_drains_has_drained(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *call = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], call);
    drain(stage, 1);
    stage_reopen(stage);
    expect_final(call, TROUPE_OUTCOME_WORKER_LOST);
    finish(&job, TROUPE_OUTCOME_OK);
    assert_string_equal(stage_pool_hears(stage, TR_WORD_DRAINED).name, "cap");
    hears_rest(stage, 1);
    is(stage, "drained", "drained by an operator");
}

/* That its node stops is another matter. */
static void a_drain_of_the_node_is_none_of_its_orders(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 0);
    drain(stage, 0);
    stage_pool_hears(stage, TR_WORD_DRAINED);
    stage_reopen(stage);
    is(stage, "ready", "");
}

static bool is_everybody(const void *arg, tr_span_t child)
{
    (void)arg;
    (void)child;
    return true;
}

static void one_that_was_stopped_begins_anew(void **state)
{
    stage_t *stage = *state;
    stage->home = "root\ncap";
    stage_open(stage, 0);
    say(stage, TR_WORD_PAUSE, 0);
    tr_runtime_retire_those(stage->runtime, "root", is_everybody, NULL);
    stage_reopen(stage);
    is(stage, "ready", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(while_paused_requests_wait),
        STORY(while_paused_a_full_batch_waits_too),
        STORY(while_paused_nobody_is_wished_for),
        STORY(a_deadline_is_one_also_while_paused),
        STORY(one_that_is_idle_may_go_while_work_waits_for_the_end_of_a_pause),
        STORY(one_that_drains_alone_finishes_and_lets_its_pool_rest),
        STORY(one_that_is_drained_already_says_so_again),
        STORY(after_it_was_drained_it_takes_requests_again),
        STORY(a_drain_that_is_taken_back_is_over),
        STORY(a_drain_ends_a_pause),
        STORY(while_the_node_drains_it_says_so),
        STORY(one_that_rests_while_the_node_drains_works_for_others),
        STORY(what_is_paused_is_so_in_its_next_life),
        STORY(what_is_drained_is_so_in_its_next_life),
        STORY(one_that_ends_while_it_drains_has_drained),
        STORY(a_drain_of_the_node_is_none_of_its_orders),
        STORY(one_that_was_stopped_begins_anew),
    };
    return cmocka_run_group_tests_name("capabilities/closing", tests, NULL, NULL) != 0;
}
