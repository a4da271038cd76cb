#include "remote/doors/refused.h"

#include <assert.h>

#include "actors/event.h"
#include "base/metrics.h"

static const char *const names[] = {
#define X(NAME, name) name,
    TR_REFUSED_MAP(X)
#undef X
};

void tr_refused_init(tr_refused_t *self, tr_runtime_t *runtime)
{
    assert(self && runtime);
    *self = (tr_refused_t){.events = runtime->events};
    for (size_t i = 0; i < TR_N_REFUSED; i++) {
        self->counted[i] = tr_metrics_series(
            runtime->metrics, TR_METRIC_COUNTER, "troupe_gateway_refused_total",
            "Peers that were not let in", (tr_label_t){"why", names[i]}, (tr_label_t){0});
    }
}

void tr_refused_note(tr_refused_t *self, const tr_refused_peer_t *peer, int64_t now_ms)
{
    assert(self && peer && peer->why < TR_N_REFUSED);
    const char *why = names[peer->why];
    tr_metric_add(self->counted[peer->why], 1);
    if (tr_refusals_note(&self->known, why, peer->address, peer->key, now_ms)) {
        tr_event(self->events, TR_LOG_WARNING, "peer_refused", TR_TEXT("why", why),
                 TR_TEXT("address", peer->address), TR_TEXT("endpoint", peer->endpoint),
                 TR_TEXT("key", peer->key), TR_TEXT("name", peer->name));
    }
}

int64_t tr_refused_turn(tr_refused_t *self, int64_t now_ms)
{
    assert(self);
    uint64_t n_shed = tr_refusals_take_shed(&self->known, now_ms);
    if (n_shed > 0) {
        tr_event(self->events, TR_LOG_WARNING, "peers_refused", TR_NUMBER("count", n_shed));
    }
    return tr_refusals_due_ms(&self->known);
}
