/* An operation is past its time when its caller's is; whoever carries it out goes on all the
 * same, and what is answered then finds nobody.
 */

#include "node/admin/operation.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/inspection.h"
#include "base/clock.h"
#include "base/text.h"
#include "mailbox/reply.h"
#include "node/admin/inspection_document.h"
#include "node/admin/operation_inside.h"
#include "node/assembly.h"

#define MOST_OPERATIONS    1000
#define DEFAULT_TIMEOUT_MS 60000
#define INSPECT_TIMEOUT_MS 5000
#define LONGEST_DELAY_MS   ((int64_t)30 * 24 * 3600 * 1000)

void tr_operations_init(tr_operations_t *self, tr_self_t *admin, tr_modules_t *modules,
                        const tr_reload_t *reload)
{
    assert(self && admin && modules);
    *self = (tr_operations_t){.admin = admin, .modules = modules, .reload = reload};
    tr_traces_init(&self->traces, admin->runtime->events);
}

/* ---- the list ---- */

static tr_operation_t *find(tr_operations_t *self, uint64_t token)
{
    tr_operation_t *operation = self->first;
    while (operation && operation->token != token) {
        operation = operation->next;
    }
    return operation;
}

static void drop(tr_operations_t *self, tr_operation_t *operation)
{
    tr_operation_t **link = &self->first;
    while (*link != operation) {
        link = &(*link)->next;
    }
    *link = operation->next;
    self->n--;
    tr_envelope_release(&operation->envelope);
    if (operation->actor) {
        tr_pulse_release(&operation->actor->pulse);
        free(operation->actor);
    }
    free(operation);
}

void tr_operation_refuse(tr_operations_t *self, tr_operation_t *operation,
                         troupe_outcome_t outcome, const char *why)
{
    tr_envelope_answer(operation->envelope, outcome, 0, "%s", why);
    drop(self, operation);
}

const char *tr_operation_name(const tr_operations_t *self, const tr_operation_t *operation)
{
    return operation->name[0] ? operation->name : self->admin->runtime->node;
}

void tr_operation_conclude(tr_operations_t *self, tr_operation_t *operation, const char *name,
                           troupe_outcome_t outcome, const char *text)
{
    tr_event(self->admin->runtime->events, TR_LOG_INFO, "operation",
             TR_TEXT("method", operation->envelope->method), TR_TEXT("child", name),
             TR_TEXT("text", text));
    troupe_message_t *message =
        outcome == TROUPE_OUTCOME_OK ? troupe_message_from_text(text) : NULL;
    troupe_reply_t *reply =
        message ? tr_reply_new(operation->envelope->id, true, outcome, NULL, &message) : NULL;
    if (reply) {
        tr_envelope_forward(operation->envelope, &reply);
    } else {
        tr_envelope_answer(operation->envelope, outcome, 0, "%s", text);
    }
    drop(self, operation);
}

void tr_operation_conclude_done(tr_operations_t *self, tr_operation_t *operation)
{
    char text[TR_REASON_TEXT + 160];
    const char *name = tr_operation_name(self, operation);
    tr_deed_done(operation->deed, operation->is_worker, name, "", text, sizeof text);
    tr_operation_conclude(self, operation, tr_operation_name(self, operation),
                          TROUPE_OUTCOME_OK, text);
}

void tr_operations_give_up_draining(tr_operations_t *self, const char *name)
{
    for (tr_operation_t *operation = self->first; operation;) {
        tr_operation_t *next = operation->next;
        if (operation->awaits_drained && (!name || strcmp(operation->name, name) == 0)) {
            tr_operation_refuse(self, operation, TROUPE_OUTCOME_CANCELLED,
                                "it was resumed before it had drained");
        }
        operation = next;
    }
}

void tr_operations_finish(tr_operations_t *self)
{
    assert(self);
    while (self->first) {
        tr_operation_refuse(self, self->first, TROUPE_OUTCOME_SHUTTING_DOWN,
                            "the node is stopping");
    }
    tr_traces_finish(&self->traces);
}

static void time_out(tr_operations_t *self, tr_operation_t *operation, int64_t now_ms)
{
    char silence[200];
    const char *why = operation->awaits_drained
                          ? "the draining goes on, and was not done in time"
                          : "the supervisor goes on with it, and was not done in time";
    if (operation->actor) {
        tr_operation_explain_silence(operation, now_ms, silence, sizeof silence);
        why = silence;
    }
    tr_operation_refuse(self, operation, TROUPE_OUTCOME_TIMEOUT, why);
}

