/* Whoever posts to an owner that is carried does its work. It must be done once and in order,
 * by one thread at a time, and nobody may sleep while a letter lies there. Stories on one
 * thread say what happens when; the storms let threads find what the stories forgot. What a
 * storm's owner counts is guarded by nothing but the baton, so that a sanitizer sees it fail.
 */

#include "tests/kit/check.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "mailbox/mailbox.h"

#define PATIENCE_MS 20000
/* Pieces of work for one post: at most so many, and of those that leave letters behind. */
#define MOST_PIECES 128
#define MOST_LARGE  4

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

static tr_mailbox_t *mailbox_new(void)
{
    tr_mailbox_t *mailbox =
        tr_mailbox_new("test", 7, (tr_mailbox_limits_t){1 << 20, (size_t)1 << 30});
    if (!mailbox) {
        abort();
    }
    return mailbox;
}

/* ---- whoever waits in poll is known ---- */

static void await(sem_t *sign)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    if (sem_timedwait(sign, &until) != 0) {
        abort(); /* a thread did not come */
    }
}

static _Atomic(sem_t *) told_of_poll; /* when the next one begins */
static _Atomic(sem_t *) let_go;       /* without this it does not come back from there */

int __real_poll(struct pollfd *polls, nfds_t n_polls, int timeout_ms);
int __wrap_poll(struct pollfd *polls, nfds_t n_polls, int timeout_ms);

int __wrap_poll(struct pollfd *polls, nfds_t n_polls, int timeout_ms)
{
    sem_t *told = atomic_exchange(&told_of_poll, NULL);
    sem_t *gate = told ? atomic_exchange(&let_go, NULL) : NULL;
    if (told) {
        sem_post(told);
    }
    int n_ready = __real_poll(polls, n_polls, timeout_ms);
    if (gate) {
        await(gate);
    }
    return n_ready;
}

static bool is_ringing(tr_mailbox_t *mailbox)
{
    struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
    return __real_poll(&bell, 1, 0) == 1;
}

/* ---- stories: the test's own thread is the owner and all senders ---- */

typedef struct hero {
    tr_mailbox_t *mailbox;
    tr_mailbox_t *friend; /* to whom each letter is passed on, or NULL */
    size_t n_at_a_time;
    size_t n_carries;
    size_t n_letters;
    bool is_enough; /* what it says when it is carried */
} hero_t;

static void post(tr_mailbox_t *mailbox, int number)
{
    tr_letter_t *letter = note_new(0, number);
    assert_status(tr_mailbox_post(mailbox, TR_LANE_USER, &letter), TROUPE_OK);
}

static bool carry_hero(void *arg, bool is_next)
{
    (void)is_next;
    hero_t *self = arg;
    self->n_carries++;
    tr_letter_t *letter;
    for (size_t n = 0;
         n < self->n_at_a_time && (letter = tr_mailbox_next(self->mailbox, NULL)) != NULL;
         n++) {
        self->n_letters++;
        if (self->friend) {
            post(self->friend, 1);
        }
        tr_letter_destroy(&letter);
    }
    return self->is_enough;
}

static hero_t *hero_new(void)
{
    hero_t *self = calloc(1, sizeof *self);
    assert_non_null(self);
    *self = (hero_t){.mailbox = mailbox_new(), .n_at_a_time = 100, .is_enough = true};
    tr_mailbox_let_carry(self->mailbox, TR_CARRIED_BY_ALL, carry_hero, self);
    return self;
}

static void fall_asleep(hero_t *self)
{
    assert_true(tr_mailbox_park(self->mailbox));
    tr_mailbox_put_baton(self->mailbox);
    assert_false(tr_mailbox_has_posted(self->mailbox));
}

static void wake_up(hero_t *self)
{
    tr_mailbox_take_baton(self->mailbox);
    tr_mailbox_unpark(self->mailbox);
}

static void hero_destroy(hero_t *self)
{
    tr_mailbox_close(self->mailbox);
    tr_mailbox_release(&self->mailbox);
    free(self);
}

