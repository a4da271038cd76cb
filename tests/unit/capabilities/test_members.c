/* The router trusts its members to know their jobs and each job its member: a job left in the
 * wrong list would be lost with a worker that never had it. Each test ends by counting who
 * still holds what was shared. */

#include "tests/kit/check.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "capabilities/members.h"
#include "mailbox/envelope.h"

#define N_JOBS    20
#define N_KEYS    50
#define N_MEMBERS 20
#define N_MOVES   5000

/* What members and jobs are made of, and the set itself. */
typedef struct pool {
    tr_members_t members;
    tr_balance_t balance;
    tr_mailbox_t *mailbox;
    tr_pulse_t *pulse;
    tr_envelope_t *envelope;
} pool_t;

static void set_up(pool_t *self)
{
    *self = (pool_t){0};
    self->mailbox = tr_mailbox_new("test", 1, (tr_mailbox_limits_t){10, 1000});
    assert_non_null(self->mailbox);
    self->pulse = tr_pulse_new();
    assert_non_null(self->pulse);
    troupe_message_t *message = NULL;
    self->envelope = tr_envelope_new(
        1, self->mailbox, &(tr_header_t){.capability = tr_span_of("echo")}, &message);
    assert_non_null(self->envelope);
    tr_members_init(&self->members);
    tr_balance_init(&self->balance, TR_BALANCE_LEAST_PENDING, 1);
}

static void tear_down(pool_t *self)
{
    tr_members_finish(&self->members);
    assert_int_equal(atomic_load(&self->pulse->holders), 1);
    assert_int_equal(atomic_load(&self->envelope->holders), 1);
    tr_pulse_release(&self->pulse);
    tr_envelope_release(&self->envelope);
    tr_mailbox_release(&self->mailbox);
}

static tr_member_t *add(pool_t *self, uint64_t incarnation, size_t concurrency)
{
    char name[32];
    snprintf(name, sizeof name, "echo-%llu", (unsigned long long)incarnation);
    assert_status(tr_members_add(&self->members, name, incarnation, self->mailbox, self->pulse,
                                 concurrency, false, 100),
                  TROUPE_OK);
    tr_member_t *member = tr_members_find(&self->members, incarnation);
    assert_non_null(member);
    return member;
}

static tr_member_t *pick(pool_t *self)
{
    return tr_members_pick(&self->members, &self->balance, tr_span_of(NULL));
}

static tr_job_t *job_of(pool_t *self, uint64_t number)
{
    tr_job_t *job = tr_job_new(self->envelope, self->mailbox, number);
    assert_non_null(job);
    return job;
}

/* The list is as long as it says, its links fit, and all in it are the member's. */
static void jobs_are_sound(const tr_member_t *member)
{
    size_t n = 0;
    const tr_job_t *previous = NULL;
    for (const tr_job_t *job = member->jobs; job; job = job->next) {
        assert_ptr_equal(job->member, member);
        assert_ptr_equal(job->previous, previous);
        previous = job;
        n++;
    }
    assert_int_equal(n, member->candidate.n_pending);
    assert_int_equal(n, member->candidate.n_given);
}

static void a_new_member_is_open_and_has_nothing_to_do(void **state)
{
    (void)state;
    pool_t pool;
    set_up(&pool);
    assert_null(pick(&pool));
    assert_null(tr_members_find(&pool.members, 7));

    tr_member_t *member = add(&pool, 7, 3);
    assert_string_equal(member->name, "echo-7");
    assert_int_equal(member->incarnation, 7);
    assert_int_equal(member->candidate.concurrency, 3);
    assert_int_equal(member->candidate.n_pending, 0);
    assert_int_equal(member->last_used_ms, 100);
    assert_null(member->jobs);
    assert_ptr_equal(member->mailbox, pool.mailbox);
    assert_int_equal(atomic_load(&pool.pulse->holders), 2);
    assert_int_equal(pool.members.n, 1);
    assert_ptr_equal(tr_members_at(&pool.members, 0), member);
    assert_ptr_equal(pick(&pool), member);
    tear_down(&pool);
}

