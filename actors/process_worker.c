/* What is asked for comes as letters, what the process says by its socket, its death by its
 * pidfd; all else is a matter of time and done each turn. Nothing here waits, but for the start
 * of the process and, if it is still there at the very end, its death; both are bounded.
 *
 * The end has one way. Whatever goes wrong decides the reason (the first one stays) and sees to
 * it that the process dies; only when it has, and all it had said has been read, the actor
 * ends. A job that comes meanwhile is kept and handed back at the end, when the router can no
 * longer give it to this worker again.
 */

#include "actors/process_worker.h"

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/child_link.h"
#include "actors/child_output.h"
#include "actors/given_jobs.h"
#include "actors/worker.h"
#include "actors/worker_state.h"
#include "base/clock.h"
#include "base/log.h"
#include "mailbox/dead_letter.h"
#include "mailbox/mail.h"
#include "mailbox/reply.h"

#define MAILBOX_LETTERS   100000
#define MAILBOX_BYTES     ((size_t)1 << 30)
#define COMMANDS_PER_TURN 256
#define RETRY_PART_MS     5
#define LEAVE_MS          2000 /* for a process that has said that it goes */
#define DIE_MS            3000 /* after SIGKILL: what does not die then hangs in the kernel */
#define DRAIN_MS          500  /* for the last words of a dead process to come by the socket */
#define GREET_MS          50   /* the same for one that had not said anything yet */
#define LOOK_AGAIN_MS     1
#define READS_AT_THE_END  4 /* of 256 KiB: what a pipe can hold */
#define VERSION           1

typedef struct process_worker {
    tr_self_t *self;
    const tr_process_plan_t *plan;
    tr_child_link_t *link;
    tr_child_output_t *output;
    tr_process_t process;
    tr_given_jobs_t given;   /* the process has them */
    tr_given_jobs_t unbegun; /* nobody has begun them; to be handed back */
    int64_t hand_back_ms;    /* at the latest, or TR_NEVER */
    troupe_reply_t *held;    /* a part that its router has no room for; nothing is read then */
    uint64_t reported;       /* the request whose handler runs, as the process told; 0: none */
    bool is_ready;
    bool has_met_unknown;
    bool is_stopping;
    bool has_said_stop;
    tr_reason_t stop_reason;
    bool has_verdict;
    tr_reason_t verdict; /* why it ends, whatever its exit status will be */
    bool is_cut_off;     /* the connection is lost, so it must leave */
    bool is_deaf;        /* what the process says is of no interest any more */
    int64_t born_ms;
    int64_t ready_since_ms; /* ready, and without jobs */
    int64_t kill_at_ms;     /* or TR_NEVER */
    int64_t killed_ms;      /* 0: SIGKILL was not sent */
    bool is_gone;           /* the process is dead and reaped */
    int64_t gone_ms;
    tr_reason_t exit; /* how; valid when is_gone */
} process_worker_t;

/* ---- states ---- */

/* The supervisor may have written this worker off; then it ends, and knows by the word. */
static void move_to(process_worker_t *worker, tr_worker_state_t state)
{
    tr_pulse_t *pulse = worker->self->pulse;
    if (!tr_worker_state_try(&pulse->state, state)) {
        tr_worker_state_t now = (tr_worker_state_t)atomic_load(&pulse->state);
        if (now != TR_WORKER_HUNG && now != TR_WORKER_DEAD) {
            tr_worker_state_move(&pulse->state, state, worker->self->name);
        }
    }
}

static void note_progress(process_worker_t *worker)
{
    atomic_store_explicit(&worker->self->pulse->progress_ms, tr_clock_now_ms(),
                          memory_order_relaxed);
}

/* The job whose time counts: the one that is worked on, as far as that is known. */
static const tr_job_t *current_job(const process_worker_t *worker)
{
    const tr_job_t *reported =
        worker->reported ? tr_given_jobs_get(&worker->given, worker->reported) : NULL;
    return reported ? reported : worker->given.oldest;
}

/* After the jobs have changed. A job that becomes the current one begins then, for all we know.
 */
