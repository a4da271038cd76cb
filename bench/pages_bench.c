/* bench/pages_bench.c - what Troupe adds to work that takes its time
 *
 * Pages are read by Tesseract, drawn by Pango, or described by what they look like, by the code
 * behind the workers `vision`, `text_to_image` and `image_embedding`: called in a loop here,
 * and through a node that has one, two or four workers, threads or processes. All of them do
 * the same in turn, for so many rounds, each for so many seconds; a round's figures are
 * compared with its own direct ones, since other rounds may have found the machine busier. With
 * --only just one of the three is done.
 *
 *   TROUPE_MODULE_PATH=build-bench/workers build-bench/bench/pages_bench --seconds 5 --rounds 3
 *
 * What the way there and back takes without the work is measured first, with a worker `echo`.
 * Then comes one row for each round and way, and one for each way: medians of the rounds, and
 * of the ratios the least and the most. `busy` is how many wanted the processors in the minute
 * before. What a page costs in processor time, of all threads and processes together, can be
 * compared even where others want them, too.
 */

#include <dirent.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leptonica/allheaders.h>
#include <troupe.h>

#include "bench/kit.h"
#include "bench/measure.h"
#include "workers/image_embedding/gist.h"
#include "workers/images/pixels.h"
#include "workers/text_to_image/render.h"
#include "workers/vision/ocr.h"

enum { MOST_PAGES = 100 * 1000, PATIENCE_MS = 60000, MOST_ROUNDS = 20 };

/* Letters of 14 points at 200 dpi, a short page. */
static const char text[] =
    "Troupe is an actor framework for C. Every worker is supervised: when one fails, another\n"
    "takes its place, and the request that it held gets an answer all the same.\n"
    "Supervisors restart 5 times in 10 seconds, then give up.\n"
    "The quick brown fox jumps over the lazy dog.\n";

typedef enum work { READS, DRAWS, DESCRIBES, ECHOES } work_t;

/* A way to have pages done. */
typedef struct way {
    const char *isolation; /* NULL: no node, the library itself */
    int n_workers;
} way_t;

static const way_t ways[] = {
    {NULL, 1},      {"thread", 1}, {"process", 1}, {"thread", 2},
    {"process", 2}, {"thread", 4}, {"process", 4},
};
enum { N_WAYS = sizeof ways / sizeof ways[0] };

typedef struct figures {
    double pages_per_s[MOST_ROUNDS];
    double ratio[MOST_ROUNDS];     /* to the direct way of that round */
    double cpu_ms[MOST_ROUNDS];    /* a page */
    double cpu_ratio[MOST_ROUNDS]; /* likewise */
    double p50_ms[MOST_ROUNDS];
    double p99_ms[MOST_ROUNDS];
} figures_t;

typedef struct bench {
    const char *capability;
    work_t does;
    double seconds;
    long n_rounds;
    tr_renderer_t *renderer;
    tr_engines_t *engines;
    tr_picture_t page; /* to be read */
    bench_node_t node;
    int64_t *took_ns; /* begin, then duration, by page */
    size_t n_begun;
    size_t n_done;
    double cpu_s; /* for those */
    figures_t figures[N_WAYS];
} bench_t;

/* ---- the library ---- */

static tr_picture_t draw_page(bench_t *bench)
{
    const troupe_text_to_image_request_t request = {.prompt = text, .margin = -1};
    tr_picture_t picture;
    troupe_why_t why;
    if (tr_renderer_draw(bench->renderer, &request, NULL, NULL, &picture, &why) != TROUPE_OK) {
        bench_give_up("not drawn: %s", why.text);
    }
    return picture;
}

static void read_page(bench_t *bench)
{
    const tr_ocr_question_t question = {.image = bench->page.bytes, .size = bench->page.size};
    tr_ocr_page_t page;
    troupe_why_t why;
    if (tr_ocr_read(bench->engines, &question, &page, &why) != TROUPE_OK) {
        bench_give_up("not read: %s", why.text);
    }
    if (!strstr(page.text, "lazy dog")) {
        bench_give_up("not read well: %s", page.text);
    }
    tr_ocr_page_release(&page);
}

