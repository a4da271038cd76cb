#include "tests/kit/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <troupe/text_to_text.h>

#include "tests/unit/workers/stage.h"

extern const troupe_behaviour_t *const troupe_behaviour;

static int init_with(const stage_arg_t *list, troupe_worker_t *worker, void **state)
{
    const troupe_args_t args = {list};
    return troupe_behaviour->init(worker, &args, state);
}

static int start(void **state)
{
    const stage_arg_t none[] = {{NULL, NULL}};
    troupe_worker_t worker = {0};
    return init_with(none, &worker, state);
}

static int stop(void **state)
{
    troupe_worker_t worker = {0};
    troupe_behaviour->terminate(&worker, state, (troupe_reason_t){.text = ""});
    return 0;
}

/* A request with `details` as frame 1, unless that is NULL. */
static troupe_request_t request_with(const char *text, const char *details)
{
    troupe_request_t request = stage_request("prompt", text, strlen(text));
    if (details) {
        assert_status(troupe_message_add(request.message, details, strlen(details)), TROUPE_OK);
    }
    return request;
}

/* Have it handled, and expect one end, which is this one. */
static void handle(void *state, troupe_request_t *request, troupe_outcome_t outcome)
{
    troupe_worker_t worker = {0};
    assert_int_equal(stage_handle(&worker, request, state), 0);
    assert_int_equal(request->n_finished, 1);
    assert_int_equal(request->outcome, outcome);
    assert_true(outcome != TROUPE_OUTCOME_OK || worker.n_progress > 0);
}

static troupe_text_to_text_reply_t reply_of(const troupe_request_t *request)
{
    troupe_text_to_text_reply_t reply;
    troupe_why_t why = {""};
    assert_status(troupe_text_to_text_unpack_reply("prompt", request->reply, &reply, &why),
                  TROUPE_OK);
    return reply;
}

static void the_reply_says_what_was_corrected(void **state)
{
    troupe_request_t request = request_with("we recieve it", NULL);
    handle(*state, &request, TROUPE_OUTCOME_OK);
    troupe_text_to_text_reply_t reply = reply_of(&request);

    assert_string_equal(reply.text, "we receive it");
    assert_string_equal(reply.model, "hunspell en_US");
    assert_int_equal(reply.finish, TROUPE_FINISH_STOP);
    assert_int_equal(reply.prompt_tokens, 3);
    assert_int_equal(reply.reply_tokens, 3);
    assert_int_equal(reply.n_corrections, 1);
    assert_string_equal(reply.corrections[0].word, "recieve");
    assert_int_equal(reply.corrections[0].offset, 3);
    assert_string_equal(reply.corrections[0].replacement, "receive");
    troupe_text_to_text_release_reply(&reply);
    stage_release(&request);
}

static void words_come_as_parts(void **state)
{
    static const char *const parts[] = {"we ", "receive, ", "it"};
    troupe_request_t request = request_with("we recieve, it", NULL);
    handle(*state, &request, TROUPE_OUTCOME_OK);
    assert_int_equal(request.n_parts, 3);
    for (int i = 0; i < 3; i++) {
        char *part = troupe_message_text(request.parts[i], 0);
        assert_string_equal(part, parts[i]);
        free(part);
    }
    stage_release(&request);

    request = request_with("we recieve, it", "{\"stream\": false}");
    handle(*state, &request, TROUPE_OUTCOME_OK);
    assert_int_equal(request.n_parts, 0);
    stage_release(&request);
}

static void what_the_user_said_last_is_corrected(void **state)
{
    troupe_request_t request = request_with(
        "", "{\"turns\": [{\"content\": \"we beleive it\"}, {\"content\": \"we recieve it\"},"
            " {\"role\": \"assistant\", \"content\": \"we acheive it\"}]}");
    handle(*state, &request, TROUPE_OUTCOME_OK);
    troupe_text_to_text_reply_t reply = reply_of(&request);
    assert_string_equal(reply.text, "we receive it");
    troupe_text_to_text_release_reply(&reply);
    stage_release(&request);

    request =
        request_with("", "{\"turns\": [{\"role\": \"system\", \"content\": \"be brief\"}]}");
    handle(*state, &request, TROUPE_OUTCOME_BAD_REQUEST);
    assert_non_null(strstr(request.text, "user"));
    stage_release(&request);
}

