/* The gateway forgets a peer that says good-bye, that cannot be reached, that breaks its own
 * heartbeat, or that has been silent with nothing open.
 *
 * Of a stream the gateway is the reader. A part counts as taken when the socket has it, or when
 * there is nobody any more to send it to.
 */

#include "remote/gateway/gateway.h"

#include <stdlib.h>
#include <string.h>

#include "actors/dead_letter.h"
#include "actors/report.h"
#include "base/clock.h"
#include "base/log.h"
#include "mailbox/reply.h"
#include "remote/gateway/inside.h"
#include "remote/majordomo/majordomo.h"
#include "remote/workers/workers.h"

#define MAILBOX_LETTERS ((size_t)1 << 17)
#define MAILBOX_BYTES   ((size_t)256 << 20)

#define LINGER_MS            500
#define RETRY_MS             1
#define ROUND_MS             50
#define GOOD_BYE_PATIENCE_MS 10000 /* until a good-bye has found room */
#define SHUT_PATIENCE_MS     10000 /* for what is open behind an endpoint that goes */
#define GOOD_BYE_MS          100 /* for what was said last to leave: unbinding drops what has not */

/* ---- peers ---- */

int64_t tr_gateway_now_ms(tr_gateway_t *gateway)
{
    if (gateway->now_ms == 0) {
        gateway->now_ms = tr_clock_now_ms();
    }
    return gateway->now_ms;
}

void tr_gateway_send(tr_gateway_t *gateway, tr_peer_t *peer, troupe_message_t **message_p,
                     uint64_t call_id, uint64_t part_bytes)
{
    tr_peer_send_message(peer, message_p, call_id, part_bytes, tr_gateway_now_ms(gateway));
    gateway->has_backlog = gateway->has_backlog || peer->first_out;
}

/* What it was to get is lost, and it must know: all else waits behind the good-bye. */
static void say_good_bye(tr_gateway_t *gateway, tr_peer_t *peer)
{
    peer->is_leaving = true;
    peer->is_gone = false;
    peer->max_bundle = 0;
    peer->leave_by_ms = tr_clock_after(tr_clock_now_ms(), GOOD_BYE_PATIENCE_MS);
    tr_peer_forget_backlog(peer);
    if (peer->dialect->bye) {
        peer->dialect->bye(gateway, peer);
    }
}

void tr_gateway_drop_peer(tr_gateway_t *gateway, tr_peer_t *peer)
{
    tr_gateway_stop_gathering(gateway, peer);
    uint64_t id;
    tr_open_call_t *call;
    while ((call = tr_idmap_any(&peer->calls, &id)) != NULL) {
        if (call->finish_on_disconnect && call->envelope) {
            tr_gateway_let_run(call);
        } else {
            tr_gateway_withdraw(call);
            tr_gateway_close_call(gateway, call); /* its answer will find nobody */
        }
    }
    tr_talk_part(gateway, peer);
    tr_workers_part(gateway, peer);
    if (peer->dialect && peer->dialect->part) {
        peer->dialect->part(gateway, peer);
    }
    if (peer->is_cut && !peer->is_leaving) {
        tr_guard_note(gateway, peer, peer->cut_by);
        say_good_bye(gateway, peer);
        return;
    }
    tr_peers_remove(&gateway->peers, peer);
    tr_guard_part(gateway, peer);
    tr_peer_destroy(&peer);
    tr_metric_set(gateway->n_peers, (int64_t)gateway->peers.n_peers);
}

/* ---- what goes out ---- */

/* Of a call that runs on without its peer. */
static void drop_reply(tr_gateway_t *gateway, tr_open_call_t *call, troupe_reply_t *reply)
{
    if (reply->is_final) {
        tr_gateway_close_call(gateway, call);
    } else if (reply->standing == TROUPE_STANDING_UNTOLD) {
        tr_gateway_note_part_left(gateway, call->id,
                                  troupe_message_bytes(troupe_reply_message(reply)));
    }
    troupe_reply_destroy(&reply);
}

/* Takes the reply. */
static void pass_on(tr_gateway_t *gateway, tr_open_call_t *call, troupe_reply_t *reply)
{
    tr_peer_t *peer = call->peer;
    peer->dialect->reply(gateway, call, reply);
    if (reply->is_final) {
        tr_gateway_close_call(gateway, call);
        if (peer->dialect->settled && !peer->is_gone) {
            peer->dialect->settled(gateway, peer);
        }
    }
    troupe_reply_destroy(&reply);
}

static void on_reply(tr_gateway_t *gateway, troupe_reply_t *reply)
{
    tr_open_call_t *call = tr_idmap_get(&gateway->calls, reply->id);
    if (!call) {
        troupe_reply_destroy(&reply); /* its peer has gone */
        return;
    }
    tr_peer_t *peer = call->peer;
    if (!peer) {
        drop_reply(gateway, call, reply);
        return;
    }
    pass_on(gateway, call, reply);
    if (peer->is_gone) {
        tr_gateway_drop_peer(gateway, peer);
    }
}

