/* supervisors/victim.h - who gives way when there is not enough room
 *
 * What the workers of a node hold is known, and what their routers say of them. From that it is
 * decided here who goes: those that have nothing to do and can be spared, least recently used
 * first, until there is enough; and nobody at all if there would not be.
 *
 * Pure: it is told the time and what was seen, and answers.
 */

#ifndef TROUPE_SUPERVISORS_VICTIM_H
#define TROUPE_SUPERVISORS_VICTIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/grant.h"

/* What is known of a worker that holds something. */
typedef struct tr_occupant {
    size_t house; /* the pool it is of, a number below n_houses */
    int64_t up_since_ms;
    int64_t last_used_ms;
    int64_t residency_ms; /* it may stay for so long at least */
    int64_t evict_cost;   /* at least 1: goes as one that was idle for so many times less */
    tr_amounts_t held;
    bool is_busy;
    bool is_leaving; /* it goes already */
    bool is_chosen;  /* the answer */
    void *what;      /* the caller's */
} tr_occupant_t;

/* And of its pool. */
typedef struct tr_house {
    size_t n_spare; /* so many of its workers that are not leaving are beyond its least */
    bool is_pinned; /* none of them gives way */
} tr_house_t;

#define TR_NO_HOUSE SIZE_MAX

typedef struct tr_census {
    tr_occupant_t *occupants;
    size_t n;
    tr_house_t *houses;
    size_t n_houses;
} tr_census_t;

typedef enum tr_mercy {
    TR_SPARE_BUSY, /* only those that have nothing to do, and were up for their residency */
    TR_SPARE_NEW,  /* those that are busy too, behind all that are not: they finish first */
    TR_SPARE_NONE_IDLE, /* all that have nothing to do, however new, whether it is enough or not
                         */
} tr_mercy_t;

/* Once, before anything else is asked: puts the occupants into an order. */
void tr_census_sort(tr_census_t *self);

/* Choose who goes so that `shortage` comes free, sparing those of the house `own`. True when it
 * will; otherwise nobody is chosen (but by TR_SPARE_NONE_IDLE). *again_at_ms is when it is
 * worth while to ask again if nothing else happens: the end of a residency, or TR_NEVER.
 */
bool tr_census_choose(tr_census_t *self, const tr_amounts_t *shortage, size_t own,
                      tr_mercy_t mercy, int64_t now_ms, int64_t *again_at_ms);

/* Choose who goes first because memory is short, or NULL: of those that have had nothing to do
 * for `idle_ms`, may go, and hold memory. Marked as leaving. */
tr_occupant_t *tr_census_choose_one(tr_census_t *self, int64_t idle_ms, int64_t now_ms);

/* What will not give way to an ask of the house `own`, however long that waits: pinned workers,
 * as many of each pool as it needs at least, and its own. */
tr_amounts_t tr_census_fixed(const tr_census_t *self, size_t own);

/* As far as can be counted. */
void tr_amounts_add(tr_amounts_t *self, const tr_amounts_t *more);

/* Down to nothing. */
void tr_amounts_take(tr_amounts_t *self, const tr_amounts_t *less);

#endif
