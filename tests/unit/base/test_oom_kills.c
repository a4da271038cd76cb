/* A machine made of files whose counters move. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <string.h>

#include "base/oom_kills.h"
#include "tests/kit/folder.h"

#define VMSTAT    "/proc/vmstat"
#define CONTROL   "/v1/a/memory.oom_control"
#define EVENTS    "/v2/b/memory.events"
#define WINDOW_MS 10000

static int begin(void **state)
{
    static folder_t folder;
    folder_begin(&folder);
    folder_put(&folder, "/proc/self/cgroup", "4:memory:/a\n0::/b\n");
    folder_put(&folder, "/proc/self/mountinfo",
               "35 30 0:32 / /v1 rw - cgroup cgroup rw,memory\n"
               "36 30 0:33 / /v2 rw - cgroup2 cgroup2 rw\n");
    *state = &folder;
    return 0;
}

static int end(void **state)
{
    folder_end(*state);
    return 0;
}

static void put_number(const folder_t *folder, const char *path, const char *before, int number)
{
    char text[128];
    snprintf(text, sizeof text, "%soom_kill %d\nlater 99\n", before, number);
    folder_put(folder, path, text);
}

/* `number` at each counter but one that says `other`. */
static void put_counters(const folder_t *folder, int number, const char *path, int other)
{
    put_number(folder, VMSTAT, "pgfault 7\noom_kill_other 5\n",
               strcmp(path, VMSTAT) == 0 ? other : number);
    put_number(folder, CONTROL, "oom_kill_disable 0\nunder_oom 0\n",
               strcmp(path, CONTROL) == 0 ? other : number);
    put_number(folder, EVENTS, "low 0\noom 9\n", strcmp(path, EVENTS) == 0 ? other : number);
}

static void counters_that_rest_say_no(void **state)
{
    put_counters(*state, 5, VMSTAT, 5);
    tr_oom_watch_t watch;
    tr_oom_watch_init(&watch, ((folder_t *)*state)->path, 1000);
    assert_false(tr_oom_watch_has_moved(&watch, false));
    tr_oom_watch_turn(&watch, 7, 1000 + WINDOW_MS);
    assert_false(tr_oom_watch_has_moved(&watch, false));
}

static void each_counter_that_moves_says_yes(void **state)
{
    static const char *const paths[] = {VMSTAT, CONTROL, EVENTS};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        put_counters(*state, 5, VMSTAT, 5);
        tr_oom_watch_t watch;
        tr_oom_watch_init(&watch, ((folder_t *)*state)->path, 0);
        put_counters(*state, 5, paths[i], 6);
        assert_true(tr_oom_watch_has_moved(&watch, false));
    }
}

/* The counter moves first, and what is killed may take its time to be gone. */
static void kill_is_remembered_for_some_seconds(void **state)
{
    put_counters(*state, 0, VMSTAT, 0);
    tr_oom_watch_t watch;
    tr_oom_watch_init(&watch, ((folder_t *)*state)->path, 0);
    tr_oom_watch_turn(&watch, 7, WINDOW_MS / 2);
    put_counters(*state, 0, EVENTS, 1);
    for (int64_t now_ms = WINDOW_MS / 2; now_ms <= WINDOW_MS; now_ms += 100) {
        tr_oom_watch_turn(&watch, 7, now_ms);
        assert_true(tr_oom_watch_has_moved(&watch, false));
    }
    tr_oom_watch_turn(&watch, 7, 2 * WINDOW_MS);
    assert_false(tr_oom_watch_has_moved(&watch, false));
}

/* The process 7 goes to a group of its own, and what is killed elsewhere is no matter. */
static void process_is_followed_into_its_group(void **state)
{
    const folder_t *folder = *state;
    put_counters(folder, 5, VMSTAT, 5);
    tr_oom_watch_t watch;
    tr_oom_watch_init(&watch, folder->path, 0);
    folder_put(folder, "/proc/7/cgroup", "4:memory:/a/own\n0::/b/own\n");
    put_number(folder, "/v1/a/own/memory.oom_control", "", 3);
    put_number(folder, "/v2/b/own/memory.events", "", 8);
    tr_oom_watch_follow(&watch, 7);
    assert_false(tr_oom_watch_has_moved(&watch, false));

    put_counters(folder, 6, VMSTAT, 6);
    assert_false(tr_oom_watch_has_moved(&watch, false));
    assert_true(tr_oom_watch_has_moved(&watch, true));

    put_number(folder, "/v1/a/own/memory.oom_control", "", 4);
    assert_true(tr_oom_watch_has_moved(&watch, false));
    put_number(folder, "/v1/a/own/memory.oom_control", "", 3);
    put_number(folder, "/v2/b/own/memory.events", "", 9);
    assert_true(tr_oom_watch_has_moved(&watch, false));
}

