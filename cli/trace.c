/* `troupe trace`: have the messages of an actor told as events, for a while. */

#include <string.h>

#include "cli/order.h"
#include "cli/output.h"
#include "cli/verbs.h"

static const cli_option_t options[] = {
    {CLI_KEY_FOR, "for", "TIME", "end after that time, 24h at most (default 60s)"},
    {CLI_KEY_OFF, "off", NULL, "end it now"},
    {'t', "timeout", "TIME", "how long to wait until it is done (default 60s)"},
    CLI_TARGET_OPTIONS,
    {0},
};

/* What the node is told of the time; NULL: nothing. */
static int read_time(const cli_args_t *args, const char **out)
{
    *out = NULL;
    for (size_t i = 0; i < args->n_given; i++) {
        const cli_given_t *given = &args->given[i];
        int64_t time_ms;
        bool is_time = given->key == CLI_KEY_FOR;
        if (is_time && !cli_parse_duration(given->value, &time_ms)) {
            return cli_wrong_usage(args->verb, "'%s' is no time; say 10s, 5m or 1h",
                                   given->value);
        }
        if (*out && (is_time || given->key == CLI_KEY_OFF)) {
            return cli_wrong_usage(args->verb, "--for and --off do not go together");
        }
        *out = is_time ? given->value : given->key == CLI_KEY_OFF ? "off" : *out;
    }
    return CLI_OK;
}

static void add_frame(troupe_message_t *message, const char *text)
{
    if (text && troupe_message_add(message, text, strlen(text)) != TROUPE_OK) {
        cli_need(NULL);
    }
}

static int trace(const cli_args_t *args)
{
    cli_order_t order;
    const char *time;
    if (!*args->operand) {
        return cli_wrong_usage(args->verb, "the name is empty");
    }
    int code = read_time(args, &time);
    if (code == CLI_OK) {
        code = cli_order_read(args, &order);
    }
    if (code != CLI_OK) {
        return code;
    }
    troupe_message_t *message = cli_need(troupe_message_new());
    add_frame(message, args->operand);
    add_frame(message, time);
    return cli_order_give(args, &order, message);
}

const cli_verb_t cli_verb_trace = {
    .name = "trace",
    .operand = "ACTOR",
    .brief = "tell each message of an actor as an event",
    .about =
        "Have each message that an actor takes or sends told as an event, for a minute or as\n"
        "long as --for says: who sent it, how large it was, how long it took and what became\n"
        "of it; never what is in it. Events 'message' and 'message_sent' are of level debug,\n"
        "so that the log stays quiet, and are not kept; 'troupe events' shows them.\n",
    .options = options,
    .examples = "  troupe trace audit --for 10s && troupe events -f message -t 10s\n"
                "  troupe trace audit --off\n",
    .run = trace,
};
