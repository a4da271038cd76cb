/* rate_limiter.c - leave to pass, so many at a time: rate_limiter
 *
 * Three clients ask a token bucket 20 times each, all at once: ten pass at once, the others as
 * tokens drip. Each client checks that it was served in order, an auditor that never too many
 * passed within a while.
 */

#include <stdio.h>
#include <stdlib.h>

#include "rate_limiter.h"

static const char tree[] = "troupe: 1\n"
                           "supervisor:\n"
                           "  intensity: {restarts: 0}\n"
                           "  auto-shutdown: any_significant\n"
                           "  children:\n"
                           "    - actor: auditor\n"
                           "      worker: {module: auditor, args: {expects: 60}}\n"
                           "      restart: transient\n"
                           "      significant: true\n"
                           "    - {actor: bucket, worker: {module: bucket}}\n"
                           "    - {actor: ada, worker: {module: client, args: {asks: 20}}}\n"
                           "    - {actor: bob, worker: {module: client, args: {asks: 20}}}\n"
                           "    - {actor: cy, worker: {module: client, args: {asks: 20}}}\n";

static void print_problem(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

int main(void)
{
    setenv("TROUPE_LOG_LEVEL", "warning", 0);
    int code = TROUPE_EXIT_FAILED;
    troupe_node_t *node = troupe_node_new();
    if (node && troupe_node_register(node, &auditor_behaviour) == TROUPE_OK &&
        troupe_node_register(node, &bucket_behaviour) == TROUPE_OK &&
        troupe_node_register(node, &client_behaviour) == TROUPE_OK &&
        troupe_node_load_text(node, "tree", tree, print_problem, NULL) == TROUPE_OK) {
        code = troupe_node_run(node, print_problem, NULL);
    }
    troupe_node_destroy(&node);
    return code;
}
