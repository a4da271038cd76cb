/* An order holds copies of all it needs, so that whoever placed it may stop waiting: the thread
 * then finds it abandoned, kills what it started, and frees it.
 *
 * The mutex guards the queue, the orders' states and the guard's socket. The thread and the
 * owner hold the spawner together; the last of them frees it, so that a thread that is stuck in
 * the kernel (a program on a dead file server) holds up nobody.
 */

#include "actors/process/spawner.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "actors/process/launch.h"
#include "actors/process/libexec.h"
#include "base/log.h"

#define PATIENCE_S       10
#define LAST_STEPS_S     2
#define KILLED_WITHIN_MS 5000

/* ---- lists of texts, as exec wants them ---- */

typedef struct texts {
    char **items; /* owned, ends with NULL */
    size_t n_items;
    bool is_short; /* memory was out: the list is not what it should be */
} texts_t;

static void add_text(texts_t *self, const char *format, ...) TROUPE_PRINTF(2, 3);

static void add_text(texts_t *self, const char *format, ...)
{
    char **items = realloc(self->items, (self->n_items + 2) * sizeof *items);
    if (!items) {
        self->is_short = true;
        return;
    }
    self->items = items;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&items[self->n_items], format, arguments) >= 0) {
        self->n_items++;
    } else {
        self->is_short = true;
    }
    va_end(arguments);
    items[self->n_items] = NULL;
}

static void free_texts(texts_t *self)
{
    for (size_t i = 0; i < self->n_items; i++) {
        free(self->items[i]);
    }
    free(self->items);
    *self = (texts_t){0};
}

static void add_option(texts_t *self, const char *option, int64_t value)
{
    if (value != 0) {
        add_text(self, "%s", option);
        add_text(self, "%lld", (long long)value);
    }
}

static void add_cpus(texts_t *self, const cpu_set_t *cpus)
{
    char list[CPU_SETSIZE * 5] = "";
    size_t length = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET((size_t)cpu, cpus)) {
            length += (size_t)snprintf(list + length, sizeof list - length, "%s%d",
                                       length ? "," : "", cpu);
        }
    }
    if (length > 0) {
        add_text(self, "--cpus");
        add_text(self, "%s", list);
    }
}

static texts_t command_of(const char *shim, const tr_spawn_plan_t *plan)
{
    texts_t command = {0};
    add_text(&command, "%s", shim);
    add_option(&command, "--parent", getpid());
    add_option(&command, "--memory", plan->limits.memory_bytes);
    add_option(&command, "--cpu-time", plan->limits.cpu_time_s);
    add_option(&command, "--open-files", plan->limits.open_files);
    add_option(&command, "--nice", plan->limits.nice);
    add_cpus(&command, &plan->limits.cpus);
    add_text(&command, "--");
    for (const char *const *item = plan->argv; *item; item++) {
        add_text(&command, "%s", *item);
    }
    return command;
}

static bool is_overridden(const char *entry, const char *const *env)
{
    size_t length = strcspn(entry, "=") + 1;
    for (; env && *env; env++) {
        if (strncmp(entry, *env, length) == 0) {
            return true;
        }
    }
    return false;
}

static texts_t environment_of(const tr_spawn_plan_t *plan)
{
    texts_t environment = {0};
    for (char **entry = environ; entry && *entry; entry++) {
        if (!is_overridden(*entry, plan->env)) {
            add_text(&environment, "%s", *entry);
        }
    }
    for (const char *const *entry = plan->env; entry && *entry; entry++) {
        add_text(&environment, "%s", *entry);
    }
    return environment;
}

/* ---- orders ---- */

typedef struct order order_t;

struct order {
    order_t *next;
    texts_t command;
    texts_t environment;
    char *directory; /* or NULL */
    bool is_done;
    bool is_abandoned;
    troupe_status_t status;
    tr_process_t process;
    char why[256];
};

static void order_destroy(order_t *order)
{
    if (order) {
        free_texts(&order->command);
        free_texts(&order->environment);
        free(order->directory);
        free(order);
    }
}

static order_t *order_new(const char *shim, const tr_spawn_plan_t *plan)
{
    order_t *order = calloc(1, sizeof *order);
    if (!order) {
        return NULL;
    }
    tr_process_init(&order->process);
    order->command = command_of(shim, plan);
    order->environment = environment_of(plan);
    order->directory = plan->directory ? strdup(plan->directory) : NULL;
    if (order->command.is_short || order->environment.is_short || !order->environment.items ||
        (plan->directory && !order->directory)) {
        order_destroy(order);
        return NULL;
    }
    return order;
}

/* ---- starting, on the spawner's thread ---- */

struct tr_spawner {
    pthread_mutex_t mutex;
    pthread_cond_t work; /* an order was placed, or the end has come */
    pthread_cond_t done; /* an order was carried out */
    unsigned n_holders;  /* the owner, and the thread */
    bool is_ending;
    bool has_thread;
    pthread_t thread;
    order_t *first;
    order_t *last;
    tr_process_t guard;
    int guard_line;   /* our end of the socket that the guard listens to; -1: none */
    char folder[128]; /* that the guard is to remove; "" for none */
};

