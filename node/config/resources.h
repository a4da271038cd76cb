/* node/config/resources.h - what the named resources of a node and the needs of its
 * capabilities say of one another
 *
 * Names are names, amounts are whole numbers, a need is of a resource that there is, and no
 * worker needs more of it than there is. What all workers need together is checked in
 * config/budget.c.
 */

#ifndef TROUPE_NODE_CONFIG_RESOURCES_H
#define TROUPE_NODE_CONFIG_RESOURCES_H

#include "node/config/notes.h"

/* An amount of a resource is at most this. */
#define TR_CONFIG_RESOURCE_MAX 1000000

/* Note each problem. */
void tr_config_check_resources(tr_config_notes_t *notes, const tr_config_t *config);

/* The same for what a child needs that is to be added to such a node. */
void tr_config_check_needs(tr_config_notes_t *notes, const tr_config_t *child,
                           const tr_config_t *node);

/* The resource called `name`, or NULL. */
const tr_config_arg_t *tr_config_resource(const tr_config_t *config, const char *name);

/* What is written of a resource, or of a need of one; -1 when it is no such amount. */
int64_t tr_config_resource_amount(const tr_config_arg_t *resource);

#endif