static void show_current(process_worker_t *worker)
{
    tr_pulse_t *pulse = worker->self->pulse;
    const tr_job_t *job = current_job(worker);
    if (!job) {
        atomic_store_explicit(&pulse->running, 0, memory_order_relaxed);
        atomic_store(&pulse->running_since_ms, 0);
        return;
    }
    if (atomic_load_explicit(&pulse->running, memory_order_relaxed) != job->number) {
        int64_t now_ms = tr_clock_now_ms();
        atomic_store_explicit(&pulse->progress_ms, now_ms, memory_order_relaxed);
        atomic_store_explicit(&pulse->running_until_ms, job->envelope->deadline_ms,
                              memory_order_relaxed);
        atomic_store_explicit(&pulse->running, job->number, memory_order_relaxed);
        atomic_store(&pulse->running_since_ms, now_ms);
    }
}

static void show_jobs(process_worker_t *worker)
{
    show_current(worker);
    if (!worker->is_ready || worker->is_stopping) {
        return;
    }
    if (worker->given.oldest) {
        move_to(worker, TR_WORKER_PROCESSING);
    } else {
        worker->ready_since_ms = tr_clock_now_ms();
        move_to(worker, TR_WORKER_READY);
    }
}

/* ---- ways to the end ---- */

static void decide(process_worker_t *worker, const tr_reason_t *reason)
{
    if (!worker->has_verdict) {
        worker->has_verdict = true;
        worker->verdict = *reason;
    }
}

static void kill_now(process_worker_t *worker)
{
    tr_process_signal(&worker->process, SIGKILL);
    worker->kill_at_ms = TR_NEVER;
    if (worker->killed_ms == 0) {
        worker->killed_ms = tr_clock_now_ms();
    }
}

static void fail_and_kill(process_worker_t *worker, const tr_reason_t *reason)
{
    decide(worker, reason);
    kill_now(worker);
}

/* One that is stopped would not see the signal. */
static void ask_to_terminate(process_worker_t *worker)
{
    tr_process_signal(&worker->process, SIGTERM);
    tr_process_signal(&worker->process, SIGCONT);
}

/* It goes by itself, or is killed then. */
static void leave_within(process_worker_t *worker, int64_t time_ms)
{
    int64_t at_ms = tr_clock_after(tr_clock_now_ms(), time_ms);
    if (worker->killed_ms == 0 && at_ms < worker->kill_at_ms) {
        worker->kill_at_ms = at_ms;
    }
}

/* As a rule this is the first that is seen of its death. If not, it must leave now. */
static void lose_connection(process_worker_t *worker)
{
    worker->is_cut_off = true;
    leave_within(worker, LEAVE_MS);
}

/* ---- to the process ---- */

static troupe_status_t say(process_worker_t *worker, const tr_trp1_t *command,
                           const troupe_message_t *message)
{
    troupe_status_t status = tr_child_link_send(worker->link, command, message);
    if (status == TROUPE_CLOSED && tr_child_link_is_known(worker->link)) {
        lose_connection(worker);
    }
    return status;
}

static troupe_status_t say_word(process_worker_t *worker, tr_trp1_command_t word, uint64_t id)
{
    tr_trp1_t command;
    tr_trp1_init(&command, word, id);
    return say(worker, &command, NULL);
}

static troupe_status_t say_request(process_worker_t *worker, const tr_job_t *job)
{
    const tr_envelope_t *envelope = job->envelope;
    int64_t remaining_ms = troupe_request_remaining_ms(job);
    tr_trp1_t request;
    tr_trp1_init(&request, TR_TRP1_REQUEST, job->number);
    request.capability = tr_span_of(envelope->capability);
    request.method = tr_span_of(envelope->method);
    request.traceparent = tr_span_of(envelope->traceparent);
    request.priority = (int64_t)envelope->priority;
    request.timeout_ms = remaining_ms == TR_NEVER ? -1 : remaining_ms;
    return say(worker, &request, envelope->message);
}

/* ---- jobs ---- */

static void finish(process_worker_t *worker, uint64_t number, troupe_outcome_t outcome,
                   const char *text, troupe_message_t **message_p, bool is_worker_broken)
{
    tr_job_t *job = tr_given_jobs_take(&worker->given, number);
    if (!job) {
        if (!worker->has_met_unknown) {
            worker->has_met_unknown = true;
            tr_log(TR_LOG_WARNING, "unknown_answer", TR_TEXT("worker", worker->self->name),
                   TR_NUMBER("id", number));
        }
        return;
    }
    /* The pulse is right when the answer is there. */
    atomic_fetch_add_explicit(&worker->self->pulse->n_done, 1, memory_order_relaxed);
    show_jobs(worker);
    tr_request_finish(job, outcome, text, message_p, is_worker_broken);
    tr_job_release(&job);
}