static void say_goaway(tr_gateway_t *gateway, tr_peer_t *peer)
{
    if (peer->dialect->goaway) {
        peer->dialect->goaway(gateway, peer);
    }
}

static void drain(tr_gateway_t *gateway)
{
    if (gateway->is_draining) {
        return;
    }
    gateway->is_draining = true;
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = peer->next) {
        say_goaway(gateway, peer);
    }
}

/* Those behind it are not thrown out, but asked to go on elsewhere. */
static void on_shut(void *arg, uint32_t door)
{
    tr_gateway_t *gateway = arg;
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = peer->next) {
        if (peer->door == door) {
            say_goaway(gateway, peer);
            tr_workers_drain(gateway, peer);
        }
    }
}

static void cut_and_drop(tr_gateway_t *gateway, tr_peer_t *peer, const char *why)
{
    tr_peer_cut(peer, why);
    tr_gateway_drop_peer(gateway, peer);
}

static void drop_peers(tr_gateway_t *gateway, uint32_t door)
{
    tr_peer_t *next;
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = next) {
        next = peer->next;
        if (peer->door == door) {
            peer->is_leaving = true; /* it heard of it before */
            tr_gateway_drop_peer(gateway, peer);
        }
    }
}

static void empty(tr_gateway_t *gateway, uint32_t door, const char *why)
{
    tr_peer_t *next;
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = next) {
        next = peer->next;
        if (peer->door == door) {
            cut_and_drop(gateway, peer, why);
        }
    }
    drop_peers(gateway, door);
}

/* What is open there was allowed under the old rules, and ends now. */
static void on_reopen(void *arg, uint32_t door)
{
    empty(arg, door, "its endpoint has another security now");
}

/* libzmq lets go of connections that are stuck only with their socket. Before nobody else could
 * come in, those inside are asked to come again. */
static void renew_stuck_doors(tr_gateway_t *gateway)
{
    for (uint32_t i = 0; gateway->has_stuck_doors && i < TR_DOORS_MAX; i++) {
        if (tr_guard_is_stuck(&gateway->doors.all[i])) {
            tr_event(gateway->self->runtime->events, TR_LOG_WARNING, "endpoint_renewed",
                     TR_TEXT("endpoint", gateway->doors.all[i].endpoint));
            empty(gateway, i, "its endpoint begins anew");
            tr_doors_renew(&gateway->doors, i, &gateway->entry.pair);
        }
    }
    gateway->has_stuck_doors = false;
}

/* Those whose keys are there no more are cut before the doors are looked after, and before
 * anybody says another word. */
static void follow(tr_gateway_t *gateway, const tr_gateway_spec_t *spec)
{
    char why[256];
    tr_guard_limit(gateway, &spec->limits);
    tr_keys_t *former;
    gateway->vigil = spec->vigil;
    if (!tr_entry_prepare(&gateway->entry, spec, &former, why, sizeof why)) {
        tr_event(gateway->self->runtime->events, TR_LOG_ERROR, "not_listening",
                 TR_TEXT("reason", why));
    }
    tr_peer_t *next;
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = next) {
        next = peer->next;
        if (!tr_entry_review(&gateway->entry, peer) && !peer->is_leaving) {
            cut_and_drop(gateway, peer, "its key is not known any more");
        }
    }
    tr_keys_release(&former);
    tr_doors_follow(&gateway->doors, spec, &gateway->entry.pair,
                    tr_clock_after(gateway->self->now.ms, SHUT_PATIENCE_MS), on_shut, on_reopen,
                    gateway);
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = next) {
        next = peer->next;
        if (!peer->is_leaving && !tr_workers_may_go_on(peer)) {
            cut_and_drop(gateway, peer, "it may not offer any more what it serves");
        }
    }
}

