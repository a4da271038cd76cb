/* A probe is an actor without a thread: it has a name, a reference and a life, which lasts from
 * its making to its end, and whoever holds it takes the letters.
 *
 * What comes while an answer is waited for is put aside in the mailbox, where it still takes
 * its place, and so its bound holds.
 */

#include "node/testkit/probe.h"

#include <assert.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/groups.h"
#include "actors/worker/watching.h"
#include "base/clock.h"
#include "mailbox/mail.h"
#include "mailbox/reply.h"
#include "node/node.h"

#define MAILBOX_LETTERS  100000
#define MAILBOX_BYTES    ((size_t)1 << 30)
#define DEFAULT_ASK_MS   5000
#define LONGEST_SLEEP_MS 60000
#define COMPLAINT_SIZE   512
#define SHOWN_BYTES      64 /* of a text */

struct troupe_probe {
    tr_runtime_t *runtime;
    troupe_ref_t *ref;
    uint64_t incarnation;
    uint64_t last_number; /* of an ask or a monitor */
    tr_watching_t watching;
    tr_mail_t *in_hand; /* or NULL */
    bool is_forwarded;  /* what is in hand */
    const tr_probe_time_t *time;
    void *time_arg;
    char complaint[COMPLAINT_SIZE];
};

/* ---- in a node ---- */

static int64_t real_now_ms(void *arg)
{
    (void)arg;
    return tr_clock_real_ms();
}

static int64_t after_ms(const troupe_probe_t *self, int64_t delay_ms)
{
    return tr_clock_after(self->time->now_ms(self->time_arg), delay_ms);
}

static void sleep_for_letters(void *arg, tr_mailbox_t *mailbox, int64_t until_ms)
{
    int64_t left_ms = until_ms - real_now_ms(arg);
    if (left_ms > 0 && tr_mailbox_park(mailbox)) {
        struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
        poll(&bell, 1, left_ms > LONGEST_SLEEP_MS ? LONGEST_SLEEP_MS : (int)left_ms);
        tr_mailbox_unpark(mailbox);
    }
}

static const tr_probe_time_t real_time = {
    .now_ms = real_now_ms,
    .wait = sleep_for_letters,
};

/* ---- life ---- */

static troupe_ref_t *claim(tr_runtime_t *runtime, const char *name)
{
    troupe_ref_t *ref;
    return *name && strlen(name) < TR_DIRECTORY_NAME_SIZE &&
                   tr_directory_claim(runtime->directory, name, "",
                                      (tr_mailbox_limits_t){MAILBOX_LETTERS, MAILBOX_BYTES},
                                      false, &ref) == TROUPE_OK
               ? ref
               : NULL;
}

troupe_probe_t *tr_probe_new(tr_runtime_t *runtime, const char *name,
                             const tr_probe_time_t *time, void *arg)
{
    assert(runtime && time);
    uint64_t incarnation = tr_runtime_next_incarnation(runtime);
    char numbered[32];
    snprintf(numbered, sizeof numbered, "probe/%llu", (unsigned long long)incarnation);
    troupe_probe_t *self = calloc(1, sizeof *self);
    troupe_ref_t *ref = self ? claim(runtime, name ? name : numbered) : NULL;
    if (!ref) {
        free(self);
        return NULL;
    }
    self->runtime = tr_runtime_share(runtime);
    self->ref = ref;
    self->incarnation = incarnation;
    self->time = time;
    self->time_arg = arg;
    tr_watching_init(&self->watching, ref->mailbox, ref, incarnation);
    tr_ref_begin(ref, incarnation);
    return self;
}

troupe_probe_t *troupe_probe_new(troupe_node_t *node, const char *name)
{
    assert(node && node->runtime);
    return tr_probe_new(node->runtime, name, &real_time, NULL);
}

