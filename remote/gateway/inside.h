/* remote/gateway/inside.h - the inside of the gateway, for its files and those of its dialects
 */

#ifndef TROUPE_REMOTE_GATEWAY_INSIDE_H
#define TROUPE_REMOTE_GATEWAY_INSIDE_H

#include "actors/worker/timers.h"
#include "base/metrics.h"
#include "mailbox/mail.h"
#include "remote/doors/doors.h"
#include "remote/doors/entry.h"
#include "remote/gateway/dialect.h"
#include "remote/gateway/gateway.h"
#include "remote/gateway/limits.h"
#include "remote/gateway/party.h"
#include "remote/gateway/peers.h"
#include "remote/gateway/watched.h"
#include "remote/majordomo/mmi.h"
#include "remote/majordomo/vigil.h"
#include "remote/workers/relapses.h"

#define TR_GATEWAY_HEARTBEAT_MS 5000
#define TR_REQUESTS_MAX_PROBLEM 80

/* What a dialect may have before the payload, beside the first frame. */
#define TR_GATEWAY_MAX_HEAD       5
#define TR_GATEWAY_MAX_HEAD_BYTES 1024

struct tr_gateway {
    tr_self_t *self;
    tr_doors_t doors;
    tr_entry_t entry;
    tr_peers_t peers;
    tr_idmap_t calls; /* by the gateway's id; tr_open_call_t */
    uint64_t last_id;
    tr_timers_t deadlines; /* of what actors were asked, by the gateway's id */
    tr_watched_t watched;  /* actors that peers monitor */
    tr_idmap_t lines;      /* of peers that serve capabilities, by their number; tr_line_t */
    uint64_t last_line;
    tr_relapses_t relapses;
    tr_idmap_t known; /* to actors: peers that have a reference, by their number */
    tr_routes_t routes;
    tr_node_limits_t limits;
    int64_t now_ms;        /* of this round; 0: nobody looked yet */
    int64_t next_round_ms; /* when to look after the peers again */
    bool is_draining;
    bool is_stopping;
    int64_t stop_by_ms;
    int64_t dismissed_ms; /* while it stops: when workers were told last; or 0 */
    tr_reason_t stop_reason;
    tr_peer_t *gathering;   /* peers whose bundle is to leave, by `next_gathering` */
    bool has_backlog;       /* somebody's answers wait for room */
    bool has_stuck_doors;   /* that must begin anew */
    int64_t tried_ms;       /* when they were last tried */
    tr_vigil_rule_t vigil;  /* over Majordomo workers */
    tr_mmi_t mmi;           /* what was asked about services */
    uint64_t speaker;       /* the number of the peer that spoke last */
    int64_t crowd_until_ms; /* more than one speaks now */
    tr_parties_t *parties;
    int64_t next_sweep_ms; /* when to look after silent connections again */
    int64_t told_full_ms;  /* when it was last told that there are too many connections */
    uint64_t n_turned_away;
    size_t n_open_connections;
    size_t room;   /* descriptors for them, counted at the start */
    size_t n_gone; /* connections, since memory was given back */
    int64_t trimmed_ms;
    bool knows_descriptors; /* libzmq tells by which descriptor a message came */
    tr_metric_t *limited[TR_LIMITS];
    tr_metric_t *n_connections;
    tr_metric_t *bad_messages[TR_N_DIALECTS];
    tr_metric_t *n_peers;
};

/* What time it is, looked at once a round. */
int64_t tr_gateway_now_ms(tr_gateway_t *gateway);

/* Say to a peer that what it wanted under that id was not let pass. */
void tr_native_refuse(tr_gateway_t *gateway, tr_peer_t *peer, uint64_t id,
                      troupe_outcome_t outcome, const char *format, ...) TROUPE_PRINTF(5, 6);

/* Say that what it said cannot be understood. */
void tr_native_refuse_malformed(tr_gateway_t *gateway, tr_peer_t *peer, uint64_t id,
                                const char *reason);

