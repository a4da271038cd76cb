/* What a router says of itself when it is surveyed: how it is, and why, if it is not ready. */

#include <stdio.h>

#include "actors/report.h"
#include "capabilities/router_inside.h"

static const char *state_of_closed(const tr_router_t *router)
{
    return router->rests         ? "drained"
           : router->is_draining ? "draining"
           : router->is_paused   ? "paused"
                                 : NULL;
}

static const char *state_of_open(const tr_router_t *router, bool is_tripped)
{
    bool has_nobody = tr_router_has_nobody(router);
    bool has_no_hope = router->is_unavailable || router->spec->has_only_guests;
    bool is_ready = !is_tripped && !(has_no_hope && has_nobody);
    return !is_ready ? "unavailable" : has_nobody && router->min > 0 ? "loading" : "ready";
}

/* Why it is closed; NULL: it is not. */
static const char *why_closed(const tr_router_t *router)
{
    return router->must_rest     ? "drained by an operator"
           : router->is_draining ? "the node is draining"
           : router->is_paused   ? "paused by an operator"
                                 : NULL;
}

static void say_why(const tr_router_t *router, bool is_tripped, char *reason, size_t size)
{
    if (why_closed(router)) {
        snprintf(reason, size, "%s", why_closed(router));
    } else if (tr_router_has_nobody(router) && router->spec->has_only_guests) {
        snprintf(reason, size, "waits for workers that dial in");
    } else if (tr_router_has_nobody(router)) {
        snprintf(reason, size, "%s", router->trouble.text);
    } else if (is_tripped) {
        snprintf(reason, size, "the circuit breaker is open for %lld ms more",
                 (long long)tr_breaker_hint_ms(&router->breaker, router->self->now.ms));
    }
}

static void describe_member(const tr_member_t *member, tr_report_child_t *line)
{
    snprintf(line->name, sizeof line->name, "%s", member->name);
    line->kind = "worker";
    line->state = member->is_going ? "draining" : member->is_doubtful ? "doubtful" : "ready";
    line->incarnation = member->incarnation;
    line->n_pending = member->candidate.n_pending;
    line->n_done = member->n_done;
}

void tr_router_report(tr_router_t *router, const tr_control_t *survey)
{
    tr_report_t *report =
        tr_report_new(survey->number, router->spec->capability, router->members.n);
    if (!report || !survey->mailbox) {
        tr_letter_t *letter = report ? &report->letter : NULL;
        tr_letter_destroy(&letter);
        return;
    }
    bool is_tripped =
        tr_breaker_state(&router->breaker, router->self->now.ms) == TR_BREAKER_OPEN;
    const char *closed = state_of_closed(router);
    report->state = closed ? closed : state_of_open(router, is_tripped);
    say_why(router, is_tripped, report->reason, sizeof report->reason);
    report->n_queued = router->books.n_waiting;
    report->n_pending = router->books.n_running;
    report->n_accepted = router->books.n_accepted;
    report->n_finished = router->books.n_finished;
    report->limit = router->spec->queue_limit;
    report->is_full = router->spec->overflow == TR_OVERFLOW_REJECT &&
                      router->books.n_waiting >= router->spec->queue_limit;
    report->min = router->min;
    report->max = router->max;
    for (size_t i = 0; i < router->members.n; i++) {
        describe_member(tr_members_at(&router->members, i), &report->children[i]);
    }
    tr_report_send(report, survey->mailbox);
}
