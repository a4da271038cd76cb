/* One replacement at a time: a pool never has more than one worker beyond its `max`.
 *
 *     must_be_replaced ──> a replacement starts ──> it is up: the old one is retiring
 *                                                    ──> it has nothing left to do: it stops
 *
 * and if there is no room for the replacement:
 *
 *     the old one is retiring ──> it has nothing left to do: it stops, and starts again
 */

#include "supervisors/recycle.h"

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisors/claims.h"
#include "supervisors/commands.h"
#include "supervisors/pool.h"

/* A replacement waits for room no longer than so much more than others may stay for. */
#define PATIENCE_MS 2000

int64_t tr_recycle_limit(int64_t limit, double jitter, uint32_t dice)
{
    if (limit <= 0) {
        return 0;
    }
    double part = (double)limit * jitter * ((double)dice / (double)UINT32_MAX);
    int64_t lessened = limit - (int64_t)part;
    return lessened > 0 ? lessened : 1;
}

/* ---- the rolling restart's answer ---- */

static void answer_roll(tr_supervisor_t *self, tr_answer_code_t code, const char *text)
{
    while (self->recycle.roll) {
        tr_command_t *command = self->recycle.roll;
        self->recycle.roll = command->next;
        tr_answer_t *answer = tr_answer_new(command, code);
        if (answer) {
            snprintf(answer->name, sizeof answer->name, "%s", self->spec->capability);
            snprintf(answer->text, sizeof answer->text, "%s", text);
        }
        tr_answer_send(answer, command);
    }
}

static tr_child_t *next_to_be_replaced(const tr_supervisor_t *self)
{
    for (size_t i = 0; i < self->children.n; i++) {
        tr_child_t *child = self->children.all[i];
        if (child->must_be_replaced && child->view.is_wanted && !child->is_retiring) {
            return child;
        }
    }
    return NULL;
}

static void answer_roll_if_done(tr_supervisor_t *self)
{
    if (!self->recycle.replacement && !self->recycle.alone && !next_to_be_replaced(self)) {
        answer_roll(self, TR_ANSWER_DONE, "one worker after another");
    }
}

void tr_recycle_roll(tr_supervisor_t *self, tr_command_t *command)
{
    assert(self && command);
    if (self->recycle.roll) {
        tr_answer_t *answer = tr_answer_new(command, TR_ANSWER_REFUSED);
        if (answer) {
            snprintf(answer->text, sizeof answer->text,
                     "its workers are being replaced already");
        }
        tr_answer_send(answer, command);
        return;
    }
    self->recycle.roll = command;
    self->recycle.not_before_ms = 0;
    for (size_t i = 0; i < self->children.n; i++) {
        self->children.all[i]->must_be_replaced = !self->children.all[i]->is_guest;
    }
    answer_roll_if_done(self);
}

/* What it needs may be another, and what kept it from starting may be over. */
static void start_anew(tr_supervisor_t *self, tr_child_t *child)
{
    tr_claims_drop(self, child);
    child->view.start_at_ms = 0;
    tr_backoff_init(&child->backoff, child->spec->backoff_min_ms, child->spec->backoff_max_ms);
}

void tr_recycle_renew(tr_supervisor_t *self, tr_command_t *command)
{
    assert(self && command);
    command->next = self->recycle.roll;
    self->recycle.roll = command;
    self->recycle.not_before_ms = 0;
    self->unavailable_until_ms = self->unavailable_until_ms > 0; /* those may be better ones */
    self->n_out_of_memory = 0;
    for (size_t i = 0; i < self->children.n; i++) {
        tr_child_t *child = self->children.all[i];
        child->is_outdated = child->must_be_replaced = child->actor != NULL && !child->is_guest;
        if (!child->actor) {
            start_anew(self, child);
        }
    }
    tr_child_t *replacement = self->recycle.replacement;
    if (replacement && replacement->is_outdated) { /* of no use any more */
        self->recycle.replacement = NULL;
        self->recycle.old = NULL;
        tr_recycle_retire(self, replacement);
    }
    answer_roll_if_done(self);
}