/* Send a command, perhaps with others at the end of this turn. The payload stays the caller's,
 * but may lose its frames. */
void tr_native_answer(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *command,
                      troupe_message_t *payload);

/* A peer said what cannot be understood: count it, tell of it the first time, and cut it when
 * there is too much of that. */
void tr_gateway_note_bad(tr_gateway_t *gateway, tr_peer_t *peer, const char *why);

/* Send a message as it is, which is taken; the last two as in tr_peer_send_message. */
void tr_gateway_send(tr_gateway_t *gateway, tr_peer_t *peer, troupe_message_t **message_p,
                     uint64_t call_id, uint64_t part_bytes);

/* The peer is gone: cancel what it wanted cancelled, let the rest run, forget it. One that
 * we cut is told first, as soon as its socket takes it. */
void tr_gateway_drop_peer(tr_gateway_t *gateway, tr_peer_t *peer);

/* ---- intake.c: what comes in ---- */

/* A door is readable: take what is there, but not too much at a time. */
void tr_gateway_read(tr_self_t *self, void *socket, int descriptor);

/* ---- open_calls.c ---- */

/* A call begins: note it with its peer and here. TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_gateway_note_call(tr_gateway_t *gateway,
                                                      tr_open_call_t *call);

/* Tell whoever works on it that nobody wants it any more. */
void tr_gateway_withdraw(const tr_open_call_t *call);

/* The call is over, or its peer wants to know no more: forget it. */
void tr_gateway_close_call(tr_gateway_t *gateway, tr_open_call_t *call);

/* The peer of the call goes, yet it runs to its end: its parts are taken, and dropped, as they
 * come. What the peer would still have granted nobody knows, so a new window is. */
void tr_gateway_let_run(tr_open_call_t *call);

/* A part has left, or nobody will get it. One whose call is over needs no grant. */
void tr_gateway_note_part_left(void *gateway, uint64_t call_id, uint64_t n_bytes);

/* ---- rounds.c: what waits for peers, and how they are ---- */

/* Send what was gathered. Whoever turns out to be gone is dropped by the next round, which
 * comes at once; so it is with the next but one. */
void tr_gateway_send_bundles(tr_gateway_t *gateway);

/* Nothing is gathered for that peer any more. */
void tr_gateway_stop_gathering(tr_gateway_t *gateway, tr_peer_t *peer);

/* Only send what waits. */
void tr_gateway_try_backlogs(tr_gateway_t *gateway, int64_t now_ms);

/* A round: send what waits, ping, and drop those that have gone. */
void tr_gateway_look_after_peers(tr_gateway_t *gateway, int64_t now_ms);

/* ---- requests.c: what peers want to be done, in the terms of TRP/1 ---- */

/* A peer wants something of a capability or an actor; may take the payload. What cannot be is
 * refused in its dialect. */
void tr_requests_take(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *request,
                      troupe_message_t **payload_p, bool has_too_many_frames);

/* Something new may be open for it under that id, as far as limits go; else it was refused. */
bool tr_requests_admits(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *request,
                        const troupe_message_t *payload, bool has_too_many_frames);

/* It wants no answer any more to what it numbered so. */
void tr_requests_cancel(tr_gateway_t *gateway, tr_peer_t *peer, uint64_t id);

/* It takes so many parts more. */
void tr_requests_grant(tr_peer_t *peer, uint64_t id, int64_t n_parts);

/* Say that a request was not let pass. */
void tr_requests_refuse_for(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *request,
                            troupe_outcome_t outcome, int64_t hint_ms, const char *why);
void tr_requests_refuse(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *request,
                        troupe_outcome_t outcome, const char *format, ...) TROUPE_PRINTF(5, 6);

/* A peer wanted something for which it has no right. */
void tr_requests_note_forbidden(tr_gateway_t *gateway, const tr_peer_t *peer, tr_right_t right,
                                tr_span_t what);

