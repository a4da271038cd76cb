/* base/trace.h - what a traceparent says
 *
 * The header of W3C Trace Context, level 1: VERSION-TRACE-PARENT-FLAGS in lower-case hex. Of a
 * version yet to come only what looks like today's is read, as that standard asks.
 *
 * Pure. A traceparent comes from callers, so anything may be in it.
 */

#ifndef TROUPE_BASE_TRACE_H
#define TROUPE_BASE_TRACE_H

#include <stdbool.h>

#include "base/span.h"

typedef struct tr_trace {
    char trace_id[33];
    char parent_id[17];
    bool is_sampled; /* whoever began the trace wants it recorded */
} tr_trace_t;

/* False, and *out untouched, when it is none. */
bool tr_trace_parse(tr_span_t traceparent, tr_trace_t *out);

#endif
