/* supervisors/pool_size.h - how many workers a pool has, and what an operator says about that
 *
 * The pool is the authority: it has between `least` and `most` workers, as its description says
 * until it is scaled, and again when that changes. Its router hears of it and picks those that
 * are too many. Whether a worker may be evicted is asked of the router too, which alone knows
 * what it has to do. A pool whose capability is drained rests: it has no workers at all.
 *
 * For supervisors of pools.
 */

#ifndef TROUPE_SUPERVISORS_POOL_SIZE_H
#define TROUPE_SUPERVISORS_POOL_SIZE_H

#include "supervisors/supervisor.h"

/* Have as many workers as its last life was ordered to have. False when out of memory. */
TROUPE_NODISCARD bool tr_pool_recall_orders(tr_supervisor_t *self);

/* Whether it is to rest may have been said when it could not be found yet. */
void tr_pool_look_again(tr_supervisor_t *self);

/* Between so many workers from now on: more come, or the surplus goes, those that are up when
 * they have finished. */
void tr_pool_set_size(tr_supervisor_t *self, size_t least, size_t most);

/* Add what the pool lacks to have its least. False when out of memory. */
bool tr_pool_fill_up(tr_supervisor_t *self);

/* How many workers there are, or will be, but for one that comes in the place of another. */
size_t tr_pool_count(const tr_supervisor_t *self);

/* This worker goes at once, and may be gone after it. */
void tr_pool_dismiss(tr_supervisor_t *self, tr_child_t *child);

/* Stop all workers and start none; or be as before. */
void tr_pool_rest(tr_supervisor_t *self, bool rests);

/* ---- commands; each is taken, and answered ---- */

void tr_pool_scale(tr_supervisor_t *self, tr_command_t *command);

/* Let all go that are idle and beyond the least; the answer's `n_workers` says how many did. */
void tr_pool_evict_idle(tr_supervisor_t *self, tr_command_t *command);

/* Take back that this worker (NULL: it is not there) was to go when it has nothing left to do.
 */
void tr_pool_resume_worker(tr_supervisor_t *self, tr_command_t *command, tr_child_t *child);

/* The first command in the line of the child begins. False: it is answered already. */
bool tr_pool_begin_evict(tr_supervisor_t *self, tr_child_t *child);
bool tr_pool_begin_drain(tr_supervisor_t *self, tr_child_t *child);

/* And goes on: true when it is answered, since the child is down. */
bool tr_pool_go_on_leaving(tr_supervisor_t *self, tr_child_t *child);

/* ---- what comes of it ---- */

/* The router says that this worker (NULL: it is not there any more) does not go. */
void tr_pool_take_refusal(tr_supervisor_t *self, tr_child_t *child, const tr_control_t *word);

/* A worker is down, whyever. */
void tr_pool_note_down(tr_supervisor_t *self, tr_child_t *child);

/* The pool ends: whoever waits hears of it. */
void tr_pool_size_finish(tr_supervisor_t *self);

#endif
