/* wire/mdp.h - Majordomo: commands as frames
 *
 * The forms are those of MDP/0.1 (RFC 7 of rfc.zeromq.org), MDP/0.2 (RFC 18), and of what the
 * Python package majortomo calls MDP/0.2: an empty frame before all, its own number for a
 * client's request, and answers to clients that do not name the service.
 *
 * Pure. Spans are borrowed from the frames.
 */

#ifndef TROUPE_WIRE_MDP_H
#define TROUPE_WIRE_MDP_H

#include <stdbool.h>

#include <troupe/message.h>

#include "base/span.h"

#define TR_MDP_MAX_SERVICE 128 /* bytes of a name; any bytes */
#define TR_MDP_MAX_ADDRESS 255
#define TR_MDP_MAX_HEAD    5 /* frames before the body, in any dialect */

typedef enum tr_mdp_dialect {
    TR_MDP_01,
    TR_MDP_02,
    TR_MDP_MAJORTOMO,
    TR_MDP_N_DIALECTS,
} tr_mdp_dialect_t;

/* Who speaks to a broker; what it is told bears its own mark as well. */
typedef enum tr_mdp_role {
    TR_MDP_CLIENT,
    TR_MDP_WORKER,
    TR_MDP_N_ROLES,
} tr_mdp_role_t;

typedef enum tr_mdp_command {
    TR_MDP_REQUEST,
    TR_MDP_PARTIAL, /* not in 0.1 */
    TR_MDP_FINAL,   /* of a client of 0.1, where it looks like a request, and is read as one */
    TR_MDP_READY,
    TR_MDP_HEARTBEAT,
    TR_MDP_DISCONNECT,
    TR_MDP_N_COMMANDS,
} tr_mdp_command_t;

typedef struct tr_mdp {
    tr_mdp_dialect_t dialect;
    tr_mdp_role_t role;
    tr_mdp_command_t command;
    tr_span_t service; /* of a client's commands, and of READY */
    tr_span_t address; /* of a worker's REQUEST, PARTIAL and FINAL: whom they are for */
    size_t n_head;     /* frames before the body; as read */
} tr_mdp_t;

/* "mdp0.1", …: as in metrics and events. */
const char *tr_mdp_dialect_name(tr_mdp_dialect_t dialect);

/* Whether a message that begins with these frames (the first two of it, or the only one) is of
 * one of the dialects, for better or worse. */
bool tr_mdp_recognise(const tr_span_t *frames, size_t n_frames, tr_mdp_dialect_t *dialect_out,
                      tr_mdp_role_t *role_out);

/* Whether a command exists in that dialect and role. */
bool tr_mdp_has(tr_mdp_dialect_t dialect, tr_mdp_role_t role, tr_mdp_command_t command);

/* Whether the command bears a body, of one frame at least. */
bool tr_mdp_has_body(tr_mdp_command_t command);

/* Read a message of `n_frames`, of which `frames` has the first TR_MDP_MAX_HEAD, or all. The
 * body is what follows `n_head`. TROUPE_ERR_PROTOCOL: it is none of these, and `reason` is a
 * constant that says why. */
TROUPE_NODISCARD troupe_status_t tr_mdp_decode(const tr_span_t *frames, size_t n_frames,
                                               tr_mdp_t *out, const char **reason);

/* Append the frames before the body to `to`. The command must exist, with the limits above
 * kept. TROUPE_ERR_NOMEM leaves `to` with some of them. */
TROUPE_NODISCARD troupe_status_t tr_mdp_encode(const tr_mdp_t *self, troupe_message_t *to);

#endif
