/* Both directions, and the jobs between them. A job is with the process from when it was said
 * until its final is heard, and the pulse always tells of the one that is worked on; what
 * nobody has begun goes back to its router in the end.
 */

#include "actors/process_dialogue.h"

#include <signal.h>
#include <string.h>

#include "actors/worker.h"
#include "base/clock.h"
#include "base/log.h"

#define COMMANDS_PER_TURN 256
#define LEAVE_MS          2000 /* for a process that has said that it goes */
#define VERSION           1

/* ---- states ---- */

/* The supervisor may have written this worker off; then it ends, and knows by the word. */
void tr_dialogue_move_to(tr_process_worker_t *worker, tr_worker_state_t state)
{
    tr_pulse_t *pulse = worker->self->pulse;
    if (!tr_worker_state_try(&pulse->state, state)) {
        tr_worker_state_t now = (tr_worker_state_t)atomic_load(&pulse->state);
        if (now != TR_WORKER_HUNG && now != TR_WORKER_DEAD) {
            tr_worker_state_move(&pulse->state, state, worker->self->name);
        }
    }
}

void tr_dialogue_note_progress(tr_process_worker_t *worker)
{
    atomic_store_explicit(&worker->self->pulse->progress_ms, tr_clock_now_ms(),
                          memory_order_relaxed);
}

/* The job whose time counts: the one that is worked on, as far as that is known. */
static const tr_job_t *current_job(const tr_process_worker_t *worker)
{
    const tr_job_t *reported =
        worker->reported ? tr_given_jobs_get(&worker->given, worker->reported) : NULL;
    return reported ? reported : worker->given.oldest;
}

/* Without a job. The oldest message is the one that is worked on, for all we know. */
static void show_mail(tr_process_worker_t *worker)
{
    tr_pulse_t *pulse = worker->self->pulse;
    bool was_job = atomic_exchange(&pulse->running, 0) != 0;
    if (worker->mail.under_way.n == 0) {
        atomic_store(&pulse->running_since_ms, 0);
    } else if (was_job || atomic_load(&pulse->running_since_ms) == 0) {
        int64_t now_ms = tr_clock_now_ms();
        atomic_store_explicit(&pulse->progress_ms, now_ms, memory_order_relaxed);
        atomic_store_explicit(&pulse->running_until_ms, TR_NEVER, memory_order_relaxed);
        atomic_store(&pulse->running_since_ms, now_ms);
    }
}

/* After the jobs have changed. A job that becomes the current one begins then, for all we know.
 */
static void show_current(tr_process_worker_t *worker)
{
    tr_pulse_t *pulse = worker->self->pulse;
    const tr_job_t *job = current_job(worker);
    if (!job) {
        show_mail(worker);
        return;
    }
    if (atomic_load_explicit(&pulse->running, memory_order_relaxed) != job->unit) {
        int64_t now_ms = tr_clock_now_ms();
        atomic_store_explicit(&pulse->progress_ms, now_ms, memory_order_relaxed);
        bool is_shared = job->envelope->dedup.size > 0; /* its router says when it is over */
        atomic_store_explicit(&pulse->running_until_ms,
                              is_shared ? TR_NEVER : atomic_load(&job->deadline_ms),
                              memory_order_relaxed);
        atomic_store_explicit(&pulse->running, job->unit, memory_order_relaxed);
        atomic_store(&pulse->running_since_ms, now_ms);
    }
}

static bool is_busy(const tr_process_worker_t *worker)
{
    return worker->given.oldest || worker->mail.under_way.n > 0;
}

void tr_dialogue_show_work(tr_process_worker_t *worker)
{
    show_current(worker);
    if (!worker->is_ready || worker->is_stopping) {
        return;
    }
    if (is_busy(worker)) {
        tr_dialogue_move_to(worker, TR_WORKER_PROCESSING);
    } else {
        worker->ready_since_ms = tr_clock_now_ms();
        tr_dialogue_move_to(worker, TR_WORKER_READY);
    }
}

