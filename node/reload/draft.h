/* node/reload/draft.h - a description that a node could go on with
 *
 * Read and planned, compared with the one that the node has, and checked as far as can be done
 * before anything is touched. Every problem is a line.
 *
 * One thread owns it, the admin's.
 */

#ifndef TROUPE_NODE_RELOAD_DRAFT_H
#define TROUPE_NODE_RELOAD_DRAFT_H

#include <stdio.h>

#include "node/assembly.h"
#include "node/reload/difference.h"

/* Lines in the making. */
typedef struct tr_lines {
    FILE *out;
    char *text;
    size_t size;
    size_t n;
} tr_lines_t;

/* False when out of memory; then the others do no harm. */
TROUPE_NODISCARD bool tr_lines_begin(tr_lines_t *self);
void tr_lines_finish(tr_lines_t *self);

/* One more, after a prefix; those beyond a thousand are not kept. */
void tr_lines_add(tr_lines_t *self, const char *prefix, const char *line);

/* The same as a troupe_problem_fn, whose `arg` they are. */
void tr_lines_problem(void *arg, const char *line);

/* All so far; borrowed until the next one. */
const char *tr_lines_text(tr_lines_t *self);

/* What the node has. All borrowed. */
typedef struct tr_draft_ground {
    const tr_config_t *config;
    const char *const *failed; /* children of it that did not start */
    size_t n_failed;
    tr_modules_t *modules;
    size_t max_actors;
} tr_draft_ground_t;

typedef struct tr_draft {
    tr_config_t *config; /* its own until the plan is kept */
    tr_plan_t *plan;
    tr_keepsake_t *keepsake; /* of both; NULL: they are not kept */
    tr_difference_t *difference;
} tr_draft_t;

/* Read the file again. Statuses as tr_config_read_file. */
TROUPE_NODISCARD troupe_status_t tr_draft_read(const char *path, tr_lines_t *problems,
                                               tr_config_t **out);

/* Take a description that was read, in a file of that name in problems. On anything but
 * TROUPE_OK all problems were told, and *out is empty. */
TROUPE_NODISCARD troupe_status_t tr_draft_make(const tr_draft_ground_t *ground,
                                               const char *file, tr_config_t *config,
                                               tr_lines_t *problems, tr_draft_t *out);

/* An empty one is fine. */
void tr_draft_drop(tr_draft_t *self);

#endif
