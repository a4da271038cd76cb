/* capabilities/wish.h - how many more workers a router wishes for, and when it says so
 *
 * A pool starts workers while work waits that nobody is free for. It is told how many it could
 * use, and told again as that changes; none, when nothing waits any more. A queue fills and
 * empties a thousand times while one large worker is on its way, and each word would wake the
 * pool: so what is new is told at once, and what differs a little after a moment.
 *
 * Pure: told the time.
 */

#ifndef TROUPE_CAPABILITIES_WISH_H
#define TROUPE_CAPABILITIES_WISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A wish that has changed by less than double is told no sooner than this after the last. */
#define TR_WISH_MOMENT_MS 20

/* One that was refused for want of memory is not made again before this. */
#define TR_WISH_REFUSED_MS 1000

typedef struct tr_wish {
    size_t n;         /* as the pool was told last; 0: it knows of none */
    int64_t told_ms;  /* when */
    bool is_answered; /* a worker came, or did not: what still is wished for is told again */
    int64_t not_before_ms;
} tr_wish_t;

/* How many more workers `n_waiting` requests could use, when each takes `n_at_once` > 0, and
 * the pool may have `n_free` more. */
size_t tr_wish_size(size_t n_waiting, size_t n_at_once, size_t n_free);

/* Whether the pool is to be told of a wish for `n` now, which then is noted as told. If not,
 * *again_ms_out says when to ask again. */
bool tr_wish_is_due(tr_wish_t *self, size_t n, int64_t now_ms, int64_t *again_ms_out);

/* The pool has answered: a worker came, went, or did not start. */
void tr_wish_answered(tr_wish_t *self);

/* It answered that there is no memory for one more. */
void tr_wish_refused(tr_wish_t *self, int64_t now_ms);

#endif