static void it_is_followed_as_time_passes(void **state)
{
    const folder_t *folder = *state;
    put_counters(folder, 5, VMSTAT, 5);
    tr_oom_watch_t watch;
    tr_oom_watch_init(&watch, folder->path, 0);
    folder_put(folder, "/proc/7/cgroup", "4:memory:/a/own\n");
    put_number(folder, "/v1/a/own/memory.oom_control", "", 3);
    tr_oom_watch_turn(&watch, 7, WINDOW_MS / 2 - 1);
    assert_false(watch.is_followed);
    tr_oom_watch_turn(&watch, 7, WINDOW_MS / 2);
    assert_true(watch.is_followed);
    put_number(folder, "/v1/a/own/memory.oom_control", "", 4);
    assert_true(tr_oom_watch_has_moved(&watch, false));
}

/* A group may be gone before it is asked, or not count. */
static void group_that_does_not_count_leaves_it_to_the_machine(void **state)
{
    const folder_t *folder = *state;
    put_number(folder, VMSTAT, "", 1);
    folder_put(folder, CONTROL, "under_oom 0\n");
    folder_put(folder, EVENTS, "");
    folder_put(folder, "/proc/7/cgroup", "4:memory:/gone\n0::/b\n");
    tr_oom_watch_t watch;
    tr_oom_watch_init(&watch, folder->path, 0);
    tr_oom_watch_follow(&watch, 7);
    assert_true(watch.is_followed);
    assert_false(tr_oom_watch_has_moved(&watch, false));
    put_number(folder, VMSTAT, "", 2);
    assert_true(tr_oom_watch_has_moved(&watch, false));
}

static void counter_that_was_not_there_says_no(void **state)
{
    const folder_t *folder = *state;
    put_number(folder, VMSTAT, "", 1);
    tr_oom_watch_t watch;
    tr_oom_watch_init(&watch, folder->path, 0);
    put_number(folder, CONTROL, "", 9);
    assert_false(tr_oom_watch_has_moved(&watch, false));
}

static void counter_that_begins_anew_says_no(void **state)
{
    put_counters(*state, 9, VMSTAT, 9);
    tr_oom_watch_t watch;
    tr_oom_watch_init(&watch, ((folder_t *)*state)->path, 0);
    put_counters(*state, 0, VMSTAT, 0);
    assert_false(tr_oom_watch_has_moved(&watch, false));
}

static void nobody_counts_on_a_machine_without_files(void **state)
{
    (void)state;
    tr_oom_watch_t watch;
    tr_oom_watch_init(&watch, "/nowhere", 0);
    tr_oom_watch_turn(&watch, 7, WINDOW_MS);
    assert_false(tr_oom_watch_has_moved(&watch, false));
}

static void odd_lines_are_no_counters(void **state)
{
    folder_put(*state, VMSTAT, "oom_kill\noom_kill x\noom_kill -1\noom_kil 7\n oom_kill 7\n");
    folder_put(*state, CONTROL, "oom_kill 99999999999999999999\n");
    folder_put(*state, EVENTS, "");
    tr_oom_watch_t watch;
    tr_oom_watch_init(&watch, ((folder_t *)*state)->path, 0);
    for (int i = 0; i < TR_N_OOM_COUNTERS; i++) {
        assert_int_equal(watch.latest.killed[i], -1);
    }
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(counters_that_rest_say_no),
        STORY(each_counter_that_moves_says_yes),
        STORY(kill_is_remembered_for_some_seconds),
        STORY(process_is_followed_into_its_group),
        STORY(it_is_followed_as_time_passes),
        STORY(group_that_does_not_count_leaves_it_to_the_machine),
        STORY(counter_that_was_not_there_says_no),
        STORY(counter_that_begins_anew_says_no),
        STORY(nobody_counts_on_a_machine_without_files),
        STORY(odd_lines_are_no_counters),
    };
    return cmocka_run_group_tests_name("base/oom_kills", tests, NULL, NULL) != 0;
}
