/* The actor that carries out what the pure files decide.
 *
 * It never waits for a child: a start or a stop is begun, and what comes of it arrives as a
 * word. Each turn it looks after the children's health, does what tr_strategy_next says until
 * there is nothing to do, and sleeps until the next thing is due.
 *
 * Once `is_stopping` is set nothing is restarted any more; when all children are down it ends,
 * for `end_reason`.
 */

#include "supervisors/supervisor.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisors/pool.h"

#define MAILBOX_LETTERS 10000
#define MAILBOX_BYTES   ((size_t)64 << 20)

/* ---- children ---- */

tr_child_t *tr_supervisor_add(tr_supervisor_t *self, const tr_child_spec_t *spec,
                              const char *name)
{
    if (self->n_children == self->n_room) {
        size_t n_room = self->n_room ? self->n_room * 2 : 8;
        tr_child_t **children = realloc(self->children, n_room * sizeof *children);
        if (children) {
            self->children = children;
        }
        tr_child_view_t *views = realloc(self->views, n_room * sizeof *views);
        if (views) {
            self->views = views;
        }
        if (!children || !views) {
            return NULL;
        }
        self->n_room = n_room;
    }
    tr_child_t *child = tr_child_new(spec, name);
    if (child) {
        self->children[self->n_children++] = child;
    }
    return child;
}

static void remove_child(tr_supervisor_t *self, tr_child_t *child)
{
    size_t i = 0;
    while (self->children[i] != child) {
        i++;
    }
    for (; i + 1 < self->n_children; i++) {
        self->children[i] = self->children[i + 1];
    }
    self->n_children--;
    tr_child_destroy(&child);
}

static size_t index_of(const tr_supervisor_t *self, const tr_child_t *child)
{
    size_t i = 0;
    while (self->children[i] != child) {
        i++;
    }
    return i;
}

static tr_child_t *child_of(tr_supervisor_t *self, uint64_t incarnation)
{
    return incarnation ? tr_idmap_get(&self->by_incarnation, incarnation) : NULL;
}

static uint32_t roll_dice(tr_supervisor_t *self)
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
    self->end_reason = *reason;
    for (size_t i = 0; i < self->n_children; i++) {
        self->children[i]->view.is_wanted = false;
        self->children[i]->view.must_stop = true;
    }
}

/* The first cause travels up the whole chain: a reason that already names one is kept. */
static void give_up(tr_supervisor_t *self, const tr_child_t *child, const tr_reason_t *cause,
                    const char *what)
{
    char shown[TR_REASON_TEXT];
    tr_reason_t reason = tr_reason_format(TROUPE_REASON_FAILED, "%s %s: %.180s", child->name,
                                          what, tr_reason_show(cause, shown, sizeof shown));
    tr_log(TR_LOG_ERROR, "supervisor_gives_up", TR_TEXT("supervisor", self->self->name),
           TR_TEXT("reason", reason.text));
    stop_all(self, &reason);
}

static bool must_restart(const tr_child_t *child, const tr_reason_t *reason, bool was_starting)
{
    switch (child->spec->restart) {
    case TR_RESTART_PERMANENT:
        return true;
    case TR_RESTART_TRANSIENT:
        return was_starting || tr_reason_is_abnormal(reason);
    default:
        return false;
    }
}

static bool is_too_often(tr_supervisor_t *self, tr_child_t *child, int64_t now_ms)
{
    return (child->own_intensity &&
            tr_intensity_admit(child->own_intensity, now_ms) != TROUPE_OK) ||
           tr_intensity_admit(self->intensity, now_ms) != TROUPE_OK;
}

/* Let those that fall with `child` fall, and rise again in turn. Temporary siblings do not. */
static void fell_siblings(tr_supervisor_t *self, tr_child_t *child)
{
    size_t first, end;
    tr_strategy_affected(self->spec->strategy, self->n_children, index_of(self, child), &first,
                         &end);
    for (size_t i = first; end - first > 1 && i < end; i++) {
        tr_child_t *sibling = self->children[i];
        sibling->view.must_stop = sibling->view.phase != TR_CHILD_DOWN;
        sibling->view.is_in_turn = true;
        if (sibling != child && sibling->spec->restart == TR_RESTART_TEMPORARY) {
            sibling->view.is_wanted = false;
        }
    }
}

