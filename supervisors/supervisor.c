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
#include "supervisors/care.h"
#include "supervisors/claims.h"
#include "supervisors/commands.h"
#include "supervisors/fall.h"
#include "supervisors/family.h"
#include "supervisors/guests.h"
#include "supervisors/pool.h"
#include "supervisors/pool_size.h"
#include "supervisors/recycle.h"

#define MAILBOX_LETTERS 100000
#define MAILBOX_BYTES   ((size_t)64 << 20)

/* A thread that has said that it ended needs no longer than this to be gone. */
#define LAST_STEPS_MS 2000

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
    tr_fall_child_is_down(self, child, &control->reason, was);
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
            tr_care_take_pong(self, child, control);
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
    tr_fall_child_is_down(self, child, &reason, TR_CHILD_STARTING);
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
        tr_care_look_after_due(self, now_ms);
    } while (self->must_act);
}

/* Its significant children have ended; OTP ends it with the reason `shutdown`. */
static void shut_down(tr_supervisor_t *self)
{
    tr_reason_t reason = tr_reason_of(TROUPE_REASON_SHUTDOWN);
    tr_event(self->self->runtime->events, TR_LOG_INFO, "auto_shutdown",
             TR_TEXT("supervisor", self->self->name));
    self->must_shut_down = false;
    tr_fall_stop_all(self, &reason);
}

static int64_t turn(tr_self_t *actor, int64_t now_ms)
{
    tr_supervisor_t *self = actor->state;
    int64_t due_ms = tr_supervisor_is_pool(self) ? tr_pool_turn(self, now_ms) : TR_NEVER;
    act_and_look_after(self, now_ms);
    if (tr_supervisor_is_pool(self)) {
        due_ms = tr_clock_earlier(due_ms, tr_recycle_turn(self, now_ms));
        due_ms = tr_clock_earlier(due_ms, tr_claims_turn(self, now_ms));
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
    due_ms = tr_clock_earlier(due_ms, first ? first->due_ms : TR_NEVER);
    return tr_clock_earlier(due_ms, self->act_at_ms);
}

static void stop(tr_self_t *actor, const tr_reason_t *reason)
{
    tr_fall_stop_all(actor->state, reason);
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
