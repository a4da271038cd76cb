/* A whole gateway, without its threads and sockets: messages of peers of any frames, answers of
 * the router behind it, messages of an actor and the ends of its lives, words of the actors
 * that stand for remote workers, time that passes, sockets that take nothing or lose their
 * peers. All that it sends can be read by its peers, nobody is answered what he did not ask,
 * and in the end nothing is open.
 *
 * The input is a list of steps, each a byte that says which, and what that one needs. libzmq is
 * replaced at the calls by which the gateway reads and writes (see meson.build).
 */

#include "tests/fuzz/target.h"

#include <errno.h>

#include <czmq.h>

#include "actors/control.h"
#include "actors/dead_letter.h"
#include "base/log.h"
#include "mailbox/mail.h"
#include "mailbox/reply.h"
#include "remote/gateway/inside.h"
#include "remote/workers/workers.h"
#include "tests/fuzz/wraps.h"
#include "wire/bundle.h"
#include "wire/mdp.h"

#define N_PEERS      4 /* even ones by the first door, odd ones by the second */
#define N_DOORS      2
#define MOST_FRAMES  70
#define MOST_OPEN    64
#define MOST_MESSAGE 2000
#define N_IDS        64 /* those below are counted */
#define MOST_OFFERS  8
#define BEGIN_MS     1000000

/* A request that the router has. */
typedef struct open_request {
    tr_envelope_t *envelope;
    tr_flow_spent_t spent;
    uint64_t n_parts;
} open_request_t;

/* The offer of a remote worker, as its pool has it. */
typedef struct offer {
    tr_keepsake_t *keepsake; /* NULL: there is none here */
    uint64_t line;
    size_t concurrency;
    size_t n_given; /* requests that it has */
    bool hears_pings;
    bool is_up;
    uint64_t last_id; /* of the requests that it was given */
} offer_t;

/* A message on its way: in, as the gateway takes frame by frame; out, as it gives them. */
typedef struct parcel {
    tr_span_t frames[MOST_FRAMES + 2];
    size_t n;
    size_t next;
} parcel_t;

static struct world {
    tr_runtime_t *runtime;
    tr_mailbox_t *router;
    tr_mailbox_t *store; /* of the actor */
    tr_mailbox_t *lines; /* of all that stand for remote workers */
    troupe_ref_t *actor;
    zsock_t *sockets[N_DOORS];
    const tr_actor_class_t *class;

    /* anew for each input */
    tr_self_t *self;
    int64_t now_ms;
    parcel_t in;
    bool is_more;
    zmq_msg_t out[MOST_FRAMES + 2];
    size_t n_out;
    bool is_blocked; /* sockets take nothing */
    bool is_lost;    /* nobody is there any more */
    open_request_t open[MOST_OPEN];
    size_t n_open;
    offer_t offers[MOST_OFFERS];
    unsigned n_said[N_PEERS][N_IDS];
    unsigned n_told[N_PEERS][N_IDS];
} world;

static tr_gateway_t *gateway(void)
{
    return world.self->state;
}

/* ---- peers ---- */

/* Two are named by libzmq, two have chosen. */
static tr_span_t routing_id_of(size_t peer)
{
    static const char ids[N_PEERS][6] = {"\0\0\0\0\1", "\0\0\0\0\2", "alice", "bobby"};
    return (tr_span_t){ids[peer], 5};
}

static size_t peer_of(const void *routing_id, size_t size)
{
    size_t peer = 0;
    while (peer < N_PEERS && (size != routing_id_of(peer).size ||
                              memcmp(routing_id, routing_id_of(peer).data, size) != 0)) {
        peer++;
    }
    HOLDS(peer < N_PEERS);
    return peer;
}

static void count(unsigned counts[N_IDS], uint64_t id)
{
    if (id < N_IDS) {
        counts[id]++;
    }
}

/* ---- what the gateway reads ---- */

int __wrap_zmq_msg_recv(zmq_msg_t *message, void *socket, int flags)
{
    (void)socket;
    HOLDS(flags & ZMQ_DONTWAIT);
    if (world.in.next == world.in.n) {
        errno = EAGAIN;
        return -1;
    }
    tr_span_t frame = world.in.frames[world.in.next++];
    zmq_msg_close(message);
    HOLDS(zmq_msg_init_size(message, frame.size) == 0);
    if (frame.size > 0) {
        memcpy(zmq_msg_data(message), frame.data, frame.size);
    }
    world.is_more = world.in.next < world.in.n;
    return (int)frame.size;
}

