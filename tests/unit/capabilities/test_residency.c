/* Which workers stay: who is there, who goes when asked, and what becomes of what it has. */

#include "tests/unit/capabilities/stage.h"

#include <string.h>

static const tr_resident_t *resident(const tr_residents_t *all, const player_t *worker)
{
    for (size_t i = 0; i < all->n; i++) {
        if (all->all[i].incarnation == worker->incarnation) {
            return &all->all[i];
        }
    }
    fail_msg("%s is not there", worker->name);
    return NULL;
}

static void let(tr_residents_t *all)
{
    tr_letter_t *letter = &all->letter;
    tr_letter_destroy(&letter);
}

/* The one that has got it, and its job. */
static player_t *who_has(stage_t *stage, const call_t *call, tr_job_t **job_out)
{
    stage_settle(stage);
    for (size_t i = 0; i < STAGE_N_WORKERS; i++) {
        player_t *worker = &stage->workers[i];
        if (worker->mailbox && tr_mailbox_depth(worker->mailbox) > 0) {
            *job_out = gets(worker, call);
            return worker;
        }
    }
    fail_msg("nobody has it");
    return NULL;
}

static player_t *other_of_two(stage_t *stage, const player_t *one)
{
    return one == &stage->workers[0] ? &stage->workers[1] : &stage->workers[0];
}

static void let_go_by(stage_t *stage, const player_t *worker, const char *cause)
{
    tr_control_t shrink = stage_pool_hears(stage, TR_WORD_SHRINK);
    assert_int_equal(shrink.incarnation, worker->incarnation);
    assert_string_equal(shrink.name, cause);
    assert_string_equal(shrink.reason.text, "somebody else");
}

/* ---- who is there ---- */

static void it_says_who_is_there(void **state)
{
    stage_t *stage = *state;
    stage->spec.min_workers = 1;
    stage_open(stage, 0);
    tr_residents_t *all = stage_who_is_there(stage);
    assert_string_equal(all->capability, "cap");
    assert_int_equal(all->n, 0);
    assert_int_equal(all->n_spare, 0);
    let(all);

    player_t *first = stage_up(stage, 0);
    stage_advance(stage, 100);
    player_t *second = stage_up(stage, 1);
    stage_advance(stage, 100);
    tr_job_t *job = NULL;
    call_t *call = ask(stage);
    player_t *busy = who_has(stage, call, &job);
    player_t *idle = other_of_two(stage, busy);
    all = stage_who_is_there(stage);
    assert_int_equal(all->n, 2);
    assert_int_equal(all->n_spare, 1);
    assert_int_equal(all->n_waiting, 0);
    assert_int_equal(resident(all, second)->up_since_ms,
                     resident(all, first)->up_since_ms + 100);
    assert_int_equal(resident(all, busy)->n_pending, 1);
    assert_int_equal(resident(all, idle)->n_pending, 0);
    assert_int_equal(resident(all, busy)->last_used_ms,
                     resident(all, second)->up_since_ms + 100);
    assert_int_equal(resident(all, idle)->last_used_ms, resident(all, idle)->up_since_ms);
    assert_string_equal(resident(all, busy)->name, busy->name);
    let(all);

    stage_advance(stage, 50);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
    all = stage_who_is_there(stage);
    assert_int_equal(resident(all, busy)->n_pending, 0);
    assert_int_equal(resident(all, busy)->last_used_ms,
                     resident(all, second)->up_since_ms + 150);
    let(all);

    stage_say(stage, TR_WORD_GOING, first, tr_reason_of(TROUPE_REASON_NORMAL), 0);
    all = stage_who_is_there(stage);
    assert_int_equal(all->n_spare, 0);
    assert_true(resident(all, first)->is_leaving);
    assert_false(resident(all, second)->is_leaving);
    let(all);
}

static void of_the_pinned_none_is_spare(void **state)
{
    stage_t *stage = *state;
    stage->spec.is_pinned = true;
    stage_open(stage, 2);
    tr_residents_t *all = stage_who_is_there(stage);
    assert_int_equal(all->n, 2);
    assert_int_equal(all->n_spare, 0);
    let(all);
}

static void it_says_how_many_wait(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *call = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], call);
    ask(stage);
    ask(stage);
    tr_residents_t *all = stage_who_is_there(stage);
    assert_int_equal(all->n_waiting, 2);
    let(all);
    tr_job_release(&job);
}