/* Takes the share of the job. */
static void keep_unbegun(process_worker_t *worker, tr_job_t *job)
{
    if (tr_given_jobs_add(&worker->unbegun, job) != TROUPE_OK) {
        tr_request_hand_back(&job);
    } else if (worker->hand_back_ms == TR_NEVER) {
        worker->hand_back_ms = tr_clock_after(tr_clock_now_ms(), LEAVE_MS);
    }
}

static void hand_back_unbegun(process_worker_t *worker)
{
    worker->hand_back_ms = TR_NEVER;
    while (worker->unbegun.oldest) {
        tr_job_t *job = tr_given_jobs_take(&worker->unbegun, worker->unbegun.oldest->number);
        tr_request_hand_back(&job);
    }
}

static void cannot_give(process_worker_t *worker, uint64_t number, troupe_status_t status)
{
    if (status == TROUPE_CLOSED) {
        keep_unbegun(worker, tr_given_jobs_take(&worker->given, number));
        show_jobs(worker);
    } else if (status == TROUPE_LIMIT) {
        finish(worker, number, TROUPE_OUTCOME_BAD_REQUEST,
               "the method or the trace context is too long", NULL, false);
    } else {
        finish(worker, number, TROUPE_OUTCOME_WORKER_LOST,
               status == TROUPE_FULL ? "its process does not read" : "out of memory", NULL,
               false);
    }
}

/* Takes the share of the job. */
static void serve(process_worker_t *worker, tr_job_t *job)
{
    if (troupe_request_cancelled(job)) {
        tr_request_finish(job, TROUPE_OUTCOME_CANCELLED, NULL, NULL, false);
        tr_job_release(&job);
        return;
    }
    if (worker->has_verdict || worker->is_gone || worker->has_said_stop) {
        keep_unbegun(worker, job);
        return;
    }
    uint64_t number = job->number;
    if (tr_given_jobs_add(&worker->given, job) != TROUPE_OK) {
        tr_request_finish(job, TROUPE_OUTCOME_WORKER_LOST, "out of memory", NULL, false);
        tr_job_release(&job);
        return;
    }
    troupe_status_t status = say_request(worker, job);
    if (status == TROUPE_OK) {
        show_jobs(worker);
    } else {
        cannot_give(worker, number, status);
    }
}

/* ---- parts ---- */

/* False when the router has no room for the part that is held. */
static bool deliver_held(process_worker_t *worker)
{
    tr_job_t *job = worker->held->job;
    if (!troupe_request_cancelled(job)) {
        tr_letter_t *letter = &worker->held->letter;
        if (tr_mailbox_post(job->router, TR_LANE_CONTROL, &letter) == TROUPE_FULL) {
            return false;
        }
        if (!letter) {
            worker->held = NULL;
        }
    }
    troupe_reply_destroy(&worker->held);
    note_progress(worker);
    return true;
}

