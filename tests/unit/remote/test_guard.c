/* When a peer is cut for what it does not do: rows of what it has, and what comes of it. */

#include "tests/kit/check.h"

#include "remote/gateway/inside.h"

#define NOW_MS INT64_C(1000000)

static const tr_peer_limits_t limits = {.stall_ms = 3000, .idle_ms = 60000};

struct story {
    int64_t heard_ago_ms;
    int64_t heartbeat_ms;
    int64_t waits_for_ms; /* what waits has stood still for so long; 0: nothing waits */
    int64_t lost_ago_ms;  /* 0: it is connected */
    bool is_known;        /* to actors */
    bool has_open;
    bool serves;
    bool is_gone;
    tr_limit_t cut_by;
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    int socket = 0;
    int something = 0;
    tr_outgoing_t out = {0};
    tr_peer_t *peer =
        tr_peer_new(1, &socket, false, "x", 1, &limits, NOW_MS - story->heard_ago_ms);
    assert_non_null(peer);
    peer->heartbeat_ms = story->heartbeat_ms;
    peer->waits_since_ms = NOW_MS - story->waits_for_ms;
    peer->first_out = story->waits_for_ms > 0 ? &out : NULL;
    peer->lost_ms = story->lost_ago_ms > 0 ? NOW_MS - story->lost_ago_ms : 0;
    peer->ref = story->is_known ? (troupe_ref_t *)&something : NULL;
    peer->lines = story->serves ? (struct tr_line *)&something : NULL;
    if (story->has_open) {
        assert_status(tr_idmap_put(&peer->calls, 1, &something), TROUPE_OK);
    }
    tr_guard_look(peer, NOW_MS);
    assert_int_equal(peer->is_gone, story->is_gone);
    assert_int_equal(peer->is_cut, story->cut_by != TR_LIMIT_NONE);
    assert_int_equal(peer->cut_by, story->cut_by);
    peer->first_out = NULL;
    peer->ref = NULL;
    tr_idmap_take(&peer->calls, 1);
    tr_peer_destroy(&peer);
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, \
      .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("who was heard of lately stays", .heard_ago_ms = 60000),
        STORY("who wants nothing for long goes", .heard_ago_ms = 60001, .is_gone = true,
              .cut_by = TR_LIMIT_IDLE),
        STORY("who keeps a heartbeat is not idle", .heard_ago_ms = 60001,
              .heartbeat_ms = 100000),
        STORY("whom actors know is not idle", .heard_ago_ms = 60001, .is_known = true),
        STORY("who waits for an answer is not idle", .heard_ago_ms = 60001, .has_open = true),
        STORY("who serves is not idle", .heard_ago_ms = 60001, .serves = true),
        STORY("what moves is no stall", .waits_for_ms = 3000),
        STORY("what stands still is one", .waits_for_ms = 3001, .has_open = true,
              .is_gone = true, .cut_by = TR_LIMIT_STALL),
        STORY("who does not read is slow before it is idle", .waits_for_ms = 3001,
              .heard_ago_ms = 60001, .is_gone = true, .cut_by = TR_LIMIT_STALL),
        STORY("who has hung up is heard out", .lost_ago_ms = 20),
        STORY("and then has gone", .lost_ago_ms = 21, .is_gone = true),
    };
    return cmocka_run_group_tests_name("remote/guard", tests, NULL, NULL) != 0;
}
