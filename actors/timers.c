/* A heap by time, and a map by id for cancelling. */

#include "actors/timers.h"

#include <assert.h>
#include <stdlib.h>

typedef struct timer {
    uint64_t id;
    uint64_t order;
    int64_t due_ms;
    int64_t period_ms;
    troupe_message_t *message;
    size_t place;
} timer_item_t;

static bool is_before(const void *one, const void *other)
{
    const timer_item_t *a = one;
    const timer_item_t *b = other;
    return a->due_ms < b->due_ms || (a->due_ms == b->due_ms && a->order < b->order);
}

static size_t *place_of(void *item)
{
    return &((timer_item_t *)item)->place;
}

void tr_timers_init(tr_timers_t *self)
{
    assert(self);
    *self = (tr_timers_t){.n_started = 0};
    tr_heap_init(&self->by_due, is_before, place_of);
    tr_idmap_init(&self->by_id);
}

static void destroy(timer_item_t *timer)
{
    troupe_message_destroy(&timer->message);
    free(timer);
}

void tr_timers_finish(tr_timers_t *self)
{
    assert(self);
    uint64_t id;
    while (tr_idmap_any(&self->by_id, &id)) {
        tr_timers_cancel(self, id);
    }
    tr_idmap_finish(&self->by_id);
    tr_heap_finish(&self->by_due);
}

troupe_status_t tr_timers_start(tr_timers_t *self, uint64_t id, int64_t due_ms,
                                int64_t period_ms, troupe_message_t **message_p)
{
    assert(self && id > 0 && period_ms >= 0);
    troupe_message_t *message = message_p ? *message_p : NULL;
    if (message_p) {
        *message_p = NULL;
    }
    timer_item_t *timer = malloc(sizeof *timer);
    if (!timer) {
        troupe_message_destroy(&message);
        return TROUPE_ERR_NOMEM;
    }
    *timer = (timer_item_t){.id = id,
                            .order = ++self->n_started,
                            .due_ms = due_ms,
                            .period_ms = period_ms,
                            .message = message,
                            .place = TR_HEAP_NOWHERE};
    troupe_status_t status = tr_idmap_put(&self->by_id, id, timer);
    if (status == TROUPE_OK && (status = tr_heap_push(&self->by_due, timer)) != TROUPE_OK) {
        tr_idmap_take(&self->by_id, id);
    }
    if (status != TROUPE_OK) {
        destroy(timer);
    }
    return status;
}

bool tr_timers_cancel(tr_timers_t *self, uint64_t id)
{
    assert(self);
    timer_item_t *timer = tr_idmap_take(&self->by_id, id);
    if (timer) {
        tr_heap_remove(&self->by_due, timer);
        destroy(timer);
    }
    return timer != NULL;
}

int64_t tr_timers_next_ms(const tr_timers_t *self)
{
    assert(self);
    const timer_item_t *first = tr_heap_first(&self->by_due);
    return first ? first->due_ms : TR_NEVER;
}

/* The first moment of its rhythm that is still to come. */
static int64_t next_in_rhythm(const timer_item_t *timer, int64_t now_ms)
{
    int64_t n_missed = (now_ms - timer->due_ms) / timer->period_ms;
    return tr_clock_after(timer->due_ms, (n_missed + 1) * timer->period_ms);
}

bool tr_timers_take_due(tr_timers_t *self, int64_t now_ms, tr_due_t *out)
{
    assert(self && out);
    timer_item_t *timer = tr_heap_first(&self->by_due);
    if (!timer || timer->due_ms > now_ms) {
        return false;
    }
    tr_heap_remove(&self->by_due, timer);
    out->id = timer->id;
    if (timer->period_ms > 0) {
        out->message = timer->message ? troupe_message_share(timer->message) : NULL;
        timer->due_ms = next_in_rhythm(timer, now_ms);
        timer->order = ++self->n_started;
        if (tr_heap_push(&self->by_due, timer) == TROUPE_OK) { /* its place is still there */
            return true;
        }
        troupe_message_destroy(&out->message);
    }
    out->message = timer->message;
    timer->message = NULL;
    tr_idmap_take(&self->by_id, timer->id);
    destroy(timer);
    return true;
}
