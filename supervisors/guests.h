/* supervisors/guests.h - workers of a pool that come by themselves, from elsewhere
 *
 * A guest is a temporary child of its pool. It counts for `max`, and for nothing else that a
 * pool does with its workers: it is not started or replaced here, is not let go when it is
 * idle, and takes nothing of what the node has. For supervisors of pools.
 */

#ifndef TROUPE_SUPERVISORS_GUESTS_H
#define TROUPE_SUPERVISORS_GUESTS_H

#include "supervisors/supervisor.h"

/* Somebody wants to join (TR_WORD_JOIN). Whoever asked is told if that may not be. */
void tr_guests_join(tr_supervisor_t *self, const tr_control_t *word);

/* This guest (NULL: it is not there any more) gets nothing new, and goes when it has nothing
 * left to do. */
void tr_guests_retire(tr_supervisor_t *self, tr_child_t *child);

/* The pool has another spec: those go that have no place in it. */
void tr_guests_follow(tr_supervisor_t *self);

/* Whether a pool has no workers but guests. */
bool tr_guests_are_all(const tr_supervisor_t *self);

/* How many workers there are, or will be, that are no guests. */
size_t tr_guests_n_others(const tr_supervisor_t *self);

#endif