static void a_guest_keeps_what_it_takes_at_once(void **state)
{
    (void)state;
    pool_t pool;
    set_up(&pool);
    add(&pool, 1, 2);
    assert_status(
        tr_members_add(&pool.members, "echo-2", 2, pool.mailbox, pool.pulse, 7, true, 100),
        TROUPE_OK);
    tr_member_t *guest = tr_members_find(&pool.members, 2);
    tr_members_set_concurrency(&pool.members, 3);
    assert_int_equal(tr_members_find(&pool.members, 1)->candidate.concurrency, 3);
    assert_int_equal(guest->candidate.concurrency, 7);
    assert_int_equal(pool.members.n_guests, 1);
    assert_int_equal(pool.members.n_guests_going, 0);
    tr_members_set_going(&pool.members, guest, true);
    tr_members_set_going(&pool.members, tr_members_find(&pool.members, 1), true);
    assert_int_equal(pool.members.n_going, 2);
    assert_int_equal(pool.members.n_guests_going, 1);
    tr_members_remove(&pool.members, guest);
    assert_int_equal(pool.members.n_guests, 0);
    assert_int_equal(pool.members.n_guests_going, 0);
    assert_int_equal(pool.members.n_going, 1);
    tear_down(&pool);
}

static void an_incarnation_joins_once(void **state)
{
    (void)state;
    pool_t pool;
    set_up(&pool);
    tr_member_t *member = add(&pool, 7, 1);
    assert_status(
        tr_members_add(&pool.members, "other", 7, pool.mailbox, pool.pulse, 2, false, 200),
        TROUPE_EXISTS);
    assert_int_equal(pool.members.n, 1);
    assert_int_equal(atomic_load(&pool.pulse->holders), 2);
    assert_ptr_equal(tr_members_find(&pool.members, 7), member);
    assert_string_equal(member->name, "echo-7");

    tr_members_remove(&pool.members, member);
    assert_null(tr_members_find(&pool.members, 7));
    assert_null(pick(&pool));
    add(&pool, 7, 1);
    tear_down(&pool);
}

/* Who has the key of that number. */
static tr_member_t *home_of(pool_t *self, unsigned number)
{
    char key[32];
    snprintf(key, sizeof key, "somebody-%u", number);
    tr_member_t *member = tr_members_pick(&self->members, &self->balance, tr_span_of(key));
    assert_non_null(member);
    return member;
}

static void a_worker_that_comes_back_gets_its_keys_back(void **state)
{
    (void)state;
    pool_t pool;
    set_up(&pool);
    tr_balance_init(&pool.balance, TR_BALANCE_STICKY, 1);
    add(&pool, 1, 1);
    add(&pool, 2, 1);
    add(&pool, 3, 1);
    uint64_t homes[N_KEYS];
    for (unsigned key = 0; key < N_KEYS; key++) {
        homes[key] = home_of(&pool, key)->incarnation;
    }
    tr_members_remove(&pool.members, tr_members_find(&pool.members, 1));
    assert_status(
        tr_members_add(&pool.members, "echo-1", 4, pool.mailbox, pool.pulse, 1, false, 0),
        TROUPE_OK);
    for (unsigned key = 0; key < N_KEYS; key++) {
        assert_int_equal(home_of(&pool, key)->incarnation, homes[key] == 1 ? 4 : homes[key]);
    }
    tear_down(&pool);
}

static void a_name_too_long_is_cut(void **state)
{
    (void)state;
    pool_t pool;
    set_up(&pool);
    char name[200];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_status(tr_members_add(&pool.members, name, 1, pool.mailbox, pool.pulse, 1, false, 0),
                  TROUPE_OK);
    const tr_member_t *member = tr_members_at(&pool.members, 0);
    assert_int_equal(strlen(member->name), sizeof member->name - 1);
    tear_down(&pool);
}

