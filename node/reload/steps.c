/* A step is a small machine: what it asks next follows from what it was answered. Who is not in
 * the directory may be just about to come up, with the spec of before; so his supervisor is
 * asked whether he lives, and as long as he does he is looked for.
 */

#include "node/reload/inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* No supervisor takes so long to answer, unless a child of it takes so long to start. */
#define STEP_LIMIT_MS ((int64_t)30 * 60000)
/* Somebody who lives is in the directory soon, or ends. */
#define LOOK_AGAIN_MS 5
#define TOKEN_BIT     (UINT64_C(1) << 63)

tr_steps_t *tr_steps_new(const tr_steps_setup_t *setup)
{
    assert(setup && setup->admin && setup->difference && setup->plan && setup->keepsake);
    tr_steps_t *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    self->setup = *setup;
    self->setup.keepsake = tr_keepsake_share(setup->keepsake);
    self->stopped = calloc(setup->difference->n + 1, sizeof(const char *));
    self->is_out_of_memory = !self->stopped;
    self->until_ms = TR_NEVER;
    tr_steps_make(self);
    if (self->is_out_of_memory) {
        tr_steps_destroy(&self);
    }
    return self;
}

void tr_steps_destroy(tr_steps_t **self_p)
{
    assert(self_p);
    tr_steps_t *self = *self_p;
    if (self) {
        tr_keepsake_release(&self->setup.keepsake);
        free(self->stopped);
        free(self->all);
        free(self);
        *self_p = NULL;
    }
}

/* ---- carrying them out ---- */

static const step_t *current(const tr_steps_t *self)
{
    return &self->all[self->current];
}

static void enter(tr_steps_t *self, step_phase_t phase)
{
    self->phase = phase;
    self->due_ms = TR_NEVER;
}

static void fail(tr_steps_t *self, const char *why)
{
    const step_t *step = current(self);
    if (step->change && !step->is_clearing) {
        self->setup.failed(self->setup.arg, step->change, why);
    } else if (!step->is_clearing) {
        tr_event(self->setup.admin->runtime->events, TR_LOG_WARNING, "reload_step_failed",
                 TR_TEXT("child", step->child), TR_TEXT("reason", why));
    }
    enter(self, PHASE_DONE);
}

static tr_mailbox_t *find_actor(const tr_steps_t *self, tr_name_space_t space, const char *name)
{
    return tr_directory_find(self->setup.admin->runtime->directory, space, tr_span_of(name));
}

/* Ask `whom` a question, and be in that phase until the answer is there. A supervisor that is
 * not there has no children: then it is as if all had been done. */
static void ask(tr_steps_t *self, const char *whom, tr_verb_t verb, const char *child,
                step_phase_t phase)
{
    const step_t *step = current(self);
    tr_mailbox_t *to = find_actor(self, TR_NAMES_ACTOR, whom);
    uint64_t token = TOKEN_BIT | ++self->last_token;
    tr_command_t *command =
        to ? tr_command_new(verb, child, self->setup.admin->mailbox, token) : NULL;
    bool is_out_of_memory = to && !command;
    if (command && verb == TR_VERB_CHANGE) {
        command->change = step->what;
        command->rolls = step->rolls;
        command->keepsake = tr_keepsake_share(self->setup.keepsake);
    }
    enter(self, phase);
    if (is_out_of_memory) {
        fail(self, "out of memory");
    } else if (!command || tr_command_send(&command, to) != TROUPE_OK) {
        enter(self, PHASE_DONE);
    }
    tr_mailbox_release(&to);
}

static bool was_stopped(const tr_steps_t *self, const char *child)
{
    for (size_t i = 0; i < self->n_stopped; i++) {
        if (strcmp(self->stopped[i], child) == 0) {
            return true;
        }
    }
    return false;
}

static void note_stopped(tr_steps_t *self, const step_t *step)
{
    if (!was_stopped(self, step->child) && self->n_stopped < self->setup.difference->n) {
        self->stopped[self->n_stopped++] = step->child;
    }
}

/* ---- draining ---- */

/* Ask a capability to finish what it has and to take nothing new, from nobody. Once it is asked
 * without, and once with whom to tell. */
