#include "tests/kit/check.h"

#include <string.h>

#include "tests/unit/workers/stage.h"

extern const troupe_behaviour_t *const troupe_behaviour;

/* One row, one story: a request, how it ends, what it says, and whether the worker breaks. */
struct story {
    const char *method;
    const char *text;
    troupe_outcome_t outcome;
    const char *answer; /* the reply, or the beginning of the failure's text */
};

/* What the worker keeps between two callbacks. */
static void *state_of_worker(void)
{
    static const stage_arg_t none[] = {{NULL, NULL}};
    const troupe_args_t args = {none};
    troupe_worker_t worker = {0};
    void *kept = NULL;
    assert_int_equal(troupe_behaviour->init(&worker, &args, &kept), TROUPE_INIT_OK);
    return kept;
}

static void forget(void *kept)
{
    troupe_worker_t worker = {0};
    troupe_behaviour->terminate(&worker, &kept, (troupe_reason_t){0});
    assert_null(kept);
}

static int handle(troupe_worker_t *worker, troupe_request_t *request)
{
    void *kept = state_of_worker();
    int verdict = stage_handle(worker, request, kept);
    forget(kept);
    return verdict;
}

static void story_holds(void **state)
{
    const struct story *story = *state;
    troupe_worker_t worker = {0};
    troupe_request_t request = stage_request(story->method, story->text, strlen(story->text));

    assert_int_equal(handle(&worker, &request), 0);
    assert_int_equal(request.n_finished, 1);
    assert_int_equal(request.outcome, story->outcome);
    if (story->outcome == TROUPE_OUTCOME_OK) {
        assert_int_equal(troupe_message_size(request.reply, 0), strlen(story->answer));
        assert_memory_equal(troupe_message_data(request.reply, 0), story->answer,
                            strlen(story->answer));
    } else {
        assert_memory_equal(request.text, story->answer, strlen(story->answer));
    }
    stage_release(&request);
}

static void echo_shares_the_frames_it_got(void **state)
{
    (void)state;
    char big[4096];
    memset(big, 'x', sizeof big);
    troupe_worker_t worker = {0};
    troupe_request_t request = stage_request("", big, sizeof big);
    assert_int_equal(troupe_message_add(request.message, "second", 6), TROUPE_OK);

    assert_int_equal(handle(&worker, &request), 0);
    assert_int_equal(troupe_message_count(request.reply), 2);
    assert_ptr_equal(troupe_message_data(request.reply, 0),
                     troupe_message_data(request.message, 0));
    stage_release(&request);
}

static void parts_are_filled_one_letter_each(void **state)
{
    (void)state;
    troupe_worker_t worker = {0};
    troupe_request_t request = stage_request("parts", "3 5", 3);

    assert_int_equal(handle(&worker, &request), 0);
    assert_int_equal(request.n_parts, 3);
    assert_int_equal(troupe_message_size(request.parts[0], 0), 5);
    assert_memory_equal(troupe_message_data(request.parts[0], 0), "aaaaa", 5);
    assert_memory_equal(troupe_message_data(request.parts[2], 0), "ccccc", 5);
    stage_release(&request);
}

static void parts_end_when_the_reader_left(void **state)
{
    (void)state;
    troupe_worker_t worker = {0};
    troupe_request_t request = stage_request("parts", "3 0", 3);
    request.reader_left = true;

    assert_int_equal(handle(&worker, &request), 0);
    assert_int_equal(request.n_finished, 1);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_WORKER_ERROR);
    stage_release(&request);
}

static void parts_end_when_there_is_no_room(void **state)
{
    (void)state;
    troupe_worker_t worker = {0};
    troupe_request_t request = stage_request("parts", "3 0", 3);
    request.is_full = true;

    assert_int_equal(handle(&worker, &request), 0);
    assert_int_equal(request.n_finished, 1);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_WORKER_ERROR);
    assert_non_null(strstr(request.text, "no room"));
    stage_release(&request);
}

static void only_progress_says_progress(void **state)
{
    (void)state;
    troupe_worker_t worker = {0};
    const char *methods[] = {"sleep", "burn", "progress"};

    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(worker.n_progress, 0);
        troupe_request_t request = stage_request(methods[i], "12", 2);
        assert_int_equal(handle(&worker, &request), 0);
        assert_int_equal(request.outcome, TROUPE_OUTCOME_OK);
        stage_release(&request);
    }
    assert_true(worker.n_progress > 0);
}

