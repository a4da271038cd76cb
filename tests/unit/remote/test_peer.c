/* A peer is a DEALER in this process whose pipe takes few messages. What it does not read stays
 * in the pipe, then in the peer's queue. Each part is told of once, when it leaves.
 */

#include "tests/kit/check.h"

#include <stdio.h>
#include <string.h>

#include "remote/gateway/peer.h"

#define PIPE    4   /* messages that each end of the pipe takes */
#define N_PARTS 100 /* more than fit */
#define SIZE    10  /* bytes of a part's payload */

typedef struct world {
    void *context;
    void *router;
    void *dealer;
    tr_peer_t *peer;
    tr_peer_limits_t limits;
    uint64_t told[2 * N_PARTS]; /* calls whose parts have left, in order */
    size_t n_told;
    uint64_t n_bytes;
} world_t;

static void note(void *arg, uint64_t call_id, uint64_t n_bytes)
{
    world_t *world = arg;
    assert_true(world->n_told < 2 * N_PARTS);
    world->told[world->n_told++] = call_id;
    world->n_bytes += n_bytes;
}

static void *open_socket(void *context, int type)
{
    void *socket = zmq_socket(context, type);
    int yes = 1;
    int high_water = PIPE;
    int timeout_ms = 10000;
    zmq_setsockopt(socket, ZMQ_SNDHWM, &high_water, sizeof high_water);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &high_water, sizeof high_water);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    if (type == ZMQ_ROUTER) {
        zmq_setsockopt(socket, ZMQ_ROUTER_MANDATORY, &yes, sizeof yes);
    }
    return socket;
}

static int begin(void **state)
{
    static world_t world;
    world = (world_t){.limits = {.max_open = 10, .max_out = 1000, .max_out_bytes = 1 << 20}};
    world.context = zmq_ctx_new();
    world.router = open_socket(world.context, ZMQ_ROUTER);
    world.dealer = open_socket(world.context, ZMQ_DEALER);
    if (zmq_bind(world.router, "inproc://gateway") != 0 ||
        zmq_connect(world.dealer, "inproc://gateway") != 0) {
        return -1;
    }
    zmq_send(world.dealer, "here", 4, 0);
    unsigned char id[TR_PEER_MAX_ROUTING_ID];
    int size = zmq_recv(world.router, id, sizeof id, 0);
    zmq_recv(world.router, id + size, sizeof id - (size_t)size, 0);
    world.peer = tr_peer_new(1, world.router, true, id, (size_t)size, &world.limits, 0);
    world.peer->on_part = note;
    world.peer->on_part_arg = &world;
    *state = &world;
    return 0;
}

static int end(void **state)
{
    world_t *world = *state;
    tr_peer_destroy(&world->peer);
    zmq_close(world->router);
    if (world->dealer) {
        zmq_close(world->dealer);
    }
    zmq_ctx_term(world->context);
    return 0;
}

static void send_part(world_t *world, uint64_t call_id, size_t size)
{
    static const char bytes[1000];
    troupe_message_t *payload = size > 0 ? troupe_message_from(bytes, size) : NULL;
    tr_trp1_t part;
    tr_trp1_init(&part, TR_TRP1_PART, call_id + 100);
    part.sequence = 0;
    tr_peer_send_part(world->peer, &part, &payload, call_id, 0);
    assert_null(payload);
}

static void send_ping(world_t *world)
{
    tr_trp1_t ping;
    tr_trp1_init(&ping, TR_TRP1_PING, 0);
    tr_peer_send(world->peer, &ping, NULL, 0);
}

/* The peer reads all that has left so far; how many messages that was. */
static size_t read_all(world_t *world)
{
    size_t n_messages = 0;
    for (;;) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        bool is_there = zmq_msg_recv(&frame, world->dealer, ZMQ_DONTWAIT) >= 0;
        n_messages += is_there && !zmq_msg_more(&frame);
        zmq_msg_close(&frame);
        if (!is_there) {
            return n_messages;
        }
    }
}

/* As in the gateway the socket was looked at before, or it may not know yet of the room. */
static void flush(world_t *world)
{
    int events;
    size_t size = sizeof events;
    zmq_getsockopt(world->router, ZMQ_EVENTS, &events, &size);
    tr_peer_flush(world->peer, 0);
}

static void fill(world_t *world)
{
    for (uint64_t id = 1; id <= N_PARTS; id++) {
        send_part(world, id, SIZE);
    }
}

static void a_part_that_leaves_at_once_is_told_at_once(void **state)
{
    world_t *world = *state;
    send_part(world, 7, SIZE);
    assert_int_equal(world->n_told, 1);
    assert_int_equal(world->told[0], 7);
    assert_int_equal(world->n_bytes, SIZE); /* what the writer counts: no header */
    send_part(world, 8, 0);
    assert_int_equal(world->n_told, 2);
    assert_int_equal(world->n_bytes, SIZE);
    assert_int_equal(read_all(world), 2);
}