static void drain(tr_steps_t *self, bool is_waited_for, int64_t now_ms)
{
    tr_mailbox_t *router = find_actor(self, TR_NAMES_CAPABILITY, current(self)->child);
    tr_control_t *word = router ? tr_control_new(TR_WORD_DRAIN, 0) : NULL;
    if (self->drain_by_ms == 0) {
        self->drain_by_ms = tr_clock_after(now_ms, self->setup.plan->config->drain_timeout_ms);
    }
    enter(self, word && is_waited_for ? PHASE_DRAINING : PHASE_DONE);
    if (word) {
        word->number = 1;
        word->mailbox = is_waited_for ? tr_mailbox_share(self->setup.admin->mailbox) : NULL;
        tr_control_send(word, router);
    }
    if (self->phase == PHASE_DRAINING) {
        self->due_ms = self->drain_by_ms;
    }
    tr_mailbox_release(&router);
}

/* ---- taking out ---- */

static void terminate(tr_steps_t *self)
{
    ask(self, current(self)->supervisor, TR_VERB_TERMINATE, current(self)->child,
        PHASE_TERMINATING);
}

static void found_to_take_out(tr_steps_t *self, const tr_answer_t *answer)
{
    const step_t *step = current(self);
    if (answer->code != TR_ANSWER_DONE) {
        enter(self, PHASE_DONE); /* it has gone by itself, or was removed by a command */
        return;
    }
    if (strcmp(answer->state, "stopped") == 0 && !step->is_clearing) {
        note_stopped(self, step);
    }
    terminate(self);
}

/* ---- following and telling ---- */

/* It is in the directory: say it. False when it is not. */
static bool say(tr_steps_t *self)
{
    const step_t *step = current(self);
    tr_mailbox_t *to = find_actor(self, step->space, step->child);
    if (!to || step->kind == STEP_FOLLOW) {
        bool is_there = to != NULL;
        tr_mailbox_release(&to);
        if (is_there) {
            ask(self, step->child, TR_VERB_CHANGE, NULL, PHASE_ASKED);
        }
        return is_there;
    }
    tr_control_t *word = tr_control_new(TR_WORD_RESPEC, 0);
    if (word) {
        word->what = step->what;
        word->keepsake = tr_keepsake_share(self->setup.keepsake);
        tr_control_send(word, to);
        enter(self, PHASE_DONE);
    } else {
        fail(self, "out of memory");
    }
    tr_mailbox_release(&to);
    return true;
}

/* Its supervisor knows whether it lives. A router is known to it by another name. */
static void say_or_look(tr_steps_t *self)
{
    const step_t *step = current(self);
    if (say(self)) {
        return;
    }
    if (!step->supervisor) {
        enter(self, PHASE_DONE);
    } else if (step->kind == STEP_TELL && step->space == TR_NAMES_CAPABILITY) {
        ask(self, step->child, TR_VERB_FIND, step->supervisor, PHASE_FINDING);
    } else {
        ask(self, step->supervisor, TR_VERB_FIND, step->child, PHASE_FINDING);
    }
}

static void found_to_say(tr_steps_t *self, const tr_answer_t *answer, int64_t now_ms)
{
    if (answer->code != TR_ANSWER_DONE || !answer->incarnation) {
        enter(self, PHASE_DONE); /* its next life begins with the new spec */
        return;
    }
    enter(self, PHASE_NEW);
    self->due_ms = tr_clock_after(now_ms, LOOK_AGAIN_MS);
}

/* ---- replacing ---- */

static void found_to_replace(tr_steps_t *self, const tr_answer_t *answer)
{
    const step_t *step = current(self);
    if (answer->code != TR_ANSWER_DONE) {
        fail(self, "it is not there any more");
    } else if (strcmp(answer->state, "stopped") == 0) {
        self->setup.left_stopped(self->setup.arg, step->change);
        enter(self, PHASE_DONE);
    } else {
        ask(self, step->supervisor, TR_VERB_REPLACE, step->child, PHASE_ASKED);
    }
}

/* ---- each in turn ---- */