static void kill_and_reap(tr_process_t *process)
{
    tr_process_signal(process, SIGKILL);
    struct pollfd end = {.fd = process->pidfd, .events = POLLIN};
    poll(&end, 1, KILLED_WITHIN_MS);
    tr_reason_t reason;
    if (!tr_process_reap(process, &reason)) {
        tr_log(TR_LOG_ERROR, "process_does_not_die", TR_NUMBER("pid", process->pid));
        process->pid = 0; /* whatever holds it in the kernel holds it without us */
    }
    tr_process_close(process);
}

/* ---- the guard ---- */

/* Killed before its line ends: what it might still have listed is not to be killed by it. */
static void lose_guard(tr_spawner_t *self)
{
    if (self->guard.pid > 0) {
        kill_and_reap(&self->guard);
    }
    if (self->guard_line >= 0) {
        close(self->guard_line);
        self->guard_line = -1;
    }
}

/* A guard that does not read is told nothing more, but left alone: the end of its line would
 * have it kill. One that is dead is replaced, and the new one knows the groups from here on. */
static void tell_guard(tr_spawner_t *self, char sign, pid_t group)
{
    char line[32];
    int length = snprintf(line, sizeof line, "%c%ld\n", sign, (long)group);
    if (self->guard_line < 0 ||
        send(self->guard_line, line, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT) == length) {
        return;
    }
    int error = errno;
    tr_log(TR_LOG_WARNING, "guard_lost", TR_TEXT("reason", strerror(error)),
           TR_NUMBER("group", group));
    if (error == EPIPE || error == ECONNRESET) {
        lose_guard(self);
    }
}

/* Only the spawner's thread calls this, so no second guard can come between. Without a guard,
 * what workers leave behind is in nobody's hands; they run all the same. */
static void start_guard(tr_spawner_t *self, const order_t *order)
{
    char folder[sizeof self->folder];
    pthread_mutex_lock(&self->mutex);
    memcpy(folder, self->folder, sizeof folder);
    pthread_mutex_unlock(&self->mutex);
    char *argv[] = {order->command.items[0], "--guard", folder[0] ? "--folder" : NULL, folder,
                    NULL};
    tr_process_t guard;
    int line;
    int error = tr_launch_guard(argv, order->environment.items, &guard, &line);
    if (error != 0) {
        tr_log(TR_LOG_WARNING, "no_guard", TR_TEXT("reason", strerror(error)));
        return;
    }
    pthread_mutex_lock(&self->mutex);
    self->guard = guard;
    self->guard_line = line;
    pthread_mutex_unlock(&self->mutex);
}

static void put_under_guard(tr_spawner_t *self, const order_t *order)
{
    pthread_mutex_lock(&self->mutex);
    bool is_there = self->guard_line >= 0;
    pthread_mutex_unlock(&self->mutex);
    if (!is_there) {
        start_guard(self, order);
    }
    pthread_mutex_lock(&self->mutex);
    tell_guard(self, '+', order->process.pid);
    pthread_mutex_unlock(&self->mutex);
}

void tr_spawner_set_folder(tr_spawner_t *self, const char *path)
{
    assert(self && path && strlen(path) < sizeof self->folder);
    pthread_mutex_lock(&self->mutex);
    snprintf(self->folder, sizeof self->folder, "%s", path);
    pthread_mutex_unlock(&self->mutex);
}

void tr_spawner_forget(tr_spawner_t *self, pid_t group)
{
    assert(self && group > 0);
    pthread_mutex_lock(&self->mutex);
    tell_guard(self, '-', group);
    pthread_mutex_unlock(&self->mutex);
}

/* ---- the thread ---- */

static troupe_status_t carry_out(tr_spawner_t *self, order_t *order)
{
    int error = tr_launch(order->command.items, order->environment.items, order->directory,
                          &order->process);
    if (error != 0) {
        bool is_directory = order->directory && access(order->directory, X_OK) != 0;
        snprintf(order->why, sizeof order->why, "%s: %s",
                 is_directory ? order->directory : "no process to be had", strerror(error));
        return TROUPE_ERR_IO;
    }
    put_under_guard(self, order);
    return TROUPE_OK;
}

static order_t *take_order(tr_spawner_t *self)
{
    order_t *order = self->first;
    if (order) {
        self->first = order->next;
        self->last = self->first ? self->last : NULL;
        order->next = NULL;
    }
    return order;
}

static void undo(tr_spawner_t *self, order_t *order)
{
    if (order->process.pid > 0) {
        tr_spawner_forget(self, order->process.pid);
        kill_and_reap(&order->process);
    }
    order_destroy(order);
}

