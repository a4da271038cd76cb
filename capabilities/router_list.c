/* Which requests a router has, for whoever asks: first those that workers have, in the order of
 * members, then those that wait, in that of their arrival. What shares the run of another one
 * stands behind it.
 */

#include <stdio.h>
#include <stdlib.h>

#include "actors/request_list.h"
#include "base/clock.h"
#include "capabilities/router_inside.h"

static void describe(tr_request_list_t *list, const tr_envelope_t *envelope,
                     tr_request_state_t state, const char *worker)
{
    tr_listed_request_t *line = tr_request_list_next(list);
    if (!line) {
        return;
    }
    tr_time_t now = tr_clock_read();
    line->state = state;
    line->number = envelope->number;
    snprintf(line->method, sizeof line->method, "%s", envelope->method);
    snprintf(line->worker, sizeof line->worker, "%s", worker);
    snprintf(line->caller, sizeof line->caller, "%s", envelope->caller);
    line->peer = envelope->peer;
    line->priority = envelope->priority;
    line->age_ms = now.ms - envelope->sent_ms;
    line->running_ms =
        state == TR_REQUEST_QUEUED ? 0 : (now.us - envelope->dispatched_us) / 1000;
    line->remaining_ms =
        envelope->deadline_ms == TR_NEVER ? TR_NEVER : envelope->deadline_ms - now.ms;
    line->n_parts = envelope->n_parts;
    line->attempt = envelope->n_lost + 1;
    line->is_sharer = envelope->lead != NULL;
}

/* A lead, and those who share its run. */
static void describe_run(tr_request_list_t *list, const tr_envelope_t *lead,
                         tr_request_state_t state, const char *worker)
{
    describe(list, lead, state, worker);
    for (const tr_envelope_t *sharer = lead->sharers; sharer; sharer = sharer->next_sharer) {
        describe(list, sharer, state, worker);
    }
}

static void describe_member(tr_request_list_t *list, const tr_member_t *member)
{
    for (const tr_job_t *job = member->jobs; job; job = job->next) {
        if (job->lead) {
            describe_run(list, job->lead, TR_REQUEST_RUNNING, member->name);
        } else {
            describe(list, job->envelope, TR_REQUEST_ABANDONED, member->name);
        }
    }
}

/* ---- what waits ---- */

typedef struct line_up {
    const tr_envelope_t **all;
    size_t n;
} line_up_t;

static void note_waiting(void *arg, void *item)
{
    line_up_t *waiting = arg;
    waiting->all[waiting->n++] = item;
}

static int by_number(const void *one, const void *other)
{
    uint64_t first = (*(const tr_envelope_t *const *)one)->number;
    uint64_t second = (*(const tr_envelope_t *const *)other)->number;
    return (first > second) - (first < second);
}

static void describe_queue(tr_request_list_t *list, const tr_request_queue_t *queue)
{
    line_up_t waiting = {.all = calloc(tr_request_queue_count(queue) + 1, sizeof *waiting.all)};
    if (waiting.all) {
        tr_request_queue_each(queue, note_waiting, &waiting);
        qsort(waiting.all, waiting.n, sizeof *waiting.all, by_number);
    }
    for (size_t i = 0; i < waiting.n && list->n < list->n_room; i++) {
        describe_run(list, waiting.all[i], TR_REQUEST_QUEUED, "");
    }
    free(waiting.all);
}

/* ---- all ---- */

static size_t count(const tr_router_t *router)
{
    size_t n = router->books.n_waiting + router->books.n_running;
    for (size_t i = 0; i < router->members.n; i++) {
        for (const tr_job_t *job = tr_members_at(&router->members, i)->jobs; job;
             job = job->next) {
            n += !job->lead;
        }
    }
    return n;
}

void tr_router_list(tr_router_t *router, const tr_control_t *question)
{
    size_t n = count(router);
    size_t n_room = n < question->depth ? n : question->depth;
    tr_request_list_t *list =
        question->mailbox
            ? tr_request_list_new(question->number, router->spec->capability, n_room)
            : NULL;
    if (!list) {
        return;
    }
    for (size_t i = 0; i < router->members.n; i++) {
        describe_member(list, tr_members_at(&router->members, i));
    }
    describe_queue(list, &router->queue);
    list->n_left_off = n - list->n;
    tr_request_list_send(list, question->mailbox);
}
