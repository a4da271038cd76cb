/* capabilities/rouse.h - whether a request is worth waking a worker for
 *
 * To wake a thread costs some 5 us of processor time, and it gets up no sooner than the awake
 * ones have done several requests of that length. So while requests are short and workers that
 * are awake finish one after another, a new request is left to them rather than given to one
 * that sleeps. It is not as soon as one of these does not hold: requests take longer, or
 * nothing is finished for a moment, or more waits than they can do soon while a processor has
 * nothing to do. So whatever takes its time has all workers that it may have, at once.
 *
 * Pure: it is told the time and answers.
 */

#ifndef TROUPE_CAPABILITIES_ROUSE_H
#define TROUPE_CAPABILITIES_ROUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nothing was finished for so long: the awake ones are not to be relied on. */
#define TR_ROUSE_MOMENT_MS 1

/* A request that takes a worker less than this is a short one. */
#define TR_ROUSE_SHORT_US 5

typedef struct tr_rouse {
    size_t n_processors;
    unsigned n_short; /* how usual short requests are */
    int64_t last_us;  /* when one was finished last */
} tr_rouse_t;

void tr_rouse_init(tr_rouse_t *self, size_t n_processors);

/* A request was finished that took a worker so long. */
void tr_rouse_note(tr_rouse_t *self, int64_t took_us, int64_t now_us);

/* Whether `n_waiting` requests are to be left to `n_awake` workers. If so, ask again after
 * TR_ROUSE_MOMENT_MS at the latest. */
bool tr_rouse_can_wait(const tr_rouse_t *self, size_t n_waiting, size_t n_awake,
                       int64_t now_us);

#endif
