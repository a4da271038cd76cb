/* actors/rest.h - who of all actors of this process has nothing to do, and until when
 *
 * For tests, which hold the clock: they move it on when all are at rest, and wake those whose
 * time has come. An actor says when it sleeps and when it is awake again; that costs it next to
 * nothing while no test looks. Any thread may look.
 */

#ifndef TROUPE_ACTORS_REST_H
#define TROUPE_ACTORS_REST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/pulse.h"
#include "mailbox/mailbox.h"

/* An actor's place among all. */
typedef struct tr_rest {
    struct tr_rest *previous;
    struct tr_rest *next;
    tr_mailbox_t *mailbox;        /* borrowed: the actor's */
    tr_pulse_t *pulse;            /* likewise */
    _Atomic(uint64_t) n_turns;    /* odd: it sleeps */
    _Atomic(int64_t) awake_at_ms; /* when its own thread looks again of itself */
} tr_rest_t;

/* An actor is born; it is awake. */
void tr_rest_enter(tr_rest_t *self, tr_mailbox_t *mailbox, tr_pulse_t *pulse);

/* It is no more. One that has not entered is fine. */
void tr_rest_leave(tr_rest_t *self);

/* It is going to sleep, with nothing to do until awake_at_ms. */
void tr_rest_begin(tr_rest_t *self);

/* It is awake again. */
void tr_rest_end(tr_rest_t *self);

/* ---- tests ---- */

/* Wait, no longer than `patience_ms` of real time, for a moment at which all sleep, nothing is
 * in their mailboxes, and nobody's time has come. Actors that were written off do not count.
 * False: there was none. */
bool tr_rest_await(int64_t patience_ms);

/* When the first of those who sleep looks again of itself; TR_NEVER. */
int64_t tr_rest_until_ms(void);

/* Wake those whose time has come. */
void tr_rest_wake_due(void);

/* Wake all: the clock is another one. */
void tr_rest_wake_all(void);

#endif
