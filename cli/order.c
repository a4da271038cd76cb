/* One call, one line: the node's own words. */

#include "cli/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/text.h"

enum { DEFAULT_TIMEOUT_MS = 60 * 1000, TEXT_LENGTH = 400 };

static int wrong_time(const cli_args_t *args, const char *text)
{
    return cli_wrong_usage(args->verb, "'%s' is no time; say 250ms, 5s or 10m", text);
}

int cli_order_read(const cli_args_t *args, cli_order_t *out)
{
    *out = (cli_order_t){.timeout_ms = DEFAULT_TIMEOUT_MS};
    cli_target_init(&out->target);
    for (size_t i = 0; i < args->n_given; i++) {
        const cli_given_t *given = &args->given[i];
        int64_t delay_ms;
        if (given->key == 't' && !cli_parse_duration(given->value, &out->timeout_ms)) {
            return wrong_time(args, given->value);
        }
        if (given->key == CLI_KEY_IN && !cli_parse_duration(given->value, &delay_ms)) {
            return wrong_time(args, given->value);
        }
        if (given->key == 'f') {
            out->file = given->value;
        }
        if (given->key == CLI_KEY_IN) {
            out->later = given->value;
        }
        int code = cli_target_option(&out->target, args->verb, given);
        if (code != CLI_OK) {
            return code;
        }
    }
    return CLI_OK;
}

static void add_frame(troupe_message_t *message, const char *text)
{
    if (text && troupe_message_add(message, text, strlen(text)) != TROUPE_OK) {
        cli_need(NULL);
    }
}

static troupe_message_t *make_message(const cli_args_t *args, const cli_order_t *order)
{
    troupe_message_t *message = cli_need(troupe_message_new());
    add_frame(message, args->operand);
    add_frame(message, args->second);
    add_frame(message, order->later);
    return message;
}

static int show(const troupe_reply_t *reply)
{
    if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
        return cli_explain_outcome(CLI_ADMIN, reply);
    }
    const troupe_message_t *answer = troupe_reply_message(reply);
    char *text =
        cli_clean(troupe_message_data(answer, 0), troupe_message_size(answer, 0), TEXT_LENGTH);
    printf("%s\n", text);
    free(text);
    return CLI_OK;
}

int cli_order_give(const cli_args_t *args, const cli_order_t *order, troupe_message_t *message)
{
    cli_session_t session;
    int code = cli_session_open(&session, &order->target);
    if (code != CLI_OK) {
        troupe_message_destroy(&message);
        return code;
    }
    message = message ? message : make_message(args, order);
    troupe_reply_t *reply = NULL;
    troupe_status_t status = cli_session_admin(&session, session.client, args->verb,
                                               order->timeout_ms, &message, &reply);
    code = status == TROUPE_OK ? show(reply) : cli_explain_status(CLI_ADMIN, status);
    troupe_reply_destroy(&reply);
    cli_session_close(&session);
    return code;
}