/* ---- asked to go ---- */

static void an_idle_one_goes_when_asked(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 2);
    stage_ask_to_yield(stage, &stage->workers[0], "room", false);
    let_go_by(stage, &stage->workers[0], "room");
    stage_says_nothing(stage);
    call_t *call = ask(stage);
    tr_job_t *job = gets(&stage->workers[1], call); /* and not the one that goes */
    gets_nothing(&stage->workers[0]);
    stage_down(stage, &stage->workers[0]);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
    stage_pool_hears_nothing(stage);
}

static void what_its_pool_keeps_is_open_again(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    stage_ask_to_yield(stage, &stage->workers[0], "room", false);
    let_go_by(stage, &stage->workers[0], "room");
    stage_say(stage, TR_WORD_FINE, &stage->workers[0], tr_reason_of(TROUPE_REASON_NORMAL), 0);
    stage_refuses_to_yield(stage, &stage->workers[0], "its pool keeps it");
    stage_say(stage, TR_WORD_FINE, &stage->workers[0], tr_reason_of(TROUPE_REASON_NORMAL), 0);
    stage_says_nothing(stage); /* once */
    call_t *call = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], call);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
}

/* What is true of the one that is asked, and what it says. */
struct obstacle {
    bool is_busy, is_doubtful, is_going, is_gone, is_needed, is_pinned;
    bool may_finish;
    const char *says;
};

static void it_does_not_go_when_it_may_not(void **state)
{
    stage_t *stage = *state;
    const struct obstacle *row = stage->row;
    stage->spec.min_workers = row->is_needed;
    stage->spec.is_pinned = row->is_pinned;
    stage_open(stage, 1);
    player_t *worker = &stage->workers[0];
    tr_job_t *job = NULL;
    if (row->is_busy) {
        job = gets(worker, ask(stage));
    }
    tr_word_t word = row->is_doubtful ? TR_WORD_DOUBTFUL
                     : row->is_going  ? TR_WORD_GOING
                     : row->is_gone   ? TR_WORD_DOWN
                                      : TR_WORD_FINE;
    stage_say(stage, word, worker, tr_reason_of(TROUPE_REASON_NORMAL), 0);
    stage_ask_to_yield(stage, worker, "room", row->may_finish);
    stage_refuses_to_yield(stage, worker, row->says);
    stage_pool_hears_nothing(stage);
    if (job) {
        finish(&job, TROUPE_OUTCOME_OK);
    }
    stage_pool_hears_nothing(stage);
}

/* Its batch fills: to let it go would be to load another one at once. */
static void one_for_whom_work_waits_does_not_go(void **state)
{
    stage_t *stage = *state;
    stage->spec.batch_max = 4;
    stage->spec.batch_window_ms = 100;
    stage_open(stage, 1);
    ask(stage);
    stage_has(stage, 1, 0);
    stage_ask_to_yield(stage, &stage->workers[0], "room", false);
    stage_refuses_to_yield(stage, &stage->workers[0], "work waits for it");
}

static void a_busy_one_finishes_first(void **state)
{
    stage_t *stage = *state;
    stage->spec.concurrency = 2;
    stage_open(stage, 1);
    player_t *worker = &stage->workers[0];
    call_t *calls[] = {ask(stage), ask(stage), NULL};
    tr_job_t *jobs[] = {gets(worker, calls[0]), gets(worker, calls[1])};
    stage_ask_to_yield(stage, worker, "room", true);
    stage_says_nothing(stage);
    stage_pool_hears_nothing(stage);
    calls[2] = ask(stage);
    assert_int_equal(stage_pool_hears(stage, TR_WORD_GROW).number, 1);
    finish(&jobs[0], TROUPE_OUTCOME_OK);
    expect_final(calls[0], TROUPE_OUTCOME_OK);
    stage_pool_hears_nothing(stage);
    gets_nothing(worker); /* though a place is free, and somebody waits */
    /* Doubt that is over is no word of its pool that it stays. */
    stage_say(stage, TR_WORD_DOUBTFUL, worker, tr_reason_of(TROUPE_REASON_NORMAL), 0);
    stage_say(stage, TR_WORD_FINE, worker, tr_reason_of(TROUPE_REASON_NORMAL), 0);
    stage_pool_hears_nothing(stage);
    gets_nothing(worker);
    finish(&jobs[1], TROUPE_OUTCOME_OK);
    expect_final(calls[1], TROUPE_OUTCOME_OK);
    let_go_by(stage, worker, "room");
    stage_pool_hears_nothing(stage); /* once */
    stage_say(stage, TR_WORD_FINE, worker, tr_reason_of(TROUPE_REASON_NORMAL), 0);
    stage_refuses_to_yield(stage, worker, "its pool keeps it");
    jobs[0] = gets(worker, calls[2]);
    finish(&jobs[0], TROUPE_OUTCOME_OK);
    expect_final(calls[2], TROUPE_OUTCOME_OK);
}

