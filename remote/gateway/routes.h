/* remote/gateway/routes.h - the routers that a gateway posts to in one round
 *
 * Looking a capability up takes a lock that all share, and each share of a mailbox is counted
 * where all count. A route is found anew and counted by its gateway alone. Not thread-safe: one
 * gateway owns it.
 */

#ifndef TROUPE_REMOTE_GATEWAY_ROUTES_H
#define TROUPE_REMOTE_GATEWAY_ROUTES_H

#include "base/span.h"
#include "mailbox/directory.h"
#include "mailbox/envelope.h"

#define TR_ROUTES_KEPT 8

/* A router's mailbox, and who still needs it. */
typedef struct tr_route {
    size_t n_holders;
    size_t n_left;        /* requests that the router was not alerted of */
    tr_mailbox_t *router; /* a share */
    size_t size;
    char name[];
} tr_route_t;

/* A zeroed one is empty. */
typedef struct tr_routes {
    tr_route_t *kept[TR_ROUTES_KEPT]; /* NULL: a free place */
    size_t oldest;                    /* the next one to give way */
} tr_routes_t;

/* The way to the router of `capability`, which the caller gives back; NULL when the directory
 * knows none, or when out of memory. */
tr_route_t *tr_routes_find(tr_routes_t *self, tr_directory_t *directory, tr_span_t capability);

/* Leave a request with the router, to be alerted of several together: at the latest when the
 * routes are forgotten. Statuses as tr_envelope_post. */
TROUPE_NODISCARD troupe_status_t tr_route_leave(tr_route_t *self, tr_envelope_t *envelope);

/* Give a route back and set *route_p to NULL; NULL is fine. */
void tr_route_release(tr_route_t **route_p);

/* Alert whom something was left with, and ask the directory anew from now on. */
void tr_routes_forget(tr_routes_t *self);

#endif