/* ---- ways to the end ---- */

void tr_dialogue_decide(tr_process_worker_t *worker, const tr_reason_t *reason)
{
    if (!worker->has_verdict) {
        worker->has_verdict = true;
        worker->verdict = *reason;
    }
}

void tr_dialogue_kill(tr_process_worker_t *worker)
{
    tr_process_signal(&worker->process, SIGKILL);
    worker->kill_at_ms = TR_NEVER;
    if (worker->killed_ms == 0) {
        worker->killed_ms = tr_clock_now_ms();
    }
}

void tr_dialogue_fail(tr_process_worker_t *worker, const tr_reason_t *reason)
{
    tr_dialogue_decide(worker, reason);
    tr_dialogue_kill(worker);
}

/* One that is stopped would not see the signal. */
void tr_dialogue_terminate(tr_process_worker_t *worker)
{
    tr_process_signal(&worker->process, SIGTERM);
    tr_process_signal(&worker->process, SIGCONT);
}

/* It goes by itself, or is killed then. */
void tr_dialogue_leave_within(tr_process_worker_t *worker, int64_t time_ms)
{
    int64_t at_ms = tr_clock_after(tr_clock_now_ms(), time_ms);
    if (worker->killed_ms == 0 && at_ms < worker->kill_at_ms) {
        worker->kill_at_ms = at_ms;
    }
}

/* As a rule this is the first that is seen of its death. If not, it must leave now. */
static void lose_connection(tr_process_worker_t *worker)
{
    worker->is_cut_off = true;
    tr_dialogue_leave_within(worker, LEAVE_MS);
}

/* ---- to the process ---- */

troupe_status_t tr_dialogue_send(tr_process_worker_t *worker, const tr_trp1_t *command,
                                 const troupe_message_t *message)
{
    troupe_status_t status = tr_child_link_send(worker->link, command, message);
    if (status == TROUPE_CLOSED && tr_child_link_is_known(worker->link)) {
        lose_connection(worker);
    }
    return status;
}

troupe_status_t tr_dialogue_say(tr_process_worker_t *worker, tr_trp1_command_t word,
                                uint64_t id)
{
    tr_trp1_t command;
    tr_trp1_init(&command, word, id);
    return tr_dialogue_send(worker, &command, NULL);
}

/* One that others may join has no end of its own: the process hears when the last has left.
 * `n_to_follow` of its batch come after it; -1: it is in none. */
static troupe_status_t say_request(tr_process_worker_t *worker, tr_job_t *job,
                                   int64_t n_to_follow)
{
    const tr_envelope_t *envelope = job->envelope;
    int64_t remaining_ms = troupe_request_remaining_ms(job);
    bool has_end = remaining_ms != TR_NEVER && envelope->dedup.size == 0;
    tr_trp1_t request;
    tr_trp1_init(&request, TR_TRP1_REQUEST, job->number);
    request.capability = tr_span_of(envelope->capability);
    request.method = tr_span_of(envelope->method);
    request.traceparent = tr_span_of(envelope->traceparent);
    request.peer = tr_span_of(envelope->caller);
    request.priority = (int64_t)envelope->priority;
    request.timeout_ms = has_end ? remaining_ms : -1;
    request.credit = (int64_t)tr_flow_pass_on(&job->envelope->flow, &job->spent, &job->told);
    request.batch = n_to_follow;
    return tr_dialogue_send(worker, &request, envelope->message);
}

/* ---- jobs ---- */

void tr_dialogue_meet_unknown(tr_process_worker_t *worker, uint64_t number)
{
    if (!worker->has_met_unknown) {
        worker->has_met_unknown = true;
        tr_event(worker->self->runtime->events, TR_LOG_WARNING, "unknown_answer",
                 TR_TEXT("worker", worker->self->name), TR_NUMBER("id", number));
    }
}

