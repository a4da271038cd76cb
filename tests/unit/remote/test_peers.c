/* Peers with numbers, with names, and with names that look like numbers. */

#include "tests/kit/check.h"

#include <string.h>

#include "remote/gateway/peers.h"

#define N_PEERS 1000

static tr_peer_t *add(tr_peers_t *peers, uint32_t door, const void *routing_id, size_t size)
{
    static int socket;
    static const tr_peer_limits_t limits;
    tr_peer_t *peer = tr_peer_new(1, &socket, true, routing_id, size, &limits, 0);
    assert_non_null(peer);
    peer->door = door;
    assert_null(tr_peers_find(peers, door, routing_id, size));
    assert_status(tr_peers_add(peers, peer), TROUPE_OK);
    return peer;
}

static void drop(tr_peers_t *peers, tr_peer_t *peer)
{
    tr_peers_remove(peers, peer);
    assert_null(tr_peers_find(peers, peer->door, peer->routing_id, peer->routing_id_size));
    tr_peer_destroy(&peer);
}

static void each_is_found_by_its_door_and_its_routing_id(void **state)
{
    static const struct {
        uint32_t door;
        const char *routing_id;
        size_t size;
    } rows[] = {
        {0, "\0\1\2\3\4", 5}, {1, "\0\1\2\3\4", 5}, {0, "\0\1\2\3\5", 5},
        {0, "\1\1\2\3\4", 5}, {0, "\0\1\2\3", 4},   {0, "\0\1\2\3\4\0", 6},
        {0, "", 0},           {1, "", 0},           {0, "anna", 4},
        {1, "anna", 4},       {0, "\0\0\0\0\0", 5}, {0, "\0\xff\xff\xff\xff", 5},
    };
    enum { N_ROWS = sizeof rows / sizeof rows[0] };
    (void)state;
    tr_peers_t peers;
    tr_peer_t *added[N_ROWS];
    assert_status(tr_peers_init(&peers), TROUPE_OK);
    for (size_t i = 0; i < N_ROWS; i++) {
        added[i] = add(&peers, rows[i].door, rows[i].routing_id, rows[i].size);
    }
    assert_int_equal(peers.n_peers, N_ROWS);
    for (size_t i = 0; i < N_ROWS; i++) {
        assert_ptr_equal(tr_peers_find(&peers, rows[i].door, rows[i].routing_id, rows[i].size),
                         added[i]);
    }
    for (size_t i = 0; i < N_ROWS; i++) {
        drop(&peers, added[i]);
    }
    assert_null(peers.first);
    tr_peers_finish(&peers);
}

static void all_are_in_the_list_until_they_leave(void **state)
{
    (void)state;
    tr_peers_t peers;
    assert_status(tr_peers_init(&peers), TROUPE_OK);
    for (uint32_t i = 0; i < N_PEERS; i++) {
        unsigned char routing_id[5] = {0};
        memcpy(routing_id + 1, &i, sizeof i);
        add(&peers, i % 3, routing_id, i % 2 ? 5 : 4);
    }
    size_t n_left = N_PEERS;
    /* Every third goes, wherever it stands. */
    while (n_left > 0) {
        size_t n_seen = 0;
        tr_peer_t *next;
        for (tr_peer_t *peer = peers.first; peer; peer = next) {
            next = peer->next;
            if (n_seen++ % 3 == 0) {
                drop(&peers, peer);
            }
        }
        assert_int_equal(n_seen, n_left);
        n_left -= (n_seen + 2) / 3;
        assert_int_equal(peers.n_peers, n_left);
    }
    assert_null(peers.first);
    tr_peers_finish(&peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_found_by_its_door_and_its_routing_id),
        cmocka_unit_test(all_are_in_the_list_until_they_leave),
    };
    return cmocka_run_group_tests_name("remote/peers", tests, NULL, NULL) != 0;
}
