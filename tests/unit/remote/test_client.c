/* The client against a node that is played here, frame by frame.
 *
 * Most stories run on one thread: `pump` lets the client work whenever its descriptor says so,
 * and hands over when the node has a message or the client a reply. So the stories also prove
 * that the descriptor alone is enough. Only calls that block get a node on a thread of its
 * own, which follows a script and reports when it is joined.
 */

#include "tests/kit/check.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include <troupe/client.h>

#include "base/clock.h"
#include "remote/bundle.h"
#include "remote/client/client.h"

#define PATIENCE_MS 10000 /* for what must come */
#define MAX_REPLIES 8192

typedef struct world {
    char directory[64];
    char endpoint[128];
    void *context;
    void *router;
    unsigned char peer[256]; /* who spoke last */
    size_t peer_size;
    unsigned char head[TR_TRP1_MAX_HEADER]; /* of what came last; commands borrow from it */
    char payload[64];                       /* its first payload frame, as text */
    size_t n_payload;
    int64_t bundle;                         /* what the node takes; 0: none */
    unsigned char body[TR_BUNDLE_MAX_BODY]; /* of the bundle that came last */
    size_t body_size;
    troupe_client_t *client;
    troupe_reply_t *replies[MAX_REPLIES]; /* taken from the client, not yet looked at */
    size_t first_reply;
    size_t n_replies;
} world_t;

/* ---- the node ---- */

static void open_node(world_t *world)
{
    int yes = 1;
    int none = 0;
    world->router = zmq_socket(world->context, ZMQ_ROUTER);
    assert_non_null(world->router);
    zmq_setsockopt(world->router, ZMQ_ROUTER_MANDATORY, &yes, sizeof yes);
    zmq_setsockopt(world->router, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(world->router, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(world->router, ZMQ_RCVHWM, &none, sizeof none);
    assert_int_equal(zmq_bind(world->router, world->endpoint), 0);
}

static void close_node(world_t *world)
{
    if (world->router) {
        zmq_close(world->router);
        world->router = NULL;
    }
}

/* Read one message; false when it is not TRP/1. Used by the node's thread too: no asserts. */
static bool read_message(world_t *world, tr_trp1_t *out)
{
    int size = zmq_recv(world->router, world->peer, sizeof world->peer, 0);
    world->peer_size = size > 0 ? (size_t)size : 0;
    size = zmq_recv(world->router, world->head, sizeof world->head, 0);
    const char *reason;
    bool is_good = size >= 0 && tr_trp1_decode(world->head, (size_t)size, out, &reason) == 0;
    world->n_payload = 0;
    world->payload[0] = '\0';
    for (;;) {
        int more = 0;
        size_t more_size = sizeof more;
        zmq_getsockopt(world->router, ZMQ_RCVMORE, &more, &more_size);
        if (!more) {
            return is_good;
        }
        char frame[sizeof world->payload] = "";
        if (is_good && out->command == TR_TRP1_BUNDLE) {
            size = zmq_recv(world->router, world->body, sizeof world->body, 0);
            world->body_size = size > 0 ? (size_t)size : 0;
        } else {
            zmq_recv(world->router, frame, sizeof frame - 1, 0);
        }
        if (world->n_payload++ == 0) {
            memcpy(world->payload, frame, sizeof frame);
        }
    }
}

static void send_bytes(world_t *world, const void *bytes, size_t size, int flags)
{
    zmq_send(world->router, world->peer, world->peer_size, ZMQ_SNDMORE);
    zmq_send(world->router, bytes, size, flags);
}

static void say(world_t *world, const tr_trp1_t *command, const char *payload)
{
    unsigned char bytes[TR_TRP1_MAX_HEADER];
    size_t size = 0;
    if (tr_trp1_encode(command, bytes, sizeof bytes, &size) == TROUPE_OK) {
        send_bytes(world, bytes, size, payload ? ZMQ_SNDMORE : 0);
    }
    if (payload) {
        zmq_send(world->router, payload, strlen(payload), 0);
    }
}

static void say_plain(world_t *world, tr_trp1_command_t name, uint64_t id, const char *payload)
{
    tr_trp1_t command;
    tr_trp1_init(&command, name, id);
    say(world, &command, payload);
}

static void say_error(world_t *world, uint64_t id, const char *code, const char *text)
{
    tr_trp1_t command;
    tr_trp1_init(&command, TR_TRP1_ERROR, id);
    command.code = tr_span_of(code);
    command.text = tr_span_of(text);
    command.hint_ms = 250;
    say(world, &command, NULL);
}

static void say_hello(world_t *world, int64_t heartbeat_ms, int64_t max_open)
{
    tr_trp1_t hello;
    tr_trp1_init(&hello, TR_TRP1_HELLO, 0);
    hello.version_min = 1;
    hello.version_max = 1;
    hello.node = tr_span_of("studio");
    hello.boot = tr_span_of("1");
    hello.heartbeat_ms = heartbeat_ms;
    hello.max_open = max_open;
    hello.max_frame = (int64_t)4 << 20;
    hello.bundle = world->bundle > 0 ? world->bundle : -1;
    say(world, &hello, NULL);
}

/* ---- both ---- */

/* Take all that the client has now. */
static void take_replies(world_t *world)
{
    troupe_reply_t *reply;
    while (troupe_client_next(world->client, 0, &reply) == TROUPE_OK) {
        assert_true(world->n_replies < MAX_REPLIES);
        world->replies[world->n_replies++] = reply;
    }
}

/* Let the client work until the node has a message (true), or a reply is there (false). */
static bool pump(world_t *world, bool stop_at_reply)
{
    int64_t until_ms = tr_clock_now_ms() + PATIENCE_MS;
    for (;;) {
        if (stop_at_reply && world->first_reply < world->n_replies) {
            return false;
        }
        zmq_pollitem_t items[] = {
            {.fd = troupe_client_fd(world->client), .events = ZMQ_POLLIN},
            {.socket = world->router, .events = ZMQ_POLLIN},
        };
        int64_t left_ms = until_ms - tr_clock_now_ms();
        if (left_ms <= 0) {
            fail_msg("nothing came");
        }
        zmq_poll(items, world->router ? 2 : 1, left_ms);
        if (items[0].revents) {
            take_replies(world);
        }
        if (world->router && items[1].revents && !stop_at_reply) {
            return true;
        }
    }
}

/* The node's next message, which must be this command. */
static tr_trp1_t hear(world_t *world, tr_trp1_command_t want)
{
    tr_trp1_t command;
    pump(world, false);
    assert_true(read_message(world, &command));
    assert_string_equal(tr_trp1_command_name(command.command), tr_trp1_command_name(want));
    return command;
}

static void greet(world_t *world, int64_t heartbeat_ms, int64_t max_open)
{
    tr_trp1_t hello = hear(world, TR_TRP1_HELLO);
    assert_int_equal(hello.version_min, 1);
    assert_int_equal(hello.version_max, 1);
    say_hello(world, heartbeat_ms, max_open);
}

static troupe_reply_t *next_reply(world_t *world)
{
    pump(world, true);
    return world->replies[world->first_reply++];
}

static void expect_final(world_t *world, uint64_t id, troupe_outcome_t outcome,
                         const char *word_in_text)
{
    troupe_reply_t *reply = next_reply(world);
    assert_int_equal(troupe_reply_id(reply), id);
    assert_true(troupe_reply_is_final(reply));
    assert_outcome(troupe_reply_outcome(reply), outcome);
    if (!strstr(troupe_reply_text(reply), word_in_text)) {
        fail_msg("\"%s\" does not say \"%s\"", troupe_reply_text(reply), word_in_text);
    }
    troupe_reply_destroy(&reply);
}

static uint64_t start(world_t *world, const char *text, int64_t timeout_ms)
{
    troupe_message_t *message = text ? troupe_message_from_text(text) : NULL;
    troupe_call_options_t options = {.method = "echo", .timeout_ms = timeout_ms};
    uint64_t id = 0;
    assert_status(troupe_client_start(world->client, "echo", &options, &message, &id),
                  TROUPE_OK);
    assert_null(message);
    return id;
}

/* The greeting was answered: wait for that to arrive. */
static troupe_status_t connect_now(world_t *world)
{
    return troupe_client_connect(world->client, PATIENCE_MS);
}

static int set_up(void **state)
{
    static int n_worlds;
    world_t *world = calloc(1, sizeof *world);
    if (!world) {
        return -1;
    }
    snprintf(world->directory, sizeof world->directory, "/tmp/troupe-client-XXXXXX");
    if (!mkdtemp(world->directory)) {
        return -1;
    }
    snprintf(world->endpoint, sizeof world->endpoint, "ipc://%s/%d", world->directory,
             n_worlds++);
    world->context = zmq_ctx_new();
    open_node(world);
    world->client = troupe_client_new(world->endpoint);
    *state = world;
    return world->client ? 0 : -1;
}

static int tear_down(void **state)
{
    world_t *world = *state;
    while (world->first_reply < world->n_replies) {
        troupe_reply_destroy(&world->replies[world->first_reply++]);
    }
    troupe_client_destroy(&world->client);
    close_node(world);
    zmq_ctx_term(world->context);
    unlink(world->endpoint + strlen("ipc://"));
    rmdir(world->directory);
    free(world);
    return 0;
}

/* ---- stories ---- */

static void a_call_is_answered(void **state)
{
    world_t *world = *state;
    troupe_message_t *message = troupe_message_from_text("one");
    assert_status(troupe_message_add(message, "two", 3), TROUPE_OK);
    troupe_call_options_t options = {.method = "shout",
                                     .timeout_ms = 5000,
                                     .priority = TROUPE_PRIORITY_HIGH,
                                     .traceparent = "00-ab",
                                     .sticky_key = "user 7",
                                     .dedup_key = "\xff\x01"};
    uint64_t id;
    assert_status(troupe_client_start(world->client, "echo", &options, &message, &id),
                  TROUPE_OK);
    greet(world, 0, 1000);

    tr_trp1_t request = hear(world, TR_TRP1_REQUEST);
    assert_int_equal(request.id, id);
    assert_true(tr_span_equals(request.capability, "echo"));
    assert_true(tr_span_equals(request.method, "shout"));
    assert_true(tr_span_equals(request.traceparent, "00-ab"));
    assert_int_equal(request.priority, TROUPE_PRIORITY_HIGH);
    assert_true(tr_span_equals(request.sticky, "user 7"));
    assert_true(tr_span_equals(request.dedup, "\xff\x01"));
    assert_int_equal(request.credit, 64);
    assert_in_range(request.timeout_ms, 1, 5000);
    assert_int_equal(world->n_payload, 2);
    assert_string_equal(world->payload, "one");

    say_plain(world, TR_TRP1_REPLY, id, "ONE");
    troupe_reply_t *reply = next_reply(world);
    assert_int_equal(troupe_reply_id(reply), id);
    assert_true(troupe_reply_is_final(reply));
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_OK);
    assert_int_equal(troupe_message_size(troupe_reply_message(reply), 0), 3);
    assert_memory_equal(troupe_message_data(troupe_reply_message(reply), 0), "ONE", 3);
    troupe_reply_destroy(&reply);
    assert_int_equal(troupe_client_n_open(world->client), 0);
    assert_string_equal(troupe_client_node_name(world->client), "studio");
    assert_status(troupe_client_next(world->client, 0, &reply), TROUPE_NOT_FOUND);
}

static void parts_come_before_the_final(void **state)
{
    world_t *world = *state;
    uint64_t id = start(world, NULL, 5000);
    greet(world, 0, 1000);
    hear(world, TR_TRP1_REQUEST);
    assert_int_equal(world->n_payload, 0);
    for (uint64_t i = 0; i < 3; i++) {
        tr_trp1_t part;
        tr_trp1_init(&part, TR_TRP1_PART, id);
        part.sequence = (int64_t)i;
        say(world, &part, "bit");
    }
    say_plain(world, TR_TRP1_REPLY, id, NULL);
    for (uint64_t i = 0; i < 3; i++) {
        troupe_reply_t *part = next_reply(world);
        assert_false(troupe_reply_is_final(part));
        assert_int_equal(troupe_reply_sequence(part), i);
        troupe_reply_destroy(&part);
    }
    troupe_reply_t *final = next_reply(world);
    assert_true(troupe_reply_is_final(final));
    assert_int_equal(troupe_reply_sequence(final), 3);
    assert_int_equal(troupe_message_count(troupe_reply_message(final)), 0);
    troupe_reply_destroy(&final);
}

/* ---- credit ---- */

static uint64_t start_stream(world_t *world, uint64_t credit)
{
    troupe_call_options_t options = {.timeout_ms = 60000, .credit = credit};
    uint64_t id = 0;
    assert_status(troupe_client_start(world->client, "echo", &options, NULL, &id), TROUPE_OK);
    return id;
}

static void say_parts(world_t *world, uint64_t id, int count)
{
    for (int i = 0; i < count; i++) {
        say_plain(world, TR_TRP1_PART, id, "bit");
    }
}

static void take_part(world_t *world, uint64_t id)
{
    troupe_reply_t *part = NULL;
    assert_status(troupe_client_next(world->client, PATIENCE_MS, &part), TROUPE_OK);
    assert_int_equal(troupe_reply_id(part), id);
    assert_false(troupe_reply_is_final(part));
    troupe_reply_destroy(&part);
}

/* The node's next message grants so many parts of that stream. */
static void hear_credit(world_t *world, uint64_t id, int64_t n_parts)
{
    tr_trp1_t command = hear(world, TR_TRP1_CREDIT);
    assert_int_equal(command.id, id);
    assert_int_equal(command.credit, n_parts);
}

static void half_a_window_is_granted_when_it_was_taken(void **state)
{
    static const struct {
        uint64_t asked;
        int64_t window;
        int64_t lump;
    } rows[] = {{1, 1, 1}, {2, 2, 1}, {5, 5, 3}, {0, 64, 32}, {UINT64_MAX, INT64_MAX, 0}};
    world_t *world = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t id = start_stream(world, rows[i].asked);
        if (i == 0) {
            greet(world, 0, 1000);
        }
        assert_int_equal(hear(world, TR_TRP1_REQUEST).credit, rows[i].window);
        for (int taken = 1; taken <= 64; taken++) {
            say_parts(world, id, 1);
            take_part(world, id);
            if (rows[i].lump > 0 && taken % rows[i].lump == 0) {
                hear_credit(world, id, rows[i].lump);
            }
        }
        say_plain(world, TR_TRP1_REPLY, id, NULL);
        expect_final(world, id, TROUPE_OUTCOME_OK, "");
    }
    /* Nothing else was said. */
    uint64_t last = start_stream(world, 0);
    assert_int_equal(hear(world, TR_TRP1_REQUEST).id, last);
}

