/* What a router makes of letters that it reads in one turn, and of requests that it leaves to
 * workers that are awake. To have them in one turn, the router's own thread is held up when it
 * reads the clock, which it does before it reads the first of them. Microseconds stand still
 * here with the clock, and there are always four processors. */

#include "tests/unit/capabilities/stage.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/processors.h"
#include "capabilities/rouse.h"

#define PATIENCE_S 10

static pthread_t test_thread;
static atomic_bool must_wait;
static sem_t has_come;
static sem_t may_go;

tr_time_t __wrap_tr_clock_read(void);
size_t __wrap_tr_processors(void);

tr_time_t __wrap_tr_clock_read(void)
{
    if (!pthread_equal(pthread_self(), test_thread) && atomic_exchange(&must_wait, false)) {
        sem_post(&has_come);
        while (sem_wait(&may_go) != 0) {
        }
    }
    int64_t now_ms = tr_clock_now_ms();
    return (tr_time_t){.ms = now_ms, .us = now_ms * 1000};
}

size_t __wrap_tr_processors(void)
{
    return 4;
}

static bool wait_a_little(sem_t *sign)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 100000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return sem_timedwait(sign, &until) == 0;
}

/* ---- holding the router ---- */

/* Who has carried enough wakes the next one, instead of carrying it. */
typedef struct burden {
    tr_mailbox_t *mailbox;
    stage_t *stage;
} burden_t;

static bool weigh(void *arg, bool is_next)
{
    burden_t *self = arg;
    tr_letter_t *letter = tr_mailbox_next(self->mailbox, NULL);
    tr_letter_destroy(&letter);
    tr_control_say(self->mailbox, TR_WORD_PING, 0); /* one more, without end */
    if (!is_next) {
        tr_actor_t *router = self->stage->router;
        tr_control_say(router->mailbox, TR_WORD_PING, router->incarnation);
    }
    return true;
}

static void nudge(stage_t *stage)
{
    burden_t burden = {tr_mailbox_new("burden", 1, (tr_mailbox_limits_t){10, 1000}), stage};
    assert_non_null(burden.mailbox);
    tr_mailbox_let_carry(burden.mailbox, TR_CARRIED_BY_ALL, weigh, &burden);
    tr_mailbox_put_baton(burden.mailbox);
    tr_control_say(burden.mailbox, TR_WORD_PING, 0);
    tr_mailbox_take_baton(burden.mailbox);
    tr_mailbox_close(burden.mailbox);
    tr_mailbox_release(&burden.mailbox);
}

/* From here on the router reads nothing. */
static void hold(stage_t *stage)
{
    stage_settle(stage);
    atomic_store(&must_wait, true);
    bool is_held = false;
    for (int i = 0; !is_held && i < PATIENCE_S * 10; i++) {
        nudge(stage);
        is_held = wait_a_little(&has_come);
    }
    assert_true(is_held);
}

/* All that was sent since then is read in one turn. */
static void let_go(stage_t *stage)
{
    sem_post(&may_go);
    stage_settle(stage);
}

static int turns_begin(void **state)
{
    test_thread = pthread_self();
    atomic_store(&must_wait, false);
    sem_init(&has_come, 0, 0);
    sem_init(&may_go, 0, 0);
    return stage_begin(state);
}

static int turns_end(void **state)
{
    sem_post(&may_go); /* whatever has failed */
    int status = stage_end(state);
    sem_destroy(&has_come);
    sem_destroy(&may_go);
    return status;
}

/* ---- within one turn ---- */

static void a_newcomer_that_is_cancelled_in_the_same_turn_is_given_to_nobody(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    hold(stage);
    call_t *call = ask_with(stage, .priority = TROUPE_PRIORITY_HIGH);
    tr_envelope_cancel(call->envelope, stage->router->mailbox);
    let_go(stage);
    expect_final(call, TROUPE_OUTCOME_CANCELLED);
    gets_nothing(&stage->workers[0]);
    stage_has(stage, 0, 0);
}

