/* Messages to the process. They are put aside in the mailbox, in order, until the process can
 * have them: what the process has not got then waits for the next life, where there is one. A
 * few are under way at a time; of those, whatever becomes of the process, the node knows.
 *
 * Notices wait among them, so that each keeps its turn. They are not given back, take no place
 * among those under way, and are for one life.
 *
 * Invariant: a message is in one place only: the mailbox, `next`, `under_way`, or `stashed`,
 * when the process has put it aside, or ends without having begun it. A question that it
 * brought is in `questions` from when it was said until it is answered, and travels with the
 * message as well.
 */

#include "actors/process/dialogue.h"

#include <stdio.h>

#include "actors/dead_letter.h"
#include "actors/tracing.h"
#include "base/clock.h"
#include "mailbox/question.h"

#define WINDOW        16
#define MOST_URGENT   1000 /* that wait to overtake */
#define FEW_QUESTIONS 64   /* are not worth looking for those that nobody waits for */

static bool is_lasting(const tr_process_worker_t *worker)
{
    return tr_mailbox_is_lasting(worker->self->mailbox);
}

/* Whether the process gets no message any more. */
static bool is_over(const tr_process_worker_t *worker)
{
    return worker->has_verdict || worker->is_gone || worker->has_said_stop ||
           worker->is_cut_off ||
           (worker->work.is_stopping && (is_lasting(worker) || !worker->work.is_ready));
}

static void bury(tr_process_worker_t *worker, tr_mail_t *mail, const char *why)
{
    tr_letter_t *letter = &mail->letter;
    if (mail->kind == TROUPE_MESSAGE_DOWN) {
        tr_letter_destroy(&letter);
    } else {
        tr_dead_letter_take(worker->self->runtime, worker->self->name, why, &letter);
    }
}

/* ---- questions ---- */

/* Those that nobody waits for any more go, when there are many. */
static void sweep_questions(tr_process_mail_t *mail)
{
    if (mail->questions.n_items < mail->sweep_at) {
        return;
    }
    for (size_t i = 0; i < mail->questions.n_slots;) {
        troupe_question_t *question = mail->questions.slots[i].item;
        if (question && !troupe_question_is_awaited(question)) {
            tr_idmap_take(&mail->questions, mail->questions.slots[i].id); /* may move others */
            tr_question_release(&question);
        } else {
            i++;
        }
    }
    mail->sweep_at = 2 * mail->questions.n_items + FEW_QUESTIONS;
}

static troupe_status_t keep_question(tr_process_mail_t *mail, tr_mail_t *said)
{
    sweep_questions(mail);
    troupe_status_t status = tr_idmap_put(&mail->questions, said->receipt, said->question);
    if (status == TROUPE_OK) {
        tr_question_share(said->question);
    }
    return status;
}

static void forget_question(tr_process_mail_t *mail, uint64_t receipt)
{
    troupe_question_t *question = tr_idmap_take(&mail->questions, receipt);
    tr_question_release(&question);
}

static void lose_questions(tr_process_worker_t *worker)
{
    uint64_t receipt;
    char text[200];
    snprintf(text, sizeof text, "%.120s ended before it answered", worker->self->name);
    troupe_question_t *question;
    while ((question = tr_idmap_any(&worker->mail.questions, &receipt)) != NULL) {
        tr_question_answer(question, TROUPE_OUTCOME_WORKER_LOST, text, NULL);
        forget_question(&worker->mail, receipt);
    }
}

/* ---- to the process ---- */

static int64_t remaining_ms(const troupe_question_t *question)
{
    if (question->deadline_ms == TR_NEVER) {
        return -1;
    }
    int64_t left_ms = question->deadline_ms - tr_clock_now_ms();
    return left_ms > 0 ? left_ms : 0;
}

