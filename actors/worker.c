/* One job at a time: control first, then the job, then the books.
 *
 * A worker told to stop finishes what it was given (its router has been told before, and gives
 * it nothing new), skipping jobs that nobody waits for any more. A worker whose callback failed
 * hands back untouched what it had not begun.
 */

#include "actors/worker.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/dead_letter.h"
#include "actors/inspection.h"
#include "actors/tracing.h"
#include "actors/worker_state.h"
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

/* ---- states ---- */

/* False when the supervisor has written this worker off: it must end. */
static bool move_to(troupe_worker_t *worker, tr_worker_state_t state)
{
    if (tr_worker_state_try(&worker->self->pulse->state, state)) {
        return true;
    }
    tr_worker_state_t now = (tr_worker_state_t)atomic_load(&worker->self->pulse->state);
    if (now != TR_WORKER_HUNG && now != TR_WORKER_DEAD) {
        tr_worker_state_move(&worker->self->pulse->state, state, worker->self->name);
    }
    return false;
}

static bool is_abandoned(const troupe_worker_t *worker)
{
    return atomic_load(&worker->self->pulse->is_abandoned) != 0;
}

static void fail(troupe_worker_t *worker, const char *what)
{
    tr_reason_t reason = tr_reason_format(TROUPE_REASON_FAILED, "%.200s",
                                          worker->explanation[0] ? worker->explanation : what);
    move_to(worker, TR_WORKER_FAILED);
    tr_self_end(worker->self, &reason);
}

/* ---- kept jobs ---- */

static void unlink_kept(troupe_worker_t *worker, tr_job_t *job)
{
    if (job->previous_kept) {
        job->previous_kept->next_kept = job->next_kept;
    } else {
        worker->kept = job->next_kept;
    }
    if (job->next_kept) {
        job->next_kept->previous_kept = job->previous_kept;
    }
    job->is_kept = false;
}

/* After each callback: kept jobs that it finished may go now. */
static void release_finished(troupe_worker_t *worker)
{
    for (tr_job_t *job = worker->kept; job;) {
        tr_job_t *next = job->next_kept;
        if (job->is_finished) {
            unlink_kept(worker, job);
            atomic_fetch_add_explicit(&worker->self->pulse->n_done, 1, memory_order_relaxed);
            tr_job_release(&job);
        }
        job = next;
    }
}

/* ---- one callback ---- */

/* Requests that share a run have no time of their own that a worker could be judged by: its
 * router says when the last of them has left. */
static int64_t time_limit_of(const tr_job_t *job)
{
    return !job || job->envelope->dedup.size > 0 ? TR_NEVER : atomic_load(&job->deadline_ms);
}

/* A callback may not return: then somebody else is moved into the mailbox meanwhile. */
static void step_out(troupe_worker_t *worker)
{
    if (worker->plan->is_lasting) {
        tr_mailbox_step_out(worker->self->mailbox, worker->self->incarnation);
    }
}

static void step_in(troupe_worker_t *worker)
{
    if (worker->plan->is_lasting &&
        !tr_mailbox_step_in(worker->self->mailbox, worker->self->incarnation)) {
        tr_reason_t reason = tr_reason_of(TROUPE_REASON_HUNG);
        worker->self->is_moved_out = true;
        tr_self_end(worker->self, &reason);
    } else if (worker->put_back == TR_PUT_BACK_ALL) {
        tr_mailbox_put_back(worker->self->mailbox);
    } else if (worker->put_back == TR_PUT_BACK_FIRST) {
        tr_mailbox_put_back_first(worker->self->mailbox);
    }
    worker->put_back = TR_PUT_BACK_NONE;
}

/* With the number of the job that the callback is about, the first of several; 0: about none.
 */