static void describe_page(bench_t *bench)
{
    float gist[TR_GIST_DIMENSION];
    tr_canvas_t canvas;
    PIX *pixels = NULL;
    troupe_why_t why;
    if (tr_pixels_unpack(bench->page.bytes, bench->page.size, 4 * TR_CANVAS_SIDE, &pixels,
                         &why) != TROUPE_OK ||
        tr_canvas_draw(&canvas, pixels) != TROUPE_OK) {
        bench_give_up("not unpacked: %s", why.text);
    }
    pixDestroy(&pixels);
    tr_gist_of(&canvas, gist);
}

static void do_page(bench_t *bench)
{
    if (bench->does == DRAWS) {
        tr_picture_t picture = draw_page(bench);
        free(picture.bytes);
    } else if (bench->does == DESCRIBES) {
        describe_page(bench);
    } else {
        read_page(bench);
    }
}

/* What direct use and workers have to do first. */
static void prepare(bench_t *bench)
{
    troupe_why_t why;
    bench->renderer = tr_renderer_new();
    bench->engines = tr_engines_new();
    if (!bench->renderer || !bench->engines) {
        bench_give_up("out of memory");
    }
    if (tr_engines_load(bench->engines, "eng", NULL, &why) != TROUPE_OK) {
        bench_give_up("%s", why.text);
    }
    bench->page = draw_page(bench);
    bench->took_ns = bench_alloc(MOST_PAGES, sizeof *bench->took_ns);
}

/* ---- the node ---- */

static troupe_message_t *request_for(const bench_t *bench)
{
    troupe_message_t *message = NULL;
    troupe_why_t why = {"out of memory"};
    troupe_status_t status;
    if (bench->does == ECHOES) {
        message = troupe_message_from(bench->page.bytes, bench->page.size);
        status = message ? TROUPE_OK : TROUPE_ERR_NOMEM;
    } else if (bench->does == DRAWS) {
        troupe_text_to_image_request_t request;
        troupe_text_to_image_init(&request);
        request.prompt = text;
        status = troupe_text_to_image_pack(&request, &message, &why);
    } else if (bench->does == DESCRIBES) {
        const troupe_image_t page = {.data = bench->page.bytes, .size = bench->page.size};
        troupe_image_embedding_request_t request;
        troupe_image_embedding_init(&request);
        request.images = &page;
        request.n_images = 1;
        status = troupe_image_embedding_pack(&request, &message, &why);
    } else {
        troupe_vision_request_t request;
        troupe_vision_init(&request);
        request.image = (troupe_image_t){.data = bench->page.bytes, .size = bench->page.size};
        request.stream = false;
        status = troupe_vision_pack(&request, &message, &why);
    }
    if (status != TROUPE_OK) {
        bench_give_up("no request: %s", why.text);
    }
    return message;
}

static void begin_page(bench_t *bench)
{
    const troupe_call_options_t options = {.timeout_ms = PATIENCE_MS};
    troupe_message_t *message = request_for(bench);
    bench->took_ns[bench->n_begun] = bench_now_ns();
    bench_call(&bench->node, bench->capability, &options, &message, (int64_t)++bench->n_begun);
}

static void finish_page(bench_t *bench)
{
    int64_t note;
    troupe_reply_t *reply = bench_next(&bench->node, PATIENCE_MS, &note);
    if (!reply || !troupe_reply_is_final(reply)) {
        bench_give_up("a request did not end in time");
    }
    int64_t *took_ns = &bench->took_ns[note - 1];
    *took_ns = bench_now_ns() - *took_ns;
    bench->n_done++;
    troupe_reply_destroy(&reply);
}

static void start_node(bench_t *bench, const way_t *way)
{
    char capability[256];
    snprintf(capability, sizeof capability,
             "{capability: %s, worker: {module: %s}, isolation: %s, "
             "workers: {min: %d, max: %d}}",
             bench->capability, bench->capability, way->isolation, way->n_workers,
             way->n_workers);
    bench_node_start(&bench->node, "inproc", &bench_mirror, capability);
}

