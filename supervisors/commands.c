/* Each child has a line of commands, of which the first is under way. To begin one changes what
 * is wanted of the child, and nothing else: the strategy does the rest. When the child has come
 * to where the command wants it, the command is answered and the next one begins.
 */

#include "supervisors/commands.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "supervisors/change.h"
#include "supervisors/pool_size.h"
#include "supervisors/recycle.h"

/* ---- answers ---- */

static void answer(tr_command_t *command, tr_answer_code_t code, const tr_child_t *child,
                   const char *text)
{
    tr_answer_t *reply = tr_answer_new(command, code);
    if (reply && child) {
        snprintf(reply->name, sizeof reply->name, "%s", child->name);
        reply->incarnation = child->actor ? child->incarnation : 0;
        reply->state = tr_child_state(child);
        reply->kind = child->spec->kind;
        reply->restart = child->spec->restart;
    }
    if (reply && text) {
        snprintf(reply->text, sizeof reply->text, "%s", text);
    }
    tr_answer_send(reply, command);
}

/* Answer the command that is under way for `child`. */
static void finish(tr_child_t *child, tr_answer_code_t code, const char *text)
{
    tr_command_t *command = child->commands;
    child->commands = command->next;
    answer(command, code, child, text);
}

void tr_commands_answer(tr_command_t *command, tr_answer_code_t code, const tr_child_t *child,
                        const char *text)
{
    answer(command, code, child, text);
}

void tr_commands_finish(tr_child_t *child, tr_answer_code_t code, const char *text)
{
    finish(child, code, text);
}

static void finish_failed(tr_child_t *child)
{
    char shown[TR_REASON_TEXT];
    finish(child, TR_ANSWER_FAILED, tr_reason_show(&child->last_reason, shown, sizeof shown));
}

/* ---- what is wanted of a child ---- */

static void want_up(tr_supervisor_t *self, tr_child_t *child)
{
    child->view.is_wanted = true;
    child->view.is_in_turn = false;
    child->view.start_at_ms = 0;
    self->must_act = true;
}

static void want_down(tr_supervisor_t *self, tr_child_t *child)
{
    child->view.is_wanted = false;
    child->is_restarting = false;
    if (child->view.phase == TR_CHILD_UP || child->view.phase == TR_CHILD_STARTING) {
        tr_supervisor_stop_alone(self, child);
    }
    self->must_act = true;
}

static bool is_forgotten_when_down(const tr_supervisor_t *self, const tr_child_t *child)
{
    return tr_supervisor_is_template(self) || child->spec->is_forgotten ||
           child->spec->restart == TR_RESTART_TEMPORARY;
}

/* ---- beginning: true while the command is not answered ---- */

static bool begin_terminate(tr_supervisor_t *self, tr_child_t *child)
{
    want_down(self, child);
    return true;
}

/* A child that is wanted: it runs, or waits for its turn to do so again. */
static tr_answer_code_t how_it_is_up(const tr_child_t *child)
{
    bool runs = child->view.phase == TR_CHILD_UP || child->view.phase == TR_CHILD_STARTING;
    return runs && !child->is_restarting ? TR_ANSWER_RUNNING : TR_ANSWER_RESTARTING;
}

static bool begin_restart(tr_supervisor_t *self, tr_child_t *child)
{
    if (child->view.phase == TR_CHILD_STOPPING && !child->view.is_wanted) {
        want_up(self, child); /* as soon as it is down */
        return true;
    }
    if (child->view.phase != TR_CHILD_DOWN || child->view.is_wanted) {
        finish(child, how_it_is_up(child), NULL);
        return false;
    }
    want_up(self, child);
    return true;
}

static bool begin_remove(tr_child_t *child)
{
    if (child->view.is_wanted) {
        finish(child, how_it_is_up(child), NULL);
        return false;
    }
    return true;
}

static bool begin_replace(tr_supervisor_t *self, tr_child_t *child)
{
    child->commands->before = child->incarnation;
    if (child->view.phase == TR_CHILD_UP || child->view.phase == TR_CHILD_STARTING) {
        tr_supervisor_stop_alone(self, child);
    }
    want_up(self, child);
    return true;
}

static bool begin(tr_supervisor_t *self, tr_child_t *child)
{
    tr_command_t *command = child->commands;
    command->is_begun = true;
    bool starts = command->verb == TR_VERB_RESTART || command->verb == TR_VERB_REPLACE;
    if (self->is_stopping && starts) {
        finish(child, TR_ANSWER_STOPPING, NULL);
        return false;
    }
    switch (command->verb) {
    case TR_VERB_TERMINATE:
        return begin_terminate(self, child);
    case TR_VERB_RESTART:
        return begin_restart(self, child);
    case TR_VERB_REMOVE:
        return begin_remove(child);
    case TR_VERB_REPLACE:
        return begin_replace(self, child);
    case TR_VERB_EVICT:
        return tr_pool_begin_evict(self, child);
    case TR_VERB_DRAIN:
        return tr_pool_begin_drain(self, child);
    default: /* ADD was begun with the child */
        return true;
    }
}

