/* actors/worker/timers.h - what an actor wants to be told when
 *
 * Pure: told the time. One thread owns it.
 */

#ifndef TROUPE_ACTORS_WORKER_TIMERS_H
#define TROUPE_ACTORS_WORKER_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

#include <troupe/message.h>
#include <troupe/status.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/idmap.h"
#include "mailbox/mail.h"

typedef struct tr_timers {
    tr_heap_t by_due;
    tr_idmap_t by_id;
    uint64_t n_started;
} tr_timers_t;

/* One that is due. */
typedef struct tr_due {
    uint64_t id;
    tr_mail_t *tick; /* the caller's; NULL: it has none, or there was no memory for one more */
} tr_due_t;

void tr_timers_init(tr_timers_t *self);
void tr_timers_finish(tr_timers_t *self);

/* Start one under an id that no other has, due at `due_ms`, and then, if `period_ms` > 0, every
 * so often. With `message_p` (taken; NULL inside: an empty one) it brings a tick, which needs
 * no memory when it is due, but for a periodic one. TROUPE_EXISTS, TROUPE_ERR_NOMEM: the
 * message is gone. */
TROUPE_NODISCARD troupe_status_t tr_timers_start(tr_timers_t *self, uint64_t id, int64_t due_ms,
                                                 int64_t period_ms,
                                                 troupe_message_t **message_p);

/* False when there is none of that id. */
bool tr_timers_cancel(tr_timers_t *self, uint64_t id);

/* Let it be due at `now_ms`. False when there is none of that id. */
bool tr_timers_hasten(tr_timers_t *self, uint64_t id, int64_t now_ms);

size_t tr_timers_count(const tr_timers_t *self);

/* When the next one is due; TR_NEVER. */
static inline int64_t tr_timers_next_ms(const tr_timers_t *self);

/* Take the first one that is due, by time and then by start. A periodic one is started again:
 * it keeps its rhythm, and what it has missed is left out. False when none is. */
bool tr_timers_take_due(tr_timers_t *self, int64_t now_ms, tr_due_t *out);

/* ---- inside ---- */

int64_t tr_timers_due_of_first(const tr_timers_t *self);

/* Most actors have none, and are asked at each letter. */
static inline int64_t tr_timers_next_ms(const tr_timers_t *self)
{
    return self->by_due.n_items == 0 ? TR_NEVER : tr_timers_due_of_first(self);
}

#endif