static void whoever_posts_does_the_work_and_wakes_nobody(void **state)
{
    (void)state;
    hero_t *hero = hero_new();
    fall_asleep(hero);
    for (size_t i = 1; i <= 10; i++) {
        post(hero->mailbox, 1);
        assert_int_equal(hero->n_letters, i);
        assert_int_equal(hero->n_carries, i);
    }
    assert_false(is_ringing(hero->mailbox));
    wake_up(hero);
    hero_destroy(hero);
}

static void nobody_carries_an_owner_that_is_awake(void **state)
{
    (void)state;
    hero_t *hero = hero_new();
    post(hero->mailbox, 1);
    assert_int_equal(hero->n_carries, 0);
    assert_false(tr_mailbox_park(hero->mailbox)); /* it finds the letter itself */
    assert_true(carry_hero(hero, false));
    fall_asleep(hero);
    wake_up(hero);
    post(hero->mailbox, 2);
    assert_int_equal(hero->n_letters, 1);
    assert_false(is_ringing(hero->mailbox));
    hero_destroy(hero);
}

static void an_owner_that_is_needed_is_woken(void **state)
{
    (void)state;
    hero_t *hero = hero_new();
    fall_asleep(hero);
    hero->is_enough = false; /* an earlier time is due, or it ends */
    post(hero->mailbox, 1);
    assert_int_equal(hero->n_letters, 1);
    assert_true(is_ringing(hero->mailbox));
    wake_up(hero);
    assert_false(is_ringing(hero->mailbox));
    hero_destroy(hero);
}

static void who_posts_to_itself_while_carried_is_carried_on(void **state)
{
    (void)state;
    hero_t *hero = hero_new();
    hero->n_at_a_time = 1;
    fall_asleep(hero);
    hero->friend = hero->mailbox; /* each letter brings one more, for ever */
    post(hero->mailbox, 1);
    assert_int_equal(hero->n_carries, MOST_PIECES); /* then it is the owner's turn */
    assert_true(is_ringing(hero->mailbox));
    hero->friend = NULL;
    wake_up(hero);
    hero_destroy(hero);
}

static void what_was_taken_out_and_not_handled_is_not_left(void **state)
{
    (void)state;
    hero_t *hero = hero_new();
    for (int i = 0; i < MOST_LARGE - 1; i++) {
        post(hero->mailbox, i);
    }
    hero->n_at_a_time = 1; /* but all are taken out of the lane at once */
    assert_false(tr_mailbox_park(hero->mailbox));
    tr_mailbox_put_baton(hero->mailbox); /* the owner is slow to look again */
    post(hero->mailbox, MOST_LARGE);
    assert_int_equal(hero->n_letters, MOST_LARGE);
    wake_up(hero);
    hero_destroy(hero);
}

static void who_carries_one_turns_to_the_next(void **state)
{
    (void)state;
    hero_t *one = hero_new();
    hero_t *other = hero_new();
    one->friend = other->mailbox;
    fall_asleep(one);
    fall_asleep(other);
    post(one->mailbox, 1);
    assert_int_equal(one->n_letters, 1);
    assert_int_equal(other->n_letters, 1);
    assert_false(is_ringing(other->mailbox));
    wake_up(other);
    wake_up(one);
    hero_destroy(one);
    hero_destroy(other);
}

/* Who looks at its own work may carry others meanwhile. */
static void an_owner_at_work_carries_others(void **state)
{
    (void)state;
    hero_t *one = hero_new();
    hero_t *other = hero_new();
    one->friend = other->mailbox;
    fall_asleep(other);
    post(one->mailbox, 1);
    assert_true(carry_hero(one, false));
    assert_int_equal(other->n_letters, 1);
    assert_false(is_ringing(other->mailbox));
    wake_up(other);
    hero_destroy(one);
    hero_destroy(other);
}

