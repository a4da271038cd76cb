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

void tr_mailbox_take_baton(tr_mailbox_t *self)
{
    assert(self);
    while (!try_baton(self)) {
        atomic_store(&self->is_baton_wanted, true);
        if (try_baton(self)) {
            break;
        }
        struct pollfd bell = {.fd = self->bell, .events = POLLIN};
        poll(&bell, 1, TR_GIVE_UP_CHECK_MS);
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
    tr_carry_fn *carry = atomic_load(&self->carry);
    bool is_enough = carry(self->carry_arg, carrier.n_pieces > 0);
    *leaves_some = is_enough && tr_mailbox_has_taken(self); /* else it may be another's now */
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
    while (is_enough && (leaves_some || tr_mailbox_has_any_posted(self))) {
        if (has_done_enough()) {
            is_enough = false;
        } else if (try_to_carry(self)) {
            is_enough = carry_once(self, &leaves_some);
        } else {
            return; /* whoever has it, or waits for it, looks for letters */
        }
    }
    if (!is_enough) {
        tr_mailbox_wake_owner(self);
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

void tr_mailbox_carry(tr_mailbox_t *self)
{
    if (self->carriers == TR_CARRIED_BY_HOSTS && !carrier.is_host) {
        tr_mailbox_wake_owner(self);
    } else if (!carrier.is_carrying) {
        carry_all(self);
    } else if (self != carrier.now && !is_among_next(self)) {
        carry_next(self);
    }
}