static void finish(tr_process_worker_t *worker, uint64_t number, troupe_outcome_t outcome,
                   const char *text, troupe_message_t **message_p, bool is_worker_broken)
{
    tr_job_t *job = tr_given_jobs_take(&worker->given, number);
    if (!job) {
        tr_dialogue_meet_unknown(worker, number);
        return;
    }
    /* The pulse is right when the answer is there. */
    atomic_fetch_add_explicit(&worker->self->pulse->n_done, 1, memory_order_relaxed);
    tr_dialogue_show_work(worker);
    tr_request_finish(job, outcome, text, message_p, is_worker_broken);
    tr_job_release(&job);
}

/* Takes the share of the job. */
static void keep_unbegun(tr_process_worker_t *worker, tr_job_t *job)
{
    if (tr_given_jobs_add(&worker->unbegun, job) != TROUPE_OK) {
        tr_request_hand_back(&job);
    } else if (worker->hand_back_ms == TR_NEVER) {
        worker->hand_back_ms = tr_clock_after(tr_clock_now_ms(), LEAVE_MS);
    }
}

void tr_dialogue_hand_back(tr_process_worker_t *worker)
{
    worker->hand_back_ms = TR_NEVER;
    while (worker->unbegun.oldest) {
        tr_job_t *job = tr_given_jobs_take(&worker->unbegun, worker->unbegun.oldest->number);
        tr_request_hand_back(&job);
    }
}

static void cannot_give(tr_process_worker_t *worker, uint64_t number, troupe_status_t status)
{
    if (status == TROUPE_CLOSED) {
        keep_unbegun(worker, tr_given_jobs_take(&worker->given, number));
        tr_dialogue_show_work(worker);
    } else if (status == TROUPE_LIMIT) {
        finish(worker, number, TROUPE_OUTCOME_BAD_REQUEST,
               "the method or the trace context is too long", NULL, false);
    } else {
        finish(worker, number, TROUPE_OUTCOME_WORKER_LOST,
               status == TROUPE_FULL ? "its process does not read" : "out of memory", NULL,
               false);
    }
}

/* Whether it is to go to the process; if not, it is finished, or kept. Takes the share then. */
static bool is_for_process(tr_process_worker_t *worker, tr_job_t *job)
{
    if (troupe_request_cancelled(job)) {
        tr_request_finish(job, TROUPE_OUTCOME_CANCELLED, NULL, NULL, false);
        tr_job_release(&job);
        return false;
    }
    if (worker->has_verdict || worker->is_gone || worker->has_said_stop) {
        keep_unbegun(worker, job);
        return false;
    }
    return true;
}

/* Takes the share of the job. */
static void give(tr_process_worker_t *worker, tr_job_t *job, int64_t n_to_follow)
{
    uint64_t number = job->number;
    if (tr_given_jobs_add(&worker->given, job) != TROUPE_OK) {
        tr_request_finish(job, TROUPE_OUTCOME_WORKER_LOST, "out of memory", NULL, false);
        tr_job_release(&job);
        return;
    }
    troupe_status_t status = say_request(worker, job, n_to_follow);
    if (status == TROUPE_OK) {
        tr_dialogue_show_work(worker);
    } else {
        cannot_give(worker, number, status);
    }
}

void tr_dialogue_serve(tr_process_worker_t *worker, tr_job_t *job)
{
    if (is_for_process(worker, job)) {
        give(worker, job, -1);
    }
}

void tr_dialogue_serve_batch(tr_process_worker_t *worker, tr_batch_t *batch)
{
    size_t n_given = 0;
    for (size_t i = 0; i < batch->n_jobs; i++) {
        tr_job_t *job = batch->jobs[i];
        batch->jobs[i] = NULL;
        if (is_for_process(worker, job)) {
            batch->jobs[n_given++] = job;
        }
    }
    for (size_t i = 0; i < n_given; i++) {
        tr_job_t *job = batch->jobs[i];
        batch->jobs[i] = NULL;
        give(worker, job, (int64_t)(n_given - i - 1));
    }
    tr_batch_destroy(&batch);
}

