/* Who gives way. It is 10000 ms; each worker is a letter, and a row says what is known of it
 * and who is chosen. All hold 100 of memory and have stayed long enough unless it says
 * otherwise.
 */

#include "tests/kit/check.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "supervisors/victim.h"

#define NOW  10000
#define MOST 6

typedef struct worker {
    const char *name; /* NULL: the end */
    size_t house;
    int64_t idle_ms;
    int64_t up_ms;        /* 0: 5000 */
    int64_t residency_ms; /* 0: 1000 */
    int64_t cost;         /* 0: 1 */
    uint64_t memory;      /* 0: 100; 1: none */
    uint64_t gpus;
    bool is_busy;
    bool is_leaving;
} worker_t;

struct row {
    worker_t workers[MOST];
    tr_house_t houses[3];
    uint64_t memory; /* that is short */
    uint64_t gpus;
    tr_mercy_t mercy;
    size_t own; /* 0: nobody's */
    const char *chosen;
    bool is_enough;
    int64_t again_at_ms; /* 0: never */
};

static tr_occupant_t occupant_of(const worker_t *worker)
{
    tr_occupant_t occupant = {
        .house = worker->house,
        .up_since_ms = NOW - (worker->up_ms ? worker->up_ms : 5000),
        .last_used_ms = NOW - worker->idle_ms,
        .residency_ms = worker->residency_ms ? worker->residency_ms : 1000,
        .evict_cost = worker->cost ? worker->cost : 1,
        .is_busy = worker->is_busy,
        .is_leaving = worker->is_leaving,
        .what = (void *)worker->name, /* only read */
    };
    occupant.held.of[TR_MEMORY] = worker->memory == 0   ? 100
                                  : worker->memory == 1 ? 0
                                                        : worker->memory;
    occupant.held.of[TR_MEMORY + 1] = worker->gpus;
    return occupant;
}

static tr_census_t census_of(const struct row *row, tr_occupant_t *occupants,
                             tr_house_t *houses)
{
    tr_census_t census = {.occupants = occupants, .houses = houses, .n_houses = 3};
    memcpy(houses, row->houses, sizeof row->houses);
    while (census.n < MOST && row->workers[census.n].name) {
        occupants[census.n] = occupant_of(&row->workers[census.n]);
        census.n++;
    }
    tr_census_sort(&census);
    return census;
}

/* The names of those for which it is so, in the order of the alphabet. */
static void names_of(const tr_census_t *census, char *out)
{
    size_t n = 0;
    for (char name = 'a'; name <= 'z'; name++) {
        for (size_t i = 0; i < census->n; i++) {
            const tr_occupant_t *one = &census->occupants[i];
            if (one->is_chosen && *(const char *)one->what == name) {
                out[n++] = name;
            }
        }
    }
    out[n] = '\0';
}

static void row_holds(void **state)
{
    const struct row *row = *state;
    tr_occupant_t occupants[MOST];
    tr_house_t houses[3];
    tr_census_t census = census_of(row, occupants, houses);
    tr_amounts_t shortage = {{row->memory, row->gpus}};
    int64_t again_at_ms = 0;
    size_t own = row->own ? row->own : TR_NO_HOUSE;
    bool is_enough = tr_census_choose(&census, &shortage, own, row->mercy, NOW, &again_at_ms);
    char chosen[MOST + 1];
    names_of(&census, chosen);
    assert_string_equal(chosen, row->chosen);
    assert_int_equal(is_enough, row->is_enough);
    assert_true(again_at_ms == (row->again_at_ms ? row->again_at_ms : TR_NEVER));
    size_t n_spare = 0;
    for (size_t i = 0; i < 3; i++) {
        n_spare += row->houses[i].n_spare - houses[i].n_spare;
    }
    assert_int_equal(n_spare, strlen(chosen));
}

/* Of the same shortage others are chosen when some have been chosen before. */
static void who_was_chosen_is_not_chosen_for_another(void **state)
{
    (void)state;
    const struct row row = {
        .workers = {{.name = "a", .idle_ms = 300}, {.name = "b", .idle_ms = 200}},
        .houses = {{.n_spare = 2}},
    };
    tr_occupant_t occupants[MOST];
    tr_house_t houses[3];
    tr_census_t census = census_of(&row, occupants, houses);
    const tr_amounts_t shortage = {{100}};
    int64_t again_at_ms;
    char chosen[MOST + 1];
    for (const char *want = "ab"; *want; want++) {
        assert_true(tr_census_choose(&census, &shortage, TR_NO_HOUSE, TR_SPARE_BUSY, NOW,
                                     &again_at_ms));
        names_of(&census, chosen);
        assert_int_equal(strlen(chosen), 1);
        assert_int_equal(chosen[0], *want);
        for (size_t i = 0; i < census.n; i++) { /* as the governor does */
            census.occupants[i].is_leaving |= census.occupants[i].is_chosen;
        }
    }
    assert_false(
        tr_census_choose(&census, &shortage, TR_NO_HOUSE, TR_SPARE_BUSY, NOW, &again_at_ms));
}