static void parts_that_nobody_takes_grant_nothing(void **state)
{
    world_t *world = *state;
    uint64_t id = start_stream(world, 4);
    greet(world, 0, 1000);
    hear(world, TR_TRP1_REQUEST);
    say_parts(world, id, 4);
    take_part(world, id);
    /* The client reads them all, and answers the ping behind them: it says nothing else. */
    say_plain(world, TR_TRP1_PING, 5, NULL);
    zmq_pollitem_t item = {.socket = world->router, .events = ZMQ_POLLIN};
    while (zmq_poll(&item, 1, 1) == 0) {
        tr_client_turn(world->client, true);
    }
    tr_trp1_t command;
    assert_true(read_message(world, &command));
    assert_int_equal(command.command, TR_TRP1_PONG);
    assert_int_equal(world->client->ready.n_replies, 3);
    take_part(world, id);
    hear_credit(world, id, 2);
}

static void the_last_parts_of_a_stream_that_ended_grant_nothing(void **state)
{
    world_t *world = *state;
    uint64_t id = start_stream(world, 2);
    greet(world, 0, 1000);
    hear(world, TR_TRP1_REQUEST);
    say_parts(world, id, 2);
    say_plain(world, TR_TRP1_REPLY, id, NULL);
    while (troupe_client_n_open(world->client) > 0) {
        tr_client_turn(world->client, true);
    }
    take_part(world, id);
    take_part(world, id);
    expect_final(world, id, TROUPE_OUTCOME_OK, "");
    uint64_t next = start_stream(world, 2);
    assert_int_equal(hear(world, TR_TRP1_REQUEST).id, next);
}

static void credit_that_found_no_room_is_owed(void **state)
{
    world_t *world = *state;
    uint64_t id = start_stream(world, 64);
    greet(world, 0, 1000);
    hear(world, TR_TRP1_REQUEST);
    tr_call_t *call = tr_calls_find(world->client->calls, id);
    assert_non_null(call);
    call->n_taken = 33;
    call->wants_credit = true;
    world->client->owes_words = true;
    tr_client_turn(world->client, true);
    hear_credit(world, id, 33);
    assert_false(world->client->owes_words);
    assert_int_equal(call->n_taken, 0);
}

