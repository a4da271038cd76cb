/* node/preflight.h - what can be known to go wrong before anything starts */

#ifndef TROUPE_NODE_PREFLIGHT_H
#define TROUPE_NODE_PREFLIGHT_H

#include "node/node.h"

/* Report "FILE: error: TEXT"; `report` may be NULL. */
void tr_preflight_say(troupe_problem_fn *report, void *arg, const char *file, const char *text);

/* Whether this build has all that the description asks for, read from the file of that name;
 * what it has not is reported. TROUPE_ERR_INVALID. */
TROUPE_NODISCARD troupe_status_t tr_preflight_build(const tr_config_t *config, const char *file,
                                                    troupe_problem_fn *report, void *arg);

/* Raise the limits of sockets and descriptors to what the plan needs, or say what stands in the
 * way. TROUPE_ERR_IO. */
TROUPE_NODISCARD troupe_status_t tr_preflight_limits(const troupe_node_t *node,
                                                     troupe_problem_fn *report, void *arg);

/* Check that all endpoints can be listened at, and report each that cannot. TROUPE_ERR_IO. */
TROUPE_NODISCARD troupe_status_t tr_preflight_endpoints(const troupe_node_t *node,
                                                        troupe_problem_fn *report, void *arg);

/* The same of one of them, in the file of that name. */
TROUPE_NODISCARD troupe_status_t tr_preflight_endpoint(const tr_config_listener_t *listener,
                                                       const char *file,
                                                       troupe_problem_fn *report, void *arg);

/* The same of where its pages are, if it has any. */
TROUPE_NODISCARD troupe_status_t tr_preflight_http(const tr_config_t *config, const char *file,
                                                   troupe_problem_fn *report, void *arg);

/* Note in `config` which key the node's file has now, where an endpoint wants it. One that
 * cannot be read is not noted: tr_preflight_security says why. */
void tr_preflight_note_key(tr_config_t *config);

/* Whether the node's key can be read where an endpoint wants it, and socket files can have the
 * owners that they are to have. TROUPE_ERR_IO. */
TROUPE_NODISCARD troupe_status_t tr_preflight_security(const tr_config_t *config,
                                                       const char *file,
                                                       troupe_problem_fn *report, void *arg);

/* Whether a node that was made for `most_actors` can have what the plan needs; raises the limit
 * of descriptors if need be. TROUPE_ERR_IO. */
TROUPE_NODISCARD troupe_status_t tr_preflight_fits(const tr_plan_t *plan, size_t most_actors,
                                                   const char *file, troupe_problem_fn *report,
                                                   void *arg);

/* How many actors the node may have, those that are added later included: for as many, limits
 * are raised. */
size_t tr_preflight_most_actors(const troupe_node_t *self);

#endif
