#include "node/reload/draft.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "node/preflight.h"

#define MOST_LINES 1000
#define LINE_SIZE  1024

/* ---- lines ---- */

bool tr_lines_begin(tr_lines_t *self)
{
    *self = (tr_lines_t){0};
    self->out = open_memstream(&self->text, &self->size);
    return self->out != NULL;
}

void tr_lines_add(tr_lines_t *self, const char *prefix, const char *line)
{
    if (self->out && self->n++ < MOST_LINES) {
        fprintf(self->out, "%s%s%s", self->n > 1 ? "\n" : "", prefix, line);
    }
}

void tr_lines_problem(void *arg, const char *line)
{
    tr_lines_add(arg, "", line);
}

const char *tr_lines_text(tr_lines_t *self)
{
    return self->out && fflush(self->out) == 0 ? self->text : "the node is out of memory";
}

void tr_lines_finish(tr_lines_t *self)
{
    if (self->out) {
        fclose(self->out);
        free(self->text);
    }
    *self = (tr_lines_t){0};
}

/* ---- drafts ---- */

void tr_draft_drop(tr_draft_t *self)
{
    assert(self);
    tr_difference_destroy(&self->difference);
    if (self->keepsake) {
        tr_keepsake_release(&self->keepsake);
    } else {
        tr_plan_destroy(&self->plan);
        tr_config_destroy(&self->config);
    }
    *self = (tr_draft_t){0};
}

/* Pipes and the like are read once, and reading them again may wait for ever. */
static bool is_plain_file(const char *path, tr_lines_t *problems)
{
    struct stat info;
    char line[LINE_SIZE];
    if (stat(path, &info) != 0 || S_ISREG(info.st_mode)) {
        return true; /* what is wrong with it is told by whoever reads it */
    }
    snprintf(line, sizeof line, "%s: error: it is no plain file, and cannot be read again",
             path);
    tr_lines_add(problems, "", line);
    return false;
}

static bool has_endpoint(const tr_config_t *config, const char *endpoint)
{
    for (size_t i = 0; i < config->n_listeners; i++) {
        if (strcmp(config->listeners[i].endpoint, endpoint) == 0) {
            return true;
        }
    }
    return false;
}

/* Keep what can only be given at the start, and the numbers that resources have. False when
 * out of memory. */
static bool keep_what_stays(tr_config_t *next, const tr_config_t *config)
{
    char *name = strdup(config->name);
    if (!name || !tr_config_keep_resources(next, config)) {
        free(name);
        return false;
    }
    free(next->name);
    next->name = name;
    next->spin_us = config->spin_us;
    return true;
}

/* Whether this node can become that, as far as can be known before; problems are told. */
static troupe_status_t check_draft(const tr_draft_ground_t *ground, const char *file,
                                   const tr_draft_t *draft, tr_lines_t *problems)
{
    const tr_config_t *next = draft->plan->config;
    troupe_status_t status =
        tr_preflight_fits(draft->plan, ground->max_actors, file, tr_lines_problem, problems);
    if (next->resources.n >= TR_N_RESOURCES) {
        char line[LINE_SIZE];
        snprintf(line, sizeof line,
                 "there may be %d resources, and those that the node was started with count: "
                 "more need a restart of the node",
                 TR_N_RESOURCES - 1);
        tr_preflight_say(tr_lines_problem, problems, file, line);
        status = TROUPE_ERR_INVALID;
    }
    bool has_other_http =
        next->http && (!ground->config->http || strcmp(next->http, ground->config->http) != 0);
    if (has_other_http &&
        tr_preflight_http(next, file, tr_lines_problem, problems) != TROUPE_OK) {
        status = TROUPE_ERR_INVALID;
    }
    if (tr_preflight_security(next, file, tr_lines_problem, problems) != TROUPE_OK) {
        status = TROUPE_ERR_INVALID;
    }
    for (size_t i = 0; i < next->n_listeners; i++) {
        if (!has_endpoint(ground->config, next->listeners[i].endpoint) &&
            tr_preflight_endpoint(&next->listeners[i], file, tr_lines_problem, problems) !=
                TROUPE_OK) {
            status = TROUPE_ERR_INVALID;
        }
    }
    return status;
}

troupe_status_t tr_draft_read(const char *path, tr_lines_t *problems, tr_config_t **out)
{
    assert(path && problems && out);
    return is_plain_file(path, problems)
               ? tr_config_read_file(path, tr_lines_problem, problems, out)
               : TROUPE_ERR_IO;
}

troupe_status_t tr_draft_make(const tr_draft_ground_t *ground, const char *file,
                              tr_config_t *config, tr_lines_t *problems, tr_draft_t *out)
{
    assert(ground && file && config && problems && out);
    *out = (tr_draft_t){.config = config};
    const char *objection = tr_difference_objection(ground->config, config);
    troupe_status_t status = objection ? TROUPE_ERR_INVALID : TROUPE_ERR_NOMEM;
    if (objection) {
        tr_preflight_say(tr_lines_problem, problems, file, objection);
    } else {
        tr_preflight_note_key(config);
        out->difference =
            tr_difference_new(ground->config, config, ground->failed, ground->n_failed);
    }
    if (out->difference && keep_what_stays(config, ground->config)) {
        status =
            tr_plan_new(config, file, ground->modules, tr_lines_problem, problems, &out->plan);
    }
    if (status == TROUPE_OK) {
        status = check_draft(ground, file, out, problems);
    }
    if (status != TROUPE_OK) {
        tr_draft_drop(out);
        if (problems->n == 0) {
            tr_preflight_say(tr_lines_problem, problems, file, troupe_status_text(status));
        }
    }
    return status;
}
