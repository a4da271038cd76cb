#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/workers/stage.h"
#include "workers/render.h"

extern const troupe_behaviour_t *const troupe_behaviour;

static int start(void **state)
{
    const stage_arg_t none[] = {{NULL, NULL}};
    const troupe_args_t args = {none};
    troupe_worker_t worker = {0};
    return troupe_behaviour->init(&worker, &args, state);
}

static int stop(void **state)
{
    troupe_worker_t worker = {0};
    troupe_behaviour->terminate(&worker, state, (troupe_reason_t){.text = ""});
    return 0;
}

/* A request with a picture of `text`. */
static troupe_request_t request_to_read(const char *method, const char *text)
{
    tr_renderer_t *renderer = tr_renderer_new();
    tr_render_options_t options = tr_render_options_default();
    tr_picture_t picture = {0};
    tr_why_t why = {""};
    assert_non_null(renderer);
    assert_int_equal(
        tr_renderer_draw(renderer, text, strlen(text), &options, NULL, NULL, &picture, &why),
        TROUPE_OK);
    troupe_request_t request = stage_request(method, picture.png, picture.size);
    free(picture.png);
    tr_renderer_destroy(&renderer);
    return request;
}

static void assert_text(const troupe_message_t *message, const char *text)
{
    char *got = troupe_message_text(message, 0);
    assert_non_null(got);
    assert_string_equal(got, text);
    free(got);
}

static void the_reply_is_the_text(void **state)
{
    troupe_worker_t worker = {0};
    troupe_request_t request = request_to_read("describe", "hello there");

    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    assert_int_equal(request.n_finished, 1);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_OK);
    assert_text(request.reply, "hello there");
    assert_int_equal(request.n_parts, 0);
    assert_true(worker.n_progress > 0);
    stage_release(&request);
}

static void lines_come_as_parts_and_then_all(void **state)
{
    troupe_worker_t worker = {0};
    troupe_request_t request = request_to_read("lines", "the first line\n\n\nthe last line");

    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    assert_int_equal(request.n_parts, 2);
    assert_text(request.parts[0], "the first line");
    assert_text(request.parts[1], "the last line");
    assert_text(request.reply, "the first line\n\nthe last line");
    stage_release(&request);
}

static void lines_end_when_the_reader_left(void **state)
{
    troupe_worker_t worker = {0};
    troupe_request_t request = request_to_read("lines", "hello");
    request.reader_left = true;

    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    assert_int_equal(request.n_finished, 1);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_WORKER_ERROR);
    stage_release(&request);
}

static void lines_end_when_there_is_no_room(void **state)
{
    troupe_worker_t worker = {0};
    troupe_request_t request = request_to_read("lines", "hello");
    request.is_full = true;

    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    assert_int_equal(request.n_finished, 1);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_WORKER_ERROR);
    assert_non_null(strstr(request.text, "no room"));
    stage_release(&request);
}

static void a_cancel_ends_the_reading(void **state)
{
    troupe_worker_t worker = {0};
    troupe_request_t request = request_to_read("", "hello");
    request.cancelled_after = 1;

    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    assert_int_equal(request.n_finished, 1);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_WORKER_ERROR);
    stage_release(&request);
}

static void what_is_no_image_is_a_bad_request(void **state)
{
    troupe_worker_t worker = {0};
    troupe_request_t request = stage_request("", "no image at all", 15);

    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    assert_int_equal(request.n_finished, 1);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_BAD_REQUEST);
    stage_release(&request);

    request = stage_request("sing", "", 0);
    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_BAD_REQUEST);
    assert_non_null(strstr(request.text, "no method 'sing'"));
    stage_release(&request);
}

static void a_missing_language_is_explained(void **state)
{
    (void)state;
    const stage_arg_t list[] = {{"language", "xyz"}, {NULL, NULL}};
    const troupe_args_t args = {list};
    troupe_worker_t worker = {0};
    void *nothing = NULL;

    assert_int_not_equal(troupe_behaviour->init(&worker, &args, &nothing), 0);
    assert_null(nothing);
    assert_non_null(strstr(worker.explained, "tesseract-ocr-xyz"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reply_is_the_text),
        cmocka_unit_test(lines_come_as_parts_and_then_all),
        cmocka_unit_test(lines_end_when_the_reader_left),
        cmocka_unit_test(lines_end_when_there_is_no_room),
        cmocka_unit_test(a_cancel_ends_the_reading),
        cmocka_unit_test(what_is_no_image_is_a_bad_request),
        cmocka_unit_test(a_missing_language_is_explained),
    };
    return cmocka_run_group_tests_name("workers/vision", tests, start, stop) != 0;
}
