/* Deadlines are taken out of the middle all the time, and a place that is off by one would
 * show only much later, as a request that never times out. So after each of many random moves
 * the heap is compared with a plain table that says who is inside. */

#include "tests/kit/check.h"

#include <stdbool.h>

#include "base/heap.h"

#define N_ITEMS 200
#define N_MOVES 20000
#define N_RANKS 50 /* fewer than items, so that there are ties */

typedef struct item {
    int rank;
    size_t place;
} item_t;

static bool is_before(const void *one, const void *other)
{
    return ((const item_t *)one)->rank < ((const item_t *)other)->rank;
}

static size_t *place_of(void *item)
{
    return &((item_t *)item)->place;
}

/* The same numbers in every run. */
static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void scatter(item_t *items, uint64_t *seed)
{
    for (size_t i = 0; i < N_ITEMS; i++) {
        items[i] = (item_t){(int)(draw(seed) % N_RANKS), TR_HEAP_NOWHERE};
    }
}

/* Who is inside says where, and the first of all is one of the lowest rank. */
static void heap_agrees(const tr_heap_t *heap, const item_t *items, const bool *is_inside)
{
    size_t n_inside = 0;
    int lowest = N_RANKS;
    for (size_t i = 0; i < N_ITEMS; i++) {
        if (!is_inside[i]) {
            assert_true(items[i].place == TR_HEAP_NOWHERE);
            continue;
        }
        n_inside++;
        lowest = items[i].rank < lowest ? items[i].rank : lowest;
        assert_true(items[i].place < heap->n_items);
        assert_ptr_equal(heap->items[items[i].place], &items[i]);
    }
    assert_int_equal(heap->n_items, n_inside);
    const item_t *first = tr_heap_first(heap);
    assert_true((first == NULL) == (n_inside == 0));
    if (first) {
        assert_int_equal(first->rank, lowest);
    }
}

static void random_moves_agree_with_a_table(void **state)
{
    (void)state;
    uint64_t seed = 20240229;
    static item_t items[N_ITEMS];
    bool is_inside[N_ITEMS] = {false};
    scatter(items, &seed);
    tr_heap_t heap;
    tr_heap_init(&heap, is_before, place_of);
    size_t most = 0;
    size_t n_emptied = 0;
    for (int move = 0; move < N_MOVES; move++) {
        /* The tide comes in for a thousand moves and goes out for a thousand. */
        bool is_rising = move / 1000 % 2 == 0;
        bool is_push = draw(&seed) % 4 != 0 ? is_rising : !is_rising;
        size_t i = (size_t)(draw(&seed) % N_ITEMS);
        if (is_push && !is_inside[i]) {
            items[i].rank = (int)(draw(&seed) % N_RANKS);
            assert_status(tr_heap_push(&heap, &items[i]), TROUPE_OK);
            is_inside[i] = true;
        } else if (!is_push && draw(&seed) % 2 && tr_heap_first(&heap)) {
            item_t *first = tr_heap_first(&heap);
            tr_heap_remove(&heap, first);
            is_inside[first - items] = false;
        } else if (!is_push) {
            tr_heap_remove(&heap, &items[i]); /* inside or not */
            is_inside[i] = false;
        }
        heap_agrees(&heap, items, is_inside);
        most = heap.n_items > most ? heap.n_items : most;
        n_emptied += heap.n_items == 0;
    }
    assert_true(most > N_ITEMS / 2);
    assert_true(n_emptied > 10);
    tr_heap_finish(&heap);
}

static void what_is_taken_first_comes_in_order(void **state)
{
    (void)state;
    uint64_t seed = 7;
    static item_t items[N_ITEMS];
    scatter(items, &seed);
    tr_heap_t heap;
    tr_heap_init(&heap, is_before, place_of);
    for (size_t i = 0; i < N_ITEMS; i++) {
        assert_status(tr_heap_push(&heap, &items[i]), TROUPE_OK);
    }
    int previous = 0;
    for (size_t i = 0; i < N_ITEMS; i++) {
        item_t *first = tr_heap_first(&heap);
        assert_non_null(first);
        assert_true(first->rank >= previous);
        previous = first->rank;
        tr_heap_remove(&heap, first);
        assert_true(first->place == TR_HEAP_NOWHERE);
    }
    assert_null(tr_heap_first(&heap));
    tr_heap_finish(&heap);
}

/* What fills the gap comes from another branch, and may have to rise.
 *
 *            0                   0
 *       10       1          3         1
 *     11  12    2  3      10  12     2
 *
 * Without 11 the 3 takes its place, and must go before the 10. */
static void what_fills_a_gap_may_rise(void **state)
{
    (void)state;
    item_t items[] = {{0, TR_HEAP_NOWHERE},  {10, TR_HEAP_NOWHERE}, {1, TR_HEAP_NOWHERE},
                      {11, TR_HEAP_NOWHERE}, {12, TR_HEAP_NOWHERE}, {2, TR_HEAP_NOWHERE},
                      {3, TR_HEAP_NOWHERE}};
    size_t n = sizeof items / sizeof items[0];
    tr_heap_t heap;
    tr_heap_init(&heap, is_before, place_of);
    for (size_t i = 0; i < n; i++) {
        assert_status(tr_heap_push(&heap, &items[i]), TROUPE_OK);
        assert_int_equal(items[i].place, i);
    }
    tr_heap_remove(&heap, &items[3]);
    assert_int_equal(items[6].place, 1);
    assert_int_equal(items[1].place, 3);
    tr_heap_finish(&heap);
}

static void the_empty_and_the_finished_are_harmless(void **state)
{
    (void)state;
    item_t item = {1, TR_HEAP_NOWHERE};
    tr_heap_t heap;
    tr_heap_init(&heap, is_before, place_of);
    assert_null(tr_heap_first(&heap));
    tr_heap_remove(&heap, &item);
    assert_status(tr_heap_push(&heap, &item), TROUPE_OK);
    assert_ptr_equal(tr_heap_first(&heap), &item);
    tr_heap_remove(&heap, &item);
    tr_heap_remove(&heap, &item);
    assert_null(tr_heap_first(&heap));
    tr_heap_finish(&heap);
    assert_null(tr_heap_first(&heap));
    tr_heap_finish(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_moves_agree_with_a_table),
        cmocka_unit_test(what_is_taken_first_comes_in_order),
        cmocka_unit_test(what_fills_a_gap_may_rise),
        cmocka_unit_test(the_empty_and_the_finished_are_harmless),
    };
    return cmocka_run_group_tests_name("base/heap", tests, NULL, NULL) != 0;
}
