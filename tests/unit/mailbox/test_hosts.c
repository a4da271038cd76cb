/* Somebody else's code may not return. Whose thread it is on can do nothing more for others
 * until it does, so what it would have turned to next must be left to their own threads first;
 * and so when it is going to wait itself.
 *
 * The owners are played on this thread: one sleeps while its mailbox is parked, its baton lies
 * there, and it would wake up if its bell could be read.
 */

#include "tests/kit/check.h"

#include <poll.h>

#include "mailbox/mail.h"
#include "mailbox/mailbox.h"

#define LIMITS ((tr_mailbox_limits_t){100, 1 << 20})

typedef struct owner {
    tr_mailbox_t *mailbox;
    size_t n_taken;
    void (*handle)(void);
} owner_t;

static owner_t router;
static owner_t first;
static owner_t second;

static bool is_woken(const owner_t *owner)
{
    struct pollfd bell = {.fd = tr_mailbox_bell(owner->mailbox), .events = POLLIN};
    return poll(&bell, 1, 0) == 1;
}

static bool carry(void *arg, bool is_next)
{
    (void)is_next;
    owner_t *owner = arg;
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(owner->mailbox, NULL)) != NULL) {
        tr_letter_destroy(&letter);
        owner->n_taken++;
        if (owner->handle) {
            owner->handle();
        }
    }
    return true;
}

static void owner_begin(owner_t *owner, tr_carriers_t carriers)
{
    *owner = (owner_t){.mailbox = tr_mailbox_new("owner", 1, LIMITS)};
    assert_non_null(owner->mailbox);
    tr_mailbox_let_carry(owner->mailbox, carriers, carry, owner);
    assert_true(tr_mailbox_park(owner->mailbox));
    tr_mailbox_put_baton(owner->mailbox);
}

static void owner_end(owner_t *owner)
{
    tr_mailbox_take_baton(owner->mailbox);
    tr_mailbox_close(owner->mailbox);
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(owner->mailbox, NULL)) != NULL) {
        tr_letter_destroy(&letter);
    }
    tr_mailbox_release(&owner->mailbox);
}

static void post(const owner_t *owner)
{
    troupe_message_t *message = troupe_message_from_text("x");
    tr_mail_t *mail = tr_mail_new(&message, NULL, NULL);
    assert_non_null(mail);
    tr_letter_t *letter = &mail->letter;
    assert_status(tr_mailbox_post(owner->mailbox, TR_LANE_USER, &letter), TROUPE_OK);
}

static int begin(void **state)
{
    (void)state;
    owner_begin(&router, TR_CARRIED_BY_ALL);
    owner_begin(&first, TR_CARRIED_BY_HOSTS);
    owner_begin(&second, TR_CARRIED_BY_HOSTS);
    tr_mailbox_set_host(true);
    return 0;
}

static int end(void **state)
{
    (void)state;
    tr_mailbox_set_host(false);
    owner_end(&router);
    owner_end(&first);
    owner_end(&second);
    return 0;
}

static void post_to_both(void)
{
    post(&first);
    post(&second);
}

static void post_to_first(void)
{
    post(&first);
}

static void post_to_router(void)
{
    post(&router);
}

/* ---- stories ---- */

static void a_host_carries_whom_it_posts_to(void **state)
{
    (void)state;
    post(&first);
    assert_int_equal(first.n_taken, 1);
    assert_false(is_woken(&first));
}

static void others_wake_its_own_thread(void **state)
{
    (void)state;
    assert_true(tr_mailbox_set_host(false));
    post(&first);
    assert_int_equal(first.n_taken, 0);
    assert_true(is_woken(&first));
}

static void others_carry_a_router_all_the_same(void **state)
{
    (void)state;
    tr_mailbox_set_host(false);
    router.handle = post_to_first;
    post(&router);
    assert_int_equal(router.n_taken, 1);
    assert_int_equal(first.n_taken, 0);
    assert_true(is_woken(&first));
}

static void one_after_another_nobody_is_woken(void **state)
{
    (void)state;
    router.handle = post_to_first;
    post(&router);
    post(&router);
    assert_int_equal(first.n_taken, 2);
    assert_false(is_woken(&first));
    assert_false(is_woken(&router));
}

static bool was_second_woken;

/* As a worker does, before it runs what may not return. */
static void hang_for_a_while(void)
{
    tr_mailbox_leave_next();
    was_second_woken = is_woken(&second);
}

static void what_a_host_would_do_next_can_be_left_to_their_own_threads(void **state)
{
    (void)state;
    router.handle = post_to_both;
    first.handle = hang_for_a_while;
    was_second_woken = false;
    post(&router);
    assert_int_equal(first.n_taken, 1);
    assert_int_equal(second.n_taken, 0);
    assert_true(was_second_woken);
}

static bool was_router_woken;

static void post_and_wait(void)
{
    post_to_router();
    tr_mailbox_leave_next();
    was_router_woken = is_woken(&router);
}

static void who_is_going_to_wait_leaves_it_to_them_too(void **state)
{
    (void)state;
    first.handle = post_and_wait;
    was_router_woken = false;
    post(&first);
    assert_true(was_router_woken);
    assert_int_equal(router.n_taken, 0);
}

static void who_carries_nobody_has_nothing_to_leave(void **state)
{
    (void)state;
    tr_mailbox_leave_next();
    assert_false(is_woken(&router));
}

#define STORY(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_host_carries_whom_it_posts_to),
        STORY(others_wake_its_own_thread),
        STORY(others_carry_a_router_all_the_same),
        STORY(one_after_another_nobody_is_woken),
        STORY(what_a_host_would_do_next_can_be_left_to_their_own_threads),
        STORY(who_is_going_to_wait_leaves_it_to_them_too),
        STORY(who_carries_nobody_has_nothing_to_leave),
    };
    return cmocka_run_group_tests_name("mailbox/hosts", tests, NULL, NULL) != 0;
}
