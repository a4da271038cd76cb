/* The loop takes what comes from the worker, as letters, and from the node, as commands, and
 * gives each to the file that it belongs to. What is left is here: how the process begins, how
 * it learns that it must end, and that it says why.
 */

#include "actors/host/inside.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "actors/host/outside.h"
#include "actors/worker/worker_state.h"
#include "base/clock.h"
#include "base/log.h"
#include "mailbox/mail.h"

#define VERSION           1
#define CONNECT_MS        2000 /* the node is there before the worker is started */
#define LEAVE_MS          2000 /* for the worker to end when the node is lost */
#define LAST_STEPS_MS     2000 /* for a thread that has said that it ended */
#define LINGER_MS         1000
#define FLUSH_MS          500
#define LETTERS_PER_TURN  256
#define COMMANDS_PER_TURN 256
#define MAILBOX_LETTERS   100000
#define MAILBOX_BYTES     ((size_t)64 << 20)

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
    self->is_to_serve = place->capability && *place->capability;
    self->name = strdup(place->name);
    self->runtime = tr_runtime_new(place->name);
    self->mailbox =
        tr_mailbox_new(place->name, 0, (tr_mailbox_limits_t){MAILBOX_LETTERS, MAILBOX_BYTES});
    errno = ENOMEM;
    if (!self->name || !self->runtime || !self->mailbox) {
        return false;
    }
    self->runtime->beyond = tr_mailbox_share(self->mailbox);
    self->runtime->outside = tr_outside_new(self->mailbox);
    return self->runtime->outside != NULL;
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
    tr_idmap_init(&self->asks);
    if (!set_up(self, place)) {
        int reason = errno;
        tr_host_destroy(&self);
        errno = reason;
    }
    return self;
}

/* ---- last words ---- */

/* What must arrive, and comes last: waiting holds nothing up any more. */
static void say_last(tr_host_t *self, const tr_trp1_t *command)
{
    tr_uplink_send(self->uplink, command, NULL, LINGER_MS);
}

/* The code says whether more memory could help. */
static void say_failed(tr_host_t *self, troupe_outcome_t outcome, const char *why)
{
    tr_trp1_t error;
    tr_trp1_init(&error, TR_TRP1_ERROR, 0);
    error.code = tr_span_of(troupe_outcome_name(outcome));
    error.text = tr_span_of(why);
    error.retryable = troupe_outcome_is_retryable(outcome);
    say_last(self, &error);
}

/* ---- from the worker ---- */

static void take_word(tr_host_t *self, const tr_control_t *word)
{
    if (word->word == TR_WORD_STARTED) {
        self->is_started = true;
        if (!self->is_stopping) {
            tr_trp1_t ready;
            tr_trp1_init(&ready, TR_TRP1_READY, 0);
            ready.messages = self->takes_messages;
            tr_uplink_send(self->uplink, &ready, NULL, 0);
        }
    } else if (word->word == TR_WORD_ENDED) {
        self->has_ended = true;
        self->reason = word->reason;
    } else if (word->word == TR_WORD_SETTLED) {
        tr_host_take_settled(self, word);
    } else if (word->word == TR_WORD_LOST) {
        tr_host_tell_lost(self, word);
    }
}

static void take_reply(tr_host_t *self, troupe_reply_t *reply)
{
    if (!tr_host_take_mail_answer(self, reply)) {
        tr_host_take_reply(self, reply);
    }
}

static void take_letter(tr_host_t *self, tr_letter_t *letter)
{
    const tr_control_t *word = tr_control_in(letter);
    if (letter->type == &tr_envelope_type) {
        tr_host_take_call(self, tr_envelope_of(letter));
        return;
    }
    if (word) {
        take_word(self, word);
    } else if (tr_mail_in(letter)) {
        tr_host_send_mail(self, tr_mail_in(letter));
    } else if (tr_wish_in(letter)) {
        tr_host_take_wish(self, tr_wish_in(letter));
    } else if (letter->type == &tr_reply_type) {
        take_reply(self, (troupe_reply_t *)letter);
    } else if (letter->type == &tr_cancel_type) {
        tr_host_cancel_call(self, ((tr_note_t *)letter)->envelope);
    } else if (letter->type == &tr_credit_type) {
        tr_host_pass_on_credit(self, ((tr_note_t *)letter)->envelope->number);
    } else if (tr_inspection_in(letter)) {
        tr_host_tell_inspected(self, tr_inspection_in(letter));
    }
    tr_letter_destroy(&letter);
}

/* ---- from the node ---- */

static void ask_to_stop(tr_host_t *self)
{
    if (!self->is_stopping) {
        self->is_stopping = true;
        tr_host_hand_over_batch(self);
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
        tr_host_cancel_jobs(self, now_ms);
        tr_host_end_calls(self, how);
        tr_host_end_asks(self);
        ask_to_stop(self);
    }
}

/* May take the message. */
static void take_answer(tr_host_t *self, const tr_trp1_t *answer, troupe_message_t **message_p)
{
    if (!tr_host_take_ask_answer(self, answer, message_p)) {
        tr_host_take_answer(self, answer, message_p);
    }
}