static void an_error_brings_code_text_and_hint(void **state)
{
    world_t *world = *state;
    uint64_t one = start(world, "x", 5000);
    uint64_t two = start(world, "x", 5000);
    greet(world, 0, 1000);
    hear(world, TR_TRP1_REQUEST);
    hear(world, TR_TRP1_REQUEST);
    say_error(world, one, "overloaded", "100 wait");
    troupe_reply_t *reply = next_reply(world);
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_OVERLOADED);
    assert_string_equal(troupe_reply_text(reply), "100 wait");
    assert_int_equal(troupe_reply_hint_ms(reply), 250);
    troupe_reply_destroy(&reply);

    say_error(world, two, "a code of tomorrow", "what?");
    expect_final(world, two, TROUPE_OUTCOME_INTERNAL, "what?");
}

static void cancelling_is_asked_for_once_it_was_sent(void **state)
{
    world_t *world = *state;
    uint64_t unsent = start(world, "x", 5000);
    troupe_client_cancel(world->client, unsent);
    expect_final(world, unsent, TROUPE_OUTCOME_CANCELLED, "before it was sent");

    uint64_t sent = start(world, "x", 5000);
    greet(world, 0, 1000);
    hear(world, TR_TRP1_REQUEST);
    troupe_client_cancel(world->client, sent);
    troupe_client_cancel(world->client, 4711);
    tr_trp1_t cancel = hear(world, TR_TRP1_CANCEL);
    assert_int_equal(cancel.id, sent);
    assert_int_equal(troupe_client_n_open(world->client), 1);
    say_error(world, sent, "cancelled", "as you wish");
    expect_final(world, sent, TROUPE_OUTCOME_CANCELLED, "as you wish");
}

static void a_mute_node_costs_the_deadline_and_no_more(void **state)
{
    world_t *world = *state;
    int64_t start_ms = tr_clock_now_ms();
    uint64_t id = start(world, "x", 1000); /* time to say it, on any machine */
    greet(world, 0, 1000);
    hear(world, TR_TRP1_REQUEST);
    expect_final(world, id, TROUPE_OUTCOME_TIMEOUT, "no answer from ipc://");
    assert_true(tr_clock_now_ms() - start_ms >= 1250);

    /* What comes now comes too late. */
    say_plain(world, TR_TRP1_REPLY, id, "late");
    uint64_t next = start(world, "y", 5000);
    hear(world, TR_TRP1_REQUEST);
    say_plain(world, TR_TRP1_REPLY, next, NULL);
    expect_final(world, next, TROUPE_OUTCOME_OK, "");
}

static void without_a_node_a_call_ends_at_its_deadline(void **state)
{
    world_t *world = *state;
    close_node(world);
    int64_t start_ms = tr_clock_now_ms();
    uint64_t id = start(world, "x", 60);
    assert_status(troupe_client_connect(world->client, 10), TROUPE_TIMEOUT);
    expect_final(world, id, TROUPE_OUTCOME_TIMEOUT, "could not be reached");
    assert_true(tr_clock_now_ms() - start_ms >= 60);
}

static void a_call_waits_for_a_node_that_comes_later(void **state)
{
    world_t *world = *state;
    close_node(world);
    uint64_t id = start(world, "x", 0);
    assert_status(troupe_client_connect(world->client, 20), TROUPE_TIMEOUT);
    open_node(world);
    greet(world, 0, 1000);
    tr_trp1_t request = hear(world, TR_TRP1_REQUEST);
    assert_int_equal(request.timeout_ms, -1);
    say_plain(world, TR_TRP1_REPLY, id, NULL);
    expect_final(world, id, TROUPE_OUTCOME_OK, "");
}

static void many_calls_are_answered_in_any_order(void **state)
{
    enum { N = 3000, WINDOW = 500 };
    world_t *world = *state;
    static bool is_answered[N + 1];
    memset(is_answered, 0, sizeof is_answered);
    for (int i = 0; i < N; i++) {
        assert_int_equal(start(world, "x", 60000), i + 1);
    }
    greet(world, 0, WINDOW);
    /* The node answers by windows, the last request first. */
    for (int i = 0; i < N / WINDOW; i++) {
        uint64_t ids[WINDOW];
        for (int j = 0; j < WINDOW; j++) {
            ids[j] = hear(world, TR_TRP1_REQUEST).id;
        }
        zmq_pollitem_t item = {.socket = world->router, .events = ZMQ_POLLIN};
        assert_int_equal(zmq_poll(&item, 1, 0), 0); /* not more than may be open */
        for (int j = WINDOW; j > 0; j--) {
            say_plain(world, TR_TRP1_REPLY, ids[j - 1], NULL);
        }
    }
    for (int i = 0; i < N; i++) {
        troupe_reply_t *reply = next_reply(world);
        uint64_t id = troupe_reply_id(reply);
        assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_OK);
        assert_in_range(id, 1, N);
        assert_false(is_answered[id]);
        is_answered[id] = true;
        troupe_reply_destroy(&reply);
    }
    assert_int_equal(troupe_client_n_open(world->client), 0);
}

static void a_restarted_node_loses_what_was_under_way(void **state)
{
    world_t *world = *state;
    uint64_t lost = start(world, "x", 60000);
    greet(world, 0, 1);
    hear(world, TR_TRP1_REQUEST);
    uint64_t kept = start(world, "y", 60000); /* only one may be open */
    close_node(world);
    expect_final(world, lost, TROUPE_OUTCOME_WORKER_LOST, world->endpoint);

    open_node(world);
    greet(world, 0, 1);
    tr_trp1_t request = hear(world, TR_TRP1_REQUEST);
    assert_int_equal(request.id, kept);
    assert_string_equal(world->payload, "y");
    say_plain(world, TR_TRP1_REPLY, kept, NULL);
    expect_final(world, kept, TROUPE_OUTCOME_OK, "");
}

