/* What two threads of this machine can do with no system between them
 *
 * A queue in memory that many may push to and one takes from, and a futex that wakes the one
 * when it sleeps. Nothing is allocated, nothing is copied.
 *
 *     --mode futex   client -> worker -> client: the bare round trip (one worker)
 *     --mode pool    client -> dispatcher -> worker -> dispatcher -> client: the dispatcher
 * picks the worker with the fewest pending, takes all that waits before it wakes anybody, and
 * wakes each once
 */

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/measure.h"
#include "bench/peers/peer.h"

#define LINE 64 /* bytes that two processors had better not share */
#define TURN 1000

typedef struct node {
    _Atomic(struct node *) next;
    long worker; /* STOP: whoever takes it ends */
    bool is_reply;
    void *payload;
} node_t;

#define STOP (-1)

/* A list in which `last` is the newest and `first` the oldest; `stub` is in it when it would
 * have no node else. */
typedef struct mailbox {
    _Alignas(LINE) _Atomic(node_t *) last;
    _Alignas(LINE) _Atomic(uint32_t) sleeps;
    _Alignas(LINE) node_t *first;
    node_t stub;
} mailbox_t;

typedef struct worker {
    mailbox_t box;
    pthread_t thread;
    long n_pending;  /* the dispatcher's */
    bool has_letter; /* the dispatcher's: to be woken at the end of the turn */
} worker_t;

static peer_options_t options;
static mailbox_t client_box;
static mailbox_t dispatcher_box;
static mailbox_t *reply_box; /* where workers send their replies */
static worker_t *workers;

/* ---- the mailbox ---- */

static void mailbox_init(mailbox_t *self)
{
    memset(self, 0, sizeof *self);
    atomic_store(&self->last, &self->stub);
    self->first = &self->stub;
}

static void mailbox_push(mailbox_t *self, node_t *node)
{
    atomic_store_explicit(&node->next, NULL, memory_order_relaxed);
    node_t *previous = atomic_exchange_explicit(&self->last, node, memory_order_acq_rel);
    atomic_store_explicit(&previous->next, node, memory_order_release);
}

