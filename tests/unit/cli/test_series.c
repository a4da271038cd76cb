/* Two looks at the same histogram, and what has happened between them. */

#include "tests/kit/check.h"

#include <string.h>

#include "cli/document.h"
#include "cli/series.h"

#define NAME "troupe_request_duration_seconds"

/* A node's metrics with one histogram, whose steps are these pairs. */
typedef struct look {
    msgpack_sbuffer buffer;
    cli_document_t document;
} look_t;

static void pack_text(msgpack_packer *packer, const char *text)
{
    msgpack_pack_str(packer, strlen(text));
    msgpack_pack_str_body(packer, text, strlen(text));
}

static void pack_series(msgpack_packer *packer, const int64_t *pairs, size_t n)
{
    msgpack_pack_map(packer, pairs ? 3 : 2);
    pack_text(packer, "name");
    pack_text(packer, NAME);
    pack_text(packer, "labels");
    msgpack_pack_map(packer, 1);
    pack_text(packer, "capability");
    pack_text(packer, "echo");
    if (pairs) {
        pack_text(packer, "steps");
        msgpack_pack_array(packer, n);
        for (size_t i = 0; i < n; i++) {
            msgpack_pack_int64(packer, pairs[i]);
        }
    }
}

static void open_look(look_t *self, const char *boot, int64_t clock_us, const int64_t *pairs,
                      size_t n)
{
    msgpack_packer packer;
    const char *reason;
    msgpack_sbuffer_init(&self->buffer);
    msgpack_packer_init(&packer, &self->buffer, msgpack_sbuffer_write);
    msgpack_pack_map(&packer, 3);
    pack_text(&packer, "boot");
    pack_text(&packer, boot);
    pack_text(&packer, "clock_us");
    msgpack_pack_int64(&packer, clock_us);
    pack_text(&packer, "metrics");
    msgpack_pack_array(&packer, 1);
    pack_series(&packer, pairs, n);
    assert_true(
        cli_document_open(&self->document, self->buffer.data, self->buffer.size, &reason));
}

static void close_look(look_t *self)
{
    cli_document_close(&self->document);
    msgpack_sbuffer_destroy(&self->buffer);
}

static const int64_t earlier_steps[] = {5, 10, 1024, 4, 1152, 1};
static const int64_t later_steps[] = {3, 1, 5, 10, 1024, 6, 1152, 1, 2048, 2};

static void what_has_grown_is_what_was_in_between(void **state)
{
    (void)state;
    look_t before;
    look_t after;
    open_look(&before, "one", 1000000, earlier_steps, 6);
    open_look(&after, "one", 3500000, later_steps, 10);
    cli_histogram_t *times = cli_histogram_new();
    assert_true(cli_series_times(cli_document_root(&before.document),
                                 cli_document_root(&after.document), NAME, "echo", times));
    assert_int_equal(cli_histogram_n(times), 5);
    assert_int_equal(cli_histogram_quantile(times, 1), 2176000); /* the middle of 2048..2304 */
    assert_true(cli_histogram_quantile(times, 0.2) / 100 == 35); /* 3..4 us */
    cli_histogram_destroy(&times);
    close_look(&before);
    close_look(&after);
}

static void without_an_earlier_look_all_counts(void **state)
{
    (void)state;
    look_t after;
    open_look(&after, "one", 3500000, later_steps, 10);
    cli_histogram_t *times = cli_histogram_new();
    assert_true(
        cli_series_times(NULL, cli_document_root(&after.document), NAME, "echo", times));
    assert_int_equal(cli_histogram_n(times), 20);
    assert_false(
        cli_series_times(NULL, cli_document_root(&after.document), NAME, "other", times));
    cli_histogram_destroy(&times);
    close_look(&after);
}

static void a_node_that_tells_no_steps_is_told_from_one_that_was_idle(void **state)
{
    (void)state;
    look_t without;
    look_t idle;
    open_look(&without, "one", 1, NULL, 0);
    open_look(&idle, "one", 1, later_steps, 0);
    cli_histogram_t *times = cli_histogram_new();
    assert_false(
        cli_series_times(NULL, cli_document_root(&without.document), NAME, "echo", times));
    assert_true(cli_series_times(NULL, cli_document_root(&idle.document), NAME, "echo", times));
    assert_int_equal(cli_histogram_n(times), 0);
    cli_histogram_destroy(&times);
    close_look(&without);
    close_look(&idle);
}

static void steps_that_are_nonsense_do_no_harm(void **state)
{
    (void)state;
    static const int64_t odd[] = {9, 3, 9, 3, 1, 7, INT64_MAX, 1, -4, 2, 5};
    look_t one;
    open_look(&one, "one", 1, odd, 11);
    cli_histogram_t *times = cli_histogram_new();
    const msgpack_object *root = cli_document_root(&one.document);
    assert_true(cli_series_times(root, root, NAME, "echo", times));
    assert_true(cli_series_times(NULL, root, NAME, "echo", times));
    cli_histogram_destroy(&times);
    close_look(&one);
}

static void seconds_are_those_of_one_life(void **state)
{
    (void)state;
    look_t before;
    look_t after;
    look_t reborn;
    open_look(&before, "one", 1000000, earlier_steps, 6);
    open_look(&after, "one", 3500000, later_steps, 10);
    open_look(&reborn, "two", 9000000, later_steps, 10);
    const msgpack_object *first = cli_document_root(&before.document);
    const msgpack_object *second = cli_document_root(&after.document);
    assert_true(cli_series_seconds(first, second) == 2.5);
    assert_true(cli_series_seconds(second, first) == 0);
    assert_true(cli_series_seconds(first, cli_document_root(&reborn.document)) == 0);
    assert_true(cli_series_seconds(NULL, second) == 0);
    close_look(&before);
    close_look(&after);
    close_look(&reborn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_grown_is_what_was_in_between),
        cmocka_unit_test(without_an_earlier_look_all_counts),
        cmocka_unit_test(a_node_that_tells_no_steps_is_told_from_one_that_was_idle),
        cmocka_unit_test(steps_that_are_nonsense_do_no_harm),
        cmocka_unit_test(seconds_are_those_of_one_life),
    };
    return cmocka_run_group_tests_name("cli/series", tests, NULL, NULL) != 0;
}
