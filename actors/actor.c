/* The loop of every actor: wait, take letters (control first), let the class decide, flush.
 *
 * The order at the end matters: names go first, so that nobody new finds the mailbox; then it
 * is closed; what is left in it goes to the class; the state is released; and only then the
 * parent is told, so that whoever hears `ended` may rely on all of it.
 */

#include "actors/actor.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "actors/dead_letter.h"
#include "actors/groups.h"
#include "base/clock.h"
#include "base/log.h"
#include "mailbox/mail.h"
#include "mailbox/message.h"

#define LETTERS_PER_TURN 256
#define LETTERS_PER_LOOK 16 /* at the clock */
#define DOOR_HIGH_WATER  1000
#define HELD_LOOK_MS     10 /* at a clock that a test holds, and may move without a word */

/* ---- the actor's own end ---- */

void tr_self_started(tr_self_t *self)
{
    tr_control_t *started = tr_control_new(TR_WORD_STARTED, self->incarnation);
    if (started) {
        started->reason = self->reason;
        tr_control_send(started, self->parent);
    }
    self->reason = tr_reason_of(TROUPE_REASON_NORMAL);
}

void tr_self_pong(tr_self_t *self, uint64_t number)
{
    assert(self);
    tr_control_t *pong = tr_control_new(TR_WORD_PONG, self->incarnation);
    if (pong) {
        pong->number = number;
        pong->depth = tr_mailbox_depth(self->mailbox);
        tr_control_send(pong, self->parent);
    }
}

void tr_self_end(tr_self_t *self, const tr_reason_t *reason)
{
    if (!self->is_ending) {
        self->is_ending = true;
        self->reason = *reason;
    }
}

troupe_status_t tr_self_register(tr_self_t *self, tr_name_space_t space, const char *name)
{
    assert(self->n_names < TR_SELF_MAX_NAMES);
    char *copy = strdup(name);
    troupe_status_t status =
        copy ? tr_directory_register(self->runtime->directory, space, name, self->mailbox)
             : TROUPE_ERR_NOMEM;
    if (status != TROUPE_OK) {
        free(copy);
        return status;
    }
    self->names[self->n_names].space = space;
    self->names[self->n_names++].name = copy;
    return TROUPE_OK;
}

static int descriptor_of(void *socket)
{
    int descriptor = -1;
    size_t size = sizeof descriptor;
    zmq_getsockopt(socket, ZMQ_FD, &descriptor, &size);
    return descriptor;
}

static troupe_status_t watch(tr_self_t *self, void *socket, int descriptor,
                             void (*ready)(tr_self_t *, void *, int))
{
    if (self->n_watches == TR_SELF_MAX_WATCHES) {
        return TROUPE_LIMIT;
    }
    self->watches[self->n_watches].socket = socket;
    self->watches[self->n_watches].descriptor = descriptor;
    self->watches[self->n_watches++].ready = ready;
    return TROUPE_OK;
}

troupe_status_t tr_self_watch_socket(tr_self_t *self, void *socket,
                                     void (*ready)(tr_self_t *, void *, int))
{
    assert(self && socket && ready);
    return watch(self, socket, descriptor_of(socket), ready);
}

troupe_status_t tr_self_watch_descriptor(tr_self_t *self, int descriptor,
                                         void (*ready)(tr_self_t *, void *, int))
{
    assert(self && descriptor >= 0 && ready);
    return watch(self, NULL, descriptor, ready);
}

/* The place stays until nobody walks the list any more. */
void tr_self_unwatch(tr_self_t *self, void *socket, int descriptor)
{
    assert(self);
    for (size_t i = 0; i < self->n_watches; i++) {
        if (self->watches[i].ready && self->watches[i].socket == socket &&
            (socket || self->watches[i].descriptor == descriptor)) {
            self->watches[i].ready = NULL;
        }
    }
}

static void forget_unwatched(tr_self_t *self)
{
    size_t n_watches = 0;
    for (size_t i = 0; i < self->n_watches; i++) {
        if (self->watches[i].ready) {
            self->watches[n_watches++] = self->watches[i];
        }
    }
    self->n_watches = n_watches;
}

/* ---- the loop ---- */

