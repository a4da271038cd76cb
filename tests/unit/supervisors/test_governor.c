/* The governor is real, and so are the papers; pools and routers are mailboxes of the test,
 * which says what is said in their names. The clock stands still, so that a test says how long
 * who has waited; the governor is nudged after each move.
 */

#include "tests/kit/check.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/report.h"
#include "base/clock.h"
#include "base/log.h"
#include "supervisors/governor.h"

#define PATIENCE_MS  10000
#define NOW_MS       1000000
#define A_TURN       256 /* letters that an actor reads between two turns at most */
#define RESIDENCY_MS 300
#define N_POOLS      3
#define MOST_HELD    16
#define GPU          (TR_MEMORY + 1)
#define UNIT         (UINT64_C(1) << 40)

/* A worker that a pool has started with its grant. */
typedef struct held {
    tr_grant_t *grant; /* NULL: gone */
    uint64_t incarnation;
    tr_pulse_t *pulse;
    int64_t up_since_ms;
    int64_t last_used_ms;
    bool is_busy;
    bool is_leaving;
    bool is_unlisted; /* it starts, or stops: its router does not know it */
} held_t;

typedef struct pool {
    char name[2];
    size_t min;
    bool is_pinned;
    tr_mailbox_t *mailbox;
    tr_mailbox_t *router;
    held_t held[MOST_HELD];
    size_t n_held;
} pool_t;

typedef struct scene {
    tr_runtime_t *runtime;
    tr_mailbox_t *parent;
    tr_governor_spec_t spec;
    tr_actor_t *governor;
    pool_t pools[N_POOLS];
} scene_t;

static tr_mailbox_t *mailbox_called(const char *name)
{
    tr_mailbox_t *mailbox = tr_mailbox_new(name, 1, (tr_mailbox_limits_t){10000, 1 << 28});
    assert_non_null(mailbox);
    return mailbox;
}

static tr_letter_t *wait_for_next(tr_mailbox_t *mailbox)
{
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(mailbox, NULL)) == NULL) {
        if (tr_mailbox_park(mailbox)) {
            struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
            int n_rung = poll(&bell, 1, PATIENCE_MS);
            tr_mailbox_unpark(mailbox);
            if (n_rung == 0) {
                fail_msg("nothing came to %s", tr_mailbox_name(mailbox));
            }
        }
    }
    return letter;
}

static pool_t *pool_called(scene_t *scene, char name)
{
    return &scene->pools[name - 'a'];
}

/* ---- the scene ---- */

static int set_up(void **state)
{
    scene_t *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    tr_log_set_level(TR_LOG_OFF);
    tr_clock_hold(NOW_MS);
    scene->runtime = tr_runtime_new("test");
    assert_non_null(scene->runtime);
    scene->parent = mailbox_called("parent");
    scene->spec = (tr_governor_spec_t){
        .limits = {{700 * UNIT}}, .names = {"memory"}, .residency_ms = RESIDENCY_MS};
    for (size_t i = 0; i < N_POOLS; i++) {
        pool_t *pool = &scene->pools[i];
        pool->name[0] = (char)('a' + i);
        pool->mailbox = mailbox_called(pool->name);
        pool->router = mailbox_called(pool->name);
        assert_status(tr_directory_register(scene->runtime->directory, TR_NAMES_CAPABILITY,
                                            pool->name, pool->router),
                      TROUPE_OK);
    }
    *state = scene;
    return 0;
}

static void close_and_release(tr_mailbox_t **mailbox_p)
{
    if (*mailbox_p) {
        tr_mailbox_close(*mailbox_p);
        tr_mailbox_release(mailbox_p);
    }
}

static int tear_down(void **state)
{
    scene_t *scene = *state;
    if (scene->governor) {
        tr_actor_ask_to_stop(scene->governor, tr_reason_of(TROUPE_REASON_SHUTDOWN));
        if (tr_actor_reap(&scene->governor, PATIENCE_MS) != TROUPE_OK) {
            return -1;
        }
    }
    for (size_t i = 0; i < N_POOLS; i++) {
        pool_t *pool = &scene->pools[i];
        for (size_t k = 0; k < pool->n_held; k++) {
            tr_grant_return(&pool->held[k].grant);
            tr_pulse_release(&pool->held[k].pulse);
        }
        close_and_release(&pool->mailbox);
        close_and_release(&pool->router);
    }
    close_and_release(&scene->parent);
    tr_runtime_release(&scene->runtime);
    tr_clock_release();
    free(scene);
    return 0;
}

