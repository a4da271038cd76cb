/* client.c - asks for leave so often, all at once, and shows the auditor what it got
 *
 * It asked in an order, and must be served in that order.
 */

#include <stdlib.h>
#include <string.h>

#include "rate_limiter.h"

struct client {
    int64_t n_asks;
    int64_t last_turn; /* -1: none */
};

static int show(troupe_worker_t *self, const troupe_reply_t *reply)
{
    troupe_message_t *message = troupe_message_share(troupe_reply_message(reply));
    return message ? troupe_send_named(self, "auditor", &message) : -1;
}

static int take_leave(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    struct client *client = arg;
    struct leave leave;
    if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
        troupe_worker_explain(self, "got no leave: %s", troupe_reply_text(reply));
        return -1;
    }
    memcpy(&leave, troupe_message_data(troupe_reply_message(reply), 0), sizeof leave);
    if (leave.turn <= client->last_turn) {
        troupe_worker_explain(self, "had turn %lld after turn %lld", (long long)leave.turn,
                              (long long)client->last_turn);
        return -1;
    }
    client->last_turn = leave.turn;
    return show(self, reply);
}

/* The tick: begin. */
static int receive(troupe_worker_t *self, const troupe_message_t *tick, void *state)
{
    (void)tick;
    struct client *client = state;
    for (int64_t i = 0; i < client->n_asks; i++) {
        troupe_message_t *nothing = NULL;
        uint64_t id;
        if (troupe_ask_named(self, "bucket", &nothing, 60000, take_leave, client, &id) !=
            TROUPE_OK) {
            return -1;
        }
    }
    return 0;
}

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    struct client *client = calloc(1, sizeof *client);
    uint64_t id;
    if (!client || troupe_args_number(args, "asks", &client->n_asks) != TROUPE_OK ||
        troupe_timer_start(self, 0, 0, NULL, &id) != TROUPE_OK) {
        free(client);
        return -1;
    }
    client->last_turn = -1;
    *state_p = client;
    return TROUPE_INIT_OK;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    free(*state_p);
}

const troupe_behaviour_t client_behaviour = {
    .name = "client", .init = init, .receive = receive, .terminate = terminate};
