/* supervisors/governor_inside.h - the inside of the governor, for the files that make it up
 *
 * governor.c is the loop: asks come in, are granted, wait or are refused; papers come home.
 * What does not fit is looked after in governor_round.c, which asks the routers who is there
 * and then who shall go. What the numbers are is shown by governor_view.c.
 */

#ifndef TROUPE_SUPERVISORS_GOVERNOR_INSIDE_H
#define TROUPE_SUPERVISORS_GOVERNOR_INSIDE_H

#include "actors/report.h"
#include "base/keepsake.h"
#include "base/metrics.h"
#include "supervisors/governor.h"
#include "supervisors/holdings.h"
#include "supervisors/victim.h"

/* One that waits in line. */
typedef struct tr_ask {
    tr_grant_t *grant;
    int64_t since_ms;
    bool is_promised;   /* others were asked to go for it: what comes free is kept for it */
    bool waits_for_all; /* all that was idle was asked to go first, and it waits for them */
} tr_ask_t;

/* The routers are being asked who is there. */
typedef struct tr_round {
    uint64_t token;
    bool is_under_way;
    size_t n_asked;
    size_t n_answers;
    tr_residents_t **answers; /* room for as many as were asked */
    int64_t until_ms;
} tr_round_t;

typedef struct tr_governor {
    tr_self_t *self;
    const tr_governor_spec_t *spec;
    tr_keepsake_t *keepsake; /* what a spec that came with a word belongs to, or NULL */
    tr_holdings_t holdings;
    tr_ask_t *line; /* in the order in which they came */
    size_t n_line;
    size_t n_line_room;
    tr_round_t round;
    int64_t look_at_ms; /* no round before, unless something happens */
    int64_t tick_at_ms;
    uint64_t own_bytes; /* of this process, as last measured */
    tr_pressure_t pressure;
    bool is_over;      /* more is charged than may be */
    bool wants_relief; /* somebody shall go because memory is short */
    struct {
        tr_metric_t *budget, *charged, *measured, *reserve, *pressure;
    } metrics;
} tr_governor_t;

/* How short memory is. Pure. */
tr_pressure_t tr_pressure_of(uint64_t used, uint64_t budget);

/* ---- governor.c ---- */

/* Whether it has waited so long that room is kept for it. */
bool tr_governor_is_aged(const tr_governor_t *self, const tr_ask_t *ask, int64_t now_ms);

/* Whether it waits for less pressure, and for nothing else. */
bool tr_governor_holds_back(const tr_governor_t *self, const tr_ask_t *ask);

/* Answer the ask with no, and take it out of the line. */
void tr_governor_refuse(tr_governor_t *self, size_t index, const char *why);

/* ---- governor_round.c ---- */

/* Ask the routers of all that hold something who is there. */
void tr_round_begin(tr_governor_t *self, int64_t now_ms);

/* Takes the answer. */
void tr_round_take(tr_governor_t *self, tr_residents_t *answer);

/* When all have answered, or time is up: decide who goes. Whether it was so. */
bool tr_round_turn(tr_governor_t *self, int64_t now_ms);

/* It does not go. */
void tr_round_not_yielded(tr_governor_t *self, uint64_t incarnation);

void tr_round_finish(tr_governor_t *self);

/* ---- governor_view.c ---- */

/* False when out of memory. */
bool tr_governor_view_begin(tr_governor_t *self);

/* Show the sums, in the runtime and as metrics; tell when the pressure has changed. */
void tr_governor_show(tr_governor_t *self);

/* Read what this process uses. */
void tr_governor_measure_self(tr_governor_t *self);

/* Tell an event about a worker, with these bytes of memory, and the sums as they are now. One
 * that goes does so for a `cause` (else NULL), perhaps for another one (else ""). */
void tr_governor_tell(tr_governor_t *self, const char *event, const char *capability,
                      const char *worker, uint64_t bytes, const char *cause, const char *whom);

#endif
