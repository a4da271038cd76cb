/* remote/doors/connections.h - the connections of one door
 *
 * They are known by their descriptors, as libzmq tells them; one that comes again is another
 * connection, and the one before it has gone. Those that were refused are in until they have
 * gone, and are not counted, unless they do not go: libzmq keeps the descriptor of one that
 * nobody reads, for as long as there is its socket. Pure; one gateway owns it.
 */

#ifndef TROUPE_REMOTE_DOORS_CONNECTIONS_H
#define TROUPE_REMOTE_DOORS_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/api.h>
#include <troupe/status.h>

#include "base/idmap.h"

struct tr_peer;

typedef struct tr_connection {
    int descriptor;
    uint64_t cookie;  /* the kernel's own number of it; 0: not known */
    int64_t since_ms; /* that nobody is known to be behind it */
    uint32_t newest;  /* the last number of a peer that had been heard of before it came */
    bool has_newest;
    bool is_refused;      /* what still comes from it is not heard */
    bool is_stuck;        /* and it does not go */
    int64_t refused_ms;   /* since when */
    uint64_t began_at;    /* bytes that had come by it when the last message was whole */
    uint64_t n_heard;     /* messages that had been heard of it then */
    bool is_suspect;      /* more than one message may have has come since, and none is whole */
    struct tr_peer *peer; /* who is behind it; NULL: nobody has said anything yet */
} tr_connection_t;

/* A zeroed one has none. */
typedef struct tr_connections {
    tr_idmap_t all; /* tr_connection_t, by descriptor */
    size_t n_open;  /* not refused, or stuck */
    size_t n_stuck;
} tr_connections_t;

void tr_connections_finish(tr_connections_t *self);

/* One has come. NULL when out of memory. */
TROUPE_NODISCARD tr_connection_t *tr_connections_add(tr_connections_t *self, int descriptor,
                                                     uint64_t cookie, int64_t now_ms);

/* NULL when there is none of that descriptor. */
tr_connection_t *tr_connections_find(const tr_connections_t *self, int descriptor);

/* It is not to be heard any more. */
void tr_connections_refuse(tr_connections_t *self, tr_connection_t *connection, int64_t now_ms);

/* Those that were refused before `before_ms` and have not gone count again. Returns how many
 * are new among them. */
size_t tr_connections_find_stuck(tr_connections_t *self, int64_t before_ms);

/* It has gone. Returns who was behind it, or NULL. */
struct tr_peer *tr_connections_remove(tr_connections_t *self, int descriptor);

/* So many bytes have come by it. Whether it is in the middle of a message that is larger than
 * `most`, for the second time that this is asked. */
bool tr_connection_overruns(tr_connection_t *self, uint64_t n_bytes, uint64_t n_heard,
                            uint64_t most);

/* The next one behind which nobody has been known since `before_ms`; `place` is 0 at first, and
 * NULL is the end. */
tr_connection_t *tr_connections_next_silent(const tr_connections_t *self, int64_t before_ms,
                                            size_t *place);

#endif
