/* A broker on bare libzmq: what the hop through a router costs when it does nothing else
 *
 * One client DEALER, a thread with a ROUTER on each side, and N worker DEALERs that send back
 * what they get. The router gives each request to the worker with the fewest pending.
 *
 *     --mode drain   after each zmq_poll take all that waits on both sides, a message a request
 *     --mode batch   the same, and what goes to one worker in a turn is one multipart message
 *     --mode visit   as drain, and the client makes a connection for each request
 *
 * The client's end is inproc, ipc, tcp, or curve: tcp with keys at both ends, which nobody
 * looks up. But for inproc it has a context of its own. A lone empty frame asks whoever gets it
 * to end.
 */

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "bench/measure.h"
#include "bench/peers/peer.h"

#define MOST_WORKERS 1000
#define MOST_SOCKETS 30000
#define TURN         1000 /* messages taken from one side before the other has its turn */

typedef struct request {
    zmq_msg_t client;
    zmq_msg_t payload;
} request_t;

typedef struct batch {
    request_t items[TURN];
    size_t n;
} batch_t;

typedef struct worker {
    pthread_t thread;
    unsigned char id[2];
    long n_pending;
    batch_t *batch; /* mode batch only: what it gets at the end of the turn */
} worker_t;

static peer_options_t options;
static void *context;
static void *front; /* of the router, to the client */
static void *back;  /* of the router, to the workers */
static worker_t workers[MOST_WORKERS];

static void must(int rc)
{
    if (rc < 0) {
        bench_give_up("%s", zmq_strerror(zmq_errno()));
    }
}

static void *socket_new(void *in_context, int type)
{
    void *socket = zmq_socket(in_context, type);
    const int none = 0;
    if (!socket) {
        bench_give_up("no socket");
    }
    must(zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none));
    must(zmq_setsockopt(socket, ZMQ_RCVHWM, &none, sizeof none));
    must(zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none));
    return socket;
}

/* ---- keys ---- */

#define KEY_TEXT 41

typedef struct pair {
    char public_key[KEY_TEXT];
    char secret_key[KEY_TEXT];
} pair_t;

static pair_t node_pair;
static pair_t client_pair;

static bool is_encrypted(void)
{
    return strcmp(options.transport, "curve") == 0;
}

static void make_keys(void)
{
    must(zmq_curve_keypair(node_pair.public_key, node_pair.secret_key));
    must(zmq_curve_keypair(client_pair.public_key, client_pair.secret_key));
}

static void use_node_keys(void *socket)
{
    const int yes = 1;
    must(zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &yes, sizeof yes));
    must(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, node_pair.secret_key, KEY_TEXT));
}

static void use_client_keys(void *socket)
{
    must(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, node_pair.public_key, KEY_TEXT));
    must(zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, client_pair.public_key, KEY_TEXT));
    must(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, client_pair.secret_key, KEY_TEXT));
}

static void send_frame(zmq_msg_t *frame, void *socket, bool more)
{
    must(zmq_msg_send(frame, socket, more ? ZMQ_SNDMORE : 0));
}

/* ---- a worker ---- */

static void *worker_main(void *arg)
{
    const worker_t *self = arg;
    void *socket = socket_new(context, ZMQ_DEALER);
    must(zmq_setsockopt(socket, ZMQ_ROUTING_ID, self->id, sizeof self->id));
    must(zmq_connect(socket, "inproc://workers"));
    must(zmq_send(socket, "", 0, 0));
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    for (;;) {
        must(zmq_msg_recv(&frame, socket, 0));
        bool more = zmq_msg_more(&frame);
        if (!more && zmq_msg_size(&frame) == 0) {
            break;
        }
        send_frame(&frame, socket, more);
    }
    zmq_msg_close(&frame);
    zmq_close(socket);
    return NULL;
}

static void start_workers(void)
{
    for (long i = 0; i < options.workers; i++) {
        workers[i].id[0] = (unsigned char)(1 + i / 256);
        workers[i].id[1] = (unsigned char)(i % 256);
        if (peer_mode_is(&options, "batch")) {
            workers[i].batch = bench_alloc(1, sizeof *workers[i].batch);
        }
        if (pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) != 0) {
            bench_give_up("no thread");
        }
    }
    for (long i = 0; i < options.workers; i++) {
        char hello[sizeof workers[i].id];
        must(zmq_recv(back, hello, sizeof hello, 0));
        must(zmq_recv(back, hello, sizeof hello, 0));
    }
}

