/* What the worker says of its requests is taken in its order. When a part finds no room with
 * its reader, it is held, and what comes behind it waits in a line, which is bounded. Pongs and
 * signs of progress do not wait.
 *
 * The end has one way: whatever goes wrong decides the reason, and the next turn ends the
 * actor. What it says last tells the gateway what to say to the worker.
 */

#include "remote/workers/remote_worker.h"

#include <assert.h>
#include <stdlib.h>

#include "actors/dead_letter.h"
#include "actors/given_work.h"
#include "actors/inspection.h"
#include "actors/worker/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "remote/workers/line.h"

#define MAILBOX_LETTERS 10000
#define MAILBOX_BYTES   ((size_t)256 << 20)
#define MOST_WAITING    10000
#define MOST_BYTES      ((size_t)64 << 20)
#define IDLE_AFTER_MS   1000
#define RETRY_PART_MS   5
#define DECLINE_MS      20
#define LEAVE_MS        2000 /* for one that has said that it goes */

typedef struct remote_worker {
    tr_self_t *self;
    const tr_line_offer_t *offer;
    tr_given_work_t work;
    tr_line_letter_t *first; /* what it said, behind the part that is held */
    tr_line_letter_t *last;
    size_t n_waiting;
    size_t n_bytes;
    bool is_gone;      /* it cannot be spoken to any more */
    bool wants_no_new; /* it has said so */
    bool has_hinted;   /* to the pool, that it has nothing left to do */
    tr_reason_t stop_reason;
    bool has_verdict;
    tr_reason_t verdict; /* why it ends */
    int64_t leave_by_ms; /* or TR_NEVER */
} remote_worker_t;

/* ---- to the gateway ---- */

static void decide(remote_worker_t *worker, const tr_reason_t *reason)
{
    if (!worker->has_verdict) {
        worker->has_verdict = true;
        worker->verdict = *reason;
    }
}

static void lose(remote_worker_t *worker, const char *why)
{
    tr_reason_t reason = tr_reason_format(TROUPE_REASON_LOST, "%s", why);
    worker->is_gone = true;
    decide(worker, &reason);
}

/* Takes the letter; NULL: out of memory. */
static troupe_status_t post(remote_worker_t *worker, tr_line_letter_t *word)
{
    tr_letter_t *letter = word ? &word->letter : NULL;
    if (!letter) {
        return TROUPE_ERR_NOMEM;
    }
    troupe_status_t status =
        tr_mailbox_post_answer(worker->offer->gateway, TR_LANE_CONTROL, &letter);
    if (status != TROUPE_OK) {
        tr_letter_destroy(&letter);
        lose(worker, "its gateway has ended");
    }
    return status;
}

static troupe_status_t say(remote_worker_t *worker, const tr_trp1_t *command)
{
    return post(worker, tr_line_letter_new(worker->offer->line, command, NULL));
}

static troupe_status_t say_word(remote_worker_t *worker, tr_trp1_command_t word, uint64_t id)
{
    tr_trp1_t command;
    tr_trp1_init(&command, word, id);
    return say(worker, &command);
}

static troupe_status_t say_hello(remote_worker_t *worker)
{
    tr_trp1_t command;
    tr_trp1_init(&command, TR_TRP1_HELLO, 0);
    tr_line_letter_t *word = tr_line_letter_new(worker->offer->line, &command, NULL);
    if (word) {
        word->mailbox = tr_mailbox_share(worker->self->mailbox);
    }
    return post(worker, word);
}

/* ---- jobs ---- */

static troupe_status_t say_request(remote_worker_t *worker, tr_job_t *job)
{
    const troupe_message_t *payload = job->envelope->message;
    troupe_message_t *message = payload ? troupe_message_share(payload) : NULL;
    if (payload && !message) {
        return TROUPE_ERR_NOMEM;
    }
    tr_trp1_t request = tr_given_work_request(job, -1);
    tr_line_letter_t *word = tr_line_letter_new(worker->offer->line, &request, &message);
    if (word) {
        word->envelope = tr_envelope_share(job->envelope);
    }
    troupe_message_destroy(&message);
    return post(worker, word);
}

