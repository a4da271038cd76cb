/* ping_pong.c - two actors and one ball: ping_pong [ROUNDS]
 *
 * `ping` sends the number of the round, `pong` sends back how many it has seen so far. Both
 * must agree in each round, so none was lost and none came twice. When `ping` ends well the
 * node does too, for it is significant; when the two disagree it fails, and the node exits
 * with 70.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <troupe.h>

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

/* ---- pong ---- */

static int pong_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)self;
    (void)args;
    *state_p = calloc(1, sizeof(long)); /* how many it has seen */
    return *state_p ? TROUPE_INIT_OK : -1;
}

static int pong_receive(troupe_worker_t *self, const troupe_message_t *ball, void *state)
{
    long *n_seen = state;
    troupe_message_t *back = message_of(++*n_seen);
    return back ? troupe_send(self, troupe_message_sender(ball), &back) : -1;
}

static void free_state(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    free(*state_p);
}

static const troupe_behaviour_t pong = {
    .name = "pong",
    .init = pong_init,
    .receive = pong_receive,
    .terminate = free_state,
};

/* ---- ping ---- */

struct ping {
    int64_t n_rounds;
    long round;
    struct timespec begun;
};

static double seconds_since(const struct timespec *begun)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begun->tv_sec) + (double)(now.tv_nsec - begun->tv_nsec) / 1e9;
}

static int serve(troupe_worker_t *self, struct ping *ping)
{
    troupe_message_t *ball = message_of(++ping->round);
    return ball ? troupe_send_named(self, "pong", &ball) : -1;
}

static int ping_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    struct ping *ping = calloc(1, sizeof *ping);
    if (!ping || troupe_args_number(args, "rounds", &ping->n_rounds) != TROUPE_OK ||
        ping->n_rounds < 1 || serve(self, ping)) {
        troupe_worker_explain(self, "how many rounds?");
        free(ping);
        return -1;
    }
    clock_gettime(CLOCK_MONOTONIC, &ping->begun);
    *state_p = ping;
    return TROUPE_INIT_OK;
}

static int ping_receive(troupe_worker_t *self, const troupe_message_t *ball, void *state)
{
    struct ping *ping = state;
    if (number_in(ball) != ping->round) {
        troupe_worker_explain(self, "round %ld, and pong has seen %ld", ping->round,
                              number_in(ball));
        return -1;
    }
    if (ping->round < ping->n_rounds) {
        return serve(self, ping);
    }
    double seconds = seconds_since(&ping->begun);
    printf("%.3f s, %.1f us for there and back\n", seconds,
           seconds * 1e6 / (double)ping->round);
    printf("%ld rounds, %ld answers\n", ping->round, number_in(ball));
    troupe_worker_end(self);
    return 0;
}

static const troupe_behaviour_t ping = {
    .name = "ping",
    .init = ping_init,
    .receive = ping_receive,
    .terminate = free_state,
};

/* ---- the program ---- */

static const char tree[] = "troupe: 1\n"
                           "supervisor:\n"
                           "  intensity: {restarts: 0}\n"
                           "  auto-shutdown: any_significant\n"
                           "  children:\n"
                           "    - actor: pong\n"
                           "      worker: {module: pong}\n"
                           "    - actor: ping\n"
                           "      worker: {module: ping, args: {rounds: \"${ROUNDS}\"}}\n"
                           "      restart: transient\n"
                           "      significant: true\n";

static void print_problem(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

int main(int argc, char **argv)
{
    setenv("ROUNDS", argc > 1 ? argv[1] : "10000", 1);
    setenv("TROUPE_LOG_LEVEL", "warning", 0);
    int code = TROUPE_EXIT_FAILED;
    troupe_node_t *node = troupe_node_new();
    if (node && troupe_node_register(node, &ping) == TROUPE_OK &&
        troupe_node_register(node, &pong) == TROUPE_OK &&
        troupe_node_load_text(node, "tree", tree, print_problem, NULL) == TROUPE_OK) {
        code = troupe_node_run(node, print_problem, NULL);
    }
    troupe_node_destroy(&node);
    return code;
}