static void ask_to_stop(tr_self_t *self, const tr_reason_t *reason)
{
    if (self->class->stop) {
        self->class->stop(self, reason);
    } else {
        tr_self_end(self, reason);
    }
}

static void answer_ping(tr_self_t *self, const tr_control_t *ping)
{
    if (!self->class->ping || !self->class->ping(self, ping)) {
        tr_self_pong(self, ping->number);
    }
}

/* What comes from now on, and what lies in the mailbox, waits there. */
static void suspend(tr_self_t *self, bool is_suspended)
{
    if (self->is_suspended == is_suspended) {
        return;
    }
    self->is_suspended = is_suspended;
    tr_mailbox_hold_back(self->mailbox, is_suspended);
    self->class->suspend(self, is_suspended);
    if (!self->runtime->beyond) { /* else the node has told of it */
        tr_event(self->runtime->events, TR_LOG_INFO,
                 is_suspended ? "actor_suspended" : "actor_resumed",
                 TR_TEXT("actor", self->name),
                 TR_NUMBER("waiting", (int64_t)tr_mailbox_depth(self->mailbox)));
    }
}

static void heed(tr_self_t *self, const tr_control_t *word)
{
    suspend(self, word->word == TR_WORD_SUSPEND);
    tr_control_t *heeded =
        word->mailbox ? tr_control_new(TR_WORD_HEEDED, self->incarnation) : NULL;
    if (heeded) {
        heeded->number = word->number;
        heeded->depth = tr_mailbox_depth(self->mailbox);
        tr_control_send(heeded, word->mailbox);
    }
}

static bool is_about_suspension(const tr_self_t *self, const tr_control_t *word)
{
    return self->class->suspend &&
           (word->word == TR_WORD_SUSPEND || word->word == TR_WORD_WAKE);
}

/* A mailbox may outlive those whom the words in it were meant for. */
static bool is_of_another_life(const tr_self_t *self, const tr_control_t *control)
{
    return control->incarnation != self->incarnation && tr_mailbox_is_lasting(self->mailbox);
}

static void take(tr_self_t *self, tr_letter_t *letter)
{
    const tr_control_t *control = tr_control_in(letter);
    if (control && is_of_another_life(self, control)) {
        tr_letter_destroy(&letter);
    } else if (control && control->word == TR_WORD_PING) {
        answer_ping(self, control);
        tr_letter_destroy(&letter);
    } else if (control && control->word == TR_WORD_STOP) {
        ask_to_stop(self, &control->reason);
        tr_letter_destroy(&letter);
    } else if (control && is_about_suspension(self, control)) {
        heed(self, control);
        tr_letter_destroy(&letter);
    } else {
        self->class->receive(self, letter);
    }
}

/* What comes in by the door is a message of plain frames, from whoever came with a socket. */
static void open_door(tr_self_t *self)
{
    void *socket = zsock_resolve(self->door);
    for (size_t n = 0; n < LETTERS_PER_TURN; n++) {
        troupe_message_t *message = troupe_message_new();
        int more = 1;
        while (message && more) {
            zmq_msg_t frame;
            zmq_msg_init(&frame);
            if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
                zmq_msg_close(&frame);
                troupe_message_destroy(&message);
                return;
            }
            more = zmq_msg_more(&frame);
            if (tr_message_add_frame(message, &frame) != TROUPE_OK) {
                zmq_msg_close(&frame);
            }
        }
        tr_mail_t *mail = message ? tr_mail_new(&message, NULL, NULL) : NULL;
        if (!mail) {
            return;
        }
        take(self, &mail->letter);
    }
}

/* The pipe says $TERM when somebody destroys the zactor: a well-behaved one then ends. */
static void read_pipe(tr_self_t *self, zsock_t *pipe)
{
    char *command = zstr_recv_nowait(pipe);
    if (!command || streq(command, "$TERM")) {
        tr_reason_t reason = tr_reason_of(TROUPE_REASON_SHUTDOWN);
        tr_self_end(self, &reason);
    }
    zstr_free(&command);
}

/* ---- waiting ---- */

