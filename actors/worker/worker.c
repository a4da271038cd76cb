/* One job at a time: control first, then the job, then the books.
 *
 * A worker told to stop finishes what it was given (its router has been told before, and gives
 * it nothing new), skipping jobs that nobody waits for any more. A worker whose callback failed
 * hands back untouched what it had not begun.
 */

#include "actors/worker/inside.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/dead_letter.h"
#include "base/clock.h"
#include "base/log.h"
#include "mailbox/mail.h"
#include "mailbox/reply.h"

/* The numbers of a life begin with its own, so that what comes late for another one fits none.
 */
#define NUMBERS_OF_A_LIFE 40

/* ---- what behaviours call ---- */

const char *troupe_worker_name(const troupe_worker_t *self)
{
    assert(self);
    return self->self->name;
}

void troupe_worker_progress(troupe_worker_t *self)
{
    assert(self);
    atomic_store_explicit(&self->self->pulse->progress_ms, tr_clock_now_ms(),
                          memory_order_relaxed);
}

void troupe_worker_explain(troupe_worker_t *self, const char *format, ...)
{
    assert(self && format);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self->explanation, sizeof self->explanation, format, arguments);
    va_end(arguments);
}

void troupe_worker_log(troupe_worker_t *self, const char *format, ...)
{
    assert(self && format);
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tr_log(TR_LOG_INFO, "worker_says", TR_TEXT("worker", self->self->name),
           TR_TEXT("text", text));
}

void troupe_worker_end(troupe_worker_t *self)
{
    assert(self);
    self->is_done = true;
}

troupe_status_t troupe_worker_call(troupe_worker_t *self, troupe_request_t *parent,
                                   const char *capability, const troupe_call_options_t *options,
                                   troupe_message_t **message_p, troupe_answer_fn *on_answer,
                                   void *arg, uint64_t *id_out)
{
    assert(self && capability && message_p && on_answer && id_out);
    assert(!parent || !parent->is_finished);
    /* First ask to hear of cancels, then look: one of the two sides sees the other. */
    atomic_store(&self->self->pulse->wants_cancels, 1);
    static const troupe_call_options_t defaults = {0};
    const tr_header_t header =
        tr_errands_header(&self->errands, parent, capability, options ? options : &defaults);
    uint64_t id = tr_worker_next_number(self);
    troupe_status_t status =
        tr_errands_start(&self->errands, id, parent, &header, message_p, on_answer, arg);
    if (status == TROUPE_OK) {
        *id_out = id;
    }
    return status;
}

uint64_t tr_worker_next_number(troupe_worker_t *self)
{
    return ++self->last_number;
}

/* ---- the class ---- */

/* Why there is no worker after all, by what init has answered. */
static tr_reason_t reason_of_init(const troupe_worker_t *worker, int verdict)
{
    if (verdict == TROUPE_INIT_IGNORE) {
        return tr_reason_of(TROUPE_REASON_IGNORED);
    }
    bool is_out_of_memory = verdict == TROUPE_INIT_NO_MEMORY;
    const char *what =
        is_out_of_memory ? "its init found too little memory" : "its init returned an error";
    tr_reason_t reason = tr_reason_format(TROUPE_REASON_FAILED, "%.200s",
                                          worker->explanation[0] ? worker->explanation : what);
    reason.is_out_of_memory = is_out_of_memory;
    return reason;
}

static bool begin(tr_self_t *self, const void *arg)
{
    troupe_worker_t *worker = calloc(1, sizeof *worker);
    if (!worker) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "out of memory");
        self->reason.is_out_of_memory = true;
        return false;
    }
    self->state = worker;
    worker->self = self;
    worker->plan = arg;
    worker->took_us = TR_NEVER;
    worker->last_number = self->incarnation << NUMBERS_OF_A_LIFE;
    tr_errands_init(&worker->errands, self);
    tr_asks_init(&worker->asks);
    tr_timers_init(&worker->timers);
    tr_watching_init(&worker->watching, self->mailbox, self->ref, self->incarnation);
    tr_worker_move_to(worker, TR_WORKER_LOADING);
    const troupe_behaviour_t *behaviour = worker->plan->behaviour;
    tr_worker_step_out(worker);
    int verdict = behaviour->init ? behaviour->init(worker, &worker->plan->args, &worker->state)
                                  : TROUPE_INIT_OK;
    tr_worker_step_in(worker);
    if (verdict != TROUPE_INIT_OK) {
        self->reason = reason_of_init(worker, verdict);
        tr_worker_move_to(worker, verdict == TROUPE_INIT_IGNORE ? TR_WORKER_EVICTING
                                                                : TR_WORKER_FAILED);
        return false;
    }
    worker->is_begun = true;
    self->reason = tr_reason_format(TROUPE_REASON_NORMAL, "%s", worker->explanation);
    worker->ready_since_ms = tr_clock_now_ms();
    if (tr_worker_is_abandoned(worker) || !tr_worker_move_to(worker, TR_WORKER_READY)) {
        self->reason = tr_reason_of(TROUPE_REASON_HUNG);
        return false;
    }
    return true;
}

