/* tests/kit/gate.h - where handlers wait until the test lets them go on
 *
 * A test that must catch a handler in the middle gives it a gate. The handler says that it has
 * come, and waits; the test waits for so many to have come, does what it is about, and opens.
 * Any number of threads, and no clock but the bound.
 */

#ifndef TROUPE_TESTS_KIT_GATE_H
#define TROUPE_TESTS_KIT_GATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <troupe/behaviour.h>

typedef struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    size_t n_come;   /* since the last reset */
    size_t n_let;    /* how many may pass; come and gone */
    size_t n_passed; /* of these have passed */
    bool is_open;    /* all may */
} gate_t;

#define GATE_INITIALIZER                                                                       \
    {                                                                                          \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER                  \
    }

/* Closed, and nobody has come. */
void gate_reset(gate_t *self);

/* ---- handlers ---- */

/* Say that somebody has come; the how manieth it is, from 1. */
size_t gate_come(gate_t *self);

/* Wait until it may pass, or until nobody wants its request any more; false then. The request
 * may be NULL. */
bool gate_wait(gate_t *self, const troupe_request_t *request);

/* Both. */
bool gate_pass(gate_t *self, const troupe_request_t *request);

/* Only say that something has come, for which nobody waits. */
void gate_note(gate_t *self);

/* ---- the test ---- */

/* Wait until at least so many have come; false when they have not in a minute. */
bool gate_await(gate_t *self, size_t n_come);

size_t gate_n_come(gate_t *self);

/* Let one more pass. */
void gate_let_one(gate_t *self);

/* Let all pass that have come and will come. */
void gate_open(gate_t *self);

#endif
