/* Reports are found by name with a scan: a tree has some dozens of supervisors and routers. */

#include "node/admin/survey.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/spawn.h"
#include "base/clock.h"
#include "node/assembly.h"

#define PATIENCE_MS 1000

static void ask(tr_survey_t *self, tr_mailbox_t *whom, tr_self_t *admin)
{
    tr_control_t *survey = tr_control_new(TR_WORD_SURVEY, 0);
    if (survey) {
        survey->number = self->token;
        survey->mailbox = tr_mailbox_share(admin->mailbox);
        tr_control_send(survey, whom);
        self->n_awaited++;
    }
}

tr_survey_t *tr_survey_new(uint64_t token, tr_envelope_t *envelope, tr_self_t *admin,
                           int64_t now_ms)
{
    tr_survey_t *self = calloc(1, sizeof *self);
    if (!self) {
        tr_envelope_release(&envelope);
        return NULL;
    }
    self->token = token;
    self->envelope = envelope;
    self->deadline_ms = tr_clock_after(now_ms, PATIENCE_MS);
    ask(self, admin->parent, admin);
    return self;
}

void tr_survey_destroy(tr_survey_t **self_p)
{
    assert(self_p);
    tr_survey_t *self = *self_p;
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->n_reports; i++) {
        tr_letter_t *letter = &self->reports[i]->letter;
        tr_letter_destroy(&letter);
    }
    free(self->reports);
    tr_envelope_release(&self->envelope);
    free(self);
    *self_p = NULL;
}

void tr_survey_take(tr_survey_t *self, tr_report_t *report, tr_self_t *admin)
{
    assert(self && report);
    self->n_awaited--;
    if (self->n_reports == self->n_room) {
        size_t n_room = self->n_room ? self->n_room * 2 : 16;
        tr_report_t **reports = realloc(self->reports, n_room * sizeof(*reports));
        if (!reports) {
            tr_letter_t *letter = &report->letter;
            tr_letter_destroy(&letter);
            return;
        }
        self->reports = reports;
        self->n_room = n_room;
    }
    self->reports[self->n_reports++] = report;
    for (size_t i = 0; i < report->n_children; i++) {
        if (report->children[i].mailbox) {
            ask(self, report->children[i].mailbox, admin);
        }
    }
}

bool tr_survey_is_complete(const tr_survey_t *self)
{
    return self->n_awaited == 0;
}

const tr_report_t *tr_survey_find(const tr_survey_t *self, const char *name)
{
    for (size_t i = 0; i < self->n_reports; i++) {
        if (strcmp(self->reports[i]->name, name) == 0) {
            return self->reports[i];
        }
    }
    return NULL;
}

static bool is_supervisor(const tr_report_t *report)
{
    return report->strategy && report->strategy[0];
}

static bool is_root(const tr_report_t *report)
{
    return strcmp(report->name, TR_NAME_ROOT) == 0;
}

const tr_report_t *tr_survey_router(const tr_survey_t *self, const char *capability)
{
    assert(self && capability);
    for (size_t i = 0; i < self->n_reports; i++) {
        const tr_report_t *report = self->reports[i];
        if (!is_supervisor(report) && strcmp(report->name, capability) == 0) {
            return report;
        }
    }
    return NULL;
}

const tr_report_t *tr_survey_supervisor(const tr_survey_t *self, const char *name)
{
    assert(self && name);
    for (size_t i = 0; i < self->n_reports; i++) {
        const tr_report_t *report = self->reports[i];
        if (is_supervisor(report) && !is_root(report) && strcmp(report->name, name) == 0) {
            return report;
        }
    }
    return NULL;
}

const tr_report_t *tr_survey_parent(const tr_survey_t *self, const char *name)
{
    assert(self && name);
    for (size_t i = 0; i < self->n_reports; i++) {
        const tr_report_t *report = self->reports[i];
        if (is_supervisor(report) && !is_root(report) && tr_survey_child(report, name)) {
            return report;
        }
    }
    return NULL;
}

const tr_report_child_t *tr_survey_child(const tr_report_t *report, const char *name)
{
    assert(report && name);
    for (size_t i = 0; i < report->n_children; i++) {
        if (strcmp(report->children[i].name, name) == 0) {
            return &report->children[i];
        }
    }
    return NULL;
}

const tr_report_child_t *tr_survey_actor(const tr_survey_t *self,
                                         const tr_report_child_t *child)
{
    assert(self && child);
    char name[96];
    snprintf(name, sizeof name, "%s" TR_ACTOR_SUFFIX, child->name);
    const tr_report_t *family = tr_survey_find(self, child->name);
    const tr_report_child_t *inner = family ? tr_survey_child(family, name) : NULL;
    return inner ? inner : child;
}
