/* Every accepted request passes `leave` exactly once, and is answered there.
 *
 * Who leaves early gives up its place in the queue or its run. When others share it, the first
 * of them takes over both, with the pass of the breaker; else the place is free, and a worker
 * that is at it is told that nobody waits.
 */

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "capabilities/router_inside.h"
#include "mailbox/reply.h"

#define TEXT_SIZE 512
#define CLOSE_MS  100

void tr_router_set_due(tr_router_t *router, tr_envelope_t *envelope, int64_t due_ms)
{
    if (envelope->due_ms != due_ms) {
        tr_lineup_remove(&router->due, envelope);
        envelope->due_ms = due_ms;
        tr_lineup_push(&router->due, envelope);
    }
}

/* ---- the one way out ---- */

/* Out of the books. */
static void leave(tr_router_t *router, tr_envelope_t *envelope, troupe_outcome_t outcome)
{
    bool was_running = envelope->phase == TR_PHASE_RUNNING;
    if (was_running) {
        router->books.n_running--;
    } else {
        assert(envelope->phase == TR_PHASE_QUEUED);
        tr_router_end_wait(router);
    }
    envelope->phase = TR_PHASE_OVER;
    tr_lineup_remove(&router->due, envelope);
    tr_quota_give(&router->quota, envelope->peer);
    router->has_opened |=
        tr_breaker_note(&router->breaker, tr_breaker_result(outcome, was_running),
                        tr_router_pass_of(envelope), router->self->now.ms);
    tr_router_books_finished(&router->books, envelope, outcome, router->self->now.us);
    tr_router_trace(router, envelope, "request_finished", NULL, troupe_outcome_name(outcome));
}

/* With a final made here. Takes the share. */
static void leave_with(tr_router_t *router, tr_envelope_t *envelope, troupe_outcome_t outcome,
                       int64_t hint_ms, const char *why)
{
    leave(router, envelope, outcome);
    tr_envelope_answer_text(envelope, outcome, hint_ms, why);
    tr_envelope_release(&envelope);
}

/* ---- leaving early ---- */

/* Nobody waits for the job any more; the worker goes on with it, flagged. A batch counts as
 * cancelled when all of it is. */
static void abandon(tr_job_t *job, int64_t now_ms)
{
    const tr_member_t *member = job->member;
    tr_job_flag_cancelled(job, now_ms);
    tr_member_stop_awaiting(member, job, now_ms);
    tr_control_t *cancel = atomic_load(&member->pulse->wants_cancels)
                               ? tr_control_new(TR_WORD_CANCEL, member->incarnation)
                               : NULL;
    if (cancel) {
        cancel->number = job->number;
        tr_control_send(cancel, member->mailbox);
    }
}

/* The lead of a run leaves it. */
static void leave_run(tr_router_t *router, tr_envelope_t *lead)
{
    tr_job_t *job = lead->job;
    tr_envelope_t *heir = tr_sharing_pass_on(&router->sharing, lead);
    lead->job = NULL;
    job->lead = heir;
    if (heir) {
        heir->job = job;
        tr_router_hand_on(lead, heir);
        tr_router_relay_credit(router, heir);
    } else {
        abandon(job, router->self->now.ms);
    }
}

/* The lead of those that wait leaves the queue. */
static void leave_queue(tr_router_t *router, tr_envelope_t *lead)
{
    if (lead->line) {
        tr_request_queue_remove(&router->queue, lead);
    }
    tr_envelope_t *heir = tr_sharing_pass_on(&router->sharing, lead);
    if (heir) {
        tr_router_hand_on(lead, heir);
        if (tr_request_queue_push(&router->queue, heir) != TROUPE_OK) {
            tr_router_end(router, heir, TROUPE_OUTCOME_OVERLOADED, 0,
                          "the node is out of memory");
        }
    }
}

