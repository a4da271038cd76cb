/* A line begins with the offer and ends when nobody has a share of that any more, which is when
 * the actor, if there was one, has left its pool. Meanwhile its peer may go, and its actor may
 * not be up yet, or be over: each side outlives the other.
 *
 * Requests are numbered by their routers, and lines of one peer belong to different ones. So
 * the id that the peer knows has the place of the line in its last digits; places are not given
 * twice.
 */

#include "remote/workers/workers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mailbox/reply.h"

/* ---- ids ---- */

static uint64_t id_of(const tr_line_t *line, uint64_t number)
{
    return number * TR_WORKERS_MAX_LINES + line->place;
}

static uint64_t number_of(uint64_t id)
{
    return id / TR_WORKERS_MAX_LINES;
}

static tr_line_t *line_of(const tr_peer_t *peer, uint64_t id)
{
    tr_line_t *line = peer->lines;
    while (line && line->place != id % TR_WORKERS_MAX_LINES) {
        line = line->next;
    }
    return line;
}

static tr_line_t *line_called(const tr_peer_t *peer, tr_span_t capability)
{
    tr_line_t *line = peer->lines;
    while (line && (line->is_over || !tr_span_equals(capability, line->capability))) {
        line = line->next;
    }
    return line;
}

bool tr_workers_has_any(const tr_peer_t *peer)
{
    for (const tr_line_t *line = peer->lines; line; line = line->next) {
        if (!line->is_over) {
            return true;
        }
    }
    return false;
}

/* ---- to the actor ---- */

static void post(tr_line_t *line, const tr_trp1_t *command, troupe_message_t **message_p)
{
    if (!line->actor) {
        return;
    }
    tr_line_letter_t *word = tr_line_letter_new(line->number, command, message_p);
    tr_letter_t *letter = word ? &word->letter : NULL;
    troupe_status_t status =
        letter ? tr_mailbox_post(line->actor, TR_LANE_USER, &letter) : TROUPE_ERR_NOMEM;
    if (status == TROUPE_FULL) {
        tr_peer_cut(line->peer, "it says more than can be taken");
    } else if (status == TROUPE_ERR_NOMEM) {
        tr_peer_cut(line->peer, "out of memory");
    }
    tr_letter_destroy(&letter); /* if it is still there: the actor has ended, or is not told */
}

/* Its peer has gone: whatever there is no room for, this is heard. */
static void post_bye(tr_line_t *line, const char *why, bool is_normal)
{
    tr_trp1_t bye;
    tr_trp1_init(&bye, TR_TRP1_BYE, 0);
    bye.text = tr_span_of(why);
    bye.state = tr_span_of(is_normal ? "normal" : "");
    tr_line_letter_t *word = line->actor ? tr_line_letter_new(line->number, &bye, NULL) : NULL;
    tr_letter_t *letter = word ? &word->letter : NULL;
    if (letter && tr_mailbox_post_answer(line->actor, TR_LANE_USER, &letter) != TROUPE_OK) {
        tr_letter_destroy(&letter); /* it has ended */
    }
}

static void post_drain(tr_line_t *line)
{
    tr_trp1_t drain;
    tr_trp1_init(&drain, TR_TRP1_DRAIN, 0);
    line->wants_drain = true;
    post(line, &drain, NULL);
}

/* ---- offers ---- */

static void refuse(tr_gateway_t *gateway, tr_peer_t *peer, tr_span_t capability,
                   troupe_outcome_t outcome, const char *why, int64_t hint_ms)
{
    char name[TR_TRP1_MAX_NAME + 1];
    char text[TR_TRP1_MAX_TEXT];
    tr_span_copy(name, sizeof name, capability);
    tr_reply_compose(text, sizeof text, outcome, why);
    tr_event(gateway->self->runtime->events, TR_LOG_WARNING, "remote_worker_refused",
             TR_TEXT("capability", name), TR_NUMBER("peer", peer->number),
             TR_TEXT("name", peer->name), TR_TEXT("address", peer->address),
             TR_TEXT("code", troupe_outcome_name(outcome)), TR_TEXT("why", why));
    peer->dialect->refuse_offer(gateway, peer, name, outcome, text, hint_ms);
}

static void refuse_line(tr_gateway_t *gateway, tr_line_t *line, troupe_outcome_t outcome,
                        const char *why)
{
    line->is_over = line->is_refused = true;
    if (line->peer && !line->peer->is_leaving) {
        refuse(gateway, line->peer, tr_span_of(line->capability), outcome, why, 0);
    }
}