static void open_budget(scene_t *scene)
{
    assert_status(tr_governor_start(&(tr_birth_t){.what = &scene->spec,
                                                  .name = TR_NAME_GOVERNOR,
                                                  .runtime = scene->runtime,
                                                  .parent = scene->parent},
                                    &scene->governor),
                  TROUPE_OK);
    tr_letter_t *letter = wait_for_next(scene->parent);
    assert_int_equal(tr_control_in(letter)->word, TR_WORD_STARTED);
    tr_letter_destroy(&letter);
}

/* It has taken all that was said to it, and has had a turn since. */
static void settle(scene_t *scene)
{
    for (size_t i = 0; i < A_TURN; i++) {
        tr_control_say(scene->governor->mailbox, TR_WORD_FINE, 0);
    }
    tr_control_say(scene->governor->mailbox, TR_WORD_PING, 0);
    tr_letter_t *letter = wait_for_next(scene->parent);
    assert_int_equal(tr_control_in(letter)->word, TR_WORD_PONG);
    tr_letter_destroy(&letter);
}

static void pass(scene_t *scene, int64_t ms)
{
    tr_clock_advance(ms);
    settle(scene);
}

static int64_t charged(scene_t *scene)
{
    settle(scene);
    int64_t bytes = atomic_load(&scene->runtime->memory.charged_bytes);
    assert_true(bytes % (int64_t)UNIT == 0);
    return bytes / (int64_t)UNIT;
}

/* ---- pools ---- */

typedef struct wish {
    uint64_t memory;
    uint64_t gpus;
    bool is_beyond_min;
    bool is_not_first;
    bool wants_all_room;
} wish_t;

/* The pool asks; the number of its paper. */
static uint64_t ask(scene_t *scene, char name, wish_t wish)
{
    pool_t *pool = pool_called(scene, name);
    tr_grant_t *grant = tr_grant_new(tr_runtime_next_grant(scene->runtime),
                                     scene->governor->mailbox, pool->mailbox);
    assert_non_null(grant);
    uint64_t number = grant->number;
    grant->amount.of[TR_MEMORY] = wish.memory * UNIT;
    grant->amount.of[GPU] = wish.gpus;
    grant->is_beyond_min = wish.is_beyond_min;
    grant->is_first = !wish.is_not_first;
    grant->wants_all_room = wish.wants_all_room;
    grant->is_pinned = pool->is_pinned;
    grant->min_workers = pool->min;
    snprintf(grant->capability, sizeof grant->capability, "%s", pool->name);
    snprintf(grant->worker, sizeof grant->worker, "%s/%llu", pool->name,
             (unsigned long long)number);
    assert_status(tr_grant_ask(&grant), TROUPE_OK);
    settle(scene);
    return number;
}

#define wants(...) ((wish_t){__VA_ARGS__})

/* What the pool has got, which must be this paper. */
static tr_grant_t *take(scene_t *scene, char name, uint64_t number)
{
    tr_letter_t *letter = wait_for_next(pool_called(scene, name)->mailbox);
    tr_grant_t *grant = tr_grant_in(letter);
    assert_non_null(grant);
    assert_true(grant->number == number);
    return grant;
}

static void has_nothing(scene_t *scene, char name)
{
    settle(scene);
    assert_null(tr_mailbox_next(pool_called(scene, name)->mailbox, NULL));
}

/* The pool has been given it, and starts a worker, which is up. */
static held_t *starts(scene_t *scene, char name, uint64_t number)
{
    pool_t *pool = pool_called(scene, name);
    tr_grant_t *grant = take(scene, name, number);
    if (grant->state != TR_GRANT_GIVEN) {
        fail_msg("%s was refused: %s", pool->name, grant->reason.text);
    }
    assert_true(pool->n_held < MOST_HELD);
    held_t *held = &pool->held[pool->n_held++];
    *held = (held_t){.grant = grant,
                     .incarnation = tr_runtime_next_incarnation(scene->runtime),
                     .pulse = tr_pulse_new(),
                     .up_since_ms = tr_clock_now_ms(),
                     .last_used_ms = tr_clock_now_ms()};
    tr_control_t *word = tr_control_new(TR_WORD_HOLDS, held->incarnation);
    assert_non_null(word);
    word->number = number;
    word->pulse = tr_pulse_share(held->pulse);
    tr_control_send(word, scene->governor->mailbox);
    return held;
}