/* The router has not heard yet that it gets nothing new. Takes the share. */
static void decline(remote_worker_t *worker, tr_job_t *job)
{
    tr_given_work_keep_unbegun(&worker->work, job);
    int64_t soon_ms = tr_clock_after(tr_clock_now_ms(), DECLINE_MS);
    if (soon_ms < worker->work.hand_back_ms) {
        worker->work.hand_back_ms = soon_ms;
    }
}

/* Takes the share. */
static void serve(remote_worker_t *worker, tr_job_t *job)
{
    if (troupe_request_cancelled(job)) {
        tr_request_finish(job, TROUPE_OUTCOME_CANCELLED, NULL, NULL, false);
        tr_job_release(&job);
        return;
    }
    if (worker->has_verdict || worker->is_gone || worker->wants_no_new) {
        decline(worker, job);
        return;
    }
    uint64_t number = job->number;
    if (!tr_given_work_add(&worker->work, job)) {
        return;
    }
    worker->has_hinted = false;
    troupe_status_t status = say_request(worker, job);
    if (status == TROUPE_OK) {
        tr_given_work_show(&worker->work);
    } else {
        tr_given_work_not_given(&worker->work, number, status, "out of memory");
    }
}

static void serve_batch(remote_worker_t *worker, tr_batch_t *batch)
{
    for (size_t i = 0; i < batch->n_jobs; i++) {
        tr_job_t *job = batch->jobs[i];
        batch->jobs[i] = NULL;
        if (job) {
            serve(worker, job);
        }
    }
    tr_batch_destroy(&batch);
}

static void pass_on_credit(remote_worker_t *worker, uint64_t number)
{
    int64_t n_parts = worker->is_gone ? 0 : tr_given_work_credit(&worker->work, number);
    if (n_parts > 0) {
        tr_trp1_t credit;
        tr_trp1_init(&credit, TR_TRP1_CREDIT, number);
        credit.credit = n_parts;
        say(worker, &credit);
    }
}

/* ---- what the worker says ---- */

static void leave_soon(remote_worker_t *worker)
{
    if (worker->leave_by_ms == TR_NEVER) {
        worker->leave_by_ms = tr_clock_after(tr_clock_now_ms(), LEAVE_MS);
    }
}

/* The pool lets it go as soon as it has nothing left to do. */
static void want_no_new(remote_worker_t *worker)
{
    worker->wants_no_new = true;
    worker->has_hinted = false;
    tr_control_say(worker->self->parent, TR_WORD_RETIRE, worker->self->incarnation);
}

static void take_failure(remote_worker_t *worker, const tr_trp1_t *error)
{
    tr_reason_t reason = tr_reason_of(TROUPE_REASON_FAILED);
    tr_span_copy(reason.text, sizeof reason.text, error->text);
    decide(worker, &reason);
    leave_soon(worker);
}

static void take_error(remote_worker_t *worker, const tr_trp1_t *error)
{
    if (error->id == 0) {
        take_failure(worker, error);
    } else if (tr_given_work_take_error(&worker->work, error)) {
        tr_reason_t reason =
            tr_reason_format(TROUPE_REASON_FAILED, "it said that it is breaking");
        decide(worker, &reason);
        leave_soon(worker);
    }
}

static void take_bye(remote_worker_t *worker, const tr_trp1_t *bye)
{
    bool has_left = tr_span_equals(bye->state, "normal");
    size_t n_open = worker->work.given.by_number.n_items;
    char why[TR_REASON_TEXT];
    tr_span_copy(why, sizeof why, bye->text);
    tr_reason_t reason =
        !has_left    ? tr_reason_format(TROUPE_REASON_LOST, "%s", why)
        : n_open > 0 ? tr_reason_format(TROUPE_REASON_LOST, "it left with %zu requests", n_open)
                     : tr_reason_of(TROUPE_REASON_NORMAL);
    decide(worker, &reason);
    worker->leave_by_ms = 0;
}

