/* The life of a request here:
 *
 *     NEW ──admit──> QUEUED ──dispatch──> RUNNING ──final──> OVER
 *                      │ ^                   │ │
 *          deadline,   │ └──handed back──────┘ └─deadline, cancel─> ABANDONED ──final──> OVER
 *          cancel ─────┴───────────────────────────────────────────────────────────────> OVER
 *
 * A request in QUEUED or RUNNING has not been answered; one in ABANDONED has, but still
 * occupies its worker. At every turn's end n_accepted == n_finished + queued + n_running.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "capabilities/router_inside.h"
#include "mailbox/reply.h"

/* ---- endings: each request passes exactly one of these ---- */

/* A request leaves the books: QUEUED or RUNNING it was, answered it is. */
static void close_books(tr_router_t *router, tr_envelope_t *envelope, troupe_outcome_t outcome)
{
    tr_heap_remove(&router->deadlines, envelope);
    tr_router_books_finished(&router->books, envelope, outcome);
}

/* End one that waits; takes the queue's share. */
static void end_queued(tr_router_t *router, tr_envelope_t *envelope, troupe_outcome_t outcome,
                       const char *why)
{
    tr_request_queue_remove(&router->queue, envelope);
    envelope->phase = TR_PHASE_OVER;
    tr_envelope_answer(envelope, outcome, 0, "%s", why);
    close_books(router, envelope, outcome);
    tr_envelope_release(&envelope);
}

/* Say to the job's worker that nobody waits any more. */
static void flag_cancelled(const tr_member_t *member, tr_job_t *job, int64_t now_ms)
{
    atomic_store(&job->cancelled_ms, now_ms);
    atomic_store(&member->pulse->cancelled_ms, now_ms);
    atomic_store(&member->pulse->cancelled, job->number);
    tr_control_t *cancel = atomic_load(&member->pulse->wants_cancels)
                               ? tr_control_new(TR_WORD_CANCEL, member->incarnation)
                               : NULL;
    if (cancel) {
        cancel->number = job->number;
        tr_control_send(cancel, member->mailbox);
    }
}

/* Answer one that a worker has; the worker goes on with it, flagged. */
static void abandon(tr_router_t *router, tr_envelope_t *envelope, troupe_outcome_t outcome,
                    const char *why, int64_t now_ms)
{
    tr_job_t *job = envelope->job;
    envelope->phase = TR_PHASE_ABANDONED;
    flag_cancelled(job->member, job, now_ms);
    tr_envelope_answer(envelope, outcome, 0, "%s", why);
    router->books.n_running--;
    close_books(router, envelope, outcome);
}

static void expire_running(tr_router_t *router, tr_envelope_t *envelope, int64_t now_ms)
{
    const tr_member_t *member = envelope->job->member;
    char why[160];
    snprintf(why, sizeof why, "%s had not finished it at the deadline", member->name);
    abandon(router, envelope, TROUPE_OUTCOME_TIMEOUT, why, now_ms);
}

/* The worker is done with the job, one way or another: free its slot. Takes `job`'s member. */
static void take_back(tr_member_t *member, tr_job_t *job)
{
    tr_member_take_back(member, job, tr_clock_now_ms());
    job->envelope->job = NULL;
}

/* ---- admission ---- */

void tr_router_refuse(tr_router_t *router, tr_envelope_t *envelope, troupe_outcome_t outcome,
                      int64_t hint_ms, const char *why)
{
    envelope->phase = TR_PHASE_OVER;
    tr_envelope_answer(envelope, outcome, hint_ms, "%s", why);
    tr_router_books_refused(&router->books, outcome);
    tr_envelope_release(&envelope);
}