static void stop_workers(void)
{
    for (long i = 0; i < options.workers; i++) {
        must(zmq_send(back, workers[i].id, sizeof workers[i].id, ZMQ_SNDMORE));
        must(zmq_send(back, "", 0, 0));
        pthread_join(workers[i].thread, NULL);
        free(workers[i].batch);
    }
}

/* ---- the router ---- */

static worker_t *least_pending(void)
{
    worker_t *best = &workers[0];
    for (long i = 1; i < options.workers && best->n_pending > 0; i++) {
        if (workers[i].n_pending < best->n_pending) {
            best = &workers[i];
        }
    }
    return best;
}

static worker_t *worker_of(zmq_msg_t *id)
{
    const unsigned char *bytes = zmq_msg_data(id);
    return &workers[(bytes[0] - 1) * 256 + bytes[1]];
}

/* Takes both frames. */
static void dispatch(zmq_msg_t *client, zmq_msg_t *payload)
{
    worker_t *worker = least_pending();
    worker->n_pending++;
    if (worker->batch) {
        request_t *item = &worker->batch->items[worker->batch->n++];
        zmq_msg_init(&item->client);
        zmq_msg_init(&item->payload);
        zmq_msg_move(&item->client, client);
        zmq_msg_move(&item->payload, payload);
        return;
    }
    must(zmq_send(back, worker->id, sizeof worker->id, ZMQ_SNDMORE));
    send_frame(client, back, true);
    send_frame(payload, back, false);
}

/* Takes one request; false when none waits or the client asks to end. */
static bool take_request(bool *ends)
{
    zmq_msg_t client;
    zmq_msg_t payload;
    zmq_msg_init(&client);
    if (zmq_msg_recv(&client, front, ZMQ_DONTWAIT) < 0) {
        return false;
    }
    zmq_msg_init(&payload);
    must(zmq_msg_recv(&payload, front, 0));
    *ends = zmq_msg_size(&payload) == 0;
    if (*ends) {
        zmq_msg_close(&client);
        zmq_msg_close(&payload);
        return false;
    }
    dispatch(&client, &payload);
    return true;
}

/* Takes what one worker has sent, one reply or a batch of them; false when nothing waits. */
static bool take_replies(void)
{
    zmq_msg_t id;
    zmq_msg_t frame;
    zmq_msg_init(&id);
    if (zmq_msg_recv(&id, back, ZMQ_DONTWAIT) < 0) {
        return false;
    }
    zmq_msg_init(&frame);
    bool more = true;
    while (more) {
        must(zmq_msg_recv(&frame, back, 0));
        send_frame(&frame, front, true);
        must(zmq_msg_recv(&frame, back, 0));
        more = zmq_msg_more(&frame);
        send_frame(&frame, front, false);
        worker_of(&id)->n_pending--;
    }
    zmq_msg_close(&id);
    return true;
}

static void send_batch(worker_t *worker)
{
    batch_t *batch = worker->batch;
    if (batch->n == 0) {
        return;
    }
    must(zmq_send(back, worker->id, sizeof worker->id, ZMQ_SNDMORE));
    for (size_t i = 0; i < batch->n; i++) {
        send_frame(&batch->items[i].client, back, true);
        send_frame(&batch->items[i].payload, back, i + 1 < batch->n);
    }
    batch->n = 0;
}

static void *router_main(void *arg)
{
    (void)arg;
    zmq_pollitem_t items[] = {{.socket = front, .events = ZMQ_POLLIN},
                              {.socket = back, .events = ZMQ_POLLIN}};
    bool ends = false;
    while (!ends) {
        must(zmq_poll(items, 2, -1));
        for (int i = 0; i < TURN && take_replies(); i++) {
        }
        for (int i = 0; i < TURN && take_request(&ends); i++) {
        }
        for (long i = 0; workers[0].batch && i < options.workers; i++) {
            send_batch(&workers[i]);
        }
    }
    stop_workers();
    return NULL;
}

/* ---- the client ---- */

static void begin_one(bench_requests_t *requests, void *socket)
{
    zmq_msg_t message;
    must(zmq_msg_init_size(&message, options.size));
    bench_requests_begin(requests, zmq_msg_data(&message));
    send_frame(&message, socket, false);
}

static void end_one(bench_requests_t *requests, void *socket)
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    must(zmq_msg_recv(&message, socket, 0));
    bench_requests_end(requests, zmq_msg_data(&message), zmq_msg_size(&message));
    zmq_msg_close(&message);
}