int __wrap_zmq_msg_more(const zmq_msg_t *message)
{
    (void)message;
    return world.is_more;
}

int64_t __wrap_tr_clock_now_ms(void)
{
    return world.now_ms;
}

/* ---- what the gateway writes ---- */

static void is_known_command(size_t peer, const void *data, size_t size)
{
    tr_trp1_t command;
    const char *reason;
    HOLDS(tr_trp1_decode(data, size, &command, &reason) == TROUPE_OK);
    HOLDS(command.command != TR_TRP1_UNKNOWN);
    if (command.id > 0 &&
        (command.command == TR_TRP1_REPLY || command.command == TR_TRP1_ERROR ||
         command.command == TR_TRP1_DOWN)) {
        count(world.n_told[peer], command.id);
    }
}

static void is_bundle(size_t peer, const void *data, size_t size)
{
    HOLDS(size <= TR_BUNDLE_MAX_BODY);
    tr_reader_t reader = tr_reader_of(data, size);
    while (tr_bytes_left(&reader) > 0) {
        tr_span_t head;
        tr_span_t frame;
        uint64_t n_frames;
        HOLDS(tr_bundle_take(&reader, &head, &n_frames));
        is_known_command(peer, head.data, head.size);
        for (uint64_t i = 0; i < n_frames; i++) {
            HOLDS(tr_bundle_take_frame(&reader, &frame));
        }
    }
}

/* Behind the routing id. */
static void is_trp1(size_t peer, zmq_msg_t *frames, size_t n)
{
    HOLDS(n > 0);
    tr_trp1_t command;
    const char *reason;
    is_known_command(peer, zmq_msg_data(&frames[0]), zmq_msg_size(&frames[0]));
    HOLDS(tr_trp1_decode(zmq_msg_data(&frames[0]), zmq_msg_size(&frames[0]), &command,
                         &reason) == TROUPE_OK);
    if (command.command == TR_TRP1_BUNDLE) {
        HOLDS(n == 2);
        is_bundle(peer, zmq_msg_data(&frames[1]), zmq_msg_size(&frames[1]));
    }
}

static void is_majordomo(zmq_msg_t *frames, size_t n)
{
    tr_span_t spans[TR_MDP_MAX_HEAD];
    tr_mdp_t mdp;
    const char *reason;
    for (size_t i = 0; i < n && i < TR_MDP_MAX_HEAD; i++) {
        spans[i] = (tr_span_t){zmq_msg_data(&frames[i]), zmq_msg_size(&frames[i])};
    }
    HOLDS(tr_mdp_decode(spans, n, &mdp, &reason) == TROUPE_OK);
}

static void take_out(void)
{
    zmq_msg_t *id = &world.out[0];
    size_t peer = peer_of(zmq_msg_data(id), zmq_msg_size(id));
    const tr_peer_t *there =
        tr_peers_find(&gateway()->peers, peer % N_DOORS, zmq_msg_data(id), zmq_msg_size(id));
    HOLDS(there && there->dialect);
    if (there->dialect == &tr_native) {
        is_trp1(peer, world.out + 1, world.n_out - 1);
    } else {
        is_majordomo(world.out + 1, world.n_out - 1);
    }
    for (size_t i = 0; i < world.n_out; i++) {
        zmq_msg_close(&world.out[i]);
    }
    world.n_out = 0;
}

/* The frame that comes next: takes the message. -1 with errno as libzmq has it. */
static int write_frame(zmq_msg_t *frame, int flags)
{
    HOLDS(flags & ZMQ_DONTWAIT);
    if (world.n_out == 0 && (world.is_blocked || world.is_lost)) {
        errno = world.is_lost ? EHOSTUNREACH : EAGAIN;
        return -1;
    }
    HOLDS(world.n_out < MOST_FRAMES + 2);
    int size = (int)zmq_msg_size(frame);
    zmq_msg_init(&world.out[world.n_out]);
    zmq_msg_move(&world.out[world.n_out++], frame);
    if (!(flags & ZMQ_SNDMORE)) {
        take_out();
    }
    return size;
}

