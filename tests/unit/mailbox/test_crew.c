/* Owners that share the threads of a crew: each letter is taken once, by one thread at a time,
 * whoever hangs holds up nobody else, and what it leaves waits for its next owner. What an
 * owner counts is guarded by nothing but the baton, so that a sanitizer sees it fail.
 *
 * The owners' own threads are played by the test's: they sleep while their mailboxes are
 * parked, and would wake up if the bell could be read.
 */

#include "tests/kit/check.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "mailbox/crew.h"
#include "mailbox/mail.h"
#include "mailbox/mailbox.h"

#define PATIENCE_S   20
#define LIMITS       ((tr_mailbox_limits_t){1 << 20, (size_t)1 << 30})
#define SIZE         2
#define N_OWNERS     8
#define N_SENDERS    4
#define N_OF_A_STORM 5000 /* letters that each sender sends to each owner */

typedef struct owner {
    size_t most_a_piece; /* letters; 0: all */
    tr_mailbox_t *mailbox;
    uint64_t life;
    size_t n_taken; /* with the baton */
    size_t n_wanted;
    sem_t has_all;
    struct owner *other; /* to whom each letter is passed on, or NULL */
    bool hangs;          /* at its next letter */
    sem_t hung;
    sem_t may_return;
    bool is_moved_out;
} owner_t;

static tr_crew_t *crew;
static owner_t owners[N_OWNERS];

static bool await(sem_t *sign)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    return sem_timedwait(sign, &until) == 0;
}

static bool is_woken(const owner_t *owner)
{
    struct pollfd bell = {.fd = tr_mailbox_bell(owner->mailbox), .events = POLLIN};
    return poll(&bell, 1, 0) == 1;
}

static void post_in(const owner_t *owner, tr_lane_t lane)
{
    troupe_message_t *message = troupe_message_from_text("x");
    tr_mail_t *mail = tr_mail_new(&message, NULL, NULL);
    tr_letter_t *letter = mail ? &mail->letter : NULL;
    if (!letter || tr_mailbox_post(owner->mailbox, lane, &letter) != TROUPE_OK) {
        abort();
    }
}

static void post(const owner_t *owner)
{
    post_in(owner, TR_LANE_USER);
}

/* ---- an owner ---- */

/* As an actor does around a callback. */
static bool run_callback(owner_t *owner)
{
    tr_mailbox_step_out(owner->mailbox, owner->life);
    if (owner->hangs) {
        owner->hangs = false;
        sem_post(&owner->hung);
        if (!await(&owner->may_return)) {
            abort();
        }
    }
    return tr_mailbox_step_in(owner->mailbox, owner->life);
}

static bool carry(void *arg, bool is_next)
{
    (void)is_next;
    owner_t *owner = arg;
    tr_letter_t *letter;
    for (size_t n = 0; (owner->most_a_piece == 0 || n < owner->most_a_piece) &&
                       (letter = tr_mailbox_next(owner->mailbox, NULL)) != NULL;
         n++) {
        tr_letter_destroy(&letter);
        if (owner->other) {
            post(owner->other);
        }
        if (!run_callback(owner)) {
            owner->is_moved_out = true;
            sem_post(&owner->has_all);
            return false;
        }
        if (++owner->n_taken == owner->n_wanted) {
            sem_post(&owner->has_all);
        }
    }
    return true;
}

static void fall_asleep(const owner_t *owner)
{
    assert_true(tr_mailbox_park(owner->mailbox));
    tr_mailbox_put_baton(owner->mailbox);
}

/* `mailbox`: of another owner before; NULL: a new one. */
static void owner_begin(owner_t *owner, tr_mailbox_t *mailbox, uint64_t life)
{
    *owner = (owner_t){.mailbox = mailbox ? tr_mailbox_share(mailbox)
                                          : tr_mailbox_new_lasting("o", LIMITS),
                       .life = life};
    assert_non_null(owner->mailbox);
    sem_init(&owner->has_all, 0, 0);
    sem_init(&owner->hung, 0, 0);
    sem_init(&owner->may_return, 0, 0);
    tr_mailbox_let_crew_carry(owner->mailbox, crew, carry, owner);
    tr_mailbox_move_in(owner->mailbox, life);
}

