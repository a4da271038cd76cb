/* A `troupe` that was built and not installed lies in BUILD/cli, its modules in BUILD/workers:
 * it finds them by its own place, so that a fresh build runs the examples as they are. The
 * folders that the user names come first.
 */

#include "cli/local_node.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/text.h"

enum { MAX_PROBLEM = 2000 };

void cli_print_problem(void *arg, const char *line)
{
    size_t *n_problems = arg;
    (*n_problems)++;
    char *clean = cli_clean(line, strlen(line), MAX_PROBLEM);
    fflush(stdout);
    fprintf(stderr, "%s\n", clean);
    free(clean);
}

/* The modules' folder of the build that this program lies in; false when it lies elsewhere. */
static bool find_build_modules(char folder[static PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    if (length <= 0) {
        return false;
    }
    folder[length] = '\0';
    char *slash = strrchr(folder, '/');
    if (!slash) {
        return false;
    }
    *slash = '\0';
    slash = strrchr(folder, '/');
    if (!slash || strcmp(slash, "/cli") != 0 ||
        (size_t)(slash - folder) + sizeof "/workers" > PATH_MAX) {
        return false;
    }
    memcpy(slash, "/workers", sizeof "/workers");
    struct stat about;
    return stat(folder, &about) == 0 && S_ISDIR(about.st_mode);
}

static troupe_status_t add_module_paths(const cli_args_t *args, troupe_node_t *node)
{
    troupe_status_t status = TROUPE_OK;
    for (size_t i = 0; i < args->n_given && status == TROUPE_OK; i++) {
        if (args->given[i].key == CLI_KEY_MODULE_PATH) {
            status = troupe_node_add_module_path(node, args->given[i].value);
        }
    }
    char folder[PATH_MAX];
    if (status == TROUPE_OK && find_build_modules(folder)) {
        status = troupe_node_add_module_path(node, folder);
    }
    return status;
}

int cli_local_node_load(const cli_args_t *args, troupe_node_t **out)
{
    assert(args->operand);
    troupe_node_t *node = cli_need(troupe_node_new());
    size_t n_problems = 0;

    troupe_status_t status = add_module_paths(args, node);
    if (status == TROUPE_OK) {
        status = troupe_node_load_file(node, args->operand, cli_print_problem, &n_problems);
    }
    if (status == TROUPE_OK) {
        *out = node;
        return CLI_OK;
    }
    troupe_node_destroy(&node);
    if (n_problems > 0) {
        cli_complain("%s has %zu problem%s", args->operand, n_problems,
                     n_problems == 1 ? "" : "s");
    } else {
        cli_complain("%s: %s", args->operand, troupe_status_text(status));
    }
    return CLI_FAILED;
}
