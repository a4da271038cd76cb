/* remote/gateway/peer.h - one peer: its open requests, its limits, what waits to be sent to it
 *
 * To a peer that takes bundles, small answers are not sent at once but gathered, until somebody
 * says that they shall leave.
 *
 * Sending never blocks. What the socket does not take at once waits in a queue of that peer,
 * bounded by count and bytes; a peer that lets it overflow is cut. Whoever made the peer is
 * told of each part that has left the queue, so that the next one may be asked for.
 */

#ifndef TROUPE_REMOTE_GATEWAY_PEER_H
#define TROUPE_REMOTE_GATEWAY_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include <zmq.h>

#include "base/idmap.h"
#include "mailbox/envelope.h"
#include "mailbox/ref.h"
#include "remote/bundle.h"
#include "remote/doors/rights.h"
#include "remote/gateway/bucket.h"
#include "remote/gateway/in_flight.h"
#include "remote/gateway/limits.h"
#include "remote/gateway/routes.h"
#include "wire/trp1.h"

#define TR_PEER_MAX_ROUTING_ID 255
#define TR_PEER_MAX_NAME       64
#define TR_PEER_MAX_ADDRESS    63

typedef struct tr_peer tr_peer_t;

/* One open request of a peer, or one of its monitors. */
typedef struct tr_open_call {
    struct tr_open_call *next;       /* among those that are over */
    tr_peer_t *peer;                 /* NULL: it is gone, and the call runs to its end */
    uint64_t peer_id;                /* as the peer numbered it */
    uint64_t id;                     /* as the gateway did */
    tr_envelope_t *envelope;         /* a share, for cancelling; NULL: it is about an actor */
    tr_route_t *route;               /* its own: where to cancel it */
    bool is_monitor;                 /* it ends when the actor goes down; else that was asked */
    struct tr_watched_life *watched; /* of a monitor; remote/gateway/watched.h */
    struct tr_open_call *previous_monitor;
    struct tr_open_call *next_monitor;
    bool finish_on_disconnect;
    bool grants_itself; /* the peer says how many parts it wants; else each that leaves grants
                           one */
    struct tr_gathered
        *gathered; /* parts for a peer that takes one reply; remote/majordomo/majordomo.h */
} tr_open_call_t;

/* A part of that call, by its `id`, with so many bytes of payload, has left for the socket or
 * was dropped. The peer may not be sent to from here. */
typedef void(tr_peer_part_fn)(void *arg, uint64_t call_id, uint64_t n_bytes);

/* A message that waits to be sent. */
typedef struct tr_outgoing {
    struct tr_outgoing *next;
    size_t bytes;
    troupe_message_t *message; /* frame 0 and the payload */
    size_t n_commands;         /* in it */
    uint64_t call_id;          /* whose part this is; 0: it is none */
    uint64_t part_bytes;       /* of the payload alone */
} tr_outgoing_t;

struct tr_peer {
    uint64_t number;     /* no other peer of the node has it, nor any actor */
    tr_peer_t *previous; /* neighbours among the peers of its gateway */
    tr_peer_t *next;
    void *socket;
    uint32_t door;                         /* which of the gateway's sockets that is */
    bool is_local;                         /* came in by ipc */
    char name[TR_PEER_MAX_NAME + 1];       /* as its key proves; "": it has none */
    char address[TR_PEER_MAX_ADDRESS + 1]; /* "10.0.0.5", "ipc UID:GID:PID"; "": not known */
    char key[41]; /* that it has come in with, as text; "": it has no name, and needs none */
    const struct tr_dialect *dialect; /* as it first spoke */
    const tr_rights_t *rights;        /* borrowed */
    const tr_peer_limits_t *limits;   /* borrowed */
    struct tr_connection *connection; /* by which it came; NULL: that is not known */
    struct tr_party *party;           /* with whom it shares them */
    tr_bucket_t malformed;
    tr_limit_t cut_by;      /* because of which it is cut */
    unsigned told_of;       /* limits that it has reached, as bits */
    int64_t waits_since_ms; /* what waits for it has not moved since then */
    size_t routing_id_size;
    unsigned char routing_id[TR_PEER_MAX_ROUTING_ID];
    tr_idmap_t calls; /* by the peer's id; tr_open_call_t */
    uint64_t n_heard; /* messages */
    int64_t last_heard_ms;
    int64_t last_sent_ms;
    int64_t heartbeat_ms; /* 0: it did not ask for one, and is not judged by silence */
    bool is_gone;         /* cannot be reached any more, or said good-bye, or is cut */
    bool has_left;        /* it said good-bye */
    const char *why_gone; /* constant; NULL: it said good-bye, or its gateway ended */
    bool is_cut;          /* by us: it is to be told */
    bool is_barred;  /* it has come in by a key that is not known: nothing is heard of it */
    int64_t lost_ms; /* when its connection ended; 0: it has not */
    bool is_leaving; /* the good-bye is all that it still gets */
    int64_t leave_by_ms;
    size_t max_bundle;  /* bytes of a body that it takes; 0: it takes no bundles */
    tr_bundle_t bundle; /* behind what waits */
    bool is_gathering;  /* it is among those of its gateway that have one */
    tr_peer_t *next_gathering;
    struct tr_line *lines;          /* that it serves by; remote/workers/workers.h */
    uint64_t n_lines;               /* that it has ever had */
    bool has_offered;               /* to serve something */
    troupe_ref_t *ref;              /* what actors know it by; NULL: none does */
    bool takes_messages;            /* it said so, or has sent one */
    bool was_told;                  /* of a stranger: the operator knows of it */
    bool is_ignored;                /* nothing that it says is listened to any more */
    struct tr_majordomo *majordomo; /* of one that speaks it; remote/majordomo/majordomo.h */
    tr_outgoing_t *first_out;
    tr_outgoing_t *last_out;
    size_t n_out; /* commands that wait */
    size_t out_bytes;
    tr_in_flight_t *in_flight; /* that libzmq has; NULL: nothing of any size */
    tr_peer_part_fn *on_part;  /* NULL: nobody wants to know */
    void *on_part_arg;
};