static void to_a_closed_owner_nothing_is_carried(void **state)
{
    (void)state;
    hero_t *hero = hero_new();
    post(hero->mailbox, 1);
    tr_mailbox_close(hero->mailbox);
    tr_letter_t *letter = note_new(0, 2);
    assert_status(tr_mailbox_post(hero->mailbox, TR_LANE_USER, &letter), TROUPE_CLOSED);
    assert_status(tr_mailbox_post_answer(hero->mailbox, TR_LANE_CONTROL, &letter),
                  TROUPE_CLOSED);
    tr_letter_destroy(&letter);
    assert_int_equal(hero->n_carries, 0);
    letter = tr_mailbox_next(hero->mailbox, NULL); /* what was there still is */
    assert_non_null(letter);
    tr_letter_destroy(&letter);
    hero_destroy(hero);
}

/* ---- the baton goes to who needs it ---- */

typedef struct relay {
    tr_mailbox_t *mailbox;
    pthread_t owner;
    sem_t has_asked; /* the owner waits for the baton */
    sem_t is_left;   /* by whoever carried it */
    size_t n_carries;
    size_t n_before_owner; /* carries when the owner got it */
} relay_t;

static void *want_baton(void *arg)
{
    relay_t *self = arg;
    tr_mailbox_take_baton(self->mailbox);
    tr_mailbox_unpark(self->mailbox);
    self->n_before_owner = self->n_carries;
    return NULL;
}

static bool carry_relay(void *arg, bool is_next)
{
    (void)is_next;
    relay_t *self = arg;
    if (++self->n_carries == 1) {
        atomic_store(&let_go, &self->is_left);
        atomic_store(&told_of_poll, &self->has_asked);
        if (pthread_create(&self->owner, NULL, want_baton, self) != 0) {
            abort();
        }
        await(&self->has_asked);
    }
    tr_letter_t *letter = tr_mailbox_next(self->mailbox, NULL);
    tr_letter_destroy(&letter);
    if (self->n_carries == 1) {
        for (int i = 0; i < 10; i++) {
            letter = note_new(0, i);
            if (tr_mailbox_post(self->mailbox, TR_LANE_USER, &letter) != TROUPE_OK) {
                abort();
            }
        }
    }
    return true;
}

static void an_owner_that_wants_the_baton_is_next(void **state)
{
    (void)state;
    relay_t relay = {.mailbox = mailbox_new()};
    sem_init(&relay.has_asked, 0, 0);
    sem_init(&relay.is_left, 0, 0);
    tr_mailbox_let_carry(relay.mailbox, TR_CARRIED_BY_ALL, carry_relay, &relay);
    tr_mailbox_put_baton(relay.mailbox);
    post(relay.mailbox, 1); /* more would be there to carry */
    bool is_rung = is_ringing(relay.mailbox);
    sem_post(&relay.is_left);
    pthread_join(relay.owner, NULL);
    assert_true(is_rung); /* or it would wait until it looks of itself */
    assert_int_equal(relay.n_before_owner, 1);
    assert_int_equal(relay.n_carries, 1);
    sem_destroy(&relay.has_asked);
    sem_destroy(&relay.is_left);
    tr_mailbox_close(relay.mailbox);
    tr_mailbox_release(&relay.mailbox);
}

/* ---- storms: an owner on its own thread ---- */

#define N_SENDERS 6
#define N_NOTES   1500

typedef struct owner {
    pthread_t thread;
    tr_mailbox_t *mailbox;
    struct owner *friend; /* whose mailbox is told of each letter, or NULL */
    size_t n_wanted;      /* letters, and it ends */
    size_t one_in;        /* after so many carries one is not enough; 0: never */
    atomic_bool is_inside;

    /* by the baton */
    bool is_ending;
    size_t n_letters;
    size_t n_carries;
    int next[N_SENDERS];
    size_t n_out_of_order;
    size_t n_overlaps;
    size_t n_overslept;
} owner_t;

static void take_note(owner_t *self, tr_letter_t *letter)
{
    const note_t *note = (const note_t *)letter;
    if (note->sender >= 0) {
        self->n_out_of_order += note->number != self->next[note->sender];
        self->next[note->sender] = note->number + 1;
    }
    if (self->friend && note->sender >= 0) {
        tr_letter_t *word = note_new(-1, 0);
        if (tr_mailbox_post_answer(self->friend->mailbox, TR_LANE_CONTROL, &word) !=
            TROUPE_OK) {
            abort();
        }
    }
    tr_letter_destroy(&letter);
}