static void note_begin(troupe_worker_t *worker, uint64_t running, int64_t until_ms)
{
    tr_mailbox_leave_next(); /* it may not return, and nobody is to wait for that */
    tr_pulse_t *pulse = worker->self->pulse;
    int64_t now = worker->self->now.ms;
    atomic_store_explicit(&pulse->progress_ms, now, memory_order_relaxed);
    atomic_store_explicit(&pulse->running_until_ms, until_ms, memory_order_relaxed);
    atomic_store_explicit(&pulse->running, running, memory_order_relaxed);
    atomic_store_explicit(&pulse->running_since_ms, now, memory_order_release);
    worker->explanation[0] = '\0';
    if (!worker->is_stopping) {
        move_to(worker, TR_WORKER_PROCESSING);
    }
    step_out(worker);
}

static void note_end(troupe_worker_t *worker)
{
    tr_pulse_t *pulse = worker->self->pulse;
    atomic_store_explicit(&pulse->running, 0, memory_order_relaxed);
    atomic_store_explicit(&pulse->running_since_ms, 0, memory_order_release);
    release_finished(worker);
    int64_t begun_us = worker->self->now.us;
    worker->self->now = tr_clock_read();
    worker->took_us = worker->self->now.us - begun_us;
    worker->ready_since_ms = worker->self->now.ms;
    if (!worker->is_stopping) {
        move_to(worker, TR_WORKER_READY);
    }
    if (is_abandoned(worker)) {
        tr_reason_t reason = tr_reason_of(TROUPE_REASON_HUNG);
        tr_self_end(worker->self, &reason);
    } else if (worker->is_done) {
        tr_reason_t reason = tr_reason_of(TROUPE_REASON_NORMAL);
        tr_self_end(worker->self, &reason);
    }
}

/* After a callback that answered `verdict`; non-zero: the worker is broken, as it may have
 * explained, else by `what`. */
static void conclude(troupe_worker_t *worker, int verdict, const char *what)
{
    if (verdict) {
        release_finished(worker);
        atomic_store(&worker->self->pulse->running_since_ms, 0);
        fail(worker, what);
    } else {
        note_end(worker);
    }
}

/* ---- requests and messages ---- */

/* After a handler: what it has neither finished nor kept is finished here. Takes the share. */
static void settle(troupe_worker_t *worker, tr_job_t *job, int verdict)
{
    bool is_forgotten = !job->is_finished && !job->is_kept;
    if (is_forgotten && verdict) {
        tr_request_finish(job, TROUPE_OUTCOME_WORKER_LOST,
                          worker->explanation[0] ? worker->explanation
                                                 : "the worker broke while it had the request",
                          NULL, true);
    } else if (is_forgotten) {
        tr_request_finish(job, TROUPE_OUTCOME_WORKER_ERROR,
                          "the handler returned without finishing the request", NULL, false);
    }
    if (!job->is_kept) {
        atomic_fetch_add_explicit(&worker->self->pulse->n_done, 1, memory_order_relaxed);
        tr_job_release(&job);
    }
}

/* Whether anybody waits for the job; if not, it is finished and let go of. */
static bool is_awaited(troupe_worker_t *worker, tr_job_t *job)
{
    job->worker = worker;
    job->pace_us = worker->took_us;
    if (!tr_request_is_cancelled_by(job, worker->self->now.ms)) {
        return true;
    }
    tr_request_finish(job, TROUPE_OUTCOME_CANCELLED, NULL, NULL, false);
    tr_job_release(&job);
    return false;
}

/* Takes the worker's share of the job. */
static void serve(troupe_worker_t *worker, tr_job_t *job)
{
    if (is_awaited(worker, job)) {
        note_begin(worker, job->unit, time_limit_of(job));
        int verdict = worker->plan->behaviour->handle(worker, job, worker->state);
        step_in(worker);
        settle(worker, job, verdict);
        conclude(worker, verdict, "its handler returned an error");
    }
}

/* Of a batch that is not served as one: one by one, while the worker lives. */
static void serve_each(troupe_worker_t *worker, tr_batch_t *batch)
{
    for (size_t i = 0; i < batch->n_jobs; i++) {
        tr_job_t *job = batch->jobs[i];
        batch->jobs[i] = NULL;
        if (worker->self->is_ending) {
            tr_request_hand_back(&job);
        } else {
            serve(worker, job);
        }
    }
}