static void answers_sent_before_the_node_went_still_count(void **state)
{
    world_t *world = *state;
    uint64_t id = start(world, "x", 60000);
    greet(world, 0, 1000);
    hear(world, TR_TRP1_REQUEST);
    /* The bytes must have left the node, so its socket lingers. */
    int linger_ms = PATIENCE_MS;
    zmq_setsockopt(world->router, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    say_plain(world, TR_TRP1_REPLY, id, "just in time");
    close_node(world);
    /* Only when all has happened does the client look. */
    int64_t until_ms = tr_clock_now_ms() + PATIENCE_MS;
    while (!tr_link_look(world->client->link, tr_clock_now_ms())) {
        struct pollfd item = {.fd = troupe_client_fd(world->client), .events = POLLIN};
        assert_true(poll(&item, 1, PATIENCE_MS) == 1 && tr_clock_now_ms() < until_ms);
    }
    expect_final(world, id, TROUPE_OUTCOME_OK, "");
}

static void a_silent_node_is_asked_and_then_given_up(void **state)
{
    world_t *world = *state;
    uint64_t id = start(world, "x", 60000);
    greet(world, 400, 1000); /* longer than a busy machine lets the node wait */
    hear(world, TR_TRP1_REQUEST);
    hear(world, TR_TRP1_PING);
    say_plain(world, TR_TRP1_PONG, 0, NULL);
    hear(world, TR_TRP1_PING);
    say_plain(world, TR_TRP1_PONG, 0, NULL);
    assert_int_equal(troupe_client_n_open(world->client), 1);
    expect_final(world, id, TROUPE_OUTCOME_WORKER_LOST, "silent");
}

static void a_ping_is_answered(void **state)
{
    world_t *world = *state;
    start(world, "x", 60000);
    greet(world, 0, 1000);
    hear(world, TR_TRP1_REQUEST);
    say_plain(world, TR_TRP1_PING, 77, NULL);
    assert_int_equal(hear(world, TR_TRP1_PONG).id, 77);
}

static void garbage_is_counted_and_ignored(void **state)
{
    world_t *world = *state;
    uint64_t id = start(world, "x", 60000);
    greet(world, 0, 1000);
    hear(world, TR_TRP1_REQUEST);
    static const char *const garbage[] = {"", "\xdd\x08", "\x94\xa4TRP1\xa5reply\x01\x90",
                                          "MDPC01"};
    for (size_t i = 0; i < 4; i++) {
        send_bytes(world, garbage[i], strlen(garbage[i]), 0);
    }
    send_bytes(world, "\xdd\x08\x00\x00\x00", 5, ZMQ_SNDMORE);
    zmq_send(world->router, "more", 4, 0);
    send_bytes(world,
               "\x94\xa4TRP1\xa5"
               "dance\x01\x80",
               14, 0);
    say_plain(world, TR_TRP1_REPLY, 4711, "not yours");
    say_plain(world, TR_TRP1_PART, 4711, "not yours");
    say_error(world, 0, "bad_request", "about nothing");
    say_plain(world, TR_TRP1_REQUEST, id, NULL); /* no capability: malformed */
    say_plain(world, TR_TRP1_STATUS, id, NULL);
    say_plain(world, TR_TRP1_PROGRESS, id, NULL);
    say_plain(world, TR_TRP1_REPLY, id, "yours");
    say_plain(world, TR_TRP1_REPLY, id, "twice");
    expect_final(world, id, TROUPE_OUTCOME_OK, "");
    assert_int_equal(tr_link_n_malformed(world->client->link), 6);
    uint64_t next = start(world, "y", 60000);
    hear(world, TR_TRP1_REQUEST);
    say_plain(world, TR_TRP1_REPLY, next, NULL);
    expect_final(world, next, TROUPE_OUTCOME_OK, "");
}

static void say_status(world_t *world, uint64_t id, const char *state, int64_t position)
{
    tr_trp1_t status;
    tr_trp1_init(&status, TR_TRP1_STATUS, id);
    status.state = tr_span_of(state);
    status.position = position;
    say(world, &status, NULL);
}

static void expect_status(world_t *world, uint64_t id, troupe_standing_t standing,
                          uint64_t position)
{
    troupe_reply_t *reply;
    assert_status(troupe_client_next(world->client, 60000, &reply), TROUPE_OK);
    assert_int_equal(troupe_reply_id(reply), id);
    assert_false(troupe_reply_is_final(reply));
    assert_int_equal(troupe_reply_standing(reply), standing);
    assert_int_equal(troupe_reply_position(reply), position);
    troupe_reply_destroy(&reply);
}

static void who_wants_to_know_is_told_how_its_call_stands(void **state)
{
    world_t *world = *state;
    troupe_call_options_t options = {.wants_status = true, .credit = 2};
    troupe_message_t *none = NULL;
    uint64_t wants;
    assert_status(troupe_client_start(world->client, "x", &options, &none, &wants), TROUPE_OK);
    uint64_t does_not = start(world, "y", 60000);
    greet(world, 0, 1000);
    assert_true(hear(world, TR_TRP1_REQUEST).wants_status);
    assert_false(hear(world, TR_TRP1_REQUEST).wants_status);
    say_status(world, does_not, "queued", 1);
    say_status(world, wants, "queued", 3);
    say_status(world, wants, "dancing", 1); /* of a later version */
    say_status(world, wants, "starting", -1);
    say_status(world, wants, "running", -1);
    say_status(world, 4711, "running", -1);
    say_plain(world, TR_TRP1_REPLY, wants, NULL);
    say_status(world, wants, "running", -1); /* it is over */
    say_plain(world, TR_TRP1_REPLY, does_not, NULL);
    expect_status(world, wants, TROUPE_STANDING_QUEUED, 3);
    expect_status(world, wants, TROUPE_STANDING_STARTING, 0);
    expect_status(world, wants, TROUPE_STANDING_RUNNING, 0);
    expect_final(world, wants, TROUPE_OUTCOME_OK, "");
    expect_final(world, does_not, TROUPE_OUTCOME_OK, "");
    start(world, "z", 60000);
    hear(world, TR_TRP1_REQUEST); /* and before it no credit for what was no part */
}

static void after_goaway_nothing_new_begins_until_the_node_is_new(void **state)
{
    world_t *world = *state;
    uint64_t running = start(world, "x", 60000);
    greet(world, 0, 1);
    hear(world, TR_TRP1_REQUEST);
    uint64_t waiting = start(world, "y", 60000);
    say_plain(world, TR_TRP1_GOAWAY, 0, NULL);
    expect_final(world, waiting, TROUPE_OUTCOME_SHUTTING_DOWN, "draining");
    uint64_t late = start(world, "z", 60000);
    expect_final(world, late, TROUPE_OUTCOME_SHUTTING_DOWN, "draining");

    say_plain(world, TR_TRP1_REPLY, running, NULL);
    expect_final(world, running, TROUPE_OUTCOME_OK, "");
    close_node(world);
    open_node(world);
    greet(world, 0, 1000);
    assert_status(connect_now(world), TROUPE_OK);
    uint64_t next = start(world, "again", 60000);
    hear(world, TR_TRP1_REQUEST);
    say_plain(world, TR_TRP1_REPLY, next, NULL);
    expect_final(world, next, TROUPE_OUTCOME_OK, "");
}

static void good_bye_ends_what_is_under_way(void **state)
{
    world_t *world = *state;
    uint64_t id = start(world, "x", 60000);
    greet(world, 0, 1000);
    hear(world, TR_TRP1_REQUEST);
    say_plain(world, TR_TRP1_BYE, 0, NULL);
    expect_final(world, id, TROUPE_OUTCOME_WORKER_LOST, "good-bye");
    greet(world, 0, 1000); /* from the new connection */
}

/* ---- calls that never leave ---- */

static void what_is_invalid_ends_as_bad_request(void **state)
{
    world_t *world = *state;
    char name[130];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    char key[258];
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    const struct {
        const char *capability;
        troupe_call_options_t options;
    } rows[] = {
        {NULL, {.method = NULL}},       {"", {.method = NULL}},
        {name, {.method = NULL}},       {"echo", {.method = name}},
        {"echo", {.timeout_ms = -1}},   {"echo", {.priority = (troupe_priority_t)6}},
        {"echo", {.sticky_key = key}},  {"echo", {.dedup_key = key}},
        {"echo", {.traceparent = key}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t id;
        troupe_message_t *message = troupe_message_from_text("gone");
        assert_status(troupe_client_start(world->client, rows[i].capability, &rows[i].options,
                                          &message, &id),
                      TROUPE_OK);
        assert_null(message);
        expect_final(world, id, TROUPE_OUTCOME_BAD_REQUEST, "invalid");
    }
    uint64_t id;
    assert_status(troupe_client_start(world->client, "echo", NULL, NULL, &id), TROUPE_OK);
    assert_int_equal(troupe_client_n_open(world->client), 1);
}

static void what_the_node_would_not_take_is_not_sent(void **state)
{
    world_t *world = *state;
    static char bytes[((size_t)4 << 20) + 1];
    for (size_t excess = 0; excess <= 1; excess++) {
        troupe_message_t *message = troupe_message_from(bytes, sizeof bytes - 1 + excess);
        uint64_t id;
        assert_status(troupe_client_start(world->client, "echo", NULL, &message, &id),
                      TROUPE_OK);
        if (excess == 0) {
            greet(world, 0, 1000);
            hear(world, TR_TRP1_REQUEST);
        } else {
            expect_final(world, id, TROUPE_OUTCOME_TOO_LARGE, "larger than the node accepts");
        }
    }
}

static void open_calls_are_bounded(void **state)
{
    world_t *world = *state;
    close_node(world);
    for (int i = 0; i < 65536; i++) {
        start(world, NULL, 60000);
    }
    assert_int_equal(world->n_replies, 0);
    uint64_t id = start(world, NULL, 60000);
    expect_final(world, id, TROUPE_OUTCOME_OVERLOADED, "too many calls");
    assert_int_equal(troupe_client_n_open(world->client), 65536);
}

static void waiting_bytes_are_bounded(void **state)
{
    world_t *world = *state;
    close_node(world);
    /* One frame, shared: what counts is what would be sent. */
    static char bytes[(size_t)8 << 20];
    troupe_message_t *original = troupe_message_from(bytes, sizeof bytes);
    uint64_t id = 0;
    for (int i = 0; i < 33; i++) {
        troupe_message_t *message = troupe_message_share(original);
        assert_non_null(message);
        assert_status(troupe_client_start(world->client, "echo", NULL, &message, &id),
                      TROUPE_OK);
    }
    troupe_message_destroy(&original);
    assert_int_equal(troupe_client_n_open(world->client), 32);
    expect_final(world, id, TROUPE_OUTCOME_OVERLOADED, "bytes");
}

static void replies_that_nobody_takes_stop_the_reading(void **state)
{
    enum { N_PARTS = 100, N_BYTES = 1 << 20 };
    world_t *world = *state;
    uint64_t id = start(world, "x", 60000);
    greet(world, 0, 1000);
    hear(world, TR_TRP1_REQUEST);
    char *bytes = calloc(1, N_BYTES);
    assert_non_null(bytes);
    unsigned char head[TR_TRP1_MAX_HEADER];
    size_t size = 0;
    tr_trp1_t part;
    tr_trp1_init(&part, TR_TRP1_PART, id);
    assert_status(tr_trp1_encode(&part, head, sizeof head, &size), TROUPE_OK);
    for (int i = 0; i < N_PARTS; i++) {
        send_bytes(world, head, size, ZMQ_SNDMORE);
        zmq_send(world->router, bytes, N_BYTES, 0);
    }
    free(bytes);
    say_plain(world, TR_TRP1_REPLY, id, NULL);

    /* Take one only when the client cannot hold more, and then them all. */
    tr_replies_t *ready = &world->client->ready;
    troupe_reply_t *reply = NULL;
    for (int i = 0; i < N_PARTS; i++) {
        assert_status(troupe_client_next(world->client, PATIENCE_MS, &reply), TROUPE_OK);
        assert_false(troupe_reply_is_final(reply));
        assert_true(ready->n_bytes <= ((size_t)65 << 20));
        troupe_reply_destroy(&reply);
    }
    assert_status(troupe_client_next(world->client, PATIENCE_MS, &reply), TROUPE_OK);
    assert_true(troupe_reply_is_final(reply));
    assert_int_equal(troupe_reply_sequence(reply), N_PARTS);
    troupe_reply_destroy(&reply);
}

/* ---- the connection ---- */

static void connecting_waits_for_the_greeting(void **state)
{
    world_t *world = *state;
    assert_string_equal(troupe_client_node_name(world->client), "");
    assert_status(troupe_client_connect(world->client, 20), TROUPE_TIMEOUT);
    greet(world, 5000, 1000);
    assert_status(connect_now(world), TROUPE_OK);
    assert_string_equal(troupe_client_node_name(world->client), "studio");
    assert_status(troupe_client_connect(world->client, 0), TROUPE_OK);
}

static void another_version_is_refused(void **state)
{
    world_t *world = *state;
    hear(world, TR_TRP1_HELLO);
    tr_trp1_t hello;
    tr_trp1_init(&hello, TR_TRP1_HELLO, 0);
    hello.version_min = 2;
    hello.version_max = 3;
    say(world, &hello, NULL);
    assert_status(connect_now(world), TROUPE_ERR_PROTOCOL);
    /* It tries again, and the next node may be another. */
    greet(world, 0, 1000);
    assert_status(connect_now(world), TROUPE_OK);
}

static void what_is_no_node_is_refused(void **state)
{
    world_t *world = *state;
    hear(world, TR_TRP1_HELLO);
    send_bytes(world, "HTTP/1.1 400", 12, 0);
    assert_status(connect_now(world), TROUPE_ERR_PROTOCOL);
    hear(world, TR_TRP1_HELLO);
    say_error(world, 0, "bad_request", "go away");
    assert_status(connect_now(world), TROUPE_ERR_PROTOCOL);
}

static void what_is_no_endpoint_gives_no_client(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "tcp://",
        "ipc://",
        "inproc://x",
        "localhost:5670",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:99999",
        "tcp://:5670",
        "tcp://a host:5670",
        "tcp://-host:5670",
        "tcp://127.0.0.1:port",
        "ipc://@",
        "ipc:///"
        "a-path-that-is-longer-than-the-107-characters-that-the-address-of-a-socket-has-room-"
        "for-"
        "which-nobody-could-connect-to",
        "pub://x",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        troupe_client_t *client = troupe_client_new(rows[i]);
        if (client) {
            fail_msg("%s is taken for an endpoint", rows[i]);
        }
        troupe_client_destroy(&client);
    }
}

static void leaving_cancels_and_says_good_bye(void **state)
{
    world_t *world = *state;
    uint64_t id = start(world, "x", 60000);
    greet(world, 0, 1000);
    hear(world, TR_TRP1_REQUEST);
    troupe_client_destroy(&world->client);

    tr_trp1_t command;
    assert_true(read_message(world, &command));
    assert_int_equal(command.command, TR_TRP1_CANCEL);
    assert_int_equal(command.id, id);
    assert_true(read_message(world, &command));
    assert_int_equal(command.command, TR_TRP1_BYE);
}

static void signals_stay_as_the_program_set_them(void **state)
{
    (void)state;
    struct sigaction action;
    assert_int_equal(sigaction(SIGINT, NULL, &action), 0);
    assert_true(action.sa_handler == SIG_DFL);
    assert_int_equal(sigaction(SIGTERM, NULL, &action), 0);
    assert_true(action.sa_handler == SIG_DFL);
}

static void the_descriptor_rests_when_nothing_is_to_do(void **state)
{
    world_t *world = *state;
    uint64_t id = start(world, "x", 60000);
    greet(world, 0, 1000);
    hear(world, TR_TRP1_REQUEST);
    take_replies(world);
    struct pollfd item = {.fd = troupe_client_fd(world->client), .events = POLLIN};
    assert_int_equal(poll(&item, 1, 0), 0);

    say_plain(world, TR_TRP1_REPLY, id, NULL);
    assert_int_equal(poll(&item, 1, PATIENCE_MS), 1);
    assert_int_equal(poll(&item, 1, 0), 1); /* a level, not an edge */
    expect_final(world, id, TROUPE_OUTCOME_OK, "");
    assert_int_equal(poll(&item, 1, 0), 0);
}

/* Who waits by the descriptor would look in vain, again and again, until the clock moves on. */
static void the_way_to_a_node_is_noticed_at_once(void **state)
{
    world_t *world = *state;
    tr_clock_hold(tr_clock_now_ms());
    start(world, "x", 60000);
    zmq_pollitem_t items[] = {{.fd = troupe_client_fd(world->client), .events = ZMQ_POLLIN},
                              {.socket = world->router, .events = ZMQ_POLLIN}};
    for (int n_looks = 0; n_looks < 20 && !items[1].revents; n_looks++) {
        assert_true(zmq_poll(items, 2, PATIENCE_MS) > 0);
        take_replies(world);
    }
    tr_clock_release();
    assert_true(items[1].revents);
    greet(world, 0, 1000);
    hear(world, TR_TRP1_REQUEST);
}

/* ---- calls that block, and a node on a thread of its own ---- */

struct script {
    world_t *world;
    void (*play)(struct script *script);
    bool went_well; /* what the node saw was what it should see */
};

static void *play(void *arg)
{
    struct script *script = arg;
    int timeout_ms = PATIENCE_MS;
    zmq_setsockopt(script->world->router, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    tr_trp1_t hello;
    script->went_well = read_message(script->world, &hello) && hello.command == TR_TRP1_HELLO;
    say_hello(script->world, 0, 1000);
    script->play(script);
    return NULL;
}

static bool reads(struct script *script, tr_trp1_command_t want, uint64_t *id_out)
{
    tr_trp1_t command;
    bool is_good = read_message(script->world, &command) && command.command == want;
    script->went_well = script->went_well && is_good;
    *id_out = is_good ? command.id : 0;
    return is_good;
}

static void answer_in_parts(struct script *script)
{
    uint64_t other;
    uint64_t id;
    reads(script, TR_TRP1_REQUEST, &other);
    reads(script, TR_TRP1_REQUEST, &id);
    say_plain(script->world, TR_TRP1_PART, other, "other");
    say_plain(script->world, TR_TRP1_PART, id, "a");
    say_plain(script->world, TR_TRP1_REPLY, other, "other");
    say_plain(script->world, TR_TRP1_PART, id, "b");
    say_plain(script->world, TR_TRP1_REPLY, id, "c");
}

static void collect(void *arg, const troupe_reply_t *part)
{
    strncat(arg, troupe_message_data(troupe_reply_message(part), 0), 1);
}

static void a_blocking_call_leaves_the_replies_of_others(void **state)
{
    world_t *world = *state;
    struct script script = {.world = world, .play = answer_in_parts};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, play, &script), 0);

    uint64_t other = start(world, "x", 60000);
    char parts[8] = "";
    troupe_message_t *message = troupe_message_from_text("y");
    troupe_reply_t *reply = NULL;
    assert_status(
        troupe_client_call(world->client, "echo", NULL, &message, collect, parts, &reply),
        TROUPE_OK);
    pthread_join(thread, NULL);
    assert_true(script.went_well);
    assert_string_equal(parts, "ab");
    assert_true(troupe_reply_is_final(reply));
    assert_int_equal(troupe_reply_sequence(reply), 2);
    assert_memory_equal(troupe_message_data(troupe_reply_message(reply), 0), "c", 1);
    troupe_reply_destroy(&reply);

    /* The descriptor knows of them, though no byte will come any more. */
    reply = next_reply(world);
    assert_int_equal(troupe_reply_id(reply), other);
    assert_false(troupe_reply_is_final(reply));
    troupe_reply_destroy(&reply);
    expect_final(world, other, TROUPE_OUTCOME_OK, "");
}

