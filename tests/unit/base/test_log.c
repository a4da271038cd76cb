/* The tests read what a node's reader of stderr would: the other end of a pipe. A reader that
 * does not read is simply one who does not do it yet. Every wait ends at the line waited for,
 * or fails after a long while.
 */

#include "tests/kit/check.h"
#include "tests/kit/sanitized.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

#define LONG_MS 10000

struct reader {
    int read_end;
    int write_end;
    size_t size;
    char text[1024 * 1024];
};

static struct reader *new_reader(void)
{
    struct reader *reader = calloc(1, sizeof *reader);
    int ends[2];
    if (!reader || pipe2(ends, O_CLOEXEC) != 0) {
        free(reader);
        return NULL;
    }
    reader->read_end = ends[0];
    reader->write_end = ends[1];
    return reader;
}

static int open_pipe(void **state)
{
    struct reader *reader = new_reader();
    if (reader) {
        tr_log_set_descriptor(reader->write_end);
        tr_log_set_level(TR_LOG_INFO);
        tr_log_set_format(TR_LOG_LOGFMT);
    }
    *state = reader;
    return reader ? 0 : -1;
}

static void hang_up(struct reader *reader)
{
    if (reader->read_end >= 0) {
        close(reader->read_end);
        reader->read_end = -1;
    }
}

static int close_pipe(void **state)
{
    struct reader *reader = *state;
    hang_up(reader); /* what is still on its way is lost */
    troupe_status_t status = tr_log_flush(LONG_MS);
    tr_log_set_descriptor(STDERR_FILENO);
    close(reader->write_end);
    free(reader);
    return status == TROUPE_OK ? 0 : -1;
}

/* Read on until `last` has come, and return all that ever came. */
static char *read_until(struct reader *reader, const char *last)
{
    while (!strstr(reader->text, last)) {
        struct pollfd ready = {.fd = reader->read_end, .events = POLLIN};
        if (poll(&ready, 1, LONG_MS) != 1) {
            fail_msg("'%s' never came", last);
        }
        ssize_t n = read(reader->read_end, reader->text + reader->size,
                         sizeof reader->text - reader->size - 1);
        assert_true(n > 0);
        reader->size += (size_t)n;
        reader->text[reader->size] = '\0';
    }
    return reader->text;
}

/* Log numbered lines until the ring is full, and some more that are shed for sure. Returns
 * how many. */
static int64_t flood(void)
{
    uint64_t shed_before = tr_log_n_shed();
    int64_t n = 0;
    while (tr_log_n_shed() < shed_before + 50 && n < 1000000) {
        tr_log(TR_LOG_INFO, "flood", TR_NUMBER("number", n));
        n++;
    }
    assert_true(n < 1000000);
    return n;
}

/* A flood into a pipe that holds next to nothing, so that it is all in the ring; then a part
 * is read that leaves the ring more than half full. */
static int64_t flood_and_read_some(struct reader *reader)
{
    assert_true(fcntl(reader->write_end, F_SETPIPE_SZ, 4096) > 0);
    int64_t n_logged = flood();
    while (reader->size < 64 * 1024) {
        ssize_t n = read(reader->read_end, reader->text + reader->size, 4096);
        assert_true(n > 0);
        reader->size += (size_t)n;
    }
    return n_logged;
}

static void a_line_arrives(void **state)
{
    tr_log(TR_LOG_INFO, "worker_ready", TR_TEXT("worker", "ocr-1"), TR_NUMBER("pid", 77));
    const char *text = read_until(*state, "\n");
    assert_non_null(strstr(text, "Z level=info event=worker_ready worker=ocr-1 pid=77\n"));
    assert_int_equal(strncmp(text, "time=2", 6), 0);
}

static void a_line_arrives_as_json(void **state)
{
    tr_log_set_format(TR_LOG_JSON);
    tr_log(TR_LOG_WARNING, "slow", TR_NUMBER("ms", 5));
    const char *text = read_until(*state, "\n");
    assert_non_null(strstr(text, "\"level\":\"warning\",\"event\":\"slow\",\"ms\":5}\n"));
}

static void what_is_not_important_enough_is_left_out(void **state)
{
    tr_log(TR_LOG_DEBUG, "detail", TR_NUMBER("n", 1));
    tr_log_set_level(TR_LOG_ERROR);
    tr_log(TR_LOG_WARNING, "detail", TR_NUMBER("n", 2));
    tr_log_set_level(TR_LOG_OFF);
    tr_log(TR_LOG_ERROR, "detail", TR_NUMBER("n", 3));
    tr_log_set_level(TR_LOG_DEBUG);
    tr_log(TR_LOG_DEBUG, "last", TR_NUMBER("n", 4));
    assert_null(strstr(read_until(*state, "event=last n=4\n"), "detail"));
}

