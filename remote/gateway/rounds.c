/* What waits for peers is sent, and peers are looked after in rounds. Sending is how one that
 * has vanished is found out: a ROUTER says when nobody is there.
 */

#include "base/clock.h"
#include "remote/gateway/inside.h"
#include "remote/workers/workers.h"

#define FAREWELL_MS  200 /* for a good-bye to reach the peer, before its connection ends */
#define MISSED_BEATS 3
#define KEEP_BODY_MS 1000

void tr_gateway_stop_gathering(tr_gateway_t *gateway, tr_peer_t *peer)
{
    tr_peer_t **place = &gateway->gathering;
    while (peer->is_gathering && *place != peer) {
        place = &(*place)->next_gathering;
    }
    if (peer->is_gathering) {
        *place = peer->next_gathering;
        peer->is_gathering = false;
    }
}

/* Whoever turns out to be gone is dropped by the next round, which comes at once. */
void tr_gateway_send_bundles(tr_gateway_t *gateway)
{
    while (gateway->gathering) {
        tr_peer_t *peer = gateway->gathering;
        tr_gateway_stop_gathering(gateway, peer);
        tr_peer_send_bundle(peer, tr_gateway_now_ms(gateway));
        gateway->has_backlog = gateway->has_backlog || peer->first_out;
        if (peer->is_gone) {
            gateway->next_round_ms = tr_gateway_now_ms(gateway);
        }
    }
}

static bool has_broken_heartbeat(const tr_peer_t *peer, int64_t now_ms)
{
    return peer->heartbeat_ms > 0 &&
           now_ms - peer->last_heard_ms > peer->heartbeat_ms * MISSED_BEATS;
}

/* Sending is how a vanished peer is found out: a ROUTER says when nobody is there. */
static void look_after_peer(tr_gateway_t *gateway, tr_peer_t *peer, int64_t now_ms)
{
    tr_peer_flush(peer, now_ms);
    gateway->has_backlog = gateway->has_backlog || peer->first_out;
    if (!peer->is_gathering && now_ms - peer->last_sent_ms > KEEP_BODY_MS) {
        tr_bundle_finish(&peer->bundle); /* peers are many, few of them busy */
    }
    if (peer->is_leaving) {
        int64_t soon_ms = tr_clock_after(now_ms, FAREWELL_MS);
        if (!peer->first_out && peer->leave_by_ms > soon_ms) {
            peer->leave_by_ms = soon_ms;
        }
        peer->is_gone = peer->is_gone || now_ms >= peer->leave_by_ms;
        return;
    }
    if (!peer->is_gone && peer->dialect->tend) {
        peer->dialect->tend(gateway, peer, now_ms);
    }
    int64_t interval_ms = peer->heartbeat_ms > 0 ? peer->heartbeat_ms : TR_GATEWAY_HEARTBEAT_MS;
    bool is_needed = peer->calls.n_items > 0 || peer->ref || tr_workers_has_any(peer);
    if (!peer->is_gone && peer->dialect->ping && is_needed &&
        now_ms - peer->last_sent_ms >= interval_ms) {
        peer->dialect->ping(gateway, peer);
    }
    if (!peer->is_gone && has_broken_heartbeat(peer, now_ms)) {
        tr_peer_cut(peer, "silent for three heartbeats");
    }
    tr_guard_look(peer, now_ms);
}

void tr_gateway_look_after_peers(tr_gateway_t *gateway, int64_t now_ms)
{
    tr_guard_look_inside(gateway);
    if (gateway->has_backlog) {
        tr_guard_look_at_all(gateway);
    }
    gateway->has_backlog = false;
    tr_peer_t *next;
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = next) {
        next = peer->next;
        look_after_peer(gateway, peer, now_ms);
        if (peer->is_gone) {
            tr_gateway_drop_peer(gateway, peer);
        }
    }
}

void tr_gateway_try_backlogs(tr_gateway_t *gateway, int64_t now_ms)
{
    gateway->has_backlog = false;
    gateway->tried_ms = now_ms;
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = peer->next) {
        tr_peer_flush(peer, now_ms);
        gateway->has_backlog = gateway->has_backlog || peer->first_out;
        if (peer->is_gone) {
            gateway->next_round_ms = now_ms;
        }
    }
}
