/* One allocation holds the envelope and its texts. */

#include "mailbox/envelope.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/slab.h"
#include "mailbox/reply.h"

#define TEXT_MAX 1024

static void answer_lost(tr_envelope_t *self)
{
    tr_envelope_answer(self, TROUPE_OUTCOME_INTERNAL, 0,
                       "the request was lost inside the node");
}

/* Nobody will read it; others who hold it do not answer it. */
static void release_letter(tr_letter_t *letter)
{
    tr_envelope_t *self = tr_envelope_of(letter);
    answer_lost(self);
    tr_envelope_release(&self);
}

const tr_letter_type_t tr_envelope_type = {"request", release_letter};

static const char *keep(char **cursor, tr_span_t span)
{
    if (span.size == 0) {
        return "";
    }
    char *text = *cursor;
    memcpy(text, span.data, span.size);
    text[span.size] = '\0';
    *cursor += span.size + 1;
    return text;
}

static tr_span_t keep_span(char **cursor, tr_span_t span)
{
    return (tr_span_t){keep(cursor, span), span.size};
}

/* A caller with a name shares runs with itself alone: what the worker says may be for it only.
 * A NUL is in no name. */
static tr_span_t keep_dedup(char **cursor, const tr_header_t *header)
{
    if (header->caller.size == 0 || header->dedup.size == 0) {
        return keep_span(cursor, header->dedup);
    }
    char *text = *cursor;
    (void)keep(cursor, header->caller);
    (void)keep(cursor, header->dedup);
    return (tr_span_t){text, header->caller.size + 1 + header->dedup.size};
}

static size_t size_of_texts(const tr_header_t *header)
{
    return header->capability.size + header->method.size + header->traceparent.size +
           header->sticky.size + header->dedup.size + 2 * header->caller.size + 7;
}

tr_envelope_t *tr_envelope_new(uint64_t id, tr_mailbox_t *reply_to, const tr_header_t *header,
                               troupe_message_t **message_p)
{
    assert(reply_to && header && message_p);
    size_t texts = size_of_texts(header);
    tr_envelope_t *self = tr_slab_alloc(sizeof *self + texts);
    if (self && !*message_p) {
        *message_p = troupe_message_new();
    }
    if (!self || !*message_p) {
        tr_slab_free(self, sizeof *self + texts);
        troupe_message_destroy(message_p);
        return NULL;
    }
    memset(self, 0, sizeof *self);
    self->size = sizeof *self + texts;
    char *cursor = (char *)(self + 1);
    tr_letter_init(&self->letter, &tr_envelope_type,
                   sizeof *self + texts + troupe_message_bytes(*message_p));
    atomic_init(&self->holders, 1);
    atomic_init(&self->is_answered, false);
    if (header->is_shut) {
        tr_flow_init_shut(&self->flow);
    } else {
        tr_flow_init(&self->flow, header->credit);
    }
    self->id = id;
    self->reply_to = tr_mailbox_share(reply_to);
    self->capability = keep(&cursor, header->capability);
    self->method = keep(&cursor, header->method);
    self->traceparent = keep(&cursor, header->traceparent);
    self->sticky = keep_span(&cursor, header->sticky);
    self->dedup = keep_dedup(&cursor, header);
    self->caller = keep(&cursor, header->caller);
    self->peer = header->peer;
    self->wants_status = header->wants_status;
    self->depth = header->depth;
    self->parent = header->parent;
    self->timeout_ms = header->timeout_ms;
    self->sent_ms = tr_clock_now_ms();
    self->deadline_ms = TR_NEVER;
    self->priority =
        header->priority == TROUPE_PRIORITY_DEFAULT ? TROUPE_PRIORITY_NORMAL : header->priority;
    self->message = *message_p;
    *message_p = NULL;
    self->place_in_line = self->place_by_arrival = self->place_by_due = TR_LINEUP_NOWHERE;
    self->due_ms = TR_NEVER;
    return self;
}

tr_envelope_t *tr_envelope_share(tr_envelope_t *self)
{
    assert(self);
    atomic_fetch_add_explicit(&self->holders, 1, memory_order_relaxed);
    return self;
}

