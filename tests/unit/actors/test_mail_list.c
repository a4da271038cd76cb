#include "tests/kit/check.h"

#include <string.h>

#include "actors/mail_list.h"

/* One row, one story. What happens, in words of two letters, and what is found in the end, from
 * the first to the last, with what was taken in between:
 *
 *   +1  mail 1 is appended     ^1  it is put first
 *   -1  it is taken            .   the first one is taken
 */
struct story {
    const char *happens;
    const char *taken; /* "-" for none */
    const char *left;
};

static tr_mail_t *mail_of(uint64_t receipt)
{
    troupe_message_t *nothing = NULL;
    tr_mail_t *mail = tr_mail_new(&nothing, NULL, NULL);
    assert_non_null(mail);
    mail->receipt = receipt;
    return mail;
}

/* Takes the mail. */
static void write_down(char *trace, tr_mail_t *mail)
{
    size_t size = strlen(trace);
    trace[size] = mail ? (char)('0' + mail->receipt) : '-';
    trace[size + 1] = '\0';
    if (mail) {
        assert_null(mail->letter.next);
        tr_letter_t *letter = &mail->letter;
        tr_letter_destroy(&letter);
    }
}

static void play(tr_mail_list_t *list, const char *word, char *taken)
{
    uint64_t receipt = (uint64_t)(word[1] - '0');
    if (word[0] == '+') {
        tr_mail_list_append(list, mail_of(receipt));
    } else if (word[0] == '^') {
        tr_mail_list_prepend(list, mail_of(receipt));
    } else if (word[0] == '-') {
        const tr_mail_t *known = tr_mail_list_get(list, receipt);
        tr_mail_t *mail = tr_mail_list_take(list, receipt);
        assert_ptr_equal(mail, known);
        write_down(taken, mail);
    } else {
        write_down(taken, tr_mail_list_next(list));
    }
}

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_mail_list_t list = {.first = NULL};
    char taken[20] = "";
    char left[20] = "";
    for (const char *word = story->happens; word; word = strchr(word, ' ')) {
        word += *word == ' ';
        play(&list, word, taken);
    }
    assert_int_equal(list.n, strlen(story->left));
    while (list.first) {
        write_down(left, tr_mail_list_next(&list));
    }
    assert_int_equal(list.n, 0);
    assert_null(list.last);
    assert_null(tr_mail_list_next(&list));
    assert_string_equal(taken, story->taken);
    assert_string_equal(left, story->left);
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("keeps its order", "+1 +2 +3", "", "123"),
        STORY("put first is before all", "+1 +2 ^3", "", "312"),
        STORY("put first in an empty one it is the last too", "^1 +2", "", "12"),
        STORY("the first is taken first", "+1 +2 . .", "12", ""),
        STORY("of none there is none", ". -1", "--", ""),
        STORY("one in the middle is taken", "+1 +2 +3 -2", "2", "13"),
        STORY("the last one is taken, and others come", "+1 +2 -2 +3", "2", "13"),
        STORY("the only one is taken, and others come", "+1 -1 +2", "1", "2"),
        STORY("one is taken once", "+1 +2 -1 -1", "1-", "2"),
        STORY("emptied it is as new", "+1 . +2 ^3", "1", "32"),
    };
    return cmocka_run_group_tests_name("actors/mail_list", tests, NULL, NULL) != 0;
}
