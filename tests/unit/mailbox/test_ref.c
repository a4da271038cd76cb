/* A reference through the lives of its actor: what is sent goes to the one mailbox that it has
 * in all of them, until it is over. Who watches is the business of actors/watching. */

#include "tests/kit/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "mailbox/mail.h"

#define SHARERS 4
#define SHARES  100000

static tr_mailbox_t *mailbox;
static troupe_ref_t *ref;

static int set_up(void **state)
{
    (void)state;
    mailbox = tr_mailbox_new_lasting("a", (tr_mailbox_limits_t){2, 100000});
    ref = mailbox ? tr_ref_new("a", "root", mailbox, 7) : NULL;
    return ref ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    troupe_ref_release(&ref);
    tr_mailbox_release(&mailbox);
    return 0;
}

static tr_mail_t *mail_new(const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    tr_mail_t *mail = tr_mail_new(&message, NULL, NULL);
    assert_non_null(mail);
    return mail;
}

static void takes(const char *text)
{
    tr_letter_t *letter = tr_mailbox_next(mailbox, NULL);
    assert_non_null(letter);
    const tr_mail_t *mail = tr_mail_in(letter);
    assert_int_equal(mail->to, 7); /* which of those behind the mailbox */
    char *taken = troupe_message_text(mail->message, 0);
    assert_string_equal(taken, text);
    free(taken);
    tr_letter_destroy(&letter);
}

static void posts(const char *text)
{
    tr_mail_t *mail = mail_new(text);
    assert_status(tr_ref_post(ref, TR_LANE_USER, &mail), TROUPE_OK);
    assert_null(mail);
}

static void refuses(troupe_status_t status)
{
    tr_mail_t *mail = mail_new("x");
    assert_status(tr_ref_post(ref, TR_LANE_USER, &mail), status);
    assert_non_null(mail); /* still the sender's */
    tr_letter_t *letter = &mail->letter;
    tr_letter_destroy(&letter);
}

static void it_has_a_name_and_is_not_over(void **state)
{
    (void)state;
    assert_string_equal(troupe_ref_name(ref), "a");
    assert_false(troupe_ref_is_over(ref));
    assert_int_equal(tr_ref_incarnation(ref), 0);
}

static void what_is_sent_between_lives_waits(void **state)
{
    (void)state;
    const tr_reason_t reason = tr_reason_of(TROUPE_REASON_FAILED);
    tr_ref_begin(ref, 1);
    assert_int_equal(tr_ref_incarnation(ref), 1);
    posts("1");
    tr_ref_end(ref, 1, &reason);
    assert_int_equal(tr_ref_incarnation(ref), 0);
    posts("2");
    tr_ref_begin(ref, 2);
    tr_mailbox_move_in(mailbox, 2);
    takes("1");
    takes("2");
}

static void a_life_that_ends_late_does_not_end_the_next(void **state)
{
    (void)state;
    const tr_reason_t reason = tr_reason_of(TROUPE_REASON_HUNG);
    tr_ref_begin(ref, 1);
    tr_ref_end(ref, 1, &reason);
    tr_ref_begin(ref, 2);
    tr_ref_end(ref, 1, &reason);
    assert_int_equal(tr_ref_incarnation(ref), 2);
}

static void each_life_and_pause_is_a_stage(void **state)
{
    (void)state;
    const tr_reason_t reason = tr_reason_of(TROUPE_REASON_FAILED);
    uint64_t stage = tr_ref_stage(ref);
    for (uint64_t life = 1; life < 4; life++) {
        tr_ref_begin(ref, life);
        assert_true(tr_ref_stage(ref) > stage);
        stage = tr_ref_stage(ref);
        assert_int_equal(tr_ref_stage(ref), stage);
        tr_ref_end(ref, life, &reason);
        assert_true(tr_ref_stage(ref) > stage);
        stage = tr_ref_stage(ref);
        tr_ref_end(ref, life, &reason); /* it had ended */
        assert_int_equal(tr_ref_stage(ref), stage);
    }
}

static void one_that_is_over_takes_nothing(void **state)
{
    (void)state;
    posts("1");
    tr_ref_finish(ref);
    assert_true(troupe_ref_is_over(ref));
    refuses(TROUPE_CLOSED);
    tr_ref_finish(ref); /* again is fine */
    tr_mailbox_move_in(mailbox, 1);
    takes("1"); /* what was in before is left to whoever empties it */
}

