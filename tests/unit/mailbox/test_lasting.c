/* A mailbox that outlives its owners: what waits is taken by the next one, in order and once,
 * by whoever is the owner and by nobody else, whenever a late one comes back.
 *
 * In the storms senders post without a pause while owners come and go. What the owners count is
 * guarded by nothing but the mailbox, so that a sanitizer sees it fail.
 */

#include "tests/kit/check.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "mailbox/mailbox.h"

#define SENDERS     4
#define EACH        50000 /* letters of each of them */
#define MOST_TAKEN  97    /* by one owner */
#define HANGS_AFTER 100   /* letters */

typedef struct note {
    tr_letter_t letter;
    int sender;
    int number;
} note_t;

static atomic_int n_destroyed;

static void destroy_note(tr_letter_t *letter)
{
    atomic_fetch_add(&n_destroyed, 1);
    free(letter);
}

static const tr_letter_type_t note_type = {"note", destroy_note};

static tr_letter_t *note_new(int sender, int number)
{
    note_t *note = malloc(sizeof *note);
    if (!note) {
        abort();
    }
    tr_letter_init(&note->letter, &note_type, 1);
    note->sender = sender;
    note->number = number;
    return &note->letter;
}

static tr_mailbox_t *mailbox;

static int set_up(void **state)
{
    (void)state;
    atomic_store(&n_destroyed, 0);
    mailbox = tr_mailbox_new_lasting("test", (tr_mailbox_limits_t){1 << 20, (size_t)1 << 30});
    return mailbox ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    tr_mailbox_release(&mailbox);
    return 0;
}

static void post(tr_lane_t lane, int number)
{
    tr_letter_t *letter = note_new(0, number);
    assert_status(tr_mailbox_post(mailbox, lane, &letter), TROUPE_OK);
}

static tr_letter_t *take(int number)
{
    tr_letter_t *letter = tr_mailbox_next(mailbox, NULL);
    assert_non_null(letter);
    assert_int_equal(((note_t *)letter)->number, number);
    return letter;
}

static void takes(int number)
{
    tr_letter_t *letter = take(number);
    tr_letter_destroy(&letter);
}

static void takes_nothing(void)
{
    assert_null(tr_mailbox_next(mailbox, NULL));
}

static void puts_aside(int number)
{
    tr_letter_t *letter = take(number);
    tr_mailbox_put_aside(mailbox, &letter);
    assert_null(letter);
}

/* ---- one owner after another ---- */

static void it_waits_for_its_first_owner(void **state)
{
    (void)state;
    assert_true(tr_mailbox_is_lasting(mailbox));
    assert_true(tr_mailbox_is_vacant(mailbox));
    post(TR_LANE_USER, 1);
    tr_mailbox_move_in(mailbox, 1);
    assert_false(tr_mailbox_is_vacant(mailbox));
    takes(1);
    takes_nothing();
}

static void any_other_has_no_vacancy(void **state)
{
    (void)state;
    tr_mailbox_t *other = tr_mailbox_new("other", 1, (tr_mailbox_limits_t){1, 1});
    assert_non_null(other);
    assert_false(tr_mailbox_is_lasting(other));
    assert_false(tr_mailbox_is_vacant(other));
    tr_mailbox_release(&other);
}

static void what_one_has_not_taken_the_next_one_takes(void **state)
{
    (void)state;
    tr_mailbox_move_in(mailbox, 1);
    for (int i = 1; i <= 3; i++) {
        post(TR_LANE_USER, i);
    }
    takes(1); /* 2 and 3 are out of the posted ones now */
    tr_mailbox_leave_for_good(mailbox);
    assert_true(tr_mailbox_is_vacant(mailbox));
    post(TR_LANE_USER, 4);
    tr_mailbox_move_in(mailbox, 2);
    for (int i = 2; i <= 4; i++) {
        takes(i);
    }
    takes_nothing();
}

static void words_for_another_life_are_not_taken(void **state)
{
    (void)state;
    tr_mailbox_move_in(mailbox, 1);
    post(TR_LANE_CONTROL, 1);
    tr_mailbox_leave_for_good(mailbox);
    post(TR_LANE_CONTROL, 2);
    post(TR_LANE_URGENT, 3);
    tr_mailbox_move_in(mailbox, 2);
    assert_int_equal(atomic_load(&n_destroyed), 2);
    post(TR_LANE_CONTROL, 4);
    takes(4);
    takes(3);
    takes_nothing();
}

