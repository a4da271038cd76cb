/* machine.c - a connection that dials again, less and less often: a state machine
 *
 * The idiom: whatever happens is an event, each state is a function that is given one and
 * returns the next state, and `enter` does what is due in a new one. What comes too early for a
 * state is put aside, and comes again in the next one. A state that must not last has a timer,
 * which ends with the state.
 */

#include <stdio.h>
#include <stdlib.h>

#include "connection.h"

enum { FIRST_BACKOFF_MS = 10 };

typedef enum event { LINE, ANSWERED, REFUSED, TIMEOUT } event_t;
typedef enum state { DIALLING, WAITING, CONNECTED, SENDING, CLOSED, BROKEN } state_t;

struct connection {
    state_t state;
    uint64_t timer;                   /* of the state; 0: none */
    const troupe_message_t *incoming; /* what a LINE is about; borrowed while it is handled */
    troupe_message_t *line;           /* that is on its way until it is answered; or NULL */
    int64_t backoff_ms;               /* before the next call */
    int n_calls;
    int n_lines;
};

/* ---- what happens in a state, and which comes then ---- */

static state_t too_early(troupe_worker_t *self, const struct connection *connection)
{
    return troupe_stash(self) == TROUPE_OK ? connection->state : BROKEN;
}

static state_t when_dialling(troupe_worker_t *self, struct connection *connection,
                             event_t event)
{
    switch (event) {
    case LINE:
        return too_early(self, connection);
    case ANSWERED:
        connection->backoff_ms = FIRST_BACKOFF_MS;
        return connection->line ? SENDING : CONNECTED;
    default:
        return WAITING;
    }
}

static state_t when_waiting(troupe_worker_t *self, struct connection *connection, event_t event)
{
    return event == LINE ? too_early(self, connection) : DIALLING;
}

static state_t when_connected(troupe_worker_t *self, struct connection *connection,
                              event_t event)
{
    (void)self;
    if (event != LINE) {
        return CONNECTED;
    }
    connection->line = troupe_message_share(connection->incoming);
    return connection->line ? SENDING : BROKEN;
}

static state_t when_sending(troupe_worker_t *self, struct connection *connection, event_t event)
{
    switch (event) {
    case LINE:
        return too_early(self, connection);
    case ANSWERED: {
        bool is_last = troupe_message_size(connection->line, 0) == 0;
        troupe_message_destroy(&connection->line);
        connection->n_lines += !is_last;
        return is_last ? CLOSED : CONNECTED;
    }
    default: /* hung up: the line is sent again */
        return WAITING;
    }
}

typedef state_t(state_fn)(troupe_worker_t *self, struct connection *connection, event_t event);

static state_fn *const when[] = {when_dialling, when_waiting, when_connected, when_sending};

/* ---- from state to state ---- */

static int step(troupe_worker_t *self, struct connection *connection, event_t event);

static int take_answer(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    return step(self, arg,
                troupe_reply_outcome(reply) == TROUPE_OUTCOME_OK ? ANSWERED : REFUSED);
}

/* Nothing to say: dial. */
static int ask_server(troupe_worker_t *self, struct connection *connection,
                      const troupe_message_t *line)
{
    troupe_message_t *message = line ? troupe_message_share(line) : NULL;
    uint64_t id;
    return troupe_ask_named(self, "server", &message, 0, take_answer, connection, &id);
}

static int back_off(troupe_worker_t *self, struct connection *connection)
{
    int64_t backoff_ms = connection->backoff_ms;
    connection->backoff_ms *= 2;
    printf("waiting for %d ms\n", (int)backoff_ms);
    return troupe_timer_start(self, backoff_ms, 0, NULL, &connection->timer);
}

static int enter(troupe_worker_t *self, struct connection *connection)
{
    switch (connection->state) {
    case DIALLING:
        puts("dialling");
        connection->n_calls++;
        return ask_server(self, connection, NULL);
    case WAITING:
        return back_off(self, connection);
    case SENDING:
        printf("sending \"%.*s\"\n", (int)troupe_message_size(connection->line, 0),
               (const char *)troupe_message_data(connection->line, 0));
        return ask_server(self, connection, connection->line);
    case CLOSED:
        printf("closed after %d lines and %d calls\n", connection->n_lines,
               connection->n_calls);
        troupe_worker_end(self);
        return 0;
    default:
        puts("connected");
        return 0;
    }
}

static int step(troupe_worker_t *self, struct connection *connection, event_t event)
{
    state_t next = when[connection->state](self, connection, event);
    if (next == BROKEN) {
        return -1;
    }
    if (next == connection->state) {
        return 0;
    }
    if (connection->timer) {
        troupe_timer_cancel(self, connection->timer);
        connection->timer = 0;
    }
    connection->state = next;
    troupe_unstash(self);
    return enter(self, connection);
}

/* ---- the actor ---- */

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    struct connection *connection = state;
    connection->incoming = message;
    return step(self, connection,
                troupe_message_kind(message) == TROUPE_MESSAGE_TICK ? TIMEOUT : LINE);
}

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)args;
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection || enter(self, connection)) {
        free(connection);
        return -1;
    }
    connection->backoff_ms = FIRST_BACKOFF_MS;
    *state_p = connection;
    return TROUPE_INIT_OK;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    struct connection *connection = *state_p;
    troupe_message_destroy(&connection->line);
    free(connection);
}

const troupe_behaviour_t connection_behaviour = {
    .name = "connection", .init = init, .receive = receive, .terminate = terminate};
