/* Deadlines and turns stand in line-ups, most in order, some not, and are taken out of the
 * middle all the time. After each of many random moves the line-up is compared with a plain
 * table that says who is inside, and its list is walked both ways. Now and then there is no
 * memory: that must not be seen from outside. */

#include "tests/kit/check.h"

#include <stdbool.h>

#include "base/lineup.h"
#include "tests/kit/fault_point.h"

#define N_ITEMS 100
#define N_MOVES 20000
#define N_RANKS 50 /* fewer than items, so that there are ties */

typedef struct item {
    int rank;
    int number;
    tr_lineup_place_t place;
} item_t;

static bool is_before(const void *one, const void *other)
{
    return ((const item_t *)one)->rank < ((const item_t *)other)->rank;
}

static tr_lineup_place_t *place_of(void *item)
{
    return &((item_t *)item)->place;
}

static size_t *stray_of(void *item)
{
    return &((item_t *)item)->place.stray;
}

static void begin(tr_lineup_t *lineup, item_t *items, size_t n_items)
{
    for (size_t i = 0; i < n_items; i++) {
        items[i] = (item_t){.number = (int)i, .place = TR_LINEUP_NOWHERE};
    }
    tr_lineup_init(lineup, is_before, place_of, stray_of);
}

static void push(tr_lineup_t *lineup, item_t *item, int rank)
{
    item->rank = rank;
    tr_lineup_push(lineup, item);
}

/* The same numbers in every run. */
static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Walked from the front it is in order, and each knows who is before it. Returns its length. */
static size_t list_is_sound(const tr_lineup_t *lineup)
{
    size_t n = 0;
    item_t *before = NULL;
    for (item_t *item = lineup->first; item; item = item->place.behind) {
        assert_ptr_equal(item->place.before, before);
        assert_true(item->place.is_in && item->place.stray == TR_HEAP_NOWHERE);
        assert_false(before && is_before(item, before));
        before = item;
        n++;
    }
    assert_ptr_equal(lineup->last, before);
    return n;
}

static void count_visit(void *arg, void *item)
{
    ((size_t *)arg)[((const item_t *)item)->number]++;
}

static void each_is_visited_once(const tr_lineup_t *lineup, const bool *is_inside)
{
    size_t n_visits[N_ITEMS] = {0};
    tr_lineup_each(lineup, count_visit, n_visits);
    for (size_t i = 0; i < N_ITEMS; i++) {
        assert_int_equal(n_visits[i], is_inside[i]);
    }
}

static void lineup_agrees(const tr_lineup_t *lineup, const item_t *items, const bool *is_inside)
{
    size_t n_inside = 0;
    int lowest = N_RANKS;
    for (size_t i = 0; i < N_ITEMS; i++) {
        assert_int_equal(items[i].place.is_in, is_inside[i]);
        n_inside += is_inside[i];
        lowest = is_inside[i] && items[i].rank < lowest ? items[i].rank : lowest;
    }
    assert_int_equal(lineup->n_items, n_inside);
    assert_int_equal(list_is_sound(lineup) + lineup->strays.n_items, n_inside);
    const item_t *first = tr_lineup_first(lineup);
    assert_true((first == NULL) == (n_inside == 0));
    if (first) {
        assert_int_equal(first->rank, lowest);
    }
    each_is_visited_once(lineup, is_inside);
}

/* How ranks come, and whether memory is short. */
struct tide {
    int n_in_order; /* of four */
    bool is_poor;
};

static void random_moves_agree_with_a_table(void **state)
{
    const struct tide *row = *state;
    static item_t items[N_ITEMS];
    bool is_inside[N_ITEMS] = {false};
    uint64_t seed = 20240229;
    tr_lineup_t lineup;
    begin(&lineup, items, N_ITEMS);
    size_t most = 0;
    size_t n_emptied = 0;
    for (int move = 0; move < N_MOVES; move++) {
        /* The tide comes in for a thousand moves and goes out for a thousand. */
        bool is_rising = move / 1000 % 2 == 0;
        bool is_push = draw(&seed) % 4 != 0 ? is_rising : !is_rising;
        size_t i = (size_t)(draw(&seed) % N_ITEMS);
        item_t *first = tr_lineup_first(&lineup);
        if (is_push && !is_inside[i]) {
            bool is_in_order = (int)(draw(&seed) % 4) < row->n_in_order && lineup.last;
            tr_fault_arm(&tr_fault_memory, 0, row->is_poor ? draw(&seed) % 2 : 0);
            push(&lineup, &items[i],
                 is_in_order ? ((item_t *)lineup.last)->rank : (int)(draw(&seed) % N_RANKS));
            tr_fault_disarm(&tr_fault_memory);
            is_inside[i] = true;
        } else if (!is_push && draw(&seed) % 2 && first) {
            tr_lineup_remove(&lineup, first);
            is_inside[first->number] = false;
        } else if (!is_push) {
            tr_lineup_remove(&lineup, &items[i]); /* inside or not */
            is_inside[i] = false;
        }
        lineup_agrees(&lineup, items, is_inside);
        most = lineup.n_items > most ? lineup.n_items : most;
        n_emptied += lineup.n_items == 0;
        if (row->is_poor && lineup.n_items == 0) {
            tr_lineup_finish(&lineup); /* or the memory is had once and for all */
        }
    }
    assert_true(most > N_ITEMS / 2);
    assert_true(n_emptied > 10);
    tr_lineup_finish(&lineup);
}