static void whoever_is_removed_the_others_stay(void **state)
{
    (void)state;
    pool_t pool;
    set_up(&pool);
    for (uint64_t i = 1; i <= N_MEMBERS; i++) {
        add(&pool, i, 1);
    }
    bool is_in[N_MEMBERS + 1];
    memset(is_in, true, sizeof is_in);
    for (uint64_t step = 1; step <= N_MEMBERS; step++) {
        uint64_t out = step * 7 % N_MEMBERS + 1; /* each once, in no order */
        assert_true(is_in[out]);
        tr_members_remove(&pool.members, tr_members_find(&pool.members, out));
        is_in[out] = false;
        assert_int_equal(pool.members.n, N_MEMBERS - step);
        for (uint64_t i = 1; i <= N_MEMBERS; i++) {
            assert_int_equal(tr_members_find(&pool.members, i) != NULL, is_in[i]);
        }
        for (size_t i = 0; i < pool.members.n; i++) {
            tr_member_t *member = tr_members_at(&pool.members, i);
            assert_ptr_equal(tr_members_find(&pool.members, member->incarnation), member);
        }
    }
    tear_down(&pool);
}

static void the_one_with_room_is_picked(void **state)
{
    (void)state;
    pool_t pool;
    set_up(&pool);
    tr_member_t *small = add(&pool, 1, 1);
    tr_member_t *large = add(&pool, 2, 2);
    tr_job_t *jobs[3];
    for (uint64_t i = 0; i < 3; i++) {
        jobs[i] = job_of(&pool, i + 1);
    }
    tr_members_give(&pool.members, large, jobs[0], 1, 110);
    assert_ptr_equal(pick(&pool), small);
    tr_members_give(&pool.members, small, jobs[1], 2, 120);
    assert_ptr_equal(pick(&pool), large);
    tr_members_give(&pool.members, large, jobs[2], 3, 130);
    assert_null(pick(&pool));
    assert_int_equal(large->candidate.last_used, 3);
    assert_int_equal(large->last_used_ms, 130);
    assert_int_equal(small->last_used_ms, 120);

    tr_members_take_back(&pool.members, large, jobs[0], 140);
    assert_int_equal(large->last_used_ms, 140);
    assert_int_equal(large->candidate.last_used, 3); /* that one counts dispatches */
    assert_ptr_equal(pick(&pool), large);
    tr_members_take_back(&pool.members, large, jobs[2], 150);
    tr_members_take_back(&pool.members, small, jobs[1], 150);
    assert_ptr_equal(pick(&pool), large); /* used last */
    for (size_t i = 0; i < 3; i++) {
        assert_null(jobs[i]->member);
        assert_int_equal(atomic_load(&jobs[i]->holders), 1);
        tr_job_release(&jobs[i]);
    }
    tear_down(&pool);
}

/* ---- batches ---- */

/* Jobs of one batch, the head first, given to `member`. */
static void give_batch(pool_t *self, tr_member_t *member, tr_job_t **jobs, size_t n_jobs,
                       uint64_t number)
{
    for (size_t i = 0; i < n_jobs; i++) {
        jobs[i] = job_of(self, number + i);
        if (i > 0) {
            jobs[i]->head = tr_job_share(jobs[0]);
            jobs[i]->unit = jobs[0]->number;
        }
    }
    for (size_t i = 0; i < n_jobs; i++) {
        tr_members_give(&self->members, member, jobs[i], number + i, 0);
    }
}

static void take_back_and_release(pool_t *self, tr_member_t *member, tr_job_t **job_p)
{
    tr_members_take_back(&self->members, member, *job_p, 0);
    assert_ptr_equal((*job_p)->head, *job_p); /* its head need not stay for it */
    tr_job_release(job_p);
}

