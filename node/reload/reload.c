/* What was read and planned is kept apart until it is applied; so a reload that is refused has
 * touched nothing.
 */

#include "node/reload/reload.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mailbox/reply.h"
#include "node/reload/draft.h"
#include "node/reload/steps.h"

#define LINE_SIZE    1024
#define TIMEOUT_MS   60000
#define SHORT_TEXT   1000 /* what an outcome's text may have */
#define MORE         "\n..."
#define NO_CHANGE    "nothing has changed"
#define FROM_NOWHERE "this node was not started with a file: there is nothing to read again"

struct tr_reload {
    tr_self_t *admin;
    tr_modules_t *modules;
    tr_reload_schedule_fn *schedule;
    void *arg;
    const tr_config_t *config; /* as it was applied last */
    tr_keepsake_t *keepsake;   /* what that belongs to; NULL: to the node */
    char *path;                /* of the node's file; NULL: none */
    char **failed;             /* children of it that did not start */
    size_t n_failed;

    /* A reload that is under way. */
    tr_steps_t *steps;
    tr_draft_t draft;
    tr_lines_t problems; /* what could not be done */
    char **newly_failed;
    size_t n_newly_failed;
    tr_envelope_t *envelope; /* who waits for the answer, or NULL */
    int64_t answer_by_ms;
};

/* ---- life ---- */

tr_reload_t *tr_reload_new(tr_self_t *admin, tr_modules_t *modules, const tr_config_t *config,
                           tr_reload_schedule_fn *schedule, void *arg)
{
    assert(admin && modules && config && schedule);
    tr_reload_t *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    self->admin = admin;
    self->modules = modules;
    self->schedule = schedule;
    self->arg = arg;
    self->config = config;
    self->path = config->path ? strdup(config->path) : NULL;
    if (config->path && !self->path) {
        free(self);
        return NULL;
    }
    return self;
}

static void free_names(char ***names_p, size_t *n)
{
    for (size_t i = 0; i < *n; i++) {
        free((*names_p)[i]);
    }
    free(*names_p);
    *names_p = NULL;
    *n = 0;
}

static void answer_envelope(tr_reload_t *self, troupe_outcome_t outcome, const char *why)
{
    if (self->envelope) {
        tr_envelope_answer(self->envelope, outcome, 0, "%s", why);
        tr_envelope_release(&self->envelope);
    }
}

static void finish_reload(tr_reload_t *self)
{
    tr_steps_destroy(&self->steps);
    tr_draft_drop(&self->draft);
    tr_lines_finish(&self->problems);
    free_names(&self->newly_failed, &self->n_newly_failed);
}

void tr_reload_destroy(tr_reload_t **self_p)
{
    assert(self_p);
    tr_reload_t *self = *self_p;
    if (!self) {
        return;
    }
    answer_envelope(self, TROUPE_OUTCOME_SHUTTING_DOWN, "the node is stopping");
    finish_reload(self);
    free_names(&self->failed, &self->n_failed);
    tr_keepsake_release(&self->keepsake);
    free(self->path);
    free(self);
    *self_p = NULL;
}

/* ---- saying how it went ---- */

static void reply_with(tr_envelope_t *envelope, troupe_message_t *message)
{
    troupe_reply_t *reply =
        message ? tr_reply_new(envelope->id, true, TROUPE_OUTCOME_OK, NULL, &message) : NULL;
    if (reply) {
        tr_envelope_forward(envelope, &reply);
    } else {
        tr_envelope_answer(envelope, TROUPE_OUTCOME_INTERNAL, 0, "the node is out of memory");
    }
}

/* As many whole lines as fit into the text of an outcome. */
static void cut_lines(const char *text, char *out, size_t size)
{
    size_t length = strlen(text);
    if (length < size) {
        memcpy(out, text, length + 1);
        return;
    }
    length = size - sizeof MORE;
    while (length > 0 && text[length] != '\n') {
        length--;
    }
    memcpy(out, text, length);
    memcpy(out + length, MORE, sizeof MORE);
}

/* Every problem is told, each a line; those that fit are the outcome's text, and if these are
 * not all, a part before it has all of them. */
static void refuse(tr_envelope_t *envelope, troupe_outcome_t outcome, const char *text)
{
    char first[SHORT_TEXT];
    cut_lines(text, first, sizeof first);
    bool is_whole = strcmp(text, first) == 0;
    troupe_message_t *message =
        !is_whole && tr_flow_has_room(&envelope->flow, &(tr_flow_spent_t){0})
            ? troupe_message_from_text(text)
            : NULL;
    troupe_reply_t *part =
        message ? tr_reply_new(envelope->id, false, TROUPE_OUTCOME_OK, NULL, &message) : NULL;
    if (part) {
        tr_envelope_forward(envelope, &part);
    }
    troupe_reply_t *reply = tr_reply_new(envelope->id, true, outcome, first, NULL);
    if (reply) {
        tr_envelope_forward(envelope, &reply);
    } else {
        tr_envelope_answer(envelope, TROUPE_OUTCOME_INTERNAL, 0, "the node is out of memory");
    }
}

