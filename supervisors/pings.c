#include "supervisors/pings.h"

#include <assert.h>

static tr_metric_t *series(tr_metrics_t *metrics, const char *result)
{
    return tr_metrics_series(metrics, TR_METRIC_COUNTER, "troupe_health_pings_total",
                             "Pings of workers and other actors by how they ended",
                             (tr_label_t){"result", result}, (tr_label_t){0});
}

void tr_pings_init(tr_pings_t *self, tr_metrics_t *metrics)
{
    assert(self && metrics);
    *self = (tr_pings_t){.ok = series(metrics, "ok"),
                         .busy = series(metrics, "busy"),
                         .missed = series(metrics, "missed")};
}

void tr_pings_answered(const tr_pings_t *self, const tr_health_t *health, uint64_t number)
{
    assert(self && health);
    if (number == health->sent && health->answered < number) {
        tr_metric_add(self->ok, 1);
    }
}

void tr_pings_ask_again(const tr_pings_t *self, const tr_health_t *health, bool is_busy)
{
    assert(self && health);
    if (health->answered < health->sent) {
        tr_metric_add(is_busy ? self->busy : self->missed, 1);
    }
}
