/* What the governor shows: anybody may read it, nobody else writes it. */

#include <stdio.h>
#include <unistd.h>

#include "supervisors/governor_inside.h"

tr_pressure_t tr_pressure_of(uint64_t used, uint64_t budget)
{
    if (budget == UINT64_MAX) {
        return TR_PRESSURE_LOW;
    }
    double share = budget > 0 ? (double)used / (double)budget : used > 0 ? 1 : 0;
    return share < 0.5    ? TR_PRESSURE_LOW
           : share < 0.7  ? TR_PRESSURE_NORMAL
           : share < 0.85 ? TR_PRESSURE_HIGH
                          : TR_PRESSURE_CRITICAL;
}

static const char *pressure_name(tr_pressure_t pressure)
{
    static const char *const names[] = {"low", "normal", "high", "critical"};
    return names[pressure];
}

static tr_metric_t *gauge(tr_governor_t *self, const char *kind)
{
    return tr_metrics_series(self->self->runtime->metrics, TR_METRIC_GAUGE,
                             "troupe_memory_bytes", "Memory of the node and its workers",
                             (tr_label_t){"kind", kind}, (tr_label_t){0});
}

bool tr_governor_view_begin(tr_governor_t *self)
{
    self->metrics.budget = gauge(self, "budget");
    self->metrics.charged = gauge(self, "charged");
    self->metrics.measured = gauge(self, "measured");
    self->metrics.reserve = gauge(self, "reserve");
    self->metrics.pressure = tr_metrics_series(
        self->self->runtime->metrics, TR_METRIC_GAUGE, "troupe_memory_pressure",
        "How short memory is: 0 low, 1 normal, 2 high, 3 critical", (tr_label_t){0},
        (tr_label_t){0});
    return self->metrics.budget && self->metrics.charged && self->metrics.measured &&
           self->metrics.reserve && self->metrics.pressure;
}

void tr_governor_measure_self(tr_governor_t *self)
{
    unsigned long long size, resident;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file) {
        if (fscanf(file, "%llu %llu", &size, &resident) == 2) {
            self->own_bytes = (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
        }
        fclose(file);
    }
}

/* Of more than can be told: as much as can. */
static int64_t told(uint64_t bytes)
{
    return bytes < INT64_MAX ? (int64_t)bytes : INT64_MAX;
}

static int64_t told_budget(const tr_governor_t *self)
{
    uint64_t budget = self->holdings.ledgers[TR_MEMORY].limit;
    return budget == UINT64_MAX ? -1 : told(budget);
}

void tr_governor_show(tr_governor_t *self)
{
    tr_memory_view_t *view = &self->self->runtime->memory;
    uint64_t charged = self->holdings.ledgers[TR_MEMORY].charged;
    uint64_t measured = self->own_bytes + self->holdings.measured_bytes;
    uint64_t budget = self->holdings.ledgers[TR_MEMORY].limit;
    tr_pressure_t pressure = tr_pressure_of(charged > measured ? charged : measured, budget);
    atomic_store(&view->budget_bytes, told_budget(self));
    atomic_store(&view->charged_bytes, told(charged));
    atomic_store(&view->measured_bytes, told(measured));
    atomic_store(&view->residency_ms, self->spec->residency_ms);
    atomic_store(&view->pressure, (int)pressure);
    tr_metric_set(self->metrics.budget, told_budget(self));
    tr_metric_set(self->metrics.charged, told(charged));
    tr_metric_set(self->metrics.measured, told(measured));
    tr_metric_set(self->metrics.reserve, told(self->spec->reserve_bytes));
    tr_metric_set(self->metrics.pressure, (int64_t)pressure);
    if (pressure != self->pressure) {
        tr_event(self->self->runtime->events,
                 pressure == TR_PRESSURE_CRITICAL ? TR_LOG_WARNING : TR_LOG_INFO,
                 "memory_pressure", TR_TEXT("pressure", pressure_name(pressure)),
                 TR_TEXT("was", pressure_name(self->pressure)),
                 TR_NUMBER("charged", told(charged)), TR_NUMBER("measured", told(measured)),
                 TR_NUMBER("budget", told_budget(self)));
        self->pressure = pressure;
    }
}

void tr_governor_tell(tr_governor_t *self, const char *event, const char *capability,
                      const char *worker, uint64_t bytes, const char *cause, const char *whom)
{
    tr_field_t fields[8] = {
        TR_TEXT("capability", capability),
        TR_TEXT("worker", worker),
        TR_NUMBER("bytes", told(bytes)),
        TR_NUMBER("charged", told(self->holdings.ledgers[TR_MEMORY].charged)),
        TR_NUMBER("budget", told_budget(self)),
    };
    size_t n = 5;
    if (cause) {
        fields[n++] = TR_TEXT("cause", cause);
        fields[n++] = TR_TEXT("for", whom);
    }
    tr_events_tell(self->self->runtime->events, TR_LOG_INFO, event, fields, n);
}
