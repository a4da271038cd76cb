/* Each lane is a stack that senders push on to with one compare-and-swap. The owner takes all
 * of it with one exchange and turns it round, so that a letter costs the owner no shared memory
 * of its own. What lies in a lane, in letters and in bytes, is one number, so that a sender
 * keeps both bounds by one compare-and-swap more; the owner brings it up to date in lumps where
 * the bound is wide.
 *
 * Three pairs of threads meet by the same rule: each writes its own flag first and reads the
 * other's then, all in one order, so that at least one of them sees the other. A sender pushes
 * and looks for a parked owner; an owner parks and looks for letters. A sender pushes and looks
 * for a free baton; whoever had it frees it and looks for letters. A sender counts itself as
 * waiting and looks for room; an owner makes room and looks for waiting ones.
 *
 * What senders write, what the owner writes, and what only holders do are on cache lines of
 * their own.
 */

#include "mailbox/mailbox_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/processors.h"

#define SPINS_PER_LOOK 16 /* at the clock */

/* A lane with room for fewer letters gives each place back at once, others so many together. */
#define WIDE_LANE     1024
#define PLACES_A_LUMP 32

/* The load of a lane: letters above, bytes below. */
#define BYTE_BITS   40
#define ONE_LETTER  (UINT64_C(1) << BYTE_BITS)
#define BYTES_MASK  (ONE_LETTER - 1)
#define MOST_BYTES  ((size_t)1 << (BYTE_BITS - 1))
#define MOST_PLACES ((size_t)1 << 23)

tr_letter_t tr_closed_lane;

/* ---- life ---- */

tr_mailbox_t *tr_mailbox_new(const char *name, uint64_t incarnation, tr_mailbox_limits_t limits)
{
    assert(name);
    size_t name_size = strlen(name) + 1;
    size_t size =
        (sizeof(tr_mailbox_t) + name_size + TR_CACHE_LINE - 1) & ~(size_t)(TR_CACHE_LINE - 1);
    tr_mailbox_t *self = aligned_alloc(TR_CACHE_LINE, size);
    if (!self) {
        return NULL;
    }
    memset(self, 0, sizeof *self);
    self->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (self->bell < 0) {
        free(self);
        return NULL;
    }
    memcpy(self->name, name, name_size);
    self->incarnation = incarnation;
    tr_mailbox_bound(self, limits);
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

static void destroy_list(tr_letter_t *letter)
{
    while (letter && letter != &tr_closed_lane) {
        tr_letter_t *next = letter->next;
        tr_letter_destroy(&letter);
        letter = next;
    }
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
        destroy_list(self->lanes[i].aside);
        destroy_list(self->lanes[i].first);
        destroy_list(atomic_load(&self->lanes[i].posted));
    }
    close(self->bell);
    tr_crew_release(&self->crew);
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

/* ---- the bounds ---- */

static size_t most_letters(const tr_letters_t *lane)
{
    return atomic_load_explicit(&lane->letters, memory_order_relaxed);
}

static bool has_room(const tr_mailbox_t *self, const tr_letters_t *lane, uint64_t load,
                     const tr_letter_t *letter)
{
    size_t n_letters = load >> BYTE_BITS;
    size_t bytes = load & BYTES_MASK;
    size_t most_bytes = atomic_load_explicit(&self->bytes, memory_order_relaxed);
    return n_letters == 0 || (n_letters < most_letters(lane) && letter->bytes <= most_bytes &&
                              bytes <= most_bytes - letter->bytes);
}

static uint64_t load_of(const tr_letter_t *letter)
{
    return ONE_LETTER + letter->bytes;
}

/* Count the letter in, if there is room. */
static bool reserve(const tr_mailbox_t *self, tr_letters_t *lane, const tr_letter_t *letter)
{
    uint64_t load = atomic_load_explicit(&lane->load, memory_order_relaxed);
    do {
        if (!has_room(self, lane, load, letter)) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&lane->load, &load, load + load_of(letter)));
    return true;
}

static void wake_waiting(tr_mailbox_t *self)
{
    if (atomic_load(&self->n_waiting) > 0) {
        pthread_mutex_lock(&self->mutex);
        pthread_cond_broadcast(&self->room);
        pthread_mutex_unlock(&self->mutex);
    }
}

/* Count out what the owner has handled. */
static void return_places(tr_mailbox_t *self, tr_letters_t *lane)
{
    if (lane->returned > 0) {
        atomic_fetch_sub(&lane->load, lane->returned);
        lane->returned = 0;
        wake_waiting(self);
    }
}