static troupe_status_t say_message(tr_process_worker_t *worker, const tr_mail_t *mail)
{
    uint64_t sender = mail->from ? tr_lent_refs_say(&worker->mail.senders, mail->from) : 0;
    tr_trp1_t message;
    tr_trp1_init(&message, TR_TRP1_MESSAGE, mail->receipt);
    message.urgent = mail->is_urgent;
    message.ask = mail->question != NULL;
    message.timeout_ms = mail->question ? remaining_ms(mail->question) : -1;
    message.from = tr_span_of(mail->from ? troupe_ref_name(mail->from) : NULL);
    message.ref = sender > 0 ? (int64_t)sender : -1;
    troupe_status_t status = tr_dialogue_send(worker, &message, mail->message);
    if (status != TROUPE_OK) {
        tr_lent_refs_release(&worker->mail.senders, sender, 1);
    }
    return status;
}

/* Takes the mail. False: there is no getting on for now. */
static bool hand_over_message(tr_process_worker_t *worker, tr_mail_t *mail)
{
    if (!worker->mail.is_welcome) {
        bury(worker, mail, "the worker takes no messages");
        return true;
    }
    mail->receipt = ++worker->mail.last_receipt;
    mail->is_forwarded = false;
    troupe_status_t status = mail->question ? keep_question(&worker->mail, mail) : TROUPE_OK;
    if (status == TROUPE_OK) {
        status = say_message(worker, mail);
    }
    if (status == TROUPE_OK) {
        tr_tracing_hand_over(worker->self, mail);
        tr_mail_list_append(&worker->mail.under_way, mail);
        return true;
    }
    if (mail->question) {
        forget_question(&worker->mail, mail->receipt);
    }
    if (status == TROUPE_LIMIT) {
        bury(worker, mail, "its sender has too long a name");
        return true;
    }
    tr_mail_list_prepend(&worker->mail.next, mail);
    return false;
}

/* Takes the notice. False likewise. */
static bool hand_over_notice(tr_process_worker_t *worker, tr_mail_t *notice)
{
    tr_letter_t *letter = &notice->letter;
    if (!tr_dialogue_pass_on_notice(worker, notice)) {
        tr_mail_list_prepend(&worker->mail.next, notice);
        return false;
    }
    tr_letter_destroy(&letter);
    return true;
}

static bool hand_over(tr_process_worker_t *worker, tr_mail_t *mail)
{
    return mail->kind == TROUPE_MESSAGE_DOWN ? hand_over_notice(worker, mail)
                                             : hand_over_message(worker, mail);
}

static bool may_hand_over(const tr_process_worker_t *worker)
{
    bool is_still = worker->self->is_suspended || worker->looks.is_told_suspended;
    return worker->work.is_ready && !worker->unsaid && !is_still && !is_over(worker);
}

/* With whom it is tied to it falls when it has taken what that one had sent. */
static bool has_place_for(const tr_process_worker_t *worker, const tr_mail_t *mail)
{
    size_t n_under_way = worker->mail.under_way.n;
    return mail->kind != TROUPE_MESSAGE_DOWN ? n_under_way < WINDOW
                                             : !mail->is_link || n_under_way == 0;
}

static tr_mail_t *next_waiting(tr_process_worker_t *worker)
{
    tr_mail_t *mail = tr_mail_list_next(&worker->mail.next);
    tr_letter_t *letter = mail ? NULL : tr_mailbox_next_aside(worker->self->mailbox);
    return letter ? tr_mail_in(letter) : mail;
}

/* What may be said now, or NULL. */
static tr_mail_t *next_mail(tr_process_worker_t *worker)
{
    tr_letter_t *aside = tr_mailbox_look_aside(worker->self->mailbox);
    bool is_next =
        worker->mail.next.first || (aside && has_place_for(worker, tr_mail_in(aside)));
    return is_next ? next_waiting(worker) : NULL;
}

/* What nobody will have is told at once, unless another life may have it. */
static void give_up_waiting(tr_process_worker_t *worker)
{
    tr_mail_t *mail;
    while (!is_lasting(worker) && is_over(worker) && (mail = next_waiting(worker)) != NULL) {
        bury(worker, mail, "the worker has ended");
    }
}

