/* bench/crowd_bench.c - requests per second against how many capabilities, and how many clients
 *
 * A node of M capabilities with one worker each, which replies with what it got, and N clients
 * on a few threads, in the process or over ipc or tcp. However many there are, the requests
 * outstanding are W in all: each that ends makes room for one of the next client to the next
 * capability, in turn. Prints one line of key=value pairs a run, of which connects_per_s is how
 * fast the clients came, a thread's one after another. It checks as it measures: every request
 * must end `ok`, once, at the client that made it, with its own bytes.
 *
 *     crowd_bench --transport tcp --capabilities 1 --clients 2000 --window 64
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/kit.h"

#define MOST_CAPABILITIES 100
#define MOST_CLIENTS      2000
#define MOST_THREADS      16
#define PATIENCE_MS       60000
#define EVENTS_AT_A_TIME  64
#define PAYLOAD_BYTES     64

/* Its own, and that of its connection at either end. */
#define DESCRIPTORS_PER_CLIENT 7
#define MORE_DESCRIPTORS       2048

typedef struct bench {
    const char *transport;
    char endpoint[128];
    long capabilities;
    long clients;
    long threads;
    long window;
    long requests;
    troupe_node_t *node;
} bench_t;

/* One of the two. */
typedef struct guest {
    troupe_caller_t *caller;
    troupe_client_t *client;
    bool must_look; /* its descriptor says nothing before it has been asked for replies */
} guest_t;

/* Where an outstanding request is noted. */
typedef struct place {
    bool is_taken;
    size_t guest;
    uint64_t id;
    uint64_t serial;
    int64_t begin_ns;
} place_t;

/* What is in a request, and comes back. */
typedef struct stamp {
    uint64_t place;
    uint64_t serial;
    char filling[PAYLOAD_BYTES - 2 * sizeof(uint64_t)];
} stamp_t;

/* A thread with its share of all. */
typedef struct party {
    const bench_t *bench;
    pthread_t thread;
    pthread_barrier_t *begin;
    guest_t *guests;
    size_t n_guests;
    size_t next_guest;
    size_t next_capability;
    place_t *places;
    size_t n_places;
    size_t n_requests;
    size_t n_started;
    size_t n_done;
    size_t *to_look; /* guests */
    size_t n_to_look;
    int events;
    int64_t *took_ns;
} party_t;

/* ---- the node ---- */

static void name_capability(size_t number, char *name, size_t size)
{
    snprintf(name, size, "mirror-%zu", number);
}

static void start_node(bench_t *bench)
{
    char *children;
    size_t size;
    FILE *text = open_memstream(&children, &size);
    if (!text) {
        bench_give_up("out of memory");
    }
    /* Enough for the worker to have its share of the window at hand. */
    long concurrency = (bench->window + bench->capabilities - 1) / bench->capabilities;
    for (long i = 0; i < bench->capabilities; i++) {
        char name[32];
        name_capability((size_t)i, name, sizeof name);
        fprintf(text,
                "%s{capability: %s, worker: {module: mirror}, queue: {limit: 100000}, "
                "workers: {min: 1, max: 1, concurrency: %ld}}",
                i > 0 ? ", " : "", name, concurrency);
    }
    fclose(text);
    bench_endpoint(bench->transport, bench->endpoint, sizeof bench->endpoint);
    bench->node = bench_tree_start(bench->endpoint, &bench_mirror, children);
    free(children);
}

/* ---- guests ---- */

static int descriptor_of(guest_t *guest)
{
    return guest->client ? troupe_client_fd(guest->client) : troupe_caller_fd(guest->caller);
}

static void welcome(party_t *party, size_t index)
{
    guest_t *guest = &party->guests[index];
    if (party->bench->endpoint[0]) {
        guest->client = bench_client_new(party->bench->endpoint);
        if (troupe_client_connect(guest->client, PATIENCE_MS) != TROUPE_OK) {
            bench_give_up("client %zu gets no answer", index + 1);
        }
    } else if (!(guest->caller = troupe_caller_new(party->bench->node))) {
        bench_give_up("out of memory");
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = index};
    if (epoll_ctl(party->events, EPOLL_CTL_ADD, descriptor_of(guest), &event) != 0) {
        bench_give_up("cannot wait for a client: %s", strerror(errno));
    }
}

static void see_off(guest_t *guest)
{
    size_t n_open = guest->client ? troupe_client_n_open(guest->client)
                                  : troupe_caller_n_open(guest->caller);
    if (n_open != 0) {
        bench_give_up("%zu calls have not ended", n_open);
    }
    troupe_client_destroy(&guest->client);
    troupe_caller_destroy(&guest->caller);
}