static void restart(tr_supervisor_t *self, tr_child_t *child, int64_t now_ms)
{
    int64_t lived_ms = now_ms - child->up_since_ms;
    int64_t delay_ms = tr_backoff_next_ms(&child->backoff, lived_ms, roll_dice(self));
    child->n_restarts++;
    child->view.start_at_ms = tr_clock_after(now_ms, delay_ms);
    fell_siblings(self, child);
    tr_log(TR_LOG_INFO, "restarting", TR_TEXT("child", child->name),
           TR_NUMBER("in_ms", delay_ms), TR_NUMBER("restarts", child->n_restarts));
}

/* A child is down that nobody told to stop. */
static void child_fell(tr_supervisor_t *self, tr_child_t *child, const tr_reason_t *reason,
                       bool was_starting)
{
    int64_t now_ms = tr_clock_now_ms();
    child->last_reason = *reason;
    if (reason->kind == TROUPE_REASON_IGNORED) {
        child->view.is_wanted = false;
        child->is_leaving =
            tr_supervisor_is_pool(self) || child->spec->restart == TR_RESTART_TEMPORARY;
        return;
    }
    if (self->is_stopping) {
        return;
    }
    if (was_starting && !self->has_started && !tr_supervisor_is_pool(self)) {
        give_up(self, child, reason, "did not start");
    } else if (!must_restart(child, reason, was_starting)) {
        child->view.is_wanted = false;
        child->is_leaving =
            tr_supervisor_is_pool(self) || child->spec->restart == TR_RESTART_TEMPORARY;
    } else if (!is_too_often(self, child, now_ms)) {
        restart(self, child, now_ms);
    } else if (tr_supervisor_is_pool(self) && !self->spec->escalates) {
        tr_pool_be_unavailable(self, child, reason, now_ms);
    } else {
        give_up(self, child, reason, "failed too often");
    }
}

static void log_end(const tr_child_t *child, const tr_reason_t *reason, bool was_starting)
{
    char shown[TR_REASON_TEXT];
    tr_log(tr_reason_is_abnormal(reason) ? TR_LOG_WARNING : TR_LOG_INFO,
           was_starting ? "did_not_start" : "ended", TR_TEXT("child", child->name),
           TR_TEXT("kind", child->spec->kind),
           TR_TEXT("reason", tr_reason_show(reason, shown, sizeof shown)));
}

/* Count the end of a worker that nobody told to end. */
static void count_end(tr_supervisor_t *self, const tr_child_t *child, const tr_reason_t *reason,
                      tr_child_phase_t was)
{
    if (!tr_supervisor_is_pool(self) || was == TR_CHILD_STOPPING) {
        return;
    }
    tr_metric_add(tr_metrics_series(self->self->runtime->metrics, TR_METRIC_COUNTER,
                                    "troupe_worker_restarts_total",
                                    "Workers that ended without being told to",
                                    (tr_label_t){"capability", child->spec->name},
                                    (tr_label_t){"reason", tr_reason_name(reason->kind)}),
                  1);
}

/* However it ended: tell those who must know, then decide. */
static void child_is_down(tr_supervisor_t *self, tr_child_t *child, const tr_reason_t *reason,
                          tr_child_phase_t was)
{
    tr_idmap_take(&self->by_incarnation, child->incarnation);
    log_end(child, reason, was == TR_CHILD_STARTING);
    count_end(self, child, reason, was);
    if (tr_supervisor_is_pool(self)) {
        tr_pool_tell_down(self, child, reason, was);
    }
    if (was != TR_CHILD_STOPPING) {
        child_fell(self, child, reason, was == TR_CHILD_STARTING);
    }
    if (child->is_leaving) {
        remove_child(self, child);
    }
}

/* ---- words ---- */

static void on_started(tr_supervisor_t *self, tr_child_t *child)
{
    if (child->view.phase != TR_CHILD_STARTING) {
        return; /* told to stop meanwhile */
    }
    tr_child_came_up(child, tr_clock_now_ms());
    tr_log(TR_LOG_INFO, "started", TR_TEXT("child", child->name),
           TR_TEXT("kind", child->spec->kind));
    if (tr_supervisor_is_pool(self)) {
        tr_pool_tell_up(self, child);
    }
}

static void on_ended(tr_supervisor_t *self, const tr_control_t *control)
{
    tr_child_t *child = child_of(self, control->incarnation);
    if (!child) {
        tr_log(TR_LOG_INFO, "quarantined_thread_ended", TR_TEXT("supervisor", self->self->name),
               TR_NUMBER("incarnation", control->incarnation));
        tr_quarantine_sweep(self->self->runtime->quarantine);
        return;
    }
    tr_child_phase_t was = child->view.phase;
    tr_child_ended(child, self->self->runtime);
    child_is_down(self, child, &control->reason, was);
}

