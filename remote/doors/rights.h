/* remote/doors/rights.h - what a peer may do here
 *
 * They come from the endpoint by which the peer came in, or from its name where that is known.
 * One gateway owns them.
 */

#ifndef TROUPE_REMOTE_DOORS_RIGHTS_H
#define TROUPE_REMOTE_DOORS_RIGHTS_H

#include "remote/doors/allowed.h"

typedef struct tr_rights {
    tr_allowed_t calls;  /* capabilities that it may call */
    tr_allowed_t offers; /* capabilities that it may serve as a worker */
    tr_allowed_t actors; /* actors that it may send to */
    bool is_admin;       /* it may call the node itself */
} tr_rights_t;

/* What they are made from. */
typedef struct tr_rights_spec {
    const char *const *calls;
    size_t n_calls;
    const char *const *offers;
    size_t n_offers;
    const char *const *actors;
    size_t n_actors;
    bool is_admin;
} tr_rights_spec_t;

/* Have these and no others; the names are copied. TROUPE_ERR_NOMEM: there are fewer. */
TROUPE_NODISCARD troupe_status_t tr_rights_set(tr_rights_t *self, const tr_rights_spec_t *spec);

void tr_rights_finish(tr_rights_t *self);

#endif
