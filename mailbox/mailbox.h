/* mailbox/mailbox.h - three bounded lanes and a bell
 *
 * A mailbox has one owner, the thread that takes letters out, and any number of senders, each
 * of whom holds a share. Letters are handed over by pointer. The control lane overtakes the
 * others at every letter, and the urgent lane the user lane. A sender rings the bell (an
 * eventfd) only when the owner is parked, so a busy owner costs its senders no system call.
 *
 * An owner whose work is brief can let itself be carried: then whoever posts does that work at
 * once, on its own thread, and nobody has to be woken for it. A baton sees to it that one
 * thread at a time does; it belongs to the mailbox since senders outlive owners.
 *
 * It is the one structure that actors share, and nothing in it is guarded by a lock but the
 * sleep of those who wait for room. It lives until its last holder lets go, so that a sender
 * can outlive the owner; to a closed mailbox nothing can be posted.
 */

#ifndef TROUPE_MAILBOX_MAILBOX_H
#define TROUPE_MAILBOX_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include <troupe/status.h>

#include "mailbox/crew.h"
#include "mailbox/letter.h"

typedef struct tr_mailbox tr_mailbox_t;

typedef enum tr_lane {
    TR_LANE_CONTROL, /* ping, stop, cancel, notices, answers */
    TR_LANE_URGENT,  /* messages that overtake others */
    TR_LANE_USER,    /* requests and messages */
    TR_N_LANES
} tr_lane_t;

/* What each lane holds at most; a letter larger than `bytes` still fits an empty lane. */
typedef struct tr_mailbox_limits {
    size_t letters;
    size_t bytes;
} tr_mailbox_limits_t;

/* An open mailbox whose first share is the caller's. `name` and `incarnation` say whose it is
 * (exactly one life of that name). NULL when out of memory or descriptors. */
TROUPE_NODISCARD tr_mailbox_t *tr_mailbox_new(const char *name, uint64_t incarnation,
                                              tr_mailbox_limits_t limits);

/* One more share. Any holder. Returns `self`. */
tr_mailbox_t *tr_mailbox_share(tr_mailbox_t *self);

/* Let go of a share and set *self_p to NULL; NULL is fine. The last one destroys the mailbox,
 * which must be closed or empty by then. */
void tr_mailbox_release(tr_mailbox_t **self_p);

const char *tr_mailbox_name(const tr_mailbox_t *self);
uint64_t tr_mailbox_incarnation(const tr_mailbox_t *self);

/* ---- senders: any thread that holds a share ---- */

/* Hand a letter over.
 *
 *   TROUPE_OK      taken, *letter_p is NULL
 *   TROUPE_FULL    the lane is full; the letter is still the caller's
 *   TROUPE_CLOSED  the owner is gone; likewise
 */
TROUPE_NODISCARD troupe_status_t tr_mailbox_post(tr_mailbox_t *self, tr_lane_t lane,
                                                 tr_letter_t **letter_p);

/* The same, and let nobody know yet: who leaves letters one after another says so once, by
 * tr_mailbox_alert, and soon. */
TROUPE_NODISCARD troupe_status_t tr_mailbox_leave(tr_mailbox_t *self, tr_lane_t lane,
                                                  tr_letter_t **letter_p);
void tr_mailbox_alert(tr_mailbox_t *self);

/* The same without the bound, for answers, whose number is bounded by what was asked. */
TROUPE_NODISCARD troupe_status_t tr_mailbox_post_answer(tr_mailbox_t *self, tr_lane_t lane,
                                                        tr_letter_t **letter_p);

/* The same as tr_mailbox_post, but wait for room until `deadline_ms` (a time) or until
 * `give_up (arg)` says true, which is asked at least every 50 ms. Both end in TROUPE_TIMEOUT.
 */
TROUPE_NODISCARD troupe_status_t tr_mailbox_post_wait(tr_mailbox_t *self, tr_lane_t lane,
                                                      tr_letter_t **letter_p,
                                                      int64_t deadline_ms,
                                                      bool (*give_up)(void *arg), void *arg);

/* How long a sender that can wait may wait for room; 0: not at all. */
int64_t tr_mailbox_wait_ms(const tr_mailbox_t *self);

/* Whether its owner has closed it, now or before. */
bool tr_mailbox_is_closed(const tr_mailbox_t *self);