static void a_batch_is_one_unit_of_work(void **state)
{
    (void)state;
    const size_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        pool_t pool;
        set_up(&pool);
        tr_member_t *member = add(&pool, 1, 2);
        tr_job_t *batch[3];
        tr_job_t *alone[1];
        give_batch(&pool, member, batch, 3, 1);
        assert_int_equal(member->candidate.n_pending, 3);
        assert_int_equal(member->candidate.n_given, 1);
        assert_true(tr_members_has_room(&pool.members));
        give_batch(&pool, member, alone, 1, 4);
        assert_int_equal(member->candidate.n_pending, 4);
        assert_int_equal(member->candidate.n_given, 2);
        assert_false(tr_members_has_room(&pool.members));
        assert_null(pick(&pool));
        for (size_t k = 0; k < 3; k++) {
            assert_int_equal(member->candidate.n_given, 2); /* until the last is done */
            take_back_and_release(&pool, member, &batch[orders[i][k]]);
            assert_int_equal(member->candidate.n_pending, 3 - k);
        }
        assert_int_equal(member->candidate.n_given, 1);
        assert_ptr_equal(pick(&pool), member);
        take_back_and_release(&pool, member, &alone[0]);
        assert_int_equal(member->candidate.n_given, 0);
        tear_down(&pool);
    }
}

static void a_batch_is_cancelled_when_all_of_it_is(void **state)
{
    (void)state;
    pool_t pool;
    set_up(&pool);
    tr_member_t *member = add(&pool, 1, 1);
    tr_job_t *batch[3];
    give_batch(&pool, member, batch, 3, 41);
    assert_int_equal(batch[0]->n_awaited, 3);
    tr_member_stop_awaiting(member, batch[0], 500);
    tr_member_stop_awaiting(member, batch[2], 600);
    assert_int_equal(batch[0]->n_awaited, 1);
    assert_int_equal(atomic_load(&pool.pulse->cancelled), 0);
    tr_member_stop_awaiting(member, batch[1], 700);
    assert_int_equal(atomic_load(&pool.pulse->cancelled), 41);
    assert_int_equal(atomic_load(&pool.pulse->cancelled_ms), 700);
    for (size_t i = 0; i < 3; i++) {
        take_back_and_release(&pool, member, &batch[i]);
    }
    tear_down(&pool);
}

static void one_job_is_cancelled_by_itself(void **state)
{
    (void)state;
    pool_t pool;
    set_up(&pool);
    tr_member_t *member = add(&pool, 1, 2);
    tr_job_t *one[1];
    tr_job_t *other[1];
    give_batch(&pool, member, one, 1, 5);
    give_batch(&pool, member, other, 1, 6);
    tr_member_stop_awaiting(member, other[0], 500);
    assert_int_equal(atomic_load(&pool.pulse->cancelled), 6);
    assert_int_equal(one[0]->n_awaited, 1);
    take_back_and_release(&pool, member, &one[0]);
    take_back_and_release(&pool, member, &other[0]);
    tear_down(&pool);
}

/* d: doubtful, D: not any more; g: going, G: not any more. */
struct openness {
    const char *log;
    bool is_open;
    size_t n_going;
};

static void openness_holds(void **state)
{
    const struct openness *row = *state;
    pool_t pool;
    set_up(&pool);
    tr_member_t *member = add(&pool, 1, 1);
    for (const char *sign = row->log; *sign; sign++) {
        if (*sign == 'd' || *sign == 'D') {
            tr_members_set_doubtful(&pool.members, member, *sign == 'd');
        } else {
            tr_members_set_going(&pool.members, member, *sign == 'g');
        }
    }
    assert_int_equal(member->candidate.is_open, row->is_open);
    assert_ptr_equal(pick(&pool), row->is_open ? member : NULL);
    assert_int_equal(pool.members.n_going, row->n_going);
    tr_members_remove(&pool.members, member);
    assert_int_equal(pool.members.n_going, 0); /* who is gone is not going */
    tear_down(&pool);
}

