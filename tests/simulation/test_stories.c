/* Seeded stories over what supervisors decide: children come up, fall, take their time, and are
 * told to stop, in any order, for a thousand supervisors of every strategy. The world around
 * the pure files is played here, so a bad week takes a millisecond and can be told again from
 * its seed: TROUPE_SEED=N plays one story alone.
 *
 * What must hold: no child lives twice; whoever starts in turn finds those before it up; stops
 * go from the last to the first; a story that nobody disturbs any more settles with every
 * wanted child up, or, once the supervisor gives up, with every child down.
 */

#include <stdio.h>
#include <stdlib.h>

#include "tests/kit/check.h"

#include "base/clock.h"
#include "supervisors/backoff.h"
#include "supervisors/intensity.h"
#include "supervisors/strategy.h"

#define N_STORIES   1000
#define N_EVENTS    200
#define MOST        8
#define SETTLE_MOST 100000

typedef struct child {
    tr_backoff_t backoff;
    int n_lives; /* actors that exist at this moment */
    int64_t up_since_ms;
} child_t;

typedef struct world {
    uint64_t seed;
    uint64_t dice;
    tr_strategy_t strategy;
    size_t n;
    tr_child_view_t views[MOST];
    child_t children[MOST];
    tr_intensity_t *intensity;
    int64_t now_ms;
    bool is_stopping;
} world_t;

static uint64_t roll(world_t *world, uint64_t sides)
{
    world->dice ^= world->dice << 13;
    world->dice ^= world->dice >> 7;
    world->dice ^= world->dice << 17;
    return world->dice % sides;
}

#define must(world, condition)                                                                 \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fail_msg("TROUPE_SEED=%llu at %lld ms, %s: not %s",                                \
                     (unsigned long long)(world)->seed, (long long)(world)->now_ms,            \
                     tr_strategy_name((world)->strategy), #condition);                         \
        }                                                                                      \
    } while (0)

/* ---- what the supervisor does, as supervisor.c does it ---- */

static void give_up(world_t *world)
{
    world->is_stopping = true;
    for (size_t i = 0; i < world->n; i++) {
        world->views[i].is_wanted = false;
        world->views[i].must_stop = true;
        world->views[i].is_in_turn = true;
    }
}

static bool is_going_in_turn(const world_t *world, size_t i)
{
    const tr_child_view_t *view = &world->views[i];
    return view->is_in_turn && view->must_stop && view->phase != TR_CHILD_DOWN;
}

static void start(world_t *world, size_t i)
{
    tr_child_view_t *view = &world->views[i];
    must(world, view->phase == TR_CHILD_DOWN && view->is_wanted);
    must(world, world->children[i].n_lives == 0);
    must(world, view->start_at_ms <= world->now_ms);
    for (size_t k = 0; view->is_in_turn && k < i; k++) {
        must(world, !world->views[k].is_wanted || world->views[k].phase == TR_CHILD_UP);
    }
    for (size_t k = 0; view->is_in_turn && k < world->n; k++) {
        must(world, !is_going_in_turn(world, k));
    }
    view->phase = TR_CHILD_STARTING;
    world->children[i].n_lives++;
}

static void stop(world_t *world, size_t i)
{
    must(world, world->views[i].must_stop && world->children[i].n_lives == 1);
    bool is_ordered = world->views[i].is_in_turn && world->strategy != TR_SIMPLE_ONE_FOR_ONE;
    for (size_t k = i + 1; is_ordered && k < world->n; k++) {
        must(world, !is_going_in_turn(world, k));
    }
    world->views[i].phase = TR_CHILD_STOPPING;
}

static void act(world_t *world)
{
    for (int n = 0;; n++) {
        must(world, n < 1000);
        tr_step_t step =
            tr_strategy_next(world->strategy, world->views, world->n, world->now_ms);
        if (step.kind == TR_STEP_NOTHING) {
            must(world, step.at_ms > world->now_ms);
            return;
        }
        if (step.kind == TR_STEP_START) {
            start(world, step.child);
        } else {
            stop(world, step.child);
        }
    }
}

