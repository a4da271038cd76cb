#include "remote/doors/connections.h"

#include <assert.h>
#include <stdlib.h>

#include "remote/gateway/peer.h"

void tr_connections_finish(tr_connections_t *self)
{
    assert(self);
    uint64_t key;
    tr_connection_t *connection;
    while ((connection = tr_idmap_any(&self->all, &key)) != NULL) {
        free(tr_idmap_take(&self->all, key));
    }
    tr_idmap_finish(&self->all);
    *self = (tr_connections_t){0};
}

tr_connection_t *tr_connections_add(tr_connections_t *self, int descriptor, uint64_t cookie,
                                    int64_t now_ms)
{
    assert(self && descriptor >= 0);
    tr_peer_t *before = tr_connections_remove(self, descriptor);
    if (before) {
        before->connection = NULL;
    }
    tr_connection_t *connection = calloc(1, sizeof *connection);
    if (connection && tr_idmap_put(&self->all, (uint64_t)descriptor, connection) != TROUPE_OK) {
        free(connection);
        connection = NULL;
    }
    if (connection) {
        connection->descriptor = descriptor;
        connection->cookie = cookie;
        connection->since_ms = now_ms;
        self->n_open++;
    }
    return connection;
}

tr_connection_t *tr_connections_find(const tr_connections_t *self, int descriptor)
{
    assert(self);
    return descriptor < 0 ? NULL : tr_idmap_get(&self->all, (uint64_t)descriptor);
}

void tr_connections_refuse(tr_connections_t *self, tr_connection_t *connection, int64_t now_ms)
{
    assert(self && connection);
    if (!connection->is_refused) {
        connection->is_refused = true;
        connection->refused_ms = now_ms;
        self->n_open--;
    }
}

size_t tr_connections_find_stuck(tr_connections_t *self, int64_t before_ms)
{
    assert(self);
    size_t n_new = 0;
    for (size_t i = 0; i < self->all.n_slots; i++) {
        tr_connection_t *connection = self->all.slots[i].item;
        if (connection && connection->is_refused && !connection->is_stuck &&
            connection->refused_ms < before_ms) {
            connection->is_stuck = true;
            n_new++;
        }
    }
    self->n_open += n_new;
    self->n_stuck += n_new;
    return n_new;
}

struct tr_peer *tr_connections_remove(tr_connections_t *self, int descriptor)
{
    assert(self && descriptor >= 0);
    tr_connection_t *connection = tr_idmap_take(&self->all, (uint64_t)descriptor);
    if (!connection) {
        return NULL;
    }
    struct tr_peer *peer = connection->peer;
    self->n_open -= !connection->is_refused || connection->is_stuck;
    self->n_stuck -= connection->is_stuck;
    free(connection);
    return peer;
}

/* What is whole may not have been read yet, so once is no proof. */
bool tr_connection_overruns(tr_connection_t *self, uint64_t n_bytes, uint64_t n_heard,
                            uint64_t most)
{
    assert(self);
    if (n_heard != self->n_heard) {
        self->n_heard = n_heard;
        self->began_at = n_bytes;
    }
    bool is_too_much = n_bytes - self->began_at > most;
    bool overruns = is_too_much && self->is_suspect;
    self->is_suspect = is_too_much;
    return overruns;
}

tr_connection_t *tr_connections_next_silent(const tr_connections_t *self, int64_t before_ms,
                                            size_t *place)
{
    assert(self && place);
    while (*place < self->all.n_slots) {
        tr_connection_t *connection = self->all.slots[(*place)++].item;
        if (connection && !connection->peer && !connection->is_refused &&
            connection->since_ms <= before_ms) {
            return connection;
        }
    }
    return NULL;
}
