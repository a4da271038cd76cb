/* What is asked for comes as letters, what the process says by its socket, its death by its
 * pidfd; all else is a matter of time and done each turn. Nothing here waits, but for the start
 * of the process and, if it is still there at the very end, its death; both are bounded.
 *
 * The end has one way. Whatever goes wrong decides the reason (the first one stays) and sees to
 * it that the process dies; only when it has, and all it had said has been read, the actor
 * ends. A job that comes meanwhile is kept and handed back at the end, when the router can no
 * longer give it to this worker again.
 */

#include "actors/process/worker.h"

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/dead_letter.h"
#include "actors/process/dialogue.h"
#include "actors/worker/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "mailbox/mail.h"

#define MAILBOX_LETTERS  100000
#define MAILBOX_BYTES    ((size_t)1 << 30)
#define RETRY_PART_MS    5
#define DIE_MS           3000 /* after SIGKILL: what does not die then hangs in the kernel */
#define DRAIN_MS         500  /* for the last words of a dead process to come by the socket */
#define GREET_MS         50   /* the same for one that had not said anything yet */
#define LOOK_AGAIN_MS    1
#define READS_AT_THE_END 4 /* of 256 KiB: what a pipe can hold */

/* ---- what comes from the process ---- */

static void hear(tr_self_t *self, void *socket, int descriptor)
{
    (void)socket;
    (void)descriptor;
    tr_dialogue_hear(self->state);
}

static void read_output(tr_self_t *self, void *socket, int descriptor)
{
    (void)socket;
    tr_process_worker_t *worker = self->state;
    tr_child_stream_t stream = descriptor == worker->process.err ? TR_CHILD_ERR : TR_CHILD_OUT;
    if (!tr_child_output_read(worker->output, stream, descriptor, tr_clock_now_ms())) {
        tr_self_unwatch(self, NULL, descriptor);
    }
}

/* ---- death ---- */

static void reap(tr_process_worker_t *worker)
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
    tr_process_worker_t *worker = self->state;
    reap(worker);
    if (worker->is_gone) {
        tr_self_unwatch(self, NULL, descriptor);
    }
}

static void read_last_output(tr_process_worker_t *worker)
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

static tr_reason_t reason_of_end(const tr_process_worker_t *worker)
{
    if (worker->has_verdict) {
        return worker->verdict;
    }
    if (worker->work.is_stopping) {
        return worker->stop_reason;
    }
    return tr_process_worker_reason_of_death(worker);
}

/* The process is gone. What it said last may still be on its way, but not for long. */
static int64_t turn_after_death(tr_process_worker_t *worker, int64_t now_ms)
{
    int64_t gone_for_ms = now_ms - worker->gone_ms;
    bool is_drained = tr_child_link_is_known(worker->link) /* look first, and then read */
                          ? tr_child_link_is_drained(worker->link)
                          : gone_for_ms >= GREET_MS;
    bool has_heard_all = tr_dialogue_hear(worker);
    if (!(is_drained && has_heard_all) && gone_for_ms < DRAIN_MS) {
        return tr_clock_after(now_ms, LOOK_AGAIN_MS);
    }
    read_last_output(worker);
    tr_reason_t reason = reason_of_end(worker);
    tr_self_end(worker->self, &reason);
    return TR_NEVER;
}

/* ---- the class ---- */

static bool start_process(tr_process_worker_t *worker, char *why, size_t size)
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

static bool open_link(tr_process_worker_t *worker, char *why, size_t size)
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

static bool watch_all(tr_process_worker_t *worker)
{
    tr_self_t *self = worker->self;
    return tr_self_watch_socket(self, tr_child_link_socket(worker->link), hear) == TROUPE_OK &&
           tr_self_watch_descriptor(self, worker->process.pidfd, see_death) == TROUPE_OK &&
           tr_self_watch_descriptor(self, worker->process.out, read_output) == TROUPE_OK &&
           tr_self_watch_descriptor(self, worker->process.err, read_output) == TROUPE_OK;
}