/* Nobody waits for what it does, but it is at it. */
static void one_whose_caller_has_left_finishes_first(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *call = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], call);
    stage_cancel(stage, call);
    expect_final(call, TROUPE_OUTCOME_CANCELLED);
    stage_ask_to_yield(stage, &stage->workers[0], "room", true);
    stage_pool_hears_nothing(stage);
    finish(&job, TROUPE_OUTCOME_CANCELLED);
    let_go_by(stage, &stage->workers[0], "room");
}

static void an_idle_one_that_may_finish_goes_at_once(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    stage_ask_to_yield(stage, &stage->workers[0], "pressure", true);
    let_go_by(stage, &stage->workers[0], "pressure");
}

static void one_that_falls_while_it_finishes_is_gone(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *call = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], call);
    stage_ask_to_yield(stage, &stage->workers[0], "room", true);
    stage_settle(stage);
    stage_down(stage, &stage->workers[0]);
    expect_final(call, TROUPE_OUTCOME_WORKER_LOST);
    stage_pool_hears_nothing(stage);
    tr_job_release(&job);
}

/* And is stopped while it is. */
static void one_that_never_finishes_does_not_hold_the_router_up(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    tr_job_t *job = gets(&stage->workers[0], ask(stage));
    stage_ask_to_yield(stage, &stage->workers[0], "room", true);
    stage_settle(stage);
    tr_job_release(&job);
}

static void no_more_go_than_there_are_to_spare(void **state)
{
    stage_t *stage = *state;
    stage->spec.min_workers = 1;
    stage_open(stage, 3);
    for (size_t i = 0; i < 3; i++) {
        stage_ask_to_yield(stage, &stage->workers[i], "room", false);
    }
    let_go_by(stage, &stage->workers[0], "room");
    let_go_by(stage, &stage->workers[1], "room");
    stage_refuses_to_yield(stage, &stage->workers[2], "its pool has no more than its min");
    stage_pool_hears_nothing(stage);
}

/* ---- fewer, and more ---- */

static void resize(stage_t *stage, size_t min, size_t max)
{
    tr_control_t *size = tr_control_new(TR_WORD_SIZE, 0);
    assert_non_null(size);
    size->number = min;
    size->depth = max;
    stage_settle(stage);
    tr_control_send(size, stage->router->mailbox);
}

static uint64_t hears_shrink(stage_t *stage)
{
    tr_control_t shrink = stage_pool_hears(stage, TR_WORD_SHRINK);
    assert_string_equal(shrink.name, "asked");
    return shrink.incarnation;
}

static void what_is_too_many_goes_the_idle_first_then_who_has_least(void **state)
{
    stage_t *stage = *state;
    stage->spec.concurrency = 2;
    stage->spec.balance = TR_BALANCE_ROUND_ROBIN;
    stage_open(stage, 4);
    tr_job_t *jobs[4] = {NULL};
    call_t *calls[4];
    for (size_t i = 0; i < 4; i++) { /* one after another: each has had something, and when */
        stage_advance(stage, 10);
        calls[i] = ask(stage);
        jobs[i] = gets(&stage->workers[i], calls[i]);
    }
    call_t *more = ask(stage); /* the first has two */
    tr_job_t *job = gets(&stage->workers[0], more);
    for (size_t i = 2; i < 4; i++) {
        stage_advance(stage, 10);
        finish(&jobs[i], TROUPE_OUTCOME_OK);
        expect_final(calls[i], TROUPE_OUTCOME_OK);
    }
    resize(stage, 0, 3);
    assert_int_equal(hears_shrink(stage), stage->workers[2].incarnation);
    resize(stage, 1, 1); /* one is idle, and one has less than the other */
    assert_int_equal(hears_shrink(stage), stage->workers[3].incarnation);
    stage_pool_hears_nothing(stage);
    finish(&jobs[1], TROUPE_OUTCOME_OK); /* it finishes first */
    expect_final(calls[1], TROUPE_OUTCOME_OK);
    assert_int_equal(hears_shrink(stage), stage->workers[1].incarnation);
    for (size_t i = 1; i < 4; i++) {
        stage_down(stage, &stage->workers[i]);
    }
    stage_pool_hears_nothing(stage);
    tr_report_t *report = stage_survey(stage);
    assert_int_equal(report->min, 1);
    assert_int_equal(report->max, 1);
    assert_int_equal(report->n_children, 1);
    tr_letter_destroy(&(tr_letter_t *){&report->letter});
    finish(&jobs[0], TROUPE_OUTCOME_OK);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(calls[0], TROUPE_OUTCOME_OK);
    expect_final(more, TROUPE_OUTCOME_OK);
    stage_pool_hears_nothing(stage); /* it is the least */
}