/* Of a local peer without the number of its process, which is another one each time. */
static void remember_as(const tr_peer_t *peer, tr_span_t capability, char *who, size_t size)
{
    const char *from = peer->name[0] ? peer->name : peer->address;
    const char *end = peer->name[0] || !peer->is_local ? NULL : strrchr(from, ':');
    int length = end ? (int)(end - from) : (int)strlen(from);
    snprintf(who, size, "%.*s %.*s", (int)capability.size, capability.data, length, from);
}

static const char *objection(tr_gateway_t *gateway, const tr_peer_t *peer,
                             const tr_worker_offer_t *offer, const char *who,
                             troupe_outcome_t *outcome, int64_t *hint_ms)
{
    *hint_ms = 0;
    *outcome = TROUPE_OUTCOME_SHUTTING_DOWN;
    if (gateway->is_draining) {
        return "the node is draining";
    }
    *outcome = TROUPE_OUTCOME_FORBIDDEN;
    if (!tr_allowed_has(&peer->rights->offers, offer->capability)) {
        tr_requests_note_forbidden(gateway, peer, TR_RIGHT_OFFER, offer->capability);
        return "this peer may not offer it";
    }
    *outcome = TROUPE_OUTCOME_BAD_REQUEST;
    if (line_called(peer, offer->capability)) {
        return "it is offered on this connection already";
    }
    if (peer->n_lines >= TR_WORKERS_MAX_LINES) {
        return "more than 16 capabilities were offered on this connection";
    }
    *outcome = TROUPE_OUTCOME_OVERLOADED;
    *hint_ms = tr_relapses_wait_ms(&gateway->relapses, who, tr_gateway_now_ms(gateway));
    return *hint_ms > 0 ? "it has died too often of late" : NULL;
}

bool tr_workers_may_go_on(const tr_peer_t *peer)
{
    assert(peer);
    for (const tr_line_t *line = peer->lines; line; line = line->next) {
        if (!line->is_over &&
            !tr_allowed_has(&peer->rights->offers, tr_span_of(line->capability))) {
            return false;
        }
    }
    return true;
}

static tr_line_t *add_line(tr_gateway_t *gateway, tr_peer_t *peer,
                           const tr_worker_offer_t *offer, const char *who)
{
    tr_line_t *line = calloc(1, sizeof *line);
    if (!line) {
        return NULL;
    }
    line->number = ++gateway->last_line;
    if (tr_idmap_put(&gateway->lines, line->number, line) != TROUPE_OK) {
        free(line);
        return NULL;
    }
    line->peer = peer;
    line->place = peer->n_lines++;
    line->begun_ms = tr_gateway_now_ms(gateway);
    tr_span_copy(line->capability, sizeof line->capability, offer->capability);
    snprintf(line->who, sizeof line->who, "%s", who);
    line->next = peer->lines;
    peer->lines = line;
    return line;
}

static void forget_line(tr_gateway_t *gateway, tr_line_t *line)
{
    if (line->peer) {
        tr_line_t **place = &line->peer->lines;
        while (*place != line) {
            place = &(*place)->next;
        }
        *place = line->next;
    }
    tr_idmap_take(&gateway->lines, line->number);
    tr_mailbox_release(&line->actor);
    free(line);
}

static tr_keepsake_t *make_out(tr_gateway_t *gateway, const tr_line_t *line,
                               const tr_worker_offer_t *offer, const tr_line_offer_t **out)
{
    const tr_peer_t *peer = line->peer;
    tr_line_offer_t written = {
        .line = line->number,
        .gateway = gateway->self->mailbox,
        .peer = peer->number,
        .concurrency = offer->concurrency,
        .memory_bytes = offer->memory_bytes,
        .hears_pings = peer->dialect->ping_worker != NULL,
        .dialect = peer->dialect->name,
    };
    snprintf(written.who, sizeof written.who, "%s%s%s", peer->name,
             peer->name[0] && peer->address[0] ? " at " : "", peer->address);
    return tr_line_offer_new(&written, out);
}

/* The pool hears of it by the router. False: out of memory. */
static bool ask_to_join(tr_gateway_t *gateway, const tr_line_t *line,
                        const tr_worker_offer_t *offer, tr_mailbox_t *router)
{
    tr_control_t *join = tr_control_new(TR_WORD_JOIN, 0);
    const tr_line_offer_t *what = NULL;
    tr_keepsake_t *keepsake = join ? make_out(gateway, line, offer, &what) : NULL;
    if (join && keepsake) {
        join->number = offer->concurrency;
        join->depth = (size_t)line->number;
        join->what = what;
        join->keepsake = keepsake;
        join->mailbox = tr_mailbox_share(gateway->self->mailbox);
        tr_control_send(join, router);
        return true;
    }
    tr_letter_t *letter = join ? &join->letter : NULL;
    tr_letter_destroy(&letter);
    return false;
}

