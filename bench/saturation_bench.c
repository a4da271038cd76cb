/* bench/saturation_bench.c - what a node still does when it is asked for more than it can
 *
 * First its capacity: W requests outstanding, for a while. Then requests at a multiple of that,
 * at random times and whether or not earlier ones have ended, to a queue with a limit: what
 * does not fit is refused. Both in turns, several rounds, so that what else the machine does
 * meets both. Prints one line of key=value pairs: what was planned and offered, what was served
 * within the time (goodput) and its share of the capacity just found, the median of the rounds,
 * what was refused, and how long the served ones took, beside the time that a full queue takes
 * at that capacity. Each request must end once, `ok` with its own number or `overloaded`, and
 * none may be missing in the end.
 *
 * The client is part of the load: what it needs of the processors the node does not have.
 *
 *     saturation_bench --burn-us 20 --factor 2 --limit 1000 --seconds 10
 */

#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/kit.h"

#define PATIENCE_MS   60000
#define MOST_REQUESTS 50000000
#define AT_A_TIME     64 /* calls started, or ends taken, before the other is seen to */

typedef struct bench {
    const char *transport;
    long workers;
    long concurrency;
    long window;
    long limit;
    double factor;
    long rounds;
    int64_t round_ns; /* of either load */
    bench_random_t random;
    bench_node_t node;
    int64_t last_number;
} bench_t;

/* Set before the node starts, and the same to its end. */
static int64_t burn_ns;

/* What is in a request, and comes back. */
typedef struct stamp {
    int64_t number; /* the note of its call */
    int64_t begin_ns;
} stamp_t;

/* ---- the worker ---- */

static int serve(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)self;
    (void)state;
    if (burn_ns > 0) {
        bench_burn_until_ns(bench_now_ns() + burn_ns);
    }
    bench_reply_same(request);
    return 0;
}

static const troupe_behaviour_t burner = {.name = "burner", .handle = serve};

static void start_node(bench_t *bench)
{
    char capability[256];
    snprintf(capability, sizeof capability,
             "{capability: burner, worker: {module: burner}, queue: {limit: %ld}, "
             "workers: {min: %ld, max: %ld, concurrency: %ld}}",
             bench->limit, bench->workers, bench->workers, bench->concurrency);
    bench_node_start(&bench->node, bench->transport, &burner, capability);
    bench->node.may_refuse = true;
}

/* ---- the client ---- */

/* What has come of the calls of all rounds of one load. */
typedef struct tally {
    size_t n_started;
    size_t n_served;
    size_t n_refused;
    size_t n_served_in_time; /* of their round */
    size_t n_refused_in_time;
    double seconds;
    double cpu_s;
    size_t n_room;
    int64_t *took_ns; /* of those served */
    int64_t *late_ns; /* how long after its time each was started */
} tally_t;

static size_t n_open(const tally_t *tally)
{
    return tally->n_started - tally->n_served - tally->n_refused;
}

static int64_t time_of(const troupe_reply_t *reply, int64_t number, int64_t now_ns)
{
    stamp_t stamp;
    if (troupe_message_size(troupe_reply_message(reply), 0) != sizeof stamp) {
        bench_give_up("a reply is not what its request was");
    }
    memcpy(&stamp, troupe_message_data(troupe_reply_message(reply), 0), sizeof stamp);
    if (stamp.number != number) {
        bench_give_up("a reply is that to another request");
    }
    return now_ns - stamp.begin_ns;
}

/* At `due_ns`, it was planned. */
static void start_one(bench_t *bench, tally_t *tally, int64_t due_ns)
{
    const troupe_call_options_t options = {.timeout_ms = PATIENCE_MS};
    const stamp_t stamp = {.number = ++bench->last_number, .begin_ns = bench_now_ns()};
    troupe_message_t *message = troupe_message_from(&stamp, sizeof stamp);
    if (!message) {
        bench_give_up("out of memory");
    }
    tally->late_ns[tally->n_started++] = stamp.begin_ns - due_ns;
    bench_call(&bench->node, "burner", &options, &message, stamp.number);
}

/* True when one more call has ended, in time if that was before `end_ns`. */
static bool take_one(bench_t *bench, tally_t *tally, int64_t timeout_ms, int64_t end_ns)
{
    int64_t number;
    troupe_reply_t *reply = bench_next(&bench->node, timeout_ms, &number);
    if (!reply) {
        return false;
    }
    if (!troupe_reply_is_final(reply)) {
        bench_give_up("a part came where none was expected");
    }
    int64_t now_ns = bench_now_ns();
    if (troupe_reply_outcome(reply) == TROUPE_OUTCOME_OK) {
        tally->took_ns[tally->n_served++] = time_of(reply, number, now_ns);
        tally->n_served_in_time += now_ns <= end_ns;
    } else {
        tally->n_refused++;
        tally->n_refused_in_time += now_ns <= end_ns;
    }
    troupe_reply_destroy(&reply);
    return true;
}

