/* remote/gateway/party.h - what all peers of one name have together
 *
 * Whoever proves a name could otherwise multiply what one peer may by connecting more often. A
 * peer without a name is a party of its own. One gateway owns them.
 */

#ifndef TROUPE_REMOTE_GATEWAY_PARTY_H
#define TROUPE_REMOTE_GATEWAY_PARTY_H

#include <stddef.h>

#include <troupe/api.h>
#include <troupe/status.h>

#include "remote/gateway/bucket.h"

typedef struct tr_party {
    char *name; /* NULL: of one peer without a name */
    size_t n_peers;
    size_t n_open;     /* requests of all */
    tr_bucket_t asked; /* the same, as they come */
} tr_party_t;

typedef struct tr_parties tr_parties_t;

/* NULL when out of memory. */
TROUPE_NODISCARD tr_parties_t *tr_parties_new(void);

/* None may be left; NULL is fine. */
void tr_parties_destroy(tr_parties_t **self_p);

/* The party of one more peer of that name ("": none); NULL when out of memory. */
TROUPE_NODISCARD tr_party_t *tr_parties_join(tr_parties_t *self, const char *name);

/* One peer leaves it, with nothing open; sets *party_p to NULL, which is fine before too. */
void tr_parties_leave(tr_parties_t *self, tr_party_t **party_p);

#endif
