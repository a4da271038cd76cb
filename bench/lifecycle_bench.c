/* bench/lifecycle_bench.c - what workers cost when they start, idle, break and die
 *
 * Five figures of workers that do next to nothing, so that what is measured is the node:
 *
 *   start    until N workers are up, and until all of them serve at once; until they are gone
 *   idle     memory of an idle worker, before and after it has served
 *   pings    processor time of a node with N workers that are asked how they are, and no more
 *   restart  from the failure of a worker until its replacement has a request in hand
 *   kill     from the SIGKILL of a worker's process until the same
 *
 * Prints one line of key=value pairs a run. It checks as it measures: that there are N workers
 * at once, that none was replaced that should not have been, that each one lost was replaced
 * once, and that every request ends `ok`, once.
 *
 *     lifecycle_bench --mode start --workers 1000
 */

#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/kit.h"
#include "bench/smaps.h"

#define MOST_WORKERS 1000
#define PATIENCE_MS  60000
#define AS_WORKER    "--be-a-worker"

/* Its backoff is forgotten after 10 ms of life, so that a worker that lived for longer is
 * replaced at once. */
#define RESTARTS_AT_ONCE                                                                       \
    "backoff: {min: 1ms, max: 1ms}, intensity: {restarts: 1000000, period: 1ms}"
#define QUIET_MS 20

typedef struct bench {
    const char *mode;
    long workers;
    double seconds;
    long interval_ms;
    long rounds;
    bench_node_t node;
} bench_t;

/* What a worker says of itself when it is asked. */
typedef struct sign_of_life {
    int64_t main_ns; /* its process began; 0: it has none of its own */
    int64_t init_ns;
    int64_t handle_ns; /* it had the request in hand */
    int64_t number;    /* of those that were started in its process */
    int64_t pid;
} sign_of_life_t;

/* ---- the worker ---- */

static int64_t main_ns;
static _Atomic(int64_t) n_started;
static _Atomic(int64_t) n_ended;
static uintptr_t stacks[2 * MOST_WORKERS]; /* an address of each */
static pthread_barrier_t meeting;

static int note_begin(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)self;
    (void)args;
    sign_of_life_t *life = bench_alloc(1, sizeof *life);
    *life = (sign_of_life_t){.main_ns = main_ns,
                             .init_ns = bench_now_ns(),
                             .number = atomic_fetch_add(&n_started, 1) + 1,
                             .pid = getpid()};
    if (life->number <= 2 * MOST_WORKERS) {
        stacks[life->number - 1] = (uintptr_t)&args;
    }
    *state_p = life;
    return TROUPE_INIT_OK;
}

static void note_end(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    free(*state_p);
    *state_p = NULL;
    atomic_fetch_add(&n_ended, 1);
}

/* `look`: answer; `meet`: wait for all the others first; `break`: be of no use afterwards. */
static int be_asked(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)self;
    sign_of_life_t sign = *(sign_of_life_t *)state;
    sign.handle_ns = bench_now_ns();
    if (strcmp(troupe_request_method(request), "meet") == 0) {
        pthread_barrier_wait(&meeting);
    }
    bool breaks = strcmp(troupe_request_method(request), "break") == 0;
    troupe_request_reply_data(request, &sign, sizeof sign);
    return breaks;
}

static const troupe_behaviour_t extra = {
    .name = "extra", .init = note_begin, .handle = be_asked, .terminate = note_end};

/* ---- the client ---- */

static void ask(bench_t *bench, const char *method, int64_t note)
{
    const troupe_call_options_t options = {.method = method, .timeout_ms = PATIENCE_MS};
    troupe_message_t *message = NULL;
    bench_call(&bench->node, "extra", &options, &message, note);
}

static sign_of_life_t hear(bench_t *bench, int64_t *note_out)
{
    sign_of_life_t sign;
    troupe_reply_t *reply = bench_next(&bench->node, 2 * PATIENCE_MS, note_out);
    if (!reply || troupe_message_size(troupe_reply_message(reply), 0) != sizeof sign) {
        bench_give_up("a worker did not say how it is");
    }
    memcpy(&sign, troupe_message_data(troupe_reply_message(reply), 0), sizeof sign);
    troupe_reply_destroy(&reply);
    return sign;
}