/* What another capability, or actor, answered. Takes the reply. */
static void take_answer(troupe_worker_t *worker, troupe_reply_t *reply)
{
    const tr_errand_t *errand = tr_errands_find(&worker->errands, reply);
    if (errand) {
        tr_worker_take_errand_answer(worker, errand, reply);
    } else {
        tr_worker_take_ask_answer(worker, reply);
        troupe_reply_destroy(&reply);
    }
}

static void take_word(troupe_worker_t *worker, const tr_control_t *word)
{
    switch (word->word) {
    case TR_WORD_PROBE:
        tr_worker_probe(worker);
        break;
    case TR_WORD_INSPECT:
        tr_worker_inspect(worker, word);
        break;
    case TR_WORD_CANCEL:
        tr_errands_cancel_of(&worker->errands, word->number);
        tr_worker_go_on(worker, word->number);
        break;
    case TR_WORD_ROOM:
        tr_worker_go_on(worker, word->number);
        break;
    default:
        break;
    }
}

static void receive(tr_self_t *self, tr_letter_t *letter)
{
    troupe_worker_t *worker = self->state;
    tr_mail_t *mail = tr_mail_in(letter);
    bool can_serve = worker->plan->behaviour->handle != NULL;
    if (can_serve && tr_job_in(letter)) {
        tr_worker_serve(worker, tr_job_in(letter));
    } else if (can_serve && tr_batch_in(letter)) {
        tr_worker_serve_batch(worker, tr_batch_in(letter));
    } else if (tr_control_in(letter)) {
        take_word(worker, tr_control_in(letter));
        tr_letter_destroy(&letter);
    } else if (letter->type == &tr_reply_type) {
        take_answer(worker, (troupe_reply_t *)letter);
    } else if (mail) {
        tr_worker_receive_mail(worker, mail);
    } else {
        tr_dead_letter_take(self->runtime, self->name, "a worker takes no such thing", &letter);
    }
    if (tr_timers_next_ms(&worker->timers) <= self->now.ms) {
        tr_worker_tick(worker); /* before what else waits in the mailbox */
    }
}

/* Nothing is left in the mailbox, but what is aside, and nothing kept. What waits for an actor
 * that is restarted waits on; of a mailbox that holds back nothing else is minded. */
static bool is_done_stopping(const troupe_worker_t *worker)
{
    return worker->plan->is_lasting ||
           (!worker->kept && !tr_mailbox_has_letters(worker->self->mailbox));
}

static int64_t turn_idle(troupe_worker_t *worker, int64_t now_ms)
{
    if (atomic_load(&worker->self->pulse->state) != TR_WORKER_READY || worker->kept) {
        return TR_NEVER;
    }
    int64_t idle_at_ms = tr_clock_after(worker->ready_since_ms, worker->plan->idle_after_ms);
    if (now_ms < idle_at_ms) {
        return idle_at_ms;
    }
    tr_worker_move_to(worker, TR_WORKER_IDLE);
    return TR_NEVER;
}

static int64_t turn(tr_self_t *self, int64_t now_ms)
{
    troupe_worker_t *worker = self->state;
    if (tr_timers_next_ms(&worker->timers) <= now_ms) {
        tr_worker_tick(worker);
    }
    if (self->is_ending) {
        return TR_NEVER;
    }
    if (worker->is_stopping && is_done_stopping(worker)) {
        tr_self_end(self, &worker->stop_reason);
        return TR_NEVER;
    }
    int64_t tick_at_ms =
        tr_worker_may_tick(worker) ? tr_timers_next_ms(&worker->timers) : TR_NEVER;
    int64_t idle_at_ms = worker->is_stopping ? TR_NEVER : turn_idle(worker, now_ms);
    return tick_at_ms < idle_at_ms ? tick_at_ms : idle_at_ms;
}

