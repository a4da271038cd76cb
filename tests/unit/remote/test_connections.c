#include "tests/kit/check.h"

#include "remote/doors/connections.h"
#include "remote/gateway/peer.h"

static void they_are_counted(void **state)
{
    (void)state;
    tr_connections_t all = {0};
    assert_null(tr_connections_find(&all, 5));
    for (int i = 0; i < 1000; i++) {
        assert_non_null(tr_connections_add(&all, i, (uint64_t)i, 0));
    }
    assert_int_equal(all.n_open, 1000);
    assert_null(tr_connections_find(&all, -1));
    for (int i = 0; i < 1000; i += 2) {
        assert_null(tr_connections_remove(&all, i));
        assert_null(tr_connections_remove(&all, i)); /* twice is fine */
    }
    assert_int_equal(all.n_open, 500);
    assert_null(tr_connections_find(&all, 4));
    assert_int_equal(tr_connections_find(&all, 5)->cookie, 5);
    tr_connections_finish(&all);
}

static void one_that_is_refused_is_in_and_does_not_count(void **state)
{
    (void)state;
    tr_connections_t all = {0};
    tr_connection_t *one = tr_connections_add(&all, 0, 7, 0);
    assert_non_null(one);
    tr_connections_refuse(&all, one, 0);
    tr_connections_refuse(&all, one, 0);
    assert_int_equal(all.n_open, 0);
    assert_true(tr_connections_find(&all, 0)->is_refused);
    assert_null(tr_connections_remove(&all, 0));
    assert_int_equal(all.n_open, 0);
    tr_connections_finish(&all);
}

static void one_that_was_refused_and_does_not_go_counts_again(void **state)
{
    (void)state;
    tr_connections_t all = {0};
    for (int i = 0; i < 3; i++) {
        assert_non_null(tr_connections_add(&all, i, 7, 0));
    }
    tr_connections_refuse(&all, tr_connections_find(&all, 0), 1000);
    tr_connections_refuse(&all, tr_connections_find(&all, 1), 2000);
    assert_int_equal(tr_connections_find_stuck(&all, 1000), 0);
    assert_int_equal(tr_connections_find_stuck(&all, 1001), 1);
    assert_int_equal(tr_connections_find_stuck(&all, 1001), 0); /* told once */
    assert_int_equal(all.n_open, 2);
    assert_int_equal(tr_connections_find_stuck(&all, 9000), 1);
    assert_int_equal(all.n_open, 3);
    assert_int_equal(all.n_stuck, 2);
    for (int i = 0; i < 3; i++) {
        assert_null(tr_connections_remove(&all, i));
    }
    assert_int_equal(all.n_open, 0);
    assert_int_equal(all.n_stuck, 0);
    tr_connections_finish(&all);
}

static void a_descriptor_that_comes_again_is_another(void **state)
{
    (void)state;
    tr_connections_t all = {0};
    tr_peer_t peer = {0};
    tr_connection_t *one = tr_connections_add(&all, 9, 1, 0);
    assert_non_null(one);
    one->peer = &peer;
    peer.connection = one;
    tr_connections_refuse(&all, one, 0);
    assert_non_null(tr_connections_add(&all, 9, 2, 50));
    assert_null(peer.connection);
    assert_int_equal(all.n_open, 1);
    assert_int_equal(tr_connections_find(&all, 9)->cookie, 2);
    assert_false(tr_connections_find(&all, 9)->is_refused);
    tr_connections_finish(&all);
}

static void who_was_behind_it_is_told(void **state)
{
    (void)state;
    tr_connections_t all = {0};
    tr_peer_t peer = {0};
    tr_connection_t *one = tr_connections_add(&all, 3, 1, 0);
    assert_non_null(one);
    one->peer = &peer;
    assert_ptr_equal(tr_connections_remove(&all, 3), &peer);
    tr_connections_finish(&all);
}

static void the_silent_are_found(void **state)
{
    (void)state;
    tr_connections_t all = {0};
    tr_peer_t peer = {0};
    for (int i = 0; i < 100; i++) {
        tr_connection_t *one = tr_connections_add(&all, i, 1, i);
        assert_non_null(one);
        one->peer = i % 2 ? &peer : NULL;
    }
    tr_connections_refuse(&all, tr_connections_find(&all, 10), 0);
    size_t place = 0;
    size_t n = 0;
    tr_connection_t *one;
    while ((one = tr_connections_next_silent(&all, 20, &place)) != NULL) {
        assert_true(one->descriptor % 2 == 0 && one->descriptor <= 20 && one->descriptor != 10);
        n++;
    }
    assert_int_equal(n, 10);
    tr_connections_finish(&all);
}

static void a_message_that_does_not_end_is_found_at_the_second_look(void **state)
{
    (void)state;
    tr_connection_t one = {0};
    assert_false(tr_connection_overruns(&one, 90, 0, 100));
    assert_false(tr_connection_overruns(&one, 150, 0, 100));
    assert_true(tr_connection_overruns(&one, 160, 0, 100));
}

static void messages_that_end_begin_anew(void **state)
{
    (void)state;
    tr_connection_t one = {0};
    for (uint64_t n = 1; n < 100; n++) {
        assert_false(tr_connection_overruns(&one, n * 150, n, 100));
        assert_false(tr_connection_overruns(&one, n * 150 + 100, n, 100));
    }
    /* Suspect once, and then its message turns out to be whole. */
    assert_false(tr_connection_overruns(&one, 99 * 150 + 101, 99, 100));
    assert_false(tr_connection_overruns(&one, 99 * 150 + 101, 100, 100));
    assert_false(tr_connection_overruns(&one, 99 * 150 + 202, 100, 100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_counted),
        cmocka_unit_test(one_that_is_refused_is_in_and_does_not_count),
        cmocka_unit_test(one_that_was_refused_and_does_not_go_counts_again),
        cmocka_unit_test(a_descriptor_that_comes_again_is_another),
        cmocka_unit_test(who_was_behind_it_is_told),
        cmocka_unit_test(the_silent_are_found),
        cmocka_unit_test(a_message_that_does_not_end_is_found_at_the_second_look),
        cmocka_unit_test(messages_that_end_begin_anew),
    };
    return cmocka_run_group_tests_name("remote/connections", tests, NULL, NULL) != 0;
}
