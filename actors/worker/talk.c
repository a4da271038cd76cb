/* What actors call to talk to each other: troupe/actor.h.
 *
 * What is about the message in hand is only noted here, and done when `receive` has returned:
 * until then the mailbox may become somebody else's. In all other callbacks nothing is in hand.
 *
 * A behaviour may pass on what it was given without looking: a reference that is nobody, a name
 * that was not configured. That is answered, never asserted.
 */

#include <troupe/actor.h>

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "actors/groups.h"
#include "actors/host/wish.h"
#include "actors/tracing.h"
#include "actors/worker/worker.h"
#include "mailbox/reply.h"

#define DEFAULT_ASK_MS 5000

/* The question of the message in hand goes elsewhere: the mail's share. It is not lost any more
 * if this actor is. */
static troupe_question_t *take_question(troupe_worker_t *self)
{
    tr_mail_t *mail = self->in_hand.mail;
    troupe_question_t *question = mail ? mail->question : NULL;
    if (question) {
        mail->question = NULL;
        troupe_question_t *noted = atomic_exchange(&self->self->pulse->question, NULL);
        tr_question_release(&noted);
    }
    return question;
}

/* ---- references ---- */

troupe_ref_t *troupe_find(troupe_worker_t *self, const char *name)
{
    assert(self);
    return name ? tr_runtime_refer(self->self->runtime, name) : NULL;
}

troupe_ref_t *troupe_self(const troupe_worker_t *self)
{
    assert(self);
    return self->self->ref;
}

/* ---- sending ---- */

static tr_mail_t *mail_of(const troupe_worker_t *self, troupe_message_t **message_p)
{
    return tr_mail_new(message_p, self->self->ref, NULL);
}

/* To `to`, or, when that is NULL, to the actor called `name`. Others have been told of the end
 * of a life that was given up, and hear nothing of it after that. */
static troupe_status_t post(troupe_worker_t *self, troupe_ref_t *to, const char *name,
                            tr_lane_t lane, tr_mail_t *mail)
{
    if (!mail) {
        return TROUPE_ERR_NOMEM;
    }
    if (atomic_load_explicit(&self->self->pulse->is_abandoned, memory_order_relaxed)) {
        troupe_status_t status =
            tr_runtime_drop(self->self->runtime, "whoever sent it was given up before", mail);
        (void)status; /* there may be such an actor */
        return TROUPE_CLOSED;
    }
    if (!to && !name) {
        return tr_runtime_drop(self->self->runtime, "it was sent to nobody", mail);
    }
    if (tr_tracing_is_on(self->self)) {
        tr_tracing_tell_sent(self->self, to ? to->name : name, mail);
    }
    return to ? tr_runtime_post(self->self->runtime, to, lane, mail)
              : tr_runtime_post_named(self->self->runtime, name, lane, mail);
}

troupe_status_t troupe_send(troupe_worker_t *self, troupe_ref_t *to,
                            troupe_message_t **message_p)
{
    assert(self && message_p);
    return post(self, to, NULL, TR_LANE_USER, mail_of(self, message_p));
}

troupe_status_t troupe_send_urgent(troupe_worker_t *self, troupe_ref_t *to,
                                   troupe_message_t **message_p)
{
    assert(self && message_p);
    return post(self, to, NULL, TR_LANE_URGENT, mail_of(self, message_p));
}

troupe_status_t troupe_send_named(troupe_worker_t *self, const char *name,
                                  troupe_message_t **message_p)
{
    assert(self && message_p);
    return post(self, NULL, name, TR_LANE_USER, mail_of(self, message_p));
}

/* What was sent, and goes nowhere yet. */
static tr_mail_t *message_in_hand(const troupe_worker_t *self)
{
    tr_mail_t *mail = self->in_hand.mail;
    bool goes_on = self->in_hand.is_forwarded || self->in_hand.is_stashed;
    return mail && tr_mail_is_sent(mail) && !goes_on ? mail : NULL;
}

troupe_status_t troupe_forward(troupe_worker_t *self, troupe_ref_t *to)
{
    assert(self);
    tr_mail_t *mail = message_in_hand(self);
    if (!mail) {
        return TROUPE_ERR_INVALID;
    }
    /* The message goes on in a mail of its own, as `receive` still reads this one. */
    troupe_message_t *message = troupe_message_share(mail->message);
    if (!message) {
        return TROUPE_ERR_NOMEM;
    }
    self->in_hand.is_forwarded = true;
    troupe_question_t *question = take_question(self);
    tr_mail_t *copy = tr_mail_new(&message, mail->from, &question);
    if (copy) {
        copy->forwards = mail->receipt;
    }
    return post(self, to, NULL, TR_LANE_USER, copy);
}

