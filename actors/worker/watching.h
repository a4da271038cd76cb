/* actors/worker/watching.h - whom an actor monitors, and whom it is linked to
 *
 * One thread owns the table; what it watches knows of it by tr_ref_watch.
 */

#ifndef TROUPE_ACTORS_WORKER_WATCHING_H
#define TROUPE_ACTORS_WORKER_WATCHING_H

#include <stdbool.h>

#include "base/idmap.h"
#include "mailbox/mail.h"

typedef struct tr_watching {
    tr_mailbox_t *mailbox; /* the actor's, borrowed */
    troupe_ref_t *ref;     /* likewise */
    uint64_t incarnation;
    tr_idmap_t open; /* a share of whom it monitors, by number */
} tr_watching_t;

void tr_watching_init(tr_watching_t *self, tr_mailbox_t *mailbox, troupe_ref_t *ref,
                      uint64_t incarnation);

/* Watch nobody any more. */
void tr_watching_finish(tr_watching_t *self);

/* Under a number that is not in use. TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_watching_monitor(tr_watching_t *self, troupe_ref_t *whom,
                                                     uint64_t id);

/* The same of one whose notice comes otherwise. */
TROUPE_NODISCARD troupe_status_t tr_watching_note(tr_watching_t *self, troupe_ref_t *whom,
                                                  uint64_t id);

/* Whom the monitor of that number is of, borrowed; NULL when there is none. */
troupe_ref_t *tr_watching_whom(const tr_watching_t *self, uint64_t id);

/* False when there is none of that number. */
bool tr_watching_stop(tr_watching_t *self, uint64_t id);

/* Each watches the other. TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_watching_link(tr_watching_t *self, troupe_ref_t *whom);
void tr_watching_unlink(tr_watching_t *self, troupe_ref_t *whom);

/* A notice came: whether it is for this life, and still wanted. It is over then. */
bool tr_watching_take(tr_watching_t *self, const tr_mail_t *notice);

/* Why whoever is tied to the one that `notice` tells of ends too. */
tr_reason_t tr_watching_reason_to_fall(const tr_mail_t *notice);

#endif
