/* An operation is past its time when its caller's is; whoever carries it out goes on all the
 * same, and what is answered then finds nobody.
 */

#include "node/operation.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "mailbox/reply.h"
#include "node/assembly.h"
#include "node/config.h"

#define MOST_OPERATIONS    1000
#define DEFAULT_TIMEOUT_MS 60000
#define LONGEST_DELAY_MS   ((int64_t)30 * 24 * 3600 * 1000)

struct tr_operation {
    tr_operation_t *next;
    uint64_t token;
    tr_envelope_t *envelope;
    tr_deed_t deed;
    char name[80]; /* of the child; of an ADD the supervisor; "": the node is meant */
    char size_text[24];
    tr_size_t size;
    int64_t delay_ms;
    bool is_worker; /* the child is one, in a pool */
    bool is_roll;
    bool awaits_drained; /* of the router or the keeper */
    bool awaits_resumed; /* of the keeper */
    int64_t deadline_ms;
};

void tr_operations_init(tr_operations_t *self, tr_self_t *admin, tr_modules_t *modules)
{
    assert(self && admin && modules);
    *self = (tr_operations_t){.admin = admin, .modules = modules};
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

/* It was carried out, and ended so. */
static void conclude(tr_operations_t *self, tr_operation_t *operation, troupe_outcome_t outcome,
                     const char *text)
{
    const char *name = operation->name[0] ? operation->name : self->admin->runtime->node;
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

static void conclude_done(tr_operations_t *self, tr_operation_t *operation)
{
    char text[TR_REASON_TEXT + 160];
    const char *name = operation->name[0] ? operation->name : self->admin->runtime->node;
    tr_deed_done(operation->deed, operation->is_worker, name, "", text, sizeof text);
    conclude(self, operation, TROUPE_OUTCOME_OK, text);
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
                   operation->awaits_drained
                       ? "the draining goes on, and was not done in time"
                       : "the supervisor goes on with it, and was not done in time");
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
    return deed == TR_DEED_ADD     ? "the first frame must be the supervisor's name"
           : deed == TR_DEED_SCALE ? "the first frame must be the capability's name"
                                   : "the first frame must be the child's name";
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

static tr_node_phase_t phase_of(const tr_operations_t *self)
{
    return (tr_node_phase_t)atomic_load(&self->admin->runtime->phase);
}

static bool is_held(const tr_operations_t *self)
{
    return atomic_load(&self->admin->runtime->is_held);
}

/* Those that wait for a capability to have drained, or with NULL for any, will not see it. */
static void give_up_draining(tr_operations_t *self, const char *name)
{
    for (tr_operation_t *operation = self->first; operation;) {
        tr_operation_t *next = operation->next;
        if (operation->awaits_drained && (!name || strcmp(operation->name, name) == 0)) {
            refuse(self, operation, TROUPE_OUTCOME_CANCELLED,
                   "it was resumed before it had drained");
        }
        operation = next;
    }
}

/* Say a word to whoever is to drain or to go on. False: it could not be said. */
static bool say(tr_operations_t *self, const tr_operation_t *operation, tr_word_t word,
                tr_mailbox_t *to)
{
    tr_control_t *control = to ? tr_control_new(word, operation->token) : NULL;
    if (!control) {
        return false;
    }
    control->number = word == TR_WORD_DRAIN;
    control->mailbox = tr_mailbox_share(self->admin->mailbox);
    tr_control_send(control, to);
    return true;
}

/* The node itself is to drain, or to go on. */
static void turn_to_keeper(tr_operations_t *self, tr_operation_t *operation)
{
    bool is_drain = operation->deed == TR_DEED_DRAIN;
    tr_node_phase_t phase = phase_of(self);
    if (phase == TR_NODE_STARTING) {
        refuse(self, operation, TROUPE_OUTCOME_BAD_REQUEST, "the node is starting");
    } else if (phase != TR_NODE_READY && !is_held(self)) {
        refuse(self, operation, TROUPE_OUTCOME_SHUTTING_DOWN, "the node is stopping");
    } else if (!is_drain && phase == TR_NODE_READY) {
        conclude(self, operation, TROUPE_OUTCOME_OK, "the node was not drained");
    } else {
        tr_mailbox_t *keeper = tr_directory_find(self->admin->runtime->directory,
                                                 TR_NAMES_ACTOR, tr_span_of(TR_NAME_KEEPER));
        operation->awaits_drained = is_drain;
        operation->awaits_resumed = !is_drain;
        bool is_said = say(self, operation, is_drain ? TR_WORD_DRAIN : TR_WORD_RESUME, keeper);
        tr_mailbox_release(&keeper);
        if (!is_said) {
            refuse(self, operation, TROUPE_OUTCOME_SHUTTING_DOWN, "the node is stopping");
        }
    }
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
    operation->deadline_ms =
        tr_clock_after(envelope->sent_ms,
                       envelope->timeout_ms > 0 ? envelope->timeout_ms : DEFAULT_TIMEOUT_MS);
    operation->next = self->first;
    self->first = operation;
    self->n++;
    const char *problem = read_frames(operation);
    if (problem) {
        refuse(self, operation, TROUPE_OUTCOME_BAD_REQUEST, problem);
        return false;
    }
    if (!operation->name[0]) {
        turn_to_keeper(self, operation);
        return false;
    }
    *token_out = operation->token;
    return true;
}

/* ---- whom it is about ---- */

/* The supervisor that is meant: the one to add to, or the one that has the child. */
static const tr_report_t *supervisor_of(const tr_operation_t *operation,
                                        const tr_survey_t *survey)
{
    return operation->deed == TR_DEED_ADD ? tr_survey_supervisor(survey, operation->name)
                                          : tr_survey_parent(survey, operation->name);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static bool is_kind(const tr_report_child_t *child, const char *kind)
{
    return child && strcmp(child->kind, kind) == 0;
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

/* `child` may be NULL: the supervisor as a whole is meant. */
static void send_command(tr_operations_t *self, tr_operation_t *operation, tr_verb_t verb,
                         const char *supervisor, const char *child)
{
    char why[TR_REASON_TEXT];
    tr_mailbox_t *to = tr_directory_find(self->admin->runtime->directory, TR_NAMES_ACTOR,
                                         tr_span_of(supervisor));
    tr_command_t *command =
        to ? tr_command_new(verb, child, self->admin->mailbox, operation->token) : NULL;
    if (command) {
        command->least = operation->size.least > 0 ? (size_t)operation->size.least : 0;
        command->most = operation->size.most > 0 ? (size_t)operation->size.most : 0;
    }
    if (command && verb == TR_VERB_ADD && !describe(self, operation, command, why)) {
        tr_mailbox_release(&command->reply_to);
        tr_letter_t *letter = &command->letter;
        tr_letter_destroy(&letter);
        refuse(self, operation, TROUPE_OUTCOME_BAD_REQUEST, why);
    } else if (!command || tr_command_send(&command, to) != TROUPE_OK) {
        refuse(self, operation, TROUPE_OUTCOME_OVERLOADED, "the supervisor takes nothing now");
    }
    tr_mailbox_release(&to);
}

static tr_verb_t verb_of(tr_deed_t deed)
{
    static const tr_verb_t verbs[TR_N_DEEDS] = {
        [TR_DEED_ADD] = TR_VERB_ADD,         [TR_DEED_TERMINATE] = TR_VERB_TERMINATE,
        [TR_DEED_RESTART] = TR_VERB_REPLACE, [TR_DEED_REMOVE] = TR_VERB_REMOVE,
        [TR_DEED_EVICT] = TR_VERB_EVICT,     [TR_DEED_SCALE] = TR_VERB_SCALE,
        [TR_DEED_RESUME] = TR_VERB_RESUME,   [TR_DEED_DRAIN] = TR_VERB_DRAIN,
        [TR_DEED_PAUSE] = TR_VERB_DRAIN, /* no supervisor pauses anything */
    };
    return verbs[deed];
}

/* ---- to a capability ---- */

/* What is left open is as it is. False, after answering, when that does not go together. */
static bool complete_size(tr_operations_t *self, tr_operation_t *operation,
                          const tr_report_t *router)
{
    tr_size_t *size = &operation->size;
    size->least = size->least >= 0 ? size->least : (int64_t)router->min;
    size->most = size->most >= 0 ? size->most : (int64_t)router->max;
    if (size->least <= size->most) {
        return true;
    }
    char why[200];
    snprintf(why, sizeof why, "%s would have at least %lld and at most %lld workers",
             operation->name, (long long)size->least, (long long)size->most);
    refuse(self, operation, TROUPE_OUTCOME_BAD_REQUEST, why);
    return false;
}

static void turn_to_router(tr_operations_t *self, tr_operation_t *operation)
{
    static const tr_word_t words[TR_N_DEEDS] = {
        [TR_DEED_PAUSE] = TR_WORD_PAUSE,
        [TR_DEED_RESUME] = TR_WORD_RESUME,
        [TR_DEED_DRAIN] = TR_WORD_DRAIN,
    };
    if (phase_of(self) >= TR_NODE_DRAINING) {
        refuse(self, operation, TROUPE_OUTCOME_SHUTTING_DOWN, "the node itself is draining");
        return;
    }
    tr_mailbox_t *router = tr_directory_find(self->admin->runtime->directory,
                                             TR_NAMES_CAPABILITY, tr_span_of(operation->name));
    operation->awaits_drained = operation->deed == TR_DEED_DRAIN;
    bool is_said = say(self, operation, words[operation->deed], router);
    tr_mailbox_release(&router);
    if (!is_said) {
        refuse(self, operation, TROUPE_OUTCOME_OVERLOADED, "the capability is not there now");
    } else if (operation->deed != TR_DEED_DRAIN) {
        char name[sizeof operation->name];
        snprintf(name, sizeof name, "%s", operation->name);
        bool is_resume = operation->deed == TR_DEED_RESUME;
        conclude_done(self, operation);
        if (is_resume) {
            give_up_draining(self, name);
        }
    }
}

static void turn_to_capability(tr_operations_t *self, tr_operation_t *operation,
                               const tr_survey_t *survey)
{
    char pool[96];
    snprintf(pool, sizeof pool, "%s/pool", operation->name);
    const tr_report_t *router = tr_survey_router(survey, operation->name);
    switch (operation->deed) {
    case TR_DEED_RESTART:
        /* Its requests go on: not the capability is restarted, but each of its workers. */
        operation->is_roll = true;
        send_command(self, operation, TR_VERB_ROLL, pool, operation->name);
        break;
    case TR_DEED_EVICT:
        send_command(self, operation, TR_VERB_EVICT, pool, NULL);
        break;
    case TR_DEED_SCALE:
        if (!router) {
            refuse(self, operation, TROUPE_OUTCOME_OVERLOADED,
                   "the capability does not answer");
        } else if (complete_size(self, operation, router)) {
            send_command(self, operation, TR_VERB_SCALE, pool, NULL);
        }
        break;
    default:
        turn_to_router(self, operation);
        break;
    }
}

/* ---- surveyed ---- */

/* Whether only capabilities and their workers know such a thing. */
static bool is_about_pools(tr_deed_t deed)
{
    return deed >= TR_DEED_EVICT;
}

static bool is_for_workers(tr_deed_t deed)
{
    return deed != TR_DEED_SCALE && deed != TR_DEED_PAUSE;
}

static void refuse_name(tr_operations_t *self, tr_operation_t *operation)
{
    char why[200];
    snprintf(why, sizeof why, "there is no %s called %s",
             operation->deed == TR_DEED_ADD     ? "supervisor"
             : !is_about_pools(operation->deed) ? "child"
             : !is_for_workers(operation->deed) ? "capability"
                                                : "worker or capability",
             operation->name);
    refuse(self, operation, TROUPE_OUTCOME_BAD_REQUEST, why);
}

static bool tell_later(const tr_operation_t *operation, tr_later_t *later)
{
    *later = (tr_later_t){.deed = operation->deed, .delay_ms = operation->delay_ms};
    snprintf(later->name, sizeof later->name, "%s", operation->name);
    snprintf(later->size, sizeof later->size, "%s", operation->size_text);
    return true;
}

bool tr_operations_surveyed(tr_operations_t *self, uint64_t token, const tr_survey_t *survey,
                            tr_later_t *later_out)
{
    assert(self && survey && later_out);
    tr_operation_t *operation = find(self, token);
    if (!operation) {
        return false; /* past its time */
    }
    tr_deed_t deed = operation->deed;
    bool is_add = deed == TR_DEED_ADD;
    if (is_add && strcmp(operation->name, "root") == 0) {
        snprintf(operation->name, sizeof operation->name, "%s", TR_NAME_TREE);
    }
    const tr_report_t *supervisor = supervisor_of(operation, survey);
    const tr_report_child_t *child =
        supervisor && !is_add ? tr_survey_child(supervisor, operation->name) : NULL;
    bool is_capability = is_kind(child, "capability");
    operation->is_worker = is_kind(child, "worker") && ends_with(supervisor->name, "/pool");
    bool is_fitting = is_capability || (operation->is_worker && is_for_workers(deed));
    if (!supervisor || (is_about_pools(deed) && !is_fitting)) {
        refuse_name(self, operation);
    } else if (is_capability && is_about_pools(deed) && !child->mailbox) {
        char why[120];
        snprintf(why, sizeof why, "%s does not run: restart it first", operation->name);
        refuse(self, operation, TROUPE_OUTCOME_BAD_REQUEST, why);
    } else if (operation->delay_ms > 0) {
        return tell_later(operation, later_out);
    } else if (is_held(self) && (is_add || deed == TR_DEED_RESTART)) {
        refuse(self, operation, TROUPE_OUTCOME_SHUTTING_DOWN,
               "the node is drained: resume it first");
    } else if (is_capability && child->mailbox &&
               (is_about_pools(deed) || deed == TR_DEED_RESTART)) {
        turn_to_capability(self, operation, survey);
    } else {
        send_command(self, operation, verb_of(deed), supervisor->name,
                     is_add ? NULL : operation->name);
    }
    return false;
}

void tr_operations_put_off(tr_operations_t *self, uint64_t token, bool is_noted)
{
    assert(self);
    tr_operation_t *operation = find(self, token);
    if (operation && is_noted) {
        char text[200];
        tr_deed_later(operation->deed, operation->name, operation->delay_ms, text, sizeof text);
        conclude(self, operation, TROUPE_OUTCOME_OK, text);
    } else if (operation) {
        refuse(self, operation, TROUPE_OUTCOME_OVERLOADED, "too much is put off already");
    }
}

/* ---- and back ---- */

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
        conclude(self, operation, outcome, text);
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
            conclude_done(self, operation);
        }
        operation = next;
    }
}

void tr_operations_resumed(tr_operations_t *self)
{
    assert(self);
    give_up_draining(self, NULL);
    for (tr_operation_t *operation = self->first; operation;) {
        tr_operation_t *next = operation->next;
        if (operation->awaits_resumed) {
            conclude_done(self, operation);
        }
        operation = next;
    }
}