static void take_rest(bench_t *bench, tally_t *tally)
{
    int64_t patient_until_ns = bench_now_ns() + PATIENCE_MS * BENCH_NS_PER_MS;
    while (n_open(tally) > 0) {
        if (!take_one(bench, tally, 1000, 0) && bench_now_ns() > patient_until_ns) {
            bench_give_up("%zu of %zu calls have not ended", n_open(tally), tally->n_started);
        }
    }
    if (take_one(bench, tally, 10, 0)) {
        bench_give_up("more calls have ended than were made");
    }
}

/* ---- capacity ---- */

/* W outstanding; returns how many were served in a second. */
static double fill(bench_t *bench, tally_t *tally)
{
    size_t n_before = tally->n_served;
    double cpu_before_s = bench_cpu_s();
    int64_t begin_ns = bench_now_ns();
    int64_t end_ns = begin_ns + bench->round_ns;
    for (int64_t now_ns = begin_ns; now_ns < end_ns; now_ns = bench_now_ns()) {
        while (n_open(tally) < (size_t)bench->window && tally->n_started < tally->n_room) {
            start_one(bench, tally, now_ns);
        }
        if (!take_one(bench, tally, PATIENCE_MS, end_ns) || tally->n_refused > 0) {
            bench_give_up("a request was refused, or not answered, that had room");
        }
    }
    double seconds = (double)(bench_now_ns() - begin_ns) / 1e9;
    tally->seconds += seconds;
    tally->cpu_s += bench_cpu_s() - cpu_before_s;
    double served_s = (double)(tally->n_served - n_before) / seconds;
    take_rest(bench, tally);
    return served_s;
}

/* ---- too much ---- */

static bool take_some(bench_t *bench, tally_t *tally, int64_t end_ns)
{
    int n = 0;
    while (n < AT_A_TIME && take_one(bench, tally, 0, end_ns)) {
        n++;
    }
    return n > 0;
}

static void wait_until_ns(bench_t *bench, int64_t until_ns)
{
    int64_t left_ns = until_ns - bench_now_ns();
    if (left_ns <= 0) {
        return;
    }
    struct pollfd bell = {.fd = bench->node.client ? troupe_client_fd(bench->node.client)
                                                   : troupe_caller_fd(bench->node.caller),
                          .events = POLLIN};
    const struct timespec left = {.tv_sec = (time_t)(left_ns / BENCH_NS_PER_S),
                                  .tv_nsec = (long)(left_ns % BENCH_NS_PER_S)};
    ppoll(&bell, bench->node.n_open > 0 ? 1 : 0, &left, NULL);
}

/* At that rate, for the time of a round; who cannot keep up has made fewer calls then. Returns
 * how many were served in a second. */
static double flood(bench_t *bench, tally_t *tally, double rate)
{
    size_t n_before = tally->n_served_in_time;
    double cpu_before_s = bench_cpu_s();
    int64_t begin_ns = bench_now_ns();
    int64_t end_ns = begin_ns + bench->round_ns;
    double due_ns = (double)begin_ns;
    for (int64_t now_ns = begin_ns; now_ns < end_ns; now_ns = bench_now_ns()) {
        for (int i = 0; i < AT_A_TIME && due_ns <= (double)now_ns; i++) {
            if (tally->n_started == tally->n_room) {
                bench_give_up("these are too many requests");
            }
            start_one(bench, tally, (int64_t)due_ns);
            due_ns += bench_random_exponential(&bench->random, 1e9 / rate);
        }
        if (!take_some(bench, tally, end_ns)) {
            wait_until_ns(bench, due_ns < (double)end_ns ? (int64_t)due_ns : end_ns);
        }
    }
    double seconds = (double)(bench_now_ns() - begin_ns) / 1e9;
    tally->seconds += seconds;
    tally->cpu_s += bench_cpu_s() - cpu_before_s;
    double served_s = (double)(tally->n_served_in_time - n_before) / seconds;
    take_rest(bench, tally);
    return served_s;
}

/* ---- figures ---- */

static double quantile_ms(const int64_t *sorted, size_t n, double share)
{
    return n > 0 ? (double)bench_quantile(sorted, n, share) / 1e6 : 0;
}

/* Of the loads of all rounds. */
typedef struct figures {
    tally_t filled;
    tally_t flooded;
    double planned; /* requests a second, the mean */
    int64_t
        *shares_e6; /* of the capacity that a round had found, what it served, in millionths */
} figures_t;