/* ---- under pressure ---- */

struct relief {
    worker_t workers[MOST];
    tr_house_t houses[3];
    int64_t idle_ms;
    const char *order; /* who goes, one after another */
};

static void relief_holds(void **state)
{
    const struct relief *relief = *state;
    struct row row = {.memory = 0};
    memcpy(row.workers, relief->workers, sizeof row.workers);
    memcpy(row.houses, relief->houses, sizeof row.houses);
    tr_occupant_t occupants[MOST];
    tr_house_t houses[3];
    tr_census_t census = census_of(&row, occupants, houses);
    char order[MOST + 1] = {0};
    tr_occupant_t *next;
    while ((next = tr_census_choose_one(&census, relief->idle_ms, NOW)) != NULL) {
        assert_true(strlen(order) < MOST);
        assert_true(next->is_leaving);
        order[strlen(order)] = *(const char *)next->what;
    }
    assert_string_equal(order, relief->order);
}

/* ---- what stays ---- */

struct stay {
    worker_t workers[MOST];
    tr_house_t houses[3];
    size_t own; /* 0: none of these */
    uint64_t memory;
};

static void stay_holds(void **state)
{
    const struct stay *stay = *state;
    struct row row = {.memory = 0};
    memcpy(row.workers, stay->workers, sizeof row.workers);
    memcpy(row.houses, stay->houses, sizeof row.houses);
    tr_occupant_t occupants[MOST];
    tr_house_t houses[3];
    tr_census_t census = census_of(&row, occupants, houses);
    tr_amounts_t fixed = tr_census_fixed(&census, stay->own ? stay->own : TR_NO_HOUSE);
    assert_int_equal(fixed.of[TR_MEMORY], stay->memory);
}

/* ---- amounts ---- */

static void amounts_do_not_overflow(void **state)
{
    (void)state;
    tr_amounts_t sum = {{UINT64_MAX - 1, 5}};
    const tr_amounts_t more = {{3, 3}};
    tr_amounts_add(&sum, &more);
    assert_true(sum.of[0] == UINT64_MAX && sum.of[1] == 8);
    const tr_amounts_t much = {{7, 100}};
    tr_amounts_take(&sum, &much);
    assert_true(sum.of[0] == UINT64_MAX - 7 && sum.of[1] == 0);
}

/* clang-format off */
#define ROW(title, ...) \
    { .name = title, .test_func = row_holds, .initial_state = &(struct row){__VA_ARGS__} }
#define RELIEF(title, ...) \
    { .name = title, .test_func = relief_holds, .initial_state = &(struct relief){__VA_ARGS__} }
#define STAY(title, ...) \
    { .name = title, .test_func = stay_holds, .initial_state = &(struct stay){__VA_ARGS__} }
