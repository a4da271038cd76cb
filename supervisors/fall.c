/* An end is settled in one place, whatever its cause. What is decided about it, by restart
 * type, strategy and intensity, is in the pure files; this carries it out.
 */

#include "supervisors/fall.h"

#include "base/clock.h"
#include "supervisors/claims.h"
#include "supervisors/commands.h"
#include "supervisors/pool.h"
#include "supervisors/pool_size.h"
#include "supervisors/recycle.h"

void tr_fall_stop_all(tr_supervisor_t *self, const tr_reason_t *reason)
{
    if (self->is_stopping) {
        return;
    }
    self->is_stopping = true;
    self->must_act = true;
    self->end_reason = *reason;
    tr_claims_drop_all(self);
    for (size_t i = 0; i < self->children.n; i++) {
        tr_child_view_t *view = &self->children.all[i]->view;
        view->is_wanted = false;
        view->must_stop = true;
        view->is_in_turn = true;
    }
}

void tr_fall_give_up(tr_supervisor_t *self, const tr_child_t *child, const tr_reason_t *cause,
                     const char *what)
{
    char shown[TR_REASON_TEXT];
    tr_reason_t reason = tr_reason_format(TROUPE_REASON_FAILED, "%s %s: %.180s", child->name,
                                          what, tr_reason_show(cause, shown, sizeof shown));
    reason.is_final = cause->is_final;
    tr_event(self->self->runtime->events, TR_LOG_ERROR, "supervisor_gives_up",
             TR_TEXT("supervisor", self->self->name), TR_TEXT("reason", reason.text));
    tr_fall_stop_all(self, &reason);
}

static bool is_too_often(tr_supervisor_t *self, tr_child_t *child, int64_t now_ms)
{
    return (child->own_intensity &&
            tr_intensity_admit(child->own_intensity, now_ms) != TROUPE_OK) ||
           tr_intensity_admit(self->intensity, now_ms) != TROUPE_OK;
}

/* Let those that fall with `child` fall, and rise again in turn. Temporary siblings do not
 * rise, and one that was told to stay down does. */
static void fell_siblings(tr_supervisor_t *self, tr_child_t *child)
{
    size_t first, end;
    tr_strategy_affected(self->spec->strategy, self->children.n,
                         tr_children_index(&self->children, child), &first, &end);
    for (size_t i = first; end - first > 1 && i < end; i++) {
        tr_child_t *sibling = self->children.all[i];
        sibling->view.must_stop = sibling->view.phase != TR_CHILD_DOWN;
        sibling->view.is_in_turn = true;
        if (sibling != child && sibling->spec->restart == TR_RESTART_TEMPORARY) {
            sibling->view.is_wanted = false;
            sibling->is_leaving = true;
        }
    }
}

static void restart(tr_supervisor_t *self, tr_child_t *child, int64_t now_ms)
{
    int64_t lived_ms = now_ms - child->up_since_ms;
    int64_t delay_ms =
        tr_backoff_next_ms(&child->backoff, lived_ms, tr_supervisor_roll_dice(self));
    child->n_restarts++;
    child->is_restarting = true;
    child->view.start_at_ms = tr_clock_after(now_ms, delay_ms);
    fell_siblings(self, child);
    tr_event(self->self->runtime->events, TR_LOG_INFO, "restarting",
             TR_TEXT("child", child->name), TR_NUMBER("in_ms", delay_ms),
             TR_NUMBER("restarts", child->n_restarts));
}

static bool is_there_another_significant(const tr_supervisor_t *self, const tr_child_t *child)
{
    for (size_t i = 0; i < self->children.n; i++) {
        const tr_child_t *other = self->children.all[i];
        if (other != child && other->spec->is_significant &&
            (other->view.phase != TR_CHILD_DOWN || other->view.is_wanted)) {
            return true;
        }
    }
    return false;
}

/* It ended by itself and is not restarted. */
static void stay_down(tr_supervisor_t *self, tr_child_t *child)
{
    child->view.is_wanted = false;
    child->is_leaving = tr_supervisor_is_template(self) || child->spec->is_forgotten ||
                        child->spec->restart == TR_RESTART_TEMPORARY;
    if (child->spec->is_significant && child->last_reason.kind != TROUPE_REASON_IGNORED) {
        self->must_shut_down = self->must_shut_down ||
                               self->spec->auto_shutdown == TR_AUTO_SHUTDOWN_ANY ||
                               (self->spec->auto_shutdown == TR_AUTO_SHUTDOWN_ALL &&
                                !is_there_another_significant(self, child));
    }
}