static void a_cancel_ends_a_long_sleep(void **state)
{
    (void)state;
    troupe_worker_t worker = {0};
    troupe_request_t request = stage_request("sleep", "3600000", 7);
    request.cancelled_after = 2;

    assert_int_equal(handle(&worker, &request), 0);
    assert_int_equal(request.n_finished, 1);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_WORKER_ERROR);
    stage_release(&request);
}

static void broken_leaves_the_request_and_says_why(void **state)
{
    (void)state;
    troupe_worker_t worker = {0};
    troupe_request_t request = stage_request("broken", "no oil", 6);

    assert_int_not_equal(handle(&worker, &request), 0);
    assert_int_equal(request.n_finished, 0);
    assert_string_equal(worker.explained, "no oil");
    stage_release(&request);
}

static void a_message_is_logged_and_may_break_it(void **state)
{
    (void)state;
    troupe_worker_t worker = {0};
    troupe_message_t *hello = troupe_message_from_text("hello");
    troupe_message_t *broken = troupe_message_from_text("broken");

    void *kept = state_of_worker();
    assert_int_equal(troupe_behaviour->receive(&worker, hello, kept), 0);
    assert_string_equal(worker.logged, "received: hello");
    assert_int_not_equal(troupe_behaviour->receive(&worker, broken, kept), 0);
    assert_string_equal(worker.explained, "broken as asked");
    forget(kept);
    troupe_message_destroy(&hello);
    troupe_message_destroy(&broken);
}

struct start {
    const char *init;
    const char *init_ms;
    int verdict;
    bool explains;
    bool says_progress;
    const char *leak;
    const char *until;
};

static void start_ends_so(void **state)
{
    const struct start *start = *state;
    const stage_arg_t list[] = {{start->init ? "init" : "-", start->init},
                                {start->init_ms ? "init-ms" : "-", start->init_ms},
                                {start->leak ? "init-leak" : "-", start->leak},
                                {start->until ? "init-no-memory-until" : "-", start->until},
                                {NULL, NULL}};
    const troupe_args_t args = {list};
    troupe_worker_t worker = {0};
    void *nothing = NULL;

    assert_int_equal(troupe_behaviour->init(&worker, &args, &nothing), start->verdict);
    assert_int_equal(worker.explained[0] != '\0', start->explains);
    assert_int_equal(worker.n_progress > 0, start->says_progress);
    if (start->verdict == TROUPE_INIT_OK) {
        forget(nothing);
    }
}

static void messages_are_sent_as_asked(void **state)
{
    (void)state;
    troupe_worker_t worker = {0};
    troupe_request_t request = stage_request("send", "friend 3 good day", 17);
    assert_int_equal(handle(&worker, &request), 0);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_OK);
    assert_int_equal(worker.n_sent, 3);
    assert_string_equal(worker.sent_to, "friend");
    stage_release(&request);

    request = stage_request("send", "nobody 3 good day", 17);
    assert_int_equal(handle(&worker, &request), 0);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_WORKER_ERROR);
    stage_release(&request);
}