static held_t *starts_at_once(scene_t *scene, char name, uint64_t memory)
{
    return starts(scene, name, ask(scene, name, wants(.memory = memory)));
}

static void is_refused(scene_t *scene, char name, uint64_t number, const char *part)
{
    tr_grant_t *grant = take(scene, name, number);
    assert_int_equal(grant->state, TR_GRANT_REFUSED);
    assert_true(grant->reason.is_out_of_memory);
    if (!strstr(grant->reason.text, part)) {
        fail_msg("\"%s\" does not say \"%s\"", grant->reason.text, part);
    }
    tr_grant_destroy(&grant);
}

/* Its thread is gone. */
static void goes(scene_t *scene, held_t *held)
{
    tr_grant_return(&held->grant);
    settle(scene);
}

static void withdraws(scene_t *scene, uint64_t number)
{
    tr_control_t *word = tr_control_new(TR_WORD_WITHDRAW, 0);
    assert_non_null(word);
    word->number = number;
    tr_control_send(word, scene->governor->mailbox);
    settle(scene);
}

/* ---- routers ---- */

static void answer(scene_t *scene, pool_t *pool, const tr_control_t *question)
{
    size_t n = 0, n_staying = 0;
    tr_residents_t *answer = tr_residents_new(question->number, pool->name, MOST_HELD);
    assert_non_null(answer);
    for (size_t i = 0; i < pool->n_held; i++) {
        const held_t *held = &pool->held[i];
        if (held->grant && !held->is_unlisted) {
            answer->all[n++] = (tr_resident_t){.incarnation = held->incarnation,
                                               .n_pending = held->is_busy,
                                               .up_since_ms = held->up_since_ms,
                                               .last_used_ms = held->last_used_ms,
                                               .is_leaving = held->is_leaving};
            n_staying += !held->is_leaving;
        }
    }
    answer->n = n;
    answer->n_spare = n_staying > pool->min ? n_staying - pool->min : 0;
    tr_residents_send(answer, question->mailbox);
    (void)scene;
}

static held_t *held_of(pool_t *pool, uint64_t incarnation)
{
    for (size_t i = 0; i < pool->n_held; i++) {
        if (pool->held[i].incarnation == incarnation) {
            return &pool->held[i];
        }
    }
    fail_msg("%s has no worker %llu", pool->name, (unsigned long long)incarnation);
    return NULL;
}

/* All routers answer what they are asked; who was told to yield is written down, pool by pool:
 * its letter, an ! when it is to go even if it is busy. It is leaving from then on. */
static void routers_answer(scene_t *scene, char *yields)
{
    bool is_anything = true;
    char told[N_POOLS][16] = {""};
    while (is_anything) {
        is_anything = false;
        settle(scene);
        for (size_t i = 0; i < N_POOLS; i++) {
            pool_t *pool = &scene->pools[i];
            tr_letter_t *letter;
            while ((letter = tr_mailbox_next(pool->router, NULL)) != NULL) {
                const tr_control_t *word = tr_control_in(letter);
                assert_non_null(word);
                is_anything = true;
                if (word->word == TR_WORD_WHO_IS_THERE) {
                    answer(scene, pool, word);
                } else if (word->word == TR_WORD_YIELD) {
                    held_of(pool, word->incarnation)->is_leaving = true;
                    assert_true(strlen(told[i]) < 8);
                    strcat(strcat(told[i], pool->name), word->number ? "!" : "");
                }
                tr_letter_destroy(&letter);
            }
        }
    }
    yields[0] = '\0';
    for (size_t i = 0; i < N_POOLS; i++) {
        strcat(yields, told[i]);
    }
}

static void yield(scene_t *scene, const char *want)
{
    char got[64];
    routers_answer(scene, got);
    assert_string_equal(got, want);
}

static void does_not_yield(scene_t *scene, held_t *held)
{
    held->is_leaving = false;
    tr_control_say(scene->governor->mailbox, TR_WORD_NOT_YIELDED, held->incarnation);
    settle(scene);
}

/* ---- stories: what fits ---- */

static void what_fits_is_given_and_charged_until_it_comes_home(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    assert_true(atomic_load(&scene->runtime->memory.budget_bytes) == (int64_t)(700 * UNIT));
    held_t *one = starts_at_once(scene, 'a', 400);
    held_t *other = starts_at_once(scene, 'b', 300);
    assert_true(charged(scene) == 700);
    goes(scene, one);
    assert_true(charged(scene) == 300);
    goes(scene, other);
    assert_true(charged(scene) == 0);
}