static void answer_as_credit_allows(struct script *script)
{
    uint64_t other;
    uint64_t id;
    uint64_t granted;
    reads(script, TR_TRP1_REQUEST, &other);
    reads(script, TR_TRP1_REQUEST, &id);
    say_plain(script->world, TR_TRP1_PART, other, "x");
    for (int i = 0; i < 5; i++) {
        say_plain(script->world, TR_TRP1_PART, id, "a");
        reads(script, TR_TRP1_CREDIT, &granted);
        script->went_well = script->went_well && granted == id;
    }
    say_plain(script->world, TR_TRP1_REPLY, id, NULL);
}

static void a_blocking_call_grants_its_own_parts_only(void **state)
{
    world_t *world = *state;
    struct script script = {.world = world, .play = answer_as_credit_allows};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, play, &script), 0);
    uint64_t other = start_stream(world, 1);
    char parts[8] = "";
    troupe_reply_t *reply = NULL;
    assert_status(troupe_client_call(world->client, "echo",
                                     &(troupe_call_options_t){.credit = 1}, NULL, collect,
                                     parts, &reply),
                  TROUPE_OK);
    pthread_join(thread, NULL);
    troupe_reply_destroy(&reply);
    assert_true(script.went_well);
    assert_string_equal(parts, "aaaaa");

    take_part(world, other);
    hear_credit(world, other, 1);
}

