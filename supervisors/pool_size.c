/* To change how many workers there are is to change what is wanted of some of them; the
 * strategy does the rest. Of those that are up the router says which, for it knows what they
 * have to do.
 */

#include "supervisors/pool_size.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisors/claims.h"
#include "supervisors/commands.h"
#include "supervisors/guests.h"
#include "supervisors/pool.h"
#include "supervisors/recycle.h"

/* As many as a description may ask for. */
#define MOST_WORKERS 10000

/* ---- how many ---- */

/* A replacement comes in the place of another one. */
static bool is_extra(const tr_supervisor_t *self)
{
    const tr_child_t *replacement = self->recycle.replacement;
    return replacement && replacement->view.is_wanted;
}

size_t tr_pool_count(const tr_supervisor_t *self)
{
    return tr_pool_n_that_stay(self) - is_extra(self);
}

bool tr_pool_fill_up(tr_supervisor_t *self)
{
    bool is_made = true;
    while (is_made && !self->is_stopping && !self->rests && !tr_guests_are_all(self) &&
           tr_guests_n_others(self) - is_extra(self) < self->least) {
        is_made = tr_pool_add_worker(self) != NULL;
    }
    return is_made;
}

void tr_pool_dismiss(tr_supervisor_t *self, tr_child_t *child)
{
    child->view.is_wanted = false;
    child->is_leaving = true;
    if (child->view.phase == TR_CHILD_DOWN) {
        tr_claims_drop(self, child);
        tr_commands_go_on(self, child);
    } else if (child->view.phase != TR_CHILD_STOPPING) {
        tr_supervisor_stop_alone(self, child);
    }
}

/* Those in this phase that nobody has seen yet; the last ones first, as they are the newest. */
static void dismiss_surplus(tr_supervisor_t *self, tr_child_phase_t phase)
{
    for (size_t i = self->children.n; i-- > 0 && tr_pool_count(self) > self->most;) {
        tr_child_t *child = self->children.all[i];
        if (child->view.is_wanted && child->view.phase == phase &&
            child != self->recycle.replacement) {
            tr_pool_dismiss(self, child);
        }
    }
}

static void tell_size(tr_supervisor_t *self)
{
    tr_control_t *size = tr_control_new(TR_WORD_SIZE, 0);
    if (size) {
        size->number = self->least;
        size->depth = self->most;
        tr_control_send(size, self->router);
    }
}

static tr_pool_size_t described_size(const tr_supervisor_t *self)
{
    return (tr_pool_size_t){self->spec->min_workers, self->spec->max_workers};
}

bool tr_pool_recall_orders(tr_supervisor_t *self)
{
    const tr_self_t *actor = self->self;
    self->orders = tr_order_book_of(actor->runtime->orders, self->spec->capability,
                                    actor->home ? actor->home : "");
    if (!self->orders) {
        return false;
    }
    tr_pool_size_t size = tr_orders_size(self->orders, described_size(self));
    self->least = size.least;
    self->most = size.most;
    self->rests = atomic_load(&self->orders->rests);
    if (self->least != self->spec->min_workers || self->most != self->spec->max_workers) {
        tell_size(self);
    }
    return true;
}

void tr_pool_look_again(tr_supervisor_t *self)
{
    bool rests = atomic_load(&self->orders->rests);
    if (!self->is_stopping && rests != self->rests) {
        tr_pool_rest(self, rests);
    }
}

void tr_pool_set_size(tr_supervisor_t *self, size_t least, size_t most)
{
    self->least = least;
    self->most = most;
    tell_size(self);
    dismiss_surplus(self, TR_CHILD_DOWN);
    dismiss_surplus(self, TR_CHILD_STARTING);
    tr_pool_fill_up(self);
    if (self->wish > 0) {
        tr_pool_grow(self, self->wish);
    }
}

void tr_pool_rest(tr_supervisor_t *self, bool rests)
{
    self->rests = rests;
    self->wish = 0;
    for (size_t i = self->children.n; rests && i-- > 0;) {
        tr_pool_dismiss(self, self->children.all[i]);
    }
    tr_pool_fill_up(self);
}

