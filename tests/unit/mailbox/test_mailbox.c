/* A mailbox keeps what it promises when nothing that was accepted is lost, each sender's
 * letters keep their order, and no letter goes in beyond the bound. Threads of the test only
 * send and count; what they saw is judged on the test's own thread. */

#include "tests/kit/check.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "mailbox/mailbox.h"

#define PATIENCE_MS 10000

typedef struct note {
    tr_letter_t letter;
    int sender;
    int number;
} note_t;

static void destroy_note(tr_letter_t *letter)
{
    free(letter);
}

static const tr_letter_type_t note_type = {"note", destroy_note};

static tr_letter_t *note_new(int sender, int number, size_t bytes)
{
    note_t *note = malloc(sizeof *note);
    if (!note) {
        abort();
    }
    tr_letter_init(&note->letter, &note_type, bytes);
    note->sender = sender;
    note->number = number;
    return &note->letter;
}

static tr_mailbox_t *mailbox_of(size_t letters, size_t bytes)
{
    tr_mailbox_t *mailbox = tr_mailbox_new("test", 7, (tr_mailbox_limits_t){letters, bytes});
    assert_non_null(mailbox);
    return mailbox;
}

/* Post a note and say how it went; a refused one is destroyed. */
static troupe_status_t post(tr_mailbox_t *mailbox, tr_lane_t lane, int number, size_t bytes)
{
    tr_letter_t *letter = note_new(0, number, bytes);
    troupe_status_t status = tr_mailbox_post(mailbox, lane, &letter);
    assert_true((letter == NULL) == (status == TROUPE_OK));
    tr_letter_destroy(&letter);
    return status;
}

static void next_is(tr_mailbox_t *mailbox, tr_lane_t want_lane, int want_number)
{
    tr_lane_t lane = TR_N_LANES;
    tr_letter_t *letter = tr_mailbox_next(mailbox, &lane);
    assert_non_null(letter);
    assert_int_equal(lane, want_lane);
    assert_int_equal(((note_t *)letter)->number, want_number);
    tr_letter_destroy(&letter);
}

static bool is_ringing(tr_mailbox_t *mailbox)
{
    struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
    return poll(&bell, 1, 0) == 1;
}

static void letters_count_until_they_are_handled(void **state)
{
    (void)state;
    tr_mailbox_t *mailbox = mailbox_of(3, 1000);
    for (int i = 1; i <= 3; i++) {
        assert_status(post(mailbox, TR_LANE_USER, i, 1), TROUPE_OK);
    }
    assert_status(post(mailbox, TR_LANE_USER, 4, 1), TROUPE_FULL);
    next_is(mailbox, TR_LANE_USER, 1); /* the owner has swapped all three out by now */
    assert_int_equal(tr_mailbox_depth(mailbox), 2);
    assert_status(post(mailbox, TR_LANE_USER, 5, 1), TROUPE_OK);
    assert_status(post(mailbox, TR_LANE_USER, 6, 1), TROUPE_FULL);
    next_is(mailbox, TR_LANE_USER, 2);
    next_is(mailbox, TR_LANE_USER, 3);
    next_is(mailbox, TR_LANE_USER, 5);
    assert_null(tr_mailbox_next(mailbox, NULL));
    tr_mailbox_release(&mailbox);
}

static void bytes_count_until_they_are_handled(void **state)
{
    (void)state;
    tr_mailbox_t *mailbox = mailbox_of(10, 100);
    assert_status(post(mailbox, TR_LANE_USER, 1, 60), TROUPE_OK);
    assert_status(post(mailbox, TR_LANE_USER, 2, 40), TROUPE_OK);
    assert_status(post(mailbox, TR_LANE_USER, 3, 1), TROUPE_FULL);
    next_is(mailbox, TR_LANE_USER, 1);
    assert_status(post(mailbox, TR_LANE_USER, 4, 61), TROUPE_FULL);
    assert_status(post(mailbox, TR_LANE_USER, 5, 60), TROUPE_OK);
    next_is(mailbox, TR_LANE_USER, 2);
    next_is(mailbox, TR_LANE_USER, 5);
    /* Larger than the bound: only into an empty lane. */
    assert_status(post(mailbox, TR_LANE_USER, 6, 5000), TROUPE_OK);
    assert_status(post(mailbox, TR_LANE_USER, 7, 5000), TROUPE_FULL);
    tr_mailbox_release(&mailbox); /* with a letter inside */
}

