/* Senders append to `posted` under the mutex; the owner swaps whole lists into `taken`, which
 * it alone touches, so that a letter costs the owner no lock of its own. What the owner has
 * swapped out but not yet handled still counts against the bound, through `n_taken`.
 *
 * Atomics: holders; n_posted_control (so that the owner sees an overtaking letter without the
 * lock); n_taken, taken_bytes and n_held (written by the owner, read by senders for the bound).
 */

#include "mailbox/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

#define GIVE_UP_CHECK_MS 50

typedef struct list {
    tr_letter_t *first;
    tr_letter_t *last;
} list_t;

typedef struct lane {
    size_t letters; /* it holds at most; set before others know of it */
    list_t posted;  /* mutex */
    size_t n_posted;
    size_t posted_bytes;
    list_t taken; /* owner */
    atomic_size_t n_taken;
    atomic_size_t taken_bytes;
    atomic_size_t n_held; /* places without a letter */
} lane_t;

struct tr_mailbox {
    atomic_uint holders;
    uint64_t incarnation;
    tr_mailbox_limits_t limits;
    int64_t wait_ms; /* set before it is known to others */
    int bell;
    pthread_mutex_t mutex;
    pthread_cond_t room;
    unsigned n_waiting; /* senders that wait for room */
    bool is_parked;
    bool is_closed;
    atomic_size_t n_posted_any;
    atomic_size_t n_posted_control;
    lane_t lanes[TR_N_LANES];
    char name[];
};

