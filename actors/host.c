/* Everything that goes to the node about a request passes the proxy's mailbox: what the worker
 * answers, and what the proxy itself has to answer in its place. So there is one order, and one
 * place that waits when the node does not read: letters are taken only while the socket has
 * room. A worker that sends parts then waits at the mailbox, as it would before a slow router.
 * Pongs and progress do not wait; a node that does not read does not need them.
 *
 * The envelopes here answer nobody by themselves. Whoever lets go of a job unanswered is the
 * worker at its end, and of that the node is told as a whole.
 *
 * Invariant: `jobs` holds a share of each request that was given to the worker and has had no
 * final yet.
 */

#include "actors/host.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "actors/uplink.h"
#include "actors/worker_state.h"
#include "base/clock.h"
#include "base/idmap.h"
#include "base/log.h"
#include "mailbox/reply.h"

#define VERSION           1
#define CONNECT_MS        2000 /* the node is there before the worker is started */
#define LEAVE_MS          2000 /* for the worker to end when the node is lost */
#define LAST_STEPS_MS     2000 /* for a thread that has said that it ended */
#define LINGER_MS         1000
#define FLUSH_MS          500
#define PROGRESS_MS       100
#define LETTERS_PER_TURN  256
#define COMMANDS_PER_TURN 256
#define MAILBOX_LETTERS   1000
#define MAILBOX_BYTES     ((size_t)64 << 20)

struct tr_host {
    tr_uplink_t *uplink;
    tr_runtime_t *runtime;
    tr_mailbox_t *mailbox;
    tr_actor_t *worker;
    tr_idmap_t jobs; /* tr_job_t by id */
    int signals;
    char *name;
    bool is_started;
    bool has_ended;
    bool is_stopping;   /* the worker was asked to stop */
    bool is_terminated; /* by SIGTERM */
    bool is_lost;       /* the node is */
    tr_reason_t reason; /* why the worker ended */
    int64_t connect_by_ms;
    int64_t leave_by_ms; /* whatever the worker does */
    int64_t progress_ms; /* what the node knows of */
    int64_t look_ms;     /* when to look for progress again */
};

/* ---- making ---- */

static int open_signals(void)
{
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    sigset_t read;
    sigemptyset(&read);
    sigaddset(&read, SIGTERM);
    return signalfd(-1, &read, SFD_CLOEXEC | SFD_NONBLOCK);
}

static troupe_status_t say_hello(tr_host_t *self, const char *token)
{
    tr_trp1_t hello;
    tr_trp1_init(&hello, TR_TRP1_HELLO, 0);
    hello.version_min = VERSION;
    hello.version_max = VERSION;
    hello.state = tr_span_of(tr_worker_state_name(TR_WORKER_LOADING));
    hello.token = tr_span_of(token);
    return tr_uplink_send(self->uplink, &hello, NULL, 0);
}

/* False with errno. */
static bool set_up(tr_host_t *self, const tr_host_place_t *place)
{
    self->signals = open_signals();
    if (self->signals < 0) {
        return false;
    }
    self->uplink = tr_uplink_new(place->endpoint);
    if (!self->uplink) {
        return false;
    }
    if (say_hello(self, place->token) != TROUPE_OK) {
        errno = EINVAL; /* the token is too long */
        return false;
    }
    zsys_init();
    zsys_handler_set(NULL);
    self->name = strdup(place->name);
    self->runtime = tr_runtime_new(place->name);
    self->mailbox =
        tr_mailbox_new(place->name, 0, (tr_mailbox_limits_t){MAILBOX_LETTERS, MAILBOX_BYTES});
    errno = ENOMEM;
    return self->name && self->runtime && self->mailbox;
}

tr_host_t *tr_host_new(const tr_host_place_t *place)
{
    assert(place && place->endpoint && place->token && place->name);
    tr_host_t *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    self->signals = -1;
    self->connect_by_ms = tr_clock_after(tr_clock_now_ms(), CONNECT_MS);
    self->leave_by_ms = TR_NEVER;
    tr_idmap_init(&self->jobs);
    if (!set_up(self, place)) {
        int reason = errno;
        tr_host_destroy(&self);
        errno = reason;
    }
    return self;
}

