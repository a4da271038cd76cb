/* The actor that carries out what the pure files decide.
 *
 * It never waits for a child: a start, a stop or a kill is begun, and what comes of it arrives
 * as a word. Each turn it does what tr_strategy_next says until there is nothing to do, looks
 * after the health of those children that are due, and sleeps until the next thing is.
 *
 * Once `is_stopping` is set nothing is restarted any more; when all children are down it ends,
 * for `end_reason`.
 */

#include "supervisors/supervisor.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisors/claims.h"
#include "supervisors/commands.h"
#include "supervisors/family.h"
#include "supervisors/guests.h"
#include "supervisors/pool.h"
#include "supervisors/pool_size.h"
#include "supervisors/recycle.h"

#define MAILBOX_LETTERS 100000
#define MAILBOX_BYTES   ((size_t)64 << 20)

/* A supervisor that comes so late to look after its children has not run itself, because the
 * machine slept or the node was stopped: then neither could they. */
#define OWN_DELAY_MS 500

/* A thread that has said that it ended needs no longer than this to be gone. */
#define LAST_STEPS_MS 2000

/* What a hung process gets between being asked and being killed. */
#define KILL_GRACE_MS 500

/* ---- children ---- */

static void name_from_template(tr_supervisor_t *self, char *name, size_t size)
{
    do {
        snprintf(name, size, TR_TEMPLATE_NAME_FORMAT, self->spec->children->name,
                 ++self->last_slot);
    } while (tr_children_named(&self->children, name));
}

static tr_child_t *add_numbered(tr_supervisor_t *self, const tr_child_spec_t *spec)
{
    char name[80];
    name_from_template(self, name, sizeof name);
    tr_child_t *child = tr_children_add(&self->children, spec, name);
    if (!child) {
        self->last_slot--;
        return NULL;
    }
    child->slot = self->last_slot;
    child->spec_keepsake = tr_keepsake_share(self->keepsake);
    self->must_act = true;
    return child;
}

tr_child_t *tr_supervisor_add_from_template(tr_supervisor_t *self)
{
    assert(tr_supervisor_is_template(self));
    tr_child_t *child = add_numbered(self, self->spec->children);
    if (child) {
        child->keepsake = tr_keepsake_share(self->keepsake);
    }
    return child;
}

tr_child_t *tr_supervisor_add_guest(tr_supervisor_t *self)
{
    assert(tr_supervisor_is_pool(self) && self->spec->guests);
    tr_child_t *child = add_numbered(self, self->spec->guests);
    if (child) {
        child->is_guest = true;
    }
    return child;
}

/* A pool's numbers are few and stay small; others are never given twice. */
void tr_supervisor_remove(tr_supervisor_t *self, tr_child_t *child)
{
    if (tr_supervisor_is_pool(self) && child->slot <= self->last_slot) {
        self->last_slot = child->slot - 1;
    }
    tr_claims_drop(self, child);
    if (!self->is_stopping) { /* else its parent decides */
        tr_runtime_retire(self->self->runtime, self->path, child->name,
                          child->spec->is_supervisor);
    }
    tr_children_remove(&self->children, child);
    self->must_act = true;
}

void tr_supervisor_stop_alone(tr_supervisor_t *self, tr_child_t *child)
{
    if (!child->view.must_stop) {
        child->view.must_stop = true;
        child->view.is_in_turn = false;
    }
    self->must_act = true;
}

void tr_supervisor_retire_unwanted(tr_supervisor_t *self, const tr_child_t *child)
{
    bool comes_back = child->view.is_wanted || self->is_stopping; /* its parent decides */
    if (child->view.phase == TR_CHILD_DOWN && !comes_back) {
        tr_runtime_retire(self->self->runtime, self->path, child->name,
                          child->spec->is_supervisor);
    }
}

uint32_t tr_supervisor_roll_dice(tr_supervisor_t *self)
{
    self->dice ^= self->dice << 13;
    self->dice ^= self->dice >> 17;
    self->dice ^= self->dice << 5;
    return self->dice;
}

/* ---- falling ---- */

static void stop_all(tr_supervisor_t *self, const tr_reason_t *reason)
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