static int wait_time(int64_t due_ms)
{
    if (due_ms == TR_NEVER) {
        return -1;
    }
    int64_t left_ms = due_ms - tr_clock_now_ms();
    if (left_ms < HELD_LOOK_MS && left_ms > 0 && tr_clock_is_held()) {
        return HELD_LOOK_MS; /* time does not pass of itself */
    }
    return left_ms <= 0 ? 0 : left_ms > 60000 ? 60000 : (int)left_ms;
}

/* The descriptor of a socket tells of changes only, so the socket itself must be asked before
 * one waits, unless nobody has used it since it was asked last. */
static bool can_be_read(void *socket)
{
    int events = 0;
    size_t size = sizeof events;
    return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN);
}

enum { POLL_BELL, POLL_PIPE, POLL_DOOR, POLL_WATCHES };

static void prepare_polls(tr_self_t *self, struct pollfd *polls)
{
    forget_unwatched(self);
    polls[POLL_BELL] = (struct pollfd){tr_mailbox_bell(self->mailbox), POLLIN, 0};
    polls[POLL_PIPE] = (struct pollfd){self->pipe_descriptor, POLLIN, 0};
    polls[POLL_DOOR] = (struct pollfd){self->door_descriptor, POLLIN, 0};
    for (size_t i = 0; i < self->n_watches; i++) {
        polls[POLL_WATCHES + i] = (struct pollfd){self->watches[i].descriptor, POLLIN, 0};
    }
}

static bool is_any_watch_ready(const tr_self_t *self)
{
    bool is_ready = false;
    for (size_t i = 0; i < self->n_watches; i++) {
        is_ready |= self->watches[i].socket && can_be_read(self->watches[i].socket);
    }
    return is_ready;
}

/* More may be watched, and fewer, while they are called. */
static void call_watches(tr_self_t *self, const struct pollfd *polls, size_t n_polled)
{
    for (size_t i = 0; i < n_polled && !self->is_ending; i++) {
        void *socket = self->watches[i].socket;
        if (!self->watches[i].ready) {
            continue; /* the socket may be gone */
        }
        bool is_ready = socket ? can_be_read(socket) : polls[i].revents != 0;
        if (is_ready) {
            self->watches[i].ready(self, socket, socket ? -1 : self->watches[i].descriptor);
        }
    }
}

/* Whoever carries it hangs, and it has been replaced: it ends when that one is back. Until then
 * this thread, in the quarantine, may not touch anything. */
static void wait_until_let_go(tr_self_t *self)
{
    while (sem_wait(&self->is_let_go) != 0) {
    }
}

/* False: the mailbox is another life's now. */
static bool take_baton(tr_self_t *self)
{
    if (!tr_mailbox_is_lasting(self->mailbox)) {
        tr_mailbox_take_baton(self->mailbox);
        return true;
    }
    bool is_mine = tr_mailbox_take_baton_as(self->mailbox, self->incarnation);
    if (!is_mine) {
        wait_until_let_go(self);
    }
    return is_mine;
}

/* Sleep until the bell, a socket, a descriptor or the time says otherwise. An actor that is
 * carried is anybody's meanwhile. */
static void sleep_until(tr_self_t *self, struct pollfd *polls, int64_t due_ms)
{
    bool may_sleep = !is_any_watch_ready(self);
    if (may_sleep && self->n_watches == 0 && !self->class->is_carried) {
        tr_mailbox_spin(self->mailbox, self->runtime->spin_us);
    }
    atomic_store_explicit(&self->rest.awake_at_ms, due_ms, memory_order_relaxed);
    bool is_parked = tr_mailbox_park(self->mailbox);
    if (self->class->is_carried) {
        tr_mailbox_put_baton(self->mailbox);
        is_parked = is_parked && !tr_mailbox_has_posted(self->mailbox);
    }
    if (is_parked && may_sleep) {
        tr_rest_begin(&self->rest);
        poll(polls, POLL_WATCHES + self->n_watches, wait_time(due_ms));
        tr_rest_end(&self->rest);
    } else {
        poll(polls, POLL_WATCHES + self->n_watches, 0);
    }
    if (!self->class->is_carried || take_baton(self)) {
        tr_mailbox_unpark(self->mailbox);
    }
}

