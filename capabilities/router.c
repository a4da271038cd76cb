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

#include "capabilities/router.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/report.h"
#include "base/clock.h"
#include "base/heap.h"
#include "base/log.h"
#include "capabilities/members.h"
#include "capabilities/router_books.h"
#include "mailbox/dead_letter.h"
#include "mailbox/reply.h"
#include "mailbox/request_queue.h"

#define MAILBOX_LETTERS ((size_t)1 << 17)
#define MAILBOX_BYTES   ((size_t)1 << 30)

typedef struct tr_router {
    tr_self_t *self;
    const tr_router_spec_t *spec;
    tr_request_queue_t queue;
    tr_heap_t deadlines; /* of all that are QUEUED or RUNNING */
    tr_members_t members;
    tr_router_books_t books;
    uint64_t last_number;
    uint64_t last_dispatch;
    bool has_asked_to_grow;
    bool is_unavailable;
    int64_t available_at_ms;
    tr_reason_t trouble; /* why the last start failed */
    bool is_draining;
    tr_mailbox_t *drain_to;
} tr_router_t;

static bool is_due_before(const void *one, const void *other)
{
    return ((const tr_envelope_t *)one)->deadline_ms <
           ((const tr_envelope_t *)other)->deadline_ms;
}

static size_t *deadline_place_of(void *item)
{
    return &((tr_envelope_t *)item)->deadline_place;
}

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

