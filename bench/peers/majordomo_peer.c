/* Majordomo over tcp: a broker in a process of its own, N workers that send back what they get,
 * and one client with W requests outstanding; each a bare DEALER with a connection of its own.
 */

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "bench/measure.h"
#include "bench/peers/majordomo_broker.h"
#include "bench/peers/peer.h"

#define SERVICE       "bench"
#define PATIENCE_MS   30000
#define WORKER_FRAMES 6 /* empty, MDPW01, command, client, empty, body */

static peer_options_t options;
static void *context;
static char endpoint[64];

static void must(int rc)
{
    if (rc < 0) {
        bench_give_up("%s", zmq_strerror(zmq_errno()));
    }
}

/* ---- the broker's process ---- */

static pid_t start_broker(void)
{
    int ends[2];
    int port;
    if (pipe(ends) != 0) {
        bench_give_up("no pipe");
    }
    pid_t broker = fork();
    if (broker == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        majordomo_broker_run(ends[1]);
        _exit(1);
    }
    if (broker < 0 || read(ends[0], &port, sizeof port) != sizeof port) {
        bench_give_up("no broker");
    }
    close(ends[0]);
    close(ends[1]);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", port);
    return broker;
}

static void stop_broker(pid_t broker)
{
    kill(broker, SIGKILL);
    waitpid(broker, NULL, 0);
}

/* ---- sockets ---- */

static void *dealer_new(void)
{
    void *socket = zmq_socket(context, ZMQ_DEALER);
    const int none = 0;
    const int patience = PATIENCE_MS;
    if (!socket) {
        bench_give_up("no socket");
    }
    must(zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none));
    must(zmq_setsockopt(socket, ZMQ_RCVHWM, &none, sizeof none));
    must(zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none));
    must(zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, sizeof patience));
    must(zmq_connect(socket, endpoint));
    return socket;
}

static void send_text(void *socket, const char *text)
{
    must(zmq_send_const(socket, text, strlen(text), ZMQ_SNDMORE));
}

/* ---- workers ---- */

static void send_ready(void *socket)
{
    send_text(socket, "");
    send_text(socket, "MDPW01");
    send_text(socket, "\001");
    must(zmq_send_const(socket, SERVICE, strlen(SERVICE), 0));
}

/* False when the context ends. */
static bool take_request(void *socket, zmq_msg_t *frames)
{
    for (int i = 0; i < WORKER_FRAMES; i++) {
        if (zmq_msg_recv(&frames[i], socket, 0) < 0) {
            return false;
        }
    }
    if (zmq_msg_more(&frames[WORKER_FRAMES - 1])) {
        bench_give_up("a request has too many frames");
    }
    return true;
}

static void send_reply(void *socket, zmq_msg_t *frames)
{
    send_text(socket, "");
    send_text(socket, "MDPW01");
    send_text(socket, "\003");
    for (int i = 3; i < WORKER_FRAMES; i++) {
        must(zmq_msg_send(&frames[i], socket, i + 1 < WORKER_FRAMES ? ZMQ_SNDMORE : 0));
    }
}

static void *worker_main(void *socket)
{
    zmq_msg_t frames[WORKER_FRAMES];
    for (int i = 0; i < WORKER_FRAMES; i++) {
        zmq_msg_init(&frames[i]);
    }
    send_ready(socket);
    while (take_request(socket, frames)) {
        send_reply(socket, frames);
    }
    for (int i = 0; i < WORKER_FRAMES; i++) {
        zmq_msg_close(&frames[i]);
    }
    zmq_close(socket);
    return NULL;
}

/* ---- the client ---- */

static void begin_one(bench_requests_t *requests, void *socket)
{
    zmq_msg_t body;
    send_text(socket, "");
    send_text(socket, "MDPC01");
    send_text(socket, SERVICE);
    must(zmq_msg_init_size(&body, options.size));
    bench_requests_begin(requests, zmq_msg_data(&body));
    must(zmq_msg_send(&body, socket, 0));
}

/* The body is the last of four frames. */
static void end_one(bench_requests_t *requests, void *socket)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    do {
        must(zmq_msg_recv(&frame, socket, 0));
    } while (zmq_msg_more(&frame));
    bench_requests_end(requests, zmq_msg_data(&frame), zmq_msg_size(&frame));
    zmq_msg_close(&frame);
}

static void run(bench_requests_t *requests, void *socket)
{
    bench_requests_start(requests);
    while (bench_requests_go_on(requests)) {
        while (bench_requests_may_begin(requests)) {
            begin_one(requests, socket);
        }
        end_one(requests, socket);
    }
}

/* So many that each worker has had one: then all connections stand. */
static void warm_up(void *socket)
{
    bench_requests_t requests;
    bench_requests_init(&requests, options.workers * 10, options.workers, options.size);
    run(&requests, socket);
    bench_requests_finish(&requests);
}

int main(int argc, char **argv)
{
    static const char *const modes[] = {"broker", NULL};
    static const char *const transports[] = {"tcp", NULL};
    options = peer_options(argc, argv, modes, transports);
    bench_requests_t requests;
    pid_t broker = start_broker();
    context = zmq_ctx_new();
    pthread_t *threads = bench_alloc((size_t)options.workers, sizeof *threads);
    for (long i = 0; i < options.workers; i++) {
        if (pthread_create(&threads[i], NULL, worker_main, dealer_new()) != 0) {
            bench_give_up("no thread");
        }
    }
    void *client = dealer_new();
    warm_up(client);
    peer_requests_init(&requests, &options);
    requests.helper = broker;
    run(&requests, client);
    peer_print(&requests, "majordomo", &options);
    bench_requests_finish(&requests);
    zmq_close(client);
    zmq_ctx_shutdown(context);
    for (long i = 0; i < options.workers; i++) {
        pthread_join(threads[i], NULL);
    }
    free(threads);
    zmq_ctx_term(context);
    stop_broker(broker);
    return 0;
}
