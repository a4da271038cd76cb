/* node/assembly.h - from a description to a plan that supervisors carry out
 *
 * The only file that knows every part: it turns each capability into a supervisor of a router
 * and a pool, resolves modules, and adds what every node has. The plan is immutable once made,
 * and outlives the tree.
 */

#ifndef TROUPE_NODE_ASSEMBLY_H
#define TROUPE_NODE_ASSEMBLY_H

#include <troupe/node.h>

#include "actors/module.h"
#include "node/config/config.h"
#include "supervisors/child_spec.h"
#include "supervisors/governor.h"

/* Names of what a node has of its own. */
#define TR_NAME_ROOT    "troupe.root"
#define TR_NAME_TREE    "troupe.tree"
#define TR_NAME_KEEPER  "troupe.keeper"
#define TR_NAME_ADMIN   "troupe.admin"
#define TR_NAME_GATEWAY "troupe.gateway"
#define TR_NAME_HTTP    "troupe.http"

typedef struct tr_plan {
    const tr_config_t *config; /* borrowed */
    tr_supervisor_spec_t root;
    size_t n_actors;    /* at most, when all pools are full */
    size_t n_guests;    /* those of them that come by themselves, if there is room for them */
    size_t n_processes; /* those of them that have one */

    void **kept; /* what the plan is made of */
    size_t n_kept;
    size_t n_kept_room;
} tr_plan_t;

/* Make a plan of `config`, which must outlive it. Problems are reported as for the loading.
 *
 *   TROUPE_OK           *out is the caller's
 *   TROUPE_ERR_INVALID  a module cannot be had; reported
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_plan_new(const tr_config_t *config, const char *file,
                                             tr_modules_t *modules, troupe_problem_fn *report,
                                             void *arg, tr_plan_t **out);

/* The same of one child, read with tr_config_read_child: root.children is its spec, and the
 * rest of `root` is empty. */
TROUPE_NODISCARD troupe_status_t tr_plan_new_child(const tr_config_t *config,
                                                   const tr_config_t *node, const char *file,
                                                   tr_modules_t *modules,
                                                   troupe_problem_fn *report, void *arg,
                                                   tr_plan_t **out);

/* The plan with its config belong to a keepsake from now on, whose first share is the caller's:
 * a hung thread may still read them when everybody else has gone. NULL when out of memory. */
TROUPE_NODISCARD tr_keepsake_t *tr_plan_keep(tr_plan_t *self);

/* NULL is fine. */
void tr_plan_destroy(tr_plan_t **self_p);

#endif
