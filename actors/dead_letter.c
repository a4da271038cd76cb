/* The log sheds by itself when there are many; the counter never does. */

#include "actors/dead_letter.h"

#include <assert.h>
#include <stdio.h>

#include "actors/control.h"
#include "mailbox/mail.h"

/* The node counts what is lost in the process of a worker. */
static void tell_node(tr_runtime_t *runtime, const char *to, const char *why)
{
    tr_control_t *word = tr_control_new(TR_WORD_LOST, 0);
    if (word) {
        snprintf(word->name, sizeof word->name, "%s", to);
        word->reason = tr_reason_format(TROUPE_REASON_FAILED, "%s", why);
        tr_control_send(word, runtime->beyond);
    }
}

void tr_dead_letter_tell(tr_runtime_t *runtime, const char *to, const char *from,
                         const char *what, const char *why)
{
    assert(runtime && to && from && what && why);
    if (runtime->beyond) {
        tell_node(runtime, to, why);
        return;
    }
    tr_metric_add(runtime->dead_letters, 1);
    tr_event(runtime->events, TR_LOG_WARNING, "dead_letter", TR_TEXT("to", to),
             TR_TEXT("from", from), TR_TEXT("letter", what), TR_TEXT("why", why));
}

/* Whoever asked hears of it first. */
static void answer(const tr_mail_t *mail, const char *to, const char *why)
{
    char text[TR_REASON_TEXT];
    snprintf(text, sizeof text, "%.120s: %.120s", to, why);
    tr_question_answer(mail->question, TROUPE_OUTCOME_WORKER_LOST, text, NULL);
}

void tr_dead_letter_take(tr_runtime_t *runtime, const char *to, const char *why,
                         tr_letter_t **letter_p)
{
    assert(runtime && to && why && letter_p && *letter_p);
    const tr_mail_t *mail = tr_mail_in(*letter_p);
    if (mail && mail->question) {
        answer(mail, to, why);
    }
    const char *from = mail && mail->from ? troupe_ref_name(mail->from) : "";
    bool is_known_outside = runtime->beyond && mail && mail->receipt > 0;
    if (!is_known_outside) {
        tr_dead_letter_tell(runtime, to, from, (*letter_p)->type->name, why);
    }
    tr_letter_destroy(letter_p);
}
