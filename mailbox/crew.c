/* Owners that were called wait in one line; who is in it is known by the mailbox, so that each
 * is in it once.
 *
 * A thread of the crew that calls comes back for it when it is done with whom it carries, so
 * that wakes nobody, unless the line is long. But it may not come back. So there is always, as
 * long as one is at work, another one awake, or one that *watches*: it sleeps, and looks again
 * soon. When all has been quiet for a second, all sleep until they are woken.
 */

#include "mailbox/crew.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "mailbox/mailbox.h"

#define LOOK_MS        10
#define LOOKS_IN_QUIET 100
#define CALLS_A_THREAD 64 /* that wait: then one more is woken */
#define FIRST_CAPACITY 64
#define STOP_S         5

struct tr_crew {
    atomic_uint holders; /* each thread is one */
    size_t size;
    pthread_mutex_t mutex; /* for all below */
    pthread_cond_t is_called;
    pthread_cond_t has_ended;
    struct {
        tr_mailbox_t **mailboxes; /* shares, in a ring */
        size_t capacity;
        size_t first;
        size_t n;
    } line;
    size_t n_threads; /* those that were given up included */
    size_t n_given_up;
    size_t n_asleep;
    size_t n_watching; /* of them */
    uint64_t n_taken;  /* out of the line, ever */
    bool is_stopping;
};

/* ---- the line ---- */

static bool lengthen(tr_crew_t *self)
{
    size_t capacity = self->line.capacity ? 2 * self->line.capacity : FIRST_CAPACITY;
    tr_mailbox_t **mailboxes = calloc(capacity, sizeof(tr_mailbox_t *));
    if (!mailboxes) {
        return false;
    }
    for (size_t i = 0; i < self->line.n; i++) {
        mailboxes[i] = self->line.mailboxes[(self->line.first + i) % self->line.capacity];
    }
    free(self->line.mailboxes);
    self->line.mailboxes = mailboxes;
    self->line.capacity = capacity;
    self->line.first = 0;
    return true;
}

static bool append(tr_crew_t *self, tr_mailbox_t *mailbox)
{
    if (self->line.n == self->line.capacity && !lengthen(self)) {
        return false;
    }
    size_t place = (self->line.first + self->line.n) % self->line.capacity;
    self->line.mailboxes[place] = tr_mailbox_share(mailbox);
    self->line.n++;
    return true;
}

static tr_mailbox_t *take_first(tr_crew_t *self)
{
    tr_mailbox_t *mailbox = self->line.mailboxes[self->line.first];
    self->line.first = (self->line.first + 1) % self->line.capacity;
    self->line.n--;
    self->n_taken++;
    return mailbox;
}

/* ---- a thread ---- */

static struct timespec soon(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += LOOK_MS * 1000000L;
    if (at.tv_nsec >= 1000000000L) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000L;
    }
    return at;
}

static void sleep_for_a_call(tr_crew_t *self, bool watches)
{
    self->n_asleep++;
    self->n_watching += watches;
    if (watches) {
        struct timespec until = soon();
        pthread_cond_timedwait(&self->is_called, &self->mutex, &until);
    } else {
        pthread_cond_wait(&self->is_called, &self->mutex);
    }
    self->n_watching -= watches;
    self->n_asleep--;
}

/* Who is next, a share; NULL: nobody any more. */
static tr_mailbox_t *next_called(tr_crew_t *self)
{
    size_t n_quiet = 0;
    while (self->line.n == 0 && !self->is_stopping) {
        uint64_t n_taken = self->n_taken;
        sleep_for_a_call(self, n_quiet < LOOKS_IN_QUIET);
        n_quiet = n_taken == self->n_taken ? n_quiet + 1 : 0;
    }
    return self->is_stopping ? NULL : take_first(self);
}

static void *work(void *arg)
{
    tr_crew_t *self = arg;
    pthread_setname_np(pthread_self(), "crew");
    bool is_given_up = false;
    tr_mailbox_t *mailbox;
    pthread_mutex_lock(&self->mutex);
    while (!is_given_up && (mailbox = next_called(self)) != NULL) {
        pthread_mutex_unlock(&self->mutex);
        is_given_up = !tr_mailbox_be_carried(mailbox);
        tr_mailbox_release(&mailbox);
        pthread_mutex_lock(&self->mutex);
    }
    self->n_given_up -= is_given_up;
    self->n_threads--;
    pthread_cond_broadcast(&self->has_ended);
    pthread_mutex_unlock(&self->mutex);
    tr_crew_release(&self);
    return NULL;
}