#define WORKERS(...) .workers = {__VA_ARGS__}
#define SPARE(...)   .houses = {__VA_ARGS__}
#define W(letter, ...) {.name = letter, __VA_ARGS__}
#define H(n, ...)      {.n_spare = n, __VA_ARGS__}
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW("nothing short, nobody goes", WORKERS(W("a", .idle_ms = 900)),
            SPARE({.n_spare = 1}), .chosen = "", .is_enough = true),
        ROW("the one that was not used for longest goes",
            WORKERS(W("a", .idle_ms = 300), W("b", .idle_ms = 900), W("c", .idle_ms = 600)),
            SPARE({.n_spare = 3}), .memory = 100, .chosen = "b", .is_enough = true),
        ROW("as many as it takes, and no more",
            WORKERS(W("a", .idle_ms = 300), W("b", .idle_ms = 900), W("c", .idle_ms = 600)),
            SPARE({.n_spare = 3}), .memory = 101, .chosen = "bc", .is_enough = true),
        ROW("nobody if all would not be enough",
            WORKERS(W("a", .idle_ms = 300), W("b", .idle_ms = 900)), SPARE({.n_spare = 2}),
            .memory = 201, .chosen = "", .is_enough = false),
        ROW("one that is small goes although a later one would do alone",
            WORKERS(W("a", .idle_ms = 900, .memory = 10), W("b", .idle_ms = 300)),
            SPARE({.n_spare = 2}), .memory = 100, .chosen = "ab", .is_enough = true),
        ROW("one that holds nothing of what is short stays",
            WORKERS(W("a", .idle_ms = 900, .memory = 1, .gpus = 1), W("b", .idle_ms = 300)),
            SPARE({.n_spare = 2}), .memory = 100, .chosen = "b", .is_enough = true),
        ROW("a resource with a name is as good as memory",
            WORKERS(W("a", .idle_ms = 900), W("b", .idle_ms = 300, .gpus = 1)),
            SPARE({.n_spare = 2}), .gpus = 1, .chosen = "b", .is_enough = true),
        ROW("both may be short, and one worker help with both",
            WORKERS(W("a", .idle_ms = 900, .gpus = 1), W("b", .idle_ms = 300)),
            SPARE({.n_spare = 2}), .memory = 100, .gpus = 1, .chosen = "a", .is_enough = true),

        ROW("a busy one does not go", WORKERS(W("a", .is_busy = true)), SPARE({.n_spare = 1}),
            .memory = 100, .chosen = "", .is_enough = false),
        ROW("one that goes already is not asked", WORKERS(W("a", .is_leaving = true)),
            SPARE({.n_spare = 1}), .memory = 100, .chosen = "", .is_enough = false),
        ROW("a pinned one does not go", WORKERS(W("a", .idle_ms = 900)),
            SPARE(H(1, .is_pinned = true)), .memory = 100, .chosen = "", .is_enough = false),
        ROW("nor one of the house that asks", WORKERS(W("a", .house = 1, .idle_ms = 900)),
            SPARE({.n_spare = 1}, {.n_spare = 1}), .own = 1, .memory = 100, .chosen = "",
            .is_enough = false),
        ROW("each pool keeps its least",
            WORKERS(W("a", .idle_ms = 900), W("b", .idle_ms = 800),
                    W("c", .house = 1, .idle_ms = 300)),
            SPARE({.n_spare = 1}, {.n_spare = 1}), .memory = 200, .chosen = "ac",
            .is_enough = true),
        ROW("even if that is not enough",
            WORKERS(W("a", .idle_ms = 900), W("b", .idle_ms = 800)), SPARE({.n_spare = 1}),
            .memory = 200, .chosen = "", .is_enough = false),

        ROW("one that is new stays, and it is said when it may go",
            WORKERS(W("a", .idle_ms = 900, .up_ms = 950), W("b", .idle_ms = 300)),
            SPARE({.n_spare = 2}), .memory = 100, .chosen = "b", .is_enough = true,
            .again_at_ms = NOW + 50),
        ROW("to the millisecond", WORKERS(W("a", .idle_ms = 900, .up_ms = 999)),
            SPARE({.n_spare = 1}), .memory = 100, .chosen = "", .is_enough = false,
            .again_at_ms = NOW + 1),
        ROW("and no longer", WORKERS(W("a", .idle_ms = 900, .up_ms = 1000)),
            SPARE({.n_spare = 1}), .memory = 100, .chosen = "a", .is_enough = true),
        ROW("one that took long to start may stay longer",
            WORKERS(W("a", .idle_ms = 900, .residency_ms = 6000)), SPARE({.n_spare = 1}),
            .memory = 100, .chosen = "", .is_enough = false, .again_at_ms = NOW + 1000),
        ROW("the new one of a pinned pool is not waited for",
            WORKERS(W("a", .idle_ms = 900, .up_ms = 950)), SPARE(H(1, .is_pinned = true)),
            .memory = 100, .chosen = "", .is_enough = false),

        ROW("one that is dear to start goes as one used later",
            WORKERS(W("a", .idle_ms = 900, .cost = 10), W("b", .idle_ms = 100)),
            SPARE({.n_spare = 2}), .memory = 100, .chosen = "b", .is_enough = true),
        ROW("but not for ever",
            WORKERS(W("a", .idle_ms = 1010, .cost = 10), W("b", .idle_ms = 100)),
            SPARE({.n_spare = 2}), .memory = 100, .chosen = "a", .is_enough = true),
        ROW("of two used at one time the older one goes",
            WORKERS(W("a", .idle_ms = 900, .up_ms = 4000), W("b", .idle_ms = 900)),
            SPARE({.n_spare = 2}), .memory = 100, .chosen = "b", .is_enough = true),

        ROW("one that has waited long lets busy ones finish and go", .mercy = TR_SPARE_NEW,
            WORKERS(W("a", .is_busy = true)), SPARE({.n_spare = 1}), .memory = 100,
            .chosen = "a", .is_enough = true),
        ROW("behind all that are idle", .mercy = TR_SPARE_NEW,
            WORKERS(W("a", .is_busy = true), W("b", .idle_ms = 1)), SPARE({.n_spare = 2}),
            .memory = 100, .chosen = "b", .is_enough = true),
        ROW("of the busy the one that is up for longest", .mercy = TR_SPARE_NEW,
            WORKERS(W("a", .is_busy = true), W("b", .is_busy = true, .up_ms = 6000)),
            SPARE({.n_spare = 2}), .memory = 100, .chosen = "b", .is_enough = true),
        ROW("none that is new", .mercy = TR_SPARE_NEW,
            WORKERS(W("a", .is_busy = true, .up_ms = 900)), SPARE({.n_spare = 1}),
            .memory = 100, .chosen = "", .is_enough = false, .again_at_ms = NOW + 100),
        ROW("none of a pool's least", .mercy = TR_SPARE_NEW, WORKERS(W("a", .is_busy = true)),
            SPARE({.n_spare = 0}), .memory = 100, .chosen = "", .is_enough = false),

        ROW("when a start failed for want of memory all idle ones go",
            .mercy = TR_SPARE_NONE_IDLE,
            WORKERS(W("a", .idle_ms = 900), W("b", .idle_ms = 5, .up_ms = 10),
                    W("c", .is_busy = true), W("d", .house = 1, .idle_ms = 9)),
            SPARE({.n_spare = 3}, {.n_spare = 1}), .memory = 100, .chosen = "abd",
            .is_enough = true, .again_at_ms = NOW + 990),
        ROW("even if they are not enough", .mercy = TR_SPARE_NONE_IDLE,
            WORKERS(W("a", .idle_ms = 900)), SPARE({.n_spare = 1}), .memory = 500,
            .chosen = "a", .is_enough = false),
        ROW("but those that are pinned or needed", .mercy = TR_SPARE_NONE_IDLE,
            WORKERS(W("a", .idle_ms = 900), W("b", .house = 1, .idle_ms = 900)),
            SPARE(H(1, .is_pinned = true), {.n_spare = 0}), .memory = 100, .chosen = "",
            .is_enough = false),

        cmocka_unit_test(who_was_chosen_is_not_chosen_for_another),

        RELIEF("under pressure they go one by one, least recently used first", .idle_ms = 500,
               WORKERS(W("a", .idle_ms = 600), W("b", .house = 1, .idle_ms = 900)),
               SPARE({.n_spare = 1}, {.n_spare = 1}), .order = "ba"),
        RELIEF("who was used a moment ago stays", .idle_ms = 1000,
               WORKERS(W("a", .idle_ms = 999), W("b", .idle_ms = 1000)), SPARE({.n_spare = 2}),
               .order = "b"),
        RELIEF("so do the busy, the new, the pinned, the needed, and who holds no memory",
               .idle_ms = 0,
               WORKERS(W("a", .is_busy = true), W("b", .idle_ms = 900, .up_ms = 900),
                       W("c", .house = 1, .idle_ms = 900), W("d", .house = 2, .idle_ms = 900),
                       W("e", .idle_ms = 900, .memory = 1)),
               SPARE({.n_spare = 3}, H(1, .is_pinned = true), {.n_spare = 0}), .order = ""),

        STAY("what can be spared may go", WORKERS({.name = "a"}, {.name = "b"}),
             SPARE({.n_spare = 2}), .memory = 0),
        STAY("busy or new or not", WORKERS(W("a", .is_busy = true), W("b", .up_ms = 1)),
             SPARE({.n_spare = 2}), .memory = 0),
        STAY("what a pool needs at least stays",
             WORKERS({.name = "a"}, {.name = "b"}, {.name = "c"}), SPARE({.n_spare = 1}),
             .memory = 200),
        STAY("of which it may be the smallest",
             WORKERS(W("a", .memory = 300), W("b", .memory = 10), W("c", .memory = 20)),
             SPARE({.n_spare = 1}), .memory = 30),
        STAY("who leaves does not stay", WORKERS(W("a", .is_leaving = true), {.name = "b"}),
             SPARE({.n_spare = 0}), .memory = 100),
        STAY("the pinned stay", WORKERS({.name = "a"}, W("b", .house = 1)),
             SPARE(H(1, .is_pinned = true), {.n_spare = 1}), .memory = 100),
        STAY("and whoever is of the house that asks", .own = 1,
             WORKERS({.name = "a"}, W("b", .house = 1)), SPARE({.n_spare = 1}, {.n_spare = 1}),
             .memory = 100),

        cmocka_unit_test(amounts_do_not_overflow),
    };
    return cmocka_run_group_tests_name("supervisors/victim", tests, NULL, NULL) != 0;
}
