/* The spawner keeps its word when a child has what was planned and nothing besides, and when no
 * child outlives who started it: neither the child itself, nor what it started. */

#include "tests/kit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/process/libexec.h"
#include "actors/process/spawner.h"

#define PATIENCE_MS 10000

static int set_up(void **state)
{
    *state = tr_spawner_new();
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    tr_spawner_destroy((tr_spawner_t **)state);
    return 0;
}

static void wait_until_readable(int descriptor)
{
    struct pollfd item = {.fd = descriptor, .events = POLLIN};
    assert_int_equal(poll(&item, 1, PATIENCE_MS), 1);
}

/* All that comes until the end, without the last newline. */
static void read_all(int descriptor, char *text, size_t size)
{
    size_t length = 0;
    while (length + 1 < size) {
        wait_until_readable(descriptor);
        ssize_t n = read(descriptor, text + length, size - 1 - length);
        if (n <= 0) {
            break;
        }
        length += (size_t)n;
    }
    text[length] = '\0';
    text[strcspn(text, "\n") == length - 1 ? length - 1 : length] = '\0';
}

static tr_process_t start(tr_spawner_t *spawner, const tr_spawn_plan_t *plan)
{
    tr_process_t process;
    char why[256] = "";
    if (tr_spawner_start(spawner, plan, &process, why, sizeof why) != TROUPE_OK) {
        fail_msg("%s", why);
    }
    return process;
}

static tr_reason_t finish(tr_spawner_t *spawner, tr_process_t *process)
{
    wait_until_readable(process->pidfd);
    tr_reason_t reason;
    tr_spawner_forget(spawner, process->pid);
    assert_true(tr_process_reap(process, &reason));
    tr_process_close(process);
    return reason;
}

/* What a shell under this plan says, and on which of the two pipes. */
static void shell_says(tr_spawner_t *spawner, tr_spawn_plan_t plan, const char *script,
                       char *text, size_t size)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    plan.argv = argv;
    tr_process_t process = start(spawner, &plan);
    read_all(process.out, text, size);
    finish(spawner, &process);
}

static void output_and_errors_are_apart(void **state)
{
    const char *argv[] = {"/bin/sh", "-c", "echo one; echo two >&2; exit 9", NULL};
    tr_process_t process = start(*state, &(tr_spawn_plan_t){.argv = argv});
    char text[64];
    read_all(process.out, text, sizeof text);
    assert_string_equal(text, "one");
    read_all(process.err, text, sizeof text);
    assert_string_equal(text, "two");
    assert_int_equal(finish(*state, &process).code, 9);
}

static void the_environment_is_added_to(void **state)
{
    const char *env[] = {"TR_TEST_NEW=new", "TR_TEST_OLD=changed", NULL};
    setenv("TR_TEST_OLD", "old", 1);
    setenv("TR_TEST_OLD_AND_LONGER", "kept", 1);
    char text[256];
    shell_says(*state, (tr_spawn_plan_t){.env = env},
               "echo $TR_TEST_NEW $TR_TEST_OLD $TR_TEST_OLD_AND_LONGER; "
               "env | grep -c '^TR_TEST_OLD='",
               text, sizeof text);
    assert_string_equal(text, "new changed kept\n1\n");
}

static void it_runs_where_it_is_told_to(void **state)
{
    char text[256];
    shell_says(*state, (tr_spawn_plan_t){.directory = "/usr"}, "pwd", text, sizeof text);
    assert_string_equal(text, "/usr");
}

static void it_has_the_limits_of_its_plan(void **state)
{
    tr_spawn_plan_t plan = {
        .limits = {.memory_bytes = 256 << 20, .cpu_time_s = 7, .open_files = 33, .nice = 5}};
    CPU_SET(0, &plan.limits.cpus);
    char text[256];
    shell_says(*state, plan,
               "ulimit -d; ulimit -t; ulimit -n; nice; taskset -p $$ | sed 's/.*: //'", text,
               sizeof text);
    assert_string_equal(text, "262144\n7\n33\n5\n1\n");
}

/* Signals blocked by the thread that asks, or ignored by the process, are as new in the child.
 */
static void it_starts_with_signals_as_new(void **state)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    signal(SIGUSR1, SIG_IGN);
    char text[256];
    shell_says(*state, (tr_spawn_plan_t){0},
               "grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\t\\n'", text, sizeof text);
    signal(SIGUSR1, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    unsigned long long blocked = 1;
    unsigned long long ignored = 1;
    assert_int_equal(sscanf(text, "SigBlk:%16llxSigIgn:%16llx", &blocked, &ignored), 2);
    assert_int_equal(blocked, 0);
    assert_int_equal(ignored & 0x7fffffff, 0); /* 32 and 33 are the C library's own */
}

