/* bench/savina/savina_bench.c - actors of the Savina suite, and how many rounds a second they
 * do
 *
 * Prints one line of key=value pairs a run. Each workload checks what it has done as far as it
 * can be checked; a run that has not ended within its bound ends the program.
 *
 *     savina_bench --workload ping_pong --isolation thread --rounds 40000
 */

#include "bench/savina/savina.h"

#include <errno.h>
#include <getopt.h>
#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/kit.h"

#define PATIENCE_S 50
#define A_LINE     192

static const savina_workload_t *const workloads[] = {
    &savina_ping_pong, &savina_counting,  &savina_fork_join, &savina_creation,
    &savina_ring,      &savina_chameneos, &savina_big,       &savina_bank,
};

/* Written before the node starts, or by the driver before it sends anything. */
static const savina_workload_t *workload = &savina_ping_pong;
static const char *isolation = "thread";
static long actors;
static long rounds;
static troupe_ref_t **cells;

static struct {
    int64_t begin_ns;
    int64_t end_ns;
    double cpu_s;
    long n_switches;
} measured;
static atomic_long n_done;
static sem_t all_done;

/* ---- what workloads use ---- */

long savina_actors(void)
{
    return actors;
}

long savina_rounds(void)
{
    return rounds;
}

troupe_ref_t *savina_cell(long index)
{
    return cells[index];
}

troupe_message_t *savina_message(savina_note_t note)
{
    troupe_message_t *message = troupe_message_from(&note, sizeof note);
    if (!message) {
        bench_give_up("out of memory");
    }
    return message;
}

void savina_send(troupe_worker_t *self, troupe_ref_t *to, savina_note_t note)
{
    troupe_message_t *message = savina_message(note);
    troupe_status_t status = troupe_send(self, to, &message);
    if (status != TROUPE_OK) {
        bench_give_up("%s could not be sent to: %s", troupe_ref_name(to),
                      troupe_status_text(status));
    }
}

void savina_done(long n_rounds)
{
    long n = atomic_fetch_add(&n_done, n_rounds) + n_rounds;
    if (n == rounds) {
        measured.end_ns = bench_now_ns();
        sem_post(&all_done);
    } else if (n > rounds) {
        bench_give_up("more rounds were done than there are");
    }
}

void savina_compute(void)
{
    static const double theta = 37.2;
    volatile double x = theta;
    x = x * x - x / theta;
}

/* ---- the measured time ---- */

static void begin_time(void)
{
    measured.cpu_s = bench_cpu_s();
    measured.n_switches = bench_n_switches();
    measured.begin_ns = bench_now_ns();
}

static void wait_for_end(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    int result;
    do {
        result = sem_timedwait(&all_done, &until);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        bench_give_up("%ld of %ld rounds were done in %d s", atomic_load(&n_done), rounds,
                      PATIENCE_S);
    }
    measured.cpu_s = bench_cpu_s() - measured.cpu_s;
    measured.n_switches = bench_n_switches() - measured.n_switches;
}

static void print_line(void)
{
    double seconds = (double)(measured.end_ns - measured.begin_ns) / BENCH_NS_PER_S;
    printf("name=troupe workload=%s isolation=%s actors=%ld requests=%ld rps=%.0f "
           "seconds=%.3f cpu_s=%.3f csw=%ld\n",
           workload->name, isolation, actors, rounds, (double)rounds / seconds, seconds,
           measured.cpu_s, measured.n_switches);
}

/* ---- cells and their driver ---- */

/* The driver is the one with the index after the last. */
typedef struct cell {
    long index;
    alignas(max_align_t) char own[];
} cell_t;

static void find_cells(troupe_worker_t *driver)
{
    char name[32];
    for (long i = 0; i < actors; i++) {
        snprintf(name, sizeof name, "cell-%ld", i);
        if (!(cells[i] = troupe_find(driver, name))) {
            bench_give_up("%s is not there", name);
        }
    }
}