static void note_to_look(party_t *party, size_t index)
{
    if (!party->guests[index].must_look) {
        party->guests[index].must_look = true;
        party->to_look[party->n_to_look++] = index;
    }
}

/* ---- calls ---- */

static void start_one(party_t *party, size_t index)
{
    place_t *place = &party->places[index];
    size_t number = party->next_guest++ % party->n_guests;
    guest_t *guest = &party->guests[number];
    char capability[32];
    name_capability(party->next_capability++ % (size_t)party->bench->capabilities, capability,
                    sizeof capability);
    *place = (place_t){.is_taken = true,
                       .guest = number,
                       .serial = ++party->n_started,
                       .begin_ns = bench_now_ns()};
    const stamp_t stamp = {.place = index, .serial = place->serial};
    const troupe_call_options_t options = {.timeout_ms = PATIENCE_MS};
    troupe_message_t *message = troupe_message_from(&stamp, sizeof stamp);
    troupe_status_t status = TROUPE_ERR_NOMEM;
    if (message) {
        status = guest->client ? troupe_client_start(guest->client, capability, &options,
                                                     &message, &place->id)
                               : troupe_caller_start(guest->caller, capability, &options,
                                                     &message, &place->id);
    }
    if (status != TROUPE_OK) {
        bench_give_up("a call did not start: %s", troupe_status_text(status));
    }
    note_to_look(party, number);
}

/* The place whose call that is the end of; it is free then. */
static size_t finish_one(party_t *party, size_t guest, const troupe_reply_t *reply)
{
    if (!troupe_reply_is_final(reply) || troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
        bench_give_up("a request ended %s, not ok: %s",
                      troupe_outcome_name(troupe_reply_outcome(reply)),
                      troupe_reply_text(reply));
    }
    stamp_t stamp = {0};
    if (troupe_message_size(troupe_reply_message(reply), 0) == sizeof stamp) {
        memcpy(&stamp, troupe_message_data(troupe_reply_message(reply), 0), sizeof stamp);
    }
    place_t *place = stamp.place < party->n_places ? &party->places[stamp.place] : NULL;
    if (!place || !place->is_taken || place->serial != stamp.serial || place->guest != guest ||
        place->id != troupe_reply_id(reply)) {
        bench_give_up("a reply came that nobody waits for, or to somebody else");
    }
    place->is_taken = false;
    party->took_ns[party->n_done++] = bench_now_ns() - place->begin_ns;
    return (size_t)stamp.place;
}

static troupe_reply_t *next_reply(guest_t *guest)
{
    troupe_reply_t *reply = NULL;
    troupe_status_t status = guest->client ? troupe_client_next(guest->client, 0, &reply)
                                           : troupe_caller_next(guest->caller, 0, &reply);
    if (status != TROUPE_OK && status != TROUPE_TIMEOUT && status != TROUPE_NOT_FOUND) {
        bench_give_up("nothing more will come: %s", troupe_status_text(status));
    }
    return reply;
}

static void look_at(party_t *party, size_t index)
{
    guest_t *guest = &party->guests[index];
    troupe_reply_t *reply;
    guest->must_look = false;
    while ((reply = next_reply(guest)) != NULL) {
        size_t place = finish_one(party, index, reply);
        troupe_reply_destroy(&reply);
        if (party->n_started < party->n_requests) {
            start_one(party, place);
        }
    }
}

static void look_at_all(party_t *party)
{
    while (party->n_to_look > 0) {
        look_at(party, party->to_look[--party->n_to_look]);
    }
}

static void wait_for_guests(party_t *party)
{
    struct epoll_event events[EVENTS_AT_A_TIME];
    int n = epoll_wait(party->events, events, EVENTS_AT_A_TIME, PATIENCE_MS);
    if (n == 0) {
        bench_give_up("nothing came for a minute");
    }
    for (int i = 0; i < n; i++) {
        note_to_look(party, events[i].data.u64);
    }
}

static void *celebrate(void *arg)
{
    party_t *party = arg;
    for (size_t i = 0; i < party->n_guests; i++) {
        welcome(party, i);
    }
    pthread_barrier_wait(party->begin);
    for (size_t i = 0; i < party->n_places && party->n_started < party->n_requests; i++) {
        start_one(party, i);
    }
    for (look_at_all(party); party->n_done < party->n_requests; look_at_all(party)) {
        wait_for_guests(party);
    }
    pthread_barrier_wait(party->begin); /* the measured time ends here */
    for (size_t i = 0; i < party->n_guests; i++) {
        see_off(&party->guests[i]);
    }
    return NULL;
}

/* ---- all of them ---- */

static size_t share_of(long all, long n, long index)
{
    return (size_t)(all / n + (index < all % n));
}