bool tr_router_has_nobody(const tr_router_t *router)
{
    return router->members.n == router->members.n_going;
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

static void refuse_full(tr_router_t *router, tr_envelope_t *envelope)
{
    char why[160];
    snprintf(why, sizeof why, "%s has %zu requests waiting, which is all it may",
             router->spec->capability, tr_request_queue_count(&router->queue));
    size_t slots = (router->members.n ? router->members.n : 1) * router->spec->concurrency;
    tr_router_refuse(
        router, envelope, TROUPE_OUTCOME_OVERLOADED,
        tr_router_books_wait_ms(&router->books, tr_request_queue_count(&router->queue), slots),
        why);
}

static void refuse_unavailable(tr_router_t *router, tr_envelope_t *envelope, int64_t now_ms)
{
    char why[TR_REASON_TEXT + 80];
    snprintf(why, sizeof why, "%s has no worker: %s", router->spec->capability,
             router->trouble.text);
    int64_t left_ms = router->available_at_ms - now_ms;
    tr_router_refuse(router, envelope, TROUPE_OUTCOME_SPAWN_FAILED, left_ms > 0 ? left_ms : 0,
                     why);
}

/* Takes the letter's share. */
void tr_router_admit(tr_router_t *router, tr_envelope_t *envelope)
{
    int64_t now_ms = tr_clock_now_ms();
    if (atomic_load(&envelope->is_answered)) {
        tr_envelope_release(&envelope); /* cancelled before it was read */
        return;
    }
    envelope->deadline_ms = envelope->due_ms = deadline_of(router, envelope);
    envelope->admitted_us = tr_clock_now_us();
    envelope->number = ++router->last_number;
    if (router->is_draining) {
        tr_router_refuse(router, envelope, TROUPE_OUTCOME_SHUTTING_DOWN, 0,
                         "the node is draining");
    } else if (now_ms >= envelope->deadline_ms) {
        tr_router_refuse(router, envelope, TROUPE_OUTCOME_TIMEOUT, 0,
                         "the deadline had passed before the request arrived");
    } else if (router->is_unavailable && tr_router_has_nobody(router)) {
        refuse_unavailable(router, envelope, now_ms);
    } else if (tr_heap_push(&router->deadlines, envelope) != TROUPE_OK) {
        tr_router_refuse(router, envelope, TROUPE_OUTCOME_OVERLOADED, 0,
                         "the node is out of memory");
    } else if (tr_request_queue_push(&router->queue, envelope) != TROUPE_OK) {
        tr_heap_remove(&router->deadlines, envelope);
        refuse_full(router, envelope);
    } else {
        envelope->phase = TR_PHASE_QUEUED;
        router->books.n_accepted++;
    }
}

void tr_router_cancel(tr_router_t *router, tr_envelope_t *envelope)
{
    switch (envelope->phase) {
    case TR_PHASE_NEW:
        /* It overtook the request, which will find itself answered. */
        tr_envelope_answer(envelope, TROUPE_OUTCOME_CANCELLED, 0, NULL);
        tr_router_books_refused(&router->books, TROUPE_OUTCOME_CANCELLED);
        break;
    case TR_PHASE_QUEUED:
        end_queued(router, envelope, TROUPE_OUTCOME_CANCELLED, "");
        break;
    case TR_PHASE_RUNNING:
        abandon(router, envelope, TROUPE_OUTCOME_CANCELLED, "", tr_clock_now_ms());
        break;
    default:
        break; /* it ended first */
    }
}

/* ---- dispatch ---- */

/* It waits again, in its old place. Takes a share. */
static void requeue(tr_router_t *router, tr_envelope_t *envelope)
{
    envelope->phase = TR_PHASE_QUEUED;
    if (tr_request_queue_return(&router->queue, envelope) != TROUPE_OK) {
        envelope->phase = TR_PHASE_OVER;
        tr_envelope_answer(envelope, TROUPE_OUTCOME_INTERNAL, 0, "the node is out of memory");
        close_books(router, envelope, TROUPE_OUTCOME_INTERNAL);
        tr_envelope_release(&envelope);
    }
}

/* Hand one request, out of the queue, to a member. Takes the queue's share. False: no memory,
 * try again later. */
static bool dispatch(tr_router_t *router, tr_envelope_t *envelope, tr_member_t *member,
                     int64_t now_ms)
{
    tr_job_t *job = tr_job_new(envelope, router->self->mailbox, ++router->last_dispatch);
    if (!job) {
        requeue(router, envelope);
        return false;
    }
    envelope->phase = TR_PHASE_RUNNING;
    envelope->job = job;
    envelope->dispatched_us = tr_clock_now_us();
    tr_member_give(member, job, router->last_dispatch, now_ms);
    tr_letter_t *letter = &tr_job_share(job)->letter;
    if (tr_mailbox_post(member->mailbox, TR_LANE_USER, &letter) != TROUPE_OK) {
        /* It has ended, and its pool will say so soon. */
        take_back(member, job);
        tr_letter_destroy(&letter);
        tr_job_release(&job);
        tr_members_set_going(&router->members, member, true);
        requeue(router, envelope);
        return true;
    }
    router->books.n_running++;
    tr_router_books_dispatched(&router->books, envelope);
    tr_envelope_release(&envelope); /* the job has its own */
    return true;
}

void tr_router_dispatch_all(tr_router_t *router, int64_t now_ms)
{
    bool goes_on = true;
    while (goes_on && tr_request_queue_count(&router->queue) > 0) {
        tr_member_t *member =
            tr_members_pick(&router->members, &router->balance, tr_span_of(NULL));
        goes_on =
            member && dispatch(router, tr_request_queue_pop(&router->queue), member, now_ms);
    }
}

/* ---- what comes back ---- */

void tr_router_on_part(tr_router_t *router, troupe_reply_t *part)
{
    tr_job_t *job = part->job;
    tr_envelope_t *envelope = job->envelope;
    if (!job->member || envelope->phase != TR_PHASE_RUNNING) {
        troupe_reply_destroy(&part); /* late: nobody waits */
        return;
    }
    part->job = NULL;
    tr_envelope_share(envelope); /* may be the last thing that job holds */
    if (!tr_envelope_forward(envelope, &part)) {
        abandon(router, envelope, TROUPE_OUTCOME_OVERLOADED,
                "the reader of the parts is too slow", tr_clock_now_ms());
    }
    tr_envelope_release(&envelope);
    tr_job_release(&job);
}

void tr_router_on_final(tr_router_t *router, troupe_reply_t *reply)
{
    tr_job_t *job = reply->job;
    tr_member_t *member = job->member;
    if (!member) {
        tr_metric_add(router->books.late, 1);
        troupe_reply_destroy(&reply);
        return;
    }
    tr_envelope_t *envelope = tr_envelope_share(job->envelope);
    if (envelope->phase == TR_PHASE_RUNNING && !reply->was_not_started &&
        reply->outcome != TROUPE_OUTCOME_OK && tr_clock_now_ms() >= envelope->deadline_ms) {
        /* The worker looked at the clock first; its caller asked for a time, not for a fault.
         */
        expire_running(router, envelope, tr_clock_now_ms());
    }
    take_back(member, job);
    if (reply->was_not_started) {
        if (envelope->phase == TR_PHASE_RUNNING) {
            router->books.n_running--;
            requeue(router, tr_envelope_share(envelope));
        } else {
            envelope->phase = TR_PHASE_OVER;
        }
        troupe_reply_destroy(&reply);
    } else {
        member->n_done++;
        member->candidate.has_failed_last = reply->outcome == TROUPE_OUTCOME_WORKER_ERROR ||
                                            reply->outcome == TROUPE_OUTCOME_WORKER_LOST;
        bool is_awaited = envelope->phase == TR_PHASE_RUNNING;
        troupe_outcome_t outcome = reply->outcome;
        envelope->phase = TR_PHASE_OVER;
        if (reply->is_worker_broken) {
            tr_members_set_going(&router->members, member, true);
        }
        reply->job = NULL; /* the caller has no use for it */
        if (is_awaited) {
            tr_envelope_forward(envelope, &reply);
            router->books.n_running--;
            close_books(router, envelope, outcome);
        } else {
            troupe_reply_destroy(&reply);
        }
        tr_job_release(&(tr_job_t *){job}); /* the reply's share */
    }
    tr_envelope_release(&envelope);
    tr_job_release(&job); /* the member's share */
}

/* ---- members come and go ---- */

/* Its worker is gone, with what it had. */
static void lose(tr_router_t *router, tr_member_t *member, tr_job_t *job, const char *why)
{
    tr_envelope_t *envelope = job->envelope;
    take_back(member, job);
    if (envelope->phase == TR_PHASE_RUNNING) {
        tr_envelope_answer(envelope, TROUPE_OUTCOME_WORKER_LOST, 0, "%s", why);
        router->books.n_running--;
        close_books(router, envelope, TROUPE_OUTCOME_WORKER_LOST);
    }
    envelope->phase = TR_PHASE_OVER;
    /* Whoever still runs it should stop. */
    atomic_store(&job->cancelled_ms, tr_clock_now_ms());
    tr_job_release(&job);
}

void tr_router_lose_member(tr_router_t *router, tr_member_t *member, const tr_reason_t *reason)
{
    char shown[TR_REASON_TEXT];
    char why[TR_REASON_TEXT + 120];
    snprintf(why, sizeof why, "%s ended while it had the request: %s", member->name,
             tr_reason_show(reason, shown, sizeof shown));
    while (member->jobs) {
        lose(router, member, member->jobs, why);
    }
    tr_members_remove(&router->members, member);
}

void tr_router_fail_queue(tr_router_t *router)
{
    char why[TR_REASON_TEXT + 80];
    snprintf(why, sizeof why, "%s has no worker: %s", router->spec->capability,
             router->trouble.text);
    tr_envelope_t *envelope;
    while ((envelope = tr_heap_first(&router->queue.order)) != NULL) {
        end_queued(router, envelope, TROUPE_OUTCOME_SPAWN_FAILED, why);
    }
}

/* ---- deadlines, and the end of all ---- */

void tr_router_expire(tr_router_t *router, int64_t now_ms)
{
    tr_envelope_t *envelope;
    while ((envelope = tr_heap_first(&router->deadlines)) != NULL &&
           envelope->deadline_ms <= now_ms) {
        char why[TR_REASON_TEXT + 120];
        if (envelope->phase == TR_PHASE_RUNNING) {
            expire_running(router, envelope, now_ms);
        } else if (tr_router_has_nobody(router)) {
            snprintf(why, sizeof why, "%s had no worker until the deadline%s%s",
                     router->spec->capability, router->trouble.text[0] ? ": " : "",
                     router->trouble.text);
            end_queued(router, envelope, TROUPE_OUTCOME_NO_WORKERS, why);
        } else {
            snprintf(why, sizeof why, "it waited for a free worker of %s until the deadline",
                     router->spec->capability);
            end_queued(router, envelope, TROUPE_OUTCOME_TIMEOUT, why);
        }
    }
}

/* The router itself stops: nobody is left to finish anything. */
void tr_router_end_all(tr_router_t *router)
{
    tr_envelope_t *envelope;
    while ((envelope = tr_heap_first(&router->queue.order)) != NULL) {
        end_queued(router, envelope, TROUPE_OUTCOME_SHUTTING_DOWN, "the node is stopping");
    }
    tr_reason_t reason = tr_reason_format(TROUPE_REASON_SHUTDOWN, "the node is stopping");
    while (router->members.n > 0) {
        tr_router_lose_member(router, tr_members_at(&router->members, 0), &reason);
    }
}