static void nothing_needed_is_given_whatever_is_charged(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    starts_at_once(scene, 'a', 700);
    starts_at_once(scene, 'b', 0);
}

static void without_a_budget_all_is_given(void **state)
{
    scene_t *scene = *state;
    scene->spec.limits.of[TR_MEMORY] = UINT64_MAX;
    open_budget(scene);
    assert_true(atomic_load(&scene->runtime->memory.budget_bytes) == -1);
    starts_at_once(scene, 'a', UINT64_MAX / UNIT / 2);
    starts_at_once(scene, 'b', UINT64_MAX / UNIT / 2);
    assert_int_equal(atomic_load(&scene->runtime->memory.pressure), TR_PRESSURE_LOW);
}

/* ---- stories: room ---- */

static void an_idle_one_gives_way(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 400);
    pass(scene, RESIDENCY_MS);
    uint64_t number = ask(scene, 'b', wants(.memory = 400));
    yield(scene, "a");
    has_nothing(scene, 'b');
    goes(scene, one);
    starts(scene, 'b', number);
    assert_true(charged(scene) == 400);
}

static void the_least_recently_used_gives_way(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 300);
    held_t *other = starts_at_once(scene, 'b', 300);
    pass(scene, RESIDENCY_MS);
    one->last_used_ms += 500;
    uint64_t number = ask(scene, 'c', wants(.memory = 300));
    yield(scene, "b");
    goes(scene, other);
    starts(scene, 'c', number);
}

static void a_new_one_stays_for_its_residency(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    starts_at_once(scene, 'a', 400);
    pass(scene, RESIDENCY_MS - 1);
    ask(scene, 'b', wants(.memory = 400));
    yield(scene, "");
    pass(scene, 1);
    yield(scene, "a");
}

static void one_that_took_longer_to_start_stays_for_that(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 400);
    pass(scene, 500);
    one->up_since_ms = NOW_MS + 500;
    one->last_used_ms = one->up_since_ms;
    pass(scene, 499);
    ask(scene, 'b', wants(.memory = 400));
    yield(scene, "");
    pass(scene, 1);
    yield(scene, "a");
}

static void a_busy_one_finishes_first_when_one_has_waited_long(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 400);
    one->is_busy = true;
    pass(scene, RESIDENCY_MS);
    uint64_t number = ask(scene, 'b', wants(.memory = 400));
    yield(scene, "");
    pass(scene, RESIDENCY_MS);
    yield(scene, "");
    pass(scene, 200);
    yield(scene, "a!");
    goes(scene, one);
    starts(scene, 'b', number);
}

static void who_does_not_yield_is_asked_again_later(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 400);
    pass(scene, RESIDENCY_MS);
    ask(scene, 'b', wants(.memory = 400));
    yield(scene, "a");
    does_not_yield(scene, one);
    yield(scene, ""); /* not at once, or the two would talk without end */
    pass(scene, 200);
    yield(scene, "a");
}

static void no_room_is_kept_when_nobody_makes_any(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 400);
    pass(scene, RESIDENCY_MS);
    ask(scene, 'b', wants(.memory = 400));
    yield(scene, "a");
    uint64_t number = ask(scene, 'c', wants(.memory = 300));
    has_nothing(scene, 'c');
    one->is_busy = true;
    does_not_yield(scene, one);
    starts(scene, 'c', number);
}

/* Its word was lost, or its pool would not let it go: its router says that it stays. */
static void who_was_asked_to_go_and_stays_is_asked_again(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 400);
    pass(scene, RESIDENCY_MS);
    ask(scene, 'b', wants(.memory = 400));
    yield(scene, "a");
    one->is_leaving = false;
    pass(scene, 200);
    yield(scene, ""); /* the word may still be under way */
    pass(scene, 1000);
    yield(scene, "a!");
}

static void the_room_that_was_made_is_kept_for_whom_it_was_made(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 300);
    held_t *other = starts_at_once(scene, 'c', 200);
    pass(scene, RESIDENCY_MS);
    uint64_t number = ask(scene, 'b', wants(.memory = 700));
    yield(scene, "ac");
    goes(scene, one);
    uint64_t again = ask(scene, 'a', wants(.memory = 300)); /* it would fit */
    yield(scene, "");
    has_nothing(scene, 'a');
    goes(scene, other);
    held_t *last = starts(scene, 'b', number);
    has_nothing(scene, 'a');
    goes(scene, last);
    starts(scene, 'a', again);
}

