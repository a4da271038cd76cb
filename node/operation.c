/* An operation is past its time when its caller's is; the supervisor goes on all the same, and
 * what it answers then finds nobody.
 */

#include "node/operation.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mailbox/reply.h"
#include "node/assembly.h"
#include "node/config.h"

#define MOST_OPERATIONS    1000
#define DEFAULT_TIMEOUT_MS 60000

struct tr_operation {
    tr_operation_t *next;
    uint64_t token;
    tr_envelope_t *envelope;
    tr_verb_t verb;
    char name[80]; /* of the child; of an ADD the supervisor */
    int64_t deadline_ms;
};

static const struct {
    const char *method;
    tr_verb_t verb;
    const char *done; /* what to say when it is */
} methods[] = {
    {"add", TR_VERB_ADD, "has been added"},
    {"terminate", TR_VERB_TERMINATE, "has been terminated"},
    {"restart", TR_VERB_REPLACE, "has been restarted"},
    {"remove", TR_VERB_REMOVE, "has been removed"},
};

enum { N_METHODS = sizeof methods / sizeof methods[0] };

void tr_operations_init(tr_operations_t *self, tr_self_t *admin, tr_modules_t *modules)
{
    assert(self && admin && modules);
    *self = (tr_operations_t){.admin = admin, .modules = modules};
}

bool tr_operations_know(const char *method)
{
    for (size_t i = 0; i < N_METHODS; i++) {
        if (strcmp(methods[i].method, method) == 0) {
            return true;
        }
    }
    return false;
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
    free(operation);
}

static void refuse(tr_operations_t *self, tr_operation_t *operation, troupe_outcome_t outcome,
                   const char *why)
{
    tr_envelope_answer(operation->envelope, outcome, 0, "%s", why);
    drop(self, operation);
}

void tr_operations_finish(tr_operations_t *self)
{
    assert(self);
    while (self->first) {
        refuse(self, self->first, TROUPE_OUTCOME_SHUTTING_DOWN, "the node is stopping");
    }
}

int64_t tr_operations_expire(tr_operations_t *self, int64_t now_ms)
{
    assert(self);
    int64_t due_ms = TR_NEVER;
    for (tr_operation_t *operation = self->first; operation;) {
        tr_operation_t *next = operation->next;
        if (now_ms >= operation->deadline_ms) {
            refuse(self, operation, TROUPE_OUTCOME_TIMEOUT,
                   "the supervisor goes on with it, and was not done in time");
        } else if (operation->deadline_ms < due_ms) {
            due_ms = operation->deadline_ms;
        }
        operation = next;
    }
    return due_ms;
}

/* ---- what was asked ---- */

/* A frame as a text that fits; false when it does not, or is not there. */
static bool read_frame(const tr_envelope_t *envelope, size_t index, char *buffer, size_t size)
{
    size_t length = troupe_message_size(envelope->message, index);
    if (length == 0 || length >= size) {
        return false;
    }
    memcpy(buffer, troupe_message_data(envelope->message, index), length);
    buffer[length] = '\0';
    return strlen(buffer) == length;
}

bool tr_operations_begin(tr_operations_t *self, tr_envelope_t *envelope, uint64_t *token_out)
{
    assert(self && envelope && token_out);
    tr_operation_t *operation = self->n < MOST_OPERATIONS ? calloc(1, sizeof *operation) : NULL;
    if (!operation) {
        tr_envelope_answer(envelope, TROUPE_OUTCOME_OVERLOADED, 0,
                           "too many operations are under way");
        tr_envelope_release(&envelope);
        return false;
    }
    size_t method = 0;
    while (strcmp(methods[method].method, envelope->method) != 0) {
        method++;
    }
    operation->verb = methods[method].verb;
    operation->envelope = envelope;
    operation->token = ++self->last_token;
    operation->deadline_ms =
        tr_clock_after(envelope->sent_ms,
                       envelope->timeout_ms > 0 ? envelope->timeout_ms : DEFAULT_TIMEOUT_MS);
    operation->next = self->first;
    self->first = operation;
    self->n++;
    if (!read_frame(envelope, 0, operation->name, sizeof operation->name)) {
        refuse(self, operation, TROUPE_OUTCOME_BAD_REQUEST,
               operation->verb == TR_VERB_ADD ? "the first frame must be the supervisor's name"
                                              : "the first frame must be the child's name");
        return false;
    }
    *token_out = operation->token;
    return true;
}

