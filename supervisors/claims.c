/* The paper of a claim is in one of three places: with the governor (`number`), here (`grant`),
 * or with the actor that it was started for. A paper that comes for a child that does not ask
 * for it any more is sent home; so withdrawing and granting may cross.
 */

#include "supervisors/claims.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "supervisors/commands.h"
#include "supervisors/governor.h"
#include "supervisors/pool.h"
#include "supervisors/recycle.h"

/* Whoever waits for so long has the router know why. */
#define TELL_MS 100

/* A pool whose first workers wait for so long does not hold up those behind it. */
#define PATIENCE_MS 1000

/* ---- asking ---- */

static bool has_needs(const tr_child_spec_t *spec)
{
    return spec->isolation == TR_ISOLATION_PROCESS || !tr_amounts_are_none(&spec->needs);
}

static bool is_beyond_min(const tr_supervisor_t *self, const tr_child_t *child)
{
    size_t n_others = 0;
    for (size_t i = 0; i < self->children.n; i++) {
        const tr_child_t *other = self->children.all[i];
        n_others +=
            other != child && other->view.is_wanted && !other->is_retiring && !other->is_guest;
    }
    return n_others >= self->least;
}

static bool is_first(const tr_supervisor_t *self, const tr_child_t *child)
{
    for (size_t i = 0; i < self->children.n; i++) {
        const tr_child_t *other = self->children.all[i];
        if (other != child && other->view.is_wanted && !other->is_guest &&
            (other->view.phase != TR_CHILD_DOWN || other->claim.grant)) {
            return false;
        }
    }
    return true;
}

static void say_to_governor(tr_supervisor_t *self, tr_control_t *word)
{
    tr_mailbox_t *governor = tr_directory_find(self->self->runtime->directory, TR_NAMES_ACTOR,
                                               tr_span_of(TR_NAME_GOVERNOR));
    tr_control_send(word, governor);
    tr_mailbox_release(&governor);
}

static tr_grant_t *make_out(tr_supervisor_t *self, const tr_child_t *child,
                            tr_mailbox_t *governor, int64_t now_ms)
{
    tr_grant_t *grant =
        tr_grant_new(tr_runtime_next_grant(self->self->runtime), governor, self->self->mailbox);
    if (grant) {
        snprintf(grant->capability, sizeof grant->capability, "%s", self->spec->capability);
        snprintf(grant->worker, sizeof grant->worker, "%s", child->name);
        grant->amount = child->spec->needs;
        grant->asked_ms = now_ms;
        grant->min_workers = self->least;
        grant->is_pinned = self->spec->is_pinned;
        grant->is_beyond_min = is_beyond_min(self, child);
        grant->is_first = is_first(self, child);
        grant->wants_all_room = child->claim.wants_all_room;
        grant->evict_cost = self->spec->evict_cost > 0 ? self->spec->evict_cost : 1;
    }
    return grant;
}

/* Whether there is somebody who will answer. */
static bool ask(tr_supervisor_t *self, tr_child_t *child, int64_t now_ms)
{
    tr_mailbox_t *governor = tr_directory_find(self->self->runtime->directory, TR_NAMES_ACTOR,
                                               tr_span_of(TR_NAME_GOVERNOR));
    tr_grant_t *grant = governor ? make_out(self, child, governor, now_ms) : NULL;
    uint64_t number = grant ? grant->number : 0;
    bool is_asked = grant && tr_grant_ask(&grant) == TROUPE_OK;
    if (is_asked) {
        child->claim.number = number;
        child->claim.asked_ms = now_ms;
        child->claim.wants_all_room = false;
        child->claim.is_told = false;
        child->view.is_held = true;
        self->n_held++;
        self->must_act = true;
    }
    tr_mailbox_release(&governor);
    return is_asked;
}

bool tr_claims_hold(tr_supervisor_t *self, tr_child_t *child, int64_t now_ms)
{
    assert(self && child && child->view.phase == TR_CHILD_DOWN);
    if (!has_needs(child->spec) || child->claim.grant) {
        return false;
    }
    return ask(self, child, now_ms);
}

void tr_claims_use(tr_child_t *child)
{
    assert(child && child->actor && !child->actor->grant);
    tr_grant_t *grant = child->claim.grant;
    child->claim.grant = NULL;
    child->claim.trouble[0] = '\0';
    child->actor->grant = grant;
    tr_control_t *word = grant ? tr_control_new(TR_WORD_HOLDS, child->incarnation) : NULL;
    if (word) {
        word->number = grant->number;
        word->pulse = tr_pulse_share(child->actor->pulse);
        snprintf(word->name, sizeof word->name, "%s", child->name);
        tr_control_send(word, grant->governor);
    }
}

/* ---- answers ---- */

/* The router hears of it, which may have nobody else. */
static void tell_refused(tr_supervisor_t *self, const tr_child_t *child,
                         const tr_reason_t *reason)
{
    tr_control_t *word = tr_control_new(TR_WORD_NOT_GROWN, 0);
    if (word) {
        snprintf(word->name, sizeof word->name, "%s", child->name);
        word->reason = *reason;
        tr_control_send(word, self->router);
    }
}

static void be_refused(tr_supervisor_t *self, tr_child_t *child, const tr_reason_t *reason)
{
    int64_t now_ms = tr_clock_now_ms();
    child->has_been_tried = true;
    snprintf(child->claim.trouble, sizeof child->claim.trouble, "%s", reason->text);
    if (tr_recycle_take_refusal(self, child)) {
        return;
    }
    child->last_reason = *reason;
    tr_commands_note_failure(child);
    tell_refused(self, child, reason);
    if (is_beyond_min(self, child)) {
        tr_pool_postpone_growth(self, now_ms);
        child->view.is_wanted = false;
        child->is_leaving = true;
        tr_commands_go_on(self, child);
        return;
    }
    child->view.start_at_ms = tr_clock_after(now_ms, tr_pool_pause_ms(self, &child->backoff));
    tr_commands_go_on(self, child);
}