static void a_small_one_passes_a_big_one_until_that_has_waited_long(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 400);
    one->is_busy = true;
    uint64_t big = ask(scene, 'b', wants(.memory = 700));
    held_t *small = starts_at_once(scene, 'c', 100);
    pass(scene, RESIDENCY_MS / 2);
    one->up_since_ms = tr_clock_now_ms(); /* not to be asked yet */
    pass(scene, RESIDENCY_MS / 2 + 1);
    small->is_busy = true;
    uint64_t late = ask(scene, 'c', wants(.memory = 100, .is_not_first = true));
    yield(scene, "");
    has_nothing(scene, 'c'); /* there is room, but not for it */
    goes(scene, one);
    has_nothing(scene, 'c');
    goes(scene, small);
    goes(scene, starts(scene, 'b', big));
    starts(scene, 'c', late);
}

static void a_router_that_does_not_answer_is_not_waited_for(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 300);
    starts_at_once(scene, 'c', 300);
    pass(scene, RESIDENCY_MS);
    uint64_t number = ask(scene, 'b', wants(.memory = 300));
    tr_letter_t *question = wait_for_next(pool_called(scene, 'c')->router);
    yield(scene, ""); /* only one of two has answered */
    pass(scene, 500);
    yield(scene, "a!"); /* by now it has waited long */
    goes(scene, one);
    starts(scene, 'b', number);
    answer(scene, pool_called(scene, 'c'), tr_control_in(question)); /* too late */
    tr_letter_destroy(&question);
    settle(scene);
}

/* ---- stories: no room ---- */

static void what_is_larger_than_the_budget_is_refused(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    is_refused(scene, 'a', ask(scene, 'a', wants(.memory = 701)), "the budget is 700 TiB");
    assert_true(charged(scene) == 0);
}

static void what_only_the_pinned_could_give_is_refused(void **state)
{
    scene_t *scene = *state;
    pool_called(scene, 'a')->is_pinned = true;
    open_budget(scene);
    starts_at_once(scene, 'a', 400);
    pass(scene, RESIDENCY_MS);
    uint64_t number = ask(scene, 'b', wants(.memory = 400));
    yield(scene, "");
    is_refused(scene, 'b', number, "400 TiB with workers that do not give way");
    starts_at_once(scene, 'b', 300);
}

static void what_only_the_least_could_give_is_refused(void **state)
{
    scene_t *scene = *state;
    pool_called(scene, 'a')->min = 1;
    open_budget(scene);
    starts_at_once(scene, 'a', 400);
    pass(scene, RESIDENCY_MS);
    uint64_t number = ask(scene, 'b', wants(.memory = 400));
    yield(scene, "");
    is_refused(scene, 'b', number, "do not give way");
}

static void what_only_a_pools_own_could_give_is_refused(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    starts_at_once(scene, 'a', 400);
    pass(scene, RESIDENCY_MS);
    uint64_t number =
        ask(scene, 'a', wants(.memory = 400, .is_beyond_min = true, .is_not_first = true));
    yield(scene, "");
    is_refused(scene, 'a', number, "do not give way");
}

/* It is on its way out, and what it holds will be there in a moment. */
static void one_of_its_own_that_leaves_is_waited_for(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 400);
    one->is_leaving = true;
    uint64_t number = ask(scene, 'a', wants(.memory = 400));
    yield(scene, "");
    has_nothing(scene, 'a');
    one->is_unlisted = true; /* stopping: its router has forgotten it */
    pass(scene, 200);
    yield(scene, "");
    has_nothing(scene, 'a');
    goes(scene, one);
    starts(scene, 'a', number);
}

static void what_only_a_hung_thread_could_give_is_refused(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 400);
    one->is_unlisted = true;
    atomic_store(&one->pulse->is_abandoned, 1);
    uint64_t number = ask(scene, 'b', wants(.memory = 400));
    yield(scene, "");
    is_refused(scene, 'b', number, "do not give way");
    goes(scene, one); /* and when it has ended, it is as before */
    starts_at_once(scene, 'b', 400);
}

/* ---- stories: asks that end early ---- */

static void one_that_is_withdrawn_is_not_granted(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 400);
    uint64_t number = ask(scene, 'b', wants(.memory = 400));
    withdraws(scene, number);
    goes(scene, one);
    has_nothing(scene, 'b');
    assert_true(charged(scene) == 0);
}