/* Leave those for whom somebody waits at the front; returns how many. */
static size_t pick_awaited(troupe_worker_t *worker, tr_batch_t *batch, int64_t *until_ms_out)
{
    size_t n_awaited = 0;
    *until_ms_out = 0;
    for (size_t i = 0; i < batch->n_jobs; i++) {
        tr_job_t *job = batch->jobs[i];
        batch->jobs[i] = NULL;
        if (is_awaited(worker, job)) {
            int64_t limit_ms = time_limit_of(job);
            *until_ms_out = limit_ms > *until_ms_out ? limit_ms : *until_ms_out;
            batch->jobs[n_awaited++] = job;
        }
    }
    return n_awaited;
}

static void serve_batch(troupe_worker_t *worker, tr_batch_t *batch)
{
    const troupe_behaviour_t *behaviour = worker->plan->behaviour;
    uint64_t unit = batch->jobs[0]->unit;
    int64_t until_ms;
    size_t n_awaited = pick_awaited(worker, batch, &until_ms);
    if (n_awaited > 0) {
        note_begin(worker, unit, until_ms);
        int verdict = behaviour->handle_batch(worker, batch->jobs, n_awaited, worker->state);
        step_in(worker);
        for (size_t i = 0; i < n_awaited; i++) {
            tr_job_t *job = batch->jobs[i];
            batch->jobs[i] = NULL;
            settle(worker, job, verdict);
        }
        conclude(worker, verdict, "its batch handler returned an error");
    }
}

/* Takes the batch. */
static void receive_batch(troupe_worker_t *worker, tr_batch_t *batch)
{
    if (worker->plan->behaviour->handle_batch) {
        serve_batch(worker, batch);
    } else {
        serve_each(worker, batch);
    }
    tr_batch_destroy(&batch);
}

/* ---- mail ---- */

/* It is known from outside what is in its hands, in case it does not come back from it. */
static void take_in_hand(troupe_worker_t *worker, tr_mail_t *mail)
{
    tr_pulse_t *pulse = worker->self->pulse;
    worker->in_hand.mail = mail;
    worker->in_hand.is_stashed = worker->in_hand.is_forwarded = false;
    if (mail->question) {
        atomic_store(&pulse->question, tr_question_share(mail->question));
    }
    atomic_store_explicit(&pulse->has_mail,
                          tr_mail_is_sent(mail) ? TR_HAS_MESSAGE : TR_HAS_NOTICE,
                          memory_order_relaxed);
}

/* Its supervisor may have told of the loss. */
static bool let_go_of_hand(troupe_worker_t *worker, bool had_question)
{
    tr_pulse_t *pulse = worker->self->pulse;
    bool is_lost = atomic_exchange(&pulse->has_mail, TR_NO_MAIL) == TR_NO_MAIL;
    if (had_question) {
        troupe_question_t *question = atomic_exchange(&pulse->question, NULL);
        tr_question_release(&question);
    }
    return !is_lost;
}

/* In a process the node knows of each message that came from it until it is settled. */
static void tell_settled(const tr_self_t *self, const tr_mail_t *mail, tr_settled_t how)
{
    tr_mailbox_t *beyond = self->runtime->beyond;
    tr_control_t *word =
        beyond && mail->receipt > 0 ? tr_control_new(TR_WORD_SETTLED, self->incarnation) : NULL;
    if (word) {
        word->number = mail->receipt;
        word->depth = how;
        tr_letter_t *letter = &word->letter;
        if (tr_mailbox_post_answer(beyond, TR_LANE_USER, &letter) != TROUPE_OK) {
            tr_letter_destroy(&letter);
        }
    }
}

/* Whoever asked hears why there will be no answer. */
static void answer_as_lost(const troupe_worker_t *worker, const tr_mail_t *mail, int verdict)
{
    if (!mail->question || atomic_load(&mail->question->is_answered)) {
        return;
    }
    const char *what = verdict ? "it failed while it had the message"
                               : "it took the message, and has not answered";
    char text[TR_REASON_TEXT];
    snprintf(text, sizeof text, "%.100s: %s%s%.100s", worker->self->name, what,
             worker->explanation[0] ? ": " : "", worker->explanation);
    tr_question_answer(mail->question, TROUPE_OUTCOME_WORKER_LOST, text, NULL);
}

