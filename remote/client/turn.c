/* A call ends once, in `end_call`, and nowhere else: there it leaves the table, and its final
 * reply, which was allocated when it began, goes to its sink. What comes for a call that is
 * not in the table comes too late and is dropped.
 *
 * What waits is bounded: parts of each call by its window, of which the node is granted more
 * only as the application takes them. Where many windows, or a node that does not keep to
 * them, come to more than MAX_WAITING, the socket is not read, so that the node feels it. Only
 * a blocking call has to read on to find its own reply; a stream of another call that nobody
 * takes is cut off then. Finals are never refused: there is one for each call, and the calls
 * are counted.
 *
 * Requests leave at once, with one exception. An application that starts calls fast while
 * replies wait for it comes back for those replies at once: until then what it starts is held
 * back, so that it leaves in bundles. It leaves when the replies are all taken, when two in a
 * row are taken without a call between them, when enough is held, and when the clock moves on.
 */

#include "remote/client/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mailbox/message.h"
#include "mailbox/reply.h"
#include "wire/down.h"

#define MAX_WAITING       65536
#define MAX_WAITING_BYTES ((size_t)64 << 20)
#define MAX_TURN          4096 /* messages read before the caller gets a turn */
#define TEXT_SIZE         512
#define GRACE_MS          250 /* for the node to say itself that the deadline passed */
#define HURRY             16  /* calls within two milliseconds */
#define MAX_HELD          128

static void end_call(troupe_client_t *self, tr_call_t *call, troupe_outcome_t outcome,
                     const char *text, int64_t hint_ms, troupe_message_t *message)
{
    tr_replies_t *sink = call->sink;
    uint64_t n_parts = call->n_parts;
    troupe_reply_t *final = tr_calls_remove(self->calls, &call);
    final->outcome = outcome;
    final->sequence = n_parts;
    final->hint_ms = hint_ms;
    final->text = text && *text ? strdup(text) : NULL; /* rather no text than no final */
    final->message = message;
    final->letter.bytes += message ? troupe_message_bytes(message) : 0;
    tr_replies_push(sink, final);
}

void tr_client_end(troupe_client_t *self, tr_call_t *call, troupe_outcome_t outcome,
                   const char *text)
{
    char composed[TEXT_SIZE];
    tr_reply_compose(composed, sizeof composed, outcome, text);
    end_call(self, call, outcome, composed, 0, NULL);
}

static void end_all(troupe_client_t *self, tr_call_t *(*first)(const tr_calls_t *),
                    troupe_outcome_t outcome, const char *text)
{
    for (tr_call_t *call = first(self->calls); call; call = first(self->calls)) {
        tr_client_end(self, call, outcome, text);
    }
}

static void note_loss(troupe_client_t *self)
{
    const char *reason;
    if (tr_link_take_refusal(self->link)) {
        end_all(self, tr_calls_unsent, TROUPE_OUTCOME_FORBIDDEN, tr_link_refusal(self->link));
    }
    if (tr_link_take_loss(self->link, &reason)) {
        char text[384];
        snprintf(text, sizeof text, "%s while the request was under way", reason);
        self->is_draining = false;
        end_all(self, tr_calls_sent, TROUPE_OUTCOME_WORKER_LOST, text);
    }
}

static void say_cancel(troupe_client_t *self, tr_call_t *call, int64_t now_ms)
{
    tr_trp1_t command;
    bool is_monitor = call->kind == TR_CALL_MONITOR;
    tr_trp1_init(&command, is_monitor ? TR_TRP1_DEMONITOR : TR_TRP1_CANCEL, call->id);
    call->wants_cancel = tr_link_send(self->link, now_ms, &command, NULL) == TROUPE_FULL;
    self->owes_words |= call->wants_cancel;
    self->must_look = true;
}

void tr_client_cancel(troupe_client_t *self, tr_call_t *call, int64_t now_ms)
{
    say_cancel(self, call, now_ms);
    if (call->kind == TR_CALL_MONITOR && !call->wants_cancel) {
        tr_client_end(self, call, TROUPE_OUTCOME_CANCELLED, "cancelled by the caller");
    }
}

