/* node/admin/stats_document.h - the node's metrics as one msgpack map
 *
 * What `stats` of troupe.admin answers; docs/protocol.md describes it.
 */

#ifndef TROUPE_NODE_ADMIN_STATS_DOCUMENT_H
#define TROUPE_NODE_ADMIN_STATS_DOCUMENT_H

#include <stdbool.h>

#include <troupe/message.h>

#include "actors/runtime.h"

/* A message of one frame, with the steps of each histogram if they are wanted; NULL when out of
 * memory. */
TROUPE_NODISCARD troupe_message_t *tr_stats_document(const tr_runtime_t *runtime,
                                                     bool with_steps);

#endif
