/* bench/savina/savina.h - actors of the Savina suite, and what is the same for all its
 * workloads
 *
 * S. Imam, V. Sarkar: Savina, an actor benchmark suite (AGERE! 2014). A workload is a number of
 * *cells*, actors of one behaviour that know each other by index, and a *driver*, which has
 * them begin when all are up. What it repeats is a *round*: a round trip, a hop, a meeting. The
 * time is taken from when the driver begins until the workload says that all rounds are done.
 *
 * Numbers of actors and of rounds are the suite's, unless the command line says otherwise.
 */

#ifndef TROUPE_BENCH_SAVINA_SAVINA_H
#define TROUPE_BENCH_SAVINA_SAVINA_H

#include <stddef.h>

#include <troupe.h>

#include "bench/measure.h"

typedef enum savina_kind {
    SAVINA_BEGIN, /* from the driver */
    SAVINA_PING,
    SAVINA_PONG,
    SAVINA_INCREMENT,
    SAVINA_TELL, /* what you have counted */
    SAVINA_TOKEN,
    SAVINA_MEET,
    SAVINA_CHANGE,
    SAVINA_EXIT,
    SAVINA_CREDIT,
    SAVINA_DEBIT,
} savina_kind_t;

/* The one frame of a message: small enough to be kept in the frame itself. */
typedef struct savina_note {
    savina_kind_t kind;
    int index; /* a colour, or whom it is about */
    long number;
} savina_note_t;

/* A cell takes a message; `own` is its state, zeroed at first. */
typedef void(savina_receive_fn)(troupe_worker_t *self, long index, void *own,
                                const savina_note_t *note, const troupe_message_t *message);

typedef struct savina_workload {
    const char *name;
    long actors; /* cells, of the suite */
    long rounds; /* in all, of the suite */
    size_t own_size;
    savina_receive_fn *receive;
    /* In the driver: send what the cells begin with. NULL: SAVINA_BEGIN to each. */
    void (*begin)(troupe_worker_t *driver);
    bool is_of_creation; /* the time begins before the cells are there */
} savina_workload_t;

extern const savina_workload_t savina_ping_pong, savina_counting, savina_fork_join,
    savina_creation, savina_ring, savina_chameneos, savina_big, savina_bank;

/* Of this run. */
long savina_actors(void);
long savina_rounds(void);

/* The reference of a cell, borrowed; there once the driver has begun. */
troupe_ref_t *savina_cell(long index);

/* A message that holds `note`. */
troupe_message_t *savina_message(savina_note_t note);

/* Send one, which must arrive. */
void savina_send(troupe_worker_t *self, troupe_ref_t *to, savina_note_t note);

/* So many more rounds are done; the last ones end the run. Any thread. */
void savina_done(long n_rounds);

/* A few instructions that the compiler cannot leave out: the suite's work for one message. */
void savina_compute(void);

#endif