/* The first cause travels up the whole chain: a reason that already names one is kept. */
static void give_up(tr_supervisor_t *self, const tr_child_t *child, const tr_reason_t *cause,
                    const char *what)
{
    char shown[TR_REASON_TEXT];
    tr_reason_t reason = tr_reason_format(TROUPE_REASON_FAILED, "%s %s: %.180s", child->name,
                                          what, tr_reason_show(cause, shown, sizeof shown));
    reason.is_final = cause->is_final;
    tr_event(self->self->runtime->events, TR_LOG_ERROR, "supervisor_gives_up",
             TR_TEXT("supervisor", self->self->name), TR_TEXT("reason", reason.text));
    stop_all(self, &reason);
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
        give_up(self, child, reason, "cannot go on");
    } else if (reason->kind == TROUPE_REASON_IGNORED) {
        stay_down(self, child);
    } else if (was_starting && !self->has_started && !tr_supervisor_is_template(self)) {
        give_up(self, child, reason, "did not start");
    } else if (!tr_restart_is_due(child->spec->restart, reason, was_starting)) {
        stay_down(self, child);
    } else if (tr_pool_is_starved(self, child, reason, was_starting)) {
        tr_pool_be_unavailable(self, child, reason, now_ms);
    } else if (!is_too_often(self, child, now_ms)) {
        restart(self, child, now_ms);
    } else if (tr_supervisor_is_pool(self) && !self->spec->escalates) {
        tr_pool_be_unavailable(self, child, reason, now_ms);
    } else {
        give_up(self, child, reason, "failed too often");
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

/* Those who watch it hear when it is decided: its reference says by then whether it will be
 * back, and its name is free if not. The child may be gone after it. */
static void child_is_down(tr_supervisor_t *self, tr_child_t *child, const tr_reason_t *reason,
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

/* ---- ending those that do not end by themselves ---- */

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
            give_up(self, child, &reason, "cannot go on");
        }
    }
    child_is_down(self, child, &reason, was);
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

/* ---- words ---- */

static void on_started(tr_supervisor_t *self, tr_child_t *child, const tr_control_t *started)
{
    if (child->view.phase != TR_CHILD_STARTING) {
        return; /* told to stop meanwhile */
    }
    int64_t now_ms = tr_clock_now_ms();
    tr_child_came_up(child, now_ms);
    snprintf(child->words, sizeof child->words, "%s", started->reason.text);
    tr_children_set_due(&self->children, child, now_ms);
    self->must_act = true;
    tr_event(self->self->runtime->events, TR_LOG_INFO, "started", TR_TEXT("child", child->name),
             TR_TEXT("kind", child->spec->kind));
    child->claim.has_had_all_room = false;
    if (tr_supervisor_is_pool(self)) {
        tr_pool_tell_up(self, child);
        tr_recycle_came_up(self, child, tr_supervisor_roll_dice(self));
    }
    tr_commands_go_on(self, child);
}

static void on_ended(tr_supervisor_t *self, const tr_control_t *control)
{
    tr_child_t *child = tr_children_living(&self->children, control->incarnation);
    if (!child) {
        tr_event(self->self->runtime->events, TR_LOG_INFO, "quarantined_thread_ended",
                 TR_TEXT("supervisor", self->self->name),
                 TR_NUMBER("incarnation", control->incarnation));
        tr_quarantine_release(self->self->runtime->quarantine, control->incarnation,
                              LAST_STEPS_MS);
        return;
    }
    tr_child_phase_t was = child->view.phase;
    tr_claims_note_end(child, &control->reason);
    tr_child_ended(child, self->self->runtime);
    child_is_down(self, child, &control->reason, was);
}

static void on_pong(tr_supervisor_t *self, tr_child_t *child, const tr_control_t *pong)
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