static void owner_end(owner_t *owner)
{
    if (tr_mailbox_is_owned_by(owner->mailbox, owner->life)) {
        assert_true(tr_mailbox_take_baton_as(owner->mailbox, owner->life));
        tr_mailbox_unpark(owner->mailbox);
        tr_mailbox_leave_for_good(owner->mailbox);
    }
    tr_mailbox_release(&owner->mailbox);
}

static int begin(void **state)
{
    (void)state;
    crew = tr_crew_new(SIZE);
    assert_non_null(crew);
    for (size_t i = 0; i < N_OWNERS; i++) {
        owner_begin(&owners[i], NULL, i + 1);
        fall_asleep(&owners[i]);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OWNERS; i++) {
        owner_end(&owners[i]);
    }
    tr_crew_stop(crew);
    tr_crew_release(&crew);
    return 0;
}

static void hang(owner_t *owner)
{
    owner->hangs = true; /* nobody carries it */
    post(owner);
    assert_true(await(&owner->hung));
}

static void assert_serves(owner_t *owner)
{
    owner->n_wanted = 1;
    post(owner);
    assert_true(await(&owner->has_all));
}

/* ---- stories ---- */

static void a_letter_is_taken_by_the_crew(void **state)
{
    (void)state;
    assert_serves(&owners[0]);
    assert_false(is_woken(&owners[0]));
}

static void two_that_post_to_each_other_wake_nobody(void **state)
{
    (void)state;
    owners[0].other = &owners[1];
    owners[1].other = &owners[0];
    owners[0].n_wanted = 10000;
    post(&owners[0]);
    assert_true(await(&owners[0].has_all));
    assert_false(is_woken(&owners[0]));
    assert_false(is_woken(&owners[1]));
    tr_crew_stop(crew); /* or they would go on for ever */
}

/* After some pieces it is called again: for letters that were taken out long before. */
static void what_was_taken_out_at_once_is_all_served(void **state)
{
    (void)state;
    static const size_t n_letters = 200;
    owner_t owner;
    owner_begin(&owner, NULL, 1);
    owner.hangs = true;
    owner.most_a_piece = 10;
    owner.n_wanted = n_letters + 1;
    fall_asleep(&owner);
    post(&owner);
    assert_true(await(&owner.hung));
    for (size_t i = 0; i < n_letters; i++) {
        post(&owner);
    }
    sem_post(&owner.may_return);
    assert_true(await(&owner.has_all));
    owner_end(&owner);
}

static void a_word_wakes_the_owners_own_thread(void **state)
{
    (void)state;
    post_in(&owners[0], TR_LANE_CONTROL);
    assert_true(is_woken(&owners[0]));
}

static void one_that_hangs_holds_up_nobody_else(void **state)
{
    (void)state;
    hang(&owners[0]);
    assert_serves(&owners[1]);
    sem_post(&owners[0].may_return);
}

/* Nobody calls the crew any more when it hangs: the other thread looks of itself. */
static void what_one_that_hangs_has_called_for_is_served_too(void **state)
{
    (void)state;
    owners[0].other = &owners[1];
    owners[1].n_wanted = 1;
    hang(&owners[0]);
    assert_true(await(&owners[1].has_all));
    sem_post(&owners[0].may_return);
}

static void give_up(owner_t *owner)
{
    assert_true(tr_mailbox_move_out(owner->mailbox, owner->life));
    tr_mailbox_give_up_carrier(owner->mailbox);
}

static void a_thread_that_is_given_up_is_replaced(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * SIZE; i++) {
        hang(&owners[i]);
        give_up(&owners[i]);
    }
    assert_serves(&owners[N_OWNERS - 1]);
    for (size_t i = 0; i < 2 * SIZE; i++) {
        sem_post(&owners[i].may_return);
        assert_true(await(&owners[i].has_all));
        assert_true(owners[i].is_moved_out);
    }
    assert_serves(&owners[N_OWNERS - 2]);
}