static void start_threads(bench_t *bench, long n_workers)
{
    char capability[256];
    snprintf(capability, sizeof capability,
             "{capability: extra, worker: {module: extra}, queue: {limit: 10000}, "
             "health: {interval: %ldms}, workers: {min: %ld, max: %ld}}",
             bench->interval_ms, n_workers, n_workers);
    bench_node_start(&bench->node, "inproc", &extra, capability);
}

/* One request to each worker, which none answers before all have theirs. */
static void have_all_meet(bench_t *bench)
{
    int64_t note;
    pthread_barrier_init(&meeting, NULL, (unsigned)bench->workers);
    for (long i = 0; i < bench->workers; i++) {
        ask(bench, "meet", i + 1);
    }
    for (long i = 0; i < bench->workers; i++) {
        hear(bench, &note);
    }
    pthread_barrier_destroy(&meeting);
}

static void check_counts(int64_t started, int64_t ended)
{
    if (atomic_load(&n_started) != started || atomic_load(&n_ended) != ended) {
        bench_give_up("%" PRId64 " workers were started and %" PRId64 " ended, not %" PRId64
                      " and %" PRId64,
                      atomic_load(&n_started), atomic_load(&n_ended), started, ended);
    }
}

static double ms_between(int64_t begin_ns, int64_t end_ns)
{
    return (double)(end_ns - begin_ns) / 1e6;
}

/* ---- start ---- */

static void measure_start(bench_t *bench)
{
    double cpu_before_s = bench_cpu_s();
    int64_t begin_ns = bench_now_ns();
    start_threads(bench, bench->workers);
    int64_t up_ns = bench_now_ns();
    double cpu_up_s = bench_cpu_s();
    have_all_meet(bench);
    int64_t served_ns = bench_now_ns();
    check_counts(bench->workers, 0);
    int64_t stop_ns = bench_now_ns();
    bench_node_stop(&bench->node);
    int64_t gone_ns = bench_now_ns();
    check_counts(bench->workers, bench->workers);
    double up_ms = ms_between(begin_ns, up_ns);
    double stop_ms = ms_between(stop_ns, gone_ns);
    printf("name=lifecycle mode=start workers=%ld up_ms=%.1f serve_ms=%.1f starts_s=%.0f "
           "up_cpu_s=%.3f stop_ms=%.1f stops_s=%.0f\n",
           bench->workers, up_ms, ms_between(begin_ns, served_ns),
           (double)bench->workers * 1000 / up_ms, cpu_up_s - cpu_before_s, stop_ms,
           (double)bench->workers * 1000 / stop_ms);
}

/* ---- idle ---- */

static double kib_each(int64_t before_bytes, int64_t after_bytes, long n)
{
    return (double)(after_bytes - before_bytes) / 1024 / (double)n;
}

/* The first node makes all that a process has once. */
static void measure_idle(bench_t *bench)
{
    bench_t first = *bench;
    first.workers = 1;
    start_threads(&first, 1);
    have_all_meet(&first);
    bench_resident_t before = bench_smaps_of_self(stacks, 1);
    start_threads(bench, bench->workers);
    size_t n_stacks = (size_t)bench->workers + 1;
    bench_resident_t fresh = bench_smaps_of_self(stacks, n_stacks);
    have_all_meet(bench);
    bench_sleep_until_ns(bench_now_ns() + (int64_t)(bench->seconds * 1e9));
    bench_resident_t idle = bench_smaps_of_self(stacks, n_stacks);
    check_counts(bench->workers + 1, 0);
    bench_node_stop(&bench->node);
    bench_node_stop(&first.node);
    long n = bench->workers;
    printf("name=lifecycle mode=idle workers=%ld fresh_kib=%.1f fresh_stack_kib=%.1f "
           "idle_kib=%.1f idle_stack_kib=%.1f\n",
           n, kib_each(before.all_bytes, fresh.all_bytes, n),
           kib_each(before.marked_bytes, fresh.marked_bytes, n),
           kib_each(before.all_bytes, idle.all_bytes, n),
           kib_each(before.marked_bytes, idle.marked_bytes, n));
}