/* Takes the message. */
static void take_command(tr_host_t *self, const tr_trp1_t *command,
                         troupe_message_t **message_p)
{
    switch (command->command) {
    case TR_TRP1_REQUEST:
        tr_host_take_request(self, command, message_p);
        break;
    case TR_TRP1_MESSAGE:
        tr_host_take_message(self, command, message_p);
        break;
    case TR_TRP1_DOWN:
        tr_host_take_down(self, command);
        break;
    case TR_TRP1_CANCEL:
        tr_host_cancel_job(self, command->id);
        break;
    case TR_TRP1_CREDIT:
        tr_host_take_credit(self, command);
        break;
    case TR_TRP1_PART:
    case TR_TRP1_REPLY:
    case TR_TRP1_ERROR:
        take_answer(self, command, message_p);
        break;
    case TR_TRP1_PING:
        tr_host_answer_ping(self, command->id);
        break;
    case TR_TRP1_PROBE:
        tr_control_say(self->worker->mailbox, TR_WORD_PROBE, self->worker->incarnation);
        break;
    case TR_TRP1_SUSPEND:
    case TR_TRP1_RESUME:
        tr_host_suspend(self, command->command == TR_TRP1_SUSPEND);
        break;
    case TR_TRP1_INSPECT:
        tr_host_inspect(self, command->id);
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

static void give_up(tr_host_t *self, uint64_t id)
{
    tr_host_give_up_ask(self, id);
    tr_host_give_up_call(self, id);
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
            tr_host_answer(self, command.id, TROUPE_OUTCOME_WORKER_LOST, true,
                           "the worker process is out of memory");
        } else if (status == TROUPE_ERR_NOMEM && command.command == TR_TRP1_MESSAGE) {
            tr_host_lose_message(self, command.id);
        } else if (status == TROUPE_ERR_NOMEM) {
            give_up(self, command.id); /* a payload is of nothing else */
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
        tr_host_cancel_jobs(self, tr_clock_now_ms());
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

static long time_to_wait(const tr_host_t *self)
{
    int64_t due_ms = tr_host_is_busy(self) ? self->look_ms : TR_NEVER;
    due_ms = tr_clock_earlier(due_ms, self->leave_by_ms);
    due_ms = tr_clock_earlier(due_ms, self->give_by_ms);
    due_ms = self->is_lost ? due_ms : tr_clock_earlier(due_ms, self->connect_by_ms);
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
        /* First: there is no waiting for room with one that is lost. */
        watch_node(self, now_ms);
        bool has_room = take_letters(self);
        tr_host_tell_progress(self, now_ms);
        if (now_ms >= self->give_by_ms) {
            tr_host_hand_over_batch(self);
        }
        if (!self->has_ended) {
            wait_for_work(self, has_room);
            read_commands(self);
        }
    }
}

/* ---- the end ---- */

/* Its end was told by what overtakes, and what it had sent before has not left yet. */
static void say_the_rest(tr_host_t *self)
{
    int64_t until_ms = tr_clock_after(tr_clock_now_ms(), LINGER_MS);
    while (tr_mailbox_depth(self->mailbox) > 0 && tr_clock_now_ms() < until_ms &&
           tr_uplink_look(self->uplink) != TR_UPLINK_LOST) {
        zmq_pollitem_t items[TR_UPLINK_ITEMS];
        tr_uplink_poll(self->uplink, true, items);
        items[0].events = ZMQ_POLLOUT;
        zmq_poll(items, TR_UPLINK_ITEMS, (long)(until_ms - tr_clock_now_ms()));
        tr_letter_t *letter =
            tr_uplink_has_room(self->uplink) ? tr_mailbox_next(self->mailbox, NULL) : NULL;
        if (letter) {
            take_letter(self, letter);
        }
    }
}

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
            say_failed(self, TROUPE_OUTCOME_WORKER_ERROR, "it was told to end by SIGTERM");
        }
        return self->is_terminated || self->is_lost ? TR_HOST_FAILED : TR_HOST_DONE;
    }
    say_failed(self,
               self->reason.is_out_of_memory ? TROUPE_OUTCOME_MEMORY_EXHAUSTED
                                             : TROUPE_OUTCOME_WORKER_ERROR,
               self->reason.text[0] ? self->reason.text : tr_reason_name(self->reason.kind));
    return TR_HOST_FAILED;
}

int tr_host_serve(tr_host_t *self, const tr_worker_plan_t *plan)
{
    assert(self && !self->worker && plan && plan->behaviour);
    self->takes_messages = plan->behaviour->receive != NULL;
    if (self->is_to_serve && !plan->behaviour->handle) {
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
    say_the_rest(self);
    return say_why_it_ended(self);
}

int tr_host_refuse(tr_host_t *self, const char *why)
{
    assert(self && why);
    say_failed(self, TROUPE_OUTCOME_WORKER_ERROR, why);
    return TR_HOST_FAILED;
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
    tr_host_drop_jobs(self);
    tr_host_end_calls(self, "the worker has ended");
    tr_host_end_asks(self);
    tr_idmap_finish(&self->asks);
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
