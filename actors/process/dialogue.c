/* Both directions, and the jobs between them. A job is with the process from when it was said
 * until its final is heard, and the pulse always tells of the one that is worked on; what
 * nobody has begun goes back to its router in the end.
 */

#include "actors/process/dialogue.h"

#include <signal.h>
#include <string.h>

#include "actors/worker/worker.h"
#include "base/clock.h"
#include "base/log.h"

#define COMMANDS_PER_TURN 256
#define LEAVE_MS          2000 /* for a process that has said that it goes */
#define VERSION           1

void tr_dialogue_show_work(tr_process_worker_t *worker)
{
    worker->work.is_at_else = worker->mail.under_way.n > 0;
    tr_given_work_show(&worker->work);
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

/* ---- jobs ---- */

/* Whether it is to go to the process; if not, it is finished, or kept. Takes the share then. */
static bool is_for_process(tr_process_worker_t *worker, tr_job_t *job)
{
    if (troupe_request_cancelled(job)) {
        tr_request_finish(job, TROUPE_OUTCOME_CANCELLED, NULL, NULL, false);
        tr_job_release(&job);
        return false;
    }
    if (worker->has_verdict || worker->is_gone || worker->has_said_stop) {
        tr_given_work_keep_unbegun(&worker->work, job);
        return false;
    }
    return true;
}

/* Takes the share of the job. `n_to_follow` of its batch come after it; -1: it is in none. */
static void give(tr_process_worker_t *worker, tr_job_t *job, int64_t n_to_follow)
{
    uint64_t number = job->number;
    if (!tr_given_work_add(&worker->work, job)) {
        return;
    }
    tr_trp1_t request = tr_given_work_request(job, n_to_follow);
    troupe_status_t status = tr_dialogue_send(worker, &request, job->envelope->message);
    if (status == TROUPE_OK) {
        tr_dialogue_show_work(worker);
    } else {
        tr_given_work_not_given(&worker->work, number, status,
                                status == TROUPE_FULL ? "its process does not read"
                                                      : "out of memory");
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
    int64_t n_parts = tr_given_work_credit(&worker->work, number);
    if (n_parts > 0) {
        tr_trp1_t credit;
        tr_trp1_init(&credit, TR_TRP1_CREDIT, number);
        credit.credit = n_parts;
        tr_dialogue_send(worker, &credit, NULL);
    }
}

/* ---- parts ---- */

/* A process that keeps to its credit never waits here. One that does not is read no more, until
 * the reader has room: what it says about others waits too. False: not yet. */
bool tr_dialogue_deliver_held(tr_process_worker_t *worker)
{
    uint64_t number = worker->work.held->job->number;
    if (!tr_given_work_deliver_held(&worker->work)) {
        return false;
    }
    tr_dialogue_pass_on_credit(worker, number);
    return true;
}

static void take_part(tr_process_worker_t *worker, uint64_t number,
                      troupe_message_t **message_p)
{
    if (tr_given_work_take_part(&worker->work, number, message_p)) {
        tr_dialogue_pass_on_credit(worker, number);
    } else {
        tr_self_unwatch(worker->self, tr_child_link_socket(worker->link), -1);
    }
}

/* ---- from the process ---- */

static void be_ready(tr_process_worker_t *worker, const tr_trp1_t *ready)
{
    if (worker->work.is_ready || worker->has_verdict) {
        return;
    }
    worker->work.is_ready = true;
    worker->mail.is_welcome = ready->messages;
    tr_given_work_note_progress(&worker->work);
    if (worker->process.pid > 0) { /* where it is now it will stay, as a rule */
        tr_oom_watch_follow(&worker->oom_kills, worker->process.pid);
    }
    tr_event(worker->self->runtime->events, TR_LOG_DEBUG, "process_ready",
             TR_TEXT("worker", worker->self->name), TR_NUMBER("pid", worker->process.pid),
             TR_NUMBER("ms", tr_clock_now_ms() - worker->born_ms),
             TR_NUMBER("concurrency", ready->concurrency));
    if (!worker->work.is_stopping) {
        tr_dialogue_show_suspension(worker);
        tr_dialogue_show_work(worker);
        tr_self_started(worker->self);
        tr_dialogue_tell_suspension(worker);
        tr_dialogue_hand_over_mail(worker);
    }
}

/* Error with id 0: it says why it will end. */
static void be_told_of_failure(tr_process_worker_t *worker, const tr_trp1_t *error)
{
    tr_reason_t reason = tr_reason_of(TROUPE_REASON_FAILED);
    tr_span_copy(reason.text, sizeof reason.text, error->text);
    reason.is_out_of_memory =
        tr_span_equals(error->code, troupe_outcome_name(TROUPE_OUTCOME_MEMORY_EXHAUSTED));
    if (!worker->has_said_stop) {
        tr_dialogue_decide(worker, &reason);
    }
    tr_dialogue_leave_within(worker, LEAVE_MS);
}

static void take_error(tr_process_worker_t *worker, const tr_trp1_t *error)
{
    if (error->id == 0) {
        be_told_of_failure(worker, error);
        return;
    }
    if (tr_given_work_take_error(&worker->work, error)) {
        tr_dialogue_leave_within(worker, LEAVE_MS);
    }
}

static void take_pong(tr_process_worker_t *worker, const tr_trp1_t *pong)
{
    worker->work.is_at_else = worker->mail.under_way.n > 0;
    tr_given_work_take_pong(&worker->work, pong,
                            worker->errands.open.n_items > 0 || worker->self->is_suspended);
}

static void take_hello(tr_process_worker_t *worker, const tr_trp1_t *hello)
{
    tr_given_work_note_progress(&worker->work);
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
    if (tr_span_equals(bye->state, "ignored") && !worker->work.is_ready) {
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
        tr_given_work_note_progress(&worker->work);
        break;
    case TR_TRP1_PART:
        take_part(worker, command->id, message_p);
        break;
    case TR_TRP1_REPLY:
        tr_given_work_finish_job(&worker->work, command->id, TROUPE_OUTCOME_OK, NULL, message_p,
                                 false);
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
    case TR_TRP1_MONITOR:
        tr_dialogue_take_monitor(worker, command);
        break;
    case TR_TRP1_DEMONITOR:
        tr_dialogue_take_demonitor(worker, command);
        break;
    case TR_TRP1_LINK:
        tr_dialogue_take_link(worker, command);
        break;
    case TR_TRP1_UNLINK:
        tr_dialogue_take_unlink(worker, command);
        break;
    case TR_TRP1_JOIN:
        tr_dialogue_take_join(worker, command);
        break;
    case TR_TRP1_LEAVE:
        tr_dialogue_take_leave(worker, command);
        break;
    case TR_TRP1_PUBLISH:
        tr_dialogue_take_publish(worker, command, message_p);
        break;
    case TR_TRP1_INSPECTED:
        tr_dialogue_take_inspected(worker, command, *message_p);
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
            tr_given_work_finish_job(&worker->work, command.id, TROUPE_OUTCOME_WORKER_LOST,
                                     "out of memory", NULL, false);
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
    for (size_t n = 0; n < COMMANDS_PER_TURN && !worker->work.held && !worker->is_deaf; n++) {
        if (!hear_one(worker)) {
            return true;
        }
    }
    if (worker->is_deaf) {
        tr_self_unwatch(worker->self, tr_child_link_socket(worker->link), -1);
    }
    return worker->is_deaf;
}
