/* The key that somebody has come in with travels with each of his messages
 * (remote/doors/zap.h), as his name does. So one whose key was replaced is told from one who
 * has the new key, although both have the same name.
 *
 * libzmq tells of a handshake that has failed without saying whose it was; the connection of
 * which it tells next that it has ended is the one.
 */

#include "remote/doors/entry.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "actors/event.h"
#include "base/log.h"
#include "base/metrics.h"
#include "remote/doors/zap.h"

#define NO_FAILURE (-1)

static const char *const right_names[] = {
#define X(NAME, name) name,
    TR_RIGHT_MAP(X)
#undef X
};

static const tr_rights_t none;

void tr_entry_init(tr_entry_t *self, tr_self_t *actor)
{
    assert(self && actor);
    *self = (tr_entry_t){.self = actor, .failure = NO_FAILURE};
    tr_idmap_init(&self->coming);
    tr_refused_init(&self->refused, actor->runtime);
    for (size_t i = 0; i < TR_N_RIGHTS; i++) {
        self->n_forbidden[i] =
            tr_metrics_series(actor->runtime->metrics, TR_METRIC_COUNTER,
                              "troupe_gateway_forbidden_total", "What peers wanted and may not",
                              (tr_label_t){"right", right_names[i]}, (tr_label_t){0});
    }
}

void tr_entry_finish(tr_entry_t *self)
{
    assert(self);
    if (!self->self) {
        return;
    }
    uint64_t id;
    char *address;
    while ((address = tr_idmap_any(&self->coming, &id)) != NULL) {
        tr_idmap_take(&self->coming, id);
        free(address);
    }
    tr_idmap_finish(&self->coming);
    tr_doorkeeper_destroy(&self->doorkeeper);
    tr_keys_release(&self->keys);
    tr_curve_pair_forget(&self->pair);
}

/* ---- what the configuration says ---- */

static bool wants_curve(const tr_gateway_spec_t *spec)
{
    bool is_wanted = false;
    for (size_t i = 0; !is_wanted && i < spec->n_listeners; i++) {
        is_wanted = spec->listeners[i].is_curve;
    }
    return is_wanted;
}

static bool read_pair(tr_entry_t *self, const tr_gateway_spec_t *spec, char *why, size_t size)
{
    tr_curve_pair_t pair;
    assert(spec->key_file);
    bool is_read = tr_curve_pair_read(spec->key_file, &pair, why, size) == TROUPE_OK;
    if (is_read) {
        self->pair = pair;
    }
    tr_curve_pair_forget(&pair);
    return is_read;
}

static bool keep_door(tr_entry_t *self, char *why, size_t size)
{
    tr_self_t *actor = self->self;
    if (!self->doorkeeper) {
        self->doorkeeper =
            tr_doorkeeper_new(actor->runtime, actor->mailbox, self->keys, why, size);
        return self->doorkeeper != NULL;
    }
    bool is_told = tr_doorkeeper_set_keys(self->doorkeeper, self->keys) == TROUPE_OK;
    if (!is_told) {
        snprintf(why, size, "out of memory: the doorkeeper has the old keys");
    }
    return is_told;
}

bool tr_entry_prepare(tr_entry_t *self, const tr_gateway_spec_t *spec, tr_keys_t **former_out,
                      char *why, size_t size)
{
    assert(self && spec && former_out && why && size > 0);
    *former_out = NULL;
    tr_keys_t *keys = tr_keys_new(spec->peers, spec->n_peers);
    if (!keys) {
        snprintf(why, size, "out of memory");
        return false;
    }
    *former_out = self->keys;
    self->keys = keys;
    if (!wants_curve(spec)) {
        tr_doorkeeper_destroy(&self->doorkeeper);
        return true;
    }
    return read_pair(self, spec, why, size) && keep_door(self, why, size);
}

/* ---- who comes ---- */

bool tr_entry_review(tr_entry_t *self, tr_peer_t *peer)
{
    assert(self && peer);
    if (!peer->key[0]) {
        return true; /* its rights are those of its door */
    }
    const tr_key_t *key = tr_keys_check(self->keys, peer->name, peer->key);
    peer->rights = key ? &key->rights : &none;
    return key != NULL;
}

bool tr_entry_admit(tr_entry_t *self, tr_peer_t *peer, const tr_door_t *door, zmq_msg_t *frame,
                    int64_t now_ms)
{
    assert(self && peer && door && frame);
    const char *name = zmq_msg_gets(frame, "User-Id");
    const char *shown = door->is_curve ? zmq_msg_gets(frame, TR_ZAP_KEY_PROPERTY) : NULL;
    const tr_key_t *key = door->is_curve ? tr_keys_check(self->keys, name, shown) : NULL;
    tr_peer_introduce(peer, door->is_curve ? name : NULL, zmq_msg_gets(frame, "Peer-Address"));
    snprintf(peer->key, sizeof peer->key, "%s", key ? key->text : "");
    peer->rights = !door->is_curve ? &door->rights : key ? &key->rights : &none;
    if (door->is_curve && !key) {
        tr_refused_note(&self->refused,
                        &(tr_refused_peer_t){.why = TR_REFUSED_KEY,
                                             .address = peer->address,
                                             .endpoint = door->endpoint,
                                             .key = shown,
                                             .name = name},
                        now_ms);
    }
    return !door->is_curve || key;
}

