/* supervisors/pings.h - how the pings of a supervisor's children ended, counted
 *
 * Each ping is counted once: as `ok` when its answer came before the next one was due, else
 * when that goes out, as `busy` if the child runs something and so cannot answer, or as
 * `missed`. One whose child ends meanwhile is not counted.
 */

#ifndef TROUPE_SUPERVISORS_PINGS_H
#define TROUPE_SUPERVISORS_PINGS_H

#include "base/metrics.h"
#include "supervisors/health.h"

typedef struct tr_pings {
    tr_metric_t *ok;
    tr_metric_t *busy;
    tr_metric_t *missed;
} tr_pings_t;

/* Without memory nothing is counted. */
void tr_pings_init(tr_pings_t *self, tr_metrics_t *metrics);

/* A pong of that number came; health does not know of it yet. */
void tr_pings_answered(const tr_pings_t *self, const tr_health_t *health, uint64_t number);

/* Another ping goes out; health does not know of it yet. */
void tr_pings_ask_again(const tr_pings_t *self, const tr_health_t *health, bool is_busy);

#endif
