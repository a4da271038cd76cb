/* Peers and actors: what a peer sends and asks, and what it is sent.
 *
 * To actors a peer is one of them: what it sends comes from a reference, behind which are the
 * gateway's mailbox and the peer's number. Its one life begins when it first speaks to an
 * actor, and ends when the gateway forgets it.
 *
 * An ask is an open call like a request, but for its answer, which is awaited here: nobody else
 * keeps its deadline.
 *
 * A monitor is an open call, too, that has no deadline; it is the gateway that watches, for all
 * its peers.
 */

#include <stdio.h>
#include <string.h>

#include "actors/dead_letter.h"
#include "base/clock.h"
#include "base/slab.h"
#include "mailbox/message.h"
#include "remote/gateway/inside.h"
#include "wire/down.h"

#define DEFAULT_ASK_MS 5000

/* ---- a peer becomes known, and is known no more ---- */

static bool introduce(tr_gateway_t *gateway, tr_peer_t *peer)
{
    if (peer->ref) {
        return true;
    }
    char name[40];
    snprintf(name, sizeof name, "peer/%llu", (unsigned long long)peer->number);
    troupe_ref_t *ref = tr_ref_new(name, "", gateway->self->mailbox, peer->number);
    if (!ref || tr_idmap_put(&gateway->known, peer->number, peer) != TROUPE_OK) {
        troupe_ref_release(&ref);
        return false;
    }
    tr_ref_begin(ref, peer->number);
    peer->ref = ref;
    return true;
}

void tr_talk_part(tr_gateway_t *gateway, tr_peer_t *peer)
{
    if (!peer->ref) {
        return;
    }
    tr_reason_t reason =
        peer->has_left
            ? tr_reason_of(TROUPE_REASON_NORMAL)
            : tr_reason_format(TROUPE_REASON_LOST, "%s",
                               peer->why_gone ? peer->why_gone : "its endpoint is gone");
    tr_idmap_take(&gateway->known, peer->number);
    tr_ref_end(peer->ref, peer->number, &reason);
    tr_ref_finish(peer->ref);
    troupe_ref_release(&peer->ref);
}

/* ---- what a peer says ---- */

/* The name, as text that is short enough for any actor's. */
static void copy_name(char name[TR_TRP1_MAX_NAME + 1], tr_span_t actor)
{
    memcpy(name, actor.data, actor.size);
    name[actor.size] = '\0';
}

static const char *why_forbidden(const tr_peer_t *peer, const tr_trp1_t *command)
{
    bool is_monitor = command->command == TR_TRP1_MONITOR;
    if (peer->name[0]) {
        return is_monitor ? "this peer may not monitor it" : "this peer may not send to it";
    }
    return is_monitor ? "peers of this endpoint may not monitor it"
                      : "peers of this endpoint may not send to it";
}

/* What keeps it from having to do with that actor; OK when nothing does. */
static troupe_outcome_t judge_right(tr_gateway_t *gateway, tr_peer_t *peer,
                                    const tr_trp1_t *command, const char **why)
{
    if (!tr_allowed_has(&peer->rights->actors, command->actor)) {
        tr_requests_note_forbidden(gateway, peer, TR_RIGHT_ACTOR, command->actor);
        *why = why_forbidden(peer, command);
        return TROUPE_OUTCOME_FORBIDDEN;
    }
    if (gateway->is_draining) {
        *why = "the node is draining";
        return TROUPE_OUTCOME_SHUTTING_DOWN;
    }
    return TROUPE_OUTCOME_OK;
}

/* What keeps it from speaking to that actor. */
static troupe_outcome_t judge(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *command,
                              const char **why)
{
    tr_span_t actor = command->actor;
    troupe_outcome_t outcome = judge_right(gateway, peer, command, why);
    if (outcome != TROUPE_OUTCOME_OK) {
        return outcome;
    }
    if (memchr(actor.data, '\0', actor.size)) { /* as a text it would be another name */
        *why = "there is no such actor";
        return TROUPE_OUTCOME_NO_CAPABILITY;
    }
    if (!introduce(gateway, peer)) {
        *why = "the node is out of memory";
        return TROUPE_OUTCOME_OVERLOADED;
    }
    return TROUPE_OUTCOME_OK;
}

