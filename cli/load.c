/* A client's thread sends what is due, takes what has come, and sleeps until one of the two
 * goes on. When sending is over it waits for what is outstanding, then cancels it, then gives
 * it up: each of these has a bound, so that a node that is silent holds nobody.
 *
 * The flags are atomic and only ever set. The descriptor `stopping` becomes readable when one
 * of them is, so that a sleeper hears of it; the last client that ends makes `ended` readable.
 */

#include "cli/load.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/outstanding.h"

enum {
    SENT_A_TURN = 64, /* then what has come is looked at */
    TAKEN_A_TURN = 1024,
    GRACE_MS = 1000, /* for what is outstanding when sending is over, beyond its deadline */
    CANCEL_WAIT_MS = 2000,
    WHY_LENGTH = 512,
};

#define NS_PER_MS   INT64_C(1000000)
#define NS_PER_S    INT64_C(1000000000)
#define LONGEST_NAP (100 * NS_PER_MS) /* even a client that forgets to ring is looked at */

typedef enum stage {
    STAGE_SENDING,
    STAGE_WAITING,    /* for what is outstanding */
    STAGE_CANCELLING, /* likewise, after it was told to end */
    STAGE_OVER,
} stage_t;

typedef struct loader {
    cli_load_t *load;
    size_t index;
    pthread_t thread;
    bool is_started;
    troupe_client_t *client;
    troupe_message_t *request; /* shares the plan's frames: a share is of one thread */
    cli_outstanding_t *outstanding;
    stage_t stage;
    int64_t stage_ends_ns;
    uint64_t n_begun;   /* warming up among them */
    uint64_t n_allowed; /* that count; UINT64_MAX: as many as there is time for */
    cli_tally_t tally;
    troupe_outcome_t hopeless;
    char why[WHY_LENGTH];
} loader_t;