void tr_workers_offer(tr_gateway_t *gateway, tr_peer_t *peer, const tr_worker_offer_t *offer)
{
    assert(gateway && peer && offer && offer->concurrency > 0);
    char who[TR_RELAPSES_NAME];
    troupe_outcome_t outcome;
    int64_t hint_ms;
    peer->has_offered = true;
    remember_as(peer, offer->capability, who, sizeof who);
    const char *why_not = objection(gateway, peer, offer, who, &outcome, &hint_ms);
    if (why_not) {
        refuse(gateway, peer, offer->capability, outcome, why_not, hint_ms);
        return;
    }
    tr_mailbox_t *router = tr_directory_find(gateway->self->runtime->directory,
                                             TR_NAMES_CAPABILITY, offer->capability);
    if (!router) {
        refuse(gateway, peer, offer->capability, TROUPE_OUTCOME_NO_CAPABILITY,
               "there is no such capability here", 0);
        return;
    }
    tr_line_t *line = add_line(gateway, peer, offer, who);
    if (!line || !ask_to_join(gateway, line, offer, router)) {
        if (line) {
            forget_line(gateway, line);
        }
        refuse(gateway, peer, offer->capability, TROUPE_OUTCOME_OVERLOADED,
               "the node is out of memory", 0);
    }
    tr_mailbox_release(&router);
}

/* ---- what a worker says ---- */

static void hear_drain(tr_peer_t *peer, tr_span_t capability)
{
    for (tr_line_t *line = peer->lines; line; line = line->next) {
        if (capability.size == 0 || tr_span_equals(capability, line->capability)) {
            post_drain(line);
        }
    }
}

static void hear_in_all(tr_peer_t *peer, const tr_trp1_t *command)
{
    for (tr_line_t *line = peer->lines; line; line = line->next) {
        post(line, command, NULL);
    }
}

/* It tells of what runs, which may belong to another line. */
static void hear_pong(const tr_peer_t *peer, const tr_trp1_t *pong)
{
    tr_line_t *line = pong->id > 0 ? line_of(peer, pong->id) : NULL;
    if (!line) {
        return;
    }
    tr_trp1_t told = *pong;
    bool is_its_own = pong->running > 0 && line_of(peer, (uint64_t)pong->running) == line;
    told.id = number_of(pong->id);
    told.running = is_its_own ? (int64_t)number_of((uint64_t)pong->running) : -1;
    told.running_for = is_its_own ? pong->running_for : -1;
    told.progress_age = is_its_own ? pong->progress_age : -1;
    post(line, &told, NULL);
}

static void hear_of_request(const tr_peer_t *peer, const tr_trp1_t *command,
                            troupe_message_t **message_p)
{
    tr_line_t *line = line_of(peer, command->id);
    if (line) {
        tr_trp1_t told = *command;
        told.id = number_of(command->id);
        post(line, &told, message_p);
    }
}

bool tr_workers_hear(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *command,
                     troupe_message_t **message_p)
{
    assert(gateway && peer && command);
    (void)gateway;
    if (!peer->has_offered) {
        return false;
    }
    if (command->command == TR_TRP1_DRAIN) {
        hear_drain(peer, command->capability);
    } else if (command->command == TR_TRP1_PONG) {
        hear_pong(peer, command);
    } else if (command->id > 0) {
        hear_of_request(peer, command, message_p);
    } else if (command->command == TR_TRP1_ERROR || command->command == TR_TRP1_PROGRESS) {
        hear_in_all(peer, command);
    }
    return true;
}

/* ---- the peer goes ---- */

void tr_workers_drain(tr_gateway_t *gateway, tr_peer_t *peer)
{
    assert(gateway && peer);
    (void)gateway;
    hear_drain(peer, (tr_span_t){0});
}

void tr_workers_part(tr_gateway_t *gateway, tr_peer_t *peer)
{
    assert(gateway && peer);
    bool is_normal = peer->has_left || gateway->is_stopping;
    while (peer->lines) {
        tr_line_t *line = peer->lines;
        peer->lines = line->next;
        post_bye(line, peer->why_gone ? peer->why_gone : "its endpoint is gone", is_normal);
        line->peer = NULL;
        line->next = NULL;
    }
}