/* ---- pings ---- */

static void measure_pings(bench_t *bench)
{
    start_threads(bench, bench->workers);
    have_all_meet(bench);
    bench_sleep_until_ns(bench_now_ns() + 2 * bench->interval_ms * BENCH_NS_PER_MS);
    double cpu_before_s = bench_cpu_s();
    int64_t begin_ns = bench_now_ns();
    bench_sleep_until_ns(begin_ns + (int64_t)(bench->seconds * 1e9));
    double seconds = (double)(bench_now_ns() - begin_ns) / 1e9;
    double cpu_s = bench_cpu_s() - cpu_before_s;
    have_all_meet(bench);
    check_counts(bench->workers, 0);
    bench_node_stop(&bench->node);
    double pings_s = (double)bench->workers * 1000 / (double)bench->interval_ms;
    printf("name=lifecycle mode=pings workers=%ld interval_ms=%ld seconds=%.1f pings_s=%.0f "
           "cpu_percent=%.2f us_per_ping=%.2f\n",
           bench->workers, bench->interval_ms, seconds, pings_s, 100 * cpu_s / seconds,
           cpu_s * 1e6 / (seconds * pings_s));
}

/* ---- restart and kill ---- */

/* Sorts them. */
static void print_times(const char *name, int64_t *took_ns, long n)
{
    bench_sort(took_ns, (size_t)n);
    printf(" %sp50_ms=%.3f %sp99_ms=%.3f %smax_ms=%.3f", name,
           (double)bench_quantile(took_ns, (size_t)n, 0.5) / 1e6, name,
           (double)bench_quantile(took_ns, (size_t)n, 0.99) / 1e6, name,
           (double)took_ns[n - 1] / 1e6);
}

static void be_quiet(void)
{
    bench_sleep_until_ns(bench_now_ns() + QUIET_MS * BENCH_NS_PER_MS);
}

/* The request to the replacement waits for it in the queue. */
static int64_t break_worker(bench_t *bench, long round)
{
    enum { TO_THE_BROKEN = 1, TO_THE_NEXT };
    sign_of_life_t signs[3];
    ask(bench, "break", TO_THE_BROKEN);
    ask(bench, "look", TO_THE_NEXT);
    for (int i = 0; i < 2; i++) {
        int64_t note;
        sign_of_life_t sign = hear(bench, &note);
        signs[note] = sign;
    }
    if (signs[TO_THE_BROKEN].number != round || signs[TO_THE_NEXT].number != round + 1) {
        bench_give_up("worker %" PRId64 " followed on %" PRId64 " in round %ld",
                      signs[TO_THE_NEXT].number, signs[TO_THE_BROKEN].number, round);
    }
    return signs[TO_THE_NEXT].handle_ns - signs[TO_THE_BROKEN].handle_ns;
}

static void measure_restarts(bench_t *bench)
{
    int64_t *took_ns = bench_alloc((size_t)bench->rounds, sizeof *took_ns);
    bench_node_start(&bench->node, "inproc", &extra,
                     "{capability: extra, worker: {module: extra}, workers: {min: 1, max: "
                     "1}, " RESTARTS_AT_ONCE "}");
    for (long i = 0; i < bench->rounds; i++) {
        be_quiet();
        took_ns[i] = break_worker(bench, i + 1);
    }
    check_counts(bench->rounds + 1, bench->rounds);
    bench_node_stop(&bench->node);
    printf("name=lifecycle mode=restart rounds=%ld", bench->rounds);
    print_times("", took_ns, bench->rounds);
    putchar('\n');
    free(took_ns);
}

static void start_process(bench_t *bench)
{
    char program[512];
    char capability[1024];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) {
        bench_give_up("cannot see which program this is");
    }
    program[length] = '\0';
    snprintf(capability, sizeof capability,
             "{capability: extra, worker: {command: [\"%s\", " AS_WORKER "]}, retry: 10, "
             "poison: 11, workers: {min: 1, max: 1}, " RESTARTS_AT_ONCE "}",
             program);
    bench_node_start(&bench->node, "inproc", &extra, capability);
}