/* ---- to the supervisor ---- */

/* What the reader of the description found, as far as it fits into one text. */
static void note_problem(void *arg, const char *line)
{
    char *text = arg;
    size_t length = strlen(text);
    snprintf(text + length, TR_REASON_TEXT - length, "%s%s", length ? "; " : "", line);
}

/* Read the description of the child to be added. False: `why` says what is wrong. */
static bool describe(tr_operations_t *self, const tr_operation_t *operation,
                     tr_command_t *command, char why[TR_REASON_TEXT])
{
    const troupe_message_t *message = operation->envelope->message;
    tr_config_t *config = NULL;
    tr_plan_t *plan = NULL;
    why[0] = '\0';
    troupe_status_t status =
        tr_config_read_child("child", troupe_message_data(message, 1),
                             troupe_message_size(message, 1), note_problem, why, &config);
    if (status == TROUPE_OK) {
        status = tr_plan_new_child(config, "child", self->modules, note_problem, why, &plan);
    }
    if (status == TROUPE_OK) {
        command->keepsake = tr_plan_keep(plan);
        command->spec = plan->root.children;
    }
    if (!command->keepsake) {
        tr_plan_destroy(&plan);
        tr_config_destroy(&config);
        if (!why[0]) {
            snprintf(why, TR_REASON_TEXT, "%s", troupe_status_text(status));
        }
    }
    return command->keepsake != NULL;
}

static void send_command(tr_operations_t *self, tr_operation_t *operation,
                         const char *supervisor)
{
    char why[TR_REASON_TEXT];
    tr_mailbox_t *to = tr_directory_find(self->admin->runtime->directory, TR_NAMES_ACTOR,
                                         tr_span_of(supervisor));
    bool is_add = operation->verb == TR_VERB_ADD;
    tr_command_t *command =
        to ? tr_command_new(operation->verb, is_add ? NULL : operation->name,
                            self->admin->mailbox, operation->token)
           : NULL;
    if (command && is_add && !describe(self, operation, command, why)) {
        tr_mailbox_release(&command->reply_to);
        tr_letter_t *letter = &command->letter;
        tr_letter_destroy(&letter);
        refuse(self, operation, TROUPE_OUTCOME_BAD_REQUEST, why);
    } else if (!command || tr_command_send(&command, to) != TROUPE_OK) {
        refuse(self, operation, TROUPE_OUTCOME_OVERLOADED, "the supervisor takes nothing now");
    }
    tr_mailbox_release(&to);
}

static const tr_report_child_t *child_in(const tr_report_t *report, const char *name)
{
    for (size_t i = 0; i < report->n_children; i++) {
        if (strcmp(report->children[i].name, name) == 0) {
            return &report->children[i];
        }
    }
    return NULL;
}

/* The supervisor that is meant: the one to add to, or the one that has the child. Routers
 * report their workers too, but are no supervisors: they have no strategy. */
static const char *supervisor_of(const tr_operation_t *operation, const tr_survey_t *survey)
{
    bool is_add = operation->verb == TR_VERB_ADD;
    for (size_t i = 0; i < survey->n_reports; i++) {
        const tr_report_t *report = survey->reports[i];
        bool is_own = strcmp(report->name, TR_NAME_ROOT) == 0;
        if (!report->strategy || !report->strategy[0] || is_own) {
            continue;
        }
        if (is_add ? strcmp(report->name, operation->name) == 0
                   : child_in(report, operation->name) != NULL) {
            return report->name;
        }
    }
    return NULL;
}

/* And one that runs: else it is started as any child is. */
static bool is_capability(const tr_report_t *report, const char *name)
{
    const tr_report_child_t *child = report ? child_in(report, name) : NULL;
    return child && strcmp(child->kind, "capability") == 0 && child->mailbox;
}

