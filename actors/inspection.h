/* actors/inspection.h - what an actor says of itself to an operator who looks into it
 *
 * Asked by the word `inspect`, it answers between two callbacks, also while it is suspended:
 * its counts are of that moment. For one in a process of its own its proxy answers, which asks
 * the process.
 */

#ifndef TROUPE_ACTORS_INSPECTION_H
#define TROUPE_ACTORS_INSPECTION_H

#include "actors/actor.h"
#include "mailbox/letter.h"

/* The longest remark, with the NUL. */
#define TR_INSPECTION_REMARK 256

/* The largest state that is shown, in bytes. */
#define TR_INSPECTION_MOST_STATE ((size_t)1 << 20)

typedef struct tr_inspection {
    tr_letter_t letter;
    uint64_t token;                    /* as it was asked */
    char behaviour[80];                /* its name, or "" */
    troupe_message_t *state;           /* as its behaviour shows it, or NULL */
    char remark[TR_INSPECTION_REMARK]; /* why there is no state, or "" */
    bool is_suspended;
    size_t n_waiting;    /* in its mailbox */
    uint64_t n_messages; /* taken in this life */
    uint64_t rate;       /* taken in the last full second */
    size_t n_aside;      /* it has put aside, to be received again */
    size_t n_monitors;   /* open: whom it monitors */
    size_t n_timers;
    size_t n_asks;  /* to other actors, not answered yet */
    size_t n_calls; /* of capabilities, likewise */
} tr_inspection_t;

extern const tr_letter_type_t tr_inspection_type;

/* With what is known of any actor; all else zero. NULL when out of memory. */
TROUPE_NODISCARD tr_inspection_t *tr_inspection_new(const tr_self_t *self, uint64_t token);

/* Count anew what is known of any actor. */
void tr_inspection_count(tr_inspection_t *self, const tr_self_t *actor);

/* Say why there is no state; a text that is no UTF-8 is mended, one that is too long is cut. */
void tr_inspection_explain(tr_inspection_t *self, const char *format, ...) TROUPE_PRINTF(2, 3);

/* Hand it to `to`; takes it. */
void tr_inspection_send(tr_inspection_t *self, tr_mailbox_t *to, tr_lane_t lane);

/* The inspection in this letter, or NULL; borrowed. */
const tr_inspection_t *tr_inspection_in(const tr_letter_t *letter);

#endif
