/* What a supervisor says of itself and its children when it is surveyed. */

#include <stdio.h>
#include <string.h>

#include "supervisors/claims.h"

/* A mailbox may outlive its owner: what waits then waits for the next life. */
static uint64_t waiting_for(tr_supervisor_t *self, const tr_child_t *child)
{
    troupe_ref_t *ref =
        tr_directory_refer(self->self->runtime->directory, tr_span_of(child->name));
    if (!ref) {
        return child->actor ? tr_mailbox_depth(child->actor->mailbox) : 0;
    }
    uint64_t n_waiting = tr_mailbox_depth(ref->mailbox);
    troupe_ref_release(&ref);
    return n_waiting;
}

static void report_messages(tr_supervisor_t *self, const tr_child_t *child,
                            tr_report_child_t *line)
{
    line->n_waiting = waiting_for(self, child);
    line->n_messages = tr_child_messages(child);
    line->rate = child->actor ? tr_pulse_rate(child->actor->pulse, tr_clock_now_ms()) : 0;
}

void tr_supervisor_report(tr_supervisor_t *self, const tr_control_t *survey)
{
    tr_report_t *report = tr_report_new(survey->number, self->self->name, self->children.n);
    if (!report || !survey->mailbox) {
        tr_letter_t *letter = report ? &report->letter : NULL;
        tr_letter_destroy(&letter);
        return;
    }
    report->strategy = tr_strategy_name(self->spec->strategy);
    report->state = self->is_stopping ? "stopping" : self->has_started ? "ready" : "loading";
    for (size_t i = 0; i < self->children.n; i++) {
        const tr_child_t *child = self->children.all[i];
        tr_report_child_t *line = &report->children[i];
        snprintf(line->name, sizeof line->name, "%s", child->name);
        line->kind = child->spec->kind;
        line->isolation = child->spec->isolation;
        line->state = tr_child_state(child);
        line->incarnation = child->incarnation;
        line->n_restarts = child->n_restarts;
        if (!tr_claims_show(self, child, line->reason, sizeof line->reason) &&
            child->view.phase != TR_CHILD_UP && child->n_restarts > 0) {
            tr_reason_show(&child->last_reason, line->reason, sizeof line->reason);
        }
        if (strcmp(line->kind, "actor") == 0) {
            report_messages(self, child, line);
        }
        if (child->actor) {
            line->pulse = tr_pulse_share(child->actor->pulse);
            line->n_done = atomic_load(&child->actor->pulse->n_done);
            line->pid = atomic_load(&child->actor->pulse->pid);
            line->memory_bytes = (uint64_t)atomic_load(&child->actor->pulse->memory_bytes);
            const tr_grant_t *grant = child->actor->grant;
            line->charged_bytes = grant ? grant->amount.of[TR_MEMORY] : 0;
            if (child->spec->can_be_surveyed) {
                line->mailbox = tr_mailbox_share(child->actor->mailbox);
            }
        }
    }
    tr_report_send(report, survey->mailbox);
}
