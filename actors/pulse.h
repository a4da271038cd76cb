/* actors/pulse.h - signs of life that can be read while their owner is busy
 *
 * A worker inside a long handler cannot answer a ping. So each actor carries a few atomics,
 * shared with its supervisor and its router, which say what it is doing: they are the
 * documented exception to "nothing shared but messages". The pulse lives until its last holder
 * lets go, so that a hung thread cannot be left with a dangling one.
 */

#ifndef TROUPE_ACTORS_PULSE_H
#define TROUPE_ACTORS_PULSE_H

#include <stdatomic.h>
#include <stdint.h>

#include <troupe/actor.h>
#include <troupe/status.h>

/* What an actor has in its hands. */
typedef enum tr_in_hand {
    TR_NO_MAIL,
    TR_HAS_MESSAGE,
    TR_HAS_NOTICE, /* or a tick of its own */
} tr_in_hand_t;

typedef struct tr_pulse {
    atomic_uint holders;
    _Atomic(int) state;                /* a tr_worker_state_t; see worker_state.h */
    _Atomic(int64_t) progress_ms;      /* the last sign of progress */
    _Atomic(int64_t) running_since_ms; /* start of the handler that runs; 0: none runs */
    _Atomic(int64_t) running_until_ms; /* deadline of its request; TR_NEVER: none */
    _Atomic(uint64_t) running;         /* number of its job; 0: none */
    _Atomic(uint64_t) cancelled;       /* number of the job that was cancelled last */
    _Atomic(int64_t) cancelled_ms;     /* when; valid while cancelled == running */
    _Atomic(uint64_t) n_done;          /* requests finished */
    _Atomic(int) is_abandoned;         /* its supervisor has replaced it: end when you can */
    _Atomic(int) wants_cancels;        /* tell it of each cancelled job: it cannot see flags */
    _Atomic(int64_t) memory_bytes;     /* resident size as last measured; 0: not measured */
    _Atomic(int) pid;                  /* of the process it owns; 0: none */
    _Atomic(int) has_mail;             /* a tr_in_hand_t; whoever takes it settles the mail */
    _Atomic(troupe_question_t *) question; /* that message's, a share of whoever takes it out */
    _Atomic(uint64_t) n_messages;          /* taken */
} tr_pulse_t;

/* In state spawning, with one holder. NULL when out of memory. */
TROUPE_NODISCARD tr_pulse_t *tr_pulse_new(void);
tr_pulse_t *tr_pulse_share(tr_pulse_t *self);

/* Let go and set *self_p to NULL; NULL is fine. */
void tr_pulse_release(tr_pulse_t **self_p);

#endif
