/* A ROUTER names whoever does not choose a name: a zero byte and a number of four. Almost all
 * peers are of that kind, and are found by that number. Whoever writes such a routing id by
 * hand is found by it too: different bytes are different keys.
 */

#include "remote/gateway/peers.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define KEY_SIZE (16 + 2 * TR_PEER_MAX_ROUTING_ID)

static bool has_number(const unsigned char *routing_id, size_t size)
{
    return size == 5 && routing_id[0] == 0;
}

static uint64_t number_of(uint32_t door, const unsigned char *routing_id)
{
    uint32_t number;
    memcpy(&number, routing_id + 1, sizeof number);
    return (uint64_t)door << 32 | number;
}

/* A key as text: zhashx knows how to keep those. */
static void key_of(char *key, uint32_t door, const unsigned char *routing_id, size_t size)
{
    int length = snprintf(key, KEY_SIZE, "%u-", door);
    for (size_t i = 0; i < size; i++) {
        length += snprintf(key + length, KEY_SIZE - (size_t)length, "%02x", routing_id[i]);
    }
}

troupe_status_t tr_peers_init(tr_peers_t *self)
{
    assert(self);
    *self = (tr_peers_t){.named = zhashx_new()};
    tr_idmap_init(&self->numbered);
    return self->named ? TROUPE_OK : TROUPE_ERR_NOMEM;
}

void tr_peers_finish(tr_peers_t *self)
{
    assert(self && self->n_peers == 0);
    tr_idmap_finish(&self->numbered);
    zhashx_destroy(&self->named);
}

tr_peer_t *tr_peers_find(const tr_peers_t *self, uint32_t door, const void *routing_id,
                         size_t size)
{
    assert(self && routing_id && size <= TR_PEER_MAX_ROUTING_ID);
    if (has_number(routing_id, size)) {
        return tr_idmap_get(&self->numbered, number_of(door, routing_id));
    }
    char key[KEY_SIZE];
    key_of(key, door, routing_id, size);
    return zhashx_lookup(self->named, key);
}

bool tr_peers_has_chosen(const tr_peer_t *peer)
{
    assert(peer);
    return !has_number(peer->routing_id, peer->routing_id_size);
}

static troupe_status_t put(tr_peers_t *self, tr_peer_t *peer)
{
    if (has_number(peer->routing_id, peer->routing_id_size)) {
        return tr_idmap_put(&self->numbered, number_of(peer->door, peer->routing_id), peer);
    }
    char key[KEY_SIZE];
    key_of(key, peer->door, peer->routing_id, peer->routing_id_size);
    return zhashx_insert(self->named, key, peer) == 0 ? TROUPE_OK : TROUPE_ERR_NOMEM;
}

troupe_status_t tr_peers_add(tr_peers_t *self, tr_peer_t *peer)
{
    assert(self && peer);
    troupe_status_t status = put(self, peer);
    if (status == TROUPE_OK) {
        peer->previous = NULL;
        peer->next = self->first;
        if (self->first) {
            self->first->previous = peer;
        }
        self->first = peer;
        self->n_peers++;
    }
    return status;
}

void tr_peers_remove(tr_peers_t *self, tr_peer_t *peer)
{
    assert(self && peer && self->n_peers > 0);
    if (has_number(peer->routing_id, peer->routing_id_size)) {
        tr_idmap_take(&self->numbered, number_of(peer->door, peer->routing_id));
    } else {
        char key[KEY_SIZE];
        key_of(key, peer->door, peer->routing_id, peer->routing_id_size);
        zhashx_delete(self->named, key);
    }
    if (peer->previous) {
        peer->previous->next = peer->next;
    } else {
        self->first = peer->next;
    }
    if (peer->next) {
        peer->next->previous = peer->previous;
    }
    self->n_peers--;
}
