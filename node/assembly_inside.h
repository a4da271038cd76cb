/* node/assembly_inside.h - what the files of the assembly share */

#ifndef TROUPE_NODE_ASSEMBLY_INSIDE_H
#define TROUPE_NODE_ASSEMBLY_INSIDE_H

#include "node/assembly.h"

/* A plan in the making. What goes wrong is noted, and the making goes on. */
typedef struct tr_maker {
    tr_plan_t *plan;
    const char *file;
    const tr_config_args_t *resources; /* of the node */
    tr_modules_t *modules;
    troupe_problem_fn *report;
    void *arg;
    bool is_invalid;
    bool is_out_of_memory;
} tr_maker_t;

/* Zeroed memory that lives as long as the plan; NULL (and noted) when there is none. */
void *tr_maker_keep(tr_maker_t *self, size_t size);

/* Both texts in one, kept likewise. */
const char *tr_maker_join(tr_maker_t *self, const char *one, const char *other);

/* Note a problem at that place. */
void tr_maker_say(tr_maker_t *self, tr_config_place_t place, const char *text);

/* The number of the resource of that name, or TR_N_RESOURCES. */
size_t tr_maker_resource(const tr_maker_t *self, const char *name);

tr_restart_t tr_maker_restart(tr_config_restart_t restart);

/* The child that a capability's pool has as its template, or an actor is. */
tr_child_spec_t tr_maker_worker(tr_maker_t *self, const tr_config_child_t *config,
                                const char *kind);

/* How those of its workers are treated that come by themselves. NULL: out of memory. */
const tr_child_spec_t *tr_maker_guests(tr_maker_t *self, const tr_config_child_t *config);

#endif
