/* Suspending an actor, waking it and looking into it is said to it by a word, which it heeds
 * between two callbacks, whatever lies in its mailbox. A trace is a mark on its reference.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/worker/worker_state.h"
#include "base/clock.h"
#include "base/text.h"
#include "node/admin/operation_inside.h"

static bool is_kind(const tr_report_child_t *child, const char *kind)
{
    return strcmp(child->kind, kind) == 0;
}

static void refuse(tr_operations_t *self, tr_operation_t *operation, const char *why)
{
    tr_operation_refuse(self, operation, TROUPE_OUTCOME_BAD_REQUEST, why);
}

/* ---- whom it cannot be done to ---- */

static bool is_of_pool(const tr_operation_t *operation, const tr_report_child_t *child)
{
    return is_kind(child, "worker") && operation->is_worker;
}

/* NULL: it can be done to this one. */
static const char *what_is_wrong(const tr_operation_t *operation,
                                 const tr_report_child_t *child, char *text, size_t size)
{
    bool is_suspension = operation->deed == TR_DEED_SUSPEND;
    const char *name = operation->name;
    if (!child) {
        snprintf(text, size, "there is no actor called %s", name);
    } else if (is_kind(child, "capability") && is_suspension) {
        snprintf(text, size, "%s is a capability: pause it instead", name);
    } else if (is_kind(child, "capability")) {
        snprintf(text, size, "%s is a capability: name one of its workers instead", name);
    } else if (is_of_pool(operation, child) && is_suspension) {
        snprintf(text, size, "%s is a worker of a capability: drain it, or pause that, instead",
                 name);
    } else if (!is_kind(child, "actor") && !is_of_pool(operation, child)) {
        snprintf(text, size, "%s is a %s, and no actor", name, child->kind);
    } else if (!child->pulse && operation->deed != TR_DEED_TRACE) {
        snprintf(text, size, "%s does not run: it is %s", name, child->state);
    } else {
        return NULL;
    }
    return text;
}

/* ---- words ---- */

static tr_word_t word_of(tr_deed_t deed)
{
    return deed == TR_DEED_SUSPEND   ? TR_WORD_SUSPEND
           : deed == TR_DEED_INSPECT ? TR_WORD_INSPECT
                                     : TR_WORD_WAKE;
}

/* A share, or NULL. Those that cannot be referred to have a name all the same. */
static tr_mailbox_t *mailbox_of(const tr_operations_t *self, const char *name)
{
    tr_directory_t *directory = self->admin->runtime->directory;
    troupe_ref_t *ref = tr_directory_refer(directory, tr_span_of(name));
    tr_mailbox_t *mailbox =
        ref ? tr_mailbox_share(ref->mailbox)
            : tr_directory_find(directory, TR_NAMES_ACTOR, tr_span_of(name));
    troupe_ref_release(&ref);
    return mailbox;
}

/* Above 0: there is some, or the operation would be over. */
static int64_t time_left_ms(const tr_operation_t *operation)
{
    int64_t left_ms = operation->deadline_ms - tr_clock_now_ms();
    return left_ms > 0 ? left_ms : 1;
}

/* False: it could not be said. */
static bool say_word(tr_operations_t *self, tr_operation_t *operation,
                     const tr_report_child_t *child)
{
    tr_mailbox_t *to = mailbox_of(self, operation->name);
    tr_control_t *word =
        to ? tr_control_new(word_of(operation->deed), child->incarnation) : NULL;
    operation->actor = word ? malloc(sizeof *operation->actor) : NULL;
    bool can_be_said = operation->actor != NULL;
    if (can_be_said) {
        *operation->actor = *child;
        operation->actor->mailbox = NULL;
        snprintf(operation->actor->name, sizeof operation->actor->name, "%s", operation->name);
        operation->actor->pulse = tr_pulse_share(child->pulse);
        word->number = operation->token;
        word->depth = (size_t)time_left_ms(operation);
        word->mailbox = tr_mailbox_share(self->admin->mailbox);
        tr_control_send(word, to);
    } else if (word) {
        tr_letter_t *letter = &word->letter;
        tr_letter_destroy(&letter);
    }
    tr_mailbox_release(&to);
    return can_be_said;
}

