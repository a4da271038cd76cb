#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/workers/stage.h"

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

static void the_reply_is_the_picture_and_what_it_is(void **state)
{
    troupe_worker_t worker = {0};
    troupe_request_t request = stage_request("generate", "hello", 5);
    assert_int_equal(troupe_message_add(request.message, "width=320", 9), TROUPE_OK);

    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    assert_int_equal(request.n_finished, 1);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_OK);
    assert_int_equal(troupe_message_count(request.reply), 2);
    assert_memory_equal(troupe_message_data(request.reply, 0), "\x89PNG", 4);

    char *what = troupe_message_text(request.reply, 1);
    assert_non_null(what);
    int height = 0;
    assert_int_equal(sscanf(what, "image/png 320x%d", &height), 1);
    assert_true(height > 0);
    free(what);
    assert_true(worker.n_progress > 0);
    stage_release(&request);
}

/* One row, one story: a request, how it ends, and how the text of the failure begins. */
struct story {
    const char *method;
    const char *text;
    const char *options;
    troupe_outcome_t outcome;
    const char *says;
};

static void each_request_ends_so(void **state)
{
    static const struct story stories[] = {
        {"", "x", "", TROUPE_OUTCOME_OK, ""},
        {"paint", "x", "", TROUPE_OUTCOME_BAD_REQUEST, "text_to_image has no method 'paint'"},
        {"", "", "", TROUPE_OUTCOME_BAD_REQUEST, "the text is empty"},
        {"", "x", "width=wide", TROUPE_OUTCOME_BAD_REQUEST, "width is a whole number"},
        {"", "MMM", "width=8192\nsize=400\ndpi=1200", TROUPE_OUTCOME_TOO_LARGE, "the picture"},
    };
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        const struct story *story = &stories[i];
        troupe_worker_t worker = {0};
        troupe_request_t request =
            stage_request(story->method, story->text, strlen(story->text));
        assert_int_equal(
            troupe_message_add(request.message, story->options, strlen(story->options)),
            TROUPE_OK);
        assert_int_equal(stage_handle(&worker, &request, *state), 0);
        assert_int_equal(request.n_finished, 1);
        assert_int_equal(request.outcome, story->outcome);
        assert_memory_equal(request.text, story->says, strlen(story->says));
        stage_release(&request);
    }
}

static void a_cancel_ends_the_drawing(void **state)
{
    troupe_worker_t worker = {0};
    troupe_request_t request = stage_request("", "x", 1);
    request.cancelled_after = 0;

    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    assert_int_equal(request.n_finished, 1);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_WORKER_ERROR);
    stage_release(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reply_is_the_picture_and_what_it_is),
        cmocka_unit_test(each_request_ends_so),
        cmocka_unit_test(a_cancel_ends_the_drawing),
    };
    return cmocka_run_group_tests_name("workers/text_to_image", tests, start, stop) != 0;
}