static void work(owner_t *self)
{
    self->n_overlaps += atomic_exchange(&self->is_inside, true);
    tr_letter_t *letter;
    for (int n = 0;
         n < 8 && !self->is_ending && (letter = tr_mailbox_next(self->mailbox, NULL)) != NULL;
         n++) {
        take_note(self, letter);
        self->is_ending = ++self->n_letters == self->n_wanted;
    }
    atomic_store(&self->is_inside, false);
}

static bool carry_owner(void *arg, bool is_next)
{
    (void)is_next;
    owner_t *self = arg;
    if (!self->is_ending) {
        work(self);
        self->n_carries++;
    }
    return !self->is_ending && (self->one_in == 0 || self->n_carries % self->one_in != 0);
}

/* As an actor does it. False: nobody has rung in time. */
static bool sleep_on_bell(tr_mailbox_t *mailbox)
{
    bool is_parked = tr_mailbox_park(mailbox);
    tr_mailbox_put_baton(mailbox);
    is_parked = is_parked && !tr_mailbox_has_posted(mailbox);
    struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
    int n_rung = poll(&bell, 1, is_parked ? PATIENCE_MS : 0);
    tr_mailbox_take_baton(mailbox);
    tr_mailbox_unpark(mailbox);
    return !is_parked || n_rung > 0;
}

static void *own(void *arg)
{
    owner_t *self = arg;
    while (!self->is_ending) {
        work(self);
        if (!self->is_ending && !sleep_on_bell(self->mailbox)) {
            self->n_overslept++;
            self->is_ending = true;
        }
    }
    return NULL;
}

static void owner_begin(owner_t *self, size_t n_wanted)
{
    *self = (owner_t){.mailbox = mailbox_new(), .n_wanted = n_wanted};
    tr_mailbox_let_carry(self->mailbox, TR_CARRIED_BY_ALL, carry_owner, self);
}

static void owner_run(owner_t *self)
{
    assert_int_equal(pthread_create(&self->thread, NULL, own, self), 0);
}

static void owner_end(owner_t *self)
{
    pthread_join(self->thread, NULL);
    assert_int_equal(self->n_overslept, 0);
    assert_int_equal(self->n_overlaps, 0);
    assert_int_equal(self->n_out_of_order, 0);
    assert_int_equal(self->n_letters, self->n_wanted);
    assert_int_equal(tr_mailbox_depth(self->mailbox), 0);
    tr_mailbox_close(self->mailbox);
    tr_mailbox_release(&self->mailbox);
}

typedef struct sender {
    pthread_t thread;
    tr_mailbox_t *mailbox;
    int number;
    size_t n_posted;
} sender_t;

static void *send_notes(void *arg)
{
    sender_t *self = arg;
    troupe_status_t status = TROUPE_OK;
    for (int i = 0; i < N_NOTES && status == TROUPE_OK; i++) {
        tr_letter_t *letter = note_new(self->number, i);
        status = tr_mailbox_post(self->mailbox, TR_LANE_USER, &letter);
        self->n_posted += status == TROUPE_OK;
        tr_letter_destroy(&letter);
    }
    tr_mailbox_release(&self->mailbox);
    return NULL;
}

static void senders_run(sender_t *senders, tr_mailbox_t *mailbox)
{
    for (int i = 0; i < N_SENDERS; i++) {
        senders[i] = (sender_t){.mailbox = tr_mailbox_share(mailbox), .number = i};
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_notes, &senders[i]), 0);
    }
}

static size_t senders_end(sender_t *senders)
{
    size_t n_posted = 0;
    for (int i = 0; i < N_SENDERS; i++) {
        pthread_join(senders[i].thread, NULL);
        n_posted += senders[i].n_posted;
    }
    return n_posted;
}

/* How often the owner is needed. */
struct storm {
    size_t one_in;
};