/* Why a payload is larger than that peer may send or get, written to `text`; NULL: it is not.
 */
const char *tr_requests_payload_problem(const tr_peer_t *peer, const troupe_message_t *payload,
                                        bool has_too_many_frames,
                                        char text[TR_REQUESTS_MAX_PROBLEM]);

/* ---- guard.c: what keeps peers within their limits ---- */

/* False when out of memory. */
TROUPE_NODISCARD bool tr_guard_begin(tr_gateway_t *gateway);
void tr_guard_end(tr_gateway_t *gateway);

/* These hold now, but for connections for which there are no descriptors. */
void tr_guard_limit(tr_gateway_t *gateway, const tr_node_limits_t *limits);

/* The monitor of a door has something to tell. */
void tr_guard_told(tr_self_t *self, void *socket, int descriptor);

/* Whether somebody who is not known may speak, who came in by that descriptor: not by a
 * connection that was refused, nor when he has gone. */
bool tr_guard_hears(tr_gateway_t *gateway, uint32_t door, int descriptor,
                    zmq_msg_t *routing_id);

/* A new peer, which came in by that descriptor: know its connection and its party. False when
 * out of memory. And: it is about to be forgotten, with nothing open. */
TROUPE_NODISCARD bool tr_guard_meet(tr_gateway_t *gateway, tr_peer_t *peer, int descriptor);
void tr_guard_part(tr_gateway_t *gateway, tr_peer_t *peer);

/* A request may begin, as far as limits go; else it was refused. */
bool tr_guard_admits(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *request,
                     bool is_operation);

/* A peer has reached a limit: count it, and tell of it the first time. */
void tr_guard_note(tr_gateway_t *gateway, tr_peer_t *peer, tr_limit_t limit);

/* A peer said what cannot be understood, or is not listened to: count it, and cut it when there
 * is too much of that. */
void tr_guard_count_bad(tr_gateway_t *gateway, tr_peer_t *peer);

/* Cut a peer that does not take what waits for it, or that wants nothing; know that it has
 * gone. And: cut the one for whom most waits, when too much waits for all. */
void tr_guard_look(tr_peer_t *peer, int64_t now_ms);
void tr_guard_look_at_all(tr_gateway_t *gateway);

/* Close connections that are in the middle of a message that is too large. */
void tr_guard_look_inside(tr_gateway_t *gateway);

/* Whether half of the connections that may be there are such that libzmq does not let go of. */
bool tr_guard_is_stuck(const tr_door_t *door);

/* Close connections behind which nobody is, in time. Returns when to look again. */
int64_t tr_guard_sweep(tr_gateway_t *gateway, int64_t now_ms);

/* ---- talk.c: peers and actors ---- */

/* A peer sends to an actor. */
void tr_talk_send(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *send,
                  troupe_message_t **payload_p, bool has_too_many_frames);

/* A peer asks an actor; its limits have been looked at. */
void tr_talk_ask(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *request,
                 troupe_message_t **payload_p);

/* A peer wants to be told when an actor goes down, and wants it no more. */
void tr_talk_monitor(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *monitor,
                     const troupe_message_t *payload, bool has_too_many_frames);
void tr_talk_demonitor(tr_gateway_t *gateway, tr_peer_t *peer, uint64_t id);

/* Somebody or something ends what a peer has asked an actor, before that has answered. */
void tr_talk_give_up(tr_gateway_t *gateway, tr_open_call_t *call, troupe_outcome_t outcome,
                     const char *why);

/* An actor sends to a peer, or one that a peer monitors or is linked to has ended. Takes the
 * mail. */
void tr_talk_take(tr_gateway_t *gateway, tr_mail_t *mail);

/* End what was asked and has not been answered in time. Returns when to look again. */
int64_t tr_talk_expire(tr_gateway_t *gateway, int64_t now_ms);

/* The peer is about to be forgotten: tell the actors that watch it. */
void tr_talk_part(tr_gateway_t *gateway, tr_peer_t *peer);

#endif