void tr_recycle_finish(tr_supervisor_t *self)
{
    answer_roll(self, TR_ANSWER_STOPPING, "");
}

/* ---- workers come ---- */

/* The old one gets nothing new from now on. */
void tr_recycle_retire(tr_supervisor_t *self, tr_child_t *child)
{
    assert(self && child);
    if (child->view.phase == TR_CHILD_UP) {
        child->is_retiring = true;
        tr_pool_tell(self, TR_WORD_GOING, child);
        return;
    }
    child->view.is_wanted = false; /* it fell meanwhile, and is not needed any more */
    child->is_leaving = true;
    tr_supervisor_stop_alone(self, child);
}

static void set_limits(const tr_supervisor_t *self, tr_child_t *child, uint32_t dice)
{
    const tr_recycle_plan_t *plan = &self->spec->recycle;
    int64_t age_ms = tr_recycle_limit(plan->age_ms, plan->jitter, dice);
    child->recycle_requests = (uint64_t)tr_recycle_limit(plan->requests, plan->jitter, dice);
    child->recycle_at_ms = age_ms > 0 ? tr_clock_after(child->up_since_ms, age_ms) : TR_NEVER;
}

void tr_recycle_follow(tr_supervisor_t *self)
{
    assert(self);
    for (size_t i = 0; i < self->children.n; i++) {
        tr_child_t *child = self->children.all[i];
        if (child->view.phase == TR_CHILD_UP && !child->is_guest) {
            set_limits(self, child, (uint32_t)(child->incarnation * 2654435761u));
        }
    }
}

void tr_recycle_came_up(tr_supervisor_t *self, tr_child_t *child, uint32_t dice)
{
    if (!child->is_guest) {
        set_limits(self, child, dice);
    }
    child->must_be_replaced = child->is_outdated;
    child->is_retiring = false;
    child->is_replacing_itself = false;
    if (child == self->recycle.alone) {
        self->recycle.alone = NULL;
        tr_event(self->self->runtime->events, TR_LOG_INFO, "replaced",
                 TR_TEXT("worker", child->name), TR_TEXT("by", child->name));
    } else if (child == self->recycle.replacement) {
        tr_child_t *old = self->recycle.old;
        self->recycle.replacement = NULL;
        self->recycle.old = NULL;
        if (old) {
            tr_event(self->self->runtime->events, TR_LOG_INFO, "replaced",
                     TR_TEXT("worker", old->name), TR_TEXT("by", child->name));
            tr_recycle_retire(self, old);
        }
    }
    answer_roll_if_done(self);
}

/* No other is begun, whoever waits for it, before a while has passed. */
static void stop_rolling(tr_supervisor_t *self, const tr_child_t *child)
{
    char shown[TR_REASON_TEXT];
    tr_reason_show(&child->last_reason, shown, sizeof shown);
    tr_event(self->self->runtime->events, TR_LOG_WARNING, "not_replaced",
             TR_TEXT("capability", self->spec->capability), TR_TEXT("reason", shown));
    self->recycle.not_before_ms =
        tr_clock_after(tr_clock_now_ms(), self->spec->children->backoff_max_ms);
    if (self->recycle.roll) {
        for (size_t i = 0; i < self->children.n; i++) {
            self->children.all[i]->must_be_replaced = false;
        }
        answer_roll(self, TR_ANSWER_FAILED, shown);
    }
}

bool tr_recycle_take_failure(tr_supervisor_t *self, tr_child_t *child)
{
    if (child == self->recycle.alone) { /* it is started again, as any that failed */
        self->recycle.alone = NULL;
        child->must_be_replaced = false;
        stop_rolling(self, child);
        return false;
    }
    if (child != self->recycle.replacement) {
        return false;
    }
    child->view.is_wanted = false;
    child->is_leaving = true;
    self->recycle.replacement = NULL;
    self->recycle.old = NULL;
    stop_rolling(self, child);
    return true;
}