static void refuse(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *command,
                   troupe_outcome_t outcome, const char *why)
{
    if (command->id > 0) {
        tr_native_refuse(gateway, peer, command->id, outcome, "%.*s: %s",
                         (int)command->actor.size, command->actor.data, why);
    }
}

static void confirm(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *send)
{
    if (send->confirm && send->id > 0) {
        tr_trp1_t reply;
        tr_trp1_init(&reply, TR_TRP1_REPLY, send->id);
        tr_native_answer(gateway, peer, &reply, NULL);
    }
}

/* Say how the delivery went, if that is to be said. */
static void tell_delivery(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *send,
                          troupe_status_t status)
{
    switch (status) {
    case TROUPE_OK:
        confirm(gateway, peer, send);
        break;
    case TROUPE_FULL:
        refuse(gateway, peer, send, TROUPE_OUTCOME_OVERLOADED, "its mailbox is full");
        break;
    case TROUPE_NOT_FOUND:
        refuse(gateway, peer, send, TROUPE_OUTCOME_NO_CAPABILITY, "there is no such actor");
        break;
    default:
        refuse(gateway, peer, send, TROUPE_OUTCOME_OVERLOADED, "the node is out of memory");
        break;
    }
}

static troupe_status_t post(tr_gateway_t *gateway, const tr_trp1_t *command, tr_mail_t *mail)
{
    char name[TR_TRP1_MAX_NAME + 1];
    copy_name(name, command->actor);
    tr_lane_t lane = command->urgent ? TR_LANE_URGENT : TR_LANE_USER;
    return mail ? tr_runtime_post_named(gateway->self->runtime, name, lane, mail)
                : TROUPE_ERR_NOMEM;
}

void tr_talk_send(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *send,
                  troupe_message_t **payload_p, bool has_too_many_frames)
{
    if (send->actor.size == 0) {
        tr_native_refuse_malformed(gateway, peer, send->id, "a send needs an actor");
        return;
    }
    peer->takes_messages = true;
    char text[TR_REQUESTS_MAX_PROBLEM];
    const char *why = tr_requests_payload_problem(peer, *payload_p, has_too_many_frames, text);
    troupe_outcome_t outcome =
        why ? TROUPE_OUTCOME_TOO_LARGE : judge(gateway, peer, send, &why);
    if (outcome != TROUPE_OUTCOME_OK) {
        refuse(gateway, peer, send, outcome, why);
        return;
    }
    tr_mail_t *mail = tr_mail_new(payload_p, peer->ref, NULL);
    tell_delivery(gateway, peer, send, post(gateway, send, mail));
}

/* ---- asks ---- */

/* An ask or a monitor. NULL when out of memory. */
static tr_open_call_t *open_call(tr_gateway_t *gateway, tr_peer_t *peer,
                                 const tr_trp1_t *command)
{
    tr_open_call_t *call = tr_slab_alloc(sizeof *call);
    if (!call) {
        return NULL;
    }
    *call = (tr_open_call_t){
        .peer = peer,
        .peer_id = command->id,
        .id = ++gateway->last_id,
        .is_monitor = command->command == TR_TRP1_MONITOR,
        .finish_on_disconnect = command->finish_on_disconnect,
    };
    if (tr_gateway_note_call(gateway, call) != TROUPE_OK) {
        tr_slab_free(call, sizeof *call);
        return NULL;
    }
    return call;
}

/* NULL when out of memory. */
static tr_open_call_t *open_ask(tr_gateway_t *gateway, tr_peer_t *peer,
                                const tr_trp1_t *request, int64_t deadline_ms)
{
    tr_open_call_t *call = open_call(gateway, peer, request);
    if (call &&
        tr_timers_start(&gateway->deadlines, call->id, deadline_ms, 0, NULL) != TROUPE_OK) {
        tr_gateway_close_call(gateway, call);
        return NULL;
    }
    return call;
}