static void a_newcomer_that_others_follow_waits_with_them(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    hold(stage);
    call_t *low = ask_with(stage, .priority = TROUPE_PRIORITY_LOW);
    call_t *normal = ask(stage);
    call_t *high = ask_with(stage, .priority = TROUPE_PRIORITY_HIGH);
    let_go(stage);
    call_t *order[] = {high, normal, low};
    for (size_t i = 0; i < 3; i++) {
        stage_has(stage, 2 - i, 1);
        tr_job_t *job = gets(&stage->workers[0], order[i]);
        stage_settle(stage);
        gets_nothing(&stage->workers[0]); /* one at a time, and each once */
        finish(&job, TROUPE_OUTCOME_OK);
        expect_final(order[i], TROUPE_OUTCOME_OK);
    }
}

static void each_is_handed_out_once(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 2);
    hold(stage);
    call_t *calls[] = {ask(stage), ask(stage), ask(stage)};
    let_go(stage);
    stage_has(stage, 1, 2);
    tr_job_t *jobs[] = {gets(&stage->workers[0], NULL), gets(&stage->workers[1], NULL), NULL};
    assert_ptr_not_equal(jobs[0]->envelope, jobs[1]->envelope);
    stage_settle(stage);
    gets_nothing(&stage->workers[0]);
    gets_nothing(&stage->workers[1]);
    finish(&jobs[0], TROUPE_OUTCOME_OK);
    jobs[2] = gets(&stage->workers[0], calls[2]);
    finish(&jobs[1], TROUPE_OUTCOME_OK);
    finish(&jobs[2], TROUPE_OUTCOME_OK);
    for (size_t i = 0; i < 3; i++) {
        expect_final(calls[i], TROUPE_OUTCOME_OK);
    }
}

static void a_newcomer_does_not_pass_a_breaker_that_opens_behind_it(void **state)
{
    stage_t *stage = *state;
    stage->spec.breaker_failures = 1;
    stage->spec.breaker_cooldown_ms = 1000;
    stage_open(stage, 2);
    call_t *bad = ask(stage);
    stage_settle(stage);
    size_t who = tr_mailbox_depth(stage->workers[0].mailbox) > 0 ? 0 : 1;
    tr_job_t *job = gets(&stage->workers[who], bad);
    hold(stage);
    call_t *before = ask(stage);
    finish(&job, TROUPE_OUTCOME_WORKER_ERROR);
    call_t *after = ask(stage);
    let_go(stage);
    expect_final(bad, TROUPE_OUTCOME_WORKER_ERROR);
    expect_final(before, TROUPE_OUTCOME_CIRCUIT_OPEN);
    expect_final(after, TROUPE_OUTCOME_CIRCUIT_OPEN);
    gets_nothing(&stage->workers[0]);
    gets_nothing(&stage->workers[1]);
}

static void drain(stage_t *stage)
{
    tr_control_t *drain = tr_control_new(TR_WORD_DRAIN, 0);
    assert_non_null(drain);
    drain->mailbox = tr_mailbox_share(stage->pool);
    tr_control_send(drain, stage->router->mailbox);
}

/* The word overtakes both; of work that was begun the router is not rid before it is done. */
static void what_comes_in_the_turn_of_the_drain_is_new_or_it_is_not(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    hold(stage);
    call_t *call_from_within = ask_with(stage, .depth = 1);
    call_t *call = ask(stage);
    drain(stage);
    let_go(stage);
    expect_final(call, TROUPE_OUTCOME_SHUTTING_DOWN);
    tr_job_t *job = gets(&stage->workers[0], call_from_within);
    stage_pool_hears_nothing(stage);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call_from_within, TROUPE_OUTCOME_OK);
    stage_pool_hears(stage, TR_WORD_DRAINED);
}

static void a_newcomer_whose_worker_goes_in_the_same_turn_waits(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    player_t *worker = &stage->workers[0];
    hold(stage);
    call_t *call = ask(stage);
    stage_say(stage, TR_WORD_GOING, worker, tr_reason_of(TROUPE_REASON_NORMAL), 0);
    let_go(stage);
    gets_nothing(worker);
    stage_has(stage, 1, 0);
    tr_job_t *job = gets(stage_up(stage, 1), call);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
}

