/* bench/flood_bench.c - what one peer that floods a node does to the others
 *
 * A node with one capability whose workers reply with what they got, N clients that ask one
 * thing after another over tcp, and a process beside it that sends as much as goes through one
 * connection, of one kind: requests, garbage, tiny frames, bundles, large requests; or that
 * connects as often as it can. Rounds go around the kinds, so that a machine that is slower for
 * a while is so for all. Prints one line of key=value pairs for each kind: medians of the
 * rounds, and their ratio to those without a flood.
 *
 * Clients speak ZMTP and TRP/1 over sockets of their own, so that what is measured is the node.
 *
 *     flood_bench --clients 8 --rounds 3 --ms 1000
 */

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/kit.h"

#define MOST_CLIENTS   64
#define MOST_ROUNDS    100
#define MOST_ANSWERS   1000000
#define PATIENCE_S     10
#define FLAG_MORE      0x01
#define FLAG_LONG      0x02
#define FLAG_COMMAND   0x04
#define GREETING_BYTES 64
#define BUNDLE_BYTES   65000
#define LARGE_BYTES    ((size_t)1 << 20)
#define FLOOD_MESSAGES 1000

typedef enum kind { NONE, REQUESTS, GARBAGE, TINY, BUNDLES, LARGE, CONNECTS, N_KINDS } kind_t;

static const char *const kind_names[N_KINDS] = {"none",    "requests", "garbage", "tiny",
                                                "bundles", "large",    "connects"};

typedef struct bench {
    long clients;
    long rounds;
    long ms;
    unsigned port;
} bench_t;

/* ---- ZMTP 3.0, as much of it as it takes ---- */

