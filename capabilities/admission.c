/* A request is accepted when it has a place in the queue, or in a run that others have begun.
 * Until then whatever stands in its way refuses it, and leaves no trace of it in the books.
 */

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/trace.h"
#include "capabilities/router_inside.h"

#define TEXT_SIZE 512

void tr_router_refuse(tr_router_t *router, tr_envelope_t *envelope, troupe_outcome_t outcome,
                      int64_t hint_ms, const char *format, ...)
{
    char why[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    envelope->phase = TR_PHASE_OVER;
    tr_breaker_note(&router->breaker, TR_RESULT_NEITHER, tr_router_pass_of(envelope),
                    router->self->now.ms);
    tr_router_books_refused(&router->books, outcome); /* first: whoever knows may look */
    tr_envelope_answer_text(envelope, outcome, hint_ms, why);
    tr_router_trace(router, envelope, "request_refused", NULL, troupe_outcome_name(outcome));
    tr_envelope_release(&envelope);
}

/* A caller may tighten the operator's limit, never widen it. */
static int64_t deadline_of(const tr_router_t *router, const tr_envelope_t *envelope)
{
    int64_t timeout_ms = router->spec->timeout_ms;
    if (envelope->timeout_ms > 0 && envelope->timeout_ms < timeout_ms) {
        timeout_ms = envelope->timeout_ms;
    }
    return tr_clock_after(envelope->sent_ms, timeout_ms);
}

static void take_down(tr_router_t *router, tr_envelope_t *envelope)
{
    envelope->deadline_ms = deadline_of(router, envelope);
    envelope->admitted_us = router->self->now.us;
    envelope->number = ++router->last_number;
    tr_trace_t trace;
    envelope->is_traced = envelope->traceparent[0] != '\0' &&
                          tr_trace_parse(tr_span_of(envelope->traceparent), &trace) &&
                          trace.is_sampled;
}

/* When a place in the queue may be free again. */
static int64_t wait_hint_ms(const tr_router_t *router)
{
    size_t n_members = router->members.n ? router->members.n : 1;
    return tr_router_books_wait_ms(&router->books, router->books.n_waiting,
                                   n_members * router->spec->concurrency * router->batch.max);
}

static void refuse_full(tr_router_t *router, tr_envelope_t *envelope)
{
    tr_router_refuse(router, envelope, TROUPE_OUTCOME_OVERLOADED, wait_hint_ms(router),
                     "%s has %zu requests waiting, which is all it may", envelope->capability,
                     (size_t)router->books.n_waiting);
}

static void refuse_unavailable(tr_router_t *router, tr_envelope_t *envelope)
{
    tr_router_refuse(router, envelope, tr_router_start_failure(router),
                     tr_router_back_in_ms(router), "%s has no worker: %s", envelope->capability,
                     router->trouble.text);
}

/* Time it from here on, and count it. False: refused. */
static bool take_in(tr_router_t *router, tr_envelope_t *envelope, int64_t due_ms)
{
    troupe_status_t status = tr_quota_take(&router->quota, envelope->peer);
    if (status == TROUPE_LIMIT) {
        tr_router_refuse(router, envelope, TROUPE_OUTCOME_OVERLOADED, wait_hint_ms(router),
                         "this peer has %zu requests with %s, which is all that one may",
                         router->spec->per_peer, envelope->capability);
        return false;
    }
    if (status != TROUPE_OK) {
        tr_router_refuse(router, envelope, TROUPE_OUTCOME_OVERLOADED, 0,
                         "the node is out of memory");
        return false;
    }
    envelope->due_ms = due_ms;
    tr_lineup_push(&router->due, envelope);
    router->books.n_accepted++;
    return true;
}

static int64_t waits_until_ms(const tr_router_t *router, const tr_envelope_t *envelope)
{
    int64_t patience_ms = router->spec->queue_timeout_ms;
    int64_t until_ms =
        patience_ms > 0 ? tr_clock_after(router->self->now.ms, patience_ms) : TR_NEVER;
    return until_ms < envelope->deadline_ms ? until_ms : envelope->deadline_ms;
}

/* ---- sharing a run ---- */

/* Who is in more of a hurry goes to the head of those who share. */
static void change_places(tr_router_t *router, tr_envelope_t *lead, tr_envelope_t *newcomer)
{
    tr_request_queue_remove(&router->queue, lead);
    tr_envelope_t *heir = tr_sharing_pass_on(&router->sharing, lead);
    assert(heir == newcomer); /* it joined last */
    (void)heir;
    tr_router_hand_on(lead, newcomer);
    tr_sharing_join(&router->sharing, newcomer, lead);
    if (tr_request_queue_push(&router->queue, newcomer) != TROUPE_OK) {
        tr_router_end(router, newcomer, TROUPE_OUTCOME_OVERLOADED, 0,
                      "the node is out of memory");
    }
}

static void join(tr_router_t *router, tr_envelope_t *lead, tr_envelope_t *envelope)
{
    if (router->sharing.n_sharers >= router->spec->queue_limit) {
        tr_router_refuse(router, envelope, TROUPE_OUTCOME_OVERLOADED, wait_hint_ms(router),
                         "%s has %zu requests that share runs, which is all it may",
                         envelope->capability, router->sharing.n_sharers);
        return;
    }
    bool is_running = lead->phase == TR_PHASE_RUNNING;
    if (!take_in(router, envelope,
                 is_running ? envelope->deadline_ms : waits_until_ms(router, envelope))) {
        return;
    }
    tr_sharing_join(&router->sharing, lead, envelope);
    tr_metric_add(router->books.shared, 1);
    tr_router_trace(router, envelope, "request_shared", NULL, NULL);
    envelope->phase = lead->phase;
    if (is_running) {
        router->books.n_running++;
        envelope->dispatched_us = envelope->admitted_us;
        tr_envelope_tell(envelope, TROUPE_STANDING_RUNNING, 0);
        if (envelope->deadline_ms > atomic_load(&lead->job->deadline_ms)) {
            atomic_store(&lead->job->deadline_ms, envelope->deadline_ms);
        }
    } else {
        tr_router_begin_wait(router);
        tr_router_tell_waiting(router, envelope);
        if (envelope->priority < lead->priority) {
            change_places(router, lead, envelope);
        }
    }
}

/* ---- waiting ---- */

static bool is_full(const tr_router_t *router)
{
    return router->books.n_waiting >= router->spec->queue_limit;
}

/* Whoever waits longest of the least urgent, if it must go for the newcomer. */
static tr_envelope_t *victim_of(const tr_router_t *router, const tr_envelope_t *newcomer)
{
    return is_full(router) && router->spec->overflow == TR_OVERFLOW_DROP_OLDEST
               ? tr_request_queue_victim(&router->queue, newcomer->priority)
               : NULL;
}

static void make_place(tr_router_t *router, const tr_envelope_t *newcomer)
{
    tr_envelope_t *victim = victim_of(router, newcomer);
    if (victim) {
        tr_router_end(router, victim, TROUPE_OUTCOME_OVERLOADED, wait_hint_ms(router),
                      "it was the oldest of %zu requests that waited for %s when one more came",
                      (size_t)router->books.n_waiting, victim->capability);
    }
}

/* With `block` the mailbox has let in no more than have a place, or one that was on its way. */
static bool has_place(const tr_router_t *router, const tr_envelope_t *envelope)
{
    return !is_full(router) || router->spec->overflow == TR_OVERFLOW_BLOCK ||
           victim_of(router, envelope);
}

/* Those who would wait for room do so for as many as wait here, as well as for those on their
 * way: the mailbox counts both. */
static bool counts_in_mailbox(const tr_router_t *router)
{
    return router->spec->overflow == TR_OVERFLOW_BLOCK;
}

void tr_router_begin_wait(tr_router_t *router)
{
    router->books.n_waiting++;
    if (counts_in_mailbox(router)) {
        tr_mailbox_hold_place(router->self->mailbox);
    }
}

void tr_router_end_wait(tr_router_t *router)
{
    router->books.n_waiting--;
    if (counts_in_mailbox(router)) {
        tr_mailbox_give_place(router->self->mailbox);
    }
}

void tr_router_enqueue(tr_router_t *router, tr_envelope_t *lead, bool is_back)
{
    if (tr_request_queue_count(&router->queue) == 0 && !is_back) {
        router->filling_since_ms = router->self->now.ms;
    }
    lead->phase = TR_PHASE_QUEUED;
    lead->dispatched_us = 0;
    tr_router_begin_wait(router);
    tr_router_set_due(router, lead, waits_until_ms(router, lead));
    for (tr_envelope_t *sharer = lead->sharers; sharer; sharer = sharer->next_sharer) {
        sharer->phase = TR_PHASE_QUEUED;
        sharer->dispatched_us = 0;
        tr_router_begin_wait(router);
        tr_router_set_due(router, sharer, waits_until_ms(router, sharer));
        tr_router_tell_waiting(router, sharer);
    }
    if (!is_back) {
        router->newcomer = lead;
        return;
    }
    tr_router_tell_waiting(router, lead);
    if (tr_request_queue_return(&router->queue, lead) != TROUPE_OK) {
        tr_router_end(router, lead, TROUPE_OUTCOME_OVERLOADED, 0, "the node is out of memory");
    }
}

void tr_router_queue_newcomer(tr_router_t *router)
{
    tr_envelope_t *newcomer = router->newcomer;
    router->newcomer = NULL;
    if (!newcomer) {
        return;
    }
    tr_router_tell_waiting(router, newcomer);
    if (tr_request_queue_push(&router->queue, newcomer) != TROUPE_OK) {
        tr_router_end(router, newcomer, TROUPE_OUTCOME_OVERLOADED, 0,
                      "the node is out of memory");
    }
}

static void let_wait(tr_router_t *router, tr_envelope_t *envelope)
{
    if (take_in(router, envelope, envelope->deadline_ms)) {
        if (router->rests) {
            tr_router_wake(router);
        }
        make_place(router, envelope); /* not before: a newcomer may be refused in the end */
        tr_router_trace(router, envelope, "request_accepted", NULL, NULL);
        tr_sharing_open(&router->sharing, envelope);
        tr_router_enqueue(router, envelope, false);
    }
}

/* ---- all of it ---- */

static void refuse_closed(tr_router_t *router, tr_envelope_t *envelope)
{
    const char *who = tr_runtime_is_leaving(router->self->runtime) || !router->must_rest
                          ? "the node"
                          : envelope->capability;
    tr_router_refuse(router, envelope, TROUPE_OUTCOME_SHUTTING_DOWN, 0, "%s is draining", who);
}

/* Ask the breaker. False: refused. */
static bool may_pass(tr_router_t *router, tr_envelope_t *envelope, int64_t now_ms)
{
    tr_pass_t pass = tr_breaker_ask(&router->breaker, now_ms);
    tr_router_give_pass(envelope, pass);
    if (pass.kind == TR_PASS_NO) {
        tr_router_refuse(router, envelope, TROUPE_OUTCOME_CIRCUIT_OPEN,
                         tr_breaker_hint_ms(&router->breaker, now_ms),
                         "%s has failed %zu times in a row and is not asked for now",
                         envelope->capability, router->spec->breaker_failures);
    }
    return pass.kind != TR_PASS_NO;
}

/* Takes the letter's share. */
void tr_router_admit(tr_router_t *router, tr_envelope_t *envelope)
{
    int64_t now_ms = router->self->now.ms;
    if (atomic_load(&envelope->is_answered)) {
        tr_envelope_release(&envelope); /* cancelled before it was read */
        return;
    }
    take_down(router, envelope);
    if (router->spec->dedups_bodies) {
        tr_sharing_key_by_body(&router->sharing, envelope);
    }
    tr_envelope_t *lead = tr_sharing_find(&router->sharing, envelope);
    if (router->is_draining && tr_router_is_closed_to(router, envelope)) {
        refuse_closed(router, envelope);
    } else if (now_ms >= envelope->deadline_ms) {
        tr_router_refuse(router, envelope, TROUPE_OUTCOME_TIMEOUT, 0,
                         "the deadline had passed before the request arrived");
    } else if (lead) {
        join(router, lead, envelope);
    } else if (router->is_unavailable && tr_router_has_nobody(router)) {
        refuse_unavailable(router, envelope);
    } else if (may_pass(router, envelope, now_ms)) {
        has_place(router, envelope) ? let_wait(router, envelope)
                                    : refuse_full(router, envelope);
    }
}
