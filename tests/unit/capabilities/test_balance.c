/* A pool is drawn as words, one a candidate, and the balance names one of them: who it is
 * decides whether surplus workers fall idle, whether a worker that fails fast eats all the
 * requests, and whether a session finds the worker that knows it. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <string.h>

#include "capabilities/balance.h"

#define MOST 8
#define NONE TR_BALANCE_NONE

#define NO_KEY tr_span_of(NULL)

#define N_WORKERS 10
#define N_KEYS    10000

/* Read a candidate from its word: "1/4@7" has 1 of 4 pending and was used by dispatch 7; "!"
 * behind it failed last, "x" is closed. What is pending came one by one. */
static tr_candidate_t candidate_drawn_as(const char *word)
{
    size_t n_pending = 0;
    size_t concurrency = 0;
    unsigned last_used = 0;
    char marks[3] = "";
    if (sscanf(word, "%zu/%zu@%u%2s", &n_pending, &concurrency, &last_used, marks) < 3) {
        fail_msg("no candidate is drawn as '%s'", word);
    }
    return (tr_candidate_t){.is_open = !strchr(marks, 'x'),
                            .has_failed_last = strchr(marks, '!') != NULL,
                            .n_pending = n_pending,
                            .n_given = n_pending,
                            .concurrency = concurrency,
                            .last_used = last_used};
}

struct choice {
    tr_balance_policy_t policy;
    const char *pool;
    size_t chosen;
};

static size_t pick(tr_balance_policy_t policy, tr_candidate_t *const *pool, size_t n)
{
    tr_balance_t balance;
    tr_balance_init(&balance, policy, 1);
    return tr_balance_pick(&balance, pool, n, NO_KEY);
}

static size_t draw(const char *pool, tr_candidate_t *candidates)
{
    char words[128];
    snprintf(words, sizeof words, "%s", pool);
    size_t n = 0;
    char *rest = NULL;
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        assert_true(n < MOST);
        candidates[n++] = candidate_drawn_as(word);
    }
    return n;
}

static void choice_is_made(void **state)
{
    const struct choice *choice = *state;
    tr_candidate_t candidates[MOST];
    tr_candidate_t *pool[MOST];
    size_t n = draw(choice->pool, candidates);
    for (size_t i = 0; i < n; i++) {
        pool[i] = &candidates[i];
    }
    assert_true(pick(choice->policy, pool, n) == choice->chosen);
    /* Who it is does not depend on the order. */
    for (size_t i = 0; i < n; i++) {
        pool[i] = &candidates[n - 1 - i];
    }
    assert_true(pick(choice->policy, pool, n) ==
                (choice->chosen == NONE ? NONE : n - 1 - choice->chosen));
}

static const tr_balance_policy_t policies[] = {TR_BALANCE_LEAST_PENDING,
                                               TR_BALANCE_POWER_OF_TWO, TR_BALANCE_ROUND_ROBIN,
                                               TR_BALANCE_STICKY};

static void nobody_is_chosen_from_nobody(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        assert_true(pick(policies[i], NULL, 0) == NONE);
        tr_balance_t balance;
        tr_balance_init(&balance, policies[i], 1);
        assert_true(tr_balance_pick(&balance, NULL, 0, tr_span_of("key")) == NONE);
    }
}

/* Give requests in `n_rounds`, `n_at_once` at a time, to three workers; say who got how many.
 */
static void spread(tr_balance_policy_t policy, tr_candidate_t *candidates, size_t n_at_once,
                   size_t n_rounds, size_t *got)
{
    tr_candidate_t *pool[] = {&candidates[0], &candidates[1], &candidates[2]};
    uint64_t dispatch = 0;
    for (size_t round = 0; round < n_rounds; round++) {
        for (size_t i = 0; i < n_at_once; i++) {
            size_t chosen = pick(policy, pool, 3);
            assert_true(chosen < 3);
            candidates[chosen].n_pending++;
            candidates[chosen].n_given++;
            candidates[chosen].last_used = ++dispatch;
            got[chosen]++;
        }
        for (size_t i = 0; i < 3; i++) {
            candidates[i].n_pending = candidates[i].n_given = 0;
        }
    }
}

