/* All wait equally long, so the oldest is the first to be late. Routers answer at once: the
 * list is short, and what is looked for is in front.
 */

#include "remote/majordomo/mmi.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define PATIENCE_MS 1000

struct tr_mmi_question {
    tr_mmi_question_t *next;
    tr_peer_t *peer;
    uint64_t token;
    int64_t late_at_ms;
};

/* Takes the one behind `previous` (NULL: the first) out. */
static tr_peer_t *take_behind(tr_mmi_t *self, tr_mmi_question_t *previous)
{
    tr_mmi_question_t *question = previous ? previous->next : self->first;
    tr_peer_t *peer = question->peer;
    if (previous) {
        previous->next = question->next;
    } else {
        self->first = question->next;
    }
    if (self->last == question) {
        self->last = previous;
    }
    self->n_questions--;
    free(question);
    return peer;
}

void tr_mmi_finish(tr_mmi_t *self)
{
    assert(self);
    while (self->first) {
        (void)take_behind(self, NULL);
    }
}

uint64_t tr_mmi_ask(tr_mmi_t *self, tr_peer_t *peer, int64_t now_ms)
{
    assert(self && peer);
    tr_mmi_question_t *question =
        self->n_questions < TR_MMI_MAX_QUESTIONS ? malloc(sizeof *question) : NULL;
    if (!question) {
        return 0;
    }
    *question = (tr_mmi_question_t){
        .peer = peer,
        .token = ++self->last_token,
        .late_at_ms = tr_clock_after(now_ms, PATIENCE_MS),
    };
    if (self->last) {
        self->last->next = question;
    } else {
        self->first = question;
    }
    self->last = question;
    self->n_questions++;
    return question->token;
}

tr_peer_t *tr_mmi_take(tr_mmi_t *self, uint64_t token)
{
    assert(self);
    tr_mmi_question_t *previous = NULL;
    tr_mmi_question_t *question = self->first;
    while (question && question->token != token) {
        previous = question;
        question = question->next;
    }
    return question ? take_behind(self, previous) : NULL;
}

tr_peer_t *tr_mmi_take_late(tr_mmi_t *self, int64_t now_ms)
{
    assert(self);
    return self->first && now_ms >= self->first->late_at_ms ? take_behind(self, NULL) : NULL;
}

int64_t tr_mmi_due_ms(const tr_mmi_t *self)
{
    assert(self);
    return self->first ? self->first->late_at_ms : TR_NEVER;
}

void tr_mmi_forget(tr_mmi_t *self, const tr_peer_t *peer)
{
    assert(self && peer);
    tr_mmi_question_t *previous = NULL;
    tr_mmi_question_t *question = self->first;
    while (question) {
        tr_mmi_question_t *next = question->next;
        if (question->peer == peer) {
            (void)take_behind(self, previous);
        } else {
            previous = question;
        }
        question = next;
    }
}

static bool is_state(const tr_report_t *report, const char *state)
{
    return strcmp(report->state, state) == 0;
}

bool tr_mmi_can_serve(const tr_report_t *report)
{
    assert(report);
    if (is_state(report, "paused")) {
        return report->n_children > 0;
    }
    return is_state(report, "ready") || is_state(report, "loading");
}