static void receive(tr_self_t *actor, tr_letter_t *letter)
{
    tr_supervisor_t *self = actor->state;
    tr_command_t *command = tr_command_in(letter);
    if (command) {
        tr_commands_take(self, command);
        return;
    }
    tr_spawn_t *spawn = tr_spawn_in(letter);
    if (spawn) {
        tr_family_spawn(self, spawn);
        return;
    }
    tr_grant_t *grant = tr_grant_in(letter);
    if (grant) {
        tr_claims_take(self, grant);
        return;
    }
    const tr_control_t *control = tr_control_in(letter);
    tr_child_t *child =
        control ? tr_children_living(&self->children, control->incarnation) : NULL;
    switch (control ? control->word : TR_N_WORDS) {
    case TR_WORD_STARTED:
        if (child) {
            on_started(self, child, control);
        }
        break;
    case TR_WORD_ENDED:
        on_ended(self, control);
        break;
    case TR_WORD_PONG:
        if (child) {
            on_pong(self, child, control);
        }
        break;
    case TR_WORD_SURVEY:
        tr_supervisor_report(self, control);
        break;
    case TR_WORD_GROW:
        tr_pool_grow(self, control->number);
        break;
    case TR_WORD_SHRINK:
        tr_pool_shrink(self, child, control);
        break;
    case TR_WORD_JOIN:
        tr_guests_join(self, control);
        break;
    case TR_WORD_RETIRE:
        tr_guests_retire(self, child);
        break;
    case TR_WORD_NOT_YIELDED:
        tr_pool_take_refusal(self, child, control);
        break;
    case TR_WORD_REST:
        tr_pool_rest(self, control->number > 0);
        break;
    case TR_WORD_STOP_CHILD:
        tr_family_stop_child(self, control->name);
        break;
    default:
        break;
    }
    tr_letter_destroy(&letter);
}

/* ---- turns ---- */

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

static int64_t earlier(int64_t one, int64_t other)
{
    return one < other ? one : other;
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
        due_ms = earlier(due_ms, tr_health_next_ms(&child->health, plan));
        due_ms = earlier(due_ms, tr_health_probe_at_ms(&child->health, plan));
    }
    tr_children_set_due(&self->children, child, due_ms);
}

/* Each look sets the child's next one to a later time, or ends its life. */
static void look_after_due(tr_supervisor_t *self, int64_t now_ms)
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

static void start_child(tr_supervisor_t *self, tr_child_t *child, int64_t now_ms)
{
    if (tr_supervisor_is_pool(self) && tr_claims_hold(self, child, now_ms)) {
        return;
    }
    troupe_status_t status =
        tr_child_start(child, self->self->runtime, self->self->mailbox, self->path, now_ms);
    if (status == TROUPE_OK) {
        tr_claims_use(child);
        status = tr_children_born(&self->children, child);
    }
    if (status == TROUPE_OK) {
        tr_children_set_due(&self->children, child, now_ms);
        return;
    }
    tr_reason_t reason =
        status == TROUPE_EXISTS
            ? tr_reason_format(TROUPE_REASON_FAILED, "there is another actor called %s",
                               child->name)
            : tr_reason_format(TROUPE_REASON_FAILED, "%s", troupe_status_text(status));
    if (child->actor) {
        tr_child_quarantine(child, self->self->runtime, &reason);
    }
    tr_claims_drop(self, child);
    child->has_been_tried = true;
    child_is_down(self, child, &reason, TR_CHILD_STARTING);
}

static void stop_child(tr_supervisor_t *self, tr_child_t *child, int64_t now_ms)
{
    tr_reason_t reason = tr_reason_of(TROUPE_REASON_SHUTDOWN);
    if (tr_supervisor_is_pool(self)) {
        tr_pool_tell(self, TR_WORD_GOING, child);
    }
    bool is_killed = child->spec->shutdown_ms == 0 && tr_child_kill(child, &reason, 0, now_ms);
    if (!is_killed) {
        tr_child_ask_to_stop(child, reason, now_ms);
    }
    tr_children_set_due(&self->children, child, child->stop_until_ms);
}

static bool copy_views(tr_supervisor_t *self)
{
    if (self->children.n > self->n_views_room) {
        size_t n_room = self->children.n_room;
        tr_child_view_t *views = realloc(self->views, n_room * sizeof *views);
        if (!views) {
            return false;
        }
        self->views = views;
        self->n_views_room = n_room;
    }
    for (size_t i = 0; i < self->children.n; i++) {
        self->views[i] = self->children.all[i]->view;
    }
    return true;
}

