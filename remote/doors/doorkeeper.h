/* remote/doors/doorkeeper.h - says who may come in by the doors that want CURVE
 *
 * libzmq asks one handler for each context (RFC 27) before it lets anybody in. The doorkeeper
 * is that handler: an actor of its own, so that whoever knocks does not wait for the gateway,
 * nor the gateway for him. It is there before any door is bound that wants it. Who is refused
 * is counted, and told of once.
 *
 * Not thread-safe: one gateway owns its end.
 */

#ifndef TROUPE_REMOTE_DOORS_DOORKEEPER_H
#define TROUPE_REMOTE_DOORS_DOORKEEPER_H

#include "actors/actor.h"
#include "remote/doors/keys.h"

typedef struct tr_doorkeeper tr_doorkeeper_t;

/* Begin to answer, by that table, of which it has a share. NULL: `why` says why not, for
 * example since another handler of this process answers already. The words about it go to
 * `parent`. */
TROUPE_NODISCARD tr_doorkeeper_t *tr_doorkeeper_new(tr_runtime_t *runtime, tr_mailbox_t *parent,
                                                    tr_keys_t *keys, char *why, size_t size);

/* Answer by that table from now on. TROUPE_ERR_NOMEM: the old one counts. */
TROUPE_NODISCARD troupe_status_t tr_doorkeeper_set_keys(tr_doorkeeper_t *self, tr_keys_t *keys);

/* Whether a word about that incarnation is about it. NULL is fine. */
bool tr_doorkeeper_is(const tr_doorkeeper_t *self, uint64_t incarnation);

/* End it, when no door wants it any more; NULL is fine. */
void tr_doorkeeper_destroy(tr_doorkeeper_t **self_p);

#endif