void tr_dialogue_pass_on_credit(tr_process_worker_t *worker, uint64_t number)
{
    tr_job_t *job = tr_given_jobs_get(&worker->given, number);
    uint64_t n_parts = job ? tr_flow_pass_on(&job->envelope->flow, &job->spent, &job->told) : 0;
    if (n_parts > 0) {
        tr_trp1_t credit;
        tr_trp1_init(&credit, TR_TRP1_CREDIT, number);
        credit.credit = (int64_t)n_parts;
        tr_dialogue_send(worker, &credit, NULL);
    }
}

/* ---- parts ---- */

/* A process that keeps to its credit never waits here. One that does not is read no more, until
 * the reader has room: what it says about others waits too. False: not yet. */
bool tr_dialogue_deliver_held(tr_process_worker_t *worker)
{
    tr_job_t *job = worker->held->job;
    if (!troupe_request_cancelled(job)) {
        if (tr_flow_parts_left(&job->envelope->flow, &job->spent) == 0) {
            return false;
        }
        tr_flow_spend(&job->spent, tr_reply_flow_bytes(worker->held));
        tr_letter_t *letter = &worker->held->letter;
        if (tr_mailbox_post_answer(job->router, TR_LANE_CONTROL, &letter) == TROUPE_OK) {
            worker->held = NULL;
        }
        tr_dialogue_pass_on_credit(worker, job->number);
    }
    troupe_reply_destroy(&worker->held);
    tr_dialogue_note_progress(worker);
    return true;
}

static void take_part(tr_process_worker_t *worker, uint64_t number,
                      troupe_message_t **message_p)
{
    tr_job_t *job = tr_given_jobs_get(&worker->given, number);
    tr_dialogue_note_progress(worker);
    if (!job || troupe_request_cancelled(job)) {
        return;
    }
    worker->held = tr_reply_new(0, false, TROUPE_OUTCOME_OK, NULL, message_p);
    if (!worker->held) { /* with a hole in it the stream is worth nothing */
        finish(worker, number, TROUPE_OUTCOME_WORKER_LOST, "out of memory", NULL, false);
        return;
    }
    worker->held->job = tr_job_share(job);
    if (!tr_dialogue_deliver_held(worker)) {
        tr_self_unwatch(worker->self, tr_child_link_socket(worker->link), -1);
    }
}

/* ---- from the process ---- */

static void copy_span(char *text, size_t size, tr_span_t span)
{
    size_t length = span.size < size - 1 ? span.size : size - 1;
    if (length > 0) { /* an empty span may point nowhere */
        memcpy(text, span.data, length);
    }
    text[length] = '\0';
}

static void be_ready(tr_process_worker_t *worker, const tr_trp1_t *ready)
{
    if (worker->is_ready || worker->has_verdict) {
        return;
    }
    worker->is_ready = true;
    worker->mail.is_welcome = ready->messages;
    tr_dialogue_note_progress(worker);
    if (worker->process.pid > 0) { /* where it is now it will stay, as a rule */
        tr_oom_watch_follow(&worker->oom_kills, worker->process.pid);
    }
    tr_event(worker->self->runtime->events, TR_LOG_DEBUG, "process_ready",
             TR_TEXT("worker", worker->self->name), TR_NUMBER("pid", worker->process.pid),
             TR_NUMBER("ms", tr_clock_now_ms() - worker->born_ms),
             TR_NUMBER("concurrency", ready->concurrency));
    if (!worker->is_stopping) {
        tr_dialogue_show_work(worker);
        tr_self_started(worker->self);
        tr_dialogue_hand_over_mail(worker);
    }
}