int __wrap_zmq_send(void *socket, const void *data, size_t size, int flags)
{
    (void)socket;
    zmq_msg_t frame;
    HOLDS(zmq_msg_init_size(&frame, size) == 0);
    if (size > 0) {
        memcpy(zmq_msg_data(&frame), data, size);
    }
    int rc = write_frame(&frame, flags);
    int error = errno;
    zmq_msg_close(&frame);
    errno = error;
    return rc;
}

int __wrap_zmq_msg_send(zmq_msg_t *frame, void *socket, int flags)
{
    (void)socket;
    return write_frame(frame, flags);
}

/* ---- the gateway itself ---- */

troupe_status_t __wrap_tr_actor_start(const tr_actor_setup_t *setup, tr_actor_t **out)
{
    (void)out;
    world.class = setup->class;
    return TROUPE_OK;
}

/* One by tcp, whose peers may do little, and one by ipc, whose peers may do all. */
bool __wrap_tr_doors_open_all(tr_doors_t *doors, const tr_gateway_spec_t *spec, char *why,
                              size_t size)
{
    static const char *const all[] = {"*"};
    static const char *const some[] = {"store", "echo"};
    (void)spec;
    (void)why;
    (void)size;
    for (size_t i = 0; i < N_DOORS; i++) {
        tr_door_t *door = &doors->all[i];
        door->socket = door->monitor = world.sockets[i];
        door->endpoint = strdup(i == 0 ? "tcp://127.0.0.1:5670" : "ipc:///run/x.sock");
        door->is_open = true;
        door->limits = TR_PEER_LIMITS;
        door->limits.max_open = 16;
        door->limits.max_out = 50;
        door->limits.max_out_bytes = 1 << 16;
        door->limits.max_frame = 1000;
        door->limits.max_message = MOST_MESSAGE;
        door->limits.max_frames = 8;
        door->limits.max_malformed = 20;
        door->limits.stall_ms = 2000;
        door->limits.rate = i == 1 ? 20 : 0;
        door->limits.burst = 10;
        door->rights.is_admin = i == 1;
        HOLDS(tr_allowed_set(&door->rights.calls, all, 1) == TROUPE_OK);
        HOLDS(tr_allowed_set(&door->rights.offers, all, 1) == TROUPE_OK);
        HOLDS(tr_allowed_set(&door->rights.actors, i == 0 ? some : all, i == 0 ? 2 : 1) ==
              TROUPE_OK);
    }
    return true;
}

/* The sockets are kept. */
void __wrap_tr_doors_finish(tr_doors_t *doors)
{
    for (size_t i = 0; i < N_DOORS; i++) {
        free(doors->all[i].endpoint);
        tr_rights_finish(&doors->all[i].rights);
        doors->all[i] = (tr_door_t){0};
    }
}

static void end_world(void)
{
    for (size_t i = 0; i < N_DOORS; i++) {
        zsock_destroy(&world.sockets[i]);
    }
}

/* What lives as long as this process. */
static void begin_world(void)
{
    static const tr_mailbox_limits_t limits = {32, 1 << 20};
    setenv("ZSYS_SIGHANDLER", "false", 1); /* signals are for libFuzzer */
    tr_log_set_level(TR_LOG_OFF);
    world.now_ms = BEGIN_MS;
    world.runtime = tr_runtime_new("studio");
    world.router = tr_mailbox_new("echo", 1, limits);
    world.lines = tr_mailbox_new("echo/1", 2, limits);
    HOLDS(world.runtime && world.router && world.lines);
    HOLDS(tr_directory_register(world.runtime->directory, TR_NAMES_CAPABILITY, "echo",
                                world.router) == TROUPE_OK);
    HOLDS(tr_directory_register(world.runtime->directory, TR_NAMES_CAPABILITY, "troupe.node",
                                world.router) == TROUPE_OK);
    HOLDS(tr_directory_claim(world.runtime->directory, "store", "", limits, false,
                             &world.actor) == TROUPE_OK);
    world.store = tr_mailbox_share(world.actor->mailbox);
    tr_ref_begin(world.actor, tr_runtime_next_incarnation(world.runtime));
    for (size_t i = 0; i < N_DOORS; i++) {
        world.sockets[i] = zsock_new(ZMQ_ROUTER);
        HOLDS(world.sockets[i]);
    }
    HOLDS(atexit(end_world) == 0);
    tr_actor_t *none = NULL;
    tr_gateway_spec_t spec = {.limits = TR_NODE_LIMITS, .vigil = TR_VIGIL_RULE};
    HOLDS(tr_gateway_start(&(tr_birth_t){.what = &spec, .runtime = world.runtime}, &none) ==
          TROUPE_OK);
}

