/* Whoever logs only copies a line into a ring; one thread writes the ring out. It takes
 * whole lines, at most one pipe-full at a time, and writes only when poll says there is room,
 * so it can always be called off within a moment.
 *
 * When the ring is full, lines are shed until it is half empty again. Then one line says how
 * many were lost, and it stands exactly where they would have stood: nothing gets in before
 * it. Therefore "one byte more than is in" is the report while lines are being shed, and
 * tr_log_flush waits for that too.
 *
 * Everything in `writer` and `ring` is guarded by writer.lock. A forked child starts with an
 * empty ring and without the thread; what was in the ring is the parent's to write.
 */

#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log_line.h"

#define RING_BYTES (256 * 1024)

/* How long exit() waits for the last lines. */
#define EXIT_FLUSH_MS 500

/* How long the thread waits for a slow reader before it looks up again. */
#define POLL_MS 100

/* How long a descriptor that was replaced may still be in use; POLL_MS and a write. */
#define LET_GO_MS 2000

static struct {
    pthread_mutex_t lock;
    pthread_cond_t arrived; /* the ring is not empty any more */
    pthread_cond_t moved;   /* bytes left, or a descriptor was let go */
    bool is_running;
    int descriptor;
    int in_use; /* the descriptor that the thread waits on or writes to; -1: none */
    size_t head;
    size_t used;
    uint64_t n_in;     /* bytes that went into the ring */
    uint64_t n_out;    /* bytes that were written, or lost with their reader */
    uint64_t n_unsaid; /* lines shed since the last report; not 0: more are being shed */
} writer = {.lock = PTHREAD_MUTEX_INITIALIZER, .descriptor = STDERR_FILENO, .in_use = -1};

static char ring[RING_BYTES];

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic tr_log_level_t threshold = TR_LOG_INFO;
static _Atomic tr_log_format_t chosen_format = TR_LOG_LOGFMT;
static _Atomic uint64_t n_shed;