static void each_lane_has_its_own_bound_and_answers_have_none(void **state)
{
    (void)state;
    tr_mailbox_t *mailbox = mailbox_of(1, 100);
    assert_status(post(mailbox, TR_LANE_USER, 1, 1), TROUPE_OK);
    assert_status(post(mailbox, TR_LANE_CONTROL, 2, 1), TROUPE_OK);
    assert_status(post(mailbox, TR_LANE_CONTROL, 3, 1), TROUPE_FULL);
    tr_letter_t *answer = note_new(0, 4, 1);
    assert_status(tr_mailbox_post_answer(mailbox, TR_LANE_CONTROL, &answer), TROUPE_OK);
    assert_null(answer);
    next_is(mailbox, TR_LANE_CONTROL, 2);
    next_is(mailbox, TR_LANE_CONTROL, 4);
    next_is(mailbox, TR_LANE_USER, 1);
    tr_mailbox_release(&mailbox);
}

static void control_overtakes_at_every_letter(void **state)
{
    (void)state;
    tr_mailbox_t *mailbox = mailbox_of(10, 1000);
    for (int i = 1; i <= 3; i++) {
        assert_status(post(mailbox, TR_LANE_USER, i, 1), TROUPE_OK);
    }
    next_is(mailbox, TR_LANE_USER, 1);
    assert_status(post(mailbox, TR_LANE_CONTROL, 10, 1), TROUPE_OK);
    next_is(mailbox, TR_LANE_CONTROL, 10);
    next_is(mailbox, TR_LANE_USER, 2);
    assert_status(post(mailbox, TR_LANE_CONTROL, 11, 1), TROUPE_OK);
    assert_status(post(mailbox, TR_LANE_CONTROL, 12, 1), TROUPE_OK);
    next_is(mailbox, TR_LANE_CONTROL, 11);
    assert_status(post(mailbox, TR_LANE_CONTROL, 13, 1), TROUPE_OK); /* behind those taken */
    assert_status(post(mailbox, TR_LANE_URGENT, 20, 1), TROUPE_OK);
    assert_status(post(mailbox, TR_LANE_URGENT, 21, 1), TROUPE_OK);
    next_is(mailbox, TR_LANE_CONTROL, 12);
    next_is(mailbox, TR_LANE_CONTROL, 13);
    next_is(mailbox, TR_LANE_URGENT, 20);
    assert_status(post(mailbox, TR_LANE_URGENT, 22, 1), TROUPE_OK);
    next_is(mailbox, TR_LANE_URGENT, 21);
    next_is(mailbox, TR_LANE_URGENT, 22);
    next_is(mailbox, TR_LANE_USER, 3);
    tr_mailbox_release(&mailbox);
}

static void the_bell_rings_only_for_who_waits(void **state)
{
    (void)state;
    tr_mailbox_t *mailbox = mailbox_of(10, 1000);
    assert_status(post(mailbox, TR_LANE_USER, 1, 1), TROUPE_OK);
    assert_false(is_ringing(mailbox));
    assert_false(tr_mailbox_park(mailbox)); /* a letter is there */
    next_is(mailbox, TR_LANE_USER, 1);
    assert_true(tr_mailbox_park(mailbox));
    assert_false(is_ringing(mailbox));
    assert_status(post(mailbox, TR_LANE_USER, 2, 1), TROUPE_OK);
    assert_true(is_ringing(mailbox));
    tr_mailbox_unpark(mailbox);
    assert_false(is_ringing(mailbox));
    next_is(mailbox, TR_LANE_USER, 2);
    tr_mailbox_release(&mailbox);
}

static void what_was_in_a_closed_mailbox_can_be_taken(void **state)
{
    (void)state;
    tr_mailbox_t *mailbox = mailbox_of(10, 1000);
    assert_status(post(mailbox, TR_LANE_USER, 1, 1), TROUPE_OK);
    tr_mailbox_close(mailbox);
    assert_status(post(mailbox, TR_LANE_USER, 2, 1), TROUPE_CLOSED);
    assert_status(post(mailbox, TR_LANE_CONTROL, 3, 1), TROUPE_CLOSED);
    next_is(mailbox, TR_LANE_USER, 1);
    assert_null(tr_mailbox_next(mailbox, NULL));
    tr_mailbox_release(&mailbox);
}

