/* Messages between the worker and the node's actors.
 *
 * A message of the node has a receipt, which comes back as a word when `receive` has returned,
 * in the lane of what the worker sends: so the node hears it behind all of that. A question
 * that came with it is answered to the proxy, under the same number.
 */

#include "actors/host/inside.h"

#include <stdio.h>

#include "actors/host/outside.h"
#include "base/clock.h"
#include "mailbox/mail.h"
#include "mailbox/question.h"

/* Tells the number of a question from that of a request. */
#define OF_QUESTION (UINT64_C(1) << 63)

/* ---- from the node ---- */

static void say_settled(tr_host_t *self, uint64_t receipt, const char *state)
{
    tr_trp1_t settled;
    tr_trp1_init(&settled, TR_TRP1_SETTLED, receipt);
    settled.state = tr_span_of(state);
    tr_uplink_send(self->uplink, &settled, NULL, 0);
}

/* NULL when out of memory. */
static troupe_question_t *question_of(tr_host_t *self, const tr_trp1_t *message)
{
    int64_t deadline_ms = message->timeout_ms < 0
                              ? TR_NEVER
                              : tr_clock_after(tr_clock_now_ms(), message->timeout_ms);
    return tr_question_new(self->mailbox, message->id | OF_QUESTION, deadline_ms);
}

/* Numbers that the worker has no more use for. There is time for that. */
static void release_unused(tr_host_t *self)
{
    tr_trp1_t release;
    tr_trp1_init(&release, TR_TRP1_RELEASE, 0);
    uint64_t number;
    uint64_t count;
    while (tr_uplink_has_room(self->uplink) &&
           tr_outside_take_unused(self->runtime->outside, &number, &count)) {
        release.ref = (int64_t)number;
        release.count = (int64_t)count;
        tr_uplink_send(self->uplink, &release, NULL, 0);
    }
}

/* A share, or NULL. */
static troupe_ref_t *sender_of(tr_host_t *self, const tr_trp1_t *message)
{
    if (message->ref <= 0) {
        return NULL;
    }
    char name[TR_TRP1_MAX_NAME + 1];
    snprintf(name, sizeof name, "%.*s", (int)message->from.size,
             message->from.size ? message->from.data : "");
    troupe_ref_t *from = tr_outside_refer(self->runtime->outside, (uint64_t)message->ref, name);
    release_unused(self);
    return from;
}

/* Takes the message. NULL when out of memory. */
static tr_mail_t *mail_of(tr_host_t *self, const tr_trp1_t *message,
                          troupe_message_t **message_p)
{
    troupe_question_t *question = message->ask ? question_of(self, message) : NULL;
    if (message->ask && !question) {
        troupe_message_destroy(message_p);
        return NULL;
    }
    troupe_ref_t *from = sender_of(self, message);
    tr_mail_t *mail = tr_mail_new(message_p, from, &question);
    troupe_ref_release(&from);
    if (mail) {
        mail->receipt = message->id;
        mail->is_urgent = message->urgent;
    }
    return mail;
}

void tr_host_take_message(tr_host_t *self, const tr_trp1_t *message,
                          troupe_message_t **message_p)
{
    tr_mail_t *mail = mail_of(self, message, message_p);
    tr_letter_t *letter = mail ? &mail->letter : NULL;
    tr_lane_t lane = message->urgent ? TR_LANE_URGENT : TR_LANE_USER;
    if (!mail) {
        tr_host_lose_message(self, message->id);
    } else if (tr_mailbox_post_answer(self->worker->mailbox, lane, &letter) == TROUPE_OK) {
        self->n_messages++;
    } else { /* the worker has ended: the node will hear of that */
        tr_letter_destroy(&letter);
    }
}

void tr_host_lose_message(tr_host_t *self, uint64_t receipt)
{
    say_settled(self, receipt, "lost");
}

/* ---- from the worker ---- */

void tr_host_take_settled(tr_host_t *self, const tr_control_t *word)
{
    static const char *const states[] = {[TR_SETTLED_RECEIVED] = NULL,
                                         [TR_SETTLED_ASIDE] = "stashed",
                                         [TR_SETTLED_UNBEGUN] = "queued"};
    self->n_messages -= self->n_messages > 0 && word->depth != TR_SETTLED_ASIDE;
    say_settled(self, word->number, states[word->depth]);
}

/* The id of an ask that is open now; 0 when out of memory. */
static uint64_t open_ask(tr_host_t *self, troupe_question_t *question)
{
    uint64_t id = ++self->last_call;
    if (tr_idmap_put(&self->asks, id, question) != TROUPE_OK) {
        return 0;
    }
    tr_question_share(question);
    return id;
}