static void grant(troupe_client_t *self, tr_call_t *call, int64_t now_ms)
{
    tr_trp1_t command;
    tr_trp1_init(&command, TR_TRP1_CREDIT, call->id);
    command.credit = (int64_t)call->n_taken;
    troupe_status_t status = tr_link_send(self->link, now_ms, &command, NULL);
    if (status == TROUPE_OK) {
        call->n_taken = 0;
    }
    call->wants_credit = status == TROUPE_FULL;
    self->owes_words |= call->wants_credit;
    self->must_look = true;
}

/* In lumps of half a window: the node never waits for long, and is seldom told. */
void tr_client_note_taken(troupe_client_t *self, const troupe_reply_t *reply)
{
    bool is_part = !reply->is_final && reply->standing == TROUPE_STANDING_UNTOLD;
    tr_call_t *call = is_part ? tr_calls_find(self->calls, reply->id) : NULL;
    if (!call) {
        return;
    }
    call->n_taken++;
    if (call->n_taken >= call->window - call->window / 2 && !call->wants_credit) {
        grant(self, call, tr_clock_now_ms());
    }
}

static void send_owed_words(troupe_client_t *self, int64_t now_ms)
{
    self->owes_words = false;
    tr_call_t *next;
    for (tr_call_t *call = tr_calls_sent(self->calls); call; call = next) {
        next = call->next;
        if (call->wants_credit) {
            grant(self, call, now_ms);
        }
        if (call->wants_cancel) {
            tr_client_cancel(self, call, now_ms);
        }
    }
}

static bool is_too_large(const troupe_client_t *self, const tr_call_t *call)
{
    for (size_t i = 0; call->message && i < troupe_message_count(call->message); i++) {
        if (troupe_message_size(call->message, i) > (size_t)tr_link_max_frame(self->link)) {
            return true;
        }
    }
    return false;
}

static void describe_send(const tr_call_t *call, tr_trp1_t *out)
{
    tr_trp1_init(out, TR_TRP1_SEND, call->id);
    out->actor = call->capability;
    out->urgent = call->is_urgent;
    out->confirm = true;
}

static void describe_monitor(const tr_call_t *call, tr_trp1_t *out)
{
    tr_trp1_init(out, TR_TRP1_MONITOR, call->id);
    out->actor = call->capability;
}

static int64_t left_ms(const tr_call_t *call, int64_t now_ms)
{
    return call->ends_ms == TR_NEVER ? -1 : call->ends_ms - now_ms;
}

static void describe_ask(const tr_call_t *call, int64_t now_ms, tr_trp1_t *out)
{
    tr_trp1_init(out, TR_TRP1_REQUEST, call->id);
    out->actor = call->capability;
    out->timeout_ms = left_ms(call, now_ms);
}

static void describe_request(const tr_call_t *call, int64_t now_ms, tr_trp1_t *out)
{
    tr_trp1_init(out, TR_TRP1_REQUEST, call->id);
    out->capability = call->capability;
    out->method = call->method;
    out->traceparent = call->traceparent;
    out->sticky = call->sticky;
    out->dedup = call->dedup;
    out->priority = call->priority;
    out->credit = (int64_t)call->window;
    out->wants_status = call->wants_status;
    out->timeout_ms = left_ms(call, now_ms);
}

static void describe(const tr_call_t *call, int64_t now_ms, tr_trp1_t *out)
{
    switch (call->kind) {
    case TR_CALL_REQUEST:
        describe_request(call, now_ms, out);
        break;
    case TR_CALL_ASK:
        describe_ask(call, now_ms, out);
        break;
    case TR_CALL_SEND:
        describe_send(call, out);
        break;
    case TR_CALL_MONITOR:
        describe_monitor(call, out);
        break;
    }
}

static void note_sent(troupe_client_t *self, tr_call_t *call)
{
    troupe_message_destroy(&call->message);
    tr_calls_note_sent(self->calls, call);
    tr_calls_set_deadline(self->calls, call, tr_clock_after(call->ends_ms, GRACE_MS));
}

static troupe_status_t send_request(troupe_client_t *self, tr_call_t *call, int64_t now_ms)
{
    tr_trp1_t command;
    describe(call, now_ms, &command);
    troupe_status_t status = tr_link_send(self->link, now_ms, &command, call->message);
    if (status == TROUPE_OK) {
        note_sent(self, call);
    }
    return status;
}