/* Answer one that a worker has; the worker goes on with it, flagged. */
static void abandon(tr_router_t *router, tr_envelope_t *envelope, troupe_outcome_t outcome,
                    const char *why, int64_t now_ms)
{
    tr_job_t *job = envelope->job;
    tr_member_t *member = job->member;
    envelope->phase = TR_PHASE_ABANDONED;
    atomic_store(&job->cancelled_ms, now_ms);
    atomic_store(&member->pulse->cancelled_ms, now_ms);
    atomic_store(&member->pulse->cancelled, job->number);
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

static void refuse(tr_router_t *router, tr_envelope_t *envelope, troupe_outcome_t outcome,
                   int64_t hint_ms, const char *why)
{
    envelope->phase = TR_PHASE_OVER;
    tr_envelope_answer(envelope, outcome, hint_ms, "%s", why);
    tr_router_books_refused(&router->books, outcome);
    tr_envelope_release(&envelope);
}

static bool has_nobody(const tr_router_t *router)
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
    refuse(
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
    refuse(router, envelope, TROUPE_OUTCOME_SPAWN_FAILED, left_ms > 0 ? left_ms : 0, why);
}

/* Takes the letter's share. */
static void admit(tr_router_t *router, tr_envelope_t *envelope)
{
    int64_t now_ms = tr_clock_now_ms();
    if (atomic_load(&envelope->is_answered)) {
        tr_envelope_release(&envelope); /* cancelled before it was read */
        return;
    }
    envelope->deadline_ms = deadline_of(router, envelope);
    envelope->admitted_us = tr_clock_now_us();
    envelope->number = ++router->last_number;
    if (router->is_draining) {
        refuse(router, envelope, TROUPE_OUTCOME_SHUTTING_DOWN, 0, "the node is draining");
    } else if (now_ms >= envelope->deadline_ms) {
        refuse(router, envelope, TROUPE_OUTCOME_TIMEOUT, 0,
               "the deadline had passed before the request arrived");
    } else if (router->is_unavailable && has_nobody(router)) {
        refuse_unavailable(router, envelope, now_ms);
    } else if (tr_heap_push(&router->deadlines, envelope) != TROUPE_OK) {
        refuse(router, envelope, TROUPE_OUTCOME_OVERLOADED, 0, "the node is out of memory");
    } else if (tr_request_queue_push(&router->queue, envelope) != TROUPE_OK) {
        tr_heap_remove(&router->deadlines, envelope);
        refuse_full(router, envelope);
    } else {
        envelope->phase = TR_PHASE_QUEUED;
        router->books.n_accepted++;
    }
}

static void cancel(tr_router_t *router, tr_envelope_t *envelope)
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

static void dispatch_all(tr_router_t *router, int64_t now_ms)
{
    bool goes_on = true;
    while (goes_on && tr_request_queue_count(&router->queue) > 0) {
        tr_member_t *member = tr_members_pick(&router->members);
        goes_on =
            member && dispatch(router, tr_request_queue_pop(&router->queue), member, now_ms);
    }
}

/* ---- what comes back ---- */

static void on_part(tr_router_t *router, troupe_reply_t *part)
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

static void on_final(tr_router_t *router, troupe_reply_t *reply)
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

static void lose_member(tr_router_t *router, tr_member_t *member, const tr_reason_t *reason)
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

static void fail_queue(tr_router_t *router)
{
    char why[TR_REASON_TEXT + 80];
    snprintf(why, sizeof why, "%s has no worker: %s", router->spec->capability,
             router->trouble.text);
    tr_envelope_t *envelope;
    while ((envelope = tr_heap_first(&router->queue.order)) != NULL) {
        end_queued(router, envelope, TROUPE_OUTCOME_SPAWN_FAILED, why);
    }
}

static void be_unavailable(tr_router_t *router, const tr_control_t *word)
{
    router->is_unavailable = true;
    router->trouble = word->reason;
    router->available_at_ms = tr_clock_after(tr_clock_now_ms(), (int64_t)word->number);
    if (has_nobody(router)) {
        fail_queue(router);
    }
}

static void add_member(tr_router_t *router, const tr_control_t *up)
{
    if (tr_members_add(&router->members, up->name, up->incarnation, up->mailbox, up->pulse,
                       router->spec->concurrency, tr_clock_now_ms()) != TROUPE_OK) {
        tr_log(TR_LOG_ERROR, "member_not_added", TR_TEXT("worker", up->name));
    }
}

/* ---- growth ---- */

static void say_to_pool(tr_router_t *router, tr_word_t word, uint64_t incarnation)
{
    tr_mailbox_t *pool = tr_directory_find(router->self->runtime->directory, TR_NAMES_ACTOR,
                                           tr_span_of(router->spec->pool));
    tr_control_say(pool, word, incarnation);
    tr_mailbox_release(&pool);
}

static void grow_if_work_waits(tr_router_t *router)
{
    bool has_room = router->members.n - router->members.n_going < router->spec->max_workers;
    if (tr_request_queue_count(&router->queue) > 0 && has_room && !router->has_asked_to_grow &&
        !router->is_unavailable && !router->is_draining) {
        router->has_asked_to_grow = true;
        say_to_pool(router, TR_WORD_GROW, 0);
    }
}

/* Let the member that was idle longest go when its time is up; returns when to look again. */
static int64_t shrink_if_idle(tr_router_t *router, int64_t now_ms)
{
    if (router->members.n - router->members.n_going <= router->spec->min_workers) {
        return TR_NEVER;
    }
    tr_member_t *oldest = NULL;
    for (size_t i = 0; i < router->members.n; i++) {
        tr_member_t *member = tr_members_at(&router->members, i);
        if (member->candidate.is_open && member->candidate.n_pending == 0 &&
            (!oldest || member->last_used_ms < oldest->last_used_ms)) {
            oldest = member;
        }
    }
    if (!oldest) {
        return TR_NEVER;
    }
    int64_t due_ms = tr_clock_after(oldest->last_used_ms, router->spec->keep_alive_ms);
    if (now_ms < due_ms) {
        return due_ms;
    }
    tr_members_set_going(&router->members, oldest, true);
    say_to_pool(router, TR_WORD_SHRINK, oldest->incarnation);
    return now_ms;
}

/* ---- turns ---- */

static void expire(tr_router_t *router, int64_t now_ms)
{
    tr_envelope_t *envelope;
    while ((envelope = tr_heap_first(&router->deadlines)) != NULL &&
           envelope->deadline_ms <= now_ms) {
        char why[TR_REASON_TEXT + 120];
        if (envelope->phase == TR_PHASE_RUNNING) {
            expire_running(router, envelope, now_ms);
        } else if (has_nobody(router)) {
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

static void check_books(tr_router_t *router)
{
    size_t n_queued = tr_request_queue_count(&router->queue);
    assert(router->books.n_accepted ==
           router->books.n_finished + n_queued + router->books.n_running);
    tr_metric_set(router->books.depth, (int64_t)n_queued);
    tr_metric_set(router->books.pending, (int64_t)router->books.n_running);
}

static void finish_drain(tr_router_t *router)
{
    if (router->drain_to && tr_request_queue_count(&router->queue) == 0 &&
        router->books.n_running == 0) {
        tr_control_say(router->drain_to, TR_WORD_DRAINED, 0);
        tr_mailbox_release(&router->drain_to);
    }
}

static int64_t turn(tr_self_t *self, int64_t now_ms)
{
    tr_router_t *router = self->state;
    expire(router, now_ms);
    dispatch_all(router, now_ms);
    grow_if_work_waits(router);
    int64_t due_ms = shrink_if_idle(router, now_ms);
    finish_drain(router);
    check_books(router);
    tr_envelope_t *first = tr_heap_first(&router->deadlines);
    return first && first->deadline_ms < due_ms ? first->deadline_ms : due_ms;
}

/* ---- letters ---- */

static void report(tr_router_t *router, const tr_control_t *survey)
{
    tr_report_t *report =
        tr_report_new(survey->number, router->spec->capability, router->members.n);
    if (!report || !survey->mailbox) {
        tr_letter_t *letter = report ? &report->letter : NULL;
        tr_letter_destroy(&letter);
        return;
    }
    bool is_ready = !router->is_draining && !(router->is_unavailable && has_nobody(router));
    bool is_loading = is_ready && has_nobody(router) && router->spec->min_workers > 0;
    report->state = router->is_draining ? "draining"
                    : is_loading        ? "loading"
                    : is_ready          ? "ready"
                                        : "unavailable";
    if (has_nobody(router)) {
        snprintf(report->reason, sizeof report->reason, "%s", router->trouble.text);
    }
    report->n_queued = tr_request_queue_count(&router->queue);
    report->n_pending = router->books.n_running;
    report->n_accepted = router->books.n_accepted;
    report->n_finished = router->books.n_finished;
    report->min = router->spec->min_workers;
    report->max = router->spec->max_workers;
    for (size_t i = 0; i < router->members.n; i++) {
        const tr_member_t *member = tr_members_at(&router->members, i);
        tr_report_child_t *line = &report->children[i];
        snprintf(line->name, sizeof line->name, "%s", member->name);
        line->kind = "worker";
        line->state = member->is_going      ? "draining"
                      : member->is_doubtful ? "doubtful"
                                            : "ready";
        line->incarnation = member->incarnation;
        line->n_pending = member->candidate.n_pending;
        line->n_done = member->n_done;
    }
    tr_report_send(report, survey->mailbox);
}

static void on_word(tr_router_t *router, const tr_control_t *word)
{
    tr_member_t *member =
        word->incarnation ? tr_members_find(&router->members, word->incarnation) : NULL;
    switch (word->word) {
    case TR_WORD_UP:
        router->has_asked_to_grow = false;
        add_member(router, word);
        break;
    case TR_WORD_DOUBTFUL:
    case TR_WORD_FINE:
        if (member) {
            tr_member_set_doubtful(member, word->word == TR_WORD_DOUBTFUL);
            tr_members_set_going(&router->members, member, false);
        }
        break;
    case TR_WORD_GOING:
        if (member) {
            tr_members_set_going(&router->members, member, true);
        }
        break;
    case TR_WORD_DOWN:
        router->has_asked_to_grow = false;
        if (member) {
            lose_member(router, member, &word->reason);
        }
        break;
    case TR_WORD_NOT_GROWN:
        router->has_asked_to_grow = false;
        router->trouble =
            tr_reason_format(word->reason.kind, "%s %.160s", word->name, word->reason.text);
        break;
    case TR_WORD_UNAVAILABLE:
        be_unavailable(router, word);
        break;
    case TR_WORD_AVAILABLE:
        router->is_unavailable = false;
        router->has_asked_to_grow = false;
        break;
    case TR_WORD_DRAIN:
        router->is_draining = true;
        tr_mailbox_release(&router->drain_to);
        router->drain_to = word->mailbox ? tr_mailbox_share(word->mailbox) : NULL;
        break;
    case TR_WORD_SURVEY:
        report(router, word);
        break;
    default:
        break;
    }
}

static void receive(tr_self_t *self, tr_letter_t *letter)
{
    tr_router_t *router = self->state;
    const tr_control_t *word = tr_control_in(letter);
    if (word) {
        on_word(router, word);
        tr_letter_destroy(&letter);
    } else if (letter->type == &tr_envelope_type) {
        admit(router, tr_envelope_of(letter));
    } else if (letter->type == &tr_cancel_type) {
        cancel(router, ((tr_cancel_t *)letter)->envelope);
        tr_letter_destroy(&letter);
    } else if (letter->type == &tr_reply_type && ((troupe_reply_t *)letter)->job) {
        troupe_reply_t *reply = (troupe_reply_t *)letter;
        reply->is_final ? on_final(router, reply) : on_part(router, reply);
    } else {
        tr_dead_letter_take(self->runtime->dead_letters, self->name,
                            "a router takes requests only", &letter);
    }
}

/* ---- life ---- */

/* The router itself stops: nobody is left to finish anything. */
static void end_all(tr_router_t *router)
{
    tr_envelope_t *envelope;
    while ((envelope = tr_heap_first(&router->queue.order)) != NULL) {
        end_queued(router, envelope, TROUPE_OUTCOME_SHUTTING_DOWN, "the node is stopping");
    }
    tr_reason_t reason = tr_reason_format(TROUPE_REASON_SHUTDOWN, "the node is stopping");
    while (router->members.n > 0) {
        lose_member(router, tr_members_at(&router->members, 0), &reason);
    }
}

static void leftover(tr_self_t *self, tr_letter_t *letter)
{
    tr_router_t *router = self->state;
    if (letter->type == &tr_envelope_type) {
        refuse(router, tr_envelope_of(letter), TROUPE_OUTCOME_SHUTTING_DOWN, 0,
               "the node is stopping");
    } else if (letter->type == &tr_reply_type && ((troupe_reply_t *)letter)->job) {
        receive(self, letter);
    } else {
        tr_letter_destroy(&letter);
    }
}

static bool begin(tr_self_t *self, void *arg)
{
    tr_router_t *router = calloc(1, sizeof *router);
    self->state = router;
    if (router) {
        router->self = self;
        router->spec = arg;
        tr_request_queue_init(&router->queue, router->spec->queue_limit);
        tr_heap_init(&router->deadlines, is_due_before, deadline_place_of);
        tr_members_init(&router->members);
    }
    if (!router ||
        tr_router_books_init(&router->books, self->runtime->metrics,
                             router->spec->capability) != TROUPE_OK ||
        tr_self_register(self, TR_NAMES_CAPABILITY, router->spec->capability) != TROUPE_OK) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "out of memory");
        return false;
    }
    return true;
}

static void end(tr_self_t *self)
{
    tr_router_t *router = self->state;
    if (!router) {
        return;
    }
    end_all(router);
    tr_mailbox_release(&router->drain_to);
    tr_request_queue_finish(&router->queue);
    assert(!tr_heap_first(&router->deadlines));
    tr_heap_finish(&router->deadlines);
    tr_members_finish(&router->members);
    free(router);
    self->state = NULL;
}

static void discard(void *arg)
{
    (void)arg; /* the spec is borrowed */
}

static const tr_actor_class_t router_class = {
    .kind = "router",
    .begin = begin,
    .receive = receive,
    .turn = turn,
    .leftover = leftover,
    .end = end,
    .discard = discard,
};

troupe_status_t tr_router_start(const void *what, const char *name, tr_runtime_t *runtime,
                                tr_mailbox_t *parent, tr_actor_t **out)
{
    return tr_actor_start(
        &(tr_actor_setup_t){
            .class = &router_class,
            .name = name,
            .runtime = runtime,
            .parent = parent,
            .limits = {MAILBOX_LETTERS, MAILBOX_BYTES},
            .arg = (void *)what,
        },
        out);
}