static void withdrawing_crosses_granting(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    uint64_t number = ask(scene, 'a', wants(.memory = 400));
    withdraws(scene, number); /* it is in the pool's mailbox already */
    assert_true(charged(scene) == 400);
    tr_grant_t *grant = take(scene, 'a', number);
    tr_grant_return(&grant);
    assert_true(charged(scene) == 0);
}

static void a_pool_that_is_gone_is_granted_nothing(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 400);
    ask(scene, 'b', wants(.memory = 400));
    tr_mailbox_close(pool_called(scene, 'b')->mailbox);
    pass(scene, RESIDENCY_MS + 1);
    goes(scene, starts_at_once(scene, 'c', 300)); /* no room is kept for it either */
    goes(scene, one);
    assert_true(charged(scene) == 0);
    uint64_t number = ask(scene, 'b', wants(.memory = 400)); /* posted at its very end */
    (void)number;
    assert_true(charged(scene) == 0);
}

static void papers_outlive_the_governor(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 400);
    ask(scene, 'b', wants(.memory = 400));
    tr_actor_ask_to_stop(scene->governor, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    assert_status(tr_actor_reap(&scene->governor, PATIENCE_MS), TROUPE_OK);
    tr_grant_return(&one->grant);
    assert_null(one->grant);
    assert_null(tr_mailbox_next(pool_called(scene, 'b')->mailbox, NULL));
}

/* ---- stories: what is measured ---- */

static void what_is_measured_is_charged_when_it_is_more(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 100);
    atomic_store(&one->pulse->memory_bytes, 50 * (int64_t)UNIT);
    pass(scene, 1000);
    assert_true(charged(scene) == 100);
    atomic_store(&one->pulse->memory_bytes, 250 * (int64_t)UNIT);
    pass(scene, 1000);
    assert_true(charged(scene) == 250);
    atomic_store(&one->pulse->memory_bytes, 120 * (int64_t)UNIT);
    pass(scene, 1000);
    assert_true(charged(scene) == 120);
    goes(scene, one);
    assert_true(charged(scene) == 0);
}

static void above_the_budget_idle_ones_go_at_once(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 300);
    held_t *other = starts_at_once(scene, 'b', 200);
    held_t *third = starts_at_once(scene, 'c', 200);
    pass(scene, RESIDENCY_MS);
    other->last_used_ms = tr_clock_now_ms() + 995;
    third->last_used_ms = tr_clock_now_ms() + 990;
    atomic_store(&one->pulse->memory_bytes, 600 * (int64_t)UNIT);
    one->is_busy = true;
    pass(scene, 1000);
    assert_true(charged(scene) == 1000);
    yield(scene, "bc"); /* neither was idle for long, and one of them is not enough */
}

static bool begin_stub(tr_self_t *self, const void *arg)
{
    (void)self;
    (void)arg;
    return true;
}

static void drop(tr_self_t *self, tr_letter_t *letter)
{
    (void)self;
    tr_letter_destroy(&letter);
}

static void end_stub(tr_self_t *self)
{
    (void)self;
}

static const tr_actor_class_t stub_class = {
    .kind = "stub", .begin = begin_stub, .receive = drop, .end = end_stub};

/* Its supervisor is gone, and nobody hears that its thread has ended. */
static void what_hung_and_has_ended_is_found_within_a_second(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 400);
    tr_mailbox_t *nobody = mailbox_called("nobody");
    tr_actor_t *actor = NULL;
    assert_status(tr_actor_start(&(tr_actor_setup_t){.class = &stub_class,
                                                     .name = "stub",
                                                     .runtime = scene->runtime,
                                                     .parent = nobody,
                                                     .limits = {100, 100000}},
                                 &actor),
                  TROUPE_OK);
    actor->grant = one->grant;
    one->grant = NULL;
    tr_actor_ask_to_stop(actor, tr_reason_of(TROUPE_REASON_HUNG));
    tr_quarantine_accept(scene->runtime->quarantine, &actor);
    for (size_t i = 0; charged(scene) > 0; i++) {
        assert_true(i < 10000);
        pass(scene, 1000);
    }
    close_and_release(&nobody);
}

