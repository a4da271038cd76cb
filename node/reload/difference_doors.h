/* node/reload/difference_doors.h - what is different about who may come in, and where
 *
 * Pure.
 */

#ifndef TROUPE_NODE_RELOAD_DIFFERENCE_DOORS_H
#define TROUPE_NODE_RELOAD_DIFFERENCE_DOORS_H

#include "node/reload/difference_list.h"

/* Endpoints that go and come, and what is other at those that stay. */
void tr_list_listeners(tr_list_t *list, const tr_config_t *before, const tr_config_t *after);

/* The node's key, and peers that go, come, or are others. */
void tr_list_security(tr_list_t *list, const tr_config_t *before, const tr_config_t *after);

#endif