void tr_dialogue_hand_over_mail(tr_process_worker_t *worker)
{
    tr_mail_t *mail = NULL;
    bool gets_on = true;
    bool has_begun = false;
    while (gets_on && may_hand_over(worker) && (mail = next_mail(worker)) != NULL) {
        gets_on = hand_over(worker, mail);
        has_begun |= gets_on;
    }
    give_up_waiting(worker);
    if (has_begun) {
        tr_dialogue_show_work(worker);
    }
}

void tr_dialogue_take_mail(tr_process_worker_t *worker, tr_mail_t *mail)
{
    tr_letter_t *letter = &mail->letter;
    if (mail->is_urgent && worker->mail.next.n < MOST_URGENT) {
        tr_mail_list_append(&worker->mail.next, mail);
    } else {
        tr_mailbox_put_aside(worker->self->mailbox, &letter);
    }
    tr_dialogue_hand_over_mail(worker);
}

/* ---- from the process ---- */

static void go_on(tr_process_worker_t *worker)
{
    tr_pulse_t *pulse = worker->self->pulse;
    if (atomic_load(&pulse->running) == 0) {
        atomic_store(&pulse->running_since_ms, 0); /* the next one begins now */
    }
    tr_given_work_note_progress(&worker->work);
    tr_dialogue_show_work(worker);
    tr_dialogue_hand_over_mail(worker);
}

/* It comes again to the process, or the next one: it still takes its place here. */
static void put_aside(tr_process_worker_t *worker, tr_mail_t *mail)
{
    tr_mailbox_hold_place(worker->self->mailbox);
    tr_mail_list_append(&worker->mail.stashed, mail);
}

/* Nor has the process begun what comes behind it. */
static void note_unbegun(tr_process_mail_t *mail, uint64_t receipt)
{
    const tr_mail_t *given_back = tr_mail_list_get(&mail->under_way, receipt);
    if (given_back && !given_back->is_urgent && mail->first_unbegun == 0) {
        mail->first_unbegun = receipt;
    }
}

static tr_mail_t *take_settled(tr_process_worker_t *worker, uint64_t receipt)
{
    tr_mail_t *mail = tr_mail_list_take(&worker->mail.under_way, receipt);
    if (!mail) {
        mail = tr_mail_list_take(&worker->mail.stashed, receipt);
        if (mail) {
            tr_mailbox_give_place(worker->self->mailbox);
        }
    }
    return mail;
}

/* The process has received it. Takes the mail. */
static void conclude(tr_process_worker_t *worker, tr_mail_t *mail, tr_span_t state)
{
    tr_letter_t *letter = &mail->letter;
    if (tr_span_equals(state, "stashed")) {
        tr_tracing_take_back(worker->self, mail, "stashed");
        put_aside(worker, mail);
    } else if (tr_span_equals(state, "lost")) {
        tr_tracing_take_back(worker->self, mail, "lost");
        bury(worker, mail, "the process could not take it");
    } else {
        tr_tracing_take_back(worker->self, mail, mail->is_forwarded ? "forwarded" : "done");
        tr_letter_destroy(&letter);
    }
    tr_pulse_count_message(worker->self->pulse, tr_clock_now_ms()); /* all of it is told */
}

void tr_dialogue_take_settled(tr_process_worker_t *worker, const tr_trp1_t *settled)
{
    bool is_unbegun = tr_span_equals(settled->state, "queued");
    if (is_unbegun) {
        note_unbegun(&worker->mail, settled->id);
    }
    tr_mail_t *mail = take_settled(worker, settled->id);
    if (!mail) {
        tr_given_work_meet_unknown(&worker->work, settled->id);
        return;
    }
    if (is_unbegun) {
        put_aside(worker, mail); /* it is for the next life */
    } else {
        conclude(worker, mail, settled->state);
    }
    go_on(worker);
}