/* Letters posted and not yet taken. */
size_t tr_mailbox_depth(const tr_mailbox_t *self);

/* ---- the owner ---- */

/* Let each lane hold no more than that from now on; what is in it already stays. */
void tr_mailbox_bound(tr_mailbox_t *self, tr_mailbox_limits_t limits);

/* Let the user lane hold no more than so many letters, and senders who can wait so long for
 * room in it, instead of being refused. What is in it already stays. */
void tr_mailbox_let_wait(tr_mailbox_t *self, int64_t wait_ms, size_t letters);

/* Take the next letter, control before urgent before user; NULL when there is none. *lane_out
 * may be NULL. */
tr_letter_t *tr_mailbox_next(tr_mailbox_t *self, tr_lane_t *lane_out);

/* The same of the control lane only. */
tr_letter_t *tr_mailbox_next_control(tr_mailbox_t *self);

/* Put a letter of the user lane, which was just taken, aside: it still takes its place there.
 * *letter_p becomes NULL. */
void tr_mailbox_put_aside(tr_mailbox_t *self, tr_letter_t **letter_p);

/* What was put aside comes next, in its order, before what else is in the user lane. */
void tr_mailbox_put_back(tr_mailbox_t *self);

/* The same of the one alone that was put aside first; the others stay there. */
void tr_mailbox_put_back_first(tr_mailbox_t *self);

/* Take the first that was put aside, or NULL: it is handled now, or put aside again. */
tr_letter_t *tr_mailbox_next_aside(tr_mailbox_t *self);

/* The same one, left where it is. */
tr_letter_t *tr_mailbox_look_aside(const tr_mailbox_t *self);

/* How many are aside. It walks them. */
size_t tr_mailbox_count_aside(const tr_mailbox_t *self);

/* Whether there is a letter to take, besides what is aside. */
bool tr_mailbox_has_letters(const tr_mailbox_t *self);

/* Whether one more letter of no size fits the user lane. */
bool tr_mailbox_has_room(const tr_mailbox_t *self);

/* What a letter of the user lane has brought still takes its place, though the letter is gone:
 * it counts against the bound of letters until it is given back. */
void tr_mailbox_hold_place(tr_mailbox_t *self);
void tr_mailbox_give_place(tr_mailbox_t *self);

/* Look for letters for `spin_us` at most, without sleeping; not at all where there is but one
 * processor. Whether there are any. */
bool tr_mailbox_spin(const tr_mailbox_t *self, int64_t spin_us);

/* Say that the owner is going to wait on the bell. False: letters are there, do not wait. */
TROUPE_NODISCARD bool tr_mailbox_park(tr_mailbox_t *self);

/* Whether anything was posted since the owner took letters last. Anybody. */
bool tr_mailbox_has_posted(const tr_mailbox_t *self);

/* The bell: polls readable after a post to a parked mailbox. */
int tr_mailbox_bell(const tr_mailbox_t *self);

/* Ring the bell: the owner's own thread looks again, though nothing was posted. Anybody. */
void tr_mailbox_ring(tr_mailbox_t *self);

/* Silence the bell after waiting. */
void tr_mailbox_unpark(tr_mailbox_t *self);

/* Mind only the control lane from now on, or all again: what comes in the others waits, in its
 * order, and wakes nobody. Moving in and closing end it. */
void tr_mailbox_hold_back(tr_mailbox_t *self, bool holds_back);

/* Refuse further letters. What is inside can still be taken. */
void tr_mailbox_close(tr_mailbox_t *self);

/* ---- a mailbox that outlives its owner ----
 *
 * What waits in the mailbox of an actor that is restarted waits for its next life. Owners come
 * one after another: each moves in, and leaves; between them senders post as ever. An owner
 * that runs what may not return steps out for that long, so that it can be replaced meanwhile:
 * it has nothing of the mailbox in its hands then. When it steps in again it learns whether the
 * mailbox is still its own. */

/* One that has no owner yet. Owners are told apart by numbers that are not 0, and that no two
 * of them have. */
TROUPE_NODISCARD tr_mailbox_t *tr_mailbox_new_lasting(const char *name,
                                                      tr_mailbox_limits_t limits);

bool tr_mailbox_is_lasting(const tr_mailbox_t *self);

/* Whether it is one, and has no owner now. Any thread. */
bool tr_mailbox_is_vacant(const tr_mailbox_t *self);

