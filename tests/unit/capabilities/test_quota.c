/* Each peer has a count of its own, and what is given back is there again. */

#include "tests/kit/check.h"

#include "capabilities/quota.h"

#define N_PEERS 100

/* t: taken, F: refused, g: given back, n: there already; each by the peer of that digit. m:
 * each may have so many from now on. */
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
        if (*sign == 'm') {
            tr_quota_change(&quota, (size_t)peer);
        } else if (*sign == 'n') {
            assert_status(tr_quota_note(&quota, peer), TROUPE_OK);
        } else if (*sign == 'g') {
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
        STORY("more from now on", 1, "t1F1m3t1t1F1"),
        STORY("fewer from now on", 3, "t1t1t1m1F1g1F1g1g1t1F1"),
        STORY("all from now on", 1, "t1F1m0t1t1g1"),
        STORY("some from now on, with those that are there", 0, "t1t1t2m2n1n1n2F1t2F2g1t1F1"),
        STORY("on and off and on", 2, "t1t1m0t1m4n1n1n1t1F1"),
        cmocka_unit_test(many_peers_do_not_count_for_each_other),
    };
    return cmocka_run_group_tests_name("capabilities/quota", tests, NULL, NULL) != 0;
}
