/* node/admin/listing.h - what is queued and running, asked of all routers at once
 *
 * The answer is one msgpack map; docs/protocol.md says what is in it.
 */

#ifndef TROUPE_NODE_ADMIN_LISTING_H
#define TROUPE_NODE_ADMIN_LISTING_H

#include <stddef.h>
#include <stdint.h>

#include "actors/actor.h"
#include "actors/request_list.h"
#include "mailbox/envelope.h"

typedef struct tr_listing tr_listing_t;

typedef struct tr_listings {
    tr_self_t *self;
    tr_listing_t *first;
    size_t n;
    uint64_t last_token;
} tr_listings_t;

void tr_listings_init(tr_listings_t *self, tr_self_t *admin);

/* Answer those who still wait that the node is stopping. */
void tr_listings_finish(tr_listings_t *self);

/* Somebody calls the method `requests`. Takes the share. */
void tr_listings_begin(tr_listings_t *self, tr_envelope_t *envelope);

/* A router has answered. Takes the list. */
void tr_listings_take(tr_listings_t *self, tr_request_list_t *list);

/* Answer those for whom all routers have, or time is up. Returns when to look again. */
int64_t tr_listings_turn(tr_listings_t *self, int64_t now_ms);

#endif