static void after_a_flush_all_is_out(void **state)
{
    struct reader *reader = *state;
    for (int i = 0; i < 100; i++) {
        tr_log(TR_LOG_INFO, "counted", TR_NUMBER("number", i));
    }
    assert_status(tr_log_flush(LONG_MS), TROUPE_OK);
    ssize_t n = read(reader->read_end, reader->text, sizeof reader->text - 1);
    assert_true(n > 0);
    reader->text[n] = '\0';
    assert_non_null(strstr(reader->text, "number=99\n"));
}

static void a_flush_does_not_wait_for_ever(void **state)
{
    (void)state;
    flood();
    assert_status(tr_log_flush(1), TROUPE_TIMEOUT);
    assert_status(tr_log_flush(0), TROUPE_TIMEOUT);
    assert_status(tr_log_flush(-1), TROUPE_TIMEOUT);
}

/* The number behind `before`, which must be in the line. */
static int64_t number_after(const char *line, const char *before)
{
    const char *at = strstr(line, before);
    if (!at) {
        fail_msg("no '%s' in '%s'", before, line);
        return -1;
    }
    return strtoll(at + strlen(before), NULL, 10);
}

static void a_flood_is_shed_and_the_gap_says_how_much(void **state)
{
    uint64_t shed_before = tr_log_n_shed();
    int64_t n_logged = flood();
    int64_t n_shed = (int64_t)(tr_log_n_shed() - shed_before);
    read_until(*state, "event=log_shed");
    tr_log(TR_LOG_INFO, "last", TR_NUMBER("number", 0));
    char *text = read_until(*state, "event=last number=0\n");

    int64_t n_read = 0;
    char *rest;
    char *line = strtok_r(text, "\n", &rest);
    for (; !strstr(line, "log_shed"); line = strtok_r(NULL, "\n", &rest)) {
        assert_int_equal(number_after(line, "level=info event=flood number="), n_read);
        n_read++;
    }
    assert_int_equal(number_after(line, "level=warning event=log_shed lines="), n_shed);
    assert_int_equal(n_read + n_shed, n_logged);
    assert_non_null(strstr(strtok_r(NULL, "\n", &rest), "event=last"));
}

static void the_gap_ends_only_when_there_is_much_room(void **state)
{
    flood_and_read_some(*state);
    uint64_t shed_before = tr_log_n_shed();
    tr_log(TR_LOG_INFO, "early", TR_NUMBER("number", 1));
    assert_int_equal(tr_log_n_shed() - shed_before, 1);
    read_until(*state, "event=log_shed");
    tr_log(TR_LOG_INFO, "last", TR_NUMBER("number", 2));
    assert_null(strstr(read_until(*state, "event=last number=2\n"), "early"));
}

static void a_flush_waits_for_the_report_too(void **state)
{
    struct reader *reader = *state;
    flood();
    assert_true(fcntl(reader->write_end, F_SETPIPE_SZ, 512 * 1024) > 0); /* room for all */
    assert_status(tr_log_flush(LONG_MS), TROUPE_OK);
    int n_there = 0;
    assert_int_equal(ioctl(reader->read_end, FIONREAD, &n_there), 0);
    while ((int)reader->size < n_there) {
        ssize_t n = read(reader->read_end, reader->text + reader->size, 4096);
        assert_true(n > 0);
        reader->size += (size_t)n;
    }
    assert_non_null(strstr(reader->text, "event=log_shed"));
}

static void lines_without_a_reader_are_counted(void **state)
{
    hang_up(*state);
    uint64_t shed_before = tr_log_n_shed();
    for (int i = 0; i < 10; i++) {
        tr_log(TR_LOG_ERROR, "lost", TR_NUMBER("number", i));
    }
    assert_status(tr_log_flush(LONG_MS), TROUPE_OK);
    assert_int_equal(tr_log_n_shed() - shed_before, 10);
}

static void another_reader_gets_the_rest_in_whole_lines(void **state)
{
    struct reader *stuck = *state;
    int64_t n_logged = flood_and_read_some(stuck);
    void *other = NULL;
    assert_int_equal(open_pipe(&other), 0);
    hang_up(stuck); /* from here on nobody may write to it */
    close(stuck->write_end);
    stuck->write_end = -1;

    struct reader *reader = other;
    read_until(reader, "event=log_shed");
    tr_log(TR_LOG_INFO, "last", TR_NUMBER("number", n_logged));
    char *text = read_until(reader, "event=last");
    assert_int_equal(strncmp(text, "time=", 5), 0);
    int64_t number = number_after(text, "number=");
    assert_true(number > 0);
    char *rest;
    char *line = strtok_r(text, "\n", &rest);
    for (; strstr(line, "event=flood"); line = strtok_r(NULL, "\n", &rest)) {
        assert_int_equal(number_after(line, "event=flood number="), number);
        number++;
    }
    assert_int_equal(number + number_after(line, "event=log_shed lines="), n_logged);
    assert_int_equal(close_pipe(&other), 0);
}

enum { N_THREADS = 4, N_LINES = 400 };