/* What becomes of a mail that `receive` has returned from with `verdict`; in a word. */
static const char *settle_mail(troupe_worker_t *worker, int verdict, bool is_held)
{
    tr_mail_t *mail = worker->in_hand.mail;
    tr_letter_t *letter = &mail->letter;
    worker->in_hand.mail = NULL;
    bool is_forwarded = worker->in_hand.is_forwarded;
    bool is_wanted = is_held && worker->in_hand.is_stashed && !verdict;
    bool is_lost = is_held && (verdict || (is_wanted && worker->self->is_moved_out));
    if (is_wanted && !is_lost) {
        tell_settled(worker->self, mail, TR_SETTLED_ASIDE);
        tr_mailbox_put_aside(worker->self->mailbox, &letter);
        return "stashed";
    }
    answer_as_lost(worker, mail, verdict);
    if (is_lost && tr_mail_is_sent(mail) && !is_forwarded) {
        tr_dead_letter_take(worker->self->runtime, worker->self->name,
                            "the actor failed while it had it", &letter);
    } else {
        tell_settled(worker->self, mail, TR_SETTLED_RECEIVED);
    }
    tr_letter_destroy(&letter);
    return verdict               ? "failed"
           : !is_held || is_lost ? "lost"
           : is_forwarded        ? "forwarded"
                                 : "done";
}

/* Takes the mail. */
static void deliver(troupe_worker_t *worker, tr_mail_t *mail)
{
    const troupe_behaviour_t *behaviour = worker->plan->behaviour;
    if (!behaviour->receive) {
        tr_letter_t *letter = &mail->letter;
        tr_dead_letter_take(worker->self->runtime, worker->self->name,
                            "the behaviour takes no messages", &letter);
        return;
    }
    bool had_question = mail->question != NULL;
    bool is_traced = tr_tracing_is_on(worker->self);
    tr_traced_t traced;
    if (is_traced) {
        tr_tracing_begin(&traced, mail);
    }
    take_in_hand(worker, mail); /* before it can be replaced */
    note_begin(worker, 0, TR_NEVER);
    int verdict = behaviour->receive(worker, mail->message, worker->state);
    bool is_held = let_go_of_hand(worker, had_question);
    step_in(worker);
    const char *what_became = settle_mail(worker, verdict, is_held);
    if (is_traced) {
        tr_tracing_end(&traced, worker->self, what_became);
    }
    tr_pulse_count_message(worker->self->pulse, worker->self->now.ms);
    conclude(worker, verdict, "its receive returned an error");
}

/* Somebody that it is tied to has ended. */
static void fall_with(troupe_worker_t *worker, const tr_mail_t *notice)
{
    tr_reason_t reason = tr_watching_reason_to_fall(notice);
    move_to(worker, TR_WORKER_FAILED);
    tr_self_end(worker->self, &reason);
}

/* Takes the mail. */
static void receive_mail(troupe_worker_t *worker, tr_mail_t *mail)
{
    tr_letter_t *letter = &mail->letter;
    bool is_notice = mail->kind == TROUPE_MESSAGE_DOWN && !mail->is_settled;
    bool is_of_another_life =
        !tr_mail_is_sent(mail) && !mail->is_link && mail->reader != worker->self->incarnation;
    if (is_of_another_life || (is_notice && !tr_watching_take(&worker->watching, mail))) {
        tr_letter_destroy(&letter);
    } else if (is_notice && mail->is_link) {
        if (mail->reason->kind != TROUPE_REASON_NORMAL) {
            fall_with(worker, mail);
        }
        tr_letter_destroy(&letter);
    } else {
        mail->is_settled = true; /* should it be put aside, it comes again */
        deliver(worker, mail);
    }
}

/* ---- timers ---- */