/* ---- traces ---- */

static void tell_traced(tr_operations_t *self, tr_operation_t *operation)
{
    char text[200];
    char time[32];
    snprintf(text, sizeof text,
             "%s is traced for %s: events 'message' and 'message_sent' tell of it",
             operation->name, tr_text_print_duration(operation->trace_ms, time, sizeof time));
    tr_operation_conclude(self, operation, operation->name, TROUPE_OUTCOME_OK, text);
}

static void begin_trace(tr_operations_t *self, tr_operation_t *operation, troupe_ref_t *actor)
{
    troupe_status_t status =
        tr_traces_begin(&self->traces, actor, operation->trace_ms, tr_clock_now_ms());
    if (status == TROUPE_OK) {
        tell_traced(self, operation);
    } else {
        tr_operation_refuse(self, operation, TROUPE_OUTCOME_OVERLOADED,
                            "too many actors are traced already");
    }
}

static void end_trace(tr_operations_t *self, tr_operation_t *operation, troupe_ref_t *actor)
{
    char text[160];
    bool was_traced = tr_traces_end(&self->traces, actor);
    snprintf(text, sizeof text, "%s %s", operation->name,
             was_traced ? "is not traced any more" : "was not traced");
    tr_operation_conclude(self, operation, operation->name, TROUPE_OUTCOME_OK, text);
}

static void trace(tr_operations_t *self, tr_operation_t *operation)
{
    troupe_ref_t *actor =
        tr_directory_refer(self->admin->runtime->directory, tr_span_of(operation->name));
    if (!actor) {
        refuse(self, operation, "it takes no messages that could be traced");
    } else if (operation->trace_ms > 0) {
        begin_trace(self, operation, actor);
    } else {
        end_trace(self, operation, actor);
    }
    troupe_ref_release(&actor);
}

/* ---- the whole ---- */

static bool is_suspended(const tr_report_child_t *child)
{
    return strcmp(child->state, tr_worker_state_name(TR_WORKER_PAUSED)) == 0;
}

void tr_operation_turn_to_actor(tr_operations_t *self, tr_operation_t *operation,
                                const tr_report_child_t *child)
{
    assert(self && operation);
    char text[200];
    const char *problem = what_is_wrong(operation, child, text, sizeof text);
    if (problem) {
        refuse(self, operation, problem);
    } else if (operation->deed == TR_DEED_TRACE) {
        trace(self, operation);
    } else if (operation->deed == TR_DEED_RESUME && !is_suspended(child)) {
        snprintf(text, sizeof text, "%s was not suspended", operation->name);
        tr_operation_conclude(self, operation, operation->name, TROUPE_OUTCOME_OK, text);
    } else if (!say_word(self, operation, child)) {
        tr_operation_refuse(self, operation, TROUPE_OUTCOME_OVERLOADED,
                            "the actor is not there now");
    }
}

void tr_operation_explain_silence(const tr_operation_t *operation, int64_t now_ms, char *text,
                                  size_t size)
{
    assert(operation->actor && text);
    int64_t since_ms = atomic_load(&operation->actor->pulse->running_since_ms);
    char time[32];
    if (since_ms > 0) {
        tr_text_show_duration_us((now_ms - since_ms) * 1000, time, sizeof time);
        snprintf(text, size,
                 "%s is busy since %s: the callback that it is in has not returned%s",
                 operation->name, time,
                 operation->deed == TR_DEED_SUSPEND ? "; when it has, it is suspended" : "");
    } else {
        snprintf(text, size, "%s has not answered: perhaps it starts, or has ended meanwhile",
                 operation->name);
    }
}