/* ---- scale ---- */

/* What stands in the way, in words; NULL when nothing does. `why` is room for them. */
static const char *objection_to_size(const tr_supervisor_t *self, const tr_command_t *command,
                                     char *why, size_t size)
{
    const tr_runtime_t *runtime = self->self->runtime;
    size_t n_actors = atomic_load(&runtime->n_actors);
    size_t n_free = runtime->max_actors > n_actors ? runtime->max_actors - n_actors : 0;
    if (command->most == 0) {
        return "a pool without workers serves nobody: drain its capability instead";
    }
    if (command->most > MOST_WORKERS) {
        snprintf(why, size, "a pool may have %d workers at most", MOST_WORKERS);
        return why;
    }
    if (command->least > command->most) {
        snprintf(why, size, "at least %zu workers are more than at most %zu", command->least,
                 command->most);
        return why;
    }
    if (runtime->max_actors > 0 && command->most > self->children.n + n_free) {
        snprintf(why, size,
                 "this node has sockets for %zu workers more, so that there may be %zu", n_free,
                 self->children.n + n_free);
        return why;
    }
    return NULL;
}

void tr_pool_scale(tr_supervisor_t *self, tr_command_t *command)
{
    char text[TR_REASON_TEXT];
    const char *why_not = objection_to_size(self, command, text, sizeof text);
    if (why_not || self->is_stopping) {
        tr_commands_answer(command, why_not ? TR_ANSWER_REFUSED : TR_ANSWER_STOPPING, NULL,
                           why_not);
        return;
    }
    tr_event(self->self->runtime->events, TR_LOG_INFO, "scaled",
             TR_TEXT("capability", self->spec->capability), TR_NUMBER("min", command->least),
             TR_NUMBER("max", command->most));
    tr_pool_set_size(self, command->least, command->most);
    tr_orders_set_size(self->orders, (tr_pool_size_t){self->least, self->most},
                       described_size(self));
    snprintf(text, sizeof text, "between %zu and %zu workers", self->least, self->most);
    tr_commands_answer(command, TR_ANSWER_DONE, NULL, text);
}

/* ---- evict ---- */

static bool is_asked_for(const tr_child_t *child, tr_verb_t verb)
{
    return child->commands && child->commands->is_begun && child->commands->verb == verb;
}

static const char *why_it_cannot_go(const tr_child_t *child)
{
    return child->view.phase != TR_CHILD_UP ? "it is not up"
           : child->is_retiring || !child->view.is_wanted || child->view.must_stop
               ? "it is going already"
               : NULL;
}

/* False: out of memory, and nobody was asked. */
static bool ask_to_yield(tr_supervisor_t *self, const tr_child_t *child)
{
    tr_control_t *yield =
        self->router ? tr_control_new(TR_WORD_YIELD, child->incarnation) : NULL;
    if (yield) {
        snprintf(yield->name, sizeof yield->name, "asked");
        snprintf(yield->reason.text, sizeof yield->reason.text, "an operator");
        yield->mailbox = tr_mailbox_share(self->self->mailbox);
        tr_control_send(yield, self->router);
    }
    return yield != NULL;
}

bool tr_pool_begin_evict(tr_supervisor_t *self, tr_child_t *child)
{
    const char *why_not = why_it_cannot_go(child);
    if (!why_not && !child->is_swept && !ask_to_yield(self, child)) {
        why_not = "its router cannot be asked";
    }
    if (why_not) {
        tr_commands_finish(child, TR_ANSWER_REFUSED, why_not);
    }
    return !why_not;
}

static void answer_sweep_if_done(tr_supervisor_t *self)
{
    tr_command_t *command = self->sweep.command;
    if (!command || self->sweep.n_asked > 0) {
        return;
    }
    self->sweep.command = NULL;
    tr_answer_t *answer = tr_answer_new(command, TR_ANSWER_DONE);
    if (answer) {
        size_t n = self->sweep.n_gone;
        answer->n_workers = n;
        snprintf(answer->name, sizeof answer->name, "%s", self->spec->capability);
        snprintf(answer->text, sizeof answer->text,
                 n == 1 ? "%zu worker went" : "%zu workers went", n);
    }
    tr_answer_send(answer, command);
}

