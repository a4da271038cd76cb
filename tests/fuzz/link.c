/* What a client is told by what it takes for its node: messages of any frames, connections that
 * come and end, a socket that takes nothing, time that passes. Only what is for the user
 * reaches him, all that is sent can be read by a node, and reading comes to its end.
 *
 * The input is a list of steps, each a byte that says which, and what that one needs. libzmq is
 * replaced by what is here (see meson.build); events of the connection are those of its
 * monitor.
 */

#include "tests/fuzz/target.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <zmq.h>

#include "mailbox/message.h"
#include "remote/bundle.h"
#include "remote/client/link.h"
#include "tests/fuzz/wraps.h"

#define MOST_FRAMES 8
#define MOST_EVENTS 8
#define BEGIN_MS    1000000

static struct world {
    int epoll_fd;
    int socket_fd;
    int monitor_fd;
    tr_link_t *link;
    int64_t now_ms;
    bool is_blocked;
    tr_span_t frames[MOST_FRAMES];
    size_t n_frames;
    size_t next_frame;
    uint16_t events[MOST_EVENTS];
    size_t n_events;
    size_t next_event;
    bool is_behind_event; /* its second frame comes */
    size_t n_out;         /* frames of the message that is being sent */
    bool is_bundle;
} world;

/* Sockets are told apart by their address. */
static char dealer;
static char monitor;

/* ---- libzmq ---- */

/* A new one has nothing of what another had. */
static void forget(const void *socket)
{
    if (socket == &dealer) {
        world.n_frames = world.next_frame = 0;
        world.n_out = 0;
    } else {
        world.n_events = world.next_event = 0;
        world.is_behind_event = false;
    }
}

void *__wrap_zmq_socket(void *context, int type)
{
    (void)context;
    void *socket = type == ZMQ_PAIR ? &monitor : &dealer;
    forget(socket);
    return socket;
}

int __wrap_zmq_setsockopt(void *socket, int option, const void *value, size_t size)
{
    (void)socket;
    (void)option;
    (void)value;
    (void)size;
    return 0;
}

static int events_of(const void *socket)
{
    bool has_input = socket == &monitor ? world.next_event < world.n_events
                                        : world.next_frame < world.n_frames;
    return (has_input ? ZMQ_POLLIN : 0) | (world.is_blocked ? 0 : ZMQ_POLLOUT);
}

int __wrap_zmq_getsockopt(void *socket, int option, void *value, size_t *size)
{
    int answer = socket == &monitor ? world.monitor_fd : world.socket_fd;
    HOLDS(*size == sizeof answer && (option == ZMQ_FD || option == ZMQ_EVENTS));
    if (option == ZMQ_EVENTS) {
        answer = events_of(socket);
    }
    memcpy(value, &answer, sizeof answer);
    return 0;
}

int __wrap_zmq_connect(void *socket, const char *endpoint)
{
    HOLDS(socket && endpoint);
    return 0;
}

int __wrap_zmq_close(void *socket)
{
    forget(socket);
    return 0;
}

int __wrap_zmq_socket_monitor(void *socket, const char *endpoint, int events)
{
    (void)endpoint;
    (void)events;
    HOLDS(socket == &dealer);
    return 0;
}

int __wrap_zmq_recv(void *socket, void *buffer, size_t size, int flags)
{
    HOLDS(socket == &monitor && (flags & ZMQ_DONTWAIT));
    if (world.is_behind_event) {
        world.is_behind_event = false;
        return 0;
    }
    HOLDS(world.next_event < world.n_events && size >= 6);
    memset(buffer, 0, 6);
    memcpy(buffer, &world.events[world.next_event++], sizeof(uint16_t));
    world.is_behind_event = true;
    return 6;
}

int __wrap_zmq_msg_recv(zmq_msg_t *message, void *socket, int flags)
{
    HOLDS(socket == &dealer && (flags & ZMQ_DONTWAIT));
    if (world.next_frame == world.n_frames) {
        errno = EAGAIN;
        return -1;
    }
    tr_span_t frame = world.frames[world.next_frame++];
    zmq_msg_close(message);
    HOLDS(zmq_msg_init_size(message, frame.size) == 0);
    if (frame.size > 0) {
        memcpy(zmq_msg_data(message), frame.data, frame.size);
    }
    return (int)frame.size;
}

int __wrap_zmq_msg_more(const zmq_msg_t *message)
{
    (void)message;
    return world.next_frame < world.n_frames;
}

/* Of a client only frame 0, and the body of a bundle, are looked at. */
static int write_frame(const void *data, size_t size, int flags)
{
    HOLDS(flags & ZMQ_DONTWAIT);
    if (world.n_out == 0 && world.is_blocked) {
        errno = EAGAIN;
        return -1;
    }
    tr_trp1_t command;
    const char *reason;
    if (world.n_out == 0) {
        HOLDS(tr_trp1_decode(data, size, &command, &reason) == TROUPE_OK);
        HOLDS(command.command != TR_TRP1_UNKNOWN);
        world.is_bundle = command.command == TR_TRP1_BUNDLE;
    } else if (world.is_bundle) {
        tr_reader_t reader = tr_reader_of(data, size);
        tr_span_t head;
        uint64_t n_frames;
        HOLDS(tr_bundle_take(&reader, &head, &n_frames));
        HOLDS(tr_trp1_decode(head.data, head.size, &command, &reason) == TROUPE_OK);
    }
    world.n_out = flags & ZMQ_SNDMORE ? world.n_out + 1 : 0;
    return (int)size;
}

