/* Who gets what, and when: one by one, and in batches. */

#include "tests/unit/capabilities/stage.h"

/* ---- one by one ---- */

static void whoever_has_fewest_pending_gets_it(void **state)
{
    stage_t *stage = *state;
    stage->spec.concurrency = 2;
    stage_open(stage, 2);
    player_t *one = &stage->workers[0];
    player_t *other = &stage->workers[1];
    call_t *calls[4];
    for (size_t i = 0; i < 2; i++) {
        calls[i] = ask(stage);
    }
    tr_job_t *jobs[] = {gets(one, NULL), gets(other, NULL)};
    finish(&jobs[0], TROUPE_OUTCOME_OK);
    stage_settle(stage);
    calls[2] = ask(stage);
    jobs[0] = gets(one, calls[2]);
    stage_settle(stage);
    gets_nothing(other);
    calls[3] = ask(stage);
    ask(stage);
    tr_job_t *more[] = {gets(one, NULL), gets(other, NULL)};
    stage_has(stage, 0, 4);
    for (size_t i = 0; i < 2; i++) {
        finish(&jobs[i], TROUPE_OUTCOME_OK);
        finish(&more[i], TROUPE_OUTCOME_OK);
    }
    for (size_t i = 0; i < 4; i++) {
        expect_final(calls[i], TROUPE_OUTCOME_OK);
    }
}

static void what_no_worker_has_room_for_waits_in_the_queue(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    player_t *worker = &stage->workers[0];
    call_t *first = ask(stage);
    call_t *second = ask(stage);
    tr_job_t *job = gets(worker, first);
    stage_has(stage, 1, 1);
    gets_nothing(worker);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(first, TROUPE_OUTCOME_OK);
    job = gets(worker, second);
    finish(&job, TROUPE_OUTCOME_WORKER_ERROR);
    expect_final(second, TROUPE_OUTCOME_WORKER_ERROR);
    stage_has(stage, 0, 0);
}

static void the_more_urgent_is_first(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 0);
    call_t *low = ask_with(stage, .priority = TROUPE_PRIORITY_LOW);
    call_t *high = ask_with(stage, .priority = TROUPE_PRIORITY_HIGH);
    stage_settle(stage);
    player_t *worker = stage_up(stage, 0);
    tr_job_t *job = gets(worker, high);
    finish(&job, TROUPE_OUTCOME_OK);
    job = gets(worker, low);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(low, TROUPE_OUTCOME_OK);
}

/* A word that takes a worker out of the choice, and one that brings it back. */
struct absence {
    tr_word_t out;
    tr_word_t back;
};

static void absent_workers_get_nothing(void **state)
{
    stage_t *stage = *state;
    const struct absence *row = stage->row;
    stage_open(stage, 1);
    player_t *worker = &stage->workers[0];
    stage_say(stage, row->out, worker, tr_reason_of(TROUPE_REASON_NORMAL), 0);
    call_t *call = ask(stage);
    stage_settle(stage);
    gets_nothing(worker);
    stage_say(stage, row->back, worker, tr_reason_of(TROUPE_REASON_NORMAL), 0);
    tr_job_t *job = gets(worker, call);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
}

static void nothing_is_lost_in_a_mailbox_that_closes(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    tr_mailbox_close(stage->workers[0].mailbox);
    call_t *call = ask(stage);
    stage_has(stage, 1, 0);
    player_t *next = stage_up(stage, 1);
    tr_job_t *job = gets(next, call);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
}

/* ---- batches ---- */

static void a_full_batch_goes_at_once(void **state)
{
    stage_t *stage = *state;
    stage->spec.batch_max = 3;
    stage->spec.batch_window_ms = 100;
    stage_open(stage, 1);
    player_t *worker = &stage->workers[0];
    call_t *calls[3] = {ask(stage), ask(stage), NULL};
    stage_has(stage, 2, 0);
    gets_nothing(worker);
    calls[2] = ask(stage);
    tr_batch_t *batch = gets_batch(worker, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(batch->jobs[i]->envelope, calls[i]->envelope);
        assert_ptr_equal(batch->jobs[i]->head, batch->jobs[0]);
    }
    for (size_t i = 0; i < 3; i++) {
        finish(&batch->jobs[i], i == 1 ? TROUPE_OUTCOME_WORKER_ERROR : TROUPE_OUTCOME_OK);
    }
    for (size_t i = 0; i < 3; i++) {
        expect_final(calls[i], i == 1 ? TROUPE_OUTCOME_WORKER_ERROR : TROUPE_OUTCOME_OK);
    }
    tr_batch_destroy(&batch);
}