static void mailbox_wake(mailbox_t *self)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&self->sleeps, memory_order_relaxed) &&
        atomic_exchange(&self->sleeps, 0)) {
        syscall(SYS_futex, &self->sleeps, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static node_t *next_of(node_t *node)
{
    return atomic_load_explicit(&node->next, memory_order_acquire);
}

/* NULL when nothing is there, or when a producer is between its two stores. */
static node_t *mailbox_take(mailbox_t *self)
{
    node_t *first = self->first;
    node_t *next = next_of(first);
    if (first == &self->stub) {
        if (!next) {
            return NULL;
        }
        self->first = next;
        first = next;
        next = next_of(first);
    }
    if (!next && first == atomic_load_explicit(&self->last, memory_order_acquire)) {
        mailbox_push(self, &self->stub);
        next = next_of(first);
    }
    if (!next) {
        return NULL;
    }
    self->first = next;
    return first;
}

static void mailbox_sleep(mailbox_t *self)
{
    while (atomic_load(&self->sleeps)) {
        syscall(SYS_futex, &self->sleeps, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
    }
}

static node_t *mailbox_wait(mailbox_t *self)
{
    node_t *node;
    while (!(node = mailbox_take(self))) {
        atomic_store(&self->sleeps, 1);
        if ((node = mailbox_take(self))) {
            atomic_store(&self->sleeps, 0);
            break;
        }
        mailbox_sleep(self);
    }
    return node;
}

static void mailbox_send(mailbox_t *self, node_t *node)
{
    mailbox_push(self, node);
    mailbox_wake(self);
}

/* ---- workers and the dispatcher ---- */

static void *worker_main(void *arg)
{
    worker_t *self = arg;
    node_t *node;
    while ((node = mailbox_wait(&self->box))->worker != STOP) {
        node->is_reply = true;
        mailbox_send(reply_box, node);
    }
    return NULL;
}

static long least_pending(void)
{
    long best = 0;
    for (long i = 1; i < options.workers && workers[best].n_pending > 0; i++) {
        if (workers[i].n_pending < workers[best].n_pending) {
            best = i;
        }
    }
    return best;
}

static void dispatch(node_t *node)
{
    node->worker = least_pending();
    worker_t *worker = &workers[node->worker];
    worker->n_pending++;
    worker->has_letter = true;
    mailbox_push(&worker->box, node);
}

static void wake_workers(void)
{
    for (long i = 0; i < options.workers; i++) {
        if (workers[i].has_letter) {
            workers[i].has_letter = false;
            mailbox_wake(&workers[i].box);
        }
    }
}

static void *dispatcher_main(void *arg)
{
    (void)arg;
    for (;;) {
        node_t *node = mailbox_wait(&dispatcher_box);
        bool has_reply = false;
        for (int i = 0; node && i < TURN; i++) {
            if (node->worker == STOP) {
                return NULL;
            }
            if (node->is_reply) {
                workers[node->worker].n_pending--;
                mailbox_push(&client_box, node);
                has_reply = true;
            } else {
                dispatch(node);
            }
            node = i + 1 < TURN ? mailbox_take(&dispatcher_box) : NULL;
        }
        if (has_reply) {
            mailbox_wake(&client_box);
        }
        wake_workers();
    }
}

/* ---- the client ---- */

static node_t *nodes_new(void)
{
    node_t *nodes = bench_alloc((size_t)options.window, sizeof *nodes);
    for (long i = 0; i < options.window; i++) {
        nodes[i].payload = bench_alloc(1, options.size);
    }
    return nodes;
}

static void nodes_destroy(node_t *nodes)
{
    for (long i = 0; i < options.window; i++) {
        free(nodes[i].payload);
    }
    free(nodes);
}

static void begin_one(bench_requests_t *requests, node_t *node, mailbox_t *to)
{
    node->is_reply = false;
    bench_requests_begin(requests, node->payload);
    mailbox_send(to, node);
}

static void run_client(mailbox_t *to)
{
    bench_requests_t requests;
    peer_requests_init(&requests, &options);
    node_t *nodes = nodes_new();
    bench_requests_start(&requests);
    for (long i = 0; bench_requests_may_begin(&requests); i++) {
        begin_one(&requests, &nodes[i], to);
    }
    while (bench_requests_go_on(&requests)) {
        node_t *node = mailbox_wait(&client_box);
        bench_requests_end(&requests, node->payload, options.size);
        if (bench_requests_may_begin(&requests)) {
            node->worker = 0;
            begin_one(&requests, node, to);
        }
    }
    peer_print(&requests, "limits", &options);
    nodes_destroy(nodes);
    bench_requests_finish(&requests);
}

static void start_thread(pthread_t *thread, void *(*run)(void *), void *arg)
{
    if (pthread_create(thread, NULL, run, arg) != 0) {
        bench_give_up("no thread");
    }
}

static void stop_thread(pthread_t thread, mailbox_t *box)
{
    node_t stop = {.worker = STOP};
    mailbox_send(box, &stop);
    pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
    static const char *const modes[] = {"futex", "pool", NULL};
    static const char *const transports[] = {"inproc", NULL};
    options = peer_options(argc, argv, modes, transports);
    bool has_dispatcher = peer_mode_is(&options, "pool");
    if (!has_dispatcher && options.workers != 1) {
        bench_give_up("with --mode futex there is one worker");
    }
    workers = aligned_alloc(LINE, (size_t)options.workers * sizeof *workers);
    if (!workers) {
        bench_give_up("out of memory");
    }
    memset(workers, 0, (size_t)options.workers * sizeof *workers);
    mailbox_init(&client_box);
    mailbox_init(&dispatcher_box);
    reply_box = has_dispatcher ? &dispatcher_box : &client_box;
    for (long i = 0; i < options.workers; i++) {
        mailbox_init(&workers[i].box);
        start_thread(&workers[i].thread, worker_main, &workers[i]);
    }
    pthread_t dispatcher;
    if (has_dispatcher) {
        start_thread(&dispatcher, dispatcher_main, NULL);
    }
    run_client(has_dispatcher ? &dispatcher_box : &workers[0].box);
    for (long i = 0; i < options.workers; i++) {
        stop_thread(workers[i].thread, &workers[i].box);
    }
    if (has_dispatcher) {
        stop_thread(dispatcher, &dispatcher_box);
    }
    free(workers);
    return 0;
}