/* Whoever asked may hold the question too, and so hears it said. */
static void answer_as_lost(troupe_probe_t *self, troupe_question_t *question)
{
    char text[200];
    snprintf(text, sizeof text, "%.120s has let go of the question without an answer",
             self->ref->name);
    tr_question_answer(question, TROUPE_OUTCOME_WORKER_LOST, text, NULL);
}

static void let_go_of_hand(troupe_probe_t *self)
{
    if (self->in_hand) {
        tr_letter_t *letter = &self->in_hand->letter;
        if (self->in_hand->question) {
            answer_as_lost(self, self->in_hand->question);
        }
        self->in_hand = NULL;
        self->is_forwarded = false;
        tr_letter_destroy(&letter);
    }
}

/* As an actor ends: nobody new finds it, what is left is nobody's, and then those who watch are
 * told. */
static void end_life(troupe_probe_t *self)
{
    const tr_reason_t reason = tr_reason_of(TROUPE_REASON_NORMAL);
    tr_groups_forget(self->runtime->groups, self->ref, self->incarnation);
    troupe_ref_t *known = tr_directory_take_out(self->runtime->directory, self->ref);
    tr_ref_end(self->ref, self->incarnation, &reason);
    if (known) {
        tr_runtime_bury(self->runtime, known, "the probe has ended");
    }
}

void troupe_probe_destroy(troupe_probe_t **self_p)
{
    assert(self_p);
    troupe_probe_t *self = *self_p;
    if (self) {
        let_go_of_hand(self);
        tr_watching_finish(&self->watching);
        end_life(self);
        troupe_ref_release(&self->ref);
        tr_runtime_release(&self->runtime);
        free(self);
        *self_p = NULL;
    }
}

troupe_ref_t *troupe_probe_ref(const troupe_probe_t *self)
{
    assert(self);
    return self->ref;
}

troupe_ref_t *troupe_probe_find(troupe_probe_t *self, const char *name)
{
    assert(self);
    return name ? tr_directory_refer(self->runtime->directory, tr_span_of(name)) : NULL;
}

/* ---- sending ---- */

/* Takes the mail. */
static troupe_status_t post(troupe_probe_t *self, troupe_ref_t *to, tr_mail_t *mail)
{
    if (!mail) {
        return TROUPE_ERR_NOMEM;
    }
    return to ? tr_runtime_post(self->runtime, to, TR_LANE_USER, mail)
              : tr_runtime_drop(self->runtime, "it was sent to nobody", mail);
}

troupe_status_t troupe_probe_send(troupe_probe_t *self, troupe_ref_t *to,
                                  troupe_message_t **message_p)
{
    assert(self && message_p);
    return post(self, to, tr_mail_new(message_p, self->ref, NULL));
}

troupe_status_t troupe_probe_send_text(troupe_probe_t *self, troupe_ref_t *to, const char *text)
{
    assert(text);
    troupe_message_t *message = troupe_message_from_text(text);
    return message ? troupe_probe_send(self, to, &message) : TROUPE_ERR_NOMEM;
}

/* ---- asking ---- */

static troupe_status_t pose(troupe_probe_t *self, troupe_ref_t *to, uint64_t id,
                            troupe_message_t **message_p, int64_t timeout_ms)
{
    troupe_question_t *question =
        tr_question_new(self->ref->mailbox, id, tr_clock_after(tr_clock_now_ms(), timeout_ms));
    if (!question) {
        troupe_message_destroy(message_p);
        return TROUPE_ERR_NOMEM;
    }
    tr_mail_t *mail = tr_mail_new(message_p, self->ref, &question);
    if (!mail) {
        return TROUPE_ERR_NOMEM;
    }
    troupe_status_t status = post(self, to, mail);
    (void)status; /* however it went, the answer says so */
    return TROUPE_OK;
}