/* Do what the strategy says until there is nothing to do, and note when to ask again. */
static void act(tr_supervisor_t *self, int64_t now_ms)
{
    self->must_act = true;
    for (;;) {
        if (self->must_act && !copy_views(self)) {
            self->must_act = false;
            self->act_at_ms = now_ms + 100; /* out of memory: later, perhaps */
            return;
        }
        self->must_act = false;
        tr_step_t step =
            tr_strategy_next(self->spec->strategy, self->views, self->children.n, now_ms);
        if (step.kind == TR_STEP_NOTHING) {
            self->act_at_ms = step.at_ms;
            return;
        }
        tr_child_t *child = self->children.all[step.child];
        if (step.kind == TR_STEP_START) {
            start_child(self, child, now_ms);
        } else {
            stop_child(self, child, now_ms);
        }
        if (!self->must_act) { /* nothing changed but this one */
            self->views[step.child] = child->view;
        }
    }
}

static bool are_all_down(const tr_supervisor_t *self)
{
    return self->children.by_incarnation.n_items == 0;
}

static bool are_all_started(const tr_supervisor_t *self)
{
    for (size_t i = 0; i < self->children.n; i++) {
        const tr_child_t *child = self->children.all[i];
        bool is_settled = child->view.phase == TR_CHILD_UP || !child->view.is_wanted ||
                          (tr_supervisor_is_pool(self) && child->has_been_tried);
        if (!is_settled) {
            return false;
        }
    }
    return true;
}

static void act_and_look_after(tr_supervisor_t *self, int64_t now_ms)
{
    do {
        if (self->must_act || now_ms >= self->act_at_ms) {
            act(self, now_ms);
        }
        look_after_due(self, now_ms);
    } while (self->must_act);
}

/* Its significant children have ended; OTP ends it with the reason `shutdown`. */
static void shut_down(tr_supervisor_t *self)
{
    tr_reason_t reason = tr_reason_of(TROUPE_REASON_SHUTDOWN);
    tr_event(self->self->runtime->events, TR_LOG_INFO, "auto_shutdown",
             TR_TEXT("supervisor", self->self->name));
    self->must_shut_down = false;
    stop_all(self, &reason);
}

static int64_t turn(tr_self_t *actor, int64_t now_ms)
{
    tr_supervisor_t *self = actor->state;
    int64_t due_ms = tr_supervisor_is_pool(self) ? tr_pool_turn(self, now_ms) : TR_NEVER;
    act_and_look_after(self, now_ms);
    if (tr_supervisor_is_pool(self)) {
        due_ms = earlier(due_ms, tr_recycle_turn(self, now_ms));
        due_ms = earlier(due_ms, tr_claims_turn(self, now_ms));
        act_and_look_after(self, now_ms);
    }
    if (!self->is_stopping && !self->has_started && are_all_started(self)) {
        self->has_started = true;
        tr_self_started(actor);
    }
    if (self->has_started && self->must_shut_down) {
        shut_down(self);
        act_and_look_after(self, now_ms);
    }
    if (self->is_stopping && are_all_down(self)) {
        tr_self_end(actor, &self->end_reason);
        return TR_NEVER;
    }
    const tr_child_t *first = tr_children_first_due(&self->children);
    due_ms = earlier(due_ms, first ? first->due_ms : TR_NEVER);
    return earlier(due_ms, self->act_at_ms);
}

static void stop(tr_self_t *actor, const tr_reason_t *reason)
{
    stop_all(actor->state, reason);
}

/* ---- life ---- */

static bool add_first_children(tr_supervisor_t *self)
{
    if (tr_supervisor_is_pool(self)) {
        return tr_pool_begin(self);
    }
    size_t n = tr_supervisor_is_template(self) ? 0 : self->spec->n_children;
    for (size_t i = 0; i < n; i++) {
        const tr_child_spec_t *spec = &self->spec->children[i];
        tr_child_t *child = tr_children_add(&self->children, spec, spec->name);
        if (!child) {
            return false;
        }
        child->keepsake = tr_keepsake_share(self->keepsake);
        child->spec_keepsake = tr_keepsake_share(self->keepsake);
        child->view.is_in_turn = true;
    }
    return true;
}

