/* TRP/1 as the gateway speaks it: what peers say, and what they are told. The normative
 * text is docs/protocol.md.
 */

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/slab.h"
#include "mailbox/message.h"
#include "mailbox/reply.h"
#include "remote/workers/workers.h"

#define VERSION          1
#define SHORTEST_BEAT_MS 100
#define LONGEST_BEAT_MS  60000

static void send_command(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *command,
                         troupe_message_t **payload_p)
{
    tr_peer_send(peer, command, payload_p, tr_gateway_now_ms(gateway));
    gateway->has_backlog = gateway->has_backlog || peer->first_out;
}

void tr_native_answer(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *command,
                      troupe_message_t *payload)
{
    tr_peer_answer(peer, command, payload, tr_gateway_now_ms(gateway));
    gateway->has_backlog = gateway->has_backlog || peer->first_out;
    if (peer->bundle.n_commands > 0 && !peer->is_gathering) {
        peer->is_gathering = true;
        peer->next_gathering = gateway->gathering;
        gateway->gathering = peer;
    }
}

static void send_part(tr_gateway_t *gateway, const tr_open_call_t *call, troupe_reply_t *reply)
{
    tr_trp1_t part;
    tr_trp1_init(&part, TR_TRP1_PART, call->peer_id);
    part.sequence = (int64_t)reply->sequence;
    tr_peer_send_part(call->peer, &part, &reply->message, call->id, tr_gateway_now_ms(gateway));
    gateway->has_backlog = gateway->has_backlog || call->peer->first_out;
}

static void send_status(tr_gateway_t *gateway, const tr_open_call_t *call,
                        const troupe_reply_t *reply)
{
    tr_trp1_t status;
    tr_trp1_init(&status, TR_TRP1_STATUS, call->peer_id);
    status.state = tr_span_of(troupe_standing_name(reply->standing));
    status.position =
        reply->standing == TROUPE_STANDING_RUNNING ? -1 : (int64_t)reply->position;
    tr_native_answer(gateway, call->peer, &status, NULL);
}

static void send_error(tr_gateway_t *gateway, tr_peer_t *peer, uint64_t id,
                       troupe_outcome_t outcome, int64_t hint_ms, const char *text)
{
    tr_trp1_t error;
    tr_trp1_init(&error, TR_TRP1_ERROR, id);
    error.code = tr_span_of(troupe_outcome_name(outcome));
    error.retryable = troupe_outcome_is_retryable(outcome);
    error.text = tr_span_of(text);
    error.hint_ms = hint_ms > 0 ? hint_ms : -1;
    tr_native_answer(gateway, peer, &error, NULL);
}