/* ---- going on: true when the command was answered ---- */

static bool go_on_start(tr_supervisor_t *self, tr_child_t *child)
{
    tr_command_t *command = child->commands;
    bool is_new = command->verb == TR_VERB_ADD;
    if (child->view.phase == TR_CHILD_UP && child->incarnation != command->before) {
        finish(child, TR_ANSWER_DONE, child->words);
        return true;
    }
    if (!command->has_failed) {
        return false;
    }
    if (command->verb != TR_VERB_REPLACE) {
        child->view.is_wanted = false;
        tr_supervisor_retire_unwanted(self, child);
    }
    if (child->last_reason.kind == TROUPE_REASON_IGNORED) {
        child->is_leaving = child->is_leaving || is_forgotten_when_down(self, child);
        finish(child, TR_ANSWER_IGNORED, NULL);
    } else {
        child->is_leaving = child->is_leaving || is_new;
        finish_failed(child);
    }
    return true;
}

static bool go_on_terminate(tr_supervisor_t *self, tr_child_t *child)
{
    if (child->view.phase != TR_CHILD_DOWN) {
        return false;
    }
    child->is_leaving = child->is_leaving || is_forgotten_when_down(self, child);
    tr_supervisor_retire_unwanted(self, child);
    finish(child, TR_ANSWER_DONE, NULL);
    return true;
}

static bool go_on_remove(tr_child_t *child)
{
    if (child->view.phase != TR_CHILD_DOWN) {
        return false;
    }
    child->is_leaving = true;
    finish(child, TR_ANSWER_DONE, NULL);
    return true;
}

static bool go_on(tr_supervisor_t *self, tr_child_t *child)
{
    switch (child->commands->verb) {
    case TR_VERB_TERMINATE:
        return go_on_terminate(self, child);
    case TR_VERB_REMOVE:
        return go_on_remove(child);
    case TR_VERB_EVICT:
    case TR_VERB_DRAIN:
        return tr_pool_go_on_leaving(self, child);
    default:
        return go_on_start(self, child);
    }
}

bool tr_commands_go_on(tr_supervisor_t *self, tr_child_t *child)
{
    assert(self && child);
    bool is_answered = true;
    while (child->commands && is_answered) {
        bool is_under_way = child->commands->is_begun || begin(self, child);
        is_answered = !is_under_way || go_on(self, child);
    }
    if (!child->is_leaving || child->view.phase != TR_CHILD_DOWN) {
        return true;
    }
    while (child->commands) {
        finish(child, self->is_stopping ? TR_ANSWER_STOPPING : TR_ANSWER_NOT_FOUND, NULL);
    }
    tr_recycle_forget(self, child);
    tr_supervisor_remove(self, child);
    return false;
}

bool tr_commands_want_start(const tr_child_t *child)
{
    const tr_command_t *command = child->commands;
    return command && command->is_begun &&
           (command->verb == TR_VERB_ADD || command->verb == TR_VERB_RESTART);
}

void tr_commands_note_failure(tr_child_t *child)
{
    if (child->commands && child->commands->is_begun) {
        child->commands->has_failed = true;
    }
}

/* ---- commands about no child that is there ---- */

static void add(tr_supervisor_t *self, tr_command_t *command)
{
    char why[TR_REASON_TEXT];
    tr_child_t *child = NULL;
    if (tr_supervisor_is_template(self)) {
        child = tr_supervisor_add_from_template(self);
    } else if (!command->spec) {
        answer(command, TR_ANSWER_REFUSED, NULL, "there is nothing to add");
        return;
    } else if (tr_child_spec_check(command->spec, self->spec, why, sizeof why) != TROUPE_OK) {
        answer(command, TR_ANSWER_REFUSED, NULL, why);
        return;
    } else if ((child = tr_children_named(&self->children, command->spec->name)) != NULL) {
        bool runs = child->actor && !child->is_restarting;
        answer(command, runs ? TR_ANSWER_ALREADY_STARTED : TR_ANSWER_ALREADY_PRESENT, child,
               NULL);
        return;
    } else {
        child = tr_children_add(&self->children, command->spec, command->spec->name);
    }
    if (!child) {
        answer(command, TR_ANSWER_FAILED, NULL, "out of memory");
        return;
    }
    if (tr_supervisor_is_template(self) && command->what) {
        child->what = command->what;
        tr_keepsake_release(&child->keepsake);
        child->keepsake = tr_keepsake_share(command->keepsake);
    } else if (!tr_supervisor_is_template(self)) {
        child->keepsake = tr_keepsake_share(command->keepsake);
        child->spec_keepsake = tr_keepsake_share(command->keepsake);
    }
    command->is_begun = true;
    child->commands = command;
    want_up(self, child);
}