static void take_part(process_worker_t *worker, uint64_t number, troupe_message_t **message_p)
{
    tr_job_t *job = tr_given_jobs_get(&worker->given, number);
    note_progress(worker);
    if (!job || troupe_request_cancelled(job)) {
        return;
    }
    worker->held = tr_reply_new(0, false, TROUPE_OUTCOME_OK, NULL, message_p);
    if (!worker->held) { /* with a hole in it the stream is worth nothing */
        finish(worker, number, TROUPE_OUTCOME_WORKER_LOST, "out of memory", NULL, false);
        return;
    }
    worker->held->job = tr_job_share(job);
    if (!deliver_held(worker)) {
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

static void be_ready(process_worker_t *worker, int64_t concurrency)
{
    if (worker->is_ready || worker->has_verdict) {
        return;
    }
    worker->is_ready = true;
    note_progress(worker);
    tr_log(TR_LOG_DEBUG, "process_ready", TR_TEXT("worker", worker->self->name),
           TR_NUMBER("pid", worker->process.pid),
           TR_NUMBER("ms", tr_clock_now_ms() - worker->born_ms),
           TR_NUMBER("concurrency", concurrency));
    if (!worker->is_stopping) {
        show_jobs(worker);
        tr_self_started(worker->self);
    }
}

/* Error with id 0: it says why it will end. */
static void be_told_of_failure(process_worker_t *worker, tr_span_t text)
{
    tr_reason_t reason = tr_reason_of(TROUPE_REASON_FAILED);
    copy_span(reason.text, sizeof reason.text, text);
    if (!worker->has_said_stop) {
        decide(worker, &reason);
    }
    leave_within(worker, LEAVE_MS);
}

static troupe_outcome_t outcome_of(tr_span_t code)
{
    static const troupe_outcome_t known[] = {
        TROUPE_OUTCOME_BAD_REQUEST,
        TROUPE_OUTCOME_TOO_LARGE,
        TROUPE_OUTCOME_CANCELLED,
        TROUPE_OUTCOME_WORKER_LOST,
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (tr_span_equals(code, troupe_outcome_name(known[i]))) {
            return known[i];
        }
    }
    return TROUPE_OUTCOME_WORKER_ERROR;
}

static void take_error(process_worker_t *worker, const tr_trp1_t *error)
{
    if (error->id == 0) {
        be_told_of_failure(worker, error->text);
        return;
    }
    if (tr_span_equals(error->state,
                       "queued")) { /* it breaks, and says what it had not begun */
        tr_job_t *job = tr_given_jobs_take(&worker->given, error->id);
        if (job) {
            keep_unbegun(worker, job);
            show_jobs(worker);
        }
        return;
    }
    char text[TR_TRP1_MAX_TEXT + 1];
    copy_span(text, sizeof text, error->text);
    troupe_outcome_t outcome = outcome_of(error->code);
    bool is_broken = outcome == TROUPE_OUTCOME_WORKER_LOST;
    finish(worker, error->id, outcome, text, NULL, is_broken);
    if (is_broken) {
        leave_within(worker, LEAVE_MS);
    }
}

static void take_pong(process_worker_t *worker, const tr_trp1_t *pong)
{
    tr_pulse_t *pulse = worker->self->pulse;
    int64_t now_ms = tr_clock_now_ms();
    worker->reported = pong->running > 0 ? (uint64_t)pong->running : 0;
    show_current(worker);
    bool is_known = worker->reported && tr_given_jobs_get(&worker->given, worker->reported);
    if (is_known && pong->running_for >= 0 && pong->running_for < now_ms) {
        atomic_store(&pulse->running_since_ms, now_ms - pong->running_for);
    }
    if (pong->progress_age >= 0 && (is_known || !worker->is_ready)) {
        atomic_store_explicit(&pulse->progress_ms, now_ms - pong->progress_age,
                              memory_order_relaxed);
    }
    if (pong->id > 0) {
        tr_self_pong(worker->self, pong->id);
    }
}

static void take_hello(process_worker_t *worker, const tr_trp1_t *hello)
{
    note_progress(worker);
    bool is_understood = (hello->version_min < 0 || hello->version_min <= VERSION) &&
                         (hello->version_max < 0 || hello->version_max >= VERSION);
    if (!is_understood) {
        tr_reason_t reason =
            tr_reason_format(TROUPE_REASON_FAILED, "it speaks no version of TRP that is known");
        fail_and_kill(worker, &reason);
    }
}

static void take_bye(process_worker_t *worker, const tr_trp1_t *bye)
{
    if (tr_span_equals(bye->state, "ignored") && !worker->is_ready) {
        tr_reason_t reason = tr_reason_of(TROUPE_REASON_IGNORED);
        decide(worker, &reason);
    }
    leave_within(worker, LEAVE_MS);
}

/* May take the message. */
static void take_command(process_worker_t *worker, const tr_trp1_t *command,
                         troupe_message_t **message_p)
{
    switch (command->command) {
    case TR_TRP1_HELLO:
        take_hello(worker, command);
        break;
    case TR_TRP1_READY:
        be_ready(worker, command->concurrency);
        break;
    case TR_TRP1_PROGRESS:
        note_progress(worker);
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
    default: /* what is not known is ignored */
        break;
    }
}

static void break_off(process_worker_t *worker, const char *why)
{
    tr_reason_t reason =
        tr_reason_format(TROUPE_REASON_FAILED, "it sent what is no TRP/1: %.200s", why);
    worker->is_deaf = true;
    fail_and_kill(worker, &reason);
}

/* False when there is nothing more now. */
static bool hear_one(process_worker_t *worker)
{
    tr_trp1_t command;
    troupe_message_t *message = NULL;
    const char *why = "";
    switch (tr_child_link_receive(worker->link, &command, &message, &why)) {
    case TROUPE_OK:
        take_command(worker, &command, &message);
        break;
    case TROUPE_ERR_NOMEM:
        if (command.id > 0) {
            finish(worker, command.id, TROUPE_OUTCOME_WORKER_LOST, "out of memory", NULL,
                   false);
        }
        break;
    case TROUPE_ERR_PROTOCOL:
        break_off(worker, why);
        break;
    default:
        return false;
    }
    troupe_message_destroy(&message);
    return true;
}

/* False when there may be more. */
static bool hear_all(process_worker_t *worker)
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

static void hear(tr_self_t *self, void *socket, int descriptor)
{
    (void)socket;
    (void)descriptor;
    hear_all(self->state);
}

static void read_output(tr_self_t *self, void *socket, int descriptor)
{
    (void)socket;
    process_worker_t *worker = self->state;
    tr_child_stream_t stream = descriptor == worker->process.err ? TR_CHILD_ERR : TR_CHILD_OUT;
    if (!tr_child_output_read(worker->output, stream, descriptor, tr_clock_now_ms())) {
        tr_self_unwatch(self, NULL, descriptor);
    }
}

/* ---- death ---- */

static void reap(process_worker_t *worker)
{
    if (tr_process_is_dead(&worker->process)) {
        tr_spawner_forget(worker->self->runtime->spawner, worker->process.pid);
        worker->is_gone = tr_process_reap(&worker->process, &worker->exit);
        worker->gone_ms = tr_clock_now_ms();
        atomic_store_explicit(&worker->self->pulse->pid, 0, memory_order_relaxed);
    }
}

static void see_death(tr_self_t *self, void *socket, int descriptor)
{
    (void)socket;
    process_worker_t *worker = self->state;
    reap(worker);
    if (worker->is_gone) {
        tr_self_unwatch(self, NULL, descriptor);
    }
}

static void read_last_output(process_worker_t *worker)
{
    int64_t now_ms = tr_clock_now_ms();
    const int descriptors[] = {
        [TR_CHILD_OUT] = worker->process.out,
        [TR_CHILD_ERR] = worker->process.err,
    };
    for (int stream = 0; stream < TR_N_CHILD_STREAMS; stream++) {
        for (int n = 0; n < READS_AT_THE_END; n++) {
            if (!tr_child_output_read(worker->output, (tr_child_stream_t)stream,
                                      descriptors[stream], now_ms)) {
                break;
            }
        }
    }
    tr_child_output_finish(worker->output, now_ms);
}

static tr_reason_t reason_of_end(const process_worker_t *worker)
{
    if (worker->has_verdict) {
        return worker->verdict;
    }
    if (worker->is_stopping) {
        return worker->stop_reason;
    }
    tr_reason_t reason = worker->exit;
    if (reason.kind == TROUPE_REASON_CRASHED || reason.kind == TROUPE_REASON_EXITED) {
        snprintf(reason.text, sizeof reason.text, "%.255s",
                 tr_child_output_last_words(worker->output));
    }
    return reason;
}

/* The process is gone. What it said last may still be on its way, but not for long. */
static int64_t turn_after_death(process_worker_t *worker, int64_t now_ms)
{
    int64_t gone_for_ms = now_ms - worker->gone_ms;
    bool is_drained = tr_child_link_is_known(worker->link) /* look first, and then read */
                          ? tr_child_link_is_drained(worker->link)
                          : gone_for_ms >= GREET_MS;
    bool has_heard_all = hear_all(worker);
    if (!(is_drained && has_heard_all) && gone_for_ms < DRAIN_MS) {
        return tr_clock_after(now_ms, LOOK_AGAIN_MS);
    }
    read_last_output(worker);
    tr_reason_t reason = reason_of_end(worker);
    tr_self_end(worker->self, &reason);
    return TR_NEVER;
}

/* ---- the class ---- */

static bool start_process(process_worker_t *worker, char *why, size_t size)
{
    enum { N_OWN = 4, MAX_TEXT = 256 };
    const tr_process_plan_t *plan = worker->plan;
    size_t n_env = 0;
    while (plan->env && plan->env[n_env]) {
        n_env++;
    }
    const char **env = calloc(n_env + N_OWN + 1, sizeof *env);
    if (!env) {
        snprintf(why, size, "out of memory");
        return false;
    }
    char own[N_OWN][MAX_TEXT];
    snprintf(own[0], MAX_TEXT, "TROUPE_WORKER_ENDPOINT=%s",
             tr_child_link_endpoint(worker->link));
    snprintf(own[1], MAX_TEXT, "TROUPE_WORKER_TOKEN=%s", tr_child_link_token(worker->link));
    snprintf(own[2], MAX_TEXT, "TROUPE_WORKER_NAME=%s", worker->self->name);
    snprintf(own[3], MAX_TEXT, "TROUPE_WORKER_CAPABILITY=%s",
             plan->capability ? plan->capability : "");
    for (size_t i = 0; i < n_env; i++) {
        env[i] = plan->env[i];
    }
    for (size_t i = 0; i < N_OWN; i++) {
        env[n_env + i] = own[i];
    }
    troupe_status_t status = tr_spawner_start(worker->self->runtime->spawner,
                                              &(tr_spawn_plan_t){.argv = plan->argv,
                                                                 .env = env,
                                                                 .directory = plan->directory,
                                                                 .limits = plan->limits},
                                              &worker->process, why, size);
    free(env);
    return status == TROUPE_OK;
}

static bool open_link(process_worker_t *worker, char *why, size_t size)
{
    tr_self_t *self = worker->self;
    const char *folder = tr_private_folder_path(self->runtime->folder, why, size);
    if (!folder) {
        return false;
    }
    tr_spawner_set_folder(self->runtime->spawner, folder);
    worker->link = tr_child_link_new(folder, self->incarnation, self->name, why, size);
    return worker->link != NULL;
}

static bool watch_all(process_worker_t *worker)
{
    tr_self_t *self = worker->self;
    return tr_self_watch_socket(self, tr_child_link_socket(worker->link), hear) == TROUPE_OK &&
           tr_self_watch_descriptor(self, worker->process.pidfd, see_death) == TROUPE_OK &&
           tr_self_watch_descriptor(self, worker->process.out, read_output) == TROUPE_OK &&
           tr_self_watch_descriptor(self, worker->process.err, read_output) == TROUPE_OK;
}

static process_worker_t *worker_new(tr_self_t *self, const tr_process_plan_t *plan)
{
    process_worker_t *worker = calloc(1, sizeof *worker);
    if (worker) {
        worker->self = self;
        worker->plan = plan;
        worker->kill_at_ms = TR_NEVER;
        worker->hand_back_ms = TR_NEVER;
        worker->born_ms = tr_clock_now_ms();
        tr_process_init(&worker->process);
        tr_given_jobs_init(&worker->given);
        tr_given_jobs_init(&worker->unbegun);
    }
    return worker;
}

static bool begin(tr_self_t *self, const void *arg)
{
    process_worker_t *worker = worker_new(self, arg);
    self->state = worker;
    char why[200] = "out of memory";
    if (worker) {
        worker->output = tr_child_output_new(self->name);
    }
    if (!worker || !worker->output || !open_link(worker, why, sizeof why) ||
        !start_process(worker, why, sizeof why) || !watch_all(worker)) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "%s", why);
        return false;
    }
    atomic_store_explicit(&self->pulse->pid, worker->process.pid, memory_order_relaxed);
    note_progress(worker);
    move_to(worker, TR_WORKER_LOADING);
    tr_log(TR_LOG_INFO, "process_started", TR_TEXT("worker", self->name),
           TR_NUMBER("pid", worker->process.pid), TR_TEXT("program", worker->plan->argv[0]));
    return true;
}

