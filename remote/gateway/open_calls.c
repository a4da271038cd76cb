/* An open call is in two maps, the gateway's and its peer's, and leaves both at once; only one
 * that is to finish although its peer has gone stays in the gateway's.
 */

#include "base/slab.h"
#include "remote/gateway/inside.h"
#include "remote/majordomo/majordomo.h"

troupe_status_t tr_gateway_note_call(tr_gateway_t *gateway, tr_open_call_t *call)
{
    troupe_status_t status = tr_idmap_put(&call->peer->calls, call->peer_id, call);
    if (status == TROUPE_OK &&
        (status = tr_idmap_put(&gateway->calls, call->id, call)) != TROUPE_OK) {
        tr_idmap_take(&call->peer->calls, call->peer_id);
    }
    if (status == TROUPE_OK) {
        call->peer->party->n_open++;
    }
    return status;
}

/* It is not the peer's any more. */
static void take_from_peer(tr_open_call_t *call)
{
    if (call->peer && tr_idmap_take(&call->peer->calls, call->peer_id)) {
        call->peer->party->n_open--;
    }
    call->peer = NULL;
}

void tr_gateway_close_call(tr_gateway_t *gateway, tr_open_call_t *call)
{
    tr_majordomo_forget_parts(call);
    take_from_peer(call);
    tr_idmap_take(&gateway->calls, call->id);
    if (call->is_monitor) {
        tr_watched_remove(&gateway->watched, call);
    } else if (!call->envelope) {
        tr_timers_cancel(&gateway->deadlines, call->id);
    }
    tr_envelope_release(&call->envelope);
    tr_route_release(&call->route);
    tr_slab_free(call, sizeof *call);
}

/* What an actor was asked it answers all the same, to nobody. */
void tr_gateway_withdraw(const tr_open_call_t *call)
{
    if (call->envelope) {
        tr_envelope_cancel(call->envelope, call->route->router);
    }
}

void tr_gateway_let_run(tr_open_call_t *call)
{
    take_from_peer(call);
    if (call->grants_itself) {
        call->grants_itself = false;
        tr_envelope_grant(call->envelope, call->route->router, TR_FLOW_PARTS, 0);
    }
}

void tr_gateway_note_part_left(void *arg, uint64_t call_id, uint64_t n_bytes)
{
    tr_gateway_t *gateway = arg;
    tr_open_call_t *call = tr_idmap_get(&gateway->calls, call_id);
    if (call) {
        tr_envelope_grant(call->envelope, call->route->router, call->grants_itself ? 0 : 1,
                          n_bytes);
    }
}
