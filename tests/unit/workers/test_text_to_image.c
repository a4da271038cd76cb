#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include <troupe/text_to_image.h>

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

static troupe_request_t request_to_draw(const troupe_text_to_image_request_t *asked)
{
    troupe_request_t request = {.method = "generate", .cancelled_after = -1};
    troupe_why_t why = {""};
    if (troupe_text_to_image_pack(asked, &request.message, &why) != TROUPE_OK) {
        fail_msg("%s", why.text);
    }
    return request;
}

static void the_reply_is_the_picture_and_what_it_is(void **state)
{
    static const char *const begins[] = {
        [TROUPE_IMAGE_PNG] = "\x89PNG",
        [TROUPE_IMAGE_SVG] = "<?xml",
        [TROUPE_IMAGE_PDF] = "%PDF",
    };
    for (int format = TROUPE_IMAGE_PNG; format <= TROUPE_IMAGE_PDF; format++) {
        troupe_worker_t worker = {0};
        troupe_text_to_image_request_t asked;
        troupe_text_to_image_init(&asked);
        asked.prompt = "hello";
        asked.width = 320;
        asked.dpi = 144;
        asked.format = (troupe_image_format_t)format;
        troupe_request_t request = request_to_draw(&asked);

        assert_int_equal(stage_handle(&worker, &request, *state), 0);
        assert_int_equal(request.n_finished, 1);
        assert_int_equal(request.outcome, TROUPE_OUTCOME_OK);
        assert_int_equal(request.n_parts, 0);
        assert_true(worker.n_progress > 0);

        troupe_text_to_image_reply_t reply;
        troupe_why_t why = {""};
        assert_status(
            troupe_text_to_image_unpack_reply("generate", request.reply, &reply, &why),
            TROUPE_OK);
        assert_memory_equal(reply.data, begins[format], 4);
        assert_int_equal(reply.format, format);
        assert_int_equal(reply.width, format == TROUPE_IMAGE_PDF ? 160 : 320);
        assert_true(reply.height > 0);
        assert_memory_equal(reply.model, "pango ", 6);
        troupe_text_to_image_release_reply(&reply);
        stage_release(&request);
    }
}

/* Parts that tell how far it is come at each tenth at most, and in the form of the request. */
static void it_tells_how_far_it_is(void **state)
{
    troupe_worker_t worker = {0};
    static const char text[] = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16";
    static const char details[] = "{\"progress\":true}";
    troupe_request_t request = stage_request("", text, sizeof text - 1);
    assert_status(troupe_message_add(request.message, details, sizeof details - 1), TROUPE_OK);

    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_OK);
    assert_in_range(request.n_parts, 2, STAGE_MAX_PARTS);
    double last = 0;
    for (int i = 0; i < request.n_parts; i++) {
        assert_int_equal(troupe_message_size(request.parts[i], 0), 0);
        char *told = troupe_message_text(request.parts[i], 1);
        assert_non_null(told);
        assert_memory_equal(told, "{\"progress\":", 12);
        double done = strtod(told + 12, NULL);
        assert_true(done > last && done <= 1);
        last = done;
        free(told);
    }
    stage_release(&request);
}

static void nobody_needs_to_hear_how_far_it_is(void **state)
{
    troupe_worker_t worker = {0};
    troupe_text_to_image_request_t asked;
    troupe_text_to_image_init(&asked);
    asked.prompt = "1\n2\n3";
    asked.progress = true;
    troupe_request_t request = request_to_draw(&asked);
    request.is_full = true;

    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_OK);
    stage_release(&request);
}

/* One row, one story: a request, how it ends, and a word of the text of the failure. */
struct story {
    const char *method;
    const char *text;
    const char *details;
    troupe_outcome_t outcome;
    const char *says;
};

static void each_request_ends_so(void **state)
{
    static const struct story stories[] = {
        {"", "x", "", TROUPE_OUTCOME_OK, ""},
        {"generate", "x", "{\"steps\":3,\"seed\":7}", TROUPE_OUTCOME_OK, ""},
        {"paint", "x", "", TROUPE_OUTCOME_BAD_REQUEST, "paint"},
        {"", "", "", TROUPE_OUTCOME_BAD_REQUEST, "empty"},
        {"", "a\xff", "", TROUPE_OUTCOME_BAD_REQUEST, "UTF-8"},
        {"", "x", "width=320", TROUPE_OUTCOME_BAD_REQUEST, ""},
        {"", "x", "{\"width\":\"wide\"}", TROUPE_OUTCOME_BAD_REQUEST, "width"},
        {"", "x", "{\"width\":5}", TROUPE_OUTCOME_BAD_REQUEST, "width"},
        {"", "x", "{\"wide\":5}", TROUPE_OUTCOME_BAD_REQUEST, "wide"},
        {"", "x", "{\"format\":\"gif\"}", TROUPE_OUTCOME_BAD_REQUEST, "format"},
        {"", "x", "{\"font\":\"No Such\"}", TROUPE_OUTCOME_BAD_REQUEST, "No Such"},
        {"", "MMM", "{\"width\":8192,\"size\":400,\"dpi\":1200}", TROUPE_OUTCOME_TOO_LARGE,
         "the picture"},
    };
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        const struct story *story = &stories[i];
        troupe_worker_t worker = {0};
        troupe_request_t request =
            stage_request(story->method, story->text, strlen(story->text));
        assert_int_equal(
            troupe_message_add(request.message, story->details, strlen(story->details)),
            TROUPE_OK);
        assert_int_equal(stage_handle(&worker, &request, *state), 0);
        assert_int_equal(request.n_finished, 1);
        if (request.outcome != story->outcome || !strstr(request.text, story->says)) {
            fail_msg("row %zu: %s", i, request.text);
        }
        stage_release(&request);
    }
}

/* Bytes that are no text for a picture, whoever counts them: a NUL inside, and far too many. */
static void a_text_is_one(void **state)
{
    troupe_worker_t worker = {0};
    troupe_request_t request = stage_request("", "a\0b", 3);
    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_BAD_REQUEST);
    stage_release(&request);

    const size_t size = 100 * 1024 * 1024;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'a', size);
    request = stage_request("", text, size);
    free(text);
    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_TOO_LARGE);
    stage_release(&request);
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
        cmocka_unit_test(it_tells_how_far_it_is),
        cmocka_unit_test(nobody_needs_to_hear_how_far_it_is),
        cmocka_unit_test(each_request_ends_so),
        cmocka_unit_test(a_text_is_one),
        cmocka_unit_test(a_cancel_ends_the_drawing),
    };
    return cmocka_run_group_tests_name("workers/text_to_image", tests, start, stop) != 0;
}
