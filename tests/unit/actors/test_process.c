/* A process is held right when its end is told exactly, when signals reach all that belongs to
 * it and nothing else, and when nothing of it is left. Real processes, started by the spawner;
 * whatever is waited for is an event of theirs: their end, or a line that they write. */

#include "tests/kit/check.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/process/process.h"
#include "actors/process/spawner.h"

#define PATIENCE_MS 10000

typedef struct scene {
    tr_spawner_t *spawner;
    tr_process_t process;
} scene_t;

static int set_up(void **state)
{
    scene_t *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->spawner = tr_spawner_new();
    assert_non_null(scene->spawner);
    tr_process_init(&scene->process);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    scene_t *scene = *state;
    if (scene->process.pid > 0) { /* the test has failed */
        kill(-scene->process.pid, SIGKILL);
        scene->process.pid = 0;
    }
    tr_process_close(&scene->process);
    tr_spawner_destroy(&scene->spawner);
    free(scene);
    return 0;
}

static void start_shell(scene_t *scene, const char *script)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    char why[256] = "";
    troupe_status_t status = tr_spawner_start(scene->spawner, &(tr_spawn_plan_t){.argv = argv},
                                              &scene->process, why, sizeof why);
    if (status != TROUPE_OK) {
        fail_msg("%s", why);
    }
}

static void wait_until_readable(int descriptor)
{
    struct pollfd item = {.fd = descriptor, .events = POLLIN};
    assert_int_equal(poll(&item, 1, PATIENCE_MS), 1);
}

/* What it writes up to the first newline. */
static void read_line(int descriptor, char *line, size_t size)
{
    size_t length = 0;
    while (length + 1 < size) {
        wait_until_readable(descriptor);
        if (read(descriptor, line + length, 1) != 1 || line[length] == '\n') {
            break;
        }
        length++;
    }
    line[length] = '\0';
}

static tr_reason_t ends(scene_t *scene)
{
    wait_until_readable(scene->process.pidfd);
    assert_true(tr_process_is_dead(&scene->process));
    tr_reason_t reason;
    assert_true(tr_process_reap(&scene->process, &reason));
    assert_int_equal(scene->process.pid, 0);
    return reason;
}

/* One row: what a shell does, and what is said of its end. */
struct end {
    const char *script;
    troupe_reason_kind_t kind;
    int code;
};

static void the_end_is_told_exactly(void **state)
{
    static const struct end rows[] = {
        {"exit 0", TROUPE_REASON_NORMAL, 0},
        {"exit 1", TROUPE_REASON_EXITED, 1},
        {"exit 255", TROUPE_REASON_EXITED, 255},
        {"kill -SEGV $$", TROUPE_REASON_CRASHED, SIGSEGV},
        {"kill -KILL $$", TROUPE_REASON_CRASHED, SIGKILL},
        {"kill -TERM $$", TROUPE_REASON_CRASHED, SIGTERM},
        {"exec /no/such/program", TROUPE_REASON_EXITED, 127},
    };
    scene_t *scene = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start_shell(scene, rows[i].script);
        tr_reason_t reason = ends(scene);
        assert_string_equal(tr_reason_name(reason.kind), tr_reason_name(rows[i].kind));
        assert_int_equal(reason.code, rows[i].code);
        tr_process_close(&scene->process);
    }
}

static void one_that_runs_is_not_reaped(void **state)
{
    scene_t *scene = *state;
    start_shell(scene, "exec sleep 1000");
    tr_reason_t reason;
    assert_false(tr_process_is_dead(&scene->process));
    assert_false(tr_process_reap(&scene->process, &reason));
    assert_true(scene->process.pid > 0);
    tr_process_signal(&scene->process, SIGKILL);
    assert_int_equal(ends(scene).code, SIGKILL);
}

static void a_stopped_one_can_be_killed(void **state)
{
    scene_t *scene = *state;
    start_shell(scene, "echo up; kill -STOP $$");
    char line[16];
    read_line(scene->process.out, line, sizeof line);
    tr_process_signal(&scene->process, SIGSTOP);
    tr_process_signal(&scene->process, SIGKILL);
    assert_int_equal(ends(scene).code, SIGKILL);
}

/* Its grandchild holds the pipe: the pipe's end says that nobody is left. */
static void what_it_started_goes_with_it(void **state)
{
    scene_t *scene = *state;
    start_shell(scene, "sleep 1000 & echo up; exit 3");
    char line[16];
    read_line(scene->process.out, line, sizeof line);
    assert_string_equal(line, "up");
    assert_int_equal(ends(scene).code, 3);
    wait_until_readable(scene->process.out);
    assert_int_equal(read(scene->process.out, line, sizeof line), 0);
}

static void a_signal_reaches_the_whole_group(void **state)
{
    scene_t *scene = *state;
    start_shell(scene, "trap 'exit 5' TERM; (trap 'echo child >&2; exit' TERM; echo up; "
                       "while :; do sleep 1000 & wait; done) & wait; wait");
    char line[16];
    read_line(scene->process.out, line, sizeof line);
    tr_process_signal(&scene->process, SIGTERM);
    read_line(scene->process.err, line, sizeof line);
    assert_string_equal(line, "child");
    assert_int_equal(ends(scene).code, 5);
}

static void memory_is_measured(void **state)
{
    scene_t *scene = *state;
    start_shell(scene, "echo up; sleep 1000; true");
    char line[16];
    read_line(scene->process.out, line, sizeof line);
    assert_in_range(tr_process_memory(&scene->process), 100 * 1000, 100 * 1000 * 1000);
    tr_process_signal(&scene->process, SIGKILL);
    ends(scene);
    assert_int_equal(tr_process_memory(&scene->process), 0);
    tr_process_close(&scene->process);
    assert_int_equal(tr_process_memory(&scene->process), 0);
}

static void no_process_takes_no_signal(void **state)
{
    (void)state;
    tr_process_t none;
    tr_process_init(&none);
    tr_process_signal(&none, SIGKILL); /* to our own group, if it were sent */
    assert_false(tr_process_is_dead(&none));
    tr_process_close(&none);
}

#define story(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(the_end_is_told_exactly),
        story(one_that_runs_is_not_reaped),
        story(a_stopped_one_can_be_killed),
        story(what_it_started_goes_with_it),
        story(a_signal_reaches_the_whole_group),
        story(memory_is_measured),
        cmocka_unit_test(no_process_takes_no_signal),
    };
    return cmocka_run_group_tests_name("actors/process", tests, NULL, NULL) != 0;
}
