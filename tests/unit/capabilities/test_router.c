/* What the router and its pool say to each other, and how it drains. */

#include "tests/unit/capabilities/stage.h"

#include <string.h>

static void it_wishes_for_one_worker_at_a_time(void **state)
{
    stage_t *stage = *state;
    stage->spec.max_workers = 2;
    stage_open(stage, 0);
    stage_pool_hears_nothing(stage); /* nothing waits */
    call_t *first = ask(stage);
    ask(stage);
    ask(stage);
    stage_pool_hears(stage, TR_WORD_GROW);
    stage_pool_hears_nothing(stage);
    tr_job_t *job = gets(stage_up(stage, 0), first);
    stage_pool_hears(stage, TR_WORD_GROW); /* more waits than one can do */
    tr_job_t *other = gets(stage_up(stage, 1), NULL);
    stage_pool_hears_nothing(stage); /* it has as many as it may have */
    tr_job_release(&job);
    tr_job_release(&other);
}

static void a_wish_that_failed_is_made_again(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 0);
    ask(stage);
    stage_pool_hears(stage, TR_WORD_GROW);
    stage_say(stage, TR_WORD_NOT_GROWN, NULL, tr_reason_of(TROUPE_REASON_FAILED), 0);
    stage_pool_hears(stage, TR_WORD_GROW);
    stage_pool_hears_nothing(stage);
}

/* Its place is free for another one, whatever else is said of it. */
static void who_goes_is_going_also_when_doubtful(void **state)
{
    stage_t *stage = *state;
    stage->spec.max_workers = 1;
    stage_open(stage, 1);
    stage_say(stage, TR_WORD_GOING, &stage->workers[0], tr_reason_of(TROUPE_REASON_NORMAL), 0);
    stage_say(stage, TR_WORD_DOUBTFUL, &stage->workers[0], tr_reason_of(TROUPE_REASON_NORMAL),
              0);
    ask(stage);
    stage_pool_hears(stage, TR_WORD_GROW);
}

/* Why no worker starts, and how what waits ends then. */
struct trouble {
    troupe_reason_kind_t kind;
    troupe_outcome_t outcome;
};

static void nobody_waits_for_what_does_not_start(void **state)
{
    stage_t *stage = *state;
    const struct trouble *row = stage->row;
    stage_open(stage, 0);
    call_t *waits = ask(stage);
    call_t *sharers[] = {ask_with(stage, .dedup = {"k", 1}),
                         ask_with(stage, .dedup = {"k", 1})};
    stage_settle(stage);
    stage_pool_hears(stage, TR_WORD_GROW);
    stage_say(stage, TR_WORD_UNAVAILABLE, NULL, tr_reason_format(row->kind, "no model"), 700);
    expect_final(waits, row->outcome);
    assert_int_equal(waits->hint_ms, 700);
    assert_non_null(strstr(waits->text, "no model"));
    expect_final(sharers[0], row->outcome);
    expect_final(sharers[1], row->outcome);
    stage_advance(stage, 200);
    call_t *comes = ask(stage);
    expect_final(comes, row->outcome);
    assert_int_equal(comes->hint_ms, 500);
    stage_pool_hears_nothing(stage);
    stage_say(stage, TR_WORD_AVAILABLE, NULL, tr_reason_of(TROUPE_REASON_NORMAL), 0);
    stage_settle(stage);
    call_t *next = ask(stage);
    stage_pool_hears(stage, TR_WORD_GROW);
    tr_job_t *job = gets(stage_up(stage, 0), next);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(next, TROUPE_OUTCOME_OK);
}

static void an_idle_worker_may_go_when_its_time_is_up(void **state)
{
    stage_t *stage = *state;
    stage->spec.keep_alive_ms = 1000;
    stage->spec.min_workers = 1;
    stage_open(stage, 2);
    stage_settle(stage);
    stage_advance(stage, 500);
    tr_job_t *job;
    call_t *call = ask(stage); /* this one is used */
    stage_settle(stage);
    size_t used = tr_mailbox_depth(stage->workers[0].mailbox) > 0 ? 0 : 1;
    job = gets(&stage->workers[used], call);
    finish(&job, TROUPE_OUTCOME_OK);
    stage_advance(stage, 499);
    stage_pool_hears_nothing(stage);
    stage_advance(stage, 1);
    assert_int_equal(stage_pool_hears(stage, TR_WORD_SHRINK).incarnation,
                     stage->workers[1 - used].incarnation);
    stage_advance(stage, 5000);
    stage_pool_hears_nothing(stage); /* one always stays */
}