static bool send_all(int stream, const void *bytes, size_t size)
{
    const char *next = bytes;
    while (size > 0) {
        ssize_t n = send(stream, next, size, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        next += n;
        size -= (size_t)n;
    }
    return true;
}

static bool read_all(int stream, void *bytes, size_t size)
{
    return recv(stream, bytes, size, MSG_WAITALL) == (ssize_t)size;
}

/* A connection that has greeted, or -1. */
static int dial(unsigned port)
{
    static const char ready[] = "\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06"
                                "DEALER";
    char greeting[GREETING_BYTES] = "\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL";
    char theirs[GREETING_BYTES];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unsigned char head[2];
    char rest[UINT8_MAX];
    if (stream < 0 ||
        setsockopt(stream, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        setsockopt(stream, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) != 0 ||
        connect(stream, (struct sockaddr *)&address, sizeof address) != 0 ||
        !send_all(stream, greeting, sizeof greeting) ||
        !read_all(stream, theirs, sizeof theirs) ||
        !send_all(stream, ready, sizeof ready - 1) || !read_all(stream, head, sizeof head) ||
        !read_all(stream, rest, head[1])) {
        if (stream >= 0) {
            close(stream);
        }
        return -1;
    }
    return stream;
}

/* What is to be sent, as bytes. */
typedef struct tape {
    char *bytes;
    size_t size;
    size_t room;
} tape_t;

static void add(tape_t *tape, const void *bytes, size_t size)
{
    if (tape->size + size > tape->room) {
        tape->room = (tape->size + size) * 2;
        tape->bytes = realloc(tape->bytes, tape->room);
        if (!tape->bytes) {
            bench_give_up("out of memory");
        }
    }
    memcpy(tape->bytes + tape->size, bytes, size);
    tape->size += size;
}

static void add_number(tape_t *tape, uint64_t number, int n_bytes)
{
    while (n_bytes-- > 0) {
        unsigned char byte = (unsigned char)(number >> (8 * n_bytes));
        add(tape, &byte, 1);
    }
}

static void add_frame(tape_t *tape, const void *bytes, size_t size, bool more)
{
    unsigned char flags =
        (unsigned char)((more ? FLAG_MORE : 0) | (size > UINT8_MAX ? FLAG_LONG : 0));
    add(tape, &flags, 1);
    add_number(tape, size, size > UINT8_MAX ? 8 : 1);
    add(tape, bytes, size);
}

/* ["TRP1", "request", id, {"capability": "mirror"}] */
static tape_t request_head(uint32_t id)
{
    tape_t head = {0};
    add(&head, "\x94\xa4TRP1\xa7request\xce", 15);
    add_number(&head, id, 4);
    add(&head, "\x81\xaa", 2);
    add(&head, "capability\xa6mirror", 17);
    return head;
}

static void add_request(tape_t *tape, uint32_t id, const void *bytes, size_t size)
{
    tape_t head = request_head(id);
    add_frame(tape, head.bytes, head.size, true);
    add_frame(tape, bytes, size, false);
    free(head.bytes);
}

/* ---- the clients ---- */

typedef struct client {
    pthread_t thread;
    const bench_t *bench;
    atomic_bool *is_over;
    int64_t *took_ns;
    size_t n;
} client_t;

/* The next frame, without its bytes. False: the connection has ended. */
static bool skip_frame(int stream, unsigned char *flags)
{
    unsigned char head[9];
    char bytes[4096];
    if (!read_all(stream, head, 2) ||
        ((head[0] & FLAG_LONG) && !read_all(stream, head + 2, 7))) {
        return false;
    }
    uint64_t size = 0;
    for (int i = 1; i < (head[0] & FLAG_LONG ? 9 : 2); i++) {
        size = size << 8 | head[i];
    }
    *flags = head[0];
    while (size > 0) {
        size_t n = size < sizeof bytes ? (size_t)size : sizeof bytes;
        if (!read_all(stream, bytes, n)) {
            return false;
        }
        size -= n;
    }
    return true;
}

/* An answer has two frames; what has one is a word of the node's own. */
static bool take_answer(int stream)
{
    unsigned char flags;
    do {
        if (!skip_frame(stream, &flags)) {
            return false;
        }
    } while (!(flags & FLAG_MORE));
    return skip_frame(stream, &flags);
}

static void *ask_on_and_on(void *arg)
{
    client_t *self = arg;
    tape_t request = {0};
    add_request(&request, 1, "hello", 5);
    int stream = dial(self->bench->port);
    while (!atomic_load(self->is_over) && self->n < MOST_ANSWERS) {
        int64_t begin_ns = bench_now_ns();
        if (stream < 0 || !send_all(stream, request.bytes, request.size) ||
            !take_answer(stream)) {
            bench_give_up("a client was not served: %s", strerror(errno));
        }
        self->took_ns[self->n++] = bench_now_ns() - begin_ns;
    }
    close(stream);
    free(request.bytes);
    return NULL;
}

/* ---- who floods ---- */

static void add_bundle(tape_t *tape)
{
    tape_t body = {0};
    for (uint32_t id = 1; body.size < BUNDLE_BYTES; id++) {
        tape_t head = request_head(id);
        add(&body, "\xc4", 1);
        add_number(&body, head.size, 1);
        add(&body, head.bytes, head.size);
        add(&body, "\x91\xc4\x01x", 4);
        free(head.bytes);
    }
    add_frame(tape,
              "\x94\xa4TRP1\xa6"
              "bundle\x00\x80",
              15, true);
    add_frame(tape, body.bytes, body.size, false);
    free(body.bytes);
}

static tape_t tape_of(kind_t kind)
{
    static char large[LARGE_BYTES];
    char bytes[64];
    tape_t tape = {0};
    bench_random_t chance = {1};
    for (uint32_t i = 1; i <= FLOOD_MESSAGES; i++) {
        for (size_t n = 0; n < sizeof bytes; n++) {
            bytes[n] = (char)bench_random_bits(&chance);
        }
        if (kind == REQUESTS) {
            add_request(&tape, i, "x", 1);
        } else if (kind == GARBAGE) {
            add_frame(&tape, bytes, sizeof bytes, false);
        } else if (kind == TINY) {
            add_frame(&tape, "x", 1, false);
        } else if (kind == BUNDLES && i == 1) {
            add_bundle(&tape);
        } else if (kind == LARGE && i <= 4) {
            add_request(&tape, i, large, sizeof large);
        }
    }
    return tape;
}

/* Without a trace, or this host would soon have no port left to connect from. */
static void connect_on_and_on(const bench_t *bench)
{
    static const struct linger abrupt = {.l_onoff = 1};
    for (;;) {
        int stream = dial(bench->port);
        if (stream >= 0) {
            setsockopt(stream, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
            close(stream);
        }
    }
}

/* Send what goes, and drop what comes; until it is cut off. */
static void send_until_cut(int stream, const tape_t *tape)
{
    static char dropped[1 << 16];
    size_t at = 0;
    for (;;) {
        struct pollfd poller = {.fd = stream, .events = POLLIN | POLLOUT};
        poll(&poller, 1, -1);
        if (poller.revents & POLLIN && recv(stream, dropped, sizeof dropped, 0) <= 0) {
            return;
        }
        if (poller.revents & POLLOUT) {
            ssize_t n =
                send(stream, tape->bytes + at, tape->size - at, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n < 0 && errno != EAGAIN) {
                return;
            }
            at = (at + (n > 0 ? (size_t)n : 0)) % tape->size;
        }
    }
}

static pid_t begin_flood(const bench_t *bench, kind_t kind)
{
    pid_t flooder = kind == NONE ? 0 : fork();
    if (flooder < 0) {
        bench_give_up("no process to be had");
    }
    if (flooder > 0 || kind == NONE) {
        return flooder;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a bench that gives up leaves no flood behind */
    if (kind == CONNECTS) {
        connect_on_and_on(bench);
    }
    tape_t tape = tape_of(kind);
    for (;;) {
        int stream = dial(bench->port);
        if (stream >= 0) {
            send_until_cut(stream, &tape);
            close(stream);
        }
    }
}

/* ---- rounds ---- */

typedef struct figures {
    int64_t n[MOST_ROUNDS];
    int64_t p50_ns[MOST_ROUNDS];
    int64_t p99_ns[MOST_ROUNDS];
} figures_t;

static void run(const bench_t *bench, kind_t kind, long round, figures_t *figures)
{
    atomic_bool is_over = false;
    client_t *clients = bench_alloc(MOST_CLIENTS, sizeof *clients);
    pid_t flooder = begin_flood(bench, kind);
    for (long i = 0; i < bench->clients; i++) {
        clients[i] = (client_t){.bench = bench, .is_over = &is_over};
        clients[i].took_ns = bench_alloc(MOST_ANSWERS, sizeof *clients[i].took_ns);
        pthread_create(&clients[i].thread, NULL, ask_on_and_on, &clients[i]);
    }
    bench_sleep_until_ns(bench_now_ns() + bench->ms * BENCH_NS_PER_MS);
    atomic_store(&is_over, true);
    size_t n = 0;
    for (long i = 0; i < bench->clients; i++) {
        pthread_join(clients[i].thread, NULL);
        n += clients[i].n;
    }
    if (flooder > 0) {
        kill(flooder, SIGKILL);
        waitpid(flooder, NULL, 0);
    }
    int64_t *took_ns = bench_alloc(n + 1, sizeof *took_ns);
    size_t at = 0;
    for (long i = 0; i < bench->clients; i++) {
        memcpy(took_ns + at, clients[i].took_ns, clients[i].n * sizeof *took_ns);
        at += clients[i].n;
        free(clients[i].took_ns);
    }
    bench_sort(took_ns, n);
    figures->n[round] = (int64_t)n;
    figures->p50_ns[round] = bench_quantile(took_ns, n, 0.5);
    figures->p99_ns[round] = bench_quantile(took_ns, n, 0.99);
    free(took_ns);
    free(clients);
}

static int64_t median(int64_t *values, size_t n)
{
    bench_sort(values, n);
    return bench_quantile(values, n, 0.5);
}

static void report(const bench_t *bench, figures_t *all)
{
    double calm_us[2] = {0};
    for (kind_t kind = NONE; kind < N_KINDS; kind++) {
        size_t n = (size_t)bench->rounds;
        double p50_us = (double)median(all[kind].p50_ns, n) / 1e3;
        double p99_us = (double)median(all[kind].p99_ns, n) / 1e3;
        if (kind == NONE) {
            calm_us[0] = p50_us;
            calm_us[1] = p99_us;
        }
        printf("flood=%s clients=%ld rps=%.0f p50_us=%.1f p99_us=%.1f p50_ratio=%.2f "
               "p99_ratio=%.2f\n",
               kind_names[kind], bench->clients,
               (double)median(all[kind].n, n) * 1e3 / (double)bench->ms, p50_us, p99_us,
               p50_us / calm_us[0], p99_us / calm_us[1]);
    }
}

static void parse(bench_t *bench, int argc, char **argv)
{
    static const struct option options[] = {
        {"clients", required_argument, NULL, 'n'},
        {"rounds", required_argument, NULL, 'r'},
        {"ms", required_argument, NULL, 'm'},
        {"quiet", no_argument, NULL, 'q'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'n':
            bench->clients = bench_whole("clients", optarg, 1, MOST_CLIENTS);
            break;
        case 'r':
            bench->rounds = bench_whole("rounds", optarg, 1, MOST_ROUNDS);
            break;
        case 'm':
            bench->ms = bench_whole("ms", optarg, 1, 60000);
            break;
        case 'q':
            bench_log_level("off");
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    bench_t bench = {.clients = 8, .rounds = 3, .ms = 1000};
    parse(&bench, argc, argv);
    bench_log_level("error");
    char endpoint[128];
    bench_endpoint("tcp", endpoint, sizeof endpoint);
    bench.port = (unsigned)bench_whole("port", strrchr(endpoint, ':') + 1, 1, UINT16_MAX);
    troupe_node_t *node = bench_tree_start(
        endpoint, &bench_mirror,
        "{capability: mirror, worker: {module: mirror}, workers: {min: 2, max: 2, "
        "concurrency: 64}, queue: {limit: 10000}}");
    figures_t *all = bench_alloc(N_KINDS, sizeof *all);
    for (long round = 0; round < bench.rounds; round++) {
        for (kind_t kind = NONE; kind < N_KINDS; kind++) {
            run(&bench, kind, round, &all[kind]);
        }
    }
    report(&bench, all);
    free(all);
    troupe_node_stop(node);
    troupe_node_destroy(&node);
    return 0;
}
