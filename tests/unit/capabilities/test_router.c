/* What the router and its pool say to each other, and how it drains. */

#include "tests/unit/capabilities/stage.h"

#include <string.h>

#include "capabilities/wish.h"

static void hears_wish(stage_t *stage, uint64_t n)
{
    assert_int_equal(stage_pool_hears(stage, TR_WORD_GROW).number, n);
}

static void it_wishes_for_as_many_workers_as_it_could_use(void **state)
{
    stage_t *stage = *state;
    stage->spec.max_workers = 2;
    stage_open(stage, 0);
    stage_pool_hears_nothing(stage); /* nothing waits */
    call_t *first = ask(stage);
    hears_wish(stage, 1);
    ask(stage);
    hears_wish(stage, 2);
    ask(stage);
    stage_pool_hears_nothing(stage); /* it may have no more */
    tr_job_t *job = gets(stage_up(stage, 0), first);
    hears_wish(stage, 1);
    tr_job_t *other = gets(stage_up(stage, 1), NULL);
    stage_pool_hears_nothing(stage);
    stage_advance(stage, TR_WISH_MOMENT_MS);
    hears_wish(stage, 0); /* it has as many as it may have */
    stage_advance(stage, 5000);
    stage_pool_hears_nothing(stage);
    tr_job_release(&job);
    tr_job_release(&other);
}

static void a_worker_that_takes_many_at_once_is_wished_for_once(void **state)
{
    stage_t *stage = *state;
    stage->spec.concurrency = 3;
    stage->spec.batch_max = 2;
    stage_open(stage, 0);
    for (size_t i = 0; i < 6; i++) {
        ask(stage);
    }
    hears_wish(stage, 1);
    stage_pool_hears_nothing(stage);
    ask(stage);
    hears_wish(stage, 2);
}

static void a_wish_is_over_when_all_who_waited_have_left(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 0);
    call_t *calls[2];
    for (size_t i = 0; i < 2; i++) {
        calls[i] = ask(stage);
        hears_wish(stage, i + 1);
    }
    stage_advance(stage, 1000);
    stage_cancel(stage, calls[0]);
    expect_final(calls[0], TROUPE_OUTCOME_CANCELLED);
    hears_wish(stage, 1);
    stage_advance(stage, 1000);
    stage_cancel(stage, calls[1]);
    expect_final(calls[1], TROUPE_OUTCOME_CANCELLED);
    hears_wish(stage, 0);
    ask(stage);
    hears_wish(stage, 1);
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
    bool is_out_of_memory;
};

static void nobody_waits_for_what_does_not_start(void **state)
{
    stage_t *stage = *state;
    const struct trouble *row = stage->row;
    stage_open(stage, 0);
    call_t *waits = ask(stage);
    stage_pool_hears(stage, TR_WORD_GROW);
    call_t *sharers[] = {ask_with(stage, .dedup = {"k", 1}),
                         ask_with(stage, .dedup = {"k", 1})};
    stage_settle(stage);
    stage_pool_hears(stage, TR_WORD_GROW);
    tr_reason_t reason = tr_reason_format(row->kind, "no model");
    reason.is_out_of_memory = row->is_out_of_memory;
    stage_say(stage, TR_WORD_UNAVAILABLE, NULL, reason, 700);
    expect_final(waits, row->outcome);
    assert_int_equal(waits->hint_ms, 700);
    assert_non_null(strstr(waits->text, "no model"));
    expect_final(sharers[0], row->outcome);
    expect_final(sharers[1], row->outcome);
    stage_advance(stage, 200);
    call_t *comes = ask(stage);
    expect_final(comes, row->outcome);
    assert_int_equal(comes->hint_ms, 500);
    hears_wish(stage, 0);
    stage_pool_hears_nothing(stage);
    stage_say(stage, TR_WORD_AVAILABLE, NULL, tr_reason_of(TROUPE_REASON_NORMAL), 0);
    stage_settle(stage);
    call_t *next = ask(stage);
    stage_pool_hears(stage, TR_WORD_GROW);
    tr_job_t *job = gets(stage_up(stage, 0), next);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(next, TROUPE_OUTCOME_OK);
}

/* Everybody waits on through one restart after another, and is served by the one that comes up.
 */
static void a_start_that_failed_is_waited_for_again(void **state)
{
    stage_t *stage = *state;
    stage->spec.concurrency = 3;
    stage_open(stage, 0);
    call_t *calls[] = {ask(stage), ask(stage), ask(stage)};
    for (size_t i = 0; i < 3; i++) {
        stage_say(stage, TR_WORD_NOT_GROWN, NULL,
                  tr_reason_format(TROUPE_REASON_FAILED, "no model"), 1);
    }
    stage_advance(stage, 1000);
    stage_has(stage, 3, 0);
    player_t *worker = stage_up(stage, 0);
    for (size_t i = 0; i < 3; i++) {
        tr_job_t *job = gets(worker, NULL);
        finish(&job, TROUPE_OUTCOME_OK);
    }
    for (size_t i = 0; i < 3; i++) {
        expect_final(calls[i], TROUPE_OUTCOME_OK);
    }
}

static tr_reason_t no_memory(const char *text)
{
    tr_reason_t reason = tr_reason_format(TROUPE_REASON_FAILED, "%s", text);
    reason.is_out_of_memory = true;
    return reason;
}

