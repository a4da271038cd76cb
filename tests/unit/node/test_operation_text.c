#include "tests/kit/check.h"

#include <string.h>

#include "node/admin/operation_text.h"

struct size_story {
    const char *text;
    bool is_fine;
    int64_t least;
    int64_t most;
};

static void a_size_is_read(void **state)
{
    const struct size_story *story = *state;
    tr_size_t size = {-7, -7};
    assert_int_equal(tr_size_parse(story->text, &size), story->is_fine);
    assert_int_equal(size.least, story->is_fine ? story->least : -7);
    assert_int_equal(size.most, story->is_fine ? story->most : -7);
}

static void deeds_are_found_by_their_names(void **state)
{
    (void)state;
    for (int i = 0; i < TR_N_DEEDS; i++) {
        tr_deed_t deed;
        assert_true(tr_deed_parse(tr_deed_name((tr_deed_t)i), &deed));
        assert_int_equal(deed, i);
    }
    tr_deed_t deed;
    assert_false(tr_deed_parse("", &deed));
    assert_false(tr_deed_parse("evicted", &deed));
}

static void a_frame_is_a_text_or_none(void **state)
{
    (void)state;
    char text[8] = "old";
    troupe_message_t *message = troupe_message_from("vision", 6);
    assert_status(troupe_message_add(message, "a\0b", 3), TROUPE_OK);
    assert_status(troupe_message_add(message, "12345678", 8), TROUPE_OK);
    assert_status(troupe_message_add(message, "1234567", 7), TROUPE_OK);
    assert_true(tr_frame_text(message, 0, text, sizeof text));
    assert_string_equal(text, "vision");
    assert_false(tr_frame_text(message, 1, text, sizeof text));
    assert_false(tr_frame_text(message, 2, text, sizeof text));
    assert_true(tr_frame_text(message, 3, text, sizeof text));
    assert_string_equal(text, "1234567");
    assert_true(tr_frame_text(message, 4, text, sizeof text));
    assert_string_equal(text, "");
    troupe_message_destroy(&message);
}

static void what_was_done_is_said(void **state)
{
    (void)state;
    char text[100];
    tr_deed_done(TR_DEED_RESTART, false, "vision", "", text, sizeof text);
    assert_string_equal(text, "vision has been restarted");
    tr_deed_done(TR_DEED_EVICT, true, "vision/2", "", text, sizeof text);
    assert_string_equal(text, "vision/2 has been evicted");
    tr_deed_done(TR_DEED_EVICT, false, "vision", "2 of 3", text, sizeof text);
    assert_string_equal(text, "vision has let its idle workers go: 2 of 3");
    tr_deed_later(TR_DEED_RESTART, "vision", 600000, text, sizeof text);
    assert_string_equal(text, "vision will be restarted in 10m");
    assert_false(tr_deed_may_wait(TR_DEED_DRAIN));
}

static void what_did_not_start_is_said(void **state)
{
    (void)state;
    const tr_answer_t answer = {.code = TR_ANSWER_FAILED, .text = "hm"};
    char text[100];
    assert_outcome(
        tr_deed_outcome(TR_DEED_ADD, false, false, "late", &answer, text, sizeof text),
        TROUPE_OUTCOME_SPAWN_FAILED);
    assert_string_equal(text, "late did not start: hm");
    assert_outcome(
        tr_deed_outcome(TR_DEED_RESTART, false, true, "late", &answer, text, sizeof text),
        TROUPE_OUTCOME_SPAWN_FAILED);
    assert_string_equal(text, "a replacement did not start: hm");
}

static void every_answer_of_a_supervisor_has_an_outcome(void **state)
{
    (void)state;
    static const struct {
        tr_answer_code_t code;
        troupe_outcome_t outcome;
        const char *text;
    } rows[] = {
        {TR_ANSWER_DONE, TROUPE_OUTCOME_OK, "vision has been scaled: hm"},
        {TR_ANSWER_IGNORED, TROUPE_OUTCOME_OK, "vision says that it is not needed here"},
        {TR_ANSWER_NOT_FOUND, TROUPE_OUTCOME_BAD_REQUEST, "there is no child called vision"},
        {TR_ANSWER_RUNNING, TROUPE_OUTCOME_BAD_REQUEST,
         "vision is running: terminate it first"},
        {TR_ANSWER_FAILED, TROUPE_OUTCOME_WORKER_LOST, "vision cannot be scaled: hm"},
        {TR_ANSWER_REFUSED, TROUPE_OUTCOME_BAD_REQUEST, "vision cannot be scaled: hm"},
        {TR_ANSWER_STOPPING, TROUPE_OUTCOME_SHUTTING_DOWN, "the supervisor is stopping"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tr_answer_t answer = {.code = rows[i].code, .text = "hm"};
        char text[200];
        assert_outcome(
            tr_deed_outcome(TR_DEED_SCALE, false, false, "vision", &answer, text, sizeof text),
            rows[i].outcome);
        assert_string_equal(text, rows[i].text);
    }
}

/* clang-format off */
#define SIZE(...) \
    { .name = #__VA_ARGS__, .test_func = a_size_is_read, \
      .initial_state = &(struct size_story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIZE("4", true, 4, 4),
        SIZE("1", true, 1, 1),
        SIZE("10000", true, 10000, 10000),
        SIZE("0..1", true, 0, 1),
        SIZE("2..2", true, 2, 2),
        SIZE("3..", true, 3, -1),
        SIZE("0..", true, 0, -1),
        SIZE("..5", true, -1, 5),
        SIZE("", false, 0, 0),
        SIZE("..", false, 0, 0),
        SIZE("0", false, 0, 0),
        SIZE("0..0", false, 0, 0),
        SIZE("..0", false, 0, 0),
        SIZE("5..4", false, 0, 0),
        SIZE("-1", false, 0, 0),
        SIZE("1..x", false, 0, 0),
        SIZE("1...3", false, 0, 0),
        SIZE("10001", false, 0, 0),
        SIZE("99999999999999999999999999", false, 0, 0),
        SIZE(" 4", false, 0, 0),
        cmocka_unit_test(deeds_are_found_by_their_names),
        cmocka_unit_test(a_frame_is_a_text_or_none),
        cmocka_unit_test(what_was_done_is_said),
        cmocka_unit_test(what_did_not_start_is_said),
        cmocka_unit_test(every_answer_of_a_supervisor_has_an_outcome),
    };
    return cmocka_run_group_tests_name("node/operation_text", tests, NULL, NULL) != 0;
}
