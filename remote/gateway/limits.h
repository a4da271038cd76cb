/* remote/gateway/limits.h - what one peer may, and what all together
 *
 * The limits of a peer are those of the door that it came in by. Where it has a name, those of
 * requests hold for all that come under that name together (remote/gateway/party.h).
 */

#ifndef TROUPE_REMOTE_GATEWAY_LIMITS_H
#define TROUPE_REMOTE_GATEWAY_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* Which of them was reached. */
typedef enum tr_limit {
    TR_LIMIT_NONE,
    TR_LIMIT_CONNECTIONS, /* the connection was closed */
    TR_LIMIT_OPEN,        /* the request was refused */
    TR_LIMIT_RATE,
    TR_LIMIT_SIZE,
    TR_LIMIT_MALFORMED, /* the peer was cut off */
    TR_LIMIT_QUEUE,
    TR_LIMIT_STALL,
    TR_LIMIT_IDLE,
    TR_LIMITS, /* how many there are */
} tr_limit_t;

/* Of one endpoint. */
typedef struct tr_peer_limits {
    size_t max_connections; /* of all its peers */
    size_t max_frame;       /* bytes */
    size_t max_message;     /* bytes of all frames of the payload */
    size_t max_frames;      /* of the payload */
    size_t max_open;        /* requests */
    size_t rate;            /* requests a second; 0: any number */
    size_t burst;           /* requests at once, with a rate */
    size_t max_malformed;   /* messages that cannot be understood, in a minute */
    size_t max_out;         /* commands that may wait for it */
    size_t max_out_bytes;   /* and their bytes */
    size_t socket_buffer;   /* bytes that the system keeps of a connection, each way; 0: any */
    int64_t stall_ms;       /* for so long what waits may not move */
    int64_t idle_ms;        /* for so long it may want nothing and say nothing */
} tr_peer_limits_t;

/* Of the node. */
typedef struct tr_node_limits {
    size_t max_connections;
    size_t max_open;      /* requests of all peers */
    size_t max_out_bytes; /* that wait for all peers */
} tr_node_limits_t;

/* What holds where nobody has said anything. */
#define TR_PEER_LIMITS                                                                         \
    ((tr_peer_limits_t){                                                                       \
        .max_connections = 10000,                                                              \
        .max_frame = (size_t)64 << 20,                                                         \
        .max_message = (size_t)64 << 20,                                                       \
        .max_frames = 64,                                                                      \
        .max_open = 1000,                                                                      \
        .max_malformed = 100,                                                                  \
        .max_out = 10000,                                                                      \
        .max_out_bytes = (size_t)64 << 20,                                                     \
        .socket_buffer = (size_t)128 << 10,                                                    \
        .stall_ms = 30000,                                                                     \
        .idle_ms = 300000,                                                                     \
    })
#define TR_NODE_LIMITS                                                                         \
    ((tr_node_limits_t){                                                                       \
        .max_connections = 10000,                                                              \
        .max_open = 100000,                                                                    \
        .max_out_bytes = (size_t)1 << 30,                                                      \
    })

#endif