static tr_letter_t *next_letter(troupe_probe_t *self, int64_t until_ms)
{
    for (;;) {
        tr_letter_t *letter = tr_mailbox_next(self->ref->mailbox, NULL);
        if (letter || self->time->now_ms(self->time_arg) >= until_ms) {
            return letter;
        }
        self->time->wait(self->time_arg, self->ref->mailbox, until_ms);
    }
}

/* The answer to that ask; NULL: none in time. Older ones are late, and dropped. */
static troupe_reply_t *await_reply(troupe_probe_t *self, uint64_t id, int64_t until_ms)
{
    tr_letter_t *letter;
    while ((letter = next_letter(self, until_ms)) != NULL) {
        if (letter->type != &tr_reply_type) {
            tr_mailbox_put_aside(self->ref->mailbox, &letter);
        } else if (((troupe_reply_t *)letter)->id == id) {
            return (troupe_reply_t *)letter;
        } else {
            tr_letter_destroy(&letter);
        }
    }
    return NULL;
}

static troupe_reply_t *say_timeout(uint64_t id, const troupe_ref_t *whom, int64_t timeout_ms)
{
    char text[200];
    snprintf(text, sizeof text, "%.120s has not answered within %lld ms",
             whom ? whom->name : "nobody", (long long)timeout_ms);
    return tr_reply_new(id, true, TROUPE_OUTCOME_TIMEOUT, text, NULL);
}

troupe_status_t troupe_probe_ask(troupe_probe_t *self, troupe_ref_t *to,
                                 troupe_message_t **message_p, int64_t timeout_ms,
                                 troupe_reply_t **out)
{
    assert(self && message_p && timeout_ms >= 0 && out);
    timeout_ms = timeout_ms > 0 ? timeout_ms : DEFAULT_ASK_MS;
    uint64_t id = ++self->last_number;
    int64_t until_ms = after_ms(self, timeout_ms);
    troupe_status_t status = pose(self, to, id, message_p, timeout_ms);
    if (status != TROUPE_OK) {
        return status;
    }
    troupe_reply_t *reply = await_reply(self, id, until_ms);
    tr_mailbox_put_back(self->ref->mailbox);
    *out = reply ? reply : say_timeout(id, to, timeout_ms);
    return *out ? TROUPE_OK : TROUPE_ERR_NOMEM;
}

/* ---- the message in hand ---- */

bool troupe_probe_answer(troupe_probe_t *self, troupe_message_t **answer_p)
{
    assert(self && answer_p);
    if (!self->in_hand || !self->in_hand->question) {
        troupe_message_destroy(answer_p);
        return false;
    }
    return tr_question_answer(self->in_hand->question, TROUPE_OUTCOME_OK, NULL, answer_p);
}

bool troupe_probe_refuse(troupe_probe_t *self, const char *text)
{
    assert(self && text);
    return self->in_hand && self->in_hand->question &&
           tr_question_answer(self->in_hand->question, TROUPE_OUTCOME_WORKER_ERROR, text, NULL);
}

troupe_question_t *troupe_probe_take_question(troupe_probe_t *self)
{
    assert(self);
    troupe_question_t *question = self->in_hand ? self->in_hand->question : NULL;
    if (question) {
        self->in_hand->question = NULL;
    }
    return question;
}

/* In a mail of its own, as this one can still be read. */
troupe_status_t troupe_probe_forward(troupe_probe_t *self, troupe_ref_t *to)
{
    assert(self);
    if (!self->in_hand || !tr_mail_is_sent(self->in_hand) || self->is_forwarded) {
        return TROUPE_ERR_INVALID;
    }
    troupe_message_t *message = troupe_message_share(self->in_hand->message);
    if (!message) {
        return TROUPE_ERR_NOMEM;
    }
    self->is_forwarded = true;
    troupe_question_t *question = troupe_probe_take_question(self);
    return post(self, to, tr_mail_new(&message, self->in_hand->from, &question));
}

/* ---- watching, and groups ---- */