static void what_is_no_part_is_not_told(void **state)
{
    world_t *world = *state;
    for (int i = 0; i < N_PARTS; i++) {
        send_ping(world);
    }
    assert_non_null(world->peer->first_out);
    while (world->peer->first_out) {
        assert_true(read_all(world) > 0);
        flush(world);
    }
    assert_int_equal(world->n_told, 0);
}

static void parts_that_wait_are_told_when_they_leave(void **state)
{
    world_t *world = *state;
    fill(world);
    size_t n_left = world->n_told;
    assert_true(n_left > 0);
    assert_int_equal(world->peer->n_out, N_PARTS - n_left);
    flush(world); /* nothing was read, so nothing more leaves */
    assert_int_equal(world->n_told, n_left);

    size_t n_read = 0;
    while (world->peer->first_out) {
        n_read += read_all(world);
        size_t n_before = world->n_told;
        flush(world);
        assert_true(world->n_told > n_before);
    }
    assert_int_equal(n_read + read_all(world), N_PARTS);
    assert_int_equal(world->n_told, N_PARTS);
    for (uint64_t i = 0; i < N_PARTS; i++) {
        assert_int_equal(world->told[i], i + 1);
    }
    assert_int_equal(world->n_bytes, N_PARTS * SIZE);
    assert_int_equal(world->peer->out_bytes, 0);
}

static void parts_that_are_dropped_are_told_too(void **state)
{
    world_t *world = *state;
    fill(world);
    tr_peer_forget_backlog(world->peer);
    assert_int_equal(world->n_told, N_PARTS);
    assert_int_equal(world->n_bytes, N_PARTS * SIZE);
    assert_int_equal(world->peer->n_out, 0);
    assert_null(world->peer->last_out);
}

static void a_queue_that_overflows_cuts_the_peer(void **state)
{
    static const tr_peer_limits_t rows[] = {
        {.max_out = 3, .max_out_bytes = 1 << 20},
        {.max_out = 1000, .max_out_bytes = 200},
    };
    world_t *world = *state;
    fill(world);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tr_peer_forget_backlog(world->peer);
        world->peer->is_gone = world->peer->is_cut = false;
        world->n_told = 0;
        world->limits = rows[i];
        uint64_t id = 0;
        while (!world->peer->is_gone) {
            assert_true(id < N_PARTS);
            send_part(world, ++id, SIZE);
        }
        assert_true(world->peer->is_cut);
        assert_true(world->peer->n_out > 0 && world->peer->n_out <= rows[i].max_out);
        assert_true(world->peer->out_bytes <= rows[i].max_out_bytes);
        assert_int_equal(world->n_told, 1); /* the one that found no room */
        assert_int_equal(world->told[0], id);
        send_part(world, ++id, SIZE); /* nor does any later one */
        assert_int_equal(world->n_told, 2);
        assert_int_equal(world->told[1], id);
    }
}

static void one_message_above_the_bound_of_bytes_still_waits(void **state)
{
    world_t *world = *state;
    fill(world);
    tr_peer_forget_backlog(world->peer);
    world->limits.max_out_bytes = 200;
    send_part(world, 1, 1000);
    assert_false(world->peer->is_gone);
    assert_int_equal(world->peer->n_out, 1);
    send_part(world, 2, 1);
    assert_true(world->peer->is_cut);
}