static void begin_gateway(void)
{
    const tr_gateway_spec_t spec = {.limits = TR_NODE_LIMITS, .vigil = TR_VIGIL_RULE};
    world.now_ms = BEGIN_MS;
    world.is_blocked = world.is_lost = false;
    memset(world.n_said, 0, sizeof world.n_said);
    memset(world.n_told, 0, sizeof world.n_told);
    world.self = calloc(1, sizeof *world.self);
    HOLDS(world.self);
    *world.self = (tr_self_t){
        .class = world.class,
        .name = (char *)(uintptr_t) "gateway",
        .runtime = world.runtime,
        .mailbox = tr_mailbox_new("gateway", 1, (tr_mailbox_limits_t){1000, 1 << 24}),
    };
    HOLDS(world.self->mailbox && world.class->begin(world.self, &spec));
}

/* What lies in its mailbox. */
static void let_receive(void)
{
    for (tr_letter_t *letter; (letter = tr_mailbox_next(world.self->mailbox, NULL));) {
        world.class->receive(world.self, letter);
    }
}

/* What would be done forever is not; all that is bounded comes to its end. */
static void let_turn(int64_t ms)
{
    world.now_ms += ms;
    world.self->now.ms = world.now_ms;
    let_receive();
    world.class->turn(world.self, world.now_ms);
}

/* ---- the router and the actor behind it ---- */

static void answer(open_request_t *request, troupe_outcome_t outcome)
{
    troupe_message_t *message = troupe_message_from("answer", 6);
    troupe_reply_t *reply =
        tr_reply_new(request->envelope->id, true, outcome, "so it went", &message);
    HOLDS(reply);
    tr_envelope_forward(request->envelope, &reply);
    tr_envelope_release(&request->envelope);
    *request = world.open[--world.n_open];
}

/* No router sends more parts than are wanted. */
static void send_part(open_request_t *request, size_t size)
{
    if (!tr_flow_has_room(&request->envelope->flow, &request->spent)) {
        return;
    }
    char *bytes = calloc(1, size + 1);
    troupe_message_t *message = troupe_message_from(bytes, size);
    free(bytes);
    troupe_reply_t *reply =
        tr_reply_new(request->envelope->id, false, TROUPE_OUTCOME_OK, NULL, &message);
    HOLDS(reply);
    reply->sequence = request->n_parts++;
    tr_flow_spend(&request->spent, tr_reply_flow_bytes(reply));
    tr_envelope_forward(request->envelope, &reply);
}

/* As a pool does that has no place any more. */
static void send_refusal(const tr_control_t *join)
{
    tr_control_t *word = tr_control_new(TR_WORD_NOT_JOINED, 0);
    HOLDS(word);
    word->number = join->depth;
    word->depth = TROUPE_OUTCOME_OVERLOADED;
    tr_control_send(word, join->mailbox);
}

/* It is kept, until its actor ends; its number is the token. */
static void take_offer(const tr_control_t *join)
{
    const tr_line_offer_t *told = join->what;
    HOLDS(join->number >= 1 && join->number <= TR_WORKERS_MAX_CONCURRENCY);
    HOLDS(told->line == join->depth && told->concurrency == join->number);
    for (size_t i = 0; i < MOST_OFFERS; i++) {
        if (!world.offers[i].keepsake) {
            world.offers[i] = (offer_t){.keepsake = tr_keepsake_share(join->keepsake),
                                        .line = told->line,
                                        .concurrency = told->concurrency,
                                        .hears_pings = told->hears_pings};
            return;
        }
    }
    send_refusal(join);
}

