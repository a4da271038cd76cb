/* `troupe monitor`: wait until an actor goes down, and say in one line how. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/behaviour.h>
#include <troupe/client.h>

#include "cli/json.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/text.h"
#include "cli/verbs.h"

enum { TEXT_LENGTH = 300 };

static const cli_option_t options[] = {
    {'t', "timeout", "TIME", "how long to wait (default: until it goes down)"},
    {CLI_KEY_JSON, "json", NULL, "print it as one JSON object"},
    CLI_TARGET_OPTIONS,
    {0},
};

typedef struct monitor {
    const char *actor;
    int64_t timeout_ms; /* -1: none */
    bool as_json;
    cli_target_t target;
} monitor_t;

static int take_option(monitor_t *monitor, const char *verb, const cli_given_t *given)
{
    switch (given->key) {
    case 't':
        if (!cli_parse_duration(given->value, &monitor->timeout_ms)) {
            return cli_wrong_usage(verb, "'%s' is no time; say 250ms, 5s or 10m", given->value);
        }
        return CLI_OK;
    case CLI_KEY_JSON:
        monitor->as_json = true;
        return CLI_OK;
    default:
        return cli_target_option(&monitor->target, verb, given);
    }
}

static int take_options(monitor_t *monitor, const cli_args_t *args)
{
    cli_target_init(&monitor->target);
    if (!*monitor->actor) {
        return cli_wrong_usage(args->verb, "the name is empty");
    }
    int code = CLI_OK;
    for (size_t i = 0; i < args->n_given && code == CLI_OK; i++) {
        code = take_option(monitor, args->verb, &args->given[i]);
    }
    return code;
}

static bool has_code(troupe_reason_t reason)
{
    return reason.kind == TROUPE_REASON_CRASHED || reason.kind == TROUPE_REASON_EXITED;
}

static void show_as_json(const monitor_t *monitor, troupe_reason_t reason)
{
    printf("{\"actor\":");
    cli_json_string(monitor->actor, strlen(monitor->actor));
    printf(",\"reason\":\"%s\"", troupe_reason_name(reason.kind));
    if (has_code(reason)) {
        printf(",\"code\":%d", reason.code);
    }
    printf(",\"text\":");
    cli_json_string(reason.text, strlen(reason.text));
    printf("}\n");
}

static int show_end(const monitor_t *monitor, const troupe_reply_t *final)
{
    if (troupe_reply_outcome(final) != TROUPE_OUTCOME_OK) {
        return cli_explain_outcome(monitor->actor, final);
    }
    if (monitor->as_json) {
        show_as_json(monitor, troupe_reply_reason(final));
        return CLI_OK;
    }
    const char *text = troupe_reply_text(final);
    char *shown = cli_clean(text, strlen(text), TEXT_LENGTH);
    printf("%s: %s\n", monitor->actor, shown);
    free(shown);
    return CLI_OK;
}

static int wait_for_end(const monitor_t *monitor, cli_session_t *session)
{
    troupe_reply_t *reply;
    troupe_status_t status =
        cli_session_next(session, session->client, monitor->timeout_ms, &reply);
    if (status == TROUPE_TIMEOUT) {
        cli_complain("%s: timeout: it has not gone down in that time", monitor->actor);
        return CLI_TIMEOUT;
    }
    if (status != TROUPE_OK) {
        return cli_explain_status(monitor->actor, status);
    }
    int code = show_end(monitor, reply);
    troupe_reply_destroy(&reply);
    return code;
}

static int run(const cli_args_t *args)
{
    monitor_t monitor = {.actor = args->operand, .timeout_ms = -1};
    int code = take_options(&monitor, args);
    cli_session_t session;
    if (code != CLI_OK || (code = cli_session_open(&session, &monitor.target)) != CLI_OK) {
        return code;
    }
    uint64_t id;
    troupe_status_t status = troupe_client_start_monitor(session.client, monitor.actor, &id);
    code = status == TROUPE_OK ? wait_for_end(&monitor, &session)
                               : cli_explain_status(monitor.actor, status);
    cli_session_close(&session);
    return code;
}

const cli_verb_t cli_verb_monitor = {
    .name = "monitor",
    .operand = "ACTOR",
    .brief = "wait until an actor goes down, and say how",
    .about =
        "Wait until the present life of ACTOR ends, or its next one when it is just between\n"
        "two, and print in one line how. 'gone', at once, means that there is nobody called\n"
        "so. Where the node's file does not allow that for this endpoint, it is 'forbidden'.\n"
        "The exit status is 0 however the actor has ended, 4 when it has not in the time of\n"
        "-t, and 1 when that cannot be known, as when the node is lost or stops.\n",
    .options = options,
    .examples = "  troupe monitor room\n"
                "  troupe monitor store -t 10m --json\n",
    .run = run,
};
