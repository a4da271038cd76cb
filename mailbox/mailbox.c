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

#include "mailbox/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/processors.h"

#define CACHE_LINE       64
#define GIVE_UP_CHECK_MS 50
#define MOST_LARGE       4
#define MOST_PIECES      128
#define MOST_NEXT        8
#define SPINS_PER_LOOK   16 /* at the clock */

/* A lane with room for fewer letters gives each place back at once, others so many together. */
#define WIDE_LANE     1024
#define PLACES_A_LUMP 32

/* The load of a lane: letters above, bytes below. */
#define BYTE_BITS   40
#define ONE_LETTER  (UINT64_C(1) << BYTE_BITS)
#define BYTES_MASK  (ONE_LETTER - 1)
#define MOST_BYTES  ((size_t)1 << (BYTE_BITS - 1))
#define MOST_PLACES ((size_t)1 << 23)

typedef struct lane {
    /* senders */
    alignas(CACHE_LINE) _Atomic(tr_letter_t *) posted; /* the last one first */
    _Atomic(uint64_t) load;                            /* posted, taken but not handled, held */

    atomic_size_t letters; /* it holds at most; the owner may change it */

    /* the owner */
    alignas(CACHE_LINE) tr_letter_t *first; /* taken out of `posted`, in order */
    tr_letter_t *last;
    uint64_t returned;  /* load that was handled and is still counted */
    tr_letter_t *aside; /* put aside, in order */
    tr_letter_t *last_aside;
    atomic_size_t n_held; /* places without a letter */
} lane_t;

typedef enum owner {
    OWNER_INSIDE,
    OWNER_OUTSIDE, /* runs what may not return */
    OWNER_NONE,
} owner_t;

typedef enum baton {
    BATON_HELD,
    BATON_FREE,
} baton_t;

struct tr_mailbox {
    lane_t lanes[TR_N_LANES];

    /* Owner and senders, when either has nothing better to do. */
    alignas(CACHE_LINE) atomic_bool is_parked;
    _Atomic(uint64_t) n_rings;
    uint64_t n_rings_heard; /* owner */
    _Atomic(int) baton;
    atomic_bool is_baton_wanted; /* by the owner's own thread */
    _Atomic(int) owner;          /* of a lasting one: an owner_t */

    /* Never changes once others know the mailbox, but for is_closed. */
    alignas(CACHE_LINE) tr_mailbox_limits_t limits;
    _Atomic(int64_t) wait_ms;
    tr_carriers_t carriers;
    tr_carry_fn *carry;
    void *carry_arg;
    uint64_t incarnation;
    int bell;
    bool is_lasting;
    atomic_bool is_closed;

    alignas(CACHE_LINE) atomic_uint holders;
    atomic_uint n_waiting; /* senders that wait for room */
    pthread_mutex_t mutex; /* for `room` alone */
    pthread_cond_t room;
    char name[];
};

/* Stands on top of a closed lane. */
static tr_letter_t closed_lane;

/* ---- life ---- */