/* One that has its turn. False: a part is held, and what comes behind it has to wait. */
static bool take_turn(remote_worker_t *worker, tr_line_letter_t *word)
{
    const tr_trp1_t *command = &word->command;
    switch (command->command) {
    case TR_TRP1_PART:
        if (!tr_given_work_take_part(&worker->work, command->id, &word->message)) {
            return false;
        }
        pass_on_credit(worker, command->id);
        break;
    case TR_TRP1_REPLY:
        tr_given_work_finish_job(&worker->work, command->id, TROUPE_OUTCOME_OK, NULL,
                                 &word->message, false);
        break;
    case TR_TRP1_ERROR:
        take_error(worker, command);
        break;
    case TR_TRP1_BYE:
        take_bye(worker, command);
        break;
    default:
        break;
    }
    return true;
}

static void destroy_word(tr_line_letter_t *word)
{
    tr_letter_t *letter = &word->letter;
    tr_letter_destroy(&letter);
}

static tr_line_letter_t *pop(remote_worker_t *worker)
{
    tr_line_letter_t *word = worker->first;
    worker->first = (tr_line_letter_t *)word->letter.next;
    worker->last = worker->first ? worker->last : NULL;
    worker->n_waiting--;
    worker->n_bytes -= word->letter.bytes;
    return word;
}

/* Takes it. */
static void let_wait(remote_worker_t *worker, tr_line_letter_t *word)
{
    word->letter.next = NULL;
    if (worker->last) {
        worker->last->letter.next = &word->letter;
    } else {
        worker->first = word;
    }
    worker->last = word;
    worker->n_bytes += word->letter.bytes;
    if (++worker->n_waiting > MOST_WAITING || worker->n_bytes > MOST_BYTES) {
        tr_reason_t reason = tr_reason_format(
            TROUPE_REASON_FAILED, "it sends far more than it has credit for, and than is read");
        decide(worker, &reason);
        worker->leave_by_ms = 0;
    }
}

static void take_in_order(remote_worker_t *worker, tr_line_letter_t *word)
{
    if (worker->work.held) {
        let_wait(worker, word);
    } else {
        (void)take_turn(worker, word); /* what it holds then is no more in the letter */
        destroy_word(word);
    }
}

/* Takes it. */
static void hear(remote_worker_t *worker, tr_line_letter_t *word)
{
    switch (word->command.command) {
    case TR_TRP1_PART:
    case TR_TRP1_REPLY:
    case TR_TRP1_ERROR:
        take_in_order(worker, word);
        return;
    case TR_TRP1_BYE:
        worker->is_gone = true;
        if (worker->work.held) {
            want_no_new(worker); /* while its last words are passed on */
        }
        take_in_order(worker, word);
        return;
    case TR_TRP1_PROGRESS:
        tr_given_work_note_progress(&worker->work);
        break;
    case TR_TRP1_PONG:
        if (word->command.memory >= 0) {
            atomic_store_explicit(&worker->self->pulse->memory_bytes, word->command.memory,
                                  memory_order_relaxed);
        }
        tr_given_work_take_pong(&worker->work, &word->command, false);
        break;
    case TR_TRP1_DRAIN:
        want_no_new(worker);
        break;
    default:
        break;
    }
    destroy_word(word);
}

/* ---- words ---- */

static void inspect(remote_worker_t *worker, const tr_control_t *word)
{
    tr_inspection_t *inspection = tr_inspection_new(worker->self, word->number);
    if (inspection) {
        tr_inspection_explain(inspection, "it runs elsewhere, and has come by itself");
        tr_inspection_send(inspection, word->mailbox, TR_LANE_CONTROL);
    }
}