static void stream_past_all_bounds(struct script *script)
{
    enum { N_BYTES = 4 << 20 };
    uint64_t other;
    uint64_t id;
    reads(script, TR_TRP1_REQUEST, &other);
    reads(script, TR_TRP1_REQUEST, &id);
    char *bytes = calloc(1, N_BYTES);
    unsigned char head[TR_TRP1_MAX_HEADER];
    size_t size = 0;
    tr_trp1_t part;
    tr_trp1_init(&part, TR_TRP1_PART, other);
    script->went_well = script->went_well && bytes &&
                        tr_trp1_encode(&part, head, sizeof head, &size) == TROUPE_OK;
    for (int i = 0; script->went_well && i < 18; i++) {
        send_bytes(script->world, head, size, ZMQ_SNDMORE);
        zmq_send(script->world->router, bytes, N_BYTES, 0);
    }
    free(bytes);
    say_plain(script->world, TR_TRP1_REPLY, id, "done");
    uint64_t cancelled;
    reads(script, TR_TRP1_CANCEL, &cancelled);
    script->went_well = script->went_well && cancelled == other;
}

static void a_stream_nobody_takes_is_cut_off(void **state)
{
    world_t *world = *state;
    struct script script = {.world = world, .play = stream_past_all_bounds};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, play, &script), 0);

    uint64_t other = start(world, "x", 60000);
    troupe_reply_t *reply = NULL;
    assert_status(troupe_client_call(world->client, "echo", NULL, NULL, NULL, NULL, &reply),
                  TROUPE_OK);
    pthread_join(thread, NULL);
    assert_true(script.went_well);
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_OK);
    troupe_reply_destroy(&reply);

    for (int i = 0; i < 16; i++) {
        reply = next_reply(world);
        assert_false(troupe_reply_is_final(reply));
        troupe_reply_destroy(&reply);
    }
    expect_final(world, other, TROUPE_OUTCOME_OVERLOADED, "faster than they were taken");
}

/* ---- bundles ---- */

/* A bundle comes, of requests with these ids and no others, and is not too large. */
static void hear_bundle(world_t *world, uint64_t first_id, uint64_t n_requests)
{
    hear(world, TR_TRP1_BUNDLE);
    assert_int_equal(world->n_payload, 1);
    assert_in_range(world->body_size, 1, world->bundle);
    tr_reader_t reader = tr_reader_of(world->body, world->body_size);
    for (uint64_t i = 0; i < n_requests; i++) {
        tr_span_t head;
        uint64_t n_frames;
        tr_trp1_t request;
        const char *reason;
        assert_true(tr_bundle_take(&reader, &head, &n_frames));
        assert_status(tr_trp1_decode(head.data, head.size, &request, &reason), TROUPE_OK);
        assert_int_equal(request.command, TR_TRP1_REQUEST);
        assert_int_equal(request.id, first_id + i);
        for (; n_frames > 0; n_frames--) {
            assert_true(tr_bundle_take_frame(&reader, &head));
        }
    }
    assert_int_equal(tr_bytes_left(&reader), 0);
}

static tr_bundle_t replies_to(uint64_t first_id, uint64_t n_replies)
{
    tr_bundle_t bundle = {.body = NULL};
    for (uint64_t i = 0; i < n_replies; i++) {
        tr_trp1_t reply;
        tr_trp1_init(&reply, TR_TRP1_REPLY, first_id + i);
        assert_true(tr_bundle_add(&bundle, TR_BUNDLE_BODY, &reply, NULL));
    }
    return bundle;
}

static void say_bundle(world_t *world, tr_bundle_t bundle, const char *behind)
{
    send_bytes(world, tr_bundle_head().data, tr_bundle_head().size, ZMQ_SNDMORE);
    memcpy(bundle.body + bundle.size, behind, strlen(behind));
    zmq_send(world->router, bundle.body, bundle.size + strlen(behind), 0);
    tr_bundle_finish(&bundle);
}

static void greet_with_bundles(world_t *world, int64_t bundle)
{
    world->bundle = bundle;
    tr_trp1_t hello = hear(world, TR_TRP1_HELLO);
    assert_int_equal(hello.bundle, TR_BUNDLE_MAX_BODY);
    say_hello(world, 0, 1000);
}

static void what_waited_for_the_connection_leaves_together(void **state)
{
    world_t *world = *state;
    uint64_t first = start(world, "x", 60000);
    for (int i = 1; i < 10; i++) {
        start(world, i % 2 ? "x" : NULL, 60000);
    }
    greet_with_bundles(world, TR_BUNDLE_MAX_BODY);
    hear_bundle(world, first, 10);
    say_bundle(world, replies_to(first, 10), "");
    for (uint64_t i = 0; i < 10; i++) {
        expect_final(world, first + i, TROUPE_OUTCOME_OK, "");
    }
}

static void bundles_are_as_small_as_the_node_wants_them(void **state)
{
    world_t *world = *state;
    uint64_t first = start(world, NULL, 0);
    for (int i = 1; i < 6; i++) {
        start(world, NULL, 0);
    }
    greet_with_bundles(world, 120); /* room for two */
    for (uint64_t i = 0; i < 6; i += 2) {
        hear_bundle(world, first + i, 2);
    }
}

static void what_is_large_goes_by_itself_and_in_its_turn(void **state)
{
    world_t *world = *state;
    static char large[TR_BUNDLE_MAX_PAYLOAD + 2];
    memset(large, 'x', sizeof large - 1);
    uint64_t first = start(world, "x", 60000);
    start(world, "x", 60000);
    start(world, large, 60000);
    start(world, "x", 60000);
    greet_with_bundles(world, TR_BUNDLE_MAX_BODY);
    hear_bundle(world, first, 2);
    assert_int_equal(hear(world, TR_TRP1_REQUEST).id, first + 2);
    assert_int_equal(hear(world, TR_TRP1_REQUEST).id, first + 3); /* one alone is no bundle */
}

static void a_broken_bundle_counts_as_far_as_it_can_be_read(void **state)
{
    world_t *world = *state;
    uint64_t first = start(world, "x", 60000);
    start(world, "x", 60000);
    greet(world, 0, 1000);
    hear(world, TR_TRP1_REQUEST);
    hear(world, TR_TRP1_REQUEST);
    say_bundle(world, replies_to(first, 1), "\xc1");
    expect_final(world, first, TROUPE_OUTCOME_OK, "");
    send_bytes(world, tr_bundle_head().data, tr_bundle_head().size, 0);
    say_plain(world, TR_TRP1_BUNDLE, 0, "not one");
    say_bundle(world, replies_to(first + 1, 1), "");
    expect_final(world, first + 1, TROUPE_OUTCOME_OK, "");
    assert_int_equal(tr_link_n_malformed(world->client->link), 3);
}

#define HURRIED 20 /* calls in no time */

/* An application in a hurry: it has started many calls while the clock stood still, and has one
 * reply more to take. Returns the first call of those that are open. */
static uint64_t hurry(world_t *world, int64_t bundle)
{
    world->bundle = bundle;
    start(world, NULL, 60000);
    greet(world, 0, 1000);
    uint64_t first = hear(world, TR_TRP1_REQUEST).id;
    say_plain(world, TR_TRP1_REPLY, first, NULL);
    expect_final(world, first, TROUPE_OUTCOME_OK, "");
    tr_clock_hold(tr_clock_now_ms());
    for (int i = 1; i <= HURRIED; i++) {
        assert_int_equal(start(world, NULL, 60000), first + (uint64_t)i);
        hear(world, TR_TRP1_REQUEST);
    }
    say_bundle(world, replies_to(first + 1, 2), "");
    troupe_reply_t *reply;
    assert_status(troupe_client_next(world->client, -1, &reply), TROUPE_OK);
    troupe_reply_destroy(&reply);
    return first + 3;
}

