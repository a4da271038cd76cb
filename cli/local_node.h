/* cli/local_node.h - a node in this very process, for `run` and `check` */

#ifndef TROUPE_CLI_LOCAL_NODE_H
#define TROUPE_CLI_LOCAL_NODE_H

#include <stddef.h>

#include <troupe/node.h>

#include "cli/options.h"

#define CLI_MODULE_PATH_OPTION                                                                 \
    {                                                                                          \
        CLI_KEY_MODULE_PATH, "module-path", "DIR",                                             \
            "look for worker modules here first; may be given again"                           \
    }

/* Make a node that knows the folders of --module-path, and load the verb's FILE into it.
 * Every problem is printed as it is found. Anything but CLI_OK was explained, and there is no
 * node. */
TROUPE_NODISCARD int cli_local_node_load(const cli_args_t *args, troupe_node_t **out);

/* A troupe_problem_fn: print the line on stderr; `arg` counts them (a size_t). */
void cli_print_problem(void *arg, const char *line);

#endif
