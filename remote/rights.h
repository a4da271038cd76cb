/* remote/rights.h - what a peer may do here
 *
 * They come from the endpoint by which the peer came in, or from its name where that is known.
 * One gateway owns them.
 */

#ifndef TROUPE_REMOTE_RIGHTS_H
#define TROUPE_REMOTE_RIGHTS_H

#include "remote/allowed.h"

typedef struct tr_rights {
    tr_allowed_t calls;  /* capabilities that it may call */
    tr_allowed_t offers; /* capabilities that it may serve as a worker */
    tr_allowed_t actors; /* actors that it may send to */
    bool is_admin;       /* it may call the node itself */
} tr_rights_t;

void tr_rights_finish(tr_rights_t *self);

#endif
