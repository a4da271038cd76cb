/* Messages between the worker and the node's actors.
 *
 * A message of the node has a receipt, which comes back as a word when `receive` has returned,
 * in the lane of what the worker sends: so the node hears it behind all of that. A question
 * that came with it is answered to the proxy, under the same number.
 */

#include "actors/host_inside.h"

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

/* Takes the message. NULL when out of memory. */
static tr_mail_t *mail_of(tr_host_t *self, const tr_trp1_t *message,
                          troupe_message_t **message_p)
{
    troupe_question_t *question = message->ask ? question_of(self, message) : NULL;
    if (message->ask && !question) {
        troupe_message_destroy(message_p);
        return NULL;
    }
    tr_mail_t *mail = tr_mail_new(message_p, NULL, &question);
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
    bool is_stashed = word->depth > 0;
    self->n_messages -= self->n_messages > 0 && !is_stashed;
    say_settled(self, word->number, is_stashed ? "stashed" : NULL);
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
