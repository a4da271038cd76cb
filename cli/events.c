/* `troupe events`: a call that does not end, shown as it goes. It ends when enough was seen,
 * when time is up, or by Ctrl-C, and the node is told in each case.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/document.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/text.h"
#include "cli/verbs.h"

enum {
    MOST_PAST = 256,
    FILTER_SIZE = 1000,
    TEXT_LENGTH = 1000, /* characters of a field */
    NAME_LENGTH = 60,
};

static const cli_option_t options[] = {
    {'f', "filter", "WORDS",
     "only events that are called so, or whose names begin so, up\n"
     "to a '_'; several words, or several -f, mean either"},
    {'n', "count", "N", "end when N events were shown"},
    {'t', "timeout", "TIME", "end after that time (default: by Ctrl-C)"},
    {CLI_KEY_REPLAY, "replay", "N", "begin with up to N of the last events, 256 at most"},
    {CLI_KEY_JSON, "json", NULL, "one JSON object for each event"},
    CLI_TARGET_OPTIONS,
    {0},
};

typedef struct listening {
    cli_target_t target;
    char filter[FILTER_SIZE];
    uint64_t n_wanted; /* 0: no bound */
    uint64_t n_past;
    int64_t timeout_ms; /* -1: no bound */
    bool as_json;
    uint64_t n_shown;
} listening_t;

static int take_option(listening_t *self, const cli_given_t *given)
{
    size_t length = strlen(self->filter);
    switch (given->key) {
    case 'f':
        if (length + strlen(given->value) + 2 > sizeof self->filter) {
            return cli_wrong_usage("events", "the filter is too long");
        }
        snprintf(self->filter + length, sizeof self->filter - length, "%s%s", length ? " " : "",
                 given->value);
        break;
    case 'n':
        if (!cli_parse_number(given->value, INT64_MAX, &self->n_wanted) ||
            self->n_wanted == 0) {
            return cli_wrong_usage("events", "'%s' is no number of events", given->value);
        }
        break;
    case CLI_KEY_REPLAY:
        if (!cli_parse_number(given->value, MOST_PAST, &self->n_past)) {
            return cli_wrong_usage("events", "'%s' is no number of past events, up to %d",
                                   given->value, MOST_PAST);
        }
        break;
    case 't':
        if (!cli_parse_duration(given->value, &self->timeout_ms)) {
            return cli_wrong_usage("events", "'%s' is no time; say 250ms, 5s or 10m",
                                   given->value);
        }
        break;
    case CLI_KEY_JSON:
        self->as_json = true;
        break;
    default:
        return cli_target_option(&self->target, "events", given);
    }
    return CLI_OK;
}

/* ---- showing ---- */

/* Of the day, as the clock on the wall has it. */
static void show_time(const msgpack_object *event)
{
    uint64_t wall_ms = 0;
    if (!cli_member_number(event, "time", &wall_ms)) {
        return;
    }
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts = {0};
    char text[16];
    localtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%H:%M:%S", &parts);
    char line[32];
    snprintf(line, sizeof line, "%s.%03u ", text, (unsigned)(wall_ms % 1000));
    cli_print(CLI_DIM, line);
}

static cli_colour_t colour_of(const char *level)
{
    return strcmp(level, "error") == 0     ? CLI_RED
           : strcmp(level, "warning") == 0 ? CLI_YELLOW
           : strcmp(level, "debug") == 0   ? CLI_DIM
                                           : CLI_PLAIN;
}

/* Whether the key stands in front already. */
static bool is_shown(const msgpack_object *key)
{
    static const char *const shown[] = {"time", "seq", "level", "event"};
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        if (key->type == MSGPACK_OBJECT_STR && key->via.str.size == strlen(shown[i]) &&
            memcmp(key->via.str.ptr, shown[i], key->via.str.size) == 0) {
            return true;
        }
    }
    return false;
}

static void show_field(const msgpack_object_kv *field)
{
    char *key = cli_object_text(&field->key, NAME_LENGTH);
    char *text = cli_object_text(&field->val, TEXT_LENGTH);
    bool is_word = *text && strcspn(text, " \"=") == strlen(text);
    putchar(' ');
    cli_print(CLI_DIM, key);
    cli_print(CLI_DIM, "=");
    if (is_word) {
        printf("%s", text);
    } else {
        printf("\"%s\"", text);
    }
    free(key);
    free(text);
}