/* One byte there and back, so that the connection stands before the clock runs. */
static void say_hello(void *socket)
{
    char hello;
    must(zmq_send(socket, "?", 1, 0));
    must(zmq_recv(socket, &hello, 1, 0));
}

static void run_client(bench_requests_t *requests, void *socket)
{
    say_hello(socket);
    bench_requests_start(requests);
    while (bench_requests_go_on(requests)) {
        while (bench_requests_may_begin(requests)) {
            begin_one(requests, socket);
        }
        end_one(requests, socket);
    }
}

static void *client_new(void *in_context, const char *endpoint)
{
    void *client = socket_new(in_context, ZMQ_DEALER);
    if (is_encrypted()) {
        use_client_keys(client);
    }
    must(zmq_connect(client, endpoint));
    return client;
}

/* ---- one that connects anew for each request ---- */

static zmq_pollitem_t visits[PEER_MOST_WINDOW]; /* without a socket: a free place */

static void begin_visit(bench_requests_t *requests, void *in_context, const char *endpoint)
{
    zmq_pollitem_t *visit = visits;
    while (visit->socket) {
        visit++;
    }
    *visit = (zmq_pollitem_t){.socket = client_new(in_context, endpoint), .events = ZMQ_POLLIN};
    begin_one(requests, visit->socket);
}

/* The places behind the last visit are left alone. */
static int n_places(void)
{
    long n = options.window;
    while (n > 0 && !visits[n - 1].socket) {
        n--;
    }
    return (int)n;
}

static void end_visits(bench_requests_t *requests)
{
    int n = n_places();
    must(zmq_poll(visits, n, -1));
    for (int i = 0; i < n; i++) {
        if (visits[i].socket && (visits[i].revents & ZMQ_POLLIN) != 0) {
            end_one(requests, visits[i].socket);
            zmq_close(visits[i].socket);
            /* No socket, no descriptor: zmq_poll passes it by. */
            visits[i] = (zmq_pollitem_t){.fd = -1};
        }
    }
}

static void run_visits(bench_requests_t *requests, void *in_context, const char *endpoint)
{
    must(zmq_ctx_set(in_context, ZMQ_MAX_SOCKETS, MOST_SOCKETS));
    bench_requests_start(requests);
    while (bench_requests_go_on(requests)) {
        while (bench_requests_may_begin(requests)) {
            begin_visit(requests, in_context, endpoint);
        }
        end_visits(requests);
    }
}

static const char *address(void)
{
    if (strcmp(options.transport, "ipc") == 0) {
        return "ipc://*";
    }
    return strcmp(options.transport, "inproc") == 0 ? "inproc://clients" : "tcp://127.0.0.1:*";
}

int main(int argc, char **argv)
{
    static const char *const modes[] = {"drain", "batch", "visit", NULL};
    static const char *const transports[] = {"inproc", "ipc", "tcp", "curve", NULL};
    options = peer_options(argc, argv, modes, transports);
    bool is_near = strcmp(options.transport, "inproc") == 0;
    if (is_near && peer_mode_is(&options, "visit")) {
        bench_misused("mode", options.mode, "one for this transport");
    }
    context = zmq_ctx_new();
    front = socket_new(context, ZMQ_ROUTER);
    back = socket_new(context, ZMQ_ROUTER);
    if (is_encrypted()) {
        make_keys();
        use_node_keys(front);
    }
    must(zmq_bind(front, address()));
    must(zmq_bind(back, "inproc://workers"));
    char endpoint[256];
    size_t size = sizeof endpoint;
    must(zmq_getsockopt(front, ZMQ_LAST_ENDPOINT, endpoint, &size));
    start_workers();
    pthread_t router;
    if (pthread_create(&router, NULL, router_main, NULL) != 0) {
        bench_give_up("no thread");
    }

    void *client_context = is_near ? context : zmq_ctx_new();
    bench_requests_t requests;
    peer_requests_init(&requests, &options);
    void *client = client_new(client_context, endpoint);
    if (peer_mode_is(&options, "visit")) {
        run_visits(&requests, client_context, endpoint);
    } else {
        run_client(&requests, client);
    }
    peer_print(&requests, "zmq", &options);
    bench_requests_finish(&requests);
    must(zmq_send(client, "", 0, 0));
    pthread_join(router, NULL);

    zmq_close(client);
    zmq_close(front);
    zmq_close(back);
    if (!is_near) {
        zmq_ctx_term(client_context);
    }
    zmq_ctx_term(context);
    return 0;
}