static void fall(world_t *world, size_t i)
{
    tr_child_view_t *view = &world->views[i];
    bool was_told = view->phase == TR_CHILD_STOPPING;
    view->phase = TR_CHILD_DOWN;
    view->must_stop = false;
    world->children[i].n_lives--;
    if (was_told || world->is_stopping) {
        return;
    }
    if (tr_intensity_admit(world->intensity, world->now_ms) != TROUPE_OK) {
        give_up(world);
        return;
    }
    int64_t delay_ms = tr_backoff_next_ms(&world->children[i].backoff,
                                          world->now_ms - world->children[i].up_since_ms,
                                          (uint32_t)roll(world, UINT32_MAX));
    must(world, delay_ms >= 0 && delay_ms <= world->children[i].backoff.max_ms);
    view->start_at_ms = tr_clock_after(world->now_ms, delay_ms);
    size_t first, end;
    tr_strategy_affected(world->strategy, world->n, i, &first, &end);
    must(world, first <= i && i < end && end <= world->n);
    for (size_t k = first; end - first > 1 && k < end; k++) {
        world->views[k].must_stop = world->views[k].phase != TR_CHILD_DOWN;
        world->views[k].is_in_turn = true;
    }
}

/* ---- what the world does ---- */

static void happen(world_t *world)
{
    size_t i = (size_t)roll(world, world->n);
    tr_child_view_t *view = &world->views[i];
    world->now_ms += (int64_t)roll(world, 50);
    switch (view->phase) {
    case TR_CHILD_STARTING:
        if (roll(world, 4) == 0) {
            fall(world, i);
        } else {
            view->phase = TR_CHILD_UP;
            view->is_in_turn = false;
            world->children[i].up_since_ms = world->now_ms;
        }
        break;
    case TR_CHILD_UP:
        if (roll(world, 8) == 0) {
            fall(world, i);
        } else if (roll(world, 20) == 0) { /* told to go, alone */
            view->must_stop = true;
            view->is_in_turn = false;
            view->is_wanted = false;
        }
        break;
    case TR_CHILD_STOPPING:
        fall(world, i);
        break;
    case TR_CHILD_DOWN:
        if (!view->is_wanted && !world->is_stopping) { /* told to come back, alone */
            view->is_wanted = true;
            view->is_in_turn = false;
            view->start_at_ms = 0;
        }
        break;
    }
}

/* From here on nothing fails by itself: everybody does what is asked of them. */
static void settle(world_t *world)
{
    for (int n = 0; n < SETTLE_MOST; n++) {
        bool is_settled = true;
        for (size_t i = 0; i < world->n; i++) {
            tr_child_view_t *view = &world->views[i];
            if (view->phase == TR_CHILD_STARTING) {
                view->phase = TR_CHILD_UP;
                view->is_in_turn = false;
            } else if (view->phase == TR_CHILD_STOPPING) {
                fall(world, i);
            }
            is_settled = is_settled && (view->is_wanted ? view->phase == TR_CHILD_UP
                                                        : view->phase == TR_CHILD_DOWN);
        }
        if (is_settled) {
            return;
        }
        world->now_ms += 10;
        act(world);
    }
    bool has_settled = false;
    must(world, has_settled);
}

static void play(uint64_t seed)
{
    world_t world = {.seed = seed, .dice = seed * UINT64_C(0x9E3779B97F4A7C15) | 1};
    world.strategy = (tr_strategy_t)roll(&world, 4);
    world.n = 1 + (size_t)roll(&world, MOST);
    world.intensity =
        tr_intensity_new((size_t)roll(&world, 40), 1 + (int64_t)roll(&world, 5000));
    assert_non_null(world.intensity);
    for (size_t i = 0; i < world.n; i++) {
        world.views[i] = (tr_child_view_t){
            .is_wanted = true, .is_in_turn = world.strategy != TR_SIMPLE_ONE_FOR_ONE};
        tr_backoff_init(&world.children[i].backoff, 1 + (int64_t)roll(&world, 50), 1000);
    }
    for (int n = 0; n < N_EVENTS; n++) {
        act(&world);
        happen(&world);
    }
    act(&world);
    settle(&world);
    give_up(&world);
    act(&world);
    settle(&world);
    for (size_t i = 0; i < world.n; i++) {
        must(&world, world.children[i].n_lives == 0);
    }
    tr_intensity_destroy(&world.intensity);
}

static void every_story_keeps_the_rules(void **state)
{
    (void)state;
    const char *one = getenv("TROUPE_SEED");
    if (one) {
        play(strtoull(one, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= N_STORIES; seed++) {
        play(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_story_keeps_the_rules),
    };
    return cmocka_run_group_tests_name("simulation/stories", tests, NULL, NULL) != 0;
}