void tr_envelope_release(tr_envelope_t **self_p)
{
    assert(self_p);
    tr_envelope_t *self = *self_p;
    *self_p = NULL;
    if (!self || atomic_fetch_sub_explicit(&self->holders, 1, memory_order_acq_rel) != 1) {
        return;
    }
    assert(!self->line && !self->place_by_due.is_in);
    assert(!self->lead && !self->sharers);
    answer_lost(self);
    troupe_message_destroy(&self->message);
    tr_mailbox_release(&self->reply_to);
    tr_mailbox_release(&self->router);
    tr_slab_free(self, self->size);
}

/* The mailbox has taken the share that was made for it, or it is let go of again. */
static troupe_status_t note_posted(tr_envelope_t *share, troupe_status_t status)
{
    if (status != TROUPE_OK) {
        tr_envelope_release(&share);
    }
    return status;
}

troupe_status_t tr_envelope_post(tr_envelope_t *self, tr_mailbox_t *to)
{
    tr_letter_t *letter = &tr_envelope_share(self)->letter;
    return note_posted(self, tr_mailbox_post(to, TR_LANE_USER, &letter));
}

troupe_status_t tr_envelope_leave(tr_envelope_t *self, tr_mailbox_t *to)
{
    tr_letter_t *letter = &tr_envelope_share(self)->letter;
    return note_posted(self, tr_mailbox_leave(to, TR_LANE_USER, &letter));
}

static troupe_status_t post_within(tr_envelope_t *self, tr_mailbox_t *to, int64_t wait_ms)
{
    if (wait_ms == 0) {
        return tr_envelope_post(self, to);
    }
    tr_letter_t *letter = &tr_envelope_share(self)->letter;
    int64_t until_ms = tr_clock_after(self->sent_ms, wait_ms);
    return note_posted(self,
                       tr_mailbox_post_wait(to, TR_LANE_USER, &letter, until_ms, NULL, NULL));
}

static int64_t time_to_wait(const tr_envelope_t *self, const tr_mailbox_t *to)
{
    int64_t wait_ms = tr_mailbox_wait_ms(to);
    return self->timeout_ms > 0 && self->timeout_ms < wait_ms ? self->timeout_ms : wait_ms;
}

/* The router's mailbox bounds what is on its way; its queue bounds what waits. */
void tr_envelope_submit(tr_envelope_t *self, tr_mailbox_t *to, bool may_wait)
{
    assert(!self->router);
    self->router = to ? tr_mailbox_share(to) : NULL;
    switch (to ? post_within(self, to, may_wait ? time_to_wait(self, to) : 0)
               : TROUPE_NOT_FOUND) {
    case TROUPE_OK:
        break;
    case TROUPE_NOT_FOUND:
        tr_envelope_answer(self, TROUPE_OUTCOME_NO_CAPABILITY, 0, "nobody offers '%s' here",
                           self->capability);
        break;
    case TROUPE_FULL:
        tr_envelope_answer(self, TROUPE_OUTCOME_OVERLOADED, 1,
                           "%s has as many requests waiting and on their way as it may",
                           self->capability);
        break;
    case TROUPE_TIMEOUT:
        tr_envelope_answer(self, TROUPE_OUTCOME_TIMEOUT, 0,
                           "it waited for room in the queue of %s until the deadline",
                           self->capability);
        break;
    default:
        tr_envelope_answer(self, TROUPE_OUTCOME_SHUTTING_DOWN, 0, "%s is stopping",
                           self->capability);
        break;
    }
}

tr_envelope_t *tr_envelope_of(tr_letter_t *letter)
{
    assert(letter && letter->type == &tr_envelope_type);
    return (tr_envelope_t *)letter;
}

/* Finals are never refused for want of room: there is one for each request. */
static bool send_reply(tr_envelope_t *self, troupe_reply_t *reply)
{
    tr_letter_t *letter = &reply->letter;
    bool is_sent =
        (reply->is_final ? tr_mailbox_post_answer(self->reply_to, TR_LANE_USER, &letter)
                         : tr_mailbox_post(self->reply_to, TR_LANE_USER, &letter)) == TROUPE_OK;
    tr_letter_destroy(&letter);
    return is_sent;
}