/* The same numbers in every run. */
static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void jobs_go_and_come_back_in_any_order(void **state)
{
    (void)state;
    pool_t pool;
    set_up(&pool);
    tr_member_t *members[] = {add(&pool, 1, N_JOBS), add(&pool, 2, N_JOBS)};
    tr_job_t *jobs[N_JOBS];
    for (size_t i = 0; i < N_JOBS; i++) {
        jobs[i] = job_of(&pool, i + 1);
    }
    tr_member_t *is_with[N_JOBS] = {NULL};
    uint64_t seed = 20240229;
    for (uint64_t move = 1; move <= N_MOVES; move++) {
        size_t i = (size_t)(draw(&seed) % N_JOBS);
        if (is_with[i]) {
            tr_members_take_back(&pool.members, is_with[i], jobs[i], 0);
            is_with[i] = NULL;
        } else {
            is_with[i] = members[draw(&seed) % 2];
            tr_members_give(&pool.members, is_with[i], jobs[i], move, 0);
        }
        jobs_are_sound(members[0]);
        jobs_are_sound(members[1]);
        size_t n_given = 0;
        for (size_t k = 0; k < N_JOBS; k++) {
            assert_ptr_equal(jobs[k]->member, is_with[k]);
            n_given += is_with[k] != NULL;
        }
        assert_int_equal(members[0]->candidate.n_pending + members[1]->candidate.n_pending,
                         n_given);
    }
    for (size_t i = 0; i < N_JOBS; i++) {
        if (is_with[i]) {
            tr_members_take_back(&pool.members, is_with[i], jobs[i], 0);
        }
        assert_int_equal(atomic_load(&jobs[i]->holders), 1);
        tr_job_release(&jobs[i]);
    }
    tear_down(&pool);
}

/* ---- the counters, and who is awake ---- */

static bool can_take_more(const tr_member_t *member)
{
    return member->candidate.is_open &&
           member->candidate.n_given < member->candidate.concurrency;
}

/* By a look at each of them. */
static void counters_agree(const tr_members_t *members)
{
    size_t n_free = 0;
    size_t n_busy = 0;
    size_t n_going = 0;
    for (size_t i = 0; i < members->n; i++) {
        const tr_member_t *member = tr_members_at(members, i);
        assert_int_equal(member->is_free, can_take_more(member));
        n_free += can_take_more(member);
        n_busy += member->candidate.n_pending > 0;
        n_going += member->is_going;
    }
    assert_int_equal(members->n_free, n_free);
    assert_int_equal(members->n_busy, n_busy);
    assert_int_equal(members->n_going, n_going);
    assert_int_equal(tr_members_has_room(members), n_free > 0);
}

static tr_member_t *pick_awake(const tr_members_t *members, const tr_member_t *finisher)
{
    size_t n_awake;
    return tr_members_pick_awake(members, finisher, 0, &n_awake);
}

static bool is_awake(const tr_member_t *member, const tr_member_t *finisher, int64_t since_ms)
{
    return member == finisher || (member->jobs && member->moved_ms >= since_ms);
}

/* Awake, with room, and none of those has less. */
static void awake_one_is_right(const tr_members_t *members, const tr_member_t *finisher)
{
    size_t n_awake = 0;
    size_t n_told;
    const tr_member_t *picked = tr_members_pick_awake(members, finisher, 0, &n_told);
    if (picked) {
        assert_true(is_awake(picked, finisher, 0));
        assert_true(can_take_more(picked));
    }
    for (size_t i = 0; i < members->n; i++) {
        const tr_member_t *member = tr_members_at(members, i);
        n_awake += is_awake(member, finisher, 0);
        if (is_awake(member, finisher, 0) && can_take_more(member)) {
            assert_non_null(picked);
            assert_false(tr_balance_has_less(&member->candidate, &picked->candidate));
        }
    }
    assert_int_equal(n_told, n_awake);
}

/* Units of work, alone or as batches, the head first. */
#define N_UNITS   12
#define A_BATCH   3
#define MOST_HERE 5

