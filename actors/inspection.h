/* actors/inspection.h - what an actor says of itself to an operator who looks into it
 *
 * Asked by the word `inspect`, it answers between two callbacks, also while it is suspended:
 * its counts are of that moment.
 */

#ifndef TROUPE_ACTORS_INSPECTION_H
#define TROUPE_ACTORS_INSPECTION_H

#include "actors/actor.h"
#include "mailbox/letter.h"

typedef struct tr_inspection {
    tr_letter_t letter;
    uint64_t token;          /* as it was asked */
    char behaviour[80];      /* its name, or "" */
    troupe_message_t *state; /* as its behaviour shows it, or NULL */
    const char *remark;      /* why there is no state; constant, or "" */
    bool is_suspended;
    size_t n_waiting;    /* in its mailbox */
    uint64_t n_messages; /* taken in this life */
    uint64_t rate;       /* taken in the last full second */
    size_t n_monitors;   /* open: whom it monitors */
    size_t n_timers;
    size_t n_asks;  /* to other actors, not answered yet */
    size_t n_calls; /* of capabilities, likewise */
} tr_inspection_t;

extern const tr_letter_type_t tr_inspection_type;

/* With what is known of any actor; all else zero. NULL when out of memory. */
TROUPE_NODISCARD tr_inspection_t *tr_inspection_new(const tr_self_t *self, uint64_t token);

/* Hand it to `to`; takes it. */
void tr_inspection_send(tr_inspection_t *self, tr_mailbox_t *to);

/* The inspection in this letter, or NULL; borrowed. */
const tr_inspection_t *tr_inspection_in(const tr_letter_t *letter);

#endif