void tr_claims_take(tr_supervisor_t *self, tr_grant_t *grant)
{
    assert(self && grant);
    tr_child_t *child = tr_children_named(&self->children, grant->worker);
    if (!child || child->claim.number != grant->number) {
        tr_grant_return(&grant);
        return;
    }
    child->claim.number = 0;
    child->view.is_held = false;
    self->n_held--;
    self->must_act = true;
    if (grant->state == TR_GRANT_GIVEN) {
        child->claim.grant = grant;
    } else {
        tr_reason_t reason = grant->reason;
        tr_grant_destroy(&grant);
        be_refused(self, child, &reason);
    }
}

/* ---- letting go ---- */

void tr_claims_drop(tr_supervisor_t *self, tr_child_t *child)
{
    assert(self && child);
    if (child->claim.number) {
        tr_control_t *word = tr_control_new(TR_WORD_WITHDRAW, 0);
        if (word) {
            word->number = child->claim.number;
            say_to_governor(self, word);
        }
        child->claim.number = 0;
    }
    tr_grant_return(&child->claim.grant);
    if (child->view.is_held) {
        child->view.is_held = false;
        self->n_held--;
        self->must_act = true;
    }
}

void tr_claims_drop_all(tr_supervisor_t *self)
{
    for (size_t i = 0; i < self->children.n; i++) {
        tr_claims_drop(self, self->children.all[i]);
    }
}

void tr_claims_withdraw(tr_supervisor_t *self)
{
    for (size_t i = self->children.n; i-- > 0;) {
        tr_child_t *child = self->children.all[i];
        if (child->view.is_held && !child->is_restarting &&
            child != self->recycle.replacement && is_beyond_min(self, child)) {
            tr_claims_drop(self, child);
            child->view.is_wanted = false;
            child->is_leaving = true;
            tr_commands_go_on(self, child);
        }
    }
}

/* ---- ends ---- */

void tr_claims_note_end(tr_child_t *child, const tr_reason_t *reason)
{
    if (child->actor && child->actor->grant) {
        child->actor->grant->was_out_of_memory = reason->is_out_of_memory;
    }
}

void tr_claims_note_eviction(tr_child_t *child, const char *cause, const char *whom)
{
    if (child->actor && child->actor->grant) {
        tr_grant_t *grant = child->actor->grant;
        snprintf(grant->cause, sizeof grant->cause, "%s", cause);
        snprintf(grant->whom, sizeof grant->whom, "%s", whom);
    }
}

/* ---- being seen ---- */

bool tr_claims_show(const tr_supervisor_t *self, const tr_child_t *child, char *why,
                    size_t size)
{
    char wanted[32], charged[32], budget[32];
    if (child->view.phase != TR_CHILD_DOWN ||
        (!child->view.is_held && !child->claim.trouble[0])) {
        return false;
    }
    if (child->claim.trouble[0]) {
        snprintf(why, size, "waits for memory: %.200s", child->claim.trouble);
        return true;
    }
    const tr_memory_view_t *memory = &self->self->runtime->memory;
    int64_t budget_bytes = atomic_load(&memory->budget_bytes);
    snprintf(why, size, "waits for memory: %s, when %s of %s are charged",
             tr_text_show_size(child->spec->needs.of[TR_MEMORY], wanted, sizeof wanted),
             tr_text_show_size((uint64_t)atomic_load(&memory->charged_bytes), charged,
                               sizeof charged),
             budget_bytes < 0
                 ? "what there is"
                 : tr_text_show_size((uint64_t)budget_bytes, budget, sizeof budget));
    return true;
}

/* So that a request whose time is over meanwhile is told what it waited for. */
static void tell_waiting(tr_supervisor_t *self, tr_child_t *child)
{
    tr_control_t *word = tr_control_new(TR_WORD_NOT_GROWN, 0);
    child->claim.is_told = true;
    if (word) {
        word->number = 1; /* it goes on to wait */
        snprintf(word->name, sizeof word->name, "%s", child->name);
        word->reason.kind = TROUPE_REASON_FAILED;
        word->reason.is_out_of_memory = true;
        tr_claims_show(self, child, word->reason.text, sizeof word->reason.text);
        tr_control_send(word, self->router);
    }
}

/* Returns when to look at it again. */
static int64_t look_at_held(tr_supervisor_t *self, tr_child_t *child, int64_t now_ms)
{
    int64_t tell_ms = tr_clock_after(child->claim.asked_ms, TELL_MS);
    int64_t tired_ms = tr_clock_after(child->claim.asked_ms, PATIENCE_MS);
    if (child == self->recycle.replacement) {
        child->claim.is_told = true; /* who is there serves, and nobody waits for it */
    } else if (!child->claim.is_told && now_ms >= tell_ms) {
        tell_waiting(self, child);
    }
    if (!child->claim.is_told) {
        return tell_ms;
    }
    if (self->has_started || child->has_been_tried) {
        return TR_NEVER;
    }
    child->has_been_tried = now_ms >= tired_ms;
    return child->has_been_tried ? TR_NEVER : tired_ms;
}

int64_t tr_claims_turn(tr_supervisor_t *self, int64_t now_ms)
{
    int64_t due_ms = TR_NEVER;
    for (size_t i = 0; self->n_held > 0 && i < self->children.n; i++) {
        if (self->children.all[i]->view.is_held) {
            int64_t again_ms = look_at_held(self, self->children.all[i], now_ms);
            due_ms = tr_clock_earlier(due_ms, again_ms);
        }
    }
    return due_ms;
}
