/* thread_ring.c - a token that goes round and round: thread_ring [HOPS]
 *
 * 503 actors, each a thread that sleeps until the token comes. It says how often it is still to
 * be handed on; who gets it with nothing left says its own number and ends, and the node with
 * it. Where that is follows from the number of hops alone, so whoever ends checks that it is
 * he.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe.h>

#define N_ACTORS 503

struct token {
    long n_hops; /* in all */
    long n_left;
};

struct member {
    long number; /* from 1 */
    troupe_ref_t *next;
};

static int pass_on(troupe_worker_t *self, struct member *member, struct token token)
{
    if (!member->next) { /* in init the next one is not there yet */
        char name[32];
        snprintf(name, sizeof name, "%ld", member->number % N_ACTORS + 1);
        member->next = troupe_find(self, name);
    }
    troupe_message_t *message = troupe_message_from(&token, sizeof token);
    return member->next && message ? troupe_send(self, member->next, &message) : -1;
}

/* The first one has the token after no hops, and after every N_ACTORS. */
static int stop_here(troupe_worker_t *self, const struct member *member, struct token token)
{
    long expected = token.n_hops % N_ACTORS + 1;
    if (member->number != expected) {
        troupe_worker_explain(self, "the token should have stopped at %ld", expected);
        return -1;
    }
    printf("%ld hops among %d actors: the token is at %ld\n", token.n_hops, N_ACTORS,
           member->number);
    troupe_worker_end(self);
    return 0;
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    struct token token;
    memcpy(&token, troupe_message_data(message, 0), sizeof token);
    if (token.n_left == 0) {
        return stop_here(self, state, token);
    }
    token.n_left--;
    return pass_on(self, state, token);
}

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)args;
    struct member *member = calloc(1, sizeof *member);
    if (!member) {
        return -1;
    }
    member->number = strtol(troupe_worker_name(self), NULL, 10);
    *state_p = member;
    return TROUPE_INIT_OK;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    struct member *member = *state_p;
    troupe_ref_release(&member->next);
    free(member);
}

static const troupe_behaviour_t member = {
    .name = "member", .init = init, .receive = receive, .terminate = terminate};

/* ---- the program ---- */

static void print_problem(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static troupe_status_t describe_ring(troupe_node_t *node)
{
    char *tree = NULL;
    size_t size;
    FILE *yaml = open_memstream(&tree, &size);
    if (!yaml) {
        return TROUPE_ERR_NOMEM;
    }
    fputs("troupe: 1\n"
          "supervisor:\n"
          "  intensity: {restarts: 0}\n"
          "  auto-shutdown: any_significant\n"
          "  children:\n",
          yaml);
    for (int number = 1; number <= N_ACTORS; number++) {
        fprintf(yaml,
                "    - {actor: \"%d\", worker: {module: member}, restart: transient, "
                "significant: true}\n",
                number);
    }
    troupe_status_t status =
        fclose(yaml) == 0 ? troupe_node_load_text(node, "ring", tree, print_problem, NULL)
                          : TROUPE_ERR_NOMEM;
    free(tree);
    return status;
}

static troupe_status_t hand_over(troupe_node_t *node, long n_hops)
{
    struct token token = {.n_hops = n_hops, .n_left = n_hops};
    troupe_message_t *message = troupe_message_from(&token, sizeof token);
    return message ? troupe_node_send(node, "1", &message) : TROUPE_ERR_NOMEM;
}

int main(int argc, char **argv)
{
    long n_hops = argc > 1 ? strtol(argv[1], NULL, 10) : 10000;
    setenv("TROUPE_LOG_LEVEL", "warning", 0);
    int code = TROUPE_EXIT_FAILED, exit_code;
    troupe_node_t *node = troupe_node_new();
    if (node && n_hops >= 0 && troupe_node_register(node, &member) == TROUPE_OK &&
        describe_ring(node) == TROUPE_OK &&
        troupe_node_start(node, print_problem, NULL) == TROUPE_OK &&
        hand_over(node, n_hops) == TROUPE_OK &&
        troupe_node_wait(node, -1, &exit_code) == TROUPE_OK) {
        code = exit_code;
    }
    troupe_node_destroy(&node);
    return code;
}
