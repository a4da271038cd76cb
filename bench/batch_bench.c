/* bench/batch_bench.c - what it brings to hand requests to a worker in batches, and what it
 * costs
 *
 * One worker, to which each hand-over costs the same however many requests are in it, and each
 * request a little more, as to a model on a GPU. Measured without batches and with them: how
 * many requests it serves when there are always more, and how long one takes when there are
 * few: one at a time, and at random times. Prints one line of key=value pairs for each, and one
 * that compares.
 *
 *     batch_bench --max 32 --window-ms 2 --seconds 4
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/kit.h"

#define MOST_REQUESTS 1000000
#define OUTSTANDING   256
#define RATE_PER_S    50
#define PATIENCE_MS   60000

/* What a worker is told and answers: the number shows that it is the reply to this request. */
typedef struct answer {
    int64_t number;
    int64_t batch_size;
} answer_t;

typedef struct bench {
    long max; /* requests in a batch; 1: none */
    long window_ms;
    long concurrency;
    double seconds;
    bench_node_t node;
    int64_t begin_ns;
    double cpu_before_s;
    int64_t *took_ns;
    size_t n_started;
    size_t n_done;
    double batches; /* each request counts as its share of one */
} bench_t;

typedef struct figures {
    double rps;
    double p50_ms;
} figures_t;

/* Set before the node starts, and the same to its end. */
static struct {
    int64_t batch_ns;
    int64_t item_ns;
    bool burns;
} cost;

/* ---- the worker ---- */

static int serve_batch(troupe_worker_t *self, troupe_request_t **requests, size_t count,
                       void *state)
{
    (void)self;
    (void)state;
    int64_t until_ns = bench_now_ns() + cost.batch_ns + (int64_t)count * cost.item_ns;
    if (cost.burns) {
        bench_burn_until_ns(until_ns);
    } else {
        bench_sleep_until_ns(until_ns);
    }
    for (size_t i = 0; i < count; i++) {
        answer_t answer = {.batch_size = (int64_t)count};
        if (troupe_request_size(requests[i]) == sizeof answer.number) {
            memcpy(&answer.number, troupe_request_data(requests[i]), sizeof answer.number);
            troupe_request_reply_data(requests[i], &answer, sizeof answer);
        } else {
            troupe_request_refuse(requests[i], TROUPE_OUTCOME_BAD_REQUEST, "not a number");
        }
    }
    return 0;
}

static int serve_one(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    return serve_batch(self, &request, 1, state);
}

static const troupe_behaviour_t model = {
    .name = "model", .handle = serve_one, .handle_batch = serve_batch};

/* ---- the client ---- */

static void start_node(bench_t *bench)
{
    char batch[64] = "";
    if (bench->max > 1) {
        snprintf(batch, sizeof batch, "batch: {max: %ld, window: %ldms}, ", bench->max,
                 bench->window_ms);
    }
    char capability[256];
    snprintf(capability, sizeof capability,
             "{capability: model, worker: {module: model}, %squeue: {limit: 10000}, "
             "workers: {min: 1, max: 1, concurrency: %ld}}",
             batch, bench->concurrency);
    bench_node_start(&bench->node, "inproc", &model, capability);
}

/* The note of a call, and what its worker is told, is its number. */
static void start_one(bench_node_t *node, size_t index, void *arg)
{
    bench_t *bench = arg;
    const int64_t number = (int64_t)index + 1;
    const troupe_call_options_t options = {.timeout_ms = PATIENCE_MS};
    troupe_message_t *message = troupe_message_from(&number, sizeof number);
    if (!message) {
        bench_give_up("out of memory");
    }
    bench->took_ns[index] = bench_now_ns();
    bench_call(node, "model", &options, &message, number);
    bench->n_started++;
}

static void note_answer(bench_t *bench, size_t index, int64_t since_ns,
                        const troupe_reply_t *reply)
{
    answer_t answer;
    if (troupe_message_size(troupe_reply_message(reply), 0) != sizeof answer) {
        bench_give_up("a reply is no answer");
    }
    memcpy(&answer, troupe_message_data(troupe_reply_message(reply), 0), sizeof answer);
    if (answer.number != (int64_t)index + 1 || answer.batch_size < 1 ||
        answer.batch_size > bench->max) {
        bench_give_up("a reply is not that to its request");
    }
    bench->took_ns[index] = bench_now_ns() - since_ns;
    bench->batches += 1.0 / (double)answer.batch_size;
    bench->n_done++;
}

static void finish_one(bench_t *bench)
{
    int64_t note;
    troupe_reply_t *reply = bench_next(&bench->node, PATIENCE_MS, &note);
    if (!reply || !troupe_reply_is_final(reply)) {
        bench_give_up("a request did not end in time");
    }
    size_t index = (size_t)note - 1;
    note_answer(bench, index, bench->took_ns[index], reply);
    troupe_reply_destroy(&reply);
}

static void finish_due(size_t index, int64_t due_ns, const troupe_reply_t *reply, void *arg)
{
    note_answer(arg, index, due_ns, reply);
}

/* ---- measuring ---- */

static void begin(bench_t *bench)
{
    bench->n_started = 0;
    bench->n_done = 0;
    bench->batches = 0;
    bench->cpu_before_s = bench_cpu_s();
    bench->begin_ns = bench_now_ns();
}