tr_mailbox_t *tr_mailbox_new(const char *name, uint64_t incarnation, tr_mailbox_limits_t limits)
{
    assert(name && limits.letters > 0 && limits.letters <= MOST_PLACES);
    assert(limits.bytes > 0 && limits.bytes <= MOST_BYTES);
    size_t name_size = strlen(name) + 1;
    size_t size =
        (sizeof(tr_mailbox_t) + name_size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
    tr_mailbox_t *self = aligned_alloc(CACHE_LINE, size);
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
    self->limits = limits;
    for (int i = 0; i < TR_N_LANES; i++) {
        atomic_init(&self->lanes[i].letters, limits.letters);
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

static void destroy_list(tr_letter_t *letter)
{
    while (letter && letter != &closed_lane) {
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

static size_t most_letters(const lane_t *lane)
{
    return atomic_load_explicit(&lane->letters, memory_order_relaxed);
}

static bool has_room(const tr_mailbox_t *self, const lane_t *lane, uint64_t load,
                     const tr_letter_t *letter)
{
    size_t n_letters = load >> BYTE_BITS;
    size_t bytes = load & BYTES_MASK;
    return n_letters == 0 ||
           (n_letters < most_letters(lane) && letter->bytes <= self->limits.bytes &&
            bytes <= self->limits.bytes - letter->bytes);
}

static uint64_t load_of(const tr_letter_t *letter)
{
    return ONE_LETTER + letter->bytes;
}

/* Count the letter in, if there is room. */
static bool reserve(const tr_mailbox_t *self, lane_t *lane, const tr_letter_t *letter)
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
static void return_places(tr_mailbox_t *self, lane_t *lane)
{
    if (lane->returned > 0) {
        atomic_fetch_sub(&lane->load, lane->returned);
        lane->returned = 0;
        wake_waiting(self);
    }
}

static bool is_lump(const lane_t *lane)
{
    return lane->returned >> BYTE_BITS >= PLACES_A_LUMP || !lane->first ||
           most_letters(lane) < WIDE_LANE;
}

/* ---- the bell ---- */

static void ring(tr_mailbox_t *self)
{
    atomic_fetch_add(&self->n_rings, 1);
    uint64_t one = 1;
    while (write(self->bell, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

static void wake_owner(tr_mailbox_t *self)
{
    if (atomic_load(&self->is_parked) && atomic_exchange(&self->is_parked, false)) {
        ring(self);
    }
}

int tr_mailbox_bell(const tr_mailbox_t *self)
{
    assert(self);
    return self->bell;
}

static bool has_posted(const lane_t *lane)
{
    const tr_letter_t *posted = atomic_load(&lane->posted);
    return posted && posted != &closed_lane;
}

bool tr_mailbox_has_posted(const tr_mailbox_t *self)
{
    assert(self);
    return has_posted(&self->lanes[TR_LANE_CONTROL]) ||
           has_posted(&self->lanes[TR_LANE_URGENT]) || has_posted(&self->lanes[TR_LANE_USER]);
}

static bool has_taken(const tr_mailbox_t *self)
{
    return self->lanes[TR_LANE_CONTROL].first || self->lanes[TR_LANE_URGENT].first ||
           self->lanes[TR_LANE_USER].first;
}

static bool has_letters(const tr_mailbox_t *self)
{
    return has_taken(self) || tr_mailbox_has_posted(self);
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
    bool has_some = has_letters(self);
    if (has_some || spin_us <= 0 || tr_processors() == 1) {
        return has_some;
    }
    int64_t until_us = tr_clock_now_us() + spin_us;
    do {
        for (int i = 0; !has_some && i < SPINS_PER_LOOK; i++) {
            relax();
            has_some = tr_mailbox_has_posted(self);
        }
    } while (!has_some && tr_clock_now_us() < until_us);
    return has_some;
}

bool tr_mailbox_park(tr_mailbox_t *self)
{
    assert(self);
    atomic_store(&self->is_parked, true);
    if (has_letters(self)) {
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

/* ---- the baton ---- */

/* What a thread is at. One that carries an owner and posts to another that can be carried turns
 * to that one next, instead of in the middle. */
typedef struct carrier {
    bool is_carrying;
    bool is_host;
    const tr_mailbox_t *now; /* which looks again for letters before it is put down */
    size_t n_pieces;         /* of work that were done since it began to carry */
    size_t n_large;          /* of them */
    size_t n_next;
    tr_mailbox_t *next[MOST_NEXT]; /* shares */
} carrier_t;

static _Thread_local carrier_t carrier __attribute__((tls_model("initial-exec")));

bool tr_mailbox_set_host(bool is_host)
{
    bool was_host = carrier.is_host;
    carrier.is_host = is_host;
    return was_host;
}

void tr_mailbox_let_carry(tr_mailbox_t *self, tr_carriers_t carriers, tr_carry_fn *carry,
                          void *arg)
{
    assert(self && carry && atomic_load(&self->baton) == BATON_HELD);
    if (self->carry != carry) { /* senders of an earlier life's time may look at it */
        self->carriers = carriers;
        self->carry = carry;
    }
    self->carry_arg = arg;
}

static bool try_baton(tr_mailbox_t *self)
{
    int free_baton = BATON_FREE;
    return atomic_load(&self->baton) == BATON_FREE &&
           atomic_compare_exchange_strong(&self->baton, &free_baton, BATON_HELD);
}

void tr_mailbox_put_baton(tr_mailbox_t *self)
{
    assert(self);
    atomic_store(&self->baton, BATON_FREE);
    if (atomic_load(&self->is_baton_wanted)) {
        ring(self);
    }
}

void tr_mailbox_take_baton(tr_mailbox_t *self)
{
    assert(self);
    while (!try_baton(self)) {
        atomic_store(&self->is_baton_wanted, true);
        if (try_baton(self)) {
            break;
        }
        struct pollfd bell = {.fd = self->bell, .events = POLLIN};
        poll(&bell, 1, GIVE_UP_CHECK_MS);
        tr_mailbox_unpark(self);
    }
    atomic_store(&self->is_baton_wanted, false);
}

/* An owner that waits for the baton comes first, or others could pass it on for ever. */
static bool try_to_carry(tr_mailbox_t *self)
{
    return !atomic_load(&self->is_baton_wanted) && try_baton(self);
}

/* False: the owner's own thread is needed. */
static bool carry_once(tr_mailbox_t *self, bool *leaves_some)
{
    bool is_enough = self->carry(self->carry_arg, carrier.n_pieces > 0);
    *leaves_some = has_taken(self);
    carrier.n_pieces++;
    carrier.n_large += *leaves_some;
    tr_mailbox_put_baton(self);
    return is_enough;
}

/* A piece of work that leaves letters behind was as large as one may be. Some of these, or many
 * small ones, are enough for who came to post one letter. */
static bool has_done_enough(void)
{
    return carrier.n_large >= MOST_LARGE || carrier.n_pieces >= MOST_PIECES;
}

static void carry(tr_mailbox_t *self)
{
    bool is_enough = true;
    bool leaves_some = false;
    carrier.now = self;
    while (is_enough && (leaves_some || tr_mailbox_has_posted(self))) {
        if (has_done_enough()) {
            is_enough = false;
        } else if (try_to_carry(self)) {
            is_enough = carry_once(self, &leaves_some);
        } else {
            return; /* whoever has it, or waits for it, looks for letters */
        }
    }
    if (!is_enough) {
        wake_owner(self);
    }
}

static bool is_among_next(const tr_mailbox_t *self)
{
    for (size_t i = 0; i < carrier.n_next; i++) {
        if (carrier.next[i] == self) {
            return true;
        }
    }
    return false;
}

static void carry_next(tr_mailbox_t *self)
{
    if (carrier.n_next < MOST_NEXT) {
        carrier.next[carrier.n_next++] = tr_mailbox_share(self);
    } else {
        wake_owner(self);
    }
}

static tr_mailbox_t *take_next(void)
{
    tr_mailbox_t *next = carrier.next[0];
    carrier.n_next--;
    memmove(carrier.next, carrier.next + 1, carrier.n_next * sizeof *carrier.next);
    return next;
}

void tr_mailbox_leave_next(void)
{
    while (carrier.n_next > 0) {
        tr_mailbox_t *next = take_next();
        wake_owner(next);
        tr_mailbox_release(&next);
    }
}

/* Those who post to one another in turns are left to their own threads when it is enough. */
static void carry_all(tr_mailbox_t *first)
{
    carrier.is_carrying = true;
    carrier.n_pieces = carrier.n_large = 0;
    carry(first);
    while (carrier.n_next > 0) {
        tr_mailbox_t *next = take_next();
        carry(next);
        tr_mailbox_release(&next);
    }
    carrier.is_carrying = false;
}

/* See to it that somebody takes what was posted. */
static void alert(tr_mailbox_t *self)
{
    if (!self->carry || (self->carriers == TR_CARRIED_BY_HOSTS && !carrier.is_host)) {
        wake_owner(self);
    } else if (!carrier.is_carrying) {
        carry_all(self);
    } else if (self != carrier.now && !is_among_next(self)) {
        carry_next(self);
    }
}

/* ---- posting ---- */

static bool push(lane_t *lane, tr_letter_t *letter)
{
    tr_letter_t *top = atomic_load_explicit(&lane->posted, memory_order_relaxed);
    do {
        if (top == &closed_lane) {
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
    lane_t *lane = &self->lanes[which];
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
        alert(self);
    }
    return status;
}

troupe_status_t tr_mailbox_post_answer(tr_mailbox_t *self, tr_lane_t lane,
                                       tr_letter_t **letter_p)
{
    troupe_status_t status = put(self, lane, letter_p, false);
    if (status == TROUPE_OK) {
        alert(self);
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
    if (tr_mailbox_has_posted(self)) {
        alert(self);
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

static void sleep_for_room(tr_mailbox_t *self, const lane_t *lane, const tr_letter_t *letter,
                           int64_t pause_ms)
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
                       pause_ms < GIVE_UP_CHECK_MS ? pause_ms : GIVE_UP_CHECK_MS);
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
static void take_over(lane_t *lane, tr_letter_t *posted)
{
    tr_letter_t *last = posted;
    tr_letter_t *first = NULL;
    while (posted && posted != &closed_lane) {
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

static tr_letter_t *take(tr_mailbox_t *self, lane_t *lane)
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
static tr_letter_t *take_from(tr_mailbox_t *self, lane_t *lane, bool overtakes)
{
    if ((overtakes || !lane->first) && has_posted(lane)) {
        take_over(lane, atomic_exchange(&lane->posted, NULL));
    }
    return lane->first ? take(self, lane) : NULL;
}

tr_letter_t *tr_mailbox_next(tr_mailbox_t *self, tr_lane_t *lane_out)
{
    assert(self);
    tr_lane_t from = TR_LANE_CONTROL;
    tr_letter_t *letter = take_from(self, &self->lanes[TR_LANE_CONTROL], true);
    if (!letter) {
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

/* ---- aside, and back ---- */

void tr_mailbox_put_aside(tr_mailbox_t *self, tr_letter_t **letter_p)
{
    assert(self && letter_p && *letter_p);
    lane_t *lane = &self->lanes[TR_LANE_USER];
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
    lane_t *lane = &self->lanes[TR_LANE_USER];
    if (lane->aside) {
        lane->last_aside->next = lane->first;
        lane->last = lane->first ? lane->last : lane->last_aside;
        lane->first = lane->aside;
        lane->aside = NULL;
    }
}

tr_letter_t *tr_mailbox_next_aside(tr_mailbox_t *self)
{
    assert(self);
    lane_t *lane = &self->lanes[TR_LANE_USER];
    tr_letter_t *letter = lane->aside;
    if (letter) {
        lane->aside = letter->next;
        letter->next = NULL;
        atomic_fetch_sub(&lane->load, load_of(letter));
        wake_waiting(self);
    }
    return letter;
}

bool tr_mailbox_has_room(const tr_mailbox_t *self)
{
    assert(self);
    const lane_t *lane = &self->lanes[TR_LANE_USER];
    return atomic_load(&lane->load) >> BYTE_BITS < most_letters(lane);
}

/* ---- owners that come one after another ---- */

tr_mailbox_t *tr_mailbox_new_lasting(const char *name, tr_mailbox_limits_t limits)
{
    tr_mailbox_t *self = tr_mailbox_new(name, 0, limits);
    if (self) {
        self->is_lasting = true;
        atomic_store(&self->owner, OWNER_NONE);
    }
    return self;
}

bool tr_mailbox_is_lasting(const tr_mailbox_t *self)
{
    assert(self);
    return self->is_lasting;
}

bool tr_mailbox_is_vacant(const tr_mailbox_t *self)
{
    assert(self);
    return self->is_lasting && atomic_load(&self->owner) == OWNER_NONE;
}

void tr_mailbox_move_in(tr_mailbox_t *self)
{
    assert(self && self->is_lasting && atomic_load(&self->owner) == OWNER_NONE);
    atomic_store(&self->owner, OWNER_INSIDE);
    lane_t *control = &self->lanes[TR_LANE_CONTROL];
    tr_letter_t *letter;
    while ((letter = take_from(self, control, true)) != NULL) {
        tr_letter_destroy(&letter);
    }
    tr_mailbox_put_back(self);
}

void tr_mailbox_leave_for_good(tr_mailbox_t *self)
{
    assert(self && self->is_lasting);
    atomic_store(&self->is_parked, false);
    atomic_store(&self->owner, OWNER_NONE);
}

void tr_mailbox_step_out(tr_mailbox_t *self)
{
    assert(self);
    atomic_store_explicit(&self->owner, OWNER_OUTSIDE, memory_order_release);
}

bool tr_mailbox_step_in(tr_mailbox_t *self)
{
    assert(self);
    int outside = OWNER_OUTSIDE;
    return atomic_compare_exchange_strong(&self->owner, &outside, OWNER_INSIDE);
}

bool tr_mailbox_move_out(tr_mailbox_t *self)
{
    assert(self);
    int outside = OWNER_OUTSIDE;
    return !self->carry &&
           (atomic_compare_exchange_strong(&self->owner, &outside, OWNER_NONE) ||
            outside == OWNER_NONE);
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
    lane_t *lane = &self->lanes[TR_LANE_USER];
    atomic_fetch_add(&lane->n_held, 1);
    atomic_fetch_add(&lane->load, ONE_LETTER);
}

void tr_mailbox_give_place(tr_mailbox_t *self)
{
    assert(self);
    lane_t *lane = &self->lanes[TR_LANE_USER];
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
    for (int i = 0; i < TR_N_LANES; i++) {
        take_over(&self->lanes[i], atomic_exchange(&self->lanes[i].posted, &closed_lane));
    }
    pthread_mutex_lock(&self->mutex);
    pthread_cond_broadcast(&self->room);
    pthread_mutex_unlock(&self->mutex);
}