/* ---- to the node ---- */

/* What may be left out when there is no room. */
static void mention(tr_host_t *self, const tr_trp1_t *command)
{
    tr_uplink_send(self->uplink, command, NULL, 0);
}

/* What must arrive, and comes last: waiting holds nothing up any more. */
static void say_last(tr_host_t *self, const tr_trp1_t *command)
{
    tr_uplink_send(self->uplink, command, NULL, LINGER_MS);
}

static void say_failed(tr_host_t *self, const char *why)
{
    tr_trp1_t error;
    tr_trp1_init(&error, TR_TRP1_ERROR, 0);
    error.code = tr_span_of(troupe_outcome_name(TROUPE_OUTCOME_WORKER_ERROR));
    error.text = tr_span_of(why);
    error.retryable = troupe_outcome_is_retryable(TROUPE_OUTCOME_WORKER_ERROR);
    say_last(self, &error);
}

static int64_t resident_bytes(void)
{
    long long pages = -1;
    FILE *statm = fopen("/proc/self/statm", "re");
    if (statm) {
        if (fscanf(statm, "%*s %lld", &pages) != 1) {
            pages = -1;
        }
        fclose(statm);
    }
    return pages < 0 ? -1 : (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* One handler may end and the next one begin while this is read: what belongs to two handlers
 * is thrown away, for the next ping to find better. */
static void describe_handler(const tr_pulse_t *pulse, int64_t now_ms, tr_trp1_t *pong)
{
    int64_t since_ms = atomic_load(&pulse->running_since_ms);
    uint64_t running = atomic_load(&pulse->running);
    int64_t progress_ms = atomic_load(&pulse->progress_ms);
    if (since_ms == 0 || running == 0 || atomic_load(&pulse->running_since_ms) != since_ms ||
        atomic_load(&pulse->running) != running) {
        return;
    }
    pong->running = (int64_t)running;
    pong->running_for = now_ms > since_ms ? now_ms - since_ms : 0;
    pong->progress_age = now_ms > progress_ms ? now_ms - progress_ms : 0;
}

static void answer_ping(tr_host_t *self, uint64_t id)
{
    const tr_pulse_t *pulse = self->worker->pulse;
    int64_t now_ms = tr_clock_now_ms();
    tr_trp1_t pong;
    tr_trp1_init(&pong, TR_TRP1_PONG, id);
    tr_worker_state_t state = (tr_worker_state_t)atomic_load(&pulse->state);
    if (state == TR_WORKER_SPAWNING) {
        state = TR_WORKER_LOADING; /* what the process is, its thread will be in a moment */
    }
    pong.state = tr_span_of(tr_worker_state_name(state));
    pong.memory = resident_bytes();
    pong.done = (int64_t)atomic_load(&pulse->n_done);
    describe_handler(pulse, now_ms, &pong);
    if (!self->is_started) {
        pong.progress_age = now_ms - atomic_load(&pulse->progress_ms);
    }
    mention(self, &pong);
}

static bool is_busy(const tr_host_t *self)
{
    return !self->is_started || self->jobs.n_items > 0;
}

static void tell_progress(tr_host_t *self, int64_t now_ms)
{
    if (!is_busy(self) || now_ms < self->look_ms) {
        return;
    }
    self->look_ms = tr_clock_after(now_ms, PROGRESS_MS);
    int64_t progress_ms = atomic_load(&self->worker->pulse->progress_ms);
    if (progress_ms != self->progress_ms) {
        self->progress_ms = progress_ms;
        tr_trp1_t progress;
        tr_trp1_init(&progress, TR_TRP1_PROGRESS, atomic_load(&self->worker->pulse->running));
        mention(self, &progress);
    }
}

/* ---- from the worker ---- */

static void send_part(tr_host_t *self, troupe_reply_t *reply)
{
    tr_trp1_t part;
    tr_trp1_init(&part, TR_TRP1_PART, reply->job->number);
    part.sequence = (int64_t)reply->job->envelope->n_parts++;
    tr_uplink_send(self->uplink, &part, reply->message, 0);
}

/* Who was cancelled only because this process must go may try elsewhere. */
static void amend_outcome(const tr_host_t *self, troupe_reply_t *reply)
{
    bool may_be_ours = reply->outcome == TROUPE_OUTCOME_WORKER_ERROR ||
                       reply->outcome == TROUPE_OUTCOME_CANCELLED;
    if (self->is_terminated && may_be_ours) {
        reply->outcome = TROUPE_OUTCOME_WORKER_LOST;
    }
}

static void send_final(tr_host_t *self, troupe_reply_t *reply)
{
    uint64_t id = reply->job ? reply->job->number : reply->id;
    tr_trp1_t final;
    amend_outcome(self, reply);
    if (reply->outcome == TROUPE_OUTCOME_OK) {
        tr_trp1_init(&final, TR_TRP1_REPLY, id);
        tr_uplink_send(self->uplink, &final, reply->message, 0);
        return;
    }
    tr_trp1_init(&final, TR_TRP1_ERROR, id);
    final.code = tr_span_of(troupe_outcome_name(reply->outcome));
    final.text = tr_span_of(reply->text);
    final.retryable = troupe_outcome_is_retryable(reply->outcome);
    final.state = tr_span_of(reply->was_not_started ? "queued" : "");
    tr_uplink_send(self->uplink, &final, NULL, 0);
}

static void take_reply(tr_host_t *self, troupe_reply_t *reply)
{
    if (!reply->is_final) {
        send_part(self, reply);
        return;
    }
    if (reply->job) {
        tr_job_t *job = tr_idmap_take(&self->jobs, reply->job->number);
        assert(job == reply->job);
        tr_job_release(&job);
    }
    send_final(self, reply);
}

static void take_word(tr_host_t *self, const tr_control_t *word)
{
    if (word->word == TR_WORD_STARTED) {
        self->is_started = true;
        if (!self->is_stopping) {
            tr_trp1_t ready;
            tr_trp1_init(&ready, TR_TRP1_READY, 0);
            tr_uplink_send(self->uplink, &ready, NULL, 0);
        }
    } else if (word->word == TR_WORD_ENDED) {
        self->has_ended = true;
        self->reason = word->reason;
    }
}

static void take_letter(tr_host_t *self, tr_letter_t *letter)
{
    const tr_control_t *word = tr_control_in(letter);
    if (word) {
        take_word(self, word);
    } else if (letter->type == &tr_reply_type) {
        take_reply(self, (troupe_reply_t *)letter);
    }
    tr_letter_destroy(&letter);
}

/* ---- from the node ---- */

/* Answer in the worker's place, behind what it has answered already. */
static void answer(tr_host_t *self, uint64_t id, troupe_outcome_t outcome, bool was_not_started,
                   const char *text)
{
    troupe_reply_t *reply = tr_reply_new(id, true, outcome, text, NULL);
    if (reply) {
        reply->was_not_started = was_not_started;
        tr_letter_t *letter = &reply->letter;
        if (tr_mailbox_post_answer(self->mailbox, TR_LANE_CONTROL, &letter) != TROUPE_OK) {
            tr_letter_destroy(&letter);
        }
    }
}

/* Takes the message. NULL when out of memory. */
static tr_job_t *make_job(tr_host_t *self, const tr_trp1_t *request,
                          troupe_message_t **message_p)
{
    int64_t timeout_ms = request->timeout_ms < 0 ? 0 : request->timeout_ms;
    const tr_header_t header = {
        .capability = request->capability,
        .method = request->method,
        .traceparent = request->traceparent,
        .timeout_ms = timeout_ms,
        .priority = (troupe_priority_t)request->priority,
    };
    tr_envelope_t *envelope = tr_envelope_new(request->id, self->mailbox, &header, message_p);
    if (!envelope) {
        return NULL;
    }
    atomic_store(&envelope->is_answered, true); /* not by itself */
    if (request->timeout_ms >= 0) {
        envelope->deadline_ms = tr_clock_after(envelope->sent_ms, request->timeout_ms);
    }
    tr_job_t *job = tr_job_new(envelope, self->mailbox, request->id);
    tr_envelope_release(&envelope);
    return job;
}

/* Returns what stands in the way, NULL when the worker has it. */
static const char *hand_over(tr_host_t *self, tr_job_t *job)
{
    if (tr_idmap_put(&self->jobs, job->number, job) != TROUPE_OK) {
        tr_job_release(&job);
        return "the worker process is out of memory";
    }
    tr_letter_t *letter = &tr_job_share(job)->letter;
    troupe_status_t status = tr_mailbox_post(self->worker->mailbox, TR_LANE_USER, &letter);
    if (status != TROUPE_OK) {
        tr_letter_destroy(&letter);
        (void)tr_idmap_take(&self->jobs, job->number);
        tr_job_release(&job);
        return status == TROUPE_FULL ? "the worker has more requests than it can hold"
                                     : "the worker has ended";
    }
    return NULL;
}

/* Takes the message. */
static void take_request(tr_host_t *self, const tr_trp1_t *request,
                         troupe_message_t **message_p)
{
    if (tr_idmap_get(&self->jobs, request->id)) {
        troupe_message_destroy(message_p);
        answer(self, request->id, TROUPE_OUTCOME_BAD_REQUEST, false,
               "a request with that id is open already");
        return;
    }
    tr_job_t *job = make_job(self, request, message_p);
    const char *obstacle = job ? hand_over(self, job) : "the worker process is out of memory";
    if (obstacle) {
        answer(self, request->id, TROUPE_OUTCOME_WORKER_LOST, true, obstacle);
    }
}

static void flag_cancelled(tr_host_t *self, tr_job_t *job, int64_t now_ms)
{
    tr_pulse_t *pulse = self->worker->pulse;
    atomic_store(&job->cancelled_ms, now_ms);
    atomic_store(&pulse->cancelled_ms, now_ms);
    atomic_store(&pulse->cancelled, job->number);
}

static void flag_all_cancelled(tr_host_t *self, int64_t now_ms)
{
    for (size_t i = 0; i < self->jobs.n_slots; i++) {
        if (self->jobs.slots[i].item) {
            flag_cancelled(self, self->jobs.slots[i].item, now_ms);
        }
    }
}

static void cancel(tr_host_t *self, uint64_t id)
{
    tr_job_t *job = tr_idmap_get(&self->jobs, id);
    if (job) {
        flag_cancelled(self, job, tr_clock_now_ms());
    }
}

static void ask_to_stop(tr_host_t *self)
{
    if (!self->is_stopping) {
        self->is_stopping = true;
        tr_actor_ask_to_stop(self->worker, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    }
}

/* Nobody is there to work for, and nobody to kill a worker that hangs. */
static void lose_node(tr_host_t *self, int64_t now_ms, const char *how)
{
    if (!self->is_lost) {
        self->is_lost = true;
        self->leave_by_ms = tr_clock_after(now_ms, LEAVE_MS);
        tr_log(TR_LOG_ERROR, "node_lost", TR_TEXT("text", how));
        flag_all_cancelled(self, now_ms);
        ask_to_stop(self);
    }
}

/* Takes the message. */
static void take_command(tr_host_t *self, const tr_trp1_t *command,
                         troupe_message_t **message_p)
{
    switch (command->command) {
    case TR_TRP1_REQUEST:
        take_request(self, command, message_p);
        break;
    case TR_TRP1_CANCEL:
        cancel(self, command->id);
        break;
    case TR_TRP1_PING:
        answer_ping(self, command->id);
        break;
    case TR_TRP1_PROBE:
        tr_control_say(self->worker->mailbox, TR_WORD_PROBE, self->worker->incarnation);
        break;
    case TR_TRP1_STOP:
        ask_to_stop(self);
        break;
    case TR_TRP1_BYE:
        lose_node(self, tr_clock_now_ms(), "the node has given this worker up");
        break;
    default: /* drain: what is there is finished anyway. The node's hello, and the unknown */
        break;
    }
    troupe_message_destroy(message_p);
}

static void read_commands(tr_host_t *self)
{
    for (size_t n = 0; n < COMMANDS_PER_TURN; n++) {
        tr_trp1_t command;
        troupe_message_t *message = NULL;
        troupe_status_t status = tr_uplink_receive(self->uplink, &command, &message);
        if (status == TROUPE_TIMEOUT) {
            return;
        }
        if (status == TROUPE_OK) {
            take_command(self, &command, &message);
        } else if (status == TROUPE_ERR_NOMEM && command.command == TR_TRP1_REQUEST) {
            answer(self, command.id, TROUPE_OUTCOME_WORKER_LOST, true,
                   "the worker process is out of memory");
        } else {
            tr_log(TR_LOG_WARNING, "bad_message",
                   TR_TEXT("text", "the node said something that is no TRP/1"));
        }
    }
}

static void read_signals(tr_host_t *self)
{
    struct signalfd_siginfo signal;
    if (read(self->signals, &signal, sizeof signal) == (ssize_t)sizeof signal) {
        self->is_terminated = true;
        flag_all_cancelled(self, tr_clock_now_ms());
        ask_to_stop(self);
    }
}

/* ---- the loop ---- */

static void watch_node(tr_host_t *self, int64_t now_ms)
{
    tr_uplink_state_t state = tr_uplink_look(self->uplink);
    if (state == TR_UPLINK_LOST) {
        lose_node(self, now_ms, "the connection to the node is lost");
    } else if (state == TR_UPLINK_CONNECTING && now_ms >= self->connect_by_ms) {
        lose_node(self, now_ms, "there is no node where this worker was told to find it");
    } else if (state == TR_UPLINK_UP) {
        self->connect_by_ms = TR_NEVER;
    }
}

/* True when there is room for more. */
static bool take_letters(tr_host_t *self)
{
    bool has_room = tr_uplink_has_room(self->uplink);
    for (size_t n = 0; has_room && !self->has_ended && n < LETTERS_PER_TURN; n++) {
        tr_letter_t *letter = tr_mailbox_next(self->mailbox, NULL);
        if (!letter) {
            break;
        }
        take_letter(self, letter);
        has_room = tr_uplink_has_room(self->uplink);
    }
    return has_room;
}

static int64_t earlier(int64_t one_ms, int64_t other_ms)
{
    return one_ms < other_ms ? one_ms : other_ms;
}

static long time_to_wait(const tr_host_t *self)
{
    int64_t due_ms = is_busy(self) ? self->look_ms : TR_NEVER;
    due_ms = earlier(due_ms, self->leave_by_ms);
    due_ms = self->is_lost ? due_ms : earlier(due_ms, self->connect_by_ms);
    int64_t now_ms = tr_clock_now_ms();
    return due_ms == TR_NEVER ? -1 : due_ms <= now_ms ? 0 : (long)(due_ms - now_ms);
}

static void wait_for_work(tr_host_t *self, bool has_room)
{
    enum { SIGNALS = TR_UPLINK_ITEMS, BELL, N_ITEMS };
    zmq_pollitem_t items[N_ITEMS] = {
        [SIGNALS] = {.fd = self->signals, .events = ZMQ_POLLIN},
        [BELL] = {.fd = tr_mailbox_bell(self->mailbox), .events = ZMQ_POLLIN},
    };
    tr_uplink_poll(self->uplink, !has_room, items);
    bool is_parked = has_room && tr_mailbox_park(self->mailbox);
    bool has_letters = has_room && !is_parked;
    int n_ready = zmq_poll(items, N_ITEMS, has_letters ? 0 : time_to_wait(self));
    if (is_parked) {
        tr_mailbox_unpark(self->mailbox);
    }
    if (n_ready > 0 && items[SIGNALS].revents) {
        read_signals(self);
    }
}

static void run(tr_host_t *self)
{
    while (!self->has_ended && tr_clock_now_ms() < self->leave_by_ms) {
        int64_t now_ms = tr_clock_now_ms();
        watch_node(self,
                   now_ms); /* first: there is no waiting for room with one that is lost */
        bool has_room = take_letters(self);
        tell_progress(self, now_ms);
        if (!self->has_ended) {
            wait_for_work(self, has_room);
            read_commands(self);
        }
    }
}

/* ---- the end ---- */

/* Somewhere below a handler still runs: neither its thread nor what it uses can be let go. */
_Noreturn static void leave_at_once(void)
{
    tr_log_flush(FLUSH_MS);
    _exit(TR_HOST_FAILED);
}

static int say_why_it_ended(tr_host_t *self)
{
    if (self->reason.kind == TROUPE_REASON_IGNORED) {
        tr_trp1_t bye;
        tr_trp1_init(&bye, TR_TRP1_BYE, 0);
        bye.state = tr_span_of(tr_reason_name(TROUPE_REASON_IGNORED));
        say_last(self, &bye);
        return TR_HOST_DONE;
    }
    if (self->reason.kind == TROUPE_REASON_NORMAL) {
        return TR_HOST_DONE;
    }
    if (self->reason.kind == TROUPE_REASON_SHUTDOWN) {
        if (self->is_terminated) {
            say_failed(self, "it was told to end by SIGTERM");
        }
        return self->is_terminated || self->is_lost ? TR_HOST_FAILED : TR_HOST_DONE;
    }
    say_failed(self,
               self->reason.text[0] ? self->reason.text : tr_reason_name(self->reason.kind));
    return TR_HOST_FAILED;
}

int tr_host_serve(tr_host_t *self, const tr_worker_plan_t *plan)
{
    assert(self && !self->worker && plan && plan->behaviour);
    if (!plan->behaviour->handle) {
        return tr_host_refuse(self, "the behaviour has no handle: it cannot serve requests");
    }
    const tr_birth_t birth = {
        .what = plan, .name = self->name, .runtime = self->runtime, .parent = self->mailbox};
    if (tr_worker_start(&birth, &self->worker) != TROUPE_OK) {
        return tr_host_refuse(self, "no memory, thread or socket to be had for the worker");
    }
    self->progress_ms = atomic_load(&self->worker->pulse->progress_ms);
    run(self);
    if (!self->has_ended || tr_actor_reap(&self->worker, LAST_STEPS_MS) != TROUPE_OK) {
        leave_at_once();
    }
    return say_why_it_ended(self);
}

int tr_host_refuse(tr_host_t *self, const char *why)
{
    assert(self && why);
    say_failed(self, why);
    return TR_HOST_FAILED;
}

static void drop_jobs(tr_host_t *self)
{
    uint64_t id;
    while (tr_idmap_any(&self->jobs, &id)) {
        tr_job_t *job = tr_idmap_take(&self->jobs, id);
        tr_job_release(&job);
    }
    tr_idmap_finish(&self->jobs);
}

static void drop_letters(tr_host_t *self)
{
    tr_letter_t *letter;
    tr_mailbox_close(self->mailbox);
    while ((letter = tr_mailbox_next(self->mailbox, NULL)) != NULL) {
        tr_letter_destroy(&letter);
    }
}

void tr_host_destroy(tr_host_t **self_p)
{
    assert(self_p);
    tr_host_t *self = *self_p;
    *self_p = NULL;
    if (!self) {
        return;
    }
    assert(!self->worker);
    drop_jobs(self);
    if (self->mailbox) {
        drop_letters(self);
        tr_mailbox_release(&self->mailbox);
    }
    tr_runtime_release(&self->runtime);
    tr_uplink_destroy(&self->uplink, self->is_lost ? 0 : LINGER_MS);
    if (self->signals >= 0) {
        close(self->signals);
    }
    free(self->name);
    free(self);
}