static void each_letter_is_handled_once_and_in_order(void **state)
{
    const struct storm *row = *state;
    owner_t owner;
    sender_t senders[N_SENDERS];
    owner_begin(&owner, N_SENDERS * N_NOTES);
    owner.one_in = row->one_in;
    senders_run(senders, owner.mailbox);
    owner_run(&owner);
    assert_int_equal(senders_end(senders), N_SENDERS * N_NOTES);
    owner_end(&owner);
}

/* Each tells the other of each letter it gets, while both are carried. */
static void two_that_carry_each_other_do_not_wait_for_each_other(void **state)
{
    (void)state;
    owner_t owners[2];
    sender_t senders[2][N_SENDERS];
    for (int i = 0; i < 2; i++) {
        owner_begin(&owners[i], 2 * N_SENDERS * N_NOTES);
        owners[i].friend = &owners[1 - i];
    }
    for (int i = 0; i < 2; i++) {
        senders_run(senders[i], owners[i].mailbox);
        owner_run(&owners[i]);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(senders_end(senders[i]), N_SENDERS * N_NOTES);
    }
    pthread_join(owners[0].thread, NULL); /* before any mailbox goes */
    owners[0].thread = owners[1].thread;
    owner_end(&owners[0]);
    assert_int_equal(owners[1].n_letters, owners[1].n_wanted);
    assert_int_equal(owners[1].n_overlaps + owners[1].n_overslept + owners[1].n_out_of_order,
                     0);
    tr_mailbox_close(owners[1].mailbox);
    tr_mailbox_release(&owners[1].mailbox);
}

/* The owner ends in the middle, and what it was made of is gone at once. */
static void senders_outlive_the_owner(void **state)
{
    (void)state;
    for (size_t round = 0; round < 50; round++) {
        tr_mailbox_t *mailbox = mailbox_new();
        owner_t *owner = calloc(1, sizeof *owner);
        assert_non_null(owner);
        *owner = (owner_t){.mailbox = mailbox, .n_wanted = 1 + round * 37, .one_in = 3};
        tr_mailbox_let_carry(mailbox, TR_CARRIED_BY_ALL, carry_owner, owner);
        sender_t senders[N_SENDERS];
        senders_run(senders, mailbox);
        own(owner);
        tr_mailbox_close(mailbox);
        size_t n_handled = owner->n_letters;
        size_t n_wrong = owner->n_overlaps + owner->n_overslept + owner->n_out_of_order;
        free(owner);
        tr_letter_t *letter;
        while ((letter = tr_mailbox_next(mailbox, NULL)) != NULL) {
            n_handled++;
            tr_letter_destroy(&letter);
        }
        assert_int_equal(senders_end(senders), n_handled);
        assert_int_equal(n_wrong, 0);
        assert_false(tr_mailbox_has_posted(mailbox));
        assert_int_equal(tr_mailbox_depth(mailbox), 0);
        tr_mailbox_release(&mailbox);
    }
}

/* ---- nobody carries for long ---- */

static _Thread_local size_t n_carries_now;

static bool carry_briefly(void *arg, bool is_next)
{
    (void)is_next;
    tr_mailbox_t *mailbox = arg;
    n_carries_now++;
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(mailbox, NULL)) != NULL) {
        tr_letter_destroy(&letter);
    }
    return true;
}

static void *post_and_count(void *arg)
{
    sender_t *self = arg;
    for (int i = 0; i < 100 * N_NOTES; i++) {
        n_carries_now = 0;
        tr_letter_t *letter = note_new(self->number, i);
        if (tr_mailbox_post(self->mailbox, TR_LANE_USER, &letter) != TROUPE_OK) {
            abort();
        }
        self->n_posted = n_carries_now > self->n_posted ? n_carries_now : self->n_posted;
    }
    tr_mailbox_release(&self->mailbox);
    return NULL;
}

