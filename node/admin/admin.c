/* The admin is called like any capability, but it is its own router: it answers by itself, or
 * when a survey has come back.
 */

#include "node/admin/admin.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/dead_letter.h"
#include "actors/inspection.h"
#include "actors/request_list.h"
#include "base/clock.h"
#include "base/log.h"
#include "mailbox/reply.h"
#include "node/admin/agenda.h"
#include "node/admin/events.h"
#include "node/admin/listing.h"
#include "node/admin/operation.h"
#include "node/admin/state_document.h"
#include "node/admin/stats_document.h"
#include "node/assembly.h"
#include "node/reload/reload.h"

#define MAILBOX_LETTERS 10000
#define MAILBOX_BYTES   ((size_t)64 << 20)
#define MOST_SURVEYS    64

typedef struct tr_admin {
    tr_self_t *self;
    tr_survey_t *surveys;
    size_t n_surveys;
    uint64_t last_token;
    tr_operations_t operations;
    tr_streams_t streams;
    tr_listings_t listings;
    tr_agenda_t agenda;
    tr_reload_t *reload;
} tr_admin_t;

/* Takes the share of the envelope and the message. */
static void reply(tr_envelope_t *envelope, troupe_message_t *message)
{
    troupe_reply_t *answer =
        message ? tr_reply_new(envelope->id, true, TROUPE_OUTCOME_OK, NULL, &message) : NULL;
    if (answer) {
        tr_envelope_forward(envelope, &answer);
    } else {
        tr_envelope_answer(envelope, TROUPE_OUTCOME_INTERNAL, 0, "the node is out of memory");
    }
    tr_envelope_release(&envelope);
}

static void refuse(tr_envelope_t *envelope, troupe_outcome_t outcome, const char *why)
{
    tr_envelope_answer(envelope, outcome, 0, "%s", why);
    tr_envelope_release(&envelope);
}

/* A survey for the tree, or for the operation of that token. Takes the share. */
static void begin_survey(tr_admin_t *admin, tr_envelope_t *envelope, uint64_t operation)
{
    if (admin->n_surveys >= MOST_SURVEYS) {
        refuse(envelope, TROUPE_OUTCOME_OVERLOADED, "too many surveys are under way");
        return;
    }
    tr_survey_t *survey =
        tr_survey_new(++admin->last_token, envelope, admin->self, tr_clock_now_ms());
    if (survey) {
        survey->operation = operation;
        survey->next = admin->surveys;
        admin->surveys = survey;
        admin->n_surveys++;
    }
}

static void begin_operation(tr_admin_t *admin, tr_envelope_t *envelope)
{
    uint64_t token;
    tr_envelope_share(envelope);
    if (tr_operations_begin(&admin->operations, envelope, &token)) {
        begin_survey(admin, envelope, token);
    } else {
        tr_envelope_release(&envelope);
    }
}

static void stop_node(tr_admin_t *admin, tr_envelope_t *envelope)
{
    tr_mailbox_t *keeper = tr_directory_find(admin->self->runtime->directory, TR_NAMES_ACTOR,
                                             tr_span_of(TR_NAME_KEEPER));
    if (!keeper) {
        refuse(envelope, TROUPE_OUTCOME_SHUTTING_DOWN, "the node is stopping already");
        return;
    }
    tr_event(admin->self->runtime->events, TR_LOG_INFO, "stop_asked_for",
             TR_TEXT("by", TR_NAME_ADMIN));
    tr_control_t *stop = tr_control_new(TR_WORD_STOP, 0);
    if (stop) {
        stop->reason = tr_reason_of(TROUPE_REASON_SHUTDOWN);
    }
    /* The answer first: it is on its way before the gateway hears of the drain. */
    reply(envelope, troupe_message_from_text("stopping"));
    tr_control_send(stop, keeper);
    tr_mailbox_release(&keeper);
}

static void show_tree(tr_admin_t *admin, tr_envelope_t *envelope)
{
    begin_survey(admin, envelope, 0);
}

