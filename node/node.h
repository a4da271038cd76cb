/* node/node.h - the inside of a node, for node.c and caller.c */

#ifndef TROUPE_NODE_NODE_H
#define TROUPE_NODE_NODE_H

#include <troupe/node.h>

#include "actors/actor.h"
#include "actors/module.h"
#include "node/assembly.h"
#include "node/config/config.h"

struct troupe_node {
    tr_modules_t *modules;
    tr_config_t *config;
    char *file; /* what the description is called in problems */
    tr_plan_t *plan;
    tr_runtime_t *runtime;        /* from starting on */
    tr_mailbox_t *mailbox;        /* where the keeper tells how it goes */
    tr_actor_t *keeper;           /* NULL before the start */
    tr_mailbox_t *keeper_mailbox; /* a share: any thread may ask it to stop */
    bool has_ended;
    bool was_ready;
    tr_reason_t reason;
    struct troupe_node *next_left; /* in the list of those that hung threads still need */
};

/* What the environment says of the log. */
void tr_node_read_log_settings(void);

#endif