bool tr_envelope_answer_text(tr_envelope_t *self, troupe_outcome_t outcome, int64_t hint_ms,
                             const char *why)
{
    assert(self);
    if (atomic_exchange(&self->is_answered, true)) {
        return false;
    }
    troupe_reply_t *reply = tr_reply_verdict(self->id, outcome, hint_ms, why);
    if (reply) {
        reply->sequence = self->n_parts;
        send_reply(self, reply);
    }
    return true;
}

/* Most are answered already when they get here. */
bool tr_envelope_answer(tr_envelope_t *self, troupe_outcome_t outcome, int64_t hint_ms,
                        const char *format, ...)
{
    assert(self);
    if (atomic_load(&self->is_answered)) {
        return false;
    }
    char why[TEXT_MAX] = "";
    if (format) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(why, sizeof why, format, arguments);
        va_end(arguments);
    }
    return tr_envelope_answer_text(self, outcome, hint_ms, why);
}

bool tr_envelope_forward(tr_envelope_t *self, troupe_reply_t **reply_p)
{
    assert(self && reply_p && *reply_p);
    troupe_reply_t *reply = *reply_p;
    *reply_p = NULL;
    bool was_answered = reply->is_final ? atomic_exchange(&self->is_answered, true)
                                        : atomic_load(&self->is_answered);
    if (was_answered) {
        troupe_reply_destroy(&reply);
        return false;
    }
    reply->id = self->id;
    reply->sequence = self->n_parts;
    if (!reply->is_final) {
        self->n_parts++;
        self->n_bytes += tr_reply_flow_bytes(reply);
    }
    return send_reply(self, reply);
}

void tr_envelope_send_status(tr_envelope_t *self, troupe_standing_t standing, uint64_t position)
{
    assert(self && standing != TROUPE_STANDING_UNTOLD);
    if (atomic_load(&self->is_answered)) {
        return;
    }
    troupe_reply_t *status = tr_reply_new(self->id, false, TROUPE_OUTCOME_OK, NULL, NULL);
    if (status) {
        status->sequence = self->n_parts;
        status->standing = standing;
        status->position = position;
        send_reply(self, status);
    }
}

/* ---- notes to the router ---- */

static void destroy_note(tr_letter_t *letter)
{
    tr_note_t *self = (tr_note_t *)letter;
    tr_envelope_release(&self->envelope);
    tr_slab_free(self, sizeof *self);
}

const tr_letter_type_t tr_cancel_type = {"cancel", destroy_note};
const tr_letter_type_t tr_credit_type = {"credit", destroy_note};

typedef troupe_status_t(post_fn)(tr_mailbox_t *, tr_lane_t, tr_letter_t **);

static void send_note(tr_envelope_t *self, const tr_letter_type_t *type, tr_mailbox_t *to,
                      post_fn *post)
{
    tr_note_t *note = tr_slab_alloc(sizeof *note);
    if (!note) {
        return;
    }
    tr_letter_init(&note->letter, type, sizeof *note);
    note->envelope = tr_envelope_share(self);
    tr_letter_t *letter = &note->letter;
    if (post(to, TR_LANE_CONTROL, &letter) != TROUPE_OK) {
        tr_letter_destroy(&letter);
    }
}

void tr_envelope_cancel(tr_envelope_t *self, tr_mailbox_t *to)
{
    send_note(self, &tr_cancel_type, to, tr_mailbox_post); /* anybody may send many */
}

void tr_envelope_grant(tr_envelope_t *self, tr_mailbox_t *to, uint64_t n_parts,
                       uint64_t n_bytes)
{
    assert(self && to);
    bool is_over = atomic_load(&self->is_answered);
    if (!is_over && tr_flow_grant(&self->flow, n_parts, n_bytes)) {
        send_note(self, &tr_credit_type, to,
                  tr_mailbox_post_answer); /* one, as was asked for */
    }
}
