/* A router that is paused takes requests, which wait. One that is draining takes none, and
 * finishes those it has; an operator who drains a capability wants its workers gone, too, so
 * its pool then rests. Both are over with the word to resume.
 */

#include <stdio.h>

#include "capabilities/router_inside.h"

static tr_service_t service_of(const tr_router_t *router)
{
    return router->must_rest   ? TR_SERVICE_DRAINED
           : router->is_paused ? TR_SERVICE_PAUSED
                               : TR_SERVICE_OPEN;
}

/* For its next life. That its node drains in order to stop is no matter of this capability's.
 */
static void note_orders(tr_router_t *router)
{
    atomic_store(&router->orders->service, (int)service_of(router));
}

bool tr_router_recall_orders(tr_router_t *router)
{
    const tr_self_t *self = router->self;
    router->orders = tr_order_book_of(self->runtime->orders, router->spec->capability,
                                      self->home ? self->home : "");
    if (!router->orders) {
        return false;
    }
    tr_service_t service = (tr_service_t)atomic_load(&router->orders->service);
    router->is_paused = service == TR_SERVICE_PAUSED;
    router->is_draining = router->must_rest = service == TR_SERVICE_DRAINED;
    if (!router->must_rest) {
        atomic_store(&router->orders->rests, false);
    }
    return true;
}

/* What was accepted is to be finished while it drains, so it is no use to hold that up. */
void tr_router_pause(tr_router_t *router)
{
    router->is_paused = !router->is_draining;
    note_orders(router);
}

void tr_router_drain(tr_router_t *router, const tr_control_t *word)
{
    router->is_draining = true;
    router->is_paused = false;
    router->must_rest = router->must_rest || word->number > 0;
    note_orders(router);
    tr_mailbox_release(&router->drain_to);
    router->drain_number = word->incarnation;
    router->drain_to = word->mailbox ? tr_mailbox_share(word->mailbox) : NULL;
}

/* It is written down before it is said: a pool that is about to come up may not be found yet,
 * and reads it once it can be. */
static void let_rest(tr_router_t *router, bool rests)
{
    tr_control_t *rest = tr_control_new(TR_WORD_REST, 0);
    if (rest) {
        atomic_store(&router->orders->rests, rests);
        rest->number = rests;
        tr_router_tell_pool(router, rest);
        router->rests = rests;
    }
}

void tr_router_wake(tr_router_t *router)
{
    let_rest(router, false);
}

void tr_router_resume(tr_router_t *router)
{
    router->is_paused = router->is_draining = router->must_rest = false;
    note_orders(router);
    tr_mailbox_release(&router->drain_to);
    if (router->rests) {
        tr_router_wake(router);
    }
}

/* What others have called for in order to finish a request of their own is no new work while
 * the node drains. To a capability that drains alone it is. */
bool tr_router_is_closed_to(const tr_router_t *router, const tr_envelope_t *envelope)
{
    bool is_alone = router->must_rest && !tr_runtime_is_leaving(router->self->runtime);
    return envelope->depth == 0 || is_alone;
}

static void say_drained(tr_router_t *router)
{
    tr_control_t *drained = tr_control_new(TR_WORD_DRAINED, router->drain_number);
    if (drained) {
        snprintf(drained->name, sizeof drained->name, "%s", router->spec->capability);
        tr_control_send(drained, router->drain_to);
        tr_mailbox_release(&router->drain_to);
    }
}

void tr_router_end_drain(tr_router_t *router)
{
    if (router->drain_to) {
        say_drained(router);
    }
}

void tr_router_finish_drain(tr_router_t *router)
{
    if (router->books.n_waiting > 0 || router->books.n_running > 0) {
        return;
    }
    tr_router_end_drain(router);
    if (router->must_rest && !router->rests) {
        let_rest(router, true);
    }
}