static void what_it_counts_it_shows(void **state)
{
    (void)state;
    static const unsigned char one_of_each[] = "\x82\xa8messages\xcf\0\0\0\0\0\0\0\x01"
                                               "\xa8requests\xcf\0\0\0\0\0\0\0\x01";
    troupe_worker_t worker = {0};
    void *kept = state_of_worker();
    troupe_message_t *hello = troupe_message_from_text("hello");
    troupe_request_t request = stage_request("", "x", 1);
    assert_int_equal(troupe_behaviour->receive(&worker, hello, kept), 0);
    assert_int_equal(stage_handle(&worker, &request, kept), 0);

    troupe_message_t *shown = troupe_behaviour->state(&worker, kept);
    assert_int_equal(troupe_message_size(shown, 0), sizeof one_of_each - 1);
    assert_memory_equal(troupe_message_data(shown, 0), one_of_each, sizeof one_of_each - 1);
    troupe_message_destroy(&shown);
    troupe_message_destroy(&hello);
    stage_release(&request);
    forget(kept);
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
#define START(title, ...) \
    { .name = title, .test_func = start_ends_so, .initial_state = &(struct start){__VA_ARGS__} }
#define OK  TROUPE_OUTCOME_OK
#define BAD TROUPE_OUTCOME_BAD_REQUEST
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("echoes", "echo", "hello", OK, "hello"),
        STORY("echoes without a method", "", "hello", OK, "hello"),
        STORY("echoes nothing", "", "", OK, ""),
        STORY("sleeps and returns the request", "sleep", "1", OK, "1"),
        STORY("takes zero for a number", "burn", "0", OK, "0"),
        STORY("streams nothing", "parts", "0 9", OK, "0 9"),
        STORY("leaks", "leak", "1", OK, "1"),
        STORY("fails with the text", "fail", "no bread", TROUPE_OUTCOME_WORKER_ERROR,
              "no bread"),
        STORY("fails without a text", "fail", "", TROUPE_OUTCOME_WORKER_ERROR, "failed"),
        STORY("knows no other method", "sing", "", BAD, "echo has no method 'sing'"),
        STORY("refuses no number", "sleep", "", BAD, "sleep takes milliseconds"),
        STORY("refuses a sign", "sleep", "-1", BAD, "sleep takes"),
        STORY("refuses more than digits", "burn", "10ms", BAD, "burn takes"),
        STORY("refuses more than a day", "sleep", "86400001", BAD, "sleep takes"),
        STORY("refuses what no integer holds", "sleep", "99999999999999999999", BAD, "sleep"),
        STORY("refuses a status above 255", "exit", "256", BAD, "exit takes"),
        STORY("refuses parts without a size", "parts", "3", BAD, "parts takes"),
        STORY("refuses parts without a number", "parts", "3 ", BAD, "parts takes"),
        STORY("refuses parts with more", "parts", "3 4 5", BAD, "parts takes"),
        STORY("refuses a leak of a negative", "leak", "-5", BAD, "leak takes MiB"),
        START("starts", NULL, NULL, TROUPE_INIT_OK, false, false, NULL, NULL),
        START("starts slowly", "slow", "12", TROUPE_INIT_OK, false, true, NULL, NULL),
        START("is not needed", "ignore", NULL, TROUPE_INIT_IGNORE, false, false, NULL, NULL),
        START("fails to start", "fail", NULL, -1, true, false, NULL, NULL),
        START("does not know how to start", "limping", NULL, -1, true, false, NULL, NULL),
        START("does not know how long", "slow", "a while", -1, true, false, NULL, NULL),
        START("cannot start in the past", "slow", "-1", -1, true, false, NULL, NULL),
        START("finds no memory", "no-memory", NULL, TROUPE_INIT_NO_MEMORY, true, false, NULL,
              NULL),
        START("takes memory", NULL, NULL, TROUPE_INIT_OK, false, false, "1", NULL),
        START("does not know how much", NULL, NULL, -1, true, false, "a lot", NULL),
        START("cannot take a negative", NULL, NULL, -1, true, false, "-1", NULL),
        START("finds no memory without a file", NULL, NULL, TROUPE_INIT_NO_MEMORY, true, false,
              NULL, "/no/such/file"),
        START("finds it with one", NULL, NULL, TROUPE_INIT_OK, false, false, NULL, "/"),
        cmocka_unit_test(echo_shares_the_frames_it_got),
        cmocka_unit_test(parts_are_filled_one_letter_each),
        cmocka_unit_test(parts_end_when_the_reader_left),
        cmocka_unit_test(parts_end_when_there_is_no_room),
        cmocka_unit_test(only_progress_says_progress),
        cmocka_unit_test(a_cancel_ends_a_long_sleep),
        cmocka_unit_test(broken_leaves_the_request_and_says_why),
        cmocka_unit_test(a_message_is_logged_and_may_break_it),
        cmocka_unit_test(messages_are_sent_as_asked),
        cmocka_unit_test(what_it_counts_it_shows),
    };
    return cmocka_run_group_tests_name("workers/echo", tests, NULL, NULL) != 0;
}
