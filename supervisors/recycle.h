/* supervisors/recycle.h - workers of a pool replaced in good time, one after another
 *
 * Native code leaks. A worker that has served so many requests, or lived so long, is replaced
 * before it matters: a new one is started, and only when that is up the old one gets nothing
 * new any more, finishes what it has, and goes. A rolling restart does the same to every
 * worker. A replacement that does not start ends it: then the workers that there are go on.
 * Where there is no room for two at a time, the old one finishes and goes first, and comes back
 * as a new one; its requests wait meanwhile.
 *
 * For supervisors of pools.
 */

#ifndef TROUPE_SUPERVISORS_RECYCLE_H
#define TROUPE_SUPERVISORS_RECYCLE_H

#include "supervisors/supervisor.h"

/* Pure: the limit that one worker has, of a limit for all, so that those that were born
 * together do not go together: less up to `jitter` (0..1) of it at random, and at least 1. 0,
 * for no limit, stays 0. */
int64_t tr_recycle_limit(int64_t limit, double jitter, uint32_t dice);

/* A worker came up: give it its limits; if it is a replacement, the old one may go. */
void tr_recycle_came_up(tr_supervisor_t *self, tr_child_t *child, uint32_t dice);

/* Whether this worker, which did not start, was a replacement: then it leaves, and so it was
 * with this restart. */
bool tr_recycle_take_failure(tr_supervisor_t *self, tr_child_t *child);

/* Whether this worker, which is refused what it asks for, was a replacement: then the old one
 * is to replace itself, and the child is gone. */
bool tr_recycle_take_refusal(tr_supervisor_t *self, tr_child_t *child);

/* Look at a worker that is up: it may have reached its limit, or have finished its last work.
 */
void tr_recycle_look(tr_supervisor_t *self, tr_child_t *child, int64_t now_ms);

/* Begin the next replacement if it is time. Returns when to be asked again. */
int64_t tr_recycle_turn(tr_supervisor_t *self, int64_t now_ms);

/* Replace every worker; takes the command, which is answered when that is done. */
void tr_recycle_roll(tr_supervisor_t *self, tr_command_t *command);

/* The pool follows another spec, of which the workers are other ones: replace those that there
 * are. Takes the command, likewise; a roll that is under way goes on with it. */
void tr_recycle_renew(tr_supervisor_t *self, tr_command_t *command);

/* The limits of workers have changed: of those that are up, too. */
void tr_recycle_follow(tr_supervisor_t *self);

/* This worker is not needed any more: it gets nothing new, finishes what it has, and goes. */
void tr_recycle_retire(tr_supervisor_t *self, tr_child_t *child);

/* The child is about to be destroyed. */
void tr_recycle_forget(tr_supervisor_t *self, const tr_child_t *child);

/* The pool ends: whoever waits hears of it. */
void tr_recycle_finish(tr_supervisor_t *self);

#endif
