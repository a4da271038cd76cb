/* `troupe run`: a node in the foreground. All that it logs and how it drains is the library's;
 * here is only how it begins and what its end is called.
 */

#include <stdlib.h>
#include <string.h>

#include "cli/local_node.h"
#include "cli/output.h"
#include "cli/verbs.h"

static const cli_option_t options[] = {
    CLI_MODULE_PATH_OPTION,
    {CLI_KEY_LOG_LEVEL, "log-level", "LEVEL", "debug, info (default), warning, error or off"},
    {CLI_KEY_LOG_FORMAT, "log-format", "FORMAT", "logfmt (default) or json, on stderr"},
    {0},
};

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++) {
        if (strcmp(word, *words) == 0) {
            return true;
        }
    }
    return false;
}

/* The library reads its log settings from the environment when the first node is made. */
static int take_option(const cli_given_t *given)
{
    static const char *const levels[] = {"debug", "info", "warning", "error", "off", NULL};
    static const char *const formats[] = {"logfmt", "json", NULL};

    if (given->key == CLI_KEY_LOG_LEVEL) {
        if (!is_one_of(given->value, levels)) {
            return cli_wrong_usage("run", "'%s' is no log level", given->value);
        }
        cli_need(setenv("TROUPE_LOG_LEVEL", given->value, 1) == 0 ? (void *)given : NULL);
    }
    if (given->key == CLI_KEY_LOG_FORMAT) {
        if (!is_one_of(given->value, formats)) {
            return cli_wrong_usage("run", "'%s' is no log format", given->value);
        }
        cli_need(setenv("TROUPE_LOG_FORMAT", given->value, 1) == 0 ? (void *)given : NULL);
    }
    return CLI_OK;
}

static int run(const cli_args_t *args)
{
    for (size_t i = 0; i < args->n_given; i++) {
        int code = take_option(&args->given[i]);
        if (code != CLI_OK) {
            return code;
        }
    }
    troupe_node_t *node = NULL;
    int code = cli_local_node_load(args, &node);
    if (code != CLI_OK) {
        return code;
    }
    size_t n_problems = 0;
    code = troupe_node_run(node, cli_print_problem, &n_problems);
    troupe_node_destroy(&node);
    if (code == CLI_GAVE_UP) {
        cli_complain("%s: the root supervisor gave up; the log says which child failed and why",
                     args->operand);
    } else if (code != CLI_OK) {
        cli_complain("%s: the node did not start%s", args->operand,
                     n_problems ? "; what is above says why" : "");
    }
    return code;
}

const cli_verb_t cli_verb_run = {
    .name = "run",
    .operand = "FILE",
    .brief = "run a node in the foreground",
    .about =
        "Start the node that FILE describes and serve until it is told to stop. SIGTERM and\n"
        "SIGINT (Ctrl-C) drain it: it finishes what it has accepted and refuses the rest; a\n"
        "second one does not wait. It exits with 1 when a module, an endpoint or a limit\n"
        "stood in the way, and with 70 when the root supervisor gave up.\n",
    .options = options,
    .examples = "  troupe run studio.yaml\n"
                "  troupe run studio.yaml --log-level debug --log-format json 2>studio.log\n",
    .run = run,
};