static void answer_ask(troupe_worker_t *worker, const tr_ask_t *ask,
                       const troupe_reply_t *reply)
{
    note_begin(worker, 0, TR_NEVER);
    int verdict = ask->on_answer(worker, reply, ask->arg);
    step_in(worker);
    conclude(worker, verdict, "taking an answer, it returned an error");
}

/* Nobody has answered in time, or the actor does not want to know any more. The final is made
 * on the stack, as one must come even when there is no memory. */
static void give_up_ask(troupe_worker_t *worker, const tr_ask_t *ask)
{
    const troupe_ref_t *whom = ask->question->whom;
    const char *name = whom ? troupe_ref_name(whom) : "whoever was asked";
    char text[TR_REASON_TEXT];
    if (ask->is_cancelled) {
        snprintf(text, sizeof text, "%.120s is not waited for any more", name);
    } else {
        snprintf(text, sizeof text, "%.120s has not answered within %lld ms", name,
                 (long long)ask->timeout_ms);
    }
    const troupe_reply_t final = {
        .id = ask->question->id,
        .is_final = true,
        .outcome = ask->is_cancelled ? TROUPE_OUTCOME_CANCELLED : TROUPE_OUTCOME_TIMEOUT,
        .text = text,
    };
    answer_ask(worker, ask, &final);
}

static void take_due(troupe_worker_t *worker, const tr_due_t *due)
{
    tr_ask_t ask;
    if (tr_asks_close(&worker->asks, due->id, &ask)) {
        give_up_ask(worker, &ask);
        tr_question_turn_away(&ask.question);
    } else if (due->tick) {
        due->tick->reader = worker->self->incarnation;
        deliver(worker, due->tick);
    }
}

/* Those of a suspended actor wait. */
static bool may_tick(const troupe_worker_t *worker)
{
    return !worker->self->is_ending && !worker->self->is_suspended;
}

/* One that is started while others tick waits for the next round, even if it is due at once. */
static void tick_all_due(troupe_worker_t *worker)
{
    tr_due_t due;
    int64_t now_ms = worker->self->now.ms;
    for (size_t n_left = tr_timers_count(&worker->timers);
         n_left > 0 && may_tick(worker) && tr_timers_take_due(&worker->timers, now_ms, &due);
         n_left--) {
        take_due(worker, &due);
    }
}

/* ---- going on ---- */

static tr_job_t *find_kept(const troupe_worker_t *worker, uint64_t number)
{
    tr_job_t *job = worker->kept;
    while (job && job->number != number) {
        job = job->next_kept;
    }
    return job;
}

/* A kept request that waits for room has some, or is not wanted any more. */
static void go_on(troupe_worker_t *worker, uint64_t number)
{
    tr_job_t *job = find_kept(worker, number);
    if (!job || !job->on_room || job->is_finished) {
        return;
    }
    troupe_room_fn *on_room = job->on_room;
    job->on_room = NULL;
    note_begin(worker, job->unit, time_limit_of(job));
    int verdict = on_room(worker, job, job->on_room_arg);
    step_in(worker);
    conclude(worker, verdict, "going on with a stream, it returned an error");
}

/* What another actor answered. It may have waited here until nobody waits for it any more. */
static void take_ask_answer(troupe_worker_t *worker, const troupe_reply_t *reply)
{
    tr_ask_t ask;
    if (!tr_asks_close(&worker->asks, reply->id, &ask)) {
        return;
    }
    tr_timers_cancel(&worker->timers, reply->id);
    if (ask.is_cancelled || ask.question->deadline_ms <= worker->self->now.ms) {
        give_up_ask(worker, &ask);
    } else {
        answer_ask(worker, &ask, reply);
    }
    tr_question_turn_away(&ask.question);
}