void tr_pool_evict_idle(tr_supervisor_t *self, tr_command_t *command)
{
    if (self->sweep.command || self->is_stopping) {
        tr_commands_answer(command, self->is_stopping ? TR_ANSWER_STOPPING : TR_ANSWER_REFUSED,
                           NULL, "its idle workers are on their way out already");
        return;
    }
    self->sweep.command = command;
    self->sweep.n_asked = self->sweep.n_gone = 0;
    for (size_t i = 0; i < self->children.n; i++) {
        tr_child_t *child = self->children.all[i];
        child->is_swept = !child->is_guest && !why_it_cannot_go(child) &&
                          !is_asked_for(child, TR_VERB_EVICT) && ask_to_yield(self, child);
        self->sweep.n_asked += child->is_swept;
    }
    answer_sweep_if_done(self);
}

static void end_sweep_of(tr_supervisor_t *self, tr_child_t *child)
{
    if (child->is_swept) {
        child->is_swept = false;
        self->sweep.n_asked--;
    }
}

void tr_pool_take_refusal(tr_supervisor_t *self, tr_child_t *child, const tr_control_t *word)
{
    if (!child) {
        return; /* that it is down was heard, or will be */
    }
    end_sweep_of(self, child);
    answer_sweep_if_done(self);
    if (is_asked_for(child, TR_VERB_EVICT)) {
        tr_commands_finish(child, TR_ANSWER_REFUSED, word->reason.text);
        tr_commands_go_on(self, child);
    }
}

void tr_pool_note_down(tr_supervisor_t *self, tr_child_t *child)
{
    self->sweep.n_gone += child->is_swept && !child->view.is_wanted;
    end_sweep_of(self, child);
    answer_sweep_if_done(self);
}

void tr_pool_size_finish(tr_supervisor_t *self)
{
    tr_command_t *command = self->sweep.command;
    self->sweep.command = NULL;
    if (command) {
        tr_commands_answer(command, TR_ANSWER_STOPPING, NULL, NULL);
    }
}

/* ---- drain, and resume ---- */

bool tr_pool_begin_drain(tr_supervisor_t *self, tr_child_t *child)
{
    const char *why_not = why_it_cannot_go(child);
    if (why_not) {
        tr_commands_finish(child, TR_ANSWER_REFUSED, why_not);
        return false;
    }
    tr_recycle_retire(self, child);
    tr_children_set_due(&self->children, child, tr_clock_now_ms());
    return true;
}

bool tr_pool_go_on_leaving(tr_supervisor_t *self, tr_child_t *child)
{
    if (child->view.phase != TR_CHILD_DOWN) {
        return false;
    }
    bool is_gone = !child->view.is_wanted;
    tr_commands_finish(child, is_gone ? TR_ANSWER_DONE : TR_ANSWER_FAILED,
                       is_gone ? NULL : "it ended by itself first, and is started again");
    tr_pool_fill_up(self);
    return true;
}

void tr_pool_resume_worker(tr_supervisor_t *self, tr_command_t *command, tr_child_t *child)
{
    if (!child) {
        tr_commands_answer(command, TR_ANSWER_NOT_FOUND, NULL, NULL);
    } else if (child->view.phase != TR_CHILD_UP || !child->is_retiring ||
               !is_asked_for(child, TR_VERB_DRAIN) || child->view.must_stop) {
        tr_commands_answer(command, TR_ANSWER_REFUSED, child,
                           child->is_retiring ? "it cannot be held back any more"
                                              : "it is not draining");
    } else {
        child->is_retiring = false;
        tr_pool_tell(self, TR_WORD_FINE, child);
        tr_commands_finish(child, TR_ANSWER_REFUSED, "it was told to resume");
        tr_commands_answer(command, TR_ANSWER_DONE, child, NULL);
        tr_commands_go_on(self, child);
    }
}
