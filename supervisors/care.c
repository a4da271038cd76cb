/* Each turn only the children are looked at for which something is due: their health is judged,
 * they are pinged and probed, and those that hang, or do not stop when they are told to, are
 * ended.
 */

#include "supervisors/care.h"

#include "base/clock.h"
#include "supervisors/claims.h"
#include "supervisors/fall.h"
#include "supervisors/pool.h"
#include "supervisors/recycle.h"

/* A supervisor that comes so late to look after its children has not run itself, because the
 * machine slept or the node was stopped: then neither could they. */
#define OWN_DELAY_MS 500

/* What a hung process gets between being asked and being killed. */
#define KILL_GRACE_MS 500

/* ---- those that do not end by themselves ---- */

static void quarantine(tr_supervisor_t *self, tr_child_t *child, tr_reason_t reason)
{
    tr_child_phase_t was = child->view.phase;
    tr_quarantine_t *hanging = self->self->runtime->quarantine;
    tr_claims_note_end(child, &reason);
    tr_child_quarantine(child, self->self->runtime, &reason);
    if (tr_quarantine_is_full(hanging)) {
        reason = tr_reason_format(TROUPE_REASON_FAILED,
                                  "more threads hang than the %zu that may: the last is %.100s",
                                  tr_quarantine_limit(hanging), child->name);
        reason.is_final = true;
        child->is_condemned = false;
        if (was == TR_CHILD_STOPPING && !self->is_stopping) {
            tr_fall_give_up(self, child, &reason, "cannot go on");
        }
    }
    tr_fall_child_is_down(self, child, &reason, was);
}

/* It hangs: kill its process, which then is waited for, or leave its thread to itself. One
 * whose thread is back at this very moment ends as if it were killed. The router hears of it
 * first: what the process says when it is asked to go is not why it was lost.
 */
static void condemn(tr_supervisor_t *self, tr_child_t *child, const char *why, int64_t now_ms)
{
    tr_reason_t reason = tr_reason_format(TROUPE_REASON_HUNG, "%s", why);
    tr_child_phase_t was = child->view.phase;
    bool can_be_killed = child->actor->can_be_killed;
    if (!can_be_killed && tr_actor_move_out(child->actor)) {
        quarantine(self, child, reason);
        return;
    }
    if (tr_supervisor_is_pool(self)) {
        tr_pool_tell_down(self, child, &reason, was);
    }
    if (can_be_killed) {
        tr_child_kill(child, &reason, KILL_GRACE_MS, now_ms);
    } else {
        tr_child_ask_to_stop(child, reason, now_ms);
        tr_child_expect_end(child, now_ms);
    }
    child->is_condemned = true;
    child->fate = reason;
    child->was_starting = was == TR_CHILD_STARTING;
    tr_children_set_due(&self->children, child, child->stop_until_ms);
}

/* It was told to stop, and time is up. */
static void lose_patience(tr_supervisor_t *self, tr_child_t *child, int64_t now_ms)
{
    tr_reason_t reason = tr_reason_format(TROUPE_REASON_HUNG, "did not stop within %lld ms",
                                          (long long)child->spec->shutdown_ms);
    if (!child->has_been_killed && tr_child_kill(child, &reason, 0, now_ms)) {
        tr_children_set_due(&self->children, child, child->stop_until_ms);
    } else if (!child->has_been_killed && !tr_actor_move_out(child->actor)) {
        tr_child_expect_end(child, now_ms);
        tr_children_set_due(&self->children, child, child->stop_until_ms);
    } else {
        quarantine(self, child, reason);
    }
}

/* ---- health ---- */

static void be_doubtful(tr_supervisor_t *self, tr_child_t *child)
{
    if (!child->is_doubtful) {
        child->is_doubtful = true;
        if (tr_supervisor_is_pool(self)) {
            tr_pool_tell(self, TR_WORD_DOUBTFUL, child);
        }
    }
}

static void ping(tr_child_t *child, int64_t now_ms)
{
    tr_control_t *word = tr_control_new(TR_WORD_PING, child->incarnation);
    if (word) {
        word->number = tr_health_ping(&child->health, now_ms);
        tr_control_send(word, child->actor->mailbox);
    }
}

/* A child that has work to do shows by that how it is: it is looked at again soon. */
static void probe(tr_child_t *child, const tr_vital_signs_t *signs, int64_t now_ms)
{
    if (signs->running_since_ms == 0 && tr_mailbox_depth(child->actor->mailbox) == 0) {
        tr_control_say(child->actor->mailbox, TR_WORD_PROBE, child->incarnation);
    }
    tr_health_probe(&child->health, now_ms);
}

/* Judge a child that starts or is up; ping and probe it when that is due. */
static void look_after(tr_supervisor_t *self, tr_child_t *child, int64_t now_ms)
{
    const tr_health_plan_t *plan = &child->spec->health;
    tr_vital_signs_t signs = tr_child_vital_signs(child);
    char why[TR_REASON_TEXT] = "";
    tr_verdict_t verdict =
        tr_health_judge(&child->health, plan, &signs, now_ms, why, sizeof why);
    if (verdict == TR_VERDICT_HUNG) {
        condemn(self, child, why, now_ms);
        return;
    }
    if (verdict == TR_VERDICT_DOUBTFUL) {
        be_doubtful(self, child);
    }
    int64_t due_ms = tr_health_deadline_ms(&child->health, plan, &signs);
    if (child->view.phase == TR_CHILD_UP) {
        if (tr_supervisor_is_pool(self)) {
            tr_recycle_look(self, child, now_ms);
        }
        if (now_ms >= tr_health_next_ms(&child->health, plan)) {
            tr_pings_ask_again(&self->pings, &child->health, signs.running_since_ms != 0);
            ping(child, now_ms);
        }
        if (now_ms >= tr_health_probe_at_ms(&child->health, plan)) {
            probe(child, &signs, now_ms);
        }
        due_ms = tr_clock_earlier(due_ms, tr_health_next_ms(&child->health, plan));
        due_ms = tr_clock_earlier(due_ms, tr_health_probe_at_ms(&child->health, plan));
    }
    tr_children_set_due(&self->children, child, due_ms);
}

/* Each look sets the child's next one to a later time, or ends its life. */
void tr_care_look_after_due(tr_supervisor_t *self, int64_t now_ms)
{
    tr_child_t *child;
    while ((child = tr_children_first_due(&self->children)) != NULL &&
           child->due_ms <= now_ms) {
        if (now_ms - child->due_ms > OWN_DELAY_MS) {
            tr_health_spare(&child->health, &child->spec->health, now_ms);
        }
        if (child->view.phase == TR_CHILD_STOPPING) {
            lose_patience(self, child, now_ms);
        } else if (child->view.phase == TR_CHILD_DOWN) {
            tr_children_set_due(&self->children, child, TR_NEVER);
        } else {
            look_after(self, child, now_ms);
        }
    }
}

void tr_care_take_pong(tr_supervisor_t *self, tr_child_t *child, const tr_control_t *pong)
{
    tr_pings_answered(&self->pings, &child->health, pong->number);
    tr_health_pong(&child->health, pong->number);
    if (child->is_doubtful && child->view.phase == TR_CHILD_UP) {
        child->is_doubtful = false;
        if (tr_supervisor_is_pool(self) && !child->is_retiring) {
            tr_pool_tell(self, TR_WORD_FINE, child);
        }
    }
}
