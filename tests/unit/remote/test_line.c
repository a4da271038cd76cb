#include "tests/kit/check.h"

#include <string.h>

#include "remote/workers/line.h"

static tr_mailbox_t *a_mailbox(void)
{
    tr_mailbox_t *mailbox = tr_mailbox_new("gateway", 1, (tr_mailbox_limits_t){1, 1});
    assert_non_null(mailbox);
    return mailbox;
}

static void close_and_release(tr_mailbox_t *mailbox)
{
    tr_letter_t *letter;
    tr_mailbox_close(mailbox);
    while ((letter = tr_mailbox_next(mailbox, NULL)) != NULL) {
        tr_letter_destroy(&letter);
    }
    tr_mailbox_release(&mailbox);
}

static void a_letter_has_texts_of_its_own(void **state)
{
    (void)state;
    char code[] = "worker_error", text[] = "no such luck";
    tr_trp1_t error;
    tr_trp1_init(&error, TR_TRP1_ERROR, 7);
    error.code = tr_span_of(code);
    error.text = tr_span_of(text);
    troupe_message_t *message = troupe_message_from_text("some payload");
    tr_line_letter_t *word = tr_line_letter_new(3, &error, &message);
    assert_non_null(word);
    assert_null(message);
    memset(code, 'x', sizeof code);
    memset(text, 'x', sizeof text);
    assert_int_equal(word->line, 3);
    assert_int_equal(word->command.id, 7);
    assert_true(tr_span_equals(word->command.code, "worker_error"));
    assert_true(tr_span_equals(word->command.text, "no such luck"));
    assert_int_equal(word->command.state.size, 0);
    assert_true(word->letter.bytes > strlen("some payload"));
    tr_letter_t *letter = &word->letter;
    assert_ptr_equal(tr_line_letter_in(letter), word);
    tr_letter_destroy(&letter);
}

static void it_carries_shares(void **state)
{
    (void)state;
    tr_mailbox_t *mailbox = a_mailbox();
    tr_trp1_t hello;
    tr_trp1_init(&hello, TR_TRP1_HELLO, 0);
    tr_line_letter_t *word = tr_line_letter_new(3, &hello, NULL);
    assert_non_null(word);
    word->mailbox = tr_mailbox_share(mailbox);
    tr_letter_t *letter = &word->letter;
    tr_letter_destroy(&letter);
    close_and_release(mailbox);
}

/* It is heard once, when the last has let go, and whatever the bound of the mailbox. */
static void whoever_lets_go_last_says_so(void **state)
{
    (void)state;
    tr_mailbox_t *mailbox = a_mailbox();
    const tr_line_offer_t *offer = NULL;
    tr_keepsake_t *first = tr_line_offer_new(
        &(tr_line_offer_t){.line = 9, .gateway = mailbox, .concurrency = 4, .who = "alice"},
        &offer);
    assert_non_null(first);
    assert_int_equal(offer->concurrency, 4);
    assert_string_equal(offer->who, "alice");
    tr_keepsake_t *second = tr_keepsake_share(first);
    tr_keepsake_release(&first);
    assert_int_equal(tr_mailbox_depth(mailbox), 0);
    tr_keepsake_release(&second);
    tr_letter_t *letter = tr_mailbox_next(mailbox, NULL);
    assert_non_null(letter);
    assert_int_equal(tr_line_letter_in(letter)->command.command, TR_TRP1_GOAWAY);
    assert_int_equal(tr_line_letter_in(letter)->line, 9);
    tr_letter_destroy(&letter);
    assert_null(tr_mailbox_next(mailbox, NULL));
    close_and_release(mailbox);
}

static void nobody_hears_it_when_the_gateway_has_gone(void **state)
{
    (void)state;
    tr_mailbox_t *mailbox = a_mailbox();
    const tr_line_offer_t *offer = NULL;
    tr_keepsake_t *keepsake =
        tr_line_offer_new(&(tr_line_offer_t){.line = 9, .gateway = mailbox}, &offer);
    assert_non_null(keepsake);
    close_and_release(mailbox);
    tr_keepsake_release(&keepsake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_letter_has_texts_of_its_own),
        cmocka_unit_test(it_carries_shares),
        cmocka_unit_test(whoever_lets_go_last_says_so),
        cmocka_unit_test(nobody_hears_it_when_the_gateway_has_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
