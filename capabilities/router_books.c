/* Series are found once; counting is an atomic addition. */

#include "capabilities/router_books.h"

#define MEAN_WEIGHT 8

troupe_status_t tr_router_books_init(tr_router_books_t *self, tr_metrics_t *metrics,
                                     const char *capability)
{
    tr_label_t label = {"capability", capability};
    tr_label_t none = {0};
    *self = (tr_router_books_t){0};
    bool is_made = true;
    for (int i = 0; i < TROUPE_N_OUTCOMES; i++) {
        self->outcomes[i] = tr_metrics_series(
            metrics, TR_METRIC_COUNTER, "troupe_requests_total", "Requests by outcome", label,
            (tr_label_t){"outcome", troupe_outcome_name((troupe_outcome_t)i)});
        is_made = is_made && self->outcomes[i];
    }
    self->run_time =
        tr_metrics_series(metrics, TR_METRIC_HISTOGRAM, "troupe_request_duration_seconds",
                          "From dispatch to the end", label, none);
    self->queue_time =
        tr_metrics_series(metrics, TR_METRIC_HISTOGRAM, "troupe_queue_duration_seconds",
                          "From acceptance to dispatch", label, none);
    self->first_part_time =
        tr_metrics_series(metrics, TR_METRIC_HISTOGRAM, "troupe_first_part_duration_seconds",
                          "From dispatch to the first part of a stream", label, none);
    self->depth = tr_metrics_series(metrics, TR_METRIC_GAUGE, "troupe_queue_depth",
                                    "Requests that wait", label, none);
    self->pending = tr_metrics_series(metrics, TR_METRIC_GAUGE, "troupe_pending",
                                      "Requests that run", label, none);
    self->late = tr_metrics_series(metrics, TR_METRIC_COUNTER, "troupe_late_answers_total",
                                   "Answers to requests that were over", label, none);
    self->retried = tr_metrics_series(metrics, TR_METRIC_COUNTER, "troupe_retries_total",
                                      "Runs that began again", label, none);
    self->shared = tr_metrics_series(metrics, TR_METRIC_COUNTER, "troupe_shared_requests_total",
                                     "Requests that joined a run", label, none);
    self->batches = tr_metrics_series(metrics, TR_METRIC_COUNTER, "troupe_batches_total",
                                      "Batches handed out", label, none);
    self->circuit = tr_metrics_series(metrics, TR_METRIC_GAUGE, "troupe_circuit_state",
                                      "0 closed, 1 open, 2 trying", label, none);
    return is_made && self->run_time && self->queue_time && self->first_part_time &&
                   self->depth && self->pending && self->late && self->retried &&
                   self->shared && self->batches && self->circuit
               ? TROUPE_OK
               : TROUPE_ERR_NOMEM;
}

void tr_router_books_dispatched(tr_router_books_t *self, const tr_envelope_t *envelope)
{
    tr_metric_observe_us(self->queue_time, envelope->dispatched_us - envelope->admitted_us);
}

void tr_router_books_first_part(tr_router_books_t *self, const tr_envelope_t *envelope,
                                int64_t now_us)
{
    tr_metric_observe_us(self->first_part_time, now_us - envelope->dispatched_us);
}

void tr_router_books_finished(tr_router_books_t *self, const tr_envelope_t *envelope,
                              troupe_outcome_t outcome, int64_t now_us)
{
    self->n_finished++;
    tr_metric_add(self->outcomes[outcome], 1);
    if (envelope->dispatched_us > 0) {
        int64_t run_us = now_us - envelope->dispatched_us;
        tr_metric_observe_us(self->run_time, run_us);
        self->mean_run_us += (run_us - self->mean_run_us) / MEAN_WEIGHT;
    }
}

void tr_router_books_refused(tr_router_books_t *self, troupe_outcome_t outcome)
{
    tr_metric_add(self->outcomes[outcome], 1);
}

int64_t tr_router_books_wait_ms(const tr_router_books_t *self, size_t n_queued, size_t n_slots)
{
    int64_t wait_ms = self->mean_run_us * (int64_t)n_queued / (int64_t)n_slots / 1000;
    return wait_ms > 0 ? wait_ms : 1;
}