static void a_peer_that_has_gone_gets_nothing(void **state)
{
    world_t *world = *state;
    fill(world);
    zmq_close(world->dealer);
    world->dealer = NULL;
    /* The other thread of ZeroMQ may take a moment to close the pipe. */
    char none[8];
    int timeout_ms = 10;
    zmq_setsockopt(world->router, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    for (int i = 0; i < 1000 && !world->peer->is_gone; i++) {
        zmq_recv(world->router, none, sizeof none, 0);
        flush(world);
    }
    assert_true(world->peer->is_gone);
    assert_false(world->peer->is_cut);
    tr_peer_forget_backlog(world->peer);
    send_part(world, N_PARTS + 1, SIZE);
    assert_int_equal(world->n_told, N_PARTS + 1);
    assert_int_equal(world->told[N_PARTS], N_PARTS + 1);
}

/* ---- what is gathered ---- */

static void send_answer(world_t *world, uint64_t id, size_t size)
{
    static const char bytes[TR_BUNDLE_MAX_PAYLOAD + 1];
    troupe_message_t *payload = size > 0 ? troupe_message_from(bytes, size) : NULL;
    tr_trp1_t reply;
    tr_trp1_init(&reply, TR_TRP1_REPLY, id);
    tr_peer_answer(world->peer, &reply, payload, 0);
    troupe_message_destroy(&payload);
}

/* Read one message: how many commands it had, all of them replies from `id` on; 0: there is
 * none.
 */
static size_t read_answers(world_t *world, uint64_t id, size_t max_body)
{
    unsigned char head[TR_TRP1_MAX_HEADER];
    static unsigned char body[TR_BUNDLE_MAX_BODY];
    tr_trp1_t command;
    const char *reason;
    int size = zmq_recv(world->dealer, head, sizeof head, ZMQ_DONTWAIT);
    if (size < 0) {
        return 0;
    }
    assert_status(tr_trp1_decode(head, (size_t)size, &command, &reason), TROUPE_OK);
    int more;
    size_t more_size = sizeof more;
    zmq_getsockopt(world->dealer, ZMQ_RCVMORE, &more, &more_size);
    int body_size = more ? zmq_recv(world->dealer, body, sizeof body, 0) : 0;
    if (command.command != TR_TRP1_BUNDLE) {
        assert_int_equal(command.command, TR_TRP1_REPLY);
        assert_int_equal(command.id, id);
        return 1;
    }
    assert_in_range(body_size, 1, max_body);
    tr_reader_t reader = tr_reader_of(body, (size_t)body_size);
    size_t n_commands = 0;
    while (tr_bytes_left(&reader) > 0) {
        tr_span_t inner;
        uint64_t n_frames;
        troupe_message_t *payload;
        assert_true(tr_bundle_take(&reader, &inner, &n_frames));
        assert_status(tr_bundle_take_payload(&reader, n_frames, 1, &payload), TROUPE_OK);
        troupe_message_destroy(&payload);
        assert_status(tr_trp1_decode(inner.data, inner.size, &command, &reason), TROUPE_OK);
        assert_int_equal(command.id, id + n_commands);
        n_commands++;
    }
    return n_commands;
}

static void small_answers_leave_together(void **state)
{
    world_t *world = *state;
    world->peer->max_bundle = TR_BUNDLE_MAX_BODY;
    for (uint64_t id = 1; id <= 3; id++) {
        send_answer(world, id, id * 10);
    }
    assert_int_equal(read_answers(world, 1, 0), 0);
    tr_peer_send_bundle(world->peer, 0);
    assert_int_equal(read_answers(world, 1, TR_BUNDLE_BODY), 3);
    tr_peer_send_bundle(world->peer, 0); /* nothing is no bundle */
    assert_int_equal(read_answers(world, 1, 0), 0);
}

static void who_takes_no_bundles_gets_each_answer_at_once(void **state)
{
    world_t *world = *state;
    for (uint64_t id = 1; id <= 2; id++) {
        send_answer(world, id, 10);
        assert_int_equal(read_answers(world, id, 0), 1);
    }
}

static void what_is_sent_comes_behind_what_was_gathered(void **state)
{
    world_t *world = *state;
    world->peer->max_bundle = TR_BUNDLE_MAX_BODY;
    send_answer(world, 1, 10);
    send_answer(world, 2, TR_BUNDLE_MAX_PAYLOAD + 1); /* too large to be copied */
    assert_int_equal(read_answers(world, 1, TR_BUNDLE_BODY), 1);
    assert_int_equal(read_answers(world, 2, 0), 1);
    send_answer(world, 3, TR_BUNDLE_MAX_PAYLOAD);
    send_part(world, 9, SIZE);
    assert_int_equal(world->n_told, 1);
    assert_int_equal(read_answers(world, 3, TR_BUNDLE_BODY), 1);
    assert_int_equal(read_all(world), 1);
}

static void a_bundle_is_not_larger_than_the_peer_takes(void **state)
{
    static const size_t rows[] = {30, 1000, TR_BUNDLE_BODY, TR_BUNDLE_MAX_BODY, SIZE_MAX};
    world_t *world = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world->peer->max_bundle = rows[i];
        for (uint64_t id = 1; id <= 100; id++) {
            send_answer(world, id, id * 10);
        }
        tr_peer_send_bundle(world->peer, 0);
        size_t n_read = 0;
        while (n_read < 100) {
            size_t n = read_answers(world, n_read + 1,
                                    rows[i] < TR_BUNDLE_BODY ? rows[i] : TR_BUNDLE_BODY);
            if (n == 0) {
                assert_non_null(world->peer->first_out);
                flush(world);
            }
            n_read += n;
        }
    }
}

static void each_command_of_a_bundle_that_waits_counts(void **state)
{
    world_t *world = *state;
    fill(world);
    tr_peer_forget_backlog(world->peer);
    world->peer->max_bundle = TR_BUNDLE_MAX_BODY;
    world->limits.max_out = 5;
    for (uint64_t id = 1; id <= 6; id++) {
        send_answer(world, id, 10);
        if (id % 3 == 0) {
            assert_false(world->peer->is_gone);
            assert_int_equal(world->peer->n_out, id - 3);
            tr_peer_send_bundle(world->peer, 0);
        }
    }
    assert_true(world->peer->is_cut);
    assert_int_equal(world->peer->n_out, 3);
    tr_peer_forget_backlog(world->peer);
    assert_int_equal(world->peer->n_out, 0);
}