static void it_inherits_no_descriptor(void **state)
{
    int careless[2]; /* such as a library opens that never heard of exec */
    assert_int_equal(pipe(careless), 0);
    char text[256];
    shell_says(*state, (tr_spawn_plan_t){0}, "exec ls /proc/self/fd", text, sizeof text);
    close(careless[0]);
    close(careless[1]);
    assert_string_equal(text, "0\n1\n2\n3\n"); /* the last is the folder that ls reads */
}

static void it_is_the_leader_of_its_group(void **state)
{
    char text[64];
    shell_says(*state, (tr_spawn_plan_t){0}, "ps -o pgid= -p $$ | tr -d ' '; echo $$", text,
               sizeof text);
    long group = 0;
    long pid = -1;
    assert_int_equal(sscanf(text, "%ld\n%ld", &group, &pid), 2);
    assert_int_equal(group, pid);
}

static void a_program_that_is_not_there_says_so(void **state)
{
    const char *argv[] = {"/no/such/program", NULL};
    tr_process_t process = start(*state, &(tr_spawn_plan_t){.argv = argv});
    char text[256];
    read_all(process.err, text, sizeof text);
    assert_non_null(strstr(text, "cannot run /no/such/program: No such file or directory"));
    assert_int_equal(finish(*state, &process).code, 127);
}

static void a_folder_that_is_not_there_is_told_at_once(void **state)
{
    const char *argv[] = {"/bin/true", NULL};
    tr_process_t process;
    char why[256] = "";
    assert_status(tr_spawner_start(*state,
                                   &(tr_spawn_plan_t){.argv = argv, .directory = "/no/folder"},
                                   &process, why, sizeof why),
                  TROUPE_ERR_IO);
    assert_string_equal(why, "/no/folder: No such file or directory");
}

static void nothing_is_left_open(void **state)
{
    char text[64];
    shell_says(*state, (tr_spawn_plan_t){0}, "true", text, sizeof text); /* and the guard */
    int before = dup(0);
    close(before);
    for (int i = 0; i < 20; i++) {
        shell_says(*state, (tr_spawn_plan_t){0}, "true", text, sizeof text);
    }
    int after = dup(0);
    close(after);
    assert_int_equal(after, before);
}

/* ---- death ---- */

/* A node that is killed, played by a process between: it starts a child by a spawner of its
 * own, writes the numbers that the child says, and waits. */
static pid_t start_node(const char *script, int *out)
{
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t node = fork();
    assert_true(node >= 0);
    if (node == 0) {
        const char *argv[] = {"/bin/sh", "-c", script, NULL};
        tr_spawner_t *spawner = tr_spawner_new();
        tr_process_t process;
        char why[256];
        char text[64];
        if (!spawner || tr_spawner_start(spawner, &(tr_spawn_plan_t){.argv = argv}, &process,
                                         why, sizeof why) != TROUPE_OK) {
            _exit(1);
        }
        for (;;) {
            struct pollfd item = {.fd = process.out, .events = POLLIN};
            poll(&item, 1, -1);
            ssize_t n = read(process.out, text, sizeof text);
            if (n > 0 && write(pipe_ends[1], text, (size_t)n) != n) {
                _exit(1);
            }
        }
    }
    close(pipe_ends[1]);
    *out = pipe_ends[0];
    return node;
}

static pid_t read_pid(int descriptor)
{
    char text[32];
    size_t length = 0;
    while (length + 1 < sizeof text) {
        wait_until_readable(descriptor);
        assert_int_equal(read(descriptor, text + length, 1), 1);
        if (text[length] == '\n') {
            break;
        }
        length++;
    }
    text[length] = '\0';
    return (pid_t)atoi(text);
}

static void kill_node(pid_t node)
{
    kill(node, SIGKILL);
    assert_int_equal(waitpid(node, NULL, 0), node);
}

static void goes(int pidfd)
{
    wait_until_readable(pidfd);
    close(pidfd);
}

static int hold(pid_t pid)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    assert_true(pidfd >= 0);
    return pidfd;
}

static void a_child_dies_with_its_node(void **state)
{
    (void)state;
    int out;
    pid_t node = start_node("echo $$; exec sleep 1000", &out);
    int child = hold(read_pid(out));
    kill_node(node);
    goes(child);
    close(out);
}

