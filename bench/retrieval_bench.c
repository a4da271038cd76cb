/* bench/retrieval_bench.c - whether the vectors of text_embedding find the text that is meant
 *
 * A file has a question and the document that answers it in each line, a tab between them. Each
 * question is put to all documents; the better the right one stands among them, by the scalar
 * product of the vectors, the better the vectors. Beside it the classical way, tf-idf. Texts go
 * through a node to the worker, in batches, as anybody's would.
 *
 *     bench/retrieval_pairs.py webster > pairs
 *     retrieval_bench --pairs pairs --modules build/workers [--model lexical|FILE]
 *
 * Of many pairs 2000, or as many as --at-most says, are taken from all over the file; with
 * --left-out the others, so that weights can be chosen by some and judged by others.
 *
 * Prints a line of key=value pairs for each way: the share of questions for which the right
 * document is the first, among the first ten, and the mean of 1 / its place. Once for all
 * questions, once for those that share no word with their document, but for words that more
 * than one in twenty documents has. Documents that are equally near share their places.
 */

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/text_embedding.h>

#include "bench/kit.h"
#include "bench/tf_idf.h"

#define BATCH      64
#define TIMEOUT_MS 120000

typedef struct bench {
    char **questions;
    char **documents;
    bool *shares; /* a word, question i with document i */
    size_t n;
    const char *name;
    troupe_node_t *node;
    troupe_caller_t *caller;
    size_t dimension; /* asked for, then what came */
    char model[256];
} bench_t;

/* Where the right documents stood. */
typedef struct standing {
    size_t n;
    double first;
    double in_ten;
    double reciprocal;
} standing_t;

/* ---- the pairs ---- */

static char *copy(const char *text)
{
    char *same = strdup(text);
    if (!same) {
        bench_give_up("out of memory");
    }
    return same;
}

static size_t count_lines(FILE *file)
{
    size_t n = 0;
    for (int byte; (byte = getc(file)) != EOF;) {
        n += byte == '\n';
    }
    rewind(file);
    return n;
}

/* At most `most` of them, from all over the file; or, `left_out`, all others. */
static void read_pairs(bench_t *bench, const char *path, size_t most, bool left_out)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        bench_give_up("cannot read %s", path);
    }
    const size_t n_lines = count_lines(file);
    const size_t n_chosen = n_lines < most ? n_lines : most;
    const size_t n = left_out ? n_lines - n_chosen : n_chosen;
    size_t n_seen = 0; /* of those that are chosen */
    char *line = NULL;
    size_t room = 0;
    bench->questions = bench_alloc(n ? n : 1, sizeof *bench->questions);
    bench->documents = bench_alloc(n ? n : 1, sizeof *bench->documents);
    bench->shares = bench_alloc(n ? n : 1, sizeof *bench->shares);
    for (size_t i = 0; i < n_lines && getline(&line, &room, file) >= 0; i++) {
        line[strcspn(line, "\n")] = '\0';
        char *tab = strchr(line, '\t');
        if (!tab) {
            bench_give_up("%s: line %zu has no tab", path, i + 1);
        }
        bool is_chosen = n_seen < n_chosen && i * n_chosen / n_lines == n_seen;
        n_seen += is_chosen;
        if (is_chosen != left_out && bench->n < n) {
            *tab = '\0';
            bench->questions[bench->n] = copy(line);
            bench->documents[bench->n++] = copy(tab + 1);
        }
    }
    free(line);
    fclose(file);
    if (bench->n == 0) {
        bench_give_up("%s has no pairs", path);
    }
}

static void release_pairs(bench_t *bench)
{
    for (size_t i = 0; i < bench->n; i++) {
        free(bench->questions[i]);
        free(bench->documents[i]);
    }
    free(bench->questions);
    free(bench->documents);
    free(bench->shares);
}

/* ---- standings ---- */

static void note(standing_t *standing, const float *scores, size_t n, size_t own)
{
    size_t n_better = 0;
    size_t n_equal = 0; /* itself too */
    for (size_t i = 0; i < n; i++) {
        n_better += scores[i] > scores[own];
        n_equal += scores[i] == scores[own];
    }
    double place = (double)n_better + ((double)n_equal + 1) / 2;
    standing->n++;
    standing->first += place <= 1;
    standing->in_ten += place <= 10;
    standing->reciprocal += 1 / place;
}

static void print_one(const bench_t *bench, const char *way, const char *which,
                      const standing_t *standing)
{
    double n = standing->n ? (double)standing->n : 1;
    printf("name=retrieval pairs=%s way=%s questions=%s n=%zu documents=%zu first=%.3f "
           "in_ten=%.3f mean_reciprocal=%.3f\n",
           bench->name, way, which, standing->n, bench->n, standing->first / n,
           standing->in_ten / n, standing->reciprocal / n);
}

static void print_both(const bench_t *bench, const char *way, const standing_t *all,
                       const standing_t *disjoint)
{
    print_one(bench, way, "all", all);
    print_one(bench, way, "disjoint", disjoint);
}

static void by_words(bench_t *bench)
{
    tf_idf_t *index = tf_idf_new(bench->documents, bench->n);
    float *scores = bench_alloc(bench->n, sizeof *scores);
    standing_t all = {0};
    standing_t disjoint = {0};
    for (size_t i = 0; i < bench->n; i++) {
        bench->shares[i] = tf_idf_score(index, bench->questions[i], i, scores);
        note(&all, scores, bench->n, i);
        if (!bench->shares[i]) {
            note(&disjoint, scores, bench->n, i);
        }
    }
    print_both(bench, "tf-idf", &all, &disjoint);
    free(scores);
    tf_idf_destroy(&index);
}