/* What another capability, or actor, answered. Takes the reply. */
static void take_answer(troupe_worker_t *worker, troupe_reply_t *reply)
{
    const tr_errand_t *errand = tr_errands_find(&worker->errands, reply);
    if (errand) {
        troupe_answer_fn *on_answer = errand->on_answer;
        void *arg = errand->arg;
        const tr_job_t *parent =
            errand->envelope->parent ? find_kept(worker, errand->envelope->parent) : NULL;
        if (reply->is_final) {
            tr_errands_taken(&worker->errands, reply);
        }
        note_begin(worker, parent ? parent->unit : 0, time_limit_of(parent));
        int verdict = on_answer(worker, reply, arg);
        step_in(worker);
        if (!reply->is_final) {
            tr_errands_taken(&worker->errands, reply);
        }
        conclude(worker, verdict, "taking an answer, it returned an error");
    } else {
        take_ask_answer(worker, reply);
    }
    troupe_reply_destroy(&reply);
}

/* A callback that leaves no trace in what the worker is and since when, but for the clock by
 * which a hanging one is told. */
static void note_check_begin(troupe_worker_t *worker)
{
    tr_mailbox_leave_next();
    tr_pulse_t *pulse = worker->self->pulse;
    int64_t now = tr_clock_now_ms();
    atomic_store_explicit(&pulse->progress_ms, now, memory_order_relaxed);
    atomic_store_explicit(&pulse->running_until_ms, TR_NEVER, memory_order_relaxed);
    atomic_store(&pulse->running_since_ms, now);
    worker->explanation[0] = '\0';
    step_out(worker);
}

static void note_check_end(troupe_worker_t *worker)
{
    step_in(worker);
    atomic_store(&worker->self->pulse->running_since_ms, 0);
}

static void end_if_abandoned(troupe_worker_t *worker)
{
    if (is_abandoned(worker)) {
        tr_reason_t reason = tr_reason_of(TROUPE_REASON_HUNG);
        tr_self_end(worker->self, &reason);
    }
}

/* The deep check. */
static void probe(troupe_worker_t *worker)
{
    const troupe_behaviour_t *behaviour = worker->plan->behaviour;
    if (!behaviour->probe || worker->is_stopping || worker->self->is_suspended ||
        worker->kept || tr_mailbox_has_letters(worker->self->mailbox)) {
        return;
    }
    note_check_begin(worker);
    int broken = behaviour->probe(worker, worker->state);
    note_check_end(worker);
    if (broken) {
        fail(worker, "its probe failed");
    } else {
        end_if_abandoned(worker);
    }
}

/* ---- inspection ---- */

/* What was asked has a timer, too. */
static void count_all(const troupe_worker_t *worker, tr_inspection_t *inspection)
{
    inspection->n_aside = tr_mailbox_count_aside(worker->self->mailbox);
    inspection->n_asks = worker->asks.open.n_items;
    inspection->n_timers = worker->timers.by_id.n_items - inspection->n_asks;
    inspection->n_monitors = worker->watching.open.n_items;
    inspection->n_calls = worker->errands.open.n_items;
}

static void inspect(troupe_worker_t *worker, const tr_control_t *word)
{
    const troupe_behaviour_t *behaviour = worker->plan->behaviour;
    tr_inspection_t *inspection = tr_inspection_new(worker->self, word->number);
    if (!inspection) {
        return;
    }
    snprintf(inspection->behaviour, sizeof inspection->behaviour, "%s", behaviour->name);
    if (behaviour->state) {
        note_check_begin(worker);
        inspection->state = behaviour->state(worker, worker->state);
        note_check_end(worker);
        end_if_abandoned(worker);
    } else {
        tr_inspection_explain(inspection, "its behaviour has no callback to show its state");
    }
    count_all(worker, inspection);
    /* From a process it comes behind what was sent before, as all else does. */
    tr_inspection_send(inspection, word->mailbox,
                       worker->self->runtime->beyond ? TR_LANE_USER : TR_LANE_CONTROL);
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
    move_to(worker, TR_WORKER_LOADING);
    const troupe_behaviour_t *behaviour = worker->plan->behaviour;
    step_out(worker);
    int verdict = behaviour->init ? behaviour->init(worker, &worker->plan->args, &worker->state)
                                  : TROUPE_INIT_OK;
    step_in(worker);
    if (verdict != TROUPE_INIT_OK) {
        self->reason = reason_of_init(worker, verdict);
        move_to(worker, verdict == TROUPE_INIT_IGNORE ? TR_WORKER_EVICTING : TR_WORKER_FAILED);
        return false;
    }
    worker->is_begun = true;
    self->reason = tr_reason_format(TROUPE_REASON_NORMAL, "%s", worker->explanation);
    worker->ready_since_ms = tr_clock_now_ms();
    if (is_abandoned(worker) || !move_to(worker, TR_WORKER_READY)) {
        self->reason = tr_reason_of(TROUPE_REASON_HUNG);
        return false;
    }
    return true;
}