static void take_kill(process_worker_t *worker, const tr_control_t *word)
{
    decide(worker, &word->reason);
    if (word->number == 0) {
        kill_now(worker);
    } else {
        ask_to_terminate(worker);
        leave_within(worker, (int64_t)word->number);
    }
}

static void take_word(process_worker_t *worker, const tr_control_t *word)
{
    if (word->word == TR_WORD_KILL) {
        take_kill(worker, word);
    } else if (word->word == TR_WORD_CANCEL &&
               tr_given_jobs_get(&worker->given, word->number)) {
        say_word(worker, TR_TRP1_CANCEL, word->number);
    } else if (word->word == TR_WORD_PROBE) {
        say_word(worker, TR_TRP1_PROBE, 0);
    }
}

static void receive(tr_self_t *self, tr_letter_t *letter)
{
    process_worker_t *worker = self->state;
    tr_job_t *job = tr_job_in(letter);
    if (job) {
        serve(worker, job);
    } else if (tr_control_in(letter)) {
        take_word(worker, tr_control_in(letter));
        tr_letter_destroy(&letter);
    } else {
        tr_dead_letter_take(self->runtime->dead_letters, self->name,
                            "a worker in a process takes no messages", &letter);
    }
}

static void measure_memory(process_worker_t *worker)
{
    int64_t bytes = tr_process_memory(&worker->process);
    int64_t limit = worker->plan->limits.memory_bytes;
    if (bytes > 0) {
        atomic_store_explicit(&worker->self->pulse->memory_bytes, bytes, memory_order_relaxed);
    }
    if (limit > 0 && bytes > limit) {
        tr_reason_t reason =
            tr_reason_format(TROUPE_REASON_FAILED, "uses %lld MiB, above its limit of %lld MiB",
                             (long long)(bytes >> 20), (long long)(limit >> 20));
        fail_and_kill(worker, &reason);
    }
}

