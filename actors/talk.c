/* What actors call to talk to each other: troupe/actor.h.
 *
 * What is about the message in hand is only noted here, and done when `receive` has returned:
 * until then the mailbox may become somebody else's.
 */

#include <troupe/actor.h>

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "actors/groups.h"
#include "actors/worker.h"
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
    assert(self && name);
    return tr_runtime_refer(self->self->runtime, name);
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

static troupe_status_t send_in(troupe_worker_t *self, troupe_ref_t *to, tr_lane_t lane,
                               troupe_message_t **message_p)
{
    assert(self && to && message_p);
    tr_mail_t *mail = mail_of(self, message_p);
    return mail ? tr_runtime_post(self->self->runtime, to, lane, mail) : TROUPE_ERR_NOMEM;
}

troupe_status_t troupe_send(troupe_worker_t *self, troupe_ref_t *to,
                            troupe_message_t **message_p)
{
    return send_in(self, to, TR_LANE_USER, message_p);
}

troupe_status_t troupe_send_urgent(troupe_worker_t *self, troupe_ref_t *to,
                                   troupe_message_t **message_p)
{
    return send_in(self, to, TR_LANE_URGENT, message_p);
}

troupe_status_t troupe_send_named(troupe_worker_t *self, const char *name,
                                  troupe_message_t **message_p)
{
    assert(self && name && message_p);
    tr_mail_t *mail = mail_of(self, message_p);
    return mail ? tr_runtime_post_named(self->self->runtime, name, TR_LANE_USER, mail)
                : TROUPE_ERR_NOMEM;
}

troupe_status_t troupe_forward(troupe_worker_t *self, troupe_ref_t *to)
{
    assert(self && to);
    tr_mail_t *mail = self->in_hand.mail;
    assert(mail && "there is a message in hand, and it was not forwarded");
    if (!mail) {
        return TROUPE_ERR_INVALID;
    }
    /* The message goes on in a mail of its own, as `receive` still reads this one. */
    troupe_message_t *message = troupe_message_share(mail->message);
    if (!message) {
        return TROUPE_ERR_NOMEM;
    }
    troupe_question_t *question = take_question(self);
    tr_mail_t *copy = tr_mail_new(&message, mail->from, &question);
    if (!copy) {
        return TROUPE_ERR_NOMEM;
    }
    copy->forwards = mail->receipt;
    return tr_runtime_post(self->self->runtime, to, TR_LANE_USER, copy);
}

/* ---- asking ---- */

static troupe_question_t *open_ask(troupe_worker_t *self, int64_t timeout_ms,
                                   troupe_answer_fn *on_answer, void *arg)
{
    uint64_t id = tr_worker_next_number(self);
    int64_t deadline_ms =
        tr_clock_after(tr_clock_now_ms(), timeout_ms > 0 ? timeout_ms : DEFAULT_ASK_MS);
    troupe_question_t *question = tr_question_new(self->self->mailbox, id, deadline_ms);
    if (!question) {
        return NULL;
    }
    tr_ask_t ask;
    bool is_open = tr_asks_open(&self->asks, id, on_answer, arg) == TROUPE_OK;
    if (is_open && tr_timers_start(&self->timers, id, deadline_ms, 0, NULL) != TROUPE_OK) {
        tr_asks_close(&self->asks, id, &ask);
        is_open = false;
    }
    if (!is_open) {
        tr_question_release(&question); /* its answer is awaited by nobody */
    }
    return question;
}

static void close_ask(troupe_worker_t *self, uint64_t id)
{
    tr_ask_t ask;
    tr_asks_close(&self->asks, id, &ask);
    tr_timers_cancel(&self->timers, id);
}

static troupe_status_t ask(troupe_worker_t *self, troupe_ref_t *to, const char *name,
                           troupe_message_t **message_p, int64_t timeout_ms,
                           troupe_answer_fn *on_answer, void *arg, uint64_t *id_out)
{
    assert(self && message_p && on_answer && id_out);
    troupe_question_t *question = open_ask(self, timeout_ms, on_answer, arg);
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
    *id_out = id;
    /* However it goes, the answer says so. */
    troupe_status_t status =
        to ? tr_runtime_post(self->self->runtime, to, TR_LANE_USER, mail)
           : tr_runtime_post_named(self->self->runtime, name, TR_LANE_USER, mail);
    (void)status;
    return TROUPE_OK;
}

troupe_status_t troupe_ask(troupe_worker_t *self, troupe_ref_t *to,
                           troupe_message_t **message_p, int64_t timeout_ms,
                           troupe_answer_fn *on_answer, void *arg, uint64_t *id_out)
{
    assert(to);
    return ask(self, to, NULL, message_p, timeout_ms, on_answer, arg, id_out);
}

troupe_status_t troupe_ask_named(troupe_worker_t *self, const char *name,
                                 troupe_message_t **message_p, int64_t timeout_ms,
                                 troupe_answer_fn *on_answer, void *arg, uint64_t *id_out)
{
    assert(name);
    return ask(self, NULL, name, message_p, timeout_ms, on_answer, arg, id_out);
}