static void take_one(world_t *world)
{
    troupe_reply_t *reply;
    assert_status(troupe_client_next(world->client, 0, &reply), TROUPE_OK);
    troupe_reply_destroy(&reply);
}

static void calls_of_a_hurry_leave_when_the_replies_are_taken(void **state)
{
    world_t *world = *state;
    uint64_t last = hurry(world, TR_BUNDLE_MAX_BODY) + HURRIED - 3;
    for (int i = 1; i <= 3; i++) {
        start(world, NULL, 60000);
        assert_int_equal(world->client->n_held, i);
    }
    take_one(world);
    assert_int_equal(world->client->n_held, 3);
    take_replies(world); /* there are none */
    assert_int_equal(world->client->n_held, 0);
    hear_bundle(world, last + 1, 3);
    tr_clock_release();
}

static void calls_of_a_hurry_leave_when_only_replies_are_taken(void **state)
{
    world_t *world = *state;
    uint64_t first = hurry(world, TR_BUNDLE_MAX_BODY);
    uint64_t last = first + HURRIED - 3;
    say_bundle(world, replies_to(first, 3), "");
    take_one(world);
    pump(world, true);
    for (; world->first_reply < world->n_replies; world->first_reply++) {
        troupe_reply_destroy(&world->replies[world->first_reply]);
    }
    /* Three at once, so that two are left when the first is taken. */
    say_bundle(world, replies_to(first + 3, 3), "");
    troupe_reply_t *reply;
    assert_status(troupe_client_next(world->client, -1, &reply), TROUPE_OK);
    troupe_reply_destroy(&reply);
    start(world, NULL, 60000);
    start(world, NULL, 60000);
    assert_int_equal(world->client->n_held, 2);
    take_one(world);
    assert_int_equal(world->client->n_held, 2);
    take_one(world);
    assert_int_equal(world->client->n_held, 0);
    hear_bundle(world, last + 1, 2);
    tr_clock_release();
}

static void a_bundle_is_read_on_as_its_replies_are_taken(void **state)
{
    world_t *world = *state;
    uint64_t first = hurry(world, TR_BUNDLE_MAX_BODY);
    take_one(world);
    say_bundle(world, replies_to(first, 5), "");
    troupe_reply_t *reply;
    assert_status(troupe_client_next(world->client, -1, &reply), TROUPE_OK);
    troupe_reply_destroy(&reply);
    assert_true(tr_link_is_in_bundle(world->client->link));
    for (uint64_t i = 1; i < 5; i++) {
        /* The descriptor tells of it, too. */
        expect_final(world, first + i, TROUPE_OUTCOME_OK, "");
    }
    assert_false(tr_link_is_in_bundle(world->client->link));
    tr_clock_release();
}

static void calls_of_a_hurry_leave_when_the_clock_moves(void **state)
{
    world_t *world = *state;
    uint64_t last = hurry(world, TR_BUNDLE_MAX_BODY) + HURRIED - 3;
    start(world, NULL, 60000);
    start(world, NULL, 60000);
    assert_int_equal(world->client->n_held, 2);
    tr_clock_advance(1);
    start(world, NULL, 60000);
    assert_int_equal(world->client->n_held, 0);
    hear_bundle(world, last + 1, 3);
    tr_clock_release();
}

static void calls_of_a_hurry_leave_when_they_are_many(void **state)
{
    world_t *world = *state;
    uint64_t last = hurry(world, TR_BUNDLE_MAX_BODY) + HURRIED - 3;
    uint64_t n_more = 1;
    for (start(world, NULL, 60000); world->client->n_held > 0; n_more++) {
        assert_true(n_more < 500);
        start(world, NULL, 60000);
    }
    hear_bundle(world, last + 1, n_more);
    tr_clock_release();
}

static void nothing_is_held_back_from_a_node_without_bundles(void **state)
{
    world_t *world = *state;
    uint64_t last = hurry(world, 0) + HURRIED - 3;
    for (uint64_t i = 1; i <= 3; i++) {
        start(world, NULL, 60000);
        assert_int_equal(hear(world, TR_TRP1_REQUEST).id, last + i);
    }
    tr_clock_release();
}

static void a_call_that_is_held_back_can_be_cancelled(void **state)
{
    world_t *world = *state;
    uint64_t first = hurry(world, TR_BUNDLE_MAX_BODY);
    uint64_t id = start(world, NULL, 60000);
    assert_int_equal(world->client->n_held, 1);
    troupe_client_cancel(world->client, id);
    expect_final(world, id, TROUPE_OUTCOME_CANCELLED, "before it was sent");
    expect_final(world, first - 1, TROUPE_OUTCOME_OK, "");
    tr_clock_release();
}

/* ---- monitors ---- */

static uint64_t start_monitor(world_t *world, const char *actor)
{
    uint64_t id = 0;
    assert_status(troupe_client_start_monitor(world->client, actor, &id), TROUPE_OK);
    return id;
}

static void say_down(world_t *world, uint64_t id, const char *reason, int64_t code,
                     const char *text)
{
    tr_trp1_t down;
    tr_trp1_init(&down, TR_TRP1_DOWN, id);
    down.from = tr_span_of("room");
    down.reason = tr_span_of(reason);
    down.reason_code = code;
    down.text = tr_span_of(text);
    say(world, &down, NULL);
}

/* A monitor that the node has. */
static uint64_t monitor(world_t *world)
{
    uint64_t id = start_monitor(world, "room");
    greet(world, 0, 1000);
    assert_int_equal(hear(world, TR_TRP1_MONITOR).id, id);
    return id;
}

static void a_monitor_ends_when_the_actor_goes_down(void **state)
{
    world_t *world = *state;
    uint64_t id = start_monitor(world, "room");
    greet(world, 0, 1000);
    tr_trp1_t monitor = hear(world, TR_TRP1_MONITOR);
    assert_int_equal(monitor.id, id);
    assert_true(tr_span_equals(monitor.actor, "room"));
    assert_int_equal(monitor.timeout_ms, -1);
    assert_int_equal(world->n_payload, 0);

    say_down(world, id, "exited", 3, "no such door");
    say_down(world, id, "failed", -1, "of this nobody wants to know");
    troupe_reply_t *reply = next_reply(world);
    assert_int_equal(troupe_reply_id(reply), id);
    assert_true(troupe_reply_is_final(reply));
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_OK);
    assert_string_equal(troupe_reply_text(reply), "exited: status 3: no such door");
    assert_int_equal(troupe_message_count(troupe_reply_message(reply)), 0);
    troupe_reason_t reason = troupe_reply_reason(reply);
    assert_int_equal(reason.kind, TROUPE_REASON_EXITED);
    assert_int_equal(reason.code, 3);
    assert_string_equal(reason.text, "no such door");
    troupe_reply_destroy(&reply);
    assert_int_equal(troupe_client_n_open(world->client), 0);
    assert_status(troupe_client_next(world->client, 0, &reply), TROUPE_NOT_FOUND);
}

static void a_reason_of_tomorrow_is_a_failure(void **state)
{
    world_t *world = *state;
    uint64_t id = monitor(world);
    say_down(world, id, "abducted", -1, "by aliens");
    troupe_reply_t *reply = next_reply(world);
    assert_int_equal(troupe_reply_reason(reply).kind, TROUPE_REASON_FAILED);
    assert_string_equal(troupe_reply_reason(reply).text, "by aliens");
    troupe_reply_destroy(&reply);
}

static void what_is_no_monitor_has_no_reason(void **state)
{
    world_t *world = *state;
    uint64_t id = start(world, "x", 5000);
    greet(world, 0, 1000);
    hear(world, TR_TRP1_REQUEST);
    say_plain(world, TR_TRP1_REPLY, id, NULL);
    troupe_reply_t *reply = next_reply(world);
    assert_int_equal(troupe_reply_reason(reply).kind, TROUPE_REASON_NORMAL);
    assert_string_equal(troupe_reply_reason(reply).text, "");
    troupe_reply_destroy(&reply);
}

static void a_monitor_may_be_refused(void **state)
{
    world_t *world = *state;
    uint64_t id = monitor(world);
    say_error(world, id, "forbidden", "not for you");
    expect_final(world, id, TROUPE_OUTCOME_FORBIDDEN, "not for you");
    id = start_monitor(world, "");
    expect_final(world, id, TROUPE_OUTCOME_BAD_REQUEST, "actor's name");
    assert_status(troupe_client_start_monitor(world->client, NULL, &id), TROUPE_OK);
    expect_final(world, id, TROUPE_OUTCOME_BAD_REQUEST, "actor's name");
}

