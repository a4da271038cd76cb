/* actors/groups.h - actors that are spoken to together
 *
 * One registry for a node. Members are lives of actors: whoever ends one forgets it. Any
 * thread.
 */

#ifndef TROUPE_ACTORS_GROUPS_H
#define TROUPE_ACTORS_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>

#include "mailbox/ref.h"

typedef struct tr_groups tr_groups_t;

/* NULL when out of memory. */
TROUPE_NODISCARD tr_groups_t *tr_groups_new(void);
void tr_groups_destroy(tr_groups_t **self_p);

/* TROUPE_EXISTS: it is a member already; TROUPE_CLOSED: that is not its present life;
 * TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_groups_join(tr_groups_t *self, const char *group,
                                                troupe_ref_t *member, uint64_t incarnation);

/* Whether it is a member. */
bool tr_groups_has(tr_groups_t *self, const char *group, const troupe_ref_t *member);

/* TROUPE_NOT_FOUND: it is no member. */
troupe_status_t tr_groups_leave(tr_groups_t *self, const char *group,
                                const troupe_ref_t *member);

/* That life is over. Costs nothing when it is in no group. */
void tr_groups_forget(tr_groups_t *self, const troupe_ref_t *member, uint64_t incarnation);

/* Call `visit (arg, member)` for each, in the order in which they joined; without a lock, so
 * that it may post. Nobody when out of memory. */
void tr_groups_each(tr_groups_t *self, const char *group,
                    void (*visit)(void *arg, troupe_ref_t *member), void *arg);

size_t tr_groups_size(tr_groups_t *self, const char *group);

#endif