/* ---- measuring ---- */

/* Processor time of the processes that a thread of this one has started. */
static double cpu_of_children_s(const char *thread)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%.20s/children", thread);
    FILE *file = fopen(path, "r");
    double cpu_s = 0;
    int child;
    while (file && fscanf(file, "%d", &child) == 1) {
        cpu_s += bench_cpu_of_s(child);
    }
    if (file) {
        fclose(file);
    }
    return cpu_s;
}

/* Of this process, and those of its workers. */
static double cpu_of_all_s(void)
{
    double cpu_s = bench_cpu_s();
    DIR *threads = opendir("/proc/self/task");
    if (!threads) {
        bench_give_up("there is no /proc/self/task");
    }
    for (struct dirent *at = readdir(threads); at; at = readdir(threads)) {
        cpu_s += at->d_name[0] != '.' ? cpu_of_children_s(at->d_name) : 0;
    }
    closedir(threads);
    return cpu_s;
}

/* Have pages done until the time is over, all workers busy. */
static double do_pages(bench_t *bench, const way_t *way)
{
    bench->n_begun = 0;
    bench->n_done = 0;
    double cpu_before_s = cpu_of_all_s();
    int64_t begin_ns = bench_now_ns();
    int64_t end_ns = begin_ns + (int64_t)(bench->seconds * 1e9);
    while (bench->n_done == 0 || (bench_now_ns() < end_ns && bench->n_begun + 1 < MOST_PAGES)) {
        if (!way->isolation) {
            int64_t page_ns = bench_now_ns();
            do_page(bench);
            bench->took_ns[bench->n_done++] = bench_now_ns() - page_ns;
            bench->n_begun++;
            continue;
        }
        while (bench->n_begun - bench->n_done < (size_t)way->n_workers) {
            begin_page(bench);
        }
        finish_page(bench);
    }
    while (bench->n_done < bench->n_begun) {
        finish_page(bench);
    }
    double took_s = (double)(bench_now_ns() - begin_ns) / 1e9;
    bench->cpu_s = cpu_of_all_s() - cpu_before_s;
    return (double)bench->n_done / took_s;
}

static double load_of_last_minute(void)
{
    double load = 0;
    return getloadavg(&load, 1) == 1 ? load : -1;
}

static void measure(bench_t *bench, size_t index, long round)
{
    const way_t *way = &ways[index];
    figures_t *figures = &bench->figures[index];
    double busy = load_of_last_minute();
    if (way->isolation) {
        start_node(bench, way);
    }
    double seconds = bench->seconds;
    bench->seconds = 0; /* one for each worker, to warm up */
    (void)do_pages(bench, way);
    bench->seconds = seconds;
    figures->pages_per_s[round] = do_pages(bench, way);
    if (way->isolation) {
        bench_node_stop(&bench->node);
    }
    bench_sort(bench->took_ns, bench->n_done);
    figures->p50_ms[round] = (double)bench_quantile(bench->took_ns, bench->n_done, 0.5) / 1e6;
    figures->p99_ms[round] = (double)bench_quantile(bench->took_ns, bench->n_done, 0.99) / 1e6;
    figures->cpu_ms[round] = bench->cpu_s * 1e3 / (double)bench->n_done;
    figures->cpu_ratio[round] = figures->cpu_ms[round] / bench->figures[0].cpu_ms[round];
    figures->ratio[round] = figures->pages_per_s[round] / bench->figures[0].pages_per_s[round];
    printf("name=pages_round capability=%s how=%s workers=%d round=%ld busy=%.1f pages=%zu "
           "pages_per_s=%.2f ratio=%.3f cpu_ms=%.2f cpu_ratio=%.3f p50_ms=%.2f p99_ms=%.2f\n",
           bench->capability, way->isolation ? way->isolation : "direct", way->n_workers,
           round + 1, busy, bench->n_done, figures->pages_per_s[round], figures->ratio[round],
           figures->cpu_ms[round], figures->cpu_ratio[round], figures->p50_ms[round],
           figures->p99_ms[round]);
    fflush(stdout);
}