static sign_of_life_t look(bench_t *bench)
{
    int64_t note;
    ask(bench, "look", 1);
    return hear(bench, &note);
}

/* What the time from the kill is spent on. */
typedef struct spans {
    int64_t *all_ns;
    int64_t *to_main_ns; /* see it, decide, start a process until its main is reached */
    int64_t *to_init_ns; /* from there until the worker's thread is there */
} spans_t;

static sign_of_life_t kill_worker(bench_t *bench, const sign_of_life_t *old, spans_t *spans,
                                  long round)
{
    int64_t begin_ns = bench_now_ns();
    if (kill((pid_t)old->pid, SIGKILL) != 0) {
        bench_give_up("the worker had gone before");
    }
    sign_of_life_t next = look(bench);
    if (next.pid == old->pid || next.main_ns < begin_ns) {
        bench_give_up("one that was killed has answered");
    }
    spans->all_ns[round] = next.handle_ns - begin_ns;
    spans->to_main_ns[round] = next.main_ns - begin_ns;
    spans->to_init_ns[round] = next.init_ns - next.main_ns;
    return next;
}

static void measure_kills(bench_t *bench)
{
    size_t n = (size_t)bench->rounds;
    spans_t spans = {bench_alloc(n, sizeof(int64_t)), bench_alloc(n, sizeof(int64_t)),
                     bench_alloc(n, sizeof(int64_t))};
    start_process(bench);
    sign_of_life_t sign = look(bench);
    for (long i = 0; i < bench->rounds; i++) {
        be_quiet();
        sign = kill_worker(bench, &sign, &spans, i);
    }
    bench_node_stop(&bench->node);
    printf("name=lifecycle mode=kill rounds=%ld", bench->rounds);
    print_times("", spans.all_ns, bench->rounds);
    print_times("to_main_", spans.to_main_ns, bench->rounds);
    print_times("to_init_", spans.to_init_ns, bench->rounds);
    putchar('\n');
    free(spans.all_ns);
    free(spans.to_main_ns);
    free(spans.to_init_ns);
}

/* ---- main ---- */

static const struct mode {
    const char *name;
    void (*measure)(bench_t *bench);
} modes[] = {
    {"start", measure_start},      {"idle", measure_idle},  {"pings", measure_pings},
    {"restart", measure_restarts}, {"kill", measure_kills},
};

static void run(bench_t *bench)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(bench->mode, modes[i].name) == 0) {
            modes[i].measure(bench);
            return;
        }
    }
    bench_misused("mode", bench->mode, "start, idle, pings, restart or kill");
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"mode", required_argument, NULL, 'm'},
        {"workers", required_argument, NULL, 'n'},
        {"seconds", required_argument, NULL, 's'},
        {"interval-ms", required_argument, NULL, 'i'},
        {"rounds", required_argument, NULL, 'r'},
        {"quiet", no_argument, NULL, 'q'},
        {NULL, 0, NULL, 0},
    };
    main_ns = bench_now_ns();
    if (argc == 2 && strcmp(argv[1], AS_WORKER) == 0) {
        return troupe_worker_process_run(&extra, 0, NULL);
    }
    main_ns = 0;
    bench_t bench = {
        .mode = "start", .workers = 100, .seconds = 5, .interval_ms = 1000, .rounds = 100};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'm':
            bench.mode = optarg;
            break;
        case 'n':
            bench.workers = bench_whole("workers", optarg, 1, MOST_WORKERS);
            break;
        case 's':
            bench.seconds = bench_real("seconds", optarg, 0.1, 600);
            break;
        case 'i':
            bench.interval_ms = bench_whole("interval-ms", optarg, 10, 3600000);
            break;
        case 'r':
            bench.rounds = bench_whole("rounds", optarg, 1, 100000);
            break;
        case 'q':
            bench_log_level("off");
            break;
        default:
            return 2;
        }
    }
    bench_log_level("error"); /* workers end here, and that is no news */
    run(&bench);
    return 0;
}