/* All that were started have ended. */
static figures_t print_figures(bench_t *bench, const char *load)
{
    double seconds = (double)(bench_now_ns() - bench->begin_ns) / 1e9;
    double cpu_s = bench_cpu_s() - bench->cpu_before_s;
    bench_sort(bench->took_ns, bench->n_done);
    const figures_t figures = {
        .rps = (double)bench->n_done / seconds,
        .p50_ms = (double)bench_quantile(bench->took_ns, bench->n_done, 0.5) / 1e6,
    };
    printf("name=batch max=%ld window_ms=%ld load=%s concurrency=%ld does=%s requests=%zu "
           "rps=%.0f batch_mean=%.2f p50_ms=%.3f p99_ms=%.3f cpu_s=%.2f\n",
           bench->max, bench->max > 1 ? bench->window_ms : 0, load, bench->concurrency,
           cost.burns ? "burn" : "sleep", bench->n_done, figures.rps,
           (double)bench->n_done / bench->batches, figures.p50_ms,
           (double)bench_quantile(bench->took_ns, bench->n_done, 0.99) / 1e6, cpu_s);
    fflush(stdout);
    return figures;
}

/* `window` requests outstanding for as long as is measured, and then until all have ended. */
static figures_t run_closed(bench_t *bench, const char *load, size_t window)
{
    begin(bench);
    int64_t end_ns = bench->begin_ns + (int64_t)(bench->seconds * 1e9);
    while (bench->n_started == 0 || bench_now_ns() < end_ns) {
        while (bench->n_started - bench->n_done < window && bench->n_started < MOST_REQUESTS) {
            start_one(&bench->node, bench->n_started, bench);
        }
        if (bench->n_done == bench->n_started) {
            break;
        }
        finish_one(bench);
    }
    while (bench->n_done < bench->n_started) {
        finish_one(bench);
    }
    return print_figures(bench, load);
}

static figures_t run_open(bench_t *bench)
{
    size_t n = (size_t)(bench->seconds * RATE_PER_S) + 1;
    int64_t *due_ns = bench_alloc(n, sizeof *due_ns);
    bench_random_t random = {1};
    double now_ns = 0;
    for (size_t i = 0; i < n; i++) {
        now_ns += bench_random_exponential(&random, 1e9 / RATE_PER_S);
        due_ns[i] = (int64_t)now_ns;
    }
    const bench_schedule_t schedule = {
        .n = n,
        .due_ns = due_ns,
        .patience_ms = PATIENCE_MS,
        .start = start_one,
        .finish = finish_due,
        .arg = bench,
    };
    begin(bench);
    bench_keep_schedule(&bench->node, &schedule, NULL);
    free(due_ns);
    return print_figures(bench, "random");
}

enum { SATURATED, ONE, RANDOM, N_LOADS };

static void run(bench_t *bench, figures_t *figures)
{
    start_node(bench);
    figures[SATURATED] = run_closed(bench, "saturated", OUTSTANDING);
    figures[ONE] = run_closed(bench, "one", 1);
    figures[RANDOM] = run_open(bench);
    bench_node_stop(&bench->node);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"max", required_argument, NULL, 'm'},
        {"window-ms", required_argument, NULL, 'w'},
        {"concurrency", required_argument, NULL, 'c'},
        {"batch-us", required_argument, NULL, 'b'},
        {"item-us", required_argument, NULL, 'i'},
        {"seconds", required_argument, NULL, 's'},
        {"burn", no_argument, NULL, 'u'},
        {NULL, 0, NULL, 0},
    };
    bench_t bench = {.window_ms = 2, .concurrency = 1, .seconds = 4};
    long max = 32;
    cost.batch_ns = 1000 * BENCH_NS_PER_US;
    cost.item_ns = 50 * BENCH_NS_PER_US;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'm':
            max = bench_whole("max", optarg, 1, OUTSTANDING);
            break;
        case 'w':
            bench.window_ms = bench_whole("window-ms", optarg, 0, 1000);
            break;
        case 'c':
            bench.concurrency = bench_whole("concurrency", optarg, 1, 1000);
            break;
        case 'b':
            cost.batch_ns = bench_whole("batch-us", optarg, 0, 100000) * BENCH_NS_PER_US;
            break;
        case 'i':
            cost.item_ns = bench_whole("item-us", optarg, 0, 100000) * BENCH_NS_PER_US;
            break;
        case 's':
            bench.seconds = bench_real("seconds", optarg, 0.1, 60);
            break;
        case 'u':
            cost.burns = true;
            break;
        default:
            return 2;
        }
    }
    bench_sleep_exactly();
    bench.took_ns = bench_alloc(MOST_REQUESTS, sizeof *bench.took_ns);
    figures_t single[N_LOADS];
    figures_t batched[N_LOADS];
    bench.max = 1;
    run(&bench, single);
    bench.max = max;
    run(&bench, batched);
    printf("name=batch_ratio max=%ld window_ms=%ld saturated_rps=%.2f one_p50=%.2f "
           "random_p50=%.2f\n",
           max, bench.window_ms, batched[SATURATED].rps / single[SATURATED].rps,
           batched[ONE].p50_ms / single[ONE].p50_ms,
           batched[RANDOM].p50_ms / single[RANDOM].p50_ms);
    free(bench.took_ns);
    return 0;
}
