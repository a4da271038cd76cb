/* capabilities/router_books.h - what a router counts
 *
 * At every turn's end n_accepted == n_finished + n_waiting + n_running, each request that
 * shares a run counted by itself. Refused requests were never accepted; both kinds are in the
 * metrics by outcome.
 */

#ifndef TROUPE_CAPABILITIES_ROUTER_BOOKS_H
#define TROUPE_CAPABILITIES_ROUTER_BOOKS_H

#include "base/metrics.h"
#include "mailbox/envelope.h"

typedef struct tr_router_books {
    uint64_t n_accepted;
    uint64_t n_finished;
    uint64_t n_waiting;
    uint64_t n_running;
    int64_t mean_run_us; /* sliding */
    tr_metric_t *outcomes[TROUPE_N_OUTCOMES];
    tr_metric_t *run_time;
    tr_metric_t *queue_time;
    tr_metric_t *first_part_time;
    tr_metric_t *depth;
    tr_metric_t *pending;
    tr_metric_t *late;    /* answers that came after their request was over */
    tr_metric_t *retried; /* runs that began again */
    tr_metric_t *shared;  /* requests that joined a run */
    tr_metric_t *batches;
    tr_metric_t *circuit; /* the breaker: 0 closed, 1 open, 2 trying */
} tr_router_books_t;

/* TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_router_books_init(tr_router_books_t *self,
                                                      tr_metrics_t *metrics,
                                                      const char *capability);

void tr_router_books_dispatched(tr_router_books_t *self, const tr_envelope_t *envelope);
void tr_router_books_first_part(tr_router_books_t *self, const tr_envelope_t *envelope,
                                int64_t now_us);
void tr_router_books_finished(tr_router_books_t *self, const tr_envelope_t *envelope,
                              troupe_outcome_t outcome, int64_t now_us);
void tr_router_books_refused(tr_router_books_t *self, troupe_outcome_t outcome);

/* How long `n_queued` requests take `n_slots` slots, by the mean so far; at least 1 ms. */
int64_t tr_router_books_wait_ms(const tr_router_books_t *self, size_t n_queued, size_t n_slots);

#endif
