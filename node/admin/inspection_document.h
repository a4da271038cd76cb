/* node/admin/inspection_document.h - what an actor says of itself, as the admin's answer */

#ifndef TROUPE_NODE_ADMIN_INSPECTION_DOCUMENT_H
#define TROUPE_NODE_ADMIN_INSPECTION_DOCUMENT_H

#include "actors/inspection.h"
#include "actors/report.h"

/* As docs/protocol.md has it; `child` is the actor as its supervisor sees it. The result is the
 * caller's. NULL: `why` (of `size` bytes) says what is wrong with the state that it shows, or
 * is
 * "" when out of memory. */
TROUPE_NODISCARD troupe_message_t *tr_inspection_document(const tr_inspection_t *inspection,
                                                          const tr_report_child_t *child,
                                                          bool is_traced, char *why,
                                                          size_t size);

#endif