void tr_talk_give_up(tr_gateway_t *gateway, tr_open_call_t *call, troupe_outcome_t outcome,
                     const char *why)
{
    tr_native_refuse(gateway, call->peer, call->peer_id, outcome, "%s", why);
    tr_gateway_close_call(gateway, call);
}

void tr_talk_ask(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *request,
                 troupe_message_t **payload_p)
{
    const char *why;
    troupe_outcome_t outcome = judge(gateway, peer, request, &why);
    if (outcome != TROUPE_OUTCOME_OK) {
        refuse(gateway, peer, request, outcome, why);
        return;
    }
    int64_t timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : DEFAULT_ASK_MS;
    int64_t deadline_ms = tr_clock_after(tr_gateway_now_ms(gateway), timeout_ms);
    tr_open_call_t *call = open_ask(gateway, peer, request, deadline_ms);
    troupe_question_t *question =
        call ? tr_question_new(gateway->self->mailbox, call->id, deadline_ms) : NULL;
    if (question) {
        /* However it goes, the question is answered, if only by being let go of. */
        troupe_status_t status =
            post(gateway, request, tr_mail_new(payload_p, peer->ref, &question));
        (void)status;
    } else if (call) {
        tr_talk_give_up(gateway, call, TROUPE_OUTCOME_OVERLOADED, "the node is out of memory");
    } else {
        refuse(gateway, peer, request, TROUPE_OUTCOME_OVERLOADED, "the node is out of memory");
    }
}

int64_t tr_talk_expire(tr_gateway_t *gateway, int64_t now_ms)
{
    tr_due_t due;
    while (tr_timers_take_due(&gateway->deadlines, now_ms, &due)) {
        tr_open_call_t *call = tr_idmap_get(&gateway->calls, due.id);
        tr_peer_t *peer = call->peer;
        tr_talk_give_up(gateway, call, TROUPE_OUTCOME_TIMEOUT,
                        "the actor has not answered in time");
        if (peer->is_gone) {
            tr_gateway_drop_peer(gateway, peer);
        }
    }
    return tr_timers_next_ms(&gateway->deadlines);
}

/* ---- monitors ---- */

static void say_down(tr_gateway_t *gateway, tr_peer_t *peer, uint64_t id, tr_span_t whom,
                     const tr_reason_t *reason)
{
    tr_trp1_t down;
    tr_trp1_init(&down, TR_TRP1_DOWN, id);
    down.from = whom;
    tr_down_say_reason(&down, reason);
    tr_native_answer(gateway, peer, &down, NULL);
}

static void watch(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *monitor,
                  troupe_ref_t *whom)
{
    tr_open_call_t *call = open_call(gateway, peer, monitor);
    if (call && tr_watched_add(&gateway->watched, whom, call) == TROUPE_OK) {
        return;
    }
    if (call) {
        tr_gateway_close_call(gateway, call);
    }
    refuse(gateway, peer, monitor, TROUPE_OUTCOME_OVERLOADED, "the node is out of memory");
}

void tr_talk_monitor(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *monitor,
                     const troupe_message_t *payload, bool has_too_many_frames)
{
    if (monitor->id == 0 || monitor->actor.size == 0) {
        tr_native_refuse_malformed(gateway, peer, monitor->id,
                                   "a monitor needs an id above 0 and an actor");
        return;
    }
    if (!tr_requests_admits(gateway, peer, monitor, payload, has_too_many_frames)) {
        return;
    }
    const char *why;
    troupe_outcome_t outcome = judge_right(gateway, peer, monitor, &why);
    if (outcome != TROUPE_OUTCOME_OK) {
        refuse(gateway, peer, monitor, outcome, why);
        return;
    }
    troupe_ref_t *whom = tr_directory_refer(gateway->self->runtime->directory, monitor->actor);
    if (whom) {
        watch(gateway, peer, monitor, whom);
    } else {
        const tr_reason_t gone = tr_reason_of(TROUPE_REASON_GONE);
        say_down(gateway, peer, monitor->id, monitor->actor, &gone);
    }
    troupe_ref_release(&whom);
}

