/* Only what its caller has marked as sampled is recorded, so the log grows as whoever traces
 * decides, and an ordinary request costs one look at a flag. */

#include "base/clock.h"
#include "base/log.h"
#include "base/trace.h"
#include "capabilities/router_inside.h"

void tr_router_trace(tr_router_t *router, const tr_envelope_t *envelope, const char *event,
                     const char *worker, const char *outcome)
{
    tr_trace_t trace;
    if (!envelope->is_traced || !tr_trace_parse(tr_span_of(envelope->traceparent), &trace)) {
        return;
    }
    int64_t now_us = tr_clock_now_us();
    int64_t begun_us = envelope->dispatched_us ? envelope->dispatched_us : now_us;
    tr_event(router->self->runtime->events, TR_LOG_INFO, event,
             TR_TEXT("trace", trace.trace_id), TR_TEXT("parent", trace.parent_id),
             TR_TEXT("capability", envelope->capability), TR_TEXT("method", envelope->method),
             TR_NUMBER("request", envelope->number), TR_TEXT("worker", worker),
             TR_TEXT("outcome", outcome), TR_NUMBER("attempt", envelope->n_lost + 1),
             TR_NUMBER("queue_us", begun_us - envelope->admitted_us),
             TR_NUMBER("run_us", now_us - begun_us));
}