int64_t tr_operations_expire(tr_operations_t *self, int64_t now_ms)
{
    assert(self);
    int64_t due_ms = tr_traces_expire(&self->traces, now_ms);
    for (tr_operation_t *operation = self->first; operation;) {
        tr_operation_t *next = operation->next;
        if (now_ms >= operation->deadline_ms) {
            time_out(self, operation, now_ms);
        } else if (operation->deadline_ms < due_ms) {
            due_ms = operation->deadline_ms;
        }
        operation = next;
    }
    return due_ms;
}

/* ---- what was asked ---- */

static const char *what_is_missing(tr_deed_t deed)
{
    return deed == TR_DEED_ADD       ? "the first frame must be the supervisor's name"
           : deed == TR_DEED_SCALE   ? "the first frame must be the capability's name"
           : deed >= TR_DEED_SUSPEND ? "the first frame must be the actor's name"
                                     : "the first frame must be the child's name";
}

/* How long to trace: "off" is not at all. */
static bool read_trace_time(const troupe_message_t *message, int64_t *out)
{
    char text[24];
    *out = TR_TRACE_DEFAULT_MS;
    if (!tr_frame_text(message, 1, text, sizeof text)) {
        return false;
    }
    if (strcmp(text, "off") == 0) {
        *out = 0;
    } else if (text[0]) {
        return tr_text_duration(text, out) == TROUPE_OK && *out > 0 && *out <= TR_TRACE_MOST_MS;
    }
    return true;
}

/* NULL: the frames are fine; else what is wrong with them. */
static const char *read_frames(tr_operation_t *operation)
{
    const troupe_message_t *message = operation->envelope->message;
    tr_deed_t deed = operation->deed;
    bool may_mean_node = deed == TR_DEED_DRAIN || deed == TR_DEED_RESUME;
    if (!tr_frame_text(message, 0, operation->name, sizeof operation->name) ||
        (!operation->name[0] && !may_mean_node)) {
        return what_is_missing(deed);
    }
    if (deed == TR_DEED_SCALE &&
        (!tr_frame_text(message, 1, operation->size_text, sizeof operation->size_text) ||
         !tr_size_parse(operation->size_text, &operation->size))) {
        return "the second frame must be a number of workers, such as 4 or 1..4, from 1 to "
               "10000";
    }
    if (deed == TR_DEED_TRACE && !read_trace_time(message, &operation->trace_ms)) {
        return "the second frame must be a time, such as 10s, of 24 hours at most, or off";
    }
    char delay[24];
    bool has_delay = tr_deed_may_wait(deed) &&
                     troupe_message_size(message, deed == TR_DEED_SCALE ? 2 : 1) > 0;
    if (has_delay &&
        (!tr_frame_text(message, deed == TR_DEED_SCALE ? 2 : 1, delay, sizeof delay) ||
         tr_text_duration(delay, &operation->delay_ms) != TROUPE_OK ||
         operation->delay_ms > LONGEST_DELAY_MS)) {
        return "the last frame must be the time to wait, such as 10m, of 30 days at most";
    }
    return NULL;
}

bool tr_operations_begin(tr_operations_t *self, tr_envelope_t *envelope, uint64_t *token_out)
{
    assert(self && envelope && token_out);
    tr_operation_t *operation = self->n < MOST_OPERATIONS ? calloc(1, sizeof *operation) : NULL;
    if (!operation || !tr_deed_parse(envelope->method, &operation->deed)) {
        free(operation);
        tr_envelope_answer(envelope, TROUPE_OUTCOME_OVERLOADED, 0,
                           "too many operations are under way");
        tr_envelope_release(&envelope);
        return false;
    }
    operation->envelope = envelope;
    operation->token = ++self->last_token;
    int64_t patience_ms =
        operation->deed == TR_DEED_INSPECT ? INSPECT_TIMEOUT_MS : DEFAULT_TIMEOUT_MS;
    operation->deadline_ms = tr_clock_after(
        envelope->sent_ms, envelope->timeout_ms > 0 ? envelope->timeout_ms : patience_ms);
    operation->next = self->first;
    self->first = operation;
    self->n++;
    const char *problem = read_frames(operation);
    if (problem) {
        tr_operation_refuse(self, operation, TROUPE_OUTCOME_BAD_REQUEST, problem);
        return false;
    }
    if (!operation->name[0]) {
        tr_operation_turn_to_keeper(self, operation);
        return false;
    }
    *token_out = operation->token;
    return true;
}