void tr_workers_finish(tr_gateway_t *gateway)
{
    assert(gateway);
    uint64_t number;
    tr_line_t *line;
    while ((line = tr_idmap_any(&gateway->lines, &number)) != NULL) {
        forget_line(gateway, line);
    }
    tr_idmap_finish(&gateway->lines);
}

/* ---- what an actor says ---- */

static void come_up(tr_line_t *line, tr_line_letter_t *hello)
{
    line->actor = hello->mailbox;
    hello->mailbox = NULL;
    line->is_up = true;
    if (!line->peer) {
        post_bye(line, "it went before it was known here", true);
    } else if (line->wants_drain) {
        post_drain(line);
    }
}

static void assign(tr_gateway_t *gateway, tr_line_t *line, tr_line_letter_t *letter)
{
    letter->command.id = line->last_id = id_of(line, letter->command.id);
    line->peer->dialect->assign(gateway, line, &letter->command, letter->message);
}

/* To a peer that is there, of a line that is not over. */
static void tell_peer(tr_gateway_t *gateway, tr_line_t *line, tr_line_letter_t *letter)
{
    const tr_dialect_t *dialect = line->peer->dialect;
    const tr_trp1_t *command = &letter->command;
    switch (command->command) {
    case TR_TRP1_REQUEST:
        assign(gateway, line, letter);
        break;
    case TR_TRP1_CANCEL:
        if (dialect->cancel) {
            dialect->cancel(gateway, line, id_of(line, command->id));
        }
        break;
    case TR_TRP1_CREDIT:
        if (dialect->credit) {
            dialect->credit(gateway, line, id_of(line, command->id), command->credit);
        }
        break;
    case TR_TRP1_PING:
        dialect->ping_worker(gateway, line, id_of(line, command->id));
        break;
    case TR_TRP1_DRAIN:
        if (dialect->drain) {
            dialect->drain(gateway, line);
        }
        break;
    case TR_TRP1_STOP:
        line->is_over = true;
        dialect->stop(gateway, line);
        break;
    case TR_TRP1_BYE:
        line->is_over = true;
        tr_peer_cut(line->peer, "it is not to be had as a worker any more");
        break;
    default:
        break;
    }
}

static void note_relapse(tr_gateway_t *gateway, const tr_line_t *line)
{
    int64_t now_ms = tr_gateway_now_ms(gateway);
    tr_relapses_note(&gateway->relapses, line->who, now_ms - line->begun_ms, now_ms);
    int64_t wait_ms = tr_relapses_wait_ms(&gateway->relapses, line->who, now_ms);
    if (wait_ms > 0) {
        tr_event(gateway->self->runtime->events, TR_LOG_WARNING, "remote_worker_kept_out",
                 TR_TEXT("who", line->who), TR_NUMBER("for_ms", wait_ms));
    }
}

static void be_over(tr_gateway_t *gateway, tr_line_t *line)
{
    if (!line->is_up && !line->is_refused) {
        refuse_line(gateway, line, TROUPE_OUTCOME_OVERLOADED, "it could not be taken in");
    }
    forget_line(gateway, line);
}

void tr_workers_take(tr_gateway_t *gateway, tr_line_letter_t *letter)
{
    assert(gateway && letter);
    tr_letter_t *taken = &letter->letter;
    tr_line_t *line = tr_idmap_get(&gateway->lines, letter->line);
    tr_peer_t *peer = line ? line->peer : NULL;
    if (line && letter->command.command == TR_TRP1_BYE) {
        note_relapse(gateway, line);
    }
    if (line && letter->command.command == TR_TRP1_GOAWAY) {
        be_over(gateway, line);
    } else if (line && letter->command.command == TR_TRP1_HELLO) {
        come_up(line, letter);
    } else if (peer && !line->is_over && !peer->is_gone) {
        tell_peer(gateway, line, letter);
    }
    if (peer && peer->is_gone) {
        tr_gateway_drop_peer(gateway, peer);
    }
    tr_letter_destroy(&taken);
}

void tr_workers_take_refusal(tr_gateway_t *gateway, const tr_control_t *word)
{
    assert(gateway && word);
    tr_line_t *line = tr_idmap_get(&gateway->lines, word->number);
    if (line) {
        tr_peer_t *peer = line->peer;
        refuse_line(gateway, line, (troupe_outcome_t)word->depth, word->reason.text);
        if (peer && peer->is_gone) {
            tr_gateway_drop_peer(gateway, peer);
        }
    }
}
