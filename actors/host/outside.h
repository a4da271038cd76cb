/* actors/host/outside.h - in the process of a worker: references to actors outside of it
 *
 * They are those of the node's actors that have sent something, by the number that the node has
 * given them, and those that were asked for by name, whom the node looks for when there is a
 * message. The mailbox of all of them is the one whose letters go on to the node. The table has
 * a share of each; those that nobody else has are let go of when there are many. Any thread.
 *
 * With them are the notices of those that are monitored, each made with its monitor.
 */

#ifndef TROUPE_ACTORS_HOST_OUTSIDE_H
#define TROUPE_ACTORS_HOST_OUTSIDE_H

#include "mailbox/mail.h"

/* The number of one that is known by its name only. */
#define TR_OUTSIDE_BY_NAME UINT64_MAX

typedef struct tr_outside tr_outside_t;

/* Shares the mailbox. NULL when out of memory. */
TROUPE_NODISCARD tr_outside_t *tr_outside_new(tr_mailbox_t *beyond);
void tr_outside_destroy(tr_outside_t **self_p);

/* Whoever is called so in the node; a share. NULL when out of memory, or when no name is so
 * long. */
TROUPE_NODISCARD troupe_ref_t *tr_outside_find(tr_outside_t *self, const char *name);

/* The one of that number, which the node has said once more; a share. NULL when out of memory.
 */
TROUPE_NODISCARD troupe_ref_t *tr_outside_refer(tr_outside_t *self, uint64_t number,
                                                const char *name);

/* A number that is of no more use here, and how often the node has said it. False: none. */
bool tr_outside_take_unused(tr_outside_t *self, uint64_t *number_out, uint64_t *count_out);

/* Keep a notice for the life `reader` of who monitors `whom` under that number, which no other
 * one has. TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_outside_await(tr_outside_t *self, troupe_ref_t *whom,
                                                  uint64_t reader, uint64_t id);

/* Take it, but for its reason; NULL when there is none. */
tr_mail_t *tr_outside_take_notice(tr_outside_t *self, uint64_t id);

#endif
