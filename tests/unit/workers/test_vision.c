#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/vision.h>

#include "tests/unit/workers/drawn.h"
#include "tests/unit/workers/pictures.h"
#include "tests/unit/workers/stage.h"

extern const troupe_behaviour_t *const troupe_behaviour;

static int start_with(void **state, const stage_arg_t *list, troupe_worker_t *worker)
{
    const troupe_args_t args = {list};
    return troupe_behaviour->init(worker, &args, state);
}

static int start(void **state)
{
    const stage_arg_t none[] = {{NULL, NULL}};
    troupe_worker_t worker = {0};
    return start_with(state, none, &worker);
}

static int stop(void **state)
{
    troupe_worker_t worker = {0};
    troupe_behaviour->terminate(&worker, state, (troupe_reason_t){.text = ""});
    return 0;
}

/* A request that asks `asked` of a picture of `text`, unless it has an image. */
static troupe_request_t request_to_read(const char *text, troupe_vision_request_t *asked)
{
    tr_picture_t picture = {0};
    if (!asked->image.path && !asked->image.data) {
        picture = drawn_page(text, 0);
        asked->image = (troupe_image_t){.data = picture.bytes, .size = picture.size};
    }
    troupe_request_t request = {.method = "describe", .cancelled_after = -1};
    troupe_why_t why = {""};
    if (troupe_vision_pack(asked, &request.message, &why) != TROUPE_OK) {
        fail_msg("%s", why.text);
    }
    free(picture.bytes);
    return request;
}

static troupe_vision_reply_t reply_of(const troupe_request_t *request)
{
    troupe_vision_reply_t reply;
    troupe_why_t why = {""};
    assert_int_equal(request->n_finished, 1);
    if (request->outcome != TROUPE_OUTCOME_OK) {
        fail_msg("%s", request->text);
    }
    if (troupe_vision_unpack_reply("describe", request->reply, &reply, &why) != TROUPE_OK) {
        fail_msg("%s", why.text);
    }
    return reply;
}

static void assert_text(const troupe_message_t *message, const char *text)
{
    char *got = troupe_message_text(message, 0);
    assert_non_null(got);
    assert_string_equal(got, text);
    free(got);
}

static troupe_vision_request_t defaults(void)
{
    troupe_vision_request_t asked;
    troupe_vision_init(&asked);
    return asked;
}

/* ---- what comes back ---- */

static void the_reply_says_what_was_read(void **state)
{
    troupe_worker_t worker = {0};
    troupe_vision_request_t asked = defaults();
    troupe_request_t request = request_to_read("hello there", &asked);

    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    troupe_vision_reply_t reply = reply_of(&request);
    assert_string_equal(reply.text, "hello there\n");
    assert_memory_equal(reply.model, "tesseract ", 10);
    assert_true(reply.confidence > 0.8);
    assert_true(reply.width > 100 && reply.height > 50);
    assert_int_equal(reply.n_words, 0);
    assert_true(worker.n_progress > 0);
    troupe_vision_release_reply(&reply);
    stage_release(&request);
}

/* As a phone writes it: what its sensor saw, and how that is to be turned. */
static void a_page_that_lies_on_its_side_is_read(void **state)
{
    tr_picture_t drawn = drawn_page("Two lines\nof text", 0);
    PIX *page = pixReadMemPng(drawn.bytes, drawn.size);
    assert_non_null(page);
    file_t file = with_orientation(file_of_made(pixRotate90(page, -1), IFF_JFIF_JPEG), 6, 1);
    troupe_worker_t worker = {0};
    troupe_vision_request_t asked = defaults();
    asked.image = (troupe_image_t){.data = file.data, .size = file.size};
    troupe_request_t request = request_to_read(NULL, &asked);

    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    troupe_vision_reply_t reply = reply_of(&request);
    assert_string_equal(reply.text, "Two lines\nof text\n");
    assert_int_equal(reply.width, pixGetWidth(page));
    assert_int_equal(reply.height, pixGetHeight(page));
    troupe_vision_release_reply(&reply);
    stage_release(&request);
    free(file.data);
    pixDestroy(&page);
    free(drawn.bytes);
}