/* Whether there is more than one processor or not, it finds what is there, and gives up. */
static void who_spins_finds_what_is_there(void **state)
{
    (void)state;
    tr_mailbox_t *mailbox = mailbox_of(10, 1000);
    assert_false(tr_mailbox_spin(mailbox, 0));
    assert_false(tr_mailbox_spin(mailbox, 100));
    assert_status(post(mailbox, TR_LANE_USER, 1, 1), TROUPE_OK);
    assert_status(post(mailbox, TR_LANE_USER, 2, 1), TROUPE_OK);
    assert_true(tr_mailbox_spin(mailbox, 0));
    next_is(mailbox, TR_LANE_USER, 1);
    assert_false(tr_mailbox_has_posted(mailbox)); /* the other one has been taken out */
    assert_true(tr_mailbox_spin(mailbox, 100));
    next_is(mailbox, TR_LANE_USER, 2);
    assert_false(tr_mailbox_spin(mailbox, 100));
    assert_status(post(mailbox, TR_LANE_CONTROL, 3, 1), TROUPE_OK);
    assert_true(tr_mailbox_spin(mailbox, 100));
    tr_mailbox_release(&mailbox);
}

static void what_is_held_back_waits_and_wakes_nobody(void **state)
{
    (void)state;
    tr_mailbox_t *mailbox = mailbox_of(10, 1000);
    assert_status(post(mailbox, TR_LANE_USER, 1, 1), TROUPE_OK);
    assert_status(post(mailbox, TR_LANE_USER, 2, 1), TROUPE_OK);
    next_is(mailbox, TR_LANE_USER, 1); /* so that both are taken over */
    tr_mailbox_hold_back(mailbox, true);
    assert_null(tr_mailbox_next(mailbox, NULL));
    assert_false(tr_mailbox_spin(mailbox, 0));
    assert_true(tr_mailbox_park(mailbox));
    assert_status(post(mailbox, TR_LANE_USER, 3, 1), TROUPE_OK);
    assert_status(post(mailbox, TR_LANE_URGENT, 4, 1), TROUPE_OK);
    assert_false(tr_mailbox_has_posted(mailbox));
    assert_false(is_ringing(mailbox));
    assert_status(post(mailbox, TR_LANE_CONTROL, 5, 1), TROUPE_OK);
    assert_true(is_ringing(mailbox));
    tr_mailbox_unpark(mailbox);
    next_is(mailbox, TR_LANE_CONTROL, 5);
    assert_null(tr_mailbox_next(mailbox, NULL));
    assert_int_equal(tr_mailbox_depth(mailbox), 3);

    tr_mailbox_hold_back(mailbox, false);
    assert_false(tr_mailbox_park(mailbox));
    next_is(mailbox, TR_LANE_URGENT, 4);
    next_is(mailbox, TR_LANE_USER, 2);
    next_is(mailbox, TR_LANE_USER, 3);
    tr_mailbox_release(&mailbox);
}

static void a_closed_mailbox_holds_nothing_back(void **state)
{
    (void)state;
    tr_mailbox_t *mailbox = mailbox_of(10, 1000);
    tr_mailbox_hold_back(mailbox, true);
    assert_status(post(mailbox, TR_LANE_USER, 1, 1), TROUPE_OK);
    tr_mailbox_close(mailbox);
    next_is(mailbox, TR_LANE_USER, 1);
    tr_mailbox_release(&mailbox);
}

static bool asked_thrice(void *arg)
{
    return ++*(int *)arg == 3;
}

static void waiting_for_room_gives_up(void **state)
{
    (void)state;
    tr_mailbox_t *mailbox = mailbox_of(1, 100);
    assert_status(post(mailbox, TR_LANE_USER, 1, 1), TROUPE_OK);
    tr_letter_t *letter = note_new(0, 2, 1);
    assert_status(tr_mailbox_post_wait(mailbox, TR_LANE_USER, &letter, tr_clock_now_ms() + 20,
                                       NULL, NULL),
                  TROUPE_TIMEOUT);
    int n_asked = 0;
    assert_status(
        tr_mailbox_post_wait(mailbox, TR_LANE_USER, &letter, TR_NEVER, asked_thrice, &n_asked),
        TROUPE_TIMEOUT);
    assert_int_equal(n_asked, 3);
    assert_non_null(letter);
    tr_mailbox_close(mailbox);
    assert_status(tr_mailbox_post_wait(mailbox, TR_LANE_USER, &letter, TR_NEVER, NULL, NULL),
                  TROUPE_CLOSED);
    tr_letter_destroy(&letter);
    tr_mailbox_release(&mailbox);
}

