/* connection.c - a connection that is a state machine: connection
 *
 * It is given three lines and an empty one, the last, before there is a connection at all. The
 * server is moody: the first call it does not answer, the second it refuses, and the third line
 * it hangs up on, once. The machine prints each state that it enters; machine.c is the part to
 * look at.
 */

#include <stdio.h>
#include <stdlib.h>

#include "connection.h"

/* ---- server: an ask without frames calls, any other has a line ---- */

struct server {
    int n_calls;
    int n_lines;
    bool has_hung_up;
};

static bool is_in_the_mood(troupe_worker_t *self, struct server *server, bool is_call)
{
    if (is_call && ++server->n_calls <= 2) {
        if (server->n_calls == 2) {
            troupe_refuse(self, "not now");
        }
        return false; /* the first is answered by nobody, and so is lost */
    }
    if (!is_call && ++server->n_lines == 3 && !server->has_hung_up) {
        server->has_hung_up = true;
        troupe_refuse(self, "hung up");
        return false;
    }
    return true;
}

static int server_receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    if (is_in_the_mood(self, state, troupe_message_count(message) == 0)) {
        troupe_message_t *yes = NULL;
        troupe_answer(self, &yes);
    }
    return 0;
}

static int server_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)self;
    (void)args;
    *state_p = calloc(1, sizeof(struct server));
    return *state_p ? TROUPE_INIT_OK : -1;
}

static void server_terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    free(*state_p);
}

const troupe_behaviour_t server_behaviour = {.name = "server",
                                             .init = server_init,
                                             .receive = server_receive,
                                             .terminate = server_terminate};

/* ---- the program ---- */

static const char tree[] = "troupe: 1\n"
                           "supervisor:\n"
                           "  intensity: {restarts: 0}\n"
                           "  auto-shutdown: any_significant\n"
                           "  children:\n"
                           "    - {actor: server, worker: {module: server}}\n"
                           "    - actor: connection\n"
                           "      worker: {module: connection}\n"
                           "      restart: transient\n"
                           "      significant: true\n";

static void print_problem(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static bool send_lines(troupe_node_t *node)
{
    static const char *const lines[] = {"one", "two", "three", ""};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        troupe_message_t *line = troupe_message_from_text(lines[i]);
        if (!line || troupe_node_send(node, "connection", &line) != TROUPE_OK) {
            return false;
        }
    }
    return true;
}

int main(void)
{
    setenv("TROUPE_LOG_LEVEL", "warning", 0);
    int code = TROUPE_EXIT_FAILED, exit_code;
    troupe_node_t *node = troupe_node_new();
    if (node && troupe_node_register(node, &connection_behaviour) == TROUPE_OK &&
        troupe_node_register(node, &server_behaviour) == TROUPE_OK &&
        troupe_node_load_text(node, "tree", tree, print_problem, NULL) == TROUPE_OK &&
        troupe_node_start(node, print_problem, NULL) == TROUPE_OK && send_lines(node) &&
        troupe_node_wait(node, -1, &exit_code) == TROUPE_OK) {
        code = exit_code;
    }
    troupe_node_destroy(&node);
    return code;
}