/* Gather as many of the unsent calls as go into one bundle, from the first on. */
static size_t gather(troupe_client_t *self, int64_t now_ms)
{
    size_t most = (size_t)tr_link_max_open(self->link) - tr_calls_n_sent(self->calls);
    size_t n_gathered = 0;
    for (const tr_call_t *call = tr_calls_unsent(self->calls);
         call && n_gathered < most && call->ends_ms > now_ms; call = call->next) {
        tr_trp1_t command;
        describe(call, now_ms, &command);
        if (!tr_link_gather(self->link, &command, call->message)) {
            break;
        }
        n_gathered++;
    }
    return n_gathered;
}

/* Send what goes into one bundle. TROUPE_NOT_FOUND: the first call must go by itself. */
static troupe_status_t send_bundle(troupe_client_t *self, int64_t now_ms)
{
    const tr_call_t *first = tr_calls_unsent(self->calls);
    if (self->is_draining || !first->next || !tr_link_has_bundles(self->link)) {
        return TROUPE_NOT_FOUND;
    }
    size_t n_gathered = gather(self, now_ms);
    if (n_gathered == 0) {
        return TROUPE_NOT_FOUND;
    }
    troupe_status_t status = tr_link_send_gathered(self->link, now_ms);
    for (; status == TROUPE_OK && n_gathered > 0; n_gathered--) {
        note_sent(self, tr_calls_unsent(self->calls));
    }
    return status;
}

static bool may_send_request(const troupe_client_t *self)
{
    return tr_link_is_up(self->link) && tr_calls_unsent(self->calls) &&
           (int64_t)tr_calls_n_sent(self->calls) < tr_link_max_open(self->link);
}

/* Whether something waits that the link could take now, if it were writable. */
static bool wants_write(const troupe_client_t *self)
{
    return self->owes_words || may_send_request(self);
}

/* Send the first of the unsent calls, or end it when it cannot be sent. */
static troupe_status_t send_first(troupe_client_t *self, int64_t now_ms)
{
    tr_call_t *call = tr_calls_unsent(self->calls);
    if (self->is_draining) {
        tr_client_end(self, call, TROUPE_OUTCOME_SHUTTING_DOWN, "the node is draining");
    } else if (call->ends_ms <= now_ms) {
        tr_client_end(self, call, TROUPE_OUTCOME_TIMEOUT, "the deadline passed before sending");
    } else if (is_too_large(self, call)) {
        tr_client_end(self, call, TROUPE_OUTCOME_TOO_LARGE,
                      "a frame is larger than the node accepts");
    } else {
        return send_request(self, call, now_ms);
    }
    return TROUPE_OK;
}

void tr_client_flush(troupe_client_t *self, int64_t now_ms)
{
    self->n_held = 0;
    /* What is sent into a connection that ended counts as lost; what is not sent is kept. */
    if (wants_write(self) && tr_link_look(self->link, now_ms)) {
        self->must_look = true;
        return;
    }
    if (self->owes_words) {
        send_owed_words(self, now_ms);
    }
    while (may_send_request(self)) {
        self->must_look = true;
        troupe_status_t status = send_bundle(self, now_ms);
        if (status == TROUPE_NOT_FOUND) {
            status = send_first(self, now_ms);
        }
        if (status != TROUPE_OK) {
            return;
        }
    }
}

/* Whether it starts calls so fast that they can leave together and yet soon. */
static bool is_in_a_hurry(troupe_client_t *self, int64_t now_ms)
{
    if (now_ms != self->pace_ms) {
        self->n_before = now_ms - self->pace_ms == 1 ? self->n_started : 0;
        self->n_started = 0;
        self->pace_ms = now_ms;
    }
    self->n_started++;
    return self->n_before + self->n_started > HURRY;
}

void tr_client_send_or_hold(troupe_client_t *self, int64_t now_ms)
{
    bool is_in_time = self->n_held == 0 || self->pace_ms == now_ms;
    bool may_hold = is_in_a_hurry(self, now_ms) && is_in_time && self->n_held < MAX_HELD &&
                    (self->ready.first || tr_link_is_in_bundle(self->link)) &&
                    tr_link_has_bundles(self->link);
    if (!may_hold) {
        tr_client_flush(self, now_ms);
        return;
    }
    self->n_held++;
    self->just_held = true;
}