/* What is no message of the process's own is an ask's or a plain one's end. */
void tr_dialogue_take_mail_answer(tr_process_worker_t *worker, const tr_trp1_t *answer,
                                  troupe_message_t **message_p)
{
    troupe_question_t *question = tr_idmap_take(&worker->mail.questions, answer->id);
    if (!question) {
        return; /* too late, as may happen */
    }
    char text[TR_TRP1_MAX_TEXT + 1];
    snprintf(text, sizeof text, "%.*s", (int)answer->text.size,
             answer->text.size ? answer->text.data : "");
    troupe_outcome_t outcome =
        answer->code.size == 0 ? TROUPE_OUTCOME_OK
        : tr_span_equals(answer->code, troupe_outcome_name(TROUPE_OUTCOME_WORKER_LOST))
            ? TROUPE_OUTCOME_WORKER_LOST
            : TROUPE_OUTCOME_WORKER_ERROR;
    tr_question_answer(question, outcome, text,
                       outcome == TROUPE_OUTCOME_OK ? message_p : NULL);
    tr_question_release(&question);
}

static void copy_name(char *name, size_t size, tr_span_t span)
{
    snprintf(name, size, "%.*s", (int)span.size, span.size ? span.data : "");
}

/* Takes the mail. */
static void post(tr_process_worker_t *worker, const tr_trp1_t *send, tr_mail_t *mail)
{
    tr_runtime_t *runtime = worker->self->runtime;
    tr_lane_t lane = send->urgent ? TR_LANE_URGENT : TR_LANE_USER;
    char name[TR_TRP1_MAX_NAME + 1];
    copy_name(name, sizeof name, send->actor);
    troupe_ref_t *to =
        send->ref > 0 ? tr_lent_refs_get(&worker->mail.senders, (uint64_t)send->ref) : NULL;
    if (tr_tracing_is_on(worker->self)) {
        tr_tracing_tell_sent(worker->self, to ? troupe_ref_name(to) : name, mail);
    }
    troupe_status_t status = to ? tr_runtime_post(runtime, to, lane, mail)
                                : tr_runtime_post_named(runtime, name, lane, mail);
    (void)status; /* what is not delivered is told, and answered, by that */
}

/* The message that goes on, from who sent it, and with its question. Takes the message; NULL
 * when the process has no such one, or out of memory. */
static tr_mail_t *forwarded(tr_process_worker_t *worker, uint64_t receipt,
                            troupe_message_t **message_p)
{
    tr_mail_t *mail = tr_mail_list_get(&worker->mail.under_way, receipt);
    if (!mail) {
        tr_given_work_meet_unknown(&worker->work, receipt);
        return NULL;
    }
    mail->is_forwarded = true;
    troupe_question_t *question = tr_idmap_take(&worker->mail.questions, receipt);
    return tr_mail_new(message_p, mail->from, &question);
}

void tr_dialogue_take_send(tr_process_worker_t *worker, const tr_trp1_t *send,
                           troupe_message_t **message_p)
{
    tr_mail_t *mail = send->forward > 0 ? forwarded(worker, (uint64_t)send->forward, message_p)
                                        : tr_mail_new(message_p, worker->self->ref, NULL);
    if (mail) {
        post(worker, send, mail);
    }
}

void tr_dialogue_take_ask(tr_process_worker_t *worker, const tr_trp1_t *request,
                          troupe_message_t **message_p)
{
    int64_t deadline_ms = request->timeout_ms < 0
                              ? TR_NEVER
                              : tr_clock_after(tr_clock_now_ms(), request->timeout_ms);
    troupe_question_t *question = tr_question_new(
        worker->self->mailbox, tr_dialogue_number(worker, request->id) | TR_DIALOGUE_OF_ASK,
        deadline_ms);
    tr_mail_t *mail = question ? tr_mail_new(message_p, worker->self->ref, &question) : NULL;
    if (mail) {
        post(worker, request, mail);
    } else if (!question) {
        tr_dialogue_refuse_call(worker, request->id, TROUPE_OUTCOME_OVERLOADED,
                                "the node is out of memory");
    }
}