static void pressure_follows_what_is_charged(void **state)
{
    scene_t *scene = *state;
    scene->spec.limits.of[TR_MEMORY] = 100 * UNIT;
    open_budget(scene);
    const struct {
        uint64_t share;
        tr_pressure_t pressure;
    } steps[] = {{49, TR_PRESSURE_LOW},  {51, TR_PRESSURE_NORMAL}, {69, TR_PRESSURE_NORMAL},
                 {71, TR_PRESSURE_HIGH}, {84, TR_PRESSURE_HIGH},   {86, TR_PRESSURE_CRITICAL}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        held_t *one = starts_at_once(scene, 'a', steps[i].share);
        settle(scene);
        assert_int_equal(atomic_load(&scene->runtime->memory.pressure), steps[i].pressure);
        goes(scene, one);
    }
    assert_int_equal(atomic_load(&scene->runtime->memory.pressure), TR_PRESSURE_LOW);
}

static void at_high_pressure_idle_ones_go_one_by_one(void **state)
{
    scene_t *scene = *state;
    scene->spec.limits.of[TR_MEMORY] = 100 * UNIT;
    open_budget(scene);
    starts_at_once(scene, 'a', 25);
    held_t *other = starts_at_once(scene, 'b', 25);
    held_t *third = starts_at_once(scene, 'c', 25);
    third->last_used_ms += 100;
    other->last_used_ms += 50;
    pass(scene, 1000);
    yield(scene, "a");
    pass(scene, 999);
    yield(scene, "");
    pass(scene, 1);
    yield(scene, "b"); /* the first has not gone yet, and it is still high */
}

static void at_critical_pressure_no_pool_grows_beyond_its_least(void **state)
{
    scene_t *scene = *state;
    scene->spec.limits.of[TR_MEMORY] = 100 * UNIT;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 86);
    one->is_busy = true;
    uint64_t more =
        ask(scene, 'b', wants(.memory = 12, .is_beyond_min = true, .is_not_first = true));
    has_nothing(scene, 'b');
    starts(scene, 'b', ask(scene, 'b', wants(.memory = 1, .is_beyond_min = true)));
    starts(scene, 'b', ask(scene, 'b', wants(.memory = 1, .is_not_first = true)));
    pass(scene, 2 * RESIDENCY_MS);
    yield(scene, "");              /* nobody goes for it either */
    starts_at_once(scene, 'c', 5); /* nor is room kept for it */
    goes(scene, one);
    starts(scene, 'b', more);
}

/* ---- stories: out of memory ---- */

static void who_ran_out_of_memory_is_charged_more_the_next_time(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 400);
    one->grant->was_out_of_memory = true;
    goes(scene, one);
    one = starts_at_once(scene, 'a', 400);
    assert_true(charged(scene) == 500);
    atomic_store(&one->pulse->memory_bytes, 600 * (int64_t)UNIT);
    pass(scene, 1000);
    one->grant->was_out_of_memory = true;
    goes(scene, one);
    one = starts_at_once(scene, 'a', 400);
    assert_true(charged(scene) == 700); /* not 750, of which there never is so much */
    goes(scene, one);
    starts_at_once(scene, 'b', 400); /* others are not meant */
    assert_true(charged(scene) == 400);
}

static void a_failed_load_has_all_that_is_idle_go_first(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 100); /* new, and there is room beside it */
    uint64_t number = ask(scene, 'b', wants(.memory = 400, .wants_all_room = true));
    yield(scene, "a");
    has_nothing(scene, 'b');
    goes(scene, one);
    starts(scene, 'b', number);
    /* once */
    uint64_t again = ask(scene, 'c', wants(.memory = 100, .wants_all_room = true));
    held_t *still = &pool_called(scene, 'b')->held[0];
    yield(scene, "b");
    does_not_yield(scene, still);
    starts(scene, 'c', again);
}

/* ---- stories: resources, and other limits ---- */

static void a_resource_with_a_name_is_given_as_memory_is(void **state)
{
    scene_t *scene = *state;
    scene->spec.limits.of[GPU] = 1;
    scene->spec.names[GPU] = "gpu";
    open_budget(scene);
    held_t *one = starts(scene, 'a', ask(scene, 'a', wants(.memory = 100, .gpus = 1)));
    starts_at_once(scene, 'c', 100);
    pass(scene, RESIDENCY_MS);
    uint64_t number = ask(scene, 'b', wants(.gpus = 1));
    yield(scene, "a"); /* and not c, which has none */
    goes(scene, one);
    starts(scene, 'b', number);
    is_refused(scene, 'c', ask(scene, 'c', wants(.gpus = 2)), "it needs 2 gpu");
}