typedef struct unit {
    tr_job_t *jobs[A_BATCH];
    size_t n_left;
    tr_member_t *member; /* NULL: nobody has it */
} unit_t;

static void take_back_one(pool_t *pool, unit_t *unit)
{
    take_back_and_release(pool, unit->member, &unit->jobs[--unit->n_left]);
    unit->member = unit->n_left > 0 ? unit->member : NULL;
}

static void take_back_all_of(pool_t *pool, unit_t *units, const tr_member_t *member)
{
    for (size_t i = 0; i < N_UNITS; i++) {
        while (units[i].member == member) {
            take_back_one(pool, &units[i]);
        }
    }
}

static void move_unit(pool_t *pool, unit_t *unit, uint64_t number, uint64_t drawn)
{
    if (unit->member) {
        take_back_one(pool, unit);
        return;
    }
    tr_member_t *member = drawn % 2 ? pick(pool) : pick_awake(&pool->members, NULL);
    if (member) {
        unit->n_left = drawn % 3 ? 1 : A_BATCH;
        unit->member = member;
        give_batch(pool, member, unit->jobs, unit->n_left, number);
    }
}

static void counters_survive_any_move(void **state)
{
    (void)state;
    pool_t pool;
    set_up(&pool);
    unit_t units[N_UNITS] = {0};
    uint64_t seed = 20240229;
    uint64_t incarnation = 0;
    size_t n_full = 0;
    for (uint64_t move = 1; move <= N_MOVES; move++) {
        size_t n = pool.members.n;
        uint64_t what = draw(&seed) % 16;
        tr_member_t *member = n ? tr_members_at(&pool.members, draw(&seed) % n) : NULL;
        if (what == 0 && n < MOST_HERE) {
            add(&pool, ++incarnation, 1 + draw(&seed) % 3);
        } else if (what == 1 && n > 2) {
            take_back_all_of(&pool, units, member);
            tr_members_remove(&pool.members, member);
        } else if (what == 2 && member) {
            tr_members_set_doubtful(&pool.members, member, draw(&seed) % 2);
        } else if (what == 3 && member) {
            tr_members_set_going(&pool.members, member, draw(&seed) % 2);
        } else {
            move_unit(&pool, &units[draw(&seed) % N_UNITS], move * A_BATCH, draw(&seed));
        }
        counters_agree(&pool.members);
        n = pool.members.n;
        awake_one_is_right(&pool.members, NULL);
        awake_one_is_right(&pool.members,
                           n ? tr_members_at(&pool.members, draw(&seed) % n) : NULL);
        n_full += !tr_members_has_room(&pool.members);
    }
    assert_in_range(n_full, N_MOVES / 100, N_MOVES * 3 / 4);
    for (size_t i = 0; i < N_UNITS; i++) {
        while (units[i].member) {
            take_back_one(&pool, &units[i]);
        }
    }
    tear_down(&pool);
}

static void only_who_is_awake_is_picked_awake(void **state)
{
    (void)state;
    pool_t pool;
    set_up(&pool);
    tr_member_t *one = add(&pool, 1, 3);
    tr_member_t *other = add(&pool, 2, 2);
    tr_member_t *sleeper = add(&pool, 3, 9);
    tr_job_t *jobs[5][1];
    assert_null(pick_awake(&pool.members, NULL));
    assert_ptr_equal(pick_awake(&pool.members, other), other);
    give_batch(&pool, one, jobs[0], 1, 1);
    assert_ptr_equal(pick_awake(&pool.members, NULL), one);
    assert_ptr_equal(pick_awake(&pool.members, other), other); /* it has less */
    give_batch(&pool, other, jobs[1], 1, 2);
    give_batch(&pool, one, jobs[2], 1, 3);
    assert_ptr_equal(pick_awake(&pool.members, one), other);
    tr_members_set_doubtful(&pool.members, other, true);
    assert_ptr_equal(pick_awake(&pool.members, other), one);
    give_batch(&pool, one, jobs[3], 1, 4); /* now it is full */
    assert_null(pick_awake(&pool.members, other));
    tr_members_set_doubtful(&pool.members, other, false);
    assert_ptr_equal(pick_awake(&pool.members, NULL), other);
    give_batch(&pool, other, jobs[4], 1, 5);
    assert_null(pick_awake(&pool.members, one));
    assert_ptr_equal(pick(&pool), sleeper);
    tr_member_t *who[] = {one, other, one, one, other};
    for (size_t i = 0; i < 5; i++) {
        take_back_and_release(&pool, who[i], &jobs[i][0]);
    }
    tear_down(&pool);
}