/* The clock is read again after so many letters, and with the nudge the request is the last of
 * these: it has been read when the word to stop comes. */
static void a_router_that_stops_behind_a_newcomer_answers_it(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 1);
    hold(stage);
    for (size_t i = 0; i < 14; i++) {
        tr_control_say(stage->router->mailbox, TR_WORD_PING, stage->router->incarnation);
    }
    call_t *call = ask(stage);
    atomic_store(&must_wait, true);
    sem_post(&may_go);
    assert_true(wait_a_little(&has_come));
    tr_actor_ask_to_stop(stage->router, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    sem_post(&may_go);
    expect_final(call, TROUPE_OUTCOME_SHUTTING_DOWN);
    gets_nothing(&stage->workers[0]);
}

static void a_newcomer_shares_its_run_with_the_next(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 2);
    hold(stage);
    call_t *lead = ask_with(stage, .dedup = {"k", 1});
    call_t *sharer = ask_with(stage, .dedup = {"k", 1}, .priority = TROUPE_PRIORITY_HIGH);
    let_go(stage);
    stage_has(stage, 0, 2);
    size_t who = tr_mailbox_depth(stage->workers[0].mailbox) > 0 ? 0 : 1;
    tr_job_t *job = gets(&stage->workers[who], sharer);
    gets_nothing(&stage->workers[1 - who]);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(lead, TROUPE_OUTCOME_OK);
    expect_final(sharer, TROUPE_OUTCOME_OK);
}

/* ---- left to the awake ---- */

#define USUAL 64 /* so many short ones make it usual */

/* The one that gets the next request, and its job. */
static player_t *who_gets(stage_t *stage, call_t *call, tr_job_t **job_out)
{
    stage_settle(stage);
    for (size_t i = 0; i < STAGE_N_WORKERS; i++) {
        player_t *worker = &stage->workers[i];
        if (worker->mailbox && tr_mailbox_depth(worker->mailbox) > 0) {
            *job_out = gets(worker, call);
            return worker;
        }
    }
    fail_msg("nobody got it");
    return NULL;
}

static player_t *do_some(stage_t *stage, size_t n, int64_t took_us)
{
    player_t *worker = NULL;
    for (size_t i = 0; i < n; i++) {
        call_t *call = ask(stage);
        tr_job_t *job;
        worker = who_gets(stage, call, &job);
        job->pace_us = took_us;
        finish(&job, TROUPE_OUTCOME_OK);
        expect_final(call, TROUPE_OUTCOME_OK);
    }
    return worker;
}

/* What is usual, and what becomes of a second request while one has the first. */
struct habit {
    tr_balance_policy_t balance;
    size_t concurrency;
    size_t n_short;
    size_t n_long;
    bool is_left; /* to the one that is awake */
};

static void two_requests_wake_two_workers_or_one(void **state)
{
    stage_t *stage = *state;
    const struct habit *row = stage->row;
    stage->spec.balance = row->balance;
    stage->spec.concurrency = row->concurrency;
    stage_open(stage, 2);
    do_some(stage, row->n_short, 1);
    do_some(stage, row->n_long, 1000);
    call_t *calls[] = {ask(stage), NULL};
    tr_job_t *jobs[2] = {NULL, NULL};
    player_t *awake = who_gets(stage, calls[0], &jobs[0]);
    player_t *asleep = awake == &stage->workers[0] ? &stage->workers[1] : &stage->workers[0];
    calls[1] = ask(stage);
    stage_settle(stage);
    if (!row->is_left) {
        jobs[1] = gets(asleep, calls[1]);
    } else if (row->concurrency > 1) {
        jobs[1] = gets(awake, calls[1]);
        gets_nothing(asleep);
    } else {
        stage_has(stage, 1, 1);
        gets_nothing(asleep);
    }
    finish(&jobs[0], TROUPE_OUTCOME_OK);
    if (!jobs[1]) {
        jobs[1] = gets(awake, calls[1]);
        gets_nothing(asleep);
    }
    finish(&jobs[1], TROUPE_OUTCOME_OK);
    expect_final(calls[0], TROUPE_OUTCOME_OK);
    expect_final(calls[1], TROUPE_OUTCOME_OK);
}

