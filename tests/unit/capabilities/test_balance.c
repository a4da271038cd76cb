/* A pool is drawn as words, one a candidate, and the balance names one of them: who it is
 * decides whether surplus workers fall idle, and whether a worker that fails fast eats all the
 * requests. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <string.h>

#include "capabilities/balance.h"

#define MOST 8
#define NONE TR_BALANCE_NONE

/* Read a candidate from its word: "1/4@7" has 1 of 4 pending and was used by dispatch 7; "!"
 * behind it failed last, "x" is closed. */
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
                            .concurrency = concurrency,
                            .last_used = last_used};
}

struct choice {
    const char *pool;
    size_t chosen;
};

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
    assert_true(tr_balance_least_pending(pool, n) == choice->chosen);
    /* Who it is does not depend on the order. */
    for (size_t i = 0; i < n; i++) {
        pool[i] = &candidates[n - 1 - i];
    }
    assert_true(tr_balance_least_pending(pool, n) ==
                (choice->chosen == NONE ? NONE : n - 1 - choice->chosen));
}

static void nobody_is_chosen_from_nobody(void **state)
{
    (void)state;
    assert_true(tr_balance_least_pending(NULL, 0) == NONE);
}

/* Give `n_rounds` requests, `n_at_once` at a time, to three workers of one each; say who got
 * how many. */
static void spread(tr_candidate_t *candidates, size_t n_at_once, size_t n_rounds, size_t *got)
{
    tr_candidate_t *pool[] = {&candidates[0], &candidates[1], &candidates[2]};
    uint64_t dispatch = 0;
    for (size_t round = 0; round < n_rounds; round++) {
        for (size_t i = 0; i < n_at_once; i++) {
            size_t chosen = tr_balance_least_pending(pool, 3);
            assert_true(chosen < 3);
            candidates[chosen].n_pending++;
            candidates[chosen].last_used = ++dispatch;
            got[chosen]++;
        }
        for (size_t i = 0; i < 3; i++) {
            candidates[i].n_pending = 0;
        }
    }
}

static void surplus_workers_fall_idle(void **state)
{
    (void)state;
    tr_candidate_t candidates[3];
    assert_int_equal(draw("0/1@0 0/1@0 0/1@0", candidates), 3);
    size_t got[3] = {0};
    spread(candidates, 2, 100, got);
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
    spread(candidates, 2, 100, got);
    assert_int_equal(got[0], 0);
    spread(candidates, 3, 100, got);
    assert_int_equal(got[0], 100);
}

/* clang-format off */
#define CHOICE(title, ...) \
    { .name = title, .test_func = choice_is_made, \
      .initial_state = &(struct choice){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHOICE("the only one is chosen", "0/1@0", 0),
        CHOICE("one that never worked is as good as any", "1/2@5 0/2@0", 1),
        CHOICE("the fewest pending", "2/4@1 1/4@2 3/4@3", 1),
        CHOICE("pending counts, not the share of the concurrency", "2/100@1 1/2@2", 1),
        CHOICE("fewer pending goes before a failure", "1/4@9 0/4@1!", 1),
        CHOICE("and before a recent use", "1/4@9 0/4@1", 1),
        CHOICE("on a tie the most recently used", "1/4@3 1/4@8 1/4@5", 1),
        CHOICE("on a tie one that did not fail last", "0/4@9! 0/4@1 0/4@8!", 1),
        CHOICE("among those that failed, the most recently used", "0/4@3! 0/4@8! 0/4@5!", 1),
        CHOICE("one that failed last still goes before none", "1/1@3 0/1@1!", 1),

        CHOICE("all are full", "1/1@1 2/2@2", NONE),
        CHOICE("the only one with room", "1/1@1 3/4@2 2/2@3", 1),
        CHOICE("more than full is full", "5/4@1", NONE),
        CHOICE("a closed one gets nothing", "0/4@9x", NONE),
        CHOICE("not even when the others have more to do", "0/4@9x 3/4@1", 1),
        CHOICE("nor when they failed", "0/4@9x 0/4@1!", 1),
        CHOICE("all are closed or full", "0/1@1x 1/1@2 0/1@3!x", NONE),

        cmocka_unit_test(nobody_is_chosen_from_nobody),
        cmocka_unit_test(surplus_workers_fall_idle),
        cmocka_unit_test(a_worker_that_fails_fast_gets_only_what_others_cannot),
    };
    return cmocka_run_group_tests_name("capabilities/balance", tests, NULL, NULL) != 0;
}
