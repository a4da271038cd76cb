/* What is handed out is one unit of work: a request, or a batch of them. It is posted first and
 * noted then: a member whose mailbox does not take it has ended, and nothing has happened.
 */

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "capabilities/router_inside.h"

/* Nobody took it: it waits again. Takes the share, as the queue has it. */
static void put_back(tr_router_t *router, tr_envelope_t *lead)
{
    if (tr_request_queue_return(&router->queue, lead) != TROUPE_OK) {
        tr_router_end(router, lead, TROUPE_OUTCOME_OVERLOADED, 0, "the node is out of memory");
    }
}

/* Make jobs for the lead and for as many more as go with it, `n_most` in all. Returns how many
 * there are in router->hand; 0 for want of memory, and then all wait again. */
static size_t take_hand(tr_router_t *router, tr_envelope_t *lead, size_t n_most)
{
    size_t n_jobs = 0;
    tr_envelope_t *next = lead;
    while (next) {
        tr_job_t *job =
            tr_job_new(next, router->self->mailbox, router->last_dispatch + n_jobs + 1);
        if (!job) {
            put_back(router, next);
            break;
        }
        job->lead = next;
        router->hand[n_jobs++] = job;
        next = n_jobs < n_most ? tr_request_queue_pop_like(&router->queue, lead) : NULL;
    }
    for (size_t i = 1; i < n_jobs; i++) {
        router->hand[i]->head = tr_job_share(router->hand[0]);
        router->hand[i]->unit = router->hand[0]->number;
    }
    return n_jobs;
}

static tr_letter_t *letter_of_hand(const tr_router_t *router, const tr_member_t *member,
                                   size_t n_jobs)
{
    if (router->batch.max == 1 || member->is_guest) {
        return &tr_job_share(router->hand[0])->letter;
    }
    tr_batch_t *batch = tr_batch_new(n_jobs);
    for (size_t i = 0; batch && i < n_jobs; i++) {
        tr_batch_add(batch, tr_job_share(router->hand[i]));
    }
    return batch ? &batch->letter : NULL;
}

/* Nobody has seen these jobs. */
static void drop_hand(tr_router_t *router, size_t n_jobs)
{
    for (size_t i = n_jobs; i-- > 0;) {
        tr_job_t *job = router->hand[i];
        tr_envelope_t *lead = job->lead;
        job->lead = NULL;
        if (job->head != job) {
            tr_job_release(&job->head);
            job->head = job;
        }
        tr_job_release(&job);
        put_back(router, lead);
    }
}

static void note_running(tr_router_t *router, tr_envelope_t *envelope,
                         const tr_member_t *member)
{
    tr_router_end_wait(router);
    router->books.n_running++;
    envelope->phase = TR_PHASE_RUNNING;
    envelope->dispatched_us = router->self->now.us;
    tr_router_set_due(router, envelope, envelope->deadline_ms);
    tr_router_books_dispatched(&router->books, envelope);
    tr_envelope_tell(envelope, TROUPE_STANDING_RUNNING, 0);
    tr_router_trace(router, envelope, "request_dispatched", member->name, NULL);
}

/* The member has it. */
static void note_given(tr_router_t *router, tr_member_t *member, tr_job_t *job, int64_t now_ms)
{
    tr_envelope_t *lead = job->lead;
    int64_t deadline_ms = lead->deadline_ms;
    lead->job = job;
    note_running(router, lead, member);
    for (tr_envelope_t *sharer = lead->sharers; sharer; sharer = sharer->next_sharer) {
        note_running(router, sharer, member);
        deadline_ms = sharer->deadline_ms > deadline_ms ? sharer->deadline_ms : deadline_ms;
    }
    atomic_store(&job->deadline_ms, deadline_ms);
    tr_members_give(&router->members, member, job, ++router->last_dispatch, now_ms);
}

