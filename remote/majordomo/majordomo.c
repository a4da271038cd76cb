/* Majordomo as the gateway speaks it: what all its dialects and both roles share.
 */

#include "remote/majordomo/majordomo.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "remote/workers/workers.h"

void tr_majordomo_send(tr_gateway_t *gateway, tr_peer_t *peer, const tr_mdp_t *head,
                       troupe_message_t *body, uint64_t call_id, uint64_t part_bytes)
{
    troupe_message_t *message = troupe_message_new();
    troupe_status_t status = message ? tr_mdp_encode(head, message) : TROUPE_ERR_NOMEM;
    size_t n_frames = body ? troupe_message_count(body) : 0;
    for (size_t i = 0; status == TROUPE_OK && i < n_frames; i++) {
        status = tr_message_add_frame(message, &body->frames[i]);
    }
    if (status == TROUPE_OK && n_frames == 0 && tr_mdp_has_body(head->command)) {
        status = troupe_message_add(message, "", 0);
    }
    if (status != TROUPE_OK) {
        troupe_message_destroy(&message);
        tr_peer_cut(peer, "out of memory");
        if (call_id > 0) {
            peer->on_part(peer->on_part_arg, call_id, part_bytes);
        }
        return;
    }
    tr_gateway_send(gateway, peer, &message, call_id, part_bytes);
}

void tr_majordomo_refuse_malformed(tr_gateway_t *gateway, tr_peer_t *peer, const char *why)
{
    tr_gateway_note_bad(gateway, peer, why);
    peer->is_ignored = true;
    if (peer->lines) {
        peer->why_gone = "it said what cannot be understood";
        tr_workers_part(gateway, peer);
    }
}

static bool begins_with(tr_span_t text, const char *start)
{
    return text.size >= strlen(start) && memcmp(text.data, start, strlen(start)) == 0;
}

bool tr_majordomo_is_reserved(tr_span_t service)
{
    return begins_with(service, "mmi.") || begins_with(service, "troupe.");
}

/* ---- what comes in ---- */

/* What follows the head, which `rest` has but for its first frame. NULL when out of memory. */
static troupe_message_t *take_body(troupe_message_t *rest, size_t n_head)
{
    troupe_message_t *body = troupe_message_new();
    for (size_t i = n_head - 1; body && i < rest->n_frames; i++) {
        if (tr_message_add_frame(body, &rest->frames[i]) != TROUPE_OK) {
            troupe_message_destroy(&body);
        }
    }
    return body;
}

static troupe_status_t decode(tr_span_t first, const troupe_message_t *rest, tr_mdp_t *out,
                              const char **reason)
{
    tr_span_t frames[TR_MDP_MAX_HEAD] = {first};
    size_t n_rest = troupe_message_count(rest);
    for (size_t i = 0; i < n_rest && i + 1 < TR_MDP_MAX_HEAD; i++) {
        frames[i + 1] = (tr_span_t){troupe_message_data(rest, i), troupe_message_size(rest, i)};
    }
    return tr_mdp_decode(frames, n_rest + 1, out, reason);
}

/* NULL when out of memory. */
static tr_majordomo_t *get_to_know(tr_peer_t *peer, const tr_mdp_t *mdp, int64_t now_ms)
{
    if (!peer->majordomo) {
        peer->majordomo = calloc(1, sizeof *peer->majordomo);
        if (peer->majordomo) {
            peer->majordomo->dialect = mdp->dialect;
            peer->majordomo->role = mdp->role;
            tr_vigil_start(&peer->majordomo->vigil, now_ms);
        }
    }
    return peer->majordomo;
}

/* Names of the head are in frames that stay where they are. */
static void on_command(tr_gateway_t *gateway, tr_peer_t *peer, const tr_mdp_t *mdp,
                       troupe_message_t *rest, bool has_too_many_frames)
{
    troupe_message_t *body = take_body(rest, mdp->n_head);
    if (!body) {
        tr_peer_cut(peer, "out of memory");
    } else if (mdp->role == TR_MDP_CLIENT) {
        tr_majordomo_take_request(gateway, peer, mdp, &body, has_too_many_frames);
    } else {
        tr_majordomo_take_worker(gateway, peer, mdp, &body, has_too_many_frames);
    }
    troupe_message_destroy(&body);
}