static void respec(scene_t *scene, const tr_governor_spec_t *spec)
{
    tr_control_t *word = tr_control_new(TR_WORD_RESPEC, 0);
    assert_non_null(word);
    word->what = spec;
    tr_control_send(word, scene->governor->mailbox);
    settle(scene);
}

static void a_larger_budget_lets_in_who_waits(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 400);
    one->is_busy = true;
    uint64_t number = ask(scene, 'b', wants(.memory = 400));
    tr_governor_spec_t next = scene->spec;
    next.limits.of[TR_MEMORY] = 800 * UNIT;
    respec(scene, &next);
    starts(scene, 'b', number);
    assert_true(atomic_load(&scene->runtime->memory.budget_bytes) == (int64_t)(800 * UNIT));
}

static void a_smaller_budget_takes_nothing_from_the_busy(void **state)
{
    scene_t *scene = *state;
    open_budget(scene);
    held_t *one = starts_at_once(scene, 'a', 400);
    held_t *other = starts_at_once(scene, 'b', 300);
    pass(scene, RESIDENCY_MS);
    one->is_busy = true;
    tr_governor_spec_t next = scene->spec;
    next.limits.of[TR_MEMORY] = 500 * UNIT;
    respec(scene, &next);
    assert_true(charged(scene) == 700);
    pass(scene, 1000);
    yield(scene, "b");
    goes(scene, other);
    assert_true(charged(scene) == 400);
}

static void resources_are_known_by_their_names(void **state)
{
    scene_t *scene = *state;
    scene->spec.limits.of[1] = 1;
    scene->spec.names[1] = "gpu";
    scene->spec.limits.of[2] = 4;
    scene->spec.names[2] = "port";
    open_budget(scene);
    held_t *one = starts(scene, 'a', ask(scene, 'a', wants(.gpus = 1)));
    one->is_busy = true;
    tr_governor_spec_t next = scene->spec;
    next.names[1] = "port";
    next.limits.of[1] = 4;
    next.names[2] = "gpu";
    next.limits.of[2] = 1;
    respec(scene, &next);
    starts(scene, 'b', ask(scene, 'b', wants(.gpus = 4))); /* of ports, now */
    goes(scene, one);
    settle(scene);
}

#define story(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(what_fits_is_given_and_charged_until_it_comes_home),
        story(nothing_needed_is_given_whatever_is_charged),
        story(without_a_budget_all_is_given),
        story(an_idle_one_gives_way),
        story(the_least_recently_used_gives_way),
        story(a_new_one_stays_for_its_residency),
        story(one_that_took_longer_to_start_stays_for_that),
        story(a_busy_one_finishes_first_when_one_has_waited_long),
        story(who_does_not_yield_is_asked_again_later),
        story(no_room_is_kept_when_nobody_makes_any),
        story(who_was_asked_to_go_and_stays_is_asked_again),
        story(the_room_that_was_made_is_kept_for_whom_it_was_made),
        story(a_small_one_passes_a_big_one_until_that_has_waited_long),
        story(a_router_that_does_not_answer_is_not_waited_for),
        story(what_is_larger_than_the_budget_is_refused),
        story(what_only_the_pinned_could_give_is_refused),
        story(what_only_the_least_could_give_is_refused),
        story(what_only_a_pools_own_could_give_is_refused),
        story(one_of_its_own_that_leaves_is_waited_for),
        story(what_only_a_hung_thread_could_give_is_refused),
        story(one_that_is_withdrawn_is_not_granted),
        story(withdrawing_crosses_granting),
        story(a_pool_that_is_gone_is_granted_nothing),
        story(papers_outlive_the_governor),
        story(what_is_measured_is_charged_when_it_is_more),
        story(above_the_budget_idle_ones_go_at_once),
        story(what_hung_and_has_ended_is_found_within_a_second),
        story(pressure_follows_what_is_charged),
        story(at_high_pressure_idle_ones_go_one_by_one),
        story(at_critical_pressure_no_pool_grows_beyond_its_least),
        story(who_ran_out_of_memory_is_charged_more_the_next_time),
        story(a_failed_load_has_all_that_is_idle_go_first),
        story(a_resource_with_a_name_is_given_as_memory_is),
        story(a_larger_budget_lets_in_who_waits),
        story(a_smaller_budget_takes_nothing_from_the_busy),
        story(resources_are_known_by_their_names),
    };
    return cmocka_run_group_tests_name("supervisors/governor", tests, NULL, NULL) != 0;
}