tr_mailbox_t *tr_mailbox_new(const char *name, uint64_t incarnation, tr_mailbox_limits_t limits)
{
    assert(name && limits.letters > 0 && limits.bytes > 0);
    size_t size = strlen(name) + 1;
    tr_mailbox_t *self = calloc(1, sizeof *self + size);
    if (!self) {
        return NULL;
    }
    self->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (self->bell < 0) {
        free(self);
        return NULL;
    }
    memcpy(self->name, name, size);
    self->incarnation = incarnation;
    self->limits = limits;
    for (int i = 0; i < TR_N_LANES; i++) {
        self->lanes[i].letters = limits.letters;
    }
    atomic_init(&self->holders, 1);
    pthread_mutex_init(&self->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&self->room, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return self;
}

tr_mailbox_t *tr_mailbox_share(tr_mailbox_t *self)
{
    assert(self);
    atomic_fetch_add_explicit(&self->holders, 1, memory_order_relaxed);
    return self;
}

static void destroy_list(list_t *list)
{
    while (list->first) {
        tr_letter_t *letter = list->first;
        list->first = letter->next;
        tr_letter_destroy(&letter);
    }
    list->last = NULL;
}

void tr_mailbox_release(tr_mailbox_t **self_p)
{
    assert(self_p);
    tr_mailbox_t *self = *self_p;
    *self_p = NULL;
    if (!self || atomic_fetch_sub_explicit(&self->holders, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (int i = 0; i < TR_N_LANES; i++) {
        destroy_list(&self->lanes[i].taken);
        destroy_list(&self->lanes[i].posted);
    }
    close(self->bell);
    pthread_cond_destroy(&self->room);
    pthread_mutex_destroy(&self->mutex);
    free(self);
}

const char *tr_mailbox_name(const tr_mailbox_t *self)
{
    assert(self);
    return self->name;
}

uint64_t tr_mailbox_incarnation(const tr_mailbox_t *self)
{
    assert(self);
    return self->incarnation;
}

static bool has_room(const tr_mailbox_t *self, const lane_t *lane, const tr_letter_t *letter)
{
    size_t n_letters = lane->n_posted +
                       atomic_load_explicit(&lane->n_taken, memory_order_relaxed) +
                       atomic_load_explicit(&lane->n_held, memory_order_relaxed);
    if (n_letters == 0) {
        return true;
    }
    size_t bytes =
        lane->posted_bytes + atomic_load_explicit(&lane->taken_bytes, memory_order_relaxed);
    return n_letters < lane->letters && letter->bytes <= self->limits.bytes &&
           bytes <= self->limits.bytes - letter->bytes;
}

/* Under the mutex. Returns whether the bell must be rung. */
static bool append(tr_mailbox_t *self, tr_lane_t which, tr_letter_t *letter)
{
    lane_t *lane = &self->lanes[which];
    letter->next = NULL;
    if (lane->posted.last) {
        lane->posted.last->next = letter;
    } else {
        lane->posted.first = letter;
    }
    lane->posted.last = letter;
    lane->n_posted++;
    lane->posted_bytes += letter->bytes;
    atomic_fetch_add_explicit(&self->n_posted_any, 1, memory_order_relaxed);
    if (which == TR_LANE_CONTROL) {
        atomic_fetch_add_explicit(&self->n_posted_control, 1, memory_order_relaxed);
    }
    bool must_ring = self->is_parked;
    self->is_parked = false;
    return must_ring;
}

static void ring(const tr_mailbox_t *self)
{
    /* The counter cannot overflow: one ring for each time the owner parks. */
    uint64_t one = 1;
    while (write(self->bell, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

static troupe_status_t post(tr_mailbox_t *self, tr_lane_t lane, tr_letter_t **letter_p,
                            bool is_bounded)
{
    assert(self && lane < TR_N_LANES && letter_p && *letter_p);
    troupe_status_t status = TROUPE_OK;
    bool must_ring = false;
    pthread_mutex_lock(&self->mutex);
    if (self->is_closed) {
        status = TROUPE_CLOSED;
    } else if (is_bounded && !has_room(self, &self->lanes[lane], *letter_p)) {
        status = TROUPE_FULL;
    } else {
        must_ring = append(self, lane, *letter_p);
        *letter_p = NULL;
    }
    pthread_mutex_unlock(&self->mutex);
    if (must_ring) {
        ring(self);
    }
    return status;
}

troupe_status_t tr_mailbox_post(tr_mailbox_t *self, tr_lane_t lane, tr_letter_t **letter_p)
{
    return post(self, lane, letter_p, true);
}

troupe_status_t tr_mailbox_post_answer(tr_mailbox_t *self, tr_lane_t lane,
                                       tr_letter_t **letter_p)
{
    return post(self, lane, letter_p, false);
}

static struct timespec in_ms(int64_t delay_ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += delay_ms / 1000;
    at.tv_nsec += (long)(delay_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

troupe_status_t tr_mailbox_post_wait(tr_mailbox_t *self, tr_lane_t lane, tr_letter_t **letter_p,
                                     int64_t deadline_ms, bool (*give_up)(void *arg), void *arg)
{
    for (;;) {
        troupe_status_t status = tr_mailbox_post(self, lane, letter_p);
        if (status != TROUPE_FULL) {
            return status;
        }
        int64_t now = tr_clock_now_ms();
        if (now >= deadline_ms || (give_up && give_up(arg))) {
            return TROUPE_TIMEOUT;
        }
        int64_t pause = deadline_ms - now;
        struct timespec until = in_ms(pause < GIVE_UP_CHECK_MS ? pause : GIVE_UP_CHECK_MS);
        pthread_mutex_lock(&self->mutex);
        if (!self->is_closed && !has_room(self, &self->lanes[lane], *letter_p)) {
            self->n_waiting++;
            pthread_cond_timedwait(&self->room, &self->mutex, &until);
            self->n_waiting--;
        }
        pthread_mutex_unlock(&self->mutex);
    }
}

int64_t tr_mailbox_wait_ms(const tr_mailbox_t *self)
{
    assert(self);
    return self->wait_ms;
}

size_t tr_mailbox_depth(const tr_mailbox_t *self)
{
    assert(self);
    size_t depth = atomic_load_explicit(&self->n_posted_any, memory_order_relaxed);
    for (int i = 0; i < TR_N_LANES; i++) {
        depth += atomic_load_explicit(&self->lanes[i].n_taken, memory_order_relaxed);
    }
    return depth;
}

static void swap_in(lane_t *lane)
{
    if (!lane->posted.first) {
        return;
    }
    if (lane->taken.last) {
        lane->taken.last->next = lane->posted.first;
    } else {
        lane->taken.first = lane->posted.first;
    }
    lane->taken.last = lane->posted.last;
    atomic_fetch_add_explicit(&lane->n_taken, lane->n_posted, memory_order_relaxed);
    atomic_fetch_add_explicit(&lane->taken_bytes, lane->posted_bytes, memory_order_relaxed);
    lane->posted = (list_t){NULL, NULL};
    lane->n_posted = lane->posted_bytes = 0;
}

static void swap_all(tr_mailbox_t *self)
{
    pthread_mutex_lock(&self->mutex);
    for (int i = 0; i < TR_N_LANES; i++) {
        swap_in(&self->lanes[i]);
    }
    atomic_store_explicit(&self->n_posted_any, 0, memory_order_relaxed);
    atomic_store_explicit(&self->n_posted_control, 0, memory_order_relaxed);
    if (self->n_waiting) {
        pthread_cond_broadcast(&self->room);
    }
    pthread_mutex_unlock(&self->mutex);
}

static tr_letter_t *pop(lane_t *lane)
{
    tr_letter_t *letter = lane->taken.first;
    if (letter) {
        lane->taken.first = letter->next;
        if (!letter->next) {
            lane->taken.last = NULL;
        }
        letter->next = NULL;
        atomic_fetch_sub_explicit(&lane->n_taken, 1, memory_order_relaxed);
        atomic_fetch_sub_explicit(&lane->taken_bytes, letter->bytes, memory_order_relaxed);
    }
    return letter;
}

tr_letter_t *tr_mailbox_next(tr_mailbox_t *self, tr_lane_t *lane_out)
{
    assert(self);
    bool is_dry =
        !self->lanes[TR_LANE_CONTROL].taken.first && !self->lanes[TR_LANE_USER].taken.first;
    /* A count that is seen late costs one turn: parking looks again under the lock. */
    if (atomic_load_explicit(is_dry ? &self->n_posted_any : &self->n_posted_control,
                             memory_order_relaxed) > 0) {
        swap_all(self);
    }
    for (int i = 0; i < TR_N_LANES; i++) {
        tr_letter_t *letter = pop(&self->lanes[i]);
        if (letter) {
            if (lane_out) {
                *lane_out = (tr_lane_t)i;
            }
            return letter;
        }
    }
    return NULL;
}

void tr_mailbox_let_wait(tr_mailbox_t *self, int64_t wait_ms, size_t letters)
{
    assert(self && wait_ms >= 0 && letters > 0);
    self->wait_ms = wait_ms;
    self->lanes[TR_LANE_USER].letters = letters;
}

void tr_mailbox_hold_place(tr_mailbox_t *self)
{
    assert(self);
    atomic_fetch_add(&self->lanes[TR_LANE_USER].n_held, 1);
}

void tr_mailbox_give_place(tr_mailbox_t *self)
{
    assert(self);
    size_t n_held = atomic_fetch_sub(&self->lanes[TR_LANE_USER].n_held, 1);
    assert(n_held > 0);
    (void)n_held;
    pthread_mutex_lock(&self->mutex);
    if (self->n_waiting) {
        pthread_cond_broadcast(&self->room);
    }
    pthread_mutex_unlock(&self->mutex);
}

bool tr_mailbox_park(tr_mailbox_t *self)
{
    assert(self);
    pthread_mutex_lock(&self->mutex);
    bool is_empty = true;
    for (int i = 0; i < TR_N_LANES; i++) {
        is_empty = is_empty && !self->lanes[i].posted.first && !self->lanes[i].taken.first;
    }
    self->is_parked = is_empty;
    if (self->n_waiting) {
        pthread_cond_broadcast(&self->room);
    }
    pthread_mutex_unlock(&self->mutex);
    return is_empty;
}

int tr_mailbox_bell(const tr_mailbox_t *self)
{
    assert(self);
    return self->bell;
}

void tr_mailbox_unpark(tr_mailbox_t *self)
{
    assert(self);
    pthread_mutex_lock(&self->mutex);
    self->is_parked = false;
    pthread_mutex_unlock(&self->mutex);
    /* A ring may come a little after its letter, so this one may be an old one: always read. */
    uint64_t rings;
    while (read(self->bell, &rings, sizeof rings) < 0 && errno == EINTR) {
    }
}

void tr_mailbox_close(tr_mailbox_t *self)
{
    assert(self);
    pthread_mutex_lock(&self->mutex);
    self->is_closed = true;
    pthread_cond_broadcast(&self->room);
    pthread_mutex_unlock(&self->mutex);
}