static void receive(tr_self_t *self, tr_letter_t *letter)
{
    tr_gateway_t *gateway = self->state;
    const tr_control_t *word = tr_control_in(letter);
    if (letter->type == &tr_reply_type) {
        on_reply(gateway, (troupe_reply_t *)letter);
        return;
    }
    if (letter->type == &tr_report_type) {
        tr_majordomo_take_report(gateway, (const tr_report_t *)letter);
        tr_letter_destroy(&letter);
        return;
    }
    if (tr_mail_in(letter)) {
        tr_talk_take(gateway, tr_mail_in(letter));
        return;
    }
    if (tr_line_letter_in(letter)) {
        tr_workers_take(gateway, tr_line_letter_in(letter));
        return;
    }
    if (word && word->word == TR_WORD_DRAIN) {
        drain(gateway);
    } else if (word && word->word == TR_WORD_NOT_JOINED) {
        tr_workers_take_refusal(gateway, word);
    } else if (word && word->word == TR_WORD_RESPEC && !gateway->is_stopping) {
        follow(gateway, word->what);
    } else if (word && word->word == TR_WORD_ENDED && !gateway->is_stopping &&
               tr_doorkeeper_is(gateway->entry.doorkeeper, word->incarnation)) {
        tr_reason_t reason = tr_reason_format(
            TROUPE_REASON_FAILED, "the doorkeeper has ended: %.100s", word->reason.text);
        tr_self_end(self, &reason);
    } else if (!word) {
        tr_dead_letter_take(self->runtime, self->name, "a gateway takes no messages", &letter);
        return;
    }
    tr_letter_destroy(&letter);
}

/* ---- turns ---- */

/* Those that serve hear that this is over, and may come again. */
static void dismiss_workers(tr_gateway_t *gateway)
{
    tr_peer_t *next;
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = next) {
        next = peer->next;
        if (peer->lines) {
            tr_peer_cut(peer, "the node is stopping");
            tr_gateway_drop_peer(gateway, peer);
            gateway->dismissed_ms = tr_gateway_now_ms(gateway);
        }
    }
}

/* The answers in the mailbox go out first; then what is still open is told that it is over. */
static void stop_when_flushed(tr_gateway_t *gateway, int64_t now_ms)
{
    bool is_patient = now_ms < gateway->stop_by_ms;
    if (is_patient && tr_mailbox_depth(gateway->self->mailbox) > 0) {
        return;
    }
    uint64_t id;
    tr_open_call_t *call;
    while ((call = tr_idmap_any(&gateway->calls, &id)) != NULL) {
        tr_gateway_withdraw(call);
        troupe_reply_t *end =
            tr_reply_new(0, true, TROUPE_OUTCOME_SHUTTING_DOWN, "the node is stopping", NULL);
        if (call->peer && end) {
            pass_on(gateway, call, end);
        } else {
            troupe_reply_destroy(&end);
            tr_gateway_close_call(gateway, call);
        }
    }
    dismiss_workers(gateway);
    tr_gateway_send_bundles(gateway);
    tr_gateway_look_after_peers(gateway, now_ms);
    bool has_left = now_ms - gateway->dismissed_ms >= GOOD_BYE_MS;
    if (!is_patient || (!gateway->has_backlog && has_left)) {
        tr_self_end(gateway->self, &gateway->stop_reason);
    }
}

static int64_t look_around(tr_gateway_t *gateway, int64_t now_ms)
{
    tr_gateway_send_bundles(gateway);
    if (gateway->is_stopping) {
        stop_when_flushed(gateway, now_ms);
        return tr_clock_after(now_ms, RETRY_MS);
    }
    if (gateway->has_backlog && now_ms != gateway->tried_ms) {
        tr_gateway_try_backlogs(gateway, now_ms);
    }
    if (now_ms >= gateway->next_round_ms) {
        tr_gateway_look_after_peers(gateway, now_ms);
        gateway->next_round_ms = tr_clock_after(now_ms, ROUND_MS);
    }
    if (gateway->has_backlog) {
        return tr_clock_after(now_ms, RETRY_MS);
    }
    int64_t look_ms = tr_guard_sweep(gateway, now_ms);
    return gateway->peers.n_peers > 0 && gateway->next_round_ms < look_ms
               ? gateway->next_round_ms
               : look_ms;
}

static bool has_open_calls(const tr_gateway_t *gateway, uint32_t door)
{
    for (const tr_peer_t *peer = gateway->peers.first; peer; peer = peer->next) {
        if (peer->door == door &&
            (peer->calls.n_items > 0 || peer->first_out || tr_workers_has_any(peer))) {
            return true;
        }
    }
    return false;
}

/* Doors that are shut are gone when nothing is open behind them any more. Returns when to look
 * again. */
static int64_t look_after_doors(tr_gateway_t *gateway, int64_t now_ms, int64_t due_ms)
{
    int next;
    for (int door = tr_doors_next_shut(&gateway->doors, -1); door >= 0; door = next) {
        next = tr_doors_next_shut(&gateway->doors, door);
        int64_t gone_by_ms = gateway->doors.all[door].gone_by_ms;
        if (now_ms < gone_by_ms && has_open_calls(gateway, (uint32_t)door)) {
            due_ms = tr_clock_earlier(due_ms, gone_by_ms);
        } else {
            drop_peers(gateway, (uint32_t)door);
            tr_doors_forget(&gateway->doors, door);
        }
    }
    return due_ms;
}

