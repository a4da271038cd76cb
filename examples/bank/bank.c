/* bank.c - transfers that survive whatever fails: bank [FOLDER [TRANSFERS [PERCENT]]]
 *
 * Accounts are actors, and so is the teller who moves money between them. So many of a hundred
 * times, at each place where it hurts, one of them fails on purpose; its supervisor starts it
 * again. Kill the whole program, start it again with the same folder, and it goes on. In the
 * end an audit reads the books: no money was made or lost, and each transfer happened once.
 *
 * How: whatever somebody has to remember is on the disk before anybody hears of it. A transfer
 * has a number, and each step of it can be asked for any number of times and is done once. So
 * who does not know whether a step was done asks for it again, and who is born again does all
 * steps of what has no end in the journal. Nobody has to find out where it was broken off.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bank.h"

static const char head[] = "troupe: 1\n"
                           "supervisor:\n"
                           "  intensity: {restarts: 0}\n"
                           "  auto-shutdown: any_significant\n"
                           "  children:\n"
                           "    - supervisor: bank\n"
                           "      intensity: {restarts: 1000, period: 1s}\n"
                           "      children:\n";

static const char tail[] =
    "        - actor: teller\n"
    "          worker: {module: teller, args: {folder: \"${BANK}\", transfers: \"${N}\"}}\n"
    "          backoff: {min: 1ms, max: 5ms}\n"
    "    - actor: customers\n"
    "      worker: {module: customers, args: {transfers: \"${N}\"}}\n"
    "      restart: transient\n"
    "      significant: true\n";

static void print_problem(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static troupe_status_t describe(troupe_node_t *node)
{
    char tree[8192];
    size_t size = (size_t)snprintf(tree, sizeof tree, "%s", head);
    for (int i = 0; i < N_ACCOUNTS; i++) {
        size += (size_t)snprintf(tree + size, sizeof tree - size,
                                 "        - actor: account-%d\n"
                                 "          worker: {module: account, args: "
                                 "{folder: \"${BANK}\", transfers: \"${N}\"}}\n"
                                 "          backoff: {min: 1ms, max: 5ms}\n",
                                 i);
    }
    snprintf(tree + size, sizeof tree - size, "%s", tail);
    return troupe_node_load_text(node, "bank", tree, print_problem, NULL);
}

static int open_for_business(void)
{
    int code = TROUPE_EXIT_FAILED;
    troupe_node_t *node = troupe_node_new();
    if (node && troupe_node_register(node, &account_behaviour) == TROUPE_OK &&
        troupe_node_register(node, &teller_behaviour) == TROUPE_OK &&
        troupe_node_register(node, &customers_behaviour) == TROUPE_OK &&
        describe(node) == TROUPE_OK) {
        code = troupe_node_run(node, print_problem, NULL);
    }
    troupe_node_destroy(&node);
    return code;
}

int main(int argc, char **argv)
{
    char own_folder[] = "/tmp/troupe-bank.XXXXXX";
    const char *folder = argc > 1 ? argv[1] : mkdtemp(own_folder);
    const char *n_transfers = argc > 2 ? argv[2] : "200";
    setenv("BANK", folder ? folder : "", 1);
    setenv("N", n_transfers, 1);
    setenv("TROUPE_LOG_LEVEL", "error", 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    srand((unsigned)time(NULL) ^ (unsigned)getpid());
    set_bad_luck(argc > 3 ? atoi(argv[3]) : 2);

    printf("the books are in %s\n", folder);
    int code = open_for_business();
    return code == TROUPE_EXIT_OK && !audit(folder, atoll(n_transfers)) ? TROUPE_EXIT_FAILED
                                                                        : code;
}
