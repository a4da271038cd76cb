/* An owner that is carried: whoever posts does its work, as long as it has the baton.
 *
 * A thread that carries one owner and posts to another turns to that one next, instead of in
 * the middle; and to none for ever, since it came to post one letter.
 */

#include "mailbox/mailbox_inside.h"

#include <poll.h>
#include <string.h>

#define MOST_LARGE  4
#define MOST_PIECES 128
#define MOST_NEXT   8

/* What a thread is at. */
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
    assert(self && carry && atomic_load(&self->baton) == TR_BATON_HELD);
    if (self->carriers != carriers) { /* senders of an earlier owner's time may look at it */
        self->carriers = carriers;
    }
    self->carry_arg = arg;
    atomic_store(&self->carry, carry);
}

void tr_mailbox_let_crew_carry(tr_mailbox_t *self, tr_crew_t *crew, tr_carry_fn *carry,
                               void *arg)
{
    assert(self && self->is_lasting && crew && (!self->crew || self->crew == crew));
    if (!self->crew) {
        self->crew = tr_crew_share(crew);
    }
    tr_mailbox_let_carry(self, TR_CARRIED_BY_CREW, carry, arg);
}

void tr_mailbox_give_up_carrier(tr_mailbox_t *self)
{
    assert(self);
    if (atomic_exchange(&self->is_at_crew, false)) {
        tr_crew_replace(self->crew);
    }
}

void tr_mailbox_let_nobody_carry(tr_mailbox_t *self)
{
    assert(self && atomic_load(&self->baton) == TR_BATON_HELD);
    atomic_store(&self->carry, NULL);
}

bool tr_mailbox_is_carried(const tr_mailbox_t *self)
{
    assert(self);
    return atomic_load(&self->carry) != NULL;
}

static bool try_baton(tr_mailbox_t *self)
{
    int free_baton = TR_BATON_FREE;
    return atomic_load(&self->baton) == TR_BATON_FREE &&
           atomic_compare_exchange_strong(&self->baton, &free_baton, TR_BATON_HELD);
}

void tr_mailbox_put_baton(tr_mailbox_t *self)
{
    assert(self);
    atomic_store(&self->baton, TR_BATON_FREE);
    if (atomic_load(&self->is_baton_wanted)) {
        tr_mailbox_ring(self);
    }
}

/* Rings are read only by who will look for letters. */
static bool wait_for_baton(tr_mailbox_t *self)
{
    atomic_store(&self->is_baton_wanted, true);
    if (try_baton(self)) {
        return true;
    }
    struct pollfd bell = {.fd = self->bell, .events = POLLIN};
    poll(&bell, 1, TR_GIVE_UP_CHECK_MS);
    return false;
}

void tr_mailbox_take_baton(tr_mailbox_t *self)
{
    assert(self);
    while (!try_baton(self) && !wait_for_baton(self)) {
        tr_mailbox_unpark(self);
    }
    atomic_store(&self->is_baton_wanted, false);
}

/* What this thread did meanwhile may have kept others from carrying the next owner, whose own
 * thread looks itself then. */
static void leave_to_next_owner(tr_mailbox_t *self)
{
    atomic_store(&self->is_baton_wanted, false);
    tr_mailbox_ring(self);
}

bool tr_mailbox_take_baton_as(tr_mailbox_t *self, uint64_t owner)
{
    assert(self && self->is_lasting);
    bool has_baton = false;
    while (!has_baton && tr_mailbox_is_owned_by(self, owner)) {
        has_baton = try_baton(self) || wait_for_baton(self);
        if (!has_baton && tr_mailbox_is_owned_by(self, owner)) {
            tr_mailbox_unpark(self);
        }
    }
    if (!tr_mailbox_is_owned_by(self, owner)) {
        if (has_baton) {
            atomic_store(&self->baton, TR_BATON_FREE);
        }
        leave_to_next_owner(self);
        return false;
    }
    atomic_store(&self->is_baton_wanted, false);
    return true;
}

/* An owner that waits for the baton comes first, or others could pass it on for ever. */
static bool try_to_carry(tr_mailbox_t *self)
{
    return !atomic_load(&self->is_baton_wanted) && try_baton(self);
}

typedef enum carried {
    CARRIED,
    CARRIED_TO_OWNER, /* its own thread is needed */
    CARRIED_AWAY,     /* the owner was moved out: the mailbox is another's */
} carried_t;