static void a_post_to_nobody_rings_nobody(void **state)
{
    (void)state;
    tr_mailbox_move_in(mailbox, 1);
    assert_true(tr_mailbox_park(mailbox));
    tr_mailbox_leave_for_good(mailbox);
    post(TR_LANE_USER, 1);
    struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
    assert_int_equal(poll(&bell, 1, 0), 0);
    tr_mailbox_move_in(mailbox, 2);
    assert_false(tr_mailbox_park(mailbox)); /* it lies there */
    takes(1);
    assert_true(tr_mailbox_park(mailbox));
}

/* ---- overtaking, aside, and back ---- */

static void urgent_ones_overtake_all_but_words(void **state)
{
    (void)state;
    tr_mailbox_move_in(mailbox, 1);
    post(TR_LANE_USER, 1);
    post(TR_LANE_USER, 2);
    takes(1);
    post(TR_LANE_URGENT, 3);
    post(TR_LANE_URGENT, 4);
    post(TR_LANE_CONTROL, 5);
    takes(5);
    takes(3);
    takes(4);
    takes(2);
}

static void what_is_aside_comes_back_first_and_in_order(void **state)
{
    (void)state;
    tr_mailbox_move_in(mailbox, 1);
    for (int i = 1; i <= 4; i++) {
        post(TR_LANE_USER, i);
    }
    puts_aside(1);
    takes(2);
    puts_aside(3);
    tr_mailbox_put_back(mailbox);
    takes(1);
    puts_aside(3); /* again */
    takes(4);
    takes_nothing();
    tr_mailbox_put_back(mailbox);
    post(TR_LANE_USER, 5);
    takes(3);
    takes(5);
    takes_nothing();
}

static void the_first_that_is_aside_comes_back_alone(void **state)
{
    (void)state;
    tr_mailbox_move_in(mailbox, 1);
    tr_mailbox_put_back_first(mailbox);
    takes_nothing();
    for (int i = 1; i <= 3; i++) {
        post(TR_LANE_USER, i);
    }
    puts_aside(1);
    puts_aside(2);
    tr_mailbox_put_back_first(mailbox);
    takes(1); /* before what waits */
    takes(3);
    tr_mailbox_put_back_first(mailbox); /* the last one, before nothing */
    post(TR_LANE_USER, 4);
    puts_aside(2); /* again */
    takes(4);
    takes_nothing();
    tr_mailbox_put_back_first(mailbox);
    takes(2);
    takes_nothing();
    assert_int_equal(tr_mailbox_depth(mailbox), 0);
}

static void what_is_aside_takes_its_place(void **state)
{
    (void)state;
    tr_mailbox_bound(mailbox, (tr_mailbox_limits_t){2, 100});
    tr_mailbox_move_in(mailbox, 1);
    post(TR_LANE_USER, 1);
    puts_aside(1);
    assert_int_equal(tr_mailbox_depth(mailbox), 1);
    assert_true(tr_mailbox_has_room(mailbox));
    post(TR_LANE_USER, 2);
    assert_false(tr_mailbox_has_room(mailbox));
    tr_letter_t *third = note_new(0, 3);
    assert_status(tr_mailbox_post(mailbox, TR_LANE_USER, &third), TROUPE_FULL);
    tr_letter_destroy(&third);
    tr_mailbox_put_back(mailbox);
    takes(1);
    takes(2);
    assert_int_equal(tr_mailbox_depth(mailbox), 0);
}

static void what_one_has_put_aside_the_next_one_takes_first(void **state)
{
    (void)state;
    tr_mailbox_move_in(mailbox, 1);
    for (int i = 1; i <= 3; i++) {
        post(TR_LANE_USER, i);
    }
    puts_aside(1);
    puts_aside(2);
    tr_mailbox_leave_for_good(mailbox);
    tr_mailbox_move_in(mailbox, 2);
    for (int i = 1; i <= 3; i++) {
        takes(i);
    }
}

