/* What `receive` takes, one after another: messages, ticks and notices; and the ends of what
 * was asked.
 */

#include "actors/worker/inside.h"

#include <stdio.h>

#include "actors/dead_letter.h"
#include "actors/tracing.h"
#include "base/clock.h"
#include "mailbox/reply.h"

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
    tr_worker_begin_callback(worker, 0, TR_NEVER);
    int verdict = behaviour->receive(worker, mail->message, worker->state);
    bool is_held = let_go_of_hand(worker, had_question);
    tr_worker_step_in(worker);
    const char *what_became = settle_mail(worker, verdict, is_held);
    if (is_traced) {
        tr_tracing_end(&traced, worker->self, what_became);
    }
    tr_pulse_count_message(worker->self->pulse, worker->self->now.ms);
    tr_worker_conclude(worker, verdict, "its receive returned an error");
}

/* Somebody that it is tied to has ended. */
static void fall_with(troupe_worker_t *worker, const tr_mail_t *notice)
{
    tr_reason_t reason = tr_watching_reason_to_fall(notice);
    tr_worker_move_to(worker, TR_WORKER_FAILED);
    tr_self_end(worker->self, &reason);
}

void tr_worker_receive_mail(troupe_worker_t *worker, tr_mail_t *mail)
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
    tr_worker_begin_callback(worker, 0, TR_NEVER);
    int verdict = ask->on_answer(worker, reply, ask->arg);
    tr_worker_step_in(worker);
    tr_worker_conclude(worker, verdict, "taking an answer, it returned an error");
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

bool tr_worker_may_tick(const troupe_worker_t *worker)
{
    return !worker->self->is_ending && !worker->self->is_suspended;
}

void tr_worker_tick(troupe_worker_t *worker)
{
    tr_due_t due;
    int64_t now_ms = worker->self->now.ms;
    for (size_t n_left = tr_timers_count(&worker->timers);
         n_left > 0 && tr_worker_may_tick(worker) &&
         tr_timers_take_due(&worker->timers, now_ms, &due);
         n_left--) {
        take_due(worker, &due);
    }
}

void tr_worker_take_ask_answer(troupe_worker_t *worker, const troupe_reply_t *reply)
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

void tr_worker_give_back(const tr_self_t *self, tr_mail_t *mail)
{
    tell_settled(self, mail, TR_SETTLED_UNBEGUN);
    if (mail->question) {
        tr_question_forget(mail->question);
    }
    tr_letter_t *letter = &mail->letter;
    tr_letter_destroy(&letter);
}
