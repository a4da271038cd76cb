/* remote/gateway/watched.h - actors that peers monitor
 *
 * All monitors of one life of an actor wait for one notice, so that an actor that very many
 * peers monitor is watched once, and whoever leaves looks at nobody else's monitors. One thread
 * owns the table.
 */

#ifndef TROUPE_REMOTE_GATEWAY_WATCHED_H
#define TROUPE_REMOTE_GATEWAY_WATCHED_H

#include "actors/worker/watching.h"
#include "base/idmap.h"
#include "mailbox/mail.h"
#include "remote/gateway/peer.h"

/* Monitors of one life; see watched.c. */
typedef struct tr_watched_life tr_watched_life_t;

typedef struct tr_watched {
    tr_watching_t watching;
    tr_idmap_t by_number; /* tr_watched_life_t, by that of its watch */
    tr_idmap_t by_actor;  /* the newest of each, by the address of the reference */
    uint64_t last_number;
} tr_watched_t;

/* Notices go to `mailbox`, borrowed, for its life `incarnation`. */
void tr_watched_init(tr_watched_t *self, tr_mailbox_t *mailbox, uint64_t incarnation);

/* When no call waits any more. */
void tr_watched_finish(tr_watched_t *self);

/* The call, a monitor, waits for the end of the present life of `whom`, or of its next one when
 * it is between two. TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_watched_add(tr_watched_t *self, troupe_ref_t *whom,
                                                tr_open_call_t *call);

/* The call waits no more; one that does not is fine. */
void tr_watched_remove(tr_watched_t *self, tr_open_call_t *call);

/* A notice came: those who wait for it, to be popped until there is none; NULL when none does.
 */
TROUPE_NODISCARD tr_watched_life_t *tr_watched_take(tr_watched_t *self,
                                                    const tr_mail_t *notice);

/* The first of them, in the order of their monitors, which waits no more. NULL: that was all,
 * and *life_p is gone, too. */
TROUPE_NODISCARD tr_open_call_t *tr_watched_pop(tr_watched_life_t **life_p);

#endif