static struct timespec later(clockid_t clock, int64_t delay_ms)
{
    struct timespec time;
    clock_gettime(clock, &time);
    time.tv_sec += (time_t)(delay_ms / 1000);
    time.tv_nsec += (long)(delay_ms % 1000) * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

static void write_line(tr_log_line_t *line, tr_log_level_t level, const char *event,
                       const tr_field_t *fields, size_t n_fields)
{
    struct timespec now = later(CLOCK_REALTIME, 0);
    int64_t wall_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    tr_log_format_t format = atomic_load_explicit(&chosen_format, memory_order_relaxed);
    tr_log_line_write(line, format, wall_ms, level, event, fields, n_fields);
}

static void append(const tr_log_line_t *line)
{
    assert(line->size <= RING_BYTES - writer.used);
    size_t tail = (writer.head + writer.used) % RING_BYTES;
    size_t until_end = RING_BYTES - tail;
    size_t first = line->size < until_end ? line->size : until_end;
    memcpy(ring + tail, line->bytes, first);
    memcpy(ring, line->bytes + first, line->size - first);
    writer.used += line->size;
    writer.n_in += line->size;
}

/* Take whole lines, as many as fit. One always does. */
static size_t take(char chunk[TR_LOG_LINE_MAX])
{
    size_t size = writer.used < TR_LOG_LINE_MAX ? writer.used : TR_LOG_LINE_MAX;
    size_t until_end = RING_BYTES - writer.head;
    size_t first = size < until_end ? size : until_end;
    memcpy(chunk, ring + writer.head, first);
    memcpy(chunk + first, ring, size - first);
    while (chunk[size - 1] != '\n') {
        size--;
    }
    writer.head = (writer.head + size) % RING_BYTES;
    writer.used -= size;
    return size;
}

static void report_shed(void)
{
    tr_log_line_t line;
    const tr_field_t field = TR_NUMBER("lines", writer.n_unsaid);
    write_line(&line, TR_LOG_WARNING, "log_shed", &field, 1);
    append(&line);
    writer.n_unsaid = 0;
}

/* Returns how many bytes were written, 0 when there is no room now, -1 when there will never
 * be any. */
static ssize_t write_some(int descriptor, const char *bytes, size_t size)
{
    struct pollfd ready = {.fd = descriptor, .events = POLLOUT};
    if (poll(&ready, 1, POLL_MS) <= 0) {
        return 0;
    }
    ssize_t n = write(descriptor, bytes, size);
    return n < 0 && (errno == EINTR || errno == EAGAIN) ? 0 : n;
}

static uint64_t count_lines(const char *bytes, size_t size)
{
    uint64_t n = 0;
    for (size_t i = 0; i < size; i++) {
        n += bytes[i] == '\n';
    }
    return n;
}

/* Called with the lock, which is free while there is waiting and writing. What has no reader
 * is lost without a report, since nobody would read that either. */
static void deliver(const char *chunk, size_t size)
{
    size_t sent = 0;
    while (sent < size) {
        int descriptor = writer.descriptor;
        writer.in_use = descriptor;
        pthread_mutex_unlock(&writer.lock);
        ssize_t n = write_some(descriptor, chunk + sent, size - sent);
        pthread_mutex_lock(&writer.lock);
        writer.in_use = -1;
        pthread_cond_broadcast(&writer.moved);

        if (n >= 0) {
            sent += (size_t)n;
        } else if (writer.descriptor == descriptor) {
            atomic_fetch_add(&n_shed, count_lines(chunk + sent, size - sent));
            return;
        }
    }
}

static void *write_out(void *arg)
{
    (void)arg;
    char chunk[TR_LOG_LINE_MAX];
    pthread_mutex_lock(&writer.lock);
    for (;;) {
        while (writer.used == 0) {
            pthread_cond_wait(&writer.arrived, &writer.lock);
        }
        size_t size = take(chunk);
        if (writer.n_unsaid > 0 && writer.used <= RING_BYTES / 2) {
            report_shed();
        }
        deliver(chunk, size);
        writer.n_out += size;
        pthread_cond_broadcast(&writer.moved);
    }
    return NULL;
}

/* Signals are for the program's threads. Without a thread lines wait in the ring, and the
 * next one tries again. */
static void start_thread(void)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    if (pthread_create(&thread, NULL, write_out, NULL) == 0) {
        pthread_detach(thread);
        writer.is_running = true;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void make_conditions(void)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&writer.arrived, &attributes);
    pthread_cond_init(&writer.moved, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void before_fork(void)
{
    pthread_mutex_lock(&writer.lock);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&writer.lock);
}

static void after_fork_in_child(void)
{
    make_conditions();
    writer.is_running = false;
    writer.in_use = -1;
    writer.head = 0;
    writer.used = 0;
    writer.n_out = writer.n_in;
    writer.n_unsaid = 0;
    pthread_mutex_unlock(&writer.lock);
}

static void flush_at_exit(void)
{
    tr_log_flush(EXIT_FLUSH_MS);
}

static void prepare(void)
{
    make_conditions();
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    atexit(flush_at_exit);
}

static bool was_shed(const tr_log_line_t *line)
{
    if (writer.n_unsaid == 0 && line->size <= RING_BYTES - writer.used) {
        return false;
    }
    writer.n_unsaid++;
    atomic_fetch_add(&n_shed, 1);
    return true;
}

void tr_log_write(tr_log_level_t level, const char *event, const tr_field_t *fields,
                  size_t n_fields)
{
    assert(level < TR_LOG_OFF);
    if (level < atomic_load_explicit(&threshold, memory_order_relaxed)) {
        return;
    }
    tr_log_line_t line;
    write_line(&line, level, event, fields, n_fields);

    pthread_once(&once, prepare);
    pthread_mutex_lock(&writer.lock);
    if (!writer.is_running) {
        start_thread();
    }
    if (!was_shed(&line)) {
        append(&line);
        pthread_cond_signal(&writer.arrived);
    }
    pthread_mutex_unlock(&writer.lock);
}

void tr_log_set_level(tr_log_level_t level)
{
    atomic_store_explicit(&threshold, level, memory_order_relaxed);
}

troupe_status_t tr_log_level_parse(const char *name, tr_log_level_t *out)
{
    assert(name && out);
    for (int i = TR_LOG_DEBUG; i <= TR_LOG_OFF; i++) {
        if (strcmp(tr_log_level_name((tr_log_level_t)i), name) == 0) {
            *out = (tr_log_level_t)i;
            return TROUPE_OK;
        }
    }
    return TROUPE_NOT_FOUND;
}

void tr_log_set_format(tr_log_format_t format)
{
    atomic_store_explicit(&chosen_format, format, memory_order_relaxed);
}

void tr_log_set_descriptor(int descriptor)
{
    assert(descriptor >= 0);
    pthread_once(&once, prepare);
    struct timespec deadline = later(CLOCK_MONOTONIC, LET_GO_MS);
    pthread_mutex_lock(&writer.lock);
    int before = writer.descriptor;
    writer.descriptor = descriptor;
    int waited = 0;
    while (waited == 0 && before != descriptor && writer.in_use == before) {
        waited = pthread_cond_timedwait(&writer.moved, &writer.lock, &deadline);
    }
    pthread_mutex_unlock(&writer.lock);
}

troupe_status_t tr_log_flush(int64_t timeout_ms)
{
    pthread_once(&once, prepare);
    struct timespec deadline = later(CLOCK_MONOTONIC, timeout_ms > 0 ? timeout_ms : 0);
    pthread_mutex_lock(&writer.lock);
    uint64_t target = writer.n_in + (writer.n_unsaid > 0 ? 1 : 0);
    int waited = 0;
    while (waited == 0 && writer.n_out < target) {
        waited = pthread_cond_timedwait(&writer.moved, &writer.lock, &deadline);
    }
    troupe_status_t status = writer.n_out < target ? TROUPE_TIMEOUT : TROUPE_OK;
    pthread_mutex_unlock(&writer.lock);
    return status;
}

uint64_t tr_log_n_shed(void)
{
    return atomic_load_explicit(&n_shed, memory_order_relaxed);
}
