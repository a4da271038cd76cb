/* Removal moves up what is behind: done wrongly, an id that is inside is found no more, and
 * only when ids happen to share a slot. So the map is compared with a plain table over many
 * random moves, and with ids that were sought out to collide. */

#include "tests/kit/check.h"

#include <stdbool.h>

#include "base/idmap.h"

#define N_IDS     300
#define N_MOVES   30000
#define N_COLLIDE 12 /* as many as go into 16 slots */

/* What the ids stand for; only the addresses count. */
static char items[N_IDS];

/* The same numbers in every run. */
static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Sequences as the node gives them, and ids as a peer may choose them. */
static uint64_t id_number(size_t i)
{
    switch (i % 3) {
    case 0:
        return i; /* 0 is an id like any other */
    case 1:
        return UINT64_MAX - i;
    default:
        return (uint64_t)i << 32;
    }
}

static void map_agrees(const tr_idmap_t *map, const bool *is_inside)
{
    size_t n_inside = 0;
    for (size_t i = 0; i < N_IDS; i++) {
        assert_ptr_equal(tr_idmap_get(map, id_number(i)), is_inside[i] ? &items[i] : NULL);
        n_inside += is_inside[i];
    }
    assert_int_equal(map->n_items, n_inside);
}

static void random_moves_agree_with_a_table(void **state)
{
    (void)state;
    uint64_t seed = 20240229;
    bool is_inside[N_IDS] = {false};
    tr_idmap_t map;
    tr_idmap_init(&map);
    size_t most = 0;
    for (int move = 0; move < N_MOVES; move++) {
        /* The tide comes in for a thousand moves and goes out for a thousand. */
        bool is_rising = move / 1000 % 2 == 0;
        bool is_put = draw(&seed) % 4 != 0 ? is_rising : !is_rising;
        size_t i = (size_t)(draw(&seed) % N_IDS);
        if (is_put) {
            assert_status(tr_idmap_put(&map, id_number(i), is_inside[i] ? items : &items[i]),
                          is_inside[i] ? TROUPE_EXISTS : TROUPE_OK);
        } else {
            assert_ptr_equal(tr_idmap_take(&map, id_number(i)),
                             is_inside[i] ? &items[i] : NULL);
        }
        is_inside[i] = is_put;
        map_agrees(&map, is_inside);
        most = map.n_items > most ? map.n_items : most;
    }
    assert_true(most > N_IDS / 2);
    tr_idmap_finish(&map);
}

/* The slot that `id` gets in `map`, which is empty and has slots. */
static size_t home_in(tr_idmap_t *map, uint64_t id)
{
    assert_status(tr_idmap_put(map, id, items), TROUPE_OK);
    size_t home = 0;
    while (!map->slots[home].item) {
        home++;
    }
    assert_ptr_equal(tr_idmap_take(map, id), items);
    return home;
}

/* Find ids whose home in an empty map of 16 slots is `home`. */
static void seek_ids_at(size_t home, uint64_t *ids, size_t n)
{
    tr_idmap_t map;
    tr_idmap_init(&map);
    uint64_t id = 1;
    for (size_t i = 0; i < n; id++) {
        if (home_in(&map, id) == home) {
            ids[i++] = id;
        }
        assert_true(id < 100000);
    }
    assert_int_equal(map.n_slots, 16);
    tr_idmap_finish(&map);
}

struct crowd {
    size_t home;      /* of most of the ids */
    size_t neighbour; /* of every third one */
};

/* Each id in turn is taken out first, and put back last. */
static void crowd_is_found(void **state)
{
    const struct crowd *crowd = *state;
    uint64_t ids[N_COLLIDE];
    uint64_t others[N_COLLIDE];
    seek_ids_at(crowd->home, ids, N_COLLIDE);
    seek_ids_at(crowd->neighbour, others, N_COLLIDE);
    for (size_t i = 2; i < N_COLLIDE && crowd->home != crowd->neighbour; i += 3) {
        ids[i] = others[i];
    }
    tr_idmap_t map;
    tr_idmap_init(&map);
    for (size_t i = 0; i < N_COLLIDE; i++) {
        assert_status(tr_idmap_put(&map, ids[i], &items[i]), TROUPE_OK);
    }
    assert_int_equal(map.n_slots, 16);
    for (size_t first = 0; first < N_COLLIDE; first++) {
        /* Out one after the other, in steps of five; those that are left are all found. */
        for (size_t n_out = 1; n_out <= N_COLLIDE; n_out++) {
            size_t out = (first + (n_out - 1) * 5) % N_COLLIDE;
            assert_ptr_equal(tr_idmap_take(&map, ids[out]), &items[out]);
            assert_null(tr_idmap_take(&map, ids[out]));
            for (size_t k = 0; k < N_COLLIDE; k++) {
                size_t i = (first + k * 5) % N_COLLIDE;
                assert_ptr_equal(tr_idmap_get(&map, ids[i]), k < n_out ? NULL : &items[i]);
            }
        }
        assert_int_equal(map.n_items, 0);
        for (size_t k = 0; k < N_COLLIDE; k++) {
            size_t i = (first + k * 7) % N_COLLIDE;
            assert_status(tr_idmap_put(&map, ids[i], &items[i]), TROUPE_OK);
        }
    }
    tr_idmap_finish(&map);
}