static void what_was_gathered_is_forgotten_with_the_backlog(void **state)
{
    world_t *world = *state;
    world->peer->max_bundle = TR_BUNDLE_MAX_BODY;
    send_answer(world, 1, 10);
    tr_peer_forget_backlog(world->peer);
    send_answer(world, 2, 10);
    tr_peer_send_bundle(world->peer, 0);
    assert_int_equal(read_answers(world, 2, TR_BUNDLE_BODY), 1);
}

static void nobody_needs_to_be_told(void **state)
{
    world_t *world = *state;
    world->peer->on_part = NULL;
    fill(world);
    tr_peer_forget_backlog(world->peer);
    assert_int_equal(world->n_told, 0);
}

#define STORY(function) cmocka_unit_test_setup_teardown(function, begin, end)

/* Messages of actors leave the other half of what may wait to answers. */
static void messages_fill_half(void **state)
{
    world_t *world = *state;
    world->limits.max_out = 40;
    troupe_message_t *message = troupe_message_from_text("hello");
    assert_true(tr_peer_has_room(world->peer, message));
    while (world->peer->n_out < 20) {
        assert_true(tr_peer_has_room(world->peer, message));
        send_ping(world);
    }
    assert_false(tr_peer_has_room(world->peer, message));
    while (world->peer->n_out < 40) {
        send_ping(world);
    }
    assert_false(world->peer->is_gone);
    read_all(world);
    flush(world);
    for (int i = 0; i < 100 && world->peer->n_out > 0; i++) {
        read_all(world);
        flush(world);
    }
    assert_true(tr_peer_has_room(world->peer, message));
    troupe_message_destroy(&message);
}

static void so_do_their_bytes(void **state)
{
    world_t *world = *state;
    static const char bytes[1000];
    world->limits.max_out_bytes = 4000;
    troupe_message_t *message = troupe_message_from(bytes, sizeof bytes);
    troupe_message_t *large = troupe_message_from(bytes, sizeof bytes);
    while (world->peer->n_out == 0) {
        send_ping(world);
    }
    assert_status(troupe_message_add(large, bytes, sizeof bytes), TROUPE_OK);
    assert_true(tr_peer_has_room(world->peer, message));
    assert_false(tr_peer_has_room(world->peer, large));
    troupe_message_destroy(&message);
    troupe_message_destroy(&large);
}

static void is_known_by_name_and_address(void **state)
{
    static const struct {
        const char *name;
        const char *given;
        const char *address;
    } rows[] = {
        {"anna", "10.0.0.5", "10.0.0.5"},
        {NULL, ":1000:1001:4242", "ipc 1000:1001:4242"},
        {NULL, "localhost:1000:1001:4242", "ipc 1000:1001:4242"},
        {"anna", "::1", "::1"},
        {NULL, ":1000:1001", ":1000:1001"},
        {NULL, "10:0:0:5", "10:0:0:5"},
        {NULL, NULL, ""},
    };
    world_t *world = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tr_peer_introduce(world->peer, rows[i].name, rows[i].given);
        assert_string_equal(world->peer->name, rows[i].name ? rows[i].name : "");
        assert_string_equal(world->peer->address, rows[i].address);
        assert_true(tr_peer_is_of(world->peer, rows[i].name, rows[i].given));
        assert_false(tr_peer_is_of(world->peer, "bert", rows[i].given));
        assert_false(tr_peer_is_of(world->peer, rows[i].name, "10.0.0.6"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(is_known_by_name_and_address),
        STORY(a_part_that_leaves_at_once_is_told_at_once),
        STORY(what_is_no_part_is_not_told),
        STORY(parts_that_wait_are_told_when_they_leave),
        STORY(parts_that_are_dropped_are_told_too),
        STORY(a_queue_that_overflows_cuts_the_peer),
        STORY(one_message_above_the_bound_of_bytes_still_waits),
        STORY(a_peer_that_has_gone_gets_nothing),
        STORY(small_answers_leave_together),
        STORY(who_takes_no_bundles_gets_each_answer_at_once),
        STORY(what_is_sent_comes_behind_what_was_gathered),
        STORY(a_bundle_is_not_larger_than_the_peer_takes),
        STORY(each_command_of_a_bundle_that_waits_counts),
        STORY(what_was_gathered_is_forgotten_with_the_backlog),
        STORY(nobody_needs_to_be_told),
        STORY(messages_fill_half),
        STORY(so_do_their_bytes),
    };
    return cmocka_run_group_tests_name("remote/peer", tests, NULL, NULL) != 0;
}
