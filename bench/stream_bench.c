/* bench/stream_bench.c - how fast a stream is, and what a slow reader costs in memory
 *
 * One worker streams COUNT parts of SIZE bytes, each in memory of its own, to one reader, which
 * takes them as they come or spends a while on each. It checks that every part comes, in order,
 * with its own bytes. Prints one line of key=value pairs: the speed, how far the writer was
 * ahead of the reader at most, and by how much the process grew at most, looked at with every
 * part. The reader is part of that process: what lies on its side counts too.
 *
 *     stream_bench --transport tcp --parts 10000 --size 65536 --delay-us 100
 */

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/kit.h"

#define TIMEOUT_MS (10 * 60 * 1000)

typedef struct bench {
    const char *transport;
    long parts;
    size_t size;
    int64_t delay_ns;
    uint64_t credit; /* parts; 0: the default */
    bench_node_t node;
    int statm;
} bench_t;

/* What the worker is asked for. */
typedef struct order {
    int64_t n_parts;
    uint64_t size;
} order_t;

/* How many parts the worker has been rid of: for the reader to see, in the same process. */
static _Atomic(int64_t) n_sent;

/* ---- the worker ---- */

static void free_part(void *data, void *hint)
{
    (void)hint;
    free(data);
}

/* Filled, so that it is there; it begins with its number. */
static troupe_message_t *make_part(int64_t number, size_t size)
{
    troupe_message_t *part = troupe_message_new();
    char *data = malloc(size);
    if (part && data) {
        memset(data, (int)(number & 0xff), size);
        memcpy(data, &number, sizeof number);
        if (troupe_message_add_owned(part, data, size, free_part, NULL) == TROUPE_OK) {
            return part;
        }
    }
    free(data);
    troupe_message_destroy(&part);
    return NULL;
}

static int stream_parts(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)state;
    order_t order;
    if (troupe_request_size(request) != sizeof order) {
        troupe_request_refuse(request, TROUPE_OUTCOME_BAD_REQUEST, "not an order");
        return 0;
    }
    memcpy(&order, troupe_request_data(request), sizeof order);
    for (int64_t i = 0; i < order.n_parts; i++) {
        troupe_message_t *part = make_part(i, order.size);
        if (!part || troupe_request_part(request, &part) != TROUPE_OK) {
            troupe_request_fail(request, "part %" PRId64 " was not taken", i);
            return 0;
        }
        atomic_store_explicit(&n_sent, i + 1, memory_order_relaxed);
        troupe_worker_progress(self);
    }
    troupe_request_reply_data(request, &order, sizeof order);
    return 0;
}

static const troupe_behaviour_t streamer = {.name = "streamer", .handle = stream_parts};

/* ---- the reader ---- */

static int64_t resident_bytes(const bench_t *bench)
{
    char text[128];
    ssize_t length = pread(bench->statm, text, sizeof text - 1, 0);
    long all_pages;
    long resident_pages;
    if (length <= 0 ||
        (text[length] = '\0', sscanf(text, "%ld %ld", &all_pages, &resident_pages) != 2)) {
        bench_give_up("cannot read how much memory is used");
    }
    return (int64_t)resident_pages * sysconf(_SC_PAGESIZE);
}

static void start_stream(bench_t *bench)
{
    const order_t order = {.n_parts = bench->parts, .size = bench->size};
    const troupe_call_options_t options = {.timeout_ms = TIMEOUT_MS, .credit = bench->credit};
    troupe_message_t *message = troupe_message_from(&order, sizeof order);
    if (!message) {
        bench_give_up("out of memory");
    }
    bench_call(&bench->node, "streamer", &options, &message, 1);
}

static void check_part(const bench_t *bench, const troupe_reply_t *part, int64_t number)
{
    const troupe_message_t *message = troupe_reply_message(part);
    const unsigned char *data = troupe_message_data(message, 0);
    int64_t told = -1;
    if (troupe_message_size(message, 0) == bench->size) {
        memcpy(&told, data, sizeof told);
    }
    if (told != number || troupe_reply_sequence(part) != (uint64_t)number ||
        (bench->size > sizeof told && data[bench->size - 1] != (unsigned char)number)) {
        bench_give_up("part %" PRId64 " did not come in its turn with its own bytes", number);
    }
}