static void show_stats(tr_admin_t *admin, tr_envelope_t *envelope)
{
    tr_span_t wish = {troupe_message_data(envelope->message, 0),
                      troupe_message_size(envelope->message, 0)};
    bool with_steps = tr_span_equals(wish, "steps");
    if (wish.size > 0 && !with_steps) {
        refuse(envelope, TROUPE_OUTCOME_BAD_REQUEST, "of the metrics 'steps' may be wanted");
        return;
    }
    reply(envelope, tr_stats_document(admin->self->runtime, with_steps));
}

static void begin_reload(tr_admin_t *admin, tr_envelope_t *envelope)
{
    tr_reload_request(admin->reload, envelope);
}

static void show_help(tr_admin_t *admin, tr_envelope_t *envelope);

static void stream_events(tr_admin_t *admin, tr_envelope_t *envelope)
{
    tr_streams_begin(&admin->streams, envelope);
}

static void list_requests(tr_admin_t *admin, tr_envelope_t *envelope)
{
    tr_listings_begin(&admin->listings, envelope);
}

/* Each takes the share of the envelope. */
static const struct {
    const char *name;
    void (*begin)(tr_admin_t *admin, tr_envelope_t *envelope);
    const char *help;
} methods[] = {
    {"tree", show_tree, "how everything is"},
    {"stats", show_stats, "the metrics"},
    {"requests", list_requests, "what is queued and running"},
    {"events", stream_events, "what happens, as it happens"},
    {"add", begin_operation, "start one more child of a supervisor"},
    {"terminate", begin_operation, "stop a child; it stays down"},
    {"restart", begin_operation, "stop a child and start it again"},
    {"remove", begin_operation, "forget a child that was terminated"},
    {"evict", begin_operation, "let a worker go, or the idle ones of a capability"},
    {"scale", begin_operation, "say how many workers a capability has"},
    {"pause", begin_operation, "let the requests of a capability wait"},
    {"resume", begin_operation, "end a pause, a drain or a suspension"},
    {"suspend", begin_operation, "let what comes for an actor wait"},
    {"inspect", begin_operation, "what an actor shows of its inside"},
    {"trace", begin_operation, "tell each message of an actor as an event"},
    {"drain", begin_operation, "finish what was accepted, refuse what comes"},
    {"reload", begin_reload, "read the node's file again, and do what has changed"},
    {"difference", begin_reload, "what a reload with this file would do"},
    {"help", show_help, "this list"},
    {"stop", stop_node, "drain the node and stop it"},
};

enum { N_METHODS = sizeof methods / sizeof methods[0] };

static void show_help(tr_admin_t *admin, tr_envelope_t *envelope)
{
    (void)admin;
    char text[2000] = "";
    size_t length = 0;
    for (size_t i = 0; i < N_METHODS; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length, "%-10s %s\n",
                                   methods[i].name, methods[i].help);
    }
    assert(length < sizeof text);
    reply(envelope, troupe_message_from_text(text));
}

static void refuse_method(tr_envelope_t *envelope)
{
    char why[500];
    size_t length = (size_t)snprintf(why, sizeof why, "%s has no method '%.100s': it has",
                                     TR_NAME_ADMIN, envelope->method);
    for (size_t i = 0; i < N_METHODS; i++) {
        const char *mark = i == 0 ? " " : i + 1 == N_METHODS ? " and " : ", ";
        length +=
            (size_t)snprintf(why + length, sizeof why - length, "%s%s", mark, methods[i].name);
    }
    assert(length < sizeof why);
    refuse(envelope, TROUPE_OUTCOME_BAD_REQUEST, why);
}

static void on_request(tr_admin_t *admin, tr_envelope_t *envelope)
{
    if (atomic_load(&envelope->is_answered)) {
        tr_envelope_release(&envelope); /* its cancel overtook it */
        return;
    }
    for (size_t i = 0; i < N_METHODS; i++) {
        if (strcmp(envelope->method, methods[i].name) == 0) {
            methods[i].begin(admin, envelope);
            return;
        }
    }
    refuse_method(envelope);
}