int __wrap_zmq_send(void *socket, const void *data, size_t size, int flags)
{
    HOLDS(socket == &dealer);
    return write_frame(data, size, flags);
}

int __wrap_zmq_msg_send(zmq_msg_t *frame, void *socket, int flags)
{
    HOLDS(socket == &dealer);
    int size = write_frame(zmq_msg_data(frame), zmq_msg_size(frame), flags);
    if (size >= 0) {
        zmq_msg_close(frame);
        zmq_msg_init(frame);
    }
    return size;
}

/* ---- the user of the link ---- */

static void is_for_user(const tr_trp1_t *command)
{
    static const tr_trp1_command_t words[] = {TR_TRP1_PART,   TR_TRP1_REPLY,   TR_TRP1_ERROR,
                                              TR_TRP1_STATUS, TR_TRP1_MESSAGE, TR_TRP1_DOWN,
                                              TR_TRP1_GOAWAY, TR_TRP1_BYE};
    size_t i = 0;
    while (i < sizeof words / sizeof words[0] && words[i] != command->command) {
        i++;
    }
    HOLDS(i < sizeof words / sizeof words[0]);
}

/* A bundle has up to as many commands as bytes. */
static void read_all(void)
{
    tr_trp1_t command;
    troupe_message_t *message = NULL;
    for (size_t n = 0;
         tr_link_receive(world.link, world.now_ms, &command, &message) == TROUPE_OK; n++) {
        HOLDS(n < 70000);
        is_for_user(&command);
        troupe_message_destroy(&message);
    }
    HOLDS(!tr_link_is_in_bundle(world.link));
}

static void send_request(input_t *input, bool gathers)
{
    tr_trp1_t request;
    tr_trp1_init(&request, TR_TRP1_REQUEST, 1 + take_byte(input));
    request.capability = tr_span_of("echo");
    tr_span_t body = take_bytes(input, take_byte(input));
    troupe_message_t *message = troupe_message_from(body.data, body.size);
    HOLDS(message);
    if (!gathers || !tr_link_gather(world.link, &request, message)) {
        troupe_status_t status = tr_link_send(world.link, world.now_ms, &request, message);
        HOLDS(status == TROUPE_OK || status == TROUPE_FULL || status == TROUPE_CLOSED);
    }
    troupe_message_destroy(&message);
}

static void run(bool is_behind)
{
    const char *reason = NULL;
    tr_link_run(world.link, world.now_ms, is_behind);
    if (tr_link_take_loss(world.link, &reason)) {
        HOLDS(reason && strstr(reason, tr_link_endpoint(world.link)));
    }
    HOLDS(tr_link_due_ms(world.link) > 0);
    HOLDS(strlen(tr_link_node(world.link)) <= TR_TRP1_MAX_WORD);
    HOLDS(tr_link_max_frame(world.link) >= 0 && tr_link_max_open(world.link) > 0);
}

/* ---- steps ---- */

/* A message comes; what lay there is read before. */
static void hear(input_t *input)
{
    read_all();
    world.n_frames = world.next_frame = 0;
    for (size_t n = 1 + take_byte(input) % MOST_FRAMES; n > 0; n--) {
        size_t size = take_byte(input);
        size = size << 8 | take_byte(input);
        world.frames[world.n_frames++] = take_bytes(input, size);
    }
}

static void notice(uint16_t event)
{
    if (world.n_events < MOST_EVENTS) {
        world.events[world.n_events++] = event;
    }
    tr_link_note_event(world.link, world.monitor_fd);
}

static void take_step(input_t *input)
{
    static const uint16_t events[] = {ZMQ_EVENT_HANDSHAKE_SUCCEEDED, ZMQ_EVENT_DISCONNECTED,
                                      ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                                      ZMQ_EVENT_HANDSHAKE_FAILED_AUTH};
    uint8_t step = take_byte(input);
    switch (step % 8) {
    case 0:
    case 1:
        hear(input);
        break;
    case 2:
        notice(events[take_byte(input) % 4]);
        break;
    case 3:
        world.now_ms += (int64_t)take_byte(input) * (step & 0x80 ? 1000 : 1);
        run(step & 0x40);
        break;
    case 4:
        send_request(input, step & 0x80);
        break;
    case 5:
        (void)!tr_link_send_gathered(world.link, world.now_ms);
        break;
    case 6:
        tr_link_welcome_messages(world.link, world.now_ms);
        break;
    default:
        world.is_blocked = step & 0x80;
        break;
    }
    if (tr_link_has_work(world.link, false)) {
        run(false);
        read_all();
    }
}

static void begin_world(void)
{
    world.epoll_fd = epoll_create1(0);
    world.socket_fd = eventfd(0, 0);
    world.monitor_fd = eventfd(0, 0);
    HOLDS(world.epoll_fd >= 0 && world.socket_fd >= 0 && world.monitor_fd >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (world.epoll_fd == 0) {
        begin_world();
    }
    input_t input = {data, size};
    world.now_ms = BEGIN_MS;
    world.is_blocked = false;
    world.link = tr_link_new("tcp://127.0.0.1:5670", world.epoll_fd);
    HOLDS(world.link);
    tr_link_connect(world.link, world.now_ms);
    notice(ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    run(false);
    while (input.left > 0) {
        take_step(&input);
    }
    read_all();
    tr_link_say_bye(world.link, world.now_ms);
    tr_link_destroy(&world.link);
    return 0;
}