static void on_pong(tr_supervisor_t *self, tr_child_t *child, const tr_control_t *pong)
{
    tr_health_pong(&child->health, pong->number);
    if (child->is_doubtful && child->view.phase == TR_CHILD_UP) {
        child->is_doubtful = false;
        if (tr_supervisor_is_pool(self)) {
            tr_pool_tell(self, TR_WORD_FINE, child);
        }
    }
}

static void receive(tr_self_t *actor, tr_letter_t *letter)
{
    tr_supervisor_t *self = actor->state;
    const tr_control_t *control = tr_control_in(letter);
    tr_child_t *child = control ? child_of(self, control->incarnation) : NULL;
    switch (control ? control->word : TR_N_WORDS) {
    case TR_WORD_STARTED:
        if (child) {
            on_started(self, child);
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
        tr_pool_grow(self);
        break;
    case TR_WORD_SHRINK:
        tr_pool_shrink(self, child);
        break;
    default:
        break;
    }
    tr_letter_destroy(&letter);
}

/* ---- turns ---- */

/* Ping what is due, give up on what hangs. Returns when to look at this child again. */
static int64_t look_after(tr_supervisor_t *self, tr_child_t *child, int64_t now_ms)
{
    if (child->view.phase == TR_CHILD_DOWN) {
        return TR_NEVER;
    }
    if (child->view.phase == TR_CHILD_STOPPING) {
        if (now_ms < child->stop_until_ms) {
            return child->stop_until_ms;
        }
        tr_reason_t reason = tr_reason_format(TROUPE_REASON_HUNG, "did not stop within %lld ms",
                                              (long long)child->spec->shutdown_ms);
        tr_child_quarantine(child, self->self->runtime);
        child_is_down(self, child, &reason, TR_CHILD_STOPPING);
        return now_ms;
    }
    const tr_health_plan_t *plan = &child->spec->health;
    tr_vital_signs_t signs = tr_child_vital_signs(child);
    char why[TR_REASON_TEXT] = "";
    tr_verdict_t verdict =
        tr_health_judge(&child->health, plan, &signs, now_ms, why, sizeof why);
    if (verdict == TR_VERDICT_HUNG) {
        tr_child_phase_t was = child->view.phase;
        tr_reason_t reason = tr_reason_format(TROUPE_REASON_HUNG, "%s", why);
        tr_child_quarantine(child, self->self->runtime);
        child_is_down(self, child, &reason, was);
        return now_ms;
    }
    if (verdict == TR_VERDICT_DOUBTFUL && !child->is_doubtful) {
        child->is_doubtful = true;
        if (tr_supervisor_is_pool(self)) {
            tr_pool_tell(self, TR_WORD_DOUBTFUL, child);
        }
    }
    int64_t hung_at_ms = tr_health_deadline_ms(&child->health, plan, &signs);
    if (child->view.phase == TR_CHILD_STARTING) {
        return hung_at_ms;
    }
    if (now_ms >= tr_health_next_ms(&child->health, plan)) {
        tr_control_t *ping = tr_control_new(TR_WORD_PING, child->incarnation);
        if (ping) {
            ping->number = tr_health_ping(&child->health, now_ms);
            tr_control_send(ping, child->actor->mailbox);
        }
    }
    int64_t ping_at_ms = tr_health_next_ms(&child->health, plan);
    return hung_at_ms < ping_at_ms ? hung_at_ms : ping_at_ms;
}

static void start_child(tr_supervisor_t *self, tr_child_t *child, int64_t now_ms)
{
    troupe_status_t status =
        tr_child_start(child, self->self->runtime, self->self->mailbox, now_ms);
    if (status == TROUPE_OK) {
        status = tr_idmap_put(&self->by_incarnation, child->incarnation, child);
        assert(status != TROUPE_EXISTS);
    }
    if (status != TROUPE_OK) {
        tr_reason_t reason =
            tr_reason_format(TROUPE_REASON_FAILED, "%s", troupe_status_text(status));
        if (child->actor) {
            tr_child_quarantine(child, self->self->runtime);
        }
        child->has_been_tried = true;
        child_is_down(self, child, &reason, TR_CHILD_STARTING);
    }
}

static void stop_child(tr_supervisor_t *self, tr_child_t *child, int64_t now_ms)
{
    if (tr_supervisor_is_pool(self)) {
        tr_pool_tell(self, TR_WORD_GOING, child);
    }
    tr_child_ask_to_stop(child, tr_reason_of(TROUPE_REASON_SHUTDOWN), now_ms);
}

/* Do what the strategy says until there is nothing to do; returns when to ask again. */
static int64_t act(tr_supervisor_t *self, int64_t now_ms)
{
    for (;;) {
        for (size_t i = 0; i < self->n_children; i++) {
            self->views[i] = self->children[i]->view;
        }
        tr_step_t step =
            tr_strategy_next(self->spec->strategy, self->views, self->n_children, now_ms);
        if (step.kind == TR_STEP_NOTHING) {
            return step.at_ms;
        }
        if (step.kind == TR_STEP_START) {
            start_child(self, self->children[step.child], now_ms);
        } else {
            stop_child(self, self->children[step.child], now_ms);
        }
    }
}

static bool are_all_down(const tr_supervisor_t *self)
{
    for (size_t i = 0; i < self->n_children; i++) {
        if (self->children[i]->view.phase != TR_CHILD_DOWN) {
            return false;
        }
    }
    return true;
}

static bool are_all_started(const tr_supervisor_t *self)
{
    for (size_t i = 0; i < self->n_children; i++) {
        const tr_child_t *child = self->children[i];
        bool is_settled = child->view.phase == TR_CHILD_UP || !child->view.is_wanted ||
                          (tr_supervisor_is_pool(self) && child->has_been_tried);
        if (!is_settled) {
            return false;
        }
    }
    return true;
}

static int64_t turn(tr_self_t *actor, int64_t now_ms)
{
    tr_supervisor_t *self = actor->state;
    int64_t due_ms = tr_supervisor_is_pool(self) ? tr_pool_turn(self, now_ms) : TR_NEVER;
    /* From the end: a child that falls here may leave the list. */
    for (size_t i = self->n_children; i-- > 0;) {
        int64_t look_ms = look_after(self, self->children[i], now_ms);
        due_ms = look_ms < due_ms ? look_ms : due_ms;
    }
    int64_t start_ms = act(self, now_ms);
    due_ms = start_ms < due_ms ? start_ms : due_ms;
    if (self->is_stopping && are_all_down(self)) {
        tr_self_end(actor, &self->end_reason);
    } else if (!self->is_stopping && !self->has_started && are_all_started(self)) {
        self->has_started = true;
        tr_self_started(actor);
    }
    return due_ms;
}

static void stop(tr_self_t *actor, const tr_reason_t *reason)
{
    stop_all(actor->state, reason);
}

/* ---- life ---- */

static bool begin(tr_self_t *actor, const void *arg)
{
    tr_supervisor_t *self = calloc(1, sizeof *self);
    actor->state = self;
    bool is_made = false;
    if (self) {
        self->self = actor;
        self->spec = arg;
        self->dice = (uint32_t)(actor->incarnation * 2654435761u) | 1u;
        tr_idmap_init(&self->by_incarnation);
        self->intensity = tr_intensity_new(self->spec->max_restarts, self->spec->period_ms);
        is_made = self->intensity != NULL;
        if (is_made && tr_supervisor_is_pool(self)) {
            is_made = tr_pool_begin(self);
        } else {
            for (size_t i = 0; is_made && i < self->spec->n_children; i++) {
                const tr_child_spec_t *spec = &self->spec->children[i];
                tr_child_t *child = tr_supervisor_add(self, spec, spec->name);
                is_made = child != NULL;
                if (child) {
                    child->view.is_in_turn = true;
                }
            }
        }
    }
    if (!is_made) {
        actor->reason = tr_reason_format(TROUPE_REASON_FAILED, "out of memory");
    }
    return is_made;
}

static void end(tr_self_t *actor)
{
    tr_supervisor_t *self = actor->state;
    if (!self) {
        return;
    }
    /* Ends early only when its pipe was destroyed under it: what still runs is abandoned. */
    for (size_t i = 0; i < self->n_children; i++) {
        if (self->children[i]->actor) {
            tr_child_quarantine(self->children[i], actor->runtime);
        }
        tr_child_destroy(&self->children[i]);
    }
    tr_mailbox_release(&self->router);
    tr_intensity_destroy(&self->intensity);
    tr_idmap_finish(&self->by_incarnation);
    free(self->children);
    free(self->views);
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
    .end = end,
};

troupe_status_t tr_supervisor_start(const void *what, const char *name, tr_runtime_t *runtime,
                                    tr_mailbox_t *parent, tr_actor_t **out)
{
    return tr_actor_start(
        &(tr_actor_setup_t){
            .class = &supervisor_class,
            .name = name,
            .runtime = runtime,
            .parent = parent,
            .limits = {MAILBOX_LETTERS, MAILBOX_BYTES},
            .arg = what,
        },
        out);
}