/* It is no help that it is awake: what is left to it waits as long as it takes. */
struct long_one {
    size_t concurrency;
};

static void one_that_is_long_at_it_is_given_no_more(void **state)
{
    stage_t *stage = *state;
    const struct long_one *row = stage->row;
    stage->spec.concurrency = row->concurrency;
    stage_open(stage, 2);
    do_some(stage, USUAL, 1);
    call_t *call = ask(stage);
    tr_job_t *job;
    player_t *busy = who_gets(stage, call, &job);
    stage_advance(stage, 5);
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_not_equal(do_some(stage, 1, 1), busy); /* at once, without the clock */
    }
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(call, TROUPE_OUTCOME_OK);
}

/* With two that sleep, the one that was given work last is given more. */
static void who_finished_in_an_earlier_turn_sleeps_again(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 2);
    do_some(stage, USUAL - 2, 1);
    call_t *calls[3] = {NULL};
    tr_job_t *jobs[3] = {NULL};
    player_t *given_to[3] = {NULL};
    for (size_t i = 0; i < 2; i++) {
        calls[i] = ask(stage);
        given_to[i] = who_gets(stage, calls[i], &jobs[i]);
        jobs[i]->pace_us = 1;
    }
    for (size_t i = 2; i-- > 0;) {
        finish(&jobs[i], TROUPE_OUTCOME_OK);
        stage_settle(stage);
    }
    calls[2] = ask(stage);
    given_to[2] = who_gets(stage, calls[2], &jobs[2]);
    assert_ptr_equal(given_to[2], given_to[1]);
    finish(&jobs[2], TROUPE_OUTCOME_OK);
    for (size_t i = 0; i < 3; i++) {
        expect_final(calls[i], TROUPE_OUTCOME_OK);
    }
}

/* And nobody has to remind the router. */
static void when_the_awake_one_stalls_the_others_are_woken(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 3);
    do_some(stage, USUAL, 1);
    call_t *calls[] = {ask(stage), NULL, NULL};
    tr_job_t *jobs[3] = {NULL, NULL, NULL};
    player_t *awake = who_gets(stage, calls[0], &jobs[0]);
    calls[1] = ask(stage);
    calls[2] = ask(stage);
    stage_has(stage, 2, 1);
    tr_clock_advance(TR_ROUSE_MOMENT_MS);
    for (size_t i = 0, n = 1; i < 3; i++) {
        if (&stage->workers[i] != awake) {
            jobs[n++] = gets(&stage->workers[i], NULL);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        finish(&jobs[i], TROUPE_OUTCOME_OK);
        expect_final(calls[i], TROUPE_OUTCOME_OK);
    }
}

static void a_crowd_is_too_much_for_one(void **state)
{
    stage_t *stage = *state;
    stage->spec.queue_limit = 100;
    stage_open(stage, 2);
    do_some(stage, USUAL, 1);
    call_t *first = ask(stage);
    tr_job_t *job;
    player_t *awake = who_gets(stage, first, &job);
    player_t *asleep = awake == &stage->workers[0] ? &stage->workers[1] : &stage->workers[0];
    for (size_t i = 0; i < 32; i++) {
        ask(stage);
    }
    stage_has(stage, 32, 1);
    gets_nothing(asleep);
    ask(stage);
    tr_job_t *other = gets(asleep, NULL);
    stage_has(stage, 32, 2);
    tr_job_release(&job);
    tr_job_release(&other);
}

