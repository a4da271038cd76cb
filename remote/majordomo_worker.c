/* Workers are not taken in: each is sent away. */

#include "base/log.h"
#include "remote/majordomo.h"

void tr_majordomo_take_worker(tr_gateway_t *gateway, tr_peer_t *peer, const tr_mdp_t *mdp,
                              troupe_message_t **body_p)
{
    (void)mdp;
    (void)body_p;
    tr_majordomo_dismiss(gateway, peer, "no workers are taken in");
}

void tr_majordomo_dismiss(tr_gateway_t *gateway, tr_peer_t *peer, const char *why)
{
    tr_mdp_t disconnect = {.dialect = peer->majordomo->dialect,
                           .role = TR_MDP_WORKER,
                           .command = TR_MDP_DISCONNECT};
    tr_event(gateway->self->runtime->events, TR_LOG_INFO, "worker_dismissed",
             TR_TEXT("why", why), TR_NUMBER("peer", peer->number), TR_TEXT("name", peer->name),
             TR_TEXT("address", peer->address));
    tr_majordomo_send(gateway, peer, &disconnect, NULL, 0, 0);
    peer->is_ignored = true;
}