/* Become the owner of a mailbox that has none. What is left in the control lane was meant for
 * another life, and is destroyed; what was put aside is put back. */
void tr_mailbox_move_in(tr_mailbox_t *self, uint64_t owner);

/* The owner leaves; what is inside stays. */
void tr_mailbox_leave_for_good(tr_mailbox_t *self);

void tr_mailbox_step_out(tr_mailbox_t *self, uint64_t owner);

/* False: somebody has moved the owner out; it must not use the mailbox any more, but as a
 * sender. */
TROUPE_NODISCARD bool tr_mailbox_step_in(tr_mailbox_t *self, uint64_t owner);

/* Move an owner that has stepped out, or left, out for good. False: it is inside, and nothing
 * was done. The baton of one that is carried is its next owner's from then on. Any thread. */
TROUPE_NODISCARD bool tr_mailbox_move_out(tr_mailbox_t *self, uint64_t owner);

/* Become the last owner of one that has none, to close and empty it. False: it has one, or
 * somebody does so. Any thread. */
TROUPE_NODISCARD bool tr_mailbox_seize(tr_mailbox_t *self);

/* Whether that owner has it, inside or outside. Any thread. */
bool tr_mailbox_is_owned_by(const tr_mailbox_t *self, uint64_t owner);

/* ---- an owner that is carried ----
 *
 * Whoever has the baton is the owner, and may use all of the above. The owner's own thread has
 * it from the begin, gives it away before it waits on the bell, and takes it back after. A
 * sender that finds it free takes it, calls `carry`, and puts it down; one that finds it taken
 * goes on, for whoever has it looks for letters after putting it down. */

/* Do a bounded piece of the owner's work; `is_next` when this thread has just done another's.
 * False: the owner's own thread is needed, at once. */
typedef bool(tr_carry_fn)(void *arg, bool is_next);

typedef enum tr_carriers {
    TR_CARRIED_BY_ALL,   /* its work is brief: a router */
    TR_CARRIED_BY_HOSTS, /* its work is somebody else's code: threads that said they are hosts
                          */
    TR_CARRIED_BY_CREW,  /* likewise: the threads of a crew, which whoever posts calls */
} tr_carriers_t;

/* Let senders carry the owner by `carry (arg)`, which must stay possible until the owner takes
 * the baton for the last time. Before any of them knows the mailbox; the caller has the baton.
 */
void tr_mailbox_let_carry(tr_mailbox_t *self, tr_carriers_t carriers, tr_carry_fn *carry,
                          void *arg);

/* The same with those of a crew (shared) for carriers, of a lasting mailbox. Words wake the
 * owner's own thread all the same, so that it hears them whatever the crew is at. */
void tr_mailbox_let_crew_carry(tr_mailbox_t *self, tr_crew_t *crew, tr_carry_fn *carry,
                               void *arg);

/* In a thread of the crew, when it is the mailbox's turn. False: an owner was moved out while
 * this thread carried it, so that it was given up. */
TROUPE_NODISCARD bool tr_mailbox_be_carried(tr_mailbox_t *self);

/* An owner was moved out: if a thread of the crew was at its work, that is given up too. */
void tr_mailbox_give_up_carrier(tr_mailbox_t *self);

/* The end of that, before its next owner moves in, which waits on the bell alone. */
void tr_mailbox_let_nobody_carry(tr_mailbox_t *self);

/* Whether its owner is carried. */
bool tr_mailbox_is_carried(const tr_mailbox_t *self);

/* Say whether this thread is a host from now on; returns whether it was. */
bool tr_mailbox_set_host(bool is_host);

/* Leave what this thread would turn to next, once it has carried whom it carries, to their own
 * threads: for it is going to wait, perhaps for one of them, or to run what may not return. */
void tr_mailbox_leave_next(void);

/* Take the baton, waiting until whoever has it puts it down; nobody else gets it before. Then
 * look for letters. */
void tr_mailbox_take_baton(tr_mailbox_t *self);

/* The same of the owner's own thread, of a lasting mailbox. False: the owner was moved out
 * while somebody else had the baton, and may still be carried by it. */
TROUPE_NODISCARD bool tr_mailbox_take_baton_as(tr_mailbox_t *self, uint64_t owner);

/* Put it down: after parking, before waiting. */
void tr_mailbox_put_baton(tr_mailbox_t *self);

#endif