/* Only the process can say how it is; if it says nothing, that is told too. */
static bool ping(tr_self_t *self, const tr_control_t *word)
{
    process_worker_t *worker = self->state;
    measure_memory(worker);
    if (!worker->has_verdict && !worker->is_gone && tr_child_link_is_known(worker->link)) {
        say_word(worker, TR_TRP1_PING, word->number);
    }
    return true;
}

static void stop(tr_self_t *self, const tr_reason_t *reason)
{
    process_worker_t *worker = self->state;
    if (atomic_load(&self->pulse->is_abandoned)) {
        fail_and_kill(worker, reason);
        return;
    }
    if (!worker->is_stopping) {
        worker->is_stopping = true;
        worker->stop_reason = *reason;
        move_to(worker, worker->is_ready ? TR_WORKER_DRAINING : TR_WORKER_EVICTING);
    }
}

/* Nothing is left to finish. One that has not said hello cannot be told otherwise. */
static void say_stop(process_worker_t *worker)
{
    worker->has_said_stop = true;
    if (worker->is_ready) {
        move_to(worker, TR_WORKER_EVICTING);
    }
    if (say_word(worker, TR_TRP1_STOP, 0) != TROUPE_OK) {
        ask_to_terminate(worker);
    }
}

static void kill_as_planned(process_worker_t *worker)
{
    if (!worker->has_verdict && !worker->is_stopping) {
        tr_reason_t reason =
            worker->is_cut_off ? tr_reason_format(TROUPE_REASON_LOST, "its connection was lost")
                               : tr_reason_format(TROUPE_REASON_FAILED,
                                                  "it said that it would end, and did not");
        decide(worker, &reason);
    }
    kill_now(worker);
}