static int64_t turn(tr_self_t *self, int64_t now_ms)
{
    tr_gateway_t *gateway = self->state;
    gateway->now_ms = now_ms;
    int64_t due_ms = look_around(gateway, now_ms);
    renew_stuck_doors(gateway);
    due_ms = look_after_doors(gateway, now_ms, due_ms);
    due_ms = tr_clock_earlier(due_ms, tr_entry_turn(&gateway->entry, now_ms));
    due_ms = tr_clock_earlier(due_ms, tr_talk_expire(gateway, now_ms));
    due_ms = tr_clock_earlier(due_ms, tr_majordomo_expire(gateway, now_ms));
    gateway->now_ms = 0; /* a wait of any length may come now */
    tr_routes_forget(&gateway->routes);
    return due_ms;
}

static void stop(tr_self_t *self, const tr_reason_t *reason)
{
    tr_gateway_t *gateway = self->state;
    gateway->is_stopping = true;
    gateway->is_draining = true;
    gateway->stop_by_ms = tr_clock_after(tr_clock_now_ms(), LINGER_MS);
    gateway->stop_reason = *reason;
}

/* ---- life ---- */

static bool begin(tr_self_t *self, const void *arg)
{
    tr_gateway_t *gateway = calloc(1, sizeof *gateway);
    self->state = gateway;
    if (gateway) {
        gateway->self = self;
        gateway->vigil = ((const tr_gateway_spec_t *)arg)->vigil;
        tr_doors_init(&gateway->doors, self, tr_gateway_read, tr_guard_told);
        tr_entry_init(&gateway->entry, self);
        tr_idmap_init(&gateway->calls);
        tr_idmap_init(&gateway->known);
        tr_idmap_init(&gateway->lines);
        tr_timers_init(&gateway->deadlines);
        tr_watched_init(&gateway->watched, self->mailbox, self->incarnation);
    }
    if (!gateway || tr_peers_init(&gateway->peers) != TROUPE_OK || !tr_guard_begin(gateway)) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "out of memory");
        return false;
    }
    tr_guard_limit(gateway, &((const tr_gateway_spec_t *)arg)->limits);
    tr_metrics_t *metrics = self->runtime->metrics;
    for (tr_dialect_number_t i = 0; i < TR_N_DIALECTS; i++) {
        gateway->bad_messages[i] =
            tr_metrics_series(metrics, TR_METRIC_COUNTER, "troupe_gateway_bad_messages_total",
                              "Messages of peers that could not be understood",
                              (tr_label_t){"dialect", tr_dialect_name(i)}, (tr_label_t){0});
    }
    gateway->n_peers = tr_metrics_series(metrics, TR_METRIC_GAUGE, "troupe_gateway_peers",
                                         "Peers known now", (tr_label_t){0}, (tr_label_t){0});
    char why[256];
    tr_keys_t *former = NULL;
    bool is_listening =
        tr_entry_prepare(&gateway->entry, arg, &former, why, sizeof why) &&
        tr_doors_open_all(&gateway->doors, arg, &gateway->entry.pair, why, sizeof why);
    tr_keys_release(&former);
    if (!is_listening) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "%s", why);
    }
    return is_listening;
}

static void end(tr_self_t *self)
{
    tr_gateway_t *gateway = self->state;
    if (!gateway) {
        return;
    }
    while (gateway->peers.first) {
        tr_gateway_drop_peer(gateway, gateway->peers.first);
    }
    tr_peers_finish(&gateway->peers);
    uint64_t id;
    tr_open_call_t *call;
    while ((call = tr_idmap_any(&gateway->calls, &id)) != NULL) {
        tr_gateway_close_call(gateway, call);
    }
    tr_doors_finish(&gateway->doors);
    tr_guard_end(gateway);
    tr_entry_finish(&gateway->entry);
    tr_routes_forget(&gateway->routes);
    tr_idmap_finish(&gateway->calls);
    tr_idmap_finish(&gateway->known);
    tr_workers_finish(gateway);
    tr_timers_finish(&gateway->deadlines);
    tr_watched_finish(&gateway->watched);
    tr_mmi_finish(&gateway->mmi);
    free(gateway);
    self->state = NULL;
}

static const tr_actor_class_t gateway_class = {
    .kind = "gateway",
    .begin = begin,
    .receive = receive,
    .turn = turn,
    .stop = stop,
    .end = end,
};

troupe_status_t tr_gateway_start(const tr_birth_t *birth, tr_actor_t **out)
{
    return tr_actor_start(
        &(tr_actor_setup_t){
            .class = &gateway_class,
            .name = birth->name,
            .runtime = birth->runtime,
            .parent = birth->parent,
            .limits = {MAILBOX_LETTERS, MAILBOX_BYTES},
            .arg = birth->what,
            .keepsake = birth->keepsake,
        },
        out);
}