void tr_dialogue_take_release(tr_process_worker_t *worker, const tr_trp1_t *release)
{
    if (release->ref > 0 && release->count > 0) {
        tr_lent_refs_release(&worker->mail.senders, (uint64_t)release->ref,
                             (uint64_t)release->count);
    }
}

void tr_dialogue_take_lost(tr_process_worker_t *worker, const tr_trp1_t *lost)
{
    char to[TR_TRP1_MAX_NAME + 1];
    char why[TR_TRP1_MAX_TEXT + 1];
    snprintf(to, sizeof to, "%.*s", (int)lost->actor.size,
             lost->actor.size ? lost->actor.data : "");
    snprintf(why, sizeof why, "%.*s", (int)lost->text.size,
             lost->text.size ? lost->text.data : "");
    tr_dead_letter_tell(worker->self->runtime, to, worker->self->name, tr_mail_type.name, why);
}

/* ---- the end ---- */

static void lose_what_is_under_way(tr_process_worker_t *worker)
{
    tr_mail_t *mail;
    bool has_failed = worker->has_verdict && worker->verdict.kind == TROUPE_REASON_FAILED;
    while ((mail = tr_mail_list_next(&worker->mail.under_way)) != NULL) {
        tr_tracing_take_back(worker->self, mail, has_failed ? "failed" : "lost");
        bury(worker, mail, "the process ended while it had it");
    }
}

static void append_all(tr_mail_list_t *list, tr_mail_list_t *other)
{
    tr_mail_t *mail;
    while ((mail = tr_mail_list_next(other)) != NULL) {
        tr_mail_list_append(list, mail);
    }
}

/* What lies behind a message that was given back was perhaps not even read by the process. */
static void collect_unbegun(tr_process_mail_t *mail, tr_mail_list_t *all)
{
    tr_mail_list_t begun = {0};
    tr_mail_t *one;
    while ((one = tr_mail_list_next(&mail->under_way)) != NULL) {
        bool is_behind = mail->first_unbegun > 0 && one->receipt > mail->first_unbegun;
        if (is_behind && !one->is_urgent) {
            forget_question(mail, one->receipt);
            tr_mail_list_append(all, one);
        } else {
            tr_mail_list_append(&begun, one);
        }
    }
    mail->under_way = begun;
}

/* In the order in which the next life is to have it: what was put aside or given back, what was
 * next, and what has waited. */
static tr_mail_list_t collect(tr_process_worker_t *worker)
{
    tr_mail_list_t all = {0};
    for (tr_mail_t *mail; (mail = tr_mail_list_next(&worker->mail.stashed)) != NULL;) {
        tr_mailbox_give_place(worker->self->mailbox);
        forget_question(&worker->mail, mail->receipt); /* it goes with the message */
        tr_mail_list_append(&all, mail);
    }
    collect_unbegun(&worker->mail, &all);
    append_all(&all, &worker->mail.next);
    for (tr_letter_t *letter;
         (letter = tr_mailbox_next_aside(worker->self->mailbox)) != NULL;) {
        tr_mail_list_append(&all, tr_mail_in(letter));
    }
    return all;
}

void tr_dialogue_leave_mail(tr_process_worker_t *worker)
{
    tr_mail_list_t all = collect(worker);
    lose_questions(worker);
    lose_what_is_under_way(worker);
    tr_mail_t *mail;
    while ((mail = tr_mail_list_next(&all)) != NULL) {
        tr_letter_t *letter = &mail->letter;
        mail->receipt = 0;
        if (is_lasting(worker) && tr_mail_is_sent(mail)) {
            tr_mailbox_put_aside(worker->self->mailbox, &letter);
        } else {
            bury(worker, mail, "the worker has ended");
        }
    }
    tr_idmap_finish(&worker->mail.questions);
    tr_lent_refs_finish(&worker->mail.senders);
}