static bool is_lump(const tr_letters_t *lane)
{
    return lane->returned >> BYTE_BITS >= PLACES_A_LUMP || !lane->first ||
           most_letters(lane) < WIDE_LANE;
}

/* ---- the bell ---- */

void tr_mailbox_ring(tr_mailbox_t *self)
{
    assert(self);
    atomic_fetch_add(&self->n_rings, 1);
    uint64_t one = 1;
    while (write(self->bell, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

int tr_mailbox_bell(const tr_mailbox_t *self)
{
    assert(self);
    return self->bell;
}

bool tr_mailbox_has_posted(const tr_mailbox_t *self)
{
    assert(self);
    return tr_mailbox_has_any_posted(self);
}

bool tr_mailbox_has_letters(const tr_mailbox_t *self)
{
    assert(self);
    return tr_mailbox_has_taken(self) || tr_mailbox_has_any_posted(self);
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

bool tr_mailbox_spin(const tr_mailbox_t *self, int64_t spin_us)
{
    assert(self);
    bool has_some = tr_mailbox_has_letters(self);
    if (has_some || spin_us <= 0 || tr_processors() == 1) {
        return has_some;
    }
    int64_t until_us = tr_clock_now_us() + spin_us;
    do {
        for (int i = 0; !has_some && i < SPINS_PER_LOOK; i++) {
            relax();
            has_some = tr_mailbox_has_any_posted(self);
        }
    } while (!has_some && tr_clock_now_us() < until_us);
    return has_some;
}

bool tr_mailbox_park(tr_mailbox_t *self)
{
    assert(self);
    atomic_store(&self->is_parked, true);
    if (tr_mailbox_has_letters(self)) {
        atomic_store(&self->is_parked, false);
        return false;
    }
    return true;
}

/* Each ring is read once, here or, should its write come a moment later, the next time. */
void tr_mailbox_unpark(tr_mailbox_t *self)
{
    assert(self);
    atomic_store(&self->is_parked, false);
    if (atomic_load(&self->n_rings) != self->n_rings_heard) {
        uint64_t n_rings = 0;
        ssize_t size;
        while ((size = read(self->bell, &n_rings, sizeof n_rings)) < 0 && errno == EINTR) {
        }
        self->n_rings_heard += size > 0 ? n_rings : 0;
    }
}

/* See to it that somebody takes what was posted. */
static inline void alert(tr_mailbox_t *self, tr_lane_t lane)
{
    if (atomic_load(&self->carry)) {
        tr_mailbox_carry(self, lane);
    } else {
        tr_mailbox_wake_owner(self);
    }
}

/* ---- posting ---- */

static bool push(tr_letters_t *lane, tr_letter_t *letter)
{
    tr_letter_t *top = atomic_load_explicit(&lane->posted, memory_order_relaxed);
    do {
        if (top == &tr_closed_lane) {
            return false;
        }
        letter->next = top;
    } while (!atomic_compare_exchange_weak(&lane->posted, &top, letter));
    return true;
}

static troupe_status_t put(tr_mailbox_t *self, tr_lane_t which, tr_letter_t **letter_p,
                           bool is_bounded)
{
    assert(self && which < TR_N_LANES && letter_p && *letter_p);
    tr_letters_t *lane = &self->lanes[which];
    uint64_t load = load_of(*letter_p);
    if (!is_bounded) {
        atomic_fetch_add(&lane->load, load);
    } else if (!reserve(self, lane, *letter_p)) {
        return atomic_load(&self->is_closed) ? TROUPE_CLOSED : TROUPE_FULL;
    }
    if (!push(lane, *letter_p)) {
        atomic_fetch_sub(&lane->load, load);
        return TROUPE_CLOSED;
    }
    *letter_p = NULL;
    return TROUPE_OK;
}

troupe_status_t tr_mailbox_post(tr_mailbox_t *self, tr_lane_t lane, tr_letter_t **letter_p)
{
    troupe_status_t status = put(self, lane, letter_p, true);
    if (status == TROUPE_OK) {
        alert(self, lane);
    }
    return status;
}

troupe_status_t tr_mailbox_post_answer(tr_mailbox_t *self, tr_lane_t lane,
                                       tr_letter_t **letter_p)
{
    troupe_status_t status = put(self, lane, letter_p, false);
    if (status == TROUPE_OK) {
        alert(self, lane);
    }
    return status;
}

troupe_status_t tr_mailbox_leave(tr_mailbox_t *self, tr_lane_t lane, tr_letter_t **letter_p)
{
    return put(self, lane, letter_p, true);
}

void tr_mailbox_alert(tr_mailbox_t *self)
{
    assert(self);
    if (tr_mailbox_has_any_posted(self)) {
        alert(self, TR_LANE_USER);
    }
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

static void sleep_for_room(tr_mailbox_t *self, const tr_letters_t *lane,
                           const tr_letter_t *letter, int64_t pause_ms)
{
    struct timespec until = in_ms(pause_ms);
    tr_mailbox_leave_next();
    pthread_mutex_lock(&self->mutex);
    atomic_fetch_add(&self->n_waiting, 1);
    if (!atomic_load(&self->is_closed) &&
        !has_room(self, lane, atomic_load(&lane->load), letter)) {
        pthread_cond_timedwait(&self->room, &self->mutex, &until);
    }
    atomic_fetch_sub(&self->n_waiting, 1);
    pthread_mutex_unlock(&self->mutex);
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
        int64_t pause_ms = deadline_ms - now;
        sleep_for_room(self, &self->lanes[lane], *letter_p,
                       pause_ms < TR_GIVE_UP_CHECK_MS ? pause_ms : TR_GIVE_UP_CHECK_MS);
    }
}

int64_t tr_mailbox_wait_ms(const tr_mailbox_t *self)
{
    assert(self);
    return atomic_load_explicit(&self->wait_ms, memory_order_relaxed);
}

bool tr_mailbox_is_closed(const tr_mailbox_t *self)
{
    assert(self);
    return atomic_load_explicit(&self->is_closed, memory_order_relaxed);
}

size_t tr_mailbox_depth(const tr_mailbox_t *self)
{
    assert(self);
    size_t depth = 0;
    for (int i = 0; i < TR_N_LANES; i++) {
        size_t n_places = atomic_load(&self->lanes[i].load) >> BYTE_BITS;
        size_t n_held = atomic_load(&self->lanes[i].n_held);
        depth += n_places > n_held ? n_places - n_held : 0;
    }
    return depth;
}

/* ---- taking ---- */

/* Append what was posted to what is taken, the oldest first. */
static void take_over(tr_letters_t *lane, tr_letter_t *posted)
{
    tr_letter_t *last = posted;
    tr_letter_t *first = NULL;
    while (posted && posted != &tr_closed_lane) {
        tr_letter_t *older = posted->next;
        posted->next = first;
        first = posted;
        posted = older;
    }
    if (first) {
        *(lane->first ? &lane->last->next : &lane->first) = first;
        lane->last = last;
    }
}

/* These two are in the way of each letter: a call would be a good part of what they cost. */
#define INLINED static inline __attribute__((always_inline))

INLINED tr_letter_t *take(tr_mailbox_t *self, tr_letters_t *lane)
{
    tr_letter_t *letter = lane->first;
    lane->first = letter->next;
    letter->next = NULL;
    lane->returned += load_of(letter);
    if (is_lump(lane)) {
        return_places(self, lane);
    }
    return letter;
}

/* Of those that overtake whatever there is; of the user lane more only when all is handled. */
INLINED tr_letter_t *take_from(tr_mailbox_t *self, tr_letters_t *lane, bool overtakes)
{
    if ((overtakes || !lane->first) && tr_letters_has_posted(lane)) {
        take_over(lane, atomic_exchange(&lane->posted, NULL));
    }
    return lane->first ? take(self, lane) : NULL;
}

/* As the lanes for what overtakes are, nearly always. */
static inline bool is_bare(const tr_letters_t *lane)
{
    return !lane->first && !atomic_load(&lane->posted);
}

tr_letter_t *tr_mailbox_next(tr_mailbox_t *self, tr_lane_t *lane_out)
{
    assert(self);
    tr_lane_t from = TR_LANE_CONTROL;
    tr_letter_t *letter = NULL;
    if (!is_bare(&self->lanes[TR_LANE_CONTROL])) {
        letter = take_from(self, &self->lanes[TR_LANE_CONTROL], true);
    }
    if (!letter && atomic_load_explicit(&self->holds_back, memory_order_relaxed)) {
        return NULL;
    }
    if (!letter && !is_bare(&self->lanes[TR_LANE_URGENT])) {
        from = TR_LANE_URGENT;
        letter = take_from(self, &self->lanes[TR_LANE_URGENT], true);
    }
    if (!letter) {
        from = TR_LANE_USER;
        letter = take_from(self, &self->lanes[TR_LANE_USER], false);
    }
    if (lane_out && letter) {
        *lane_out = from;
    }
    return letter;
}

tr_letter_t *tr_mailbox_next_control(tr_mailbox_t *self)
{
    assert(self);
    return take_from(self, &self->lanes[TR_LANE_CONTROL], true);
}

void tr_mailbox_hold_back(tr_mailbox_t *self, bool holds_back)
{
    assert(self);
    atomic_store(&self->holds_back, holds_back);
}

/* ---- aside, and back ---- */

void tr_mailbox_put_aside(tr_mailbox_t *self, tr_letter_t **letter_p)
{
    assert(self && letter_p && *letter_p);
    tr_letters_t *lane = &self->lanes[TR_LANE_USER];
    tr_letter_t *letter = *letter_p;
    *letter_p = NULL;
    letter->next = NULL;
    atomic_fetch_add(&lane->load, load_of(letter));
    *(lane->aside ? &lane->last_aside->next : &lane->aside) = letter;
    lane->last_aside = letter;
}

void tr_mailbox_put_back(tr_mailbox_t *self)
{
    assert(self);
    tr_letters_t *lane = &self->lanes[TR_LANE_USER];
    if (lane->aside) {
        lane->last_aside->next = lane->first;
        lane->last = lane->first ? lane->last : lane->last_aside;
        lane->first = lane->aside;
        lane->aside = NULL;
    }
}

void tr_mailbox_put_back_first(tr_mailbox_t *self)
{
    assert(self);
    tr_letters_t *lane = &self->lanes[TR_LANE_USER];
    tr_letter_t *letter = lane->aside;
    if (letter) {
        lane->aside = letter->next;
        letter->next = lane->first;
        lane->last = lane->first ? lane->last : letter;
        lane->first = letter;
    }
}

tr_letter_t *tr_mailbox_next_aside(tr_mailbox_t *self)
{
    assert(self);
    tr_letters_t *lane = &self->lanes[TR_LANE_USER];
    tr_letter_t *letter = lane->aside;
    if (letter) {
        lane->aside = letter->next;
        letter->next = NULL;
        atomic_fetch_sub(&lane->load, load_of(letter));
        wake_waiting(self);
    }
    return letter;
}

tr_letter_t *tr_mailbox_look_aside(const tr_mailbox_t *self)
{
    assert(self);
    return self->lanes[TR_LANE_USER].aside;
}

size_t tr_mailbox_count_aside(const tr_mailbox_t *self)
{
    assert(self);
    size_t n = 0;
    for (const tr_letter_t *letter = self->lanes[TR_LANE_USER].aside; letter;
         letter = letter->next) {
        n++;
    }
    return n;
}

bool tr_mailbox_has_room(const tr_mailbox_t *self)
{
    assert(self);
    const tr_letters_t *lane = &self->lanes[TR_LANE_USER];
    return atomic_load(&lane->load) >> BYTE_BITS < most_letters(lane);
}

void tr_mailbox_bound(tr_mailbox_t *self, tr_mailbox_limits_t limits)
{
    assert(self && limits.letters > 0 && limits.letters <= MOST_PLACES);
    assert(limits.bytes > 0 && limits.bytes <= MOST_BYTES);
    atomic_store(&self->bytes, limits.bytes);
    for (int i = 0; i < TR_N_LANES; i++) {
        atomic_store(&self->lanes[i].letters, limits.letters);
    }
}

void tr_mailbox_let_wait(tr_mailbox_t *self, int64_t wait_ms, size_t letters)
{
    assert(self && wait_ms >= 0 && letters > 0);
    atomic_store(&self->wait_ms, wait_ms);
    atomic_store(&self->lanes[TR_LANE_USER].letters, letters);
    wake_waiting(self); /* there may be more room than there was */
}

void tr_mailbox_hold_place(tr_mailbox_t *self)
{
    assert(self);
    tr_letters_t *lane = &self->lanes[TR_LANE_USER];
    atomic_fetch_add(&lane->n_held, 1);
    atomic_fetch_add(&lane->load, ONE_LETTER);
}

void tr_mailbox_give_place(tr_mailbox_t *self)
{
    assert(self);
    tr_letters_t *lane = &self->lanes[TR_LANE_USER];
    atomic_fetch_sub(&lane->load, ONE_LETTER);
    size_t n_held = atomic_fetch_sub(&lane->n_held, 1);
    assert(n_held > 0);
    (void)n_held;
    wake_waiting(self);
}

void tr_mailbox_close(tr_mailbox_t *self)
{
    assert(self);
    atomic_store(&self->is_closed, true);
    atomic_store(&self->holds_back, false);
    for (int i = 0; i < TR_N_LANES; i++) {
        take_over(&self->lanes[i], atomic_exchange(&self->lanes[i].posted, &tr_closed_lane));
    }
    pthread_mutex_lock(&self->mutex);
    pthread_cond_broadcast(&self->room);
    pthread_mutex_unlock(&self->mutex);
}