/* A call at 100 ms, one more at 110, the first done at 120: who was at it when. */
static void one_that_is_long_at_it_is_not_awake(void **state)
{
    (void)state;
    pool_t pool;
    set_up(&pool);
    tr_member_t *member = add(&pool, 1, 3);
    tr_job_t *first = job_of(&pool, 1);
    tr_job_t *second = job_of(&pool, 2);
    size_t n_awake;
    tr_members_give(&pool.members, member, first, 1, 100);
    assert_ptr_equal(tr_members_pick_awake(&pool.members, NULL, 100, &n_awake), member);
    assert_int_equal(n_awake, 1);
    tr_members_give(&pool.members, member, second, 2, 110); /* that is no progress */
    assert_null(tr_members_pick_awake(&pool.members, NULL, 101, &n_awake));
    assert_int_equal(n_awake, 0);
    tr_members_take_back(&pool.members, member, first, 120);
    tr_job_release(&first);
    assert_ptr_equal(tr_members_pick_awake(&pool.members, NULL, 120, &n_awake), member);
    tr_members_take_back(&pool.members, member, second, 130);
    tr_job_release(&second);
    assert_null(tr_members_pick_awake(&pool.members, NULL, 120, &n_awake));
    assert_ptr_equal(tr_members_pick_awake(&pool.members, member, 200, &n_awake), member);
    assert_int_equal(n_awake, 1);
    tear_down(&pool);
}

/* clang-format off */
#define OPENNESS(title, ...) \
    { .name = title, .test_func = openness_holds, \
      .initial_state = &(struct openness){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_member_is_open_and_has_nothing_to_do),
        cmocka_unit_test(a_guest_keeps_what_it_takes_at_once),
        cmocka_unit_test(an_incarnation_joins_once),
        cmocka_unit_test(a_worker_that_comes_back_gets_its_keys_back),
        cmocka_unit_test(a_name_too_long_is_cut),
        cmocka_unit_test(whoever_is_removed_the_others_stay),
        cmocka_unit_test(the_one_with_room_is_picked),
        OPENNESS("a new one gets work", "", true, 0),
        OPENNESS("a doubtful one gets none", "d", false, 0),
        OPENNESS("until it is trusted again", "dD", true, 0),
        OPENNESS("one that goes gets none", "g", false, 1),
        OPENNESS("going twice counts once", "gg", false, 1),
        OPENNESS("one that stays after all gets work", "gG", true, 0),
        OPENNESS("staying twice counts once", "gGG", true, 0),
        OPENNESS("one that stays may still be doubtful", "dgG", false, 0),
        OPENNESS("one that is trusted may still be going", "gdD", false, 1),
        OPENNESS("either way back needs both", "dgDG", true, 0),
        cmocka_unit_test(jobs_go_and_come_back_in_any_order),
        cmocka_unit_test(a_batch_is_one_unit_of_work),
        cmocka_unit_test(a_batch_is_cancelled_when_all_of_it_is),
        cmocka_unit_test(one_job_is_cancelled_by_itself),
        cmocka_unit_test(counters_survive_any_move),
        cmocka_unit_test(only_who_is_awake_is_picked_awake),
        cmocka_unit_test(one_that_is_long_at_it_is_not_awake),
    };
    return cmocka_run_group_tests_name("capabilities/members", tests, NULL, NULL) != 0;
}