bool tr_entry_is_another(const tr_peer_t *peer, const tr_door_t *door, zmq_msg_t *frame)
{
    assert(peer && door && frame);
    if (!door->is_curve && !tr_peers_has_chosen(peer)) {
        return false; /* libzmq gives no routing id twice */
    }
    return !tr_peer_is_of(peer, door->is_curve ? zmq_msg_gets(frame, "User-Id") : NULL,
                          zmq_msg_gets(frame, "Peer-Address"));
}

/* ---- who does not get in ---- */

/* Where a connection comes from; it may have ended already. */
static char *address_of(int descriptor)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    char text[INET6_ADDRSTRLEN] = "";
    if (getpeername(descriptor, (struct sockaddr *)&peer, &size) != 0) {
        return NULL;
    }
    if (peer.ss_family == AF_INET) {
        inet_ntop(AF_INET, &((struct sockaddr_in *)&peer)->sin_addr, text, sizeof text);
    } else if (peer.ss_family == AF_UNIX) {
        struct ucred who;
        socklen_t who_size = sizeof who;
        char *address = NULL;
        if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &who, &who_size) != 0 ||
            asprintf(&address, "ipc %u:%u:%d", who.uid, who.gid, who.pid) < 0) {
            return NULL;
        }
        return address;
    }
    return text[0] ? strdup(text) : NULL;
}

static void note_coming(tr_entry_t *self, int descriptor)
{
    char *address = address_of(descriptor);
    uint64_t id = (uint64_t)descriptor + 1;
    free(tr_idmap_take(&self->coming, id)); /* of one whose end was not told */
    if (address && tr_idmap_put(&self->coming, id, address) != TROUPE_OK) {
        free(address);
    }
}

static void note_going(tr_entry_t *self, const tr_door_t *door, int descriptor, int64_t now_ms)
{
    char *address = tr_idmap_take(&self->coming, (uint64_t)descriptor + 1);
    if (self->failure != NO_FAILURE) {
        tr_refused_note(&self->refused,
                        &(tr_refused_peer_t){.why = (tr_refused_why_t)self->failure,
                                             .address = address,
                                             .endpoint = door->endpoint},
                        now_ms);
        self->failure = NO_FAILURE;
    } else if (self->n_told > 0) {
        self->n_told--;
    }
    free(address);
}

static tr_refused_why_t why_of(int error)
{
    switch (error) {
    case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
        return TR_REFUSED_SERVER_KEY;
    case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
        return TR_REFUSED_MECHANISM;
    default:
        return TR_REFUSED_HANDSHAKE;
    }
}

void tr_entry_hear(tr_entry_t *self, const tr_door_t *door, const tr_door_event_t *event,
                   int64_t now_ms)
{
    assert(self && door && event);
    if (!door->is_curve) {
        return;
    }
    switch (event->what) {
    case ZMQ_EVENT_ACCEPTED:
        note_coming(self, event->value);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        self->failure = (int)why_of(event->value);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        /* That is said, too, of who hangs up when he hears that he is refused. */
        self->failure = self->n_told > 0 ? NO_FAILURE : TR_REFUSED_HANDSHAKE;
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        self->n_told++;
        break;
    case ZMQ_EVENT_DISCONNECTED:
        note_going(self, door, event->value, now_ms);
        break;
    default:
        break;
    }
}

/* ---- who may not ---- */

void tr_entry_forbid(tr_entry_t *self, const tr_peer_t *peer, const tr_door_t *door,
                     tr_right_t right, tr_span_t what, int64_t now_ms)
{
    assert(self && peer && door && right < TR_N_RIGHTS);
    char number[24];
    char text[TR_TRP1_MAX_NAME + 1];
    snprintf(number, sizeof number, "%llu", (unsigned long long)peer->number);
    snprintf(text, sizeof text, "%.*s", (int)what.size, what.data);
    tr_metric_add(self->n_forbidden[right], 1);
    if (tr_refusals_note(&self->forbidden, right_names[right], number, text, now_ms)) {
        tr_event(self->self->runtime->events, TR_LOG_WARNING, "peer_forbidden",
                 TR_NUMBER("peer", peer->number), TR_TEXT("name", peer->name),
                 TR_TEXT("address", peer->address), TR_TEXT("endpoint", door->endpoint),
                 TR_TEXT("right", right_names[right]), TR_TEXT("what", text));
    }
}

int64_t tr_entry_turn(tr_entry_t *self, int64_t now_ms)
{
    assert(self);
    uint64_t n_shed = tr_refusals_take_shed(&self->forbidden, now_ms);
    if (n_shed > 0) {
        tr_event(self->self->runtime->events, TR_LOG_WARNING, "peers_forbidden",
                 TR_NUMBER("count", n_shed));
    }
    int64_t refused_ms = tr_refused_turn(&self->refused, now_ms);
    int64_t forbidden_ms = tr_refusals_due_ms(&self->forbidden);
    return refused_ms < forbidden_ms ? refused_ms : forbidden_ms;
}