/* Requests and offers are kept; what else is said is of no account here. */
static void let_router_take(void)
{
    for (tr_letter_t *letter; (letter = tr_mailbox_next(world.router, NULL));) {
        const tr_control_t *word = tr_control_in(letter);
        if (word && word->word == TR_WORD_JOIN) {
            take_offer(word);
        }
        if (letter->type != &tr_envelope_type) {
            tr_letter_destroy(&letter);
            continue;
        }
        open_request_t request = {.envelope = tr_envelope_of(letter)};
        HOLDS(strlen(request.envelope->capability) <= TR_TRP1_MAX_NAME);
        if (world.n_open == MOST_OPEN) {
            answer(&world.open[0], TROUPE_OUTCOME_OVERLOADED);
        }
        world.open[world.n_open++] = request;
    }
}

/* What asks is answered, or let go of. */
static void let_actor_take(bool answers)
{
    for (tr_letter_t *letter; (letter = tr_mailbox_next(world.store, NULL));) {
        tr_mail_t *mail = tr_mail_in(letter);
        if (answers && mail && mail->question) {
            tr_question_answer(mail->question, TROUPE_OUTCOME_OK, NULL, NULL);
        }
        tr_letter_destroy(&letter);
    }
}

/* Its life ends, and another one begins. */
static void let_actor_end(void)
{
    const tr_reason_t reason = tr_reason_format(TROUPE_REASON_FAILED, "as it was told");
    tr_ref_end(world.actor, tr_ref_incarnation(world.actor), &reason);
    tr_ref_begin(world.actor, tr_runtime_next_incarnation(world.runtime));
}

/* To the peer, if actors know it. */
static void let_actor_send(size_t peer, size_t size)
{
    tr_span_t id = routing_id_of(peer);
    tr_peer_t *there = tr_peers_find(&gateway()->peers, peer % N_DOORS, id.data, id.size);
    if (!there || !there->ref) {
        return;
    }
    char *bytes = calloc(1, size + 1);
    troupe_message_t *message = troupe_message_from(bytes, size);
    free(bytes);
    tr_mail_t *mail = tr_mail_new(&message, world.actor, NULL);
    HOLDS(mail);
    if (tr_ref_post(there->ref, TR_LANE_USER, &mail) != TROUPE_OK) {
        tr_letter_t *letter = &mail->letter;
        tr_letter_destroy(&letter);
    }
}

/* ---- those who stand for remote workers ---- */

static offer_t *offer_of(uint64_t line)
{
    size_t i = 0;
    while (i < MOST_OFFERS && (!world.offers[i].keepsake || world.offers[i].line != line)) {
        i++;
    }
    return i < MOST_OFFERS ? &world.offers[i] : NULL;
}

/* What their peers have said. */
static void let_lines_take(void)
{
    for (tr_letter_t *letter; (letter = tr_mailbox_next(world.lines, NULL));) {
        const tr_line_letter_t *word = tr_line_letter_in(letter);
        HOLDS(word);
        offer_t *offer = offer_of(word->line);
        HOLDS(!offer || offer->is_up);
        bool is_final = word->command.command == TR_TRP1_REPLY ||
                        (word->command.command == TR_TRP1_ERROR && word->command.id > 0);
        if (offer && is_final && offer->n_given > 0) {
            offer->n_given--;
        }
        HOLDS(!word->message || troupe_message_bytes(word->message) <= MOST_MESSAGE);
        tr_letter_destroy(&letter);
    }
}

static void say_as_line(offer_t *offer, tr_trp1_command_t what, uint8_t number)
{
    tr_trp1_t command;
    tr_trp1_init(&command, what, number);
    troupe_message_t *message = NULL;
    if (what == TR_TRP1_REQUEST) {
        offer->n_given++;
        command.id = ++offer->last_id;
        command.capability = tr_span_of("echo");
        command.credit = number;
        command.timeout_ms = number;
        message = troupe_message_from("work", 4);
    } else if (what == TR_TRP1_CREDIT) {
        command.credit = 1 + number;
    }
    tr_line_letter_t *word = tr_line_letter_new(offer->line, &command, &message);
    HOLDS(word);
    if (what == TR_TRP1_HELLO) {
        word->mailbox = tr_mailbox_share(world.lines);
        offer->is_up = true;
    }
    tr_letter_t *letter = &word->letter;
    HOLDS(tr_mailbox_post_answer(world.self->mailbox, TR_LANE_CONTROL, &letter) == TROUPE_OK);
}