static tr_process_worker_t *worker_new(tr_self_t *self, const tr_process_plan_t *plan)
{
    tr_process_worker_t *worker = calloc(1, sizeof *worker);
    if (worker) {
        worker->self = self;
        worker->plan = plan;
        worker->kill_at_ms = TR_NEVER;
        worker->born_ms = tr_clock_now_ms();
        tr_process_init(&worker->process);
        tr_oom_watch_init(&worker->oom_kills, plan->machine ? plan->machine : "",
                          worker->born_ms);
        tr_given_work_init(&worker->work, self);
        tr_errands_init(&worker->errands, self);
        tr_idmap_init(&worker->mail.questions);
        tr_lent_refs_init(&worker->mail.senders);
        tr_monitors_init(&worker->monitors, self->mailbox, self->ref, self->incarnation);
    }
    return worker;
}

static bool begin(tr_self_t *self, const void *arg)
{
    tr_process_worker_t *worker = worker_new(self, arg);
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
    tr_given_work_note_progress(&worker->work);
    tr_given_work_move_to(&worker->work, TR_WORKER_LOADING);
    tr_event(self->runtime->events, TR_LOG_INFO, "process_started",
             TR_TEXT("worker", self->name), TR_NUMBER("pid", worker->process.pid),
             TR_TEXT("program", worker->plan->argv[0]));
    return true;
}

static void take_kill(tr_process_worker_t *worker, const tr_control_t *word)
{
    tr_dialogue_decide(worker, &word->reason);
    if (word->number == 0) {
        tr_dialogue_kill(worker);
    } else {
        tr_dialogue_terminate(worker);
        tr_dialogue_leave_within(worker, (int64_t)word->number);
    }
}

static void take_word(tr_process_worker_t *worker, const tr_control_t *word)
{
    if (word->word == TR_WORD_KILL) {
        take_kill(worker, word);
    } else if (word->word == TR_WORD_CANCEL &&
               tr_given_jobs_get(&worker->work.given, word->number)) {
        tr_errands_cancel_of(&worker->errands, word->number);
        tr_dialogue_say(worker, TR_TRP1_CANCEL, word->number);
    } else if (word->word == TR_WORD_ROOM) {
        tr_dialogue_pass_on_credit(worker, word->number);
    } else if (word->word == TR_WORD_PROBE) {
        tr_dialogue_say(worker, TR_TRP1_PROBE, 0);
    } else if (word->word == TR_WORD_INSPECT) {
        tr_dialogue_inspect(worker, word);
    }
}

static void receive(tr_self_t *self, tr_letter_t *letter)
{
    tr_process_worker_t *worker = self->state;
    if (tr_job_in(letter)) {
        tr_dialogue_serve(worker, tr_job_in(letter));
    } else if (tr_batch_in(letter)) {
        tr_dialogue_serve_batch(worker, tr_batch_in(letter));
    } else if (tr_control_in(letter)) {
        take_word(worker, tr_control_in(letter));
        tr_letter_destroy(&letter);
    } else if (letter->type == &tr_reply_type) {
        tr_dialogue_answer(worker, (troupe_reply_t *)letter);
    } else if (tr_mail_in(letter) && tr_mail_in(letter)->kind == TROUPE_MESSAGE_DOWN) {
        tr_dialogue_take_notice(worker, tr_mail_in(letter));
    } else if (tr_mail_in(letter)) {
        tr_dialogue_take_mail(worker, tr_mail_in(letter));
    } else {
        tr_dead_letter_take(self->runtime, self->name, "a worker takes no such thing", &letter);
    }
}

/* Only the process can say how it is; if it says nothing, that is told too. */
static bool ping(tr_self_t *self, const tr_control_t *word)
{
    tr_process_worker_t *worker = self->state;
    tr_process_worker_measure(worker, tr_clock_now_ms());
    if (!worker->has_verdict && !worker->is_gone && tr_child_link_is_known(worker->link)) {
        tr_dialogue_say(worker, TR_TRP1_PING, word->number);
    }
    return true;
}