/* Error with id 0: it says why it will end. */
static void be_told_of_failure(tr_process_worker_t *worker, const tr_trp1_t *error)
{
    tr_reason_t reason = tr_reason_of(TROUPE_REASON_FAILED);
    copy_span(reason.text, sizeof reason.text, error->text);
    reason.is_out_of_memory =
        tr_span_equals(error->code, troupe_outcome_name(TROUPE_OUTCOME_MEMORY_EXHAUSTED));
    if (!worker->has_said_stop) {
        tr_dialogue_decide(worker, &reason);
    }
    tr_dialogue_leave_within(worker, LEAVE_MS);
}

static troupe_outcome_t outcome_of(tr_span_t code)
{
    static const troupe_outcome_t known[] = {
        TROUPE_OUTCOME_BAD_REQUEST, TROUPE_OUTCOME_TOO_LARGE,   TROUPE_OUTCOME_MEMORY_EXHAUSTED,
        TROUPE_OUTCOME_CANCELLED,   TROUPE_OUTCOME_WORKER_LOST,
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (tr_span_equals(code, troupe_outcome_name(known[i]))) {
            return known[i];
        }
    }
    return TROUPE_OUTCOME_WORKER_ERROR;
}

static void take_error(tr_process_worker_t *worker, const tr_trp1_t *error)
{
    if (error->id == 0) {
        be_told_of_failure(worker, error);
        return;
    }
    if (tr_span_equals(error->state,
                       "queued")) { /* it breaks, and says what it had not begun */
        tr_job_t *job = tr_given_jobs_take(&worker->given, error->id);
        if (job) {
            keep_unbegun(worker, job);
            tr_dialogue_show_work(worker);
        }
        return;
    }
    char text[TR_TRP1_MAX_TEXT + 1];
    copy_span(text, sizeof text, error->text);
    troupe_outcome_t outcome = outcome_of(error->code);
    bool is_broken = outcome == TROUPE_OUTCOME_WORKER_LOST;
    finish(worker, error->id, outcome, text, NULL, is_broken);
    if (is_broken) {
        tr_dialogue_leave_within(worker, LEAVE_MS);
    }
}

static void take_pong(tr_process_worker_t *worker, const tr_trp1_t *pong)
{
    tr_pulse_t *pulse = worker->self->pulse;
    int64_t now_ms = tr_clock_now_ms();
    worker->reported = pong->running > 0 ? (uint64_t)pong->running : 0;
    show_current(worker);
    bool is_known = worker->reported
                        ? tr_given_jobs_get(&worker->given, worker->reported) != NULL
                        : worker->mail.under_way.n > 0;
    if (is_known && pong->running_for >= 0 && pong->running_for < now_ms) {
        atomic_store(&pulse->running_since_ms, now_ms - pong->running_for);
    }
    if (!worker->reported && pong->running_for < 0 && worker->errands.open.n_items > 0) {
        tr_dialogue_note_progress(worker); /* it waits for others, which have their own time */
    }
    if (pong->progress_age >= 0 && (is_known || !worker->is_ready)) {
        atomic_store_explicit(&pulse->progress_ms, now_ms - pong->progress_age,
                              memory_order_relaxed);
    }
    if (pong->id > 0) {
        tr_self_pong(worker->self, pong->id);
    }
}

static void take_hello(tr_process_worker_t *worker, const tr_trp1_t *hello)
{
    tr_dialogue_note_progress(worker);
    bool is_understood = (hello->version_min < 0 || hello->version_min <= VERSION) &&
                         (hello->version_max < 0 || hello->version_max >= VERSION);
    if (!is_understood) {
        tr_reason_t reason =
            tr_reason_format(TROUPE_REASON_FAILED, "it speaks no version of TRP that is known");
        tr_dialogue_fail(worker, &reason);
    }
}

static void take_bye(tr_process_worker_t *worker, const tr_trp1_t *bye)
{
    if (tr_span_equals(bye->state, "ignored") && !worker->is_ready) {
        tr_reason_t reason = tr_reason_of(TROUPE_REASON_IGNORED);
        tr_dialogue_decide(worker, &reason);
    }
    tr_dialogue_leave_within(worker, LEAVE_MS);
}