static void serve(tr_spawner_t *self, order_t *order)
{
    troupe_status_t status = carry_out(self, order);
    pthread_mutex_lock(&self->mutex);
    order->status = status;
    order->is_done = true;
    bool is_abandoned = order->is_abandoned;
    pthread_cond_broadcast(&self->done);
    pthread_mutex_unlock(&self->mutex);
    if (is_abandoned) {
        undo(self, order);
    }
}

/* Let go of one of the two holds. */
static void let_go(tr_spawner_t *self)
{
    pthread_mutex_lock(&self->mutex);
    bool is_last = --self->n_holders == 0;
    pthread_mutex_unlock(&self->mutex);
    if (is_last) {
        lose_guard(self);
        pthread_cond_destroy(&self->done);
        pthread_cond_destroy(&self->work);
        pthread_mutex_destroy(&self->mutex);
        free(self);
    }
}

static void *run(void *arg)
{
    tr_spawner_t *self = arg;
    pthread_setname_np(pthread_self(), "spawner");
    pthread_mutex_lock(&self->mutex);
    while (!self->is_ending) {
        order_t *order = take_order(self);
        if (order) {
            pthread_mutex_unlock(&self->mutex);
            serve(self, order);
            pthread_mutex_lock(&self->mutex);
        } else {
            pthread_cond_wait(&self->work, &self->mutex);
        }
    }
    pthread_mutex_unlock(&self->mutex);
    let_go(self);
    return NULL;
}

/* Under the mutex. The thread takes no signals: they are the node's business. */
static bool start_thread(tr_spawner_t *self)
{
    if (self->has_thread) {
        return true;
    }
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    self->has_thread = pthread_create(&self->thread, NULL, run, self) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    self->n_holders += self->has_thread;
    return self->has_thread;
}

/* ---- the public side ---- */

tr_spawner_t *tr_spawner_new(void)
{
    tr_spawner_t *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->work, NULL);
    pthread_cond_init(&self->done, &monotonic);
    pthread_condattr_destroy(&monotonic);
    tr_process_init(&self->guard);
    self->guard_line = -1;
    self->n_holders = 1;
    return self;
}

static void end_thread(tr_spawner_t *self)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LAST_STEPS_S;
    if (pthread_timedjoin_np(self->thread, NULL, &until) != 0) {
        pthread_detach(self->thread);
        tr_log(TR_LOG_WARNING, "spawner_hangs", TR_NUMBER("seconds", LAST_STEPS_S));
    }
}

void tr_spawner_destroy(tr_spawner_t **self_p)
{
    assert(self_p);
    tr_spawner_t *self = *self_p;
    *self_p = NULL;
    if (!self) {
        return;
    }
    pthread_mutex_lock(&self->mutex);
    self->is_ending = true;
    pthread_cond_signal(&self->work);
    pthread_mutex_unlock(&self->mutex);
    if (self->has_thread) {
        end_thread(self);
    }
    let_go(self);
}

static void place(tr_spawner_t *self, order_t *order)
{
    if (self->last) {
        self->last->next = order;
    } else {
        self->first = order;
    }
    self->last = order;
    pthread_cond_signal(&self->work);
}

/* Under the mutex. When patience is over the order is the thread's. */
static bool wait_for(tr_spawner_t *self, order_t *order)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PATIENCE_S;
    int verdict = 0;
    while (!order->is_done && verdict == 0) {
        verdict = pthread_cond_timedwait(&self->done, &self->mutex, &until);
    }
    order->is_abandoned = !order->is_done;
    return order->is_done;
}

static troupe_status_t settle(order_t *order, tr_process_t *out, char *why, size_t size)
{
    troupe_status_t status = order->status;
    if (status == TROUPE_OK) {
        *out = order->process;
    } else {
        snprintf(why, size, "%s", order->why);
    }
    order_destroy(order);
    return status;
}

troupe_status_t tr_spawner_start(tr_spawner_t *self, const tr_spawn_plan_t *plan,
                                 tr_process_t *out, char *why, size_t size)
{
    assert(self && plan && plan->argv && plan->argv[0] && out && why && size > 0);
    char shim[PATH_MAX];
    troupe_status_t status = tr_libexec_find("troupe-exec", shim, sizeof shim);
    if (status != TROUPE_OK) {
        snprintf(why, size, "%s", shim);
        return status;
    }
    order_t *order = order_new(shim, plan);
    if (!order) {
        snprintf(why, size, "out of memory");
        return TROUPE_ERR_NOMEM;
    }
    pthread_mutex_lock(&self->mutex);
    if (!start_thread(self)) {
        pthread_mutex_unlock(&self->mutex);
        order_destroy(order);
        snprintf(why, size, "no thread to be had");
        return TROUPE_ERR_IO;
    }
    place(self, order);
    bool is_done = wait_for(self, order);
    pthread_mutex_unlock(&self->mutex);
    if (!is_done) {
        snprintf(why, size, "no process was started within %d s", PATIENCE_S);
        return TROUPE_TIMEOUT;
    }
    return settle(order, out, why, size);
}
