/* A reply carries a message from a worker to its caller without touching it, and lies in a
 * mailbox as a letter that can be destroyed by whoever does not know what it is.
 */

#include "tests/kit/check.h"

#include "mailbox/message.h"
#include "mailbox/reply.h"

static char large[1024];

static void count(void *data, void *hint)
{
    (void)data;
    (*(int *)hint)++;
}

static troupe_message_t *lend(int *n_freed)
{
    *n_freed = 0;
    troupe_message_t *message = troupe_message_new();
    assert_non_null(message);
    assert_status(troupe_message_add_owned(message, large, sizeof large, count, n_freed),
                  TROUPE_OK);
    return message;
}

static void a_reply_tells_what_it_was_made_of(void **state)
{
    (void)state;
    char text[] = "too hot";
    troupe_reply_t *reply =
        tr_reply_new(UINT64_MAX, true, TROUPE_OUTCOME_WORKER_ERROR, text, NULL);
    assert_non_null(reply);
    text[0] = 'X'; /* it was copied */
    assert_true(troupe_reply_id(reply) == UINT64_MAX);
    assert_true(troupe_reply_is_final(reply));
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_WORKER_ERROR);
    assert_string_equal(troupe_reply_text(reply), "too hot");
    assert_int_equal(troupe_reply_sequence(reply), 0);
    assert_int_equal(troupe_reply_hint_ms(reply), 0);
    troupe_reply_destroy(&reply);
    assert_null(reply);
}

static void a_part_is_not_final(void **state)
{
    (void)state;
    troupe_reply_t *reply = tr_reply_new(1, false, TROUPE_OUTCOME_OK, "", NULL);
    assert_non_null(reply);
    assert_false(troupe_reply_is_final(reply));
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_OK);
    troupe_reply_destroy(&reply);
}

static void a_reply_without_text_or_message_has_empty_ones(void **state)
{
    (void)state;
    troupe_message_t *message = NULL;
    troupe_reply_t *reply = tr_reply_new(1, true, TROUPE_OUTCOME_OK, NULL, &message);
    assert_non_null(reply);
    assert_string_equal(troupe_reply_text(reply), "");
    const troupe_message_t *nothing = troupe_reply_message(reply);
    assert_int_equal(troupe_message_count(nothing), 0);
    assert_int_equal(troupe_message_size(nothing, 0), 0);
    troupe_message_t *shared = troupe_message_share(nothing);
    assert_non_null(shared);
    assert_int_equal(troupe_message_count(shared), 0);
    troupe_message_destroy(&shared);
    troupe_reply_destroy(&reply);
}

static void the_message_is_handed_over_and_not_copied(void **state)
{
    (void)state;
    int n_freed;
    troupe_message_t *message = lend(&n_freed);
    const troupe_message_t *same = message;
    troupe_reply_t *reply = tr_reply_new(1, true, TROUPE_OUTCOME_OK, NULL, &message);
    assert_non_null(reply);
    assert_null(message);
    assert_ptr_equal(troupe_reply_message(reply), same);
    assert_ptr_equal(troupe_message_data(troupe_reply_message(reply), 0), large);
    assert_int_equal(n_freed, 0);
    troupe_reply_destroy(&reply);
    assert_int_equal(n_freed, 1);
}

static void what_was_shared_outlives_the_reply(void **state)
{
    (void)state;
    int n_freed;
    troupe_message_t *message = lend(&n_freed);
    troupe_reply_t *reply = tr_reply_new(1, true, TROUPE_OUTCOME_OK, NULL, &message);
    assert_non_null(reply);
    troupe_message_t *kept = troupe_message_share(troupe_reply_message(reply));
    assert_non_null(kept);
    troupe_reply_destroy(&reply);
    assert_int_equal(n_freed, 0);
    assert_ptr_equal(troupe_message_data(kept, 0), large);
    troupe_message_destroy(&kept);
    assert_int_equal(n_freed, 1);
}

static void as_a_letter_it_weighs_its_message_and_can_be_destroyed(void **state)
{
    (void)state;
    int n_freed;
    troupe_message_t *message = lend(&n_freed);
    troupe_reply_t *reply = tr_reply_new(1, true, TROUPE_OUTCOME_OK, "text", &message);
    assert_non_null(reply);
    tr_letter_t *letter = &reply->letter;
    assert_ptr_equal(letter->type, &tr_reply_type);
    assert_string_equal(letter->type->name, "reply");
    assert_true(letter->bytes >= sizeof large + sizeof *reply);
    tr_letter_destroy(&letter);
    assert_null(letter);
    assert_int_equal(n_freed, 1);
}

static void destroying_nothing_is_fine(void **state)
{
    (void)state;
    troupe_reply_t *reply = NULL;
    troupe_reply_destroy(&reply);
}

static void priorities_are_found_by_name(void **state)
{
    (void)state;
    static const char *const names[] = {"critical", "high", "normal", "low", "batch"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        troupe_priority_t priority = TROUPE_PRIORITY_DEFAULT;
        assert_true(troupe_priority_parse(names[i], &priority));
        assert_int_equal(priority, TROUPE_PRIORITY_CRITICAL + i);
        assert_string_equal(troupe_priority_name(priority), names[i]);
    }
}

static void what_is_no_priority_is_normal_and_not_found(void **state)
{
    (void)state;
    troupe_priority_t priority = TROUPE_PRIORITY_LOW;
    assert_false(troupe_priority_parse("urgent", &priority));
    assert_false(troupe_priority_parse("", &priority));
    assert_int_equal(priority, TROUPE_PRIORITY_LOW);
    assert_string_equal(troupe_priority_name(TROUPE_PRIORITY_DEFAULT), "normal");
    assert_string_equal(troupe_priority_name((troupe_priority_t)6), "normal");
    assert_string_equal(troupe_priority_name((troupe_priority_t)-1), "normal");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_tells_what_it_was_made_of),
        cmocka_unit_test(a_part_is_not_final),
        cmocka_unit_test(a_reply_without_text_or_message_has_empty_ones),
        cmocka_unit_test(the_message_is_handed_over_and_not_copied),
        cmocka_unit_test(what_was_shared_outlives_the_reply),
        cmocka_unit_test(as_a_letter_it_weighs_its_message_and_can_be_destroyed),
        cmocka_unit_test(destroying_nothing_is_fine),
        cmocka_unit_test(priorities_are_found_by_name),
        cmocka_unit_test(what_is_no_priority_is_normal_and_not_found),
    };
    return cmocka_run_group_tests_name("mailbox/reply", tests, NULL, NULL) != 0;
}