static void *log_much(void *arg)
{
    const char *name = arg;
    for (int i = 0; i < N_LINES; i++) {
        tr_log(TR_LOG_INFO, "counted", TR_TEXT("by", name), TR_NUMBER("number", i));
    }
    return NULL;
}

static void lines_of_many_threads_do_not_mix(void **state)
{
    char names[N_THREADS][2] = {"a", "b", "c", "d"};
    pthread_t threads[N_THREADS];
    for (size_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, log_much, names[i]), 0);
    }
    for (size_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    tr_log(TR_LOG_INFO, "last", TR_NUMBER("number", 0));
    char *text = read_until(*state, "event=last number=0\n");

    int64_t next[N_THREADS] = {0};
    char *rest;
    char *line = strtok_r(text, "\n", &rest);
    for (; !strstr(line, "event=last"); line = strtok_r(NULL, "\n", &rest)) {
        assert_int_equal(strncmp(line, "time=", 5), 0);
        const char *by = strstr(line, " level=info event=counted by=");
        assert_non_null(by);
        size_t thread = (size_t)(by[strlen(" level=info event=counted by=")] - 'a');
        assert_in_range(thread, 0, N_THREADS - 1);
        assert_int_equal(number_after(line, " number="), next[thread]);
        next[thread]++;
    }
    for (size_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(next[i], N_LINES);
    }
}

/* A signal to the process goes to any thread that does not block it; were that the log's, this
 * one would not be left to find it. */
static void signals_are_left_to_the_program(void **state)
{
    tr_log(TR_LOG_INFO, "started", TR_NUMBER("number", 0));
    read_until(*state, "started");
    sigset_t usr1;
    sigset_t before;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &usr1, &before), 0);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    struct timespec long_time = {.tv_sec = LONG_MS / 1000};
    assert_int_equal(sigtimedwait(&usr1, NULL, &long_time), SIGUSR1);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}

/* Fork a child that logs to `reader`, or not at all, and exits as programs do. */
static void run_child(struct reader *reader)
{
    fflush(NULL); /* or the child would say again what this process has not said yet */
    pid_t child = fork();
    if (child == 0) {
        if (reader) {
            tr_log_set_descriptor(reader->write_end);
            tr_log(TR_LOG_INFO, "child", TR_NUMBER("number", 1));
        }
        exit(0);
    }
    assert_true(child > 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_child_writes_its_own_lines_before_it_exits(void **state)
{
    flood();
    struct reader *reader = new_reader();
    assert_non_null(reader);
    run_child(reader);
    char *text = read_until(reader, "event=child number=1\n");
    assert_null(strstr(text, "flood"));
    run_child(NULL);

    close(reader->read_end);
    close(reader->write_end);
    free(reader);
    read_until(*state, "event=log_shed"); /* the parent's lines are the parent's to write */
}

static void levels_are_found_by_name(void **state)
{
    (void)state;
    tr_log_level_t level = TR_LOG_OFF;
    assert_status(tr_log_level_parse("debug", &level), TROUPE_OK);
    assert_int_equal(level, TR_LOG_DEBUG);
    assert_status(tr_log_level_parse("warning", &level), TROUPE_OK);
    assert_int_equal(level, TR_LOG_WARNING);
    assert_status(tr_log_level_parse("off", &level), TROUPE_OK);
    assert_int_equal(level, TR_LOG_OFF);
    assert_status(tr_log_level_parse("Warning", &level), TROUPE_NOT_FOUND);
    assert_status(tr_log_level_parse("", &level), TROUPE_NOT_FOUND);
    assert_int_equal(level, TR_LOG_OFF);
}

/* ThreadSanitizer ends a forked child that starts a thread. */
#ifdef TR_TEST_THREAD_SANITIZED
#define CAN_FORK 0
#else
#define CAN_FORK 1
#endif

static void unless_under_tsan(void **state)
{
    if (!CAN_FORK) {
        skip();
    }
    a_child_writes_its_own_lines_before_it_exits(state);
}

#define WITH_PIPE(story) cmocka_unit_test_setup_teardown(story, open_pipe, close_pipe)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PIPE(a_line_arrives),
        WITH_PIPE(a_line_arrives_as_json),
        WITH_PIPE(what_is_not_important_enough_is_left_out),
        WITH_PIPE(after_a_flush_all_is_out),
        WITH_PIPE(a_flush_does_not_wait_for_ever),
        WITH_PIPE(a_flood_is_shed_and_the_gap_says_how_much),
        WITH_PIPE(the_gap_ends_only_when_there_is_much_room),
        WITH_PIPE(a_flush_waits_for_the_report_too),
        WITH_PIPE(lines_without_a_reader_are_counted),
        WITH_PIPE(another_reader_gets_the_rest_in_whole_lines),
        WITH_PIPE(lines_of_many_threads_do_not_mix),
        WITH_PIPE(signals_are_left_to_the_program),
        {"a child writes its own lines before it exits", unless_under_tsan, open_pipe,
         close_pipe, NULL},
        cmocka_unit_test(levels_are_found_by_name),
    };
    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL) != 0;
}