static void surplus_workers_fall_idle(void **state)
{
    (void)state;
    tr_candidate_t candidates[3];
    assert_int_equal(draw("0/1@0 0/1@0 0/1@0", candidates), 3);
    size_t got[3] = {0};
    spread(TR_BALANCE_LEAST_PENDING, candidates, 2, 100, got);
    size_t n_idle = 0;
    for (size_t i = 0; i < 3; i++) {
        n_idle += got[i] == 0;
        assert_true(got[i] == 0 || got[i] == 100);
    }
    assert_int_equal(n_idle, 1);
}

static void a_worker_that_fails_fast_gets_only_what_others_cannot(void **state)
{
    (void)state;
    tr_candidate_t candidates[3];
    assert_int_equal(draw("0/1@9! 0/1@0 0/1@0", candidates), 3);
    size_t got[3] = {0};
    spread(TR_BALANCE_LEAST_PENDING, candidates, 2, 100, got);
    assert_int_equal(got[0], 0);
    spread(TR_BALANCE_LEAST_PENDING, candidates, 3, 100, got);
    assert_int_equal(got[0], 100);
}

static void batches_fill_a_worker_and_requests_weigh(void **state)
{
    (void)state;
    tr_candidate_t one = {.is_open = true, .n_pending = 8, .n_given = 1, .concurrency = 2};
    tr_candidate_t other = {.is_open = true, .n_pending = 2, .n_given = 2, .concurrency = 2};
    tr_candidate_t *pool[] = {&one, &other};
    assert_true(pick(TR_BALANCE_LEAST_PENDING, pool, 2) == 0);
    other.n_given = 1;
    assert_true(pick(TR_BALANCE_LEAST_PENDING, pool, 2) == 1);
}

static void round_robin_gives_each_the_same(void **state)
{
    (void)state;
    tr_candidate_t candidates[3];
    assert_int_equal(draw("0/2@0 0/2@0! 0/2@0", candidates), 3);
    size_t got[3] = {0};
    spread(TR_BALANCE_ROUND_ROBIN, candidates, 2, 150, got);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(got[i], 100);
    }
}

static void two_that_are_drawn_are_never_the_same(void **state)
{
    (void)state;
    tr_candidate_t candidates[MOST];
    tr_candidate_t *pool[MOST];
    size_t n = draw("9/9@1 1/9@1 2/9@1 8/9@1 3/9@1 0/9@1x 4/9@1", candidates);
    for (size_t i = 0; i < n; i++) {
        pool[i] = &candidates[i];
    }
    tr_balance_t balance;
    tr_balance_init(&balance, TR_BALANCE_POWER_OF_TWO, 7);
    size_t got[MOST] = {0};
    for (size_t i = 0; i < 10000; i++) {
        got[tr_balance_pick(&balance, pool, n, NO_KEY)]++;
    }
    assert_int_equal(got[0], 0); /* full */
    assert_int_equal(got[3], 0); /* the worst of any two */
    assert_int_equal(got[5], 0); /* closed */
    /* Of the ten pairs there are, the best wins four, the next three, then two, and one. */
    assert_in_range(got[1], 3700, 4300);
    assert_in_range(got[2], 2700, 3300);
    assert_in_range(got[4], 1700, 2300);
    assert_in_range(got[6], 800, 1200);
}

