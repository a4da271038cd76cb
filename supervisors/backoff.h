/* supervisors/backoff.h - how long to wait before the next restart of one child
 *
 * The first restart after a quiet life is immediate; each further one waits twice as long as
 * the one before, from `min` up to `max`, less up to half of it at random, so that children
 * that fell together do not rise together. A life longer than the quiet period (`max`, at
 * least ten times `min`) resets it.
 *
 * Pure: told the time and the dice.
 */

#ifndef TROUPE_SUPERVISORS_BACKOFF_H
#define TROUPE_SUPERVISORS_BACKOFF_H

#include <stdint.h>

typedef struct tr_backoff {
    int64_t min_ms;
    int64_t max_ms;
    unsigned n_restarts; /* since the last quiet life */
} tr_backoff_t;

/* 0 < min_ms <= max_ms. */
void tr_backoff_init(tr_backoff_t *self, int64_t min_ms, int64_t max_ms);

/* How long to wait before the next start, after a life of `lived_ms`. `dice` is any random
 * number. */
int64_t tr_backoff_next_ms(tr_backoff_t *self, int64_t lived_ms, uint32_t dice);

#endif