static void look_at_pipe(tr_self_t *self, zsock_t *pipe)
{
    while (can_be_read(zsock_resolve(pipe))) {
        read_pipe(self, pipe);
    }
}

static void look_at_door(tr_self_t *self)
{
    while (!self->is_ending && can_be_read(zsock_resolve(self->door))) {
        open_door(self);
    }
}

static void wait_for_work(tr_self_t *self, zsock_t *pipe, int64_t due_ms)
{
    struct pollfd polls[POLL_WATCHES + TR_SELF_MAX_WATCHES];
    prepare_polls(self, polls);
    size_t n_watches = self->n_watches;
    sleep_until(self, polls, due_ms);
    if (polls[POLL_PIPE].revents) {
        look_at_pipe(self, pipe);
    }
    if (polls[POLL_DOOR].revents) {
        look_at_door(self);
    }
    call_watches(self, polls + POLL_WATCHES, n_watches);
}

/* Decide and flush. Returns when to be called again. */
static int64_t decide(tr_self_t *self)
{
    return self->is_ending || !self->class->turn ? TR_NEVER
                                                 : self->class->turn(self, self->now.ms);
}

/* Take what lies in the mailbox first. */
static int64_t work(tr_self_t *self)
{
    tr_letter_t *letter = NULL;
    for (size_t n = 1; n <= LETTERS_PER_TURN && !self->is_ending &&
                       (letter = tr_mailbox_next(self->mailbox, NULL)) != NULL;
         n++) {
        take(self, letter);
        if (n % LETTERS_PER_LOOK == 0) {
            self->now = tr_clock_read();
        }
    }
    return decide(self);
}

/* The same, on the thread of whoever posted. Actors that are carried one after another hand the
 * time on. */
static bool work_for(void *arg, bool is_next)
{
    static _Thread_local tr_time_t time __attribute__((tls_model("initial-exec")));
    tr_self_t *self = arg;
    if (self->is_ending) {
        return false;
    }
    self->now = is_next ? time : tr_clock_read();
    int64_t due_ms = work(self);
    time = self->now;
    return !self->is_ending &&
           due_ms >= atomic_load_explicit(&self->rest.awake_at_ms, memory_order_relaxed);
}

/* The same, on a thread of the crew. */
static bool work_in_crew(void *arg, bool is_next)
{
    tr_self_t *self = arg;
    tr_rest_begin_piece(&self->rest);
    bool is_enough = work_for(self, is_next);
    if (self->is_moved_out) {
        sem_post(&self->is_let_go); /* from here on it may be gone */
        return false;
    }
    tr_rest_end_piece(&self->rest);
    return is_enough;
}

static void serve(tr_self_t *self, zsock_t *pipe)
{
    self->now = tr_clock_read();
    look_at_pipe(self, pipe);
    look_at_door(self);
    while (!self->is_ending) {
        self->now = tr_clock_read();
        int64_t due_ms = work(self);
        if (!self->is_ending) {
            wait_for_work(self, pipe, due_ms);
        }
    }
}

bool tr_self_begin(tr_self_t *self)
{
    assert(self);
    self->now = tr_clock_read();
    if (!self->class->begin(self, self->arg)) {
        return false;
    }
    troupe_status_t status =
        self->ref ? TROUPE_OK : tr_self_register(self, TR_NAMES_ACTOR, self->name);
    if (status != TROUPE_OK) {
        self->reason = tr_reason_format(
            TROUPE_REASON_FAILED, "%s %s",
            status == TROUPE_EXISTS ? "there is another actor called" : "out of memory for",
            self->name);
        return false;
    }
    if (!self->class->starts_late) {
        tr_self_started(self);
    }
    return true;
}

static void drop_leftovers(tr_self_t *self)
{
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(self->mailbox, NULL)) != NULL) {
        if (self->class->leftover) {
            self->class->leftover(self, letter);
        } else if (letter->type == &tr_mail_type) {
            tr_dead_letter_take(self->runtime, self->name, "the actor has ended", &letter);
        } else {
            tr_letter_destroy(&letter);
        }
    }
}