/* As if an operator had called. */
static void call_oneself(void *arg, tr_envelope_t *envelope)
{
    on_request(arg, envelope);
}

static tr_moment_t moment_of(int64_t now_ms)
{
    return (tr_moment_t){.now_ms = now_ms, .wall_s = (int64_t)time(NULL)};
}

/* The survey for that operation is complete. */
static void go_on(tr_admin_t *admin, uint64_t operation, const tr_survey_t *survey,
                  int64_t now_ms)
{
    tr_later_t later;
    if (tr_operations_surveyed(&admin->operations, operation, survey, &later)) {
        tr_operations_put_off(&admin->operations, operation,
                              tr_agenda_put_off(&admin->agenda, &later, moment_of(now_ms)) ==
                                  TROUPE_OK);
    }
}

static void on_report(tr_admin_t *admin, tr_report_t *report)
{
    for (tr_survey_t *survey = admin->surveys; survey; survey = survey->next) {
        if (survey->token == report->token) {
            tr_survey_take(survey, report, admin->self);
            return;
        }
    }
    tr_letter_t *letter = &report->letter; /* late */
    tr_letter_destroy(&letter);
}

static void on_word(tr_admin_t *admin, const tr_control_t *word)
{
    tr_reload_hear(admin->reload, word);
    if (word->word == TR_WORD_DRAINED) {
        tr_operations_drained(&admin->operations, word);
    } else if (word->word == TR_WORD_RESUME) {
        tr_operations_resumed(&admin->operations);
    } else if (word->word == TR_WORD_HEEDED) {
        tr_operations_heeded(&admin->operations, word);
    }
}

static void receive(tr_self_t *self, tr_letter_t *letter)
{
    tr_admin_t *admin = self->state;
    if (letter->type == &tr_envelope_type) {
        on_request(admin, tr_envelope_of(letter));
    } else if (letter->type == &tr_report_type) {
        on_report(admin, (tr_report_t *)letter);
    } else if (tr_answer_in(letter)) {
        if (tr_reload_take_answer(admin->reload, tr_answer_in(letter))) {
            tr_letter_destroy(&letter);
        } else {
            tr_operations_take(&admin->operations, letter);
        }
    } else if (tr_inspection_in(letter)) {
        tr_operations_inspected(&admin->operations, letter);
    } else if (letter->type == &tr_request_list_type) {
        tr_listings_take(&admin->listings, (tr_request_list_t *)letter);
    } else if (tr_event_is_in(letter)) {
        tr_streams_take(&admin->streams, letter);
    } else if (letter->type == &tr_cancel_type) {
        tr_streams_cancel(&admin->streams, ((tr_note_t *)letter)->envelope);
        tr_envelope_answer(((tr_note_t *)letter)->envelope, TROUPE_OUTCOME_CANCELLED, 0, NULL);
        tr_letter_destroy(&letter);
    } else if (letter->type == &tr_credit_type) {
        tr_streams_on_credit(&admin->streams, ((tr_note_t *)letter)->envelope);
        tr_letter_destroy(&letter);
    } else if (letter->type == &tr_reply_type) {
        tr_agenda_take(&admin->agenda, (troupe_reply_t *)letter);
    } else if (tr_control_in(letter)) {
        on_word(admin, tr_control_in(letter));
        tr_letter_destroy(&letter);
    } else {
        tr_dead_letter_take(self->runtime, self->name, "the admin takes requests only",
                            &letter);
    }
}

