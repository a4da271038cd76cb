/* supervisors/children.h - the children of one supervisor, in order of their start
 *
 * Found by name and, while they are not down, by incarnation; and each in the order of when it
 * has to be looked at next, so that a supervisor of thousands looks at those few that are due.
 * One supervisor owns the list.
 */

#ifndef TROUPE_SUPERVISORS_CHILDREN_H
#define TROUPE_SUPERVISORS_CHILDREN_H

#include "base/heap.h"
#include "base/idmap.h"
#include "supervisors/child.h"

typedef struct tr_children {
    tr_child_t **all; /* in order of their start */
    size_t n;
    size_t n_room;
    tr_idmap_t by_name;        /* keyed by a hash of the name */
    tr_idmap_t by_incarnation; /* of those that are not down */
    tr_heap_t by_due;          /* of all */
} tr_children_t;

void tr_children_init(tr_children_t *self);

/* Destroys the children, all of which must be down. */
void tr_children_finish(tr_children_t *self);

/* Add a new child at the end, down and wanted. NULL when out of memory. The name is free. */
tr_child_t *tr_children_add(tr_children_t *self, const tr_child_spec_t *spec, const char *name);

/* Take a child, which must be down, out of the list and destroy it. */
void tr_children_remove(tr_children_t *self, tr_child_t *child);

/* Let these children, each of which is in the list, come first and in this order; the others
 * follow in theirs. */
void tr_children_order(tr_children_t *self, tr_child_t *const *first, size_t n);

/* The child of that name, or NULL. */
tr_child_t *tr_children_named(const tr_children_t *self, const char *name);

/* The child whose present life that is, or NULL. */
tr_child_t *tr_children_living(const tr_children_t *self, uint64_t incarnation);

/* Where in the order it stands. */
size_t tr_children_index(const tr_children_t *self, const tr_child_t *child);

/* It has begun a life, which it ends with tr_children_died. TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_children_born(tr_children_t *self, tr_child_t *child);
void tr_children_died(tr_children_t *self, tr_child_t *child);

/* Look at this child again at that time. */
void tr_children_set_due(tr_children_t *self, tr_child_t *child, int64_t due_ms);

/* The child to look at first, or NULL when there is none. */
tr_child_t *tr_children_first_due(const tr_children_t *self);

#endif