static void take_word(remote_worker_t *worker, const tr_control_t *word)
{
    if (word->word == TR_WORD_KILL) {
        decide(worker, &word->reason);
        worker->leave_by_ms = 0;
    } else if (word->word == TR_WORD_CANCEL && !worker->is_gone &&
               tr_given_jobs_get(&worker->work.given, word->number)) {
        say_word(worker, TR_TRP1_CANCEL, word->number);
    } else if (word->word == TR_WORD_ROOM) {
        pass_on_credit(worker, word->number);
    } else if (word->word == TR_WORD_INSPECT) {
        inspect(worker, word);
    }
}

static void receive(tr_self_t *self, tr_letter_t *letter)
{
    remote_worker_t *worker = self->state;
    if (tr_job_in(letter)) {
        serve(worker, tr_job_in(letter));
    } else if (tr_batch_in(letter)) {
        serve_batch(worker, tr_batch_in(letter));
    } else if (tr_line_letter_in(letter)) {
        hear(worker, tr_line_letter_in(letter));
    } else if (tr_control_in(letter)) {
        take_word(worker, tr_control_in(letter));
        tr_letter_destroy(&letter);
    } else {
        tr_dead_letter_take(self->runtime, self->name, "a worker takes no such thing", &letter);
    }
}

/* Only the worker can say how it is. One that has gone, while its last words are passed on, or
 * that cannot be asked, is well as long as this actor is. */
static bool ping(tr_self_t *self, const tr_control_t *word)
{
    remote_worker_t *worker = self->state;
    return worker->offer->hears_pings && !worker->is_gone && !worker->has_verdict &&
           say_word(worker, TR_TRP1_PING, word->number) == TROUPE_OK;
}

static void stop(tr_self_t *self, const tr_reason_t *reason)
{
    remote_worker_t *worker = self->state;
    if (atomic_load(&self->pulse->is_abandoned)) {
        decide(worker, reason);
        worker->leave_by_ms = 0;
        return;
    }
    if (!worker->work.is_stopping) {
        worker->work.is_stopping = true;
        worker->stop_reason = *reason;
        tr_given_work_move_to(&worker->work, TR_WORKER_DRAINING);
        if (worker->work.given.oldest && !worker->is_gone) {
            say_word(worker, TR_TRP1_DRAIN, 0);
        }
    }
}

/* ---- turns ---- */

/* Deliver what is held and what waits behind it, as far as there is room. */
static int64_t turn_parts(remote_worker_t *worker, int64_t now_ms)
{
    while (worker->work.held) {
        uint64_t number = worker->work.held->job->number;
        tr_given_work_note_progress(&worker->work); /* it waits for its reader */
        if (!tr_given_work_deliver_held(&worker->work)) {
            return tr_clock_after(now_ms, RETRY_PART_MS);
        }
        pass_on_credit(worker, number);
        while (worker->first && !worker->work.held) {
            tr_line_letter_t *word = pop(worker);
            (void)take_turn(worker, word);
            destroy_word(word);
        }
    }
    return TR_NEVER;
}

static bool has_finished(const remote_worker_t *worker)
{
    return !worker->work.given.oldest && !worker->work.held && !worker->first &&
           tr_mailbox_depth(worker->self->mailbox) == 0;
}

/* What it still says of its requests is waited for, but not for long. */
static bool is_time_to_end(const remote_worker_t *worker, int64_t now_ms)
{
    return worker->has_verdict &&
           (now_ms >= worker->leave_by_ms || worker->leave_by_ms == TR_NEVER);
}

static int64_t turn(tr_self_t *self, int64_t now_ms)
{
    remote_worker_t *worker = self->state;
    int64_t due_ms = turn_parts(worker, now_ms);
    if (is_time_to_end(worker, now_ms)) {
        tr_self_end(self, &worker->verdict);
        return TR_NEVER;
    }
    if (has_finished(worker)) {
        if (worker->work.is_stopping && !worker->has_verdict) {
            tr_self_end(self, &worker->stop_reason);
            return TR_NEVER;
        }
        if (worker->wants_no_new && !worker->has_hinted) {
            want_no_new(worker);
            worker->has_hinted = true;
        }
    }
    if (now_ms >= worker->work.hand_back_ms) {
        tr_given_work_hand_back(&worker->work);
    }
    due_ms = tr_clock_earlier(due_ms, worker->work.hand_back_ms);
    due_ms = tr_clock_earlier(due_ms, worker->leave_by_ms);
    return tr_clock_earlier(due_ms,
                            tr_given_work_turn_idle(&worker->work, IDLE_AFTER_MS, now_ms));
}