static void nobody_carries_for_others_without_end(void **state)
{
    (void)state;
    tr_mailbox_t *mailbox = mailbox_new();
    tr_mailbox_let_carry(mailbox, TR_CARRIED_BY_ALL, carry_briefly, mailbox);
    tr_mailbox_put_baton(mailbox);
    sender_t senders[N_SENDERS];
    for (int i = 0; i < N_SENDERS; i++) {
        senders[i] = (sender_t){.mailbox = tr_mailbox_share(mailbox), .number = i};
        assert_int_equal(pthread_create(&senders[i].thread, NULL, post_and_count, &senders[i]),
                         0);
    }
    for (int i = 0; i < N_SENDERS; i++) {
        pthread_join(senders[i].thread, NULL);
        assert_in_range(senders[i].n_posted, 0, MOST_PIECES);
    }
    tr_mailbox_take_baton(mailbox);
    tr_mailbox_close(mailbox);
    tr_mailbox_release(&mailbox);
}

/* ---- an owner that must be up in time ---- */

typedef struct alarm {
    pthread_t thread;
    tr_mailbox_t *mailbox;
    sem_t is_up;
    int n_asked; /* by the baton */
    int n_heard;
    bool is_over;
} alarm_t;

static void take_alarms(alarm_t *self)
{
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(self->mailbox, NULL)) != NULL) {
        self->n_asked++;
        self->is_over |= ((const note_t *)letter)->number < 0;
        tr_letter_destroy(&letter);
    }
}

static bool carry_alarm(void *arg, bool is_next)
{
    (void)is_next;
    alarm_t *self = arg;
    take_alarms(self);
    return false; /* something is due earlier than the owner thinks */
}

static void *wait_for_alarms(void *arg)
{
    alarm_t *self = arg;
    for (;;) {
        take_alarms(self);
        for (; self->n_heard < self->n_asked; self->n_heard++) {
            sem_post(&self->is_up);
        }
        if (self->is_over) {
            return NULL;
        }
        sleep_on_bell(self->mailbox);
    }
}

static void an_owner_is_up_for_every_earlier_time(void **state)
{
    (void)state;
    alarm_t alarm = {.mailbox = mailbox_new()};
    sem_init(&alarm.is_up, 0, 0);
    tr_mailbox_let_carry(alarm.mailbox, TR_CARRIED_BY_ALL, carry_alarm, &alarm);
    assert_int_equal(pthread_create(&alarm.thread, NULL, wait_for_alarms, &alarm), 0);
    for (int i = 0; i < 500; i++) {
        post(alarm.mailbox, i);
        await(&alarm.is_up);
    }
    post(alarm.mailbox, -1);
    pthread_join(alarm.thread, NULL);
    sem_destroy(&alarm.is_up);
    tr_mailbox_close(alarm.mailbox);
    tr_mailbox_release(&alarm.mailbox);
}

/* clang-format off */
#define STORM(title, ...) \
    { .name = title, .test_func = each_letter_is_handled_once_and_in_order, \
      .initial_state = &(struct storm){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_posts_does_the_work_and_wakes_nobody),
        cmocka_unit_test(nobody_carries_an_owner_that_is_awake),
        cmocka_unit_test(an_owner_that_is_needed_is_woken),
        cmocka_unit_test(who_posts_to_itself_while_carried_is_carried_on),
        cmocka_unit_test(what_was_taken_out_and_not_handled_is_not_left),
        cmocka_unit_test(who_carries_one_turns_to_the_next),
        cmocka_unit_test(an_owner_at_work_carries_others),
        cmocka_unit_test(to_a_closed_owner_nothing_is_carried),
        cmocka_unit_test(an_owner_that_wants_the_baton_is_next),
        STORM("each letter once and in order, by carriers", 0),
        STORM("each letter once and in order, with an owner that is needed often", 5),
        STORM("each letter once and in order, with an owner that is needed always", 1),
        cmocka_unit_test(two_that_carry_each_other_do_not_wait_for_each_other),
        cmocka_unit_test(senders_outlive_the_owner),
        cmocka_unit_test(nobody_carries_for_others_without_end),
        cmocka_unit_test(an_owner_is_up_for_every_earlier_time),
    };
    return cmocka_run_group_tests_name("mailbox/carrying", tests, NULL, NULL) != 0;
}