/* ---- asking ---- */

/* The question and its timer, under one number. */
static troupe_status_t open_ask(troupe_worker_t *self, const tr_ask_t *ask)
{
    const troupe_question_t *question = ask->question;
    troupe_status_t status =
        tr_timers_start(&self->timers, question->id, question->deadline_ms, 0, NULL);
    if (status == TROUPE_OK && (status = tr_asks_open(&self->asks, ask)) != TROUPE_OK) {
        tr_timers_cancel(&self->timers, question->id);
    }
    return status;
}

static void close_ask(troupe_worker_t *self, uint64_t id)
{
    tr_ask_t ask;
    if (tr_asks_close(&self->asks, id, &ask)) {
        tr_timers_cancel(&self->timers, id);
        tr_question_turn_away(&ask.question);
    }
}

/* An open ask of `whom` (NULL: not known), and its question to be posted; NULL when out of
 * memory. */
static troupe_question_t *begin_ask(troupe_worker_t *self, troupe_ref_t *whom,
                                    int64_t timeout_ms, troupe_answer_fn *on_answer, void *arg)
{
    timeout_ms = timeout_ms > 0 ? timeout_ms : DEFAULT_ASK_MS;
    int64_t deadline_ms = tr_clock_after(tr_clock_now_ms(), timeout_ms);
    troupe_question_t *question =
        tr_question_new(self->self->mailbox, tr_worker_next_number(self), deadline_ms);
    if (!question) {
        return NULL;
    }
    question->whom = whom ? troupe_ref_share(whom) : NULL;
    tr_ask_t ask = {.on_answer = on_answer,
                    .arg = arg,
                    .question = tr_question_attend(question),
                    .timeout_ms = timeout_ms};
    if (open_ask(self, &ask) != TROUPE_OK) {
        tr_question_turn_away(&ask.question);
        tr_question_release(&question);
    }
    return question;
}

static troupe_status_t ask(troupe_worker_t *self, troupe_ref_t *to, const char *name,
                           troupe_message_t **message_p, int64_t timeout_ms,
                           troupe_answer_fn *on_answer, void *arg, uint64_t *id_out)
{
    if (!on_answer) {
        troupe_message_destroy(message_p);
        return TROUPE_ERR_INVALID;
    }
    troupe_question_t *question = begin_ask(self, to, timeout_ms, on_answer, arg);
    if (!question) {
        troupe_message_destroy(message_p);
        return TROUPE_ERR_NOMEM;
    }
    uint64_t id = question->id;
    tr_mail_t *mail = tr_mail_new(message_p, self->self->ref, &question);
    if (!mail) {
        close_ask(self, id);
        return TROUPE_ERR_NOMEM;
    }
    if (id_out) {
        *id_out = id;
    }
    troupe_status_t status = post(self, to, name, TR_LANE_USER, mail);
    (void)status; /* however it went, the answer says so */
    return TROUPE_OK;
}

troupe_status_t troupe_ask(troupe_worker_t *self, troupe_ref_t *to,
                           troupe_message_t **message_p, int64_t timeout_ms,
                           troupe_answer_fn *on_answer, void *arg, uint64_t *id_out)
{
    assert(self && message_p);
    return ask(self, to, NULL, message_p, timeout_ms, on_answer, arg, id_out);
}

troupe_status_t troupe_ask_named(troupe_worker_t *self, const char *name,
                                 troupe_message_t **message_p, int64_t timeout_ms,
                                 troupe_answer_fn *on_answer, void *arg, uint64_t *id_out)
{
    assert(self && message_p);
    troupe_ref_t *to = troupe_find(self, name);
    troupe_status_t status = ask(self, to, name, message_p, timeout_ms, on_answer, arg, id_out);
    troupe_ref_release(&to);
    return status;
}

/* The final comes by the timer, which is due at once: between other callbacks, as all do. */
static void cancel_ask(troupe_worker_t *self, tr_ask_t *ask)
{
    ask->is_cancelled = true;
    tr_question_forget(ask->question);
    tr_timers_hasten(&self->timers, ask->question->id, tr_clock_now_ms());
}

