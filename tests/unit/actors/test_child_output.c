/* What a process writes becomes lines of the log, whole and in order, as long as it is modest;
 * what is not is cut, counted and told. The process is a pipe that the test fills, the log
 * another that it reads; time stands still until it is moved. */

#include "tests/kit/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "actors/process/child_output.h"
#include "base/clock.h"
#include "base/log.h"

#define LOG_BYTES (1 << 20)

typedef struct scene {
    tr_child_output_t *output;
    int pipe[2]; /* the process writes into the second */
    int log;     /* a file in memory */
    char text[LOG_BYTES];
} scene_t;

static int set_up(void **state)
{
    scene_t *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->output = tr_child_output_new("echo/1");
    assert_non_null(scene->output);
    assert_int_equal(pipe2(scene->pipe, O_CLOEXEC | O_NONBLOCK), 0);
    assert_true(fcntl(scene->pipe[1], F_SETPIPE_SZ, 1 << 20) >= 1 << 20);
    scene->log = memfd_create("log", MFD_CLOEXEC);
    assert_true(scene->log >= 0);
    tr_log_set_descriptor(scene->log);
    *state = scene;
    return 0;
}

static void close_writer(scene_t *scene)
{
    close(scene->pipe[1]);
    scene->pipe[1] = -1;
}

static int tear_down(void **state)
{
    scene_t *scene = *state;
    tr_log_flush(5000);
    tr_log_set_descriptor(2);
    tr_child_output_destroy(&scene->output);
    close(scene->pipe[0]);
    if (scene->pipe[1] >= 0) {
        close_writer(scene);
    }
    close(scene->log);
    free(scene);
    return 0;
}

static void writes_bytes(scene_t *scene, const char *bytes, size_t size)
{
    assert_int_equal(write(scene->pipe[1], bytes, size), size);
}

static void writes(scene_t *scene, const char *text)
{
    writes_bytes(scene, text, strlen(text));
}

static bool is_read(scene_t *scene, tr_child_stream_t stream, int64_t now_ms)
{
    return tr_child_output_read(scene->output, stream, scene->pipe[0], now_ms);
}

/* The log so far, from the first event on. */
static const char *log_of(scene_t *scene)
{
    assert_status(tr_log_flush(5000), TROUPE_OK);
    ssize_t size = pread(scene->log, scene->text, LOG_BYTES - 1, 0);
    assert_true(size >= 0);
    scene->text[size] = '\0';
    return scene->text;
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what)) {
        n++;
    }
    return n;
}

static void lines_are_logged(void **state)
{
    scene_t *scene = *state;
    writes(scene, "one\ntwo words\r\n\n");
    assert_true(is_read(scene, TR_CHILD_OUT, 0));
    writes(scene, "bad \xff");
    assert_true(is_read(scene, TR_CHILD_ERR, 0));
    assert_int_equal(count(log_of(scene), "worker_output"), 3);
    writes_bytes(scene, " and \0 end\n", 11);
    assert_true(is_read(scene, TR_CHILD_ERR, 0));
    const char *text = log_of(scene);
    assert_non_null(strstr(text, "event=worker_output worker=echo/1 stream=stdout text=one\n"));
    assert_non_null(strstr(text, "stream=stdout text=\"two words\"\n"));
    assert_non_null(strstr(text, "stream=stdout text=\"\"\n"));
    assert_non_null(strstr(text, " and ? end\"\n"));
    assert_int_equal(count(text, "stream=stderr"), 1);
}

static void the_end_is_noticed_and_its_last_line_told(void **state)
{
    scene_t *scene = *state;
    writes(scene, "no newline");
    close_writer(scene);
    assert_false(is_read(scene, TR_CHILD_ERR, 0));
    assert_int_equal(count(log_of(scene), "newline"), 0);
    tr_child_output_finish(scene->output, 0);
    assert_int_equal(count(log_of(scene), "text=\"no newline\""), 1);
    assert_string_equal(tr_child_output_last_words(scene->output), "no newline");
}