static int64_t earlier(int64_t one_ms, int64_t other_ms)
{
    return one_ms < other_ms ? one_ms : other_ms;
}

/* When to look again whether it dies. What SIGKILL does not end, nobody here can. */
static int64_t turn_to_kill(process_worker_t *worker, int64_t now_ms)
{
    if (now_ms >= worker->kill_at_ms) {
        kill_as_planned(worker);
    }
    if (worker->killed_ms == 0) {
        return worker->kill_at_ms;
    }
    int64_t over_ms = tr_clock_after(worker->killed_ms, DIE_MS);
    if (now_ms >= over_ms) {
        tr_reason_t reason = reason_of_end(worker);
        tr_self_end(worker->self, &reason);
        return TR_NEVER;
    }
    return over_ms;
}

static int64_t turn_parts(process_worker_t *worker, int64_t now_ms)
{
    if (!worker->held) {
        return TR_NEVER;
    }
    note_progress(worker); /* it waits for its reader, and cannot help it */
    if (!deliver_held(worker)) {
        return tr_clock_after(now_ms, RETRY_PART_MS);
    }
    if (tr_self_watch_socket(worker->self, tr_child_link_socket(worker->link), hear) !=
        TROUPE_OK) {
        break_off(worker, "no room to watch it");
    }
    return TR_NEVER;
}