/* Within `limits`, which are borrowed. NULL when out of memory. */
TROUPE_NODISCARD tr_peer_t *tr_peer_new(uint64_t number, void *socket, bool is_local,
                                        const void *routing_id, size_t size,
                                        const tr_peer_limits_t *limits, int64_t now_ms);

/* An address as libzmq has it, which is ":UID:GID:PID" or "localhost:UID:GID:PID" for who comes
 * in by ipc, in words for people; "" for NULL. */
void tr_peer_write_address(char text[TR_PEER_MAX_ADDRESS + 1], const char *address);

/* Who it is, as far as the transport knows: the name that it was let in by, and its address as
 * libzmq has it. NULL: not known. */
void tr_peer_introduce(tr_peer_t *self, const char *name, const char *address);

/* Whether that is what it was introduced with. */
bool tr_peer_is_of(const tr_peer_t *self, const char *name, const char *address);

/* Frees the peer, which must have no open call, with what waits to be sent to it. */
void tr_peer_destroy(tr_peer_t **self_p);

/* Send a command with a payload, which is taken (NULL: none), now or as soon as it fits. Sets
 * is_gone when the peer cannot be reached or lets its queue overflow. */
void tr_peer_send(tr_peer_t *self, const tr_trp1_t *command, troupe_message_t **payload_p,
                  int64_t now_ms);

/* Send these frames as they are; takes the message. Of a part of that call (else 0) the payload
 * has `part_bytes`. */
void tr_peer_send_message(tr_peer_t *self, troupe_message_t **message_p, uint64_t call_id,
                          uint64_t part_bytes, int64_t now_ms);

/* The same, or gather it. The payload stays the caller's, but may lose its frames. */
void tr_peer_answer(tr_peer_t *self, const tr_trp1_t *command, troupe_message_t *payload,
                    int64_t now_ms);

/* Whether a message of an actor may still be answered to it: those fill no more than half of
 * what may wait, so that answers find room. */
bool tr_peer_has_room(const tr_peer_t *self, const troupe_message_t *message);

/* Send what was gathered. Whatever else is sent comes behind it. */
void tr_peer_send_bundle(tr_peer_t *self, int64_t now_ms);

/* Send a part, of the call that the gateway numbered so. */
void tr_peer_send_part(tr_peer_t *self, const tr_trp1_t *command, troupe_message_t **payload_p,
                       uint64_t call_id, int64_t now_ms);

/* Its connection has ended. */
void tr_peer_lose(tr_peer_t *self);

/* End it from our side, because of `why`. */
void tr_peer_cut(tr_peer_t *self, const char *why);

/* The same, because it has reached that limit. */
void tr_peer_cut_by(tr_peer_t *self, tr_limit_t limit, const char *why);

/* Forget what waits to be sent to it, and what was gathered. */
void tr_peer_forget_backlog(tr_peer_t *self);

/* Send what waits, as far as it fits. */
void tr_peer_flush(tr_peer_t *self, int64_t now_ms);

#endif