static void words_come_when_they_are_asked_for(void **state)
{
    troupe_worker_t worker = {0};
    troupe_vision_request_t asked = defaults();
    asked.details = true;
    troupe_request_t request = request_to_read("hello there", &asked);

    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    troupe_vision_reply_t reply = reply_of(&request);
    assert_int_equal(reply.n_words, 2);
    assert_string_equal(reply.words[0].text, "hello");
    assert_string_equal(reply.words[1].text, "there");
    assert_true(reply.words[1].left > reply.words[0].left + reply.words[0].width);
    troupe_vision_release_reply(&reply);
    stage_release(&request);
}

static void parts_put_together_are_the_text(void **state)
{
    troupe_worker_t worker = {0};
    troupe_vision_request_t asked = defaults();
    troupe_request_t request =
        request_to_read("the first line\nthe second line\n\n\nthe last line", &asked);

    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    assert_int_equal(request.n_parts, 4);
    assert_text(request.parts[0], "the first line\n");
    assert_text(request.parts[1], "the second line\n");
    assert_text(request.parts[2], "\n");
    assert_text(request.parts[3], "the last line\n");
    assert_text(request.reply, "the first line\nthe second line\n\nthe last line\n");
    stage_release(&request);
}

static void there_are_no_parts_unless_they_are_asked_for(void **state)
{
    troupe_worker_t worker = {0};
    troupe_vision_request_t asked = defaults();
    asked.stream = false;
    troupe_request_t request = request_to_read("one\ntwo", &asked);

    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    assert_int_equal(request.n_parts, 0);
    assert_text(request.reply, "one\ntwo\n");
    stage_release(&request);
}

static void what_the_query_says_counts(void **state)
{
    troupe_worker_t worker = {0};
    troupe_vision_request_t asked = defaults();
    asked.query = "layout=block language=eng+eng";
    asked.language = "xyz";
    troupe_request_t request = request_to_read("one\ntwo", &asked);

    assert_int_equal(stage_handle(&worker, &request, *state), 0);
    troupe_vision_reply_t reply = reply_of(&request);
    assert_string_equal(reply.model + strlen(reply.model) - 8, " eng+eng");
    troupe_vision_release_reply(&reply);
    stage_release(&request);
}

/* ---- what does not come back ---- */

static void reading_ends_when_nobody_takes_the_lines(void **state)
{
    static const struct {
        bool reader_left;
        bool is_full;
        const char *says;
    } rows[] = {{true, false, "nobody takes"}, {false, true, "no room"}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        troupe_worker_t worker = {0};
        troupe_vision_request_t asked = defaults();
        troupe_request_t request = request_to_read("hello", &asked);
        request.reader_left = rows[i].reader_left;
        request.is_full = rows[i].is_full;

        assert_int_equal(stage_handle(&worker, &request, *state), 0);
        assert_int_equal(request.n_finished, 1);
        assert_int_equal(request.outcome, TROUPE_OUTCOME_WORKER_ERROR);
        assert_non_null(strstr(request.text, rows[i].says));
        stage_release(&request);
    }
}

static void a_cancel_ends_the_reading(void **state)
{
    for (int after = 0; after < 3; after++) {
        troupe_worker_t worker = {0};
        troupe_vision_request_t asked = defaults();
        troupe_request_t request = request_to_read("one\ntwo", &asked);
        request.cancelled_after = after;

        assert_int_equal(stage_handle(&worker, &request, *state), 0);
        assert_int_equal(request.n_finished, 1);
        assert_int_equal(request.outcome, TROUPE_OUTCOME_WORKER_ERROR);
        assert_non_null(strstr(request.text, "stopped before"));
        stage_release(&request);
    }
}

/* One row, one story: what is sent, and how it is refused. */
struct refusal {
    const char *method;
    const char *image;
    const char *details;
    const char *says;
};