static void take_word(troupe_worker_t *worker, const tr_control_t *word)
{
    switch (word->word) {
    case TR_WORD_PROBE:
        probe(worker);
        break;
    case TR_WORD_INSPECT:
        inspect(worker, word);
        break;
    case TR_WORD_CANCEL:
        tr_errands_cancel_of(&worker->errands, word->number);
        go_on(worker, word->number);
        break;
    case TR_WORD_ROOM:
        go_on(worker, word->number);
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
        serve(worker, tr_job_in(letter));
    } else if (can_serve && tr_batch_in(letter)) {
        receive_batch(worker, tr_batch_in(letter));
    } else if (tr_control_in(letter)) {
        take_word(worker, tr_control_in(letter));
        tr_letter_destroy(&letter);
    } else if (letter->type == &tr_reply_type) {
        take_answer(worker, (troupe_reply_t *)letter);
    } else if (mail) {
        receive_mail(worker, mail);
    } else {
        tr_dead_letter_take(self->runtime, self->name, "a worker takes no such thing", &letter);
    }
    if (tr_timers_next_ms(&worker->timers) <= self->now.ms) {
        tick_all_due(worker); /* before what else waits in the mailbox */
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
    move_to(worker, TR_WORKER_IDLE);
    return TR_NEVER;
}

static int64_t turn(tr_self_t *self, int64_t now_ms)
{
    troupe_worker_t *worker = self->state;
    if (tr_timers_next_ms(&worker->timers) <= now_ms) {
        tick_all_due(worker);
    }
    if (self->is_ending) {
        return TR_NEVER;
    }
    if (worker->is_stopping && is_done_stopping(worker)) {
        tr_self_end(self, &worker->stop_reason);
        return TR_NEVER;
    }
    int64_t tick_at_ms = may_tick(worker) ? tr_timers_next_ms(&worker->timers) : TR_NEVER;
    int64_t idle_at_ms = worker->is_stopping ? TR_NEVER : turn_idle(worker, now_ms);
    return tick_at_ms < idle_at_ms ? tick_at_ms : idle_at_ms;
}

static void suspend(tr_self_t *self, bool is_suspended)
{
    troupe_worker_t *worker = self->state;
    worker->ready_since_ms = self->now.ms;
    if (!worker->is_stopping) {
        move_to(worker, is_suspended ? TR_WORKER_PAUSED : TR_WORKER_READY);
    }
}

static void stop(tr_self_t *self, const tr_reason_t *reason)
{
    troupe_worker_t *worker = self->state;
    if (!worker->is_stopping) {
        worker->is_stopping = true;
        worker->stop_reason = *reason;
        move_to(worker, TR_WORKER_DRAINING);
    }
}

/* In a process: what was not begun is the node's again, and so is its question. */
static void give_back(const tr_self_t *self, tr_mail_t *mail)
{
    tell_settled(self, mail, TR_SETTLED_UNBEGUN);
    if (mail->question) {
        tr_question_forget(mail->question);
    }
    tr_letter_t *letter = &mail->letter;
    tr_letter_destroy(&letter);
}

static void leftover(tr_self_t *self, tr_letter_t *letter)
{
    if (tr_request_hand_back_letter(letter)) {
        return;
    }
    tr_mail_t *mail = tr_mail_in(letter);
    if (mail && self->runtime->beyond && mail->receipt > 0) {
        give_back(self, mail);
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
        unlink_kept(worker, job);
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
