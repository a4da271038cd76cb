/* `troupe check`: the same loading as `run`, and then nothing. What passes here starts there,
 * unless the machine lacks what the file asks for.
 */

#include <stdio.h>
#include <stdlib.h>

#include "cli/local_node.h"
#include "cli/output.h"
#include "cli/verbs.h"

static const cli_option_t options[] = {
    CLI_MODULE_PATH_OPTION,
    {0},
};

static int check(const cli_args_t *args)
{
    troupe_node_t *node = NULL;
    int code = cli_local_node_load(args, &node);
    if (code == CLI_OK) {
        char *summary = cli_need(troupe_node_summary(node));
        char *outlook = cli_need(troupe_node_outlook(node));
        printf("%s\n%s%s", summary, outlook, outlook[0] ? "\n" : "");
        free(outlook);
        free(summary);
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
                "  troupe check studio.yaml && systemctl restart studio\n",
    .run = check,
};