/* ---- places ---- */

static void a_place_that_is_held_counts_as_a_letter(void **state)
{
    (void)state;
    tr_mailbox_t *mailbox = mailbox_of(2, 1000);
    assert_status(post(mailbox, TR_LANE_USER, 1, 1), TROUPE_OK);
    next_is(mailbox, TR_LANE_USER, 1);
    tr_mailbox_hold_place(mailbox); /* it waits inside now */
    assert_status(post(mailbox, TR_LANE_USER, 2, 1), TROUPE_OK);
    assert_status(post(mailbox, TR_LANE_USER, 3, 1), TROUPE_FULL);
    assert_status(post(mailbox, TR_LANE_CONTROL, 4, 1), TROUPE_OK); /* not in this lane */
    assert_status(post(mailbox, TR_LANE_CONTROL, 5, 1), TROUPE_OK);
    assert_int_equal(tr_mailbox_depth(mailbox), 3); /* it is no letter */
    tr_mailbox_hold_place(mailbox);
    tr_mailbox_give_place(mailbox);
    assert_status(post(mailbox, TR_LANE_USER, 6, 1), TROUPE_FULL);
    tr_mailbox_give_place(mailbox);
    assert_status(post(mailbox, TR_LANE_USER, 7, 1), TROUPE_OK);
    assert_status(post(mailbox, TR_LANE_USER, 8, 1), TROUPE_FULL);
    tr_mailbox_release(&mailbox);
}

static void who_lets_wait_bounds_the_user_lane_alone(void **state)
{
    (void)state;
    tr_mailbox_t *mailbox = mailbox_of(3, 1000);
    assert_int_equal(tr_mailbox_wait_ms(mailbox), 0);
    tr_mailbox_let_wait(mailbox, 250, 1);
    assert_int_equal(tr_mailbox_wait_ms(mailbox), 250);
    assert_status(post(mailbox, TR_LANE_USER, 1, 1), TROUPE_OK);
    assert_status(post(mailbox, TR_LANE_USER, 2, 1), TROUPE_FULL);
    for (int i = 0; i < 3; i++) {
        assert_status(post(mailbox, TR_LANE_CONTROL, 3 + i, 1), TROUPE_OK);
    }
    assert_status(post(mailbox, TR_LANE_CONTROL, 6, 1), TROUPE_FULL);
    tr_mailbox_release(&mailbox);
}

/* ---- many senders ---- */

#define N_SENDERS 8
#define N_NOTES   2000

typedef struct sender {
    pthread_t thread;
    tr_mailbox_t *mailbox;
    int number;
    int n_refused;
} sender_t;

static void *send_notes(void *arg)
{
    sender_t *self = arg;
    int64_t deadline_ms = tr_clock_now_ms() + PATIENCE_MS;
    for (int i = 0; i < N_NOTES; i++) {
        tr_letter_t *letter = note_new(self->number, i, 10);
        if (tr_mailbox_post_wait(self->mailbox, TR_LANE_USER, &letter, deadline_ms, NULL,
                                 NULL) != TROUPE_OK) {
            self->n_refused++;
            tr_letter_destroy(&letter);
        }
    }
    tr_mailbox_release(&self->mailbox);
    return NULL;
}

/* The next letter, waiting on the bell; NULL when none comes in time. */
static tr_letter_t *wait_for_next(tr_mailbox_t *mailbox)
{
    for (;;) {
        tr_letter_t *letter = tr_mailbox_next(mailbox, NULL);
        if (letter) {
            return letter;
        }
        if (tr_mailbox_park(mailbox)) {
            struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
            int n_rung = poll(&bell, 1, PATIENCE_MS);
            tr_mailbox_unpark(mailbox);
            if (n_rung == 0) {
                return NULL;
            }
        }
    }
}