/* May take the message. */
static void take_request(tr_process_worker_t *worker, const tr_trp1_t *request,
                         troupe_message_t **message_p)
{
    if (request->capability.size > 0) {
        tr_dialogue_take_call(worker, request, message_p);
    } else {
        tr_dialogue_take_ask(worker, request, message_p);
    }
}

/* May take the message. */
static void take_command(tr_process_worker_t *worker, const tr_trp1_t *command,
                         troupe_message_t **message_p)
{
    switch (command->command) {
    case TR_TRP1_HELLO:
        take_hello(worker, command);
        break;
    case TR_TRP1_READY:
        be_ready(worker, command);
        break;
    case TR_TRP1_PROGRESS:
        tr_dialogue_note_progress(worker);
        break;
    case TR_TRP1_PART:
        take_part(worker, command->id, message_p);
        break;
    case TR_TRP1_REPLY:
        finish(worker, command->id, TROUPE_OUTCOME_OK, NULL, message_p, false);
        break;
    case TR_TRP1_ERROR:
        take_error(worker, command);
        break;
    case TR_TRP1_PONG:
        take_pong(worker, command);
        break;
    case TR_TRP1_BYE:
        take_bye(worker, command);
        break;
    case TR_TRP1_REQUEST:
        take_request(worker, command, message_p);
        break;
    case TR_TRP1_SEND:
        tr_dialogue_take_send(worker, command, message_p);
        break;
    case TR_TRP1_RELEASE:
        tr_dialogue_take_release(worker, command);
        break;
    case TR_TRP1_CANCEL:
        tr_errands_cancel(&worker->errands, tr_dialogue_number(worker, command->id));
        break;
    case TR_TRP1_CREDIT:
        tr_dialogue_take_credit(worker, command);
        break;
    case TR_TRP1_SETTLED:
        tr_dialogue_take_settled(worker, command);
        break;
    case TR_TRP1_ANSWER:
        tr_dialogue_take_mail_answer(worker, command, message_p);
        break;
    case TR_TRP1_LOST:
        tr_dialogue_take_lost(worker, command);
        break;
    default: /* what is not known is ignored */
        break;
    }
}

void tr_dialogue_break_off(tr_process_worker_t *worker, const char *why)
{
    tr_reason_t reason =
        tr_reason_format(TROUPE_REASON_FAILED, "it sent what is no TRP/1: %.200s", why);
    worker->is_deaf = true;
    tr_dialogue_fail(worker, &reason);
}

/* False when there is nothing more now. */
static bool hear_one(tr_process_worker_t *worker)
{
    tr_trp1_t command;
    troupe_message_t *message = NULL;
    const char *why = "";
    switch (tr_child_link_receive(worker->link, &command, &message, &why)) {
    case TROUPE_OK:
        take_command(worker, &command, &message);
        break;
    case TROUPE_ERR_NOMEM:
        if (command.command == TR_TRP1_REQUEST) {
            tr_dialogue_refuse_call(worker, command.id, TROUPE_OUTCOME_OVERLOADED,
                                    "the node is out of memory");
        } else if (command.id > 0) {
            finish(worker, command.id, TROUPE_OUTCOME_WORKER_LOST, "out of memory", NULL,
                   false);
        }
        break;
    case TROUPE_ERR_PROTOCOL:
        tr_dialogue_break_off(worker, why);
        break;
    default:
        return false;
    }
    troupe_message_destroy(&message);
    return true;
}

/* False when there may be more. */
bool tr_dialogue_hear(tr_process_worker_t *worker)
{
    for (size_t n = 0; n < COMMANDS_PER_TURN && !worker->held && !worker->is_deaf; n++) {
        if (!hear_one(worker)) {
            return true;
        }
    }
    if (worker->is_deaf) {
        tr_self_unwatch(worker->self, tr_child_link_socket(worker->link), -1);
    }
    return worker->is_deaf;
}