static void forget_names(tr_self_t *self)
{
    for (size_t i = 0; i < self->n_names; i++) {
        tr_directory_remove(self->runtime->directory, self->names[i].space, self->names[i].name,
                            self->mailbox);
        free(self->names[i].name);
    }
    self->n_names = 0;
}

/* A lasting mailbox is left as it is to the next life, unless there is none, as was found while
 * this one was inside. */
static void leave_lasting_mailbox(tr_self_t *self)
{
    if (self->is_moved_out) {
        return;
    }
    tr_mailbox_leave_for_good(self->mailbox);
    if (troupe_ref_is_over(self->ref)) {
        tr_runtime_bury(self->runtime, troupe_ref_share(self->ref), "it has ended for good");
    }
}

/* Any other ends here, and with it the reference. */
static void leave_mailbox(tr_self_t *self)
{
    if (tr_mailbox_is_lasting(self->mailbox)) {
        leave_lasting_mailbox(self);
        return;
    }
    troupe_ref_t *known =
        self->ref ? tr_directory_take_out(self->runtime->directory, self->ref) : NULL;
    troupe_ref_release(&known);
    tr_mailbox_close(self->mailbox);
    tr_mailbox_put_back(self->mailbox);
    drop_leftovers(self);
}

/* Those who watch are told when all is done: of one that may come back by its supervisor, which
 * alone knows whether it will. */
static void end_life(tr_self_t *self)
{
    if (self->ref) {
        tr_groups_forget(self->runtime->groups, self->ref, self->incarnation);
    }
    if (self->ref && !tr_mailbox_is_lasting(self->mailbox)) {
        tr_ref_end(self->ref, self->incarnation, &self->reason);
        tr_ref_finish(self->ref);
    }
}

static void destroy_self(tr_self_t **self_p)
{
    tr_self_t *self = *self_p;
    if (self) {
        tr_rest_leave(&self->rest);
        troupe_ref_release(&self->ref);
        tr_mailbox_release(&self->mailbox);
        tr_mailbox_release(&self->parent);
        tr_pulse_release(&self->pulse);
        tr_keepsake_release(&self->keepsake);
        atomic_fetch_sub(&self->runtime->n_actors, 1);
        tr_runtime_release(&self->runtime);
        sem_destroy(&self->is_let_go);
        free(self->name);
        free(self->home);
        free(self);
        *self_p = NULL;
    }
}

void tr_self_finish(tr_self_t **self_p)
{
    assert(self_p && *self_p);
    tr_self_t *self = *self_p;
    forget_names(self);
    if (self->class->leave) {
        self->class->leave(self);
    }
    leave_mailbox(self);
    self->class->end(self);
    zsock_destroy(&self->door);
    end_life(self);

    tr_control_t *ended = tr_control_new(TR_WORD_ENDED, self->incarnation);
    if (ended) {
        ended->reason = self->reason;
        tr_control_send(ended, self->parent);
    }
    destroy_self(self_p);
}

/* Signals are the node's business, or that of the program around it; faults stay ours. */
static void block_signals(void)
{
    sigset_t set;
    sigfillset(&set);
    sigdelset(&set, SIGSEGV);
    sigdelset(&set, SIGBUS);
    sigdelset(&set, SIGFPE);
    sigdelset(&set, SIGILL);
    sigdelset(&set, SIGABRT);
    sigdelset(&set, SIGTRAP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void run(zsock_t *pipe, void *arg)
{
    tr_self_t *self = arg;
    zsock_signal(pipe, 0); /* born; whether it comes up is told by mail */
    block_signals();
    char thread_name[16];
    snprintf(thread_name, sizeof thread_name, "%s", self->name);
    pthread_setname_np(pthread_self(), thread_name);

    self->door = zsock_new(ZMQ_PULL);
    if (self->door) {
        zsock_set_rcvhwm(self->door, DOOR_HIGH_WATER);
        if (zsock_bind(self->door, "inproc://troupe-%s/%s/%llu", self->runtime->boot,
                       self->name, (unsigned long long)self->incarnation) != 0) {
            zsock_destroy(&self->door);
        }
    }
    self->pipe_descriptor = descriptor_of(zsock_resolve(pipe));
    self->door_descriptor = self->door ? descriptor_of(zsock_resolve(self->door)) : -1;
    if (!self->door) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "no socket to be had: %s",
                                        zmq_strerror(errno));
    } else if (tr_self_begin(self)) {
        serve(self, pipe);
    }
    tr_self_finish(&self);
}

