/* `troupe check`: the same loading as `run`, and then nothing. What passes here starts there,
 * unless the machine lacks what the file asks for.
 *
 * Against a node that runs, it is that node which reads: with its environment, and its modules.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/file.h"
#include "cli/lines.h"
#include "cli/local_node.h"
#include "cli/output.h"
#include "cli/verbs.h"

enum { DEFAULT_TIMEOUT_MS = 60 * 1000 };

static const cli_option_t options[] = {
    CLI_MODULE_PATH_OPTION,
    {CLI_KEY_EFFECTIVE, "effective", NULL, "print the file with every default filled in"},
    {CLI_KEY_AGAINST, "against", "ENDPOINT",
     "print what that node would do if this were its file and it\n"
     "were reloaded"},
    {0},
};

static const char *value_of(const cli_args_t *args, int key)
{
    for (size_t i = 0; i < args->n_given; i++) {
        if (args->given[i].key == key) {
            return args->given[i].value ? args->given[i].value : "";
        }
    }
    return NULL;
}

static int check_against(const cli_args_t *args, const char *endpoint)
{
    const cli_given_t given = {.key = 'e', .value = endpoint};
    cli_target_t target;
    cli_target_init(&target);
    int code = cli_target_option(&target, args->verb, &given);
    if (code != CLI_OK) {
        return code;
    }
    void *text = NULL;
    size_t size = 0;
    if (!cli_file_read(args->operand, &text, &size)) {
        return CLI_FAILED;
    }
    troupe_message_t *message = cli_need(troupe_message_new());
    if (troupe_message_add(message, text, size) != TROUPE_OK ||
        troupe_message_add(message, args->operand, strlen(args->operand)) != TROUPE_OK) {
        troupe_message_destroy(&message);
    }
    free(text);
    cli_need(message);
    return cli_ask_for_lines(&target, "difference", DEFAULT_TIMEOUT_MS, &message);
}

static int check(const cli_args_t *args)
{
    const char *endpoint = value_of(args, CLI_KEY_AGAINST);
    bool is_effective = value_of(args, CLI_KEY_EFFECTIVE) != NULL;
    if (endpoint && is_effective) {
        return cli_wrong_usage(args->verb, "say --effective or --against, not both");
    }
    if (endpoint) {
        return check_against(args, endpoint);
    }
    troupe_node_t *node = NULL;
    int code = cli_local_node_load(args, &node);
    if (code == CLI_OK) {
        char *text =
            cli_need(is_effective ? troupe_node_effective(node) : troupe_node_summary(node));
        char *outlook = cli_need(troupe_node_outlook(node));
        fputs(text, stdout);
        if (!is_effective) {
            printf("\n%s%s", outlook, outlook[0] ? "\n" : "");
        }
        free(outlook);
        free(text);
    }
    troupe_node_destroy(&node);
    return code;
}

const cli_verb_t cli_verb_check = {
    .name = "check",
    .operand = "FILE",
    .brief = "validate a file; print every problem, or what it would start",
    .about =
        "Read FILE as `troupe run` would and start nothing. Every problem is one line on\n"
        "stderr, FILE:LINE:COLUMN: error: TEXT, and the exit status is 1; without any, one\n"
        "line on stdout says what running it would start, and one more what its workers\n"
        "would need of the memory budget, when they declare any.\n",
    .options = options,
    .examples = "  troupe check studio.yaml\n"
                "  troupe check studio.yaml && systemctl restart studio\n"
                "  troupe check studio.yaml --effective\n"
                "  troupe check studio.yaml --against ipc:///run/studio.sock\n",
    .run = check,
};