static void make_party(const bench_t *bench, party_t *party, long index, int64_t *took_ns,
                       pthread_barrier_t *begin)
{
    *party = (party_t){
        .bench = bench,
        .begin = begin,
        .n_guests = share_of(bench->clients, bench->threads, index),
        .n_places = share_of(bench->window, bench->threads, index),
        .n_requests = share_of(bench->requests, bench->threads, index),
        .next_capability = (size_t)(index * bench->capabilities / bench->threads),
        .events = epoll_create1(EPOLL_CLOEXEC),
        .took_ns = took_ns,
    };
    party->guests = bench_alloc(party->n_guests, sizeof *party->guests);
    party->to_look = bench_alloc(party->n_guests, sizeof *party->to_look);
    party->places = bench_alloc(party->n_places, sizeof *party->places);
    if (party->events < 0 || pthread_create(&party->thread, NULL, celebrate, party) != 0) {
        bench_give_up("no thread to be had: %s", strerror(errno));
    }
}

static void end_party(party_t *party)
{
    pthread_join(party->thread, NULL);
    close(party->events);
    free(party->guests);
    free(party->to_look);
    free(party->places);
}

static void run(bench_t *bench)
{
    size_t n = (size_t)bench->requests;
    int64_t *took_ns = bench_alloc(n, sizeof *took_ns);
    party_t parties[MOST_THREADS];
    pthread_barrier_t begin;
    pthread_barrier_init(&begin, NULL, (unsigned)bench->threads + 1);
    size_t n_before = 0;
    int64_t invited_ns = bench_now_ns();
    for (long i = 0; i < bench->threads; i++) {
        make_party(bench, &parties[i], i, took_ns + n_before, &begin);
        n_before += parties[i].n_requests;
    }
    pthread_barrier_wait(&begin);
    double cpu_before_s = bench_cpu_s();
    int64_t begin_ns = bench_now_ns();
    pthread_barrier_wait(&begin);
    double seconds = (double)(bench_now_ns() - begin_ns) / 1e9;
    double cpu_s = bench_cpu_s() - cpu_before_s;
    for (long i = 0; i < bench->threads; i++) {
        end_party(&parties[i]);
    }
    pthread_barrier_destroy(&begin);
    bench_sort(took_ns, n);
    printf("name=crowd transport=%s capabilities=%ld clients=%ld threads=%ld window=%ld "
           "requests=%ld rps=%.0f p50_us=%.1f p99_us=%.1f cpu_s=%.2f connects_per_s=%.0f\n",
           bench->transport, bench->capabilities, bench->clients, bench->threads, bench->window,
           bench->requests, (double)n / seconds, (double)bench_quantile(took_ns, n, 0.5) / 1e3,
           (double)bench_quantile(took_ns, n, 0.99) / 1e3, cpu_s,
           (double)bench->clients * 1e9 / (double)(begin_ns - invited_ns));
    free(took_ns);
}

static void parse(bench_t *bench, int argc, char **argv)
{
    static const struct option options[] = {
        {"transport", required_argument, NULL, 't'},
        {"capabilities", required_argument, NULL, 'm'},
        {"clients", required_argument, NULL, 'n'},
        {"threads", required_argument, NULL, 'j'},
        {"window", required_argument, NULL, 'w'},
        {"requests", required_argument, NULL, 'r'},
        {"quiet", no_argument, NULL, 'q'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 't':
            bench->transport = bench_transport("transport", optarg);
            break;
        case 'm':
            bench->capabilities = bench_whole("capabilities", optarg, 1, MOST_CAPABILITIES);
            break;
        case 'n':
            bench->clients = bench_whole("clients", optarg, 1, MOST_CLIENTS);
            break;
        case 'j':
            bench->threads = bench_whole("threads", optarg, 1, MOST_THREADS);
            break;
        case 'w':
            bench->window = bench_whole("window", optarg, 1, 100000);
            break;
        case 'r':
            bench->requests = bench_whole("requests", optarg, 1, 100000000);
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
    bench_t bench = {.transport = "inproc",
                     .capabilities = 1,
                     .clients = 1,
                     .threads = 1,
                     .window = 64,
                     .requests = 100000};
    parse(&bench, argc, argv);
    if (bench.threads > bench.clients || bench.threads > bench.window) {
        bench_misused("threads", "more", "at most the clients, and at most the window");
    }
    bench_provide_descriptors((size_t)bench.clients * DESCRIPTORS_PER_CLIENT +
                              MORE_DESCRIPTORS);
    start_node(&bench);
    run(&bench);
    troupe_node_stop(bench.node);
    troupe_node_destroy(&bench.node);
    return 0;
}