troupe_status_t troupe_probe_monitor(troupe_probe_t *self, troupe_ref_t *whom, uint64_t *id_out)
{
    assert(self);
    if (!whom) {
        return TROUPE_ERR_INVALID;
    }
    uint64_t id = ++self->last_number;
    troupe_status_t status = tr_watching_monitor(&self->watching, whom, id);
    if (status == TROUPE_OK && id_out) {
        *id_out = id;
    }
    return status;
}

bool troupe_probe_demonitor(troupe_probe_t *self, uint64_t id)
{
    assert(self);
    return tr_watching_stop(&self->watching, id);
}

troupe_status_t troupe_probe_join(troupe_probe_t *self, const char *group)
{
    assert(self);
    size_t size = group ? strlen(group) : 0;
    return size > 0 && size < TR_DIRECTORY_NAME_SIZE
               ? tr_groups_join(self->runtime->groups, group, self->ref, self->incarnation)
               : TROUPE_ERR_INVALID;
}

troupe_status_t troupe_probe_leave(troupe_probe_t *self, const char *group)
{
    assert(self);
    return group ? tr_groups_leave(self->runtime->groups, group, self->ref) : TROUPE_NOT_FOUND;
}

typedef struct publication {
    troupe_probe_t *from;
    const troupe_message_t *message;
    size_t n_taken;
} publication_t;

static void publish_to(void *arg, troupe_ref_t *member)
{
    publication_t *publication = arg;
    troupe_message_t *share =
        member == publication->from->ref ? NULL : troupe_message_share(publication->message);
    if (share) {
        publication->n_taken +=
            troupe_probe_send(publication->from, member, &share) == TROUPE_OK;
    }
}

size_t troupe_probe_publish(troupe_probe_t *self, const char *group,
                            troupe_message_t **message_p)
{
    assert(self && message_p);
    troupe_message_t *message = *message_p ? *message_p : troupe_message_new();
    *message_p = NULL;
    publication_t publication = {.from = self, .message = message};
    if (message && group) {
        tr_groups_each(self->runtime->groups, group, publish_to, &publication);
    }
    troupe_message_destroy(&message);
    return publication.n_taken;
}

/* ---- what comes ---- */

/* That of somebody who has linked to it: a good end is none to hear of. */
static bool is_of_a_good_end(const tr_mail_t *notice)
{
    return notice->is_link && notice->reason->kind == TROUPE_REASON_NORMAL;
}

/* A late answer is nobody's; nor is a notice that is not wanted any more. */
static bool is_wanted(troupe_probe_t *self, tr_letter_t *letter)
{
    tr_mail_t *mail = tr_mail_in(letter);
    bool is_notice = mail && mail->kind == TROUPE_MESSAGE_DOWN;
    return is_notice ? tr_watching_take(&self->watching, mail) && !is_of_a_good_end(mail)
                     : mail != NULL;
}

/* Whether something came, and is in hand. */
static bool take_until(troupe_probe_t *self, int64_t until_ms)
{
    let_go_of_hand(self);
    tr_letter_t *letter;
    while ((letter = next_letter(self, until_ms)) != NULL) {
        if (is_wanted(self, letter)) {
            self->in_hand = tr_mail_in(letter);
            return true;
        }
        tr_letter_destroy(&letter);
    }
    return false;
}

static bool take_within(troupe_probe_t *self, int64_t timeout_ms)
{
    assert(timeout_ms >= 0);
    return take_until(self, after_ms(self, timeout_ms));
}

/* What is in hand, for a complaint. */
static void show(const troupe_probe_t *self, char *shown, size_t size)
{
    const tr_mail_t *mail = self->in_hand;
    if (!mail) {
        snprintf(shown, size, "nothing came");
        return;
    }
    static const char *const kinds[] = {"message", "ask", "tick", "DOWN"};
    size_t n_bytes = troupe_message_size(mail->message, 0);
    snprintf(shown, size, "%s \"%.*s\" came from %s", kinds[mail->kind],
             n_bytes > SHOWN_BYTES ? SHOWN_BYTES : (int)n_bytes,
             (const char *)troupe_message_data(mail->message, 0),
             mail->from ? troupe_ref_name(mail->from) : "nobody");
}