void troupe_worker_cancel(troupe_worker_t *self, uint64_t id)
{
    assert(self);
    tr_ask_t *ask = tr_asks_find(&self->asks, id);
    if (ask) {
        cancel_ask(self, ask);
    } else {
        tr_errands_cancel(&self->errands, id);
    }
}

/* ---- answering ---- */

bool troupe_answer(troupe_worker_t *self, troupe_message_t **answer_p)
{
    assert(self && answer_p);
    const tr_mail_t *mail = self->in_hand.mail;
    if (!mail || !mail->question) {
        troupe_message_destroy(answer_p);
        return false;
    }
    return tr_question_answer(mail->question, TROUPE_OUTCOME_OK, NULL, answer_p);
}

bool troupe_refuse(troupe_worker_t *self, const char *format, ...)
{
    assert(self && format);
    const tr_mail_t *mail = self->in_hand.mail;
    if (!mail || !mail->question) {
        return false;
    }
    char text[TR_REASON_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return tr_question_answer(mail->question, TROUPE_OUTCOME_WORKER_ERROR, text, NULL);
}

troupe_question_t *troupe_take_question(troupe_worker_t *self)
{
    assert(self);
    return take_question(self);
}

/* ---- putting aside ---- */

troupe_status_t troupe_stash(troupe_worker_t *self)
{
    assert(self);
    if (!self->in_hand.mail || self->in_hand.is_forwarded) {
        return TROUPE_ERR_INVALID;
    }
    if (!tr_mailbox_has_room(self->self->mailbox)) {
        return TROUPE_FULL;
    }
    self->in_hand.is_stashed = true;
    return TROUPE_OK;
}

void troupe_unstash(troupe_worker_t *self)
{
    assert(self);
    self->put_back = TR_PUT_BACK_ALL;
}

void troupe_unstash_one(troupe_worker_t *self)
{
    assert(self);
    if (self->put_back == TR_PUT_BACK_NONE) {
        self->put_back = TR_PUT_BACK_FIRST;
    }
}

/* ---- timers ---- */

troupe_status_t troupe_timer_start(troupe_worker_t *self, int64_t delay_ms, int64_t period_ms,
                                   troupe_message_t **message_p, uint64_t *id_out)
{
    assert(self);
    uint64_t id = tr_worker_next_number(self);
    int64_t due_ms = tr_clock_after(tr_clock_now_ms(), delay_ms);
    troupe_message_t *nothing = NULL;
    troupe_status_t status =
        tr_timers_start(&self->timers, id, due_ms, period_ms > 0 ? period_ms : 0,
                        message_p ? message_p : &nothing);
    if (status == TROUPE_OK && id_out) {
        *id_out = id;
    }
    return status;
}

bool troupe_timer_cancel(troupe_worker_t *self, uint64_t id)
{
    assert(self);
    return !tr_asks_find(&self->asks, id) && tr_timers_cancel(&self->timers, id);
}

/* ---- monitors and links ---- */

/* One outside of this process, of whose end the node tells. */
static bool is_out_of_sight(const troupe_worker_t *self, const troupe_ref_t *whom)
{
    return self->self->runtime->beyond && whom->mailbox == self->self->runtime->beyond;
}

static troupe_status_t monitor_out_of_sight(troupe_worker_t *self, troupe_ref_t *whom,
                                            uint64_t id)
{
    const tr_self_t *actor = self->self;
    troupe_status_t status = tr_watching_note(&self->watching, whom, id);
    if (status == TROUPE_OK &&
        (status = tr_wish_monitor(actor->runtime, whom, actor->incarnation, id)) != TROUPE_OK) {
        tr_watching_stop(&self->watching, id);
    }
    return status;
}

troupe_status_t troupe_monitor(troupe_worker_t *self, troupe_ref_t *whom, uint64_t *id_out)
{
    assert(self);
    if (!whom) {
        return TROUPE_ERR_INVALID;
    }
    uint64_t id = tr_worker_next_number(self);
    troupe_status_t status = is_out_of_sight(self, whom)
                                 ? monitor_out_of_sight(self, whom, id)
                                 : tr_watching_monitor(&self->watching, whom, id);
    if (status == TROUPE_OK && id_out) {
        *id_out = id;
    }
    return status;
}

bool troupe_demonitor(troupe_worker_t *self, uint64_t id)
{
    assert(self);
    troupe_ref_t *whom = tr_watching_whom(&self->watching, id);
    if (whom && is_out_of_sight(self, whom)) {
        tr_wish_demonitor(self->self->runtime, id);
    }
    return tr_watching_stop(&self->watching, id);
}

troupe_status_t troupe_link(troupe_worker_t *self, troupe_ref_t *whom)
{
    assert(self);
    if (!whom) {
        return TROUPE_ERR_INVALID;
    }
    if (is_out_of_sight(self, whom)) {
        return tr_wish_link(self->self->runtime, whom);
    }
    return whom == self->self->ref ? TROUPE_OK : tr_watching_link(&self->watching, whom);
}

void troupe_unlink(troupe_worker_t *self, troupe_ref_t *whom)
{
    assert(self);
    if (whom && is_out_of_sight(self, whom)) {
        troupe_status_t status = tr_wish_unlink(self->self->runtime, whom);
        (void)status; /* where there is no memory to say so, they stay tied */
    } else if (whom && whom != self->self->ref) {
        tr_watching_unlink(&self->watching, whom);
    }
}

/* ---- groups ---- */

static bool is_group_name(const char *group)
{
    size_t size = group ? strlen(group) : 0;
    return size > 0 && size < TR_DIRECTORY_NAME_SIZE;
}

/* In a process what is known of groups is what the worker is a member of; all else the node
 * knows. */
static bool are_groups_elsewhere(const troupe_worker_t *self)
{
    return self->self->runtime->beyond != NULL;
}

troupe_status_t troupe_join(troupe_worker_t *self, const char *group)
{
    assert(self);
    const tr_self_t *actor = self->self;
    troupe_status_t status =
        is_group_name(group)
            ? tr_groups_join(actor->runtime->groups, group, actor->ref, actor->incarnation)
            : TROUPE_ERR_INVALID;
    if (status == TROUPE_OK && are_groups_elsewhere(self) &&
        (status = tr_wish_join(actor->runtime, group)) != TROUPE_OK) {
        tr_groups_leave(actor->runtime->groups, group, actor->ref);
    }
    return status;
}

troupe_status_t troupe_leave(troupe_worker_t *self, const char *group)
{
    assert(self);
    tr_runtime_t *runtime = self->self->runtime;
    const troupe_ref_t *ref = self->self->ref;
    if (!is_group_name(group) || !tr_groups_has(runtime->groups, group, ref)) {
        return TROUPE_NOT_FOUND;
    }
    troupe_status_t status =
        are_groups_elsewhere(self) ? tr_wish_leave(runtime, group) : TROUPE_OK;
    return status == TROUPE_OK ? tr_groups_leave(runtime->groups, group, ref) : status;
}

typedef struct publication {
    troupe_worker_t *from;
    const troupe_message_t *message;
    size_t n_taken;
} publication_t;

static void publish_to(void *arg, troupe_ref_t *member)
{
    publication_t *publication = arg;
    troupe_message_t *share = member == publication->from->self->ref
                                  ? NULL
                                  : troupe_message_share(publication->message);
    if (share) {
        publication->n_taken += troupe_send(publication->from, member, &share) == TROUPE_OK;
    }
}

static size_t publish(troupe_worker_t *self, const char *group, troupe_message_t *message)
{
    publication_t publication = {.from = self, .message = message};
    tr_groups_each(self->self->runtime->groups, group, publish_to, &publication);
    return publication.n_taken;
}

/* The node knows who they are, and how many. */
static void publish_elsewhere(troupe_worker_t *self, const char *group,
                              troupe_message_t **message_p)
{
    troupe_status_t status = tr_wish_publish(self->self->runtime, group, message_p);
    (void)status; /* what is not taken is told by that */
}

size_t troupe_publish(troupe_worker_t *self, const char *group, troupe_message_t **message_p)
{
    assert(self && message_p);
    troupe_message_t *message = *message_p ? *message_p : troupe_message_new();
    *message_p = NULL;
    size_t n_taken = 0;
    if (message && is_group_name(group) && are_groups_elsewhere(self)) {
        publish_elsewhere(self, group, &message);
    } else if (message && is_group_name(group)) {
        n_taken = publish(self, group, message);
    }
    troupe_message_destroy(&message);
    return n_taken;
}

size_t troupe_group_size(const troupe_worker_t *self, const char *group)
{
    assert(self);
    return is_group_name(group) && !are_groups_elsewhere(self)
               ? tr_groups_size(self->self->runtime->groups, group)
               : 0;
}