/* ---- vectors ---- */

static void start_node(bench_t *bench, const char *modules, const char *model)
{
    char text[1024];
    char args[512] = "";
    if (model) {
        snprintf(args, sizeof args, ", args: {model: \"%s\"}", model);
    }
    snprintf(text, sizeof text,
             "troupe: 1\nnode: bench\nsupervisor: {children: [{capability: text_embedding, "
             "worker: {module: text_embedding%s}, workers: {min: 1, max: 1}}]}\n",
             args);
    bench_log_level("warning");
    bench->node = troupe_node_new();
    if (!bench->node ||
        (modules && troupe_node_add_module_path(bench->node, modules) != TROUPE_OK) ||
        troupe_node_load_text(bench->node, "bench", text, NULL, NULL) != TROUPE_OK ||
        troupe_node_start(bench->node, NULL, NULL) != TROUPE_OK ||
        !(bench->caller = troupe_caller_new(bench->node))) {
        bench_give_up("the node did not start");
    }
}

/* Their vectors, one behind the other. */
static float *embed(bench_t *bench, char *const *texts, troupe_embedding_task_t task)
{
    const size_t asked = bench->dimension;
    const troupe_call_options_t options = {.timeout_ms = TIMEOUT_MS};
    const troupe_typed_call_t how = {.options = &options};
    float *values = NULL;
    size_t dimension = 0;
    for (size_t i = 0; i < bench->n; i += BATCH) {
        const size_t n = bench->n - i < BATCH ? bench->n - i : BATCH;
        troupe_text_embedding_request_t request;
        troupe_text_embedding_reply_t reply;
        troupe_why_t why;
        troupe_text_embedding_init(&request);
        request.texts = (const char *const *)texts + i;
        request.n_texts = n;
        request.task = task;
        request.dimensions = (int64_t)asked;
        if (troupe_text_embedding_call_inside(bench->caller, &how, &request, &reply, &why) !=
            TROUPE_OUTCOME_OK) {
            bench_give_up("%s", why.text);
        }
        if (!values) {
            dimension = (size_t)reply.dimension;
            values = bench_alloc(bench->n * dimension, sizeof *values);
            snprintf(bench->model, sizeof bench->model, "%s-%zu", reply.model, dimension);
        }
        if ((size_t)reply.dimension != dimension || reply.n_values != n * dimension) {
            bench_give_up("a reply has not what was asked for");
        }
        memcpy(values + i * dimension, reply.values, n * dimension * sizeof *values);
        troupe_text_embedding_release_reply(&reply);
    }
    bench->dimension = dimension;
    return values;
}

/* Eight sums side by side, for which the compiler has instructions. */
static float product(const float *a, const float *b, size_t n)
{
    float sums[8] = {0};
    float sum = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (size_t k = 0; k < 8; k++) {
            sums[k] += a[i + k] * b[i + k];
        }
    }
    for (; i < n; i++) {
        sum += a[i] * b[i];
    }
    for (size_t k = 0; k < 8; k++) {
        sum += sums[k];
    }
    return sum;
}

static void by_vectors(bench_t *bench)
{
    const size_t asked = bench->dimension;
    float *documents = embed(bench, bench->documents, TROUPE_EMBEDDING_DOCUMENT);
    bench->dimension = asked;
    float *questions = embed(bench, bench->questions, TROUPE_EMBEDDING_QUERY);
    float *scores = bench_alloc(bench->n, sizeof *scores);
    const size_t d = bench->dimension;
    standing_t all = {0};
    standing_t disjoint = {0};
    for (size_t i = 0; i < bench->n; i++) {
        for (size_t k = 0; k < bench->n; k++) {
            scores[k] = product(questions + i * d, documents + k * d, d);
        }
        note(&all, scores, bench->n, i);
        if (!bench->shares[i]) {
            note(&disjoint, scores, bench->n, i);
        }
    }
    print_both(bench, bench->model, &all, &disjoint);
    free(scores);
    free(questions);
    free(documents);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"pairs", required_argument, NULL, 'p'},
        {"modules", required_argument, NULL, 'm'},
        {"model", required_argument, NULL, 'o'},
        {"dimensions", required_argument, NULL, 'd'},
        {"at-most", required_argument, NULL, 'n'},
        {"left-out", no_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    bench_t bench = {0};
    const char *path = NULL;
    const char *modules = NULL;
    const char *model = NULL;
    size_t most = 2000;
    bool left_out = false;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'p':
            path = optarg;
            break;
        case 'm':
            modules = optarg;
            break;
        case 'o':
            model = optarg;
            break;
        case 'd':
            bench.dimension = (size_t)bench_whole("dimensions", optarg, 1, 16384);
            break;
        case 'n':
            most = (size_t)bench_whole("at-most", optarg, 1, 1000000);
            break;
        case 'l':
            left_out = true;
            break;
        default:
            return 2;
        }
    }
    if (!path) {
        fprintf(stderr, "retrieval_bench: --pairs FILE is missing\n");
        return 2;
    }
    const char *slash = strrchr(path, '/');
    bench.name = slash ? slash + 1 : path;
    read_pairs(&bench, path, most, left_out);
    by_words(&bench);
    start_node(&bench, modules, model);
    by_vectors(&bench);
    troupe_caller_destroy(&bench.caller);
    troupe_node_stop(bench.node);
    troupe_node_destroy(&bench.node);
    release_pairs(&bench);
    return 0;
}