static void a_load_that_memory_was_wanting_for_is_waited_for_again(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 0);
    call_t *call = ask(stage);
    hears_wish(stage, 1);
    stage_say(stage, TR_WORD_NOT_GROWN, NULL, no_memory("the model is too big"), 1);
    hears_wish(stage, 1);
    stage_has(stage, 1, 0);
    tr_job_t *job = gets(stage_up(stage, 0), call);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
}

static void nobody_waits_for_what_does_not_fit(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 0);
    call_t *calls[] = {ask(stage), NULL, NULL};
    hears_wish(stage, 1);
    calls[1] = ask_with(stage, .dedup = {"k", 1});
    hears_wish(stage, 2);
    calls[2] = ask_with(stage, .dedup = {"k", 1});
    stage_settle(stage);
    stage_say(stage, TR_WORD_NOT_GROWN, NULL, no_memory("2 GiB are more than 1 GiB"), 0);
    for (size_t i = 0; i < 3; i++) {
        expect_final(calls[i], TROUPE_OUTCOME_MEMORY_EXHAUSTED);
        assert_non_null(strstr(calls[i]->text, "2 GiB are more than 1 GiB"));
    }
    call_t *next = ask(stage); /* it is for others to know whether it fits by now */
    hears_wish(stage, 1);
    stage_say(stage, TR_WORD_NOT_GROWN, NULL, no_memory("2 GiB are more than 1 GiB"), 0);
    expect_final(next, TROUPE_OUTCOME_MEMORY_EXHAUSTED);
}

static void what_does_not_fit_beside_others_is_left_to_them(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    call_t *calls[] = {ask(stage), ask(stage)};
    tr_job_t *job = gets(&stage->workers[0], calls[0]);
    hears_wish(stage, 1);
    stage_say(stage, TR_WORD_NOT_GROWN, NULL, no_memory("no room"), 0);
    stage_pool_hears_nothing(stage); /* or pool, governor and router would do nothing else */
    stage_has(stage, 1, 1);
    stage_advance(stage, TR_WISH_REFUSED_MS - 1);
    stage_pool_hears_nothing(stage);
    stage_advance(stage, 1);
    hears_wish(stage, 1);
    finish(&job, TROUPE_OUTCOME_OK);
    job = gets(&stage->workers[0], calls[1]);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(calls[0], TROUPE_OUTCOME_OK);
    expect_final(calls[1], TROUPE_OUTCOME_OK);
}

/* How long it may wait, 0: until its deadline; and how it ends then. */
struct patience {
    int64_t queue_timeout_ms;
    troupe_outcome_t outcome;
};

static void time_ends_before_there_is_memory(void **state)
{
    stage_t *stage = *state;
    const struct patience *row = stage->row;
    stage->spec.queue_timeout_ms = row->queue_timeout_ms;
    stage_open(stage, 0);
    call_t *call = ask_with(stage, .timeout_ms = 1000);
    stage_settle(stage);
    stage_say(stage, TR_WORD_NOT_GROWN, NULL, no_memory("no room yet"), 1);
    stage_advance(stage, 499);
    expect_silence(call);
    stage_advance(stage, row->queue_timeout_ms > 0 ? 1 : 501);
    expect_final(call, row->outcome);
    assert_non_null(strstr(call->text, "no room yet"));
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
    tr_control_t shrink = stage_pool_hears(stage, TR_WORD_SHRINK);
    assert_int_equal(shrink.incarnation, stage->workers[1 - used].incarnation);
    assert_string_equal(shrink.name, "keep_alive");
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
    hears_wish(stage, 1);
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
    stage_settle(stage);
    stage_pool_hears(stage, TR_WORD_DRAINED);
    expect_final(calls[0], TROUPE_OUTCOME_OK);
    expect_final(calls[1], TROUPE_OUTCOME_OK);
    stage_pool_hears_nothing(stage); /* told once */
    stage_advance(stage, TR_WISH_MOMENT_MS);
    hears_wish(stage, 0);
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
        STORY(it_wishes_for_as_many_workers_as_it_could_use),
        STORY(a_worker_that_takes_many_at_once_is_wished_for_once),
        STORY(a_wish_is_over_when_all_who_waited_have_left),
        STORY(a_wish_that_failed_is_made_again),
        STORY(who_goes_is_going_also_when_doubtful),
        TROUBLE("a start that fails", TROUPE_REASON_FAILED, TROUPE_OUTCOME_SPAWN_FAILED, false),
        TROUBLE("a start that hangs", TROUPE_REASON_HUNG, TROUPE_OUTCOME_SPAWN_TIMEOUT, false),
        TROUBLE("a start for which there is no memory", TROUPE_REASON_FAILED,
                TROUPE_OUTCOME_MEMORY_EXHAUSTED, true),
        STORY(a_start_that_failed_is_waited_for_again),
        STORY(a_load_that_memory_was_wanting_for_is_waited_for_again),
        STORY(nobody_waits_for_what_does_not_fit),
        STORY(what_does_not_fit_beside_others_is_left_to_them),
        ROW("its deadline, without memory", time_ends_before_there_is_memory, struct patience,
            0, TROUPE_OUTCOME_TIMEOUT),
        ROW("its queue-timeout, without memory", time_ends_before_there_is_memory,
            struct patience, 500, TROUPE_OUTCOME_MEMORY_EXHAUSTED),
        STORY(an_idle_worker_may_go_when_its_time_is_up),
        STORY(one_that_works_for_nobody_is_not_idle),
        STORY(it_is_drained_when_all_is_done),
        STORY(one_that_is_stopped_at_once_ends),
        STORY(it_says_how_it_is),
    };
    return cmocka_run_group_tests_name("capabilities/router", tests, NULL, NULL) != 0;
}