static void check_final(const bench_t *bench, const troupe_reply_t *reply, int64_t n_parts)
{
    if (n_parts != bench->parts || troupe_reply_sequence(reply) != (uint64_t)n_parts ||
        troupe_message_size(troupe_reply_message(reply), 0) != sizeof(order_t)) {
        bench_give_up("the stream ended after %" PRId64 " parts", n_parts);
    }
}

static void run(bench_t *bench)
{
    int64_t resident_before = resident_bytes(bench);
    int64_t resident_most = resident_before;
    int64_t ahead_most = 0;
    int64_t n_taken = 0;
    double cpu_before_s = bench_cpu_s();
    int64_t begin_ns = bench_now_ns();
    start_stream(bench);
    for (bool is_over = false; !is_over;) {
        int64_t note;
        troupe_reply_t *reply = bench_next(&bench->node, 60000, &note);
        if (!reply) {
            bench_give_up("no part came for a minute");
        }
        is_over = troupe_reply_is_final(reply);
        if (is_over) {
            check_final(bench, reply, n_taken);
        } else {
            check_part(bench, reply, n_taken);
            if (bench->delay_ns > 0) {
                bench_sleep_until_ns(bench_now_ns() + bench->delay_ns);
            }
            int64_t ahead = atomic_load_explicit(&n_sent, memory_order_relaxed) - n_taken;
            int64_t resident = resident_bytes(bench);
            ahead_most = ahead > ahead_most ? ahead : ahead_most;
            resident_most = resident > resident_most ? resident : resident_most;
            n_taken++;
        }
        troupe_reply_destroy(&reply);
    }
    double seconds = (double)(bench_now_ns() - begin_ns) / 1e9;
    double bytes = (double)bench->parts * (double)bench->size;
    printf("name=stream transport=%s parts=%ld size=%zu delay_us=%" PRId64 " credit=%" PRIu64
           " seconds=%.2f mb_s=%.1f parts_s=%.0f ahead_most=%" PRId64
           " grew_most_mib=%.1f cpu_s=%.2f\n",
           bench->transport, bench->parts, bench->size, bench->delay_ns / BENCH_NS_PER_US,
           bench->credit, seconds, bytes / 1e6 / seconds, (double)bench->parts / seconds,
           ahead_most, (double)(resident_most - resident_before) / (1 << 20),
           bench_cpu_s() - cpu_before_s);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"transport", required_argument, NULL, 't'}, {"parts", required_argument, NULL, 'p'},
        {"size", required_argument, NULL, 's'},      {"delay-us", required_argument, NULL, 'd'},
        {"credit", required_argument, NULL, 'c'},    {NULL, 0, NULL, 0},
    };
    bench_t bench = {.transport = "inproc", .parts = 10000, .size = 65536};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 't':
            bench.transport = bench_transport("transport", optarg);
            break;
        case 'p':
            bench.parts = bench_whole("parts", optarg, 1, 10000000);
            break;
        case 's':
            bench.size = (size_t)bench_whole("size", optarg, sizeof(int64_t), 64 << 20);
            break;
        case 'd':
            bench.delay_ns = bench_whole("delay-us", optarg, 0, 1000000) * BENCH_NS_PER_US;
            break;
        case 'c':
            bench.credit = (uint64_t)bench_whole("credit", optarg, 0, 1000000);
            break;
        default:
            return 2;
        }
    }
    if ((double)bench.parts * (double)bench.delay_ns > 0.5 * TIMEOUT_MS * 1e6) {
        fprintf(stderr, "stream_bench: parts by delay-us are at most five minutes\n");
        return 2;
    }
    bench_sleep_exactly();
    bench.statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    bench_node_start(&bench.node, bench.transport, &streamer,
                     "{capability: streamer, worker: {module: streamer}, "
                     "workers: {min: 1, max: 1}}");
    run(&bench);
    bench_node_stop(&bench.node);
    close(bench.statm);
    return 0;
}