static void a_batch_waits_for_its_window_and_no_longer(void **state)
{
    stage_t *stage = *state;
    stage->spec.batch_max = 3;
    stage->spec.batch_window_ms = 100;
    stage_open(stage, 1);
    player_t *worker = &stage->workers[0];
    call_t *first = ask(stage);
    stage_advance(stage, 60);
    call_t *second = ask(stage);
    stage_advance(stage, 39);
    gets_nothing(worker);
    stage_advance(stage, 1); /* the second has not begun the wait anew */
    tr_batch_t *batch = gets_batch(worker, 2);
    finish(&batch->jobs[0], TROUPE_OUTCOME_OK);
    finish(&batch->jobs[1], TROUPE_OUTCOME_OK);
    tr_batch_destroy(&batch);
    expect_final(first, TROUPE_OUTCOME_OK);
    expect_final(second, TROUPE_OUTCOME_OK);
    ask(stage); /* the queue begins to fill once more */
    stage_advance(stage, 99);
    gets_nothing(worker);
    stage_advance(stage, 1);
    batch = gets_batch(worker, 1);
    tr_batch_destroy(&batch);
}

static call_t *ask_method(stage_t *stage, uint64_t peer, const char *method)
{
    return stage_ask(stage, &(tr_header_t){.capability = tr_span_of("cap"),
                                           .method = tr_span_of(method),
                                           .peer = peer});
}

static void only_one_method_goes_into_a_batch(void **state)
{
    stage_t *stage = *state;
    stage->spec.batch_max = 4;
    stage->spec.concurrency = 2;
    stage_open(stage, 0);
    call_t *blue[] = {ask_method(stage, 1, "blue"), ask_method(stage, 2, "blue")};
    call_t *red = ask_method(stage, 3, "red");
    stage_settle(stage);
    player_t *worker = stage_up(stage, 0);
    tr_batch_t *blues = gets_batch(worker, 2);
    tr_batch_t *reds = gets_batch(worker, 1);
    assert_ptr_equal(blues->jobs[0]->envelope, blue[0]->envelope);
    assert_ptr_equal(blues->jobs[1]->envelope, blue[1]->envelope);
    assert_ptr_equal(reds->jobs[0]->envelope, red->envelope);
    tr_batch_destroy(&blues);
    tr_batch_destroy(&reds);
}

static void the_slot_is_free_when_the_last_of_a_batch_is_done(void **state)
{
    stage_t *stage = *state;
    stage->spec.batch_max = 2;
    stage_open(stage, 0);
    for (size_t i = 0; i < 4; i++) {
        ask(stage);
    }
    stage_settle(stage);
    player_t *worker = stage_up(stage, 0);
    tr_batch_t *batch = gets_batch(worker, 2);
    stage_has(stage, 2, 2);
    finish(&batch->jobs[0], TROUPE_OUTCOME_OK); /* the head, which keeps the books */
    stage_has(stage, 2, 1);
    gets_nothing(worker);
    finish(&batch->jobs[1], TROUPE_OUTCOME_OK);
    tr_batch_destroy(&batch);
    batch = gets_batch(worker, 2);
    stage_has(stage, 0, 2);
    finish(&batch->jobs[1], TROUPE_OUTCOME_OK);
    finish(&batch->jobs[0], TROUPE_OUTCOME_OK);
    tr_batch_destroy(&batch);
    stage_has(stage, 0, 0);
}