/* ---- life ---- */

static bool begin(tr_self_t *self, const void *arg)
{
    remote_worker_t *worker = calloc(1, sizeof *worker);
    self->state = worker;
    if (!worker) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "out of memory");
        return false;
    }
    worker->self = self;
    worker->offer = arg;
    worker->leave_by_ms = TR_NEVER;
    tr_given_work_init(&worker->work, self);
    tr_given_work_note_progress(&worker->work);
    atomic_store_explicit(&self->pulse->memory_bytes, worker->offer->memory_bytes,
                          memory_order_relaxed);
    tr_given_work_move_to(&worker->work, TR_WORKER_LOADING);
    if (say_hello(worker) != TROUPE_OK) {
        self->reason =
            tr_reason_format(TROUPE_REASON_FAILED, "%s",
                             worker->has_verdict ? worker->verdict.text : "out of memory");
        return false;
    }
    worker->work.is_ready = true;
    tr_given_work_show(&worker->work);
    tr_event(self->runtime->events, TR_LOG_INFO, "remote_worker_joined",
             TR_TEXT("worker", self->name), TR_NUMBER("peer", worker->offer->peer),
             TR_TEXT("who", worker->offer->who), TR_TEXT("dialect", worker->offer->dialect),
             TR_NUMBER("concurrency", worker->offer->concurrency));
    return true;
}

static void leftover(tr_self_t *self, tr_letter_t *letter)
{
    (void)self;
    if (!tr_request_hand_back_letter(letter)) {
        tr_letter_destroy(&letter);
    }
}

/* The worker hears that it is not wanted any more, or, when it was not well, that it must go.
 */
static void say_last(remote_worker_t *worker)
{
    bool is_well = !tr_reason_is_abnormal(&worker->self->reason);
    if (is_well && worker->is_gone) {
        return;
    }
    tr_trp1_t last;
    tr_trp1_init(&last, is_well ? TR_TRP1_STOP : TR_TRP1_BYE, 0);
    last.text = tr_span_of(worker->self->reason.text);
    say(worker, &last);
}

static void end(tr_self_t *self)
{
    remote_worker_t *worker = self->state;
    if (!worker) {
        return;
    }
    if (worker->work.is_ready) {
        say_last(worker);
    }
    while (worker->first) {
        destroy_word(pop(worker));
    }
    tr_given_work_finish(&worker->work); /* what it had ends when the router hears of this */
    tr_given_work_show_end(&worker->work);
    free(worker);
    self->state = NULL;
}

static const tr_actor_class_t remote_worker_class = {
    .kind = "worker",
    .begin = begin,
    .receive = receive,
    .ping = ping,
    .turn = turn,
    .stop = stop,
    .leftover = leftover,
    .end = end,
};

troupe_status_t tr_remote_worker_start(const tr_birth_t *birth, tr_actor_t **out)
{
    assert(birth && birth->what && out);
    troupe_status_t status = tr_actor_start(
        &(tr_actor_setup_t){
            .class = &remote_worker_class,
            .name = birth->name,
            .runtime = birth->runtime,
            .parent = birth->parent,
            .home = birth->home,
            .limits = {MAILBOX_LETTERS, MAILBOX_BYTES},
            .arg = birth->what,
            .keepsake = birth->keepsake,
        },
        out);
    if (status == TROUPE_OK) {
        (*out)->can_be_killed = true;
        atomic_store(&(*out)->pulse->wants_cancels, 1);
    }
    return status;
}
