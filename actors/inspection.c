/* A letter like any other: it owns the message that shows the state. */

#include "actors/inspection.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static void destroy(tr_letter_t *letter)
{
    tr_inspection_t *self = (tr_inspection_t *)letter;
    troupe_message_destroy(&self->state);
    free(self);
}

const tr_letter_type_t tr_inspection_type = {"inspection", destroy};

tr_inspection_t *tr_inspection_new(const tr_self_t *self, uint64_t token)
{
    assert(self);
    tr_inspection_t *inspection = calloc(1, sizeof *inspection);
    if (inspection) {
        tr_letter_init(&inspection->letter, &tr_inspection_type, sizeof *inspection);
        inspection->token = token;
        tr_inspection_count(inspection, self);
    }
    return inspection;
}

void tr_inspection_count(tr_inspection_t *self, const tr_self_t *actor)
{
    assert(self && actor);
    self->is_suspended = actor->is_suspended;
    self->n_waiting = tr_mailbox_depth(actor->mailbox);
    self->n_messages = atomic_load(&actor->pulse->n_messages);
    self->rate = tr_pulse_rate(actor->pulse, tr_clock_now_ms());
}

void tr_inspection_explain(tr_inspection_t *self, const char *format, ...)
{
    assert(self && format);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self->remark, sizeof self->remark, format, arguments);
    va_end(arguments);
    size_t length = strlen(self->remark);
    if (length == sizeof self->remark - 1) {
        self->remark[tr_utf8_cut((tr_span_t){self->remark, length}, length)] = '\0';
    }
    tr_utf8_mend(self->remark, strlen(self->remark));
}

void tr_inspection_send(tr_inspection_t *self, tr_mailbox_t *to, tr_lane_t lane)
{
    assert(self);
    tr_letter_t *letter = &self->letter;
    if (!to || tr_mailbox_post_answer(to, lane, &letter) != TROUPE_OK) {
        tr_letter_destroy(&letter);
    }
}

const tr_inspection_t *tr_inspection_in(const tr_letter_t *letter)
{
    return letter->type == &tr_inspection_type ? (const tr_inspection_t *)letter : NULL;
}
