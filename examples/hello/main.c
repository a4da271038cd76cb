/* main.c - a program with a node inside it
 *
 * It describes its own small tree, calls what the tree offers, and stops it.
 */

#include <stdio.h>

#include <troupe.h>

extern const troupe_behaviour_t hello; /* hello.c */

static const char tree[] = "troupe: 1\n"
                           "supervisor:\n"
                           "  children:\n"
                           "    - capability: hello\n"
                           "      worker: {module: hello, args: {greeting: Welcome}}\n";

static void print_problem(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static int greet(troupe_node_t *node, const char *name)
{
    troupe_caller_t *caller = troupe_caller_new(node);
    troupe_message_t *request = troupe_message_from_text(name);
    troupe_reply_t *reply = NULL;
    int code = 1;

    if (caller &&
        troupe_caller_call(caller, "hello", NULL, &request, NULL, NULL, &reply) == TROUPE_OK) {
        const troupe_message_t *message = troupe_reply_message(reply);
        troupe_outcome_t outcome = troupe_reply_outcome(reply);
        printf("%s: %.*s%s\n", troupe_outcome_name(outcome),
               (int)troupe_message_size(message, 0),
               (const char *)troupe_message_data(message, 0), troupe_reply_text(reply));
        code = outcome == TROUPE_OUTCOME_OK ? 0 : 1;
    }
    troupe_reply_destroy(&reply);
    troupe_message_destroy(&request);
    troupe_caller_destroy(&caller);
    return code;
}

int main(int argc, char **argv)
{
    int code = 1, exit_code = TROUPE_EXIT_FAILED;
    troupe_node_t *node = troupe_node_new();

    if (node && troupe_node_register(node, &hello) == TROUPE_OK &&
        troupe_node_load_text(node, "tree", tree, print_problem, NULL) == TROUPE_OK &&
        troupe_node_start(node, print_problem, NULL) == TROUPE_OK) {
        code = greet(node, argc > 1 ? argv[1] : "Ada");
        troupe_node_stop(node);
        if (troupe_node_wait(node, 10000, &exit_code) != TROUPE_OK ||
            exit_code != TROUPE_EXIT_OK) {
            code = 1;
        }
    }
    troupe_node_destroy(&node);
    return code;
}
