/* A route that is kept may be out of date, as that of a look-up is a moment later: its router
 * may be about to end, or have ended. So whoever owns the routes forgets them after each round,
 * and whoever posts learns the rest from the mailbox.
 */

#include "remote/gateway/routes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LEFT_MOST 64

static tr_route_t *share(tr_route_t *route)
{
    route->n_holders++;
    return route;
}

static void alert(tr_route_t *self)
{
    if (self->n_left > 0) {
        self->n_left = 0;
        tr_mailbox_alert(self->router);
    }
}

/* A router that is full may have had no chance to take what was left. */
troupe_status_t tr_route_leave(tr_route_t *self, tr_envelope_t *envelope)
{
    assert(self && envelope);
    troupe_status_t status = tr_envelope_leave(envelope, self->router);
    if (status == TROUPE_FULL && self->n_left > 0) {
        alert(self);
        status = tr_envelope_leave(envelope, self->router);
    }
    if (status == TROUPE_OK && ++self->n_left >= LEFT_MOST) {
        alert(self);
    }
    return status;
}

void tr_route_release(tr_route_t **route_p)
{
    assert(route_p);
    tr_route_t *route = *route_p;
    *route_p = NULL;
    if (route && --route->n_holders == 0) {
        tr_mailbox_release(&route->router);
        free(route);
    }
}

void tr_routes_forget(tr_routes_t *self)
{
    assert(self);
    for (size_t i = 0; i < TR_ROUTES_KEPT; i++) {
        if (self->kept[i]) {
            alert(self->kept[i]);
        }
        tr_route_release(&self->kept[i]);
    }
}

static tr_route_t *look_up(tr_directory_t *directory, tr_span_t capability)
{
    tr_mailbox_t *router = tr_directory_find(directory, TR_NAMES_CAPABILITY, capability);
    tr_route_t *route = router ? malloc(sizeof *route + capability.size) : NULL;
    if (!route) {
        tr_mailbox_release(&router);
        return NULL;
    }
    *route = (tr_route_t){.n_holders = 1, .router = router, .size = capability.size};
    memcpy(route->name, capability.data, capability.size);
    return route;
}

tr_route_t *tr_routes_find(tr_routes_t *self, tr_directory_t *directory, tr_span_t capability)
{
    assert(self && directory);
    for (size_t i = 0; i < TR_ROUTES_KEPT; i++) {
        tr_route_t *kept = self->kept[i];
        if (kept && kept->size == capability.size &&
            memcmp(kept->name, capability.data, capability.size) == 0) {
            return share(kept);
        }
    }
    tr_route_t *route = look_up(directory, capability);
    if (route) {
        if (self->kept[self->oldest]) {
            alert(self->kept[self->oldest]);
        }
        tr_route_release(&self->kept[self->oldest]);
        self->kept[self->oldest] = share(route);
        self->oldest = (self->oldest + 1) % TR_ROUTES_KEPT;
    }
    return route;
}
