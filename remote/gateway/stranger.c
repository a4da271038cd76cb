/* Whoever speaks no dialect that is known here cannot be told so: no answer would be
 * understood. The operator is told, once for each such peer.
 */

#include "base/log.h"
#include "remote/gateway/inside.h"

static size_t receive(tr_gateway_t *gateway, tr_peer_t *peer, tr_span_t first,
                      troupe_message_t **rest_p, bool has_too_many_frames)
{
    (void)has_too_many_frames;
    tr_guard_count_bad(gateway, peer);
    if (!peer->was_told) {
        peer->was_told = true;
        tr_event(gateway->self->runtime->events, TR_LOG_WARNING, "dialect_unknown",
                 TR_TEXT("why", tr_dialect_describe(first, *rest_p)),
                 TR_NUMBER("peer", peer->number), TR_TEXT("name", peer->name),
                 TR_TEXT("address", peer->address),
                 TR_TEXT("endpoint", gateway->doors.all[peer->door].endpoint));
    }
    return 1;
}

const tr_dialect_t tr_stranger = {
    .number = TR_DIALECT_UNKNOWN,
    .name = "unknown",
    .receive = receive,
};