static void more_may_come_when_there_may_be_more(void **state)
{
    stage_t *stage = *state;
    stage->spec.max_workers = 1;
    stage_open(stage, 1);
    tr_job_t *job = gets(&stage->workers[0], ask(stage));
    ask(stage);
    stage_settle(stage);
    ask(stage);
    stage_pool_hears_nothing(stage);
    resize(stage, 0, 2);
    assert_int_equal(stage_pool_hears(stage, TR_WORD_GROW).number, 1);
    resize(stage, 0, 3);
    assert_int_equal(stage_pool_hears(stage, TR_WORD_GROW).number, 2);
    tr_job_release(&job);
}

/* Its operator has said so. */
static void the_pinned_go_too_when_there_may_be_fewer(void **state)
{
    stage_t *stage = *state;
    stage->spec.is_pinned = true;
    stage_open(stage, 2);
    resize(stage, 0, 1);
    hears_shrink(stage);
    stage_pool_hears_nothing(stage);
}

/* ---- keep-alive ---- */

static void for_ever_is_never(void **state)
{
    stage_t *stage = *state;
    stage->spec.keep_alive_ms = TR_NEVER;
    stage_open(stage, 1);
    stage_advance(stage, INT64_C(1) << 52);
    stage_pool_hears_nothing(stage);
}

#define STAYS(title, ...)                                                                      \
    ROW(title, it_does_not_go_when_it_may_not, struct obstacle, __VA_ARGS__)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(it_says_who_is_there),
        STORY(of_the_pinned_none_is_spare),
        STORY(it_says_how_many_wait),
        STORY(an_idle_one_goes_when_asked),
        STORY(what_its_pool_keeps_is_open_again),
        STAYS("not a busy one", .is_busy = true, .says = "it is busy"),
        STAYS("not a doubtful one", .is_doubtful = true, .says = "it does not answer"),
        STAYS("not one that goes", .is_going = true, .says = "it is going already"),
        STAYS("not one that was", .is_gone = true, .says = "it is not there any more"),
        STAYS("not one of the least", .is_needed = true,
              .says = "its pool has no more than its min"),
        STAYS("not a pinned one", .is_pinned = true, .says = "its capability is pinned"),
        STAYS("not a busy one of the least", .is_busy = true, .is_needed = true,
              .may_finish = true, .says = "its pool has no more than its min"),
        STAYS("not a busy pinned one", .is_busy = true, .is_pinned = true, .may_finish = true,
              .says = "its capability is pinned"),
        STORY(one_for_whom_work_waits_does_not_go),
        STORY(a_busy_one_finishes_first),
        STORY(one_whose_caller_has_left_finishes_first),
        STORY(an_idle_one_that_may_finish_goes_at_once),
        STORY(one_that_falls_while_it_finishes_is_gone),
        STORY(one_that_never_finishes_does_not_hold_the_router_up),
        STORY(no_more_go_than_there_are_to_spare),
        STORY(what_is_too_many_goes_the_idle_first_then_who_has_least),
        STORY(more_may_come_when_there_may_be_more),
        STORY(the_pinned_go_too_when_there_may_be_fewer),
        STORY(for_ever_is_never),
    };
    return cmocka_run_group_tests_name("capabilities/residency", tests, NULL, NULL) != 0;
}
