/* node/admin/state_document.h - how everything is, as one msgpack map
 *
 * The shape is that of `troupe tree --json`: node, boot, state, reasons, memory, capabilities,
 * tree. Pure: it sees reports.
 */

#ifndef TROUPE_NODE_ADMIN_STATE_DOCUMENT_H
#define TROUPE_NODE_ADMIN_STATE_DOCUMENT_H

#include "actors/runtime.h"
#include "node/admin/survey.h"

/* A message of one frame; NULL when out of memory. */
TROUPE_NODISCARD troupe_message_t *tr_state_document(const tr_survey_t *survey,
                                                     const tr_runtime_t *runtime);

#endif