static tr_events_t *events_of(const tr_reload_t *self)
{
    return self->admin->runtime->events;
}

/* Line by line. */
static void tell_refusal(tr_reload_t *self, const char *text)
{
    char line[LINE_SIZE];
    while (*text) {
        size_t length = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, text);
        tr_event(events_of(self), TR_LOG_ERROR, "reload_refused", TR_TEXT("reason", line));
        text += length + (text[length] == '\n');
    }
}

static void refuse_reload(tr_reload_t *self, tr_envelope_t *envelope, troupe_outcome_t outcome,
                          const char *text)
{
    tell_refusal(self, text);
    if (envelope) {
        refuse(envelope, outcome, text);
        tr_envelope_release(&envelope);
    }
}

/* ---- the callbacks of the steps ---- */

static void note_line(tr_reload_t *self, const tr_change_t *change, const char *why)
{
    char line[LINE_SIZE];
    snprintf(line, sizeof line, "%s: %s", change->text, why);
    tr_lines_add(&self->problems, "but: ", line);
    tr_event(events_of(self), TR_LOG_WARNING, "reload_failed_in_part", TR_TEXT("change", line));
}

static void on_failed(void *arg, const tr_change_t *change, const char *why)
{
    tr_reload_t *self = arg;
    char text[TR_REASON_TEXT + 40];
    snprintf(text, sizeof text, "%s%s", change->starts ? "it did not start: " : "", why);
    note_line(self, change, text);
    char **names = change->starts
                       ? realloc(self->newly_failed, (self->n_newly_failed + 1) * sizeof *names)
                       : NULL;
    char *name = names ? strdup(change->after->name) : NULL;
    self->newly_failed = names ? names : self->newly_failed;
    if (name) {
        names[self->n_newly_failed++] = name;
    }
}

static void on_left_stopped(void *arg, const tr_change_t *change)
{
    tr_reload_t *self = arg;
    char line[LINE_SIZE];
    snprintf(line, sizeof line, "%s is stopped, and stays so until it is restarted",
             change->after->name);
    tr_lines_add(&self->problems, "", line);
    tr_event(events_of(self), TR_LOG_INFO, "reload_leaves_stopped",
             TR_TEXT("child", change->after->name));
}

/* The lines of what was done, then those of what was not. The second frame says how many those
 * are. */
