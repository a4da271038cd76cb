/* Everything that goes to the node about a request passes the proxy's mailbox: what the worker
 * answers, and what the proxy itself has to answer in its place. So there is one order, and one
 * place that waits when the node does not read: letters are taken only while the socket has
 * room. A worker that sends parts then waits at the mailbox, as it would before a slow router.
 * Pongs and progress do not wait; a node that does not read does not need them.
 *
 * The envelopes here answer nobody by themselves. Whoever lets go of a job unanswered is the
 * worker at its end, and of that the node is told as a whole.
 *
 * To the worker the proxy is also the router of every capability that it calls: such a request
 * goes on to the node, and its answers come back by the same way.
 *
 * Invariants: `jobs` holds a share of each request that was given to the worker and has had no
 * final yet, `calls` of each that it has made.
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
#define GATHER_MS         10 /* for the next one of a batch to come */
#define MAX_BATCH         10000
#define MAILBOX_LETTERS   1000
#define MAILBOX_BYTES     ((size_t)64 << 20)

struct tr_host {
    tr_uplink_t *uplink;
    tr_runtime_t *runtime;
    tr_mailbox_t *mailbox;
    tr_actor_t *worker;
    tr_idmap_t jobs;    /* tr_job_t by id */
    size_t batch_room;  /* how many the batch is to have */
    tr_batch_t *batch;  /* what came of one that is not whole yet; NULL: none */
    int64_t give_by_ms; /* when the worker gets it as it is */
    tr_idmap_t calls;   /* call_t by the id that the node knows */
    uint64_t last_call;
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

/* A request of the worker to somebody else. */
typedef struct call {
    tr_envelope_t *envelope; /* a share; its number is the id that the node knows */
    uint64_t told;           /* parts that the node was allowed to send */
} call_t;

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
    if (!self->name || !self->runtime || !self->mailbox) {
        return false;
    }
    self->runtime->beyond = tr_mailbox_share(self->mailbox);
    return true;
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
    self->give_by_ms = TR_NEVER;
    tr_idmap_init(&self->jobs);
    tr_idmap_init(&self->calls);
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

/* The worker may send more. */
static void grant(tr_host_t *self, tr_job_t *job, uint64_t n_parts, uint64_t n_bytes)
{
    tr_control_t *room = tr_flow_grant(&job->envelope->flow, n_parts, n_bytes)
                             ? tr_control_new(TR_WORD_ROOM, self->worker->incarnation)
                             : NULL;
    if (room) {
        room->number = job->number;
        tr_control_send(room, self->worker->mailbox);
    }
}

static void send_part(tr_host_t *self, troupe_reply_t *reply)
{
    tr_trp1_t part;
    tr_trp1_init(&part, TR_TRP1_PART, reply->job->number);
    part.sequence = (int64_t)reply->job->envelope->n_parts++;
    uint64_t n_bytes = tr_reply_flow_bytes(reply);
    tr_uplink_send(self->uplink, &part, reply->message, 0);
    grant(self, reply->job, 0, n_bytes);
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

/* ---- what the worker asks of others ---- */

static void forget_call(tr_host_t *self, uint64_t id)
{
    call_t *call = tr_idmap_take(&self->calls, id);
    if (call) {
        tr_envelope_release(&call->envelope);
        free(call);
    }
}

static void end_call(tr_host_t *self, uint64_t id, troupe_outcome_t outcome, const char *why)
{
    call_t *call = tr_idmap_get(&self->calls, id);
    if (call) {
        tr_envelope_answer(call->envelope, outcome, 0, "%s", why);
        forget_call(self, id);
    }
}

static void end_all_calls(tr_host_t *self, const char *why)
{
    uint64_t id;
    while (tr_idmap_any(&self->calls, &id)) {
        end_call(self, id, TROUPE_OUTCOME_WORKER_LOST, why);
    }
}

static uint64_t credit_for(call_t *call)
{
    const tr_flow_spent_t heard = {call->envelope->n_parts, call->envelope->n_bytes};
    return tr_flow_pass_on(&call->envelope->flow, &heard, &call->told);
}

static troupe_status_t send_call(tr_host_t *self, call_t *call)
{
    const tr_envelope_t *envelope = call->envelope;
    tr_trp1_t request;
    tr_trp1_init(&request, TR_TRP1_REQUEST, envelope->number);
    request.capability = tr_span_of(envelope->capability);
    request.method = tr_span_of(envelope->method);
    request.traceparent = tr_span_of(envelope->traceparent);
    request.sticky = envelope->sticky;
    request.dedup = envelope->dedup;
    request.priority = (int64_t)envelope->priority;
    request.timeout_ms = envelope->timeout_ms > 0 ? envelope->timeout_ms : -1;
    request.credit = (int64_t)credit_for(call);
    request.parent = envelope->parent > 0 ? (int64_t)envelope->parent : -1;
    return tr_uplink_send(self->uplink, &request, envelope->message, 0);
}

/* Takes the share. */
static void take_call(tr_host_t *self, tr_envelope_t *envelope)
{
    call_t *call = calloc(1, sizeof *call);
    envelope->number = ++self->last_call;
    if (!call || tr_idmap_put(&self->calls, envelope->number, call) != TROUPE_OK) {
        free(call);
        tr_envelope_answer(envelope, TROUPE_OUTCOME_OVERLOADED, 0, "out of memory");
        tr_envelope_release(&envelope);
        return;
    }
    call->envelope = envelope;
    troupe_status_t status =
        atomic_load(&envelope->is_answered) ? TROUPE_OK : send_call(self, call);
    if (status == TROUPE_LIMIT) {
        end_call(self, envelope->number, TROUPE_OUTCOME_BAD_REQUEST,
                 "the capability, the method, a key or the trace context is too long");
    } else if (status != TROUPE_OK) {
        end_call(self, envelope->number, TROUPE_OUTCOME_WORKER_LOST,
                 "the connection to the node is lost");
    } else if (atomic_load(&envelope->is_answered)) {
        forget_call(self, envelope->number);
    }
}

static void send_note(tr_host_t *self, tr_trp1_command_t word, uint64_t id, uint64_t credit)
{
    tr_trp1_t command;
    tr_trp1_init(&command, word, id);
    command.credit = credit > 0 ? (int64_t)credit : -1;
    tr_uplink_send(self->uplink, &command, NULL, 0);
}

/* A cancel that overtakes its request is heard when that is taken. */
static void cancel_call(tr_host_t *self, tr_envelope_t *envelope)
{
    if (envelope->number == 0) {
        tr_envelope_answer(envelope, TROUPE_OUTCOME_CANCELLED, 0, NULL);
    } else if (tr_idmap_get(&self->calls, envelope->number)) {
        send_note(self, TR_TRP1_CANCEL, envelope->number, 0);
    }
}

static void pass_on_credit(tr_host_t *self, uint64_t id)
{
    call_t *call = tr_idmap_get(&self->calls, id);
    uint64_t n_parts = call ? credit_for(call) : 0;
    if (n_parts > 0) {
        send_note(self, TR_TRP1_CREDIT, id, n_parts);
    }
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
    if (letter->type == &tr_envelope_type) {
        take_call(self, tr_envelope_of(letter));
        return;
    }
    if (word) {
        take_word(self, word);
    } else if (letter->type == &tr_reply_type) {
        take_reply(self, (troupe_reply_t *)letter);
    } else if (letter->type == &tr_cancel_type) {
        cancel_call(self, ((tr_note_t *)letter)->envelope);
    } else if (letter->type == &tr_credit_type) {
        pass_on_credit(self, ((tr_note_t *)letter)->envelope->number);
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
        .credit = request->credit > 0 ? (uint64_t)request->credit : TR_FLOW_MOST,
        .is_shut = request->credit == 0, /* absent: nobody counts */
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

/* Nobody begins with it; takes the share that is in `jobs`. */
static void refuse_job(tr_host_t *self, uint64_t id, troupe_status_t status)
{
    tr_job_t *job = tr_idmap_take(&self->jobs, id);
    tr_job_release(&job);
    answer(self, id, TROUPE_OUTCOME_WORKER_LOST, true,
           status == TROUPE_FULL ? "the worker has more requests than it can hold"
                                 : "the worker has ended");
}

/* Takes the share. */
static void hand_over(tr_host_t *self, tr_job_t *job)
{
    uint64_t id = job->number;
    tr_letter_t *letter = &job->letter;
    troupe_status_t status = tr_mailbox_post(self->worker->mailbox, TR_LANE_USER, &letter);
    if (status != TROUPE_OK) {
        tr_letter_destroy(&letter);
        refuse_job(self, id, status);
    }
}

/* What there is of the batch goes to the worker. */
static void hand_over_batch(tr_host_t *self)
{
    tr_batch_t *batch = self->batch;
    self->batch = NULL;
    self->give_by_ms = TR_NEVER;
    tr_letter_t *letter = &batch->letter;
    troupe_status_t status = tr_mailbox_post(self->worker->mailbox, TR_LANE_USER, &letter);
    if (status != TROUPE_OK) {
        for (size_t i = 0; i < batch->n_jobs; i++) {
            refuse_job(self, batch->jobs[i]->number, status);
        }
        tr_letter_destroy(&letter);
    }
}

/* One of a batch, of which `n_to_follow` more were announced. They come one close upon the
 * other; but should the node not get rid of all, the others do not wait for ever. Takes the
 * share. */
static void gather(tr_host_t *self, tr_job_t *job, int64_t n_to_follow)
{
    if (!self->batch && n_to_follow < MAX_BATCH) {
        self->batch = tr_batch_new((size_t)n_to_follow + 1);
        self->batch_room = (size_t)n_to_follow + 1;
    }
    if (!self->batch) {
        hand_over(self, job);
        return;
    }
    tr_batch_add(self->batch, job);
    if (n_to_follow == 0 || self->batch->n_jobs == self->batch_room) {
        hand_over_batch(self);
    } else {
        self->give_by_ms = tr_clock_after(tr_clock_now_ms(), GATHER_MS);
    }
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
    if (!job || tr_idmap_put(&self->jobs, job->number, job) != TROUPE_OK) {
        tr_job_release(&job);
        answer(self, request->id, TROUPE_OUTCOME_WORKER_LOST, true,
               "the worker process is out of memory");
    } else if (request->batch >= 0) {
        gather(self, tr_job_share(job), request->batch);
    } else {
        hand_over(self, tr_job_share(job));
    }
}

static void flag_cancelled(tr_host_t *self, tr_job_t *job, int64_t now_ms)
{
    tr_pulse_t *pulse = self->worker->pulse;
    tr_job_flag_cancelled(job, now_ms);
    atomic_store(&pulse->cancelled_ms, now_ms);
    atomic_store(&pulse->cancelled, job->number);
    tr_control_t *cancel = atomic_load(&pulse->wants_cancels)
                               ? tr_control_new(TR_WORD_CANCEL, self->worker->incarnation)
                               : NULL;
    if (cancel) {
        cancel->number = job->number;
        tr_control_send(cancel, self->worker->mailbox);
    }
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
        end_all_calls(self, how);
        ask_to_stop(self);
    }
}

static void take_credit(tr_host_t *self, const tr_trp1_t *credit)
{
    tr_job_t *job = tr_idmap_get(&self->jobs, credit->id);
    if (job && credit->credit > 0) {
        grant(self, job, (uint64_t)credit->credit, 0);
    }
}

/* An error never means "ok", whatever a node of a later version may call it. */
static troupe_outcome_t outcome_of(tr_span_t code)
{
    for (int i = 0; i < TROUPE_N_OUTCOMES; i++) {
        if (i != TROUPE_OUTCOME_OK &&
            tr_span_equals(code, troupe_outcome_name((troupe_outcome_t)i))) {
            return (troupe_outcome_t)i;
        }
    }
    return TROUPE_OUTCOME_INTERNAL;
}

/* What came back of a call of the worker. May take the message. */
static void take_answer(tr_host_t *self, const tr_trp1_t *answer, troupe_message_t **message_p)
{
    call_t *call = tr_idmap_get(&self->calls, answer->id);
    if (!call) {
        return;
    }
    bool is_final = answer->command != TR_TRP1_PART;
    char text[TR_TRP1_MAX_TEXT + 1];
    snprintf(text, sizeof text, "%.*s", (int)answer->text.size,
             answer->text.size ? answer->text.data : "");
    troupe_reply_t *reply = tr_reply_new(
        answer->id, is_final,
        answer->command == TR_TRP1_ERROR ? outcome_of(answer->code) : TROUPE_OUTCOME_OK, text,
        message_p);
    if (!reply) {
        send_note(self, TR_TRP1_CANCEL, answer->id, 0);
        end_call(self, answer->id, TROUPE_OUTCOME_INTERNAL, "out of memory");
        return;
    }
    reply->hint_ms = answer->hint_ms > 0 ? answer->hint_ms : 0;
    tr_envelope_forward(call->envelope, &reply);
    if (is_final) {
        forget_call(self, answer->id);
    } else {
        pass_on_credit(self, answer->id);
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
    case TR_TRP1_CREDIT:
        take_credit(self, command);
        break;
    case TR_TRP1_PART:
    case TR_TRP1_REPLY:
    case TR_TRP1_ERROR:
        take_answer(self, command, message_p);
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
    due_ms = earlier(due_ms, self->give_by_ms);
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
        if (now_ms >= self->give_by_ms) {
            hand_over_batch(self);
        }
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
    tr_batch_destroy(&self->batch);
    drop_jobs(self);
    end_all_calls(self, "the worker has ended");
    tr_idmap_finish(&self->calls);
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
