/* node/admin/agenda.h - what the admin does later by itself
 *
 * Two sorts: errands of the file's `schedule`, which come again, and what an operator has put
 * off, which comes once. Each is carried out as the same call by an operator would be, and how
 * it ended is told by an event `scheduled`.
 *
 * One thread owns the agenda, the admin's.
 */

#ifndef TROUPE_NODE_ADMIN_AGENDA_H
#define TROUPE_NODE_ADMIN_AGENDA_H

#include "actors/actor.h"
#include "mailbox/envelope.h"
#include "node/admin/operation.h"
#include "node/admin/schedule.h"
#include "node/config/config.h"

/* What operators may put off. */
#define TR_AGENDA_MOST_LATER 100

typedef struct tr_agenda_item tr_agenda_item_t;

/* Carries out a call as if an operator had made it; takes the share. */
typedef void(tr_agenda_fn)(void *arg, tr_envelope_t *envelope);

typedef struct tr_agenda {
    tr_self_t *admin;
    tr_agenda_fn *call;
    void *arg;
    tr_agenda_item_t *first;
    size_t n_later;
    uint64_t last_id;
} tr_agenda_t;

void tr_agenda_init(tr_agenda_t *self, tr_self_t *admin, tr_agenda_fn *call, void *arg);
void tr_agenda_finish(tr_agenda_t *self);

/* These are the errands from now on; copied. What operators have put off stays. */
TROUPE_NODISCARD troupe_status_t tr_agenda_set(tr_agenda_t *self,
                                               const tr_config_errand_t *errands, size_t n,
                                               tr_moment_t now);

/* Do that later, once. TROUPE_LIMIT: so much has been put off already. */
TROUPE_NODISCARD troupe_status_t tr_agenda_put_off(tr_agenda_t *self, const tr_later_t *later,
                                                   tr_moment_t now);

/* Do what is due; returns when to be asked again. */
int64_t tr_agenda_turn(tr_agenda_t *self, tr_moment_t now);

/* What came of it; takes the reply. */
void tr_agenda_take(tr_agenda_t *self, troupe_reply_t *reply);

#endif