/* OTP's count_children. */
static void count(tr_supervisor_t *self, tr_command_t *command)
{
    tr_answer_t *reply = tr_answer_new(command, TR_ANSWER_DONE);
    for (size_t i = 0; reply && i < self->children.n; i++) {
        const tr_child_t *child = self->children.all[i];
        reply->n_active += child->actor && !child->is_restarting;
        reply->n_supervisors += child->spec->is_supervisor;
        reply->n_workers += !child->spec->is_supervisor;
    }
    if (reply) {
        reply->n_specs = tr_supervisor_is_template(self) ? 1 : self->children.n;
    }
    tr_answer_send(reply, command);
}

/* ---- taking ---- */

static bool is_about_pool(tr_verb_t verb)
{
    return verb == TR_VERB_SCALE || verb == TR_VERB_EVICT || verb == TR_VERB_DRAIN ||
           verb == TR_VERB_RESUME;
}

/* What such a supervisor does not do, in words; NULL when there is nothing to object to. */
static const char *objection(const tr_supervisor_t *self, const tr_command_t *command)
{
    tr_verb_t verb = command->verb;
    bool is_about_child = verb == TR_VERB_TERMINATE || verb == TR_VERB_RESTART ||
                          verb == TR_VERB_REMOVE || verb == TR_VERB_ADD;
    if (tr_supervisor_is_pool(self) && is_about_child) {
        return "a pool adds and removes its workers by itself";
    }
    if (!tr_supervisor_is_pool(self) && verb == TR_VERB_ROLL) {
        return "only the workers of a pool can be replaced one after another";
    }
    if (!tr_supervisor_is_pool(self) && is_about_pool(verb)) {
        return "only a pool has workers that can be scaled, evicted, drained or resumed";
    }
    if (self->rests && (verb == TR_VERB_ROLL || verb == TR_VERB_REPLACE)) {
        return "its capability is drained";
    }
    if (!tr_supervisor_is_template(self)) {
        return verb == TR_VERB_TERMINATE && command->incarnation
                   ? "a child of this supervisor is terminated by its name"
                   : NULL;
    }
    if (verb == TR_VERB_RESTART || verb == TR_VERB_REMOVE) {
        return "a child of a template is gone when it is terminated";
    }
    bool is_id = strcmp(command->name, self->spec->children->name) == 0;
    return verb == TR_VERB_TERMINATE && !command->incarnation && is_id
               ? "children of a template are terminated one by one"
               : NULL;
}

/* It joins the line of its child; *child_p NULL: there is no such child. */
static void queue(tr_supervisor_t *self, tr_command_t *command, tr_child_t *child)
{
    if (!child) {
        answer(command, TR_ANSWER_NOT_FOUND, NULL, NULL);
        return;
    }
    if (child->is_guest && command->verb == TR_VERB_REPLACE) {
        answer(command, TR_ANSWER_REFUSED, child,
               "it is a remote worker, which only its own side can restart; it can be drained "
               "or evicted here");
        return;
    }
    tr_command_t **link = &child->commands;
    while (*link) {
        link = &(*link)->next;
    }
    *link = command;
    tr_commands_go_on(self, child);
}

void tr_commands_take(tr_supervisor_t *self, tr_command_t *command)
{
    assert(self && command);
    const char *why_not = objection(self, command);
    tr_child_t *child = command->incarnation
                            ? tr_children_living(&self->children, command->incarnation)
                            : tr_children_named(&self->children, command->name);
    if (why_not) {
        answer(command, TR_ANSWER_REFUSED, NULL, why_not);
        return;
    }
    switch (command->verb) {
    case TR_VERB_ADD:
        if (self->is_stopping) {
            answer(command, TR_ANSWER_STOPPING, NULL, NULL);
        } else {
            add(self, command);
        }
        break;
    case TR_VERB_COUNT:
        count(self, command);
        break;
    case TR_VERB_FIND:
        answer(command, child ? TR_ANSWER_DONE : TR_ANSWER_NOT_FOUND, child, NULL);
        break;
    case TR_VERB_CHANGE:
        tr_supervisor_change(self, command);
        break;
    case TR_VERB_ROLL:
        tr_recycle_roll(self, command);
        break;
    case TR_VERB_SCALE:
        tr_pool_scale(self, command);
        break;
    case TR_VERB_RESUME:
        tr_pool_resume_worker(self, command, child);
        break;
    default:
        if (command->verb == TR_VERB_EVICT && !command->name[0] && !command->incarnation) {
            tr_pool_evict_idle(self, command);
        } else {
            queue(self, command, child);
        }
    }
}