void tr_client_note_pause(troupe_client_t *self)
{
    if (self->n_held > 0 && !self->just_held) {
        tr_client_flush(self, tr_clock_now_ms());
    }
    self->just_held = false;
}

/* Cut a stream off that nobody reads, or that found no memory. */
static void cut_off(troupe_client_t *self, tr_call_t *call, int64_t now_ms,
                    troupe_outcome_t outcome, const char *text)
{
    say_cancel(self, call, now_ms);
    tr_client_end(self, call, outcome, text);
}

static bool is_full(const troupe_client_t *self)
{
    return self->ready.n_replies >= MAX_WAITING || self->ready.n_bytes >= MAX_WAITING_BYTES;
}

static void take_part(troupe_client_t *self, tr_call_t *call, int64_t now_ms,
                      troupe_message_t **message_p)
{
    if (call->sink == &self->ready && is_full(self)) {
        cut_off(self, call, now_ms, TROUPE_OUTCOME_OVERLOADED,
                "parts came faster than they were taken");
        return;
    }
    troupe_reply_t *part = tr_reply_new(call->id, false, TROUPE_OUTCOME_OK, NULL, message_p);
    if (!part) {
        cut_off(self, call, now_ms, TROUPE_OUTCOME_INTERNAL, "out of memory for a part");
        return;
    }
    part->sequence = call->n_parts++;
    tr_replies_push(call->sink, part);
}

/* Of no use when it is late: what finds no room, or no memory, is left out. */
static void take_status(troupe_client_t *self, tr_call_t *call, const tr_trp1_t *status)
{
    char state[TR_TRP1_MAX_WORD + 1];
    troupe_standing_t standing;
    snprintf(state, sizeof state, "%.*s", (int)status->state.size,
             status->state.size ? status->state.data : "");
    bool is_wanted = call->wants_status && troupe_standing_parse(state, &standing) &&
                     !(call->sink == &self->ready && is_full(self));
    troupe_reply_t *reply =
        is_wanted ? tr_reply_new(call->id, false, TROUPE_OUTCOME_OK, NULL, NULL) : NULL;
    if (reply) {
        reply->standing = standing;
        reply->sequence = call->n_parts;
        reply->position = status->position > 0 ? (uint64_t)status->position : 0;
        tr_replies_push(call->sink, reply);
    }
}

static void take_error(troupe_client_t *self, tr_call_t *call, const tr_trp1_t *error)
{
    char code[TR_TRP1_MAX_WORD + 1];
    char text[TR_TRP1_MAX_TEXT + 1];
    snprintf(code, sizeof code, "%.*s", (int)error->code.size, error->code.data);
    snprintf(text, sizeof text, "%.*s", (int)error->text.size, error->text.data);
    /* A node of a later version may know more outcomes; an error never means "ok". */
    troupe_outcome_t outcome;
    if (!troupe_outcome_parse(code, &outcome) || outcome == TROUPE_OUTCOME_OK) {
        outcome = TROUPE_OUTCOME_INTERNAL;
    }
    end_call(self, call, outcome, text, error->hint_ms > 0 ? error->hint_ms : 0, NULL);
}

static void take_down(troupe_client_t *self, tr_call_t *call, const tr_trp1_t *down)
{
    tr_reason_t *reason = malloc(sizeof *reason);
    if (!reason) {
        tr_client_end(self, call, TROUPE_OUTCOME_INTERNAL,
                      "it went down, but there is no memory for the reason");
        return;
    }
    *reason = tr_down_reason(down);
    char text[TEXT_SIZE];
    call->final->reason = reason;
    end_call(self, call, TROUPE_OUTCOME_OK, tr_reason_show(reason, text, sizeof text), 0, NULL);
}

/* A monitor hears of an end, or of what keeps it from that; all else of answers. */
static bool is_expected(const tr_call_t *call, tr_trp1_command_t command)
{
    return command == TR_TRP1_ERROR ||
           (command == TR_TRP1_DOWN) == (call->kind == TR_CALL_MONITOR);
}