static void show_line(const msgpack_object *event)
{
    char *level = cli_member_text(event, "level", NAME_LENGTH);
    char *name = cli_member_text(event, "event", NAME_LENGTH);
    show_time(event);
    if (strcmp(level, "warning") == 0 || strcmp(level, "error") == 0) {
        cli_print(colour_of(level), level);
        putchar(' ');
    }
    cli_print(colour_of(level), name);
    for (uint32_t i = 0; i < event->via.map.size; i++) {
        if (!is_shown(&event->via.map.ptr[i].key)) {
            show_field(&event->via.map.ptr[i]);
        }
    }
    putchar('\n');
    free(level);
    free(name);
}

/* What cannot be read is left out: it comes from another version. */
static void show(listening_t *self, const troupe_reply_t *part)
{
    const troupe_message_t *message = troupe_reply_message(part);
    cli_document_t document;
    const char *reason;
    if (!cli_document_open(&document, troupe_message_data(message, 0),
                           troupe_message_size(message, 0), &reason)) {
        return;
    }
    const msgpack_object *event = cli_document_root(&document);
    if (self->as_json) {
        cli_json_object(event);
        putchar('\n');
    } else {
        show_line(event);
    }
    cli_document_close(&document);
    fflush(stdout);
    self->n_shown++;
}

/* ---- following ---- */

static bool has_enough(const listening_t *self)
{
    return (self->n_wanted > 0 && self->n_shown >= self->n_wanted) || ferror(stdout);
}

static int time_is_up(const listening_t *self)
{
    if (self->n_wanted == 0) {
        return CLI_OK;
    }
    cli_complain("events: %" PRIu64 " of %" PRIu64 " events came in time", self->n_shown,
                 self->n_wanted);
    return CLI_TIMEOUT;
}

static int follow(listening_t *self, cli_session_t *session)
{
    int64_t until_ms = self->timeout_ms < 0 ? INT64_MAX : cli_now_ms() + self->timeout_ms;
    while (!has_enough(self)) {
        troupe_reply_t *reply = NULL;
        int64_t left_ms = until_ms == INT64_MAX ? -1 : until_ms - cli_now_ms();
        if (until_ms != INT64_MAX && left_ms <= 0) {
            return time_is_up(self);
        }
        troupe_status_t status = cli_session_next(session, session->client, left_ms, &reply);
        if (status == TROUPE_TIMEOUT) {
            continue;
        }
        if (status == TROUPE_INTERRUPTED || cli_session_pause(session, 0)) {
            troupe_reply_destroy(&reply);
            return CLI_INTERRUPTED;
        }
        if (status != TROUPE_OK) {
            return cli_explain_status(CLI_ADMIN, status);
        }
        bool is_final = troupe_reply_is_final(reply);
        int code = is_final ? cli_explain_outcome(CLI_ADMIN, reply) : CLI_OK;
        if (!is_final) {
            show(self, reply);
        }
        troupe_reply_destroy(&reply);
        if (is_final) {
            return code;
        }
    }
    return CLI_OK;
}

static int listen_to(listening_t *self)
{
    cli_session_t session;
    int code = cli_session_open(&session, &self->target);
    if (code != CLI_OK) {
        return code;
    }
    char past[24];
    snprintf(past, sizeof past, "%" PRIu64, self->n_past);
    troupe_message_t *message = cli_need(troupe_message_from_text(self->filter));
    if (troupe_message_add(message, past, strlen(past)) != TROUPE_OK) {
        cli_need(NULL);
    }
    const troupe_call_options_t call = {.method = "events"};
    uint64_t id;
    troupe_status_t status =
        troupe_client_start(session.client, CLI_ADMIN, &call, &message, &id);
    code = status == TROUPE_OK ? follow(self, &session) : cli_explain_status(CLI_ADMIN, status);
    cli_session_close(&session); /* cancels */
    return code;
}

static int events(const cli_args_t *args)
{
    listening_t listening = {.timeout_ms = -1};
    cli_target_init(&listening.target);
    for (size_t i = 0; i < args->n_given; i++) {
        int code = take_option(&listening, &args->given[i]);
        if (code != CLI_OK) {
            return code;
        }
    }
    return listen_to(&listening);
}

const cli_verb_t cli_verb_events = {
    .name = "events",
    .brief = "show what happens, as it happens",
    .about =
        "Print each event of the node's life in one line: workers that start, end and are\n"
        "evicted, memory, breakers, drains. Goes on until Ctrl-C. A reader that is too slow\n"
        "loses events, and is told how many by an event 'events_shed'.\n",
    .options = options,
    .examples = "  troupe events\n"
                "  troupe events -f 'memory evicted' --json\n"
                "  troupe events -f node_drained -n 1 -t 5m\n",
    .run = events,
};
