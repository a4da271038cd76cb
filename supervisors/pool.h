/* supervisors/pool.h - what a supervisor of a pool does besides
 *
 * The workers of a pool are made from one template. The pool tells its capability's router who
 * is there, adds a worker when the router wishes for one, and takes one away that has been idle
 * too long. Past its intensity it does not fail: for a while it starts nothing, and says so.
 */

#ifndef TROUPE_SUPERVISORS_POOL_H
#define TROUPE_SUPERVISORS_POOL_H

#include "supervisors/supervisor.h"

/* Add a worker, which starts as soon as the pool starts any. NULL when out of memory. */
tr_child_t *tr_pool_add_worker(tr_supervisor_t *self);

/* How many workers are there, or will be, and are not on their way out. */
size_t tr_pool_n_that_stay(const tr_supervisor_t *self);

/* Add the first workers. False when out of memory. */
bool tr_pool_begin(tr_supervisor_t *self);

/* The router could use so many more workers: add some, unless there are enough or as many as
 * may are about to come. None: those that have not been granted yet are given up. */
void tr_pool_grow(tr_supervisor_t *self, uint64_t n_wished);

/* How long to wait after a refusal: not to ask at once the first time is all that differs from
 * a restart. */
int64_t tr_pool_pause_ms(tr_supervisor_t *self, tr_backoff_t *backoff);

/* There is no room for more beside those that there are: for a while none is asked for. */
void tr_pool_postpone_growth(tr_supervisor_t *self, int64_t now_ms);

/* This worker may go, for the cause that the word names, unless the pool would get too small.
 * NULL is fine. */
void tr_pool_shrink(tr_supervisor_t *self, tr_child_t *child, const tr_control_t *word);

/* A worker fell. Whether so many have for want of memory, one after another, that the next one
 * would, too. */
bool tr_pool_is_starved(tr_supervisor_t *self, tr_child_t *child, const tr_reason_t *reason,
                        bool was_starting);

/* Tell the router about a child. */
void tr_pool_tell(tr_supervisor_t *self, tr_word_t word, const tr_child_t *child);
void tr_pool_tell_up(tr_supervisor_t *self, const tr_child_t *child);
void tr_pool_tell_down(tr_supervisor_t *self, const tr_child_t *child,
                       const tr_reason_t *reason, tr_child_phase_t was);

/* Too many restarts: start nothing for the longest backoff of the template. Workers that are up
 * go on. */
void tr_pool_be_unavailable(tr_supervisor_t *self, tr_child_t *child, const tr_reason_t *reason,
                            int64_t now_ms);

/* Be available again when it is time. Returns when that is. */
int64_t tr_pool_turn(tr_supervisor_t *self, int64_t now_ms);

#endif