static void ids_that_collide_survive_growth(void **state)
{
    (void)state;
    enum { N = 100 };
    uint64_t ids[N];
    seek_ids_at(15, ids, N);
    tr_idmap_t map;
    tr_idmap_init(&map);
    for (size_t i = 0; i < N; i++) {
        assert_status(tr_idmap_put(&map, ids[i], &items[i]), TROUPE_OK);
        for (size_t k = 0; k < N; k++) {
            assert_ptr_equal(tr_idmap_get(&map, ids[k]), k <= i ? &items[k] : NULL);
        }
    }
    tr_idmap_finish(&map);
}

static void any_empties_a_map(void **state)
{
    (void)state;
    bool is_inside[N_IDS] = {false};
    tr_idmap_t map;
    tr_idmap_init(&map);
    for (size_t i = 0; i < N_IDS; i++) {
        assert_status(tr_idmap_put(&map, id_number(i), &items[i]), TROUPE_OK);
        is_inside[i] = true;
    }
    for (size_t n = N_IDS; n > 0; n--) {
        uint64_t id = 0;
        char *item = tr_idmap_any(&map, &id);
        assert_non_null(item);
        size_t i = (size_t)(item - items);
        assert_true(is_inside[i]);
        assert_true(id == id_number(i));
        assert_int_equal(map.n_items, n); /* it only looks */
        assert_ptr_equal(tr_idmap_take(&map, id), item);
        is_inside[i] = false;
    }
    uint64_t id = 7;
    assert_null(tr_idmap_any(&map, &id));
    assert_int_equal(id, 7);
    map_agrees(&map, is_inside);
    tr_idmap_finish(&map);
}

static void a_new_map_and_a_finished_one_are_empty(void **state)
{
    (void)state;
    uint64_t id = 0;
    tr_idmap_t map;
    tr_idmap_init(&map);
    for (int round = 0; round < 2; round++) {
        assert_null(tr_idmap_get(&map, 0));
        assert_null(tr_idmap_take(&map, 0));
        assert_null(tr_idmap_any(&map, &id));
        assert_status(tr_idmap_put(&map, 0, items), TROUPE_OK);
        assert_ptr_equal(tr_idmap_get(&map, 0), items);
        tr_idmap_finish(&map);
    }
    assert_null(tr_idmap_get(&map, 0));
}

/* To look for each from the beginning would take minutes. */
static void a_large_map_is_emptied_at_once(void **state)
{
    (void)state;
    static char item;
    tr_idmap_t map;
    tr_idmap_init(&map);
    for (uint64_t id = 1; id <= 500000; id++) {
        assert_status(tr_idmap_put(&map, id, &item), TROUPE_OK);
    }
    size_t n = 0;
    uint64_t id;
    while (tr_idmap_any(&map, &id)) {
        assert_ptr_equal(tr_idmap_take(&map, id), &item);
        n++;
    }
    assert_int_equal(n, 500000);
    tr_idmap_finish(&map);
}

/* clang-format off */
#define CROWD(title, ...) \
    { .name = title, .test_func = crowd_is_found, \
      .initial_state = &(struct crowd){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_moves_agree_with_a_table),
        CROWD("all want the first slot", 0, 0),
        CROWD("all want the last slot, and run over the end", 15, 15),
        CROWD("neighbours are pushed on", 3, 4),
        CROWD("neighbours beyond the end are pushed on", 15, 0),
        CROWD("neighbours stand before", 4, 3),
        CROWD("two runs grow into one", 12, 1),
        cmocka_unit_test(ids_that_collide_survive_growth),
        cmocka_unit_test(any_empties_a_map),
        cmocka_unit_test(a_large_map_is_emptied_at_once),
        cmocka_unit_test(a_new_map_and_a_finished_one_are_empty),
    };
    return cmocka_run_group_tests_name("base/idmap", tests, NULL, NULL) != 0;
}
