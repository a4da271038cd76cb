/* Looks into a worker between two callbacks: whether it is well, and what it has inside. */

#include "actors/worker/inside.h"

#include <stdio.h>

#include "actors/inspection.h"
#include "base/clock.h"

/* A callback that leaves no trace in what the worker is and since when, but for the clock by
 * which a hanging one is told. */
static void note_check_begin(troupe_worker_t *worker)
{
    tr_mailbox_leave_next();
    tr_pulse_t *pulse = worker->self->pulse;
    int64_t now = tr_clock_now_ms();
    atomic_store_explicit(&pulse->progress_ms, now, memory_order_relaxed);
    atomic_store_explicit(&pulse->running_until_ms, TR_NEVER, memory_order_relaxed);
    atomic_store(&pulse->running_since_ms, now);
    worker->explanation[0] = '\0';
    tr_worker_step_out(worker);
}

static void note_check_end(troupe_worker_t *worker)
{
    tr_worker_step_in(worker);
    atomic_store(&worker->self->pulse->running_since_ms, 0);
}

static void end_if_abandoned(troupe_worker_t *worker)
{
    if (tr_worker_is_abandoned(worker)) {
        tr_reason_t reason = tr_reason_of(TROUPE_REASON_HUNG);
        tr_self_end(worker->self, &reason);
    }
}

void tr_worker_probe(troupe_worker_t *worker)
{
    const troupe_behaviour_t *behaviour = worker->plan->behaviour;
    if (!behaviour->probe || worker->is_stopping || worker->self->is_suspended ||
        worker->kept || tr_mailbox_has_letters(worker->self->mailbox)) {
        return;
    }
    note_check_begin(worker);
    int broken = behaviour->probe(worker, worker->state);
    note_check_end(worker);
    if (broken) {
        tr_worker_fail(worker, "its probe failed");
    } else {
        end_if_abandoned(worker);
    }
}

/* What was asked has a timer, too. */
static void count_all(const troupe_worker_t *worker, tr_inspection_t *inspection)
{
    inspection->n_aside = tr_mailbox_count_aside(worker->self->mailbox);
    inspection->n_asks = worker->asks.open.n_items;
    inspection->n_timers = worker->timers.by_id.n_items - inspection->n_asks;
    inspection->n_monitors = worker->watching.open.n_items;
    inspection->n_calls = worker->errands.open.n_items;
}

void tr_worker_inspect(troupe_worker_t *worker, const tr_control_t *word)
{
    const troupe_behaviour_t *behaviour = worker->plan->behaviour;
    tr_inspection_t *inspection = tr_inspection_new(worker->self, word->number);
    if (!inspection) {
        return;
    }
    snprintf(inspection->behaviour, sizeof inspection->behaviour, "%s", behaviour->name);
    if (behaviour->state) {
        note_check_begin(worker);
        inspection->state = behaviour->state(worker, worker->state);
        note_check_end(worker);
        end_if_abandoned(worker);
    } else {
        tr_inspection_explain(inspection, "its behaviour has no callback to show its state");
    }
    count_all(worker, inspection);
    /* From a process it comes behind what was sent before, as all else does. */
    tr_inspection_send(inspection, word->mailbox,
                       worker->self->runtime->beyond ? TR_LANE_USER : TR_LANE_CONTROL);
}