static int64_t turn_idle(process_worker_t *worker, int64_t now_ms)
{
    if (atomic_load(&worker->self->pulse->state) != TR_WORKER_READY) {
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
    process_worker_t *worker = self->state;
    int64_t due_ms = turn_parts(worker, now_ms);
    if (worker->is_gone) {
        return earlier(due_ms, turn_after_death(worker, now_ms));
    }
    if (worker->is_stopping && !worker->has_said_stop && !worker->given.oldest &&
        tr_mailbox_depth(self->mailbox) == 0) {
        say_stop(worker);
    }
    if (now_ms >= worker->hand_back_ms) {
        hand_back_unbegun(worker);
    }
    due_ms = earlier(due_ms, worker->hand_back_ms);
    due_ms = earlier(due_ms, turn_to_kill(worker, now_ms));
    due_ms = earlier(due_ms, turn_idle(worker, now_ms));
    return earlier(due_ms, tr_child_output_turn(worker->output, now_ms));
}

static void leftover(tr_self_t *self, tr_letter_t *letter)
{
    tr_job_t *job = tr_job_in(letter);
    if (job) {
        tr_request_hand_back(&job);
    } else if (letter->type == &tr_mail_type) {
        tr_dead_letter_take(self->runtime->dead_letters, self->name, "the worker has ended",
                            &letter);
    } else {
        tr_letter_destroy(&letter);
    }
}

/* However the actor came here, the process does not outlive it. */
static void be_rid_of_process(process_worker_t *worker)
{
    if (worker->process.pid > 0) {
        tr_process_signal(&worker->process, SIGKILL);
        struct pollfd death = {.fd = worker->process.pidfd, .events = POLLIN};
        poll(&death, 1, worker->killed_ms == 0 ? DIE_MS : 0);
        reap(worker);
    }
    if (worker->process.pid > 0) {
        tr_log(TR_LOG_ERROR, "process_does_not_die", TR_TEXT("worker", worker->self->name),
               TR_NUMBER("pid", worker->process.pid));
        worker->process.pid = 0;
    }
    tr_process_close(&worker->process);
}

static void show_end(tr_self_t *self)
{
    _Atomic(int) *state = &self->pulse->state;
    if (tr_reason_is_abnormal(&self->reason)) {
        tr_worker_state_try(state, TR_WORKER_FAILED);
    } else {
        tr_worker_state_try(state, TR_WORKER_DRAINING);
        tr_worker_state_try(state, TR_WORKER_EVICTING);
    }
    tr_worker_state_try(state, TR_WORKER_DEAD);
}

static void end(tr_self_t *self)
{
    process_worker_t *worker = self->state;
    if (!worker) {
        return;
    }
    be_rid_of_process(worker);
    hand_back_unbegun(worker);
    tr_given_jobs_finish(&worker->unbegun);
    tr_given_jobs_finish(&worker->given); /* the router ends them when it hears of this end */
    troupe_reply_destroy(&worker->held);
    tr_child_link_destroy(&worker->link);
    tr_child_output_destroy(&worker->output);
    show_end(self);
    free(worker);
    self->state = NULL;
}

static const tr_actor_class_t process_worker_class = {
    .kind = "worker",
    .starts_late = true,
    .begin = begin,
    .receive = receive,
    .ping = ping,
    .turn = turn,
    .stop = stop,
    .leftover = leftover,
    .end = end,
};

troupe_status_t tr_process_worker_start(const tr_birth_t *birth, tr_actor_t **out)
{
    assert(birth && birth->what && out);
    troupe_status_t status = tr_actor_start(
        &(tr_actor_setup_t){
            .class = &process_worker_class,
            .name = birth->name,
            .runtime = birth->runtime,
            .parent = birth->parent,
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