static bool is_no_child(const void *arg, tr_span_t name)
{
    const tr_supervisor_t *self = arg;
    for (size_t i = 0; i < self->children.n; i++) {
        const tr_child_t *child = self->children.all[i];
        const char *known_as = child->spec->known_as;
        if (tr_span_equals(name, known_as ? known_as : child->name)) {
            return false;
        }
    }
    return true;
}

/* Those that were added to its former life do not come back with this one. */
static void retire_strangers(tr_supervisor_t *self)
{
    tr_runtime_retire_those(self->self->runtime, self->path, is_no_child, self);
}

static char *make_path(const tr_self_t *actor)
{
    const char *home = actor->home ? actor->home : "";
    size_t size = strlen(home) + strlen(actor->name) + 2;
    char *path = malloc(size);
    if (path && *home) {
        snprintf(path, size, "%s%c%s", home, TR_PATH_SEPARATOR, actor->name);
    } else if (path) {
        snprintf(path, size, "%s", actor->name);
    }
    return path;
}

static bool begin(tr_self_t *actor, const void *arg)
{
    tr_supervisor_t *self = calloc(1, sizeof *self);
    actor->state = self;
    bool is_made = false;
    if (self) {
        self->self = actor;
        self->spec = arg;
        self->keepsake = tr_keepsake_share(actor->keepsake);
        self->must_act = true;
        self->dice = self->spec->seed ? self->spec->seed
                                      : (uint32_t)(actor->incarnation * 2654435761u) | 1u;
        tr_children_init(&self->children);
        tr_pings_init(&self->pings, actor->runtime->metrics);
        self->intensity = tr_intensity_new(self->spec->max_restarts, self->spec->period_ms);
        self->path = make_path(actor);
        is_made = self->intensity && self->path && add_first_children(self);
        if (is_made) {
            retire_strangers(self);
        }
    }
    if (!is_made) {
        actor->reason = tr_reason_format(TROUPE_REASON_FAILED, "out of memory");
    }
    return is_made;
}

/* A child that was asked for too late: who monitors it hears that it will not be. */
static void leftover(tr_self_t *actor, tr_letter_t *letter)
{
    tr_supervisor_t *self = actor->state;
    const tr_spawn_t *spawn = self ? tr_spawn_in(letter) : NULL;
    if (spawn) {
        tr_family_refuse(self, spawn);
    }
    tr_letter_destroy(&letter);
}

static void end(tr_self_t *actor)
{
    tr_supervisor_t *self = actor->state;
    if (!self) {
        return;
    }
    self->is_stopping = true;
    tr_claims_drop_all(self);
    /* Ends early only when its pipe was destroyed under it: what still runs is abandoned. */
    for (size_t i = self->children.n; i-- > 0;) {
        tr_child_t *child = self->children.all[i];
        if (child->actor) {
            tr_child_quarantine(child, actor->runtime, &actor->reason);
        }
        child->is_leaving = true;
        tr_commands_go_on(self, child);
    }
    tr_recycle_finish(self);
    tr_pool_size_finish(self);
    tr_children_finish(&self->children);
    tr_mailbox_release(&self->router);
    tr_intensity_destroy(&self->intensity);
    tr_keepsake_release(&self->keepsake);
    free(self->views);
    free(self->path);
    free(self);
    actor->state = NULL;
}

static const tr_actor_class_t supervisor_class = {
    .kind = "supervisor",
    .starts_late = true,
    .begin = begin,
    .receive = receive,
    .turn = turn,
    .stop = stop,
    .leftover = leftover,
    .end = end,
};

troupe_status_t tr_supervisor_start(const tr_birth_t *birth, tr_actor_t **out)
{
    return tr_actor_start(
        &(tr_actor_setup_t){
            .class = &supervisor_class,
            .name = birth->name,
            .runtime = birth->runtime,
            .parent = birth->parent,
            .home = birth->home,
            .limits = {MAILBOX_LETTERS, MAILBOX_BYTES},
            .arg = birth->what,
            .keepsake = birth->keepsake,
        },
        out);
}