/* One command from the node. What is left of `*message_p` is the caller's to destroy. */
static void take_command(troupe_client_t *self, const tr_trp1_t *command, int64_t now_ms,
                         bool has_memory, troupe_message_t **message_p)
{
    if (command->command == TR_TRP1_GOAWAY) {
        self->is_draining = true;
        end_all(self, tr_calls_unsent, TROUPE_OUTCOME_SHUTTING_DOWN, "the node is draining");
        return;
    }
    if (command->command == TR_TRP1_BYE) {
        tr_link_drop(self->link, now_ms, "said good-bye");
        return;
    }
    if (command->command == TR_TRP1_MESSAGE) {
        if (has_memory) {
            tr_inbox_put(&self->inbox, command->from, message_p);
        }
        return;
    }
    tr_call_t *call = tr_calls_find(self->calls, command->id);
    if (!call || !call->is_sent || !is_expected(call, command->command)) {
        return;
    }
    if (command->command == TR_TRP1_STATUS) {
        take_status(self, call, command);
    } else if (command->command == TR_TRP1_ERROR) {
        take_error(self, call, command);
    } else if (command->command == TR_TRP1_DOWN) {
        take_down(self, call, command);
    } else if (!has_memory) {
        cut_off(self, call, now_ms, TROUPE_OUTCOME_INTERNAL, "out of memory for the payload");
    } else if (command->command == TR_TRP1_PART) {
        take_part(self, call, now_ms, message_p);
    } else {
        end_call(self, call, TROUPE_OUTCOME_OK, NULL, 0, *message_p);
        *message_p = NULL;
    }
}

/* Read one command, if one came. */
static bool read_one(troupe_client_t *self, int64_t now_ms)
{
    tr_trp1_t command;
    troupe_message_t *message = NULL;
    troupe_status_t status = tr_link_receive(self->link, now_ms, &command, &message);
    if (status == TROUPE_TIMEOUT) {
        return false;
    }
    take_command(self, &command, now_ms, status == TROUPE_OK, &message);
    troupe_message_destroy(&message);
    return true;
}

/* What is left of a bundle is read when it is asked for: a reply that is made, taken and freed,
 * and then the next, costs less than many at once. */
static bool has_enough(const troupe_client_t *self)
{
    return is_full(self) || (self->ready.first && tr_link_is_in_bundle(self->link));
}

/* Read until nothing is left, or until enough is there. False: there may be more. */
static bool drain(troupe_client_t *self, int64_t now_ms, bool may_hold)
{
    for (int i = 0; i < MAX_TURN && !(may_hold && has_enough(self)); i++) {
        if (!read_one(self, now_ms)) {
            return true;
        }
    }
    return false;
}

bool tr_client_has_ready(troupe_client_t *self)
{
    while (!self->ready.first && tr_link_is_in_bundle(self->link)) {
        (void)read_one(self, self->turned_ms);
    }
    return self->ready.first;
}

static void end_what_is_due(troupe_client_t *self, int64_t now_ms)
{
    for (tr_call_t *call = tr_calls_next_due(self->calls); call && call->deadline_ms <= now_ms;
         call = tr_calls_next_due(self->calls)) {
        if (call->ends_ms == TR_NEVER && tr_link_is_up(self->link)) {
            /* The node is there, only full of our own calls. */
            tr_calls_set_deadline(self->calls, call,
                                  tr_clock_after(now_ms, TR_CLIENT_PATIENCE_MS));
            continue;
        }
        char text[320];
        snprintf(text, sizeof text,
                 call->is_sent ? "no answer from %s in time"
                               : "%s could not be reached in time",
                 tr_link_endpoint(self->link));
        tr_client_end(self, call, TROUPE_OUTCOME_TIMEOUT, text);
    }
}

void tr_client_turn(troupe_client_t *self, bool may_hold)
{
    int64_t now_ms = self->turned_ms = tr_clock_now_ms();
    bool is_dry;
    int n_turns = 0;
    if (self->n_held > 0) {
        tr_client_flush(self, now_ms); /* so that the node has work while we read */
    }
    do {
        /* What came in time counts, even when it is looked at late: so reading comes first. */
        is_dry = drain(self, now_ms, may_hold);
        tr_link_run(self->link, now_ms, !is_dry);
        note_loss(self);
        end_what_is_due(self, now_ms);
        tr_client_flush(self, now_ms);
        n_turns++;
    } while (is_dry && n_turns < MAX_TURN && tr_link_has_work(self->link, wants_write(self)));
    self->must_look = !is_dry || n_turns == MAX_TURN;
}
