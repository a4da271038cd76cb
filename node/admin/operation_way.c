/* The way of an operation to whoever carries it out: the supervisor that has the child, a
 * capability's router, or the keeper of the node.
 */

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "node/admin/operation_inside.h"
#include "node/assembly.h"
#include "node/config/config.h"

static tr_node_phase_t phase_of(const tr_operations_t *self)
{
    return (tr_node_phase_t)atomic_load(&self->admin->runtime->phase);
}

static bool is_held(const tr_operations_t *self)
{
    return atomic_load(&self->admin->runtime->is_held);
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

void tr_operation_turn_to_keeper(tr_operations_t *self, tr_operation_t *operation)
{
    bool is_drain = operation->deed == TR_DEED_DRAIN;
    tr_node_phase_t phase = phase_of(self);
    if (phase == TR_NODE_STARTING) {
        tr_operation_refuse(self, operation, TROUPE_OUTCOME_BAD_REQUEST,
                            "the node is starting");
    } else if (phase != TR_NODE_READY && !is_held(self)) {
        tr_operation_refuse(self, operation, TROUPE_OUTCOME_SHUTTING_DOWN,
                            "the node is stopping");
    } else if (!is_drain && phase == TR_NODE_READY) {
        tr_operation_conclude(self, operation, tr_operation_name(self, operation),
                              TROUPE_OUTCOME_OK, "the node was not drained");
    } else {
        tr_mailbox_t *keeper = tr_directory_find(self->admin->runtime->directory,
                                                 TR_NAMES_ACTOR, tr_span_of(TR_NAME_KEEPER));
        operation->awaits_drained = is_drain;
        operation->awaits_resumed = !is_drain;
        bool is_said = say(self, operation, is_drain ? TR_WORD_DRAIN : TR_WORD_RESUME, keeper);
        tr_mailbox_release(&keeper);
        if (!is_said) {
            tr_operation_refuse(self, operation, TROUPE_OUTCOME_SHUTTING_DOWN,
                                "the node is stopping");
        }
    }
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
    const tr_config_t *node = tr_reload_config(self->reload);
    tr_config_t *config = NULL;
    tr_plan_t *plan = NULL;
    why[0] = '\0';
    troupe_status_t status =
        tr_config_read_child("child", troupe_message_data(message, 1),
                             troupe_message_size(message, 1), node, note_problem, why, &config);
    if (status == TROUPE_OK) {
        status =
            tr_plan_new_child(config, node, "child", self->modules, note_problem, why, &plan);
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
        tr_operation_refuse(self, operation, TROUPE_OUTCOME_BAD_REQUEST, why);
    } else if (!command || tr_command_send(&command, to) != TROUPE_OK) {
        tr_operation_refuse(self, operation, TROUPE_OUTCOME_OVERLOADED,
                            "the supervisor takes nothing now");
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
    tr_operation_refuse(self, operation, TROUPE_OUTCOME_BAD_REQUEST, why);
    return false;
}

/* Whether the word would make no difference: the caller is told. */
static bool is_so_already(tr_operations_t *self, tr_operation_t *operation,
                          const tr_report_t *router)
{
    const char *state = router ? router->state : "";
    bool is_closed = strncmp(state, "drain", strlen("drain")) == 0;
    char text[160];
    if (operation->deed == TR_DEED_PAUSE && is_closed) {
        snprintf(text, sizeof text, "%s is %s: resume it first", operation->name, state);
        tr_operation_refuse(self, operation, TROUPE_OUTCOME_BAD_REQUEST, text);
        return true;
    }
    if (router && operation->deed == TR_DEED_RESUME && !is_closed &&
        strcmp(state, "paused") != 0) {
        snprintf(text, sizeof text, "%s was not paused or drained", operation->name);
        tr_operation_conclude(self, operation, tr_operation_name(self, operation),
                              TROUPE_OUTCOME_OK, text);
        return true;
    }
    return false;
}

static void turn_to_router(tr_operations_t *self, tr_operation_t *operation,
                           const tr_report_t *report)
{
    static const tr_word_t words[TR_N_DEEDS] = {
        [TR_DEED_PAUSE] = TR_WORD_PAUSE,
        [TR_DEED_RESUME] = TR_WORD_RESUME,
        [TR_DEED_DRAIN] = TR_WORD_DRAIN,
    };
    if (phase_of(self) >= TR_NODE_DRAINING) {
        tr_operation_refuse(self, operation, TROUPE_OUTCOME_SHUTTING_DOWN,
                            "the node itself is draining");
        return;
    }
    if (is_so_already(self, operation, report)) {
        return;
    }
    tr_mailbox_t *router = tr_directory_find(self->admin->runtime->directory,
                                             TR_NAMES_CAPABILITY, tr_span_of(operation->name));
    operation->awaits_drained = operation->deed == TR_DEED_DRAIN;
    bool is_said = say(self, operation, words[operation->deed], router);
    tr_mailbox_release(&router);
    if (!is_said) {
        tr_operation_refuse(self, operation, TROUPE_OUTCOME_OVERLOADED,
                            "the capability is not there now");
    } else if (operation->deed != TR_DEED_DRAIN) {
        char name[sizeof operation->name];
        snprintf(name, sizeof name, "%s", operation->name);
        bool is_resume = operation->deed == TR_DEED_RESUME;
        tr_operation_conclude_done(self, operation);
        if (is_resume) {
            tr_operations_give_up_draining(self, name);
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
            tr_operation_refuse(self, operation, TROUPE_OUTCOME_OVERLOADED,
                                "the capability does not answer");
        } else if (complete_size(self, operation, router)) {
            send_command(self, operation, TR_VERB_SCALE, pool, NULL);
        }
        break;
    default:
        turn_to_router(self, operation, router);
        break;
    }
}

/* ---- surveyed ---- */

/* Whether only capabilities and their workers know such a thing. */
static bool is_about_pools(tr_deed_t deed)
{
    return deed >= TR_DEED_EVICT && deed <= TR_DEED_DRAIN;
}

/* Whether only actors, and single workers, know it. */
static bool is_about_actors(tr_deed_t deed)
{
    return deed >= TR_DEED_SUSPEND;
}

static bool is_for_workers(tr_deed_t deed)
{
    return deed != TR_DEED_SCALE && deed != TR_DEED_PAUSE;
}

static void refuse_name(tr_operations_t *self, tr_operation_t *operation)
{
    char why[200];
    snprintf(why, sizeof why, "there is no %s called %s",
             operation->deed == TR_DEED_ADD      ? "supervisor"
             : !is_about_pools(operation->deed)  ? "child"
             : !is_for_workers(operation->deed)  ? "capability"
             : operation->deed == TR_DEED_RESUME ? "worker, capability or actor"
                                                 : "worker or capability",
             operation->name);
    tr_operation_refuse(self, operation, TROUPE_OUTCOME_BAD_REQUEST, why);
}

static bool tell_later(const tr_operation_t *operation, tr_later_t *later)
{
    *later = (tr_later_t){.deed = operation->deed, .delay_ms = operation->delay_ms};
    snprintf(later->name, sizeof later->name, "%s", operation->name);
    snprintf(later->size, sizeof later->size, "%s", operation->size_text);
    return true;
}

bool tr_operation_turn_to_child(tr_operations_t *self, tr_operation_t *operation,
                                const tr_survey_t *survey, tr_later_t *later_out)
{
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
    if (is_about_actors(deed) || (deed == TR_DEED_RESUME && is_kind(child, "actor"))) {
        tr_operation_turn_to_actor(self, operation,
                                   child ? tr_survey_actor(survey, child) : NULL);
        return false;
    }
    bool is_fitting = is_capability || (operation->is_worker && is_for_workers(deed));
    if (!supervisor || (is_about_pools(deed) && !is_fitting)) {
        refuse_name(self, operation);
    } else if (is_capability && is_about_pools(deed) && !child->mailbox) {
        char why[120];
        snprintf(why, sizeof why, "%s does not run: restart it first", operation->name);
        tr_operation_refuse(self, operation, TROUPE_OUTCOME_BAD_REQUEST, why);
    } else if (operation->delay_ms > 0) {
        return tell_later(operation, later_out);
    } else if (is_held(self) && (is_add || deed == TR_DEED_RESTART)) {
        tr_operation_refuse(self, operation, TROUPE_OUTCOME_SHUTTING_DOWN,
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