static void dice_fall_as_they_are_seeded(void **state)
{
    (void)state;
    tr_candidate_t candidates[MOST];
    tr_candidate_t *pool[MOST];
    size_t n = draw("0/9@1 0/9@2 0/9@3 0/9@4 0/9@5", candidates);
    for (size_t i = 0; i < n; i++) {
        pool[i] = &candidates[i];
    }
    tr_balance_t one;
    tr_balance_t same;
    tr_balance_t other;
    tr_balance_init(&one, TR_BALANCE_POWER_OF_TWO, 7);
    tr_balance_init(&same, TR_BALANCE_POWER_OF_TWO, 7);
    tr_balance_init(&other, TR_BALANCE_POWER_OF_TWO, 8);
    size_t n_differ = 0;
    for (size_t i = 0; i < 100; i++) {
        size_t chosen = tr_balance_pick(&one, pool, n, NO_KEY);
        assert_true(chosen == tr_balance_pick(&same, pool, n, NO_KEY));
        n_differ += chosen != tr_balance_pick(&other, pool, n, NO_KEY);
    }
    assert_true(n_differ > 0);
}

/* The same numbers in every run. */
static uint64_t throw(uint64_t * seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void whatever_the_policy_one_with_room_is_found_if_there_is_one(void **state)
{
    (void)state;
    uint64_t seed = 20240229;
    tr_balance_t balances[sizeof policies / sizeof policies[0]];
    for (size_t k = 0; k < sizeof policies / sizeof policies[0]; k++) {
        tr_balance_init(&balances[k], policies[k], k);
    }
    for (size_t round = 0; round < 20000; round++) {
        tr_candidate_t candidates[MOST];
        tr_candidate_t *pool[MOST];
        size_t n = (size_t)(throw(&seed) % (MOST + 1));
        size_t n_free = 0;
        for (size_t i = 0; i < n; i++) {
            candidates[i] = (tr_candidate_t){.is_open = throw(&seed) % 2,
                                             .has_failed_last = throw(&seed) % 2,
                                             .n_pending = (size_t)(throw(&seed) % 4),
                                             .n_given = (size_t)(throw(&seed) % 3),
                                             .concurrency = (size_t)(throw(&seed) % 3) + 1,
                                             .last_used = throw(&seed) % 5,
                                             .identity = throw(&seed) % 3};
            n_free +=
                candidates[i].is_open && candidates[i].n_given < candidates[i].concurrency;
            pool[i] = &candidates[i];
        }
        tr_span_t key = {"abcdefgh", (size_t)(throw(&seed) % 9)};
        for (size_t k = 0; k < sizeof policies / sizeof policies[0]; k++) {
            size_t chosen = tr_balance_pick(&balances[k], pool, n, key);
            if (n_free == 0) {
                assert_true(chosen == NONE);
            } else {
                assert_true(chosen < n && candidates[chosen].is_open &&
                            candidates[chosen].n_given < candidates[chosen].concurrency);
            }
        }
    }
}

/* Ten workers of one pool, with room for one each. */
typedef struct team {
    tr_balance_t balance;
    tr_candidate_t candidates[N_WORKERS];
    tr_candidate_t *pool[N_WORKERS];
} team_t;

static void set_up(team_t *self)
{
    tr_balance_init(&self->balance, TR_BALANCE_STICKY, 1);
    for (size_t i = 0; i < N_WORKERS; i++) {
        char name[32];
        snprintf(name, sizeof name, "chat-%zu", i + 1);
        self->candidates[i] = (tr_candidate_t){
            .is_open = true, .concurrency = 1, .identity = tr_balance_identity(name)};
        self->pool[i] = &self->candidates[i];
    }
}

/* Who of the first `n` gets the key of that number. */
static size_t worker_of(team_t *self, size_t n, size_t number)
{
    char key[32];
    snprintf(key, sizeof key, "session-%zu", number);
    size_t chosen = tr_balance_pick(&self->balance, self->pool, n, tr_span_of(key));
    assert_true(chosen < n);
    return chosen;
}

static void keys_spread_evenly(void **state)
{
    (void)state;
    team_t team;
    set_up(&team);
    for (size_t n = 2; n <= N_WORKERS; n++) {
        size_t got[N_WORKERS] = {0};
        for (size_t key = 0; key < N_KEYS; key++) {
            got[worker_of(&team, n, key)]++;
        }
        for (size_t i = 0; i < n; i++) {
            assert_in_range(got[i], N_KEYS / n * 85 / 100, N_KEYS / n * 115 / 100);
        }
    }
}

static void a_key_stays_whatever_else_happens(void **state)
{
    (void)state;
    team_t team;
    set_up(&team);
    size_t before = worker_of(&team, N_WORKERS, 1);
    for (size_t i = 0; i < N_WORKERS; i++) {
        team.candidates[i].concurrency = 10;
        team.candidates[i].n_given = team.candidates[i].n_pending = i == before ? 9 : 0;
        team.candidates[i].has_failed_last = i == before;
        team.candidates[i].last_used = i == before ? 0 : i + 1;
    }
    assert_true(worker_of(&team, N_WORKERS, 1) == before);
    tr_candidate_t *moved = team.pool[before];
    team.pool[before] = team.pool[0];
    team.pool[0] = moved;
    assert_true(worker_of(&team, N_WORKERS, 1) == 0);
}

/* One worker is not there for a while: only its keys move, to all others, and when it is back
 * they are where they were. */
static void who_leaves_moves_only_its_own_keys(void **state)
{
    (void)state;
    static size_t before[N_KEYS];
    team_t team;
    set_up(&team);
    for (size_t key = 0; key < N_KEYS; key++) {
        before[key] = worker_of(&team, N_WORKERS, key);
    }
    team.candidates[3].is_open = false;
    size_t got[N_WORKERS] = {0};
    for (size_t key = 0; key < N_KEYS; key++) {
        size_t now = worker_of(&team, N_WORKERS, key);
        if (before[key] == 3) {
            got[now]++;
        } else {
            assert_true(now == before[key]);
        }
    }
    for (size_t i = 0; i < N_WORKERS; i++) {
        assert_in_range(got[i], i == 3 ? 0 : 60, i == 3 ? 0 : 170);
    }
    team.candidates[3] = (tr_candidate_t){
        .is_open = true, .concurrency = 1, .identity = tr_balance_identity("chat-4")};
    for (size_t key = 0; key < N_KEYS; key++) {
        assert_true(worker_of(&team, N_WORKERS, key) == before[key]);
    }
}

static void who_comes_takes_keys_and_moves_no_others(void **state)
{
    (void)state;
    team_t team;
    set_up(&team);
    size_t n_moved = 0;
    for (size_t key = 0; key < N_KEYS; key++) {
        size_t before = worker_of(&team, N_WORKERS - 1, key);
        size_t now = worker_of(&team, N_WORKERS, key);
        assert_true(now == before || now == N_WORKERS - 1);
        n_moved += now != before;
    }
    assert_in_range(n_moved, 850, 1150);
}

static void keys_of_a_full_worker_spill_to_the_least_pending(void **state)
{
    (void)state;
    team_t team;
    set_up(&team);
    size_t home = worker_of(&team, N_WORKERS, 1);
    size_t least = (home + 3) % N_WORKERS;
    for (size_t i = 0; i < N_WORKERS; i++) {
        team.candidates[i].concurrency = 4;
        team.candidates[i].n_given = team.candidates[i].n_pending = i == least ? 1 : 2;
    }
    assert_true(worker_of(&team, N_WORKERS, 1) == home);
    team.candidates[home].n_given = 4;
    assert_true(worker_of(&team, N_WORKERS, 1) == least);
    team.candidates[home].n_given = 3;
    assert_true(worker_of(&team, N_WORKERS, 1) == home);
}

/* clang-format off */
#define CHOICE(policy, title, ...) \
    { .name = title, .test_func = choice_is_made, \
      .initial_state = &(struct choice){TR_BALANCE_##policy, __VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHOICE(LEAST_PENDING, "the only one is chosen", "0/1@0", 0),
        CHOICE(LEAST_PENDING, "one that never worked is as good as any", "1/2@5 0/2@0", 1),
        CHOICE(LEAST_PENDING, "the fewest pending", "2/4@1 1/4@2 3/4@3", 1),
        CHOICE(LEAST_PENDING, "pending counts, not the share of the concurrency",
               "2/100@1 1/2@2", 1),
        CHOICE(LEAST_PENDING, "fewer pending goes before a failure", "1/4@9 0/4@1!", 1),
        CHOICE(LEAST_PENDING, "and before a recent use", "1/4@9 0/4@1", 1),
        CHOICE(LEAST_PENDING, "on a tie the most recently used", "1/4@3 1/4@8 1/4@5", 1),
        CHOICE(LEAST_PENDING, "on a tie one that did not fail last", "0/4@9! 0/4@1 0/4@8!", 1),
        CHOICE(LEAST_PENDING, "among those that failed, the most recently used",
               "0/4@3! 0/4@8! 0/4@5!", 1),
        CHOICE(LEAST_PENDING, "one that failed last still goes before none", "1/1@3 0/1@1!", 1),

        CHOICE(LEAST_PENDING, "all are full", "1/1@1 2/2@2", NONE),
        CHOICE(LEAST_PENDING, "the only one with room", "1/1@1 3/4@2 2/2@3", 1),
        CHOICE(LEAST_PENDING, "more than full is full", "5/4@1", NONE),
        CHOICE(LEAST_PENDING, "a closed one gets nothing", "0/4@9x", NONE),
        CHOICE(LEAST_PENDING, "not even when the others have more to do", "0/4@9x 3/4@1", 1),
        CHOICE(LEAST_PENDING, "nor when they failed", "0/4@9x 0/4@1!", 1),
        CHOICE(LEAST_PENDING, "all are closed or full", "0/1@1x 1/1@2 0/1@3!x", NONE),

        CHOICE(POWER_OF_TWO, "of two the one with fewer pending", "3/4@9 2/4@1", 1),
        CHOICE(POWER_OF_TWO, "of two alike the most recently used", "2/4@1 2/4@9", 1),
        CHOICE(POWER_OF_TWO, "of two alike one that did not fail", "2/4@9! 2/4@1", 1),
        CHOICE(POWER_OF_TWO, "the only free one of many",
               "4/4@1 0/4@2x 4/4@3 3/4@4! 4/4@5 1/4@6x", 3),
        CHOICE(POWER_OF_TWO, "nobody of many", "4/4@1 0/4@2x 4/4@3", NONE),

        CHOICE(ROUND_ROBIN, "the one used longest ago", "0/4@3 2/4@1! 0/4@2", 1),
        CHOICE(ROUND_ROBIN, "one that never worked first", "0/4@3 0/4@0 0/4@2", 1),
        CHOICE(ROUND_ROBIN, "who is full loses its turn", "4/4@1 0/4@2 0/4@3", 1),
        CHOICE(ROUND_ROBIN, "so does who is closed", "0/4@1x 0/4@2 0/4@3", 1),
        CHOICE(ROUND_ROBIN, "nobody's turn", "1/1@1 0/4@2x", NONE),

        CHOICE(STICKY, "without a key the fewest pending", "2/4@1 1/4@2 3/4@3", 1),

        cmocka_unit_test(nobody_is_chosen_from_nobody),
        cmocka_unit_test(surplus_workers_fall_idle),
        cmocka_unit_test(a_worker_that_fails_fast_gets_only_what_others_cannot),
        cmocka_unit_test(batches_fill_a_worker_and_requests_weigh),
        cmocka_unit_test(round_robin_gives_each_the_same),
        cmocka_unit_test(two_that_are_drawn_are_never_the_same),
        cmocka_unit_test(dice_fall_as_they_are_seeded),
        cmocka_unit_test(whatever_the_policy_one_with_room_is_found_if_there_is_one),

        cmocka_unit_test(keys_spread_evenly),
        cmocka_unit_test(a_key_stays_whatever_else_happens),
        cmocka_unit_test(who_leaves_moves_only_its_own_keys),
        cmocka_unit_test(who_comes_takes_keys_and_moves_no_others),
        cmocka_unit_test(keys_of_a_full_worker_spill_to_the_least_pending),
    };
    return cmocka_run_group_tests_name("capabilities/balance", tests, NULL, NULL) != 0;
}
