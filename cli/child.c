/* `troupe add`, `terminate`, `restart`, `remove`: one child of a tree that runs. Names are
 * unique in a node, so a child's name says where it is.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/file.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/text.h"
#include "cli/verbs.h"

enum { DEFAULT_TIMEOUT_MS = 60 * 1000, TEXT_LENGTH = 400 };

static const cli_option_t options[] = {
    {'t', "timeout", "TIME", "how long to wait until it is done (default 60s)"},
    CLI_TARGET_OPTIONS,
    {0},
};

static const cli_option_t add_options[] = {
    {'f', "file", "FILE", "the child's description, as in a list of children; -: from stdin"},
    {'t', "timeout", "TIME", "how long to wait until it has started (default 60s)"},
    CLI_TARGET_OPTIONS,
    {0},
};

/* What was given, beside the name. */
typedef struct cli_child {
    cli_target_t target;
    int64_t timeout_ms;
    const char *file;
} cli_child_t;

static int read_options(const cli_args_t *args, cli_child_t *out)
{
    cli_target_init(&out->target);
    for (size_t i = 0; i < args->n_given; i++) {
        const cli_given_t *given = &args->given[i];
        if (given->key == 't' && !cli_parse_duration(given->value, &out->timeout_ms)) {
            return cli_wrong_usage(args->verb, "'%s' is no time; say 250ms, 5s or 10m",
                                   given->value);
        }
        if (given->key == 'f') {
            out->file = given->value;
        }
        int code = cli_target_option(&out->target, args->verb, given);
        if (code != CLI_OK) {
            return code;
        }
    }
    return CLI_OK;
}

/* Ask, and show in one line what came of it. Takes the message. */
static int ask(const cli_args_t *args, const cli_child_t *child, troupe_message_t *message)
{
    cli_session_t session;
    int code = cli_session_open(&session, &child->target);
    if (code != CLI_OK) {
        troupe_message_destroy(&message);
        return code;
    }
    troupe_reply_t *reply = NULL;
    troupe_status_t status = cli_session_admin(&session, session.client, args->verb,
                                               child->timeout_ms, &message, &reply);
    if (status != TROUPE_OK) {
        code = cli_explain_status(CLI_ADMIN, status);
    } else if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
        code = cli_explain_outcome(CLI_ADMIN, reply);
    } else {
        const troupe_message_t *answer = troupe_reply_message(reply);
        char *text = cli_clean(troupe_message_data(answer, 0), troupe_message_size(answer, 0),
                               TEXT_LENGTH);
        printf("%s\n", text);
        free(text);
    }
    troupe_reply_destroy(&reply);
    cli_session_close(&session);
    return code;
}

static int change(const cli_args_t *args)
{
    cli_child_t child = {.timeout_ms = DEFAULT_TIMEOUT_MS};
    int code = read_options(args, &child);
    return code == CLI_OK ? ask(args, &child, cli_need(troupe_message_from_text(args->operand)))
                          : code;
}

static int add(const cli_args_t *args)
{
    cli_child_t child = {.timeout_ms = DEFAULT_TIMEOUT_MS};
    int code = read_options(args, &child);
    if (code == CLI_OK && !child.file) {
        code = cli_wrong_usage(args->verb, "which child? say -f FILE");
    }
    void *text = NULL;
    size_t size = 0;
    if (code == CLI_OK && !cli_file_read(child.file, &text, &size)) {
        code = CLI_FAILED;
    }
    if (code == CLI_OK) {
        troupe_message_t *message = cli_need(troupe_message_from_text(args->operand));
        if (troupe_message_add(message, text, size) != TROUPE_OK) {
            troupe_message_destroy(&message);
        }
        code = ask(args, &child, cli_need(message));
    }
    free(text);
    return code;
}

const cli_verb_t cli_verb_add = {
    .name = "add",
    .operand = "SUPERVISOR",
    .brief = "start one more child of a supervisor",
    .about =
        "Add a child to a supervisor of a node that runs, and wait until it has started. The\n"
        "file says of it what an element of 'children' says; 'root' is the supervisor of the\n"
        "node's own file. A child that does not start is not added.\n",
    .options = add_options,
    .examples = "  troupe add root -f upper.yaml\n"
                "  echo '{actor: audit, worker: {module: echo}}' | troupe add inner -f -\n",
    .run = add,
};

const cli_verb_t cli_verb_terminate = {
    .name = "terminate",
    .operand = "CHILD",
    .brief = "stop one child; it stays down",
    .about =
        "Stop a child by its name and wait until it is down. It stays so, whatever happens\n"
        "to its siblings, until it is restarted; a temporary child is forgotten.\n",
    .options = options,
    .examples = "  troupe terminate audit\n",
    .run = change,
};

const cli_verb_t cli_verb_restart = {
    .name = "restart",
    .operand = "CHILD",
    .brief = "stop one child and start it again",
    .about =
        "Stop a child by its name, a worker such as vision/2 too, start it again, and wait\n"
        "until it is up. It counts as no failure. One that was terminated is started.\n"
        "The workers of a capability are replaced one after another, each only when its\n"
        "replacement is up, so that no request is lost; the first replacement that does\n"
        "not start ends that.\n",
    .options = options,
    .examples = "  troupe restart vision/2\n"
                "  troupe restart vision -t 5m\n",
    .run = change,
};

const cli_verb_t cli_verb_remove = {
    .name = "remove",
    .operand = "CHILD",
    .brief = "forget a child that was terminated",
    .about = "Take a child that is down out of its supervisor's list.\n",
    .options = options,
    .examples = "  troupe terminate audit && troupe remove audit\n",
    .run = change,
};