int64_t tr_self_move(tr_self_t *self, tr_letter_t *letter)
{
    assert(self && !self->is_ending);
    self->now = tr_clock_read();
    if (letter) {
        take(self, letter);
    }
    return decide(self);
}

/* ---- the parent's end ---- */

static tr_self_t *make(const tr_actor_setup_t *setup, uint64_t incarnation)
{
    tr_self_t *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    self->class = setup->class;
    sem_init(&self->is_let_go, 0, 0);
    self->name = strdup(setup->name);
    self->home = setup->home ? strdup(setup->home) : NULL;
    self->incarnation = incarnation;
    self->runtime = tr_runtime_share(setup->runtime);
    atomic_fetch_add(&self->runtime->n_actors, 1);
    self->ref = setup->ref ? troupe_ref_share(setup->ref) : NULL;
    self->mailbox = setup->ref ? tr_mailbox_share(setup->ref->mailbox)
                               : tr_mailbox_new(setup->name, incarnation, setup->limits);
    self->parent = tr_mailbox_share(setup->parent);
    self->pulse = tr_pulse_new();
    self->arg = setup->arg;
    self->keepsake = tr_keepsake_share(setup->keepsake);
    if (!self->name || (setup->home && !self->home) || !self->mailbox || !self->pulse) {
        destroy_self(&self);
    } else if (self->class->is_carried && tr_mailbox_is_lasting(self->mailbox)) {
        tr_mailbox_let_crew_carry(self->mailbox, self->runtime->crew, work_in_crew, self);
    } else if (self->class->is_carried) {
        tr_mailbox_let_carry(self->mailbox, self->class->carriers, work_for, self);
    } else if (tr_mailbox_is_carried(self->mailbox)) { /* an earlier life was */
        tr_mailbox_let_nobody_carry(self->mailbox);
    }
    return self;
}

static void move_in(tr_self_t *self)
{
    if (tr_mailbox_is_lasting(self->mailbox)) {
        tr_mailbox_move_in(self->mailbox, self->incarnation);
    }
    if (self->ref) {
        tr_ref_begin(self->ref, self->incarnation);
    }
}

/* It has no thread, and so no life. */
static void move_out(tr_self_t *self)
{
    if (tr_mailbox_is_lasting(self->mailbox)) {
        tr_mailbox_leave_for_good(self->mailbox);
    }
    if (self->ref) {
        const tr_reason_t reason =
            tr_reason_format(TROUPE_REASON_FAILED, "there is no thread for it");
        tr_ref_end(self->ref, self->incarnation, &reason);
    }
}

tr_self_t *tr_self_new(const tr_actor_setup_t *setup)
{
    assert(setup && setup->class && setup->name && setup->runtime && setup->parent);
    tr_self_t *self = make(setup, tr_runtime_next_incarnation(setup->runtime));
    if (self) {
        move_in(self);
    }
    return self;
}

troupe_status_t tr_actor_start(const tr_actor_setup_t *setup, tr_actor_t **out)
{
    assert(setup && out);
    size_t most = setup->runtime->max_actors;
    if (most > 0 && atomic_load(&setup->runtime->n_actors) >= most) {
        return TROUPE_LIMIT; /* czmq would end the process for want of a socket */
    }
    tr_actor_t *actor = calloc(1, sizeof *actor);
    tr_self_t *self = actor ? tr_self_new(setup) : NULL;
    if (!self) {
        free(actor);
        return TROUPE_ERR_NOMEM;
    }
    actor->incarnation = self->incarnation;
    actor->mailbox = tr_mailbox_share(self->mailbox);
    actor->ref = self->ref ? troupe_ref_share(self->ref) : NULL;
    actor->pulse = tr_pulse_share(self->pulse);
    tr_rest_enter(&self->rest, self->mailbox, self->pulse);
    actor->zactor = zactor_new(run, self); /* from here on `self` is the thread's */
    if (!actor->zactor) {
        move_out(self);
        troupe_ref_release(&actor->ref);
        tr_mailbox_release(&actor->mailbox);
        tr_pulse_release(&actor->pulse);
        free(actor);
        destroy_self(&self);
        return TROUPE_ERR_IO;
    }
    *out = actor;
    return TROUPE_OK;
}

