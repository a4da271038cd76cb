/* node/http/readiness.h - can work be taken now, and if not, why
 *
 * Judged from the node's own account of itself (node/admin/state_document.h). A capability can
 * take a request when it is ready or loads, and its queue has room; a pool that rests is ready,
 * for a request wakes it. A node that is up and has no capability is ready.
 *
 * Pure.
 */

#ifndef TROUPE_NODE_HTTP_READINESS_H
#define TROUPE_NODE_HTTP_READINESS_H

#include <msgpack.h>
#include <stdbool.h>

#include "base/builder.h"

typedef enum tr_readiness {
    TR_READY,
    TR_UNREADY,
    TR_NO_SUCH_CAPABILITY,
} tr_readiness_t;

/* Of the node: each of its capabilities, or with `any` at least one. Why not goes to `why`, a
 * reason a line. */
tr_readiness_t tr_readiness_of_node(const msgpack_object *state, bool any, tr_builder_t *why);

/* Of one capability. */
tr_readiness_t tr_readiness_of(const msgpack_object *state, const char *capability,
                               tr_builder_t *why);

#endif