static void cancelling_one_of_a_batch_leaves_the_others(void **state)
{
    stage_t *stage = *state;
    stage->spec.batch_max = 3;
    stage_open(stage, 0);
    call_t *calls[] = {ask(stage), ask(stage), ask(stage)};
    stage_settle(stage);
    player_t *worker = stage_up(stage, 0);
    tr_batch_t *batch = gets_batch(worker, 3);
    uint64_t head = batch->jobs[0]->number;
    stage_cancel(stage, calls[0]);
    expect_final(calls[0], TROUPE_OUTCOME_CANCELLED);
    stage_settle(stage);
    assert_true(troupe_request_cancelled(batch->jobs[0]));
    assert_false(troupe_request_cancelled(batch->jobs[1]));
    assert_int_equal(atomic_load(&worker->pulse->cancelled), 0);
    stage_cancel(stage, calls[1]);
    stage_settle(stage);
    assert_int_equal(atomic_load(&worker->pulse->cancelled), 0);
    finish(&batch->jobs[2], TROUPE_OUTCOME_OK); /* now nobody waits for what is left */
    expect_final(calls[2], TROUPE_OUTCOME_OK);
    stage_settle(stage);
    assert_int_equal(atomic_load(&worker->pulse->cancelled), head);
    ask(stage);
    stage_settle(stage);
    gets_nothing(worker); /* the slot is charged until the handler has returned */
    finish(&batch->jobs[0], TROUPE_OUTCOME_CANCELLED);
    finish(&batch->jobs[1], TROUPE_OUTCOME_CANCELLED);
    tr_batch_destroy(&batch);
    batch = gets_batch(worker, 1);
    tr_batch_destroy(&batch);
}

static void all_of_a_lost_batch_are_tried_again(void **state)
{
    stage_t *stage = *state;
    stage->spec.batch_max = 3;
    stage->spec.retry = 1;
    stage_open(stage, 0);
    call_t *calls[] = {ask(stage), ask(stage), ask(stage)};
    stage_settle(stage);
    player_t *worker = stage_up(stage, 0);
    tr_batch_t *lost = gets_batch(worker, 3);
    finish(&lost->jobs[1], TROUPE_OUTCOME_OK);
    expect_final(calls[1], TROUPE_OUTCOME_OK);
    stage_down(stage, worker);
    stage_has(stage, 2, 0);
    tr_batch_destroy(&lost);
    tr_batch_t *batch = gets_batch(stage_up(stage, 1), 2);
    finish(&batch->jobs[0], TROUPE_OUTCOME_OK);
    finish(&batch->jobs[1], TROUPE_OUTCOME_OK);
    tr_batch_destroy(&batch);
    expect_final(calls[0], TROUPE_OUTCOME_OK);
    expect_final(calls[2], TROUPE_OUTCOME_OK);
}

static void a_batch_that_is_handed_back_is_given_again(void **state)
{
    stage_t *stage = *state;
    stage->spec.batch_max = 2;
    stage_open(stage, 0);
    call_t *calls[] = {ask(stage), ask(stage)};
    stage_settle(stage);
    player_t *worker = stage_up(stage, 0);
    for (size_t i = 0; i < 5; i++) {
        tr_batch_t *batch = gets_batch(worker, 2);
        assert_true(tr_request_hand_back_letter(&batch->letter));
    }
    tr_batch_t *batch = gets_batch(worker, 2);
    assert_ptr_equal(batch->jobs[0]->envelope, calls[0]->envelope);
    finish(&batch->jobs[0], TROUPE_OUTCOME_OK);
    finish(&batch->jobs[1], TROUPE_OUTCOME_OK);
    tr_batch_destroy(&batch);
    expect_final(calls[0], TROUPE_OUTCOME_OK);
    expect_final(calls[1], TROUPE_OUTCOME_OK);
}

#define ABSENCE(title, ...) ROW(title, absent_workers_get_nothing, struct absence, __VA_ARGS__)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(whoever_has_fewest_pending_gets_it),
        STORY(what_no_worker_has_room_for_waits_in_the_queue),
        STORY(the_more_urgent_is_first),
        ABSENCE("a doubtful worker gets nothing", TR_WORD_DOUBTFUL, TR_WORD_FINE),
        ABSENCE("a worker that goes gets nothing", TR_WORD_GOING, TR_WORD_FINE),
        STORY(nothing_is_lost_in_a_mailbox_that_closes),
        STORY(a_full_batch_goes_at_once),
        STORY(a_batch_waits_for_its_window_and_no_longer),
        STORY(only_one_method_goes_into_a_batch),
        STORY(the_slot_is_free_when_the_last_of_a_batch_is_done),
        STORY(cancelling_one_of_a_batch_leaves_the_others),
        STORY(all_of_a_lost_batch_are_tried_again),
        STORY(a_batch_that_is_handed_back_is_given_again),
    };
    return cmocka_run_group_tests_name("capabilities/dispatch", tests, NULL, NULL) != 0;
}
