/* bench/flood_bench.c - what one peer that floods a node does to the others
 *
 * A node with one capability whose workers reply with what they got, N clients that ask one
 * thing after another over tcp, and a process beside it that sends as much as goes through one
 * connection, of one kind: requests, garbage, tiny frames, bundles, large requests; or that
 * connects as often as it can. Rounds go around the kinds, so that a machine that is slower for
 * a while is so for all. Each flood is also sent elsewhere, to a node that is a process of its
 * own: what the clients feel of that one is what it takes of the processors. Prints one line of
 * key=value pairs for each kind: medians of the rounds, the least p99 of them, and the ratios
 * to those without a flood, and with one elsewhere.
 *
 * Clients speak ZMTP and TRP/1 over sockets of their own, so that what is measured is the node.
 *
 *     flood_bench --clients 8 --rounds 3 --ms 1000 --limits 'socket-buffer: 32KiB'
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

/* Which node is flooded. */
typedef enum place { HERE, ELSEWHERE, N_PLACES } place_t;

typedef struct bench {
    long clients;
    long rounds;
    long ms;
    unsigned port[N_PLACES];
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
    int stream = dial(self->bench->port[HERE]);
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
static void connect_on_and_on(unsigned port)
{
    static const struct linger abrupt = {.l_onoff = 1};
    for (;;) {
        int stream = dial(port);
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

static pid_t begin_flood(unsigned port, kind_t kind)
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
        connect_on_and_on(port);
    }
    tape_t tape = tape_of(kind);
    for (;;) {
        int stream = dial(port);
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

static void run(const bench_t *bench, kind_t kind, place_t place, long round,
                figures_t *figures)
{
    atomic_bool is_over = false;
    client_t *clients = bench_alloc(MOST_CLIENTS, sizeof *clients);
    pid_t flooder = begin_flood(bench->port[place], kind);
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

/* Of the rounds: in the middle, and the least, which is the round that other processes of the
 * machine disturbed least. */
typedef struct summary {
    double rps;
    double p50_us;
    double p99_us;
    double least_p99_us;
} summary_t;

static summary_t sum_up(const bench_t *bench, figures_t *figures)
{
    size_t n = (size_t)bench->rounds;
    return (summary_t){
        .rps = (double)median(figures->n, n) * 1e3 / (double)bench->ms,
        .p50_us = (double)median(figures->p50_ns, n) / 1e3,
        .p99_us = (double)median(figures->p99_ns, n) / 1e3,
        .least_p99_us = (double)figures->p99_ns[0] / 1e3, /* they are sorted by now */
    };
}

static void report(const bench_t *bench, figures_t all[N_KINDS][N_PLACES])
{
    summary_t calm = sum_up(bench, &all[NONE][HERE]);
    for (kind_t kind = NONE; kind < N_KINDS; kind++) {
        summary_t here = sum_up(bench, &all[kind][HERE]);
        summary_t elsewhere = kind == NONE ? calm : sum_up(bench, &all[kind][ELSEWHERE]);
        printf("flood=%s clients=%ld rps=%.0f p50_us=%.1f p99_us=%.1f p50_ratio=%.2f "
               "p99_ratio=%.2f least_p99_us=%.1f least_p99_ratio=%.2f elsewhere_rps=%.0f "
               "elsewhere_p50_us=%.1f elsewhere_p99_us=%.1f elsewhere_least_p99_us=%.1f "
               "p50_over_elsewhere=%.2f p99_over_elsewhere=%.2f "
               "least_p99_over_elsewhere=%.2f\n",
               kind_names[kind], bench->clients, here.rps, here.p50_us, here.p99_us,
               here.p50_us / calm.p50_us, here.p99_us / calm.p99_us, here.least_p99_us,
               here.least_p99_us / calm.least_p99_us, elsewhere.rps, elsewhere.p50_us,
               elsewhere.p99_us, elsewhere.least_p99_us, here.p50_us / elsewhere.p50_us,
               here.p99_us / elsewhere.p99_us, here.least_p99_us / elsewhere.least_p99_us);
    }
}

static void parse(bench_t *bench, int argc, char **argv)
{
    static const struct option options[] = {
        {"clients", required_argument, NULL, 'n'}, {"rounds", required_argument, NULL, 'r'},
        {"ms", required_argument, NULL, 'm'},      {"limits", required_argument, NULL, 'l'},
        {"quiet", no_argument, NULL, 'q'},         {NULL, 0, NULL, 0},
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
        case 'l':
            bench_peer_limits(optarg);
            break;
        case 'q':
            bench_log_level("off");
            break;
        default:
            exit(2);
        }
    }
}

static troupe_node_t *start_node(unsigned *port)
{
    char endpoint[128];
    bench_endpoint("tcp", endpoint, sizeof endpoint);
    *port = (unsigned)bench_whole("port", strrchr(endpoint, ':') + 1, 1, UINT16_MAX);
    return bench_tree_start(
        endpoint, &bench_mirror,
        "{capability: mirror, worker: {module: mirror}, workers: {min: 2, max: 2, "
        "concurrency: 64}, queue: {limit: 10000}}");
}

/* The same node again in a process of its own: what a flood of that one does to the clients of
 * this one is what it takes of the processors. */
static pid_t start_other_node(unsigned *port)
{
    int told[2];
    pid_t other = pipe(told) == 0 ? fork() : -1;
    if (other < 0) {
        bench_give_up("no process to be had");
    }
    if (other == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)start_node(port);
        ssize_t n = write(told[1], port, sizeof *port);
        while (n > 0) {
            pause();
        }
        _exit(1);
    }
    close(told[1]);
    if (read(told[0], port, sizeof *port) != sizeof *port) {
        bench_give_up("the other node did not start");
    }
    close(told[0]);
    return other;
}

int main(int argc, char **argv)
{
    bench_t bench = {.clients = 8, .rounds = 3, .ms = 1000};
    parse(&bench, argc, argv);
    bench_log_level("error");
    pid_t other = start_other_node(&bench.port[ELSEWHERE]);
    troupe_node_t *node = start_node(&bench.port[HERE]);
    figures_t(*all)[N_PLACES] = bench_alloc(N_KINDS, sizeof *all);
    for (long round = 0; round < bench.rounds; round++) {
        for (kind_t kind = NONE; kind < N_KINDS; kind++) {
            run(&bench, kind, HERE, round, &all[kind][HERE]);
            if (kind != NONE) {
                run(&bench, kind, ELSEWHERE, round, &all[kind][ELSEWHERE]);
            }
        }
    }
    report(&bench, all);
    free(all);
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    troupe_node_stop(node);
    troupe_node_destroy(&node);
    return 0;
}