static void what_is_left_in_it_goes_with_it(void **state)
{
    (void)state;
    tr_mailbox_move_in(mailbox, 1);
    for (int i = 1; i <= 3; i++) {
        post(TR_LANE_USER, i);
    }
    post(TR_LANE_URGENT, 4);
    takes(4);
    puts_aside(1);
    takes(2);
    tr_mailbox_leave_for_good(mailbox);
    tr_mailbox_release(&mailbox);
    assert_int_equal(atomic_load(&n_destroyed), 4);
}

static void what_came_back_stays_first_when_it_is_closed(void **state)
{
    (void)state;
    tr_mailbox_move_in(mailbox, 1);
    post(TR_LANE_USER, 1);
    post(TR_LANE_USER, 2);
    puts_aside(1);
    takes(2);
    tr_mailbox_put_back(mailbox);
    post(TR_LANE_USER, 3);
    tr_mailbox_close(mailbox);
    takes(1);
    takes(3);
    takes_nothing();
}

static void what_is_aside_can_be_taken_out(void **state)
{
    (void)state;
    tr_mailbox_bound(mailbox, (tr_mailbox_limits_t){2, 100});
    tr_mailbox_move_in(mailbox, 1);
    post(TR_LANE_USER, 1);
    post(TR_LANE_USER, 2);
    puts_aside(1);
    assert_false(tr_mailbox_has_room(mailbox));
    tr_letter_t *letter = tr_mailbox_next_aside(mailbox);
    assert_int_equal(((note_t *)letter)->number, 1);
    tr_letter_destroy(&letter);
    assert_true(tr_mailbox_has_room(mailbox));
    assert_int_equal(tr_mailbox_depth(mailbox), 1);
    assert_null(tr_mailbox_next_aside(mailbox));
    takes(2);
}

static void its_bounds_can_be_changed(void **state)
{
    (void)state;
    tr_mailbox_bound(mailbox, (tr_mailbox_limits_t){1, 100});
    post(TR_LANE_USER, 1);
    tr_letter_t *second = note_new(0, 2);
    assert_status(tr_mailbox_post(mailbox, TR_LANE_USER, &second), TROUPE_FULL);
    tr_mailbox_bound(mailbox, (tr_mailbox_limits_t){5, 1});
    assert_status(tr_mailbox_post(mailbox, TR_LANE_USER, &second), TROUPE_FULL);
    tr_mailbox_bound(mailbox, (tr_mailbox_limits_t){5, 2});
    assert_status(tr_mailbox_post(mailbox, TR_LANE_USER, &second), TROUPE_OK);
}

/* ---- one that does not come back, or late ---- */

static void one_that_is_inside_cannot_be_moved_out(void **state)
{
    (void)state;
    tr_mailbox_move_in(mailbox, 1);
    assert_false(tr_mailbox_move_out(mailbox, 1));
    tr_mailbox_step_out(mailbox, 1);
    assert_true(tr_mailbox_step_in(mailbox, 1));
    assert_false(tr_mailbox_move_out(mailbox, 1));
    assert_false(tr_mailbox_is_vacant(mailbox));
}

static void one_that_is_outside_can_and_learns_of_it(void **state)
{
    (void)state;
    tr_mailbox_move_in(mailbox, 1);
    post(TR_LANE_USER, 1);
    tr_mailbox_step_out(mailbox, 1);
    assert_false(tr_mailbox_is_vacant(mailbox));
    assert_true(tr_mailbox_move_out(mailbox, 1));
    assert_true(tr_mailbox_is_vacant(mailbox));
    assert_false(tr_mailbox_step_in(mailbox, 1));
    tr_mailbox_move_in(mailbox, 2);
    takes(1);
}

static void one_that_has_left_is_out(void **state)
{
    (void)state;
    tr_mailbox_move_in(mailbox, 1);
    tr_mailbox_leave_for_good(mailbox);
    assert_true(tr_mailbox_move_out(mailbox, 1));
    assert_true(tr_mailbox_is_vacant(mailbox));
}

