/* A router lives on when its description changes: what it has accepted keeps its deadline and
 * its place, and all that is decided from then on goes by the new one. How many workers there
 * may be is said by the pool.
 */

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "capabilities/router_inside.h"

#define LEAST_ROOM 256

void tr_router_open_mailbox(tr_router_t *router, const tr_router_spec_t *spec)
{
    tr_mailbox_t *mailbox = router->self->mailbox;
    if (spec->overflow == TR_OVERFLOW_BLOCK) {
        /* The mailbox counts what waits inside, too. */
        tr_mailbox_let_wait(mailbox, spec->timeout_ms, spec->queue_limit);
    } else {
        /* A router that falls behind has no more before it than it may have waiting. */
        tr_mailbox_let_wait(mailbox, 0,
                            spec->queue_limit > LEAST_ROOM ? spec->queue_limit : LEAST_ROOM);
    }
}

static void change_mailbox(tr_router_t *router, const tr_router_spec_t *spec)
{
    bool had_places = router->spec->overflow == TR_OVERFLOW_BLOCK;
    bool has_places = spec->overflow == TR_OVERFLOW_BLOCK;
    for (uint64_t i = 0; had_places != has_places && i < router->books.n_waiting; i++) {
        has_places ? tr_mailbox_hold_place(router->self->mailbox)
                   : tr_mailbox_give_place(router->self->mailbox);
    }
    tr_router_open_mailbox(router, spec);
}

static void count_for_quota(void *arg, void *item)
{
    tr_router_t *router = arg;
    const tr_envelope_t *envelope = item;
    if (router->quota.most > 0 && tr_quota_note(&router->quota, envelope->peer) != TROUPE_OK) {
        tr_quota_change(&router->quota, 0);
        tr_event(router->self->runtime->events, TR_LOG_ERROR, "out_of_memory",
                 TR_TEXT("capability", router->spec->capability),
                 TR_TEXT("without", "per-peer"));
    }
}

static void change_quota(tr_router_t *router, const tr_router_spec_t *spec)
{
    bool is_new = router->quota.most == 0;
    tr_quota_change(&router->quota, spec->per_peer);
    if (is_new) {
        tr_lineup_each(&router->due, count_for_quota, router);
    }
}

static bool change_batch(tr_router_t *router, const tr_router_spec_t *spec)
{
    tr_job_t **hand = calloc(spec->batch_max, sizeof *hand);
    if (hand) {
        free(router->hand);
        router->hand = hand;
        router->batch.max = spec->batch_max;
        router->batch.window_ms = spec->batch_window_ms;
    }
    return hand != NULL;
}

void tr_router_respec(tr_router_t *router, const tr_router_spec_t *spec,
                      tr_keepsake_t *keepsake)
{
    if (strcmp(spec->capability, router->spec->capability) != 0 ||
        !change_batch(router, spec)) {
        tr_event(router->self->runtime->events, TR_LOG_ERROR, "router_not_changed",
                 TR_TEXT("capability", router->spec->capability),
                 TR_TEXT("to", spec->capability));
        return;
    }
    change_mailbox(router, spec);
    change_quota(router, spec);
    tr_breaker_change(&router->breaker, spec->breaker_failures, spec->breaker_cooldown_ms,
                      spec->breaker_probes);
    router->balance.policy = spec->balance;
    tr_members_set_concurrency(&router->members, spec->concurrency);
    router->spec = spec;
    tr_keepsake_t *before = router->keepsake;
    router->keepsake = tr_keepsake_share(keepsake);
    tr_keepsake_release(&before);
}