void tr_native_refuse(tr_gateway_t *gateway, tr_peer_t *peer, uint64_t id,
                      troupe_outcome_t outcome, const char *format, ...)
{
    char why[TR_TRP1_MAX_TEXT];
    char text[TR_TRP1_MAX_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    tr_reply_compose(text, sizeof text, outcome, why);
    send_error(gateway, peer, id, outcome, 0, text);
}

static void say_goaway(tr_gateway_t *gateway, tr_peer_t *peer)
{
    tr_trp1_t goaway;
    tr_trp1_init(&goaway, TR_TRP1_GOAWAY, 0);
    goaway.text = tr_span_of("the node is draining");
    send_command(gateway, peer, &goaway, NULL);
}

/* ---- what peers say ---- */

static void on_hello(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *hello)
{
    if (hello->version_min > VERSION ||
        (hello->version_max != -1 && hello->version_max < VERSION)) {
        tr_native_refuse(gateway, peer, hello->id, TROUPE_OUTCOME_BAD_REQUEST,
                         "this node speaks version %d only", VERSION);
        return;
    }
    int64_t beat_ms = hello->heartbeat_ms;
    if (beat_ms > 0) {
        beat_ms = beat_ms < SHORTEST_BEAT_MS  ? SHORTEST_BEAT_MS
                  : beat_ms > LONGEST_BEAT_MS ? LONGEST_BEAT_MS
                                              : beat_ms;
    }
    peer->heartbeat_ms = beat_ms > 0 ? beat_ms : 0;
    tr_trp1_t ours;
    tr_trp1_init(&ours, TR_TRP1_HELLO, hello->id);
    ours.version_min = ours.version_max = VERSION;
    ours.node = tr_span_of(gateway->self->runtime->node);
    ours.boot = tr_span_of(gateway->self->runtime->boot);
    ours.heartbeat_ms = beat_ms >= 0 ? beat_ms : TR_GATEWAY_HEARTBEAT_MS;
    ours.max_frame = (int64_t)peer->limits->max_frame;
    ours.max_open = (int64_t)peer->limits->max_open;
    ours.bundle = TR_BUNDLE_MAX_BODY;
    send_command(gateway, peer, &ours, NULL);
    peer->max_bundle = hello->bundle > 0 ? (size_t)hello->bundle : 0;
    peer->takes_messages = peer->takes_messages || hello->messages;
    if (gateway->is_draining) {
        say_goaway(gateway, peer);
    }
}

static void refuse_offer(tr_gateway_t *gateway, tr_peer_t *peer, const char *capability,
                         troupe_outcome_t outcome, const char *text, int64_t hint_ms)
{
    tr_trp1_t error;
    tr_trp1_init(&error, TR_TRP1_ERROR, 0);
    error.capability = tr_span_of(capability);
    error.code = tr_span_of(troupe_outcome_name(outcome));
    error.retryable = troupe_outcome_is_retryable(outcome);
    error.text = tr_span_of(text);
    error.hint_ms = hint_ms > 0 ? hint_ms : -1;
    tr_native_answer(gateway, peer, &error, NULL);
}

static void on_ready(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *ready)
{
    int64_t most = TR_WORKERS_MAX_CONCURRENCY;
    const char *why_not = peer->has_offered ? "it has said ready on this connection before"
                          : ready->capabilities.size == 0 ? "a ready needs capabilities"
                          : ready->concurrency == 0       ? "a concurrency of 0 serves nobody"
                                                          : NULL;
    if (why_not) {
        refuse_offer(gateway, peer, "", TROUPE_OUTCOME_BAD_REQUEST, why_not, 0);
        return;
    }
    tr_worker_offer_t offer = {
        .concurrency = (size_t)(ready->concurrency < 0      ? 1
                                : ready->concurrency > most ? most
                                                            : ready->concurrency),
        .memory_bytes = ready->memory > 0 ? ready->memory : 0,
    };
    tr_span_t left = ready->capabilities;
    while (!peer->is_gone && tr_trp1_next_text(&left, &offer.capability)) {
        tr_workers_offer(gateway, peer, &offer);
    }
}

/* A worker says it. One that this node does not know as such must begin anew. */
static void on_worker(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *command,
                      troupe_message_t **payload_p, bool has_too_many_frames)
{
    tr_trp1_t error;
    char text[TR_REQUESTS_MAX_PROBLEM];
    const char *problem =
        tr_requests_payload_problem(peer, *payload_p, has_too_many_frames, text);
    if (problem) {
        tr_trp1_init(&error, TR_TRP1_ERROR, command->id);
        error.code = tr_span_of(troupe_outcome_name(TROUPE_OUTCOME_TOO_LARGE));
        error.text = tr_span_of(problem);
    }
    if (!tr_workers_hear(gateway, peer, problem ? &error : command,
                         problem ? NULL : payload_p)) {
        tr_peer_cut(peer, "it speaks as a worker that it is not");
    }
}

static void on_ping(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *ping)
{
    tr_trp1_t pong;
    tr_trp1_init(&pong, TR_TRP1_PONG, ping->id);
    send_command(gateway, peer, &pong, NULL);
}

void tr_native_refuse_malformed(tr_gateway_t *gateway, tr_peer_t *peer, uint64_t id,
                                const char *reason)
{
    tr_gateway_note_bad(gateway, peer, reason);
    if (id > 0) {
        tr_native_refuse(gateway, peer, id, TROUPE_OUTCOME_BAD_REQUEST, "%s", reason);
    }
}

static void on_command(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *command,
                       troupe_message_t **payload_p, bool has_too_many_frames)
{
    switch (command->command) {
    case TR_TRP1_HELLO:
        on_hello(gateway, peer, command);
        break;
    case TR_TRP1_REQUEST:
        if (command->capability.size == 0 && command->actor.size == 0) {
            tr_native_refuse_malformed(gateway, peer, command->id,
                                       "a request needs a capability or an actor");
        } else {
            tr_requests_take(gateway, peer, command, payload_p, has_too_many_frames);
        }
        break;
    case TR_TRP1_SEND:
        tr_talk_send(gateway, peer, command, payload_p, has_too_many_frames);
        break;
    case TR_TRP1_MONITOR:
        tr_talk_monitor(gateway, peer, command, *payload_p, has_too_many_frames);
        break;
    case TR_TRP1_DEMONITOR:
        tr_talk_demonitor(gateway, peer, command->id);
        break;
    case TR_TRP1_CANCEL:
        tr_requests_cancel(gateway, peer, command->id);
        break;
    case TR_TRP1_CREDIT:
        tr_requests_grant(peer, command->id, command->credit);
        break;
    case TR_TRP1_PING:
        on_ping(gateway, peer, command);
        break;
    case TR_TRP1_BYE:
        peer->has_left = peer->is_gone = true;
        break;
    case TR_TRP1_PONG:
        if (command->id > 0 || command->state.size > 0) {
            on_worker(gateway, peer, command, payload_p, has_too_many_frames);
        }
        break;
    case TR_TRP1_READY:
        on_ready(gateway, peer, command);
        break;
    case TR_TRP1_PART:
    case TR_TRP1_REPLY:
    case TR_TRP1_ERROR:
    case TR_TRP1_PROGRESS:
    case TR_TRP1_DRAIN:
        on_worker(gateway, peer, command, payload_p, has_too_many_frames);
        break;
    default:
        tr_native_refuse_malformed(gateway, peer, command->id,
                                   "not a command that a client sends here");
        break;
    }
}

/* One command of a bundle. False: what is left of the bundle cannot be read. */
static bool on_bundled(tr_gateway_t *gateway, tr_peer_t *peer, tr_reader_t *reader)
{
    tr_span_t head;
    uint64_t n_frames;
    troupe_message_t *payload = NULL;
    troupe_status_t status = TROUPE_ERR_PROTOCOL;
    if (tr_bundle_take(reader, &head, &n_frames)) {
        status = tr_bundle_take_payload(reader, n_frames, peer->limits->max_frames, &payload);
    }
    tr_trp1_t command;
    const char *reason = "not what a bundle holds";
    if (status == TROUPE_ERR_PROTOCOL) {
        tr_native_refuse_malformed(gateway, peer, 0, reason);
    } else if (tr_trp1_decode(head.data, head.size, &command, &reason) != TROUPE_OK) {
        tr_native_refuse_malformed(gateway, peer, command.id, reason);
    } else if (status == TROUPE_OK) {
        on_command(gateway, peer, &command, &payload, n_frames > peer->limits->max_frames);
    } else {
        tr_metric_add(gateway->bad_messages[TR_DIALECT_TRP1], 1);
    }
    troupe_message_destroy(&payload);
    return status != TROUPE_ERR_PROTOCOL;
}

/* Returns how many commands were in it. */
static size_t on_bundle(tr_gateway_t *gateway, tr_peer_t *peer, const troupe_message_t *payload)
{
    if (troupe_message_count(payload) != 1 ||
        troupe_message_size(payload, 0) > TR_BUNDLE_MAX_BODY) {
        tr_native_refuse_malformed(gateway, peer, 0,
                                   "a bundle has one frame, of no more than was offered");
        return 0;
    }
    tr_reader_t reader =
        tr_reader_of(troupe_message_data(payload, 0), troupe_message_size(payload, 0));
    size_t n_commands = 0;
    while (tr_bytes_left(&reader) > 0 && !peer->is_gone && on_bundled(gateway, peer, &reader)) {
        n_commands++;
    }
    return n_commands;
}

static size_t receive(tr_gateway_t *gateway, tr_peer_t *peer, tr_span_t header,
                      troupe_message_t **payload_p, bool has_too_many_frames)
{
    tr_trp1_t command;
    const char *reason = "malformed";
    size_t n_commands = 1;
    if (tr_trp1_decode(header.data, header.size, &command, &reason) != TROUPE_OK) {
        tr_native_refuse_malformed(gateway, peer, command.id, reason);
    } else if (command.command == TR_TRP1_BUNDLE) {
        n_commands += on_bundle(gateway, peer, *payload_p);
    } else {
        on_command(gateway, peer, &command, payload_p, has_too_many_frames);
    }
    return n_commands;
}

/* ---- what peers are told ---- */

static void refuse(tr_gateway_t *gateway, tr_peer_t *peer, uint64_t id, tr_span_t capability,
                   troupe_outcome_t outcome, const char *text, int64_t hint_ms)
{
    (void)capability;
    send_error(gateway, peer, id, outcome, hint_ms, text);
}

static void reply(tr_gateway_t *gateway, tr_open_call_t *call, troupe_reply_t *reply)
{
    if (reply->standing != TROUPE_STANDING_UNTOLD) {
        send_status(gateway, call, reply);
    } else if (!reply->is_final) {
        send_part(gateway, call, reply);
    } else if (reply->outcome != TROUPE_OUTCOME_OK) {
        send_error(gateway, call->peer, call->peer_id, reply->outcome, reply->hint_ms,
                   troupe_reply_text(reply));
    } else {
        tr_trp1_t final;
        tr_trp1_init(&final, TR_TRP1_REPLY, call->peer_id);
        tr_native_answer(gateway, call->peer, &final, reply->message);
    }
}

static void say_bye(tr_gateway_t *gateway, tr_peer_t *peer)
{
    tr_trp1_t bye;
    tr_trp1_init(&bye, TR_TRP1_BYE, 0);
    send_command(gateway, peer, &bye, NULL);
}

static void ping(tr_gateway_t *gateway, tr_peer_t *peer)
{
    tr_trp1_t ping;
    tr_trp1_init(&ping, TR_TRP1_PING, 0);
    send_command(gateway, peer, &ping, NULL);
}

/* ---- what peers that serve are told ---- */

static void assign(tr_gateway_t *gateway, tr_line_t *line, const tr_trp1_t *request,
                   troupe_message_t *payload)
{
    tr_native_answer(gateway, line->peer, request, payload);
}

static void say_to_worker(tr_gateway_t *gateway, tr_line_t *line, tr_trp1_command_t word,
                          uint64_t id)
{
    tr_trp1_t command;
    tr_trp1_init(&command, word, id);
    if (id == 0) {
        command.capability = tr_span_of(line->capability);
    }
    tr_native_answer(gateway, line->peer, &command, NULL);
}

static void cancel(tr_gateway_t *gateway, tr_line_t *line, uint64_t id)
{
    say_to_worker(gateway, line, TR_TRP1_CANCEL, id);
}

static void credit(tr_gateway_t *gateway, tr_line_t *line, uint64_t id, int64_t n_parts)
{
    tr_trp1_t credit;
    tr_trp1_init(&credit, TR_TRP1_CREDIT, id);
    credit.credit = n_parts;
    tr_native_answer(gateway, line->peer, &credit, NULL);
}

static void ping_worker(tr_gateway_t *gateway, tr_line_t *line, uint64_t id)
{
    say_to_worker(gateway, line, TR_TRP1_PING, id);
}

static void drain(tr_gateway_t *gateway, tr_line_t *line)
{
    say_to_worker(gateway, line, TR_TRP1_DRAIN, 0);
}

static void stop(tr_gateway_t *gateway, tr_line_t *line)
{
    say_to_worker(gateway, line, TR_TRP1_STOP, 0);
}

const tr_dialect_t tr_native = {
    .number = TR_DIALECT_TRP1,
    .name = "trp1",
    .receive = receive,
    .refuse = refuse,
    .reply = reply,
    .goaway = say_goaway,
    .bye = say_bye,
    .ping = ping,
    .refuse_offer = refuse_offer,
    .assign = assign,
    .cancel = cancel,
    .credit = credit,
    .ping_worker = ping_worker,
    .drain = drain,
    .stop = stop,
};