/* What an actor says only if the worker can do with it. */
static bool may_say(const offer_t *offer, tr_trp1_command_t what)
{
    return what == TR_TRP1_REQUEST ? offer->n_given < offer->concurrency
                                   : what != TR_TRP1_PING || offer->hears_pings;
}

/* One comes up, says something, or ends. */
static void let_line_act(input_t *input)
{
    static const tr_trp1_command_t words[] = {TR_TRP1_REQUEST, TR_TRP1_CANCEL, TR_TRP1_CREDIT,
                                              TR_TRP1_PING,    TR_TRP1_DRAIN,  TR_TRP1_STOP,
                                              TR_TRP1_BYE};
    offer_t *offer = &world.offers[take_byte(input) % MOST_OFFERS];
    uint8_t what = take_byte(input) % 8;
    let_router_take();
    let_lines_take();
    if (!offer->keepsake) {
        return;
    }
    if (what == 7) {
        tr_keepsake_release(&offer->keepsake);
    } else if (!offer->is_up || may_say(offer, words[what])) {
        say_as_line(offer, offer->is_up ? words[what] : TR_TRP1_HELLO, take_byte(input));
    }
}

static void end_lines(void)
{
    let_router_take();
    for (size_t i = 0; i < MOST_OFFERS; i++) {
        tr_keepsake_release(&world.offers[i].keepsake);
    }
    let_lines_take();
}

/* ---- steps ---- */

static void say(size_t peer)
{
    world.in.next = 0;
    gateway()->doors.ready(world.self, zsock_resolve(world.sockets[peer % N_DOORS]), -1);
    HOLDS(world.in.next == world.in.n);
}

static void count_head(size_t peer, tr_span_t head)
{
    tr_trp1_t command;
    const char *reason;
    if (tr_trp1_decode(head.data, head.size, &command, &reason) == TROUPE_OK ||
        command.id > 0) {
        count(world.n_said[peer], command.id);
    }
}

static void count_said(size_t peer)
{
    tr_span_t head = world.in.n > 1 ? world.in.frames[1] : (tr_span_t){"", 0};
    count_head(peer, head);
    if (world.in.n > 2) {
        tr_reader_t reader = tr_reader_of(world.in.frames[2].data, world.in.frames[2].size);
        uint64_t n_frames;
        tr_span_t frame;
        while (tr_bytes_left(&reader) > 0 && tr_bundle_take(&reader, &head, &n_frames)) {
            count_head(peer, head);
            while (n_frames > 0 && tr_bundle_take_frame(&reader, &frame)) {
                n_frames--;
            }
        }
    }
}

/* Frames as they come in the input, each behind two bytes of length. */
static void say_anything(input_t *input)
{
    size_t peer = take_byte(input) % N_PEERS;
    size_t n_frames = take_byte(input) % MOST_FRAMES;
    world.in = (parcel_t){.frames = {routing_id_of(peer)}, .n = 1};
    for (size_t i = 0; i < n_frames && (i == 0 || input->left > 0); i++) {
        size_t size = take_byte(input);
        size = size << 8 | take_byte(input);
        world.in.frames[world.in.n++] = take_bytes(input, size);
    }
    count_said(peer);
    say(peer);
}

/* A command that can be read, so that more of it is looked at. */
static void say_command(input_t *input)
{
    static const char *const names[] = {"echo", "store", "troupe.node", "nobody"};
    unsigned char head[TR_TRP1_MAX_HEADER];
    size_t peer = take_byte(input) % N_PEERS;
    uint8_t options = take_byte(input);
    tr_trp1_t command;
    tr_trp1_init(&command, (tr_trp1_command_t)(1 + take_byte(input) % TR_TRP1_LAST_COMMAND),
                 take_byte(input) % N_IDS);
    tr_span_t name = tr_span_of(names[options & 3]);
    *(options & 4 ? &command.actor : &command.capability) = name;
    command.timeout_ms = options & 8 ? take_byte(input) : -1;
    command.credit = options & 16 ? take_byte(input) : -1;
    command.confirm = command.finish_on_disconnect = options & 32;
    command.bundle = options & 64 ? 65536 : -1;
    command.heartbeat_ms = options & 128 ? 1000 : -1;
    if (command.command == TR_TRP1_READY) {
        command.capabilities = (tr_span_t){"\x92\xa4"
                                           "echo\xa6"
                                           "nobody",
                                           13};
        command.capability.size = command.actor.size = 0;
    }
    size_t size;
    HOLDS(tr_trp1_encode(&command, head, sizeof head, &size) == TROUPE_OK);
    world.in = (parcel_t){.frames = {routing_id_of(peer), {(char *)head, size}}, .n = 2};
    size_t payload = take_byte(input);
    if (payload > 0) {
        world.in.frames[world.in.n++] = take_bytes(input, payload * 8);
    }
    count_said(peer);
    say(peer);
}

