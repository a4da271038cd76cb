/* thread_ring.c - a token that goes round and round: thread_ring [HOPS]
 *
 * `ring` starts 503 children, each an actor with a thread that sleeps until the token comes.
 * The token says how often it is still to be handed on; who gets it with nothing left tells
 * `ring` his number. Which one that is follows from the number of hops alone, so `ring` checks
 * it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe.h>

#define N_MEMBERS 503

static troupe_message_t *message_of(long number)
{
    return troupe_message_from(&number, sizeof number);
}

static long number_in(const troupe_message_t *message)
{
    long number;
    memcpy(&number, troupe_message_data(message, 0), sizeof number);
    return number;
}

/* ---- a member: its name is its number, from 1 ---- */

static int member_receive(troupe_worker_t *self, const troupe_message_t *token, void *state)
{
    (void)state;
    long number = strtol(troupe_worker_name(self), NULL, 10);
    long n_left = number_in(token);
    char next[32];
    snprintf(next, sizeof next, "%ld", number % N_MEMBERS + 1);
    troupe_message_t *message = message_of(n_left > 0 ? n_left - 1 : number);
    return message ? troupe_send_named(self, n_left > 0 ? next : "ring", &message) : -1;
}

static const troupe_behaviour_t member = {.name = "member", .receive = member_receive};

/* ---- the ring ---- */

struct ring {
    int64_t n_hops;
    troupe_ref_t *members[N_MEMBERS];
};

static troupe_ref_t *start_member(troupe_worker_t *self, long number)
{
    char name[32];
    snprintf(name, sizeof name, "%ld", number);
    const troupe_child_t child = {.name = name, .behaviour = &member};
    troupe_ref_t *started = NULL;
    return troupe_spawn(self, &child, &started) == TROUPE_OK ? started : NULL;
}

/* All are there before the token is; what is sent to one that is not up yet waits for it. */
static int start(troupe_worker_t *self, struct ring *ring)
{
    for (long i = 0; i < N_MEMBERS; i++) {
        ring->members[i] = start_member(self, i + 1);
        if (!ring->members[i]) {
            troupe_worker_explain(self, "member %ld cannot be started", i + 1);
            return -1;
        }
    }
    troupe_message_t *token = message_of((long)ring->n_hops);
    return token ? troupe_send(self, ring->members[0], &token) : -1;
}

/* The first one has the token after no hops, and after every N_MEMBERS. */
static int end(troupe_worker_t *self, const struct ring *ring, long number)
{
    long expected = (long)(ring->n_hops % N_MEMBERS) + 1;
    if (number != expected) {
        troupe_worker_explain(self, "the token is at %ld, not at %ld", number, expected);
        return -1;
    }
    printf("%lld hops among %d actors: the token is at %ld\n", (long long)ring->n_hops,
           N_MEMBERS, number);
    troupe_worker_end(self);
    return 0;
}

static int ring_receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    return troupe_message_kind(message) == TROUPE_MESSAGE_TICK
               ? start(self, state)
               : end(self, state, number_in(message));
}

static int ring_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    struct ring *ring = calloc(1, sizeof *ring);
    if (!ring || troupe_args_number(args, "hops", &ring->n_hops) != TROUPE_OK ||
        ring->n_hops < 0 || troupe_timer_start(self, 0, 0, NULL, NULL) != TROUPE_OK) {
        troupe_worker_explain(self, "how many hops?");
        free(ring);
        return -1;
    }
    *state_p = ring;
    return TROUPE_INIT_OK;
}

static void ring_terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    struct ring *ring = *state_p;
    for (size_t i = 0; i < N_MEMBERS; i++) {
        troupe_ref_release(&ring->members[i]);
    }
    free(ring);
}

static const troupe_behaviour_t ring = {
    .name = "ring", .init = ring_init, .receive = ring_receive, .terminate = ring_terminate};

/* ---- the program ---- */

static const char tree[] = "troupe: 1\n"
                           "supervisor:\n"
                           "  intensity: {restarts: 0}\n"
                           "  auto-shutdown: any_significant\n"
                           "  children:\n"
                           "    - actor: ring\n"
                           "      worker: {module: ring, args: {hops: \"${HOPS}\"}}\n"
                           "      spawns: 503\n"
                           "      restart: transient\n"
                           "      significant: true\n";

static void print_problem(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

int main(int argc, char **argv)
{
    setenv("HOPS", argc > 1 ? argv[1] : "10000", 1);
    setenv("TROUPE_LOG_LEVEL", "warning", 0);
    int code = TROUPE_EXIT_FAILED;
    troupe_node_t *node = troupe_node_new();
    if (node && troupe_node_register(node, &ring) == TROUPE_OK &&
        troupe_node_load_text(node, "tree", tree, print_problem, NULL) == TROUPE_OK) {
        code = troupe_node_run(node, print_problem, NULL);
    }
    troupe_node_destroy(&node);
    return code;
}