static void suspend(tr_self_t *self, bool is_suspended)
{
    (void)is_suspended;
    tr_dialogue_suspend(self->state);
}

static void stop(tr_self_t *self, const tr_reason_t *reason)
{
    tr_process_worker_t *worker = self->state;
    if (atomic_load(&self->pulse->is_abandoned)) {
        tr_dialogue_fail(worker, reason);
        return;
    }
    if (!worker->work.is_stopping) {
        worker->work.is_stopping = true;
        worker->stop_reason = *reason;
        tr_given_work_move_to(&worker->work,
                              worker->work.is_ready ? TR_WORKER_DRAINING : TR_WORKER_EVICTING);
    }
}

/* Nothing is left to finish. One that has not said hello cannot be told otherwise. */
static void say_stop(tr_process_worker_t *worker)
{
    worker->has_said_stop = true;
    if (worker->work.is_ready) {
        tr_given_work_move_to(&worker->work, TR_WORKER_EVICTING);
    }
    if (tr_dialogue_say(worker, TR_TRP1_STOP, 0) != TROUPE_OK) {
        tr_dialogue_terminate(worker);
    }
}

static void kill_as_planned(tr_process_worker_t *worker)
{
    if (!worker->has_verdict && !worker->work.is_stopping) {
        tr_reason_t reason =
            worker->is_cut_off ? tr_reason_format(TROUPE_REASON_LOST, "its connection was lost")
                               : tr_reason_format(TROUPE_REASON_FAILED,
                                                  "it said that it would end, and did not");
        tr_dialogue_decide(worker, &reason);
    }
    tr_dialogue_kill(worker);
}

/* When to look again whether it dies. What SIGKILL does not end, nobody here can. */
static int64_t turn_to_kill(tr_process_worker_t *worker, int64_t now_ms)
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

static int64_t turn_parts(tr_process_worker_t *worker, int64_t now_ms)
{
    if (!worker->work.held) {
        return TR_NEVER;
    }
    tr_given_work_note_progress(
        &worker->work); /* it waits for its reader, and cannot help it */
    if (!tr_dialogue_deliver_held(worker)) {
        return tr_clock_after(now_ms, RETRY_PART_MS);
    }
    if (tr_self_watch_socket(worker->self, tr_child_link_socket(worker->link), hear) !=
        TROUPE_OK) {
        tr_dialogue_break_off(worker, "no room to watch it");
    }
    return TR_NEVER;
}

static int64_t turn_unsaid(tr_process_worker_t *worker, int64_t now_ms)
{
    tr_dialogue_say_unsaid(worker);
    bool is_told = tr_dialogue_tell_suspension(worker);
    tr_dialogue_hand_over_mail(worker);
    bool has_mail = worker->mail.next.first && !worker->self->is_suspended;
    bool must_retry = worker->unsaid || !is_told || (worker->work.is_ready && has_mail);
    return must_retry ? tr_clock_after(now_ms, RETRY_PART_MS) : TR_NEVER;
}

/* What it was given. What waits for an actor that is restarted waits on; one that is suspended
 * is not waited for, and gives back what it has not begun. */
static bool has_finished(const tr_process_worker_t *worker)
{
    const tr_mailbox_t *mailbox = worker->self->mailbox;
    bool has_messages = worker->mail.under_way.n > 0 ||
                        (!tr_mailbox_is_lasting(mailbox) &&
                         (worker->mail.next.first || tr_mailbox_depth(mailbox) > 0));
    return !worker->work.given.oldest && (!has_messages || worker->self->is_suspended);
}