static void bad_requests_are_refused(void **state)
{
    troupe_request_t request = request_with("a word", "{\"langauge\": \"en_US\"}");
    handle(*state, &request, TROUPE_OUTCOME_BAD_REQUEST);
    stage_release(&request);

    request = request_with("a word", "{\"language\": \"xx_YY\"}");
    handle(*state, &request, TROUPE_OUTCOME_BAD_REQUEST);
    assert_non_null(strstr(request.text, "hunspell-xx-yy"));
    stage_release(&request);

    request = request_with("a word", "{\"language\": \"../en_US\"}");
    handle(*state, &request, TROUPE_OUTCOME_BAD_REQUEST);
    stage_release(&request);

    request = request_with("a \xFF word", NULL);
    handle(*state, &request, TROUPE_OUTCOME_BAD_REQUEST);
    stage_release(&request);

    request = stage_request("prompt", "a\0word", 6);
    handle(*state, &request, TROUPE_OUTCOME_BAD_REQUEST);
    stage_release(&request);

    request = stage_request("sing", "a word", 6);
    handle(*state, &request, TROUPE_OUTCOME_BAD_REQUEST);
    stage_release(&request);
}

static void a_large_text_is_refused(void **state)
{
    enum { SIZE = 100 * 1024 * 1024 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    memset(text, 'a', SIZE);
    troupe_request_t request = stage_request("prompt", text, SIZE);
    free(text);
    handle(*state, &request, TROUPE_OUTCOME_TOO_LARGE);
    stage_release(&request);
}

static void a_cancel_ends_it(void **state)
{
    for (int questions = 0; questions < 6; questions++) {
        troupe_request_t request = request_with("a few words", NULL);
        request.cancelled_after = questions;
        handle(*state, &request, TROUPE_OUTCOME_WORKER_ERROR);
        stage_release(&request);
    }
}

static void parts_that_nobody_takes_end_it(void **state)
{
    troupe_request_t request = request_with("a few words", NULL);
    request.reader_left = true;
    handle(*state, &request, TROUPE_OUTCOME_WORKER_ERROR);
    assert_non_null(strstr(request.text, "nobody"));
    stage_release(&request);

    request = request_with("a few words", NULL);
    request.is_full = true;
    handle(*state, &request, TROUPE_OUTCOME_WORKER_ERROR);
    assert_non_null(strstr(request.text, "no room"));
    stage_release(&request);
}

/* ---- beginning ---- */

static void fails_to_begin(const stage_arg_t *list, const char *because)
{
    troupe_worker_t worker = {0};
    void *nothing = NULL;
    assert_int_not_equal(init_with(list, &worker, &nothing), 0);
    assert_null(nothing);
    assert_non_null(strstr(worker.explained, because));
}

static void a_missing_dictionary_is_explained(void **state)
{
    (void)state;
    fails_to_begin((const stage_arg_t[]){{"language", "xx_YY"}, {NULL, NULL}},
                   "hunspell-xx-yy");
    fails_to_begin((const stage_arg_t[]){{"dictionaries", "/nowhere"}, {NULL, NULL}},
                   "/nowhere");
    fails_to_begin((const stage_arg_t[]){{"language", "../x"}, {NULL, NULL}}, "no name");
}

static void likely_words_are_read_from_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/troupe-likely-XXXXXX";
    int file = mkstemp(path);
    static const char text[] = "Will will will will will will will";
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);

    troupe_worker_t worker = {0};
    void *with_wills = NULL;
    const stage_arg_t list[] = {{"likely", path}, {NULL, NULL}};
    assert_int_equal(init_with(list, &worker, &with_wills), 0);
    troupe_request_t request = request_with("a wxll", "{\"suggest\": true}");
    handle(with_wills, &request, TROUPE_OUTCOME_OK);
    troupe_text_to_text_reply_t reply = reply_of(&request);
    assert_int_equal(reply.n_corrections, 1);
    assert_string_equal(reply.corrections[0].suggestions[0], "will");
    assert_null(reply.corrections[0].replacement);
    assert_string_equal(reply.text, "a wxll");
    troupe_text_to_text_release_reply(&reply);
    stage_release(&request);
    stop(&with_wills);

    file = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(file, "\xFF", 1), 1);
    close(file);
    fails_to_begin(list, "no text in UTF-8");
    unlink(path);
    fails_to_begin(list, "cannot be read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reply_says_what_was_corrected),
        cmocka_unit_test(words_come_as_parts),
        cmocka_unit_test(what_the_user_said_last_is_corrected),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(a_large_text_is_refused),
        cmocka_unit_test(a_cancel_ends_it),
        cmocka_unit_test(parts_that_nobody_takes_end_it),
        cmocka_unit_test(a_missing_dictionary_is_explained),
        cmocka_unit_test(likely_words_are_read_from_a_file),
    };
    return cmocka_run_group_tests_name("workers/text_to_text", tests, start, stop) != 0;
}