static void what_waits_for_one_that_hangs_is_its_next_owners(void **state)
{
    (void)state;
    owner_t next;
    hang(&owners[0]);
    post(&owners[0]);
    post(&owners[0]);
    give_up(&owners[0]);
    owner_begin(&next, owners[0].mailbox, 100);
    next.n_wanted = 2;
    carry(&next, false); /* by its own thread, which is awake */
    assert_int_equal(next.n_taken, 2);
    fall_asleep(&next);

    sem_post(&owners[0].may_return);
    assert_true(await(&owners[0].has_all)); /* it comes back, and leaves the mailbox alone */
    next.n_wanted = 3;
    post(&next);
    assert_true(await(&next.has_all));
    assert_true(await(&next.has_all));
    owner_end(&next);
}

/* The next owner is awake, so that nobody else may do its work. */
static void one_that_comes_back_does_not_put_down_its_next_owners_baton(void **state)
{
    (void)state;
    owner_t next;
    hang(&owners[0]);
    give_up(&owners[0]);
    owner_begin(&next, owners[0].mailbox, 100);
    sem_post(&owners[0].may_return);
    assert_true(await(&owners[0].has_all));
    for (size_t i = 1; i <= 200; i++) {
        post(&next);
        owners[1].n_wanted = i;
        post(&owners[1]);
        assert_true(await(&owners[1].has_all));
        assert_int_equal(next.n_taken, 0);
    }
    carry(&next, false);
    assert_int_equal(next.n_taken, 200);
    fall_asleep(&next);
    owner_end(&next);
}

static void the_own_thread_hears_that_it_was_moved_out(void **state)
{
    (void)state;
    owner_t next;
    hang(&owners[0]);
    give_up(&owners[0]);
    assert_false(tr_mailbox_take_baton_as(owners[0].mailbox, owners[0].life));
    owner_begin(&next, owners[0].mailbox, 100);
    fall_asleep(&next);
    assert_false(tr_mailbox_take_baton_as(owners[0].mailbox, owners[0].life));
    next.n_wanted = 1;
    post(&next);
    assert_true(await(&next.has_all));
    sem_post(&owners[0].may_return);
    assert_true(await(&owners[0].has_all));
    owner_end(&next);
}

static void without_a_crew_its_own_thread_is_woken(void **state)
{
    (void)state;
    assert_serves(&owners[0]);
    tr_crew_stop(crew);
    post(&owners[1]);
    assert_true(is_woken(&owners[1]));
}

/* ---- storm ---- */

static void *send_to_all(void *arg)
{
    (void)arg;
    for (size_t n = 0; n < N_OF_A_STORM; n++) {
        for (size_t i = 0; i < N_OWNERS; i++) {
            post(&owners[i]);
        }
    }
    return NULL;
}

static void each_letter_is_taken_once_by_one_at_a_time(void **state)
{
    (void)state;
    pthread_t senders[N_SENDERS];
    for (size_t i = 0; i < N_OWNERS; i++) {
        owners[i].n_wanted = N_SENDERS * N_OF_A_STORM;
    }
    for (size_t i = 0; i < N_SENDERS; i++) {
        assert_int_equal(pthread_create(&senders[i], NULL, send_to_all, NULL), 0);
    }
    for (size_t i = 0; i < N_SENDERS; i++) {
        pthread_join(senders[i], NULL);
    }
    for (size_t i = 0; i < N_OWNERS; i++) {
        assert_true(await(&owners[i].has_all));
    }
}

#define STORY(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_letter_is_taken_by_the_crew),
        STORY(two_that_post_to_each_other_wake_nobody),
        STORY(what_was_taken_out_at_once_is_all_served),
        STORY(a_word_wakes_the_owners_own_thread),
        STORY(one_that_hangs_holds_up_nobody_else),
        STORY(what_one_that_hangs_has_called_for_is_served_too),
        STORY(a_thread_that_is_given_up_is_replaced),
        STORY(what_waits_for_one_that_hangs_is_its_next_owners),
        STORY(one_that_comes_back_does_not_put_down_its_next_owners_baton),
        STORY(the_own_thread_hears_that_it_was_moved_out),
        STORY(without_a_crew_its_own_thread_is_woken),
        STORY(each_letter_is_taken_once_by_one_at_a_time),
    };
    return cmocka_run_group_tests_name("mailbox/crew", tests, NULL, NULL) != 0;
}
