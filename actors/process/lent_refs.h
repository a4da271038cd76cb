/* actors/process/lent_refs.h - actors of the node that a process knows by number
 *
 * A number is good from when it was said for the first time until the process says that it
 * has no more use for it, and has heard all of what was said: so one that is said again
 * meanwhile stays good. Holds a share of each. One thread owns it.
 */

#ifndef TROUPE_ACTORS_PROCESS_LENT_REFS_H
#define TROUPE_ACTORS_PROCESS_LENT_REFS_H

#include "base/idmap.h"
#include "mailbox/ref.h"

typedef struct tr_lent_refs {
    tr_idmap_t by_number;
    tr_idmap_t by_ref; /* by its address */
    uint64_t last_number;
} tr_lent_refs_t;

void tr_lent_refs_init(tr_lent_refs_t *self);

/* Let go of all. */
void tr_lent_refs_finish(tr_lent_refs_t *self);

/* The number of that one, which is going to be said. 0 when out of memory. */
uint64_t tr_lent_refs_say(tr_lent_refs_t *self, troupe_ref_t *ref);

/* The one of that number, borrowed; NULL when there is none. */
troupe_ref_t *tr_lent_refs_get(const tr_lent_refs_t *self, uint64_t number);

/* So often it was said for nothing: the process has heard it, and has no more use for it, or
 * has not heard it at all. */
void tr_lent_refs_release(tr_lent_refs_t *self, uint64_t number, uint64_t count);

#endif