/* The same by troupe-exec alone, so that no guard can have done it. */
static void it_dies_so_without_a_guard(void **state)
{
    (void)state;
    char shim[PATH_MAX];
    assert_status(tr_libexec_find("troupe-exec", shim, sizeof shim), TROUPE_OK);
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t node = fork();
    assert_true(node >= 0);
    if (node == 0) {
        char parent[32];
        snprintf(parent, sizeof parent, "%ld", (long)getpid());
        if (fork() == 0) {
            dup2(pipe_ends[1], 1);
            execl(shim, shim, "--parent", parent, "--", "/bin/sh", "-c",
                  "echo $$; exec sleep 1000", NULL);
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    close(pipe_ends[1]);
    int child = hold(read_pid(pipe_ends[0]));
    kill_node(node);
    goes(child);
    close(pipe_ends[0]);
}

static void so_does_what_the_child_started(void **state)
{
    (void)state;
    int out;
    pid_t node = start_node("sleep 1000 & echo $!; sleep 1000 & echo $!; wait", &out);
    int first = hold(read_pid(out));
    int second = hold(read_pid(out));
    kill_node(node);
    goes(first);
    goes(second);
    close(out);
}

static void *start_true(void *spawner)
{
    const char *argv[] = {"/bin/true", NULL};
    tr_process_t process;
    char why[256];
    if (tr_spawner_start(spawner, &(tr_spawn_plan_t){.argv = argv}, &process, why,
                         sizeof why) != TROUPE_OK) {
        return spawner;
    }
    struct pollfd end = {.fd = process.pidfd, .events = POLLIN};
    tr_reason_t reason;
    bool is_well = poll(&end, 1, PATIENCE_MS) == 1;
    tr_spawner_forget(spawner, process.pid);
    is_well =
        tr_process_reap(&process, &reason) && reason.kind == TROUPE_REASON_NORMAL && is_well;
    tr_process_close(&process);
    return is_well ? NULL : spawner;
}

/* The thread that asked ends at once, and its child does not die of that. */
static void many_may_ask_at_once(void **state)
{
    pthread_t threads[16];
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, start_true, *state), 0);
    }
    for (size_t i = 0; i < 16; i++) {
        void *fault;
        pthread_join(threads[i], &fault);
        assert_null(fault);
    }
}

typedef struct asked {
    tr_spawner_t *spawner;
    tr_process_t process;
} asked_t;

static void *ask_and_leave(void *arg)
{
    asked_t *asked = arg;
    const char *argv[] = {"/bin/sh", "-c", "echo up; exec sleep 1000", NULL};
    asked->process = start(asked->spawner, &(tr_spawn_plan_t){.argv = argv});
    return NULL;
}

static void a_child_survives_the_thread_that_asked(void **state)
{
    asked_t asked = {.spawner = *state};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, ask_and_leave, &asked), 0);
    pthread_join(thread, NULL);
    wait_until_readable(asked.process.out); /* its program runs, after that thread's end */
    assert_false(tr_process_is_dead(&asked.process));
    tr_process_signal(&asked.process, SIGTERM);
    assert_int_equal(finish(*state, &asked.process).code, SIGTERM);
}

static void destroying_nothing_is_fine(void **state)
{
    (void)state;
    tr_spawner_t *spawner = NULL;
    tr_spawner_destroy(&spawner);
    spawner = tr_spawner_new(); /* never used: no thread, no guard */
    tr_spawner_destroy(&spawner);
    assert_null(spawner);
}

#define story(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(output_and_errors_are_apart),
        story(the_environment_is_added_to),
        story(it_runs_where_it_is_told_to),
        story(it_has_the_limits_of_its_plan),
        story(it_starts_with_signals_as_new),
        story(it_inherits_no_descriptor),
        story(it_is_the_leader_of_its_group),
        story(a_program_that_is_not_there_says_so),
        story(a_folder_that_is_not_there_is_told_at_once),
        story(nothing_is_left_open),
        cmocka_unit_test(a_child_dies_with_its_node),
        cmocka_unit_test(it_dies_so_without_a_guard),
        cmocka_unit_test(so_does_what_the_child_started),
        story(many_may_ask_at_once),
        story(a_child_survives_the_thread_that_asked),
        cmocka_unit_test(destroying_nothing_is_fine),
    };
    return cmocka_run_group_tests_name("actors/spawner", tests, NULL, NULL) != 0;
}