void tr_talk_demonitor(tr_gateway_t *gateway, tr_peer_t *peer, uint64_t id)
{
    tr_open_call_t *call = tr_idmap_get(&peer->calls, id);
    if (call && call->is_monitor) {
        tr_gateway_close_call(gateway, call);
    }
}

static void end_monitor(tr_gateway_t *gateway, tr_open_call_t *call, const tr_mail_t *notice)
{
    tr_peer_t *peer = call->peer;
    say_down(gateway, peer, call->peer_id, tr_span_of(troupe_ref_name(notice->from)),
             notice->reason);
    tr_gateway_close_call(gateway, call);
    if (peer->is_gone) {
        tr_gateway_drop_peer(gateway, peer);
    }
}

/* Nobody waits for it when all have ended their monitors meanwhile. */
static void on_monitored_down(tr_gateway_t *gateway, const tr_mail_t *notice)
{
    tr_watched_life_t *life = tr_watched_take(&gateway->watched, notice);
    tr_open_call_t *call;
    while (life && (call = tr_watched_pop(&life)) != NULL) {
        end_monitor(gateway, call, notice);
    }
}

/* ---- what actors say ---- */

/* A peer does not live on when one that it is tied to has failed. */
static void on_link_down(tr_gateway_t *gateway, const tr_mail_t *notice)
{
    tr_peer_t *peer = tr_idmap_get(&gateway->known, notice->to);
    bool is_tied = peer && tr_ref_untie(peer->ref, notice->number);
    if (is_tied && tr_reason_is_abnormal(notice->reason)) {
        tr_peer_cut(peer, "an actor that it was linked to has failed");
        tr_gateway_drop_peer(gateway, peer);
    }
}

/* NULL: nothing keeps it from the peer. */
static const char *obstacle(const tr_peer_t *peer, const tr_mail_t *mail)
{
    if (!peer) {
        return "the peer has gone";
    }
    if (mail->question) {
        return "a peer takes messages, but answers none";
    }
    if (!peer->takes_messages) {
        return "the peer takes no messages";
    }
    char text[TR_REQUESTS_MAX_PROBLEM];
    if (tr_requests_payload_problem(peer, mail->message, false, text)) {
        return "it is too large for a peer";
    }
    return tr_peer_has_room(peer, mail->message)
               ? NULL
               : "the peer is too slow: what waits for it is above its bound";
}

static void give_up(tr_gateway_t *gateway, tr_mail_t *mail, const char *why)
{
    char name[40];
    snprintf(name, sizeof name, "peer/%llu", (unsigned long long)mail->to);
    if (mail->question) {
        bool is_there = tr_idmap_get(&gateway->known, mail->to);
        tr_question_answer(mail->question,
                           is_there ? TROUPE_OUTCOME_WORKER_ERROR : TROUPE_OUTCOME_WORKER_LOST,
                           why, NULL);
    }
    tr_letter_t *letter = &mail->letter;
    tr_dead_letter_take(gateway->self->runtime, name, why, &letter);
}

static void pass_on(tr_gateway_t *gateway, tr_peer_t *peer, tr_mail_t *mail)
{
    tr_trp1_t message;
    tr_trp1_init(&message, TR_TRP1_MESSAGE, 0);
    message.from = tr_span_of(mail->from ? troupe_ref_name(mail->from) : NULL);
    tr_native_answer(gateway, peer, &message, mail->message);
    if (peer->is_gone) {
        tr_gateway_drop_peer(gateway, peer);
    }
}

void tr_talk_take(tr_gateway_t *gateway, tr_mail_t *mail)
{
    tr_letter_t *letter = &mail->letter;
    if (mail->kind == TROUPE_MESSAGE_DOWN) {
        (mail->is_link ? on_link_down : on_monitored_down)(gateway, mail);
        tr_letter_destroy(&letter);
        return;
    }
    tr_peer_t *peer = tr_idmap_get(&gateway->known, mail->to);
    const char *why = obstacle(peer, mail);
    if (why) {
        give_up(gateway, mail, why);
    } else {
        pass_on(gateway, peer, mail);
        tr_letter_destroy(&letter);
    }
}
