/* node/http/node_metrics.h - what is not counted but looked up when somebody asks for the
 * metrics
 *
 * The workers by state, from the node's account of itself; which version this is; and the
 * process, from /proc.
 */

#ifndef TROUPE_NODE_HTTP_NODE_METRICS_H
#define TROUPE_NODE_HTTP_NODE_METRICS_H

#include <msgpack.h>

#include "actors/runtime.h"
#include "base/builder.h"

/* Write them. `account` may be NULL: then the workers are left out. */
void tr_node_metrics(tr_builder_t *to, const tr_runtime_t *runtime,
                     const msgpack_object *account);

#endif