/* The final comes by a timer that is due at once: between other callbacks, as all others do. */
static void cancel_ask(troupe_worker_t *self, uint64_t id)
{
    if (tr_timers_cancel(&self->timers, id)) {
        troupe_message_t *mark = troupe_message_new();
        troupe_status_t status =
            tr_timers_start(&self->timers, id, tr_clock_now_ms(), 0, &mark);
        (void)status; /* without memory the answer, or nothing, comes */
    }
}

void troupe_worker_cancel(troupe_worker_t *self, uint64_t id)
{
    assert(self);
    if (tr_idmap_get(&self->asks.open, id)) {
        cancel_ask(self, id);
    } else {
        tr_errands_cancel(&self->errands, id);
    }
}

/* ---- answering ---- */

bool troupe_answer(troupe_worker_t *self, troupe_message_t **answer_p)
{
    assert(self && answer_p);
    tr_mail_t *mail = self->in_hand.mail;
    if (!mail || !mail->question) {
        troupe_message_destroy(answer_p);
        return false;
    }
    return tr_question_answer(mail->question, TROUPE_OUTCOME_OK, NULL, answer_p);
}

bool troupe_refuse(troupe_worker_t *self, const char *format, ...)
{
    assert(self && format);
    tr_mail_t *mail = self->in_hand.mail;
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
    assert(self && self->in_hand.mail);
    if (!tr_mailbox_has_room(self->self->mailbox)) {
        return TROUPE_FULL;
    }
    self->in_hand.is_stashed = true;
    return TROUPE_OK;
}

void troupe_unstash(troupe_worker_t *self)
{
    assert(self);
    self->must_put_back = true;
}

/* ---- timers ---- */

troupe_status_t troupe_timer_start(troupe_worker_t *self, int64_t delay_ms, int64_t period_ms,
                                   troupe_message_t **message_p, uint64_t *id_out)
{
    assert(self && period_ms >= 0 && id_out);
    uint64_t id = tr_worker_next_number(self);
    int64_t due_ms = tr_clock_after(tr_clock_now_ms(), delay_ms);
    troupe_status_t status = tr_timers_start(&self->timers, id, due_ms, period_ms, message_p);
    if (status == TROUPE_OK) {
        *id_out = id;
    }
    return status;
}

bool troupe_timer_cancel(troupe_worker_t *self, uint64_t id)
{
    assert(self);
    return !tr_idmap_get(&self->asks.open, id) && tr_timers_cancel(&self->timers, id);
}

/* ---- monitors and links ---- */

/* One outside of this process, of whose end nobody here would be told. */
static bool is_out_of_sight(const troupe_worker_t *self, const troupe_ref_t *whom)
{
    return self->self->runtime->beyond && whom->mailbox == self->self->runtime->beyond;
}

troupe_status_t troupe_monitor(troupe_worker_t *self, troupe_ref_t *whom, uint64_t *id_out)
{
    assert(self && whom && id_out);
    if (is_out_of_sight(self, whom)) {
        return TROUPE_ERR_INVALID;
    }
    uint64_t id = tr_worker_next_number(self);
    troupe_status_t status = tr_watching_monitor(&self->watching, whom, id);
    if (status == TROUPE_OK) {
        *id_out = id;
    }
    return status;
}

bool troupe_demonitor(troupe_worker_t *self, uint64_t id)
{
    assert(self);
    return tr_watching_stop(&self->watching, id);
}

troupe_status_t troupe_link(troupe_worker_t *self, troupe_ref_t *whom)
{
    assert(self && whom);
    if (is_out_of_sight(self, whom)) {
        return TROUPE_ERR_INVALID;
    }
    return whom == self->self->ref ? TROUPE_OK : tr_watching_link(&self->watching, whom);
}

void troupe_unlink(troupe_worker_t *self, troupe_ref_t *whom)
{
    assert(self && whom);
    tr_watching_unlink(&self->watching, whom);
}

/* ---- groups ---- */

static bool is_group_name(const char *group)
{
    size_t size = strlen(group);
    return size > 0 && size < TR_DIRECTORY_NAME_SIZE;
}

troupe_status_t troupe_join(troupe_worker_t *self, const char *group)
{
    assert(self && group);
    bool has_groups = !self->self->runtime->beyond; /* those are the node's */
    return has_groups && is_group_name(group)
               ? tr_groups_join(self->self->runtime->groups, group, self->self->ref,
                                self->self->incarnation)
               : TROUPE_ERR_INVALID;
}

troupe_status_t troupe_leave(troupe_worker_t *self, const char *group)
{
    assert(self && group);
    return tr_groups_leave(self->self->runtime->groups, group, self->self->ref);
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

size_t troupe_publish(troupe_worker_t *self, const char *group, troupe_message_t **message_p)
{
    assert(self && group && message_p);
    troupe_message_t *message = *message_p ? *message_p : troupe_message_new();
    *message_p = NULL;
    publication_t publication = {.from = self, .message = message};
    if (message) {
        tr_groups_each(self->self->runtime->groups, group, publish_to, &publication);
        troupe_message_destroy(&message);
    }
    return publication.n_taken;
}

size_t troupe_group_size(const troupe_worker_t *self, const char *group)
{
    assert(self && group);
    return tr_groups_size(self->self->runtime->groups, group);
}