static void send_word(tr_word_t word)
{
    tr_control_t *control = tr_control_new(word, 0);
    HOLDS(control);
    tr_control_send(control, world.self->mailbox);
}

static void let_answer(input_t *input)
{
    uint8_t which = take_byte(input);
    let_router_take();
    if (world.n_open == 0) {
        return;
    }
    open_request_t *request = &world.open[which % world.n_open];
    uint8_t how = take_byte(input);
    if (how & 0x80) {
        send_part(request, (size_t)(how & 0x7f) * 16);
    } else {
        answer(request, (troupe_outcome_t)(how % (TROUPE_OUTCOME_INTERNAL + 1)));
    }
}

static void take_step(input_t *input)
{
    uint8_t step = take_byte(input);
    switch (step % 11) {
    case 0:
    case 1:
        say_anything(input);
        break;
    case 2:
    case 3:
        say_command(input);
        break;
    case 4:
    case 5:
        let_answer(input);
        break;
    case 6:
        let_turn((int64_t)take_byte(input) * (step & 0x80 ? 1000 : 1));
        break;
    case 7:
        let_actor_take(step & 0x80);
        if (step & 0x40) {
            let_actor_end();
        }
        break;
    case 9:
        let_line_act(input);
        break;
    case 8:
        let_actor_send(take_byte(input) % N_PEERS, (size_t)take_byte(input) * 8);
        break;
    default:
        world.is_blocked = step & 0x80;
        world.is_lost = step & 0x40;
        if (take_byte(input) == 255) {
            send_word(TR_WORD_DRAIN);
        }
        break;
    }
    let_receive();
}

/* ---- the end ---- */

/* Whoever asked has been answered, or has gone. */
static void let_all_end(void)
{
    let_router_take();
    while (world.n_open > 0) {
        answer(&world.open[0], TROUPE_OUTCOME_OK);
    }
    let_actor_take(false);
    let_actor_end();
    end_lines();
    let_turn(0);
    HOLDS(gateway()->calls.n_items == 0 && gateway()->lines.n_items == 0);
}

static void stop(bool is_sudden)
{
    tr_reason_t reason = tr_reason_of(TROUPE_REASON_SHUTDOWN);
    if (!is_sudden) {
        world.class->stop(world.self, &reason);
        for (int i = 0; i < 2000 && !world.self->is_ending; i++) {
            let_turn(1);
        }
        HOLDS(world.self->is_ending);
    }
    world.class->end(world.self);
    HOLDS(!world.actor->watches); /* nobody is left who would be told */
    tr_mailbox_close(world.self->mailbox);
    for (tr_letter_t *letter; (letter = tr_mailbox_next(world.self->mailbox, NULL));) {
        tr_letter_destroy(&letter);
    }
    tr_mailbox_release(&world.self->mailbox);
    free(world.self);
}

/* Nobody is told what he has not asked for. */
static void holds_counts(void)
{
    for (size_t peer = 0; peer < N_PEERS; peer++) {
        for (size_t id = 0; id < N_IDS; id++) {
            HOLDS(world.n_told[peer][id] <= world.n_said[peer][id]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!world.runtime) {
        begin_world();
    }
    input_t input = {data, size};
    begin_gateway();
    uint8_t ending = take_byte(&input);
    while (input.left > 0) {
        take_step(&input);
    }
    if (ending & 1) {
        let_all_end();
    }
    stop(ending & 2);
    let_router_take();
    while (world.n_open > 0) {
        answer(&world.open[0], TROUPE_OUTCOME_OK);
    }
    let_actor_take(false);
    end_lines();
    holds_counts();
    HOLDS(world.n_out == 0);
    return 0;
}