void tr_router_end(tr_router_t *router, tr_envelope_t *envelope, troupe_outcome_t outcome,
                   int64_t hint_ms, const char *format, ...)
{
    char why[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    if (envelope->lead) {
        tr_sharing_leave(&router->sharing, envelope);
    } else if (envelope->phase == TR_PHASE_RUNNING) {
        leave_run(router, envelope);
    } else {
        leave_queue(router, envelope);
    }
    leave_with(router, envelope, outcome, hint_ms, why);
}

/* ---- the end of a run ---- */

/* The time of a turn is a moment old, and its worker may have seen the deadline pass since. */
static bool is_past(tr_router_t *router, int64_t deadline_ms)
{
    if (deadline_ms - router->self->now.ms <= CLOSE_MS) {
        router->self->now = tr_clock_read();
    }
    return router->self->now.ms >= deadline_ms;
}

/* One of those who share it. A deadline that has passed counts, whatever came just after it. */
static void leave_at_end(tr_router_t *router, tr_envelope_t *envelope, troupe_reply_t *reply)
{
    if (is_past(router, envelope->deadline_ms)) {
        troupe_reply_destroy(&reply);
        leave_with(router, envelope, TROUPE_OUTCOME_TIMEOUT, 0,
                   "it was not finished before the deadline");
    } else if (reply) {
        leave(router, envelope, reply->outcome);
        tr_envelope_forward(envelope, &reply);
        tr_envelope_release(&envelope);
    } else {
        leave_with(router, envelope, TROUPE_OUTCOME_INTERNAL, 0, "the node is out of memory");
    }
}

void tr_router_end_run(tr_router_t *router, tr_envelope_t *lead, troupe_reply_t *reply)
{
    tr_sharing_close(&router->sharing, lead);
    while (lead->sharers) {
        tr_envelope_t *sharer = lead->sharers;
        tr_sharing_leave(&router->sharing, sharer);
        leave_at_end(router, sharer, reply ? tr_reply_copy(reply, sharer->id) : NULL);
    }
    leave_at_end(router, lead, reply);
}

/* ---- by its caller, by time, and all at once ---- */

void tr_router_cancel(tr_router_t *router, tr_envelope_t *envelope)
{
    switch (envelope->phase) {
    case TR_PHASE_NEW:
        /* It overtook the request, which will find itself answered. */
        if (tr_envelope_answer(envelope, TROUPE_OUTCOME_CANCELLED, 0,
                               "its caller cancelled it before %s had read it",
                               envelope->capability)) {
            tr_router_books_refused(&router->books, TROUPE_OUTCOME_CANCELLED);
        }
        break;
    case TR_PHASE_QUEUED:
        tr_router_end(router, envelope, TROUPE_OUTCOME_CANCELLED, 0,
                      "its caller cancelled it while it waited for %s", envelope->capability);
        break;
    case TR_PHASE_RUNNING:
        tr_router_end(router, envelope, TROUPE_OUTCOME_CANCELLED, 0,
                      "its caller cancelled it while a worker of %s had it",
                      envelope->capability);
        break;
    case TR_PHASE_OVER:
        break; /* it ended first */
    }
}

static void expire_running(tr_router_t *router, tr_envelope_t *envelope)
{
    const tr_envelope_t *lead = envelope->lead ? envelope->lead : envelope;
    const tr_member_t *member = lead->job->member;
    tr_router_end(router, envelope, TROUPE_OUTCOME_TIMEOUT, 0,
                  "%s had not finished it at the deadline", member->name);
}

/* There may be memory for it later, which a deadline does not wait for. */
static troupe_outcome_t how_it_had_nobody(const tr_router_t *router, bool is_late)
{
    if (router->trouble.is_out_of_memory) {
        return is_late ? TROUPE_OUTCOME_TIMEOUT : TROUPE_OUTCOME_MEMORY_EXHAUSTED;
    }
    return router->trouble.kind == TROUPE_REASON_HUNG ? TROUPE_OUTCOME_SPAWN_TIMEOUT
                                                      : TROUPE_OUTCOME_NO_WORKERS;
}

static void expire_queued(tr_router_t *router, tr_envelope_t *envelope, int64_t now_ms)
{
    const char *name = router->spec->capability;
    bool is_late = now_ms >= envelope->deadline_ms;
    const char *until = is_late ? "until the deadline" : "for its queue-timeout";
    if (!tr_router_has_nobody(router)) {
        tr_router_end(router, envelope, TROUPE_OUTCOME_TIMEOUT, 0,
                      "it waited for a free worker of %s %s", name, until);
        return;
    }
    tr_router_end(router, envelope, how_it_had_nobody(router, is_late), 0,
                  "%s had no worker %s%s%s", name, until, router->trouble.text[0] ? ": " : "",
                  router->trouble.text);
}

void tr_router_expire(tr_router_t *router, int64_t now_ms)
{
    tr_envelope_t *envelope;
    while ((envelope = tr_lineup_first(&router->due)) != NULL && envelope->due_ms <= now_ms) {
        if (envelope->phase == TR_PHASE_QUEUED) {
            expire_queued(router, envelope, now_ms);
        } else if (now_ms >= envelope->deadline_ms) {
            expire_running(router, envelope);
        } else {
            tr_router_look_at_reader(router, envelope);
        }
    }
}

void tr_router_end_queue(tr_router_t *router, troupe_outcome_t outcome, int64_t hint_ms,
                         const char *why)
{
    tr_envelope_t *envelope;
    while ((envelope = tr_request_queue_any(&router->queue)) != NULL) {
        tr_router_end(router, envelope, outcome, hint_ms, "%s", why);
    }
}

/* What a member that goes had may wait again, so the queue comes last. */
void tr_router_end_all(tr_router_t *router)
{
    tr_reason_t reason = tr_reason_format(TROUPE_REASON_SHUTDOWN, "the node is stopping");
    tr_router_queue_newcomer(router);
    while (router->members.n > 0) {
        tr_router_lose_member(router, tr_members_at(&router->members, 0), &reason);
    }
    tr_router_end_queue(router, TROUPE_OUTCOME_SHUTTING_DOWN, 0, "the node is stopping");
}