static void refuse_change(tr_gateway_t *gateway, tr_peer_t *peer)
{
    static const char why[] = "a peer keeps to how it has begun";
    if (peer->majordomo->role == TR_MDP_WORKER) {
        tr_majordomo_dismiss(gateway, peer, why);
    } else {
        tr_majordomo_refuse_malformed(gateway, peer, why);
    }
}

static size_t receive(tr_gateway_t *gateway, tr_peer_t *peer, tr_span_t first,
                      troupe_message_t **rest_p, bool has_too_many_frames)
{
    tr_mdp_t mdp;
    const char *reason;
    troupe_status_t status = decode(first, *rest_p, &mdp, &reason);
    tr_majordomo_t *self =
        status == TROUPE_OK ? get_to_know(peer, &mdp, tr_gateway_now_ms(gateway)) : NULL;
    if (status != TROUPE_OK) {
        tr_majordomo_refuse_malformed(gateway, peer, reason);
    } else if (!self) {
        tr_peer_cut(peer, "out of memory");
    } else if (mdp.dialect != self->dialect || mdp.role != self->role) {
        refuse_change(gateway, peer);
    } else {
        on_command(gateway, peer, &mdp, *rest_p, has_too_many_frames);
    }
    return 1;
}

/* ---- life ---- */

static bool is_worker(const tr_peer_t *peer)
{
    return peer->majordomo && peer->majordomo->role == TR_MDP_WORKER && !peer->is_ignored;
}

static void say_bye(tr_gateway_t *gateway, tr_peer_t *peer)
{
    if (is_worker(peer)) {
        tr_majordomo_dismiss(gateway, peer, peer->why_gone ? peer->why_gone : "cut off");
    }
}

static void settled(tr_gateway_t *gateway, tr_peer_t *peer)
{
    if (peer->majordomo && peer->majordomo->lobby.n > 0) {
        tr_majordomo_call_in(gateway, peer);
    }
}

static void tend(tr_gateway_t *gateway, tr_peer_t *peer, int64_t now_ms)
{
    if (is_worker(peer)) {
        tr_majordomo_tend_worker(gateway, peer, now_ms);
    } else {
        settled(gateway, peer);
    }
}

/* One that is cut comes here twice: it is told first. */
static void part(tr_gateway_t *gateway, tr_peer_t *peer)
{
    tr_mmi_forget(&gateway->mmi, peer);
    if (peer->majordomo) {
        tr_lobby_finish(&peer->majordomo->lobby);
    }
    if (!peer->is_cut || peer->is_leaving) {
        free(peer->majordomo);
        peer->majordomo = NULL;
    }
}

#define MAJORDOMO(of, dialect, called)                                                         \
    [of] = {                                                                                   \
        .number = (dialect),                                                                   \
        .name = (called),                                                                      \
        .receive = receive,                                                                    \
        .refuse = tr_majordomo_refuse,                                                         \
        .reply = tr_majordomo_reply,                                                           \
        .settled = settled,                                                                    \
        .bye = say_bye,                                                                        \
        .tend = tend,                                                                          \
        .refuse_offer = tr_majordomo_refuse_offer,                                             \
        .assign = tr_majordomo_assign,                                                         \
        .stop = tr_majordomo_stop,                                                             \
        .part = part,                                                                          \
    }

const tr_dialect_t tr_majordomo[] = {
    MAJORDOMO(TR_MDP_01, TR_DIALECT_MDP_01, "mdp0.1"),
    MAJORDOMO(TR_MDP_02, TR_DIALECT_MDP_02, "mdp0.2"),
    MAJORDOMO(TR_MDP_MAJORTOMO, TR_DIALECT_MAJORTOMO, "majortomo"),
};
