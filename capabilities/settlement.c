/* A job that its router does not know any more has no member: what comes of it is late. One
 * for which nobody waits has no lead: its slot is freed, and that is all.
 */

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "capabilities/retry.h"
#include "capabilities/router_inside.h"
#include "mailbox/reply.h"

/* ---- parts ---- */

static bool has_room_for_part(const tr_envelope_t *reader)
{
    return tr_flow_has_room(&reader->flow,
                            &(tr_flow_spent_t){reader->n_parts, reader->n_bytes});
}

/* Those who share a stream with its lead cannot hold it up: who falls behind is cut off. */
static void pass_on_to_sharers(tr_router_t *router, tr_envelope_t *lead,
                               const troupe_reply_t *part)
{
    tr_envelope_t *next;
    for (tr_envelope_t *sharer = lead->sharers; sharer; sharer = next) {
        next = sharer->next_sharer;
        troupe_reply_t *copy =
            has_room_for_part(sharer) ? tr_reply_copy(part, sharer->id) : NULL;
        if (!copy || !tr_envelope_forward(sharer, &copy)) {
            tr_router_end(router, sharer, TROUPE_OUTCOME_OVERLOADED, 0,
                          "its reader was slower than others who share the stream of %s",
                          sharer->capability);
        }
    }
}

static uint64_t taken_by(const tr_envelope_t *reader)
{
    return atomic_load(&reader->flow.parts_granted) + atomic_load(&reader->flow.bytes_taken);
}

/* A reader that has all it may have must take some of it in time. */
static void watch_reader(tr_router_t *router, tr_envelope_t *lead)
{
    if (!has_room_for_part(lead)) {
        lead->stalled_at = taken_by(lead);
        int64_t due_ms = tr_clock_after(router->self->now.ms, router->spec->reader_stall_ms);
        tr_router_set_due(router, lead,
                          due_ms < lead->deadline_ms ? due_ms : lead->deadline_ms);
    }
}

void tr_router_look_at_reader(tr_router_t *router, tr_envelope_t *lead)
{
    if (has_room_for_part(lead)) {
        tr_router_set_due(router, lead, lead->deadline_ms);
    } else if (lead->stalled_at != taken_by(lead)) {
        watch_reader(router, lead);
    } else {
        tr_router_end(router, lead, TROUPE_OUTCOME_OVERLOADED, 0,
                      "its reader took none of the parts that lie there for %lld ms",
                      (long long)router->spec->reader_stall_ms);
    }
}

void tr_router_on_part(tr_router_t *router, troupe_reply_t *part)
{
    tr_job_t *job = part->job; /* the share is ours now */
    part->job = NULL;
    tr_envelope_t *lead = job->member ? job->lead : NULL;
    if (!lead) {
        troupe_reply_destroy(&part); /* late: nobody waits */
        tr_job_release(&job);
        return;
    }
    if (lead->n_parts == 0) {
        tr_sharing_close(&router->sharing, lead);
        tr_router_books_first_part(&router->books, lead, router->self->now.us);
    }
    pass_on_to_sharers(router, lead, part);
    if (lead != job->envelope && !has_room_for_part(lead)) {
        troupe_reply_destroy(&part);
        tr_router_end(router, lead, TROUPE_OUTCOME_OVERLOADED, 0,
                      "its reader was slower than one that has left the stream of %s",
                      lead->capability);
    } else if (tr_envelope_forward(lead, &part)) {
        watch_reader(router, lead);
    } else {
        tr_router_end(router, lead, TROUPE_OUTCOME_OVERLOADED, 0,
                      "its reader has left, or has no room for one more part of %s",
                      lead->capability);
    }
    tr_job_release(&job);
}

/* ---- room ---- */

static void say_room(const tr_job_t *job)
{
    const tr_member_t *member = job->member;
    tr_control_t *room = tr_control_new(TR_WORD_ROOM, member->incarnation);
    if (room) {
        room->number = job->number;
        tr_control_send(room, member->mailbox);
    }
}

/* The worker goes by the flow of the request that its job was made for. When that has left, the
 * one that leads the run now has its own, and what it grants is passed on from there; it is
 * asked to say so each time it does. That the worker has asked for a word may have been taken
 * back by a grant of who has left, so it is told in any case. */
void tr_router_relay_credit(tr_router_t *router, tr_envelope_t *lead)
{
    tr_flow_t *to = &lead->job->envelope->flow;
    tr_flow_spent_t all;
    bool is_due = has_room_for_part(lead);
    do {
        all.n_parts = atomic_load(&lead->flow.parts_granted);
        all.n_bytes = atomic_load(&lead->flow.bytes_taken);
        uint64_t n_parts = atomic_load(&to->parts_granted);
        uint64_t n_bytes = atomic_load(&to->bytes_taken);
        n_parts = all.n_parts > n_parts ? all.n_parts - n_parts : 0;
        n_bytes = all.n_bytes > n_bytes ? all.n_bytes - n_bytes : 0;
        is_due |= (n_parts > 0 || n_bytes > 0) && tr_flow_grant(to, n_parts, n_bytes);
    } while (!tr_flow_ask_for_word(&lead->flow, &all));
    if (is_due) {
        say_room(lead->job);
    }
    if (lead->n_parts > 0) {
        watch_reader(router, lead);
    }
}

void tr_router_on_credit(tr_router_t *router, tr_envelope_t *envelope)
{
    if (envelope->phase != TR_PHASE_RUNNING || !envelope->job) {
        return;
    }
    if (envelope->job->envelope == envelope) {
        say_room(envelope->job);
    } else {
        tr_router_relay_credit(router, envelope);
    }
}

/* ---- finals ---- */