static carried_t carry_once(tr_mailbox_t *self, bool *leaves_some)
{
    uint64_t owner = atomic_load_explicit(&self->owner, memory_order_relaxed);
    tr_carry_fn *carry = atomic_load(&self->carry);
    bool is_crew = self->carriers == TR_CARRIED_BY_CREW;
    if (is_crew) {
        atomic_store_explicit(&self->is_at_crew, true, memory_order_relaxed);
    }
    bool is_enough = carry(self->carry_arg, carrier.n_pieces > 0);
    if (atomic_load(&self->owner) != owner) {
        return CARRIED_AWAY;
    }
    *leaves_some = tr_mailbox_has_taken(self);
    carrier.n_pieces++;
    carrier.n_large += *leaves_some;
    if (is_crew) {
        atomic_store_explicit(&self->is_at_crew, false, memory_order_relaxed);
    }
    tr_mailbox_put_baton(self);
    return is_enough ? CARRIED : CARRIED_TO_OWNER;
}

/* A piece of work that leaves letters behind was as large as one may be. Some of these, or many
 * small ones, are enough for who came to post one letter. */
static bool has_done_enough(void)
{
    return carrier.n_large >= MOST_LARGE || carrier.n_pieces >= MOST_PIECES;
}

/* Whoever has the baton, or waits for it, looks for letters: nobody is called for that. Nor for
 * what is held back. */
static void call_crew(tr_mailbox_t *self)
{
    if (atomic_load(&self->holds_back) || atomic_load(&self->baton) == TR_BATON_HELD ||
        atomic_load(&self->is_called) || atomic_exchange(&self->is_called, true)) {
        return;
    }
    if (!tr_crew_call(self->crew, self)) {
        atomic_store(&self->is_called, false);
        tr_mailbox_wake_owner(self);
    }
}

static void leave_to_others(tr_mailbox_t *self)
{
    if (self->carriers == TR_CARRIED_BY_CREW) {
        call_crew(self);
    } else {
        tr_mailbox_wake_owner(self);
    }
}

/* What was taken out and left can be seen only with the baton: `leaves_some` says that there
 * may be some. False: the owner was moved out. */
static bool carry(tr_mailbox_t *self, bool leaves_some)
{
    carried_t how = CARRIED;
    carrier.now = self;
    while (how == CARRIED && (leaves_some || tr_mailbox_has_any_posted(self))) {
        if (has_done_enough()) {
            leave_to_others(self);
            return true;
        }
        if (!try_to_carry(self)) {
            return true; /* whoever has it, or waits for it, looks for letters */
        }
        how = carry_once(self, &leaves_some);
    }
    if (how == CARRIED_TO_OWNER) {
        tr_mailbox_wake_owner(self);
    }
    return how != CARRIED_AWAY;
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
        tr_mailbox_wake_owner(self);
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
        tr_mailbox_wake_owner(next);
        tr_mailbox_release(&next);
    }
}

/* Those who post to one another in turns are left to their own threads when it is enough.
 * False: the first one was moved out. */
static bool carry_all(tr_mailbox_t *first, bool leaves_some)
{
    carrier.is_carrying = true;
    carrier.n_pieces = carrier.n_large = 0;
    bool is_kept = carry(first, leaves_some);
    while (carrier.n_next > 0) {
        tr_mailbox_t *next = take_next();
        carry(next, false);
        tr_mailbox_release(&next);
    }
    carrier.is_carrying = false;
    return is_kept;
}

void tr_mailbox_carry(tr_mailbox_t *self, tr_lane_t lane)
{
    if (self->carriers == TR_CARRIED_BY_CREW) {
        if (lane == TR_LANE_CONTROL) {
            tr_mailbox_wake_owner(self);
        } else {
            call_crew(self);
        }
    } else if (self->carriers == TR_CARRIED_BY_HOSTS && !carrier.is_host) {
        tr_mailbox_wake_owner(self);
    } else if (!carrier.is_carrying) {
        carry_all(self, false);
    } else if (self != carrier.now && !is_among_next(self)) {
        carry_next(self);
    }
}

bool tr_mailbox_be_carried(tr_mailbox_t *self)
{
    assert(self && self->carriers == TR_CARRIED_BY_CREW);
    atomic_store(&self->is_called, false); /* from here on who posts calls again */
    return carry_all(self, true);          /* it may be called for what it left the last time */
}
