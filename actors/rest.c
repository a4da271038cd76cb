/* There was a moment at which all were at rest, if each is seen at rest twice, without having
 * been awake between, and all were seen once before any was seen again. Whoever posts does so
 * before it sleeps, so that what it has posted is seen with its sleep.
 *
 * Whoever looks says so first and looks then; an actor sleeps first and then sees whether
 * anybody looks: one of the two sees the other.
 */

#include "actors/rest.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"

#define LOOK_AGAIN_MS 20 /* at those who were written off meanwhile */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t has_changed = PTHREAD_COND_INITIALIZER;
static tr_rest_t *all; /* with the mutex */
static atomic_int n_looking;

void tr_rest_enter(tr_rest_t *self, tr_mailbox_t *mailbox, tr_pulse_t *pulse)
{
    assert(self && mailbox && pulse);
    self->mailbox = mailbox;
    self->pulse = pulse;
    pthread_mutex_lock(&mutex);
    self->next = all;
    if (all) {
        all->previous = self;
    }
    all = self;
    pthread_mutex_unlock(&mutex);
}

void tr_rest_leave(tr_rest_t *self)
{
    assert(self);
    if (!self->mailbox) {
        return;
    }
    pthread_mutex_lock(&mutex);
    *(self->previous ? &self->previous->next : &all) = self->next;
    if (self->next) {
        self->next->previous = self->previous;
    }
    pthread_cond_broadcast(&has_changed);
    pthread_mutex_unlock(&mutex);
    self->mailbox = NULL;
}

void tr_rest_begin(tr_rest_t *self)
{
    assert(self);
    atomic_fetch_add(&self->n_turns, 1);
    if (atomic_load(&n_looking) > 0) {
        pthread_mutex_lock(&mutex);
        pthread_cond_broadcast(&has_changed);
        pthread_mutex_unlock(&mutex);
    }
}

void tr_rest_end(tr_rest_t *self)
{
    assert(self);
    atomic_fetch_add(&self->n_turns, 1);
}

/* ---- looking ---- */

static bool is_rung(const tr_mailbox_t *mailbox)
{
    struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
    return poll(&bell, 1, 0) > 0;
}

/* The letters first: who takes them is awake before. */
static bool is_at_rest(const tr_rest_t *self, int64_t now_ms)
{
    return !tr_mailbox_has_posted(self->mailbox) && !is_rung(self->mailbox) &&
           atomic_load(&self->n_turns) % 2 == 1 && atomic_load(&self->awake_at_ms) > now_ms;
}

static bool counts(const tr_rest_t *self)
{
    return atomic_load(&self->pulse->is_abandoned) == 0;
}

/* With the mutex: *n_turns_out gets the turns of all, which change when anybody's do. */
static bool are_all_at_rest(uint64_t *n_turns_out)
{
    int64_t now_ms = tr_clock_now_ms();
    *n_turns_out = 0;
    for (const tr_rest_t *actor = all; actor; actor = actor->next) {
        if (counts(actor)) {
            *n_turns_out += atomic_load(&actor->n_turns);
            if (!is_at_rest(actor, now_ms)) {
                return false;
            }
        }
    }
    return true;
}

static bool is_quiet(void)
{
    uint64_t n_before, n_after;
    return are_all_at_rest(&n_before) && are_all_at_rest(&n_after) && n_before == n_after;
}

static void wait_for_change(int64_t left_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t nanoseconds =
        until.tv_nsec + 1000000 * (left_ms < LOOK_AGAIN_MS ? left_ms : LOOK_AGAIN_MS);
    until.tv_sec += nanoseconds / 1000000000;
    until.tv_nsec = nanoseconds % 1000000000;
    pthread_cond_timedwait(&has_changed, &mutex, &until);
}

bool tr_rest_await(int64_t patience_ms)
{
    int64_t until_ms = tr_clock_after(tr_clock_real_ms(), patience_ms);
    int64_t left_ms = patience_ms;
    pthread_mutex_lock(&mutex);
    atomic_fetch_add(&n_looking, 1);
    bool has_come = is_quiet();
    while (!has_come && (left_ms = until_ms - tr_clock_real_ms()) > 0) {
        wait_for_change(left_ms);
        has_come = is_quiet();
    }
    atomic_fetch_sub(&n_looking, 1);
    pthread_mutex_unlock(&mutex);
    return has_come;
}

int64_t tr_rest_until_ms(void)
{
    int64_t until_ms = TR_NEVER;
    pthread_mutex_lock(&mutex);
    for (const tr_rest_t *actor = all; actor; actor = actor->next) {
        int64_t awake_at_ms = atomic_load(&actor->awake_at_ms);
        if (counts(actor) && awake_at_ms < until_ms) {
            until_ms = awake_at_ms;
        }
    }
    pthread_mutex_unlock(&mutex);
    return until_ms;
}

static void wake_by(int64_t time_ms)
{
    pthread_mutex_lock(&mutex);
    for (const tr_rest_t *actor = all; actor; actor = actor->next) {
        if (atomic_load(&actor->awake_at_ms) <= time_ms) {
            tr_mailbox_wake(actor->mailbox);
        }
    }
    pthread_mutex_unlock(&mutex);
}

void tr_rest_wake_due(void)
{
    wake_by(tr_clock_now_ms());
}

void tr_rest_wake_all(void)
{
    wake_by(TR_NEVER);
}