struct cli_load {
    cli_load_plan_t plan;
    int64_t began_ns;
    int64_t counts_from_ns;
    int64_t sends_until_ns;
    atomic_bool is_stopped;
    atomic_size_t n_running;
    int stopping;
    int ended;
    cli_tally_t sum;
    loader_t *loaders; /* as many as the plan has clients */
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t cli_load_due_ns(uint64_t k, size_t index, size_t n_clients, uint64_t rate)
{
    uint64_t n_before = k * n_clients + index;
    return (int64_t)(n_before / rate) * NS_PER_S +
           (int64_t)(n_before % rate * (uint64_t)NS_PER_S / rate);
}

uint64_t cli_load_n_due(int64_t after_ns, size_t index, size_t n_clients, uint64_t rate)
{
    uint64_t seconds = (uint64_t)(after_ns / NS_PER_S);
    uint64_t rest_ns = (uint64_t)(after_ns % NS_PER_S);
    uint64_t n_of_all =
        seconds * rate + (rest_ns * rate + (uint64_t)NS_PER_S - 1) / (uint64_t)NS_PER_S;
    return (n_of_all + n_clients - 1 - index) / n_clients;
}

static void ring(int descriptor)
{
    const uint64_t one = 1;
    ssize_t n_written = write(descriptor, &one, sizeof one);
    assert(n_written == sizeof one); /* of a counter that is far from full */
    (void)n_written;
}

static void stop_all(cli_load_t *load)
{
    if (!atomic_exchange(&load->is_stopped, true)) {
        ring(load->stopping);
    }
}

/* ---- sending ---- */

static int64_t next_due_ns(const loader_t *self, int64_t at_ns)
{
    const cli_load_plan_t *plan = &self->load->plan;
    if (plan->rate == 0) {
        return at_ns;
    }
    return self->load->began_ns +
           cli_load_due_ns(self->n_begun, self->index, plan->n_clients, plan->rate);
}

static bool has_room(const loader_t *self)
{
    return cli_outstanding_n(self->outstanding) < self->load->plan.n_outstanding;
}

/* Whether one that is due then is to be sent at all. */
static bool is_wanted(const loader_t *self, int64_t due_ns)
{
    return due_ns < self->load->sends_until_ns &&
           (self->tally.n_sent < self->n_allowed || due_ns < self->load->counts_from_ns);
}

static void send_one(loader_t *self, int64_t due_ns)
{
    cli_tally_t *tally = &self->tally;
    cli_sent_t sent = {.due_ns = due_ns, .counts = due_ns >= self->load->counts_from_ns};
    troupe_message_t *request = cli_need(troupe_message_share(self->request));
    if (troupe_client_start(self->client, self->load->plan.capability,
                            &self->load->plan.options, &request, &sent.id) != TROUPE_OK) {
        cli_need(NULL);
    }
    cli_outstanding_add(self->outstanding, &sent);
    self->n_begun++;
    if (sent.counts) {
        tally->n_sent++;
        tally->bytes_sent += troupe_message_bytes(self->request);
        tally->first_ns = tally->first_ns ? tally->first_ns : due_ns;
    }
}

static void send_due(loader_t *self)
{
    for (int i = 0; i < SENT_A_TURN && has_room(self); i++) {
        int64_t at_ns = now_ns();
        int64_t due_ns = next_due_ns(self, at_ns);
        if (due_ns > at_ns || !is_wanted(self, due_ns)) {
            return;
        }
        send_one(self, due_ns);
    }
}

/* ---- what comes back ---- */

/* What the same request would meet again. */
static bool is_hopeless(troupe_outcome_t outcome)
{
    return outcome == TROUPE_OUTCOME_NO_CAPABILITY || outcome == TROUPE_OUTCOME_FORBIDDEN ||
           outcome == TROUPE_OUTCOME_BAD_REQUEST || outcome == TROUPE_OUTCOME_TOO_LARGE;
}

static void give_up(loader_t *self, const troupe_reply_t *final)
{
    self->hopeless = troupe_reply_outcome(final);
    snprintf(self->why, sizeof self->why, "%s", troupe_reply_text(final));
    stop_all(self->load);
}

static void note_part(loader_t *self, const troupe_reply_t *part, int64_t at_ns)
{
    cli_sent_t *sent = cli_outstanding_find(self->outstanding, troupe_reply_id(part));
    if (!sent) {
        self->tally.n_stray++;
        return;
    }
    if (sent->counts && !sent->has_part) {
        cli_histogram_add(self->tally.first_part, at_ns - sent->due_ns, 1);
    }
    sent->has_part = true;
    self->tally.bytes_received +=
        sent->counts ? troupe_message_bytes(troupe_reply_message(part)) : 0;
}

static void note_final(loader_t *self, const troupe_reply_t *final, int64_t at_ns)
{
    cli_sent_t sent;
    cli_tally_t *tally = &self->tally;
    troupe_outcome_t outcome = troupe_reply_outcome(final);
    if (!cli_outstanding_take(self->outstanding, troupe_reply_id(final), &sent)) {
        tally->n_stray++;
        return;
    }
    if (is_hopeless(outcome) && self->hopeless == TROUPE_OUTCOME_OK) {
        give_up(self, final);
    }
    if (!sent.counts) {
        return;
    }
    tally->outcomes[outcome]++;
    tally->bytes_received += troupe_message_bytes(troupe_reply_message(final));
    tally->last_ns = at_ns;
    if (outcome == TROUPE_OUTCOME_OK) {
        cli_histogram_add(tally->latency, at_ns - sent.due_ns, 1);
    }
}

static void take_what_came(loader_t *self)
{
    troupe_reply_t *reply = NULL;
    for (int i = 0; i < TAKEN_A_TURN; i++) {
        if (troupe_client_next(self->client, 0, &reply) != TROUPE_OK) {
            return;
        }
        if (troupe_reply_is_final(reply)) {
            note_final(self, reply, now_ns());
        } else {
            note_part(self, reply, now_ns());
        }
        troupe_reply_destroy(&reply);
    }
}

/* ---- stages ---- */

static void cancel(void *arg, const cli_sent_t *sent)
{
    troupe_client_cancel(((loader_t *)arg)->client, sent->id);
}

/* How many that count were due before `at_ns`, by the rate, and have not been sent. */
static uint64_t count_unsent(const loader_t *self, int64_t at_ns)
{
    const cli_load_t *load = self->load;
    const cli_load_plan_t *plan = &load->plan;
    if (plan->rate == 0) {
        return 0;
    }
    int64_t until_ns = at_ns < load->sends_until_ns ? at_ns : load->sends_until_ns;
    uint64_t n_warm = cli_load_n_due(load->counts_from_ns - load->began_ns, self->index,
                                     plan->n_clients, plan->rate);
    uint64_t n_due =
        cli_load_n_due(until_ns - load->began_ns, self->index, plan->n_clients, plan->rate);
    uint64_t n_begun = self->n_begun > n_warm ? self->n_begun : n_warm;
    uint64_t n_unsent = n_due > n_begun ? n_due - n_begun : 0;
    uint64_t n_left = self->n_allowed - self->tally.n_sent;
    return n_unsent < n_left ? n_unsent : n_left;
}

static void end_sending(loader_t *self, int64_t at_ns)
{
    self->tally.n_unsent = count_unsent(self, at_ns);
    self->stage = STAGE_WAITING;
    self->stage_ends_ns = at_ns + (self->load->plan.options.timeout_ms + GRACE_MS) * NS_PER_MS;
}

static void begin_cancelling(loader_t *self, int64_t at_ns)
{
    cli_outstanding_each(self->outstanding, cancel, self);
    self->stage = STAGE_CANCELLING;
    self->stage_ends_ns = at_ns + CANCEL_WAIT_MS * NS_PER_MS;
}

static bool may_still_send(const loader_t *self, int64_t at_ns)
{
    int64_t due_ns = next_due_ns(self, at_ns);
    return is_wanted(self, due_ns) && at_ns < self->load->sends_until_ns;
}

static void move_on(loader_t *self)
{
    int64_t at_ns = now_ns();
    bool is_stopped = atomic_load(&self->load->is_stopped);
    if (self->stage == STAGE_SENDING && (is_stopped || !may_still_send(self, at_ns))) {
        end_sending(self, at_ns);
    }
    if (self->stage == STAGE_WAITING && (is_stopped || at_ns >= self->stage_ends_ns)) {
        begin_cancelling(self, at_ns);
    }
    bool is_idle = cli_outstanding_n(self->outstanding) == 0;
    if (self->stage != STAGE_SENDING && (is_idle || at_ns >= self->stage_ends_ns)) {
        self->stage = STAGE_OVER;
    }
}

static int64_t wakes_at_ns(const loader_t *self, int64_t at_ns)
{
    if (self->stage != STAGE_SENDING) {
        return self->stage_ends_ns;
    }
    int64_t until_ns = self->load->sends_until_ns;
    if (!has_room(self)) {
        return until_ns;
    }
    int64_t due_ns = next_due_ns(self, at_ns);
    return due_ns < until_ns ? due_ns : until_ns;
}

/* A stop that was heard already is not waited for again: it would be readable for ever. */
static void sleep_until_something(loader_t *self)
{
    int64_t at_ns = now_ns();
    int64_t nap_ns = wakes_at_ns(self, at_ns) - at_ns;
    nap_ns = nap_ns < 0 ? 0 : nap_ns > LONGEST_NAP ? LONGEST_NAP : nap_ns;
    struct timespec nap = {.tv_sec = nap_ns / NS_PER_S, .tv_nsec = nap_ns % NS_PER_S};
    struct pollfd pollers[] = {
        {.fd = troupe_client_fd(self->client), .events = POLLIN},
        {.fd = self->stage == STAGE_CANCELLING ? -1 : self->load->stopping, .events = POLLIN},
    };
    ppoll(pollers, 2, &nap, NULL);
}

static void *serve(void *arg)
{
    loader_t *self = arg;
    prctl(PR_SET_TIMERSLACK, 1UL); /* what is due is sent when it is due */
    while (self->stage != STAGE_OVER) {
        if (self->stage == STAGE_SENDING) {
            send_due(self);
        }
        take_what_came(self);
        move_on(self);
        if (self->stage != STAGE_OVER) {
            sleep_until_something(self);
        }
    }
    if (atomic_fetch_sub(&self->load->n_running, 1) == 1) {
        ring(self->load->ended);
    }
    return NULL;
}

/* ---- all clients ---- */

static void init_tally(cli_tally_t *tally)
{
    tally->latency = cli_histogram_new();
    tally->first_part = cli_histogram_new();
}

static void finish_tally(cli_tally_t *tally)
{
    cli_histogram_destroy(&tally->latency);
    cli_histogram_destroy(&tally->first_part);
}

/* The requests are shared out evenly, the first clients take what is over. */
static uint64_t share_of(const cli_load_plan_t *plan, size_t index)
{
    if (plan->n_requests == 0) {
        return UINT64_MAX;
    }
    return plan->n_requests / plan->n_clients + (index < plan->n_requests % plan->n_clients);
}

cli_load_t *cli_load_new(const cli_load_plan_t *plan, troupe_client_t **clients)
{
    assert(plan->n_clients > 0 && plan->n_outstanding > 0);
    assert(plan->lasts_ms > 0 && plan->options.timeout_ms > 0);
    cli_load_t *self = cli_need(calloc(1, sizeof *self));
    self->plan = *plan;
    self->stopping = eventfd(0, EFD_CLOEXEC);
    self->ended = eventfd(0, EFD_CLOEXEC);
    self->loaders = cli_need(calloc(plan->n_clients, sizeof *self->loaders));
    init_tally(&self->sum);
    for (size_t i = 0; i < plan->n_clients; i++) {
        loader_t *loader = &self->loaders[i];
        loader->load = self;
        loader->index = i;
        loader->client = clients[i];
        clients[i] = NULL;
        loader->request = cli_need(troupe_message_share(plan->request));
        loader->outstanding = cli_outstanding_new(plan->n_outstanding);
        loader->n_allowed = share_of(plan, i);
        init_tally(&loader->tally);
    }
    return self;
}

bool cli_load_start(cli_load_t *self)
{
    const cli_load_plan_t *plan = &self->plan;
    self->began_ns = now_ns();
    self->counts_from_ns = self->began_ns + plan->warm_up_ms * NS_PER_MS;
    self->sends_until_ns = self->counts_from_ns + plan->lasts_ms * NS_PER_MS;
    atomic_store(&self->n_running, plan->n_clients);
    for (size_t i = 0; i < plan->n_clients; i++) {
        loader_t *loader = &self->loaders[i];
        if (self->stopping < 0 || self->ended < 0 ||
            pthread_create(&loader->thread, NULL, serve, loader) != 0) {
            return false;
        }
        loader->is_started = true;
    }
    return true;
}

int cli_load_fd(const cli_load_t *self)
{
    return self->ended;
}

int64_t cli_load_counts_from_ms(const cli_load_t *self)
{
    return self->counts_from_ns / NS_PER_MS;
}

void cli_load_stop(cli_load_t *self)
{
    stop_all(self);
}

static void add_up(cli_tally_t *sum, const cli_tally_t *tally)
{
    cli_histogram_merge(sum->latency, tally->latency);
    cli_histogram_merge(sum->first_part, tally->first_part);
    for (size_t i = 0; i < TROUPE_N_OUTCOMES; i++) {
        sum->outcomes[i] += tally->outcomes[i];
    }
    sum->n_sent += tally->n_sent;
    sum->n_unsent += tally->n_unsent;
    sum->n_missing += tally->n_missing;
    sum->n_stray += tally->n_stray;
    sum->bytes_sent += tally->bytes_sent;
    sum->bytes_received += tally->bytes_received;
    if (tally->first_ns > 0 && (sum->first_ns == 0 || tally->first_ns < sum->first_ns)) {
        sum->first_ns = tally->first_ns;
    }
    sum->last_ns = tally->last_ns > sum->last_ns ? tally->last_ns : sum->last_ns;
}

static void join_all(cli_load_t *self)
{
    for (size_t i = 0; i < self->plan.n_clients; i++) {
        if (self->loaders[i].is_started) {
            pthread_join(self->loaders[i].thread, NULL);
            self->loaders[i].is_started = false;
        }
    }
}

const cli_tally_t *cli_load_finish(cli_load_t *self)
{
    join_all(self);
    for (size_t i = 0; i < self->plan.n_clients; i++) {
        loader_t *loader = &self->loaders[i];
        loader->tally.n_missing = cli_outstanding_n(loader->outstanding);
        add_up(&self->sum, &loader->tally);
    }
    return &self->sum;
}

troupe_outcome_t cli_load_hopeless(const cli_load_t *self, const char **text_out)
{
    for (size_t i = 0; i < self->plan.n_clients; i++) {
        if (self->loaders[i].hopeless != TROUPE_OUTCOME_OK) {
            *text_out = self->loaders[i].why;
            return self->loaders[i].hopeless;
        }
    }
    return TROUPE_OUTCOME_OK;
}

static void finish_loader(loader_t *loader)
{
    troupe_client_destroy(&loader->client);
    troupe_message_destroy(&loader->request);
    cli_outstanding_destroy(&loader->outstanding);
    finish_tally(&loader->tally);
}

void cli_load_destroy(cli_load_t **self_p)
{
    assert(self_p);
    cli_load_t *self = *self_p;
    if (!self) {
        return;
    }
    if (self->stopping >= 0) {
        stop_all(self);
    }
    join_all(self);
    for (size_t i = 0; i < self->plan.n_clients; i++) {
        finish_loader(&self->loaders[i]);
    }
    finish_tally(&self->sum);
    if (self->stopping >= 0) {
        close(self->stopping);
    }
    if (self->ended >= 0) {
        close(self->ended);
    }
    free(self->loaders);
    free(self);
    *self_p = NULL;
}