static void a_long_line_is_cut(void **state)
{
    scene_t *scene = *state;
    char line[5000];
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 20; i++) {
        writes_bytes(scene, line, sizeof line);
    }
    writes(scene, "\nafter\n");
    assert_true(is_read(scene, TR_CHILD_OUT, 0));
    const char *text = strstr(log_of(scene), "text=x");
    assert_non_null(text);
    assert_int_equal(strspn(text + strlen("text="), "x"), TR_CHILD_LINE - 1);
    assert_int_equal(count(log_of(scene), "text=after\n"), 1);
}

static void a_flood_is_counted_and_told_once_a_second(void **state)
{
    scene_t *scene = *state;
    assert_int_equal(tr_child_output_turn(scene->output, 5000), TR_NEVER);
    for (int i = 0; i < 1000; i++) {
        writes(scene, "again\n");
    }
    assert_true(is_read(scene, TR_CHILD_OUT, 5400));
    assert_int_equal(count(log_of(scene), "text=again"), 100);
    assert_int_equal(tr_child_output_n_dropped(scene->output), 900);
    assert_int_equal(tr_child_output_turn(scene->output, 5999), 6000);
    assert_int_equal(count(log_of(scene), "worker_output_dropped"), 0);
    assert_int_equal(tr_child_output_turn(scene->output, 6000), TR_NEVER);
    assert_int_equal(
        count(log_of(scene), "event=worker_output_dropped worker=echo/1 lines=900\n"), 1);
    writes(scene, "calm\n");
    assert_true(is_read(scene, TR_CHILD_OUT, 6000));
    assert_int_equal(count(log_of(scene), "text=calm"), 1);
}

static void the_last_of_a_flood_is_told_at_the_end(void **state)
{
    scene_t *scene = *state;
    for (int i = 0; i < 200; i++) {
        writes(scene, "noise\n");
    }
    writes(scene, "the cause\n  \n");
    assert_true(is_read(scene, TR_CHILD_ERR, 0));
    assert_int_equal(count(log_of(scene), "the cause"), 0);
    tr_child_output_finish(scene->output, 0);
    assert_int_equal(count(log_of(scene), "text=\"the cause\""), 1);
    assert_int_equal(count(log_of(scene), "event=worker_output worker"), 108);
    assert_int_equal(count(log_of(scene), "event=worker_output_dropped"), 1);
    assert_int_equal(count(log_of(scene), "lines=94\n"), 1);
    assert_string_equal(tr_child_output_last_words(scene->output), "the cause");
}

static void errors_are_the_better_last_words(void **state)
{
    scene_t *scene = *state;
    assert_string_equal(tr_child_output_last_words(scene->output), "");
    writes(scene, "out\n");
    assert_true(is_read(scene, TR_CHILD_OUT, 0));
    assert_string_equal(tr_child_output_last_words(scene->output), "out");
    writes(scene, "error\n");
    assert_true(is_read(scene, TR_CHILD_ERR, 0));
    writes(scene, "more\n");
    assert_true(is_read(scene, TR_CHILD_OUT, 0));
    assert_string_equal(tr_child_output_last_words(scene->output), "error");
}

static void one_turn_reads_a_bounded_piece(void **state)
{
    scene_t *scene = *state;
    char *zeros = calloc(1, 1 << 20);
    assert_non_null(zeros);
    writes_bytes(scene, zeros, 1 << 20);
    free(zeros);
    close_writer(scene);
    size_t n_turns = 1;
    while (is_read(scene, TR_CHILD_OUT, 0)) {
        n_turns++;
    }
    assert_in_range(n_turns, 4, 17);
}

#define story(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(lines_are_logged),
        story(the_end_is_noticed_and_its_last_line_told),
        story(a_long_line_is_cut),
        story(a_flood_is_counted_and_told_once_a_second),
        story(the_last_of_a_flood_is_told_at_the_end),
        story(errors_are_the_better_last_words),
        story(one_turn_reads_a_bounded_piece),
    };
    return cmocka_run_group_tests_name("actors/child_output", tests, NULL, NULL) != 0;
}