/* The status of something else, or nothing, having come, and words for it. */
TROUPE_PRINTF(2, 3)
static troupe_status_t complain(troupe_probe_t *self, const char *format, ...)
{
    char wanted[COMPLAINT_SIZE / 2 - 1];
    char shown[COMPLAINT_SIZE / 2 - 1];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(wanted, sizeof wanted, format, arguments);
    va_end(arguments);
    show(self, shown, sizeof shown);
    snprintf(self->complaint, sizeof self->complaint, "%s; %s", wanted, shown);
    return self->in_hand ? TROUPE_ERR_PROTOCOL : TROUPE_TIMEOUT;
}

troupe_status_t troupe_probe_expect(troupe_probe_t *self, int64_t timeout_ms,
                                    const troupe_message_t **out)
{
    assert(self);
    self->complaint[0] = '\0';
    if (!take_within(self, timeout_ms)) {
        return complain(self, "a message was expected within %lld ms", (long long)timeout_ms);
    }
    if (out) {
        *out = self->in_hand->message;
    }
    return TROUPE_OK;
}

static bool says(const tr_mail_t *mail, const char *text)
{
    size_t size = strlen(text);
    return (mail->kind == TROUPE_MESSAGE_PLAIN || mail->kind == TROUPE_MESSAGE_ASK) &&
           troupe_message_size(mail->message, 0) == size &&
           memcmp(troupe_message_data(mail->message, 0), text, size) == 0;
}

troupe_status_t troupe_probe_expect_text(troupe_probe_t *self, int64_t timeout_ms,
                                         const char *text)
{
    assert(self && text);
    self->complaint[0] = '\0';
    return take_within(self, timeout_ms) && says(self->in_hand, text)
               ? TROUPE_OK
               : complain(self, "\"%.*s\" was expected within %lld ms", SHOWN_BYTES, text,
                          (long long)timeout_ms);
}

troupe_status_t troupe_probe_expect_down(troupe_probe_t *self, int64_t timeout_ms,
                                         const troupe_ref_t *whom, troupe_reason_t *reason_out)
{
    assert(self);
    self->complaint[0] = '\0';
    bool is_down = take_within(self, timeout_ms) && self->in_hand->kind == TROUPE_MESSAGE_DOWN;
    if (!is_down || (whom && self->in_hand->from != whom)) {
        return complain(self, "the DOWN of %.127s was expected within %lld ms",
                        whom ? troupe_ref_name(whom) : "somebody", (long long)timeout_ms);
    }
    if (reason_out) {
        *reason_out = troupe_message_reason(self->in_hand->message);
    }
    return TROUPE_OK;
}

troupe_status_t troupe_probe_expect_nothing(troupe_probe_t *self, int64_t within_ms)
{
    assert(self && within_ms >= 0);
    self->complaint[0] = '\0';
    int64_t wait_ms = within_ms;
    if (self->time == &real_time && troupe_clock_is_held()) {
        if (troupe_clock_advance(within_ms) != TROUPE_OK) {
            let_go_of_hand(self);
            return complain(self, "the actors did not come to rest");
        }
        wait_ms = 0;
    }
    if (take_within(self, wait_ms)) {
        return complain(self, "nothing was expected within %lld ms", (long long)within_ms);
    }
    return TROUPE_OK;
}

const troupe_message_t *troupe_probe_in_hand(const troupe_probe_t *self)
{
    assert(self);
    return self->in_hand ? self->in_hand->message : NULL;
}

const char *troupe_probe_complaint(const troupe_probe_t *self)
{
    assert(self);
    return self->complaint;
}
