#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "workers/llama/chat.h"

static void turns_are_written_down(void **state)
{
    (void)state;
    const troupe_turn_t turns[] = {
        {TROUPE_ROLE_SYSTEM, "Answer briefly."},
        {TROUPE_ROLE_USER, "What is a troupe?"},
        {TROUPE_ROLE_ASSISTANT, "Actors."},
        {TROUPE_ROLE_USER, "How many\nof them?"},
    };
    char *prompt = tr_chat_prompt(turns, 4);
    assert_non_null(prompt);
    assert_string_equal(prompt, "System: Answer briefly.\n\n"
                                "User: What is a troupe?\n\n"
                                "Assistant: Actors.\n\n"
                                "User: How many\nof them?\n\n"
                                "Assistant:");
    free(prompt);
}

static void the_next_turn_of_the_user_is_where_a_reply_ends(void **state)
{
    (void)state;
    const troupe_turn_t turns[] = {{TROUPE_ROLE_ASSISTANT, "a"}, {TROUPE_ROLE_USER, "b"}};
    char *prompt = tr_chat_prompt(turns, 2);
    assert_non_null(prompt);
    assert_non_null(strstr(prompt, TR_CHAT_STOP));
    free(prompt);
}

static void roles_have_the_names_that_templates_know(void **state)
{
    (void)state;
    assert_string_equal(tr_chat_role(TROUPE_ROLE_USER), "user");
    assert_string_equal(tr_chat_role(TROUPE_ROLE_ASSISTANT), "assistant");
    assert_string_equal(tr_chat_role(TROUPE_ROLE_SYSTEM), "system");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_are_written_down),
        cmocka_unit_test(the_next_turn_of_the_user_is_where_a_reply_ends),
        cmocka_unit_test(roles_have_the_names_that_templates_know),
    };
    return cmocka_run_group_tests_name("workers/chat", tests, NULL, NULL) != 0;
}