/* Signals are the node's business; faults stay ours. */
static void block_signals(sigset_t *before)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    sigset_t set;
    sigfillset(&set);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        sigdelset(&set, faults[i]);
    }
    pthread_sigmask(SIG_BLOCK, &set, before);
}

static bool start_one(tr_crew_t *self)
{
    pthread_t thread;
    sigset_t signals;
    atomic_fetch_add_explicit(&self->holders, 1, memory_order_relaxed);
    block_signals(&signals);
    bool is_started = pthread_create(&thread, NULL, work, self) == 0;
    pthread_sigmask(SIG_SETMASK, &signals, NULL);
    if (is_started) {
        pthread_detach(thread);
        self->n_threads++;
    } else {
        atomic_fetch_sub_explicit(&self->holders, 1, memory_order_relaxed); /* not the last */
    }
    return is_started;
}

static size_t n_at_hand(const tr_crew_t *self)
{
    return self->n_threads - self->n_given_up;
}

/* As many as there should be; with fewer it goes too. */
static bool man(tr_crew_t *self)
{
    while (n_at_hand(self) < self->size && start_one(self)) {
    }
    return n_at_hand(self) > 0;
}

/* ---- the crew ---- */

tr_crew_t *tr_crew_new(size_t size)
{
    assert(size >= 2);
    tr_crew_t *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    atomic_init(&self->holders, 1);
    self->size = size;
    pthread_mutexattr_t adaptive;
    pthread_mutexattr_init(&adaptive);
    pthread_mutexattr_settype(&adaptive, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(&self->mutex, &adaptive);
    pthread_mutexattr_destroy(&adaptive);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&self->is_called, &monotonic);
    pthread_cond_init(&self->has_ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return self;
}

tr_crew_t *tr_crew_share(tr_crew_t *self)
{
    assert(self);
    atomic_fetch_add_explicit(&self->holders, 1, memory_order_relaxed);
    return self;
}

void tr_crew_release(tr_crew_t **self_p)
{
    assert(self_p);
    tr_crew_t *self = *self_p;
    *self_p = NULL;
    if (!self || atomic_fetch_sub_explicit(&self->holders, 1, memory_order_acq_rel) != 1) {
        return;
    }
    assert(self->line.n == 0);
    free(self->line.mailboxes);
    pthread_cond_destroy(&self->is_called);
    pthread_cond_destroy(&self->has_ended);
    pthread_mutex_destroy(&self->mutex);
    free(self);
}

static void send_away(tr_crew_t *self)
{
    while (self->line.n > 0) {
        tr_mailbox_t *mailbox = take_first(self);
        tr_mailbox_release(&mailbox);
    }
}

void tr_crew_stop(tr_crew_t *self)
{
    assert(self);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STOP_S;
    pthread_mutex_lock(&self->mutex);
    self->is_stopping = true;
    send_away(self);
    pthread_cond_broadcast(&self->is_called);
    int result = 0;
    while (n_at_hand(self) > 0 && result == 0) {
        result = pthread_cond_timedwait(&self->has_ended, &self->mutex, &until);
    }
    pthread_mutex_unlock(&self->mutex);
}

/* Whoever hangs from now on is not the last who could see what is in the line. */
static void see_to_it(tr_crew_t *self)
{
    size_t n_awake = n_at_hand(self) - self->n_asleep;
    if (self->n_asleep > 0 &&
        (n_awake == 0 || self->n_watching == 0 || self->line.n > CALLS_A_THREAD * n_awake)) {
        pthread_cond_signal(&self->is_called);
    }
    if (n_awake == 0 && self->n_watching == 0) {
        pthread_cond_signal(&self->is_called); /* one to work, and one to watch */
    }
}

bool tr_crew_call(tr_crew_t *self, tr_mailbox_t *mailbox)
{
    assert(self && mailbox);
    pthread_mutex_lock(&self->mutex);
    bool is_called = !self->is_stopping && man(self) && append(self, mailbox);
    if (is_called) {
        see_to_it(self);
    }
    pthread_mutex_unlock(&self->mutex);
    return is_called;
}

void tr_crew_replace(tr_crew_t *self)
{
    assert(self);
    pthread_mutex_lock(&self->mutex);
    self->n_given_up++;
    if (!self->is_stopping) {
        man(self);
    }
    pthread_mutex_unlock(&self->mutex);
}