static void one_that_comes_back_late_does_not_take_the_place_of_the_next(void **state)
{
    (void)state;
    tr_mailbox_move_in(mailbox, 1);
    tr_mailbox_step_out(mailbox, 1);
    assert_true(tr_mailbox_move_out(mailbox, 1));
    tr_mailbox_move_in(mailbox, 2);
    assert_false(tr_mailbox_step_in(mailbox, 1));
    tr_mailbox_step_out(mailbox, 2); /* now both are outside */
    assert_false(tr_mailbox_step_in(mailbox, 1));
    assert_true(tr_mailbox_step_in(mailbox, 2));
}

static void an_earlier_one_is_out_whatever_the_next_one_does(void **state)
{
    (void)state;
    tr_mailbox_move_in(mailbox, 1);
    tr_mailbox_step_out(mailbox, 1);
    assert_true(tr_mailbox_move_out(mailbox, 1));
    tr_mailbox_move_in(mailbox, 2);
    assert_true(tr_mailbox_move_out(mailbox, 1));
    tr_mailbox_step_out(mailbox, 2);
    assert_true(tr_mailbox_move_out(mailbox, 1));
    assert_true(tr_mailbox_step_in(mailbox, 2));
}

static void it_has_one_last_owner(void **state)
{
    (void)state;
    tr_mailbox_move_in(mailbox, 1);
    assert_false(tr_mailbox_seize(mailbox));
    tr_mailbox_leave_for_good(mailbox);
    assert_true(tr_mailbox_seize(mailbox));
    assert_false(tr_mailbox_seize(mailbox));
    assert_false(tr_mailbox_is_vacant(mailbox));
    assert_true(tr_mailbox_move_out(mailbox, 1));
    assert_false(tr_mailbox_is_vacant(mailbox));
}

/* ---- storms ---- */

typedef struct crowd {
    int next[SENDERS];       /* number that each sender's letter must at least have */
    size_t n_taken;          /* guarded by being the owner */
    _Atomic(uint64_t) owner; /* whose turn it is */
    atomic_int n_senders;    /* that have not ended */
    atomic_bool is_bad;
} crowd_t;

static crowd_t crowd;

static void *send_all(void *arg)
{
    int sender = *(int *)arg;
    for (int i = 0; i < EACH; i++) {
        tr_letter_t *letter = note_new(sender, i);
        tr_lane_t lane = sender % 2 ? TR_LANE_URGENT : TR_LANE_USER;
        if (tr_mailbox_post(mailbox, lane, &letter) != TROUPE_OK) {
            atomic_store(&crowd.is_bad, true);
            tr_letter_destroy(&letter);
        }
    }
    atomic_fetch_sub(&crowd.n_senders, 1);
    return NULL;
}

static void note_taken(tr_letter_t *letter)
{
    const note_t *note = (note_t *)letter;
    if (note->number != crowd.next[note->sender]) {
        atomic_store(&crowd.is_bad, true);
    }
    crowd.next[note->sender] = note->number + 1;
    crowd.n_taken++;
    tr_letter_destroy(&letter);
}

static bool is_all_taken(void)
{
    return crowd.n_taken == (size_t)SENDERS * EACH;
}

static void start_senders(pthread_t *threads, int *numbers)
{
    crowd = (crowd_t){.owner = 1};
    atomic_store(&crowd.n_senders, SENDERS);
    for (int i = 0; i < SENDERS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &numbers[i]), 0);
    }
}

static void join_all(pthread_t *threads, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
    }
}

/* Each owner takes some, puts some aside, and leaves. */
static void owners_follow_one_another_while_senders_post(void **state)
{
    (void)state;
    pthread_t threads[SENDERS];
    int numbers[SENDERS];
    start_senders(threads, numbers);
    for (uint64_t owner = 1; !is_all_taken() && !atomic_load(&crowd.is_bad); owner++) {
        tr_mailbox_move_in(mailbox, owner);
        tr_letter_t *letter = NULL;
        for (int i = 0; i < MOST_TAKEN && (letter = tr_mailbox_next(mailbox, NULL)); i++) {
            note_taken(letter);
        }
        tr_lane_t lane = TR_LANE_URGENT;
        while (lane == TR_LANE_URGENT && (letter = tr_mailbox_next(mailbox, &lane)) != NULL) {
            if (lane == TR_LANE_URGENT) {
                note_taken(letter);
            } else {
                tr_mailbox_put_aside(mailbox, &letter);
            }
        }
        tr_mailbox_leave_for_good(mailbox);
    }
    join_all(threads, SENDERS);
    assert_false(atomic_load(&crowd.is_bad));
    assert_int_equal(crowd.n_taken, SENDERS * EACH);
    assert_int_equal(tr_mailbox_depth(mailbox), 0);
}