void tr_actor_ask_to_stop(tr_actor_t *self, tr_reason_t reason)
{
    assert(self);
    tr_control_t *stop = tr_control_new(TR_WORD_STOP, self->incarnation);
    if (stop) {
        stop->reason = reason;
        tr_control_send(stop, self->mailbox);
    }
}

bool tr_actor_move_out(tr_actor_t *self)
{
    assert(self);
    atomic_store(&self->pulse->is_abandoned, 1);
    return !tr_mailbox_is_lasting(self->mailbox) ||
           tr_mailbox_move_out(self->mailbox, self->incarnation);
}

/* What was in its hands is told here, as its thread may never come back. */
static void lose_what_it_holds(tr_actor_t *self, tr_runtime_t *runtime)
{
    static const char why[] = "the actor did not come back from it";
    if (atomic_exchange(&self->pulse->has_mail, TR_NO_MAIL) == TR_HAS_MESSAGE) {
        tr_dead_letter_tell(runtime, self->ref->name, "", tr_mail_type.name, why);
    }
    troupe_question_t *question = atomic_exchange(&self->pulse->question, NULL);
    if (question) {
        tr_question_answer(question, TROUPE_OUTCOME_WORKER_LOST, why, NULL);
        tr_question_release(&question);
    }
}

/* One that is carried sleeps itself, and would not hear that it has been replaced. */
static void give_up_carrier(tr_actor_t *self)
{
    if (tr_mailbox_is_carried(self->mailbox)) {
        tr_mailbox_give_up_carrier(self->mailbox);
        zstr_send(self->zactor, "MOVED OUT"); /* that something comes is all it looks for */
    }
}

void tr_actor_abandon(tr_actor_t *self, tr_runtime_t *runtime, const tr_reason_t *reason)
{
    assert(self && runtime && reason);
    if (!self->ref) {
        tr_directory_forget(runtime->directory, self->mailbox);
        return;
    }
    bool is_out = tr_actor_move_out(self);
    lose_what_it_holds(self, runtime);
    bool is_left = is_out && tr_mailbox_is_lasting(self->mailbox);
    if (is_left) {
        give_up_carrier(self);
    } else {
        tr_directory_forget(runtime->directory, self->mailbox);
    }
    tr_groups_forget(runtime->groups, self->ref, self->incarnation);
    if (!is_left && tr_mailbox_is_lasting(self->mailbox)) {
        tr_runtime_bury(runtime, troupe_ref_share(self->ref), "the actor hangs");
    } else if (!is_left) {
        tr_ref_finish(self->ref);
    }
    if (!is_left) { /* else its supervisor tells, when it has decided */
        tr_ref_end(self->ref, self->incarnation, reason);
    }
    tr_groups_forget(runtime->groups, self->ref, self->incarnation); /* joined meanwhile */
}

troupe_status_t tr_actor_reap(tr_actor_t **self_p, int64_t timeout_ms)
{
    assert(self_p && *self_p);
    tr_actor_t *self = *self_p;
    zmq_pollitem_t end = {.socket = zsock_resolve(zactor_sock(self->zactor)),
                          .events = ZMQ_POLLIN};
    int64_t deadline = tr_clock_after(tr_clock_now_ms(), timeout_ms);
    int n_ready;
    do {
        int64_t left = deadline - tr_clock_now_ms();
        n_ready = zmq_poll(&end, 1, left > 0 ? (long)left : 0);
    } while (n_ready < 0 && errno == EINTR);
    if (n_ready <= 0) {
        return TROUPE_TIMEOUT;
    }
    zactor_destroy(&self->zactor);
    tr_grant_return(&self->grant);
    troupe_ref_release(&self->ref);
    tr_mailbox_release(&self->mailbox);
    tr_pulse_release(&self->pulse);
    free(self);
    *self_p = NULL;
    return TROUPE_OK;
}