static int64_t turn(tr_self_t *self, int64_t now_ms)
{
    tr_admin_t *admin = self->state;
    int64_t due_ms = tr_agenda_turn(&admin->agenda, moment_of(now_ms));
    due_ms = tr_clock_earlier(due_ms, tr_operations_expire(&admin->operations, now_ms));
    due_ms = tr_clock_earlier(due_ms, tr_streams_expire(&admin->streams, now_ms));
    due_ms = tr_clock_earlier(due_ms, tr_listings_turn(&admin->listings, now_ms));
    due_ms = tr_clock_earlier(due_ms, tr_reload_turn(admin->reload, now_ms));
    for (tr_survey_t **link = &admin->surveys; *link;) {
        tr_survey_t *survey = *link;
        if (tr_survey_is_complete(survey) || now_ms >= survey->deadline_ms) {
            *link = survey->next;
            admin->n_surveys--;
            if (survey->operation) {
                go_on(admin, survey->operation, survey, now_ms);
            } else {
                reply(tr_envelope_share(survey->envelope),
                      tr_state_document(survey, self->runtime));
            }
            tr_survey_destroy(&survey);
        } else {
            due_ms = tr_clock_earlier(due_ms, survey->deadline_ms);
            link = &survey->next;
        }
    }
    return due_ms;
}

static void leftover(tr_self_t *self, tr_letter_t *letter)
{
    (void)self;
    if (letter->type == &tr_envelope_type) {
        refuse(tr_envelope_of(letter), TROUPE_OUTCOME_SHUTTING_DOWN, "the node is stopping");
    } else {
        tr_letter_destroy(&letter);
    }
}

static void set_schedule(void *arg, const tr_config_errand_t *errands, size_t n)
{
    tr_admin_t *admin = arg;
    if (tr_agenda_set(&admin->agenda, errands, n, moment_of(tr_clock_now_ms())) != TROUPE_OK) {
        tr_log(TR_LOG_ERROR, "out_of_memory", TR_TEXT("for", "schedule"));
    }
}

static bool begin(tr_self_t *self, const void *arg)
{
    const tr_admin_spec_t *spec = arg;
    tr_admin_t *admin = calloc(1, sizeof *admin);
    self->state = admin;
    if (admin) {
        admin->self = self;
        tr_listings_init(&admin->listings, self);
        admin->reload = tr_reload_new(self, spec->modules, spec->config, set_schedule, admin);
        tr_operations_init(&admin->operations, self, spec->modules, admin->reload);
        tr_streams_init(&admin->streams, self);
        tr_agenda_init(&admin->agenda, self, call_oneself, admin);
    }
    if (!admin || !admin->reload ||
        tr_agenda_set(&admin->agenda, spec->errands, spec->n_errands,
                      moment_of(tr_clock_now_ms())) != TROUPE_OK ||
        tr_self_register(self, TR_NAMES_CAPABILITY, TR_NAME_ADMIN) != TROUPE_OK) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "out of memory");
        return false;
    }
    return true;
}

static void end(tr_self_t *self)
{
    tr_admin_t *admin = self->state;
    if (!admin) {
        return;
    }
    while (admin->surveys) {
        tr_survey_t *survey = admin->surveys;
        admin->surveys = survey->next;
        tr_envelope_answer(survey->envelope, TROUPE_OUTCOME_SHUTTING_DOWN, 0,
                           "the node is stopping");
        tr_survey_destroy(&survey);
    }
    tr_operations_finish(&admin->operations);
    tr_reload_destroy(&admin->reload);
    tr_streams_finish(&admin->streams);
    tr_listings_finish(&admin->listings);
    tr_agenda_finish(&admin->agenda);
    free(admin);
    self->state = NULL;
}

static const tr_actor_class_t admin_class = {
    .kind = "admin",
    .begin = begin,
    .receive = receive,
    .turn = turn,
    .leftover = leftover,
    .end = end,
};

troupe_status_t tr_admin_start(const tr_birth_t *birth, tr_actor_t **out)
{
    return tr_actor_start(
        &(tr_actor_setup_t){
            .class = &admin_class,
            .name = birth->name,
            .runtime = birth->runtime,
            .parent = birth->parent,
            .limits = {MAILBOX_LETTERS, MAILBOX_BYTES},
            .arg = birth->what,
        },
        out);
}