/* Take one after another until it is moved out, which it waits for now and then. */
static bool own(uint64_t me)
{
    bool is_mine = true;
    while (is_mine) {
        tr_letter_t *letter = tr_mailbox_next(mailbox, NULL);
        if (letter) {
            note_taken(letter);
        } else if (is_all_taken() || atomic_load(&crowd.is_bad)) {
            atomic_store(&crowd.owner, 0);
            return false;
        }
        bool hangs = letter && crowd.n_taken % HANGS_AFTER == 0;
        tr_mailbox_step_out(mailbox, me);
        while (hangs && atomic_load(&crowd.owner) == me) {
            sched_yield();
        }
        is_mine = tr_mailbox_step_in(mailbox, me);
    }
    return true;
}

/* One of two that are at it by turns, each time under a new number. */
static void *own_by_turns(void *arg)
{
    uint64_t me = *(uint64_t *)arg;
    uint64_t owner;
    while ((owner = atomic_load(&crowd.owner)) != 0) {
        if (owner != me) {
            sched_yield();
        } else if (own(me)) {
            me += 2;
        } else {
            break;
        }
    }
    return NULL;
}

static void owners_are_moved_out_and_come_back_while_senders_post(void **state)
{
    (void)state;
    pthread_t threads[SENDERS];
    int numbers[SENDERS];
    start_senders(threads, numbers);
    pthread_t owners[2];
    uint64_t firsts[2] = {1, 2};
    tr_mailbox_move_in(mailbox, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&owners[i], NULL, own_by_turns, &firsts[i]), 0);
    }
    size_t n_replaced = 0;
    for (uint64_t owner = 1; atomic_load(&crowd.owner) != 0;) {
        if (atomic_load(&crowd.owner) == owner && tr_mailbox_move_out(mailbox, owner)) {
            n_replaced++;
            owner++;
            tr_mailbox_move_in(mailbox, owner);
            uint64_t expected = owner - 1;
            atomic_compare_exchange_strong(&crowd.owner, &expected, owner);
        }
    }
    join_all(threads, SENDERS);
    join_all(owners, 2);
    assert_false(atomic_load(&crowd.is_bad));
    assert_int_equal(crowd.n_taken, SENDERS * EACH);
    assert_true(n_replaced >= (size_t)SENDERS * EACH / HANGS_AFTER / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define STORY(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
        STORY(it_waits_for_its_first_owner),
        STORY(any_other_has_no_vacancy),
        STORY(what_one_has_not_taken_the_next_one_takes),
        STORY(words_for_another_life_are_not_taken),
        STORY(a_post_to_nobody_rings_nobody),
        STORY(urgent_ones_overtake_all_but_words),
        STORY(what_is_aside_comes_back_first_and_in_order),
        STORY(the_first_that_is_aside_comes_back_alone),
        STORY(what_is_aside_takes_its_place),
        STORY(what_one_has_put_aside_the_next_one_takes_first),
        STORY(what_is_left_in_it_goes_with_it),
        STORY(what_came_back_stays_first_when_it_is_closed),
        STORY(what_is_aside_can_be_taken_out),
        STORY(its_bounds_can_be_changed),
        STORY(one_that_is_inside_cannot_be_moved_out),
        STORY(one_that_is_outside_can_and_learns_of_it),
        STORY(one_that_has_left_is_out),
        STORY(one_that_comes_back_late_does_not_take_the_place_of_the_next),
        STORY(an_earlier_one_is_out_whatever_the_next_one_does),
        STORY(it_has_one_last_owner),
        STORY(owners_follow_one_another_while_senders_post),
        STORY(owners_are_moved_out_and_come_back_while_senders_post),
    };
    return cmocka_run_group_tests_name("mailbox/lasting", tests, NULL, NULL) != 0;
}