static troupe_message_t *make_report(tr_reload_t *self)
{
    tr_lines_t lines;
    troupe_message_t *message = NULL;
    char n_failed[24];
    if (tr_lines_begin(&lines)) {
        for (size_t i = 0; i < self->draft.difference->n; i++) {
            tr_lines_add(&lines, "", self->draft.difference->changes[i].text);
        }
        if (self->problems.n > 0) {
            tr_lines_add(&lines, "", tr_lines_text(&self->problems));
        }
        message = troupe_message_from_text(tr_lines_text(&lines));
    }
    tr_lines_finish(&lines);
    size_t n = 0;
    for (const char *at = tr_lines_text(&self->problems); at && *at;) {
        n += strncmp(at, "but: ", 5) == 0;
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
    snprintf(n_failed, sizeof n_failed, "%zu", n);
    if (message && troupe_message_add(message, n_failed, strlen(n_failed)) != TROUPE_OK) {
        troupe_message_destroy(&message);
    }
    return message;
}

static void on_nearly_done(void *arg)
{
    tr_reload_t *self = arg;
    if (self->envelope) {
        reply_with(self->envelope, make_report(self));
        tr_envelope_release(&self->envelope);
    }
}

/* ---- applying ---- */

/* From now on this is the description. */
static void adopt(tr_reload_t *self)
{
    self->config = self->draft.plan->config;
    tr_keepsake_release(&self->keepsake);
    self->keepsake = tr_keepsake_share(self->draft.keepsake);
    free_names(&self->failed, &self->n_failed);
    self->failed = self->newly_failed;
    self->n_failed = self->n_newly_failed;
    self->newly_failed = NULL;
    self->n_newly_failed = 0;
}

static void be_done(tr_reload_t *self)
{
    tr_event(events_of(self), TR_LOG_INFO, "reloaded",
             TR_NUMBER("changes", self->draft.difference->n));
    tr_difference_destroy(
        &self->draft.difference); /* it borrows from the description of before */
    adopt(self);
    finish_reload(self);
}

static void apply(tr_reload_t *self, tr_draft_t draft)
{
    const tr_difference_t *difference = draft.difference;
    draft.keepsake = tr_plan_keep(draft.plan);
    self->draft = draft;
    const tr_steps_setup_t setup = {.admin = self->admin,
                                    .difference = difference,
                                    .before = self->config,
                                    .plan = draft.plan,
                                    .keepsake = draft.keepsake,
                                    .failed = on_failed,
                                    .left_stopped = on_left_stopped,
                                    .nearly_done = on_nearly_done,
                                    .arg = self};
    bool is_ready = draft.keepsake && tr_lines_begin(&self->problems);
    if (is_ready) {
        self->steps = tr_steps_new(&setup);
    }
    if (!self->steps) {
        tell_refusal(self, "out of memory");
        answer_envelope(self, TROUPE_OUTCOME_INTERNAL, "the node is out of memory");
        finish_reload(self);
        return;
    }
    for (size_t i = 0; i < difference->n; i++) {
        tr_event(events_of(self), TR_LOG_INFO, "reloading",
                 TR_TEXT("change", difference->changes[i].text));
        if (difference->changes[i].kind == TR_CHANGE_SCHEDULE) {
            self->schedule(self->arg, draft.plan->config->schedule,
                           draft.plan->config->n_errands);
        }
    }
}

static tr_draft_ground_t ground_of(const tr_reload_t *self)
{
    return (tr_draft_ground_t){.config = self->config,
                               .failed = (const char *const *)self->failed,
                               .n_failed = self->n_failed,
                               .modules = self->modules,
                               .max_actors = self->admin->runtime->max_actors};
}

/* Takes the share and the description. */
static void reload_to(tr_reload_t *self, tr_envelope_t *envelope, const char *file,
                      tr_config_t *config, tr_lines_t *problems)
{
    tr_draft_t draft;
    const tr_draft_ground_t ground = ground_of(self);
    if (tr_draft_make(&ground, file, config, problems, &draft) != TROUPE_OK) {
        refuse_reload(self, envelope, TROUPE_OUTCOME_BAD_REQUEST, tr_lines_text(problems));
        return;
    }
    if (draft.difference->n == 0) {
        tr_event(events_of(self), TR_LOG_INFO, "reloaded", TR_NUMBER("changes", 0));
        if (envelope) {
            reply_with(envelope, troupe_message_from_text(NO_CHANGE));
            tr_envelope_release(&envelope);
        }
        tr_draft_drop(&draft);
        return;
    }
    self->envelope = envelope;
    self->answer_by_ms =
        envelope ? tr_clock_after(envelope->sent_ms,
                                  envelope->timeout_ms > 0 ? envelope->timeout_ms : TIMEOUT_MS)
                 : TR_NEVER;
    apply(self, draft);
}

/* Why there cannot be one now; NULL when there can. */
static const char *why_not_now(const tr_reload_t *self, troupe_outcome_t *outcome_out)
{
    *outcome_out = TROUPE_OUTCOME_SHUTTING_DOWN;
    switch ((tr_node_phase_t)atomic_load(&self->admin->runtime->phase)) {
    case TR_NODE_STARTING:
        *outcome_out = TROUPE_OUTCOME_OVERLOADED;
        return "the node is still starting";
    case TR_NODE_DRAINING:
        return "the node is draining";
    case TR_NODE_STOPPING:
        return "the node is stopping";
    case TR_NODE_READY:
        break;
    }
    *outcome_out = TROUPE_OUTCOME_OVERLOADED;
    return self->steps ? "a reload is under way" : NULL;
}

static troupe_status_t read_again(tr_reload_t *self, const char *file, const char *yaml,
                                  size_t size, tr_lines_t *problems, tr_config_t **out)
{
    if (yaml) {
        return tr_config_read(file, yaml, size, tr_lines_problem, problems, out);
    }
    if (!self->path) {
        tr_lines_add(problems, "", FROM_NOWHERE);
        return TROUPE_ERR_INVALID;
    }
    return tr_draft_read(self->path, problems, out);
}

/* Of the node's file, or of a text. Takes the share, which may be NULL. */
static void reload(tr_reload_t *self, tr_envelope_t *envelope, const char *file,
                   const char *yaml)
{
    troupe_outcome_t outcome;
    const char *why_not = why_not_now(self, &outcome);
    if (why_not) {
        refuse_reload(self, envelope, outcome, why_not);
        return;
    }
    file = yaml ? file : self->path;
    tr_lines_t problems;
    tr_config_t *next = NULL;
    if (!tr_lines_begin(&problems) ||
        read_again(self, file, yaml, yaml ? strlen(yaml) : 0, &problems, &next) != TROUPE_OK) {
        refuse_reload(self, envelope, TROUPE_OUTCOME_BAD_REQUEST, tr_lines_text(&problems));
    } else {
        reload_to(self, envelope, file, next, &problems);
    }
    tr_lines_finish(&problems);
}

/* ---- requests ---- */

/* Takes the share. */
static void tell_difference(tr_reload_t *self, tr_envelope_t *envelope)
{
    char file[256] = "file";
    const troupe_message_t *message = envelope->message;
    size_t length = troupe_message_size(message, 1);
    if (length > 0 && length < sizeof file) {
        memcpy(file, troupe_message_data(message, 1), length);
        file[length] = '\0';
    }
    tr_lines_t problems;
    tr_config_t *next = NULL;
    tr_draft_t draft;
    const tr_draft_ground_t ground = ground_of(self);
    if (!tr_lines_begin(&problems) ||
        read_again(self, file,
                   troupe_message_size(message, 0) ? troupe_message_data(message, 0) : "",
                   troupe_message_size(message, 0), &problems, &next) != TROUPE_OK ||
        tr_draft_make(&ground, file, next, &problems, &draft) != TROUPE_OK) {
        refuse(envelope, TROUPE_OUTCOME_BAD_REQUEST, tr_lines_text(&problems));
        tr_lines_finish(&problems);
        tr_envelope_release(&envelope);
        return;
    }
    for (size_t i = 0; i < draft.difference->n; i++) {
        tr_lines_add(&problems, "", draft.difference->changes[i].text);
    }
    reply_with(envelope, troupe_message_from_text(draft.difference->n ? tr_lines_text(&problems)
                                                                      : NO_CHANGE));
    tr_envelope_release(&envelope);
    tr_draft_drop(&draft);
    tr_lines_finish(&problems);
}

bool tr_reload_knows(const char *method)
{
    return strcmp(method, "reload") == 0 || strcmp(method, "difference") == 0;
}

void tr_reload_request(tr_reload_t *self, tr_envelope_t *envelope)
{
    assert(self && envelope && tr_reload_knows(envelope->method));
    if (strcmp(envelope->method, "reload") == 0) {
        reload(self, envelope, NULL, NULL);
    } else {
        tell_difference(self, envelope);
    }
}

/* ---- words, answers, turns ---- */

tr_control_t *tr_reload_word(const char *name, const char *yaml)
{
    tr_control_t *word = tr_control_new(TR_WORD_RELOAD, 0);
    char *text = yaml ? strdup(yaml) : NULL;
    tr_keepsake_t *keepsake = text ? tr_keepsake_new(text, free) : NULL;
    if (!word || (yaml && !keepsake)) {
        tr_letter_t *letter = word ? &word->letter : NULL;
        if (!keepsake) {
            free(text);
        }
        tr_keepsake_release(&keepsake);
        tr_letter_destroy(&letter);
        return NULL;
    }
    word->what = text;
    word->keepsake = keepsake;
    snprintf(word->name, sizeof word->name, "%s", name ? name : "");
    return word;
}

const tr_config_t *tr_reload_config(const tr_reload_t *self)
{
    assert(self);
    return self->config;
}

void tr_reload_hear(tr_reload_t *self, const tr_control_t *word)
{
    assert(self && word);
    if (word->word == TR_WORD_RELOAD) {
        reload(self, NULL, word->name, word->what);
    } else if (word->word == TR_WORD_DRAINED && self->steps) {
        tr_steps_drained(self->steps, word);
    }
}

bool tr_reload_take_answer(tr_reload_t *self, const tr_answer_t *answer)
{
    assert(self && answer);
    if (!tr_steps_is_token(answer->token)) {
        return false;
    }
    if (self->steps) {
        tr_steps_answer(self->steps, answer);
    }
    return true;
}

int64_t tr_reload_turn(tr_reload_t *self, int64_t now_ms)
{
    assert(self);
    if (!self->steps) {
        return TR_NEVER;
    }
    bool is_done;
    int64_t due_ms = tr_steps_turn(self->steps, now_ms, &is_done);
    if (is_done) {
        be_done(self);
        return TR_NEVER;
    }
    if (self->envelope && now_ms >= self->answer_by_ms) {
        answer_envelope(self, TROUPE_OUTCOME_TIMEOUT,
                        "the reload goes on, and was not done in time");
    }
    return self->envelope && self->answer_by_ms < due_ms ? self->answer_by_ms : due_ms;
}
