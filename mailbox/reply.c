/* The one type that answers a call, in the process or from afar. */

#include "mailbox/reply.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slab.h"
#include "mailbox/job.h"
#include "mailbox/message.h"

#define TEXT_MAX   1024
#define ADVICE_MAX 80

static void destroy_letter(tr_letter_t *letter)
{
    troupe_reply_t *self = (troupe_reply_t *)letter;
    troupe_reply_destroy(&self);
}

const tr_letter_type_t tr_reply_type = {"reply", destroy_letter};

troupe_reply_t *tr_reply_new(uint64_t id, bool is_final, troupe_outcome_t outcome,
                             const char *text, troupe_message_t **message_p)
{
    troupe_message_t *message = NULL;
    if (message_p) {
        message = *message_p;
        *message_p = NULL;
    }
    troupe_reply_t *self = tr_slab_alloc(sizeof *self);
    char *kept_text = self && text && *text ? strdup(text) : NULL;
    if (!self || (text && *text && !kept_text)) {
        tr_slab_free(self, sizeof *self);
        troupe_message_destroy(&message);
        return NULL;
    }
    *self = (troupe_reply_t){.text = kept_text};
    size_t bytes = sizeof *self + (message ? troupe_message_bytes(message) : 0);
    tr_letter_init(&self->letter, &tr_reply_type, bytes);
    self->id = id;
    self->is_final = is_final;
    self->outcome = outcome;
    self->message = message;
    return self;
}

void tr_reply_compose(char *text, size_t size, troupe_outcome_t outcome, const char *why)
{
    assert(text && size > ADVICE_MAX);
    const char *advice = troupe_outcome_advice(outcome);
    why = why ? why : "";
    snprintf(text, size, "%.*s%s%s", (int)(size - ADVICE_MAX), why, *why && *advice ? "; " : "",
             advice);
}

troupe_reply_t *tr_reply_verdict(uint64_t id, troupe_outcome_t outcome, int64_t hint_ms,
                                 const char *why)
{
    char text[TEXT_MAX];
    tr_reply_compose(text, sizeof text, outcome, why);
    troupe_reply_t *self = tr_reply_new(id, true, outcome, text, NULL);
    if (self) {
        self->hint_ms = hint_ms;
    }
    return self;
}

uint64_t tr_reply_flow_bytes(const troupe_reply_t *self)
{
    assert(self);
    return self->message ? troupe_message_bytes(self->message) : 0;
}

troupe_reply_t *tr_reply_copy(const troupe_reply_t *self, uint64_t id)
{
    assert(self);
    troupe_message_t *message = self->message ? troupe_message_share(self->message) : NULL;
    if (self->message && !message) {
        return NULL;
    }
    troupe_reply_t *copy =
        tr_reply_new(id, self->is_final, self->outcome, self->text, &message);
    if (copy) {
        copy->sequence = self->sequence;
        copy->hint_ms = self->hint_ms;
    }
    return copy;
}

void troupe_reply_destroy(troupe_reply_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        troupe_message_destroy(&(*self_p)->message);
        tr_job_release(&(*self_p)->job);
        free((*self_p)->text);
        free((*self_p)->reason);
        tr_slab_free(*self_p, sizeof **self_p);
        *self_p = NULL;
    }
}

uint64_t troupe_reply_id(const troupe_reply_t *self)
{
    assert(self);
    return self->id;
}

bool troupe_reply_is_final(const troupe_reply_t *self)
{
    assert(self);
    return self->is_final;
}

troupe_standing_t troupe_reply_standing(const troupe_reply_t *self)
{
    assert(self);
    return self->standing;
}

uint64_t troupe_reply_position(const troupe_reply_t *self)
{
    assert(self);
    return self->position;
}

static const char *const standing_names[] = {
    [TROUPE_STANDING_UNTOLD] = "",
    [TROUPE_STANDING_QUEUED] = "queued",
    [TROUPE_STANDING_STARTING] = "starting",
    [TROUPE_STANDING_RUNNING] = "running",
};

enum { N_STANDINGS = sizeof standing_names / sizeof standing_names[0] };

const char *troupe_standing_name(troupe_standing_t standing)
{
    return standing_names[(size_t)standing < N_STANDINGS ? standing : TROUPE_STANDING_UNTOLD];
}

bool troupe_standing_parse(const char *name, troupe_standing_t *out)
{
    assert(name && out);
    for (size_t i = TROUPE_STANDING_UNTOLD + 1; i < N_STANDINGS; i++) {
        if (strcmp(standing_names[i], name) == 0) {
            *out = (troupe_standing_t)i;
            return true;
        }
    }
    return false;
}

uint64_t troupe_reply_sequence(const troupe_reply_t *self)
{
    assert(self);
    return self->sequence;
}

troupe_outcome_t troupe_reply_outcome(const troupe_reply_t *self)
{
    assert(self);
    return self->outcome;
}

const char *troupe_reply_text(const troupe_reply_t *self)
{
    assert(self);
    return self->text ? self->text : "";
}

int64_t troupe_reply_hint_ms(const troupe_reply_t *self)
{
    assert(self);
    return self->hint_ms;
}

const troupe_message_t *troupe_reply_message(const troupe_reply_t *self)
{
    /* Read only, and without frames: all replies without a payload may share it. */
    static const troupe_message_t nothing = {.n_frames = 0};
    assert(self);
    return self->message ? self->message : &nothing;
}

static const char *const priority_names[] = {
    [TROUPE_PRIORITY_CRITICAL] = "critical", [TROUPE_PRIORITY_HIGH] = "high",
    [TROUPE_PRIORITY_NORMAL] = "normal",     [TROUPE_PRIORITY_LOW] = "low",
    [TROUPE_PRIORITY_BATCH] = "batch",
};

const char *troupe_priority_name(troupe_priority_t priority)
{
    bool is_known = priority >= TROUPE_PRIORITY_CRITICAL && priority <= TROUPE_PRIORITY_BATCH;
    return priority_names[is_known ? priority : TROUPE_PRIORITY_NORMAL];
}

bool troupe_priority_parse(const char *name, troupe_priority_t *out)
{
    assert(name && out);
    for (int i = TROUPE_PRIORITY_CRITICAL; i <= TROUPE_PRIORITY_BATCH; i++) {
        if (strcmp(priority_names[i], name) == 0) {
            *out = (troupe_priority_t)i;
            return true;
        }
    }
    return false;
}