/* Hand the lead, and what goes with it, to the member. False: no memory, try again later. */
static bool hand_to(tr_router_t *router, tr_member_t *member, tr_envelope_t *lead,
                    int64_t now_ms)
{
    size_t n_jobs = take_hand(router, lead, member->is_guest ? 1 : router->batch.max);
    tr_letter_t *letter = n_jobs > 0 ? letter_of_hand(router, member, n_jobs) : NULL;
    if (!letter) {
        drop_hand(router, n_jobs);
        return false;
    }
    if (tr_mailbox_post(member->mailbox, TR_LANE_USER, &letter) != TROUPE_OK) {
        tr_letter_destroy(&letter);
        drop_hand(router, n_jobs);
        tr_members_set_going(&router->members, member, true); /* its pool will say so soon */
        return true;
    }
    for (size_t i = 0; i < n_jobs; i++) {
        note_given(router, member, router->hand[i], now_ms);
    }
    if (router->batch.max > 1 && !member->is_guest) {
        tr_metric_add(router->books.batches, 1);
    }
    return true;
}

/* ---- to whom ---- */

/* Whether those that are awake will do what waits sooner than others can be woken, and who of
 * them is next; NULL: none has room yet. One that is long at it is no help. Only the rule of
 * least pending has a say in that: others name who is to have it. */
static bool is_left_to_awake(const tr_router_t *router, size_t n_waiting, int64_t now_ms,
                             tr_member_t **next_out)
{
    const tr_members_t *members = &router->members;
    size_t n_at_most = members->n_busy + (router->finisher && !router->finisher->jobs);
    int64_t now_us = router->self->now.us;
    if (router->spec->balance != TR_BALANCE_LEAST_PENDING || router->batch.max > 1 ||
        !tr_rouse_can_wait(&router->rouse, n_waiting, n_at_most, now_us)) {
        return false;
    }
    size_t n_awake;
    *next_out =
        tr_members_pick_awake(members, router->finisher, now_ms - TR_ROUSE_MOMENT_MS, &n_awake);
    return n_awake < members->n &&
           tr_rouse_can_wait(&router->rouse, n_waiting, n_awake, now_us);
}

static tr_member_t *member_for(tr_router_t *router, const tr_envelope_t *lead)
{
    return tr_members_pick(&router->members, &router->balance, lead->sticky);
}

/* Hand the next unit of work to a member. False: nobody can take it now. */
static bool hand_out(tr_router_t *router, int64_t now_ms)
{
    tr_envelope_t *lead = tr_request_queue_pop(&router->queue);
    tr_member_t *member = member_for(router, lead);
    if (!member) {
        put_back(router, lead);
        return false;
    }
    return hand_to(router, member, lead, now_ms);
}

/* The one that was admitted last has not been put into the queue yet. When nothing waits there
 * it need not be. */
void tr_router_dispatch_newcomer(tr_router_t *router, int64_t now_ms)
{
    tr_envelope_t *newcomer = router->newcomer;
    if (!newcomer) {
        return;
    }
    bool can_pass = !router->is_paused && router->batch.max == 1 && !router->has_opened &&
                    tr_request_queue_count(&router->queue) == 0 &&
                    tr_members_has_room(&router->members);
    tr_member_t *member = NULL;
    if (can_pass && !is_left_to_awake(router, 1, now_ms, &member)) {
        member = member_for(router, newcomer);
    }
    if (member) {
        router->newcomer = NULL;
        hand_to(router, member, newcomer, now_ms);
    } else {
        tr_router_queue_newcomer(router);
    }
}

int64_t tr_router_dispatch_all(tr_router_t *router, int64_t now_ms)
{
    int64_t again_ms = TR_NEVER;
    size_t n_waiting;
    while (!router->is_paused && tr_members_has_room(&router->members) &&
           (n_waiting = tr_request_queue_count(&router->queue)) > 0) {
        int64_t due_ms =
            tr_batch_due_ms(&router->batch, n_waiting, router->filling_since_ms, now_ms);
        if (due_ms > now_ms) {
            again_ms = due_ms;
            break;
        }
        tr_member_t *awake = NULL;
        bool is_left = is_left_to_awake(router, n_waiting, now_ms, &awake);
        if (is_left && !awake) {
            again_ms = now_ms + TR_ROUSE_MOMENT_MS;
            break;
        }
        bool is_out = is_left
                          ? hand_to(router, awake, tr_request_queue_pop(&router->queue), now_ms)
                          : hand_out(router, now_ms);
        if (!is_out) {
            break;
        }
    }
    router->finisher = NULL;
    return again_ms;
}
