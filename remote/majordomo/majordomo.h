/* remote/majordomo/majordomo.h - the inside of Majordomo, for its files and the gateway
 *
 * A peer is a client or a worker, as its first message says. What it wants is put in the terms
 * of TRP/1 and goes the way of all requests; the normative text is docs/protocol.md.
 */

#ifndef TROUPE_REMOTE_MAJORDOMO_MAJORDOMO_H
#define TROUPE_REMOTE_MAJORDOMO_MAJORDOMO_H

#include "actors/report.h"
#include "remote/gateway/inside.h"
#include "remote/gateway/lobby.h"
#include "wire/mdp.h"

/* The first frame of a body of three that tells an error; the others are its code and a text.
 */
#define TR_MAJORDOMO_ERROR "troupe.error"

/* What is kept of a peer that speaks it. */
typedef struct tr_majordomo {
    tr_mdp_dialect_t dialect;
    tr_mdp_role_t role;

    /* of a client */
    uint64_t last_id;      /* its requests bear no number, so they are counted */
    tr_lobby_t lobby;      /* what it has sent ahead */
    size_t gathered_bytes; /* of parts that wait for their final, with what they cost */

    /* of a worker */
    tr_vigil_t vigil;
    bool has_offered;        /* it has said ready */
    uint64_t request;        /* that it works on; 0: none */
    int64_t dismiss_at_ms;   /* when it is to be sent away; 0: it is not */
    const char *dismiss_why; /* constant */
} tr_majordomo_t;

/* A message to a peer: the command, and the body, whose frames are taken (NULL: it is empty);
 * a command that bears a body gets one frame at least. The last two as in
 * tr_peer_send_message. */
void tr_majordomo_send(tr_gateway_t *gateway, tr_peer_t *peer, const tr_mdp_t *head,
                       troupe_message_t *body, uint64_t call_id, uint64_t part_bytes);

/* What a peer said cannot be understood: it is told to the operator, and not listened to any
 * more. */
void tr_majordomo_refuse_malformed(tr_gateway_t *gateway, tr_peer_t *peer, const char *why);

/* The first bytes of a name are kept for the node itself. */
bool tr_majordomo_is_reserved(tr_span_t service);

/* ---- clients ---- */

/* A client's command; the body may be taken. */
void tr_majordomo_take_request(tr_gateway_t *gateway, tr_peer_t *peer, const tr_mdp_t *mdp,
                               troupe_message_t **body_p, bool has_too_many_frames);

void tr_majordomo_refuse(tr_gateway_t *gateway, tr_peer_t *peer, uint64_t id,
                         tr_span_t capability, troupe_outcome_t outcome, const char *text,
                         int64_t hint_ms);
void tr_majordomo_reply(tr_gateway_t *gateway, tr_open_call_t *call, troupe_reply_t *reply);

/* Requests of the peer have ended, perhaps: let in some that wait. */
void tr_majordomo_call_in(tr_gateway_t *gateway, tr_peer_t *peer);

/* The call is about to be closed: what was gathered for it is not wanted any more. */
void tr_majordomo_forget_parts(tr_open_call_t *call);

/* A router says how it is: answer who asked. */
void tr_majordomo_take_report(tr_gateway_t *gateway, const tr_report_t *report);

/* Answer who has waited for such a report for too long. Returns when to look again. */
int64_t tr_majordomo_expire(tr_gateway_t *gateway, int64_t now_ms);

/* ---- workers ---- */

/* A worker's command; the body may be taken. */
void tr_majordomo_take_worker(tr_gateway_t *gateway, tr_peer_t *peer, const tr_mdp_t *mdp,
                              troupe_message_t **body_p, bool has_too_many_frames);

/* Send it away, and listen to it no more. What it had is lost. */
void tr_majordomo_dismiss(tr_gateway_t *gateway, tr_peer_t *peer, const char *why);

void tr_majordomo_tend_worker(tr_gateway_t *gateway, tr_peer_t *peer, int64_t now_ms);
void tr_majordomo_refuse_offer(tr_gateway_t *gateway, tr_peer_t *peer, const char *capability,
                               troupe_outcome_t outcome, const char *text, int64_t hint_ms);
void tr_majordomo_assign(tr_gateway_t *gateway, tr_line_t *line, const tr_trp1_t *request,
                         troupe_message_t *payload);
void tr_majordomo_stop(tr_gateway_t *gateway, tr_line_t *line);

#endif
