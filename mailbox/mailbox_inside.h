/* mailbox/mailbox_inside.h - the inside of a mailbox, for the files that make it up
 *
 * mailbox.c posts and takes; carrying.c has those who post do the owner's work; lasting.c lets
 * owners come one after another. What all of them need at every letter is here, so that it
 * costs no call.
 */

#ifndef TROUPE_MAILBOX_MAILBOX_INSIDE_H
#define TROUPE_MAILBOX_MAILBOX_INSIDE_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "mailbox/mailbox.h"

#define TR_CACHE_LINE       64
#define TR_GIVE_UP_CHECK_MS 50

typedef struct tr_letters {
    /* senders */
    alignas(TR_CACHE_LINE) _Atomic(tr_letter_t *) posted; /* the last one first */
    _Atomic(uint64_t) load; /* posted, taken but not handled, held */

    atomic_size_t letters; /* it holds at most; the owner may change it */

    /* the owner */
    alignas(TR_CACHE_LINE) tr_letter_t *first; /* taken out of `posted`, in order */
    tr_letter_t *last;
    uint64_t returned;  /* load that was handled and is still counted */
    tr_letter_t *aside; /* put aside, in order */
    tr_letter_t *last_aside;
    atomic_size_t n_held; /* places without a letter */
} tr_letters_t;

typedef enum tr_baton {
    TR_BATON_HELD,
    TR_BATON_FREE,
} tr_baton_t;

struct tr_mailbox {
    tr_letters_t lanes[TR_N_LANES];

    /* Owner and senders, when either has nothing better to do. */
    alignas(TR_CACHE_LINE) atomic_bool is_parked;
    _Atomic(uint64_t) n_rings;
    _Atomic(uint64_t) n_rings_heard; /* owner; one that was moved out may still be at it */
    _Atomic(int) baton;
    atomic_bool is_baton_wanted; /* by the owner's own thread */
    atomic_bool is_called;       /* it waits in the line of the crew */
    atomic_bool is_at_crew;      /* one of its threads has the baton */
    atomic_bool holds_back;      /* what is not in the control lane */

    /* The owner of a lasting one, at every callback; see lasting.c. */
    alignas(TR_CACHE_LINE) _Atomic(uint64_t) owner;

    /* Changes seldom, or never, once others know the mailbox. */
    alignas(TR_CACHE_LINE) atomic_size_t bytes; /* that a lane holds at most */
    _Atomic(int64_t) wait_ms;
    tr_carriers_t carriers;
    _Atomic(tr_carry_fn *) carry; /* NULL: it is not carried */
    void *carry_arg;
    tr_crew_t *crew; /* a share, or NULL */
    uint64_t incarnation;
    int bell;
    bool is_lasting;
    atomic_bool is_closed;

    alignas(TR_CACHE_LINE) atomic_uint holders;
    atomic_uint n_waiting; /* senders that wait for room */
    pthread_mutex_t mutex; /* for `room` alone */
    pthread_cond_t room;
    char name[];
};

/* Stands on top of a closed lane. */
extern tr_letter_t tr_closed_lane;

/* Let those who carry take what was posted to that lane, or wake whom it takes. */
void tr_mailbox_carry(tr_mailbox_t *self, tr_lane_t lane);

static inline bool tr_letters_has_posted(const tr_letters_t *lane)
{
    const tr_letter_t *posted = atomic_load(&lane->posted);
    return posted && posted != &tr_closed_lane;
}

/* Of what the owner minds. */
static inline bool tr_mailbox_has_any_posted(const tr_mailbox_t *self)
{
    return tr_letters_has_posted(&self->lanes[TR_LANE_CONTROL]) ||
           (!atomic_load(&self->holds_back) &&
            (tr_letters_has_posted(&self->lanes[TR_LANE_URGENT]) ||
             tr_letters_has_posted(&self->lanes[TR_LANE_USER])));
}

static inline bool tr_mailbox_has_taken(const tr_mailbox_t *self)
{
    return self->lanes[TR_LANE_CONTROL].first ||
           (!atomic_load(&self->holds_back) &&
            (self->lanes[TR_LANE_URGENT].first || self->lanes[TR_LANE_USER].first));
}

static inline bool tr_mailbox_minds_what_was_posted(const tr_mailbox_t *self)
{
    return !atomic_load(&self->holds_back) ||
           tr_letters_has_posted(&self->lanes[TR_LANE_CONTROL]);
}

/* One that holds back what was posted sleeps on. */
static inline void tr_mailbox_wake_owner(tr_mailbox_t *self)
{
    if (atomic_load(&self->is_parked) && tr_mailbox_minds_what_was_posted(self) &&
        atomic_exchange(&self->is_parked, false)) {
        tr_mailbox_ring(self);
    }
}

#endif