/* Sorts the times and the shares. */
static void print_figures(const bench_t *bench, figures_t *figures)
{
    const tally_t *filled = &figures->filled;
    tally_t *flooded = &figures->flooded;
    size_t n_rounds = (size_t)bench->rounds;
    bench_sort(figures->shares_e6, n_rounds);
    bench_sort(flooded->took_ns, flooded->n_served);
    bench_sort(flooded->late_ns, flooded->n_started);
    double capacity = (double)filled->n_served_in_time / filled->seconds;
    double goodput = (double)flooded->n_served_in_time / flooded->seconds;
    double n_waiting = (double)(bench->limit + bench->workers * bench->concurrency);
    printf(
        "name=saturation transport=%s workers=%ld concurrency=%ld burn_us=%" PRId64
        " window=%ld limit=%ld factor=%.2f rounds=%ld capacity=%.0f planned=%.0f "
        "offered=%.0f goodput=%.0f goodput_share=%.3f refused_s=%.0f p50_ms=%.3f p99_ms=%.3f "
        "bound_ms=%.3f late_p99_ms=%.3f cpu_capacity=%.2f cpu_flood=%.2f\n",
        bench->transport, bench->workers, bench->concurrency, burn_ns / BENCH_NS_PER_US,
        bench->window, bench->limit, bench->factor, bench->rounds, capacity, figures->planned,
        (double)flooded->n_started / flooded->seconds, goodput,
        (double)bench_quantile(figures->shares_e6, n_rounds, 0.5) / 1e6,
        (double)flooded->n_refused_in_time / flooded->seconds,
        quantile_ms(flooded->took_ns, flooded->n_served, 0.5),
        quantile_ms(flooded->took_ns, flooded->n_served, 0.99), 1000 * n_waiting / capacity,
        quantile_ms(flooded->late_ns, flooded->n_started, 0.99),
        filled->cpu_s / filled->seconds, flooded->cpu_s / flooded->seconds);
}

static void make_room(tally_t *tally, size_t n)
{
    tally->n_room = n;
    tally->took_ns = bench_alloc(n, sizeof *tally->took_ns);
    tally->late_ns = bench_alloc(n, sizeof *tally->late_ns);
}

static void free_room(tally_t *tally)
{
    free(tally->took_ns);
    free(tally->late_ns);
}

static void run(bench_t *bench)
{
    figures_t figures = {.shares_e6 =
                             bench_alloc((size_t)bench->rounds, sizeof *figures.shares_e6)};
    make_room(&figures.filled, MOST_REQUESTS);
    make_room(&figures.flooded, MOST_REQUESTS);
    for (long i = 0; i < bench->rounds; i++) {
        double capacity = fill(bench, &figures.filled);
        double goodput = flood(bench, &figures.flooded, capacity * bench->factor);
        figures.planned += capacity * bench->factor / (double)bench->rounds;
        figures.shares_e6[i] = (int64_t)(1e6 * goodput / capacity);
    }
    print_figures(bench, &figures);
    free_room(&figures.filled);
    free_room(&figures.flooded);
    free(figures.shares_e6);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"transport", required_argument, NULL, 't'},
        {"workers", required_argument, NULL, 'n'},
        {"concurrency", required_argument, NULL, 'c'},
        {"window", required_argument, NULL, 'w'},
        {"limit", required_argument, NULL, 'l'},
        {"burn-us", required_argument, NULL, 'b'},
        {"factor", required_argument, NULL, 'f'},
        {"seconds", required_argument, NULL, 's'},
        {"rounds", required_argument, NULL, 'r'},
        {"seed", required_argument, NULL, 'x'},
        {"quiet", no_argument, NULL, 'q'},
        {NULL, 0, NULL, 0},
    };
    bench_t bench = {.transport = "inproc",
                     .workers = 1,
                     .concurrency = 16,
                     .window = 256,
                     .limit = 1000,
                     .factor = 2,
                     .rounds = 10,
                     .random = {1}};
    double seconds = 10;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 't':
            bench.transport = bench_transport("transport", optarg);
            break;
        case 'n':
            bench.workers = bench_whole("workers", optarg, 1, 1000);
            break;
        case 'c':
            bench.concurrency = bench_whole("concurrency", optarg, 1, 1000);
            break;
        case 'w':
            bench.window = bench_whole("window", optarg, 1, 100000);
            break;
        case 'l':
            bench.limit = bench_whole("limit", optarg, 1, 100000);
            break;
        case 'b':
            burn_ns = bench_whole("burn-us", optarg, 0, 1000000) * BENCH_NS_PER_US;
            break;
        case 'f':
            bench.factor = bench_real("factor", optarg, 0.01, 100);
            break;
        case 's':
            seconds = bench_real("seconds", optarg, 0.1, 60);
            break;
        case 'r':
            bench.rounds = bench_whole("rounds", optarg, 1, 100);
            break;
        case 'x':
            bench.random.state = (uint64_t)bench_whole("seed", optarg, 0, 1000000000);
            break;
        case 'q':
            bench_log_level("off");
            break;
        default:
            return 2;
        }
    }
    if (bench.window > bench.limit) {
        bench_misused("window", "more than the limit", "at most the limit");
    }
    bench_sleep_exactly();
    bench.round_ns = (int64_t)(seconds * 1e9) / bench.rounds;
    start_node(&bench);
    run(&bench);
    bench_node_stop(&bench.node);
    return 0;
}