static int64_t turn(tr_self_t *self, int64_t now_ms)
{
    tr_process_worker_t *worker = self->state;
    int64_t due_ms = turn_parts(worker, now_ms);
    due_ms = tr_clock_earlier(due_ms, tr_dialogue_turn_looks(worker, now_ms));
    if (worker->is_gone) {
        return tr_clock_earlier(due_ms, turn_after_death(worker, now_ms));
    }
    due_ms = tr_clock_earlier(due_ms, turn_unsaid(worker, now_ms));
    if (worker->work.is_stopping && !worker->has_said_stop && has_finished(worker)) {
        say_stop(worker);
    }
    if (now_ms >= worker->work.hand_back_ms) {
        tr_given_work_hand_back(&worker->work);
    }
    due_ms = tr_clock_earlier(due_ms, worker->work.hand_back_ms);
    due_ms = tr_clock_earlier(due_ms, turn_to_kill(worker, now_ms));
    due_ms = tr_clock_earlier(
        due_ms, tr_given_work_turn_idle(&worker->work, worker->plan->idle_after_ms, now_ms));
    return tr_clock_earlier(due_ms, tr_child_output_turn(worker->output, now_ms));
}

static void leftover(tr_self_t *self, tr_letter_t *letter)
{
    if (tr_request_hand_back_letter(letter)) {
        return;
    }
    if (tr_mail_in(letter) && tr_mail_in(letter)->kind != TROUPE_MESSAGE_DOWN) {
        tr_dead_letter_take(self->runtime, self->name, "the worker has ended", &letter);
    } else {
        tr_letter_destroy(&letter);
    }
}

/* However the actor came here, the process does not outlive it. */
static void be_rid_of_process(tr_process_worker_t *worker)
{
    if (worker->process.pid > 0) {
        tr_process_signal(&worker->process, SIGKILL);
        struct pollfd death = {.fd = worker->process.pidfd, .events = POLLIN};
        poll(&death, 1, worker->killed_ms == 0 ? DIE_MS : 0);
        reap(worker);
    }
    if (worker->process.pid > 0) {
        tr_event(worker->self->runtime->events, TR_LOG_ERROR, "process_does_not_die",
                 TR_TEXT("worker", worker->self->name), TR_NUMBER("pid", worker->process.pid));
        worker->process.pid = 0;
    }
    tr_process_close(&worker->process);
}

static void leave(tr_self_t *self)
{
    tr_process_worker_t *worker = self->state;
    if (worker) {
        be_rid_of_process(worker);
        tr_dialogue_end_looks(worker);
        tr_dialogue_leave_mail(worker);
    }
}

static void end(tr_self_t *self)
{
    tr_process_worker_t *worker = self->state;
    if (!worker) {
        return;
    }
    tr_given_work_finish(&worker->work); /* what it had ends when the router hears of this */
    tr_errands_finish(&worker->errands);
    tr_dialogue_forget_unsaid(worker);
    tr_monitors_finish(&worker->monitors);
    tr_child_link_destroy(&worker->link);
    tr_child_output_destroy(&worker->output);
    tr_given_work_show_end(&worker->work);
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
    .suspend = suspend,
    .stop = stop,
    .leave = leave,
    .leftover = leftover,
    .end = end,
};

troupe_status_t tr_process_worker_start(const tr_birth_t *birth, tr_actor_t **out)
{
    assert(birth && birth->what && out);
    const tr_process_plan_t *plan = birth->what;
    tr_directory_t *directory = birth->runtime->directory;
    troupe_ref_t *ref;
    troupe_status_t status = tr_directory_claim(
        directory, birth->name, birth->home ? birth->home : "",
        (tr_mailbox_limits_t){MAILBOX_LETTERS, MAILBOX_BYTES}, plan->is_lasting, &ref);
    if (status != TROUPE_OK) {
        return status;
    }
    status = tr_actor_start(
        &(tr_actor_setup_t){
            .class = &process_worker_class,
            .name = birth->name,
            .runtime = birth->runtime,
            .parent = birth->parent,
            .home = birth->home,
            .ref = ref,
            .arg = plan,
            .keepsake = birth->keepsake,
        },
        out);
    if (status == TROUPE_OK) {
        (*out)->can_be_killed = true;
        atomic_store(&(*out)->pulse->wants_cancels, 1);
    } else if (!plan->is_lasting) {
        troupe_ref_t *known = tr_directory_take_out(directory, ref);
        if (known) {
            tr_runtime_bury(birth->runtime, known, "the actor did not start");
        }
    }
    troupe_ref_release(&ref);
    return status;
}