void tr_operations_surveyed(tr_operations_t *self, uint64_t token, const tr_survey_t *survey)
{
    assert(self && survey);
    tr_operation_t *operation = find(self, token);
    if (!operation) {
        return; /* past its time */
    }
    if (operation->verb == TR_VERB_ADD && strcmp(operation->name, "root") == 0) {
        snprintf(operation->name, sizeof operation->name, "%s", TR_NAME_TREE);
    }
    const char *supervisor = supervisor_of(operation, survey);
    char pool[96];
    if (supervisor && operation->verb == TR_VERB_REPLACE &&
        is_capability(tr_survey_find(survey, supervisor), operation->name)) {
        /* Its requests go on: not the capability is restarted, but each of its workers. */
        snprintf(pool, sizeof pool, "%s/pool", operation->name);
        operation->verb = TR_VERB_ROLL;
        supervisor = pool;
    }
    if (supervisor) {
        send_command(self, operation, supervisor);
        return;
    }
    char why[160];
    snprintf(why, sizeof why, "there is no %s called %s",
             operation->verb == TR_VERB_ADD ? "supervisor" : "child", operation->name);
    refuse(self, operation, TROUPE_OUTCOME_BAD_REQUEST, why);
}

/* ---- and back ---- */

static const char *done_text(tr_verb_t verb)
{
    if (verb == TR_VERB_ROLL) {
        return "has been restarted";
    }
    size_t i = 0;
    while (methods[i].verb != verb) {
        i++;
    }
    return methods[i].done;
}

/* What the answer means to a person; the outcome is returned. */
static troupe_outcome_t tell(const tr_operation_t *operation, const tr_answer_t *answer,
                             char *text, size_t size)
{
    switch (answer->code) {
    case TR_ANSWER_DONE:
        snprintf(text, size, "%s %s%s%s", answer->name, done_text(operation->verb),
                 answer->text[0] ? ": " : "", answer->text);
        return TROUPE_OUTCOME_OK;
    case TR_ANSWER_IGNORED:
        snprintf(text, size, "%s says that it is not needed here", answer->name);
        return TROUPE_OUTCOME_OK;
    case TR_ANSWER_ALREADY_STARTED:
        snprintf(text, size, "there is a child called %s already, and it runs", answer->name);
        return TROUPE_OUTCOME_BAD_REQUEST;
    case TR_ANSWER_ALREADY_PRESENT:
        snprintf(text, size, "there is a child called %s already: restart or remove it",
                 answer->name);
        return TROUPE_OUTCOME_BAD_REQUEST;
    case TR_ANSWER_NOT_FOUND:
        snprintf(text, size, "there is no child called %s", answer->name);
        return TROUPE_OUTCOME_BAD_REQUEST;
    case TR_ANSWER_RUNNING:
    case TR_ANSWER_RESTARTING:
        snprintf(text, size, "%s is %s: terminate it first", answer->name,
                 tr_answer_name(answer->code));
        return TROUPE_OUTCOME_BAD_REQUEST;
    case TR_ANSWER_FAILED:
        snprintf(text, size, "%s did not start: %s",
                 operation->verb == TR_VERB_ROLL ? "a replacement" : answer->name,
                 answer->text);
        return TROUPE_OUTCOME_SPAWN_FAILED;
    case TR_ANSWER_REFUSED:
        snprintf(text, size, "%s", answer->text);
        return TROUPE_OUTCOME_BAD_REQUEST;
    case TR_ANSWER_STOPPING:
        break;
    }
    snprintf(text, size, "the supervisor is stopping");
    return TROUPE_OUTCOME_SHUTTING_DOWN;
}

void tr_operations_take(tr_operations_t *self, tr_letter_t *letter)
{
    assert(self && letter);
    const tr_answer_t *answer = tr_answer_in(letter);
    tr_operation_t *operation = find(self, answer->token);
    if (operation) {
        char text[TR_REASON_TEXT + 160];
        troupe_outcome_t outcome = tell(operation, answer, text, sizeof text);
        tr_event(self->admin->runtime->events, TR_LOG_INFO, "operation",
                 TR_TEXT("method", operation->envelope->method), TR_TEXT("child", answer->name),
                 TR_TEXT("text", text));
        troupe_message_t *message =
            outcome == TROUPE_OUTCOME_OK ? troupe_message_from_text(text) : NULL;
        troupe_reply_t *reply =
            message ? tr_reply_new(operation->envelope->id, true, outcome, NULL, &message)
                    : NULL;
        if (reply) {
            tr_envelope_forward(operation->envelope, &reply);
        } else {
            tr_envelope_answer(operation->envelope, outcome, 0, "%s", text);
        }
        drop(self, operation);
    }
    tr_letter_destroy(&letter);
}
