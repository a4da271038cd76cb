/* `troupe add`, `terminate`, `restart`, `remove`: one child of a tree that runs. Names are
 * unique in a node, so a child's name says where it is.
 */

#include <stdlib.h>

#include "cli/file.h"
#include "cli/order.h"
#include "cli/output.h"
#include "cli/verbs.h"

static const cli_option_t options[] = {
    {'t', "timeout", "TIME", "how long to wait until it is done (default 60s)"},
    CLI_TARGET_OPTIONS,
    {0},
};

static const cli_option_t restart_options[] = {
    CLI_LATER_OPTION,
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

static int change(const cli_args_t *args)
{
    cli_order_t order;
    int code = cli_order_read(args, &order);
    return code == CLI_OK ? cli_order_give(args, &order, NULL) : code;
}

static int add(const cli_args_t *args)
{
    cli_order_t order;
    int code = cli_order_read(args, &order);
    if (code == CLI_OK && !order.file) {
        code = cli_wrong_usage(args->verb, "which child? say -f FILE");
    }
    void *text = NULL;
    size_t size = 0;
    if (code == CLI_OK && !cli_file_read(order.file, &text, &size)) {
        code = CLI_FAILED;
    }
    if (code == CLI_OK) {
        troupe_message_t *message = cli_need(troupe_message_from_text(args->operand));
        if (troupe_message_add(message, text, size) != TROUPE_OK) {
            troupe_message_destroy(&message);
        }
        code = cli_order_give(args, &order, cli_need(message));
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
    .options = restart_options,
    .examples = "  troupe restart vision/2\n"
                "  troupe restart vision -t 5m\n"
                "  troupe restart vision --in 10m\n",
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