static void every_sender_keeps_its_order_and_nothing_is_lost(void **state)
{
    (void)state;
    tr_mailbox_t *mailbox = mailbox_of(16, 1000);
    sender_t senders[N_SENDERS];
    for (int i = 0; i < N_SENDERS; i++) {
        senders[i] = (sender_t){.mailbox = tr_mailbox_share(mailbox), .number = i};
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_notes, &senders[i]), 0);
    }
    int next[N_SENDERS] = {0};
    int n_taken = 0;
    int n_out_of_order = 0;
    size_t deepest = 0;
    while (n_taken < N_SENDERS * N_NOTES) {
        tr_letter_t *letter = wait_for_next(mailbox);
        if (!letter) {
            break;
        }
        const note_t *note = (const note_t *)letter;
        n_out_of_order += note->number != next[note->sender];
        next[note->sender] = note->number + 1;
        n_taken++;
        size_t depth = tr_mailbox_depth(mailbox);
        deepest = depth > deepest ? depth : deepest;
        tr_letter_destroy(&letter);
    }
    tr_mailbox_close(mailbox); /* lets senders go that would still wait */
    for (int i = 0; i < N_SENDERS; i++) {
        pthread_join(senders[i].thread, NULL);
        assert_int_equal(senders[i].n_refused, 0);
    }
    assert_int_equal(n_taken, N_SENDERS * N_NOTES);
    assert_int_equal(n_out_of_order, 0);
    assert_true(deepest <= 16);
    tr_mailbox_release(&mailbox);
}

/* The owner keeps as many inside as it may, and gives their places when it pleases. */
static void senders_wait_for_places_too(void **state)
{
    (void)state;
    enum { N_PLACES = 4 };
    tr_mailbox_t *mailbox = mailbox_of(1000, 100000);
    tr_mailbox_let_wait(mailbox, PATIENCE_MS, N_PLACES);
    sender_t senders[N_SENDERS];
    for (int i = 0; i < N_SENDERS; i++) {
        senders[i] = (sender_t){.mailbox = tr_mailbox_share(mailbox), .number = i};
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_notes, &senders[i]), 0);
    }
    int n_taken = 0;
    size_t n_inside = 0;
    size_t most = 0;
    while (n_taken < N_SENDERS * N_NOTES) {
        size_t depth = tr_mailbox_depth(mailbox);
        most = n_inside + depth > most ? n_inside + depth : most;
        tr_letter_t *letter = n_inside < N_PLACES ? tr_mailbox_next(mailbox, NULL) : NULL;
        if (letter) {
            tr_mailbox_hold_place(mailbox);
            n_inside++;
            n_taken++;
            tr_letter_destroy(&letter);
        } else if (n_inside > 0) {
            tr_mailbox_give_place(mailbox);
            n_inside--;
        } else {
            letter = wait_for_next(mailbox);
            if (!letter) {
                break;
            }
            n_taken++;
            tr_letter_destroy(&letter);
        }
    }
    tr_mailbox_close(mailbox);
    for (int i = 0; i < N_SENDERS; i++) {
        pthread_join(senders[i].thread, NULL);
        assert_int_equal(senders[i].n_refused, 0);
    }
    assert_int_equal(n_taken, N_SENDERS * N_NOTES);
    assert_true(most <= N_PLACES + 1); /* one may come in while its letter is being read */
    while (n_inside-- > 0) {
        tr_mailbox_give_place(mailbox);
    }
    tr_mailbox_release(&mailbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_count_until_they_are_handled),
        cmocka_unit_test(bytes_count_until_they_are_handled),
        cmocka_unit_test(each_lane_has_its_own_bound_and_answers_have_none),
        cmocka_unit_test(control_overtakes_at_every_letter),
        cmocka_unit_test(the_bell_rings_only_for_who_waits),
        cmocka_unit_test(what_was_in_a_closed_mailbox_can_be_taken),
        cmocka_unit_test(who_spins_finds_what_is_there),
        cmocka_unit_test(what_is_held_back_waits_and_wakes_nobody),
        cmocka_unit_test(a_closed_mailbox_holds_nothing_back),
        cmocka_unit_test(waiting_for_room_gives_up),
        cmocka_unit_test(a_place_that_is_held_counts_as_a_letter),
        cmocka_unit_test(who_lets_wait_bounds_the_user_lane_alone),
        cmocka_unit_test(senders_wait_for_places_too),
        cmocka_unit_test(every_sender_keeps_its_order_and_nothing_is_lost),
    };
    return cmocka_run_group_tests_name("mailbox/mailbox", tests, NULL, NULL) != 0;
}