/* ---- surveyed ---- */

bool tr_operations_surveyed(tr_operations_t *self, uint64_t token, const tr_survey_t *survey,
                            tr_later_t *later_out)
{
    assert(self && survey && later_out);
    tr_operation_t *operation = find(self, token);
    return operation && tr_operation_turn_to_child(self, operation, survey, later_out);
}

void tr_operations_put_off(tr_operations_t *self, uint64_t token, bool is_noted)
{
    assert(self);
    tr_operation_t *operation = find(self, token);
    if (operation && is_noted) {
        char text[200];
        tr_deed_later(operation->deed, operation->name, operation->delay_ms, text, sizeof text);
        tr_operation_conclude(self, operation, tr_operation_name(self, operation),
                              TROUPE_OUTCOME_OK, text);
    } else if (operation) {
        tr_operation_refuse(self, operation, TROUPE_OUTCOME_OVERLOADED,
                            "too much is put off already");
    }
}

/* ---- and back ---- */

/* Takes the message; NULL: there is none, and `why` says so. */
static void answer_inspection(tr_operations_t *self, tr_operation_t *operation,
                              troupe_message_t *message, const char *why)
{
    troupe_reply_t *reply =
        message ? tr_reply_new(operation->envelope->id, true, TROUPE_OUTCOME_OK, NULL, &message)
                : NULL;
    if (reply) {
        tr_envelope_forward(operation->envelope, &reply);
        drop(self, operation);
    } else {
        tr_operation_refuse(self, operation,
                            why[0] ? TROUPE_OUTCOME_WORKER_ERROR : TROUPE_OUTCOME_INTERNAL,
                            why[0] ? why : "the node is out of memory");
    }
}

void tr_operations_take(tr_operations_t *self, tr_letter_t *letter)
{
    assert(self && letter);
    const tr_answer_t *answer = tr_answer_in(letter);
    tr_operation_t *operation = find(self, answer->token);
    if (operation) {
        char text[TR_REASON_TEXT + 160];
        const char *name = operation->deed == TR_DEED_ADD ? answer->name : operation->name;
        troupe_outcome_t outcome =
            tr_deed_outcome(operation->deed, operation->is_worker, operation->is_roll, name,
                            answer, text, sizeof text);
        tr_operation_conclude(self, operation, name, outcome, text);
    }
    tr_letter_destroy(&letter);
}

void tr_operations_drained(tr_operations_t *self, const tr_control_t *word)
{
    assert(self && word);
    /* When the node has drained, all in it has. */
    bool is_node = strcmp(word->name, TR_NAME_KEEPER) == 0;
    for (tr_operation_t *operation = self->first; operation;) {
        tr_operation_t *next = operation->next;
        if (operation->awaits_drained &&
            (is_node || strcmp(operation->name, word->name) == 0)) {
            tr_operation_conclude_done(self, operation);
        }
        operation = next;
    }
}

void tr_operations_resumed(tr_operations_t *self)
{
    assert(self);
    tr_operations_give_up_draining(self, NULL);
    for (tr_operation_t *operation = self->first; operation;) {
        tr_operation_t *next = operation->next;
        if (operation->awaits_resumed) {
            tr_operation_conclude_done(self, operation);
        }
        operation = next;
    }
}

void tr_operations_heeded(tr_operations_t *self, const tr_control_t *word)
{
    assert(self && word);
    tr_operation_t *operation = find(self, word->number);
    if (operation) {
        tr_operation_conclude_done(self, operation);
    }
}

void tr_operations_inspected(tr_operations_t *self, tr_letter_t *letter)
{
    assert(self && letter);
    const tr_inspection_t *inspection = tr_inspection_in(letter);
    tr_operation_t *operation = find(self, inspection->token);
    if (operation && operation->actor) {
        char why[200] = "";
        troupe_message_t *message = tr_inspection_document(
            inspection, operation->actor, tr_traces_have(&self->traces, operation->name), why,
            sizeof why);
        answer_inspection(self, operation, message, why);
    }
    tr_letter_destroy(&letter);
}
