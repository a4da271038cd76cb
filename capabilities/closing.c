/* A router that is paused takes requests, which wait. One that is draining takes none, and
 * finishes those it has; an operator who drains a capability wants its workers gone, too, so
 * its pool then rests. Both are over with the word to resume.
 */

#include <stdio.h>

#include "capabilities/router_inside.h"

/* What was accepted is to be finished while it drains, so it is no use to hold that up. */
void tr_router_pause(tr_router_t *router)
{
    router->is_paused = !router->is_draining;
}

void tr_router_drain(tr_router_t *router, const tr_control_t *word)
{
    router->is_draining = true;
    router->is_paused = false;
    router->must_rest = router->must_rest || word->number > 0;
    tr_mailbox_release(&router->drain_to);
    router->drain_number = word->incarnation;
    router->drain_to = word->mailbox ? tr_mailbox_share(word->mailbox) : NULL;
}

static void let_rest(tr_router_t *router, bool rests)
{
    tr_control_t *rest = tr_control_new(TR_WORD_REST, 0);
    if (rest) {
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

void tr_router_finish_drain(tr_router_t *router)
{
    if (router->books.n_waiting > 0 || router->books.n_running > 0) {
        return;
    }
    if (router->drain_to) {
        say_drained(router);
    }
    if (router->must_rest && !router->rests) {
        let_rest(router, true);
    }
}
