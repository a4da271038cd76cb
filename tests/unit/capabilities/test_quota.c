/* Each peer has a count of its own, and what is given back is there again. */

#include "tests/kit/check.h"

#include "capabilities/quota.h"

#define N_PEERS 100

/* t: taken, F: refused, g: given back; each by the peer of that digit. */
struct story {
    size_t most;
    const char *log;
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_quota_t quota;
    tr_quota_init(&quota, story->most);
    size_t n_taken[10] = {0};
    for (const char *sign = story->log; *sign; sign += 2) {
        uint64_t peer = (uint64_t)(sign[1] - '0');
        if (*sign == 'g') {
            tr_quota_give(&quota, peer);
            n_taken[peer]--;
        } else {
            assert_status(tr_quota_take(&quota, peer), *sign == 't' ? TROUPE_OK : TROUPE_LIMIT);
            n_taken[peer] += *sign == 't';
        }
    }
    for (uint64_t peer = 0; peer < 10; peer++) {
        while (n_taken[peer]-- > 0) {
            tr_quota_give(&quota, peer);
        }
    }
    tr_quota_finish(&quota); /* asserts that nothing is left */
}

static void many_peers_do_not_count_for_each_other(void **state)
{
    (void)state;
    tr_quota_t quota;
    tr_quota_init(&quota, 2);
    for (uint64_t peer = 0; peer < N_PEERS; peer++) {
        assert_status(tr_quota_take(&quota, peer), TROUPE_OK);
    }
    for (uint64_t peer = 0; peer < N_PEERS; peer++) {
        assert_status(tr_quota_take(&quota, peer), TROUPE_OK);
        assert_status(tr_quota_take(&quota, peer), TROUPE_LIMIT);
        tr_quota_give(&quota, peer);
        tr_quota_give(&quota, peer);
    }
    tr_quota_finish(&quota);
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("as many as it may", 2, "t1t1F1F1"),
        STORY("one at most", 1, "t1F1g1t1F1"),
        STORY("others have their own", 1, "t1t2F1F2t3"),
        STORY("a refusal is not counted", 2, "t1t1F1F1g1t1F1"),
        STORY("those who do not say are one peer", 2, "t0t0F0t1"),
        STORY("all given back, all there again", 2, "t1t1g1g1t1t1F1"),
        STORY("without a limit nothing is counted", 0, "t1t1t1t1g1g1"),
        cmocka_unit_test(many_peers_do_not_count_for_each_other),
    };
    return cmocka_run_group_tests_name("capabilities/quota", tests, NULL, NULL) != 0;
}