/* A child is down that nobody told to stop. */
static void child_fell(tr_supervisor_t *self, tr_child_t *child, const tr_reason_t *reason,
                       bool was_starting)
{
    int64_t now_ms = tr_clock_now_ms();
    if (self->is_stopping) {
        return;
    }
    if (reason->is_final) {
        tr_fall_give_up(self, child, reason, "cannot go on");
    } else if (reason->kind == TROUPE_REASON_IGNORED) {
        stay_down(self, child);
    } else if (was_starting && !self->has_started && !tr_supervisor_is_template(self)) {
        tr_fall_give_up(self, child, reason, "did not start");
    } else if (!tr_restart_is_due(child->spec->restart, reason, was_starting)) {
        stay_down(self, child);
    } else if (tr_pool_is_starved(self, child, reason, was_starting)) {
        tr_pool_be_unavailable(self, child, reason, now_ms);
    } else if (!is_too_often(self, child, now_ms)) {
        restart(self, child, now_ms);
    } else if (tr_supervisor_is_pool(self) && !self->spec->escalates) {
        tr_pool_be_unavailable(self, child, reason, now_ms);
    } else {
        tr_fall_give_up(self, child, reason, "failed too often");
    }
}

static void log_end(const tr_supervisor_t *self, const tr_child_t *child,
                    const tr_reason_t *reason, bool was_starting)
{
    char shown[TR_REASON_TEXT];
    tr_event(self->self->runtime->events,
             tr_reason_is_abnormal(reason) ? TR_LOG_WARNING : TR_LOG_INFO,
             was_starting ? "did_not_start" : "ended", TR_TEXT("child", child->name),
             TR_TEXT("kind", child->spec->kind),
             TR_TEXT("reason", tr_reason_show(reason, shown, sizeof shown)));
}

/* Count the end of a worker that nobody told to end. */
static void count_end(tr_supervisor_t *self, const tr_child_t *child, const tr_reason_t *reason,
                      bool was_told)
{
    if (!tr_supervisor_is_pool(self) || was_told) {
        return;
    }
    tr_metric_add(tr_metrics_series(self->self->runtime->metrics, TR_METRIC_COUNTER,
                                    "troupe_worker_restarts_total",
                                    "Workers that ended without being told to",
                                    (tr_label_t){"capability", child->spec->name},
                                    (tr_label_t){"reason", tr_reason_name(reason->kind)}),
                  1);
}

/* However it ended: tell those who must know, then decide. The child may be gone after it. */
static void settle_end(tr_supervisor_t *self, tr_child_t *child, const tr_reason_t *reason,
                       tr_child_phase_t was)
{
    bool is_condemned = child->is_condemned;
    bool was_starting = was == TR_CHILD_STARTING || (is_condemned && child->was_starting);
    /* One that ends by itself while it is to go anyway, in its turn, has done what it should.
     */
    bool was_told = is_condemned ? !child->view.is_wanted
                                 : was == TR_CHILD_STOPPING || child->view.must_stop;
    if (child->is_retiring && !child->is_replacing_itself) { /* its replacement is there */
        was_told = true;
        child->view.is_wanted = false;
        child->is_leaving = true;
    }
    child->view.must_stop = false;
    child->last_reason = is_condemned ? child->fate : *reason;
    child->is_condemned = false;
    self->must_act = true;
    tr_children_died(&self->children, child);
    log_end(self, child, &child->last_reason, was_starting);
    count_end(self, child, &child->last_reason, was_told);
    bool is_known = !child->is_guest || was != TR_CHILD_STARTING;
    if (tr_supervisor_is_pool(self) && !is_condemned && is_known) {
        tr_pool_tell_down(self, child, &child->last_reason, was);
    }
    if (was_starting) {
        tr_commands_note_failure(child);
    }
    tr_pool_note_down(self, child);
    bool is_answered =
        was_starting && (tr_commands_want_start(child) || tr_recycle_take_failure(self, child));
    if (!was_told && !is_answered) {
        tr_reason_t last_reason = child->last_reason;
        child_fell(self, child, &last_reason, was_starting);
    }
    tr_supervisor_retire_unwanted(self, child);
    tr_commands_go_on(self, child);
}

void tr_fall_child_is_down(tr_supervisor_t *self, tr_child_t *child, const tr_reason_t *reason,
                           tr_child_phase_t was)
{
    troupe_ref_t *ref = child->ref ? troupe_ref_share(child->ref) : NULL;
    uint64_t incarnation = child->incarnation;
    tr_reason_t why = child->is_condemned ? child->fate : *reason;
    settle_end(self, child, reason, was);
    if (ref && incarnation > 0) {
        tr_ref_end(ref, incarnation, &why);
    }
    troupe_ref_release(&ref);
}
