/* node/admin/survey.h - one walk through the tree: who was asked, who has answered
 *
 * The root is asked first; each report names children that can be asked on. When everybody has
 * answered, or time is up, the reports are rendered; who did not answer is shown as such.
 */

#ifndef TROUPE_NODE_ADMIN_SURVEY_H
#define TROUPE_NODE_ADMIN_SURVEY_H

#include <stdbool.h>

#include "actors/actor.h"
#include "actors/report.h"
#include "mailbox/envelope.h"

typedef struct tr_survey {
    struct tr_survey *next;
    uint64_t token;
    uint64_t operation; /* whose sake it is for; 0: the tree's */
    int64_t deadline_ms;
    tr_envelope_t *envelope; /* a share: who wants to know */
    size_t n_awaited;
    tr_report_t **reports;
    size_t n_reports;
    size_t n_room;
} tr_survey_t;

/* Begin one for `envelope` (takes the share): the root is asked. NULL when out of memory; the
 * envelope is released then. */
TROUPE_NODISCARD tr_survey_t *tr_survey_new(uint64_t token, tr_envelope_t *envelope,
                                            tr_self_t *admin, int64_t now_ms);
void tr_survey_destroy(tr_survey_t **self_p);

/* A report came: keep it (takes it) and ask on. */
void tr_survey_take(tr_survey_t *self, tr_report_t *report, tr_self_t *admin);

/* Everybody has answered. */
bool tr_survey_is_complete(const tr_survey_t *self);

/* The report of the actor called `name`, or NULL. */
const tr_report_t *tr_survey_find(const tr_survey_t *self, const char *name);

/* The report of that capability's router, or NULL. A router reports under its capability's
 * name, which is also its supervisor's: the router is the one without a strategy. */
const tr_report_t *tr_survey_router(const tr_survey_t *self, const char *capability);

/* The report of the supervisor called `name`, but for the node's own root; or NULL. */
const tr_report_t *tr_survey_supervisor(const tr_survey_t *self, const char *name);

/* The report of the supervisor, likewise, that has a child called `name`; or NULL. */
const tr_report_t *tr_survey_parent(const tr_survey_t *self, const char *name);

/* The life of an actor, as its supervisor has it: `child`, or what stands for it below, when it
 * has children of its own. */
const tr_report_child_t *tr_survey_actor(const tr_survey_t *self,
                                         const tr_report_child_t *child);

/* That child in the report, or NULL. */
const tr_report_child_t *tr_survey_child(const tr_report_t *report, const char *name);

#endif