static void drive(troupe_worker_t *driver)
{
    find_cells(driver);
    if (!workload->is_of_creation) {
        begin_time();
    }
    if (workload->begin) {
        workload->begin(driver);
        return;
    }
    for (long i = 0; i < actors; i++) {
        savina_send(driver, cells[i], (savina_note_t){.kind = SAVINA_BEGIN});
    }
}

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    int64_t index;
    cell_t *cell = bench_alloc(1, sizeof *cell + workload->own_size);
    if (troupe_args_number(args, "index", &index) != TROUPE_OK) {
        bench_give_up("a cell has no index");
    }
    cell->index = (long)index;
    *state_p = cell;
    if (cell->index == actors) {
        savina_send(self, troupe_self(self), (savina_note_t){.kind = SAVINA_BEGIN});
    }
    return TROUPE_INIT_OK;
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    cell_t *cell = state;
    if (cell->index == actors) {
        drive(self);
        return 0;
    }
    savina_note_t note;
    if (troupe_message_size(message, 0) != sizeof note) {
        bench_give_up("%s got something else", troupe_worker_name(self));
    }
    memcpy(&note, troupe_message_data(message, 0), sizeof note);
    workload->receive(self, cell->index, cell->own, &note, message);
    return 0;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    free(*state_p);
    *state_p = NULL;
}

static const troupe_behaviour_t behaviour = {
    .name = "cell", .init = init, .receive = receive, .terminate = terminate};

/* ---- the tree: the driver comes last, so that all cells are up by then ---- */

static char *describe_children(void)
{
    size_t size = (size_t)(actors + 1) * A_LINE;
    char *text = bench_alloc(size, 1);
    char *end = text;
    for (long i = 0; i <= actors; i++) {
        bool is_driver = i == actors;
        end += snprintf(end, A_LINE,
                        "%s{actor: '%s-%ld', worker: {module: cell, args: {index: %ld}}, "
                        "restart: temporary, health: {interval: 1h}%s%s}",
                        i > 0 ? ", " : "", is_driver ? "driver" : "cell", i, i,
                        strcmp(isolation, "thread") == 0 ? "" : ", isolation: ",
                        strcmp(isolation, "thread") == 0 ? "" : isolation);
    }
    return text;
}

static void run(void)
{
    cells = bench_alloc((size_t)actors, sizeof(troupe_ref_t *));
    sem_init(&all_done, 0, 0);
    char *children = describe_children();
    if (workload->is_of_creation) {
        begin_time();
    }
    troupe_node_t *node = bench_tree_start("", &behaviour, children);
    wait_for_end();
    print_line();
    for (long i = 0; i < actors; i++) {
        troupe_ref_release(&cells[i]);
    }
    troupe_node_stop(node);
    troupe_node_destroy(&node);
    free(children);
    free(cells);
}

/* ---- the command line ---- */

static const savina_workload_t *workload_called(const char *name)
{
    for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++) {
        if (strcmp(workloads[i]->name, name) == 0) {
            return workloads[i];
        }
    }
    bench_misused("workload", name, "one of the suite, as ping_pong");
}

static const char *isolation_called(const char *name)
{
    if (strcmp(name, "thread") != 0 && strcmp(name, "inline") != 0) {
        bench_misused("isolation", name, "thread or inline");
    }
    return name;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"workload", required_argument, NULL, 'w'}, {"isolation", required_argument, NULL, 'i'},
        {"actors", required_argument, NULL, 'a'},   {"rounds", required_argument, NULL, 'r'},
        {"spin", required_argument, NULL, 's'},     {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'w':
            workload = workload_called(optarg);
            break;
        case 'i':
            isolation = isolation_called(optarg);
            break;
        case 'a':
            actors = bench_whole("actors", optarg, 2, 40000);
            break;
        case 'r':
            rounds = bench_whole("rounds", optarg, 1, 1000000000);
            break;
        case 's':
            bench_node_spin(bench_whole("spin", optarg, 0, 1000));
            break;
        default:
            return 2;
        }
    }
    rounds = rounds ? rounds : workload->rounds;
    actors = workload->is_of_creation ? rounds : actors ? actors : workload->actors;
    run();
    return 0;
}
