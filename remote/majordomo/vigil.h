/* remote/majordomo/vigil.h - is a Majordomo worker still there, and does it know that we are
 *
 * Both sides send a heartbeat each interval in which they had nothing else to say, and nobody
 * answers one. The intervals of the two are set in two places, and need not be equal:
 *
 *   - whoever beats faster than we do is answered, so that it hears us as often as it beats;
 *   - whoever beats slower is given as much more time as it once took between two beats.
 *
 * A worker that is busy is not judged here: most do not beat while they work.
 *
 * Pure: it is told the time. Lives inside its owner.
 */

#ifndef TROUPE_REMOTE_MAJORDOMO_VIGIL_H
#define TROUPE_REMOTE_MAJORDOMO_VIGIL_H

#include <stdbool.h>
#include <stdint.h>

/* As the operator set it. */
typedef struct tr_vigil_rule {
    int64_t interval_ms; /* between two heartbeats */
    int64_t liveness;    /* so many without one, and the worker is gone */
} tr_vigil_rule_t;

/* What holds where nobody has said anything. */
#define TR_VIGIL_RULE ((tr_vigil_rule_t){.interval_ms = 2500, .liveness = 3})

typedef struct tr_vigil {
    int64_t heard_ms;
    int64_t sent_ms;
    int64_t looked_ms;
    int64_t longest_ms; /* that passed between two signs of life of an idle worker */
    bool is_busy;
} tr_vigil_t;

typedef enum tr_vigil_verdict {
    TR_VIGIL_QUIET, /* nothing to do */
    TR_VIGIL_BEAT,  /* send a heartbeat */
    TR_VIGIL_GONE,  /* it has been silent for too long */
} tr_vigil_verdict_t;

/* It has just been heard for the first time. */
void tr_vigil_start(tr_vigil_t *self, int64_t now_ms);

/* It has said something. True: it should hear something in return now. */
bool tr_vigil_hear(tr_vigil_t *self, const tr_vigil_rule_t *rule, int64_t now_ms);

/* It was sent something. */
void tr_vigil_note_sent(tr_vigil_t *self, int64_t now_ms);

/* It has got a request, or answered it. */
void tr_vigil_set_busy(tr_vigil_t *self, bool is_busy, int64_t now_ms);

/* What to do now; asked several times an interval. Time in which nobody asked is not the
 * worker's silence: what it said may lie unread. */
tr_vigil_verdict_t tr_vigil_look(tr_vigil_t *self, const tr_vigil_rule_t *rule, int64_t now_ms);

#endif