static void bad_requests_are_refused_in_words(void **state)
{
    static const struct refusal refusals[] = {
        {"describe", "no image at all", NULL, "no PNG, JPEG"},
        {"", "no image at all", "{\"layout\":\"round\"}", "layout"},
        {"", "no image at all", "{\"question\":\"what\"}", "question"},
        {"", "no image at all", "{\"query\":\"what is it?\"}", "'what' cannot be asked"},
        {"", "", "{\"path\":\"page.png\"}", "no folder"},
        {"sing", "no image at all", NULL, "sing"},
        {"lines", "no image at all", NULL, "lines"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct refusal *refusal = &refusals[i];
        troupe_worker_t worker = {0};
        troupe_request_t request =
            stage_request(refusal->method, refusal->image, strlen(refusal->image));
        if (refusal->details) {
            assert_status(
                troupe_message_add(request.message, refusal->details, strlen(refusal->details)),
                TROUPE_OK);
        }
        assert_int_equal(stage_handle(&worker, &request, *state), 0);
        assert_int_equal(request.n_finished, 1);
        if (request.outcome != TROUPE_OUTCOME_BAD_REQUEST ||
            !strstr(request.text, refusal->says)) {
            fail_msg("row %zu: %s", i, request.text);
        }
        stage_release(&request);
    }
}

/* ---- its folder ---- */

static void it_reads_from_its_folder(void **state)
{
    (void)state;
    char folder[64] = "/tmp/troupe-vision.XXXXXX";
    char path[128];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/page.png", folder);
    tr_picture_t picture = drawn_page("from a file", 0);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(picture.bytes, 1, picture.size, file), picture.size);
    assert_int_equal(fclose(file), 0);
    free(picture.bytes);

    const stage_arg_t list[] = {{"images", folder}, {NULL, NULL}};
    troupe_worker_t worker = {0};
    void *vision = NULL;
    assert_int_equal(start_with(&vision, list, &worker), TROUPE_INIT_OK);

    troupe_vision_request_t asked = defaults();
    asked.image.path = "page.png";
    troupe_request_t request = request_to_read("", &asked);
    assert_int_equal(stage_handle(&worker, &request, vision), 0);
    troupe_vision_reply_t reply = reply_of(&request);
    assert_string_equal(reply.text, "from a file\n");
    troupe_vision_release_reply(&reply);
    stage_release(&request);

    asked.image.path = "other.png";
    request = request_to_read("", &asked);
    assert_int_equal(stage_handle(&worker, &request, vision), 0);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_BAD_REQUEST);
    stage_release(&request);

    (void)stop(&vision);
    remove(path);
    remove(folder);
}

static void what_it_cannot_start_without_is_explained(void **state)
{
    (void)state;
    static const struct {
        stage_arg_t list[2];
        const char *says;
    } rows[] = {
        {{{"language", "xyz"}, {NULL, NULL}}, "tesseract-ocr-xyz"},
        {{{"images", "/nonexistent"}, {NULL, NULL}}, "/nonexistent"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        troupe_worker_t worker = {0};
        void *nothing = NULL;
        assert_int_not_equal(start_with(&nothing, rows[i].list, &worker), TROUPE_INIT_OK);
        assert_null(nothing);
        assert_non_null(strstr(worker.explained, rows[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reply_says_what_was_read),
        cmocka_unit_test(a_page_that_lies_on_its_side_is_read),
        cmocka_unit_test(words_come_when_they_are_asked_for),
        cmocka_unit_test(parts_put_together_are_the_text),
        cmocka_unit_test(there_are_no_parts_unless_they_are_asked_for),
        cmocka_unit_test(what_the_query_says_counts),
        cmocka_unit_test(reading_ends_when_nobody_takes_the_lines),
        cmocka_unit_test(a_cancel_ends_the_reading),
        cmocka_unit_test(bad_requests_are_refused_in_words),
        cmocka_unit_test(it_reads_from_its_folder),
        cmocka_unit_test(what_it_cannot_start_without_is_explained),
    };
    return cmocka_run_group_tests_name("workers/vision", tests, start, stop) != 0;
}
