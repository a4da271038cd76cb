/* A heap by time, and a map by id for cancelling. */

#include "actors/worker/timers.h"

#include <assert.h>

#include "base/slab.h"

typedef struct timer_item {
    uint64_t id;
    uint64_t order;
    int64_t due_ms;
    int64_t period_ms;
    tr_mail_t *tick; /* or NULL */
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

static void destroy_tick(tr_mail_t *tick)
{
    tr_letter_t *letter = tick ? &tick->letter : NULL;
    tr_letter_destroy(&letter);
}

static void destroy(timer_item_t *timer)
{
    destroy_tick(timer->tick);
    tr_slab_free(timer, sizeof *timer);
}

void tr_timers_finish(tr_timers_t *self)
{
    assert(self);
    for (size_t i = 0; i < self->by_id.n_slots; i++) {
        if (self->by_id.slots[i].item) {
            destroy(self->by_id.slots[i].item);
        }
    }
    tr_idmap_finish(&self->by_id);
    tr_heap_finish(&self->by_due);
}

static tr_mail_t *tick_with(uint64_t id, troupe_message_t **message_p)
{
    tr_mail_t *tick = tr_mail_new(message_p, NULL, NULL);
    if (tick) {
        tick->kind = TROUPE_MESSAGE_TICK;
        tick->number = id;
    }
    return tick;
}

/* Takes the tick. */
static timer_item_t *timer_new(uint64_t id, tr_mail_t *tick)
{
    timer_item_t *timer = tr_slab_alloc(sizeof *timer);
    if (timer) {
        *timer = (timer_item_t){.id = id, .tick = tick, .place = TR_HEAP_NOWHERE};
    } else {
        destroy_tick(tick);
    }
    return timer;
}

static troupe_status_t enter(tr_timers_t *self, timer_item_t *timer)
{
    troupe_status_t status = tr_idmap_put(&self->by_id, timer->id, timer);
    if (status == TROUPE_OK && (status = tr_heap_push(&self->by_due, timer)) != TROUPE_OK) {
        tr_idmap_take(&self->by_id, timer->id);
    }
    return status;
}

troupe_status_t tr_timers_start(tr_timers_t *self, uint64_t id, int64_t due_ms,
                                int64_t period_ms, troupe_message_t **message_p)
{
    assert(self && id > 0 && period_ms >= 0);
    tr_mail_t *tick = message_p ? tick_with(id, message_p) : NULL;
    if (message_p && !tick) {
        return TROUPE_ERR_NOMEM;
    }
    timer_item_t *timer = timer_new(id, tick);
    if (!timer) {
        return TROUPE_ERR_NOMEM;
    }
    timer->order = ++self->n_started;
    timer->due_ms = due_ms;
    timer->period_ms = period_ms;
    troupe_status_t status = enter(self, timer);
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

/* Into a heap that had one more a moment ago: that needs no memory. */
static void put_back(tr_timers_t *self, timer_item_t *timer, int64_t due_ms)
{
    timer->due_ms = due_ms;
    timer->order = ++self->n_started;
    troupe_status_t status = tr_heap_push(&self->by_due, timer);
    assert(status == TROUPE_OK);
    (void)status;
}

bool tr_timers_hasten(tr_timers_t *self, uint64_t id, int64_t now_ms)
{
    assert(self);
    timer_item_t *timer = tr_idmap_get(&self->by_id, id);
    if (timer) {
        tr_heap_remove(&self->by_due, timer);
        put_back(self, timer, now_ms);
    }
    return timer != NULL;
}

size_t tr_timers_count(const tr_timers_t *self)
{
    assert(self);
    return self->by_id.n_items;
}

/* The first moment of its rhythm that is still to come. */
static int64_t next_in_rhythm(const timer_item_t *timer, int64_t now_ms)
{
    int64_t n_missed = (now_ms - timer->due_ms) / timer->period_ms;
    return tr_clock_after(timer->due_ms + n_missed * timer->period_ms, timer->period_ms);
}

static tr_mail_t *one_more_tick(const timer_item_t *timer)
{
    troupe_message_t *share = timer->tick ? troupe_message_share(timer->tick->message) : NULL;
    return share ? tick_with(timer->id, &share) : NULL;
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
        out->tick = one_more_tick(timer);
        put_back(self, timer, next_in_rhythm(timer, now_ms));
    } else {
        out->tick = timer->tick;
        timer->tick = NULL;
        tr_idmap_take(&self->by_id, timer->id);
        destroy(timer);
    }
    return true;
}

int64_t tr_timers_due_of_first(const tr_timers_t *self)
{
    const timer_item_t *first = tr_heap_first(&self->by_due);
    return first ? first->due_ms : TR_NEVER;
}