static void suspend(tr_self_t *self, bool is_suspended)
{
    troupe_worker_t *worker = self->state;
    worker->ready_since_ms = self->now.ms;
    if (!worker->is_stopping) {
        tr_worker_move_to(worker, is_suspended ? TR_WORKER_PAUSED : TR_WORKER_READY);
    }
}

static void stop(tr_self_t *self, const tr_reason_t *reason)
{
    troupe_worker_t *worker = self->state;
    if (!worker->is_stopping) {
        worker->is_stopping = true;
        worker->stop_reason = *reason;
        tr_worker_move_to(worker, TR_WORKER_DRAINING);
    }
}

static void leftover(tr_self_t *self, tr_letter_t *letter)
{
    if (tr_request_hand_back_letter(letter)) {
        return;
    }
    tr_mail_t *mail = tr_mail_in(letter);
    if (mail && self->runtime->beyond && mail->receipt > 0) {
        tr_worker_give_back(self, mail);
    } else if (mail && tr_mail_is_sent(mail)) {
        tr_dead_letter_take(self->runtime, self->name, "the worker has ended", &letter);
    } else {
        tr_letter_destroy(&letter);
    }
}

static void end(tr_self_t *self)
{
    troupe_worker_t *worker = self->state;
    if (!worker) {
        return;
    }
    /* Whatever it was, unless it failed or hung: dead follows these only. */
    tr_worker_state_try(&self->pulse->state, TR_WORKER_EVICTING);
    if (worker->is_begun && worker->plan->behaviour->terminate) {
        worker->plan->behaviour->terminate(worker, &worker->state,
                                           tr_reason_view(&self->reason));
    }
    while (worker->kept) {
        tr_job_t *job = worker->kept;
        tr_worker_unlink_kept(worker, job);
        tr_job_release(&job);
    }
    tr_errands_finish(&worker->errands);
    tr_asks_finish(&worker->asks);
    tr_timers_finish(&worker->timers);
    tr_watching_finish(&worker->watching);
    tr_worker_state_try(&self->pulse->state, TR_WORKER_DEAD);
    free(worker);
    self->state = NULL;
}

const tr_actor_class_t tr_worker_class = {
    .kind = "worker",
    .begin = begin,
    .receive = receive,
    .turn = turn,
    .suspend = suspend,
    .stop = stop,
    .leftover = leftover,
    .end = end,
};

/* The same on whatever thread brings it work, as far as that is a host; an actor on a thread of
 * the crew. */
static const tr_actor_class_t inline_worker_class = {
    .kind = "worker",
    .is_carried = true,
    .carriers = TR_CARRIED_BY_HOSTS,
    .begin = begin,
    .receive = receive,
    .turn = turn,
    .suspend = suspend,
    .stop = stop,
    .leftover = leftover,
    .end = end,
};

static troupe_status_t start(const tr_actor_class_t *class, const tr_birth_t *birth,
                             tr_actor_t **out)
{
    assert(birth && birth->what);
    const tr_worker_plan_t *plan = birth->what;
    tr_mailbox_limits_t limits =
        plan->limits.letters > 0 ? plan->limits : TR_WORKER_MAILBOX_LIMITS;
    const char *name = plan->known_as ? plan->known_as : birth->name;
    troupe_ref_t *ref;
    troupe_status_t status =
        tr_directory_claim(birth->runtime->directory, name, birth->home ? birth->home : "",
                           limits, plan->is_lasting, &ref);
    if (status != TROUPE_OK) {
        return status;
    }
    status = tr_actor_start(
        &(tr_actor_setup_t){
            .class = class,
            .name = name,
            .runtime = birth->runtime,
            .parent = birth->parent,
            .home = birth->home,
            .ref = ref,
            .arg = plan,
            .keepsake = birth->keepsake,
        },
        out);
    if (status != TROUPE_OK && !plan->is_lasting) {
        troupe_ref_t *known = tr_directory_take_out(birth->runtime->directory, ref);
        if (known) {
            tr_runtime_bury(birth->runtime, known, "the actor did not start");
        }
    }
    troupe_ref_release(&ref);
    return status;
}

troupe_status_t tr_worker_start(const tr_birth_t *birth, tr_actor_t **out)
{
    return start(&tr_worker_class, birth, out);
}

troupe_status_t tr_inline_worker_start(const tr_birth_t *birth, tr_actor_t **out)
{
    return start(&inline_worker_class, birth, out);
}

bool tr_worker_is_inline(const troupe_worker_t *self)
{
    return self->self->class == &inline_worker_class;
}