static void a_full_one_leaves_it_to_the_sender(void **state)
{
    (void)state;
    posts("1");
    posts("2");
    refuses(TROUPE_FULL);
    tr_mailbox_move_in(mailbox, 1);
    takes("1");
    takes("2");
}

/* A notice for that number, and no other. */
static void hears_of(tr_mailbox_t *watcher, uint64_t number)
{
    tr_letter_t *letter = tr_mailbox_next(watcher, NULL);
    assert_non_null(letter);
    assert_int_equal(tr_mail_in(letter)->number, number);
    tr_letter_destroy(&letter);
}

/* The first, the last, and one in the middle; what is watched after that is told behind them.
 */
static void watches_are_taken_back_one_by_one(void **state)
{
    (void)state;
    const tr_reason_t reason = tr_reason_of(TROUPE_REASON_FAILED);
    tr_mailbox_t *watcher = tr_mailbox_new("w", 1, (tr_mailbox_limits_t){10, 1000});
    for (uint64_t number = 1; number <= 5; number++) {
        assert_status(tr_ref_watch(ref, watcher, 1, number), TROUPE_OK);
    }
    assert_true(tr_ref_unwatch(ref, watcher, 5));
    assert_true(tr_ref_unwatch(ref, watcher, 1));
    assert_true(tr_ref_unwatch(ref, watcher, 3));
    assert_false(tr_ref_unwatch(ref, watcher, 3));
    assert_status(tr_ref_watch(ref, watcher, 1, 6), TROUPE_OK);
    tr_ref_begin(ref, 1);
    tr_ref_end(ref, 1, &reason);
    hears_of(watcher, 2);
    hears_of(watcher, 4);
    hears_of(watcher, 6);
    assert_null(tr_mailbox_next(watcher, NULL));
    tr_mailbox_release(&watcher);
}

/* One mailbox has one life after another; and there are other mailboxes. */
static void a_life_takes_all_of_its_own_back(void **state)
{
    (void)state;
    tr_mailbox_t *watcher = tr_mailbox_new("w", 1, (tr_mailbox_limits_t){10, 1000});
    tr_mailbox_t *other = tr_mailbox_new("o", 1, (tr_mailbox_limits_t){10, 1000});
    assert_status(tr_ref_watch(ref, watcher, 1, 1), TROUPE_OK);
    assert_status(tr_ref_watch(ref, other, 1, 2), TROUPE_OK);
    assert_status(tr_ref_watch(ref, watcher, 2, 3), TROUPE_OK);
    assert_status(tr_ref_watch(ref, watcher, 1, 4), TROUPE_OK);
    tr_ref_unwatch_all(ref, watcher, 1);
    tr_ref_unwatch_all(ref, watcher, 1);
    tr_ref_finish(ref);
    hears_of(watcher, 3);
    assert_null(tr_mailbox_next(watcher, NULL));
    hears_of(other, 2);
    tr_mailbox_release(&watcher);
    tr_mailbox_release(&other);
}

static void *share_and_release(void *arg)
{
    (void)arg;
    for (int i = 0; i < SHARES; i++) {
        troupe_ref_t *share = troupe_ref_share(ref);
        troupe_ref_release(&share);
    }
    return NULL;
}

static void any_thread_may_share_it(void **state)
{
    (void)state;
    pthread_t threads[SHARERS];
    for (int i = 0; i < SHARERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, share_and_release, NULL), 0);
    }
    for (int i = 0; i < SHARERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&ref->holders), 1);
}

static void releasing_nothing_is_fine(void **state)
{
    (void)state;
    troupe_ref_t *nothing = NULL;
    troupe_ref_release(&nothing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define STORY(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
        STORY(it_has_a_name_and_is_not_over),
        STORY(what_is_sent_between_lives_waits),
        STORY(a_life_that_ends_late_does_not_end_the_next),
        STORY(each_life_and_pause_is_a_stage),
        STORY(one_that_is_over_takes_nothing),
        STORY(a_full_one_leaves_it_to_the_sender),
        STORY(watches_are_taken_back_one_by_one),
        STORY(a_life_takes_all_of_its_own_back),
        STORY(any_thread_may_share_it),
        STORY(releasing_nothing_is_fine),
    };
    return cmocka_run_group_tests_name("mailbox/ref", tests, NULL, NULL) != 0;
}