static void what_comes_in_order_leaves_in_order(void **state)
{
    (void)state;
    item_t items[12];
    tr_lineup_t lineup;
    begin(&lineup, items, 12);
    for (int i = 0; i < 12; i++) {
        push(&lineup, &items[i], i / 4); /* of equals the earlier is first */
    }
    assert_int_equal(lineup.strays.n_room, 0); /* and nothing was allocated */
    for (int i = 0; i < 12; i++) {
        item_t *first = tr_lineup_first(&lineup);
        assert_ptr_equal(first, &items[i]);
        tr_lineup_remove(&lineup, first);
    }
    assert_null(tr_lineup_first(&lineup));
    tr_lineup_finish(&lineup);
}

static void strays_come_where_they_belong(void **state)
{
    (void)state;
    item_t items[5];
    tr_lineup_t lineup;
    const int ranks[] = {10, 30, 20, 5, 30};
    const int order[] = {5, 10, 20, 30, 30};
    begin(&lineup, items, 5);
    for (int i = 0; i < 5; i++) {
        push(&lineup, &items[i], ranks[i]);
    }
    assert_int_equal(lineup.strays.n_items, 2);
    for (int i = 0; i < 5; i++) {
        item_t *first = tr_lineup_first(&lineup);
        assert_int_equal(first->rank, order[i]);
        tr_lineup_remove(&lineup, first);
    }
    tr_lineup_finish(&lineup);
}

/* A deadline that is moved must not get lost, whatever there is of memory. */
static void without_memory_a_stray_finds_its_place_in_the_list(void **state)
{
    (void)state;
    item_t items[6];
    tr_lineup_t lineup;
    const int ranks[] = {10, 20, 20, 30};
    begin(&lineup, items, 6);
    for (int i = 0; i < 4; i++) {
        push(&lineup, &items[i], ranks[i]);
    }
    tr_fault_arm(&tr_fault_memory, 0, 1000);
    tr_lineup_remove(&lineup, &items[3]);
    push(&lineup, &items[3], 5);
    push(&lineup, &items[4], 10);
    push(&lineup, &items[5], 20);
    tr_fault_disarm(&tr_fault_memory);
    assert_int_equal(tr_fault_memory.n_hits, 2); /* the last one was no stray */
    assert_int_equal(list_is_sound(&lineup), 6);
    const int order[] = {3, 0, 4, 1, 2, 5};
    for (int i = 0; i < 6; i++) {
        item_t *first = tr_lineup_first(&lineup);
        assert_int_equal(first->number, order[i]);
        tr_lineup_remove(&lineup, first);
    }
    tr_lineup_finish(&lineup);
}

static void an_empty_one_has_nothing(void **state)
{
    (void)state;
    item_t item;
    tr_lineup_t lineup;
    begin(&lineup, &item, 1);
    assert_null(tr_lineup_first(&lineup));
    tr_lineup_remove(&lineup, &item); /* who is not inside is fine */
    push(&lineup, &item, 1);
    tr_lineup_remove(&lineup, &item);
    tr_lineup_remove(&lineup, &item);
    assert_null(tr_lineup_first(&lineup));
    assert_null(lineup.last);
    tr_lineup_finish(&lineup);
}

/* clang-format off */
#define TIDE(title, ...) \
    { .name = title, .test_func = random_moves_agree_with_a_table, \
      .initial_state = &(struct tide){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_has_nothing),
        cmocka_unit_test(what_comes_in_order_leaves_in_order),
        cmocka_unit_test(strays_come_where_they_belong),
        cmocka_unit_test(without_memory_a_stray_finds_its_place_in_the_list),
        TIDE("random moves in no order", 0, false),
        TIDE("random moves, some in order", 2, false),
        TIDE("random moves, most in order", 3, false),
        TIDE("random moves, short of memory", 1, true),
    };
    return cmocka_run_group_tests_name("base/lineup", tests, NULL, NULL) != 0;
}