static int compare_reals(const void *one, const void *other)
{
    const double *a = one;
    const double *b = other;
    return (*a > *b) - (*a < *b);
}

/* Sorts them. */
static double median(double *values, long n)
{
    qsort(values, (size_t)n, sizeof *values, compare_reals);
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void print_medians(bench_t *bench)
{
    for (size_t i = 0; i < N_WAYS; i++) {
        figures_t *figures = &bench->figures[i];
        double ratio = median(figures->ratio, bench->n_rounds);
        double cpu_ratio = median(figures->cpu_ratio, bench->n_rounds);
        printf("name=pages capability=%s how=%s workers=%d rounds=%ld pages_per_s=%.2f "
               "ratio=%.3f ratio_least=%.3f ratio_most=%.3f cpu_ms=%.2f cpu_ratio=%.3f "
               "cpu_ratio_least=%.3f cpu_ratio_most=%.3f p50_ms=%.2f p99_ms=%.2f\n",
               bench->capability, ways[i].isolation ? ways[i].isolation : "direct",
               ways[i].n_workers, bench->n_rounds,
               median(figures->pages_per_s, bench->n_rounds), ratio, figures->ratio[0],
               figures->ratio[bench->n_rounds - 1], median(figures->cpu_ms, bench->n_rounds),
               cpu_ratio, figures->cpu_ratio[0], figures->cpu_ratio[bench->n_rounds - 1],
               median(figures->p50_ms, bench->n_rounds),
               median(figures->p99_ms, bench->n_rounds));
    }
}

static void run(bench_t *bench, const char *capability, work_t does)
{
    bench->capability = capability;
    bench->does = does;
    for (long round = 0; round < bench->n_rounds; round++) {
        for (size_t i = 0; i < N_WAYS; i++) {
            measure(bench, i, round);
        }
    }
    print_medians(bench);
}

/* What the way there and back takes when nothing is done: a page to a worker that sends it
 * back, one at a time. */
static void run_empty(bench_t *bench)
{
    bench->capability = "echo";
    bench->does = ECHOES;
    for (size_t i = 0; i < N_WAYS; i++) {
        const way_t *way = &ways[i];
        if (!way->isolation || way->n_workers != 1) {
            continue;
        }
        start_node(bench, way);
        (void)do_pages(bench, way);
        bench_node_stop(&bench->node);
        bench_sort(bench->took_ns, bench->n_done);
        printf("name=pages_empty how=%s bytes=%zu requests=%zu cpu_ms=%.3f p50_ms=%.3f "
               "p99_ms=%.3f\n",
               way->isolation, bench->page.size, bench->n_done,
               bench->cpu_s * 1e3 / (double)bench->n_done,
               (double)bench_quantile(bench->took_ns, bench->n_done, 0.5) / 1e6,
               (double)bench_quantile(bench->took_ns, bench->n_done, 0.99) / 1e6);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seconds", required_argument, NULL, 's'},
        {"rounds", required_argument, NULL, 'r'},
        {"only", required_argument, NULL, 'o'},
        {NULL, 0, NULL, 0},
    };
    static const struct {
        const char *capability;
        work_t does;
    } works[] = {{"vision", READS}, {"text_to_image", DRAWS}, {"image_embedding", DESCRIBES}};
    const char *only = NULL;
    bench_t bench = {.seconds = 3, .n_rounds = 3};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            bench.seconds = bench_real("seconds", optarg, 0.1, 600);
            break;
        case 'r':
            bench.n_rounds = bench_whole("rounds", optarg, 1, MOST_ROUNDS);
            break;
        case 'o':
            only = optarg;
            break;
        default:
            return 2;
        }
    }
    prepare(&bench);
    run_empty(&bench);
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++) {
        if (!only || strcmp(only, works[i].capability) == 0) {
            run(&bench, works[i].capability, works[i].does);
        }
    }
    free(bench.page.bytes);
    free(bench.took_ns);
    tr_renderer_destroy(&bench.renderer);
    tr_engines_destroy(&bench.engines);
    return 0;
}