/* ---- without room for two ---- */

/* The replacement is given up, and gone after it. */
static void replace_alone(tr_supervisor_t *self)
{
    tr_child_t *replacement = self->recycle.replacement;
    tr_child_t *old = self->recycle.old;
    self->recycle.replacement = NULL;
    self->recycle.old = NULL;
    replacement->view.is_wanted = false;
    replacement->is_leaving = true;
    tr_claims_drop(self, replacement);
    tr_commands_go_on(self, replacement);
    if (old && old->view.phase == TR_CHILD_UP && old->view.is_wanted) {
        tr_event(self->self->runtime->events, TR_LOG_INFO, "replaces_itself",
                 TR_TEXT("worker", old->name));
        old->is_retiring = true;
        old->is_replacing_itself = true;
        self->recycle.alone = old;
        tr_pool_tell(self, TR_WORD_GOING, old);
    }
}

bool tr_recycle_take_refusal(tr_supervisor_t *self, tr_child_t *child)
{
    if (child != self->recycle.replacement) {
        return false;
    }
    replace_alone(self);
    return true;
}

/* It asks for room, and has none yet. Returns when patience is over. */
static int64_t wait_for_room(tr_supervisor_t *self, int64_t now_ms)
{
    const tr_child_t *replacement = self->recycle.replacement;
    if (!replacement->view.is_held) {
        return TR_NEVER;
    }
    int64_t residency_ms = atomic_load(&self->self->runtime->memory.residency_ms);
    int64_t until_ms = tr_clock_after(replacement->claim.asked_ms, PATIENCE_MS + residency_ms);
    if (now_ms < until_ms) {
        return until_ms;
    }
    replace_alone(self);
    return TR_NEVER;
}

/* ---- workers go ---- */

static bool has_nothing_to_do(const tr_child_t *child)
{
    return atomic_load(&child->actor->pulse->running_since_ms) == 0 &&
           tr_mailbox_depth(child->actor->mailbox) == 0;
}

void tr_recycle_look(tr_supervisor_t *self, tr_child_t *child, int64_t now_ms)
{
    if (child->is_retiring && has_nothing_to_do(child)) {
        child->view.is_wanted = child->is_replacing_itself;
        child->is_leaving = !child->is_replacing_itself;
        tr_supervisor_stop_alone(self, child);
    }
    uint64_t n_done = atomic_load(&child->actor->pulse->n_done);
    if ((child->recycle_requests > 0 && n_done >= child->recycle_requests) ||
        now_ms >= child->recycle_at_ms) {
        child->must_be_replaced = true;
    }
}

void tr_recycle_forget(tr_supervisor_t *self, const tr_child_t *child)
{
    if (child == self->recycle.old) {
        self->recycle.old = NULL;
    }
    if (child == self->recycle.replacement) {
        self->recycle.replacement = NULL;
    }
    if (child == self->recycle.alone) {
        self->recycle.alone = NULL;
    }
}

int64_t tr_recycle_turn(tr_supervisor_t *self, int64_t now_ms)
{
    answer_roll_if_done(self);
    if (self->recycle.replacement && !self->is_stopping) {
        return wait_for_room(self, now_ms);
    }
    tr_child_t *old = next_to_be_replaced(self);
    if (self->recycle.replacement || self->recycle.alone || !old || self->is_stopping ||
        self->unavailable_until_ms > 0) {
        return TR_NEVER;
    }
    if (now_ms < self->recycle.not_before_ms) {
        return self->recycle.not_before_ms;
    }
    self->recycle.replacement = tr_supervisor_add_from_template(self);
    if (!self->recycle.replacement) {
        self->recycle.not_before_ms = tr_clock_after(now_ms, 1000); /* out of memory */
        return self->recycle.not_before_ms;
    }
    self->recycle.old = old;
    return TR_NEVER;
}