static void a_monitor_has_no_deadline(void **state)
{
    world_t *world = *state;
    uint64_t id = monitor(world);
    int64_t now_ms = tr_clock_now_ms();
    tr_clock_hold(now_ms + (INT64_C(1) << 40));
    tr_client_turn(world->client, true);
    tr_clock_release();
    assert_int_equal(troupe_client_n_open(world->client), 1);
    say_down(world, id, "shutdown", -1, "");
    expect_final(world, id, TROUPE_OUTCOME_OK, "shutdown");
}

static void a_monitor_that_is_not_wanted_ends_at_once(void **state)
{
    world_t *world = *state;
    uint64_t unsent = start_monitor(world, "room");
    troupe_client_cancel(world->client, unsent);
    expect_final(world, unsent, TROUPE_OUTCOME_CANCELLED, "before it was sent");

    uint64_t sent = monitor(world);
    troupe_client_cancel(world->client, sent);
    assert_int_equal(troupe_client_n_open(world->client), 0);
    troupe_client_cancel(world->client, sent);
    expect_final(world, sent, TROUPE_OUTCOME_CANCELLED, "by the caller");
    assert_int_equal(hear(world, TR_TRP1_DEMONITOR).id, sent);
    say_down(world, sent, "failed", -1, "it crosses the demonitor");

    uint64_t next = start(world, "x", 5000);
    assert_int_equal(hear(world, TR_TRP1_REQUEST).id, next);
    say_plain(world, TR_TRP1_REPLY, next, NULL);
    expect_final(world, next, TROUPE_OUTCOME_OK, "");
}

static void a_demonitor_that_found_no_room_is_owed(void **state)
{
    world_t *world = *state;
    uint64_t first = monitor(world);
    uint64_t second = start_monitor(world, "room");
    hear(world, TR_TRP1_MONITOR);
    tr_calls_find(world->client->calls, first)->wants_cancel = true;
    tr_calls_find(world->client->calls, second)->wants_cancel = true;
    world->client->owes_words = true;
    tr_client_turn(world->client, true);
    assert_false(world->client->owes_words);
    assert_int_equal(hear(world, TR_TRP1_DEMONITOR).id, first);
    assert_int_equal(hear(world, TR_TRP1_DEMONITOR).id, second);
    expect_final(world, first, TROUPE_OUTCOME_CANCELLED, "");
    expect_final(world, second, TROUPE_OUTCOME_CANCELLED, "");
}

static void a_lost_connection_ends_a_monitor(void **state)
{
    world_t *world = *state;
    uint64_t id = monitor(world);
    close_node(world);
    expect_final(world, id, TROUPE_OUTCOME_WORKER_LOST, world->endpoint);
    open_node(world);
    id = monitor(world);
    say_down(world, id, "gone", -1, "");
    expect_final(world, id, TROUPE_OUTCOME_OK, "gone");
}

static void a_monitor_outlives_goaway(void **state)
{
    world_t *world = *state;
    uint64_t id = start_monitor(world, "room");
    greet(world, 0, 1);
    hear(world, TR_TRP1_MONITOR);
    uint64_t waiting = start_monitor(world, "room");
    say_plain(world, TR_TRP1_GOAWAY, 0, NULL);
    expect_final(world, waiting, TROUPE_OUTCOME_SHUTTING_DOWN, "draining");
    say_down(world, id, "shutdown", -1, "");
    expect_final(world, id, TROUPE_OUTCOME_OK, "shutdown");
}

static void answers_of_the_wrong_kind_mean_nothing(void **state)
{
    world_t *world = *state;
    uint64_t watched = monitor(world);
    uint64_t asked = start(world, "x", 60000);
    hear(world, TR_TRP1_REQUEST);
    say_plain(world, TR_TRP1_REPLY, watched, "x");
    say_plain(world, TR_TRP1_PART, watched, "x");
    say_plain(world, TR_TRP1_DOWN, asked, NULL);
    say_plain(world, TR_TRP1_DOWN, 4711, NULL);
    say_plain(world, TR_TRP1_REPLY, asked, NULL);
    expect_final(world, asked, TROUPE_OUTCOME_OK, "");
    assert_int_equal(troupe_client_n_open(world->client), 1);
    say_plain(world, TR_TRP1_DOWN, watched, NULL); /* without a word it is a failure */
    troupe_reply_t *reply = next_reply(world);
    assert_int_equal(troupe_reply_id(reply), watched);
    assert_int_equal(troupe_reply_reason(reply).kind, TROUPE_REASON_FAILED);
    troupe_reply_destroy(&reply);
}

static void who_leaves_takes_monitors_back(void **state)
{
    world_t *world = *state;
    uint64_t first = monitor(world);
    uint64_t second = start_monitor(world, "room");
    hear(world, TR_TRP1_MONITOR);
    troupe_client_destroy(&world->client);
    tr_trp1_t command;
    assert_true(read_message(world, &command));
    assert_int_equal(command.command, TR_TRP1_DEMONITOR);
    assert_int_equal(command.id, first);
    assert_true(read_message(world, &command));
    assert_int_equal(command.id, second);
    assert_true(read_message(world, &command));
    assert_int_equal(command.command, TR_TRP1_BYE);
}

#define STORY(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_call_is_answered),
        STORY(parts_come_before_the_final),
        STORY(half_a_window_is_granted_when_it_was_taken),
        STORY(parts_that_nobody_takes_grant_nothing),
        STORY(the_last_parts_of_a_stream_that_ended_grant_nothing),
        STORY(credit_that_found_no_room_is_owed),
        STORY(an_error_brings_code_text_and_hint),
        STORY(cancelling_is_asked_for_once_it_was_sent),
        STORY(a_mute_node_costs_the_deadline_and_no_more),
        STORY(without_a_node_a_call_ends_at_its_deadline),
        STORY(a_call_waits_for_a_node_that_comes_later),
        STORY(many_calls_are_answered_in_any_order),
        STORY(a_restarted_node_loses_what_was_under_way),
        STORY(answers_sent_before_the_node_went_still_count),
        STORY(a_silent_node_is_asked_and_then_given_up),
        STORY(a_ping_is_answered),
        STORY(garbage_is_counted_and_ignored),
        STORY(who_wants_to_know_is_told_how_its_call_stands),
        STORY(after_goaway_nothing_new_begins_until_the_node_is_new),
        STORY(good_bye_ends_what_is_under_way),
        STORY(what_is_invalid_ends_as_bad_request),
        STORY(what_the_node_would_not_take_is_not_sent),
        STORY(open_calls_are_bounded),
        STORY(waiting_bytes_are_bounded),
        STORY(replies_that_nobody_takes_stop_the_reading),
        STORY(connecting_waits_for_the_greeting),
        STORY(another_version_is_refused),
        STORY(what_is_no_node_is_refused),
        cmocka_unit_test(what_is_no_endpoint_gives_no_client),
        STORY(leaving_cancels_and_says_good_bye),
        STORY(signals_stay_as_the_program_set_them),
        STORY(the_descriptor_rests_when_nothing_is_to_do),
        STORY(the_way_to_a_node_is_noticed_at_once),
        STORY(a_blocking_call_leaves_the_replies_of_others),
        STORY(a_blocking_call_grants_its_own_parts_only),
        STORY(a_stream_nobody_takes_is_cut_off),
        STORY(what_waited_for_the_connection_leaves_together),
        STORY(bundles_are_as_small_as_the_node_wants_them),
        STORY(what_is_large_goes_by_itself_and_in_its_turn),
        STORY(a_broken_bundle_counts_as_far_as_it_can_be_read),
        STORY(calls_of_a_hurry_leave_when_the_replies_are_taken),
        STORY(calls_of_a_hurry_leave_when_only_replies_are_taken),
        STORY(a_bundle_is_read_on_as_its_replies_are_taken),
        STORY(calls_of_a_hurry_leave_when_the_clock_moves),
        STORY(calls_of_a_hurry_leave_when_they_are_many),
        STORY(nothing_is_held_back_from_a_node_without_bundles),
        STORY(a_call_that_is_held_back_can_be_cancelled),
        STORY(a_monitor_ends_when_the_actor_goes_down),
        STORY(a_reason_of_tomorrow_is_a_failure),
        STORY(what_is_no_monitor_has_no_reason),
        STORY(a_monitor_may_be_refused),
        STORY(a_monitor_has_no_deadline),
        STORY(a_monitor_that_is_not_wanted_ends_at_once),
        STORY(a_demonitor_that_found_no_room_is_owed),
        STORY(a_lost_connection_ends_a_monitor),
        STORY(a_monitor_outlives_goaway),
        STORY(answers_of_the_wrong_kind_mean_nothing),
        STORY(who_leaves_takes_monitors_back),
    };
    return cmocka_run_group_tests_name("remote/client", tests, NULL, NULL) != 0;
}