static void what_is_left_to_the_awake_can_be_cancelled_and_expires(void **state)
{
    stage_t *stage = *state;
    stage_open(stage, 2);
    do_some(stage, USUAL, 1);
    call_t *first = ask(stage);
    tr_job_t *job;
    who_gets(stage, first, &job);
    call_t *cancelled = ask(stage);
    stage_cancel(stage, cancelled);
    expect_final(cancelled, TROUPE_OUTCOME_CANCELLED);
    stage_has(stage, 0, 1);
    finish(&job, TROUPE_OUTCOME_OK);
    expect_final(first, TROUPE_OUTCOME_OK);
    stage_has(stage, 0, 0);
}

static void when_the_awake_one_is_lost_the_others_take_over(void **state)
{
    stage_t *stage = *state;
    stage->spec.retry = 1;
    stage_open(stage, 2);
    do_some(stage, USUAL, 1);
    call_t *calls[] = {ask(stage), NULL};
    tr_job_t *lost;
    player_t *awake = who_gets(stage, calls[0], &lost);
    player_t *asleep = awake == &stage->workers[0] ? &stage->workers[1] : &stage->workers[0];
    calls[1] = ask(stage);
    stage_has(stage, 1, 1);
    stage_down(stage, awake);
    for (size_t i = 0; i < 2; i++) {
        tr_job_t *job = gets(asleep, calls[i]);
        finish(&job, TROUPE_OUTCOME_OK);
        expect_final(calls[i], TROUPE_OUTCOME_OK);
    }
    tr_job_release(&lost);
}

/* clang-format off */
#define TURN(name) cmocka_unit_test_setup_teardown(name, turns_begin, turns_end)
#define HABIT(title, ...) \
    { .name = title, .test_func = two_requests_wake_two_workers_or_one, \
      .setup_func = turns_begin, .teardown_func = turns_end, \
      .initial_state = &(struct habit){__VA_ARGS__} }
#define LONG_ONE(title, ...) \
    { .name = title, .test_func = one_that_is_long_at_it_is_given_no_more, \
      .setup_func = turns_begin, .teardown_func = turns_end, \
      .initial_state = &(struct long_one){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        TURN(a_newcomer_that_is_cancelled_in_the_same_turn_is_given_to_nobody),
        TURN(a_newcomer_that_others_follow_waits_with_them),
        TURN(each_is_handed_out_once),
        TURN(a_newcomer_does_not_pass_a_breaker_that_opens_behind_it),
        TURN(what_comes_in_the_turn_of_the_drain_is_new_or_it_is_not),
        TURN(a_newcomer_whose_worker_goes_in_the_same_turn_waits),
        TURN(a_router_that_stops_behind_a_newcomer_answers_it),
        TURN(a_newcomer_shares_its_run_with_the_next),
        HABIT("nothing is usual yet", TR_BALANCE_LEAST_PENDING, 4, USUAL - 1, 0, false),
        HABIT("short ones are left to who is awake", TR_BALANCE_LEAST_PENDING, 4, USUAL, 0,
              true),
        HABIT("they wait for who is awake and has no room", TR_BALANCE_LEAST_PENDING, 1, USUAL,
              0, true),
        HABIT("long ones get all workers", TR_BALANCE_LEAST_PENDING, 1, USUAL, 1, false),
        HABIT("so they do with room", TR_BALANCE_LEAST_PENDING, 4, USUAL, 1, false),
        HABIT("round robin means each in turn", TR_BALANCE_ROUND_ROBIN, 4, USUAL, 0, false),
        TURN(who_finished_in_an_earlier_turn_sleeps_again),
        LONG_ONE("one that is long at it, with room, is given no more", 4),
        LONG_ONE("one that is long at it, without room, is not waited for", 1),
        TURN(when_the_awake_one_stalls_the_others_are_woken),
        TURN(a_crowd_is_too_much_for_one),
        TURN(what_is_left_to_the_awake_can_be_cancelled_and_expires),
        TURN(when_the_awake_one_is_lost_the_others_take_over),
    };
    return cmocka_run_group_tests_name("capabilities/turns", tests, NULL, NULL) != 0;
}
