/* `troupe stop`: ask, then watch until nobody answers. That the node accepted to stop says
 * little; that it is gone is what a script waits for. A node that a service manager starts
 * again at once answers with another boot id, and the one that was meant is gone as well.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/document.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/text.h"
#include "cli/verbs.h"

enum {
    DEFAULT_TIMEOUT_MS = 60 * 1000,
    ANSWER_TIMEOUT_MS = 5000, /* for the node to say yes */
    PROBE_TIMEOUT_MS = 1000,  /* no answer for so long: it is gone */
    PROBE_PAUSE_MS = 100,
    ID_LENGTH = 100,
};

static const cli_option_t options[] = {
    {'t', "timeout", "TIME", "how long to wait until it is gone (default 60s)"},
    CLI_TARGET_OPTIONS,
    {0},
};

/* The id of the node's present life; "" when it does not say. To be released with free(). */
static char *ask_boot(cli_session_t *session, troupe_client_t *client, troupe_status_t *status)
{
    troupe_reply_t *reply = NULL;
    *status = cli_session_admin(session, client, "tree", PROBE_TIMEOUT_MS, NULL, &reply);
    char *boot = NULL;
    if (*status == TROUPE_OK && troupe_reply_outcome(reply) == TROUPE_OUTCOME_OK) {
        const troupe_message_t *message = troupe_reply_message(reply);
        cli_document_t state;
        const char *reason;
        if (cli_document_open(&state, troupe_message_data(message, 0),
                              troupe_message_size(message, 0), &reason)) {
            boot = cli_member_text(cli_document_root(&state), "boot", ID_LENGTH);
            cli_document_close(&state);
        }
    }
    troupe_reply_destroy(&reply);
    return boot ? boot : cli_need(strdup(""));
}

/* TROUPE_CLOSED: the node of that boot is gone; TROUPE_OK: it is still there. */
static troupe_status_t look(cli_session_t *session, const cli_target_t *target,
                            const char *boot)
{
    troupe_client_t *client = NULL;
    troupe_status_t status = cli_session_probe(session, target, PROBE_TIMEOUT_MS, &client);
    if (status != TROUPE_OK) {
        return status == TROUPE_TIMEOUT ? TROUPE_CLOSED : status;
    }
    char *answer = *boot ? ask_boot(session, client, &status) : NULL;
    if (answer && *answer && strcmp(answer, boot) != 0) {
        status = TROUPE_CLOSED;
    }
    free(answer);
    troupe_client_destroy(&client);
    return status;
}

/* CLI_OK when the node has heard that it is to stop, or is gone already, else explained. */
static int ask_to_stop(cli_session_t *session, const cli_target_t *target, const char *boot)
{
    troupe_reply_t *reply = NULL;
    troupe_status_t status =
        cli_session_admin(session, session->client, "stop", ANSWER_TIMEOUT_MS, NULL, &reply);
    if (status != TROUPE_OK) {
        return cli_explain_status(CLI_ADMIN, status);
    }
    int code = CLI_OK;
    switch (troupe_reply_outcome(reply)) {
    case TROUPE_OUTCOME_OK:
    case TROUPE_OUTCOME_SHUTTING_DOWN: /* somebody else asked before */
    case TROUPE_OUTCOME_WORKER_LOST:   /* it went before it could answer */
        break;
    case TROUPE_OUTCOME_TIMEOUT:
        if (look(session, target, boot) != TROUPE_CLOSED) {
            code = cli_explain_outcome(CLI_ADMIN, reply);
        }
        break;
    default:
        code = cli_explain_outcome(CLI_ADMIN, reply);
        break;
    }
    troupe_reply_destroy(&reply);
    return code;
}

/* TROUPE_CLOSED when it is gone, TROUPE_TIMEOUT when time is up. */
static troupe_status_t wait_until_gone(cli_session_t *session, const cli_target_t *target,
                                       const char *boot, int64_t until_ms)
{
    for (;;) {
        troupe_status_t status = look(session, target, boot);
        if (status != TROUPE_OK) {
            return status;
        }
        if (cli_now_ms() >= until_ms) {
            return TROUPE_TIMEOUT;
        }
        if (cli_session_pause(session, PROBE_PAUSE_MS)) {
            return TROUPE_INTERRUPTED;
        }
    }
}

static int say_how_it_went(const char *name, troupe_status_t status, int64_t timeout_ms)
{
    switch (status) {
    case TROUPE_CLOSED:
        printf("%s has stopped\n", name);
        return CLI_OK;
    case TROUPE_TIMEOUT:
        cli_complain(
            "%s was told to stop and still runs after %.1f s; 'troupe tree' shows what "
            "it waits for",
            name, (double)timeout_ms / 1000);
        return CLI_TIMEOUT;
    default:
        return cli_explain_status("stop", status);
    }
}

static int stop_node(cli_session_t *session, const cli_target_t *target, int64_t timeout_ms)
{
    int64_t began_ms = cli_now_ms();
    const char *node = troupe_client_node_name(session->client);
    node = *node ? node : target->endpoint;
    char *name = cli_clean(node, strlen(node), ID_LENGTH);

    troupe_status_t status;
    char *boot = ask_boot(session, session->client, &status);
    int code = status == TROUPE_INTERRUPTED ? cli_explain_status("stop", status)
                                            : ask_to_stop(session, target, boot);
    if (code == CLI_OK) {
        status = wait_until_gone(session, target, boot, began_ms + timeout_ms);
        code = say_how_it_went(name, status, timeout_ms);
    }
    free(boot);
    free(name);
    return code;
}

static int stop(const cli_args_t *args)
{
    cli_target_t target;
    cli_target_init(&target);
    int64_t timeout_ms = DEFAULT_TIMEOUT_MS;
    for (size_t i = 0; i < args->n_given; i++) {
        const cli_given_t *given = &args->given[i];
        if (given->key == 't' && !cli_parse_duration(given->value, &timeout_ms)) {
            return cli_wrong_usage("stop", "'%s' is no time; say 250ms, 5s or 10m",
                                   given->value);
        }
        int code = cli_target_option(&target, "stop", given);
        if (code != CLI_OK) {
            return code;
        }
    }
    cli_session_t session;
    int code = cli_session_open(&session, &target);
    if (code == CLI_OK) {
        code = stop_node(&session, &target, timeout_ms);
        cli_session_close(&session);
    }
    return code;
}

const cli_verb_t cli_verb_stop = {
    .name = "stop",
    .brief = "drain a node and wait until it is gone",
    .about =
        "Tell the node to stop: it refuses new requests, finishes those it has accepted and\n"
        "stops its children. Returns when it is gone, or with 4 when it still runs after\n"
        "the time given. Interrupting the wait does not take the request back.\n",
    .options = options,
    .examples = "  troupe stop\n"
                "  troupe stop -e tcp://127.0.0.1:5670 -t 10s\n",
    .run = stop,
};
