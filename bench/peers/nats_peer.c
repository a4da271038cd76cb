/* NATS request and reply over tcp: one client, a queue group of N workers that send back what
 * they get, each with a connection of its own, and a nats-server that this program starts on
 * loopback and ends.
 *
 *     --mode request     the library's call for it, natsConnection_Request, which waits for its
 *                        reply: W threads call it over one connection
 *     --mode pipelined   no call waits: requests are published with an inbox for replies, and
 *                        the library writes together what comes within a millisecond
 */

#include <errno.h>
#include <fcntl.h>
#include <nats/nats.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure.h"
#include "bench/peers/peer.h"

#define START_MS 20000
#define RUN_S    60

static peer_options_t options;
static bench_requests_t requests;
static char *payload; /* the client's, copied by each publish */
static char *inbox;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER; /* guards `requests` and `payload` */
static pthread_cond_t all_ended = PTHREAD_COND_INITIALIZER;

static void must(natsStatus status)
{
    if (status != NATS_OK) {
        bench_give_up("%s", natsStatus_GetText(status));
    }
}

/* ---- the server ---- */

/* A port that is free now; the server cannot say which one it would choose. */
static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        bench_give_up("no port");
    }
    close(listener);
    return ntohs(address.sin_port);
}

static pid_t start_server(int port)
{
    char port_text[16];
    snprintf(port_text, sizeof port_text, "%d", port);
    pid_t server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, STDERR_FILENO);
        execlp("nats-server", "nats-server", "-a", "127.0.0.1", "-p", port_text, (char *)NULL);
        _exit(127);
    }
    return server;
}

static void stop_server(pid_t server)
{
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
}

/* Waits until the server listens. */
static natsConnection *connect_to(const char *url)
{
    const int64_t until_ns = bench_now_ns() + START_MS * BENCH_NS_PER_MS;
    natsOptions *how;
    natsConnection *connection = NULL;
    natsStatus status;
    must(natsOptions_Create(&how));
    must(natsOptions_SetURL(how, url));
    must(natsOptions_SetSendAsap(how, !peer_mode_is(&options, "pipelined")));
    while ((status = natsConnection_Connect(&connection, how)) != NATS_OK &&
           bench_now_ns() < until_ns) {
        bench_sleep_until_ns(bench_now_ns() + 10 * BENCH_NS_PER_MS);
    }
    must(status);
    natsOptions_Destroy(how);
    return connection;
}

/* ---- workers, on threads of the library ---- */

static void work(natsConnection *connection, natsSubscription *subscription, natsMsg *message,
                 void *arg)
{
    (void)subscription;
    (void)arg;
    must(natsConnection_Publish(connection, natsMsg_GetReply(message), natsMsg_GetData(message),
                                natsMsg_GetDataLength(message)));
    natsMsg_Destroy(message);
}

static void start_worker(const char *url)
{
    natsConnection *connection = connect_to(url);
    natsSubscription *subscription;
    must(natsConnection_QueueSubscribe(&subscription, connection, "work", "pool", work, NULL));
    must(natsSubscription_SetPendingLimits(subscription, -1, -1));
    must(natsConnection_Flush(connection));
}

/* ---- a client that waits in W threads ---- */

static bool begin_one(char *data)
{
    pthread_mutex_lock(&turn);
    bool may = bench_requests_may_begin(&requests);
    if (may) {
        bench_requests_begin(&requests, data);
    }
    pthread_mutex_unlock(&turn);
    return may;
}

static void *call_again_and_again(void *connection)
{
    char *data = bench_alloc(1, options.size);
    while (begin_one(data)) {
        natsMsg *reply;
        must(natsConnection_Request(&reply, connection, "work", data, (int)options.size,
                                    RUN_S * 1000));
        pthread_mutex_lock(&turn);
        bench_requests_end(&requests, natsMsg_GetData(reply),
                           (size_t)natsMsg_GetDataLength(reply));
        pthread_mutex_unlock(&turn);
        natsMsg_Destroy(reply);
    }
    free(data);
    return NULL;
}

static void run_waiting_client(natsConnection *connection)
{
    pthread_t *threads = bench_alloc((size_t)options.window, sizeof *threads);
    bench_requests_start(&requests);
    for (long i = 0; i < options.window; i++) {
        if (pthread_create(&threads[i], NULL, call_again_and_again, connection) != 0) {
            bench_give_up("no thread");
        }
    }
    for (long i = 0; i < options.window; i++) {
        pthread_join(threads[i], NULL);
    }
    peer_print(&requests, "nats", &options);
    free(threads);
}

/* ---- a client that does not wait ---- */

static void begin_those_that_may(natsConnection *connection)
{
    while (bench_requests_may_begin(&requests)) {
        bench_requests_begin(&requests, payload);
        must(natsConnection_PublishRequest(connection, "work", inbox, payload,
                                           (int)options.size));
    }
}

static void take_reply(natsConnection *connection, natsSubscription *subscription,
                       natsMsg *message, void *arg)
{
    (void)subscription;
    (void)arg;
    pthread_mutex_lock(&turn);
    bench_requests_end(&requests, natsMsg_GetData(message),
                       (size_t)natsMsg_GetDataLength(message));
    natsMsg_Destroy(message);
    begin_those_that_may(connection);
    if (!bench_requests_go_on(&requests)) {
        pthread_cond_signal(&all_ended);
    }
    pthread_mutex_unlock(&turn);
}

static void run_client(natsConnection *connection)
{
    natsSubscription *subscription;
    must(natsInbox_Create(&inbox));
    must(natsConnection_Subscribe(&subscription, connection, inbox, take_reply, NULL));
    must(natsSubscription_SetPendingLimits(subscription, -1, -1));
    must(natsConnection_Flush(connection));
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += RUN_S;
    pthread_mutex_lock(&turn);
    bench_requests_start(&requests);
    begin_those_that_may(connection);
    while (bench_requests_go_on(&requests)) {
        if (pthread_cond_timedwait(&all_ended, &turn, &until) == ETIMEDOUT) {
            bench_give_up("%ld requests have not ended", requests.n - requests.n_ended);
        }
    }
    peer_print(&requests, "nats", &options);
    pthread_mutex_unlock(&turn);
}

int main(int argc, char **argv)
{
    static const char *const modes[] = {"request", "pipelined", NULL};
    static const char *const transports[] = {"tcp", NULL};
    options = peer_options(argc, argv, modes, transports);
    peer_requests_init(&requests, &options);
    payload = bench_alloc(1, options.size);
    int port = free_port();
    char url[64];
    snprintf(url, sizeof url, "nats://127.0.0.1:%d", port);
    requests.helper = start_server(port);
    for (long i = 0; i < options.workers; i++) {
        start_worker(url);
    }
    natsConnection *connection = connect_to(url);
    if (peer_mode_is(&options, "request")) {
        run_waiting_client(connection);
    } else {
        run_client(connection);
    }
    stop_server(requests.helper);
    /* The library's threads still run; what they use ends with the process. */
    _exit(0);
}
