/* philosophers.c - five philosophers and five forks: philosophers [MEALS]
 *
 * Everybody takes the fork with the smaller number first (Dijkstra's rule), so they never wait
 * in a circle. When philosopher 3 chokes after his first meal, on purpose, with both forks in
 * his hands, they are back on the table, and his supervisor starts him anew. The program fails
 * if two neighbours ever eat at once.
 */

#include <stdio.h>
#include <stdlib.h>

#include "philosophers.h"

/* The table ends the node, well or not; in the room one failure is forgiven. */
static const char tree[] = "troupe: 1\n"
                           "supervisor:\n"
                           "  intensity: {restarts: 0}\n"
                           "  auto-shutdown: any_significant\n"
                           "  children:\n"
                           "    - actor: table\n"
                           "      worker: {module: table, args: {meals: \"${MEALS}\"}}\n"
                           "      restart: transient\n"
                           "      significant: true\n"
                           "    - supervisor: room\n"
                           "      intensity: {restarts: 1}\n"
                           "      children:\n"
                           "        - {actor: fork-0, worker: {module: fork}}\n"
                           "        - {actor: fork-1, worker: {module: fork}}\n"
                           "        - {actor: fork-2, worker: {module: fork}}\n"
                           "        - {actor: fork-3, worker: {module: fork}}\n"
                           "        - {actor: fork-4, worker: {module: fork}}\n"
                           "        - {actor: philosopher-0, worker: {module: philosopher, "
                           "args: {seat: 0, meals: \"${MEALS}\"}}}\n"
                           "        - {actor: philosopher-1, worker: {module: philosopher, "
                           "args: {seat: 1, meals: \"${MEALS}\"}}}\n"
                           "        - {actor: philosopher-2, worker: {module: philosopher, "
                           "args: {seat: 2, meals: \"${MEALS}\"}}}\n"
                           "        - {actor: philosopher-3, worker: {module: philosopher, "
                           "args: {seat: 3, meals: \"${MEALS}\", chokes-at: 1}}}\n"
                           "        - {actor: philosopher-4, worker: {module: philosopher, "
                           "args: {seat: 4, meals: \"${MEALS}\"}}}\n";

static void print_problem(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

int main(int argc, char **argv)
{
    setenv("MEALS", argc > 1 ? argv[1] : "20", 1);
    setenv("TROUPE_LOG_LEVEL", "error", 0);
    int code = TROUPE_EXIT_FAILED;
    troupe_node_t *node = troupe_node_new();
    if (node && troupe_node_register(node, &table_behaviour) == TROUPE_OK &&
        troupe_node_register(node, &fork_behaviour) == TROUPE_OK &&
        troupe_node_register(node, &philosopher_behaviour) == TROUPE_OK &&
        troupe_node_load_text(node, "tree", tree, print_problem, NULL) == TROUPE_OK) {
        code = troupe_node_run(node, print_problem, NULL);
    }
    troupe_node_destroy(&node);
    return code;
}