static void one_that_works_for_nobody_is_not_idle(void **state)
{
    stage_t *stage = *state;
    stage->spec.keep_alive_ms = 1000;
    stage_open(stage, 1);
    call_t *call = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], call);
    stage_cancel(stage, call);
    expect_final(call, TROUPE_OUTCOME_CANCELLED);
    stage_advance(stage, 5000);
    stage_pool_hears_nothing(stage);
    finish(&job, TROUPE_OUTCOME_CANCELLED);
    stage_advance(stage, 1000);
    stage_pool_hears(stage, TR_WORD_SHRINK);
}

static void it_is_drained_when_all_is_done(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *calls[] = {ask(stage), ask(stage)};
    tr_job_t *job = gets(&stage->workers[0], calls[0]);
    stage_pool_hears(stage, TR_WORD_GROW);
    tr_control_t *drain = tr_control_new(TR_WORD_DRAIN, 0);
    assert_non_null(drain);
    drain->mailbox = tr_mailbox_share(stage->pool);
    stage_settle(stage);
    tr_control_send(drain, stage->router->mailbox);
    stage_pool_hears_nothing(stage);
    finish(&job, TROUPE_OUTCOME_OK);
    job = gets(&stage->workers[0], calls[1]);
    stage_pool_hears_nothing(stage);
    finish(&job, TROUPE_OUTCOME_OK);
    stage_pool_hears(stage, TR_WORD_DRAINED);
    expect_final(calls[0], TROUPE_OUTCOME_OK);
    expect_final(calls[1], TROUPE_OUTCOME_OK);
    stage_pool_hears_nothing(stage); /* told once */
}

/* Its parent may speak to it as soon as its thread is born. */
static void one_that_is_stopped_at_once_ends(void **state)
{
    stage_t *stage = *state;
    for (size_t i = 0; i < 20; i++) {
        tr_actor_t *router;
        assert_status(tr_router_start(&(tr_birth_t){.what = &stage->spec,
                                                    .name = "brief",
                                                    .runtime = stage->runtime,
                                                    .parent = stage->parent},
                                      &router),
                      TROUPE_OK);
        tr_actor_ask_to_stop(router, tr_reason_of(TROUPE_REASON_SHUTDOWN));
        assert_status(tr_actor_reap(&router, 10000), TROUPE_OK);
    }
}

static void it_says_how_it_is(void **state)
{
    stage_t *stage = *state;
    stage->spec.breaker_failures = 1;
    stage->spec.breaker_cooldown_ms = 1000;
    stage_open(stage, 1);
    tr_report_t *report = stage_survey(stage);
    assert_string_equal(report->state, "ready");
    assert_int_equal(report->n_children, 1);
    assert_string_equal(report->children[0].name, "cap/1");
    tr_letter_destroy(&(tr_letter_t *){&report->letter});
    call_t *call = ask(stage);
    tr_job_t *job = gets(&stage->workers[0], call);
    finish(&job, TROUPE_OUTCOME_WORKER_ERROR);
    expect_final(call, TROUPE_OUTCOME_WORKER_ERROR);
    report = stage_survey(stage);
    assert_string_equal(report->state, "unavailable");
    assert_int_equal(report->children[0].n_done, 1);
    tr_letter_destroy(&(tr_letter_t *){&report->letter});
    stage_advance(stage, 1000);
    report = stage_survey(stage);
    assert_string_equal(report->state, "ready"); /* or nobody would try it */
    tr_letter_destroy(&(tr_letter_t *){&report->letter});
}

#define TROUBLE(title, ...)                                                                    \
    ROW(title, nobody_waits_for_what_does_not_start, struct trouble, __VA_ARGS__)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(it_wishes_for_one_worker_at_a_time),
        STORY(a_wish_that_failed_is_made_again),
        STORY(who_goes_is_going_also_when_doubtful),
        TROUBLE("a start that fails", TROUPE_REASON_FAILED, TROUPE_OUTCOME_SPAWN_FAILED),
        TROUBLE("a start that hangs", TROUPE_REASON_HUNG, TROUPE_OUTCOME_SPAWN_TIMEOUT),
        STORY(an_idle_worker_may_go_when_its_time_is_up),
        STORY(one_that_works_for_nobody_is_not_idle),
        STORY(it_is_drained_when_all_is_done),
        STORY(one_that_is_stopped_at_once_ends),
        STORY(it_says_how_it_is),
    };
    return cmocka_run_group_tests_name("capabilities/router", tests, NULL, NULL) != 0;
}