static void close_ask(tr_host_t *self, uint64_t id)
{
    troupe_question_t *question = tr_idmap_take(&self->asks, id);
    tr_question_release(&question);
}

static int64_t remaining_ms(const troupe_question_t *question)
{
    int64_t left_ms = question->deadline_ms - tr_clock_now_ms();
    return left_ms > 0 ? left_ms : 0;
}

void tr_host_address(tr_trp1_t *command, const troupe_ref_t *whom)
{
    if (whom->number == TR_OUTSIDE_BY_NAME) {
        command->actor = tr_span_of(troupe_ref_name(whom));
    } else {
        command->ref = (int64_t)whom->number;
    }
}

/* Borrows from the mail. */
static tr_trp1_t send_of(const tr_mail_t *mail)
{
    tr_trp1_t send;
    tr_trp1_init(&send, TR_TRP1_SEND, 0);
    send.urgent = mail->is_urgent;
    tr_host_address(&send, mail->whom);
    return send;
}

/* The node has the question still, and gives it to whom the message goes. */
static void let_go_of_question(tr_mail_t *mail)
{
    if (mail->question) {
        atomic_store(&mail->question->is_answered, true);
    }
}

static void send_ask(tr_host_t *self, tr_mail_t *mail, tr_trp1_t *send)
{
    uint64_t id = open_ask(self, mail->question);
    if (id > 0) { /* else it is lost with the mail, as its answer says */
        send->command = TR_TRP1_REQUEST;
        send->id = id;
        send->timeout_ms = remaining_ms(mail->question);
        if (tr_uplink_send(self->uplink, send, mail->message, 0) != TROUPE_OK) {
            close_ask(self, id);
        }
    }
}

void tr_host_send_mail(tr_host_t *self, tr_mail_t *mail)
{
    if (!mail->whom) {
        return; /* a notice, and nobody's here */
    }
    tr_trp1_t send = send_of(mail);
    if (mail->forwards > 0) {
        send.forward = (int64_t)mail->forwards;
        let_go_of_question(mail);
        tr_uplink_send(self->uplink, &send, mail->message, 0);
    } else if (mail->question) {
        send_ask(self, mail, &send);
    } else {
        tr_uplink_send(self->uplink, &send, mail->message, 0);
    }
}

bool tr_host_take_ask_answer(tr_host_t *self, const tr_trp1_t *answer,
                             troupe_message_t **message_p)
{
    troupe_question_t *question =
        answer->command == TR_TRP1_PART ? NULL : tr_idmap_get(&self->asks, answer->id);
    if (!question) {
        return false;
    }
    char text[TR_TRP1_MAX_TEXT + 1];
    snprintf(text, sizeof text, "%.*s", (int)answer->text.size,
             answer->text.size ? answer->text.data : "");
    bool is_ok = answer->command == TR_TRP1_REPLY;
    tr_question_answer(question, is_ok ? TROUPE_OUTCOME_OK : tr_host_outcome_of(answer->code),
                       text, is_ok ? message_p : NULL);
    close_ask(self, answer->id);
    return true;
}

void tr_host_give_up_ask(tr_host_t *self, uint64_t id)
{
    troupe_question_t *question = tr_idmap_get(&self->asks, id);
    if (question) {
        tr_question_answer(question, TROUPE_OUTCOME_INTERNAL, "out of memory", NULL);
        close_ask(self, id);
    }
}

void tr_host_end_asks(tr_host_t *self)
{
    uint64_t id;
    while (tr_idmap_any(&self->asks, &id)) {
        close_ask(self, id);
    }
}

bool tr_host_take_mail_answer(tr_host_t *self, troupe_reply_t *reply)
{
    if (!(reply->id & OF_QUESTION)) {
        return false;
    }
    bool is_ok = reply->outcome == TROUPE_OUTCOME_OK;
    tr_trp1_t answer;
    tr_trp1_init(&answer, TR_TRP1_ANSWER, reply->id & ~OF_QUESTION);
    answer.code = tr_span_of(is_ok ? NULL : troupe_outcome_name(reply->outcome));
    answer.text = tr_span_of(is_ok ? NULL : reply->text);
    tr_uplink_send(self->uplink, &answer, reply->message, 0);
    return true;
}

void tr_host_tell_lost(tr_host_t *self, const tr_control_t *word)
{
    tr_trp1_t lost;
    tr_trp1_init(&lost, TR_TRP1_LOST, 0);
    lost.actor = tr_span_of(word->name);
    lost.text = tr_span_of(word->reason.text);
    tr_uplink_send(self->uplink, &lost, NULL, 0);
}
