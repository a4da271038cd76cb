/* The table of the worker's states decides what a supervisor may do to a worker, so it is
 * written out here a second time, in words, and every pair of states is compared. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <string.h>

#include "actors/worker/worker_state.h"

/* One row, one state: its name, and the names of those that may follow. */
struct row {
    tr_worker_state_t from;
    const char *name;
    const char *followers;
};

/* Whether `name` is one of the words in `words`. */
static bool is_among(const char *words, const char *name)
{
    char spaced_words[128];
    char spaced_name[32];
    snprintf(spaced_words, sizeof spaced_words, " %s ", words);
    snprintf(spaced_name, sizeof spaced_name, " %s ", name);
    return strstr(spaced_words, spaced_name) != NULL;
}

static size_t n_words(const char *words)
{
    size_t n = *words != '\0';
    for (const char *c = words; *c; c++) {
        n += *c == ' ';
    }
    return n;
}

static void row_holds(void **state)
{
    const struct row *row = *state;
    assert_string_equal(tr_worker_state_name(row->from), row->name);
    size_t n_followers = 0;
    for (tr_worker_state_t to = 0; to < TR_N_WORKER_STATES; to++) {
        const char *name = tr_worker_state_name(to);
        bool may_follow = is_among(row->followers, name);
        n_followers += may_follow;
        if (tr_worker_state_may_follow(row->from, to) != may_follow) {
            fail_msg("%s must%s be followed by %s", row->name, may_follow ? "" : " not", name);
        }

        /* A worker that is there already need not move, and that is fine. */
        bool is_there = may_follow || to == row->from;
        _Atomic(int) tried = (int)row->from;
        if (tr_worker_state_try(&tried, to) != is_there) {
            fail_msg("%s to %s is %s", row->name, name, is_there ? "refused" : "done");
        }
        assert_int_equal(atomic_load(&tried), is_there ? to : row->from);

        /* A move that is not allowed asserts, so only the others can be made here. */
        if (is_there) {
            _Atomic(int) moved = (int)row->from;
            assert_true(tr_worker_state_move(&moved, to, "test"));
            assert_int_equal(atomic_load(&moved), to);
        }
    }
    assert_int_equal(n_followers, n_words(row->followers)); /* no word is misspelt */
}

static void what_is_no_state_follows_nothing(void **state)
{
    (void)state;
    assert_string_equal(tr_worker_state_name(TR_N_WORKER_STATES), "unknown");
    for (tr_worker_state_t one = 0; one <= TR_N_WORKER_STATES; one++) {
        assert_false(tr_worker_state_may_follow(one, TR_N_WORKER_STATES));
        assert_false(tr_worker_state_may_follow(TR_N_WORKER_STATES, one));
    }
}

static void a_worker_written_off_cannot_come_back(void **state)
{
    (void)state;
    _Atomic(int) worker = TR_WORKER_PROCESSING;
    assert_true(tr_worker_state_try(&worker, TR_WORKER_HUNG));   /* its supervisor */
    assert_false(tr_worker_state_try(&worker, TR_WORKER_READY)); /* its handler returns */
    assert_int_equal(atomic_load(&worker), TR_WORKER_HUNG);
    assert_true(tr_worker_state_try(&worker, TR_WORKER_DEAD));
    assert_false(tr_worker_state_try(&worker, TR_WORKER_FAILED));
    assert_int_equal(atomic_load(&worker), TR_WORKER_DEAD);
}

/* clang-format off */
#define ROW(title, ...) \
    { .name = title, .test_func = row_holds, .initial_state = &(struct row){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW("one that is spawned loads", TR_WORKER_SPAWNING, "spawning",
            "loading evicting failed"),
        ROW("one that loads becomes ready", TR_WORKER_LOADING, "loading",
            "ready evicting hung failed"),
        ROW("one that is ready may do anything but die at once", TR_WORKER_READY, "ready",
            "processing idle paused draining evicting hung failed"),
        ROW("one that processes is not evicted", TR_WORKER_PROCESSING, "processing",
            "ready paused draining hung failed"),
        ROW("one that is idle may be given work", TR_WORKER_IDLE, "idle",
            "ready processing paused draining evicting hung failed"),
        ROW("one that is paused gets no work", TR_WORKER_PAUSED, "paused",
            "ready draining evicting hung failed"),
        ROW("one that drains only goes", TR_WORKER_DRAINING, "draining",
            "evicting hung failed"),
        ROW("one that hung is given up", TR_WORKER_HUNG, "hung", "failed dead"),
        ROW("one that is evicted may hang at it", TR_WORKER_EVICTING, "evicting", "dead hung"),
        ROW("one that failed only dies", TR_WORKER_FAILED, "failed", "dead"),
        ROW("one that is dead stays dead", TR_WORKER_DEAD, "dead", ""),
        cmocka_unit_test(what_is_no_state_follows_nothing),
        cmocka_unit_test(a_worker_written_off_cannot_come_back),
    };
    return cmocka_run_group_tests_name("actors/worker_state", tests, NULL, NULL) != 0;
}