/* The worker is done with the job, one way or another: free its slot. The member's share of the
 * job is the caller's now, and so is the lead, with its share; NULL when nobody waits. */
static tr_envelope_t *take_back(tr_router_t *router, tr_job_t *job)
{
    tr_envelope_t *lead = job->lead;
    if (lead && job->head->n_unfinished > 1) {
        tr_member_stop_awaiting(job->member, job, router->self->now.ms);
    }
    tr_members_take_back(&router->members, job->member, job, router->self->now.ms);
    job->lead = NULL;
    if (lead) {
        lead->job = NULL;
    }
    return lead;
}

static void wait_again(tr_router_t *router, tr_envelope_t *lead)
{
    router->books.n_running--;
    for (tr_envelope_t *sharer = lead->sharers; sharer; sharer = sharer->next_sharer) {
        router->books.n_running--;
    }
    tr_router_enqueue(router, lead, true);
}

static bool has_time(const tr_envelope_t *lead, int64_t now_ms)
{
    bool has_some = now_ms < lead->deadline_ms;
    for (const tr_envelope_t *sharer = lead->sharers; sharer; sharer = sharer->next_sharer) {
        has_some |= now_ms < sharer->deadline_ms;
    }
    return has_some;
}

static const char *why_not_again(tr_retry_verdict_t verdict)
{
    switch (verdict) {
    case TR_RETRY_POISONOUS:
        return "; it has cost too many workers to be tried again";
    case TR_RETRY_HAS_STREAMED:
        return "; it had sent parts, so it is not tried again";
    case TR_RETRY_TOO_LATE:
        return "; no time is left to try again";
    case TR_RETRY_USED_UP:
        return "; and so did all others that had it before";
    default:
        return "";
    }
}

/* A worker was lost with a run. Takes the lead's share. */
static void lose_run(tr_router_t *router, tr_envelope_t *lead, const char *why)
{
    const tr_router_spec_t *spec = router->spec;
    lead->n_lost++;
    tr_retry_verdict_t verdict =
        tr_retry_decide(spec->retry, spec->poison, lead->n_lost, lead->n_parts,
                        has_time(lead, router->self->now.ms));
    if (verdict == TR_RETRY_AGAIN) {
        tr_metric_add(router->books.retried, 1);
        tr_router_trace(router, lead, "request_retried", NULL, NULL);
        wait_again(router, lead);
        return;
    }
    char text[TR_REASON_TEXT + 240];
    snprintf(text, sizeof text, "%s%s", why, spec->retry > 0 ? why_not_again(verdict) : "");
    troupe_reply_t *reply = tr_reply_verdict(0, TROUPE_OUTCOME_WORKER_LOST, 0, text);
    tr_router_end_run(router, lead, reply);
}

static void note_result(tr_router_t *router, tr_member_t *member, const troupe_reply_t *reply)
{
    member->n_done++;
    member->candidate.has_failed_last = reply->outcome == TROUPE_OUTCOME_WORKER_ERROR ||
                                        reply->outcome == TROUPE_OUTCOME_WORKER_LOST;
    if (reply->is_worker_broken) {
        tr_members_set_going(&router->members, member, true);
    }
}

/* Of the callback before this one: neither the time to wake the worker nor that until this
 * final was read is in it. */
static void note_pace(tr_router_t *router, tr_member_t *member, const tr_job_t *job)
{
    tr_rouse_note(&router->rouse, job->pace_us, router->self->now.us);
    router->finisher = member;
}

void tr_router_on_final(tr_router_t *router, troupe_reply_t *reply)
{
    tr_job_t *job = reply->job; /* the share is ours now */
    reply->job = NULL;
    tr_member_t *member = job->member;
    if (!member) {
        tr_metric_add(router->books.late, 1);
        troupe_reply_destroy(&reply);
        tr_job_release(&job);
        return;
    }
    note_pace(router, member, job);
    tr_envelope_t *lead = take_back(router, job);
    if (!reply->was_not_started) {
        note_result(router, member, reply);
    }
    /* A worker that skips a request had looked at a deadline; should there be one who has time
     * left, since he came just then, he waits on. */
    bool was_skipped = reply->was_not_started || reply->outcome == TROUPE_OUTCOME_CANCELLED;
    if (lead && was_skipped) {
        wait_again(router, lead);
    } else if (lead && reply->outcome == TROUPE_OUTCOME_WORKER_LOST) {
        char why[TR_REASON_TEXT + 120];
        snprintf(why, sizeof why, "%s ended while it had the request: %s", member->name,
                 troupe_reply_text(reply));
        lose_run(router, lead, why);
    } else if (lead) {
        tr_router_end_run(router, lead, reply);
        reply = NULL;
    }
    troupe_reply_destroy(&reply);
    tr_job_release(&(tr_job_t *){job}); /* the member's share */
    tr_job_release(&job);
}

/* ---- members that go ---- */

void tr_router_lose_member(tr_router_t *router, tr_member_t *member, const tr_reason_t *reason)
{
    char shown[TR_REASON_TEXT];
    char why[TR_REASON_TEXT + 120];
    snprintf(why, sizeof why, "%s ended while it had the request: %s", member->name,
             tr_reason_show(reason, shown, sizeof shown));
    tr_members_set_going(&router->members, member,
                         true); /* what waits again waits for others */
    while (member->jobs) {
        tr_job_t *job = member->jobs;
        tr_envelope_t *lead = take_back(router, job);
        tr_job_flag_cancelled(job,
                              router->self->now.ms); /* whoever still runs it should stop */
        if (lead) {
            lose_run(router, lead, why);
        }
        tr_job_release(&job);
    }
    if (router->finisher == member) {
        router->finisher = NULL;
    }
    tr_members_remove(&router->members, member);
}
