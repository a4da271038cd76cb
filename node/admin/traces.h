/* node/admin/traces.h - which actors are traced, and until when
 *
 * A trace ends by itself, so that nobody forgets one. One thread owns the list, the admin's.
 */

#ifndef TROUPE_NODE_ADMIN_TRACES_H
#define TROUPE_NODE_ADMIN_TRACES_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/event.h"
#include "mailbox/ref.h"

#define TR_TRACE_DEFAULT_MS ((int64_t)60 * 1000)
#define TR_TRACE_MOST_MS    ((int64_t)24 * 3600 * 1000)

typedef struct tr_trace_item tr_trace_item_t;

typedef struct tr_traces {
    tr_events_t *events;
    tr_trace_item_t *first;
    size_t n;
} tr_traces_t;

void tr_traces_init(tr_traces_t *self, tr_events_t *events);

/* Nobody is traced any more. */
void tr_traces_finish(tr_traces_t *self);

/* Trace the actor (shared) for so long from `now_ms`, in place of as long as was said before.
 *
 *   TROUPE_OK
 *   TROUPE_LIMIT      as many are traced as may be
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_traces_begin(tr_traces_t *self, troupe_ref_t *actor,
                                                 int64_t for_ms, int64_t now_ms);

/* False: it was not traced. */
bool tr_traces_end(tr_traces_t *self, troupe_ref_t *actor);

/* Whether the actor of that name is traced. */
bool tr_traces_have(const tr_traces_t *self, const char *actor);

/* End those whose time is over; returns when to be asked again. */
int64_t tr_traces_expire(tr_traces_t *self, int64_t now_ms);

#endif