static void begin_step(tr_steps_t *self, int64_t now_ms)
{
    const step_t *step = current(self);
    switch (step->kind) {
    case STEP_ANNOUNCE:
        drain(self, false, now_ms);
        break;
    case STEP_DRAIN:
        drain(self, true, now_ms);
        break;
    case STEP_TAKE_OUT:
    case STEP_REPLACE:
        ask(self, step->supervisor, TR_VERB_FIND, step->child, PHASE_FINDING);
        break;
    case STEP_FOLLOW:
    case STEP_TELL:
        say_or_look(self);
        break;
    case STEP_START:
        if (was_stopped(self, step->child)) {
            self->setup.left_stopped(self->setup.arg, step->change);
            enter(self, PHASE_DONE);
        } else {
            ask(self, step->supervisor, TR_VERB_RESTART, step->child, PHASE_ASKED);
        }
        break;
    case STEP_NEARLY_DONE:
        self->setup.nearly_done(self->setup.arg);
        enter(self, PHASE_DONE);
        break;
    }
}

/* Time is up: for draining that is no failure. */
static void go_on_without(tr_steps_t *self)
{
    if (self->phase == PHASE_DRAINING) {
        tr_event(self->setup.admin->runtime->events, TR_LOG_WARNING, "not_drained",
                 TR_TEXT("capability", current(self)->child));
        enter(self, PHASE_DONE);
    } else {
        fail(self, "it is not done after half an hour, and goes on by itself");
    }
}

int64_t tr_steps_turn(tr_steps_t *self, int64_t now_ms, bool *is_done_out)
{
    assert(self && is_done_out);
    while (self->current < self->n) {
        if (self->phase == PHASE_DONE) {
            self->current++;
            enter(self, PHASE_NEW);
            self->until_ms = TR_NEVER;
        } else if (self->until_ms == TR_NEVER) {
            self->until_ms = tr_clock_after(now_ms, STEP_LIMIT_MS);
            begin_step(self, now_ms);
        } else if (now_ms >= self->until_ms) {
            go_on_without(self);
        } else if (self->due_ms == TR_NEVER || now_ms < self->due_ms) {
            *is_done_out = false;
            return self->due_ms < self->until_ms ? self->due_ms : self->until_ms;
        } else if (self->phase == PHASE_NEW) {
            self->due_ms = TR_NEVER;
            begin_step(self, now_ms);
        } else {
            go_on_without(self);
        }
    }
    *is_done_out = true;
    return TR_NEVER;
}

bool tr_steps_is_token(uint64_t token)
{
    return (token & TOKEN_BIT) != 0;
}

/* What the answer says that it was not done; NULL when it was, or need not be. */
static const char *failure_in(const tr_answer_t *answer)
{
    switch (answer->code) {
    case TR_ANSWER_FAILED:
    case TR_ANSWER_REFUSED:
        return answer->text;
    case TR_ANSWER_NOT_FOUND:
        return "it is not there any more";
    case TR_ANSWER_STOPPING:
        return "the supervisor is stopping";
    default:
        return NULL;
    }
}

static void take_answer(tr_steps_t *self, const tr_answer_t *answer)
{
    const step_t *step = current(self);
    const char *why = NULL;
    switch (self->phase) {
    case PHASE_FINDING:
        if (step->kind == STEP_TAKE_OUT) {
            found_to_take_out(self, answer);
        } else if (step->kind == STEP_REPLACE) {
            found_to_replace(self, answer);
        } else {
            found_to_say(self, answer, tr_clock_now_ms());
        }
        break;
    case PHASE_TERMINATING:
        ask(self, step->supervisor, TR_VERB_REMOVE, step->child, PHASE_REMOVING);
        break;
    case PHASE_REMOVING:
        enter(self, PHASE_DONE); /* a temporary child was forgotten already */
        break;
    case PHASE_ASKED:
        why = failure_in(answer);
        if (why) {
            fail(self, why);
        } else {
            enter(self, PHASE_DONE);
        }
        break;
    default:
        break;
    }
}

void tr_steps_answer(tr_steps_t *self, const tr_answer_t *answer)
{
    assert(self && answer);
    if (answer->token == (TOKEN_BIT | self->last_token) && self->current < self->n) {
        take_answer(self, answer);
    }
}

void tr_steps_drained(tr_steps_t *self, const tr_control_t *word)
{
    assert(self && word);
    bool is_meant = self->current < self->n && self->phase == PHASE_DRAINING &&
                    (!word->name[0] || strcmp(word->name, current(self)->child) == 0);
    if (is_meant) {
        enter(self, PHASE_DONE);
    }
}
